/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Complete connections a second: handshake, a request of 64 bytes, its answer, FIN both ways, TIME-WAIT. Six packets each:
 *
 *     client                       server
 *     SYN                   ->
 *                           <-     SYN,ACK
 *     ACK and request       ->
 *                           <-     answer and FIN
 *     FIN,ACK               ->
 *                           <-     ACK               TIME-WAIT for 60 s, or until RFC 6191 lets a SYN have the tuple
 *
 * Three of them go each way. testpmd's macswap returns each packet, so its packets a second are one way as well: a share of
 * 0.45 of 7.4 million packets a second is 1.1 million lifecycles.
 */
#include <stdio.h>

#include "bench/list.h"
#include "bench/side.h"
#include "bench/traffic.h"
#include "fmt.h"

#define LIST_MAX       8
#define TUPLES         64512 /* ports of one address */
#define TWO_MSL_S      60
#define REQUEST_BYTES  64
#define TIME_WAIT_MOST 200000000

static const char *concurrency_text = "1k,64k";
static uint64_t addresses = 64;
static uint64_t time_waits;
static uint64_t expected = 1500000;

static uint64_t concurrency[LIST_MAX];
static unsigned int n_concurrency;

/* clang-format off */
static const struct opt lifecycle_opts[] = {
	{OPT_TITLE, "Options of bench lifecycle", NULL, NULL, 0, 0, NULL, NULL},
	TRAFFIC_OPTS,
	{OPT_TEXT, "concurrency", "N,...", &concurrency_text, 0, 0, NULL, "connections open at once, 1 to 1M, at most 8 of them; --quick: 64"},
	{OPT_COUNT, "addresses", "N", &addresses, 1, LINK_ADDRS_MAX, NULL, "of the client, with 64,512 ports each; fewer tuples are re-used sooner"},
	{OPT_COUNT, "rate", "N", &expected, 1000, 10000000, NULL, "lifecycles a second to plan TIME-WAIT for, 2MSL long"},
	{OPT_COUNT, "time-wait", "N", &time_waits, 1000, TIME_WAIT_MOST, NULL, "TIME-WAIT entries; unset: 2MSL times --rate, or all tuples if they are fewer"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static int
lifecycle_check(const struct bench_run *run)
{
	if (traffic_check(run) != 0)
		return -1;
	if (run->quick) {
		concurrency_text = "64";
		addresses = 2;
	}
	n_concurrency = list_parse("concurrency", concurrency_text, 1000000, concurrency, LIST_MAX);
	return n_concurrency > 0 ? 0 : -1;
}

static void
conf_of(struct traffic_conf *conf, uint64_t at_once)
{
	uint64_t entries = time_waits;

	traffic_conf_init(conf, (uint32_t)at_once, (uint32_t)at_once, (uint32_t)addresses);
	if (entries == 0) {
		entries = TWO_MSL_S * expected;
		if (entries > addresses * TUPLES)
			entries = addresses * TUPLES;
		if (entries > TIME_WAIT_MOST)
			entries = TIME_WAIT_MOST;
		/* a tuple that is re-used keeps its entry until the new connection stands */
		entries += conf->link.server.max_connections;
	}
	if (entries > conf->link.server.max_timewait)
		conf->link.server.max_timewait = (uint32_t)entries;
	conf->link.service = "once";
	conf->load.requests = 1;
	conf->load.request_size = REQUEST_BYTES;
	conf->load.server_closes = true;
	conf->what = "lifecycle";
}

static void
lifecycle_needs(const struct bench_run *run, struct app_needs *needs)
{
	struct app_needs most = *needs;

	(void)run;
	for (unsigned int i = 0; i < n_concurrency; i++) {
		struct traffic_conf conf;

		conf_of(&conf, concurrency[i]);
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
	const double rate = told->lifecycles / told->seconds;

	add(result, "lifecycles_per_s", size, "1/s", rate);
	add(result, "packets_per_s", size, "1/s", told->packets_in / told->seconds);
	add(result, "packets_a_lifecycle", size, "packets",
			told->run_packets / told->run_lifecycles);
	add(result, "cycles_a_lifecycle", size, "cycles", run->hz / rate);
	add(result, "reused_per_s", size, "1/s", (double)told->server.reused / told->run_seconds);
	add(result, "time_wait_left", size, "entries", (double)told->server.time_wait);
	add(result, "resent", size, "segments", told->resent);
	add(result, "connect_p50", size, "us", (double)hist_quantile(&told->connect_us, 50, 100));
	add(result, "connect_p99", size, "us", (double)hist_quantile(&told->connect_us, 99, 100));
	return rate;
}

static int
repeat(const struct bench_run *run, struct result *result)
{
	double first = 0;

	for (unsigned int i = 0; i < n_concurrency; i++) {
		static struct traffic_told told;
		struct traffic_conf conf;
		double rate;

		conf_of(&conf, concurrency[i]);
		if (traffic_measure(run, &conf, &told) != 0)
			return -1;
		if (stop_requested())
			return 0;
		if (told.lifecycles == 0)
			return fail("not one lifecycle in %s", fmt_us(traffic.seconds_us));
		rate = figures(run, result, bench_size_name(concurrency[i]), &told);
		if (i == 0)
			first = rate;
		else
			add(result, "share_of_first", bench_size_name(concurrency[i]), "x",
					rate / first);
	}
	return 0;
}

static void
targets(struct result *result)
{
	result_ratio(result, "packets_per_s_1k", "macswap", "packets_per_s", false);
	result_ratio(result, "lifecycles_per_s_1k", "kernel", "lifecycles_per_s", false);
	if (traffic.kind == LINK_MEMIF)
		result_target(result,
				"1,000 at once: packets a second, as a share of macswap's over the "
				"same link",
				"macswap:packets_per_s", false, 0.45);
	result_target(result, "64,000 at once: the rate, as a share of that at 1,000",
			"share_of_first_64k", false, 0.75);
	result_target(result, "lifecycles a second, as often as the kernel's",
			"kernel:lifecycles_per_s", false, 40);
}

static int
lifecycle_run(const struct bench_run *run, struct result *result)
{
	struct traffic_conf conf;

	conf_of(&conf, concurrency[0]);
	traffic_note(result, &conf);
	result_note(result,
			"Tuples: %s addresses with 64,512 ports each, %s TIME-WAIT entries at the "
			"server (2MSL 60 s); reused_per_s: SYNs that took one before it was over "
			"(RFC 6191), on the average of the whole run.",
			fmt_num(addresses), fmt_num(conf.link.server.max_timewait));
	for (unsigned int i = 0; i < run->repeat && !stop_requested(); i++)
		if (repeat(run, result) != 0 || side_run_all(run, result) != 0)
			return -1;
	targets(result);
	return 0;
}

const struct bench bench_lifecycle = {
		.name = "lifecycle",
		.help = "complete connections a second: handshake, request, answer, close, TIME-WAIT",
		.opts = lifecycle_opts,
		.sides = true,
		.check = lifecycle_check,
		.needs = lifecycle_needs,
		.run = lifecycle_run,
};
