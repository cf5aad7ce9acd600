/* SPDX-License-Identifier: BSD-3-Clause */
/* demo: both ends in one process, no NIC, no hugepages, no privileges. */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "app.h"
#include "fmt.h"
#include "host.h"
#include "load.h"
#include "report.h"
#include "service.h"
#include "stats.h"

#define ECHO_PORT 7
#define TUPLES    64512 /* ephemeral ports of one address to one server port */
#define DRAIN_US  UINT64_C(5000000)
#define SLACK_US  UINT64_C(5000000) /* TIME-WAITs may end that much late before it is an error */
#define RING_MIN  4096
/* bytes queued in one direction by all connections; of one connection */
#define QUEUED_MOST (8u << 20)
#define BUFFER_MIN  4096
#define BUFFER_MAX  262144
/* Without --connections: slow machines need not wait for ever, fast ones should not be done at once. */
#define BY_TIME_LEAST 100000
#define BY_TIME_MOST  1000000

static struct {
	uint64_t connections; /**< 0: by time */
	uint64_t duration_us;
	uint64_t concurrency;
	uint64_t request_size;
	uint64_t msl_us;
	bool no_ladder;
	bool no_load;
	bool quiet;
	const char *json;
} conf = {
		.duration_us = 5000000,
		.concurrency = 512,
		.request_size = 64,
		.msl_us = 500000,
};

static struct demo demo;
static struct load load;
static struct service_set set;

/* clang-format off */
static const struct opt demo_opts[] = {
	{OPT_TITLE, "Options", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "connections", "N", &conf.connections, 1, 10000000, NULL, "lifecycles of the load; unset: by --duration"},
	{OPT_TIME, "duration", "T", &conf.duration_us, 100000, 3600000000, NULL, "of the load without --connections, which has 100,000 to 1,000,000 lifecycles"},
	{OPT_COUNT, "concurrency", "N", &conf.concurrency, 1, 16384, NULL, "connections open at once"},
	{OPT_SIZE, "request-size", "N", &conf.request_size, 1, 1048576, NULL, "of each connection's request and of its echo"},
	{OPT_TIME, "msl", "T", &conf.msl_us, 10000, 600000000, NULL, "MSL; TIME-WAIT lasts twice this"},
	{OPT_FLAG, "no-ladder", NULL, &conf.no_ladder, 0, 0, NULL, "leave out the first connection's drawing"},
	{OPT_FLAG, "no-load", NULL, &conf.no_load, 0, 0, NULL, "leave out the load"},
	{OPT_FLAG, "quiet", NULL, &conf.quiet, 0, 0, NULL, "no lines of counters"},
	{OPT_TEXT, "json", "FILE", &conf.json, 0, 0, NULL, "write the final report as JSON"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static const struct opt *const demo_tables[] = {demo_opts, NULL};

static void
demo_usage(void)
{
	printf("\nA client and a server over a pair of rings: first one connection, drawn as a ladder, then\n"
	       "load with counters every second, then every pool, which must be back at its start.\n");
	opts_help(demo_opts);
}

static int
demo_parse(int argc, char **argv)
{
	int parsed = opts_parse(demo_tables, argc, argv);

	return parsed != 0 ? parsed : report_check(conf.json);
}

/* ------------------------------------------------------------------ sizes */

static uint64_t
connections_most(void)
{
	if (conf.no_load)
		return 0;
	return conf.connections != 0 ? conf.connections : BY_TIME_MOST;
}

static uint32_t
addrs_needed(void)
{
	return (uint32_t)(connections_most() / TUPLES + 1);
}

static uint32_t
ring_size(void)
{
	uint32_t size = RING_MIN;

	while (size < 4 * conf.concurrency)
		size *= 2;
	return size;
}

static uint32_t
buffer_size(void)
{
	uint64_t share = QUEUED_MOST / conf.concurrency;

	return (uint32_t)(share < BUFFER_MIN               ? BUFFER_MIN :
					share < BUFFER_MAX ? share :
							     BUFFER_MAX);
}

static void
worker_conf(struct ptcp_conf *worker, bool client)
{
	ptcp_conf_init(worker);
	worker->max_connections = (uint32_t)(2 * conf.concurrency + 1024);
	worker->max_timewait =
			worker->max_connections + (client ? (uint32_t)connections_most() : 1024);
	worker->max_dests = client ? addrs_needed() + 1 : 1;
	worker->msl_ms = (uint32_t)(conf.msl_us / 1000);
	worker->ipv6 = false;
	/* What all connections may queue at once has to fit into the pools, whatever the request's size. */
	worker->rcv_buf = worker->snd_buf = buffer_size();
	worker->rcv_buf_max = worker->snd_buf_max = 0;
}

static struct pair_conf
pair_conf(void)
{
	struct pair_conf pair = {.ring_size = ring_size(),
			.n_mbufs = 4 * ring_size(),
			.n_client_addrs = (uint16_t)addrs_needed()};

	worker_conf(&pair.client, true);
	worker_conf(&pair.server, false);
	return pair;
}

static void
demo_needs(struct app_needs *needs)
{
	const struct pair_conf pair = pair_conf();

	needs->workers = 2;
	needs->bytes = pair_memory(&pair) + 2 * PATTERN_MBUFS * 16384;
	needs->own_ports = true;
}

/* ------------------------------------------------------------------ load */

static bool
at_rest(void)
{
	return load_open_count(&load) == 0 && service_open_count(&set) == 0 &&
			ptcp_state_count(demo.pair.client.w, PTCP_TIME_WAIT) == 0 &&
			ptcp_state_count(demo.pair.server.w, PTCP_TIME_WAIT) == 0;
}

static bool
time_is_up(uint64_t begin)
{
	return conf.connections == 0 && stats_clock_us() - begin >= conf.duration_us &&
			COUNT_READ(load.stats.closed) >= BY_TIME_LEAST;
}

/* Wait while the load runs, then until the last TIME-WAIT is over. */
static void
load_wait(struct stats *stats)
{
	uint64_t begin = stats_clock_us(), end;

	while (!atomic_load_explicit(&load.done, memory_order_acquire) && !time_is_up(begin) &&
			!stop_sleep(10))
		stats_tick(stats);
	pair_post(&demo.pair.client, load_stop, &load);
	end = stats_clock_us() + DRAIN_US;
	while (load_open_count(&load) != 0 && stats_clock_us() < end) {
		nap(10);
		stats_tick(stats);
	}
	if (load_open_count(&load) != 0)
		pair_post(&demo.pair.client, load_abort, &load);
	if (stop_requested())
		printf("Stopping: no new connections, waiting for %s TIME-WAITs\n",
				fmt_num(ptcp_state_count(demo.pair.client.w, PTCP_TIME_WAIT)));
	end = stats_clock_us() + SLACK_US + (stop_requested() ? 0 : 2 * conf.msl_us);
	while (!at_rest() && stats_clock_us() < end) {
		nap(10);
		stats_tick(stats);
	}
}

static int
load_prepare(void)
{
	load.w = demo.pair.client.w;
	load.conf = (struct load_conf){
			.remote = demo.pair.server.addr,
			.first_local = demo.pair.client.addr,
			.n_locals = addrs_needed(),
			.connections = connections_most(),
			.concurrency = conf.concurrency,
			.requests = 1,
			.request_size = conf.request_size,
			.timeout_us = 30000000,
	};
	load.conf.remote.port = ECHO_PORT;
	set.w = demo.pair.server.w;
	set.keepalive = host_conf.keepalive;
	set.listeners[0] = (struct service_listener){
			.service = service_find("echo"), .port = ECHO_PORT};
	set.n_listeners = 1;
	if (service_open(&set, (uint32_t)(2 * conf.concurrency + 1024), true, false,
			    (int)rte_socket_id()) != 0)
		return -1;
	return load_open(&load, (int)rte_socket_id());
}

static int
demo_load(const struct app_eal *eal)
{
	const struct ptcp_worker *workers[] = {demo.pair.client.w, demo.pair.server.w};
	struct stats stats;

	if (load_prepare() != 0)
		return -1;
	if (conf.connections != 0)
		printf("\n%s connections", fmt_num(conf.connections));
	else
		printf("\n%s to %s connections for %s", fmt_num(BY_TIME_LEAST),
				fmt_num(BY_TIME_MOST), fmt_us(conf.duration_us));
	printf(", %s at once: connect, %s bytes and their echo, close, TIME-WAIT%s\n\n",
			fmt_num(conf.concurrency), fmt_num(conf.request_size),
			eal->shared_cpu ? "; both workers take turns on one CPU" : "");
	stats_init(&stats, workers, 2, 1000000, conf.quiet);
	if (pair_launch(&demo.pair, eal->shared_cpu) != 0)
		return fail("the workers' lcores are busy");
	load_wait(&stats);
	pair_post(&demo.pair.server, service_stop, &set);
	nap(20);
	pair_halt(&demo.pair);
	return 0;
}

/* ------------------------------------------------------------------ report */

static uint64_t
rate_per_s(void)
{
	uint64_t us = load.stats.last_us - load.stats.first_us;

	return load.stats.last_us <= load.stats.first_us ? 0 : load.stats.closed * 1000000 / us;
}

static uint64_t
counter_both(const char *name)
{
	return ptcp_counter_by_name(demo.pair.client.w, name) +
			ptcp_counter_by_name(demo.pair.server.w, name);
}

static json_t *
demo_json(const struct app_eal *eal, uint64_t lifecycles, uint64_t failed, uint64_t leaked)
{
	json_t *report = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I}",
			"mode", "demo", "eal", eal->options, "hugepages", eal->hugepages,
			"lifecycles", (json_int_t)lifecycles, "failed", (json_int_t)failed,
			"leaked", (json_int_t)leaked, "rate_per_s", (json_int_t)rate_per_s(),
			"time_wait_ms", (double)demo.time_wait_us / 1e3, "msl_ms",
			(json_int_t)(conf.msl_us / 1000), "segments",
			(json_int_t)counter_both("segments_out"), "retransmitted",
			(json_int_t)counter_both("retransmitted"));

	json_object_set_new(report, "connect_us", report_hist_json(&load.connect_us));
	json_object_set_new(report, "response_us", report_hist_json(&load.response_us));
	json_object_set_new(
			report, "drops", report_drops_json(demo.pair.client.w, demo.pair.server.w));
	json_object_set_new(report, "client",
			json_pack("{s:o, s:o}", "counters",
					report_counters_json(demo.pair.client.w), "pools",
					report_pools_json(demo.pair.client.w)));
	json_object_set_new(report, "server",
			json_pack("{s:o, s:o}", "counters",
					report_counters_json(demo.pair.server.w), "pools",
					report_pools_json(demo.pair.server.w)));
	return report;
}

static void
fails_print(void)
{
	for (unsigned int i = LOAD_OK + 1; i < LOAD_FAIL_MAX; i++)
		if (load.stats.fails[i] != 0)
			fail("%s: %s connections failed: %s", load_fail_name((enum load_fail)i),
					fmt_num(load.stats.fails[i]),
					load_fail_text((enum load_fail)i));
}

static int
demo_report(const struct app_eal *eal)
{
	uint64_t lifecycles = load.stats.closed + demo.ladders,
		 failed = load.stats.failed + demo.failed;
	uint64_t leaked = report_leaked(demo.pair.client.w) + report_leaked(demo.pair.server.w) +
			load_leaked(&load) + service_leaked(&set);
	uint64_t time_wait = ptcp_state_count(demo.pair.client.w, PTCP_TIME_WAIT) +
			ptcp_state_count(demo.pair.server.w, PTCP_TIME_WAIT);
	int code;

	if (!stop_requested())
		leaked += time_wait; /* they had their time */
	code = failed == 0 && leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	putchar('\n');
	report_drops(demo.pair.client.w);
	report_drops(demo.pair.server.w);
	report_pools_heading();
	report_pools("client", demo.pair.client.w);
	report_pool_line("client", "context", load.conns.size, 0, load.conns.used, load.conns.peak);
	report_pool_line("client", "pattern reference", PATTERN_MBUFS, 0,
			pattern_held(&load.pattern), 0);
	report_pools("server", demo.pair.server.w);
	report_pool_line("server", "context", set.conns.size, 0, set.conns.used, set.conns.peak);
	report_pool_line("server", "pattern reference", PATTERN_MBUFS, 0,
			pattern_held(&set.pattern), 0);
	putchar('\n');
	report_hist("connect time", &load.connect_us);
	report_hist("response time", &load.response_us);
	fails_print();
	printf("%s full lifecycle%s, %s failed, %s leaked%s; %s lifecycles a second; %s segments, %s sent "
	       "again\n",
			fmt_num(lifecycles), lifecycles == 1 ? "" : "s", fmt_num(failed),
			fmt_num(leaked), stop_requested() ? " (interrupted)" : "",
			fmt_num(rate_per_s()), fmt_num(counter_both("segments_out")),
			fmt_num(counter_both("retransmitted")));
	if (demo.time_wait_us != 0)
		printf("TIME-WAIT lasted %.1f ms, 2 MSL of %s\n", (double)demo.time_wait_us / 1e3,
				fmt_us(conf.msl_us));
	if (time_wait != 0)
		printf("%s TIME-WAITs are not over yet\n", fmt_num(time_wait));
	printf("%s\n",
			leaked == 0 ? "Every pool is back at its start." :
				      "NOT every pool is back at its start: see the lines with <--");
	if (report_write(demo_json(eal, lifecycles, failed, leaked), conf.json) != 0)
		code = EXIT_FAILURE;
	return code;
}

/* ------------------------------------------------------------------ run */

static int
demo_play(const struct app_eal *eal)
{
	char client[64], server[64];

	ptcp_addr_format(&demo.pair.client.addr, client, sizeof(client));
	ptcp_addr_format(&demo.pair.server.addr, server, sizeof(server));
	printf("Two workers over a pair of rings: client %s (%s %s), server %s; MSL %s\n", client,
			fmt_num(addrs_needed()), addrs_needed() == 1 ? "address" : "addresses",
			server, fmt_us(conf.msl_us));
	if (!conf.no_ladder)
		demo_ladder(&demo, conf.msl_us);
	if (!conf.no_load && demo.failed == 0 && !stop_requested() && demo_load(eal) != 0)
		return EXIT_FAILURE;
	pair_settle(&demo.pair);
	return demo_report(eal);
}

static int
demo_run(const struct app_eal *eal)
{
	const struct pair_conf conf_pair = pair_conf();
	int code = 2;

	demo.pair = pair_init;
	if (pair_open(&demo.pair, &conf_pair) == 0)
		code = demo_play(eal);
	pair_close(&demo.pair);
	load_close(&load);
	service_close(&set);
	return code;
}

const struct app_mode demo_mode = {
		.name = "demo",
		.help = "a client and a server in one process: a ladder, load, and a check for leaks",
		.usage = demo_usage,
		.parse = demo_parse,
		.needs = demo_needs,
		.run = demo_run,
};
