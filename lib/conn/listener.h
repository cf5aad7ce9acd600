/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Listeners of one worker: (local address or any, port) to a listener. Owning worker only. */
#ifndef PTCP_CONN_LISTENER_H
#define PTCP_CONN_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "conn/laddr.h"

#define LISTENERS_MAX 256
#define LISTENER_NONE UINT16_MAX

struct listener {
	uint16_t laddr; /**< index, or LADDR_ANY */
	uint16_t port;
	uint16_t next;    /**< the next listener on the same port, or LISTENER_NONE */
	uint16_t profile; /**< the caller's */
	uint32_t backlog; /**< half-open and not yet accepted connections at most */
	uint32_t n_half_open;
	void *arg;            /**< the caller's */
	uint64_t cookie_step; /**< the caller's: 1 + the time step of the last SYN cookie; 0: none yet */
	bool used;
};

struct listener_table {
	uint16_t by_port[65536]; /**< head of the chain of a port, or LISTENER_NONE */
	struct listener l[LISTENERS_MAX];
};

void listener_init(struct listener_table *t);

/** @return index, or -EADDRINUSE, -EINVAL (port 0, backlog 0, LADDR_NONE), -ENOSPC */
int listener_add(struct listener_table *t, uint16_t laddr, uint16_t port, uint32_t backlog);

/** @return 0 or -ENOENT */
int listener_remove(struct listener_table *t, uint16_t index);

/** The one for exactly @p laddr goes before the wildcard. @return index or LISTENER_NONE */
uint16_t listener_find(const struct listener_table *t, uint16_t laddr, uint16_t port);

#endif
