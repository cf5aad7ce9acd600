/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file report.h
 * The end of a run: pools, counters, quantiles, for people and as JSON.
 */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include <stdint.h>

#include <jansson.h>

#include "api/polltcp.h"
#include "hist.h"

/**
 * Print one line for each pool of the worker: size, used at start, now and at the peak.
 * @param who  "client", "server"; with heading when it is NULL
 */
void report_pools(const char *who, const struct ptcp_worker *w);

/** A line of that table for a pool of the app's own. */
void report_pool_line(const char *who, const char *name, uint64_t size, uint64_t at_start,
		uint64_t now, uint64_t peak);

/** Its heading. */
void report_pools_heading(void);

/** Objects in use that the worker's start and its open TIME-WAITs don't explain. The worker rests. */
uint64_t report_leaked(const struct ptcp_worker *w);

/** What the worker's pool of that name has in use; 0 when there is none. Any thread. */
uint32_t report_pool_used(const struct ptcp_worker *w, const char *name);

/** Drops that happened, by reason, with their texts; nothing when there were none. */
void report_drops(const struct ptcp_worker *w);

/** "connect time  p50 ... p90 ... p99 ... p99.9 ... max ... of N". */
void report_hist(const char *what, const struct hist *hist);

/** {"p50":..., "p90":..., "p99":..., "p999":..., "max":..., "mean":..., "count":...}, microseconds. */
json_t *report_hist_json(const struct hist *hist);

/** Every drop reason by its key. @p w2 may be NULL. */
json_t *report_drops_json(const struct ptcp_worker *w, const struct ptcp_worker *w2);

/** Every counter by its key. */
json_t *report_counters_json(const struct ptcp_worker *w);

/** Every pool by its name. */
json_t *report_pools_json(const struct ptcp_worker *w);

/** Write @p report to @p path (NULL: nowhere) and release it. @return 0, or -1 with one line printed */
int report_write(json_t *report, const char *path);

/** Find out at start whether the report can be written at the end. @return 0, or -1 with one line printed */
int report_check(const char *path);

#endif
