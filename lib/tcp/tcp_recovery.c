/* SPDX-License-Identifier: BSD-3-Clause */
/* Fast retransmit and fast recovery without SACK: RFC 5681 section 3.2, RFC 6582. */
#include "tcp/tcp_impl.h"

void
tcp_recovery_enter(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b)
{
	tcp_cc_reduce(ctx, tcb, b, TCP_CC_LOSS);
	tcb->cwnd = tcb->ssthresh + 3u * tcb->mss;
	b->rec.recover = tcb->snd_nxt;
	b->rec.recover_valid = true;
	tcb->flags |= TF_RECOVERY;
}

void
tcp_recovery_dupack(struct tcp_tcb *tcb, const struct tcp_block *b)
{
	/*
	 * Each further duplicate says that one segment has left the network: no more than were in it at the loss (RFC 5681
	 * section 3.2 step 4). What was sent since does not count, or invented duplicates would go on pulling more out.
	 */
	if (tcb->cwnd < b->rec.recover - tcb->snd_una + tcb->ssthresh)
		tcp_cc_grow(tcb, tcb->mss);
}

void
tcp_recovery_partial(struct tcp_tcb *tcb, uint32_t acked)
{
	tcb->cwnd = tcb->cwnd > acked ? tcb->cwnd - acked : 0;
	if (acked >= tcb->mss || tcb->cwnd < tcb->mss)
		tcp_cc_grow(tcb, tcb->mss);
}

void
tcp_recovery_leave(struct tcp_tcb *tcb)
{
	const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
	const uint32_t mss = tcb->mss;
	const uint32_t most = (flight > mss ? flight : mss) + mss;

	/* RFC 6582 section 3.2 step 3, option 1: no burst at the end. */
	tcb->cwnd = tcb->ssthresh < most ? tcb->ssthresh : most;
	tcb->flags &= ~TF_RECOVERY;
}
