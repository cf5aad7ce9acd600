/* SPDX-License-Identifier: BSD-3-Clause */
/* Explicit congestion notification: RFC 3168 section 6.1. */
#include "tcp/tcp_impl.h"

#define SETUP (TCP_ECE | TCP_CWR)

uint8_t
tcp_ecn_syn_flags(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if (tcb->state == TCP_SYN_RECEIVED)
		return (tcb->flags & TF_ECN) != 0 ? TCP_ECE : 0;
	/* Somebody on the way may drop such a SYN: the second one is plain (section 6.1.1.1). */
	if (ctx->conf.ecn == TCP_ECN_ACTIVE && (tcb->flags & TF_SYN_LOST) == 0)
		return SETUP;
	return 0;
}

void
tcp_ecn_setup(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const bool answer = (seg->flags & TCP_ACK) != 0;
	const bool asked = (tcb->flags & TF_ACTIVE) != 0;

	/* A SYN,ACK with both comes from one who reflects what he does not know (section 6.1.1.2). */
	if ((seg->flags & SETUP) != (answer ? TCP_ECE : SETUP)) {
		tcb->flags &= ~TF_ECN;
		return;
	}
	if (ctx->conf.ecn < (asked ? TCP_ECN_ACTIVE : TCP_ECN_PASSIVE))
		return;
	tcb->flags |= TF_ECN;
}

void
tcp_ecn_mark(struct tcp_tcb *tcb, struct tcp_out *out)
{
	const uint32_t plain = TF_ACTIVE | TF_SYN_LOST;

	if (out->len == 0)
		return;
	/* Who has sent a plain SYN as well must obey CE, but may not ask for it (section 6.1.1). */
	if ((tcb->flags & plain) != plain)
		out->seg.ecn = ECN_ECT0;
	if ((tcb->flags & TF_CWR) != 0) {
		out->seg.flags |= TCP_CWR;
		tcb->flags &= ~TF_CWR;
	}
}

void
tcp_ecn_echo(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL)
		return;
	b->cc.echo = (seg->flags & TCP_ECE) != 0;
	if (!b->cc.echo)
		return;
	tcp_count(ctx, COUNTER_ECE_IN);
	if (tcb->snd_una == tcb->snd_nxt || (tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0)
		return;
	/* Once for a window of data, whether it was for ECE or for a loss. CWR stands behind it: until then ECE is no news. */
	if (b->cc.reduced && seq_leq(seg->ack, b->cc.reduced_end))
		return;
	tcp_count(ctx, COUNTER_ECN_REDUCTIONS);
	if (tcb->cwnd <= tcb->mss) {
		/* No less than a segment: then no more than one in an RTO. */
		b->cc.pace_at = (uint32_t)ctx->now + tcp_rto_ms(ctx, tcb) * TIME_US_PER_MS;
		b->cc.pace_octets = 0;
		tcp_pace_hold(ctx, tcb, b);
	}
	tcp_cc_reduce(ctx, tcb, b, TCP_CC_ECE);
}

bool
tcp_ecn_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const bool was = (tcb->flags & TF_ECE) != 0;

	/* What lies before the window may be anybody's (section 6.1.5); beyond it check_sequence() lets nothing pass. */
	if (!seq_gt(seg->seq + seg->payload.len, tcb->rcv_nxt))
		return false;
	if ((seg->flags & TCP_CWR) != 0)
		tcb->flags &= ~TF_ECE;
	if (seg->ecn != ECN_CE)
		return false;
	tcp_count(ctx, COUNTER_CE_IN);
	tcb->flags |= TF_ECE;
	return !was;
}
