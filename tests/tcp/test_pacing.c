/* SPDX-License-Identifier: BSD-3-Clause */
/* Pacing: new text in quanta of a millisecond, two segments at least; and what ECE does to a window of one segment. */
#include "harness.h"
#include "twin.h"

#define MSS 1460u
#define RTT 20000u /* microseconds */

/** ESTABLISHED, RTT known (0: not), window of ten segments, window of the peer without limit. */
static struct harness *
paced(uint32_t rtt_us, bool pacing)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.pacing = pacing;
	conf.snd_buf = 8 << 20;
	conf.max_nodes = 16384;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 10;
	(void)h_in(h, TCP_SYN, 0);
	h_wait(h, rtt_us);
	h->wnd = 60000;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	if (rtt_us == 0)
		h_tcb(h)->srtt = 0;
	h_forget(h);
	return h;
}

/** Segments that left between @p from and @p to microseconds after @p start. */
static unsigned int
sent_in(const struct harness *h, time_us_t start, uint32_t from, uint32_t to)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->n_sent; i++)
		n += h->sent[i].len > 0 && h->sent[i].when >= start + from &&
				h->sent[i].when < start + to;
	return n;
}

/** The clock stands anywhere: in the second half of its 32 bits, and just before they wrap. */
static void
anywhere_on_the_clock(void)
{
	static const time_us_t start[] = {1000, 1ull << 31, (1ull << 31) + 5000000, 1ull << 32,
			(1ull << 32) - 23000, 5ull << 32};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(start); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.pacing = true;
		h = h_new(&conf, IP_V4, start[i]);
		(void)h_in(h, TCP_SYN, 0);
		h_wait(h, RTT);
		(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
		(void)h_write(h, 10 * MSS, MSS);
		CU_ASSERT_EQUAL(h->n_sent, 2);
		h_wait_ms(h, 7);
		CU_ASSERT(h->n_sent >= 6 && h->n_sent <= 8);
		h_wait_ms(h, 3);
		CU_ASSERT_EQUAL(h->n_sent, 10);
		h_free(h);
	}
}

/** Slow start at 2 x 10 segments in 20 ms: a segment a millisecond, so two each two milliseconds. */
static void
first_window_is_spread(void)
{
	struct harness *h = paced(RTT, true);
	const time_us_t start = h->ctx->now;

	(void)h_write(h, 30 * MSS, MSS);
	h_wait_ms(h, 15);
	for (uint32_t ms = 0; ms < 15; ms++)
		CU_ASSERT_EQUAL(sent_in(h, start, ms * 1000, (ms + 1) * 1000),
				ms % 2 == 0 && ms < 10 ? 2 : 0);
	h_free(h);
}

/** What waits for the clock does not wait for the window: bursts of a small part of it do not make it larger. */
static void
bursts_below_the_window_do_not_open_it(void)
{
	struct harness *h = paced(RTT, true);
	const uint32_t cwnd = 400 * MSS;

	h_tcb(h)->cwnd = cwnd;
	for (unsigned int i = 0; i < 10; i++) {
		const uint64_t held = h->counters.n[COUNTER_SEGMENTS_OUT];

		(void)h_write(h, 80 * MSS, MSS);
		CU_ASSERT(h->counters.n[COUNTER_SEGMENTS_OUT] < held + 80);
		h_wait_ms(h, 20);
		while (h_tcb(h)->snd_una != h_tcb(h)->snd_nxt)
			(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + 2 * MSS, 0);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	/* Half of it is in use: it is the limit. */
	(void)h_write(h, 300 * MSS, MSS);
	h_wait_ms(h, 20);
	while (h_tcb(h)->snd_una != h_tcb(h)->snd_nxt)
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + 2 * MSS, 0);
	CU_ASSERT(h_tcb(h)->cwnd > cwnd);
	h_free(h);
}

static void
without_it_the_window_leaves_at_once(void)
{
	struct harness *h = paced(RTT, false);

	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_EQUAL(h->n_sent, 10);
	h_free(h);
}

/** No rate without an RTT, and none worth the while with an RTT below the quantum. */
static void
unknown_and_tiny_rtts_do_not_wait(void)
{
	struct harness *h = paced(0, true);

	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_EQUAL(h->n_sent, 10);
	h_free(h);
	h = paced(500, true);
	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_EQUAL(h->n_sent, 10);
	h_free(h);
}

/** Congestion avoidance: 1.2 x cwnd / srtt, over fractions of milliseconds and with a wheel that is late. */
static void
rate_is_kept(void)
{
	static const uint32_t step[] = {1000, 100, 1700, 977};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(step); i++) {
		struct harness *h = paced(RTT, true);
		const uint32_t cwnd = 1000 * MSS;
		uint64_t octets = 0;

		h_tcb(h)->cwnd = cwnd;
		h_tcb(h)->ssthresh = cwnd / 2;
		h_tcb(h)->srtt = 300000;
		(void)h_write(h, 3000 * MSS, 10 * MSS);
		/* 0.24 s at 4 segments a millisecond. */
		for (uint32_t t = 0; t < 240000; t += step[i])
			h_wait(h, step[i]);
		for (unsigned int k = 0; k < h->n_sent; k++)
			octets += h->sent[k].len;
		CU_ASSERT(octets >= 950ull * MSS && octets <= 970ull * MSS);
		h_free(h);
	}
}

static void
bursts_are_a_quantum(void)
{
	struct harness *h = paced(RTT, true);
	const time_us_t start = h->ctx->now;

	h_tcb(h)->cwnd = 200 * MSS;
	(void)h_write(h, 1000 * MSS, 10 * MSS);
	h_wait_ms(h, 9);
	/* 2 x 200 segments in 20 ms. */
	for (uint32_t ms = 0; ms < 9; ms++)
		CU_ASSERT(sent_in(h, start, ms * 1000, (ms + 1) * 1000) <= 21);
	CU_ASSERT(sent_in(h, start, 0, 9000) >= 178);
	h_free(h);
}

/** What was not used is not saved up. */
static void
pauses_give_no_credit(void)
{
	struct harness *h = paced(RTT, true);
	unsigned int n;

	(void)h_write(h, MSS, MSS);
	h_wait_ms(h, 100);
	n = h->n_sent;
	(void)h_write(h, 30 * MSS, MSS);
	/* The one segment left of the first quantum, and a quantum. */
	CU_ASSERT_EQUAL(h->n_sent - n, 3);
	h_free(h);
}

/** The clock of pacing has 32 bits of microseconds: after an hour nothing may seem to lie ahead. */
static void
long_silence_holds_nothing_back(void)
{
	static const uint32_t minutes[] = {30, 36, 50, 71, 72, 100, 1000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(minutes); i++) {
		struct harness *h = paced(RTT, true);

		/* Unread text keeps the block. */
		h->auto_read = false;
		(void)h_in(h, TCP_ACK, 10);
		(void)h_write(h, 5 * MSS, MSS);
		h_wait_ms(h, 20);
		(void)h_in(h, TCP_ACK, 0);
		h_wait_ms(h, 60000ull * minutes[i]);
		CU_ASSERT_NOT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
		h_forget(h);
		(void)h_write(h, 8 * MSS, MSS);
		CU_ASSERT(h->n_sent >= 2);
		h_wait_ms(h, 10);
		CU_ASSERT_EQUAL(h->n_sent, 8);
		h_free(h);
	}
}

/** Nor after an outage of which the user's patience is the only limit. */
static void
long_outage_holds_nothing_back(void)
{
	struct harness *h = paced(RTT, true);
	struct tcp_profile p = h->ctx->profile[0];

	p.user_timeout_ms = 86400000;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	(void)h_write(h, 30 * MSS, MSS);
	h_wait_ms(h, 60000 * 40);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	for (unsigned int i = 0; i < 60; i++) {
		h_forget(h);
		h_wait_ms(h, 10);
		if (h_tcb(h)->snd_una != h_tcb(h)->snd_nxt)
			(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_free(h);
}

/** The node serves two masters: the retransmission is not late because of the quanta before it. */
static void
retransmission_timer_is_not_shadowed(void)
{
	struct harness *h = paced(RTT, true);
	const time_us_t start = h->ctx->now;
	const uint32_t rto = tcp_rto_ms(h->ctx, h_tcb(h));
	unsigned int i;

	(void)h_write(h, 30 * MSS, MSS);
	h_wait_ms(h, rto - 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 0);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 1);
	for (i = 0; i < h->n_sent && !h->sent[i].rexmt; i++)
		;
	CU_ASSERT_FATAL(i < h->n_sent);
	CU_ASSERT_EQUAL(h->sent[i].when, start + rto * 1000);
	h_free(h);
}

/** It waits in the wheel, not in the list of those who have something to send. */
static void
waiting_costs_no_turn(void)
{
	struct harness *h = paced(RTT, true);

	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_HELD, 0);
	CU_ASSERT_EQUAL(tcp_output_next(h->ctx), PTCP_NIL);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_IN_OUTPUT, 0);
	/* An ACK in between does not set it free before its time. */
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + MSS, 0);
	CU_ASSERT_EQUAL(h->n_sent, 2);
	h_wait_ms(h, 2);
	CU_ASSERT_EQUAL(h->n_sent, 4);
	h_free(h);
}

static void
switched_on_and_off(void)
{
	struct harness *h = paced(RTT, false);
	struct tcp_profile p = h->ctx->profile[0];

	p.pacing = true;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_EQUAL(h->n_sent, 2);
	p.pacing = false;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	h_wait_ms(h, 2);
	CU_ASSERT_EQUAL(h->n_sent, 10);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_HELD, 0);
	h_free(h);
}

/** Ends while text waits: nothing is left in the wheel. */
static void
abort_while_held(void)
{
	struct harness *h = paced(RTT, true);

	(void)h_write(h, 30 * MSS, MSS);
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_wait_ms(h, 100);
	h_free(h);
}

/** FIN follows the last paced octet. */
static void
close_while_held(void)
{
	struct harness *h = paced(RTT, true);

	(void)h_write(h, 8 * MSS, MSS);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_wait_ms(h, 20);
	CU_ASSERT_EQUAL(h->n_sent, 8);
	CU_ASSERT_EQUAL(h->sent[7].seg.flags, TCP_ACK | TCP_PSH | TCP_FIN);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_free(h);
}

/** A transfer of two paced ends: every octet, the window grows as without, and no burst beyond a quantum. */
static void
transfer(void)
{
	struct tcp_conf conf = h_conf();
	struct twin *t;
	uint32_t written = 0, most = 0;

	conf.pacing = true;
	conf.cc = TCP_CC_CUBIC;
	conf.snd_buf = conf.rcv_buf = 1 << 20;
	t = twin_new(&conf, IP_V4, 1000, 77000);
	twin_connect(t);
	for (unsigned int i = 0; i < 2000 && written < 3000000; i++) {
		const unsigned int before = t->h[0]->n_sent;
		unsigned int n = 0;

		if (tcp_send_room(t->h[0]->ctx, h_tcb(t->h[0])) > 100000)
			written += (uint32_t)h_write(t->h[0], 30000, 30000);
		for (unsigned int k = before; k < t->h[0]->n_sent; k++)
			n += t->h[0]->sent[k].len > 0;
		most = n > most ? n : most;
		twin_run(t, 1000);
		h_forget(t->h[0]);
		h_forget(t->h[1]);
	}
	twin_run(t, 3000000);
	CU_ASSERT(written >= 3000000);
	CU_ASSERT_TRUE(twin_got(t, 1, written));
	CU_ASSERT(h_tcb(t->h[0])->cwnd > 100 * MSS);
	CU_ASSERT(most <= 2 + h_tcb(t->h[0])->cwnd / MSS / 10);
	CU_ASSERT_EQUAL(t->h[0]->counters.n[COUNTER_RETRANSMITTED], 0);
	twin_free(t);
}

/** RFC 3168 section 6.1.2: ECE with a window of one segment: the next one leaves when the timer would have expired. */
static void
ece_at_one_segment(bool pacing)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t rto;

	conf.ecn = TCP_ECN_PASSIVE;
	conf.pacing = pacing;
	h = h_new(&conf, IP_V4, 1000);
	(void)h_in(h, TCP_SYN | TCP_ECE | TCP_CWR, 0);
	h_wait(h, RTT);
	(void)h_in(h, TCP_ACK, 0);
	if (pacing) {
		/* Of this quantum a segment is left: it must not leave either. */
		(void)h_write(h, MSS, MSS);
		(void)h_in(h, TCP_ACK, 0);
	}
	h_tcb(h)->cwnd = MSS;
	h_tcb(h)->ssthresh = 2 * MSS;
	(void)h_write(h, 5 * MSS, MSS);
	h_forget(h);
	rto = tcp_rto_ms(h->ctx, h_tcb(h));
	(void)h_in(h, TCP_ACK | TCP_ECE, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, MSS);
	h_wait_ms(h, rto - 1);
	CU_ASSERT_EQUAL(h->n_sent, 0);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(h->sent[0].seg.flags & TCP_CWR, TCP_CWR);
	CU_ASSERT_FALSE(h->sent[0].rexmt);
	h_free(h);
}

static void
ece_at_one_segment_waits_an_rto(void)
{
	ece_at_one_segment(false);
	ece_at_one_segment(true);
}

/**
 * A window too small for a segment is probed with what it takes. Where it has opened meanwhile and pacing holds the text
 * back, the probe is a segment, and not all that the window takes.
 */
static void
probe_of_an_open_window_is_one_segment(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_tcb *tcb;
	uint32_t first;

	conf.pacing = true;
	conf.rto_max_ms = 200; /* far less than the round trip */
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_TS;
	(void)h_open(h);
	first = h->sent[0].seg.ts_val;
	h_wait_ms(h, 10000);
	h->ts_ecr = first;
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	tcb = h_tcb(h);
	CU_ASSERT_EQUAL(tcb->srtt, 10000000);
	tcb->cwnd = 10 * MSS; /* one segment after a lost SYN */
	h_forget(h);
	(void)h_write(h, 20 * MSS, MSS);
	CU_ASSERT_EQUAL(h->n_sent, 2);
	CU_ASSERT_NOT_EQUAL(tcb->flags & TF_HELD, 0);
	h->wnd = 1000;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_NOT_EQUAL(tcb->flags & TF_PERSIST, 0);
	h->wnd = 65535;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_NOT_EQUAL(tcb->flags & TF_HELD, 0);
	CU_ASSERT_EQUAL(h->n_sent, 2);
	h_wait_ms(h, 200);
	CU_ASSERT_EQUAL(h->n_sent, 3);
	CU_ASSERT_EQUAL(h->sent[2].len, tcb->mss);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_WINDOW_PROBES], 1);
	CU_ASSERT_EQUAL(tcb->flags & TF_PERSIST, 0);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(first_window_is_spread),
		TEST(anywhere_on_the_clock),
		TEST(bursts_below_the_window_do_not_open_it),
		TEST(without_it_the_window_leaves_at_once),
		TEST(unknown_and_tiny_rtts_do_not_wait),
		TEST(rate_is_kept),
		TEST(bursts_are_a_quantum),
		TEST(pauses_give_no_credit),
		TEST(long_silence_holds_nothing_back),
		TEST(long_outage_holds_nothing_back),
		TEST(retransmission_timer_is_not_shadowed),
		TEST(waiting_costs_no_turn),
		TEST(switched_on_and_off),
		TEST(abort_while_held),
		TEST(close_while_held),
		TEST(transfer),
		TEST(ece_at_one_segment_waits_an_rto),
		TEST(probe_of_an_open_window_is_one_segment),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("pacing", tests)
