/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SEGMENT ARRIVES: RFC 9293 section 3.10.7, in its order. Each step answers whether the segment goes on to the next;
 * combinations need no case of their own, because they pass through the steps one after the other.
 */
#include "tcp/tcp_impl.h"

/** What a step says: go on, or stop here (with the reason, DROP_NONE when the segment was of use). */
#define NEXT_STEP DROP_MAX

/* ------------------------------------------------------------------ answers to unacceptable segments */

static void
limit_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcb->oow_age = (uint16_t)ctx->now_ms;
	tcb->flags |= TF_OOW_SENT;
	/* The age is 16 bits: the timer ends it before it wraps. */
	tcp_timer_at(ctx, tcb, ctx->now_ms + TCP_OOW_MS);
}

/**
 * ACK a segment that is not acceptable, at most one each 500 ms a connection: loops decay, and the limit is nobody
 * else's to exhaust (RFC 5961 section 7, CVE-2016-5696). Text is acknowledged always: its sender waits for it.
 */
static void
challenge(struct tcp_ctx *ctx, struct tcp_tcb *tcb, bool limited)
{
	if (limited && tcp_oow_limited(ctx, tcb)) {
		tcp_count(ctx, COUNTER_ACKS_LIMITED);
		return;
	}
	if (limited) {
		limit_start(ctx, tcb);
	}
	tcp_count(ctx, COUNTER_CHALLENGE_ACKS);
	tcp_want_output(ctx, tcb, OUT_ACK);
}

/* ------------------------------------------------------------------ options and timestamps */

void
tcp_syn_options(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint16_t ours = tcp_our_mss(ctx, seg->family);
	uint16_t mss = seg->family == IP_V6 ? TCP_MSS_V6 : TCP_MSS_V4;

	if ((seg->opts & TCP_OPT_MSS) != 0)
		mss = seg->mss;
	if (mss > ours)
		mss = ours;
	if (mss < TCP_MSS_FLOOR)
		mss = TCP_MSS_FLOOR;
	if ((seg->opts & TCP_OPT_TS) != 0 && ctx->conf.timestamps) {
		tcb->flags |= TF_TS;
		tcb->ts_recent = seg->ts_val;
		tcb->ts_age = (uint16_t)(ctx->now_ms >> 16);
		mss = (uint16_t)(mss - TCP_TS_LEN);
	}
	if ((seg->opts & TCP_OPT_SACK_OK) != 0 && ctx->conf.sack)
		tcb->flags |= TF_SACK;
	if ((seg->opts & TCP_OPT_WSCALE_HUGE) != 0)
		tcp_count(ctx, COUNTER_WSCALE_CLAMPED);
	if ((seg->opts & TCP_OPT_WSCALE) != 0 && ctx->conf.window_scale) {
		tcb->flags |= TF_WS;
		tcb->wscale = (uint8_t)(seg->wscale << 4 | ctx->rcv_wscale);
	}
	tcp_ecn_setup(ctx, tcb, seg);
	tcb->mss = mss;
}

/** An older timestamp than the last one, while that is fresh (RFC 7323 section 5.3 R1, 5.5). */
static inline bool
ts_older(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	return PTCP_UNLIKELY(seq_lt(seg->ts_val, tcb->ts_recent)) && !tcp_ts_stale(ctx, tcb);
}

/** RFC 7323 section 4.3 (2) and 5.3 R3, for segments whose ACK was found right; never for a RST (5.2). */
static inline void
timestamp_update(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	if ((tcb->flags & TF_TS) == 0 || (seg->opts & TCP_OPT_TS) == 0)
		return;
	if (seq_gt(seg->seq, tcb->last_ack_sent))
		return;
	PTCP_ASSERT(!ts_older(ctx, tcb, seg)); /* check_sequence(), predicted() */
	tcb->ts_recent = seg->ts_val;
	tcb->ts_age = (uint16_t)(ctx->now_ms >> 16);
	tcb->flags &= ~TF_TS_STALE;
}

/* ------------------------------------------------------------------ 3.10.7.4, first: check sequence number */

/**
 * An empty segment at the right edge: all its peer can say whose whole window is on its way, empty_seq() says the same.
 * The ACK in it counts, else he who answers each keepalive probe so is taken for dead. A RST there is nobody's.
 */
static bool
empty_at_edge(const struct tcp_tcb *tcb, const struct tcp_seg *seg, uint32_t wnd)
{
	return seg->seq == tcb->rcv_nxt + wnd && (seg->flags & TCP_RST) == 0 &&
			tcb->state != TCP_SYN_RECEIVED;
}

/** RFC 9293 table 6. With a zero window a segment at RCV.NXT is let in for its ACK and RST; its text is cut off later. */
static bool
acceptable(const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint32_t wnd = tcp_rcv_wnd(tcb);
	const uint32_t len = tcp_seg_len(seg);

	if (seg->seq == tcb->rcv_nxt)
		return true;
	if (wnd == 0)
		return false;
	if (len == 0 && empty_at_edge(tcb, seg, wnd))
		return true;
	return seq_in(seg->seq, tcb->rcv_nxt, wnd) ||
			(len > 0 && seq_in(seg->seq + len - 1, tcb->rcv_nxt, wnd));
}

/** The SYN of SYN-RECEIVED again. It is old, though text that came with it may lie in the window. */
static bool
syn_again(const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	return tcb->state == TCP_SYN_RECEIVED && (seg->flags & TCP_SYN) != 0 &&
			seg->seq == tcb->rcv_nxt - 1;
}

/** Text from before RCV.NXT: the ACK says what it was (RFC 2883). */
static void
tell_duplicate(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	/* A SYN is no text. */
	const uint32_t first = seg->seq + ((seg->flags & TCP_SYN) != 0);
	const uint32_t end = first + seg->payload.len;

	if (seg->payload.len > 0 && seq_lt(first, tcb->rcv_nxt))
		tcp_dsack(ctx, tcb, first, seq_min(end, tcb->rcv_nxt));
}

/** An old segment that asks again for what we have said already: SYN,ACK in SYN-RECEIVED is said again. */
static void
answer_unacceptable(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const bool text = tcp_seg_len(seg) > 0 && (seg->flags & TCP_SYN) == 0;

	if ((seg->flags & TCP_RST) != 0)
		return;
	tell_duplicate(ctx, tcb, seg);
	if (syn_again(tcb, seg)) {
		if (!tcp_oow_limited(ctx, tcb)) {
			limit_start(ctx, tcb);
			tcp_ecn_setup(ctx, tcb, seg); /* the second SYN may be a plain one */
			tcp_want_output(ctx, tcb, OUT_SYN);
		}
		return;
	}
	challenge(ctx, tcb, !text);
}

static enum drop_reason
check_sequence(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	/*
	 * Simultaneous open: the peer's SYN,ACK has the sequence number of the SYN that we have taken. Its SYN is old,
	 * its ACK is not (RFC 9293 figure 7).
	 */
	if (tcb->state == TCP_SYN_RECEIVED && (tcb->flags & TF_ACTIVE) != 0 &&
			(seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) &&
			seg->seq == tcb->rcv_nxt - 1 && seg->ack == tcb->snd_nxt) {
		seg->flags &= (uint8_t)~TCP_SYN;
		seg->seq++;
		/* Its window is not scaled (RFC 7323 section 2.2); from here on it counts as if it were. */
		seg->wnd = (uint16_t)(seg->wnd >> (tcb->wscale >> 4));
	}
	if ((tcb->flags & TF_TS) != 0 && (seg->flags & TCP_RST) == 0) {
		/* RFC 7323 section 3.2; but a SYN is of another incarnation, and wants its challenge. */
		if ((seg->opts & TCP_OPT_TS) == 0 && (seg->flags & TCP_SYN) == 0)
			return DROP_TCP_NO_TS;
		if ((seg->opts & TCP_OPT_TS) != 0 && ts_older(ctx, tcb, seg)) {
			answer_unacceptable(ctx, tcb, seg);
			return DROP_TCP_PAWS;
		}
	}
	if (syn_again(tcb, seg) || !acceptable(tcb, seg)) {
		answer_unacceptable(ctx, tcb, seg);
		return DROP_TCP_SEQ;
	}
	return NEXT_STEP;
}

/* ------------------------------------------------------------------ second: check RST (RFC 5961 section 3) */

static enum drop_reason
check_rst(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	if ((seg->flags & TCP_RST) == 0)
		return NEXT_STEP;
	/* It is the RST's own number that counts: text that reaches into the window does not bring it there. */
	if (seq_lt(seg->seq, tcb->rcv_nxt))
		return DROP_TCP_SEQ;
	if (seg->seq != tcb->rcv_nxt) {
		challenge(ctx, tcb, true);
		return DROP_TCP_RST_CHALLENGED;
	}
	tcp_count(ctx, COUNTER_RST_IN);
	tcp_end(ctx, tcb, tcb->state == TCP_SYN_RECEIVED ? TCP_REASON_REFUSED : TCP_REASON_RESET,
			false);
	return DROP_NONE;
}

/* ------------------------------------------------------------------ fourth: check SYN (RFC 5961 section 4) */

static enum drop_reason
check_syn(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	if ((seg->flags & TCP_SYN) == 0)
		return NEXT_STEP;
	challenge(ctx, tcb, true);
	return DROP_TCP_SYN_CHALLENGED;
}

/* ------------------------------------------------------------------ fifth: check the ACK field */

static void
take_window(struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	/* The window of a segment with SYN is never scaled (RFC 7323 section 2.2). */
	const bool syn = (seg->flags & TCP_SYN) != 0;

	tcb->snd_wnd = (uint16_t)(seg->wnd >> (syn ? tcb->wscale >> 4 : 0));
	tcb->wl1 = seg->seq;
	if (tcb->snd_wnd > tcb->max_wnd)
		tcb->max_wnd = tcb->snd_wnd;
}

/** An RTT sample from the echoed timestamp, where there is one (RFC 7323 section 4). */
static void
take_echo_rtt(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint32_t echo = ctx->now_ms + tcb->ts_offset - seg->ts_ecr;

	if ((tcb->flags & TF_TS) == 0 || (seg->opts & TCP_OPT_TS) == 0)
		return;
	/* An echo of the future or of another age is the peer's invention. */
	if (echo < TCP_ECHO_MAX_MS)
		tcp_rtt_sample(tcb, (uint64_t)echo * TIME_US_PER_MS);
}

/** The handshake's round trip, unless the SYN went out more than once (Karn) and no timestamp tells. */
static void
take_syn_rtt(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint32_t rtt = (uint32_t)ctx->now - tcb->srtt;
	const bool once = tcb->rttvar == 1;

	tcb->srtt = 0;
	tcb->rttvar = 0;
	if (once)
		tcp_rtt_sample(tcb, rtt);
	else
		take_echo_rtt(ctx, tcb, seg);
}

/**
 * RTT: one timed segment a flight, or the echoed timestamp where that is all there is (RFC 6298, RFC 7323 section 4).
 * @param duplicate  the ACK tells of one (RFC 2883)
 */
static void
take_rtt(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg, bool duplicate)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b != NULL && b->rtt_on) {
		if (seq_lt(seg->ack, b->rtt_seq))
			return;
		b->rtt_on = false;
		tcp_rtt_sample(tcb, ctx->now - b->rtt_start);
		return;
	}
	/*
	 * The answer to a duplicate echoes the copy that came first, when an ACK was lost: it is as old as the timeouts since,
	 * and they would grow by themselves. Then Karn's rule holds as without timestamps.
	 */
	if (duplicate ||
			(b != NULL && (tcb->flags & TF_LOSS) != 0 &&
					tcp_echo_before(ctx, tcb, seg, b->rec.cut_at)))
		return;
	take_echo_rtt(ctx, tcb, seg);
}

/** An ACK that repeats SND.UNA: what its SACK blocks say, or a duplicate in the sense of RFC 5681 section 2. */
static void
repeated_ack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg, bool window_same)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const bool in_flight = tcb->snd_una != tcb->snd_nxt;
	/* The answer to a zero-window probe says that the window is closed, not that something was lost. */
	const bool dup = in_flight && seg->payload.len == 0 && window_same && tcb->snd_wnd != 0 &&
			(seg->flags & (TCP_SYN | TCP_FIN)) == 0;

	if (b == NULL)
		return;
	if (dup)
		tcp_count(ctx, COUNTER_DUP_ACKS_IN);
	if (b->rec.head != PTCP_NIL || (!in_flight && (tcb->flags & TF_SACK) != 0)) {
		struct tcp_acked a = {0};

		if (!dup && (seg->opts & TCP_OPT_SACK) == 0)
			return;
		tcp_sack_take(ctx, tcb, b, seg, &a);
		tcp_recovery_acked(ctx, tcb, b, seg, &a, 0);
	} else if (dup) {
		tcp_recovery_dupack(ctx, tcb, b);
	}
}

/** The user hears that there is room again when a quarter of the buffer is free. */
static void
tell_writable(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_WANT_WRITE) == 0)
		return;
	PTCP_ASSERT((tcb->flags & TF_FIN_QUEUED) == 0);
	if (tcp_send_room(ctx, tcb) < tcp_snd_bound(ctx, tcb) / 4)
		return;
	tcb->flags &= ~TF_WANT_WRITE;
	tcp_want_event(ctx, tcb, EV_WRITABLE);
}

/** SND.UNA < SEG.ACK =< SND.NXT. @return true when our FIN was acknowledged */
static bool
new_ack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint32_t n = seg->ack - tcb->snd_una;
	const bool fin = (tcb->flags & TF_FIN_SENT) != 0 && seg->ack == tcb->snd_nxt;
	struct tcp_block *b = tcp_block(ctx, tcb);
	const bool timed = b != NULL && b->rtt_on;
	struct tcp_acked a = {0};

	tcb->probes = 0;
	if (b != NULL && b->rec.head != PTCP_NIL)
		tcp_sack_take(ctx, tcb, b, seg, &a);
	take_rtt(ctx, tcb, seg, a.dsack > 0);
	/* No timestamps, and a retransmission has spoilt the timing: the scoreboard knows what was sent once. */
	if (!timed && a.rtt > 0 && (tcb->flags & TF_TS) == 0)
		tcp_rtt_sample(tcb, a.rtt);
	tcb->snd_una = seg->ack;
	if (b != NULL) {
		tcp_sndq_ack(ctx, b, n - fin);
		tcp_pmtu_acked(tcb, b);
	}
	if ((tcb->flags & TF_PERSIST) != 0 && seg->wnd != 0)
		tcb->shift = 0; /* the probes' backoff is none of the data's */
	if (tcb->snd_una == tcb->snd_nxt)
		tcp_rexmt_stop(tcb);
	else if ((tcb->flags & TF_PERSIST) == 0)
		tcp_rexmt_start(ctx, tcb); /* RFC 6298 5.3 */
	if (b != NULL) {
		tcp_recovery_acked(ctx, tcb, b, seg, &a, n);
		/* Not before: the time since the last one is what CUBIC goes by. */
		b->cc.moved = ctx->now_ms;
	}
	tell_writable(ctx, tcb);
	return fin;
}

/** The window as it stands after this ACK; whether sending may go on because of it. */
static void
window_update(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg, bool acks_more)
{
	const bool was_closed = tcb->snd_wnd == 0;

	/*
	 * Never that of an older segment. A retransmission has an old SEQ, but who acknowledges more has spoken later; with
	 * SND.UNA moved on and the window left, its right edge would lie beyond what was offered.
	 */
	if (acks_more || seq_leq(tcb->wl1, seg->seq))
		take_window(tcb, seg);
	if (tcb->snd_wnd == 0) {
		/*
		 * Who answers is alive: only silence counts against R2 while the window is closed. Not so once the user has
		 * closed: then nobody is left to lose patience. Nor where FIN alone waits and the user has set a time: it is told
		 * by the probes.
		 */
		if ((tcb->flags & TF_ORPHAN) == 0 &&
				(tcb->blk != PTCP_NIL ||
						tcp_profile(ctx, tcb)->user_timeout_ms == 0))
			tcb->probes = 0;
		return;
	}
	/* With a small window open all along it is the override timer of RFC 9293 section 3.8.6.2.1: let it run. */
	if ((tcb->flags & TF_PERSIST) != 0 && (was_closed || tcb->snd_una != tcb->snd_nxt)) {
		tcb->flags &= ~TF_PERSIST;
		tcb->shift = 0;
		tcb->probes = 0;
		if (tcb->snd_una != tcb->snd_nxt)
			tcp_want_output(ctx, tcb, OUT_REXMT); /* the probe's octet found no room */
	} else if (was_closed && tcb->snd_una == tcb->snd_nxt) {
		/* The probe was taken first and the window opened afterwards: its backoff is none of the data's. */
		tcb->shift = 0;
		tcb->probes = 0;
	}
}

/** In SYN-RECEIVED: the handshake's last check. */
static enum drop_reason
ack_syn_received(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	if (!seq_lt(tcb->snd_una, seg->ack) || seq_gt(seg->ack, tcb->snd_nxt)) {
		tcp_reply_rst(ctx, seg);
		return DROP_TCP_ACK_UNSENT;
	}
	timestamp_update(ctx, tcb, seg);
	take_syn_rtt(ctx, tcb, seg);
	tcb->snd_una = seg->ack;
	if ((tcb->out & OUT_SYN) != 0) {
		/* Our SYN,ACK has not left yet: an ACK does as well now. */
		tcb->out &= (uint8_t)~OUT_SYN;
		tcp_want_output(ctx, tcb, OUT_ACK);
	}
	tcp_established(ctx, tcb);
	take_window(tcb, seg);
	return NEXT_STEP;
}

/** Our FIN was acknowledged: @return NEXT_STEP, or DROP_NONE when that was the end. */
static enum drop_reason
fin_acked(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	switch (tcb->state) {
	case TCP_FIN_WAIT_1:
		tcp_set_state(ctx, tcb, TCP_FIN_WAIT_2);
		if ((tcb->flags & TF_ORPHAN) != 0)
			tcp_fin_wait_2_bound(ctx, tcb);
		return NEXT_STEP;
	case TCP_CLOSING:
		tcp_enter_timewait(ctx, tcb);
		return DROP_NONE;
	case TCP_LAST_ACK:
		tcp_end(ctx, tcb, TCP_REASON_DONE, false);
		return DROP_NONE;
	default:
		PTCP_ASSERT(false);
		return NEXT_STEP;
	}
}

static enum drop_reason
check_ack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const uint32_t max_wnd = (uint32_t)tcb->max_wnd << (tcb->wscale >> 4);
	uint16_t wnd = tcb->snd_wnd;
	bool fin = false;

	PTCP_ASSERT((seg->flags & TCP_ACK) !=
			0); /* tcp_flags_ok(), and neither RST nor SYN has come so far */
	if (tcb->state == TCP_SYN_RECEIVED)
		return ack_syn_received(ctx, tcb, seg);
	/* RFC 5961 section 5.2: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT. */
	if (seq_gt(seg->ack, tcb->snd_nxt) || seq_lt(seg->ack, tcb->snd_una - max_wnd)) {
		challenge(ctx, tcb, true);
		return DROP_TCP_ACK_UNSENT;
	}
	/* Not before: who guesses the window alone must not make the peer's timestamps look old. */
	timestamp_update(ctx, tcb, seg);
	if (seq_lt(seg->ack, tcb->snd_una))
		return NEXT_STEP; /* an old duplicate says nothing, its text may be new */
	if ((tcb->flags & TF_ECN) != 0)
		tcp_ecn_echo(ctx, tcb, seg);
	if (seq_gt(seg->ack, tcb->snd_una)) {
		fin = new_ack(ctx, tcb, seg);
		window_update(ctx, tcb, seg, true);
	} else {
		window_update(ctx, tcb, seg, false);
		repeated_ack(ctx, tcb, seg, wnd == tcb->snd_wnd);
	}
	if (tcp_unsent(ctx, tcb) > 0 || (tcb->flags & TF_LOSS) != 0 ||
			(tcb->flags & (TF_FIN_QUEUED | TF_FIN_SENT)) == TF_FIN_QUEUED)
		tcp_want_output(ctx, tcb, OUT_DATA);
	return fin ? fin_acked(ctx, tcb) : NEXT_STEP;
}

/* ------------------------------------------------------------------ seventh: process the segment text */

/** Second full segment at once, else after a while (RFC 9293 section 3.8.6.3). */
static void
acknowledge_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, bool at_once)
{
	if (at_once || ctx->conf.delack_ms == 0 ||
			tcb->rcv_nxt - tcb->last_ack_sent >= 2u * tcb->mss) {
		tcp_want_output(ctx, tcb, OUT_ACK);
		return;
	}
	if ((tcb->flags & TF_DELACK) != 0)
		return;
	tcb->flags |= TF_DELACK;
	tcb->t_delack = ctx->now_ms + ctx->conf.delack_ms;
	tcp_timer_at(ctx, tcb, tcb->t_delack);
}

/** Cut off what lies before RCV.NXT and beyond the window, FIN included. @return DROP_NONE or what was cut */
static enum drop_reason
trim(const struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const uint32_t wnd = tcp_rcv_wnd(tcb);
	enum drop_reason reason = DROP_NONE;
	uint32_t ahead;

	if (seq_lt(seg->seq, tcb->rcv_nxt)) {
		const uint32_t old = tcb->rcv_nxt - seg->seq;

		/* Its last octet, or FIN, lies in the window: acceptable(). */
		PTCP_ASSERT(old <= seg->payload.len);
		seg->payload.data += old;
		seg->payload.len -= old;
		seg->seq += old;
		reason = DROP_TCP_DUPLICATE;
	}
	ahead = seg->seq - tcb->rcv_nxt;
	if (ahead + seg->payload.len > wnd) {
		const uint32_t keep = ahead < wnd ? wnd - ahead : 0;

		seg->payload.len = keep;
		seg->flags &= (uint8_t)~TCP_FIN;
		reason = DROP_TCP_OVER_WINDOW;
	}
	return reason;
}

/**
 * Each segment that comes in ahead of RCV.NXT gets an ACK of its own (RFC 5681 section 4.2): output is pulled once a turn,
 * and who has no SACK must count three duplicates to learn of a loss. With SACK one tells all.
 */
static void
owe_duplicates(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, bool moved)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL || (tcb->flags & TF_SACK) != 0)
		return;
	if (moved)
		b->dup_owed = 0;
	else if (b->dup_owed < TCP_DUP_MAX)
		b->dup_owed++;
}

static enum drop_reason
process_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const bool had_text = seg->payload.len > 0;
	const uint32_t rcv_nxt = tcb->rcv_nxt;
	const struct tcp_block *b = tcp_block(ctx, tcb);
	bool at_once = b != NULL && b->ooo_root != PTCP_NIL; /* a gap */
	enum drop_reason cut, reason;

	if (tcb->state != TCP_ESTABLISHED && tcb->state != TCP_FIN_WAIT_1 &&
			tcb->state != TCP_FIN_WAIT_2) {
		/* The peer's FIN was there already: whatever follows it is neither text nor FIN. */
		if (tcp_seg_len(seg) == 0)
			return NEXT_STEP;
		challenge(ctx, tcb, true);
		return DROP_TCP_AFTER_FIN;
	}
	if (!had_text)
		return NEXT_STEP;
	if ((tcb->flags & TF_ECN) != 0 && tcp_ecn_text(ctx, tcb, seg))
		at_once = true;
	tell_duplicate(ctx, tcb, seg);
	cut = trim(tcb, seg);
	if (seg->payload.len == 0) {
		acknowledge_text(ctx, tcb, true);
		(void)tcp_drop(ctx, cut);
		return NEXT_STEP;
	}
	if ((tcb->flags & TF_ORPHAN) != 0) {
		/* Nobody will ever read it: the peer must know (RFC 9293 section 3.6.1, RFC 1122 4.2.2.13). */
		tcp_end(ctx, tcb, TCP_REASON_ABORTED, true);
		return DROP_TCP_AFTER_CLOSE;
	}
	if ((tcb->flags & TF_FIN_AHEAD) != 0 &&
			seq_gt(seg->seq + seg->payload.len, tcp_block(ctx, tcb)->fin_seq)) {
		challenge(ctx, tcb, true);
		return DROP_TCP_AFTER_FIN;
	}
	reason = tcp_text(ctx, tcb, seg);
	/* Out of order, or filling a gap: at once (RFC 5681 section 4.2). */
	acknowledge_text(ctx, tcb,
			seg->seq != rcv_nxt || at_once || reason != DROP_NONE ||
					cut == DROP_TCP_DUPLICATE);
	owe_duplicates(ctx, tcb, tcb->rcv_nxt != rcv_nxt);
	if (reason != DROP_NONE)
		(void)tcp_drop(ctx, reason);
	return NEXT_STEP;
}

/* ------------------------------------------------------------------ eighth: check the FIN bit */

/** FIN is in order: the peer has said all. */
static void
take_fin(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if (tcb->blk != PTCP_NIL)
		tcp_reass_end_at(ctx, tcp_block(ctx, tcb), tcb->rcv_nxt);
	tcb->rcv_nxt++;
	tcb->rcv_adv = seq_max(tcb->rcv_adv, tcb->rcv_nxt);
	tcb->flags = (tcb->flags & ~TF_FIN_AHEAD) | TF_FIN_RCVD;
	tcp_want_output(ctx, tcb, OUT_ACK);
	tcp_want_event(ctx, tcb, EV_PEER_CLOSED);
	switch (tcb->state) {
	case TCP_ESTABLISHED:
		tcp_set_state(ctx, tcb, TCP_CLOSE_WAIT);
		return;
	case TCP_FIN_WAIT_1:
		/* Had our FIN been acknowledged, the fifth step would have left this state. */
		tcp_set_state(ctx, tcb, TCP_CLOSING);
		return;
	case TCP_FIN_WAIT_2:
		tcp_enter_timewait(ctx, tcb);
		return;
	default:
		PTCP_ASSERT(false);
	}
}

static enum drop_reason
check_fin(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	struct tcp_block *b;

	if ((seg->flags & TCP_FIN) != 0 && (tcb->flags & TF_FIN_RCVD) == 0) {
		const uint32_t fin_seq = seg->seq + seg->payload.len;

		if (seq_gt(fin_seq, tcb->rcv_nxt) && (tcb->flags & TF_FIN_AHEAD) == 0) {
			/* Remembered, so that it need not be sent again when the gap is filled. */
			b = tcp_block_need(ctx, tcb, TCP_FOR_RECV);
			if (b != NULL) {
				b->fin_seq = fin_seq;
				tcb->flags |= TF_FIN_AHEAD;
				tcp_reass_end_at(ctx, b, fin_seq);
			}
			tcp_want_output(ctx, tcb, OUT_ACK);
		} else if (fin_seq == tcb->rcv_nxt) {
			take_fin(ctx, tcb);
			return DROP_NONE;
		}
	}
	if ((tcb->flags & TF_FIN_AHEAD) != 0 && tcp_block(ctx, tcb)->fin_seq == tcb->rcv_nxt)
		take_fin(ctx, tcb);
	return DROP_NONE;
}

/* ------------------------------------------------------------------ 3.10.7.3: SYN-SENT */

static enum drop_reason
arrives_syn_sent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const bool acks = (seg->flags & TCP_ACK) != 0;

	if (acks && (seq_leq(seg->ack, tcb->snd_una) || seq_gt(seg->ack, tcb->snd_nxt))) {
		tcp_reply_rst(ctx, seg);
		return tcp_drop(ctx, DROP_TCP_ACK_UNSENT);
	}
	if ((seg->flags & TCP_RST) != 0) {
		if (!acks)
			return tcp_drop(ctx, DROP_TCP_SYN_SENT_RST);
		tcp_count(ctx, COUNTER_RST_IN);
		tcp_end(ctx, tcb, TCP_REASON_REFUSED, false);
		return DROP_NONE;
	}
	if ((seg->flags & TCP_SYN) == 0)
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	tcb->rcv_nxt = seg->seq + 1;
	tcb->rcv_adv += tcb->rcv_nxt; /* it held the window that our SYN told */
	tcb->last_ack_sent = tcb->rcv_nxt;
	tcp_syn_options(ctx, tcb, seg);
	if (!acks) {
		/* Simultaneous open. The SYN's window is never scaled; text on it comes again after the handshake. */
		take_window(tcb, seg);
		tcp_set_state(ctx, tcb, TCP_SYN_RECEIVED);
		tcb->t_recv = ctx->now_ms;
		tcb->out &= (uint8_t)~OUT_SYN;
		tcp_want_output(ctx, tcb, OUT_SYN);
		return DROP_NONE;
	}
	take_syn_rtt(ctx, tcb, seg);
	tcb->snd_una = seg->ack;
	tcb->out &= (uint8_t)~OUT_SYN;
	tcb->t_recv = ctx->now_ms;
	tcp_established(ctx, tcb);
	take_window(tcb, seg);
	tcp_want_output(ctx, tcb, OUT_ACK);
	/* Text and FIN that came with it go on at the seventh step. */
	seg->flags &= (uint8_t)~TCP_SYN;
	seg->seq++;
	if (seg->payload.len > 0) {
		const enum drop_reason reason = process_text(ctx, tcb, seg);

		if (reason != NEXT_STEP)
			return reason == DROP_NONE ? reason : tcp_drop(ctx, reason);
	}
	return check_fin(ctx, tcb, seg);
}

/* ------------------------------------------------------------------ 3.10.7.4: all other states */

/** Each of them in turn, until one says that the segment ends there. */
static PTCP_NOINLINE enum drop_reason
arrives_other(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	enum drop_reason reason;

	reason = check_sequence(ctx, tcb, seg);
	if (reason == NEXT_STEP)
		reason = check_rst(ctx, tcb, seg);
	/* Third, security and compartment: not in use (RFC 9293 section A.1). */
	if (reason == NEXT_STEP)
		reason = check_syn(ctx, tcb, seg);
	if (reason == NEXT_STEP) {
		/* Acceptable: the peer is alive. One store resets keepalive; the timer finds out. */
		if ((tcb->flags & TF_ORPHAN) == 0)
			tcb->t_recv = ctx->now_ms;
		reason = check_ack(ctx, tcb, seg);
	}
	/* Sixth, URG: the text stays in line, the pointer is not used (RFC 9293 section 3.8.5, RFC 6093). */
	if (reason == NEXT_STEP)
		reason = process_text(ctx, tcb, seg);
	if (reason == NEXT_STEP)
		reason = check_fin(ctx, tcb, seg);
	if (reason != DROP_NONE)
		(void)tcp_drop(ctx, reason);
	tcp_block_trim(ctx, tcb);
	return reason;
}

enum drop_reason
tcp_arrives_tcb(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	return arrives_other(ctx, tcb, seg);
}

/**
 * The predicted path (after Van Jacobson): ESTABLISHED, nothing but ACK and PSH, exactly the next octet, the window as it
 * was, no loss being repaired. It acknowledges something new, or carries text that fits, or both.
 * @return false: the long way
 */
static inline bool
predicted(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t acked = seg->ack - tcb->snd_una;

	if (tcb->state != TCP_ESTABLISHED || (seg->flags & ~TCP_PSH) != TCP_ACK ||
			seg->seq != tcb->rcv_nxt || seg->wnd != tcb->snd_wnd || seg->wnd == 0 ||
			seg->ecn == ECN_CE ||
			(tcb->flags &
					(TF_RECOVERY | TF_LOSS | TF_PERSIST | TF_FIN_AHEAD |
							TF_ORPHAN | TF_TS_STALE)) != 0)
		return false;
	if ((tcb->flags & TF_TS) != 0 &&
			((seg->opts & TCP_OPT_TS) == 0 || seq_lt(seg->ts_val, tcb->ts_recent)))
		return false;
	if (acked > tcb->snd_nxt - tcb->snd_una || (acked == 0 && seg->payload.len == 0) ||
			seg->payload.len > tcp_rcv_wnd(tcb) || (seg->opts & TCP_OPT_SACK) != 0 ||
			(b != NULL && b->ooo_root != PTCP_NIL))
		return false;
	timestamp_update(ctx, tcb, seg);
	tcb->t_recv = ctx->now_ms;
	tcb->wl1 = seg->seq;
	if ((tcb->flags & TF_ECN) != 0)
		tcp_ecn_echo(ctx, tcb, seg); /* no ECE: that of the last ACK is over */
	if (acked > 0) {
		(void)new_ack(ctx, tcb, seg);
		if (tcp_unsent(ctx, tcb) > 0)
			tcp_want_output(ctx, tcb, OUT_DATA);
	}
	if (seg->payload.len > 0) {
		const enum drop_reason reason = tcp_text(ctx, tcb, seg);

		acknowledge_text(ctx, tcb, reason != DROP_NONE);
		if (reason != DROP_NONE)
			(void)tcp_drop(ctx, reason);
	} else {
		tcp_block_trim(ctx, tcb);
	}
	return true;
}

static enum drop_reason
arrives_conn(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	if (PTCP_LIKELY(predicted(ctx, tcb, seg)))
		return DROP_NONE;
	if (!tcp_flags_ok(seg->flags))
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	if (tcb->state == TCP_SYN_SENT)
		return arrives_syn_sent(ctx, tcb, seg);
	return arrives_other(ctx, tcb, seg);
}

/* ------------------------------------------------------------------ 3.10.7.1: CLOSED, and the way in */

static enum drop_reason
arrives_closed(struct tcp_ctx *ctx, const struct tcp_seg *seg)
{
	if ((seg->flags & TCP_RST) != 0)
		return tcp_drop(ctx, DROP_TCP_RST_UNMATCHED);
	tcp_reply_rst(ctx, seg);
	return tcp_drop(ctx, DROP_TCP_NO_CONN);
}

static inline struct conn_key
key_of_seg(const struct tcp_seg *seg)
{
	const bool v6 = seg->family == IP_V6;

	return (struct conn_key){
			.id =
					{
							.raddr = v6 ? ip_addr_fold(&seg->src) :
								      seg->src.v4,
							.rport = seg->sport,
							.lport = seg->dport,
							.laddr = seg->laddr,
					},
			.raddr6 = v6 ? &seg->src : NULL,
	};
}

void
tcp_hash(const struct tcp_ctx *ctx, struct tcp_seg *seg)
{
	const struct conn_key k = key_of_seg(seg);

	seg->hash = conn_hash(&ctx->hash_key, &k);
}

enum drop_reason
tcp_segment_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg)
{
	const struct conn_key k = key_of_seg(seg);
	uint32_t index;

	tcp_count(ctx, COUNTER_SEGMENTS_IN);
	index = conn_table_find(&ctx->table, seg->hash, &k);
	if (PTCP_LIKELY(index != PTCP_NIL))
		return arrives_conn(ctx, tcp_at(ctx, index), seg);
	index = tcp_half_find(ctx, seg->hash, &k);
	if (index != PTCP_NIL)
		return tcp_half_arrives(ctx, seg, index);
	index = timewait_find(ctx->timewait, seg->hash, &k);
	if (index != PTCP_NIL)
		return tcp_timewait_arrives(ctx, seg, index);
	if (listener_find(ctx->listeners, seg->laddr, seg->dport) != LISTENER_NONE)
		return tcp_listen_arrives(ctx, seg, 0, false);
	return arrives_closed(ctx, seg);
}
