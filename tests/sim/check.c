/* SPDX-License-Identifier: BSD-3-Clause */
/* Invariants that need more than one end, or the applications' own books; the core's own are tcp_check()'s. */
#include "sim.h"

#include "wire/ip.h"

#define ALL_EVERY  4096      /* polls from one check of a whole context to the next */
#define LONG_QUEUE (1 << 16) /* bytes from which on a TCB is checked only every so often */
#define LONG_EVERY 16

void
sim_touch(struct sim_world *w, unsigned int i, uint32_t index)
{
	struct sim_end *e = &w->end[i];
	const struct tcp_tcb *tcb = tcp_at(e->ctx, index);

	if (e->state[index] != tcb->state) {
		e->state[index] = tcb->state;
		w->result->state[tcb->state]++;
	}
	if (e->stamp[index] == e->polls)
		return;
	e->stamp[index] = e->polls;
	e->touched[e->n_touched++] = index;
}

/* ------------------------------------------------------------------ one connection */

static uint32_t
queued_bytes(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b =
			tcb->blk == PTCP_NIL ? NULL : pool_at(&ctx->block_pool, tcb->blk);

	return b != NULL ? b->snd_bytes + b->rcv_bytes + b->ooo_bytes : 0;
}

/** What is acknowledged and what is queued make up what was sent; what was read and what waits, what came in order. */
static void
check_books(struct sim_world *w, const struct tcp_ctx *ctx, const struct tcp_tcb *tcb,
		const struct sim_app *app)
{
	const struct tcp_block *b =
			tcb->blk == PTCP_NIL ? NULL : pool_at(&ctx->block_pool, tcb->blk);
	const bool fin_acked = (tcb->flags & TF_FIN_SENT) != 0 && tcb->snd_una == tcb->snd_nxt;
	const uint32_t acked = tcb->snd_una - app->iss - 1 - fin_acked;
	const uint32_t waits = b != NULL ? b->snd_bytes : 0;

	if (tcb->state < TCP_ESTABLISHED) {
		SIM_REQUIRE(w, tcb->snd_una == app->iss && waits == app->sent);
		return;
	}
	SIM_REQUIRE(w, acked + waits == app->sent);
	SIM_REQUIRE(w, tcb->snd_nxt - tcb->snd_una <= waits + 1);
	if ((app->told & (EV_ACCEPTED | EV_CONNECTED)) != 0 && (tcb->flags & TF_ORPHAN) == 0)
		SIM_REQUIRE(w,
				tcb->rcv_nxt - app->irs - 1 - ((tcb->flags & TF_FIN_RCVD) != 0) ==
						app->received + tcp_recv_bytes(ctx, tcb));
	SIM_REQUIRE(w, tcb->cwnd >= 1 && tcb->cwnd <= 1u << 30 && tcb->mss >= 36);
}

/** Nobody acknowledges what was not sent, and nobody takes for acknowledged what was not received. */
static void
check_across(struct sim_world *w, unsigned int i, const struct tcp_tcb *tcb,
		const struct sim_app *app)
{
	const struct sim_app *peer = &app->conn->app[!i];
	const struct tcp_tcb *other;

	if (!peer->alive || (peer->told & (EV_ACCEPTED | EV_CONNECTED)) == 0)
		return;
	other = tcp_from_handle(w->end[!i].ctx, peer->handle);
	if (other == NULL || other->state < TCP_ESTABLISHED || tcb->state < TCP_ESTABLISHED)
		return;
	SIM_REQUIRE(w, seq_leq(tcb->snd_una, other->rcv_nxt));
	SIM_REQUIRE(w, seq_leq(other->rcv_nxt, tcb->snd_nxt));
	SIM_REQUIRE(w, seq_leq(other->snd_una, tcb->rcv_nxt));
	SIM_REQUIRE(w, seq_leq(tcb->rcv_nxt, other->snd_nxt));
}

/** No deadline has passed unseen. */
static void
check_deadlines(struct sim_world *w, const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if (wheel_pending(&ctx->wheel) || ctx->wheel.now != ctx->now / TIME_US_PER_MS)
		return;
	if ((tcb->flags & (TF_REXMT | TF_PERSIST | TF_FW2)) != 0)
		SIM_REQUIRE(w, !time_ms_before(tcb->t_rexmt, ctx->now_ms));
	if ((tcb->flags & TF_DELACK) != 0)
		SIM_REQUIRE(w, !time_ms_before(tcb->t_delack, ctx->now_ms));
}

static void
check_one(struct sim_world *w, unsigned int i, uint32_t index)
{
	const struct tcp_ctx *ctx = w->end[i].ctx;
	const struct tcp_tcb *tcb = tcp_at(ctx, index);
	const struct sim_app *app = tcb->arg;
	const char *text;

	if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
		return;
	sim_count(w, SIM_STAT_CHECKS);
	if (queued_bytes(ctx, tcb) < LONG_QUEUE || w->end[i].polls % LONG_EVERY == 0) {
		text = tcp_check(ctx, index);
		if (text != NULL)
			SIM_FAIL(w, "end %u, %s: %s", i, tcp_state_name(tcb->state), text);
	}
	check_deadlines(w, ctx, tcb);
	if (app == NULL || !app->alive || app->handle != tcp_handle(ctx, tcb))
		return;
	check_books(w, ctx, tcb, app);
	check_across(w, i, tcb, app);
}

void
sim_check_touched(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];

	for (uint32_t k = 0; k < e->n_touched; k++) {
		const uint32_t index = e->touched[k];

		/* States that it went through by itself count too. */
		sim_touch(w, i, index);
		check_one(w, i, index);
	}
	e->n_touched = 0;
	if (e->polls % ALL_EVERY == 0)
		sim_check_all(w, i);
}

void
sim_check_all(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	const struct tcp_ctx *ctx = e->ctx;
	const char *text;
	uint32_t live = 0;

	sim_count(w, SIM_STAT_CHECKS_ALL);
	for (uint32_t k = 0; k < e->n_holds; k++)
		sim_fault_show(&e->hold[k]);
	text = tcp_check(ctx, PTCP_NIL);
	if (text != NULL)
		SIM_FAIL(w, "end %u: %s", i, text);
	for (unsigned int k = 0; k < TCP_STATE_MAX; k++)
		live += k != TCP_LISTEN ? ctx->n_state[k] : 0;
	/* Each TCB in use is in some state; records of half-open connections are in SYN-RECEIVED, or over. */
	SIM_REQUIRE(w,
			live >= ctx->tcb_pool.n_used &&
					live <= ctx->tcb_pool.n_used + ctx->half_pool.n_used);
	for (uint32_t k = 0; k < ctx->tcb_pool.fresh; k++) {
		const struct tcp_tcb *tcb = tcp_at(ctx, k);

		if (tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT)
			check_deadlines(w, ctx, tcb);
	}
	for (uint32_t k = 0; k < e->n_holds; k++)
		sim_fault_hide(&e->hold[k]);
}

/* ------------------------------------------------------------------ what is sent */

void
sim_check_sent(struct sim_world *w, unsigned int i, const struct sim_buf *f, uint32_t index)
{
	const struct tcp_ctx *ctx = w->end[i].ctx;
	const struct tcp_seg *seg = &f->seg;
	const struct tcp_tcb *tcb;
	const struct sim_app *app;
	uint32_t offset, end;

	SIM_REQUIRE(w, seg->family == w->conf.family && seg->sport != 0 && seg->dport != 0);
	SIM_REQUIRE(w, sim_frame_len(f) <= w->conf.end[i].tcp.mtu);
	SIM_REQUIRE(w,
			(seg->opts & (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK)) == 0 ||
					(seg->flags & TCP_SYN) != 0);
	SIM_REQUIRE(w, (seg->flags & (TCP_ACK | TCP_RST | TCP_SYN)) != 0);
	if (index == PTCP_NIL)
		return;
	tcb = tcp_at(ctx, index);
	app = tcb->arg;
	if (app == NULL || !app->alive || app->handle != tcp_handle(ctx, tcb) ||
			(seg->flags & (TCP_SYN | TCP_RST)) != 0)
		return;
	/* Each byte stands where it belongs, and FIN behind the last one. */
	offset = seg->seq - app->iss - 1;
	end = offset + seg->payload.len;
	if (seg->payload.len > 0) {
		SIM_REQUIRE(w, offset < app->sent && end <= app->sent);
		if (!sim_pattern_is(app, offset, seg->payload.data, seg->payload.len))
			SIM_FAIL(w, "connection %u end %u sends wrong bytes in [%u, %u)",
					app->conn->id, i, offset, end);
	}
	if ((seg->flags & TCP_FIN) != 0)
		SIM_REQUIRE(w, app->shut && end == app->sent);
}

/* ------------------------------------------------------------------ TIME-WAIT */

void
sim_tw_before(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];

	e->tw_in = e->counters.n[COUNTER_TIMEWAIT_IN];
	e->tw_again = e->counters.n[COUNTER_TIMEWAIT_RESTARTS];
	e->tw_reused = e->counters.n[COUNTER_TIMEWAIT_REUSED];
}

/** The newest record of this tuple, which must be there. */
static void
forget(struct sim_world *w, struct sim_end *e, const struct tcp_seg *seg)
{
	for (uint64_t k = e->tw_tail; k != e->tw_head; k--) {
		struct sim_tw *r = &e->tw[(k - 1) % e->tw_size];

		if (r->hash == seg->hash && !r->gone && r->id.rport == seg->sport &&
				r->id.lport == seg->dport) {
			r->gone = true;
			return;
		}
	}
	SIM_FAIL(w, "TIME-WAIT: a record went that never came");
}

void
sim_tw_after(struct sim_world *w, unsigned int i, const struct tcp_seg *seg,
		const struct conn_key *key)
{
	struct sim_end *e = &w->end[i];
	const bool in = e->tw_in != e->counters.n[COUNTER_TIMEWAIT_IN];
	const bool again = e->tw_again != e->counters.n[COUNTER_TIMEWAIT_RESTARTS];

	if (again || e->tw_reused != e->counters.n[COUNTER_TIMEWAIT_REUSED])
		forget(w, e, seg);
	if (!in && !again)
		return;
	SIM_REQUIRE(w, e->tw_tail - e->tw_head < e->tw_size);
	/* A former record of the tuple was over, or this one would not have come. */
	for (uint64_t k = e->tw_head; k != e->tw_tail && e->tw[k % e->tw_size].due <= e->ctx->now;
			k++) {
		if (e->tw[k % e->tw_size].hash == seg->hash)
			e->tw[k % e->tw_size].gone = true;
	}
	e->tw[e->tw_tail++ % e->tw_size] = (struct sim_tw){.id = key->id,
			.raddr = seg->src,
			.due = e->ctx->now + 2 * (time_us_t)e->ctx->conf.msl_ms * TIME_US_PER_MS,
			.hash = seg->hash};
	if (in)
		w->result->state[TCP_TIME_WAIT]++;
}

void
sim_tw_expire(struct sim_world *w, unsigned int i, bool advanced)
{
	struct sim_end *e = &w->end[i];
	const time_us_t now = e->ctx->now;

	for (uint64_t k = e->tw_head; k != e->tw_tail; k++) {
		struct sim_tw *r = &e->tw[k % e->tw_size];
		const struct conn_key key = {
				.id = r->id, .raddr6 = w->conf.family == IP_V6 ? &r->raddr : NULL};
		bool found;

		/* A tick is 1 ms: before its time it must be there, a tick after it it must be gone. */
		if (r->due > now)
			return;
		if (r->gone) {
			if (k == e->tw_head)
				e->tw_head++;
			continue;
		}
		if (!advanced && r->seen)
			continue;
		if (advanced && r->due + 2 * TIME_US_PER_MS > now)
			return;
		found = timewait_find(e->ctx->timewait, r->hash, &key) != PTCP_NIL;
		SIM_REQUIRE(w, found == !advanced);
		r->seen = true;
		if (advanced) {
			sim_count(w, SIM_STAT_TIMEWAIT);
			r->gone = true;
			if (k == e->tw_head)
				e->tw_head++;
		}
	}
}

void
sim_tw_finish(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];

	for (; e->tw_head != e->tw_tail; e->tw_head++) {
		const struct sim_tw *r = &e->tw[e->tw_head % e->tw_size];

		if (r->gone)
			continue;
		SIM_REQUIRE(w, r->seen);
		sim_count(w, SIM_STAT_TIMEWAIT);
	}
}
