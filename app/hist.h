/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file hist.h
 * A histogram of times: log-linear buckets, 128 an octave, so a quantile is at most 1/128 (0.8 %) too high.
 * From 0 to 1 h in microseconds; values below 256 are exact, larger ones than 1 h count as 1 h.
 */
#ifndef APP_HIST_H
#define APP_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 7
#define HIST_MAX      UINT64_C(3600000000)
/** The bucket of HIST_MAX, whose highest bit is 31, and all below. */
#define HIST_BUCKETS ((31 - HIST_SUB_BITS + 2) << HIST_SUB_BITS)

/** One writer; merge or read when it rests. All zero: empty. */
struct hist {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t bucket[HIST_BUCKETS];
};

/** Count one value, in microseconds. */
void hist_add(struct hist *hist, uint64_t us);

/** Add @p from to @p into. */
void hist_merge(struct hist *into, const struct hist *from);

/** The value that @p part of @p whole of all values don't exceed: 999 of 1000. 0 when empty. */
uint64_t hist_quantile(const struct hist *hist, uint64_t part, uint64_t whole);

/** The mean; 0 when empty. */
uint64_t hist_mean(const struct hist *hist);

#endif
