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

/** The lists: one for each slot, level by level, then those that are not slots. */
enum {
	WHEEL_DUE = WHEEL_LEVELS * (int)WHEEL_SLOTS, /**< being expired */
	WHEEL_MOVING, /**< the slot being cascaded; left half done when the budget runs out */
	WHEEL_LATE,   /**< armed for a tick not after wheel.now: due at the next wheel_advance() */
	WHEEL_LISTS
};

#define WHEEL_MAP_WORDS ((WHEEL_LISTS + 63) / 64)

/** Lives inside the object that is timed. Set up by wheel_node_init() before its first use. */
struct wheel_node {
	uint32_t next; /**< index of the next node of the list, or the list itself: wheel.c */
	uint32_t prev; /**< index of the previous node, or the list itself, or PTCP_NIL: not armed */
	uint32_t tick; /**< absolute tick (modulo 2^32) it is due at; valid while armed */
};

PTCP_STATIC_ASSERT(sizeof(struct wheel_node) == 12, "three 32-bit words");

/** The head of a circular list. */
struct wheel_list {
	uint32_t next; /**< first node, or the list itself when empty */
	uint32_t prev; /**< last node, or the list itself when empty */
	uint32_t tick; /**< the latest newcomer's; unless mixed, that of all nodes */
	bool mixed;    /**< there may be nodes with different ticks; of no meaning when empty */
};

struct wheel {
	uint8_t *base;   /**< address of the wheel_node of object 0 */
	uint32_t stride; /**< bytes from one object's node to the next one's */
	uint32_t n_nodes;
	/**
	 * Ticks. Every node due before it has expired; one due at it has expired too, or is in WHEEL_DUE or
	 * WHEEL_MOVING (or in WHEEL_LATE, when it was armed for a tick that had come already). It stays where it is
	 * until the first two are empty: all slots are relative to it.
	 */
	uint64_t now;
	uint64_t target; /**< the time of the last wheel_advance(); later than now: the budget ran out */
	uint32_t n_armed;                 /**< nodes in any of the lists */
	uint64_t bitmap[WHEEL_MAP_WORDS]; /**< a bit for each list that is not empty */
	struct wheel_list list[WHEEL_LISTS];
};

/**
 * Called for each node that is due; it may arm or cancel any node, this one included, but not advance the wheel.
 * Meanwhile wheel.now is the tick being expired, which may lie before the time that is advanced to.
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
 * running, so that an expiry that re-arms itself for "now" cannot loop. A tick between wheel.now and the time that
 * a running wheel_advance() goes to still expires inside it, in its order.
 * @param tick  absolute, at most wheel.now + 2^32 - 1
 */
void wheel_arm(struct wheel *w, uint32_t index, uint64_t tick);

/** Disarm; nothing happens when it was not armed. O(1). */
void wheel_cancel(struct wheel *w, uint32_t index);

/**
 * Move the wheel to @p now and expire what is due, in the order of ticks; within one tick in no order. While the budget holds work back,
 * wheel.now stays at the last tick that was begun; the next call goes on from there.
 * @param now     ticks; an earlier time than wheel.now is taken as wheel.now
 * @param budget  upper bound of the units of work (expiries, nodes cascaded, slots visited that
 *                hold a node); what is left over stays due and goes first next time. Any budget above 0 makes
 *                progress.
 * @return the number of nodes expired
 */
uint32_t wheel_advance(
		struct wheel *w, uint64_t now, uint32_t budget, wheel_expire_t expire, void *arg);

/** Whether work is left over from a wheel_advance() whose budget ran out. */
bool wheel_pending(const struct wheel *w);

/**
 * A lower bound of the tick at which the next node is due, or UINT64_MAX when nothing is armed: how long an idle
 * worker may sleep. Exact when no multiple of 256 lies between wheel.now and that tick, else the next cascade's
 * tick; when a node is due already or work is pending, not after the time last advanced to.
 */
uint64_t wheel_next(const struct wheel *w);

/**
 * Check every invariant: links, bitmaps, each node in the slot that its tick asks for, counts. O(n).
 * @return NULL when all hold, else a static text that names the broken one
 */
const char *wheel_check(const struct wheel *w);

#endif
