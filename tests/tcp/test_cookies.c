/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN cookies (RFC 4987): when they are sent, what survives in them, how long they are good, what is no cookie, and
 * floods of both kinds.
 */
#include "twin.h"

#include "random.h"

#include <string.h>

#define SECOND  ((time_us_t)TIME_US_PER_SEC)
#define STEP    (TCP_COOKIE_STEP_MS * (time_us_t)TIME_US_PER_MS)
#define EPOCH   (TCP_COOKIE_KEY_STEPS * STEP)
#define ALL_OUT (TCP_OPT_MSS | TCP_OPT_TS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK)

static const enum ip_family families[] = {IP_V4, IP_V6};

static struct tcp_conf
cookie_conf(enum tcp_cookies cookies)
{
	struct tcp_conf conf = h_conf();

	conf.cookies = (uint8_t)cookies;
	conf.sack = true;
	conf.rcv_buf = 1u << 20; /* scale 5 */
	return conf;
}

static struct harness *
cookie_new(enum tcp_cookies cookies, enum ip_family family, time_us_t start)
{
	const struct tcp_conf conf = cookie_conf(cookies);

	return h_new(&conf, family, start);
}

/** SYN with a cookie for an answer. @return the answer */
static const struct h_seg *
syn_cookie(struct harness *h)
{
	const uint64_t n = h->counters.n[COUNTER_COOKIES_SENT];
	const uint32_t used = h->ctx->half_pool.n_used;
	const struct h_seg *s;

	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	s = h_expect(h, TCP_SYN | TCP_ACK);
	h_expect_none(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.ack, h->seq);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT], n + 1);
	CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, used);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	return s;
}

/** An ACK that is no cookie: RST, as in LISTEN, and nothing else. */
static void
refused(struct harness *h, struct tcp_seg *seg)
{
	const uint64_t n = h->counters.n[COUNTER_COOKIES_REFUSED];
	const uint32_t ack = seg->ack;
	const struct h_seg *s;

	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(h_inject(h, seg, NULL, 0), DROP_TCP_NO_CONN);
	s = h_expect(h, TCP_RST);
	CU_ASSERT(s != NULL && s->seg.seq == ack);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_REFUSED], n + 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED], 0);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	h_forget(h);
}

/** The ACK that the peer answers the last SYN,ACK with. */
static struct tcp_seg
good_ack(const struct harness *h)
{
	return (struct tcp_seg){.seq = h->seq,
			.ack = h->ack,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.opts = h->opts & TCP_OPT_TS,
			.ts_val = h->ts_val,
			.ts_ecr = h->ts_ecr};
}

/* ------------------------------------------------------------------ when */

/** AUTO: only where no record is free, or the backlog is used up; NEVER: dropped as ever; ALWAYS: no record at all. */
static void
listen_syn_when_cookies_are_sent(void)
{
	for (unsigned int i = 0; i < 6; i++) {
		const enum tcp_cookies mode = (enum tcp_cookies)(i / 2);
		struct tcp_conf conf = cookie_conf(mode);
		const bool by_backlog = i % 2 != 0;
		struct harness *h;

		conf.max_half_open = by_backlog ? 64 : 3;
		h = h_new(&conf, IP_V4, SECOND);
		h->ctx->listeners->l[h->listener].backlog = by_backlog ? 3 : 64;
		for (uint16_t k = 0; k < 8; k++) {
			h->peer_port = (uint16_t)(100 + k);
			h->seq = 1000;
			if (mode == TCP_COOKIES_NEVER && k >= 3) {
				CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_TCP_BACKLOG);
			} else if (mode == TCP_COOKIES_ALWAYS || k >= 3) {
				(void)syn_cookie(h);
				CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
				CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
			} else {
				CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
				CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
			}
		}
		CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, mode == TCP_COOKIES_ALWAYS ? 0 : 3);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT],
				mode == TCP_COOKIES_NEVER                  ? 0 :
						mode == TCP_COOKIES_ALWAYS ? 8 :
									     5);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED],
				h->counters.n[COUNTER_COOKIES_SENT]);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_OPENED], mode == TCP_COOKIES_NEVER ? 3 : 8);
		h_free(h);
	}
}

/** Room again: records again. Those that were answered by cookies are not forgotten. */
static void
listen_syn_records_again_when_there_is_room(void)
{
	struct tcp_conf conf = cookie_conf(TCP_COOKIES_AUTO);
	struct harness *h;

	conf.max_half_open = 1;
	h = h_new(&conf, IP_V4, SECOND);
	h->peer_port = 100;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
	h->peer_port = 101;
	(void)syn_cookie(h);
	h->peer_port = 100;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
	h->peer_port = 102;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT], 1);
	h->peer_port = 101;
	h->ack = h->sent[1].seg.seq + 1;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** Who could not be admitted anyway gets nothing: neither cookie nor RST, and it is counted. */
static void
listen_syn_no_cookie_without_a_tcb(void)
{
	const struct tcp_open_args args = {.rport = 9, .raddr = ip_addr_v4(0x0200000a)};
	struct tcp_conf conf = cookie_conf(TCP_COOKIES_ALWAYS);
	struct harness *h;
	int64_t open;

	conf.max_tcbs = 1;
	conf.max_timewait = 1;
	h = h_new(&conf, IP_V4, SECOND);
	(void)syn_cookie(h);
	open = tcp_open(h->ctx, &args);
	CU_ASSERT_FATAL(open >= 0);
	h_pump(h);
	h->seen = h->n_sent;
	h->peer_port++;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_TCP_NO_TCB);
	h_expect_none(h);
	/* The same for the ACK of a good cookie: silence, so that the peer's text comes again. */
	h->peer_port--;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_PSH, h->seq, h->ack, 200), DROP_TCP_NO_TCB);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_REFUSED], 0);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_TCB], 2);
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, tcp_at(h->ctx, (uint32_t)open)), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 200), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->n_received, 200);
	h_free(h);
}

static void
listen_syn_no_cookie_while_draining(void)
{
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND);

	(void)syn_cookie(h);
	h->ctx->draining = true;
	h->seen = h->n_sent;
	h->peer_port++;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_TCP_BACKLOG);
	h_expect_none(h);
	/* What was begun may be ended. */
	h->peer_port--;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** 129 SYNs in a burst, 128 replies: the last one is dropped and counted, and comes again. */
static void
listen_syn_cookie_without_a_reply(void)
{
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND);

	for (uint16_t i = 0; i <= TCP_REPLY_MAX; i++) {
		struct tcp_seg seg = {.src = h->peer,
				.dst = laddr_get(&h->laddr, 0),
				.sport = (uint16_t)(1000 + i),
				.dport = 80,
				.family = IP_V4,
				.flags = TCP_SYN};

		tcp_hash(h->ctx, &seg);
		CU_ASSERT_EQUAL(tcp_segment_arrives(h->ctx, &seg),
				i < TCP_REPLY_MAX ? DROP_NONE : DROP_TX_FULL);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT], TCP_REPLY_MAX);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 1);
	h_pump(h);
	h_free(h);
}

/** A tuple in TIME-WAIT begins anew by a record: its ISS must lie beyond the old one's, which no cookie can. */
static void
time_wait_syn_takes_a_record_not_a_cookie(void)
{
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND);
	uint32_t last;

	(void)syn_cookie(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	(void)h_in(h, TCP_ACK, 0);
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_TIME_WAIT);
	last = h->ack;
	h->seq += 10;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT(seq_geq(h->ack - 1, last));
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT], 1);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/* ------------------------------------------------------------------ what survives */

static void
options_case(enum ip_family family, uint8_t opts, uint8_t wscale)
{
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, family, SECOND);
	const bool ts = (opts & TCP_OPT_TS) != 0;
	const uint8_t agreed = ts ? opts : opts & TCP_OPT_MSS;
	const bool ws = (agreed & TCP_OPT_WSCALE) != 0;
	const uint32_t mss = (opts & TCP_OPT_MSS) != 0 ? 1460 : 0;
	const struct tcp_tcb *tcb;
	const struct h_seg *s;
	uint32_t want;

	h->opts = opts;
	h->wscale = wscale;
	h->ts_val = 0xfffffff0;
	s = syn_cookie(h);
	CU_ASSERT_EQUAL(s->seg.opts, agreed | TCP_OPT_MSS);
	CU_ASSERT_EQUAL(s->seg.mss, family == IP_V6 ? 1440 : 1460);
	CU_ASSERT_EQUAL(s->seg.wnd, 65535);
	CU_ASSERT_EQUAL(s->seg.wscale, ws ? 5 : 0);
	if (ts)
		CU_ASSERT_EQUAL(s->seg.ts_ecr, 0xfffffff0);
	h->ts_val = 3;
	h->wnd = 1234;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	tcb = h_tcb(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tcb);
	want = mss == 0 ? (family == IP_V6 ? 1220 : 536) : family == IP_V6 ? 1440 : 1460;
	CU_ASSERT_EQUAL(tcb->mss, want - (ts ? 12 : 0));
	CU_ASSERT_EQUAL((tcb->flags & TF_TS) != 0, ts);
	CU_ASSERT_EQUAL((tcb->flags & TF_WS) != 0, ws);
	CU_ASSERT_EQUAL((tcb->flags & TF_SACK) != 0, (agreed & TCP_OPT_SACK_OK) != 0);
	CU_ASSERT_EQUAL(tcb->wscale, ws ? wscale << 4 | 5 : 0);
	CU_ASSERT_EQUAL(tcp_snd_wnd(tcb), ws ? 1234u << wscale : 1234u);
	CU_ASSERT_EQUAL(tcb->snd_una, h->ack);
	CU_ASSERT_EQUAL(tcb->snd_nxt, h->ack);
	CU_ASSERT_EQUAL(tcb->rcv_nxt, 1001);
	CU_ASSERT_EQUAL(tcp_rcv_wnd(tcb), 65535);
	CU_ASSERT_EQUAL(tcb->ts_recent, ts ? 3 : 0);
	CU_ASSERT_EQUAL(h->all_events, EV_ACCEPTED);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ESTABLISHED], 1);
	h_free(h);
}

static void
listen_ack_cookie_recovers_options(void)
{
	for (unsigned int i = 0; i < 32; i++) {
		const uint8_t opts = (uint8_t)((i & 1 ? TCP_OPT_MSS : 0) |
				(i & 2 ? TCP_OPT_TS : 0) | (i & 4 ? TCP_OPT_WSCALE : 0) |
				(i & 8 ? TCP_OPT_SACK_OK : 0));

		for (unsigned int wscale = 0; wscale <= ((i & 4) != 0 ? 14u : 0u); wscale++)
			options_case(families[i >> 4 & 1], opts, (uint8_t)wscale);
	}
}

/** ECN goes the same way (RFC 3168): asked for, agreed to, and remembered by the timestamp alone. */
static void
listen_ack_cookie_recovers_ecn(void)
{
	static const uint8_t modes[] = {TCP_ECN_OFF, TCP_ECN_PASSIVE, TCP_ECN_ACTIVE};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(modes) * 8; i++) {
		const bool ts = (i & 1) != 0, asked = (i & 2) != 0;
		const uint8_t mode = modes[i / 8];
		const bool agreed = ts && asked && mode != TCP_ECN_OFF;
		struct tcp_conf conf = cookie_conf(TCP_COOKIES_ALWAYS);
		struct tcp_seg bad;
		struct harness *h;

		conf.ecn = mode;
		h = h_new(&conf, families[i >> 2 & 1], SECOND);
		h->opts |= ts ? TCP_OPT_TS : 0;
		CU_ASSERT_EQUAL(h_in(h, (uint8_t)(TCP_SYN | (asked ? TCP_ECE | TCP_CWR : 0)), 0),
				DROP_NONE);
		h_expect(h, (uint8_t)(TCP_SYN | TCP_ACK | (agreed ? TCP_ECE : 0)));
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT], 1);
		if (ts) {
			CU_ASSERT_EQUAL(h->sent[0].seg.ts_val & 0x20, agreed ? 0x20 : 0);
			bad = good_ack(h);
			bad.ts_ecr ^= 0x20;
			refused(h, &bad);
		}
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h_tcb(h));
		CU_ASSERT_EQUAL((h_tcb(h)->flags & TF_ECN) != 0, agreed);
		h_free(h);
	}
}

/** Of the table, the largest that is not above what the peer takes: no peer gets a larger segment than it asked for. */
static void
listen_ack_cookie_mss_never_above_the_peers(void)
{
	static const uint16_t table[] = {48, 536, 1220, 1300, 1400, 1440, 1460, 8960};
	struct tcp_conf conf = cookie_conf(TCP_COOKIES_ALWAYS);

	conf.mtu = 9000;
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(table) * 3 * 4; i++) {
		const bool ts = (i & 1) != 0, v6 = (i & 2) != 0;
		const uint32_t mss = table[i / 4 / 3] + i / 4 % 3 - 1;
		const uint32_t ours = v6 ? 8940 : 8960;
		struct harness *h = h_new(&conf, v6 ? IP_V6 : IP_V4, SECOND);
		uint32_t want = 48;

		for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(table); k++) {
			if (table[k] <= mss && table[k] <= ours)
				want = table[k];
		}
		h->mss = (uint16_t)mss;
		h->opts = (uint8_t)(TCP_OPT_MSS | (ts ? TCP_OPT_TS : 0));
		(void)syn_cookie(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h_tcb(h));
		CU_ASSERT_EQUAL(h_tcb(h)->mss, want - (ts ? 12 : 0));
		h_free(h);
	}
}

/** The handshake's ACK is lost: the client's first text holds the cookie as well; so does its FIN. */
static void
listen_text_or_fin_with_a_cookie(void)
{
	for (unsigned int i = 0; i < 16; i++) {
		const bool text = (i & 1) != 0, fin = (i & 2) != 0, ts = (i & 4) != 0;
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, families[i >> 3], SECOND);

		h->opts |= ts ? ALL_OUT : 0;
		(void)syn_cookie(h);
		h_wait_ms(h, 300);
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in(h, (uint8_t)(TCP_ACK | (fin ? TCP_FIN : 0)), text ? 500 : 0),
				DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), fin ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h->n_received, text ? 500 : 0);
		CU_ASSERT_EQUAL(h->all_events,
				EV_ACCEPTED | (text ? EV_READABLE : 0) |
						(fin ? EV_PEER_CLOSED : 0));
		h_wait_ms(h, 100);
		if (text || fin)
			CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack,
					1001 + (text ? 500u : 0) + fin);
		h_expect_none(h);
		h_free(h);
	}
}

/** Later text comes first, and has no cookie: silence, not RST; the beginning comes again, and all is well. */
static void
listen_text_that_overtook_the_cookie(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		const bool ts = (i & 1) != 0;
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, families[i >> 1], SECOND);

		h->opts |= ts ? ALL_OUT : 0;
		(void)syn_cookie(h);
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1101, h->ack, 100), DROP_TCP_COOKIE);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_FIN, 1201, h->ack, 0), DROP_TCP_COOKIE);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_REFUSED], 2);
		h_expect_none(h);
		/* An ACK alone has nothing to repeat: it is of no connection (RFC 9293 section 3.10.7.2). */
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1201, h->ack, 0), DROP_TCP_NO_CONN);
		h_expect(h, TCP_RST);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_FIN, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
		CU_ASSERT_EQUAL(h->n_received, 200);
		h_free(h);
	}
}

/** Client and server, each segment lost in turn: the client speaks first, and every octet arrives. */
static void
cookies_each_segment_lost(void)
{
	const struct tcp_conf conf = cookie_conf(TCP_COOKIES_ALWAYS);

	for (unsigned int i = 0; i < 2 * 10; i++) {
		struct twin *t = twin_new(&conf, families[i & 1], SECOND, 7 * SECOND);

		t->lose = i / 2;
		(void)h_open(t->h[0]);
		CU_ASSERT_EQUAL(h_write(t->h[0], 5000, 1000), 5000);
		twin_run(t, 20 * SECOND);
		CU_ASSERT_EQUAL(h_state(t->h[0]), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL_FATAL(h_state(t->h[1]), TCP_ESTABLISHED);
		CU_ASSERT(twin_got(t, 1, 5000));
		CU_ASSERT_EQUAL(h_write(t->h[1], 7000, 700), 7000);
		twin_run(t, 20 * SECOND);
		CU_ASSERT(twin_got(t, 0, 7000));
		CU_ASSERT_EQUAL(twin_told(t, 1, EV_ACCEPTED), 1);
		CU_ASSERT_EQUAL(t->h[1]->counters.n[COUNTER_COOKIES_ACCEPTED], 1);
		CU_ASSERT((h_tcb(t->h[1])->flags & (TF_TS | TF_WS)) == (TF_TS | TF_WS));
		CU_ASSERT_EQUAL(h_tcb(t->h[1])->wscale, h_tcb(t->h[0])->wscale);
		CU_ASSERT_EQUAL(h_tcb(t->h[1])->flags & TF_SACK, h_tcb(t->h[0])->flags & TF_SACK);
		twin_free(t);
	}
}

/** No sample without timestamps; with them one that is at most 63 ms too long. */
static void
listen_ack_cookie_rtt(void)
{
	for (unsigned int i = 0; i < 2 * 70; i++) {
		const bool ts = (i & 1) != 0;
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND + i / 2 * 1000);

		h->opts |= ts ? ALL_OUT : 0;
		h->wscale = (uint8_t)(i % 15);
		(void)syn_cookie(h);
		h_wait_ms(h, 80);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h_tcb(h));
		if (ts) {
			CU_ASSERT(h_tcb(h)->srtt >= 80000 && h_tcb(h)->srtt <= 143000);
		} else {
			CU_ASSERT_EQUAL(h_tcb(h)->srtt, 0);
			CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), 1000);
		}
		h_free(h);
	}
}

/** RFC 7323 section 4.1: the clock seen by the peer never goes back, at any time of its own wrap. */
static void
listen_syn_cookie_timestamp_is_never_ahead(void)
{
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND);
	uint32_t offset;

	h->opts = ALL_OUT;
	(void)syn_cookie(h);
	(void)h_in(h, TCP_ACK, 0);
	offset = h_tcb(h)->ts_offset;
	h_free(h);
	for (unsigned int i = 0; i < 3 * 64; i++) {
		/* The peer sees 0xffffffc0 to 0x7f. */
		const uint32_t clock = 0xffffffc0u + i;
		uint32_t shown;

		h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4,
				(time_us_t)(uint32_t)(clock - offset) * TIME_US_PER_MS);
		h->opts = i % 3 == 0 ? TCP_OPT_TS : ALL_OUT;
		h->wscale = (uint8_t)(i * 7 % 15);
		shown = syn_cookie(h)->seg.ts_val;
		CU_ASSERT(clock - shown < 64);
		CU_ASSERT_EQUAL(shown & 15, i % 3 == 0 ? 15 : h->wscale);
		/* In the same millisecond the connection shows no less; nor does a second cookie. */
		h->seq--;
		CU_ASSERT_EQUAL(syn_cookie(h)->seg.ts_val, shown);
		h->ts_ecr = shown;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 5000), DROP_NONE);
		h_wait_ms(h, 40);
		CU_ASSERT(seq_geq(h->sent[h->n_sent - 1].seg.ts_val, shown));
		CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.flags, TCP_ACK);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ how long */

/** Good in its own step and the next: at the very end of it, and no longer. */
static void
listen_ack_cookie_expires(void)
{
	static const struct {
		time_us_t sent, acked; /* in the first step of an hour; after it */
		bool good;
	} c[] = {{0, 1, true}, {0, 2 * STEP - 1000, true}, {0, 2 * STEP, false},
			{STEP - 1000, 1000, true}, {STEP - 1000, STEP, true},
			{STEP - 1000, STEP + 1000, false}, {STEP / 2, 3 * STEP / 2 - 1000, true},
			{STEP / 2, 3 * STEP / 2, false}, {0, 4 * STEP, false},
			{0, 64 * STEP, false}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(c) * 4; i++) {
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, families[i & 1],
				(i & 4) * STEP + 100 * EPOCH + c[i / 4].sent);
		struct tcp_seg ack;

		h->opts |= (i & 2) != 0 ? ALL_OUT : 0;
		(void)syn_cookie(h);
		h_wait(h, c[i / 4].acked);
		/* Cookies sent since then keep the door open: it is the old one itself that is looked at. */
		ack = good_ack(h);
		h->peer_port++;
		h->seq = 77;
		(void)syn_cookie(h);
		h->peer_port--;
		if (c[i / 4].good) {
			CU_ASSERT_EQUAL(h_inject(h, &ack, NULL, 0), DROP_NONE);
			CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		} else {
			refused(h, &ack);
		}
		h_free(h);
	}
}

/** When none was sent within their lifetime nothing is looked at: an ACK costs a RST, as ever. */
static void
listen_ack_no_cookie_was_sent(void)
{
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, 10 * STEP);

	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1, 1, 0), DROP_TCP_NO_CONN);
	h_expect(h, TCP_RST);
	(void)syn_cookie(h);
	h_wait(h, 2 * STEP - 1000);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1, 1, 0), DROP_TCP_NO_CONN);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_REFUSED], 1);
	h_wait(h, 1000);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1, 1, 0), DROP_TCP_NO_CONN);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_REFUSED], 1);
	/* In the very first step there is none before it. */
	h_free(h);
	h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, 0);
	(void)syn_cookie(h);
	for (uint32_t bit = 0; bit < 16; bit++) {
		struct tcp_seg ack = good_ack(h);

		if (bit == 0)
			continue;
		ack.ack = (((ack.ack - 1) ^ bit)) + 1;
		refused(h, &ack);
	}
	h_free(h);
}

/** Two keys: the old one is good for the cookies of its last step, in the first of the next epoch, and then gone. */
static void
listen_ack_cookie_across_a_change_of_keys(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		const bool late = (i & 1) != 0, other = (i & 2) != 0;
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, families[i >> 2],
				(5 + (i & 1)) * EPOCH - STEP / 2);
		struct siphash_key before[2];
		struct tcp_seg ack;

		memcpy(before, h->ctx->cookie.key, sizeof(before));
		(void)syn_cookie(h);
		ack = good_ack(h);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIE_KEYS], 0);
		h_wait(h, STEP / 2);
		if (other) {
			/* The change comes with a cookie of somebody else's. */
			h->peer_port++;
			(void)syn_cookie(h);
			h->peer_port--;
			CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIE_KEYS], 1);
		}
		h_wait(h, late ? STEP - 1000 : 1000);
		CU_ASSERT_EQUAL(h_inject(h, &ack, NULL, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIE_KEYS], 1);
		/* One is as it was, the other is new and like neither. */
		for (unsigned int k = 0; k < 2; k++) {
			const struct siphash_key *now = &h->ctx->cookie.key[k];
			const bool same = memcmp(now, &before[k], sizeof(*now)) == 0;

			CU_ASSERT_EQUAL(same, k == ((h->ctx->cookie.epoch - 1) & 1));
			CU_ASSERT(memcmp(now, &before[!k], sizeof(*now)) != 0);
		}
		h_free(h);
	}
}

/** Nobody asked for epochs: both keys are made anew. And two workers with one secret agree, whatever their past. */
static void
listen_ack_cookie_of_another_worker(void)
{
	struct harness *a = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND);
	struct harness *b = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, 2 * SECOND);
	struct tcp_seg ack;

	(void)syn_cookie(a);
	h_wait(a, 1000 * EPOCH - STEP / 2 - a->ctx->now);
	a->seq = 5;
	(void)syn_cookie(a);
	ack = good_ack(a);
	/* In the next epoch, at the other one, whose listener has sent some too. */
	h_wait(b, 1000 * EPOCH + STEP / 4 - b->ctx->now);
	b->peer_port++;
	(void)syn_cookie(b);
	b->peer_port--;
	CU_ASSERT_EQUAL(h_inject(b, &ack, NULL, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(b), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(a->counters.n[COUNTER_COOKIE_KEYS], 1);
	CU_ASSERT_EQUAL(b->counters.n[COUNTER_COOKIE_KEYS], 1);
	h_free(b);
	h_free(a);
}

/* ------------------------------------------------------------------ what is no cookie */

/** Every bit of the number, and each part of the tuple and of what the MAC covers besides. */
static void
listen_ack_cookie_wrong_in_one_field(void)
{
	for (unsigned int f = 0; f < 4; f++) {
		const bool ts = (f & 1) != 0;
		struct harness *h = cookie_new(
				TCP_COOKIES_ALWAYS, families[f >> 1], 77 * STEP + STEP / 2);
		const int other = tcp_listen(
				h->ctx, families[f >> 1] == IP_V4 ? 0 : 4, 81, 9, 0, 0, NULL);
		struct tcp_seg good, bad;

		CU_ASSERT_FATAL(other >= 0);
		h->ctx->listeners->l[other].cookie_step = 78;
		h->opts = ts ? ALL_OUT : TCP_OPT_MSS;
		h->wscale = 7;
		(void)syn_cookie(h);
		good = good_ack(h);
		for (unsigned int bit = 0; bit < 32; bit++) {
			bad = good;
			bad.ack = ((good.ack - 1) ^ 1u << bit) + 1;
			refused(h, &bad);
			bad = good;
			bad.seq = ((good.seq - 1) ^ 1u << bit) + 1;
			refused(h, &bad);
			if (ts) {
				bad = good;
				bad.ts_ecr ^= 1u << bit;
				if (bit < 6 || bit >= 17)
					refused(h, &bad);
			}
		}
		bad = good;
		bad.ack--;
		refused(h, &bad);
		bad = good;
		h->peer_port++;
		refused(h, &bad);
		h->peer_port--;
		h->peer.b[3] ^= 1;
		bad = good;
		refused(h, &bad);
		h->peer.b[3] ^= 1;
		h->our_port = 81;
		bad = good;
		refused(h, &bad);
		h->our_port = 80;
		/* With a timestamp that was not agreed on, or without one that was. */
		bad = good;
		bad.opts ^= TCP_OPT_TS;
		bad.ts_ecr = good.ts_ecr | 63;
		refused(h, &bad);
		if (ts) {
			bad = good;
			bad.ts_ecr += 64; /* of the future */
			refused(h, &bad);
			bad.ts_ecr = good.ts_ecr - 3 * TCP_COOKIE_STEP_MS; /* a multiple of 64 */
			refused(h, &bad);
		}
		CU_ASSERT_EQUAL(h_inject(h, &good, NULL, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)other), 0);
		h_free(h);
	}
}

/** A cookie is answered by an ACK: SYN,ACK, RST and segments without ACK open nothing. */
static void
listen_cookie_with_other_flags(void)
{
	static const uint8_t flags[] = {TCP_SYN | TCP_ACK, TCP_RST | TCP_ACK, TCP_RST, TCP_PSH,
			TCP_FIN, TCP_SYN | TCP_FIN | TCP_ACK, TCP_SYN | TCP_RST | TCP_ACK};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(flags); i++) {
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, SECOND);
		struct tcp_seg ack;

		(void)syn_cookie(h);
		ack = good_ack(h);
		ack.flags = flags[i];
		CU_ASSERT_NOT_EQUAL(h_inject(h, &ack, NULL, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
		h_free(h);
	}
}

/** A SYN and its duplicate, the first answered by a cookie and the second by a record: the peer took the first. */
static void
syn_received_ack_of_an_earlier_cookie(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		const bool ts = (i & 1) != 0, text = (i & 2) != 0;
		struct tcp_conf conf = cookie_conf(TCP_COOKIES_AUTO);
		struct tcp_seg ack;
		struct harness *h;
		int64_t open[4];

		conf.max_half_open = 1;
		h = h_new(&conf, families[i >> 2], SECOND);
		h->opts |= ts ? ALL_OUT : 0;
		h->peer_port = 100;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
		h->peer_port = 101;
		(void)syn_cookie(h);
		ack = good_ack(h);
		h->peer_port = 100;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
		h->peer_port = 101;
		h_wait_ms(h, 1000);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
		CU_ASSERT_NOT_EQUAL(h->ack, ack.ack);
		/* What neither has sent is still wrong. */
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, ack.ack + 1, 0), DROP_TCP_ACK_UNSENT);
		CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, ack.ack + 1);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
		/* While there is no TCB the record waits, whichever of the two it will be. */
		h->ctx->tcb_pool.size -= 60;
		for (uint16_t k = 0; k < 4; k++)
			open[k] = tcp_open(h->ctx,
					&(struct tcp_open_args){.laddr = i >> 2 ? 4 : 0,
							.rport = 9,
							.raddr = h->peer});
		CU_ASSERT_EQUAL(h_inject(h, &ack, NULL, 0), DROP_TCP_NO_TCB);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
		for (uint16_t k = 0; k < 4; k++)
			CU_ASSERT_EQUAL(tcp_abort(h->ctx, tcp_at(h->ctx, (uint32_t)open[k])), 0);
		h_pump(h);
		h->ctx->tcb_pool.size += 60;
		CU_ASSERT_EQUAL(h_inject(h, &ack, (const uint8_t[9]){0}, text ? 9 : 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h->n_received, text ? 9 : 0);
		CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED], 1);
		h_free(h);
	}
}

/**
 * The same, and the segment with the cookie was lost: later text, or the ACK by which the peer refuses the record's SYN,ACK.
 * The record knows the IRS, so both hold the cookie as well.
 */
static void
syn_received_later_segments_of_an_earlier_cookie(void)
{
	for (unsigned int i = 0; i < 32; i++) {
		const bool ts = (i & 1) != 0, text = (i & 2) != 0, fin = (i & 4) != 0;
		const bool plain = (i & 8) != 0; /* the second SYN has no options any more */
		struct tcp_conf conf = cookie_conf(TCP_COOKIES_AUTO);
		struct tcp_seg ack;
		struct harness *h;

		conf.max_half_open = 1;
		conf.mem_max = 32768;
		h = h_new(&conf, families[i >> 4], SECOND);
		h->opts |= ts ? ALL_OUT : 0;
		h->ts_val = 0x90000000;
		h->peer_port = 100;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
		h->peer_port = 101;
		(void)syn_cookie(h);
		ack = good_ack(h);
		h->peer_port = 100;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
		h->peer_port = 101;
		h_wait_ms(h, 1000);
		h->opts = plain ? 0 : h->opts;
		h->ctx->mem.scarce = true;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
		h->opts = ts ? ALL_OUT : TCP_OPT_MSS;
		h_forget(h);
		ack.seq = 1101;
		ack.ts_val += plain ? 0 : 5;
		ack.flags |= fin ? TCP_FIN : 0;
		CU_ASSERT_EQUAL(h_inject(h, &ack, (const uint8_t[100]){0}, text ? 100 : 0),
				DROP_NONE);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_RST_OUT], 0);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_tcb(h)->rcv_nxt, 1001);
		/* What the cookie's SYN,ACK told, though the record could tell less. */
		CU_ASSERT_EQUAL(h_tcb(h)->rcv_adv, 1001 + 65535);
		CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED], 1);
		CU_ASSERT_EQUAL(h->n_received, 0);
		/* What was lost or overtaken, and so is older, fills the gap. */
		h->ack = ack.ack;
		h->ts_ecr = ack.ts_ecr;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, ack.ack, 100), DROP_NONE);
		CU_ASSERT_EQUAL(h->n_received, text ? 200 : 100);
		CU_ASSERT_EQUAL(h_state(h), fin ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
		h_free(h);
	}
}

/** The window that SYN,ACK told stands, though memory is scarce when the ACK comes (RFC 9293 section 3.8.6: no shrinking). */
static void
listen_ack_cookie_keeps_the_window(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct tcp_conf conf = cookie_conf(TCP_COOKIES_ALWAYS);
		struct harness *h;
		uint32_t told;

		conf.rcv_buf = i == 0 ? 1u << 20 : 20000;
		conf.mem_max = 32768;
		h = h_new(&conf, IP_V4, SECOND);
		h->auto_read = false;
		told = syn_cookie(h)->seg.wnd;
		CU_ASSERT_EQUAL(told, i == 0 ? 65535 : 20000);
		h->ctx->mem.scarce = true;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(tcp_rcv_wnd(h_tcb(h)), told);
		for (unsigned int k = 0; k < 13; k++)
			CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1460), DROP_NONE);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 13 * 1460);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ unguessable */

/** Every bit of the ISN changes with every part of its input in half of the cases: 5 sigma of 4,096. */
static void
bad_input_27_cookies_show_nothing(void)
{
	enum { N = 4096, SLACK = 5 * 32 };
	static const char *const what[] = {"port", "IRS", "MSS", "step", "address"};

	for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(what); k++) {
		struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, 1000 * STEP);
		unsigned int flips[32] = {0}, ones[32] = {0};
		uint64_t seed = 4711 + k;

		h->no_check = true;
		for (unsigned int i = 0; i < N; i++) {
			uint32_t one, two;

			h->peer = ip_addr_v4((uint32_t)random_next(&seed) | 1);
			h->peer_port = (uint16_t)(1 + random_below(&seed, 65000));
			h->seq = (uint32_t)random_next(&seed);
			h->mss = 1460;
			one = syn_cookie(h)->seg.seq;
			h->seq--;
			h->peer_port = (uint16_t)(h->peer_port + (k == 0));
			h->seq += k == 1;
			h->mss = (uint16_t)(1460 - (k == 2) * 60);
			tcp_set_time(h->ctx, h->ctx->now + (k == 3) * STEP);
			h->peer.v4 ^= (k == 4) * 0x01000000u;
			two = syn_cookie(h)->seg.seq;
			for (unsigned int bit = 0; bit < 32; bit++) {
				flips[bit] += (one ^ two) >> bit & 1;
				ones[bit] += one >> bit & 1;
			}
			h_forget(h);
		}
		for (unsigned int bit = 0; bit < 32; bit++) {
			/* The four below the MAC hold the step and the MSS under a mask of the tuple and the IRS. */
			if (bit >= 4 || k == 0 || k == 1 || k == 4)
				CU_ASSERT(flips[bit] > N / 2 - SLACK && flips[bit] < N / 2 + SLACK);
			CU_ASSERT(ones[bit] > N / 2 - SLACK && ones[bit] < N / 2 + SLACK);
		}
		h->no_check = false;
		h_free(h);
	}
}

/* ------------------------------------------------------------------ floods */

/** Take what the core has to say, without a log. @return segments; the last SYN,ACK in @p syn_ack */
static unsigned int
drain(struct harness *h, struct tcp_seg *syn_ack)
{
	const struct tcp_seg *r;
	unsigned int n = 0;

	while ((r = tcp_reply_next(h->ctx)) != NULL) {
		n++;
		if (syn_ack != NULL && (r->flags & TCP_SYN) != 0)
			*syn_ack = *r;
	}
	return n;
}

static struct tcp_seg
spoofed(struct harness *h, uint64_t *seed, uint8_t flags)
{
	const uint64_t a = random_next(seed), b = random_next(seed);
	const struct tcp_seg seg = {.src = ip_addr_v4((uint32_t)a),
			.dst = laddr_get(&h->laddr, 0),
			.sport = (uint16_t)((a >> 32) | 1),
			.dport = 80,
			.seq = (uint32_t)b,
			.ack = (flags & TCP_ACK) != 0 ? (uint32_t)(b >> 32) : 0,
			.wnd = 1000,
			.flags = flags,
			.family = IP_V4,
			.opts = TCP_OPT_MSS,
			.mss = 1460};

	return seg;
}

/** A client that does it right, in the middle of the flood. @return whether it is connected in the end */
static bool
client_connects(struct harness *h, uint16_t port)
{
	struct tcp_seg seg = {.src = h->peer,
			.dst = laddr_get(&h->laddr, 0),
			.sport = port,
			.dport = 80,
			.seq = 1000,
			.wnd = 1000,
			.flags = TCP_SYN,
			.family = IP_V4,
			.opts = ALL_OUT,
			.mss = 1460,
			.wscale = 7,
			.ts_val = 5};
	struct tcp_seg syn_ack = {.flags = 0};

	tcp_hash(h->ctx, &seg);
	(void)tcp_segment_arrives(h->ctx, &seg);
	(void)drain(h, &syn_ack);
	if ((syn_ack.flags & TCP_SYN) == 0 || syn_ack.dport != port)
		return false;
	tcp_set_time(h->ctx, h->ctx->now + 20000);
	seg.flags = TCP_ACK;
	seg.seq = 1001;
	seg.ack = syn_ack.seq + 1;
	seg.opts = TCP_OPT_TS;
	seg.ts_ecr = syn_ack.ts_val;
	(void)tcp_segment_arrives(h->ctx, &seg);
	h->peer_port = port;
	return h_state(h) == TCP_ESTABLISHED && (h_tcb(h)->wscale >> 4) == 7;
}

/**
 * A million spoofed SYNs, 50,000 a second: half-open memory is fixed, no TCB is touched, and whoever is real gets in by
 * AUTO and ALWAYS; without cookies nobody does.
 */
static void
bad_input_31_syn_flood(void)
{
	enum { FLOOD = 1000000, CLIENTS = 50 };

	for (unsigned int mode = 0; mode < TCP_COOKIES_MAX; mode++) {
		struct tcp_conf conf = cookie_conf((enum tcp_cookies)mode);
		uint64_t seed = 31 + mode;
		struct harness *h;
		uint32_t in = 0;

		conf.max_tcbs = 4096;
		conf.max_timewait = 8192;
		conf.max_half_open = 1024;
		h = h_new(&conf, IP_V4, 1000 * STEP - 10 * SECOND);
		h->ctx->listeners->l[h->listener].backlog = 1u << 30;
		for (uint32_t i = 0; i < FLOOD; i++) {
			struct tcp_seg seg = spoofed(h, &seed, TCP_SYN);

			tcp_hash(h->ctx, &seg);
			(void)tcp_segment_arrives(h->ctx, &seg);
			if (i % 32 == 0) {
				(void)drain(h, NULL);
				tcp_set_time(h->ctx, h->ctx->now + 32 * 20);
				(void)tcp_advance(h->ctx, 1000);
			}
			if (i % (FLOOD / CLIENTS) == FLOOD / CLIENTS - 1) {
				(void)drain(h, NULL);
				in += client_connects(h, (uint16_t)(100 + i / (FLOOD / CLIENTS)));
				CU_ASSERT_PTR_NULL(tcp_check(h->ctx, PTCP_NIL));
			}
		}
		CU_ASSERT_EQUAL(in, mode == TCP_COOKIES_NEVER ? 0 : CLIENTS);
		CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, mode == TCP_COOKIES_ALWAYS ? 0 : 1024);
		CU_ASSERT(h->ctx->half_pool.peak <= 1024);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, in);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED], in);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_SENT],
				mode == TCP_COOKIES_NEVER                ? 0 :
						mode == TCP_COOKIES_AUTO ? FLOOD + CLIENTS - 1024 :
									   FLOOD + CLIENTS);
		CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_BACKLOG],
				mode == TCP_COOKIES_NEVER ? FLOOD + CLIENTS - 1024 : 0);
		CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 0);
		h_pump(h);
		h_forget(h);
		/* R2 clears the records away. */
		for (unsigned int s = 0; s < 200; s++) {
			tcp_set_time(h->ctx, h->ctx->now + SECOND);
			(void)tcp_advance(h->ctx, 100000);
			(void)drain(h, NULL);
		}
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_HALF_OPEN_EXPIRED],
				mode == TCP_COOKIES_ALWAYS ? 0 : 1024);
		h_free(h);
	}
}

/** A million ACKs that hold no cookie while cookies are out: a RST each, and nothing is kept. */
static void
bad_input_31_forged_ack_flood(void)
{
	enum { FLOOD = 1000000 };
	struct harness *h = cookie_new(TCP_COOKIES_ALWAYS, IP_V4, 1000 * STEP);
	uint64_t seed = 3131;
	uint32_t replies = 0;

	(void)syn_cookie(h);
	for (uint32_t i = 0; i < FLOOD; i++) {
		struct tcp_seg seg = spoofed(h, &seed, TCP_ACK);

		tcp_hash(h->ctx, &seg);
		(void)tcp_segment_arrives(h->ctx, &seg);
		if (i % 64 == 63)
			replies += drain(h, NULL);
	}
	CU_ASSERT_EQUAL(replies, FLOOD);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RST_OUT], FLOOD);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_REFUSED], FLOOD);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED], 0);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used + h->ctx->half_pool.n_used, 0);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** Without timestamps of our own a peer's mean nothing: the cookie is a plain one, whatever its ACK carries. */
static void
timestamps_that_are_off(void)
{
	struct tcp_conf conf = cookie_conf(TCP_COOKIES_ALWAYS);
	const struct h_seg *s;
	struct tcp_seg seg;
	struct harness *h;

	conf.timestamps = false;
	h = h_new(&conf, IP_V4, SECOND);
	h->opts = ALL_OUT;
	h->ts_val = 5;
	s = syn_cookie(h);
	CU_ASSERT_EQUAL(s->seg.opts & (TCP_OPT_TS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK), 0);
	seg = good_ack(h);
	CU_ASSERT_NOT_EQUAL(seg.opts & TCP_OPT_TS, 0);
	CU_ASSERT_EQUAL(h_inject(h, &seg, NULL, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & (TF_TS | TF_WS | TF_SACK), 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_COOKIES_ACCEPTED], 1);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(listen_syn_when_cookies_are_sent),
		TEST(listen_syn_records_again_when_there_is_room),
		TEST(listen_syn_no_cookie_without_a_tcb),
		TEST(listen_syn_no_cookie_while_draining),
		TEST(listen_syn_cookie_without_a_reply),
		TEST(time_wait_syn_takes_a_record_not_a_cookie),
		TEST(listen_ack_cookie_recovers_options),
		TEST(listen_ack_cookie_recovers_ecn),
		TEST(listen_ack_cookie_mss_never_above_the_peers),
		TEST(listen_text_or_fin_with_a_cookie),
		TEST(listen_text_that_overtook_the_cookie),
		TEST(cookies_each_segment_lost),
		TEST(listen_ack_cookie_rtt),
		TEST(listen_syn_cookie_timestamp_is_never_ahead),
		TEST(listen_ack_cookie_expires),
		TEST(listen_ack_no_cookie_was_sent),
		TEST(listen_ack_cookie_across_a_change_of_keys),
		TEST(listen_ack_cookie_of_another_worker),
		TEST(listen_ack_cookie_wrong_in_one_field),
		TEST(listen_cookie_with_other_flags),
		TEST(syn_received_ack_of_an_earlier_cookie),
		TEST(syn_received_later_segments_of_an_earlier_cookie),
		TEST(listen_ack_cookie_keeps_the_window),
		TEST(bad_input_27_cookies_show_nothing),
		TEST(bad_input_31_syn_flood),
		TEST(bad_input_31_forged_ack_flood),
		TEST(timestamps_that_are_off),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("cookies", tests)
