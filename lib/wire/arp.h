/* SPDX-License-Identifier: BSD-3-Clause */
/** @file ARP for IPv4 over Ethernet (RFC 826, RFC 5227). */
#ifndef PTCP_WIRE_ARP_H
#define PTCP_WIRE_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/drop.h"
#include "wire/eth.h"

#define ARP_LEN        28
#define ARP_OP_REQUEST 1
#define ARP_OP_REPLY   2

/** An ARP packet, under RFC 826's names. */
struct arp_view {
	struct ip_addr spa; /**< sender's IPv4 address; 0.0.0.0 in a probe only */
	struct ip_addr tpa; /**< target's IPv4 address, any value */
	uint8_t sha[ETH_MAC_LEN];
	uint8_t tha[ETH_MAC_LEN]; /**< any value: undefined in a request */
	uint16_t op;              /**< ARP_OP_REQUEST or ARP_OP_REPLY */
	bool probe;      /**< a request from 0.0.0.0: address conflict detection (RFC 5227) */
	bool gratuitous; /**< sender and target address are the same: an announcement */
};

/**
 * Parse the @p len bytes behind an Ethernet header; padding after ARP_LEN is ignored.
 *
 * Refused: a short packet, hardware type other than 1, protocol type other than IPv4, hlen other
 * than 6, plen other than 4, an operation other than request and reply; a sender MAC or Ethernet
 * source @p eth_src that is a group address or zero; a sender IP that is multicast,
 * 255.255.255.255, in 127/8, or 0.0.0.0 except in a request (probe). A sender MAC that differs from
 * the Ethernet source is accepted, because proxies, bonds and first-hop redundancy send such; the
 * cache takes the sender MAC.
 *
 * Whether the sender claims an address of ours, or a subnet's broadcast address, is the caller's to
 * judge.
 * @return DROP_NONE with @p view filled, or DROP_ARP_BAD
 */
enum drop_reason arp_parse(const uint8_t *p, uint32_t len, const uint8_t eth_src[ETH_MAC_LEN],
		struct arp_view *view);

/**
 * Write the request "who has @p tpa? tell @p spa", from MAC @p sha, for a broadcast frame (or to a
 * known neighbour that is being confirmed). With spa equal to tpa it announces, with spa 0.0.0.0 it
 * probes.
 * @return ARP_LEN, for which there must be room at @p p
 */
uint32_t arp_build_request(uint8_t *p, const uint8_t sha[ETH_MAC_LEN], const struct ip_addr *spa,
		const struct ip_addr *tpa);

/**
 * Write the reply "@p request->tpa is at @p sha" to the sender of @p request. @p p may be the
 * request's own packet.
 * @return ARP_LEN
 */
uint32_t arp_build_reply(
		uint8_t *p, const uint8_t sha[ETH_MAC_LEN], const struct arp_view *request);

#endif
