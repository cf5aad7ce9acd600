/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file host.h
 * One TCP end: a port, a worker on it, its addresses and the lcore that polls it. What `server` and `client` share, with
 * the options that go with it.
 */
#ifndef APP_HOST_H
#define APP_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"
#include "app.h"
#include "opts.h"
#include "stats.h"

#define HOST_ADDRS_MAX 8

/** Parsed options; times in microseconds. */
struct host_conf {
	struct subnet addrs[HOST_ADDRS_MAX];
	unsigned int n_addrs;
	struct ptcp_addr gateway; /**< family 0: none */
	struct ptcp_keepalive keepalive;
	uint64_t port_id;
	uint64_t mtu; /**< 0: the port's own */
	uint64_t rxd;
	uint64_t txd;
	uint64_t mbufs; /**< 0: chosen */
	uint64_t max_connections;
	uint64_t max_blocks;    /**< 0: max_connections, at most 65,536 */
	uint64_t max_time_wait; /**< 0: twice max_connections, or what the mode needs */
	uint64_t rcv_buf;
	uint64_t snd_buf;
	uint64_t rcv_buf_max; /**< of auto-tuning */
	uint64_t snd_buf_max;
	uint64_t max_half_open; /**< 0: from max_connections */
	uint64_t user_timeout_us;
	enum ptcp_cc cc;
	enum ptcp_cookies cookies;
	enum ptcp_ecn ecn;
	bool pacing;
	uint64_t dscp;
	uint64_t ttl;
	bool no_sack;
	bool no_timestamps;
	bool no_window_scale;
	uint64_t msl_us;
	uint64_t idle_sleep_us; /**< 0: never */
	uint64_t stats_period_us;
	uint64_t drain_us;
	bool wait_time_wait;
	bool nagle; /**< leave Nagle's algorithm on */
	bool quiet;
	const char *json; /**< NULL: none */
};

/** The one set of options that a process has, with the defaults of the app. */
extern struct host_conf host_conf;
extern const struct opt host_opts[];

/** Check what no single option can say: an address there is, gateway on-link, no address twice. @return 0 or -1 */
int host_conf_check(void);

/** Fill a worker's configuration from the options. */
void host_worker_conf(struct ptcp_conf *conf);

/** Memory that a worker with this configuration takes, an upper estimate for EAL's -m. */
uint64_t host_memory(const struct ptcp_conf *conf, uint64_t mbufs);

struct host {
	struct ptcp_worker *w;
	struct ptcp_port_info port;
	unsigned int lcore;
	uint64_t idle_sleep_us;
	atomic_bool stop;
	bool running;
};

/**
 * Start the port, make the worker and give it the addresses of --addr.
 * @return 0, or -1 with one line printed and nothing left behind
 */
int host_open(struct host *host, const struct ptcp_conf *conf);

/** Give the worker @p count addresses from subnet->addr on. @return 0, or -1 with one line printed */
int host_addr_add(struct host *host, const struct subnet *subnet, uint32_t count);

/** Poll on an lcore of its own from now on. @return 0, or -1 with one line printed */
int host_launch(struct host *host);

/** What drains: calls on the worker, and what can be seen from outside. */
struct host_drain {
	ptcp_hook_t stop;  /**< open nothing more, close what is open */
	ptcp_hook_t abort; /**< reset what is left */
	uint32_t (*open)(const void *arg);
	void *arg;
};

/**
 * Close gracefully within --drain-timeout, reset the rest, wait for TIME-WAITs if asked to, and halt. Lines of counters
 * go on meanwhile.
 */
void host_drain(struct host *host, const struct host_drain *drain, struct stats *stats);

/** Stop polling and wait for the lcore. */
void host_halt(struct host *host);

/** Free the worker and close the port. */
void host_close(struct host *host);

/** Run @p fn on the worker, trying again while its mailbox is full. */
void host_post(struct host *host, ptcp_hook_t fn, void *arg);

#endif
