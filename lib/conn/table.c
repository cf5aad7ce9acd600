/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conn/table.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * 5.3 entries a bucket when max are in it: all of the 12 bytes that an entry may take. Fewer than
 * one entry in a hundred then lies outside its home; at 10 bytes it would be two, and the longest
 * walks twice as long. Small tables have one bucket more, so that there are always more slots than
 * entries.
 */
#define LOAD_BUCKETS 3u
#define LOAD_ENTRIES 16u
#define SMALL_MAX    1000u

/** Where an entry lies. */
struct slot {
	uint32_t bucket;
	uint32_t pos;
};

/*
 * The bucket comes from the high bits by multiply-shift, so the signature takes the low ones. 0
 * means "free" and is moved to a value of its own right.
 */
static inline uint16_t
hash_sig(uint32_t hash)
{
	const uint16_t sig = (uint16_t)hash;

	return sig != 0 ? sig : 0x8000;
}

/**
 * A bit for each slot whose signature is @p sig. With SSE2 it only checks the other one, in debug
 * builds.
 */
static inline __attribute__((unused)) uint32_t
match_plain(const struct conn_bucket *b, uint16_t sig)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < CONN_BUCKET_SLOTS; i++)
		mask |= (uint32_t)(b->sig[i] == sig) << i;
	return mask;
}

#ifdef __SSE2__
static inline uint32_t
match(const struct conn_bucket *b, uint16_t sig)
{
	const __m128i want = _mm_set1_epi16((short)sig);
	/* Slots 0 to 7, and 2 to 9: the second load stays inside the signatures. */
	const __m128i low = _mm_load_si128((const __m128i *)(const void *)&b->sig[0]);
	const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)&b->sig[2]);
	const uint32_t m = (uint32_t)_mm_movemask_epi8(
			_mm_packs_epi16(_mm_cmpeq_epi16(low, want), _mm_cmpeq_epi16(high, want)));
	const uint32_t mask = (m & 0xff) | (m >> 6 & 0x300);

	PTCP_ASSERT(mask == match_plain(b, sig));
	return mask;
}
#else
static inline uint32_t
match(const struct conn_bucket *b, uint16_t sig)
{
	return match_plain(b, sig);
}
#endif

static inline uint32_t
lowest(uint32_t mask)
{
	return (uint32_t)__builtin_ctz(mask);
}

static inline uint32_t
bucket_next(const struct conn_table *t, uint32_t at)
{
	return at + 1 < t->n_buckets ? at + 1 : 0;
}

static inline const struct conn_ident *
ident_at(const struct conn_table *t, uint32_t index)
{
	PTCP_ASSERT(index < t->max);
	return (const struct conn_ident *)(const void *)(t->objs + (size_t)index * t->stride);
}

static inline bool
key_equal(const struct conn_table *t, uint32_t index, const struct conn_key *k)
{
	const struct conn_ident *id = ident_at(t, index);

	if (memcmp(id, &k->id, 8) != 0 || id->laddr != k->id.laddr)
		return false;
	return k->raddr6 == NULL || ip_addr_equal(&t->raddr6[index], k->raddr6);
}

/** The walk of a look-up: home first, then on as long as somebody passed. */
static inline bool
find_key(const struct conn_table *t, uint32_t hash, const struct conn_key *k, struct slot *s)
{
	const uint16_t sig = hash_sig(hash);
	uint32_t at = conn_table_home(t, hash);

	PTCP_ASSERT(k->raddr6 == NULL || t->raddr6 != NULL);
	for (uint32_t n = t->n_buckets; n > 0; n--) {
		const struct conn_bucket *b = &t->bucket[at];

		for (uint32_t m = match(b, sig); m != 0; m &= m - 1) {
			if (PTCP_LIKELY(key_equal(t, b->index[lowest(m)], k))) {
				*s = (struct slot){at, lowest(m)};
				return true;
			}
		}
		if (PTCP_LIKELY(b->passed == 0))
			break;
		at = bucket_next(t, at);
	}
	return false;
}

static bool
find_index(const struct conn_table *t, uint32_t hash, uint32_t index, struct slot *s)
{
	const uint16_t sig = hash_sig(hash);
	uint32_t at = conn_table_home(t, hash);

	for (uint32_t n = t->n_buckets; n > 0; n--) {
		const struct conn_bucket *b = &t->bucket[at];

		for (uint32_t m = match(b, sig); m != 0; m &= m - 1) {
			if (b->index[lowest(m)] == index) {
				*s = (struct slot){at, lowest(m)};
				return true;
			}
		}
		if (b->passed == 0)
			break;
		at = bucket_next(t, at);
	}
	return false;
}

static uint32_t
bucket_count(uint32_t max)
{
	return (uint32_t)((uint64_t)max * LOAD_BUCKETS / LOAD_ENTRIES) + (max < SMALL_MAX);
}

size_t
conn_table_size(uint32_t max)
{
	return (size_t)bucket_count(max) * sizeof(struct conn_bucket);
}

void
conn_table_init(struct conn_table *t, void *mem, uint32_t max, const void *objs, size_t stride,
		const struct ip_addr *raddr6)
{
	PTCP_ASSERT(max >= 1 && max < PTCP_NIL);
	PTCP_ASSERT((uintptr_t)mem % PTCP_CACHE_LINE == 0);
	PTCP_ASSERT(stride >= sizeof(struct conn_ident) && stride <= UINT32_MAX);
	memset(mem, 0, conn_table_size(max));
	*t = (struct conn_table){
			.bucket = mem,
			.n_buckets = bucket_count(max),
			.max = max,
			.objs = objs,
			.stride = (uint32_t)stride,
			.raddr6 = raddr6,
	};
}

uint32_t
conn_table_hint(const struct conn_table *t, uint32_t hash)
{
	const uint16_t sig = hash_sig(hash);
	uint32_t at = conn_table_home(t, hash);

	for (uint32_t n = t->n_buckets; n > 0; n--) {
		const struct conn_bucket *b = &t->bucket[at];
		const uint32_t m = match(b, sig);

		if (PTCP_LIKELY(m != 0)) {
			const uint32_t index = b->index[lowest(m)];

			ptcp_prefetch(ident_at(t, index));
			if (t->raddr6 != NULL)
				ptcp_prefetch(&t->raddr6[index]);
			return index;
		}
		if (PTCP_LIKELY(b->passed == 0))
			break;
		at = bucket_next(t, at);
	}
	return PTCP_NIL;
}

uint32_t
conn_table_find(const struct conn_table *t, uint32_t hash, const struct conn_key *k)
{
	struct slot s;

	return find_key(t, hash, k, &s) ? t->bucket[s.bucket].index[s.pos] : PTCP_NIL;
}

int
conn_table_insert(struct conn_table *t, uint32_t hash, uint32_t index)
{
	uint32_t at = conn_table_home(t, hash);
	struct conn_bucket *b = &t->bucket[at];
	uint32_t free_slots;

	PTCP_ASSERT(index < t->max);
	if (PTCP_UNLIKELY(t->n_used == t->max))
		return -ENOSPC;
	/* There are more slots than max, so the walk ends. */
	while (PTCP_UNLIKELY((free_slots = match(b, 0)) == 0)) {
		b->passed++;
		at = bucket_next(t, at);
		b = &t->bucket[at];
	}
	b->sig[lowest(free_slots)] = hash_sig(hash);
	b->index[lowest(free_slots)] = index;
	t->n_used++;
	return 0;
}

int
conn_table_remove(struct conn_table *t, uint32_t hash, uint32_t index)
{
	struct slot s;

	if (!find_index(t, hash, index, &s))
		return -ENOENT;
	for (uint32_t at = conn_table_home(t, hash); at != s.bucket; at = bucket_next(t, at)) {
		PTCP_ASSERT(t->bucket[at].passed > 0);
		t->bucket[at].passed--;
	}
	t->bucket[s.bucket].sig[s.pos] = 0;
	t->n_used--;
	return 0;
}

/**
 * The hash and key of what lies in a slot. An object says its family only through the laddr table,
 * which is not at hand: it is taken for IPv6 when the fold and the signature both agree, which
 * stale memory passes once in 2^48.
 */
static uint32_t
slot_hash(const struct conn_table *t, const struct siphash_key *key, uint32_t index, uint16_t sig,
		struct conn_key *k)
{
	k->id = *ident_at(t, index);
	if (t->raddr6 != NULL && ip_addr_fold(&t->raddr6[index]) == k->id.raddr) {
		k->raddr6 = &t->raddr6[index];
		const uint32_t hash = conn_hash(key, k);
		if (hash_sig(hash) == sig)
			return hash;
	}
	k->raddr6 = NULL;
	return conn_hash(key, k);
}

/** Buckets that the entry in bucket @p at passed. */
static uint32_t
distance(const struct conn_table *t, uint32_t hash, uint32_t at)
{
	const uint32_t home = conn_table_home(t, hash);

	return at >= home ? at - home : at + t->n_buckets - home;
}

/** One bucket's own entries; adds to @p used and raises @p longest. */
static const char *
check_bucket(const struct conn_table *t, const struct siphash_key *key, uint32_t at, uint32_t *used,
		uint32_t *longest)
{
	const struct conn_bucket *b = &t->bucket[at];
	struct conn_key k;
	struct slot s;

	for (uint32_t i = 0; i < CONN_BUCKET_SLOTS; i++) {
		if (b->sig[i] == 0)
			continue;
		if (b->index[i] >= t->max)
			return "index out of range";
		const uint32_t hash = slot_hash(t, key, b->index[i], b->sig[i], &k);
		if (hash_sig(hash) != b->sig[i])
			return "signature is not that of the object";
		if (!find_key(t, hash, &k, &s))
			return "entry cannot be reached from its home";
		if (s.bucket != at || s.pos != i)
			return "two entries with one key";
		const uint32_t d = distance(t, hash, at);
		*longest = d > *longest ? d : *longest;
		++*used;
	}
	return NULL;
}

/** How many entries passed bucket @p at, counted anew over the @p longest buckets after it. */
static uint32_t
count_passed(const struct conn_table *t, const struct siphash_key *key, uint32_t at,
		uint32_t longest)
{
	uint32_t n = 0;
	struct conn_key k;

	for (uint32_t d = 1, c = bucket_next(t, at); d <= longest; d++, c = bucket_next(t, c)) {
		const struct conn_bucket *b = &t->bucket[c];

		for (uint32_t i = 0; i < CONN_BUCKET_SLOTS; i++)
			if (b->sig[i] != 0 &&
					distance(t, slot_hash(t, key, b->index[i], b->sig[i], &k),
							c) >= d)
				n++;
	}
	return n;
}

const char *
conn_table_check(const struct conn_table *t, const struct siphash_key *key)
{
	uint32_t used = 0;
	uint32_t longest = 0;

	if (t->n_used > t->max)
		return "more entries than max";
	for (uint32_t at = 0; at < t->n_buckets; at++) {
		const char *err = check_bucket(t, key, at, &used, &longest);

		if (err != NULL)
			return err;
	}
	if (used != t->n_used)
		return "n_used is not the number of entries";
	for (uint32_t at = 0; at < t->n_buckets; at++)
		if (t->bucket[at].passed != count_passed(t, key, at, longest))
			return "passed is not the number of entries that lie further on";
	return NULL;
}
