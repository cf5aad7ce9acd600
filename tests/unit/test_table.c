/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conn/table.h"
#include "test.h"

#define OBJS_MAX 100000u
#define V6       0x8000 /* local addresses from here on are IPv6 in these tests */

static const struct siphash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
static struct conn_ident obj[OBJS_MAX];
static struct ip_addr raddr6[OBJS_MAX];
static uint64_t rng = 20240917;

static uint32_t
rnd(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 32) * below >> 32);
}

static struct conn_key
key_of(uint32_t i)
{
	return (struct conn_key){obj[i], obj[i].laddr >= V6 ? &raddr6[i] : NULL};
}

static uint32_t
hash_of(uint32_t i)
{
	const struct conn_key k = key_of(i);

	return conn_hash(&key, &k);
}

static uint32_t
find(const struct conn_table *t, uint32_t i)
{
	const struct conn_key k = key_of(i);

	return conn_table_find(t, conn_hash(&key, &k), &k);
}

/** Give object @p i the tuple of number @p n; different numbers, different tuples. */
static void
set_tuple(uint32_t i, uint32_t n, bool v6)
{
	memset(&raddr6[i], 0xee, sizeof(raddr6[i])); /* stale, as with a TCB used before */
	obj[i] = (struct conn_ident){
			.raddr = 0x0a000000 + (n >> 8),
			.rport = 443,
			.lport = (uint16_t)(1024 + (n & 0xff)),
			.laddr = v6 ? V6 : 3,
			.aux = (uint16_t)n,
	};
	if (v6) {
		raddr6[i] = (struct ip_addr){.q = {0xb80d0120, (uint64_t)n << 32 | n}};
		obj[i].raddr = ip_addr_fold(&raddr6[i]); /* the same for all of them */
	}
}

static struct conn_table
table_new(uint32_t max, bool v6)
{
	void *mem = aligned_alloc(PTCP_CACHE_LINE, conn_table_size(max));
	struct conn_table t;

	memset(mem, 0xa5, conn_table_size(max));
	conn_table_init(&t, mem, max, obj, sizeof(obj[0]), v6 ? raddr6 : NULL);
	return t;
}

static void
table_free(struct conn_table *t)
{
	free(t->bucket);
}

static uint64_t
passed_sum(const struct conn_table *t)
{
	uint64_t sum = 0;

	for (uint32_t b = 0; b < t->n_buckets; b++)
		sum += t->bucket[b].passed;
	return sum;
}

static void
size_keeps_the_budget(void)
{
	for (uint32_t max = 1; max < 3000; max++) {
		CU_ASSERT(conn_table_size(max) / PTCP_CACHE_LINE * CONN_BUCKET_SLOTS >= max);
		CU_ASSERT(max < 1000 || conn_table_size(max) <= 12 * (size_t)max);
	}
	CU_ASSERT(conn_table_size(100000000) <= (size_t)12 * 100000000);
	CU_ASSERT(conn_table_size(UINT32_MAX - 1) >= (size_t)7 * UINT32_MAX);
}

/** Random work on a table that @p max objects fill; in[] is the model. */
static void
model_run(uint32_t max, bool v4, bool v6, uint32_t steps)
{
	struct conn_table t = table_new(max, v6);
	bool *in = calloc(max, sizeof(*in));
	uint32_t n_in = 0;

	printf("seed %llu ", (unsigned long long)rng);
	for (uint32_t i = 0; i < max; i++)
		set_tuple(i, i, v6 && (!v4 || i % 2 != 0));
	for (uint32_t step = 0; step < steps; step++) {
		const uint32_t i = rnd(max);
		/* Swings between empty and full. */
		const bool grow = rnd(100) < (step / (4 * max) % 2 == 0 ? 75u : 25u);
		struct conn_key k = key_of(i);

		CU_ASSERT_EQUAL_FATAL(find(&t, i), in[i] ? i : PTCP_NIL);
		k.id.aux ^= 0x5555;
		CU_ASSERT_EQUAL_FATAL(conn_hash(&key, &k), hash_of(i));
		CU_ASSERT_EQUAL_FATAL(conn_table_find(&t, hash_of(i), &k), in[i] ? i : PTCP_NIL);
		if (in[i])
			CU_ASSERT_NOT_EQUAL_FATAL(conn_table_hint(&t, hash_of(i)), PTCP_NIL);
		if (grow && !in[i]) {
			CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, hash_of(i), i), 0);
			in[i] = true;
			n_in++;
		} else if (!grow) {
			CU_ASSERT_EQUAL_FATAL(
					conn_table_remove(&t, hash_of(i), i), in[i] ? 0 : -ENOENT);
			n_in -= in[i];
			in[i] = false;
		}
		CU_ASSERT_EQUAL_FATAL(t.n_used, n_in);
		if (max < 100 || step % 1000 == 0)
			CU_ASSERT_PTR_NULL_FATAL(conn_table_check(&t, &key));
	}
	for (uint32_t i = 0; i < max; i++) {
		CU_ASSERT_EQUAL(find(&t, i), in[i] ? i : PTCP_NIL);
		CU_ASSERT_EQUAL(conn_table_remove(&t, hash_of(i), i), in[i] ? 0 : -ENOENT);
	}
	CU_ASSERT_EQUAL(t.n_used, 0);
	CU_ASSERT_EQUAL(passed_sum(&t), 0);
	free(in);
	table_free(&t);
}

static void
model_ipv4(void)
{
	static const uint32_t max[] = {1, 2, 6, 7, 10, 11, 31, 64, 1000};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(max); i++)
		model_run(max[i], true, false, 30000);
}

static void
model_ipv6(void)
{
	static const uint32_t max[] = {1, 12, 64, 1000};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(max); i++)
		model_run(max[i], false, true, 20000);
}

static void
model_both_families(void)
{
	static const uint32_t max[] = {2, 30, 1000};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(max); i++)
		model_run(max[i], true, true, 20000);
}

/**
 * As above, with few different hashes, so that long walks, holes and equal signatures are the rule.
 */
static void
model_crowded(void)
{
	const uint32_t max = 60;
	struct conn_table t = table_new(max, true);
	bool in[60] = {false};

	for (uint32_t i = 0; i < max; i++)
		set_tuple(i, i, i % 2 != 0);
	for (uint32_t step = 0; step < 100000; step++) {
		const uint32_t i = rnd(max);
		const uint32_t hash = hash_of(i) & 0xc0000001;
		const struct conn_key k = key_of(i);
		const bool grow = rnd(100) < (step / 256 % 2 == 0 ? 85u : 15u);

		CU_ASSERT_EQUAL_FATAL(conn_table_find(&t, hash, &k), in[i] ? i : PTCP_NIL);
		CU_ASSERT_FATAL(!in[i] || conn_table_hint(&t, hash) != PTCP_NIL);
		if (grow && !in[i]) {
			CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, hash, i), 0);
			in[i] = true;
		} else if (!grow) {
			CU_ASSERT_EQUAL_FATAL(conn_table_remove(&t, hash, i), in[i] ? 0 : -ENOENT);
			in[i] = false;
		}
	}
	for (uint32_t i = 0; i < max; i++)
		conn_table_remove(&t, hash_of(i) & 0xc0000001, i);
	CU_ASSERT_EQUAL(t.n_used, 0);
	CU_ASSERT_EQUAL(passed_sum(&t), 0);
	table_free(&t);
}

static void
full_then_refused_then_empty(void)
{
	for (uint32_t max = 1; max < 300; max++) {
		struct conn_table t = table_new(max, false);

		for (uint32_t i = 0; i <= max; i++)
			set_tuple(i, rnd(1 << 16) << 9 | i, false);
		for (uint32_t i = 0; i < max; i++)
			CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, hash_of(i), i), 0);
		CU_ASSERT_EQUAL(conn_table_insert(&t, hash_of(0), 0), -ENOSPC);
		CU_ASSERT_EQUAL(t.n_used, max);
		CU_ASSERT_PTR_NULL(conn_table_check(&t, &key));
		for (uint32_t i = 0; i < max; i++)
			CU_ASSERT_EQUAL(find(&t, i), i);
		CU_ASSERT_EQUAL(find(&t, max), PTCP_NIL);
		for (uint32_t i = 0; i < max; i++)
			CU_ASSERT_EQUAL(conn_table_remove(&t, hash_of(i), i), 0);
		CU_ASSERT_EQUAL(passed_sum(&t), 0);
		CU_ASSERT_PTR_NULL(conn_table_check(&t, &key));
		table_free(&t);
	}
}

/** All objects under one hash: home bucket full, then the next ones, round the end. */
static void
one_hash_for_all_wraps_round(void)
{
	const uint32_t max = 64; /* 13 buckets */
	struct conn_table t = table_new(max, false);
	const uint32_t hash = 0xfffffff0; /* home: the last bucket */
	const struct conn_bucket *last = &t.bucket[t.n_buckets - 1];

	CU_ASSERT_EQUAL_FATAL(conn_table_home(&t, hash), t.n_buckets - 1);
	for (uint32_t i = 0; i < max; i++) {
		set_tuple(i, i, false);
		CU_ASSERT_EQUAL(conn_table_insert(&t, hash, i), 0);
		CU_ASSERT_EQUAL(last->passed,
				i < CONN_BUCKET_SLOTS ? 0 : i + 1 - CONN_BUCKET_SLOTS);
	}
	CU_ASSERT_EQUAL(t.bucket[0].passed, max - 2 * CONN_BUCKET_SLOTS);
	CU_ASSERT_EQUAL(t.bucket[5].passed, 0);
	for (uint32_t i = 0; i < max; i++) {
		const struct conn_key k = key_of(i);

		CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), i);
	}
	/*
	 * A hole in the home bucket: what lies further on is still found, the hint is the first
	 * that matches.
	 */
	CU_ASSERT_EQUAL(conn_table_hint(&t, hash), 0);
	for (uint32_t i = 0; i < CONN_BUCKET_SLOTS; i++)
		CU_ASSERT_EQUAL(conn_table_remove(&t, hash, i), 0);
	CU_ASSERT_EQUAL(conn_table_remove(&t, hash, 0), -ENOENT);
	CU_ASSERT_EQUAL(conn_table_hint(&t, hash), CONN_BUCKET_SLOTS);
	CU_ASSERT_EQUAL(last->passed, max - CONN_BUCKET_SLOTS);
	/* The hole is used again, and counts for nobody. */
	CU_ASSERT_EQUAL(conn_table_insert(&t, hash, 0), 0);
	CU_ASSERT_EQUAL(last->passed, max - CONN_BUCKET_SLOTS);
	CU_ASSERT_EQUAL(conn_table_hint(&t, hash), 0);
	CU_ASSERT_EQUAL(conn_table_remove(&t, hash, 0), 0);
	for (uint32_t i = max; i-- > CONN_BUCKET_SLOTS;) {
		const struct conn_key k = key_of(i);

		CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), i);
		CU_ASSERT_EQUAL(conn_table_remove(&t, hash, i), 0);
	}
	CU_ASSERT_EQUAL(passed_sum(&t), 0);
	table_free(&t);
}

/** The signature 0 means "free", so a hash with 16 low zeros must be given another. */
static void
signature_zero_is_an_entry(void)
{
	struct conn_table t = table_new(10, false);
	struct conn_key k;

	set_tuple(0, 0, false);
	set_tuple(1, 1, false);
	CU_ASSERT_EQUAL(conn_table_insert(&t, 0x12340000, 0), 0);
	CU_ASSERT_EQUAL(conn_table_insert(&t, 0x12340000, 1), 0);
	CU_ASSERT_EQUAL(t.n_used, 2);
	for (uint32_t i = 0; i < 2; i++) {
		k = key_of(i);
		CU_ASSERT_EQUAL(conn_table_find(&t, 0x12340000, &k), i);
	}
	CU_ASSERT_EQUAL(conn_table_remove(&t, 0x12340000, 0), 0);
	CU_ASSERT_EQUAL(conn_table_hint(&t, 0x12340000), 1);
	CU_ASSERT_EQUAL(conn_table_remove(&t, 0x12340000, 1), 0);
	CU_ASSERT_EQUAL(conn_table_hint(&t, 0x12340000), PTCP_NIL);
	table_free(&t);
}

/**
 * Every slot of a bucket is compared, and the neighbours of the signatures are not taken for one.
 */
static void
every_slot_matches(void)
{
	struct conn_table t = table_new(10, false);

	for (uint32_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(conn_table_insert(&t, i + 1, i), 0);
	for (uint32_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(conn_table_hint(&t, i + 1), i);
	for (uint32_t sig = 11; sig < 65536; sig++)
		CU_ASSERT_EQUAL(conn_table_hint(&t, sig), PTCP_NIL);
	table_free(&t);
}

/** One table, one hash: only the key decides. */
static void
keys_differ_in_each_field(void)
{
	struct conn_table t = table_new(10, true);
	const uint32_t hash = 77;
	struct conn_key k;
	struct ip_addr other;

	set_tuple(0, 5, false);
	CU_ASSERT_EQUAL(conn_table_insert(&t, hash, 0), 0);
	k = key_of(0);
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), 0);
	k.id.raddr ^= 0x80000000;
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), PTCP_NIL);
	k = key_of(0);
	k.id.rport ^= 1;
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), PTCP_NIL);
	k = key_of(0);
	k.id.lport ^= 0x8000;
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), PTCP_NIL);
	k = key_of(0);
	k.id.laddr ^= 1;
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), PTCP_NIL);
	k = key_of(0);
	k.id.aux ^= 1;
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), 0);

	/* IPv6 addresses with one fold. */
	set_tuple(1, 6, true);
	CU_ASSERT_EQUAL(conn_table_insert(&t, hash, 1), 0);
	k = key_of(1);
	CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), 1);
	for (int b = 0; b < 16; b++) {
		other = raddr6[1];
		other.b[b] ^= 0x10;
		other.b[(b + 4) % 16] ^= 0x10;
		CU_ASSERT_EQUAL(ip_addr_fold(&other), ip_addr_fold(&raddr6[1]));
		k.raddr6 = &other;
		CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), PTCP_NIL);
	}
	table_free(&t);
}

static int
compare_u32(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/** 100,000 tuples from one /24, as a load balancer sends them; another key, another order. */
static void
hundred_thousand_tuples_of_one_subnet(void)
{
	static uint32_t hash[OBJS_MAX];
	const struct siphash_key other = {1, 2};
	struct conn_table t = table_new(OBJS_MAX, false);
	uint32_t same = 0, same_other_key = 0;

	for (uint32_t i = 0; i < OBJS_MAX; i++) {
		obj[i] = (struct conn_ident){.raddr = 0x0000000a | (i & 0xff) << 24,
				.rport = (uint16_t)(i >> 8),
				.lport = 80};
		hash[i] = hash_of(i);
		const struct conn_key k = key_of(i);
		same_other_key += hash[i] == conn_hash(&other, &k);
		CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, hash[i], i), 0);
	}
	CU_ASSERT_PTR_NULL(conn_table_check(&t, &key));
	CU_ASSERT_PTR_NOT_NULL(conn_table_check(&t, &other));
	for (uint32_t i = 0; i < OBJS_MAX; i++)
		CU_ASSERT_EQUAL(find(&t, i), i);
	qsort(hash, OBJS_MAX, sizeof(hash[0]), compare_u32);
	for (uint32_t i = 1; i < OBJS_MAX; i++)
		same += hash[i] == hash[i - 1];
	/* The birthday paradox makes 1.2 pairs of 32-bit hashes collide. */
	CU_ASSERT(same <= 8);
	CU_ASSERT(same_other_key <= 2);
	table_free(&t);
}

/** Each field, and the family, has its part in the hash. */
static void
hash_depends_on_each_field(void)
{
	struct conn_key k = {{1, 2, 3, 4, 5}, NULL};
	const struct ip_addr zero = {.q = {0, 0}};
	const uint32_t h = conn_hash(&key, &k);
	struct ip_addr a = zero;

	k.id.raddr++;
	CU_ASSERT_NOT_EQUAL(conn_hash(&key, &k), h);
	k.id.raddr--, k.id.rport++;
	CU_ASSERT_NOT_EQUAL(conn_hash(&key, &k), h);
	k.id.rport--, k.id.lport++;
	CU_ASSERT_NOT_EQUAL(conn_hash(&key, &k), h);
	k.id.lport--, k.id.laddr++;
	CU_ASSERT_NOT_EQUAL(conn_hash(&key, &k), h);
	k.id.laddr--, k.id.aux++;
	CU_ASSERT_EQUAL(conn_hash(&key, &k), h);
	k.raddr6 = &zero;
	CU_ASSERT_NOT_EQUAL(conn_hash(&key, &k), h);
	for (int b = 0; b < 16; b++) {
		const struct conn_key with = {k.id, &a};

		a.b[b] = 1;
		CU_ASSERT_NOT_EQUAL(conn_hash(&key, &with), conn_hash(&key, &k));
		a.b[b] = 0;
	}
	a = (struct ip_addr){.b = {1, 2, 3, 4, 0, 0, 0, 0, 16, 32, 48, 64, 0, 0, 0, 5}};
	CU_ASSERT_EQUAL(ip_addr_fold(&a), ip_addr_v4(0x41332211).v4);
}

/** The check sees what it is for. */
static void
check_finds_faults(void)
{
	const uint32_t max = 1000;
	struct conn_table t = table_new(max, false);
	struct conn_bucket *b = t.bucket;

	for (uint32_t i = 0; i < max; i++) {
		set_tuple(i, i, false);
		CU_ASSERT_EQUAL(conn_table_insert(&t, hash_of(i), i), 0);
	}
	while (b->passed == 0)
		b++;
	CU_ASSERT_PTR_NULL(conn_table_check(&t, &key));
	b->passed++;
	CU_ASSERT_PTR_NOT_NULL(conn_table_check(&t, &key));
	b->passed--;
	t.n_used--;
	CU_ASSERT_PTR_NOT_NULL(conn_table_check(&t, &key));
	t.n_used++;
	b->sig[3] ^= 1;
	CU_ASSERT_PTR_NOT_NULL(conn_table_check(&t, &key));
	b->sig[3] ^= 1;
	b->index[3] = max;
	CU_ASSERT_PTR_NOT_NULL(conn_table_check(&t, &key));
	table_free(&t);

	t = table_new(max, false);
	CU_ASSERT_EQUAL(conn_table_insert(&t, hash_of(9), 9), 0);
	CU_ASSERT_EQUAL(conn_table_insert(&t, hash_of(9), 9), 0);
	CU_ASSERT_PTR_NOT_NULL(conn_table_check(&t, &key));
	table_free(&t);

	/* Eleven with one hash: ten in their home, one beyond it. */
	t = table_new(max, false);
	for (uint32_t i = 0; i < 11; i++)
		CU_ASSERT_EQUAL(conn_table_insert(&t, hash_of(0), i), 0);
	b = &t.bucket[conn_table_home(&t, hash_of(0))];
	for (uint32_t i = 1; i < 11; i++)
		obj[i] = obj[0];
	CU_ASSERT_STRING_EQUAL(conn_table_check(&t, &key), "two entries with one key");
	CU_ASSERT_EQUAL(b->passed, 1);
	/* The same in two buckets. */
	memset(b->sig, 0, sizeof(b->sig));
	b->sig[0] = b[1].sig[0];
	t.n_used = 2;
	CU_ASSERT_STRING_EQUAL(conn_table_check(&t, &key), "two entries with one key");
	b->sig[0] = 0;
	t.n_used = 1;
	CU_ASSERT_PTR_NULL(conn_table_check(&t, &key));
	b->passed = 0;
	CU_ASSERT_STRING_EQUAL(conn_table_check(&t, &key), "entry cannot be reached from its home");
	b->passed = 1;
	t.n_used = max + 1;
	CU_ASSERT_STRING_EQUAL(conn_table_check(&t, &key), "more entries than max");
	table_free(&t);
}

/** Somebody has passed every bucket, so that none says where a walk may end: it ends after one round. */
static void
walk_ends_when_all_were_passed(void)
{
	/* Twelve entries have three buckets of ten. */
	static const uint32_t home[] = {0, 0x60000000, 0xc0000000};
	struct conn_table t = table_new(12, false);
	struct conn_key k;

	CU_ASSERT_EQUAL_FATAL(t.n_buckets, 3);
	for (uint32_t i = 0; i < 12; i++)
		set_tuple(i, i, false);
	/* 10 to 11 and then 0 pass the buckets 0 to 2, which the others fill for them and leave again. */
	for (uint32_t n = 0; n < 2; n++) {
		for (uint32_t i = n; i < 10; i++)
			CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, home[n], i), 0);
		CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, home[n], 10 + n), 0);
		for (uint32_t i = n; i < 10; i++)
			CU_ASSERT_EQUAL_FATAL(conn_table_remove(&t, home[n], i), 0);
	}
	for (uint32_t i = 1; i < 10; i++)
		CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, home[2], i), 0);
	CU_ASSERT_EQUAL_FATAL(conn_table_insert(&t, home[2], 0), 0);
	for (uint32_t n = 0; n < 3; n++)
		CU_ASSERT_EQUAL(t.bucket[n].passed, 1);
	for (uint32_t n = 0; n < 3; n++) {
		const uint32_t hash = home[n] | 0x1234;

		k = key_of(11);
		CU_ASSERT_EQUAL(conn_table_find(&t, hash, &k), PTCP_NIL);
		CU_ASSERT_EQUAL(conn_table_hint(&t, hash), PTCP_NIL);
		CU_ASSERT_EQUAL(conn_table_remove(&t, hash, 11), -ENOENT);
	}
	k = key_of(0);
	CU_ASSERT_EQUAL(conn_table_find(&t, home[2], &k), 0);
	k = key_of(11);
	CU_ASSERT_EQUAL(conn_table_find(&t, home[1], &k), 11);
	table_free(&t);
}

static CU_TestInfo tests[] = {
		TEST(size_keeps_the_budget),
		TEST(model_ipv4),
		TEST(model_ipv6),
		TEST(model_both_families),
		TEST(model_crowded),
		TEST(full_then_refused_then_empty),
		TEST(one_hash_for_all_wraps_round),
		TEST(signature_zero_is_an_entry),
		TEST(every_slot_matches),
		TEST(keys_differ_in_each_field),
		TEST(hundred_thousand_tuples_of_one_subnet),
		TEST(hash_depends_on_each_field),
		TEST(check_finds_faults),
		TEST(walk_ends_when_all_were_passed),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("table", tests)
