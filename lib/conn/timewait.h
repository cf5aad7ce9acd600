/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The TIME-WAIT table of one worker: what is left of a connection for 2MSL (RFC 9293 section 3.6.1).
 *
 * The full TCB is freed on entry; 32 bytes and a table slot of 8 remain (IPv4). 2MSL is one constant for a worker, so
 * expiry is one list for each tick of 1 ms: O(1) in, out, and restart, however late timewait_advance() comes. Times
 * never go back from one call to the next; should one do so, entries live longer, never shorter. Owning worker only.
 */
#ifndef PTCP_CONN_TIMEWAIT_H
#define PTCP_CONN_TIMEWAIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/siphash.h"
#include "conn/table.h"
#include "time/clock.h"

#define TIMEWAIT_TS     0x01 /**< timestamps were in use: ts_recent is valid (RFC 7323, RFC 6191) */
#define TIMEWAIT_ACTIVE 0x02 /**< we opened it: its local port goes back when it expires */
#define TIMEWAIT_IPV6   0x04 /**< set by timewait_insert(): the entry has a raddr6 */

struct timewait_entry {
	struct conn_ident id; /**< id.aux holds TIMEWAIT_* */
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
	uint32_t ts_recent;
	uint32_t next; /**< in the list of its tick, or of the free entries: timewait.c */
	uint32_t prev; /**< PTCP_NIL: free */
};

PTCP_STATIC_ASSERT(sizeof(struct timewait_entry) == 32, "the budget of a TIME-WAIT entry");

/*
 * Slots: the buckets of conn/table.h, one for every 8 entries: at most 8 of its 10 places are ever taken on the average,
 * which makes 8 bytes an entry, and 40 for an IPv4 TIME-WAIT.
 */
#define TIMEWAIT_SLOT_BYTES 8
PTCP_STATIC_ASSERT(sizeof(struct timewait_entry) + TIMEWAIT_SLOT_BYTES <= 40, "entry and slot");

struct timewait_table; /* timewait.c */

struct timewait_conf {
	uint32_t max;           /**< entries, 1 to 2^28 */
	uint32_t duration_ms;   /**< 2MSL: 20 to 1,200,000 */
	bool ipv6;              /**< keep a parallel array of IPv6 addresses */
	struct siphash_key key; /**< the same as the connection table's */
};

/** Bytes for everything: entries, slots, tick lists (16 for each ms of the duration), IPv6 addresses. */
size_t timewait_size(const struct timewait_conf *conf);

/** @param mem timewait_size() bytes, 64-byte aligned; @return the table, which lives in @p mem */
struct timewait_table *timewait_init(void *mem, const struct timewait_conf *conf);

uint32_t timewait_count(const struct timewait_table *t);
uint32_t timewait_max(const struct timewait_table *t);

void timewait_prefetch(const struct timewait_table *t, uint32_t hash);

/** @return the entry's index, or PTCP_NIL */
uint32_t timewait_find(const struct timewait_table *t, uint32_t hash, const struct conn_key *k);

struct timewait_entry *timewait_at(struct timewait_table *t, uint32_t index);

/** The remote address of entry @p index (only for a table with IPv6 and an IPv6 entry). */
const struct ip_addr *timewait_raddr6(const struct timewait_table *t, uint32_t index);

/**
 * Enter a connection; it stays until the first tick that lies at least duration_ms after @p now (never early, at most
 * one tick late). @p e gives id (aux: TIMEWAIT_*), snd_nxt, rcv_nxt, ts_recent.
 * @param hash  conn_hash() of @p k, which must not be in the table yet
 * @return the index, or PTCP_NIL when all entries are in use (nothing is ever evicted)
 */
uint32_t timewait_insert(struct timewait_table *t, uint32_t hash, const struct conn_key *k,
		const struct timewait_entry *e, time_us_t now);

/** A retransmitted FIN: the 2MSL begins anew. */
void timewait_restart(struct timewait_table *t, uint32_t index, time_us_t now);

/** Take an entry out before its time: only for RFC 6191, and at shutdown. */
void timewait_remove(struct timewait_table *t, uint32_t index);

/**
 * Called for each entry that has expired: it can no longer be found, and is freed when the call returns. It may
 * insert, restart and remove other entries, but not advance the table.
 * @param raddr6  NULL for IPv4
 */
typedef void (*timewait_expire_t)(
		void *arg, const struct timewait_entry *e, const struct ip_addr *raddr6);

/**
 * Expire what is due at @p now, in the order of ticks, at most @p budget entries; the rest goes first next time.
 * Ticks without entries cost nothing, save those that timewait_remove() or timewait_restart() emptied: of these it
 * skips up to @p budget + 64 a call. Something is left over when timewait_next() is not after @p now.
 * @return entries expired
 */
uint32_t timewait_advance(struct timewait_table *t, time_us_t now, uint32_t budget,
		timewait_expire_t expire, void *arg);

/** A lower bound of the time at which the next entry expires, or UINT64_MAX; bounded work. */
time_us_t timewait_next(const struct timewait_table *t);

/** Check every invariant, O(n): NULL or a static text. Not from inside a timewait_expire_t. */
const char *timewait_check(const struct timewait_table *t);

#endif
