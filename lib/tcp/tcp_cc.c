/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control: slow start and avoidance (RFC 5681), recovery (RFC 6582), initial window (RFC 6928). */
#include "tcp/tcp_impl.h"

/* Far above any window that 65,535 << 14 can offer; keeps sums of it within 32 bits. */
#define CWND_MAX (1u << 30)

static void
grow(struct tcp_tcb *tcb, uint32_t n)
{
	tcb->cwnd = tcb->cwnd + n < CWND_MAX ? tcb->cwnd + n : CWND_MAX;
}

void
tcp_cc_init(struct tcp_tcb *tcb)
{
	const uint32_t mss = tcb->mss;
	const uint32_t two = 2 * mss > 14600 ? 2 * mss : 14600;

	/* RFC 6928 section 2; one segment after a lost SYN (RFC 5681 section 3.1). */
	tcb->cwnd = 10 * mss < two ? 10 * mss : two;
	if ((tcb->flags & TF_SYN_LOST) != 0)
		tcb->cwnd = mss;
	tcb->ssthresh = CWND_MAX;
}

static uint32_t
half_of_flight(const struct tcp_tcb *tcb)
{
	const uint32_t half = (tcb->snd_nxt - tcb->snd_una) / 2;

	return half > 2u * tcb->mss ? half : 2u * tcb->mss;
}

void
tcp_cc_ack(struct tcp_tcb *tcb, struct tcp_block *b, uint32_t acked)
{
	/*
	 * RFC 5681 section 3.1, with growth counted in bytes so that dividing ACKs gains nothing
	 * (RFC 3465, L = 2 in slow start, 1 after a timeout).
	 */
	if (tcb->cwnd < tcb->ssthresh) {
		const uint32_t most = ((tcb->flags & TF_LOSS) != 0 ? 1u : 2u) * tcb->mss;

		grow(tcb, acked < most ? acked : most);
		return;
	}
	b->acked += acked;
	if (b->acked >= tcb->cwnd) {
		b->acked -= tcb->cwnd;
		grow(tcb, tcb->mss);
	}
}

void
tcp_cc_recover(struct tcp_tcb *tcb, struct tcp_block *b)
{
	tcb->ssthresh = half_of_flight(tcb);
	tcb->cwnd = tcb->ssthresh + 3u * tcb->mss;
	b->recover = tcb->snd_nxt;
	b->recover_valid = true;
	b->acked = 0;
	tcb->flags |= TF_RECOVERY;
}

void
tcp_cc_dupack(struct tcp_tcb *tcb, const struct tcp_block *b)
{
	/*
	 * Each further duplicate says that one segment has left the network: no more than were in it at the loss (RFC 5681
	 * section 3.2 step 4). What was sent since does not count, or invented duplicates would go on pulling more out.
	 */
	if (tcb->cwnd < b->recover - tcb->snd_una + tcb->ssthresh)
		grow(tcb, tcb->mss);
}

void
tcp_cc_partial(struct tcp_tcb *tcb, uint32_t acked)
{
	tcb->cwnd = tcb->cwnd > acked ? tcb->cwnd - acked : 0;
	if (acked >= tcb->mss || tcb->cwnd < tcb->mss)
		grow(tcb, tcb->mss);
}

void
tcp_cc_recovered(struct tcp_tcb *tcb)
{
	const uint32_t flight = tcb->snd_nxt - tcb->snd_una;
	const uint32_t mss = tcb->mss;
	const uint32_t most = (flight > mss ? flight : mss) + mss;

	/* RFC 6582 section 3.2 step 3, option 1: no burst at the end. */
	tcb->cwnd = tcb->ssthresh < most ? tcb->ssthresh : most;
	tcb->flags &= ~TF_RECOVERY;
}

void
tcp_cc_timeout(struct tcp_tcb *tcb, bool first)
{
	if (first)
		tcb->ssthresh = half_of_flight(tcb);
	tcb->cwnd = tcb->mss;
	tcb->flags &= ~TF_RECOVERY;
}
