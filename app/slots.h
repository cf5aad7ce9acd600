/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file slots.h
 * A fixed pool of equal records, taken at start: the contexts of connections. One worker's; others may read `used`.
 */
#ifndef APP_SLOTS_H
#define APP_SLOTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct slots {
	void *records;
	void **free; /**< a stack */
	uint32_t size;
	uint32_t used;
	uint32_t peak;
};

/** @return 0, or -1: no memory */
static inline int
slots_init(struct slots *slots, uint32_t size, size_t record)
{
	slots->records = calloc(size, record);
	slots->free = calloc(size, sizeof(slots->free[0]));
	slots->size = size;
	slots->used = 0;
	slots->peak = 0;
	if (slots->records == NULL || slots->free == NULL)
		return -1;
	for (uint32_t i = 0; i < size; i++)
		slots->free[i] = (char *)slots->records + (size_t)(size - 1 - i) * record;
	return 0;
}

static inline void
slots_free(struct slots *slots)
{
	free(slots->records);
	free(slots->free);
	slots->records = NULL;
	slots->free = NULL;
	slots->size = 0;
}

/** Take a record, as its last user left it; NULL when all are in use. */
static inline void *
slots_take(struct slots *slots)
{
	if (slots->used == slots->size)
		return NULL;
	slots->used++;
	if (slots->used > slots->peak)
		slots->peak = slots->used;
	return slots->free[slots->size - slots->used];
}

static inline void
slots_give(struct slots *slots, void *record)
{
	slots->free[slots->size - slots->used] = record;
	slots->used--;
}

/** Add to a number that this thread alone writes and others read. */
#define COUNT(number, n) __atomic_store_n(&(number), (number) + (n), __ATOMIC_RELAXED)
/** Read such a number. */
#define COUNT_READ(number) __atomic_load_n(&(number), __ATOMIC_RELAXED)

#endif
