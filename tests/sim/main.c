/* SPDX-License-Identifier: BSD-3-Clause */
/* polltcp-sim: options, and what is run. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fmt.h"
#include "jobs.h"

#define NAME         "polltcp-sim"
#define TASKS_MAX    1000000u
#define JOBS_MAX     256
#define CONNS_MAX    1000000000u
#define LINE_MAX_LEN 512

struct options {
	uint64_t seed;
	uint64_t n_conns;
	uint64_t world_seed;
	uint64_t jobs;
	uint64_t patience;
	uint64_t trace_end;
	const char *trace;
	const char *json;
	const char *seeds;
	const char *grid;
	int scenario;
	bool has_seed;
	bool has_conns;
	bool has_world;
	bool twice;
	bool update;
};

enum {
	OPT_SEED = 256,
	OPT_CONNECTIONS,
	OPT_WORLD_SEED,
	OPT_SCENARIO,
	OPT_JOBS,
	OPT_TRACE,
	OPT_TRACE_END,
	OPT_JSON,
	OPT_SEEDS,
	OPT_TWICE,
	OPT_PATIENCE,
	OPT_GRID,
	OPT_UPDATE,
};

static const struct option long_options[] = {
		{"seed", required_argument, NULL, OPT_SEED},
		{"connections", required_argument, NULL, OPT_CONNECTIONS},
		{"world-seed", required_argument, NULL, OPT_WORLD_SEED},
		{"scenario", required_argument, NULL, OPT_SCENARIO},
		{"jobs", required_argument, NULL, OPT_JOBS},
		{"trace", required_argument, NULL, OPT_TRACE},
		{"trace-end", required_argument, NULL, OPT_TRACE_END},
		{"json", required_argument, NULL, OPT_JSON},
		{"seeds", required_argument, NULL, OPT_SEEDS},
		{"twice", no_argument, NULL, OPT_TWICE},
		{"patience", required_argument, NULL, OPT_PATIENCE},
		{"grid", required_argument, NULL, OPT_GRID},
		{"update", no_argument, NULL, OPT_UPDATE},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
usage(FILE *out)
{
	fprintf(out,
			"usage: " NAME " [options]\n"
			"Two cores of polltcp in virtual time, joined by a seeded link. All follows from the seed.\n"
			"  --seed S           seed of all worlds (default: from the clock, and printed)\n"
			"  --connections N    connections over all worlds (default 20000)\n"
			"  --jobs N           processes (default: one for each CPU); changes no result\n"
			"  --scenario NAME    only worlds of this kind; \"list\" names them\n"
			"  --world-seed S     replay one world, and tell all about its failure\n"
			"  --trace FILE       write a capture (pcap) of the first world, or of that of --world-seed\n"
			"  --trace-end 0|1    at which end (default 0)\n"
			"  --twice            run each world twice, and compare\n"
			"  --seeds FILE       run the worlds that FILE lists\n"
			"  --patience S       seconds that one world may take (default 300)\n"
			"  --json FILE        write the result as JSON\n"
			"  --grid FILE        measure goodput and compare it with FILE\n"
			"  --update           with --grid: write FILE anew\n"
			"  --help\n"
			"Exit status: 0, 1 when an invariant broke, 2 when an option is wrong.\n");
}

/* ------------------------------------------------------------------ options */

static void
list_scenarios(void)
{
	for (unsigned int i = 0; i < SIM_SCENARIO_MAX; i++)
		printf("%-10s %s\n", sim_scenario_key(i), sim_scenario_text(i));
}

static bool
parse_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;
	char low[FMT_NUM], high[FMT_NUM];

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && *value >= min &&
			*value <= max)
		return true;
	fprintf(stderr, NAME ": --%s %s: must be a number from %s to %s\n", option, text,
			fmt_num(min, low), fmt_num(max, high));
	return false;
}

static bool
parse_scenario(const char *text, int *scenario)
{
	for (unsigned int i = 0; i < SIM_SCENARIO_MAX; i++) {
		if (strcmp(text, sim_scenario_key(i)) == 0) {
			*scenario = (int)i;
			return true;
		}
	}
	fprintf(stderr, NAME ": --scenario %s: no such scenario; \"list\" names them\n", text);
	return false;
}

static bool
parse_one(struct options *o, int opt, const char *arg)
{
	switch (opt) {
	case OPT_SEED:
		o->has_seed = true;
		return parse_number("seed", arg, 0, UINT64_MAX, &o->seed);
	case OPT_CONNECTIONS:
		o->has_conns = true;
		return parse_number("connections", arg, 1, CONNS_MAX, &o->n_conns);
	case OPT_WORLD_SEED:
		o->has_world = true;
		return parse_number("world-seed", arg, 0, UINT64_MAX, &o->world_seed);
	case OPT_SCENARIO:
		return parse_scenario(arg, &o->scenario);
	case OPT_JOBS:
		return parse_number("jobs", arg, 1, JOBS_MAX, &o->jobs);
	case OPT_TRACE:
		o->trace = arg;
		return true;
	case OPT_TRACE_END:
		return parse_number("trace-end", arg, 0, SIM_ENDS - 1, &o->trace_end);
	case OPT_JSON:
		o->json = arg;
		return true;
	case OPT_SEEDS:
		o->seeds = arg;
		return true;
	case OPT_TWICE:
		o->twice = true;
		return true;
	case OPT_PATIENCE:
		return parse_number("patience", arg, 1, 86400, &o->patience);
	case OPT_GRID:
		o->grid = arg;
		return true;
	case OPT_UPDATE:
		o->update = true;
		return true;
	default:
		fprintf(stderr, "try " NAME " --help\n");
		return false;
	}
}

/** @return 0, or the exit status */
static int
parse(struct options *o, int argc, char **argv)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int opt;

	*o = (struct options){.scenario = -1,
			.n_conns = 20000,
			.patience = 300,
			.jobs = cpus < 1                ? 1 :
					cpus > JOBS_MAX ? JOBS_MAX :
							  (uint64_t)cpus};
	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (opt == 'h') {
			usage(stdout);
			exit(0);
		}
		if (opt == OPT_SCENARIO && strcmp(optarg, "list") == 0) {
			list_scenarios();
			exit(0);
		}
		if (!parse_one(o, opt, optarg))
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, NAME ": %s: not an option\ntry " NAME " --help\n", argv[optind]);
		return 2;
	}
	if (o->update && o->grid == NULL) {
		fprintf(stderr, NAME ": --update: needs --grid FILE\n");
		return 2;
	}
	if ((o->has_world || o->trace != NULL) && (o->seeds != NULL || o->grid != NULL)) {
		fprintf(stderr,
				NAME
				": --world-seed and --trace go neither with --seeds nor with --grid\n");
		return 2;
	}
	return 0;
}

/* ------------------------------------------------------------------ runs */

static double
seconds_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9 +
			1e-9;
}

static void
print_failure(const struct sim_task *t, const char *text)
{
	printf("FAILED: %s; replay: " NAME " --world-seed 0x%016" PRIx64, text, t->seed);
	if (t->n_conns != 0 && t->n_conns != sim_draw_conns(t->seed, t->scenario))
		printf(" --connections %" PRIu32, t->n_conns);
	if (t->scenario >= 0)
		printf(" --scenario %s", sim_scenario_key((unsigned int)t->scenario));
	printf("\n");
	fflush(stdout);
}

/** One world in this process: for the debugger, and for a trace. */
static int
run_world(const struct options *o, const struct sim_task *t)
{
	struct sim_job job = {.seed = t->seed,
			.scenario = t->scenario,
			.n_conns = t->n_conns,
			.verbose = true};
	static struct sim_result result;
	struct timespec began;
	char text[600];
	bool ok, written = true;

	if (o->trace != NULL) {
		job.trace = sim_trace_open(
				o->trace, (unsigned int)o->trace_end, text, sizeof(text));
		if (job.trace == NULL) {
			fprintf(stderr, NAME ": --trace %s\n", text);
			return 2;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &began);
	ok = sim_run(&job, &result, text, sizeof(text));
	sim_report(&result, seconds_since(&began), stdout);
	if (!ok)
		print_failure(t, text);
	if (job.trace != NULL && !sim_trace_close(job.trace, text, sizeof(text))) {
		fprintf(stderr, NAME ": --trace %s: %s\n", o->trace, text);
		written = false;
	}
	if (o->json != NULL && !sim_report_json(&result, t->seed, seconds_since(&began), o->json))
		written = false;
	return ok && written ? 0 : 1;
}

static int
run_tasks(const struct options *o, const struct sim_task *task, uint32_t n)
{
	static struct sim_result sum;
	struct sim_failure failure;
	struct timespec began;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &began);
	sim_jobs(task, n, (unsigned int)(o->jobs < n ? o->jobs : n), o->twice,
			(unsigned int)o->patience, &sum, &failure);
	seconds = seconds_since(&began);
	sim_report(&sum, seconds, stdout);
	if (o->json != NULL && !sim_report_json(&sum, o->seed, seconds, o->json))
		return 1;
	if (!failure.failed)
		return 0;
	print_failure(&task[failure.world], failure.text);
	return 1;
}

/** As many worlds as it takes, the last one cut to what is left. */
static int
run_many(struct options *o)
{
	struct sim_task *task = NULL;
	uint32_t n = 0, size = 0;
	uint64_t left = o->n_conns;
	int status;

	if (!o->has_seed) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		o->seed = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	}
	printf("seed %" PRIu64 "\n", o->seed);
	fflush(stdout);
	while (left > 0) {
		struct sim_task t = {.seed = sim_world_seed(o->seed, n), .scenario = o->scenario};

		t.n_conns = sim_draw_conns(t.seed, t.scenario);
		if (t.n_conns > left)
			t.n_conns = (uint32_t)left;
		left -= t.n_conns;
		if (n == size) {
			size = size == 0 ? 256 : 2 * size;
			task = realloc(task, size * sizeof(*task));
			if (task == NULL)
				abort();
		}
		task[n++] = t;
		if (o->trace != NULL)
			break;
	}
	status = o->trace != NULL ? run_world(o, &task[0]) : run_tasks(o, task, n);
	free(task);
	return status;
}

/** A line "seed [scenario] [connections] # comment". @return false: it is wrong */
static bool
parse_line(char *line, const char *path, unsigned int number, struct sim_task *t)
{
	char *word, *save = NULL, *end;

	line[strcspn(line, "#\n")] = '\0';
	*t = (struct sim_task){.scenario = -1};
	word = strtok_r(line, " \t", &save);
	if (word == NULL)
		return true;
	t->seed = strtoull(word, &end, 0);
	if (*end != '\0' || t->seed == 0) {
		fprintf(stderr, NAME ": %s:%u: %s: not a seed\n", path, number, word);
		return false;
	}
	while ((word = strtok_r(NULL, " \t", &save)) != NULL) {
		if (word[0] >= '0' && word[0] <= '9')
			t->n_conns = (uint32_t)strtoul(word, NULL, 10);
		else if (!parse_scenario(word, &t->scenario))
			return false;
	}
	return true;
}

static int
run_seeds(const struct options *o)
{
	static struct sim_task task[4096];
	FILE *f = fopen(o->seeds, "r");
	char line[LINE_MAX_LEN];
	unsigned int number = 0;
	uint32_t n = 0;

	if (f == NULL) {
		fprintf(stderr, NAME ": --seeds %s: %s\n", o->seeds, strerror(errno));
		return 2;
	}
	while (fgets(line, sizeof(line), f) != NULL && n < PTCP_ARRAY_SIZE(task)) {
		if (!parse_line(line, o->seeds, ++number, &task[n])) {
			fclose(f);
			return 2;
		}
		n += task[n].seed != 0;
	}
	fclose(f);
	if (n == 0) {
		fprintf(stderr, NAME ": --seeds %s: no seeds in it\n", o->seeds);
		return 2;
	}
	return run_tasks(o, task, n);
}

int
main(int argc, char **argv)
{
	struct options o;
	const int status = parse(&o, argc, argv);

	if (status != 0)
		return status;
	if (o.grid != NULL)
		return sim_grid(o.grid, o.update, (unsigned int)o.jobs);
	if (o.seeds != NULL)
		return run_seeds(&o);
	if (o.has_world) {
		const struct sim_task t = {.seed = o.world_seed,
				.scenario = o.scenario,
				.n_conns = o.has_conns ? (uint32_t)o.n_conns : 0};

		return run_world(&o, &t);
	}
	return run_many(&o);
}
