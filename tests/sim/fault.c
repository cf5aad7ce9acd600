/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of an end: pools that run empty, payload that nobody may keep, output that waits, turns that do not come. */
#include "sim.h"

#include <string.h>

/** Every pool of the core: a new one is entered here, and then it runs empty too, and must come back to its start. */
static const struct {
	const char *name;
	size_t offset;
} pools[] = {
		{"TCBs", offsetof(struct tcp_ctx, tcb_pool)},
		{"blocks", offsetof(struct tcp_ctx, block_pool)},
		{"nodes", offsetof(struct tcp_ctx, node_pool)},
		{"half-open records", offsetof(struct tcp_ctx, half_pool)},
};

PTCP_STATIC_ASSERT(PTCP_ARRAY_SIZE(pools) <= SIM_HOLDS_MAX, "a place for each pool");

void
sim_fault_start(struct sim_world *w, unsigned int i)
{
	const struct sim_fault_conf *f = &w->conf.end[i].fault;
	struct sim_end *e = &w->end[i];

	e->n_holds = PTCP_ARRAY_SIZE(pools);
	for (uint32_t k = 0; k < e->n_holds; k++)
		e->hold[k] = (struct sim_hold){.name = pools[k].name,
				.pool = (struct pool *)(void *)((uint8_t *)e->ctx +
						pools[k].offset)};
	e->next_fault = random_below(&w->rng_fault, SIM_FAULT_MAX);
	e->next_pool = random_below(&w->rng_fault, e->n_holds);
	if (f->kinds != 0)
		sim_event_push(w, w->now + sim_wait(&w->rng_fault, f->every_us), SIM_EV_FAULT, i,
				NULL);
}

/** Leave none to three objects of the next pool: all else is in use, for all that the core can see. */
static void
empty_pool(struct sim_world *w, unsigned int i, time_us_t until)
{
	struct sim_end *e = &w->end[i];
	struct sim_hold *h = &e->hold[e->next_pool++ % e->n_holds];
	struct pool *p = h->pool;
	const uint32_t most = random_below(&w->rng_fault, 4);
	uint32_t kept[4], left = 0;

	if (h->n > 0 || pool_free_count(p) <= most)
		return;
	/* Only those that were used before: the core knows what it has put into them. */
	while (left < most && p->head != PTCP_NIL)
		kept[left++] = pool_get(p);
	/* What was never used stays so: the pool seems to end there. */
	h->size = p->size;
	h->head = p->head;
	h->n = p->fresh - p->n_used + 1;
	p->size = p->fresh;
	p->head = PTCP_NIL;
	p->n_used = p->fresh;
	for (uint32_t k = 0; k < left; k++)
		pool_put(p, kept[k]);
	sim_count(w, SIM_STAT_FAULT_POOLS);
	sim_event_push(w, until, SIM_EV_RELEASE, i, h);
}

void
sim_fault_release(struct sim_hold *h)
{
	struct pool *p = h->pool;
	uint32_t last = p->head;

	if (h->n == 0)
		return;
	/* What was freed meanwhile goes in front of what was free before. */
	for (uint32_t next = last; next != PTCP_NIL;) {
		last = next;
		memcpy(&next, pool_at(p, last), sizeof(next));
	}
	if (last == PTCP_NIL)
		p->head = h->head;
	else
		memcpy(pool_at(p, last), &h->head, sizeof(h->head));
	sim_fault_show(h);
	h->n = 0;
}

void
sim_fault_show(struct sim_hold *h)
{
	if (h->n == 0)
		return;
	h->pool->n_used -= h->n - 1;
	h->shown = h->pool->size;
	h->pool->size = h->size;
}

void
sim_fault_hide(struct sim_hold *h)
{
	if (h->n == 0)
		return;
	h->pool->n_used += h->n - 1;
	h->pool->size = h->shown;
}

static void
stall(struct sim_world *w, unsigned int i, time_us_t until)
{
	struct sim_end *e = &w->end[i];

	if (until > e->stall_until)
		e->stall_until = until;
	if (e->poll_at != SIM_NEVER && e->poll_at < e->stall_until)
		e->poll_at = e->stall_until;
}

void
sim_fault_begin(struct sim_world *w, unsigned int i)
{
	const struct sim_fault_conf *f = &w->conf.end[i].fault;
	struct sim_end *e = &w->end[i];
	const time_us_t until = w->now + 1 + random_below(&w->rng_fault, f->hold_us);
	unsigned int kind;

	/* When all have ended, what is left may come to rest. */
	if (w->n_started == w->conf.n_conns && w->n_alive == 0)
		return;
	do
		kind = e->next_fault++ % SIM_FAULT_MAX;
	while ((f->kinds & 1u << kind) == 0);
	switch (kind) {
	case SIM_FAULT_POOLS:
		empty_pool(w, i, until);
		break;
	case SIM_FAULT_NO_OWNER:
		e->no_owner_until = until;
		e->copies_left = random_below(&w->rng_fault, 2) == 0 ?
				0 :
				random_below(&w->rng_fault, 64);
		sim_count(w, SIM_STAT_FAULT_NO_OWNER);
		break;
	case SIM_FAULT_NO_TX:
		e->tx_at = until;
		sim_count(w, SIM_STAT_FAULT_NO_TX);
		break;
	case SIM_FAULT_STALL:
		stall(w, i, until);
		sim_count(w, SIM_STAT_FAULT_STALL);
		break;
	default:
		stall(w, 0, until);
		stall(w, 1, until);
		if (until > w->slept_until) {
			w->slept += until - (w->slept_until > w->now ? w->slept_until : w->now);
			w->slept_until = until;
		}
		sim_count(w, SIM_STAT_FAULT_SUSPEND);
		break;
	}
	sim_event_push(w, until + sim_wait(&w->rng_fault, f->every_us), SIM_EV_FAULT, i, NULL);
}
