/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fmt.h"

/* ------------------------------------------------------------------ pools */

void
report_pools_heading(void)
{
	printf("%-8s %-18s %12s %12s %12s %12s\n", "", "pool", "size", "at start", "now", "peak");
}

static void
pool_print(const char *who, const char *name, uint64_t size, uint64_t at_start, uint64_t now,
		uint64_t peak, bool leaks)
{
	printf("%-8s %-18s %12s %12s %12s %12s%s\n", who, name, fmt_num(size), fmt_num(at_start),
			fmt_num(now), peak == 0 ? "-" : fmt_num(peak), leaks ? "  <--" : "");
}

void
report_pool_line(const char *who, const char *name, uint64_t size, uint64_t at_start, uint64_t now,
		uint64_t peak)
{
	pool_print(who, name, size, at_start, now, peak, now > at_start);
}

/* A TIME-WAIT holds its entry, and its port where it was opened actively. */
static bool
held_by_time_wait(const char *pool)
{
	return strcmp(pool, "timewait") == 0 || strcmp(pool, "port") == 0;
}

/* Objects of one pool that the worker's start and its open TIME-WAITs don't explain. */
static uint32_t
pool_leaked(const struct ptcp_worker *w, const struct ptcp_pool_info *info)
{
	uint32_t explained = info->at_start;

	if (held_by_time_wait(info->name))
		explained += ptcp_state_count(w, PTCP_TIME_WAIT);
	return info->used > explained ? info->used - explained : 0;
}

void
report_pools(const char *who, const struct ptcp_worker *w)
{
	struct ptcp_pool_info info;

	for (unsigned int i = 0; ptcp_pool_info(w, i, &info) == 0; i++)
		pool_print(who, info.name, info.size, info.at_start, info.used, info.peak,
				pool_leaked(w, &info) != 0);
}

uint64_t
report_leaked(const struct ptcp_worker *w)
{
	struct ptcp_pool_info info;
	uint64_t leaked = 0;

	for (unsigned int i = 0; ptcp_pool_info(w, i, &info) == 0; i++)
		leaked += pool_leaked(w, &info);
	return leaked;
}

uint32_t
report_pool_used(const struct ptcp_worker *w, const char *name)
{
	struct ptcp_pool_info info;

	for (unsigned int i = 0; ptcp_pool_info(w, i, &info) == 0; i++)
		if (strcmp(info.name, name) == 0)
			return info.used;
	return 0;
}

/* ------------------------------------------------------------------ for people */

void
report_drops(const struct ptcp_worker *w)
{
	for (unsigned int i = 1; i < ptcp_drop_count(); i++) {
		uint64_t drops = ptcp_drop_get(w, i);

		if (drops != 0)
			printf("  %-22s %14s  %s\n", ptcp_drop_name(i), fmt_num(drops),
					ptcp_drop_text(i));
	}
}

void
report_hist(const char *what, const struct hist *hist)
{
	if (hist->count == 0)
		return;
	printf("%-14s p50 %s, p90 %s, p99 %s, p99.9 %s, max %s (of %s)\n", what,
			fmt_us(hist_quantile(hist, 50, 100)), fmt_us(hist_quantile(hist, 90, 100)),
			fmt_us(hist_quantile(hist, 99, 100)),
			fmt_us(hist_quantile(hist, 999, 1000)), fmt_us(hist->max),
			fmt_num(hist->count));
}

/* ------------------------------------------------------------------ JSON */

json_t *
report_hist_json(const struct hist *hist)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "p50",
			(json_int_t)hist_quantile(hist, 50, 100), "p90",
			(json_int_t)hist_quantile(hist, 90, 100), "p99",
			(json_int_t)hist_quantile(hist, 99, 100), "p999",
			(json_int_t)hist_quantile(hist, 999, 1000), "max", (json_int_t)hist->max,
			"mean", (json_int_t)hist_mean(hist), "count", (json_int_t)hist->count);
}

json_t *
report_drops_json(const struct ptcp_worker *w, const struct ptcp_worker *w2)
{
	json_t *object = json_object();

	for (unsigned int i = 1; i < ptcp_drop_count(); i++) {
		uint64_t drops = ptcp_drop_get(w, i) + (w2 == NULL ? 0 : ptcp_drop_get(w2, i));

		json_object_set_new(object, ptcp_drop_name(i), json_integer((json_int_t)drops));
	}
	return object;
}

json_t *
report_counters_json(const struct ptcp_worker *w)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < ptcp_counter_count(); i++)
		json_object_set_new(object, ptcp_counter_name(i),
				json_integer((json_int_t)ptcp_counter_get(w, i)));
	return object;
}

json_t *
report_pools_json(const struct ptcp_worker *w)
{
	json_t *object = json_object();
	struct ptcp_pool_info info;

	for (unsigned int i = 0; ptcp_pool_info(w, i, &info) == 0; i++)
		json_object_set_new(object, info.name,
				json_pack("{s:I, s:I, s:I, s:I, s:I}", "size",
						(json_int_t)info.size, "at_start",
						(json_int_t)info.at_start, "used",
						(json_int_t)info.used, "peak",
						(json_int_t)info.peak, "bytes",
						(json_int_t)info.bytes));
	return object;
}

int
report_write(json_t *report, const char *path)
{
	int written = 0;

	if (path != NULL && json_dump_file(report, path, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0)
		written = fail("--json: '%s': cannot be written (%s)", path, strerror(errno));
	json_decref(report);
	return written;
}

int
report_check(const char *path)
{
	FILE *file;

	if (path == NULL)
		return 0;
	file = fopen(path, "a");
	if (file == NULL)
		return fail("--json: '%s': cannot be written (%s)", path, strerror(errno));
	fclose(file);
	return 0;
}
