/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pacing: new text leaves in quanta of a millisecond at the rate that the window would give over an RTT, and a little
 * more, so that the window stays the limit. Between two quanta the connection waits in the wheel, not in the output list.
 * What is sent again is not paced: recovery has its own measure.
 */
#include "tcp/tcp_impl.h"

/* Percent of cwnd / srtt: in slow start the window doubles within the RTT. */
#define RATE_SLOW_START 200u
#define RATE_AVOIDANCE  120u

/** Microseconds until pace_at, negative when it is over. */
static int32_t
ahead(const struct tcp_ctx *ctx, const struct tcp_cc *cc)
{
	return (int32_t)(cc->pace_at - (uint32_t)ctx->now);
}

/** A quantum ends: pace_at is reached. What is left of the last one, less than a segment, is not lost. */
static void
refill(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_cc *cc)
{
	const uint32_t percent = tcb->cwnd < tcb->ssthresh ? RATE_SLOW_START : RATE_AVOIDANCE;
	const uint64_t per_rtt = (uint64_t)tcb->cwnd * percent;
	uint64_t octets = per_rtt * TCP_PACE_QUANTUM_US / (100ull * tcb->srtt);

	/* The wheel fires up to a tick late; that must not add up. */
	if (ahead(ctx, cc) < -TCP_PACE_QUANTUM_US)
		cc->pace_at = (uint32_t)ctx->now;
	if (octets < 2u * tcb->mss)
		octets = 2u * tcb->mss;
	if (octets > tcb->cwnd)
		octets = tcb->cwnd;
	cc->pace_at += (uint32_t)(octets * 100 * tcb->srtt / per_rtt);
	cc->pace_octets += (uint32_t)octets;
}

void
tcp_pace_hold(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const int32_t us = ahead(ctx, &b->cc);
	const time_us_t at = ctx->now + (us > 0 ? (uint32_t)us : 0);

	tcb->flags |= TF_HELD;
	tcp_timer_at(ctx, tcb, time_us_to_ms(at + TIME_US_PER_MS - 1));
}

bool
tcp_pace_waits(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t len)
{
	struct tcp_cc *cc = &b->cc;
	const bool paced = tcp_profile(ctx, tcb)->pacing && tcb->srtt != 0;

	if ((!paced || cc->pace_octets < len) && ahead(ctx, cc) > 0) {
		tcp_pace_hold(ctx, tcb, b);
		return true;
	}
	tcb->flags &= ~TF_HELD;
	if (!paced)
		return false;
	if (cc->pace_octets < len)
		refill(ctx, tcb, cc);
	cc->pace_octets = cc->pace_octets > len ? cc->pace_octets - len : 0;
	return false;
}

void
tcp_pace_due(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	if (b != NULL && ahead(ctx, &b->cc) > 0)
		return;
	tcb->flags &= ~TF_HELD;
	tcp_want_output(ctx, tcb, OUT_DATA);
}
