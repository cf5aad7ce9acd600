/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission timer: RFC 6298, RFC 9293 section 3.8.1 and 3.8.3. */
#include "harness.h"

#define MSS 1460

/** Active open whose SYN,ACK comes after @p ms. */
static struct harness *
opened(const struct tcp_conf *conf, uint32_t ms, uint8_t opts)
{
	struct harness *h = h_new(conf, IP_V4, 1000);

	h->opts |= opts;
	(void)h_open(h);
	h_wait_ms(h, ms);
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	h_forget(h);
	return h;
}

/** RTO exactly 1 s: the round trip takes no time, the minimum is 1 s. */
static struct harness *
opened_rto_1_s(uint32_t data_r2_ms, uint8_t opts)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_min_ms = 1000;
	conf.data_r2_ms = data_r2_ms;
	h = opened(&conf, 0, opts);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1000);
	return h;
}

static bool
near(uint32_t a, double b)
{
	return (double)a > b - 3 && (double)a < b + 3;
}

/** The next segment repeats @p seq at @p ms after @p start. */
static const struct h_seg *
expect_again(struct harness *h, uint32_t seq, time_us_t start, uint64_t ms)
{
	const struct h_seg *s = h_next(h);

	CU_ASSERT_PTR_NOT_NULL(s);
	if (s == NULL)
		return NULL;
	CU_ASSERT_TRUE(s->rexmt);
	CU_ASSERT_EQUAL(s->seg.seq, seq);
	CU_ASSERT_EQUAL(s->when - start, ms * 1000);
	return s;
}

/* ------------------------------------------------------------------ the numbers */

/** RFC 6298 section 2, worked out by hand. */
static void
rto_follows_rfc_6298(void)
{
	static const struct {
		uint32_t rtt_ms;
		double srtt_us, rttvar_us;
		uint32_t rto_ms; /**< rounded up */
	} steps[] = {
			{100, 100000, 50000, 300},
			{200, 112500, 62500, 363},
			{50, 104687.5, 62500, 355},
			{300, 129101.5625, 95703.125, 512},
			{10, 114213.8672, 101552.7344, 521},
			{120, 114937.1338, 77611.0840, 426},
	};
	struct harness *h = opened(NULL, steps[0].rtt_ms, 0);

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(steps); i++) {
		if (i > 0) {
			(void)h_write(h, 10, 10);
			h_wait_ms(h, steps[i].rtt_ms);
			(void)h_in(h, TCP_ACK, 0);
		}
		CU_ASSERT_TRUE(near(h_tcb(h)->srtt, steps[i].srtt_us));
		CU_ASSERT_TRUE(near(h_tcb(h)->rttvar, steps[i].rttvar_us));
		CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), steps[i].rto_ms);
	}
	h_free(h);
}

/** A variance that has died away leaves the clock's granularity. */
static void
rto_of_a_steady_path(void)
{
	struct harness *h = opened(NULL, 500, 0);

	for (unsigned int i = 0; i < 60; i++) {
		(void)h_write(h, 10, 10);
		h_wait_ms(h, 500);
		(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 501);
	h_free(h);
}

static void
rto_has_bounds(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h = opened(NULL, 1, 0);

	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 200);
	h_free(h);
	conf.rto_max_ms = 2500;
	conf.rto_initial_ms = 2500;
	h = opened(&conf, 2000, 0);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 2500);
	h_free(h);
}

/** One segment a flight is timed; the ACK that covers it gives the sample. */
static void
rtt_is_taken_from_the_timed_segment(void)
{
	struct harness *h = opened(NULL, 100, 0);
	const uint32_t first = h_tcb(h)->snd_una;

	(void)h_write(h, 3 * MSS, MSS);
	h_wait_ms(h, 30);
	(void)h_in_at(h, TCP_ACK, h->seq, first + MSS - 1, 0);
	CU_ASSERT_TRUE(near(h_tcb(h)->srtt, 100000)); /* not all of it */
	h_wait_ms(h, 30);
	(void)h_in_at(h, TCP_ACK, h->seq, first + MSS, 0);
	CU_ASSERT_TRUE(near(h_tcb(h)->srtt, 95000)); /* 7/8 of 100 + 1/8 of 60 */
	h_wait_ms(h, 60);
	(void)h_in_at(h, TCP_ACK, h->seq, first + 2 * MSS, 0);
	CU_ASSERT_TRUE(near(h_tcb(h)->srtt, 95000)); /* not timed */
	h_free(h);
}

/* ------------------------------------------------------------------ the timer */

static void
established_timer_runs_from_the_first_and_restarts_on_ack(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t first = h_tcb(h)->snd_una;
	const time_us_t start = h->ctx->now;

	h_tcb(h)->flags |= TF_NODELAY;
	(void)h_write(h, 10, 10);
	h_wait_ms(h, 400);
	(void)h_write(h, 10, 10); /* 5.1: it runs already */
	h_wait_ms(h, 500);
	h_forget(h);
	(void)h_in_at(h, TCP_ACK, h->seq, first + 10,
			0); /* 5.3, at 900 ms: srtt 112.5, rttvar 225 */
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1013);
	h_wait_ms(h, tcp_rto_ms(h->ctx, h_tcb(h)) - 1);
	h_expect_none(h);
	h_wait_ms(h, 1);
	(void)expect_again(h, first + 10, start, 900 + 1013);
	/* 5.2: nothing outstanding, no timer. */
	(void)h_in(h, TCP_ACK, 0);
	h_forget(h);
	h_wait_ms(h, 3600 * 1000);
	h_expect_none(h);
	h_free(h);
}

static void
established_timeout_backs_off_to_60_s(void)
{
	static const uint32_t intervals[] = {1, 2, 4, 8, 16, 32, 60, 60, 60, 60};
	struct harness *h = opened_rto_1_s(3600 * 1000, 0);
	const uint32_t first = h_tcb(h)->snd_una;
	const time_us_t start = h->ctx->now;
	uint64_t at = 0;

	(void)h_write(h, 10, 10);
	h_forget(h);
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(intervals); i++) {
		at += intervals[i] * 1000;
		h_wait_ms(h, intervals[i] * 1000 - 1);
		h_expect_none(h);
		h_wait_ms(h, 1);
		(void)expect_again(h, first, start, at);
		/* R1 is three retransmissions (RFC 9293 section 3.8.3). */
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_R1_REACHED], i >= 2);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], PTCP_ARRAY_SIZE(intervals));
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_R1_REACHED], 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** R2 (at least 100 s, RFC 9293 section 3.8.3): with 1 s the seventh timeout, at 123 s. */
static void
established_timeout_ends_after_r2(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const time_us_t start = h->ctx->now;

	(void)h_write(h, 10, 10);
	h_wait_ms(h, 123000 - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, 0);
	h_forget(h);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->event[0].when - start, 123000 * 1000);
	(void)h_expect(h, TCP_RST);
	h_expect_none(h);
	h_free(h);
}

/** An ACK in between begins a new count. */
static void
established_timeout_r2_counts_silence_only(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t first = h_tcb(h)->snd_una;

	(void)h_write(h, 10 * MSS, MSS);
	for (uint32_t i = 1; i < 10; i++) {
		h_wait_ms(h, 62000);
		(void)h_in_at(h, TCP_ACK, h->seq, first + i * MSS, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	}
	h_free(h);
}

/* ------------------------------------------------------------------ Karn, timestamps */

static void
established_ack_of_repeated_text_is_no_sample(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t srtt = h_tcb(h)->srtt;
	uint32_t first = h_tcb(h)->snd_una;
	time_us_t start;

	(void)h_write(h, 10, 10);
	h_wait_ms(h, 3500);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, first + 10);
	CU_ASSERT_EQUAL(h_tcb(h)->srtt, srtt);
	/* The backed-off RTO stays until there is a sample (RFC 6298 section 5). */
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 4000);
	first += 10;
	start = h->ctx->now;
	(void)h_write(h, 10, 10);
	h_forget(h);
	h_wait_ms(h, 3999);
	h_expect_none(h);
	h_wait_ms(h, 1);
	(void)expect_again(h, first, start, 4000);
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 10, 10);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1000);
	h_free(h);
}

/** With timestamps the ACK says which copy it answers (RFC 7323 section 4). */
static void
established_timestamp_tells_the_copy(void)
{
	struct harness *h = opened_rto_1_s(100000, TCP_OPT_TS);
	const uint32_t first = h_tcb(h)->snd_una;

	(void)h_write(h, 10, 10);
	h_wait_ms(h, 3000); /* 1 s and 3 s: h->ts_ecr is the last one's */
	h_wait_ms(h, 80);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, first + 10);
	CU_ASSERT_TRUE(near(h_tcb(h)->srtt, 80000.0 / 8));
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1000);
	h_free(h);
}

/**
 * The ACK of the first copy was lost: that of the last one repeats its timestamp (RFC 7323 section 5.3: a duplicate is no
 * longer in the window). Its age is that of the timeouts, which must not feed on themselves.
 */
static void
established_echo_of_the_first_copy_is_no_sample(void)
{
	struct harness *h = opened_rto_1_s(100000, TCP_OPT_TS);
	const uint32_t first = h_tcb(h)->snd_una, srtt = h_tcb(h)->srtt;
	uint32_t echo;

	(void)h_write(h, 10, 10);
	echo = h->ts_ecr;
	h_wait_ms(h, 3000);
	h_wait_ms(h, 1);
	h->ts_ecr = echo;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, first + 10);
	CU_ASSERT_EQUAL(h_tcb(h)->srtt, srtt);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 4000); /* Karn: until there is a sample */
	(void)h_write(h, 10, 10);
	h_wait_ms(h, 1);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1000);
	h_free(h);
}

/** An echo of what was never sent is not believed. */
static void
established_timestamp_echo_from_nowhere(void)
{
	static const int32_t off[] = {1, 1000, -700 * 1000, INT32_MIN};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(off); i++) {
		struct harness *h = opened_rto_1_s(100000, TCP_OPT_TS);
		const uint32_t srtt = h_tcb(h)->srtt;

		(void)h_write(h, 10, 10);
		h_wait_ms(h, 1000);
		h->ts_ecr += (uint32_t)off[i];
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->srtt, srtt);
		CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 2000);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ what is sent again */

/** All ten lost, and nothing new that F-RTO could send: one, two, four ... as slow start allows. */
static void
established_timeout_goes_back_n(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t first = h_tcb(h)->snd_una;
	uint32_t sent = 0, acked = 0, burst = 1;

	(void)h_write(h, 10 * MSS, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - first, 10 * MSS);
	h_forget(h);
	h_wait_ms(h, 1000);
	while (sent < 10) {
		uint32_t n = 0;
		const struct h_seg *s;

		while ((s = h_next(h)) != NULL) {
			CU_ASSERT_EQUAL(s->seg.seq, first + sent * MSS);
			CU_ASSERT_TRUE(s->rexmt);
			CU_ASSERT_EQUAL(s->len, MSS);
			sent++;
			n++;
		}
		CU_ASSERT_EQUAL_FATAL(n, burst < 10 - acked ? burst : 10 - acked);
		/* One ACK for each. */
		while (acked < sent) {
			acked++;
			(void)h_in_at(h, TCP_ACK, h->seq, first + acked * MSS, 0);
		}
		burst *= 2;
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 10);
	h_free(h);
}

/** What was in flight has gone again and the window has room: new text follows, before all of that is acknowledged. */
static void
established_timeout_then_new_text_in_the_same_window(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t first = h_tcb(h)->snd_una;
	uint32_t acked, again = 0, fresh = 0;

	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - first, 10 * MSS);
	h_forget(h);
	h_wait_ms(h, 3000); /* twice: no F-RTO */
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 2);
	for (acked = 1; again < 11; acked++) {
		CU_ASSERT_FATAL(acked < 10);
		(void)h_in_at(h, TCP_ACK, h->seq, first + acked * MSS, 0);
		for (again = fresh = 0; again + fresh < h->n_sent;)
			*(h->sent[again + fresh].rexmt ? &again : &fresh) += 1;
	}
	CU_ASSERT_EQUAL(again, 11); /* the first one twice */
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_LOSS, 0);
	(void)h_in_at(h, TCP_ACK, h->seq, first + acked * MSS, 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_LOSS, 0);
	CU_ASSERT(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una + MSS > h_tcb(h)->cwnd);
	CU_ASSERT(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una <= h_tcb(h)->cwnd);
	CU_ASSERT(seq_gt(h_tcb(h)->snd_nxt, first + 10 * MSS));
	h_free(h);
}

/** Only the first was lost: its ACK covers all, and nothing else is repeated. */
static void
established_timeout_then_everything_is_acknowledged(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t first = h_tcb(h)->snd_una;

	(void)h_write(h, 20 * MSS, MSS);
	h_forget(h);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	h_forget(h);
	(void)h_in_at(h, TCP_ACK, h->seq, first + 10 * MSS, 0);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_FALSE(h->sent[i].rexmt);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, first + 10 * MSS);
	h_free(h);
}

/** The repeated one is lost again: timeouts of the same segment do not halve ssthresh again. */
static void
established_second_timeout_keeps_ssthresh(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);

	(void)h_write(h, 10 * MSS, MSS);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	h_wait_ms(h, 2000);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, MSS);
	h_free(h);
}

static void
fin_wait_1_fin_is_repeated(void)
{
	struct harness *h = opened_rto_1_s(100000, 0);
	const uint32_t first = h_tcb(h)->snd_una;
	const time_us_t start = h->ctx->now;
	const struct h_seg *s;

	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	h_forget(h);
	h_wait_ms(h, 3000);
	for (unsigned int i = 0; i < 2; i++) {
		s = expect_again(h, first, start, i == 0 ? 1000 : 3000);
		CU_ASSERT_EQUAL(s->seg.flags, TCP_FIN | TCP_ACK);
	}
	/* And with text before it, on which it rides. */
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_free(h);
	h = opened_rto_1_s(100000, 0);
	(void)h_write(h, 100, 100);
	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	h_forget(h);
	h_wait_ms(h, 1000);
	s = h_next(h);
	CU_ASSERT_EQUAL(s->len, 100);
	CU_ASSERT((s->seg.flags & TCP_FIN) != 0);
	h_free(h);
}

/** LAST-ACK and CLOSING end by R2 too when nobody answers. */
static void
last_ack_and_closing_end_after_r2(void)
{
	static const enum tcp_state states[] = {TCP_LAST_ACK, TCP_CLOSING, TCP_FIN_WAIT_1};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(states); i++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);

		h_to_state(h, states[i], false);
		h_wait_ms(h, 100000);
		CU_ASSERT_EQUAL(h_state(h), states[i]);
		h_wait_ms(h, 5000); /* 0.2 s doubled nine times: 102.2 s */
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ SYN */

static void
syn_sent_syn_is_repeated_for_3_minutes(void)
{
	static const uint64_t at[] = {1, 3, 7, 15, 31, 63, 123};
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const time_us_t start = h->ctx->now;
	uint32_t iss;

	(void)h_open(h);
	iss = h_next(h)->seg.seq;
	h_wait_ms(h, 183000 - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(at); i++)
		CU_ASSERT_EQUAL(expect_again(h, iss, start, at[i] * 1000)->seg.flags, TCP_SYN);
	h_expect_none(h);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_expect_none(h);
	h_free(h);
}

/** RFC 6298 5.7: 3 s when data begins; RFC 5681 section 3.1: an initial window of one segment. */
static void
established_after_a_lost_syn(void)
{
	for (unsigned int active = 0; active < 2; active++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		uint32_t first;
		time_us_t start;

		if (active)
			(void)h_open(h);
		else
			(void)h_in(h, TCP_SYN, 0);
		h_wait_ms(h, 1500);
		(void)h_in(h, active ? TCP_SYN | TCP_ACK : TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_tcb(h)->srtt, 0);
		CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 3000);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, MSS);
		first = h_tcb(h)->snd_una;
		start = h->ctx->now;
		h_forget(h);
		(void)h_write(h, 5 * MSS, MSS);
		CU_ASSERT_EQUAL(h->n_sent, 1);
		h_forget(h);
		h_wait_ms(h, 3000);
		(void)expect_again(h, first, start, 3000);
		h_free(h);
	}
}

/** With timestamps the lost SYN costs no sample: the SYN,ACK says which SYN it answers. */
static void
established_after_a_lost_syn_with_timestamps(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);

	h->opts |= TCP_OPT_TS;
	(void)h_open(h);
	h_wait_ms(h, 1000);
	h_wait_ms(h, 400);
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	CU_ASSERT_TRUE(near(h_tcb(h)->srtt, 400000));
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1200);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 1448);
	h_free(h);
}

/** RFC 6298 5.7 raises the RTO to 3 s; one that began above that stays. */
static void
established_after_a_lost_syn_with_a_long_rto(void)
{
	static const uint32_t initial[] = {2999, 3000, 3001, 5000};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(initial); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.rto_initial_ms = initial[i];
		h = h_new(&conf, IP_V4, 1000);
		(void)h_open(h);
		h_wait_ms(h, initial[i] + 10);
		(void)h_in(h, TCP_SYN | TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_tcb(h)->srtt, 0);
		CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)),
				initial[i] < 3000 ? 3000 : initial[i]);
		h_free(h);
	}
}

static CU_TestInfo tests[] = {
		TEST(rto_follows_rfc_6298),
		TEST(rto_of_a_steady_path),
		TEST(rto_has_bounds),
		TEST(rtt_is_taken_from_the_timed_segment),
		TEST(established_timer_runs_from_the_first_and_restarts_on_ack),
		TEST(established_timeout_backs_off_to_60_s),
		TEST(established_timeout_ends_after_r2),
		TEST(established_timeout_r2_counts_silence_only),
		TEST(established_ack_of_repeated_text_is_no_sample),
		TEST(established_timestamp_tells_the_copy),
		TEST(established_echo_of_the_first_copy_is_no_sample),
		TEST(established_timestamp_echo_from_nowhere),
		TEST(established_timeout_goes_back_n),
		TEST(established_timeout_then_new_text_in_the_same_window),
		TEST(established_timeout_then_everything_is_acknowledged),
		TEST(established_second_timeout_keeps_ssthresh),
		TEST(fin_wait_1_fin_is_repeated),
		TEST(last_ack_and_closing_end_after_r2),
		TEST(syn_sent_syn_is_repeated_for_3_minutes),
		TEST(established_after_a_lost_syn),
		TEST(established_after_a_lost_syn_with_timestamps),
		TEST(established_after_a_lost_syn_with_a_long_rto),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("rto", tests)
