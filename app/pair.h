/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pair.h
 * A client's and a server's worker in one process, over a cross-connected pair of rings: what the demo and those benches
 * stand on that need no second process.
 */
#ifndef APP_PAIR_H
#define APP_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"

struct rte_ring;

/** What the two ends are made of; all sizes are the caller's. */
struct pair_conf {
	struct ptcp_conf client;
	struct ptcp_conf server;
	uint32_t ring_size;      /**< packets on the way in one direction, a power of two */
	uint32_t n_mbufs;        /**< of each end's port */
	uint16_t mtu;            /**< 0: the port's own */
	uint16_t n_client_addrs; /**< from the client's first on */
};

/** One end of the wire. */
struct pair_end {
	const char *name;
	struct ptcp_worker *w;
	struct rte_ring *rx; /**< what the other end sends to */
	struct ptcp_addr addr;
	int port_id; /**< -1: none yet */
	bool started;
};

struct pair {
	struct pair_end client;
	struct pair_end server;
	atomic_bool stop;
};

/** The addresses, 10.9.1.1 upwards and 10.9.0.1 in one /16, and nothing else. */
extern const struct pair pair_init;

/** Memory of both ends, an upper estimate for EAL's -m. */
uint64_t pair_memory(const struct pair_conf *conf);

/** @p pair is a copy of pair_init. @return 0, or -1 with one line printed; pair_close() in any case */
int pair_open(struct pair *pair, const struct pair_conf *conf);

/** Poll each worker on an lcore of its own, or both in turn on one where there is only one CPU. @return 0 or -1 */
int pair_launch(struct pair *pair, bool shared);

/** Stop polling and wait for the lcores. */
void pair_halt(struct pair *pair);

/** Both at rest or nearly so: the caller's lcore polls both until nothing comes any more. */
void pair_settle(struct pair *pair);

/** Run @p fn on an end's worker, trying again while its mailbox is full. */
void pair_post(struct pair_end *end, ptcp_hook_t fn, void *arg);

/** Free both workers, their ports and rings. */
void pair_close(struct pair *pair);

#endif
