/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file link.h
 * A client's worker in this process and a server at the other end: over a pair of rings on a lcore of this process, or over
 * memif or vhost in a second process with one CPU. Each has one core.
 */
#ifndef APP_BENCH_LINK_H
#define APP_BENCH_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"
#include "app.h"
#include "bench/peer.h"
#include "pair.h"
#include "service.h"

#define LINK_PORT 7 /* where the server serves */
/** Addresses of the client: 10.9.1.1 upwards in the /16. */
#define LINK_ADDRS_MAX 60000
/** Slots of memif's rings, a power of two: log2 of them, and bytes of each. */
#define LINK_MEMIF_RSIZE 11
#define LINK_MEMIF_BSIZE 2048

enum link_kind { LINK_RING, LINK_MEMIF, LINK_VHOST };

/** "ring", "memif", "vhost". @return -1: none of them */
int link_kind_of(const char *name);

struct link_conf {
	enum link_kind kind;
	struct ptcp_conf client;
	struct ptcp_conf server;
	const char *service; /**< of the server */
	uint16_t n_addrs;    /**< of the client */
	uint16_t mtu;        /**< 0: the port's own */
	uint32_t ring_size;  /**< ring: packets on the way in one direction, a power of two */
	uint32_t n_mbufs;    /**< of each end's port */
	uint64_t limit_us;   /**< a second process ends by itself then */
};

/** What the server's end has to say, once it has ended. */
struct link_told {
	uint64_t packets_in;
	uint64_t packets_out;
	uint64_t bytes_in;
	uint64_t retransmitted;
	uint64_t reused; /**< TIME-WAIT entries that a SYN took (RFC 6191) */
	uint64_t time_wait;
	uint64_t failed;
	uint64_t leaked;
};

struct link {
	enum link_kind kind;
	const struct app_eal *eal;
	struct ptcp_worker *client;
	struct ptcp_addr client_addr; /**< the first one */
	struct ptcp_addr server_addr; /**< with its port */
	/* ring */
	struct pair pair;
	struct service_set set;
	/* two processes */
	struct peer peer;
	char vdev[32];
	uint16_t port_id;
	bool attached;
	bool started;
	bool running;
	void (*sigpipe)(int); /**< what was done about SIGPIPE before */
};

/** What EAL has to have. */
void link_needs(const struct link_conf *conf, struct app_needs *needs);

/** Make both ends; the server's listens, the client's does not run yet. @return 0, or -1 with one line printed; link_close() in any case */
int link_open(struct link *link, const struct link_conf *conf, const struct app_eal *eal);

/** Poll the client's end from now on, and the server's if it does not run yet. @return 0, or -1 with one line printed */
int link_launch(struct link *link);

/** Run @p fn on the client's worker. */
void link_post(struct link *link, ptcp_hook_t fn, void *arg);

/** The client has no connections any more: both ends come to rest. @return 0, or -1 with one line printed */
int link_stop(struct link *link, struct link_told *told);

void link_close(struct link *link);

#endif
