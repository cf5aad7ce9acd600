/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk from the client to the server's discard service, without a copy on the sending side: ptcp_send() takes references to
 * mbufs that hold the pattern. Payload is counted as it is sent for the first time, and at the end every byte of it must
 * have come in at the server. The link loses nothing.
 */
#include <stdio.h>
#include <string.h>

#include "bench/list.h"
#include "bench/side.h"
#include "bench/traffic.h"
#include "fmt.h"

#define LIST_MAX 8
#define BUSY     8192 /* packets unread at once */
#define MTU_MOST 9000

static const char *connections_text = "1,64";
static const char *mtu_text;

static uint64_t connections[LIST_MAX], mtus[LIST_MAX];
static unsigned int n_connections, n_mtus;

/* clang-format off */
static const struct opt stream_opts[] = {
	{OPT_TITLE, "Options of bench stream", NULL, NULL, 0, 0, NULL, NULL},
	TRAFFIC_OPTS,
	{OPT_TEXT, "connections", "N,...", &connections_text, 0, 0, NULL, "at once, 1 to 10,000, at most 8 numbers"},
	{OPT_TEXT, "mtu", "N,...", &mtu_text, 0, 0, NULL, "576 to 9000, at most 8; memif has 1500 alone; unset: 1500, ring 1500 and 9000"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static int
stream_check(const struct bench_run *run)
{
	if (traffic_check(run) != 0)
		return -1;
	if (run->quick)
		connections_text = "1,4";
	if (mtu_text == NULL)
		mtu_text = traffic.kind == LINK_RING ? "1500,9000" : "1500";
	n_connections = list_parse("connections", connections_text, 10000, connections, LIST_MAX);
	n_mtus = list_parse("mtu", mtu_text, MTU_MOST, mtus, LIST_MAX);
	if (n_connections == 0 || n_mtus == 0)
		return -1;
	for (unsigned int i = 0; i < n_mtus; i++) {
		if (mtus[i] < 576)
			return fail("--mtu: '%s': must be 576 to 9,000", fmt_num(mtus[i]));
		if (traffic.kind != LINK_RING && mtus[i] != 1500)
			return fail("--mtu: '%s': a link between two processes has 1500 alone",
					fmt_num(mtus[i]));
	}
	return 0;
}

static void
conf_of(struct traffic_conf *conf, uint64_t n, uint64_t mtu)
{
	traffic_conf_init(conf, (uint32_t)n, BUSY, 1);
	conf->link.service = "discard";
	conf->link.mtu = traffic.kind == LINK_RING ? (uint16_t)mtu : 0;
	conf->load.connections = n;
	conf->load.requests = 1;
	conf->load.one_way = true;
	conf->what = "stream";
}

static void
stream_needs(const struct bench_run *run, struct app_needs *needs)
{
	struct traffic_conf conf;

	(void)run;
	conf_of(&conf, 10000, MTU_MOST);
	link_needs(&conf.link, needs);
	if (traffic.kind == LINK_RING)
		needs->bytes += (uint64_t)2 * (BUSY + 16384) *
				MTU_MOST; /* mbufs hold whole packets */
}

/* ------------------------------------------------------------------ figures */

static void
add(struct result *result, const char *name, const char *size, const char *unit, double value)
{
	char text[RESULT_NAME_MAX];

	snprintf(text, sizeof(text), "%s_%s", name, size);
	result_add(result, NULL, text, unit, value);
}

static int
measure(const struct bench_run *run, struct result *result, uint64_t n, uint64_t mtu)
{
	static struct traffic_told told;
	struct traffic_conf conf;
	char size[32];

	conf_of(&conf, n, mtu);
	if (traffic_measure(run, &conf, &told) != 0)
		return -1;
	if (stop_requested())
		return 0;
	if (told.bytes_out == 0)
		return fail("not one byte in %s", fmt_us(traffic.seconds_us));
	if (told.run_bytes != (double)told.server.bytes_in)
		return fail("stream: %s bytes were sent and %s came in",
				fmt_num((uint64_t)told.run_bytes), fmt_num(told.server.bytes_in));
	snprintf(size, sizeof(size), "%s_mtu%u", bench_size_name(n), (unsigned int)mtu);
	add(result, "gbit_per_s", size, "Gbit/s", told.bytes_out * 8 / 1e9 / told.seconds);
	add(result, "packets_per_s", size, "1/s", told.packets_out / told.seconds);
	add(result, "acks_per_s", size, "1/s", told.packets_in / told.seconds);
	add(result, "cycles_a_packet", size, "cycles", run->hz * told.seconds / told.packets_out);
	add(result, "resent", size, "segments", told.resent);
	return 0;
}

static int
repeat(const struct bench_run *run, struct result *result)
{
	for (unsigned int m = 0; m < n_mtus; m++)
		for (unsigned int i = 0; i < n_connections; i++)
			if (measure(run, result, connections[i], mtus[m]) != 0 || stop_requested())
				return stop_requested() ? 0 : -1;
	return 0;
}

static void
targets(struct result *result)
{
	result_ratio(result, "gbit_per_s_1_mtu1500", "macswap", "gbit_per_s", false);
	result_ratio(result, "gbit_per_s_1_mtu1500", "kernel", "gbit_per_s", false);
	if (traffic.kind == LINK_RING)
		result_target(result, "one connection, MTU 1500, ring: Gbit/s of payload",
				"gbit_per_s_1_mtu1500", false, 40);
	else
		result_target(result,
				"one connection: Gbit/s of payload, as a share of macswap's "
				"over the same link",
				"macswap:gbit_per_s", false, 0.70);
}

static int
stream_run(const struct bench_run *run, struct result *result)
{
	struct traffic_conf conf;

	conf_of(&conf, 1, 1500);
	traffic_note(result, &conf);
	result_note(result,
			"Gbit/s of payload, from the client to a server that reads and throws away, on "
			"one core each; sent from mbufs of the application's without a copy.");
	for (unsigned int i = 0; i < run->repeat && !stop_requested(); i++)
		if (repeat(run, result) != 0 || side_run_all(run, result) != 0)
			return -1;
	targets(result);
	return 0;
}

const struct bench bench_stream = {
		.name = "stream",
		.help = "bulk from the client to the server, zero-copy, over a link without loss",
		.opts = stream_opts,
		.sides = true,
		.check = stream_check,
		.needs = stream_needs,
		.run = stream_run,
};
