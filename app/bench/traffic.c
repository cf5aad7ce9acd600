/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/traffic.h"

#include <stdatomic.h>
#include <string.h>

#include <rte_lcore.h>

#include "fmt.h"
#include "host.h"
#include "report.h"
#include "stats.h"

#define QUICK_US      200000
#define QUICK_WARM_US 100000
#define LOOK_MS       20
#define CLOSE_US      UINT64_C(60000000) /* a million of connections at the end */
#define OPEN_US       UINT64_C(120000000)
#define TIMEOUT_US    UINT64_C(30000000)
#define LIMIT_US      UINT64_C(300000000) /* besides warm-up and measurement */
#define RING_SIZE     2048
#define MBUFS_SPARE   8192
#define BLOCKS_SPARE  4096

struct traffic_opts traffic = {
		.link = "ring",
		.seconds_us = 5000000,
		.warm_us = 1000000,
};

int
traffic_check(const struct bench_run *run)
{
	const int kind = link_kind_of(traffic.link);

	if (kind < 0)
		return fail("--link: '%s': must be ring, memif or vhost", traffic.link);
	traffic.kind = (enum link_kind)kind;
	if (run->quick && traffic.seconds_us > QUICK_US)
		traffic.seconds_us = QUICK_US;
	if (run->quick && traffic.warm_us > QUICK_WARM_US)
		traffic.warm_us = QUICK_WARM_US;
	return 0;
}

void
traffic_conf_init(
		struct traffic_conf *conf, uint32_t connections, uint32_t busy, uint32_t addresses)
{
	struct ptcp_conf end;

	memset(conf, 0, sizeof(*conf));
	host_worker_conf(&end);
	/* a TCB lives a little longer than its connection: until the last ACK is out */
	end.max_connections = connections + connections / 8 + 1024;
	end.max_half_open = end.max_connections;
	/* newcomers are refused before the last one is in use */
	end.max_blocks = 2 * busy + BLOCKS_SPARE;
	conf->link = (struct link_conf){
			.kind = traffic.kind,
			.client = end,
			.server = end,
			.n_addrs = (uint16_t)addresses,
			.ring_size = RING_SIZE,
			.n_mbufs = busy + MBUFS_SPARE,
			.limit_us = traffic.seconds_us + traffic.warm_us + LIMIT_US,
	};
	conf->link.client.max_timewait = conf->link.server.max_timewait = end.max_connections;
	conf->link.client.max_dests = addresses;
	conf->load = (struct load_conf){
			.n_locals = addresses,
			.concurrency = connections,
			.timeout_us = TIMEOUT_US,
	};
}

/* ------------------------------------------------------------------ marks */

/* Where everything stood at one moment, taken by the client's worker. */
struct mark {
	const struct load *load;
	struct load_stats stats;
	uint64_t us;
	uint64_t packets_in;
	uint64_t packets_out;
	struct hist connect_us;
	struct hist response_us;
	struct hist response_ns;
	atomic_bool taken;
};

static struct measurement {
	struct link link;
	struct load load;
	struct mark begin;
	struct mark end;
} me;

/* A ptcp_hook_t. The begin's histograms are thrown away: what counts begins empty. */
static void
mark_take(struct ptcp_worker *w, void *arg)
{
	struct mark *mark = arg;

	mark->us = ptcp_now_us(w);
	mark->stats = me.load.stats;
	mark->packets_in = ptcp_counter_by_name(w, "packets_in");
	mark->packets_out = ptcp_counter_by_name(w, "packets_out");
	mark->connect_us = me.load.connect_us;
	mark->response_us = me.load.response_us;
	mark->response_ns = me.load.response_ns;
	memset(&me.load.connect_us, 0, sizeof(me.load.connect_us));
	memset(&me.load.response_us, 0, sizeof(me.load.response_us));
	memset(&me.load.response_ns, 0, sizeof(me.load.response_ns));
	atomic_store_explicit(&mark->taken, true, memory_order_release);
}

static void
mark_wait(struct mark *mark)
{
	atomic_store(&mark->taken, false);
	link_post(&me.link, mark_take, mark);
	while (!atomic_load_explicit(&mark->taken, memory_order_acquire))
		nap(1);
}

/* ------------------------------------------------------------------ one measurement */

/* Did something fail already? Then there is nothing to wait for. */
static bool
broken(void)
{
	return COUNT_READ(me.load.stats.failed) != 0 ||
			atomic_load_explicit(&me.load.fatal, memory_order_relaxed);
}

static void
let_pass(const struct bench_run *run, const struct traffic_conf *conf, const char *phase,
		uint64_t us)
{
	const uint64_t begin = stats_clock_us();
	uint64_t now = begin;

	while (now - begin < us && !broken() && !stop_requested()) {
		const uint64_t left_ms = (us - (now - begin) + 999) / 1000;

		bench_progress(run, "%s over %s: %s: %u of %u s", conf->what, traffic.link, phase,
				(unsigned int)((now - begin) / 1000000),
				(unsigned int)((us + 999999) / 1000000));
		stop_sleep(left_ms < LOOK_MS ? (unsigned int)left_ms : LOOK_MS);
		now = stats_clock_us();
	}
}

/* Every failure as a line. @return 0: none, or -1 */
static int
fails_check(const struct traffic_conf *conf)
{
	const struct load_stats *stats = &me.load.stats;

	for (unsigned int i = LOAD_OK + 1; i < LOAD_FAIL_MAX; i++)
		if (stats->fails[i] != 0)
			fail("%s: %s connections failed: %s", conf->what, fmt_num(stats->fails[i]),
					load_fail_text((enum load_fail)i));
	return stats->failed == 0 ? 0 : -1;
}

/* Close what is open. @return 0, or -1 with one line printed */
static int
load_end(const struct bench_run *run, const struct traffic_conf *conf)
{
	const uint64_t begin = stats_clock_us();

	link_post(&me.link, load_stop, &me.load);
	while (load_open_count(&me.load) != 0 && stats_clock_us() - begin < CLOSE_US) {
		bench_progress(run, "%s over %s: closing %s connections", conf->what, traffic.link,
				fmt_num(load_open_count(&me.load)));
		nap(LOOK_MS);
	}
	if (load_open_count(&me.load) == 0)
		return 0;
	fail("%s: %s connections did not close within %s", conf->what,
			fmt_num(load_open_count(&me.load)), fmt_us(CLOSE_US));
	link_post(&me.link, load_abort, &me.load);
	nap(1000);
	return -1;
}

static int
rest_check(const struct traffic_conf *conf, const struct traffic_told *told)
{
	const uint64_t leaked = report_leaked(me.link.client) + load_leaked(&me.load);

	if (told->server.failed != 0)
		return fail("%s: %s connections failed at the server", conf->what,
				fmt_num(told->server.failed));
	if (leaked != 0 || told->server.leaked != 0)
		return fail("%s: leaked: %s objects at the client, %s at the server", conf->what,
				fmt_num(leaked), fmt_num(told->server.leaked));
	return 0;
}

static void
told_fill(struct traffic_told *told)
{
	const struct mark *a = &me.begin, *b = &me.end;
	const struct load_stats *stats = &me.load.stats;

	told->seconds = (double)(b->us - a->us) / 1e6;
	told->lifecycles = (double)(b->stats.closed - a->stats.closed);
	told->responses = (double)(b->stats.responses - a->stats.responses);
	told->bytes_out = (double)(b->stats.bytes_out - a->stats.bytes_out);
	told->packets_in = (double)(b->packets_in - a->packets_in);
	told->packets_out = (double)(b->packets_out - a->packets_out);
	told->connect_us = b->connect_us;
	told->response_us = b->response_us;
	told->response_ns = b->response_ns;
	told->run_seconds = (double)(stats->last_us - stats->first_us) / 1e6;
	told->run_lifecycles = (double)stats->closed;
	told->run_bytes = (double)stats->bytes_out;
	told->run_packets = (double)(ptcp_counter_by_name(me.link.client, "packets_out") +
			told->server.packets_out);
	told->resent = (double)(ptcp_counter_by_name(me.link.client, "retransmitted") +
			told->server.retransmitted);
}

/*
 * Until the first connection is open: the ports, ARP and the other process may take their time. Persistent connections: until
 * all are, before the first says anything. @return 0, or -1 with one line printed
 */
static int
open_wait(const struct bench_run *run, const struct traffic_conf *conf, struct traffic_told *told)
{
	const uint64_t wanted = conf->load.held ? conf->load.connections : 1;
	const uint64_t begin = stats_clock_us();
	uint64_t now = begin, open = 0;

	while (open < wanted && now - begin < OPEN_US && !broken() && !stop_requested()) {
		bench_progress(run, "%s over %s: opening connections: %s of %s", conf->what,
				traffic.link, fmt_num(open), fmt_num(wanted));
		stop_sleep(LOOK_MS / 4);
		open = COUNT_READ(me.load.stats.established);
		now = stats_clock_us();
	}
	told->open_per_s = (double)open * 1e6 / (double)(now - begin + 1);
	if (open < wanted && !broken() && !stop_requested())
		return fail("%s: %s of %s connections were open after %s", conf->what,
				fmt_num(open), fmt_num(wanted), fmt_us(now - begin));
	link_post(&me.link, load_begin, &me.load);
	return 0;
}

static int
load_run(const struct bench_run *run, const struct traffic_conf *conf, struct traffic_told *told)
{
	int code;

	if (link_launch(&me.link) != 0)
		return -1;
	if (open_wait(run, conf, told) != 0)
		return -1;
	let_pass(run, conf, "warming up", traffic.warm_us);
	mark_wait(&me.begin);
	let_pass(run, conf, "measuring", traffic.seconds_us);
	mark_wait(&me.end);
	code = load_end(run, conf);
	if (stop_requested())
		return 0; /* what ends before its time need not end well */
	if (link_stop(&me.link, &told->server) != 0 || fails_check(conf) != 0 || code != 0)
		return -1;
	told_fill(told);
	return rest_check(conf, told);
}

int
traffic_measure(const struct bench_run *run, const struct traffic_conf *conf,
		struct traffic_told *told)
{
	int code = -1;

	memset(&me.load, 0, sizeof(me.load));
	memset(told, 0, sizeof(*told));
	bench_progress(run, "%s over %s: starting both ends", conf->what, traffic.link);
	if (link_open(&me.link, &conf->link, run->eal) == 0) {
		me.load.w = me.link.client;
		me.load.conf = conf->load;
		me.load.conf.remote = me.link.server_addr;
		me.load.conf.first_local = me.link.client_addr;
		if (load_open(&me.load, (int)rte_socket_id()) == 0)
			code = load_run(run, conf, told);
	}
	link_close(&me.link);
	load_close(&me.load);
	return stop_requested() ? 0 : code;
}

/* ------------------------------------------------------------------ notes */

void
traffic_note(struct result *result, const struct traffic_conf *conf)
{
	if (conf->link.kind == LINK_RING)
		result_note(result,
				"Link: two rings of %u packets, both ends in one process, one lcore "
				"each; no packet is copied, checksums are computed and verified in "
				"software.",
				conf->link.ring_size);
	else if (conf->link.kind == LINK_MEMIF)
		result_note(result,
				"Link: memif between two processes, one core each; rings of %u slots "
				"of %u bytes; the driver copies each packet at either end.",
				1u << LINK_MEMIF_RSIZE, LINK_MEMIF_BSIZE);
	else
		result_note(result,
				"Link: vhost and virtio_user between two processes, one core each; "
				"rings of 1,024 descriptors.");
	result_note(result,
			"Both ends have the app's defaults: timestamps, SACK, window scaling, CUBIC, "
			"keepalive, delayed ACKs, MSL 30 s. A packet rate is one direction's: packets "
			"that one end receives a second.");
}
