/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/cksum.h"

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/*
 * Words of 32 bits into sums of 64, which have room for 2^32 of them: 2^32 - 1 is a multiple of 2^16 - 1, so the fold comes
 * out as for 16-bit words. A word of 64 bits is two of them, each in a lane of its own; no addition waits for a carry.
 */
uint64_t
cksum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	const uint8_t *const end = p + (len & ~(size_t)7);
	uint64_t low = 0, high = 0, w;

	for (; p != end; p += sizeof(w)) {
		w = load64(p);
		low += (uint32_t)w;
		high += w >> 32;
	}
	if (len & 4) {
		uint32_t w32;

		memcpy(&w32, p, sizeof(w32));
		low += w32;
		p += sizeof(w32);
	}
	if (len & 2) {
		uint16_t w16;

		memcpy(&w16, p, sizeof(w16));
		low += w16;
		p += sizeof(w16);
	}
	if (len & 1)
		low += *p; /* the first byte of a little-endian word */
	return cksum_join(sum, low + high);
}

/* At an odd offset every byte stands in the other half of its word: the sum is swapped. */
uint64_t
cksum_add_slice(uint64_t sum, const uint8_t *p, size_t len, size_t offset)
{
	if (offset % 2 == 0)
		return cksum_add(sum, p, len);
	/* cksum_fold() swaps from memory to host order, which is just the swap wanted here. */
	return cksum_join(sum, cksum_fold(cksum_add(0, p, len)));
}
