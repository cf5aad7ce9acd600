/* SPDX-License-Identifier: BSD-3-Clause */
/* LISTEN: RFC 9293 section 3.10.7.2. */
#include "tcp/tcp_impl.h"

/** A TCB in SYN-RECEIVED for an acceptable SYN. */
static struct tcp_tcb *
open_passive(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint16_t listener)
{
	struct listener *l = &ctx->listeners->l[listener];
	struct tcp_tcb *tcb = tcp_alloc(ctx);

	if (tcb == NULL)
		return NULL;
	tcb->id = (struct conn_ident){
			.raddr = seg->family == IP_V6 ? ip_addr_fold(&seg->src) : seg->src.v4,
			.rport = seg->sport,
			.lport = seg->dport,
			.laddr = seg->laddr,
			.aux = UINT16_MAX,
	};
	tcb->listener = (uint8_t)listener;
	tcb->flags |= TF_PASSIVE;
	tcb->ops = (uint8_t)(l->profile >> 8);
	tcb->profile = (uint8_t)l->profile;
	ctx->profile[tcb->profile].refs++;
	tcb->arg = l->arg;
	l->n_half_open++;
	tcp_insert(ctx, tcb, &seg->src, seg->hash);
	return tcb;
}

enum drop_reason
tcp_listen_refuses(const struct tcp_ctx *ctx, uint16_t listener)
{
	const struct listener *l = &ctx->listeners->l[listener];

	if (ctx->draining || l->n_half_open >= l->backlog)
		return DROP_TCP_BACKLOG;
	return tcp_admit(ctx);
}

enum drop_reason
tcp_listen_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t iss_floor, bool has_floor)
{
	const uint16_t listener = listener_find(ctx->listeners, seg->laddr, seg->dport);
	struct tcp_tcb *tcb;
	enum drop_reason reason;

	/* First, RST: ignored. Second, ACK: nothing was sent that it could acknowledge. */
	if ((seg->flags & TCP_RST) != 0)
		return tcp_drop(ctx, DROP_TCP_RST_UNMATCHED);
	if ((seg->flags & TCP_ACK) != 0) {
		tcp_reply_rst(ctx, seg);
		return tcp_drop(ctx, DROP_TCP_NO_CONN);
	}
	/* Third, SYN; with FIN it means nothing. Fourth, anything else: dropped. */
	if ((seg->flags & (TCP_SYN | TCP_FIN)) != TCP_SYN)
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	reason = tcp_listen_refuses(ctx, listener);
	if (reason != DROP_NONE)
		return tcp_drop(ctx, reason);
	tcb = open_passive(ctx, seg, listener);
	if (tcb == NULL)
		return tcp_drop(ctx, DROP_TCP_NO_TCB);
	tcb->rcv_nxt = seg->seq + 1;
	tcb->rcv_adv = tcb->rcv_nxt + tcp_syn_window(ctx);
	tcb->last_ack_sent = tcb->rcv_nxt;
	tcb->ts_offset = tcp_ts_offset(ctx, tcb);
	tcp_syn_options(ctx, tcb, seg);
	tcb->snd_una = tcp_isn(ctx, tcb);
	/* RFC 6191, RFC 1122 section 4.2.2.13: beyond whatever the last incarnation used. */
	if (has_floor && seq_leq(tcb->snd_una, iss_floor))
		tcb->snd_una = iss_floor + 1;
	tcb->snd_nxt = tcb->snd_una + 1;
	tcb->snd_wnd = (uint16_t)(seg->wnd >> (tcb->wscale >> 4));
	tcb->max_wnd = tcb->snd_wnd;
	tcb->wl1 = seg->seq;
	tcb->t_recv = ctx->now_ms;
	tcp_count(ctx, COUNTER_OPENED);
	tcp_set_state(ctx, tcb, TCP_SYN_RECEIVED);
	/* Text that came with the SYN is not kept (half-open memory is fixed): unacknowledged, it comes again. */
	tcp_want_output(ctx, tcb, OUT_SYN);
	return DROP_NONE;
}
