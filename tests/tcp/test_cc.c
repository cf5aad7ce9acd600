/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control: RFC 5681, NewReno (RFC 6582), the initial window (RFC 6928). */
#include "harness.h"

#define MSS 1460u

/** ESTABLISHED with room for @p segments of text in the peer's window, which are queued. */
static struct harness *
sending(uint32_t segments)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_min_ms = 1000;
	conf.snd_buf = 1 << 20;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 7;
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 16000;
	(void)h_in(h, TCP_ACK, 0);
	h_forget(h);
	(void)h_write(h, segments * MSS, MSS);
	return h;
}

/** The peer acknowledges @p n octets more, or (0) says the same again. */
static void
ack(struct harness *h, uint32_t n)
{
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + n, 0);
}

static uint32_t
flight(struct harness *h)
{
	return h_tcb(h)->snd_nxt - h_tcb(h)->snd_una;
}

/** The next segment is a repetition of what lies @p offset behind SND.UNA. */
static void
expect_again(struct harness *h, uint32_t offset)
{
	const struct h_seg *s = h_next(h);

	CU_ASSERT_PTR_NOT_NULL(s);
	if (s == NULL)
		return;
	CU_ASSERT_TRUE(s->rexmt);
	CU_ASSERT_EQUAL(s->seg.seq, h_tcb(h)->snd_una + offset);
	CU_ASSERT_EQUAL(s->len, MSS);
}

static void
expect_new(struct harness *h, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct h_seg *s = h_next(h);

		CU_ASSERT_PTR_NOT_NULL(s);
		if (s != NULL)
			CU_ASSERT_FALSE(s->rexmt);
	}
	h_expect_none(h);
}

/* ------------------------------------------------------------------ growth */

/** RFC 6928 section 2: min(10 MSS, max(2 MSS, 14,600)). */
static void
initial_window(void)
{
	static const struct {
		uint16_t mss;
		uint32_t window;
	} cases[] = {{1460, 14600}, {536, 5360}, {8960, 17920}, {1448, 14480}, {2000, 14600}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.mtu = 9000;
		h = h_new(&conf, IP_V4, 1000);
		h->mss = cases[i].mss;
		h_to_state(h, TCP_ESTABLISHED, i % 2 == 0);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cases[i].window);
		(void)h_write(h, 60000, 60000);
		CU_ASSERT_EQUAL(flight(h), cases[i].window / cases[i].mss * cases[i].mss);
		h_free(h);
	}
}

static void
slow_start_doubles(void)
{
	struct harness *h = sending(200);

	for (uint32_t round = 1; round <= 3; round++) {
		const uint32_t n = flight(h) / MSS;

		CU_ASSERT_EQUAL(n, 5u << round);
		for (uint32_t i = 0; i < n; i++)
			ack(h, MSS);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 2 * n * MSS);
	}
	h_free(h);
}

/** Counted in octets: an ACK for two segments counts for both, one for ten does not burst (RFC 3465, L = 2). */
static void
slow_start_with_stretched_acks(void)
{
	struct harness *h = sending(200);

	ack(h, 2 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 12 * MSS);
	ack(h, 8 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 14 * MSS);
	h_free(h);
}

/** One segment acknowledged octet by octet. */
static void
bad_input_34_ack_division_gains_nothing(void)
{
	struct harness *h = sending(300);

	for (uint32_t i = 0; i < MSS; i++)
		ack(h, 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 11 * MSS);
	/* And in congestion avoidance: a segment for each window, however often it is said. */
	h_tcb(h)->ssthresh = 2 * MSS;
	for (uint32_t i = 0; i < 11 * MSS - 1; i++)
		ack(h, 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 11 * MSS);
	ack(h, 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 12 * MSS);
	h_free(h);
}

static void
bad_input_34_duplicate_acks_do_not_open_the_window(void)
{
	struct harness *h = sending(700);
	const uint32_t una = h_tcb(h)->snd_una;

	for (unsigned int i = 0; i < 2000; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
	/* Inflation stops at one segment for each that can have left: what was in flight, and ssthresh. */
	CU_ASSERT(h_tcb(h)->cwnd <= flight(h) + h_tcb(h)->ssthresh + MSS);
	CU_ASSERT(flight(h) <= 2 * 10 * MSS);
	h_free(h);
}

static void
bad_input_34_congestion_window_is_capped(void)
{
	struct harness *h = sending(100);

	h_tcb(h)->cwnd = (1u << 30) - 100;
	h_tcb(h)->ssthresh = UINT32_MAX;
	ack(h, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 1u << 30);
	ack(h, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 1u << 30);
	h_free(h);
}

static void
avoidance_grows_by_one_segment_a_window(void)
{
	struct harness *h = sending(400);

	h_tcb(h)->ssthresh = 10 * MSS;
	for (uint32_t cwnd = 10; cwnd < 16; cwnd++) {
		for (uint32_t i = 0; i < cwnd; i++) {
			CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd * MSS);
			ack(h, MSS);
		}
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, (cwnd + 1) * MSS);
	}
	h_free(h);
}

/* ------------------------------------------------------------------ loss */

static void
timeout_leaves_one_segment_and_half_the_flight(void)
{
	struct harness *h = sending(14); /* nothing new for F-RTO */

	ack(h, 2 * MSS); /* cwnd 12 */
	h_forget(h);
	h_wait_ms(h, 1000);
	expect_again(h, 0);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 6 * MSS);
	/* Slow start to ssthresh, avoidance from there. */
	for (uint32_t i = 2; i <= 6; i++) {
		ack(h, MSS);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, i * MSS);
	}
	for (uint32_t i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 6 * MSS);
		ack(h, MSS);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 7 * MSS);
	h_free(h);
}

static void
timeout_ssthresh_is_two_segments_at_least(void)
{
	struct harness *h = sending(1);

	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 2 * MSS);
	h_free(h);
}

/** RFC 5681 section 3.2: the third duplicate, not the second, not the fourth. */
static void
third_duplicate_ack_retransmits(void)
{
	struct harness *h = sending(200);

	h_forget(h);
	for (unsigned int i = 0; i < 2; i++) { /* limited transmit (RFC 3042) */
		ack(h, 0);
		expect_new(h, 1);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 10 * MSS);
	ack(h, 0);
	expect_again(h, 0);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS); /* the two do not count */
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 8 * MSS);
	for (uint32_t i = 9; i <= 12; i++) {
		ack(h, 0);
		h_expect_none(h); /* 12 in flight */
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, i * MSS);
	}
	ack(h, 0);
	expect_new(h, 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_LIMITED_TRANSMITS], 2);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_DUP_ACKS_IN], 8);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 0);
	h_free(h);
}

/** Two duplicates, something new, two duplicates: no loss. */
static void
duplicate_acks_are_counted_in_a_row(void)
{
	struct harness *h = sending(200);

	for (unsigned int i = 0; i < 4; i++) {
		ack(h, 0);
		ack(h, 0);
		ack(h, MSS);
	}
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_FALSE(h->sent[i].rexmt);
	h_free(h);
}

/** What RFC 5681 section 2 does not call a duplicate. */
static void
acks_that_are_no_duplicates(void)
{
	struct harness *h = sending(200);
	const uint32_t una = h_tcb(h)->snd_una;

	h_forget(h);
	for (uint16_t i = 1; i <= 6; i++) {
		h->wnd = (uint16_t)(16000 + i); /* (e) the window differs */
		ack(h, 0);
	}
	for (unsigned int i = 0; i < 6; i++) { /* (b) text */
		(void)h_in_at(h, TCP_ACK, h->seq, una, 10);
		h->seq += 10;
	}
	ack(h, MSS);
	for (unsigned int i = 0; i < 6; i++) /* (d) an old number */
		(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_DUP_ACKS_IN], 0);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_FALSE(h->sent[i].rexmt);
	h_free(h);
	h = sending(5);
	ack(h, 5 * MSS);
	h_forget(h);
	for (unsigned int i = 0; i < 6; i++) /* (a) nothing outstanding */
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_DUP_ACKS_IN], 0);
	h_expect_none(h);
	h_free(h);
}

static void
fin_is_no_duplicate_ack(void)
{
	struct harness *h = sending(200);

	ack(h, 0);
	ack(h, 0);
	h_forget(h);
	(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq++, h_tcb(h)->snd_una, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 0);
	(void)h_expect(h, TCP_ACK);
	h_expect_none(h);
	h_free(h);
}

/* ------------------------------------------------------------------ recovery */

/** Segments 1, 4 and 7 of ten lost: each partial ACK repeats the next hole, the full ACK ends it. */
static void
recovery_with_partial_acks(void)
{
	struct harness *h = sending(200);
	const uint32_t recover = h_tcb(h)->snd_nxt + 2 * MSS;

	h_forget(h);
	for (unsigned int i = 0; i < 7; i++)
		ack(h, 0);                 /* seven of ten arrived */
	CU_ASSERT_FALSE(h_next(h)->rexmt); /* limited transmit */
	CU_ASSERT_FALSE(h_next(h)->rexmt);
	expect_again(h, 0);
	h_expect_none(h); /* cwnd 8 + 4 = 12 */
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 12 * MSS);
	ack(h, 3 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 10 * MSS); /* 12 - 3 + 1 */
	expect_again(h, 0);
	expect_new(h, 1); /* 9 were in flight */
	ack(h, 3 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 8 * MSS);
	expect_again(h, 0);
	expect_new(h, 1); /* 7 were in flight */
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	(void)h_in_at(h, TCP_ACK, h->seq, recover, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	/* Full: min(ssthresh, max(flight, MSS) + MSS), flight 2. */
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 3 * MSS);
	expect_new(h, 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 3);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 0);
	h_free(h);
}

/** After a timeout an ACK grows the window by one segment at most (RFC 3465), though little was in flight before. */
static void
slow_start_after_a_timeout(void)
{
	struct harness *h = sending(6);

	CU_ASSERT_EQUAL(flight(h), 6 * MSS);
	h_wait_ms(h, 3000); /* twice: no F-RTO */
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 2);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 3 * MSS);
	ack(h, 2 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 2 * MSS);
	ack(h, 3 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 3 * MSS);
	h_free(h);
}

/** Partial ACKs of few octets deflate the window and add nothing, down to one segment. */
static void
recovery_with_small_partial_acks(void)
{
	struct harness *h = sending(200);
	const uint32_t end = h_tcb(h)->snd_nxt;
	uint32_t least = UINT32_MAX;

	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0);
	while (seq_lt(h_tcb(h)->snd_una + 150, end)) {
		ack(h, 150);
		CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
		CU_ASSERT(h_tcb(h)->cwnd >= MSS);
		least = h_tcb(h)->cwnd < least ? h_tcb(h)->cwnd : least;
	}
	CU_ASSERT(least < 2 * MSS);
	h_free(h);
}

/** The full ACK leaves little in flight: no burst. */
static void
recovery_ends_without_a_burst(void)
{
	struct harness *h = sending(10);

	h_forget(h);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0);
	ack(h, 10 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 2 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_free(h);
}

/** A lost retransmission: the timer repairs it, and recovery is over. */
static void
recovery_ends_by_timeout(void)
{
	struct harness *h = sending(200);

	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0);
	h_forget(h);
	h_wait_ms(h, 1000);
	expect_again(h, 0);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	h_free(h);
}

/** RFC 6582 section 3.2 step 2: duplicates that do not cover more than recover say nothing new. */
static void
recover_is_checked_after_a_timeout(void)
{
	struct harness *h = sending(200);
	uint32_t recover;

	h_wait_ms(h, 1000);
	recover = h_tcb(h)->snd_nxt;
	h_forget(h);
	for (unsigned int i = 0; i < 8; i++)
		ack(h, 0);
	ack(h, 2 * MSS);
	for (unsigned int i = 0; i < 8; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 0);
	(void)h_in_at(h, TCP_ACK, h->seq, recover, 0);
	for (unsigned int i = 0; i < 8; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 0);
	/* One octet more than recover: again they count. */
	ack(h, MSS);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	h_free(h);
}

static void
recover_is_checked_after_recovery(void)
{
	struct harness *h = sending(200);
	uint32_t recover = h_tcb(h)->snd_nxt + 2 * MSS; /* limited transmit */

	for (unsigned int i = 0; i < 9; i++)
		ack(h, 0);
	(void)h_in_at(h, TCP_ACK, h->seq, recover, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	for (unsigned int i = 0; i < 5; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	ack(h, MSS);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 2);
	h_free(h);
}

/** More than 2^31 octets after a loss, recover lies "ahead" again: that must not switch fast retransmit off. */
static void
recover_does_not_come_back_after_2_31_octets(void)
{
	enum { CHUNK = 1 << 20 };
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_tcb *tcb;
	struct tcp_buf buf;
	uint64_t sent = 0;

	conf.mtu = 65535;
	conf.snd_buf = 8 * CHUNK;
	h = h_new(&conf, IP_V4, 1000);
	h->mss = 65495;
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 8;
	h->no_check = true;
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 30000;
	(void)h_in(h, TCP_ACK, 0);
	tcb = h_tcb(h);
	buf = h_buf(CHUNK);
	for (unsigned int n = 0; sent < (5ull << 29); n++) {
		while (tcp_send_room(h->ctx, tcb) >= CHUNK) {
			tcp_buf_ref(buf.owner);
			CU_ASSERT_FATAL(tcp_send(h->ctx, tcb, &buf, 1) == 1);
		}
		h_pump(h);
		if (n == 2) {
			for (unsigned int i = 0; i < 3; i++)
				ack(h, 0);
			CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
		}
		sent += flight(h);
		h_forget(h);
		(void)h_in(h, TCP_ACK, 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 2);
	tcp_buf_free(buf.owner);
	h_free(h);
}

/** Duplicates are counted in an octet that does not wrap: 256 of them are not none, and three more no fast retransmit. */
static void
bad_input_34_more_duplicates_than_can_be_counted(void)
{
	struct harness *h = sending(200);
	const struct tcp_tcb *tcb = h_tcb(h);

	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 1);
	h_forget(h);
	for (unsigned int i = 0; i < 600; i++)
		ack(h, 0);
	CU_ASSERT_EQUAL(((struct tcp_block *)pool_at(&h->ctx->block_pool, tcb->blk))->rec.dupacks,
			UINT8_MAX);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_DUP_ACKS_IN], 600);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 0);
	CU_ASSERT_EQUAL(tcb->cwnd, MSS);
	h_expect_none(h);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(initial_window),
		TEST(slow_start_doubles),
		TEST(slow_start_with_stretched_acks),
		TEST(bad_input_34_ack_division_gains_nothing),
		TEST(bad_input_34_duplicate_acks_do_not_open_the_window),
		TEST(bad_input_34_congestion_window_is_capped),
		TEST(avoidance_grows_by_one_segment_a_window),
		TEST(timeout_leaves_one_segment_and_half_the_flight),
		TEST(timeout_ssthresh_is_two_segments_at_least),
		TEST(third_duplicate_ack_retransmits),
		TEST(duplicate_acks_are_counted_in_a_row),
		TEST(acks_that_are_no_duplicates),
		TEST(fin_is_no_duplicate_ack),
		TEST(recovery_with_partial_acks),
		TEST(slow_start_after_a_timeout),
		TEST(recovery_with_small_partial_acks),
		TEST(recovery_ends_without_a_burst),
		TEST(recovery_ends_by_timeout),
		TEST(recover_is_checked_after_a_timeout),
		TEST(recover_is_checked_after_recovery),
		TEST(recover_does_not_come_back_after_2_31_octets),
		TEST(bad_input_34_more_duplicates_than_can_be_counted),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("cc", tests)
