/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "base/bytes.h"
#include "pkt.h"
#include "wire/icmp.h"
#include "wire/ip.h"

#define CKSUM      2
#define QUOTE      8
#define QUOTED_TCP 8
#define MSG_LEN    (QUOTE + IP4_HDR_LEN + QUOTED_TCP)
#define MSG_MAX    (QUOTE + IP4_HDR_LEN_MAX + QUOTED_TCP)

static enum drop_reason
try_raw(const uint8_t *p, uint32_t len, struct icmp_view *view)
{
	uint8_t *copy = pkt_copy(p, len);
	enum drop_reason reason = icmp4_parse(copy, len, view);

	free(copy);
	return reason;
}

/* try_raw() with the checksum put right. */
static enum drop_reason
try_icmp(uint8_t *p, uint32_t len, struct icmp_view *view)
{
	if (len >= CKSUM + 2)
		pkt_cksum_set(p, len, CKSUM);
	return try_raw(p, len, view);
}

/* An error that quotes 10.0.0.1:80 -> 10.0.0.2:40000, seq 0x01020304, @p options bytes of NOP. */
static uint32_t
make_error(uint8_t *p, uint8_t type, uint8_t code, uint32_t options)
{
	static const uint8_t addrs[] = {10, 0, 0, 1, 10, 0, 0, 2};
	static const uint8_t tcp[] = {0, 80, 0x9C, 0x40, 1, 2, 3, 4};
	uint32_t hdr_len = IP4_HDR_LEN + options;

	memset(p, 0, QUOTE);
	p[0] = type;
	p[1] = code;
	p += QUOTE;
	memset(p, 0, IP4_HDR_LEN);
	p[0] = (uint8_t)(4 << 4 | hdr_len / 4);
	be16_store(p + 2, 1500);
	be16_store(p + 6, 0x4000);
	p[9] = IP_PROTO_TCP;
	memcpy(p + 12, addrs, sizeof(addrs));
	memset(p + IP4_HDR_LEN, 1, options);
	memcpy(p + hdr_len, tcp, sizeof(tcp));
	return QUOTE + hdr_len + (uint32_t)sizeof(tcp);
}

static void
assert_quote(const struct icmp_view *view)
{
	static const struct ip_addr src = {.b = {10, 0, 0, 1}}, dst = {.b = {10, 0, 0, 2}};

	CU_ASSERT_TRUE(ip_addr_equal(&view->quote.src, &src));
	CU_ASSERT_TRUE(ip_addr_equal(&view->quote.dst, &dst));
	CU_ASSERT_EQUAL(view->quote.sport, 80);
	CU_ASSERT_EQUAL(view->quote.dport, 40000);
	CU_ASSERT_EQUAL(view->quote.seq, 0x01020304);
}

static void
icmp_errors_of_every_type_and_code(void)
{
	uint8_t p[MSG_MAX];
	struct icmp_view view;
	unsigned int type, code;

	for (type = 0; type < 256; type++) {
		bool error = type == 3 || type == 4 || type == 11 || type == 12;

		for (code = 0; code < 20; code++) {
			uint32_t len = make_error(p, (uint8_t)type, (uint8_t)code, 0);

			memset(&view, 0xA5, sizeof(view));
			CU_ASSERT_EQUAL(try_icmp(p, len, &view),
					error || type == 8 ? DROP_NONE : DROP_ICMP_TYPE);
			CU_ASSERT_EQUAL(view.type, type);
			CU_ASSERT_EQUAL(view.code, code);
			CU_ASSERT_EQUAL(view.mtu, 0);
			if (error)
				assert_quote(&view);
		}
	}
}

static void
bad_input_39_packet_too_big_mtu_is_given_as_is(void)
{
	static const uint16_t mtus[] = {0, 1, 67, 68, 576, 1500, 9000, 65535};
	uint8_t p[MSG_MAX];
	struct icmp_view view;
	unsigned int i;

	for (i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		uint32_t len = make_error(p, ICMP4_UNREACHABLE, ICMP4_UNREACH_FRAG_NEEDED, 0);

		be16_store(p + 6, mtus[i]);
		CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.mtu, mtus[i]);
		assert_quote(&view);
		p[1] = ICMP4_UNREACH_PORT; /* the field means nothing with another code */
		CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.mtu, 0);
		p[0] = ICMP4_PARAM_PROBLEM;
		p[1] = ICMP4_UNREACH_FRAG_NEEDED;
		CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.mtu, 0);
	}
}

static void
icmp_quote_with_options_of_every_length_and_truncation(void)
{
	uint8_t p[MSG_MAX];
	struct icmp_view view;
	uint32_t options, len, n;

	for (options = 0; options <= 40; options += 4) {
		len = make_error(p, ICMP4_TIME_EXCEEDED, 0, options);
		for (n = 0; n < len; n++)
			CU_ASSERT_EQUAL(try_icmp(p, n, &view), DROP_ICMP_BAD);
		CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_NONE);
		assert_quote(&view);
	}
}

static void
icmp_quote_longer_than_8_bytes(void)
{
	uint8_t p[QUOTE + 576] = {0};
	struct icmp_view view;

	make_error(p, ICMP4_UNREACHABLE, 1, 0);
	CU_ASSERT_EQUAL(try_icmp(p, sizeof(p), &view), DROP_NONE);
	assert_quote(&view);
	CU_ASSERT_EQUAL(try_icmp(p, sizeof(p) - 1, &view), DROP_NONE); /* odd */
	assert_quote(&view);
}

static void
icmp_quote_malformed(void)
{
	uint8_t p[MSG_MAX];
	struct icmp_view view;
	unsigned int first;
	uint32_t len;

	for (first = 0; first < 256; first++) {
		len = make_error(p, ICMP4_UNREACHABLE, 0, 0);
		p[QUOTE] = (uint8_t)first;
		CU_ASSERT_EQUAL(try_icmp(p, len, &view), first == 0x45 ? DROP_NONE : DROP_ICMP_BAD);
	}
	len = make_error(p, ICMP4_UNREACHABLE, 0, 0);
	p[QUOTE + 9] = 17;
	CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_ICMP_QUOTE);
	len = make_error(p, ICMP4_UNREACHABLE, 0, 0);
	be16_store(p + QUOTE + 6, 0x0001); /* a later fragment has no ports */
	CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_ICMP_QUOTE);
	be16_store(p + QUOTE + 6, 0x2000); /* the first one has */
	CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_NONE);
	assert_quote(&view);
}

static void
bad_input_08_icmp_checksum(void)
{
	uint8_t p[MSG_MAX];
	struct icmp_view view;
	uint32_t len = make_error(p, ICMP4_UNREACHABLE, 0, 4), bit;

	pkt_cksum_set(p, len, CKSUM);
	for (bit = 0; bit < 8 * len; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_EQUAL(try_raw(p, len, &view), DROP_ICMP_BAD);
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT_EQUAL(try_raw(p, len, &view), DROP_NONE);
}

static void
icmp_echo_request_becomes_reply(void)
{
	uint64_t rng = pkt_seed("echo", 792);
	uint32_t len;

	for (len = ICMP4_HDR_LEN; len < 200; len++) {
		uint8_t *p = malloc(len), *sent = malloc(len);
		struct icmp_view view;

		pkt_fill(&rng, p, len);
		p[0] = ICMP4_ECHO;
		p[1] = 0;
		pkt_cksum_set(p, len, CKSUM);
		memcpy(sent, p, len);
		CU_ASSERT_EQUAL(icmp4_parse(p, len, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.type, ICMP4_ECHO);
		icmp4_echo_reply(p, len);
		CU_ASSERT_EQUAL(p[0], ICMP4_ECHO_REPLY);
		CU_ASSERT_EQUAL(p[1], 0);
		CU_ASSERT_EQUAL(pkt_cksum(p, len), 0);
		CU_ASSERT_EQUAL(memcmp(p + 4, sent + 4, len - 4), 0);
		/* Nobody answers a reply. */
		CU_ASSERT_EQUAL(icmp4_parse(p, len, &view), DROP_ICMP_TYPE);
		free(p);
		free(sent);
	}
}

/* The one reply where the incremental update would go wrong: all zeros. */
static void
icmp_echo_reply_of_zeros(void)
{
	uint8_t p[ICMP4_HDR_LEN] = {ICMP4_ECHO};

	pkt_cksum_set(p, sizeof(p), CKSUM);
	icmp4_echo_reply(p, sizeof(p));
	CU_ASSERT_EQUAL(be16_load(p + CKSUM), 0xFFFF);
}

static void
icmp_echo_short(void)
{
	uint8_t p[ICMP4_HDR_LEN] = {ICMP4_ECHO};
	struct icmp_view view;
	uint32_t len;

	for (len = 0; len < ICMP4_HDR_LEN; len++)
		CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_ICMP_BAD);
	CU_ASSERT_EQUAL(try_icmp(p, len, &view), DROP_NONE);
}

static CU_TestInfo tests[] = {
		TEST(icmp_errors_of_every_type_and_code),
		TEST(bad_input_39_packet_too_big_mtu_is_given_as_is),
		TEST(icmp_quote_with_options_of_every_length_and_truncation),
		TEST(icmp_quote_longer_than_8_bytes),
		TEST(icmp_quote_malformed),
		TEST(bad_input_08_icmp_checksum),
		TEST(icmp_echo_request_becomes_reply),
		TEST(icmp_echo_reply_of_zeros),
		TEST(icmp_echo_short),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("icmp", tests)
