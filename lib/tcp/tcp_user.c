/* SPDX-License-Identifier: BSD-3-Clause */
/* User calls: RFC 9293 section 3.10.1 OPEN, 3.10.4 CLOSE, 3.10.5 ABORT (SEND and RECEIVE: tcp_queue.c). */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ profiles */

static bool
same_profile(const struct tcp_profile *a, const struct tcp_profile *b)
{
	return a->keep_idle_ms == b->keep_idle_ms && a->keep_interval_ms == b->keep_interval_ms &&
			a->user_timeout_ms == b->user_timeout_ms && a->linger_ms == b->linger_ms &&
			a->keep_count == b->keep_count && a->keep_on == b->keep_on &&
			a->cc == b->cc && a->pacing == b->pacing && a->dscp == b->dscp &&
			a->ttl == b->ttl;
}

int
tcp_profile_get(struct tcp_ctx *ctx, const struct tcp_profile *want)
{
	int free_slot = -ENOSPC;

	for (int i = TCP_PROFILE_MAX - 1; i >= 0; i--) {
		struct tcp_profile *p = &ctx->profile[i];

		if (p->refs == 0) {
			free_slot = i;
		} else if (same_profile(p, want)) {
			p->refs++;
			return i;
		}
	}
	if (free_slot >= 0) {
		ctx->profile[free_slot] = *want;
		ctx->profile[free_slot].refs = 1;
	}
	return free_slot;
}

void
tcp_profile_put(struct tcp_ctx *ctx, uint8_t profile)
{
	PTCP_ASSERT(ctx->profile[profile].refs > 0);
	ctx->profile[profile].refs--;
}

void
tcp_profile_set(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint8_t profile)
{
	const bool cc = ctx->profile[profile].cc != tcp_profile(ctx, tcb)->cc;

	tcp_profile_put(ctx, tcb->profile);
	tcb->profile = profile;
	if (cc)
		tcp_cc_switch(ctx, tcb);
	if ((tcb->flags & TF_KEEP_PROBE) != 0)
		tcb->probes = 0;
	if (tcp_synchronized(tcb->state) && tcb->state != TCP_TIME_WAIT)
		tcp_keep_start(ctx, tcb);
	if (tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT)
		tcp_patience_arm(ctx, tcb);
}

/* ------------------------------------------------------------------ OPEN */

int
tcp_listen(struct tcp_ctx *ctx, uint16_t laddr, uint16_t port, uint32_t backlog, uint8_t ops,
		uint8_t profile, void *arg)
{
	const int index = listener_add(ctx->listeners, laddr, port, backlog);

	if (index < 0)
		return index;
	ctx->listeners->l[index].profile = (uint16_t)(ops << 8 | profile);
	ctx->listeners->l[index].arg = arg;
	ctx->profile[profile].refs++;
	ctx->n_state[TCP_LISTEN]++;
	return index;
}

int
tcp_listen_profile(struct tcp_ctx *ctx, uint16_t listener, uint8_t profile)
{
	struct listener *l;

	if (listener >= LISTENERS_MAX || !ctx->listeners->l[listener].used)
		return -ENOENT;
	l = &ctx->listeners->l[listener];
	tcp_profile_put(ctx, (uint8_t)l->profile);
	l->profile = (uint16_t)((l->profile & 0xff00) | profile);
	return 0;
}

int
tcp_unlisten(struct tcp_ctx *ctx, uint16_t listener)
{
	if (listener >= LISTENERS_MAX || !ctx->listeners->l[listener].used)
		return -ENOENT;
	/* Half-open connections have nobody to go to any more (RFC 9293 section 3.10.4, LISTEN). */
	tcp_half_unlisten(ctx, listener);
	tcp_profile_put(ctx, (uint8_t)ctx->listeners->l[listener].profile);
	ctx->n_state[TCP_LISTEN]--;
	return listener_remove(ctx->listeners, listener);
}

/** Whether the tuple is in use by a connection that did not get its port from the port table. */
static bool
tuple_taken(const struct tcp_ctx *ctx, const struct conn_ident *id, const struct ip_addr *raddr6,
		uint32_t *hash)
{
	const struct conn_key k = {.id = *id, .raddr6 = raddr6};

	*hash = conn_hash(&ctx->hash_key, &k);
	return conn_table_find(&ctx->table, *hash, &k) != PTCP_NIL ||
			tcp_half_find(ctx, *hash, &k) != PTCP_NIL ||
			timewait_find(ctx->timewait, *hash, &k) != PTCP_NIL;
}

/** Reserve a local port: the named one, or an ephemeral one whose tuple is free. @param hash  set: of the tuple */
static int
take_port(struct tcp_ctx *ctx, struct conn_ident *id, const struct ip_addr *raddr6, uint32_t *hash)
{
	uint16_t taken[16];
	unsigned int n = 0;
	int rc;

	if (id->lport != 0) {
		rc = port_take(ctx->ports, id, raddr6);
		if (rc == 0 && tuple_taken(ctx, id, raddr6, hash)) {
			(void)port_put(ctx->ports, id, raddr6);
			rc = -EADDRINUSE;
		}
		return rc;
	}
	/* A peer may have connected to a listener of ours from the very port that we connect to: rare, so few tries. */
	do {
		rc = port_get(ctx->ports, id, raddr6);
		if (rc < 0)
			break;
		id->lport = (uint16_t)rc;
		rc = 0;
		if (!tuple_taken(ctx, id, raddr6, hash))
			break;
		taken[n++] = id->lport;
		rc = -EADDRNOTAVAIL;
	} while (n < PTCP_ARRAY_SIZE(taken));
	while (n > 0) {
		struct conn_ident back = *id;

		back.lport = taken[--n];
		(void)port_put(ctx->ports, &back, raddr6);
	}
	return rc;
}

int64_t
tcp_open(struct tcp_ctx *ctx, const struct tcp_open_args *args)
{
	const bool v6 = laddr_family(ctx->laddr, args->laddr) == IP_V6;
	struct conn_ident id = {
			.raddr = v6 ? ip_addr_fold(&args->raddr) : args->raddr.v4,
			.rport = args->rport,
			.lport = args->lport,
			.laddr = args->laddr,
			.aux = UINT16_MAX,
	};
	struct tcp_start start;
	struct tcp_tcb *tcb;
	uint32_t hash = 0;
	int rc;

	if (args->rport == 0 || (v6 && ctx->raddr6 == NULL))
		return -EINVAL;
	if (tcp_admit(ctx) != DROP_NONE) {
		tcp_count(ctx, COUNTER_OPENS_REFUSED);
		return -ENOBUFS;
	}
	rc = take_port(ctx, &id, v6 ? &args->raddr : NULL, &hash);
	if (rc < 0)
		return rc;
	tcb = tcp_alloc(ctx);
	PTCP_ASSERT(tcb != NULL);
	tcb->id = id;
	tcb->flags |= TF_ACTIVE;
	tcb->ops = args->ops;
	tcb->profile = args->profile;
	ctx->profile[args->profile].refs++;
	tcb->arg = args->arg;
	tcb->mss = v6 ? TCP_MSS_V6 : TCP_MSS_V4;
	tcp_insert(ctx, tcb, &args->raddr, hash);
	start = tcp_start(ctx, tcb);
	tcb->ts_offset = start.ts_offset;
	tcb->snd_una = start.isn;
	tcb->snd_nxt = tcb->snd_una + 1;
	tcb->t_recv = ctx->now_ms;
	tcp_count(ctx, COUNTER_OPENED);
	tcp_set_state(ctx, tcb, TCP_SYN_SENT);
	tcp_want_output(ctx, tcb, OUT_SYN);
	return tcp_index(ctx, tcb);
}

/* ------------------------------------------------------------------ CLOSE */

/** FIN follows the last queued octet; the state moves at once ("in any case", RFC 9293 section 3.10.4). */
static void
queue_fin(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcb->flags |= TF_FIN_QUEUED;
	tcb->flags &= ~TF_WANT_WRITE;
	tcb->events &= (uint8_t)~EV_WRITABLE;
	if (tcb->state == TCP_ESTABLISHED)
		tcp_set_state(ctx, tcb, TCP_FIN_WAIT_1);
	else if (tcb->state == TCP_CLOSE_WAIT)
		tcp_set_state(ctx, tcb, TCP_LAST_ACK);
	else
		return; /* SYN-SENT, SYN-RECEIVED: it waits for ESTABLISHED */
	tcp_want_output(ctx, tcb, OUT_DATA);
}

int
tcp_shutdown(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
		return -ENOTCONN;
	if ((tcb->flags & TF_FIN_QUEUED) != 0)
		return -EPIPE;
	queue_fin(ctx, tcb);
	return 0;
}

/** Nobody reads any more: an ended connection's last event is due now. */
static void
close_dead(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcp_queues_purge(ctx, tcb);
	tcp_want_event(ctx, tcb, 0);
}

int
tcp_close(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_ORPHAN) != 0)
		return -EPIPE;
	tcb->flags |= TF_ORPHAN;
	if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT) {
		if (tcb->events == 0)
			return -ENOTCONN; /* the closed event is being delivered */
		close_dead(ctx, tcb);
		return 0;
	}
	if (tcp_profile(ctx, tcb)->linger_ms == 0)
		return tcp_abort(ctx, tcb);
	if (tcb->state == TCP_SYN_SENT) {
		tcp_end(ctx, tcb, TCP_REASON_ABORTED, false);
		return 0;
	}
	if (tcp_recv_bytes(ctx, tcb) > 0) {
		/* What was never read was not delivered, and the peer must not think so (RFC 2525 section 2.17). */
		tcp_end(ctx, tcb, TCP_REASON_ABORTED, true);
		return 0;
	}
	if ((tcb->flags & TF_FIN_QUEUED) == 0)
		queue_fin(ctx, tcb);
	else if (tcb->state == TCP_FIN_WAIT_2)
		tcp_fin_wait_2_bound(ctx, tcb);
	/* Nobody keeps it alive any more; a bounded close counts from here. */
	tcb->t_recv = ctx->now_ms;
	tcp_patience_arm(ctx, tcb);
	return 0;
}

/* ------------------------------------------------------------------ ABORT */

int
tcp_abort(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	bool rst;

	switch (tcb->state) {
	case TCP_CLOSED:
	case TCP_TIME_WAIT:
		tcb->flags |= TF_ORPHAN;
		if (tcb->events == 0)
			return -ENOTCONN;
		close_dead(ctx, tcb);
		return 0;
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
		rst = true;
		break;
	default:
		/* SYN-SENT, CLOSING, LAST-ACK: nobody is owed a RST once FIN is out (RFC 9293 section 3.10.5). */
		rst = tcb->state != TCP_SYN_SENT && (tcb->flags & TF_FIN_SENT) == 0;
		break;
	}
	tcp_end(ctx, tcb, TCP_REASON_ABORTED, rst);
	return 0;
}

void
tcp_fail(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason)
{
	if (tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT)
		tcp_end(ctx, tcb, reason, false);
}
