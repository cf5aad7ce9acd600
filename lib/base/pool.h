/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Fixed pools of equal objects named by 32-bit index. Memory comes from the caller; free objects are linked through
 * their own first four bytes, last in first out, so the next one handed out is likely still in the cache.
 */
#ifndef PTCP_BASE_POOL_H
#define PTCP_BASE_POOL_H

#include <string.h>

#include "base/compiler.h"

struct pool {
	uint8_t *base;
	uint32_t stride; /**< bytes an object, >= 4 */
	uint32_t size;   /**< objects */
	uint32_t fresh;  /**< objects from here on were never used: nothing is touched at start */
	uint32_t head;   /**< free list */
	uint32_t n_used;
	uint32_t peak;
};

static inline void
pool_init(struct pool *p, void *mem, size_t stride, uint32_t size)
{
	*p = (struct pool){.base = mem, .stride = (uint32_t)stride, .size = size, .head = PTCP_NIL};
}

static inline void *
pool_at(const struct pool *p, uint32_t index)
{
	PTCP_ASSERT(index < p->size);
	return p->base + (size_t)index * p->stride;
}

static inline uint32_t
pool_free_count(const struct pool *p)
{
	return p->size - p->n_used;
}

/** @return an index, its object's content undefined behind the first four bytes, or PTCP_NIL when all are in use */
static inline uint32_t
pool_get(struct pool *p)
{
	uint32_t index = p->head;

	if (PTCP_LIKELY(index != PTCP_NIL))
		memcpy(&p->head, pool_at(p, index), sizeof(p->head));
	else if (p->fresh < p->size)
		index = p->fresh++;
	else
		return PTCP_NIL;
	if (++p->n_used > p->peak)
		p->peak = p->n_used;
	return index;
}

static inline void
pool_put(struct pool *p, uint32_t index)
{
	PTCP_ASSERT(p->n_used > 0);
	memcpy(pool_at(p, index), &p->head, sizeof(p->head));
	p->head = index;
	p->n_used--;
}

#endif
