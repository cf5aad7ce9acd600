/* SPDX-License-Identifier: BSD-3-Clause */
/* The send queue, and the end of all queues. */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ send queue */

uint32_t
tcp_snd_bound(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	uint32_t bound = ctx->conf.snd_buf;

	/* A window's worth in flight, and as much to follow it. */
	if (ctx->conf.snd_buf_max > bound && tcp_synchronized(tcb->state) &&
			2 * tcb->cwnd > bound && !tcp_mem_short(ctx))
		bound = 2 * tcb->cwnd < ctx->conf.snd_buf_max ? 2 * tcb->cwnd :
								ctx->conf.snd_buf_max;
	return tcp_mem_bound(ctx, tcb->mss, bound);
}

uint32_t
tcp_send_room(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const uint32_t bound = tcp_snd_bound(ctx, tcb);
	const struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return bound;
	/* Slices that waste most of their buffers are bound by those. */
	if (b->snd_bytes >= bound || b->snd_mem / 4 >= bound)
		return 0;
	return bound - b->snd_bytes;
}

/** Whether the user may SEND in this state (RFC 9293 section 3.10.2). */
static int
send_allowed(const struct tcp_tcb *tcb)
{
	switch (tcb->state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		return (tcb->flags & TF_FIN_QUEUED) != 0 ? -EPIPE : 0;
	case TCP_CLOSED:
	case TCP_LISTEN:
		return -ENOTCONN;
	default:
		return -EPIPE;
	}
}

static bool
slice_ok(const struct tcp_buf *buf)
{
	return buf->len != 0 && buf->len <= TCP_SLICE_MAX;
}

/** Append one slice. @return false: no node */
static bool
append(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_buf *buf)
{
	const bool synchronized = tcp_synchronized(tcb->state);
	const bool first = b->snd_head == PTCP_NIL && synchronized;
	uint32_t index = PTCP_NIL;

	/* Before ESTABLISHED nobody has a right to the last of anything: two ends would refuse each other's SYN for want of it. */
	if (synchronized || ctx->mem.used < ctx->mem.high)
		index = tcp_node_new(ctx, first ? TCP_FOR_SEND_FIRST : TCP_FOR_SEND, buf,
				tcp_snd_end(ctx, tcb));
	if (index == PTCP_NIL)
		return false;
	ctx->mem.snd_nodes++;
	b->snd_mem += tcp_node_mem(tcp_node_at(ctx, index));
	if (b->snd_tail == PTCP_NIL)
		b->snd_head = index;
	else
		tcp_node_at(ctx, b->snd_tail)->next = index;
	b->snd_tail = index;
	if (b->snd_cur == PTCP_NIL)
		b->snd_cur = index;
	b->snd_bytes += buf->len;
	return true;
}

/** Not now: an ACK of what is queued brings the writable event. */
static int
put_off(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcb->flags |= TF_WANT_WRITE;
	if (tcp_mem_short(ctx))
		tcp_count(ctx, COUNTER_SENDS_PUT_OFF);
	return -EAGAIN;
}

int
tcp_send(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_buf *buf, unsigned int n)
{
	struct tcp_block *b;
	unsigned int i;
	int rc = send_allowed(tcb);

	if (rc != 0)
		return rc;
	if (n == 0 || !slice_ok(&buf[0]))
		return -EINVAL;
	if (tcp_send_room(ctx, tcb) == 0)
		return put_off(ctx, tcb);
	b = tcp_block_need(
			ctx, tcb, tcp_synchronized(tcb->state) ? TCP_FOR_SEND_FIRST : TCP_FOR_SEND);
	if (b == NULL)
		return -ENOBUFS;
	/* The user waits from here on, though it may take a while until it can be sent. */
	if (b->snd_bytes == 0)
		b->cc.moved = ctx->now_ms;
	for (i = 0; i < n && slice_ok(&buf[i]) && tcp_send_room(ctx, tcb) > 0; i++) {
		if (!append(ctx, tcb, b, &buf[i]))
			break;
	}
	if (i == 0 && b->snd_bytes > 0)
		return put_off(ctx, tcb);
	if (i == 0) {
		tcp_block_trim(ctx, tcb);
		return -ENOBUFS;
	}
	if (i < n)
		tcb->flags |= TF_WANT_WRITE;
	if (tcp_synchronized(tcb->state))
		tcp_want_output(ctx, tcb, OUT_DATA);
	return (int)i;
}

struct tcp_buf *
tcp_send_tail(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	struct tcp_node *tail;

	if (b == NULL || b->snd_tail == PTCP_NIL || send_allowed(tcb) != 0)
		return NULL;
	tail = tcp_node_at(ctx, b->snd_tail);
	/* A byte that was sent must not share its memory with one that may still change. */
	return tail->seq == tcb->snd_nxt || seq_gt(tail->seq, tcb->snd_nxt) ? &tail->buf : NULL;
}

void
tcp_send_grown(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t n)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	struct tcp_buf *buf;

	PTCP_ASSERT(b != NULL && b->snd_tail != PTCP_NIL);
	buf = &tcp_node_at(ctx, b->snd_tail)->buf;
	buf->len += n;
	b->snd_bytes += n;
	if (buf->len > buf->size) {
		tcp_mem_add(ctx, buf->len - buf->size);
		b->snd_mem += buf->len - buf->size;
		buf->size = buf->len;
	}
	if (tcp_synchronized(tcb->state))
		tcp_want_output(ctx, tcb, OUT_DATA);
}

/** The first slice of the queue goes. */
static void
head_free(struct tcp_ctx *ctx, struct tcp_block *b)
{
	const uint32_t head = b->snd_head;

	b->snd_head = tcp_node_at(ctx, head)->next;
	if (b->snd_cur == head)
		b->snd_cur = b->snd_head;
	if (b->rec.hint == head)
		b->rec.hint = PTCP_NIL;
	if (b->snd_head == PTCP_NIL)
		b->snd_tail = PTCP_NIL;
	b->snd_mem -= tcp_node_free(ctx, head);
	ctx->mem.snd_nodes--;
}

void
tcp_sndq_ack(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t n)
{
	PTCP_ASSERT(n <= b->snd_bytes);
	b->snd_bytes -= n;
	while (n > 0) {
		struct tcp_node *node = tcp_node_at(ctx, b->snd_head);

		if (n < node->buf.len) {
			node->buf.data += n;
			node->buf.len -= n;
			node->seq += n;
			return;
		}
		n -= node->buf.len;
		PTCP_ASSERT(b->snd_cur != b->snd_head || n == 0);
		head_free(ctx, b);
	}
}

uint32_t
tcp_sndq_at(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq)
{
	uint32_t i = b->snd_cur;

	/* New data begins at the cursor; what is sent again is searched from the head, or from where the last one was. */
	if (i != PTCP_NIL && seq_geq(seq, tcp_node_at(ctx, i)->seq) &&
			seq_in(seq, tcp_node_at(ctx, i)->seq, tcp_node_at(ctx, i)->buf.len))
		return i;
	i = b->rec.hint;
	if (i == PTCP_NIL || seq_lt(seq, tcp_node_at(ctx, i)->seq))
		i = b->snd_head;
	for (; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (seq_in(seq, node->seq, node->buf.len))
			return i;
	}
	return PTCP_NIL;
}

/* ------------------------------------------------------------------ the end */

void
tcp_queues_purge(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return;
	tcp_rcvq_purge(ctx, tcb);
	while (b->snd_head != PTCP_NIL)
		head_free(ctx, b);
	b->snd_bytes = 0;
	tcp_block_put(ctx, tcb);
}

void
tcp_purge(struct tcp_ctx *ctx)
{
	/* A TCB in the pool has no block, so the used ones need not be told apart. */
	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++)
		tcp_queues_purge(ctx, tcp_at(ctx, i));
}
