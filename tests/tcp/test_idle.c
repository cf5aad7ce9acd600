/* SPDX-License-Identifier: BSD-3-Clause */
/* Restart after idle: RFC 5681 section 4.1. Idle is who has not sent text for longer than the RTO. */
#include "harness.h"

#define MSS 1460u
#define IW  14600u

/** The peer acknowledges all that was sent, one segment an ACK, until nothing is left. */
static void
drain(struct harness *h)
{
	while (h_tcb(h)->snd_una != h_tcb(h)->snd_nxt)
		(void)h_in_at(h, TCP_ACK, h->seq,
				seq_min(h_tcb(h)->snd_una + MSS, h_tcb(h)->snd_nxt), 0);
}

/** ESTABLISHED with a grown window, everything acknowledged at this moment, RTT 20 ms, RTO 200 ms. */
static struct harness *
grown(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.snd_buf = 1 << 20;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 7;
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 16000;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 20);
	(void)h_in(h, TCP_ACK, 0);
	for (unsigned int i = 0; i < 5; i++) {
		(void)h_write(h, 50 * MSS, MSS);
		h_wait_ms(h, 20);
		drain(h);
	}
	CU_ASSERT(h_tcb(h)->cwnd > 3 * IW);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_forget(h);
	return h;
}

/** How many segments leave at once when there is much to say. */
static unsigned int
burst(struct harness *h)
{
	h_forget(h);
	(void)h_write(h, 100 * MSS, MSS);
	return h->n_sent;
}

static void
short_pause_keeps_the_window(void)
{
	struct harness *h = grown();
	const uint32_t cwnd = h_tcb(h)->cwnd;
	const uint32_t rto = tcp_rto_ms(h->ctx, h_tcb(h));

	/* The last text left 20 ms ago. */
	h_wait_ms(h, rto - 20);
	CU_ASSERT_EQUAL(burst(h), cwnd / MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_IDLE_RESTARTS], 0);
	h_free(h);
}

static void
pause_over_the_rto_restarts(void)
{
	struct harness *h = grown();
	const uint32_t cwnd = h_tcb(h)->cwnd;
	const uint32_t rto = tcp_rto_ms(h->ctx, h_tcb(h));

	h_wait_ms(h, rto - 20 + 1);
	CU_ASSERT_EQUAL(burst(h), IW / MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, IW);
	/* Slow start leads back to near where it was. */
	CU_ASSERT(h_tcb(h)->ssthresh >= cwnd / 4 * 3);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_IDLE_RESTARTS], 1);
	h_free(h);
}

/** What ssthresh knew is not forgotten: three quarters of the old window, or what it was. */
static void
ssthresh_after_a_restart(void)
{
	struct harness *h = grown();
	const uint32_t cwnd = h_tcb(h)->cwnd;

	h_tcb(h)->ssthresh = 2 * MSS;
	h_wait_ms(h, 5000);
	(void)burst(h);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, cwnd / 4 * 3);
	h_free(h);
	h = grown();
	h_tcb(h)->ssthresh = 2 * cwnd;
	h_wait_ms(h, 5000);
	(void)burst(h);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 2 * cwnd);
	h_free(h);
}

/** "The reception of the request makes the test fail": what the peer says does not end our silence. */
static void
a_request_does_not_end_the_idle_time(void)
{
	struct harness *h = grown();

	h_wait_ms(h, 5000);
	(void)h_in(h, TCP_ACK | TCP_PSH, 300);
	CU_ASSERT_EQUAL(burst(h), IW / MSS);
	h_free(h);
}

/** The peer's text lies unread, so that the block stays: the same. */
static void
an_unread_block_knows_the_time_too(void)
{
	struct harness *h = grown();

	h->auto_read = false;
	(void)h_in(h, TCP_ACK, 300);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	(void)h_write(h, 10 * MSS, MSS);
	h_wait_ms(h, 20);
	drain(h);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_wait_ms(h, 5000);
	CU_ASSERT_EQUAL(burst(h), IW / MSS);
	h_free(h);
}

/** A window below the restart window is not raised by waiting. */
static void
a_small_window_stays_small(void)
{
	struct harness *h = grown();

	h_tcb(h)->cwnd = 3 * MSS;
	h_wait_ms(h, 5000);
	CU_ASSERT_EQUAL(burst(h), 3);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_IDLE_RESTARTS], 0);
	h_free(h);
}

/** Keepalive probes use the same field for their deadline; they mean idleness as well. */
static void
probes_of_keepalive_restart(void)
{
	struct harness *h = grown();

	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)h_keep(h->ctx, true, 1000, 500, 5));
	h_wait_ms(h, 1100);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 1);
	(void)h_in(h, TCP_ACK, 0);
	h_wait_ms(h, 600);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, IW);
	CU_ASSERT_EQUAL(burst(h), IW / MSS);
	h_free(h);
}

/** A window that was closed for long: nothing was sent but probes. */
static void
closed_window_restarts(void)
{
	struct harness *h = grown();
	const uint16_t wnd = h->wnd;

	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 100 * MSS, MSS);
	h_wait_ms(h, 50);
	h_forget(h);
	h_wait_ms(h, 3000);
	h->wnd = wnd;
	h_forget(h);
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
	CU_ASSERT(h->n_sent <= IW / MSS);
	h_free(h);
}

/** The first text long after the handshake: the initial window, and no restart to count. */
static void
quiet_beginning(void)
{
	struct harness *h = h_established(NULL);

	h_wait_ms(h, 100000);
	CU_ASSERT_EQUAL(burst(h), IW / MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_IDLE_RESTARTS], 0);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(short_pause_keeps_the_window),
		TEST(pause_over_the_rto_restarts),
		TEST(ssthresh_after_a_restart),
		TEST(a_request_does_not_end_the_idle_time),
		TEST(an_unread_block_knows_the_time_too),
		TEST(a_small_window_stays_small),
		TEST(probes_of_keepalive_restart),
		TEST(closed_window_restarts),
		TEST(quiet_beginning),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("idle", tests)
