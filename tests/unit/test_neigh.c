/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "conn/neigh.h"
#include "test.h"

#define SEC   ((time_us_t)TIME_US_PER_SEC)
#define T0    (5 * SEC)
#define FRESH ((time_us_t)NEIGH_FRESH_MS * TIME_US_PER_MS)

static struct neigh_table *t;
/** What the callbacks saw since the last seen_none(). */
static uint32_t n_asked, n_dropped;
static struct ip_addr last_asked;
static void *dropped[NEIGH_MAX * NEIGH_HOLD_MAX];
static uint8_t packet[NEIGH_MAX * NEIGH_HOLD_MAX]; /* only their addresses count */
static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};

static void
ask(void *arg, const struct neigh_entry *e)
{
	CU_ASSERT_PTR_EQUAL(arg, &t);
	CU_ASSERT(e->state == NEIGH_INCOMPLETE || e->state == NEIGH_PROBE);
	last_asked = e->ip;
	n_asked++;
}

static void
drop(void *arg, void *p)
{
	CU_ASSERT_PTR_EQUAL(arg, &t);
	CU_ASSERT_FATAL(n_dropped < PTCP_ARRAY_SIZE(dropped));
	dropped[n_dropped++] = p;
}

static void
begin(void)
{
	free(t);
	t = malloc(neigh_size());
	memset(t, 0xa5, neigh_size());
	t = neigh_init(t, 0x123456789abcdefULL);
	n_asked = n_dropped = 0;
}

static struct ip_addr
v4(uint32_t host)
{
	return ip_addr_v4(__builtin_bswap32(0x0a000000 + host));
}

static struct ip_addr
v6(uint32_t host)
{
	struct ip_addr a = {.b = {0x20, 1, 0xd, 0xb8}};

	memcpy(a.b + 12, &host, 4);
	return a;
}

static uint16_t
resolve(uint32_t host, time_us_t now)
{
	const struct ip_addr a = v4(host);

	return neigh_resolve(t, IP_V4, &a, 3, now, drop, &t);
}

static uint16_t
confirm(uint32_t host, const uint8_t *mac, time_us_t now)
{
	const struct ip_addr a = v4(host);

	return neigh_confirm(t, IP_V4, &a, mac, now);
}

static uint16_t
find(uint32_t host)
{
	const struct ip_addr a = v4(host);

	return neigh_find(t, IP_V4, &a, NEIGH_NONE);
}

/** Poll; the number of requests and of drops that this one made must be as said. */
static void
poll_sees(time_us_t now, uint32_t asked, uint32_t drops)
{
	n_asked = n_dropped = 0;
	neigh_poll(t, now, ask, drop, &t);
	CU_ASSERT_EQUAL(n_asked, asked);
	CU_ASSERT_EQUAL(n_dropped, drops);
	CU_ASSERT_PTR_NULL(neigh_check(t));
}

static void
resolve_ask_answer(void)
{
	const struct ip_addr a = v4(1);
	struct neigh_entry *e;
	uint16_t i;

	begin();
	CU_ASSERT_EQUAL(find(1), NEIGH_NONE);
	i = resolve(1, T0);
	CU_ASSERT_EQUAL(neigh_count(t), 1);
	CU_ASSERT_EQUAL(find(1), i);
	e = neigh_at(t, i);
	CU_ASSERT_EQUAL(e->state, NEIGH_INCOMPLETE);
	CU_ASSERT_EQUAL(e->laddr, 3);
	CU_ASSERT_EQUAL(resolve(1, T0), i);
	CU_ASSERT_EQUAL(neigh_count(t), 1);
	for (int k = 0; k < 3; k++)
		CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[k]), 0);
	CU_ASSERT_PTR_NULL(neigh_take(t, i)); /* not resolved yet */
	poll_sees(T0, 1, 0);
	CU_ASSERT(ip_addr_equal(&last_asked, &a));
	poll_sees(T0, 0, 0);
	CU_ASSERT_EQUAL(confirm(2, mac1, T0 + 1), NEIGH_NONE);
	CU_ASSERT_EQUAL(confirm(1, mac1, T0 + 1), i);
	CU_ASSERT_EQUAL(e->state, NEIGH_REACHABLE);
	CU_ASSERT_EQUAL(memcmp(e->mac, mac1, 6), 0);
	CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[9]), -ENOBUFS);
	for (int k = 0; k < 3; k++)
		CU_ASSERT_PTR_EQUAL(neigh_take(t, i), &packet[k]);
	CU_ASSERT_PTR_NULL(neigh_take(t, i));
	poll_sees(T0 + 10 * SEC, 0, 0);
	/* It moved to another card. */
	CU_ASSERT_EQUAL(confirm(1, mac2, T0 + 11 * SEC), i);
	CU_ASSERT_EQUAL(memcmp(e->mac, mac2, 6), 0);
}

static void
retries_at_exact_times_then_failed_then_forgotten(void)
{
	const time_us_t retry = (time_us_t)NEIGH_RETRY_MS * TIME_US_PER_MS;
	const time_us_t failed = (time_us_t)NEIGH_FAILED_MS * TIME_US_PER_MS;
	uint16_t i;

	begin();
	i = resolve(1, T0);
	CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[0]), 0);
	CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[1]), 0);
	poll_sees(T0, 1, 0);
	for (uint64_t n = 1; n < NEIGH_PROBES_MAX; n++) {
		poll_sees(T0 + n * retry - 1, 0, 0);
		poll_sees(T0 + n * retry, 1, 0);
	}
	poll_sees(T0 + NEIGH_PROBES_MAX * retry - 1, 0, 0);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_INCOMPLETE);
	poll_sees(T0 + NEIGH_PROBES_MAX * retry, 0, 2);
	CU_ASSERT_PTR_EQUAL(dropped[0], &packet[0]);
	CU_ASSERT_PTR_EQUAL(dropped[1], &packet[1]);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_FAILED);
	CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[2]), -ENOBUFS);
	CU_ASSERT_EQUAL(find(1), i);
	CU_ASSERT_EQUAL(resolve(1, T0 + 4 * SEC), i); /* no new attempt while it is remembered */
	poll_sees(T0 + NEIGH_PROBES_MAX * retry + failed - 1, 0, 0);
	CU_ASSERT_EQUAL(find(1), i);
	poll_sees(T0 + NEIGH_PROBES_MAX * retry + failed, 0, 0);
	CU_ASSERT_EQUAL(find(1), NEIGH_NONE);
	CU_ASSERT_EQUAL(neigh_count(t), 0);
}

static void
late_answer_revives_a_failed_entry(void)
{
	uint16_t i;

	begin();
	i = resolve(1, T0);
	for (uint64_t n = 0; n < 4; n++)
		neigh_poll(t, T0 + n * SEC, ask, drop, &t);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_FAILED);
	CU_ASSERT_EQUAL(confirm(1, mac1, T0 + 4 * SEC), i);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_REACHABLE);
	poll_sees(T0 + 20 * SEC, 0, 0);
	CU_ASSERT_EQUAL(find(1), i);
}

/** A poll that comes late asks once, not once for each second gone by. */
static void
late_poll_asks_once(void)
{
	begin();
	resolve(1, T0);
	poll_sees(T0 + 100 * SEC, 1, 0);
	poll_sees(T0 + 200 * SEC, 1, 0);
	poll_sees(T0 + 201 * SEC - 1, 0, 0);
	poll_sees(T0 + 201 * SEC, 1, 0);
	poll_sees(T0 + 300 * SEC, 0, 0); /* FAILED */
	CU_ASSERT_EQUAL(neigh_count(t), 1);
}

static void
used_entry_is_asked_again(void)
{
	struct neigh_entry *e;
	uint16_t i;

	begin();
	i = resolve(1, T0);
	e = neigh_at(t, i);
	confirm(1, mac1, T0);
	CU_ASSERT_FALSE(e->used);
	CU_ASSERT_EQUAL(find(1), i);
	CU_ASSERT_TRUE(e->used);
	poll_sees(T0 + FRESH - 1, 0, 0);
	poll_sees(T0 + FRESH, 1, 0);
	CU_ASSERT_EQUAL(e->state, NEIGH_PROBE);
	CU_ASSERT_EQUAL(find(1), i); /* usable */
	CU_ASSERT_EQUAL(memcmp(e->mac, mac1, 6), 0);
	/* The answer makes it fresh for as long again. */
	CU_ASSERT_EQUAL(confirm(1, mac1, T0 + FRESH + 10), i);
	CU_ASSERT_EQUAL(e->state, NEIGH_REACHABLE);
	CU_ASSERT_FALSE(e->used);
	find(1);
	poll_sees(T0 + 2 * FRESH + 9, 0, 0);
	/* No answer this time: 3 probes, a second apart, then it fails. */
	poll_sees(T0 + 2 * FRESH + 10, 1, 0);
	poll_sees(T0 + 2 * FRESH + SEC + 9, 0, 0);
	poll_sees(T0 + 2 * FRESH + SEC + 10, 1, 0);
	poll_sees(T0 + 2 * FRESH + 2 * SEC + 10, 1, 0);
	poll_sees(T0 + 2 * FRESH + 3 * SEC + 9, 0, 0);
	CU_ASSERT_EQUAL(e->state, NEIGH_PROBE);
	poll_sees(T0 + 2 * FRESH + 3 * SEC + 10, 0, 0);
	CU_ASSERT_EQUAL(e->state, NEIGH_FAILED);
	poll_sees(T0 + 2 * FRESH + 6 * SEC + 10, 0, 0);
	CU_ASSERT_EQUAL(neigh_count(t), 0);
}

static void
unused_entry_is_left_alone_until_looked_up(void)
{
	const struct ip_addr a = v4(1);
	uint16_t i;

	begin();
	i = resolve(1, T0);
	confirm(1, mac1, T0);
	poll_sees(T0 + FRESH, 0, 0);
	poll_sees(T0 + 100 * FRESH, 0, 0);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_REACHABLE);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &a, i), i);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_REACHABLE);
	CU_ASSERT_PTR_NULL(neigh_check(t));
	poll_sees(T0 + 100 * FRESH + 1, 1, 0);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_PROBE);
	poll_sees(T0 + 100 * FRESH + SEC, 0, 0);
	poll_sees(T0 + 100 * FRESH + SEC + 1, 1, 0);
	/* An answer between the look-up and the poll makes the question needless. */
	confirm(1, mac1, T0 + 101 * FRESH);
	poll_sees(T0 + 102 * FRESH, 0, 0);
	find(1);
	confirm(1, mac1, T0 + 103 * FRESH);
	poll_sees(T0 + 103 * FRESH, 0, 0);
}

static void
hold_is_bounded(void)
{
	uint16_t i;

	CU_ASSERT_EQUAL(NEIGH_HOLD_MAX, 16);
	begin();
	i = resolve(1, T0);
	for (int k = 0; k < 16; k++)
		CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[k]), 0);
	CU_ASSERT_EQUAL(neigh_hold(t, i, &packet[99]), -ENOBUFS);
	CU_ASSERT_PTR_NULL(neigh_take(t, i)); /* not before it is resolved */
	confirm(1, mac1, T0);
	CU_ASSERT_PTR_EQUAL(neigh_take(t, i), &packet[0]);
	/* One that is being confirmed is as good. */
	find(1);
	poll_sees(T0 + FRESH, 1, 0);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_PROBE);
	CU_ASSERT_PTR_EQUAL(neigh_take(t, i), &packet[1]);
	/* What nobody took is not lost: it comes back by the flush. */
	n_dropped = 0;
	neigh_flush(t, drop, &t);
	CU_ASSERT_EQUAL(n_dropped, NEIGH_HOLD_MAX - 2);
	CU_ASSERT_PTR_EQUAL(dropped[0], &packet[2]);
	CU_ASSERT_EQUAL(neigh_count(t), 0);
}

static void
hint_is_only_a_hint(void)
{
	const struct ip_addr a = v4(1), b = v4(2);
	uint16_t i, j;

	begin();
	i = resolve(1, T0);
	j = resolve(2, T0);
	CU_ASSERT_NOT_EQUAL(i, j);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &a, i), i);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &a, j), i);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &b, i), j);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &a, NEIGH_MAX), i);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V6, &a, i), NEIGH_NONE);
	neigh_flush(t, drop, &t);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V4, &a, i), NEIGH_NONE); /* a freed entry is no match */
}

static void
families_are_apart(void)
{
	const struct ip_addr a6 = v6(1), zero = {.q = {0, 0}};
	uint16_t i4, i6;

	begin();
	i4 = neigh_resolve(t, IP_V4, &zero, 1, T0, drop, &t);
	i6 = neigh_resolve(t, IP_V6, &zero, 1, T0, drop, &t);
	CU_ASSERT_NOT_EQUAL(i4, i6);
	CU_ASSERT_EQUAL(neigh_confirm(t, IP_V6, &zero, mac1, T0), i6);
	CU_ASSERT_EQUAL(neigh_at(t, i4)->state, NEIGH_INCOMPLETE);
	i6 = neigh_resolve(t, IP_V6, &a6, 1, T0, drop, &t);
	CU_ASSERT_EQUAL(neigh_at(t, i6)->family, IP_V6);
	CU_ASSERT_EQUAL(neigh_find(t, IP_V6, &a6, i4), i6);
	CU_ASSERT_PTR_NULL(neigh_check(t));
}

static void
group_and_zero_mac_are_no_answer(void)
{
	static const uint8_t bad[][6] = {{1, 0, 0x5e, 0, 0, 1},
			{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0, 0, 0},
			{0x33, 0x33, 0, 0, 0, 1}};
	uint16_t i;

	begin();
	i = resolve(1, T0);
	for (size_t k = 0; k < PTCP_ARRAY_SIZE(bad); k++)
		CU_ASSERT_EQUAL(confirm(1, bad[k], T0), NEIGH_NONE);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_INCOMPLETE);
}

/** Full: the oldest of INCOMPLETE and FAILED, then unused by age, then used by age. */
static void
eviction_order(void)
{
	begin();
	for (uint32_t h = 0; h < NEIGH_MAX; h++)
		resolve(h, T0 + h);
	CU_ASSERT_EQUAL(neigh_count(t), NEIGH_MAX);
	/* The oldest but one fails, the third is answered: age counts, not the state. */
	CU_ASSERT_EQUAL(neigh_hold(t, find(0), &packet[0]), 0);
	confirm(2, mac1, T0 + 2000);
	n_dropped = 0;
	resolve(5000, T0 + 2001);
	CU_ASSERT_EQUAL(find(0), NEIGH_NONE);
	CU_ASSERT_EQUAL(n_dropped, 1);
	CU_ASSERT_PTR_EQUAL(dropped[0], &packet[0]);
	resolve(5001, T0 + 2002);
	CU_ASSERT_EQUAL(find(1), NEIGH_NONE);
	resolve(5002, T0 + 2003);
	CU_ASSERT_NOT_EQUAL(find(2), NEIGH_NONE);
	CU_ASSERT_EQUAL(find(3), NEIGH_NONE);
	CU_ASSERT_PTR_NULL(neigh_check(t));

	/* All answered, in the order of their numbers; 0 and 1 are in use, 2 is not. */
	begin();
	for (uint32_t h = 0; h < NEIGH_MAX; h++) {
		resolve(h, T0 + h);
		confirm(h, mac1, T0 + h);
	}
	find(0), find(1), find(3);
	resolve(5000, T0 + 3000);
	CU_ASSERT_NOT_EQUAL(find(5000), NEIGH_NONE);
	CU_ASSERT_EQUAL(find(2), NEIGH_NONE);
	/* The newcomer is INCOMPLETE: it goes before any that was answered. */
	resolve(5001, T0 + 3001);
	CU_ASSERT_EQUAL(find(5000), NEIGH_NONE);
	confirm(5001, mac1, T0 + 3002);
	resolve(5002, T0 + 3003);
	CU_ASSERT_EQUAL(find(4), NEIGH_NONE);
	confirm(5002, mac1, T0 + 3004);
	for (uint32_t h = 0; h < NEIGH_MAX; h++)
		find(h);
	find(5001), find(5002);
	resolve(5003, T0 + 3005);
	CU_ASSERT_EQUAL(find(0), NEIGH_NONE);
	CU_ASSERT_NOT_EQUAL(find(1), NEIGH_NONE);
	CU_ASSERT_EQUAL(neigh_count(t), NEIGH_MAX);
	CU_ASSERT_PTR_NULL(neigh_check(t));
}

/**
 * An entry that went stale goes before one that is fresh; when all are being confirmed, the oldest.
 */
static void
eviction_of_stale_and_probed(void)
{
	begin();
	for (uint32_t h = 0; h < NEIGH_MAX; h++) {
		resolve(h, T0);
		confirm(h, mac1, T0);
		if (h != 7)
			find(h);
	}
	n_asked = 0;
	for (int k = 0; k < NEIGH_MAX / NEIGH_POLL_MAX; k++)
		neigh_poll(t, T0 + FRESH, ask, drop, &t);
	CU_ASSERT_EQUAL(n_asked, NEIGH_MAX - 1);
	confirm(8, mac1, T0 + FRESH + 1);
	resolve(5000, T0 + FRESH + 2);
	CU_ASSERT_EQUAL(find(7), NEIGH_NONE);
	confirm(5000, mac1, T0 + FRESH + 2);
	find(5000);
	resolve(5001, T0 + FRESH + 3);
	CU_ASSERT_EQUAL(find(8), NEIGH_NONE);
	confirm(5001, mac1, T0 + FRESH + 3);
	resolve(5002, T0 + FRESH + 3);
	CU_ASSERT_EQUAL(find(5001), NEIGH_NONE);
	confirm(5002, mac1, T0 + FRESH + 3);
	find(5002);
	/* Bring the last fresh ones to PROBE, too. */
	neigh_poll(t, T0 + 2 * FRESH + 3, ask, drop, &t);
	CU_ASSERT_PTR_NULL(neigh_check(t));
	resolve(5003, T0 + 2 * FRESH + 3);
	CU_ASSERT_EQUAL(neigh_count(t), NEIGH_MAX);
	CU_ASSERT_NOT_EQUAL(find(5003), NEIGH_NONE);
	CU_ASSERT_PTR_NULL(neigh_check(t));
}

/** One poll asks NEIGH_POLL_MAX times at most; a flood of new ones does not hold up the others. */
static void
poll_is_bounded_and_fair(void)
{
	begin();
	resolve(1, T0);
	confirm(1, mac1, T0);
	find(1);
	for (uint32_t h = 2; h < 2 + 3 * NEIGH_POLL_MAX; h++)
		resolve(h, T0 + FRESH);
	poll_sees(T0 + FRESH, NEIGH_POLL_MAX + 1, 0);
	CU_ASSERT_EQUAL(neigh_at(t, find(1))->state, NEIGH_PROBE);
	poll_sees(T0 + FRESH, NEIGH_POLL_MAX, 0);
	poll_sees(T0 + FRESH, NEIGH_POLL_MAX, 0);
	poll_sees(T0 + FRESH, 0, 0);
}

static void
bad_input_14_million_random_senders(void)
{
	uint32_t rng = 1;
	uint16_t i;

	begin();
	i = resolve(0xffffff, T0);
	for (uint32_t n = 0; n < 1000000; n++) {
		rng = rng * 1664525 + 1013904223;
		const struct ip_addr a = n % 2 != 0 ? v6(rng) : v4(rng >> 9);

		if (neigh_confirm(t, n % 2 != 0 ? IP_V6 : IP_V4, &a, mac1, T0) != NEIGH_NONE)
			CU_FAIL_FATAL("a sender nobody asked for got in");
	}
	CU_ASSERT_EQUAL(neigh_count(t), 1);
	CU_ASSERT_EQUAL(find(0xffffff), i);
	CU_ASSERT_PTR_NULL(neigh_check(t));
}

/** A million targets that never answer: an established neighbour and its address stay. */
static void
bad_input_14_million_unanswered_targets(void)
{
	uint32_t given_back = 0;
	uint16_t i;

	begin();
	i = resolve(0xffffff, T0);
	confirm(0xffffff, mac1, T0);
	n_dropped = 0;
	for (uint32_t h = 0; h < 1000000; h++) {
		CU_ASSERT_EQUAL_FATAL(neigh_hold(t, resolve(h, T0 + h), &packet[0]), 0);
		n_asked = 0;
		neigh_poll(t, T0 + h, ask, drop, &t);
		CU_ASSERT(n_asked <= 2 * NEIGH_POLL_MAX);
		given_back += n_dropped;
		n_dropped = 0;
	}
	CU_ASSERT_EQUAL(neigh_count(t), NEIGH_MAX);
	CU_ASSERT_EQUAL(find(0xffffff), i);
	CU_ASSERT_EQUAL(neigh_at(t, i)->state, NEIGH_REACHABLE);
	CU_ASSERT_PTR_NULL(neigh_check(t));
	neigh_flush(t, drop, &t);
	CU_ASSERT_EQUAL(given_back + n_dropped, 1000000);
}

static void
flush_returns_all_held_packets(void)
{
	static bool seen[PTCP_ARRAY_SIZE(packet)];
	uint32_t n = 0;

	begin();
	for (uint32_t h = 0; h < NEIGH_MAX; h++) {
		const uint16_t i = resolve(h, T0);

		for (uint32_t k = 0; k < h % (NEIGH_HOLD_MAX + 1); k++)
			CU_ASSERT_EQUAL_FATAL(neigh_hold(t, i, &packet[n++]), 0);
		if (h % 3 == 0)
			confirm(h, mac1, T0);
	}
	neigh_flush(t, drop, &t);
	CU_ASSERT_EQUAL(n_dropped, n);
	for (uint32_t k = 0; k < n_dropped; k++)
		seen[(uint8_t *)dropped[k] - packet] = true;
	for (uint32_t k = 0; k < n; k++)
		CU_ASSERT_TRUE(seen[k]);
	CU_ASSERT_EQUAL(neigh_count(t), 0);
	CU_ASSERT_PTR_NULL(neigh_check(t));
	poll_sees(T0 + 10 * SEC, 0, 0);
	/* And all of it can be used again. */
	for (uint32_t h = 0; h < NEIGH_MAX; h++)
		resolve(h, T0 + 10 * SEC);
	CU_ASSERT_EQUAL(n_dropped, 0);
	CU_ASSERT_EQUAL(neigh_count(t), NEIGH_MAX);
}

static uint8_t inside[PTCP_ARRAY_SIZE(packet)]; /* 1: in the table */
static uint32_t n_inside;

static void
came_out(const uint8_t *p)
{
	CU_ASSERT_EQUAL_FATAL(inside[p - packet], 1);
	inside[p - packet] = 0;
	n_inside--;
}

static void
send_to(uint32_t host, time_us_t now)
{
	static uint32_t next;
	uint16_t i = find(host);

	if (i == NEIGH_NONE)
		i = resolve(host, now);
	if (inside[next] == 0 && neigh_hold(t, i, &packet[next]) == 0) {
		CU_ASSERT_EQUAL_FATAL(neigh_at(t, i)->state, NEIGH_INCOMPLETE);
		inside[next] = 1;
		n_inside++;
		next = (next + 1) % (uint32_t)PTCP_ARRAY_SIZE(packet);
	}
}

/** Random work: no packet is lost or given back twice, every invariant holds. */
static void
random_work_keeps_every_packet(void)
{
	uint64_t rng = 555;
	time_us_t now = T0;

	printf("seed %llu ", (unsigned long long)rng);
	begin();
	for (uint32_t step = 0; step < 300000; step++) {
		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		const uint32_t host = (uint32_t)(rng >> 40) % 1500;
		const uint32_t what = (uint32_t)(rng >> 32) % 8;

		n_dropped = 0;
		now += (rng >> 20) % 2000;
		if (what < 4) {
			send_to(host, now);
		} else if (what == 4 && host % 3 != 0) { /* a third never answers */
			const uint16_t i = confirm(host, host % 2 != 0 ? mac1 : mac2, now);
			const uint8_t *p;

			while (i != NEIGH_NONE && (p = neigh_take(t, i)) != NULL)
				came_out(p);
		} else if (what == 5) {
			neigh_poll(t, now, ask, drop, &t);
		}
		for (uint32_t k = 0; k < n_dropped; k++)
			came_out(dropped[k]);
		if (step % 500 == 0)
			CU_ASSERT_PTR_NULL_FATAL(neigh_check(t));
	}
	n_dropped = 0;
	CU_ASSERT(n_inside > 0);
	neigh_flush(t, drop, &t);
	CU_ASSERT_EQUAL(n_dropped, n_inside);
	free(t);
	t = NULL;
}

static CU_TestInfo tests[] = {
		TEST(resolve_ask_answer),
		TEST(retries_at_exact_times_then_failed_then_forgotten),
		TEST(late_answer_revives_a_failed_entry),
		TEST(late_poll_asks_once),
		TEST(used_entry_is_asked_again),
		TEST(unused_entry_is_left_alone_until_looked_up),
		TEST(hold_is_bounded),
		TEST(hint_is_only_a_hint),
		TEST(families_are_apart),
		TEST(group_and_zero_mac_are_no_answer),
		TEST(eviction_order),
		TEST(eviction_of_stale_and_probed),
		TEST(poll_is_bounded_and_fair),
		TEST(bad_input_14_million_random_senders),
		TEST(bad_input_14_million_unanswered_targets),
		TEST(flush_returns_all_held_packets),
		TEST(random_work_keeps_every_packet),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("neigh", tests)
