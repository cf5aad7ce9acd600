/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long the user waits: his user timeout (RFC 9293 section 3.10.8, RFC 5482 without its option) and the bound of a
 * close (SO_LINGER). Neither is R2: that is TCP's own, counts only silence, and holds where the user has said nothing.
 */
#include "tcp/tcp_impl.h"

/** Since when what is outstanding, or waits for a window, has made no progress. @return false: there is no such thing */
static bool
waiting_since(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, time_ms_t *since)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t fin = TF_FIN_QUEUED | TF_FIN_SENT | TF_PERSIST;

	if (!tcp_synchronized(tcb->state)) {
		/* SYN: nobody has heard of a listener's half-open connection yet. */
		if ((tcb->flags & (TF_ACTIVE | TF_REXMT)) != (TF_ACTIVE | TF_REXMT))
			return false;
		*since = tcp_unanswered_since(ctx, tcb);
		return true;
	}
	/* Behind a closed window FIN may be all that waits. */
	if (tcb->snd_una == tcb->snd_nxt && tcp_unsent(ctx, tcb) == 0 &&
			(tcb->flags & fin) != (TF_FIN_QUEUED | TF_PERSIST))
		return false;
	if (b != NULL)
		*since = b->cc.moved;
	else if ((tcb->flags & (TF_REXMT | TF_PERSIST)) != 0)
		*since = tcp_unanswered_since(ctx, tcb); /* FIN alone */
	else
		return false;
	return true;
}

static bool
lingers(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_ORPHAN) == 0 || tcp_profile(ctx, tcb)->linger_ms == TCP_LINGER_OFF)
		return false;
	/* In FIN-WAIT-2 all is acknowledged: that has a bound of its own. */
	return tcb->state == TCP_SYN_RECEIVED || tcb->state == TCP_FIN_WAIT_1 ||
			tcb->state == TCP_CLOSING || tcb->state == TCP_LAST_ACK;
}

enum tcp_reason
tcp_patience(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, time_ms_t *deadline)
{
	const struct tcp_profile *p = tcp_profile(ctx, tcb);
	enum tcp_reason reason = TCP_REASON_NONE;
	time_ms_t since;

	if (p->user_timeout_ms != 0 && waiting_since(ctx, tcb, &since)) {
		*deadline = since + p->user_timeout_ms;
		reason = TCP_REASON_TIMEOUT;
	}
	/* t_recv of a closed connection is when it was closed. */
	if (lingers(ctx, tcb) &&
			(reason == TCP_REASON_NONE ||
					time_ms_before(tcb->t_recv + p->linger_ms, *deadline))) {
		*deadline = tcb->t_recv + p->linger_ms;
		reason = TCP_REASON_LINGER;
	}
	return reason;
}

void
tcp_patience_arm(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	time_ms_t deadline;

	if (tcp_patience(ctx, tcb, &deadline) != TCP_REASON_NONE)
		tcp_timer_at(ctx, tcb, deadline);
}

bool
tcp_patience_over(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	time_ms_t deadline;
	const enum tcp_reason reason = tcp_patience(ctx, tcb, &deadline);

	if (reason == TCP_REASON_NONE || !time_ms_reached(deadline, ctx->now_ms))
		return false;
	tcp_count(ctx, reason == TCP_REASON_LINGER ? COUNTER_LINGER_RESETS : COUNTER_USER_TIMEOUTS);
	tcp_end(ctx, tcb, reason, tcb->state != TCP_SYN_SENT);
	return true;
}
