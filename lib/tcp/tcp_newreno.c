/* SPDX-License-Identifier: BSD-3-Clause */
/* NewReno: AIMD(1, 1/2) of RFC 5681. */
#include "tcp/tcp_impl.h"

static void
newreno_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	(void)ctx;
	(void)tcb;
	b->cc.acked = 0;
}

static void
newreno_avoid(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked,
		uint32_t dt)
{
	(void)ctx;
	(void)dt;
	b->cc.acked += acked;
	if (b->cc.acked >= tcb->cwnd) {
		b->cc.acked -= tcb->cwnd;
		tcp_cc_grow(tcb, tcb->mss);
	}
}

static uint32_t
newreno_reduce(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event, uint32_t flight)
{
	(void)ctx;
	(void)tcb;
	(void)event;
	b->cc.acked = 0;
	return flight / 2;
}

static void
newreno_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	newreno_start(ctx, tcb, b);
}

const struct tcp_cc_ops tcp_newreno = {
		.start = newreno_start,
		.avoid = newreno_avoid,
		.reduce = newreno_reduce,
		.undo = newreno_undo,
};
