/* SPDX-License-Identifier: BSD-3-Clause */
/* Mbufs as the core's buffers, and who may hold how many. */
#include <string.h>

#include <rte_mempool.h>

#include "worker/worker.h"

/*
 * A slice's owner is one segment: a reference to it says nothing about the mbufs it was once chained to.
 */
void
tcp_buf_ref(void *owner)
{
	rte_mbuf_refcnt_update(owner, 1);
}

void
tcp_buf_free(void *owner)
{
	rte_pktmbuf_free_seg(owner);
}

uint32_t
buf_level(const struct rte_mempool *pool)
{
	struct rte_mempool *mp = (struct rte_mempool *)(uintptr_t)pool;
	const struct rte_mempool_cache *cache = rte_mempool_default_cache(mp, rte_lcore_id());

	return rte_mempool_get_ops(mp->ops_index)->get_count(mp) + (cache != NULL ? cache->len : 0);
}

void
buf_levels(struct ptcp_worker *w)
{
	w->rx_low = buf_level(w->rx_pool) < w->rx_spare / 2;
	w->tx_free = buf_level(w->hdr.pool);
	w->ctx.mem.scarce = w->rx_low || w->tx_free < 2 * w->tx_reserve;
	w->peer_pool = NULL;
}

bool
buf_pool_low(struct ptcp_worker *w, struct rte_mempool *pool)
{
	if (PTCP_LIKELY(pool == w->rx_pool))
		return w->rx_low;
	if (pool != w->peer_pool) {
		w->peer_pool = pool;
		w->peer_low = buf_level(pool) < pool->size / 4;
	}
	return w->peer_low;
}

/** The pool with most to spare for a copy; NULL when there is none. */
static struct rte_mempool *
copy_pool(const struct ptcp_worker *w, bool in_order)
{
	if (!w->rx_low)
		return w->rx_pool;
	/* Deeper than what is sent may go: that waits for the peer to read, this makes the peer's data readable. */
	return w->tx_free > (in_order ? w->tx_reserve / 2 : w->tx_reserve) ? w->hdr.pool : NULL;
}

bool
tcp_buf_copy(struct tcp_ctx *ctx, struct tcp_buf *payload, bool in_order)
{
	struct ptcp_worker *w =
			(struct ptcp_worker *)((uint8_t *)ctx - offsetof(struct ptcp_worker, ctx));
	uint8_t *data;

	/* Several small ones share an mbuf: one byte must not pin 2 kB. */
	if (w->copy == NULL || rte_pktmbuf_tailroom(w->copy) < payload->len) {
		struct rte_mempool *pool = copy_pool(w, in_order);
		struct rte_mbuf *m = pool != NULL ? rte_pktmbuf_alloc(pool) : NULL;

		if (m == NULL)
			return false;
		if (rte_pktmbuf_tailroom(m) < payload->len) {
			rte_pktmbuf_free(m);
			return false;
		}
		if (pool == w->hdr.pool)
			w->tx_free--;
		rte_pktmbuf_free(w->copy);
		w->copy = m;
	}
	data = rte_pktmbuf_mtod_offset(w->copy, uint8_t *, w->copy->data_len);
	memcpy(data, payload->data, payload->len);
	w->copy->data_len = (uint16_t)(w->copy->data_len + payload->len);
	w->copy->pkt_len = w->copy->data_len;
	rte_mbuf_refcnt_update(w->copy, 1);
	payload->data = data;
	payload->owner = w->copy;
	payload->size = payload->len;
	return true;
}

uint32_t
buf_spare(const struct ptcp_worker *w, const struct rte_mempool *pool)
{
	const struct rte_mbuf *m = w->copy;

	return m != NULL && m->pool == pool && rte_mbuf_refcnt_read(m) == 1;
}

struct rte_mbuf *
buf_data_alloc(struct ptcp_worker *w)
{
	struct rte_mbuf *m;

	if (w->tx_free <= w->tx_reserve)
		return NULL;
	m = rte_pktmbuf_alloc(w->hdr.pool);
	if (m != NULL)
		w->tx_free--;
	return m;
}
