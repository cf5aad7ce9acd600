/* SPDX-License-Identifier: BSD-3-Clause */
/* Proportional rate reduction: RFC 9937, with the figures of RFC 6937 section 4 (flight 20, ssthresh 10). */
#include "harness.h"

#define MSS 1460u

static struct tcp_recovery *
rec_of(struct harness *h)
{
	const struct tcp_tcb *tcb = h_tcb(h);

	CU_ASSERT_FATAL(tcb != NULL && tcb->blk != PTCP_NIL);
	return &((struct tcp_block *)pool_at(&h->ctx->block_pool, tcb->blk))->rec;
}

static uint32_t
pipe_of(struct harness *h)
{
	return h_tcb(h)->snd_nxt - h_tcb(h)->snd_una - rec_of(h)->sacked - rec_of(h)->lost;
}

/** 20 segments in flight that left at once, a round trip ago; more to send if @p more. NewReno: ssthresh will be 10. */
static struct harness *
twenty(bool more)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.snd_buf = 1 << 20;
	conf.rto_min_ms = 5000;
	conf.cc = TCP_CC_NEWRENO;
	h = h_sending(&conf, TCP_OPT_SACK_OK, 0);
	h_tcb(h)->cwnd = 20 * MSS;
	(void)h_write(h, (more ? 300 : 20) * MSS, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una, 20 * MSS);
	h_forget(h);
	h_wait_ms(h, 20);
	return h;
}

/** Octets sent since the last look: new ones in *@p fresh, repeated ones in *@p again. */
static void
sent(struct harness *h, uint32_t *fresh, uint32_t *again)
{
	*fresh = *again = 0;
	for (; h->seen < h->n_sent; h->seen++)
		*(h->sent[h->seen].rexmt ? again : fresh) += h->sent[h->seen].len;
}

/**
 * Figure "single loss": segment 0 of twenty is missing. Two new ones by limited transmit, the retransmission, then one for
 * every second ACK; at the end of the round ssthresh is in flight.
 */
static void
single_loss(void)
{
	/*                              1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 */
	static const char figure[] = "N  N  R     N     N     N     N     N     N     N     N  ";
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t total = 0, n_new = 0;

	for (uint32_t i = 1; i < 20; i++) {
		const struct tcp_sack k = {una + MSS, una + (i + 1) * MSS};
		uint32_t fresh, again;

		(void)h_sack(h, una, &k, 1);
		sent(h, &fresh, &again);
		CU_ASSERT_EQUAL(again, i == 3 ? MSS : 0);
		CU_ASSERT(fresh == 0 || fresh == MSS);
		if (i <= 3)
			CU_ASSERT_EQUAL(fresh, figure[(i - 1) * 3] == 'N' ? MSS : 0);
		total += fresh + again;
		n_new += fresh > 0;
		h_wait(h, 100);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 10 * MSS);
	CU_ASSERT_EQUAL(pipe_of(h), 10 * MSS);
	/* 20 were in flight and 19 were delivered, one was lost: ten of them are replaced. */
	CU_ASSERT_EQUAL(total, 10 * MSS);
	CU_ASSERT_EQUAL(n_new, 9);
	/* The retransmission arrives: recovery is over at 22, which the two of limited transmit moved it to. */
	h_wait_ms(h, 18);
	(void)h_sack(h, una + 20 * MSS, NULL, 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	(void)h_sack(h, una + 22 * MSS, NULL, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 10 * MSS);
	h_free(h);
}

/** Between the third and the last ACK about half of what is delivered goes out, never more than its share. */
static void
proportion_is_kept(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;

	for (uint32_t i = 1; i < 20; i++) {
		const struct tcp_sack k = {una + MSS, una + (i + 1) * MSS};

		(void)h_sack(h, una, &k, 1);
		if (i < 3)
			continue;
		CU_ASSERT_EQUAL(rec_of(h)->prr_delivered, (i - 2) * MSS);
		CU_ASSERT_EQUAL(rec_of(h)->prr_flight,
				20 * MSS); /* 22 unacknowledged, 2 reported before */
		/* The retransmission goes whole though half would be due. */
		CU_ASSERT(rec_of(h)->prr_out <= (i - 2) * MSS / 2 + MSS);
		/* Towards the end what is in flight has come down to ssthresh, and stays there. */
		CU_ASSERT(rec_of(h)->prr_out + MSS > (i - 2) * MSS / 2 ||
				(i >= 18 && pipe_of(h) == 10 * MSS));
	}
	h_free(h);
}

/** Octets of the share are rounded up (section 6.2). */
static void
share_is_rounded_up(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	struct tcp_sack k = {una + MSS, una + 4 * MSS};

	(void)h_sack(h, una, &k, 1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	h->no_pump = true;
	for (uint32_t i = 1; i <= 5; i++) {
		uint32_t share;

		k.right = una + 4 * MSS + i * 1001;
		(void)h_sack(h, una, &k, 1);
		/* Half of what was delivered. */
		CU_ASSERT_EQUAL(rec_of(h)->prr_delivered, 3 * MSS + i * 1001);
		share = (rec_of(h)->prr_delivered + 1) / 2;
		CU_ASSERT(pipe_of(h) > h_tcb(h)->ssthresh);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd - pipe_of(h), share - rec_of(h)->prr_out);
	}
	h->no_pump = false;
	h_pump(h);
	h_free(h);
}

/** The ACK that finds the loss acknowledges something, too: that was in flight when it happened (section 6.1). */
static void
what_the_first_ack_acknowledges_counts(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	const struct tcp_sack k = {una + 6 * MSS, una + 9 * MSS};

	(void)h_sack(h, una + 5 * MSS, &k, 1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(rec_of(h)->prr_flight, 20 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->prr_delivered, 8 * MSS);
	h_free(h);
}

/**
 * Figure "burst loss": 0 to 14 of twenty are missing. What is in flight falls below ssthresh at once; each ACK lets out what it
 * reports, and one more when SND.UNA moves and nothing more is found lost.
 */
static void
burst_loss(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t fresh, again;

	for (uint32_t i = 15; i < 20; i++) {
		const struct tcp_sack k = {una + 15 * MSS, una + (i + 1) * MSS};

		(void)h_sack(h, una, &k, 1);
		sent(h, &fresh, &again);
		if (i < 17) {
			CU_ASSERT_EQUAL(fresh, MSS); /* limited transmit */
			CU_ASSERT_EQUAL(again, 0);
		} else {
			CU_ASSERT_EQUAL(fresh, 0);
			CU_ASSERT_EQUAL(again, MSS); /* PRR-CRB: packet conservation */
		}
	}
	/* Limited transmit's two, and the three again. */
	CU_ASSERT_EQUAL(pipe_of(h), 5 * MSS);
	h_wait_ms(h, 20);
	/* The first of the three is delivered: slow start from there (PRR-SSRB). */
	for (uint32_t i = 1; i <= 3; i++) {
		const struct tcp_sack k = {una + 15 * MSS, una + 20 * MSS};

		(void)h_sack(h, una + i * MSS, &k, 1);
		sent(h, &fresh, &again);
		CU_ASSERT_EQUAL(again, 2 * MSS);
		CU_ASSERT_EQUAL(pipe_of(h), (5 + i) * MSS);
	}
	h_free(h);
}

/** New losses in an ACK that moves SND.UNA: no SafeACK, and nothing beyond what was delivered. */
static void
no_extra_with_new_losses(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	struct tcp_sack k[2] = {{una + 10 * MSS, una + 13 * MSS}};
	uint32_t fresh, again;

	(void)h_sack(h, una, k, 1);
	h_wait_ms(h, 1);
	sent(h, &fresh, &again);
	CU_ASSERT_EQUAL(again, 3 * MSS); /* three were delivered; 10 in front of them are lost */
	k[1] = (struct tcp_sack){una + 18 * MSS, una + 19 * MSS};
	(void)h_sack(h, una + MSS, k, 2);
	sent(h, &fresh, &again);
	/* Two delivered, five more found lost: two go, not three. */
	CU_ASSERT_EQUAL(fresh + again, 2 * MSS);
	h_free(h);
}

/** Nothing delivered: nothing goes (RFC 9937 section 6.2). */
static void
nothing_delivered_nothing_sent(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	const struct tcp_sack k = {una + 10 * MSS, una + 15 * MSS};
	const struct tcp_sack dup = {una - 10, una};
	uint32_t fresh, again;

	(void)h_sack(h, una, &k, 1);
	sent(h, &fresh, &again);
	for (unsigned int i = 0; i < 5; i++) {
		(void)h_sack(h, una, &k, 1);
		(void)h_sack(h, una, &dup, 1);
		(void)h_sack(h, una, NULL, 0);
	}
	sent(h, &fresh, &again);
	CU_ASSERT_EQUAL(fresh + again, 0);
	h_free(h);
}

/** Small reports: the retransmission goes whole by the first, and what was not used up adds up for the next. */
static void
small_reports_add_up(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t total = 0, fresh, again;

	for (uint32_t i = 1; i <= 400; i++) {
		const struct tcp_sack k = {una + 10 * MSS, una + 10 * MSS + i * 10};

		(void)h_sack(h, una, &k, 1);
		sent(h, &fresh, &again);
		total += fresh + again;
		CU_ASSERT(total <= 10 * i + 2 * MSS);
	}
	CU_ASSERT(total >= 4000 - MSS);
	h_free(h);
}

/** The application has nothing new: PRR's bank of unused sends is no licence for a burst later. */
static void
no_burst_after_silence(void)
{
	struct harness *h = twenty(false);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t fresh, again;

	for (uint32_t i = 1; i < 18; i++) {
		const struct tcp_sack k = {una + MSS, una + (i + 1) * MSS};

		(void)h_sack(h, una, &k, 1);
	}
	sent(h, &fresh, &again);
	CU_ASSERT_EQUAL(fresh, 0);
	CU_ASSERT_EQUAL(again, MSS);
	(void)h_write(h, 100 * MSS, MSS);
	sent(h, &fresh, &again);
	CU_ASSERT(pipe_of(h) <= 10 * MSS);
	h_free(h);
}

/** Found by the reordering timer: one segment goes, ACKs clock the rest. */
static void
losses_found_by_the_timer(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	const struct tcp_sack k = {una + 5 * MSS, una + 6 * MSS};
	uint32_t fresh, again;

	(void)h_sack(h, una, &k, 1);
	sent(h, &fresh, &again);
	CU_ASSERT_EQUAL(again, 0);
	h_wait_ms(h, 5);
	sent(h, &fresh, &again);
	CU_ASSERT_EQUAL(again, MSS);
	CU_ASSERT_EQUAL(fresh, 0);
	h_free(h);
}

/** Everything is acknowledged in recovery: cwnd is ssthresh (section 6.4). */
static void
recovery_ends_at_ssthresh(void)
{
	struct harness *h = twenty(true);
	const uint32_t una = h_tcb(h)->snd_una;
	const struct tcp_sack k = {una + MSS, una + 20 * MSS};

	(void)h_sack(h, una, &k, 1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	h_wait_ms(h, 20);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, h_tcb(h)->ssthresh);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 10 * MSS);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(single_loss),
		TEST(proportion_is_kept),
		TEST(share_is_rounded_up),
		TEST(what_the_first_ack_acknowledges_counts),
		TEST(burst_loss),
		TEST(no_extra_with_new_losses),
		TEST(nothing_delivered_nothing_sent),
		TEST(small_reports_add_up),
		TEST(no_burst_after_silence),
		TEST(losses_found_by_the_timer),
		TEST(recovery_ends_at_ssthresh),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("prr", tests)
