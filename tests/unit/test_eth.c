/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet and ARP. */
#include "test.h"

#include "base/bytes.h"
#include "pkt.h"
#include "wire/arp.h"
#include "wire/eth.h"

static const uint8_t OURS[] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t PEER[] = {0x02, 0, 0, 0, 0, 0x02};
static const uint8_t GROUP[] = {0x01, 0, 0x5E, 0, 0, 0x01};
static const uint8_t BROADCAST[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t ZERO[6];

static struct ip_addr
addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct ip_addr ip = {.q = {0, 0}};

	ip.b[0] = a;
	ip.b[1] = b;
	ip.b[2] = c;
	ip.b[3] = d;
	return ip;
}

static enum drop_reason
eth_try(const uint8_t *frame, uint32_t len)
{
	struct eth_view view;
	uint8_t *p = pkt_copy(frame, len);
	enum drop_reason reason = eth_parse(p, len, &view);

	free(p);
	return reason;
}

static void
eth_untagged_round_trip(void)
{
	static const uint16_t types[] = {ETH_TYPE_IPV4, ETH_TYPE_IPV6, ETH_TYPE_ARP};
	struct eth_view view;
	uint8_t *p = malloc(ETH_HDR_LEN);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(eth_build(p, PEER, OURS, types[i], ETH_VLAN_NONE), ETH_HDR_LEN);
		CU_ASSERT_EQUAL(eth_parse(p, ETH_HDR_LEN, &view), DROP_NONE);
		CU_ASSERT_TRUE(eth_mac_equal(view.dst, PEER));
		CU_ASSERT_TRUE(eth_mac_equal(view.src, OURS));
		CU_ASSERT_EQUAL(view.type, types[i]);
		CU_ASSERT_EQUAL(view.vlan, ETH_VLAN_NONE);
		CU_ASSERT_EQUAL(view.l2_len, 14);
	}
	CU_ASSERT_EQUAL(be16_load(p + 12), 0x0806);
	free(p);
}

static void
eth_tagged_round_trip_every_id(void)
{
	struct eth_view view;
	uint8_t *p = malloc(ETH_HDR_MAX);
	uint16_t id;

	for (id = 1; id <= ETH_VLAN_MAX; id++) {
		CU_ASSERT_EQUAL(eth_build(p, PEER, OURS, ETH_TYPE_IPV6, id), ETH_HDR_MAX);
		p[14] |= 0xF0; /* priority and drop eligibility are not part of the id */
		CU_ASSERT_EQUAL(eth_parse(p, ETH_HDR_MAX, &view), DROP_NONE);
		CU_ASSERT_EQUAL(view.type, ETH_TYPE_IPV6);
		CU_ASSERT_EQUAL(view.vlan, id);
		CU_ASSERT_EQUAL(view.l2_len, 18);
		CU_ASSERT_TRUE(eth_mac_equal(view.src, OURS));
	}
	free(p);
}

static void
eth_priority_tag_is_no_vlan(void)
{
	struct eth_view view;
	uint8_t p[ETH_HDR_MAX];

	eth_build(p, PEER, OURS, ETH_TYPE_IPV4, 1);
	be16_store(p + 14, 0xE000);
	CU_ASSERT_EQUAL(eth_parse(p, sizeof(p), &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.vlan, ETH_VLAN_NONE);
	CU_ASSERT_EQUAL(view.l2_len, 18);
	be16_store(p + 14, 0xFFFF);
	CU_ASSERT_EQUAL(eth_parse(p, sizeof(p), &view), DROP_VLAN_UNEXPECTED);
}

static void
eth_every_truncation_is_short(void)
{
	uint8_t p[ETH_HDR_MAX];
	uint32_t len;

	eth_build(p, PEER, OURS, ETH_TYPE_IPV4, 5);
	for (len = 0; len < ETH_HDR_MAX; len++)
		CU_ASSERT_EQUAL(eth_try(p, len), DROP_ETH_SHORT);
	CU_ASSERT_EQUAL(eth_try(p, ETH_HDR_MAX), DROP_NONE);
	eth_build(p, PEER, OURS, ETH_TYPE_IPV4, ETH_VLAN_NONE);
	for (len = 0; len < ETH_HDR_LEN; len++)
		CU_ASSERT_EQUAL(eth_try(p, len), DROP_ETH_SHORT);
	CU_ASSERT_EQUAL(eth_try(p, ETH_HDR_LEN), DROP_NONE);
}

static void
eth_foreign_types(void)
{
	static const uint16_t types[] = {0, 46, 1500, 0x0801, 0x88A8, 0x88CC, 0xFFFF};
	uint8_t p[ETH_HDR_MAX + ETH_VLAN_TAG_LEN] = {0};
	struct eth_view view;
	unsigned int i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		eth_build(p, PEER, OURS, types[i], ETH_VLAN_NONE);
		CU_ASSERT_EQUAL(eth_parse(p, ETH_HDR_LEN, &view), DROP_ETH_TYPE);
		CU_ASSERT_EQUAL(view.type, types[i]);
		eth_build(p, PEER, OURS, types[i], 9);
		CU_ASSERT_EQUAL(eth_parse(p, ETH_HDR_MAX, &view), DROP_ETH_TYPE);
	}
	/* A second tag is not looked behind. */
	eth_build(p, PEER, OURS, ETH_TYPE_VLAN, 9);
	be16_store(p + 20, ETH_TYPE_IPV4);
	CU_ASSERT_EQUAL(eth_parse(p, sizeof(p), &view), DROP_ETH_TYPE);
	CU_ASSERT_EQUAL(view.l2_len, 18);
}

static void
eth_address_kinds(void)
{
	CU_ASSERT_TRUE(eth_is_multicast(GROUP));
	CU_ASSERT_TRUE(eth_is_multicast(BROADCAST));
	CU_ASSERT_FALSE(eth_is_multicast(OURS));
	CU_ASSERT_TRUE(eth_is_broadcast(BROADCAST));
	CU_ASSERT_FALSE(eth_is_broadcast(GROUP));
	CU_ASSERT_TRUE(eth_is_zero(ZERO));
	CU_ASSERT_FALSE(eth_is_zero(OURS));
	CU_ASSERT_FALSE(eth_mac_equal(OURS, PEER));
}

/* A request from PEER at 10.0.0.2 for 10.0.0.1, as any other host writes it. */
static const uint8_t REQUEST[] = {
		0, 1, 8, 0, 6, 4, 0, 1,        /* Ethernet, IPv4, lengths, request */
		2, 0, 0, 0, 0, 2, 10, 0, 0, 2, /* sender */
		0, 0, 0, 0, 0, 0, 10, 0, 0, 1, /* target */
};

static enum drop_reason
arp_try(const uint8_t *p, uint32_t len, const uint8_t *eth_src, struct arp_view *view)
{
	uint8_t *copy = pkt_copy(p, len);
	enum drop_reason reason = arp_parse(copy, len, eth_src, view);

	free(copy);
	return reason;
}

/* The verdict on REQUEST with @p value, @p n bytes, at offset @p at. */
static enum drop_reason
arp_try_with(uint32_t at, const void *value, uint32_t n)
{
	uint8_t p[ARP_LEN];
	struct arp_view view;

	memcpy(p, REQUEST, ARP_LEN);
	memcpy(p + at, value, n);
	return arp_try(p, ARP_LEN, PEER, &view);
}

static void
arp_request_parses(void)
{
	struct ip_addr sender = addr(10, 0, 0, 2), target = addr(10, 0, 0, 1);
	struct arp_view view;

	CU_ASSERT_EQUAL(arp_try(REQUEST, sizeof(REQUEST), PEER, &view), DROP_NONE);
	CU_ASSERT_EQUAL(view.op, ARP_OP_REQUEST);
	CU_ASSERT_TRUE(eth_mac_equal(view.sha, PEER));
	CU_ASSERT_TRUE(eth_mac_equal(view.tha, ZERO));
	CU_ASSERT_TRUE(ip_addr_equal(&view.spa, &sender));
	CU_ASSERT_TRUE(ip_addr_equal(&view.tpa, &target));
	CU_ASSERT_FALSE(view.probe);
	CU_ASSERT_FALSE(view.gratuitous);
}

static void
arp_request_and_reply_build(void)
{
	struct ip_addr sender = addr(10, 0, 0, 2), target = addr(10, 0, 0, 1);
	uint8_t *p = malloc(ARP_LEN);
	struct arp_view request, reply;

	memset(p, 0xA5, ARP_LEN);
	CU_ASSERT_EQUAL(arp_build_request(p, PEER, &sender, &target), ARP_LEN);
	CU_ASSERT_EQUAL(memcmp(p, REQUEST, ARP_LEN), 0);

	CU_ASSERT_EQUAL(arp_parse(p, ARP_LEN, PEER, &request), DROP_NONE);
	CU_ASSERT_EQUAL(arp_build_reply(p, OURS, &request), ARP_LEN);
	CU_ASSERT_EQUAL(arp_parse(p, ARP_LEN, OURS, &reply), DROP_NONE);
	CU_ASSERT_EQUAL(reply.op, ARP_OP_REPLY);
	CU_ASSERT_TRUE(eth_mac_equal(reply.sha, OURS));
	CU_ASSERT_TRUE(eth_mac_equal(reply.tha, PEER));
	CU_ASSERT_TRUE(ip_addr_equal(&reply.spa, &target));
	CU_ASSERT_TRUE(ip_addr_equal(&reply.tpa, &sender));
	free(p);
}

static void
arp_probe_and_announcement_are_flagged(void)
{
	struct ip_addr zero = addr(0, 0, 0, 0), target = addr(10, 0, 0, 1);
	uint8_t p[ARP_LEN];
	struct arp_view view;

	arp_build_request(p, PEER, &zero, &target);
	CU_ASSERT_EQUAL(arp_parse(p, ARP_LEN, PEER, &view), DROP_NONE);
	CU_ASSERT_TRUE(view.probe);
	CU_ASSERT_FALSE(view.gratuitous);

	arp_build_request(p, PEER, &target, &target);
	CU_ASSERT_EQUAL(arp_parse(p, ARP_LEN, PEER, &view), DROP_NONE);
	CU_ASSERT_FALSE(view.probe);
	CU_ASSERT_TRUE(view.gratuitous);

	/* A reply cannot come from nobody. */
	arp_build_request(p, PEER, &zero, &target);
	p[7] = ARP_OP_REPLY;
	CU_ASSERT_EQUAL(arp_parse(p, ARP_LEN, PEER, &view), DROP_ARP_BAD);
}

static void
arp_sender_behind_another_mac_is_accepted(void)
{
	struct arp_view view;

	CU_ASSERT_EQUAL(arp_try(REQUEST, ARP_LEN, OURS, &view), DROP_NONE);
	CU_ASSERT_TRUE(eth_mac_equal(view.sha, PEER));
}

static void
bad_input_14_arp_every_short_frame(void)
{
	struct arp_view view;
	uint8_t padded[46] = {0};
	uint32_t len;

	for (len = 0; len < ARP_LEN; len++)
		CU_ASSERT_EQUAL(arp_try(REQUEST, len, PEER, &view), DROP_ARP_BAD);
	memcpy(padded, REQUEST, ARP_LEN);
	CU_ASSERT_EQUAL(arp_try(padded, sizeof(padded), PEER, &view), DROP_NONE);
}

static void
bad_input_14_arp_header_fields(void)
{
	unsigned int v;

	for (v = 0; v < 256; v++) {
		uint8_t b = (uint8_t)v;

		CU_ASSERT_EQUAL(arp_try_with(0, &b, 1), v == 0 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(1, &b, 1), v == 1 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(2, &b, 1), v == 8 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(3, &b, 1), v == 0 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(4, &b, 1), v == 6 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(5, &b, 1), v == 4 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(6, &b, 1), v == 0 ? DROP_NONE : DROP_ARP_BAD);
		CU_ASSERT_EQUAL(arp_try_with(7, &b, 1),
				v == 1 || v == 2 ? DROP_NONE : DROP_ARP_BAD);
	}
}

static void
bad_input_14_arp_sender_mac(void)
{
	struct arp_view view;

	CU_ASSERT_EQUAL(arp_try_with(8, GROUP, 6), DROP_ARP_BAD);
	CU_ASSERT_EQUAL(arp_try_with(8, BROADCAST, 6), DROP_ARP_BAD);
	CU_ASSERT_EQUAL(arp_try_with(8, ZERO, 6), DROP_ARP_BAD);
	CU_ASSERT_EQUAL(arp_try(REQUEST, ARP_LEN, GROUP, &view), DROP_ARP_BAD);
	CU_ASSERT_EQUAL(arp_try(REQUEST, ARP_LEN, BROADCAST, &view), DROP_ARP_BAD);
	CU_ASSERT_EQUAL(arp_try(REQUEST, ARP_LEN, ZERO, &view), DROP_ARP_BAD);
}

static void
bad_input_14_arp_sender_ip(void)
{
	static const struct {
		uint8_t ip[4];
		enum drop_reason reason;
	} t[] = {
			{{255, 255, 255, 255}, DROP_ARP_BAD},
			{{224, 0, 0, 1}, DROP_ARP_BAD},
			{{239, 255, 255, 255}, DROP_ARP_BAD},
			{{127, 0, 0, 1}, DROP_ARP_BAD},
			{{223, 255, 255, 255}, DROP_NONE},
			{{126, 255, 255, 255}, DROP_NONE},
			{{128, 0, 0, 0}, DROP_NONE},
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CU_ASSERT_EQUAL(arp_try_with(14, t[i].ip, 4), t[i].reason);
}

static CU_TestInfo tests[] = {
		TEST(eth_untagged_round_trip),
		TEST(eth_tagged_round_trip_every_id),
		TEST(eth_priority_tag_is_no_vlan),
		TEST(eth_every_truncation_is_short),
		TEST(eth_foreign_types),
		TEST(eth_address_kinds),
		TEST(arp_request_parses),
		TEST(arp_request_and_reply_build),
		TEST(arp_probe_and_announcement_are_flagged),
		TEST(arp_sender_behind_another_mac_is_accepted),
		TEST(bad_input_14_arp_every_short_frame),
		TEST(bad_input_14_arp_header_fields),
		TEST(bad_input_14_arp_sender_mac),
		TEST(bad_input_14_arp_sender_ip),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("eth", tests)
