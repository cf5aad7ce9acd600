/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench turns: whole lifecycles through both ends, which take turns on one lcore in virtual time. Neither the scheduler nor
 * another core has a say, and the keys of the tables are fixed: under callgrind it repeats to the instruction, which is
 * what tools/bench --instructions counts. A turn is as long as it would be at a million lifecycles a second, and MSL is so
 * short that TIME-WAITs end as fast as they begin.
 */
#include "bench/bench.h"

#include <stdio.h>

#include "fmt.h"
#include "pair.h"
#include "worker/worker.h"

#define LISTEN_PORT 7
#define BYTES       64 /* of a request and of a response */
#define MSL_MS      10
#define TURN_US     10
#define RING_SIZE   4096
#define IDLE_MAX    1000000 /* turns without an end: it hangs */
#define WARM_MSLS   4       /* until as many TIME-WAITs end as begin */

static uint64_t lifecycles = 100000;
static uint64_t concurrency = 256;

/* clang-format off */
static const struct opt turns_opts[] = {
	{OPT_TITLE, "Options of turns", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "lifecycles", "N", &lifecycles, 1, 100000000, NULL, "of each repetition"},
	{OPT_COUNT, "concurrency", "N", &concurrency, 1, 1024, NULL, "connections open at once"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static struct {
	struct pair pair;
	uint64_t now;
	uint64_t open;   /* connections of the client */
	uint64_t closed; /* in order */
	uint64_t failed;
	bool stop; /* open no more */
} me;

/* ------------------------------------------------------------------ the two applications */

static void
take_all(struct ptcp_worker *w, ptcp_conn_t c)
{
	uint8_t bytes[BYTES];

	while (ptcp_recv_copy(w, c, bytes, sizeof(bytes)) > 0)
		;
}

/* The response and the FIN leave in one segment. */
static void
server_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	static const uint8_t response[BYTES];

	(void)arg;
	take_all(w, c);
	if (ptcp_send_copy(w, c, response, sizeof(response)) != BYTES)
		me.failed++;
	(void)ptcp_close(w, c);
}

/* With the handshake's ACK. */
static void
client_connected(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	static const uint8_t request[BYTES];

	(void)arg;
	if (ptcp_send_copy(w, c, request, sizeof(request)) != BYTES)
		me.failed++;
}

static void
client_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	(void)arg;
	take_all(w, c);
}

static void
client_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	(void)arg;
	(void)ptcp_close(w, c);
}

static void
client_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	(void)w;
	(void)c;
	(void)arg;
	me.open--;
	if (reason == PTCP_REASON_DONE)
		me.closed++;
	else
		me.failed++;
}

static const struct ptcp_ops server_ops = {.readable = server_readable};
static const struct ptcp_ops client_ops = {
		.connected = client_connected,
		.readable = client_readable,
		.peer_closed = client_peer_closed,
		.closed = client_closed,
};

static void
client_hook(struct ptcp_worker *w, void *arg)
{
	struct ptcp_addr remote = me.pair.server.addr;
	ptcp_conn_t c;

	(void)arg;
	remote.port = LISTEN_PORT;
	/* The first one alone: the others would wait for its ARP, where there is no room for all. */
	while (!me.stop && me.open < (me.closed == 0 ? 1 : concurrency)) {
		if (ptcp_connect(w, &remote, NULL, &client_ops, NULL, &c) != 0) {
			me.failed++;
			return;
		}
		me.open++;
	}
}

/* ------------------------------------------------------------------ time */

/* A clock that stands until it is moved. */
static void
clock_set(struct ptcp_worker *w, uint64_t us)
{
	w->clock.mult = 0;
	w->clock.start = us;
}

/* What is random otherwise: buckets collide in each run as they did in the last one. */
static const struct tcp_secrets known = {
		.hash_key = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL},
		.isn_key = {0xa4093822299f31d0ULL, 0x082efa98ec4e6c89ULL},
};

static void
turn(void)
{
	me.now += TURN_US;
	clock_set(me.pair.client.w, me.now);
	clock_set(me.pair.server.w, me.now);
	(void)ptcp_worker_poll(me.pair.client.w);
	(void)ptcp_worker_poll(me.pair.server.w);
}

/* tools/bench --instructions has callgrind count in here and nowhere else. @return 0, or -1: nothing ends any more */
static __attribute__((noinline, used)) int
turns_until_closed(uint64_t n)
{
	const uint64_t last = me.closed + n;
	uint64_t idle = 0;

	while (me.closed < last && idle++ < IDLE_MAX) {
		const uint64_t closed = me.closed;

		turn();
		if (me.closed != closed)
			idle = 0;
	}
	return me.closed < last ? -1 : 0;
}

/* ------------------------------------------------------------------ run */

static struct pair_conf
pair_conf(void)
{
	struct pair_conf conf = {
			.ring_size = RING_SIZE, .n_mbufs = 4 * RING_SIZE, .n_client_addrs = 2};
	struct ptcp_conf *worker = &conf.client;

	ptcp_conf_init(worker);
	worker->max_connections = 16384;
	worker->max_timewait = 65536;
	worker->max_dests = 4;
	worker->msl_ms = MSL_MS;
	worker->ipv6 = false;
	worker->keepalive.on = true;
	conf.server = *worker;
	return conf;
}

static void
turns_needs(const struct bench_run *run, struct app_needs *needs)
{
	const struct pair_conf conf = pair_conf();

	(void)run;
	needs->bytes = pair_memory(&conf);
	needs->own_ports = true;
}

static uint64_t
both(const char *counter)
{
	return ptcp_counter_by_name(me.pair.client.w, counter) +
			ptcp_counter_by_name(me.pair.server.w, counter);
}

static int
repeat(const struct bench_run *run, struct result *result)
{
	const uint64_t n = run->quick ? 20000 : lifecycles, packets = both("packets_out");
	const uint64_t again = both("retransmitted"), closed = me.closed, cpu = bench_cpu_ns();
	uint64_t done;

	if (turns_until_closed(n) != 0)
		return fail("turns: no connection ends any more: %s are open", fmt_num(me.open));
	done = me.closed - closed;
	result_add(result, NULL, "lifecycle", "ns", (double)(bench_cpu_ns() - cpu) / (double)done);
	result_add(result, NULL, "packets_a_lifecycle", "",
			(double)(both("packets_out") - packets) / (double)done);
	result_add(result, NULL, "sent_again", "", (double)(both("retransmitted") - again));
	return 0;
}

static int
measure(const struct bench_run *run, struct result *result)
{
	const struct ptcp_addr any = {.family = 4, .port = LISTEN_PORT};
	const uint64_t warm = WARM_MSLS * UINT64_C(1000) * MSL_MS / TURN_US;
	int ret = 0;

	me.now = ptcp_now_us(me.pair.client.w) + TIME_US_PER_SEC;
	if (ptcp_listen(me.pair.server.w, &any, 1024, &server_ops, NULL) < 0)
		return fail("turns: cannot listen");
	ptcp_worker_hook(me.pair.client.w, client_hook, NULL);
	for (uint64_t i = 0; i < warm; i++)
		turn();
	for (uint32_t i = 0; i < run->repeat && ret == 0 && !stop_requested(); i++) {
		bench_progress(run, "turns: %u of %u", i + 1, (unsigned int)run->repeat);
		ret = repeat(run, result);
	}
	me.stop = true;
	for (uint64_t i = 0; i < IDLE_MAX && me.open > 0; i++)
		turn();
	for (uint64_t i = 0; i < 3 * UINT64_C(1000) * MSL_MS / TURN_US; i++)
		turn();
	if (ret == 0 && (me.failed > 0 || me.open > 0 || both("retransmitted") > 0))
		ret = fail("turns: %s failed, %s still open, %s segments sent again",
				fmt_num(me.failed), fmt_num(me.open),
				fmt_num(both("retransmitted")));
	return ret;
}

static int
turns_run(const struct bench_run *run, struct result *result)
{
	const struct pair_conf conf = pair_conf();
	int ret;

	me.pair = pair_init;
	worker_secrets_set(&known);
	ret = pair_open(&me.pair, &conf);
	if (ret == 0)
		ret = measure(run, result);
	result_target(result, "packets a lifecycle", "packets_a_lifecycle", true, 6.01);
	pair_close(&me.pair);
	return ret;
}

const struct bench bench_turns = {
		.name = "turns",
		.help = "lifecycles through both ends in turn on one lcore, in virtual time",
		.opts = turns_opts,
		.needs = turns_needs,
		.run = turns_run,
};
