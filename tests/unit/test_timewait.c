/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TIME-WAIT table against a model: an array of tuples, each with the tick at which it has to
 * go. No entry goes early, out of order, over budget or unasked for; what is overdue after a
 * complete advance is gone.
 */
#include <inttypes.h>
#include <string.h>

#include "conn/timewait.h"
#include "random.h"
#include "test.h"

#define SEED       0x74696d652d77ULL
#define MS         1000ULL
#define SECOND     (1000 * MS)
#define HOUR       (3600 * SECOND)
#define MAX_TUPLES 4000
#define NO_LIMIT   UINT32_MAX

struct model {
	uint64_t tick;  /* when it has to go */
	uint32_t index; /* of the entry, or PTCP_NIL */
	uint32_t stamp; /* in its fields */
	uint16_t aux;
};

static const struct siphash_key key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};

static struct timewait_table *t;
static struct timewait_conf conf;
static void *mem;
static time_us_t now;

static struct model model[MAX_TUPLES];
static uint32_t n_tuples;
static uint32_t n_used;
static uint64_t last_tick; /* of the entry that expired last */
static uint32_t expired;   /* in the advance that is running */
static uint32_t limit;
static bool acting; /* expiries do random things */

static uint64_t rng;
static uint64_t n_ops;
static uint64_t n_expired;
static unsigned int n_broken;

/* One message for the first break, not millions of them. */
#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond) && n_broken++ == 0)                                                    \
			printf("\n  line %d, operation %" PRIu64 ", now %" PRIu64 " us: %s\n",     \
					__LINE__, n_ops, now, #cond);                              \
	} while (0)

static void
expect_sound(void)
{
	const char *bad = timewait_check(t);

	if (bad != NULL && n_broken++ == 0)
		printf("\n  operation %" PRIu64 ", now %" PRIu64 " us: %s\n", n_ops, now, bad);
}

static uint64_t
rnd(void)
{
	return random_next(&rng);
}

static uint32_t
rnd_below(uint32_t n)
{
	return (uint32_t)(rnd() % n);
}

/*
 * Tuple @p u; with IPv6 every second one. Neighbours differ in one field only, and the IPv6
 * addresses of sixty fold to the same word.
 */
static struct conn_key
tuple(uint32_t u, struct ip_addr *raddr6)
{
	const bool v6 = conf.ipv6 && u % 2 == 1;
	const uint32_t v = conf.ipv6 ? u / 2 : u;
	struct conn_key k = {{0}, v6 ? raddr6 : NULL};

	k.id.lport = (uint16_t)(80 + v % 2);
	k.id.rport = (uint16_t)(40000 + v / 2 % 10);
	k.id.laddr = (uint16_t)(v6 + 2 * (v / 20 % 3));
	k.id.raddr = 0x0a000000 + v / 60;
	if (v6) {
		const uint32_t words[4] = {u, 0x20010db8, u, v / 60 * 0x01010101};

		memcpy(raddr6->b, words, sizeof(words));
		k.id.raddr = ip_addr_fold(raddr6);
	}
	return k;
}

static void
sim_start(uint32_t max, uint32_t duration_ms, bool ipv6, time_us_t start)
{
	conf = (struct timewait_conf){max, duration_ms, ipv6, key};
	free(mem);
	mem = aligned_alloc(PTCP_CACHE_LINE, timewait_size(&conf));
	if (mem == NULL)
		abort();
	memset(mem, 0xa5, timewait_size(&conf));
	t = timewait_init(mem, &conf);
	now = start;
	n_tuples = MAX_TUPLES;
	n_used = 0;
	last_tick = 0;
	acting = false;
	for (uint32_t u = 0; u < MAX_TUPLES; u++)
		model[u] = (struct model){.index = PTCP_NIL};
	EXPECT(timewait_max(t) == max);
	expect_sound();
}

static uint64_t
first_tick_after(time_us_t at)
{
	const time_us_t end = at + conf.duration_ms * MS;

	return end / MS + (end % MS != 0);
}

static uint32_t
sim_find(uint32_t u)
{
	struct ip_addr raddr6;
	const struct conn_key k = tuple(u, &raddr6);
	const uint32_t hash = conn_hash(&key, &k);
	uint32_t index;

	timewait_prefetch(t, hash);
	index = timewait_find(t, hash, &k);
	EXPECT(index == model[u].index);
	if (index != PTCP_NIL) {
		const struct timewait_entry *e = timewait_at(t, index);

		EXPECT(memcmp(&e->id, &k.id, offsetof(struct conn_ident, aux)) == 0);
		EXPECT(e->snd_nxt == model[u].stamp && e->rcv_nxt == ~model[u].stamp);
		EXPECT((e->id.aux & (TIMEWAIT_TS | TIMEWAIT_ACTIVE)) == model[u].aux);
		EXPECT(k.raddr6 == NULL || ip_addr_equal(k.raddr6, timewait_raddr6(t, index)));
	}
	return index;
}

static uint32_t
sim_insert(uint32_t u)
{
	struct ip_addr raddr6;
	const struct conn_key k = tuple(u, &raddr6);
	const uint32_t stamp = (uint32_t)rnd();
	struct timewait_entry e = {k.id, stamp, ~stamp, u, 0, 0};
	uint32_t index;

	n_ops++;
	EXPECT(model[u].index == PTCP_NIL);
	e.id.aux = (uint16_t)(stamp % 4);
	index = timewait_insert(t, conn_hash(&key, &k), &k, &e, now);
	if (index == PTCP_NIL)
		return PTCP_NIL;
	n_used++;
	model[u] = (struct model){first_tick_after(now), index, stamp, e.id.aux};
	EXPECT(timewait_at(t, index)->ts_recent == u);
	return index;
}

static void
sim_remove(uint32_t u)
{
	n_ops++;
	timewait_remove(t, model[u].index);
	model[u].index = PTCP_NIL;
	n_used--;
}

static void
sim_restart(uint32_t u)
{
	n_ops++;
	timewait_restart(t, model[u].index, now);
	model[u].tick = first_tick_after(now);
}

static void
random_action(void)
{
	const uint32_t u = rnd_below(n_tuples);

	if (sim_find(u) == PTCP_NIL)
		(void)sim_insert(u);
	else if (rnd_below(2))
		sim_remove(u);
	else
		sim_restart(u);
}

static void
on_expire(void *arg, const struct timewait_entry *e, const struct ip_addr *raddr6)
{
	const uint32_t u = e->ts_recent;
	struct ip_addr a;
	const struct conn_key k = tuple(u, &a);

	EXPECT(arg == t && u < n_tuples && model[u].index != PTCP_NIL);
	EXPECT(timewait_find(t, conn_hash(&key, &k), &k) == PTCP_NIL);
	EXPECT(e->snd_nxt == model[u].stamp && (e->id.aux & 3) == model[u].aux);
	EXPECT((raddr6 != NULL) == (k.raddr6 != NULL));
	EXPECT(raddr6 == NULL || ip_addr_equal(raddr6, k.raddr6));
	EXPECT(model[u].tick * MS <= now && model[u].tick >= last_tick);
	EXPECT(++expired <= limit);
	last_tick = model[u].tick;
	model[u].index = PTCP_NIL;
	n_used--;
	n_expired++;
	EXPECT(timewait_count(t) == n_used);
	for (uint32_t n = acting ? rnd_below(3) : 0; n > 0; n--)
		random_action();
}

static uint64_t
model_next(void)
{
	uint64_t tick = UINT64_MAX / MS;

	for (uint32_t u = 0; u < n_tuples; u++)
		if (model[u].index != PTCP_NIL && model[u].tick < tick)
			tick = model[u].tick;
	return tick * MS;
}

static void
sim_advance(uint32_t budget)
{
	n_ops++;
	expired = 0;
	limit = budget;
	EXPECT(timewait_advance(t, now, budget, on_expire, t) == expired);
	EXPECT(timewait_count(t) == n_used);
	EXPECT((timewait_next(t) == UINT64_MAX) == (n_used == 0));
	if (n_used > 0)
		EXPECT(timewait_next(t) <= model_next() || timewait_next(t) <= now);
	/*
	 * Without removals in the way, a lower bound in the past means overdue entries, and the
	 * reverse.
	 */
	EXPECT(timewait_next(t) <= now || n_used == 0 || model_next() > now);
}

static void
sim_drain(uint32_t budget)
{
	uint32_t calls = 0;

	do
		sim_advance(budget);
	while (timewait_next(t) <= now && ++calls < 100000);
	EXPECT(n_used == 0 || model_next() > now);
}

static void
random_round(uint32_t max, uint32_t tuples, uint32_t duration_ms, bool ipv6, uint64_t ops)
{
	static const uint32_t budgets[] = {0, 1, 2, 5, 100, NO_LIMIT, NO_LIMIT};
	const uint64_t end = n_ops + ops;
	uint32_t stalled = 0; /* operations without advance to come */

	sim_start(max, duration_ms, ipv6, rnd() >> 20);
	n_tuples = tuples;
	acting = true;
	while (n_ops < end && n_broken == 0) {
		const uint32_t what = rnd_below(64);

		if (what < 20)
			now += rnd_below(1500);
		else if (what == 20)
			now += rnd_below(2 * duration_ms) * MS;
		else if (what == 21 && rnd_below(20) == 0)
			now += 3 * HOUR + rnd_below(1000);
		else if (what == 22 && rnd_below(20) == 0)
			stalled = rnd_below(3000);
		if (stalled > 0) {
			stalled--;
			random_action();
		} else if (what % 8 == 7) {
			sim_advance(budgets[rnd_below(PTCP_ARRAY_SIZE(budgets))]);
		} else {
			random_action();
		}
		EXPECT(timewait_count(t) == n_used);
		if (n_ops % 1024 == 0 || end - n_ops > ops - 300)
			expect_sound();
	}
	acting = false;
	now += 2 * (uint64_t)duration_ms * MS;
	sim_drain(3);
	EXPECT(n_used == 0);
	expect_sound();
}

static void
random_against_model(void)
{
	rng = SEED;
	n_ops = 0;
	n_expired = 0;
	n_broken = 0;
	printf("seed %#" PRIx64 " ", rng);
	for (uint32_t ipv6 = 0; ipv6 < 2; ipv6++) {
		random_round(1, 10, 20, ipv6, 100000);
		random_round(8, 12, 20, ipv6, 100000);
		random_round(100, 110, 20, ipv6, 400000);
		random_round(100, 300, 37, ipv6, 400000);
		random_round(200, 220, 1000, ipv6, 400000);
		random_round(1000, 1100, 250, ipv6, 200000);
		random_round(100, 110, 60000, ipv6, 200000);
		random_round(3000, MAX_TUPLES, 100, ipv6, 100000);
		random_round(50, 60, 1200000, ipv6, 100000);
	}
	printf("%" PRIu64 " operations, %" PRIu64 " expiries ", n_ops, n_expired);
	CU_ASSERT(n_expired > 100000);
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* Never early, and at the first tick of 1 ms that is late enough. */
static void
expires_exactly_to_the_tick(void)
{
	static const uint32_t durations[] = {20, 60000, 1200000};
	static const time_us_t starts[] = {0, 1, 999, 1000, 1001, 123456789, UINT32_MAX * MS + 1};

	n_broken = 0;
	for (size_t d = 0; d < PTCP_ARRAY_SIZE(durations); d++) {
		for (size_t s = 0; s < PTCP_ARRAY_SIZE(starts); s++) {
			const time_us_t end = starts[s] + durations[d] * MS;
			const time_us_t due = (end + 999) / MS * MS;

			sim_start(1, durations[d], false, starts[s]);
			CU_ASSERT_EQUAL(timewait_next(t), UINT64_MAX);
			CU_ASSERT_NOT_EQUAL(sim_insert(0), PTCP_NIL);
			CU_ASSERT_EQUAL(timewait_next(t), due);
			sim_advance(NO_LIMIT);
			now = end - 1;
			sim_advance(NO_LIMIT);
			now = due - 1;
			sim_advance(NO_LIMIT);
			CU_ASSERT_EQUAL(n_used, 1);
			now = due;
			sim_advance(0);
			CU_ASSERT_EQUAL(n_used, 1);
			CU_ASSERT_EQUAL(timewait_next(t), due);
			sim_advance(1);
			CU_ASSERT_EQUAL(n_used, 0);
		}
	}
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* Remove or restart each one of the three entries of a tick, and the only one of another. */
static void
first_middle_last_and_only(void)
{
	n_broken = 0;
	for (uint32_t restart = 0; restart < 2; restart++) {
		for (uint32_t which = 0; which < 4; which++) {
			sim_start(5, 100, true, 5 * SECOND);
			for (uint32_t u = 0; u < 3; u++)
				(void)sim_insert(u);
			now += MS;
			(void)sim_insert(3);
			now += 5 * MS;
			(void)sim_insert(4);
			if (restart)
				sim_restart(which);
			else
				sim_remove(which);
			expect_sound();
			for (uint32_t u = 0; u < 5; u++)
				(void)sim_find(u);
			now = 5 * SECOND + 101 * MS;
			sim_advance(NO_LIMIT);
			CU_ASSERT_EQUAL(expired, 3);
			expect_sound();
			now += 5 * MS;
			sim_advance(NO_LIMIT);
			CU_ASSERT_EQUAL(expired, 1 + restart);
			CU_ASSERT_EQUAL(n_used, 0);
		}
	}
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* A peer that goes on to retransmit its FIN keeps the entry for as long as it does so. */
static void
fin_restart_begins_anew(void)
{
	n_broken = 0;
	sim_start(2, 60000, false, 1);
	(void)sim_insert(0);
	(void)sim_insert(1);
	for (uint32_t i = 0; i < 100; i++) {
		now += 59 * SECOND + 999 * MS;
		sim_restart(0);
		sim_restart(0);
		sim_advance(NO_LIMIT);
		CU_ASSERT_EQUAL(n_used, i == 0 ? 2 : 1);
		expect_sound();
	}
	now += 60 * SECOND - 1;
	sim_advance(NO_LIMIT);
	CU_ASSERT_EQUAL(n_used, 1);
	now += MS;
	sim_advance(NO_LIMIT);
	CU_ASSERT_EQUAL(n_used, 0);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static void
full_refuses_and_evicts_nothing(void)
{
	static const uint32_t sizes[] = {1, 2, 7, 8, 9, 10, 11, 64, 1000, MAX_TUPLES - 1};

	n_broken = 0;
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(sizes); i++) {
		sim_start(sizes[i], 1000, i % 2, 77);
		for (uint32_t u = 0; u < sizes[i]; u++) {
			CU_ASSERT_NOT_EQUAL(sim_insert(u), PTCP_NIL);
			now += 10;
		}
		CU_ASSERT_EQUAL(sim_insert(sizes[i]), PTCP_NIL);
		CU_ASSERT_EQUAL(timewait_count(t), sizes[i]);
		for (uint32_t u = 0; u <= sizes[i]; u++)
			(void)sim_find(u);
		expect_sound();
		sim_remove(sizes[i] / 2);
		CU_ASSERT_NOT_EQUAL(sim_insert(sizes[i]), PTCP_NIL);
		CU_ASSERT_EQUAL(sim_insert(sizes[i] / 2), PTCP_NIL);
		for (uint32_t u = 0; u <= sizes[i]; u++)
			(void)sim_find(u);
		now += SECOND + MS;
		sim_advance(1);
		CU_ASSERT_EQUAL(timewait_count(t), sizes[i] - 1);
		sim_drain(NO_LIMIT);
		now += SECOND;
		sim_drain(NO_LIMIT);
		CU_ASSERT_EQUAL(timewait_count(t), 0);
		expect_sound();
	}
	CU_ASSERT_EQUAL(n_broken, 0);
}

/*
 * Entries come in every tick while nobody advances, for many times the duration; then one at a
 * time goes out.
 */
static void
bad_input_42_stall_with_insertions_loses_nothing(void)
{
	const time_us_t start = 1000 * SECOND + 1;

	n_broken = 0;
	sim_start(MAX_TUPLES, 100, true, start);
	for (uint32_t u = 0; u < 1500; u++) {
		CU_ASSERT_NOT_EQUAL(sim_insert(u), PTCP_NIL);
		now += MS;
		if (u % 7 == 3)
			sim_restart(u - 1);
		if (u % 11 == 10)
			sim_remove(u - 3);
	}
	expect_sound();
	for (uint32_t u = 0; u < 1500; u++)
		(void)sim_find(u);
	/* All that is younger than the duration stays. */
	for (uint32_t u = 1500; timewait_next(t) <= now && n_broken == 0; u++) {
		sim_advance(1);
		CU_ASSERT(expired <= 1);
		if (u < 1600)
			(void)sim_insert(u);
	}
	CU_ASSERT(last_tick * MS <= now && (last_tick + 4) * MS > now);
	CU_ASSERT(model_next() > now && model_next() <= now + 4 * MS);
	expect_sound();
	now += 101 * MS;
	sim_drain(10);
	CU_ASSERT_EQUAL(n_used, 0);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static void
bad_input_42_stalls_of_every_length(void)
{
	static const time_us_t stalls[] = {100 * MS, 5 * SECOND, 59999 * MS, 60 * SECOND - 1,
			60 * SECOND, 60 * SECOND + MS, 60 * SECOND + 2 * MS, 3 * HOUR,
			25 * 24 * HOUR, 100 * 24 * HOUR};

	n_broken = 0;
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(stalls); i++) {
		sim_start(100, 60000, false, UINT32_MAX * MS - 30 * SECOND);
		for (uint32_t u = 0; u < 50; u++) {
			(void)sim_insert(u);
			now += 100 * MS;
		}
		now += stalls[i];
		/*
		 * Newcomers after the stall, before the old ones are gone, live their whole time.
		 */
		for (uint32_t u = 50; u < 60; u++) {
			(void)sim_insert(u);
			now += 700;
		}
		sim_restart(49);
		sim_drain(7);
		for (uint32_t u = 49; u < 60; u++)
			CU_ASSERT_NOT_EQUAL(sim_find(u), PTCP_NIL);
		now += 60 * SECOND - 8 * MS;
		sim_drain(1);
		CU_ASSERT(n_used > 0 && n_used <= 11);
		now += 9 * MS;
		sim_drain(1);
		CU_ASSERT_EQUAL(n_used, 0);
		expect_sound();
	}
	CU_ASSERT_EQUAL(n_broken, 0);
}

/*
 * Ticks emptied by removal are skipped in bounded portions; the one entry behind them still goes
 * in time.
 */
static void
emptied_ticks_are_skipped(void)
{
	uint32_t calls = 0;

	n_broken = 0;
	sim_start(MAX_TUPLES, 60000, false, 0);
	for (uint32_t u = 0; u < MAX_TUPLES; u++) {
		(void)sim_insert(u);
		now += MS;
	}
	for (uint32_t u = 0; u < MAX_TUPLES - 1; u++)
		sim_remove((u * 7) % (MAX_TUPLES - 1));
	CU_ASSERT_EQUAL(n_used, 1);
	CU_ASSERT(timewait_next(t) <= model_next());
	expect_sound();
	now = model_next() - 1;
	while (timewait_next(t) <= now && calls++ < 1000)
		sim_advance(1);
	CU_ASSERT(calls > 1 && calls <= MAX_TUPLES / 65 + 1);
	CU_ASSERT_EQUAL(timewait_next(t), model_next());
	now++;
	sim_advance(1);
	CU_ASSERT_EQUAL(n_used, 0);
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* timewait_next() looks past up to 64 emptied ticks, and each newcomer clears two of them away. */
static void
emptied_ticks_do_not_pile_up(void)
{
	n_broken = 0;
	sim_start(MAX_TUPLES, 60000, false, 0);
	for (uint32_t u = 0; u < 201; u++) {
		(void)sim_insert(u);
		now += MS;
	}
	for (uint32_t u = 0; u < 64; u++)
		sim_remove(u);
	CU_ASSERT_EQUAL(timewait_next(t), (60000 + 64) * MS);
	for (uint32_t u = 64; u < 200; u++)
		sim_remove(u);
	CU_ASSERT_EQUAL(timewait_next(t), (60000 + 64) * MS);
	for (uint32_t u = 201; u < 201 + 68; u++) {
		(void)sim_insert(u);
		now += MS;
	}
	CU_ASSERT_EQUAL(timewait_next(t), (60000 + 200) * MS);
	expect_sound();
	CU_ASSERT_EQUAL(n_broken, 0);
}

/* A clock that goes back makes entries live longer, never shorter. */
static void
clock_going_back_is_harmless(void)
{
	n_broken = 0;
	sim_start(10, 100, false, 10 * SECOND);
	(void)sim_insert(0);
	now -= 50 * MS;
	(void)sim_insert(1);
	expect_sound();
	now = 10 * SECOND + 100 * MS - 1;
	CU_ASSERT_EQUAL(timewait_advance(t, now, NO_LIMIT, on_expire, t), 0);
	now = 5 * SECOND;
	CU_ASSERT_EQUAL(timewait_advance(t, now, NO_LIMIT, on_expire, t), 0);
	CU_ASSERT_EQUAL(timewait_count(t), 2);
	model[1].tick = model[0].tick;
	now = 10 * SECOND + 100 * MS;
	limit = NO_LIMIT;
	CU_ASSERT_EQUAL(timewait_advance(t, now, NO_LIMIT, on_expire, t), 2);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static void
tuples_that_nearly_match(void)
{
	struct ip_addr raddr6;
	struct conn_key k;

	n_broken = 0;
	sim_start(200, 1000, true, 0);
	for (uint32_t u = 0; u < 200; u++) {
		(void)sim_find(u);
		(void)sim_insert(u);
		(void)sim_find(u);
	}
	/* aux is no part of the identity */
	k = tuple(4, &raddr6);
	k.id.aux = 0xffff;
	CU_ASSERT_EQUAL(timewait_find(t, conn_hash(&key, &k), &k), model[4].index);
	/* IPv6 look-up in a table without */
	k = tuple(5, &raddr6);
	CU_ASSERT_EQUAL(timewait_find(t, conn_hash(&key, &k), &k), model[5].index);
	sim_start(4, 1000, false, 0);
	CU_ASSERT_EQUAL(timewait_find(t, conn_hash(&key, &k), &k), PTCP_NIL);
	CU_ASSERT_EQUAL(n_broken, 0);
}

static void
costs_forty_bytes_an_entry(void)
{
	struct timewait_conf c = {10000000, 60000, false, key};

	CU_ASSERT(timewait_size(&c) <= 10000000ULL * 40 + 60002 * 16 + 1024);
	c.ipv6 = true;
	CU_ASSERT(timewait_size(&c) <= 10000000ULL * 56 + 60002 * 16 + 1024);
	c = (struct timewait_conf){1u << 28, 1200000, true, key};
	CU_ASSERT(timewait_size(&c) >= (1ULL << 28) * 56);
}

/* timewait_check() must see each kind of damage. */
static void
check_sees_damage(void)
{
	struct timewait_entry *e;

	n_broken = 0;
	sim_start(20, 100, true, 0);
	for (uint32_t u = 0; u < 10; u++)
		(void)sim_insert(u);
	sim_remove(9);
	sim_remove(8);
	e = timewait_at(t, model[3].index);
	CU_ASSERT_PTR_NULL(timewait_check(t));
#define DAMAGED(field, value)                                                                      \
	do {                                                                                       \
		const __typeof__(field) saved = (field);                                           \
		(field) = (__typeof__(field))(value);                                              \
		CU_ASSERT_PTR_NOT_NULL(timewait_check(t));                                         \
		(field) = saved;                                                                   \
		CU_ASSERT_PTR_NULL(timewait_check(t));                                             \
	} while (0)
	DAMAGED(e->next, model[5].index);
	DAMAGED(e->next, model[3].index);
	DAMAGED(e->next, 15);
	DAMAGED(e->prev, model[5].index);
	DAMAGED(e->prev, PTCP_NIL);
	DAMAGED(e->id.rport, e->id.rport + 1);
	DAMAGED(e->id.aux, e->id.aux ^ TIMEWAIT_IPV6);
	DAMAGED(e[6].prev, 0);        /* a free one */
	DAMAGED(e[6].next, 3);        /* the free list leads to one in use */
	DAMAGED(e[5].next, PTCP_NIL); /* a free one is lost */
	CU_ASSERT_EQUAL(n_broken, 0);
	free(mem);
	mem = NULL;
}

static CU_TestInfo tests[] = {
		TEST(expires_exactly_to_the_tick),
		TEST(first_middle_last_and_only),
		TEST(fin_restart_begins_anew),
		TEST(full_refuses_and_evicts_nothing),
		TEST(bad_input_42_stall_with_insertions_loses_nothing),
		TEST(bad_input_42_stalls_of_every_length),
		TEST(emptied_ticks_are_skipped),
		TEST(emptied_ticks_do_not_pile_up),
		TEST(clock_going_back_is_harmless),
		TEST(tuples_that_nearly_match),
		TEST(costs_forty_bytes_an_entry),
		TEST(random_against_model),
		TEST(check_sees_damage),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("timewait", tests)
