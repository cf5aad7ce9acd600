/* SPDX-License-Identifier: BSD-3-Clause */
/* One test for each defect that the simulator found in the core: each of them failed before it was mended. */
#include "harness.h"

#include <string.h>

/* ------------------------------------------------------------------ R2 with many short timeouts */

/** Data that is never acknowledged: ms until the connection is given up, at most @p most. */
static uint64_t
given_up_after(const struct tcp_conf *conf, uint64_t most)
{
	struct harness *h = h_established(conf);
	uint64_t ms = 0;

	(void)h_write(h, 100, 100);
	while (h_state(h) != TCP_CLOSED && ms < most) {
		h_wait_ms(h, 1000);
		ms += 1000;
	}
	if (h_state(h) == TCP_CLOSED)
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
	return ms;
}

/** More timeouts than the exponent of the backoff counts: each of the later ones lasted the maximum. */
static void
established_r2_beyond_the_largest_exponent(void)
{
	struct tcp_conf conf = h_conf();
	uint64_t ms;

	conf.rto_min_ms = 1000;
	conf.rto_max_ms = 4000;
	conf.data_r2_ms = 600000;
	ms = given_up_after(&conf, 2000000);
	CU_ASSERT(ms >= 600000);
	CU_ASSERT(ms <= 606000);
}

/** More timeouts than a TCB can count end it, however long R2 is. */
static void
established_r2_beyond_the_count_of_timeouts(void)
{
	struct tcp_conf conf = h_conf();
	uint64_t ms;

	conf.rto_max_ms = 1000;
	conf.data_r2_ms = 924000;
	ms = given_up_after(&conf, 2000000);
	CU_ASSERT(ms >= 250000);
	CU_ASSERT(ms <= 260000);
}

/* ------------------------------------------------------------------ deadlines that are over */

/** Output is not pulled, so data waits while a keepalive probe is out: its deadline must not be asked for again and again. */
static void
established_keepalive_probe_and_no_output(void)
{
	struct harness *h = h_established(NULL);
	struct tcp_ctx *ctx = h->ctx;
	struct tcp_tcb *tcb = h_tcb(h);
	const int keep = h_keep(ctx, true, 10000, 1000, 5);
	struct tcp_buf buf = h_buf(10);

	CU_ASSERT_FATAL(keep > 0);
	tcp_profile_set(ctx, tcb, (uint8_t)keep);
	h_wait_ms(h, 10100);
	CU_ASSERT((tcb->flags & TF_KEEP_PROBE) != 0);
	memset(buf.data, 0, buf.len);
	CU_ASSERT_EQUAL(tcp_send(ctx, tcb, &buf, 1), 1);
	for (unsigned int i = 0; i < 100; i++) {
		tcp_set_time(ctx, ctx->now + 37 * TIME_US_PER_MS);
		(void)tcp_advance(ctx, UINT32_MAX);
		CU_ASSERT(tcp_next(ctx) > ctx->now);
	}
	/* With output again the text goes, and its timeout is what counts. */
	h_forget(h);
	h_pump(h);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(h->sent[0].len, 10);
	CU_ASSERT_EQUAL(tcb->flags & (TF_REXMT | TF_KEEP_PROBE), TF_REXMT);
	h_free(h);
}

/* ------------------------------------------------------------------ windows */

/** Memory becomes short between our SYN and its answer: the window that the SYN told is not taken back. */
static void
syn_sent_window_told_is_kept(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint16_t told;

	conf.rcv_buf = 60000;
	conf.mem_max = 40000; /* the share of one: half of it */
	h = h_new(&conf, IP_V4, 1000);
	(void)h_open(h);
	told = h->sent[0].seg.wnd;
	CU_ASSERT_EQUAL(told, 60000);
	h->ctx->mem.scarce = true;
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT(tcp_rcv_wnd(h_tcb(h)) >= told);
	/* The last octet that it allows. */
	h->n_received = 0;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq + told - 1, h->ack, 1), DROP_NONE);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(syn_sent_window_told_is_kept),
		TEST(established_r2_beyond_the_largest_exponent),
		TEST(established_r2_beyond_the_count_of_timeouts),
		TEST(established_keepalive_probe_and_no_output),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("regress_sim", tests)
