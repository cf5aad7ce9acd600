/* SPDX-License-Identifier: BSD-3-Clause */
/* bench NAME: dispatch, options, progress, report. */
#include "bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "bench/side.h"
#include "bench_commit.h"
#include "fmt.h"
#include "report.h"

static const struct bench *const benches[] = {
		&bench_wheel,
		&bench_table,
		&bench_timewait,
		&bench_turns,
		&bench_lifecycle,
		&bench_rr,
		&bench_stream,
		&bench_latency,
		&bench_idle,
		&bench_synflood,
		&bench_mixed,
};

#define BENCHES (sizeof(benches) / sizeof(benches[0]))

#define REPEAT       5
#define REPEAT_QUICK 3
#define PROGRESS_MAX 78

static struct bench_run run;
static const struct bench *chosen;
static const char *json;
static bool list;
static struct result result;

/* clang-format off */
static const struct opt common_opts[] = {
	{OPT_TITLE, "Options of every bench", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "repeat", "N", &run.repeat, 1, RESULT_RUNS_MAX, NULL, "repetitions, the compared sides in turn; unset: 5, or 3 with --quick"},
	{OPT_CALL, "side", "NAME=CMD", NULL, 0, 0, side_call, "after each repetition run CMD, which prints one JSON object of figures to compare with; at most 8 times"},
	{OPT_FLAG, "quick", NULL, &run.quick, 0, 0, NULL, "small sizes: to see that it works, not how fast it is"},
	{OPT_FLAG, "quiet", NULL, &run.quiet, 0, 0, NULL, "no progress on the terminal"},
	{OPT_TEXT, "json", "FILE", &json, 0, 0, NULL, "write what was found as JSON"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};

static const struct opt list_opts[] = {
	{OPT_TITLE, "Without NAME", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_FLAG, "list", NULL, &list, 0, 0, NULL, "the names of all benches, one a line"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

/* ------------------------------------------------------------------ for benches */

void
bench_progress(const struct bench_run *r, const char *format, ...)
{
	char text[PROGRESS_MAX + 1];
	va_list args;

	if (r->quiet || !isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
}

void *
bench_alloc(size_t bytes)
{
	void *memory = rte_zmalloc_socket(NULL, bytes, RTE_CACHE_LINE_SIZE, SOCKET_ID_ANY);

	if (memory == NULL)
		fail("%s of EAL's memory are not to be had", fmt_bytes(bytes));
	return memory;
}

void
bench_free(void *memory)
{
	rte_free(memory);
}

const char *
bench_size_name(uint64_t n)
{
	static char texts[8][24];
	static unsigned int turn;
	char *text = texts[turn++ % 8];

	if (n % 1000000 == 0)
		snprintf(text, sizeof(texts[0]), "%uM", (unsigned int)(n / 1000000));
	else if (n % 1000 == 0)
		snprintf(text, sizeof(texts[0]), "%uk", (unsigned int)(n / 1000));
	else
		snprintf(text, sizeof(texts[0]), "%u", (unsigned int)n);
	return text;
}

/* ------------------------------------------------------------------ options */

static void
names_print(bool help)
{
	for (unsigned int i = 0; i < BENCHES; i++)
		if (help)
			printf("  %-10s %s\n", benches[i]->name, benches[i]->help);
		else
			puts(benches[i]->name);
}

static void
bench_usage(void)
{
	if (chosen != NULL) {
		printf("\nbench %s: %s\n", chosen->name, chosen->help);
		opts_help(chosen->opts);
		opts_help(common_opts);
		return;
	}
	printf("\npolltcp bench NAME [options], where NAME is one of\n\n");
	names_print(true);
	opts_help(list_opts);
	opts_help(common_opts);
	printf("\npolltcp bench NAME --help has those of one bench.\n");
}

static const char *
names_text(void)
{
	static char text[256];
	size_t len = 0;

	for (unsigned int i = 0; i < BENCHES && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i == 0 ? "" : ", ",
				benches[i]->name);
	return text;
}

static int
parse_nameless(int argc, char **argv)
{
	const struct opt *const tables[] = {list_opts, common_opts, NULL};
	int parsed = opts_parse(tables, argc, argv);

	if (parsed != 0)
		return parsed;
	if (!list)
		return fail("no bench: one of %s is needed (see --help)", names_text());
	names_print(false);
	return 2;
}

static int
bench_parse(int argc, char **argv)
{
	static char prefix[64];
	int parsed;

	if (argc < 2 || argv[1][0] == '-')
		return parse_nameless(argc, argv);
	for (unsigned int i = 0; i < BENCHES; i++)
		if (strcmp(benches[i]->name, argv[1]) == 0)
			chosen = benches[i];
	if (chosen == NULL)
		return fail("'%s': no such bench; must be one of %s", argv[1], names_text());
	snprintf(prefix, sizeof(prefix), "polltcp bench %s", chosen->name);
	fail_prefix(prefix);

	const struct opt *const tables[] = {chosen->opts, common_opts, NULL};

	parsed = opts_parse(tables, argc - 1, argv + 1);
	if (parsed != 0)
		return parsed;
	if (run.repeat == 0)
		run.repeat = run.quick ? REPEAT_QUICK : REPEAT;
	if (side_any() && !chosen->sides)
		return fail("--side: bench %s compares by itself", chosen->name);
	if (chosen->check != NULL && chosen->check(&run) != 0)
		return -1;
	return report_check(json);
}

static void
bench_needs(struct app_needs *needs)
{
	needs->own_ports = true;
	chosen->needs(&run, needs);
}

/* ------------------------------------------------------------------ run */

/* {"repeat": ..., and each option of the bench as it was}. */
static json_t *
config_json(void)
{
	json_t *config = json_object();
	char date[32];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof(date), "%Y-%m-%d", &utc);
	json_object_set_new(config, "date", json_string(date));
	json_object_set_new(config, "repeat", json_integer((json_int_t)run.repeat));
	json_object_set_new(config, "quick", json_boolean(run.quick));
	json_object_set_new(config, "eal", json_string(run.eal->options));
	for (const struct opt *opt = chosen->opts; opt->kind != OPT_END; opt++) {
		json_t *value = NULL;

		if (opt->kind == OPT_FLAG)
			value = json_boolean(*(const bool *)opt->value);
		else if (opt->kind == OPT_COUNT || opt->kind == OPT_SIZE || opt->kind == OPT_TIME)
			value = json_integer((json_int_t) * (const uint64_t *)opt->value);
		else if (opt->kind == OPT_TEXT && *(const char *const *)opt->value != NULL)
			value = json_string(*(const char *const *)opt->value);
		if (value != NULL)
			json_object_set_new(config, opt->name, value);
	}
	return config;
}

static int
bench_play(const struct app_eal *eal)
{
	json_t *report;
	int code;

	run.eal = eal;
	run.hz = (double)rte_get_tsc_hz();
	printf("%s: %s; %s %s\n", chosen->name, chosen->help, fmt_num(run.repeat),
			run.repeat == 1 ? "repetition" : "repetitions");
	code = chosen->run(&run, &result);
	bench_progress(&run, "%s", "");
	if (code != 0)
		return EXIT_FAILURE;
	if (stop_requested()) {
		fail("interrupted: no report");
		return EXIT_FAILURE;
	}
	if (!eal->hugepages)
		result_note(&result,
				"Without hugepages: every side has pages of 4 kB, and misses "
				"of the TLB count in every figure of a large size.");
	result_print(&result, run.hz);
	report = result_json(
			&result, chosen->name, BENCH_COMMIT, machine_json(run.hz), config_json());
	return report_write(report, json) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct app_mode bench_mode = {
		.name = "bench",
		.help = "measure a part of polltcp beside what it replaces",
		.usage = bench_usage,
		.parse = bench_parse,
		.needs = bench_needs,
		.run = bench_play,
};
