/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about segments of ours: RFC 5927, RFC 9293 section 3.9.2.2, RFC 1191. */
#include "tcp/tcp_impl.h"

/* What every host takes; a lower claim is not believed (RFC 5927 section 7, RFC 8200 section 5). */
#define MTU_FLOOR_V4 576
#define MTU_FLOOR_V6 1280

/** A smaller way: segments become smaller, and what was too big goes again. */
static void
too_big(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_icmp *icmp)
{
	const bool v6 = icmp->quoted.family == IP_V6;
	const uint32_t headers = (v6 ? 60u : 40u) + ((tcb->flags & TF_TS) != 0 ? TCP_TS_LEN : 0);
	const uint32_t floor = v6 ? MTU_FLOOR_V6 : MTU_FLOOR_V4;
	const uint32_t mtu = icmp->mtu < floor ? floor : icmp->mtu;
	struct tcp_block *b = tcp_block(ctx, tcb);

	if (mtu - headers >= tcb->mss)
		return;
	tcb->mss = (uint16_t)(mtu - headers);
	if (b == NULL || tcb->snd_una == tcb->snd_nxt || !tcp_synchronized(tcb->state))
		return;
	/* Not a sign of congestion: cwnd stays (RFC 1191 section 6.4). */
	b->rec.recover = tcb->snd_nxt;
	b->rec.recover_valid = true;
	b->rec.rtx_nxt = tcb->snd_una;
	tcb->flags = (tcb->flags & ~TF_RECOVERY) | TF_LOSS;
	tcp_want_output(ctx, tcb, OUT_DATA);
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
	const uint32_t index = conn_table_find(&ctx->table, conn_hash(&ctx->hash_key, &k), &k);
	struct tcp_tcb *tcb;

	if (index == PTCP_NIL)
		return tcp_drop(ctx, DROP_ICMP_QUOTE);
	tcb = tcp_at(ctx, index);
	/* Who quotes what is in flight has seen it; anybody can invent the rest (RFC 5927 section 4.1). */
	if (!seq_in(q->seq, tcb->snd_una, tcb->snd_nxt - tcb->snd_una))
		return tcp_drop(ctx, DROP_ICMP_QUOTE);
	tcp_count(ctx, COUNTER_ICMP_ERRORS);
	if (icmp->too_big)
		too_big(ctx, tcb, icmp);
	else if (icmp->hard && tcb->state == TCP_SYN_SENT)
		tcp_end(ctx, tcb, TCP_REASON_UNREACHABLE, false);
	/* Soft in synchronised states: retransmission goes on (RFC 5927 section 5.2). */
	return DROP_NONE;
}
