/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Our own addresses. A connection keeps its local address as a 16-bit index into this table, and the
 * index tells the family. Addresses come in ranges, so that a pool of thousands costs one entry.
 * Set up before the worker runs; read-only afterwards.
 */
#ifndef PTCP_CONN_LADDR_H
#define PTCP_CONN_LADDR_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/compiler.h"

#define LADDR_RANGES_MAX 16
#define LADDR_NONE       UINT16_MAX
#define LADDR_ANY        (UINT16_MAX - 1) /**< a listener's wildcard */

struct laddr_range {
	struct ip_addr first;
	uint16_t index; /**< index of the first address */
	uint16_t count;
	uint8_t family;
	uint8_t prefix_len;
	uint32_t first4;        /**< IPv4: the first one as a number */
	uint32_t mask4;         /**< IPv4: of the subnet */
	uint32_t broadcast4;    /**< IPv4: of the subnet, or of all where it has none */
	struct ip_addr gateway; /**< all zero: none */
};

struct laddr_table {
	struct laddr_range range[LADDR_RANGES_MAX];
	uint16_t n_ranges;
	uint16_t n_addrs; /**< next free index */
};

void laddr_init(struct laddr_table *t);

/**
 * Add @p count addresses from @p first upwards, all in the subnet of @p prefix_len.
 * @param prefix_len  1 to 32 (IPv4), 1 to 128 (IPv6)
 * @param gateway     for what is off-link, or NULL or all zero: none; it need not lie in the subnet
 * @return index of the first one, or -EEXIST (overlaps a range), -EINVAL (family, prefix, count 0, leaves the
 *         subnet, unicast rules: 0.0.0.0, ::, loopback, multicast, broadcast, the subnet's own network and broadcast
 *         address for IPv4 prefixes up to /30; a gateway that breaks these or is one of the new addresses),
 *         -ENOSPC (16 ranges, or indices used up)
 */
int laddr_add(struct laddr_table *t, enum ip_family family, const struct ip_addr *first,
		uint16_t count, uint8_t prefix_len, const struct ip_addr *gateway);

/* ------------------------------------------------------------------ asked for each packet */

uint16_t laddr_find6(const struct laddr_table *t, const struct ip_addr *addr);
struct ip_addr laddr_get6(const struct laddr_range *r, uint16_t index);
int laddr_next_hop6(const struct laddr_range *r, const struct ip_addr *dst, struct ip_addr *hop);

static inline const struct laddr_range *
laddr_range_of(const struct laddr_table *t, uint16_t index)
{
	const struct laddr_range *r = t->range;

	PTCP_ASSERT(index < t->n_addrs);
	while (PTCP_UNLIKELY(index - r->index >= r->count))
		r++;
	return r;
}

/** The index of @p addr, or LADDR_NONE when it is not ours. */
static inline uint16_t
laddr_find(const struct laddr_table *t, enum ip_family family, const struct ip_addr *addr)
{
	const uint32_t a = be32_load(addr->b);

	if (PTCP_UNLIKELY(family != IP_V4))
		return laddr_find6(t, addr);
	for (const struct laddr_range *r = t->range; r < t->range + t->n_ranges; r++)
		if (r->family == IP_V4 && a - r->first4 < r->count)
			return (uint16_t)(r->index + (a - r->first4));
	return LADDR_NONE;
}

static inline enum ip_family
laddr_family(const struct laddr_table *t, uint16_t index)
{
	return (enum ip_family)laddr_range_of(t, index)->family;
}

/** The address behind @p index, which must be valid. */
static inline struct ip_addr
laddr_get(const struct laddr_table *t, uint16_t index)
{
	const struct laddr_range *r = laddr_range_of(t, index);

	if (PTCP_UNLIKELY(r->family != IP_V4))
		return laddr_get6(r, index);
	return ip_addr_v4(__builtin_bswap32(r->first4 + (uint16_t)(index - r->index)));
}

/** Whether the IPv4 address @p addr is the broadcast address of a subnet we stand in (or 255.255.255.255). */
static inline bool
laddr_is_broadcast(const struct laddr_table *t, const struct ip_addr *addr)
{
	const uint32_t a = be32_load(addr->b);
	bool is = a == UINT32_MAX;

	for (const struct laddr_range *r = t->range; r < t->range + t->n_ranges; r++)
		is |= r->family == IP_V4 && a == r->broadcast4;
	return is;
}

/**
 * The next hop from our address @p index towards @p dst (of the same family): @p dst itself when on-link (in the subnet
 * of that address, or IPv6 link-local), else the gateway.
 * @return 0, or -ENETUNREACH when off-link without a gateway
 */
static inline int
laddr_next_hop(const struct laddr_table *t, uint16_t index, const struct ip_addr *dst,
		struct ip_addr *hop)
{
	const struct laddr_range *r = laddr_range_of(t, index);

	if (PTCP_UNLIKELY(r->family != IP_V4))
		return laddr_next_hop6(r, dst, hop);
	if (PTCP_LIKELY(((be32_load(dst->b) ^ r->first4) & r->mask4) == 0)) {
		*hop = ip_addr_v4(dst->v4);
		return 0;
	}
	*hop = r->gateway;
	return r->gateway.v4 == 0 ? -ENETUNREACH : 0;
}

#endif
