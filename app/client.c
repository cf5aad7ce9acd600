/* SPDX-License-Identifier: BSD-3-Clause */
/* client: open, talk, close; measure and check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "fmt.h"
#include "host.h"
#include "load.h"
#include "report.h"
#include "stats.h"

#define PORT_FIRST     1024
#define TUPLES         64512   /* ephemeral ports of one address to one server port */
#define TIME_WAIT_MOST 1048576 /* planned for a run whose number of connections nobody knows */

static struct load load = {
		.conf =
				{
						.concurrency = 64,
						.requests = 1,
						.request_size = 64,
						.timeout_us = 30000000,
				},
};
static struct subnet pool;
static uint32_t n_pool;

static const char *
connect_call(const char *text, void *value)
{
	return parse_addr_port(text, value);
}

static const char *
pool_call(const char *text, void *value)
{
	return parse_subnet(text, value);
}

static const char *
close_call(const char *text, void *value)
{
	bool *server = value;

	*server = strcmp(text, "server") == 0;
	return *server || strcmp(text, "client") == 0 ? NULL : "must be client or server";
}

static const char *
path_call(const char *text, void *value)
{
	if (text[0] != '/' || strlen(text) > 255 || strpbrk(text, " \r\n\t") != NULL)
		return "must begin with / and have no blanks, at most 255 bytes";
	*(const char **)value = text;
	return NULL;
}

/* clang-format off */
static const struct opt client_opts[] = {
	{OPT_TITLE, "Load", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_CALL, "connect", "A:PORT", &load.conf.remote, 0, 0, connect_call, "the server; needed"},
	{OPT_CALL, "pool", "A/LEN", &pool, 0, 0, pool_call, "source addresses, from A upwards as many as needed; unset: --addr"},
	{OPT_COUNT, "connections", "N", &load.conf.connections, 1, 1000000000000, NULL, "in all; unset: 1 without --cps and --duration"},
	{OPT_COUNT, "concurrency", "N", &load.conf.concurrency, 1, 16777216, NULL, "closed loop: as many are open at once"},
	{OPT_COUNT, "cps", "R", &load.conf.cps, 1, 100000000, NULL, "open loop: connections a second, whatever the server does"},
	{OPT_TIME, "duration", "T", &load.conf.duration_us, 1000, 31536000000000, NULL, "open connections for so long; unset: no bound"},
	{OPT_COUNT, "requests", "N", &load.conf.requests, 0, 1000000000000, NULL, "of each connection, one after the other"},
	{OPT_SIZE, "request-size", "N", &load.conf.request_size, 1, 1099511627776, NULL, "of a request and of its echo; every byte is checked"},
	{OPT_CALL, "http", "PATH", &load.conf.http_path, 0, 0, path_call, "GET PATH instead of echo; polltcp's own content is checked"},
	{OPT_CALL, "close", "WHO", &load.conf.server_closes, 0, 0, close_call, "client or server closes first: TIME-WAIT is there (client)"},
	{OPT_FLAG, "half-close", NULL, &load.conf.half_close, 0, 0, NULL, "FIN behind the last request, then read to the end"},
	{OPT_TIME, "timeout", "T", &load.conf.timeout_us, 1000, 86400000000, NULL, "of connect, answer and close each; then it has failed"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static const struct opt *const client_tables[] = {client_opts, host_opts, NULL};

static void
client_usage(void)
{
	opts_help(client_opts);
	opts_help(host_opts);
}

/* ------------------------------------------------------------------ parameters */

/* Tuples that can be in use at once, TIME-WAIT included. */
static uint64_t
tuples_wanted(void)
{
	uint64_t connections = load.conf.connections != 0 ? load.conf.connections : UINT64_MAX;
	uint64_t wanted = TIME_WAIT_MOST;

	if (load.conf.cps != 0)
		wanted = load.conf.cps * (2 * host_conf.msl_us / 1000 + 2000) / 1000 +
				load.conf.concurrency;
	else if (load.conf.connections != 0)
		wanted = connections;
	return wanted < connections ? wanted : connections;
}

/* Addresses from the first one of the pool to the last one of its subnet that a host may have. */
static uint32_t
pool_size(const struct subnet *subnet)
{
	unsigned int bits = (subnet->addr.family == 4 ? 32u : 128u) - subnet->prefix_len;
	uint32_t size, offset;

	if (bits == 0)
		return 1;
	if (bits > 16)
		bits = 16; /* a worker has no use for more */
	size = 1u << bits;
	offset = (uint32_t)subnet->addr.ip[subnet->addr.family == 4 ? 3 : 15] |
			(uint32_t)subnet->addr.ip[subnet->addr.family == 4 ? 2 : 14] << 8;
	offset &= size - 1;
	if (bits > 1 && subnet->addr.family == 4)
		size--; /* the broadcast address */
	return size - offset;
}

/* What lies at an address of ours cannot be the server or the gateway. */
static int
clash_check(const struct ptcp_addr *first, uint32_t count, const struct ptcp_addr *addr,
		const char *what)
{
	char text[64], from[64];

	if (addr->family == 0 || addr_distance(first, addr) >= count)
		return 0;
	ptcp_addr_format(first, from, sizeof(from));
	ptcp_addr_format(addr, text, sizeof(text));
	if (count == 1)
		return fail("address clash: %s %s is an address of our own", what, text);
	return fail("address clash: %s %s is one of our own %s addresses from %s on", what, text,
			fmt_num(count), from);
}

/* --pool in addition to --addr: its first address may be --addr, any other of it may not. */
static int
pool_plan(void)
{
	uint64_t wanted = (tuples_wanted() + TUPLES - 1) / TUPLES;
	uint32_t size;

	if (pool.addr.family == 0) {
		load.conf.first_local = host_conf.addrs[0].addr;
		load.conf.n_locals = 1;
		return 0;
	}
	if (pool.addr.family != load.conf.remote.family)
		return fail("--pool: must be of the same family as --connect");
	size = pool_size(&pool);
	if (size == 0)
		return fail("--pool: no address of that subnet can be used");
	n_pool = (uint32_t)(wanted < size ? wanted : size);
	for (unsigned int i = 0; i < host_conf.n_addrs; i++) {
		uint32_t at = addr_distance(&pool.addr, &host_conf.addrs[i].addr);

		if (at != 0 &&
				clash_check(&pool.addr, n_pool, &host_conf.addrs[i].addr,
						"--addr") != 0)
			return -1;
	}
	if (clash_check(&pool.addr, n_pool, &load.conf.remote, "--connect") != 0)
		return -1;
	load.conf.first_local = pool.addr;
	load.conf.n_locals = n_pool;
	return clash_check(&pool.addr, n_pool, &host_conf.gateway, "--gateway");
}

static int
client_parse(int argc, char **argv)
{
	int parsed = opts_parse(client_tables, argc, argv);

	if (parsed != 0)
		return parsed;
	if (host_conf_check() != 0)
		return -1;
	if (load.conf.remote.family == 0)
		return fail("--connect: is needed, like --connect 10.9.0.2:7");
	if (host_conf.addrs[0].addr.family != load.conf.remote.family)
		return fail("--connect: must be of the same family as the first --addr");
	for (unsigned int i = 0; i < host_conf.n_addrs; i++)
		if (clash_check(&host_conf.addrs[i].addr, 1, &load.conf.remote, "--connect") != 0)
			return -1;
	if (load.conf.connections == 0 && load.conf.cps == 0 && load.conf.duration_us == 0)
		load.conf.connections = 1;
	if (load.conf.concurrency > host_conf.max_connections)
		return fail("--concurrency: '%s': must be at most --max-connections (%s)",
				fmt_num(load.conf.concurrency), fmt_num(host_conf.max_connections));
	if (load.conf.cps != 0)
		load.conf.concurrency = host_conf.max_connections;
	if (load.conf.server_closes && load.conf.http_path == NULL && !load.conf.half_close &&
			load.conf.requests != 0)
		warn("--close server: an echo server closes after its peer (once does not); this ends by --timeout");
	if (pool_plan() != 0)
		return -1;
	return report_check(host_conf.json);
}

static void
client_conf(struct ptcp_conf *conf)
{
	uint64_t tuples = tuples_wanted(), most = (uint64_t)load.conf.n_locals * TUPLES;

	host_worker_conf(conf);
	/* a TCB lives a little longer than its connection: until the last RST or ACK is out */
	conf->max_connections += conf->max_connections / 8 + 64;
	if (conf->max_timewait == 0)
		conf->max_timewait =
				(uint32_t)(tuples < most ? tuples : most) + conf->max_connections;
	conf->max_dests = load.conf.n_locals < 64 ? 64 : load.conf.n_locals;
	conf->port_first = PORT_FIRST;
}

static void
client_needs(struct app_needs *needs)
{
	struct ptcp_conf conf;

	client_conf(&conf);
	needs->workers = 1;
	needs->bytes = host_memory(&conf, host_conf.mbufs) + PATTERN_MBUFS * 16384;
	needs->telemetry = true;
}

/* ------------------------------------------------------------------ report */

static json_t *
fails_json(const struct load_stats *stats)
{
	json_t *object = json_object();

	for (unsigned int i = LOAD_OK + 1; i < LOAD_FAIL_MAX; i++)
		json_object_set_new(object, load_fail_name((enum load_fail)i),
				json_integer((json_int_t)stats->fails[i]));
	return object;
}

static uint64_t
rate_per_s(const struct load_stats *stats)
{
	uint64_t us = stats->last_us - stats->first_us;

	return stats->last_us <= stats->first_us ? 0 : stats->closed * 1000000 / us;
}

static json_t *
client_json(const struct host *host, const struct app_eal *eal, uint64_t leaked)
{
	const struct load_stats *stats = &load.stats;
	const struct ptcp_worker *w = host->w;
	json_t *report = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			"mode", "client", "eal", eal->options, "opened", (json_int_t)stats->opened,
			"established", (json_int_t)stats->established, "closed",
			(json_int_t)stats->closed, "failed", (json_int_t)stats->failed, "aborted",
			(json_int_t)stats->aborted, "retransmitted",
			(json_int_t)ptcp_counter_by_name(w, "retransmitted"), "leaked",
			(json_int_t)leaked, "time_wait_left",
			(json_int_t)ptcp_state_count(w, PTCP_TIME_WAIT), "rate_per_s",
			(json_int_t)rate_per_s(stats));

	json_object_set_new(report, "responses", json_integer((json_int_t)stats->responses));
	json_object_set_new(report, "bytes_in", json_integer((json_int_t)stats->bytes_in));
	json_object_set_new(report, "bytes_out", json_integer((json_int_t)stats->bytes_out));
	json_object_set_new(report, "connect_us", report_hist_json(&load.connect_us));
	json_object_set_new(report, "response_us", report_hist_json(&load.response_us));
	json_object_set_new(report, "failures", fails_json(stats));
	json_object_set_new(report, "drops", report_drops_json(w, NULL));
	json_object_set_new(report, "counters", report_counters_json(w));
	json_object_set_new(report, "pools", report_pools_json(w));
	return report;
}

static void
fails_print(const struct load_stats *stats)
{
	char remote[64];

	ptcp_addr_format(&load.conf.remote, remote, sizeof(remote));
	for (unsigned int i = LOAD_OK + 1; i < LOAD_FAIL_MAX; i++)
		if (stats->fails[i] != 0)
			fail("%s: %s connections to %s failed: %s",
					load_fail_name((enum load_fail)i), fmt_num(stats->fails[i]),
					remote, load_fail_text((enum load_fail)i));
	if (stats->fails[LOAD_FAIL_NO_ADDRESS] != 0)
		fail("%s source %s times %s ports, TIME-WAIT of %s included, are not enough: give --pool "
		     "more addresses, or open fewer",
				fmt_num(load.conf.n_locals),
				load.conf.n_locals == 1 ? "address" : "addresses", fmt_num(TUPLES),
				fmt_us(2 * host_conf.msl_us));
}

static int
client_report(const struct host *host, const struct app_eal *eal)
{
	const struct load_stats *stats = &load.stats;
	uint64_t leaked = report_leaked(host->w) + load_leaked(&load);

	printf("\nConnections: %s opened, %s established, %s closed, %s failed, %s reset at the end; "
	       "%s a second\n",
			fmt_num(stats->opened), fmt_num(stats->established), fmt_num(stats->closed),
			fmt_num(stats->failed), fmt_num(stats->aborted),
			fmt_num(rate_per_s(stats)));
	printf("Answers: %s; bytes: %s in, %s out; segments sent again: %s; TIME-WAIT left: %s\n",
			fmt_num(stats->responses), fmt_num(stats->bytes_in),
			fmt_num(stats->bytes_out),
			fmt_num(ptcp_counter_by_name(host->w, "retransmitted")),
			fmt_num(ptcp_state_count(host->w, PTCP_TIME_WAIT)));
	report_hist("connect time", &load.connect_us);
	report_hist("response time", &load.response_us);
	report_drops(host->w);
	report_pools_heading();
	report_pools("client", host->w);
	report_pool_line("client", "context", load.conns.size, 0, load.conns.used, load.conns.peak);
	printf("Leaked: %s\n", fmt_num(leaked));
	fails_print(stats);
	if (report_write(client_json(host, eal, leaked), host_conf.json) != 0)
		return EXIT_FAILURE;
	return leaked == 0 && stats->failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ------------------------------------------------------------------ run */

/* The pool's addresses, but for the one that is --addr already. */
static int
pool_add(struct host *host)
{
	struct subnet rest = pool;
	uint32_t count = n_pool;

	for (unsigned int i = 0; i < host_conf.n_addrs; i++) {
		if (count == 0 || !addr_equal(&host_conf.addrs[i].addr, &pool.addr))
			continue;
		rest.addr = addr_offset(&pool.addr, 1);
		count--;
	}
	return count == 0 ? 0 : host_addr_add(host, &rest, count);
}

static void
client_print(void)
{
	char from[64], to[64];

	ptcp_addr_format(&load.conf.first_local, from, sizeof(from));
	ptcp_addr_format(&load.conf.remote, to, sizeof(to));
	printf("Connecting from %s (%s %s) to %s", from, fmt_num(load.conf.n_locals),
			load.conf.n_locals == 1 ? "address" : "addresses", to);
	if (load.conf.connections != 0)
		printf(", %s in all", fmt_num(load.conf.connections));
	if (load.conf.cps != 0)
		printf(", %s a second", fmt_num(load.conf.cps));
	else
		printf(", %s at once", fmt_num(load.conf.concurrency));
	if (load.conf.duration_us != 0)
		printf(", for %s", fmt_us(load.conf.duration_us));
	printf("\n");
}

static int
client_load(struct host *host, const struct app_eal *eal)
{
	const struct host_drain drain = {load_stop, load_abort, load_open_count, &load};
	const struct ptcp_worker *w = host->w;
	struct stats stats;

	client_print();
	stats_init(&stats, &w, 1, host_conf.stats_period_us, host_conf.quiet);
	if (host_launch(host) != 0)
		return EXIT_FAILURE;
	while (!atomic_load_explicit(&load.done, memory_order_acquire) && !stop_sleep(10))
		stats_tick(&stats);
	host_drain(host, &drain, &stats);
	return client_report(host, eal);
}

static int
client_run(const struct app_eal *eal)
{
	struct ptcp_conf conf;
	struct host host;
	int code = 2;

	client_conf(&conf);
	if (host_open(&host, &conf) != 0)
		return code;
	load.w = host.w;
	load.conf.nagle = host_conf.nagle;
	if (pool_add(&host) == 0 && load_open(&load, host.port.socket_id) == 0)
		code = client_load(&host, eal);
	host_close(&host);
	load_close(&load);
	return code;
}

const struct app_mode client_mode = {
		.name = "client",
		.help = "open connections to a server, talk, close, check and measure",
		.usage = client_usage,
		.parse = client_parse,
		.needs = client_needs,
		.run = client_run,
};
