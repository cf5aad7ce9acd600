/* SPDX-License-Identifier: BSD-3-Clause */
/* Invariants, for tests and the simulator: O(n), never on the data path. */
#include "tcp/tcp_impl.h"

static const char *
check_send_queue(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const bool syn = tcb->state == TCP_SYN_SENT || tcb->state == TCP_SYN_RECEIVED;
	const bool fin = (tcb->flags & TF_FIN_SENT) != 0 && tcb->snd_una != tcb->snd_nxt;
	const uint32_t sent = tcb->snd_nxt - fin;
	uint32_t seq = tcb->snd_una + syn;
	uint32_t bytes = 0, mem = 0, last = PTCP_NIL;
	bool cursor = b->snd_cur == PTCP_NIL;

	for (uint32_t i = b->snd_head; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (node->seq != seq || node->buf.len == 0 || node->buf.owner == NULL)
			return "send queue not contiguous";
		if (i == b->snd_cur) {
			if (!syn && !seq_in(sent, node->seq, node->buf.len))
				return "send cursor does not hold snd_nxt";
			cursor = true;
		}
		seq += node->buf.len;
		bytes += node->buf.len;
		mem += tcp_node_mem(node);
		last = i;
	}
	if (bytes != b->snd_bytes || mem != b->snd_mem || last != b->snd_tail)
		return "send queue miscounted";
	if (!cursor)
		return "send cursor not in the queue";
	if (!syn && b->snd_cur == PTCP_NIL && seq != sent)
		return "unsent bytes without a cursor";
	return NULL;
}

static const char *
check_receive_queue(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	uint32_t seq = tcb->rcv_nxt - ((tcb->flags & TF_FIN_RCVD) != 0) - b->rcv_bytes;
	uint32_t bytes = 0, mem = 0, last = PTCP_NIL;

	for (uint32_t i = b->rcv_head; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (node->seq != seq || node->buf.len == 0 || node->buf.owner == NULL)
			return "receive queue not contiguous";
		seq += node->buf.len;
		bytes += node->buf.len;
		mem += tcp_node_mem(node);
		last = i;
	}
	if (bytes != b->rcv_bytes || mem != b->rcv_mem || last != b->rcv_tail)
		return "receive queue miscounted";
	return NULL;
}

/** What check_runs() has seen so far. */
struct runs_seen {
	uint32_t edge; /**< end of the last one */
	uint32_t runs;
	uint32_t bytes;
	uint32_t mem;
};

/** One run: slices that follow each other, behind a gap. */
static const char *
check_run(const struct tcp_ctx *ctx, uint32_t run, struct runs_seen *seen)
{
	const struct tcp_node *head = tcp_node_at(ctx, run);
	uint32_t seq = head->seq, mem = 0, last = PTCP_NIL;

	if (!seq_gt(seq, seen->edge))
		return "runs overlap or were not joined";
	for (uint32_t i = run; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (node->seq != seq || node->buf.len == 0 || node->buf.owner == NULL)
			return "run not contiguous";
		seq += node->buf.len;
		mem += tcp_node_mem(node);
		last = i;
	}
	if (last != head->tail || mem != head->mem)
		return "run miscounted";
	seen->runs++;
	seen->bytes += seq - head->seq;
	seen->mem += mem;
	seen->edge = seq;
	return NULL;
}

/** The tree in order. Its depth is that of a treap: recursion is fine. */
static const char *
check_runs(const struct tcp_ctx *ctx, uint32_t run, struct runs_seen *seen, uint32_t depth)
{
	const struct tcp_node *node;
	const char *text;

	if (run == PTCP_NIL)
		return NULL;
	if (depth > TCP_RUNS_MAX)
		return "reassembly tree has a cycle";
	node = tcp_node_at(ctx, run);
	if ((node->left != PTCP_NIL &&
			    tcp_run_priority(ctx, node->left) > tcp_run_priority(ctx, run)) ||
			(node->right != PTCP_NIL &&
					tcp_run_priority(ctx, node->right) >
							tcp_run_priority(ctx, run)))
		return "reassembly tree is no heap";
	text = check_runs(ctx, node->left, seen, depth + 1);
	if (text == NULL)
		text = check_run(ctx, run, seen);
	if (text == NULL)
		text = check_runs(ctx, node->right, seen, depth + 1);
	return text;
}

static const char *
check_reassembly(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	struct runs_seen seen = {.edge = tcb->rcv_nxt};
	const char *text = check_runs(ctx, b->ooo_root, &seen, 0);

	if (text != NULL)
		return text;
	if (seen.runs != b->ooo_runs || seen.bytes != b->ooo_bytes || seen.mem != b->ooo_mem ||
			seen.runs > TCP_RUNS_MAX)
		return "reassembly miscounted";
	if (seen.runs > 0 && seq_gt(seen.edge, tcb->rcv_adv))
		return "reassembly beyond the window";
	if ((b->ooo_mem == 0) != (b->greedy_list == 0) ||
			(b->ooo_mem != 0 && b->ooo_mem >> (b->greedy_list - 1) != 1))
		return "block in the wrong list of those with text out of order";
	return NULL;
}

/** A block's own words: whose it is, and what its queues hold. */
/** What recovery says of itself. */
static const char *
check_recovery(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const struct tcp_recovery *rec = &b->rec;

	if ((tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0 &&
			(seq_leq(rec->recover, tcb->snd_una) || seq_gt(rec->recover, tcb->snd_nxt)))
		return "a loss is being repaired that is not in flight";
	if ((tcb->flags & (TF_RECOVERY | TF_LOSS)) == (TF_RECOVERY | TF_LOSS))
		return "recovery after a timeout and before it";
	if (rec->lost > 0 && (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0)
		return "a loss that nobody repairs";
	if (rec->frto != TCP_FRTO_OFF && (tcb->flags & TF_LOSS) == 0)
		return "F-RTO without a timeout";
	if ((tcb->flags & TF_REXMT) != 0 && rec->timer != TCP_TIMER_RTO &&
			(rec->head == PTCP_NIL || time_ms_before(rec->t_rto, tcb->t_rexmt)))
		return "a deadline of recovery behind the timeout";
	return tcp_sack_check(ctx, tcb, b);
}

static const char *
check_block(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const char *text = NULL;

	if (b->tcb != tcp_index(ctx, tcb))
		return "block of another connection";
	/* After the end nothing of the send queue is left, and no sequence number counts any more. */
	if (tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT)
		text = check_send_queue(ctx, tcb, b);
	if (text == NULL && tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT)
		text = check_recovery(ctx, tcb, b);
	if (text == NULL)
		text = check_receive_queue(ctx, tcb, b);
	if (text == NULL)
		text = check_reassembly(ctx, tcb, b);
	return text;
}

static const char *
check_live(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const char *text = NULL;

	if (!seq_leq(tcb->snd_una, tcb->snd_nxt))
		return "snd_una beyond snd_nxt";
	if ((tcb->flags & TF_IN_TABLE) == 0)
		return "live connection not in the table";
	if (tcb->state == TCP_SYN_RECEIVED && (tcb->flags & TF_ACTIVE) == 0)
		return "a listener's half-open connection in a TCB";
	if (tcb->state != TCP_SYN_SENT && seq_gt(tcb->rcv_nxt, tcb->rcv_adv))
		return "rcv_nxt beyond the advertised edge";
	if (tcb->snd_una != tcb->snd_nxt && (tcb->flags & (TF_REXMT | TF_PERSIST)) == 0 &&
			(tcb->out & (OUT_SYN | OUT_REXMT)) == 0)
		return "data in flight without a deadline";
	if ((tcb->flags & (TF_REXMT | TF_PERSIST | TF_FW2 | TF_KEEP_PROBE | TF_DELACK)) != 0 &&
			!wheel_armed(&ctx->wheel, tcp_index(ctx, tcb)))
		return "deadline without an armed timer";
	if ((tcb->flags & TF_HELD) != 0 &&
			(b == NULL || !wheel_armed(&ctx->wheel, tcp_index(ctx, tcb))))
		return "held text without an armed timer";
	if (tcp_synchronized(tcb->state) && tcp_unsent(ctx, tcb) > 0 &&
			tcb->snd_una == tcb->snd_nxt && tcb->out == 0 &&
			(tcb->flags & (TF_PERSIST | TF_HELD)) == 0)
		return "unsent text that nobody will send";
	if (tcb->out != 0 && (tcb->flags & TF_IN_OUTPUT) == 0 &&
			!wheel_armed(&ctx->wheel, tcp_index(ctx, tcb)))
		return "output that nobody will ask for";
	if (tcp_synchronized(tcb->state) && tcb->state != TCP_ESTABLISHED &&
			tcb->state != TCP_CLOSE_WAIT && (tcb->flags & TF_FIN_QUEUED) == 0)
		return "closing without a queued FIN";
	if (b != NULL)
		text = check_block(ctx, tcb, b);
	return text;
}

/** What the worker accounts for is the sum of what the blocks do. */
static const char *
check_memory(const struct tcp_ctx *ctx)
{
	const struct tcp_mem *mem = &ctx->mem;
	uint64_t used = 0, ooo = 0;
	uint32_t snd_nodes = 0, snd_blocks = 0, greedy = 0, listed = 0;

	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++) {
		const struct tcp_block *b = tcp_block(ctx, tcp_at(ctx, i));

		if (b == NULL)
			continue;
		used += (uint64_t)b->snd_mem + b->rcv_mem + b->ooo_mem;
		ooo += b->ooo_mem;
		snd_blocks += b->for_send;
		greedy += b->greedy_list != 0;
		for (uint32_t n = b->snd_head; n != PTCP_NIL; n = tcp_node_at(ctx, n)->next)
			snd_nodes++;
	}
	if (used != mem->used || ooo != mem->ooo)
		return "memory of the queues miscounted";
	if (snd_nodes != mem->snd_nodes || snd_blocks != mem->snd_blocks)
		return "nodes or blocks of senders miscounted";
	for (uint32_t i = 0; i < TCP_GREEDY; i++) {
		uint32_t prev = PTCP_NIL;

		if ((mem->greedy[i] != PTCP_NIL) != (mem->greedy_map >> i & 1))
			return "map of the lists of those with text out of order";
		for (uint32_t n = mem->greedy[i]; n != PTCP_NIL;
				n = tcp_block_at(ctx, n)->greedy_next) {
			if (tcp_block_at(ctx, n)->greedy_prev != prev ||
					tcp_block_at(ctx, n)->greedy_list != i || listed++ > greedy)
				return "list of those with text out of order";
			prev = n;
		}
	}
	return listed == greedy ? NULL : "block with text out of order not listed";
}

const char *
tcp_check(const struct tcp_ctx *ctx, uint32_t index)
{
	const char *text = NULL;
	uint32_t live = 0, half = 0, syn_received = 0;

	if (index != PTCP_NIL) {
		const struct tcp_tcb *tcb = tcp_at(ctx, index);

		if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
			return NULL;
		return check_live(ctx, tcb);
	}
	for (uint32_t i = 0; i < ctx->tcb_pool.fresh && text == NULL; i++) {
		const struct tcp_tcb *tcb = tcp_at(ctx, i);

		if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT) {
			if (tcb->blk != PTCP_NIL)
				text = check_block(ctx, tcb, tcp_block(ctx, tcb));
			continue;
		}
		live++;
		syn_received += tcb->state == TCP_SYN_RECEIVED;
		text = check_live(ctx, tcb);
	}
	if (text == NULL && live != ctx->table.n_used)
		text = "table and live connections disagree";
	if (text == NULL)
		text = tcp_half_check(ctx, &half);
	if (text == NULL && ctx->n_state[TCP_SYN_RECEIVED] != syn_received + half)
		text = "SYN-RECEIVED miscounted";
	if (text == NULL)
		text = check_memory(ctx);
	if (text == NULL)
		text = wheel_check(&ctx->wheel);
	if (text == NULL)
		text = conn_table_check(&ctx->table, &ctx->hash_key);
	if (text == NULL)
		text = timewait_check(ctx->timewait);
	if (text == NULL)
		text = port_check(ctx->ports);
	return text;
}
