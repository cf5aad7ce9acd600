/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/bench.h"
#include "fmt.h"

#define CALIBRATIONS 1024
/* of a hundred laps those that count: a time slice of somebody else makes a lap longer than all honest ones */
#define KEPT 99

uint64_t
bench_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
laps_sort(struct laps *laps)
{
	qsort(laps->ticks, laps->n, sizeof(laps->ticks[0]), compare);
}

int
laps_init(struct laps *laps, uint32_t max)
{
	*laps = (struct laps){.max = max < CALIBRATIONS ? CALIBRATIONS : max};
	laps->ticks = malloc(laps->max * sizeof(laps->ticks[0]));
	if (laps->ticks == NULL)
		return fail("no memory for %s laps", fmt_num(max));
	memset(laps->ticks, 0xff, laps->max * sizeof(laps->ticks[0])); /* no page faults later */
	for (unsigned int i = 0; i < CALIBRATIONS; i++)
		lap_end(laps, lap_begin());
	laps_sort(laps);
	laps->overhead = laps->ticks[CALIBRATIONS / 2];
	laps_reset(laps);
	return 0;
}

void
laps_free(struct laps *laps)
{
	free(laps->ticks);
	laps->ticks = NULL;
}

double
laps_ns(struct laps *laps, uint32_t ops, double hz)
{
	const uint32_t kept = laps->n < 100 ? (laps->n + 1) / 2 : laps->n / 100 * KEPT;
	uint64_t sum = 0;

	if (kept == 0)
		return 0;
	laps_sort(laps);
	for (uint32_t i = 0; i < kept; i++)
		sum += laps->ticks[i];
	return (double)sum * 1e9 / hz / kept / ops;
}

double
laps_quantile_ns(struct laps *laps, uint32_t part, uint32_t whole, double hz)
{
	size_t rank;

	if (laps->n == 0)
		return 0;
	laps_sort(laps);
	rank = (uint64_t)(laps->n - 1) * part / whole;
	return (double)laps->ticks[rank] * 1e9 / hz;
}

/* How often this thread has lost its CPU. */
static uint64_t
switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nivcsw + (uint64_t)usage.ru_nvcsw;
}

int
polls_init(struct polls *polls, uint32_t max)
{
	*polls = (struct polls){.max = max};
	polls->best = malloc(max * sizeof(polls->best[0]));
	if (polls->best == NULL)
		return fail("no memory for the times of %s polls", fmt_num(max));
	memset(polls->best, 0xff, max * sizeof(polls->best[0]));
	return 0;
}

void
polls_free(struct polls *polls)
{
	free(polls->best);
	polls->best = NULL;
}

void
polls_restart(struct polls *polls)
{
	polls->n = 0;
	polls->longest = 0;
}

void
poll_begin(struct polls *polls)
{
	polls->switches = switches();
	polls->began = rte_rdtsc_precise();
}

void
poll_end(struct polls *polls)
{
	const uint64_t gone = rte_rdtsc_precise() - polls->began;
	const uint32_t ticks = gone < UINT32_MAX ? (uint32_t)gone : UINT32_MAX;
	const uint32_t i = polls->n++;

	if (ticks > polls->longest)
		polls->longest = ticks;
	if (i < polls->max && ticks < polls->best[i] && switches() == polls->switches)
		polls->best[i] = ticks;
}

uint32_t
polls_worst(const struct polls *polls)
{
	uint32_t worst = 0;

	for (uint32_t i = 0; i < polls->n && i < polls->max; i++)
		if (polls->best[i] != UINT32_MAX && polls->best[i] > worst)
			worst = polls->best[i];
	return worst;
}

void
rnd_shuffle(struct rnd *r, uint32_t *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t k = rnd_below(r, i + 1);

		list[i] = list[k];
		list[k] = i;
	}
}
