/* SPDX-License-Identifier: BSD-3-Clause */
/* How long TIME-WAIT lasts, and what it holds meanwhile. What it does with segments: test_states.c, test_close.c. */
#include "harness.h"

#include <errno.h>

static struct harness *
with_msl(uint32_t msl_ms, time_us_t start)
{
	struct tcp_conf conf = h_conf();

	conf.msl_ms = msl_ms;
	conf.max_timewait = 2000;
	conf.max_dests = 64;
	return h_new(&conf, IP_V4, start);
}

/** TIME-WAIT now and for exactly @p us more; the next tick ends it. */
static void
expect_lasts(struct harness *h, time_us_t us)
{
	const uint64_t out = h->counters.n[COUNTER_TIMEWAIT_OUT];

	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_wait(h, us - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), 1);
	h_wait(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_OUT], out + 1);
}

/** From 10 ms to 10 min, from both states that lead there, both openers. */
static void
time_wait_lasts_2_msl(void)
{
	static const uint32_t msl[] = {10, 11, 127, 128, 500, 1000, 30000, 120000, 600000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(msl) * 4; i++) {
		struct harness *h = with_msl(msl[i / 4], 1000);

		if (i % 2 == 0) {
			h_to_state(h, TCP_TIME_WAIT, (i & 2) != 0);
		} else {
			h_to_state(h, TCP_CLOSING, (i & 2) != 0);
			h_wait_ms(h, 7);
			(void)h_in(h, TCP_ACK, 0);
		}
		expect_lasts(h, 2 * msl[i / 4] * 1000ull);
		h_free(h);
	}
}

/** Entered between two ticks it lasts until the next one: never less than 2MSL, never a millisecond more. */
static void
time_wait_between_ticks(void)
{
	static const uint32_t off[] = {1, 499, 500, 777, 999};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(off); i++) {
		struct harness *h = with_msl(1000, 5000000 + off[i]);

		h_to_state(h, TCP_TIME_WAIT, false);
		expect_lasts(h, 2000000 + 1000 - off[i]);
		h_free(h);
	}
}

/** The peer's FIN again: acknowledged, and 2MSL anew (RFC 9293 section 3.10.7.4, eighth). */
static void
time_wait_fin_restarts(void)
{
	struct harness *h = with_msl(1000, 1000);

	h_to_state(h, TCP_TIME_WAIT, false);
	for (unsigned int i = 0; i < 5; i++) {
		h_wait_ms(h, 1500);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_FIN | TCP_ACK, h->seq - 1, h->ack, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
	}
	expect_lasts(h, 2000000);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_RESTARTS], 5);
	h_free(h);
}

/** Nothing else makes it longer, and nothing makes it shorter (RFC 1337). */
static void
time_wait_other_segments_change_nothing(void)
{
	struct harness *h = with_msl(1000, 1000);

	h_to_state(h, TCP_TIME_WAIT, false);
	for (unsigned int i = 0; i < 19; i++) {
		h_wait_ms(h, 100);
		(void)h_in_at(h, TCP_RST, h->seq, 0, 0);
		(void)h_in_at(h, TCP_RST | TCP_ACK, h->seq, h->ack, 0);
		(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 0);
		(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 10);
		(void)h_in_at(h, TCP_ACK, h->seq - 500, h->ack, 100);
		(void)h_in_at(h, TCP_SYN, h->seq - 500, 0, 0);
		(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq + 5, h->ack, 0);
		h_forget(h);
	}
	expect_lasts(h, 100000);
	h_free(h);
}

/** Only the record is left: no TCB, no block, no timer; the user has heard the end. */
static void
time_wait_holds_only_its_record(void)
{
	struct harness *h = with_msl(1000, 1000);

	h_to_state(h, TCP_TIME_WAIT, true);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
	CU_ASSERT_EQUAL(h->ctx->wheel.n_armed, 0);
	CU_ASSERT_EQUAL(h->ctx->table.n_used, 0);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	CU_ASSERT_EQUAL(h->event[h->n_event - 1].events & EV_CLOSED, EV_CLOSED);
	h_free(h);
}

/** A thousand, one each millisecond: each goes at its own time. */
static void
time_wait_many_entries(void)
{
	enum { N = 1000 };
	struct harness *h = with_msl(1000, 1000);
	const time_us_t start = h->ctx->now;

	h->no_check = true;
	for (unsigned int i = 0; i < N; i++) {
		h->peer_port = (uint16_t)(10000 + i);
		h->seq = 1000;
		h_to_state(h, TCP_TIME_WAIT, false);
		h_forget(h);
		h_wait_ms(h, 1);
	}
	CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), N);
	CU_ASSERT_EQUAL(h->ctx->now - start, N * 1000);
	h_wait_ms(h, 2000 - N - 1);
	for (unsigned int i = 0; i < N; i++) {
		CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), N - i);
		h->peer_port = (uint16_t)(10000 + i);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	}
	CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), 0);
	h_free(h);
}

/** The worker stands still for three hours; then expiry in small portions, each TIME-WAIT once, nobody early. */
static void
time_wait_after_a_stall(void)
{
	struct harness *h = with_msl(1000, 1000);
	unsigned int turns = 0;

	for (unsigned int i = 0; i < 100; i++) {
		h->peer_port = (uint16_t)(10000 + i);
		h->seq = 1000;
		h_to_state(h, TCP_TIME_WAIT, i % 2 == 0);
		h_forget(h);
		h->our_port = 80;
		h_wait_ms(h, 3);
	}
	tcp_set_time(h->ctx, h->ctx->now + 3 * 3600 * (time_us_t)TIME_US_PER_SEC);
	/* One more, whose time has not come. */
	h->peer_port = 20000;
	h->seq = 1000;
	h_to_state(h, TCP_TIME_WAIT, false);
	while (timewait_count(h->ctx->timewait) > 1 && turns < 100) {
		CU_ASSERT(tcp_next(h->ctx) <= h->ctx->now);
		CU_ASSERT(tcp_advance(h->ctx, 10) <= 20);
		turns++;
	}
	CU_ASSERT(turns >= 10);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_OUT], 100);
	CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
	expect_lasts(h, 2000000);
	h_free(h);
}

/* ------------------------------------------------------------------ the port */

/** The only port there is comes back with the last microsecond of 2MSL. */
static void
time_wait_holds_the_port(void)
{
	static const uint32_t msl[] = {10, 1000, 30000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(msl); i++) {
		struct tcp_conf conf = h_conf();
		struct tcp_open_args args = {.rport = 40000};
		struct harness *h;

		conf.msl_ms = msl[i];
		conf.port_first = conf.port_last = 50000;
		h = h_new(&conf, IP_V4, 1000);
		args.raddr = h->peer;
		h_to_state(h, TCP_TIME_WAIT, true);
		CU_ASSERT_EQUAL(h->our_port, 50000);
		CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRNOTAVAIL);
		args.lport = 50000;
		CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRINUSE);
		/* Another peer is another tuple. */
		args.rport = 40001;
		CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
		h_pump(h);
		args.rport = 40000;
		args.lport = 0;
		h_wait(h, 2 * msl[i] * 1000ull - 1);
		CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRNOTAVAIL);
		h_wait(h, 1);
		CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
		h_free(h);
	}
}

/** Who ends without TIME-WAIT gives the port back at once. */
static void
the_port_of_other_ends_is_free_at_once(void)
{
	for (unsigned int how = 0; how < 4; how++) {
		struct tcp_conf conf = h_conf();
		struct tcp_open_args args = {.rport = 40000};
		struct harness *h;

		conf.port_first = conf.port_last = 50000;
		h = h_new(&conf, IP_V6, 1000);
		args.laddr = 4;
		args.raddr = h->peer;
		h_to_state(h, how == 3 ? TCP_LAST_ACK : TCP_ESTABLISHED, true);
		CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRNOTAVAIL);
		if (how == 0)
			(void)h_in(h, TCP_RST, 0);
		else if (how == 1)
			(void)tcp_abort(h->ctx, h_tcb(h));
		else if (how == 2)
			tcp_fail(h->ctx, h_tcb(h), TCP_REASON_UNREACHABLE);
		else
			(void)h_in(h, TCP_ACK, 0);
		h_pump(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ the limit */

/** Each connection has a record kept for its end; a newcomer without one is refused, nobody else suffers. */
static void
no_newcomer_without_a_record(void)
{
	struct tcp_conf conf = h_conf();
	struct tcp_open_args args = {.rport = 40000};
	struct harness *h;

	conf.max_tcbs = 4;
	conf.max_timewait = 4;
	h = h_new(&conf, IP_V4, 1000);
	args.raddr = h->peer;
	for (uint16_t i = 0; i < 4; i++) {
		h->peer_port = (uint16_t)(40001 + i);
		h->seq = 1000;
		h_to_state(h, i < 2 ? TCP_TIME_WAIT : TCP_ESTABLISHED, false);
	}
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -ENOBUFS);
	h->peer_port = 41000;
	h->seq = 1000;
	h_forget(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_TCP_NO_TIMEWAIT);
	h_expect_none(h);
	/* Those that live can end as they should. */
	for (uint16_t i = 2; i < 4; i++) {
		h->peer_port = (uint16_t)(40001 + i);
		h->ack = h_tcb(h)->snd_nxt;
		h->seq = h_tcb(h)->rcv_nxt;
		CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
		h_pump(h);
		(void)h_in(h, TCP_FIN | TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	}
	h_wait_ms(h, 2000);
	h->peer_port = 41000;
	h->seq = 1000;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_free(h);
}

/* ------------------------------------------------------------------ what belongs to no TCB has a limit */

/** The ring of replies takes as many as it takes; more are dropped and counted, and the records do as ever. */
static void
replies_are_bounded(void)
{
	struct harness *h = with_msl(1000, 1000);
	uint32_t rsts = 0;

	h_to_state(h, TCP_TIME_WAIT, false);
	h_wait_ms(h, 500);
	h_forget(h);
	h->no_pump = true;
	h->our_port = 81;
	for (unsigned int i = 0; i < TCP_REPLY_MAX + 2; i++)
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1, i, 0), DROP_TCP_NO_CONN);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 2);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RST_OUT], TCP_REPLY_MAX);
	/* The FIN's ACK finds no place either, but 2MSL begins anew. */
	h->our_port = 80;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_FIN | TCP_ACK, h->seq - 1, h->ack, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 3);
	h->no_pump = false;
	h_pump(h);
	for (unsigned int i = 0; i < h->n_sent; i++)
		rsts += h->sent[i].seg.flags == TCP_RST && h->sent[i].seg.seq == i;
	CU_ASSERT_EQUAL(h->n_sent, TCP_REPLY_MAX);
	CU_ASSERT_EQUAL(rsts, TCP_REPLY_MAX);
	expect_lasts(h, 2000000);
	h_free(h);
}

/** A SYN for a record's tuple has the record's place; where anything else is missing, the record stays. */
static void
own_place_is_not_enough(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct tcp_conf conf = h_conf();
		const enum drop_reason want = i == 0 ? DROP_NONE : DROP_TCP_NO_TIMEWAIT;
		struct harness *h;
		uint32_t seq;

		conf.max_tcbs = 4;
		conf.max_timewait = 4;
		conf.max_half_open = i == 1 ? 1 : 3;
		h = h_new(&conf, IP_V4, 1000);
		h_to_state(h, TCP_TIME_WAIT, false);
		seq = h->seq;
		/* Three others take all other places. */
		for (uint16_t k = 0; k < 3; k++) {
			h->peer_port = (uint16_t)(40001 + k);
			h->seq = 1000;
			(void)h_in(h, TCP_SYN, 0);
			if (i != 1 || k < 2)
				(void)h_in(h, TCP_ACK, 0);
		}
		if (i == 2)
			h->ctx->mem.max = 0; /* nor is there memory */
		if (i == 3)
			h->ctx->conf.max_timewait = 3;
		h->peer_port = 40000;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, seq + 100, 0, 0), want);
		CU_ASSERT_EQUAL(h_state(h), i == 0 ? TCP_SYN_RECEIVED : TCP_TIME_WAIT);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_REUSED], i == 0);
		h_free(h);
	}
}

static CU_TestInfo tests[] = {
		TEST(time_wait_lasts_2_msl),
		TEST(time_wait_between_ticks),
		TEST(time_wait_fin_restarts),
		TEST(time_wait_other_segments_change_nothing),
		TEST(time_wait_holds_only_its_record),
		TEST(time_wait_many_entries),
		TEST(time_wait_after_a_stall),
		TEST(time_wait_holds_the_port),
		TEST(the_port_of_other_ends_is_free_at_once),
		TEST(no_newcomer_without_a_record),
		TEST(replies_are_bounded),
		TEST(own_place_is_not_enough),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("tcp timewait", tests)
