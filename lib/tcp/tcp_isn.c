/* SPDX-License-Identifier: BSD-3-Clause */
/* What a peer must not be able to guess: initial sequence numbers and timestamp offsets. */
#include "tcp/tcp_impl.h"

/**
 * F(tuple, secret) of RFC 6528. Of its 64 bits one half goes into the ISN, the other is the timestamp's offset: a tuple is
 * hashed once for both, and who sees one half knows nothing of the other.
 */
static uint64_t
tuple_hash(const struct siphash_key *key, enum ip_family family, const struct ip_addr *local,
		const struct ip_addr *remote, uint16_t lport, uint16_t rport)
{
	const uint32_t ports = (uint32_t)lport << 16 | rport;

	if (family == IP_V4) {
		const uint64_t addrs = (uint64_t)local->v4 << 32 | remote->v4;

		return siphash24_words_tail(key, &addrs, 1, ports);
	}
	const uint64_t addrs[] = {local->q[0], local->q[1], remote->q[0], remote->q[1]};

	return siphash24_words_tail(key, addrs, PTCP_ARRAY_SIZE(addrs), ports);
}

struct tcp_start
tcp_start_of(const struct tcp_ctx *ctx, enum ip_family family, const struct ip_addr *local,
		const struct ip_addr *remote, uint16_t lport, uint16_t rport)
{
	const uint64_t f = tuple_hash(&ctx->isn_key, family, local, remote, lport, rport);

	return (struct tcp_start){(uint32_t)(ctx->now / 4) + (uint32_t)f, (uint32_t)(f >> 32)};
}

struct tcp_start
tcp_start(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct ip_addr local = laddr_get(ctx->laddr, tcb->id.laddr);
	const struct ip_addr remote = tcp_raddr(ctx, tcb);

	return tcp_start_of(ctx, laddr_family(ctx->laddr, tcb->id.laddr), &local, &remote,
			tcb->id.lport, tcb->id.rport);
}
