/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file traffic.h
 * What lifecycle, rr, stream and latency share: a link, load on it, a warm-up that does not count, a time that does, and
 * the checks at the end. Nothing is switched off for a figure: both ends have the app's defaults (timestamps, SACK, window
 * scaling, CUBIC, keepalive, an MSL of 30 s), and a connection that fails or a buffer that leaks fails the bench.
 */
#ifndef APP_BENCH_TRAFFIC_H
#define APP_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"
#include "bench/link.h"
#include "hist.h"
#include "load.h"

/** Options that all of them have, with their values below. */
#define TRAFFIC_OPTS                                                                               \
	{OPT_TEXT, "link", "KIND", &traffic.link, 0, 0, NULL,                                      \
			"ring (one process), memif or vhost (two processes); one core each end"},  \
			{OPT_TIME, "seconds", "T", &traffic.seconds_us, 50000, 3600000000, NULL,   \
					"of each measurement; --quick: 200ms"},                    \
	{                                                                                          \
		OPT_TIME, "warm-up", "T", &traffic.warm_us, 0, 60000000, NULL,                     \
				"before each measurement; does not count; --quick: 100ms"          \
	}

struct traffic_opts {
	const char *link;
	uint64_t seconds_us;
	uint64_t warm_us;
	enum link_kind kind; /**< of `link` */
};

extern struct traffic_opts traffic;

/** Check the common options and apply --quick. @return 0, or -1 with one line printed */
int traffic_check(const struct bench_run *run);

/** What is to be measured. */
struct traffic_conf {
	struct link_conf link;
	struct load_conf load; /**< addresses are filled in */
	const char *what;      /**< for the line of progress */
};

/** What was found, in the time that counts unless it says otherwise. */
struct traffic_told {
	double seconds;
	double lifecycles; /**< connections closed as they should */
	double responses;
	double bytes_out;  /**< payload sent by the client, retransmissions not counted */
	double packets_in; /**< what the client received: what one end's port gets from the other */
	double packets_out; /**< what the client sent */
	struct hist connect_us;
	struct hist response_us;
	struct hist response_ns; /**< load.fine */
	/* of the whole run */
	double run_seconds;
	double run_lifecycles;
	double run_bytes;   /**< payload sent by the client */
	double run_packets; /**< sent by both ends */
	double resent;      /**< segments sent again by both ends */
	double open_per_s;  /**< load.held: how fast connections were opened, all of them */
	struct link_told server;
};

/**
 * Both ends' configuration for so many connections at once; only sizes differ from the app's defaults.
 * @param busy  connections with something unacknowledged at once, and packets that an end keeps for them
 */
void traffic_conf_init(
		struct traffic_conf *conf, uint32_t connections, uint32_t busy, uint32_t addresses);

/**
 * Open the link, run the load, check, and close everything.
 * @return 0, or -1 with one line printed. Interrupted: 0 as well, and @p told is not to be used
 */
int traffic_measure(const struct bench_run *run, const struct traffic_conf *conf,
		struct traffic_told *told);

/** A note of what the link and both ends were. */
void traffic_note(struct result *result, const struct traffic_conf *conf);

#endif
