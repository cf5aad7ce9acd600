/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers, SipHash, byte order, addresses, drop reasons, times of 32 bits. */
#include <ctype.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/counter.h"
#include "base/drop.h"
#include "base/seq.h"
#include "base/siphash.h"
#include "test.h"
#include "time/clock.h"

#define HALF 0x80000000u

static void
seq_order_across_the_wrap(void)
{
	static const uint32_t bases[] = {
			0, 1, HALF - 1, HALF, HALF + 1, UINT32_MAX - 1, UINT32_MAX};
	static const uint32_t steps[] = {1, 2, 1000, 65536, HALF - 2, HALF - 1};

	for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
		const uint32_t x = bases[b];

		CU_ASSERT_FALSE(seq_lt(x, x));
		CU_ASSERT_FALSE(seq_gt(x, x));
		CU_ASSERT_TRUE(seq_leq(x, x));
		CU_ASSERT_TRUE(seq_geq(x, x));
		CU_ASSERT_EQUAL(seq_max(x, x), x);
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			const uint32_t y = x + steps[s];

			CU_ASSERT_TRUE(seq_lt(x, y) && seq_leq(x, y));
			CU_ASSERT_TRUE(seq_gt(y, x) && seq_geq(y, x));
			CU_ASSERT_FALSE(seq_lt(y, x) || seq_leq(y, x));
			CU_ASSERT_FALSE(seq_gt(x, y) || seq_geq(x, y));
			CU_ASSERT_TRUE(seq_max(x, y) == y && seq_max(y, x) == y);
			CU_ASSERT_TRUE(seq_min(x, y) == x && seq_min(y, x) == x);
			/* one beyond half the circle, and the order turns round */
			CU_ASSERT_TRUE(seq_lt(x + HALF + steps[s], x));
		}
	}
}

/* Exactly 2^31 apart: no order, so each is before (and after) the other, and never both "not". */
static void
seq_half_a_circle_apart(void)
{
	static const uint32_t bases[] = {0, 1, HALF - 1, HALF, UINT32_MAX};

	for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
		const uint32_t x = bases[b];

		CU_ASSERT_TRUE(seq_lt(x, x + HALF) && seq_lt(x + HALF, x));
		CU_ASSERT_TRUE(seq_gt(x, x + HALF) && seq_gt(x + HALF, x));
		CU_ASSERT_TRUE(seq_leq(x, x + HALF) && seq_geq(x, x + HALF));
		CU_ASSERT_TRUE(seq_lt(x, x + HALF - 1) && !seq_lt(x + HALF - 1, x));
		CU_ASSERT_TRUE(!seq_lt(x, x + HALF + 1) && seq_lt(x + HALF + 1, x));
	}
}

static void
seq_in_window(void)
{
	CU_ASSERT_FALSE(seq_in(5, 5, 0));
	CU_ASSERT_TRUE(seq_in(5, 5, 1));
	CU_ASSERT_FALSE(seq_in(6, 5, 1));
	CU_ASSERT_FALSE(seq_in(4, 5, 1000));
	CU_ASSERT_TRUE(seq_in(UINT32_MAX, UINT32_MAX - 9, 20));
	CU_ASSERT_TRUE(seq_in(0, UINT32_MAX - 9, 20));
	CU_ASSERT_TRUE(seq_in(9, UINT32_MAX - 9, 20));
	CU_ASSERT_FALSE(seq_in(10, UINT32_MAX - 9, 20));
	CU_ASSERT_FALSE(seq_in(UINT32_MAX - 10, UINT32_MAX - 9, 20));
	/* a length beyond half the circle */
	CU_ASSERT_TRUE(seq_in(HALF + 100, 0, HALF + 101));
	CU_ASSERT_FALSE(seq_in(HALF + 101, 0, HALF + 101));
	CU_ASSERT_TRUE(seq_in(99, 101, UINT32_MAX));
	CU_ASSERT_FALSE(seq_in(100, 101, UINT32_MAX));
}

static const struct siphash_key paper_key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

/* The authors' vectors: key 00..0f, input 00..n-1. */
static void
siphash24_reference_vectors(void)
{
	static const uint64_t expected[16] = {0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL,
			0x0d6c8009d9a94f5aULL, 0x85676696d7fb7e2dULL, 0xcf2794e0277187b7ULL,
			0x18765564cd99a68dULL, 0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL,
			0x93f5f5799a932462ULL, 0x9e0082df0ba9e4b0ULL, 0x7a5dbbc594ddb9f3ULL,
			0xf4b32f46226bada7ULL, 0x751e8fbc860ee5fbULL, 0x14ea5627c0843d90ULL,
			0xf723ca908e7af2eeULL, 0xa129ca6149be45e5ULL};
	uint8_t in[64 + 1];

	for (size_t n = 0; n < 16; n++) {
		/* at both an even and an odd address */
		for (size_t at = 0; at < 2; at++) {
			for (size_t i = 0; i < n; i++)
				in[at + i] = (uint8_t)i;
			CU_ASSERT_EQUAL(siphash24(&paper_key, in + at, n), expected[n]);
		}
	}
	for (size_t i = 0; i < 63; i++)
		in[i] = (uint8_t)i;
	CU_ASSERT_EQUAL(siphash24(&paper_key, in, 63), 0x958a324ceb064572ULL);
}

/* Each bit of key and input counts. */
/** The form for inputs of known size gives what the general one gives. */
static void
siphash24_words_tail_is_the_same(void)
{
	for (size_t n = 0; n <= 4; n++) {
		uint64_t words[4];
		uint8_t bytes[4 * 8 + 4];
		uint32_t tail;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i * 37 + n);
		memcpy(words, bytes, n * 8);
		memcpy(&tail, bytes + n * 8, sizeof(tail));
		CU_ASSERT_EQUAL(siphash24_words_tail(&paper_key, words, n, tail),
				siphash24(&paper_key, bytes, n * 8 + 4));
	}
}

static void
siphash24_every_bit_counts(void)
{
	uint8_t in[21] = {0};
	const uint64_t plain = siphash24(&paper_key, in, sizeof(in));

	for (size_t i = 0; i < sizeof(in) * 8; i++) {
		in[i / 8] ^= (uint8_t)(1u << (i % 8));
		CU_ASSERT_NOT_EQUAL(siphash24(&paper_key, in, sizeof(in)), plain);
		in[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (unsigned int i = 0; i < 64; i++) {
		struct siphash_key key = paper_key;

		key.k0 ^= 1ULL << i;
		CU_ASSERT_NOT_EQUAL(siphash24(&key, in, sizeof(in)), plain);
		key = paper_key;
		key.k1 ^= 1ULL << i;
		CU_ASSERT_NOT_EQUAL(siphash24(&key, in, sizeof(in)), plain);
	}
	CU_ASSERT_NOT_EQUAL(siphash24(&paper_key, in, sizeof(in) - 1), plain);
}

/* Inputs 00..07, 00..0f, 00..17, and 00..01, 00..09, 00..19 under key 0: what CPython's hash() gives with PYTHONHASHSEED=0. */
static void
siphash13_vectors(void)
{
	static const struct siphash_key zero = {0, 0};
	static const uint64_t words[3] = {
			0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL, 0x1716151413121110ULL};

	CU_ASSERT_EQUAL(siphash13_words(&zero, words, 1), 0xead411e67ebe2eeaULL);
	CU_ASSERT_EQUAL(siphash13_words(&zero, words, 2), 0x8972188433a5c5b7ULL);
	CU_ASSERT_EQUAL(siphash13_words(&zero, words, 3), 0x31185a47af932f3aULL);
	CU_ASSERT_NOT_EQUAL(siphash13_words(&paper_key, words, 3), 0x31185a47af932f3aULL);
	CU_ASSERT_EQUAL(siphash13_words_tail(&zero, words, 0, 0x0100), 0x010bac45c41e3669ULL);
	CU_ASSERT_EQUAL(siphash13_words_tail(&zero, words, 1, 0x0908), 0xaf9f77a65ab51a1dULL);
	CU_ASSERT_EQUAL(siphash13_words_tail(&zero, words, 3, 0x1918), 0xed36ff242fe478b2ULL);
}

static void
bytes_at_any_alignment(void)
{
	uint8_t b[12];

	for (size_t at = 0; at < 4; at++) {
		memset(b, 0xee, sizeof(b));
		be16_store(b + at, 0x0102);
		CU_ASSERT_TRUE(b[at] == 1 && b[at + 1] == 2 && b[at + 2] == 0xee);
		CU_ASSERT_EQUAL(be16_load(b + at), 0x0102);
		be32_store(b + at, 0xfffefdfc);
		CU_ASSERT_TRUE(b[at] == 0xff && b[at + 3] == 0xfc && b[at + 4] == 0xee);
		CU_ASSERT_EQUAL(be32_load(b + at), 0xfffefdfc);
	}
}

static void
addresses_compare_whole(void)
{
	static const uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	const struct ip_addr a = ip_addr_v6(bytes);
	struct ip_addr b = a;

	CU_ASSERT_EQUAL(memcmp(a.b, bytes, 16), 0);
	for (int i = 0; i < 16; i++) {
		b.b[i] ^= 0x80;
		CU_ASSERT_FALSE(ip_addr_equal(&a, &b));
		b.b[i] ^= 0x80;
	}
	CU_ASSERT_TRUE(ip_addr_equal(&a, &b));
	b = ip_addr_v4(0x04030201);
	CU_ASSERT_EQUAL(b.v4, 0x04030201);
	for (int i = 4; i < 16; i++)
		CU_ASSERT_EQUAL(b.b[i], 0);
}

static void
drop_reasons_complete_and_unique(void)
{
	static const char *const idents[] = {
#define DROP(name, key, text) #name,
#include "base/drop.def"
#undef DROP
	};

	CU_ASSERT_EQUAL(sizeof(idents) / sizeof(idents[0]), DROP_MAX);
	CU_ASSERT_EQUAL(DROP_NONE, 0);
	for (unsigned int i = 0; i < DROP_MAX; i++) {
		const char *name = drop_name(i);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(drop_text(i));
		CU_ASSERT_NOT_EQUAL(drop_text(i)[0], '\0');
		/* the key is the identifier in lower case */
		CU_ASSERT_EQUAL(strlen(name), strlen(idents[i]));
		for (size_t k = 0; name[k] != '\0'; k++)
			CU_ASSERT_TRUE(name[k] == tolower((unsigned char)idents[i][k]));
		for (unsigned int k = 0; k < i; k++) {
			CU_ASSERT_NOT_EQUAL(strcmp(name, drop_name(k)), 0);
			CU_ASSERT_NOT_EQUAL(strcmp(drop_text(i), drop_text(k)), 0);
		}
	}
	CU_ASSERT_STRING_EQUAL(drop_name(DROP_TCP_SEQ), "tcp_seq");
	CU_ASSERT_PTR_NULL(drop_name(DROP_MAX));
	CU_ASSERT_PTR_NULL(drop_name(UINT32_MAX));
	CU_ASSERT_PTR_NULL(drop_text(DROP_MAX));
	CU_ASSERT_PTR_NULL(drop_text(UINT32_MAX));
}

/* Counters are told by their keys, which scripts rely on: each has one, and no two have the same. */
static void
counters_complete_and_unique(void)
{
	static const char *const idents[] = {
#define COUNTER(name, key, text) #name,
#include "base/counter.def"
#undef COUNTER
	};

	CU_ASSERT_EQUAL(sizeof(idents) / sizeof(idents[0]), COUNTER_MAX);
	for (unsigned int i = 0; i < COUNTER_MAX; i++) {
		const char *name = counter_name(i);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(counter_text(i));
		CU_ASSERT_NOT_EQUAL(counter_text(i)[0], '\0');
		/* the key is the identifier in lower case */
		CU_ASSERT_EQUAL(strlen(name), strlen(idents[i]));
		for (size_t k = 0; name[k] != '\0'; k++)
			CU_ASSERT_TRUE(name[k] == tolower((unsigned char)idents[i][k]));
		for (unsigned int k = 0; k < i; k++) {
			CU_ASSERT_NOT_EQUAL(strcmp(name, counter_name(k)), 0);
			CU_ASSERT_NOT_EQUAL(strcmp(counter_text(i), counter_text(k)), 0);
		}
	}
	CU_ASSERT_STRING_EQUAL(counter_name(COUNTER_SEGMENTS_IN), "segments_in");
	CU_ASSERT_PTR_NULL(counter_name(COUNTER_MAX));
	CU_ASSERT_PTR_NULL(counter_name(UINT32_MAX));
	CU_ASSERT_PTR_NULL(counter_text(COUNTER_MAX));
	CU_ASSERT_PTR_NULL(counter_text(UINT32_MAX));
}

static void
time_ms_across_the_wrap(void)
{
	CU_ASSERT_EQUAL(time_us_to_ms(999), 0);
	CU_ASSERT_EQUAL(time_us_to_ms(1000), 1);
	CU_ASSERT_EQUAL(time_us_to_ms(((uint64_t)UINT32_MAX + 1) * 1000 - 1), UINT32_MAX);
	CU_ASSERT_EQUAL(time_us_to_ms(((uint64_t)UINT32_MAX + 1) * 1000), 0);
	CU_ASSERT_TRUE(time_ms_before(UINT32_MAX, 0));
	CU_ASSERT_FALSE(time_ms_before(0, UINT32_MAX));
	CU_ASSERT_FALSE(time_ms_before(7, 7));
	CU_ASSERT_TRUE(time_ms_before(7, 7 + HALF - 1));
	CU_ASSERT_TRUE(time_ms_reached(7, 7));
	CU_ASSERT_TRUE(time_ms_reached(UINT32_MAX, 0));
	CU_ASSERT_FALSE(time_ms_reached(0, UINT32_MAX));
	CU_ASSERT_TRUE(time_ms_reached(7, 7 + HALF - 1));
	CU_ASSERT_FALSE(time_ms_reached(7 + HALF - 1, 7));
}

static CU_TestInfo tests[] = {
		TEST(seq_order_across_the_wrap),
		TEST(seq_half_a_circle_apart),
		TEST(seq_in_window),
		TEST(siphash24_reference_vectors),
		TEST(siphash24_words_tail_is_the_same),
		TEST(siphash24_every_bit_counts),
		TEST(siphash13_vectors),
		TEST(bytes_at_any_alignment),
		TEST(addresses_compare_whole),
		TEST(drop_reasons_complete_and_unique),
		TEST(counters_complete_and_unique),
		TEST(time_ms_across_the_wrap),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("base", tests)
