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
	uint32_t bytes = 0, last = PTCP_NIL;
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
		last = i;
	}
	if (bytes != b->snd_bytes || last != b->snd_tail)
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
	uint32_t bytes = 0, last = PTCP_NIL, nodes = 0;
	uint32_t edge = tcb->rcv_nxt;

	for (uint32_t i = b->rcv_head; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		bytes += tcp_node_at(ctx, i)->buf.len;
		last = i;
	}
	if (bytes != b->rcv_bytes || last != b->rcv_tail)
		return "receive queue miscounted";
	bytes = 0;
	for (uint32_t i = b->ooo_head; i != PTCP_NIL; i = tcp_node_at(ctx, i)->next) {
		const struct tcp_node *node = tcp_node_at(ctx, i);

		if (nodes == 0 ? !seq_gt(node->seq, edge) : !seq_geq(node->seq, edge))
			return "reassembly list overlaps or was not collected";
		edge = node->seq + node->buf.len;
		bytes += node->buf.len;
		nodes++;
	}
	if (bytes != b->ooo_bytes || nodes != b->ooo_nodes || nodes > TCP_OOO_MAX)
		return "reassembly list miscounted";
	if (nodes > 0 && seq_gt(edge, tcb->rcv_adv))
		return "reassembly beyond the window";
	return NULL;
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
	if (tcb->out != 0 && (tcb->flags & TF_IN_OUTPUT) == 0 &&
			!wheel_armed(&ctx->wheel, tcp_index(ctx, tcb)))
		return "output that nobody will ask for";
	if (tcp_synchronized(tcb->state) && tcb->state != TCP_ESTABLISHED &&
			tcb->state != TCP_CLOSE_WAIT && (tcb->flags & TF_FIN_QUEUED) == 0)
		return "closing without a queued FIN";
	if (b != NULL)
		text = check_send_queue(ctx, tcb, b);
	if (b != NULL && text == NULL)
		text = check_receive_queue(ctx, tcb, b);
	return text;
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

		if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
			continue;
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
		text = wheel_check(&ctx->wheel);
	if (text == NULL)
		text = conn_table_check(&ctx->table, &ctx->hash_key);
	if (text == NULL)
		text = timewait_check(ctx->timewait);
	if (text == NULL)
		text = port_check(ctx->ports);
	return text;
}
