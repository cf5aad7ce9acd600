/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Random numbers for tests: SplitMix64, so that a seed always gives the same run. */
#ifndef PTCP_TESTS_RANDOM_H
#define PTCP_TESTS_RANDOM_H

#include <stdint.h>

/** The next random number of @p state, which any seed may begin. */
static inline uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/** A random number below @p n; 0 when @p n is 0. */
static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(random_next(state) >> 32) % n;
}

#endif
