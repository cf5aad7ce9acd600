/* SPDX-License-Identifier: BSD-3-Clause */
/* RACK-TLP: RFC 8985. What is lost is told by time, and a probe asks when no ACK comes. */
#include "tcp/tcp_impl.h"

#define DUP_THRESH       3
#define REO_PERSIST      16
#define MIN_RTT_AGE      (300u * 1000u >> 12) /**< five minutes: the way may have changed */
#define PTO_NO_RTT_US    1000000u
#define PTO_MIN_US       10000u  /**< see docs/architecture.md: deadlines are whole milliseconds */
#define MAX_ACK_DELAY_US 200000u /**< TLP.max_ack_delay: what receivers are known to take */

static inline struct tcp_range *
range_at(const struct tcp_ctx *ctx, uint32_t index)
{
	return pool_at(&ctx->range_pool, index);
}

static inline uint32_t
age_of(const struct tcp_ctx *ctx, uint32_t xmit)
{
	return (uint32_t)ctx->now - xmit;
}

/** RACK_sent_after(): times by their order, not their age; equal ones by sequence number. */
static inline bool
sent_after(uint32_t t1, uint32_t seq1, uint32_t t2, uint32_t seq2)
{
	return t1 == t2 ? seq_gt(seq1, seq2) : (int32_t)(t1 - t2) > 0;
}

/**
 * What was delivered latest was sent after what @p r ends with at @p end. Of the same microsecond text sent again and new
 * text have no order that sequence numbers could tell.
 */
static inline bool
sent_before_rack(const struct tcp_recovery *rec, const struct tcp_range *r, uint32_t end)
{
	const bool resent = (r->flags & TCP_RANGE_RESENT) != 0;
	const bool again = (rec->flags & TCP_REC_RACK_AGAIN) != 0;

	if (r->xmit == rec->rack_xmit && resent != again)
		return false;
	return sent_after(rec->rack_xmit, rec->rack_end, r->xmit, end);
}

/* ------------------------------------------------------------------ steps 1 to 3: what was delivered */

static void
update_min_rtt(const struct tcp_ctx *ctx, struct tcp_recovery *rec, uint32_t rtt)
{
	const uint16_t now = (uint16_t)(ctx->now_ms >> 12);

	if (rec->min_rtt != 0 && rtt > rec->min_rtt &&
			(uint16_t)(now - rec->min_rtt_age) < MIN_RTT_AGE)
		return;
	rec->min_rtt = rtt;
	rec->min_rtt_age = now;
}

void
tcp_rack_delivered(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_range *r, uint32_t end, const struct tcp_seg *seg,
		struct tcp_acked *a)
{
	struct tcp_recovery *rec = &b->rec;
	const uint32_t xmit = r->xmit - (r->flags >> TCP_RANGE_SPAN);
	const uint32_t age = age_of(ctx, xmit);
	const uint32_t rtt = age > 0 ? age : 1;
	const bool resent = (r->flags & TCP_RANGE_RESENT) != 0;

	if (!resent) {
		if (seq_lt(end, a->fack))
			rec->flags |= TCP_REC_REORDERING;
		if (seq_leq(end, rec->recover))
			a->original = true;
		if (a->rtt == 0 || rtt < a->rtt)
			a->rtt = rtt;
	} else {
		/* An ACK too early to be for the repetition was for what was sent before. */
		if (rtt < rec->min_rtt || tcp_echo_before(ctx, tcb, seg, xmit))
			return;
		a->again = true;
	}
	update_min_rtt(ctx, rec, rtt);
	if ((rec->flags & TCP_REC_RACK) == 0 ||
			sent_after(xmit, end, rec->rack_xmit, rec->rack_end)) {
		rec->flags &= (uint16_t)~TCP_REC_RACK_AGAIN;
		rec->flags |= TCP_REC_RACK | (resent ? TCP_REC_RACK_AGAIN : 0);
		rec->rack_xmit = xmit;
		rec->rack_end = end;
		rec->rack_rtt = rtt;
	}
}

/* ------------------------------------------------------------------ step 4: the reordering window */

void
tcp_rack_dsack(const struct tcp_tcb *tcb, struct tcp_block *b)
{
	struct tcp_recovery *rec = &b->rec;

	if ((rec->flags & TCP_REC_DSACK_ROUND) != 0)
		return;
	rec->flags |= TCP_REC_DSACK_ROUND;
	rec->dsack_round = tcb->snd_nxt;
	rec->reo_persist = REO_PERSIST;
	if (rec->reo_mult < UINT8_MAX)
		rec->reo_mult++;
}

void
tcp_rack_recovered(struct tcp_block *b)
{
	if (b->rec.reo_persist > 0)
		b->rec.reo_persist--;
	if (b->rec.reo_persist == 0)
		b->rec.reo_mult = 0;
}

static uint32_t
reo_wnd(const struct tcp_tcb *tcb, const struct tcp_recovery *rec)
{
	const uint64_t wnd = ((uint64_t)rec->reo_mult + 1) * rec->min_rtt / 4;

	if ((rec->flags & TCP_REC_REORDERING) == 0 &&
			((tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0 ||
					rec->segs_sacked >= DUP_THRESH))
		return 0;
	return wnd < tcb->srtt ? (uint32_t)wnd : tcb->srtt;
}

/* ------------------------------------------------------------------ step 5: what is lost */

uint32_t
tcp_rack_detect(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_acked *a)
{
	struct tcp_recovery *rec = &b->rec;
	const uint32_t before = rec->lost;
	uint32_t wait = 0, next;
	uint64_t limit;

	if ((rec->flags & TCP_REC_RACK) == 0)
		return 0;
	limit = (uint64_t)rec->rack_rtt + reo_wnd(tcb, rec);
	for (uint32_t i = rec->head; i != PTCP_NIL; i = next) {
		struct tcp_range *r = range_at(ctx, i);
		const uint32_t age = age_of(ctx, r->xmit);
		uint32_t end;

		next = r->next;
		end = next == PTCP_NIL ? tcb->snd_nxt : range_at(ctx, next)->seq;
		if ((r->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)) != 0 ||
				!sent_before_rack(rec, r, end))
			continue;
		if (age < limit) {
			if (limit - age > wait)
				wait = (uint32_t)(limit - age);
			continue;
		}
		if ((r->flags & TCP_RANGE_RESENT) != 0) {
			tcp_count(ctx, COUNTER_RACK_LOST_AGAIN);
			/* Sent before the last reduction, it belongs to what that one was for. */
			if ((int32_t)(r->xmit - rec->cut_at) >= 0)
				a->cut = true;
		}
		tcp_count(ctx, COUNTER_RACK_LOST);
		tcp_sack_lose(ctx, tcb, b, r);
	}
	a->lost += rec->lost - before;
	return wait;
}

void
tcp_rack_timeout(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b)
{
	const struct tcp_recovery *rec = &b->rec;
	uint64_t age = 0;

	if ((rec->flags & TCP_REC_RACK) != 0)
		age = (uint64_t)rec->rack_rtt + reo_wnd(tcb, rec);
	tcp_sack_timeout(ctx, tcb, b, age);
}

/* ------------------------------------------------------------------ timers */

/** The first whole millisecond that is not before @p us from now: nothing is early. */
static time_ms_t
deadline(const struct tcp_ctx *ctx, uint32_t us)
{
	return time_us_to_ms(ctx->now + us + (TIME_US_PER_MS - 1));
}

/** RFC 8985 section 7.2. */
static bool
pto_applies(const struct tcp_tcb *tcb, const struct tcp_recovery *rec)
{
	return rec->head != PTCP_NIL && (rec->sacked | rec->lost) == 0 && tcb->snd_wnd != 0 &&
			(tcb->flags & (TF_RECOVERY | TF_LOSS | TF_PERSIST)) == 0 &&
			(rec->flags & (TCP_REC_TLP | TCP_REC_TLP_SPENT)) == 0;
}

static uint32_t
pto_us(const struct tcp_tcb *tcb)
{
	uint32_t us = tcb->srtt != 0 ? 2 * tcb->srtt : PTO_NO_RTT_US;

	if (tcb->snd_nxt - tcb->snd_una <= tcb->mss)
		us += MAX_ACK_DELAY_US;
	return us > PTO_MIN_US ? us : PTO_MIN_US;
}

void
tcp_rack_arm(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t reo,
		bool moved)
{
	struct tcp_recovery *rec = &b->rec;
	time_ms_t t;

	if ((tcb->flags & TF_REXMT) == 0)
		return;
	if (!moved && reo == 0 && rec->timer == TCP_TIMER_PTO && pto_applies(tcb, rec))
		return;
	rec->timer = TCP_TIMER_RTO;
	tcb->t_rexmt = rec->t_rto;
	if (reo > 0) {
		t = deadline(ctx, reo);
		if (time_ms_before(t, rec->t_rto)) {
			rec->timer = TCP_TIMER_REO;
			tcb->t_rexmt = t;
		}
	} else if (moved && pto_applies(tcb, rec)) {
		t = deadline(ctx, pto_us(tcb));
		rec->timer = TCP_TIMER_PTO;
		if (time_ms_before(t, rec->t_rto))
			tcb->t_rexmt = t;
	}
	tcp_timer_at(ctx, tcb, tcb->t_rexmt);
}

void
tcp_tlp_arm(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	if (b->rec.timer != TCP_TIMER_REO && pto_applies(tcb, &b->rec))
		tcp_rack_arm(ctx, tcb, b, 0, true);
}

/* ------------------------------------------------------------------ tail loss probe */

void
tcp_tlp_sent(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t end, bool again)
{
	b->rec.flags |= TCP_REC_TLP | TCP_REC_TLP_SPENT | (again ? TCP_REC_TLP_AGAIN : 0);
	b->rec.tlp_end = end;
	tcp_count(ctx, COUNTER_TLP_PROBES);
}

bool
tcp_tlp_acked(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a)
{
	struct tcp_recovery *rec = &b->rec;
	const uint16_t flags = rec->flags;
	bool repaired = false;

	if ((flags & TCP_REC_TLP) == 0 || seq_lt(seg->ack, rec->tlp_end))
		return false;
	if ((flags & TCP_REC_TLP_AGAIN) == 0) {
		/* New data, delivered. */
	} else if (a->dsack > 0 &&
			(a->dsack_end == rec->tlp_end || a->dsack_end == rec->tlp_end - 1)) {
		a->dsack = 0; /* the probe was for nothing: no sign of reordering (FIN may not be reported) */
	} else if (seq_gt(seg->ack, rec->tlp_end)) {
		repaired = true;
	} else if (!a->advanced && !a->blocks && seg->payload.len == 0) {
		/* A duplicate without SACK: both arrived. */
	} else if (tcb->snd_una == tcb->snd_nxt && tcp_unsent(ctx, tcb) == 0) {
		/* Nothing more will come, and the block goes: what can be told is told by time. */
		repaired = a->again;
	} else {
		return false;
	}
	rec->flags &= (uint16_t) ~(TCP_REC_TLP | TCP_REC_TLP_AGAIN);
	return repaired;
}
