/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file collide.h
 * Tuples that an attacker could choose so that they all have one value of a hash without a secret. CRC32 and Toeplitz are
 * linear, so the remote address follows from the ports by Gaussian elimination; jhash's mixing can be run backwards, for
 * which an IPv6 address has room enough.
 */
#ifndef APP_BENCH_COLLIDE_H
#define APP_BENCH_COLLIDE_H

#include <stdint.h>

/** A key of IPv4 as tables with such hashes have it: 16 bytes. */
struct collide_key4 {
	uint32_t raddr;
	uint32_t laddr;
	uint16_t rport;
	uint16_t lport;
	uint32_t zero;
};

/** A key of IPv6. */
struct collide_key6 {
	uint32_t raddr[4];
	uint32_t laddr[4];
	uint16_t rport;
	uint16_t lport;
};

/** Signatures as rte_hash wants them. */
typedef uint32_t (*collide_hash_t)(const void *key, uint32_t len, uint32_t init);

/** rte_hash_crc(). */
uint32_t collide_crc32(const void *key, uint32_t len, uint32_t init);

/** Toeplitz over addresses and ports with the key that most NICs are delivered with. Of a collide_key4. */
uint32_t collide_toeplitz(const void *key, uint32_t len, uint32_t init);

/** rte_jhash(). */
uint32_t collide_jhash(const void *key, uint32_t len, uint32_t init);

/** @p n different keys to one local address with one value of @p hash, which must be linear. @return how many it made */
uint32_t collide_linear(collide_hash_t hash, struct collide_key4 *key, uint32_t n);

/** @p n different keys, to one local address and from one port, with one value of rte_jhash(). */
void collide_jhash6(struct collide_key6 *key, uint32_t n);

#endif
