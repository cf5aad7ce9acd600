/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of net_null: set-up, limits, error lines, and frames of zeros that must all be dropped and counted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "pmd.h"

#define TURNS 10000u

static void
ten_thousand_turns_of_zeros(void)
{
	struct ptcp_port_conf port = {.port_id = 0};
	struct ptcp_port_info info;
	struct ptcp_pool_info pool;
	struct ptcp_addr addr = {.family = 4, .ip = {10, 9, 0, 1}};
	struct ptcp_conf conf;
	char err[PMD_ERR] = "";
	struct ptcp_worker *w;
	uint64_t packets = 0, dropped = 0;

	CU_ASSERT_EQUAL_FATAL(ptcp_port_start(&port, &info, err, sizeof(err)), 0);
	CU_ASSERT_STRING_EQUAL(info.driver, "net_null");
	CU_ASSERT_EQUAL(info.mtu, 1500);
	CU_ASSERT_FALSE(info.rx_tcp_cksum);
	CU_ASSERT_EQUAL(ptcp_port_info_get(0, &info), 0);
	CU_ASSERT_EQUAL(ptcp_port_info_get(1, &info), -ENODEV);
	CU_ASSERT_EQUAL(ptcp_port_start(&port, &info, err, sizeof(err)), -EBUSY);
	pmd_conf(&conf);
	w = ptcp_worker_create(&conf, 0, 0, 0, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	CU_ASSERT_EQUAL(ptcp_addr_add(w, &addr, 1, 24, NULL), 0);
	CU_ASSERT_EQUAL(ptcp_addr_add(w, &addr, 1, 24, NULL), -EEXIST);
	CU_ASSERT_EQUAL(ptcp_addr_add(w, &addr, 1, 33, NULL), -EINVAL);
	for (unsigned int i = 0; i < TURNS; i++)
		packets += ptcp_worker_poll(w);
	CU_ASSERT_EQUAL(packets, (uint64_t)TURNS * 32);
	for (unsigned int i = 0; i < ptcp_drop_count(); i++)
		dropped += ptcp_drop_get(w, i);
	CU_ASSERT_EQUAL(dropped, packets);
	CU_ASSERT_EQUAL(ptcp_counter_by_name(w, "packets_in"), packets);
	CU_ASSERT_EQUAL(ptcp_counter_by_name(w, "packets_out"), 0);
	for (unsigned int i = 0; ptcp_pool_info(w, i, &pool) == 0; i++)
		CU_ASSERT_EQUAL(pool.used, pool.at_start);
	CU_ASSERT_EQUAL(ptcp_port_stop(0), -EBUSY);
	ptcp_worker_free(w);
	CU_ASSERT_EQUAL(ptcp_port_stop(0), 0);
}

/** Whether starting @p port fails with @p rc and a line that holds @p text. */
static bool
refused(const struct ptcp_port_conf *port, int rc, const char *text)
{
	char err[PMD_ERR] = "";
	const int got = ptcp_port_start(port, NULL, err, sizeof(err));

	if (got != rc || strstr(err, text) == NULL)
		fprintf(stderr, "%d %s\n", got, err);
	return got == rc && strstr(err, text) != NULL && strchr(err, '\n') == NULL;
}

static void
bad_input_43_a_port_that_cannot_be_started(void)
{
	CU_ASSERT(refused(&(struct ptcp_port_conf){.port_id = 77}, -ENODEV,
			"port 77: there is no such port"));
	CU_ASSERT(refused(&(struct ptcp_port_conf){.port_id = 1, .n_queues = 2000}, -EINVAL,
			"port 1: n_queues: 2000: must be 1 to "));
	CU_ASSERT(refused(&(struct ptcp_port_conf){.port_id = 1, .mtu = 575}, -EINVAL,
			"port 1: mtu: 575: must be 576 to "));
	CU_ASSERT(refused(&(struct ptcp_port_conf){.port_id = 1, .n_mbufs = 100}, -EINVAL,
			"port 1: n_mbufs: 100: must be at least 1,088 (1024 RX descriptors)"));
	CU_ASSERT(refused(&(struct ptcp_port_conf){.port_id = 1, .n_mbufs = 1000000}, -ENOMEM,
			"port 1: no memory for 1,000,000 mbufs ("));
	CU_ASSERT(refused(&(struct ptcp_port_conf){.port_id = 1, .mac = {1, 2, 3, 4, 5, 6}},
			-EINVAL, "port 1: mac: "));
	CU_ASSERT_EQUAL(ptcp_port_stop(1), -ENODEV);
	CU_ASSERT_EQUAL(ptcp_port_stop(UINT16_MAX), -ENODEV);
}

static void
a_failed_start_leaves_the_port_usable(void)
{
	struct ptcp_port_conf port = {.port_id = 1, .mac = {2, 0, 0, 0, 0, 9}, .n_rxd = 256};
	struct ptcp_port_info info;
	struct ptcp_conf conf;
	char err[PMD_ERR] = "";

	CU_ASSERT_EQUAL_FATAL(ptcp_port_start(&port, &info, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(info.mac[5], 9);
	CU_ASSERT_EQUAL(info.n_rxd, 256);
	pmd_conf(&conf);
	conf.max_connections = 100000000;
	CU_ASSERT_PTR_NULL(ptcp_worker_create(&conf, 5, 1, 0, err, sizeof(err)));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "worker 5: no memory for 100,000,000 connections ("));
	conf.max_connections = 10;
	conf.n_mbufs = 1000000;
	CU_ASSERT_PTR_NULL(ptcp_worker_create(&conf, 5, 1, 0, err, sizeof(err)));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "port 1: no memory for 1,000,000 mbufs ("));
	conf.n_mbufs = 1023;
	CU_ASSERT_PTR_NULL(ptcp_worker_create(&conf, 5, 1, 0, err, sizeof(err)));
	CU_ASSERT_STRING_EQUAL(err, "n_mbufs: 1,023: must be 0, or 1,024 to 16,777,216");
	/* Neither of them has kept the queue. */
	CU_ASSERT_EQUAL(ptcp_port_stop(1), 0);
}

/* ------------------------------------------------------------------ configuration, names, addresses */

#define CHECK_KEY(member, least, most, text)                                                       \
	do {                                                                                       \
		char err_[PMD_ERR] = "";                                                           \
		struct ptcp_conf c_;                                                               \
		ptcp_conf_init(&c_);                                                               \
		c_.member = (least);                                                               \
		CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), 0);                      \
		c_.member = (most);                                                                \
		CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), 0);                      \
		c_.member = (least)-1;                                                             \
		CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), -EINVAL);                \
		if (strstr(err_, text) == NULL)                                                    \
			fprintf(stderr, "%s\n", err_);                                             \
		CU_ASSERT_PTR_NOT_NULL(strstr(err_, text));                                        \
		if (sizeof(c_.member) == 8 ||                                                      \
				(uint64_t)(most) + 1 < 1ull << (8 * sizeof(c_.member) % 64)) {     \
			c_.member = (__typeof__(c_.member))((most) + 1ull);                        \
			CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), -EINVAL);        \
			CU_ASSERT_PTR_NOT_NULL(strstr(err_, text));                                \
		}                                                                                  \
	} while (0)

/** A key whose least value is 0. */
#define CHECK_MAX(member, most, text)                                                              \
	do {                                                                                       \
		char err_[PMD_ERR] = "";                                                           \
		struct ptcp_conf c_;                                                               \
		ptcp_conf_init(&c_);                                                               \
		c_.member = 0;                                                                     \
		CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), 0);                      \
		c_.member = (most);                                                                \
		CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), 0);                      \
		c_.member = (__typeof__(c_.member))((most) + 1ull);                                \
		CU_ASSERT_EQUAL(ptcp_conf_check(&c_, err_, sizeof(err_)), -EINVAL);                \
		CU_ASSERT_STRING_EQUAL(err_, text);                                                \
	} while (0)

static void
bad_input_43_configuration_out_of_range(void)
{
	struct ptcp_conf conf;
	char err[PMD_ERR] = "";

	ptcp_conf_init(&conf);
	CU_ASSERT_EQUAL(ptcp_conf_check(&conf, err, sizeof(err)), 0);
	CHECK_KEY(max_connections, 1u, (1u << 28) - 1, "max_connections: "); /* range beside: */
	CHECK_KEY(max_timewait, 65536u, 1u << 28, ": must be 0, or 65,536 to 268,435,456");
	CHECK_MAX(max_blocks, 1u << 28, "max_blocks: 268,435,457: must be 0, or 1 to 268,435,456");
	CHECK_MAX(max_dests, 65536u, "max_dests: 65,537: must be 0, or 1 to 65,536");
	CHECK_KEY(max_nodes, 16u, 1u << 28, "max_nodes: ");
	CHECK_KEY(max_half_open, 16u, 1u << 24, "max_half_open: ");
	CHECK_KEY(n_mbufs, 1024u, 1u << 24, "n_mbufs: ");
	CHECK_KEY(msl_ms, 10u, 600000u, ": must be 10 to 600,000");
	CHECK_KEY(rto_min_ms, 1u, 60000u, ": must be 1 to 60,000");
	CHECK_KEY(rto_max_ms, 1000u, 600000u, ": must be 1,000 to 600,000");
	CHECK_KEY(rto_initial_ms, 10u, 60000u, ": must be 10 to 60,000");
	CHECK_KEY(syn_r2_ms, 100u, 86400000u, ": must be 100 to 86,400,000");
	CHECK_KEY(data_r2_ms, 100u, 86400000u, ": must be 100 to 86,400,000");
	CHECK_KEY(fin_wait2_ms, 10u, 86400000u, ": must be 10 to 86,400,000");
	CHECK_KEY(rcv_buf, 2048u, 64u << 20, ": must be 2,048 to 67,108,864");
	CHECK_KEY(snd_buf, 2048u, 64u << 20, ": must be 2,048 to 67,108,864");
	CHECK_MAX(rcv_buf_max, 64u << 20, "rcv_buf_max: 67,108,865: must be 0 to 67,108,864");
	CHECK_MAX(snd_buf_max, 64u << 20, "snd_buf_max: 67,108,865: must be 0 to 67,108,864");
	CHECK_MAX(mem_max, UINT64_C(1) << 40,
			"mem_max: 1,099,511,627,777: must be 0, or 65,536 to 1,099,511,627,776");
	CHECK_MAX(user_timeout_ms, 86400000u,
			"user_timeout_ms: 86,400,001: must be 0 to 86,400,000");
	CHECK_MAX(cc, PTCP_CC_MAX - 1, "cc: 2: must be 0 to 1");
	CHECK_MAX(cookies, PTCP_COOKIES_MAX - 1, "cookies: 3: must be 0 to 2");
	CHECK_MAX(ecn, PTCP_ECN_MAX - 1, "ecn: 3: must be 0 to 2");
	CHECK_MAX(dscp, 63, "dscp: 64: must be 0 to 63");
	CHECK_MAX(delack_ms, 499u, "delack_ms: 500: must be 0 to 499");
	CHECK_KEY(mem_max, 65536u, UINT64_C(1) << 40, "mem_max: ");
	CHECK_KEY(ttl, 1, 255, "ttl: ");
	CHECK_KEY(mss, 64, 65495, ": must be 0, or 64 to 65,495");
	CHECK_KEY(port_first, 1, 65535, "port_first: 0: must be 1 to 65,535");
	CHECK_KEY(port_last, 1024, 65535, "port_last: 1,023: must be 1,024 to 65,535");
	CHECK_KEY(keepalive.idle_ms, 10u, 2147483647u, ": must be 10 to 2,147,483,647");
	CHECK_KEY(keepalive.interval_ms, 10u, 2147483647u, ": must be 10 to 2,147,483,647");
	CHECK_KEY(keepalive.count, 1, 255, "keepalive.count: 0: must be 1 to 255");
	conf.msl_ms = 5;
	CU_ASSERT_EQUAL(ptcp_conf_check(&conf, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, "msl_ms: 5: must be 10 to 600,000");
	ptcp_conf_init(&conf);
	conf.rto_max_ms = 1000;
	conf.rto_min_ms = 1001;
	CU_ASSERT_EQUAL(ptcp_conf_check(&conf, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, "rto_min_ms: 1,001: must be 1 to 1,000");
}

/** What RFC 9293 asks of defaults, and of ranges. */
static void
defaults_are_what_rfc_9293_asks_for(void)
{
	struct ptcp_conf conf;

	ptcp_conf_init(&conf);
	CU_ASSERT_FALSE(conf.keepalive.on);                    /* MUST-25 */
	CU_ASSERT(conf.keepalive.idle_ms >= 2 * 3600 * 1000);  /* MUST-28 */
	CU_ASSERT(conf.syn_r2_ms >= 3 * 60 * 1000);            /* MUST-23 */
	CU_ASSERT(conf.data_r2_ms >= 100 * 1000);              /* SHLD-11 */
	CU_ASSERT(conf.delack_ms > 0 && conf.delack_ms < 500); /* SHLD-18, MUST-40 */
	CU_ASSERT_EQUAL(conf.dscp, 0);
	CU_ASSERT_EQUAL(conf.ttl, 64);
}

static void
names_and_addresses(void)
{
	struct ptcp_addr addr = {.port = 80};
	char text[64];

	CU_ASSERT_STRING_EQUAL(ptcp_state_name(PTCP_SYN_SENT), "SYN-SENT");
	CU_ASSERT_STRING_EQUAL(ptcp_state_name(PTCP_TIME_WAIT), "TIME-WAIT");
	CU_ASSERT_PTR_NULL(ptcp_state_name(PTCP_STATE_MAX));
	CU_ASSERT_STRING_EQUAL(ptcp_reason_name(PTCP_REASON_RESET), "reset");
	CU_ASSERT_PTR_NULL(ptcp_reason_name(PTCP_REASON_MAX));
	CU_ASSERT_PTR_NULL(ptcp_counter_name(ptcp_counter_count()));
	CU_ASSERT_PTR_NULL(ptcp_drop_name(ptcp_drop_count()));
	CU_ASSERT_PTR_NOT_NULL(ptcp_counter_text(ptcp_counter_count() - 1));
	CU_ASSERT_PTR_NOT_NULL(ptcp_drop_text(ptcp_drop_count() - 1));
	CU_ASSERT_EQUAL(ptcp_addr_parse("10.9.0.2", &addr), 0);
	CU_ASSERT_EQUAL(addr.port, 80);
	CU_ASSERT_STRING_EQUAL(ptcp_addr_format(&addr, text, sizeof(text)), "10.9.0.2:80");
	CU_ASSERT_EQUAL(ptcp_addr_parse("2001:db8::1", &addr), 0);
	CU_ASSERT_STRING_EQUAL(ptcp_addr_format(&addr, text, sizeof(text)), "[2001:db8::1]:80");
	addr.port = 0;
	CU_ASSERT_STRING_EQUAL(ptcp_addr_format(&addr, text, sizeof(text)), "2001:db8::1");
	addr.family = 0;
	CU_ASSERT_STRING_EQUAL(ptcp_addr_format(&addr, text, sizeof(text)), "?");
	CU_ASSERT_EQUAL(ptcp_addr_parse("10.9.0", &addr), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_addr_parse("10.9.0.2/24", &addr), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_addr_parse("", &addr), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_addr_parse(NULL, &addr), -EINVAL);
}

static CU_TestInfo tests[] = {
		TEST(bad_input_43_a_port_that_cannot_be_started),
		TEST(a_failed_start_leaves_the_port_usable),
		TEST(ten_thousand_turns_of_zeros),
		TEST(bad_input_43_configuration_out_of_range),
		TEST(defaults_are_what_rfc_9293_asks_for),
		TEST(names_and_addresses),
		CU_TEST_INFO_NULL,
};

int
main(void)
{
	static const char *const vdevs[] = {"net_null0", "net_null1", NULL};

	pmd_eal(vdevs);
	return test_run("null", tests);
}
