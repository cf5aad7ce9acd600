/* SPDX-License-Identifier: BSD-3-Clause */
/* timewait_check() must see damage in what only its source knows, so that is taken in; for entries: test_timewait.c. */
#include "conn/timewait.c"

#include "damage.h"

#define MS ((time_us_t)TIME_US_PER_MS)

static const struct siphash_key key = {1, 2};
static struct timewait_table *t;
static uint32_t index_of[6];

static struct conn_key
tuple(uint32_t n)
{
	return (struct conn_key){.id = {.raddr = n, .rport = 40000, .lport = 80}};
}

static uint32_t
insert(uint32_t n, time_us_t now)
{
	const struct conn_key k = tuple(n);
	const struct timewait_entry e = {.id = k.id};

	return timewait_insert(t, conn_hash(&key, &k), &k, &e, now);
}

/** Two ticks of two entries each, and two entries that are free again. */
static void
begin(bool ipv6)
{
	const struct timewait_conf conf = {.max = 20, .duration_ms = 50, .ipv6 = ipv6, .key = key};

	t = aligned_alloc(PTCP_CACHE_LINE, timewait_size(&conf));
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	memset(t, 0, timewait_size(&conf));
	t = timewait_init(t, &conf);
	for (uint32_t n = 0; n < 6; n++)
		index_of[n] = insert(n, n / 2 * MS);
	timewait_remove(t, index_of[5]);
	timewait_remove(t, index_of[4]);
	CU_ASSERT_EQUAL_FATAL(t->n_open, 3);
	CU_ASSERT_PTR_NULL(timewait_check(t));
}

static void
damaged_table(void)
{
	begin(false);
	DAMAGED(timewait_check(t), t->n_used, 7, "timewait: counts differ");
	DAMAGED(timewait_check(t), t->n_fresh, 21, "timewait: counts differ");
	DAMAGED(timewait_check(t), t->n_used, 3, "timewait: counts differ");
	DAMAGED(timewait_check(t), t->n_open, t->n_lists + 1, "timewait: ring out of bounds");
	DAMAGED(timewait_check(t), t->oldest, t->n_lists, "timewait: ring out of bounds");
	DAMAGED(timewait_check(t), t->list[1].tick, t->list[0].tick,
			"timewait: ticks out of order");
	DAMAGED(timewait_check(t), t->list[0].prev, index_of[0],
			"timewait: tail is not the last entry");
	DAMAGED(timewait_check(t), t->list[0].next, 20, "timewait: link to no entry");
	DAMAGED(timewait_check(t), t->n_open, 1, "timewait: fewer entries in lists than in use");
	DAMAGED(timewait_check(t), t->free, 20, "timewait: entry in use is in the free list");
	DAMAGED(timewait_check(t), t->free, index_of[0],
			"timewait: entry in use is in the free list");
	DAMAGED(timewait_check(t), t->free, PTCP_NIL, "timewait: entry lost");
	DAMAGED(timewait_check(t), t->entry[t->free].next, t->free,
			"timewait: more free entries than there are");
	t->n_used = t->conns.n_used = 3;
	damage_told(timewait_check(t), "timewait: more entries in lists than in use",
			"three of four", __LINE__);
	free(t);
}

/** An entry that says of itself that it is IPv6's, where there is no IPv6. */
static void
damaged_family(void)
{
	begin(false);
	DAMAGED(timewait_check(t), t->entry[index_of[1]].id.aux, TIMEWAIT_IPV6,
			"timewait: IPv6 entry in a table without");
	free(t);
	begin(true);
	DAMAGED(timewait_check(t), t->entry[index_of[1]].id.aux, TIMEWAIT_IPV6,
			"timewait: entry cannot be found");
	free(t);
}

/** What the assertions take for an entry in use. */
static void
entry_in_use(void)
{
	begin(false);
	CU_ASSERT_TRUE(entry_used(t, index_of[0]));
	CU_ASSERT_FALSE(entry_used(t, index_of[5]));
	CU_ASSERT_FALSE(entry_used(t, 6));
	CU_ASSERT_FALSE(entry_used(t, PTCP_NIL));
	free(t);
}

static CU_TestInfo tests[] = {
		TEST(damaged_table),
		TEST(damaged_family),
		TEST(entry_in_use),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("timewait_check", tests)
