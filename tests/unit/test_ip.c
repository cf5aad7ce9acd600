/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "base/bytes.h"
#include "pkt.h"
#include "wire/ip.h"

#define MAX_PKT 4096

/* Offsets in an IPv4 header. */
#define TOS   1
#define TOTAL 2
#define FRAG  6
#define CKSUM 10
#define SRC   12
#define DST   16

static struct ip_addr
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct ip_addr ip = {.q = {0, 0}};

	ip.b[0] = a;
	ip.b[1] = b;
	ip.b[2] = c;
	ip.b[3] = d;
	return ip;
}

/* 2001:db8::last */
static struct ip_addr
v6(uint8_t last)
{
	struct ip_addr ip = {.b = {0x20, 0x01, 0x0D, 0xB8}};

	ip.b[15] = last;
	return ip;
}

static enum drop_reason
try4(const uint8_t *p, uint32_t len, bool verified, struct ip_view *view)
{
	uint8_t *copy = pkt_copy(p, len);
	enum drop_reason reason = ip4_parse(copy, len, verified, view);

	free(copy);
	return reason;
}

static enum drop_reason
try6(const uint8_t *p, uint32_t len, struct ip_view *view)
{
	uint8_t *copy = pkt_copy(p, len);
	enum drop_reason reason = ip6_parse(copy, len, view);

	free(copy);
	return reason;
}

/* A valid IPv4 packet 10.0.0.2 -> 10.0.0.1 with @p payload bytes of 0x5A. */
static uint32_t
make4(uint8_t *p, uint32_t payload)
{
	struct ip_addr src = v4(10, 0, 0, 2), dst = v4(10, 0, 0, 1);

	CU_ASSERT_EQUAL(ip4_build(p, &src, &dst, IP_PROTO_TCP, 0x1234, payload, 0, 64),
			IP4_HDR_LEN);
	memset(p + IP4_HDR_LEN, 0x5A, payload);
	return IP4_HDR_LEN + payload;
}

/* make4() with @p n bytes of options, a multiple of 4, and 20 bytes of payload. */
static uint32_t
make4_options(uint8_t *p, const uint8_t *options, uint32_t n)
{
	make4(p, 0);
	p[0] = (uint8_t)(4 << 4 | (5 + n / 4));
	be16_store(p + TOTAL, (uint16_t)(40 + n));
	memcpy(p + IP4_HDR_LEN, options, n);
	memset(p + IP4_HDR_LEN + n, 0x5A, 20);
	pkt_cksum_set(p, IP4_HDR_LEN + n, CKSUM);
	return 40 + n;
}

static void
ip4_build_parse_round_trip(void)
{
	struct ip_addr src = v4(10, 0, 0, 2), dst = v4(10, 0, 0, 1);
	uint8_t p[IP4_HDR_LEN + 40];
	struct ip_view view;

	memset(p, 0xA5, sizeof(p));
	make4(p, 40);
	CU_ASSERT_EQUAL(p[TOS], 0);
	CU_ASSERT_EQUAL(be16_load(p + FRAG), 0x4000);
	CU_ASSERT_EQUAL(pkt_cksum(p, IP4_HDR_LEN), 0);
	CU_ASSERT_EQUAL(try4(p, sizeof(p), false, &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.family, IP_V4);
	CU_ASSERT_EQUAL(view.proto, IP_PROTO_TCP);
	CU_ASSERT_EQUAL(view.ttl, 64);
	CU_ASSERT_EQUAL(view.ecn, 0);
	CU_ASSERT_EQUAL(view.id, 0x1234);
	CU_ASSERT_EQUAL(view.hdr_len, 20);
	CU_ASSERT_EQUAL(view.payload_len, 40);
	CU_ASSERT_TRUE(view.frag_dont);
	CU_ASSERT_FALSE(view.frag_more);
	CU_ASSERT_EQUAL(view.frag_offset, 0);
	CU_ASSERT_TRUE(ip_addr_equal(&view.src, &src));
	CU_ASSERT_TRUE(ip_addr_equal(&view.dst, &dst));
}

/** DSCP, ECN and TTL are where RFC 791, 2474, 3168 and 8200 have them. */
static void
tos_and_ttl_of_what_is_built(void)
{
	struct ip_addr a4 = v4(10, 0, 0, 2), b4 = v4(10, 0, 0, 1);
	struct ip_addr a6 = v6(2), b6 = v6(1);
	uint8_t p[IP6_HDR_LEN + 20] = {0};
	struct ip_view view;

	for (unsigned int i = 0; i < 256; i++) {
		const uint8_t ttl = (uint8_t)(i == 0 ? 1 : i);

		ip4_build(p, &a4, &b4, IP_PROTO_TCP, 1, 20, (uint8_t)i, ttl);
		CU_ASSERT_EQUAL(p[TOS], i);
		CU_ASSERT_EQUAL(pkt_cksum(p, IP4_HDR_LEN), 0);
		CU_ASSERT_EQUAL(try4(p, 40, false, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.ttl, ttl);
		CU_ASSERT_EQUAL(view.ecn, i & 3);
		ip6_build(p, &a6, &b6, IP_PROTO_TCP, 0x12345, 20, (uint8_t)i, ttl);
		CU_ASSERT_EQUAL(be32_load(p), 0x60012345u | i << 20);
		CU_ASSERT_EQUAL(try6(p, 60, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.ttl, ttl);
		CU_ASSERT_EQUAL(view.ecn, i & 3);
	}
}

static void
ip4_largest_packet(void)
{
	uint8_t *p = malloc(65535);
	struct ip_view view;

	make4(p, 65515);
	CU_ASSERT_EQUAL(try4(p, 65535, false, &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.payload_len, 65515);
	CU_ASSERT_EQUAL(try4(p, 65534, false, &view), DROP_IP_TOTAL_LEN);
	free(p);
}

static void
ip4_ecn_bits(void)
{
	uint8_t p[IP4_HDR_LEN];
	struct ip_view view;
	uint8_t ecn;

	for (ecn = 0; ecn < 4; ecn++) {
		make4(p, 0);
		p[TOS] = 0xFC | ecn;
		CU_ASSERT_EQUAL(try4(p, sizeof(p), true, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.ecn, ecn);
	}
}

static void
ip4_version_other_than_4(void)
{
	uint8_t p[IP4_HDR_LEN];
	struct ip_view view;
	unsigned int version;

	make4(p, 0);
	for (version = 0; version < 16; version++) {
		p[0] = (uint8_t)(version << 4 | 5);
		CU_ASSERT_EQUAL(try4(p, sizeof(p), true, &view),
				version == 4 ? DROP_NONE : DROP_IP_VERSION);
	}
}

static void
bad_input_04_ip4_total_length(void)
{
	uint8_t p[IP4_HDR_LEN + 26];
	struct ip_view view;
	uint32_t total, len = sizeof(p);

	for (total = 0; total <= 65535; total += total < 100 ? 1 : 997) {
		make4(p, 26);
		be16_store(p + TOTAL, (uint16_t)total);
		pkt_cksum_set(p, IP4_HDR_LEN, CKSUM);
		if (total < IP4_HDR_LEN || total > len) {
			CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_IP_TOTAL_LEN);
			continue;
		}
		/* The rest of the frame is padding. */
		CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.payload_len, total - IP4_HDR_LEN);
	}
}

static void
bad_input_04_ip4_header_length(void)
{
	uint8_t p[IP4_HDR_LEN + 20] = {0};
	struct ip_view view;
	unsigned int ihl;

	for (ihl = 0; ihl < 16; ihl++) {
		make4(p, 20);
		p[0] = (uint8_t)(4 << 4 | ihl);
		memset(p + IP4_HDR_LEN, 0, 20);
		CU_ASSERT_EQUAL(try4(p, sizeof(p), true, &view),
				ihl < 5 || ihl > 10 ? DROP_IP_HDR_LEN : DROP_NONE);
	}
	/* Inside the frame, but beyond the total length. */
	make4(p, 20);
	p[0] = 4 << 4 | 10;
	be16_store(p + TOTAL, 39);
	CU_ASSERT_EQUAL(try4(p, sizeof(p), true, &view), DROP_IP_TOTAL_LEN);
}

static void
bad_input_04_ip4_every_truncation(void)
{
	uint8_t p[IP4_HDR_LEN + 20];
	struct ip_view view;
	uint32_t len;

	make4(p, 20);
	for (len = 0; len < sizeof(p); len++)
		CU_ASSERT_EQUAL(try4(p, len, false, &view),
				len < IP4_HDR_LEN ? DROP_IP_SHORT : DROP_IP_TOTAL_LEN);
}

static void
bad_input_08_ip4_header_checksum(void)
{
	static const uint8_t nops[] = {1, 1, 1, 0};
	uint8_t p[64];
	struct ip_view view;
	uint32_t len, bit;

	len = make4(p, 20);
	for (bit = 8 * CKSUM; bit < 8 * (CKSUM + 2); bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_IP_CKSUM);
		CU_ASSERT_EQUAL(try4(p, len, true, &view), DROP_NONE);
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	p[8]--; /* TTL */
	CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_IP_CKSUM);
	p[8]++;
	CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_NONE);
	p[IP4_HDR_LEN] ^= 1; /* the payload is not covered */
	CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_NONE);

	len = make4_options(p, nops, sizeof(nops));
	CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_NONE);
	p[IP4_HDR_LEN + 3] = 1; /* options are */
	CU_ASSERT_EQUAL(try4(p, len, false, &view), DROP_IP_CKSUM);
}

struct option_row {
	uint8_t bytes[8];
	enum drop_reason reason;
};

static void
bad_input_11_ip4_options(void)
{
	static const struct option_row t[] = {
			{{131, 7, 4, 10, 0, 0, 9, 0}, DROP_IP_SOURCE_ROUTE},
			{{137, 7, 4, 10, 0, 0, 9, 0}, DROP_IP_SOURCE_ROUTE},
			{{1, 1, 1, 1, 1, 131, 3, 4}, DROP_IP_SOURCE_ROUTE},
			{{148, 4, 0, 0, 137, 3, 4, 0}, DROP_IP_SOURCE_ROUTE},
			{{0, 131, 7, 4, 10, 0, 0, 9}, DROP_NONE}, /* behind the end of the list */
			{{7, 7, 4, 0, 0, 0, 0, 0}, DROP_NONE},    /* record route */
			{{68, 8, 5, 0, 0, 0, 0, 0}, DROP_NONE}, /* timestamp, up to the last byte */
			{{148, 4, 0, 0, 0, 0, 0, 0}, DROP_NONE}, /* router alert */
			{{1, 1, 1, 1, 1, 1, 1, 1}, DROP_NONE},
			{{200, 2, 201, 2, 202, 2, 203, 2}, DROP_NONE}, /* unknown, empty */
			{{200, 0, 0, 0, 0, 0, 0, 0}, DROP_IP_OPTION},
			{{200, 1, 0, 0, 0, 0, 0, 0}, DROP_IP_OPTION},
			{{200, 9, 0, 0, 0, 0, 0, 0}, DROP_IP_OPTION},
			{{200, 255, 0, 0, 0, 0, 0, 0}, DROP_IP_OPTION},
			{{1, 1, 1, 1, 1, 1, 1, 200}, DROP_IP_OPTION}, /* ends on a kind byte */
			{{1, 1, 1, 1, 1, 1, 1, 131}, DROP_IP_OPTION},
			{{1, 1, 1, 1, 1, 1, 200, 3}, DROP_IP_OPTION},
			{{1, 1, 1, 1, 1, 1, 200, 2}, DROP_NONE},
	};
	uint8_t p[64];
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t len = make4_options(p, t[i].bytes, 8);

		CU_ASSERT_EQUAL(try4(p, len, false, &view), t[i].reason);
		if (t[i].reason == DROP_NONE) {
			CU_ASSERT_EQUAL(view.hdr_len, 28);
			CU_ASSERT_EQUAL(view.payload_len, 20);
		}
		/* The same with nothing behind the options to read. */
		be16_store(p + TOTAL, 28);
		pkt_cksum_set(p, 28, CKSUM);
		CU_ASSERT_EQUAL(try4(p, 28, false, &view), t[i].reason);
	}
}

static void
bad_input_10_ip4_source(void)
{
	static const struct {
		uint8_t ip[4];
		enum drop_reason reason;
	} t[] = {
			{{0, 0, 0, 0}, DROP_IP_SRC},
			{{255, 255, 255, 255}, DROP_IP_SRC},
			{{224, 0, 0, 0}, DROP_IP_SRC},
			{{239, 255, 255, 255}, DROP_IP_SRC},
			{{127, 0, 0, 0}, DROP_IP_SRC},
			{{127, 255, 255, 255}, DROP_IP_SRC},
			{{10, 0, 0, 1}, DROP_IP_LAND},
			{{223, 255, 255, 255}, DROP_NONE},
			{{126, 255, 255, 255}, DROP_NONE},
			{{128, 0, 0, 0}, DROP_NONE},
			{{1, 0, 0, 0}, DROP_NONE},
			{{10, 0, 0, 255}, DROP_NONE},
	};
	uint8_t p[IP4_HDR_LEN + 20];
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make4(p, 20);
		memcpy(p + SRC, t[i].ip, 4);
		pkt_cksum_set(p, IP4_HDR_LEN, CKSUM);
		CU_ASSERT_EQUAL(try4(p, sizeof(p), false, &view), t[i].reason);
		CU_ASSERT_EQUAL(memcmp(view.src.b, t[i].ip, 4), 0);
	}
}

static void
ip4_fragments(void)
{
	static const struct {
		uint16_t field;
		uint16_t offset;
		bool more, dont;
		enum drop_reason reason;
	} t[] = {
			{0x0000, 0, false, false, DROP_NONE},
			{0x4000, 0, false, true, DROP_NONE},
			{0x8000, 0, false, false, DROP_NONE}, /* the reserved bit */
			{0x2000, 0, true, false, DROP_IP_FRAGMENT},
			{0x6000, 0, true, true, DROP_IP_FRAGMENT},
			{0x0001, 8, false, false, DROP_IP_FRAGMENT},
			{0x3FFF, 65528, true, false, DROP_IP_FRAGMENT},
			{0x5000, 32768, false, true, DROP_IP_FRAGMENT},
	};
	uint8_t p[IP4_HDR_LEN + 20];
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make4(p, 20);
		be16_store(p + FRAG, t[i].field);
		pkt_cksum_set(p, IP4_HDR_LEN, CKSUM);
		CU_ASSERT_EQUAL(try4(p, sizeof(p), false, &view), t[i].reason);
		CU_ASSERT_EQUAL(view.frag_offset, t[i].offset);
		CU_ASSERT_EQUAL(view.frag_more, t[i].more);
		CU_ASSERT_EQUAL(view.frag_dont, t[i].dont);
		CU_ASSERT_EQUAL(view.payload_len, 20);
		CU_ASSERT_EQUAL(view.id, 0x1234);
	}
}

/* A valid IPv6 packet 2001:db8::2 -> 2001:db8::1 whose payload is @p n bytes at @p payload. */
static uint32_t
make6(uint8_t *p, uint8_t next, const uint8_t *payload, uint32_t n)
{
	struct ip_addr src = v6(2), dst = v6(1);

	CU_ASSERT_EQUAL(ip6_build(p, &src, &dst, next, 0, n, 0, 64), IP6_HDR_LEN);
	if (n > 0)
		memcpy(p + IP6_HDR_LEN, payload, n);
	return IP6_HDR_LEN + n;
}

/* The verdict on a chain of extension headers that begins with @p next. */
static enum drop_reason
try_chain(uint8_t next, const uint8_t *chain, uint32_t n, struct ip_view *view)
{
	uint8_t p[MAX_PKT];
	uint32_t len = make6(p, next, chain, n);

	return try6(p, len, view);
}

#define CHAIN(bytes) (bytes), (uint32_t)sizeof(bytes)

static void
ip6_build_parse_round_trip(void)
{
	struct ip_addr src = v6(2), dst = v6(1);
	uint8_t p[IP6_HDR_LEN + 30];
	struct ip_view view;

	memset(p, 0xA5, sizeof(p));
	CU_ASSERT_EQUAL(ip6_build(p, &src, &dst, IP_PROTO_TCP, 0xFFF12345, 24, 0, 64), IP6_HDR_LEN);
	CU_ASSERT_EQUAL(be32_load(p), 0x60012345);
	CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), DROP_NONE); /* 6 bytes of padding */
	CU_ASSERT_EQUAL(view.family, IP_V6);
	CU_ASSERT_EQUAL(view.proto, IP_PROTO_TCP);
	CU_ASSERT_EQUAL(view.ttl, 64);
	CU_ASSERT_EQUAL(view.ecn, 0);
	CU_ASSERT_EQUAL(view.id, 0);
	CU_ASSERT_EQUAL(view.hdr_len, 40);
	CU_ASSERT_EQUAL(view.payload_len, 24);
	CU_ASSERT_FALSE(view.frag_more);
	CU_ASSERT_EQUAL(view.frag_offset, 0);
	CU_ASSERT_TRUE(ip_addr_equal(&view.src, &src));
	CU_ASSERT_TRUE(ip_addr_equal(&view.dst, &dst));
	p[1] |= 0x30;
	CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.ecn, 3);
	p[0] = 0x4F; /* version 4, traffic class set */
	CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), DROP_IP_VERSION);
}

static void
bad_input_04_ip6_payload_length(void)
{
	uint8_t data[20] = {0}, p[IP6_HDR_LEN + 20];
	struct ip_view view;
	uint32_t len, n;

	make6(p, IP_PROTO_TCP, data, 20);
	for (len = 0; len < sizeof(p); len++)
		CU_ASSERT_EQUAL(try6(p, len, &view),
				len < IP6_HDR_LEN ? DROP_IP_SHORT : DROP_IP_TOTAL_LEN);
	for (n = 0; n <= 65535; n += n < 100 ? 1 : 997) {
		be16_store(p + 4, (uint16_t)n);
		CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), n <= 20 ? DROP_NONE : DROP_IP_TOTAL_LEN);
		if (n <= 20)
			CU_ASSERT_EQUAL(view.payload_len, n);
	}
}

static void
bad_input_10_ip6_source(void)
{
	static const struct {
		uint8_t ip[16];
		enum drop_reason reason;
	} t[] = {
			{{0}, DROP_IP_SRC},
			{{[15] = 1}, DROP_IP_SRC},
			{{0xFF, 0x02, [15] = 1}, DROP_IP_SRC},
			{{0xFF, 0xFF}, DROP_IP_SRC},
			{{[10] = 0xFF, 0xFF, 10, 0, 0, 2}, DROP_IP_SRC},
			{{0x20, 0x01, 0x0D, 0xB8, [15] = 1}, DROP_IP_LAND},
			{{[15] = 2}, DROP_NONE},
			{{[12] = 1}, DROP_NONE},
			{{[11] = 1}, DROP_NONE},
			{{[8] = 1, [15] = 1}, DROP_NONE},
			{{0xFE, 0x80, [15] = 1}, DROP_NONE},
			{{[7] = 1}, DROP_NONE},
	};
	uint8_t p[IP6_HDR_LEN];
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make6(p, IP_PROTO_TCP, NULL, 0);
		memcpy(p + 8, t[i].ip, 16);
		CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), t[i].reason);
		CU_ASSERT_EQUAL(memcmp(view.src.b, t[i].ip, 16), 0);
	}
}

static void
ip6_extension_headers_are_walked(void)
{
	/* Hop-by-hop (router alert), destination options (2 units), routing type 4 used up. */
	static const uint8_t chain[] = {
			60,
			0,
			5,
			2,
			0,
			0,
			1,
			0, /* */
			43,
			1,
			1,
			4,
			0,
			0,
			0,
			0,
			0x1E,
			4,
			1,
			2,
			3,
			4,
			0,
			0, /* */
			6,
			0,
			4,
			0,
			0,
			0,
			0,
			0, /* */
			0xAA,
			0xBB,
			0xCC,
	};
	struct ip_view view;
	uint32_t n;

	CU_ASSERT_EQUAL(try_chain(0, CHAIN(chain), &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.proto, IP_PROTO_TCP);
	CU_ASSERT_EQUAL(view.hdr_len, 40 + 32);
	CU_ASSERT_EQUAL(view.payload_len, 3);
	for (n = 0; n < 32; n++)
		CU_ASSERT_EQUAL(try_chain(0, chain, n, &view), DROP_IP6_EXT);
	CU_ASSERT_EQUAL(try_chain(0, chain, 32, &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.payload_len, 0);
}

static void
bad_input_13_ip6_length_beyond_packet(void)
{
	uint8_t chain[64] = {6, 0, 1, 4};
	struct ip_view view;
	unsigned int units;

	for (units = 0; units < 256; units++) {
		chain[1] = (uint8_t)units;
		CU_ASSERT_EQUAL(try_chain(60, CHAIN(chain), &view),
				units < 8 ? DROP_NONE : DROP_IP6_EXT);
		CU_ASSERT_EQUAL(try_chain(43, CHAIN(chain), &view), DROP_IP6_EXT);
	}
	CU_ASSERT_EQUAL(try_chain(60, NULL, 0, &view), DROP_IP6_EXT);
}

/* The padding of the frame is not part of the packet, nor of its extension headers. */
static void
bad_input_13_ip6_chain_into_padding(void)
{
	static const uint8_t chain[16] = {6, 1, 1, 12};
	uint8_t p[IP6_HDR_LEN + sizeof(chain)];
	struct ip_view view;

	make6(p, 60, CHAIN(chain));
	CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), DROP_NONE);
	be16_store(p + 4, 15);
	CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), DROP_IP6_EXT);
	be16_store(p + 4, 7);
	CU_ASSERT_EQUAL(try6(p, sizeof(p), &view), DROP_IP6_EXT);
}

static void
bad_input_13_ip6_chain_of_100(void)
{
	uint8_t chain[100 * 8];
	struct ip_view view;
	uint32_t n, i;

	for (n = 1; n <= 100; n++) {
		memset(chain, 0, sizeof(chain));
		for (i = 0; i < n; i++)
			chain[i * 8] = i + 1 < n ? 60 : 6;
		CU_ASSERT_EQUAL(try_chain(60, chain, n * 8, &view),
				n <= IP6_EXT_MAX ? DROP_NONE : DROP_IP6_EXT);
	}
	/* The longest walk there is: 8 headers of 2,048 bytes. */
	{
		uint32_t len = IP6_HDR_LEN + 8 * 2048 + 1;
		uint8_t *p = calloc(1, len);

		make6(p, 60, NULL, 0);
		be16_store(p + 4, (uint16_t)(len - IP6_HDR_LEN));
		for (i = 0; i < 8; i++) {
			p[IP6_HDR_LEN + i * 2048] = i < 7 ? 60 : 6;
			p[IP6_HDR_LEN + i * 2048 + 1] = 255;
		}
		CU_ASSERT_EQUAL(try6(p, len, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.hdr_len, 40 + 16384);
		CU_ASSERT_EQUAL(view.payload_len, 1);
		free(p);
	}
}

static void
bad_input_13_ip6_hop_by_hop_not_first(void)
{
	static const uint8_t chain[] = {0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0};
	struct ip_view view;

	CU_ASSERT_EQUAL(try_chain(60, CHAIN(chain), &view), DROP_IP6_EXT);
	CU_ASSERT_EQUAL(try_chain(0, CHAIN(chain), &view), DROP_IP6_EXT);
	CU_ASSERT_EQUAL(try_chain(0, chain + 8, 8, &view), DROP_NONE);
}

static void
bad_input_13_ip6_routing(void)
{
	uint8_t chain[8] = {6, 0, 0, 0};
	struct ip_view view;

	CU_ASSERT_EQUAL(try_chain(43, CHAIN(chain), &view), DROP_IP6_EXT); /* type 0, used up */
	chain[3] = 1;
	CU_ASSERT_EQUAL(try_chain(43, CHAIN(chain), &view), DROP_IP6_EXT);
	chain[2] = 2;
	CU_ASSERT_EQUAL(try_chain(43, CHAIN(chain), &view), DROP_IP6_EXT);
	chain[3] = 0;
	CU_ASSERT_EQUAL(try_chain(43, CHAIN(chain), &view), DROP_NONE);
}

static void
bad_input_13_ip6_fragments(void)
{
	static const struct {
		uint16_t field;
		uint16_t offset;
		bool more;
		enum drop_reason reason;
	} t[] = {
			{0x0000, 0, false, DROP_NONE}, /* atomic (RFC 6946) */
			{0x0006, 0, false, DROP_NONE}, /* reserved bits */
			{0x0001, 0, true, DROP_IP_FRAGMENT},
			{0x0008, 8, false, DROP_IP_FRAGMENT},
			{0xFFF9, 65528, true, DROP_IP_FRAGMENT},
	};
	uint8_t chain[12] = {6, 0xFF, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3, 4};
	static const uint8_t twice[16] = {44, 0, 0, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0, 2};
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		be16_store(chain + 2, t[i].field);
		CU_ASSERT_EQUAL(try_chain(44, CHAIN(chain), &view), t[i].reason);
		CU_ASSERT_EQUAL(view.id, 0xDEADBEEF);
		CU_ASSERT_EQUAL(view.frag_offset, t[i].offset);
		CU_ASSERT_EQUAL(view.frag_more, t[i].more);
		CU_ASSERT_EQUAL(view.proto, IP_PROTO_TCP);
		CU_ASSERT_EQUAL(view.hdr_len, 48);
		CU_ASSERT_EQUAL(view.payload_len, 4);
	}
	CU_ASSERT_EQUAL(try_chain(44, chain, 7, &view), DROP_IP6_EXT);
	CU_ASSERT_EQUAL(try_chain(44, CHAIN(twice), &view), DROP_IP6_EXT);
	/* A later fragment's bytes are data, even where its header names an extension header. */
	chain[0] = 60;
	CU_ASSERT_EQUAL(try_chain(44, CHAIN(chain), &view), DROP_IP_FRAGMENT);
	CU_ASSERT_EQUAL(view.proto, 60);
}

static void
bad_input_13_ip6_options(void)
{
	static const struct option_row t[] = {
			{{6, 0, 0, 0, 0, 0, 0, 0}, DROP_NONE},    /* Pad1 */
			{{6, 0, 1, 4, 0, 0, 0, 0}, DROP_NONE},    /* PadN to the end */
			{{6, 0, 1, 5, 0, 0, 0, 0}, DROP_IP6_EXT}, /* one too many */
			{{6, 0, 1, 255, 0, 0, 0, 0}, DROP_IP6_EXT},
			{{6, 0, 0, 0, 0, 0, 0, 1}, DROP_IP6_EXT}, /* ends on a kind */
			{{6, 0, 0, 0, 0, 0, 1, 0}, DROP_NONE},
			{{6, 0, 0x3E, 4, 0, 0, 0, 0}, DROP_NONE},    /* unknown: skip */
			{{6, 0, 0x7E, 4, 0, 0, 0, 0}, DROP_IP6_EXT}, /* unknown: discard */
			{{6, 0, 0x80, 4, 0, 0, 0, 0}, DROP_IP6_EXT},
			{{6, 0, 0xC2, 4, 0, 1, 0, 0}, DROP_IP6_EXT}, /* jumbo payload */
	};
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CU_ASSERT_EQUAL(try_chain(0, t[i].bytes, 8, &view), t[i].reason);
		CU_ASSERT_EQUAL(try_chain(60, t[i].bytes, 8, &view), t[i].reason);
	}
}

/* Protocols that are not walked end the chain and are the caller's to refuse. */
static void
ip6_other_next_headers_end_the_walk(void)
{
	static const uint8_t others[] = {17, 50, 51, 58, 59, 135, 253};
	uint8_t chain[8] = {0, 0, 1, 4};
	struct ip_view view;
	unsigned int i;

	for (i = 0; i < sizeof(others); i++) {
		CU_ASSERT_EQUAL(try_chain(others[i], CHAIN(chain), &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.proto, others[i]);
		CU_ASSERT_EQUAL(view.hdr_len, 40);
		chain[0] = others[i];
		CU_ASSERT_EQUAL(try_chain(60, CHAIN(chain), &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.proto, others[i]);
		CU_ASSERT_EQUAL(view.hdr_len, 48);
		CU_ASSERT_EQUAL(view.payload_len, 0);
	}
}

static CU_TestInfo tests[] = {
		TEST(ip4_build_parse_round_trip),
		TEST(tos_and_ttl_of_what_is_built),
		TEST(ip4_largest_packet),
		TEST(ip4_ecn_bits),
		TEST(ip4_version_other_than_4),
		TEST(bad_input_04_ip4_total_length),
		TEST(bad_input_04_ip4_header_length),
		TEST(bad_input_04_ip4_every_truncation),
		TEST(bad_input_08_ip4_header_checksum),
		TEST(bad_input_11_ip4_options),
		TEST(bad_input_10_ip4_source),
		TEST(ip4_fragments),
		TEST(ip6_build_parse_round_trip),
		TEST(bad_input_04_ip6_payload_length),
		TEST(bad_input_10_ip6_source),
		TEST(ip6_extension_headers_are_walked),
		TEST(bad_input_13_ip6_length_beyond_packet),
		TEST(bad_input_13_ip6_chain_into_padding),
		TEST(bad_input_13_ip6_chain_of_100),
		TEST(bad_input_13_ip6_hop_by_hop_not_first),
		TEST(bad_input_13_ip6_routing),
		TEST(bad_input_13_ip6_fragments),
		TEST(bad_input_13_ip6_options),
		TEST(ip6_other_next_headers_end_the_walk),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("ip", tests)
