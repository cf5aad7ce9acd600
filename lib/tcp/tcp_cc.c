/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control: initial window (RFC 6928), slow start and NewReno's avoidance (RFC 5681). */
#include "tcp/tcp_impl.h"

/* Far above any window that 65,535 << 14 can offer; keeps sums of it within 32 bits. */
#define CWND_MAX (1u << 30)

void
tcp_cc_grow(struct tcp_tcb *tcb, uint32_t n)
{
	tcb->cwnd = tcb->cwnd + n < CWND_MAX ? tcb->cwnd + n : CWND_MAX;
}

/* ------------------------------------------------------------------ NewReno */

static void
newreno_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	(void)ctx;
	(void)tcb;
	b->cc.acked = 0;
}

static void
newreno_avoid(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked)
{
	(void)ctx;
	b->cc.acked += acked;
	if (b->cc.acked >= tcb->cwnd) {
		b->cc.acked -= tcb->cwnd;
		tcp_cc_grow(tcb, tcb->mss);
	}
}

static uint32_t
newreno_ssthresh(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event, uint32_t flight)
{
	(void)ctx;
	(void)event;
	b->cc.acked = 0;
	return flight / 2 > 2u * tcb->mss ? flight / 2 : 2u * tcb->mss;
}

static void
newreno_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	(void)ctx;
	(void)tcb;
	b->cc.acked = 0;
}

static const struct tcp_cc_ops newreno = {
		.start = newreno_start,
		.avoid = newreno_avoid,
		.ssthresh = newreno_ssthresh,
		.undo = newreno_undo,
};

/* ------------------------------------------------------------------ what the core calls */

static const struct tcp_cc_ops *
ops_of(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	static const struct tcp_cc_ops *const ops[TCP_CC_MAX] = {
			[TCP_CC_NEWRENO] = &newreno,
			[TCP_CC_CUBIC] = &newreno,
	};

	return ops[tcp_profile(ctx, tcb)->cc];
}

void
tcp_cc_init(const struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const uint32_t mss = tcb->mss;
	const uint32_t two = 2 * mss > 14600 ? 2 * mss : 14600;
	struct tcp_block *b = tcp_block(ctx, tcb);

	/* RFC 6928 section 2; one segment after a lost SYN (RFC 5681 section 3.1). */
	tcb->cwnd = 10 * mss < two ? 10 * mss : two;
	if ((tcb->flags & TF_SYN_LOST) != 0)
		tcb->cwnd = mss;
	tcb->ssthresh = CWND_MAX;
	if (b != NULL)
		tcp_cc_start(ctx, tcb, b);
}

void
tcp_cc_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	b->cc = (struct tcp_cc){0};
	ops_of(ctx, tcb)->start(ctx, tcb, b);
}

void
tcp_cc_ack(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked)
{
	/*
	 * RFC 5681 section 3.1, with growth counted in bytes so that dividing ACKs gains nothing
	 * (RFC 3465, L = 2 in slow start, 1 after a timeout).
	 */
	if (tcb->cwnd < tcb->ssthresh) {
		const uint32_t most = ((tcb->flags & TF_LOSS) != 0 ? 1u : 2u) * tcb->mss;

		tcp_cc_grow(tcb, acked < most ? acked : most);
		return;
	}
	ops_of(ctx, tcb)->avoid(ctx, tcb, b, acked);
}

void
tcp_cc_reduce(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event)
{
	b->cc.prior_cwnd = tcb->cwnd;
	b->cc.prior_ssthresh = tcb->ssthresh;
	b->cc.undo = true;
	tcb->ssthresh = ops_of(ctx, tcb)->ssthresh(ctx, tcb, b, event, tcb->snd_nxt - tcb->snd_una);
	if (event == TCP_CC_RTO)
		tcb->cwnd = tcb->mss;
	else if (event == TCP_CC_ECE)
		tcb->cwnd = tcb->ssthresh;
}

void
tcp_cc_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	if (!b->cc.undo)
		return;
	b->cc.undo = false;
	if (tcb->cwnd < b->cc.prior_cwnd)
		tcb->cwnd = b->cc.prior_cwnd;
	tcb->ssthresh = b->cc.prior_ssthresh;
	ops_of(ctx, tcb)->undo(ctx, tcb, b);
}
