/* SPDX-License-Identifier: BSD-3-Clause */
/* RACK-TLP: RFC 8985. Round trips of 20 ms, so that min_RTT / 4 is 5 ms. */
#include "harness.h"

#define MSS 1460u
#define RTT 20u /* ms */

static struct harness *
sending_opts(uint32_t segments, uint8_t opts)
{
	struct tcp_conf conf = h_conf();

	conf.snd_buf = 1 << 20;
	return h_sending(&conf, (uint8_t)(TCP_OPT_SACK_OK | opts), segments);
}

static struct harness *
sending(uint32_t segments)
{
	return sending_opts(segments, 0);
}

static struct tcp_recovery *
rec_of(struct harness *h)
{
	const struct tcp_tcb *tcb = h_tcb(h);

	CU_ASSERT_FATAL(tcb != NULL && tcb->blk != PTCP_NIL);
	return &((struct tcp_block *)pool_at(&h->ctx->block_pool, tcb->blk))->rec;
}

static uint64_t
count(const struct harness *h, enum counter_id id)
{
	return h->counters.n[id];
}

/** SEG.ACK @p una, and segments [from, to) of the stream that begins at @p base reported. */
static void
sack(struct harness *h, uint32_t base, uint32_t una, uint32_t from, uint32_t to)
{
	const struct tcp_sack k = {base + from * MSS, base + to * MSS};

	(void)h_sack(h, base + una * MSS, &k, from < to);
}

static void
expect(struct harness *h, uint32_t seq, bool rexmt)
{
	const struct h_seg *s = h_next(h);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.seq, seq);
	CU_ASSERT_EQUAL(s->rexmt, rexmt);
}

/* ------------------------------------------------------------------ section 6.2: what is lost, and when */

/** Three segments reported: at once, no reordering having been seen (step 4, DupThresh). */
static void
three_reported_at_once(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	h_forget(h);
	sack(h, una, 0, 1, 2);
	sack(h, una, 0, 1, 3);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	sack(h, una, 0, 1, 4);
	expect(h, una, true);
	h_expect_none(h);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_FAST_RETRANSMIT), 1);
	h_free(h);
}

/** All three by one ACK are three as well. */
static void
three_reported_by_one_ack(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	h_forget(h);
	sack(h, una, 0, 1, 4);
	expect(h, una, true);
	h_free(h);
}

/** The hole that the reordering timer finds may be a single octet. */
static void
one_octet_is_lost(void)
{
	struct harness *h = sending_opts(0, 0);
	struct tcp_tcb *tcb = h_tcb(h);
	const uint32_t una = tcb->snd_una;
	const struct tcp_sack k = {una + 1, una + 2};

	tcb->flags |= TF_NODELAY;
	(void)h_write(h, 1, 1);
	(void)h_write(h, 1, 1);
	h_wait_ms(h, RTT);
	h_forget(h);
	(void)h_sack(h, una, &k, 1);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_REO);
	h_wait_ms(h, RTT);
	expect(h, una, true);
	CU_ASSERT_NOT_EQUAL(tcb->flags & TF_RECOVERY, 0);
	h_free(h);
}

/** One is reported: the hole is given min_RTT / 4, and not a millisecond less. */
static void
one_reported_waits_a_quarter(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	h_forget(h);
	sack(h, una, 0, 1, 2);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_REO);
	h_wait(h, 4999);
	h_expect_none(h);
	h_wait(h, 1);
	expect(h, una, true);
	h_expect_none(h);
	CU_ASSERT_EQUAL(count(h, COUNTER_RACK_LOST), 1);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_RTO);
	h_free(h);
}

/** The hole is filled in time: no retransmission, and reordering is known from then on. */
static void
reordering_is_seen(void)
{
	struct harness *h = sending(30);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	h_forget(h);
	sack(h, una, 0, 1, 2);
	h_wait_ms(h, 4);
	sack(h, una, 2, 0, 0);
	CU_ASSERT_NOT_EQUAL(rec_of(h)->flags & TCP_REC_REORDERING, 0);
	h_wait_ms(h, 10);
	/* Now three, and more, wait for the window. */
	sack(h, una, 2, 3, 7);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_REO);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_FALSE(h->sent[i].rexmt);
	h_forget(h);
	h_wait_ms(h, 5);
	expect(h, una + 2 * MSS, true);
	h_free(h);
}

/** What is acknowledged behind the hole in sequence, but was never above it, is no reordering. */
static void
order_is_no_reordering(void)
{
	struct harness *h = sending(30);
	const uint32_t una = h_tcb(h)->snd_una;

	for (uint32_t i = 1; i < 8; i++) {
		h_wait_ms(h, 1);
		sack(h, una, i, i + 1, i + 1);
	}
	sack(h, una, 7, 8, 9);
	sack(h, una, 7, 8, 10);
	CU_ASSERT_EQUAL(rec_of(h)->flags & TCP_REC_REORDERING, 0);
	h_free(h);
}

/** What was sent after the latest delivered one is not judged. */
static void
later_text_is_not_lost(void)
{
	struct harness *h = sending(12); /* two of them not sent */
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	sack(h, una, 0, 3, 5); /* lets two out, now */
	h_forget(h);
	sack(h, una, 0, 3, 6);
	CU_ASSERT_EQUAL(rec_of(h)->lost + MSS, 3 * MSS); /* one of three has gone again already */
	sack(h, una, 0, 3, 10);
	h_wait_ms(h, 10);
	CU_ASSERT_EQUAL(count(h, COUNTER_RACK_LOST), 1);
	h_free(h);
}

/** A retransmission is lost, too: what was sent after it is delivered a round trip later (section 3.2, 9.3). */
static void
lost_retransmission(void)
{
	struct harness *h = sending(30);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t ssthresh;
	time_ms_t rto;

	h_wait_ms(h, RTT);
	sack(h, una, 0, 1, 4);
	ssthresh = h_tcb(h)->ssthresh;
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
	rto = rec_of(h)->t_rto;
	CU_ASSERT_EQUAL(rto, h->ctx->now_ms + 200); /* begins anew */
	h_wait_ms(h, 1);
	sack(h, una, 0, 1, 10); /* lets new text out */
	CU_ASSERT(h_tcb(h)->snd_nxt - una > 10 * MSS);
	h_wait_ms(h, RTT - 1);
	h_forget(h);
	sack(h, una, 0, 1, 10);
	h_expect_none(h);
	h_wait_ms(h, 1);
	sack(h, una, 0, 1, 11);
	expect(h, una, true);
	CU_ASSERT_EQUAL(count(h, COUNTER_RACK_LOST_AGAIN), 1);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 0);
	CU_ASSERT_EQUAL(rec_of(h)->t_rto, rto); /* once */
	/* Twice lost, twice reduced (RFC 5681 section 4.3), and that cannot have been for nothing. */
	CU_ASSERT(h_tcb(h)->ssthresh < ssthresh);
	CU_ASSERT_EQUAL(rec_of(h)->flags & (TCP_REC_UNDO | TCP_REC_EIFEL), 0);
	h_free(h);
}

/** Of one round of retransmissions two are lost: that is one sign more, not two. */
static void
two_lost_retransmissions_of_a_round(void)
{
	struct harness *h = sending(60);
	const uint32_t una = h_tcb(h)->snd_una;
	struct tcp_sack k[2] = {{una + MSS, una + 4 * MSS}};
	uint32_t once;

	h_wait_ms(h, RTT);
	(void)h_sack(h, una, k, 1); /* 0 goes again */
	k[0].right = una + 5 * MSS;
	h_wait_ms(h, 1);
	(void)h_sack(h, una, k, 1);
	k[1] = (struct tcp_sack){una + 6 * MSS, una + 10 * MSS};
	h_wait_ms(h, 1);
	(void)h_sack(h, una, k, 2); /* 5 goes again, and new text behind it */
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 2);
	CU_ASSERT(h_tcb(h)->snd_nxt - una > 12 * MSS);
	h_wait_ms(h, RTT - 1);
	k[1].right = una + 11 * MSS; /* sent after 0, before 5 */
	(void)h_sack(h, una, k, 2);
	CU_ASSERT_EQUAL(count(h, COUNTER_RACK_LOST_AGAIN), 1);
	once = h_tcb(h)->ssthresh;
	h_wait_ms(h, RTT); /* 0 arrives at last, 5 was sent long before it */
	k[1].right = una + 13 * MSS;
	(void)h_sack(h, una + 5 * MSS, &k[1], 1);
	CU_ASSERT_EQUAL(count(h, COUNTER_RACK_LOST_AGAIN), 2);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, once);
	h_free(h);
}

/** The timeout comes first: the reordering window does not put it off. */
static void
reordering_timer_is_not_behind_the_timeout(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	rec_of(h)->t_rto = h->ctx->now_ms + 2;
	sack(h, una, 0, 1, 2);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_RTO);
	CU_ASSERT_EQUAL(h_tcb(h)->t_rexmt, h->ctx->now_ms + 2);
	h_wait_ms(h, 2);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	h_free(h);
}

/** What was delivered before a quiet time has no order with what comes: times wrap. */
static void
times_do_not_outlive_the_flight(void)
{
	struct harness *h = sending(2);

	h->auto_read = false; /* unread text keeps the block */
	(void)h_in(h, TCP_ACK, 10);
	h_wait_ms(h, RTT);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_NOT_EQUAL(rec_of(h)->flags & TCP_REC_RACK, 0);
	h_wait_ms(h, 3600 * 1000);
	(void)h_write(h, MSS, MSS);
	CU_ASSERT_EQUAL(rec_of(h)->flags & TCP_REC_RACK, 0);
	h_free(h);
}

/** The ACK comes too early to be the retransmission's: RACK does not learn from it (step 2). */
static void
ack_of_the_original(void)
{
	struct harness *h = sending(30);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t xmit;

	h_wait_ms(h, RTT);
	sack(h, una, 0, 1, 4);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
	xmit = rec_of(h)->rack_xmit;
	h_wait_ms(h, 5);
	sack(h, una, 1, 4, 5);
	CU_ASSERT_EQUAL(rec_of(h)->rack_xmit, xmit);
	CU_ASSERT_EQUAL(rec_of(h)->min_rtt, RTT * 1000);
	h_free(h);
}

/** ... nor when a timestamp says so. */
static void
echo_of_the_original(void)
{
	struct harness *h = sending_opts(30, TCP_OPT_TS);
	const uint32_t una = h_tcb(h)->snd_una, mss = h_tcb(h)->mss;
	struct tcp_sack k = {una + mss, una + 4 * mss};
	uint32_t xmit, echo;

	echo = h->ts_ecr;
	h_wait_ms(h, RTT);
	(void)h_sack(h, una, &k, 1);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
	xmit = rec_of(h)->rack_xmit;
	h_wait_ms(h, 30);
	h->ts_ecr = echo; /* after a long while, but of the first one */
	k.left = una + 6 * mss, k.right = una + 7 * mss;
	(void)h_sack(h, una + 4 * mss, &k, 1);
	CU_ASSERT_EQUAL(rec_of(h)->rack_xmit, xmit);
	h_free(h);
}

/* ------------------------------------------------------------------ section 6.2 step 4: the window adapts */

/** Each round with a D-SACK adds a quarter, to at most SRTT; sixteen recoveries without end that. */
static void
reordering_window_adapts(void)
{
	struct harness *h = sending(700);
	const struct tcp_tcb *tcb = h_tcb(h);

	for (uint32_t round = 1; round <= 3; round++) {
		const uint32_t una = tcb->snd_una;
		const struct tcp_sack dup = {una - MSS, una};

		(void)h_sack(h, una, &dup, 1);
		(void)h_sack(h, una, &dup, 1); /* once a round trip */
		CU_ASSERT_EQUAL(rec_of(h)->reo_mult, round);
		CU_ASSERT_EQUAL(rec_of(h)->reo_persist, 16);
		h_wait_ms(h, RTT);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(tcb->flags & TF_RECOVERY, 0);
	}
	for (uint32_t n = 1; n <= 17; n++) {
		const uint32_t una = tcb->snd_una;
		const uint32_t end = tcb->snd_nxt;
		const struct tcp_sack k = {una + MSS, end};

		CU_ASSERT_EQUAL(rec_of(h)->reo_mult, n <= 16 ? 3 : 0);
		rec_of(h)->flags &= (uint16_t)~TCP_REC_REORDERING;
		h_wait_ms(h, RTT);
		rec_of(h)->segs_sacked = 3;
		(void)h_sack(h, una, &k, 1);
		CU_ASSERT_NOT_EQUAL(tcb->flags & TF_RECOVERY, 0);
		h_wait_ms(h, RTT);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(tcb->flags & TF_RECOVERY, 0);
		h_forget(h);
	}
	h_free(h);
}

/** The wait is (N + 1) quarters, and SRTT at most. */
static void
reordering_window_length(void)
{
	static const struct {
		uint8_t mult;
		uint32_t ms;
	} cases[] = {{0, 5}, {1, 10}, {2, 15}, {3, 20}, {4, 20}, {255, 20}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = sending(10);
		const uint32_t una = h_tcb(h)->snd_una;

		h_wait_ms(h, RTT);
		rec_of(h)->reo_mult = cases[i].mult;
		rec_of(h)->flags |= TCP_REC_REORDERING;
		h_forget(h);
		sack(h, una, 0, 1, 9);
		h_wait(h, cases[i].ms * 1000 - 1);
		h_expect_none(h);
		h_wait(h, 1);
		expect(h, una, true);
		h_free(h);
	}
}

/** min_RTT is not kept for ever: the way may have become longer. */
static void
min_rtt_is_forgotten(void)
{
	struct harness *h = sending(20);
	const struct tcp_tcb *tcb = h_tcb(h);

	h_wait_ms(h, 10);
	(void)h_in_at(h, TCP_ACK, h->seq, tcb->snd_una + MSS, 0);
	CU_ASSERT_EQUAL(rec_of(h)->min_rtt, 10000);
	h_wait_ms(h, 10);
	(void)h_in_at(h, TCP_ACK, h->seq, tcb->snd_una + MSS, 0);
	CU_ASSERT_EQUAL(rec_of(h)->min_rtt, 10000);
	rec_of(h)->min_rtt_age = (uint16_t)(rec_of(h)->min_rtt_age - 74); /* 303 s ago */
	h_wait_ms(h, 5);
	(void)h_in_at(h, TCP_ACK, h->seq, tcb->snd_una + MSS, 0);
	CU_ASSERT_EQUAL(rec_of(h)->min_rtt, 25000);
	h_free(h);
}

/* ------------------------------------------------------------------ section 6.3: timeout */

/** What left within the last round trip is not lost by that. */
static void
timeout_spares_what_is_young(void)
{
	struct harness *h = sending(2);
	const struct tcp_tcb *tcb = h_tcb(h);
	const uint32_t una = tcb->snd_una;

	h_wait_ms(h, RTT);
	sack(h, una, 1, 0, 0); /* RACK knows the round trip */
	/* No probe before the timeout. */
	rec_of(h)->flags |= TCP_REC_TLP_SPENT;
	rec_of(h)->timer = TCP_TIMER_RTO;
	h_tcb(h)->t_rexmt = rec_of(h)->t_rto;
	h_wait_ms(h, 190);
	(void)h_write(h, MSS, MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 0);
	h_wait_ms(h, 15);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	/* The first has gone again, the second is on its way. */
	CU_ASSERT_EQUAL(rec_of(h)->lost, 0);
	CU_ASSERT_EQUAL(tcb->flags & (TF_LOSS | TF_RECOVERY), TF_LOSS);
	/* A second one spares nothing: by then all of it is old, however long that takes. */
	CU_ASSERT_EQUAL(rec_of(h)->flags & TCP_REC_RACK, 0);
	(void)h_in(h, TCP_ACK, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ section 7: tail loss probe */

/** The example of section 4 (and 3.3.2 of the drafts): of three the last two are lost. */
static void
tail_drop_example(void)
{
	struct harness *h = sending(3);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	sack(h, una, 1, 0, 0);
	h_forget(h);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_PTO);
	h_wait(h, 2 * RTT * 1000 - 1);
	h_expect_none(h);
	h_wait(h, 1);
	expect(h, una + 2 * MSS, true); /* P3 again */
	h_expect_none(h);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_RTO);
	h_wait_ms(h, RTT);
	sack(h, una, 1, 2, 3); /* SACK of P3: P2 was sent before it */
	h_wait_ms(h, 5);
	expect(h, una + MSS, true);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	h_wait_ms(h, RTT);
	sack(h, una, 3, 0, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 0);
	h_free(h);
}

/** PTO: twice SRTT; for a single segment the peer's delay of ACKs on top; never after the timeout, 10 ms at least. */
static void
probe_timeout(void)
{
	static const struct {
		uint32_t srtt_us;
		uint32_t rto_min_ms;
		uint32_t segments;
		uint32_t pto_us;
	} cases[] = {
			{20000, 200, 2, 40000}, {20000, 200, 10, 40000}, {20000, 1000, 1, 240000},
			{20000, 200, 1, 200000}, /* the timeout */
			{20001, 200, 2, 41000},  /* whole milliseconds, later */
			{100, 200, 2, 10000}, {100, 1000, 1, 201000}, {0, 2000, 2, 1000000},
			{0, 200, 2, 1000000}, /* RTO without a sample: 1 s */
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;
		time_us_t start;

		conf.rto_min_ms = cases[i].rto_min_ms;
		conf.rto_initial_ms = 1000 > conf.rto_min_ms ? 1000 : conf.rto_min_ms;
		h = h_sending(&conf, TCP_OPT_SACK_OK, 0);
		h_tcb(h)->srtt = cases[i].srtt_us;
		h_tcb(h)->rttvar = 100;
		start = h->ctx->now;
		(void)h_write(h, cases[i].segments * MSS, MSS);
		h_forget(h);
		while (h->n_sent == 0)
			h_wait(h, 500);
		CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
		CU_ASSERT_EQUAL(h->sent[0].when - start, cases[i].pto_us);
		(void)h_in(h, TCP_ACK, 0);
		h_free(h);
	}
}

/** New text puts the probe off, whole flights of it. */
static void
probe_is_put_off(void)
{
	struct harness *h = sending(2);

	for (unsigned int i = 0; i < 4; i++) {
		h_wait_ms(h, 39);
		(void)h_write(h, MSS, MSS);
	}
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 0);
	h_wait_ms(h, 40);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
	h_free(h);
}

/** Text that waits (for Nagle, for cwnd) is the probe. */
static void
probe_of_new_text(void)
{
	struct harness *h = sending(12);
	const uint32_t una = h_tcb(h)->snd_una, cwnd = h_tcb(h)->cwnd;

	h_forget(h);
	h_wait_ms(h, 40);
	expect(h, una + 10 * MSS, false); /* over cwnd */
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	/* It was lost with everything: no second one, the timeout is next. */
	h_wait_ms(h, 199);
	h_expect_none(h);
	h_wait_ms(h, 1);
	expect(h, una, true);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	h_free(h);
	h = sending(1);
	(void)h_write(h, 10, 10); /* Nagle */
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una, MSS);
	h_forget(h);
	h_wait_ms(h, 200);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(h->sent[0].len, 10);
	CU_ASSERT_FALSE(h->sent[0].rexmt);
	h_free(h);
}

/** One that its peer's window does not take is none: the last segment again. */
static void
probe_within_the_window(void)
{
	struct harness *h = sending(2);
	const uint32_t una = h_tcb(h)->snd_una;

	h->wnd = 2 * MSS / 128;
	(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
	(void)h_write(h, MSS, MSS);
	h_forget(h);
	h_wait_ms(h, 40);
	expect(h, una + MSS, true);
	h_expect_none(h);
	h_free(h);
}

/** Not while something is reported, nor in recovery. */
static void
no_probe_while_sacked(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	sack(h, una, 0, 1, 2);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_REO);
	h_wait_ms(h, 5);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_RTO);
	h_wait_ms(h, 190);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 0);
	h_free(h);
}

/** Until a round trip was measured no second probe. */
static void
one_probe_a_round_trip(void)
{
	struct harness *h = sending(2);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, 40);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
	h_wait_ms(h, 5);
	sack(h, una, 1, 0, 0); /* something, but not the probe; and a sample */
	CU_ASSERT_EQUAL(rec_of(h)->flags & TCP_REC_TLP_SPENT, 0);
	CU_ASSERT_NOT_EQUAL(rec_of(h)->flags & TCP_REC_TLP, 0);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_RTO);
	h_free(h);
}

/* Section 7.4: what became of the probe. */

/** A window that closes over what is in flight: the timeout asks, no loss probe. */
static void
no_probe_into_a_closed_window(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, RTT);
	h->wnd = 0;
	(void)h_in_at(h, TCP_ACK, h->seq, una + MSS, 0);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_PTO); /* by the window of before */
	(void)h_in_at(h, TCP_ACK, h->seq, una + 2 * MSS, 0);
	CU_ASSERT_EQUAL(rec_of(h)->timer, TCP_TIMER_RTO);
	h_free(h);
}

/** More than the probe is acknowledged and no duplicate reported: it has repaired a loss, which is congestion. */
static void
probe_repaired_a_loss(void)
{
	struct harness *h = sending(2);
	const uint32_t cwnd = h_tcb(h)->cwnd;
	uint32_t end;

	h_wait_ms(h, 40);
	(void)h_write(h, MSS, MSS); /* more follows */
	end = h_tcb(h)->snd_nxt;
	h_wait_ms(h, RTT);
	(void)h_in_at(h, TCP_ACK, h->seq, end - MSS, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), 0);
	CU_ASSERT(h_tcb(h)->cwnd >= cwnd);
	h_wait_ms(h, 1);
	(void)h_write(h, MSS, MSS);
	(void)h_in_at(h, TCP_ACK, h->seq, end, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, h_tcb(h)->ssthresh);
	CU_ASSERT(h_tcb(h)->ssthresh < cwnd);
	h_free(h);
}

/** The probe was a duplicate: the peer says so, and no congestion is seen. */
static void
probe_was_a_duplicate(void)
{
	for (unsigned int fin = 0; fin < 2; fin++) {
		struct harness *h = sending(2);
		struct tcp_sack k;
		uint32_t end, cwnd;

		h_wait_ms(h, 40);
		end = h_tcb(h)->snd_nxt;
		(void)h_write(h, MSS, MSS);
		k = (struct tcp_sack){end - MSS, end - fin};
		(void)h_sack(h, end, &k, 1);
		CU_ASSERT_EQUAL(rec_of(h)->flags & TCP_REC_TLP, 0);
		CU_ASSERT_EQUAL(rec_of(h)->reo_mult, 0); /* nor reordering */
		cwnd = h_tcb(h)->cwnd;
		h_wait_ms(h, 1);
		(void)h_write(h, MSS, MSS);
		(void)h_in_at(h, TCP_ACK, h->seq, end + MSS, 0);
		CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), 0);
		CU_ASSERT(h_tcb(h)->cwnd >= cwnd);
		h_free(h);
	}
}

/** A peer without D-SACK: a duplicate ACK without blocks says the same. */
static void
probe_and_a_plain_duplicate(void)
{
	struct harness *h = sending(2);
	uint32_t end;

	h_wait_ms(h, 40);
	end = h_tcb(h)->snd_nxt;
	(void)h_write(h, MSS, MSS);
	(void)h_in_at(h, TCP_ACK, h->seq, end, 0);
	CU_ASSERT_NOT_EQUAL(rec_of(h)->flags & TCP_REC_TLP, 0);
	(void)h_in_at(h, TCP_ACK, h->seq, end, 0);
	CU_ASSERT_EQUAL(rec_of(h)->flags & TCP_REC_TLP, 0);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), 0);
	h_free(h);
}

/** Nothing follows: the ACK's time, or its timestamp, tells whose it is, and the block goes. */
static void
probe_is_the_last_that_is_sent(void)
{
	static const struct {
		bool ts;
		uint32_t after_ms;
		bool original;
		bool repaired;
	} cases[] = {
			{false, 5, false, false}, /* sooner than any round trip */
			{false, 20, false, true},
			{true, 20, false, true},
			{true, 20, true, false}, /* the first one's timestamp */
			{true, 30, true, false},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = sending_opts(3, cases[i].ts ? TCP_OPT_TS : 0);
		const uint32_t echo = h->ts_ecr;

		h_wait_ms(h, RTT);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + h_tcb(h)->mss, 0);
		h_wait_ms(h, 40);
		CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
		h_wait_ms(h, cases[i].after_ms);
		if (cases[i].original)
			h->ts_ecr = echo;
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), cases[i].repaired);
		CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
		h_free(h);
	}
}

/** The tail of a full window: it is that window which is reduced, not the one segment that was left of it. */
static void
probe_repaired_the_tail_of_a_full_window(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t cwnd;

	h_wait_ms(h, RTT);
	(void)h_in_at(h, TCP_ACK, h->seq, una + 9 * MSS, 0);
	cwnd = h_tcb(h)->cwnd;
	CU_ASSERT(cwnd > 10 * MSS);
	h_wait_ms(h, 240);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
	h_wait_ms(h, RTT);
	(void)h_in_at(h, TCP_ACK, h->seq, una + 10 * MSS, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd / 2);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, cwnd / 2);
	h_free(h);
}

/** The ACK was lost, and the probe asks for it again: what its answer echoes is no round trip. */
static void
probe_of_a_lost_ack_is_no_sample(void)
{
	struct harness *h = sending_opts(1, TCP_OPT_TS);
	const uint32_t end = h_tcb(h)->snd_nxt, srtt = h_tcb(h)->srtt, echo = h->ts_ecr;
	const struct tcp_sack k = {h_tcb(h)->snd_una, end};

	h_wait_ms(h, 240);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_PROBES), 1);
	h_wait_ms(h, 1);
	h->ts_ecr = echo;
	(void)h_sack(h, end, &k, 1);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, end);
	CU_ASSERT_EQUAL(h_tcb(h)->srtt, srtt);
	CU_ASSERT_EQUAL(count(h, COUNTER_TLP_REPAIRS), 0);
	h_free(h);
}

/** A last segment of many small slices: the probe ends where it ended. */
static void
probe_of_many_slices(void)
{
	struct harness *h = sending(1);
	const uint32_t una = h_tcb(h)->snd_una;
	const struct h_seg *s;

	for (unsigned int i = 0; i < 40; i++) {
		h_tcb(h)->flags |= TF_NODELAY;
		(void)h_write(h, 10, 10);
	}
	h_forget(h);
	h_wait_ms(h, 45);
	s = h_next(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(s->rexmt);
	CU_ASSERT_EQUAL(s->seg.seq + s->len, una + MSS + 400);
	CU_ASSERT_EQUAL(s->len, 160);
	h_free(h);
}

/** The multiplier is an octet: it stays at its end, however many duplicates are reported. */
static void
reordering_window_multiplier_ends(void)
{
	struct harness *h = sending(700);
	const struct tcp_tcb *tcb = h_tcb(h);

	rec_of(h)->reo_mult = UINT8_MAX - 2;
	for (uint32_t round = 1; round <= 4; round++) {
		const uint32_t una = tcb->snd_una;
		const struct tcp_sack dup = {una - MSS, una};

		(void)h_sack(h, una, &dup, 1);
		CU_ASSERT_EQUAL(rec_of(h)->reo_mult, round < 2 ? UINT8_MAX - 1 : UINT8_MAX);
		h_wait_ms(h, RTT);
		(void)h_in(h, TCP_ACK, 0);
	}
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(three_reported_at_once),
		TEST(three_reported_by_one_ack),
		TEST(one_octet_is_lost),
		TEST(one_reported_waits_a_quarter),
		TEST(reordering_is_seen),
		TEST(order_is_no_reordering),
		TEST(later_text_is_not_lost),
		TEST(lost_retransmission),
		TEST(two_lost_retransmissions_of_a_round),
		TEST(reordering_timer_is_not_behind_the_timeout),
		TEST(times_do_not_outlive_the_flight),
		TEST(ack_of_the_original),
		TEST(echo_of_the_original),
		TEST(reordering_window_adapts),
		TEST(reordering_window_length),
		TEST(min_rtt_is_forgotten),
		TEST(timeout_spares_what_is_young),
		TEST(tail_drop_example),
		TEST(probe_timeout),
		TEST(probe_is_put_off),
		TEST(probe_of_new_text),
		TEST(probe_within_the_window),
		TEST(no_probe_while_sacked),
		TEST(no_probe_into_a_closed_window),
		TEST(one_probe_a_round_trip),
		TEST(probe_repaired_a_loss),
		TEST(probe_was_a_duplicate),
		TEST(probe_and_a_plain_duplicate),
		TEST(probe_is_the_last_that_is_sent),
		TEST(probe_repaired_the_tail_of_a_full_window),
		TEST(probe_of_a_lost_ack_is_no_sample),
		TEST(probe_of_many_slices),
		TEST(reordering_window_multiplier_ends),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("rack", tests)
