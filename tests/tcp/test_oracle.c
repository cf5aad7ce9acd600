/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Every state, every combination of control bits, SEQ and ACK at their edges, both families: the core against
 * oracle.h, which is RFC 9293 section 3.10.7 and not the core. A connection is seen from outside only: by what it sends,
 * by what its user hears, and by what it does afterwards.
 */
#include "harness.h"
#include "oracle.h"

#include <string.h>

#define FLIGHT    100  /* octets that are sent and not acknowledged where a state allows it */
#define WRITTEN   3000 /* octets that the user writes afterwards: more than a segment */
#define TS_RECENT 5000
#define PEER_WND  65535
#define TCP_MSS   1460
#define SHOWN     40 /* differences that are printed */

static unsigned int n_differ;

/** Where a case begins. */
struct setup {
	enum o_state state;
	bool active;
	enum ip_family family;
	bool ts;
	uint32_t irs;     /* the peer's first sequence number */
	time_us_t start;  /* moves our ISS */
	uint32_t rcv_buf; /* 0: as it is */
	bool full;        /* RCV.WND is 0, where the state allows it */
	bool closed;      /* by CLOSE of both directions */
};

/* ------------------------------------------------------------------ a connection and its model */

static uint32_t
end_of(const struct h_seg *s)
{
	return s->seg.seq + s->len + ((s->seg.flags & TCP_SYN) != 0) +
			((s->seg.flags & TCP_FIN) != 0);
}

/** ISS, SND.NXT, RCV.NXT and RCV.WND by what the core has sent. */
static void
learn(const struct harness *h, struct o_conn *c)
{
	uint32_t edge = 0;
	bool any = false;

	for (unsigned int i = 0; i < h->n_sent; i++) {
		const struct tcp_seg *s = &h->sent[i].seg;
		const uint32_t end = end_of(&h->sent[i]);

		if ((s->flags & TCP_SYN) != 0) {
			c->iss = s->seq;
			c->snd_nxt = end;
			c->rcv_wnd = s->wnd;
		} else if ((int32_t)(end - c->snd_nxt) > 0) {
			c->snd_nxt = end;
		}
		if ((s->flags & TCP_ACK) == 0)
			continue;
		if (!any || (int32_t)(s->ack + s->wnd - edge) > 0)
			edge = s->ack + s->wnd;
		any = true;
		c->rcv_nxt = s->ack;
		c->rcv_wnd = edge - s->ack;
	}
}

/** Our octets in flight: text, or SYN, or FIN. */
static uint32_t
in_flight(enum o_state state)
{
	switch (state) {
	case O_SYN_SENT:
	case O_SYN_RECEIVED:
	case O_FIN_WAIT_1:
	case O_CLOSING:
	case O_LAST_ACK:
		return 1;
	case O_ESTABLISHED:
	case O_CLOSE_WAIT:
		return FLIGHT;
	default:
		return 0;
	}
}

static bool
may_be_full(enum o_state state)
{
	return state == O_ESTABLISHED || state == O_FIN_WAIT_1 || state == O_FIN_WAIT_2;
}

/** Use up RCV.WND: nobody reads. */
static void
fill(struct harness *h, enum o_state state)
{
	struct o_conn c = {0};

	learn(h, &c);
	h->auto_read = false;
	h->seq += c.rcv_wnd;
	(void)h_in_at(h, TCP_ACK | TCP_PSH, c.rcv_nxt, c.snd_nxt - (state == O_FIN_WAIT_1),
			c.rcv_wnd);
}

/** What the peer has said last, for SND.WL1. */
static uint32_t
last_seq(const struct setup *u, const struct o_conn *c)
{
	if (u->full && may_be_full(u->state))
		return c->rcv_nxt - u->rcv_buf;
	/* A FIN, or the SYN,ACK; else an empty segment. */
	if (u->state == O_CLOSE_WAIT || u->state == O_CLOSING || u->state == O_LAST_ACK ||
			(u->active && (u->state == O_ESTABLISHED || u->state == O_FIN_WAIT_1)))
		return c->rcv_nxt - 1;
	return c->rcv_nxt;
}

static void
model(const struct harness *h, const struct setup *u, struct o_conn *c)
{
	*c = (struct o_conn){.state = u->state,
			.passive = !u->active,
			.ts = u->ts,
			.ts_recent = TS_RECENT,
			.snd_wnd = PEER_WND,
			.max_snd_wnd = PEER_WND,
			.closed = u->closed,
			.fin_sent = u->state == O_FIN_WAIT_1 || u->state == O_FIN_WAIT_2 ||
					u->state == O_CLOSING || u->state == O_LAST_ACK ||
					u->state == O_TIME_WAIT};
	learn(h, c);
	c->snd_una = c->snd_nxt - in_flight(u->state);
	c->snd_wl1 = last_seq(u, c);
	c->snd_wl2 = c->snd_una;
	if (u->state <= O_SYN_SENT)
		c->rcv_nxt = u->irs;
}

static struct harness *
begin(const struct setup *u, struct o_conn *c)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.delack_ms = 0;
	conf.max_tcbs = conf.max_timewait = conf.max_blocks = 4;
	conf.max_nodes = 64;
	if (u->rcv_buf != 0)
		conf.rcv_buf = u->rcv_buf;
	h = h_new(&conf, u->family, u->start);
	h->seq = u->irs;
	h->wnd = PEER_WND;
	if (u->ts) {
		h->opts |= TCP_OPT_TS;
		h->ts_val = TS_RECENT;
	}
	h_to_state(h, (enum tcp_state)u->state, u->active);
	if (u->full && may_be_full(u->state))
		fill(h, u->state);
	if (u->closed)
		CU_ASSERT_EQUAL(tcp_close(h->ctx, h_tcb(h)), 0);
	if (in_flight(u->state) == FLIGHT)
		CU_ASSERT(h_send(h, FLIGHT, FLIGHT) == FLIGHT);
	model(h, u, c);
	h_forget(h);
	return h;
}

/* ------------------------------------------------------------------ comparison */

static uint8_t
told(const struct harness *h)
{
	uint8_t t = 0;

	if ((h->all_events & (EV_ACCEPTED | EV_CONNECTED)) != 0)
		t |= O_TOLD_OPEN;
	if ((h->all_events & EV_READABLE) != 0)
		t |= O_TOLD_TEXT;
	if ((h->all_events & EV_PEER_CLOSED) != 0)
		t |= O_TOLD_CLOSING;
	if ((h->all_events & EV_CLOSED) == 0)
		return t;
	switch (h->reason) {
	case TCP_REASON_RESET:
		return t | O_TOLD_RESET;
	case TCP_REASON_REFUSED:
		return t | O_TOLD_REFUSED;
	case TCP_REASON_DONE:
		return t | O_TOLD_DONE;
	case TCP_REASON_ABORTED:
		return t | O_TOLD_ABORTED;
	default:
		return t | 0x80;
	}
}

/** A case, for the functions that compare. */
struct trial {
	const struct setup *u;
	struct harness *h;
	struct o_seg s;
	struct o_conn before;
	struct o_conn after;
	struct o_result r;
};

static void
show(const struct trial *t, const char *what, uint32_t is, uint32_t should)
{
	const struct o_seg *s = &t->s;

	if (n_differ++ >= SHOWN)
		return;
	fprintf(stderr, "%s%s v%d%s: %s%s%s%s%s%s seq nxt%+d ack una%+d nxt%+d len %u wnd %u",
			tcp_state_name(t->u->state), t->u->active ? " active" : "",
			t->u->family == IP_V4 ? 4 : 6, t->u->ts ? " ts" : "",
			(s->flags & O_URG) != 0 ? "U" : "", (s->flags & O_ACK) != 0 ? "A" : "",
			(s->flags & O_PSH) != 0 ? "P" : "", (s->flags & O_RST) != 0 ? "R" : "",
			(s->flags & O_SYN) != 0 ? "S" : "", (s->flags & O_FIN) != 0 ? "F" : "",
			(int)(s->seq - t->before.rcv_nxt), (int)(s->ack - t->before.snd_una),
			(int)(s->ack - t->before.snd_nxt), s->len, s->wnd);
	if (s->ts)
		fprintf(stderr, " ts %+d", (int)(s->ts_val - TS_RECENT));
	fprintf(stderr, ": %s %x, not %x\n", what, is, should);
}

#define SAME(what, is, should)                                                                     \
	do {                                                                                       \
		if ((uint32_t)(is) != (uint32_t)(should)) {                                        \
			show(t, what, (uint32_t)(is), (uint32_t)(should));                         \
			return false;                                                              \
		}                                                                                  \
	} while (0)

/** Nothing, or one empty segment. */
static bool
same_sent(const struct trial *t)
{
	const struct h_seg *sent = &t->h->sent[0];

	SAME("segments", t->h->n_sent, t->r.sent);
	if (!t->r.sent)
		return true;
	SAME("flags sent", sent->seg.flags, t->r.flags);
	SAME("seq sent", sent->seg.seq, t->r.seq);
	if ((t->r.flags & O_ACK) != 0)
		SAME("ack sent", sent->seg.ack, t->r.ack);
	SAME("text sent", sent->len, 0);
	return true;
}

/** h_in_at() makes the octet at SEQ + i from SEQ + i. */
static bool
same_text(const struct trial *t)
{
	const bool syn = (t->s.flags & O_SYN) != 0;
	const uint32_t first = syn ? t->s.seq : t->before.rcv_nxt;

	SAME("octets read", t->h->n_received, t->r.text);
	for (uint32_t i = 0; i < t->r.text; i++)
		SAME("octet", t->h->received[i], h_pattern(first + i));
	return true;
}

/** What leaves when the user writes tells SND.WND: a full segment, or half the largest window, or nothing (3.8.6.2.1). */
static bool
same_window(struct trial *t)
{
	const struct o_conn *c = &t->after;
	const int32_t usable = (int32_t)(c->snd_una + c->snd_wnd - c->snd_nxt);
	const bool sends = usable >= TCP_MSS ||
			(c->snd_una == c->snd_nxt && usable > 0 &&
					2 * (uint32_t)usable >= c->max_snd_wnd);

	h_forget(t->h);
	(void)h_send(t->h, WRITTEN, WRITTEN);
	SAME("sends what is written", t->h->n_sent != 0, sends);
	return true;
}

/** SND.NXT moves with what is sent by timers. */
static void
follow(struct trial *t)
{
	for (unsigned int i = 0; i < t->h->n_sent; i++) {
		const uint32_t end = end_of(&t->h->sent[i]);

		if ((int32_t)(end - t->after.snd_nxt) > 0)
			t->after.snd_nxt = end;
	}
	h_forget(t->h);
}

/** What it sends again, and when TIME-WAIT ends. */
static bool
same_timers(struct trial *t, bool wrote, bool ends)
{
	const struct o_conn *c = &t->after;
	const bool owes = c->state >= O_SYN_SENT && c->state != O_TIME_WAIT &&
			(c->snd_una != c->snd_nxt || wrote);

	follow(t);
	h_wait_ms(t->h, 1100);
	SAME("sends again", t->h->n_sent != 0, owes);
	if (owes)
		SAME("seq sent again", t->h->sent[0].seg.seq, c->snd_una);
	SAME("state later", h_state(t->h), ends || c->state == O_LISTEN ? O_CLOSED : c->state);
	follow(t);
	return true;
}

/** The answer to an old segment tells SND.NXT and RCV.NXT. */
static bool
same_answer(struct trial *t)
{
	const struct o_conn *c = &t->after;
	const uint8_t flags = c->state == O_TIME_WAIT ? TCP_FIN | TCP_ACK : TCP_ACK;

	(void)h_in_at(t->h, flags, c->rcv_nxt - 1, c->snd_una, 0);
	SAME("answers", t->h->n_sent, 1);
	SAME("answer's flags", t->h->sent[0].seg.flags, TCP_ACK);
	SAME("SND.NXT", t->h->sent[0].seg.seq, o_empty_seq(c));
	SAME("RCV.NXT", t->h->sent[0].seg.ack, c->rcv_nxt);
	return true;
}

static bool
same_later(struct trial *t)
{
	const enum o_state state = t->after.state;
	const bool writes = state == O_ESTABLISHED || state == O_CLOSE_WAIT;
	const bool ends = state == O_TIME_WAIT && t->u->state == O_TIME_WAIT && !t->r.restart_2msl;

	h_forget(t->h);
	if (t->after.ts)
		t->h->opts |= TCP_OPT_TS;
	else
		t->h->opts &= (uint8_t)~TCP_OPT_TS;
	if ((int32_t)(t->s.ts_val - TS_RECENT) < 0)
		t->h->ts_val = TS_RECENT;
	if ((writes && !same_window(t)) || !same_timers(t, writes, ends))
		return false;
	if (state >= O_SYN_RECEIVED && !ends)
		return same_answer(t);
	if (state != O_LISTEN)
		return true;
	(void)h_in_at(t->h, TCP_SYN, 77, 0, 0);
	SAME("answers to SYN", t->h->n_sent, 1);
	SAME("answer to SYN", t->h->sent[0].seg.flags, TCP_SYN | TCP_ACK);
	return true;
}

static bool
same(struct trial *t)
{
	struct harness *h = t->h;
	const struct o_seg *s = &t->s;

	t->before = t->after;
	h->wnd = (uint16_t)s->wnd;
	h->opts = (uint8_t)(TCP_OPT_MSS | (s->ts ? TCP_OPT_TS : 0));
	h->ts_val = s->ts_val;
	(void)h_in_at(h, s->flags, s->seq, s->ack, s->len);
	h->wnd = PEER_WND;
	if (h->n_sent == 1 && (h->sent[0].seg.flags & TCP_SYN) != 0)
		t->after.iss = h->sent[0].seg.seq; /* the core is free to choose it for a new connection */
	t->r = o_segment_arrives(&t->after, s);
	if (!same_sent(t))
		return false;
	SAME("state", h_state(h), t->after.state == O_LISTEN ? O_CLOSED : t->after.state);
	if (t->before.rcv_wnd == 0 && t->before.state >= O_SYN_RECEIVED)
		t->r.told &= O_TOLD_RESET; /* the rest waits until what is unread is read */
	SAME("told", told(h), t->r.told);
	return same_text(t) && same_later(t);
}

/* ------------------------------------------------------------------ the table */

/** RCV.NXT, inside the window, just before it, just beyond it. */
static uint32_t
seq_at(const struct o_conn *c, unsigned int i)
{
	const uint32_t at[4] = {0, c->rcv_wnd / 2, (uint32_t)-1, c->rcv_wnd};

	return c->rcv_nxt + at[i];
}

/** All that was sent, nothing new, never sent, too old. */
static uint32_t
ack_at(const struct o_conn *c, unsigned int i)
{
	const uint32_t at[4] = {
			c->snd_nxt, c->snd_una, c->snd_nxt + 1, c->snd_una - c->max_snd_wnd - 1};

	return at[i];
}

/** Without text and with text. */
static bool
table_case(const struct setup *u, uint8_t flags, unsigned int seq, unsigned int ack)
{
	bool ok = true;

	for (uint32_t len = 0; len <= 10; len += 10) {
		struct trial t = {.u = u};

		t.h = begin(u, &t.after);
		t.s = (struct o_seg){.flags = flags,
				.seq = seq_at(&t.after, seq),
				.ack = ack_at(&t.after, ack),
				.wnd = PEER_WND,
				.len = len};
		if (u->state == O_TIME_WAIT)
			h_wait_ms(t.h, 1000); /* half of it */
		ok = same(&t) && ok;
		h_free(t.h);
	}
	return ok;
}

/** "12,345 of 12,345" */
static void
tell(unsigned int right, unsigned int n)
{
	if (n < 1000)
		printf("%u of %u ", right, n);
	else
		printf("%u,%03u of %u,%03u ", right / 1000, right % 1000, n / 1000, n % 1000);
	CU_ASSERT_EQUAL(right, n);
}

static void
every_state_flags_seq_ack_family(void)
{
	unsigned int n = 0;
	unsigned int right = 0;

	n_differ = 0;
	for (unsigned int family = 0; family < 2; family++) {
		for (unsigned int state = O_CLOSED; state < O_STATES; state++) {
			const struct setup u = {.state = (enum o_state)state,
					.family = family == 0 ? IP_V4 : IP_V6,
					.irs = 1000,
					.start = 1000};

			for (unsigned int i = 0; i < 64 * 16; i++, n++)
				right += table_case(&u, (uint8_t)(i / 16), i / 4 % 4, i % 4);
		}
	}
	CU_ASSERT_EQUAL(n, 22528);
	tell(right, n);
}

/* ------------------------------------------------------------------ mutations of one and of two fields */

#define EDGES_MAX 20

/** The values of one field; the first is the usual one. */
struct edges {
	uint32_t v[EDGES_MAX];
	unsigned int n;
};

static void
edge(struct edges *e, uint32_t value)
{
	for (unsigned int i = 0; i < e->n; i++) {
		if (e->v[i] == value)
			return;
	}
	CU_ASSERT_FATAL(e->n < EDGES_MAX);
	e->v[e->n++] = value;
}

/** @p value, and what lies on both sides of it. */
static void
edge_round(struct edges *e, uint32_t value)
{
	edge(e, value);
	edge(e, value - 1);
	edge(e, value + 1);
}

static struct edges
len_edges(const struct o_conn *c)
{
	struct edges e = {.n = 0};

	edge(&e, 0);
	edge(&e, 1);
	if (c->rcv_wnd > 1 && c->rcv_wnd < 10000)
		edge_round(&e, c->rcv_wnd);
	else
		edge(&e, 10);
	return e;
}

static struct edges
seq_edges(const struct o_conn *c, uint32_t len)
{
	struct edges e = {.n = 0};

	edge_round(&e, c->rcv_nxt);
	edge_round(&e, c->rcv_nxt + c->rcv_wnd);
	if (len > 0) {
		edge_round(&e, c->rcv_nxt - len);
		edge_round(&e, c->rcv_nxt + c->rcv_wnd - len);
	}
	edge_round(&e, c->rcv_nxt + 0x80000000u);
	return e;
}

static struct edges
ack_edges(const struct o_conn *c)
{
	struct edges e = {.n = 0};

	edge_round(&e, c->snd_nxt);
	edge_round(&e, c->snd_una);
	edge_round(&e, c->snd_una - c->max_snd_wnd);
	edge_round(&e, c->snd_una + 0x80000000u);
	return e;
}

static struct edges
wnd_edges(void)
{
	struct edges e = {.n = 0};

	edge(&e, PEER_WND);
	edge(&e, 0);
	edge(&e, 1);
	return e;
}

/** Which timestamp: an index for ts_set(). */
static struct edges
ts_edges(const struct setup *u)
{
	struct edges e = {.n = 0};

	edge(&e, u->ts);
	edge(&e, !u->ts);
	for (uint32_t i = 2; u->ts && i < 6; i++)
		edge(&e, i);
	return e;
}

static void
ts_set(struct o_seg *s, uint32_t i)
{
	const uint32_t at[6] = {0, 0, 1, (uint32_t)-1, 0x7fffffffu, 0x80000001u};

	s->ts = i != 0;
	s->ts_val = TS_RECENT + at[i];
}

struct tally {
	unsigned int n;
	unsigned int right;
};

static void
mutation(const struct setup *u, const struct o_seg *s, struct tally *tally)
{
	struct trial t = {.u = u, .s = *s};

	t.h = begin(u, &t.after);
	if (u->state == O_TIME_WAIT)
		h_wait_ms(t.h, 1000);
	tally->n++;
	tally->right += same(&t);
	h_free(t.h);
}

/** At most @p fields of SEQ, ACK, window, length and timestamp leave their usual value. */
static void
mutations(const struct setup *u, uint8_t flags, int fields, struct tally *tally)
{
	const struct edges wnd = wnd_edges();
	const struct edges ts = ts_edges(u);
	struct o_conn c;
	struct edges len, ack;

	h_free(begin(u, &c));
	len = len_edges(&c);
	ack = ack_edges(&c);
	for (unsigned int l = 0; l < len.n; l++) {
		const struct edges seq = seq_edges(&c, len.v[l]);

		for (unsigned int i = 0; i < seq.n * ack.n * wnd.n * ts.n; i++) {
			const unsigned int a = i / seq.n % ack.n;
			const unsigned int w = i / seq.n / ack.n % wnd.n;
			const unsigned int t = i / seq.n / ack.n / wnd.n;
			struct o_seg s = {.flags = flags,
					.seq = seq.v[i % seq.n],
					.ack = ack.v[a],
					.wnd = wnd.v[w],
					.len = len.v[l]};

			if ((l != 0) + (i % seq.n != 0) + (a != 0) + (w != 0) + (t != 0) > fields)
				continue;
			ts_set(&s, ts.v[t]);
			mutation(u, &s, tally);
		}
	}
}

static void
mutations_in_every_state(struct setup u)
{
	static const uint8_t flags[] = {O_ACK, O_ACK | O_PSH | O_URG, O_ACK | O_FIN, O_RST,
			O_RST | O_ACK, O_SYN, O_SYN | O_ACK, O_FIN};
	struct tally tally = {0, 0};

	n_differ = 0;
	for (unsigned int state = O_CLOSED; state < O_STATES; state++) {
		u.state = (enum o_state)state;
		if (u.full && !may_be_full(u.state))
			continue;
		for (unsigned int i = 0; i < sizeof(flags); i++)
			mutations(&u, flags[i], 2, &tally);
	}
	CU_ASSERT(tally.n > 0);
	tell(tally.right, tally.n);
}

static void
mutations_passive(void)
{
	mutations_in_every_state((struct setup){
			.family = IP_V4, .irs = 1000, .start = 1000, .rcv_buf = 1000});
}

/** When our ISS lies @p before octets before its wrap. It grows by one each 4 us (RFC 6528). */
static time_us_t
start_before_wrap(const struct setup *u, uint32_t before)
{
	struct setup probe = *u;
	struct o_conn c;

	probe.state = O_SYN_SENT;
	probe.start = 1000;
	h_free(begin(&probe, &c));
	return 1000 + 4 * (time_us_t)(uint32_t)(0u - before - c.iss);
}

/** Both sequence spaces wrap between the edges. */
static void
mutations_active_wrap(void)
{
	struct setup u = {.family = IP_V6, .active = true, .irs = 0u - 500, .rcv_buf = 1000};

	u.start = start_before_wrap(&u, FLIGHT / 2);
	mutations_in_every_state(u);
}

static void
mutations_window_closed(void)
{
	mutations_in_every_state((struct setup){.family = IP_V4,
			.irs = 0u - 500,
			.start = 1000,
			.rcv_buf = 1000,
			.full = true});
}

static void
mutations_timestamps(void)
{
	mutations_in_every_state((struct setup){
			.family = IP_V6, .irs = 1000, .start = 1000, .rcv_buf = 1000, .ts = true});
}

/** Nobody reads any more: text that is new is answered by RST (3.6.1), all else as before. */
static void
mutations_after_close(void)
{
	static const enum o_state states[] = {O_FIN_WAIT_1, O_FIN_WAIT_2, O_CLOSING, O_LAST_ACK};
	static const uint8_t flags[] = {O_ACK, O_ACK | O_FIN, O_RST, O_SYN};
	struct tally tally = {0, 0};

	n_differ = 0;
	for (unsigned int i = 0; i < 4 * PTCP_ARRAY_SIZE(states); i++) {
		const struct setup u = {.state = states[i / 4],
				.family = IP_V4,
				.irs = 0u - 500,
				.start = 1000,
				.rcv_buf = 1000,
				.closed = true};

		mutations(&u, flags[i % 4], 2, &tally);
	}
	tell(tally.right, tally.n);
}

/** All five at once, where most happens. */
static void
mutations_of_all_fields_in_established(void)
{
	const struct setup u = {.state = O_ESTABLISHED,
			.family = IP_V4,
			.irs = 0u - 500,
			.start = 1000,
			.rcv_buf = 1000};
	struct tally tally = {0, 0};

	n_differ = 0;
	mutations(&u, O_ACK, 5, &tally);
	mutations(&u, O_ACK | O_FIN, 5, &tally);
	tell(tally.right, tally.n);
}

/* ------------------------------------------------------------------ exceptions */

/** An exception that no case needs would hide a difference some day. */
static void
every_exception_is_needed(void)
{
	for (unsigned int i = 0; i < O_EXC_MAX; i++) {
		if (o_exception_used[i] == 0)
			fprintf(stderr, "exception %s is not needed\n", o_exception_text[i].name);
		CU_ASSERT(o_exception_used[i] > 0);
	}
}

static CU_TestInfo tests[] = {
		TEST(every_state_flags_seq_ack_family),
		TEST(mutations_passive),
		TEST(mutations_active_wrap),
		TEST(mutations_window_closed),
		TEST(mutations_timestamps),
		TEST(mutations_after_close),
		TEST(mutations_of_all_fields_in_established),
		TEST(every_exception_is_needed),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("oracle", tests)
