/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who wants to connect while SYNs from nowhere pour in: clients come at a given rate, connect, echo and close; first alone,
 * then beside a flood of a given rate, then beside as many as there can be, and how soon it is all over when that ends.
 * The flood is written straight into the server's ring, whose only producer is the client's lcore: from its hook.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/bytes.h"
#include "bench/bench.h"
#include "bench/crowd.h"
#include "fmt.h"
#include "load.h"
#include "pair.h"
#include "report.h"
#include "slots.h"
#include "stats.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/tcp_hdr.h"
#include "worker/worker.h"

#define ECHO_PORT    7
#define RING_SIZE    4096u
#define TX_MBUFS     16384u
#define RX_MBUFS     2048u
#define FLOOD_MBUFS  16383u
#define FLOOD_TURN   128u
#define FLOOD_BEHIND 65536.0    /* what was missed beyond that is not made up for: no bursts */
#define ROOM         1024u      /* places of the ring that the flood leaves to the clients */
#define BACKLOG      (1u << 20) /* the records bound it, not the listener */
#define COOKIES_OFF  "cookies off"
#define HELD_WAIT_US (5 * SECOND) /* ARP gives up after 3 s */
#define WINDOWS      512u
#define WINDOW_US    10000u
#define WINDOWS_CALM 5u  /* so many good ones in a row: it is over */
#define CALM_RATE    0.8 /* of the rate before */
#define CALM_P99     2.0 /* times that before, or CALM_US, if that is more */
#define CALM_US      1000u
#define SECOND       UINT64_C(1000000)

static uint64_t flood_rate = 1000000;
static uint64_t client_rate = 20000;
static uint64_t phase_us = 2 * SECOND;
static uint64_t on_link = 5;

/* clang-format off */
static const struct opt synflood_opts[] = {
	{OPT_TITLE, "Options of bench synflood", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "flood-rate", "N", &flood_rate, 1000, 10000000, NULL, "spoofed SYNs a second"},
	{OPT_COUNT, "on-link", "N", &on_link, 0, 100, NULL, "per cent of them from addresses that ARP is asked for in vain; --quick: none"},
	{OPT_COUNT, "client-rate", "N", &client_rate, 100, 200000, NULL, "clients a second, whatever becomes of those before: connect, 64 bytes and their echo, close; --quick: 2k"},
	{OPT_TIME, "duration", "T", &phase_us, 100000, 60000000, NULL, "without flood, with it, and with all there can be: each so long; --quick: 100ms"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

/* The source of the flood. The client's lcore's. */
struct flood {
	struct rte_mempool *pool;
	struct rte_ring *ring;
	uint8_t frame[128]; /* what all have in common */
	uint32_t len;
	struct tcp_seg seg; /* what the frame was made from */
	struct rnd rnd;
	_Atomic double rate; /* a second; 0: none; infinite: all there can be */
	double owed;
	uint64_t last; /* ticks */
	uint64_t sent;
	uint64_t refused; /* no room in the ring */
};

/* The time after the flood, in pieces. */
struct window {
	uint64_t us;
	uint64_t n; /* connected */
	uint64_t p99_us;
};

static struct {
	const struct bench_run *run;
	struct result *result;
	const char *side;
	struct pair pair;
	struct load load;
	struct echo echo;
	struct flood flood;
	ptcp_hook_t inner; /* the load's */
	uint64_t timeout_us;
	uint64_t recover_us;
	/* after the flood */
	atomic_bool watching;
	uint32_t n_windows;
	uint64_t window_us; /* when the current one began */
	struct hist seen;
	struct window window[WINDOWS];
	/* of the phase */
	uint32_t half_open;
	uint64_t resident;
	double rate_before;
	double p99_before;
	atomic_bool told;
} me;

/* ------------------------------------------------------------------ sizes */

static int
synflood_check(const struct bench_run *run)
{
	if (run->quick) {
		phase_us = 100000;
		on_link = 0; /* what waits for their ARP does so for seconds */
		client_rate = client_rate > 2000 ? 2000 : client_rate;
	}
	me.timeout_us = run->quick ? 200000 : 3 * SECOND;
	me.recover_us = run->quick ? 200000 : 3 * SECOND;
	return 0;
}

/* Clients of one phase, which may all be there at once. */
static uint64_t
clients_most(void)
{
	return (phase_us + me.recover_us) * client_rate / SECOND + 1024;
}

static struct pair_conf
pair_conf(enum ptcp_cookies cookies)
{
	struct pair_conf conf = {.ring_size = RING_SIZE,
			.n_mbufs = RX_MBUFS,
			.n_client_addrs = (uint16_t)crowd_addrs(4 * clients_most())};

	ptcp_conf_init(&conf.client);
	conf.client.ipv6 = false;
	conf.client.max_connections = (uint32_t)clients_most();
	conf.client.max_timewait =
			(uint32_t)(5 * clients_most()); /* of four phases, and connections */
	conf.client.max_dests = conf.n_client_addrs + 1u;
	conf.client.n_mbufs = TX_MBUFS;
	ptcp_conf_init(&conf.server);
	conf.server.ipv6 = false;
	conf.server.n_mbufs = TX_MBUFS;
	conf.server.max_connections =
			RTE_MAX(conf.server.max_connections, conf.client.max_connections);
	conf.server.cookies = cookies;
	return conf;
}

static void
synflood_needs(const struct bench_run *run, struct app_needs *needs)
{
	const struct pair_conf conf = pair_conf(PTCP_COOKIES_AUTO);

	(void)run;
	needs->workers = 2;
	needs->bytes = pair_memory(&conf) + 2 * PATTERN_MBUFS * 16384 + FLOOD_MBUFS * 512;
}

/* ------------------------------------------------------------------ the flood */

/* One SYN as a host would send it; source, port and sequence number are replaced later. */
static void
frame_make(struct flood *f, const struct pair *pair)
{
	struct tcp_seg *seg = &f->seg;
	uint8_t *l3 = f->frame + ETH_HDR_LEN, *l4 = l3 + IP4_HDR_LEN;
	uint32_t len;

	*seg = (struct tcp_seg){
			.sport = 1024,
			.dport = ECHO_PORT,
			.seq = 1,
			.wnd = 64240,
			.flags = TCP_SYN,
			.family = IP_V4,
			.opts = TCP_OPT_MSS | TCP_OPT_SACK_OK | TCP_OPT_TS | TCP_OPT_WSCALE,
			.mss = 1460,
			.wscale = 7,
			.ts_val = 1,
	};
	memcpy(seg->dst.b, pair->server.addr.ip, 4);
	memcpy(seg->src.b, pair->client.addr.ip, 4);
	(void)eth_build(f->frame, pair->server.w->mac, pair->client.w->mac, ETH_TYPE_IPV4,
			ETH_VLAN_NONE);
	len = tcp_build(l4, seg);
	(void)ip4_build(l3, &seg->src, &seg->dst, IP_PROTO_TCP, 0, len, 0, IP_TTL_SENT);
	tcp_cksum_fill(l4, len, seg, NULL, 0);
	f->len = ETH_HDR_LEN + IP4_HDR_LEN + len;
}

/* Nobody's address, as it stands in the packet: in the server's subnet, or beyond its gateway. */
static uint32_t
source(struct flood *f)
{
	const uint32_t low = rnd_below(&f->rnd, 1u << 24);

	if (rnd_below(&f->rnd, 100) < on_link)
		return 10u << 24 | 9u << 16 | 128u << 8 | (low & 0x7fff) | 1;
	return (11u + rnd_below(&f->rnd, 100)) << 24 | low;
}

static void
frame_copy(struct flood *f, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *l3 = p + ETH_HDR_LEN, *l4 = l3 + IP4_HDR_LEN;
	const uint32_t was = be32_load(f->frame + ETH_HDR_LEN + 12);
	const uint32_t src = source(f), seq = rnd_below(&f->rnd, UINT32_MAX);
	const uint16_t sport = (uint16_t)(1024 + rnd_below(&f->rnd, 64512));
	uint16_t sum;

	memcpy(p, f->frame, f->len);
	be32_store(l3 + 12, src);
	be16_store(l3 + 10, cksum_update32(be16_load(l3 + 10), was, src));
	be16_store(l4, sport);
	be32_store(l4 + 4, seq);
	sum = cksum_update32(be16_load(l4 + 16), was, src);
	sum = cksum_update16(sum, f->seg.sport, sport);
	be16_store(l4 + 16, cksum_update32(sum, f->seg.seq, seq));
	m->data_len = (uint16_t)f->len;
	m->pkt_len = f->len;
}

/* How many are due. */
static uint32_t
flood_due(struct flood *f, double rate)
{
	const uint64_t now = rte_rdtsc();
	uint32_t n;

	f->owed += (double)(now - f->last) * rate / me.run->hz;
	f->last = now;
	if (!isfinite(rate) || f->owed > FLOOD_BEHIND)
		f->owed = FLOOD_BEHIND;
	n = f->owed < FLOOD_TURN ? (uint32_t)f->owed : FLOOD_TURN;
	f->owed -= n;
	return n;
}

static void
flood_turn(struct flood *f)
{
	const double rate = atomic_load_explicit(&f->rate, memory_order_relaxed);
	struct rte_mbuf *m[FLOOD_TURN];
	uint32_t n, room, taken;

	if (rate <= 0) {
		f->last = rte_rdtsc();
		f->owed = 0;
		return;
	}
	n = flood_due(f, rate);
	room = rte_ring_free_count(f->ring);
	room = room > ROOM ? room - ROOM : 0;
	if (n > room) {
		COUNT(f->refused, n - room);
		n = room;
	}
	if (n == 0 || rte_pktmbuf_alloc_bulk(f->pool, m, n) != 0)
		return;
	for (uint32_t i = 0; i < n; i++)
		frame_copy(f, m[i]);
	taken = rte_ring_enqueue_burst(f->ring, (void **)m, n, NULL);
	if (taken < n)
		rte_pktmbuf_free_bulk(&m[taken], n - taken);
	COUNT(f->sent, taken);
}

static int
flood_open(struct flood *f)
{
	f->pool = rte_pktmbuf_pool_create("flood", FLOOD_MBUFS, 256, 0,
			RTE_PKTMBUF_HEADROOM + sizeof(f->frame), (int)rte_socket_id());
	if (f->pool == NULL)
		return fail("no memory for %s mbufs of the flood", fmt_num(FLOOD_MBUFS));
	f->ring = me.pair.server.rx;
	f->rnd.state = 20261123;
	frame_make(f, &me.pair);
	return 0;
}

/* ------------------------------------------------------------------ in the hooks */

/* What connected since @p from was taken. */
static uint64_t
p99_since(const struct hist *from, const struct hist *to)
{
	static struct hist gone; /* the client's lcore's */

	gone = *to;
	gone.count -= from->count;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		gone.bucket[i] -= from->bucket[i];
	return hist_quantile(&gone, 99, 100);
}

/* A piece of the time after the flood is over. */
static void
watch(uint64_t now)
{
	struct window *window = &me.window[me.n_windows];
	const struct hist *all = &me.load.connect_us;

	if (now - me.window_us < WINDOW_US)
		return;
	if (me.n_windows < WINDOWS) {
		window->us = now - me.window_us;
		window->n = all->count - me.seen.count;
		window->p99_us = p99_since(&me.seen, all);
		COUNT(me.n_windows, 1);
	}
	me.seen = *all;
	me.window_us = now;
}

static void
client_hook(struct ptcp_worker *w, void *arg)
{
	me.inner(w, arg);
	flood_turn(&me.flood);
	if (atomic_load_explicit(&me.watching, memory_order_relaxed))
		watch(ptcp_now_us(w));
}

static void
server_hook(struct ptcp_worker *w, void *arg)
{
	echo_turn(arg, w);
}

/* ------------------------------------------------------------------ told by the main lcore */

static void
load_begins(struct ptcp_worker *w, void *arg)
{
	load_again(w, arg);
	atomic_store(&me.told, true);
}

static void
flood_ends(struct ptcp_worker *w, void *arg)
{
	(void)arg;
	atomic_store(&me.flood.rate, 0.0);
	me.seen = me.load.connect_us;
	me.window_us = ptcp_now_us(w);
	me.n_windows = 0;
	atomic_store(&me.watching, true);
	atomic_store(&me.told, true);
}

static void
unlisten(struct ptcp_worker *w, void *arg)
{
	(void)arg;
	ptcp_unlisten(w, 0);
	atomic_store(&me.told, true);
}

/* Run it on an end's worker, and wait until it was. */
static void
tell(struct pair_end *end, ptcp_hook_t fn, void *arg)
{
	atomic_store(&me.told, false);
	pair_post(end, fn, arg);
	while (!atomic_load(&me.told))
		nap(1);
}

/* ------------------------------------------------------------------ phases */

/* Let it go on for so long, and watch the memory meanwhile. */
static void
go_on(uint64_t us, uint64_t resident)
{
	const uint64_t end = stats_clock_us() + us;

	for (unsigned int i = 0; stats_clock_us() < end && !stop_requested(); i++) {
		const uint32_t used = report_pool_used(me.pair.server.w, "half_open");

		me.half_open = used > me.half_open ? used : me.half_open;
		if (i % 16 == 0 && resident > 0) {
			const uint64_t now = machine_resident();

			me.resident = now > resident + me.resident ? now - resident : me.resident;
		}
		stop_sleep(5);
	}
}

/* Nothing new; who has not come through when the time is over has not. */
static void
drain(void)
{
	uint64_t end = stats_clock_us() + me.timeout_us;

	pair_post(&me.pair.client, load_stop, &me.load);
	while (load_open_count(&me.load) > 0 && stats_clock_us() < end)
		nap(2);
	pair_post(&me.pair.client, load_abort, &me.load);
	end = stats_clock_us() + SECOND;
	while (load_open_count(&me.load) > 0 && stats_clock_us() < end)
		nap(2);
}

static void
add(const char *name, const char *suffix, const char *unit, double value)
{
	char full[RESULT_NAME_MAX];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	result_add(me.result, me.side, full, unit, value);
}

/* One phase with a flood of @p rate a second; its figures' names end with @p suffix. @return 0, or -1, printed */
static int
phase(const char *suffix, double rate)
{
	const uint64_t before = machine_resident();
	const uint64_t cookies = ptcp_counter_by_name(me.pair.server.w, "cookies_sent");
	const uint64_t began = stats_clock_us(), flooded = COUNT_READ(me.flood.sent);
	const struct load_stats *stats = &me.load.stats;
	double s, closed, all;

	bench_progress(me.run, "synflood: %s, %s", me.side != NULL ? me.side : "cookies",
			rate > 0 ? isfinite(rate) ? "flood" : "saturation" : "without a flood");
	me.half_open = 0;
	me.resident = 0;
	tell(&me.pair.client, load_begins, &me.load);
	atomic_store(&me.flood.rate, rate);
	go_on(phase_us, before);
	s = (double)(stats_clock_us() - began) / 1e6;
	closed = (double)COUNT_READ(me.load.stats.closed);
	add("rate", suffix, "1/s", closed / s);
	if (rate > 0) {
		add("flood_rate", suffix, "1/s", (double)(COUNT_READ(me.flood.sent) - flooded) / s);
		add("cookie_rate", suffix, "1/s",
				(double)(ptcp_counter_by_name(me.pair.server.w, "cookies_sent") -
						cookies) /
						s);
		add("half_open", suffix, "records", me.half_open);
		add("memory_grown", suffix, "B", (double)me.resident);
	}
	drain();
	atomic_store(&me.flood.rate, 0.0);
	if (atomic_load(&me.load.fatal))
		return fail("the clients ran out of addresses or memory");
	all = (double)(stats->closed + stats->failed + stats->aborted);
	add("success", suffix, "%", all > 0 ? 100 * (double)stats->closed / all : 0);
	add("p50", suffix, "us", (double)hist_quantile(&me.load.connect_us, 50, 100));
	add("p99", suffix, "us", (double)hist_quantile(&me.load.connect_us, 99, 100));
	add("p999", suffix, "us", (double)hist_quantile(&me.load.connect_us, 999, 1000));
	if (rate <= 0) {
		me.rate_before = closed / s;
		me.p99_before = (double)hist_quantile(&me.load.connect_us, 99, 100);
	}
	return 0;
}

/* Both ends learn all neighbours, of whom each holds few packets: nobody's SYN is to be lost for that later. */
static void
warm_up(void)
{
	tell(&me.pair.client, load_begins, &me.load);
	go_on(phase_us / 4, 0);
	drain();
}

/* Everything is as before the flood. */
static bool
calm(const struct window *window)
{
	const double p99 = CALM_P99 * me.p99_before;

	return (double)window->n * 1e6 / (double)window->us >= CALM_RATE * me.rate_before &&
			(double)window->p99_us <= (p99 > CALM_US ? p99 : CALM_US);
}

/* From the flood's end to the first of some good windows in a row; the whole time that was watched when there are none. */
static uint64_t
recovery_us(void)
{
	uint64_t us = 0, since = 0;
	uint32_t good = 0;

	for (uint32_t i = 0; i < me.n_windows; i++) {
		us += me.window[i].us;
		if (!calm(&me.window[i])) {
			good = 0;
			since = us;
		} else if (++good == WINDOWS_CALM) {
			return since;
		}
	}
	return us;
}

/* As many as there can be, and then none: how long until all is well again? */
static void
recover(void)
{
	bench_progress(me.run, "synflood: %s, recovery", me.side != NULL ? me.side : "cookies");
	tell(&me.pair.client, load_begins, &me.load);
	atomic_store(&me.flood.rate, INFINITY);
	go_on(phase_us / 2, 0);
	tell(&me.pair.client, flood_ends, NULL);
	go_on(me.recover_us, 0);
	atomic_store(&me.watching, false);
	drain();
	add("recovery", "", "s", (double)recovery_us() / 1e6);
}

/* ------------------------------------------------------------------ one side of one repetition */

static int
open_all(enum ptcp_cookies cookies)
{
	const struct pair_conf conf = pair_conf(cookies);
	struct pair *pair = &me.pair;
	struct ptcp_addr addr;

	if (pair_open(pair, &conf) != 0)
		return -1;
	/* Who seems to be from afar is answered by way of the client, who has no use for it. */
	memcpy(pair->server.w->laddr.range[0].gateway.b, pair->client.addr.ip, 4);
	addr = pair->server.addr;
	addr.port = ECHO_PORT;
	me.load.w = pair->client.w;
	me.load.conf = (struct load_conf){
			.remote = addr,
			.first_local = pair->client.addr,
			.n_locals = conf.n_client_addrs,
			.concurrency = clients_most(),
			.cps = client_rate,
			.requests = 1,
			.request_size = CROWD_TALK_BYTES,
			.timeout_us = 2 * me.timeout_us,
	};
	if (echo_listen(&me.echo, pair->server.w, &addr, BACKLOG) != 0 ||
			load_open(&me.load, (int)rte_socket_id()) != 0 ||
			flood_open(&me.flood) != 0)
		return -1;
	me.inner = pair->client.w->hook;
	ptcp_worker_hook(pair->client.w, client_hook, &me.load);
	ptcp_worker_hook(pair->server.w, server_hook, &me.echo);
	me.load.stopping = true; /* until the first phase */
	return 0;
}

static int
phases(void)
{
	int ret;

	if (pair_launch(&me.pair, me.run->eal->shared_cpu) != 0)
		return fail("the workers' lcores are busy");
	warm_up();
	ret = phase("_before", 0);
	if (ret == 0 && !stop_requested())
		ret = phase("", (double)flood_rate);
	if (ret == 0 && !stop_requested())
		ret = phase("_saturated", INFINITY);
	if (ret == 0 && !stop_requested())
		recover();
	/* The records of those who never were go with their listener. */
	tell(&me.pair.server, unlisten, NULL);
	nap(20);
	for (uint64_t end = stats_clock_us() + HELD_WAIT_US;
			report_pool_used(me.pair.server.w, "neighbour_held") > 0 &&
			stats_clock_us() < end;)
		nap(10);
	pair_halt(&me.pair);
	pair_settle(&me.pair);
	return ret;
}

static int
leaks(void)
{
	const uint64_t leaked = report_leaked(me.pair.client.w) + report_leaked(me.pair.server.w) +
			load_leaked(&me.load) + rte_mempool_in_use_count(me.flood.pool);

	if (leaked == 0 && me.echo.lost == 0)
		return 0;
	report_pools_heading();
	report_pools("client", me.pair.client.w);
	report_pools("server", me.pair.server.w);
	report_pool_line("client", "flood", me.flood.pool->size, 0,
			rte_mempool_in_use_count(me.flood.pool), 0);
	return fail("%s objects leaked, %s echoes lost", fmt_num(leaked), fmt_num(me.echo.lost));
}

static int
side(const char *name, enum ptcp_cookies cookies)
{
	int ret;

	me.side = name;
	me.pair = pair_init;
	memset(&me.load, 0, sizeof(me.load));
	memset(&me.echo, 0, sizeof(me.echo));
	memset(&me.flood, 0, sizeof(me.flood));
	ret = open_all(cookies);
	if (ret == 0) {
		ret = phases();
		if (ret == 0 && !stop_requested())
			ret = leaks();
	}
	pair_close(&me.pair);
	load_close(&me.load);
	rte_mempool_free(me.flood.pool);
	return ret;
}

/* ------------------------------------------------------------------ run */

static int
synflood_run(const struct bench_run *run, struct result *result)
{
	int ret = 0;

	me.run = run;
	me.result = result;
	for (uint32_t i = 0; i < run->repeat && ret == 0 && !stop_requested(); i++) {
		ret = side(NULL, PTCP_COOKIES_AUTO);
		if (ret == 0 && !stop_requested())
			ret = side(COOKIES_OFF, PTCP_COOKIES_NEVER);
	}
	result_ratio(result, "success", COOKIES_OFF, "success", false);
	result_ratio(result, "rate", COOKIES_OFF, "rate", false);
	result_ratio(result, "success_saturated", COOKIES_OFF, "success_saturated", false);
	result_target(result, "beside the flood: connections that succeed, %", "success", false,
			99.9);
	result_target(result, "beside the flood: connect p99, us", "p99", true, 5000);
	result_target(result, "spoofed SYNs a second", "flood_rate", false,
			0.99 * (double)flood_rate);
	if (run->eal->hugepages)
		result_target(result, "memory taken beside the flood, bytes", "memory_grown", true,
				1 << 20);
	result_target(result, "after saturation: rate and p99 as before, s", "recovery", true, 1);
	result_note(result,
			"The flood leaves the clients %u of %u places of the ring: at saturation it is the "
			"server that is, not the wire.",
			ROOM, RING_SIZE);
	return ret;
}

const struct bench bench_synflood = {
		.name = "synflood",
		.help = "connecting beside a flood of spoofed SYNs, beside the same without cookies",
		.opts = synflood_opts,
		.check = synflood_check,
		.needs = synflood_needs,
		.run = synflood_run,
};
