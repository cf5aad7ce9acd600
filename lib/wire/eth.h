/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Ethernet II framing with at most one 802.1Q tag. */
#ifndef PTCP_WIRE_ETH_H
#define PTCP_WIRE_ETH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/drop.h"

#define ETH_MAC_LEN      6
#define ETH_HDR_LEN      14
#define ETH_VLAN_TAG_LEN 4
#define ETH_HDR_MAX      (ETH_HDR_LEN + ETH_VLAN_TAG_LEN)
#define ETH_FRAME_MIN    60 /**< without the FCS; shorter frames are padded on the wire */
#define ETH_TYPE_IPV4    0x0800
#define ETH_TYPE_ARP     0x0806
#define ETH_TYPE_VLAN    0x8100
#define ETH_TYPE_IPV6    0x86DD
#define ETH_VLAN_NONE    0    /**< untagged, or tagged with a priority only (VLAN id 0) */
#define ETH_VLAN_MAX     4094 /**< 4095 is reserved (IEEE 802.1Q table 9-2) */

/** An Ethernet header. The pointers lead into the frame and live as long as it does. */
struct eth_view {
	const uint8_t *dst; /**< ETH_MAC_LEN bytes */
	const uint8_t *src;
	uint16_t type;   /**< EtherType, the one behind the tag if there is a tag */
	uint16_t vlan;   /**< VLAN id 1 to ETH_VLAN_MAX, or ETH_VLAN_NONE */
	uint16_t l2_len; /**< bytes before the network header: ETH_HDR_LEN or ETH_HDR_MAX */
};

/**
 * Parse the Ethernet header of the @p len bytes at @p p. A second tag, 802.1ad (0x88A8) and 802.3
 * length fields count as foreign EtherTypes. Whether the destination is ours is the caller's to
 * judge.
 * @return DROP_NONE, DROP_ETH_SHORT, DROP_VLAN_UNEXPECTED (reserved VLAN id 4095), or DROP_ETH_TYPE
 *         with @p view filled
 */
enum drop_reason eth_parse(const uint8_t *p, uint32_t len, struct eth_view *view);

/**
 * Write an Ethernet header, tagged (priority 0) unless @p vlan is ETH_VLAN_NONE. The addresses must
 * not lie in the bytes written.
 * @return bytes written: ETH_HDR_LEN or ETH_HDR_MAX, for which there must be room at @p p
 */
uint32_t eth_build(uint8_t *p, const uint8_t dst[ETH_MAC_LEN], const uint8_t src[ETH_MAC_LEN],
		uint16_t type, uint16_t vlan);

/** Whether @p mac is a group address: multicast or broadcast. */
static inline bool
eth_is_multicast(const uint8_t mac[ETH_MAC_LEN])
{
	return (mac[0] & 1) != 0;
}

static inline bool
eth_is_zero(const uint8_t mac[ETH_MAC_LEN])
{
	return (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) == 0;
}

static inline bool
eth_is_broadcast(const uint8_t mac[ETH_MAC_LEN])
{
	return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xFF;
}

static inline bool
eth_mac_equal(const uint8_t a[ETH_MAC_LEN], const uint8_t b[ETH_MAC_LEN])
{
	return memcmp(a, b, ETH_MAC_LEN) == 0;
}

#endif
