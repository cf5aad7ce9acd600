/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/cksum.h"

#define LANES 4
#define STEP  (LANES * sizeof(uint64_t))

/*
 * Words of 64 bits with end-around carry: 2^64 - 1 is a multiple of 2^16 - 1, so the fold comes out
 * as for 16-bit words. Four lanes, because each addition waits for the carry of the one before.
 */
uint64_t
cksum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t lane[LANES] = {sum}, w[LANES];
	uint32_t w32;
	uint16_t w16;
	unsigned int i;

	for (; len >= STEP; p += STEP, len -= STEP) {
		memcpy(w, p, STEP);
		for (i = 0; i < LANES; i++)
			lane[i] = cksum_join(lane[i], w[i]);
	}
	sum = cksum_join(cksum_join(lane[0], lane[1]), cksum_join(lane[2], lane[3]));
	for (; len >= sizeof(w[0]); p += sizeof(w[0]), len -= sizeof(w[0])) {
		memcpy(&w[0], p, sizeof(w[0]));
		sum = cksum_join(sum, w[0]);
	}
	if (len & 4) {
		memcpy(&w32, p, sizeof(w32));
		sum = cksum_join(sum, w32);
		p += sizeof(w32);
	}
	if (len & 2) {
		memcpy(&w16, p, sizeof(w16));
		sum = cksum_join(sum, w16);
		p += sizeof(w16);
	}
	if (len & 1)
		sum = cksum_join(sum, *p); /* the first byte of a little-endian word */
	return sum;
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
