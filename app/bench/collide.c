/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/collide.h"

#include <stdbool.h>
#include <string.h>

#include <rte_hash_crc.h>
#include <rte_jhash.h>
#include <rte_thash.h>

#define LADDR       0x0a090001u
#define LPORT       443u
#define LPORTS_MOST 1024u
#define BITS        32u

uint32_t
collide_crc32(const void *key, uint32_t len, uint32_t init)
{
	return rte_hash_crc(key, len, init);
}

uint32_t
collide_jhash(const void *key, uint32_t len, uint32_t init)
{
	return rte_jhash(key, len, init);
}

uint32_t
collide_toeplitz(const void *key, uint32_t len, uint32_t init)
{
	static const uint8_t rss_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41,
			0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae,
			0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a,
			0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
	const struct collide_key4 *k = key;
	uint32_t words[3] = {k->raddr, k->laddr, (uint32_t)k->rport << 16 | k->lport};

	(void)len;
	(void)init;
	return rte_softrss(words, 3, rss_key);
}

/* ------------------------------------------------------------------ linear hashes */

/* The map from the remote address to the hash, made triangular. */
struct basis {
	uint32_t image[BITS]; /* by its highest bit; 0: none has that one */
	uint32_t from[BITS];  /* the address that it is the image of */
	uint32_t null[BITS];  /* addresses whose image is 0 */
	unsigned int n_null;
};

/* Take out of @p image what the basis can make. @return the address that makes it; what is left is in *image */
static uint32_t
reduce(const struct basis *b, uint32_t *image)
{
	uint32_t from = 0, rest = 0;

	while (*image != 0) {
		const unsigned int top = 31 - (unsigned int)__builtin_clz(*image);

		if (b->image[top] == 0) {
			rest |= 1u << top;
			*image ^= 1u << top;
			continue;
		}
		from ^= b->from[top];
		*image ^= b->image[top];
	}
	*image = rest;
	return from;
}

static struct basis
basis_of(collide_hash_t hash)
{
	struct collide_key4 key = {0};
	const uint32_t zero = hash(&key, sizeof(key), 0);
	struct basis b = {0};

	for (unsigned int bit = 0; bit < BITS; bit++) {
		uint32_t image, from;

		key.raddr = 1u << bit;
		image = hash(&key, sizeof(key), 0) ^ zero;
		from = reduce(&b, &image) ^ 1u << bit;
		if (image == 0) {
			b.null[b.n_null++] = from;
		} else {
			const unsigned int top = 31 - (unsigned int)__builtin_clz(image);

			b.image[top] = image;
			b.from[top] = from;
		}
	}
	return b;
}

/* All addresses that have the image 0 are sums of some of them: the n-th such sum. */
static uint32_t
null_sum(const struct basis *b, uint32_t n)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < b->n_null; i++)
		if ((n >> i & 1) != 0)
			sum ^= b->null[i];
	return sum;
}

uint32_t
collide_linear(collide_hash_t hash, struct collide_key4 *key, uint32_t n)
{
	const struct basis b = basis_of(hash);
	const struct collide_key4 first = {
			.raddr = 0xc6120001, .laddr = LADDR, .rport = 1024, .lport = LPORT};
	const uint32_t wanted = hash(&first, sizeof(first), 0);
	const uint32_t ways = 1u << (b.n_null < 16 ? b.n_null : 16);
	uint32_t made = 0;

	for (uint32_t port = 0; port < LPORTS_MOST << 16 && made < n; port++) {
		struct collide_key4 k = first;
		uint32_t image, raddr;

		k.raddr = 0;
		k.rport = (uint16_t)port;
		k.lport = (uint16_t)(LPORT + (port >> 16));
		if (k.rport == 0)
			continue;
		image = hash(&k, sizeof(k), 0) ^ wanted;
		raddr = reduce(&b, &image);
		for (uint32_t way = 0; image == 0 && way < ways && made < n; way++) {
			k.raddr = raddr ^ null_sum(&b, way);
			key[made++] = k;
		}
	}
	return made;
}

/* ------------------------------------------------------------------ jhash */

static inline uint32_t
rotate(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

/* __rte_jhash_mix() backwards. */
static void
unmix(uint32_t *pa, uint32_t *pb, uint32_t *pc)
{
	uint32_t a = *pa, b = *pb, c = *pc;

	b -= a, c ^= rotate(b, 4), c += b;
	a -= c, b ^= rotate(a, 19), b += a;
	c -= b, a ^= rotate(c, 16), a += c;
	b -= a, c ^= rotate(b, 8), c += b;
	a -= c, b ^= rotate(a, 6), b += a;
	c -= b, a ^= rotate(c, 4), a += c;
	*pa = a;
	*pb = b;
	*pc = c;
}

void
collide_jhash6(struct collide_key6 *key, uint32_t n)
{
	const uint32_t start = RTE_JHASH_GOLDEN_RATIO + (uint32_t)sizeof(key[0]);

	/*
	 * Behind the first block the state shall be {i, constant, constant}, and the second block's first word
	 * makes it the same for all.
	 */
	for (uint32_t i = 0; i < n; i++) {
		uint32_t a = i, b = 0x510e527f, c = 0x9b05688c;

		unmix(&a, &b, &c);
		key[i] = (struct collide_key6){
				.raddr = {a - start, b - start, c - start, 0x1f83d9ab - i},
				.laddr = {0xb80d0120, 0, 0, 0x01000000},
				.rport = 1024,
				.lport = LPORT,
		};
	}
}
