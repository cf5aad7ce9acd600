/* SPDX-License-Identifier: BSD-3-Clause */
/* What all worlds came to: a table for people, JSON for programs. */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fmt.h"

/** A name, what it means, and how often. */
struct row {
	const char *key;
	const char *text;
	uint64_t n;
};

static struct row
stat_row(const struct sim_result *r, unsigned int i)
{
	static const struct row rows[] = {
#define STAT(name, key, text) {key, text, 0},
#include "stat.def"
#undef STAT
	};
	struct row row = rows[i];

	row.n = r->stat[i];
	return row;
}

static struct row
counter_row(const struct sim_result *r, unsigned int i)
{
	return (struct row){counter_name(i), counter_text(i), r->counters.n[i]};
}

static struct row
drop_row(const struct sim_result *r, unsigned int i)
{
	return (struct row){drop_name(i), drop_text(i), r->counters.drop[i]};
}

static struct row
state_row(const struct sim_result *r, unsigned int i)
{
	return (struct row){tcp_state_name(i), "TCBs seen to enter this state", r->state[i]};
}

static struct row
reason_row(const struct sim_result *r, unsigned int i)
{
	return (struct row){tcp_reason_name(i), "ends of connections that were told this",
			r->reason[i]};
}

static struct row
scenario_row(const struct sim_result *r, unsigned int i)
{
	return (struct row){sim_scenario_key(i), sim_scenario_text(i), r->scenario[i]};
}

/** The parts of a report. */
static const struct part {
	const char *key;
	struct row (*row)(const struct sim_result *r, unsigned int i);
	unsigned int n;
	bool text; /**< a line each, with what it means */
} parts[] = {
		{"simulation", stat_row, SIM_STAT_MAX, true},
		{"scenarios", scenario_row, SIM_SCENARIO_MAX, false},
		{"states", state_row, TCP_STATE_MAX, false},
		{"reasons", reason_row, TCP_REASON_MAX, false},
		{"counters", counter_row, COUNTER_MAX, false},
		{"drops", drop_row, DROP_MAX, false},
};

void
sim_result_add(struct sim_result *sum, const struct sim_result *r)
{
	for (unsigned int i = 0; i < SIM_STAT_MAX; i++)
		sum->stat[i] += r->stat[i];
	for (unsigned int i = 0; i < TCP_STATE_MAX; i++)
		sum->state[i] += r->state[i];
	for (unsigned int i = 0; i < TCP_REASON_MAX; i++)
		sum->reason[i] += r->reason[i];
	for (unsigned int i = 0; i < SIM_SCENARIO_MAX; i++)
		sum->scenario[i] += r->scenario[i];
	for (unsigned int i = 0; i < COUNTER_MAX; i++)
		sum->counters.n[i] += r->counters.n[i];
	for (unsigned int i = 0; i < DROP_MAX; i++)
		sum->counters.drop[i] += r->counters.drop[i];
	sum->digest += r->digest;
	sum->virtual_us += r->virtual_us;
	if (r->longest_us > sum->longest_us)
		sum->longest_us = r->longest_us;
	if (r->nearest_ppm > sum->nearest_ppm)
		sum->nearest_ppm = r->nearest_ppm;
}

static void
print_lines(const struct sim_result *r, const struct part *p, FILE *out)
{
	char n[FMT_NUM];

	for (unsigned int i = 0; i < p->n; i++) {
		const struct row row = p->row(r, i);

		if (row.n > 0)
			fprintf(out, "  %-20s %15s  %s\n", row.key, fmt_num(row.n, n), row.text);
	}
}

/** Several to a line. */
static void
print_short(const struct sim_result *r, const struct part *p, FILE *out)
{
	unsigned int column = 0;
	char n[FMT_NUM];

	fprintf(out, "%s\n", p->key);
	for (unsigned int i = 0; i < p->n; i++) {
		const struct row row = p->row(r, i);

		if (row.n == 0)
			continue;
		fprintf(out, "  %-20s %13s%s", row.key, fmt_num(row.n, n),
				++column % 3 == 0 ? "\n" : "");
	}
	if (column % 3 != 0)
		fprintf(out, "\n");
}

void
sim_report(const struct sim_result *r, double seconds, FILE *out)
{
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(parts); i++) {
		if (parts[i].text)
			print_lines(r, &parts[i], out);
		else
			print_short(r, &parts[i], out);
	}
	fprintf(out, "time\n  %.1f hours in the worlds, %.1f s here: %.0f connections/s, %.0f segments/s\n",
			(double)r->virtual_us / 3.6e9, seconds,
			(double)r->stat[SIM_STAT_CONNS] / seconds,
			(double)r->stat[SIM_STAT_SEGMENTS] / seconds);
	fprintf(out,
			"  longest connection %.1f s, nearest to its deadline %.1f %%, digest %016" PRIx64
			"\n",
			(double)r->longest_us / 1e6, (double)r->nearest_ppm / 1e4, r->digest);
}

bool
sim_report_json(const struct sim_result *r, uint64_t seed, double seconds, const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL) {
		fprintf(stderr, "polltcp-sim: %s: %s\n", path, strerror(errno));
		return false;
	}
	fprintf(f, "{\n  \"seed\": \"0x%016" PRIx64 "\",\n  \"digest\": \"%016" PRIx64 "\",\n",
			seed, r->digest);
	fprintf(f, "  \"seconds\": %.3f,\n  \"virtual_us\": %" PRIu64 ",\n", seconds,
			r->virtual_us);
	fprintf(f, "  \"longest_us\": %" PRIu64 ",\n  \"nearest_ppm\": %" PRIu64, r->longest_us,
			r->nearest_ppm);
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(parts); i++) {
		fprintf(f, ",\n  \"%s\": {", parts[i].key);
		for (unsigned int k = 0; k < parts[i].n; k++) {
			const struct row row = parts[i].row(r, k);

			fprintf(f, "%s\n    \"%s\": %" PRIu64, k > 0 ? "," : "", row.key, row.n);
		}
		fprintf(f, "\n  }");
	}
	fprintf(f, "\n}\n");
	if (fclose(f) != 0) {
		fprintf(stderr, "polltcp-sim: %s: %s\n", path, strerror(errno));
		return false;
	}
	return true;
}
