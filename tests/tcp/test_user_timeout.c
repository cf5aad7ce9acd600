/* SPDX-License-Identifier: BSD-3-Clause */
/* User timeout: RFC 9293 section 3.10.8, RFC 5482 without its option. Exact to the millisecond. */
#include "harness.h"

#define MSS 1460u
#define UTO 5000u

static uint8_t
with_timeout(struct harness *h, uint32_t ms)
{
	struct tcp_profile p = h->ctx->profile[0];

	p.user_timeout_ms = ms;
	return (uint8_t)tcp_profile_get(h->ctx, &p);
}

/** ESTABLISHED with a user timeout, nothing logged. */
static struct harness *
impatient(uint32_t ms)
{
	struct harness *h = h_established(NULL);

	tcp_profile_set(h->ctx, h_tcb(h), with_timeout(h, ms));
	return h;
}

/** The connection lives for @p ms - 1 more, and ends for @p reason in the next millisecond. */
static void
expect_end_in(struct harness *h, uint32_t ms, enum tcp_reason reason)
{
	const uint64_t n = h->counters.n[COUNTER_USER_TIMEOUTS];

	h_wait_ms(h, ms - 1);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, 0);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, reason);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_USER_TIMEOUTS], n + 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
}

static void
unacknowledged_text_ends_it(void)
{
	struct harness *h = impatient(UTO);

	(void)h_write(h, 100, 100);
	expect_end_in(h, UTO, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.flags & TCP_RST, TCP_RST);
	h_free(h);
}

/** Shorter than the RTO, and not a multiple of anything. */
static void
shorter_than_the_rto(void)
{
	struct harness *h = impatient(137);

	(void)h_write(h, 100, 100);
	expect_end_in(h, 137, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 0);
	h_free(h);
}

/** Longer than R2: retransmission goes on beyond it. */
static void
longer_than_r2(void)
{
	struct harness *h = impatient(500000);

	CU_ASSERT_EQUAL(h->ctx->conf.data_r2_ms, 100000);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 300000);
	CU_ASSERT(h->counters.n[COUNTER_RTO] > 9);
	expect_end_in(h, 200000, TCP_REASON_TIMEOUT);
	h_free(h);
}

static void
progress_starts_it_anew(void)
{
	struct harness *h = impatient(UTO);

	(void)h_write(h, 3 * MSS, MSS);
	h_wait_ms(h, UTO - 1);
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + MSS, 0);
	h_wait_ms(h, UTO - 1);
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + MSS, 0);
	expect_end_in(h, UTO, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** Duplicate ACKs and the peer's own text say that he lives, but nothing is delivered by that. */
static void
life_without_progress_is_not_enough(void)
{
	struct harness *h = impatient(UTO);

	(void)h_write(h, 3 * MSS, MSS);
	for (unsigned int i = 0; i < 4; i++) {
		h_wait_ms(h, 1000);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 10);
		h->seq += 10;
	}
	expect_end_in(h, UTO - 4000, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** More text later does not put it off: the oldest octet counts. */
static void
new_text_does_not_put_it_off(void)
{
	struct harness *h = impatient(UTO);

	(void)h_write(h, 100, 100);
	h_wait_ms(h, 3000);
	(void)h_write(h, 100, 100);
	expect_end_in(h, 2000, TCP_REASON_TIMEOUT);
	h_free(h);
}

static void
idleness_is_no_waiting(void)
{
	struct harness *h = impatient(UTO);

	h_wait_ms(h, 10 * UTO);
	(void)h_write(h, 100, 100);
	(void)h_in(h, TCP_ACK, 0);
	h_wait_ms(h, 10 * UTO);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	/* And what was idle before does not count. */
	(void)h_write(h, 100, 100);
	expect_end_in(h, UTO, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** RFC 6429, BAD-INPUT 35: a zero window with every probe answered ends nothing by itself; the user may have had enough. */
static void
bad_input_35_zero_window_and_answered_probes(void)
{
	struct harness *h = impatient(60000);
	uint32_t una;

	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 1000, 1000);
	una = h_tcb(h)->snd_una;
	for (unsigned int i = 0; i < 59; i++) {
		h_wait_ms(h, 1000);
		(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
	}
	expect_end_in(h, 1000, TCP_REASON_TIMEOUT);
	h_free(h);
	/* Without a user timeout it lives. */
	h = h_established(NULL);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 1000, 1000);
	una = h_tcb(h)->snd_una;
	for (unsigned int i = 0; i < 2000; i++) {
		h_wait_ms(h, 1000);
		(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

static void
window_that_opens_starts_it_anew(void)
{
	struct harness *h = impatient(UTO);

	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 1000, 1000);
	h_wait_ms(h, 100);
	h->wnd = 65535;
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].len, 1000);
	expect_end_in(h, UTO, TCP_REASON_TIMEOUT);
	h_free(h);
}

static void
syn_without_an_answer(void)
{
	static const uint32_t ms[] = {500, 1000, 5000, 50000, 100000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(ms); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.user_timeout_ms = ms[i];
		h = h_new(&conf, IP_V4, 1000);
		(void)h_open(h);
		expect_end_in(h, ms[i], TCP_REASON_TIMEOUT);
		/* Nobody is there to be told. */
		for (unsigned int k = 0; k < h->n_sent; k++)
			CU_ASSERT_EQUAL(h->sent[k].seg.flags & TCP_RST, 0);
		h_free(h);
	}
}

static void
simultaneous_open_without_an_end(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.user_timeout_ms = UTO;
	h = h_new(&conf, IP_V4, 1000);
	(void)h_open(h);
	h_wait_ms(h, 500);
	(void)h_in(h, TCP_SYN, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_wait_ms(h, UTO);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** A listener's half-open connection is nobody's yet: R2 of SYN bounds it, not the user. */
static void
half_open_is_not_the_users(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.user_timeout_ms = 2000;
	h = h_new(&conf, IP_V4, 1000);
	(void)h_in(h, TCP_SYN, 0);
	h_wait_ms(h, 10000);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** FIN alone, with no block to remember anything. */
static void
fin_without_an_answer(void)
{
	static const enum tcp_state states[] = {TCP_FIN_WAIT_1, TCP_LAST_ACK, TCP_CLOSING};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(states); i++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);

		h_to_state(h, states[i], false);
		tcp_profile_set(h->ctx, h_tcb(h), with_timeout(h, UTO));
		h->all_events = 0;
		expect_end_in(h, UTO, TCP_REASON_TIMEOUT);
		h_free(h);
	}
}

/** More timeouts than 8 bits count, and nothing else to count by: it ends, early rather than never. */
static void
fin_alone_ends_after_255_timeouts(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_max_ms = 1000;
	h = h_established(&conf);
	tcp_profile_set(h->ctx, h_tcb(h), with_timeout(h, 3600000));
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_wait_ms(h, 200000);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	h_wait_ms(h, 100000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** Text and FIN: the text's time counts until it is acknowledged, then the FIN's. */
static void
text_and_fin(void)
{
	struct harness *h = impatient(UTO);

	(void)h_write(h, 100, 100);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_wait_ms(h, 4000);
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + 100, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	expect_end_in(h, UTO, TCP_REASON_TIMEOUT);
	h_free(h);
}

static void
set_while_it_waits(void)
{
	struct harness *h = h_established(NULL);

	(void)h_write(h, 100, 100);
	h_wait_ms(h, 3000);
	tcp_profile_set(h->ctx, h_tcb(h), with_timeout(h, UTO));
	expect_end_in(h, 2000, TCP_REASON_TIMEOUT);
	h_free(h);
	/* Older than that already: at once. */
	h = h_established(NULL);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 3000);
	tcp_profile_set(h->ctx, h_tcb(h), with_timeout(h, 1000));
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
	/* And taken back. */
	h = impatient(UTO);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 4000);
	tcp_profile_set(h->ctx, h_tcb(h), with_timeout(h, 0));
	h_wait_ms(h, 10000);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** RFC 5482 section 4.2: keepalive does not end what the user timeout would let live. */
static void
keepalive_waits_for_the_user_timeout(void)
{
	struct harness *h = h_established(NULL);
	struct tcp_profile p = h->ctx->profile[0];

	p.keep_on = true;
	p.keep_idle_ms = 1000;
	p.keep_interval_ms = 100;
	p.keep_count = 3;
	p.user_timeout_ms = 30000;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	h_wait_ms(h, 29900);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT(h->counters.n[COUNTER_KEEPALIVE_PROBES] > 250);
	h_wait_ms(h, 300);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	h_free(h);
	/* A shorter one does not make it more patient than it is. */
	h = h_established(NULL);
	p.user_timeout_ms = 500;
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)tcp_profile_get(h->ctx, &p));
	h_wait_ms(h, 1299);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	h_free(h);
}

/** Unread text keeps the block: the time is that of the send queue all the same. */
static void
unread_text_beside_it(void)
{
	struct harness *h = impatient(UTO);

	h->auto_read = false;
	(void)h_in(h, TCP_ACK, 100);
	h_wait_ms(h, 3 * UTO);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 3000);
	(void)h_in(h, TCP_ACK, 0);
	h_wait_ms(h, 3 * UTO);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, UTO - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

/**
 * Text that the worker could not send yet (no mbuf, say) waits since SEND, not since the last ACK. The block outlives that,
 * because something lies unread.
 */
static void
text_waits_since_send(void)
{
	struct harness *h = impatient(UTO);

	h->auto_read = false;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
	h_wait_ms(h, 100 * UTO);
	h->no_pump = true;
	/* Something that the timer is to look after. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 1000000, h->ack, 0), DROP_TCP_SEQ);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	tcp_set_time(h->ctx, h->ctx->now + 600 * TIME_US_PER_MS);
	(void)tcp_advance(h->ctx, 1000);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_USER_TIMEOUTS], 0);
	h->no_pump = false;
	h_pump(h);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].len, 100);
	h_free(h);
}

/** FIN alone against a closed window that answers each probe: the user waits for it as he would for text. */
static void
fin_against_a_closed_window(void)
{
	static const uint32_t timeouts[] = {137, UTO, 20000};

	for (unsigned int i = 0; i < 2 * PTCP_ARRAY_SIZE(timeouts); i++) {
		const bool unread = (i & 1) != 0;
		struct harness *h = impatient(timeouts[i / 2]);
		unsigned int seen;

		h->auto_read = !unread;
		h->wnd = 0;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
		h_wait_ms(h, 1000);
		CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
		h_pump(h);
		seen = h->n_sent;
		for (uint32_t ms = 0; ms < timeouts[i / 2] - 1; ms++) {
			h_wait_ms(h, 1);
			CU_ASSERT_EQUAL_FATAL(h->all_events & EV_CLOSED, 0);
			if (h->n_sent != seen)
				(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
			seen = h->n_sent;
		}
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_USER_TIMEOUTS], 1);
		h_free(h);
	}
}

/** Timeouts are counted up to 255, and more of them do not matter: the user timeout has a clock of its own. */
static void
more_timeouts_than_can_be_counted(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_max_ms = 200;
	conf.user_timeout_ms = 60001;
	h = h_established(&conf);
	(void)h_write(h, 100, 100);
	for (unsigned int i = 0; i < 10; i++) {
		h_wait_ms(h, 6000);
		h_forget(h);
	}
	CU_ASSERT(h->counters.n[COUNTER_RTO] >= 299);
	CU_ASSERT_EQUAL(h_tcb(h)->probes, UINT8_MAX);
	expect_end_in(h, 1, TCP_REASON_TIMEOUT);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(unacknowledged_text_ends_it),
		TEST(shorter_than_the_rto),
		TEST(longer_than_r2),
		TEST(progress_starts_it_anew),
		TEST(life_without_progress_is_not_enough),
		TEST(new_text_does_not_put_it_off),
		TEST(idleness_is_no_waiting),
		TEST(bad_input_35_zero_window_and_answered_probes),
		TEST(window_that_opens_starts_it_anew),
		TEST(syn_without_an_answer),
		TEST(simultaneous_open_without_an_end),
		TEST(half_open_is_not_the_users),
		TEST(fin_without_an_answer),
		TEST(fin_alone_ends_after_255_timeouts),
		TEST(text_and_fin),
		TEST(set_while_it_waits),
		TEST(keepalive_waits_for_the_user_timeout),
		TEST(unread_text_beside_it),
		TEST(text_waits_since_send),
		TEST(fin_against_a_closed_window),
		TEST(more_timeouts_than_can_be_counted),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("user_timeout", tests)
