/* SPDX-License-Identifier: BSD-3-Clause */
/* What a peer must not be able to guess: initial sequence numbers and timestamp offsets. */
#include "tcp/tcp_impl.h"

static uint64_t
tuple_hash(const struct siphash_key *key, const struct ip_addr *local, const struct ip_addr *remote,
		uint16_t lport, uint16_t rport)
{
	struct {
		struct ip_addr local, remote;
		uint16_t lport, rport;
		uint32_t zero;
	} tuple;

	memset(&tuple, 0, sizeof(tuple));
	tuple.local = *local;
	tuple.remote = *remote;
	tuple.lport = lport;
	tuple.rport = rport;
	return siphash24(key, &tuple, sizeof(tuple));
}

uint32_t
tcp_isn_of(const struct tcp_ctx *ctx, const struct ip_addr *local, const struct ip_addr *remote,
		uint16_t lport, uint16_t rport)
{
	return (uint32_t)(ctx->now / 4) +
			(uint32_t)tuple_hash(&ctx->isn_key, local, remote, lport, rport);
}

uint32_t
tcp_isn(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct ip_addr local = laddr_get(ctx->laddr, tcb->id.laddr);
	const struct ip_addr remote = tcp_raddr(ctx, tcb);

	return tcp_isn_of(ctx, &local, &remote, tcb->id.lport, tcb->id.rport);
}

uint32_t
tcp_ts_offset_of(const struct tcp_ctx *ctx, const struct ip_addr *local,
		const struct ip_addr *remote, uint16_t lport, uint16_t rport)
{
	return (uint32_t)tuple_hash(&ctx->ts_key, local, remote, lport, rport);
}

uint32_t
tcp_ts_offset(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct ip_addr local = laddr_get(ctx->laddr, tcb->id.laddr);
	const struct ip_addr remote = tcp_raddr(ctx, tcb);

	return tcp_ts_offset_of(ctx, &local, &remote, tcb->id.lport, tcb->id.rport);
}
