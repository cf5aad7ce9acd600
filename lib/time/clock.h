/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Units of time. Nothing in the core reads a clock: time is always passed in. */
#ifndef PTCP_TIME_CLOCK_H
#define PTCP_TIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/** Microseconds of a monotonic clock. 64 bits: never wraps. */
typedef uint64_t time_us_t;

/** Milliseconds of the same clock modulo 2^32 (49.7 days): what TCBs keep; compare by time_ms_*. */
typedef uint32_t time_ms_t;

#define TIME_US_PER_MS  1000u
#define TIME_US_PER_SEC 1000000u
#define TIME_MS_PER_SEC 1000u

static inline time_ms_t
time_us_to_ms(time_us_t us)
{
	return (time_ms_t)(us / TIME_US_PER_MS);
}

/** a is before b; they must lie within 24.8 days of each other. */
static inline bool
time_ms_before(time_ms_t a, time_ms_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
time_ms_reached(time_ms_t deadline, time_ms_t now)
{
	return (int32_t)(now - deadline) >= 0;
}

#endif
