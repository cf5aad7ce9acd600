/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Very many established connections, both ends in this process. First they are opened as fast as can be: how fast that is
 * over the size, what memory each end takes, and whether some of them can talk. Then they are opened again at an even
 * rate, so that keepalive's deadlines are spread as evenly, and each end is probed once: whether that is on time, and what
 * it costs. Keepalive is armed on both ends of all of them; nothing is switched off.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/side.h"
#include "fmt.h"
#include "pair.h"
#include "report.h"
#include "slots.h"
#include "stats.h"
#include "worker/worker.h"

#define ECHO_PORT  7
#define RING_SIZE  4096u
#define RX_MBUFS   2048u /* a ring's packets are the sender's: these are for what has to be copied */
#define TX_MBUFS   8192u
#define BLOCKS     16384u
#define HALF_OPEN  16384u
#define TALK_SHARE 100u /* one of so many talks */
#define TALK_MOST  256u
#define TALK_RATE                                                                                  \
	100000u /* a second: each keeps a block at the other end until its delayed ACK is there */
#define RESET_TURN 64u
#define KERNEL     "kernel" /* the name that --side is to give it */
#define SECOND     UINT64_C(1000000)
#define PROMPT_US  1000u /* a probe that leaves later than this is late */

static uint64_t connections = 100000;
static uint64_t idle_us = 20 * SECOND;
static uint64_t open_rate;
static uint64_t window = 1024;

/* clang-format off */
static const struct opt idle_opts[] = {
	{OPT_TITLE, "Options of bench idle", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "connections", "N", &connections, 1000, 50000000, NULL, "established at once, each with both its ends here; --quick: 2k"},
	{OPT_TIME, "keepalive-idle", "T", &idle_us, 500000, 7200000000, NULL, "after so long without a segment a probe is due; --quick: 1s"},
	{OPT_COUNT, "open-rate", "N", &open_rate, 1000, 100000000, NULL, "opened a second, and so probed, when it is about probes; unset: all in half of --keepalive-idle"},
	{OPT_COUNT, "window", "N", &window, 1, HALF_OPEN, NULL, "handshakes at once"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

enum phase { PHASE_OPEN, PHASE_REST, PHASE_TALK, PHASE_RESET, PHASE_DONE };

/* One worker as its lcore runs it. Written there. */
struct side {
	struct pair_end *end;
	uint64_t busy;      /* ticks of turns that had packets, or a tick of the wheel */
	uint64_t probes;    /* keepalive's, the first of each time */
	uint64_t again;     /* those that had to be repeated */
	uint64_t late;      /* later than PROMPT_US */
	struct hist lag_us; /* of probes, behind the tick that they were due in */
	struct crowd_end last;
	uint64_t began;       /* ticks: this turn */
	uint64_t taken_until; /* ticks: when somebody else last gave the CPU back */
	uint64_t switches;
	uint64_t disturbed; /* probes that fell due before that */
};

static struct {
	const struct bench_run *run;
	struct result *result;
	struct pair pair;
	struct side client;
	struct side server;
	struct crowd crowd;
	struct echo echo;
	_Atomic enum phase phase;
	uint64_t turn_most; /* ticks */
	uint64_t talk_us;   /* when talking began */
	uint64_t resident;  /* most, above what there was before */
} me;

/* ------------------------------------------------------------------ sizes */

static int
idle_check(const struct bench_run *run)
{
	if (run->quick) {
		connections = connections > 2000 ? 2000 : connections;
		idle_us = idle_us > SECOND ? SECOND : idle_us;
	}
	if (open_rate == 0)
		open_rate = connections * 2 * SECOND / idle_us;
	if (open_rate == 0 || connections * SECOND / open_rate > idle_us / 10 * 9)
		return fail("--open-rate: %s: the first probe would be due before the last connection is open",
				fmt_num(open_rate));
	return 0;
}

static void
worker_conf(struct ptcp_conf *conf, bool client)
{
	ptcp_conf_init(conf);
	conf->max_connections = (uint32_t)connections;
	conf->max_timewait = conf->max_connections; /* the least there may be */
	/* Who rests has neither; only the 1 % that talk take turns with them. */
	conf->max_blocks = BLOCKS;
	conf->max_nodes = 2 * BLOCKS;
	conf->max_dests = client ? crowd_addrs(connections) : 1;
	conf->max_half_open = connections < HALF_OPEN ? (uint32_t)connections : HALF_OPEN;
	conf->n_mbufs = TX_MBUFS;
	conf->ipv6 = false;
	conf->keepalive.on = true;
	conf->keepalive.idle_ms = (uint32_t)(idle_us / 1000);
}

static struct pair_conf
pair_conf(void)
{
	struct pair_conf conf = {.ring_size = RING_SIZE,
			.n_mbufs = RX_MBUFS,
			.n_client_addrs = (uint16_t)crowd_addrs(connections)};

	worker_conf(&conf.client, true);
	worker_conf(&conf.server, false);
	return conf;
}

static void
idle_needs(const struct bench_run *run, struct app_needs *needs)
{
	const struct pair_conf conf = pair_conf();

	(void)run;
	needs->workers = 2;
	needs->bytes = pair_memory(&conf);
}

/* ------------------------------------------------------------------ on the lcores */

/*
 * What has taken until @p now was long. If a context switch fell into it, somebody else had the CPU; if not, all of it was
 * our own.
 */
static void
was_long(struct side *side, uint64_t now)
{
	struct rusage usage;
	uint64_t switches;

	getrusage(RUSAGE_THREAD, &usage);
	switches = (uint64_t)(usage.ru_nivcsw + usage.ru_nvcsw);
	if (switches != side->switches)
		side->taken_until = now;
	side->switches = switches;
}

/*
 * A turn's ticks count unless it had nothing at all to do, or lasted longer than any can: then the CPU was somebody
 * else's. @return the ticks now
 */
static uint64_t
turn(struct side *side, uint64_t *tick, uint64_t before)
{
	struct ptcp_worker *w = side->end->w;
	uint64_t now;
	uint32_t n;

	side->began = before;
	n = ptcp_worker_poll(w);
	now = rte_rdtsc();
	if (now - before >= me.turn_most)
		was_long(side, now);
	if ((n > 0 || w->ctx.wheel.now != *tick) && now - before < me.turn_most)
		COUNT(side->busy, now - before);
	*tick = w->ctx.wheel.now;
	return now;
}

static int
one_main(void *arg)
{
	struct side *side = arg;
	uint64_t now = rte_rdtsc(), tick = 0;

	while (!atomic_load_explicit(&me.pair.stop, memory_order_relaxed))
		now = turn(side, &tick, now);
	ptcp_worker_settle(side->end->w);
	return 0;
}

static int
both_main(void *arg)
{
	uint64_t now = rte_rdtsc(), client_tick = 0, server_tick = 0;

	(void)arg;
	while (!atomic_load_explicit(&me.pair.stop, memory_order_relaxed)) {
		now = turn(&me.client, &client_tick, now);
		now = turn(&me.server, &server_tick, now);
	}
	return 0;
}

static int
launch(void)
{
	const unsigned int first = rte_get_next_lcore((unsigned int)-1, 1, 0);
	const unsigned int second = rte_get_next_lcore(first, 1, 0);

	atomic_store(&me.pair.stop, false);
	if (me.run->eal->shared_cpu)
		return rte_eal_remote_launch(both_main, NULL, first);
	if (rte_eal_remote_launch(one_main, &me.server, first) != 0)
		return -1;
	return rte_eal_remote_launch(one_main, &me.client, second);
}

static void
talk_turn(uint64_t now)
{
	uint64_t due;

	if (me.talk_us == 0)
		me.talk_us = now;
	due = (now - me.talk_us) * TALK_RATE / SECOND + 1;
	crowd_talk(&me.crowd, TALK_MOST, RTE_MIN(due, (uint64_t)me.crowd.n_talkers));
}

static void
client_hook(struct ptcp_worker *w, void *arg)
{
	(void)arg;
	switch (atomic_load_explicit(&me.phase, memory_order_relaxed)) {
	case PHASE_OPEN:
		(void)crowd_open(&me.crowd);
		break;
	case PHASE_TALK:
		talk_turn(ptcp_now_us(w));
		break;
	case PHASE_RESET:
		if (crowd_reset(&me.client.last, w, RESET_TURN))
			atomic_store(&me.phase, PHASE_DONE);
		break;
	default:
		break;
	}
}

static void
server_hook(struct ptcp_worker *w, void *arg)
{
	echo_turn(arg, w);
	if (atomic_load_explicit(&me.phase, memory_order_relaxed) == PHASE_DONE)
		crowd_reset_late(&me.server.last, w, RESET_TURN);
}

/* ------------------------------------------------------------------ probes */

/* A segment leaves: if it is a probe, how long after the tick in which it was due? */
static void
probe_seen(struct ptcp_worker *w, const struct tcp_seg *seg, uint32_t index, uint32_t len,
		bool sent, bool rexmt)
{
	struct side *side = w == me.client.end->w ? &me.client : &me.server;
	const struct tcp_tcb *tcb;
	time_us_t now;
	uint64_t late_us, ticks;
	uint32_t late_ms;

	(void)rexmt;
	if (!sent || index == PTCP_NIL || len != 0 || seg->flags != TCP_ACK)
		return;
	tcb = tcp_at(&w->ctx, index);
	if ((tcb->flags & TF_KEEP_PROBE) == 0 || seg->seq != tcb->snd_nxt - 1)
		return;
	if (tcb->probes != 1) {
		COUNT(side->again, 1);
		return;
	}
	ticks = rte_rdtsc();
	if (ticks - side->began >= me.turn_most)
		was_long(side, ticks);
	now = tsc_us(&w->clock, ticks);
	late_ms = time_us_to_ms(now) - tcb->t_recv - (uint32_t)(idle_us / 1000);
	late_us = (uint64_t)late_ms * TIME_US_PER_MS + now % TIME_US_PER_MS;
	COUNT(side->probes, 1);
	if (ticks - (uint64_t)((double)late_us * me.run->hz / 1e6) < side->taken_until) {
		side->disturbed++;
		return;
	}
	hist_add(&side->lag_us, late_us);
	if (late_us > PROMPT_US)
		side->late++;
}

static void
watch_probes(struct ptcp_worker *w, void *arg)
{
	(void)arg;
	w->trace = probe_seen;
}

/* ------------------------------------------------------------------ phases, from the main lcore */

static uint32_t
both_established(void)
{
	const uint32_t client = ptcp_state_count(me.client.end->w, PTCP_ESTABLISHED);
	const uint32_t server = ptcp_state_count(me.server.end->w, PTCP_ESTABLISHED);

	return client < server ? client : server;
}

static void
resident_take(uint64_t before)
{
	const uint64_t now = machine_resident();

	if (now > before && now - before > me.resident)
		me.resident = now - before;
}

/*
 * Wait until @p done_of counts @p all, looking every @p look_ms, with a line of progress; no longer than @p limit_us after
 * the last step forwards.
 * @return 0, or -1 with one line printed; a stop that is asked for is no error
 */
static int
wait_for(uint64_t (*done_of)(void), uint64_t all, const char *what, uint64_t limit_us,
		unsigned int look_ms)
{
	uint64_t last = done_of(), moved = stats_clock_us();

	for (unsigned int i = 0; last < all; i++) {
		uint64_t now;

		if (stop_requested() || stop_sleep(look_ms))
			return 0;
		now = done_of();
		if (now != last)
			moved = stats_clock_us();
		else if (stats_clock_us() - moved > limit_us)
			return fail("%s: only %s of %s", what, fmt_num(now), fmt_num(all));
		last = now;
		if (i * look_ms % 256 < look_ms)
			bench_progress(me.run, "idle: %s: %s of %s", what, fmt_num(now),
					fmt_num(all));
	}
	return 0;
}

static uint64_t
opened_count(void)
{
	return COUNT_READ(me.crowd.failed) > 0 ? connections : both_established();
}

static uint64_t
answered_count(void)
{
	return COUNT_READ(me.crowd.answered);
}

static uint64_t
probes_count(void)
{
	return COUNT_READ(me.client.probes) + COUNT_READ(me.server.probes);
}

/* Ends that are no more, and events that said so. */
static uint64_t
gone_count(void)
{
	const uint32_t client = ptcp_state_count(me.client.end->w, PTCP_ESTABLISHED);
	const uint32_t server = ptcp_state_count(me.server.end->w, PTCP_ESTABLISHED);

	return 2 * connections - client - server + COUNT_READ(me.crowd.ended);
}

/* ------------------------------------------------------------------ figures */

/* "WHAT_10k": connections a second over the last tenth of the way there. */
static void
rate_figures(void)
{
	const struct crowd *crowd = &me.crowd;
	double first = 0, rate = 0;
	char name[RESULT_NAME_MAX];

	for (uint32_t i = 0; i + 1 < crowd->n_marks; i += 2) {
		const struct crowd_mark *from = &crowd->mark[i], *to = &crowd->mark[i + 1];

		if (to->us <= from->us)
			continue;
		rate = (to->n - from->n) * 1e6 / (double)(to->us - from->us);
		first = first > 0 ? first : rate;
		snprintf(name, sizeof(name), "open_rate_%s", bench_size_name(to->n));
		result_add(me.result, NULL, name, "1/s", rate);
	}
	if (first > 0 && connections > 10000)
		result_add(me.result, NULL, "open_rate_kept", "x", rate / first);
}

static size_t
mbuf_bytes(const struct rte_mempool *pool)
{
	return (size_t)pool->size * (pool->header_size + pool->elt_size + pool->trailer_size);
}

/* Memory of the worker's parts, as their sizes say. */
struct parts {
	double tcb, table, timewait, port, queues, mbufs, all;
};

static void
parts_add(struct parts *parts, const struct ptcp_worker *w)
{
	const double n = 2.0 * (double)connections;
	const struct tcp_conf *conf = &w->ctx.conf;
	const double core = (double)tcp_memory_size(conf) / n;
	const double table = (double)conn_table_size(conf->max_tcbs) / n;
	const double mbufs = (double)(mbuf_bytes(w->rx_pool) + mbuf_bytes(w->hdr.pool) +
					     mbuf_bytes(w->ind.pool)) /
			n;
	struct ptcp_pool_info info;
	double named = table;

	for (unsigned int i = 0; ptcp_pool_info(w, i, &info) == 0; i++) {
		const double bytes = (double)info.bytes / n;
		double *part = strcmp(info.name, "tcb") == 0       ? &parts->tcb :
				strcmp(info.name, "timewait") == 0 ? &parts->timewait :
				strcmp(info.name, "port") == 0     ? &parts->port :
								     NULL;

		if (part == NULL)
			continue;
		*part += bytes;
		named += bytes;
	}
	parts->table += table;
	parts->queues += core - named;
	parts->mbufs += mbufs;
	parts->all += core + mbufs + (double)(sizeof(*w) + neigh_size()) / n;
}

static void
memory_figures(void)
{
	struct parts parts = {0};

	parts_add(&parts, me.client.end->w);
	parts_add(&parts, me.server.end->w);
	result_add(me.result, NULL, "bytes_tcb", "B", parts.tcb);
	result_add(me.result, NULL, "bytes_table", "B", parts.table);
	result_add(me.result, NULL, "bytes_timewait", "B", parts.timewait);
	result_add(me.result, NULL, "bytes_ports", "B", parts.port);
	result_add(me.result, NULL, "bytes_queues", "B", parts.queues);
	result_add(me.result, NULL, "bytes_mbufs", "B", parts.mbufs);
	result_add(me.result, NULL, "bytes_computed", "B", parts.all);
	if (me.resident == 0)
		return;
	const double measured = (double)me.resident / (2.0 * (double)connections);

	result_add(me.result, NULL, "bytes_measured", "B", measured);
	result_add(me.result, NULL, "bytes_off", "%", 100 * fabs(measured / parts.all - 1));
}

static void
probe_figures(uint64_t client_busy, uint64_t server_busy)
{
	static struct hist lag;
	const uint64_t most = client_busy > server_busy ? client_busy : server_busy;
	const double n = (double)probes_count();

	memset(&lag, 0, sizeof(lag));
	hist_merge(&lag, &me.client.lag_us);
	hist_merge(&lag, &me.server.lag_us);
	result_add(me.result, NULL, "probe_lag_p50", "us", (double)hist_quantile(&lag, 50, 100));
	result_add(me.result, NULL, "probe_lag_p99", "us", (double)hist_quantile(&lag, 99, 100));
	result_add(me.result, NULL, "probe_lag_p999", "us", (double)hist_quantile(&lag, 999, 1000));
	result_add(me.result, NULL, "probe_lag_longest", "us", (double)lag.max);
	result_add(me.result, NULL, "probe_late", "%",
			100 * (double)(me.client.late + me.server.late) / n);
	result_add(me.result, NULL, "probe_disturbed", "%",
			100 * (double)(me.client.disturbed + me.server.disturbed) / n);
	result_add(me.result, NULL, "probe_cpu", "ns",
			(double)(client_busy + server_busy) * 1e9 / me.run->hz / n);
	/* Each end is probed once in that time, and for ever so. */
	result_add(me.result, NULL, "probe_core", "%",
			100 * (double)most * 1e6 / me.run->hz / (double)idle_us);
}

/* ------------------------------------------------------------------ one repetition */

/* @param rate a second, 0: as fast as can be */
static int
open_all(uint64_t rate)
{
	struct crowd *crowd = &me.crowd;

	crowd_again(crowd);
	memset(&me.client.last, 0, sizeof(me.client.last));
	memset(&me.server.last, 0, sizeof(me.server.last));
	crowd->rate = rate;
	atomic_store(&me.phase, PHASE_OPEN);
	if (wait_for(opened_count, connections, "opening", 10 * SECOND, 1) != 0)
		return -1;
	if (crowd->failed > 0)
		return fail("%s connections could not be opened: %s", fmt_num(crowd->failed),
				crowd->error != 0 ? strerror(-crowd->error) : "they ended");
	atomic_store(&me.phase, PHASE_REST);
	return 0;
}

static int
talk(void)
{
	atomic_store(&me.phase, PHASE_TALK);
	if (wait_for(answered_count, me.crowd.n_talkers, "talking", 10 * SECOND, 1) != 0)
		return -1;
	atomic_store(&me.phase, PHASE_REST);
	if (stop_requested())
		return 0;
	if (me.crowd.wrong > 0)
		return fail("%s bytes came back that were not sent", fmt_num(me.crowd.wrong));
	result_add(me.result, NULL, "echo_p50", "us",
			(double)hist_quantile(&me.crowd.echo_us, 50, 100));
	result_add(me.result, NULL, "echo_p99", "us",
			(double)hist_quantile(&me.crowd.echo_us, 99, 100));
	return 0;
}

/* Until each end of each connection was probed once. */
static int
probe_all(void)
{
	const uint64_t client = COUNT_READ(me.client.busy), server = COUNT_READ(me.server.busy);

	if (wait_for(probes_count, 2 * connections, "keepalive probes", idle_us + 5 * SECOND, 50) !=
			0)
		return -1;
	stop_sleep(10); /* for the last answers */
	if (stop_requested())
		return 0;
	if (me.client.again + me.server.again > 0)
		return fail("%s probes were not answered",
				fmt_num(me.client.again + me.server.again));
	if (both_established() != connections)
		return fail("only %s of %s connections are left", fmt_num(both_established()),
				fmt_num(connections));
	probe_figures(COUNT_READ(me.client.busy) - client, COUNT_READ(me.server.busy) - server);
	return 0;
}

/* @param figure how fast that was, NULL: nobody wants to know */
static int
reset_all(const char *figure)
{
	const uint64_t began = stats_clock_us();

	atomic_store(&me.phase, PHASE_RESET);
	if (wait_for(gone_count, 3 * connections, "resetting", 10 * SECOND, 1) != 0)
		return -1;
	if (figure != NULL && !stop_requested())
		result_add(me.result, NULL, figure, "1/s",
				(double)connections * 1e6 / (double)(stats_clock_us() - began + 1));
	return 0;
}

/* Each step unless one before it failed, or a stop was asked for. */
static int
phases(uint64_t before)
{
	int ret = 0;

	if (launch() != 0)
		return fail("the workers' lcores are busy");
	ret = open_all(0);
	resident_take(before);
	if (ret == 0 && !stop_requested())
		ret = talk();
	resident_take(before);
	if (ret == 0 && !stop_requested())
		ret = reset_all("reset_rate");
	if (ret == 0 && !stop_requested()) {
		rate_figures();
		pair_post(&me.pair.client, watch_probes, NULL);
		pair_post(&me.pair.server, watch_probes, NULL);
		ret = open_all(open_rate);
	}
	if (ret == 0 && !stop_requested())
		ret = probe_all();
	resident_take(before);
	if (ret == 0 && !stop_requested())
		ret = reset_all(NULL);
	pair_halt(&me.pair);
	return ret;
}

/* The marks between which the speed of opening is taken: the last tenth of the way to each size. */
static void
marks_set(struct crowd *crowd)
{
	static const uint32_t sizes[] = {10000, 100000, 1000000, 10000000};
	uint32_t last = 0;

	crowd->n_marks = 0;
	for (unsigned int i = 0; i <= sizeof(sizes) / sizeof(sizes[0]); i++) {
		const uint32_t n =
				i < 4 && sizes[i] < connections ? sizes[i] : (uint32_t)connections;

		if (n == last)
			break;
		last = n;
		/* In the first thousands it is over too soon for a tenth to say anything. */
		crowd->mark[crowd->n_marks++].n = i == 0 ? n / 10 : n - n / 10;
		crowd->mark[crowd->n_marks++].n = n;
	}
}

static int
prepare(void)
{
	struct crowd *crowd = &me.crowd;

	memset(&me.client, 0, sizeof(me.client));
	memset(&me.server, 0, sizeof(me.server));
	memset(&me.echo, 0, sizeof(me.echo));
	memset(crowd, 0, sizeof(*crowd));
	atomic_store(&me.phase, PHASE_REST);
	me.pair = pair_init;
	me.client.end = &me.pair.client;
	me.server.end = &me.pair.server;
	crowd->n = (uint32_t)connections;
	crowd->n_talkers = crowd->n / TALK_SHARE;
	crowd->window = (uint32_t)window;
	crowd->n_locals = crowd_addrs(connections);
	crowd->first_local = me.pair.client.addr;
	crowd->remote = me.pair.server.addr;
	crowd->remote.port = ECHO_PORT;
	marks_set(crowd);
	return crowd_init(crowd);
}

static int
leaks(void)
{
	const uint64_t leaked = report_leaked(me.client.end->w) + report_leaked(me.server.end->w);

	if (leaked == 0 && me.echo.lost == 0)
		return 0;
	report_pools_heading();
	report_pools("client", me.client.end->w);
	report_pools("server", me.server.end->w);
	return fail("%s objects leaked, %s echoes lost", fmt_num(leaked), fmt_num(me.echo.lost));
}

static int
repeat(uint32_t repetition)
{
	const struct pair_conf conf = pair_conf();
	uint64_t before;
	int ret = prepare();

	me.resident = 0;
	me.talk_us = 0;
	before = machine_resident();
	if (ret == 0)
		ret = pair_open(&me.pair, &conf);
	if (ret == 0) {
		me.crowd.w = me.pair.client.w;
		ret = echo_listen(&me.echo, me.pair.server.w, &me.crowd.remote, HALF_OPEN);
	}
	if (ret == 0) {
		ptcp_worker_hook(me.pair.client.w, client_hook, NULL);
		ptcp_worker_hook(me.pair.server.w, server_hook, &me.echo);
		ret = phases(before);
	}
	if (ret == 0 && !stop_requested()) {
		pair_settle(&me.pair);
		ret = leaks();
		/* What they took, once: later ones get what earlier ones gave back. */
		if (repetition == 0)
			memory_figures();
	}
	pair_close(&me.pair);
	crowd_free(&me.crowd);
	return ret;
}

static int
idle_run(const struct bench_run *run, struct result *result)
{
	int ret = 0;

	me.run = run;
	me.result = result;
	me.turn_most = (uint64_t)(run->hz / 1000);
	for (uint32_t i = 0; i < run->repeat && ret == 0 && !stop_requested(); i++) {
		ret = repeat(i);
		if (ret == 0 && !stop_requested())
			ret = side_run_all(run, result);
	}
	result_ratio(result, "bytes_measured", KERNEL, "bytes_a_connection", true);
	result_note(result,
			"probe_lag: of probes that fell due while the worker had its CPU; the others, "
			"probe_disturbed, waited for the scheduler.");
	if (!side_any())
		result_note(result,
				"The kernel's memory was not looked at: --side "
				"kernel='tools/sides kernel-memory' does.");
	result_target(result, "memory all-in of one end of a connection, bytes", "bytes_measured",
			true, 160);
	result_target(result, "measured bytes off the sizes of the parts, %", "bytes_off", true,
			15);
	result_target(result, "open rate at the end, times that at 10 k", "open_rate_kept", false,
			0.5);
	result_target(result, "999 of 1,000 probes leave so long after their tick, us",
			"probe_lag_p999", true, PROMPT_US);
	result_target(result, "of a core for probing, %", "probe_core", true, 5);
	result_note(result,
			"Both ends are in one process over a pair of rings, the applications keep "
			"nothing of a connection that rests.");
	if (!run->eal->hugepages)
		result_note(result,
				"Pages of 4 kB are taken when they are touched: bytes_measured lacks "
				"what was not, as the TIME-WAIT table.");
	return ret;
}

const struct bench bench_idle = {
		.name = "idle",
		.help = "very many established connections at rest: memory, opening, keepalive on time",
		.opts = idle_opts,
		.sides = true,
		.check = idle_check,
		.needs = idle_needs,
		.run = idle_run,
};
