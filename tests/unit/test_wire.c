/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole frames through all parsers: right ones, every truncation of them, and mutated ones. */
#include "test.h"

#include "base/bytes.h"
#include "pkt.h"
#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp_hdr.h"
#include "wire/wire.h"

#define FRAME_MAX 256
#define N_KINDS   10
#define MUTATIONS 200000

static const uint8_t OURS[] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t PEER[] = {0x02, 0, 0, 0, 0, 0x02};
static const struct ip_addr OUR4 = {.b = {10, 0, 0, 1}}, PEER4 = {.b = {10, 0, 0, 2}};
static const struct ip_addr OUR6 = {.b = {0x20, 1, 0x0D, 0xB8, [15] = 1}};
static const struct ip_addr PEER6 = {.b = {0x20, 1, 0x0D, 0xB8, [15] = 2}};

/* What the parsers made of a frame; also keeps what they read from being optimised away. */
struct parsed {
	struct eth_view eth;
	struct ip_view ip;
	struct tcp_seg seg;
	struct icmp_view icmp;
	struct arp_view arp;
};

/* As the worker does it. */
static enum drop_reason
parse_frame(uint8_t *p, uint32_t len, bool verified, struct parsed *out)
{
	enum drop_reason reason = eth_parse(p, len, &out->eth);

	if (reason != DROP_NONE)
		return reason;
	p += out->eth.l2_len;
	len -= out->eth.l2_len;
	if (out->eth.type == ETH_TYPE_ARP)
		return arp_parse(p, len, out->eth.src, &out->arp);
	reason = out->eth.type == ETH_TYPE_IPV4 ? ip4_parse(p, len, verified, &out->ip) :
						  ip6_parse(p, len, &out->ip);
	if (reason != DROP_NONE)
		return reason;
	CU_ASSERT_FATAL(out->ip.hdr_len + out->ip.payload_len <= len);
	if (out->ip.proto == IP_PROTO_TCP) {
		reason = wire_parse_tcp(p, &out->ip, verified, &out->seg);
		if (reason == DROP_NONE) {
			CU_ASSERT_FATAL(out->seg.payload.data + out->seg.payload.len ==
					p + out->ip.hdr_len + out->ip.payload_len);
			CU_ASSERT_FATAL(out->seg.n_sack <= TCP_SACK_MAX);
			CU_ASSERT_FATAL(out->seg.wscale <= TCP_WSCALE_MAX);
			/* Read every byte that the core may read. */
			(void)cksum_add(0, out->seg.payload.data, out->seg.payload.len);
		}
		return reason;
	}
	if (out->ip.proto != IP_PROTO_ICMP || out->ip.family != IP_V4)
		return DROP_IP_PROTO;
	reason = icmp4_parse(p + out->ip.hdr_len, out->ip.payload_len, &out->icmp);
	if (reason == DROP_NONE && out->icmp.type == ICMP4_ECHO)
		icmp4_echo_reply(p + out->ip.hdr_len, out->ip.payload_len);
	return reason;
}

static uint32_t
build_tcp(uint8_t *p, bool v6, uint16_t vlan, uint8_t opts, uint32_t payload)
{
	struct tcp_seg seg = {
			.sport = 40000, .dport = 80, .seq = 1, .ack = 2, .wnd = 3, .opts = opts};
	uint32_t l2, l3, hdr, i;
	struct tcp_buf buf;

	seg.family = v6 ? IP_V6 : IP_V4;
	seg.src = v6 ? PEER6 : PEER4;
	seg.dst = v6 ? OUR6 : OUR4;
	seg.flags = opts & TCP_OPT_MSS ? TCP_SYN : TCP_ACK;
	seg.mss = 1460;
	seg.wscale = 7;
	seg.ts_val = 0x01020304;
	seg.ts_ecr = 0x05060708;
	seg.n_sack = opts & TCP_OPT_SACK ? 3 : 0;
	for (i = 0; i < seg.n_sack; i++)
		seg.sack[i] = (struct tcp_sack){10 * i + 100, 10 * i + 105};
	l2 = eth_build(p, OURS, PEER, v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4, vlan);
	hdr = tcp_hdr_len(&seg);
	l3 = v6 ? ip6_build(p + l2, &PEER6, &OUR6, IP_PROTO_TCP, 77, hdr + payload, 0, 64) :
		  ip4_build(p + l2, &PEER4, &OUR4, IP_PROTO_TCP, 77, hdr + payload, 0, 64);
	tcp_build(p + l2 + l3, &seg);
	buf.data = p + l2 + l3 + hdr;
	buf.len = payload;
	memset(buf.data, 0x42, payload);
	tcp_cksum_fill(p + l2 + l3, hdr, &seg, &buf, 1);
	return l2 + l3 + hdr + payload;
}

/* IPv6 with a chain of extension headers, an atomic fragment the last, before the segment. */
static uint32_t
build_chain(uint8_t *p)
{
	static const uint8_t chain[] = {
			60, 0, 5, 2, 0, 0, 1, 0,       /* hop-by-hop */
			43, 1, 1, 12,                  /* destination options of 16 bytes */
			[24] = 44, 0, 4,               /* routing */
			[32] = 6, 0, 0, 0, 1, 2, 3, 4, /* fragment */
	};
	uint32_t len = build_tcp(p, true, 0, TCP_OPT_TS, 5), ip = ETH_HDR_LEN;

	memmove(p + ip + IP6_HDR_LEN + sizeof(chain), p + ip + IP6_HDR_LEN, len - ip - IP6_HDR_LEN);
	memcpy(p + ip + IP6_HDR_LEN, chain, sizeof(chain));
	p[ip + 6] = 0;
	len += (uint32_t)sizeof(chain);
	be16_store(p + ip + 4, (uint16_t)(len - ip - IP6_HDR_LEN));
	return len;
}

static uint32_t
build_icmp(uint8_t *p, uint8_t type)
{
	uint32_t l2 = eth_build(p, OURS, PEER, ETH_TYPE_IPV4, 0), n = ICMP4_HDR_LEN + 20 + 8;
	uint8_t *icmp = p + l2 + ip4_build(p + l2, &PEER4, &OUR4, IP_PROTO_ICMP, 78, n, 0, 64);

	memset(icmp, 0, n);
	icmp[0] = type;
	ip4_build(icmp + ICMP4_HDR_LEN, &OUR4, &PEER4, IP_PROTO_TCP, 79, 20, 0, 64);
	be16_store(icmp + ICMP4_HDR_LEN + 20, 80);
	pkt_cksum_set(icmp, n, 2);
	return l2 + IP4_HDR_LEN + n;
}

/* IPv4 with options: record route and the end of the list. */
static uint32_t
build_ip_options(uint8_t *p)
{
	static const uint8_t options[] = {7, 7, 4, 0, 0, 0, 0, 0};
	uint32_t len = build_tcp(p, false, 0, 0, 5), ip = ETH_HDR_LEN;

	memmove(p + ip + 28, p + ip + 20, len - ip - 20);
	memcpy(p + ip + 20, options, sizeof(options));
	p[ip] = 0x47;
	len += 8;
	be16_store(p + ip + 2, (uint16_t)(len - ip));
	pkt_cksum_set(p + ip, 28, 10);
	return len;
}

/* A valid frame of each kind. */
static uint32_t
build_frame(uint8_t *p, uint32_t kind)
{
	const uint8_t syn = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK | TCP_OPT_TS;

	switch (kind) {
	case 0:
		return build_tcp(p, false, 0, 0, 0);
	case 1:
		return build_tcp(p, false, 100, syn, 0);
	case 2:
		return build_tcp(p, false, 0, TCP_OPT_TS, 17);
	case 3:
		return build_tcp(p, true, 0, TCP_OPT_TS | TCP_OPT_SACK, 8);
	case 4:
		return build_tcp(p, true, 4094, syn, 1);
	case 5:
		return build_chain(p);
	case 6:
		return build_ip_options(p);
	case 7:
		return build_icmp(p, ICMP4_ECHO);
	case 8:
		return build_icmp(p, ICMP4_UNREACHABLE);
	default:
		return eth_build(p, OURS, PEER, ETH_TYPE_ARP, 0) +
				arp_build_request(p + ETH_HDR_LEN, PEER, &PEER4, &OUR4);
	}
}

static enum drop_reason
try_frame(const uint8_t *frame, uint32_t len, bool verified, struct parsed *out)
{
	uint8_t *p = pkt_copy(frame, len);
	enum drop_reason reason = parse_frame(p, len, verified, out);

	free(p);
	return reason;
}

static void
wire_valid_frames_of_every_kind(void)
{
	uint8_t frame[FRAME_MAX];
	struct parsed out;
	uint32_t kind;

	for (kind = 0; kind < N_KINDS; kind++) {
		uint32_t len = build_frame(frame, kind);

		CU_ASSERT_EQUAL(try_frame(frame, len, false, &out), DROP_NONE);
	}
}

static void
wire_segment_gets_all_of_both_headers(void)
{
	uint8_t frame[FRAME_MAX];
	struct parsed out;
	uint32_t len = build_tcp(frame, true, 7, TCP_OPT_TS | TCP_OPT_SACK, 8);

	frame[ETH_HDR_MAX + 1] |= 0x20;
	CU_ASSERT_EQUAL(try_frame(frame, len, false, &out), DROP_NONE);
	CU_ASSERT_EQUAL(out.eth.vlan, 7);
	CU_ASSERT_TRUE(ip_addr_equal(&out.seg.src, &PEER6));
	CU_ASSERT_TRUE(ip_addr_equal(&out.seg.dst, &OUR6));
	CU_ASSERT_EQUAL(out.seg.family, IP_V6);
	CU_ASSERT_EQUAL(out.seg.ecn, 2);
	CU_ASSERT_EQUAL(out.seg.sport, 40000);
	CU_ASSERT_EQUAL(out.seg.opts, TCP_OPT_TS | TCP_OPT_SACK);
	CU_ASSERT_EQUAL(out.seg.n_sack, 3);
	CU_ASSERT_EQUAL(out.seg.sack[2].right, 125);
	CU_ASSERT_EQUAL(out.seg.payload.len, 8);
}

static void
bad_input_08_checksum_unknown_is_verified(void)
{
	uint8_t frame[FRAME_MAX];
	struct parsed out;
	uint32_t kind, len;
	uint8_t *cksum;

	for (kind = 0; kind <= 6; kind++) {
		len = build_frame(frame, kind);
		CU_ASSERT_EQUAL(try_frame(frame, len, false, &out), DROP_NONE);
		cksum = frame + out.eth.l2_len + out.ip.hdr_len + 16;
		*cksum ^= 1;
		CU_ASSERT_EQUAL(try_frame(frame, len, false, &out), DROP_TCP_CKSUM);
		CU_ASSERT_EQUAL(try_frame(frame, len, true, &out), DROP_NONE);
	}
}

/* What follows the IP packet is neither payload nor part of the checksum. */
static void
bad_input_04_frame_padding_never_becomes_payload(void)
{
	uint8_t frame[FRAME_MAX] = {0};
	struct parsed out;
	uint32_t len = build_tcp(frame, false, 0, 0, 0);

	CU_ASSERT_EQUAL(len, 54);
	CU_ASSERT_EQUAL(ETH_FRAME_MIN, 60); /* IEEE 802.3, without the FCS */
	memset(frame + len, 0xEE, ETH_FRAME_MIN - len);
	CU_ASSERT_EQUAL(try_frame(frame, ETH_FRAME_MIN, false, &out), DROP_NONE);
	CU_ASSERT_EQUAL(out.seg.payload.len, 0);
}

static void
wire_every_truncation_is_dropped(void)
{
	uint8_t frame[FRAME_MAX];
	struct parsed out;
	uint32_t kind, len, n;

	for (kind = 0; kind < N_KINDS; kind++) {
		len = build_frame(frame, kind);
		for (n = 0; n < len; n++)
			CU_ASSERT_NOT_EQUAL(try_frame(frame, n, true, &out), DROP_NONE);
	}
}

/* The IP length field is cut with the packet, so that the layers above see the cut. */
static void
wire_every_truncation_with_its_length_right_stays_in_bounds(void)
{
	uint8_t frame[FRAME_MAX];
	struct parsed out;
	uint32_t kind, len, n, l2;

	for (kind = 0; kind < 9; kind++) {
		len = build_frame(frame, kind);
		l2 = frame[12] == 0x81 ? ETH_HDR_MAX : ETH_HDR_LEN;
		for (n = l2 + IP6_HDR_LEN; n < len; n++) {
			bool v6 = frame[l2] >> 4 == 6;

			be16_store(frame + l2 + (v6 ? 4 : 2),
					(uint16_t)(n - l2 - (v6 ? IP6_HDR_LEN : 0)));
			(void)try_frame(frame, n, true, &out);
			(void)try_frame(frame, n, false, &out);
		}
	}
	CU_PASS("no access out of bounds");
}

static void
mutate(uint64_t *rng, uint8_t *frame, uint32_t *len)
{
	static const uint8_t edge[] = {0, 1, 2, 4, 0x7F, 0x80, 0xFE, 0xFF};
	uint32_t times = 1 + random_below(rng, 6), at;

	while (times-- > 0) {
		at = random_below(rng, *len);
		switch (random_below(rng, 8)) {
		case 0:
			*len = at == 0 ? *len : at;
			break;
		case 1:
			frame[at] = edge[random_below(rng, sizeof(edge))];
			break;
		case 2:
			frame[at]++;
			break;
		case 3:
			frame[at]--;
			break;
		case 4: /* within the first headers, where the lengths are */
			frame[random_below(rng, *len < 60 ? *len : 60)] = (uint8_t)random_next(rng);
			break;
		case 5:
			frame[at] ^= (uint8_t)(1 << random_below(rng, 8));
			break;
		default:
			frame[at] = (uint8_t)random_next(rng);
			break;
		}
	}
}

/* Repair the length and checksum that would stop most mutated packets at the IP header. */
static void
repair(uint8_t *frame, uint32_t len)
{
	uint32_t l2 = frame[12] == 0x81 ? ETH_HDR_MAX : ETH_HDR_LEN;
	uint32_t hdr_len;

	if (len < l2 + IP6_HDR_LEN)
		return;
	if (frame[l2] >> 4 == 6) {
		be16_store(frame + l2 + 4, (uint16_t)(len - l2 - IP6_HDR_LEN));
		return;
	}
	be16_store(frame + l2 + 2, (uint16_t)(len - l2));
	hdr_len = (frame[l2] & 0x0Fu) * 4;
	if (hdr_len < IP4_HDR_LEN || l2 + hdr_len + ICMP4_HDR_LEN > len)
		return;
	pkt_cksum_set(frame + l2, hdr_len, 10);
	if (frame[l2 + 9] == IP_PROTO_ICMP)
		pkt_cksum_set(frame + l2 + hdr_len, len - l2 - hdr_len, 2);
}

static void
wire_mutated_frames_stay_in_bounds(void)
{
	uint64_t rng = pkt_seed("mutations", 20240229);
	uint32_t verdicts[DROP_MAX] = {0}, i, reached = 0;
	struct parsed out;

	for (i = 0; i < MUTATIONS; i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = build_frame(frame, random_below(&rng, N_KINDS));
		enum drop_reason reason;

		mutate(&rng, frame, &len);
		if (random_below(&rng, 2) == 0)
			repair(frame, len);
		reason = try_frame(frame, len, random_below(&rng, 4) != 0, &out);
		CU_ASSERT_FATAL(reason < DROP_MAX);
		verdicts[reason]++;
	}
	/* The mutations must reach deep into the parsers, or they test less than they say. */
	for (i = 0; i <= DROP_TCP_PORT_ZERO; i++)
		reached += verdicts[i] > 0;
	CU_ASSERT_TRUE(verdicts[DROP_NONE] > MUTATIONS / 20);
	CU_ASSERT_TRUE(verdicts[DROP_NONE] < MUTATIONS / 2);
	CU_ASSERT_TRUE(verdicts[DROP_IP_FRAGMENT] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_IP_OPTION] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_IP_SOURCE_ROUTE] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_IP6_EXT] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_ICMP_BAD] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_ICMP_QUOTE] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_TCP_SHORT] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_TCP_DOFF] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_TCP_CKSUM] > 0);
	CU_ASSERT_TRUE(verdicts[DROP_ARP_BAD] > 0);
	printf("[%u verdicts, %u passed] ", reached, verdicts[DROP_NONE]);
}

/* Bytes without any form, as each of the parsers sees them. */
static void
wire_random_bytes_stay_in_bounds(void)
{
	uint64_t rng = pkt_seed("random", 5);
	struct parsed out;
	uint32_t i;

	for (i = 0; i < 50000; i++) {
		uint32_t len = random_below(&rng, 120);
		uint8_t *p = malloc(len);

		pkt_fill(&rng, p, len);
		(void)eth_parse(p, len, &out.eth);
		(void)arp_parse(p, len, PEER, &out.arp);
		(void)tcp_parse(p, len, &out.seg);
		if (len > 0)
			p[0] = (uint8_t)(4 << 4 | (p[0] & 0x0F));
		(void)ip4_parse(p, len, true, &out.ip);
		if (len > IP6_HDR_LEN) {
			static const uint8_t ext[] = {0, 43, 44, 60};

			p[0] = 6 << 4;
			be16_store(p + 4, (uint16_t)(len - IP6_HDR_LEN));
			p[6] = ext[random_below(&rng, 4)];
			p[IP6_HDR_LEN] = ext[random_below(&rng, 4)];
			p[IP6_HDR_LEN + 1 < len ? IP6_HDR_LEN + 1 : 0] &= 0x63;
		}
		(void)ip6_parse(p, len, &out.ip);
		if (len >= ICMP4_HDR_LEN) {
			p[0] = 3;
			pkt_cksum_set(p, len, 2);
		}
		(void)icmp4_parse(p, len, &out.icmp);
		free(p);
	}
	CU_PASS("no access out of bounds");
}

static CU_TestInfo tests[] = {
		TEST(wire_valid_frames_of_every_kind),
		TEST(wire_segment_gets_all_of_both_headers),
		TEST(bad_input_08_checksum_unknown_is_verified),
		TEST(bad_input_04_frame_padding_never_becomes_payload),
		TEST(wire_every_truncation_is_dropped),
		TEST(wire_every_truncation_with_its_length_right_stays_in_bounds),
		TEST(wire_mutated_frames_stay_in_bounds),
		TEST(wire_random_bytes_stay_in_bounds),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("wire", tests)
