/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Path MTU discovery: RFC 1191 and RFC 8201, with the protection of RFC 5927 section 7.
 *
 * What the path takes is kept as tcb.mss. While no full segment has been acknowledged a router is believed at once: that is
 * discovery. Once one has been, a claim that it is too big contradicts what was seen, and waits for its proof: the segment
 * that it quotes must stay unacknowledged until its retransmission timeout. Ten minutes after a reduction the old
 * size is tried again (RFC 1191 section 6.3); who is to try is kept in a list of fixed length, the oldest first.
 */
#include "tcp/tcp_impl.h"

/* What every host takes; a lower claim is not believed (RFC 5927 section 7, RFC 8200 section 5). */
#define MTU_FLOOR_V4 576
#define MTU_FLOOR_V6 1280

static bool
is_v6(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return laddr_family(ctx->laddr, tcb->id.laddr) == IP_V6;
}

/** Octets of IP and TCP header and of the options on each segment. */
static uint32_t
headers(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return (is_v6(ctx, tcb) ? 60u : 40u) + ((tcb->flags & TF_TS) != 0 ? TCP_TS_LEN : 0);
}

/** RFC 1191 section 7: a router that tells no MTU has one of these, and less than @p size. */
static uint32_t
plateau(uint32_t size)
{
	static const uint16_t mtus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtus); i++)
		if (mtus[i] < size)
			return mtus[i];
	return MTU_FLOOR_V4;
}

/** Remember what to go back to. One entry a connection: a further reduction starts the ten minutes anew. */
static void
remember(struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	struct tcp_pmtu_entry e = {.tcb = tcp_index(ctx, tcb),
			.gen = tcb->gen,
			.when = ctx->now_ms,
			.mss = tcb->mss};

	for (uint32_t i = ctx->pmtu_head; i != ctx->pmtu_tail; i++) {
		struct tcp_pmtu_entry *old = &ctx->pmtu[i & (TCP_PMTU_MAX - 1)];

		if (old->tcb == e.tcb && old->gen == e.gen) {
			e.mss = old->mss;
			old->gen = 0;
		}
	}
	/* Full: the oldest stays at its smaller size. */
	if (ctx->pmtu_tail - ctx->pmtu_head == TCP_PMTU_MAX)
		ctx->pmtu_head++;
	ctx->pmtu[ctx->pmtu_tail++ & (TCP_PMTU_MAX - 1)] = e;
}

/** @return true when segments become smaller */
static bool
reduce(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t mtu)
{
	const uint32_t mss = mtu - headers(ctx, tcb);
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (mss >= tcb->mss)
		return false;
	remember(ctx, tcb);
	tcp_count(ctx, COUNTER_PMTU_REDUCED);
	/* As many segments as before, not as many octets in more of them (RFC 5681 section 3.1). */
	tcb->cwnd = (uint32_t)((uint64_t)tcb->cwnd * mss / tcb->mss);
	tcb->mss = (uint16_t)mss;
	tcb->flags &= ~TF_MTU_OK;
	if (b != NULL)
		b->pmtu = (struct tcp_pmtu){0};
	return true;
}

void
tcp_pmtu_claim(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t seq, uint16_t told)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const bool v6 = is_v6(ctx, tcb);
	const uint32_t floor = v6 ? MTU_FLOOR_V6 : MTU_FLOOR_V4;
	const uint32_t size = tcb->mss + headers(ctx, tcb);
	uint32_t mtu = told == 0 && !v6 ? plateau(size) : told;

	/* SYN and FIN alone are smaller than any floor: no path is too small for them. */
	if (b == NULL || !tcp_synchronized(tcb->state))
		return;
	if (mtu < floor) {
		/* No link of IPv6 is that small: such a report is discarded (RFC 8201 section 4). */
		if (v6)
			return;
		mtu = floor;
	}
	if (mtu >= size)
		return;
	if ((tcb->flags & TF_MTU_OK) != 0) {
		tcp_count(ctx, COUNTER_PMTU_DOUBTED);
		b->pmtu.claim = (uint16_t)mtu;
		b->pmtu.seq = seq;
		return;
	}
	/* Cut in smaller pieces, what is in flight goes again; no sign of congestion: ssthresh stays (RFC 1191 section 6.4). */
	if (reduce(ctx, tcb, mtu) && tcb->snd_una != tcb->snd_nxt)
		tcp_recovery_too_big(ctx, tcb, b);
}

void
tcp_pmtu_sent(struct tcp_tcb *tcb, struct tcp_block *b)
{
	if ((tcb->flags & TF_MTU_OK) != 0 || b->pmtu.full)
		return;
	b->pmtu.full = true;
	b->pmtu.seq = tcb->snd_nxt;
}

void
tcp_pmtu_acked(struct tcp_tcb *tcb, struct tcp_block *b)
{
	if (b->pmtu.full && seq_geq(tcb->snd_una, b->pmtu.seq)) {
		b->pmtu.full = false;
		tcb->flags |= TF_MTU_OK;
	}
	/* The quoted segment has arrived: the claim was wrong. */
	if (b->pmtu.claim != 0 && seq_gt(tcb->snd_una, b->pmtu.seq))
		b->pmtu.claim = 0;
}

void
tcp_pmtu_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	if (b != NULL && b->pmtu.claim != 0)
		(void)reduce(ctx, tcb, b->pmtu.claim);
}

/** Ten minutes are over: the size of before is tried. */
static void
raise(struct tcp_ctx *ctx, const struct tcp_pmtu_entry *e)
{
	struct tcp_tcb *tcb = tcp_at(ctx, e->tcb);
	struct tcp_block *b;

	if (e->gen == 0 || tcb->gen != e->gen || !tcp_synchronized(tcb->state) ||
			tcb->state == TCP_TIME_WAIT)
		return;
	b = tcp_block(ctx, tcb);
	tcp_count(ctx, COUNTER_PMTU_RAISED);
	tcb->mss = e->mss;
	tcb->flags &= ~TF_MTU_OK;
	if (b != NULL)
		b->pmtu = (struct tcp_pmtu){0};
}

void
tcp_pmtu_advance(struct tcp_ctx *ctx)
{
	while (ctx->pmtu_head != ctx->pmtu_tail) {
		const struct tcp_pmtu_entry *e = &ctx->pmtu[ctx->pmtu_head & (TCP_PMTU_MAX - 1)];

		if (!time_ms_reached(e->when + TCP_PMTU_RAISE_MS, ctx->now_ms))
			return;
		ctx->pmtu_head++;
		raise(ctx, e);
	}
}
