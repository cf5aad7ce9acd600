/* SPDX-License-Identifier: BSD-3-Clause */
/* TIME-WAIT: RFC 9293 section 3.10.7.4, RFC 1337, RFC 6191, on the compact record. */
#include "tcp/tcp_impl.h"

/**
 * ACK from the record. Only segments that occupy sequence space get one: two ends that disagree answer with empty
 * ACKs, and those end here.
 */
static void
reply_ack(struct tcp_ctx *ctx, const struct tcp_seg *seg, const struct timewait_entry *e)
{
	struct tcp_seg *r;

	if (tcp_seg_len(seg) == 0)
		return;
	r = tcp_reply(ctx, seg);
	if (r == NULL)
		return;
	r->flags = TCP_ACK;
	r->seq = e->snd_nxt;
	r->ack = e->rcv_nxt;
	r->wnd = 0; /* nobody receives any more */
	if ((e->id.aux & TIMEWAIT_TS) != 0) {
		r->opts = TCP_OPT_TS;
		r->ts_val = ctx->now_ms +
				tcp_start_of(ctx, r->family, &r->src, &r->dst, r->sport, r->dport)
						.ts_offset;
		r->ts_ecr = e->ts_recent;
	}
}

/** RFC 6191 section 2: may this SYN begin a new incarnation? */
static bool
reusable(const struct tcp_ctx *ctx, const struct timewait_entry *e, const struct tcp_seg *seg)
{
	if ((seg->opts & TCP_OPT_TS) != 0 && ctx->conf.timestamps) {
		/* What is left of an incarnation without timestamps cannot pass for the new one's. */
		if ((e->id.aux & TIMEWAIT_TS) == 0)
			return true;
		if (seg->ts_val != e->ts_recent)
			return seq_gt(seg->ts_val, e->ts_recent);
	}
	/* "Larger than the last sequence number seen": that was the FIN's, one less than RCV.NXT. */
	return seq_gt(seg->seq, e->rcv_nxt - 1);
}

/** Only a place in the table is missing, and the record gives up its own. */
static bool
own_place_will_do(const struct tcp_ctx *ctx)
{
	const uint32_t places = ctx->tcb_pool.n_used + ctx->half_pool.n_used +
			timewait_count(ctx->timewait);

	return places <= ctx->conf.max_timewait && pool_free_count(&ctx->half_pool) > 0 &&
			ctx->half_pool.n_used < pool_free_count(&ctx->tcb_pool) &&
			tcp_mem_admits(ctx);
}

static enum drop_reason
reuse(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t index, uint16_t listener)
{
	const struct timewait_entry e = *timewait_at(ctx->timewait, index);
	const enum drop_reason refused = tcp_listen_refuses(ctx, listener);

	/* The record stays when the newcomer has no place: its 2MSL is not cut short for nothing. */
	if (refused != DROP_NONE && !(refused == DROP_TCP_NO_TIMEWAIT && own_place_will_do(ctx)))
		return tcp_drop(ctx, refused);
	if ((e.id.aux & TIMEWAIT_ACTIVE) != 0)
		(void)port_put(ctx->ports, &e.id,
				seg->family == IP_V6 ? timewait_raddr6(ctx->timewait, index) :
						       NULL);
	timewait_remove(ctx->timewait, index);
	tcp_count(ctx, COUNTER_TIMEWAIT_REUSED);
	return tcp_listen_arrives(ctx, seg, e.snd_nxt, true);
}

enum drop_reason
tcp_timewait_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t index)
{
	struct timewait_entry *e = timewait_at(ctx->timewait, index);
	const uint16_t listener = listener_find(ctx->listeners, seg->laddr, seg->dport);
	const uint8_t control = seg->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);

	if ((control & TCP_RST) != 0)
		return tcp_drop(ctx, DROP_TCP_TIMEWAIT_RST);
	if (control == TCP_SYN && listener != LISTENER_NONE && reusable(ctx, e, seg))
		return reuse(ctx, seg, index, listener);
	if ((control & TCP_SYN) != 0) {
		/* SYN+FIN means nothing; else an old duplicate, told where we are (RFC 5961 section 4). */
		if ((control & TCP_FIN) != 0)
			return tcp_drop(ctx, DROP_TCP_FLAGS);
		reply_ack(ctx, seg, e);
		return tcp_drop(ctx, DROP_TCP_TIMEWAIT_OLD);
	}
	if ((control & TCP_ACK) == 0)
		return tcp_drop(ctx, DROP_TCP_FLAGS);
	if ((e->id.aux & TIMEWAIT_TS) != 0) {
		if ((seg->opts & TCP_OPT_TS) == 0)
			return tcp_drop(ctx, DROP_TCP_NO_TS);
		if (seq_lt(seg->ts_val, e->ts_recent)) {
			reply_ack(ctx, seg, e);
			return tcp_drop(ctx, DROP_TCP_PAWS);
		}
	}
	if ((control & TCP_FIN) != 0 && seg->seq + tcp_seg_len(seg) == e->rcv_nxt) {
		/* "Acknowledge it, and restart the 2 MSL timeout." */
		if ((e->id.aux & TIMEWAIT_TS) != 0)
			e->ts_recent = seg->ts_val;
		reply_ack(ctx, seg, e);
		timewait_restart(ctx->timewait, index, ctx->now);
		tcp_count(ctx, COUNTER_TIMEWAIT_RESTARTS);
		return DROP_NONE;
	}
	if (tcp_seg_len(seg) == 0 && seg->seq == e->rcv_nxt)
		return DROP_NONE; /* the ACK of our last segment, late */
	reply_ack(ctx, seg, e);
	return tcp_drop(ctx, DROP_TCP_TIMEWAIT_OLD);
}
