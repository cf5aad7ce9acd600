/* SPDX-License-Identifier: BSD-3-Clause */
/* What leaves: one segment a call, pulled by the worker after the burst. */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ header fields */

/** The segment's fixed part: tuple, SEQ, and with ACK the acknowledgment, the window and the timestamp. */
static void
fill(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_out *out, uint32_t seq,
		uint8_t flags)
{
	const struct tcp_profile *p = tcp_profile(ctx, tcb);
	struct tcp_seg *seg = &out->seg;

	memset(out, 0, offsetof(struct tcp_out, slice));
	seg->src = laddr_get(ctx->laddr, tcb->id.laddr);
	seg->dst = tcp_raddr(ctx, tcb);
	seg->family = (uint8_t)laddr_family(ctx->laddr, tcb->id.laddr);
	seg->sport = tcb->id.lport;
	seg->dport = tcb->id.rport;
	seg->laddr = tcb->id.laddr;
	seg->neigh = tcb->id.aux;
	seg->dscp = p->dscp;
	seg->ttl = p->ttl;
	seg->seq = seq;
	seg->flags = flags;
	out->tcb = tcp_index(ctx, tcb);
	tcp_count(ctx, COUNTER_SEGMENTS_OUT);
}

static void
add_timestamp(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	seg->opts |= TCP_OPT_TS;
	seg->ts_val = ctx->now_ms + tcb->ts_offset;
	seg->ts_ecr = (seg->flags & TCP_ACK) != 0 ? tcb->ts_recent : 0;
}

/** The right edge that we could advertise now, with a buffer of tcp_rcv_bound(). */
static uint32_t
window_edge(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, uint32_t bound)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t most = (uint32_t)UINT16_MAX << (tcb->wscale & 15);
	uint32_t room = bound;

	if (b != NULL)
		room = b->rcv_bytes < bound ? bound - b->rcv_bytes : 0;
	return tcb->rcv_nxt + (room < most ? room : most);
}

/** Least advance of the edge that is told: silly window avoidance, RFC 9293 section 3.8.6.2.2. */
static uint32_t
window_step(const struct tcp_tcb *tcb, uint32_t bound)
{
	const uint32_t half = bound / 2;

	return half < tcb->mss ? half : tcb->mss;
}

bool
tcp_window_worth_update(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const uint32_t bound = tcp_rcv_bound(ctx, tcb);
	const uint32_t edge = window_edge(ctx, tcb, bound);
	const uint32_t gain = edge - tcb->rcv_adv;
	/* window_field() may have told so much less than there is. */
	const uint32_t hidden = (1u << (tcb->wscale & 15)) - 1;

	if (seq_leq(edge, tcb->rcv_adv))
		return false;
	/* Unasked only when it is much, or when the peer may be stuck. */
	return gain >= bound / 2 ||
			(tcp_rcv_wnd(tcb) < tcb->mss + hidden && gain >= window_step(tcb, bound));
}

/**
 * The window field for @p wnd bytes. Rounded up, so that scaling does not pull the edge back - but not time and again: past
 * the @p room that there is by a whole unit it is rounded down (RFC 7323 section 2.4), and what was told before is still
 * accepted.
 */
static uint32_t
window_field(uint32_t wnd, uint8_t scale, uint32_t room)
{
	const uint32_t unit = 1u << scale;
	uint32_t field = (wnd + unit - 1) >> scale;

	if (field << scale >= room + unit)
		field = wnd >> scale;
	return field < UINT16_MAX ? field : UINT16_MAX;
}

/** Put ACK and window into @p seg; the edge never moves left (RFC 9293 section 3.8.6.2.2). */
static void
acknowledge(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const uint8_t scale = tcb->wscale & 15;
	const uint32_t bound = tcp_rcv_bound(ctx, tcb);
	const uint32_t edge = window_edge(ctx, tcb, bound);
	uint32_t wnd = tcp_rcv_wnd(tcb);

	if (seq_gt(edge, tcb->rcv_adv) && edge - tcb->rcv_adv >= window_step(tcb, bound))
		wnd = edge - tcb->rcv_nxt;
	wnd = window_field(wnd, scale, edge - tcb->rcv_nxt);
	seg->wnd = (uint16_t)wnd;
	tcb->rcv_adv = seq_max(tcb->rcv_adv, tcb->rcv_nxt + (wnd << scale));
	seg->ack = tcb->rcv_nxt;
	seg->flags |= TCP_ACK;
	tcb->last_ack_sent = tcb->rcv_nxt;
	if ((tcb->flags & TF_ECE) != 0)
		seg->flags |= TCP_ECE;
	if ((tcb->flags & TF_TS) != 0)
		add_timestamp(ctx, tcb, seg);
	if (tcb->blk != PTCP_NIL)
		tcp_sack_fill(ctx, tcb, seg);
}

/**
 * An ACK that was owed has left, in a segment that the peer takes: what it has had before (a retransmission, a keepalive
 * probe) it discards whole, ACK field and all, when it comes in order (RFC 9293 section 3.10.7.4).
 */
static void
settle(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	tcb->flags &= ~TF_DELACK;
	/* Text is no duplicate ACK: those follow. */
	if (b == NULL || b->dup_owed == 0)
		tcb->out &= (uint8_t)~OUT_ACK;
}

uint16_t
tcp_syn_window(const struct tcp_ctx *ctx)
{
	const uint32_t bound = tcp_mem_bound(ctx, TCP_MSS_V6, ctx->conf.rcv_buf);

	return bound < UINT16_MAX ? (uint16_t)bound : UINT16_MAX;
}

uint16_t
tcp_our_mss(const struct tcp_ctx *ctx, enum ip_family family)
{
	const uint16_t mss = (uint16_t)(ctx->conf.mtu - (family == IP_V6 ? 60 : 40));

	return ctx->conf.mss_max != 0 && ctx->conf.mss_max < mss ? ctx->conf.mss_max : mss;
}

/* ------------------------------------------------------------------ segments without text */

/* Its options are answers in SYN,ACK. */
void
tcp_syn_fields(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	const bool answer = tcb->state == TCP_SYN_RECEIVED;

	seg->seq = tcb->snd_una;
	seg->flags = TCP_SYN;
	if (answer) {
		seg->flags |= TCP_ACK;
		seg->ack = tcb->rcv_nxt;
		tcb->last_ack_sent = tcb->rcv_nxt;
		tcb->rcv_adv = seq_max(tcb->rcv_adv, tcb->rcv_nxt + tcp_syn_window(ctx));
	} else {
		/* RCV.NXT is not known yet, 0: what is told now holds when it is, though memory be short then. */
		tcb->rcv_adv = seq_max(tcb->rcv_adv, tcp_syn_window(ctx));
	}
	seg->flags |= tcp_ecn_syn_flags(ctx, tcb);
	seg->wnd = tcp_syn_window(ctx);
	seg->opts |= TCP_OPT_MSS;
	seg->mss = tcp_our_mss(ctx, seg->family);
	if (answer ? (tcb->flags & TF_WS) != 0 : ctx->conf.window_scale) {
		seg->opts |= TCP_OPT_WSCALE;
		seg->wscale = ctx->rcv_wscale;
	}
	if (answer ? (tcb->flags & TF_SACK) != 0 : ctx->conf.sack)
		seg->opts |= TCP_OPT_SACK_OK;
	if (answer ? (tcb->flags & TF_TS) != 0 : ctx->conf.timestamps)
		add_timestamp(ctx, tcb, seg);
}

void
tcp_ack_fields(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	acknowledge(ctx, tcb, seg);
}

/** SYN in SYN-SENT; in the SYN-RECEIVED of a simultaneous open SYN,ACK. (That of a listener: tcp_half.c.) */
static void
make_syn(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	fill(ctx, tcb, out, tcb->snd_una, TCP_SYN);
	tcp_syn_fields(ctx, tcb, &out->seg);
	/* rttvar counts SYNs until the handshake is done; the one of a simultaneous open becomes SYN,ACK. */
	out->rexmt = tcb->rttvar > (tcb->state == TCP_SYN_RECEIVED);
	tcb->out &= (uint8_t) ~(OUT_SYN | OUT_ACK);
	if (out->rexmt)
		tcp_count(ctx, COUNTER_RETRANSMITTED);
	tcb->srtt = (uint32_t)ctx->now;
	tcb->rttvar++;
	/* Said again to a duplicate SYN, it has its deadline already: nobody can put that off. */
	if ((tcb->flags & TF_REXMT) == 0) {
		tcp_rexmt_start(ctx, tcb);
		tcp_patience_arm(ctx, tcb);
	}
}

/**
 * SEQ of a segment without text: SND.NXT, unless that lies beyond the window (a zero-window probe is out, or the window
 * was taken back): there the peer would not accept it, nor look at its ACK.
 */
static uint32_t
empty_seq(const struct tcp_tcb *tcb)
{
	const uint32_t edge = tcb->snd_una + tcp_snd_wnd(tcb);

	if (tcb->state == TCP_SYN_SENT || tcb->state == TCP_SYN_RECEIVED)
		return tcb->snd_nxt;
	return seq_gt(tcb->snd_nxt, edge) ? edge : tcb->snd_nxt;
}

static void
make_ack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b != NULL && b->dup_owed > 0)
		b->dup_owed--;
	fill(ctx, tcb, out, empty_seq(tcb), TCP_ACK);
	acknowledge(ctx, tcb, &out->seg);
	settle(ctx, tcb);
}

/** A keepalive probe: SEG.SEQ = SND.NXT - 1, no octet of garbage (RFC 9293 section 3.8.4). */
static void
make_keepalive(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	fill(ctx, tcb, out, tcb->snd_nxt - 1, TCP_ACK);
	acknowledge(ctx, tcb, &out->seg);
	tcb->out &= (uint8_t)~OUT_KEEP;
	tcp_count(ctx, COUNTER_KEEPALIVE_PROBES);
}

static void
make_rst(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	fill(ctx, tcb, out, empty_seq(tcb), TCP_RST);
	if ((tcb->flags & TF_TS) != 0)
		add_timestamp(ctx, tcb, &out->seg);
	tcb->out = 0;
	tcp_count(ctx, COUNTER_RST_OUT);
}

/* ------------------------------------------------------------------ text and FIN */

/** Lend slices for [seq, seq + len); answers how much they hold (less when there are too many). */
static uint32_t
gather(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_out *out, uint32_t seq,
		uint32_t len)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	uint32_t i = len > 0 ? tcp_sndq_at(ctx, b, seq) : PTCP_NIL;
	uint32_t got = 0;

	/* The next retransmission most often lies behind this one. */
	if (len > 0 && seq != tcb->snd_nxt)
		b->rec.hint = i;
	while (got < len && i != PTCP_NIL && out->n_slices < TCP_SLICES_MAX) {
		const struct tcp_node *node = tcp_node_at(ctx, i);
		const uint32_t skip = seq + got - node->seq;
		uint32_t n = node->buf.len - skip;

		if (n > len - got)
			n = len - got;
		out->slice[out->n_slices++] =
				(struct tcp_buf){node->buf.owner, node->buf.data + skip, n};
		got += n;
		i = node->next;
	}
	if (got > 0)
		tcp_cc_sent(ctx, b);
	out->len = got;
	return got;
}

/** Send [snd_una ..) or a part of it again, from @p seq, at most @p len octets; FIN with it when it reaches that. */
static uint32_t
make_again(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out, uint32_t seq,
		uint32_t len)
{
	const bool fin = (tcb->flags & TF_FIN_SENT) != 0;
	const uint32_t text_end = tcb->snd_nxt - fin;
	struct tcp_block *b = tcp_block(ctx, tcb);
	uint32_t text = text_end - seq;
	uint32_t sent;

	if (text > len)
		text = len;
	if (text > tcp_mss_now(ctx, tcb))
		text = tcp_mss_now(ctx, tcb);
	fill(ctx, tcb, out, seq, TCP_ACK);
	out->rexmt = true;
	sent = gather(ctx, tcb, out, seq, text);
	PTCP_ASSERT(sent > 0 || text == 0);
	if (fin && seq + sent == text_end) {
		out->seg.flags |= TCP_FIN;
		sent++;
	}
	if (seq + sent == tcb->snd_nxt && out->len > 0)
		out->seg.flags |= TCP_PSH;
	acknowledge(ctx, tcb, &out->seg);
	tcp_count(ctx, COUNTER_RETRANSMITTED);
	if ((tcb->flags & (TF_REXMT | TF_PERSIST)) == 0)
		tcp_rexmt_start(ctx, tcb);
	if (b != NULL) {
		b->rtt_on = false; /* Karn: an ACK would be ambiguous */
		tcp_recovery_resent(ctx, tcb, b, seq, sent);
	}
	return sent;
}

/** New octets, and FIN where it is due: snd_nxt moves on. */
static void
make_new(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out, uint32_t len, bool fin)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t queued = tcp_unsent(ctx, tcb);
	const uint32_t seq = tcb->snd_nxt;
	uint32_t sent;

	fill(ctx, tcb, out, tcb->snd_nxt, TCP_ACK);
	sent = gather(ctx, tcb, out, tcb->snd_nxt, len);
	if (sent == queued) {
		if (sent > 0)
			out->seg.flags |= TCP_PSH;
		if (fin) {
			out->seg.flags |= TCP_FIN;
			tcb->flags |= TF_FIN_SENT;
		}
	}
	tcb->snd_nxt += sent + ((out->seg.flags & TCP_FIN) != 0);
	ctx->counters->n[COUNTER_BYTES_OUT] += sent;
	if (b != NULL) {
		while (b->snd_cur != PTCP_NIL &&
				seq_leq(tcp_node_at(ctx, b->snd_cur)->seq +
								tcp_node_at(ctx, b->snd_cur)
										->buf.len,
						tcb->snd_nxt))
			b->snd_cur = tcp_node_at(ctx, b->snd_cur)->next;
		if (!b->rtt_on) {
			b->rtt_on = true;
			b->rtt_seq = tcb->snd_nxt;
			b->rtt_start = ctx->now;
		}
	}
	acknowledge(ctx, tcb, &out->seg);
	settle(ctx, tcb);
	if ((tcb->flags & (TF_PERSIST | TF_KEEP_PROBE)) != 0) {
		tcb->flags &= ~(TF_PERSIST | TF_KEEP_PROBE);
		tcb->probes = 0;
	}
	if ((tcb->flags & TF_REXMT) == 0)
		tcp_rexmt_start(ctx, tcb);
	if (b != NULL)
		tcp_recovery_sent(ctx, tcb, b, seq);
}

/**
 * Without scoreboard, after a timeout: what was in flight goes again as the congestion window allows.
 * @return false: nothing now
 */
static bool
send_again(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_out *out)
{
	uint32_t flight;

	if (seq_lt(b->rec.rtx_nxt, tcb->snd_una))
		b->rec.rtx_nxt = tcb->snd_una;
	if (seq_geq(b->rec.rtx_nxt, b->rec.recover))
		return false;
	flight = b->rec.rtx_nxt - tcb->snd_una;
	if (flight > 0 && (flight + tcb->mss > tcb->cwnd || flight >= tcp_snd_wnd(tcb)))
		return false;
	b->rec.rtx_nxt += make_again(ctx, tcb, out, b->rec.rtx_nxt,
			seq_lt(b->rec.rtx_nxt + tcb->mss, b->rec.recover) ?
					tcb->mss :
					b->rec.recover - b->rec.rtx_nxt);
	return true;
}

/** With a scoreboard: what is marked as lost, the lowest first. @return false: nothing now */
static bool
send_lost(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_out *out)
{
	const uint32_t pipe = tcp_pipe(tcb, b);
	uint32_t seq, len;

	if (!tcp_sack_lost(ctx, tcb, b, &seq, &len))
		return false;
	if (len > tcb->mss)
		len = tcb->mss;
	if (pipe > 0 && pipe + len > tcb->cwnd)
		return false;
	/* The first one goes whatever has become of the window: its ACK tells of that. */
	if (seq != tcb->snd_una && seq - tcb->snd_una + len > tcp_snd_wnd(tcb))
		return false;
	(void)make_again(ctx, tcb, out, seq, len);
	return true;
}

/** So much more than cwnd may be in flight now: limited transmit (RFC 3042), F-RTO's two segments (RFC 5682). */
static uint32_t
over_cwnd(const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	if (b->rec.frto == TCP_FRTO_SEND2 || b->rec.frto == TCP_FRTO_SEND1)
		return UINT32_MAX / 2;
	if (b->rec.head != PTCP_NIL || (tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0)
		return 0;
	return (b->rec.dupacks < 2 ? b->rec.dupacks : 2u) * tcb->mss;
}

/** @p len octets more are within the congestion window. With nothing in flight something may always go. */
static bool
cwnd_allows(const struct tcp_tcb *tcb, const struct tcp_block *b, uint32_t len)
{
	const uint32_t pipe = b != NULL ? tcp_pipe(tcb, b) : tcb->snd_nxt - tcb->snd_una;

	if (pipe == 0 || pipe + len <= tcb->cwnd)
		return true;
	return b != NULL && pipe + len <= tcb->cwnd + over_cwnd(tcb, b);
}

/** Congestion control or pacing: not now. A window of which less than half is in use is not what pacing waits for. */
static bool
held_back(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t len)
{
	if (!cwnd_allows(tcb, b, len)) {
		tcp_cc_full(tcb, b);
		return true;
	}
	if ((!tcp_profile(ctx, tcb)->pacing && (tcb->flags & TF_HELD) == 0) ||
			!tcp_pace_waits(ctx, tcb, b, len))
		return false;
	if (tcp_pipe(tcb, b) >= tcb->cwnd / 2)
		tcp_cc_full(tcb, b);
	return true;
}

/**
 * New data: RFC 9293 section 3.8.6.2.1 (silly window), 3.7.4 (Nagle), 3.8.6.1 (zero window).
 * @return false: nothing now
 */
static bool
send_new(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t queued = tcp_unsent(ctx, tcb);
	const bool fin = (tcb->flags & (TF_FIN_QUEUED | TF_FIN_SENT)) == TF_FIN_QUEUED;
	const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
	const uint32_t wnd = tcp_snd_wnd(tcb);
	const uint32_t usable = wnd > flight ? wnd - flight : 0;
	const uint32_t mss = tcp_mss_now(ctx, tcb);
	uint32_t len = queued;
	bool last;

	if (queued == 0 && !fin)
		return false;
	if (len > usable)
		len = usable;
	if (len > mss)
		len = mss;
	last = fin && len == queued && len < usable;
	if (len == mss || last)
		goto fits;
	if (len == queued && len > 0 && (flight == 0 || (tcb->flags & TF_NODELAY) != 0 || fin))
		goto fits;
	/* Half of the largest window ever offered; what is left waits for the peer or the probe timer. */
	if (len > 0 && flight == 0 && len >= ((uint32_t)tcb->max_wnd << (tcb->wscale >> 4)) / 2)
		goto fits;
	if (flight == 0 && (tcb->flags & TF_PERSIST) == 0) {
		tcp_persist_start(ctx, tcb);
		tcp_patience_arm(ctx, tcb);
	}
	return false;
fits:
	if (flight == 0 && b != NULL)
		tcp_cc_resume(ctx, tcb, b);
	/* Text lies in a block; FIN alone is not held back. */
	if (len > 0 && b != NULL && held_back(ctx, tcb, b, len))
		return false;
	make_new(ctx, tcb, out, len, last);
	if ((tcb->flags & TF_ECN) != 0)
		tcp_ecn_mark(tcb, out);
	if (out->len > 0 && out->len == mss)
		tcp_pmtu_sent(tcb, b);
	if (flight == 0)
		tcp_patience_arm(ctx, tcb);
	if (b != NULL && len > 0 && tcp_pipe(tcb, b) + tcb->mss > tcb->cwnd)
		tcp_cc_full(tcb, b);
	return true;
}

/**
 * F-RTO's third step: instead of what looks lost, up to two new segments (RFC 5682 section 2.1 step 2b).
 * @return false: nothing (more) of that, and what looks lost goes again if *@p lost
 */
static bool
send_frto(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_out *out,
		bool *lost)
{
	struct tcp_recovery *rec = &b->rec;

	*lost = false;
	switch (rec->frto) {
	case TCP_FRTO_SEND2:
	case TCP_FRTO_SEND1:
		if (send_new(ctx, tcb, out)) {
			rec->frto++;
			return true;
		}
		if ((tcb->flags & TF_HELD) != 0)
			return false; /* pacing: in a moment */
		/* Nothing new to tell by: the conventional way. */
		rec->frto = rec->frto == TCP_FRTO_SEND2 ? TCP_FRTO_OFF : TCP_FRTO_SENT;
		*lost = rec->frto == TCP_FRTO_OFF;
		return false;
	case TCP_FRTO_OFF:
		*lost = true;
		return false;
	case TCP_FRTO_WAIT:
		/* Without scoreboard it is send_again() that repeats the first segment. */
		*lost = rec->head == PTCP_NIL;
		return false;
	default:
		return false;
	}
}

/** Text and FIN, again or new, as the windows allow. @return false: nothing now */
static bool
send_data(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	bool lost = true;

	if (b == NULL) {
		tcb->flags &= ~TF_LOSS;
		return send_new(ctx, tcb, out);
	}
	if (PTCP_UNLIKELY(b->rec.frto != TCP_FRTO_OFF) && send_frto(ctx, tcb, b, out, &lost))
		return true;
	if (!lost)
		return false;
	if (b->rec.head == PTCP_NIL && (tcb->flags & TF_LOSS) != 0) {
		if (send_again(ctx, tcb, b, out))
			return true;
		if (seq_lt(b->rec.rtx_nxt, b->rec.recover))
			return false;
	}
	/* Nothing new before what is lost (RFC 6675 section 4, NextSeg). */
	if (b->rec.lost > 0)
		return send_lost(ctx, tcb, b, out);
	return send_new(ctx, tcb, out);
}

/** Where a last segment of at most MSS octets begins that TCP_SLICES_MAX slices can hold. */
static uint32_t
last_segment(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const uint32_t end = tcb->snd_nxt - ((tcb->flags & TF_FIN_SENT) != 0);
	const uint32_t mss = tcp_mss_now(ctx, tcb);
	uint32_t seq = end - tcb->snd_una < mss ? tcb->snd_una : end - mss;
	uint32_t slices = 0, first = tcp_sndq_at(ctx, b, seq), i = first;

	for (; i != PTCP_NIL && seq_lt(tcp_node_at(ctx, i)->seq, end);
			i = tcp_node_at(ctx, i)->next) {
		if (++slices > TCP_SLICES_MAX) {
			first = tcp_node_at(ctx, first)->next;
			seq = tcp_node_at(ctx, first)->seq;
		}
	}
	return seq;
}

/**
 * Tail loss probe: a new segment, if there is one and the peer's window takes it, else the last one again (RFC 8985
 * section 7.3). Neither Nagle nor cwnd hold it back.
 */
static bool
send_tlp(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t queued = tcp_unsent(ctx, tcb);
	const bool fin = (tcb->flags & (TF_FIN_QUEUED | TF_FIN_SENT)) == TF_FIN_QUEUED;
	const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
	const uint32_t wnd = tcp_snd_wnd(tcb);
	uint32_t len = queued, seq;
	bool last;

	/* An ACK may have come since. */
	if (b == NULL || b->rec.head == PTCP_NIL || b->rec.sacked + b->rec.lost > 0 ||
			(tcb->flags & (TF_RECOVERY | TF_LOSS | TF_PERSIST)) != 0)
		return false;
	if (len > tcp_mss_now(ctx, tcb))
		len = tcp_mss_now(ctx, tcb);
	last = fin && len == queued && flight + len < wnd;
	if (last || (len > 0 && flight + len <= wnd)) {
		tcp_tlp_sent(ctx, b, tcb->snd_nxt + len, false);
		make_new(ctx, tcb, out, len, last);
		if ((tcb->flags & TF_ECN) != 0)
			tcp_ecn_mark(tcb, out);
		b->rec.tlp_end = tcb->snd_nxt;
		return true;
	}
	seq = last_segment(ctx, tcb, b);
	tcp_tlp_sent(ctx, b, tcb->snd_nxt, true);
	(void)make_again(ctx, tcb, out, seq, tcb->mss);
	return true;
}

/**
 * A zero-window probe: one octet beyond the window, or what a small window takes (RFC 9293 section 3.8.6.1).
 * @return false: none is due any more
 */
static bool
send_probe(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	const uint32_t queued = tcp_unsent(ctx, tcb);
	const bool fin = (tcb->flags & (TF_FIN_QUEUED | TF_FIN_SENT)) == TF_FIN_QUEUED;
	const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
	uint32_t len = tcp_snd_wnd(tcb);

	tcb->out &= (uint8_t)~OUT_PROBE;
	/* The window may have opened since. */
	if ((tcb->flags & TF_PERSIST) == 0)
		return false;
	if (flight > 0) {
		/* An earlier probe is still unacknowledged: the same octet again. */
		(void)make_again(ctx, tcb, out, tcb->snd_una, 1);
	} else {
		const bool closed = len == 0;
		const uint8_t probes = tcb->probes;

		PTCP_ASSERT(queued > 0 || fin);
		if (closed)
			len = 1;
		if (len > tcp_mss_now(ctx, tcb))
			len = tcp_mss_now(ctx, tcb);
		if (len > queued)
			len = queued;
		make_new(ctx, tcb, out, len, fin && len == queued);
		if (closed) {
			/* It stays a probe: no congestion signal until a window opens, and no loss probe. */
			tcb->flags |= TF_PERSIST;
			tcp_persist_start(ctx, tcb);
			tcb->probes = probes;
		}
	}
	tcp_count(ctx, COUNTER_WINDOW_PROBES);
	return true;
}

/* ------------------------------------------------------------------ the pull */

/** Whether send_data() has anything to look at: asked once more behind each segment, mostly in vain. */
static inline bool
data_left(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	if ((tcb->flags & TF_LOSS) != 0 ||
			(tcb->flags & (TF_FIN_QUEUED | TF_FIN_SENT)) == TF_FIN_QUEUED)
		return true;
	return b != NULL &&
			(b->rec.lost > 0 || b->rec.frto != TCP_FRTO_OFF ||
					tcp_unsent(ctx, tcb) > 0);
}

static bool
output_synchronized(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	if ((tcb->out & OUT_REXMT) != 0) {
		tcb->out &= (uint8_t)~OUT_REXMT;
		if (tcb->snd_una != tcb->snd_nxt) {
			(void)make_again(ctx, tcb, out, tcb->snd_una, tcb->mss);
			return true;
		}
	}
	if ((tcb->out & OUT_TLP) != 0) {
		tcb->out &= (uint8_t)~OUT_TLP;
		if (send_tlp(ctx, tcb, out))
			return true;
	}
	if ((tcb->out & OUT_DATA) != 0) {
		if (data_left(ctx, tcb) && send_data(ctx, tcb, out))
			return true;
		tcb->out &= (uint8_t)~OUT_DATA;
	}
	if ((tcb->out & OUT_PROBE) != 0 && send_probe(ctx, tcb, out))
		return true;
	if ((tcb->out & OUT_KEEP) != 0) {
		make_keepalive(ctx, tcb, out);
		return true;
	}
	if ((tcb->out & OUT_ACK) != 0) {
		make_ack(ctx, tcb, out);
		return true;
	}
	return false;
}

static bool
output_one(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_out *out)
{
	switch (tcb->state) {
	case TCP_CLOSED:
		if ((tcb->out & OUT_RST) == 0)
			return false;
		make_rst(ctx, tcb, out);
		return true;
	case TCP_TIME_WAIT:
		tcb->out &= OUT_ACK;
		if (tcb->out == 0)
			return false;
		make_ack(ctx, tcb, out);
		return true;
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
		if ((tcb->out & OUT_SYN) != 0) {
			make_syn(ctx, tcb, out);
			return true;
		}
		if (tcb->state == TCP_SYN_RECEIVED && (tcb->out & OUT_ACK) != 0) {
			make_ack(ctx, tcb, out);
			return true;
		}
		return false;
	default:
		return output_synchronized(ctx, tcb, out);
	}
}

uint32_t
tcp_output_next(struct tcp_ctx *ctx)
{
	if (ctx->output_head == ctx->output_tail)
		return PTCP_NIL;
	return ctx->output[ctx->output_head & ctx->output_mask];
}

bool
tcp_output(struct tcp_ctx *ctx, uint32_t index, struct tcp_out *out)
{
	struct tcp_tcb *tcb = tcp_at(ctx, index);

	PTCP_ASSERT(index == tcp_output_next(ctx));
	if (tcb->out != 0 && output_one(ctx, tcb, out))
		return true;
	tcb->out = 0;
	tcb->flags &= ~TF_IN_OUTPUT;
	ctx->output_head++;
	tcp_reap(ctx, tcb);
	return false;
}

/* ------------------------------------------------------------------ replies without a TCB */

struct tcp_seg *
tcp_reply(struct tcp_ctx *ctx, const struct tcp_seg *seg)
{
	struct tcp_seg *r;

	if (tcp_reply_room(ctx) == 0) {
		(void)tcp_drop(ctx, DROP_TX_FULL);
		return NULL;
	}
	ctx->reply_again[ctx->reply_tail & (TCP_REPLY_MAX - 1)] = false;
	r = &ctx->reply[ctx->reply_tail++ & (TCP_REPLY_MAX - 1)];
	*r = (struct tcp_seg){
			.src = seg->dst,
			.dst = seg->src,
			.sport = seg->dport,
			.dport = seg->sport,
			.family = seg->family,
			.laddr = seg->laddr,
			.neigh = UINT16_MAX,
			.dscp = ctx->conf.dscp,
			.ttl = ctx->conf.ttl,
	};
	tcp_count(ctx, COUNTER_SEGMENTS_OUT);
	return r;
}

const struct tcp_seg *
tcp_reply_next(struct tcp_ctx *ctx)
{
	if (ctx->reply_head == ctx->reply_tail)
		return NULL;
	return &ctx->reply[ctx->reply_head++ & (TCP_REPLY_MAX - 1)];
}

void
tcp_reply_rst(struct tcp_ctx *ctx, const struct tcp_seg *seg)
{
	struct tcp_seg *r;

	if ((seg->flags & TCP_RST) != 0)
		return;
	r = tcp_reply(ctx, seg);
	if (r == NULL)
		return;
	if ((seg->flags & TCP_ACK) != 0) {
		r->seq = seg->ack;
		r->flags = TCP_RST;
	} else {
		r->ack = seg->seq + tcp_seg_len(seg);
		r->flags = TCP_RST | TCP_ACK;
	}
	/* RFC 7323 section 5.2: our own clock of that connection is not known any more. */
	if ((seg->opts & TCP_OPT_TS) != 0 && ctx->conf.timestamps) {
		r->opts = TCP_OPT_TS;
		r->ts_ecr = seg->ts_val;
	}
	tcp_count(ctx, COUNTER_RST_OUT);
}
