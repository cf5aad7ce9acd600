/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file bench.h
 * What every bench has: name, options, a run that fills a result; and what they share: clock, memory, randomness.
 *
 * A bench that has parts to compare does them in turn, A B A B, so that a machine that grows slower or faster meanwhile
 * does so for all. Everything runs on the main lcore unless a bench says otherwise.
 */
#ifndef APP_BENCH_BENCH_H
#define APP_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <rte_cycles.h>

#include "app.h"
#include "bench/result.h"
#include "opts.h"

/** What all benches are told. */
struct bench_run {
	uint64_t repeat; /**< repetitions of each side */
	bool quick;      /**< small sizes: does it work, not how fast is it */
	bool quiet;      /**< no progress */
	double hz;       /**< ticks of rte_rdtsc() a second */
	const struct app_eal *eal;
};

/** One bench: one file. */
struct bench {
	const char *name;
	const char *help;       /**< one line */
	const struct opt *opts; /**< its own options, ended by OPT_END; values are the defaults */
	bool sides;             /**< compares itself with what --side names (bench/side.h) */
	/** After the options: @return 0, or -1 with one line printed */
	int (*check)(const struct bench_run *run);
	void (*needs)(const struct bench_run *run, struct app_needs *needs);
	/** @return 0, or -1 with one line printed: what was measured so far is thrown away */
	int (*run)(const struct bench_run *run, struct result *result);
};

extern const struct bench bench_wheel;
extern const struct bench bench_table;
extern const struct bench bench_timewait;
extern const struct bench bench_turns;
extern const struct bench bench_lifecycle;
extern const struct bench bench_rr;
extern const struct bench bench_stream;
extern const struct bench bench_latency;
extern const struct bench bench_idle;
extern const struct bench bench_synflood;
extern const struct bench bench_mixed;

/** Say what is being done: one line on a terminal that the next one replaces, nothing elsewhere. */
__attribute__((format(printf, 2, 3))) void bench_progress(
		const struct bench_run *run, const char *format, ...);

/** Memory from where EAL's comparators have theirs, so that both have pages of one size; zeroed. NULL: one line was printed */
void *bench_alloc(size_t bytes);
void bench_free(void *memory);

/** What the machine is, without a name: {"cpu","cores","memory","hugepages",...}. */
json_t *machine_json(double hz);

/** Bytes of this process in memory, hugepages included. */
uint64_t machine_resident(void);

/** One column of /proc/slabinfo. @return bytes an object of that cache takes, 0: not readable or not there */
uint64_t machine_slab_size(const char *cache);

/* ------------------------------------------------------------------ time */

/** Time that this thread had a CPU, nanoseconds: what others take of it does not count. */
uint64_t bench_cpu_ns(void);

/**
 * Durations of equal pieces of work in ticks. Their mean is taken without the longest hundredth: where the scheduler gave
 * the CPU to somebody else.
 */
struct laps {
	uint32_t *ticks;
	uint32_t n;
	uint32_t max;
	uint32_t overhead; /**< of taking the time, deducted */
};

/** @return 0, or -1 with one line printed */
int laps_init(struct laps *laps, uint32_t max);
void laps_free(struct laps *laps);

static inline void
laps_reset(struct laps *laps)
{
	laps->n = 0;
}

static inline uint64_t
lap_begin(void)
{
	return rte_rdtsc_precise();
}

/** What began at @p begin has ended. When there are more than max, the later ones don't count. */
static inline void
lap_end(struct laps *laps, uint64_t begin)
{
	const uint64_t gone = rte_rdtsc_precise() - begin;
	const uint64_t net = gone > laps->overhead ? gone - laps->overhead : 0;

	if (laps->n < laps->max)
		laps->ticks[laps->n++] = net < UINT32_MAX ? (uint32_t)net : UINT32_MAX;
}

/** Nanoseconds an operation, of laps with @p ops operations each; they are sorted thereby. */
double laps_ns(struct laps *laps, uint32_t ops, double hz);

/** What @p part of @p whole laps don't exceed, nanoseconds. */
double laps_quantile_ns(struct laps *laps, uint32_t part, uint32_t whole, double hz);

/**
 * Polls of which each has the same work in every repetition. What counts is the shortest time of each that no context
 * switch fell into: what its work takes, and not what the machine does besides.
 */
struct polls {
	uint32_t *best;   /**< ticks; UINT32_MAX: always disturbed */
	uint32_t longest; /**< of this repetition, as the clock saw it */
	uint32_t n;       /**< of this repetition */
	uint32_t max;
	uint64_t switches;
	uint64_t began;
};

/** @return 0, or -1 with one line printed */
int polls_init(struct polls *polls, uint32_t max);
void polls_free(struct polls *polls);

/** A repetition begins. */
void polls_restart(struct polls *polls);

void poll_begin(struct polls *polls);
void poll_end(struct polls *polls);

/** The longest of all best ones, ticks. */
uint32_t polls_worst(const struct polls *polls);

/* ------------------------------------------------------------------ randomness, repeatable */

struct rnd {
	uint64_t state; /**< not 0 */
};

/** From 0 to below - 1. */
static inline uint32_t
rnd_below(struct rnd *r, uint32_t below)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)((r->state >> 32) * below >> 32);
}

/** 0 to n - 1 in random order. */
void rnd_shuffle(struct rnd *r, uint32_t *list, uint32_t n);

/** A size as figures are named after: "1k", "100k", "16M". One of 8 static buffers in turn. */
const char *bench_size_name(uint64_t n);

#endif
