/* SPDX-License-Identifier: BSD-3-Clause */
/** @file What the tests of lib/wire share: exactly sized packets, random numbers, RFC 1071. */
#ifndef PTCP_TESTS_PKT_H
#define PTCP_TESTS_PKT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

/** A copy on the heap without a byte to spare: the address sanitizer sees any over-read. */
static inline uint8_t *
pkt_copy(const void *p, size_t len)
{
	uint8_t *copy = malloc(len);

	if (copy == NULL && len > 0)
		abort();
	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

static inline void
pkt_fill(uint64_t *state, uint8_t *p, size_t len)
{
	while (len-- > 0)
		*p++ = (uint8_t)(random_next(state) >> 40);
}

/** The checksum of @p len bytes by the book: 16-bit big-endian words, one at a time. */
static inline uint16_t
pkt_cksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		if (sum > UINT16_MAX)
			sum -= UINT16_MAX;
	}
	return (uint16_t)~sum;
}

static inline void
pkt_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/** Set the 16-bit checksum at @p at of the @p len bytes at @p p. */
static inline void
pkt_cksum_set(uint8_t *p, size_t len, size_t at)
{
	pkt_put16(p + at, 0);
	pkt_put16(p + at, pkt_cksum(p, len));
}

/** Announce the seed of a randomised test, or take the one from the environment (PTCP_SEED). */
static inline uint64_t
pkt_seed(const char *test, uint64_t seed)
{
	const char *given = getenv("PTCP_SEED");

	if (given != NULL)
		seed = strtoull(given, NULL, 0);
	printf("[%s: PTCP_SEED=%#llx] ", test, (unsigned long long)seed);
	return seed;
}

#endif
