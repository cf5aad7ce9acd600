/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "base/compiler.h"
#include "base/fmt.h"
#include "port/pool.h"
#include "port/port.h"

#define DESCRIPTORS  1024u
#define SPARE_MBUFS  8192u /* RX pool: what may be held beyond the ring */
#define LINK_WAIT_MS 2000u
#define LINK_STEP_MS 10u
#define DRAIN_BURSTS 4096u
#define RX_CKSUM     (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define TX_CKSUM     (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
#define RSS_TCP      (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

struct port {
	struct port_info info;
	struct port_queue *queue; /* NULL: not started */
};

static struct port ports[RTE_MAX_ETHPORTS];

static __attribute__((format(printf, 4, 5))) int
fail(char *err, size_t err_size, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, err_size, format, args);
	va_end(args);
	return rc;
}

/** The setup with its defaults filled in, checked against what the port can. */
static int
check(struct port_setup *s, struct rte_eth_dev_info *dev, char *err, size_t err_size)
{
	const uint16_t id = s->port_id;
	char a[FMT_NUM], b[FMT_NUM];
	uint32_t queues, mtu_max;
	int rc;

	if (!rte_eth_dev_is_valid_port(id))
		return fail(err, err_size, -ENODEV, "port %u: there is no such port (%u found)", id,
				rte_eth_dev_count_avail());
	if (ports[id].queue != NULL)
		return fail(err, err_size, -EBUSY, "port %u: started already", id);
	rc = rte_eth_dev_info_get(id, dev);
	if (rc != 0)
		return fail(err, err_size, rc, "port %u: no device information: %s", id,
				rte_strerror(-rc));
	if (s->n_queues == 0)
		s->n_queues = 1;
	queues = RTE_MIN((uint32_t)dev->max_rx_queues, (uint32_t)dev->max_tx_queues);
	queues = RTE_MIN(queues, PORT_QUEUES_MAX);
	if (s->n_queues > queues)
		return fail(err, err_size, -EINVAL, "port %u: n_queues: %u: must be 1 to %u", id,
				s->n_queues, queues);
	mtu_max = RTE_MIN(dev->max_mtu, PORT_MTU_MAX);
	if (s->mtu != 0 && (s->mtu < PORT_MTU_MIN || s->mtu > mtu_max))
		return fail(err, err_size, -EINVAL, "port %u: mtu: %s: must be %u to %s", id,
				fmt_num(s->mtu, a), PORT_MTU_MIN, fmt_num(mtu_max, b));
	if (eth_is_multicast(s->mac))
		return fail(err, err_size, -EINVAL, "port %u: mac: must not be a group address",
				id);
	if (s->n_rxd == 0)
		s->n_rxd = DESCRIPTORS;
	if (s->n_txd == 0)
		s->n_txd = DESCRIPTORS;
	return 0;
}

/**
 * net_tap fills TCP checksums in by software, mbuf by mbuf, and forgets to swap bytes behind one of odd length (seen in
 * DPDK 22.11): a chain with such a part leaves with a wrong sum. Ours cost the same and are right.
 */
static bool
sums_chains_wrong(const char *driver)
{
	return driver != NULL && strcmp(driver, "net_tap") == 0;
}

/** rte_eth_dev_configure() with what of our wishes the port offers. */
static int
configure(const struct port_setup *s, const struct rte_eth_dev_info *dev, struct port_info *info,
		char *err, size_t err_size)
{
	struct rte_eth_conf conf = {0};
	uint16_t mtu = s->mtu;
	int rc;

	if (mtu == 0 && (rte_eth_dev_get_mtu(s->port_id, &mtu) != 0 || mtu < PORT_MTU_MIN))
		mtu = RTE_ETHER_MTU;
	conf.rxmode.mtu = (uint32_t)RTE_MIN(mtu, PORT_MTU_MAX);
	conf.rxmode.offloads = dev->rx_offload_capa & RX_CKSUM;
	conf.txmode.offloads = dev->tx_offload_capa & (TX_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	if (sums_chains_wrong(dev->driver_name))
		conf.txmode.offloads &= ~(uint64_t)RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	if (s->n_queues > 1 && (dev->flow_type_rss_offloads & RSS_TCP) != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = dev->flow_type_rss_offloads & RSS_TCP;
	}
	rc = rte_eth_dev_configure(s->port_id, s->n_queues, s->n_queues, &conf);
	if (rc != 0)
		return fail(err, err_size, rc, "port %u: cannot be configured: %s", s->port_id,
				rte_strerror(-rc));
	info->n_rxd = s->n_rxd;
	info->n_txd = s->n_txd;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(s->port_id, &info->n_rxd, &info->n_txd);
	if (rc != 0)
		return fail(err, err_size, rc, "port %u: no descriptors: %s", s->port_id,
				rte_strerror(-rc));
	info->mtu = (uint16_t)conf.rxmode.mtu;
	info->n_queues = s->n_queues;
	info->rx_ip_cksum = (conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	info->rx_tcp_cksum = (conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
	info->tx_ip_cksum = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
	info->tx_tcp_cksum = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
	info->tx_multi_seg = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	info->tx_segs_max = dev->tx_desc_lim.nb_mtu_seg_max != 0 ? dev->tx_desc_lim.nb_mtu_seg_max :
								   UINT16_MAX;
	if (!info->tx_multi_seg)
		info->tx_segs_max = 1;
	return 0;
}

/** Data room for a whole packet of @p mtu, so that one mbuf always holds it. */
static uint16_t
data_room(uint16_t mtu)
{
	const uint32_t need = RTE_PKTMBUF_HEADROOM + ETH_HDR_MAX + (uint32_t)mtu;

	PTCP_STATIC_ASSERT(RTE_PKTMBUF_HEADROOM + ETH_HDR_MAX + PORT_MTU_MAX <= UINT16_MAX,
			"data_room is 16 bits");
	return (uint16_t)RTE_MAX(need, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
}

static int
queue_setup(struct port *p, const struct port_setup *s, uint16_t q, char *err, size_t err_size)
{
	const struct port_info *info = &p->info;
	const uint32_t least = info->n_rxd + 64u;
	const uint32_t n = s->n_mbufs != 0 ? s->n_mbufs : info->n_rxd + SPARE_MBUFS;
	const unsigned int socket = (unsigned int)info->socket_id;
	char a[FMT_NUM], b[FMT_NUM];
	int rc;

	if (n < least)
		return fail(err, err_size, -EINVAL,
				"port %u: n_mbufs: %s: must be at least %s (%u RX descriptors)",
				s->port_id, fmt_num(n, a), fmt_num(least, b), info->n_rxd);
	p->queue[q].rx_pool = port_pool_create(
			"rx", s->port_id, n, data_room(info->mtu), info->socket_id, err, err_size);
	if (p->queue[q].rx_pool == NULL)
		return -ENOMEM;
	rc = rte_eth_rx_queue_setup(s->port_id, q, info->n_rxd, socket, NULL, p->queue[q].rx_pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(s->port_id, q, info->n_txd, socket, NULL);
	if (rc != 0)
		return fail(err, err_size, rc, "port %u: queue %u cannot be set up: %s", s->port_id,
				q, rte_strerror(-rc));
	return 0;
}

static int
mtu_set(const struct port_setup *s, const struct rte_eth_dev_info *dev, char *err, size_t err_size)
{
	char a[FMT_NUM], b[FMT_NUM];
	int rc;

	if (s->mtu == 0)
		return 0;
	rc = rte_eth_dev_set_mtu(s->port_id, s->mtu);
	/* A port without an MTU of its own passes whatever fits its limits, which were checked. */
	if (rc == 0 || rc == -ENOTSUP)
		return 0;
	return fail(err, err_size, rc, "port %u: mtu: %s: %s; the driver says %u to %s", s->port_id,
			fmt_num(s->mtu, a), rte_strerror(-rc), dev->min_mtu,
			fmt_num(RTE_MIN(dev->max_mtu, PORT_MTU_MAX), b));
}

/** The MAC that we answer to; promiscuous where the port would filter it away. */
static void
mac_set(const struct port_setup *s, struct port_info *info)
{
	struct rte_ether_addr own = {0}, mac;

	(void)rte_eth_macaddr_get(s->port_id, &own);
	memcpy(mac.addr_bytes, s->mac, ETH_MAC_LEN);
	if (rte_is_zero_ether_addr(&mac))
		mac = own;
	if (rte_is_zero_ether_addr(&mac))
		mac = (struct rte_ether_addr){
				.addr_bytes = {0x02, 'p', 't', 'c', 'p', (uint8_t)s->port_id}};
	memcpy(info->mac, mac.addr_bytes, ETH_MAC_LEN);
	if (rte_is_same_ether_addr(&mac, &own))
		return;
	/* A port that can neither take the address nor be promiscuous has no filter: net_ring and the like. */
	if (rte_eth_dev_default_mac_addr_set(s->port_id, &mac) != 0)
		(void)rte_eth_promiscuous_enable(s->port_id);
}

static void
link_wait(uint16_t port_id)
{
	struct rte_eth_link link = {0};

	for (unsigned int ms = 0; ms < LINK_WAIT_MS; ms += LINK_STEP_MS) {
		if (rte_eth_link_get_nowait(port_id, &link) != 0 ||
				link.link_status == RTE_ETH_LINK_UP)
			return;
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
	}
}

static void
pools_retire(struct port *p)
{
	for (uint16_t q = 0; q < p->info.n_queues; q++) {
		port_pool_retire(p->queue[q].rx_pool);
		port_pool_retire(p->queue[q].tx_pool);
		port_pool_retire(p->queue[q].ind_pool);
	}
	free(p->queue);
	p->queue = NULL;
	port_pool_sweep();
}

static int
queues_start(struct port *p, const struct port_setup *s, const struct rte_eth_dev_info *dev,
		char *err, size_t err_size)
{
	int rc = 0;

	for (uint16_t q = 0; q < s->n_queues && rc == 0; q++)
		rc = queue_setup(p, s, q, err, err_size);
	if (rc == 0)
		rc = mtu_set(s, dev, err, err_size);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_start(s->port_id);
	if (rc != 0)
		return fail(err, err_size, rc, "port %u: cannot be started: %s", s->port_id,
				rte_strerror(-rc));
	return 0;
}

int
port_start(const struct port_setup *setup, struct port_info *info, char *err, size_t err_size)
{
	struct port_setup s = *setup;
	struct rte_eth_dev_info dev = {0};
	struct port *p;
	int rc = check(&s, &dev, err, err_size);

	if (rc != 0)
		return rc;
	p = &ports[s.port_id];
	p->info = (struct port_info){
			.port_id = s.port_id,
			.socket_id = port_socket(s.port_id),
	};
	snprintf(p->info.driver, sizeof(p->info.driver), "%s", dev.driver_name);
	(void)rte_eth_dev_get_name_by_port(s.port_id, p->info.name);
	rc = configure(&s, &dev, &p->info, err, err_size);
	if (rc != 0)
		return rc;
	p->queue = calloc(s.n_queues, sizeof(*p->queue));
	if (p->queue == NULL)
		return fail(err, err_size, -ENOMEM, "port %u: no memory for its queues", s.port_id);
	rc = queues_start(p, &s, &dev, err, err_size);
	if (rc != 0) {
		pools_retire(p);
		return rc;
	}
	mac_set(&s, &p->info);
	link_wait(s.port_id);
	if (info != NULL)
		*info = p->info;
	return 0;
}

static struct port *
port_at(uint16_t port_id)
{
	return port_id < RTE_MAX_ETHPORTS && ports[port_id].queue != NULL ? &ports[port_id] : NULL;
}

int
port_info_get(uint16_t port_id, struct port_info *info)
{
	const struct port *p = port_at(port_id);

	if (p == NULL)
		return -ENODEV;
	*info = p->info;
	return 0;
}

/** Packets that wait in memory (net_ring) would keep their pools from being freed. */
static void
drain(const struct port *p)
{
	struct rte_mbuf *m[32];
	uint16_t n;

	for (uint16_t q = 0; q < p->info.n_queues; q++) {
		for (unsigned int i = 0; i < DRAIN_BURSTS; i++) {
			n = rte_eth_rx_burst(p->info.port_id, q, m, RTE_DIM(m));
			if (n == 0)
				break;
			rte_pktmbuf_free_bulk(m, n);
		}
	}
}

int
port_stop(uint16_t port_id)
{
	struct port *p = port_at(port_id);

	if (p == NULL)
		return -ENODEV;
	for (uint16_t q = 0; q < p->info.n_queues; q++)
		if (p->queue[q].taken)
			return -EBUSY;
	drain(p);
	(void)rte_eth_dev_stop(port_id);
	(void)rte_eth_dev_close(port_id);
	pools_retire(p);
	return 0;
}

struct port_queue *
port_queue_take(uint16_t port_id, uint16_t queue_id, uint32_t n_tx_mbufs, char *err,
		size_t err_size)
{
	struct port *p = port_at(port_id);
	struct port_queue *q;
	uint32_t n_ind;

	if (p == NULL || queue_id >= p->info.n_queues) {
		fail(err, err_size, 0, "port %u: queue %u is not there, or the port not started",
				port_id, queue_id);
		return NULL;
	}
	q = &p->queue[queue_id];
	if (q->taken) {
		fail(err, err_size, 0, "port %u: queue %u has a worker already", port_id, queue_id);
		return NULL;
	}
	/* A worker of another size was here before. */
	if (q->tx_pool != NULL && q->tx_pool->size != n_tx_mbufs) {
		port_pool_retire(q->tx_pool);
		q->tx_pool = NULL;
		port_pool_sweep();
	}
	/* Each stands in a descriptor, in the worker's own array or in a neighbour's queue. */
	n_ind = 2u * p->info.n_txd + SPARE_MBUFS;
	if (q->tx_pool == NULL)
		q->tx_pool = port_pool_create("tx", port_id, n_tx_mbufs, data_room(p->info.mtu),
				p->info.socket_id, err, err_size);
	if (q->tx_pool != NULL && q->ind_pool == NULL)
		q->ind_pool = port_pool_create(
				"ind", port_id, n_ind, 0, p->info.socket_id, err, err_size);
	if (q->tx_pool == NULL || q->ind_pool == NULL)
		return NULL;
	q->taken = true;
	return q;
}

void
port_queue_release(struct port_queue *q)
{
	q->taken = false;
}
