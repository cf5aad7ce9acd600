/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input that broke other stacks, where the core is what must withstand it; the number in a name is that of the line in the
 * list of bad input. What the parser stops (3, 4, 7, 10) is tested with the parser; here is what is left if it comes through.
 */
#include "random.h"
#include "twin.h"

#include <errno.h>
#include <string.h>

#define SECOND ((time_us_t)TIME_US_PER_SEC)
#define DAY_MS 86400000ull

static const enum ip_family families[] = {IP_V4, IP_V6};

/** Whether exactly @p n octets of the stream that begins at @p seq were read. */
static bool
got_stream(const struct harness *h, uint32_t seq, uint32_t n)
{
	if (h->n_received != n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (h->received[i] != h_pattern(seq + i))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ 5, 7, 9, 10: fields */

static enum drop_reason
urgent(struct harness *h, uint8_t flags, uint32_t seq, uint16_t urp, uint32_t len)
{
	uint8_t data[200] = {0};
	struct tcp_seg seg = {.seq = seq,
			.ack = (flags & TCP_ACK) != 0 ? h->ack : 0,
			.wnd = h->wnd,
			.urp = urp,
			.flags = flags | TCP_URG,
			.opts = (flags & TCP_SYN) != 0 ? h->opts : 0,
			.mss = h->mss};

	for (uint32_t i = 0; i < len; i++)
		data[i] = h_pattern(seq + i);
	return h_inject(h, &seg, data, len);
}

/** The text stays in line, and nothing is computed with the pointer: RFC 6093. */
static void
bad_input_05_urgent_pointer_any_value(void)
{
	static const uint16_t urps[] = {0, 1, 99, 100, 101, 65535, 3, 0};

	for (unsigned int active = 0; active < 2; active++) {
		struct harness *h = h_new(NULL, families[active], SECOND);
		uint32_t seq = 1001;

		h_to_state(h, TCP_ESTABLISHED, active != 0);
		for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(urps); i++) {
			CU_ASSERT_EQUAL(urgent(h, TCP_ACK, seq, urps[i], 100), DROP_NONE);
			seq += 100;
			/* Without text too, and with a pointer that moves back. */
			CU_ASSERT_EQUAL(urgent(h, TCP_ACK, seq, (uint16_t)(urps[i] / 2), 0),
					DROP_NONE);
		}
		CU_ASSERT(got_stream(h, 1001, seq - 1001));
		CU_ASSERT_EQUAL(urgent(h, TCP_FIN | TCP_ACK, seq, 65535, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
		h_free(h);
	}
}

static void
bad_input_05_urgent_in_simultaneous_open(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	(void)h_open(h);
	CU_ASSERT_EQUAL(urgent(h, TCP_SYN, 1000, 5, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(urgent(h, TCP_ACK, 1001, 65535, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT(got_stream(h, 1001, 100));
	h_free(h);
}

/** The largest scale on the largest window, both ways: 2^30 octets, and no arithmetic overflows. */
static void
bad_input_07_window_scale_14(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rcv_buf = 1u << 30;
	conf.snd_buf = 1u << 20;
	h = h_new(&conf, IP_V4, SECOND);
	h->opts = TCP_OPT_MSS | TCP_OPT_WSCALE;
	h->wscale = TCP_WSCALE_MAX;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(h)), 65535u << 14);
	CU_ASSERT_EQUAL(h->sent[0].seg.wscale, 14);
	CU_ASSERT_EQUAL(h_send(h, 100000, 5000), 100000);
	for (unsigned int i = 0; i < 100 && h_tcb(h)->snd_una != h_tcb(h)->snd_nxt; i++)
		(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una - h->sent[0].seg.seq, 100001);
	/* Far ahead, yet inside the window that we offered; and just outside of it. */
	(void)h_in_at(h, TCP_ACK, h_tcb(h)->rcv_adv - 100, h->ack, 100);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_OUT_OF_ORDER], 1);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h_tcb(h)->rcv_adv, h->ack, 100), DROP_TCP_SEQ);
	h_free(h);
}

/** No ACK, RST or SYN; or SYN with FIN or RST: NULL, FIN, Xmas and their kin. */
static bool
meaningless(uint8_t flags)
{
	if ((flags & (TCP_ACK | TCP_RST | TCP_SYN)) == 0)
		return true;
	return (flags & TCP_SYN) != 0 && (flags & (TCP_FIN | TCP_RST)) != 0;
}

static void
meaningless_case(enum tcp_state state, uint8_t flags, uint32_t len, bool active)
{
	const unsigned int failures = CU_get_number_of_failures();
	struct harness *h = h_new(NULL, families[active], SECOND);
	const bool rst = (flags & TCP_RST) != 0, ack = (flags & TCP_ACK) != 0;
	enum drop_reason drop;

	h_to_state(h, state, active);
	h_forget(h);
	drop = h_in_at(h, flags, h->seq, h->ack, len);
	CU_ASSERT_EQUAL(h_state(h), state == TCP_LISTEN ? TCP_CLOSED : state);
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(h->n_received, 0);
	CU_ASSERT_NOT_EQUAL(drop, DROP_NONE);
	/* A RST for whatever comes in CLOSED (RFC 9293 section 3.10.7.1), and for an ACK in LISTEN. */
	CU_ASSERT_EQUAL(h->n_sent, !rst && (state == TCP_CLOSED || (state == TCP_LISTEN && ack)));
	h_free(h);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case %s, flags %02x, %u octets\n", tcp_state_name(state), flags,
				len);
}

static void
bad_input_09_meaningless_flags_every_state(void)
{
	for (unsigned int state = TCP_CLOSED; state < TCP_STATE_MAX; state++) {
		for (unsigned int flags = 0; flags < 256; flags++) {
			/* ECE and CWR decide nothing: both or neither. */
			if ((flags & 0xc0) != 0xc0 && (flags & 0xc0) != 0)
				continue;
			if (!meaningless((uint8_t)flags))
				continue;
			meaningless_case((enum tcp_state)state, (uint8_t)flags, 0, false);
			meaningless_case((enum tcp_state)state, (uint8_t)flags, 50, true);
		}
	}
}

/** The parser drops it. Were it to come through, our own answers come back as input: they must die out. */
static void
bad_input_10_land_loop_decays(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);
		unsigned int n = 0;

		h->peer = laddr_get(&h->laddr, families[f] == IP_V4 ? 0 : 4);
		h->peer_port = 80;
		(void)h_in_at(h, TCP_SYN, 1000, 0, 0);
		for (unsigned int ms = 0; ms < 1000; ms += 10) {
			const struct h_seg *s;

			while (n < 1000 && (s = h_next(h)) != NULL) {
				struct tcp_seg seg = s->seg;

				seg.sport = 0;
				n++;
				(void)h_inject(h, &seg, NULL, 0);
			}
			h_wait_ms(h, 10);
		}
		CU_ASSERT(n <= 10);
		CU_ASSERT_NOT_EQUAL(h_state(h), TCP_ESTABLISHED);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ 17: overlap */

/** The pair of segments that one stack got wrong. */
static void
bad_input_17_old_seq_overlaps_new_data(void)
{
	for (unsigned int gap = 0; gap < 2; gap++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);

		h->seq = 0;
		h_to_state(h, TCP_ESTABLISHED, false);
		if (gap != 0)
			(void)h_in_at(h, TCP_ACK, 3001, h->ack, 500); /* held out of order */
		(void)h_in_at(h, TCP_ACK, 1, h->ack, 2000);
		CU_ASSERT_EQUAL(h->n_received, 2000);
		(void)h_in_at(h, TCP_ACK, 1, h->ack, 4090);
		CU_ASSERT(got_stream(h, 1, 4090));
		CU_ASSERT_EQUAL(h_tcb(h)->rcv_nxt, 4091);
		h_free(h);
	}
}

/** Segments of any length from anywhere in the stream, in any order and often, over sequence numbers that wrap. */
static void
random_overlap(uint64_t seed, uint32_t isn)
{
	const uint32_t total = 60000, first = isn + 1;
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint64_t r = seed;

	h->seq = isn;
	h_to_state(h, TCP_ESTABLISHED, false);
	for (unsigned int i = 0; i < 150; i++) {
		const uint32_t at = (uint32_t)random_next(&r) % total;
		uint32_t len = 1 + (uint32_t)random_next(&r) % 3000;

		if (len > total - at)
			len = total - at;
		(void)h_in_at(h, TCP_ACK, first + at, h->ack, len);
		h_forget(h);
	}
	for (uint32_t at = 0; at < total; at += 1000) {
		(void)h_in_at(h, TCP_ACK, first + at, h->ack, 1000);
		h_forget(h);
	}
	CU_ASSERT(got_stream(h, first, total));
	CU_ASSERT_EQUAL(h_tcb(h)->rcv_nxt, first + total);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	if (!got_stream(h, first, total))
		fprintf(stderr, "seed %llu, isn %u\n", (unsigned long long)seed, isn);
	h_free(h);
}

static void
bad_input_17_random_overlap(void)
{
	static const uint32_t isns[] = {1000, UINT32_MAX, UINT32_MAX - 30000, 0x7fffffff - 30000};

	for (uint64_t seed = 1; seed <= 60; seed++)
		random_overlap(seed, isns[seed % PTCP_ARRAY_SIZE(isns)]);
}

/* ------------------------------------------------------------------ 19, 21: numbers that do not fit */

static void
bad_input_19_ack_never_sent_or_far_too_old(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);
		uint32_t una, nxt;

		h_to_state(h, TCP_ESTABLISHED, f != 0);
		CU_ASSERT_EQUAL(h_send(h, 1000, 1000), 1000);
		una = h_tcb(h)->snd_una;
		nxt = h_tcb(h)->snd_nxt;
		const uint32_t bad[] = {nxt + 1, nxt + 0x7fffffff, una - 65536, una - 0x7fffffff};

		h_forget(h);
		for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(bad); i++) {
			/* Its text is dropped too. */
			CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, bad[i], i & 1 ? 100 : 0),
					DROP_TCP_ACK_UNSENT);
			CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
			h_expect_none(h);
			CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
			CU_ASSERT_EQUAL(h->n_received, 0);
			h_tcb(h)->flags &= ~TF_OOW_SENT; /* the limit has tests of its own */
		}
		/* The oldest that may still be a late duplicate: its text counts (RFC 5961 5.2). */
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, una - 65535, 100), DROP_NONE);
		CU_ASSERT(got_stream(h, h->seq, 100));
		CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
		h->seq += 100;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, nxt, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_una, nxt);
		h_free(h);
	}
}

/** RFC 5961 section 3.2: only the exact number resets; both edges of the window, and one step outside. */
static void
bad_input_21_blind_rst(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = h_new(NULL, families[i & 1], SECOND);
		uint32_t nxt, wnd;

		h_to_state(h, TCP_ESTABLISHED, (i & 2) != 0);
		nxt = h_tcb(h)->rcv_nxt;
		wnd = tcp_rcv_wnd(h_tcb(h));
		h_forget(h);
		const struct {
			uint32_t seq;
			enum drop_reason drop;
		} c[] = {{nxt - 1, DROP_TCP_SEQ}, {nxt + wnd, DROP_TCP_SEQ},
				{nxt + 0x80000000u, DROP_TCP_SEQ},
				{nxt + 1, DROP_TCP_RST_CHALLENGED},
				{nxt + wnd - 1, DROP_TCP_RST_CHALLENGED}};

		for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(c); k++) {
			CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, c[k].seq, 0, 0), c[k].drop);
			if (c[k].drop == DROP_TCP_RST_CHALLENGED)
				CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, nxt);
			h_expect_none(h);
			CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
			h_tcb(h)->flags &= ~TF_OOW_SENT;
		}
		/* A true peer answers the challenge with the exact number. */
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, nxt, 0, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_RESET);
		h_expect_none(h);
		h_free(h);
	}
}

/** RFC 5961 section 4.2: a SYN ends nothing, wherever it lies. Section 5: guessed text needs a fitting ACK too. */
static void
bad_input_21_blind_syn_and_data(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t nxt, snd;
	uint64_t r = 21;

	h_to_state(h, TCP_ESTABLISHED, false);
	nxt = h_tcb(h)->rcv_nxt;
	snd = h_tcb(h)->snd_nxt;
	for (unsigned int i = 0; i < 1000; i++) {
		const uint32_t seq = i < 100 ? nxt + i : (uint32_t)random_next(&r) << 1;

		(void)h_in_at(h, i & 1 ? TCP_SYN : TCP_SYN | TCP_ACK, seq,
				(uint32_t)random_next(&r), 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		/* An ACK that does not fit, and is not within a window's reach. */
		CU_ASSERT_NOT_EQUAL(
				h_in_at(h, TCP_ACK, nxt,
						snd + 1 + ((uint32_t)random_next(&r) & 0x3fffffff),
						100),
				DROP_NONE);
	}
	CU_ASSERT_EQUAL(h->n_received, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->rcv_nxt, nxt);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt, snd);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, nxt, snd, 100), DROP_NONE);
	CU_ASSERT(got_stream(h, nxt, 100));
	h_free(h);
}

/** Without ACK nothing is taken in a synchronised state. */
static void
bad_input_20_data_without_ack(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_PSH, h->seq, 0, 100), DROP_TCP_FLAGS);
	CU_ASSERT_EQUAL(h->n_received, 0);
	h_expect_none(h);
	h_free(h);
}

/** A RST is never answered, and a RST with ACK ends as well as one without. */
static void
bad_input_20_rst_answered_by_nothing(void)
{
	static const uint8_t flags[] = {TCP_RST, TCP_RST | TCP_ACK, TCP_RST | TCP_PSH};

	for (unsigned int i = 0; i < 3 * 2; i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);

		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
		/* With text, as some send it (RFC 9293 section 3.5.3, MAY). */
		CU_ASSERT_EQUAL(h_in_at(h, flags[i / 2], h->seq, h->ack, i & 1 ? 20 : 0),
				DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->n_received, 0);
		h_expect_none(h);
		/* Again: nobody is there. */
		CU_ASSERT_EQUAL(h_in_at(h, flags[i / 2], h->seq, h->ack, 0),
				DROP_TCP_RST_UNMATCHED);
		h_expect_none(h);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ 22, 23: limits and loops */

/** The limit of one connection says nothing about any other: there is no shared counter to measure (CVE-2016-5696). */
static void
bad_input_22_challenge_limit_is_per_connection(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	unsigned int a = 0, b = 0;
	uint32_t ack_b;

	h_to_state(h, TCP_ESTABLISHED, false);
	h->peer_port = 40001;
	h->seq = 9000;
	h_to_state(h, TCP_ESTABLISHED, false);
	ack_b = h->seq;
	h_forget(h);
	for (unsigned int ms = 0; ms < 10000; ms += 10) {
		h->peer_port = 40000;
		(void)h_in_at(h, TCP_RST, 1001 + 10, 0, 0);
		if (ms % 1000 == 990) {
			h->peer_port = 40001;
			(void)h_in_at(h, TCP_RST, ack_b + 10, 0, 0);
		}
		h_wait_ms(h, 10);
	}
	for (unsigned int i = 0; i < h->n_sent; i++) {
		a += h->sent[i].seg.dport == 40000;
		b += h->sent[i].seg.dport == 40001;
	}
	CU_ASSERT_EQUAL(a, 20); /* one each 500 ms */
	CU_ASSERT_EQUAL(b, 10); /* every one */
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ACKS_LIMITED], 980);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_RST_CHALLENGED], 1010);
	h_free(h);
}

/** The age of the last answer is kept in few bits: a peer with any period gets its answers for ever. */
static void
bad_input_22_challenge_limit_does_not_alias(void)
{
	static const uint32_t periods[] = {
			500, 501, 1000, 65035, 65536, 65540, 65536 * 2 + 400, 75000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(periods); i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);

		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
		for (unsigned int k = 0; k < 20; k++) {
			/* A keepalive probe. */
			(void)h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 0);
			h_wait_ms(h, periods[i]);
		}
		CU_ASSERT_EQUAL(h->n_sent, 20);
		h_free(h);
	}
}

/** Two ends that believe in different connections: @p len octets or an empty ACK begin it, then nobody interferes. */
static uint32_t
desynchronised(enum ip_family family, uint32_t len, uint64_t us)
{
	struct twin *t = twin_new(NULL, family, SECOND, SECOND);
	uint32_t n;

	twin_connect(t);
	h_free(t->h[0]);
	t->h[0] = h_new(NULL, family, t->start[0] + t->now);
	t->h[0]->seq = 500000;
	h_to_state(t->h[0], TCP_ESTABLISHED, true);
	n = t->n_frames;
	if (len > 0) {
		CU_ASSERT_EQUAL(h_write(t->h[0], len, len), len);
	} else {
		struct harness *h = t->h[0];

		(void)h_in_at(h, TCP_ACK, h->seq - 100, h->ack, 0);
	}
	twin_run(t, us);
	n = t->n_frames - n;
	CU_ASSERT_EQUAL(t->h[1]->n_received, 0);
	twin_free(t);
	return n;
}

static void
bad_input_23_desynchronised_ends_fall_silent(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		/* Empty ACKs: one each way at most, then silence. */
		CU_ASSERT(desynchronised(families[f], 0, 60 * SECOND) <= 4);
		/* Text is sent again at growing distances, until R2 ends it. */
		CU_ASSERT(desynchronised(families[f], 100, 10 * SECOND) <= 60);
		CU_ASSERT(desynchronised(families[f], 100, 400 * SECOND) <= 90);
	}
}

static void
bad_input_23_ack_storm_limited(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	for (unsigned int i = 0; i < 10000; i++) {
		(void)h_in_at(h, TCP_ACK, h->seq - 1000 - i, h->ack, 0);
		h_wait(h, 100);
	}
	CU_ASSERT_EQUAL(h->n_sent, 2); /* in one second */
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/* ------------------------------------------------------------------ 27: what nobody may guess */

static uint32_t
iss_at(uint16_t port, uint64_t ms, const struct siphash_key *key, enum ip_family family)
{
	struct harness *h = h_new(NULL, family, SECOND + ms * TIME_US_PER_MS);
	uint32_t iss;

	if (key != NULL)
		h->ctx->isn_key = *key;
	h->peer_port = port;
	(void)h_in(h, TCP_SYN, 0);
	iss = h_expect(h, TCP_SYN | TCP_ACK)->seg.seq;
	h_free(h);
	return iss;
}

static void
bad_input_27_isn_grows_250_per_ms(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		const uint32_t base = iss_at(7, 0, NULL, families[f]);

		for (uint64_t ms = 1; ms < 100000000; ms = ms * 7 + 1)
			CU_ASSERT_EQUAL(iss_at(7, ms, NULL, families[f]),
					base + (uint32_t)(ms * 250));
	}
}

/** Tuples that differ by little, keys that differ by one bit: about half of all bits change, none always or never. */
static void
bad_input_27_isn_differs_by_tuple_and_key(void)
{
	const struct siphash_key other = {3, 5}; /* the harness has {3, 4} */
	unsigned int ones[2][32] = {{0}};
	const unsigned int n = 400;
	uint32_t last = iss_at(1000, 0, NULL, IP_V4);

	for (unsigned int i = 1; i <= n; i++) {
		const uint16_t port = (uint16_t)(1000 + i);
		const uint32_t iss = iss_at(port, 0, NULL, IP_V4);
		const uint32_t diff[2] = {iss ^ last, iss ^ iss_at(port, 0, &other, IP_V4)};

		CU_ASSERT_NOT_EQUAL(diff[0], 0);
		CU_ASSERT_NOT_EQUAL(diff[1], 0);
		for (unsigned int bit = 0; bit < 32; bit++) {
			ones[0][bit] += diff[0] >> bit & 1;
			ones[1][bit] += diff[1] >> bit & 1;
		}
		last = iss;
	}
	/* 200 expected, standard deviation 10: seven of them. */
	for (unsigned int bit = 0; bit < 32; bit++) {
		for (unsigned int k = 0; k < 2; k++)
			CU_ASSERT(ones[k][bit] > n / 2 - 70 && ones[k][bit] < n / 2 + 70);
	}
}

/* ------------------------------------------------------------------ 28: windows that close */

/** What was sent between two looks must not reach beyond the window's edge, unless it is sent again. */
static void
check_edge(struct harness *h, uint32_t edge)
{
	const struct h_seg *s;

	while ((s = h_next(h)) != NULL)
		CU_ASSERT(s->rexmt || seq_leq(s->seg.seq + s->len, edge));
}

static void
bad_input_28_window_shrinks_below_flight(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t una;

	h->wnd = 20000;
	h_to_state(h, TCP_ESTABLISHED, false);
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL(h_send(h, 200000, 3000), 200000);
	/* Let some flight build up. */
	for (unsigned int i = 0; i < 4; i++)
		(void)h_in(h, TCP_ACK, 0);
	una = h_tcb(h)->snd_una;
	CU_ASSERT(h_tcb(h)->snd_nxt - una > 4000);
	h->seen = h->n_sent;
	/* The right edge moves left, into what is in flight. */
	h->wnd = 2000;
	(void)h_in_at(h, TCP_ACK, h->seq, una + 1460, 0);
	check_edge(h, una + 1460 + 2000);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	/* And away. Retransmission goes on, new text does not. */
	h->wnd = 0;
	(void)h_in_at(h, TCP_ACK, h->seq, una + 2920, 0);
	for (unsigned int i = 0; i < 50; i++) {
		const uint32_t nxt = h_tcb(h)->snd_nxt;

		h_wait_ms(h, 10000);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt, nxt);
		(void)h_in_at(h, TCP_ACK, h->seq, una + 2920, 0); /* alive, no room */
	}
	CU_ASSERT(h->n_sent > h->seen); /* no silence */
	h->seen = h->n_sent;
	h->wnd = 65535;
	(void)h_in_at(h, TCP_ACK, h->seq, una + 2920, 0);
	for (unsigned int i = 0; i < 400 && h_tcb(h)->blk != PTCP_NIL; i++) {
		h_wait_ms(h, 300);
		(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h->sent[0].seg.seq + 1 + 200000);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	h_free(h);
}

/** Every window from 0 to more than an MSS, one after the other: all text gets through, none of it beyond an edge. */
static void
bad_input_28_window_of_any_size(void)
{
	static const uint16_t wnds[] = {0, 1, 2, 100, 729, 730, 1459, 1460, 1461, 2919, 0, 3000};
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	const uint32_t total = 40000;
	uint32_t first, at = 0;

	h_to_state(h, TCP_ESTABLISHED, false);
	first = h_tcb(h)->snd_nxt;
	h->wnd = 0;
	(void)h_in_at(h, TCP_ACK, h->seq, first, 0);
	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(h_send(h, total, 700), total);
	for (unsigned int i = 0; i < 4000 && at < total; i++) {
		const struct h_seg *s;

		while ((s = h_next(h)) != NULL) {
			uint32_t n = s->seg.seq - first + s->len;

			/* The peer takes what its window has room for: a probe of a closed one may be more. */
			if (s->seg.seq - first <= at && n > at && h->wnd > 0) {
				if (n > at + h->wnd)
					n = at + h->wnd;
				for (uint32_t k = at; k < n; k++)
					CU_ASSERT_EQUAL(s->data[k - (s->seg.seq - first)],
							h_pattern(k));
				h->wnd = (uint16_t)(h->wnd - (n - at));
				at = n;
			}
		}
		h->wnd = wnds[i % PTCP_ARRAY_SIZE(wnds)];
		(void)h_in_at(h, TCP_ACK, h->seq, first + at, 0);
		check_edge(h, first + at + h->wnd);
		h->seen = 0;
		while (h->seen < h->n_sent && h->sent[h->seen].when < h->ctx->now)
			h->seen++;
		h_wait_ms(h, 61000);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	}
	CU_ASSERT_EQUAL(at, total);
	h_free(h);
}

static void
bad_input_28_fin_against_zero_window(void)
{
	for (unsigned int answered = 0; answered < 2; answered++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);
		unsigned int fins = 0;

		h_to_state(h, TCP_ESTABLISHED, false);
		h->wnd = 0;
		(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
		CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
		h_pump(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
		for (unsigned int s = 0; s < 90; s++) {
			h_wait_ms(h, 1000);
			if (answered != 0)
				(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
		}
		for (unsigned int i = 0; i < h->n_sent; i++)
			fins += (h->sent[i].seg.flags & TCP_FIN) != 0;
		CU_ASSERT(fins >= 3); /* no silence */
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
		if (answered != 0) {
			/* A peer that answers is not given up. */
			for (unsigned int s = 0; s < 3600; s += 20) {
				h_wait_ms(h, 20000);
				(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
				h_forget(h);
			}
			CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_FIN_WAIT_1);
			h->wnd = 1000;
			(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
			h_expect(h, TCP_FIN | TCP_ACK);
			(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_nxt, 0);
			CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
		} else {
			h_wait_ms(h, 100000);
			CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
			CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
		}
		h_free(h);
	}
}

/** Our own window is closed: text is refused and answered, ACK and RST and FIN's number are still looked at. */
static void
bad_input_28_our_window_closed(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rcv_buf = 3000;
	h = h_new(&conf, IP_V4, SECOND);
	h->auto_read = false;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 3000);
	CU_ASSERT_EQUAL(tcp_rcv_wnd(h_tcb(h)), 0);
	h->seq += 3000;
	h->seen = h->n_sent;
	/* A probe: refused, acknowledged with window 0; its ACK counts. */
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 1);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.wnd, 0);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.ack, h->seq);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 3000);
	/* RST beyond the closed window, then the exact one. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, h->seq + 1, 0, 0), DROP_TCP_SEQ);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, h->seq, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

/* ------------------------------------------------------------------ 29: everything wraps */

/** 300 kB each way over the wrap of both ISNs, with and without loss. */
static void
bad_input_29_transfer_over_sequence_wrap(void)
{
	static const uint32_t before[] = {1, 100, 1460, 70000, 150000};
	const uint32_t total = 300000;

	for (unsigned int i = 0; i < 5 * 2 * 2; i++) {
		const uint32_t base = i & 1 ? 0x80000000u : 0;
		const enum ip_family family = families[i >> 1 & 1];
		struct tcp_conf conf = h_conf();
		struct twin *t;

		conf.snd_buf = total;
		t = twin_new(&conf, family,
				twin_start_for_iss(&conf, family, 5000, base - before[i / 4]),
				twin_start_for_iss(&conf, family, 0, base - before[4 - i / 4]) -
						TWIN_DELAY_US);
		CU_ASSERT_FATAL(twin_open_from(t->h[0], 5000) >= 0);
		twin_run(t, SECOND);
		CU_ASSERT_EQUAL(t->h[0]->sent[0].seg.seq, base - before[i / 4]);
		CU_ASSERT_EQUAL(t->h[1]->sent[0].seg.seq, base - before[4 - i / 4]);
		t->lose = t->n_frames + 60;
		t->lose_n = i & 2 ? 7 : 0;
		CU_ASSERT_EQUAL(h_write(t->h[0], total, 5000), total);
		CU_ASSERT_EQUAL(h_write(t->h[1], total, 3333), total);
		twin_run(t, 60 * SECOND);
		CU_ASSERT(twin_got(t, 0, total));
		CU_ASSERT(twin_got(t, 1, total));
		CU_ASSERT_EQUAL(t->h[0]->counters.drop[DROP_TCP_SEQ] == 0 || t->n_lost > 0, true);
		CU_ASSERT_EQUAL(h_state(t->h[0]), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_state(t->h[1]), TCP_ESTABLISHED);
		twin_free(t);
	}
}

static struct harness *
established_with_ts(uint32_t ts_val, time_us_t start)
{
	struct harness *h = h_new(NULL, IP_V4, start);

	h->opts = TCP_OPT_MSS | TCP_OPT_TS;
	h->ts_val = ts_val;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	return h;
}

/** RFC 7323 section 5.3 R1: older is dropped and answered, equal and newer are not, over the wrap of timestamps. */
static void
bad_input_29_paws(void)
{
	static const uint32_t starts[] = {1000, 0, UINT32_MAX, 0x7fffffff, 0x80000000u};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(starts); i++) {
		struct harness *h = established_with_ts(starts[i], SECOND);
		static const uint32_t old[] = {1, 100, 0x7fffffff};

		for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(old); k++) {
			h->ts_val = starts[i] - old[k];
			CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack, 100), DROP_TCP_PAWS);
			CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
			CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.ts_ecr, starts[i]);
			CU_ASSERT_EQUAL(h->n_received, 0);
			/* FIN and SYN too; RST is exempt (section 5.2), and tested below. */
			CU_ASSERT_EQUAL(h_in_at(h, TCP_FIN | TCP_ACK, h->seq, h->ack, 0),
					DROP_TCP_PAWS);
			h->seen = h->n_sent;
		}
		h->ts_val = starts[i];
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
		h_wait_ms(h, 40);
		h->ts_val = starts[i] + 0x7fffffff;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
		CU_ASSERT_EQUAL(h->n_received, 200);
		/* Now that is the measure, once the delayed ACK has left (section 4.3). */
		h_wait_ms(h, 40);
		h->ts_val = starts[i] + 0x7ffffffe;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack, 100), DROP_TCP_PAWS);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, h->seq, 0, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		h_free(h);
	}
}

/** An old segment must not take TS.Recent forward: only what is at or before Last.ACK.sent does (section 4.3). */
static void
bad_input_29_out_of_order_leaves_ts_recent(void)
{
	struct harness *h = established_with_ts(1000, SECOND);

	h->ts_val = 2000;
	(void)h_in_at(h, TCP_ACK, h->seq + 100, h->ack, 100);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ts_ecr, 1000);
	h->ts_val = 1500;
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 100);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ts_ecr, 1500);
	CU_ASSERT_EQUAL(h->n_received, 200);
	h_free(h);
}

/** RFC 7323 section 5.5: after 24 days of silence TS.Recent says nothing; before that it does. */
static void
bad_input_29_paws_idle_days(void)
{
	static const struct {
		uint64_t tenths; /* of a day */
		bool old_accepted;
	} c[] = {{1, false}, {200, false}, {239, false}, {241, true}, {248, true}, {249, true},
			{300, true}, {496, true}, {497, true}, {500, true}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(c); i++) {
		/* A peer that starts its clock again, below what we have seen. */
		struct harness *h = established_with_ts(1000000, SECOND);

		h_wait_ms(h, c[i].tenths * (DAY_MS / 10));
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		h->ts_val = 999999;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack, 100),
				c[i].old_accepted ? DROP_NONE : DROP_TCP_PAWS);
		if (c[i].old_accepted) {
			h_wait_ms(h, 100);
			CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.ts_ecr, 999999);
			/* From here on that is the measure again. */
			h->seq += 100;
			h->ts_val--;
			CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack, 100), DROP_TCP_PAWS);
		}
		h_free(h);
		/* A sound peer with a clock of 1 ms: past 24.8 days it looks as if it had gone back. */
		h = established_with_ts(1000000, SECOND);
		h_wait_ms(h, c[i].tenths * (DAY_MS / 10));
		h->ts_val += (uint32_t)(c[i].tenths * (DAY_MS / 10));
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
		CU_ASSERT_EQUAL(h->n_received, 100);
		/* And our side still has its timers: what we send is sent again on time. */
		h_wait_ms(h, 1000);
		h_forget(h);
		CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
		h_wait_ms(h, 250);
		CU_ASSERT_EQUAL(h->n_sent, 2);
		CU_ASSERT(h->sent[1].rexmt);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
		h_free(h);
	}
}

/** Our timestamps wrap in the middle of a transfer, at both ends. */
static void
bad_input_29_timestamp_wrap_in_transfer(void)
{
	const uint32_t total = 200000;
	struct tcp_conf conf = h_conf();
	time_us_t start[2];
	struct twin *t;

	conf.snd_buf = total;
	t = twin_new(&conf, IP_V4, SECOND, SECOND);
	t->h[0]->opts = t->h[1]->opts = TCP_OPT_MSS | TCP_OPT_TS;
	CU_ASSERT_FATAL(twin_open_from(t->h[0], 5000) >= 0);
	twin_run(t, SECOND);
	/* 1.1 s before the wrap, on each side. */
	for (unsigned int i = 0; i < 2; i++)
		start[i] = SECOND +
				(uint64_t)(uint32_t)(UINT32_MAX - 1100 -
						t->h[i]->sent[0].seg.ts_val) *
						TIME_US_PER_MS;
	twin_free(t);
	t = twin_new(&conf, IP_V4, start[0], start[1]);
	CU_ASSERT_FATAL(twin_open_from(t->h[0], 5000) >= 0);
	twin_run(t, SECOND);
	CU_ASSERT_EQUAL_FATAL(h_state(t->h[1]), TCP_ESTABLISHED);
	CU_ASSERT((h_tcb(t->h[0])->flags & TF_TS) != 0);
	CU_ASSERT_EQUAL(h_write(t->h[0], total, 5000), total);
	CU_ASSERT_EQUAL(h_write(t->h[1], total, 3333), total);
	twin_run(t, 20 * SECOND);
	CU_ASSERT(t->h[0]->sent[0].seg.ts_val > t->h[0]->sent[t->h[0]->n_sent - 1].seg.ts_val);
	CU_ASSERT(t->h[1]->sent[0].seg.ts_val > t->h[1]->sent[t->h[1]->n_sent - 1].seg.ts_val);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT(twin_got(t, i, total));
		CU_ASSERT_EQUAL(t->h[i]->counters.drop[DROP_TCP_PAWS], 0);
		CU_ASSERT_EQUAL(t->h[i]->counters.n[COUNTER_RETRANSMITTED], 0);
	}
	twin_free(t);
}

/** RFC 7323 section 3.2: once agreed upon, all but RST carry timestamps; what does not is dropped. */
static void
bad_input_29_segment_without_timestamp(void)
{
	struct harness *h = established_with_ts(1000, SECOND);

	h->opts = TCP_OPT_MSS;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack, 100), DROP_TCP_NO_TS);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->n_received, 0);
	/* A SYN of a peer that has crashed and forgotten: it must hear where we are (RFC 9293 section 3.5.1). */
	(void)h_in_at(h, TCP_SYN, h->seq + 7, 0, 0);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, h->seq, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

/** Quiet for 60 days without keepalive or timestamps: 32-bit milliseconds have wrapped, the connection has not. */
static void
bad_input_29_idle_past_millisecond_wrap(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	for (unsigned int i = 0; i < 6; i++) {
		time_us_t sent;

		h_wait_ms(h, 10 * DAY_MS + i * 7777777);
		h_expect_none(h);
		sent = h->ctx->now;
		CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
		h_expect(h, TCP_ACK | TCP_PSH);
		h_wait_ms(h, 199);
		h_expect_none(h);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK | TCP_PSH)->when, sent + 200 * TIME_US_PER_MS);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
		h_wait_ms(h, 40);
		h_expect(h, TCP_ACK);
		/* Without a new sample the backoff would stay (Karn); one more exchange ends it. */
		CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
		h_expect(h, TCP_ACK | TCP_PSH);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	}
	CU_ASSERT_EQUAL(h->n_received, 600);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(bad_input_05_urgent_pointer_any_value),
		TEST(bad_input_05_urgent_in_simultaneous_open),
		TEST(bad_input_07_window_scale_14),
		TEST(bad_input_09_meaningless_flags_every_state),
		TEST(bad_input_10_land_loop_decays),
		TEST(bad_input_17_old_seq_overlaps_new_data),
		TEST(bad_input_17_random_overlap),
		TEST(bad_input_19_ack_never_sent_or_far_too_old),
		TEST(bad_input_20_data_without_ack),
		TEST(bad_input_20_rst_answered_by_nothing),
		TEST(bad_input_21_blind_rst),
		TEST(bad_input_21_blind_syn_and_data),
		TEST(bad_input_22_challenge_limit_is_per_connection),
		TEST(bad_input_22_challenge_limit_does_not_alias),
		TEST(bad_input_23_desynchronised_ends_fall_silent),
		TEST(bad_input_23_ack_storm_limited),
		TEST(bad_input_27_isn_grows_250_per_ms),
		TEST(bad_input_27_isn_differs_by_tuple_and_key),
		TEST(bad_input_28_window_shrinks_below_flight),
		TEST(bad_input_28_window_of_any_size),
		TEST(bad_input_28_fin_against_zero_window),
		TEST(bad_input_28_our_window_closed),
		TEST(bad_input_29_transfer_over_sequence_wrap),
		TEST(bad_input_29_paws),
		TEST(bad_input_29_out_of_order_leaves_ts_recent),
		TEST(bad_input_29_paws_idle_days),
		TEST(bad_input_29_timestamp_wrap_in_transfer),
		TEST(bad_input_29_segment_without_timestamp),
		TEST(bad_input_29_idle_past_millisecond_wrap),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("bad_input", tests)
