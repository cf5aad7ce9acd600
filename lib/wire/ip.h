/* SPDX-License-Identifier: BSD-3-Clause */
/** @file IPv4 (RFC 791, RFC 1122) and IPv6 (RFC 8200) headers. */
#ifndef PTCP_WIRE_IP_H
#define PTCP_WIRE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/drop.h"

#define IP4_HDR_LEN     20 /**< without options */
#define IP4_HDR_LEN_MAX 60
#define IP6_HDR_LEN     40 /**< without extension headers */
#define IP6_EXT_MAX     8  /**< extension headers that the parser walks */
#define IP_TTL_SENT     64 /**< TTL and hop limit of what we send, unless told otherwise */
#define IP_PROTO_ICMP   1
#define IP_PROTO_TCP    6
#define IP_PROTO_ICMPV6 58

/** One received IP packet. The payload is the payload_len bytes at hdr_len from the start. */
struct ip_view {
	struct ip_addr src;
	struct ip_addr dst;
	uint32_t id; /**< IPv4 identification, or that of an IPv6 fragment header; else 0 */
	uint32_t payload_len; /**< bytes behind the headers; link padding is cut off */
	uint16_t hdr_len;     /**< bytes of header with its options or extension headers */
	uint16_t frag_offset; /**< bytes, a multiple of 8 */
	bool frag_more;       /**< more fragments follow */
	bool frag_dont;       /**< IPv4 DF; true for IPv6 */
	uint8_t family;       /**< IP_V4 or IP_V6 */
	uint8_t proto;        /**< protocol of the payload, behind all extension headers */
	uint8_t ttl;          /**< TTL or hop limit */
	uint8_t ecn;          /**< the two ECN bits (RFC 3168) */
};

/** Whether @p a may be an IPv4 source: not 0.0.0.0, 127/8, multicast, 255.255.255.255. */
static inline bool
ip4_is_source(const struct ip_addr *a)
{
	return a->v4 != 0 && a->b[0] != 127 && (a->b[0] & 0xF0) != 0xE0 && a->v4 != UINT32_MAX;
}

/** Whether @p a may be an IPv6 source: not ::, ::1, multicast or IPv4-mapped. */
bool ip6_is_source(const struct ip_addr *a);

/**
 * Parse the IPv4 packet in the @p len bytes behind the link header. Bytes after its total length
 * are link padding. Options are skipped within bounds. A subnet's broadcast address as source, and
 * whose the destination is, are the caller's to judge.
 * @param verified whether the NIC found the header checksum right; if not it is verified here
 * @return DROP_NONE; DROP_IP_SHORT, DROP_IP_VERSION, DROP_IP_HDR_LEN, DROP_IP_TOTAL_LEN,
 *         DROP_IP_CKSUM, DROP_IP_OPTION (malformed), DROP_IP_SOURCE_ROUTE (LSRR or SSRR); or with
 *         @p view filled, in this order: DROP_IP_SRC, DROP_IP_LAND (source is destination),
 *         DROP_IP_FRAGMENT
 */
enum drop_reason ip4_parse(const uint8_t *p, uint32_t len, bool verified, struct ip_view *view);

/**
 * Parse the IPv6 packet in the @p len bytes behind the link header. Walks at most IP6_EXT_MAX
 * extension headers: hop-by-hop options (first only), destination options, routing, fragment. Fatal
 * there: a bound exceeded; an unknown option that says discard; routing type 0 whatever its
 * segments left (stricter than RFC 5095), other routing types with segments left; a second fragment
 * header. An atomic fragment (RFC 6946) is a whole packet. Jumbograms (RFC 2675) are not supported.
 * Any other next header is left to the caller as proto.
 * @return DROP_NONE; DROP_IP_SHORT, DROP_IP_VERSION, DROP_IP_TOTAL_LEN, DROP_IP6_EXT; or with @p
 *         view filled, in this order: DROP_IP_SRC (a DAD solicitation's :: too), DROP_IP_LAND,
 *         DROP_IP_FRAGMENT
 */
enum drop_reason ip6_parse(const uint8_t *p, uint32_t len, struct ip_view *view);

/**
 * Write an IPv4 header without options: DF set, checksum included.
 * @param id          identification; any value will do with DF set (RFC 6864)
 * @param payload_len bytes that follow, at most 65515
 * @param tos         DSCP in the upper 6 bits (RFC 2474), ECN in the lower 2
 * @param ttl         1 to 255
 * @return IP4_HDR_LEN, for which there must be room at @p p
 */
uint32_t ip4_build(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		uint16_t id, uint32_t payload_len, uint8_t tos, uint8_t ttl);

/**
 * Write an IPv6 header.
 * @param flow        flow label, of which the low 20 bits are used (RFC 6437); 0 for none
 * @param payload_len bytes that follow, at most 65535
 * @param tos         the traffic class: as the TOS of IPv4
 * @param ttl         the hop limit, 1 to 255
 * @return IP6_HDR_LEN, for which there must be room at @p p
 */
uint32_t ip6_build(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		uint32_t flow, uint32_t payload_len, uint8_t tos, uint8_t ttl);

#endif
