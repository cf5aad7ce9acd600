/* SPDX-License-Identifier: BSD-3-Clause */
/* Events to the user's callbacks, and segments to the user's trace. */
#include <errno.h>

#include "api/api.h"

PTCP_STATIC_ASSERT((int)PTCP_STATE_MAX == (int)TCP_STATE_MAX, "the same states");
PTCP_STATIC_ASSERT((int)PTCP_REASON_MAX == (int)TCP_REASON_MAX, "the same reasons");
#define STATE(name, text)                                                                          \
	PTCP_STATIC_ASSERT((int)PTCP_##name == (int)TCP_##name, "the same states");
#include "tcp/state.def"
#undef STATE
#define REASON(name, key)                                                                          \
	PTCP_STATIC_ASSERT((int)PTCP_REASON_##name == (int)TCP_REASON_##name, "the same reasons");
#include "tcp/reason.def"
#undef REASON

const char *
ptcp_state_name(enum ptcp_state state)
{
	return tcp_state_name((unsigned int)state);
}

const char *
ptcp_reason_name(enum ptcp_reason reason)
{
	return tcp_reason_name((unsigned int)reason);
}

int
api_ops_index(struct ptcp_worker *w, const struct ptcp_ops *ops)
{
	for (int i = 0; i < w->n_ops; i++)
		if (w->ops[i] == ops)
			return i;
	if (w->n_ops == TCP_OPS_MAX)
		return -ENOSPC;
	w->ops[w->n_ops] = ops;
	return w->n_ops++;
}

/* ------------------------------------------------------------------ events */

/** Tell @p events of one connection, in the order of their life. A callback may have set another arg, or ended it. */
static void
tell(struct ptcp_worker *w, const struct tcp_tcb *tcb, uint8_t events)
{
	const struct ptcp_ops *ops = w->ops[tcb->ops];
	const ptcp_conn_t c = tcp_handle(&w->ctx, tcb);
	const enum ptcp_reason reason = (enum ptcp_reason)tcb->reason;

	if ((events & EV_ACCEPTED) != 0 && ops->accepted != NULL)
		ops->accepted(w, c, tcb->arg);
	if ((events & EV_CONNECTED) != 0 && ops->connected != NULL)
		ops->connected(w, c, tcb->arg);
	if ((events & EV_READABLE) != 0 && ops->readable != NULL)
		ops->readable(w, c, tcb->arg);
	if ((events & EV_WRITABLE) != 0 && ops->writable != NULL)
		ops->writable(w, c, tcb->arg);
	if ((events & EV_PEER_CLOSED) != 0 && ops->peer_closed != NULL)
		ops->peer_closed(w, c, tcb->arg);
	if ((events & EV_TROUBLE) != 0 && ops->trouble != NULL)
		ops->trouble(w, c, tcb->arg, reason);
	if ((events & EV_CLOSED) != 0 && ops->closed != NULL)
		ops->closed(w, c, tcb->arg, reason);
}

void
api_deliver(struct ptcp_worker *w)
{
	uint32_t index;
	uint8_t events;

	/* A callback may cause the next event: what goes on for ever must not hold up the turn. */
	for (uint32_t n = 0; n < TCP_LIST_MAX && tcp_event_next(&w->ctx, &index, &events); n++) {
		tell(w, tcp_at(&w->ctx, index), events);
		tcp_event_done(&w->ctx, index, events);
	}
}

/* ------------------------------------------------------------------ trace */

/** Our end's state after a received or an unowned segment: looked up, for nobody has kept it. */
static enum ptcp_state
state_of(struct ptcp_worker *w, const struct tcp_seg *seg, bool sent)
{
	const struct ip_addr *peer = sent ? &seg->dst : &seg->src;
	const bool v6 = seg->family == IP_V6;
	const struct conn_key k = {
			.id = {.raddr = v6 ? ip_addr_fold(peer) : peer->v4,
					.rport = sent ? seg->dport : seg->sport,
					.lport = sent ? seg->sport : seg->dport,
					.laddr = seg->laddr},
			.raddr6 = v6 ? peer : NULL,
	};
	const uint32_t hash = conn_hash(&w->ctx.hash_key, &k);
	const uint32_t index = conn_table_find(&w->ctx.table, hash, &k);

	if (index != PTCP_NIL)
		return (enum ptcp_state)tcp_at(&w->ctx, index)->state;
	if (tcp_half_find(&w->ctx, hash, &k) != PTCP_NIL)
		return PTCP_SYN_RECEIVED;
	if (timewait_find(w->ctx.timewait, hash, &k) != PTCP_NIL)
		return PTCP_TIME_WAIT;
	return PTCP_CLOSED;
}

static void
trace(struct ptcp_worker *w, const struct tcp_seg *seg, uint32_t tcb, uint32_t len, bool sent,
		bool rexmt)
{
	/* A function pointer kept as another type: worker.h does not know struct ptcp_trace. */
	const ptcp_trace_t user = (ptcp_trace_t)w->trace_user;
	struct ptcp_trace rec = {
			.time_us = w->ctx.now,
			.sent = sent,
			.retransmission = rexmt,
			.seq = seg->seq,
			.ack = (seg->flags & TCP_ACK) != 0 ? seg->ack : 0,
			.len = len,
			.wnd = seg->wnd,
			.flags = seg->flags,
			.state = tcb != PTCP_NIL ? (enum ptcp_state)tcp_at(&w->ctx, tcb)->state :
						   state_of(w, seg, sent),
	};

	api_addr_out(seg->family, &seg->src, seg->sport, &rec.src);
	api_addr_out(seg->family, &seg->dst, seg->dport, &rec.dst);
	user(w->trace_arg, &rec);
}

void
ptcp_trace_set(struct ptcp_worker *w, ptcp_trace_t fn, void *arg)
{
	PTCP_ASSERT(worker_owned(w));
	w->trace_user = (void (*)(void))fn;
	w->trace_arg = arg;
	w->trace = fn != NULL ? trace : NULL;
}
