/* SPDX-License-Identifier: BSD-3-Clause */
#include "hist.h"

#define SUB (1u << HIST_SUB_BITS)

/* Values of one octave share a shift; the upper HIST_SUB_BITS + 1 bits, highest one included, choose the bucket. */
static unsigned int
bucket_of(uint64_t us)
{
	unsigned int shift = 0;

	if (us >= 2 * SUB)
		shift = 63 - (unsigned int)__builtin_clzll(us) - HIST_SUB_BITS;
	return shift * SUB + (unsigned int)(us >> shift);
}

/* The largest value of a bucket. */
static uint64_t
bucket_top(unsigned int bucket)
{
	unsigned int shift = bucket < 2 * SUB ? 0 : bucket / SUB - 1;

	return ((uint64_t)(bucket - shift * SUB + 1) << shift) - 1;
}

void
hist_add(struct hist *hist, uint64_t us)
{
	if (us > HIST_MAX)
		us = HIST_MAX;
	if (hist->count == 0 || us < hist->min)
		hist->min = us;
	if (us > hist->max)
		hist->max = us;
	hist->count++;
	hist->sum += us;
	hist->bucket[bucket_of(us)]++;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t
hist_quantile(const struct hist *hist, uint64_t part, uint64_t whole)
{
	/* whole values that lie at or below the quantile, rounded up, without overflow for any count */
	uint64_t rank = hist->count / whole * part +
			(hist->count % whole * part + whole - 1) / whole;
	uint64_t seen = 0;

	if (hist->count == 0)
		return 0;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += hist->bucket[i];
		if (seen >= rank && seen != 0)
			return bucket_top(i) < hist->max ? bucket_top(i) : hist->max;
	}
	return hist->max;
}

uint64_t
hist_mean(const struct hist *hist)
{
	return hist->count == 0 ? 0 : hist->sum / hist->count;
}
