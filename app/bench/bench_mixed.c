/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything at once for as long as one likes: very many connections that rest, some that talk all the time, and others
 * that come and go at a rate. Nothing may drift, neither rates nor memory nor the use of any pool, and at the end the
 * counters must account for every packet.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "bench/bench.h"
#include "bench/crowd.h"
#include "fmt.h"
#include "load.h"
#include "pair.h"
#include "report.h"
#include "slots.h"
#include "stats.h"
#include "worker/worker.h"

#define CROWD_PORT  7
#define CHURN_PORT  8
#define RING_SIZE   4096u
#define RX_MBUFS    2048u
#define TX_MBUFS    16384u
#define AT_ONCE     16384u /* of the churn: open or closing */
#define WINDOW      1024u
#define RESET_TURN  64u
#define HALF_OPEN   16384u
#define BACKLOG     (1u << 20)
#define POOLS_MAX   16u
#define SAMPLES     30u /* at least; one a second when it lasts longer */
#define SECOND      UINT64_C(1000000)
#define TIMEOUT_US  (10 * SECOND)
#define QUICK_MSL   50u
#define DRIFT_MOST  3.0 /* % of a rate */
#define MEMORY_MOST (1 << 20)
#define POOL_MOST   1.0 /* % of a pool's size */

static uint64_t idle = 1000000;
static uint64_t active = 10000;
static uint64_t active_rate = 100000;
static uint64_t churn = 100000;
static uint64_t duration_us = 60 * SECOND;

/* clang-format off */
static const struct opt mixed_opts[] = {
	{OPT_TITLE, "Options of bench mixed", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "idle", "N", &idle, 1000, 10000000, NULL, "connections that rest; --quick: 2k"},
	{OPT_COUNT, "active", "N", &active, 1, 1000000, NULL, "connections that talk; --quick: 100"},
	{OPT_COUNT, "active-rate", "N", &active_rate, 100, 10000000, NULL, "64 bytes and their echo, so many a second on all of them; --quick: 2k"},
	{OPT_COUNT, "churn", "N", &churn, 100, 1000000, NULL, "lifecycles a second: connect, 64 bytes and their echo, close; --quick: 1k"},
	{OPT_TIME, "duration", "T", &duration_us, 300000, 86400000000, NULL, "what is looked at, after 2MSL in which the TIME-WAITs become as many as they will be; --quick: 600ms"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

enum phase { PHASE_REST, PHASE_OPEN, PHASE_RUN, PHASE_RESET, PHASE_DONE };

/* How it stands at a time. */
struct sample {
	uint64_t us;
	uint64_t lifecycles;
	uint64_t echoes;
	uint64_t resident;
	uint32_t used[2][POOLS_MAX];
};

static struct {
	const struct bench_run *run;
	struct result *result;
	struct pair pair;
	struct crowd crowd;
	struct load load;
	struct echo echo[2];
	struct crowd_end last[2]; /* of the client, of the server */
	ptcp_hook_t inner;        /* the load's */
	_Atomic enum phase phase;
	uint64_t run_us; /* when talking began */
	uint32_t n_samples;
	uint32_t max_samples;
	struct sample *samples;
	double pool_drift;
	char pool_drifts[64]; /* the pool that does most */
} me;

/* ------------------------------------------------------------------ sizes */

static int
mixed_check(const struct bench_run *run)
{
	if (run->quick) {
		idle = RTE_MIN(idle, UINT64_C(2000));
		active = RTE_MIN(active, UINT64_C(100));
		active_rate = RTE_MIN(active_rate, UINT64_C(2000));
		churn = RTE_MIN(churn, UINT64_C(1000));
		duration_us = 600000;
	}
	return 0;
}

static uint64_t
msl_us(void)
{
	struct ptcp_conf conf;

	ptcp_conf_init(&conf);
	return 1000 * (uint64_t)(me.run != NULL && me.run->quick ? QUICK_MSL : conf.msl_ms);
}

static uint64_t
timewaits_most(void)
{
	return churn * (2 * msl_us() + SECOND) / SECOND + AT_ONCE;
}

static void
worker_conf(struct ptcp_conf *conf, bool client)
{
	ptcp_conf_init(conf);
	conf->ipv6 = false;
	conf->max_connections = (uint32_t)(idle + active + AT_ONCE);
	conf->max_timewait = conf->max_connections + (client ? (uint32_t)timewaits_most() : 0);
	conf->max_dests = client ? crowd_addrs(idle + active) + crowd_addrs(timewaits_most()) : 1;
	conf->max_half_open = HALF_OPEN;
	conf->n_mbufs = TX_MBUFS;
	conf->msl_ms = (uint32_t)(msl_us() / 1000);
	conf->keepalive.on = true;
}

static struct pair_conf
pair_conf(void)
{
	const uint32_t crowd = crowd_addrs(idle + active), load = crowd_addrs(timewaits_most());
	struct pair_conf conf = {.ring_size = RING_SIZE,
			.n_mbufs = RX_MBUFS,
			.n_client_addrs = (uint16_t)RTE_MAX(crowd, load)};

	worker_conf(&conf.client, true);
	worker_conf(&conf.server, false);
	return conf;
}

static void
mixed_needs(const struct bench_run *run, struct app_needs *needs)
{
	me.run = run;
	const struct pair_conf conf = pair_conf();

	needs->workers = 2;
	needs->bytes = pair_memory(&conf) + 2 * PATTERN_MBUFS * 16384;
}

/* ------------------------------------------------------------------ on the lcores */

static void
client_hook(struct ptcp_worker *w, void *arg)
{
	const uint64_t now = ptcp_now_us(w);

	me.inner(w, arg);
	switch (atomic_load_explicit(&me.phase, memory_order_relaxed)) {
	case PHASE_OPEN:
		(void)crowd_open(&me.crowd);
		break;
	case PHASE_RUN:
		if (me.run_us == 0)
			me.run_us = now;
		crowd_talk(&me.crowd, me.crowd.n_talkers,
				(uint64_t)((double)active_rate * (double)(now - me.run_us) / 1e6));
		break;
	case PHASE_RESET:
		if (crowd_reset(&me.last[0], w, RESET_TURN))
			atomic_store(&me.phase, PHASE_DONE);
		break;
	default:
		break;
	}
}

static void
server_hook(struct ptcp_worker *w, void *arg)
{
	(void)arg;
	echo_turn(&me.echo[0], w);
	echo_turn(&me.echo[1], w);
	if (atomic_load_explicit(&me.phase, memory_order_relaxed) == PHASE_DONE)
		crowd_reset_late(&me.last[1], w, RESET_TURN);
}

/* ------------------------------------------------------------------ what is looked at */

static void
sample_take(void)
{
	const struct ptcp_worker *w[] = {me.pair.client.w, me.pair.server.w};
	struct ptcp_pool_info info;
	struct sample *s;

	if (me.n_samples == me.max_samples)
		return;
	s = &me.samples[me.n_samples++];
	*s = (struct sample){.us = stats_clock_us(),
			.lifecycles = COUNT_READ(me.load.stats.closed),
			.echoes = COUNT_READ(me.crowd.answered),
			.resident = machine_resident()};
	for (unsigned int end = 0; end < 2; end++)
		for (unsigned int i = 0; i < POOLS_MAX && ptcp_pool_info(w[end], i, &info) == 0;
				i++)
			s->used[end][i] = info.used;
}

/* Per cent that the last third's rate of what @p offset counts is off the first third's. */
static double
rate_drift(size_t offset)
{
	const uint32_t third = me.n_samples / 3;
	double rate[2];

	for (unsigned int last = 0; last < 2; last++) {
		const struct sample *from = &me.samples[last != 0 ? me.n_samples - 1 - third : 0];
		const struct sample *to = from + third;
		uint64_t a, b;

		memcpy(&a, (const char *)from + offset, sizeof(a));
		memcpy(&b, (const char *)to + offset, sizeof(b));
		rate[last] = (double)(b - a) / (double)(to->us - from->us);
	}
	return rate[0] > 0 ? 100 * fabs(rate[1] / rate[0] - 1) : 100;
}

/* The mean of a pool's use in a third, of the memory with @p pool POOLS_MAX. */
static double
mean_of(bool last, unsigned int end, unsigned int pool)
{
	const uint32_t third = me.n_samples / 3;
	const struct sample *s = &me.samples[last ? me.n_samples - third : 0];
	double sum = 0;

	for (uint32_t i = 0; i < third; i++)
		sum += pool == POOLS_MAX ? (double)s[i].resident : (double)s[i].used[end][pool];
	return sum / third;
}

static void
pools_drift(unsigned int end, const struct ptcp_worker *w)
{
	struct ptcp_pool_info info;

	for (unsigned int i = 0; i < POOLS_MAX && ptcp_pool_info(w, i, &info) == 0; i++) {
		const double off = info.size == 0 ?
				0 :
				100 * fabs(mean_of(true, end, i) - mean_of(false, end, i)) /
						info.size;

		if (off <= me.pool_drift)
			continue;
		me.pool_drift = off;
		snprintf(me.pool_drifts, sizeof(me.pool_drifts), "%s's %s",
				end == 0 ? "the client" : "the server", info.name);
	}
}

/* ------------------------------------------------------------------ the balance */

static uint64_t
counter(const struct pair_end *end, const char *name)
{
	return ptcp_counter_by_name(end->w, name);
}

/* Packets dropped for one of the reasons, a list that ends with NULL. */
static uint64_t
drops(const struct pair_end *end, const char *const *names)
{
	uint64_t sum = 0;

	for (; *names != NULL; names++)
		for (unsigned int i = 0; i < ptcp_drop_count(); i++)
			if (strcmp(ptcp_drop_name(i), *names) == 0)
				sum += ptcp_drop_get(end->w, i);
	return sum;
}

static uint64_t
drops_all(const struct pair_end *end)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ptcp_drop_count(); i++)
		sum += ptcp_drop_get(end->w, i);
	return sum;
}

static uint64_t
off(const char *what, const struct pair_end *end, uint64_t left, uint64_t right)
{
	if (left != right)
		warn("%s, %s: %s are not %s", end->name, what, fmt_num(left), fmt_num(right));
	return left > right ? left - right : right - left;
}

/*
 * What one end has sent, the other one has received; what it has received it has taken as something, or dropped for a
 * reason; every byte was delivered; every connection that began has ended. @return packets, bytes and connections that
 * nobody accounts for
 */
static uint64_t
unbalanced(const struct pair_end *end, const struct pair_end *peer)
{
	/* before a packet counts as a segment, as ARP or as ICMP */
	static const char *const in[] = {"eth_short", "eth_type", "eth_not_ours", "vlan_unexpected",
			"ip_short", "ip_version", "ip_hdr_len", "ip_total_len", "ip_cksum",
			"ip_fragment", "ip_source_route", "ip_option", "ip_src", "ip_land",
			"ip_not_ours", "ip_proto", "ip6_ext", "icmp_bad", "icmp_type", "icmp_quote",
			"icmp_rate", "tcp_short", "tcp_doff", "tcp_cksum", "tcp_port_zero",
			"mbuf_shape", NULL};
	/* after it counts as sent */
	static const char *const out[] = {
			"tx_full", "neigh_full", "neigh_failed", "no_route", "tx_refused", NULL};
	const uint64_t taken = counter(end, "segments_in") + counter(end, "arp_in") +
			counter(end, "icmp_echo") + counter(end, "icmp_errors");
	const uint64_t made = counter(end, "segments_out") + counter(end, "arp_out") +
			counter(end, "icmp_echo");
	uint64_t sum = 0;

	sum += off("packets on the wire", end, counter(end, "packets_in"),
			counter(peer, "packets_out"));
	sum += off("packets received", end, counter(end, "packets_in"), taken + drops(end, in));
	sum += off("packets sent", end, counter(end, "packets_out") + drops(end, out), made);
	sum += off("bytes delivered", end, counter(end, "bytes_in"), counter(peer, "bytes_out"));
	sum += off("connections", end, counter(end, "opened"),
			counter(end, "closed") + counter(end, "failed"));
	return sum;
}

/* ------------------------------------------------------------------ phases, from the main lcore */

static uint32_t
established(const struct pair_end *end)
{
	return ptcp_state_count(end->w, PTCP_ESTABLISHED);
}

static int
open_crowd(void)
{
	const uint32_t n = me.crowd.n;
	uint64_t moved = stats_clock_us();
	uint32_t last = 0;

	atomic_store(&me.phase, PHASE_OPEN);
	while (established(&me.pair.client) < n || established(&me.pair.server) < n) {
		const uint32_t now = established(&me.pair.server);

		if (stop_sleep(10))
			return 0;
		if (now != last)
			moved = stats_clock_us();
		if (COUNT_READ(me.crowd.failed) > 0 || stats_clock_us() - moved > TIMEOUT_US)
			return fail("only %s of %s connections are open", fmt_num(now), fmt_num(n));
		last = now;
		bench_progress(me.run, "mixed: opening: %s of %s", fmt_num(now), fmt_num(n));
	}
	return 0;
}

static void
run_for(const char *what, uint64_t us, bool sampling)
{
	const uint64_t begin = stats_clock_us();
	const uint64_t period = RTE_MIN(SECOND, duration_us / SAMPLES);

	for (uint64_t next = begin; next <= begin + us && !stop_requested(); next += period) {
		const uint64_t now = stats_clock_us();

		if (next > now)
			stop_sleep((unsigned int)((next - now + 999) / 1000));
		if (sampling)
			sample_take();
		bench_progress(me.run, "mixed: %s: %s of %s, %s lifecycles, %s echoes", what,
				fmt_us(stats_clock_us() - begin), fmt_us(us),
				fmt_num(COUNT_READ(me.load.stats.closed)),
				fmt_num(COUNT_READ(me.crowd.answered)));
	}
}

/* Wait until nothing of it is left. @return 0, or -1 with one line printed */
static int
wait_none(uint32_t (*left)(void), const char *what)
{
	const uint64_t end = stats_clock_us() + 3 * TIMEOUT_US;

	while (left() > 0) {
		if (stats_clock_us() > end)
			return fail("%s %s", fmt_num(left()), what);
		nap(2);
	}
	return 0;
}

static uint32_t
lifecycles_left(void)
{
	return load_open_count(&me.load);
}

static uint32_t
answers_left(void)
{
	return (uint32_t)(COUNT_READ(me.crowd.asked) - COUNT_READ(me.crowd.answered));
}

static uint32_t
connections_left(void)
{
	return established(&me.pair.client) + established(&me.pair.server) + me.crowd.tried -
			COUNT_READ(me.crowd.ended);
}

/* Everything ends as it should. */
static int
end_all(void)
{
	int ret;

	pair_post(&me.pair.client, load_stop, &me.load);
	atomic_store(&me.phase, PHASE_REST);
	nap(5);
	ret = wait_none(lifecycles_left, "lifecycles do not end");
	if (ret == 0)
		ret = wait_none(answers_left, "answers do not come");
	if (ret != 0)
		return ret;
	atomic_store(&me.phase, PHASE_RESET);
	return wait_none(connections_left, "connections are left after they were reset");
}

static int
phases(void)
{
	int ret;

	if (pair_launch(&me.pair, me.run->eal->shared_cpu) != 0)
		return fail("the workers' lcores are busy");
	ret = open_crowd();
	if (ret == 0 && !stop_requested()) {
		pair_post(&me.pair.client, load_again, &me.load);
		atomic_store(&me.phase, PHASE_RUN);
		run_for("until TIME-WAITs end", 2 * msl_us(), false);
		run_for("measuring", duration_us, true);
	}
	if (ret == 0 && !stop_requested())
		ret = end_all();
	pair_halt(&me.pair);
	pair_settle(&me.pair);
	return ret;
}

/* ------------------------------------------------------------------ one repetition */

static void
figures(void)
{
	const struct sample *first = &me.samples[0], *last = &me.samples[me.n_samples - 1];
	const struct load_stats *stats = &me.load.stats;
	const double s = (double)(last->us - first->us) / 1e6;
	const double all = (double)(stats->closed + stats->failed + stats->aborted);
	struct result *r = me.result;

	result_add(r, NULL, "churn_rate", "1/s",
			(double)(last->lifecycles - first->lifecycles) / s);
	result_add(r, NULL, "churn_success", "%", all > 0 ? 100 * (double)stats->closed / all : 0);
	result_add(r, NULL, "churn_drift", "%", rate_drift(offsetof(struct sample, lifecycles)));
	result_add(r, NULL, "connect_p50", "us",
			(double)hist_quantile(&me.load.connect_us, 50, 100));
	result_add(r, NULL, "connect_p99", "us",
			(double)hist_quantile(&me.load.connect_us, 99, 100));
	result_add(r, NULL, "echo_rate", "1/s", (double)(last->echoes - first->echoes) / s);
	result_add(r, NULL, "echo_drift", "%", rate_drift(offsetof(struct sample, echoes)));
	result_add(r, NULL, "echo_p50", "us", (double)hist_quantile(&me.crowd.echo_us, 50, 100));
	result_add(r, NULL, "echo_p99", "us", (double)hist_quantile(&me.crowd.echo_us, 99, 100));
	result_add(r, NULL, "memory_drift", "B",
			fabs(mean_of(true, 0, POOLS_MAX) - mean_of(false, 0, POOLS_MAX)));
	me.pool_drift = 0;
	pools_drift(0, me.pair.client.w);
	pools_drift(1, me.pair.server.w);
	result_add(r, NULL, "pool_drift", "%", me.pool_drift);
	result_add(r, NULL, "dropped", "packets",
			(double)(drops_all(&me.pair.client) + drops_all(&me.pair.server)));
	result_add(r, NULL, "unbalanced", "units",
			(double)(unbalanced(&me.pair.client, &me.pair.server) +
					unbalanced(&me.pair.server, &me.pair.client)));
}

static int
leaks(void)
{
	const uint64_t leaked = report_leaked(me.pair.client.w) + report_leaked(me.pair.server.w) +
			load_leaked(&me.load);

	if (me.crowd.failed > 0 || me.crowd.wrong > 0)
		return fail("%s connections ended, %s wrong bytes came back",
				fmt_num(me.crowd.failed), fmt_num(me.crowd.wrong));
	if (leaked == 0 && me.echo[0].lost + me.echo[1].lost == 0)
		return 0;
	report_pools_heading();
	report_pools("client", me.pair.client.w);
	report_pools("server", me.pair.server.w);
	return fail("%s objects leaked, %s echoes lost", fmt_num(leaked),
			fmt_num(me.echo[0].lost + me.echo[1].lost));
}

static int
open_all(void)
{
	const struct pair_conf conf = pair_conf();
	struct pair *pair = &me.pair;
	struct ptcp_addr addr = pair->server.addr;

	if (crowd_init(&me.crowd) != 0 || pair_open(pair, &conf) != 0)
		return -1;
	me.crowd.w = me.load.w = pair->client.w;
	addr.port = CHURN_PORT;
	me.load.conf = (struct load_conf){
			.remote = addr,
			.first_local = pair->client.addr,
			.n_locals = crowd_addrs(timewaits_most()),
			.concurrency = AT_ONCE,
			.cps = churn,
			.requests = 1,
			.request_size = CROWD_TALK_BYTES,
			.timeout_us = TIMEOUT_US,
	};
	if (echo_listen(&me.echo[0], pair->server.w, &me.crowd.remote, BACKLOG) != 0 ||
			echo_listen(&me.echo[1], pair->server.w, &addr, BACKLOG) != 0 ||
			load_open(&me.load, (int)rte_socket_id()) != 0)
		return -1;
	me.load.stopping = true; /* until the crowd is there */
	me.inner = pair->client.w->hook;
	ptcp_worker_hook(pair->client.w, client_hook, &me.load);
	ptcp_worker_hook(pair->server.w, server_hook, NULL);
	return 0;
}

static int
repeat(void)
{
	struct crowd *crowd = &me.crowd;
	int ret;

	me.pair = pair_init;
	memset(&me.load, 0, sizeof(me.load));
	memset(me.echo, 0, sizeof(me.echo));
	memset(crowd, 0, sizeof(*crowd));
	memset(me.last, 0, sizeof(me.last));
	atomic_store(&me.phase, PHASE_REST);
	me.run_us = 0;
	me.n_samples = 0;
	crowd->n = (uint32_t)(idle + active);
	crowd->n_talkers = (uint32_t)active;
	crowd->window = WINDOW;
	crowd->n_locals = crowd_addrs(crowd->n);
	crowd->first_local = me.pair.client.addr;
	crowd->remote = me.pair.server.addr;
	crowd->remote.port = CROWD_PORT;
	ret = open_all();
	if (ret == 0)
		ret = phases();
	if (ret == 0 && !stop_requested())
		ret = leaks();
	if (ret == 0 && !stop_requested())
		figures();
	pair_close(&me.pair);
	load_close(&me.load);
	crowd_free(crowd);
	return ret;
}

/* ------------------------------------------------------------------ run */

static int
mixed_run(const struct bench_run *run, struct result *result)
{
	int ret = 0;

	me.run = run;
	me.result = result;
	me.max_samples = (uint32_t)(duration_us / SECOND) + SAMPLES + 2;
	me.samples = calloc(me.max_samples, sizeof(me.samples[0]));
	if (me.samples == NULL)
		return fail("no memory for %s samples", fmt_num(me.max_samples));
	/* now, not while memory is looked at */
	memset(me.samples, 0xff, me.max_samples * sizeof(me.samples[0]));
	for (uint32_t i = 0; i < run->repeat && ret == 0 && !stop_requested(); i++)
		ret = repeat();
	free(me.samples);
	result_target(result, "lifecycles a second, last third off the first, %", "churn_drift",
			true, DRIFT_MOST);
	result_target(result, "echoes a second, last third off the first, %", "echo_drift", true,
			DRIFT_MOST);
	result_target(result, "memory, last third off the first, bytes", "memory_drift", true,
			MEMORY_MOST);
	result_target(result, "use of any pool, last third off the first, % of its size",
			"pool_drift", true, POOL_MOST);
	result_target(result, "lifecycles that end as they should, %", "churn_success", false, 100);
	result_target(result, "packets, bytes and connections that no counter accounts for",
			"unbalanced", true, 0);
	if (ret == 0 && me.pool_drift > 0)
		result_note(result, "pool_drift: most of it %s, in the last repetition.",
				me.pool_drifts);
	return ret;
}

const struct bench bench_mixed = {
		.name = "mixed",
		.help = "resting, talking and short connections at once: nothing drifts, counters balance",
		.opts = mixed_opts,
		.check = mixed_check,
		.needs = mixed_needs,
		.run = mixed_run,
};
