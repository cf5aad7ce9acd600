/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about segments of ours: RFC 5927, RFC 9293 section 3.9.2.2, RFC 1191. */
#include "tcp/tcp_impl.h"

/* What every host takes; a lower claim is not believed (RFC 5927 section 7, RFC 8200 section 5). */
#define MTU_FLOOR_V4 576
#define MTU_FLOOR_V6 1280

/** Payload of a segment without options that the path takes. */
static uint32_t
path_mss(const struct tcp_icmp *icmp)
{
	const bool v6 = icmp->quoted.family == IP_V6;
	const uint32_t floor = v6 ? MTU_FLOOR_V6 : MTU_FLOOR_V4;

	return (icmp->mtu < floor ? floor : icmp->mtu) - (v6 ? 60u : 40u);
}

/** A smaller way: segments become smaller, and what was too big goes again. */
static void
too_big(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_icmp *icmp)
{
	const uint32_t mss = path_mss(icmp) - ((tcb->flags & TF_TS) != 0 ? TCP_TS_LEN : 0);
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (mss >= tcb->mss)
		return;
	/* As many segments as before, not as many octets in more of them (RFC 5681 section 3.1). */
	if (tcp_synchronized(tcb->state))
		tcb->cwnd = (uint32_t)((uint64_t)tcb->cwnd * mss / tcb->mss);
	tcb->mss = (uint16_t)mss;
	if (b == NULL || tcb->snd_una == tcb->snd_nxt || !tcp_synchronized(tcb->state))
		return;
	/* Not a sign of congestion: ssthresh stays (RFC 1191 section 6.4). */
	tcp_recovery_too_big(ctx, tcb, b);
}

enum drop_reason
tcp_icmp_arrives(struct tcp_ctx *ctx, const struct tcp_icmp *icmp)
{
	const struct tcp_seg *q = &icmp->quoted;
	const bool v6 = q->family == IP_V6;
	const struct conn_key k = {
			.id =
					{
							.raddr = v6 ? ip_addr_fold(&q->dst) :
								      q->dst.v4,
							.rport = q->dport,
							.lport = q->sport,
							.laddr = q->laddr,
					},
			.raddr6 = v6 ? &q->dst : NULL,
	};
	const uint32_t hash = conn_hash(&ctx->hash_key, &k);
	uint32_t index = conn_table_find(&ctx->table, hash, &k);
	struct tcp_tcb *tcb;

	if (index == PTCP_NIL) {
		index = tcp_half_find(ctx, hash, &k);
		if (index == PTCP_NIL)
			return tcp_drop(ctx, DROP_ICMP_QUOTE);
		return tcp_half_icmp(ctx, index, q->seq, icmp->hard,
				icmp->too_big ? (uint16_t)path_mss(icmp) : UINT16_MAX);
	}
	tcb = tcp_at(ctx, index);
	/* Who quotes what is in flight has seen it; anybody can invent the rest (RFC 5927 section 4.1). */
	if (!seq_in(q->seq, tcb->snd_una, tcb->snd_nxt - tcb->snd_una))
		return tcp_drop(ctx, DROP_ICMP_QUOTE);
	tcp_count(ctx, COUNTER_ICMP_ERRORS);
	if (icmp->too_big)
		too_big(ctx, tcb, icmp);
	else if (icmp->hard && tcb->state == TCP_SYN_SENT)
		tcp_end(ctx, tcb, TCP_REASON_UNREACHABLE, false);
	else /* Soft in synchronised states: retransmission goes on (RFC 5927 section 5.2). */
		tcp_trouble(ctx, tcb, TCP_REASON_UNREACHABLE);
	return DROP_NONE;
}
