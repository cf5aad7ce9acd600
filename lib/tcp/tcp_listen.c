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

/** Second, ACK: nothing was sent that it could acknowledge, unless that was a cookie. */
static enum drop_reason
listen_ack(struct tcp_ctx *ctx, struct tcp_seg *seg, uint16_t listener)
{
	if (tcp_cookie_live(ctx, listener)) {
		const struct tcp_cookie_syn syn = tcp_cookie_syn_of(ctx, seg, seg->seq - 1);
		struct tcp_cookie cookie;

		if (tcp_cookie_good(ctx, seg, syn.irs, &cookie))
			return tcp_cookie_open(ctx, seg, listener, &syn, &cookie);
		/*
		 * Text that overtook the segment with the cookie, or outlived it: only what stands at IRS + 1 tells the IRS. A
		 * RST would end a good connection; its sender repeats the beginning, and that has the cookie.
		 */
		if (tcp_seg_len(seg) > 0 && (seg->flags & TCP_SYN) == 0)
			return tcp_drop(ctx, DROP_TCP_COOKIE);
	}
	tcp_reply_rst(ctx, seg);
	return tcp_drop(ctx, DROP_TCP_NO_CONN);
}

/** Third, SYN: a record, or a cookie where there is none (RFC 4987), or nothing when there is not even a place for that. */
static enum drop_reason
listen_syn(struct tcp_ctx *ctx, struct tcp_seg *seg, uint16_t listener, uint32_t iss_floor,
		bool has_floor)
{
	const enum drop_reason refused = tcp_listen_refuses(ctx, listener);
	const uint8_t cookies = ctx->conf.cookies;

	/* An ISS that must lie beyond another is no cookie. */
	if (refused == DROP_NONE && (cookies != TCP_COOKIES_ALWAYS || has_floor)) {
		tcp_half_open(ctx, seg, listener, iss_floor, has_floor);
		return DROP_NONE;
	}
	/* Who answers a cookie needs a TCB at once: without one it would only be led on. */
	if (cookies != TCP_COOKIES_NEVER && !has_floor && !ctx->draining &&
			tcp_admit(ctx) == DROP_NONE)
		return tcp_cookie_send(ctx, seg, listener);
	return tcp_drop(ctx, refused);
}

enum drop_reason
tcp_listen_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t iss_floor, bool has_floor)
{
	const uint16_t listener = listener_find(ctx->listeners, seg->laddr, seg->dport);

	/* First, RST: ignored. */
	if ((seg->flags & TCP_RST) != 0)
		return tcp_drop(ctx, DROP_TCP_RST_UNMATCHED);
	if ((seg->flags & TCP_ACK) != 0)
		return listen_ack(ctx, seg, listener);
	/* SYN with FIN means nothing. Fourth, anything else: dropped. */
	if ((seg->flags & (TCP_SYN | TCP_FIN)) != TCP_SYN)
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	return listen_syn(ctx, seg, listener, iss_floor, has_floor);
}
