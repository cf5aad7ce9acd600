/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be set of a connection, and what is known of it. */
#include <errno.h>

#include "api/api.h"

int
api_keep_get(struct ptcp_worker *w, uint8_t base, const struct ptcp_keepalive *ka)
{
	struct tcp_profile p = w->ctx.profile[base];

	p.keep_on = ka->on;
	p.keep_idle_ms = ka->idle_ms;
	p.keep_interval_ms = ka->interval_ms;
	p.keep_count = ka->count;
	return tcp_profile_get(&w->ctx, &p);
}

int
ptcp_arg_set(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct tcp_tcb *tcb = api_tcb(w, c);

	if (tcb == NULL)
		return -ENOTCONN;
	tcb->arg = arg;
	return 0;
}

void *
ptcp_arg_get(const struct ptcp_worker *w, ptcp_conn_t c)
{
	const struct tcp_tcb *tcb = api_tcb(w, c);

	return tcb != NULL ? tcb->arg : NULL;
}

/** Give @p tcb the profile that is like @p want. */
static int
profile_use(struct ptcp_worker *w, struct tcp_tcb *tcb, const struct tcp_profile *want)
{
	const int profile = tcp_profile_get(&w->ctx, want);

	if (profile < 0)
		return profile;
	tcp_profile_set(&w->ctx, tcb, (uint8_t)profile);
	return 0;
}

static int
keepalive_set(struct ptcp_worker *w, struct tcp_tcb *tcb, enum ptcp_opt opt, uint32_t value)
{
	struct tcp_profile p = *tcp_profile(&w->ctx, tcb);
	struct ptcp_keepalive ka;

	switch (opt) {
	case PTCP_KEEPALIVE:
		if (value > 1)
			return -EINVAL;
		p.keep_on = value != 0;
		break;
	case PTCP_KEEPIDLE:
		p.keep_idle_ms = value;
		break;
	case PTCP_KEEPINTVL:
		p.keep_interval_ms = value;
		break;
	default:
		if (value > UINT8_MAX)
			return -EINVAL;
		p.keep_count = (uint8_t)value;
		break;
	}
	ka = (struct ptcp_keepalive){p.keep_on, p.keep_idle_ms, p.keep_interval_ms, p.keep_count};
	return api_keepalive_ok(&ka) ? profile_use(w, tcb, &p) : -EINVAL;
}

static int
profile_set(struct ptcp_worker *w, struct tcp_tcb *tcb, enum ptcp_opt opt, uint32_t value)
{
	struct tcp_profile p = *tcp_profile(&w->ctx, tcb);

	switch (opt) {
	case PTCP_USER_TIMEOUT:
		if (value > API_TIMEOUT_MAX_MS)
			return -EINVAL;
		p.user_timeout_ms = value;
		break;
	case PTCP_LINGER:
		if (value > API_TIMEOUT_MAX_MS && value != PTCP_LINGER_OFF)
			return -EINVAL;
		p.linger_ms = value;
		break;
	case PTCP_CC:
		if (value >= PTCP_CC_MAX)
			return -EINVAL;
		p.cc = (uint8_t)value;
		break;
	case PTCP_DSCP:
		if (value > API_DSCP_MAX)
			return -EINVAL;
		p.dscp = (uint8_t)value;
		break;
	case PTCP_TTL:
		if (value < 1 || value > UINT8_MAX)
			return -EINVAL;
		p.ttl = (uint8_t)value;
		break;
	default:
		if (value > 1)
			return -EINVAL;
		p.pacing = value != 0;
		break;
	}
	return profile_use(w, tcb, &p);
}

int
ptcp_set(struct ptcp_worker *w, ptcp_conn_t c, enum ptcp_opt opt, uint32_t value)
{
	struct tcp_tcb *tcb = api_tcb(w, c);

	if (tcb == NULL)
		return -ENOTCONN;
	switch (opt) {
	case PTCP_KEEPALIVE:
	case PTCP_KEEPIDLE:
	case PTCP_KEEPINTVL:
	case PTCP_KEEPCNT:
		return keepalive_set(w, tcb, opt, value);
	case PTCP_USER_TIMEOUT:
	case PTCP_LINGER:
	case PTCP_CC:
	case PTCP_PACING:
	case PTCP_DSCP:
	case PTCP_TTL:
		return profile_set(w, tcb, opt, value);
	case PTCP_NODELAY:
		if (value > 1)
			return -EINVAL;
		tcb->flags = (tcb->flags & ~TF_NODELAY) | (value != 0 ? TF_NODELAY : 0);
		return 0;
	default:
		return -EINVAL;
	}
}

int
ptcp_get(const struct ptcp_worker *w, ptcp_conn_t c, enum ptcp_opt opt, uint32_t *value)
{
	const struct tcp_tcb *tcb = api_tcb(w, c);
	const struct tcp_profile *p;

	if (tcb == NULL)
		return -ENOTCONN;
	p = tcp_profile(&w->ctx, tcb);
	switch (opt) {
	case PTCP_KEEPALIVE:
		*value = p->keep_on;
		return 0;
	case PTCP_KEEPIDLE:
		*value = p->keep_idle_ms;
		return 0;
	case PTCP_KEEPINTVL:
		*value = p->keep_interval_ms;
		return 0;
	case PTCP_KEEPCNT:
		*value = p->keep_count;
		return 0;
	case PTCP_USER_TIMEOUT:
		*value = p->user_timeout_ms;
		return 0;
	case PTCP_LINGER:
		*value = p->linger_ms;
		return 0;
	case PTCP_CC:
		*value = p->cc;
		return 0;
	case PTCP_PACING:
		*value = p->pacing;
		return 0;
	case PTCP_DSCP:
		*value = p->dscp;
		return 0;
	case PTCP_TTL:
		*value = p->ttl;
		return 0;
	case PTCP_NODELAY:
		*value = (tcb->flags & TF_NODELAY) != 0;
		return 0;
	default:
		return -EINVAL;
	}
}

const char *
ptcp_cc_name(enum ptcp_cc cc)
{
	return tcp_cc_name((unsigned int)cc);
}

/** Payload bytes in flight: SYN and FIN occupy sequence numbers but are none. */
static uint32_t
in_flight(const struct tcp_tcb *tcb)
{
	const uint32_t octets = tcb->snd_nxt - tcb->snd_una;
	const bool syn = tcb->state == TCP_SYN_SENT || tcb->state == TCP_SYN_RECEIVED;
	const bool fin = (tcb->flags & TF_FIN_SENT) != 0;

	return octets > 0 && (syn || fin) ? octets - 1 : octets;
}

int
ptcp_info(const struct ptcp_worker *w, ptcp_conn_t c, struct ptcp_info *info)
{
	const struct tcp_ctx *ctx = &w->ctx;
	const struct tcp_tcb *tcb = api_tcb(w, c);
	const struct tcp_block *b;
	struct ip_addr local, remote;
	uint8_t family;

	if (tcb == NULL)
		return -ENOTCONN;
	b = tcb->blk != PTCP_NIL ? pool_at(&ctx->block_pool, tcb->blk) : NULL;
	family = (uint8_t)laddr_family(ctx->laddr, tcb->id.laddr);
	local = laddr_get(ctx->laddr, tcb->id.laddr);
	remote = family == IP_V6 ? ctx->raddr6[tcp_index(ctx, tcb)] : ip_addr_v4(tcb->id.raddr);
	*info = (struct ptcp_info){
			.state = (enum ptcp_state)tcb->state,
			.snd_una = tcb->snd_una,
			.snd_nxt = tcb->snd_nxt,
			.rcv_nxt = tcb->rcv_nxt,
			.snd_wnd = tcp_snd_wnd(tcb),
			.rcv_wnd = tcp_rcv_wnd(tcb),
			.cwnd = tcb->cwnd,
			.ssthresh = tcb->ssthresh,
			.mss = tcb->mss,
			.snd_wscale = tcb->wscale >> 4,
			.rcv_wscale = tcb->wscale & 15,
			.timestamps = (tcb->flags & TF_TS) != 0,
			.sack = (tcb->flags & TF_SACK) != 0,
			.ecn = (tcb->flags & TF_ECN) != 0,
			.pacing = tcp_profile(ctx, tcb)->pacing,
			.recovering = (tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0,
			.cc = (enum ptcp_cc)tcp_profile(ctx, tcb)->cc,
			.rto_ms = tcp_rto_ms(ctx, tcb),
			.retransmits = tcb->shift,
			.in_flight = in_flight(tcb),
			.unread = tcp_recv_bytes(ctx, tcb),
			.keepalive_probes = (tcb->flags & TF_KEEP_PROBE) != 0 ? tcb->probes : 0,
	};
	/* Before the handshake's end the fields of the RTT hold something else. */
	if (tcb->state != TCP_SYN_SENT && tcb->state != TCP_SYN_RECEIVED) {
		info->srtt_us = tcb->srtt;
		info->rttvar_us = tcb->rttvar;
	}
	if (b != NULL && b->snd_bytes > info->in_flight)
		info->unsent = b->snd_bytes - info->in_flight;
	api_addr_out(family, &local, tcb->id.lport, &info->local);
	api_addr_out(family, &remote, tcb->id.rport, &info->remote);
	return 0;
}
