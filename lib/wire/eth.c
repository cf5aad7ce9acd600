/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/eth.h"

#include "base/bytes.h"
#include "base/compiler.h"

#define VLAN_ID_MASK 0x0FFF

enum drop_reason
eth_parse(const uint8_t *p, uint32_t len, struct eth_view *view)
{
	if (PTCP_UNLIKELY(len < ETH_HDR_LEN))
		return DROP_ETH_SHORT;
	view->dst = p;
	view->src = p + ETH_MAC_LEN;
	view->type = be16_load(p + 12);
	view->vlan = ETH_VLAN_NONE;
	view->l2_len = ETH_HDR_LEN;
	if (view->type == ETH_TYPE_VLAN) {
		if (PTCP_UNLIKELY(len < ETH_HDR_MAX))
			return DROP_ETH_SHORT;
		view->vlan = be16_load(p + 14) & VLAN_ID_MASK;
		view->type = be16_load(p + 16);
		view->l2_len = ETH_HDR_MAX;
		if (PTCP_UNLIKELY(view->vlan > ETH_VLAN_MAX))
			return DROP_VLAN_UNEXPECTED;
	}
	switch (view->type) {
	case ETH_TYPE_IPV4:
	case ETH_TYPE_IPV6:
	case ETH_TYPE_ARP:
		return DROP_NONE;
	default:
		return DROP_ETH_TYPE;
	}
}

uint32_t
eth_build(uint8_t *p, const uint8_t dst[ETH_MAC_LEN], const uint8_t src[ETH_MAC_LEN], uint16_t type,
		uint16_t vlan)
{
	PTCP_ASSERT(vlan <= ETH_VLAN_MAX);
	memcpy(p, dst, ETH_MAC_LEN);
	memcpy(p + ETH_MAC_LEN, src, ETH_MAC_LEN);
	if (vlan == ETH_VLAN_NONE) {
		be16_store(p + 12, type);
		return ETH_HDR_LEN;
	}
	be16_store(p + 12, ETH_TYPE_VLAN);
	be16_store(p + 14, vlan);
	be16_store(p + 16, type);
	return ETH_HDR_MAX;
}
