/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive queue: RECEIVE, text in order, and how large the buffer is. */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ RECEIVE */

uint32_t
tcp_recv_bytes(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	return b != NULL ? b->rcv_bytes : 0;
}

unsigned int
tcp_recv(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_buf *buf, unsigned int n)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	unsigned int got = 0;

	if (b == NULL)
		return 0;
	for (uint32_t i = b->rcv_head; i != PTCP_NIL && got < n; i = tcp_node_at(ctx, i)->next)
		buf[got++] = tcp_node_at(ctx, i)->buf;
	return got;
}

int
tcp_recv_done(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t len)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (len == 0)
		return 0;
	if (b == NULL || len > b->rcv_bytes)
		return -EINVAL;
	b->rcv_bytes -= len;
	while (len > 0) {
		struct tcp_node *node = tcp_node_at(ctx, b->rcv_head);
		const uint32_t head = b->rcv_head;

		if (len < node->buf.len) {
			node->buf.data += len;
			node->buf.len -= len;
			node->seq += len;
			break;
		}
		len -= node->buf.len;
		b->rcv_head = node->next;
		if (b->rcv_head == PTCP_NIL)
			b->rcv_tail = PTCP_NIL;
		b->rcv_mem -= tcp_node_free(ctx, head);
	}
	/* FIN and end were held back until the last byte is read. */
	if (b->rcv_bytes == 0 && tcb->events != 0)
		tcp_want_event(ctx, tcb, 0);
	/* After its FIN the peer has no use for a window; it may even be gone. */
	if (tcp_synchronized(tcb->state) && (tcb->flags & TF_FIN_RCVD) == 0 &&
			tcp_window_worth_update(ctx, tcb))
		tcp_want_output(ctx, tcb, OUT_ACK);
	tcp_block_trim(ctx, tcb);
	return 0;
}

void
tcp_rcvq_purge(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return;
	tcp_nodes_free(ctx, b->rcv_head);
	b->rcv_head = b->rcv_tail = PTCP_NIL;
	b->rcv_bytes = b->rcv_mem = 0;
	tcp_reass_purge(ctx, b);
}

/* ------------------------------------------------------------------ text */

static void
delivered(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t len, uint32_t mem)
{
	b->rcv_bytes += len;
	b->rcv_mem += mem;
	tcb->rcv_nxt += len;
	ctx->counters->n[COUNTER_BYTES_IN] += len;
}

/** Whether text should join what waits already instead of keeping a buffer of its own from other use. */
static bool
to_pack(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b,
		uint32_t len)
{
	if (PTCP_LIKELY(b->rcv_tail == PTCP_NIL))
		return false;
	if (len <= TCP_COPY_MAX)
		return true;
	return PTCP_UNLIKELY(b->rcv_mem / 2 > ctx->conf.rcv_buf) &&
			b->rcv_mem / 2 > tcp_rcv_bound(ctx, tcb);
}

/** Move the payload of @p seg behind the last octet in order. @return false: no memory */
static bool
append(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_seg *seg)
{
	const bool first = b->rcv_tail == PTCP_NIL;
	struct tcp_buf buf = seg->payload;
	bool copied = false;
	uint32_t index;

	if (PTCP_UNLIKELY(buf.owner == NULL) || to_pack(ctx, tcb, b, buf.len)) {
		copied = tcp_buf_copy(ctx, &buf, true);
		if (buf.owner == NULL)
			return false;
		if (copied && !first) {
			const uint32_t mem = tcp_node_join(ctx, b->rcv_tail, &buf);

			if (mem != 0) {
				delivered(ctx, tcb, b, buf.len, mem);
				return true;
			}
		}
	}
	index = tcp_node_new(ctx, first ? TCP_FOR_RECV_FIRST : TCP_FOR_RECV, &buf, tcb->rcv_nxt);
	if (PTCP_UNLIKELY(index == PTCP_NIL)) {
		if (copied)
			tcp_buf_free(buf.owner);
		return false;
	}
	if (!copied)
		seg->payload.owner = NULL;
	if (first)
		b->rcv_head = index;
	else
		tcp_node_at(ctx, b->rcv_tail)->next = index;
	b->rcv_tail = index;
	delivered(ctx, tcb, b, buf.len, tcp_node_mem(tcp_node_at(ctx, index)));
	return true;
}

static enum drop_reason
in_order(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_seg *seg)
{
	/* Slices that could not be packed, many times what their octets come to: reading makes room, as with a full window. */
	if (PTCP_UNLIKELY(b->rcv_mem / 4 > ctx->conf.rcv_buf) &&
			b->rcv_mem / 4 > tcp_rcv_bound(ctx, tcb))
		return DROP_TCP_NO_BLOCK;
	/* Nobody's text out of order is worth more than the text that its sender is stuck at. */
	for (unsigned int i = 0; PTCP_UNLIKELY(!append(ctx, tcb, b, seg)); i++) {
		if (i == TCP_PRUNE_MAX || !tcp_greedy_prune(ctx, b))
			return DROP_TCP_NO_BLOCK;
	}
	if (PTCP_UNLIKELY(b->ooo_root != PTCP_NIL))
		tcp_reass_collect(ctx, tcb, b);
	if (ctx->conf.rcv_buf_max > ctx->conf.rcv_buf)
		tcp_tune(ctx, tcb, seg);
	tcp_want_event(ctx, tcb, EV_READABLE);
	return DROP_NONE;
}

enum drop_reason
tcp_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const bool ordered = seg->seq == tcb->rcv_nxt;
	struct tcp_block *b =
			tcp_block_need(ctx, tcb, ordered ? TCP_FOR_RECV_FIRST : TCP_FOR_REASS);
	enum drop_reason reason;

	if (PTCP_UNLIKELY(b == NULL))
		return DROP_TCP_NO_BLOCK;
	if (PTCP_LIKELY(ordered)) {
		reason = in_order(ctx, tcb, b, seg);
	} else {
		reason = tcp_reass_insert(ctx, tcb, b, seg);
		if (reason == DROP_NONE)
			tcp_count(ctx, COUNTER_OUT_OF_ORDER);
	}
	if (PTCP_UNLIKELY(reason != DROP_NONE))
		tcp_block_trim(ctx, tcb);
	return reason;
}

/* ------------------------------------------------------------------ the size of the buffer */

/** Without regard to scarce memory. */
static uint32_t
grown(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const uint32_t least = ctx->conf.rcv_buf;
	const uint32_t most = ctx->conf.rcv_buf_max;

	if (most <= least || !tcp_synchronized(tcb->state))
		return least;
	return least + (uint32_t)((uint64_t)(most - least) * tcb->rcv_level / UINT8_MAX);
}

uint32_t
tcp_rcv_bound(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return tcp_mem_bound(ctx, tcb->mss, grown(ctx, tcb));
}

/** What the user has read of the stream, in units of the window. */
static uint16_t
read_pos(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return (uint16_t)((tcb->rcv_nxt - tcp_recv_bytes(ctx, tcb)) >> (tcb->wscale & 15));
}

void
tcp_tune_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcb->rcv_level = 0;
	tcb->tune_pos = read_pos(ctx, tcb);
	tcb->tune_when = (uint16_t)ctx->now_ms;
}

/**
 * Whether a round trip has gone by since the round began: the segment echoes a timestamp that we sent later, or, without
 * timestamps, as much time as a round trip takes our own segments.
 */
static bool
round_over(const struct tcp_tcb *tcb, const struct tcp_seg *seg, uint16_t age)
{
	if ((tcb->flags & TF_TS) != 0)
		return (int16_t)((uint16_t)(seg->ts_ecr - tcb->ts_offset) - tcb->tune_when) > 0;
	return age > 0 && age >= tcb->srtt / 1000;
}

void
tcp_tune(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint16_t age = (uint16_t)((uint16_t)ctx->now_ms - tcb->tune_when);
	const uint32_t least = ctx->conf.rcv_buf;
	const uint32_t range = ctx->conf.rcv_buf_max - least;
	uint32_t want, level;
	uint16_t pos;

	/* After a long silence the 16-bit times say nothing: the round begins anew. */
	if (age < TCP_TUNE_MS && !round_over(tcb, seg, age))
		return;
	pos = read_pos(ctx, tcb);
	/* As much again as was read, so that a sender whose window doubles each round is not held back. */
	want = 2 * ((uint32_t)(uint16_t)(pos - tcb->tune_pos) << (tcb->wscale & 15));
	tcb->tune_pos = pos;
	tcb->tune_when = (uint16_t)ctx->now_ms;
	if (age >= TCP_TUNE_MS || want <= grown(ctx, tcb) || tcp_mem_short(ctx))
		return;
	level = want - least >= range ?
			UINT8_MAX :
			(uint32_t)(((uint64_t)(want - least) * UINT8_MAX + range - 1) / range);
	tcb->rcv_level = (uint8_t)level;
	tcp_count(ctx, COUNTER_RCV_BUF_GROWN);
}
