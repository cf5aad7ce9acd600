/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/arp.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "wire/ip.h"

#define ARP_HTYPE_ETHERNET 1
#define ARP_PLEN_IPV4      4

/* Offsets of RFC 826's fields. */
#define ARP_HRD 0
#define ARP_PRO 2
#define ARP_HLN 4
#define ARP_PLN 5
#define ARP_OP  6
#define ARP_SHA 8
#define ARP_SPA 14
#define ARP_THA 18
#define ARP_TPA 24

static bool
mac_is_station(const uint8_t mac[ETH_MAC_LEN])
{
	return !eth_is_multicast(mac) && !eth_is_zero(mac);
}

static struct ip_addr
addr_load(const uint8_t *p)
{
	uint32_t be;

	memcpy(&be, p, sizeof(be));
	return ip_addr_v4(be);
}

enum drop_reason
arp_parse(const uint8_t *p, uint32_t len, const uint8_t eth_src[ETH_MAC_LEN], struct arp_view *view)
{
	uint16_t op;

	if (len < ARP_LEN)
		return DROP_ARP_BAD;
	if (be16_load(p + ARP_HRD) != ARP_HTYPE_ETHERNET ||
			be16_load(p + ARP_PRO) != ETH_TYPE_IPV4 || p[ARP_HLN] != ETH_MAC_LEN ||
			p[ARP_PLN] != ARP_PLEN_IPV4)
		return DROP_ARP_BAD;
	op = be16_load(p + ARP_OP);
	if (op != ARP_OP_REQUEST && op != ARP_OP_REPLY)
		return DROP_ARP_BAD;
	if (!mac_is_station(eth_src) || !mac_is_station(p + ARP_SHA))
		return DROP_ARP_BAD;

	view->op = op;
	view->spa = addr_load(p + ARP_SPA);
	view->tpa = addr_load(p + ARP_TPA);
	memcpy(view->sha, p + ARP_SHA, ETH_MAC_LEN);
	memcpy(view->tha, p + ARP_THA, ETH_MAC_LEN);
	view->probe = op == ARP_OP_REQUEST && view->spa.v4 == 0;
	view->gratuitous = view->spa.v4 == view->tpa.v4;
	if (!view->probe && !ip4_is_source(&view->spa))
		return DROP_ARP_BAD;
	return DROP_NONE;
}

static uint32_t
arp_build(uint8_t *p, uint16_t op, const uint8_t *sha, uint32_t spa, const uint8_t *tha,
		uint32_t tpa)
{
	be16_store(p + ARP_HRD, ARP_HTYPE_ETHERNET);
	be16_store(p + ARP_PRO, ETH_TYPE_IPV4);
	p[ARP_HLN] = ETH_MAC_LEN;
	p[ARP_PLN] = ARP_PLEN_IPV4;
	be16_store(p + ARP_OP, op);
	memcpy(p + ARP_SHA, sha, ETH_MAC_LEN);
	memcpy(p + ARP_SPA, &spa, sizeof(spa));
	memcpy(p + ARP_THA, tha, ETH_MAC_LEN);
	memcpy(p + ARP_TPA, &tpa, sizeof(tpa));
	return ARP_LEN;
}

uint32_t
arp_build_request(uint8_t *p, const uint8_t sha[ETH_MAC_LEN], const struct ip_addr *spa,
		const struct ip_addr *tpa)
{
	static const uint8_t unknown[ETH_MAC_LEN];

	return arp_build(p, ARP_OP_REQUEST, sha, spa->v4, unknown, tpa->v4);
}

uint32_t
arp_build_reply(uint8_t *p, const uint8_t sha[ETH_MAC_LEN], const struct arp_view *request)
{
	return arp_build(p, ARP_OP_REPLY, sha, request->tpa.v4, request->sha, request->spa.v4);
}
