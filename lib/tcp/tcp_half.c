/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN-RECEIVED of a passive open. What a record sends is made by the functions that serve TCBs, from a TCB on the stack
 * that tcp_half_expand() fills: options, windows and timestamps have one place each. It leaves as a reply; where the ring
 * of replies is full, the wheel's next turn tries again.
 */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ records */

#define ALIGNED(n) (((n) + PTCP_CACHE_LINE - 1) & ~(size_t)(PTCP_CACHE_LINE - 1))

size_t
tcp_half_size(uint32_t max, bool ipv6)
{
	return ALIGNED(max * sizeof(struct tcp_half)) +
			(ipv6 ? ALIGNED(max * sizeof(struct ip_addr)) : 0) +
			ALIGNED(conn_table_size(max));
}

void
tcp_half_init(struct tcp_ctx *ctx, void *mem)
{
	const uint32_t max = ctx->conf.max_half_open;
	uint8_t *p = mem;

	ctx->half = mem;
	pool_init(&ctx->half_pool, mem, sizeof(struct tcp_half), max);
	p += ALIGNED(max * sizeof(struct tcp_half));
	if (ctx->conf.ipv6) {
		ctx->half_raddr6 = (struct ip_addr *)(void *)p;
		p += ALIGNED(max * sizeof(struct ip_addr));
	}
	conn_table_init(&ctx->half_table, p, max, ctx->half, sizeof(struct tcp_half),
			ctx->half_raddr6);
	wheel_init(&ctx->half_wheel, &ctx->half[0].timer, sizeof(struct tcp_half), max,
			ctx->now / TIME_US_PER_MS);
}

uint32_t
tcp_half_find(const struct tcp_ctx *ctx, uint32_t hash, const struct conn_key *k)
{
	if (PTCP_LIKELY(ctx->half_table.n_used == 0))
		return PTCP_NIL;
	return conn_table_find(&ctx->half_table, hash, k);
}

static inline struct tcp_half *
half_at(const struct tcp_ctx *ctx, uint32_t index)
{
	PTCP_ASSERT(index < ctx->half_pool.size);
	return &ctx->half[index];
}

static inline uint32_t
half_index(const struct tcp_ctx *ctx, const struct tcp_half *h)
{
	return (uint32_t)(h - ctx->half);
}

static inline bool
half_v6(const struct tcp_ctx *ctx, const struct tcp_half *h)
{
	return laddr_family(ctx->laddr, h->id.laddr) == IP_V6;
}

static struct ip_addr
half_raddr(const struct tcp_ctx *ctx, const struct tcp_half *h)
{
	return half_v6(ctx, h) ? ctx->half_raddr6[half_index(ctx, h)] : ip_addr_v4(h->id.raddr);
}

/** Fire at @p deadline, or at once when that has passed. */
static void
half_arm(struct tcp_ctx *ctx, struct tcp_half *h, time_ms_t deadline)
{
	const int32_t delta = (int32_t)(deadline - (uint32_t)ctx->half_wheel.now);

	wheel_arm(&ctx->half_wheel, half_index(ctx, h),
			ctx->half_wheel.now + (delta > 0 ? (uint32_t)delta : 0));
}

static void
half_free(struct tcp_ctx *ctx, struct tcp_half *h)
{
	h->flags = 0;
	pool_put(&ctx->half_pool, half_index(ctx, h));
}

static uint32_t
half_hash(const struct tcp_ctx *ctx, const struct tcp_half *h)
{
	return tcp_hash_of(ctx, &h->id,
			half_v6(ctx, h) ? &ctx->half_raddr6[half_index(ctx, h)] : NULL);
}

/** Leave the table, where it is by @p hash, the wheel and the counts. */
static void
half_detach(struct tcp_ctx *ctx, struct tcp_half *h, uint32_t hash)
{
	const uint32_t index = half_index(ctx, h);

	(void)conn_table_remove(&ctx->half_table, hash, index);
	wheel_cancel(&ctx->half_wheel, index);
	ctx->listeners->l[h->id.aux].n_half_open--;
	ctx->n_state[TCP_SYN_RECEIVED]--;
}

/** Back to LISTEN: nobody has heard of it. */
static void
half_end(struct tcp_ctx *ctx, struct tcp_half *h)
{
	half_detach(ctx, h, half_hash(ctx, h));
	tcp_count(ctx, COUNTER_FAILED);
	half_free(ctx, h);
}

void
tcp_half_expand(const struct tcp_ctx *ctx, const struct tcp_half *h, struct tcp_tcb *tcb)
{
	const struct ip_addr local = laddr_get(ctx->laddr, h->id.laddr);
	const struct ip_addr remote = half_raddr(ctx, h);

	tcb->id = h->id;
	tcb->id.aux = UINT16_MAX;
	tcb->snd_una = h->iss;
	tcb->snd_nxt = h->iss + 1;
	tcb->rcv_nxt = h->irs + 1;
	tcb->rcv_adv = h->rcv_adv;
	tcb->last_ack_sent = tcb->rcv_nxt;
	tcb->mss = h->mss;
	tcb->wscale = h->wscale;
	tcb->wl1 = h->irs;
	tcb->flags |= ((h->opts & HALF_TS) != 0 ? TF_TS : 0) |
			((h->opts & HALF_WS) != 0 ? TF_WS : 0) |
			((h->opts & HALF_SACK) != 0 ? TF_SACK : 0) |
			((h->opts & HALF_ECN) != 0 ? TF_ECN : 0) | (h->shift > 0 ? TF_SYN_LOST : 0);
	tcb->ts_recent = h->ts_recent;
	/* Not later than it was set: after a day as a record, 24 days from now would be beyond what 32 bits can tell. */
	tcb->ts_age = (uint16_t)((ctx->now_ms - h->waited_ms) >> 16);
	tcb->snd_wnd = (uint16_t)(h->wnd >> (h->wscale >> 4));
	tcb->max_wnd = tcb->snd_wnd;
	tcb->ts_offset = tcp_start_of(ctx, half_v6(ctx, h) ? IP_V6 : IP_V4, &local, &remote,
			h->id.lport, h->id.rport)
					 .ts_offset;
	tcb->srtt = h->t_sent;
	tcb->rttvar = (h->flags & HALF_AGAIN) != 0 ? 2 : (h->flags & HALF_SENT) != 0;
	tcb->shift = h->shift;
}

/** The TCB on the stack for functions that serve TCBs. It has no index: nothing that lies in parallel arrays is known. */
static struct tcp_tcb
half_as_tcb(const struct tcp_ctx *ctx, const struct tcp_half *h)
{
	struct tcp_tcb tcb = {.state = TCP_SYN_RECEIVED, .blk = PTCP_NIL};

	tcp_half_expand(ctx, h, &tcb);
	return tcb;
}

/* ------------------------------------------------------------------ what a record sends */

/** A reply to the record's peer, or NULL: no room now. */
static struct tcp_seg *
half_reply(struct tcp_ctx *ctx, const struct tcp_half *h)
{
	const struct tcp_seg to = {
			.src = half_raddr(ctx, h),
			.dst = laddr_get(ctx->laddr, h->id.laddr),
			.sport = h->id.rport,
			.dport = h->id.lport,
			.family = half_v6(ctx, h) ? IP_V6 : IP_V4,
			.laddr = h->id.laddr,
	};

	return tcp_reply_room(ctx) > 0 ? tcp_reply(ctx, &to) : NULL;
}

/** SYN,ACK, now or at the wheel's next turn. */
static void
half_syn_ack(struct tcp_ctx *ctx, struct tcp_half *h)
{
	struct tcp_tcb tcb = half_as_tcb(ctx, h);
	struct tcp_seg *r = half_reply(ctx, h);

	if (r == NULL) {
		h->flags |= HALF_OWED;
		half_arm(ctx, h, ctx->now_ms);
		return;
	}
	h->flags &= (uint8_t)~HALF_OWED;
	tcp_syn_fields(ctx, &tcb, r);
	h->rcv_adv = tcb.rcv_adv;
	if ((h->flags & HALF_SENT) == 0) {
		h->flags |= HALF_SENT;
		h->t_sent = (uint32_t)ctx->now;
		h->t_rexmt = ctx->now_ms + tcp_rto_ms(ctx, &tcb);
	} else {
		h->flags |= HALF_AGAIN;
		tcp_reply_mark_again(ctx);
		tcp_count(ctx, COUNTER_RETRANSMITTED);
	}
	/* Said again to a duplicate SYN, it has its deadline already: nobody can put that off. */
	half_arm(ctx, h, h->t_rexmt);
}

static void
half_ack(struct tcp_ctx *ctx, struct tcp_half *h)
{
	struct tcp_tcb tcb = half_as_tcb(ctx, h);
	struct tcp_seg *r = half_reply(ctx, h);

	if (r == NULL)
		return; /* as good as lost */
	r->seq = tcb.snd_nxt;
	tcp_ack_fields(ctx, &tcb, r);
	h->rcv_adv = tcb.rcv_adv;
	tcp_count(ctx, COUNTER_CHALLENGE_ACKS);
}

/** RST and the end of it, now or at the wheel's next turns. */
static void
half_rst(struct tcp_ctx *ctx, struct tcp_half *h)
{
	struct tcp_seg *r = half_reply(ctx, h);

	if (r == NULL) {
		half_arm(ctx, h, ctx->now_ms);
		return;
	}
	r->seq = h->iss + 1;
	r->flags = TCP_RST;
	if ((h->opts & HALF_TS) != 0) {
		/* RFC 7323 section 5.2; without ACK there is nothing to echo. */
		r->opts = TCP_OPT_TS;
		r->ts_val = ctx->now_ms +
				tcp_start_of(ctx, r->family, &r->src, &r->dst, h->id.lport,
						h->id.rport)
						.ts_offset;
	}
	tcp_count(ctx, COUNTER_RST_OUT);
	half_free(ctx, h);
}

/* ------------------------------------------------------------------ LISTEN */

/** What the peer's SYN offers and we agree to. */
static void
half_options(struct tcp_ctx *ctx, struct tcp_half *h, const struct tcp_seg *seg)
{
	struct tcp_tcb tcb = {.state = TCP_SYN_RECEIVED, .blk = PTCP_NIL};

	tcp_syn_options(ctx, &tcb, seg);
	h->opts = (uint8_t)(((tcb.flags & TF_TS) != 0 ? HALF_TS : 0) |
			((tcb.flags & TF_WS) != 0 ? HALF_WS : 0) |
			((tcb.flags & TF_SACK) != 0 ? HALF_SACK : 0) |
			((tcb.flags & TF_ECN) != 0 ? HALF_ECN : 0));
	h->mss = tcb.mss;
	h->wscale = tcb.wscale;
	h->ts_recent = tcb.ts_recent;
	h->wnd = seg->wnd;
}

void
tcp_half_open(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint16_t listener, uint32_t iss_floor,
		bool has_floor)
{
	const uint32_t index = pool_get(&ctx->half_pool);
	struct tcp_half *h = half_at(ctx, index);
	int rc;

	memset(h, 0, sizeof(*h));
	h->id = tcp_ident_of(seg);
	h->id.aux = listener;
	if (ctx->half_raddr6 != NULL)
		ctx->half_raddr6[index] = seg->src;
	h->flags = HALF_USED;
	h->irs = seg->seq;
	h->rcv_adv = h->irs + 1 + tcp_syn_window(ctx);
	half_options(ctx, h, seg);
	h->iss = tcp_start_of(ctx, seg->family, &seg->dst, &seg->src, seg->dport, seg->sport).isn;
	/* RFC 6191, RFC 1122 section 4.2.2.13: beyond whatever the last incarnation used. */
	if (has_floor && seq_leq(h->iss, iss_floor))
		h->iss = iss_floor + 1;
	wheel_node_init(&ctx->half_wheel, index);
	rc = conn_table_insert(&ctx->half_table, seg->hash, index);
	/* The table holds max_half_open, so it cannot be full while a record is free. */
	PTCP_ASSERT(rc == 0);
	(void)rc;
	ctx->listeners->l[listener].n_half_open++;
	ctx->n_state[TCP_SYN_RECEIVED]++;
	tcp_count(ctx, COUNTER_OPENED);
	/* Text that came with the SYN is not kept (half-open memory is fixed): unacknowledged, it comes again. */
	half_syn_ack(ctx, h);
}

/* ------------------------------------------------------------------ SEGMENT ARRIVES in SYN-RECEIVED */

/** As challenge() of tcp_input.c: at most one answer each 500 ms, but text is always acknowledged. */
static bool
half_limited(struct tcp_ctx *ctx, struct tcp_half *h)
{
	/* A record does not live long enough for 32-bit milliseconds to wrap: syn_r2_ms and one RTO. */
	if ((h->flags & HALF_OOW) != 0 && ctx->now_ms - h->t_oow < TCP_OOW_MS)
		return true;
	h->flags |= HALF_OOW;
	h->t_oow = ctx->now_ms;
	return false;
}

static void
half_challenge(struct tcp_ctx *ctx, struct tcp_half *h)
{
	if (half_limited(ctx, h))
		tcp_count(ctx, COUNTER_ACKS_LIMITED);
	else
		half_ack(ctx, h);
}

/** Old or out of place. The SYN that we know asks for the SYN,ACK again: its sender could not use an ACK. */
static enum drop_reason
half_unacceptable(struct tcp_ctx *ctx, struct tcp_half *h, const struct tcp_seg *seg,
		enum drop_reason reason)
{
	if ((seg->flags & TCP_RST) != 0)
		return reason;
	if ((seg->flags & TCP_SYN) != 0 && seg->seq == h->irs) {
		if (!half_limited(ctx, h)) {
			/* The second SYN may be a plain one (RFC 3168 section 6.1.1.1). */
			if ((seg->flags & (TCP_ECE | TCP_CWR)) != (TCP_ECE | TCP_CWR))
				h->opts &= (uint8_t)~HALF_ECN;
			half_syn_ack(ctx, h);
		}
	} else if (tcp_seg_len(seg) > 0 && (seg->flags & TCP_SYN) == 0) {
		half_ack(ctx, h);
	} else {
		half_challenge(ctx, h);
	}
	return reason;
}

/** RFC 9293 table 6, for a window that is never closed. */
static bool
half_in_window(const struct tcp_half *h, const struct tcp_seg *seg)
{
	const uint32_t wnd = h->rcv_adv - (h->irs + 1);
	const uint32_t len = tcp_seg_len(seg);

	return seg->seq == h->irs + 1 || seq_in(seg->seq, h->irs + 1, wnd) ||
			(len > 0 && seq_in(seg->seq + len - 1, h->irs + 1, wnd));
}

/** First: the sequence number, and before it the timestamp (RFC 7323 section 5.3). @return DROP_NONE: acceptable */
static enum drop_reason
half_sequence(struct tcp_ctx *ctx, struct tcp_half *h, const struct tcp_seg *seg)
{
	const bool ts = (seg->opts & TCP_OPT_TS) != 0;

	if ((h->opts & HALF_TS) != 0 && (seg->flags & TCP_RST) == 0) {
		/* RFC 7323 section 3.2; but a SYN is of another incarnation, and wants its answer. */
		if (!ts && (seg->flags & TCP_SYN) == 0)
			return DROP_TCP_NO_TS;
		if (ts && seq_lt(seg->ts_val, h->ts_recent))
			return half_unacceptable(ctx, h, seg, DROP_TCP_PAWS);
	}
	/* The SYN of the record again is old, though text that came with it may lie in the window. */
	if (((seg->flags & TCP_SYN) != 0 && seg->seq == h->irs) || !half_in_window(h, seg))
		return half_unacceptable(ctx, h, seg, DROP_TCP_SEQ);
	return DROP_NONE;
}

/** Second: RST (RFC 5961 section 3). Back to LISTEN: the listener never left it. */
static enum drop_reason
half_reset(struct tcp_ctx *ctx, struct tcp_half *h, const struct tcp_seg *seg)
{
	/* It is the RST's own number that counts: text that reaches into the window does not bring it there. */
	if (seq_leq(seg->seq, h->irs))
		return DROP_TCP_SEQ;
	if (seg->seq != h->irs + 1) {
		half_challenge(ctx, h);
		return DROP_TCP_RST_CHALLENGED;
	}
	tcp_count(ctx, COUNTER_RST_IN);
	half_end(ctx, h);
	return DROP_NONE;
}

/** The handshake's last ACK: a TCB takes the record's place, and the segment goes on there. */
static enum drop_reason
half_done(struct tcp_ctx *ctx, struct tcp_half *h, struct tcp_seg *seg)
{
	const enum drop_reason refused = tcp_admit(ctx);
	struct tcp_tcb *tcb;

	/* The record stays: the peer repeats its text, and we SYN,ACK, which it answers by another ACK. */
	if (refused != DROP_NONE)
		return tcp_drop(ctx, refused);
	tcb = tcp_alloc(ctx);
	PTCP_ASSERT(tcb != NULL);
	tcp_half_expand(ctx, h, tcb);
	half_detach(ctx, h, seg->hash);
	tcp_passive_begin(ctx, tcb, h->id.aux, seg);
	half_free(ctx, h);
	return tcp_arrives_tcb(ctx, tcb, seg);
}

/**
 * It acknowledges what the record did not send. But an earlier copy of the SYN may have met no free record and been
 * answered by a cookie, and that is the SYN,ACK which the peer has taken: then the record is the one that is wrong. It knows
 * the IRS, so that any segment of the peer's will do: where the first one was lost, later text, and the ACK by which
 * the peer refuses the record's SYN,ACK.
 */
static enum drop_reason
half_wrong_ack(struct tcp_ctx *ctx, struct tcp_half *h, struct tcp_seg *seg)
{
	const uint16_t listener = h->id.aux;
	struct tcp_cookie_syn syn = tcp_cookie_syn_of(ctx, seg, h->irs);
	struct tcp_cookie cookie;

	/* The record may have told more since, and a SYN that was repeated may do without options. */
	syn.rcv_adv = seq_max(syn.rcv_adv, h->rcv_adv);
	if ((h->opts & HALF_TS) != 0)
		syn.ts_recent = h->ts_recent;
	if (!tcp_cookie_live(ctx, listener) || !tcp_cookie_good(ctx, seg, h->irs, &cookie)) {
		tcp_reply_rst(ctx, seg);
		return tcp_drop(ctx, DROP_TCP_ACK_UNSENT);
	}
	if (tcp_admit(ctx) == DROP_NONE)
		half_end(ctx, h);
	return tcp_cookie_open(ctx, seg, listener, &syn, &cookie);
}

enum drop_reason
tcp_half_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t index)
{
	struct tcp_half *h = half_at(ctx, index);
	enum drop_reason reason;

	if (!tcp_flags_ok(seg->flags))
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	reason = half_sequence(ctx, h, seg);
	if (reason != DROP_NONE)
		return tcp_drop(ctx, reason);
	if ((seg->flags & TCP_RST) != 0) {
		reason = half_reset(ctx, h, seg);
		return reason == DROP_NONE ? reason : tcp_drop(ctx, reason);
	}
	/* Third, security and compartment: not in use (RFC 9293 section A.1). Fourth, SYN: a passive opener returns to LISTEN. */
	if ((seg->flags & TCP_SYN) != 0) {
		half_end(ctx, h);
		return DROP_NONE;
	}
	/* Fifth, ACK: SND.UNA < SEG.ACK =< SND.NXT. */
	if (seg->ack == h->iss + 1)
		return half_done(ctx, h, seg);
	return half_wrong_ack(ctx, h, seg);
}

enum drop_reason
tcp_half_icmp(struct tcp_ctx *ctx, uint32_t index, uint32_t seq, bool hard)
{
	struct tcp_half *h = half_at(ctx, index);

	/* SYN,ACK is all that is in flight (RFC 5927 section 4.1), and too big for no path. */
	if (seq != h->iss)
		return tcp_drop(ctx, DROP_ICMP_QUOTE);
	tcp_count(ctx, COUNTER_ICMP_ERRORS);
	/* Not synchronised: a hard error is believed (RFC 5927 section 5.2). */
	if (hard)
		half_end(ctx, h);
	return DROP_NONE;
}

void
tcp_half_unlisten(struct tcp_ctx *ctx, uint16_t listener)
{
	for (uint32_t i = 0; i < ctx->half_pool.fresh; i++) {
		struct tcp_half *h = half_at(ctx, i);

		if ((h->flags & (HALF_USED | HALF_DEAD)) != HALF_USED || h->id.aux != listener)
			continue;
		half_detach(ctx, h, half_hash(ctx, h));
		tcp_count(ctx, COUNTER_FAILED);
		h->flags |= HALF_DEAD;
		half_rst(ctx, h);
	}
}

/* ------------------------------------------------------------------ deadlines */

static void
half_rexmt_timeout(struct tcp_ctx *ctx, struct tcp_half *h)
{
	struct tcp_tcb tcb = half_as_tcb(ctx, h);

	if (h->shift == 2)
		tcp_count(ctx, COUNTER_R1_REACHED);
	/* What was waited for counts, not what the clock says: after a stall nobody dies while his ACK waits. */
	h->waited_ms += tcp_rto_ms(ctx, &tcb);
	if (h->waited_ms >= ctx->conf.syn_r2_ms) {
		tcp_count(ctx, COUNTER_HALF_OPEN_EXPIRED);
		half_end(ctx, h);
		return;
	}
	if (h->shift < 32)
		h->shift++;
	tcp_count(ctx, COUNTER_RTO);
	tcb.shift = h->shift;
	h->t_rexmt = ctx->now_ms + tcp_rto_ms(ctx, &tcb);
	half_syn_ack(ctx, h);
}

static void
half_timeout(void *arg, uint32_t index)
{
	struct tcp_ctx *ctx = arg;
	struct tcp_half *h = half_at(ctx, index);

	if ((h->flags & HALF_DEAD) != 0)
		half_rst(ctx, h);
	else if ((h->flags & HALF_SENT) != 0 && time_ms_reached(h->t_rexmt, ctx->now_ms))
		half_rexmt_timeout(ctx, h);
	else
		half_syn_ack(ctx, h); /* owed: the node has no third reason to come due */
}

uint32_t
tcp_half_advance(struct tcp_ctx *ctx, uint32_t budget)
{
	const uint32_t room = tcp_reply_room(ctx);

	/* Each of them wants to say something: while nothing can leave, they wait in the wheel. */
	if (room == 0)
		return 0;
	return wheel_advance(&ctx->half_wheel, ctx->now / TIME_US_PER_MS,
			budget < room ? budget : room, half_timeout, ctx);
}

/* ------------------------------------------------------------------ invariants */

static const char *
half_check_one(const struct tcp_ctx *ctx, const struct tcp_half *h)
{
	if (!wheel_armed(&ctx->half_wheel, half_index(ctx, h)))
		return "half-open record without an armed timer";
	if ((h->flags & HALF_DEAD) != 0)
		return NULL;
	if (h->id.aux >= LISTENERS_MAX || !ctx->listeners->l[h->id.aux].used)
		return "half-open record without a listener";
	if ((h->flags & (HALF_SENT | HALF_OWED)) == 0)
		return "half-open record that sent nothing and owes nothing";
	if (seq_lt(h->rcv_adv, h->irs + 1))
		return "half-open record: rcv_nxt beyond the advertised edge";
	return NULL;
}

const char *
tcp_half_check(const struct tcp_ctx *ctx, uint32_t *live)
{
	uint32_t used = 0, by_listener = 0;
	const char *text = NULL;

	*live = 0;
	for (uint32_t i = 0; i < ctx->half_pool.fresh && text == NULL; i++) {
		const struct tcp_half *h = half_at(ctx, i);

		if ((h->flags & HALF_USED) == 0)
			continue;
		used++;
		*live += (h->flags & HALF_DEAD) == 0;
		text = half_check_one(ctx, h);
	}
	for (uint32_t i = 0; i < LISTENERS_MAX; i++)
		by_listener += ctx->listeners->l[i].n_half_open;
	if (text == NULL && used != ctx->half_pool.n_used)
		text = "half-open records miscounted";
	if (text == NULL && (*live != by_listener || *live != ctx->half_table.n_used))
		text = "half-open records, their table and their listeners disagree";
	if (text == NULL)
		text = wheel_check(&ctx->half_wheel);
	if (text == NULL)
		text = conn_table_check(&ctx->half_table, &ctx->hash_key);
	return text;
}
