/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The hierarchical timing wheel: 1 ms ticks, reach 2^32 - 1 ticks (49.7 days), O(1) arm and cancel.
 *
 * Nodes are intrusive and linked by 32-bit indices into one array that the caller owns, so a timer costs
 * no memory of its own. The wheel takes its time from the caller and never reads a clock. One wheel belongs
 * to one worker; no call may be made from another lcore.
 */
#ifndef PTCP_TIME_WHEEL_H
#define PTCP_TIME_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define WHEEL_LEVELS    4
#define WHEEL_SLOT_BITS 8
#define WHEEL_SLOTS     (1u << WHEEL_SLOT_BITS)

/** Lives inside the object that is timed. Set up by wheel_node_init() before its first use. */
struct wheel_node {
	uint32_t next; /**< index of the next node of the slot, or PTCP_NIL */
	uint32_t prev; /**< index of the previous node, or the slot it heads, or "not armed": wheel.c */
	uint32_t tick; /**< absolute tick (modulo 2^32) it is due at; valid while armed */
};

PTCP_STATIC_ASSERT(sizeof(struct wheel_node) == 12, "three 32-bit words");

struct wheel {
	uint8_t *base;   /**< address of the wheel_node of object 0 */
	uint32_t stride; /**< bytes from one object's node to the next one's */
	uint32_t n_nodes;
	uint64_t now;     /**< ticks; every node due at or before it has expired or is in `due` */
	uint32_t n_armed; /**< nodes armed, those in `due` included */
	uint32_t due;     /**< expired nodes that the budget left over, oldest first (list head) */
	uint32_t due_tail;
	uint32_t moving;  /**< a slot half cascaded when the budget ran out (list head) */
	uint64_t bitmap[WHEEL_LEVELS][WHEEL_SLOTS / 64];
	uint32_t slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

/**
 * Called for each node that is due; it may arm or cancel any node, this one included.
 * @param arg    as given to wheel_advance()
 * @param index  the object's index; its node is no longer armed
 */
typedef void (*wheel_expire_t)(void *arg, uint32_t index);

/**
 * @param base     the wheel_node inside object 0 of the caller's array; must outlive the wheel
 * @param stride   size of one object in bytes
 * @param n_nodes  objects in the array, < 2^31
 * @param now      the current tick
 */
void wheel_init(struct wheel *w, void *base, size_t stride, uint32_t n_nodes, uint64_t now);

/** Make the node of object @p index "not armed". */
void wheel_node_init(struct wheel *w, uint32_t index);

static inline struct wheel_node *
wheel_node_at(const struct wheel *w, uint32_t index)
{
	PTCP_ASSERT(index < w->n_nodes);
	return (struct wheel_node *)(void *)(w->base + (size_t)index * w->stride);
}

bool wheel_armed(const struct wheel *w, uint32_t index);

/**
 * Arm the node of @p index for @p tick, or move it there when it is armed already.
 * A tick that is not after wheel.now is due at the next wheel_advance() - never inside the one that is
 * running, so that an expiry that re-arms itself for "now" cannot loop.
 * @param tick  absolute, at most wheel.now + 2^32 - 1
 */
void wheel_arm(struct wheel *w, uint32_t index, uint64_t tick);

/** Disarm; nothing happens when it was not armed. O(1). */
void wheel_cancel(struct wheel *w, uint32_t index);

/**
 * Move the wheel to @p now and expire what is due, in the order of ticks.
 * @param now     ticks; an earlier time than wheel.now is taken as wheel.now
 * @param budget  upper bound of the units of work (expiries, nodes cascaded, slots visited); what is left
 *                over stays due and goes first next time
 * @return the number of nodes expired
 */
uint32_t wheel_advance(struct wheel *w, uint64_t now, uint32_t budget, wheel_expire_t expire, void *arg);

/** Whether work is left over from a wheel_advance() whose budget ran out. */
bool wheel_pending(const struct wheel *w);

/**
 * A lower bound of the tick at which the next node is due (exact within 256 ticks, else the tick of the next
 * cascade), or UINT64_MAX when nothing is armed: how long an idle worker may sleep.
 */
uint64_t wheel_next(const struct wheel *w);

/**
 * Check every invariant: links, bitmaps, each node in the slot that its tick asks for, counts. O(n).
 * @return NULL when all hold, else a static text that names the broken one
 */
const char *wheel_check(const struct wheel *w);

#endif
