/* SPDX-License-Identifier: BSD-3-Clause */
/* LISTEN: RFC 9293 section 3.10.7.2. */
#include "tcp/tcp_impl.h"

void
tcp_passive_begin(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint16_t listener,
		const struct tcp_seg *seg)
{
	const struct listener *l = &ctx->listeners->l[listener];

	tcb->ops = (uint8_t)(l->profile >> 8);
	tcb->profile = (uint8_t)l->profile;
	ctx->profile[tcb->profile].refs++;
	tcb->arg = l->arg;
	tcp_insert(ctx, tcb, &seg->src, seg->hash);
	tcp_set_state(ctx, tcb, TCP_SYN_RECEIVED);
}

enum drop_reason
tcp_listen_refuses(const struct tcp_ctx *ctx, uint16_t listener)
{
	const struct listener *l = &ctx->listeners->l[listener];
	const uint32_t half = ctx->half_pool.n_used;
	const enum drop_reason reason = tcp_admit(ctx);

	if (ctx->draining || l->n_half_open >= l->backlog)
		return DROP_TCP_BACKLOG;
	if (reason != DROP_NONE)
		return reason;
	/* No more are half-open than could be established: whoever gets SYN,ACK finds a place, as a rule. */
	if (half >= pool_free_count(&ctx->tcb_pool))
		return DROP_TCP_NO_TCB;
	if (ctx->tcb_pool.n_used + half + timewait_count(ctx->timewait) >= ctx->conf.max_timewait)
		return DROP_TCP_NO_TIMEWAIT;
	return pool_free_count(&ctx->half_pool) > 0 ? DROP_NONE : DROP_TCP_BACKLOG;
}

enum drop_reason
tcp_listen_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t iss_floor, bool has_floor)
{
	const uint16_t listener = listener_find(ctx->listeners, seg->laddr, seg->dport);
	enum drop_reason reason;

	/* First, RST: ignored. Second, ACK: nothing was sent that it could acknowledge. */
	if ((seg->flags & TCP_RST) != 0)
		return tcp_drop(ctx, DROP_TCP_RST_UNMATCHED);
	if ((seg->flags & TCP_ACK) != 0) {
		tcp_reply_rst(ctx, seg);
		return tcp_drop(ctx, DROP_TCP_NO_CONN);
	}
	/* Third, SYN; with FIN it means nothing. Fourth, anything else: dropped. */
	if ((seg->flags & (TCP_SYN | TCP_FIN)) != TCP_SYN)
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	reason = tcp_listen_refuses(ctx, listener);
	if (reason != DROP_NONE)
		return tcp_drop(ctx, reason);
	tcp_half_open(ctx, seg, listener, iss_floor, has_floor);
	return DROP_NONE;
}
