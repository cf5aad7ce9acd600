/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The neighbour cache of one worker: next hop to MAC, with bounds (RFC 826, RFC 1122 section 2.3.2).
 *
 * Pure: it says what is to be sent, the worker sends it. Only what we asked for gets in: no unsolicited entry, and when
 * the cache is full the oldest entry in progress goes first. Packets wait in the entry while it resolves.
 */
#ifndef PTCP_CONN_NEIGH_H
#define PTCP_CONN_NEIGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "time/clock.h"

#define NEIGH_MAX        1024 /**< entries */
#define NEIGH_HOLD_MAX   16   /**< packets that wait for one next hop */
#define NEIGH_NONE       UINT16_MAX
#define NEIGH_PROBES_MAX 3 /**< requests, one a second, before the next hop counts as failed */
#define NEIGH_RETRY_MS   1000
#define NEIGH_FRESH_MS   60000 /**< a resolved entry in use is asked again after this time */
#define NEIGH_FAILED_MS  3000  /**< how long a failure is remembered */
#define NEIGH_POLL_MAX                                                                             \
	64 /**< requests of one kind (first, repeated, confirming) in one neigh_poll() */

enum neigh_state { NEIGH_FREE, NEIGH_INCOMPLETE, NEIGH_REACHABLE, NEIGH_PROBE, NEIGH_FAILED };

struct neigh_entry {
	struct ip_addr ip;
	uint8_t mac[6];
	uint8_t state; /**< enum neigh_state; PROBE is usable: it is being confirmed */
	uint8_t family;
	uint16_t chain; /**< hash chain */
	uint16_t laddr; /**< our address to ask from */
	uint8_t probes;
	uint8_t n_held;
	bool used;                  /**< looked up since it was confirmed; kept by neigh_find() */
	time_us_t when;             /**< next action; UINT64_MAX: none until it is looked up */
	void *held[NEIGH_HOLD_MAX]; /**< the caller's packets */
};

struct neigh_table; /* neigh.c */

size_t neigh_size(void);

/** @param mem neigh_size() bytes, 8-byte aligned; @return the table, which lives in @p mem */
struct neigh_table *neigh_init(void *mem, uint64_t hash_seed);

struct neigh_entry *neigh_at(struct neigh_table *t, uint16_t index);

/**
 * Look up for sending: marks the entry as used, so that it is asked again when NEIGH_FRESH_MS have passed since it was
 * confirmed (at once when they have).
 * @return the index of @p ip's entry in whatever state, or NEIGH_NONE; @p hint (any value) is tried first
 */
uint16_t neigh_find(struct neigh_table *t, enum ip_family family, const struct ip_addr *ip,
		uint16_t hint);

/** Packets the table gives up: entry failed, evicted, or flushed. The callee frees them and counts; no call back. */
typedef void (*neigh_drop_t)(void *arg, void *packet);

/**
 * Begin to resolve @p ip: makes an INCOMPLETE entry that neigh_poll() will ask for. Evicts the oldest INCOMPLETE or
 * FAILED entry when full, then the longest unused REACHABLE one, then the one confirmed longest ago.
 * @param now  never earlier than in a call before, here and below
 * @return index; that of the entry as it is when there is one for @p ip
 */
uint16_t neigh_resolve(struct neigh_table *t, enum ip_family family, const struct ip_addr *ip,
		uint16_t laddr, time_us_t now, neigh_drop_t drop, void *arg);

/** Let @p packet wait in entry @p index. @return 0, or -ENOBUFS (NEIGH_HOLD_MAX wait, not INCOMPLETE): caller keeps it */
int neigh_hold(struct neigh_table *t, uint16_t index, void *packet);

/**
 * An answer (or a request that names its sender) came from @p ip. Updates an entry that exists; never makes one.
 * @return its index, or NEIGH_NONE when nobody asked or @p mac is a group address or zero. Held packets stay until neigh_take().
 */
uint16_t neigh_confirm(struct neigh_table *t, enum ip_family family, const struct ip_addr *ip,
		const uint8_t mac[6], time_us_t now);

/** Take one held packet of a resolved entry, oldest first; NULL when none is left. */
void *neigh_take(struct neigh_table *t, uint16_t index);

/** Called by neigh_poll() for each request that is due; no call back into the table. */
typedef void (*neigh_ask_t)(void *arg, const struct neigh_entry *e);

/** Retries, confirmations, failures. Bounded; call it every few ms. */
void neigh_poll(struct neigh_table *t, time_us_t now, neigh_ask_t ask, neigh_drop_t drop,
		void *arg);

/** Drop all held packets and entries. */
void neigh_flush(struct neigh_table *t, neigh_drop_t drop, void *arg);
uint16_t neigh_count(const struct neigh_table *t);
const char *neigh_check(const struct neigh_table *t);

#endif
