/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Local (ephemeral) ports for active opens, RFC 6056: for each (local address, remote address, remote port)
 * a set of 64 k bits that says which ports are free. Exhaustion is known at once, without a scan. Owning worker only.
 */
#ifndef PTCP_CONN_PORTS_H
#define PTCP_CONN_PORTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "conn/table.h"

struct port_table; /* ports.c */

struct port_conf {
	uint32_t max_sets; /**< (laddr, raddr, rport) triples in use at once, 1 to 65,536; 8.3 kB each */
	uint16_t first; /**< lowest port to give, >= 1 */
	uint16_t last;  /**< highest, >= first */
	struct siphash_key key;
};

size_t port_size(const struct port_conf *conf);
/** @param mem port_size() bytes, 8-byte aligned; @return the table, which lives in @p mem */
struct port_table *port_init(void *mem, const struct port_conf *conf);

/**
 * Reserve a port. Ports of a set go round from a start that the key decides, so that a port rests as long as possible
 * before it is used again - also when the set was freed in between (RFC 6056 section 3.3.4).
 * @param id  laddr, raddr and rport are read; @p raddr6 for IPv6, else NULL
 * @return the port, or -EADDRNOTAVAIL (all in use), -ENOBUFS (no set left)
 */
int port_get(struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6);

/** Reserve @p id->lport itself, which may lie outside first to last. @return 0, -EADDRINUSE, -ENOBUFS, -EINVAL (0) */
int port_take(struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6);

/** Give a port back; a set without ports in use is freed. @return 0 or -ENOENT */
int port_put(struct port_table *t, const struct conn_ident *id, const struct ip_addr *raddr6);

/** Ports in use, over all sets. */
uint32_t port_count(const struct port_table *t);
/** Sets in use. */
uint32_t port_sets(const struct port_table *t);
const char *port_check(const struct port_table *t);

#endif
