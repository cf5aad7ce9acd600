/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "base/siphash.h"
#include "conn/neigh.h"

#define SLOTS 2048u /* hash chains; a power of two */

#define RETRY_US  ((time_us_t)NEIGH_RETRY_MS * TIME_US_PER_MS)
#define FRESH_US  ((time_us_t)NEIGH_FRESH_MS * TIME_US_PER_MS)
#define FAILED_US ((time_us_t)NEIGH_FAILED_MS * TIME_US_PER_MS)

/*
 * Every kind of waiting has one constant length, so a list for each kind is in the order of time by
 * itself and neigh_poll() looks at the heads only. A used entry is in exactly one of the first
 * five, and an INCOMPLETE or FAILED one also in LIST_OPEN.
 */
enum list_id {
	LIST_NOW,    /**< to be asked by the next poll: new, or used again after it went stale */
	LIST_RETRY,  /**< asked: INCOMPLETE or PROBE */
	LIST_FRESH,  /**< REACHABLE, confirmed less than NEIGH_FRESH_MS ago */
	LIST_STALE,  /**< REACHABLE, but nobody looked it up while it was fresh: no more asking */
	LIST_FAILED, /**< FAILED */
	LIST_OPEN,   /**< INCOMPLETE and FAILED by age: who goes first when the table is full */
	LISTS
};

struct link {
	uint16_t next;
	uint16_t prev;
};

struct list {
	uint16_t head; /* the oldest */
	uint16_t tail;
};

struct neigh_table {
	struct siphash_key key;
	uint16_t n_used;
	uint16_t free; /* by neigh_entry.chain */
	uint16_t last; /* that neigh_find() found: who has no hint most often wants the same router */
	struct list list[LISTS];
	uint16_t slot[SLOTS];
	uint8_t in[NEIGH_MAX]; /* enum list_id of the timed list it is in */
	struct link timed[NEIGH_MAX];
	struct link open[NEIGH_MAX];
	struct neigh_entry entry[NEIGH_MAX];
};

static struct link *
links_of(struct neigh_table *t, enum list_id id)
{
	return id == LIST_OPEN ? t->open : t->timed;
}

static void
list_append(struct neigh_table *t, enum list_id id, uint16_t i)
{
	struct link *links = links_of(t, id);
	struct list *l = &t->list[id];

	links[i] = (struct link){.next = NEIGH_NONE, .prev = l->tail};
	if (l->tail != NEIGH_NONE)
		links[l->tail].next = i;
	else
		l->head = i;
	l->tail = i;
}

static void
list_remove(struct neigh_table *t, enum list_id id, uint16_t i)
{
	struct link *links = links_of(t, id);
	struct list *l = &t->list[id];
	const struct link at = links[i];

	if (at.prev != NEIGH_NONE)
		links[at.prev].next = at.next;
	else
		l->head = at.next;
	if (at.next != NEIGH_NONE)
		links[at.next].prev = at.prev;
	else
		l->tail = at.prev;
}

static bool
is_open(const struct neigh_entry *e)
{
	return e->state == NEIGH_INCOMPLETE || e->state == NEIGH_FAILED;
}

/** Move entry @p i to @p state, to the end of the list @p id; its next action is at @p when. */
static void
enter(struct neigh_table *t, uint16_t i, enum neigh_state state, enum list_id id, time_us_t when)
{
	struct neigh_entry *e = &t->entry[i];
	const bool was_open = is_open(e);

	if (e->state != NEIGH_FREE)
		list_remove(t, (enum list_id)t->in[i], i);
	e->state = (uint8_t)state;
	e->when = when;
	t->in[i] = (uint8_t)id;
	list_append(t, id, i);
	if (is_open(e) && !was_open)
		list_append(t, LIST_OPEN, i);
	else if (!is_open(e) && was_open)
		list_remove(t, LIST_OPEN, i);
}

static uint32_t
slot_of(const struct neigh_table *t, enum ip_family family, const struct ip_addr *ip)
{
	const uint64_t words[3] = {ip->q[0], ip->q[1], family};

	return (uint32_t)siphash13_words(&t->key, words, 3) & (SLOTS - 1);
}

static bool
entry_is(const struct neigh_entry *e, enum ip_family family, const struct ip_addr *ip)
{
	return e->state != NEIGH_FREE && e->family == family && ip_addr_equal(&e->ip, ip);
}

static uint16_t
find(const struct neigh_table *t, enum ip_family family, const struct ip_addr *ip)
{
	uint16_t i = t->slot[slot_of(t, family, ip)];

	while (i != NEIGH_NONE && !entry_is(&t->entry[i], family, ip))
		i = t->entry[i].chain;
	return i;
}

static void
drop_held(struct neigh_entry *e, neigh_drop_t drop, void *arg)
{
	for (uint8_t k = 0; k < e->n_held; k++)
		drop(arg, e->held[k]);
	e->n_held = 0;
}

static void
entry_free(struct neigh_table *t, uint16_t i, neigh_drop_t drop, void *arg)
{
	struct neigh_entry *e = &t->entry[i];
	uint16_t *link = &t->slot[slot_of(t, (enum ip_family)e->family, &e->ip)];

	drop_held(e, drop, arg);
	while (*link != i)
		link = &t->entry[*link].chain;
	*link = e->chain;
	list_remove(t, (enum list_id)t->in[i], i);
	if (is_open(e))
		list_remove(t, LIST_OPEN, i);
	e->state = NEIGH_FREE;
	e->chain = t->free;
	t->free = i;
	t->n_used--;
}

/** The entry that a full table can best do without. */
static uint16_t
victim(const struct neigh_table *t)
{
	if (t->list[LIST_OPEN].head != NEIGH_NONE)
		return t->list[LIST_OPEN].head;
	if (t->list[LIST_STALE].head != NEIGH_NONE)
		return t->list[LIST_STALE].head;
	for (uint16_t i = t->list[LIST_FRESH].head; i != NEIGH_NONE; i = t->timed[i].next)
		if (!t->entry[i].used)
			return i;
	if (t->list[LIST_FRESH].head != NEIGH_NONE)
		return t->list[LIST_FRESH].head;
	/* Nothing but entries that are being confirmed or are about to be. */
	return t->list[LIST_RETRY].head != NEIGH_NONE ? t->list[LIST_RETRY].head :
							t->list[LIST_NOW].head;
}

size_t
neigh_size(void)
{
	return sizeof(struct neigh_table);
}

struct neigh_table *
neigh_init(void *mem, uint64_t hash_seed)
{
	struct neigh_table *t = mem;

	memset(t, 0, sizeof(*t));
	t->key = (struct siphash_key){.k0 = hash_seed, .k1 = ~hash_seed};
	for (uint32_t i = 0; i < SLOTS; i++)
		t->slot[i] = NEIGH_NONE;
	for (uint32_t i = 0; i < LISTS; i++)
		t->list[i] = (struct list){NEIGH_NONE, NEIGH_NONE};
	for (uint16_t i = 0; i < NEIGH_MAX; i++)
		t->entry[i].chain = i + 1 < NEIGH_MAX ? (uint16_t)(i + 1) : NEIGH_NONE;
	return t;
}

struct neigh_entry *
neigh_at(struct neigh_table *t, uint16_t index)
{
	PTCP_ASSERT(index < NEIGH_MAX);
	return &t->entry[index];
}

/** The first look-up since the entry was confirmed. */
static PTCP_COLD void
first_use(struct neigh_table *t, uint16_t i)
{
	t->entry[i].used = true;
	if (t->in[i] == LIST_STALE)
		enter(t, i, NEIGH_REACHABLE, LIST_NOW, 0);
}

uint16_t
neigh_find(struct neigh_table *t, enum ip_family family, const struct ip_addr *ip, uint16_t hint)
{
	uint16_t i = hint < NEIGH_MAX ? hint : t->last;

	if (PTCP_UNLIKELY(!entry_is(&t->entry[i], family, ip))) {
		i = find(t, family, ip);
		if (i == NEIGH_NONE)
			return NEIGH_NONE;
		t->last = i;
	}
	if (PTCP_UNLIKELY(!t->entry[i].used))
		first_use(t, i);
	return i;
}

uint16_t
neigh_resolve(struct neigh_table *t, enum ip_family family, const struct ip_addr *ip,
		uint16_t laddr, time_us_t now, neigh_drop_t drop, void *arg)
{
	const uint32_t slot = slot_of(t, family, ip);
	uint16_t i = find(t, family, ip);
	struct neigh_entry *e;

	if (i != NEIGH_NONE)
		return i;
	if (t->free == NEIGH_NONE)
		entry_free(t, victim(t), drop, arg);
	i = t->free;
	e = &t->entry[i];
	t->free = e->chain;
	*e = (struct neigh_entry){
			.ip = *ip,
			.family = (uint8_t)family,
			.chain = t->slot[slot],
			.laddr = laddr,
	};
	t->slot[slot] = i;
	t->n_used++;
	enter(t, i, NEIGH_INCOMPLETE, LIST_NOW, now);
	return i;
}

int
neigh_hold(struct neigh_table *t, uint16_t index, void *packet)
{
	struct neigh_entry *e = neigh_at(t, index);

	if (e->state != NEIGH_INCOMPLETE || e->n_held == NEIGH_HOLD_MAX)
		return -ENOBUFS;
	e->held[e->n_held++] = packet;
	return 0;
}

uint16_t
neigh_confirm(struct neigh_table *t, enum ip_family family, const struct ip_addr *ip,
		const uint8_t mac[6], time_us_t now)
{
	static const uint8_t zero[6];
	const uint16_t i = find(t, family, ip);
	struct neigh_entry *e;

	if (i == NEIGH_NONE || (mac[0] & 1) != 0 || memcmp(mac, zero, 6) == 0)
		return NEIGH_NONE;
	e = &t->entry[i];
	memcpy(e->mac, mac, 6);
	e->probes = 0;
	e->used = false;
	enter(t, i, NEIGH_REACHABLE, LIST_FRESH, now + FRESH_US);
	return i;
}

void *
neigh_take(struct neigh_table *t, uint16_t index)
{
	struct neigh_entry *e = neigh_at(t, index);
	void *packet;

	if (e->n_held == 0 || (e->state != NEIGH_REACHABLE && e->state != NEIGH_PROBE))
		return NULL;
	packet = e->held[0];
	e->n_held--;
	memmove(&e->held[0], &e->held[1], e->n_held * sizeof(e->held[0]));
	return packet;
}

/** Send a request for entry @p i: the first makes a REACHABLE entry a PROBE. */
static void
request(struct neigh_table *t, uint16_t i, time_us_t now, neigh_ask_t ask, void *arg)
{
	struct neigh_entry *e = &t->entry[i];

	e->probes++;
	enter(t, i, e->state == NEIGH_INCOMPLETE ? NEIGH_INCOMPLETE : NEIGH_PROBE, LIST_RETRY,
			now + RETRY_US);
	ask(arg, e);
}

/** The head of @p id when it is due, else NEIGH_NONE. */
static uint16_t
due(const struct neigh_table *t, enum list_id id, time_us_t now)
{
	const uint16_t i = t->list[id].head;

	return i != NEIGH_NONE && t->entry[i].when <= now ? i : NEIGH_NONE;
}

void
neigh_poll(struct neigh_table *t, time_us_t now, neigh_ask_t ask, neigh_drop_t drop, void *arg)
{
	uint16_t i;

	/* A share for each list, so that a flood of new entries holds up none of the others. */
	for (int n = 0; n < NEIGH_POLL_MAX && (i = due(t, LIST_FAILED, now)) != NEIGH_NONE; n++)
		entry_free(t, i, drop, arg);
	for (int n = 0; n < NEIGH_POLL_MAX && (i = due(t, LIST_RETRY, now)) != NEIGH_NONE; n++) {
		if (t->entry[i].probes < NEIGH_PROBES_MAX) {
			request(t, i, now, ask, arg);
		} else {
			drop_held(&t->entry[i], drop, arg);
			enter(t, i, NEIGH_FAILED, LIST_FAILED, now + FAILED_US);
		}
	}
	for (int n = 0; n < NEIGH_POLL_MAX && (i = due(t, LIST_FRESH, now)) != NEIGH_NONE; n++) {
		if (t->entry[i].used)
			request(t, i, now, ask, arg);
		else
			enter(t, i, NEIGH_REACHABLE, LIST_STALE, UINT64_MAX);
	}
	for (int n = 0; n < NEIGH_POLL_MAX && (i = due(t, LIST_NOW, now)) != NEIGH_NONE; n++)
		request(t, i, now, ask, arg);
}

void
neigh_flush(struct neigh_table *t, neigh_drop_t drop, void *arg)
{
	for (uint16_t i = 0; i < NEIGH_MAX; i++)
		if (t->entry[i].state != NEIGH_FREE)
			entry_free(t, i, drop, arg);
}

uint16_t
neigh_count(const struct neigh_table *t)
{
	return t->n_used;
}

/** Whether an entry in @p state may be in the list @p id. */
static bool
state_fits(uint8_t state, uint32_t id)
{
	switch (id) {
	case LIST_NOW:
		return state == NEIGH_INCOMPLETE || state == NEIGH_REACHABLE;
	case LIST_RETRY:
		return state == NEIGH_INCOMPLETE || state == NEIGH_PROBE;
	case LIST_FRESH:
	case LIST_STALE:
		return state == NEIGH_REACHABLE;
	case LIST_FAILED:
		return state == NEIGH_FAILED;
	default:
		return state == NEIGH_INCOMPLETE || state == NEIGH_FAILED;
	}
}

/** One list: links, states, order of time; adds its length to @p n. */
static const char *
check_list(const struct neigh_table *t, uint32_t id, uint32_t *n)
{
	const struct link *links = id == LIST_OPEN ? t->open : t->timed;
	uint16_t prev = NEIGH_NONE;
	uint32_t len = 0;

	for (uint16_t i = t->list[id].head; i != NEIGH_NONE; prev = i, i = links[i].next) {
		if (i >= NEIGH_MAX || ++len > t->n_used || links[i].prev != prev)
			return "list is broken";
		if (!state_fits(t->entry[i].state, id) || (id != LIST_OPEN && t->in[i] != id))
			return "entry in a wrong list";
		if (id != LIST_OPEN && id != LIST_NOW && prev != NEIGH_NONE &&
				t->entry[i].when < t->entry[prev].when)
			return "list is not in the order of time";
	}
	if (t->list[id].tail != prev)
		return "list has a wrong tail";
	*n += len;
	return NULL;
}

static const char *
check_entry(const struct neigh_table *t, uint16_t i)
{
	const struct neigh_entry *e = &t->entry[i];

	if (find(t, (enum ip_family)e->family, &e->ip) != i)
		return "entry not found under its address";
	if (e->n_held > NEIGH_HOLD_MAX)
		return "too many packets held";
	if (e->state == NEIGH_FAILED && e->n_held != 0)
		return "failed entry holds packets";
	if (e->probes > NEIGH_PROBES_MAX)
		return "too many probes";
	return NULL;
}

const char *
neigh_check(const struct neigh_table *t)
{
	uint32_t n_timed = 0;
	uint32_t n_open = 0;
	uint32_t n_used = 0;
	uint32_t n_free = 0;
	const char *err = NULL;

	for (uint16_t i = 0; i < NEIGH_MAX && err == NULL; i++) {
		if (t->entry[i].state == NEIGH_FREE)
			continue;
		n_used++;
		n_open -= is_open(&t->entry[i]);
		err = check_entry(t, i);
	}
	for (uint32_t id = 0; id < LIST_OPEN && err == NULL; id++)
		err = check_list(t, id, &n_timed);
	if (err == NULL)
		err = check_list(t, LIST_OPEN, &n_open);
	if (err != NULL)
		return err;
	for (uint16_t i = t->free; i != NEIGH_NONE; i = t->entry[i].chain)
		if (t->entry[i].state != NEIGH_FREE || ++n_free > NEIGH_MAX)
			return "list of free entries leads astray";
	if (n_used != t->n_used || n_timed != n_used || n_used + n_free != NEIGH_MAX)
		return "an entry is lost";
	return n_open == 0 ? NULL : "open entries are not all in the list of open ones";
}
