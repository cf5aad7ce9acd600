/* SPDX-License-Identifier: BSD-3-Clause */
/* An end: one context of the core, and a worker's turn around it as lib/worker makes it. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ------------------------------------------------------------------ set-up */

/** Ends alive: the core hands its context where a buffer is to be copied. */
static struct sim_end *ends[SIM_ENDS];

struct sim_end *
sim_end_of(const struct tcp_ctx *ctx)
{
	return ends[0]->ctx == ctx ? ends[0] : ends[1];
}

static void *
zeroed(size_t size)
{
	/* Pages that are never touched cost nothing. */
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static size_t
by_tcb(const struct tcp_conf *t, size_t size)
{
	return t->max_tcbs * size;
}

static void
addresses(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	const struct ip_addr first = {.b = {0xfd, 0, 0, 1, [15] = (uint8_t)(16 * (i + 1))}};
	struct ip_addr a = w->conf.family == IP_V6 ?
			first :
			ip_addr_v4(__builtin_bswap32(0x0a000000 + 16 * (i + 1)));

	laddr_init(&e->laddr);
	SIM_REQUIRE(w, laddr_add(&e->laddr, w->conf.family, &a, SIM_ADDRS, 24, NULL) == 0);
	for (uint16_t k = 0; k < SIM_ADDRS; k++)
		e->addr[k] = laddr_get(&e->laddr, k);
}

void
sim_end_start(struct sim_world *w, unsigned int i)
{
	const struct sim_end_conf *c = &w->conf.end[i];
	const uint64_t seed = w->conf.seed;
	const struct tcp_secrets secrets = {{seed, i}, {seed, i + 2}};
	struct sim_end *e = &w->end[i];
	int profile;

	e->ctx = zeroed(sizeof(*e->ctx));
	e->mem = zeroed(tcp_memory_size(&c->tcp));
	e->state = zeroed(by_tcb(&c->tcp, sizeof(*e->state)));
	e->stamp = zeroed(by_tcb(&c->tcp, sizeof(*e->stamp)));
	e->touched = zeroed(by_tcb(&c->tcp, sizeof(*e->touched)));
	e->tw_size = 64;
	while (e->tw_size < 2 * c->tcp.max_timewait)
		e->tw_size *= 2;
	e->tw = zeroed(e->tw_size * sizeof(*e->tw));
	addresses(w, i);
	tcp_init(e->ctx, &c->tcp, &secrets, e->mem, &e->laddr, &e->counters,
			sim_end_time(w, i, w->now));
	profile = tcp_profile_get(e->ctx, &c->profile);
	SIM_REQUIRE(w, profile >= 0 && profile < TCP_PROFILE_MAX);
	e->profile = (uint8_t)profile;
	for (unsigned int k = 0; k < SIM_PORTS; k++)
		SIM_REQUIRE(w,
				tcp_listen(e->ctx, LADDR_ANY, (uint16_t)(SIM_PORT + k),
						c->tcp.max_tcbs, 0, e->profile, NULL) == (int)k);
	e->due_tail = &e->due;
	e->poll_at = SIM_NEVER;
	ends[i] = e;
	/* Stamps of polls begin at 1: 0 is "never touched". */
	e->polls = 1;
	sim_fault_start(w, i);
}

void
sim_end_free(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	const struct tcp_conf *t = &w->conf.end[i].tcp;

	munmap(e->ctx, sizeof(*e->ctx));
	munmap(e->mem, tcp_memory_size(t));
	munmap(e->state, by_tcb(t, sizeof(*e->state)));
	munmap(e->stamp, by_tcb(t, sizeof(*e->stamp)));
	munmap(e->touched, by_tcb(t, sizeof(*e->touched)));
	munmap(e->tw, e->tw_size * sizeof(*e->tw));
}

void
sim_end_finish(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	struct tcp_ctx *ctx = e->ctx;

	sim_check_all(w, i);
	for (uint16_t k = 0; k < SIM_PORTS; k++) {
		SIM_REQUIRE(w, ctx->listeners->l[k].n_half_open == 0);
		SIM_REQUIRE(w, tcp_unlisten(ctx, k) == 0);
	}
	tcp_profile_put(ctx, e->profile);
	for (uint32_t k = 0; k < e->n_holds; k++) {
		if (e->hold[k].pool->n_used != 0)
			SIM_FAIL(w, "end %u: pool of %s not back at its start: %u in use", i,
					e->hold[k].name, e->hold[k].pool->n_used);
	}
	SIM_REQUIRE(w, ctx->table.n_used == 0 && ctx->half_table.n_used == 0);
	SIM_REQUIRE(w, ctx->wheel.n_armed == 0 && ctx->half_wheel.n_armed == 0);
	SIM_REQUIRE(w,
			ctx->mem.used == 0 && ctx->mem.ooo == 0 && ctx->mem.snd_nodes == 0 &&
					ctx->mem.snd_blocks == 0 && ctx->mem.greedy_map == 0);
	SIM_REQUIRE(w, timewait_count(ctx->timewait) == 0);
	SIM_REQUIRE(w, port_count(ctx->ports) == 0 && port_sets(ctx->ports) == 0);
	SIM_REQUIRE(w, ctx->profile[0].refs == 1);
	for (unsigned int k = 1; k < TCP_PROFILE_MAX; k++)
		SIM_REQUIRE(w, ctx->profile[k].refs == 0);
	for (unsigned int k = 0; k < TCP_STATE_MAX; k++)
		SIM_REQUIRE(w, ctx->n_state[k] == 0);
	SIM_REQUIRE(w,
			ctx->output_head == ctx->output_tail &&
					ctx->event_head == ctx->event_tail &&
					ctx->reply_head == ctx->reply_tail);
	sim_tw_finish(w, i);
}

/* ------------------------------------------------------------------ in */

void
sim_end_wake(struct sim_world *w, unsigned int i, time_us_t when)
{
	struct sim_end *e = &w->end[i];

	if (when < e->ready_at)
		when = e->ready_at;
	if (when < e->stall_until)
		when = e->stall_until;
	if (when < e->poll_at)
		e->poll_at = when;
}

void
sim_end_receive(struct sim_world *w, unsigned int i, struct sim_buf *f)
{
	struct sim_end *e = &w->end[i];

	if (e->rx_tail - e->rx_head >= w->conf.end[i].rx_max) {
		sim_count(w, SIM_STAT_LOST_RX);
		tcp_buf_free(f);
		return;
	}
	e->rx[e->rx_tail++ % SIM_RX_MAX] = f;
	sim_end_wake(w, i, w->now);
}

/** Whether @p f comes from an earlier connection of this tuple and nothing in it could tell. */
static bool
is_stale(const struct sim_buf *f, const struct tcp_tcb *tcb)
{
	const struct sim_app *app = tcb->arg;

	/*
	 * After an abort nobody keeps TIME-WAIT, and a port that is used again at once meets what is left of its former life:
	 * without timestamps, or within one tick of theirs, no TCP can tell the two apart.
	 */
	if (app == NULL || f->conn == UINT32_MAX || f->conn == app->conn->id ||
			tcb->state == TCP_SYN_SENT)
		return false;
	return (tcb->flags & TF_TS) == 0 || (f->seg.flags & TCP_RST) != 0 ||
			f->sent + 2 * TIME_US_PER_MS > app->conn->start;
}

/** Nobody sends beyond what the receiver has ever offered, but for the one octet of a probe. */
static void
check_offer(struct sim_world *w, const struct tcp_tcb *tcb, const struct sim_buf *f)
{
	const struct sim_app *app = tcb->arg;
	const struct tcp_seg *seg = &f->seg;

	if (app == NULL || f->conn != app->conn->id || tcb->state < TCP_ESTABLISHED ||
			seg->payload.len == 0)
		return;
	SIM_REQUIRE(w, seq_leq(seg->seq + seg->payload.len, tcb->rcv_adv + 1));
}

static void
arrive(struct sim_world *w, unsigned int i, struct sim_buf *f, struct tcp_seg *seg)
{
	struct sim_end *e = &w->end[i];
	struct tcp_ctx *ctx = e->ctx;
	const bool v6 = seg->family == IP_V6;
	struct conn_key key;
	uint32_t index;

	seg->laddr = laddr_find(&e->laddr, w->conf.family, &seg->dst);
	SIM_REQUIRE(w, seg->laddr != LADDR_NONE);
	seg->neigh = UINT16_MAX;
	tcp_hash(ctx, seg);
	key = (struct conn_key){.id = {.raddr = v6 ? ip_addr_fold(&seg->src) : seg->src.v4,
						.rport = seg->sport,
						.lport = seg->dport,
						.laddr = seg->laddr},
			.raddr6 = v6 ? &seg->src : NULL};
	index = conn_table_find(&ctx->table, seg->hash, &key);
	if (index != PTCP_NIL) {
		if (is_stale(f, tcp_at(ctx, index))) {
			sim_count(w, SIM_STAT_STALE);
			return;
		}
		check_offer(w, tcp_at(ctx, index), f);
	}
	if (seg->payload.len > 0 && w->now >= e->no_owner_until) {
		seg->payload.owner = f;
		seg->payload.size = f->size;
		tcp_buf_ref(f);
	}
	sim_tw_before(w, i);
	{
		/* The core may change the segment; who looks at it later wants it as it came. */
		struct tcp_seg in = *seg;

		(void)tcp_segment_arrives(ctx, &in);
		if (in.payload.owner != NULL)
			tcp_buf_free(in.payload.owner);
	}
	sim_tw_after(w, i, seg, &key);
	if (index == PTCP_NIL)
		index = conn_table_find(&ctx->table, seg->hash, &key);
	if (index != PTCP_NIL)
		sim_touch(w, i, index);
}

static void
deliver(struct sim_world *w, unsigned int i, struct sim_buf *f)
{
	const time_us_t msl = (time_us_t)w->conf.end[i].tcp.msl_ms * TIME_US_PER_MS;
	struct tcp_seg seg;

	if (w->now - f->sent > msl) {
		/* It waited while this end was not polled. TCP relies on it that nothing comes so late. */
		sim_count(w, SIM_STAT_LOST_OLD);
	} else if (f->hdr_len != 0 && !sim_wire_parse(w, f, &seg)) {
		sim_count(w, SIM_STAT_CORRUPT);
	} else {
		if (f->hdr_len == 0)
			seg = f->seg;
		if (w->trace != NULL)
			sim_trace_frame(w->trace, i, w->now, f);
		arrive(w, i, f, &seg);
	}
	tcp_buf_free(f);
}

/* ------------------------------------------------------------------ out */

/** Hand a segment to the link. */
static void
transmit(struct sim_world *w, unsigned int i, struct sim_buf *f, uint32_t index)
{
	const struct tcp_seg *s = &f->seg;
	uint64_t d = w->result->digest;

	/* Sums of worlds do not depend on their order, so what is summed must depend on the world. */
	d += ((w->now ^ w->conf.seed) + s->seq + ((uint64_t)s->ack << 7) +
			     ((uint64_t)s->flags << 40) + ((uint64_t)s->payload.len << 20) +
			     ((uint64_t)s->wnd << 44) + s->sport) *
			UINT64_C(0xff51afd7ed558ccd);
	w->result->digest = d;
	sim_count(w, SIM_STAT_SEGMENTS);
	w->end[i].moved++;
	f->ip_id = w->ip_id++;
	sim_check_sent(w, i, f, index);
	f->sent = w->now;
	if (w->trace != NULL)
		sim_trace_frame(w->trace, i, w->now, f);
	sim_link_send(w, i, f);
}

static void
send_one(struct sim_world *w, unsigned int i, const struct tcp_out *out, uint32_t index)
{
	struct sim_buf *f = sim_buf_new(out->len);
	const struct tcp_tcb *tcb = tcp_at(w->end[i].ctx, index);
	const struct sim_app *app = tcb->arg;
	uint32_t at = 0;

	for (unsigned int k = 0; k < out->n_slices; k++) {
		SIM_REQUIRE(w, out->slice[k].len > 0 && at + out->slice[k].len <= out->len);
		memcpy(f->data + at, out->slice[k].data, out->slice[k].len);
		at += out->slice[k].len;
	}
	SIM_REQUIRE(w, at == out->len && out->tcb == index);
	f->seg = out->seg;
	f->seg.payload = (struct tcp_buf){NULL, f->data, at, 0};
	/* The RST of one that has ended may leave when its place has gone to another. */
	if (app != NULL && app->handle == tcp_handle(w->end[i].ctx, tcb))
		f->conn = app->conn->id;
	transmit(w, i, f, index);
}

/** @return whether all was pulled */
static bool
output(struct sim_world *w, unsigned int i)
{
	struct tcp_ctx *ctx = w->end[i].ctx;
	const struct tcp_seg *reply;
	uint32_t left = w->conf.end[i].tx_burst;
	uint32_t index;
	struct tcp_out out;

	while ((index = tcp_output_next(ctx)) != PTCP_NIL) {
		for (;;) {
			if (left == 0)
				return false;
			/* Looked at before it is gone: the last segment of a TCB may free it. */
			sim_touch(w, i, index);
			if (!tcp_output(ctx, index, &out))
				break;
			send_one(w, i, &out, index);
			left--;
		}
	}
	while ((reply = tcp_reply_next(ctx)) != NULL) {
		struct sim_buf *f = sim_buf_new(0);

		f->seg = *reply;
		f->seg.payload = (struct tcp_buf){NULL, f->data, 0, 0};
		transmit(w, i, f, PTCP_NIL);
	}
	return true;
}

/* ------------------------------------------------------------------ the turn */

static void
timers(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];

	sim_tw_expire(w, i, false);
	(void)tcp_advance(e->ctx, w->conf.end[i].budget);
	if (!wheel_pending(&e->ctx->wheel) && timewait_next(e->ctx->timewait) > e->ctx->now)
		sim_tw_expire(w, i, true);
}

static void
applications(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	struct sim_app *app = e->due;
	uint32_t index;
	uint8_t events;

	while (tcp_event_next(e->ctx, &index, &events)) {
		e->moved++;
		sim_app_event(w, i, index, events);
		tcp_event_done(e->ctx, index, events);
	}
	e->due = NULL;
	e->due_tail = &e->due;
	while (app != NULL) {
		struct sim_app *next = app->next_due;

		app->due = false;
		app->next_due = NULL;
		sim_app_run(w, app);
		app = next;
	}
}

/** Who asks for his next turn at once, and does nothing in it, keeps a core busy for nothing. */
static void
check_spin(struct sim_world *w, unsigned int i, uint64_t moved)
{
	struct sim_end *e = &w->end[i];

	/* Where no reply finds room any more, each turn tries again. */
	const bool full = e->ctx->reply_tail - e->ctx->reply_head == TCP_REPLY_MAX;
	const bool idle = !full && e->moved == moved && w->now - e->last_poll < 2 * TIME_US_PER_MS;

	e->idle = idle ? e->idle + 1 : 0;
	e->last_poll = w->now;
	if (e->idle > 4 * e->ctx->tcb_pool.size + 2000)
		SIM_FAIL(w, "end %u: %u turns in a row that did nothing", i, e->idle);
}

/** When this end must be polled again if nothing comes. */
static void
next_poll(struct sim_world *w, unsigned int i, bool pulled)
{
	struct sim_end *e = &w->end[i];
	const struct tcp_ctx *ctx = e->ctx;
	const time_us_t due = tcp_next(ctx), offset = w->conf.end[i].offset;
	/* With all places for replies taken, half-open connections have to wait for the output. */
	const bool half = wheel_pending(&ctx->half_wheel) &&
			ctx->reply_tail - ctx->reply_head < TCP_REPLY_MAX;
	const bool more = e->rx_head != e->rx_tail || wheel_pending(&ctx->wheel) || half ||
			ctx->event_head != ctx->event_tail;

	e->ready_at = w->now + w->conf.end[i].poll_us;
	e->poll_at = SIM_NEVER;
	if (due != UINT64_MAX)
		sim_end_wake(w, i, due > offset + w->now ? due - offset : w->now);
	if (more || (!pulled && w->now >= e->tx_at))
		sim_end_wake(w, i, w->now);
	else if (!pulled)
		sim_end_wake(w, i, e->tx_at);
}

void
sim_end_poll(struct sim_world *w, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	const struct sim_end_conf *c = &w->conf.end[i];
	const uint64_t moved = e->moved;
	bool pulled = false;
	uint32_t n = 0;

	tcp_set_time(e->ctx, sim_end_time(w, i, w->now));
	e->polled_at = w->now;
	e->ctx->mem.scarce = w->now < e->no_owner_until;
	while (n < c->burst && e->rx_head != e->rx_tail) {
		deliver(w, i, e->rx[e->rx_head++ % SIM_RX_MAX]);
		n++;
	}
	e->moved += n;
	/* Deadlines count when no more frames wait: nobody dies while his wait. */
	if (e->rx_head == e->rx_tail)
		timers(w, i);
	applications(w, i);
	if (w->now >= e->tx_at)
		pulled = output(w, i);
	else
		pulled = e->ctx->output_head == e->ctx->output_tail &&
				e->ctx->reply_head == e->ctx->reply_tail;
	sim_check_touched(w, i);
	sim_count(w, SIM_STAT_POLLS);
	e->polls++;
	check_spin(w, i, moved);
	next_poll(w, i, pulled);
}
