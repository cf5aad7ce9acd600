/* SPDX-License-Identifier: BSD-3-Clause */
/* The on-demand block and its three lists of slices: send queue, receive queue, reassembly. */
#include "tcp/tcp_impl.h"

struct tcp_block *
tcp_block_need(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b;

	if (tcb->blk != PTCP_NIL)
		return tcp_block(ctx, tcb);
	tcb->blk = pool_get(&ctx->block_pool);
	if (tcb->blk == PTCP_NIL)
		return NULL;
	b = tcp_block(ctx, tcb);
	*b = (struct tcp_block){
			.snd_head = PTCP_NIL,
			.snd_tail = PTCP_NIL,
			.snd_cur = PTCP_NIL,
			.rcv_head = PTCP_NIL,
			.rcv_tail = PTCP_NIL,
			.ooo_head = PTCP_NIL,
	};
	tcp_cc_start(ctx, tcb, b);
	return b;
}

static void
node_free(struct tcp_ctx *ctx, uint32_t index)
{
	tcp_buf_free(tcp_node_at(ctx, index)->buf.owner);
	pool_put(&ctx->node_pool, index);
}

void
tcp_nodes_free(struct tcp_ctx *ctx, uint32_t head)
{
	while (head != PTCP_NIL) {
		const uint32_t next = tcp_node_at(ctx, head)->next;

		node_free(ctx, head);
		head = next;
	}
}

static uint32_t
node_new(struct tcp_ctx *ctx, const struct tcp_buf *buf, uint32_t seq)
{
	const uint32_t index = pool_get(&ctx->node_pool);

	if (index != PTCP_NIL)
		*tcp_node_at(ctx, index) = (struct tcp_node){PTCP_NIL, seq, *buf};
	return index;
}

void
tcp_block_trim(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL || b->snd_bytes != 0 || b->rcv_bytes != 0 || b->ooo_head != PTCP_NIL)
		return;
	if (tcb->snd_una != tcb->snd_nxt || (tcb->flags & (TF_FIN_AHEAD | TF_RECOVERY)) != 0)
		return;
	tcp_cc_stop(tcb, b);
	pool_put(&ctx->block_pool, tcb->blk);
	tcb->blk = PTCP_NIL;
}

void
tcp_rcvq_purge(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return;
	tcp_nodes_free(ctx, b->rcv_head);
	tcp_nodes_free(ctx, b->ooo_head);
	b->rcv_head = b->rcv_tail = b->ooo_head = PTCP_NIL;
	b->rcv_bytes = b->ooo_bytes = b->ooo_nodes = 0;
}

void
tcp_queues_purge(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return;
	tcp_rcvq_purge(ctx, tcb);
	tcp_nodes_free(ctx, b->snd_head);
	pool_put(&ctx->block_pool, tcb->blk);
	tcb->blk = PTCP_NIL;
}

void
tcp_purge(struct tcp_ctx *ctx)
{
	/* A TCB in the pool has no block, so the used ones need not be told apart. */
	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++)
		tcp_queues_purge(ctx, tcp_at(ctx, i));
}

/* ------------------------------------------------------------------ send queue */

uint32_t
tcp_send_room(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t used = b != NULL ? b->snd_bytes : 0;

	return used < ctx->conf.snd_buf ? ctx->conf.snd_buf - used : 0;
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
	if (tcp_send_room(ctx, tcb) == 0) {
		tcb->flags |= TF_WANT_WRITE;
		return -EAGAIN;
	}
	b = tcp_block_need(ctx, tcb);
	if (b == NULL)
		return -ENOBUFS;
	for (i = 0; i < n && slice_ok(&buf[i]) && tcp_send_room(ctx, tcb) > 0; i++) {
		const uint32_t index = node_new(ctx, &buf[i], tcp_snd_end(ctx, tcb));

		if (index == PTCP_NIL)
			break;
		if (b->snd_tail == PTCP_NIL)
			b->snd_head = index;
		else
			tcp_node_at(ctx, b->snd_tail)->next = index;
		b->snd_tail = index;
		if (b->snd_cur == PTCP_NIL)
			b->snd_cur = index;
		b->snd_bytes += buf[i].len;
	}
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

	PTCP_ASSERT(b != NULL && b->snd_tail != PTCP_NIL);
	tcp_node_at(ctx, b->snd_tail)->buf.len += n;
	b->snd_bytes += n;
	if (tcp_synchronized(tcb->state))
		tcp_want_output(ctx, tcb, OUT_DATA);
}

void
tcp_sndq_ack(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t n)
{
	PTCP_ASSERT(n <= b->snd_bytes);
	b->snd_bytes -= n;
	while (n > 0) {
		struct tcp_node *node = tcp_node_at(ctx, b->snd_head);
		const uint32_t head = b->snd_head;

		if (n < node->buf.len) {
			node->buf.data += n;
			node->buf.len -= n;
			node->seq += n;
			return;
		}
		n -= node->buf.len;
		PTCP_ASSERT(b->snd_cur != head || n == 0);
		if (b->snd_cur == head)
			b->snd_cur = node->next;
		b->snd_head = node->next;
		if (b->snd_head == PTCP_NIL)
			b->snd_tail = PTCP_NIL;
		node_free(ctx, head);
	}
}

uint32_t
tcp_sndq_at(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq)
{
	uint32_t i = b->snd_cur;

	/* New data begins at the cursor; what is sent again is searched from the head, where it most often lies. */
	if (i != PTCP_NIL && seq_geq(seq, tcp_node_at(ctx, i)->seq) &&
			seq_in(seq, tcp_node_at(ctx, i)->seq, tcp_node_at(ctx, i)->buf.len))
		return i;
	for (i = b->snd_head; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (seq_in(seq, node->seq, node->buf.len))
			return i;
	}
	return PTCP_NIL;
}

/* ------------------------------------------------------------------ receive queue */

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
		node_free(ctx, head);
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

/** Move the slice of @p seg behind the last byte in order. */
static bool
append(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_buf *buf)
{
	const uint32_t index = node_new(ctx, buf, tcb->rcv_nxt);

	if (index == PTCP_NIL)
		return false;
	buf->owner = NULL;
	if (b->rcv_tail == PTCP_NIL)
		b->rcv_head = index;
	else
		tcp_node_at(ctx, b->rcv_tail)->next = index;
	b->rcv_tail = index;
	b->rcv_bytes += buf->len;
	tcb->rcv_nxt += buf->len;
	ctx->counters->n[COUNTER_BYTES_IN] += buf->len;
	return true;
}

/** What of the reassembly list is contiguous now joins the receive queue. */
static void
collect(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	while (b->ooo_head != PTCP_NIL) {
		const uint32_t index = b->ooo_head;
		struct tcp_node *node = tcp_node_at(ctx, index);
		uint32_t skip;

		if (seq_gt(node->seq, tcb->rcv_nxt))
			return;
		b->ooo_head = node->next;
		b->ooo_bytes -= node->buf.len;
		b->ooo_nodes--;
		skip = tcb->rcv_nxt - node->seq;
		if (skip >= node->buf.len) {
			node_free(ctx, index);
			continue;
		}
		node->seq += skip;
		node->buf.data += skip;
		node->buf.len -= skip;
		node->next = PTCP_NIL;
		if (b->rcv_tail == PTCP_NIL)
			b->rcv_head = index;
		else
			tcp_node_at(ctx, b->rcv_tail)->next = index;
		b->rcv_tail = index;
		b->rcv_bytes += node->buf.len;
		tcb->rcv_nxt += node->buf.len;
		ctx->counters->n[COUNTER_BYTES_IN] += node->buf.len;
	}
}

/** Put one gap-filling piece of a segment between @p prev and @p next; takes one reference of its own. */
static bool
insert_piece(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t prev, uint32_t next,
		const struct tcp_seg *seg, uint32_t from, uint32_t to)
{
	const struct tcp_buf piece = {
			.owner = seg->payload.owner,
			.data = seg->payload.data + (from - seg->seq),
			.len = to - from,
	};
	uint32_t index;

	/* XXX: a linear list, capped; a tree comes with the work on SegmentSmack. */
	if (b->ooo_nodes >= TCP_OOO_MAX)
		return false;
	index = node_new(ctx, &piece, from);
	if (index == PTCP_NIL)
		return false;
	tcp_buf_ref(piece.owner);
	tcp_node_at(ctx, index)->next = next;
	if (prev == PTCP_NIL)
		b->ooo_head = index;
	else
		tcp_node_at(ctx, prev)->next = index;
	b->ooo_bytes += piece.len;
	b->ooo_nodes++;
	return true;
}

/**
 * Keep what of the segment fills gaps between the pieces held already, so that the list stays ascending and without
 * overlap. Of two copies of an octet out of order the first one stays; RFC 9293 leaves the choice open.
 */
static enum drop_reason
insert(struct tcp_ctx *ctx, struct tcp_block *b, const struct tcp_seg *seg)
{
	const uint32_t end = seg->seq + seg->payload.len;
	uint32_t from = seg->seq;
	uint32_t prev = PTCP_NIL;
	uint32_t i = b->ooo_head;
	bool kept = false;

	while (seq_lt(from, end)) {
		const struct tcp_node *node = i != PTCP_NIL ? tcp_node_at(ctx, i) : NULL;
		const uint32_t to = node != NULL ? seq_min(end, node->seq) : end;

		if (seq_lt(from, to)) {
			if (!insert_piece(ctx, b, prev, i, seg, from, to))
				return kept ? DROP_NONE : DROP_TCP_REASS_FULL;
			kept = true;
		}
		if (node == NULL)
			break;
		from = seq_max(from, node->seq + node->buf.len);
		prev = i;
		i = node->next;
	}
	return kept ? DROP_NONE : DROP_TCP_DUPLICATE;
}

void
tcp_ooo_end_at(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t seq)
{
	for (uint32_t i = b->ooo_head; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (seq_gt(node->seq + node->buf.len, seq)) {
			tcp_nodes_free(ctx, b->ooo_head);
			b->ooo_head = PTCP_NIL;
			b->ooo_bytes = b->ooo_nodes = 0;
			return;
		}
	}
}

enum drop_reason
tcp_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	struct tcp_block *b = tcp_block_need(ctx, tcb);
	enum drop_reason reason;

	if (b == NULL || seg->payload.owner == NULL)
		return DROP_TCP_NO_BLOCK;
	if (seg->seq == tcb->rcv_nxt) {
		if (!append(ctx, tcb, b, &seg->payload)) {
			tcp_block_trim(ctx, tcb);
			return DROP_TCP_NO_BLOCK;
		}
		collect(ctx, tcb, b);
		tcp_want_event(ctx, tcb, EV_READABLE);
		return DROP_NONE;
	}
	reason = insert(ctx, b, seg);
	if (reason == DROP_NONE)
		tcp_count(ctx, COUNTER_OUT_OF_ORDER);
	else
		tcp_block_trim(ctx, tcb);
	return reason;
}
