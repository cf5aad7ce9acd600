/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conn/ports.h"
#include "test.h"

static uint64_t rng = 31337;

static uint32_t
rnd(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 32) * below >> 32);
}

static struct port_table *
table_new(uint32_t max_sets, uint16_t first, uint16_t last)
{
	const struct port_conf conf = {max_sets, first, last, {1, 2}};
	void *mem = malloc(port_size(&conf));

	memset(mem, 0xa5, port_size(&conf));
	return port_init(mem, &conf);
}

static struct conn_ident
triple(uint32_t raddr)
{
	return (struct conn_ident){.raddr = raddr, .rport = 443, .laddr = 1};
}

static int
put(struct port_table *t, struct conn_ident id, int port)
{
	id.lport = (uint16_t)port;
	return port_put(t, &id, NULL);
}

static int
take(struct port_table *t, struct conn_ident id, int port)
{
	id.lport = (uint16_t)port;
	return port_take(t, &id, NULL);
}

/**
 * Ports of the range to the last one, all distinct, each once; then known at once to be exhausted.
 */
static void
exhaust(uint16_t first, uint16_t last)
{
	struct port_table *t = table_new(2, first, last);
	const struct conn_ident a = triple(0x0a000001);
	const struct conn_ident b = triple(0x0a000002);
	static bool got[65536];
	const uint32_t n = last - first + 1u;
	int port, before = 0;

	memset(got, 0, sizeof(got));
	for (uint32_t i = 0; i < n; i++) {
		port = port_get(t, &a, NULL);
		CU_ASSERT_FATAL(port >= first && port <= last && !got[port]);
		/* One after the other, round the end of the range. */
		CU_ASSERT(i == 0 || port == (before == last ? first : before + 1));
		got[port] = true;
		before = port;
	}
	CU_ASSERT_EQUAL(port_get(t, &a, NULL), -EADDRNOTAVAIL);
	CU_ASSERT_EQUAL(port_count(t), n);
	CU_ASSERT_EQUAL(port_sets(t), 1);
	CU_ASSERT_PTR_NULL(port_check(t));
	/* Another triple has all of them for itself. */
	port = port_get(t, &b, NULL);
	CU_ASSERT(port >= first && port <= last);
	CU_ASSERT_EQUAL(put(t, b, port), 0);
	/* Each free port is found, wherever the rotor stands. */
	for (int i = 0; i < 200; i++) {
		port = (int)(first + rnd(n));
		CU_ASSERT_EQUAL(put(t, a, port), 0);
		CU_ASSERT_EQUAL(put(t, a, port), -ENOENT);
		CU_ASSERT_EQUAL(port_get(t, &a, NULL), port);
		CU_ASSERT_EQUAL(port_get(t, &a, NULL), -EADDRNOTAVAIL);
	}
	for (uint32_t p = first; p <= last; p++)
		CU_ASSERT_EQUAL(put(t, a, (int)p), 0);
	CU_ASSERT_EQUAL(port_count(t), 0);
	CU_ASSERT_EQUAL(port_sets(t), 0);
	CU_ASSERT_PTR_NULL(port_check(t));
	free(t);
}

static void
bad_input_37_every_port_to_one_peer_in_use(void)
{
	exhaust(1, 65535);
	exhaust(32768, 60999);
	exhaust(1024, 1024);
	exhaust(65535, 65535);
	exhaust(1, 1);
	exhaust(63, 64);
	exhaust(100, 120);
	exhaust(4095, 4096);
	exhaust(4096, 8191);
	exhaust(64, 127);
}

/**
 * One connection after the other: its set is freed each time, and still no port comes back early.
 */
static void
freed_port_rests(void)
{
	struct port_table *t = table_new(1, 10000, 10999);
	const struct conn_ident a = triple(1);
	const int first = port_get(t, &a, NULL);
	int port = first;

	for (int i = 1; i <= 5000; i++) {
		CU_ASSERT_EQUAL_FATAL(put(t, a, port), 0);
		CU_ASSERT_EQUAL_FATAL(port_sets(t), 0);
		port = port_get(t, &a, NULL);
		CU_ASSERT_EQUAL_FATAL(port, 10000 + (first - 10000 + i) % 1000);
	}
	CU_ASSERT_PTR_NULL(port_check(t));
	free(t);
}

/** Ports in use are skipped, and the rotor goes on behind them. */
static void
rotor_passes_ports_in_use(void)
{
	struct port_table *t = table_new(1, 10000, 19999);
	const struct conn_ident a = triple(1);
	const int base = port_get(t, &a, NULL) - 10000;

	for (int i = 1; i <= 5000; i++)
		CU_ASSERT_EQUAL(take(t, a, 10000 + (base + i) % 10000), 0);
	CU_ASSERT_EQUAL(port_get(t, &a, NULL), 10000 + (base + 5001) % 10000);
	CU_ASSERT_EQUAL(put(t, a, 10000 + (base + 5001) % 10000), 0);
	CU_ASSERT_EQUAL(port_get(t, &a, NULL), 10000 + (base + 5002) % 10000);
	CU_ASSERT_PTR_NULL(port_check(t));
	/* And when the set has been freed, too. */
	for (int i = 0; i <= 5002; i++)
		put(t, a, 10000 + (base + i) % 10000);
	CU_ASSERT_EQUAL(port_sets(t), 0);
	CU_ASSERT_EQUAL(port_get(t, &a, NULL), 10000 + (base + 5003) % 10000);
	free(t);
}

static void
take_one_by_number(void)
{
	struct port_table *t = table_new(1, 100, 102);
	const struct conn_ident a = triple(1);

	CU_ASSERT_EQUAL(take(t, a, 0), -EINVAL);
	CU_ASSERT_EQUAL(port_sets(t), 0);
	CU_ASSERT_EQUAL(take(t, a, 101), 0);
	CU_ASSERT_EQUAL(take(t, a, 101), -EADDRINUSE);
	CU_ASSERT_EQUAL(take(t, triple(2), 101), -ENOBUFS);
	/* Outside the range: does not count against it. */
	CU_ASSERT_EQUAL(take(t, a, 99), 0);
	CU_ASSERT_EQUAL(take(t, a, 103), 0);
	CU_ASSERT_EQUAL(take(t, a, 65535), 0);
	CU_ASSERT_EQUAL(take(t, a, 1), 0);
	CU_ASSERT_EQUAL(take(t, a, 1), -EADDRINUSE);
	CU_ASSERT_PTR_NULL(port_check(t));
	CU_ASSERT_EQUAL(port_get(t, &a, NULL) + port_get(t, &a, NULL), 100 + 102);
	CU_ASSERT_EQUAL(port_get(t, &a, NULL), -EADDRNOTAVAIL);
	CU_ASSERT_EQUAL(port_count(t), 7);
	CU_ASSERT_EQUAL(put(t, a, 65535), 0);
	CU_ASSERT_EQUAL(put(t, a, 65534), -ENOENT);
	CU_ASSERT_EQUAL(put(t, triple(2), 1), -ENOENT);
	CU_ASSERT_EQUAL(port_get(t, &a, NULL), -EADDRNOTAVAIL);
	CU_ASSERT_PTR_NULL(port_check(t));
	free(t);
}

static void
sets_run_out(void)
{
	struct port_table *t = table_new(3, 1, 65535);
	int port[3];

	for (uint32_t i = 0; i < 3; i++) {
		const struct conn_ident id = triple(i);

		port[i] = port_get(t, &id, NULL);
		CU_ASSERT(port[i] > 0);
	}
	CU_ASSERT_EQUAL(port_sets(t), 3);
	const struct conn_ident one = triple(1);
	const struct conn_ident more = triple(3);
	CU_ASSERT_EQUAL(port_get(t, &more, NULL), -ENOBUFS);
	CU_ASSERT_EQUAL(take(t, more, 7), -ENOBUFS);
	CU_ASSERT(port_get(t, &one, NULL) > 0);
	CU_ASSERT_EQUAL(put(t, triple(0), port[0]), 0);
	CU_ASSERT_EQUAL(port_sets(t), 2);
	CU_ASSERT(port_get(t, &more, NULL) > 0);
	CU_ASSERT_EQUAL(put(t, triple(0), port[0]), -ENOENT);
	CU_ASSERT_PTR_NULL(port_check(t));
	free(t);
}

/** laddr, raddr, rport and the whole IPv6 address make the set; lport and aux do not. */
static void
sets_are_told_apart(void)
{
	struct port_table *t = table_new(32, 5000, 5000);
	struct conn_ident id = triple(1);
	struct ip_addr a = {.q = {0, 1}};
	uint32_t sets = 1;

	CU_ASSERT_EQUAL(port_get(t, &id, NULL), 5000);
	id.aux = 99;
	id.lport = 77;
	CU_ASSERT_EQUAL(port_get(t, &id, NULL), -EADDRNOTAVAIL);
	id.laddr++;
	CU_ASSERT_EQUAL(port_get(t, &id, NULL), 5000);
	id.rport++;
	CU_ASSERT_EQUAL(port_get(t, &id, NULL), 5000);
	id.raddr++;
	CU_ASSERT_EQUAL(port_get(t, &id, NULL), 5000);
	sets += 3;
	for (int b = 0; b < 16; b++, sets++) {
		a.b[b] ^= 0x80;
		CU_ASSERT_EQUAL(port_get(t, &id, &a), 5000);
		CU_ASSERT_EQUAL(port_get(t, &id, &a), -EADDRNOTAVAIL);
	}
	CU_ASSERT_EQUAL(port_sets(t), sets);
	CU_ASSERT_PTR_NULL(port_check(t));
	id.lport = 5000;
	CU_ASSERT_EQUAL(port_put(t, &id, &a), 0);
	CU_ASSERT_EQUAL(port_put(t, &id, &a), -ENOENT);
	CU_ASSERT_EQUAL(port_put(t, &id, NULL), 0);
	CU_ASSERT_EQUAL(port_sets(t), sets - 2);
	free(t);
}

/** So many sets that they share slots of the hash, and differ in one field only. */
static void
sets_in_one_slot_are_told_apart(void)
{
	for (int field = 0; field < 4; field++) {
		struct port_table *t = table_new(1000, 5000, 5000);
		struct conn_ident id = triple(1);
		struct ip_addr a = {.q = {1, 1}};

		for (uint32_t round = 0; round < 2; round++) {
			for (uint16_t i = 0; i < 1000; i++) {
				id.raddr = field == 0 ? i : 1;
				id.rport = field == 1 ? i : 1;
				id.laddr = field == 2 ? i : 1;
				a.q[1] = i;
				CU_ASSERT_EQUAL(port_get(t, &id, field == 3 ? &a : NULL),
						round == 0 ? 5000 : -EADDRNOTAVAIL);
			}
		}
		CU_ASSERT_EQUAL(port_sets(t), 1000);
		CU_ASSERT_PTR_NULL(port_check(t));
		free(t);
	}
}

/**
 * Always the first free port after the last one given, found by a plain scan, in a set with long
 * full stretches.
 */
static void
next_port_is_the_next_free_one(void)
{
	struct port_table *t = table_new(1, 1, 65535);
	const struct conn_ident a = triple(1);
	static bool used[65536];
	uint32_t port = (uint32_t)port_get(t, &a, NULL);

	memset(used, 0, sizeof(used));
	used[port] = true;
	for (int i = 0; i < 3000; i++) {
		const uint32_t from = 1 + rnd(65535);
		const uint32_t len = rnd(i % 2 == 0 ? 20000 : 5000);
		uint32_t want;

		for (uint32_t p = from; p < from + len && p < 65536; p++) {
			if (used[p] == (i % 2 == 0) || p == port)
				continue;
			CU_ASSERT_EQUAL_FATAL(used[p] ? put(t, a, (int)p) : take(t, a, (int)p), 0);
			used[p] = !used[p];
		}
		for (want = port % 65535 + 1; used[want] && want != port;)
			want = want % 65535 + 1;
		if (want == port)
			continue;
		port = want;
		used[port] = true;
		CU_ASSERT_EQUAL_FATAL(port_get(t, &a, NULL), (int)port);
	}
	CU_ASSERT_PTR_NULL(port_check(t));
	free(t);
}

/** The first port depends on the triple and on the key, and all of the range is in play. */
static void
start_is_keyed(void)
{
	struct port_conf conf = {1000, 32768, 60999, {1, 2}};
	struct port_table *t[2];
	uint32_t same = 0, same_key = 0, tenth[10] = {0};
	int before = 0;

	for (int k = 0; k < 2; k++) {
		conf.key.k1 = (uint64_t)k;
		t[k] = port_init(malloc(port_size(&conf)), &conf);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		const struct conn_ident id = triple(i);
		const int x = port_get(t[0], &id, NULL);
		const int y = port_get(t[1], &id, NULL);

		CU_ASSERT_FATAL(x >= 32768 && x <= 60999);
		same += x == before || x == before + 1;
		same_key += x == y;
		tenth[(x - 32768) * 10 / (60999 - 32768 + 1)]++;
		before = x;
	}
	CU_ASSERT(same <= 3);
	CU_ASSERT(same_key <= 3);
	for (int i = 0; i < 10; i++)
		CU_ASSERT(tenth[i] > 60 && tenth[i] < 140);
	CU_ASSERT_EQUAL(port_sets(t[0]), 1000);
	CU_ASSERT_PTR_NULL(port_check(t[0]));
	free(t[0]);
	free(t[1]);
}

#define TRIPLES 12
#define SETS    8
#define FIRST   1000u
#define LAST    1150u
#define PORTS   1200u /* the model goes beyond the range */

static bool in[TRIPLES][PORTS];
static uint32_t n_in[TRIPLES], n_range[TRIPLES], n_sets;

static void
model_mark(uint32_t k, uint32_t port, bool used)
{
	const uint32_t one = used ? 1u : -1u;

	CU_ASSERT_NOT_EQUAL_FATAL(in[k][port], used);
	in[k][port] = used;
	n_sets += n_in[k] == (used ? 0u : 1u) ? one : 0;
	n_in[k] += one;
	n_range[k] += port >= FIRST && port <= LAST ? one : 0;
}

static void
model(void)
{
	struct port_table *t = table_new(SETS, FIRST, LAST);
	struct ip_addr v6 = {.q = {7, 0}};
	uint32_t refused = 0, exhausted = 0;

	printf("seed %llu ", (unsigned long long)rng);
	for (uint32_t step = 0; step < 200000; step++) {
		const uint32_t k = rnd(TRIPLES);
		const struct ip_addr *raddr6 = k % 2 != 0 ? &v6 : NULL;
		struct conn_ident id = triple(k / 2);
		/* Swings between empty and full. */
		const bool grow = rnd(100) < (step / 20000 % 2 == 0 ? 70u : 30u);
		const uint32_t port = 990 + rnd(PORTS - 990);

		v6.q[1] = k / 4;
		id.lport = (uint16_t)port;
		if (!grow) {
			const bool there = in[k][port];

			CU_ASSERT_EQUAL_FATAL(port_put(t, &id, raddr6), there ? 0 : -ENOENT);
			if (there)
				model_mark(k, port, false);
		} else if (n_in[k] == 0 && n_sets == SETS) {
			CU_ASSERT_EQUAL_FATAL(port_get(t, &id, raddr6), -ENOBUFS);
			CU_ASSERT_EQUAL_FATAL(port_take(t, &id, raddr6), -ENOBUFS);
			refused++;
		} else if (rnd(4) == 0) {
			const bool there = in[k][port];

			CU_ASSERT_EQUAL_FATAL(port_take(t, &id, raddr6), there ? -EADDRINUSE : 0);
			if (!there)
				model_mark(k, port, true);
		} else {
			const int got = port_get(t, &id, raddr6);

			if (n_range[k] == LAST - FIRST + 1) {
				CU_ASSERT_EQUAL_FATAL(got, -EADDRNOTAVAIL);
				exhausted++;
			} else {
				CU_ASSERT_FATAL(got >= (int)FIRST && got <= (int)LAST);
				model_mark(k, (uint32_t)got, true);
			}
		}
		CU_ASSERT_EQUAL_FATAL(port_sets(t), n_sets);
		if (step % 500 == 0)
			CU_ASSERT_PTR_NULL_FATAL(port_check(t));
	}
	CU_ASSERT(refused > 0);
	CU_ASSERT(exhausted > 0);
	free(t);
}

static CU_TestInfo tests[] = {
		TEST(bad_input_37_every_port_to_one_peer_in_use),
		TEST(freed_port_rests),
		TEST(rotor_passes_ports_in_use),
		TEST(take_one_by_number),
		TEST(sets_run_out),
		TEST(sets_are_told_apart),
		TEST(sets_in_one_slot_are_told_apart),
		TEST(next_port_is_the_next_free_one),
		TEST(start_is_keyed),
		TEST(model),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("ports", tests)
