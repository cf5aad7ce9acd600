/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>

#include "base/compiler.h"
#include "conn/laddr.h"
#include "test.h"

static struct ip_addr
ip(const char *text)
{
	struct ip_addr a = {.q = {0, 0}};
	const int ok = inet_pton(strchr(text, ':') != NULL ? AF_INET6 : AF_INET, text, a.b);

	CU_ASSERT_EQUAL_FATAL(ok, 1);
	return a;
}

static int
add(struct laddr_table *t, const char *first, uint16_t count, uint8_t prefix_len, const char *gw)
{
	const enum ip_family family = strchr(first, ':') != NULL ? IP_V6 : IP_V4;
	const struct ip_addr f = ip(first);
	struct ip_addr g;

	if (gw == NULL)
		return laddr_add(t, family, &f, count, prefix_len, NULL);
	g = ip(gw);
	return laddr_add(t, family, &f, count, prefix_len, &g);
}

static uint16_t
find(const struct laddr_table *t, const char *addr)
{
	const struct ip_addr a = ip(addr);

	return laddr_find(t, strchr(addr, ':') != NULL ? IP_V6 : IP_V4, &a);
}

static void
assert_get(const struct laddr_table *t, uint16_t index, const char *addr)
{
	const struct ip_addr want = ip(addr);
	const struct ip_addr got = laddr_get(t, index);

	CU_ASSERT(ip_addr_equal(&got, &want));
	CU_ASSERT_EQUAL(laddr_family(t, index), strchr(addr, ':') != NULL ? IP_V6 : IP_V4);
}

static void
assert_hop(const struct laddr_table *t, uint16_t index, const char *dst, const char *hop)
{
	const struct ip_addr d = ip(dst);
	struct ip_addr got;

	if (hop == NULL) {
		CU_ASSERT_EQUAL(laddr_next_hop(t, index, &d, &got), -ENETUNREACH);
	} else {
		const struct ip_addr want = ip(hop);

		CU_ASSERT_EQUAL(laddr_next_hop(t, index, &d, &got), 0);
		CU_ASSERT(ip_addr_equal(&got, &want));
	}
}

static void
ranges_of_both_families(void)
{
	struct laddr_table t;

	laddr_init(&t);
	CU_ASSERT_EQUAL(find(&t, "10.0.0.1"), LADDR_NONE);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.1", 1, 24, NULL), 0);
	CU_ASSERT_EQUAL(add(&t, "10.1.255.250", 1000, 8, "10.0.0.254"), 1);
	CU_ASSERT_EQUAL(add(&t, "2001:db8::ffff:ffff:ffff:fff0", 1000, 32, NULL), 1001);
	CU_ASSERT_EQUAL(add(&t, "192.168.1.1", 254, 24, NULL), 2001);
	CU_ASSERT_EQUAL(t.n_addrs, 2255);
	assert_get(&t, 0, "10.0.0.1");
	assert_get(&t, 1, "10.1.255.250");
	assert_get(&t, 7, "10.2.0.0");
	assert_get(&t, 1000, "10.2.3.225");
	assert_get(&t, 1001, "2001:db8::ffff:ffff:ffff:fff0");
	assert_get(&t, 1017, "2001:db8:0:1::");
	assert_get(&t, 2000, "2001:db8:0:1::3d7");
	assert_get(&t, 2254, "192.168.1.254");
	for (uint16_t i = 0; i < t.n_addrs; i++) {
		const struct ip_addr a = laddr_get(&t, i);

		CU_ASSERT_EQUAL(laddr_find(&t, laddr_family(&t, i), &a), i);
		CU_ASSERT_EQUAL(laddr_find(&t, laddr_family(&t, i) == IP_V4 ? IP_V6 : IP_V4, &a),
				LADDR_NONE);
	}
	CU_ASSERT_EQUAL(find(&t, "10.0.0.0"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "10.0.0.2"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "10.1.255.249"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "10.2.3.226"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "2001:db8::ffff:ffff:ffff:ffef"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "2001:db8:0:1::3d8"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "2001:db8:0:2::"), LADDR_NONE);
	CU_ASSERT_EQUAL(find(&t, "2001:db9:0:1::"), LADDR_NONE);
}

static void
refused_addresses(void)
{
	static const struct {
		const char *first;
		uint16_t count;
		uint8_t prefix_len;
		const char *gw;
	} bad[] = {
			{"10.0.0.1", 0, 24, NULL},
			{"10.0.0.1", 1, 0, NULL},
			{"10.0.0.1", 1, 33, NULL},
			{"2001:db8::1", 1, 0, NULL},
			{"2001:db8::1", 1, 129, NULL},
			{"10.0.0.1", 255, 24, NULL}, /* reaches the broadcast address */
			{"10.0.0.0", 1, 24, NULL},
			{"10.0.0.255", 1, 24, NULL},
			{"10.0.0.100", 200, 24, NULL}, /* leaves the subnet */
			{"10.0.0.3", 1, 30, NULL},
			{"10.0.0.4", 1, 30, NULL},
			{"10.0.0.1", 2, 31, NULL}, /* leaves the pair */
			{"10.0.0.1", 2, 32, NULL},
			{"0.0.0.0", 1, 32, NULL},
			{"127.0.0.1", 1, 8, NULL},
			{"127.255.255.254", 1, 32, NULL},
			{"126.255.255.255", 2, 1, NULL},
			{"224.0.0.1", 1, 24, NULL},
			{"239.255.255.254", 1, 24, NULL},
			{"223.255.255.254", 4, 2, NULL},
			{"255.255.255.255", 1, 32, NULL},
			{"255.255.255.250", 10, 1, NULL}, /* past the end of the space */
			{"::", 1, 128, NULL},
			{"::1", 1, 128, NULL},
			{"ff02::1", 1, 64, NULL},
			{"2001:db8::ffff:ffff:ffff:fff0", 17, 64, NULL},
			{"2001:db8::1", 2, 128, NULL},
			{"10.0.0.1", 10, 24, "10.0.0.5"}, /* the gateway is one of ours */
			{"10.0.0.1", 10, 24, "224.0.0.5"},
			{"10.0.0.1", 10, 24, "255.255.255.255"},
			{"2001:db8::1", 10, 64, "2001:db8::a"},
			{"2001:db8::1", 10, 64, "ff02::2"},
			{"2001:db8::1", 10, 64, "::1"},
	};
	struct laddr_table t;
	const struct ip_addr a = ip("10.0.0.1");

	laddr_init(&t);
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(bad); i++) {
		const int rc = add(&t, bad[i].first, bad[i].count, bad[i].prefix_len, bad[i].gw);

		if (rc != -EINVAL)
			printf("\n    row %zu: %d ", i, rc);
		CU_ASSERT_EQUAL(rc, -EINVAL);
	}
	CU_ASSERT_EQUAL(laddr_add(&t, (enum ip_family)5, &a, 1, 24, NULL), -EINVAL);
	CU_ASSERT_EQUAL(t.n_ranges, 0);
	CU_ASSERT_EQUAL(t.n_addrs, 0);
}

static void
accepted_edges(void)
{
	struct laddr_table t;

	laddr_init(&t);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.1", 254, 24, "0.0.0.0"), 0);
	CU_ASSERT_EQUAL(add(&t, "10.0.1.0", 2, 31, NULL), 254);
	CU_ASSERT_EQUAL(add(&t, "10.0.1.2", 1, 32, "10.9.9.9"), 256);
	CU_ASSERT_EQUAL(add(&t, "223.255.255.254", 1, 24, NULL), 257);
	CU_ASSERT_EQUAL(add(&t, "126.255.255.254", 1, 8, NULL), 258);
	CU_ASSERT_EQUAL(add(&t, "128.0.0.0", 1, 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(add(&t, "128.0.0.1", 1, 1, NULL), 259);
	CU_ASSERT_EQUAL(add(&t, "::2", 1, 128, NULL), 260);
	CU_ASSERT_EQUAL(add(&t, "2001:db8::", 1, 64, NULL), 261);
	CU_ASSERT_EQUAL(add(&t, "2001:db8:1::ffff:ffff:ffff:fff0", 16, 64, "fe80::1"), 262);
	CU_ASSERT_EQUAL(add(&t, "fe80::2", 1, 10, NULL), 278);
	CU_ASSERT_EQUAL(add(&t, "8000::1", 1, 1, NULL), 279);
}

static void
overlap_is_refused(void)
{
	struct laddr_table t;

	laddr_init(&t);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.10", 10, 24, NULL), 0);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.10", 1, 24, NULL), -EEXIST);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.19", 5, 24, NULL), -EEXIST);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.5", 6, 24, NULL), -EEXIST);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.1", 200, 24, NULL), -EEXIST);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.15", 1, 32, NULL), -EEXIST);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.5", 5, 24, NULL), 10);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.20", 5, 24, NULL), 15);
	CU_ASSERT_EQUAL(add(&t, "a00:a::", 5, 24, NULL),
			20); /* the same first bytes as an IPv6 address */
	CU_ASSERT_EQUAL(add(&t, "a00:9:ffff:ffff:ffff:ffff:ffff:ffff", 2, 24, NULL), -EEXIST);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.200", 1, 24, NULL), 25);
}

static void
ranges_and_indices_run_out(void)
{
	struct laddr_table t;
	struct ip_addr a = ip("10.0.0.1");

	laddr_init(&t);
	for (uint8_t i = 0; i < LADDR_RANGES_MAX; i++) {
		a.b[1] = i;
		CU_ASSERT_EQUAL(laddr_add(&t, IP_V4, &a, 2, 24, NULL), 2 * i);
	}
	CU_ASSERT_EQUAL(add(&t, "11.0.0.1", 1, 24, NULL), -ENOSPC);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.1", 1, 24, NULL), -EEXIST);

	laddr_init(&t);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.1", 65533, 8, NULL), 0);
	CU_ASSERT_EQUAL(add(&t, "11.0.0.1", 2, 8, NULL), -ENOSPC);
	CU_ASSERT_EQUAL(add(&t, "11.0.0.1", 1, 8, NULL),
			65533); /* the last index below LADDR_ANY */
	CU_ASSERT_EQUAL(add(&t, "12.0.0.1", 1, 8, NULL), -ENOSPC);
	CU_ASSERT_EQUAL(find(&t, "11.0.0.1"), 65533);
	assert_get(&t, 65532, "10.0.255.253");
	laddr_init(&t);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.1", 65535, 8, NULL), -ENOSPC);
}

static void
broadcast(void)
{
	static const struct {
		const char *addr;
		bool yes;
	} rows[] = {{"255.255.255.255", true}, {"10.0.0.255", true}, {"10.0.1.255", false},
			{"10.0.0.0", false}, {"10.0.0.5", false}, {"172.16.15.255", true},
			{"172.16.14.255", false}, {"192.168.0.1", false}, {"192.168.0.7", false},
			{"192.168.1.3", true}, {"0.0.0.0", false}};
	struct laddr_table t;
	struct ip_addr a = ip("255.255.255.255");

	laddr_init(&t);
	CU_ASSERT_TRUE(laddr_is_broadcast(&t, &a));
	add(&t, "10.0.0.5", 1, 24, NULL);
	add(&t, "172.16.0.5", 1, 20, NULL);
	add(&t, "192.168.0.0", 1, 31, NULL);
	add(&t, "192.168.0.7", 1, 32, NULL);
	add(&t, "192.168.1.1", 1, 30, NULL);
	add(&t, "2001:db8::1", 1, 24, NULL);
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(rows); i++) {
		a = ip(rows[i].addr);
		CU_ASSERT_EQUAL(laddr_is_broadcast(&t, &a), rows[i].yes);
	}
	a = ip("32.1.13.255"); /* 2001:dff: the IPv6 subnet read as IPv4 */
	CU_ASSERT_FALSE(laddr_is_broadcast(&t, &a));
}

static void
next_hop(void)
{
	struct laddr_table t;

	laddr_init(&t);
	CU_ASSERT_EQUAL(add(&t, "10.0.0.5", 2, 24, "10.0.0.1"), 0);
	CU_ASSERT_EQUAL(add(&t, "10.0.1.5", 1, 24, NULL), 2);
	CU_ASSERT_EQUAL(add(&t, "10.0.2.5", 1, 32, "10.0.2.1"), 3);
	CU_ASSERT_EQUAL(add(&t, "2001:db8::5", 1, 64, "fe80::1"), 4);
	CU_ASSERT_EQUAL(add(&t, "2001:db8:1::5", 1, 72, NULL), 5);
	assert_hop(&t, 0, "10.0.0.77", "10.0.0.77");
	assert_hop(&t, 1, "10.0.1.77", "10.0.0.1");
	assert_hop(&t, 1, "8.8.8.8", "10.0.0.1");
	assert_hop(&t, 2, "10.0.1.77", "10.0.1.77");
	assert_hop(&t, 2, "10.0.0.77", NULL);
	assert_hop(&t, 3, "10.0.2.5", "10.0.2.5");
	assert_hop(&t, 3, "10.0.2.4", "10.0.2.1");
	assert_hop(&t, 4, "2001:db8::ffff:0:0:1", "2001:db8::ffff:0:0:1");
	assert_hop(&t, 4, "2001:db8:0:1::1", "fe80::1");
	assert_hop(&t, 5, "2001:db8:1:0:ff::1", "2001:db8:1:0:ff::1");
	assert_hop(&t, 5, "2001:db8:1:0:100::1", NULL);
	assert_hop(&t, 5, "fe80::9", "fe80::9");
	assert_hop(&t, 5, "febf:ffff::9", "febf:ffff::9");
	assert_hop(&t, 5, "fec0::9", NULL);
}

static CU_TestInfo tests[] = {
		TEST(ranges_of_both_families),
		TEST(refused_addresses),
		TEST(accepted_edges),
		TEST(overlap_is_refused),
		TEST(ranges_and_indices_run_out),
		TEST(broadcast),
		TEST(next_hop),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("laddr", tests)
