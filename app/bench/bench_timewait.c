/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TIME-WAIT table with its real 2MSL of 60 s in virtual time: connections close at an even rate until the table is full,
 * go on closing while old ones expire, and at last all expire. On the way every tenth entry gets its FIN again, and every
 * tenth is re-used by a SYN. Each expiry is compared with the time that it should have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "conn/timewait.h"
#include "fmt.h"
#include "worker/worker.h"

#define DURATION_MS  60000u /* 2MSL with the default MSL */
#define STEADY_MS    30000u /* virtual time with a full table */
#define PORTS        50000u
#define LPORT        443u
#define EACH         10u /* of so many entries one gets its FIN again, and one is re-used */
#define DISTURB_MOST 256u
#define LAPS         1048576u
#define KERNEL       "Linux kernel"

static uint64_t entries = 1000000;

/* clang-format off */
static const struct opt timewait_opts[] = {
	{OPT_TITLE, "Options of bench timewait", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "entries", "N", &entries, 1000, 50000000, NULL, "in TIME-WAIT at once; --quick: 10k"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

enum what { INSERT, FIND, RESTART, REUSE, EXPIRE, N_WHAT };

static const char *const what_names[N_WHAT] = {"insert", "find", "restart", "reuse", "expire"};

static struct {
	const struct bench_run *run;
	struct result *result;
	struct laps laps; /**< of single polls */
	struct timewait_conf conf;
	struct timewait_table *table;
	void *memory;
	time_us_t *since; /**< by tuple: when its 2MSL began */
	uint32_t tuples; /**< as many as are in the table at once, and some more: they come round again */
	struct polls polls;
	struct rnd rnd;
	time_us_t now;
	uint64_t ticks[N_WHAT];
	uint64_t ops[N_WHAT];
	double restarts; /**< that are due, and how much of the next one */
	double reuses;
	uint64_t early;   /**< expired before 2MSL were over */
	uint64_t late_us; /**< the latest one, behind 2MSL */
	uint64_t live;
} me;

static int
timewait_check_options(const struct bench_run *run)
{
	if (run->quick && entries > 10000)
		entries = 10000;
	return 0;
}

static void
timewait_needs(const struct bench_run *run, struct app_needs *needs)
{
	const struct timewait_conf conf = {.max = (uint32_t)entries, .duration_ms = DURATION_MS};

	(void)run;
	needs->bytes = timewait_size(&conf) + (16 << 20);
}

/* ------------------------------------------------------------------ tuples */

static struct conn_key
key_of(uint32_t n)
{
	return (struct conn_key){.id = {.raddr = 0x0a000001 + n / PORTS,
						 .rport = (uint16_t)(1024 + n % PORTS),
						 .lport = LPORT}};
}

static uint32_t
number_of(const struct conn_ident *id)
{
	return (id->raddr - 0x0a000001) * PORTS + id->rport - 1024;
}

static uint32_t
hash_of(const struct conn_key *key)
{
	return conn_hash(&me.conf.key, key);
}

/* ------------------------------------------------------------------ events */

/* What began at @p begin was @p n times @p what. */
static void
tally(enum what what, uint64_t begin, uint32_t n)
{
	const uint64_t gone = rte_rdtsc_precise() - begin;
	const uint64_t net = gone > me.laps.overhead ? gone - me.laps.overhead : 0;

	/* A millisecond is far more than any of it takes: the CPU was somebody else's. */
	if ((double)gone * 1000 > me.run->hz)
		return;
	me.ticks[what] += net;
	me.ops[what] += n;
}

static int
enter(uint32_t n)
{
	const struct conn_key key = key_of(n);
	const struct timewait_entry e = {.id = key.id, .snd_nxt = n, .rcv_nxt = ~n};

	if (timewait_insert(me.table, hash_of(&key), &key, &e, me.now) == PTCP_NIL)
		return fail("the table is full with %s entries", fmt_num(timewait_count(me.table)));
	me.since[n] = me.now;
	me.live++;
	return 0;
}

static void
expired(void *arg, const struct timewait_entry *e, const struct ip_addr *raddr6)
{
	const uint32_t n = number_of(&e->id);
	const time_us_t due = me.since[n] + (time_us_t)DURATION_MS * TIME_US_PER_MS;

	(void)arg;
	(void)raddr6;
	if (me.now < due)
		me.early++;
	else if (me.now - due > me.late_us)
		me.late_us = me.now - due;
	me.live--;
}

/* Expire what is due, by polls with the worker's budget, each of them timed. */
static int
advance(void)
{
	uint32_t n;

	do {
		const uint64_t begin = lap_begin();

		n = timewait_advance(me.table, me.now, WORKER_TIMER_BUDGET, expired, NULL);
		if (n == 0)
			break;
		lap_end(&me.laps, begin);
		tally(EXPIRE, begin, n);
	} while (n == WORKER_TIMER_BUDGET);
	return n <= WORKER_TIMER_BUDGET ? 0 : fail("a poll went beyond its budget");
}

/* One of the first @p n_entered tuples, if it is in the table. */
static uint32_t
victim(uint32_t n_entered)
{
	const uint32_t n = rnd_below(&me.rnd, n_entered);
	const struct conn_key key = key_of(n);

	return timewait_find(me.table, hash_of(&key), &key) != PTCP_NIL ? n : PTCP_NIL;
}

/*
 * Of @p count entries: a FIN comes again, or a SYN that may have the tuple. Entries are chosen first, so that this is not
 * timed; a burst of them is then dealt with.
 */
static int
disturb(uint32_t count, uint32_t n_entered, enum what what)
{
	uint32_t chosen[DISTURB_MOST], index[DISTURB_MOST], n = 0;
	uint64_t began;

	for (uint32_t i = 0; i < count && n < DISTURB_MOST && n_entered > 0; i++) {
		const uint32_t v = victim(n_entered);
		bool twice = v == PTCP_NIL;

		for (uint32_t k = 0; k < n; k++)
			twice |= chosen[k] == v;
		if (!twice)
			chosen[n++] = v;
	}
	if (n == 0)
		return 0;
	began = lap_begin();
	for (uint32_t i = 0; i < n; i++) {
		const struct conn_key key = key_of(chosen[i]);

		index[i] = timewait_find(me.table, hash_of(&key), &key);
	}
	tally(FIND, began, n);
	for (uint32_t i = 0; i < n; i++)
		if (timewait_at(me.table, index[i])->snd_nxt != chosen[i])
			return fail("the table found another entry");
	began = lap_begin();
	for (uint32_t i = 0; i < n; i++) {
		if (what == RESTART)
			timewait_restart(me.table, index[i], me.now);
		else
			timewait_remove(me.table, index[i]);
	}
	tally(what, began, n);
	for (uint32_t i = 0; i < n; i++) {
		if (what == RESTART) {
			me.since[chosen[i]] = me.now;
			continue;
		}
		me.live--;
		if (enter(chosen[i]) != 0) /* the new connection closed at once */
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ one repetition */

/* What closes in this millisecond. @return 0, or -1 with one line printed */
static int
close_some(uint32_t count, uint64_t *entered)
{
	uint64_t begin;
	uint32_t n_in = 0;

	if (count == 0)
		return 0;
	begin = lap_begin();
	for (uint32_t i = 0; i < count; i++) {
		/* The tuples come round; what a FIN has prolonged is still there then, and left alone. */
		const uint32_t n = (uint32_t)(*entered % me.tuples);
		const struct conn_key key = key_of(n);

		++*entered;
		if (timewait_count(me.table) == me.conf.max)
			break;
		if (*entered > me.tuples &&
				timewait_find(me.table, hash_of(&key), &key) != PTCP_NIL)
			continue;
		if (enter(n) != 0)
			return -1;
		n_in++;
	}
	if (n_in > 0)
		tally(INSERT, begin, n_in);
	return 0;
}

static int
tick(uint64_t ms, bool closing, uint64_t *entered, double *owed)
{
	const double rate = (double)me.conf.max / DURATION_MS;
	const uint32_t known = (uint32_t)(*entered < me.tuples ? *entered : me.tuples);
	uint32_t count;

	me.now = ms * TIME_US_PER_MS;
	if (advance() != 0)
		return -1;
	if (!closing)
		return 0;
	me.now += rnd_below(&me.rnd, TIME_US_PER_MS); /* in the middle of a tick */
	*owed += rate;
	count = (uint32_t)*owed;
	*owed -= count;
	if (close_some(count, entered) != 0)
		return -1;
	/* every tenth, some at a time so that there is something to take the time of */
	me.restarts += rate / EACH;
	me.reuses += rate / EACH;
	if (ms % EACH == 3) {
		count = (uint32_t)me.restarts;
		me.restarts -= count;
		return disturb(count, known, RESTART);
	}
	if (ms % EACH == 7) {
		count = (uint32_t)me.reuses;
		me.reuses -= count;
		return disturb(count, known, REUSE);
	}
	return 0;
}

/* Everything falls due in one tick: what a poll takes then, and how long all of them. */
static int
one_tick(uint32_t repetition)
{
	uint64_t began, ns;

	me.now += (time_us_t)DURATION_MS * TIME_US_PER_MS;
	for (uint32_t n = 0; n < me.conf.max; n++)
		if (enter(n) != 0)
			return -1;
	me.now += (time_us_t)(DURATION_MS + 1) * TIME_US_PER_MS;
	began = bench_cpu_ns();
	polls_restart(&me.polls);
	while (timewait_count(me.table) > 0) {
		uint32_t n;

		poll_begin(&me.polls);
		n = timewait_advance(me.table, me.now, WORKER_TIMER_BUDGET, expired, NULL);
		poll_end(&me.polls);
		if (n > WORKER_TIMER_BUDGET)
			return fail("a poll went beyond its budget");
	}
	ns = bench_cpu_ns() - began;
	result_add(me.result, NULL, "one_tick_poll_mean", "us", (double)ns / 1e3 / me.polls.n);
	result_add(me.result, NULL, "one_tick_poll_longest", "us",
			me.polls.longest * 1e6 / me.run->hz);
	result_add(me.result, NULL, "one_tick_drain", "s", (double)ns / 1e9);
	if (repetition + 1 == me.run->repeat)
		result_add(me.result, NULL, "one_tick_poll_worst", "us",
				polls_worst(&me.polls) * 1e6 / me.run->hz);
	return 0;
}

static void
figures(uint64_t resident)
{
	for (unsigned int i = 0; i < N_WHAT; i++)
		if (me.ops[i] > 0)
			result_add(me.result, NULL, what_names[i], "ns",
					(double)me.ticks[i] * 1e9 / me.run->hz / (double)me.ops[i]);
	result_add(me.result, NULL, "early", "entries", (double)me.early);
	result_add(me.result, NULL, "late", "ms", (double)me.late_us / 1000);
	result_add(me.result, NULL, "poll_p999", "us",
			laps_quantile_ns(&me.laps, 999, 1000, me.run->hz) / 1000);
	result_add(me.result, NULL, "bytes_computed", "B",
			(double)timewait_size(&me.conf) / me.conf.max);
	if (resident > 0)
		result_add(me.result, NULL, "bytes_measured", "B", (double)resident / me.conf.max);
}

static int
repeat(uint32_t repetition)
{
	const uint64_t before = machine_resident();
	uint64_t entered = 0, resident = 0, ms = 0;
	double owed = 0;

	me.memory = bench_alloc(timewait_size(&me.conf));
	if (me.memory == NULL)
		return -1;
	me.table = timewait_init(me.memory, &me.conf);
	me.now = me.early = me.late_us = me.live = 0;
	me.restarts = me.reuses = 0;
	memset(me.ticks, 0, sizeof(me.ticks));
	memset(me.ops, 0, sizeof(me.ops));
	laps_reset(&me.laps);
	for (; ms < DURATION_MS + STEADY_MS || timewait_count(me.table) > 0; ms++) {
		if (stop_requested())
			return 0;
		if (ms % 1000 == 0)
			bench_progress(me.run, "timewait: %u of %u: virtual second %u, %s entries",
					repetition + 1, (unsigned int)me.run->repeat,
					(unsigned int)(ms / 1000),
					fmt_num(timewait_count(me.table)));
		/* What the table took, once: later ones get what earlier ones gave back. */
		if (ms == DURATION_MS && repetition == 0)
			resident = machine_resident() - before;
		if (tick(ms, ms < DURATION_MS + STEADY_MS, &entered, &owed) != 0)
			return -1;
	}
	figures(resident);
	if (me.live != 0)
		return fail("%s entries never expired", fmt_num(me.live));
	if (one_tick(repetition) != 0)
		return -1;
	bench_free(me.memory);
	return 0;
}

/* ------------------------------------------------------------------ run */

static void
kernel_compare(struct result *result)
{
	const uint64_t bytes = machine_slab_size("tw_sock_TCP");

	if (bytes == 0) {
		result_note(result,
				"The kernel's TIME-WAIT could not be looked at: /proc/slabinfo is "
				"not readable (root only) or has no tw_sock_TCP.");
		return;
	}
	result_add(result, KERNEL, "bytes_measured", "B", (double)bytes);
	result_ratio(result, "bytes_measured", KERNEL, "bytes_measured", true);
	result_note(result,
			"The kernel: the slab object of tw_sock_TCP, without its timer's and its hash "
			"table's share.");
}

static int
timewait_run(const struct bench_run *run, struct result *result)
{
	int ret = 0;

	me.run = run;
	me.result = result;
	me.rnd.state = 20240917;
	me.conf = (struct timewait_conf){
			.max = (uint32_t)entries,
			.duration_ms = DURATION_MS,
			.key = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL},
	};
	me.tuples = me.conf.max + me.conf.max / 4;
	me.since = malloc(me.tuples * sizeof(me.since[0]));
	if (me.since == NULL)
		return fail("no memory for %s times", fmt_num(me.tuples));
	memset(me.since, 0xff,
			me.tuples * sizeof(me.since[0])); /* now, not while memory is measured */
	ret = laps_init(&me.laps, LAPS);
	if (ret == 0)
		ret = polls_init(&me.polls, me.conf.max / WORKER_TIMER_BUDGET + 2);
	for (uint32_t i = 0; i < run->repeat && ret == 0 && !stop_requested(); i++)
		ret = repeat(i);
	kernel_compare(result);
	result_target(result, "memory all-in of an entry, bytes", "bytes_measured", true, 48);
	result_target(result, "expired early, entries", "early", true, 0);
	result_target(result, "expired late at most, ms (one tick)", "late", true, 1);
	result_target(result, "all due in one tick: a poll at most, us", "one_tick_poll_worst",
			true, 1000);
	laps_free(&me.laps);
	polls_free(&me.polls);
	free(me.since);
	return ret;
}

const struct bench bench_timewait = {
		.name = "timewait",
		.help = "TIME-WAIT: 2MSL of 60 s in virtual time, never early, memory, beside the kernel's",
		.opts = timewait_opts,
		.check = timewait_check_options,
		.needs = timewait_needs,
		.run = timewait_run,
};
