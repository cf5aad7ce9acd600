/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about segments of ours: RFC 5927, RFC 9293 section 3.9.2.2. */
#include "tcp/tcp_impl.h"

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
		return tcp_half_icmp(ctx, index, q->seq, icmp->hard);
	}
	tcb = tcp_at(ctx, index);
	/* Who quotes what is in flight has seen it; anybody can invent the rest (RFC 5927 section 4.1). */
	if (!seq_in(q->seq, tcb->snd_una, tcb->snd_nxt - tcb->snd_una))
		return tcp_drop(ctx, DROP_ICMP_QUOTE);
	tcp_count(ctx, COUNTER_ICMP_ERRORS);
	if (icmp->too_big)
		tcp_pmtu_claim(ctx, tcb, q->seq, icmp->mtu);
	else if (icmp->hard && tcb->state == TCP_SYN_SENT)
		tcp_end(ctx, tcb, TCP_REASON_UNREACHABLE, false);
	else /* Soft in synchronised states: retransmission goes on (RFC 5927 section 5.2). */
		tcp_trouble(ctx, tcb, TCP_REASON_UNREACHABLE);
	return DROP_NONE;
}
