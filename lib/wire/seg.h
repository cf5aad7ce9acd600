/* SPDX-License-Identifier: BSD-3-Clause */
/** @file A TCP segment with its fields in host order: what comes in, and what goes out. */
#ifndef PTCP_WIRE_SEG_H
#define PTCP_WIRE_SEG_H

#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

/* Control bits (RFC 9293 section 3.1). */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

/* The two ECN bits of the IP header (RFC 3168 section 5): tcp_seg.ecn. */
#define ECN_NOT_ECT 0
#define ECN_ECT1    1
#define ECN_ECT0    2
#define ECN_CE      3

/* Which options a segment carries: tcp_seg.opts. */
#define TCP_OPT_MSS     0x01
#define TCP_OPT_WSCALE  0x02
#define TCP_OPT_SACK_OK 0x04
#define TCP_OPT_TS      0x08
#define TCP_OPT_SACK    0x10
/** In only: the window scale was above TCP_WSCALE_MAX and taken as that (RFC 7323 section 2.3 wants it logged). */
#define TCP_OPT_WSCALE_HUGE 0x20

#define TCP_SACK_MAX   4  /**< blocks that fit into one header (RFC 2018) */
#define TCP_WSCALE_MAX 14 /**< RFC 7323 section 2.3 */

struct tcp_sack {
	uint32_t left;
	uint32_t right;
};

/**
 * One segment. The parser fills everything but laddr and hash, which the connection layer adds.
 * On the way out the core fills it and the worker builds the headers from it.
 */
struct tcp_seg {
	struct ip_addr src;
	struct ip_addr dst;
	uint16_t sport; /**< host order */
	uint16_t dport;
	uint32_t seq;
	uint32_t ack; /**< counts only with TCP_ACK set */
	uint16_t wnd; /**< as on the wire, not scaled */
	uint16_t urp;
	uint8_t flags;  /**< TCP_FIN .. TCP_CWR */
	uint8_t family; /**< IP_V4 or IP_V6 */
	uint8_t opts;   /**< TCP_OPT_*, those that are present and well-formed */
	uint8_t wscale; /**< 0 to TCP_WSCALE_MAX: larger values are clamped by the parser */
	uint8_t ecn;    /**< the two ECN bits of the IP header */
	uint8_t dscp;   /**< 0 to 63 (RFC 2474), out only */
	uint8_t ttl;    /**< TTL or hop limit, 1 to 255, out only */
	uint8_t n_sack;
	uint16_t mss;
	uint32_t ts_val;
	uint32_t ts_ecr;
	struct tcp_sack sack[TCP_SACK_MAX];
	uint16_t laddr; /**< index of our address: dst on the way in, src on the way out */
	uint16_t neigh; /**< hint for the neighbour cache, out only */
	uint32_t hash;  /**< conn_hash() of the tuple, in only */
	/**
	 * In: the payload; the core takes the reference over by clearing owner. data and len are
	 * valid with owner NULL too (the payload is then nobody's to keep). Out: not used.
	 */
	struct tcp_buf payload;
};

/** SEG.LEN: the sequence space that the segment occupies (RFC 9293 section 3.3.1). */
static inline uint32_t
tcp_seg_len(const struct tcp_seg *seg)
{
	return seg->payload.len + ((seg->flags & TCP_SYN) != 0) + ((seg->flags & TCP_FIN) != 0);
}

#endif
