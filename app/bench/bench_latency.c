/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time from a request of 64 bytes to its echo, as the application sees it: on one connection with nothing else on the
 * link, and on many at half of the rate that they reach at most. There requests are due at even times, whatever the server
 * does; one that begins late counts from when it was due. Times are of the TSC, in nanoseconds.
 */
#include <stdio.h>

#include "bench/side.h"
#include "bench/traffic.h"
#include "fmt.h"

#define REQUEST_BYTES 64

static uint64_t connections = 1000;

/* clang-format off */
static const struct opt latency_opts[] = {
	{OPT_TITLE, "Options of bench latency", NULL, NULL, 0, 0, NULL, NULL},
	TRAFFIC_OPTS,
	{OPT_COUNT, "connections", "N", &connections, 1, 30000, NULL, "at half load; --quick: 50"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static int
latency_check(const struct bench_run *run)
{
	if (run->quick && connections > 50)
		connections = 50;
	return traffic_check(run);
}

/* @param rps  requests a second; 0: as many as are answered */
static void
conf_of(struct traffic_conf *conf, uint64_t n, uint64_t rps)
{
	traffic_conf_init(conf, (uint32_t)n, (uint32_t)n, 1);
	conf->link.service = "echo";
	conf->load.connections = n;
	conf->load.requests = UINT64_MAX;
	conf->load.request_size = REQUEST_BYTES;
	conf->load.held = true;
	conf->load.rps = rps;
	conf->load.fine = true;
	conf->what = "latency";
}

static void
latency_needs(const struct bench_run *run, struct app_needs *needs)
{
	struct traffic_conf conf;

	(void)run;
	conf_of(&conf, connections, 0);
	link_needs(&conf.link, needs);
}

/* ------------------------------------------------------------------ figures */

static int
measure(const struct bench_run *run, uint64_t n, uint64_t rps, struct traffic_told *told)
{
	struct traffic_conf conf;

	conf_of(&conf, n, rps);
	if (traffic_measure(run, &conf, told) != 0)
		return -1;
	if (told->responses == 0 && !stop_requested())
		return fail("not one answer in %s", fmt_us(traffic.seconds_us));
	return 0;
}

static void
quantiles(struct result *result, const char *prefix, const struct hist *ns)
{
	static const struct {
		const char *name;
		uint64_t part;
	} quantile[] = {{"p50_us", 500}, {"p99_us", 990}, {"p999_us", 999}};

	for (unsigned int i = 0; i < 3; i++) {
		char name[RESULT_NAME_MAX];

		snprintf(name, sizeof(name), "%s%s", prefix, quantile[i].name);
		result_add(result, NULL, name, "us",
				(double)hist_quantile(ns, quantile[i].part, 1000) / 1000);
	}
}

static int
repeat(const struct bench_run *run, struct result *result)
{
	static struct traffic_told told;
	double most;

	if (measure(run, 1, 0, &told) != 0 || stop_requested())
		return stop_requested() ? 0 : -1;
	quantiles(result, "", &told.response_ns);
	result_add(result, NULL, "requests_per_s_alone", "1/s", told.responses / told.seconds);
	if (measure(run, connections, 0, &told) != 0 || stop_requested())
		return stop_requested() ? 0 : -1;
	most = told.responses / told.seconds;
	result_add(result, NULL, "requests_per_s_most", "1/s", most);
	if (measure(run, connections, (uint64_t)(most / 2) + 1, &told) != 0 || stop_requested())
		return stop_requested() ? 0 : -1;
	quantiles(result, "half_", &told.response_ns);
	result_add(result, NULL, "requests_per_s_half", "1/s", told.responses / told.seconds);
	return 0;
}

static void
targets(struct result *result)
{
	static const char *const sides[] = {"macswap", "kernel"};
	static const char *const names[] = {"p50_us", "p99_us", "p999_us", "half_p50_us",
			"half_p99_us", "half_p999_us"};

	for (unsigned int s = 0; s < sizeof(sides) / sizeof(sides[0]); s++)
		for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			result_ratio(result, names[i], sides[s], names[i], true);
	/* macswap's time by ours: at most 1.5 times as long, at most twice as long */
	result_target(result, "one connection, p50: macswap's time by ours", "macswap:p50_us",
			false, 1 / 1.5);
	result_target(result, "one connection, p99: macswap's time by ours", "macswap:p99_us",
			false, 0.5);
}

static int
latency_run(const struct bench_run *run, struct result *result)
{
	struct traffic_conf conf;

	conf_of(&conf, 1, 0);
	traffic_note(result, &conf);
	result_note(result,
			"half_: %s connections, requests due at even times, half as many as they "
			"reach at most; a late one counts from when it was due.",
			fmt_num(connections));
	for (unsigned int i = 0; i < run->repeat && !stop_requested(); i++)
		if (repeat(run, result) != 0 || side_run_all(run, result) != 0)
			return -1;
	targets(result);
	return 0;
}

const struct bench bench_latency = {
		.name = "latency",
		.help = "from a request of 64 bytes to its echo, alone on the link and at half load",
		.opts = latency_opts,
		.sides = true,
		.check = latency_check,
		.needs = latency_needs,
		.run = latency_run,
};
