/* SPDX-License-Identifier: BSD-3-Clause */
/* SO_LINGER: a close in the background, an abort, or a close with a bound. */
#include "harness.h"

#define MSS    1460u
#define LINGER 3000u

static uint8_t
with_linger(struct harness *h, uint32_t ms)
{
	struct tcp_profile p = h->ctx->profile[0];

	p.linger_ms = ms;
	return (uint8_t)tcp_profile_get(h->ctx, &p);
}

static struct harness *
lingering(enum tcp_state state, bool active, uint32_t ms)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);

	h_to_state(h, state, active);
	tcp_profile_set(h->ctx, h_tcb(h), with_linger(h, ms));
	h_forget(h);
	return h;
}

static void
close_it(struct harness *h)
{
	CU_ASSERT_EQUAL(tcp_close(h->ctx, h_tcb(h)), 0);
	h_pump(h);
}

static void
expect_reset_in(struct harness *h, uint32_t ms)
{
	h_wait_ms(h, ms - 1);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, 0);
	h_forget(h);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_LINGER);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_LINGER_RESETS], 1);
	CU_ASSERT(h->n_sent > 0 && (h->sent[h->n_sent - 1].seg.flags & TCP_RST) != 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
}

/** What was queued and not acknowledged in time is reset. */
static void
bounded_close_with_text(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, LINGER);

	(void)h_write(h, 3 * MSS, MSS);
	h_wait_ms(h, 150);
	close_it(h);
	expect_reset_in(h, LINGER);
	h_free(h);
}

/** Acknowledgments on the way, and the peer's text: the bound stands where it was. */
static void
progress_does_not_extend_the_bound(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, LINGER);

	(void)h_write(h, 9 * MSS, MSS);
	close_it(h);
	for (unsigned int i = 0; i < 5; i++) {
		h_wait_ms(h, 500);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + MSS, 0);
	}
	expect_reset_in(h, LINGER - 2500);
	h_free(h);
}

static void
done_in_time_ends_as_always(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, LINGER);

	(void)h_write(h, 3 * MSS, MSS);
	close_it(h);
	h_wait_ms(h, LINGER - 1);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	/* From here on it is FIN-WAIT-2's bound. */
	h_wait_ms(h, 10000);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_LINGER_RESETS], 0);
	h_free(h);
}

static void
bounded_close_in_every_state(void)
{
	static const struct {
		enum tcp_state state;
		bool active;
	} cases[] = {{TCP_ESTABLISHED, false}, {TCP_ESTABLISHED, true}, {TCP_FIN_WAIT_1, false},
			{TCP_CLOSE_WAIT, false}, {TCP_CLOSING, false}, {TCP_LAST_ACK, false}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = lingering(cases[i].state, cases[i].active, LINGER);

		/* FIN may have been out for a while: the bound counts from the close. */
		h_wait_ms(h, 1700);
		h_forget(h);
		close_it(h);
		expect_reset_in(h, LINGER);
		h_free(h);
	}
}

/** A zero window: FIN cannot even leave. */
static void
bounded_close_against_a_closed_window(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, LINGER);

	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 100, 100);
	close_it(h);
	for (unsigned int i = 0; i < 5; i++) {
		h_wait_ms(h, 500);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
	}
	expect_reset_in(h, LINGER - 2500);
	h_free(h);
}

/** Before the handshake's end the close waits with it, and the bound counts. */
static void
bounded_close_in_syn_received(void)
{
	struct harness *h = lingering(TCP_SYN_RECEIVED, true, LINGER);

	close_it(h);
	expect_reset_in(h, LINGER);
	h_free(h);
}

/** The user timeout is nearer. */
static void
user_timeout_and_linger(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, LINGER);
	struct tcp_profile p = h->ctx->profile[0];

	p.linger_ms = LINGER;
	p.user_timeout_ms = 1000;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	(void)h_write(h, 100, 100);
	close_it(h);
	h_wait_ms(h, 999);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, 0);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** linger_ms 0: close is an abort. */
static void
zero_aborts(void)
{
	static const struct {
		enum tcp_state state;
		bool active, rst;
	} cases[] = {{TCP_SYN_SENT, true, false}, {TCP_SYN_RECEIVED, true, true},
			{TCP_ESTABLISHED, false, true}, {TCP_FIN_WAIT_1, false, true},
			{TCP_FIN_WAIT_2, false, true}, {TCP_CLOSE_WAIT, false, true},
			{TCP_CLOSING, false, false}, {TCP_LAST_ACK, false, false}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = lingering(cases[i].state, cases[i].active, 0);

		close_it(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_ABORTED);
		CU_ASSERT_EQUAL(h->n_sent, cases[i].rst ? 1 : 0);
		if (cases[i].rst && h->n_sent == 1)
			CU_ASSERT_EQUAL(h->sent[0].seg.flags & TCP_RST, TCP_RST);
		CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, EV_CLOSED);
		h_free(h);
	}
}

/** The default: as long as R2 lets it. */
static void
off_goes_on_until_r2(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, TCP_LINGER_OFF);

	(void)h_write(h, 100, 100);
	close_it(h);
	h_wait_ms(h, 90000);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	h_wait_ms(h, 60000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** shutdown() is no close: nothing bounds it. */
static void
shutdown_does_not_linger(void)
{
	struct harness *h = lingering(TCP_ESTABLISHED, false, LINGER);

	(void)h_write(h, 100, 100);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_wait_ms(h, 10 * LINGER);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(bounded_close_with_text),
		TEST(progress_does_not_extend_the_bound),
		TEST(done_in_time_ends_as_always),
		TEST(bounded_close_in_every_state),
		TEST(bounded_close_against_a_closed_window),
		TEST(bounded_close_in_syn_received),
		TEST(user_timeout_and_linger),
		TEST(zero_aborts),
		TEST(off_goes_on_until_r2),
		TEST(shutdown_does_not_linger),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("linger", tests)
