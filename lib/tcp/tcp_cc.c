/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control, what all algorithms share: initial window, slow start, validation, restart after idle. */
#include "tcp/tcp_impl.h"

void
tcp_cc_grow(struct tcp_tcb *tcb, uint32_t n)
{
	tcb->cwnd = tcb->cwnd + n < TCP_CWND_MAX ? tcb->cwnd + n : TCP_CWND_MAX;
}

static const struct tcp_cc_ops *
ops_of(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	static const struct tcp_cc_ops *const ops[TCP_CC_MAX] = {
			[TCP_CC_NEWRENO] = &tcp_newreno,
			[TCP_CC_CUBIC] = &tcp_cubic,
	};

	return ops[tcp_profile(ctx, tcb)->cc];
}

/** RFC 6928 section 2; the restart window too (RFC 5681 section 4.1). */
static uint32_t
initial_window(const struct tcp_tcb *tcb)
{
	const uint32_t mss = tcb->mss;
	const uint32_t two = 2 * mss > 14600 ? 2 * mss : 14600;

	return 10 * mss < two ? 10 * mss : two;
}

/* ------------------------------------------------------------------ beginning and end */

void
tcp_cc_init(const struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	/* One segment after a lost SYN (RFC 5681 section 3.1). */
	tcb->cwnd = (tcb->flags & TF_SYN_LOST) != 0 ? tcb->mss : initial_window(tcb);
	tcb->ssthresh = TCP_CWND_MAX;
	tcb->t_rexmt = ctx->now_ms;
	if (b != NULL)
		tcp_cc_start(ctx, tcb, b);
}

/** t_rexmt is no deadline now, but the time of the last transmission. */
static bool
t_rexmt_free(const struct tcp_tcb *tcb)
{
	return (tcb->flags & (TF_REXMT | TF_PERSIST | TF_FW2 | TF_KEEP_PROBE)) == 0;
}

void
tcp_cc_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	b->cc = (struct tcp_cc){0};
	b->cc.sent = t_rexmt_free(tcb) ? tcb->t_rexmt : ctx->now_ms;
	b->cc.pace_at = (uint32_t)ctx->now;
	b->cc.moved = ctx->now_ms;
	ops_of(ctx, tcb)->start(ctx, tcb, b);
}

void
tcp_cc_switch(const struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return;
	b->cc.undo = false;
	ops_of(ctx, tcb)->start(ctx, tcb, b);
}

void
tcp_cc_stop(struct tcp_tcb *tcb, const struct tcp_block *b)
{
	if (t_rexmt_free(tcb))
		tcb->t_rexmt = b->cc.sent;
	tcb->flags &= ~TF_HELD;
}

/* ------------------------------------------------------------------ what is sent */

void
tcp_cc_sent(const struct tcp_ctx *ctx, struct tcp_block *b)
{
	b->cc.sent = ctx->now_ms;
	/* 32 bits of microseconds: what is long over must not lie ahead again one day. */
	if ((int32_t)((uint32_t)ctx->now - b->cc.pace_at) > TCP_PACE_QUANTUM_US)
		b->cc.pace_at = (uint32_t)ctx->now - TCP_PACE_QUANTUM_US;
}

void
tcp_cc_full(const struct tcp_tcb *tcb, struct tcp_block *b)
{
	b->cc.limited = true;
	b->cc.full_end = tcb->snd_nxt;
}

void
tcp_cc_restart(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const uint32_t window = initial_window(tcb);
	const uint32_t most = tcb->cwnd / 4 * 3;
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (tcb->cwnd <= window)
		return;
	tcp_count(ctx, COUNTER_IDLE_RESTARTS);
	if (tcb->ssthresh < most)
		tcb->ssthresh = most;
	tcb->cwnd = window;
	if (b != NULL)
		ops_of(ctx, tcb)->start(ctx, tcb, b);
}

void
tcp_cc_resume(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	/* RFC 9438 section 5.8: time without anything in flight is no time on the curve. */
	b->cc.moved = ctx->now_ms;
	if (ctx->now_ms - b->cc.sent <= tcp_rto_ms(ctx, tcb))
		return;
	tcp_cc_restart(ctx, tcb);
	if ((tcb->flags & TF_HELD) == 0)
		b->cc.pace_at = (uint32_t)ctx->now;
}

/* ------------------------------------------------------------------ what is acknowledged, and what is lost */

bool
tcp_cc_just_reduced(const struct tcp_tcb *tcb, struct tcp_block *b)
{
	if (b->cc.reduced && seq_gt(tcb->snd_una, b->cc.reduced_end))
		b->cc.reduced = false;
	return b->cc.reduced && tcb->snd_una != b->cc.reduced_end;
}

void
tcp_cc_ack(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked)
{
	const uint32_t dt = ctx->now_ms - b->cc.moved;
	const bool limited = b->cc.limited;

	b->cc.moved = ctx->now_ms;
	(void)tcp_cc_just_reduced(tcb, b);
	if (limited && seq_geq(tcb->snd_una, b->cc.full_end))
		b->cc.limited = false;
	if (b->cc.echo || !limited) {
		b->cc.echo = false;
		return;
	}
	/*
	 * RFC 5681 section 3.1, with growth counted in bytes so that dividing ACKs gains nothing
	 * (RFC 3465, L = 2 in slow start, 1 after a timeout).
	 */
	if (tcb->cwnd < tcb->ssthresh) {
		const uint32_t most = ((tcb->flags & TF_LOSS) != 0 ? 1u : 2u) * tcb->mss;

		tcp_cc_grow(tcb, acked < most ? acked : most);
		return;
	}
	ops_of(ctx, tcb)->avoid(ctx, tcb, b, acked, dt);
}

void
tcp_cc_reduce(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event)
{
	uint32_t flight = tcp_flight_size(tcb, b);
	uint32_t window;

	/*
	 * A burst of ACKs is taken whole before anything is sent for it. Where the window was full, what the burst acknowledged
	 * was in flight when the loss happened: FlightSize is cwnd (RFC 9438 section 4.6 allows it for a validated cwnd).
	 */
	if (event == TCP_CC_LOSS && b->cc.limited && flight < tcb->cwnd)
		flight = tcb->cwnd;
	if (event == TCP_CC_LOSS && tcp_cc_just_reduced(tcb, b)) {
		b->cc.undo = false;
		return;
	}
	if ((tcb->flags & TF_ECN) != 0)
		tcb->flags |= TF_CWR;
	b->cc.prior_cwnd = tcb->cwnd;
	b->cc.prior_ssthresh = tcb->ssthresh;
	b->cc.undo = true;
	window = ops_of(ctx, tcb)->reduce(ctx, tcb, b, event, flight);
	tcb->ssthresh = window > 2u * tcb->mss ? window : 2u * tcb->mss;
	if (event == TCP_CC_RTO) {
		tcb->cwnd = tcb->mss;
		tcp_cc_full(tcb, b);
	} else if (event == TCP_CC_ECE) {
		/* RFC 9438 section 4.6: one segment at least, not two as ssthresh. */
		tcb->cwnd = window > tcb->mss ? window : tcb->mss;
		b->cc.undo = false;
	}
	b->cc.reduced = true;
	b->cc.reduced_end = tcb->snd_nxt;
}

void
tcp_cc_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	if (!b->cc.undo)
		return;
	b->cc.undo = false;
	/* RFC 9438 section 4.9.2: too late. While a loss is being repaired cwnd may be inflated. */
	if (tcb->cwnd >= b->cc.prior_cwnd && (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0)
		return;
	if (tcb->cwnd < b->cc.prior_cwnd)
		tcb->cwnd = b->cc.prior_cwnd;
	tcb->ssthresh = b->cc.prior_ssthresh;
	b->cc.reduced = false;
	ops_of(ctx, tcb)->undo(ctx, tcb, b);
}
