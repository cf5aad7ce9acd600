/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications: what they say follows from their connection, when they say it from their seed. */
#include "sim.h"

#include <errno.h>
#include <string.h>

#define SLICES 4

/* ------------------------------------------------------------------ what is said */

/** The eight octets of a stream at a multiple of eight. */
static inline uint64_t
pattern_word(uint64_t key, uint64_t n)
{
	const uint64_t x = (key + n) * UINT64_C(0x9E3779B97F4A7C15);

	return x ^ (x >> 32);
}

void
sim_pattern_fill(const struct sim_app *app, uint32_t offset, uint8_t *data, uint32_t len)
{
	while (len > 0) {
		const uint64_t word = pattern_word(app->pattern, offset / 8);
		const uint32_t skip = offset % 8;
		uint32_t n = 8 - skip;

		if (n > len)
			n = len;
		memcpy(data, (const uint8_t *)&word + skip, n);
		data += n;
		offset += n;
		len -= n;
		for (; len >= 8; len -= 8, data += 8, offset += 8) {
			const uint64_t whole = pattern_word(app->pattern, offset / 8);

			memcpy(data, &whole, 8);
		}
	}
}

bool
sim_pattern_is(const struct sim_app *app, uint32_t offset, const uint8_t *data, uint32_t len)
{
	uint64_t wrong = 0;

	while (len > 0) {
		const uint64_t word = pattern_word(app->pattern, offset / 8);
		const uint32_t skip = offset % 8;
		uint32_t n = 8 - skip;

		if (n > len)
			n = len;
		wrong |= memcmp(data, (const uint8_t *)&word + skip, n) != 0;
		data += n;
		offset += n;
		len -= n;
		for (; len >= 8; len -= 8, data += 8, offset += 8) {
			uint64_t got;

			memcpy(&got, data, 8);
			wrong |= got ^ pattern_word(app->pattern, offset / 8);
		}
	}
	return wrong == 0;
}

/* ------------------------------------------------------------------ plans */

static uint32_t
draw_bytes(uint64_t *rng, uint32_t most)
{
	switch (random_below(rng, 8)) {
	case 0:
		return 0;
	case 1:
	case 2:
	case 3:
		return sim_range(rng, 1, most < 2000 ? most : 2000);
	case 4:
		return sim_range(rng, 1, most);
	default:
		return sim_scale(rng, 1, most);
	}
}

static void
plan_one(struct sim_world *w, struct sim_conn *c, unsigned int i)
{
	const struct sim_conf *conf = &w->conf;
	struct sim_app *app = &c->app[i];
	uint64_t *rng = &app->rng;

	*app = (struct sim_app){.conn = c,
			.rng = conf->seed ^ ((uint64_t)c->id * SIM_ENDS + i + 1) << 20,
			.end = (uint8_t)i,
			.ahead = UINT32_MAX,
			.abort_at = SIM_NEVER,
			.close_at = SIM_NEVER,
			.tick = SIM_NEVER,
			.queued = SIM_NEVER};
	app->pattern = random_next(rng);
	app->to_send = draw_bytes(rng, conf->bytes_max);
	app->write_max = sim_chance(rng, SIM_PPM / 2) ? conf->write_max :
							sim_scale(rng, 1, conf->write_max);
	if (app->to_send > 500 * app->write_max)
		app->to_send = 500 * app->write_max;
	app->habit = random_below(rng, 2) == 0 ? SIM_FIRST : SIM_LAST;
	app->closes = random_below(rng, 2) == 0;
	app->appends = random_below(rng, 4) == 0;
	app->nodelay = random_below(rng, 4) == 0;
	if (sim_chance(rng, conf->slow)) {
		app->read_step = sim_scale(rng, 1 + conf->bytes_max / 64, conf->bytes_max);
		app->read_gap_us = sim_scale(rng, 1, conf->read_gap_us);
	}
	if (random_below(rng, 3) == 0) {
		app->pauses = (uint8_t)sim_range(rng, 1, 4);
		app->pause_at = random_below(rng, app->to_send + 1);
	}
	if (sim_chance(rng, conf->rude)) {
		app->habit = random_below(rng, 2) == 0 ? SIM_CLOSE : SIM_ABORT;
		app->abort_at = w->now + sim_scale(rng, 1, 2 * TIME_US_PER_SEC);
		if (app->habit == SIM_CLOSE)
			app->abort_at = SIM_NEVER;
	}
}

/** One flow as fast as it goes. */
static void
plan_bulk(struct sim_world *w, struct sim_conn *c)
{
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		c->app[i] = (struct sim_app){.conn = c,
				.rng = w->conf.seed + i,
				.pattern = w->conf.seed,
				.end = (uint8_t)i,
				.habit = i == 0 ? SIM_FIRST : SIM_LAST,
				.to_send = i == 0 ? (uint32_t)w->conf.bulk : 0,
				.ahead = UINT32_MAX,
				.write_max = w->conf.write_max,
				.abort_at = SIM_NEVER,
				.close_at = SIM_NEVER,
				.tick = SIM_NEVER,
				.queued = SIM_NEVER};
	}
	c->opener = 0;
	c->together = false;
	c->bound = SIM_NEVER;
}

/** How long it may take whatever the link does: what the applications wait for, the transfer, then silence. */
static time_us_t
bound_of(const struct sim_world *w, const struct sim_conn *c)
{
	const struct sim_conf *conf = &w->conf;
	time_us_t t = 0, each = 0, share = 0, fault = 0;
	uint32_t mss = 1 << 16;
	uint64_t segments, bytes = 0, turns = 0;

	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct sim_app *app = &c->app[i];
		const struct sim_link_conf *l = &conf->link[i];
		const struct sim_end_conf *e = &conf->end[i];
		const uint32_t peer_sends = c->app[!i].to_send;

		t += (time_us_t)app->pauses * 8 * conf->pause_us;
		bytes += app->to_send;
		if (app->read_step != 0)
			turns += peer_sends / app->read_step + 1;
		if (app->read_step != 0)
			t += (peer_sends / app->read_step + 1) * (time_us_t)app->read_gap_us;
		if (app->ahead != UINT32_MAX)
			turns += app->to_send / (c->app[c->opener].ahead + 1) + 1;
		turns += app->to_send / app->write_max + 1;
		mss = e->tcp.mss_max != 0 && e->tcp.mss_max < mss ? e->tcp.mss_max : mss;
		mss = e->tcp.rcv_buf / 2 < mss ? e->tcp.rcv_buf / 2 : mss;
		each += 2 *
				(l->delay_us + l->jitter_us + l->late_us +
						(time_us_t)e->tcp.delack_ms * 1000 + e->poll_us);
		share += l->loss + l->corrupt + l->late +
				(l->burst_loss != 0 ? l->burst_loss / 4 : 0);
		if (l->rate_kbit != 0)
			t += conf->alive_max * 4ull * conf->bytes_max * 8000 / l->rate_kbit +
					turns * l->queue * 8000 / l->rate_kbit;
		t += 20ull * l->dark_us;
		/* How often both sleep nobody knows beforehand: that is counted as it happens. */
		if ((e->fault.kinds & ~(1u << SIM_FAULT_SUSPEND)) != 0)
			fault += 40ull * e->fault.hold_us;
	}
	mss = mss > 500 ? 500 : mss;
	segments = bytes / mss + turns + 20;
	/* Where hopes come and go, everybody may be near his end many times. */
	return w->now + t + fault + segments * (2 * each + share * 20 + 2000) +
			(conf->fair ? 3 : 30) * conf->patience_us;
}

void
sim_app_plan(struct sim_world *w, struct sim_conn *c)
{
	struct sim_app *one = &c->app[c->opener], *other = &c->app[!c->opener];

	if (w->conf.bulk != 0) {
		plan_bulk(w, c);
		return;
	}
	plan_one(w, c, 0);
	plan_one(w, c, 1);
	/* One of them must begin to end. */
	if (one->habit == SIM_LAST && other->habit == SIM_LAST)
		(random_below(&one->rng, 2) == 0 ? one : other)->habit = SIM_FIRST;
	switch (random_below(&one->rng, 6)) {
	case 0:
		/* Request and answer, back and forth. */
		one->ahead = sim_scale(
				&one->rng, 1 + w->conf.bytes_max / 32, w->conf.bytes_max + 1);
		other->ahead = 0;
		break;
	case 1:
		/* The opener listens first. */
		one->ahead = 0;
		break;
	default:
		break;
	}
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		struct sim_app *app = &c->app[i];

		/* Some lose their patience after a half-close: nobody reads any more. */
		if (w->conf.rude != 0 && app->habit == SIM_FIRST &&
				random_below(&app->rng, 16) == 0)
			app->close_at = w->now + sim_scale(&app->rng, 1, 2 * TIME_US_PER_SEC);
	}
	c->bound = bound_of(w, c);
	c->slept = w->slept;
}

void
sim_app_at(struct sim_world *w, struct sim_app *app, time_us_t when)
{
	if (when < w->now)
		when = w->now;
	if (when >= app->tick)
		return;
	app->tick = when;
	if (when < app->queued) {
		app->queued = when;
		sim_event_push(w, when, SIM_EV_APP, app->end, app);
	}
}

/* ------------------------------------------------------------------ reading */

/** Read at most @p most octets, in turns of odd sizes, and see that each of them is the right one. */
static void
read_some(struct sim_world *w, struct sim_app *app, struct tcp_tcb *tcb, uint32_t most)
{
	struct tcp_ctx *ctx = w->end[app->end].ctx;
	const struct sim_app *peer = &app->conn->app[!app->end];
	struct tcp_buf buf[2 * SLICES];

	if (random_below(&app->rng, 16) == 0) {
		sim_count(w, SIM_STAT_ZERO_READS);
		SIM_REQUIRE(w, tcp_recv(ctx, tcb, buf, 0) == 0 && tcp_recv_done(ctx, tcb, 0) == 0);
		SIM_REQUIRE(w, tcp_recv_done(ctx, tcb, tcp_recv_bytes(ctx, tcb) + 1) == -EINVAL);
	}
	while (most > 0) {
		const unsigned int n =
				tcp_recv(ctx, tcb, buf, 1 + random_below(&app->rng, 2 * SLICES));
		uint32_t len = 0;

		if (n == 0)
			return;
		for (unsigned int k = 0; k < n; k++) {
			SIM_REQUIRE(w,
					buf[k].len > 0 &&
							app->received + len + buf[k].len <=
									peer->sent);
			if (!sim_pattern_is(peer, app->received + len, buf[k].data, buf[k].len))
				SIM_FAIL(w, "connection %u end %u: wrong bytes in [%u, %u)",
						app->conn->id, app->end, app->received + len,
						app->received + len + buf[k].len);
			len += buf[k].len;
		}
		len = len < most ? len : most;
		SIM_REQUIRE(w, tcp_recv_done(ctx, tcb, len) == 0);
		app->received += len;
		most -= len;
		w->result->stat[SIM_STAT_BYTES] += len;
		w->result->read_us = w->now;
	}
}

static void
read_turn(struct sim_world *w, struct sim_app *app, struct tcp_tcb *tcb)
{
	/* Who closed both ways reads no more. */
	if (app->shut && app->habit == SIM_CLOSE)
		return;
	if (app->read_step == 0) {
		read_some(w, app, tcb, UINT32_MAX);
	} else if (w->now >= app->read_at) {
		read_some(w, app, tcb, app->read_step);
		app->read_at = w->now + 1 + random_below(&app->rng, app->read_gap_us);
	}
	if (app->read_step != 0 && tcp_recv_bytes(w->end[app->end].ctx, tcb) > 0)
		sim_app_at(w, app, app->read_at);
}

/* ------------------------------------------------------------------ writing */

/** How much may be said now. */
static uint32_t
may_send(struct sim_world *w, struct sim_app *app)
{
	const struct sim_app *peer = &app->conn->app[!app->end];
	uint32_t until = app->to_send;

	/* Who waits for the other does so until all has come. */
	if (app->ahead != UINT32_MAX && app->received < peer->to_send &&
			app->received + app->ahead < until)
		until = app->received + app->ahead;
	if (app->pauses > 0 && app->sent >= app->pause_at) {
		app->pauses--;
		app->write_at = w->now + sim_wait(&app->rng, w->conf.pause_us);
		app->pause_at = app->sent + 1 +
				random_below(&app->rng, app->to_send - app->sent + 1);
	}
	if (app->pauses > 0 && until > app->pause_at)
		until = app->pause_at;
	return until > app->sent ? until - app->sent : 0;
}

/** Append to the last slice, where it is ours and has room. @return octets appended */
static uint32_t
append(struct sim_world *w, struct sim_app *app, struct tcp_tcb *tcb, uint32_t most)
{
	struct tcp_ctx *ctx = w->end[app->end].ctx;
	struct tcp_buf *tail = tcp_send_tail(ctx, tcb);
	struct sim_buf *b;
	uint32_t room;

	if (tail == NULL || tail->owner != app->tail)
		return 0;
	b = app->tail;
	room = b->size - (uint32_t)(tail->data - b->data) - tail->len;
	if (room > tcp_send_room(ctx, tcb))
		room = tcp_send_room(ctx, tcb);
	if (most > room)
		most = room;
	if (most == 0)
		return 0;
	sim_pattern_fill(app, app->sent, tail->data + tail->len, most);
	tcp_send_grown(ctx, tcb, most);
	return most;
}

/** One call of SEND, one to some slices. @return what it said */
static int
write_slices(struct sim_world *w, struct sim_app *app, struct tcp_tcb *tcb, uint32_t most)
{
	struct tcp_buf buf[SLICES];
	unsigned int n = 0;
	uint32_t at = app->sent;
	int rc;

	do {
		uint32_t len = 1 + random_below(&app->rng, app->write_max);
		struct sim_buf *b;

		len = len < most ? len : most;
		b = sim_buf_new(len);
		buf[n++] = (struct tcp_buf){b, b->data, len, len % 2 != 0 ? b->size : 0};
		sim_pattern_fill(app, at, b->data, len);
		at += len;
		most -= len;
	} while (most > 0 && n < SLICES && random_below(&app->rng, 4) == 0);
	rc = tcp_send(w->end[app->end].ctx, tcb, buf, n);
	SIM_REQUIRE(w, rc != 0 && rc <= (int)n);
	for (unsigned int k = 0; k < n; k++) {
		if ((int)k < rc) {
			app->sent += buf[k].len;
			app->tail = buf[k].owner;
			app->starved = app->starved > 1;
		} else {
			tcp_buf_free(buf[k].owner);
		}
	}
	/* Fewer than were offered: the bound was met on the way, and a writable event follows. */
	if (rc > 0 && rc < (int)n)
		app->waiting = true;
	return rc;
}

static void
write_turn(struct sim_world *w, struct sim_app *app, struct tcp_tcb *tcb)
{
	unsigned int turns = 0;

	if (w->conf.bulk_us != 0 && w->now - app->conn->start >= w->conf.bulk_us)
		app->to_send = app->sent;
	while (!app->waiting && !app->shut) {
		uint32_t most;
		int rc;

		if (w->now < app->write_at) {
			sim_app_at(w, app, app->write_at);
			return;
		}
		most = may_send(w, app);
		if (most == 0 || w->now < app->write_at) {
			if (w->now < app->write_at)
				sim_app_at(w, app, app->write_at);
			return;
		}
		if (++turns > 200) {
			sim_app_at(w, app, w->now + 100);
			return;
		}
		if (app->appends) {
			const uint32_t n = append(w, app, tcb, most);

			app->sent += n;
			if (n > 0)
				continue;
		}
		rc = write_slices(w, app, tcb, most);
		if (rc > 0)
			continue;
		SIM_REQUIRE(w, rc == -EAGAIN || rc == -ENOBUFS);
		sim_count(w, rc == -EAGAIN ? SIM_STAT_WRITE_BLOCKED : SIM_STAT_NO_BUFFER);
		app->waiting = rc == -EAGAIN;
		if (rc == -ENOBUFS) {
			if (app->starved < 12)
				app->starved++;
			app->write_at = w->now +
					sim_wait(&app->rng, TIME_US_PER_MS << app->starved);
		}
	}
}

/* ------------------------------------------------------------------ ending */

static void
end_turn(struct sim_world *w, struct sim_app *app, struct tcp_tcb *tcb)
{
	struct tcp_ctx *ctx = w->end[app->end].ctx;
	const bool peer_closed = (app->told & EV_PEER_CLOSED) != 0;
	int rc;

	if (app->shut || app->sent < app->to_send || app->habit == SIM_ABORT ||
			(app->habit == SIM_LAST && !peer_closed))
		return;
	app->shut = true;
	/* Who closes at once throws away what he has not read; the others have read all by now. */
	if (app->habit == SIM_CLOSE || (app->closes && peer_closed))
		rc = tcp_close(ctx, tcb);
	else
		rc = tcp_shutdown(ctx, tcb);
	SIM_REQUIRE(w, rc == 0);
	if (tcb->state != TCP_CLOSED && app->habit != SIM_CLOSE) {
		struct tcp_buf none = {NULL, NULL, 1, 0};

		SIM_REQUIRE(w, tcp_shutdown(ctx, tcb) == -EPIPE);
		SIM_REQUIRE(w, tcp_send(ctx, tcb, &none, 1) == -EPIPE);
	}
}

void
sim_app_run(struct sim_world *w, struct sim_app *app)
{
	struct tcp_ctx *ctx = w->end[app->end].ctx;
	struct tcp_tcb *tcb;

	if (!app->alive)
		return;
	tcb = tcp_from_handle(ctx, app->handle);
	SIM_REQUIRE(w, tcb != NULL);
	sim_touch(w, app->end, tcp_index(ctx, tcb));
	if (w->now >= app->abort_at) {
		app->abort_at = SIM_NEVER;
		(void)tcp_abort(ctx, tcb);
		return;
	}
	read_turn(w, app, tcb);
	/* Its end is known here and not yet told: SEND has nothing to say to that. */
	if (tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT) {
		write_turn(w, app, tcb);
		end_turn(w, app, tcb);
	}
	if (app->shut && app->habit != SIM_CLOSE && w->now >= app->close_at) {
		app->habit = SIM_CLOSE;
		(void)tcp_close(ctx, tcb);
	}
	if (app->abort_at != SIM_NEVER)
		sim_app_at(w, app, app->abort_at);
	if (app->shut && app->close_at != SIM_NEVER && w->now < app->close_at)
		sim_app_at(w, app, app->close_at);
}

/* ------------------------------------------------------------------ events */

/** A connection was accepted: whose is it? */
static struct sim_app *
accepted(struct sim_world *w, unsigned int end, struct tcp_tcb *tcb)
{
	struct tcp_ctx *ctx = w->end[end].ctx;
	const struct ip_addr raddr = w->conf.family == IP_V6 ? ctx->raddr6[tcp_index(ctx, tcb)] :
							       ip_addr_v4(tcb->id.raddr);
	struct sim_conn *c = sim_conn_find(w, !end, &tcb->id, &raddr);
	const uint32_t irs = tcb->rcv_nxt - tcp_recv_bytes(ctx, tcb) -
			((tcb->flags & TF_FIN_RCVD) != 0) - 1;
	struct sim_app *app;

	/* Its opener is gone already; who has the tuple now is somebody else. */
	if (c == NULL || c->together || c->app[end].alive || c->app[end].ended ||
			c->app[!end].iss != irs)
		return NULL;
	app = &c->app[end];
	app->alive = true;
	app->handle = tcp_handle(ctx, tcb);
	app->iss = tcb->snd_nxt - 1;
	app->irs = irs;
	tcb->arg = app;
	if (app->nodelay)
		tcb->flags |= TF_NODELAY;
	return app;
}

static void
connected(struct sim_world *w, struct sim_app *app, const struct tcp_tcb *tcb)
{
	const struct tcp_ctx *ctx = w->end[app->end].ctx;
	const struct sim_app *peer = &app->conn->app[!app->end];

	if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
		return; /* it ended in the same burst, and its numbers are gone */
	app->irs = tcb->rcv_nxt - tcp_recv_bytes(ctx, tcb) - ((tcb->flags & TF_FIN_RCVD) != 0) - 1;
	if (peer->alive || peer->ended)
		SIM_REQUIRE(w, peer->iss == app->irs);
}

void
sim_app_event(struct sim_world *w, unsigned int end, uint32_t index, uint8_t events)
{
	struct tcp_ctx *ctx = w->end[end].ctx;
	struct tcp_tcb *tcb = tcp_at(ctx, index);
	struct sim_app *app = tcb->arg;

	sim_touch(w, end, index);
	if ((events & EV_ACCEPTED) != 0) {
		SIM_REQUIRE(w, app == NULL);
		app = accepted(w, end, tcb);
		if (app == NULL) {
			sim_count(w, SIM_STAT_GHOSTS);
			(void)tcp_abort(ctx, tcb);
			return;
		}
	}
	if (app == NULL)
		return; /* a ghost's end */
	SIM_REQUIRE(w, app->alive && app->handle == tcp_handle(ctx, tcb));
	/* Once each. */
	SIM_REQUIRE(w,
			(events & app->told &
					(EV_ACCEPTED | EV_CONNECTED | EV_PEER_CLOSED |
							EV_CLOSED)) == 0);
	app->told |= events;
	if ((events & EV_CONNECTED) != 0)
		connected(w, app, tcb);
	if ((events & EV_WRITABLE) != 0) {
		SIM_REQUIRE(w, app->waiting || app->starved > 0);
		app->waiting = false;
	}
	if ((events & EV_READABLE) != 0)
		SIM_REQUIRE(w, (app->told & (EV_ACCEPTED | EV_CONNECTED)) != 0);
	/* FIN stands exactly behind the last byte, and is told when all before it was read. */
	if ((events & EV_PEER_CLOSED) != 0 && app->habit != SIM_CLOSE)
		SIM_REQUIRE(w,
				app->received == app->conn->app[!end].to_send &&
						app->conn->app[!end].shut);
	if ((events & EV_CLOSED) != 0)
		sim_conn_app_ended(w, app, tcb->reason);
	else
		sim_app_run(w, app);
}
