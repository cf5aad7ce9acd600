/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers: whatever the parsers take is built again and parses to the same, and no byte outside of what they were given
 * is read: every part lies in memory of its exact size. The first byte of the input says what the rest is.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/tcp_hdr.h"
#include "wire/wire.h"

/* ------------------------------------------------------------------ TCP */

static void
same_seg(const struct tcp_seg *a, const struct tcp_seg *b)
{
	FUZZ_REQUIRE(a->sport == b->sport && a->dport == b->dport);
	FUZZ_REQUIRE(a->seq == b->seq && a->ack == b->ack);
	FUZZ_REQUIRE(a->wnd == b->wnd && a->urp == b->urp);
	FUZZ_REQUIRE(a->flags == b->flags);
	FUZZ_REQUIRE(a->opts == b->opts);
	FUZZ_REQUIRE(a->wscale == b->wscale && a->mss == b->mss);
	FUZZ_REQUIRE(a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr);
	FUZZ_REQUIRE(a->n_sack == b->n_sack);
	for (unsigned int i = 0; i < a->n_sack; i++)
		FUZZ_REQUIRE(a->sack[i].left == b->sack[i].left &&
				a->sack[i].right == b->sack[i].right);
	FUZZ_REQUIRE(a->payload.len == b->payload.len);
	if (a->payload.len > 0)
		FUZZ_REQUIRE(memcmp(a->payload.data, b->payload.data, a->payload.len) == 0);
}

/** Build the header of @p seg with its payload behind it and look whether it parses to the same. */
static void
tcp_again(const struct tcp_seg *seg)
{
	const uint32_t hdr_len = tcp_hdr_len(seg);
	const uint32_t len = hdr_len + seg->payload.len;
	uint8_t *p = fuzz_alloc(len);
	struct tcp_seg want = *seg, got = *seg;
	struct tcp_buf half[2] = {{NULL, seg->payload.data, seg->payload.len / 3},
			{NULL, seg->payload.data + seg->payload.len / 3,
					seg->payload.len - seg->payload.len / 3}};

	FUZZ_REQUIRE(hdr_len >= TCP_HDR_LEN && hdr_len <= TCP_HDR_LEN_MAX && hdr_len % 4 == 0);
	FUZZ_REQUIRE(tcp_build(p, seg) == hdr_len);
	if (seg->payload.len > 0)
		memcpy(p + hdr_len, seg->payload.data, seg->payload.len);
	tcp_cksum_fill(p, hdr_len, seg, half, 2);
	FUZZ_REQUIRE(tcp_cksum_ok(p, len, seg));
	FUZZ_REQUIRE(tcp_parse(p, len, &got) == DROP_NONE);
	want.opts &= (uint8_t)~TCP_OPT_WSCALE_HUGE;
	want.n_sack = (uint8_t)tcp_sack_fit(seg);
	if (want.n_sack == 0)
		want.opts &= (uint8_t)~TCP_OPT_SACK;
	same_seg(&want, &got);
	/* One changed bit is one wrong checksum. */
	p[len / 2] ^= 4;
	FUZZ_REQUIRE(!tcp_cksum_ok(p, len, seg));
	free(p);
}

static void
tcp_parsed(const uint8_t *p, uint32_t len, const struct tcp_seg *seg)
{
	FUZZ_REQUIRE(seg->sport != 0 && seg->dport != 0);
	FUZZ_REQUIRE(seg->wscale <= TCP_WSCALE_MAX && seg->n_sack <= TCP_SACK_MAX);
	FUZZ_REQUIRE(((seg->opts & TCP_OPT_SACK) != 0) == (seg->n_sack > 0));
	FUZZ_REQUIRE((seg->flags & TCP_SYN) != 0 ||
			(seg->opts & (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK)) == 0);
	FUZZ_REQUIRE(seg->payload.owner == NULL);
	FUZZ_REQUIRE(seg->payload.data >= p + TCP_HDR_LEN);
	FUZZ_REQUIRE(seg->payload.data + seg->payload.len == p + len);
	tcp_again(seg);
}

/** The TCP segment of an IP packet: with and without a right checksum. */
static void
tcp_of_ip(const uint8_t *l3, const struct ip_view *ip)
{
	const uint32_t len = ip->hdr_len + ip->payload_len;
	uint8_t *p = fuzz_copy(l3, len);
	uint8_t *tcp = p + ip->hdr_len;
	struct tcp_seg seg, checked;
	enum drop_reason reason = wire_parse_tcp(p, ip, true, &seg);

	FUZZ_REQUIRE(reason == DROP_NONE || reason == DROP_TCP_SHORT || reason == DROP_TCP_DOFF ||
			reason == DROP_TCP_PORT_ZERO);
	if (reason == DROP_NONE) {
		FUZZ_REQUIRE(seg.family == ip->family && seg.ecn == ip->ecn);
		FUZZ_REQUIRE(ip_addr_equal(&seg.src, &ip->src));
		FUZZ_REQUIRE(ip_addr_equal(&seg.dst, &ip->dst));
		tcp_parsed(tcp, ip->payload_len, &seg);
		reason = wire_parse_tcp(p, ip, false, &checked);
		FUZZ_REQUIRE(reason == DROP_NONE || reason == DROP_TCP_CKSUM);
		/* Mended, it is taken: the same segment. */
		be16_store(tcp + 16, 0);
		tcp_cksum_fill(tcp, ip->payload_len, &seg, NULL, 0);
		FUZZ_REQUIRE(wire_parse_tcp(p, ip, false, &checked) == DROP_NONE);
		same_seg(&seg, &checked);
	}
	free(p);
}

/** A segment drawn field by field. */
static void
tcp_drawn(struct fuzz_in *in)
{
	struct tcp_seg seg = {.family = fuzz_u8(in) % 2 == 0 ? IP_V4 : IP_V6,
			.flags = fuzz_u8(in),
			.opts = fuzz_u8(in) & 0x1F,
			.n_sack = fuzz_below(in, TCP_SACK_MAX + 1),
			.wscale = fuzz_below(in, TCP_WSCALE_MAX + 1)};
	uint8_t *payload;

	seg.sport = fuzz_u16(in);
	seg.dport = fuzz_u16(in);
	seg.seq = fuzz_u32(in);
	seg.ack = fuzz_u32(in);
	seg.wnd = fuzz_u16(in);
	seg.urp = fuzz_u16(in);
	seg.mss = fuzz_u16(in);
	seg.ts_val = fuzz_u32(in);
	seg.ts_ecr = fuzz_u32(in);
	for (unsigned int i = 0; i < seg.n_sack; i++)
		seg.sack[i] = (struct tcp_sack){fuzz_u32(in), fuzz_u32(in)};
	if (seg.sport == 0 || seg.dport == 0)
		return;
	/* What is not said is 0 when parsed. */
	if ((seg.flags & TCP_SYN) == 0)
		seg.opts &= TCP_OPT_TS | TCP_OPT_SACK;
	if ((seg.opts & TCP_OPT_MSS) == 0)
		seg.mss = 0;
	if ((seg.opts & TCP_OPT_WSCALE) == 0)
		seg.wscale = 0;
	if ((seg.opts & TCP_OPT_TS) == 0)
		seg.ts_val = seg.ts_ecr = 0;
	if ((seg.opts & TCP_OPT_SACK) == 0)
		seg.n_sack = 0;
	payload = fuzz_copy(in->p, in->left);
	seg.payload = (struct tcp_buf){NULL, payload, (uint32_t)in->left};
	tcp_again(&seg);
	free(payload);
}

/* ------------------------------------------------------------------ IP */

static void
ip_parsed(const uint8_t *p, uint32_t len, const struct ip_view *v)
{
	const uint32_t least = v->family == IP_V4 ? IP4_HDR_LEN : IP6_HDR_LEN;

	FUZZ_REQUIRE(v->family == IP_V4 || v->family == IP_V6);
	FUZZ_REQUIRE(v->hdr_len >= least && v->hdr_len <= len);
	FUZZ_REQUIRE(v->payload_len <= len - v->hdr_len);
	FUZZ_REQUIRE(v->frag_offset % 8 == 0 && v->ecn <= 3);
	(void)p;
}

static enum drop_reason
ip_parse(uint8_t family, const uint8_t *p, uint32_t len, struct ip_view *view)
{
	return family == IP_V4 ? ip4_parse(p, len, false, view) : ip6_parse(p, len, view);
}

/** The addresses and protocol of @p v in a header of ours parse to the same, with its ECN put in afterwards. */
static void
ip_again(const uint8_t *payload, const struct ip_view *v)
{
	const uint32_t n = v->payload_len < 1000 ? v->payload_len : 1000;
	const uint32_t hdr_len = v->family == IP_V4 ? IP4_HDR_LEN : IP6_HDR_LEN;
	const uint8_t tos = (uint8_t)(v->id << 2 | v->ecn), ttl = v->ttl != 0 ? v->ttl : 1;
	uint8_t *p = fuzz_alloc(hdr_len + n);
	struct ip_view got;

	if (v->family == IP_V4)
		FUZZ_REQUIRE(ip4_build(p, &v->src, &v->dst, v->proto, (uint16_t)v->id, n, tos,
					     ttl) == hdr_len);
	else
		FUZZ_REQUIRE(ip6_build(p, &v->src, &v->dst, v->proto, v->id, n, tos, ttl) ==
				hdr_len);
	if (n > 0)
		memcpy(p + hdr_len, payload, n);
	FUZZ_REQUIRE(ip_parse(v->family, p, hdr_len + n, &got) == DROP_NONE);
	FUZZ_REQUIRE(ip_addr_equal(&got.src, &v->src) && ip_addr_equal(&got.dst, &v->dst));
	FUZZ_REQUIRE(got.proto == v->proto && got.payload_len == n && got.hdr_len == hdr_len);
	FUZZ_REQUIRE(got.ttl == ttl && got.frag_offset == 0 && !got.frag_more);
	FUZZ_REQUIRE(got.frag_dont && got.ecn == v->ecn);
	free(p);
}

static void
ip_packet(const uint8_t *data, uint32_t len, bool v6)
{
	uint8_t *p = fuzz_copy(data, len);
	struct ip_view view;
	enum drop_reason reason = v6 ? ip6_parse(p, len, &view) : ip4_parse(p, len, true, &view);

	if (!v6 && reason == DROP_NONE) {
		struct ip_view checked;
		const enum drop_reason sum = ip4_parse(p, len, false, &checked);

		FUZZ_REQUIRE(sum == DROP_NONE || sum == DROP_IP_CKSUM);
	}
	if (reason == DROP_NONE || reason == DROP_IP_SRC || reason == DROP_IP_LAND ||
			reason == DROP_IP_FRAGMENT)
		ip_parsed(p, len, &view);
	if (reason == DROP_NONE) {
		FUZZ_REQUIRE(view.frag_offset == 0 && !view.frag_more);
		ip_again(p + view.hdr_len, &view);
		if (view.proto == IP_PROTO_TCP)
			tcp_of_ip(p, &view);
	}
	free(p);
}

/* ------------------------------------------------------------------ Ethernet and ARP */

static void
arp_packet(const uint8_t *data, uint32_t len, const uint8_t *eth_src)
{
	uint8_t *p = fuzz_copy(data, len);
	uint8_t again[ARP_LEN];
	struct arp_view v, got;

	if (arp_parse(p, len, eth_src, &v) == DROP_NONE) {
		FUZZ_REQUIRE(v.op == ARP_OP_REQUEST || v.op == ARP_OP_REPLY);
		FUZZ_REQUIRE(!eth_is_multicast(v.sha) && !eth_is_zero(v.sha));
		FUZZ_REQUIRE(v.probe ? v.spa.v4 == 0 : ip4_is_source(&v.spa));
		FUZZ_REQUIRE(arp_build_request(again, v.sha, &v.spa, &v.tpa) == ARP_LEN);
		FUZZ_REQUIRE(arp_parse(again, ARP_LEN, eth_src, &got) ==
				(v.spa.v4 == 0 || ip4_is_source(&v.spa) ? DROP_NONE :
									  DROP_ARP_BAD));
		FUZZ_REQUIRE(ip_addr_equal(&got.spa, &v.spa) && ip_addr_equal(&got.tpa, &v.tpa));
		/* Our reply says what was asked, to him who asked. */
		FUZZ_REQUIRE(arp_build_reply(again, eth_src, &v) == ARP_LEN);
		FUZZ_REQUIRE(be16_load(again + 6) == ARP_OP_REPLY);
		FUZZ_REQUIRE(memcmp(again + 18, v.sha, ETH_MAC_LEN) == 0);
		FUZZ_REQUIRE(memcmp(again + 24, v.spa.b, 4) == 0);
		FUZZ_REQUIRE(memcmp(again + 14, v.tpa.b, 4) == 0);
	}
	free(p);
}

static void
frame(const uint8_t *data, uint32_t len)
{
	uint8_t *p = fuzz_copy(data, len);
	uint8_t again[ETH_HDR_MAX];
	struct eth_view view;
	enum drop_reason reason = eth_parse(p, len, &view);

	if (reason == DROP_NONE) {
		const uint8_t *l3 = p + view.l2_len;
		const uint32_t l3_len = len - view.l2_len;

		FUZZ_REQUIRE(view.l2_len <= len && view.vlan <= ETH_VLAN_MAX);
		FUZZ_REQUIRE(view.dst == p && view.src == p + ETH_MAC_LEN);
		if (view.vlan != ETH_VLAN_NONE || view.l2_len == ETH_HDR_LEN) {
			FUZZ_REQUIRE(eth_build(again, view.dst, view.src, view.type, view.vlan) ==
					view.l2_len);
			FUZZ_REQUIRE(memcmp(again, p, 14) == 0);
		}
		if (view.type == ETH_TYPE_ARP)
			arp_packet(l3, l3_len, view.src);
		else
			ip_packet(l3, l3_len, view.type == ETH_TYPE_IPV6);
	}
	free(p);
}

/* ------------------------------------------------------------------ checksums */

/** RFC 1071 as its section 4.1 says it, byte by byte. */
static uint16_t
cksum_plain(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & UINT16_MAX) + (sum >> 16);
	}
	return (uint16_t)sum;
}

/** Cut anywhere, at any alignment, the sum is the same; and so it is after an update. */
static void
checksum(struct fuzz_in *in)
{
	const size_t shift = fuzz_below(in, 8);
	const uint8_t step = fuzz_u8(in);
	const uint16_t to = fuzz_u16(in);
	const size_t len = in->left;
	uint8_t *room = fuzz_alloc(len + shift);
	uint8_t *p = room + shift;
	uint64_t sum = 0;
	size_t at = 0;

	if (len > 0)
		memcpy(p, in->p, len);
	FUZZ_REQUIRE(cksum_fold(cksum_add(0, p, len)) == cksum_plain(p, len));
	while (at < len) {
		size_t n = 1 + (step * (at + 3) >> 2) % 61;

		n = n < len - at ? n : len - at;
		sum = cksum_add_slice(sum, p + at, n, at);
		at += n;
	}
	FUZZ_REQUIRE(cksum_fold(sum) == cksum_plain(p, len));
	if (len >= 8 && (p[4] | p[5] | p[6] | p[7]) != 0) {
		const uint16_t before = cksum_finish(cksum_add(0, p, len));
		const uint16_t from = be16_load(p);
		const uint32_t from32 = be32_load(p);
		uint16_t after;

		be16_store(p, to);
		after = cksum_finish(cksum_add(0, p, len));
		FUZZ_REQUIRE(cksum_update16(before, from, to) == after);
		be32_store(p, (uint32_t)to << 16 | step);
		FUZZ_REQUIRE(cksum_update32(before, from32, (uint32_t)to << 16 | step) ==
				cksum_finish(cksum_add(0, p, len)));
	}
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};

	switch (fuzz_below(&in, 5)) {
	case 0:
		frame(in.p, (uint32_t)in.left);
		break;
	case 1:
		ip_packet(in.p, (uint32_t)in.left, false);
		break;
	case 2:
		ip_packet(in.p, (uint32_t)in.left, true);
		break;
	case 3:
		tcp_drawn(&in);
		break;
	default:
		checksum(&in);
		break;
	}
	return 0;
}
