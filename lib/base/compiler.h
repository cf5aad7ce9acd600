/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Branch hints, placement attributes and assertions. */
#ifndef PTCP_BASE_COMPILER_H
#define PTCP_BASE_COMPILER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PTCP_LIKELY(x)   __builtin_expect(!!(x), 1)
#define PTCP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PTCP_NOINLINE    __attribute__((noinline))
/** Out of the predicted path: never inlined, placed away from hot code. */
#define PTCP_COLD                      __attribute__((noinline, cold))
#define PTCP_CACHE_LINE                64
#define PTCP_CACHE_ALIGNED             __attribute__((aligned(PTCP_CACHE_LINE)))
#define PTCP_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#define PTCP_ARRAY_SIZE(a)             (sizeof(a) / sizeof((a)[0]))

/** "No object": the null of every 32-bit index link. */
#define PTCP_NIL UINT32_MAX

/**
 * An invariant. Compiled in by PTCP_DEBUG (the tests always, the product by -Ddebug_checks=true),
 * where a broken one aborts; else it costs nothing and @p cond is not evaluated.
 */
#ifdef PTCP_DEBUG
#define PTCP_ASSERT(cond) assert(cond)
#else
#define PTCP_ASSERT(cond) ((void)sizeof(cond))
#endif

static inline void
ptcp_prefetch(const void *p)
{
	__builtin_prefetch(p, 0, 3);
}

/** The same for a line that is about to be written, and that another core may have. */
static inline void
ptcp_prefetch_write(const void *p)
{
	__builtin_prefetch(p, 1, 3);
}

#endif
