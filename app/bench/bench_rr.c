/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of 64 bytes and their echoes a second, on persistent connections that are all open before the first request. As
 * many requests are on the way at once as --in-flight says, and connections take turns: with a million of them, each request
 * finds one that has rested for a million requests. A request and its answer are two packets when the answer acknowledges
 * the request and the next request the answer; where a connection rests for longer, a delayed ACK is a third.
 */
#include <stdio.h>

#include "bench/list.h"
#include "bench/side.h"
#include "bench/traffic.h"
#include "fmt.h"

#define LIST_MAX      8
#define TUPLES        32768 /* connections of one address: half of its ports */
#define REQUEST_BYTES 64
#define UNACKED       100000 /* answers that wait for a delayed ACK: 40 ms of 2.5 million a second */

static const char *connections_text = "1k,1M";
static uint64_t in_flight = 1000;

static uint64_t connections[LIST_MAX];
static unsigned int n_connections;

/* clang-format off */
static const struct opt rr_opts[] = {
	{OPT_TITLE, "Options of bench rr", NULL, NULL, 0, 0, NULL, NULL},
	TRAFFIC_OPTS,
	{OPT_TEXT, "connections", "N,...", &connections_text, 0, 0, NULL, "persistent ones, 1 to 10M, at most 8 numbers; --quick: 200"},
	{OPT_COUNT, "in-flight", "N", &in_flight, 1, 1000000, NULL, "requests on the way at once, on connections that take turns"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static int
rr_check(const struct bench_run *run)
{
	if (traffic_check(run) != 0)
		return -1;
	if (run->quick) {
		connections_text = "200";
		in_flight = in_flight < 50 ? in_flight : 50;
	}
	n_connections = list_parse(
			"connections", connections_text, 10000000, connections, LIST_MAX);
	return n_connections > 0 ? 0 : -1;
}

static void
conf_of(struct traffic_conf *conf, uint64_t n)
{
	const uint64_t busy = n < in_flight + UNACKED ? n : in_flight + UNACKED;

	traffic_conf_init(conf, (uint32_t)n, (uint32_t)busy, (uint32_t)(n / TUPLES + 1));
	conf->link.service = "echo";
	conf->load.connections = n;
	conf->load.requests = UINT64_MAX;
	conf->load.request_size = REQUEST_BYTES;
	conf->load.held = true;
	conf->load.in_flight = in_flight;
	conf->what = "rr";
}

static void
rr_needs(const struct bench_run *run, struct app_needs *needs)
{
	struct app_needs most = *needs;

	(void)run;
	for (unsigned int i = 0; i < n_connections; i++) {
		struct traffic_conf conf;

		conf_of(&conf, connections[i]);
		link_needs(&conf.link, needs);
		if (needs->bytes > most.bytes)
			most = *needs;
	}
	*needs = most;
}

/* ------------------------------------------------------------------ figures */

static void
add(struct result *result, const char *name, const char *size, const char *unit, double value)
{
	char text[RESULT_NAME_MAX];

	snprintf(text, sizeof(text), "%s_%s", name, size);
	result_add(result, NULL, text, unit, value);
}

static double
figures(const struct bench_run *run, struct result *result, const char *size,
		const struct traffic_told *told)
{
	const double rate = told->responses / told->seconds;

	add(result, "requests_per_s", size, "1/s", rate);
	add(result, "packets_per_s", size, "1/s", told->packets_in / told->seconds);
	add(result, "packets_a_request", size, "packets",
			(told->packets_in + told->packets_out) / told->responses);
	add(result, "cycles_a_request", size, "cycles", run->hz / rate);
	add(result, "response_p50", size, "us", (double)hist_quantile(&told->response_us, 50, 100));
	add(result, "response_p99", size, "us", (double)hist_quantile(&told->response_us, 99, 100));
	add(result, "opened_per_s", size, "1/s", told->open_per_s);
	add(result, "resent", size, "segments", told->resent);
	return rate;
}

static int
repeat(const struct bench_run *run, struct result *result)
{
	double first = 0;

	for (unsigned int i = 0; i < n_connections; i++) {
		static struct traffic_told told;
		struct traffic_conf conf;
		double rate;

		conf_of(&conf, connections[i]);
		if (traffic_measure(run, &conf, &told) != 0)
			return -1;
		if (stop_requested())
			return 0;
		if (told.responses == 0)
			return fail("not one answer in %s", fmt_us(traffic.seconds_us));
		rate = figures(run, result, bench_size_name(connections[i]), &told);
		if (i == 0)
			first = rate;
		else
			add(result, "share_of_first", bench_size_name(connections[i]), "x",
					rate / first);
	}
	return 0;
}

static void
targets(struct result *result)
{
	result_ratio(result, "packets_per_s_1k", "macswap", "packets_per_s", false);
	result_ratio(result, "requests_per_s_1k", "kernel", "requests_per_s", false);
	if (traffic.kind == LINK_MEMIF)
		result_target(result,
				"1,000 connections: packets a second, as a share of macswap's over "
				"the same link",
				"macswap:packets_per_s", false, 0.50);
	result_target(result, "1,000,000 connections: the rate, as a share of that at 1,000",
			"share_of_first_1M", false, 0.50);
}

static int
rr_run(const struct bench_run *run, struct result *result)
{
	struct traffic_conf conf;

	conf_of(&conf, connections[0]);
	traffic_note(result, &conf);
	result_note(result,
			"%s requests of %u bytes are on the way at once, each on the connection "
			"that has rested for longest.",
			fmt_num(in_flight), REQUEST_BYTES);
	for (unsigned int i = 0; i < run->repeat && !stop_requested(); i++)
		if (repeat(run, result) != 0 || side_run_all(run, result) != 0)
			return -1;
	targets(result);
	return 0;
}

const struct bench bench_rr = {
		.name = "rr",
		.help = "requests and answers a second on persistent connections",
		.opts = rr_opts,
		.sides = true,
		.check = rr_check,
		.needs = rr_needs,
		.run = rr_run,
};
