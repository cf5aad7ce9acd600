/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One core under a script of segments, user calls, time, ICMP errors and empty pools, decoded from the input. Sequence
 * numbers are written as a point of reference (RCV.NXT, SND.UNA, an edge) and a small distance, so that a short input
 * gets far. After each step every invariant holds; what the reader gets are octets that came at just that position, in
 * order, without a gap; what leaves is what was written, inside of what the peer has offered.
 */
#include "fuzz_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS     4 /* tuples that the script knows */
#define TCBS_MAX  8
#define INJ_MAX   1024   /* segments of one connection that carry text or FIN */
#define STEPS_MAX 400    /* of a script */
#define WORK_MAX  4000   /* deadlines of a script that are taken one by one */
#define TEXT_MAX  400000 /* octets written, and as many received, in a script */
#define PORT      80
#define HELD_MAX  64
#define SYNS_MAX  STEPS_MAX
/** No clock stands still for longer: the core compares milliseconds of 32 bits. */
#define STALL_MAX_US (86400ull * TIME_US_PER_SEC)

/** Text or FIN that was injected: which octets stood where. */
struct injected {
	uint32_t seq;
	uint32_t len;
	uint8_t seed;
	bool fin;
};

struct syn {
	uint32_t seq;
	uint16_t wnd;
	uint8_t wscale;
};

/** What the script knows of the peer of a tuple. */
struct slot {
	struct ip_addr raddr;
	uint16_t laddr;
	uint16_t rport;
	uint16_t lport;
	uint16_t wnd;        /* of its next segment */
	uint32_t seq;        /* of its next SYN */
	uint32_t ts_skew;    /* its timestamp clock less ours */
	uint32_t ts_ecr;     /* the last that we sent */
	struct tcp_seg last; /* that it sent */
	uint32_t last_len;
	/* Of a half-open connection: what our last SYN,ACK said. */
	uint32_t half_iss;
	uint32_t half_irs;
	bool half;
	/* The SYNs of the peer so far: its initial sequence number is that of one of them. */
	unsigned int n_syns;
	struct syn syn[SYNS_MAX];
};

/** The model of one connection, by TCB index. */
struct conn {
	uint64_t handle; /* 0: not in use */
	unsigned int slot;
	bool active;
	bool announced; /* the user has heard of it, or has opened it */
	bool connected;
	bool synced; /* IRS is known */
	bool shut;
	bool orphan; /* nobody reads any more */
	bool close_called;
	bool want_write;
	bool peer_closed;
	bool closed;
	bool fin_in;  /* some FIN was injected */
	uint32_t may; /* reasons for an end, by bit, that there were causes for */
	uint32_t iss;
	uint32_t irs;
	uint32_t next_read; /* sequence number of the next octet to be read */
	uint32_t written;   /* octets */
	uint32_t offer;     /* right edge of the window ever offered to us, relative to ISS */
	uint32_t edge;      /* that we have advertised */
	bool edge_known;
	uint8_t peer_scale;
	time_us_t born;
	unsigned int n_inj;
	struct injected inj[INJ_MAX];
};

struct fuzz {
	struct fuzz_in in;
	struct fuzz_core core;
	enum ip_family family;
	bool lazy;         /* events and output wait until the script asks for them */
	bool react;        /* the script says what each event's callback does */
	bool purge;        /* ends by tcp_purge() instead of an orderly end */
	bool unowned;      /* payload that must be copied to be kept */
	uint32_t buf_size; /* what a received slice keeps from other use; 0: its length */
	unsigned int work;
	uint32_t text;
	int listener[2];
	struct slot slot[SLOTS];
	struct conn conn[TCBS_MAX];
	unsigned int n_nodes;
	unsigned int n_blocks;
	uint32_t node[HELD_MAX]; /* taken out of the pools */
	uint32_t block[HELD_MAX];
};

static struct fuzz fz;

/** The octet at @p seq of what the peer says; another @p seed is another version of it. */
static uint8_t
octet_in(uint32_t seq, uint8_t seed)
{
	return (uint8_t)(seq * 31 + (seq >> 8) * 7 + seed * 101u);
}

/** The octet at @p offset of what we say. */
static uint8_t
octet_out(uint32_t offset)
{
	return (uint8_t)(offset * 29 + (offset >> 8) * 5);
}

static uint32_t
bit(enum tcp_reason reason)
{
	return 1u << reason;
}

/* ------------------------------------------------------------------ connections and their model */

static struct tcp_tcb *
slot_tcb(const struct slot *s)
{
	return fuzz_core_find(&fz.core, fz.family, s->laddr, &s->raddr, s->lport, s->rport);
}

static struct conn *
conn_of(const struct tcp_tcb *tcb)
{
	struct conn *c = &fz.conn[tcp_index(fz.core.ctx, tcb)];

	return c->handle == tcp_handle(fz.core.ctx, tcb) ? c : NULL;
}

/** The connection that the user means: one that he has heard of. NULL: none. */
static struct conn *
conn_pick(struct tcp_tcb **tcb)
{
	struct conn *c = &fz.conn[fuzz_u8(&fz.in) % fz.core.ctx->conf.max_tcbs];

	if (c->handle == 0 || !c->announced)
		return NULL;
	*tcb = tcp_from_handle(fz.core.ctx, c->handle);
	if (*tcb == NULL)
		FUZZ_REQUIRE(c->closed); /* none vanishes without a word */
	return *tcb != NULL ? c : NULL;
}

/** What a profile lets happen. */
static void
conn_profile(struct conn *c, const struct tcp_profile *p)
{
	if (p->keep_on)
		c->may |= bit(TCP_REASON_KEEPALIVE);
	if (p->user_timeout_ms != 0)
		c->may |= bit(TCP_REASON_TIMEOUT);
}

static struct conn *
conn_begin(const struct tcp_tcb *tcb, unsigned int slot, bool active)
{
	struct conn *c = &fz.conn[tcp_index(fz.core.ctx, tcb)];

	/* The one before at this index is over, and whoever knew it was told. */
	FUZZ_REQUIRE(c->handle == 0 || !c->announced || c->closed);
	memset(c, 0, offsetof(struct conn, inj));
	c->handle = tcp_handle(fz.core.ctx, tcb);
	c->slot = slot;
	c->active = active;
	c->announced = active;
	c->iss = tcb->snd_nxt - 1; /* nothing but SYN was sent */
	c->born = fz.core.ctx->now;
	conn_profile(c, tcp_profile(fz.core.ctx, tcb));
	return c;
}

/**
 * The peer's sequence numbers are known from here on: from the SYN that the core has just taken, or, when an ACK made a
 * half-open connection or a cookie a TCB, from one that came before.
 */
static void
conn_sync(struct conn *c, const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const struct tcp_ctx *ctx = fz.core.ctx;
	const struct slot *s = &fz.slot[c->slot];
	bool known = false;

	c->next_read = tcb->rcv_nxt - tcp_recv_bytes(ctx, tcb) - ((tcb->flags & TF_FIN_RCVD) != 0);
	c->irs = c->next_read - 1;
	if ((seg->flags & TCP_SYN) != 0)
		FUZZ_REQUIRE(c->irs == seg->seq);
	else
		FUZZ_REQUIRE(!c->active && (seg->flags & TCP_ACK) != 0);
	for (unsigned int i = 0; i < s->n_syns; i++) {
		const struct syn *syn = &s->syn[i];

		if (syn->seq != c->irs)
			continue;
		known = true;
		if (ctx->conf.window_scale && syn->wscale > c->peer_scale)
			c->peer_scale = syn->wscale;
		if (1u + syn->wnd > c->offer)
			c->offer = 1u + syn->wnd;
	}
	FUZZ_REQUIRE(known);
	c->synced = true;
}

/** What the model learns from a segment for the connection @p c before the core sees it. */
static void
conn_injected(struct conn *c, const struct tcp_tcb *tcb, const struct tcp_seg *seg, uint8_t seed)
{
	const bool syn = (seg->flags & TCP_SYN) != 0;
	const bool fin = (seg->flags & TCP_FIN) != 0;

	if ((seg->flags & TCP_RST) != 0)
		c->may |= bit(TCP_REASON_RESET) | bit(TCP_REASON_REFUSED);
	if (seg->payload.len > 0 || fin) {
		FUZZ_REQUIRE(c->n_inj < INJ_MAX);
		c->inj[c->n_inj++] = (struct injected){seg->seq + syn, seg->payload.len, seed, fin};
		c->fin_in |= fin;
	}
	if ((seg->flags & TCP_ACK) != 0 && seq_leq(seg->ack, tcb->snd_nxt) &&
			seq_geq(seg->ack, c->iss)) {
		const uint32_t wnd = (uint32_t)seg->wnd << (syn ? 0 : c->peer_scale);
		const uint32_t right = seg->ack - c->iss + wnd;

		c->offer = right > c->offer ? right : c->offer;
	}
}

/** Whether an octet with this value came for the position @p seq; @p hint is where the last one was found. */
static bool
conn_had(const struct conn *c, uint32_t seq, uint8_t value, unsigned int *hint)
{
	for (unsigned int k = 0; k < c->n_inj; k++) {
		const unsigned int i = (*hint + k) % c->n_inj;
		const struct injected *inj = &c->inj[i];

		if (seq_in(seq, inj->seq, inj->len) && octet_in(seq, inj->seed) == value) {
			*hint = i;
			return true;
		}
	}
	return false;
}

static bool
conn_had_fin(const struct conn *c, uint32_t seq)
{
	for (unsigned int i = 0; i < c->n_inj; i++) {
		if (c->inj[i].fin && c->inj[i].seq + c->inj[i].len == seq)
			return true;
	}
	return false;
}

/** Read up to @p most octets and compare them. */
static void
conn_read(struct conn *c, struct tcp_tcb *tcb, uint32_t most)
{
	struct tcp_ctx *ctx = fz.core.ctx;
	struct tcp_buf buf[5];
	unsigned int hint = 0;

	while (most > 0 && !c->orphan) {
		const unsigned int n = tcp_recv(ctx, tcb, buf, PTCP_ARRAY_SIZE(buf));
		uint32_t len = 0;

		if (n == 0)
			return;
		FUZZ_REQUIRE(c->synced);
		for (unsigned int i = 0; i < n && len < most; i++) {
			FUZZ_REQUIRE(buf[i].len > 0 && buf[i].owner != NULL);
			for (uint32_t j = 0; j < buf[i].len && len < most; j++, len++)
				FUZZ_REQUIRE(conn_had(
						c, c->next_read + len, buf[i].data[j], &hint));
		}
		c->next_read += len;
		most -= len;
		FUZZ_REQUIRE(tcp_recv_done(ctx, tcb, len) == 0);
	}
}

/** What the model says of each live TCB. */
static void
check_models(void)
{
	struct tcp_ctx *ctx = fz.core.ctx;

	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++) {
		const struct tcp_tcb *tcb = tcp_at(ctx, i);
		const struct conn *c = conn_of(tcb);

		if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT ||
				tcb->state == TCP_SYN_SENT)
			continue;
		FUZZ_REQUIRE(c != NULL && c->synced && !c->closed);
		FUZZ_REQUIRE(c->next_read + tcp_recv_bytes(ctx, tcb) +
						((tcb->flags & TF_FIN_RCVD) != 0) ==
				tcb->rcv_nxt);
		FUZZ_REQUIRE(tcb->mss > 0 && (tcb->cwnd > 0 || tcb->state < TCP_ESTABLISHED));
	}
}

/* ------------------------------------------------------------------ what comes out */

/** Text: what was written at that place, and no more than the peer has room for (a probe: one octet more). */
static void
check_text(const struct conn *c, const struct tcp_tcb *tcb, const struct tcp_out *out)
{
	const uint32_t offset = out->seg.seq - c->iss - 1;
	uint32_t len = 0;

	FUZZ_REQUIRE(out->n_slices > 0 && out->n_slices <= TCP_SLICES_MAX);
	for (unsigned int i = 0; i < out->n_slices; i++) {
		FUZZ_REQUIRE(out->slice[i].len > 0 && out->slice[i].owner != NULL);
		for (uint32_t j = 0; j < out->slice[i].len; j++, len++)
			FUZZ_REQUIRE(out->slice[i].data[j] == octet_out(offset + len));
	}
	FUZZ_REQUIRE(len == out->len && len <= tcb->mss);
	FUZZ_REQUIRE(offset + len <= c->written);
	FUZZ_REQUIRE(offset + 1 + len <= c->offer + 1);
}

static void
check_ack(struct conn *c, const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const struct tcp_ctx *ctx = fz.core.ctx;
	const uint32_t unit = 1u << (tcb->wscale & 15);
	const uint32_t most = ctx->conf.rcv_buf > ctx->conf.rcv_buf_max ? ctx->conf.rcv_buf :
									  ctx->conf.rcv_buf_max;
	const bool syn = (seg->flags & TCP_SYN) != 0;
	const uint32_t edge = seg->ack + (syn ? seg->wnd : seg->wnd * unit);

	FUZZ_REQUIRE(c->synced && seg->ack == tcb->rcv_nxt);
	/*
	 * It does not move back by more than what scaling rounds off (but the field of a SYN said again is never scaled),
	 * and it offers no more than there is.
	 */
	FUZZ_REQUIRE(syn || !c->edge_known || seq_gt(edge + unit, c->edge));
	if (!c->orphan && !c->closed)
		FUZZ_REQUIRE(seq_leq(edge, c->next_read + most + 2 * unit));
	c->edge = c->edge_known ? seq_max(edge, c->edge) : edge;
	c->edge_known = true;
}

/** Whether an octet for the position @p seq ever came. */
static bool
conn_covered(const struct conn *c, uint32_t seq)
{
	for (unsigned int i = 0; i < c->n_inj; i++) {
		if (seq_in(seq, c->inj[i].seq, c->inj[i].len))
			return true;
	}
	return false;
}

/** Blocks tell what came and lies in the window; the first may tell of text that came twice (RFC 2883). */
static void
check_sack(const struct conn *c, const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	if ((seg->opts & TCP_OPT_SACK) == 0)
		return;
	FUZZ_REQUIRE((tcb->flags & TF_SACK) != 0 && seg->n_sack > 0);
	for (unsigned int i = 0; i < seg->n_sack; i++) {
		const struct tcp_sack *b = &seg->sack[i];

		FUZZ_REQUIRE(seq_gt(b->right, b->left));
		FUZZ_REQUIRE(conn_covered(c, b->left) && conn_covered(c, b->right - 1));
		FUZZ_REQUIRE(i == 0 ||
				(seq_gt(b->left, tcb->rcv_nxt) && seq_leq(b->right, tcb->rcv_adv)));
	}
}

static void
check_out(uint32_t index, const struct tcp_out *out)
{
	const struct tcp_ctx *ctx = fz.core.ctx;
	const struct tcp_tcb *tcb = tcp_at(ctx, index);
	const struct tcp_seg *seg = &out->seg;
	struct conn *c = conn_of(tcb);
	struct slot *s;
	uint32_t header;

	fuzz_trace("%llu out tcb %u %s flags %02x seq %u ack %u wnd %u len %u opts %02x\n",
			(unsigned long long)ctx->now, index, tcp_state_name(tcb->state), seg->flags,
			seg->seq, seg->ack, seg->wnd, out->len, seg->opts);
	FUZZ_REQUIRE(c != NULL);
	s = &fz.slot[c->slot];
	FUZZ_REQUIRE(seg->family == fz.family && seg->laddr == s->laddr);
	FUZZ_REQUIRE(seg->dport == s->rport && ip_addr_equal(&seg->dst, &s->raddr));
	header = (fz.family == IP_V4 ? 20 : 40) + fuzz_check_header(seg);
	FUZZ_REQUIRE(header + out->len <= ctx->conf.mtu);
	if ((seg->flags & TCP_SYN) != 0)
		FUZZ_REQUIRE(seg->seq == c->iss && out->len == 0);
	if ((seg->flags & TCP_FIN) != 0) {
		FUZZ_REQUIRE(c->shut);
		FUZZ_REQUIRE(seg->seq + out->len == c->iss + 1 + c->written);
	}
	FUZZ_REQUIRE(seg->seq - c->iss <= c->written + 2);
	/* RFC 3168 section 6.1.4, 6.1.5: neither an ACK alone nor what goes again may be marked. */
	FUZZ_REQUIRE(seg->ecn != 3 && ((out->len > 0 && !out->rexmt) || seg->ecn == 0));
	check_sack(c, tcb, seg);
	if (out->len > 0)
		check_text(c, tcb, out);
	if ((seg->flags & (TCP_ACK | TCP_RST)) == TCP_ACK &&
			tcp_at(ctx, index)->state != TCP_CLOSED)
		check_ack(c, tcb, seg);
	if ((seg->opts & TCP_OPT_TS) != 0)
		s->ts_ecr = seg->ts_val;
}

/** What belongs to no TCB: RST, the ACK of TIME-WAIT, SYN,ACK and ACK of a half-open connection. */
static void
check_reply(const struct tcp_seg *seg)
{
	fuzz_trace("%llu reply flags %02x seq %u ack %u wnd %u opts %02x\n",
			(unsigned long long)fz.core.ctx->now, seg->flags, seg->seq, seg->ack,
			seg->wnd, seg->opts);
	FUZZ_REQUIRE((seg->flags & TCP_FIN) == 0);
	FUZZ_REQUIRE((seg->flags & (TCP_ACK | TCP_RST)) != 0);
	FUZZ_REQUIRE((seg->flags & (TCP_SYN | TCP_RST)) != (TCP_SYN | TCP_RST));
	FUZZ_REQUIRE((fz.family == IP_V4 ? 20 : 40) + fuzz_check_header(seg) <=
			fz.core.ctx->conf.mtu);
	if ((seg->flags & TCP_SYN) == 0)
		return;
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct slot *s = &fz.slot[i];

		if (s->rport != seg->dport || !ip_addr_equal(&s->raddr, &seg->dst))
			continue;
		s->half = true;
		s->half_iss = seg->seq;
		s->half_irs = seg->ack - 1;
		if ((seg->opts & TCP_OPT_TS) != 0)
			s->ts_ecr = seg->ts_val;
	}
}

static void
pump_output(unsigned int most)
{
	struct tcp_ctx *ctx = fz.core.ctx;
	const struct tcp_seg *reply;
	struct tcp_out out;
	uint32_t index;

	while ((reply = tcp_reply_next(ctx)) != NULL)
		check_reply(reply);
	while (most > 0 && (index = tcp_output_next(ctx)) != PTCP_NIL) {
		while (most > 0) {
			memset(&out, 0xA5, sizeof(out));
			if (!tcp_output(ctx, index, &out))
				break;
			check_out(index, &out);
			most--;
		}
	}
}

static void user_call(struct conn *c, struct tcp_tcb *tcb, unsigned int call);

static void
check_events(struct conn *c, const struct tcp_tcb *tcb, uint8_t events)
{
	const struct tcp_ctx *ctx = fz.core.ctx;
	const uint32_t unread = tcp_recv_bytes(ctx, tcb);

	FUZZ_REQUIRE(!c->closed);
	if ((events & (EV_ACCEPTED | EV_CONNECTED)) != 0) {
		FUZZ_REQUIRE(!c->connected && c->active == ((events & EV_CONNECTED) != 0));
		FUZZ_REQUIRE((events & (EV_ACCEPTED | EV_CONNECTED)) !=
				(EV_ACCEPTED | EV_CONNECTED));
		c->announced = c->connected = true;
	}
	FUZZ_REQUIRE(c->announced);
	if ((events & (EV_READABLE | EV_WRITABLE | EV_PEER_CLOSED)) != 0)
		FUZZ_REQUIRE(c->connected);
	if ((events & EV_WRITABLE) != 0) {
		/* One that was owed already may still come when the connection is ended at once. */
		FUZZ_REQUIRE(c->want_write && (!c->shut || c->orphan));
		/* It may have been refused again since this was put down. */
		c->want_write = (tcb->flags & TF_WANT_WRITE) != 0;
	}
	if ((events & EV_PEER_CLOSED) != 0) {
		FUZZ_REQUIRE(!c->peer_closed && (unread == 0 || c->orphan));
		if (!c->orphan)
			FUZZ_REQUIRE(conn_had_fin(c, c->next_read));
		c->peer_closed = true;
	}
	if ((events & (EV_TROUBLE | EV_CLOSED)) == EV_TROUBLE)
		FUZZ_REQUIRE(tcb->reason == TCP_REASON_TIMEOUT ||
				tcb->reason == TCP_REASON_UNREACHABLE);
	if ((events & EV_CLOSED) != 0) {
		if (c->shut && c->fin_in)
			c->may |= bit(TCP_REASON_DONE);
		if (ctx->now - c->born >= 1000ull * ctx->conf.data_r2_ms)
			c->may |= bit(TCP_REASON_TIMEOUT);
		/* RFC 6429: evicted for want of memory, at a closed window only. */
		if (tcb->snd_wnd == 0)
			c->may |= bit(TCP_REASON_NO_MEMORY);
		FUZZ_REQUIRE((c->may & bit(tcb->reason)) != 0);
		FUZZ_REQUIRE(unread == 0 || c->orphan);
		c->closed = true;
	}
}

static void
pump_events(unsigned int most)
{
	struct tcp_ctx *ctx = fz.core.ctx;
	uint32_t index;
	uint8_t events;

	while (most-- > 0 && tcp_event_next(ctx, &index, &events)) {
		struct tcp_tcb *tcb = tcp_at(ctx, index);
		struct conn *c = conn_of(tcb);

		fuzz_trace("%llu event tcb %u %s events %02x reason %u\n",
				(unsigned long long)ctx->now, index, tcp_state_name(tcb->state),
				events, tcb->reason);
		FUZZ_REQUIRE(events != 0 && c != NULL);
		check_events(c, tcb, events);
		if (fz.react)
			user_call(c, tcb, fuzz_u8(&fz.in));
		else if ((events & EV_READABLE) != 0)
			conn_read(c, tcb, UINT32_MAX);
		tcp_event_done(ctx, index, events);
	}
}

static void
pump(void)
{
	/* A callback may cause another event, but no chain of them goes on for ever. */
	pump_events(fz.lazy ? 0 : 10000);
	pump_output(fz.lazy ? 0 : 10000);
	if (!fz.lazy) {
		FUZZ_REQUIRE(fz.core.ctx->output_head == fz.core.ctx->output_tail);
		pump_events(10000);
		pump_output(10000);
	}
}

/* ------------------------------------------------------------------ user calls */

static void
user_send(struct conn *c, struct tcp_tcb *tcb, uint8_t how)
{
	static const uint16_t lens[] = {
			1, 2, 47, 100, 536, 1459, 1460, 1461, 2048, 5000, 9000, 20000};
	const unsigned int n = 1 + (how >> 4) % 8;
	const uint32_t len = lens[(how & 15) % PTCP_ARRAY_SIZE(lens)];
	struct tcp_buf buf[8];
	uint32_t offset = c->written;
	int rc;

	if (fz.text + n * len > TEXT_MAX)
		return;
	for (unsigned int i = 0; i < n; i++) {
		buf[i] = fuzz_buf(len);
		for (uint32_t j = 0; j < len; j++)
			buf[i].data[j] = octet_out(offset + j);
		offset += len;
	}
	rc = tcp_send(fz.core.ctx, tcb, buf, n);
	FUZZ_REQUIRE(rc != 0 && rc <= (int)n);
	FUZZ_REQUIRE(rc > 0 || rc == -EAGAIN || rc == -EPIPE || rc == -ENOTCONN || rc == -ENOBUFS);
	if (c->closed)
		FUZZ_REQUIRE(rc == -ENOTCONN || rc == -EPIPE);
	if (rc > 0)
		FUZZ_REQUIRE(!c->shut && !c->orphan);
	if (rc == -EAGAIN || (rc > 0 && rc < (int)n))
		c->want_write = true;
	for (unsigned int i = 0; i < n; i++) {
		if ((int)i < rc)
			c->written += len;
		else
			tcp_buf_free(buf[i].owner);
	}
	fz.text += n * len;
}

/** A last slice with room behind it, which then grows (what ptcp_send_copy() does). */
static void
user_grow(struct conn *c, struct tcp_tcb *tcb, uint8_t how)
{
	const uint32_t more = how % 64u;
	struct tcp_buf buf = fuzz_buf(100 + more);
	struct tcp_buf *tail;

	for (uint32_t i = 0; i < buf.len; i++)
		buf.data[i] = octet_out(c->written + i);
	buf.len = 100;
	if (tcp_send(fz.core.ctx, tcb, &buf, 1) != 1) {
		tcp_buf_free(buf.owner);
		c->want_write = true; /* it may be */
		return;
	}
	c->written += buf.len;
	if ((how & 0x80) != 0)
		pump_output(3);
	tail = tcp_send_tail(fz.core.ctx, tcb);
	if (tail == NULL || tail->owner != buf.owner)
		return;
	FUZZ_REQUIRE(tail->len <= 100);
	tcp_send_grown(fz.core.ctx, tcb, more);
	c->written += more;
}

static void
user_end(struct conn *c, struct tcp_tcb *tcb, unsigned int how)
{
	struct tcp_ctx *ctx = fz.core.ctx;
	int rc;

	switch (how % 4) {
	case 0:
		rc = tcp_shutdown(ctx, tcb);
		FUZZ_REQUIRE(rc == 0 || rc == -EPIPE || rc == -ENOTCONN);
		c->shut |= rc == 0;
		break;
	case 1:
		rc = tcp_close(ctx, tcb);
		FUZZ_REQUIRE(rc == 0 || rc == -EPIPE || rc == -ENOTCONN);
		FUZZ_REQUIRE(!c->close_called || rc == -EPIPE || rc == -ENOTCONN);
		c->shut = c->orphan = c->close_called = true;
		c->may |= bit(TCP_REASON_ABORTED) | bit(TCP_REASON_LINGER);
		break;
	case 2:
		rc = tcp_abort(ctx, tcb);
		FUZZ_REQUIRE(rc == 0 || rc == -ENOTCONN);
		c->orphan = true;
		c->may |= bit(TCP_REASON_ABORTED);
		break;
	default:
		tcp_fail(ctx, tcb, TCP_REASON_NO_MEMORY);
		c->may |= bit(TCP_REASON_NO_MEMORY);
		break;
	}
}

/** Another profile: keepalive, user timeout, linger, congestion control. */
static struct tcp_profile
draw_profile(void)
{
	static const uint32_t idles[] = {10, 1000, 60000, 7200000, INT32_MAX};
	static const uint32_t intervals[] = {10, 500, 75000, INT32_MAX};
	static const uint32_t timeouts[] = {0, 100, 5000, 100000};
	static const uint32_t lingers[] = {TCP_LINGER_OFF, 0, 10, 5000};
	const uint8_t a = fuzz_u8(&fz.in), b = fuzz_u8(&fz.in);

	return (struct tcp_profile){.keep_idle_ms = idles[(a >> 1) % 5],
			.keep_interval_ms = intervals[(a >> 4) % 4],
			.keep_count = (uint8_t)(1 + (a >> 6) * 4),
			.keep_on = (a & 1) == 0,
			.user_timeout_ms = timeouts[b & 3],
			.linger_ms = lingers[b >> 2 & 3],
			.cc = (uint8_t)((b >> 4) % TCP_CC_MAX),
			.pacing = (b & 0x80) != 0,
			.dscp = b & 63,
			.ttl = 64};
}

static void
user_profile(struct conn *c, struct tcp_tcb *tcb)
{
	struct tcp_ctx *ctx = fz.core.ctx;
	const struct tcp_profile want = draw_profile();
	const int profile = tcp_profile_get(ctx, &want);

	if (profile < 0)
		return; /* all in use: by live connections */
	if (c->closed)
		tcp_profile_put(ctx, (uint8_t)profile);
	else
		tcp_profile_set(ctx, tcb, (uint8_t)profile);
	conn_profile(c, &want);
}

/** What a callback does, or a user unasked. */
static void
user_call(struct conn *c, struct tcp_tcb *tcb, unsigned int call)
{
	switch (call % 8) {
	case 0:
		conn_read(c, tcb, UINT32_MAX);
		break;
	case 1:
		conn_read(c, tcb, 1 + fuzz_u8(&fz.in) * (call >> 3));
		break;
	case 2:
	case 3:
		user_send(c, tcb, fuzz_u8(&fz.in));
		break;
	case 4:
		user_grow(c, tcb, fuzz_u8(&fz.in));
		break;
	case 5:
		user_end(c, tcb, call >> 3);
		break;
	case 6:
		user_profile(c, tcb);
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------ segments */

/** Distances: near, in segments, and where the sign of a difference turns over. */
static uint32_t
distance(const struct tcp_tcb *tcb)
{
	static const uint32_t far[] = {0x7fffffff, 0x80000000, 0x80000001, 0x40000000, 0xc0000000,
			65535, 65536, 0x3fffc000};
	const uint32_t mss = tcb != NULL ? tcb->mss : 536;
	const uint8_t b = fuzz_u8(&fz.in);

	if (b < 0x60)
		return b - 0x20u; /* -32 to 63 */
	if (b < 0x90)
		return (b - 0x68u) * mss; /* -8 to 39 segments */
	if (b < 0xd0)
		return (b - 0x98u) * mss + (fuzz_u8(&fz.in) - 128u);
	if (b < 0xe0)
		return far[b & 7] + (b & 8 ? fuzz_u8(&fz.in) : 0u);
	return fuzz_u32(&fz.in);
}

/** A number of the peer's sequence space. */
static uint32_t
near_rcv(const struct slot *s, const struct tcp_tcb *tcb, unsigned int ref)
{
	const struct conn *c = tcb != NULL ? conn_of(tcb) : NULL;

	if (c == NULL || !c->synced)
		return tcb == NULL && s->half && ref % 5 != 4 ? s->half_irs + 1 : s->seq;
	switch (ref % 5) {
	case 0:
		return tcb->rcv_nxt;
	case 1:
		return tcb->rcv_adv;
	case 2:
		return tcb->last_ack_sent;
	case 3:
		return c->next_read;
	default:
		return c->irs;
	}
}

/** A number of ours. */
static uint32_t
near_snd(const struct slot *s, const struct tcp_tcb *tcb, unsigned int ref)
{
	const struct conn *c = tcb != NULL ? conn_of(tcb) : NULL;

	if (c == NULL)
		return s->half ? s->half_iss + 1 : s->seq;
	switch (ref % 4) {
	case 0:
		return tcb->snd_nxt;
	case 1:
		return tcb->snd_una;
	case 2:
		return c->iss;
	default:
		return tcb->snd_una + (tcb->snd_nxt - tcb->snd_una) / 2;
	}
}

static uint32_t
text_len(const struct tcp_tcb *tcb, uint8_t how)
{
	static const uint16_t lens[] = {1, 2, 3, 47, 48, 100, 535, 536, 1000, 1447, 1448, 1460,
			4000, 9000, 30000, 65000};
	const uint32_t mss = tcb != NULL ? tcb->mss : 536;

	if (how < 128)
		return how;
	if (how < 192)
		return (how & 3) == 0 ? mss : (how & 3) == 1 ? mss - 1 : mss + 1;
	return lens[how & 15];
}

/** A TCB that this segment has made, or brought out of SYN-SENT, gets its model. */
static void
inject_after(unsigned int slot, const struct tcp_seg *said, uint32_t len, uint8_t seed)
{
	const struct tcp_tcb *tcb = slot_tcb(&fz.slot[slot]);
	struct conn *c = tcb != NULL ? conn_of(tcb) : NULL;
	struct tcp_seg seg = *said;
	bool begun = false;

	if (tcb == NULL || (c != NULL && (c->synced || tcb->state == TCP_SYN_SENT)))
		return;
	if (c == NULL) {
		c = conn_begin(tcb, slot, false);
		begun = true;
	}
	conn_sync(c, tcb, &seg);
	seg.payload.len = len;
	if (begun)
		conn_injected(c, tcb, &seg, seed);
}

/** Hand a segment to the core; the model looks on. */
static void
inject(unsigned int slot, struct tcp_seg *seg, uint32_t len, uint8_t seed)
{
	struct slot *s = &fz.slot[slot];
	struct tcp_ctx *ctx = fz.core.ctx;
	struct tcp_tcb *tcb = slot_tcb(s);
	const uint32_t replies = ctx->reply_tail;
	const uint32_t first = seg->seq + ((seg->flags & TCP_SYN) != 0);
	const struct tcp_seg said = *seg;
	struct conn *c = tcb != NULL ? conn_of(tcb) : NULL;
	void *owner;

	if (fz.text + len > TEXT_MAX)
		len = 0;
	s->last = said;
	s->last_len = len;
	if ((seg->flags & TCP_SYN) != 0 && s->n_syns < SYNS_MAX)
		s->syn[s->n_syns++] = (struct syn){seg->seq, seg->wnd,
				(seg->opts & TCP_OPT_WSCALE) != 0 ? seg->wscale : 0};
	fz.text += len;
	seg->family = (uint8_t)fz.family;
	seg->src = s->raddr;
	seg->dst = laddr_get(&fz.core.laddr, s->laddr);
	seg->sport = s->rport;
	seg->dport = s->lport;
	seg->laddr = s->laddr;
	seg->payload = fuzz_buf(len);
	seg->payload.size = fz.buf_size;
	for (uint32_t i = 0; i < len; i++)
		seg->payload.data[i] = octet_in(first + i, seed);
	owner = seg->payload.owner;
	if (fz.unowned)
		seg->payload.owner = NULL;
	fuzz_trace("%llu in  slot %u flags %02x seq %u ack %u wnd %u len %u opts %02x\n",
			(unsigned long long)ctx->now, slot, seg->flags, seg->seq, seg->ack,
			seg->wnd, len, seg->opts);
	if (c != NULL && c->n_inj < INJ_MAX)
		conn_injected(c, tcb, seg, seed);
	tcp_hash(ctx, seg);
	(void)tcp_segment_arrives(ctx, seg);
	if (fz.unowned || seg->payload.owner != NULL)
		tcp_buf_free(owner);
	for (uint32_t i = replies; (said.flags & TCP_RST) != 0 && i != ctx->reply_tail; i++)
		FUZZ_REQUIRE((ctx->reply[i % TCP_REPLY_MAX].flags & TCP_RST) == 0);
	inject_after(slot, &said, len, seed);
}

/** Timestamps as an honest peer's: where they are in use, or on a SYN. */
static void
add_ts(const struct slot *s, const struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	if ((seg->flags & TCP_SYN) == 0 &&
			(tcb != NULL ? (tcb->flags & TF_TS) == 0 : !s->half || s->ts_ecr == 0))
		return;
	seg->opts |= TCP_OPT_TS;
	seg->ts_val = fz.core.ctx->now_ms + s->ts_skew;
	seg->ts_ecr = (seg->flags & TCP_ACK) != 0 ? s->ts_ecr : 0;
}

/** Blocks somewhere around what is in flight. */
static void
add_sack(const struct slot *s, const struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const uint8_t how = fuzz_u8(&fz.in);

	seg->n_sack = 1 + how % TCP_SACK_MAX;
	seg->opts |= TCP_OPT_SACK;
	for (unsigned int i = 0; i < seg->n_sack; i++) {
		const uint32_t left = near_snd(s, tcb, (how >> 2) + i) + distance(tcb);

		seg->sack[i] = (struct tcp_sack){left, left + distance(tcb)};
	}
}

/** What a well-behaved peer sends next: text in order, an ACK, a SYN, a FIN. */
static void
step_easy(unsigned int slot, unsigned int kind)
{
	static const uint8_t flags[] = {
			TCP_SYN, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST | TCP_ACK};
	struct slot *s = &fz.slot[slot];
	const struct tcp_tcb *tcb = slot_tcb(s);
	const struct conn *c = tcb != NULL ? conn_of(tcb) : NULL;
	const uint8_t how = fuzz_u8(&fz.in);
	struct tcp_seg seg = {.flags = kind < 4 ? flags[kind] : TCP_ACK, .wnd = s->wnd};
	uint32_t len = 0;

	seg.seq = c != NULL && c->synced ? tcb->rcv_nxt : near_rcv(s, tcb, 0);
	seg.ack = tcb != NULL ? tcb->snd_nxt : near_snd(s, tcb, 0);
	if ((seg.flags & TCP_SYN) != 0) {
		seg.seq = s->seq;
		seg.opts = how & (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK);
		seg.mss = (how & 0x20) != 0 ? 1460 : (uint16_t)(fuzz_u8(&fz.in) * 8);
		seg.wscale = (how & 0x40) != 0 ? 7 : (uint8_t)(how >> 4 & 14);
		if ((how & TCP_OPT_TS) != 0)
			add_ts(s, tcb, &seg);
		if ((how & 0x80) != 0) /* ECN asked for, or agreed to */
			seg.flags |= kind == 0 ? TCP_ECE | TCP_CWR : TCP_ECE;
	} else {
		add_ts(s, tcb, &seg);
		if (kind == 5 && (how & 0x40) != 0)
			seg.flags |= TCP_ECE;
	}
	if (kind == 4) { /* text */
		len = text_len(tcb, how);
		seg.flags |= TCP_PSH;
		seg.ecn = how & 3;             /* CE now and then */
	} else if (kind == 5 && tcb != NULL) { /* ACK, of a part perhaps, with blocks perhaps */
		const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
		const uint32_t part = (how & 15u) * tcb->mss;

		if ((how & 15) != 0)
			seg.ack = tcb->snd_una +
					(part - tcb->mss < flight ? part - tcb->mss : flight);
		if ((how & 0x10) != 0)
			seg.wnd = s->wnd = fuzz_u16(&fz.in);
		if ((how & 0x20) != 0)
			add_sack(s, tcb, &seg);
	} else if (kind == 2) {
		len = how;
	}
	if ((seg.flags & TCP_ACK) == 0)
		seg.ack = 0;
	inject(slot, &seg, len, 0);
}

/** Any segment at all. */
static void
step_segment(unsigned int slot)
{
	static const uint8_t common[] = {TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_SYN,
			TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK, TCP_ACK | TCP_URG};
	struct slot *s = &fz.slot[slot];
	const struct tcp_tcb *tcb = slot_tcb(s);
	const uint8_t what = fuzz_u8(&fz.in);
	const uint8_t more = fuzz_u8(&fz.in);
	struct tcp_seg seg = {.wnd = s->wnd};
	uint32_t len = 0;
	uint8_t seed = 0;

	seg.flags = (what & 8) != 0 ? fuzz_u8(&fz.in) : common[what & 7];
	seg.seq = near_rcv(s, tcb, what >> 4);
	if ((more & 1) != 0)
		seg.seq += distance(tcb);
	seg.ack = near_snd(s, tcb, more >> 6);
	if ((more & 2) != 0)
		seg.ack += distance(tcb);
	if ((more & 4) != 0)
		len = text_len(tcb, fuzz_u8(&fz.in));
	if ((more & 8) != 0)
		seg.wnd = fuzz_u16(&fz.in);
	add_ts(s, tcb, &seg);
	if ((more & 16) != 0) {
		const uint8_t opts = fuzz_u8(&fz.in);

		seed = opts & 3;
		seg.urp = opts;
		seg.opts = (uint8_t)(opts >> 2);
		if ((seg.flags & TCP_SYN) == 0)
			seg.opts &= TCP_OPT_TS | TCP_OPT_SACK;
		seg.ts_val = fz.core.ctx->now_ms + s->ts_skew + distance(tcb);
		seg.ts_ecr = s->ts_ecr + distance(tcb);
		seg.wscale = (opts & 1) != 0 ? TCP_WSCALE_MAX : 2;
		if (seg.wscale != TCP_WSCALE_MAX || (seg.opts & TCP_OPT_WSCALE) == 0)
			seg.opts &= (uint8_t)~TCP_OPT_WSCALE_HUGE;
		seg.mss = fuzz_u8(&fz.in);
	}
	if ((more & 32) != 0)
		add_sack(s, tcb, &seg);
	else
		seg.opts &= (uint8_t)~TCP_OPT_SACK;
	inject(slot, &seg, len, seed);
}

static void
step_icmp(unsigned int slot)
{
	const struct slot *s = &fz.slot[slot];
	const struct tcp_tcb *tcb = slot_tcb(s);
	struct conn *c = tcb != NULL ? conn_of(tcb) : NULL;
	const uint8_t what = fuzz_u8(&fz.in);
	struct tcp_icmp icmp = {.quoted = {.src = laddr_get(&fz.core.laddr, s->laddr),
						.dst = s->raddr,
						.sport = s->lport,
						.dport = s->rport,
						.family = (uint8_t)fz.family,
						.laddr = s->laddr},
			.hard = (what & 1) != 0,
			.too_big = (what & 2) != 0};

	icmp.quoted.seq = near_snd(s, tcb, what >> 2);
	if ((what & 0x10) != 0)
		icmp.quoted.seq += distance(tcb);
	icmp.mtu = (what & 0x20) != 0 ? fuzz_u16(&fz.in) : (uint16_t)(what * 6);
	if (c != NULL && icmp.hard)
		c->may |= bit(TCP_REASON_UNREACHABLE);
	(void)tcp_icmp_arrives(fz.core.ctx, &icmp);
}

/* ------------------------------------------------------------------ time */

/** Deadline by deadline while the script has work left; then in great strides, as after stalls. */
static void
time_to(time_us_t until)
{
	struct tcp_ctx *ctx = fz.core.ctx;

	for (;;) {
		const time_us_t next = tcp_next(ctx);
		time_us_t to = next < until && fz.work > 0 ? next : until;

		if (to > ctx->now + STALL_MAX_US)
			to = ctx->now + STALL_MAX_US;
		to = to < ctx->now ? ctx->now : to;
		fz.work -= fz.work > 0;
		tcp_set_time(ctx, to);
		/* What was due has been dealt with; after a stall the wheel may have to look twice. */
		for (unsigned int i = 0; i == 0 || (i < 3 && tcp_next(ctx) <= ctx->now); i++) {
			(void)tcp_advance(ctx, 1000000);
			pump();
		}
		FUZZ_REQUIRE(fz.lazy || tcp_next(ctx) > ctx->now);
		if (to == until)
			return;
	}
}

static void
step_time(unsigned int kind, bool stall)
{
	static const uint64_t units_ms[] = {1, 40, 1000, 60000};
	static const uint64_t far_s[] = {
			3600, 7200, 86400, 864000, 2073600, 2160000, 4294967, 2147483};
	const uint8_t n = fuzz_u8(&fz.in);
	const uint64_t ms = kind < 4 ? n * units_ms[kind] : far_s[n & 7] * 1000 + (n >> 3);

	if (stall && ms * 1000 <= STALL_MAX_US)
		tcp_set_time(fz.core.ctx, fz.core.ctx->now + ms * 1000);
	else
		time_to(fz.core.ctx->now + ms * 1000);
}

/* ------------------------------------------------------------------ the rest of the script */

/** The peer's part of a handshake: SYN and ACK, or SYN,ACK for our SYN. */
static void
step_handshake(unsigned int slot)
{
	const struct tcp_tcb *tcb = slot_tcb(&fz.slot[slot]);

	step_easy(slot, tcb != NULL && tcb->state == TCP_SYN_SENT);
	pump_output(16);
	if (tcb == NULL)
		step_easy(slot, 5);
}

static void
step_open(unsigned int slot, bool named)
{
	struct slot *s = &fz.slot[slot];
	const struct tcp_open_args args = {.laddr = s->laddr,
			.lport = named ? (uint16_t)(50000 + slot) : 0,
			.rport = s->rport,
			.raddr = s->raddr};
	const int64_t rc = tcp_open(fz.core.ctx, &args);

	if (rc < 0) {
		FUZZ_REQUIRE(rc == -EADDRNOTAVAIL || rc == -EADDRINUSE || rc == -ENOBUFS);
		return;
	}
	(void)conn_begin(tcp_at(fz.core.ctx, (uint32_t)rc), slot, true);
	s->lport = tcp_at(fz.core.ctx, (uint32_t)rc)->id.lport;
}

static void
step_listen(unsigned int how)
{
	const unsigned int i = how & 1;
	const uint16_t laddr = fz.family == IP_V4 ? FUZZ_LADDR_V4 : FUZZ_LADDR_V6;
	struct tcp_ctx *ctx = fz.core.ctx;

	if ((how & 2) != 0) {
		ctx->draining = !ctx->draining;
	} else if ((how & 12) == 12 && fz.listener[i] >= 0) {
		const struct tcp_profile want = draw_profile();
		const int profile = tcp_profile_get(ctx, &want);

		if (profile >= 0)
			FUZZ_REQUIRE(tcp_listen_profile(ctx, (uint16_t)fz.listener[i],
						     (uint8_t)profile) == 0);
	} else if (fz.listener[i] >= 0) {
		FUZZ_REQUIRE(tcp_unlisten(ctx, (uint16_t)fz.listener[i]) == 0);
		fz.listener[i] = -1;
	} else {
		fz.listener[i] = tcp_listen(ctx, i == 0 ? laddr : LADDR_ANY, PORT,
				1 + (how >> 2) % 8, 0, 0, NULL);
		FUZZ_REQUIRE(fz.listener[i] >= 0);
	}
}

static void
hold(struct pool *pool, uint32_t *held, unsigned int *n)
{
	const uint32_t index = *n < HELD_MAX ? pool_get(pool) : PTCP_NIL;

	if (index != PTCP_NIL)
		held[(*n)++] = index;
}

/** Take objects out of the pools, as if others held them, or give them back; let copies fail; let memory be scarce. */
static void
step_pressure(unsigned int how)
{
	struct tcp_ctx *ctx = fz.core.ctx;
	const unsigned int n = how >> 3;

	if ((how & 7) == 4)
		ctx->mem.scarce = !ctx->mem.scarce;
	if ((how & 7) == 5)
		fuzz_copies(n);
	if ((how & 7) == 6)
		fuzz_copies(UINT32_MAX);
	for (unsigned int i = 0; i <= 2 * n; i++) {
		if ((how & 7) == 0)
			hold(&ctx->node_pool, fz.node, &fz.n_nodes);
		else if ((how & 7) == 1)
			hold(&ctx->block_pool, fz.block, &fz.n_blocks);
		else if ((how & 7) == 2 && fz.n_nodes > 0)
			pool_put(&ctx->node_pool, fz.node[--fz.n_nodes]);
		else if ((how & 7) == 3 && fz.n_blocks > 0)
			pool_put(&ctx->block_pool, fz.block[--fz.n_blocks]);
	}
}

/** The peer says its last segment again, or begins another connection: a passive one, with another ISN. */
static void
step_again(unsigned int slot, bool other)
{
	struct slot *s = &fz.slot[slot];
	struct tcp_seg again = s->last;

	if (other) {
		s->lport = PORT;
		s->seq += distance(NULL);
	} else {
		inject(slot, &again, s->last_len, 0);
	}
}

static void
step(void)
{
	const uint8_t op = fuzz_u8(&fz.in);
	const unsigned int slot = op >> 4 & 3, high = op >> 6;
	struct tcp_tcb *tcb;
	struct conn *c;

	fuzz_trace("-- op %u slot %u high %u\n", op & 15, slot, high);
	switch (op & 15) {
	case 0:
	case 1:
	case 2:
		step_easy(slot, (op & 15) == 0 ? 4 : (op & 15) == 1 ? 5 : high);
		break;
	case 3:
	case 4:
		step_segment(slot);
		break;
	case 5:
		if (high != 2)
			step_open(slot, (high & 1) != 0);
		if (high >= 2)
			step_handshake(slot);
		break;
	case 6:
		step_listen(op >> 4);
		break;
	case 7:
	case 8:
	case 9:
		c = conn_pick(&tcb);
		if (c != NULL)
			user_call(c, tcb,
					(op & 15) == 7                 ? 2 :
							(op & 15) == 8 ? op >> 4 & 1 :
									 fuzz_u8(&fz.in));
		break;
	case 10:
		c = conn_pick(&tcb);
		if (c != NULL)
			user_end(c, tcb, op >> 4);
		break;
	case 11:
		step_again(slot, high == 0);
		break;
	case 12:
		step_time(op >> 4 & 3, (op & 0x40) != 0);
		break;
	case 13:
		step_time(4, (op & 0x40) != 0);
		break;
	case 14:
		step_icmp(slot);
		break;
	default:
		if (op < 0xc0) {
			step_pressure(fuzz_u8(&fz.in));
		} else {
			pump_events(op & 0x10 ? fuzz_u8(&fz.in) : 1);
			pump_output(op & 0x20 ? fuzz_u8(&fz.in) : 1);
		}
		break;
	}
	pump();
	fuzz_core_check(&fz.core);
	check_models();
}

/* ------------------------------------------------------------------ beginning and end */

/** When the core must start so that the first slot's passive connection gets @p iss (RFC 6528: a step each 4 us). */
static time_us_t
start_for_iss(uint32_t iss)
{
	static bool known[2];
	static uint32_t base[2];
	const unsigned int i = fz.family == IP_V6;
	const time_us_t probe = 1000000;

	if (!known[i]) {
		const struct tcp_conf conf = fuzz_core_conf();
		struct tcp_seg seg = {.flags = TCP_SYN, .wnd = 1000};

		fuzz_core_new(&fz.core, &conf, 1, 1, probe);
		fz.listener[0] = tcp_listen(fz.core.ctx, fz.slot[0].laddr, PORT, 8, 0, 0, NULL);
		inject(0, &seg, 0, 0);
		pump_output(1);
		FUZZ_REQUIRE(fz.slot[0].half);
		base[i] = fz.slot[0].half_iss;
		known[i] = true;
		tcp_purge(fz.core.ctx);
		fuzz_core_free(&fz.core);
		fz.slot[0].half = false;
		fz.slot[0].n_syns = 0;
	}
	return probe + (uint64_t)(uint32_t)(iss - base[i]) * 4;
}

static time_us_t
draw_start(void)
{
	static const uint64_t ms[] = {10000, 0x7fffffff, 0xffffffff, 0x100000000};
	const uint8_t how = fuzz_u8(&fz.in);
	const uint8_t back = fuzz_u8(&fz.in);

	if (how < 128)
		return start_for_iss(0u - back * (how & 15u) - 1u);
	return ms[how & 3] * 1000 + 1000000 - back * (how & 12u) * 1000u;
}

static void
draw_recovery_conf(struct tcp_conf *conf)
{
	static const uint16_t ranges[] = {64, 1, 3, 10};
	static const uint32_t mems[] = {0, 4096, 100000};
	static const uint32_t timeouts[] = {0, 0, 200, 10000};
	static const uint16_t sizes[] = {0, 2304, 60000};
	const uint8_t a = fuzz_u8(&fz.in), b = fuzz_u8(&fz.in);

	conf->sack = (a & 1) == 0;
	conf->pacing = (a & 2) != 0;
	conf->ecn = (uint8_t)((a >> 2 & 3) % TCP_ECN_MAX);
	conf->cc = (uint8_t)((a >> 4 & 1) % TCP_CC_MAX);
	conf->cookies = (uint8_t)((a >> 5 & 3) % TCP_COOKIES_MAX);
	fz.unowned = (a & 0x80) != 0;
	conf->max_ranges = ranges[b & 3];
	conf->mem_max = mems[(b >> 2 & 3) % 3];
	conf->user_timeout_ms = timeouts[b >> 4 & 3];
	conf->max_half_open = 1u << (b >> 6);
	fz.buf_size = sizes[(b >> 5 & 1) + (b >> 3 & 1)];
}

static void
draw_conf(struct tcp_conf *conf)
{
	static const uint16_t mtus[] = {1500, 576, 1280, 9000, 65535};
	static const uint16_t msses[] = {0, 64, 536, 1460};
	static const uint32_t rcvs[] = {65535, 2048, 4096, 262144, 8u << 20, 64u << 20};
	static const uint32_t snds[] = {65536, 2048, 5000, 262144};
	static const uint16_t tcbs[] = {4, 1, 2, TCBS_MAX};
	static const uint16_t nodes[] = {64, 2, 5, 16, 700};
	static const uint16_t delacks[] = {40, 0, 500};
	static const uint32_t msls[] = {1000, 10, 3000};
	const uint8_t flags = fuzz_u8(&fz.in);

	fz.family = (flags & 1) != 0 ? IP_V6 : IP_V4;
	conf->timestamps = (flags & 2) != 0;
	conf->window_scale = (flags & 4) != 0;
	fz.lazy = (flags & 8) != 0;
	fz.react = (flags & 16) != 0;
	fz.purge = (flags & 32) != 0;
	conf->ipv6 = fz.family == IP_V6 || (flags & 64) == 0;
	draw_recovery_conf(conf);
	conf->mtu = FUZZ_PICK(&fz.in, mtus);
	conf->mss_max = FUZZ_PICK(&fz.in, msses);
	conf->rcv_buf = FUZZ_PICK(&fz.in, rcvs);
	conf->snd_buf = FUZZ_PICK(&fz.in, snds);
	conf->rcv_buf_max = conf->rcv_buf << (fuzz_u8(&fz.in) & 3);
	conf->snd_buf_max = conf->snd_buf << (flags & 3);
	conf->max_tcbs = FUZZ_PICK(&fz.in, tcbs);
	conf->max_blocks = FUZZ_PICK(&fz.in, tcbs);
	conf->max_timewait = conf->max_tcbs + fuzz_below(&fz.in, 4);
	conf->max_nodes = FUZZ_PICK(&fz.in, nodes);
	conf->delack_ms = FUZZ_PICK(&fz.in, delacks);
	/* TIME-WAIT has a list for each tick of it, so long ones cost memory and time. */
	conf->msl_ms = FUZZ_PICK(&fz.in, msls);
}

static void
begin(void)
{
	struct tcp_conf conf = fuzz_core_conf();

	draw_conf(&conf);
	for (unsigned int i = 0; i < SLOTS; i++)
		fz.slot[i] = (struct slot){.raddr = fuzz_addr(fz.family, (uint8_t)(100 + i / 3)),
				.laddr = (uint16_t)((fz.family == IP_V4 ? FUZZ_LADDR_V4 :
									  FUZZ_LADDR_V6) +
						i / 2),
				.rport = (uint16_t)(i == 3 ? 50000 : 40000 + i),
				.lport = PORT,
				.wnd = i == 2 ? 100 : 65535,
				.seq = i == 1 ? 0xffffff00 : 1000 + i,
				.ts_skew = i == 0 ? 0u - 2000000u : i};
	fz.work = WORK_MAX;
	for (unsigned int i = 0; i < TCBS_MAX; i++)
		fz.conn[i].handle = 0;
	{
		const time_us_t start = draw_start();

		fuzz_core_new(&fz.core, &conf, 1, 1, start);
	}
	fz.text = 0;
	fz.n_nodes = fz.n_blocks = 0;
	fz.listener[0] = fz.listener[1] = -1;
	step_listen(7u << 2 | 1);
}

static void
end(void)
{
	struct tcp_ctx *ctx = fz.core.ctx;

	while (fz.n_nodes > 0)
		pool_put(&ctx->node_pool, fz.node[--fz.n_nodes]);
	while (fz.n_blocks > 0)
		pool_put(&ctx->block_pool, fz.block[--fz.n_blocks]);
	fuzz_copies(UINT32_MAX);
	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++) {
		struct conn *c = conn_of(tcp_at(ctx, i));

		if (c != NULL && c->announced)
			conn_read(c, tcp_at(ctx, i), UINT32_MAX);
	}
	if (fz.purge) {
		tcp_purge(ctx);
		FUZZ_REQUIRE(fuzz_bufs() == 0);
		return;
	}
	fz.lazy = fz.react = false;
	pump();
	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++) {
		struct conn *c = conn_of(tcp_at(ctx, i));

		if (c != NULL)
			user_end(c, tcp_at(ctx, i), 2);
	}
	pump();
	for (unsigned int i = 0; i < 2; i++) {
		if (fz.listener[i] >= 0)
			step_listen(i); /* unlisten */
	}
	time_to(ctx->now + 2000ull * ctx->conf.msl_ms + 1000);
	for (unsigned int i = 0; i < TCBS_MAX; i++)
		FUZZ_REQUIRE(fz.conn[i].handle == 0 || !fz.conn[i].announced || fz.conn[i].closed);
	fuzz_core_check_empty(&fz.core);
	FUZZ_REQUIRE(fuzz_bufs() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fz.in = (struct fuzz_in){data, size};
	begin();
	for (unsigned int i = 0; i < STEPS_MAX && fz.in.left > 0; i++)
		step();
	end();
	fuzz_core_free(&fz.core);
	return 0;
}
