/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies: tcp_cookie.h says how they are made and why so. */
#include "tcp/tcp_impl.h"

#define STEP_US (TCP_COOKIE_STEP_MS * TIME_US_PER_MS)

#define DATA_BITS   4 /* of the ISS below the MAC */
#define DATA_MASK   ((1u << DATA_BITS) - 1)
#define DATA_PARITY 0x8u
#define DATA_MSS    0x7u
#define MAC_MASK    (UINT32_MAX >> DATA_BITS)

#define TS_MASK      ((1u << TCP_COOKIE_TS_BITS) - 1)
#define TS_WSCALE    0x0fu
#define TS_NO_WSCALE 0x0fu
#define TS_SACK      0x10u
#define TS_ECN       0x20u
#define TS_NONE      (TS_MASK + 1) /* in the MAC: no timestamps at all */

PTCP_STATIC_ASSERT(TCP_WSCALE_MAX < TS_NO_WSCALE, "a scale and none in four bits");

/*
 * What most paths have: the Ethernets of both families, tunnels, what must be taken, jumbo frames. The least one is our
 * own floor: no peer gets a segment larger than it asked for (RFC 9293 MUST-16).
 */
static const uint16_t mss_table[DATA_MSS + 1] = {
		TCP_MSS_FLOOR, 536, 1220, 1300, 1400, 1440, 1460, 8960};

/* ------------------------------------------------------------------ keys */

static uint64_t
step_now(const struct tcp_ctx *ctx)
{
	return ctx->now / STEP_US;
}

static struct siphash_key
derive(const struct tcp_ctx *ctx, uint64_t epoch)
{
	const uint64_t k0[2] = {epoch, 0}, k1[2] = {epoch, 1};

	return (struct siphash_key){siphash24(&ctx->isn_key, k0, sizeof(k0)),
			siphash24(&ctx->isn_key, k1, sizeof(k1))};
}

void
tcp_cookie_init(struct tcp_ctx *ctx)
{
	struct tcp_cookie_keys *c = &ctx->cookie;

	c->epoch = step_now(ctx) / TCP_COOKIE_KEY_STEPS;
	c->key[c->epoch & 1] = derive(ctx, c->epoch);
	c->key[(c->epoch - 1) & 1] = derive(ctx, c->epoch - 1);
}

/** The key for cookies of @p step, which is this step or the last one. */
static const struct siphash_key *
key_of(struct tcp_ctx *ctx, uint64_t step)
{
	const uint64_t now = step_now(ctx) / TCP_COOKIE_KEY_STEPS;
	struct tcp_cookie_keys *c = &ctx->cookie;

	if (PTCP_UNLIKELY(now != c->epoch)) {
		/* The one before may have been skipped, when nobody asked all the while. */
		c->key[(now - 1) & 1] = derive(ctx, now - 1);
		c->key[now & 1] = derive(ctx, now);
		c->epoch = now;
		tcp_count(ctx, COUNTER_COOKIE_KEYS);
	}
	return &c->key[step / TCP_COOKIE_KEY_STEPS & 1];
}

/* ------------------------------------------------------------------ the number */

/** Keyed hash of tuple and IRS: @p seg is the peer's. */
static uint64_t
digest(const struct tcp_ctx *ctx, const struct tcp_seg *seg, uint32_t irs)
{
	struct {
		struct ip_addr local, remote;
		uint16_t lport, rport;
		uint32_t irs;
		uint64_t use; /* 48 octets: nothing else under this key is as long */
	} in;

	memset(&in, 0, sizeof(in));
	in.local = seg->dst;
	in.remote = seg->src;
	in.lport = seg->dport;
	in.rport = seg->sport;
	in.irs = irs;
	return siphash24(&ctx->isn_key, &in, sizeof(in));
}

static uint32_t
mac(struct tcp_ctx *ctx, uint64_t hash, const struct tcp_cookie *c)
{
	const uint64_t in[2] = {hash, c->step << 16 | (uint64_t)c->mss << 8 | c->ts};

	return (uint32_t)siphash24(key_of(ctx, c->step), in, sizeof(in)) & MAC_MASK;
}

static uint32_t
iss_of(struct tcp_ctx *ctx, uint64_t hash, const struct tcp_cookie *c)
{
	const uint32_t data = ((c->step & 1) != 0 ? DATA_PARITY : 0) | c->mss;

	return mac(ctx, hash, c) << DATA_BITS | (data ^ ((uint32_t)hash & DATA_MASK));
}

/** Take apart the cookie that @p seg acknowledges. @return whether it is one of ours and still good */
static bool
open_cookie(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint32_t irs, struct tcp_cookie *c)
{
	const uint32_t iss = seg->ack - 1;
	const uint64_t hash = digest(ctx, seg, irs);
	const uint32_t data = (iss ^ (uint32_t)hash) & DATA_MASK;
	const bool ts = (seg->opts & TCP_OPT_TS) != 0 && ctx->conf.timestamps;
	const uint64_t now = step_now(ctx);

	c->step = ((now & 1) != 0) == ((data & DATA_PARITY) != 0) ? now : now - 1;
	c->mss = data & DATA_MSS;
	c->ts = ts ? seg->ts_ecr & TS_MASK : TS_NONE;
	if (mac(ctx, hash, c) != iss >> DATA_BITS)
		return false;
	if (ts) {
		const uint32_t clock = ctx->now_ms +
				tcp_start_of(ctx, seg->family, &seg->dst, &seg->src, seg->dport,
						seg->sport)
						.ts_offset;

		/* Nor is an echo of the future, or of what is older than any good cookie, ours. */
		return clock - seg->ts_ecr < 2 * TCP_COOKIE_STEP_MS + TS_MASK + 1;
	}
	return true;
}

/* ------------------------------------------------------------------ SYN,ACK */

static uint32_t
mss_index(uint32_t mss)
{
	uint32_t i = DATA_MSS;

	while (i > 0 && mss_table[i] > mss)
		i--;
	return i;
}

static uint32_t
ts_bits(const struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_TS) == 0)
		return TS_NONE;
	return ((tcb->flags & TF_WS) != 0 ? (uint32_t)tcb->wscale >> 4 : TS_NO_WSCALE) |
			((tcb->flags & TF_SACK) != 0 ? TS_SACK : 0) |
			((tcb->flags & TF_ECN) != 0 ? TS_ECN : 0);
}

/** The largest value with these low bits that is not ahead of @p clock. */
static uint32_t
ts_with_bits(uint32_t clock, uint32_t bits)
{
	return clock - ((clock - bits) & TS_MASK);
}

enum drop_reason
tcp_cookie_send(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint16_t listener)
{
	struct tcp_tcb tcb = {.state = TCP_SYN_RECEIVED, .blk = PTCP_NIL};
	struct tcp_cookie c = {.step = step_now(ctx)};
	struct tcp_seg *r = tcp_reply(ctx, seg);

	if (r == NULL)
		return DROP_TX_FULL;
	tcp_syn_options(ctx, &tcb, seg);
	if ((tcb.flags & TF_TS) == 0) {
		/* Nothing would remember them. */
		tcb.flags &= ~(TF_WS | TF_SACK | TF_ECN);
		tcb.wscale = 0;
	}
	c.mss = mss_index(tcb.mss + ((tcb.flags & TF_TS) != 0 ? TCP_TS_LEN : 0u));
	c.ts = ts_bits(&tcb);
	tcb.snd_una = iss_of(ctx, digest(ctx, seg, seg->seq), &c);
	tcb.rcv_nxt = seg->seq + 1;
	tcb.rcv_adv = tcb.rcv_nxt;
	tcb.ts_offset = tcp_start_of(ctx, seg->family, &seg->dst, &seg->src, seg->dport, seg->sport)
					.ts_offset;
	tcp_syn_fields(ctx, &tcb, r);
	if (c.ts != TS_NONE)
		r->ts_val = ts_with_bits(r->ts_val, c.ts);
	ctx->listeners->l[listener].cookie_step = c.step + 1;
	tcp_count(ctx, COUNTER_COOKIES_SENT);
	return DROP_NONE;
}

/* ------------------------------------------------------------------ ACK */

bool
tcp_cookie_live(const struct tcp_ctx *ctx, uint16_t listener)
{
	const uint64_t sent = ctx->listeners->l[listener].cookie_step;

	return sent != 0 && step_now(ctx) - (sent - 1) <= 1;
}

struct tcp_cookie_syn
tcp_cookie_syn_of(const struct tcp_ctx *ctx, const struct tcp_seg *seg, uint32_t irs)
{
	const uint32_t buf = ctx->conf.rcv_buf;

	/* The window that was told, or more where memory was scarce then: what it is now counts for nothing. */
	return (struct tcp_cookie_syn){.irs = irs,
			.rcv_adv = irs + 1 + (buf < UINT16_MAX ? buf : UINT16_MAX),
			.ts_recent = seg->ts_val};
}

bool
tcp_cookie_good(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint32_t irs,
		struct tcp_cookie *cookie)
{
	if ((seg->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
			open_cookie(ctx, seg, irs, cookie))
		return true;
	tcp_count(ctx, COUNTER_COOKIES_REFUSED);
	return false;
}

/** SYN-RECEIVED as it would stand had there been a record. */
static void
rebuild(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg,
		const struct tcp_cookie_syn *syn, const struct tcp_cookie *c)
{
	tcb->id = tcp_ident_of(seg);
	tcb->snd_una = seg->ack - 1;
	tcb->snd_nxt = seg->ack;
	tcb->rcv_nxt = syn->irs + 1;
	tcb->rcv_adv = syn->rcv_adv;
	tcb->last_ack_sent = tcb->rcv_nxt;
	tcb->wl1 = syn->irs;
	tcb->mss = mss_table[c->mss];
	tcb->ts_offset =
			tcp_start_of(ctx, seg->family, &seg->dst, &seg->src, seg->dport, seg->sport)
					.ts_offset;
	/* When SYN,ACK left is not known: no sample, unless the echo gives one (up to 63 ms too long). */
	tcb->rttvar = 2;
	if (c->ts == TS_NONE)
		return;
	tcb->flags |= TF_TS | ((c->ts & TS_SACK) != 0 ? TF_SACK : 0) |
			((c->ts & TS_ECN) != 0 ? TF_ECN : 0);
	tcb->mss = (uint16_t)(tcb->mss - TCP_TS_LEN);
	tcb->ts_recent = syn->ts_recent;
	tcb->ts_age = (uint16_t)(ctx->now_ms >> 16);
	if ((c->ts & TS_WSCALE) != TS_NO_WSCALE) {
		tcb->flags |= TF_WS;
		tcb->wscale = (uint8_t)((c->ts & TS_WSCALE) << 4 | ctx->rcv_wscale);
	}
}

enum drop_reason
tcp_cookie_open(struct tcp_ctx *ctx, struct tcp_seg *seg, uint16_t listener,
		const struct tcp_cookie_syn *syn, const struct tcp_cookie *cookie)
{
	const enum drop_reason refused = tcp_admit(ctx);
	struct tcp_tcb *tcb;

	if (refused != DROP_NONE)
		return tcp_drop(ctx, refused);
	tcb = tcp_alloc(ctx);
	PTCP_ASSERT(tcb != NULL);
	rebuild(ctx, tcb, seg, syn, cookie);
	tcp_count(ctx, COUNTER_OPENED);
	tcp_count(ctx, COUNTER_COOKIES_ACCEPTED);
	tcp_passive_begin(ctx, tcb, listener, seg);
	return tcp_arrives_tcb(ctx, tcb, seg);
}
