/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC (RFC 9438) against a model of it in floating point, segments and seconds, written from the RFC alone; and the
 * numbers that the RFC itself states.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "harness.h"
#include "random.h"

#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ the model */

#define M_C     0.4
#define M_BETA  0.7
#define M_ALPHA (3 * (1 - M_BETA) / (1 + M_BETA))

struct model {
	double cwnd, ssthresh;
	double w_max; /**< 0: not defined */
	double cwnd_prior;
	double k, t, w_est;
	double undo_cwnd, undo_ssthresh, undo_w_max, undo_prior;
	bool stage;
};

static double
m_curve(const struct model *m, double t)
{
	const double d = t - m->k;

	return M_C * d * d * d + m->w_max;
}

static void
m_ack(struct model *m, double acked, double dt, double rtt)
{
	double target;

	if (m->cwnd < m->ssthresh - 0.01) { /* octets are rounded, segments are not */
		m->cwnd += fmin(acked, 2);
		return;
	}
	if (!m->stage) {
		m->stage = true;
		if (m->w_max == 0)
			m->w_max = m->cwnd;
		if (m->cwnd_prior == 0)
			m->cwnd_prior = m->cwnd;
		m->k = cbrt((m->w_max - m->cwnd) / M_C);
		m->t = 0;
		m->w_est = m->cwnd;
	} else {
		m->t += dt;
	}
	m->w_est += (m->w_est < m->cwnd_prior ? M_ALPHA : 1) * acked / m->cwnd;
	if (m_curve(m, m->t) < m->w_est) {
		m->cwnd = fmax(m->cwnd, m->w_est);
		return;
	}
	target = fmin(fmax(m_curve(m, m->t + rtt), m->cwnd), 1.5 * m->cwnd);
	m->cwnd += acked * (target - m->cwnd) / m->cwnd;
}

static void
m_reduce(struct model *m, enum tcp_cc_event event, double flight)
{
	m->undo_cwnd = m->cwnd;
	m->undo_ssthresh = m->ssthresh;
	m->undo_w_max = m->w_max;
	m->undo_prior = m->cwnd_prior;
	m->w_max = m->cwnd < m->w_max ? m->cwnd * (1 + M_BETA) / 2 : m->cwnd;
	if (event == TCP_CC_RTO)
		m->w_max = 0;
	m->cwnd_prior = m->cwnd;
	m->stage = false;
	m->ssthresh = flight * M_BETA;
	if (event == TCP_CC_RTO)
		m->cwnd = 1;
	else
		m->cwnd = fmax(m->ssthresh, event == TCP_CC_ECE ? 1 : 2);
	m->ssthresh = fmax(m->ssthresh, 2);
}

static void
m_undo(struct model *m)
{
	if (m->cwnd >= m->undo_cwnd)
		return;
	m->cwnd = m->undo_cwnd;
	m->ssthresh = m->undo_ssthresh;
	m->w_max = m->undo_w_max;
	m->cwnd_prior = m->undo_prior;
	m->stage = false;
}

/* ------------------------------------------------------------------ the code beside it */

struct side {
	struct harness *h;
	struct tcp_tcb tcb;
	struct tcp_block b;
	struct model m;
	uint32_t rtt_us;
	time_us_t last; /**< the last ACK */
};

/** A connection with a window of @p segments and nothing known of the path but its RTT. */
static struct side *
side_new(uint16_t mss, uint32_t segments, uint32_t rtt_us)
{
	struct side *s = calloc(1, sizeof(*s));
	struct tcp_conf conf = h_conf();

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	conf.cc = TCP_CC_CUBIC;
	s->h = h_new(&conf, IP_V4, 5000000);
	s->tcb = (struct tcp_tcb){.mss = mss,
			.cwnd = segments * mss,
			.ssthresh = TCP_CWND_MAX,
			.srtt = rtt_us,
			.snd_una = 100,
			.snd_nxt = 100 + segments * mss,
			.state = TCP_ESTABLISHED};
	s->m = (struct model){.cwnd = segments, .ssthresh = (double)TCP_CWND_MAX / mss};
	s->rtt_us = rtt_us;
	s->last = s->h->ctx->now;
	tcp_cc_start(s->h->ctx, &s->tcb, &s->b);
	return s;
}

static void
side_free(struct side *s)
{
	h_free(s->h);
	free(s);
}

static double
cwnd_of(const struct side *s)
{
	return (double)s->tcb.cwnd / s->tcb.mss;
}

static void
pass(struct side *s, time_us_t us)
{
	tcp_set_time(s->h->ctx, s->h->ctx->now + us);
}

/** @p octets are acknowledged; the window was full when they were sent, or not. */
static void
ack(struct side *s, uint32_t octets, bool limited)
{
	struct tcp_ctx *ctx = s->h->ctx;

	s->tcb.snd_una += octets;
	s->tcb.snd_nxt = s->tcb.snd_una + s->tcb.cwnd;
	if (limited)
		tcp_cc_full(&s->tcb, &s->b);
	tcp_cc_ack(ctx, &s->tcb, &s->b, octets);
	/* The code's clock ticks in ms, and so must the model's. */
	if (limited)
		m_ack(&s->m, (double)octets / s->tcb.mss,
				(double)(ctx->now_ms - time_us_to_ms(s->last)) / 1e3,
				floor(s->rtt_us / 1e3) / 1e3);
	s->b.cc.limited = false;
	s->last = ctx->now;
}

static void
reduce(struct side *s, enum tcp_cc_event event, uint32_t flight)
{
	/*
	 * Stage by stage: whether cwnd has reached W_max or not is decided here, and a segment of difference would lead
	 * the two apart for ever.
	 */
	s->m.cwnd = cwnd_of(s);
	s->m.w_max = (double)s->b.cc.cubic.w_max / s->tcb.mss;
	s->m.cwnd_prior = (double)s->b.cc.cubic.cwnd_prior / s->tcb.mss;
	s->tcb.snd_nxt = s->tcb.snd_una + flight;
	tcp_cc_reduce(s->h->ctx, &s->tcb, &s->b, event);
	/* What recovery does in the end. */
	if (event == TCP_CC_LOSS)
		s->tcb.cwnd = s->tcb.ssthresh;
	/* The window in which it happened is over. */
	s->b.cc.reduced = false;
	m_reduce(&s->m, event, (double)flight / s->tcb.mss);
}

/** One RTT with the window full, an ACK for each second segment. @return octets acknowledged */
static uint32_t
round_trip(struct side *s)
{
	const uint32_t n = s->tcb.cwnd / s->tcb.mss / 2 > 0 ? s->tcb.cwnd / s->tcb.mss / 2 : 1;

	for (uint32_t i = 0; i < n; i++) {
		pass(s, s->rtt_us / n);
		ack(s, 2u * s->tcb.mss, true);
	}
	return n * 2 * s->tcb.mss;
}

/* Over all random lives: rounding must not favour a side. */
static double sum_code, sum_model;

/** The two differ by rounding: growth comes in whole segments here, and K in ms. */
static bool
agree(const struct side *s)
{
	const double diff = fabs(cwnd_of(s) - s->m.cwnd);

	sum_code += cwnd_of(s);
	sum_model += s->m.cwnd;
	if (diff <= 2.0 + 0.01 * s->m.cwnd)
		return true;
	fprintf(stderr, "cwnd %.2f, the model says %.2f (W_max %.2f, K %.3f, t %.3f)\n", cwnd_of(s),
			s->m.cwnd, s->m.w_max, s->m.k, s->m.t);
	return false;
}

/* ------------------------------------------------------------------ model against code */

/** One random life: @p steps round trips with losses, timeouts, ECE, spurious ones and quiet times. */
static bool
life(uint64_t *r, uint16_t mss, uint32_t rtt_us, unsigned int steps)
{
	struct side *s = side_new(mss, 10, rtt_us);
	bool ok = true;

	s->tcb.ssthresh = (50 + random_below(r, 400)) * mss;
	s->m.ssthresh = (double)s->tcb.ssthresh / mss;
	for (unsigned int i = 0; i < steps && ok; i++) {
		const uint32_t what = random_below(r, 40);

		if (what == 0 || s->tcb.cwnd > 3000u * mss) {
			reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
		} else if (what == 1 && random_below(r, 3) == 0) {
			reduce(s, TCP_CC_RTO, s->tcb.cwnd);
		} else if (what == 2) {
			reduce(s, TCP_CC_ECE, s->tcb.cwnd);
		} else if (what == 3) {
			reduce(s, TCP_CC_LOSS, s->tcb.cwnd / 2); /* the sender had little to say */
		} else if (what == 4) {
			/* A loss, a round trip, and the news that there was none. */
			reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
			tcp_cc_undo(s->h->ctx, &s->tcb, &s->b);
			m_undo(&s->m);
		} else if (what == 5) {
			for (unsigned int q = 0; q < 20; q++) {
				pass(s, s->rtt_us);
				ack(s, mss, false); /* nothing but small talk: cwnd is no limit */
			}
		} else {
			(void)round_trip(s);
		}
		ok = agree(s);
	}
	side_free(s);
	return ok;
}

static void
code_agrees_with_the_model(void)
{
	static const uint16_t mss[] = {536, 1448, 8948};
	static const uint32_t rtt[] = {1000, 10000, 50000, 100000, 300000};
	uint64_t r = 20260101;

	for (unsigned int i = 0; i < 150; i++) {
		const uint16_t m = mss[i % PTCP_ARRAY_SIZE(mss)];
		const uint32_t t = rtt[i % PTCP_ARRAY_SIZE(rtt)];
		const uint64_t seed = r;

		if (!life(&r, m, t, 300)) {
			fprintf(stderr, "seed %" PRIu64 ", MSS %u, RTT %u us\n", seed, m, t);
			CU_FAIL("the code has left the model");
			return;
		}
	}
	CU_ASSERT(fabs(sum_code / sum_model - 1) < 0.01);
}

/* ------------------------------------------------------------------ what the RFC states */

/** The average window with one loss in each 1/p segments. */
static double
average(uint32_t rtt_us, double p, unsigned int losses)
{
	struct side *s = side_new(1448, 100, rtt_us);
	double sum = 0;
	unsigned int rounds = 0;

	s->tcb.ssthresh = s->tcb.cwnd;
	for (unsigned int i = 0; i < losses; i++) {
		double left = 1 / p;

		while (left > 0) {
			left -= round_trip(s) / 1448.0;
			if (i >= losses / 2) {
				sum += cwnd_of(s);
				rounds++;
			}
		}
		reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	}
	side_free(s);
	return sum / rounds;
}

static bool
near(double got, double want, double part)
{
	if (fabs(got - want) <= part * want)
		return true;
	fprintf(stderr, "%.1f instead of %.1f\n", got, want);
	return false;
}

/** Table 1 (RTT 0.1 s) and table 2 (0.01 s) of section 5.1. */
static void
average_window_is_that_of_the_rfcs_tables(void)
{
	CU_ASSERT_TRUE(near(average(100000, 1e-4, 60), 187, 0.1));
	CU_ASSERT_TRUE(near(average(100000, 1e-5, 30), 1054, 0.1));
	CU_ASSERT_TRUE(near(average(10000, 1e-3, 100), 38, 0.15));
	CU_ASSERT_TRUE(near(average(10000, 1e-4, 60), 120, 0.15));
}

/** Section 4.2: K seconds after the stage began cwnd is W_max again, and the growth is slowest there. */
static void
window_is_back_at_w_max_after_k(void)
{
	struct side *s = side_new(1448, 1000, 100000);
	const double k = cbrt(1000 * 0.3 / 0.4);
	time_us_t start;
	uint32_t before;

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 700u * 1448);
	start = s->h->ctx->now;
	while ((double)(s->h->ctx->now - start) / 1e6 < k)
		(void)round_trip(s);
	CU_ASSERT_TRUE(near(cwnd_of(s), 1000, 0.01));
	before = s->tcb.cwnd;
	(void)round_trip(s);
	CU_ASSERT(s->tcb.cwnd - before <= 2u * 1448);
	/* And beyond it, convex: 1000 + 0.4 x 5^3 after 5 s more. */
	for (unsigned int i = 0; i < 49; i++)
		(void)round_trip(s);
	CU_ASSERT_TRUE(near(cwnd_of(s), 1050, 0.02));
	side_free(s);
}

/** Section 4.6. */
static void
reduction_is_to_seven_tenths(void)
{
	struct side *s = side_new(1000, 100, 50000);

	s->tcb.ssthresh = s->tcb.cwnd;
	tcp_cc_reduce(s->h->ctx, &s->tcb, &s->b, TCP_CC_LOSS);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, 70000);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 100000); /* recovery's */
	CU_ASSERT_EQUAL(s->b.cc.cubic.w_max, 100000);
	side_free(s);
}

static void
reduction_has_its_floors(void)
{
	struct side *s = side_new(1000, 2, 50000);

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_ECE, s->tcb.cwnd);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, 2000);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 1400);
	reduce(s, TCP_CC_ECE, s->tcb.cwnd);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, 2000);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 1000);
	reduce(s, TCP_CC_ECE, 0);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 1000);
	reduce(s, TCP_CC_RTO, 1000);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, 2000);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 1000);
	side_free(s);
}

/** Section 4.7: a second loss below the old W_max gives room to others. */
static void
fast_convergence_lowers_w_max(void)
{
	struct side *s = side_new(1000, 100, 50000);

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	(void)round_trip(s);
	CU_ASSERT(s->tcb.cwnd < 100000);
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	CU_ASSERT_EQUAL(s->b.cc.cubic.w_max, s->b.cc.cubic.cwnd_prior / 20 * 17);
	/* At W_max or above it stays what cwnd was. */
	s->tcb.cwnd = 300000;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	CU_ASSERT_EQUAL(s->b.cc.cubic.w_max, 300000);
	side_free(s);
}

/** Section 4.8: after a timeout slow start to ssthresh, and there the plateau. */
static void
timeout_puts_the_plateau_where_slow_start_ends(void)
{
	struct side *s = side_new(1000, 100, 50000);

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_RTO, s->tcb.cwnd);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 1000);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, 70000);
	while (s->tcb.cwnd < s->tcb.ssthresh)
		(void)round_trip(s);
	(void)round_trip(s);
	CU_ASSERT(s->b.cc.cubic.w_max >= 70000 && s->b.cc.cubic.w_max <= 73000);
	CU_ASSERT(s->b.cc.cubic.at <= 100);
	CU_ASSERT_EQUAL(s->b.cc.cubic.cwnd_prior, 100000);
	side_free(s);
}

/** Section 4.9.2: everything as it was, and the curve goes on. */
static void
undo_restores_the_curve(void)
{
	struct side *s = side_new(1448, 500, 100000);
	uint32_t cwnd, w_max, ssthresh;
	int32_t at;

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	for (unsigned int i = 0; i < 30; i++)
		(void)round_trip(s);
	cwnd = s->tcb.cwnd;
	ssthresh = s->tcb.ssthresh;
	w_max = s->b.cc.cubic.w_max;
	at = s->b.cc.cubic.at;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	CU_ASSERT(s->tcb.cwnd < cwnd);
	tcp_cc_undo(s->h->ctx, &s->tcb, &s->b);
	CU_ASSERT_EQUAL(s->tcb.cwnd, cwnd);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, ssthresh);
	CU_ASSERT_EQUAL(s->b.cc.cubic.w_max, w_max);
	ack(s, 1448, true);
	/* cwnd lags behind the curve by an RTT at most. */
	CU_ASSERT(abs(s->b.cc.cubic.at - at) <= 400);
	/* Once only. */
	s->tcb.cwnd = 10000;
	tcp_cc_undo(s->h->ctx, &s->tcb, &s->b);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 10000);
	side_free(s);
}

/** "In rare cases ... the current cwnd is already higher": it stays. */
static void
undo_too_late_changes_nothing(void)
{
	struct side *s = side_new(1448, 100, 10000);
	uint32_t ssthresh;

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	ssthresh = s->tcb.ssthresh;
	s->tcb.cwnd = 120 * 1448;
	tcp_cc_undo(s->h->ctx, &s->tcb, &s->b);
	CU_ASSERT_EQUAL(s->tcb.cwnd, 120 * 1448);
	CU_ASSERT_EQUAL(s->tcb.ssthresh, ssthresh);
	side_free(s);
}

/** Section 5.8: t stands still while cwnd is no limit, so nothing jumps afterwards. */
static void
quiet_time_is_no_time_on_the_curve(void)
{
	struct side *s = side_new(1448, 200, 100000);
	uint32_t cwnd;
	int32_t at;

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	for (unsigned int i = 0; i < 10; i++)
		(void)round_trip(s);
	cwnd = s->tcb.cwnd;
	at = s->b.cc.cubic.at;
	for (unsigned int i = 0; i < 600; i++) {
		pass(s, 100000);
		ack(s, 1448, false);
	}
	CU_ASSERT_EQUAL(s->tcb.cwnd, cwnd);
	CU_ASSERT_EQUAL(s->b.cc.cubic.at, at);
	pass(s, 1000);
	ack(s, 1448, true);
	CU_ASSERT(s->tcb.cwnd - cwnd <= 1448);
	CU_ASSERT_EQUAL(s->b.cc.cubic.at, at + 1);
	side_free(s);
}

/** The block is given back in quiet moments: growth goes on where it was, below W_max. */
static void
a_new_block_takes_the_curve_up_again(void)
{
	struct side *s = side_new(1448, 400, 100000);
	int32_t at;

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	for (unsigned int i = 0; i < 20; i++)
		(void)round_trip(s);
	at = s->b.cc.cubic.at;
	tcp_cc_start(s->h->ctx, &s->tcb, &s->b);
	CU_ASSERT(abs((int)s->b.cc.cubic.w_max - 400 * 1448) <= 2);
	CU_ASSERT_EQUAL(s->b.cc.cubic.cwnd_prior, s->b.cc.cubic.w_max);
	ack(s, 1448, true);
	CU_ASSERT(abs(s->b.cc.cubic.at - at) <= 400);
	side_free(s);
}

/** Section 4.2: however far the curve has run ahead, an ACK gives half of what it acknowledges at most. */
static void
growth_is_below_that_of_slow_start(void)
{
	struct side *s = side_new(1448, 10, 100000);

	s->tcb.ssthresh = s->tcb.cwnd;
	ack(s, 1448, true);
	pass(s, 60000000);
	for (unsigned int i = 0; i < 6; i++) {
		const uint32_t before = s->tcb.cwnd;
		uint32_t octets = 0;

		/* One window of ACKs. */
		while (octets < before) {
			ack(s, 1448, true);
			octets += 1448;
		}
		CU_ASSERT(s->tcb.cwnd - before <= before / 2 + before / 8 + 2 * 1448);
		CU_ASSERT(s->tcb.cwnd - before >= before / 4);
	}
	side_free(s);
}

/** Another algorithm in the middle of things: cwnd and ssthresh stay, its state follows from them. */
static void
switched_in_the_middle(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h = h_established(&conf);
	struct tcp_profile p = h->ctx->profile[0];
	uint32_t cwnd;

	(void)h_write(h, 60000, 1460);
	h_tcb(h)->ssthresh = 7000;
	tcp_block(h->ctx, h_tcb(h))->cc.cubic.w_max = 1;
	cwnd = h_tcb(h)->cwnd;
	p.cc = TCP_CC_CUBIC;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 7000);
	CU_ASSERT_EQUAL(tcp_block(h->ctx, h_tcb(h))->cc.cubic.w_max, 10000);
	(void)h_in(h, TCP_ACK, 0);
	h_free(h);
}

/** Windows, times and MSS at their limits: no overflow (the sanitizer looks), no growth past the cap. */
static void
extremes(void)
{
	static const uint16_t mss[] = {48, 65495};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mss); i++) {
		struct side *s = side_new(mss[i], 2, 60000000);

		s->tcb.cwnd = s->tcb.ssthresh = TCP_CWND_MAX - 1;
		for (unsigned int n = 0; n < 20; n++) {
			reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
			for (unsigned int k = 0; k < 5; k++) {
				pass(s, 3600ull * 1000000);
				s->tcb.snd_una += TCP_CWND_MAX - 1;
				s->tcb.snd_nxt = s->tcb.snd_una + 1;
				tcp_cc_full(&s->tcb, &s->b);
				tcp_cc_ack(s->h->ctx, &s->tcb, &s->b, TCP_CWND_MAX - 1);
				CU_ASSERT(s->tcb.cwnd <= TCP_CWND_MAX);
			}
			/* After so long everything is allowed again. */
			CU_ASSERT_EQUAL(s->tcb.cwnd, TCP_CWND_MAX);
		}
		s->tcb.cwnd = 1;
		s->tcb.ssthresh = 1;
		reduce(s, TCP_CC_LOSS, 1);
		ack(s, 1, true);
		side_free(s);
	}
}

/* ------------------------------------------------------------------ in a connection */

/** Only what was sent with a full window may grow it (RFC 7661, RFC 9438 section 5.8). */
static void
small_talk_does_not_open_the_window(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.cc = TCP_CC_CUBIC;
	h = h_established(&conf);
	for (unsigned int i = 0; i < 200; i++) {
		(void)h_write(h, 2000, 2000);
		h_wait_ms(h, 10);
		(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 14600);
	h_free(h);
}

/** A whole window at once counts to its last octet, although no more follows. */
static void
a_full_window_counts_to_its_end(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.cc = TCP_CC_CUBIC;
	h = h_established(&conf);
	(void)h_write(h, 14600, 1460);
	for (unsigned int i = 0; i < 5; i++)
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + 2920, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 2 * 14600);
	/* And no further than that. */
	for (unsigned int i = 0; i < 20; i++) {
		(void)h_write(h, 2000, 2000);
		(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 2 * 14600);
	h_free(h);
}

/** By way of the core: what ACKs take in is time on the curve, and after K the window is back at W_max. */
static void
acks_of_the_core_move_along_the_curve(void)
{
	struct tcp_conf conf = h_conf();
	const struct tcp_cubic *c;
	struct harness *h;
	struct tcp_tcb *tcb;

	conf.cc = TCP_CC_CUBIC;
	conf.snd_buf = 1 << 20;
	h = h_sending(&conf, TCP_OPT_SACK_OK, 300);
	tcb = h_tcb(h);
	/* As after a reduction from 142 segments: K is cbrt(42 / 0.4) s. */
	tcb->cwnd = tcb->ssthresh = 100 * tcb->mss;
	tcp_cc_switch(h->ctx, tcb);
	c = &tcp_block(h->ctx, tcb)->cc.cubic;
	for (unsigned int i = 0; i < 49; i++) {
		const uint32_t end = tcb->snd_nxt;

		h_forget(h);
		h_wait_ms(h, 100);
		while (seq_lt(tcb->snd_una, end))
			(void)h_in_at(h, TCP_ACK, h->seq,
					seq_min(tcb->snd_una + 2u * tcb->mss, end), 0);
		(void)h_write(h, 200u * tcb->mss, tcb->mss);
	}
	CU_ASSERT(c->at >= -100 && c->at <= 200);
	CU_ASSERT(tcb->cwnd >= 139u * tcb->mss && tcb->cwnd <= 145u * tcb->mss);
	h_free(h);
}

/** The segments became larger in the middle of a stage: the old distance from W_max is no negative window now. */
static void
larger_segments_in_the_middle(void)
{
	struct side *s = side_new(500, 1000, 100000);

	s->tcb.ssthresh = s->tcb.cwnd;
	reduce(s, TCP_CC_LOSS, s->tcb.cwnd);
	ack(s, 500, true);
	s->tcb.mss = 9000;
	s->b.cc.cubic.w_max /= 2; /* and fast convergence has lowered it */
	for (uint32_t i = 0, before = s->tcb.cwnd; i < 200; i++, before = s->tcb.cwnd) {
		pass(s, 10000);
		ack(s, 9000, true);
		CU_ASSERT(s->tcb.cwnd >= before);
		CU_ASSERT(s->tcb.cwnd <= before + before / 2);
	}
	side_free(s);
}

/** The estimate of Reno's window is capped like the window. */
static void
estimate_is_capped(void)
{
	struct side *s = side_new(60000, 2, 1000000);

	s->tcb.cwnd = s->tcb.ssthresh = TCP_CWND_MAX - 100;
	s->b.cc.cubic.w_max = 1;
	ack(s, 60000, true); /* the stage begins there */
	for (uint32_t i = 0; i < 10; i++) {
		pass(s, 1000);
		ack(s, TCP_CWND_MAX, true);
		CU_ASSERT(s->b.cc.cubic.w_est <= TCP_CWND_MAX);
		CU_ASSERT(s->tcb.cwnd <= TCP_CWND_MAX);
	}
	CU_ASSERT_EQUAL(s->b.cc.cubic.w_est, TCP_CWND_MAX);
	side_free(s);
}

static CU_TestInfo tests[] = {
		TEST(code_agrees_with_the_model),
		TEST(average_window_is_that_of_the_rfcs_tables),
		TEST(window_is_back_at_w_max_after_k),
		TEST(reduction_is_to_seven_tenths),
		TEST(reduction_has_its_floors),
		TEST(fast_convergence_lowers_w_max),
		TEST(timeout_puts_the_plateau_where_slow_start_ends),
		TEST(undo_restores_the_curve),
		TEST(undo_too_late_changes_nothing),
		TEST(quiet_time_is_no_time_on_the_curve),
		TEST(a_new_block_takes_the_curve_up_again),
		TEST(growth_is_below_that_of_slow_start),
		TEST(switched_in_the_middle),
		TEST(extremes),
		TEST(small_talk_does_not_open_the_window),
		TEST(a_full_window_counts_to_its_end),
		TEST(acks_of_the_core_move_along_the_curve),
		TEST(larger_segments_in_the_middle),
		TEST(estimate_is_capped),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("cubic", tests)
