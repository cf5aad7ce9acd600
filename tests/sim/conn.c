/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: opened when their time comes, found by their tuple, judged when both sides have ended. */
#include "sim.h"

#include <errno.h>

static uint32_t
chain_of(unsigned int opener, uint16_t port)
{
	return (port * SIM_ENDS + opener) % SIM_CHAINS;
}

struct sim_conn *
sim_conn_find(const struct sim_world *w, unsigned int opener, const struct conn_ident *id,
		const struct ip_addr *raddr)
{
	struct sim_conn *c = w->chain[chain_of(opener, id->rport)];

	/* id is the passive end's: its remote is the opener's local. */
	for (; c != NULL; c = c->next) {
		if (c->opener == opener && c->port[opener] == id->rport &&
				c->port[!opener] == id->lport && c->laddr[!opener] == id->laddr &&
				ip_addr_equal(&w->end[opener].addr[c->laddr[opener]], raddr))
			return c;
	}
	return NULL;
}

static void
enter(struct sim_world *w, struct sim_conn *c)
{
	struct sim_conn **chain = &w->chain[chain_of(c->opener, c->port[c->opener])];

	c->next = *chain;
	*chain = c;
}

static void
leave(struct sim_world *w, struct sim_conn *c)
{
	struct sim_conn **p = &w->chain[chain_of(c->opener, c->port[c->opener])];

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->used = false;
	c->next = w->free;
	w->free = c;
	w->n_alive--;
}

/* ------------------------------------------------------------------ the beginning */

static bool
open_end(struct sim_world *w, struct sim_conn *c, unsigned int i)
{
	struct sim_end *e = &w->end[i];
	struct sim_app *app = &c->app[i];
	struct tcp_open_args args = {.laddr = c->laddr[i],
			.lport = c->port[i],
			.rport = c->port[!i],
			.raddr = w->end[!i].addr[c->laddr[!i]],
			.profile = e->profile,
			.arg = app};
	struct tcp_tcb *tcb;
	int64_t index;

	tcp_set_time(e->ctx, sim_end_time(w, i, w->now));
	index = tcp_open(e->ctx, &args);
	if (index < 0) {
		SIM_REQUIRE(w,
				index == -ENOBUFS || index == -EADDRNOTAVAIL ||
						index == -EADDRINUSE);
		sim_count(w, SIM_STAT_OPEN_REFUSED);
		return false;
	}
	tcb = tcp_at(e->ctx, (uint32_t)index);
	SIM_REQUIRE(w,
			tcb->state == TCP_SYN_SENT &&
					(c->port[i] == 0 || tcb->id.lport == c->port[i]));
	c->port[i] = tcb->id.lport;
	app->alive = true;
	app->handle = tcp_handle(e->ctx, tcb);
	app->iss = tcb->snd_una;
	if (app->nodelay)
		tcb->flags |= TF_NODELAY;
	sim_touch(w, i, (uint32_t)index);
	sim_end_wake(w, i, w->now);
	sim_app_at(w, app, w->now);
	return true;
}

/** Both ends open at once: neither has a listener there, and each SYN finds the other's TCB. */
static bool
open_together(struct sim_world *w, struct sim_conn *c)
{
	for (unsigned int i = 0; i < SIM_ENDS; i++)
		c->port[i] = (uint16_t)(SIM_PORT_BOTH + w->n_together++ % 20000);
	if (!open_end(w, c, 0))
		return false;
	if (!open_end(w, c, 1)) {
		/* One alone would knock at a closed door. */
		struct tcp_tcb *tcb = tcp_from_handle(w->end[0].ctx, c->app[0].handle);

		SIM_REQUIRE(w, tcb != NULL);
		tcb->arg = NULL;
		c->app[0].alive = false;
		SIM_REQUIRE(w, tcp_abort(w->end[0].ctx, tcb) == 0);
		return false;
	}
	sim_count(w, SIM_STAT_TOGETHER);
	return true;
}

static bool
open_one(struct sim_world *w)
{
	struct sim_conn *c = w->free;
	struct sim_conn *next = c->next;
	bool ok;

	*c = (struct sim_conn){.used = true, .id = w->n_started, .start = w->now};
	c->opener = (uint8_t)random_below(&w->rng_world, SIM_ENDS);
	c->together = sim_chance(&w->rng_world, w->conf.together);
	for (unsigned int i = 0; i < SIM_ENDS; i++)
		c->laddr[i] = (uint16_t)random_below(&w->rng_world, SIM_ADDRS);
	sim_app_plan(w, c);
	if (c->together) {
		ok = open_together(w, c);
	} else {
		c->port[!c->opener] = (uint16_t)(SIM_PORT + random_below(&w->rng_world, SIM_PORTS));
		ok = open_end(w, c, c->opener);
	}
	if (!ok) {
		c->used = false;
		c->next = next;
		return false;
	}
	w->free = next;
	enter(w, c);
	w->n_started++;
	w->n_alive++;
	sim_count(w, SIM_STAT_CONNS);
	return true;
}

void
sim_conn_open(struct sim_world *w)
{
	time_us_t again = w->now;

	w->open_queued = false;
	if (w->n_started >= w->conf.n_conns || w->free == NULL)
		return; /* who ends calls again */
	if (w->now < w->end[0].stall_until)
		again = w->end[0].stall_until;
	else if (w->now < w->end[1].stall_until)
		again = w->end[1].stall_until;
	else if (open_one(w))
		again += sim_wait(&w->rng_world, w->conf.gap_us);
	else
		again += sim_wait(&w->rng_world, 20 * TIME_US_PER_MS);
	w->open_queued = true;
	sim_event_push(w, again, SIM_EV_OPEN, 0, NULL);
}

/* ------------------------------------------------------------------ the end */

/** Whether it closes both ways before it has heard all, or by a bounded close. */
static bool
may_linger(const struct sim_world *w, const struct sim_app *app)
{
	return app->habit == SIM_CLOSE || app->close_at != SIM_NEVER ||
			(app->closes && w->conf.end[app->end].profile.linger_ms != TCP_LINGER_OFF);
}

static bool
has_rude(const struct sim_world *w, const struct sim_conn *c)
{
	return c->app[0].habit == SIM_ABORT || c->app[1].habit == SIM_ABORT ||
			may_linger(w, &c->app[0]) || may_linger(w, &c->app[1]);
}

/** All that application @p app and its peer wanted to say was said and heard, FIN included. */
static bool
all_said(const struct sim_app *app, const struct sim_app *peer)
{
	return app->sent == app->to_send && peer->received == app->to_send &&
			peer->sent == peer->to_send && app->received == peer->to_send &&
			(app->told & EV_PEER_CLOSED) != 0 && (peer->told & EV_PEER_CLOSED) != 0;
}

static void
judge(struct sim_world *w, const struct sim_conn *c, unsigned int i)
{
	const struct sim_app *app = &c->app[i], *peer = &c->app[!i];

	w->result->reason[app->reason]++;
	switch (app->reason) {
	case TCP_REASON_DONE:
		/* Who is done has said all, and has heard all that the other has said - unless he would not listen. */
		SIM_REQUIRE(w, app->sent == app->to_send && app->shut);
		if (app->habit != SIM_CLOSE && app->close_at == SIM_NEVER) {
			SIM_REQUIRE(w, app->received == peer->to_send);
			SIM_REQUIRE(w, (app->told & EV_PEER_CLOSED) != 0);
		}
		return;
	case TCP_REASON_ABORTED:
		/* Only who aborts, or closes before he has heard all. */
		SIM_REQUIRE(w, app->habit == SIM_ABORT || may_linger(w, app));
		return;
	case TCP_REASON_LINGER:
		SIM_REQUIRE(w, may_linger(w, app));
		return;
	case TCP_REASON_RESET:
		/* The other's TIME-WAIT may end before our FIN has got through: nothing is missing then. */
		if (all_said(app, peer)) {
			sim_count(w, SIM_STAT_LATE_RST);
			return;
		}
		break;
	default:
		break;
	}
	if (w->conf.fair && !has_rude(w, c))
		SIM_FAIL(w, "connection %u end %u ended as %s, and nobody gave a reason for that",
				c->id, i, tcp_reason_name(app->reason));
}

static void
ended(struct sim_world *w, struct sim_conn *c)
{
	const time_us_t life = w->now - c->start;
	const time_us_t bound = sim_bound(w, c), slept = w->slept - c->slept;
	const uint64_t near = bound == SIM_NEVER || slept > life ?
			0 :
			(life - slept) * SIM_PPM / (c->bound - c->start);

	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		if (c->app[i].ended)
			judge(w, c, i);
		/* Nobody has heard what was not said. */
		SIM_REQUIRE(w, c->app[i].received <= c->app[!i].sent);
	}
	if (c->app[0].ended && c->app[1].ended && c->app[0].reason == TCP_REASON_DONE &&
			c->app[1].reason == TCP_REASON_DONE)
		sim_count(w, SIM_STAT_ORDERLY);
	if (w->conf.fair && !has_rude(w, c))
		SIM_REQUIRE(w, c->app[0].ended && c->app[1].ended);
	if (life > w->result->longest_us)
		w->result->longest_us = life;
	if (near > w->result->nearest_ppm)
		w->result->nearest_ppm = near;
	if (w->verbose && w->now > bound)
		fprintf(stderr, "connection %u: %llu us over its bound\n", c->id,
				(unsigned long long)(w->now - bound));
	SIM_REQUIRE(w, w->now <= bound);
	leave(w, c);
	if (!w->open_queued && w->n_started < w->conf.n_conns) {
		w->open_queued = true;
		sim_event_push(w, w->now + sim_wait(&w->rng_world, w->conf.gap_us), SIM_EV_OPEN, 0,
				NULL);
	}
}

void
sim_conn_app_ended(struct sim_world *w, struct sim_app *app, uint8_t reason)
{
	struct sim_conn *c = app->conn;
	const struct sim_app *peer = &c->app[!app->end];

	SIM_REQUIRE(w, app->alive && !app->ended);
	app->alive = false;
	app->ended = true;
	app->reason = reason;
	app->tick = SIM_NEVER;
	/* The other one has ended too, or never came to be. */
	if (peer->ended || !peer->alive)
		ended(w, c);
}
