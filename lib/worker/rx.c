/* SPDX-License-Identifier: BSD-3-Clause */
/* From the port to the core: parse, look up, hand over. */
#include <rte_ethdev.h>

#include "wire/wire.h"
#include "worker/worker.h"

/**
 * The same packet in one segment, behind a header that only we refer to.
 * @return NULL when that cannot be; @p m is freed in any case where it is not returned
 */
static PTCP_COLD struct rte_mbuf *
linear(struct ptcp_worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	/* The room behind the data of a shared or attached mbuf may be somebody's. */
	if (RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && rte_pktmbuf_linearize(m) == 0)
		return m;
	copy = rte_pktmbuf_copy(m, w->rx_pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (copy != NULL && copy->nb_segs != 1) {
		rte_pktmbuf_free(copy);
		copy = NULL;
	}
	return copy;
}

PTCP_STATIC_ASSERT((RTE_MBUF_F_RX_L4_CKSUM_NONE & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0 &&
				(RTE_MBUF_F_RX_L4_CKSUM_BAD & RTE_MBUF_F_RX_L4_CKSUM_GOOD) == 0 &&
				(RTE_MBUF_F_RX_IP_CKSUM_NONE & RTE_MBUF_F_RX_IP_CKSUM_GOOD) != 0 &&
				(RTE_MBUF_F_RX_IP_CKSUM_BAD & RTE_MBUF_F_RX_IP_CKSUM_GOOD) == 0,
		"one bit says that a checksum need not be verified");

static enum drop_reason
rx_tcp(struct ptcp_worker *w, struct rte_mbuf *m, uint8_t *l3, const struct ip_view *ip,
		uint16_t laddr)
{
	struct tcp_seg *seg = &w->seg[w->n_seg];
	/* Its bit is in ..._NONE as well: vouched for by the port though nobody filled the field in (a guest's own frames) */
	const bool verified = w->rx_tcp_cksum && (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0;
	const enum drop_reason reason = wire_parse_tcp(l3, ip, verified, seg);

	if (PTCP_UNLIKELY(reason != DROP_NONE))
		return reason;
	if (PTCP_UNLIKELY((seg->opts & TCP_OPT_WSCALE_HUGE) != 0))
		worker_warn_wscale(w);
	seg->laddr = laddr;
	seg->neigh = NEIGH_NONE;
	w->seg_mbuf[w->n_seg++] = m;
	return DROP_NONE;
}

static enum drop_reason
rx_ip4(struct ptcp_worker *w, struct rte_mbuf *m, uint8_t *l3, uint32_t len)
{
	const bool verified = w->rx_ip_cksum && (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD) != 0;
	struct ip_view ip;
	uint16_t laddr;
	enum drop_reason reason = ip4_parse(l3, len, verified, &ip);

	if (PTCP_UNLIKELY(reason != DROP_NONE))
		return reason;
	if (PTCP_UNLIKELY(laddr_is_broadcast(&w->laddr, &ip.src)))
		return DROP_IP_SRC;
	laddr = laddr_find(&w->laddr, IP_V4, &ip.dst);
	if (PTCP_UNLIKELY(laddr == LADDR_NONE))
		return DROP_IP_NOT_OURS;
	if (PTCP_UNLIKELY(laddr_find(&w->laddr, IP_V4, &ip.src) != LADDR_NONE))
		return DROP_IP_LAND;
	if (PTCP_LIKELY(ip.proto == IP_PROTO_TCP))
		return rx_tcp(w, m, l3, &ip, laddr);
	return ip.proto == IP_PROTO_ICMP ? link_icmp(w, l3, &ip, laddr) : DROP_IP_PROTO;
}

static enum drop_reason
rx_ip6(struct ptcp_worker *w, struct rte_mbuf *m, uint8_t *l3, uint32_t len)
{
	struct ip_view ip;
	uint16_t laddr;
	enum drop_reason reason = ip6_parse(l3, len, &ip);

	if (PTCP_UNLIKELY(reason != DROP_NONE))
		return reason;
	laddr = laddr_find(&w->laddr, IP_V6, &ip.dst);
	if (PTCP_UNLIKELY(laddr == LADDR_NONE))
		return DROP_IP_NOT_OURS;
	if (PTCP_UNLIKELY(laddr_find(&w->laddr, IP_V6, &ip.src) != LADDR_NONE))
		return DROP_IP_LAND;
	/* XXX: neighbour discovery is not there yet, so no IPv6 next hop is ever known. */
	return ip.proto == IP_PROTO_TCP ? rx_tcp(w, m, l3, &ip, laddr) : DROP_IP_PROTO;
}

/** One frame, in one segment. A TCP segment joins w->seg, all else is dealt with. */
static enum drop_reason
rx_frame(struct ptcp_worker *w, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	const uint32_t len = m->data_len;
	struct eth_view eth;
	enum drop_reason reason = eth_parse(p, len, &eth);
	bool ours;

	if (PTCP_UNLIKELY(reason != DROP_NONE))
		return reason;
	if (PTCP_UNLIKELY(eth.vlan != ETH_VLAN_NONE))
		return DROP_VLAN_UNEXPECTED;
	ours = eth_mac_equal(eth.dst, w->mac);
	if (PTCP_UNLIKELY(eth.type == ETH_TYPE_ARP)) {
		if (!ours && !eth_is_broadcast(eth.dst))
			return DROP_ETH_NOT_OURS;
		return link_arp(w, p + eth.l2_len, len - eth.l2_len, eth.src);
	}
	/* One of our addresses behind a group MAC: silently discarded (RFC 1122 section 3.3.6). */
	if (PTCP_UNLIKELY(!ours))
		return DROP_ETH_NOT_OURS;
	if (PTCP_LIKELY(eth.type == ETH_TYPE_IPV4))
		return rx_ip4(w, m, p + eth.l2_len, len - eth.l2_len);
	return rx_ip6(w, m, p + eth.l2_len, len - eth.l2_len);
}

static void
rx_packet(struct ptcp_worker *w, struct rte_mbuf *m)
{
	const uint32_t n_seg = w->n_seg;
	enum drop_reason reason;

	if (PTCP_UNLIKELY(m->nb_segs != 1)) {
		m = linear(w, m);
		if (m == NULL) {
			worker_drop(w, DROP_MBUF_SHAPE);
			return;
		}
	}
	reason = rx_frame(w, m);
	if (PTCP_UNLIKELY(w->n_seg == n_seg)) {
		if (reason != DROP_NONE)
			worker_drop(w, reason);
		rte_pktmbuf_free(m);
	}
}

uint32_t
rx_burst(struct ptcp_worker *w)
{
	const uint32_t n = rte_eth_rx_burst(w->port_id, w->queue_id, w->rx, WORKER_BURST);
	uint32_t i;

	w->n_seg = 0;
	if (n == 0)
		return 0;
	w->counters.n[COUNTER_PACKETS_IN] += n;
	for (i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(w->rx[i], void *));
		/* Timestamps reach beyond the first line. */
		rte_prefetch0(rte_pktmbuf_mtod_offset(w->rx[i], void *, PTCP_CACHE_LINE));
	}
	for (i = 0; i < n; i++)
		rx_packet(w, w->rx[i]);
	return n;
}

void
rx_look_up(struct ptcp_worker *w)
{
	uint32_t i;

	for (i = 0; i < w->n_seg; i++) {
		tcp_hash(&w->ctx, &w->seg[i]);
		tcp_prefetch(&w->ctx, &w->seg[i]);
	}
	for (i = 0; i < w->n_seg; i++)
		tcp_prefetch_tcb(&w->ctx, &w->seg[i]);
}

/** SEGMENT ARRIVES, and the user's trace sees it as it came. */
static PTCP_COLD void
arrive_traced(struct ptcp_worker *w, struct tcp_seg *seg)
{
	const struct tcp_seg as_it_came = *seg;

	(void)tcp_segment_arrives(&w->ctx, seg);
	w->trace(w, &as_it_came, PTCP_NIL, as_it_came.payload.len, false, false);
}

/** @return whether the core took over @p m */
static bool
arrive(struct ptcp_worker *w, struct tcp_seg *seg, struct rte_mbuf *m)
{
	bool lent = false;

	/* Where the pool runs low it stays ours: the core makes a copy of what it keeps. */
	if (seg->payload.len > 0 && PTCP_LIKELY(!buf_pool_low(w, m->pool))) {
		seg->payload.owner = m;
		seg->payload.size = buf_size(m);
		lent = true;
	}
	if (PTCP_UNLIKELY(w->trace != NULL))
		arrive_traced(w, seg);
	else
		(void)tcp_segment_arrives(&w->ctx, seg);
	return lent && seg->payload.owner == NULL;
}

void
rx_arrive(struct ptcp_worker *w)
{
	uint32_t n_left = 0;

	for (uint32_t i = 0; i < w->n_seg; i++) {
		struct rte_mbuf *m = w->seg_mbuf[i];

		if (!arrive(w, &w->seg[i], m))
			w->seg_mbuf[n_left++] = m;
	}
	if (n_left > 0)
		rte_pktmbuf_free_bulk(w->seg_mbuf, n_left);
}
