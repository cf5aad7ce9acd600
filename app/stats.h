/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file stats.h
 * The line of counters that appears every second. Read from outside while the workers run.
 */
#ifndef APP_STATS_H
#define APP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"

#define STATS_WORKERS_MAX 2

struct stats {
	const struct ptcp_worker *workers[STATS_WORKERS_MAX];
	unsigned int n_workers;
	uint64_t period_us;
	bool quiet;
	/* what the last line said */
	uint64_t start_us;
	uint64_t last_us;
	uint64_t opened, established, closed, failed, segments, retransmitted;
	uint64_t drops[128];
	unsigned int lines;
};

/** Connections are counted at the first worker, segments, retransmissions and drops at all of them. */
void stats_init(struct stats *stats, const struct ptcp_worker *const *workers,
		unsigned int n_workers, uint64_t period_us, bool quiet);

/** Print a line when it is time to. Rates are of the time since the last one. */
void stats_tick(struct stats *stats);

/** A monotonic clock, microseconds; for people, not for TCP. */
uint64_t stats_clock_us(void);

#endif
