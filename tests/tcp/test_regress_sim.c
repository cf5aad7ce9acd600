/* SPDX-License-Identifier: BSD-3-Clause */
/* One test for each defect that the simulator found in the core: each of them failed before it was mended. */
#include "harness.h"

#include "tcp/tcp_impl.h"

#include <errno.h>
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

/* ------------------------------------------------------------------ an ACK that is owed when something old is due */

/** The peer says again what it said before, its first ACK being lost; the worker comes to it @p ms later. */
static void
duplicate_and_late(struct harness *h, uint32_t ms)
{
	h_forget(h);
	h->no_pump = true;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 10, h->ack, 10), DROP_TCP_SEQ);
	h_wait_ms(h, ms);
	h->no_pump = false;
	h_pump(h);
}

/** Its SEQ is old for the peer, who discards a probe with its ACK: that must leave by itself. */
static void
established_ack_owed_beside_a_keepalive_probe(void)
{
	struct harness *h = h_established(NULL);
	const int keep = h_keep(h->ctx, true, 10000, 1000, 5);

	CU_ASSERT_FATAL(keep > 0);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
	h_wait_ms(h, 5000);
	duplicate_and_late(h, 5001);
	CU_ASSERT_EQUAL_FATAL(h->n_sent, 2);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, h->ack - 1);
	CU_ASSERT_EQUAL(h->sent[1].seg.seq, h->ack);
	CU_ASSERT_EQUAL(h->sent[1].seg.ack, h->seq);
	h_free(h);
}

/** The same with a retransmission, which the peer may have had. */
static void
established_ack_owed_beside_a_retransmission(void)
{
	struct harness *h = h_established(NULL);

	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	duplicate_and_late(h, 1001);
	CU_ASSERT_EQUAL_FATAL(h->n_sent, 2);
	CU_ASSERT_TRUE(h->sent[0].rexmt);
	CU_ASSERT_EQUAL(h->sent[0].len, 100);
	CU_ASSERT_EQUAL(h->sent[1].seg.seq, h_tcb(h)->snd_nxt);
	CU_ASSERT_EQUAL(h->sent[1].seg.ack, h->seq);
	CU_ASSERT_EQUAL(h->sent[1].len, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ the last blocks */

/** Open connections and queue text in each before it is connected. @return how many of them got a block */
static unsigned int
opened_with_text(struct harness *h, unsigned int n)
{
	unsigned int queued = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct tcp_open_args args = {.rport = 1000, .raddr = h->peer};
		const int64_t index = tcp_open(h->ctx, &args);
		struct tcp_buf buf = h_buf(10);

		memset(buf.data, 0, buf.len);
		if (index >= 0 && tcp_send(h->ctx, tcp_at(h->ctx, (uint32_t)index), &buf, 1) == 1)
			queued++;
		else
			tcp_buf_free(buf.owner);
	}
	return queued;
}

/**
 * However few blocks there are, who is not connected yet takes neither the one that the established may need to send nor
 * that to receive, nor is anybody's SYN refused for it.
 */
static void
established_sends_before_those_who_open(void)
{
	static const struct {
		uint32_t blocks;
		unsigned int queued;
	} cases[] = {{1, 0}, {2, 0}, {3, 1}, {4, 1}, {5, 2}, {8, 4}, {16, 10}, {17, 11}, {33, 22}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.max_blocks = cases[i].blocks;
		h = h_established(&conf);
		CU_ASSERT_EQUAL(opened_with_text(h, 40), cases[i].queued);
		h_pump(h);
		CU_ASSERT_EQUAL(tcp_admit(h->ctx), DROP_NONE);
		CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
		h->auto_read = false;
		/* A single block serves one direction at a time. */
		if (cases[i].blocks > 1)
			CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
		h_free(h);
	}
}

/** With a block for each connection nobody can want for one: all may queue as soon as they open. */
static void
syn_sent_queues_where_each_connection_has_a_block(void)
{
	for (uint32_t n = 1; n <= 20; n++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.max_tcbs = n;
		conf.max_blocks = n;
		h = h_established(&conf);
		CU_ASSERT_EQUAL(opened_with_text(h, n), n - 1);
		h_pump(h);
		h->auto_read = false;
		CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
		h_free(h);
	}
}

/** The connection from @p port becomes that of h_in() and h_write(); it is opened when there is none. */
static void
turn_to(struct harness *h, uint16_t port)
{
	h->peer_port = port;
	h->our_port = 80;
	if (h_tcb(h) == NULL) {
		h->seq = 1000;
		h_to_state(h, TCP_ESTABLISHED, false);
	}
	h->seq = h_tcb(h)->rcv_nxt;
	h->ack = h_tcb(h)->snd_una;
}

/** Two ends that send to each other must not wait for each other's block: of two, each direction has one. */
static void
established_two_blocks_are_one_for_each_direction(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_blocks = 2;
	h = h_established(&conf);
	turn_to(h, 40001);
	turn_to(h, 40002);
	h->auto_read = false;
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	turn_to(h, 40001);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), -ENOBUFS);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
	turn_to(h, 40002);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack + 100, 0), DROP_NONE);
	/* Unread text is all that there is now. */
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], 0);
	(void)h_in(h, TCP_ACK, 10);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], 1);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
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

/** All of its window is on its way, in a slow queue: the answers to probes come first, from the right edge. */
static void
established_empty_segment_at_the_right_edge_is_taken(void)
{
	struct harness *h = h_established(NULL);
	const int keep = h_keep(h->ctx, true, 10000, 1000, 5);
	uint32_t edge;

	CU_ASSERT_FATAL(keep > 0);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
	edge = h->seq + tcp_rcv_wnd(h_tcb(h));
	/* Nobody's: a RST there, or what is one beyond. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, edge + 1, h->ack, 0), DROP_TCP_SEQ);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, edge, 0, 0), DROP_TCP_SEQ);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, edge, h->ack, 1), DROP_TCP_SEQ);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h->ack - 100);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, edge, h->ack, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h->ack);
	for (unsigned int i = 0; i < 30; i++) {
		h_wait_ms(h, 10500);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, edge, h->ack, 0), DROP_NONE);
	}
	CU_ASSERT(h->counters.n[COUNTER_KEEPALIVE_PROBES] >= 30);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_empty_segment_at_the_right_edge_is_taken),
		TEST(syn_sent_window_told_is_kept),
		TEST(established_r2_beyond_the_largest_exponent),
		TEST(established_r2_beyond_the_count_of_timeouts),
		TEST(established_keepalive_probe_and_no_output),
		TEST(established_sends_before_those_who_open),
		TEST(established_two_blocks_are_one_for_each_direction),
		TEST(syn_sent_queues_where_each_connection_has_a_block),
		TEST(established_ack_owed_beside_a_keepalive_probe),
		TEST(established_ack_owed_beside_a_retransmission),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("regress_sim", tests)
