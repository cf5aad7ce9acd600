/* SPDX-License-Identifier: BSD-3-Clause */
/* port_check() must see each kind of damage. What a table is made of only its source knows, so that is taken in. */
#include "conn/ports.c"

#include "damage.h"

#define FIRST 1000
#define LAST  1150

static struct port_table *t;

static struct conn_ident
triple(uint32_t raddr)
{
	return (struct conn_ident){.raddr = raddr, .rport = 443, .laddr = 1};
}

/** Three sets of one port each, of which the third was freed. */
static void
begin(void)
{
	const struct port_conf conf = {8, FIRST, LAST, {1, 2}};

	t = malloc(port_size(&conf));
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	memset(t, 0xa5, port_size(&conf));
	t = port_init(t, &conf);
	for (uint32_t k = 0; k < 3; k++) {
		struct conn_ident id = triple(k);
		const int port = port_get(t, &id, NULL);

		CU_ASSERT_FATAL(port >= FIRST && port <= LAST);
		id.lport = (uint16_t)port;
		if (k == 2)
			CU_ASSERT_EQUAL_FATAL(port_put(t, &id, NULL), 0);
	}
	CU_ASSERT_EQUAL_FATAL(t->n_sets, 2);
	CU_ASSERT_EQUAL_FATAL(t->n_touched, 3);
	CU_ASSERT_PTR_NULL(port_check(t));
}

static void
damaged_set(void)
{
	struct port_set *s;

	begin();
	s = &t->set[0];
	DAMAGED(port_check(t), s->open[0], 0, "summary bit is not that of its word");
	DAMAGED(port_check(t), s->open[OPEN - 1], 1, "summary bit is not that of its word");
	DAMAGED(port_check(t), s->n_used, 2, "set: n_used is not the number of bits");
	DAMAGED(port_check(t), s->used[0], 1, "set: n_used is not the number of bits");
	DAMAGED(port_check(t), s->n_free, LAST - FIRST + 1,
			"set: n_free is not the number of free ports of the range");
	DAMAGED(port_check(t), s->rotor, FIRST - 1, "rotor outside the range");
	DAMAGED(port_check(t), s->rotor, LAST + 1, "rotor outside the range");
	/* A freed set must look like a new one. */
	s = &t->set[2];
	CU_ASSERT_EQUAL(t->free, 2);
	s->used[0] = 1;
	damage_told(port_check(t), "set: n_used is not the number of bits", "used", __LINE__);
	s->n_used = 1;
	damage_told(port_check(t), "freed set with ports", "used", __LINE__);
	free(t);
}

static void
damaged_chains(void)
{
	struct conn_ident a = triple(0), b = triple(1);
	uint32_t slot_a, slot_b;

	begin();
	slot_a = slot_of(t, &a, NULL);
	slot_b = slot_of(t, &b, NULL);
	CU_ASSERT_NOT_EQUAL_FATAL(slot_a, slot_b);
	DAMAGED(port_check(t), t->slot[slot_a].gone, LAST - FIRST + 1,
			"slot has gone further than the range");
	DAMAGED(port_check(t), t->slot[slot_a].head, 3, "chain leads astray");
	DAMAGED(port_check(t), t->n_sets, 1, "chain leads astray");
	DAMAGED(port_check(t), t->set[0].rport, 444, "set in a wrong slot");
	DAMAGED(port_check(t), t->slot[slot_a].head, PTCP_NIL,
			"counts of sets and ports are not what the slots hold");
	DAMAGED(port_check(t), t->n_used, 3,
			"counts of sets and ports are not what the slots hold");
	DAMAGED(port_check(t), t->free, 3, "list of free sets leads astray");
	DAMAGED(port_check(t), t->set[2].next, 2, "list of free sets leads astray");
	DAMAGED(port_check(t), t->free, PTCP_NIL, "a set is lost");
	free(t);
}

/** One that holds ports for nobody, and two for one triple. */
static void
damaged_sets_in_use(void)
{
	const struct conn_ident a = triple(0), c = triple(2);
	struct port_set *s;
	uint32_t slot;

	begin();
	/* The freed set goes back into a chain, without a port. */
	slot = slot_of(t, &c, NULL);
	s = set_get(t, slot, &c, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	damage_told(port_check(t), "set in use without ports", "empty set", __LINE__);
	mark(t, s, FIRST, true);
	damage_told(port_check(t), NULL, "a port in it", __LINE__);
	/* Under another's triple, in that one's chain. */
	t->slot[slot].head = s->next;
	s->raddr = a.raddr;
	slot = slot_of(t, &a, NULL);
	s->next = t->slot[slot].head;
	t->slot[slot].head = (uint32_t)(s - t->set);
	damage_told(port_check(t), "two sets of one triple", "triple", __LINE__);
	free(t);
}

/** Triples are spread over all slots: a table with a slot for all would be a list. */
static void
triples_are_spread_over_the_slots(void)
{
	const struct port_conf conf = {2000, FIRST, LAST, {1, 2}};
	uint32_t longest = 0, in_use = 0;

	t = malloc(port_size(&conf));
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	t = port_init(t, &conf);
	for (uint32_t k = 0; k < 2000; k++) {
		const struct conn_ident id = triple(k);

		CU_ASSERT_FATAL(port_get(t, &id, NULL) > 0);
	}
	for (uint32_t slot = 0; slot <= t->slot_mask; slot++) {
		uint32_t len = 0;

		for (uint32_t i = t->slot[slot].head; i != PTCP_NIL; i = t->set[i].next)
			len++;
		in_use += len > 0;
		longest = len > longest ? len : longest;
	}
	/* 2,000 in 2,048 slots: 1,278 slots are used and the longest chain has 6 or 7, on the average. */
	CU_ASSERT_EQUAL(t->slot_mask, 2047);
	CU_ASSERT(in_use > 1200 && in_use < 1350);
	CU_ASSERT(longest <= 12);
	free(t);
}

static CU_TestInfo tests[] = {
		TEST(damaged_set),
		TEST(damaged_chains),
		TEST(damaged_sets_in_use),
		TEST(triples_are_spread_over_the_slots),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("ports_check", tests)
