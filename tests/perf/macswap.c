/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The limit of a link: one end returns each frame with its MAC addresses swapped, as testpmd's macswap does, and the other
 * end does so as well, or sends frames with the time in them and waits until they come back. What polltcp's benches are
 * compared with where testpmd cannot do it: over a pair of rings in one process, and for round-trip times.
 *
 *     macswap EAL-OPTIONS -- swap               # port 0, until SIGTERM
 *     macswap EAL-OPTIONS -- rate --first 1024  # port 0, frames under way for a time; how many come in
 *     macswap EAL-OPTIONS -- ping --load 3000000
 *     macswap EAL-OPTIONS -- rate --ring        # both ends in this process
 *
 * The lcore behind the main one has the end that measures, with --ring the next one the other end. swap prints "ready" when
 * its port is up, the others one JSON object; between two processes both end on SIGTERM, swap first.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "hist.h"

#define BURST       32
#define MBUFS       16383
#define MBUF_CACHE  512
#define ROOM_MIN    2048
#define QUEUE_LEN   1024
#define RING_LEN    2048
#define SIZE_MIN    60
#define SIZE_MAX_B  9018
#define SETTLE_MS   50
#define LINK_TRIES  100    /* of 100 ms */
#define LOST_MS     100    /* a frame that is not back after this will not come */
#define EXPERIMENTS 0x88b5 /* the EtherType for those */
#define MARK        UINT64_C(0x706f6c6c74637021)

enum role { ROLE_SWAP, ROLE_RATE, ROLE_PING, ROLE_MAX };

static const char *const role_names[ROLE_MAX] = {"swap", "rate", "ping"};

struct conf {
	enum role role;
	bool ring;
	uint64_t size;
	uint64_t first; /* frames that are sent at the beginning */
	uint64_t load;  /* frames a second; 0: one at a time */
	uint64_t seconds;
	uint64_t warmup_ms;
};

/* What stands behind the Ethernet header of a ping. */
struct stamp {
	uint64_t mark;
	uint64_t due_tsc;
};

/* One end; its lcore writes, main reads. */
struct end {
	uint16_t port;
	_Atomic uint64_t received;
	_Atomic uint64_t lost; /* no room on the link, or not back in time */
} __rte_cache_aligned;

static struct conf conf = {.size = 64, .first = 1024, .seconds = 3, .warmup_ms = 500};
static struct end ends[2];
static struct rte_mempool *pool;
static struct hist *rtt;      /* nanoseconds */
static atomic_bool stop;      /* of the lcores */
static atomic_bool signalled; /* we shall end */
static atomic_bool counting;  /* the warm-up is over */

__attribute__((noreturn, format(printf, 1, 2))) static void
fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("macswap: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void
on_signal(int number)
{
	(void)number;
	atomic_store(&signalled, true);
	atomic_store(&stop, true);
}

static bool
stopped(void)
{
	return atomic_load_explicit(&stop, memory_order_relaxed);
}

static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + n, memory_order_relaxed); /* the only writer */
}

/* ------------------------------------------------------------------ frames */

/* Frames that go to the other end and, swapped, come back. */
static bool
frames_new(struct rte_mbuf **frames, uint16_t n)
{
	static const struct rte_ether_hdr hdr = {.dst_addr.addr_bytes = {0x02},
			.src_addr.addr_bytes = {0x02, 0, 0, 0, 0, 1},
			.ether_type = RTE_BE16(EXPERIMENTS)};

	if (rte_pktmbuf_alloc_bulk(pool, frames, n) != 0)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		frames[i]->data_len = (uint16_t)conf.size;
		frames[i]->pkt_len = (uint32_t)conf.size;
		memcpy(rte_pktmbuf_mtod(frames[i], void *), &hdr, sizeof(hdr));
	}
	return true;
}

/* @return how many went out; the others are gone, as with testpmd */
static uint16_t
frames_send(struct end *end, struct rte_mbuf **frames, uint16_t n)
{
	const uint16_t sent = rte_eth_tx_burst(end->port, 0, frames, n);

	if (sent < n) {
		rte_pktmbuf_free_bulk(frames + sent, (unsigned int)(n - sent));
		count(&end->lost, (uint64_t)(n - sent));
	}
	return sent;
}

static void
frame_swap(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	const struct rte_ether_addr addr = eth->dst_addr;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = addr;
}

/* Return what has come. */
static void
frames_swap(struct end *end)
{
	struct rte_mbuf *frames[BURST];
	const uint16_t n = rte_eth_rx_burst(end->port, 0, frames, BURST);

	if (n == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		if (i + 1 < n)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + 1], void *));
		frame_swap(frames[i]);
	}
	count(&end->received, n);
	frames_send(end, frames, n);
}

static int
swap_main(void *arg)
{
	while (!stopped())
		frames_swap(arg);
	return 0;
}

/* Poll for a while: memif's server finds no buffers until its client has given it some, which that does when it polls. */
static void
frames_settle(struct end *end)
{
	const uint64_t settled = rte_rdtsc() + rte_get_tsc_hz() / 1000 * SETTLE_MS;

	while (rte_rdtsc() < settled && !stopped())
		frames_swap(end);
}

/* The same as swap_main(), with frames that this end puts on the way. Only one end does so, memif's client. */
static int
rate_main(void *arg)
{
	uint64_t sent = 0;

	frames_settle(arg);
	while (sent < conf.first && !stopped()) {
		struct rte_mbuf *m;

		if (!frames_new(&m, 1))
			fail("no mbuf: they are all on the link");
		sent += frames_send(arg, &m, 1);
		frames_swap(arg);
	}
	return swap_main(arg);
}

/* ------------------------------------------------------------------ round trips */

/* The frames that are back; @return how many */
static uint16_t
pings_take(struct end *end)
{
	struct rte_mbuf *frames[BURST];
	const uint16_t n = rte_eth_rx_burst(end->port, 0, frames, BURST);
	const uint64_t now = n == 0 ? 0 : rte_rdtsc();
	const bool counts = atomic_load_explicit(&counting, memory_order_relaxed);
	const double ns = 1e9 / (double)rte_get_tsc_hz();

	for (uint16_t i = 0; i < n; i++) {
		struct stamp stamp;

		memcpy(&stamp,
				rte_pktmbuf_mtod_offset(
						frames[i], void *, sizeof(struct rte_ether_hdr)),
				sizeof(stamp));
		if (stamp.mark == MARK && counts)
			hist_add(rtt, (uint64_t)((double)(now - stamp.due_tsc) * ns));
	}
	if (n != 0)
		rte_pktmbuf_free_bulk(frames, n);
	count(&end->received, n);
	return n;
}

/* @param due  when each of them should have been sent, ticks */
static void
pings_send(struct end *end, const uint64_t *due, uint16_t n)
{
	struct rte_mbuf *frames[BURST];

	if (!frames_new(frames, n))
		fail("no mbuf: they are all on the link");
	for (uint16_t i = 0; i < n; i++) {
		const struct stamp stamp = {.mark = MARK, .due_tsc = due[i]};

		memcpy(rte_pktmbuf_mtod_offset(frames[i], void *, sizeof(struct rte_ether_hdr)),
				&stamp, sizeof(stamp));
	}
	frames_send(end, frames, n);
}

/* One at a time. */
static void
ping_alone(struct end *end)
{
	const uint64_t patience = rte_get_tsc_hz() / 1000 * LOST_MS;

	while (!stopped()) {
		const uint64_t began = rte_rdtsc();
		bool back = false;

		pings_send(end, &began, 1);
		while (!back && !stopped() && rte_rdtsc() - began < patience)
			back = pings_take(end) != 0;
		if (!back)
			count(&end->lost, 1);
	}
}

/*
 * As many a second as wanted, at even times, whether or not the others are back; one that is late, for want of a CPU or
 * because the link is full, counts from when it was due.
 */
static void
ping_load(struct end *end)
{
	const double ticks = (double)rte_get_tsc_hz() / (double)conf.load;
	const uint64_t patience = rte_get_tsc_hz() / 1000 * LOST_MS, began = rte_rdtsc();
	uint64_t sent = 0, back = 0, heard = began;

	while (!stopped()) {
		uint64_t due[BURST], now = rte_rdtsc();
		uint16_t n = 0;

		while (n < BURST && sent + n - back < conf.first) {
			due[n] = began + (uint64_t)((double)(sent + n) * ticks);
			if (due[n] > now)
				break;
			n++;
		}
		if (n != 0)
			pings_send(end, due, n);
		sent += n;
		n = pings_take(end);
		back += n;
		if (n != 0 || sent == back) {
			heard = now;
		} else if (now - heard > patience) {
			count(&end->lost, sent - back);
			back = sent;
		}
	}
}

static int
ping_main(void *arg)
{
	frames_settle(arg);
	if (conf.load == 0)
		ping_alone(arg);
	else
		ping_load(arg);
	return 0;
}

/* ------------------------------------------------------------------ ports */

static void
port_start(uint16_t port)
{
	const struct rte_eth_conf port_conf = {0};
	const int socket = (int)rte_socket_id();
	uint16_t rx_len = QUEUE_LEN, tx_len = QUEUE_LEN;
	int error;

	error = rte_eth_dev_configure(port, 1, 1, &port_conf);
	if (error == 0)
		error = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx_len, &tx_len);
	if (error == 0)
		error = rte_eth_rx_queue_setup(port, 0, rx_len, (unsigned int)socket, NULL, pool);
	if (error == 0)
		error = rte_eth_tx_queue_setup(port, 0, tx_len, (unsigned int)socket, NULL);
	if (error == 0)
		error = rte_eth_dev_start(port);
	if (error != 0)
		fail("port %u: %s", port, rte_strerror(-error));
}

static void
link_wait(uint16_t port)
{
	for (unsigned int i = 0; i < LINK_TRIES && !stopped(); i++) {
		struct rte_eth_link link = {0};

		if (rte_eth_link_get_nowait(port, &link) == 0 &&
				link.link_status == RTE_ETH_LINK_UP)
			return;
		usleep(100000);
	}
	fail("port %u: the link does not come up", port);
}

/* Two ports, what one sends the other receives. */
static void
rings_open(void)
{
	static const char *const names[2] = {"a", "b"};
	struct rte_ring *rings[2];

	for (unsigned int i = 0; i < 2; i++) {
		rings[i] = rte_ring_create(names[i], RING_LEN, (int)rte_socket_id(),
				RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (rings[i] == NULL)
			fail("no ring: %s", rte_strerror(rte_errno));
	}
	for (unsigned int i = 0; i < 2; i++) {
		const int port = rte_eth_from_rings(
				names[i], &rings[i], 1, &rings[1 - i], 1, rte_socket_id());

		if (port < 0)
			fail("no port: %s", rte_strerror(rte_errno));
		ends[i].port = (uint16_t)port;
	}
}

static void
ports_open(void)
{
	const uint64_t room = conf.size > ROOM_MIN ? conf.size : ROOM_MIN;

	pool = rte_pktmbuf_pool_create("frames", MBUFS, MBUF_CACHE, 0,
			(uint16_t)(room + RTE_PKTMBUF_HEADROOM), (int)rte_socket_id());
	rtt = rte_zmalloc("rtt", sizeof(*rtt), 0);
	if (pool == NULL || rtt == NULL)
		fail("no memory for %u frames: %s", MBUFS, rte_strerror(rte_errno));
	if (conf.ring)
		rings_open();
	else if (rte_eth_dev_count_avail() != 1)
		fail("%u ports, not one: the device failed to probe", rte_eth_dev_count_avail());
	port_start(ends[0].port);
	if (conf.ring)
		port_start(ends[1].port);
}

/* ------------------------------------------------------------------ running */

/* By the clock, as each turn may last longer than it should: the lcore that polls is on the same CPU. */
static void
sleep_ms(uint64_t ms)
{
	const uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000 * ms;

	while (rte_rdtsc() < until && !stopped())
		usleep(10000);
}

static void
report(double seconds, uint64_t received, uint64_t lost)
{
	if (conf.role == ROLE_RATE)
		printf("{\"packets_per_s\": %.0f, \"gbit_per_s\": %.3f", (double)received / seconds,
				(double)received / seconds * (double)conf.size * 8 / 1e9);
	else
		printf("{\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"packets_per_s\": %.0f",
				(double)hist_quantile(rtt, 50, 100) / 1e3,
				(double)hist_quantile(rtt, 99, 100) / 1e3,
				(double)hist_quantile(rtt, 999, 1000) / 1e3,
				(double)received / seconds);
	printf(", \"lost\": %llu, \"seconds\": %.3f}\n", (unsigned long long)lost, seconds);
	fflush(stdout);
}

static void
measure(struct end *end)
{
	uint64_t began, received, lost, gone;

	sleep_ms(conf.warmup_ms);
	atomic_store(&counting, true);
	began = rte_rdtsc();
	received = atomic_load(&end->received);
	lost = atomic_load(&end->lost);
	sleep_ms(conf.seconds * 1000);
	gone = rte_rdtsc() - began;
	received = atomic_load(&end->received) - received;
	lost = atomic_load(&end->lost) - lost;
	atomic_store(&stop, true);
	rte_eal_mp_wait_lcore();
	if (received == 0)
		fail("nothing came back");
	report((double)gone / (double)rte_get_tsc_hz(), received, lost);
	while (!conf.ring && !atomic_load(&signalled))
		usleep(10000); /* a memif port that is polled while its other end goes away reads freed memory */
}

static void
run(void)
{
	static lcore_function_t *const mains[ROLE_MAX] = {swap_main, rate_main, ping_main};
	const unsigned int first = rte_get_next_lcore(rte_get_main_lcore(), 1, 0);
	const unsigned int second = rte_get_next_lcore(first, 1, 0);

	if (first == RTE_MAX_LCORE || (conf.ring && second == RTE_MAX_LCORE))
		fail("an lcore for each end is needed besides the main one");
	ports_open();
	if (conf.role == ROLE_SWAP) {
		printf("ready\n");
		fflush(stdout);
	}
	if (!conf.ring && conf.role != ROLE_SWAP)
		link_wait(ends[0].port);
	if (conf.ring && rte_eal_remote_launch(swap_main, &ends[1], second) != 0)
		fail("the lcores are busy");
	if (rte_eal_remote_launch(mains[conf.role], &ends[0], first) != 0)
		fail("the lcores are busy");
	if (conf.role == ROLE_SWAP)
		rte_eal_mp_wait_lcore();
	else
		measure(&ends[0]);
	for (unsigned int i = 0; i < (conf.ring ? 2 : 1); i++)
		rte_eth_dev_stop(ends[i].port);
}

/* ------------------------------------------------------------------ options */

static const char usage[] =
		"macswap EAL-OPTIONS -- swap|rate|ping [options]\n"
		"  --ring        both ends in this process, over rings\n"
		"  --size N      bytes of a frame, without FCS (64)\n"
		"  --first N     frames under way (1024), with ping --load at most so many\n"
		"  --load N      ping: frames a second; 0: one at a time (0)\n"
		"  --seconds N   measured (3)\n"
		"  --warmup N    milliseconds before that (500)\n";

static uint64_t
number_value(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min ||
			value > max) {
		fprintf(stderr, "macswap: %s: '%s': must be a number from %llu to %llu\n", option,
				text, (unsigned long long)min, (unsigned long long)max);
		exit(2);
	}
	return value;
}

static enum role
role_value(const char *text)
{
	for (int i = 0; i < ROLE_MAX; i++)
		if (strcmp(text, role_names[i]) == 0)
			return (enum role)i;
	fprintf(stderr, "macswap: role: '%s': must be swap, rate or ping\n", text);
	exit(2);
}

static const struct option options[] = {
		{"ring", no_argument, NULL, 'r'},
		{"size", required_argument, NULL, 'z'},
		{"first", required_argument, NULL, 'f'},
		{"load", required_argument, NULL, 'l'},
		{"seconds", required_argument, NULL, 's'},
		{"warmup", required_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
};

static void
options_read(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'r':
			conf.ring = true;
			break;
		case 'z':
			conf.size = number_value("--size", optarg, SIZE_MIN, SIZE_MAX_B);
			break;
		case 'f':
			conf.first = number_value("--first", optarg, 1, MBUFS / 4);
			break;
		case 'l':
			conf.load = number_value("--load", optarg, 0, 100000000);
			break;
		case 's':
			conf.seconds = number_value("--seconds", optarg, 1, 86400);
			break;
		case 'w':
			conf.warmup_ms = number_value("--warmup", optarg, 0, 600000);
			break;
		default: /* getopt_long() has said why */
			exit(2);
		}
	if (optind != argc - 1) {
		fputs(usage, stderr);
		exit(2);
	}
	conf.role = role_value(argv[optind]);
	if (conf.ring && conf.role == ROLE_SWAP) {
		fprintf(stderr, "macswap: --ring: both ends are here: rate or ping\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	const int taken = rte_eal_init(argc, argv);

	if (taken < 0)
		fail("EAL does not start: %s", rte_strerror(rte_errno));
	options_read(argc - taken, argv + taken);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	run();
	rte_eal_cleanup();
	return 0;
}
