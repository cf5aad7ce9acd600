/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The Internet checksum (RFC 1071): sums of any length at any alignment, pseudo headers (RFC
 * 9293 section 3.1, RFC 8200 section 8.1), incremental update (RFC 1624).
 *
 * A sum is an uint64_t in ones' complement that starts at 0 and is opaque: its words are in memory
 * order and it is not folded. Sums of parts that begin at even offsets are joined by cksum_join().
 * Everything of 16 bits that goes in or out (checksums, fields) is in host order, for be16_load()
 * and be16_store().
 */
#ifndef PTCP_WIRE_CKSUM_H
#define PTCP_WIRE_CKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"

/** Join the sums of two parts, each of which begins at an even offset. */
static inline uint64_t
cksum_join(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/**
 * Add @p len bytes (any alignment) that begin at an even offset of the checksummed data. An odd
 * length is padded with a zero byte, so only the last part may have one: see cksum_add_slice().
 */
uint64_t cksum_add(uint64_t sum, const uint8_t *p, size_t len);

/** cksum_add() for a slice that begins @p offset bytes into the data, even or odd. */
uint64_t cksum_add_slice(uint64_t sum, const uint8_t *p, size_t len, size_t offset);

/** The sum of @p n words of 32 bits (any alignment, n below 2^32): for headers. */
static inline uint64_t
cksum_words(const uint8_t *p, uint32_t n)
{
	uint64_t sum = 0;
	uint32_t i, w;

	for (i = 0; i < n; i++) {
		memcpy(&w, p + (size_t)4 * i, sizeof(w));
		sum += w;
	}
	return sum;
}

/**
 * The sum folded to 16 bits, not complemented, host order: of a pseudo header it is what a port
 * with transmit checksum offload wants to find in the checksum field.
 */
static inline uint16_t
cksum_fold(uint64_t sum)
{
	uint32_t half;

	/* Both halves added to both: the upper one is right, carry and all. */
	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return __builtin_bswap16((uint16_t)(half >> 16));
}

/** The checksum to be stored: the complement of the folded sum (taken with the field itself 0). */
static inline uint16_t
cksum_finish(uint64_t sum)
{
	return (uint16_t)~cksum_fold(sum);
}

/**
 * Whether @p sum, taken over the data with its checksum field, is right. Data of zeros only, whose
 * checksum would have to be 0xFFFF, is not.
 */
static inline bool
cksum_ok(uint64_t sum)
{
	return cksum_fold(sum) == UINT16_MAX;
}

/**
 * The sum of the IPv4 pseudo header.
 * @param proto IP protocol
 * @param len   bytes of transport header and payload, up to 65535; 0 for a TSO seed
 */
static inline uint64_t
cksum_pseudo4(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint32_t len)
{
	return (uint64_t)src->v4 + dst->v4 + __builtin_bswap32(proto) + __builtin_bswap32(len);
}

/** The sum of the IPv6 pseudo header: parameters as in cksum_pseudo4(). */
static inline uint64_t
cksum_pseudo6(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint32_t len)
{
	return cksum_words(src->b, 4) + cksum_words(dst->b, 4) + __builtin_bswap32(proto) +
			__builtin_bswap32(len);
}

/** cksum_pseudo4() or cksum_pseudo6() by @p family (IP_V4 or IP_V6). */
static inline uint64_t
cksum_pseudo(uint8_t family, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		uint32_t len)
{
	return family == IP_V4 ? cksum_pseudo4(src, dst, proto, len) :
				 cksum_pseudo6(src, dst, proto, len);
}

/**
 * The checksum after a 16-bit field at an even offset changed from @p from to @p to (RFC 1624
 * equation 3). Equal to a full recomputation unless the data becomes all zeros, which no packet
 * with an IP header or pseudo header can.
 */
static inline uint16_t
cksum_update16(uint16_t cksum, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint32_t)(uint16_t)~cksum + (uint16_t)~from + to;

	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

/** cksum_update16() for a 32-bit field at an even offset. */
static inline uint16_t
cksum_update32(uint16_t cksum, uint32_t from, uint32_t to)
{
	uint32_t sum = (uint32_t)(uint16_t)~cksum + (uint16_t)~from + (uint16_t)(~from >> 16) +
			(uint16_t)to + (to >> 16);

	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

#endif
