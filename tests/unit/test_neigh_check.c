/* SPDX-License-Identifier: BSD-3-Clause */
/* neigh_check() must see each kind of damage. What a table is made of only its source knows, so that is taken in. */
#include "conn/neigh.c"

#include "damage.h"

#define T0 ((time_us_t)5 * TIME_US_PER_SEC)

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
static struct neigh_table *t;

static void
ask(void *arg, const struct neigh_entry *e)
{
	(void)arg;
	(void)e;
}

static void
drop(void *arg, void *packet)
{
	(void)arg;
	(void)packet;
}

static struct ip_addr
host(uint32_t n)
{
	return ip_addr_v4(__builtin_bswap32(0x0a000000 + n));
}

static uint16_t
resolve(uint32_t n, time_us_t now)
{
	const struct ip_addr a = host(n);

	return neigh_resolve(t, IP_V4, &a, 3, now, drop, NULL);
}

static void
confirm(uint32_t n, time_us_t now)
{
	const struct ip_addr a = host(n);

	CU_ASSERT_NOT_EQUAL_FATAL(neigh_confirm(t, IP_V4, &a, mac, now), NEIGH_NONE);
}

static void
use(uint32_t n)
{
	const struct ip_addr a = host(n);

	CU_ASSERT_NOT_EQUAL_FATAL(neigh_find(t, IP_V4, &a, NEIGH_NONE), NEIGH_NONE);
}

/** Two entries in each list: 0 and 1 failed, 2 and 3 stale, 4 and 5 fresh, 6 and 7 asked, 8 and 9 new. */
static void
begin(void)
{
	time_us_t now = T0;

	t = malloc(neigh_size());
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	memset(t, 0xa5, neigh_size());
	t = neigh_init(t, 0x123456789abcdefULL);
	for (uint32_t n = 2; n < 4; n++) {
		CU_ASSERT_EQUAL_FATAL(resolve(n, now), n - 2);
		confirm(n, now++);
	}
	now += FRESH_US;
	for (uint32_t n = 0; n < 2; n++)
		(void)resolve(n, now);
	for (uint32_t n = 0; n < NEIGH_PROBES_MAX; n++, now += RETRY_US)
		neigh_poll(t, now, ask, drop, NULL);
	t->entry[2].when = now - 1; /* not failed in the same poll */
	neigh_poll(t, now, ask, drop, NULL);
	for (uint32_t n = 4; n < 6; n++) {
		(void)resolve(n, now);
		confirm(n, now++);
	}
	for (uint32_t n = 6; n < 8; n++) {
		(void)resolve(n, now);
		neigh_poll(t, now++, ask, drop, NULL);
	}
	for (uint32_t n = 8; n < 10; n++)
		(void)resolve(n, now);
	for (uint32_t id = 0; id < LIST_OPEN; id++) {
		const struct list *l = &t->list[id];

		CU_ASSERT_FATAL(l->head != NEIGH_NONE && l->head != l->tail);
		CU_ASSERT_EQUAL_FATAL(t->timed[l->head].next, l->tail);
	}
	CU_ASSERT_PTR_NULL(neigh_check(t));
}

static void
damaged_entry(void)
{
	struct neigh_entry *failed, *fresh;

	begin();
	failed = &t->entry[t->list[LIST_FAILED].head];
	fresh = &t->entry[t->list[LIST_FRESH].head];
	DAMAGED(neigh_check(t), fresh->ip.b[3], 200, "entry not found under its address");
	DAMAGED(neigh_check(t), fresh->family, IP_V6, "entry not found under its address");
	DAMAGED(neigh_check(t), fresh->n_held, NEIGH_HOLD_MAX + 1, "too many packets held");
	DAMAGED(neigh_check(t), fresh->n_held, NEIGH_HOLD_MAX, NULL);
	DAMAGED(neigh_check(t), failed->n_held, 1, "failed entry holds packets");
	DAMAGED(neigh_check(t), fresh->probes, NEIGH_PROBES_MAX + 1, "too many probes");
	free(t);
}

/** Which states may be in which list. */
static void
damaged_states(void)
{
	static const struct {
		enum list_id id;
		enum neigh_state state;
	} wrong[] = {
			{LIST_NOW, NEIGH_PROBE},
			{LIST_NOW, NEIGH_FAILED},
			{LIST_RETRY, NEIGH_REACHABLE},
			{LIST_FRESH, NEIGH_PROBE},
			{LIST_STALE, NEIGH_INCOMPLETE},
			{LIST_FAILED, NEIGH_INCOMPLETE},
			/* It may be to be asked again, but then it is not in the list of open ones. */
			{LIST_NOW, NEIGH_REACHABLE},
	};

	begin();
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(wrong); i++) {
		struct neigh_entry *e = &t->entry[t->list[wrong[i].id].head];

		DAMAGED(neigh_check(t), e->state, wrong[i].state, "entry in a wrong list");
	}
	DAMAGED(neigh_check(t), t->in[t->list[LIST_FRESH].head], LIST_STALE,
			"entry in a wrong list");
	free(t);
}

static void
damaged_lists(void)
{
	for (uint32_t id = 0; id < LISTS; id++) {
		struct list *l;
		struct link *head;

		begin();
		l = &t->list[id];
		head = &links_of(t, (enum list_id)id)[l->head];
		DAMAGED(neigh_check(t), head->next, NEIGH_MAX, "list is broken");
		DAMAGED(neigh_check(t), head->next, l->head, "list is broken");
		DAMAGED(neigh_check(t), head->prev, l->tail, "list is broken");
		DAMAGED(neigh_check(t), l->tail, l->head, "list has a wrong tail");
		if (id == LIST_FRESH || id == LIST_RETRY || id == LIST_FAILED)
			DAMAGED(neigh_check(t), t->entry[l->head].when, t->entry[l->tail].when + 1,
					"list is not in the order of time");
		free(t);
	}
}

static void
damaged_counts(void)
{
	uint16_t i;

	begin();
	i = t->list[LIST_FAILED].head;
	DAMAGED(neigh_check(t), t->n_used, 1, "list is broken");
	DAMAGED(neigh_check(t), t->n_used, 11, "an entry is lost");
	DAMAGED(neigh_check(t), t->free, i, "list of free entries leads astray");
	DAMAGED(neigh_check(t), t->entry[t->free].chain, t->free,
			"list of free entries leads astray");
	DAMAGED(neigh_check(t), t->free, t->entry[t->free].chain, "an entry is lost");
	list_remove(t, LIST_OPEN, i);
	damage_told(neigh_check(t), "open entries are not all in the list of open ones",
			"not in LIST_OPEN", __LINE__);
	list_append(t, LIST_OPEN, i);
	damage_told(neigh_check(t), NULL, "in LIST_OPEN", __LINE__);
	list_remove(t, LIST_FAILED, i);
	damage_told(neigh_check(t), "an entry is lost", "in no list", __LINE__);
	free(t);
}

/** Stale entries that are all looked up at once wait for their poll: a newcomer displaces the one that was first. */
static void
eviction_when_all_are_to_be_asked(void)
{
	const struct ip_addr a[] = {host(0), host(1)};

	t = malloc(neigh_size());
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	t = neigh_init(t, 1);
	for (uint32_t n = 0; n < NEIGH_MAX; n++) {
		(void)resolve(n, T0);
		confirm(n, T0);
	}
	for (int k = 0; k < NEIGH_MAX / NEIGH_POLL_MAX; k++)
		neigh_poll(t, T0 + FRESH_US, ask, drop, NULL);
	/* Host 1 is looked up first. */
	use(1);
	use(0);
	for (uint32_t n = 2; n < NEIGH_MAX; n++)
		use(n);
	CU_ASSERT_EQUAL(t->entry[t->list[LIST_NOW].head].state, NEIGH_REACHABLE);
	CU_ASSERT_EQUAL(t->list[LIST_STALE].head, NEIGH_NONE);
	(void)resolve(NEIGH_MAX, T0 + FRESH_US);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &a[1], NEIGH_NONE), NEIGH_NONE);
	CU_ASSERT_NOT_EQUAL(neigh_find(t, IP_V4, &a[0], NEIGH_NONE), NEIGH_NONE);
	CU_ASSERT_EQUAL(neigh_count(t), NEIGH_MAX);
	CU_ASSERT_PTR_NULL(neigh_check(t));
	free(t);
}

static CU_TestInfo tests[] = {
		TEST(damaged_entry),
		TEST(damaged_states),
		TEST(damaged_lists),
		TEST(damaged_counts),
		TEST(eviction_when_all_are_to_be_asked),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("neigh_check", tests)
