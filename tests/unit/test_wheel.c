/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing wheel against a model: for each node, whether it is armed and the tick it is due at.
 * What the model demands of every expiry: armed, not early, not before a node that was due
 * earlier, not inside the advance that armed it for "now"; of every advance: no more than its
 * budget, and nothing overdue left unless it says so.
 */
#include <inttypes.h>
#include <string.h>

#include "random.h"
#include "test.h"
#include "time/wheel.h"

#define SEED     0x706f6c6c746370ULL
#define HOUR     (3600u * 1000u)
#define DAY      (24u * HOUR)
#define MAX_OBJS 512
#define NO_LIMIT UINT32_MAX

struct obj {
	uint64_t before; /* so that the node is neither first nor alone in its object */
	struct wheel_node node;
	uint32_t after;
};

struct model {
	uint64_t due;
	uint64_t deadline; /* of the lazy pattern: later than `due` as a rule */
	bool armed;
	bool late; /* armed for "now" inside the advance that is running */
};

static struct wheel w;
static struct obj objs[MAX_OBJS];
static struct model model[MAX_OBJS];
static uint32_t n_objs;
static uint32_t n_armed;

static uint64_t rng;
static uint64_t n_ops;
static uint64_t n_expired;
static unsigned int n_broken;

static bool running;      /* wheel_advance() */
static uint64_t target;   /* of it */
static uint32_t expired;  /* by it */
static uint32_t limit;    /* its budget */
static uint64_t last_due; /* of the node that expired last */
static bool acting;       /* expiries do random things */

/* One message for the first break, not millions of them. */
#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond) && n_broken++ == 0)                                                    \
			printf("\n  line %d, operation %" PRIu64 ", now %" PRIu64 ": %s\n",        \
					__LINE__, n_ops, w.now, #cond);                            \
	} while (0)

static void
expect_sound(void)
{
	const char *bad = wheel_check(&w);

	if (bad != NULL && n_broken++ == 0)
		printf("\n  operation %" PRIu64 ", now %" PRIu64 ": %s\n", n_ops, w.now, bad);
}

static uint64_t
rnd(void)
{
	return random_next(&rng);
}

static uint32_t
rnd_below(uint32_t n)
{
	return (uint32_t)(rnd() % n);
}

static void
sim_start(uint32_t n, uint64_t now)
{
	memset(objs, 0xa5, sizeof(objs));
	memset(model, 0, sizeof(model));
	n_objs = n;
	n_armed = 0;
	last_due = 0;
	running = false;
	acting = false;
	wheel_init(&w, &objs[0].node, sizeof(objs[0]), n, now);
	for (uint32_t i = 0; i < n; i++)
		wheel_node_init(&w, i);
}

static void
sim_arm(uint32_t i, uint64_t tick)
{
	n_ops++;
	if (tick > w.now + UINT32_MAX) /* the reach of the wheel, which may lag behind its target */
		tick = w.now + UINT32_MAX;
	wheel_arm(&w, i, tick);
	if (!model[i].armed)
		n_armed++;
	model[i].armed = true;
	model[i].late = running && tick <= w.now;
	model[i].due = tick > w.now ? tick : w.now;
	EXPECT(wheel_armed(&w, i) && wheel_node_at(&w, i)->tick == (uint32_t)tick);
}

static void
sim_cancel(uint32_t i)
{
	n_ops++;
	wheel_cancel(&w, i);
	if (model[i].armed)
		n_armed--;
	model[i].armed = false;
	EXPECT(!wheel_armed(&w, i));
}

/*
 * A distance of any magnitude, with the borders of slots and levels more often than chance would.
 */
static uint64_t
some_delta(void)
{
	static const uint64_t borders[] = {0, 1, 2, 254, 255, 256, 257, 511, 512, 65535, 65536,
			65537, (1u << 24) - 1, 1u << 24, (1u << 24) + 1, 2 * HOUR,
			25 * (uint64_t)DAY, UINT32_MAX - 256, UINT32_MAX - 1, UINT32_MAX};

	uint32_t bits;

	switch (rnd_below(8)) {
	case 0:
		return borders[rnd_below(PTCP_ARRAY_SIZE(borders))];
	case 1:
		bits = 1 + rnd_below(32);
		return rnd() >> (64 - bits);
	case 2: /* on a border of the absolute tick */
		return (0 - w.now) & ((1ULL << (8 * (1 + rnd_below(3)))) - 1);
	case 3:
		return rnd_below(70000);
	default:
		return rnd_below(600);
	}
}

/* In one case of 16 a tick that has passed. */
static uint64_t
some_tick(void)
{
	const uint64_t back = rnd_below(400);

	if (rnd_below(16) == 0)
		return w.now > back ? w.now - back : 0;
	return w.now + some_delta();
}

static void
on_expire(void *arg, uint32_t i)
{
	uint64_t tick;

	EXPECT(arg == &w && i < n_objs);
	EXPECT(model[i].armed && !model[i].late && !wheel_armed(&w, i));
	EXPECT(model[i].due <= target && model[i].due <= w.now && w.now <= target);
	EXPECT(model[i].due >= last_due);
	EXPECT(++expired <= limit);
	last_due = model[i].due;
	model[i].armed = false;
	n_armed--;
	n_expired++;
	if (!acting)
		return;
	switch (rnd_below(8)) {
	case 0:
		sim_arm(i, some_tick());
		break;
	case 1:
		tick = some_tick();
		sim_arm(rnd_below(n_objs), tick);
		break;
	case 2:
		sim_cancel(rnd_below(n_objs));
		break;
	case 3:
		sim_cancel(i);
		break;
	case 4:
		sim_arm(i, w.now - (w.now > 0 && rnd_below(2)));
		break;
	case 5:
		sim_arm(i, target + rnd_below(2));
		break;
	default:
		break;
	}
}

static void
sim_advance(uint64_t now, uint32_t budget)
{
	const uint64_t was = w.now;

	n_ops++;
	target = now > w.now ? now : w.now;
	expired = 0;
	limit = budget;
	running = true;
	EXPECT(wheel_advance(&w, now, budget, on_expire, &w) == expired);
	running = false;
	EXPECT(w.now >= was && w.now <= target && w.n_armed == n_armed);
	EXPECT(wheel_pending(&w) || w.now == target);
	for (uint32_t i = 0; i < n_objs; i++) {
		if (!model[i].armed)
			continue;
		EXPECT(wheel_pending(&w) || model[i].late || model[i].due > target);
		if (model[i].late) {
			model[i].late = false;
			model[i].due = w.now; /* it goes behind what is left of this tick */
		}
	}
}

static void
sim_drain(void)
{
	for (int i = 0; i < 1000 && wheel_pending(&w); i++)
		sim_advance(target, NO_LIMIT);
	EXPECT(!wheel_pending(&w));
}

static uint64_t
model_next(void)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < n_objs; i++)
		if (model[i].armed && model[i].due < next)
			next = model[i].due;
	return next;
}

static void
expect_next(void)
{
	const uint64_t next = wheel_next(&w);
	const uint64_t due = model_next();

	EXPECT((next == UINT64_MAX) == (n_armed == 0));
	if (n_armed == 0)
		return;
	EXPECT(next <= due || next <= w.now);
	if (due <= w.now) {
		EXPECT(next <= w.now);
	} else if (!wheel_pending(&w)) {
		EXPECT(next > w.now);
		EXPECT(next == due || due >> 8 != w.now >> 8);
	}
}

static void
random_advance(void)
{
	static const uint32_t budgets[] = {
			0, 1, 1, 2, 3, 7, 32, 1000, NO_LIMIT, NO_LIMIT, NO_LIMIT};
	const uint32_t budget = budgets[rnd_below(PTCP_ARRAY_SIZE(budgets))];
	const uint64_t next = wheel_next(&w);

	switch (rnd_below(16)) {
	case 0:
		sim_advance(w.now + some_delta(), budget);
		break;
	case 1:
	case 2:
	case 3:
		if (next != UINT64_MAX)
			sim_advance(next, budget);
		break;
	case 4:
		if (n_armed > 0)
			sim_advance(model_next() - (w.now > 0 && rnd_below(2)), budget);
		break;
	case 5:
		sim_advance(w.now + (rnd_below(64) == 0 ? 25ULL * DAY : 3 * HOUR), budget);
		break;
	case 6:
		sim_advance(w.now - (w.now > 0), budget);
		break;
	case 7:
		sim_advance(target, budget);
		break;
	default:
		sim_advance(w.now + rnd_below(300), budget);
	}
}

static void
random_round(uint32_t n, uint64_t now, uint64_t ops)
{
	const uint64_t end = n_ops + ops;
	uint64_t tick;

	sim_start(n, now);
	acting = true;
	target = now;
	for (uint64_t i = 0; n_ops < end && n_broken == 0; i++) {
		switch (rnd_below(8)) {
		case 0:
			random_advance();
			break;
		case 1:
			sim_cancel(rnd_below(n));
			break;
		default:
			tick = some_tick();
			sim_arm(rnd_below(n), tick);
		}
		if (i % 16 == 0)
			expect_next();
		if (i < 500 || i % 512 == 0)
			expect_sound();
	}
	acting = false;
	sim_drain();
	expect_sound();
	/* All that is left comes out, in its order, when the wheel follows its own hints. */
	for (uint32_t i = 0; n_armed > 0 && i < 8 * n && n_broken == 0; i++)
		sim_advance(wheel_next(&w), NO_LIMIT);
	EXPECT(n_armed == 0 && wheel_next(&w) == UINT64_MAX);
}

static void
random_against_model(void)
{
	static const uint64_t starts[] = {0, 1, 255, 65535, UINT32_MAX, UINT32_MAX - 1,
			UINT32_MAX - 255ULL, UINT32_MAX - 65536ULL, UINT32_MAX - (1ULL << 24) - 7,
			(1ULL << 31) - 1, (1ULL << 33) - 100, (1ULL << 48) - 1, 1790000000000ULL};
	static const uint32_t sizes[] = {1, 2, 7, 30, 100, MAX_OBJS};
	uint64_t ops = 0;

	rng = SEED;
	n_broken = 0;
	n_ops = 0;
	n_expired = 0;
	printf("seed %#" PRIx64 " ", rng);
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(starts); i++)
		for (size_t k = 0; k < PTCP_ARRAY_SIZE(sizes); k++)
			random_round(sizes[k], starts[i], 135000);
	ops = n_ops + n_expired;
	printf("%" PRIu64 " operations, %" PRIu64 " expiries ", ops, n_expired);
	CU_ASSERT(n_ops >= 10000000);
	CU_ASSERT(n_expired >= 1000000);
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* Of each start and each distance: not at the tick before, but at the tick. */
static void
bad_input_41_slot_borders_exact(void)
{
	static const uint64_t starts[] = {0, 1, 254, 255, 256, 65535, (1u << 24) - 1, UINT32_MAX,
			UINT32_MAX - 1ULL, (1ULL << 40) - 3};
	static const uint64_t deltas[] = {1, 2, 254, 255, 256, 257, 65535, 65536, 65537,
			(1u << 24) - 1, 1u << 24, (1u << 24) + 1, 2 * HOUR, 25 * (uint64_t)DAY,
			1ULL << 31, UINT32_MAX - 1ULL, UINT32_MAX};

	n_broken = 0;
	for (size_t s = 0; s < PTCP_ARRAY_SIZE(starts); s++) {
		for (size_t d = 0; d < PTCP_ARRAY_SIZE(deltas); d++) {
			sim_start(1, starts[s]);
			sim_arm(0, starts[s] + deltas[d]);
			expect_sound();
			sim_advance(starts[s] + deltas[d] / 2, NO_LIMIT);
			sim_advance(starts[s] + deltas[d] - 1, NO_LIMIT);
			EXPECT(n_armed == 1);
			expect_sound();
			sim_advance(starts[s] + deltas[d], NO_LIMIT);
			EXPECT(n_armed == 0);
		}
	}
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* Tick by tick over every border, with a node on each tick around it. */
static void
bad_input_41_across_cascades_tick_by_tick(void)
{
	static const uint64_t borders[] = {256, 65536, 1u << 24, 1ULL << 32, 3ULL << 32};

	n_broken = 0;
	for (size_t b = 0; b < PTCP_ARRAY_SIZE(borders); b++) {
		const uint64_t from = borders[b] - 200;

		sim_start(400, from - 5);
		for (uint32_t i = 0; i < n_objs; i++)
			sim_arm(i, from + i);
		for (uint32_t i = 0; i < n_objs; i++) {
			sim_advance(from + i, NO_LIMIT);
			EXPECT(expired == 1 && !model[i].armed);
			expect_sound();
		}
	}
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* A long jump costs as many units as slots hold nodes, not as many as ticks pass. */
static void
bad_input_41_jump_of_25_days_is_cheap(void)
{
	n_broken = 0;
	sim_start(3, UINT32_MAX - 1000ULL);
	sim_advance(w.now + 25ULL * DAY, 0);
	CU_ASSERT_FALSE(wheel_pending(&w));
	sim_arm(0, w.now + 3 * HOUR);
	sim_arm(1, w.now + 24ULL * DAY);
	sim_arm(2, w.now + 26ULL * DAY);
	/* Each node at worst: a visit and a move on three levels, a visit and the expiry. */
	sim_advance(w.now + 25ULL * DAY, 2 * 8 + 2);
	CU_ASSERT_FALSE(wheel_pending(&w));
	CU_ASSERT_EQUAL(expired, 2);
	CU_ASSERT_EQUAL(n_armed, 1);
	expect_sound();
	/* A stall far beyond the reach of the wheel. */
	sim_advance(w.now + (5ULL << 32), NO_LIMIT);
	CU_ASSERT_EQUAL(n_armed, 0);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static uint32_t
list_length(uint32_t list)
{
	uint32_t n = 0;

	for (uint32_t i = w.list[list].next; i < w.n_nodes; i = wheel_node_at(&w, i)->next)
		n++;
	return n;
}

struct crowd {
	uint64_t tick;      /* the one that they are all due at */
	uint32_t straggler; /* it is due one tick later; PTCP_NIL: none is */
	uint32_t n;
	bool early;
};

static void
crowd_expire(void *arg, uint32_t index)
{
	struct crowd *c = arg;
	const uint64_t tick = c->tick + (index == c->straggler);

	c->early |= w.now != tick || wheel_node_at(&w, index)->tick != (uint32_t)tick;
	c->n++;
}

/* A wheel of @p n bare nodes, all due at a tick that takes them through every level, but one perhaps. */
static struct wheel_node *
crowd_start(uint32_t n, uint64_t now, bool mixed, struct crowd *c)
{
	struct wheel_node *nodes = malloc(n * sizeof(*nodes));

	*c = (struct crowd){.tick = now + 0x05040302, .straggler = mixed ? n / 2 : PTCP_NIL};
	if (nodes == NULL)
		abort();
	wheel_init(&w, nodes, sizeof(*nodes), n, now);
	for (uint32_t i = 0; i < n; i++) {
		wheel_node_init(&w, i);
		wheel_arm(&w, i, c->tick + (i == c->straggler));
	}
	return nodes;
}

/*
 * A visit for each of three cascades and for the expiry; nodes of one tick go down as a whole, but with one of another
 * tick among them each goes on its own. The budget is used to the last unit, and never exceeded.
 */
static void
crowd_run(uint32_t n, uint32_t budget, bool mixed, bool walk)
{
	struct crowd c;
	struct wheel_node *nodes = crowd_start(n, 1ULL << 32, mixed, &c);
	const uint64_t work = mixed ? 4ULL * n + 5 : n + 4ULL;
	uint64_t calls = 0;
	uint32_t over = 0;
	uint32_t was = 0;

	do {
		const uint32_t before = c.n;
		const bool cascading = walk && was > budget;

		over += wheel_advance(&w, c.tick + 5, budget, crowd_expire, &c) > budget;
		over += c.n - before > budget;
		if (walk) {
			const uint32_t left = list_length(WHEEL_MOVING);

			over += cascading && was - left != budget;
			over += wheel_check(&w) != NULL;
			was = left;
		}
		calls++;
	} while (wheel_pending(&w) && calls < work);
	CU_ASSERT_EQUAL(over, 0);
	CU_ASSERT_EQUAL(c.n, n);
	CU_ASSERT_FALSE(c.early);
	CU_ASSERT_EQUAL(calls, (work + budget - 1) / budget);
	CU_ASSERT_EQUAL(w.n_armed, 0);
	CU_ASSERT_EQUAL(w.now, c.tick + 5);
	CU_ASSERT_PTR_NULL(wheel_check(&w));
	free(nodes);
}

static void
bad_input_41_million_timers_in_one_tick_budget_counted(void)
{
	for (int mixed = 0; mixed <= 1; mixed++) {
		crowd_run(1000000, 50000, mixed, true);
		crowd_run(1000, 1, mixed, true);
		crowd_run(1000, 2, mixed, true);
		crowd_run(1000, 3, mixed, true);
	}
}

static void
bad_input_41_ten_million_timers_in_one_tick(void)
{
	crowd_run(10000000, 4096, false, false);
}

/* Cancel, move and add while a slot is half cascaded. */
static void
bad_input_41_change_in_half_done_cascade(void)
{
	n_broken = 0;
	sim_start(100, 1000);
	for (uint32_t i = 0; i < 90; i++)
		sim_arm(i, 70000 + i / 10 * 300);
	sim_advance(80000, 21); /* a visit and 20 nodes */
	CU_ASSERT_EQUAL(w.now, 65536);
	CU_ASSERT_EQUAL(list_length(WHEEL_MOVING), 70);
	CU_ASSERT_TRUE(wheel_pending(&w));
	CU_ASSERT_EQUAL(wheel_next(&w), 65536);
	expect_sound();
	for (uint32_t i = 20; i < 50; i += 3)
		sim_cancel(i);
	for (uint32_t i = 21; i < 50; i += 3)
		sim_arm(i, 66000 + i);
	sim_cancel(79); /* the last of the list: it is taken from both ends */
	sim_cancel(10); /* the first */
	sim_arm(90, 65536);
	sim_arm(91, 65537);
	sim_arm(92, 131072);
	sim_arm(93, 100);
	expect_sound();
	/* What is due already goes first, the rest of the cascade after it. */
	sim_advance(80000, 2);
	CU_ASSERT_EQUAL(expired, 2);
	CU_ASSERT_EQUAL(w.now, 65536);
	for (int i = 0; i < 500 && wheel_pending(&w); i++) {
		sim_advance(80000, 1);
		expect_sound();
	}
	CU_ASSERT_EQUAL(n_armed, 1);
	CU_ASSERT_TRUE(model[92].armed);
	sim_advance(131072, NO_LIMIT);
	CU_ASSERT_EQUAL(n_armed, 0);
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* Cancel and move nodes that are due but left over. */
static void
bad_input_41_change_of_due_leftovers(void)
{
	n_broken = 0;
	sim_start(10, 0);
	for (uint32_t i = 0; i < 10; i++)
		sim_arm(i, 5);
	sim_advance(9, 4); /* a visit and three */
	CU_ASSERT_EQUAL(expired, 3);
	CU_ASSERT_EQUAL(w.now, 5);
	CU_ASSERT_TRUE(wheel_pending(&w));
	CU_ASSERT_EQUAL(wheel_next(&w), 5);
	for (uint32_t i = 0; i < 10; i++)
		if (model[i].armed && i % 2 == 0)
			sim_cancel(i);
	sim_arm(9, 7);
	sim_arm(0, 2);
	sim_arm(2, 9);
	expect_sound();
	sim_advance(9, NO_LIMIT);
	CU_ASSERT_EQUAL(n_armed, 0);
	CU_ASSERT_EQUAL(w.now, 9);
	CU_ASSERT_EQUAL(n_broken, 0);
}

struct again {
	uint32_t n[4];
	uint64_t delta; /* taken from wheel.now */
};

static void
again_expire(void *arg, uint32_t index)
{
	struct again *a = arg;

	a->n[index]++;
	wheel_arm(&w, index, w.now - a->delta);
}

/*
 * An expiry that re-arms itself for now, or for the past, runs once an advance, and in the next
 * one.
 */
static void
bad_input_41_rearm_for_now_inside_expiry_does_not_loop(void)
{
	struct again a = {{0}, 0};

	sim_start(4, 100);
	for (uint32_t i = 0; i < 4; i++)
		wheel_arm(&w, i, 101 + i);
	for (uint32_t i = 1; i < 20; i++) {
		a.delta = i % 3;
		CU_ASSERT_EQUAL(wheel_advance(&w, 104 + i / 4, NO_LIMIT, again_expire, &a), 4);
		for (uint32_t k = 0; k < 4; k++)
			CU_ASSERT_EQUAL(a.n[k], i);
		CU_ASSERT_EQUAL(w.now, 104 + i / 4);
		CU_ASSERT_EQUAL(wheel_next(&w), w.now);
		CU_ASSERT_FALSE(wheel_pending(&w));
		CU_ASSERT_PTR_NULL(wheel_check(&w));
	}
	/* One at a time, they take turns: none is starved by the one before it. */
	for (uint32_t i = 1; i <= 8; i++)
		CU_ASSERT_EQUAL(wheel_advance(&w, w.now, 1, again_expire, &a), 1);
	for (uint32_t k = 0; k < 4; k++)
		CU_ASSERT_EQUAL(a.n[k], 21);
}

static uint32_t killer_runs;

/* Whoever comes first cancels all the others, itself included. */
static void
killer_expire(void *arg, uint32_t index)
{
	(void)arg;
	killer_runs++;
	for (uint32_t i = 0; i < w.n_nodes; i++)
		wheel_cancel(&w, i);
	CU_ASSERT_FALSE(wheel_armed(&w, index));
}

static void
bad_input_41_cancel_inside_expiry(void)
{
	static const uint64_t others[] = {50, 51, 300, 65536, 1u << 24, UINT32_MAX, 10};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(others); i++) {
		killer_runs = 0;
		sim_start(20, 20);
		for (uint32_t k = 0; k < 20; k++)
			wheel_arm(&w, k, k % 2 ? 50 : others[i]);
		CU_ASSERT_EQUAL(wheel_advance(&w, UINT32_MAX, NO_LIMIT, killer_expire, NULL), 1);
		CU_ASSERT_EQUAL(killer_runs, 1);
		CU_ASSERT_EQUAL(w.n_armed, 0);
		CU_ASSERT_PTR_NULL(wheel_check(&w));
		CU_ASSERT_EQUAL(wheel_next(&w), UINT64_MAX);
	}
}

static uint32_t n_lazy_fired;
static uint64_t lazy_died[MAX_OBJS];

/* A deadline that has moved meanwhile: the node goes there. */
static void
lazy_expire(void *arg, uint32_t index)
{
	(void)arg;
	n_lazy_fired++;
	if (model[index].deadline > w.now)
		wheel_arm(&w, index, model[index].deadline);
	else
		lazy_died[index] = w.now;
}

/*
 * "Each segment resets the two-hour timer" without a wheel operation; silence kills at the exact
 * tick.
 */
static void
bad_input_41_two_hours_lazily_moved(void)
{
	uint64_t now = UINT32_MAX - 5 * HOUR;

	rng = SEED;
	n_lazy_fired = 0;
	sim_start(MAX_OBJS, now);
	for (uint32_t i = 0; i < n_objs; i++) {
		lazy_died[i] = 0;
		model[i].deadline = now + 2 * HOUR;
		wheel_arm(&w, i, model[i].deadline);
	}
	for (uint32_t k = 0; k < 36000; k++) { /* ten hours */
		now += 1000;
		(void)wheel_advance(&w, now, NO_LIMIT, lazy_expire, NULL);
		for (uint32_t n = 0; n < 32; n++)
			model[rnd_below(n_objs)].deadline = now + 2 * HOUR;
	}
	for (uint32_t i = 0; i < n_objs; i++)
		CU_ASSERT_EQUAL(lazy_died[i], 0);
	CU_ASSERT(n_lazy_fired <= 6 * n_objs);
	CU_ASSERT_EQUAL(w.n_armed, n_objs);
	(void)wheel_advance(&w, now + 2 * HOUR, NO_LIMIT, lazy_expire, NULL);
	CU_ASSERT_EQUAL(w.n_armed, 0);
	for (uint32_t i = 0; i < n_objs; i++)
		CU_ASSERT_EQUAL(lazy_died[i], model[i].deadline);
}

/*
 * Behind by a small budget: time stands still where work is left, and the reach is counted from
 * there.
 */
static void
held_back_now_keeps_its_place(void)
{
	n_broken = 0;
	sim_start(6, UINT32_MAX - 10ULL);
	sim_arm(0, w.now + 1);
	sim_arm(1, w.now + 400);
	sim_advance(w.now + 3 * HOUR, 1);
	CU_ASSERT_EQUAL(w.now, UINT32_MAX - 9ULL);
	sim_arm(2, w.now + UINT32_MAX);
	sim_arm(3, w.now + 1);
	sim_arm(4, w.now);
	expect_sound();
	expect_next();
	sim_advance(target, 0);
	CU_ASSERT_TRUE(wheel_pending(&w));
	/* A later, then an earlier time: each call goes by its own. */
	sim_advance(w.now + 2, 100);
	CU_ASSERT_EQUAL(w.now, UINT32_MAX - 7ULL);
	CU_ASSERT_FALSE(wheel_pending(&w));
	CU_ASSERT_TRUE(model[1].armed && !model[0].armed && !model[3].armed && !model[4].armed);
	sim_advance(5, NO_LIMIT);
	CU_ASSERT_EQUAL(w.now, UINT32_MAX - 7ULL);
	sim_advance(UINT32_MAX - 9ULL + UINT32_MAX - 1, NO_LIMIT);
	CU_ASSERT_EQUAL(n_armed, 1);
	sim_advance(w.now + 1, NO_LIMIT);
	CU_ASSERT_EQUAL(n_armed, 0);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static void
next_leads_to_the_node(void)
{
	uint32_t steps = 0;

	n_broken = 0;
	sim_start(1, 12345);
	CU_ASSERT_EQUAL(wheel_next(&w), UINT64_MAX);
	sim_arm(0, 12345);
	CU_ASSERT_EQUAL(wheel_next(&w), 12345);
	sim_arm(0, 12346);
	CU_ASSERT_EQUAL(wheel_next(&w), 12346);
	sim_arm(0, 12345 + 25ULL * DAY);
	while (n_armed > 0 && steps++ < 10)
		sim_advance(wheel_next(&w), NO_LIMIT);
	CU_ASSERT(steps <= WHEEL_LEVELS);
	CU_ASSERT_EQUAL(w.now, 12345 + 25ULL * DAY);
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* wheel_check() must see each kind of damage. */
static void
check_sees_damage(void)
{
	sim_start(8, 1000);
	for (uint32_t i = 0; i < 6; i++)
		sim_arm(i, 1000 + (i < 3 ? 5 : 70000));
	CU_ASSERT_PTR_NULL(wheel_check(&w));
#define DAMAGED(field, value)                                                                      \
	do {                                                                                       \
		const __typeof__(field) saved = (field);                                           \
		(field) = (__typeof__(field))(value);                                              \
		CU_ASSERT_PTR_NOT_NULL(wheel_check(&w));                                           \
		(field) = saved;                                                                   \
		CU_ASSERT_PTR_NULL(wheel_check(&w));                                               \
	} while (0)
	DAMAGED(objs[1].node.tick, 1006);
	DAMAGED(objs[1].node.tick, 1000);
	DAMAGED(objs[4].node.tick, 1006);
	DAMAGED(objs[1].node.next, 1);
	DAMAGED(objs[1].node.next, 8);
	DAMAGED(objs[1].node.next, objs[2].node.next);
	DAMAGED(objs[1].node.prev, 2);
	DAMAGED(objs[0].node.prev, PTCP_NIL);
	DAMAGED(w.n_armed, 5);
	DAMAGED(w.n_armed, 7);
	DAMAGED(w.now, 1005);
	DAMAGED(w.target, 999);
	DAMAGED(w.bitmap[15], w.bitmap[15] ^ 1);
	DAMAGED(w.bitmap[3], 0); /* 1005 is slot 237 of level 0 */
	DAMAGED(w.bitmap[WHEEL_MAP_WORDS - 1], 8);
	DAMAGED(w.list[1005 & 255].prev, 1);
	DAMAGED(w.list[1005 & 255].next, 1);
	DAMAGED(w.list[WHEEL_MOVING].next, 7);
	DAMAGED(w.list[1005 & 255].tick, 1006);
	/* What a half-done cascade has left lies within the slot that begins now. */
	sim_start(8, 1000);
	for (uint32_t i = 0; i < 6; i++)
		sim_arm(i, 70000 + i);
	sim_advance(80000, 3);
	CU_ASSERT_EQUAL_FATAL(list_length(WHEEL_MOVING), 4);
	CU_ASSERT_PTR_NULL(wheel_check(&w));
	DAMAGED(w.now, w.now + 1);
	DAMAGED(objs[4].node.tick, w.now + (1u << 24));
}

static void
arm_cancel_are_idempotent(void)
{
	n_broken = 0;
	sim_start(3, 0);
	sim_cancel(1);
	CU_ASSERT_FALSE(wheel_armed(&w, 1));
	for (uint64_t tick = 0; tick < 100000; tick += 97) {
		sim_arm(1, tick);
		CU_ASSERT_EQUAL(w.n_armed, 1);
	}
	sim_cancel(1);
	sim_cancel(1);
	CU_ASSERT_EQUAL(w.n_armed, 0);
	CU_ASSERT_EQUAL(wheel_next(&w), UINT64_MAX);
	expect_sound();
	CU_ASSERT_EQUAL(objs[1].before, 0xa5a5a5a5a5a5a5a5ULL);
	CU_ASSERT_EQUAL(objs[1].after, 0xa5a5a5a5);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static CU_TestInfo tests[] = {
		TEST(arm_cancel_are_idempotent),
		TEST(next_leads_to_the_node),
		TEST(held_back_now_keeps_its_place),
		TEST(check_sees_damage),
		TEST(bad_input_41_slot_borders_exact),
		TEST(bad_input_41_across_cascades_tick_by_tick),
		TEST(bad_input_41_jump_of_25_days_is_cheap),
		TEST(bad_input_41_million_timers_in_one_tick_budget_counted),
		TEST(bad_input_41_ten_million_timers_in_one_tick),
		TEST(bad_input_41_change_in_half_done_cascade),
		TEST(bad_input_41_change_of_due_leftovers),
		TEST(bad_input_41_rearm_for_now_inside_expiry_does_not_loop),
		TEST(bad_input_41_cancel_inside_expiry),
		TEST(bad_input_41_two_hours_lazily_moved),
		TEST(random_against_model),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("wheel", tests)
