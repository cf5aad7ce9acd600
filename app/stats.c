/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fmt.h"

#define HEADING_EVERY 20

uint64_t
stats_clock_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static uint64_t
sum(const struct stats *stats, const char *name)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < stats->n_workers; i++)
		value += ptcp_counter_by_name(stats->workers[i], name);
	return value;
}

static uint64_t
drop_sum(const struct stats *stats, unsigned int reason)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < stats->n_workers; i++)
		value += ptcp_drop_get(stats->workers[i], reason);
	return value;
}

void
stats_init(struct stats *stats, const struct ptcp_worker *const *workers, unsigned int n_workers,
		uint64_t period_us, bool quiet)
{
	memset(stats, 0, sizeof(*stats));
	for (unsigned int i = 0; i < n_workers; i++)
		stats->workers[i] = workers[i];
	stats->n_workers = n_workers;
	stats->period_us = period_us;
	stats->quiet = quiet;
	stats->start_us = stats->last_us = stats_clock_us();
	stats->opened = ptcp_counter_by_name(workers[0], "opened");
	stats->established = ptcp_counter_by_name(workers[0], "established");
	stats->closed = ptcp_counter_by_name(workers[0], "closed");
	stats->failed = ptcp_counter_by_name(workers[0], "failed");
	stats->segments = sum(stats, "segments_out");
	stats->retransmitted = sum(stats, "retransmitted");
	for (unsigned int i = 0; i < ptcp_drop_count() && i < 128; i++)
		stats->drops[i] = drop_sum(stats, i);
}

/* Since the last line, a second. */
static uint64_t
rate(uint64_t now, uint64_t *before, uint64_t elapsed_us)
{
	uint64_t difference = now - *before;

	*before = now;
	return (difference * 1000000 + elapsed_us / 2) / elapsed_us;
}

static uint32_t
open_now(const struct ptcp_worker *w)
{
	uint32_t open = 0;

	for (unsigned int state = PTCP_SYN_SENT; state < PTCP_TIME_WAIT; state++)
		open += ptcp_state_count(w, (enum ptcp_state)state);
	return open;
}

static void
drops_print(struct stats *stats)
{
	bool any = false;

	for (unsigned int i = 1; i < ptcp_drop_count() && i < 128; i++) {
		uint64_t now = drop_sum(stats, i), more = now - stats->drops[i];

		stats->drops[i] = now;
		if (more == 0)
			continue;
		printf(" %s=%s", ptcp_drop_name(i), fmt_num(more));
		any = true;
	}
	puts(any ? "" : " -");
}

void
stats_tick(struct stats *stats)
{
	uint64_t now = stats_clock_us(), elapsed = now - stats->last_us;
	const struct ptcp_worker *w = stats->workers[0];
	uint32_t time_wait = 0;

	if (stats->quiet || elapsed < stats->period_us)
		return;
	stats->last_us = now;
	if (stats->lines++ % HEADING_EVERY == 0)
		printf("%7s %10s %13s %10s %10s %9s %12s %9s %10s  %s\n", "time", "opened/s",
				"established/s", "closed/s", "failed/s", "open", "segments/s",
				"rexmt/s", "TIME-WAIT", "drops");
	for (unsigned int i = 0; i < stats->n_workers; i++)
		time_wait += ptcp_state_count(stats->workers[i], PTCP_TIME_WAIT);
	printf("%6.1fs %10s", (double)(now - stats->start_us) / 1e6,
			fmt_num(rate(ptcp_counter_by_name(w, "opened"), &stats->opened, elapsed)));
	printf(" %13s",
			fmt_num(rate(ptcp_counter_by_name(w, "established"), &stats->established,
					elapsed)));
	printf(" %10s", fmt_num(rate(ptcp_counter_by_name(w, "closed"), &stats->closed, elapsed)));
	printf(" %10s", fmt_num(rate(ptcp_counter_by_name(w, "failed"), &stats->failed, elapsed)));
	printf(" %9s", fmt_num(open_now(w)));
	printf(" %12s", fmt_num(rate(sum(stats, "segments_out"), &stats->segments, elapsed)));
	printf(" %9s", fmt_num(rate(sum(stats, "retransmitted"), &stats->retransmitted, elapsed)));
	printf(" %10s ", fmt_num(time_wait));
	drops_print(stats);
}
