/* SPDX-License-Identifier: BSD-3-Clause */
/** @file SipHash (Aumasson, Bernstein): the keyed hash behind ISNs (2-4) and tables (1-3). */
#ifndef PTCP_BASE_SIPHASH_H
#define PTCP_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
siphash_rotl(uint64_t x, unsigned int n)
{
	return (x << n) | (x >> (64 - n));
}

static inline void
siphash_round(struct siphash_state *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotl(s->v2, 32);
}

static inline struct siphash_state
siphash_begin(const struct siphash_key *key)
{
	return (struct siphash_state){
			key->k0 ^ 0x736f6d6570736575ULL,
			key->k1 ^ 0x646f72616e646f6dULL,
			key->k0 ^ 0x6c7967656e657261ULL,
			key->k1 ^ 0x7465646279746573ULL,
	};
}

/** SipHash-1-3 of @p n 64-bit words and what the last block holds: the length, and bytes that made no word. */
static inline uint64_t
siphash13(const struct siphash_key *key, const uint64_t *words, size_t n, uint64_t last)
{
	struct siphash_state s = siphash_begin(key);

	for (size_t i = 0; i < n; i++) {
		s.v3 ^= words[i];
		siphash_round(&s);
		s.v0 ^= words[i];
	}
	s.v3 ^= last;
	siphash_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/** SipHash-1-3 of @p n 64-bit words: for tables, where speed counts and no output is shown. */
static inline uint64_t
siphash13_words(const struct siphash_key *key, const uint64_t *words, size_t n)
{
	return siphash13(key, words, n, (uint64_t)(n * 8) << 56);
}

/** The same of @p n words and two bytes more, which need no round of their own: they lie in the last block. */
static inline uint64_t
siphash13_words_tail(const struct siphash_key *key, const uint64_t *words, size_t n, uint16_t tail)
{
	return siphash13(key, words, n, (uint64_t)(n * 8 + sizeof(tail)) << 56 | tail);
}

/**
 * SipHash-2-4 of @p n 64-bit words and 4 bytes more, which lie in the last block: for ISNs and whatever the peer gets to
 * see, where the input is known to be of that size.
 */
static inline uint64_t
siphash24_words_tail(const struct siphash_key *key, const uint64_t *words, size_t n, uint32_t tail)
{
	const uint64_t last = (uint64_t)(n * 8 + sizeof(tail)) << 56 | tail;
	struct siphash_state s = siphash_begin(key);

	for (size_t i = 0; i <= n; i++) {
		const uint64_t word = i < n ? words[i] : last;

		s.v3 ^= word;
		siphash_round(&s);
		siphash_round(&s);
		s.v0 ^= word;
	}
	s.v2 ^= 0xff;
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/** SipHash-2-4 of @p len bytes: for ISNs and whatever the peer gets to see. */
uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len);

#endif
