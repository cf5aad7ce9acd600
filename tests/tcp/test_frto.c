/* SPDX-License-Identifier: BSD-3-Clause */
/* Spurious recoveries: F-RTO (RFC 5682), timestamps (RFC 3522), D-SACK (RFC 2883, 3708), and what is taken back. */
#include "harness.h"

#define MSS 1460u
#define RTO 1000u /* ms */

static struct harness *
sending(uint32_t segments, uint8_t opts)
{
	struct tcp_conf conf = h_conf();

	conf.snd_buf = 1 << 20;
	conf.rto_min_ms = RTO;
	return h_sending(&conf, opts, segments);
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

static void
ack(struct harness *h, uint32_t seq)
{
	(void)h_in_at(h, TCP_ACK, h->seq, seq, 0);
}

static void
sack(struct harness *h, uint32_t seq, uint32_t left, uint32_t right)
{
	const struct tcp_sack k = {left, right};

	(void)h_sack(h, seq, &k, 1);
}

/** Ten in flight, more queued (@p segments in all), and the timeout has come. */
static struct harness *
timed_out(uint32_t segments, uint8_t opts)
{
	struct harness *h = sending(segments, opts);

	if (h_tcb(h)->blk != PTCP_NIL)
		rec_of(h)->flags |= TCP_REC_TLP_SPENT; /* no probe */
	rec_of(h)->timer = TCP_TIMER_RTO;
	h_tcb(h)->t_rexmt = rec_of(h)->t_rto;
	h_forget(h);
	h_wait_ms(h, RTO);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_TRUE(h->sent[0].rexmt);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, h_tcb(h)->mss);
	h_forget(h);
	return h;
}

static void
expect(struct harness *h, unsigned int n, uint32_t seq, bool rexmt)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct h_seg *s = h_next(h);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->seg.seq, seq + i * h_tcb(h)->mss);
		CU_ASSERT_EQUAL(s->rexmt, rexmt);
	}
	h_expect_none(h);
}

/* ------------------------------------------------------------------ RFC 5682 section 2.1: without SACK */

/** The ACKs were late: two of them, and two new segments between, tell. */
static void
spurious_timeout(void)
{
	struct harness *h = timed_out(100, 0);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una + MSS);
	expect(h, 2, una + 10 * MSS, false); /* step 2b */
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
	ack(h, una + 2 * MSS); /* step 3b */
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 1);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_LOSS, 0);
	CU_ASSERT(h_tcb(h)->cwnd >= 10 * MSS);
	CU_ASSERT(h_tcb(h)->ssthresh > 20 * MSS);
	for (uint32_t i = 3; i <= 12; i++)
		ack(h, una + i * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1); /* and nothing else again */
	h_free(h);
}

/** Everything was lost: the new ones make duplicates, and it goes on conventionally. */
static void
real_timeout(void)
{
	struct harness *h = timed_out(100, 0);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una + MSS);
	expect(h, 2, una + 10 * MSS, false);
	ack(h, una + MSS); /* step 3a */
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 2 * MSS);
	expect(h, 2, una + MSS, true);
	ack(h, una + MSS);
	ack(h, una + 3 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_LOSS, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	h_free(h);
}

/** A duplicate first: conventional from there (step 2a). */
static void
duplicate_after_the_timeout(void)
{
	struct harness *h = timed_out(100, 0);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una);
	h_expect_none(h);
	ack(h, una + MSS);
	expect(h, 2, una + MSS, true);
	ack(h, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
	h_free(h);
}

/** All is acknowledged at once: nothing to find out (step 2a). */
static void
everything_is_acknowledged(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct harness *h = timed_out(100, i == 0 ? 0 : TCP_OPT_SACK_OK);
		const uint32_t una = h_tcb(h)->snd_una;

		ack(h, una + 10 * MSS);
		CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_LOSS, 0);
		CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_OFF);
		CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 3 * MSS);
		expect(h, 3, una + 10 * MSS, false);
		h_free(h);
	}
}

/** Nothing new to send, or no window for it: conventional. */
static void
nothing_new_to_send(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = timed_out(i < 2 ? 10 : 100, i % 2 == 0 ? 0 : TCP_OPT_SACK_OK);
		const uint32_t una = h_tcb(h)->snd_una;

		if (i >= 2)
			h->wnd = 9 * MSS / 128; /* its edge stays */
		ack(h, una + MSS);
		CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_OFF);
		expect(h, 2, una + MSS, true);
		ack(h, una + 2 * MSS);
		CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
		h_free(h);
	}
}

/** One new segment is all there is: it does for the test. */
static void
one_new_segment(void)
{
	struct harness *h = timed_out(11, 0);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una + MSS);
	expect(h, 1, una + 10 * MSS, false);
	ack(h, una + 3 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 1);
	h_free(h);
}

/** A timeout in recovery, or the second in a row, is not tested. */
static void
only_a_first_timeout(void)
{
	struct harness *h = timed_out(100, 0);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, 2 * RTO);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 2);
	CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_OFF);
	ack(h, una + MSS);
	ack(h, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
	h_free(h);
	h = sending(100, 0);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, h_tcb(h)->snd_una);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	h_wait_ms(h, RTO);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_OFF);
	h_free(h);
}

/** A third timeout follows while the test is on: everything goes again. */
static void
timeout_during_the_test(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct harness *h = timed_out(100, i == 0 ? 0 : TCP_OPT_SACK_OK);
		const uint32_t una = h_tcb(h)->snd_una;

		ack(h, una + MSS);
		expect(h, 2, una + 10 * MSS, false);
		h_wait_ms(h, 2 * RTO);
		CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 2);
		CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_OFF);
		expect(h, 1, una + MSS, true);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ RFC 5682 section 3.1: with SACK */

static void
sack_spurious_timeout(void)
{
	struct harness *h = timed_out(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	CU_ASSERT_EQUAL(rec_of(h)->lost, 9 * MSS);
	ack(h, una + MSS);
	expect(h, 2, una + 10 * MSS, false);
	ack(h, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 1);
	CU_ASSERT_EQUAL(rec_of(h)->lost, 0);
	CU_ASSERT(h_tcb(h)->cwnd >= 10 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
	h_free(h);
}

/** A report of text that was sent once tells the same, without moving SND.UNA. */
static void
sack_spurious_by_a_report(void)
{
	struct harness *h = timed_out(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una + MSS);
	h_forget(h);
	sack(h, una + MSS, una + 5 * MSS, una + 6 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 1);
	h_free(h);
}

/** Only what is new is reported: the rest was lost (step 3a). */
static void
sack_real_timeout(void)
{
	struct harness *h = timed_out(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una + MSS);
	expect(h, 2, una + 10 * MSS, false);
	h_wait_ms(h, 20);
	sack(h, una + MSS, una + 10 * MSS, una + 11 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_OFF);
	expect(h, 1, una + MSS, true); /* cwnd 2, one new one is still on its way */
	sack(h, una + MSS, una + 10 * MSS, una + 12 * MSS);
	expect(h, 1, una + 2 * MSS, true);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
	h_free(h);
}

/** Duplicates before the first new ACK only bring the scoreboard up to date (step 2). */
static void
sack_duplicates_wait(void)
{
	struct harness *h = timed_out(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	sack(h, una, una + 9 * MSS, una + 10 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_WAIT);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS);
	h_expect_none(h);
	ack(h, una + MSS);
	expect(h, 2, una + 10 * MSS, false);
	h_free(h);
}

/** What had been reported before the timeout is no sign that it was spurious when it is acknowledged afterwards. */
static void
sack_reported_before_the_timeout(void)
{
	struct harness *h = sending(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, 20);
	rec_of(h)->flags |= TCP_REC_REORDERING;
	sack(h, una, una + 5 * MSS, una + 6 * MSS);
	rec_of(h)->timer = TCP_TIMER_RTO;
	h_tcb(h)->t_rexmt = rec_of(h)->t_rto;
	h_wait_ms(h, RTO);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	ack(h, una + MSS);
	h_forget(h);
	sack(h, una + MSS, una + 5 * MSS, una + 6 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 0);
	h_free(h);
}

/* ------------------------------------------------------------------ RFC 3522: timestamps */

/** The first new ACK echoes what was sent before the retransmission: at once. */
static void
echo_tells_of_a_spurious_timeout(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = timed_out(
				100, (uint8_t)(TCP_OPT_TS | (i < 2 ? 0 : TCP_OPT_SACK_OK)));
		const uint32_t una = h_tcb(h)->snd_una, mss = h_tcb(h)->mss;
		const bool original = i % 2 == 0;

		h_wait_ms(h, 3);
		if (original)
			h->ts_ecr -= 1; /* a millisecond before the retransmission */
		ack(h, una + mss);
		CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), original);
		CU_ASSERT_EQUAL((h_tcb(h)->flags & TF_LOSS) == 0, original);
		h_free(h);
	}
}

static void
echo_tells_of_a_spurious_fast_retransmit(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h =
				sending(100, (uint8_t)(TCP_OPT_TS | (i < 2 ? 0 : TCP_OPT_SACK_OK)));
		const uint32_t una = h_tcb(h)->snd_una, mss = h_tcb(h)->mss;
		const uint32_t cwnd = h_tcb(h)->cwnd, ssthresh = h_tcb(h)->ssthresh;
		const bool original = i % 2 == 0;
		const uint32_t echo = h->ts_ecr;

		h_wait_ms(h, 20);
		for (uint32_t k = 1; k <= 3; k++) {
			if (i < 2)
				ack(h, una);
			else
				sack(h, una, una + mss, una + (k + 1) * mss);
		}
		CU_ASSERT_EQUAL(count(h, COUNTER_FAST_RETRANSMIT), 1);
		CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
		h_wait_ms(h, 5);
		if (original)
			h->ts_ecr = echo;
		ack(h, una + 4 * mss);
		CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), original);
		CU_ASSERT_EQUAL((h_tcb(h)->flags & TF_RECOVERY) == 0, original);
		if (original) {
			CU_ASSERT(h_tcb(h)->cwnd >= cwnd);
			CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, ssthresh);
		}
		h_free(h);
	}
}

/** Only the first ACK is asked: later ones may echo anything. */
static void
echo_of_a_later_ack(void)
{
	struct harness *h = sending(100, TCP_OPT_TS | TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una, mss = h_tcb(h)->mss, echo = h->ts_ecr;

	h_wait_ms(h, 20);
	sack(h, una, una + 4 * mss, una + 8 * mss);
	h_wait_ms(h, 20);
	ack(h, una + mss); /* of the retransmission */
	h->ts_ecr = echo;
	ack(h, una + 2 * mss);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ D-SACK */

/** Every retransmission is reported as a duplicate: there was no loss. */
static void
duplicates_tell_of_a_spurious_recovery(void)
{
	struct harness *h = sending(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;
	const uint32_t cwnd = h_tcb(h)->cwnd, ssthresh = h_tcb(h)->ssthresh;

	h_wait_ms(h, 20);
	sack(h, una, una + 2 * MSS, una + 4 * MSS); /* lets two new ones out */
	sack(h, una, una + 2 * MSS, una + 10 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 2);
	h_wait_ms(h, 20);
	ack(h, una + 10 * MSS); /* both holes, late */
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	sack(h, una + 10 * MSS, una, una + MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 0); /* one of two */
	sack(h, una + 10 * MSS, una + MSS, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 1);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT(h_tcb(h)->cwnd >= cwnd);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, ssthresh);
	CU_ASSERT_EQUAL(rec_of(h)->reo_mult, 1);
	h_free(h);
}

/** Some of them: something was lost. */
static void
one_real_loss_is_enough(void)
{
	struct harness *h = sending(100, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	h_wait_ms(h, 20);
	sack(h, una, una + 2 * MSS, una + 4 * MSS);
	sack(h, una, una + 2 * MSS, una + 10 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 2);
	h_wait_ms(h, 20);
	ack(h, una + 10 * MSS);
	sack(h, una + 10 * MSS, una, una + MSS);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 0);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, h_tcb(h)->ssthresh);
	h_free(h);
}

/** Without SACK: what is lost after a spurious timeout is repaired by duplicates, not by the next timeout. */
static void
loss_after_a_spurious_timeout(void)
{
	struct harness *h = timed_out(100, 0);
	const uint32_t una = h_tcb(h)->snd_una;

	ack(h, una + MSS);
	ack(h, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 1);
	h_forget(h);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_FAST_RETRANSMIT), 1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 2);
	CU_ASSERT(h_tcb(h)->ssthresh < 10 * MSS); /* nothing was reduced before */
	h_free(h);
}

/** Duplicates have inflated the window beyond what it was: that goes, too. */
static void
spurious_recovery_takes_inflation_back(void)
{
	struct harness *h = sending(100, TCP_OPT_TS);
	const uint32_t una = h_tcb(h)->snd_una, mss = h_tcb(h)->mss;
	const uint32_t cwnd = h_tcb(h)->cwnd, echo = h->ts_ecr;

	h_wait_ms(h, 20);
	for (unsigned int i = 0; i < 9; i++)
		ack(h, una);
	CU_ASSERT_EQUAL(count(h, COUNTER_FAST_RETRANSMIT), 1);
	CU_ASSERT(h_tcb(h)->cwnd > cwnd);
	h->ts_ecr = echo;
	ack(h, una + 4 * mss);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	h_free(h);
}

/** The window was reduced for ECE before, and that was for something: cwnd is ssthresh, not what recovery made of it. */
static void
spurious_recovery_after_ece(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct harness *h = sending(
				100, (uint8_t)(TCP_OPT_TS | (i == 0 ? TCP_OPT_SACK_OK : 0)));
		const uint32_t mss = h_tcb(h)->mss, echo = h->ts_ecr;
		uint32_t una = h_tcb(h)->snd_una, ssthresh;

		h_tcb(h)->flags |= TF_ECN;
		h_wait_ms(h, 20);
		una += mss;
		(void)h_in_at(h, TCP_ACK | TCP_ECE, h->seq, una, 0);
		CU_ASSERT_EQUAL(count(h, COUNTER_ECN_REDUCTIONS), 1);
		ssthresh = h_tcb(h)->ssthresh;
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, ssthresh);
		for (unsigned int k = 0; k < 8; k++) {
			if (i == 0)
				sack(h, una, una + 5 * mss, una + 8 * mss);
			else
				ack(h, una);
		}
		CU_ASSERT_EQUAL(count(h, COUNTER_FAST_RETRANSMIT), 1);
		CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, ssthresh);
		CU_ASSERT_NOT_EQUAL(h_tcb(h)->cwnd, ssthresh);
		h->ts_ecr = echo;
		ack(h, una + 2 * mss);
		CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 1);
		CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, ssthresh);
		h_free(h);
	}
}

/** They come when recovery is over: for a round trip that still counts, afterwards it is history. */
static void
duplicates_after_recovery(void)
{
	for (unsigned int late = 0; late < 2; late++) {
		struct harness *h = sending(200, TCP_OPT_SACK_OK);
		const uint32_t una = h_tcb(h)->snd_una;

		h_wait_ms(h, 20);
		sack(h, una, una + MSS, una + 8 * MSS);
		CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
		h_wait_ms(h, 20);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
		if (late != 0) {
			(void)h_in(h, TCP_ACK, 0);
			(void)h_in(h, TCP_ACK, 0);
		}
		sack(h, h_tcb(h)->snd_una, una, una + MSS);
		CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 1);
		CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), late == 0);
		h_free(h);
	}
}

/** D-SACKs that nobody caused undo nothing. */
static void
bad_input_34_invented_duplicates(void)
{
	struct harness *h = sending(200, TCP_OPT_SACK_OK);
	const uint32_t una = h_tcb(h)->snd_una;

	for (uint32_t i = 1; i < 100; i++)
		sack(h, una, una - i, una);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - una, 10 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 10 * MSS);
	h_free(h);
}

/** Paced, the two segments of step 2b leave one after the other, and the test waits for the second. */
static void
paced_spurious_timeout(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t una;

	conf.snd_buf = 1 << 20;
	conf.rto_min_ms = RTO;
	conf.pacing = true;
	h = h_sending(&conf, 0, 100);
	h_wait_ms(h, 100); /* the first window leaves in quanta */
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL_FATAL(h_tcb(h)->snd_nxt - una, 10 * MSS);
	h_forget(h);
	h_wait_ms(h, RTO);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	expect(h, 1, una, true);
	ack(h, una + 1); /* cwnd, and with it the quantum, is less than two segments */
	CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_SEND1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_HELD, 0);
	expect(h, 1, una + 10 * MSS, false);
	h_wait_ms(h, 20);
	CU_ASSERT_EQUAL(rec_of(h)->frto, TCP_FRTO_SENT);
	expect(h, 1, una + 11 * MSS, false);
	ack(h, una + 2 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO_UNDONE), 1);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
	h_free(h);
}

/** A duplicate is reported in the burst in which recovery began, before anything has gone again: that says nothing of it. */
static void
duplicate_before_the_retransmission(void)
{
	struct harness *h = sending(20, TCP_OPT_SACK_OK);
	const uint32_t first = h_tcb(h)->snd_una;

	h_wait_ms(h, 20);
	ack(h, first + MSS);
	h_wait_ms(h, 20);
	h_forget(h);
	h->no_pump = true;
	sack(h, first + MSS, first + 2 * MSS, first + 6 * MSS);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	sack(h, first + MSS, first, first + MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_RECOVERY_UNDONE), 0);
	h->no_pump = false;
	h_pump(h);
	CU_ASSERT_FATAL(h->n_sent > 0);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, first + MSS);
	CU_ASSERT_TRUE(h->sent[0].rexmt);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(spurious_timeout),
		TEST(real_timeout),
		TEST(duplicate_after_the_timeout),
		TEST(everything_is_acknowledged),
		TEST(nothing_new_to_send),
		TEST(one_new_segment),
		TEST(only_a_first_timeout),
		TEST(timeout_during_the_test),
		TEST(sack_spurious_timeout),
		TEST(sack_spurious_by_a_report),
		TEST(sack_real_timeout),
		TEST(sack_duplicates_wait),
		TEST(sack_reported_before_the_timeout),
		TEST(echo_tells_of_a_spurious_timeout),
		TEST(echo_tells_of_a_spurious_fast_retransmit),
		TEST(echo_of_a_later_ack),
		TEST(duplicates_tell_of_a_spurious_recovery),
		TEST(one_real_loss_is_enough),
		TEST(duplicates_after_recovery),
		TEST(loss_after_a_spurious_timeout),
		TEST(spurious_recovery_takes_inflation_back),
		TEST(spurious_recovery_after_ece),
		TEST(bad_input_34_invented_duplicates),
		TEST(paced_spurious_timeout),
		TEST(duplicate_before_the_retransmission),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("frto", tests)
