/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers that grow with what a connection needs: the receiver's by what its user reads in a round trip, the sender's by cwnd. */
#include "twin.h"

#include "tcp/tcp_impl.h"

#include <string.h>

#define RTT_MS 20
#define LEAST  16384u
#define MOST   1048576u

static struct tcp_conf
tuned(void)
{
	struct tcp_conf conf = h_conf();

	conf.rcv_buf = LEAST;
	conf.rcv_buf_max = MOST;
	conf.mem_max = 64u << 20;
	return conf;
}

/** The peer's SYN, and an RTT later its ACK. Its first octet is @p first. */
static struct harness *
established(const struct tcp_conf *conf, uint8_t opts, uint32_t first)
{
	struct harness *h = h_new(conf, IP_V4, 1000);

	h->opts |= (uint8_t)(TCP_OPT_WSCALE | opts);
	h->seq = first - 1;
	(void)h_in(h, TCP_SYN, 0);
	h_wait_ms(h, RTT_MS);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	h_forget(h);
	return h;
}

/** All that the window allows and no more than @p most, in full segments; then a round trip passes. */
static uint32_t
batch(struct harness *h, uint32_t most)
{
	struct tcp_tcb *tcb = h_tcb(h);
	const uint32_t wnd = tcp_rcv_wnd(tcb);
	const uint32_t n = wnd < most ? wnd : most;
	uint32_t adv = tcb->rcv_adv;

	for (uint32_t done = 0; done < n;) {
		const uint32_t len = n - done < tcb->mss ? n - done : tcb->mss;

		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, len), DROP_NONE);
		done += len;
		/* Never to the left. */
		CU_ASSERT(seq_geq(tcb->rcv_adv, adv));
		adv = tcb->rcv_adv;
	}
	h_wait_ms(h, RTT_MS);
	h_forget(h);
	return n;
}

/** Within the resolution of the level, and the segment that ends a round. */
static void
expect_bound(struct harness *h, uint32_t want)
{
	const uint32_t more = (MOST - LEAST) / 255 + 1 + 2 * 1460;
	const uint32_t bound = tcp_rcv_bound(h->ctx, h_tcb(h));

	if (bound < want || bound > want + more)
		fprintf(stderr, "bound %u instead of %u\n", bound, want);
	CU_ASSERT(bound >= want);
	CU_ASSERT(bound <= want + more);
}

static void
syn_scale_is_for_the_largest_buffer(void)
{
	struct tcp_conf conf = tuned();
	struct harness *h = h_new(&conf, IP_V4, 1000);

	h->opts |= TCP_OPT_WSCALE;
	(void)h_in(h, TCP_SYN, 0);
	CU_ASSERT_EQUAL(h->sent[0].seg.wscale, 5);
	CU_ASSERT_EQUAL(h->sent[0].seg.wnd, LEAST);
	h_free(h);
}

/** The window doubles each round trip, up to its bound, with timestamps and without, across the wrap of the stream. */
static void
established_window_doubles(void)
{
	static const uint32_t first[] = {1001, 0xffffe000};

	for (unsigned int i = 0; i < 4; i++) {
		struct tcp_conf conf = tuned();
		struct harness *h = established(&conf, i & 1 ? TCP_OPT_TS : 0, first[i / 2]);
		uint32_t rounds = 0, n = 0;

		while (n < MOST - 65536 && rounds < 30) {
			n = batch(h, UINT32_MAX);
			rounds++;
		}
		/* Six doublings, the round in which each is measured, and the one in which it is told. */
		CU_ASSERT(rounds <= 20);
		CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), MOST);
		CU_ASSERT(h->counters.n[COUNTER_RCV_BUF_GROWN] >= 6);
		for (unsigned int k = 0; k < 3; k++)
			(void)batch(h, UINT32_MAX);
		CU_ASSERT_EQUAL(h_tcb(h)->rcv_level, 255);
		CU_ASSERT(tcp_rcv_wnd(h_tcb(h)) <= MOST);
		CU_ASSERT_EQUAL(h->ctx->mem.used, 0);
		h_free(h);
	}
}

/** Twice what comes in a round trip, and no more. */
static void
established_window_follows_the_rate(void)
{
	for (unsigned int ts = 0; ts < 2; ts++) {
		struct tcp_conf conf = tuned();
		struct harness *h = established(&conf, ts ? TCP_OPT_TS : 0, 1001);

		for (unsigned int i = 0; i < 20; i++)
			(void)batch(h, 40000);
		/* Counted in units of the window, 32 octets. */
		expect_bound(h, 80000 - 64);
		for (unsigned int i = 0; i < 20; i++)
			(void)batch(h, 10000);
		/* What was given is not taken back. */
		expect_bound(h, 80000 - 64);
		h_free(h);
	}
}

/** One segment a millisecond: rounds begin and end in the middle of the stream. */
static void
established_paced_peer(void)
{
	struct tcp_conf conf = tuned();
	struct harness *h = established(&conf, 0, 1001);

	for (unsigned int i = 0; i < 400; i++) {
		(void)h_in(h, TCP_ACK, 1460);
		h_wait_ms(h, 1);
		if (i % 16 == 0)
			h_forget(h);
	}
	CU_ASSERT(tcp_rcv_bound(h->ctx, h_tcb(h)) >= 2 * 19 * 1460);
	CU_ASSERT(tcp_rcv_bound(h->ctx, h_tcb(h)) <= 2 * 22 * 1460 + 5000);
	h_free(h);
}

/** Who reads little needs no more room, however much the peer would send. */
static void
established_slow_reader(void)
{
	struct tcp_conf conf = tuned();
	struct harness *h = established(&conf, TCP_OPT_TS, 1001);
	struct tcp_tcb *tcb = h_tcb(h);

	h->auto_read = false;
	for (unsigned int i = 0; i < 100; i++) {
		(void)batch(h, UINT32_MAX);
		if (tcp_recv_bytes(h->ctx, tcb) >= 4000)
			CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, tcb, 4000), 0);
		h_pump(h);
	}
	CU_ASSERT_EQUAL(tcb->rcv_level, 0);
	CU_ASSERT(tcp_recv_bytes(h->ctx, tcb) <= LEAST);
	h_free(h);
}

static void
established_without_autotuning(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct tcp_conf conf = tuned();
		struct harness *h;

		conf.rcv_buf_max = i == 0 ? 0 : i == 1 ? LEAST : LEAST - 1;
		h = established(&conf, TCP_OPT_TS, 1001);
		for (unsigned int k = 0; k < 20; k++)
			CU_ASSERT(batch(h, UINT32_MAX) <= LEAST);
		CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), LEAST);
		CU_ASSERT_EQUAL(h->ctx->rcv_wscale, 0);
		h_free(h);
	}
}

/** While memory is scarce nothing grows; afterwards it goes on where it was. */
static void
established_pressure_stops_growth(void)
{
	struct tcp_conf conf = tuned();
	struct harness *h = established(&conf, TCP_OPT_TS, 1001);

	h->ctx->mem.scarce = true;
	for (unsigned int i = 0; i < 20; i++)
		(void)batch(h, UINT32_MAX);
	CU_ASSERT_EQUAL(h_tcb(h)->rcv_level, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RCV_BUF_GROWN], 0);
	h->ctx->mem.scarce = false;
	for (unsigned int i = 0; i < 20; i++)
		(void)batch(h, UINT32_MAX);
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), MOST);
	/* Scarce again, what it has grown to is bound by the fair share: nobody else queues anything, so half of all. */
	h->ctx->mem.scarce = true;
	h->ctx->mem.max = 200000;
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), 100000);
	h->ctx->mem.scarce = false;
	h_free(h);
}

/** Silence of any length: the 16-bit clock of a round wraps, and a round that spans it says nothing. */
static void
established_silence(void)
{
	static const uint32_t silence[] = {
			1000, 16383, 16384, 30000, 40000, 65535, 65536, 65537, 131072, 100000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(silence); i++) {
		struct tcp_conf conf = tuned();
		struct harness *h = established(&conf, i & 1 ? TCP_OPT_TS : 0, 1001);

		(void)batch(h, 10000);
		h_wait_ms(h, silence[i]);
		(void)batch(h, 10000);
		/* 20,000 octets in all that time are not 20,000 in a round trip; but at a whole wrap nobody can tell. */
		if (silence[i] % 65536 > RTT_MS && silence[i] % 65536 < 65536 - RTT_MS)
			CU_ASSERT(tcp_rcv_bound(h->ctx, h_tcb(h)) <= 20000 + 5000);
		for (unsigned int k = 0; k < 20; k++)
			(void)batch(h, 40000);
		CU_ASSERT(tcp_rcv_bound(h->ctx, h_tcb(h)) >= 80000 - 64);
		h_free(h);
	}
}

/** Echoes that a peer makes up cannot make the buffer grow beyond what was read. */
static void
bad_input_34_invented_echoes(void)
{
	struct tcp_conf conf = tuned();
	struct harness *h = established(&conf, TCP_OPT_TS, 1001);
	uint32_t seq = h->seq;

	for (unsigned int i = 0; i < 2000; i++) {
		h->ts_ecr = i * 77777;
		(void)h_in_at(h, TCP_ACK, seq, h->ack, 100);
		seq += 100;
		h_wait_ms(h, 1);
		h_forget(h);
	}
	/* Rounds of one segment up to 16 s of them: 100 octets a millisecond. */
	CU_ASSERT(tcp_rcv_bound(h->ctx, h_tcb(h)) <= 2 * 200000 + 5000);
	h_free(h);
}

/** A peer that always echoes the same: no round ever ends, so nothing is learnt, least of all over seconds. */
static void
bad_input_34_echo_that_never_moves(void)
{
	struct tcp_conf conf = tuned();
	struct harness *h = established(&conf, TCP_OPT_TS, 1001);
	const uint32_t echo = h->ts_ecr;
	uint32_t seq = h->seq;

	for (unsigned int i = 0; i < 8000; i++) {
		h->ts_ecr = echo;
		(void)h_in_at(h, TCP_ACK, seq, h->ack, 1000);
		seq += 1000;
		h_wait_ms(h, 10);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h->n_received, 8000000);
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), LEAST);
	h_free(h);
}

/* ------------------------------------------------------------------ the send buffer */

/** Two congestion windows, between its bounds. */
static void
established_send_buffer_follows_cwnd(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_tcb *tcb;

	conf.snd_buf = 30000;
	conf.snd_buf_max = 300000;
	h = established(&conf, 0, 1001);
	tcb = h_tcb(h);
	tcb->cwnd = 14600;
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, tcb), 30000);
	tcb->cwnd = 15001;
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, tcb), 30002);
	tcb->cwnd = 100000;
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, tcb), 200000);
	tcb->cwnd = 1u << 30;
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, tcb), 300000);
	CU_ASSERT_EQUAL(tcp_send_room(h->ctx, tcb), 300000);
	h->ctx->mem.scarce = true;
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, tcb), 30000);
	h->ctx->mem.scarce = false;
	tcb->cwnd = 20000;
	CU_ASSERT_EQUAL(h_write(h, 100000, 10000), 40000);
	CU_ASSERT_EQUAL(tcp_send_room(h->ctx, tcb), 0);
	h_free(h);
}

static void
syn_sent_has_the_first_send_buffer(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.snd_buf = 30000;
	conf.snd_buf_max = 300000;
	h = h_new(&conf, IP_V4, 1000);
	(void)h_open(h);
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, h_tcb(h)), 30000);
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), 65535);
	h_free(h);
}

/* ------------------------------------------------------------------ both together */

/** How long a megabyte takes over a link of 20 ms, ms. */
static uint64_t
transfer_ms(uint32_t rcv_buf_max, uint32_t snd_buf_max)
{
	struct tcp_conf conf = h_conf();
	struct twin *t;
	uint64_t ms = 0;

	conf.rcv_buf = LEAST;
	conf.snd_buf = LEAST;
	conf.rcv_buf_max = rcv_buf_max;
	conf.snd_buf_max = snd_buf_max;
	t = twin_new(&conf, IP_V4, 1000, 1000);
	for (unsigned int i = 0; i < 2; i++)
		t->h[i]->opts |= TCP_OPT_WSCALE;
	twin_connect(t);
	while (t->h[1]->n_received < MOST && ms < 60000) {
		if (t->h[0]->written < MOST)
			(void)h_write(t->h[0], MOST - t->h[0]->written, 4096);
		twin_run(t, 5000);
		h_forget(t->h[0]);
		h_forget(t->h[1]);
		ms += 5;
	}
	CU_ASSERT(twin_got(t, 1, MOST));
	twin_free(t);
	return ms;
}

static void
pair_grows_into_the_path(void)
{
	const uint64_t fixed = transfer_ms(0, 0);
	const uint64_t grown = transfer_ms(MOST, MOST);

	/* 16 KiB each 20 ms, against slow start that nothing holds back. */
	CU_ASSERT(fixed > 1200);
	CU_ASSERT(grown < 300);
	/* Either alone does not help. */
	CU_ASSERT(transfer_ms(MOST, 0) > 1000);
	CU_ASSERT(transfer_ms(0, MOST) > 1000);
}

static CU_TestInfo tests[] = {
		TEST(syn_scale_is_for_the_largest_buffer),
		TEST(established_window_doubles),
		TEST(established_window_follows_the_rate),
		TEST(established_paced_peer),
		TEST(established_slow_reader),
		TEST(established_without_autotuning),
		TEST(established_pressure_stops_growth),
		TEST(established_silence),
		TEST(bad_input_34_invented_echoes),
		TEST(bad_input_34_echo_that_never_moves),
		TEST(established_send_buffer_follows_cwnd),
		TEST(syn_sent_has_the_first_send_buffer),
		TEST(pair_grows_into_the_path),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("autotune", tests)
