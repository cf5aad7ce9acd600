/* SPDX-License-Identifier: BSD-3-Clause */
/** @file From a parsed IP packet to a segment that the core can take. */
#ifndef PTCP_WIRE_WIRE_H
#define PTCP_WIRE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/drop.h"
#include "wire/ip.h"
#include "wire/seg.h"

/**
 * Parse the TCP segment in the IP packet at @p p, which @p ip describes (ip->proto is
 * IP_PROTO_TCP). Fills all of @p seg that tcp_parse() and the IP header give: src, dst, family and
 * ecn too.
 * @param verified whether the NIC found the TCP checksum right; if not it is verified here
 * @return DROP_NONE; DROP_TCP_SHORT, DROP_TCP_DOFF, DROP_TCP_PORT_ZERO, DROP_TCP_CKSUM
 */
enum drop_reason wire_parse_tcp(
		uint8_t *p, const struct ip_view *ip, bool verified, struct tcp_seg *seg);

#endif
