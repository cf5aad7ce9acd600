/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC: RFC 9438, in octets, milliseconds and integers. C = 0.4, beta = 0.7, alpha = 9/17, fast convergence on.
 *
 * Of t and K only t - K is kept (cubic.at). A stage that begins with cwnd = W_cubic(t) begins at that place of the curve:
 * K is the cube root of its distance from W_max, negative when cwnd lies above it. So a stage can end and begin again (an
 * undone reduction, a block given back in a quiet moment) without moving on the curve.
 */
#include "tcp/tcp_impl.h"

#define BETA_NUM 7u
#define BETA_DEN 10u
/* alpha = 3 x (1 - beta) / (1 + beta) */
#define ALPHA_NUM 9u
#define ALPHA_DEN 17u
/* W_max after fast convergence: (1 + beta) / 2 of cwnd. */
#define FAST_NUM 17u
#define FAST_DEN 20u
/* C x MSS octets/s^3 = MSS x 2 / 5e9 octets/ms^3; taken in two steps, so that 64 bits hold it. */
#define CUBE_SHIFT 1024
#define CUBE_DIV   2441406
#define CUBE_INV   2500000000ull /* 1 / C in ms^3 */
/* |t - K|: beyond it the curve is out of reach of any window whatever the MSS. */
#define AT_MAX 500000

/** The integer cube root, rounded down. */
static uint32_t
cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = 63; bit >= 0; bit -= 3) {
		uint64_t step;

		root *= 2;
		step = 3 * root * (root + 1) + 1;
		if (x >> bit >= step) {
			x -= step << bit;
			root++;
		}
	}
	return (uint32_t)root;
}

/** W_cubic(t) = C (t - K)^3 + W_max (section 4.2). */
static uint32_t
curve(const struct tcp_tcb *tcb, const struct tcp_cubic *c, int64_t at)
{
	int64_t w;

	at = at < AT_MAX ? at : AT_MAX;
	w = at * at * at / CUBE_SHIFT * tcb->mss / CUBE_DIV + c->w_max;
	if (w < 0)
		return 0;
	return w < TCP_CWND_MAX ? (uint32_t)w : TCP_CWND_MAX;
}

/** A congestion avoidance stage begins. */
static void
begin(const struct tcp_tcb *tcb, struct tcp_block *b)
{
	struct tcp_cubic *c = &b->cc.cubic;
	const uint32_t cwnd = tcb->cwnd;

	/* After a timeout, and after a slow start that met no loss: K = 0 (sections 4.8, 4.10). */
	if (c->w_max == 0)
		c->w_max = cwnd;
	if (c->cwnd_prior == 0)
		c->cwnd_prior = cwnd;
	if (c->w_max >= cwnd)
		c->at = -(int32_t)cube_root((c->w_max - cwnd) * CUBE_INV / tcb->mss);
	else
		c->at = (int32_t)cube_root((cwnd - c->w_max) * CUBE_INV / tcb->mss);
	c->w_est = cwnd;
	c->credit = 0;
	b->cc.epoch = true;
	b->cc.acked = 0;
}

/** What Reno would have: alpha segments a window, one from cwnd_prior on (section 4.3). */
static void
estimate(const struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked)
{
	struct tcp_cubic *c = &b->cc.cubic;

	if (c->w_est < c->cwnd_prior)
		acked = (uint32_t)((uint64_t)acked * ALPHA_NUM / ALPHA_DEN);
	b->cc.acked += acked;
	if (b->cc.acked >= tcb->cwnd) {
		const uint32_t n = b->cc.acked / tcb->cwnd;

		b->cc.acked -= n * tcb->cwnd;
		c->w_est += n * tcb->mss;
		if (c->w_est > TCP_CWND_MAX)
			c->w_est = TCP_CWND_MAX;
	}
}

static void
cubic_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	(void)ctx;
	b->cc.acked = 0;
	b->cc.epoch = false;
	b->cc.cubic = (struct tcp_cubic){0};
	/* The block of the last reduction may be gone; what it left in ssthresh tells what the window was. */
	if (tcb->ssthresh < TCP_CWND_MAX) {
		b->cc.cubic.w_max = (uint32_t)((uint64_t)tcb->ssthresh * BETA_DEN / BETA_NUM);
		b->cc.cubic.cwnd_prior = b->cc.cubic.w_max;
	}
}

static void
cubic_avoid(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked,
		uint32_t dt)
{
	struct tcp_cubic *c = &b->cc.cubic;
	const uint64_t step = (uint64_t)tcb->cwnd * tcb->mss;
	const uint32_t most = tcb->cwnd + tcb->cwnd / 2;
	uint32_t target;

	(void)ctx;
	if (!b->cc.epoch)
		begin(tcb, b);
	else
		c->at = (int64_t)c->at + dt < AT_MAX ? c->at + (int32_t)dt : AT_MAX;
	estimate(tcb, b, acked);
	if (curve(tcb, c, c->at) < c->w_est) {
		if (tcb->cwnd < c->w_est)
			tcb->cwnd = c->w_est;
		return;
	}
	target = curve(tcb, c, (int64_t)c->at + tcb->srtt / 1000);
	if (target <= tcb->cwnd)
		return;
	if (target > most)
		target = most;
	/* (target - cwnd) / cwnd of what was acknowledged, a segment at a time: a division only when there is growth. */
	c->credit += (uint64_t)acked * (target - tcb->cwnd);
	if (c->credit >= step) {
		const uint64_t n = c->credit / step;

		c->credit -= n * step;
		tcp_cc_grow(tcb, (uint32_t)n * tcb->mss);
	}
}

static uint32_t
cubic_reduce(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event, uint32_t flight)
{
	struct tcp_cubic *c = &b->cc.cubic;

	(void)ctx;
	c->undo_w_max = c->w_max;
	c->undo_cwnd_prior = c->cwnd_prior;
	c->cwnd_prior = tcb->cwnd;
	b->cc.epoch = false;
	if (event == TCP_CC_RTO)
		c->w_max = 0; /* section 4.8 */
	else if (tcb->cwnd < c->w_max)
		c->w_max = (uint32_t)((uint64_t)tcb->cwnd * FAST_NUM / FAST_DEN); /* section 4.7 */
	else
		c->w_max = tcb->cwnd;
	return (uint32_t)((uint64_t)flight * BETA_NUM / BETA_DEN);
}

/** Section 4.9.2. K, t and W_est need not be kept: the stage begins again where cwnd stands on the old curve. */
static void
cubic_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	struct tcp_cubic *c = &b->cc.cubic;

	(void)ctx;
	(void)tcb;
	c->w_max = c->undo_w_max;
	c->cwnd_prior = c->undo_cwnd_prior;
	b->cc.epoch = false;
}

const struct tcp_cc_ops tcp_cubic = {
		.start = cubic_start,
		.avoid = cubic_avoid,
		.reduce = cubic_reduce,
		.undo = cubic_undo,
};
