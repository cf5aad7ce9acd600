/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines: one wheel node a TCB, round-trip time (RFC 6298), and timeouts (RFC 9293 section 3.10.8). */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ the node */

void
tcp_timer_move(struct tcp_ctx *ctx, struct tcp_tcb *tcb, time_ms_t deadline)
{
	const uint32_t index = tcp_index(ctx, tcb);
	int32_t delta = (int32_t)(deadline - (uint32_t)ctx->wheel.now);
	uint64_t tick;

	if (delta > (int32_t)TCP_REST_MAX_MS)
		delta = (int32_t)TCP_REST_MAX_MS;
	tick = ctx->wheel.now + (delta > 0 ? (uint32_t)delta : 0);
	/* The deadline may lie further back than the node: both are due now. */
	if (wheel_armed(&ctx->wheel, index) && time_ms_before(tcb->timer.tick, (uint32_t)tick + 1))
		return;
	wheel_arm(&ctx->wheel, index, tick);
}

/* ------------------------------------------------------------------ retransmission timeout */

void
tcp_rtt_sample(struct tcp_tcb *tcb, uint64_t rtt_us)
{
	const uint32_t r = rtt_us == 0 ? 1 : rtt_us > 60000000 ? 60000000 : (uint32_t)rtt_us;

	if (tcb->srtt == 0) {
		tcb->srtt = r;
		tcb->rttvar = r / 2;
	} else {
		const uint32_t diff = tcb->srtt > r ? tcb->srtt - r : r - tcb->srtt;

		tcb->rttvar = tcb->rttvar - tcb->rttvar / 4 + diff / 4;
		tcb->srtt = tcb->srtt - tcb->srtt / 8 + r / 8;
		PTCP_ASSERT(tcb->srtt > 0);
	}
	tcb->shift = 0;
}

/** RTO without backoff, ms. */
static uint32_t
rto_base(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_conf *conf = &ctx->conf;
	uint32_t var, ms;

	if (!tcp_synchronized(tcb->state))
		return conf->rto_initial_ms;
	if (tcb->srtt == 0) {
		if ((tcb->flags & TF_SYN_LOST) != 0 && conf->rto_initial_ms < TCP_RTO_SYN_LOST)
			return TCP_RTO_SYN_LOST;
		return conf->rto_initial_ms;
	}
	var = 4 * tcb->rttvar;
	ms = (tcb->srtt + (var > TCP_CLOCK_G_US ? var : TCP_CLOCK_G_US) + 999) / 1000;
	if (ms < conf->rto_min_ms)
		ms = conf->rto_min_ms;
	return ms > conf->rto_max_ms ? conf->rto_max_ms : ms;
}

static uint32_t
backed_off(const struct tcp_ctx *ctx, uint32_t base, unsigned int shift)
{
	const uint64_t ms = (uint64_t)base << (shift < 32 ? shift : 32);

	return ms > ctx->conf.rto_max_ms ? ctx->conf.rto_max_ms : (uint32_t)ms;
}

uint32_t
tcp_rto_ms(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return backed_off(ctx, rto_base(ctx, tcb), tcb->shift);
}

/** How long the peer has left the last tcb->probes timeouts unanswered, the one that is due now included. */
static uint64_t
unanswered_ms(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const uint32_t base = rto_base(ctx, tcb);
	const unsigned int n = tcb->probes + 1u;
	unsigned int shift = tcb->shift > tcb->probes ? tcb->shift - tcb->probes : 0;
	uint64_t sum = 0;

	/* From the first one on, because the exponent stops growing before their number does. */
	for (unsigned int i = 0; i < n; i++) {
		sum += backed_off(ctx, base, shift);
		if (shift < tcb->shift)
			shift++;
	}
	return sum;
}

time_ms_t
tcp_unanswered_since(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return tcb->t_rexmt - (time_ms_t)unanswered_ms(ctx, tcb);
}

void
tcp_rexmt_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	tcb->t_rexmt = ctx->now_ms + tcp_rto_ms(ctx, tcb);
	tcb->flags = (tcb->flags & ~(TF_PERSIST | TF_KEEP_PROBE | TF_FW2)) | TF_REXMT;
	if (b != NULL) {
		b->rec.t_rto = tcb->t_rexmt;
		b->rec.timer = TCP_TIMER_RTO;
	}
	tcp_timer_at(ctx, tcb, tcb->t_rexmt);
}

void
tcp_persist_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_KEEP_PROBE) != 0)
		tcb->probes = 0;
	if ((tcb->flags & TF_PERSIST) == 0 && tcb->blk != PTCP_NIL)
		tcp_block(ctx, tcb)->cc.moved = ctx->now_ms;
	tcb->t_rexmt = ctx->now_ms + tcp_rto_ms(ctx, tcb);
	tcb->flags = (tcb->flags & ~(TF_REXMT | TF_KEEP_PROBE)) | TF_PERSIST;
	tcp_timer_at(ctx, tcb, tcb->t_rexmt);
}

void
tcp_keep_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcb->flags &= ~(TF_KEEP | TF_KEEP_PROBE);
	/* After weeks of quiet: as long ago as 32-bit milliseconds can tell. */
	if (ctx->now_ms - tcb->t_recv > TCP_REST_MAX_MS)
		tcb->t_recv = ctx->now_ms - TCP_REST_MAX_MS;
	if (tcp_profile(ctx, tcb)->keep_on) {
		tcb->flags |= TF_KEEP;
		tcp_timer_at(ctx, tcb, tcb->t_recv + tcp_profile(ctx, tcb)->keep_idle_ms);
	}
	if ((tcb->flags & TF_TS) != 0)
		tcp_timer_at(ctx, tcb, ctx->now_ms + TCP_REST_MAX_MS);
}

void
tcp_fin_wait_2_bound(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcb->t_rexmt = ctx->now_ms + ctx->conf.fin_wait2_ms;
	tcb->flags = (tcb->flags & ~TF_KEEP_PROBE) | TF_FW2;
	tcp_timer_at(ctx, tcb, tcb->t_rexmt);
}

/* ------------------------------------------------------------------ what is done at a deadline */

/** @return true when the connection is gone */
static bool
give_up(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t r2_ms)
{
	if (tcb->probes == 2) {
		tcp_count(ctx, COUNTER_R1_REACHED);
		tcp_trouble(ctx, tcb, TCP_REASON_TIMEOUT);
	}
	/* More timeouts than can be counted are too many, wherever R2 lies; a user timeout has a clock of its own. */
	if ((tcb->probes < UINT8_MAX || r2_ms == UINT32_MAX) && unanswered_ms(ctx, tcb) < r2_ms)
		return false;
	tcp_end(ctx, tcb, TCP_REASON_TIMEOUT, tcp_synchronized(tcb->state));
	return true;
}

static void
back_off(struct tcp_tcb *tcb)
{
	if (tcb->shift < 32)
		tcb->shift++;
	if (tcb->probes < UINT8_MAX)
		tcb->probes++;
	/* The way may have changed: look for the next hop again (RFC 9293 section 3.8.3, R1). */
	tcb->id.aux = UINT16_MAX;
}

static bool
syn_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if (give_up(ctx, tcb, ctx->conf.syn_r2_ms))
		return true;
	back_off(tcb);
	tcp_count(ctx, COUNTER_RTO);
	tcb->flags |= TF_SYN_LOST;
	tcp_rexmt_start(ctx, tcb);
	tcp_want_output(ctx, tcb, OUT_SYN);
	return false;
}

/** R2 of text, which a user timeout replaces (RFC 9293 section 3.8.3). */
static uint32_t
data_r2(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const uint32_t user_ms = tcp_profile(ctx, tcb)->user_timeout_ms;

	if (user_ms == 0)
		return ctx->conf.data_r2_ms;
	/* tcp_patience_over() sees to it; without a block (FIN alone) its clock is the timeouts, and those are counted. */
	return tcb->blk != PTCP_NIL ? UINT32_MAX : user_ms;
}

/** RFC 6298 section 5.4 to 5.6. */
static bool
data_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const bool first = tcb->probes == 0;

	if (give_up(ctx, tcb, data_r2(ctx, tcb)))
		return true;
	tcp_pmtu_timeout(ctx, tcb);
	back_off(tcb);
	tcp_count(ctx, COUNTER_RTO);
	if (b != NULL)
		tcp_recovery_timeout(ctx, tcb, b, first);
	else
		tcp_want_output(ctx, tcb, OUT_REXMT); /* FIN alone */
	tcp_rexmt_start(ctx, tcb);
	return false;
}

/**
 * Under memory pressure those go whose peers have answered probes by a zero window for longer than data may stay without
 * acknowledgment: they hold memory and nobody gains by it (RFC 6429 section 4). @return true when the connection is gone
 */
static bool
evict(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	/* A user timeout ends it without pressure as well, and not before. */
	if (b == NULL || tcb->snd_wnd != 0 || !tcp_mem_short(ctx) ||
			tcp_profile(ctx, tcb)->user_timeout_ms != 0 ||
			ctx->now_ms - b->cc.moved < ctx->conf.data_r2_ms)
		return false;
	tcp_count(ctx, COUNTER_ZERO_WINDOW_EVICTED);
	tcp_end(ctx, tcb, TCP_REASON_NO_MEMORY, true);
	return true;
}

static bool
persist_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	/* Answered probes may go on for ever: a zero window alone kills no connection (RFC 9293 section 3.8.6.1). */
	if (evict(ctx, tcb) || give_up(ctx, tcb, data_r2(ctx, tcb)))
		return true;
	/* An RTO without text, and a probe is none. */
	tcp_cc_restart(ctx, tcb);
	back_off(tcb);
	tcp_want_output(ctx, tcb, OUT_PROBE);
	tcp_persist_start(ctx, tcb);
	return false;
}

/** @return true when the connection is gone */
static bool
keepalive_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_profile *p = tcp_profile(ctx, tcb);

	if ((tcb->flags & TF_KEEP_PROBE) != 0) {
		/* Whatever acceptable came since the last probe was its answer. */
		if (!time_ms_before(tcb->t_recv, tcb->t_rexmt - p->keep_interval_ms)) {
			tcb->flags &= ~TF_KEEP_PROBE;
			tcb->probes = 0;
		} else if (!time_ms_reached(tcb->t_rexmt, ctx->now_ms)) {
			return false;
		} else if (tcb->probes >= p->keep_count &&
				ctx->now_ms - tcb->t_recv > p->user_timeout_ms) {
			/* Not before the user timeout (RFC 5482 section 4.2). */
			tcp_count(ctx, COUNTER_KEEPALIVE_DROPS);
			tcp_end(ctx, tcb, TCP_REASON_KEEPALIVE, true);
			return true;
		}
	}
	if ((tcb->flags & TF_KEEP_PROBE) == 0 &&
			!time_ms_reached(tcb->t_recv + p->keep_idle_ms, ctx->now_ms))
		return false;
	/* t_rexmt no longer tells when text was last sent: long ago. */
	if ((tcb->flags & TF_KEEP_PROBE) == 0)
		tcp_cc_restart(ctx, tcb);
	tcb->flags |= TF_KEEP_PROBE;
	if (tcb->probes < UINT8_MAX)
		tcb->probes++;
	tcb->t_rexmt = ctx->now_ms + p->keep_interval_ms;
	tcp_want_output(ctx, tcb, OUT_KEEP);
	return false;
}

/** Keepalive is due only while nothing is outstanding (RFC 9293 section 3.8.4). */
static bool
keepalive_applies(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_KEEP) == 0 || (tcb->flags & (TF_REXMT | TF_PERSIST | TF_FW2)) != 0)
		return false;
	if (tcb->state != TCP_ESTABLISHED && tcb->state != TCP_CLOSE_WAIT &&
			tcb->state != TCP_FIN_WAIT_2)
		return false;
	return tcb->snd_una == tcb->snd_nxt && tcp_unsent(ctx, tcb) == 0;
}

static bool
rexmt_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (!tcp_synchronized(tcb->state))
		return syn_timeout(ctx, tcb);
	if ((tcb->flags & TF_FW2) != 0) {
		tcp_end(ctx, tcb, TCP_REASON_LINGER, false);
		return true;
	}
	if ((tcb->flags & TF_PERSIST) != 0)
		return persist_timeout(ctx, tcb);
	if (b == NULL || b->rec.timer == TCP_TIMER_RTO)
		return data_timeout(ctx, tcb);
	tcp_recovery_timer(ctx, tcb, b);
	return false;
}

/** Arm for the earliest deadline that is left. */
static void
rearm(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if ((tcb->flags & (TF_REXMT | TF_PERSIST | TF_FW2)) != 0)
		tcp_timer_at(ctx, tcb, tcb->t_rexmt);
	tcp_patience_arm(ctx, tcb);
	if ((tcb->flags & TF_HELD) != 0)
		tcp_pace_hold(ctx, tcb, tcp_block(ctx, tcb));
	/* A probe's deadline that has come and did not apply, because data waits for output, is not asked for again at once. */
	if ((tcb->flags & TF_KEEP_PROBE) != 0)
		tcp_timer_at(ctx, tcb,
				time_ms_reached(tcb->t_rexmt, ctx->now_ms) ? ctx->now_ms +
								tcp_profile(ctx, tcb)
										->keep_interval_ms :
									     tcb->t_rexmt);
	if ((tcb->flags & TF_DELACK) != 0)
		tcp_timer_at(ctx, tcb, tcb->t_delack);
	if ((tcb->flags & TF_OOW_SENT) != 0)
		tcp_timer_at(ctx, tcb, ctx->now_ms + TCP_OOW_MS);
	if ((tcb->flags & (TF_KEEP | TF_KEEP_PROBE)) == TF_KEEP) {
		const time_ms_t due = tcb->t_recv + tcp_profile(ctx, tcb)->keep_idle_ms;

		/* Outstanding data holds it off; its ACK will set t_recv anew. */
		tcp_timer_at(ctx, tcb,
				time_ms_reached(due, ctx->now_ms) ?
						ctx->now_ms + tcp_profile(ctx, tcb)->keep_idle_ms :
						due);
	}
	if ((tcb->flags & TF_TS) != 0 && tcp_synchronized(tcb->state))
		tcp_timer_at(ctx, tcb, ctx->now_ms + TCP_REST_MAX_MS);
}

void
tcp_timeout(struct tcp_ctx *ctx, uint32_t index)
{
	struct tcp_tcb *tcb = tcp_at(ctx, index);

	/* What found no room in a list gets its place now. */
	if (tcb->out != 0)
		tcp_want_output(ctx, tcb, 0);
	if (tcb->events != 0)
		tcp_want_event(ctx, tcb, 0);
	if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
		return;
	if ((tcb->flags & TF_TS) != 0 && tcp_ts_stale(ctx, tcb))
		tcb->flags |= TF_TS_STALE;
	if (!tcp_oow_limited(ctx, tcb))
		tcb->flags &= ~TF_OOW_SENT;
	if (tcp_patience_over(ctx, tcb))
		return;
	if ((tcb->flags & TF_HELD) != 0)
		tcp_pace_due(ctx, tcb);
	if ((tcb->flags & TF_DELACK) != 0 && time_ms_reached(tcb->t_delack, ctx->now_ms)) {
		tcb->flags &= ~TF_DELACK;
		tcp_count(ctx, COUNTER_DELAYED_ACKS);
		tcp_want_output(ctx, tcb, OUT_ACK);
	}
	if ((tcb->flags & (TF_REXMT | TF_PERSIST | TF_FW2)) != 0 &&
			time_ms_reached(tcb->t_rexmt, ctx->now_ms) && rexmt_timeout(ctx, tcb))
		return;
	if (keepalive_applies(ctx, tcb) && keepalive_timeout(ctx, tcb))
		return;
	rearm(ctx, tcb);
}

/* ------------------------------------------------------------------ the wheel and the TIME-WAIT table */

static void
expire_tcb(void *arg, uint32_t index)
{
	tcp_timeout(arg, index);
}

static void
expire_timewait(void *arg, const struct timewait_entry *e, const struct ip_addr *raddr6)
{
	struct tcp_ctx *ctx = arg;

	tcp_count(ctx, COUNTER_TIMEWAIT_OUT);
	if ((e->id.aux & TIMEWAIT_ACTIVE) != 0)
		(void)port_put(ctx->ports, &e->id, raddr6);
}

uint32_t
tcp_advance(struct tcp_ctx *ctx, uint32_t budget)
{
	uint32_t n;

	n = wheel_advance(&ctx->wheel, ctx->now / TIME_US_PER_MS, budget, expire_tcb, ctx);
	n += tcp_half_advance(ctx, budget);
	tcp_pmtu_advance(ctx);
	n += timewait_advance(ctx->timewait, ctx->now, budget, expire_timewait, ctx);
	return n;
}

time_us_t
tcp_next(const struct tcp_ctx *ctx)
{
	const uint64_t tcbs = wheel_next(&ctx->wheel);
	/* See tcp_half_advance(): without room for a reply it does nothing. */
	const uint64_t half = tcp_reply_room(ctx) > 0 ? wheel_next(&ctx->half_wheel) : UINT64_MAX;
	const uint64_t tick = tcbs < half ? tcbs : half;
	const time_us_t tw = timewait_next(ctx->timewait);
	const time_us_t node = tick == UINT64_MAX ? UINT64_MAX : tick * TIME_US_PER_MS;

	return node < tw ? node : tw;
}
