/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/icmp.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "wire/cksum.h"
#include "wire/ip.h"

#define QUOTED_TCP_LEN   8      /* ports and sequence number: all that RFC 792 promises */
#define IP4_OFFSET_MASK  0x1FFF /* a fragment's, in units of 8 bytes */
#define ICMP4_CKSUM      2      /* offset of the checksum */
#define ICMP4_MTU_OFFSET 6

static enum drop_reason
quote_parse(const uint8_t *p, uint32_t len, struct icmp_quote *quote)
{
	const uint8_t *tcp;
	uint32_t hdr_len;

	if (len < IP4_HDR_LEN || p[0] >> 4 != 4)
		return DROP_ICMP_BAD;
	hdr_len = (p[0] & 0x0Fu) * 4;
	if (hdr_len < IP4_HDR_LEN || hdr_len > len)
		return DROP_ICMP_BAD;
	if (p[9] != IP_PROTO_TCP || (be16_load(p + 6) & IP4_OFFSET_MASK) != 0)
		return DROP_ICMP_QUOTE;
	if (len - hdr_len < QUOTED_TCP_LEN)
		return DROP_ICMP_BAD;
	tcp = p + hdr_len;
	quote->src = ip_addr_v4(0);
	quote->dst = ip_addr_v4(0);
	memcpy(quote->src.b, p + 12, 4);
	memcpy(quote->dst.b, p + 16, 4);
	quote->sport = be16_load(tcp);
	quote->dport = be16_load(tcp + 2);
	quote->seq = be32_load(tcp + 4);
	return DROP_NONE;
}

enum drop_reason
icmp4_parse(const uint8_t *p, uint32_t len, struct icmp_view *view)
{
	if (len < ICMP4_HDR_LEN || !cksum_ok(cksum_add(0, p, len)))
		return DROP_ICMP_BAD;
	view->type = p[0];
	view->code = p[1];
	view->mtu = 0;
	switch (view->type) {
	case ICMP4_ECHO:
		return DROP_NONE;
	case ICMP4_UNREACHABLE:
		if (view->code == ICMP4_UNREACH_FRAG_NEEDED)
			view->mtu = be16_load(p + ICMP4_MTU_OFFSET);
		break;
	case ICMP4_SOURCE_QUENCH:
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAM_PROBLEM:
		break;
	default:
		return DROP_ICMP_TYPE;
	}
	return quote_parse(p + ICMP4_HDR_LEN, len - ICMP4_HDR_LEN, &view->quote);
}

void
icmp4_echo_reply(uint8_t *p, uint32_t len)
{
	PTCP_ASSERT(len >= ICMP4_HDR_LEN && p[0] == ICMP4_ECHO);
	p[0] = ICMP4_ECHO_REPLY;
	/*
	 * Summed anew, not updated: a reply may be all zeros, where RFC 1624 yields 0 and the right
	 * checksum is 0xFFFF.
	 */
	be16_store(p + ICMP4_CKSUM, 0);
	be16_store(p + ICMP4_CKSUM, cksum_finish(cksum_add(0, p, len)));
}
