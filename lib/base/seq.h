/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Sequence number arithmetic modulo 2^32 (RFC 9293 section 3.4). */
#ifndef PTCP_BASE_SEQ_H
#define PTCP_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The difference is taken unsigned, where wrap-around is defined, and only then read as signed.
 * Numbers exactly 2^31 apart have no order: both seq_lt(a, b) and seq_lt(b, a) are true then.
 */
static inline bool
seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool
seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) < 0;
}

static inline bool
seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) <= 0;
}

/** lo <= x < lo + len, in the circular space; @p len may be anything up to 2^32 - 1. */
static inline bool
seq_in(uint32_t x, uint32_t lo, uint32_t len)
{
	return x - lo < len;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
	return seq_geq(a, b) ? a : b;
}

static inline uint32_t
seq_min(uint32_t a, uint32_t b)
{
	return seq_leq(a, b) ? a : b;
}

#endif
