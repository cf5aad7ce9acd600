/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "base/bytes.h"
#include "pkt.h"
#include "wire/tcp_hdr.h"

#define ALL_OPTS (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK | TCP_OPT_TS | TCP_OPT_SACK)
#define CKSUM    16

/* A header with @p flags and @p n bytes of options, padded by zeros to a multiple of 4. */
static uint32_t
make(uint8_t *p, uint8_t flags, const uint8_t *options, uint32_t n)
{
	uint32_t hdr_len = TCP_HDR_LEN + (n + 3) / 4 * 4;

	memset(p, 0, hdr_len);
	be16_store(p, 40000);
	be16_store(p + 2, 80);
	be32_store(p + 4, 0x11223344);
	be32_store(p + 8, 0x55667788);
	p[12] = (uint8_t)(hdr_len / 4 << 4);
	p[13] = flags;
	be16_store(p + 14, 65535);
	if (n > 0)
		memcpy(p + TCP_HDR_LEN, options, n);
	return hdr_len;
}

static enum drop_reason
try_raw(const uint8_t *p, uint32_t len, struct tcp_seg *seg)
{
	uint8_t *copy = pkt_copy(p, len);
	enum drop_reason reason;

	memset(seg, 0xA5, sizeof(*seg));
	reason = tcp_parse(copy, len, seg);
	if (reason == DROP_NONE) {
		CU_ASSERT_PTR_NULL(seg->payload.owner);
		CU_ASSERT_PTR_EQUAL(seg->payload.data + seg->payload.len, copy + len);
	}
	free(copy);
	return reason;
}

/* Parse a segment with these options, which is never dropped. */
static void
try_options(uint8_t flags, const uint8_t *options, uint32_t n, struct tcp_seg *seg)
{
	uint8_t p[TCP_HDR_LEN_MAX + 4];
	uint32_t len = make(p, flags, options, n);

	/* Payload that would read as a valid MSS option, for a parser that walks on. */
	memcpy(p + len, (const uint8_t[]){2, 4, 0xEE, 0xEE}, 4);
	CU_ASSERT_EQUAL(try_raw(p, len + 4, seg), DROP_NONE);
	CU_ASSERT_EQUAL(seg->payload.len, 4);
	CU_ASSERT_EQUAL(seg->seq, 0x11223344);
	CU_ASSERT_NOT_EQUAL(seg->mss, 0xEEEE);
	/* And without payload, where the heap ends with the header. */
	CU_ASSERT_EQUAL(try_raw(p, len, seg), DROP_NONE);
}

#define OPTIONS(...)                                                                               \
	(const uint8_t[]){__VA_ARGS__}, (uint32_t)sizeof((const uint8_t[]){__VA_ARGS__})

static void
tcp_fixed_header(void)
{
	uint8_t p[TCP_HDR_LEN + 3];
	struct tcp_seg seg;

	make(p, TCP_ACK | TCP_PSH, NULL, 0);
	be16_store(p + 18, 0xABCD);
	p[12] |= 0x0F; /* reserved bits */
	CU_ASSERT_EQUAL(try_raw(p, sizeof(p), &seg), DROP_NONE);
	CU_ASSERT_EQUAL(seg.sport, 40000);
	CU_ASSERT_EQUAL(seg.dport, 80);
	CU_ASSERT_EQUAL(seg.seq, 0x11223344);
	CU_ASSERT_EQUAL(seg.ack, 0x55667788);
	CU_ASSERT_EQUAL(seg.wnd, 65535);
	CU_ASSERT_EQUAL(seg.urp, 0xABCD);
	CU_ASSERT_EQUAL(seg.flags, TCP_ACK | TCP_PSH);
	CU_ASSERT_EQUAL(seg.opts, 0);
	CU_ASSERT_EQUAL(seg.n_sack, 0);
	CU_ASSERT_EQUAL(seg.mss, 0);
	CU_ASSERT_EQUAL(seg.wscale, 0);
	CU_ASSERT_EQUAL(seg.ts_val, 0);
	CU_ASSERT_EQUAL(seg.ts_ecr, 0);
	CU_ASSERT_EQUAL(seg.payload.len, 3);
}

static void
tcp_port_zero(void)
{
	uint8_t p[TCP_HDR_LEN];
	struct tcp_seg seg;

	make(p, TCP_SYN, NULL, 0);
	be16_store(p, 0);
	CU_ASSERT_EQUAL(try_raw(p, sizeof(p), &seg), DROP_TCP_PORT_ZERO);
	be16_store(p, 1);
	CU_ASSERT_EQUAL(try_raw(p, sizeof(p), &seg), DROP_NONE);
	be16_store(p + 2, 0);
	CU_ASSERT_EQUAL(try_raw(p, sizeof(p), &seg), DROP_TCP_PORT_ZERO);
}

static void
tcp_syn_options_of_common_stacks(void)
{
	struct tcp_seg seg;

	try_options(TCP_SYN,
			OPTIONS(2, 4, 5, 0xB4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7),
			&seg);
	CU_ASSERT_EQUAL(seg.opts, ALL_OPTS & ~TCP_OPT_SACK);
	CU_ASSERT_EQUAL(seg.mss, 1460);
	CU_ASSERT_EQUAL(seg.wscale, 7);
	CU_ASSERT_EQUAL(seg.ts_val, 0x01020304);
	CU_ASSERT_EQUAL(seg.ts_ecr, 0x05060708);
	try_options(TCP_SYN | TCP_ACK, OPTIONS(2, 4, 5, 0xB4, 1, 3, 3, 8, 1, 1, 4, 2), &seg);
	CU_ASSERT_EQUAL(seg.opts, TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK);
	CU_ASSERT_EQUAL(seg.mss, 1460);
	CU_ASSERT_EQUAL(seg.wscale, 8);
}

/* The aligned layout takes the short way: it must say the same as the loop. */
static void
tcp_timestamp_in_every_place(void)
{
	uint8_t options[TCP_OPTS_LEN_MAX];
	struct tcp_seg seg;
	uint32_t at, n;

	for (n = TCP_LEN_TS; n <= TCP_OPTS_LEN_MAX; n++) {
		for (at = 0; at + TCP_LEN_TS <= n; at++) {
			memset(options, TCP_KIND_NOP, sizeof(options));
			memcpy(options + at, (const uint8_t[]){8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, 10);
			try_options(TCP_ACK, options, n, &seg);
			CU_ASSERT_EQUAL(seg.opts, TCP_OPT_TS);
			CU_ASSERT_EQUAL(seg.ts_val, 0x01020304);
			CU_ASSERT_EQUAL(seg.ts_ecr, 0x05060708);
		}
	}
}

static void
tcp_syn_options_elsewhere_are_ignored(void)
{
	struct tcp_seg seg;

	try_options(TCP_ACK, OPTIONS(2, 4, 5, 0xB4, 1, 3, 3, 7, 1, 1, 4, 2), &seg);
	CU_ASSERT_EQUAL(seg.opts, 0);
	CU_ASSERT_EQUAL(seg.mss, 0);
	CU_ASSERT_EQUAL(seg.wscale, 0);
}

static void
tcp_last_of_duplicate_options_counts(void)
{
	struct tcp_seg seg;

	try_options(TCP_SYN, OPTIONS(2, 4, 0, 1, 2, 4, 0, 2, 3, 3, 1, 3, 3, 2), &seg);
	CU_ASSERT_EQUAL(seg.mss, 2);
	CU_ASSERT_EQUAL(seg.wscale, 2);
	/* A malformed second one does not undo the first. */
	try_options(TCP_SYN, OPTIONS(2, 4, 0, 1, 2, 3, 9, 3, 3, 1, 3, 2), &seg);
	CU_ASSERT_EQUAL(seg.opts, TCP_OPT_MSS | TCP_OPT_WSCALE);
	CU_ASSERT_EQUAL(seg.mss, 1);
	CU_ASSERT_EQUAL(seg.wscale, 1);
	try_options(TCP_ACK, OPTIONS(8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4),
			&seg);
	CU_ASSERT_EQUAL(seg.ts_val, 3);
	CU_ASSERT_EQUAL(seg.ts_ecr, 4);
	try_options(TCP_ACK,
			OPTIONS(5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 5, 10, 0, 0,
					0, 5, 0, 0, 0, 6),
			&seg);
	CU_ASSERT_EQUAL(seg.n_sack, 1);
	CU_ASSERT_EQUAL(seg.sack[0].left, 5);
	CU_ASSERT_EQUAL(seg.sack[0].right, 6);
}

static void
tcp_unknown_options_are_skipped(void)
{
	struct tcp_seg seg;

	try_options(TCP_SYN, OPTIONS(254, 6, 1, 2, 3, 4, 19, 2, 2, 4, 5, 0xB4), &seg);
	CU_ASSERT_EQUAL(seg.opts, TCP_OPT_MSS);
	CU_ASSERT_EQUAL(seg.mss, 1460);
}

static void
tcp_options_end_at_eol(void)
{
	struct tcp_seg seg;

	try_options(TCP_SYN, OPTIONS(3, 3, 4, 0, 2, 4, 5, 0xB4), &seg);
	CU_ASSERT_EQUAL(seg.opts, TCP_OPT_WSCALE);
	CU_ASSERT_EQUAL(seg.wscale, 4);
}

static void
bad_input_01_option_length_zero(void)
{
	unsigned int kind;
	struct tcp_seg seg;

	try_options(TCP_SYN, OPTIONS(0xFE, 0, 0, 0), &seg);
	CU_ASSERT_EQUAL(seg.opts, 0);
	for (kind = 2; kind < 256; kind++) {
		/* What came before stands, what comes after is not reached. */
		try_options(TCP_SYN, OPTIONS(3, 3, 5, (uint8_t)kind, 0, 2, 4, 5, 0xB4), &seg);
		CU_ASSERT_EQUAL(seg.opts, TCP_OPT_WSCALE);
		CU_ASSERT_EQUAL(seg.wscale, 5);
	}
}

static void
bad_input_02_option_length_one(void)
{
	unsigned int kind;
	struct tcp_seg seg;

	for (kind = 2; kind < 256; kind++) {
		try_options(TCP_SYN, OPTIONS(3, 3, 5, (uint8_t)kind, 1, 2, 4, 5, 0xB4), &seg);
		CU_ASSERT_EQUAL(seg.opts, TCP_OPT_WSCALE);
	}
}

static void
bad_input_02_option_past_the_end(void)
{
	static const uint8_t kinds[] = {2, 3, 4, 5, 8, 99};
	uint8_t options[TCP_OPTS_LEN_MAX];
	struct tcp_seg seg;
	unsigned int i, length;
	uint32_t n, left;

	for (i = 0; i < sizeof(kinds); i++) {
		for (n = 8; n <= TCP_OPTS_LEN_MAX; n += 4) {
			for (left = 2; left <= 5; left++) {
				for (length = left + 1; length < 256; length++) {
					memset(options, TCP_KIND_NOP, n);
					memcpy(options, (const uint8_t[]){3, 3, 5}, 3);
					options[n - left] = kinds[i];
					options[n - left + 1] = (uint8_t)length;
					try_options(TCP_SYN, options, n, &seg);
					CU_ASSERT_EQUAL(seg.opts, TCP_OPT_WSCALE);
				}
			}
		}
	}
}

static void
bad_input_02_header_ends_on_kind_byte(void)
{
	uint8_t options[4] = {1, 1, 1};
	struct tcp_seg seg;
	unsigned int kind;

	for (kind = 0; kind < 256; kind++) {
		options[3] = (uint8_t)kind;
		try_options(TCP_SYN, options, 4, &seg);
		CU_ASSERT_EQUAL(seg.opts, 0);
	}
}

/* Each known option with each length: only the right one counts, and the rest is still parsed. */
static void
bad_input_02_option_lengths(void)
{
	static const struct {
		uint8_t kind, opt, length;
	} t[] = {
			{2, TCP_OPT_MSS, 4},
			{3, TCP_OPT_WSCALE | TCP_OPT_WSCALE_HUGE, 3}, /* of 0x55 */
			{4, TCP_OPT_SACK_OK, 2},
			{8, TCP_OPT_TS, 10},
	};
	uint8_t options[TCP_OPTS_LEN_MAX];
	struct tcp_seg seg;
	unsigned int i, length;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (length = 2; length <= 20; length++) {
			memset(options, 0x55, sizeof(options));
			options[0] = t[i].kind;
			options[1] = (uint8_t)length;
			memcpy(options + length, (const uint8_t[]){5, 10, 0, 0, 0, 1, 0, 0, 0, 2},
					10);
			memset(options + length + 10, 0, sizeof(options) - length - 10);
			try_options(TCP_SYN, options, sizeof(options), &seg);
			CU_ASSERT_EQUAL(seg.opts,
					length == t[i].length ? t[i].opt | TCP_OPT_SACK :
								TCP_OPT_SACK);
		}
	}
}

static void
bad_input_02_sack_length_other_than_8n_plus_2(void)
{
	uint8_t options[TCP_OPTS_LEN_MAX];
	struct tcp_seg seg;
	unsigned int length, i;

	for (length = 2; length <= 40; length++) {
		bool valid = length > 2 && length < 40 && length % 8 == 2;

		memset(options, TCP_KIND_NOP, sizeof(options));
		for (i = 2; i < length; i++)
			options[i] = (uint8_t)i;
		options[0] = TCP_KIND_SACK;
		options[1] = (uint8_t)length;
		try_options(TCP_ACK, options, sizeof(options), &seg);
		CU_ASSERT_EQUAL(seg.opts, valid ? TCP_OPT_SACK : 0);
		CU_ASSERT_EQUAL(seg.n_sack, valid ? (length - 2) / 8 : 0);
		for (i = 0; i < seg.n_sack; i++) {
			CU_ASSERT_EQUAL(seg.sack[i].left, be32_load(options + 2 + 8 * i));
			CU_ASSERT_EQUAL(seg.sack[i].right, be32_load(options + 6 + 8 * i));
		}
	}
}

static void
bad_input_03_data_offset(void)
{
	uint8_t p[TCP_HDR_LEN_MAX + 8] = {0};
	struct tcp_seg seg;
	unsigned int doff;
	uint32_t len;

	make(p, TCP_ACK, NULL, 0);
	for (doff = 0; doff < 16; doff++) {
		p[12] = (uint8_t)(doff << 4);
		for (len = 0; len <= sizeof(p); len++) {
			enum drop_reason reason = len < TCP_HDR_LEN ? DROP_TCP_SHORT :
					doff < 5 || doff * 4 > len  ? DROP_TCP_DOFF :
								      DROP_NONE;

			CU_ASSERT_EQUAL(try_raw(p, len, &seg), reason);
			if (reason == DROP_NONE)
				CU_ASSERT_EQUAL(seg.payload.len, len - doff * 4);
		}
	}
}

static void
bad_input_05_urgent_pointer_is_just_a_number(void)
{
	static const uint16_t urps[] = {0, 1, 4, 5, 65535};
	uint8_t p[TCP_HDR_LEN + 4];
	struct tcp_seg seg;
	unsigned int i, flags;

	for (i = 0; i < sizeof(urps) / sizeof(urps[0]); i++) {
		for (flags = 0; flags < 256; flags += TCP_URG) {
			make(p, (uint8_t)flags, NULL, 0);
			be16_store(p + 18, urps[i]);
			CU_ASSERT_EQUAL(try_raw(p, sizeof(p), &seg), DROP_NONE);
			CU_ASSERT_EQUAL(seg.urp, urps[i]);
			CU_ASSERT_EQUAL(seg.payload.len, 4);
		}
	}
}

static void
bad_input_06_mss_of_any_value(void)
{
	static const uint16_t values[] = {0, 1, 12, 47, 48, 536, 1460, 8960, 65535};
	struct tcp_seg seg;
	unsigned int i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		try_options(TCP_SYN,
				OPTIONS(2, 4, (uint8_t)(values[i] >> 8), (uint8_t)values[i], 8, 10,
						0, 0, 0, 1, 0, 0, 0, 2),
				&seg);
		CU_ASSERT_EQUAL(seg.opts, TCP_OPT_MSS | TCP_OPT_TS);
		CU_ASSERT_EQUAL(seg.mss, values[i]);
	}
	try_options(TCP_SYN, OPTIONS(1, 1, 1, 1), &seg);
	CU_ASSERT_EQUAL(seg.opts, 0);
	CU_ASSERT_EQUAL(seg.mss, 0);
}

static void
bad_input_07_window_scale_over_14(void)
{
	struct tcp_seg seg;
	unsigned int scale;

	for (scale = 0; scale < 256; scale++) {
		try_options(TCP_SYN, OPTIONS(1, 3, 3, (uint8_t)scale), &seg);
		CU_ASSERT_EQUAL(seg.opts, TCP_OPT_WSCALE | (scale > 14 ? TCP_OPT_WSCALE_HUGE : 0));
		CU_ASSERT_EQUAL(seg.wscale, scale < 14 ? scale : 14);
	}
}

static void
bad_input_08_tcp_checksum(void)
{
	uint64_t rng = pkt_seed("tcp cksum", 9293);
	uint32_t len, bit;

	for (len = TCP_HDR_LEN; len < TCP_HDR_LEN + 20; len++) {
		uint8_t raw[40 + TCP_HDR_LEN + 20] = {0};
		struct tcp_seg seg = {.family = len % 2 ? IP_V4 : IP_V6};
		uint32_t pseudo = len % 2 ? 12 : 40;
		uint8_t *p;

		/* Pseudo header and segment written out, summed by the book. */
		pkt_fill(&rng, seg.src.b, len % 2 ? 4 : 16);
		pkt_fill(&rng, seg.dst.b, len % 2 ? 4 : 16);
		memcpy(raw, seg.src.b, len % 2 ? 4 : 16);
		memcpy(raw + (len % 2 ? 4 : 16), seg.dst.b, len % 2 ? 4 : 16);
		raw[len % 2 ? 9 : 39] = 6;
		pkt_put16(raw + (len % 2 ? 10 : 34), (uint16_t)len);
		pkt_fill(&rng, raw + pseudo, len);
		pkt_cksum_set(raw, pseudo + len, pseudo + CKSUM);
		p = pkt_copy(raw + pseudo, len);
		CU_ASSERT_TRUE(tcp_cksum_ok(p, len, &seg));
		for (bit = 0; bit < 8 * len; bit++) {
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CU_ASSERT_FALSE(tcp_cksum_ok(p, len, &seg));
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		seg.src.b[3] ^= 1;
		CU_ASSERT_FALSE(tcp_cksum_ok(p, len, &seg));
		free(p);
	}
}

static void
bad_input_09_flags_are_parsed_as_they_are(void)
{
	uint8_t p[TCP_HDR_LEN];
	struct tcp_seg seg;
	unsigned int flags;

	for (flags = 0; flags < 256; flags++) {
		make(p, (uint8_t)flags, NULL, 0);
		CU_ASSERT_EQUAL(try_raw(p, sizeof(p), &seg), DROP_NONE);
		CU_ASSERT_EQUAL(seg.flags, flags);
	}
}

/* A random segment with the options @p opts and @p n_sack blocks. */
static void
random_seg(uint64_t *rng, struct tcp_seg *seg, uint8_t opts, uint8_t n_sack)
{
	memset(seg, 0, sizeof(*seg));
	pkt_fill(rng, (uint8_t *)seg->sack, n_sack * sizeof(seg->sack[0]));
	seg->family = IP_V4;
	pkt_fill(rng, seg->src.b, 4);
	pkt_fill(rng, seg->dst.b, 4);
	seg->sport = (uint16_t)(1 + random_below(rng, 65535));
	seg->dport = (uint16_t)(1 + random_below(rng, 65535));
	seg->seq = (uint32_t)random_next(rng);
	seg->ack = (uint32_t)random_next(rng);
	seg->wnd = (uint16_t)random_next(rng);
	seg->urp = (uint16_t)random_next(rng);
	seg->flags = (uint8_t)random_next(rng);
	if (opts & (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK))
		seg->flags |= TCP_SYN;
	seg->opts = opts;
	if (opts & TCP_OPT_MSS)
		seg->mss = (uint16_t)random_next(rng);
	if (opts & TCP_OPT_WSCALE)
		seg->wscale = (uint8_t)random_below(rng, TCP_WSCALE_MAX + 1);
	if (opts & TCP_OPT_TS) {
		seg->ts_val = (uint32_t)random_next(rng);
		seg->ts_ecr = (uint32_t)random_next(rng);
	}
	seg->n_sack = n_sack;
}

static void
assert_same(const struct tcp_seg *a, const struct tcp_seg *b)
{
	CU_ASSERT_EQUAL(a->sport, b->sport);
	CU_ASSERT_EQUAL(a->dport, b->dport);
	CU_ASSERT_EQUAL(a->seq, b->seq);
	CU_ASSERT_EQUAL(a->ack, b->ack);
	CU_ASSERT_EQUAL(a->wnd, b->wnd);
	CU_ASSERT_EQUAL(a->urp, b->urp);
	CU_ASSERT_EQUAL(a->flags, b->flags);
	CU_ASSERT_EQUAL(a->opts, b->opts);
	CU_ASSERT_EQUAL(a->mss, b->mss);
	CU_ASSERT_EQUAL(a->wscale, b->wscale);
	CU_ASSERT_EQUAL(a->ts_val, b->ts_val);
	CU_ASSERT_EQUAL(a->ts_ecr, b->ts_ecr);
	CU_ASSERT_EQUAL(a->n_sack, b->n_sack);
	CU_ASSERT_EQUAL(memcmp(a->sack, b->sack, a->n_sack * sizeof(a->sack[0])), 0);
}

/* SACK blocks that fit, by the lengths on the wire. */
static uint32_t
fit_by_the_book(uint8_t opts, uint32_t n)
{
	uint32_t used = 0;

	used += opts & TCP_OPT_MSS ? 4 : 0;
	used += opts & TCP_OPT_WSCALE ? 4 : 0;
	used += opts & TCP_OPT_TS ? 12 : opts & TCP_OPT_SACK_OK ? 4 : 0;
	while (n > 0 && used + 4 + 8 * n > 40)
		n--;
	return n;
}

static void
tcp_build_parse_round_trip_every_combination(void)
{
	uint64_t rng = pkt_seed("round trip", 4242);
	unsigned int opts, n, round;

	for (round = 0; round < 20; round++) {
		for (opts = 0; opts <= ALL_OPTS; opts++) {
			for (n = 0; n <= (opts & TCP_OPT_SACK ? TCP_SACK_MAX : 0); n++) {
				struct tcp_seg in, out;
				uint32_t fit = fit_by_the_book((uint8_t)opts, n), len;
				uint8_t *p;

				random_seg(&rng, &in, (uint8_t)opts, (uint8_t)n);
				len = tcp_hdr_len(&in);
				CU_ASSERT_TRUE(len % 4 == 0 && len >= 20 && len <= 60);
				CU_ASSERT_EQUAL(tcp_sack_fit(&in), fit);
				p = malloc(len);
				memset(p, 0xA5, len);
				CU_ASSERT_EQUAL(tcp_build(p, &in), len);
				CU_ASSERT_EQUAL(be16_load(p + CKSUM), 0);
				CU_ASSERT_EQUAL(p[12] & 0x0F, 0);
				CU_ASSERT_EQUAL(try_raw(p, len, &out), DROP_NONE);
				CU_ASSERT_EQUAL(out.payload.len, 0);
				in.n_sack = (uint8_t)fit;
				if (fit == 0)
					in.opts &= (uint8_t)~TCP_OPT_SACK;
				assert_same(&in, &out);
				free(p);
			}
		}
	}
}

static void
tcp_build_layouts(void)
{
	static const uint8_t syn[] = {
			2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7};
	static const uint8_t ack[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
	static const uint8_t plain[] = {2, 4, 5, 0xB4, 1, 1, 4, 2, 1, 3, 3, 7};
	struct tcp_seg seg = {.opts = ALL_OPTS & ~TCP_OPT_SACK, .mss = 1460, .wscale = 7};
	uint8_t p[TCP_HDR_LEN_MAX];

	seg.ts_val = 1;
	seg.ts_ecr = 2;
	CU_ASSERT_EQUAL(tcp_build(p, &seg), 40);
	CU_ASSERT_EQUAL(p[12], 0xA0);
	CU_ASSERT_EQUAL(memcmp(p + 20, syn, sizeof(syn)), 0);
	seg.opts = TCP_OPT_TS;
	CU_ASSERT_EQUAL(tcp_build(p, &seg), 32);
	CU_ASSERT_EQUAL(memcmp(p + 20, ack, sizeof(ack)), 0);
	seg.opts = TCP_OPT_MSS | TCP_OPT_SACK_OK | TCP_OPT_WSCALE;
	CU_ASSERT_EQUAL(tcp_build(p, &seg), 32);
	CU_ASSERT_EQUAL(memcmp(p + 20, plain, sizeof(plain)), 0);
	seg.opts = TCP_OPT_TS | TCP_OPT_SACK;
	seg.n_sack = 4;
	CU_ASSERT_EQUAL(tcp_build(p, &seg), 60);
	CU_ASSERT_EQUAL(p[32 + 2], 5);
	CU_ASSERT_EQUAL(p[32 + 3], 26); /* three blocks */
}

static void
tcp_cksum_fill_over_slices_is_right(void)
{
	uint64_t rng = pkt_seed("fill", 77);
	int round;

	for (round = 0; round < 500; round++) {
		uint8_t whole[TCP_HDR_LEN_MAX + 5 * 400];
		struct tcp_buf bufs[5] = {{NULL, NULL, 0}};
		struct tcp_seg seg;
		uint32_t n = random_below(&rng, 6), i, hdr_len, len;

		random_seg(&rng, &seg, (uint8_t)random_below(&rng, ALL_OPTS + 1), 1);
		if (round % 2) {
			seg.family = IP_V6;
			pkt_fill(&rng, seg.src.b, 16);
			pkt_fill(&rng, seg.dst.b, 16);
		}
		hdr_len = len = tcp_build(whole, &seg);
		for (i = 0; i < n; i++) {
			bufs[i].len = random_below(&rng, 400);
			pkt_fill(&rng, whole + len, bufs[i].len);
			bufs[i].data = pkt_copy(whole + len, bufs[i].len);
			len += bufs[i].len;
		}
		tcp_cksum_fill(whole, hdr_len, &seg, bufs, n);
		CU_ASSERT_TRUE(tcp_cksum_ok(whole, len, &seg));
		whole[random_below(&rng, len)] ^= 0x10;
		CU_ASSERT_FALSE(tcp_cksum_ok(whole, len, &seg));
		for (i = 0; i < n; i++)
			free(bufs[i].data);
	}
}

/* The port sums from the checksum field on what it finds there, and complements. */
static void
tcp_cksum_seed_is_what_offload_completes(void)
{
	uint64_t rng = pkt_seed("seed", 78);
	int round;

	for (round = 0; round < 200; round++) {
		uint8_t p[TCP_HDR_LEN + 101];
		struct tcp_seg seg;

		random_seg(&rng, &seg, 0, 0);
		seg.family = round % 2 ? IP_V6 : IP_V4;
		tcp_build(p, &seg);
		pkt_fill(&rng, p + TCP_HDR_LEN, 101);
		tcp_cksum_seed(p, sizeof(p), &seg);
		be16_store(p + CKSUM, pkt_cksum(p, sizeof(p)));
		CU_ASSERT_TRUE(tcp_cksum_ok(p, sizeof(p), &seg));
	}
}

static CU_TestInfo tests[] = {
		TEST(tcp_fixed_header),
		TEST(tcp_port_zero),
		TEST(tcp_syn_options_of_common_stacks),
		TEST(tcp_timestamp_in_every_place),
		TEST(tcp_syn_options_elsewhere_are_ignored),
		TEST(tcp_last_of_duplicate_options_counts),
		TEST(tcp_unknown_options_are_skipped),
		TEST(tcp_options_end_at_eol),
		TEST(bad_input_01_option_length_zero),
		TEST(bad_input_02_option_length_one),
		TEST(bad_input_02_option_past_the_end),
		TEST(bad_input_02_header_ends_on_kind_byte),
		TEST(bad_input_02_option_lengths),
		TEST(bad_input_02_sack_length_other_than_8n_plus_2),
		TEST(bad_input_03_data_offset),
		TEST(bad_input_05_urgent_pointer_is_just_a_number),
		TEST(bad_input_06_mss_of_any_value),
		TEST(bad_input_07_window_scale_over_14),
		TEST(bad_input_08_tcp_checksum),
		TEST(bad_input_09_flags_are_parsed_as_they_are),
		TEST(tcp_build_parse_round_trip_every_combination),
		TEST(tcp_build_layouts),
		TEST(tcp_cksum_fill_over_slices_is_right),
		TEST(tcp_cksum_seed_is_what_offload_completes),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("tcp_hdr", tests)
