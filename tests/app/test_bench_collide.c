/* SPDX-License-Identifier: BSD-3-Clause */
/* Tuples that are said to collide do so, and no two of them are the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/collide.h"
#include "test.h"

#define N 100000u

static size_t key_size;

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, key_size);
}

static void
check_all(uint8_t *keys, size_t size, collide_hash_t hash)
{
	uint32_t differ = 0, twice = 0;

	for (uint32_t i = 1; i < N; i++)
		differ += hash(keys + i * size, (uint32_t)size, 0) != hash(keys, (uint32_t)size, 0);
	key_size = size;
	qsort(keys, N, size, compare);
	for (uint32_t i = 1; i < N; i++)
		twice += memcmp(keys + i * size, keys + (i - 1) * size, size) == 0;
	CU_ASSERT_EQUAL(differ, 0);
	CU_ASSERT_EQUAL(twice, 0);
}

static void
linear(collide_hash_t hash)
{
	struct collide_key4 *key = calloc(N, sizeof(*key));

	CU_ASSERT_EQUAL(collide_linear(hash, key, N), N);
	check_all((uint8_t *)key, sizeof(*key), hash);
	for (uint32_t i = 1; i < N; i++)
		if (key[i].laddr != key[0].laddr || key[i].rport == 0)
			CU_FAIL("not to one local address, or from port 0");
	free(key);
}

static void
crc32_collides(void)
{
	linear(collide_crc32);
}

static void
toeplitz_collides(void)
{
	linear(collide_toeplitz);
}

/* The example that the makers of the hash publish: 66.9.149.187:2794 to 161.142.100.80:1766. */
static void
toeplitz_is_the_known_one(void)
{
	const struct collide_key4 key = {
			.raddr = 0x420995bb, .laddr = 0xa18e6450, .rport = 2794, .lport = 1766};

	CU_ASSERT_EQUAL(collide_toeplitz(&key, sizeof(key), 0), 0x51ccc178);
}

static void
jhash_collides(void)
{
	struct collide_key6 *key = calloc(N, sizeof(*key));

	collide_jhash6(key, N);
	check_all((uint8_t *)key, sizeof(*key), collide_jhash);
	free(key);
}

static CU_TestInfo tests[] = {
		TEST(crc32_collides),
		TEST(toeplitz_collides),
		TEST(toeplitz_is_the_known_one),
		TEST(jhash_collides),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("bench_collide", tests)
