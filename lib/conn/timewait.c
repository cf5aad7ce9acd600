/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All entries wait equally long, so lists of entries with one deadline are made in the order in
 * which they fall due: a ring of lists, each with its tick, the oldest first. A tick without
 * entries has no list.
 *
 * At the time `now`, every list that is not due lies in the duration + 1 ticks after it, so a ring
 * of duration + 2 lists is full only while the two oldest are overdue, because timewait_advance()
 * lags. They are then made one: nothing expires early, nothing is lost, and an insertion stays
 * O(1) after a stall of whatever length.
 *
 * Lists are circular through their heads. A link is an entry's index, or LIST_REF and a position
 * in the ring.
 */
#include <string.h>

#include "conn/timewait.h"

#define LIST_REF       0x80000000u
#define BUCKET_ENTRIES 8u /* of CONN_BUCKET_SLOTS */
#define SKIP_MIN       64 /* lists found empty that a call may skip without budget */

PTCP_STATIC_ASSERT(sizeof(struct conn_bucket) == BUCKET_ENTRIES * TIMEWAIT_SLOT_BYTES,
		"a bucket costs what its entries may");
PTCP_STATIC_ASSERT(BUCKET_ENTRIES < CONN_BUCKET_SLOTS, "the table never fills up");

struct tick_list {
	uint32_t next; /* first entry */
	uint32_t prev; /* last entry */
	uint64_t tick; /* ms: when its entries are due */
};

struct timewait_table {
	struct conn_table conns;
	struct timewait_entry *entry;
	struct ip_addr *raddr6; /* by entry; NULL without IPv6 */
	struct tick_list *list; /* the ring */
	uint32_t n_lists;
	uint32_t n_open; /* lists in use, consecutive from `oldest` */
	uint32_t oldest;
	uint32_t duration_ms;
	uint32_t max;
	uint32_t n_used;
	uint32_t n_fresh; /* entries from here on have never been used */
	uint32_t free;    /* head of the list of entries that are free again */
	struct siphash_key key;
};

struct layout {
	size_t buckets;
	size_t entries;
	size_t raddr6;
	size_t lists;
	size_t end;
};

static size_t
line_align(size_t n)
{
	return (n + PTCP_CACHE_LINE - 1) & ~(size_t)(PTCP_CACHE_LINE - 1);
}

static uint32_t
bucket_count(const struct timewait_conf *conf)
{
	return (conf->max + BUCKET_ENTRIES - 1) / BUCKET_ENTRIES;
}

static uint32_t
list_count(const struct timewait_conf *conf)
{
	return conf->duration_ms + 2;
}

static struct layout
layout_of(const struct timewait_conf *conf)
{
	struct layout l;

	l.buckets = line_align(sizeof(struct timewait_table));
	l.entries = l.buckets + bucket_count(conf) * sizeof(struct conn_bucket);
	l.raddr6 = line_align(l.entries + conf->max * sizeof(struct timewait_entry));
	l.lists = l.raddr6 + (conf->ipv6 ? line_align(conf->max * sizeof(struct ip_addr)) : 0);
	l.end = line_align(l.lists + list_count(conf) * sizeof(struct tick_list));
	return l;
}

static inline uint32_t *
next_of(struct timewait_table *t, uint32_t ref)
{
	return ref & LIST_REF ? &t->list[ref & ~LIST_REF].next : &t->entry[ref].next;
}

static inline uint32_t *
prev_of(struct timewait_table *t, uint32_t ref)
{
	return ref & LIST_REF ? &t->list[ref & ~LIST_REF].prev : &t->entry[ref].prev;
}

static inline bool
list_empty(const struct timewait_table *t, uint32_t pos)
{
	return t->list[pos].next == (LIST_REF | pos);
}

static void
list_append(struct timewait_table *t, uint32_t pos, uint32_t index)
{
	const uint32_t tail = t->list[pos].prev;

	t->entry[index].next = LIST_REF | pos;
	t->entry[index].prev = tail;
	*next_of(t, tail) = index;
	t->list[pos].prev = index;
}

static void
list_unlink(struct timewait_table *t, const struct timewait_entry *e)
{
	*next_of(t, e->prev) = e->next;
	*prev_of(t, e->next) = e->prev;
}

/* The position @p n lists after the oldest one. */
static inline uint32_t
ring_at(const struct timewait_table *t, uint32_t n)
{
	const uint32_t pos = t->oldest + n;

	return pos < t->n_lists ? pos : pos - t->n_lists;
}

static inline void
ring_pop(struct timewait_table *t)
{
	t->oldest = ring_at(t, 1);
	t->n_open--;
}

/* The ring is full: put the entries of the oldest list in front of the next one's. See the top. */
static PTCP_COLD void
ring_merge(struct timewait_table *t)
{
	const uint32_t to = ring_at(t, 1);
	const struct tick_list from = t->list[t->oldest];
	const uint32_t head = t->list[to].next;

	PTCP_ASSERT(!list_empty(t, t->oldest)); /* ring_open() has popped such */
	*prev_of(t, from.next) = LIST_REF | to;
	*next_of(t, from.prev) = head;
	*prev_of(t, head) = from.prev;
	t->list[to].next = from.next;
	ring_pop(t);
}

/* The list for @p tick, which is the newest. */
static uint32_t
ring_open(struct timewait_table *t, uint64_t tick)
{
	uint32_t pos;

	if (t->n_open > 0) {
		pos = ring_at(t, t->n_open - 1);
		if (tick <= t->list[pos].tick)
			return pos;
		/* Two go for one that comes, so lists emptied by removal do not pile up. */
		for (int i = 0; i < 2 && t->n_open > 0 && list_empty(t, t->oldest); i++)
			ring_pop(t);
		if (t->n_open == t->n_lists)
			ring_merge(t);
	}
	pos = ring_at(t, t->n_open++);
	t->list[pos] = (struct tick_list){LIST_REF | pos, LIST_REF | pos, tick};
	return pos;
}

/* The first tick that lies at least the duration after @p now. */
static inline uint64_t
deadline(const struct timewait_table *t, time_us_t now)
{
	return (now + TIME_US_PER_MS - 1) / TIME_US_PER_MS + t->duration_ms;
}

/* For assertions. */
static inline __attribute__((unused)) bool
entry_used(const struct timewait_table *t, uint32_t index)
{
	return index < t->n_fresh && t->entry[index].prev != PTCP_NIL;
}

static inline const struct ip_addr *
entry_raddr6(const struct timewait_table *t, uint32_t index)
{
	return t->entry[index].id.aux & TIMEWAIT_IPV6 ? &t->raddr6[index] : NULL;
}

size_t
timewait_size(const struct timewait_conf *conf)
{
	return layout_of(conf).end;
}

struct timewait_table *
timewait_init(void *mem, const struct timewait_conf *conf)
{
	const struct layout l = layout_of(conf);
	struct timewait_table *t = mem;
	uint8_t *base = mem;

	PTCP_ASSERT((uintptr_t)mem % PTCP_CACHE_LINE == 0);
	PTCP_ASSERT(conf->max >= 1 && conf->max <= 1u << 28);
	PTCP_ASSERT(conf->duration_ms >= 20 && conf->duration_ms <= 1200000);
	*t = (struct timewait_table){
			.entry = (void *)(base + l.entries),
			.raddr6 = conf->ipv6 ? (void *)(base + l.raddr6) : NULL,
			.list = (void *)(base + l.lists),
			.n_lists = list_count(conf),
			.duration_ms = conf->duration_ms,
			.max = conf->max,
			.free = PTCP_NIL,
			.key = conf->key,
	};
	/* Not conn_table_init(): that one spends more memory, to serve a hotter path. */
	t->conns = (struct conn_table){
			.bucket = (void *)(base + l.buckets),
			.n_buckets = bucket_count(conf),
			.max = conf->max,
			.objs = base + l.entries,
			.stride = sizeof(struct timewait_entry),
			.raddr6 = t->raddr6,
	};
	memset(t->conns.bucket, 0, bucket_count(conf) * sizeof(struct conn_bucket));
	return t;
}

uint32_t
timewait_count(const struct timewait_table *t)
{
	return t->n_used;
}

uint32_t
timewait_max(const struct timewait_table *t)
{
	return t->max;
}

void
timewait_prefetch(const struct timewait_table *t, uint32_t hash)
{
	conn_table_prefetch(&t->conns, hash);
}

uint32_t
timewait_find(const struct timewait_table *t, uint32_t hash, const struct conn_key *k)
{
	if (k->raddr6 != NULL && t->raddr6 == NULL)
		return PTCP_NIL;
	return conn_table_find(&t->conns, hash, k);
}

struct timewait_entry *
timewait_at(struct timewait_table *t, uint32_t index)
{
	PTCP_ASSERT(entry_used(t, index));
	return &t->entry[index];
}

const struct ip_addr *
timewait_raddr6(const struct timewait_table *t, uint32_t index)
{
	PTCP_ASSERT(t->raddr6 != NULL && index < t->n_fresh);
	return &t->raddr6[index];
}

static uint32_t
entry_alloc(struct timewait_table *t)
{
	uint32_t index;

	if (t->free == PTCP_NIL)
		return t->n_fresh < t->max ? t->n_fresh++ : PTCP_NIL;
	index = t->free;
	t->free = t->entry[index].next;
	return index;
}

static void
entry_free(struct timewait_table *t, uint32_t index)
{
	t->entry[index].next = t->free;
	t->entry[index].prev = PTCP_NIL;
	t->free = index;
}

uint32_t
timewait_insert(struct timewait_table *t, uint32_t hash, const struct conn_key *k,
		const struct timewait_entry *e, time_us_t now)
{
	const uint32_t index = entry_alloc(t);

	PTCP_ASSERT(hash == conn_hash(&t->key, k));
	PTCP_ASSERT(timewait_find(t, hash, k) == PTCP_NIL);
	PTCP_ASSERT(k->raddr6 == NULL || t->raddr6 != NULL);
	if (index == PTCP_NIL)
		return PTCP_NIL;
	t->entry[index] = *e;
	t->entry[index].id.aux &= TIMEWAIT_TS | TIMEWAIT_ACTIVE;
	if (k->raddr6 != NULL) {
		t->entry[index].id.aux |= TIMEWAIT_IPV6;
		t->raddr6[index] = *k->raddr6;
	}
	list_append(t, ring_open(t, deadline(t, now)), index);
	(void)conn_table_insert(&t->conns, hash, index); /* has a place for each entry */
	t->n_used++;
	return index;
}

void
timewait_restart(struct timewait_table *t, uint32_t index, time_us_t now)
{
	PTCP_ASSERT(entry_used(t, index));
	list_unlink(t, &t->entry[index]);
	list_append(t, ring_open(t, deadline(t, now)), index);
}

/* Nobody can find entry @p index any more; it is not free yet. */
static void
entry_detach(struct timewait_table *t, uint32_t index)
{
	const struct conn_key k = {t->entry[index].id, entry_raddr6(t, index)};
	int ret;

	list_unlink(t, &t->entry[index]);
	ret = conn_table_remove(&t->conns, conn_hash(&t->key, &k), index);
	PTCP_ASSERT(ret == 0);
	(void)ret;
	t->n_used--;
}

void
timewait_remove(struct timewait_table *t, uint32_t index)
{
	PTCP_ASSERT(entry_used(t, index));
	entry_detach(t, index);
	entry_free(t, index);
}

uint32_t
timewait_advance(struct timewait_table *t, time_us_t now, uint32_t budget, timewait_expire_t expire,
		void *arg)
{
	const uint64_t tick = now / TIME_US_PER_MS;
	uint64_t skips = (uint64_t)budget + SKIP_MIN;
	uint32_t n = 0;

	while (t->n_open > 0) {
		const uint32_t index = t->list[t->oldest].next;

		if (list_empty(t, t->oldest)) {
			if (skips-- == 0)
				break;
			ring_pop(t);
			continue;
		}
		if (n == budget || t->list[t->oldest].tick > tick)
			break;
		ptcp_prefetch(next_of(t, t->entry[index].next));
		entry_detach(t, index);
		if (list_empty(t, t->oldest))
			ring_pop(t);
		n++;
		expire(arg, &t->entry[index], entry_raddr6(t, index));
		entry_free(t, index);
	}
	return n;
}

time_us_t
timewait_next(const struct timewait_table *t)
{
	uint32_t n = 0;

	if (t->n_used == 0)
		return UINT64_MAX;
	while (n < SKIP_MIN && list_empty(t, ring_at(t, n)))
		n++;
	return t->list[ring_at(t, n)].tick * TIME_US_PER_MS;
}

static const char *
check_entry(const struct timewait_table *t, uint32_t index)
{
	struct conn_key k = {t->entry[index].id, NULL};

	if ((k.id.aux & TIMEWAIT_IPV6) != 0 && t->raddr6 == NULL)
		return "timewait: IPv6 entry in a table without";
	k.raddr6 = entry_raddr6(t, index);
	if (conn_table_find(&t->conns, conn_hash(&t->key, &k), &k) != index)
		return "timewait: entry cannot be found";
	return NULL;
}

static const char *
check_list(const struct timewait_table *t, uint32_t pos, uint32_t *n)
{
	const uint32_t self = LIST_REF | pos;
	const char *bad = NULL;
	uint32_t prev = self;

	for (uint32_t ref = t->list[pos].next; ref != self && bad == NULL;) {
		if (ref >= t->n_fresh)
			return "timewait: link to no entry";
		if (++*n > t->n_used)
			return "timewait: more entries in lists than in use";
		if (t->entry[ref].prev != prev)
			return "timewait: next and prev differ";
		bad = check_entry(t, ref);
		prev = ref;
		ref = t->entry[ref].next;
	}
	if (bad == NULL && t->list[pos].prev != prev)
		bad = "timewait: tail is not the last entry";
	return bad;
}

static const char *
check_free(const struct timewait_table *t)
{
	uint32_t n = 0;

	for (uint32_t i = t->free; i != PTCP_NIL; i = t->entry[i].next) {
		if (i >= t->n_fresh || t->entry[i].prev != PTCP_NIL)
			return "timewait: entry in use is in the free list";
		if (++n > t->n_fresh - t->n_used)
			return "timewait: more free entries than there are";
	}
	return n == t->n_fresh - t->n_used ? NULL : "timewait: entry lost";
}

const char *
timewait_check(const struct timewait_table *t)
{
	const char *bad = NULL;
	uint32_t n = 0;

	if (t->n_used > t->n_fresh || t->n_fresh > t->max || t->conns.n_used != t->n_used)
		return "timewait: counts differ";
	if (t->n_open > t->n_lists || t->oldest >= t->n_lists)
		return "timewait: ring out of bounds";
	for (uint32_t i = 0; i < t->n_open && bad == NULL; i++) {
		const uint32_t pos = ring_at(t, i);

		if (i > 0 && t->list[ring_at(t, i - 1)].tick >= t->list[pos].tick)
			bad = "timewait: ticks out of order";
		else
			bad = check_list(t, pos, &n);
	}
	if (bad == NULL && n != t->n_used)
		bad = "timewait: fewer entries in lists than in use";
	if (bad == NULL)
		bad = check_free(t);
	return bad != NULL ? bad : conn_table_check(&t->conns, &t->key);
}
