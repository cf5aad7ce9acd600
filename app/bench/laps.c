/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
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
	if (laps->n == 0)
		return 0;
	laps_sort(laps);
	return (double)laps->ticks[(uint64_t)(laps->n - 1) * part / whole] * 1e9 / hz;
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
