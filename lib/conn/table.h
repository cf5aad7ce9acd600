/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The connection table of one worker: 4-tuple to TCB index.
 *
 * Buckets of one cache line with 16-bit signatures and 32-bit indices; their number is not forced to a power of
 * two. The hash is SipHash-1-3 with a key from getrandom(2), so nobody outside can aim at a bucket. Sized and
 * zeroed at start: no growth, no rehash. Not thread-safe: the owning worker only.
 */
#ifndef PTCP_CONN_TABLE_H
#define PTCP_CONN_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"
#include "base/compiler.h"
#include "base/siphash.h"

#define CONN_BUCKET_SLOTS 10

/** What identifies a connection; stands first in every TCB and in every TIME-WAIT entry. */
struct conn_ident {
	uint32_t raddr; /**< IPv4: the address (network order); IPv6: ip_addr_fold() of it */
	uint16_t rport; /**< host order */
	uint16_t lport;
	uint16_t laddr; /**< index into the laddr_table, which also tells the family */
	uint16_t aux; /**< the object's own use: no part of the identity, never compared or hashed */
};

PTCP_STATIC_ASSERT(sizeof(struct conn_ident) == 12, "no padding");

/** The key to look up: the ident and, for IPv6, the whole remote address. */
struct conn_key {
	struct conn_ident id;
	const struct ip_addr *raddr6; /**< NULL for IPv4 */
};

/** XOR of the four words of an IPv6 address: conn_ident.raddr. */
static inline uint32_t
ip_addr_fold(const struct ip_addr *a)
{
	const uint64_t x = a->q[0] ^ a->q[1];

	return (uint32_t)(x ^ (x >> 32));
}

/** The keyed hash of a tuple; its low and high halves are independent. Same key, same hash on every worker. */
static inline uint32_t
conn_hash(const struct siphash_key *key, const struct conn_key *k)
{
	uint64_t words[3];
	uint64_t h;

	memcpy(&words[0], &k->id, sizeof(words[0])); /* raddr, rport, lport; laddr is the tail */
	if (k->raddr6 == NULL) {
		h = siphash13_words_tail(key, words, 1, k->id.laddr);
	} else {
		words[1] = k->raddr6->q[0];
		words[2] = k->raddr6->q[1];
		h = siphash13_words_tail(key, words, 3, k->id.laddr);
	}
	return (uint32_t)(h ^ (h >> 32));
}

struct conn_bucket {
	uint16_t sig[CONN_BUCKET_SLOTS]; /**< 0: free */
	uint32_t passed; /**< entries that found this bucket full and lie further on */
	uint32_t index[CONN_BUCKET_SLOTS];
} PTCP_CACHE_ALIGNED;

PTCP_STATIC_ASSERT(sizeof(struct conn_bucket) == PTCP_CACHE_LINE, "one line a bucket");

struct conn_table {
	struct conn_bucket *bucket;
	uint32_t n_buckets;
	uint32_t n_used;
	uint32_t max;
	const uint8_t *objs; /**< conn_ident of object 0 */
	uint32_t stride;     /**< bytes from one object to the next */
	const struct ip_addr
			*raddr6; /**< remote IPv6 addresses by object index; NULL without IPv6 */
};

/** Bytes that the buckets of a table for @p max (>= 1) connections take: at most 12 each for max >= 1,000. */
size_t conn_table_size(uint32_t max);

/**
 * @param mem     conn_table_size(max) bytes, 64-byte aligned; zeroed here
 * @param objs    the array of objects, each beginning with its conn_ident
 * @param raddr6  parallel array of remote IPv6 addresses, or NULL
 */
void conn_table_init(struct conn_table *t, void *mem, uint32_t max, const void *objs, size_t stride,
		const struct ip_addr *raddr6);

static inline uint32_t
conn_table_home(const struct conn_table *t, uint32_t hash)
{
	return (uint32_t)(((uint64_t)hash * t->n_buckets) >> 32);
}

/** Phase one of a batched look-up: touch the bucket. */
static inline void
conn_table_prefetch(const struct conn_table *t, uint32_t hash)
{
	ptcp_prefetch(&t->bucket[conn_table_home(t, hash)]);
}

/**
 * Phase two: the first object whose signature matches, its line prefetched; PTCP_NIL when none does. Only a hint:
 * conn_table_find() decides.
 */
uint32_t conn_table_hint(const struct conn_table *t, uint32_t hash);

/** @return the object's index, or PTCP_NIL */
uint32_t conn_table_find(const struct conn_table *t, uint32_t hash, const struct conn_key *k);

/**
 * Enter object @p index, whose conn_ident (and raddr6) are already in place and not yet in the table.
 * @return 0, or -ENOSPC when max are in it
 */
int conn_table_insert(struct conn_table *t, uint32_t hash, uint32_t index);

/**
 * Take object @p index out; it must have been entered under @p hash. The object itself is not looked at.
 * @return 0, or -ENOENT
 */
int conn_table_remove(struct conn_table *t, uint32_t hash, uint32_t index);

/**
 * Check every invariant, O(n) times the longest walk: NULL or a static text. @p key re-computes each object's home.
 * The table does not know families, so with raddr6 an object counts as IPv6 when its raddr is the fold of its raddr6 and
 * its signature agrees.
 */
const char *conn_table_check(const struct conn_table *t, const struct siphash_key *key);

#endif
