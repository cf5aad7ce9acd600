/* SPDX-License-Identifier: BSD-3-Clause */
/** @file ICMP for IPv4 (RFC 792, RFC 1191): echo, and the errors that concern TCP (RFC 5927). */
#ifndef PTCP_WIRE_ICMP_H
#define PTCP_WIRE_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/drop.h"

#define ICMP4_HDR_LEN       8
#define ICMP4_ECHO_REPLY    0
#define ICMP4_UNREACHABLE   3
#define ICMP4_SOURCE_QUENCH 4
#define ICMP4_ECHO          8
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAM_PROBLEM 12

/* Codes of ICMP4_UNREACHABLE that TCP tells apart (RFC 1122 section 4.2.3.9). */
#define ICMP4_UNREACH_PROTOCOL    2
#define ICMP4_UNREACH_PORT        3
#define ICMP4_UNREACH_FRAG_NEEDED 4

/** What an ICMP error quotes of the segment that we sent: nobody has authenticated any of it. */
struct icmp_quote {
	struct ip_addr src; /**< ours, if the error is genuine */
	struct ip_addr dst; /**< the peer's */
	uint16_t sport;     /**< ours, host order */
	uint16_t dport;
	uint32_t seq; /**< SEG.SEQ; must be in flight to count (RFC 5927 section 4.1) */
};

/** One received ICMP message. */
struct icmp_view {
	uint8_t type;
	uint8_t code;
	/**
	 * With ICMP4_UNREACH_FRAG_NEEDED: next-hop MTU in bytes as given, anything from 0 (a router
	 * older than RFC 1191) to 65535; the caller applies its floor. Else 0.
	 */
	uint16_t mtu;
	struct icmp_quote quote; /**< of an error; untouched for an echo request */
};

/**
 * Parse the ICMP message that is the @p len bytes of an IPv4 payload, and verify its checksum.
 * Errors are types 3, 4, 11 and 12 with any code. The quoted IPv4 header may have options and need
 * not have a right checksum or total length (routers and NATs change both); 8 bytes of TCP must
 * follow it. Whether quote.src is the address that the error was sent to, and whether an echo
 * request was sent to a broadcast address and so gets no reply (RFC 1122 section 3.2.2.6), is the
 * caller's to judge.
 * @return DROP_NONE for an echo request (view->type is ICMP4_ECHO) or an error that quotes TCP;
 *         DROP_ICMP_BAD (short, checksum, malformed or truncated quote), DROP_ICMP_TYPE (any other
 *         type), DROP_ICMP_QUOTE (quotes another protocol than TCP, or a later fragment)
 */
enum drop_reason icmp4_parse(const uint8_t *p, uint32_t len, struct icmp_view *view);

/** Make the echo request in the @p len bytes at @p p its reply, checksum included. */
void icmp4_echo_reply(uint8_t *p, uint32_t len);

#endif
