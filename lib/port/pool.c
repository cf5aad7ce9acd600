/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/fmt.h"
#include "port/pool.h"

#define CACHE       256u
#define RETIRED_MAX (RTE_MAX_ETHPORTS * 8)

static struct rte_mempool *retired[RETIRED_MAX];

static uint64_t
pool_bytes(uint32_t n, uint16_t data_room)
{
	const uint32_t elt = (uint32_t)sizeof(struct rte_mbuf) + data_room;

	return (uint64_t)n * rte_mempool_calc_obj_size(elt, 0, NULL);
}

struct rte_mempool *
port_pool_create(const char *what, uint16_t port_id, uint32_t n, uint16_t data_room, int socket,
		char *err, size_t err_size)
{
	static unsigned int serial; /* a retired pool keeps its name */
	const uint32_t cache = n / 4 < CACHE ? n / 4 : CACHE;
	char name[RTE_MEMPOOL_NAMESIZE], count[FMT_NUM];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "ptcp_%s%u_%u", what, port_id, serial++);
	pool = rte_pktmbuf_pool_create(name, n, cache, 0, data_room, socket);
	if (pool == NULL && socket != SOCKET_ID_ANY)
		pool = rte_pktmbuf_pool_create(name, n, cache, 0, data_room, SOCKET_ID_ANY);
	if (pool == NULL)
		snprintf(err, err_size,
				"port %u: no memory for %s mbufs (%u MB; %s): more --no-huge -m, "
				"hugepages, or fewer mbufs",
				port_id, fmt_num(n, count),
				(unsigned int)((pool_bytes(n, data_room) + 999999) / 1000000),
				rte_strerror(rte_errno));
	return pool;
}

void
port_pool_retire(struct rte_mempool *pool)
{
	unsigned int i = 0;

	if (pool == NULL)
		return;
	while (i < RETIRED_MAX && retired[i] != NULL)
		i++;
	/* No place: it leaks, which is better than memory that is freed and still in use. */
	if (i < RETIRED_MAX)
		retired[i] = pool;
}

void
port_pool_sweep(void)
{
	for (unsigned int i = 0; i < RETIRED_MAX; i++) {
		if (retired[i] == NULL || !rte_mempool_full(retired[i]))
			continue;
		rte_mempool_free(retired[i]);
		retired[i] = NULL;
	}
}
