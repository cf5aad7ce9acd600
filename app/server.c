/* SPDX-License-Identifier: BSD-3-Clause */
/* server: echo, once, discard, chargen and http on a port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "fmt.h"
#include "host.h"
#include "report.h"
#include "service.h"
#include "stats.h"

static struct service_set set = {.body_size = 1024};
static uint64_t duration_us;

static const char *
listen_call(const char *text, void *value)
{
	static const char *const why =
			"must be PORT=SERVICE, 1 to 65,535 and one of echo, once, discard, chargen, http";
	const char *equals = strchr(text, '=');
	struct service_listener *listener;
	char number[16];
	uint64_t port;

	(void)value;
	if (equals == NULL || (size_t)(equals - text) >= sizeof(number))
		return why;
	memcpy(number, text, (size_t)(equals - text));
	number[equals - text] = '\0';
	if (parse_count(number, 1, 65535, &port) != NULL || service_find(equals + 1) == NULL)
		return why;
	if (set.n_listeners == SERVICE_LISTENERS_MAX)
		return "must be at most 64 ports";
	for (unsigned int i = 0; i < set.n_listeners; i++)
		if (set.listeners[i].port == port)
			return "the port stands twice";
	listener = &set.listeners[set.n_listeners++];
	listener->port = (uint16_t)port;
	listener->service = service_find(equals + 1);
	return NULL;
}

/* clang-format off */
static const struct opt server_opts[] = {
	{OPT_TITLE, "Services", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_CALL, "listen", "PORT=S", NULL, 0, 0, listen_call, "serve S on PORT; needed, at most 64 times"},
	{OPT_SIZE, "body-size", "N", &set.body_size, 0, 1099511627776, NULL, "what http answers to /"},
	{OPT_TIME, "idle-timeout", "T", &set.idle_us, 1000, 86400000000, NULL, "close connections idle for so long; unset: never"},
	{OPT_TIME, "duration", "T", &duration_us, 1000, 31536000000000, NULL, "end by itself after T; unset: at SIGINT or SIGTERM"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static const struct opt *const server_tables[] = {server_opts, host_opts, NULL};

static void
server_usage(void)
{
	const struct service *service;

	opts_help(server_opts);
	for (unsigned int i = 0; (service = service_at(i)) != NULL; i++)
		printf("  S: %-22s %s\n", service->name, service->help);
	opts_help(host_opts);
}

static int
server_parse(int argc, char **argv)
{
	int parsed = opts_parse(server_tables, argc, argv);

	if (parsed != 0)
		return parsed;
	if (host_conf_check() != 0)
		return -1;
	if (set.n_listeners == 0)
		return fail("--listen: is needed, like --listen 7=echo");
	return report_check(host_conf.json);
}

static void
server_needs(struct app_needs *needs)
{
	struct ptcp_conf conf;

	host_worker_conf(&conf);
	needs->workers = 1;
	needs->bytes = host_memory(&conf, host_conf.mbufs) + PATTERN_MBUFS * 16384;
	needs->telemetry = true;
}

/* ------------------------------------------------------------------ report */

static json_t *
reasons_json(const struct service_stats *stats)
{
	json_t *object = json_object();

	for (unsigned int i = PTCP_REASON_DONE; i < PTCP_REASON_MAX; i++)
		json_object_set_new(object, ptcp_reason_name((enum ptcp_reason)i),
				json_integer((json_int_t)stats->reasons[i]));
	return object;
}

static json_t *
server_json(const struct host *host, const struct app_eal *eal, uint64_t leaked)
{
	const struct service_stats *stats = &set.stats;
	const struct ptcp_worker *w = host->w;
	json_t *report = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mode",
			"server", "eal", eal->options, "opened",
			(json_int_t)ptcp_counter_by_name(w, "opened"), "established",
			(json_int_t)ptcp_counter_by_name(w, "established"), "closed",
			(json_int_t)ptcp_counter_by_name(w, "closed"), "failed",
			(json_int_t)ptcp_counter_by_name(w, "failed"), "retransmitted",
			(json_int_t)ptcp_counter_by_name(w, "retransmitted"), "leaked",
			(json_int_t)leaked, "time_wait_left",
			(json_int_t)ptcp_state_count(w, PTCP_TIME_WAIT));

	json_object_set_new(report, "accepted", json_integer((json_int_t)stats->accepted));
	json_object_set_new(report, "refused", json_integer((json_int_t)stats->refused));
	json_object_set_new(report, "idled", json_integer((json_int_t)stats->idled));
	json_object_set_new(report, "http_requests", json_integer((json_int_t)stats->requests));
	json_object_set_new(report, "bytes_in", json_integer((json_int_t)stats->bytes_in));
	json_object_set_new(report, "bytes_out", json_integer((json_int_t)stats->bytes_out));
	json_object_set_new(report, "reasons", reasons_json(stats));
	json_object_set_new(report, "drops", report_drops_json(w, NULL));
	json_object_set_new(report, "counters", report_counters_json(w));
	json_object_set_new(report, "pools", report_pools_json(w));
	return report;
}

static int
server_report(const struct host *host, const struct app_eal *eal)
{
	const struct service_stats *stats = &set.stats;
	uint64_t leaked = report_leaked(host->w) + service_leaked(&set);

	printf("\nConnections: %s accepted, %s closed, %s refused for want of room\n",
			fmt_num(stats->accepted), fmt_num(stats->closed), fmt_num(stats->refused));
	for (unsigned int i = PTCP_REASON_DONE; i < PTCP_REASON_MAX; i++)
		if (stats->reasons[i] != 0)
			printf("  %-22s %14s\n", ptcp_reason_name((enum ptcp_reason)i),
					fmt_num(stats->reasons[i]));
	printf("Bytes: %s in, %s out; HTTP requests: %s; segments sent again: %s; TIME-WAIT left: %s\n",
			fmt_num(stats->bytes_in), fmt_num(stats->bytes_out),
			fmt_num(stats->requests),
			fmt_num(ptcp_counter_by_name(host->w, "retransmitted")),
			fmt_num(ptcp_state_count(host->w, PTCP_TIME_WAIT)));
	report_drops(host->w);
	report_pools_heading();
	report_pools("server", host->w);
	report_pool_line("server", "context", set.conns.size, 0, set.conns.used, set.conns.peak);
	printf("Leaked: %s\n", fmt_num(leaked));
	if (report_write(server_json(host, eal, leaked), host_conf.json) != 0)
		return EXIT_FAILURE;
	return leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ------------------------------------------------------------------ run */

static bool
have_family(uint8_t family)
{
	for (unsigned int i = 0; i < host_conf.n_addrs; i++)
		if (host_conf.addrs[i].addr.family == family)
			return true;
	return false;
}

static void
server_print(void)
{
	char text[64];

	for (unsigned int i = 0; i < host_conf.n_addrs; i++) {
		ptcp_addr_format(&host_conf.addrs[i].addr, text, sizeof(text));
		printf("Serving on %s/%u:", text, host_conf.addrs[i].prefix_len);
		for (unsigned int k = 0; k < set.n_listeners; k++)
			printf(" %u=%s", set.listeners[k].port, set.listeners[k].service->name);
		putchar('\n');
	}
}

static int
server_serve(struct host *host, const struct app_eal *eal)
{
	const struct host_drain drain = {service_stop, service_abort, service_open_count, &set};
	const struct ptcp_worker *w = host->w;
	struct stats stats;
	uint64_t begin;

	server_print();
	if (host_launch(host) != 0)
		return EXIT_FAILURE;
	stats_init(&stats, &w, 1, host_conf.stats_period_us, host_conf.quiet);
	begin = stats_clock_us();
	while (!stop_sleep(20) && (duration_us == 0 || stats_clock_us() - begin < duration_us))
		stats_tick(&stats);
	printf("Stopping: no new connections, closing %s\n", fmt_num(service_open_count(&set)));
	host_drain(host, &drain, &stats);
	return server_report(host, eal);
}

static int
server_run(const struct app_eal *eal)
{
	struct ptcp_conf conf;
	struct host host;
	int code = 2;

	host_worker_conf(&conf);
	if (host_open(&host, &conf) != 0)
		return code;
	set.w = host.w;
	set.keepalive = host_conf.keepalive;
	set.nagle = host_conf.nagle;
	if (service_open(&set, conf.max_connections, have_family(4), have_family(6),
			    host.port.socket_id) == 0)
		code = server_serve(&host, eal);
	host_close(&host);
	service_close(&set);
	return code;
}

const struct app_mode server_mode = {
		.name = "server",
		.help = "serve echo, once, discard, chargen and http on a port",
		.usage = server_usage,
		.parse = server_parse,
		.needs = server_needs,
		.run = server_run,
};
