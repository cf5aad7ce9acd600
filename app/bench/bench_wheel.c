/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing wheel beside rte_timer. Timers lie in objects of 128 bytes on both sides, as they do in TCBs, and are touched
 * in random order, so that a large number of them is not in cache. Virtual time for the wheel, the real one for rte_timer.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_lcore.h>
#include <rte_timer.h>

#include "bench/bench.h"
#include "fmt.h"
#include "tcp/tcp_impl.h"
#include "worker/worker.h"

#define RTE_SIDE  "rte_timer"
#define RTE_MOST  1000000u /* beyond, one repetition takes minutes */
#define TWO_HOURS 7200000u /* ms */
#define BATCH     64u
#define OPS_MOST  65536u /* each operation, a repetition */
#define ONE_TICK                                                                                   \
	4999999u /* the tick of "all at once": two cascades away, and at the start of no slot */

static uint64_t max_pending = 10000000;

/* clang-format off */
static const struct opt wheel_opts[] = {
	{OPT_TITLE, "Options of bench wheel", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "max", "N", &max_pending, 1000, 100000000, NULL, "timers pending at most; --quick: 100k"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static const uint32_t sizes[] = {1000, 100000, 1000000, 10000000, 100000000};

/** As the timer lies in a TCB. */
struct rte_object {
	struct rte_timer timer;
} __attribute__((aligned(128)));

/** What both sides share: which objects are armed, and until when. */
struct book {
	uint32_t n;     /**< pending */
	uint32_t spare; /**< not armed: OPS_MOST at most */
	uint32_t *list; /**< object indices, the pending ones first */
	uint64_t *due;  /**< by object index: ms of the wheel, ticks of rte_timer */
	struct rnd rnd;
};

static struct {
	const struct bench_run *run;
	struct result *result;
	struct laps laps;
	struct tcp_ctx ctx;
	struct rte_object *object;
	struct polls polls;
	uint64_t expired;
} me;

static int
wheel_check_options(const struct bench_run *run)
{
	if (run->quick && max_pending > 100000)
		max_pending = 100000;
	return 0;
}

static uint32_t
spare_of(uint32_t n)
{
	return n < OPS_MOST ? n : OPS_MOST;
}

static void
wheel_needs(const struct bench_run *run, struct app_needs *needs)
{
	const uint64_t rte = max_pending < RTE_MOST ? max_pending : RTE_MOST;

	(void)run;
	needs->bytes = (max_pending + OPS_MOST) * sizeof(struct tcp_tcb) +
			(rte + OPS_MOST) * sizeof(struct rte_object) + (16 << 20);
}

/* ------------------------------------------------------------------ the book */

static int
book_init(struct book *b, uint32_t n)
{
	*b = (struct book){.n = n, .spare = spare_of(n), .rnd = {n}};
	b->list = malloc((b->n + b->spare) * sizeof(b->list[0]));
	b->due = malloc((b->n + b->spare) * sizeof(b->due[0]));
	if (b->list == NULL || b->due == NULL)
		return fail("no memory for %s timers", fmt_num(n));
	return 0;
}

static void
book_free(struct book *b)
{
	free(b->list);
	free(b->due);
}

/* One that is armed. */
static uint32_t
book_pending(struct book *b)
{
	return b->list[rnd_below(&b->rnd, b->n)];
}

/* One that is armed, of @p armed; it changes to those that are not. */
static uint32_t
book_retire(struct book *b, uint32_t armed)
{
	const uint32_t k = rnd_below(&b->rnd, armed), index = b->list[k];

	b->list[k] = b->list[armed - 1];
	b->list[armed - 1] = index;
	return index;
}

static void
figure(const char *side, const char *what, uint32_t n, double ns)
{
	char name[RESULT_NAME_MAX];

	snprintf(name, sizeof(name), "%s_%s", what, bench_size_name(n));
	result_add(me.result, side, name, "ns", ns);
}

static void
figure_of_laps(const char *side, const char *what, uint32_t n, uint32_t ops)
{
	figure(side, what, n, laps_ns(&me.laps, ops, me.run->hz));
	laps_reset(&me.laps);
}

/* ------------------------------------------------------------------ polltcp */

static void
wheel_fill(struct book *b)
{
	for (uint32_t i = 0; i < b->n + b->spare; i++)
		wheel_node_init(&me.ctx.wheel, i);
	rnd_shuffle(&b->rnd, b->list, b->n + b->spare);
	for (uint32_t i = 0; i < b->n; i++) {
		const uint32_t index = b->list[i];

		b->due[index] = me.ctx.wheel.now + 1 + rnd_below(&b->rnd, TWO_HOURS);
		wheel_arm(&me.ctx.wheel, index, b->due[index]);
	}
}

/* Those that are not armed, then as many that are. */
static void
wheel_arm_cancel(struct book *b)
{
	struct wheel *w = &me.ctx.wheel;
	uint32_t index[BATCH];
	uint64_t tick[BATCH], begin;

	for (uint32_t at = 0; at + BATCH <= b->spare; at += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			index[i] = b->list[b->n + at + i];
			tick[i] = b->due[index[i]] = w->now + 1 + rnd_below(&b->rnd, TWO_HOURS);
		}
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++)
			wheel_arm(w, index[i], tick[i]);
		lap_end(&me.laps, begin);
	}
	figure_of_laps(NULL, "arm", b->n, BATCH);
	for (uint32_t armed = b->n + b->spare / BATCH * BATCH; armed >= b->n + BATCH;) {
		for (uint32_t i = 0; i < BATCH; i++)
			index[i] = book_retire(b, armed--);
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++)
			wheel_cancel(w, index[i]);
		lap_end(&me.laps, begin);
	}
	figure_of_laps(NULL, "cancel", b->n, BATCH);
}

static void
wheel_move(struct book *b, bool later)
{
	struct wheel *w = &me.ctx.wheel;
	uint32_t index[BATCH];
	uint64_t tick[BATCH], begin;

	for (uint32_t at = 0; at + BATCH <= b->spare; at += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			index[i] = book_pending(b);
			tick[i] = later ? b->due[index[i]] + 1 + rnd_below(&b->rnd, TWO_HOURS) :
					  w->now + 1 +
							rnd_below(&b->rnd,
									(uint32_t)(b->due[index[i]] -
											w->now));
			b->due[index[i]] = tick[i];
		}
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++)
			wheel_arm(w, index[i], tick[i]);
		lap_end(&me.laps, begin);
	}
	figure_of_laps(NULL, later ? "later_at_once" : "earlier", b->n, BATCH);
}

/* Bring an object's two lines into the cache, as the segment that a timer is moved for has done. */
static inline void
touch(const void *object)
{
	const volatile uint8_t *p = object;

	(void)p[0];
	(void)p[RTE_CACHE_LINE_SIZE];
}

/*
 * What an ACK does to the retransmission deadline: tcp_rexmt_start() and the wheel's node beneath it, which stays where it
 * is until it fires.
 */
static void
tcb_later(struct book *b)
{
	struct tcp_tcb *tcb[BATCH];
	time_ms_t deadline[BATCH];

	for (uint32_t at = 0; at + BATCH <= b->spare; at += BATCH) {
		uint64_t begin;

		for (uint32_t i = 0; i < BATCH; i++) {
			const uint32_t index = book_pending(b);

			tcb[i] = tcp_at(&me.ctx, index);
			deadline[i] = (time_ms_t)b->due[index] + rnd_below(&b->rnd, TWO_HOURS);
		}
		for (uint32_t i = 0; i < BATCH; i++)
			touch(tcb[i]);
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++) {
			tcb[i]->t_rexmt = deadline[i];
			tcp_timer_at(&me.ctx, tcb[i], tcb[i]->t_rexmt);
		}
		lap_end(&me.laps, begin);
	}
	figure_of_laps(NULL, "later", b->n, BATCH);
}

static void
expired(void *arg, uint32_t index)
{
	struct tcp_ctx *ctx = arg;

	tcp_at(ctx, index)->t_delack = 0; /* whoever is called has a look at its TCB */
	me.expired++;
}

static int
wheel_expire(struct book *b)
{
	struct wheel *w = &me.ctx.wheel;
	const uint32_t step = 1 + (uint32_t)((uint64_t)TWO_HOURS * BATCH / b->n);
	const uint64_t begin = bench_cpu_ns();

	me.expired = 0;
	while (w->n_armed > 0)
		wheel_advance(w, w->now + step, UINT32_MAX, expired, &me.ctx);
	figure(NULL, "expire", b->n, (double)(bench_cpu_ns() - begin) / b->n);
	if (me.expired != b->n)
		return fail("the wheel: %s of %s timers expired", fmt_num(me.expired),
				fmt_num(b->n));
	return 0;
}

static int
wheel_repeat(struct book *b)
{
	wheel_fill(b);
	wheel_arm_cancel(b);
	wheel_move(b, true);
	wheel_move(b, false);
	tcb_later(b);
	return wheel_expire(b);
}

/* ------------------------------------------------------------------ all in one tick */

/* All timers fall due at once: polls as the worker's, one after the other. */
static int
one_tick(struct book *b, uint32_t repetition)
{
	struct wheel *w = &me.ctx.wheel;
	const uint64_t target = w->now + ONE_TICK;
	uint64_t began, ns;

	rnd_shuffle(&b->rnd, b->list, b->n);
	for (uint32_t i = 0; i < b->n; i++)
		wheel_node_init(w, i);
	for (uint32_t i = 0; i < b->n; i++)
		wheel_arm(w, b->list[i], target);
	me.expired = 0;
	began = bench_cpu_ns();
	polls_restart(&me.polls);
	do {
		const uint64_t before = me.expired;

		poll_begin(&me.polls);
		wheel_advance(w, target, WORKER_TIMER_BUDGET, expired, &me.ctx);
		poll_end(&me.polls);
		if (me.expired - before > WORKER_TIMER_BUDGET)
			return fail("a poll expired %s timers with a budget of %u",
					fmt_num(me.expired - before), WORKER_TIMER_BUDGET);
	} while (me.polls.n < me.polls.max && wheel_pending(w));
	ns = bench_cpu_ns() - began;
	if (me.expired != b->n)
		return fail("in one tick: %s of %s timers expired", fmt_num(me.expired),
				fmt_num(b->n));
	result_add(me.result, NULL, "one_tick_drain", "s", (double)ns / 1e9);
	result_add(me.result, NULL, "one_tick_poll_mean", "us", (double)ns / 1e3 / me.polls.n);
	result_add(me.result, NULL, "one_tick_poll_longest", "us",
			me.polls.longest * 1e6 / me.run->hz);
	if (repetition + 1 == me.run->repeat)
		result_add(me.result, NULL, "one_tick_poll_worst", "us",
				polls_worst(&me.polls) * 1e6 / me.run->hz);
	return 0;
}

/* ------------------------------------------------------------------ rte_timer */

static void
rte_expired(struct rte_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
	me.expired++;
}

static inline void
rte_arm(uint32_t index, uint64_t ticks)
{
	(void)rte_timer_reset(
			&me.object[index].timer, ticks, SINGLE, rte_lcore_id(), rte_expired, NULL);
}

/* Ticks of the counter, up to two hours. */
static uint64_t
rte_ticks(struct book *b)
{
	return (uint64_t)((double)(1 + rnd_below(&b->rnd, TWO_HOURS)) * me.run->hz / 1000);
}

static void
rte_fill(struct book *b)
{
	for (uint32_t i = 0; i < b->n + b->spare; i++)
		rte_timer_init(&me.object[i].timer);
	rnd_shuffle(&b->rnd, b->list, b->n + b->spare);
	for (uint32_t i = 0; i < b->n; i++) {
		b->due[b->list[i]] = rte_ticks(b);
		rte_arm(b->list[i], b->due[b->list[i]]);
	}
}

static void
rte_arm_cancel(struct book *b)
{
	uint32_t index[BATCH];
	uint64_t ticks[BATCH], begin;

	for (uint32_t at = 0; at + BATCH <= b->spare; at += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			index[i] = b->list[b->n + at + i];
			ticks[i] = b->due[index[i]] = rte_ticks(b);
		}
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++)
			rte_arm(index[i], ticks[i]);
		lap_end(&me.laps, begin);
	}
	figure_of_laps(RTE_SIDE, "arm", b->n, BATCH);
	for (uint32_t armed = b->n + b->spare / BATCH * BATCH; armed >= b->n + BATCH;) {
		for (uint32_t i = 0; i < BATCH; i++)
			index[i] = book_retire(b, armed--);
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++)
			(void)rte_timer_stop(&me.object[index[i]].timer);
		lap_end(&me.laps, begin);
	}
	figure_of_laps(RTE_SIDE, "cancel", b->n, BATCH);
}

/* @param cached  the timers themselves are in cache, as for tcb_later() */
static void
rte_move(struct book *b, bool later, bool cached)
{
	uint32_t index[BATCH];
	uint64_t ticks[BATCH], begin;

	for (uint32_t at = 0; at + BATCH <= b->spare; at += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			index[i] = book_pending(b);
			ticks[i] = later ?
					b->due[index[i]] + rte_ticks(b) :
					(uint64_t)((double)b->due[index[i]] *
							rnd_below(&b->rnd, 1u << 24) / (1 << 24));
			b->due[index[i]] = ticks[i];
		}
		for (uint32_t i = 0; cached && i < BATCH; i++)
			touch(&me.object[index[i]]);
		begin = lap_begin();
		for (uint32_t i = 0; i < BATCH; i++)
			rte_arm(index[i], ticks[i]);
		lap_end(&me.laps, begin);
	}
	figure_of_laps(RTE_SIDE,
			cached                ? "later" :
					later ? "later_at_once" :
						"earlier",
			b->n, BATCH);
}

/* It has no virtual time: all are made due within a millisecond, in random order. */
static int
rte_expire(struct book *b)
{
	const uint64_t ms = (uint64_t)(me.run->hz / 1000);
	uint64_t begin;

	for (uint32_t i = 0; i < b->n; i++)
		rte_arm(b->list[i], rnd_below(&b->rnd, (uint32_t)ms));
	nap(2);
	me.expired = 0;
	begin = bench_cpu_ns();
	rte_timer_manage();
	figure(RTE_SIDE, "expire", b->n, (double)(bench_cpu_ns() - begin) / b->n);
	if (me.expired != b->n)
		return fail("rte_timer: %s of %s timers expired", fmt_num(me.expired),
				fmt_num(b->n));
	return 0;
}

static int
rte_repeat(struct book *b)
{
	rte_fill(b);
	rte_arm_cancel(b);
	rte_move(b, true, false);
	rte_move(b, false, false);
	rte_move(b, true, true);
	return rte_expire(b);
}

/* ------------------------------------------------------------------ run */

static int
size_run(uint32_t n, bool last)
{
	struct book wheel, rte;
	int ret = book_init(&wheel, n);

	if (book_init(&rte, n) != 0)
		ret = -1;
	wheel_init(&me.ctx.wheel, &me.ctx.tcb[0].timer, sizeof(struct tcp_tcb), n + spare_of(n),
			1000);
	for (uint32_t i = 0; i < me.run->repeat && ret == 0 && !stop_requested(); i++) {
		bench_progress(me.run, "wheel: %s pending, %u of %u: polltcp", bench_size_name(n),
				i + 1, (unsigned int)me.run->repeat);
		ret = wheel_repeat(&wheel);
		if (n > RTE_MOST || ret != 0)
			continue;
		bench_progress(me.run, "wheel: %s pending, %u of %u: rte_timer", bench_size_name(n),
				i + 1, (unsigned int)me.run->repeat);
		ret = rte_repeat(&rte);
	}
	for (uint32_t i = 0; i < me.run->repeat && ret == 0 && last && !stop_requested(); i++) {
		bench_progress(me.run, "wheel: %s in one tick, %u of %u", bench_size_name(n), i + 1,
				(unsigned int)me.run->repeat);
		ret = one_tick(&wheel, i);
	}
	book_free(&wheel);
	book_free(&rte);
	return ret;
}

static void
ratios(uint32_t n)
{
	static const char *const ops[] = {
			"arm", "cancel", "later_at_once", "earlier", "later", "expire"};
	char name[RESULT_NAME_MAX];

	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s", ops[i], bench_size_name(n));
		result_ratio(me.result, name, RTE_SIDE, name, true);
	}
}

static void
targets(uint32_t largest)
{
	result_target(me.result, "move later on a TCB in cache, 1 M pending, ns", "later_1M", true,
			5);
	result_target(me.result, "arm at 1 M pending, ns", "arm_1M", true, 60);
	result_target(me.result, "move later at 100 k, times faster than rte_timer_reset()",
			"rte_timer:later_100k", false, 100);
	result_target(me.result, "arm at 100 k, times faster than rte_timer_reset()",
			"rte_timer:arm_100k", false, 20);
	if (largest < 10000000) {
		result_note(me.result,
				"Due in one tick: %s timers, not 10 M, so these targets are not "
				"looked at.",
				fmt_num(largest));
		return;
	}
	result_target(me.result, "10 M due in one tick: a poll at most, us", "one_tick_poll_worst",
			true, 1000);
	result_target(me.result, "10 M due in one tick: drained, s", "one_tick_drain", true, 2);
}

static int
memory_take(uint32_t largest)
{
	const uint32_t rte = largest < RTE_MOST ? largest : RTE_MOST;
	const uint32_t polls = 4 * (largest / WORKER_TIMER_BUDGET + 16);

	me.ctx.tcb = bench_alloc((size_t)(largest + OPS_MOST) * sizeof(struct tcp_tcb));
	me.object = bench_alloc((size_t)(rte + OPS_MOST) * sizeof(struct rte_object));
	if (me.ctx.tcb == NULL || me.object == NULL)
		return -1;
	me.ctx.tcb_pool.size = largest + OPS_MOST;
	if (rte_timer_subsystem_init() != 0)
		return fail("rte_timer_subsystem_init() failed");
	if (polls_init(&me.polls, polls) != 0)
		return -1;
	return laps_init(&me.laps, OPS_MOST);
}

static int
wheel_run(const struct bench_run *run, struct result *result)
{
	uint32_t largest = sizes[0];
	int ret;

	me.run = run;
	me.result = result;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] <= max_pending)
			largest = sizes[i];
	ret = memory_take(largest);
	for (unsigned int i = 0; ret == 0 && !stop_requested() && sizes[i] <= largest; i++) {
		ret = size_run(sizes[i], sizes[i] == largest);
		if (sizes[i] <= RTE_MOST)
			ratios(sizes[i]);
		if (sizes[i] == largest)
			break;
	}
	targets(largest);
	if (largest > RTE_MOST)
		result_note(result, "rte_timer is not asked for more than 1 M timers.");
	result_note(result,
			"later: as an ACK moves a deadline, the TCB (the rte_timer) being in cache; later_at_once: "
			"the wheel's node is moved, nothing being in cache, as with arm, cancel, earlier.");
	laps_free(&me.laps);
	polls_free(&me.polls);
	bench_free(me.ctx.tcb);
	bench_free(me.object);
	return ret;
}

const struct bench bench_wheel = {
		.name = "wheel",
		.help = "the timing wheel: arm, move, cancel and expire, beside rte_timer",
		.opts = wheel_opts,
		.check = wheel_check_options,
		.needs = wheel_needs,
		.run = wheel_run,
};
