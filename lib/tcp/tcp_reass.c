/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text out of order. Contiguous slices form a run; the runs of a connection are a treap by sequence number, whose
 * priorities are a keyed hash of the node's index, so that no peer can unbalance it. A segment takes one node at most,
 * whatever it overlaps; a run is moved and joined as a whole.
 */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ the tree */

uint32_t
tcp_run_priority(const struct tcp_ctx *ctx, uint32_t index)
{
	uint32_t h = (index ^ (uint32_t)ctx->hash_key.k0) * 0x9E3779B1u;

	h = (h ^ h >> 15) * 0x85EBCA6Bu;
	return h ^ h >> 13;
}

static void
tree_insert(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t run)
{
	struct tcp_node *node = tcp_node_at(ctx, run);
	const uint32_t prio = tcp_run_priority(ctx, run);
	uint32_t *link = &b->ooo_root;
	uint32_t *lo = &node->left, *hi = &node->right;
	uint32_t i;

	while (*link != PTCP_NIL && tcp_run_priority(ctx, *link) >= prio) {
		struct tcp_node *at = tcp_node_at(ctx, *link);

		link = seq_lt(node->seq, at->seq) ? &at->left : &at->right;
	}
	/* What stood here is split into what lies below and what lies above. */
	i = *link;
	*link = run;
	while (i != PTCP_NIL) {
		struct tcp_node *at = tcp_node_at(ctx, i);

		if (seq_lt(at->seq, node->seq)) {
			*lo = i;
			lo = &at->right;
			i = at->right;
		} else {
			*hi = i;
			hi = &at->left;
			i = at->left;
		}
	}
	*lo = *hi = PTCP_NIL;
	b->ooo_runs++;
}

static void
tree_remove(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t run)
{
	const struct tcp_node *node = tcp_node_at(ctx, run);
	uint32_t lo = node->left, hi = node->right;
	uint32_t *link = &b->ooo_root;

	while (*link != run) {
		struct tcp_node *at = tcp_node_at(ctx, *link);

		link = seq_lt(node->seq, at->seq) ? &at->left : &at->right;
	}
	while (lo != PTCP_NIL && hi != PTCP_NIL) {
		if (tcp_run_priority(ctx, lo) > tcp_run_priority(ctx, hi)) {
			*link = lo;
			link = &tcp_node_at(ctx, lo)->right;
			lo = *link;
		} else {
			*link = hi;
			link = &tcp_node_at(ctx, hi)->left;
			hi = *link;
		}
	}
	*link = lo != PTCP_NIL ? lo : hi;
	b->ooo_runs--;
}

static uint32_t
first_run(const struct tcp_ctx *ctx, const struct tcp_block *b)
{
	uint32_t i = b->ooo_root;

	while (i != PTCP_NIL && tcp_node_at(ctx, i)->left != PTCP_NIL)
		i = tcp_node_at(ctx, i)->left;
	return i;
}

static uint32_t
last_run(const struct tcp_ctx *ctx, const struct tcp_block *b)
{
	uint32_t i = b->ooo_root;

	while (i != PTCP_NIL && tcp_node_at(ctx, i)->right != PTCP_NIL)
		i = tcp_node_at(ctx, i)->right;
	return i;
}

uint32_t
tcp_run_at(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq)
{
	uint32_t found = PTCP_NIL;
	uint32_t i = b->ooo_root;

	while (i != PTCP_NIL) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (seq_leq(node->seq, seq)) {
			found = i;
			i = node->right;
		} else {
			i = node->left;
		}
	}
	return found;
}

uint32_t
tcp_run_after(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq)
{
	uint32_t found = PTCP_NIL;
	uint32_t i = b->ooo_root;

	while (i != PTCP_NIL) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (seq_gt(node->seq, seq)) {
			found = i;
			i = node->left;
		} else {
			i = node->right;
		}
	}
	return found;
}

uint32_t
tcp_run_end(const struct tcp_ctx *ctx, uint32_t run)
{
	const struct tcp_node *tail = tcp_node_at(ctx, tcp_node_at(ctx, run)->tail);

	return tail->seq + tail->buf.len;
}

/* ------------------------------------------------------------------ runs away */

/** Take @p run out of the tree and the counts; its nodes are the caller's then. */
static void
run_detach(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t run)
{
	const struct tcp_node *node = tcp_node_at(ctx, run);

	tree_remove(ctx, b, run);
	b->ooo_bytes -= tcp_run_end(ctx, run) - node->seq;
	b->ooo_mem -= node->mem;
}

static void
run_drop(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t run)
{
	run_detach(ctx, b, run);
	tcp_nodes_free(ctx, run);
}

void
tcp_reass_purge(struct tcp_ctx *ctx, struct tcp_block *b)
{
	const uint32_t before = b->ooo_mem;

	while (b->ooo_root != PTCP_NIL)
		run_drop(ctx, b, b->ooo_root);
	tcp_greedy_update(ctx, b, before);
}

void
tcp_reass_prune(struct tcp_ctx *ctx, struct tcp_block *b)
{
	const uint32_t before = b->ooo_mem;
	const uint32_t bytes = b->ooo_bytes;

	/* RFC 2018 section 8 lets a receiver drop what it has reported; what comes last costs its sender least. */
	do
		run_drop(ctx, b, last_run(ctx, b));
	while (b->ooo_root != PTCP_NIL && b->ooo_mem > before / 2);
	ctx->counters->n[COUNTER_RENEGED] += bytes - b->ooo_bytes;
	tcp_greedy_update(ctx, b, before);
}

void
tcp_reass_end_at(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t seq)
{
	if (b->ooo_root != PTCP_NIL && seq_gt(tcp_run_end(ctx, last_run(ctx, b)), seq))
		tcp_reass_purge(ctx, b);
}

/* ------------------------------------------------------------------ in */

/** What of a segment is kept, and the runs about it. */
struct piece {
	uint32_t from;
	uint32_t to;
	uint32_t prev;      /**< the run that ends at from, or PTCP_NIL */
	uint32_t next;      /**< the run that begins at to, or PTCP_NIL */
	uint32_t n_covered; /**< runs inside: it takes their place */
	bool beyond;        /**< no run lies beyond it */
};

/**
 * Cut off what runs hold already, and find its neighbours. Of two copies of an octet, that of a run which begins before or
 * ends behind the segment stays; runs inside go. RFC 9293 leaves the choice open, and so a segment is one piece always.
 * @return false: nothing is new
 */
static bool
fit(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_seg *seg,
		struct piece *p)
{
	uint32_t i = tcp_run_at(ctx, b, seg->seq);
	uint32_t end;

	*p = (struct piece){.from = seg->seq,
			.to = seg->seq + seg->payload.len,
			.prev = PTCP_NIL,
			.next = PTCP_NIL};
	if (i != PTCP_NIL && seq_geq(end = tcp_run_end(ctx, i), p->from)) {
		p->prev = i;
		if (seq_gt(end, p->from))
			tcp_dsack(ctx, tcb, p->from, seq_min(end, p->to));
		if (seq_geq(end, p->to)) {
			tcp_sack_touch(b, tcp_node_at(ctx, i)->seq, end);
			return false;
		}
		p->from = end;
	}
	for (i = tcp_run_after(ctx, b, p->from); i != PTCP_NIL; p->n_covered++) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (seq_geq(node->seq, p->to))
			break;
		end = tcp_run_end(ctx, i);
		tcp_dsack(ctx, tcb, node->seq, seq_min(end, p->to));
		if (seq_gt(end, p->to)) {
			p->to = node->seq;
			break;
		}
		i = tcp_run_after(ctx, b, node->seq);
	}
	p->beyond = i == PTCP_NIL;
	if (!p->beyond && tcp_node_at(ctx, i)->seq == p->to)
		p->next = i;
	return true;
}

/** Whether the connection may have one run more: the last one gives way to what comes before it. */
static bool
run_allowed(struct tcp_ctx *ctx, struct tcp_block *b, const struct piece *p)
{
	const uint32_t before = b->ooo_mem;
	const uint32_t bytes = b->ooo_bytes;

	if (b->ooo_runs < TCP_RUNS_MAX || p->prev != PTCP_NIL || p->next != PTCP_NIL ||
			p->n_covered > 0)
		return true;
	if (p->beyond)
		return false;
	run_drop(ctx, b, last_run(ctx, b));
	ctx->counters->n[COUNTER_RENEGED] += bytes - b->ooo_bytes;
	tcp_greedy_update(ctx, b, before);
	return true;
}

/**
 * Whether the worker has room for @p n octets more out of order, and a node: whoever holds considerably more than this
 * connection gives way.
 */
static bool
mem_allowed(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t n)
{
	const struct tcp_mem *mem = &ctx->mem;

	for (unsigned int i = 0; i < TCP_PRUNE_MAX; i++) {
		const uint64_t most = tcp_mem_short(ctx) ? mem->ooo_max / 8 : mem->ooo_max;

		if (mem->ooo + n <= most && tcp_node_allowed(ctx, TCP_FOR_REASS))
			return true;
		if (tcp_greedy_most(ctx, b))
			return false;
		(void)tcp_greedy_prune(ctx, b);
	}
	return false;
}

/** Octets that connection @p b's received text is accounted with, in and out of order. */
static uint64_t
received_mem(const struct tcp_block *b)
{
	return (uint64_t)b->rcv_mem + b->ooo_mem;
}

/**
 * The last slice of a run is small, and its continuation @p buf (a copy) lies elsewhere: move both to where they are one.
 * Else who feeds two runs in turn would have a node for each octet.
 * @return octets accounted for more than before; 0: it could not be
 */
static uint32_t
pack(struct tcp_ctx *ctx, uint32_t tail, struct tcp_buf *buf)
{
	struct tcp_node *node = tcp_node_at(ctx, tail);
	struct tcp_buf first = node->buf, second = *buf;

	if (first.len > TCP_COPY_MAX || first.size > 2 * TCP_COPY_MAX ||
			!tcp_buf_copy(ctx, &first, false))
		return 0;
	if (tcp_buf_copy(ctx, &second, false)) {
		if (second.owner == first.owner && second.data == first.data + first.len) {
			tcp_buf_free(node->buf.owner);
			first.size = node->buf.size;
			node->buf = first;
			tcp_buf_free(buf->owner);
			*buf = second;
			return tcp_node_join(ctx, tail, buf);
		}
		tcp_buf_free(second.owner);
	}
	tcp_buf_free(first.owner);
	return 0;
}

/**
 * Get memory for a piece: behind the last slice of the run that it continues, or a node.
 * @return false: none. Else *@p index is the node, PTCP_NIL when it needed none, and *@p mem what is accounted for it
 */
static bool
hold(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_seg *seg,
		const struct piece *p, uint32_t *index, uint32_t *mem)
{
	const uint32_t bound = tcp_rcv_bound(ctx, tcb);
	struct tcp_buf buf = {.owner = seg->payload.owner,
			.data = seg->payload.data + (p->from - seg->seq),
			.len = p->to - p->from,
			.size = seg->payload.size};
	bool copied = false;

	if (buf.owner == NULL || buf.len <= TCP_COPY_MAX || received_mem(b) / 2 > bound)
		copied = tcp_buf_copy(ctx, &buf, false);
	if (buf.owner == NULL || received_mem(b) / 4 > bound)
		goto none;
	*index = PTCP_NIL;
	if (copied && p->prev != PTCP_NIL) {
		const uint32_t tail = tcp_node_at(ctx, p->prev)->tail;

		*mem = tcp_node_join(ctx, tail, &buf);
		if (*mem == 0)
			*mem = pack(ctx, tail, &buf);
		if (*mem != 0)
			return true;
	}
	*index = tcp_node_new(ctx, TCP_FOR_REASS, &buf, p->from);
	if (*index == PTCP_NIL)
		goto none;
	if (!copied)
		seg->payload.owner = NULL;
	*mem = tcp_node_mem(tcp_node_at(ctx, *index));
	return true;
none:
	if (copied)
		tcp_buf_free(buf.owner);
	return false;
}

/** Put a piece in its place; @p index is its node, or PTCP_NIL when it lies in the last node of p->prev already. */
static uint32_t
place(struct tcp_ctx *ctx, struct tcp_block *b, const struct piece *p, uint32_t index, uint32_t mem)
{
	struct tcp_node *run;

	for (uint32_t i = 0; i < p->n_covered; i++)
		run_drop(ctx, b, tcp_run_after(ctx, b, p->from));
	b->ooo_bytes += p->to - p->from;
	b->ooo_mem += mem;
	if (p->prev != PTCP_NIL) {
		run = tcp_node_at(ctx, p->prev);
		run->mem += mem;
		if (index != PTCP_NIL) {
			tcp_node_at(ctx, run->tail)->next = index;
			run->tail = index;
		}
	} else {
		run = tcp_node_at(ctx, index);
		run->tail = index;
		run->mem = mem;
		tree_insert(ctx, b, index);
	}
	if (p->next != PTCP_NIL) {
		const struct tcp_node *next = tcp_node_at(ctx, p->next);

		tree_remove(ctx, b, p->next);
		tcp_node_at(ctx, run->tail)->next = p->next;
		run->tail = next->tail;
		run->mem += next->mem;
	}
	return run->seq;
}

enum drop_reason
tcp_reass_insert(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_seg *seg)
{
	uint32_t before, index, mem, left;
	struct piece p;

	if (!fit(ctx, tcb, b, seg, &p))
		return DROP_TCP_DUPLICATE;
	if (!run_allowed(ctx, b, &p) ||
			!mem_allowed(ctx, b, p.to - p.from + (uint32_t)sizeof(struct tcp_node)) ||
			!hold(ctx, tcb, b, seg, &p, &index, &mem))
		return DROP_TCP_REASS_FULL;
	before = b->ooo_mem;
	left = place(ctx, b, &p, index, mem);
	tcp_sack_touch(b, left, tcp_run_end(ctx, tcp_run_at(ctx, b, left)));
	tcp_greedy_update(ctx, b, before);
	return DROP_NONE;
}

/* ------------------------------------------------------------------ out */

/** Move a run, no longer in the tree, behind the text in order, but for what of it lies before RCV.NXT. */
static void
deliver(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t run)
{
	const uint32_t tail = tcp_node_at(ctx, run)->tail;
	const uint32_t end = tcp_run_end(ctx, run);
	const uint32_t bytes = end - tcb->rcv_nxt;
	uint32_t mem = tcp_node_at(ctx, run)->mem;
	struct tcp_node *node = tcp_node_at(ctx, run);
	uint32_t old;

	while (seq_leq(node->seq + node->buf.len, tcb->rcv_nxt)) {
		const uint32_t next = node->next;

		mem -= tcp_node_free(ctx, run);
		run = next;
		node = tcp_node_at(ctx, run);
	}
	old = tcb->rcv_nxt - node->seq;
	node->seq += old;
	node->buf.data += old;
	node->buf.len -= old;
	PTCP_ASSERT(b->rcv_tail != PTCP_NIL); /* what filled the gap */
	tcp_node_at(ctx, b->rcv_tail)->next = run;
	b->rcv_tail = tail;
	b->rcv_mem += mem;
	b->rcv_bytes += bytes;
	tcb->rcv_nxt = end;
	ctx->counters->n[COUNTER_BYTES_IN] += bytes;
}

void
tcp_reass_collect(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	const uint32_t before = b->ooo_mem;
	const uint32_t to = tcb->rcv_nxt; /* what lies before it came in the segment as well */
	uint32_t run;

	while ((run = first_run(ctx, b)) != PTCP_NIL) {
		const uint32_t seq = tcp_node_at(ctx, run)->seq;
		const uint32_t end = tcp_run_end(ctx, run);

		if (seq_gt(seq, tcb->rcv_nxt))
			break;
		if (seq_lt(seq, to))
			tcp_dsack(ctx, tcb, seq, seq_min(end, to));
		run_detach(ctx, b, run);
		if (seq_leq(end, tcb->rcv_nxt))
			tcp_nodes_free(ctx, run);
		else
			deliver(ctx, tcb, b, run);
	}
	tcp_greedy_update(ctx, b, before);
}
