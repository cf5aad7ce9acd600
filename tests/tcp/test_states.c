/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SEGMENT ARRIVES: every state x every kind of segment x every place of its sequence number x every kind of ACK, over
 * both families, both roles, sequence numbers that wrap, and with and without timestamps. What must come of it stands in
 * rules[], written from RFC 9293 section 3.10.7 (with RFC 5961, RFC 1337 and RFC 6191) in the order of its text.
 */
#include "harness.h"

#include <string.h>

/* ------------------------------------------------------------------ the dimensions */

/* States; SYN-RECEIVED and TIME-WAIT behave by the role. */
#define S_CLOSED  0x001u
#define S_LISTEN  0x002u
#define S_SENT    0x004u
#define S_RCVD_P  0x008u /* SYN-RECEIVED from LISTEN */
#define S_RCVD_A  0x010u /* SYN-RECEIVED from SYN-SENT */
#define S_EST     0x020u
#define S_FW1     0x040u
#define S_FW2     0x080u
#define S_CW      0x100u
#define S_CLOSING 0x200u
#define S_LAST    0x400u
#define S_TW_L    0x800u  /* TIME-WAIT, and a listener on the port */
#define S_TW      0x1000u /* TIME-WAIT of an active opener: nobody listens */
#define S_RCVD    (S_RCVD_P | S_RCVD_A)
#define S_SYNC    (S_EST | S_FW1 | S_FW2 | S_CW | S_CLOSING | S_LAST)
#define S_TWS     (S_TW_L | S_TW)
#define S_GONE    (S_CLOSING | S_LAST)
#define S_ALL     0x1fffu

/* Events. */
#define E_SYN    0x01u
#define E_SYNACK 0x02u
#define E_ACK    0x04u
#define E_RST    0x08u
#define E_RSTACK 0x10u
#define E_FIN    0x20u /* with ACK */
#define E_DATA   0x40u /* with ACK, 100 octets */
#define E_RSTS   (E_RST | E_RSTACK)
#define E_SYNS   (E_SYN | E_SYNACK)
#define E_PLAIN  (E_ACK | E_FIN | E_DATA)
#define E_ALL    0x7fu
#define N_EVENTS 7

/* Where the sequence number lies. */
#define P_EXACT  0x01u /* RCV.NXT */
#define P_INSIDE 0x02u /* RCV.NXT + 1 */
#define P_EDGE   0x04u /* its last octet is RCV.NXT - 1; an empty ACK or RST: at RCV.NXT - 1 */
#define P_LEFT   0x08u /* RCV.NXT - 1000 */
#define P_RIGHT  0x10u /* RCV.NXT + RCV.WND */
#define P_IN     (P_EXACT | P_INSIDE)
#define P_OUT    (P_EDGE | P_LEFT | P_RIGHT)
#define P_ALL    0x1fu
#define N_PLACES 5

/* What it acknowledges. SND.UNA is less than SND.NXT where our SYN or FIN is outstanding. */
#define A_NXT  0x1u /* SND.NXT: everything */
#define A_UNA  0x2u /* SND.UNA: nothing new */
#define A_OVER 0x4u /* SND.NXT + 1: never sent */
#define A_OLD  0x8u /* SND.UNA - MAX.SND.WND - 1 (RFC 5961 section 5.2) */
#define A_GOOD (A_NXT | A_UNA)
#define A_BAD  (A_OVER | A_OLD)
#define A_ALL  0xfu
#define N_ACKS 4

#define DATA_LEN 100u

static const char *const event_names[] = {"syn", "syn_ack", "ack", "rst", "rst_ack", "fin", "data"};
static const char *const place_names[] = {"exact", "inside", "edge", "left", "right"};
static const char *const ack_names[] = {"nxt", "una", "over", "old"};
static const uint8_t event_flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_RST,
		TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_PSH | TCP_ACK};

/* ------------------------------------------------------------------ what must come of it */

enum reply {
	NOTHING,
	ACK,     /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
	RST_SEQ, /* <SEQ=SEG.ACK><CTL=RST> */
	RST_ACK, /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
	SYNACK,  /* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
};

#define SAME TCP_STATE_MAX

struct rule {
	uint32_t states;
	uint32_t events;
	uint32_t places;
	uint32_t acks;
	enum tcp_state after;
	enum reply reply;
	uint8_t told; /* EV_* */
	enum tcp_reason why;
	enum drop_reason drop;
};

/* The first rule that fits counts. */
/* clang-format off */
static const struct rule rules[] = {
	/* 3.10.7.1 CLOSED: a RST is discarded, all else gets one. */
	{S_CLOSED, E_RSTS, P_ALL, A_ALL, SAME, NOTHING, 0, 0, DROP_TCP_RST_UNMATCHED},
	{S_CLOSED, E_SYN, P_ALL, A_ALL, SAME, RST_ACK, 0, 0, DROP_TCP_NO_CONN},
	{S_CLOSED, E_ALL, P_ALL, A_ALL, SAME, RST_SEQ, 0, 0, DROP_TCP_NO_CONN},

	/* 3.10.7.2 LISTEN: first RST, second ACK, third SYN. */
	{S_LISTEN, E_RSTS, P_ALL, A_ALL, SAME, NOTHING, 0, 0, DROP_TCP_RST_UNMATCHED},
	{S_LISTEN, E_SYN, P_ALL, A_ALL, TCP_SYN_RECEIVED, SYNACK, 0, 0, DROP_NONE},
	{S_LISTEN, E_ALL, P_ALL, A_ALL, SAME, RST_SEQ, 0, 0, DROP_TCP_NO_CONN},

	/* 3.10.7.3 SYN-SENT: first ACK, "unless the RST bit is set" ... */
	{S_SENT, E_RSTACK, P_ALL, A_UNA | A_BAD, SAME, NOTHING, 0, 0, DROP_TCP_ACK_UNSENT},
	{S_SENT, E_SYNACK | E_PLAIN, P_ALL, A_UNA | A_BAD, SAME, RST_SEQ, 0, 0,
			DROP_TCP_ACK_UNSENT},
	/* second RST, */
	{S_SENT, E_RSTACK, P_ALL, A_NXT, TCP_CLOSED, NOTHING, EV_CLOSED, TCP_REASON_REFUSED,
			DROP_NONE},
	{S_SENT, E_RST, P_ALL, A_ALL, SAME, NOTHING, 0, 0, DROP_TCP_SYN_SENT_RST},
	/* fourth SYN, fifth "neither of the SYN or RST bits is set". */
	{S_SENT, E_SYN, P_ALL, A_ALL, TCP_SYN_RECEIVED, SYNACK, 0, 0, DROP_NONE},
	{S_SENT, E_SYNACK, P_ALL, A_NXT, TCP_ESTABLISHED, ACK, EV_CONNECTED, 0, DROP_NONE},
	{S_SENT, E_PLAIN, P_ALL, A_NXT, SAME, NOTHING, 0, 0, DROP_TCP_FLAGS},

	/*
	 * TIME-WAIT, whose window is closed for good. RST: RFC 1337 section 3 (1). SYN: RFC 6191 section 2, beyond the last
	 * number seen (the FIN's) a new incarnation; RFC 9293 3.10.7.4 fourth, ACK for all others. A segment without length
	 * gets no answer, so that two ends cannot go on for ever; the text has only "should" (deviation). What is at
	 * RCV.NXT - 1 is the FIN again.
	 */
	{S_TWS, E_RSTS, P_ALL, A_ALL, SAME, NOTHING, 0, 0, DROP_TCP_TIMEWAIT_RST},
	{S_TW_L, E_SYN, P_IN | P_RIGHT, A_ALL, TCP_SYN_RECEIVED, SYNACK, 0, 0, DROP_NONE},
	{S_TWS, E_SYNS, P_ALL, A_ALL, SAME, ACK, 0, 0, DROP_TCP_TIMEWAIT_OLD},
	{S_TWS, E_ACK, P_EXACT, A_ALL, SAME, NOTHING, 0, 0, DROP_NONE},
	{S_TWS, E_ACK, P_ALL, A_ALL, SAME, NOTHING, 0, 0, DROP_TCP_TIMEWAIT_OLD},
	{S_TWS, E_FIN, P_EDGE, A_ALL, SAME, ACK, 0, 0, DROP_NONE},
	{S_TWS, E_FIN | E_DATA, P_ALL, A_ALL, SAME, ACK, 0, 0, DROP_TCP_TIMEWAIT_OLD},

	/* 3.10.7.4 first: sequence number. Figure 7: in a simultaneous open the SYN of SYN,ACK is the old one. */
	{S_RCVD_A, E_SYNACK, P_EDGE, A_NXT, TCP_ESTABLISHED, NOTHING, EV_CONNECTED, 0, DROP_NONE},
	/* The SYN that we know asks for the SYN,ACK again: it says what the ACK of the text says, and more (deviation). */
	{S_RCVD, E_SYNS, P_EDGE, A_ALL, SAME, SYNACK, 0, 0, DROP_TCP_SEQ},
	{S_RCVD | S_SYNC, E_RSTS, P_OUT, A_ALL, SAME, NOTHING, 0, 0, DROP_TCP_SEQ},
	/* An empty segment at the right edge is let in: EMPTY_AT_EDGE of docs/conformance.md. */
	{S_RCVD | S_SYNC, E_ALL & ~E_ACK, P_OUT, A_ALL, SAME, ACK, 0, 0, DROP_TCP_SEQ},
	{S_RCVD, E_ACK, P_OUT, A_ALL, SAME, ACK, 0, 0, DROP_TCP_SEQ},
	{S_SYNC, E_ACK, P_EDGE | P_LEFT, A_ALL, SAME, ACK, 0, 0, DROP_TCP_SEQ},

	/* Second: RST; RFC 5961 section 3.2. The listener of a passive opener never left LISTEN. */
	{S_RCVD | S_SYNC, E_RSTS, P_INSIDE, A_ALL, SAME, ACK, 0, 0, DROP_TCP_RST_CHALLENGED},
	{S_RCVD_P, E_RSTS, P_EXACT, A_ALL, TCP_CLOSED, NOTHING, 0, 0, DROP_NONE},
	{S_RCVD_A, E_RSTS, P_EXACT, A_ALL, TCP_CLOSED, NOTHING, EV_CLOSED, TCP_REASON_REFUSED,
			DROP_NONE},
	{S_SYNC, E_RSTS, P_EXACT, A_ALL, TCP_CLOSED, NOTHING, EV_CLOSED, TCP_REASON_RESET,
			DROP_NONE},

	/* Fourth: SYN; RFC 5961 section 4.2. */
	{S_RCVD_P, E_SYNS, P_IN, A_ALL, TCP_CLOSED, NOTHING, 0, 0, DROP_NONE},
	{S_RCVD_A | S_SYNC, E_SYNS, P_IN, A_ALL, SAME, ACK, 0, 0, DROP_TCP_SYN_CHALLENGED},

	/* Fifth: ACK. */
	{S_RCVD, E_PLAIN, P_IN, A_UNA | A_BAD, SAME, RST_SEQ, 0, 0, DROP_TCP_ACK_UNSENT},
	{S_SYNC, E_PLAIN, P_IN | P_RIGHT, A_BAD, SAME, ACK, 0, 0, DROP_TCP_ACK_UNSENT},
	{S_RCVD_P, E_ACK, P_IN, A_NXT, TCP_ESTABLISHED, NOTHING, EV_ACCEPTED, 0, DROP_NONE},
	{S_RCVD_A, E_ACK, P_IN, A_NXT, TCP_ESTABLISHED, NOTHING, EV_CONNECTED, 0, DROP_NONE},
	{S_FW1, E_ACK, P_IN | P_RIGHT, A_NXT, TCP_FIN_WAIT_2, NOTHING, 0, 0, DROP_NONE},
	{S_CLOSING, E_PLAIN, P_IN | P_RIGHT, A_NXT, TCP_TIME_WAIT, NOTHING, EV_CLOSED,
			TCP_REASON_DONE, DROP_NONE},
	{S_LAST, E_PLAIN, P_IN | P_RIGHT, A_NXT, TCP_CLOSED, NOTHING, EV_CLOSED, TCP_REASON_DONE,
			DROP_NONE},
	{S_SYNC, E_ACK, P_IN | P_RIGHT, A_GOOD, SAME, NOTHING, 0, 0, DROP_NONE},

	/* Seventh: text. Out of order it is kept, and acknowledged at once; after a FIN there is none. */
	{S_RCVD_P, E_DATA, P_EXACT, A_NXT, TCP_ESTABLISHED, ACK, EV_ACCEPTED | EV_READABLE, 0,
			DROP_NONE},
	{S_RCVD_A, E_DATA, P_EXACT, A_NXT, TCP_ESTABLISHED, ACK, EV_CONNECTED | EV_READABLE, 0,
			DROP_NONE},
	{S_RCVD_P, E_DATA, P_INSIDE, A_NXT, TCP_ESTABLISHED, ACK, EV_ACCEPTED, 0, DROP_NONE},
	{S_RCVD_A, E_DATA, P_INSIDE, A_NXT, TCP_ESTABLISHED, ACK, EV_CONNECTED, 0, DROP_NONE},
	{S_FW1, E_DATA, P_EXACT, A_NXT, TCP_FIN_WAIT_2, ACK, EV_READABLE, 0, DROP_NONE},
	{S_FW1, E_DATA, P_INSIDE, A_NXT, TCP_FIN_WAIT_2, ACK, 0, 0, DROP_NONE},
	{S_EST | S_FW1 | S_FW2, E_DATA, P_EXACT, A_GOOD, SAME, ACK, EV_READABLE, 0, DROP_NONE},
	{S_EST | S_FW1 | S_FW2, E_DATA, P_INSIDE, A_GOOD, SAME, ACK, 0, 0, DROP_NONE},
	{S_CW | S_GONE, E_DATA, P_IN, A_GOOD, SAME, ACK, 0, 0, DROP_TCP_AFTER_FIN},

	/* Eighth: FIN. Before missing octets it waits, in place of being processed. A second FIN is like text after it. */
	{S_RCVD_P, E_FIN, P_EXACT, A_NXT, TCP_CLOSE_WAIT, ACK, EV_ACCEPTED | EV_PEER_CLOSED, 0,
			DROP_NONE},
	{S_RCVD_A, E_FIN, P_EXACT, A_NXT, TCP_CLOSE_WAIT, ACK, EV_CONNECTED | EV_PEER_CLOSED, 0,
			DROP_NONE},
	{S_RCVD_P, E_FIN, P_INSIDE, A_NXT, TCP_ESTABLISHED, ACK, EV_ACCEPTED, 0, DROP_NONE},
	{S_RCVD_A, E_FIN, P_INSIDE, A_NXT, TCP_ESTABLISHED, ACK, EV_CONNECTED, 0, DROP_NONE},
	{S_EST, E_FIN, P_EXACT, A_GOOD, TCP_CLOSE_WAIT, ACK, EV_PEER_CLOSED, 0, DROP_NONE},
	{S_FW1, E_FIN, P_EXACT, A_NXT, TCP_TIME_WAIT, ACK, EV_PEER_CLOSED | EV_CLOSED,
			TCP_REASON_DONE, DROP_NONE},
	{S_FW1, E_FIN, P_EXACT, A_UNA, TCP_CLOSING, ACK, EV_PEER_CLOSED, 0, DROP_NONE},
	{S_FW2, E_FIN, P_EXACT, A_GOOD, TCP_TIME_WAIT, ACK, EV_PEER_CLOSED | EV_CLOSED,
			TCP_REASON_DONE, DROP_NONE},
	{S_FW1, E_FIN, P_INSIDE, A_NXT, TCP_FIN_WAIT_2, ACK, 0, 0, DROP_NONE},
	{S_EST | S_FW1 | S_FW2, E_FIN, P_INSIDE, A_GOOD, SAME, ACK, 0, 0, DROP_NONE},
	{S_CW | S_GONE, E_FIN, P_IN, A_GOOD, SAME, ACK, 0, 0, DROP_TCP_AFTER_FIN},
};
/* clang-format on */

static unsigned int rule_used[PTCP_ARRAY_SIZE(rules)];

/* ------------------------------------------------------------------ one case */

struct variant {
	enum ip_family family;
	uint32_t isn; /* the peer's */
	uint8_t opts;
};

struct one {
	uint32_t mask; /* S_* */
	enum tcp_state state;
	bool active;
	unsigned int event, place, ack; /* bit numbers */
	struct variant v;
};

/** What is known of the connection before the segment arrives. */
struct before {
	uint32_t snd_una, snd_nxt, rcv_nxt, rcv_wnd, max_wnd;
	uint16_t half_open;
};

static const struct rule *
find_rule(const struct one *c)
{
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];

		if ((r->states & c->mask) != 0 && (r->events & 1u << c->event) != 0 &&
				(r->places & 1u << c->place) != 0 &&
				(r->acks & 1u << c->ack) != 0) {
			rule_used[i]++;
			return r;
		}
	}
	return NULL;
}

static struct before
look(struct harness *h, const struct one *c)
{
	const struct tcp_tcb *tcb = h_view(h);
	struct before b = {.snd_una = h->ack,
			.snd_nxt = h->ack,
			.rcv_nxt = h->seq,
			.rcv_wnd = 65535,
			.max_wnd = 65535,
			.half_open = (uint16_t)h->ctx->listeners->l[h->listener].n_half_open};

	if (tcb != NULL) {
		b.snd_una = tcb->snd_una;
		CU_ASSERT_EQUAL(tcb->snd_nxt, h->ack);
		b.max_wnd = (uint32_t)tcb->max_wnd << (tcb->wscale >> 4);
		if (c->state != TCP_SYN_SENT) {
			CU_ASSERT_EQUAL(tcb->rcv_nxt, h->seq);
			b.rcv_wnd = tcp_rcv_wnd(tcb);
		}
		CU_ASSERT_EQUAL(b.snd_nxt - b.snd_una,
				(c->mask & (S_SENT | S_RCVD | S_FW1 | S_GONE)) != 0);
	}
	return b;
}

static struct tcp_seg
make_segment(struct harness *h, const struct one *c, const struct before *b)
{
	const uint32_t len = 1u << c->event == E_DATA ? DATA_LEN : 0;
	const uint8_t flags = event_flags[c->event];
	const uint32_t seg_len = len + ((flags & (TCP_SYN | TCP_FIN)) != 0);
	const uint32_t seqs[N_PLACES] = {b->rcv_nxt, b->rcv_nxt + 1,
			b->rcv_nxt - (seg_len > 0 ? seg_len : 1), b->rcv_nxt - 1000,
			b->rcv_nxt + b->rcv_wnd};
	const uint32_t acks[N_ACKS] = {
			b->snd_nxt, b->snd_una, b->snd_nxt + 1, b->snd_una - b->max_wnd - 1};
	struct tcp_seg seg = {.seq = seqs[c->place],
			.ack = (flags & TCP_ACK) != 0 ? acks[c->ack] : 0,
			.wnd = h->wnd,
			.flags = flags,
			.opts = h->opts & TCP_OPT_TS,
			.ts_val = h->ts_val,
			.ts_ecr = h->ts_ecr};

	if ((flags & TCP_SYN) != 0) {
		seg.opts = h->opts;
		seg.mss = h->mss;
		seg.wscale = h->wscale;
	}
	return seg;
}

static void
check_reply(struct harness *h, const struct rule *r, const struct tcp_seg *in,
		const struct before *b, uint32_t rcv_nxt)
{
	static const uint8_t flags[] = {0, TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_SYN | TCP_ACK};
	const uint32_t len =
			(1u << 0) * (in->payload.len + ((in->flags & (TCP_SYN | TCP_FIN)) != 0));
	const struct h_seg *s;

	if (r->reply == NOTHING) {
		h_expect_none(h);
		return;
	}
	s = h_expect(h, flags[r->reply]);
	h_expect_none(h);
	if (s == NULL)
		return;
	CU_ASSERT_EQUAL(s->len, 0);
	switch (r->reply) {
	case ACK:
		CU_ASSERT_EQUAL(s->seg.seq, b->snd_nxt);
		CU_ASSERT_EQUAL(s->seg.ack, rcv_nxt);
		break;
	case RST_SEQ:
		CU_ASSERT_EQUAL(s->seg.seq, in->ack);
		break;
	case RST_ACK:
		CU_ASSERT_EQUAL(s->seg.seq, 0);
		CU_ASSERT_EQUAL(s->seg.ack, in->seq + len);
		break;
	default:
		CU_ASSERT_EQUAL(s->seg.ack, rcv_nxt);
		if (h_view(h) != NULL)
			CU_ASSERT_EQUAL(s->seg.seq, h_view(h)->snd_una);
		break;
	}
}

/** RCV.NXT after the segment, from the rule. */
static uint32_t
rcv_nxt_after(const struct one *c, const struct rule *r, const struct tcp_seg *in,
		const struct before *b)
{
	if (r->after == TCP_SYN_RECEIVED || (c->state == TCP_SYN_SENT && r->after != SAME))
		return in->seq + 1;
	if ((r->told & EV_READABLE) != 0)
		return b->rcv_nxt + DATA_LEN;
	return b->rcv_nxt + ((r->told & EV_PEER_CLOSED) != 0);
}

static void
check_after(struct harness *h, const struct one *c, const struct rule *r, const struct before *b,
		const struct tcp_seg *in, enum drop_reason drop)
{
	enum tcp_state after = r->after == SAME ? c->state : r->after;
	const uint32_t rcv_nxt = rcv_nxt_after(c, r, in, b);
	const struct tcp_tcb *tcb = h_view(h);
	const uint32_t half_open = h->ctx->listeners->l[h->listener].n_half_open;

	if (after == TCP_LISTEN)
		after = TCP_CLOSED; /* the listener has no TCB */
	CU_ASSERT_EQUAL(h_state(h), after);
	CU_ASSERT_EQUAL(drop, r->drop);
	CU_ASSERT_EQUAL(h->all_events, r->told);
	if ((r->told & EV_CLOSED) != 0)
		CU_ASSERT_EQUAL(h->reason, r->why);
	check_reply(h, r, in, b, rcv_nxt);
	if (tcb != NULL && c->state != TCP_LISTEN && c->mask != S_TW_L) {
		if (after != TCP_SYN_SENT)
			CU_ASSERT_EQUAL(tcb->rcv_nxt, rcv_nxt);
		CU_ASSERT_EQUAL(tcb->snd_nxt, b->snd_nxt);
		CU_ASSERT_EQUAL(tcb->snd_una,
				drop == DROP_NONE && (in->flags & TCP_ACK) != 0 ? in->ack :
										  b->snd_una);
	}
	CU_ASSERT_EQUAL(half_open,
			after == TCP_SYN_RECEIVED &&
					(c->mask & (S_LISTEN | S_RCVD_P | S_TW_L)) != 0);
	/* Nothing that was dropped leaves anything behind. */
	CU_ASSERT_EQUAL(h->counters.drop[r->drop], r->drop != DROP_NONE);
	if (drop != DROP_NONE)
		CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
}

static void
run_one(const struct one *c)
{
	const unsigned int failures = CU_get_number_of_failures();
	const struct rule *r = find_rule(c);
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct before b;
	struct tcp_seg seg;
	enum drop_reason drop;

	conf.delack_ms = 0; /* an ACK that is due is seen at once */
	h = h_new(&conf, c->v.family, 1000000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	h->opts = c->v.opts;
	h->seq = c->v.isn;
	h->ts_val = UINT32_MAX;
	h->wscale = 0;
	h_to_state(h, c->state, c->active);
	h_forget(h);
	b = look(h, c);
	seg = make_segment(h, c, &b);
	drop = h_inject(h, &seg, (const uint8_t[DATA_LEN]){0},
			1u << c->event == E_DATA ? DATA_LEN : 0);
	/* The core may trim what it is given; the test asks for what it sent. */
	{
		const struct tcp_seg sent = make_segment(h, c, &b);

		check_after(h, c, r, &b, &sent, drop);
	}
	h_free(h);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case %s_%s_%s_ack_%s (%s, %s, isn %u, opts %02x)\n",
				tcp_state_name(c->state), event_names[c->event],
				place_names[c->place], ack_names[c->ack],
				c->active ? "active" : "passive",
				c->v.family == IP_V6 ? "v6" : "v4", c->v.isn, c->v.opts);
}

/* ------------------------------------------------------------------ all of them */

static const struct variant variants[] = {
		{IP_V4, 1000, TCP_OPT_MSS},
		{IP_V6, 1000, TCP_OPT_MSS},
		{IP_V4, UINT32_MAX, TCP_OPT_MSS | TCP_OPT_TS | TCP_OPT_WSCALE},
		{IP_V6, 0x7fffffff, TCP_OPT_MSS | TCP_OPT_TS},
};

static void
run_state(uint32_t mask, enum tcp_state state, bool active)
{
	for (unsigned int v = 0; v < PTCP_ARRAY_SIZE(variants); v++) {
		for (unsigned int i = 0; i < N_EVENTS * N_PLACES * N_ACKS; i++) {
			const struct one c = {mask, state, active, i / N_ACKS / N_PLACES,
					i / N_ACKS % N_PLACES, i % N_ACKS, variants[v]};

			if ((event_flags[c.event] & TCP_ACK) != 0 || c.ack == 0)
				run_one(&c);
		}
	}
}

static void
closed_any_segment(void)
{
	run_state(S_CLOSED, TCP_CLOSED, false);
}

static void
listen_any_segment(void)
{
	run_state(S_LISTEN, TCP_LISTEN, false);
}

static void
syn_sent_any_segment(void)
{
	run_state(S_SENT, TCP_SYN_SENT, true);
}

static void
syn_received_any_segment_passive(void)
{
	run_state(S_RCVD_P, TCP_SYN_RECEIVED, false);
}

static void
syn_received_any_segment_active(void)
{
	run_state(S_RCVD_A, TCP_SYN_RECEIVED, true);
}

static void
established_any_segment(void)
{
	run_state(S_EST, TCP_ESTABLISHED, false);
	run_state(S_EST, TCP_ESTABLISHED, true);
}

static void
fin_wait_1_any_segment(void)
{
	run_state(S_FW1, TCP_FIN_WAIT_1, false);
	run_state(S_FW1, TCP_FIN_WAIT_1, true);
}

static void
fin_wait_2_any_segment(void)
{
	run_state(S_FW2, TCP_FIN_WAIT_2, false);
	run_state(S_FW2, TCP_FIN_WAIT_2, true);
}

static void
close_wait_any_segment(void)
{
	run_state(S_CW, TCP_CLOSE_WAIT, false);
	run_state(S_CW, TCP_CLOSE_WAIT, true);
}

static void
closing_any_segment(void)
{
	run_state(S_CLOSING, TCP_CLOSING, false);
	run_state(S_CLOSING, TCP_CLOSING, true);
}

static void
last_ack_any_segment(void)
{
	run_state(S_LAST, TCP_LAST_ACK, false);
	run_state(S_LAST, TCP_LAST_ACK, true);
}

static void
time_wait_any_segment_listener(void)
{
	run_state(S_TW_L, TCP_TIME_WAIT, false);
}

static void
time_wait_any_segment_no_listener(void)
{
	run_state(S_TW, TCP_TIME_WAIT, true);
}

/** A rule that nothing reached says nothing: the table must not hold any. */
static void
every_rule_is_reached(void)
{
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(rules); i++) {
		if (rule_used[i] == 0)
			fprintf(stderr, "rule %u was never used\n", i);
		CU_ASSERT_NOT_EQUAL(rule_used[i], 0);
	}
}

static CU_TestInfo tests[] = {
		TEST(closed_any_segment),
		TEST(listen_any_segment),
		TEST(syn_sent_any_segment),
		TEST(syn_received_any_segment_passive),
		TEST(syn_received_any_segment_active),
		TEST(established_any_segment),
		TEST(fin_wait_1_any_segment),
		TEST(fin_wait_2_any_segment),
		TEST(close_wait_any_segment),
		TEST(closing_any_segment),
		TEST(last_ack_any_segment),
		TEST(time_wait_any_segment_listener),
		TEST(time_wait_any_segment_no_listener),
		TEST(every_rule_is_reached),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("states", tests)
