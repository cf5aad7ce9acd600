/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conn/listener.h"
#include "test.h"

static struct listener_table t;

static void
refused(void)
{
	listener_init(&t);
	CU_ASSERT_EQUAL(listener_add(&t, 0, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(listener_add(&t, 0, 80, 0), -EINVAL);
	CU_ASSERT_EQUAL(listener_add(&t, LADDR_NONE, 80, 1), -EINVAL);
	CU_ASSERT_EQUAL(listener_remove(&t, 0), -ENOENT);
	CU_ASSERT_EQUAL(listener_remove(&t, LISTENERS_MAX), -ENOENT);
	CU_ASSERT_EQUAL(listener_remove(&t, LISTENER_NONE), -ENOENT);
	for (uint32_t port = 0; port < 65536; port++)
		CU_ASSERT_EQUAL(listener_find(&t, 0, (uint16_t)port), LISTENER_NONE);
}

static void
specific_goes_before_wildcard(void)
{
	int any, one, two;

	/* In both orders of adding. */
	for (int order = 0; order < 2; order++) {
		listener_init(&t);
		any = order == 0 ? listener_add(&t, LADDR_ANY, 80, 5) : -1;
		one = listener_add(&t, 1, 80, 6);
		two = listener_add(&t, 2, 80, 7);
		if (order == 1)
			any = listener_add(&t, LADDR_ANY, 80, 5);
		CU_ASSERT_FATAL(any >= 0 && one >= 0 && two >= 0);
		CU_ASSERT_EQUAL(listener_find(&t, 1, 80), one);
		CU_ASSERT_EQUAL(listener_find(&t, 2, 80), two);
		CU_ASSERT_EQUAL(listener_find(&t, 3, 80), any);
		CU_ASSERT_EQUAL(listener_find(&t, 1, 81), LISTENER_NONE);
		CU_ASSERT_EQUAL(t.l[one].backlog, 6);
		CU_ASSERT_EQUAL(t.l[one].port, 80);
		CU_ASSERT_EQUAL(t.l[one].n_half_open, 0);
		CU_ASSERT_EQUAL(listener_add(&t, 1, 80, 9), -EADDRINUSE);
		CU_ASSERT_EQUAL(listener_add(&t, LADDR_ANY, 80, 9), -EADDRINUSE);
		CU_ASSERT_EQUAL(listener_remove(&t, (uint16_t)any), 0);
		CU_ASSERT_EQUAL(listener_find(&t, 3, 80), LISTENER_NONE);
		CU_ASSERT_EQUAL(listener_find(&t, 1, 80), one);
		CU_ASSERT_EQUAL(listener_remove(&t, (uint16_t)one), 0);
		CU_ASSERT_EQUAL(listener_remove(&t, (uint16_t)one), -ENOENT);
		CU_ASSERT_EQUAL(listener_find(&t, 1, 80), LISTENER_NONE);
		CU_ASSERT_EQUAL(listener_find(&t, 2, 80), two);
	}
}

static void
all_listeners_in_use(void)
{
	listener_init(&t);
	for (uint16_t i = 0; i < LISTENERS_MAX; i++)
		CU_ASSERT_EQUAL(listener_add(&t, LADDR_ANY, (uint16_t)(65535 - i), 1), i);
	CU_ASSERT_EQUAL(listener_add(&t, LADDR_ANY, 1, 1), -ENOSPC);
	CU_ASSERT_EQUAL(listener_add(&t, LADDR_ANY, 65535, 1), -EADDRINUSE);
	t.l[9].n_half_open = 3;
	t.l[9].arg = &t;
	CU_ASSERT_EQUAL(listener_remove(&t, 9), 0);
	CU_ASSERT_EQUAL(listener_add(&t, 0, 1, 2), 9);
	CU_ASSERT_EQUAL(t.l[9].n_half_open, 0);
	CU_ASSERT_PTR_NULL(t.l[9].arg);
	CU_ASSERT_EQUAL(listener_find(&t, 0, 1), 9);
}

/** Random work against a plain list. */
static void
model(void)
{
	struct {
		uint16_t laddr, port;
		bool in;
	} m[LISTENERS_MAX] = {0};
	uint32_t n = 0, rng = 99;

	printf("seed %u ", rng);
	listener_init(&t);
	for (int step = 0; step < 100000; step++) {
		rng = rng * 1664525 + 1013904223;
		const uint16_t port = (uint16_t)(1 + (rng >> 16) % 40);
		const uint16_t laddr =
				(rng >> 8) % 12 == 0 ? LADDR_ANY : (uint16_t)((rng >> 8) % 12);
		const uint16_t index = (uint16_t)((rng >> 23) % LISTENERS_MAX);
		uint16_t want = LISTENER_NONE, any = LISTENER_NONE;

		for (uint16_t i = 0; i < LISTENERS_MAX; i++) {
			if (m[i].in && m[i].port == port && m[i].laddr == laddr)
				want = i;
			if (m[i].in && m[i].port == port && m[i].laddr == LADDR_ANY)
				any = i;
		}
		CU_ASSERT_EQUAL_FATAL(
				listener_find(&t, laddr, port), want != LISTENER_NONE ? want : any);
		if (step / 1000 % 2 == 0 || (rng >> 30) == 0) {
			const int got = listener_add(&t, laddr, port, 1);

			if (want != LISTENER_NONE) {
				CU_ASSERT_EQUAL_FATAL(got, -EADDRINUSE);
			} else if (n == LISTENERS_MAX) {
				CU_ASSERT_EQUAL_FATAL(got, -ENOSPC);
			} else {
				CU_ASSERT_FATAL(got >= 0 && got < LISTENERS_MAX && !m[got].in);
				m[got].laddr = laddr;
				m[got].port = port;
				m[got].in = true;
				n++;
			}
		} else {
			CU_ASSERT_EQUAL_FATAL(
					listener_remove(&t, index), m[index].in ? 0 : -ENOENT);
			n -= m[index].in;
			m[index].in = false;
		}
	}
}

static CU_TestInfo tests[] = {
		TEST(refused),
		TEST(specific_goes_before_wildcard),
		TEST(all_listeners_in_use),
		TEST(model),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("listener", tests)
