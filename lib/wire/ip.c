/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/ip.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "wire/cksum.h"

/* IPv4: flags and fragment offset share 16 bits. */
#define IP4_DF          0x4000
#define IP4_MF          0x2000
#define IP4_OFFSET_MASK 0x1FFF

#define IP4_OPT_EOL  0
#define IP4_OPT_NOP  1
#define IP4_OPT_LSRR 131
#define IP4_OPT_SSRR 137

/* IPv6 extension headers that the walk knows. */
#define IP6_EXT_HOP_BY_HOP  0
#define IP6_EXT_ROUTING     43
#define IP6_EXT_FRAGMENT    44
#define IP6_EXT_DESTINATION 60
#define IP6_EXT_UNIT        8 /* bytes: smallest header, and unit of the length field */

#define IP6_OFFSET_MASK   0xFFF8
#define IP6_MF            0x0001
#define IP6_OPT_PAD1      0
#define IP6_OPT_MUST_KNOW 0xC0 /* either bit set: discard the packet if the option is unknown */

static inline struct ip_addr
addr4_load(const uint8_t *p)
{
	uint32_t be;

	memcpy(&be, p, sizeof(be));
	return ip_addr_v4(be);
}

static PTCP_COLD enum drop_reason
ip4_options(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (*p == IP4_OPT_EOL)
			break;
		if (*p == IP4_OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return DROP_IP_OPTION;
		if (*p == IP4_OPT_LSRR || *p == IP4_OPT_SSRR)
			return DROP_IP_SOURCE_ROUTE;
		p += p[1];
	}
	return DROP_NONE;
}

enum drop_reason
ip4_parse(const uint8_t *p, uint32_t len, bool verified, struct ip_view *view)
{
	uint32_t hdr_len, total_len;
	enum drop_reason reason;
	uint16_t frag;

	if (PTCP_UNLIKELY(len < IP4_HDR_LEN))
		return DROP_IP_SHORT;
	if (PTCP_UNLIKELY(p[0] >> 4 != 4))
		return DROP_IP_VERSION;
	hdr_len = (p[0] & 0x0Fu) * 4;
	if (PTCP_UNLIKELY(hdr_len < IP4_HDR_LEN || hdr_len > len))
		return DROP_IP_HDR_LEN;
	total_len = be16_load(p + 2);
	if (PTCP_UNLIKELY(total_len < hdr_len || total_len > len))
		return DROP_IP_TOTAL_LEN;
	if (!verified &&
			PTCP_UNLIKELY(!cksum_ok(hdr_len == IP4_HDR_LEN ?
							cksum_words(p, IP4_HDR_LEN / 4) : /* unrolled */
							cksum_words(p, hdr_len / 4))))
		return DROP_IP_CKSUM;
	if (PTCP_UNLIKELY(hdr_len > IP4_HDR_LEN)) {
		reason = ip4_options(p + IP4_HDR_LEN, p + hdr_len);
		if (reason != DROP_NONE)
			return reason;
	}

	frag = be16_load(p + 6);
	view->src = addr4_load(p + 12);
	view->dst = addr4_load(p + 16);
	view->id = be16_load(p + 4);
	view->payload_len = total_len - hdr_len;
	view->hdr_len = (uint16_t)hdr_len;
	view->frag_offset = (uint16_t)((frag & IP4_OFFSET_MASK) * 8);
	view->frag_more = (frag & IP4_MF) != 0;
	view->frag_dont = (frag & IP4_DF) != 0;
	view->family = IP_V4;
	view->proto = p[9];
	view->ttl = p[8];
	view->ecn = p[1] & 3;
	if (PTCP_UNLIKELY(!ip4_is_source(&view->src)))
		return DROP_IP_SRC;
	if (PTCP_UNLIKELY(view->src.v4 == view->dst.v4))
		return DROP_IP_LAND;
	if (PTCP_UNLIKELY((frag & (IP4_MF | IP4_OFFSET_MASK)) != 0))
		return DROP_IP_FRAGMENT;
	return DROP_NONE;
}

bool
ip6_is_source(const struct ip_addr *a)
{
	uint32_t third, fourth;

	if (a->b[0] == 0xFF)
		return false;
	if (PTCP_LIKELY(a->q[0] != 0))
		return true;
	third = be32_load(a->b + 8);
	fourth = be32_load(a->b + 12);
	return third != 0x0000FFFF && (third != 0 || fourth > 1);
}

static bool
ip6_ext_known(uint8_t next)
{
	return next == IP6_EXT_HOP_BY_HOP || next == IP6_EXT_ROUTING || next == IP6_EXT_FRAGMENT ||
			next == IP6_EXT_DESTINATION;
}

/* The options of a hop-by-hop or destination options header (RFC 8200 section 4.2). */
static enum drop_reason
ip6_options(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (*p == IP6_OPT_PAD1) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] > end - p - 2 || (*p & IP6_OPT_MUST_KNOW) != 0)
			return DROP_IP6_EXT;
		p += 2 + p[1];
	}
	return DROP_NONE;
}

/* Judge the extension header @p kind in the @p len bytes at @p p. */
static enum drop_reason
ip6_ext_check(uint8_t kind, const uint8_t *p, uint32_t len, bool first, struct ip_view *view)
{
	uint16_t frag;

	switch (kind) {
	case IP6_EXT_HOP_BY_HOP:
		return first ? ip6_options(p + 2, p + len) : DROP_IP6_EXT;
	case IP6_EXT_DESTINATION:
		return ip6_options(p + 2, p + len);
	case IP6_EXT_ROUTING: /* type, then segments left */
		return p[2] == 0 || p[3] != 0 ? DROP_IP6_EXT : DROP_NONE;
	default:
		frag = be16_load(p + 2);
		view->id = be32_load(p + 4);
		view->frag_offset = frag & IP6_OFFSET_MASK;
		view->frag_more = (frag & IP6_MF) != 0;
		return view->frag_offset != 0 || view->frag_more ? DROP_IP_FRAGMENT : DROP_NONE;
	}
}

/*
 * Walk the extension headers, the first of which is of kind @p next, to the payload or to a
 * fragment's part of it. Each length is held against what is left, so nothing wraps.
 */
static PTCP_COLD enum drop_reason
ip6_walk(const uint8_t *p, uint32_t len, uint8_t next, struct ip_view *view)
{
	uint32_t off = IP6_HDR_LEN, ext_len;
	enum drop_reason reason = DROP_NONE;
	bool fragment = false;
	unsigned int n;

	for (n = 0; reason == DROP_NONE && ip6_ext_known(next); n++) {
		const uint8_t *ext = p + off;

		if (n == IP6_EXT_MAX || len - off < IP6_EXT_UNIT)
			return DROP_IP6_EXT;
		ext_len = IP6_EXT_UNIT;
		if (next != IP6_EXT_FRAGMENT)
			ext_len += (uint32_t)ext[1] * IP6_EXT_UNIT;
		else if (fragment)
			return DROP_IP6_EXT;
		else
			fragment = true;
		if (ext_len > len - off)
			return DROP_IP6_EXT;
		reason = ip6_ext_check(next, ext, ext_len, n == 0, view);
		if (reason == DROP_IP6_EXT)
			return reason;
		next = ext[0];
		off += ext_len;
	}
	view->proto = next;
	view->hdr_len = (uint16_t)off;
	view->payload_len = len - off;
	return reason;
}

enum drop_reason
ip6_parse(const uint8_t *p, uint32_t len, struct ip_view *view)
{
	enum drop_reason reason = DROP_NONE;
	uint32_t payload_len;

	if (PTCP_UNLIKELY(len < IP6_HDR_LEN))
		return DROP_IP_SHORT;
	if (PTCP_UNLIKELY(p[0] >> 4 != 6))
		return DROP_IP_VERSION;
	payload_len = be16_load(p + 4);
	if (PTCP_UNLIKELY(payload_len > len - IP6_HDR_LEN))
		return DROP_IP_TOTAL_LEN;

	view->src = ip_addr_v6(p + 8);
	view->dst = ip_addr_v6(p + 24);
	view->id = 0;
	view->payload_len = payload_len;
	view->hdr_len = IP6_HDR_LEN;
	view->frag_offset = 0;
	view->frag_more = false;
	view->frag_dont = true;
	view->family = IP_V6;
	view->proto = p[6];
	view->ttl = p[7];
	view->ecn = (p[1] >> 4) & 3;
	if (PTCP_UNLIKELY(ip6_ext_known(view->proto)))
		reason = ip6_walk(p, IP6_HDR_LEN + payload_len, view->proto, view);
	if (PTCP_UNLIKELY(reason == DROP_IP6_EXT))
		return reason;
	if (PTCP_UNLIKELY(!ip6_is_source(&view->src)))
		return DROP_IP_SRC;
	if (PTCP_UNLIKELY(ip_addr_equal(&view->src, &view->dst)))
		return DROP_IP_LAND;
	return reason;
}

uint32_t
ip4_build(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		uint16_t id, uint32_t payload_len, uint8_t tos, uint8_t ttl)
{
	PTCP_ASSERT(payload_len <= UINT16_MAX - IP4_HDR_LEN);
	p[0] = 4 << 4 | IP4_HDR_LEN / 4;
	p[1] = tos;
	be16_store(p + 2, (uint16_t)(IP4_HDR_LEN + payload_len));
	be16_store(p + 4, id);
	be16_store(p + 6, IP4_DF);
	p[8] = ttl;
	p[9] = proto;
	be16_store(p + 10, 0);
	memcpy(p + 12, src->b, 4);
	memcpy(p + 16, dst->b, 4);
	be16_store(p + 10, cksum_finish(cksum_words(p, IP4_HDR_LEN / 4)));
	return IP4_HDR_LEN;
}

uint32_t
ip6_build(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		uint32_t flow, uint32_t payload_len, uint8_t tos, uint8_t ttl)
{
	PTCP_ASSERT(payload_len <= UINT16_MAX);
	be32_store(p, UINT32_C(6) << 28 | (uint32_t)tos << 20 | (flow & 0xFFFFF));
	be16_store(p + 4, (uint16_t)payload_len);
	p[6] = proto;
	p[7] = ttl;
	memcpy(p + 8, src->b, 16);
	memcpy(p + 24, dst->b, 16);
	return IP6_HDR_LEN;
}
