/* SPDX-License-Identifier: BSD-3-Clause */
/** @file From the tick counter to microseconds, without a division and without going back. */
#ifndef PTCP_WORKER_TSC_H
#define PTCP_WORKER_TSC_H

#include <stdint.h>

#include "time/clock.h"

__extension__ typedef unsigned __int128 tsc_u128;

struct tsc_clock {
	uint64_t base; /**< ticks at us == start; the counter may wrap behind it */
	uint64_t mult; /**< microseconds a tick, times 2^64 */
	time_us_t start;
	time_us_t last; /**< the latest answer */
};

/** @param hz ticks a second, more than 1,000,000 */
static inline void
tsc_init(struct tsc_clock *c, uint64_t ticks, uint64_t hz, time_us_t start)
{
	c->base = ticks;
	c->mult = (uint64_t)(((tsc_u128)TIME_US_PER_SEC << 64) / hz);
	c->start = c->last = start;
}

/** The time at @p ticks; the last one again where CPUs disagree by a little and ticks went back. */
static inline time_us_t
tsc_us(struct tsc_clock *c, uint64_t ticks)
{
	const uint64_t gone = ticks - c->base;
	const time_us_t us = c->start + (time_us_t)((tsc_u128)gone * c->mult >> 64);

	/* A counter that lies before the base by a hair shows as almost 2^64 gone. */
	if (us > c->last && (int64_t)gone >= 0)
		c->last = us;
	return c->last;
}

#endif
