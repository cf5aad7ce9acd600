/* SPDX-License-Identifier: BSD-3-Clause */
/** @file An IP address of either family. */
#ifndef PTCP_BASE_ADDR_H
#define PTCP_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum ip_family { IP_V4 = 4, IP_V6 = 6 };

/** The bytes as they stand in the packet (network order); IPv4 uses the first four, the rest is 0. */
struct ip_addr {
	union {
		uint8_t b[16];
		uint32_t v4; /**< network byte order, as loaded from the packet */
		uint64_t q[2];
	};
};

static inline bool
ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

static inline struct ip_addr
ip_addr_v4(uint32_t be)
{
	struct ip_addr a = {.q = {0, 0}};

	a.v4 = be;
	return a;
}

static inline struct ip_addr
ip_addr_v6(const uint8_t b[16])
{
	struct ip_addr a;

	memcpy(a.b, b, sizeof(a.b));
	return a;
}

#endif
