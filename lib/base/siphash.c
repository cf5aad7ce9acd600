/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/siphash.h"

static void
absorb(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

uint64_t
siphash24(const struct siphash_key *key, const void *data, size_t len)
{
	struct siphash_state s = siphash_begin(key);
	const uint8_t *p = data;
	uint64_t last = (uint64_t)len << 56;
	uint64_t word;

	for (size_t i = 0; i < len / 8; i++) {
		memcpy(&word, p + i * 8,
				sizeof(word)); /* little-endian, as all targets of DPDK we build on */
		absorb(&s, word);
	}
	for (size_t i = len & ~(size_t)7; i < len; i++)
		last |= (uint64_t)p[i] << (8 * (i & 7));
	absorb(&s, last);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
