/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/tcp_hdr.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "wire/cksum.h"
#include "wire/ip.h"

#define TCP_CKSUM    16 /* offset of the checksum */
#define SACK_BLOCK   8  /* bytes of one SACK block */
#define TS_SPACE     12 /* bytes of TS with its two NOPs, or with SACK_OK in their place */
#define SYN_SPACE    20 /* bytes of a SYN's usual options */
#define SACK_PADDING 4  /* bytes of two NOPs, kind and length before the blocks */

#define WORD(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define NOP_NOP_TS      WORD(TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_TS, TCP_LEN_TS)
#define SACK_OK_TS      WORD(TCP_KIND_SACK_OK, TCP_LEN_SACK_OK, TCP_KIND_TS, TCP_LEN_TS)
#define MSS_IS(mss)     WORD(TCP_KIND_MSS, TCP_LEN_MSS, (mss) >> 8, (mss)&0xFF)
#define NOP_WSCALE(s)   WORD(TCP_KIND_NOP, TCP_KIND_WSCALE, TCP_LEN_WSCALE, s)
#define NOP_NOP_SACK_OK WORD(TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_SACK_OK, TCP_LEN_SACK_OK)

static void
sack_parse(const uint8_t *p, uint32_t len, struct tcp_seg *seg)
{
	uint32_t n = (len - 2) / SACK_BLOCK;
	uint32_t i;

	if ((len - 2) % SACK_BLOCK != 0 || n < 1 || n > TCP_SACK_MAX)
		return;
	for (i = 0; i < n; i++) {
		seg->sack[i].left = be32_load(p + 2 + i * SACK_BLOCK);
		seg->sack[i].right = be32_load(p + 2 + i * SACK_BLOCK + 4);
	}
	seg->n_sack = (uint8_t)n;
	seg->opts |= TCP_OPT_SACK;
}

/* One option of @p len bytes, 2 or more, all of them inside the header. */
static void
option_parse(const uint8_t *p, uint32_t len, struct tcp_seg *seg)
{
	bool syn = (seg->flags & TCP_SYN) != 0;

	switch (p[0]) {
	case TCP_KIND_MSS:
		if (!syn || len != TCP_LEN_MSS)
			return;
		seg->mss = be16_load(p + 2);
		seg->opts |= TCP_OPT_MSS;
		return;
	case TCP_KIND_WSCALE:
		if (!syn || len != TCP_LEN_WSCALE)
			return;
		seg->wscale = p[2] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : p[2];
		seg->opts = (uint8_t)((seg->opts & ~TCP_OPT_WSCALE_HUGE) | TCP_OPT_WSCALE |
				(p[2] > TCP_WSCALE_MAX ? TCP_OPT_WSCALE_HUGE : 0));
		return;
	case TCP_KIND_SACK_OK:
		if (syn && len == TCP_LEN_SACK_OK)
			seg->opts |= TCP_OPT_SACK_OK;
		return;
	case TCP_KIND_TS:
		if (len != TCP_LEN_TS)
			return;
		seg->ts_val = be32_load(p + 2);
		seg->ts_ecr = be32_load(p + 6);
		seg->opts |= TCP_OPT_TS;
		return;
	case TCP_KIND_SACK:
		sack_parse(p, len, seg);
		return;
	default:
		return;
	}
}

static PTCP_NOINLINE void
options_parse(const uint8_t *p, const uint8_t *end, struct tcp_seg *seg)
{
	while (p < end) {
		if (*p == TCP_KIND_EOL)
			return;
		if (*p == TCP_KIND_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return;
		option_parse(p, p[1], seg);
		p += p[1];
	}
}

/** The options of a SYN as nearly everybody lays them out, we as well: MSS, SACK_OK, TS, NOP, WSCALE. */
static inline bool
syn_options_parse(const uint8_t *p, struct tcp_seg *seg)
{
	const uint32_t mss = be32_load(p), wscale = be32_load(p + 16);

	if (mss >> 16 != MSS_IS(0) >> 16 || be32_load(p + 4) != SACK_OK_TS ||
			wscale >> 8 != NOP_WSCALE(0) >> 8 || (wscale & 0xFF) > TCP_WSCALE_MAX)
		return false;
	seg->mss = (uint16_t)mss;
	seg->ts_val = be32_load(p + 8);
	seg->ts_ecr = be32_load(p + 12);
	seg->wscale = (uint8_t)wscale;
	seg->opts = TCP_OPT_MSS | TCP_OPT_SACK_OK | TCP_OPT_TS | TCP_OPT_WSCALE;
	return true;
}

enum drop_reason
tcp_parse(uint8_t *p, uint32_t len, struct tcp_seg *seg)
{
	uint32_t hdr_len;

	if (PTCP_UNLIKELY(len < TCP_HDR_LEN))
		return DROP_TCP_SHORT;
	hdr_len = (p[12] >> 4) * 4u;
	if (PTCP_UNLIKELY(hdr_len < TCP_HDR_LEN || hdr_len > len))
		return DROP_TCP_DOFF;
	seg->sport = be16_load(p);
	seg->dport = be16_load(p + 2);
	if (PTCP_UNLIKELY(seg->sport == 0 || seg->dport == 0))
		return DROP_TCP_PORT_ZERO;
	seg->seq = be32_load(p + 4);
	seg->ack = be32_load(p + 8);
	seg->wnd = be16_load(p + 14);
	seg->urp = be16_load(p + 18);
	seg->flags = p[13];
	seg->opts = 0;
	seg->wscale = 0;
	seg->n_sack = 0;
	seg->mss = 0;
	seg->ts_val = 0;
	seg->ts_ecr = 0;
	seg->payload.owner = NULL;
	seg->payload.data = p + hdr_len;
	seg->payload.len = len - hdr_len;
	if (hdr_len == TCP_HDR_LEN + TS_SPACE && be32_load(p + TCP_HDR_LEN) == NOP_NOP_TS) {
		/* The layout of nearly every segment with options (RFC 7323 appendix A). */
		seg->opts = TCP_OPT_TS;
		seg->ts_val = be32_load(p + TCP_HDR_LEN + 4);
		seg->ts_ecr = be32_load(p + TCP_HDR_LEN + 8);
	} else if (hdr_len > TCP_HDR_LEN &&
			!(hdr_len == TCP_HDR_LEN + SYN_SPACE && (seg->flags & TCP_SYN) != 0 &&
					syn_options_parse(p + TCP_HDR_LEN, seg))) {
		options_parse(p + TCP_HDR_LEN, p + hdr_len, seg);
	}
	return DROP_NONE;
}

static uint64_t
pseudo_sum(const struct tcp_seg *seg, uint32_t len)
{
	return cksum_pseudo(seg->family, &seg->src, &seg->dst, IP_PROTO_TCP, len);
}

bool
tcp_cksum_ok(const uint8_t *p, uint32_t len, const struct tcp_seg *seg)
{
	return cksum_ok(cksum_add(pseudo_sum(seg, len), p, len));
}

/* Bytes of all options but SACK. */
static uint32_t
fixed_opts_len(const struct tcp_seg *seg)
{
	uint32_t len = 0;

	if (seg->opts & TCP_OPT_MSS)
		len += TCP_LEN_MSS;
	if (seg->opts & TCP_OPT_TS)
		len += TS_SPACE;
	else if (seg->opts & TCP_OPT_SACK_OK)
		len += 4;
	if (seg->opts & TCP_OPT_WSCALE)
		len += 4;
	return len;
}

uint32_t
tcp_sack_fit(const struct tcp_seg *seg)
{
	uint32_t room;

	if ((seg->opts & TCP_OPT_SACK) == 0)
		return 0;
	/* Fixed options take at most 20 of the 40 bytes, so this cannot go below 0. */
	room = (TCP_OPTS_LEN_MAX - SACK_PADDING - fixed_opts_len(seg)) / SACK_BLOCK;
	return seg->n_sack < room ? seg->n_sack : room;
}

uint32_t
tcp_hdr_len(const struct tcp_seg *seg)
{
	uint32_t n = tcp_sack_fit(seg);

	return TCP_HDR_LEN + fixed_opts_len(seg) + (n > 0 ? SACK_PADDING + n * SACK_BLOCK : 0);
}

static uint8_t *
word_store(uint8_t *p, uint32_t word)
{
	be32_store(p, word);
	return p + sizeof(word);
}

static uint8_t *
options_build(uint8_t *p, const struct tcp_seg *seg)
{
	uint32_t n = tcp_sack_fit(seg);
	uint32_t i;

	if (seg->opts & TCP_OPT_MSS)
		p = word_store(p, MSS_IS(seg->mss));
	if (seg->opts & TCP_OPT_TS) {
		p = word_store(p, seg->opts & TCP_OPT_SACK_OK ? SACK_OK_TS : NOP_NOP_TS);
		p = word_store(p, seg->ts_val);
		p = word_store(p, seg->ts_ecr);
	} else if (seg->opts & TCP_OPT_SACK_OK) {
		p = word_store(p, NOP_NOP_SACK_OK);
	}
	if (seg->opts & TCP_OPT_WSCALE)
		p = word_store(p, NOP_WSCALE(seg->wscale));
	if (n > 0)
		p = word_store(p,
				WORD(TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_SACK,
						2 + n * SACK_BLOCK));
	for (i = 0; i < n; i++) {
		p = word_store(p, seg->sack[i].left);
		p = word_store(p, seg->sack[i].right);
	}
	return p;
}

uint32_t
tcp_build(uint8_t *p, const struct tcp_seg *seg)
{
	uint32_t hdr_len = TCP_HDR_LEN;

	PTCP_ASSERT(seg->n_sack <= TCP_SACK_MAX);
	PTCP_ASSERT(seg->wscale <= TCP_WSCALE_MAX);
	if (seg->opts != 0)
		hdr_len = (uint32_t)(options_build(p + TCP_HDR_LEN, seg) - p);
	be16_store(p, seg->sport);
	be16_store(p + 2, seg->dport);
	be32_store(p + 4, seg->seq);
	be32_store(p + 8, seg->ack);
	p[12] = (uint8_t)(hdr_len / 4 << 4);
	p[13] = seg->flags;
	be16_store(p + 14, seg->wnd);
	be16_store(p + TCP_CKSUM, 0);
	be16_store(p + 18, seg->urp);
	return hdr_len;
}

void
tcp_cksum_fill(uint8_t *p, uint32_t hdr_len, const struct tcp_seg *seg, const struct tcp_buf *bufs,
		uint32_t n_bufs)
{
	uint64_t sum = cksum_add(0, p, hdr_len);
	uint32_t len = hdr_len;
	uint32_t i;

	for (i = 0; i < n_bufs; i++) {
		sum = cksum_add_slice(sum, bufs[i].data, bufs[i].len, len);
		len += bufs[i].len;
	}
	be16_store(p + TCP_CKSUM, cksum_finish(cksum_join(sum, pseudo_sum(seg, len))));
}

void
tcp_cksum_seed(uint8_t *p, uint32_t len, const struct tcp_seg *seg)
{
	be16_store(p + TCP_CKSUM, cksum_fold(pseudo_sum(seg, len)));
}
