/* SPDX-License-Identifier: BSD-3-Clause */
/* From the core to the port: headers, payload, next hop, burst. */
#include <string.h>

#include <rte_ethdev.h>

#include "wire/cksum.h"
#include "wire/tcp_hdr.h"
#include "worker/worker.h"

#define STOCK_AHEAD 4u /* headers between the prefetching of their lines and their writing */

/** Fill the stock up. @return whether there are at least @p need */
static PTCP_NOINLINE bool
refill(struct worker_stock *s, uint32_t need)
{
	if (rte_mempool_get_bulk(s->pool, (void **)&s->m[s->n], WORKER_STOCK - s->n) == 0) {
		for (uint32_t i = s->n; i < WORKER_STOCK; i++) {
			ptcp_prefetch_write(s->m[i]);
			ptcp_prefetch_write((const uint8_t *)s->m[i] + PTCP_CACHE_LINE);
		}
		while (s->n < WORKER_STOCK)
			rte_pktmbuf_reset(s->m[s->n++]);
		return true;
	}
	/* Bulk is all or nothing: take the last ones singly. */
	while (s->n < need) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(s->pool);

		if (m == NULL)
			return false;
		s->m[s->n++] = m;
	}
	return true;
}

static inline bool
stocked(struct worker_stock *s, uint32_t need)
{
	return PTCP_LIKELY(s->n >= need) || refill(s, need);
}

/** Soon the next header is written: its lines come from the core that read the last packet in them. */
static inline void
prefetch_ahead(const struct worker_stock *s)
{
	const uint8_t *p;

	if (PTCP_UNLIKELY(s->n < STOCK_AHEAD))
		return;
	p = rte_pktmbuf_mtod(s->m[s->n - STOCK_AHEAD], const uint8_t *);
	ptcp_prefetch_write(p);
	ptcp_prefetch_write(p + PTCP_CACHE_LINE); /* timestamps reach beyond the first line */
}

struct rte_mbuf *
tx_header(struct ptcp_worker *w)
{
	if (PTCP_UNLIKELY(!stocked(&w->hdr, 1))) {
		worker_count(w, COUNTER_NO_HEADER_MBUF);
		return NULL;
	}
	return w->hdr.m[--w->hdr.n];
}

/* ------------------------------------------------------------------ the port's queue */

/** Have the port check what it has not seen yet; what it cannot send must not block the rest. */
static void
prepare(struct ptcp_worker *w)
{
	while (w->n_prepared < w->n_tx) {
		struct rte_mbuf **from = &w->tx[w->n_prepared];
		const uint16_t n = (uint16_t)(w->n_tx - w->n_prepared);
		const uint16_t ok = rte_eth_tx_prepare(w->port_id, w->queue_id, from, n);

		w->n_prepared += ok;
		if (PTCP_LIKELY(ok == n))
			return;
		worker_drop(w, DROP_TX_REFUSED);
		rte_pktmbuf_free(from[ok]);
		memmove(&from[ok], &from[ok + 1], (size_t)(n - ok - 1) * sizeof(struct rte_mbuf *));
		w->n_tx--;
	}
}

/** The port took @p n and left some. Without a link it may take none for ever: then TCP's own timers must do. */
static PTCP_COLD void
left(struct ptcp_worker *w, uint32_t n)
{
	memmove(&w->tx[0], &w->tx[n], w->n_tx * sizeof(struct rte_mbuf *));
	if (n > 0) {
		w->tx_stalled = 0;
	} else if (w->tx_stalled == 0) {
		w->tx_stalled = w->ctx.now;
	} else if (w->ctx.now - w->tx_stalled >= WORKER_TX_STALL_US) {
		w->counters.drop[DROP_TX_FULL] += w->n_tx;
		rte_pktmbuf_free_bulk(w->tx, w->n_tx);
		w->n_tx = w->n_prepared = 0;
		w->tx_stalled = 0;
	}
}

void
tx_flush(struct ptcp_worker *w)
{
	uint32_t n;

	if (w->n_tx == 0)
		return;
	if (w->tx_tcp_cksum)
		prepare(w);
	n = rte_eth_tx_burst(w->port_id, w->queue_id, w->tx, (uint16_t)w->n_tx);
	w->n_sent += n;
	w->counters.n[COUNTER_PACKETS_OUT] += n;
	w->n_tx -= n;
	w->n_prepared = w->n_prepared > n ? w->n_prepared - n : 0;
	if (PTCP_UNLIKELY(w->n_tx > 0))
		left(w, n);
	else
		w->tx_stalled = 0;
}

void
tx_append(struct ptcp_worker *w, struct rte_mbuf *m)
{
	if (PTCP_UNLIKELY(w->n_tx == WORKER_TX_MAX)) {
		tx_flush(w);
		if (w->n_tx == WORKER_TX_MAX) {
			worker_drop(w, DROP_TX_FULL);
			rte_pktmbuf_free(m);
			return;
		}
	}
	w->tx[w->n_tx++] = m;
}

/* ------------------------------------------------------------------ next hop */

static uint16_t
drop(struct ptcp_worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	worker_drop(w, reason);
	rte_pktmbuf_free(m);
	return NEIGH_NONE;
}

/** The next hop is not known: ask for it, and let the packet wait. */
static PTCP_COLD uint16_t
wait_for_hop(struct ptcp_worker *w, struct rte_mbuf *m, uint16_t i, uint8_t family, uint16_t laddr,
		const struct ip_addr *hop)
{
	if (i == NEIGH_NONE) {
		i = neigh_resolve(w->neigh, (enum ip_family)family, hop, laddr, w->ctx.now,
				link_held_drop, w);
		w->neigh_when = 0; /* ask in this turn */
	}
	if (neigh_at(w->neigh, i)->state == NEIGH_FAILED)
		return drop(w, m, DROP_NEIGH_FAILED);
	if (neigh_hold(w->neigh, i, m) != 0)
		return drop(w, m, DROP_NEIGH_FULL);
	w->n_held++;
	return i;
}

uint16_t
tx_route(struct ptcp_worker *w, struct rte_mbuf *m, uint8_t family, uint16_t laddr,
		const struct ip_addr *dst, uint16_t hint)
{
	const struct neigh_entry *e;
	struct ip_addr hop;
	uint16_t i;

	if (PTCP_UNLIKELY(laddr_next_hop(&w->laddr, laddr, dst, &hop) != 0))
		return drop(w, m, DROP_NO_ROUTE);
	i = neigh_find(w->neigh, (enum ip_family)family, &hop, hint);
	if (PTCP_UNLIKELY(i == NEIGH_NONE))
		return wait_for_hop(w, m, i, family, laddr, &hop);
	e = neigh_at(w->neigh, i);
	if (PTCP_UNLIKELY(e->state != NEIGH_REACHABLE && e->state != NEIGH_PROBE))
		return wait_for_hop(w, m, i, family, laddr, &hop);
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), e->mac, ETH_MAC_LEN);
	tx_append(w, m);
	return i;
}

/* ------------------------------------------------------------------ segments */

/** Payload behind the header in the same mbuf. */
static void
copy_slices(struct rte_mbuf *m, uint8_t *p, const struct tcp_buf *slice, uint32_t n, uint32_t len)
{
	for (uint32_t i = 0; i < n; i++) {
		memcpy(p, slice[i].data, slice[i].len);
		p += slice[i].len;
	}
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len = m->data_len;
}

/** Payload where it lies: an indirect mbuf a slice, which holds a reference to the slice's owner. */
static void
chain_slices(struct ptcp_worker *w, struct rte_mbuf *m, const struct tcp_buf *slice, uint32_t n,
		uint32_t len)
{
	struct rte_mbuf *last = m;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *ind = w->ind.m[--w->ind.n];

		rte_pktmbuf_attach(ind, slice[i].owner);
		ind->data_off = (uint16_t)(slice[i].data - (const uint8_t *)ind->buf_addr);
		ind->data_len = (uint16_t)slice[i].len;
		last->next = ind;
		last = ind;
	}
	m->nb_segs = (uint16_t)(1 + n);
	m->pkt_len += len;
}

static void
checksums(struct ptcp_worker *w, struct rte_mbuf *m, uint8_t *l3, uint32_t l3_len, uint32_t l4_len,
		const struct tcp_seg *seg, const struct tcp_buf *slice, uint32_t n, uint32_t len)
{
	uint8_t *l4 = l3 + l3_len;

	if (!w->tx_tcp_cksum) {
		tcp_cksum_fill(l4, l4_len, seg, slice, n);
		return;
	}
	tcp_cksum_seed(l4, l4_len + len, seg);
	m->l2_len = ETH_HDR_LEN;
	m->l3_len = l3_len & 0x1FF;
	m->l4_len = l4_len & 0xFF;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM |
			(seg->family == IP_V4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
	if (seg->family == IP_V4 && w->tx_ip_cksum) {
		memset(l3 + 10, 0, 2);
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	}
}

/** Build a segment and send it on its way. @return the neighbour's index, or NEIGH_NONE */
static uint16_t
send_segment(struct ptcp_worker *w, const struct tcp_seg *seg, const struct tcp_buf *slice,
		uint32_t n, uint32_t len)
{
	static const uint8_t unknown[ETH_MAC_LEN];
	struct rte_mbuf *m = w->hdr.m[--w->hdr.n];
	uint8_t *l2 = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *l3 = l2 + ETH_HDR_LEN;
	const uint32_t l4_len = tcp_hdr_len(seg);
	const uint8_t tos = (uint8_t)(seg->dscp << 2 | seg->ecn);
	uint32_t l3_len;

	prefetch_ahead(&w->hdr);
	if (PTCP_LIKELY(seg->family == IP_V4)) {
		l3_len = ip4_build(l3, &seg->src, &seg->dst, IP_PROTO_TCP, w->ip_id++, l4_len + len,
				tos, seg->ttl);
		eth_build(l2, unknown, w->mac, ETH_TYPE_IPV4, ETH_VLAN_NONE);
	} else {
		l3_len = ip6_build(l3, &seg->src, &seg->dst, IP_PROTO_TCP, 0, l4_len + len, tos,
				seg->ttl);
		eth_build(l2, unknown, w->mac, ETH_TYPE_IPV6, ETH_VLAN_NONE);
	}
	(void)tcp_build(l3 + l3_len, seg);
	m->data_len = (uint16_t)(ETH_HDR_LEN + l3_len + l4_len);
	m->pkt_len = m->data_len;
	checksums(w, m, l3, l3_len, l4_len, seg, slice, n, len);
	if (len <= WORKER_COPY_MAX || n >= w->tx_segs_max)
		copy_slices(m, l3 + l3_len + l4_len, slice, n, len);
	else
		chain_slices(w, m, slice, n, len);
	return tx_route(w, m, seg->family, seg->laddr, &seg->dst, seg->neigh);
}

/** The port or the pools have to be asked. @return whether whatever the core gives out next can be sent */
static PTCP_NOINLINE bool
make_ready(struct ptcp_worker *w)
{
	if (w->n_tx >= WORKER_TX_MAX - WORKER_TX_RESERVE) {
		tx_flush(w);
		if (w->n_tx >= WORKER_TX_MAX - WORKER_TX_RESERVE) {
			worker_count(w, COUNTER_TX_WAIT);
			return false;
		}
	}
	if (stocked(&w->hdr, 1) && (w->tx_segs_max == 1 || stocked(&w->ind, TCP_SLICES_MAX)))
		return true;
	worker_count(w, COUNTER_NO_HEADER_MBUF);
	return false;
}

/** Whether whatever the core gives out next can be sent. */
static inline bool
ready(struct ptcp_worker *w)
{
	if (PTCP_LIKELY(w->n_tx < WORKER_TX_MAX - WORKER_TX_RESERVE && w->hdr.n > 0 &&
			    w->ind.n >= TCP_SLICES_MAX))
		return true;
	return make_ready(w);
}

/** Segments of TCB @p index, until it has no more or we can't. @return false: we can't */
static bool
output_tcb(struct ptcp_worker *w, uint32_t index)
{
	struct tcp_out *out = &w->out;

	while (ready(w)) {
		uint16_t neigh;

		if (!tcp_output(&w->ctx, index, out))
			return true;
		if (PTCP_UNLIKELY(w->trace != NULL))
			w->trace(w, &out->seg, index, out->len, true, out->rexmt);
		neigh = send_segment(w, &out->seg, out->slice, out->n_slices, out->len);
		if (PTCP_UNLIKELY(neigh != out->seg.neigh))
			tcp_at(&w->ctx, index)->id.aux = neigh;
	}
	return false;
}

void
tx_output(struct ptcp_worker *w)
{
	const struct tcp_seg *seg;
	uint32_t index;

	while (ready(w) && (seg = tcp_reply_next(&w->ctx)) != NULL) {
		if (PTCP_UNLIKELY(w->trace != NULL))
			w->trace(w, seg, PTCP_NIL, 0, true, tcp_reply_again(&w->ctx));
		(void)send_segment(w, seg, NULL, 0, 0);
	}
	while ((index = tcp_output_next(&w->ctx)) != PTCP_NIL && output_tcb(w, index))
		;
}
