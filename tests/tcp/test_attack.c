/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input that broke other stacks, second part: what an attacker does to exhaust, mislead or outwait us. The number in a name
 * is that of the line in the list of bad input. Lines 31 and 32 stand with cookies and reassembly, 38 with the tables.
 */
#include "random.h"
#include "twin.h"

#include <errno.h>
#include <string.h>

#include "tcp/tcp_impl.h"

#define SECOND ((time_us_t)TIME_US_PER_SEC)
#define HOUR   (3600 * SECOND)

/* ------------------------------------------------------------------ 18, 33: SACK of a liar */

#define FLIGHT_MAX 65536

/** A peer that takes text in any order and acknowledges what is contiguous: from what the core has sent. */
struct taker {
	uint32_t base; /* sequence number of the first octet */
	uint32_t n;    /* octets that will come */
	uint32_t next; /* how many are contiguous */
	bool have[FLIGHT_MAX];
};

/** Take what was sent since the last look; every octet must be the right one. */
static void
take(struct harness *h, struct taker *t)
{
	const struct h_seg *s;

	while ((s = h_next(h)) != NULL) {
		for (uint32_t i = 0; i < s->len; i++) {
			const uint32_t at = s->seg.seq + i - t->base;

			CU_ASSERT_FATAL(at < t->n);
			CU_ASSERT(s->data[i] == h_pattern(at));
			t->have[at] = true;
		}
	}
	while (t->next < t->n && t->have[t->next])
		t->next++;
	h_forget(h);
}

/** Nothing is lost any more: the rest of the stream must come within ten minutes. */
static void
finish(struct harness *h, struct taker *t)
{
	const time_us_t until = h->ctx->now + 600 * SECOND;

	while (t->next < t->n && h->ctx->now < until) {
		const uint32_t before = t->next;

		take(h, t);
		(void)h_in_at(h, TCP_ACK, h->seq, t->base + t->next, 0);
		if (t->next == before)
			h_wait_ms(h, 20);
	}
	CU_ASSERT_EQUAL(t->next, t->n);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, t->base + t->n);
}

/** An established connection with SACK, our first octet at @p first; @p n octets written, what may go is in flight. */
static struct harness *
in_flight(struct taker *t, uint32_t first, uint32_t n, uint16_t mss)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.sack = true;
	conf.max_ranges = 256;
	conf.snd_buf = FLIGHT_MAX;
	h = h_new(&conf, IP_V4, twin_start_for_iss(&conf, IP_V4, 0, first - 1));
	h->opts |= TCP_OPT_SACK_OK;
	h->mss = mss;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL_FATAL(h_tcb(h)->snd_nxt, first);
	h_forget(h);
	memset(t, 0, sizeof(*t));
	t->base = first;
	t->n = n;
	CU_ASSERT_EQUAL_FATAL(h_write(h, n, 1000), n);
	return h;
}

static void
ack_with_blocks(struct harness *h, uint32_t ack, const struct tcp_sack *blocks, uint8_t n)
{
	struct tcp_seg seg = {.seq = h->seq,
			.ack = ack,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.opts = n > 0 ? TCP_OPT_SACK : 0,
			.n_sack = n};

	for (uint8_t i = 0; i < n; i++)
		seg.sack[i] = blocks[i];
	(void)h_inject(h, &seg, NULL, 0);
}

/** SND.UNA stands, and whatever lies behind it is still there to be sent again. */
static bool
nothing_acknowledged(struct harness *h, const struct taker *t)
{
	const struct tcp_tcb *tcb = h_tcb(h);
	const struct tcp_block *b = tcb != NULL ? tcp_block(h->ctx, tcb) : NULL;

	return b != NULL && tcb->snd_una == t->base && b->snd_bytes == t->n;
}

static const uint32_t edges[] = {0, 1, 100, 1459, 1460, 1461, 2920, 14600, 0x3fffffff, 0x40000000,
		0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe, 0xfffffa4c};

/** Every pair of edges around SND.UNA, also where the sequence numbers wrap, and where their difference changes its sign. */
static void
bad_input_18_sack_edges(void)
{
	static const uint32_t firsts[] = {1000, 0xfffff000, 0x7ffff800};
	static struct taker t;

	for (unsigned int f = 0; f < PTCP_ARRAY_SIZE(firsts); f++) {
		for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(edges); i++) {
			struct harness *h = in_flight(&t, firsts[f], 20000, 1460);

			for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(edges); k++) {
				const struct tcp_sack b = {t.base + edges[i], t.base + edges[k]};

				ack_with_blocks(h, t.base, &b, 1);
				CU_ASSERT(nothing_acknowledged(h, &t));
			}
			finish(h, &t);
			h_free(h);
		}
	}
}

/** As many as fit, any of them: overlapping, turned round, twice the same, D-SACK before others. */
static void
bad_input_18_sack_random_blocks(void)
{
	static struct taker t;
	uint64_t seed = 18;

	for (unsigned int run = 0; run < 60; run++) {
		struct harness *h = in_flight(&t, (uint32_t)random_next(&seed), 30000, 1460);

		for (unsigned int i = 0; i < 40; i++) {
			struct tcp_sack b[TCP_SACK_MAX];
			const uint8_t n = (uint8_t)(1 + random_below(&seed, TCP_SACK_MAX));

			for (unsigned int k = 0; k < n; k++) {
				b[k].left = t.base + random_below(&seed, 40000) - 5000;
				b[k].right = b[k].left + random_below(&seed, 6000) - 500;
			}
			ack_with_blocks(h, t.base, b, n);
			CU_ASSERT(nothing_acknowledged(h, &t));
			if (random_below(&seed, 8) == 0)
				h_wait_ms(h, 300);
			h_forget(h);
		}
		finish(h, &t);
		h_free(h);
	}
}

/** RFC 2018 section 8: who has reported octets may drop them again. They come once more. */
static void
bad_input_18_sack_reneging(void)
{
	static struct taker t;

	for (uint32_t from = 1; from < 10; from += 4) {
		struct harness *h = in_flight(&t, 1000, 14600, 1460);
		const struct tcp_sack b = {t.base + from * 1460, t.base + 14600};

		for (unsigned int i = 0; i < 12; i++)
			ack_with_blocks(h, t.base, &b, 1);
		CU_ASSERT(nothing_acknowledged(h, &t));
		/* All of it was dropped, the reported octets too: h_forget() is the peer's. */
		h_forget(h);
		finish(h, &t);
		h_free(h);
	}
}

/** Blocks although SACK was never agreed to say nothing. */
static void
bad_input_18_sack_not_agreed(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t una;

	conf.sack = true;
	h = h_established(&conf);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_SACK, 0);
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL(h_write(h, 8000, 1000), 8000);
	for (unsigned int i = 0; i < 20; i++) {
		const struct tcp_sack b = {una + 1460, una + 8000};

		ack_with_blocks(h, una, &b, 1);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
	}
	CU_ASSERT_EQUAL(tcp_block(h->ctx, h_tcb(h))->snd_bytes, 8000);
	for (unsigned int i = 0; i < 20 && h_tcb(h)->snd_una != una + 8000; i++) {
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_nxt, 0);
		h_wait_ms(h, 300);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una + 8000);
	h_free(h);
}

/** The smallest segments there are, and every second one reported, in many blocks, over and over. */
static void
bad_input_33_every_second_tiny_segment(void)
{
	static struct taker t;
	struct harness *h = in_flight(&t, 0xffff8000, 60000, 1);
	const uint32_t mss = h_tcb(h)->mss;
	uint32_t flight;

	CU_ASSERT(mss >= 36 && mss <= 48);
	/* The congestion window grows first: half of the stream goes through. */
	while (t.next < 30000) {
		uint32_t at = t.next;

		take(h, &t);
		for (at += mss; at < t.next; at += mss)
			(void)h_in_at(h, TCP_ACK, h->seq, t.base + at, 0);
		(void)h_in_at(h, TCP_ACK, h->seq, t.base + t.next, 0);
		CU_ASSERT_FATAL(t.next > at - mss);
	}
	h_forget(h);
	memset(t.have + t.next, 0, sizeof(t.have) - t.next);
	flight = h_tcb(h)->snd_nxt - h_tcb(h)->snd_una;
	CU_ASSERT(flight > 200 * mss);
	for (unsigned int round = 0; round < 3; round++) {
		for (uint32_t at = mss; at + mss < flight; at += 2 * mss) {
			const uint32_t una = t.base + t.next;
			struct tcp_sack b[TCP_SACK_MAX];
			uint8_t n = 0;

			for (uint32_t k = at; n < TCP_SACK_MAX && k >= mss; k -= 2 * mss, n++)
				b[n] = (struct tcp_sack){una + k, una + k + mss};
			ack_with_blocks(h, una, b, n);
			CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
			h_forget(h);
		}
		h_wait_ms(h, 2000);
		h_forget(h);
	}
	finish(h, &t);
	h_free(h);
}

/* ------------------------------------------------------------------ 34: acknowledged before it was received */

/** Who acknowledges what has not been sent gains nothing by it (RFC 5961 section 5). */
static void
bad_input_34_optimistic_ack_of_unsent(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t cwnd, nxt;

	CU_ASSERT_EQUAL(h_write(h, 100000, 1000), 100000);
	cwnd = h_tcb(h)->cwnd;
	nxt = h_tcb(h)->snd_nxt;
	h_forget(h);
	for (uint32_t i = 1; i < 200; i++)
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, nxt + i * 1460, 0),
				DROP_TCP_ACK_UNSENT);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt, nxt);
	/* And one challenge at most, so that two such ends do not talk for ever. */
	CU_ASSERT(h->n_sent <= 1);
	h_free(h);
}

/* ------------------------------------------------------------------ 35, 36: connections that only wait */

/** A connection into a closed window, everything acknowledged up to it. */
static void
close_window(struct harness *h, uint32_t queued)
{
	CU_ASSERT_EQUAL(h_write(h, queued, 1000), queued);
	h->wnd = 0;
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_nxt, 0);
	h_forget(h);
}

/** Answer each probe for @p seconds: the window stays closed. */
static void
answer_probes(struct harness *h, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds && h_tcb(h) != NULL; i++) {
		h_wait(h, SECOND);
		if (h->n_sent > 0 && h_tcb(h) != NULL)
			(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
		h_forget(h);
	}
}

/** Sockstress: a zero window kills nobody by itself, for however long; only when memory runs low (RFC 6429). */
static void
bad_input_35_zero_window_evicted_only_under_pressure(void)
{
	struct harness *h = h_established(NULL);

	close_window(h, 30000);
	answer_probes(h, 3600);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT(tcp_block(h->ctx, h_tcb(h))->snd_mem >= 10000);
	h->ctx->mem.scarce = true;
	answer_probes(h, 200);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_NO_MEMORY);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ZERO_WINDOW_EVICTED], 1);
	CU_ASSERT_EQUAL(h->ctx->mem.used, 0);
	h_free(h);
}

/** Under the same pressure nobody else suffers: not who makes progress, not who has nothing queued. */
static void
bad_input_35_pressure_spares_the_others(void)
{
	struct harness *h = h_established(NULL);

	h->ctx->mem.scarce = true;
	h_wait(h, HOUR);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	for (unsigned int i = 0; i < 300; i++) {
		CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_nxt, 0);
		h_wait(h, SECOND);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** Connect from port @p port, up to ESTABLISHED. @return false: the core would not have it */
static bool
connect_from(struct harness *h, uint16_t port)
{
	h->peer_port = port;
	h->seq = 1000;
	(void)h_in(h, TCP_SYN, 0);
	(void)h_in(h, TCP_ACK, 0);
	h_forget(h);
	return h_tcb(h) != NULL && h_state(h) == TCP_ESTABLISHED;
}

/**
 * Slowloris: connections that say nothing hold a TCB and no more; when there is none left newcomers are refused, who is
 * there lives on, and the user, whose timer ends the idle ones, makes room at once.
 */
static void
bad_input_36_connections_that_send_nothing(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_tcbs = 16;
	conf.max_timewait = 32;
	h = h_new(&conf, IP_V4, SECOND);
	for (uint16_t i = 0; i < 16; i++)
		CU_ASSERT(connect_from(h, (uint16_t)(40000 + i)));
	CU_ASSERT(!connect_from(h, 41000));
	CU_ASSERT(h->counters.drop[DROP_TCP_NO_TCB] > 0);
	h_wait(h, HOUR);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 16);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 0);
	/* One of them begins to talk: it is served. */
	h->peer_port = 40003;
	h->seq = 1001;
	h->ack = h_tcb(h)->snd_nxt;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
	CU_ASSERT_EQUAL(h->n_received, 1000);
	h->peer_port = 40005;
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	CU_ASSERT(connect_from(h, 41001));
	h_free(h);
}

/** A peer that has gone away without a word is found out by keepalive, and its TCB is free again. */
static void
bad_input_36_vanished_peers_are_found_by_keepalive(void)
{
	struct harness *h = h_established(NULL);
	const int keep = h_keep(h->ctx, true, 60000, 10000, 3);

	CU_ASSERT_FATAL(keep >= 0);
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
	h_wait(h, 89 * SECOND);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait(h, 2 * SECOND);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ 37: ports */

/** All ports to one peer are in use: said at once, and another peer is none the worse. TIME-WAIT keeps its port. */
static void
bad_input_37_open_without_a_free_port(void)
{
	struct tcp_conf conf = h_conf();
	struct tcp_open_args args = {.rport = 7};
	struct harness *h;

	conf.port_first = 50000;
	conf.port_last = 50007;
	h = h_new(&conf, IP_V4, SECOND);
	args.raddr = h->peer;
	h->peer_port = 7;
	for (unsigned int i = 0; i < 8; i++)
		CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRNOTAVAIL);
	args.rport = 8;
	CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
	args.rport = 7;
	h_pump(h);
	/* One is refused by its peer: its port is free again. Another ends in TIME-WAIT: that keeps it. */
	h->our_port = 50002;
	(void)h_in_at(h, TCP_RST | TCP_ACK, 0, h_tcb(h)->snd_nxt, 0);
	CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRNOTAVAIL);
	h->our_port = 50004;
	h->ack = h_tcb(h)->snd_nxt;
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h->ack = h_tcb(h)->snd_nxt; /* not that of another's SYN, which left as well */
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRNOTAVAIL);
	h_wait_ms(h, 2 * h->ctx->conf.msl_ms + 2);
	CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
	h_free(h);
}

/* ------------------------------------------------------------------ 39: ICMP */

static enum drop_reason
icmp(struct harness *h, uint32_t seq, bool hard, bool too_big, uint16_t mtu)
{
	struct tcp_icmp icmp = {.quoted = {.src = laddr_get(&h->laddr, h->family == IP_V4 ? 0 : 4),
						.dst = h->peer,
						.sport = h->our_port,
						.dport = h->peer_port,
						.family = (uint8_t)h->family,
						.laddr = h->family == IP_V4 ? 0 : 4,
						.seq = seq},
			.hard = hard,
			.too_big = too_big,
			.mtu = mtu};
	const enum drop_reason reason = tcp_icmp_arrives(h->ctx, &icmp);

	h_pump(h);
	return reason;
}

/** Hard errors end a connection that is being opened, and only by a quote of what is in flight. */
static void
bad_input_39_icmp_hard_error_while_opening(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t una;

	(void)h_open(h);
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL(icmp(h, una + 1, true, false, 0), DROP_ICMP_QUOTE);
	CU_ASSERT_EQUAL(icmp(h, una - 1, true, false, 0), DROP_ICMP_QUOTE);
	CU_ASSERT_EQUAL(icmp(h, una + 0x80000000, true, false, 0), DROP_ICMP_QUOTE);
	CU_ASSERT_EQUAL(icmp(h, una, false, false, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
	CU_ASSERT_EQUAL(icmp(h, una, true, false, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_UNREACHABLE);
	h_free(h);
}

/** In synchronised states every error is soft, whatever it quotes (RFC 5927 section 5.2). */
static void
bad_input_39_icmp_soft_when_synchronised(void)
{
	static const enum tcp_state states[] = {
			TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(states); i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);
		uint32_t una;

		h_to_state(h, states[i], false);
		una = h_tcb(h)->snd_una;
		if (states[i] == TCP_ESTABLISHED || states[i] == TCP_CLOSE_WAIT)
			CU_ASSERT_EQUAL(h_write(h, 5000, 1000), 5000);
		for (uint32_t k = 0; k < 20; k++) {
			(void)icmp(h, una, true, false, 0);
			(void)icmp(h, una + k * 300, true, false, 0);
		}
		CU_ASSERT_EQUAL(h_state(h), states[i]);
		h_free(h);
	}
}

/** Packet too big: nothing in flight, nothing done; MTU 0, 68 and below the family's least are not believed. */
static void
bad_input_39_icmp_too_big_floor(void)
{
	static const uint16_t mtus[] = {0, 1, 20, 40, 52, 67, 68, 575};

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		const uint32_t least = v6 ? 1280 - 60 : 576 - 40;
		struct harness *h = h_new(NULL, v6 ? IP_V6 : IP_V4, SECOND);
		uint32_t mss, una;

		h_to_state(h, TCP_ESTABLISHED, false);
		mss = h_tcb(h)->mss;
		una = h_tcb(h)->snd_una;
		CU_ASSERT_EQUAL(icmp(h, una, false, true, 68), DROP_ICMP_QUOTE);
		CU_ASSERT_EQUAL(h_write(h, 20000, 1000), 20000);
		CU_ASSERT_EQUAL(icmp(h, h_tcb(h)->snd_nxt, false, true, 68), DROP_ICMP_QUOTE);
		/* Larger than now: no news. */
		CU_ASSERT_EQUAL(icmp(h, una, false, true, 65535), DROP_NONE);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, mss);
		for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtus); i++) {
			(void)icmp(h, una, false, true, mtus[i]);
			CU_ASSERT(h_tcb(h)->mss >= least && h_tcb(h)->mss <= mss);
		}
		h_free(h);
	}
}

/* ------------------------------------------------------------------ 40: every allocation in turn */

#define STEP_US  3000
#define STEPS    60
#define OCTETS   20000
#define HELD_MAX 8192

/** Everything that is free in a pool of side @p h, as if others had it. */
static uint32_t
hold_all(struct harness *h, bool blocks, uint32_t *held)
{
	struct pool *p = blocks ? &h->ctx->block_pool : &h->ctx->node_pool;
	uint32_t n = 0;

	while (n < HELD_MAX && (held[n] = pool_get(p)) != PTCP_NIL)
		n++;
	return n;
}

static void
give_back(struct harness *h, bool blocks, const uint32_t *held, uint32_t n)
{
	struct pool *p = blocks ? &h->ctx->block_pool : &h->ctx->node_pool;

	while (n > 0)
		pool_put(p, held[--n]);
}

/** Write what can be written, and FIN behind it. */
static void
write_on(struct harness *h)
{
	const struct tcp_tcb *tcb = h_tcb(h);

	if (tcb == NULL || tcb->state < TCP_ESTABLISHED || (tcb->flags & TF_FIN_QUEUED) != 0)
		return;
	if (h->written < OCTETS)
		(void)h_write(h, OCTETS - h->written, 700);
	if (h->written >= OCTETS)
		(void)tcp_shutdown(h->ctx, h_tcb(h));
	h_pump(h);
}

/**
 * Two ends exchange text both ways over a link that loses some. At step @p when one of them finds a pool empty for
 * @p length steps. Nothing is lost by that: it ends as if nothing had been.
 */
static void
exchange(unsigned int side, bool blocks, unsigned int when, unsigned int length)
{
	static uint32_t held[HELD_MAX];
	struct tcp_conf conf = h_conf();
	struct twin *t;
	uint32_t n = 0;

	conf.sack = true;
	conf.max_nodes = 256;
	t = twin_new(&conf, IP_V4, SECOND, 7 * SECOND);
	twin_connect(t);
	t->lose = 12;
	t->lose_n = 3;
	for (unsigned int i = 0; i < STEPS; i++) {
		if (i == when)
			n = hold_all(t->h[side], blocks, held);
		if (i == when + length) {
			give_back(t->h[side], blocks, held, n);
			n = 0;
		}
		write_on(t->h[0]);
		write_on(t->h[1]);
		twin_run(t, STEP_US);
	}
	give_back(t->h[side], blocks, held, n);
	for (unsigned int i = 0; i < 300 && !(twin_clean(t, 0) && twin_clean(t, 1)); i++) {
		write_on(t->h[0]);
		write_on(t->h[1]);
		twin_run(t, 100000);
	}
	CU_ASSERT(twin_got(t, 0, OCTETS));
	CU_ASSERT(twin_got(t, 1, OCTETS));
	CU_ASSERT_EQUAL(t->h[0]->reason, TCP_REASON_DONE);
	CU_ASSERT_EQUAL(t->h[1]->reason, TCP_REASON_DONE);
	CU_ASSERT(twin_clean(t, 0) && twin_clean(t, 1));
	twin_free(t);
}

static void
bad_input_40_no_node_at_each_moment_in_turn(void)
{
	for (unsigned int when = 0; when < 24; when++) {
		for (unsigned int side = 0; side < 2; side++) {
			exchange(side, false, when, 1);
			exchange(side, false, when, 20);
		}
	}
}

static void
bad_input_40_no_block_at_each_moment_in_turn(void)
{
	for (unsigned int when = 0; when < 24; when++) {
		for (unsigned int side = 0; side < 2; side++) {
			exchange(side, true, when, 1);
			exchange(side, true, when, 20);
		}
	}
}

/** The copies that are made of text nobody may hold where it lies: each fails in turn. */
static void
bad_input_40_no_copy_at_each_moment_in_turn(void)
{
	for (uint32_t left = 0; left < 12; left++) {
		struct harness *h = h_established(NULL);

		h->auto_read = false;
		h_copies(left);
		for (unsigned int i = 0; i < 20; i++)
			(void)h_in(h, TCP_ACK, 50);
		h_copies(UINT32_MAX);
		/* The peer sends again from where it was acknowledged. */
		h->seq = h_tcb(h)->rcv_nxt;
		while (h->seq != 1001 + 20 * 50)
			(void)h_in(h, TCP_ACK, 50);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ 42: the clock stands still */

static const time_us_t stalls[] = {SECOND / 10, 5 * SECOND, 60 * SECOND, 3 * HOUR};

/** The worker was away. What waits in its receive queue is taken in before the timers look at the clock. */
static void
wake(struct harness *h, time_us_t stall)
{
	tcp_set_time(h->ctx, h->ctx->now + stall);
}

/** The ACK that waited while the clock stood still was in time. */
static void
bad_input_42_stall_with_the_answer_waiting(void)
{
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(stalls); i++) {
		struct harness *h = h_established(NULL);
		const int keep = h_keep(h->ctx, true, 10000, 1000, 2);

		CU_ASSERT_FATAL(keep >= 0);
		tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
		CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
		h_forget(h);
		wake(h, stalls[i]);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_nxt, 0);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h->n_sent, 0);
		h_free(h);
	}
}

/** Nothing waited: each timer has come due once, however late, and once is never the end of a connection. */
static void
bad_input_42_stall_kills_nobody(void)
{
	static const enum tcp_state states[] = {TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT_1,
			TCP_CLOSE_WAIT, TCP_LAST_ACK};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(stalls); i++) {
		for (unsigned int s = 0; s < PTCP_ARRAY_SIZE(states); s++) {
			struct harness *h = h_new(NULL, IP_V4, SECOND);
			const int keep = h_keep(h->ctx, true, 10000, 1000, 2);

			CU_ASSERT_FATAL(keep >= 0);
			h_to_state(h, states[s], false);
			tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
			if (states[s] == TCP_CLOSE_WAIT)
				CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
			wake(h, stalls[i]);
			(void)tcp_advance(h->ctx, 1000000);
			h_pump(h);
			CU_ASSERT_EQUAL(h_state(h), states[s]);
			h_free(h);
		}
	}
}

static CU_TestInfo tests[] = {
		TEST(bad_input_18_sack_edges),
		TEST(bad_input_18_sack_random_blocks),
		TEST(bad_input_18_sack_reneging),
		TEST(bad_input_18_sack_not_agreed),
		TEST(bad_input_33_every_second_tiny_segment),
		TEST(bad_input_34_optimistic_ack_of_unsent),
		TEST(bad_input_35_zero_window_evicted_only_under_pressure),
		TEST(bad_input_35_pressure_spares_the_others),
		TEST(bad_input_36_connections_that_send_nothing),
		TEST(bad_input_36_vanished_peers_are_found_by_keepalive),
		TEST(bad_input_37_open_without_a_free_port),
		TEST(bad_input_39_icmp_hard_error_while_opening),
		TEST(bad_input_39_icmp_soft_when_synchronised),
		TEST(bad_input_39_icmp_too_big_floor),
		TEST(bad_input_40_no_node_at_each_moment_in_turn),
		TEST(bad_input_40_no_block_at_each_moment_in_turn),
		TEST(bad_input_40_no_copy_at_each_moment_in_turn),
		TEST(bad_input_42_stall_with_the_answer_waiting),
		TEST(bad_input_42_stall_kills_nobody),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("tcp attack", tests)
