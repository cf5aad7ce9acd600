/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node lies on the level of the highest byte in which its tick differs from `now`, in the slot
 * that this byte of the tick names. So all nodes of a level are due before those of the next one,
 * a slot of levels 0 to 2 lies ahead of now's own position, and only the top level goes round.
 * Moving `now` forward disturbs none of this as long as it does not pass the start of the first
 * slot in use; on reaching that start, the slot is emptied: level 0 into WHEEL_DUE, a higher one
 * into WHEEL_MOVING, from where its nodes go to the levels below. A list remembers whether all its
 * nodes were armed for one tick: then it goes down as a whole, however long it is.
 *
 * Lists are circular through their heads, so that no operation has a special case for the first or
 * last node. A link is a node's index, or LIST_REF and the number of a list.
 */
#include "time/wheel.h"

#define LIST_REF   0x80000000u
#define SLOT_MASK  (WHEEL_SLOTS - 1)
#define MAP_WORDS  (WHEEL_SLOTS / 64) /* of one level */
#define TOP_LEVEL  (WHEEL_LEVELS - 1)
#define WHEEL_TURN (1ULL << (WHEEL_LEVELS * WHEEL_SLOT_BITS)) /* ticks of the whole wheel */

PTCP_STATIC_ASSERT(WHEEL_DUE % 64 == 0 && WHEEL_LISTS - WHEEL_DUE <= 64,
		"the lists beside the slots have a word of the bitmap for themselves");

PTCP_STATIC_ASSERT(WHEEL_TURN == 1ULL << 32, "nodes keep 32 bits of their tick");

static inline uint32_t *
next_of(struct wheel *w, uint32_t ref)
{
	return ref & LIST_REF ? &w->list[ref & ~LIST_REF].next : &wheel_node_at(w, ref)->next;
}

static inline uint32_t *
prev_of(struct wheel *w, uint32_t ref)
{
	return ref & LIST_REF ? &w->list[ref & ~LIST_REF].prev : &wheel_node_at(w, ref)->prev;
}

static inline bool
list_empty(const struct wheel *w, uint32_t list)
{
	return (w->bitmap[list / 64] >> (list % 64) & 1) == 0;
}

static inline void
list_append(struct wheel *w, uint32_t list, uint32_t index)
{
	struct wheel_node *node = wheel_node_at(w, index);
	struct wheel_list *l = &w->list[list];
	const uint32_t tail = l->prev;

	node->next = LIST_REF | list;
	node->prev = tail;
	*next_of(w, tail) = index;
	l->prev = index;
	l->mixed = (tail & LIST_REF) == 0 && (l->mixed || l->tick != node->tick);
	l->tick = node->tick;
	w->bitmap[list / 64] |= 1ULL << (list % 64);
}

static inline void
list_unlink(struct wheel *w, struct wheel_node *node)
{
	const uint32_t list = node->next & ~LIST_REF;

	*next_of(w, node->prev) = node->next;
	*prev_of(w, node->next) = node->prev;
	if (node->prev == node->next) /* both are the list: it was the only node */
		w->bitmap[list / 64] &= ~(1ULL << (list % 64));
	node->prev = PTCP_NIL;
}

static void
list_clear(struct wheel *w, uint32_t list)
{
	w->list[list].next = LIST_REF | list;
	w->list[list].prev = LIST_REF | list;
	w->bitmap[list / 64] &= ~(1ULL << (list % 64));
}

/* Append all of @p from, in its order, to @p to. */
static void
list_splice(struct wheel *w, uint32_t to, uint32_t from)
{
	const struct wheel_list l = w->list[from];
	const uint32_t tail = w->list[to].prev;

	if (list_empty(w, from))
		return;
	w->list[to].mixed = l.mixed ||
			(!list_empty(w, to) && (w->list[to].mixed || w->list[to].tick != l.tick));
	w->list[to].tick = l.tick;
	*prev_of(w, l.next) = tail;
	*next_of(w, tail) = l.next;
	*next_of(w, l.prev) = LIST_REF | to;
	w->list[to].prev = l.prev;
	w->bitmap[to / 64] |= 1ULL << (to % 64);
	list_clear(w, from);
}

/* The slot for @p tick, which is later than @p now by less than a turn of the wheel. */
static inline uint32_t
slot_of(uint64_t now, uint64_t tick)
{
	const unsigned int bit = 63u - (unsigned int)__builtin_clzll(now ^ tick);
	const unsigned int level = bit < 32 ? bit / WHEEL_SLOT_BITS : TOP_LEVEL;

	return level * WHEEL_SLOTS + (uint32_t)(tick >> (level * WHEEL_SLOT_BITS) & SLOT_MASK);
}

/* All bits of the tick, of which a node keeps 32. */
static inline uint64_t
whole_tick(const struct wheel *w, uint32_t tick)
{
	return w->now + (uint32_t)(tick - (uint32_t)w->now);
}

/* The first slot in use of @p level from @p slot on, or WHEEL_SLOTS. */
static inline uint32_t
slot_from(const struct wheel *w, unsigned int level, uint32_t slot)
{
	const uint64_t *map = &w->bitmap[level * MAP_WORDS];
	uint64_t bits;

	if (slot >= WHEEL_SLOTS)
		return WHEEL_SLOTS;
	bits = map[slot / 64] & (UINT64_MAX << (slot % 64));
	for (uint32_t i = slot / 64;;) {
		if (bits != 0)
			return i * 64 + (uint32_t)__builtin_ctzll(bits);
		if (++i == MAP_WORDS)
			return WHEEL_SLOTS;
		bits = map[i];
	}
}

/*
 * The tick at which the first slot in use begins, and that slot; UINT64_MAX when all are empty. No
 * node in a slot is due before it.
 */
static uint64_t
first_slot(const struct wheel *w, uint32_t *list)
{
	uint64_t turn = 0;
	uint32_t slot;

	for (unsigned int level = 0; level < WHEEL_LEVELS; level++) {
		const unsigned int shift = level * WHEEL_SLOT_BITS;

		slot = slot_from(w, level, (uint32_t)(w->now >> shift & SLOT_MASK) + 1);
		turn = w->now >> (shift + WHEEL_SLOT_BITS) << (shift + WHEEL_SLOT_BITS);
		if (slot < WHEEL_SLOTS) {
			*list = level * WHEEL_SLOTS + slot;
			return turn + ((uint64_t)slot << shift);
		}
	}
	slot = slot_from(w, TOP_LEVEL, 0);
	if (slot == WHEEL_SLOTS)
		return UINT64_MAX;
	*list = TOP_LEVEL * WHEEL_SLOTS + slot;
	return turn + WHEEL_TURN + ((uint64_t)slot << (TOP_LEVEL * WHEEL_SLOT_BITS));
}

void
wheel_init(struct wheel *w, void *base, size_t stride, uint32_t n_nodes, uint64_t now)
{
	PTCP_ASSERT(n_nodes < LIST_REF && stride <= UINT32_MAX);
	*w = (struct wheel){
			.base = base,
			.stride = (uint32_t)stride,
			.n_nodes = n_nodes,
			.now = now,
			.target = now,
	};
	for (uint32_t i = 0; i < WHEEL_LISTS; i++)
		list_clear(w, i);
}

void
wheel_node_init(struct wheel *w, uint32_t index)
{
	*wheel_node_at(w, index) = (struct wheel_node){PTCP_NIL, PTCP_NIL, 0};
}

bool
wheel_armed(const struct wheel *w, uint32_t index)
{
	return wheel_node_at(w, index)->prev != PTCP_NIL;
}

void
wheel_arm(struct wheel *w, uint32_t index, uint64_t tick)
{
	struct wheel_node *node = wheel_node_at(w, index);

	PTCP_ASSERT(tick <= w->now || tick - w->now < WHEEL_TURN);
	if (node->prev != PTCP_NIL)
		list_unlink(w, node);
	else
		w->n_armed++;
	node->tick = (uint32_t)tick;
	list_append(w, tick > w->now ? slot_of(w->now, tick) : WHEEL_LATE, index);
}

void
wheel_cancel(struct wheel *w, uint32_t index)
{
	struct wheel_node *node = wheel_node_at(w, index);

	if (node->prev == PTCP_NIL)
		return;
	list_unlink(w, node);
	w->n_armed--;
}

/*
 * Take a node from one end of a list that is not empty, from the other end next time. The links of nodes that are not in
 * cache are a chain of misses, one after the other; from both ends there are two chains at a time.
 */
static inline uint32_t
list_take(struct wheel *w, uint32_t list, bool last)
{
	const uint32_t index = last ? w->list[list].prev : w->list[list].next;
	struct wheel_node *node = wheel_node_at(w, index);

	ptcp_prefetch(last ? prev_of(w, node->prev) : next_of(w, node->next));
	list_unlink(w, node);
	return index;
}

static uint32_t
expire_due(struct wheel *w, uint32_t *budget, wheel_expire_t expire, void *arg)
{
	uint32_t n = 0;

	for (; *budget > 0 && !list_empty(w, WHEEL_DUE); n++) {
		const uint32_t index = list_take(w, WHEEL_DUE, (n & 1) != 0);

		w->n_armed--;
		--*budget;
		expire(arg, index);
	}
	return n;
}

static void
cascade(struct wheel *w, uint32_t *budget)
{
	for (; *budget > 0 && !list_empty(w, WHEEL_MOVING); --*budget) {
		const uint32_t index = list_take(w, WHEEL_MOVING, (*budget & 1) != 0);
		const uint64_t tick = whole_tick(w, wheel_node_at(w, index)->tick);

		list_append(w, tick == w->now ? WHEEL_DUE : slot_of(w->now, tick), index);
	}
}

/* Where all nodes of a slot go whose beginning has come: at once when they have one tick, else one after the other. */
static uint32_t
slot_heir(const struct wheel *w, uint32_t list)
{
	uint64_t tick;

	if (list < WHEEL_SLOTS)
		return WHEEL_DUE;
	if (w->list[list].mixed)
		return WHEEL_MOVING;
	tick = whole_tick(w, w->list[list].tick);
	return tick == w->now ? (uint32_t)WHEEL_DUE : slot_of(w->now, tick);
}

/*
 * Go to the next slot in use, or to the target when none begins before it. @return false: nothing
 * (more) to empty, or no budget left to do it
 */
static bool
step(struct wheel *w, uint32_t *budget)
{
	uint32_t list = 0;
	const uint64_t tick = first_slot(w, &list);

	if (tick > w->target) {
		w->now = w->target;
		return false;
	}
	if (*budget == 0)
		return false;
	--*budget;
	w->now = tick;
	list_splice(w, slot_heir(w, list), list);
	return true;
}

uint32_t
wheel_advance(struct wheel *w, uint64_t now, uint32_t budget, wheel_expire_t expire, void *arg)
{
	uint32_t n = 0;

	w->target = now > w->now ? now : w->now;
	if (w->n_armed == 0) {
		w->now = w->target;
		return 0;
	}
	/* Most turns of a worker: the tick of the turn before, and nothing left over from that. */
	if (w->target == w->now && w->bitmap[WHEEL_DUE / 64] == 0)
		return 0;
	list_splice(w, WHEEL_DUE, WHEEL_LATE);
	do {
		n += expire_due(w, &budget, expire, arg);
		cascade(w, &budget);
		n += expire_due(w, &budget, expire, arg);
		if (!list_empty(w, WHEEL_DUE) || !list_empty(w, WHEEL_MOVING))
			break;
	} while (step(w, &budget));
	return n;
}

bool
wheel_pending(const struct wheel *w)
{
	return w->now != w->target || !list_empty(w, WHEEL_DUE) || !list_empty(w, WHEEL_MOVING);
}

uint64_t
wheel_next(const struct wheel *w)
{
	uint32_t list;

	if (!list_empty(w, WHEEL_DUE) || !list_empty(w, WHEEL_MOVING) || !list_empty(w, WHEEL_LATE))
		return w->now;
	return first_slot(w, &list);
}

/*
 * Whether the node of @p list is where its tick asks for; the ticks of due and late nodes are
 * free.
 */
static bool
tick_fits(const struct wheel *w, uint32_t list, uint32_t tick)
{
	const uint64_t whole = whole_tick(w, tick);

	if (list == WHEEL_MOVING)
		return (w->now & SLOT_MASK) == 0 && whole - w->now < WHEEL_TURN >> WHEEL_SLOT_BITS;
	return list >= WHEEL_DUE || (whole != w->now && slot_of(w->now, whole) == list);
}

static const char *
check_list(const struct wheel *w, uint32_t list, uint32_t *n)
{
	const uint32_t self = LIST_REF | list;
	uint32_t prev = self;
	uint32_t ref = w->list[list].next;

	if (list_empty(w, list) != (ref == self))
		return "wheel: bitmap and list differ";
	while (ref != self) {
		const struct wheel_node *node;

		if (ref >= w->n_nodes)
			return "wheel: link to no node";
		if (++*n > w->n_armed)
			return "wheel: more nodes in lists than are armed";
		node = wheel_node_at(w, ref);
		if (node->prev != prev)
			return "wheel: next and prev differ";
		if (!tick_fits(w, list, node->tick))
			return "wheel: node in the wrong slot";
		if (!w->list[list].mixed && node->tick != w->list[list].tick)
			return "wheel: list of one tick with another in it";
		prev = ref;
		ref = node->next;
	}
	return w->list[list].prev == prev ? NULL : "wheel: tail is not the last node";
}

const char *
wheel_check(const struct wheel *w)
{
	const char *bad = NULL;
	uint32_t n = 0;

	if (w->now > w->target)
		return "wheel: now is past the target";
	if (w->bitmap[WHEEL_MAP_WORDS - 1] >> (WHEEL_LISTS % 64) != 0)
		return "wheel: bit of no list";
	for (uint32_t i = 0; i < WHEEL_LISTS && bad == NULL; i++)
		bad = check_list(w, i, &n);
	if (bad == NULL && n != w->n_armed)
		bad = "wheel: fewer nodes in lists than are armed";
	return bad;
}
