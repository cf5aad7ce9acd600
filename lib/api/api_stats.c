/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics: read from any thread while the worker writes, each number at once, not all at the same time. */
#include <errno.h>
#include <string.h>

#include "api/api.h"

static uint64_t
load(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

unsigned int
ptcp_counter_count(void)
{
	return COUNTER_MAX;
}

const char *
ptcp_counter_name(unsigned int i)
{
	return counter_name(i);
}

const char *
ptcp_counter_text(unsigned int i)
{
	return counter_text(i);
}

uint64_t
ptcp_counter_get(const struct ptcp_worker *w, unsigned int i)
{
	return i < COUNTER_MAX ? load(&w->counters.n[i]) : 0;
}

uint64_t
ptcp_counter_by_name(const struct ptcp_worker *w, const char *name)
{
	for (unsigned int i = 0; i < COUNTER_MAX; i++)
		if (strcmp(counter_name(i), name) == 0)
			return ptcp_counter_get(w, i);
	return 0;
}

unsigned int
ptcp_drop_count(void)
{
	return DROP_MAX;
}

const char *
ptcp_drop_name(unsigned int i)
{
	return drop_name(i);
}

const char *
ptcp_drop_text(unsigned int i)
{
	return drop_text(i);
}

uint64_t
ptcp_drop_get(const struct ptcp_worker *w, unsigned int i)
{
	return i < DROP_MAX ? load(&w->counters.drop[i]) : 0;
}

uint32_t
ptcp_state_count(const struct ptcp_worker *w, enum ptcp_state state)
{
	if (state == PTCP_TIME_WAIT)
		return timewait_count(w->ctx.timewait);
	if ((unsigned int)state >= TCP_STATE_MAX)
		return 0;
	return __atomic_load_n(&w->ctx.n_state[state], __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ pools */

static void
of_pool(const struct pool *p, size_t extra, struct ptcp_pool_info *info)
{
	info->size = p->size;
	info->used = __atomic_load_n(&p->n_used, __ATOMIC_RELAXED);
	info->peak = __atomic_load_n(&p->peak, __ATOMIC_RELAXED);
	info->bytes = (size_t)p->size * (p->stride + extra);
}

/** @p stock: taken from the pool and not yet used for anything */
static void
of_mbufs(const struct rte_mempool *mp, uint32_t stock, struct ptcp_pool_info *info)
{
	const uint32_t used = rte_mempool_in_use_count(mp);

	info->size = mp->size;
	info->used = used > stock ? used - stock : 0;
	info->bytes = (size_t)mp->size * (mp->header_size + mp->elt_size + mp->trailer_size);
}

static struct timewait_conf
timewait_conf(const struct tcp_conf *conf)
{
	return (struct timewait_conf){.max = conf->max_timewait,
			.duration_ms = 2 * conf->msl_ms,
			.ipv6 = conf->ipv6};
}

static struct port_conf
port_conf(const struct tcp_conf *conf)
{
	return (struct port_conf){.max_sets = conf->max_dests,
			.first = conf->port_first,
			.last = conf->port_last};
}

static void
of_timewait(const struct ptcp_worker *w, struct ptcp_pool_info *info)
{
	const struct timewait_conf conf = timewait_conf(&w->ctx.conf);

	info->size = timewait_max(w->ctx.timewait);
	info->used = timewait_count(w->ctx.timewait);
	info->bytes = timewait_size(&conf);
}

static void
of_ports(const struct ptcp_worker *w, struct ptcp_pool_info *info)
{
	const struct port_conf conf = port_conf(&w->ctx.conf);
	const uint64_t size = (uint64_t)conf.max_sets * (uint32_t)(conf.last - conf.first + 1);

	info->size = (uint32_t)RTE_MIN(size, (uint64_t)UINT32_MAX);
	info->used = port_count(w->ctx.ports);
	info->bytes = port_size(&conf);
}

int
ptcp_pool_info(const struct ptcp_worker *w, unsigned int i, struct ptcp_pool_info *info)
{
	static const char *const names[] = {"tcb", "block", "node", "timewait", "port", "mbuf_rx",
			"mbuf_tx", "mbuf_indirect", "half_open", "range", "neighbour_held"};

	if (i >= PTCP_ARRAY_SIZE(names))
		return -ENOENT;
	*info = (struct ptcp_pool_info){.name = names[i]};
	switch (i) {
	case 0:
		of_pool(&w->ctx.tcb_pool, w->ctx.raddr6 != NULL ? sizeof(struct ip_addr) : 0, info);
		break;
	case 1:
		of_pool(&w->ctx.block_pool, 0, info);
		break;
	case 2:
		of_pool(&w->ctx.node_pool, 0, info);
		break;
	case 3:
		of_timewait(w, info);
		break;
	case 4:
		of_ports(w, info);
		break;
	case 5:
		of_mbufs(w->rx_pool, buf_spare(w, w->rx_pool), info);
		info->at_start = w->rx_at_start;
		info->bytes = 0; /* the port's */
		break;
	case 6:
		of_mbufs(w->hdr.pool, w->hdr.n + buf_spare(w, w->hdr.pool), info);
		break;
	case 7:
		of_mbufs(w->ind.pool, w->ind.n, info);
		break;
	case 8:
		of_pool(&w->ctx.half_pool, w->ctx.half_raddr6 != NULL ? sizeof(struct ip_addr) : 0,
				info);
		break;
	case 9:
		of_pool(&w->ctx.range_pool, 0, info);
		break;
	default:
		info->size = NEIGH_MAX * NEIGH_HOLD_MAX;
		info->used = w->n_held;
		break;
	}
	return 0;
}
