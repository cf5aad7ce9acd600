/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file peer.h
 * The server at the other end of a link between two processes: this program once more, on a CPU of its own. What it prints
 * goes to a file, of which the last line is shown when it fails; its report is read when it has ended.
 */
#ifndef APP_BENCH_PEER_H
#define APP_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "api/polltcp.h"

#define PEER_PATH_MAX 96 /* the path of a socket has at most 107 bytes */

struct peer_conf {
	const char *vdev;               /**< its port, as EAL's --vdev takes it */
	const char *listen;             /**< as --listen takes it */
	const char *addr;               /**< as --addr takes it */
	const struct ptcp_conf *worker; /**< sizes; all else is the app's default */
	uint32_t n_mbufs;               /**< of the port's pool */
	unsigned int cpu;
	bool hugepages;
	uint64_t limit_us; /**< it ends by itself then, should nobody end it */
};

/** All zero: none. */
struct peer {
	pid_t pid;                       /**< 0: none */
	char folder[PEER_PATH_MAX - 32]; /**< private; "": none */
	char log[PEER_PATH_MAX];
	char report[PEER_PATH_MAX];
	char socket[PEER_PATH_MAX]; /**< of the link; the peer makes it */
};

/** Make the folder and the names in it. @return 0, or -1 with one line printed; peer_free() in any case */
int peer_init(struct peer *peer);

/** @return 0, or -1 with one line printed */
int peer_start(struct peer *peer, const struct peer_conf *conf);

/** Wait until the link's socket is there. @return 0, or -1 with one line printed: it ended, time is over, or interrupted */
int peer_wait_socket(struct peer *peer);

/** Wait until it serves. @return as above */
int peer_wait_serving(struct peer *peer);

/** Ask it to end, and wait. @return its report (the caller's), or NULL with one line printed */
json_t *peer_stop(struct peer *peer);

/** End it if it is still there, and remove all files. */
void peer_free(struct peer *peer);

#endif
