/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/wire.h"

#include "base/compiler.h"
#include "wire/tcp_hdr.h"

enum drop_reason
wire_parse_tcp(uint8_t *p, const struct ip_view *ip, bool verified, struct tcp_seg *seg)
{
	enum drop_reason reason;

	PTCP_ASSERT(ip->proto == IP_PROTO_TCP);
	seg->src = ip->src;
	seg->dst = ip->dst;
	seg->family = ip->family;
	seg->ecn = ip->ecn;
	p += ip->hdr_len;
	reason = tcp_parse(p, ip->payload_len, seg);
	if (PTCP_LIKELY(reason == DROP_NONE) && !verified && !tcp_cksum_ok(p, ip->payload_len, seg))
		return DROP_TCP_CKSUM;
	return reason;
}
