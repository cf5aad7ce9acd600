/* SPDX-License-Identifier: BSD-3-Clause */
/* The link: two directions, each of which loses, delays, queues, marks, duplicates, reorders and corrupts as drawn. */
#include "sim.h"

void
sim_link_start(struct sim_world *w)
{
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct sim_link_conf *c = &w->conf.link[i];
		struct sim_link *l = &w->link[i];

		*l = (struct sim_link){.mtu = c->mtu_max};
		l->dark_from = c->dark_every_us == 0 ? SIM_NEVER :
						       sim_wait(&w->rng_link, c->dark_every_us);
		l->dark_until = l->dark_from + random_below(&w->rng_link, c->dark_us + 1);
		l->mtu_until = c->mtu_us == 0 ? SIM_NEVER : 0;
	}
}

/* ------------------------------------------------------------------ states that change with time */

static bool
is_dark(struct sim_world *w, unsigned int from)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	struct sim_link *l = &w->link[from];

	while (l->dark_from != SIM_NEVER && w->now >= l->dark_until) {
		l->dark_from = l->dark_until + sim_wait(&w->rng_link, c->dark_every_us);
		l->dark_until = l->dark_from + 1 + random_below(&w->rng_link, c->dark_us);
	}
	return w->now >= l->dark_from;
}

/** Gilbert-Elliott, but by time: what is sent later finds another state. */
static bool
is_bad(struct sim_world *w, unsigned int from)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	struct sim_link *l = &w->link[from];

	if (c->burst_loss == 0)
		return false;
	/* After hours of silence the state is anybody's guess. */
	if (w->now > l->state_until + 100 * (time_us_t)(c->good_us + c->bad_us))
		l->state_until = w->now - random_below(&w->rng_link, c->good_us + c->bad_us);
	while (w->now >= l->state_until) {
		l->bad = !l->bad;
		l->state_until += sim_wait(&w->rng_link, l->bad ? c->bad_us : c->good_us);
	}
	return l->bad;
}

static uint16_t
mtu_now(struct sim_world *w, unsigned int from)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	struct sim_link *l = &w->link[from];

	if (w->now >= l->mtu_until) {
		l->mtu = (uint16_t)sim_range(&w->rng_link, c->mtu_min, c->mtu_max);
		l->mtu_until = w->now + sim_wait(&w->rng_link, c->mtu_us);
	}
	return l->mtu;
}

/* ------------------------------------------------------------------ one frame */

/** ICMP "fragmentation needed" or "packet too big" goes back, once in a while not. */
static void
tell_too_big(struct sim_world *w, unsigned int from, const struct sim_buf *f, uint16_t mtu)
{
	const struct sim_link_conf *back = &w->conf.link[!from];
	struct sim_buf *m;

	if (!w->conf.link[from].icmp || sim_chance(&w->rng_link, back->loss))
		return;
	m = sim_buf_new(0);
	m->seg = f->seg;
	m->seg.payload = (struct tcp_buf){NULL, NULL, 0, 0};
	/* Routers older than RFC 1191 tell no MTU; the core must find one. */
	m->mtu = mtu;
	m->conn = f->conn;
	sim_count(w, SIM_STAT_ICMP);
	sim_event_push(w, w->now + 1 + back->delay_us, SIM_EV_ICMP, from, m);
}

/** When the last bit has left a link of limited rate, or SIM_NEVER: no room in its queue. */
static time_us_t
leaves(struct sim_world *w, unsigned int from, struct sim_buf *f, uint32_t len)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	struct sim_link *l = &w->link[from];
	uint64_t waiting;

	if (c->rate_kbit == 0)
		return w->now;
	if (l->busy_until < w->now)
		l->busy_until = w->now;
	waiting = (l->busy_until - w->now) * c->rate_kbit / 8000;
	if (waiting + len > c->queue && waiting > 0)
		return SIM_NEVER;
	if (c->mark != 0 && waiting > c->mark && (f->seg.ecn == 1 || f->seg.ecn == 2)) {
		f->seg.ecn = 3;
		sim_count(w, SIM_STAT_MARKED);
	}
	l->busy_until += ((uint64_t)len * 8000 + c->rate_kbit - 1) / c->rate_kbit;
	return l->busy_until;
}

static time_us_t
arrives(struct sim_world *w, unsigned int from, time_us_t left)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	struct sim_link *l = &w->link[from];
	time_us_t t = left + c->delay_us + random_below(&w->rng_link, c->jitter_us + 1);

	if (c->ordered && t < l->last_arrival)
		t = l->last_arrival;
	if (sim_chance(&w->rng_link, c->late))
		t += 1 + random_below(&w->rng_link, c->late_us);
	if (t < l->last_arrival)
		sim_count(w, SIM_STAT_REORDERED);
	else
		l->last_arrival = t;
	return t;
}

/** @return what is to be counted for a frame that does not arrive, or SIM_STAT_MAX */
static enum sim_stat
lost(struct sim_world *w, unsigned int from, const struct sim_buf *f, uint32_t len)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	const uint16_t mtu = mtu_now(w, from);

	if (is_dark(w, from))
		return SIM_STAT_LOST_DARK;
	if (len > mtu) {
		tell_too_big(w, from, f, mtu);
		return SIM_STAT_LOST_MTU;
	}
	if (is_bad(w, from) && sim_chance(&w->rng_link, c->burst_loss))
		return SIM_STAT_LOST_BURST;
	if (sim_chance(&w->rng_link, c->loss))
		return SIM_STAT_LOST;
	return SIM_STAT_MAX;
}

/** @return whether it is on its way: @p f's reference went with it */
static bool
put(struct sim_world *w, unsigned int from, struct sim_buf *f, time_us_t left)
{
	const time_us_t t = arrives(w, from, left);

	/* No frame may be older than its MSL: TCP relies on that. */
	if (t - w->now >= (time_us_t)w->conf.end[from].tcp.msl_ms * TIME_US_PER_MS) {
		sim_count(w, SIM_STAT_LOST_OLD);
		return false;
	}
	sim_event_push(w, t, SIM_EV_FRAME, !from, f);
	return true;
}

void
sim_link_send(struct sim_world *w, unsigned int from, struct sim_buf *f)
{
	const struct sim_link_conf *c = &w->conf.link[from];
	const uint32_t len = sim_frame_len(f);
	enum sim_stat why = lost(w, from, f, len);
	time_us_t left = SIM_NEVER;

	f->sent = w->now;
	f->to = (uint8_t)!from;
	if (why == SIM_STAT_MAX) {
		left = leaves(w, from, f, len);
		why = left == SIM_NEVER ? SIM_STAT_LOST_QUEUE : SIM_STAT_MAX;
	}
	if (why != SIM_STAT_MAX) {
		sim_count(w, why);
		tcp_buf_free(f);
		return;
	}
	f->corrupt = sim_chance(&w->rng_link, c->corrupt);
	if (f->corrupt || sim_chance(&w->rng_link, w->conf.wire))
		f->hdr_len = sim_wire_build(f);
	if (f->corrupt)
		sim_wire_corrupt(w, f);
	if (sim_chance(&w->rng_link, c->duplicate)) {
		tcp_buf_ref(f);
		sim_count(w, SIM_STAT_DUPLICATED);
		if (!put(w, from, f, left))
			tcp_buf_free(f);
	}
	if (!put(w, from, f, left))
		tcp_buf_free(f);
}
