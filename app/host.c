/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "capture.h"
#include "fmt.h"
#include "report.h"

#define SECOND        UINT64_C(1000000)
#define LINK_WAIT_MS  5000
#define ABORT_WAIT_US UINT64_C(1000000)
#define HELD_WAIT_US  UINT64_C(4000000) /* ARP gives up after 3 s */
#define SETTLE_MS     50
#define MBUF_BYTES    2560 /* header, headroom, data room and the pool's own share */
#define IDLE_TURNS    1000 /* before the first sleep: a reply is often a few microseconds away */

struct host_conf host_conf = {
		.keepalive = {.on = true, .idle_ms = 7200000, .interval_ms = 75000, .count = 10},
		.max_connections = 65536,
		.rcv_buf = 262144,
		.snd_buf = 262144,
		.rcv_buf_max = 4194304,
		.snd_buf_max = 4194304,
		.cc = PTCP_CC_CUBIC,
		.ecn = PTCP_ECN_PASSIVE,
		.ttl = 64,
		.msl_us = 30 * SECOND,
		.stats_period_us = SECOND,
		.drain_us = 5 * SECOND,
};

static const char *
addr_call(const char *text, void *value)
{
	const char *why;

	(void)value;
	if (host_conf.n_addrs == HOST_ADDRS_MAX)
		return "must be at most 8 addresses";
	why = parse_subnet(text, &host_conf.addrs[host_conf.n_addrs]);
	if (why == NULL)
		host_conf.n_addrs++;
	return why;
}

static const char *
gateway_call(const char *text, void *value)
{
	return ptcp_addr_parse(text, value) == 0 ? NULL : "must be an address, like 10.9.0.1";
}

static const char *
keepalive_call(const char *text, void *value)
{
	return parse_keepalive(text, value);
}

static const char *
cc_call(const char *text, void *value)
{
	for (unsigned int i = 0; i < PTCP_CC_MAX; i++) {
		if (strcmp(text, ptcp_cc_name((enum ptcp_cc)i)) != 0)
			continue;
		*(enum ptcp_cc *)value = (enum ptcp_cc)i;
		return NULL;
	}
	return "must be cubic or newreno";
}

static const char *
cookies_call(const char *text, void *value)
{
	static const char *const names[PTCP_COOKIES_MAX] = {"auto", "never", "always"};

	for (unsigned int i = 0; i < PTCP_COOKIES_MAX; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*(enum ptcp_cookies *)value = (enum ptcp_cookies)i;
		return NULL;
	}
	return "must be auto, never or always";
}

static const char *
ecn_call(const char *text, void *value)
{
	static const char *const names[PTCP_ECN_MAX] = {"off", "passive", "active"};

	for (unsigned int i = 0; i < PTCP_ECN_MAX; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*(enum ptcp_ecn *)value = (enum ptcp_ecn)i;
		return NULL;
	}
	return "must be off, passive or active";
}

/* clang-format off */
const struct opt host_opts[] = {
	{OPT_TITLE, "Addresses and port", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_CALL, "addr", "A/LEN", NULL, 0, 0, addr_call, "our address and its subnet; needed, at most 8"},
	{OPT_CALL, "gateway", "A", &host_conf.gateway, 0, 0, gateway_call, "next hop to other subnets (unset: on-link only)"},
	{OPT_COUNT, "port", "N", &host_conf.port_id, 0, 31, NULL, "the port, as DPDK numbers them"},
	{OPT_SIZE, "mtu", "N", &host_conf.mtu, 576, 9600, NULL, "MTU; unset: the port's own"},
	{OPT_COUNT, "rxd", "N", &host_conf.rxd, 32, 32768, NULL, "RX descriptors; unset: chosen"},
	{OPT_COUNT, "txd", "N", &host_conf.txd, 32, 32768, NULL, "TX descriptors; unset: chosen"},
	{OPT_COUNT, "total-num-mbufs", "N", &host_conf.mbufs, 1024, 16777216, NULL, "mbufs of the RX pool; unset: chosen"},
	{OPT_TITLE, "TCP", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "max-connections", "N", &host_conf.max_connections, 1, 16777216, NULL, "connections at once; memory follows"},
	{OPT_COUNT, "max-blocks", "N", &host_conf.max_blocks, 1, 16777216, NULL, "connections with data in flight or unread at once; unset: --max-connections, at most 65,536"},
	{OPT_COUNT, "max-time-wait", "N", &host_conf.max_time_wait, 1, 268435456, NULL, "TIME-WAIT entries; unset: what the mode needs"},
	{OPT_SIZE, "rcv-buf", "N", &host_conf.rcv_buf, 2048, 67108864, NULL, "a connection's receive buffer"},
	{OPT_SIZE, "snd-buf", "N", &host_conf.snd_buf, 2048, 67108864, NULL, "a connection's send buffer"},
	{OPT_SIZE, "rcv-buf-max", "N", &host_conf.rcv_buf_max, 0, 67108864, NULL, "what auto-tuning may raise --rcv-buf to; 0: off"},
	{OPT_SIZE, "snd-buf-max", "N", &host_conf.snd_buf_max, 0, 67108864, NULL, "what auto-tuning may raise --snd-buf to; 0: off"},
	{OPT_CALL, "cc", "NAME", &host_conf.cc, 0, 0, cc_call, "congestion control: cubic or newreno (cubic)"},
	{OPT_CALL, "ecn", "WHEN", &host_conf.ecn, 0, 0, ecn_call, "off, passive (agree when asked) or active (ask; RFC 3168; passive)"},
	{OPT_FLAG, "pacing", NULL, &host_conf.pacing, 0, 0, NULL, "spread segments over the round trip"},
	{OPT_COUNT, "dscp", "N", &host_conf.dscp, 0, 63, NULL, "differentiated services code point of what is sent (RFC 2474)"},
	{OPT_COUNT, "ttl", "N", &host_conf.ttl, 1, 255, NULL, "TTL of what is sent"},
	{OPT_FLAG, "no-sack", NULL, &host_conf.no_sack, 0, 0, NULL, "neither offer nor use SACK (RFC 2018)"},
	{OPT_FLAG, "no-timestamps", NULL, &host_conf.no_timestamps, 0, 0, NULL, "neither offer nor use timestamps (RFC 7323)"},
	{OPT_FLAG, "no-window-scale", NULL, &host_conf.no_window_scale, 0, 0, NULL, "neither offer nor use window scaling (RFC 7323)"},
	{OPT_CALL, "syn-cookies", "WHEN", &host_conf.cookies, 0, 0, cookies_call, "auto, never or always (RFC 4987; auto)"},
	{OPT_COUNT, "max-half-open", "N", &host_conf.max_half_open, 16, 16777216, NULL, "half-open connections at once; unset: from --max-connections"},
	{OPT_TIME, "user-timeout", "T", &host_conf.user_timeout_us, 0, 86400000000, NULL, "unacknowledged for so long, a connection is given up; 0: R2, 924 s"},
	{OPT_TIME, "msl", "T", &host_conf.msl_us, 10000, 600000000, NULL, "MSL; TIME-WAIT lasts twice this"},
	{OPT_CALL, "keepalive", "I,I,N", &host_conf.keepalive, 0, 0, keepalive_call, "idle time, interval, probes; or off (7200s,75s,10)"},
	{OPT_FLAG, "nagle", NULL, &host_conf.nagle, 0, 0, NULL, "leave Nagle's algorithm on (RFC 9293 section 3.7.4)"},
	{OPT_TITLE, "Running", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_TIME, "idle-sleep", "T", &host_conf.idle_sleep_us, 0, 100000, NULL, "sleep of an idle worker; 0: it polls all the time"},
	{OPT_TIME, "stats-period", "T", &host_conf.stats_period_us, 100000, 3600000000, NULL, "between lines of counters"},
	{OPT_FLAG, "quiet", NULL, &host_conf.quiet, 0, 0, NULL, "no lines of counters"},
	{OPT_TIME, "drain-timeout", "T", &host_conf.drain_us, 0, 3600000000, NULL, "for closing after SIGINT, SIGTERM or the end; the rest is reset"},
	{OPT_FLAG, "wait-time-wait", NULL, &host_conf.wait_time_wait, 0, 0, NULL, "end only when every TIME-WAIT has"},
	{OPT_TEXT, "json", "FILE", &host_conf.json, 0, 0, NULL, "write the final report as JSON"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static int
gateway_check(void)
{
	const struct ptcp_addr *gateway = &host_conf.gateway;
	bool on_link = false;
	char text[64];

	if (gateway->family == 0)
		return 0;
	ptcp_addr_format(gateway, text, sizeof(text));
	for (unsigned int i = 0; i < host_conf.n_addrs; i++) {
		if (addr_equal(&host_conf.addrs[i].addr, gateway))
			return fail("--gateway: '%s': is --addr itself", text);
		on_link |= subnet_contains(&host_conf.addrs[i], gateway);
	}
	return on_link ? 0 : fail("--gateway: '%s': must lie in the subnet of an --addr", text);
}

int
host_conf_check(void)
{
	char text[64];

	if (host_conf.n_addrs == 0)
		return fail("--addr: is needed, like --addr 10.9.0.2/24");
	for (unsigned int i = 0; i < host_conf.n_addrs; i++) {
		for (unsigned int k = 0; k < i; k++) {
			if (!addr_equal(&host_conf.addrs[i].addr, &host_conf.addrs[k].addr))
				continue;
			ptcp_addr_format(&host_conf.addrs[i].addr, text, sizeof(text));
			return fail("--addr: '%s': stands twice", text);
		}
	}
	return gateway_check();
}

void
host_worker_conf(struct ptcp_conf *conf)
{
	ptcp_conf_init(conf);
	conf->max_connections = (uint32_t)host_conf.max_connections;
	conf->max_blocks = (uint32_t)host_conf.max_blocks;
	conf->max_timewait = (uint32_t)host_conf.max_time_wait;
	conf->msl_ms = (uint32_t)(host_conf.msl_us / 1000);
	conf->rcv_buf = (uint32_t)host_conf.rcv_buf;
	conf->snd_buf = (uint32_t)host_conf.snd_buf;
	conf->rcv_buf_max = (uint32_t)host_conf.rcv_buf_max;
	conf->snd_buf_max = (uint32_t)host_conf.snd_buf_max;
	conf->cc = host_conf.cc;
	conf->pacing = host_conf.pacing;
	conf->dscp = (uint8_t)host_conf.dscp;
	conf->ttl = (uint8_t)host_conf.ttl;
	conf->sack = !host_conf.no_sack;
	conf->timestamps = !host_conf.no_timestamps;
	conf->window_scale = !host_conf.no_window_scale;
	conf->cookies = host_conf.cookies;
	conf->ecn = host_conf.ecn;
	conf->max_half_open = (uint32_t)host_conf.max_half_open;
	/* Rounded up: 0 is none at all. */
	conf->user_timeout_ms = (uint32_t)((host_conf.user_timeout_us + 999) / 1000);
	conf->keepalive = host_conf.keepalive;
}

uint64_t
host_memory(const struct ptcp_conf *conf, uint64_t mbufs)
{
	uint64_t connections = conf->max_connections;
	uint64_t timewait = conf->max_timewait != 0 ? conf->max_timewait : 2 * connections;
	uint64_t blocks = conf->max_blocks != 0 ? conf->max_blocks :
			connections < 65536     ? connections :
						  65536;
	uint64_t nodes = conf->max_nodes != 0 ? conf->max_nodes : 8 * blocks + 16384;
	uint64_t half = conf->max_half_open != 0 ? conf->max_half_open : connections / 16 + 1024;

	if (mbufs == 0)
		mbufs = 10240;
	if (half > connections)
		half = connections;
	return connections * 192 + timewait * 56 + blocks * 384 + nodes * 64 + half * 112 +
			(uint64_t)(conf->max_dests != 0 ? conf->max_dests : 64) * 16384 +
			(2 * mbufs + 16384) * MBUF_BYTES + (8 << 20);
}

/* ------------------------------------------------------------------ opening */

static void
link_wait(const struct host *host)
{
	struct rte_eth_link link;

	for (unsigned int ms = 0; ms < LINK_WAIT_MS && !stop_requested(); ms += 100) {
		memset(&link, 0, sizeof(link));
		if (rte_eth_link_get_nowait(host->port.port_id, &link) != 0 ||
				link.link_status == RTE_ETH_LINK_UP)
			return;
		stop_sleep(100);
	}
	warn("port %u: no link after %u s", host->port.port_id, LINK_WAIT_MS / 1000);
}

static void
port_print(const struct ptcp_port_info *port)
{
	const char *yes = "port", *no = "software";

	printf("Port %u: %s (%s), MAC %02x:%02x:%02x:%02x:%02x:%02x, MTU %s, %s RX and %s TX descriptors\n",
			port->port_id, port->name, port->driver, port->mac[0], port->mac[1],
			port->mac[2], port->mac[3], port->mac[4], port->mac[5], fmt_num(port->mtu),
			fmt_num(port->n_rxd), fmt_num(port->n_txd));
	printf("Port %u: checksums: RX IPv4 %s, RX TCP %s, TX IPv4 %s, TX TCP %s; multi-segment TX: %s\n",
			port->port_id, port->rx_ip_cksum ? yes : no, port->rx_tcp_cksum ? yes : no,
			port->tx_ip_cksum ? yes : no, port->tx_tcp_cksum ? yes : no,
			port->tx_multi_seg ? "yes" : "no, payload is copied");
}

int
host_addr_add(struct host *host, const struct subnet *subnet, uint32_t count)
{
	bool via = host_conf.gateway.family == subnet->addr.family;
	char text[64];
	int added;

	if (count > UINT16_MAX)
		count = UINT16_MAX;
	ptcp_addr_format(&subnet->addr, text, sizeof(text));
	added = ptcp_addr_add(host->w, &subnet->addr, (uint16_t)count, subnet->prefix_len,
			via ? &host_conf.gateway : NULL);
	switch (added) {
	case 0:
		return 0;
	case -EEXIST:
		return fail("%s/%u: %s from it on clash with one that is there already", text,
				subnet->prefix_len, count == 1 ? "1 address" : "addresses");
	case -ENOSPC:
		return fail("%s/%u: no room for %s more addresses in a worker", text,
				subnet->prefix_len, fmt_num(count));
	case -EAFNOSUPPORT:
		return fail("%s/%u: must be an IPv4 address: there is no IPv6 neighbour discovery yet",
				text, subnet->prefix_len);
	default:
		return fail("%s/%u: cannot be used as an address of ours (%s)", text,
				subnet->prefix_len, strerror(-added));
	}
}

static int
worker_open(struct host *host, const struct ptcp_conf *conf)
{
	char err[256] = "";

	host->w = ptcp_worker_create(conf, 0, host->port.port_id, 0, err, sizeof(err));
	if (host->w == NULL)
		return fail("%s", err);
	for (unsigned int i = 0; i < host_conf.n_addrs; i++)
		if (host_addr_add(host, &host_conf.addrs[i], 1) != 0)
			return -1;
	return 0;
}

int
host_open(struct host *host, const struct ptcp_conf *conf)
{
	struct ptcp_port_conf port = {
			.port_id = (uint16_t)host_conf.port_id,
			.n_rxd = (uint16_t)host_conf.rxd,
			.n_txd = (uint16_t)host_conf.txd,
			.mtu = (uint16_t)host_conf.mtu,
			.n_mbufs = (uint32_t)host_conf.mbufs,
	};
	char err[256] = "";
	int started;

	memset(host, 0, sizeof(*host));
	host->idle_sleep_us = host_conf.idle_sleep_us;
	if (ptcp_conf_check(conf, err, sizeof(err)) != 0)
		return fail("%s", err);
	if (!rte_eth_dev_is_valid_port(port.port_id))
		return fail("--port: '%u': no such port; EAL has %u", port.port_id,
				rte_eth_dev_count_avail());
	capture_begin(); /* drivers talk */
	started = ptcp_port_start(&port, &host->port, err, sizeof(err));
	capture_end();
	if (started != 0)
		return fail("%s", err);
	if (worker_open(host, conf) != 0) {
		host_close(host);
		return -1;
	}
	port_print(&host->port);
	link_wait(host);
	return 0;
}

/* ------------------------------------------------------------------ running */

static int
host_main(void *arg)
{
	struct host *host = arg;
	unsigned int idle = 0;

	if (host->idle_sleep_us == 0) {
		ptcp_worker_run(host->w);
		return 0;
	}
	while (!atomic_load_explicit(&host->stop, memory_order_relaxed)) {
		idle = ptcp_worker_poll(host->w) != 0 ? 0 : idle + 1;
		if (idle > IDLE_TURNS)
			rte_delay_us_sleep((unsigned int)host->idle_sleep_us);
	}
	ptcp_worker_settle(host->w);
	return 0;
}

int
host_launch(struct host *host)
{
	host->lcore = rte_get_next_lcore((unsigned int)-1, 1, 0);
	if (host->lcore == RTE_MAX_LCORE ||
			rte_eal_remote_launch(host_main, host, host->lcore) != 0)
		return fail("no lcore for the worker");
	host->running = true;
	return 0;
}

void
host_halt(struct host *host)
{
	if (!host->running)
		return;
	atomic_store(&host->stop, true);
	ptcp_worker_stop(host->w);
	rte_eal_wait_lcore(host->lcore);
	host->running = false;
}

void
host_close(struct host *host)
{
	host_halt(host);
	if (host->w != NULL)
		ptcp_worker_free(host->w);
	host->w = NULL;
	capture_begin();
	ptcp_port_stop(host->port.port_id);
	capture_end();
}

void
host_post(struct host *host, ptcp_hook_t fn, void *arg)
{
	while (ptcp_post(host->w, fn, arg) != 0)
		nap(1);
}

/* A NIC gives transmitted mbufs back when it needs the place: at the end they must be asked for. */
static void
tx_take_back(struct host *host)
{
	if (report_leaked(host->w) == 0)
		return;
	if (rte_eth_tx_done_cleanup(host->port.port_id, 0, 0) < 0)
		rte_eth_dev_stop(host->port.port_id);
}

void
host_drain(struct host *host, const struct host_drain *drain, struct stats *stats)
{
	uint64_t begin = stats_clock_us();

	host_post(host, drain->stop, drain->arg);
	while (drain->open(drain->arg) != 0 && stats_clock_us() - begin < host_conf.drain_us) {
		nap(10);
		stats_tick(stats);
	}
	if (drain->open(drain->arg) != 0) {
		printf("%s connections did not close within %s: reset\n",
				fmt_num(drain->open(drain->arg)), fmt_us(host_conf.drain_us));
		host_post(host, drain->abort, drain->arg);
		begin = stats_clock_us();
		while (drain->open(drain->arg) != 0 && stats_clock_us() - begin < ABORT_WAIT_US)
			nap(10);
	}
	begin = stats_clock_us();
	while (report_pool_used(host->w, "neighbour_held") != 0 &&
			stats_clock_us() - begin < HELD_WAIT_US)
		nap(10); /* until ARP gives up */
	while (host_conf.wait_time_wait && ptcp_state_count(host->w, PTCP_TIME_WAIT) != 0) {
		nap(10);
		stats_tick(stats);
	}
	nap(SETTLE_MS); /* the last ACKs and RSTs leave, the last mbufs come back */
	host_halt(host);
	tx_take_back(host);
}
