/* SPDX-License-Identifier: BSD-3-Clause */
/* Ticks to microseconds: exact, monotonic, and over the counter's wrap (BAD-INPUT 42). */
#include "random.h"
#include "test.h"
#include "worker/tsc.h"

#define SEED 20260601u

static uint64_t
next_random(uint64_t *state)
{
	return random_next(state) >> 16;
}

/** Never ahead of the true time, and behind it by less than one microsecond. */
static void
times_are_exact_at_any_frequency(void)
{
	static const uint64_t hz[] = {1000001, 10000000, 999999937, 2100000000, 2450000123,
			3399999999u, 5000000000u};
	uint64_t state = SEED;

	for (size_t i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
		for (int n = 0; n < 10000; n++) {
			/* Up to a year. */
			const uint64_t gone = next_random(&state) % (hz[i] * 86400 * 365);
			const uint64_t exact = (uint64_t)((tsc_u128)gone * TIME_US_PER_SEC / hz[i]);
			struct tsc_clock c;
			uint64_t us;

			tsc_init(&c, 77, hz[i], 1000);
			us = tsc_us(&c, 77 + gone) - 1000;
			if (us > exact || exact - us > 1) {
				CU_FAIL("not exact");
				return;
			}
		}
	}
	CU_PASS("exact");
}

static void
time_never_goes_back(void)
{
	uint64_t ticks = 1000000, last = 0, state = SEED;
	struct tsc_clock c;

	tsc_init(&c, ticks, 3000000000u, 1);
	for (int n = 0; n < 100000; n++) {
		uint64_t us;

		ticks += next_random(&state) % 10000;
		/* Another CPU's counter, a little behind, at first even before the start. */
		us = tsc_us(&c, ticks - next_random(&state) % 5000);
		if (us < last || us > 1000000000u) {
			CU_FAIL("time went back, or far ahead");
			return;
		}
		last = us;
	}
	CU_ASSERT(last > 100000);
}

static void
bad_input_42_a_counter_just_below_its_wrap(void)
{
	const uint64_t hz = 2000000000u;
	struct tsc_clock c;

	tsc_init(&c, UINT64_MAX - hz + 1, hz, 0);
	CU_ASSERT_EQUAL(tsc_us(&c, UINT64_MAX), 999999);
	CU_ASSERT(1000000 - tsc_us(&c, 0) <= 1);
	CU_ASSERT(2000000 - tsc_us(&c, hz) <= 1);
}

static void
bad_input_42_stalls(void)
{
	const uint64_t hz = 2450000000u;
	static const uint64_t stall_ms[] = {100, 5000, 60000, 3 * 3600 * 1000};
	uint64_t ticks = 5, sum = 0;
	struct tsc_clock c;

	tsc_init(&c, ticks, hz, 0);
	for (size_t i = 0; i < sizeof(stall_ms) / sizeof(stall_ms[0]); i++) {
		ticks += stall_ms[i] * (hz / 1000);
		sum += stall_ms[i] * 1000;
		CU_ASSERT(sum - tsc_us(&c, ticks) <= 1);
	}
}

static CU_TestInfo tests[] = {
		TEST(times_are_exact_at_any_frequency),
		TEST(time_never_goes_back),
		TEST(bad_input_42_a_counter_just_below_its_wrap),
		TEST(bad_input_42_stalls),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("tsc", tests)
