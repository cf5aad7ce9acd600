/* SPDX-License-Identifier: BSD-3-Clause */
/* A world from its seed to its end. */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY 4096 /* steps from one look for the overdue to the next */
#define STEPS_CONN                                                                                 \
	2000000 /* steps that a connection may take at most: else two ends answer each other for ever */

/* ------------------------------------------------------------------ failure */

static void
dump_app(const struct sim_world *w, const struct sim_app *a)
{
	const struct tcp_ctx *ctx = w->end[a->end].ctx;
	const struct tcp_tcb *tcb = a->alive ? tcp_from_handle(ctx, a->handle) : NULL;

	fprintf(stderr,
			"  conn %u%s end %u%s from %" PRIu64
			": habit %u%s sent %u/%u received %u told %x ahead %u step %u"
			" tick %" PRId64 "%s%s%s",
			a->conn->id, a->conn->together ? " (together)" : "", a->end,
			a->end == a->conn->opener ? " (opener)" : "", a->conn->start, a->habit,
			a->closes ? " closes" : "", a->sent, a->to_send, a->received, a->told,
			a->ahead, a->read_step, (int64_t)(a->tick - w->now),
			a->waiting ? " waiting" : "", a->shut ? " shut" : "",
			a->ended                 ? " ended" :
					a->alive ? "" :
						   " not alive");
	if (tcb == NULL)
		fprintf(stderr, ", %s\n", tcp_reason_name(a->reason));
	else
		fprintf(stderr,
				", TCB %u %s flags %x out %x una %u nxt %u rcv %u iss %u irs %u wnd %u/%u cwnd %u mss %u rto %u"
				" shift %u probes %u events %x\n",
				tcp_index(ctx, tcb), tcp_state_name(tcb->state), tcb->flags,
				tcb->out, tcb->snd_una - a->iss, tcb->snd_nxt - a->iss,
				tcb->rcv_nxt - a->irs, a->iss, a->irs, tcp_snd_wnd(tcb),
				tcp_rcv_wnd(tcb), tcb->cwnd, tcb->mss, tcp_rto_ms(ctx, tcb),
				tcb->shift, tcb->probes, tcb->events);
}

/** For who replays a failure. */
static void
dump(const struct sim_world *w)
{
	sim_conf_print(&w->conf, stderr);
	fprintf(stderr, "at %" PRIu64 " us, step %" PRIu64 ", %u of %u started, %u alive\n", w->now,
			w->steps, w->n_started, w->conf.n_conns, w->n_alive);
	for (uint32_t k = 0; k < w->conf.alive_max; k++) {
		const struct sim_conn *c = &w->conn[k];

		for (unsigned int i = 0; i < SIM_ENDS && c->used; i++)
			dump_app(w, &c->app[i]);
	}
}

void
sim_fail(struct sim_world *w, const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	char what[400];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(w->failure, sizeof(w->failure), "%s:%d: \"%s\" after %" PRIu64 ".%06u s",
			name != NULL ? name + 1 : file, line, what, w->now / TIME_US_PER_SEC,
			(unsigned int)(w->now % TIME_US_PER_SEC));
	if (w->verbose)
		dump(w);
	longjmp(w->failed, 1);
}

/* ------------------------------------------------------------------ events */

static uint32_t
sim_hash(const struct tcp_ctx *ctx, enum ip_family family, const struct ip_addr *raddr,
		uint16_t rport, uint16_t lport, uint16_t laddr)
{
	struct tcp_seg seg = {.src = *raddr,
			.sport = rport,
			.dport = lport,
			.laddr = laddr,
			.family = (uint8_t)family};

	tcp_hash(ctx, &seg);
	return seg.hash;
}

static void
icmp_arrives(struct sim_world *w, unsigned int i, struct sim_buf *m)
{
	struct sim_end *e = &w->end[i];
	struct tcp_icmp icmp = {.quoted = m->seg, .too_big = true, .mtu = m->mtu};

	icmp.quoted.laddr = laddr_find(&e->laddr, w->conf.family, &m->seg.src);
	/* Its peer's segments have the same hash. */
	icmp.quoted.hash = sim_hash(e->ctx, w->conf.family, &m->seg.dst, m->seg.dport, m->seg.sport,
			icmp.quoted.laddr);
	tcp_set_time(e->ctx, sim_end_time(w, i, w->now));
	(void)tcp_icmp_arrives(e->ctx, &icmp);
	tcp_buf_free(m);
	sim_end_wake(w, i, w->now);
}

static void
app_due(struct sim_world *w, struct sim_app *app, time_us_t when)
{
	struct sim_end *e = &w->end[app->end];

	if (app->queued != when)
		return; /* overtaken by an earlier one */
	app->queued = SIM_NEVER;
	if (!app->alive)
		return;
	if (app->tick > w->now) {
		if (app->tick != SIM_NEVER) {
			app->queued = app->tick;
			sim_event_push(w, app->tick, SIM_EV_APP, app->end, app);
		}
		return;
	}
	app->tick = SIM_NEVER;
	if (!app->due) {
		app->due = true;
		app->next_due = NULL;
		*e->due_tail = app;
		e->due_tail = &app->next_due;
	}
	sim_end_wake(w, app->end, w->now);
}

static void
happen(struct sim_world *w, const struct sim_event *ev)
{
	switch (ev->kind) {
	case SIM_EV_FRAME:
		sim_end_receive(w, ev->end, ev->what);
		break;
	case SIM_EV_ICMP:
		icmp_arrives(w, ev->end, ev->what);
		break;
	case SIM_EV_APP:
		app_due(w, ev->what, ev->when);
		break;
	case SIM_EV_OPEN:
		sim_conn_open(w);
		break;
	case SIM_EV_FAULT:
		sim_fault_begin(w, ev->end);
		break;
	default:
		sim_fault_release(ev->what);
		break;
	}
}

/* ------------------------------------------------------------------ the run */

static void
look_for_overdue(struct sim_world *w)
{
	for (uint32_t k = 0; k < w->conf.alive_max; k++) {
		const struct sim_conn *c = &w->conn[k];

		if (c->used && w->now > sim_bound(w, c))
			SIM_FAIL(w, "connection %u is past its deadline", c->id);
	}
}

static time_us_t
next_time(const struct sim_world *w)
{
	time_us_t t = w->n_heap > 0 ? w->heap[0].when : SIM_NEVER;

	for (unsigned int i = 0; i < SIM_ENDS; i++)
		t = w->end[i].poll_at < t ? w->end[i].poll_at : t;
	return t;
}

static void
start(struct sim_world *w)
{
	const uint32_t n = w->conf.alive_max;

	w->conn = calloc(n, sizeof(*w->conn));
	if (w->conn == NULL)
		abort();
	for (uint32_t k = n; k > 0; k--) {
		w->conn[k - 1].next = w->free;
		w->free = &w->conn[k - 1];
	}
	for (unsigned int i = 0; i < SIM_ENDS; i++)
		sim_end_start(w, i);
	sim_link_start(w);
	sim_conn_open(w);
}

static void
run(struct sim_world *w)
{
	const uint64_t most = (uint64_t)STEPS_CONN * (w->conf.n_conns + 10);
	time_us_t t;

	while ((t = next_time(w)) != SIM_NEVER) {
		SIM_REQUIRE(w, t >= w->now);
		w->now = t;
		while (w->n_heap > 0 && w->heap[0].when <= t) {
			const struct sim_event ev = sim_event_pop(w);

			happen(w, &ev);
		}
		for (unsigned int i = 0; i < SIM_ENDS; i++) {
			if (w->end[i].poll_at <= t)
				sim_end_poll(w, i);
		}
		if (++w->steps % LOOK_EVERY == 0)
			look_for_overdue(w);
		if (w->steps > most)
			SIM_FAIL(w, "%" PRIu64 " steps and no end", w->steps);
	}
	if (w->n_alive > 0)
		SIM_FAIL(w, "%u connections alive, and nothing will ever happen to them",
				w->n_alive);
	SIM_REQUIRE(w, w->n_started == w->conf.n_conns);
	for (unsigned int i = 0; i < SIM_ENDS; i++)
		sim_end_finish(w, i);
	sim_copies_end();
	if (sim_bufs() != w->bufs_at_start)
		SIM_FAIL(w, "%" PRId64 " buffers never given back",
				(int64_t)(sim_bufs() - w->bufs_at_start));
}

static void
sum_up(struct sim_world *w)
{
	struct sim_result *r = w->result;

	r->scenario[w->conf.scenario]++;
	sim_count(w, SIM_STAT_WORLDS);
	r->virtual_us += w->now;
	r->stat[SIM_STAT_STEPS] += w->steps;
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct counters *c = &w->end[i].counters;

		for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(c->n); k++)
			r->counters.n[k] += c->n[k];
		for (unsigned int k = 0; k < PTCP_ARRAY_SIZE(c->drop); k++)
			r->counters.drop[k] += c->drop[k];
	}
}

bool
sim_run_conf(const struct sim_conf *conf, const struct sim_job *job, struct sim_result *result,
		char *failure, size_t size)
{
	struct sim_world *w = calloc(1, sizeof(*w));
	volatile bool ok = false;

	if (w == NULL)
		abort();
	w->conf = *conf;
	w->result = result;
	w->trace = job->trace;
	w->verbose = job->verbose;
	w->rng_world = conf->seed ^ 0x776f726c64;
	w->rng_link = conf->seed ^ 0x6c696e6b;
	w->rng_fault = conf->seed ^ 0x6661756c74;
	w->bufs_at_start = sim_bufs();
	if (setjmp(w->failed) == 0) {
		start(w);
		run(w);
		sum_up(w);
		ok = true;
	} else {
		snprintf(failure, size, "%s", w->failure);
	}
	for (unsigned int i = 0; i < SIM_ENDS; i++)
		sim_end_free(w, i);
	free(w->heap);
	free(w->conn);
	free(w);
	return ok;
}

bool
sim_run(const struct sim_job *job, struct sim_result *result, char *failure, size_t size)
{
	struct sim_conf conf;

	sim_draw(&conf, job->seed, job->scenario);
	if (job->n_conns != 0 && job->n_conns < conf.n_conns)
		conf.n_conns = job->n_conns;
	return sim_run_conf(&conf, job, result, failure, size);
}
