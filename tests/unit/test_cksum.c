/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "base/bytes.h"
#include "pkt.h"
#include "wire/cksum.h"

#define DATA_MAX 2048

/* RFC 1071 section 3: the bytes 00 01 f2 03 f4 f5 f6 f7 sum to ddf2. */
static void
cksum_rfc1071_example(void)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	CU_ASSERT_EQUAL(cksum_fold(cksum_add(0, data, sizeof(data))), 0xddf2);
	CU_ASSERT_EQUAL(cksum_finish(cksum_add(0, data, sizeof(data))), 0x220d);
	CU_ASSERT_EQUAL(cksum_fold(cksum_words(data, 2)), 0xddf2);
}

static void
cksum_nothing_and_zeros(void)
{
	static const uint8_t zeros[64];

	CU_ASSERT_EQUAL(cksum_fold(0), 0);
	CU_ASSERT_EQUAL(cksum_finish(0), 0xFFFF);
	CU_ASSERT_EQUAL(cksum_add(0, zeros, 0), 0);
	CU_ASSERT_EQUAL(cksum_add(0, zeros, sizeof(zeros)), 0);
	CU_ASSERT_FALSE(cksum_ok(cksum_add(0, zeros, sizeof(zeros))));
}

/* Every carry there is: all ones, long enough to wrap each lane many times. */
static void
cksum_all_ones_carries(void)
{
	uint8_t *ones;
	size_t len;

	for (len = 1; len <= 200; len++) {
		ones = malloc(len);
		memset(ones, 0xFF, len);
		CU_ASSERT_EQUAL(cksum_finish(cksum_add(0, ones, len)), pkt_cksum(ones, len));
		CU_ASSERT_EQUAL(cksum_fold(cksum_add(UINT64_MAX, ones, len)),
				(uint16_t)~pkt_cksum(ones, len));
		free(ones);
	}
	CU_ASSERT_EQUAL(cksum_join(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	CU_ASSERT_EQUAL(cksum_join(UINT64_MAX, 1), 1);
	CU_ASSERT_EQUAL(cksum_fold(UINT64_MAX), 0xFFFF);
	CU_ASSERT_EQUAL(cksum_fold(UINT64_C(0xFFFFFFFF00000001)), 0x0100);
	CU_ASSERT_EQUAL(cksum_fold(UINT64_C(0xFFFEFFFFFFFFFFFF)), 0xFEFF);
}

static void
cksum_every_length_and_alignment_equals_reference(void)
{
	uint64_t rng = pkt_seed("cksum", 1071);
	uint8_t *block;
	size_t len, align;

	for (len = 0; len <= 300; len++) {
		for (align = 0; align < 8; align++) {
			block = malloc(len + align);
			pkt_fill(&rng, block, len + align);
			CU_ASSERT_EQUAL(cksum_finish(cksum_add(0, block + align, len)),
					pkt_cksum(block + align, len));
			free(block);
		}
	}
	for (len = 1400; len <= DATA_MAX; len++) {
		block = malloc(len);
		pkt_fill(&rng, block, len);
		CU_ASSERT_EQUAL(cksum_finish(cksum_add(0, block, len)), pkt_cksum(block, len));
		free(block);
	}
}

static void
cksum_slices_of_any_length_equal_whole(void)
{
	uint64_t rng = pkt_seed("slices", 7);
	uint8_t data[DATA_MAX];
	int round;

	for (round = 0; round < 5000; round++) {
		uint32_t len = random_below(&rng, DATA_MAX + 1),
			 limit = 1 + random_below(&rng, 300);
		uint32_t off = 0;
		uint64_t sum = 0;

		pkt_fill(&rng, data, len);
		while (off < len) {
			uint32_t n = random_below(&rng, limit + 1);
			uint8_t *slice;

			n = n < len - off ? n : len - off;
			slice = pkt_copy(data + off, n);
			sum = cksum_add_slice(sum, slice, n, off);
			free(slice);
			off += n;
		}
		CU_ASSERT_EQUAL(cksum_finish(sum), pkt_cksum(data, len));
	}
}

static void
cksum_even_parts_join_in_any_order(void)
{
	uint64_t rng = pkt_seed("join", 8);
	uint8_t data[256];

	pkt_fill(&rng, data, sizeof(data));
	CU_ASSERT_EQUAL(cksum_finish(cksum_join(
					cksum_add(0, data + 100, 156), cksum_add(0, data, 100))),
			pkt_cksum(data, sizeof(data)));
}

static void
cksum_pseudo_headers_equal_written_out(void)
{
	uint64_t rng = pkt_seed("pseudo", 9);
	int round;

	for (round = 0; round < 2000; round++) {
		uint32_t len = random_below(&rng, 65536);
		uint8_t proto = (uint8_t)random_next(&rng), raw[40] = {0};
		struct ip_addr src = {.q = {0, 0}}, dst = {.q = {0, 0}};

		pkt_fill(&rng, src.b, 4);
		pkt_fill(&rng, dst.b, 4);
		memcpy(raw, src.b, 4);
		memcpy(raw + 4, dst.b, 4);
		raw[9] = proto;
		pkt_put16(raw + 10, (uint16_t)len);
		CU_ASSERT_EQUAL(cksum_finish(cksum_pseudo4(&src, &dst, proto, len)),
				pkt_cksum(raw, 12));
		CU_ASSERT_EQUAL(cksum_pseudo(IP_V4, &src, &dst, proto, len),
				cksum_pseudo4(&src, &dst, proto, len));

		pkt_fill(&rng, src.b, 16);
		pkt_fill(&rng, dst.b, 16);
		memset(raw, 0, sizeof(raw));
		memcpy(raw, src.b, 16);
		memcpy(raw + 16, dst.b, 16);
		pkt_put16(raw + 34, (uint16_t)len);
		raw[39] = proto;
		CU_ASSERT_EQUAL(cksum_finish(cksum_pseudo6(&src, &dst, proto, len)),
				pkt_cksum(raw, 40));
		CU_ASSERT_EQUAL(cksum_pseudo(IP_V6, &src, &dst, proto, len),
				cksum_pseudo6(&src, &dst, proto, len));
	}
}

/* RFC 1624 section 4: the example on which RFC 1141 fails. */
static void
cksum_update_rfc1624_example(void)
{
	CU_ASSERT_EQUAL(cksum_update16(0xDD2F, 0x5555, 0x3285), 0x0000);
}

/* Words that make carries and both zeros likely. */
static uint16_t
edge_word(uint64_t *rng)
{
	static const uint16_t edge[] = {0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF};
	uint32_t i = random_below(rng, 8);

	return i < 6 ? edge[i] : (uint16_t)random_next(rng);
}

static void
cksum_incremental_equals_full(void)
{
	uint64_t rng = pkt_seed("update", 1624);
	int round;

	for (round = 0; round < 100000; round++) {
		uint8_t data[16];
		uint16_t before;
		uint32_t i, from, to;
		size_t at;

		for (i = 0; i < sizeof(data); i += 2)
			pkt_put16(data + i, edge_word(&rng));
		data[0] = 0x45; /* never all zeros: see cksum_update16() */
		before = pkt_cksum(data, sizeof(data));

		at = 2 + 2 * (size_t)random_below(&rng, 7);
		from = be16_load(data + at);
		to = edge_word(&rng);
		pkt_put16(data + at, (uint16_t)to);
		CU_ASSERT_EQUAL(cksum_update16(before, (uint16_t)from, (uint16_t)to),
				pkt_cksum(data, sizeof(data)));

		before = pkt_cksum(data, sizeof(data));
		at = 2 + 2 * (size_t)random_below(&rng, 6);
		from = be32_load(data + at);
		to = (uint32_t)edge_word(&rng) << 16 | edge_word(&rng);
		be32_store(data + at, to);
		CU_ASSERT_EQUAL(cksum_update32(before, from, to), pkt_cksum(data, sizeof(data)));
	}
}

static void
bad_input_08_any_flipped_bit_is_found(void)
{
	uint64_t rng = pkt_seed("flip", 3);
	uint8_t data[61];
	size_t bit;

	pkt_fill(&rng, data, sizeof(data));
	pkt_cksum_set(data, sizeof(data), 16);
	CU_ASSERT_TRUE(cksum_ok(cksum_add(0, data, sizeof(data))));
	for (bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_FALSE(cksum_ok(cksum_add(0, data, sizeof(data))));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static CU_TestInfo tests[] = {
		TEST(cksum_rfc1071_example),
		TEST(cksum_nothing_and_zeros),
		TEST(cksum_all_ones_carries),
		TEST(cksum_every_length_and_alignment_equals_reference),
		TEST(cksum_slices_of_any_length_equal_whole),
		TEST(cksum_even_parts_join_in_any_order),
		TEST(cksum_pseudo_headers_equal_written_out),
		TEST(cksum_update_rfc1624_example),
		TEST(cksum_incremental_equals_full),
		TEST(bad_input_08_any_flipped_bit_is_found),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("cksum", tests)
