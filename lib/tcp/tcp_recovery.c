/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done about losses. With a scoreboard: fast recovery by RACK-TLP and PRR (RFC 8985, 9937). Without: fast
 * retransmit and NewReno (RFC 5681 section 3.2, 6582), go-back-N after a timeout. Both: limited transmit (RFC 3042, 6675
 * section 5), F-RTO (RFC 5682), and taking back a reduction that was for nothing (RFC 3522, 2883).
 */
#include "tcp/tcp_impl.h"

/* What has to be looked at when an ACK comes, though nothing is lost or reported. */
#define REC_SLOW                                                                                   \
	(TCP_REC_TLP | TCP_REC_TLP_SPENT | TCP_REC_UNDO | TCP_REC_EIFEL | TCP_REC_DSACK_ROUND |    \
			TCP_REC_RECOVER_VALID)

static inline bool
scoreboard(const struct tcp_block *b)
{
	return b->rec.head != PTCP_NIL;
}

uint32_t
tcp_flight_size(const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const uint32_t pipe = tcp_pipe(tcb, b);
	const uint32_t target = tcb->cwnd < tcb->ssthresh ? tcb->cwnd : tcb->ssthresh;
	uint32_t limited = b->rec.limited;

	/* A second loss while the first is being repaired: what is in flight by now, not what is unacknowledged. */
	if (scoreboard(b) && (tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0)
		return pipe > target ? pipe : target;
	if ((tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0)
		return tcb->snd_nxt - tcb->snd_una;
	/* In long disorder more has gone over cwnd, and was acknowledged, than is over it now: that much was reported. */
	if (scoreboard(b) && limited > b->rec.sacked)
		limited = b->rec.sacked;
	return tcb->snd_nxt - tcb->snd_una - limited;
}

/* ------------------------------------------------------------------ spurious recovery */

/** The window was reduced: what is sent again from now on may turn out to have been for nothing. */
static void
undo_begin(struct tcp_block *b, bool rto, bool eifel)
{
	b->rec.undo_octets = 0;
	b->rec.flags &= (uint16_t) ~(TCP_REC_UNDO | TCP_REC_UNDO_RTO | TCP_REC_EIFEL);
	b->rec.flags |= TCP_REC_UNDO | (rto ? TCP_REC_UNDO_RTO : 0) | (eifel ? TCP_REC_EIFEL : 0);
}

static void
undo_forget(struct tcp_block *b)
{
	b->rec.flags &= (uint16_t) ~(TCP_REC_UNDO | TCP_REC_UNDO_RTO | TCP_REC_EIFEL);
	b->rec.frto = TCP_FRTO_OFF;
}

/** Nothing was lost: back to where it was (RFC 5682 section 4 leaves the response open, RFC 4015). */
static void
undo(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	const bool rto = (b->rec.flags & TCP_REC_UNDO_RTO) != 0;

	tcp_count(ctx, rto ? COUNTER_RTO_UNDONE : COUNTER_RECOVERY_UNDONE);
	/* What recovery made of cwnd, more or less, is no window: the reduction may have been for ECE, and stay. */
	if ((tcb->flags & TF_RECOVERY) != 0)
		tcb->cwnd = tcb->ssthresh;
	tcp_cc_undo(ctx, tcb, b);
	tcp_sack_unlose(ctx, b);
	/* What looked lost had been overtaken. */
	if (!rto)
		b->rec.flags |= TCP_REC_REORDERING;
	undo_forget(b);
	tcb->flags &= ~(TF_RECOVERY | TF_LOSS);
	/* Three duplicates may tell of a loss again (RFC 5682 section 2.1 step 3b). */
	b->rec.flags &= (uint16_t)~TCP_REC_RECOVER_VALID;
	b->rec.recover = tcb->snd_una;
	b->rec.limited = 0;
	b->rec.dupacks = b->rec.segs_sacked = 0;
	tcp_want_output(ctx, tcb, OUT_DATA);
}

/**
 * The first ACK that moves SND.UNA over what was sent again tells by its timestamp which of the two it is for (RFC 3522).
 * @return true: the first one, and nothing was lost
 */
static bool
eifel(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg)
{
	if ((b->rec.flags & TCP_REC_EIFEL) == 0)
		return false;
	b->rec.flags &= (uint16_t)~TCP_REC_EIFEL;
	return tcp_echo_before(ctx, tcb, seg, b->rec.cut_at);
}

/** All that was sent again since the reduction was reported as duplicate (RFC 2883, RFC 3708). */
static bool
dsack_all(struct tcp_block *b, uint32_t octets)
{
	struct tcp_recovery *rec = &b->rec;

	if ((rec->flags & TCP_REC_UNDO) == 0 || rec->undo_octets == 0)
		return false;
	rec->undo_octets -= octets < rec->undo_octets ? octets : rec->undo_octets;
	return rec->undo_octets == 0;
}

/** F-RTO says no: the conventional way (RFC 5682 section 2.1 step 3a, 3.1 step 3a). */
static void
frto_off(struct tcp_tcb *tcb, struct tcp_block *b)
{
	const uint32_t most = 3u * tcb->mss;

	if (b->rec.frto != TCP_FRTO_WAIT && tcb->cwnd > most)
		tcb->cwnd = most;
	b->rec.frto = TCP_FRTO_OFF;
}

/**
 * RFC 5682: section 3.1 with a scoreboard, section 2.1 without. @p n: as tcp_recovery_acked().
 * @return true: the timeout was spurious
 */
static bool
frto_acked(struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_acked *a, uint32_t n)
{
	struct tcp_recovery *rec = &b->rec;

	switch (rec->frto) {
	case TCP_FRTO_OFF:
		return false;
	case TCP_FRTO_WAIT:
		if (n > 0 && seq_lt(tcb->snd_una, rec->recover))
			rec->frto = TCP_FRTO_SEND2;
		else if (n > 0 || !a->on)
			frto_off(tcb, b);
		return false;
	default:
		if (a->on ? a->original : n > 0)
			return true;
		if (!a->on || n > 0 || a->sacked > 0)
			frto_off(tcb, b);
		return false;
	}
}

/* ------------------------------------------------------------------ proportional rate reduction */

static void
prr_begin(const struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_acked *a)
{
	struct tcp_recovery *rec = &b->rec;

	rec->prr_delivered = rec->prr_out = 0;
	/* RFC 9937 section 6.1: what was reported before will not count as delivered, what this ACK reports will. */
	rec->prr_flight = tcb->snd_nxt - tcb->snd_una - rec->sacked + a->sacked + a->acked;
}

/**
 * RFC 9937 section 6.2. @p timer: losses were found by the reordering timer and not by an ACK; there is no delivery that
 * could clock anything out, so one segment may go.
 */
static void
prr(struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_acked *a, bool timer)
{
	struct tcp_recovery *rec = &b->rec;
	const uint32_t delivered = a->acked + a->sacked;
	const uint32_t pipe = tcp_pipe(tcb, b);
	const bool safe = a->advanced && a->lost == 0;
	uint64_t n = 0;

	if (delivered == 0 && !timer)
		return;
	rec->prr_delivered += delivered;
	if (pipe > tcb->ssthresh) {
		const uint64_t out = ((uint64_t)rec->prr_delivered * tcb->ssthresh +
						     rec->prr_flight - 1) /
				rec->prr_flight;

		if (out > rec->prr_out)
			n = out - rec->prr_out;
	} else {
		if (rec->prr_delivered > rec->prr_out)
			n = rec->prr_delivered - rec->prr_out;
		if (n < delivered)
			n = delivered;
		if (timer && n < tcb->mss)
			n = tcb->mss;
		if (safe)
			n += tcb->mss;
		if (n > tcb->ssthresh - pipe)
			n = tcb->ssthresh - pipe;
	}
	/* The fast retransmit itself goes in any case, and whole. */
	if (rec->prr_out == 0 && n < tcb->mss)
		n = tcb->mss;
	tcb->cwnd = pipe + (uint32_t)n;
}

/* ------------------------------------------------------------------ beginning and end of fast recovery */

/** With or without scoreboard. */
static void
recovery_enter(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	struct tcp_recovery *rec = &b->rec;
	uint32_t seq, len;
	const bool head = !scoreboard(b) ||
			(tcp_sack_lost(ctx, tcb, b, &seq, &len) && seq == tcb->snd_una);

	tcp_cc_reduce(ctx, tcb, b, TCP_CC_LOSS);
	tcp_count(ctx, COUNTER_FAST_RETRANSMIT);
	rec->recover = tcb->snd_nxt;
	rec->cut_at = (uint32_t)ctx->now;
	rec->flags &= (uint16_t) ~(TCP_REC_TLP | TCP_REC_TLP_AGAIN);
	rec->flags |= TCP_REC_RECOVER_VALID;
	undo_begin(b, false, head);
	tcb->flags |= TF_RECOVERY;
}

/** A retransmission was lost, too: a second sign of congestion (RFC 5681 section 4.3). */
static void
reduce_again(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_acked *a)
{
	tcp_cc_reduce(ctx, tcb, b, TCP_CC_AGAIN);
	b->rec.cut_at = (uint32_t)ctx->now;
	undo_forget(b);
	if ((tcb->flags & TF_RECOVERY) != 0) {
		b->rec.recover = tcb->snd_nxt;
		prr_begin(tcb, b, a);
	} else if (tcb->cwnd > tcb->ssthresh) {
		tcb->cwnd = tcb->ssthresh;
	}
}

/** Everything up to recover is acknowledged. */
static void
scoreboard_recovered(struct tcp_tcb *tcb, struct tcp_block *b)
{
	/* RFC 9937 section 6.4. */
	if ((tcb->flags & TF_RECOVERY) != 0)
		tcb->cwnd = tcb->ssthresh;
	tcb->flags &= ~(TF_RECOVERY | TF_LOSS);
	b->rec.limited = 0;
	b->rec.segs_sacked = 0;
	b->rec.frto = TCP_FRTO_OFF;
	b->rec.flags &= (uint16_t)~TCP_REC_EIFEL;
	tcp_rack_recovered(b);
	/* For a round trip more duplicates may be reported. */
	b->rec.recover = tcb->snd_nxt;
}

/** New losses may be known: begin to repair them, and say how much may go. */
static void
repair(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_acked *a,
		bool timer)
{
	if (b->rec.lost > 0 && (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0) {
		recovery_enter(ctx, tcb, b);
		prr_begin(tcb, b, a);
	} else if (a->cut && (tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0) {
		reduce_again(ctx, tcb, b, a);
	}
	if ((tcb->flags & TF_RECOVERY) != 0)
		prr(tcb, b, a, timer);
	if (b->rec.lost > 0 || a->sacked > 0)
		tcp_want_output(ctx, tcb, OUT_DATA);
}

/* ------------------------------------------------------------------ ACKs, with a scoreboard */

/** Count segments by what ACKs report: those that report less than one do report one. */
static void
count_sacked(const struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_acked *a)
{
	uint32_t n = 1;

	PTCP_ASSERT(tcb->mss > 0);
	if (a->sacked > tcb->mss)
		n = a->sacked / tcb->mss;
	if (b->rec.sacked == 0) {
		b->rec.segs_sacked = 0;
	} else if (a->sacked > 0) {
		n += b->rec.segs_sacked;
		b->rec.segs_sacked = (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
	}
}

/** What has served its time. */
static void
expire(const struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_acked *a)
{
	struct tcp_recovery *rec = &b->rec;

	if (a->rtt > 0 || (a->again && (tcb->flags & TF_TS) != 0))
		rec->flags &= (uint16_t)~TCP_REC_TLP_SPENT;
	if ((rec->flags & TCP_REC_DSACK_ROUND) != 0 && seq_geq(tcb->snd_una, rec->dsack_round))
		rec->flags &= (uint16_t)~TCP_REC_DSACK_ROUND;
	if ((tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0 && seq_gt(tcb->snd_una, rec->recover)) {
		undo_forget(b);
		rec->flags &= (uint16_t)~TCP_REC_RECOVER_VALID;
	}
	if (rec->sacked == 0 && rec->lost == 0 && (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0)
		rec->limited = 0;
}

/** What an ACK says of the past: a probe's loss, a recovery for nothing. @return true: the probe repaired a loss */
static bool
look_back(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, const struct tcp_seg *seg,
		struct tcp_acked *a, uint32_t n)
{
	const bool repaired = tcp_tlp_acked(ctx, tcb, b, seg, a);
	bool spurious = false;

	if (a->dsack > 0) {
		tcp_rack_dsack(tcb, b);
		spurious = dsack_all(b, a->dsack);
	}
	if (n > 0 && eifel(ctx, tcb, b, seg))
		spurious = true;
	if (frto_acked(tcb, b, a, n))
		spurious = true;
	if (spurious)
		undo(ctx, tcb, b);
	return repaired;
}

static void
scoreboard_slow(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a, uint32_t n)
{
	const bool repairing = (tcb->flags & TF_RECOVERY) != 0;
	const bool probed = look_back(ctx, tcb, b, seg, a, n);
	uint32_t reo;

	count_sacked(tcb, b, a);
	if ((tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0 && seq_geq(tcb->snd_una, b->rec.recover))
		scoreboard_recovered(tcb, b);
	reo = tcp_rack_detect(ctx, tcb, b, a);
	repair(ctx, tcb, b, a, false);
	if (probed && (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0) {
		/*
		 * As if fast recovery had come and gone (RFC 8985 section 7.4.2). Whether the window was full is known before
		 * tcp_cc_ack() only; and an ACK that tells of a loss grows nothing.
		 */
		tcp_count(ctx, COUNTER_TLP_REPAIRS);
		tcp_cc_reduce(ctx, tcb, b, TCP_CC_LOSS);
		tcb->cwnd = tcb->ssthresh;
	} else if (n > 0 && !repairing && (tcb->flags & TF_RECOVERY) == 0) {
		tcp_cc_ack(ctx, tcb, b, n);
	}
	expire(tcb, b, a);
	tcp_rack_arm(ctx, tcb, b, reo, n > 0);
}

/* ------------------------------------------------------------------ ACKs, without */

static void
newreno_partial(struct tcp_tcb *tcb, uint32_t acked)
{
	tcb->cwnd = tcb->cwnd > acked ? tcb->cwnd - acked : 0;
	if (acked >= tcb->mss || tcb->cwnd < tcb->mss)
		tcp_cc_grow(tcb, tcb->mss);
}

static void
newreno_leave(struct tcp_tcb *tcb)
{
	const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
	const uint32_t mss = tcb->mss;
	const uint32_t most = (flight > mss ? flight : mss) + mss;

	/* RFC 6582 section 3.2 step 3, option 1: no burst at the end. */
	tcb->cwnd = tcb->ssthresh < most ? tcb->ssthresh : most;
	tcb->flags &= ~TF_RECOVERY;
}

static void
newreno_acked(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, const struct tcp_acked *a, uint32_t n)
{
	const bool was_recovery = (tcb->flags & TF_RECOVERY) != 0;
	const bool spurious = eifel(ctx, tcb, b, seg);

	b->rec.dupacks = 0;
	b->rec.limited = 0;
	if (frto_acked(tcb, b, a, n) || spurious) {
		undo(ctx, tcb, b);
		return;
	}
	if (was_recovery) {
		if (seq_geq(tcb->snd_una, b->rec.recover)) {
			newreno_leave(tcb);
		} else {
			newreno_partial(tcb, n);
			tcp_want_output(ctx, tcb, OUT_REXMT);
		}
		return;
	}
	if ((tcb->flags & TF_LOSS) != 0 && seq_geq(tcb->snd_una, b->rec.recover)) {
		tcb->flags &= ~TF_LOSS;
		b->rec.frto = TCP_FRTO_OFF;
	}
	/* Passed for good: half the sequence space later it would look as if it lay ahead. */
	if (seq_gt(tcb->snd_una, b->rec.recover)) {
		b->rec.flags &= (uint16_t)~TCP_REC_RECOVER_VALID;
		undo_forget(b);
	}
	tcp_cc_ack(ctx, tcb, b, n);
}

void
tcp_recovery_dupack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	struct tcp_recovery *rec = &b->rec;
	const struct tcp_acked none = {0};

	if ((tcb->flags & TF_RECOVERY) != 0) {
		/*
		 * Each further duplicate says that one segment has left the network: no more than were in it at the loss
		 * (RFC 5681 section 3.2 step 4). What was sent since does not count, or invented duplicates would go on
		 * pulling more out.
		 */
		if (tcb->cwnd < rec->recover - tcb->snd_una + tcb->ssthresh)
			tcp_cc_grow(tcb, tcb->mss);
		tcp_want_output(ctx, tcb, OUT_DATA);
		return;
	}
	if (rec->frto != TCP_FRTO_OFF) {
		(void)frto_acked(tcb, b, &none, 0);
		tcp_want_output(ctx, tcb, OUT_DATA);
	}
	if (rec->dupacks < UINT8_MAX)
		rec->dupacks++;
	/* RFC 6582 section 3.2 step 2: not again for a loss that recovery has dealt with. */
	if (rec->dupacks != 3 ||
			((rec->flags & TCP_REC_RECOVER_VALID) != 0 &&
					seq_leq(tcb->snd_una, rec->recover)))
		return;
	recovery_enter(ctx, tcb, b);
	tcb->cwnd = tcb->ssthresh + 3u * tcb->mss;
	tcp_want_output(ctx, tcb, OUT_REXMT | OUT_DATA);
}

/* ------------------------------------------------------------------ what the other files call */

void
tcp_recovery_sent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq)
{
	struct tcp_recovery *rec = &b->rec;
	const uint32_t n = tcb->snd_nxt - seq;

	tcp_sack_sent(ctx, tcb, b, seq);
	if ((tcb->flags & TF_RECOVERY) != 0) {
		if (scoreboard(b))
			rec->prr_out += n;
	} else if ((tcb->flags & TF_LOSS) == 0 && (rec->sacked > 0 || rec->dupacks > 0) &&
			tcb->snd_nxt - tcb->snd_una > tcb->cwnd) {
		rec->limited += n;
		tcp_count(ctx, COUNTER_LIMITED_TRANSMITS);
	}
	tcp_tlp_arm(ctx, tcb, b);
}

void
tcp_recovery_resent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq,
		uint32_t len)
{
	struct tcp_recovery *rec = &b->rec;
	const bool repairing = (tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0;
	const struct tcp_range *head;
	bool first;

	if (repairing && (rec->flags & TCP_REC_UNDO) != 0)
		rec->undo_octets += len;
	if (!scoreboard(b))
		return;
	head = pool_at(&ctx->range_pool, rec->head);
	first = seq == tcb->snd_una && (head->flags & TCP_RANGE_RESENT) == 0;
	tcp_sack_resent(ctx, tcb, b, seq, len);
	if ((tcb->flags & TF_RECOVERY) == 0)
		return;
	rec->prr_out += len;
	/*
	 * It gets its time (RFC 6675 section 6): the timer may have run since long before the loss was known. But once only, or
	 * a segment that never comes through would never time out while others do.
	 */
	if (first) {
		rec->t_rto = ctx->now_ms + tcp_rto_ms(ctx, tcb);
		if (rec->timer == TCP_TIMER_RTO)
			tcb->t_rexmt = rec->t_rto;
	}
}

void
tcp_recovery_acked(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a, uint32_t n)
{
	struct tcp_recovery *rec = &b->rec;

	if (!a->on) {
		newreno_acked(ctx, tcb, b, seg, a, n);
		return;
	}
	if (PTCP_LIKELY(!a->blocks && (rec->sacked | rec->lost) == 0 &&
			    (rec->flags & REC_SLOW) == 0 &&
			    (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0)) {
		rec->limited = 0;
		if (n > 0)
			tcp_cc_ack(ctx, tcb, b, n);
		tcp_rack_arm(ctx, tcb, b, 0, n > 0);
		return;
	}
	scoreboard_slow(ctx, tcb, b, seg, a, n);
}

void
tcp_recovery_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, bool first)
{
	struct tcp_recovery *rec = &b->rec;
	/* While a loss is being repaired, what is acknowledged next may be its repair: nothing to tell them apart. */
	const bool fresh = first && (tcb->flags & (TF_RECOVERY | TF_LOSS)) == 0;

	if (first)
		tcp_cc_reduce(ctx, tcb, b, TCP_CC_RTO);
	tcb->cwnd = tcb->mss;
	rec->recover = tcb->snd_nxt;
	rec->cut_at = (uint32_t)ctx->now;
	rec->dupacks = rec->segs_sacked = 0;
	rec->limited = 0;
	rec->flags &= (uint16_t) ~(TCP_REC_TLP | TCP_REC_TLP_AGAIN);
	rec->flags |= TCP_REC_RECOVER_VALID;
	undo_forget(b);
	if (fresh) {
		undo_begin(b, true, true);
		rec->frto = TCP_FRTO_WAIT;
	}
	tcb->flags = (tcb->flags & ~TF_RECOVERY) | TF_LOSS;
	if (scoreboard(b)) {
		tcp_rack_timeout(ctx, tcb, b);
		/* Timeouts may go on for longer than times can be compared. */
		rec->flags &= (uint16_t)~TCP_REC_RACK;
		tcp_want_output(ctx, tcb, OUT_REXMT | OUT_DATA);
	} else {
		rec->rtx_nxt = tcb->snd_una;
		tcp_want_output(ctx, tcb, OUT_DATA);
	}
}

void
tcp_recovery_timer(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	struct tcp_acked a = {.on = true};
	uint32_t reo;

	if (b->rec.timer == TCP_TIMER_PTO) {
		/* RFC 8985 section 7.3: whether or not it can be sent, the timeout stays the last resort. */
		tcp_want_output(ctx, tcb, OUT_TLP);
		tcp_rexmt_start(ctx, tcb);
		return;
	}
	reo = tcp_rack_detect(ctx, tcb, b, &a);
	repair(ctx, tcb, b, &a, a.lost > 0);
	tcp_rack_arm(ctx, tcb, b, reo, true);
}

void
tcp_recovery_too_big(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	undo_forget(b);
	b->rec.flags |= TCP_REC_RECOVER_VALID;
	b->rec.recover = tcb->snd_nxt;
	if (scoreboard(b)) {
		tcp_sack_lose_all(ctx, tcb, b);
		if ((tcb->flags & TF_RECOVERY) == 0)
			tcb->flags |= TF_LOSS;
	} else {
		b->rec.rtx_nxt = tcb->snd_una;
		if ((tcb->flags & TF_RECOVERY) != 0)
			tcb->cwnd = tcb->ssthresh; /* no more duplicates to go by */
		tcb->flags = (tcb->flags & ~TF_RECOVERY) | TF_LOSS;
	}
	b->rec.dupacks = 0;
	tcp_want_output(ctx, tcb, OUT_DATA);
}
