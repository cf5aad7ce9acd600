/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table beside rte_hash. Ours compares the key with the TCB itself, so its look-up ends with the TCB's line
 * in cache; rte_hash keeps keys of its own and gives the index. Look-ups come in bursts, as from a port.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_malloc.h>

#include "bench/bench.h"
#include "bench/collide.h"
#include "conn/table.h"
#include "fmt.h"
#include "tcp/tcp.h"
#include "worker/worker.h"

#define BURST     WORKER_BURST
#define OPS_MOST  1048576u /* look-ups and deletions, a repetition */
#define OPS_QUICK 65536u
#define PORTS     50000u /* of one remote address */
#define STEP                                                                                       \
	15485863u /* a prime that divides no size: through all tuples in an order without one */
#define COLLIDING  100000u
#define SINGLES    400000u /* look-ups that are timed one by one */
#define LPORT      443u
#define LPORT_MISS 444u

static uint64_t max_tuples = 16000000;

/* clang-format off */
static const struct opt table_opts[] = {
	{OPT_TITLE, "Options of bench table", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_COUNT, "max", "N", &max_tuples, 1000, 16000000, NULL, "connections in the table at most; --quick: 100k"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static const uint32_t sizes[] = {1000, 100000, 1000000, 16000000};

struct rte_side {
	const char *name;
	uint8_t flags;
};

static const struct rte_side rte_sides[] = {
		{"rte_hash", 0},
		{"rte_hash lock-free", RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF},
};

#define RTE_SIDES (sizeof(rte_sides) / sizeof(rte_sides[0]))

/** One burst, as the sides want it. */
struct burst {
	uint32_t index[BURST];
	struct conn_key key[BURST];
	struct collide_key4 rte_key[BURST];
	const void *rte_keys[BURST];
};

static struct {
	const struct bench_run *run;
	struct result *result;
	struct laps laps;
	struct conn_table table;
	struct tcp_tcb *tcb;
	struct ip_addr *raddr6;
	void *buckets;
	uint32_t *insert; /**< shortest time of each insertion, ticks */
	struct rnd rnd;
	uint32_t n;
	uint64_t found; /**< so that no look-up is left out as unused */
} me;

/* A key as getrandom(2) could have made it; a constant, so that runs can be compared. */
static const struct siphash_key hash_key = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL};

static int
table_check_options(const struct bench_run *run)
{
	if (run->quick && max_tuples > 100000)
		max_tuples = 100000;
	return 0;
}

static void
table_needs(const struct bench_run *run, struct app_needs *needs)
{
	const uint64_t n = max_tuples < COLLIDING ? COLLIDING : max_tuples;

	(void)run;
	/* rte_hash: 32 bytes a key, 8 to 16 in buckets, 4 to 8 in its ring of free places, to powers of two */
	needs->bytes = n * (sizeof(struct tcp_tcb) + 12 + 32 + 32) + COLLIDING * 16 + (64 << 20);
}

/* ------------------------------------------------------------------ tuples */

static struct conn_ident
ident_of(uint32_t n, uint16_t lport)
{
	return (struct conn_ident){.raddr = 0x0a000001 + n / PORTS,
			.rport = (uint16_t)(1024 + n % PORTS),
			.lport = lport};
}

static struct conn_key
key_of(uint32_t n, uint16_t lport)
{
	return (struct conn_key){.id = ident_of(n, lport)};
}

static struct collide_key4
rte_key_of(uint32_t n, uint16_t lport)
{
	const struct conn_ident id = ident_of(n, lport);

	return (struct collide_key4){
			.raddr = id.raddr, .laddr = 0x0a090001, .rport = id.rport, .lport = lport};
}

static void
burst_fill(struct burst *b, bool at_random, uint64_t from, uint16_t lport)
{
	for (uint32_t i = 0; i < BURST; i++) {
		b->index[i] = at_random ? rnd_below(&me.rnd, me.n) :
					  (uint32_t)((from + i) * STEP % me.n);
		b->key[i] = key_of(b->index[i], lport);
		b->rte_key[i] = rte_key_of(b->index[i], lport);
		b->rte_keys[i] = &b->rte_key[i];
	}
}

static uint32_t
ops(void)
{
	return me.run->quick ? OPS_QUICK : OPS_MOST;
}

static void
figure(const char *side, const char *what)
{
	char name[RESULT_NAME_MAX];

	snprintf(name, sizeof(name), "%s_%s", what, bench_size_name(me.n));
	result_add(me.result, side, name, "ns", laps_ns(&me.laps, BURST, me.run->hz));
	laps_reset(&me.laps);
}

/* ------------------------------------------------------------------ polltcp */

static void
table_begin(uint32_t max, const struct ip_addr *raddr6)
{
	conn_table_init(&me.table, me.buckets, max, me.tcb, sizeof(me.tcb[0]), raddr6);
}

/* Each insertion alone: of every one the shortest time of all repetitions. */
static int
insert_singly(uint32_t repetition)
{
	uint32_t worst = 0;

	table_begin(me.n, NULL);
	laps_reset(&me.laps);
	for (uint32_t i = 0; i < me.n; i++) {
		const struct conn_key key = {.id = me.tcb[i].id};
		const uint64_t begin = lap_begin();
		uint32_t ticks;

		if (conn_table_insert(&me.table, conn_hash(&hash_key, &key), i) != 0)
			return fail("the table is full with %s of %s", fmt_num(i), fmt_num(me.n));
		me.laps.n = 0;
		lap_end(&me.laps, begin);
		ticks = me.laps.ticks[0];
		if (repetition == 0 || ticks < me.insert[i])
			me.insert[i] = ticks;
		worst = me.insert[i] > worst ? me.insert[i] : worst;
	}
	laps_reset(&me.laps);
	if (repetition + 1 == me.run->repeat) {
		char name[RESULT_NAME_MAX];

		snprintf(name, sizeof(name), "insert_worst_%s", bench_size_name(me.n));
		result_add(me.result, NULL, name, "us", worst * 1e6 / me.run->hz);
	}
	return 0;
}

static void
insert_all(void)
{
	table_begin(me.n, NULL);
	for (uint32_t i = 0; i + BURST <= me.n; i += BURST) {
		const uint64_t begin = lap_begin();

		for (uint32_t k = i; k < i + BURST; k++) {
			const struct conn_key key = {.id = me.tcb[k].id};

			(void)conn_table_insert(&me.table, conn_hash(&hash_key, &key), k);
		}
		lap_end(&me.laps, begin);
	}
	figure(NULL, "insert");
	for (uint32_t k = me.table.n_used; k < me.n; k++) {
		const struct conn_key key = {.id = me.tcb[k].id};

		(void)conn_table_insert(&me.table, conn_hash(&hash_key, &key), k);
	}
}

/* As rx_look_up() and tcp_segment_arrives() do. */
static inline void
find_burst(const struct conn_key *key, uint32_t *index)
{
	uint32_t hash[BURST];

	for (uint32_t i = 0; i < BURST; i++) {
		hash[i] = conn_hash(&hash_key, &key[i]);
		conn_table_prefetch(&me.table, hash[i]);
	}
	for (uint32_t i = 0; i < BURST; i++)
		(void)conn_table_hint(&me.table, hash[i]);
	for (uint32_t i = 0; i < BURST; i++)
		index[i] = conn_table_find(&me.table, hash[i], &key[i]);
}

/* The same, and what it is for: something of the TCB. */
static void
find_tcbs(void)
{
	uint32_t index[BURST];
	struct burst b;

	for (uint32_t n = 0; n < ops(); n += BURST) {
		uint64_t begin;

		burst_fill(&b, true, 0, LPORT);
		begin = lap_begin();
		find_burst(b.key, index);
		for (uint32_t i = 0; i < BURST; i++)
			me.found += me.tcb[index[i]].gen;
		lap_end(&me.laps, begin);
	}
	figure(NULL, "hit_tcb");
}

static int
find_many(uint16_t lport)
{
	const bool hit = lport == LPORT;
	uint32_t index[BURST];
	struct burst b;

	for (uint32_t n = 0; n < ops(); n += BURST) {
		uint64_t begin;

		burst_fill(&b, true, 0, lport);
		begin = lap_begin();
		find_burst(b.key, index);
		lap_end(&me.laps, begin);
		for (uint32_t i = 0; i < BURST; i++)
			if (index[i] != (hit ? b.index[i] : PTCP_NIL))
				return fail("the table found %s where it should not",
						fmt_num(index[i]));
	}
	figure(NULL, hit ? "hit" : "miss");
	return 0;
}

static int
delete_many(void)
{
	struct burst b;
	const uint32_t n_most = me.n < ops() ? me.n : ops();

	for (uint32_t n = 0; n + BURST <= n_most; n += BURST) {
		uint64_t begin;
		int failed = 0;

		burst_fill(&b, false, n, LPORT);
		begin = lap_begin();
		for (uint32_t i = 0; i < BURST; i++)
			failed |= conn_table_remove(
					&me.table, conn_hash(&hash_key, &b.key[i]), b.index[i]);
		lap_end(&me.laps, begin);
		if (failed != 0)
			return fail("the table has lost an entry");
	}
	figure(NULL, "delete");
	return 0;
}

static int
table_repeat(uint32_t repetition)
{
	char name[RESULT_NAME_MAX];

	if (insert_singly(repetition) != 0)
		return -1;
	insert_all();
	if (find_many(LPORT) != 0)
		return -1;
	find_tcbs();
	if (find_many(LPORT_MISS) != 0 || delete_many() != 0)
		return -1;
	snprintf(name, sizeof(name), "bytes_%s", bench_size_name(me.n));
	result_add(me.result, NULL, name, "B", (double)conn_table_size(me.n) / me.n);
	return 0;
}

/* ------------------------------------------------------------------ rte_hash */

static uint64_t
heap_used(void)
{
	struct rte_malloc_socket_stats stats;
	uint64_t bytes = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	return bytes;
}

static int
rte_find_many(struct rte_hash *h, const char *side, uint16_t lport)
{
	const bool hit = lport == LPORT;
	void *data[BURST];
	struct burst b;
	uint64_t lost = 0;

	for (uint32_t n = 0; n < ops(); n += BURST) {
		uint64_t begin, mask = 0;

		burst_fill(&b, true, 0, lport);
		begin = lap_begin();
		(void)rte_hash_lookup_bulk_data(h, b.rte_keys, BURST, &mask, data);
		lap_end(&me.laps, begin);
		for (uint32_t i = 0; i < BURST; i++)
			lost += (mask >> i & 1) != hit || (hit && (uintptr_t)data[i] != b.index[i]);
	}
	/* Some may have found no place; that many must not have. */
	if (lost > ops() / 10)
		return fail("%s: %s of %s look-ups are wrong", side, fmt_num(lost), fmt_num(ops()));
	figure(side, hit ? "hit" : "miss");
	return 0;
}

/* To the TCB, which lies as ours does; prefetched for the whole burst. */
static void
rte_find_tcbs(struct rte_hash *h, const char *side)
{
	struct burst b;

	for (uint32_t n = 0; n < ops(); n += BURST) {
		void *data[BURST] = {0};
		uint64_t begin, mask = 0;

		burst_fill(&b, true, 0, LPORT);
		begin = lap_begin();
		(void)rte_hash_lookup_bulk_data(h, b.rte_keys, BURST, &mask, data);
		for (uint32_t i = 0; i < BURST; i++)
			ptcp_prefetch(&me.tcb[(uintptr_t)data[i]]);
		for (uint32_t i = 0; i < BURST; i++)
			me.found += me.tcb[(uintptr_t)data[i]].gen;
		lap_end(&me.laps, begin);
	}
	figure(side, "hit_tcb");
}

static void
rte_delete_many(struct rte_hash *h, const char *side)
{
	const uint32_t n_most = me.n < ops() ? me.n : ops();
	struct burst b;

	for (uint32_t n = 0; n + BURST <= n_most; n += BURST) {
		uint64_t begin;

		burst_fill(&b, false, n, LPORT);
		begin = lap_begin();
		for (uint32_t i = 0; i < BURST; i++)
			(void)rte_hash_del_key(h, &b.rte_key[i]);
		lap_end(&me.laps, begin);
	}
	figure(side, "delete");
}

/* @return how many found a place */
static uint32_t
rte_insert_all(struct rte_hash *h, const char *side)
{
	uint32_t entered = 0;

	for (uint32_t i = 0; i + BURST <= me.n; i += BURST) {
		struct collide_key4 key[BURST];
		uint64_t begin;

		for (uint32_t k = 0; k < BURST; k++)
			key[k] = rte_key_of(i + k, LPORT);
		begin = lap_begin();
		for (uint32_t k = 0; k < BURST; k++)
			entered += rte_hash_add_key_data(h, &key[k], (void *)(uintptr_t)(i + k)) ==
					0;
		lap_end(&me.laps, begin);
	}
	figure(side, "insert");
	return entered;
}

static int
rte_repeat(const struct rte_side *side)
{
	const struct rte_hash_parameters conf = {
			.name = "bench",
			.entries = me.n,
			.key_len = sizeof(struct collide_key4),
			.socket_id = SOCKET_ID_ANY,
			.extra_flag = side->flags,
	};
	const uint64_t before = heap_used();
	struct rte_hash *h = rte_hash_create(&conf);
	char name[RESULT_NAME_MAX];
	uint32_t entered, offered;
	int ret;

	if (h == NULL)
		return fail("%s: no memory for %s keys", side->name, fmt_num(me.n));
	snprintf(name, sizeof(name), "bytes_%s", bench_size_name(me.n));
	result_add(me.result, side->name, name, "B", (double)(heap_used() - before) / me.n);
	entered = rte_insert_all(h, side->name);
	snprintf(name, sizeof(name), "refused_%s", bench_size_name(me.n));
	offered = me.n / BURST * BURST;
	result_add(me.result, side->name, name, "keys", offered - entered);
	ret = rte_find_many(h, side->name, LPORT);
	rte_find_tcbs(h, side->name);
	if (ret == 0)
		ret = rte_find_many(h, side->name, LPORT_MISS);
	rte_delete_many(h, side->name);
	rte_hash_free(h);
	return ret;
}

/* ------------------------------------------------------------------ collisions */

/* What the tuples of an attack are; one of both. */
struct attack {
	const char *name;
	collide_hash_t hash;
	struct collide_key4 *key4;
	struct collide_key6 *key6;
};

/* Give TCB @p i the tuple @p key4 or @p key6. */
static void
attack_ident(const struct attack *a, uint32_t i, bool colliding)
{
	if (a->key6 == NULL) {
		const struct collide_key4 *k = &a->key4[i];

		me.tcb[i].id = colliding ? (struct conn_ident){.raddr = k->raddr,
							   .rport = k->rport,
							   .lport = k->lport} :
					   ident_of(i, LPORT);
		return;
	}
	for (unsigned int word = 0; word < 4; word++) {
		const uint32_t value =
				colliding ? a->key6[i].raddr[word] : rnd_below(&me.rnd, UINT32_MAX);

		memcpy((uint8_t *)&me.raddr6[i] + 4 * word, &value, sizeof(value));
	}
	me.tcb[i].id = (struct conn_ident){.raddr = ip_addr_fold(&me.raddr6[i]),
			.rport = a->key6[i].rport,
			.lport = a->key6[i].lport,
			.laddr = 1};
}

/* @return what 99 of 100 look-ups don't exceed, ns; below 0: one line was printed */
static double
attack_p99(const struct attack *a, bool colliding)
{
	struct conn_key key;

	table_begin(COLLIDING, a->key6 != NULL ? me.raddr6 : NULL);
	for (uint32_t i = 0; i < COLLIDING; i++) {
		attack_ident(a, i, colliding);
		key = (struct conn_key){me.tcb[i].id, a->key6 != NULL ? &me.raddr6[i] : NULL};
		if (conn_table_insert(&me.table, conn_hash(&hash_key, &key), i) != 0)
			return fail("the table takes %s tuples only", fmt_num(i));
	}
	laps_reset(&me.laps);
	for (uint32_t n = 0; n < SINGLES; n++) {
		const uint32_t i = rnd_below(&me.rnd, COLLIDING);
		struct ip_addr raddr6;
		uint64_t begin;

		/* The key comes from a packet: what it is compared with shall not be in cache thereby. */
		key = (struct conn_key){me.tcb[i].id, NULL};
		if (a->key6 != NULL) {
			raddr6 = me.raddr6[i];
			key.raddr6 = &raddr6;
		}
		begin = lap_begin();
		me.found += conn_table_find(&me.table, conn_hash(&hash_key, &key), &key) == i;
		lap_end(&me.laps, begin);
	}
	return laps_quantile_ns(&me.laps, 99, 100, me.run->hz);
}

/* How many of the tuples rte_hash takes in when it hashes with what they collide under. */
static int
attack_rte(const struct attack *a)
{
	const uint32_t len = a->key6 != NULL ? sizeof(a->key6[0]) : sizeof(a->key4[0]);
	const uint8_t *keys = a->key6 != NULL ? (const uint8_t *)a->key6 : (const uint8_t *)a->key4;
	const struct rte_hash_parameters conf = {
			.name = "attack",
			.entries = COLLIDING,
			.key_len = len,
			.hash_func = a->hash,
			.socket_id = SOCKET_ID_ANY,
	};
	struct rte_hash *h = rte_hash_create(&conf);
	char name[RESULT_NAME_MAX];
	uint32_t entered = 0;

	if (h == NULL)
		return fail("rte_hash: no memory for %s keys", fmt_num(COLLIDING));
	for (uint32_t i = 0; i < COLLIDING && !stop_requested(); i++)
		entered += rte_hash_add_key(h, keys + (size_t)i * len) >= 0;
	rte_hash_free(h);
	snprintf(name, sizeof(name), "collide_%s_taken", a->name);
	result_add(me.result, NULL, name, "tuples", COLLIDING);
	result_add(me.result, "rte_hash", name, "tuples", entered);
	return 0;
}

static int
attack_run(const struct attack *a)
{
	const uint8_t *keys = a->key6 != NULL ? (const uint8_t *)a->key6 : (const uint8_t *)a->key4;
	const uint32_t len = a->key6 != NULL ? sizeof(a->key6[0]) : sizeof(a->key4[0]);
	char name[RESULT_NAME_MAX];

	for (uint32_t i = 1; i < COLLIDING; i++)
		if (a->hash(keys + (size_t)i * len, len, 0) != a->hash(keys, len, 0))
			return fail("tuples that don't collide under %s: a defect of the bench",
					a->name);
	for (uint32_t i = 0; i < me.run->repeat && !stop_requested(); i++) {
		double random, colliding;

		bench_progress(me.run, "table: %s tuples that collide under %s, %u of %u",
				bench_size_name(COLLIDING), a->name, i + 1,
				(unsigned int)me.run->repeat);
		random = attack_p99(a, false);
		colliding = attack_p99(a, true);
		if (random < 0 || colliding < 0)
			return -1;
		snprintf(name, sizeof(name), "random_%s_p99", a->key6 != NULL ? "v6" : a->name);
		result_add(me.result, NULL, name, "ns", random);
		snprintf(name, sizeof(name), "collide_%s_p99", a->name);
		result_add(me.result, NULL, name, "ns", colliding);
		snprintf(name, sizeof(name), "collide_%s_p99_x", a->name);
		result_add(me.result, NULL, name, "x", colliding / random);
	}
	return attack_rte(a);
}

static int
attacks_run(void)
{
	struct attack crc32 = {.name = "crc32", .hash = collide_crc32};
	struct attack toeplitz = {.name = "toeplitz", .hash = collide_toeplitz};
	struct attack jhash = {.name = "jhash", .hash = collide_jhash};
	int ret = -1;

	crc32.key4 = malloc(COLLIDING * sizeof(crc32.key4[0]));
	toeplitz.key4 = malloc(COLLIDING * sizeof(toeplitz.key4[0]));
	jhash.key6 = malloc(COLLIDING * sizeof(jhash.key6[0]));
	if (crc32.key4 == NULL || toeplitz.key4 == NULL || jhash.key6 == NULL)
		fail("no memory for %s tuples", fmt_num(COLLIDING));
	else if (collide_linear(crc32.hash, crc32.key4, COLLIDING) != COLLIDING ||
			collide_linear(toeplitz.hash, toeplitz.key4, COLLIDING) != COLLIDING)
		fail("too few tuples that collide: a defect of the bench");
	else
		ret = attack_run(&crc32);
	if (ret == 0)
		ret = attack_run(&toeplitz);
	if (ret == 0) {
		collide_jhash6(jhash.key6, COLLIDING);
		ret = attack_run(&jhash);
	}
	free(crc32.key4);
	free(toeplitz.key4);
	free(jhash.key6);
	return ret;
}

/* ------------------------------------------------------------------ run */

static int
size_run(uint32_t n)
{
	int ret = 0;

	me.n = n;
	for (uint32_t i = 0; i < n; i++)
		me.tcb[i].id = ident_of(i, LPORT);
	for (uint32_t i = 0; i < me.run->repeat && ret == 0 && !stop_requested(); i++) {
		bench_progress(me.run, "table: %s connections, %u of %u: polltcp",
				bench_size_name(n), i + 1, (unsigned int)me.run->repeat);
		ret = table_repeat(i);
		for (unsigned int side = 0; side < RTE_SIDES && ret == 0 && !stop_requested();
				side++) {
			bench_progress(me.run, "table: %s connections, %u of %u: %s",
					bench_size_name(n), i + 1, (unsigned int)me.run->repeat,
					rte_sides[side].name);
			ret = rte_repeat(&rte_sides[side]);
		}
	}
	return ret;
}

static void
ratios(uint32_t n)
{
	static const char *const what[] = {"hit", "hit_tcb", "miss", "insert", "delete", "bytes"};
	char name[RESULT_NAME_MAX];

	for (unsigned int i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		for (unsigned int side = 0; side < RTE_SIDES; side++) {
			snprintf(name, sizeof(name), "%s_%s", what[i], bench_size_name(n));
			result_ratio(me.result, name, rte_sides[side].name, name, true);
		}
}

static void
targets(void)
{
	result_target(me.result, "look-ups at 1 M, times rte_hash's", "rte_hash:hit_1M", false,
			1.5);
	result_target(me.result, "look-ups at 1 M, times rte_hash's (lock-free)",
			"rte_hash lock-free:hit_1M", false, 1.5);
	result_target(me.result, "look-ups at 16 M, times rte_hash's", "rte_hash:hit_16M", false,
			1.5);
	result_target(me.result, "look-ups at 16 M, times rte_hash's (lock-free)",
			"rte_hash lock-free:hit_16M", false, 1.5);
	result_target(me.result, "bytes a connection at design load, 16 M", "bytes_16M", true, 12);
	result_target(me.result, "worst single insertion of 16 M, us", "insert_worst_16M", true,
			20);
	result_target(me.result,
			"p99 with 100 k tuples that collide under CRC32, times that of random ones",
			"collide_crc32_p99_x", true, 2);
	result_target(me.result, "the same under Toeplitz", "collide_toeplitz_p99_x", true, 2);
	result_target(me.result, "the same under jhash (IPv6)", "collide_jhash_p99_x", true, 2);
}

static int
memory_take(uint32_t largest)
{
	const uint32_t n = largest < COLLIDING ? COLLIDING : largest;
	const uint32_t laps = n / BURST > SINGLES ? n / BURST : SINGLES;

	me.rnd.state = 20240917;
	me.tcb = bench_alloc((size_t)n * sizeof(me.tcb[0]));
	me.buckets = bench_alloc(conn_table_size(n));
	me.raddr6 = bench_alloc(COLLIDING * sizeof(me.raddr6[0]));
	me.insert = malloc((size_t)n * sizeof(me.insert[0]));
	if (me.tcb == NULL || me.buckets == NULL || me.raddr6 == NULL)
		return -1;
	if (me.insert == NULL)
		return fail("no memory for %s times", fmt_num(n));
	return laps_init(&me.laps, laps);
}

static int
table_run(const struct bench_run *run, struct result *result)
{
	uint32_t largest = sizes[0];
	int ret;

	me.run = run;
	me.result = result;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] <= max_tuples)
			largest = sizes[i];
	ret = memory_take(largest);
	for (unsigned int i = 0; ret == 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* 100 k only where there is nothing larger, so that quick runs see more than cache */
		if (sizes[i] > largest || (sizes[i] == 100000 && largest > 100000))
			continue;
		ret = size_run(sizes[i]);
		ratios(sizes[i]);
	}
	if (ret == 0 && !stop_requested())
		ret = attacks_run();
	targets();
	result_note(result,
			"rte_hash: CRC32 over keys of 16 bytes; it gives an index, polltcp the TCB's line in cache "
			"as well. hit_tcb: up to a word of the TCB, prefetched, on all sides.");
	result_note(result,
			"insert_worst: of each insertion the best of all repetitions, of these the worst.");
	laps_free(&me.laps);
	free(me.insert);
	bench_free(me.raddr6);
	bench_free(me.buckets);
	bench_free(me.tcb);
	return ret;
}

const struct bench bench_table = {
		.name = "table",
		.help = "the connection table: look-ups, insertion, deletion, collisions, beside rte_hash",
		.opts = table_opts,
		.check = table_check_options,
		.needs = table_needs,
		.run = table_run,
};
