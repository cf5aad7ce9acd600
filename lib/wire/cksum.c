/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/cksum.h"

__extension__ typedef unsigned __int128 u128;

#define LANES 2
#define STEP  (LANES * sizeof(uint64_t))

/*
 * Words of 64 bits into sums of 128, whose upper halves count the carries: 2^64 - 1 is a multiple of 2^16 - 1, so carries are
 * worth as much at the bottom, and the fold comes out as for 16-bit words. Two lanes, because each addition waits for the
 * one before.
 */
uint64_t
cksum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	u128 even = sum, odd = 0;
	uint64_t w[LANES];
	uint32_t w32;
	uint16_t w16;

	for (; len >= STEP; p += STEP, len -= STEP) {
		memcpy(w, p, STEP);
		even += w[0];
		odd += w[1];
	}
	if (len & 8) {
		memcpy(w, p, sizeof(w[0]));
		even += w[0];
		p += sizeof(w[0]);
	}
	if (len & 4) {
		memcpy(&w32, p, sizeof(w32));
		odd += w32;
		p += sizeof(w32);
	}
	if (len & 2) {
		memcpy(&w16, p, sizeof(w16));
		odd += w16;
		p += sizeof(w16);
	}
	if (len & 1)
		odd += *p; /* the first byte of a little-endian word */
	even += odd;
	return cksum_join((uint64_t)even, (uint64_t)(even >> 64));
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
