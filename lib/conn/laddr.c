/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "conn/laddr.h"

/** An address of either family as a number; IPv4 lies in the low 32 bits. */
struct num {
	uint64_t hi;
	uint64_t lo;
};

static struct num
to_num(enum ip_family family, const struct ip_addr *a)
{
	if (family == IP_V4)
		return (struct num){0, be32_load(a->b)};
	return (struct num){(uint64_t)be32_load(a->b) << 32 | be32_load(a->b + 4),
			(uint64_t)be32_load(a->b + 8) << 32 | be32_load(a->b + 12)};
}

static struct ip_addr
from_num(enum ip_family family, struct num n)
{
	struct ip_addr a = {.q = {0, 0}};

	if (family == IP_V4) {
		be32_store(a.b, (uint32_t)n.lo);
	} else {
		be32_store(a.b, (uint32_t)(n.hi >> 32));
		be32_store(a.b + 4, (uint32_t)n.hi);
		be32_store(a.b + 8, (uint32_t)(n.lo >> 32));
		be32_store(a.b + 12, (uint32_t)n.lo);
	}
	return a;
}

static struct num
num_add(struct num a, uint16_t v)
{
	const uint64_t lo = a.lo + v;

	return (struct num){a.hi + (lo < a.lo), lo};
}

static struct num
num_sub(struct num a, struct num b)
{
	return (struct num){a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo};
}

static bool
num_equal(struct num a, struct num b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/** The bits of @p family's addresses that lie outside a prefix of @p len, which is never 0. */
static struct num
host_mask(enum ip_family family, uint8_t len)
{
	const unsigned int bits = (family == IP_V4 ? 32u : 128u) - len;

	if (bits < 64)
		return (struct num){0, ((uint64_t)1 << bits) - 1};
	PTCP_ASSERT(bits < 128);
	return (struct num){((uint64_t)1 << (bits - 64)) - 1, UINT64_MAX};
}

static bool
same_subnet(enum ip_family family, struct num a, struct num b, uint8_t prefix_len)
{
	const struct num host = host_mask(family, prefix_len);

	return (((a.hi ^ b.hi) & ~host.hi) | ((a.lo ^ b.lo) & ~host.lo)) == 0;
}

/** An address that may stand on the wire as somebody's own. */
static bool
is_unicast(enum ip_family family, struct num a)
{
	if (family == IP_V4)
		return a.lo != 0 && a.lo >> 24 != 127 && a.lo >> 28 != 14 && a.lo != UINT32_MAX;
	return a.hi >> 56 != 0xff && !(a.hi == 0 && a.lo <= 1);
}

/** Position of @p addr in the range, which has fewer than 65,536 addresses; or LADDR_NONE. */
static uint16_t
range_offset(const struct laddr_range *r, enum ip_family family, const struct ip_addr *addr)
{
	struct num d;

	if (r->family != family)
		return LADDR_NONE;
	if (family == IP_V4) {
		const uint32_t d4 = be32_load(addr->b) - r->first4;

		return d4 < r->count ? (uint16_t)d4 : LADDR_NONE;
	}
	d = num_sub(to_num(family, addr), to_num(family, &r->first));
	return d.hi == 0 && d.lo < r->count ? (uint16_t)d.lo : LADDR_NONE;
}

void
laddr_init(struct laddr_table *t)
{
	memset(t, 0, sizeof(*t));
}

/** Every address from @p first to @p last may be ours in a subnet of @p prefix_len. */
static bool
range_valid(enum ip_family family, struct num first, struct num last, uint8_t prefix_len)
{
	const struct num host = host_mask(family, prefix_len);

	/*
	 * Both ends outside of loopback and multicast: those are larger than a range can be, so it
	 * cannot reach across them either.
	 */
	if (!same_subnet(family, first, last, prefix_len) || !is_unicast(family, first) ||
			!is_unicast(family, last))
		return false;
	if (family == IP_V4 && prefix_len <= 30)
		return (first.lo & host.lo) != 0 && (last.lo & host.lo) != host.lo;
	return true;
}

int
laddr_add(struct laddr_table *t, enum ip_family family, const struct ip_addr *first, uint16_t count,
		uint8_t prefix_len, const struct ip_addr *gateway)
{
	struct laddr_range r = {
			.count = count, .family = (uint8_t)family, .prefix_len = prefix_len};
	struct num lo, hi;

	if ((family != IP_V4 && family != IP_V6) || count == 0 || prefix_len == 0 ||
			prefix_len > (family == IP_V4 ? 32 : 128))
		return -EINVAL;
	lo = to_num(family, first);
	hi = num_add(lo, (uint16_t)(count - 1));
	if (!range_valid(family, lo, hi, prefix_len))
		return -EINVAL;
	r.first = from_num(family, lo);
	if (family == IP_V4) {
		r.first4 = (uint32_t)lo.lo;
		r.mask4 = (uint32_t)~host_mask(IP_V4, prefix_len).lo;
		r.broadcast4 = prefix_len <= 30 ? r.first4 | ~r.mask4 : UINT32_MAX;
	}
	if (gateway != NULL) {
		const struct num gw = to_num(family, gateway);

		r.gateway = from_num(family, gw);
		if (!num_equal(gw, (struct num){0, 0}) &&
				(!is_unicast(family, gw) ||
						range_offset(&r, family, gateway) != LADDR_NONE))
			return -EINVAL;
	}
	for (const struct laddr_range *o = t->range; o < t->range + t->n_ranges; o++)
		if (o->family == family &&
				(range_offset(o, family, &r.first) != LADDR_NONE ||
						range_offset(&r, family, &o->first) != LADDR_NONE))
			return -EEXIST;
	if (t->n_ranges == LADDR_RANGES_MAX || count > LADDR_ANY - t->n_addrs)
		return -ENOSPC;
	r.index = t->n_addrs;
	t->range[t->n_ranges++] = r;
	t->n_addrs = (uint16_t)(t->n_addrs + count);
	return r.index;
}

uint16_t
laddr_find6(const struct laddr_table *t, const struct ip_addr *addr)
{
	for (const struct laddr_range *r = t->range; r < t->range + t->n_ranges; r++) {
		const uint16_t offset = range_offset(r, IP_V6, addr);

		if (offset != LADDR_NONE)
			return (uint16_t)(r->index + offset);
	}
	return LADDR_NONE;
}

struct ip_addr
laddr_get6(const struct laddr_range *r, uint16_t index)
{
	return from_num(IP_V6, num_add(to_num(IP_V6, &r->first), (uint16_t)(index - r->index)));
}

int
laddr_next_hop6(const struct laddr_range *r, const struct ip_addr *dst, struct ip_addr *hop)
{
	const struct num d = to_num(IP_V6, dst);

	if (same_subnet(IP_V6, d, to_num(IP_V6, &r->first), r->prefix_len) ||
			d.hi >> 54 == 0xfe80 >> 6) {
		*hop = *dst;
		return 0;
	}
	if (num_equal(to_num(IP_V6, &r->gateway), (struct num){0, 0}))
		return -ENETUNREACH;
	*hop = r->gateway;
	return 0;
}
