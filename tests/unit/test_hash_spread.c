/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Tuples with structure, or made to collide under other hashes, lie in the table as random
 * ones do.
 */
#include <string.h>

#include "conn/table.h"
#include "test.h"

#define N 100000u

static const struct siphash_key key = {0x5ca1ab1e0ddba11ULL, 0xdecafc0ffee15badULL};
static struct conn_ident obj[N];
static uint64_t rng = 4711;

static uint64_t
rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dULL;
}

/** How the tuples in obj[] lie in a table at design load. */
struct spread {
	uint32_t p99;     /**< buckets that a look-up visits, at the 99th percentile */
	uint32_t longest; /**< and at worst */
	double chi;       /**< chi-square of the homes, divided by its degrees of freedom */
};

static struct spread
measure(void)
{
	void *mem = aligned_alloc(PTCP_CACHE_LINE, conn_table_size(N));
	struct spread r = {0, 0, 0};
	uint32_t visits[64] = {0};
	uint32_t *homes, sum = 0;
	struct conn_table t;

	conn_table_init(&t, mem, N, obj, sizeof(obj[0]), NULL);
	homes = calloc(t.n_buckets, sizeof(*homes));
	for (uint32_t i = 0; i < N; i++) {
		const struct conn_key k = {obj[i], NULL};

		homes[conn_table_home(&t, conn_hash(&key, &k))]++;
		conn_table_insert(&t, conn_hash(&key, &k), i);
	}
	for (uint32_t i = 0; i < t.n_buckets; i++) {
		const double mean = (double)N / t.n_buckets;

		r.chi += (homes[i] - mean) * (homes[i] - mean) / mean / (t.n_buckets - 1);
		for (uint32_t s = 0; s < CONN_BUCKET_SLOTS; s++) {
			if (t.bucket[i].sig[s] == 0)
				continue;
			const struct conn_key k = {obj[t.bucket[i].index[s]], NULL};
			const uint32_t home = conn_table_home(&t, conn_hash(&key, &k));
			const uint32_t n = (i + t.n_buckets - home) % t.n_buckets + 1;

			visits[n < 63 ? n : 63]++;
			r.longest = n > r.longest ? n : r.longest;
		}
	}
	for (r.p99 = 0; sum < N / 100 * 99; r.p99++)
		sum += visits[r.p99 + 1];
	free(homes);
	free(mem);
	return r;
}

static struct spread
random_spread(void)
{
	for (uint32_t i = 0; i < N; i++) {
		const uint64_t x = rnd();

		obj[i] = (struct conn_ident){.raddr = (uint32_t)x,
				.rport = (uint16_t)(x >> 32),
				.lport = (uint16_t)(x >> 48)};
	}
	return measure();
}

static void
compare(const char *what)
{
	const struct spread s = measure();
	const struct spread r = random_spread();

	printf("\n    %s: p99 %u, longest %u, chi %.3f; random: p99 %u, longest %u, chi %.3f ",
			what, s.p99, s.longest, s.chi, r.p99, r.longest, r.chi);
	CU_ASSERT(s.p99 <= 2 * r.p99);
	CU_ASSERT(s.longest <= 2 * r.longest);
	/* 15,625 degrees of freedom: the standard deviation is 0.011. */
	CU_ASSERT(s.chi > 0.94 && s.chi < 1.06);
	CU_ASSERT(r.chi > 0.94 && r.chi < 1.06);
}

static void
sequential_ports(void)
{
	for (uint32_t i = 0; i < N; i++)
		obj[i] = (struct conn_ident){.raddr = 0x0100000a + (i / 50000 << 24),
				.rport = 80,
				.lport = (uint16_t)(10000 + i % 50000)};
	compare("sequential ports");
}

static void
sequential_addresses(void)
{
	for (uint32_t i = 0; i < N; i++)
		obj[i] = (struct conn_ident){.raddr = __builtin_bswap32(0x0a000000 + i),
				.rport = 40000,
				.lport = 443};
	compare("sequential addresses");
}

static void
steps_of_powers_of_two(void)
{
	for (uint32_t i = 0; i < N; i++)
		obj[i] = (struct conn_ident){.raddr = i << 15,
				.rport = (uint16_t)(i >> 1 & 0xff00),
				.lport = 1024,
				.laddr = (uint16_t)(i << 13)};
	for (uint32_t i = 0; i < N; i++)
		obj[i].rport = (uint16_t)(obj[i].rport | i >> 9);
	compare("steps of 2^15");
}

static uint32_t
crc32(uint64_t tuple)
{
	uint32_t crc = 0xffffffff;

	for (int i = 0; i < 8; i++) {
		crc ^= (uint32_t)(tuple >> (8 * i)) & 0xff;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t
toeplitz(uint64_t tuple)
{
	uint64_t window = 0x6d5a56da255b0ec2; /* any key will do */
	uint64_t more = 0x4167253d43a38fb0;
	uint32_t hash = 0;

	for (int bit = 0; bit < 64; bit++) {
		if ((tuple >> bit & 1) != 0)
			hash ^= (uint32_t)(window >> 32);
		window = window << 1 | more >> 63;
		more <<= 1;
	}
	return hash;
}

/**
 * Fill obj[] with tuples of one value under @p linear: combinations of its kernel, found by
 * elimination - which is just what an attacker can do when a hash is linear, whatever its key.
 */
static void
collide(uint32_t (*linear)(uint64_t))
{
	uint64_t pivot_in[32] = {0}, kernel[64];
	uint32_t pivot_out[32] = {0};
	uint32_t n = 0;

	for (int bit = 0; bit < 64; bit++) {
		uint64_t in = (uint64_t)1 << bit;
		uint32_t out = linear(in) ^ linear(0);

		while (out != 0 && pivot_out[__builtin_ctz(out)] != 0) {
			const int p = __builtin_ctz(out);

			in ^= pivot_in[p];
			out ^= pivot_out[p];
		}
		if (out == 0) {
			kernel[n++] = in;
		} else {
			pivot_in[__builtin_ctz(out)] = in;
			pivot_out[__builtin_ctz(out)] = out;
		}
	}
	CU_ASSERT_FATAL(n >= 32);
	for (uint32_t i = 0; i < N; i++) {
		uint64_t tuple = 0;

		for (uint32_t b = 0; b < 17; b++)
			tuple ^= (i >> b & 1) != 0 ? kernel[b] : 0;
		CU_ASSERT_EQUAL_FATAL(linear(tuple), linear(0));
		obj[i] = (struct conn_ident){.raddr = (uint32_t)tuple,
				.rport = (uint16_t)(tuple >> 32),
				.lport = (uint16_t)(tuple >> 48)};
	}
}

static void
bad_input_38_tuples_that_collide_under_crc32(void)
{
	collide(crc32);
	compare("collide under CRC32");
}

static void
bad_input_38_tuples_that_collide_under_toeplitz(void)
{
	collide(toeplitz);
	compare("collide under Toeplitz");
}

static uint32_t
rotl32(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

/** Jenkins' lookup3 of two words. */
static uint32_t
jhash(uint32_t a, uint32_t b)
{
	uint32_t c = 0xdeadbeef + 8;

	a += c;
	b += c;
	c ^= b, c -= rotl32(b, 14);
	a ^= c, a -= rotl32(c, 11);
	b ^= a, b -= rotl32(a, 25);
	c ^= b, c -= rotl32(b, 16);
	a ^= c, a -= rotl32(c, 4);
	b ^= a, b -= rotl32(a, 14);
	c ^= b, c -= rotl32(b, 24);
	return c;
}

/**
 * A hash without a secret needs no theory: 13 million tries give 100,000 tuples for one bucket in
 * 128.
 */
static void
bad_input_38_tuples_that_collide_under_jhash(void)
{
	uint32_t n = 0;

	for (uint32_t try = 0; n < N; try++) {
		const uint32_t raddr = 0x0a + (try << 8), ports = 443 | (1024 + (try >> 24)) << 16;

		if ((jhash(raddr, ports) & 0x7f) == 0x55)
			obj[n++] = (struct conn_ident){.raddr = raddr,
					.rport = (uint16_t)(ports >> 16),
					.lport = 443};
	}
	compare("collide under jhash");
}

static CU_TestInfo tests[] = {
		TEST(sequential_ports),
		TEST(sequential_addresses),
		TEST(steps_of_powers_of_two),
		TEST(bad_input_38_tuples_that_collide_under_crc32),
		TEST(bad_input_38_tuples_that_collide_under_toeplitz),
		TEST(bad_input_38_tuples_that_collide_under_jhash),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("hash_spread", tests)
