/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Half-open connections of listeners are records: RFC 9293 section 3.10.7.4 for SYN-RECEIVED in full (the state table is
 * in test_states.c), their deadlines, their limits, and how a TCB takes a record's place.
 */
#include "harness.h"

#include "random.h"

#include <errno.h>
#include <string.h>

#define SECOND ((time_us_t)TIME_US_PER_SEC)

static const enum ip_family families[] = {IP_V4, IP_V6};

static struct listener *
listener_of(struct harness *h)
{
	return &h->ctx->listeners->l[h->listener];
}

/** Records, as everything that counts them says. */
static bool
half_open(struct harness *h, uint32_t n)
{
	return h->ctx->half_pool.n_used == n && h->ctx->half_table.n_used == n &&
			h->ctx->n_state[TCP_SYN_RECEIVED] == n && listener_of(h)->n_half_open == n;
}

static enum drop_reason
syn_from(struct harness *h, uint16_t port)
{
	h->peer_port = port;
	h->seq = 1000;
	return h_in(h, TCP_SYN, 0);
}

/** The last SYN,ACK that went to @p port: its acknowledgment. */
static uint32_t
ack_for(const struct harness *h, uint16_t port)
{
	for (unsigned int i = h->n_sent; i-- > 0;) {
		const struct tcp_seg *s = &h->sent[i].seg;

		if (s->dport == port && (s->flags & TCP_SYN) != 0)
			return s->seq + 1;
	}
	CU_FAIL("no SYN,ACK");
	return 0;
}

static enum drop_reason
ack_from(struct harness *h, uint16_t port)
{
	h->peer_port = port;
	h->seq = 1001;
	h->ack = ack_for(h, port);
	return h_in(h, TCP_ACK, 0);
}

/** Segments in the middle of a burst: nothing is pulled after them. */
static enum drop_reason
burst_syn(struct harness *h, uint16_t port)
{
	struct tcp_seg seg = {.src = h->peer,
			.dst = laddr_get(&h->laddr, 0),
			.sport = port,
			.dport = h->our_port,
			.family = IP_V4,
			.seq = 1000,
			.wnd = h->wnd,
			.flags = TCP_SYN};

	tcp_hash(h->ctx, &seg);
	return tcp_segment_arrives(h->ctx, &seg);
}

/* ------------------------------------------------------------------ the record and the TCB after it */

static void
syn_received_costs_a_line_and_no_tcb(void)
{
	struct tcp_conf conf = h_conf();
	size_t size;
	struct harness *h;

	CU_ASSERT_EQUAL(sizeof(struct tcp_half), PTCP_CACHE_LINE);
	conf.max_half_open = 16;
	size = tcp_memory_size(&conf);
	conf.max_half_open = 16 + 1024;
	/* A line, an address, and at most 12 bytes of table. */
	CU_ASSERT(tcp_memory_size(&conf) - size <= 1024 * (64 + 16 + 12) + 64);
	for (unsigned int f = 0; f < 2; f++) {
		h = h_new(&conf, families[f], SECOND);
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
		CU_ASSERT_PTR_NULL(h_tcb(h));
		CU_ASSERT_EQUAL((uintptr_t)h_half(h) % PTCP_CACHE_LINE, 0);
		CU_ASSERT(half_open(h, 1));
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_OPENED], 1);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT(half_open(h, 0));
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 1);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_OPENED], 1);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAILED], 0);
		h_free(h);
	}
}

/** Whatever was agreed on goes over into the TCB: every offer against every configuration. */
static void
syn_received_ack_hands_over_what_was_agreed(void)
{
	for (unsigned int i = 0; i < 128; i++) {
		const bool ts = (i & 1) != 0, ws = (i & 2) != 0, v6 = (i & 4) != 0;
		const bool our_ts = (i & 8) != 0, our_ws = (i & 16) != 0;
		const bool sack = (i & 32) != 0, our_sack = (i & 64) != 0;
		struct tcp_conf conf = h_conf();
		const struct tcp_tcb *tcb;
		struct harness *h;
		uint32_t mss;

		conf.timestamps = our_ts;
		conf.window_scale = our_ws;
		conf.sack = our_sack;
		conf.rcv_buf = 1u << 20;
		h = h_new(&conf, v6 ? IP_V6 : IP_V4, SECOND);
		h->opts = (uint8_t)(TCP_OPT_MSS | (ts ? TCP_OPT_TS : 0) |
				(ws ? TCP_OPT_WSCALE : 0) | (sack ? TCP_OPT_SACK_OK : 0));
		h->wscale = 9;
		h->mss = 1300;
		h->ts_val = 777;
		h->wnd = 40000;
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		h_wait_ms(h, 70);
		h->wnd = 50;
		h->ts_val = 847;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		tcb = h_tcb(h);
		CU_ASSERT_PTR_NOT_NULL_FATAL(tcb);
		mss = 1300 - (ts && our_ts ? 12 : 0);
		CU_ASSERT_EQUAL(tcb->mss, mss);
		CU_ASSERT_EQUAL((tcb->flags & TF_TS) != 0, ts && our_ts);
		CU_ASSERT_EQUAL((tcb->flags & TF_WS) != 0, ws && our_ws);
		CU_ASSERT_EQUAL((tcb->flags & TF_SACK) != 0,
				(h->sent[0].seg.opts & TCP_OPT_SACK_OK) != 0);
		CU_ASSERT_EQUAL(tcb->wscale, ws && our_ws ? 9 << 4 | 5 : 0);
		CU_ASSERT_EQUAL(tcp_snd_wnd(tcb), ws && our_ws ? 50u << 9 : 50u);
		/* RFC 5961 section 5.2 counts the SYN's window too, which is not scaled. */
		CU_ASSERT_EQUAL(tcb->max_wnd, ws && our_ws ? 40000 >> 9 : 40000);
		CU_ASSERT_EQUAL(tcb->snd_una, h->ack);
		CU_ASSERT_EQUAL(tcb->snd_nxt, h->ack);
		CU_ASSERT_EQUAL(tcb->rcv_nxt, 1001);
		CU_ASSERT_EQUAL(tcp_rcv_wnd(tcb), 65535);
		CU_ASSERT_EQUAL(tcb->srtt, 70000);
		if (ts && our_ts) {
			CU_ASSERT_EQUAL(tcb->ts_recent, 847);
			CU_ASSERT_EQUAL(tcb->ts_offset + h->ctx->now_ms - 70,
					h->sent[0].seg.ts_val);
		}
		CU_ASSERT_EQUAL(tcb->t_recv, h->ctx->now_ms);
		CU_ASSERT_EQUAL(h->all_events, EV_ACCEPTED);
		h_free(h);
	}
}

/** The listener's callbacks, argument and profile, as they are when the handshake ends. */
static void
syn_received_ack_takes_the_listeners_profile(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	int arg, l = tcp_listen(h->ctx, 0, 81, 4, 3, 0, &arg);
	const int keep = h_keep(h->ctx, true, 5000, 1000, 3);

	CU_ASSERT_FATAL(l >= 0 && keep > 0);
	h->our_port = 81;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h->ctx->profile[0].refs, 3);
	CU_ASSERT_EQUAL(tcp_listen_profile(h->ctx, (uint16_t)l, (uint8_t)keep), 0);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h_tcb(h));
	CU_ASSERT_EQUAL(h_tcb(h)->ops, 3);
	CU_ASSERT_PTR_EQUAL(h_tcb(h)->arg, &arg);
	CU_ASSERT_EQUAL(h_tcb(h)->profile, keep);
	CU_ASSERT_EQUAL(h->ctx->profile[keep].refs, 2);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)l), 0);
	h_free(h);
}

/** The ACK's own text and FIN are processed; urgent or not, in order or not. */
static void
syn_received_ack_with_text_and_fin(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);

		(void)h_in(h, TCP_SYN, 0);
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH | TCP_FIN, 300), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
		CU_ASSERT_EQUAL(h->all_events, EV_ACCEPTED | EV_READABLE | EV_PEER_CLOSED);
		CU_ASSERT_EQUAL(h->n_received, 300);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1302);
		h_expect_none(h);
		h_free(h);
	}
}

/** Karn: one SYN,ACK gives a sample; two give none, unless a timestamp tells which. Only a timeout makes RTO 3 s. */
static void
syn_received_rtt_sample(void)
{
	static const struct {
		bool ts, timeout, again;
		uint32_t srtt, rto;
	} c[] = {{false, false, false, 90000, 270}, {true, false, false, 90000, 270},
			{false, true, false, 0, 3000}, {true, true, false, 90000, 270},
			{false, false, true, 0, 1000}, {true, false, true, 90000, 270}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(c); i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);

		h->opts |= c[i].ts ? TCP_OPT_TS : 0;
		(void)h_in(h, TCP_SYN, 0);
		if (c[i].timeout)
			h_wait_ms(h, 1000);
		if (c[i].again)
			(void)h_in_at(h, TCP_SYN, 1000, 0, 0);
		CU_ASSERT_EQUAL(h->n_sent, 1u + c[i].timeout + c[i].again);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], h->n_sent - 1);
		h_wait_ms(h, 90);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_tcb(h)->srtt, c[i].srtt);
		CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), c[i].rto);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ unacceptable segments */

/** At most one answer in 500 ms; text gets its ACK always. Ages of 2^16 ms and across the wrap of the clock. */
static void
syn_received_unacceptable_answers_are_limited(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.syn_r2_ms = 86400000;
	conf.rto_initial_ms = 60000;
	h = h_new(&conf, IP_V4, ((1ull << 32) - 70000) * TIME_US_PER_MS);
	(void)h_in(h, TCP_SYN, 0);
	for (unsigned int i = 0; i < 4; i++) {
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1000, h->ack, 0), DROP_TCP_SEQ);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.seq, h->ack);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1000, h->ack, 0), DROP_TCP_SEQ);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1002, 0, 0), DROP_TCP_RST_CHALLENGED);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_TCP_SEQ);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 700, 0, 0), DROP_TCP_SEQ);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 900, h->ack, 50), DROP_TCP_SEQ);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1001);
		h_wait_ms(h, 499);
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1002, 0, 0), DROP_TCP_RST_CHALLENGED);
		h_expect_none(h);
		h_wait_ms(h, 65536 - 499);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ACKS_LIMITED], 4 * 4);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_CHALLENGE_ACKS], 4 * 2);
	CU_ASSERT(half_open(h, 1));
	h_free(h);
}

/** Text does not bring an old RST into the window; and an answer for which the ring has no room is as good as lost. */
static void
syn_received_old_rst_with_text_and_no_room_for_an_answer(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	struct tcp_seg seg;

	(void)h_in(h, TCP_SYN, 0);
	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1000, 0, 10), DROP_TCP_SEQ);
	h_expect_none(h);
	for (uint16_t i = 0; i < TCP_REPLY_MAX; i++) {
		seg = (struct tcp_seg){.src = h->peer,
				.dst = laddr_get(&h->laddr, 0),
				.sport = (uint16_t)(1 + i),
				.dport = 9,
				.family = IP_V4,
				.flags = TCP_ACK};
		tcp_hash(h->ctx, &seg);
		CU_ASSERT_EQUAL(tcp_segment_arrives(h->ctx, &seg), DROP_TCP_NO_CONN);
	}
	seg.sport = h->peer_port;
	seg.dport = 80;
	seg.seq = 1000;
	tcp_hash(h->ctx, &seg);
	CU_ASSERT_EQUAL(tcp_segment_arrives(h->ctx, &seg), DROP_TCP_SEQ);
	h_pump(h);
	CU_ASSERT_EQUAL(h->n_sent, 1 + TCP_REPLY_MAX);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_CHALLENGE_ACKS], 0);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 0);
	CU_ASSERT(half_open(h, 1));
	h_free(h);
}

/** RFC 7323 section 5.2: the RST of a listener that closes has the connection's own clock. */
static void
syn_received_unlisten_rst_with_timestamp(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = h_new(NULL, families[i & 1], SECOND);
		const struct h_seg *s;
		uint32_t ts_val;

		h->opts |= (i & 2) != 0 ? TCP_OPT_TS : 0;
		h->ts_val = 7;
		(void)h_in(h, TCP_SYN, 0);
		ts_val = h->sent[0].seg.ts_val;
		h->seen = h->n_sent;
		h_wait_ms(h, 5);
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)h->listener), 0);
		h_pump(h);
		s = h_expect(h, TCP_RST);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->seg.seq, h->ack);
		CU_ASSERT_EQUAL(s->seg.opts, (i & 2) != 0 ? TCP_OPT_TS : 0);
		CU_ASSERT_EQUAL(s->seg.ts_val, (i & 2) != 0 ? ts_val + 5 : 0);
		CU_ASSERT_EQUAL(s->seg.ts_ecr, 0);
		h_free(h);
	}
}

/** What tcp_check() promises, it notices. */
static void
syn_received_check_notices(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	struct tcp_half *half, saved;

	(void)h_in(h, TCP_SYN, 0);
	half = h_half(h);
	saved = *half;
	CU_ASSERT_PTR_NULL(tcp_check(h->ctx, PTCP_NIL));
	half->flags &= (uint8_t)~HALF_SENT;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	*half = saved;
	half->rcv_adv = half->irs;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	*half = saved;
	half->id.aux = LISTENERS_MAX - 1;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	half->id.aux = LISTENERS_MAX;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	*half = saved;
	half->flags = 0;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	*half = saved;
	listener_of(h)->n_half_open++;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	listener_of(h)->n_half_open--;
	h->ctx->half_table.n_used++;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	h->ctx->half_table.n_used--;
	h->ctx->n_state[TCP_SYN_RECEIVED]++;
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	h->ctx->n_state[TCP_SYN_RECEIVED]--;
	wheel_cancel(&h->ctx->half_wheel, (uint32_t)(half - h->ctx->half));
	CU_ASSERT_PTR_NOT_NULL(tcp_check(h->ctx, PTCP_NIL));
	wheel_arm(&h->ctx->half_wheel, (uint32_t)(half - h->ctx->half), half->t_rexmt);
	CU_ASSERT_PTR_NULL(tcp_check(h->ctx, PTCP_NIL));
	h_free(h);
}

/** RFC 7323: PAWS, timestamps missing, and ts_recent moves on with what is acceptable at Last.ACK.sent. */
static void
syn_received_timestamps(void)
{
	struct harness *h = h_new(NULL, IP_V6, SECOND);

	h->opts |= TCP_OPT_TS;
	h->ts_val = UINT32_MAX;
	(void)h_in(h, TCP_SYN, 0);
	h->seen = h->n_sent;
	h->ts_val = UINT32_MAX - 1;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack, 0), DROP_TCP_PAWS);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ts_ecr, UINT32_MAX);
	/* A RST has no timestamp to be looked at (RFC 7323 section 5.2). */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1002, 0, 0), DROP_TCP_RST_CHALLENGED);
	h->opts = TCP_OPT_MSS;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack, 0), DROP_TCP_NO_TS);
	h_expect_none(h);
	/* Whose ACK is unacceptable is not believed its timestamp either: else one guess would shut the peer out. */
	h->opts |= TCP_OPT_TS;
	h->ts_val = 5;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack + 1, 0), DROP_TCP_ACK_UNSENT);
	CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, h->ack + 1);
	CU_ASSERT_EQUAL(h_half(h)->ts_recent, UINT32_MAX);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.flags, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.ts_ecr, UINT32_MAX);
	h->ts_val = UINT32_MAX - 1;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack, 0), DROP_TCP_PAWS);
	h->ts_val = 4;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** RST and SYN in the window bring back LISTEN: the next SYN finds it. A wrong ACK does not. */
static void
syn_received_back_to_listen(void)
{
	for (unsigned int i = 0; i < 6; i++) {
		struct harness *h = h_new(NULL, families[i & 1], SECOND);
		const uint8_t flags = i < 2 ? TCP_RST : i < 4 ? TCP_SYN : TCP_SYN | TCP_ACK;

		(void)h_in(h, TCP_SYN, 0);
		h->seen = h->n_sent;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack - 1, 0), DROP_TCP_ACK_UNSENT);
		CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, h->ack - 1);
		CU_ASSERT(half_open(h, 1));
		CU_ASSERT_EQUAL(h_in_at(h, flags, 1001, h->ack, 0), DROP_NONE);
		h_expect_none(h);
		CU_ASSERT(half_open(h, 0));
		CU_ASSERT_EQUAL(h->all_events, 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAILED], 1);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_RST_IN], i < 2);
		h->seq = 5000;
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_expect(h, TCP_SYN | TCP_ACK)->seg.ack, 5001);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ ICMP (RFC 5927) */

static enum drop_reason
icmp(struct harness *h, uint32_t seq, bool hard, uint16_t mtu)
{
	struct tcp_icmp e = {.hard = hard, .too_big = mtu != 0, .mtu = mtu};
	enum drop_reason reason;

	e.quoted = h->sent[0].seg;
	e.quoted.seq = seq;
	reason = tcp_icmp_arrives(h->ctx, &e);
	h_pump(h);
	return reason;
}

static void
syn_received_icmp_must_quote_the_syn_ack(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		const bool v6 = (i & 1) != 0, ts = (i & 2) != 0;
		struct harness *h = h_new(NULL, families[i & 1], SECOND);
		uint32_t iss;

		h->opts |= ts ? TCP_OPT_TS : 0;
		(void)h_in(h, TCP_SYN, 0);
		iss = h->ack - 1;
		CU_ASSERT_EQUAL(icmp(h, iss + 1, true, 0), DROP_ICMP_QUOTE);
		CU_ASSERT_EQUAL(icmp(h, iss - 1, true, 0), DROP_ICMP_QUOTE);
		CU_ASSERT_EQUAL(icmp(h, iss, false, 0), DROP_NONE);
		CU_ASSERT(half_open(h, 1));
		CU_ASSERT_EQUAL(h_half(h)->mss, (v6 ? 1440 : 1460) - (ts ? 12 : 0));
		/* SYN,ACK is too big for no path: that claim is false. */
		CU_ASSERT_EQUAL(icmp(h, iss, false, 1400), DROP_NONE);
		CU_ASSERT_EQUAL(icmp(h, iss, false, 68), DROP_NONE);
		CU_ASSERT_EQUAL(h_half(h)->mss, (v6 ? 1440 : 1460) - (ts ? 12 : 0));
		h_expect(h, TCP_SYN | TCP_ACK);
		h_expect_none(h);
		/* Not synchronised: a hard error ends it (RFC 5927 section 5.2). */
		CU_ASSERT_EQUAL(icmp(h, iss, true, 0), DROP_NONE);
		CU_ASSERT(half_open(h, 0));
		CU_ASSERT_EQUAL(h->all_events, 0);
		CU_ASSERT_EQUAL(icmp(h, iss, true, 0), DROP_ICMP_QUOTE);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ deadlines */

/** More timeouts than 8 bits count: the sum of what was waited for still reaches R2. */
static void
bad_input_26_syn_received_ends_after_many_timeouts(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_initial_ms = 100;
	conf.rto_max_ms = 1000;
	conf.syn_r2_ms = 400000;
	h = h_new(&conf, IP_V4, SECOND);
	(void)h_in(h, TCP_SYN, 0);
	/* 100 + 200 + 400 + 800 = 1,500, then 1,000 each: 399 of them make 400,500. */
	h_wait_ms(h, 400499);
	CU_ASSERT(half_open(h, 1));
	CU_ASSERT_EQUAL(h->n_sent, 1 + 4 + 398);
	h_wait_ms(h, 1);
	CU_ASSERT(half_open(h, 0));
	CU_ASSERT_EQUAL(h->n_sent, 1 + 4 + 398);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_HALF_OPEN_EXPIRED], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAILED], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 402);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_R1_REACHED], 1);
	h_free(h);
}

/** Each record has its own deadlines, across the wrap of the millisecond clock. */
static void
syn_received_deadlines_of_many_records(void)
{
	const time_us_t start = ((1ull << 32) - 4000) * TIME_US_PER_MS;
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.syn_r2_ms = 7000;
	h = h_new(&conf, IP_V4, start);
	for (uint16_t i = 0; i < 16; i++) {
		CU_ASSERT_EQUAL(syn_from(h, (uint16_t)(100 + i)), DROP_NONE);
		h_wait_ms(h, 13);
	}
	for (uint16_t i = 0; i < 16; i += 2)
		CU_ASSERT_EQUAL(ack_from(h, (uint16_t)(100 + i)), DROP_NONE);
	CU_ASSERT(half_open(h, 8));
	h_forget(h);
	h_wait_ms(h, 20000);
	CU_ASSERT(half_open(h, 0));
	/* Of 1, 3 (and 7: the end) seconds after each SYN: the odd ones only. */
	CU_ASSERT_EQUAL(h->n_sent, 16);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		const struct h_seg *s = &h->sent[i];
		const time_us_t syn = start + (s->seg.dport - 100u) * 13u * TIME_US_PER_MS;

		CU_ASSERT_EQUAL(s->seg.flags, TCP_SYN | TCP_ACK);
		CU_ASSERT(s->rexmt);
		CU_ASSERT_EQUAL(s->seg.dport % 2, 1);
		CU_ASSERT_EQUAL(s->when, syn + (i < 8 ? 1 : 3) * SECOND);
	}
	CU_ASSERT_EQUAL(tcp_next(h->ctx), UINT64_MAX);
	h_free(h);
}

/** BAD-INPUT 42: after a stall of three hours nobody has died, and the ACK that waited is taken. */
static void
bad_input_42_syn_received_survives_a_stall(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	(void)h_in(h, TCP_SYN, 0);
	tcp_set_time(h->ctx, h->ctx->now + 3 * 3600 * SECOND);
	(void)tcp_advance(h->ctx, 1000);
	h_pump(h);
	CU_ASSERT(half_open(h, 1));
	CU_ASSERT_EQUAL(h->n_sent, 2);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/* ------------------------------------------------------------------ limits */

static void
listen_syn_half_open_limit(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_half_open = 5;
	h = h_new(&conf, IP_V4, SECOND);
	for (uint16_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(syn_from(h, (uint16_t)(100 + i)), DROP_NONE);
	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(syn_from(h, 200), DROP_TCP_BACKLOG);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_BACKLOG], 1);
	CU_ASSERT_EQUAL(ack_from(h, 102), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 200), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 201), DROP_TCP_BACKLOG);
	/* Those that wait don't mind. */
	for (uint16_t i = 0; i < 5; i++) {
		if (i != 2)
			CU_ASSERT_EQUAL(ack_from(h, (uint16_t)(100 + i)), DROP_NONE);
	}
	CU_ASSERT(half_open(h, 1));
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 5);
	h_free(h);
}

/** Active opens took the TCBs meanwhile: the ACK is dropped, the record waits, and the next ACK may find a place. */
static void
syn_received_ack_without_a_tcb_waits(void)
{
	const struct tcp_open_args args = {.rport = 9, .raddr = ip_addr_v4(0x0200000a)};
	struct tcp_conf conf = h_conf();
	int64_t open[2];
	struct harness *h;

	conf.max_tcbs = 2;
	h = h_new(&conf, IP_V4, SECOND);
	CU_ASSERT_EQUAL(syn_from(h, 100), DROP_NONE);
	for (unsigned int i = 0; i < 2; i++)
		open[i] = tcp_open(h->ctx, &args);
	CU_ASSERT_FATAL(open[0] >= 0 && open[1] >= 0);
	h_pump(h);
	h->seen = h->n_sent;
	h->ack = ack_for(h, 100);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack, 0), DROP_TCP_NO_TCB);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h->ack, 100), DROP_TCP_NO_TCB);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_TCB], 2);
	CU_ASSERT(half_open(h, 1));
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, tcp_at(h->ctx, (uint32_t)open[0])), 0);
	h_pump(h);
	h->seq = 1001;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->n_received, 100);
	CU_ASSERT(half_open(h, 0));
	h_free(h);
}

/** The same for the TIME-WAIT entry that each connection wants for its end. */
static void
syn_received_ack_without_a_timewait_entry_waits(void)
{
	const struct tcp_open_args args = {.rport = 9, .raddr = ip_addr_v4(0x0200000a)};
	struct tcp_conf conf = h_conf();
	struct harness *h;
	int64_t open;

	conf.max_tcbs = 2;
	conf.max_timewait = 2;
	h = h_new(&conf, IP_V4, SECOND);
	h_to_state(h, TCP_TIME_WAIT, false);
	CU_ASSERT_EQUAL(syn_from(h, 100), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 101), DROP_TCP_NO_TIMEWAIT);
	open = tcp_open(h->ctx, &args);
	CU_ASSERT_FATAL(open >= 0);
	h_pump(h);
	CU_ASSERT_EQUAL(ack_from(h, 100), DROP_TCP_NO_TIMEWAIT);
	CU_ASSERT(half_open(h, 1));
	h_wait_ms(h, 2001);
	CU_ASSERT_EQUAL(ack_from(h, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** A tuple that is half-open is taken. */
static void
syn_received_tuple_is_in_use(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);
		const struct tcp_open_args args = {.laddr = f == 0 ? 0 : 4,
				.lport = 2000,
				.rport = h->peer_port,
				.raddr = h->peer};

		const int l = tcp_listen(h->ctx, args.laddr, 2000, 4, 0, 0, NULL);

		CU_ASSERT_FATAL(l >= 0);
		h->our_port = 2000;
		(void)h_in(h, TCP_SYN, 0);
		CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EADDRINUSE);
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
		(void)h_in_at(h, TCP_RST, 1001, 0, 0);
		CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
		h_pump(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)l), 0);
		h_free(h);
	}
}

/** Two remote addresses that fold to the same 32 bits. */
static void
syn_received_ipv6_addresses_that_fold_alike(void)
{
	struct harness *h = h_new(NULL, IP_V6, SECOND);
	const struct ip_addr one = h->peer;
	struct ip_addr two = one;

	for (unsigned int i = 0; i < 4; i++) {
		const uint8_t swap = two.b[8 + i];

		two.b[8 + i] = two.b[12 + i];
		two.b[12 + i] = swap;
	}
	CU_ASSERT_EQUAL(ip_addr_fold(&one), ip_addr_fold(&two));
	(void)h_in(h, TCP_SYN, 0);
	CU_ASSERT(half_open(h, 1));
	h->peer = two;
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h->seq = 77;
	(void)h_in(h, TCP_SYN, 0);
	CU_ASSERT(half_open(h, 2));
	CU_ASSERT_EQUAL(h->sent[1].seg.ack, 78);
	CU_ASSERT(ip_addr_equal(&h->sent[1].seg.dst, &two));
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h->peer = one;
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_wait_ms(h, 1000);
	CU_ASSERT(ip_addr_equal(&h->sent[2].seg.dst, &one));
	h_free(h);
}

/* ------------------------------------------------------------------ TIME-WAIT (RFC 6191) */

/** With every record in use the old entry is not given up. */
static void
time_wait_syn_without_a_record_stays(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t seq;

	conf.max_half_open = 1;
	h = h_new(&conf, IP_V4, SECOND);
	h_to_state(h, TCP_TIME_WAIT, false);
	seq = h->seq;
	CU_ASSERT_EQUAL(syn_from(h, 100), DROP_NONE);
	h->peer_port = 40000;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, seq + 100, 0, 0), DROP_TCP_BACKLOG);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_REUSED], 0);
	CU_ASSERT_EQUAL(ack_from(h, 100), DROP_NONE);
	h->peer_port = 40000;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, seq + 100, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_free(h);
}

/** Nor when its own place in the table is all that is left, but no record is. */
static void
time_wait_syn_own_place_but_no_record_stays(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t seq;

	conf.max_half_open = 1;
	conf.max_tcbs = 2;
	conf.max_timewait = 2;
	h = h_new(&conf, IP_V4, SECOND);
	h_to_state(h, TCP_TIME_WAIT, false);
	seq = h->seq;
	CU_ASSERT_EQUAL(syn_from(h, 100), DROP_NONE);
	h->peer_port = 40000;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, seq + 100, 0, 0), DROP_TCP_NO_TIMEWAIT);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h->peer_port = 100;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
	h->peer_port = 40000;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, seq + 100, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_free(h);
}

/** The new ISS lies beyond the old connection's last number, even when the clock's would not. */
static void
time_wait_syn_iss_beyond_the_old(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t last;

	h_to_state(h, TCP_ESTABLISHED, false);
	/* More octets than the clock of RFC 6528 has steps meanwhile. */
	for (unsigned int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(h_send(h, 60000, 60000), 60000);
		while (h_tcb(h)->snd_una != h_tcb(h)->snd_nxt)
			(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	(void)h_in(h, TCP_ACK, 0);
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_TIME_WAIT);
	last = h->ack;
	h_forget(h);
	h->seq += 100;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(h_expect(h, TCP_SYN | TCP_ACK)->seg.seq, last + 1);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/* ------------------------------------------------------------------ more than the replies have room for */

/** 300 SYNs in one burst, 128 replies: the rest leaves at the wheel's next turns, each once and in its own time. */
static void
listen_burst_beyond_the_reply_ring(void)
{
	struct tcp_conf conf = h_conf();
	unsigned int seen[300] = {0};
	struct harness *h;
	int big;

	conf.max_tcbs = 1000;
	conf.max_timewait = 2000;
	h = h_new(&conf, IP_V4, SECOND);
	big = tcp_listen(h->ctx, 0, 81, 1000, 0, 0, NULL);
	CU_ASSERT_FATAL(big >= 0);
	h->our_port = 81;
	for (uint16_t i = 0; i < 300; i++)
		CU_ASSERT_EQUAL(burst_syn(h, (uint16_t)(1000 + i)), DROP_NONE);
	/* Until replies leave there is nothing to do at this instant, and at once afterwards. */
	(void)tcp_advance(h->ctx, 1000);
	CU_ASSERT(tcp_next(h->ctx) > h->ctx->now);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h->n_sent, TCP_REPLY_MAX);
	CU_ASSERT(tcp_next(h->ctx) <= h->ctx->now);
	for (unsigned int turn = 0; turn < 2; turn++) {
		(void)tcp_advance(h->ctx, 1000);
		h_pump(h);
	}
	CU_ASSERT_EQUAL(h->n_sent, 300);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		CU_ASSERT_FALSE(h->sent[i].rexmt);
		seen[h->sent[i].seg.dport - 1000]++;
	}
	for (unsigned int i = 0; i < 300; i++)
		CU_ASSERT_EQUAL(seen[i], 1);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TX_FULL], 0);
	h_wait_ms(h, 999);
	CU_ASSERT_EQUAL(h->n_sent, 300);
	/* All are due at once: the replies that find no room follow in the same millisecond. */
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->n_sent, 600);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 300);
	/* And at the end a RST for each, that must not be lost either. */
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)big), 0);
	CU_ASSERT_EQUAL(h->ctx->half_table.n_used, 0);
	CU_ASSERT_EQUAL(h->ctx->n_state[TCP_SYN_RECEIVED], 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h->n_sent, TCP_REPLY_MAX);
	CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 300 - TCP_REPLY_MAX);
	CU_ASSERT_EQUAL(tcp_advance(h->ctx, 10), 10); /* within its budget, much room as there is */
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->n_sent, 300);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_EQUAL(h->sent[i].seg.flags, TCP_RST);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RST_OUT], 300);
	CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAILED], 300);
	h_free(h);
}

/* ------------------------------------------------------------------ at random, against a model */

#define PEERS 24

struct peer {
	enum tcp_state state; /* CLOSED, SYN_RECEIVED, ESTABLISHED */
	uint32_t irs, iss;
};

static void
random_step(struct harness *h, struct peer *p, uint64_t *seed, uint32_t *half)
{
	const uint32_t what = random_below(seed, 9);
	const bool room = *half < h->ctx->conf.max_half_open &&
			*half < pool_free_count(&h->ctx->tcb_pool);
	const uint32_t wrong = 1 + random_below(seed, 1000);

	if (what < 3 && p->state == TCP_CLOSED) {
		p->irs = (uint32_t)random_next(seed);
		h->seq = p->irs;
		h_forget(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0) == DROP_NONE, room);
		if (room) {
			p->state = TCP_SYN_RECEIVED;
			p->iss = h_expect(h, TCP_SYN | TCP_ACK)->seg.seq;
			++*half;
		}
	} else if (what == 3 && p->state == TCP_SYN_RECEIVED) {
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, p->irs + 1, p->iss + 1, wrong % 3), DROP_NONE);
		p->state = TCP_ESTABLISHED;
		--*half;
	} else if (what == 4 && p->state == TCP_SYN_RECEIVED) {
		CU_ASSERT_EQUAL(h_in_at(h, wrong % 2 ? TCP_RST : TCP_SYN, p->irs + 1, 0, 0),
				DROP_NONE);
		p->state = TCP_CLOSED;
		--*half;
	} else if (what == 5 && p->state == TCP_SYN_RECEIVED) {
		CU_ASSERT_NOT_EQUAL(
				h_in_at(h, TCP_ACK, p->irs + 1, p->iss + 1 + wrong, 0), DROP_NONE);
		CU_ASSERT_NOT_EQUAL(h_in_at(h, TCP_SYN, p->irs, 0, 0), DROP_NONE);
		CU_ASSERT_NOT_EQUAL(h_in_at(h, TCP_RST, p->irs + 1 + wrong, 0, 0), DROP_NONE);
		CU_ASSERT_NOT_EQUAL(h_in_at(h, TCP_RST, p->irs, 0, 0), DROP_NONE);
	} else if (what == 6 && p->state == TCP_ESTABLISHED) {
		CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
		h_pump(h);
		p->state = TCP_CLOSED;
	} else if (what == 7) {
		h_wait_ms(h, random_below(seed, 700));
	}
	CU_ASSERT_EQUAL(h_state(h), p->state);
}

static void
syn_received_random_against_a_model(void)
{
	struct tcp_conf conf = h_conf();
	struct peer peer[PEERS] = {{0}};
	uint64_t seed = 0x5eed5a1f;
	uint32_t half = 0;
	struct harness *h;

	conf.max_half_open = 7;
	conf.max_tcbs = 12;
	conf.syn_r2_ms = 86400000;
	h = h_new(&conf, IP_V4, ((1ull << 32) - 30000) * TIME_US_PER_MS);
	for (unsigned int i = 0; i < 20000; i++) {
		const unsigned int k = random_below(&seed, PEERS);

		h->peer_port = (uint16_t)(100 + k);
		random_step(h, &peer[k], &seed, &half);
		CU_ASSERT(half_open(h, half));
		h_forget(h);
		if (CU_get_number_of_failures() > 0)
			break;
	}
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(syn_received_costs_a_line_and_no_tcb),
		TEST(syn_received_ack_hands_over_what_was_agreed),
		TEST(syn_received_ack_takes_the_listeners_profile),
		TEST(syn_received_ack_with_text_and_fin),
		TEST(syn_received_rtt_sample),
		TEST(syn_received_unacceptable_answers_are_limited),
		TEST(syn_received_old_rst_with_text_and_no_room_for_an_answer),
		TEST(syn_received_unlisten_rst_with_timestamp),
		TEST(syn_received_check_notices),
		TEST(syn_received_timestamps),
		TEST(syn_received_back_to_listen),
		TEST(syn_received_icmp_must_quote_the_syn_ack),
		TEST(bad_input_26_syn_received_ends_after_many_timeouts),
		TEST(syn_received_deadlines_of_many_records),
		TEST(bad_input_42_syn_received_survives_a_stall),
		TEST(listen_syn_half_open_limit),
		TEST(syn_received_ack_without_a_tcb_waits),
		TEST(syn_received_ack_without_a_timewait_entry_waits),
		TEST(syn_received_tuple_is_in_use),
		TEST(syn_received_ipv6_addresses_that_fold_alike),
		TEST(time_wait_syn_without_a_record_stays),
		TEST(time_wait_syn_own_place_but_no_record_stays),
		TEST(time_wait_syn_iss_beyond_the_old),
		TEST(listen_burst_beyond_the_reply_ring),
		TEST(syn_received_random_against_a_model),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("half_open", tests)
