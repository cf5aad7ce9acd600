/* SPDX-License-Identifier: BSD-3-Clause */
/* TCBs: their memory, their states, their beginning and end. */
#include "tcp/tcp_impl.h"

PTCP_STATIC_ASSERT((TCP_LIST_MAX & (TCP_LIST_MAX - 1)) == 0, "a ring's size");
PTCP_STATIC_ASSERT((TCP_OUTPUT_MAX & (TCP_OUTPUT_MAX - 1)) == 0, "a ring's size");
PTCP_STATIC_ASSERT((TCP_REPLY_MAX & (TCP_REPLY_MAX - 1)) == 0, "a ring's size");

#define ALIGNED(n) (((n) + PTCP_CACHE_LINE - 1) & ~(size_t)(PTCP_CACHE_LINE - 1))

const char *
tcp_state_name(unsigned int state)
{
	static const char *const names[] = {
#define STATE(name, text) text,
#include "tcp/state.def"
#undef STATE
	};

	return state < TCP_STATE_MAX ? names[state] : NULL;
}

const char *
tcp_reason_name(unsigned int reason)
{
	static const char *const names[] = {
#define REASON(name, key) key,
#include "tcp/reason.def"
#undef REASON
	};

	return reason < TCP_REASON_MAX ? names[reason] : NULL;
}

const char *
tcp_cc_name(unsigned int id)
{
	static const char *const names[] = {
#define CC(name, key) key,
#include "tcp/cc.def"
#undef CC
	};

	return id < TCP_CC_MAX ? names[id] : NULL;
}

/* ------------------------------------------------------------------ memory */

static struct timewait_conf
timewait_conf_of(const struct tcp_conf *conf)
{
	return (struct timewait_conf){.max = conf->max_timewait,
			.duration_ms = 2 * conf->msl_ms,
			.ipv6 = conf->ipv6};
}

static struct port_conf
port_conf_of(const struct tcp_conf *conf)
{
	return (struct port_conf){.max_sets = conf->max_dests,
			.first = conf->port_first,
			.last = conf->port_last};
}

static uint32_t
half_max(const struct tcp_conf *conf)
{
	return conf->max_half_open != 0 ? conf->max_half_open : conf->max_tcbs;
}

static uint32_t
output_max(const struct tcp_conf *conf)
{
	uint32_t n = 1;

	while (n < conf->max_tcbs && n < TCP_OUTPUT_MAX)
		n *= 2;
	return n;
}

size_t
tcp_memory_size(const struct tcp_conf *conf)
{
	const struct timewait_conf tw = timewait_conf_of(conf);
	const struct port_conf ports = port_conf_of(conf);
	size_t size = 0;

	size += ALIGNED(conf->max_tcbs * sizeof(struct tcp_tcb));
	size += conf->ipv6 ? ALIGNED(conf->max_tcbs * sizeof(struct ip_addr)) : 0;
	size += ALIGNED(conf->max_blocks * sizeof(struct tcp_block));
	size += ALIGNED(conf->max_nodes * sizeof(struct tcp_node));
	size += ALIGNED(conf->max_ranges * sizeof(struct tcp_range));
	size += ALIGNED(conn_table_size(conf->max_tcbs));
	size += tcp_half_size(half_max(conf), conf->ipv6);
	size += ALIGNED(timewait_size(&tw));
	size += ALIGNED(port_size(&ports));
	size += ALIGNED(sizeof(struct listener_table));
	size += ALIGNED(output_max(conf) * sizeof(uint32_t));
	return size;
}

static void *
carve(uint8_t **mem, size_t size)
{
	uint8_t *p = *mem;

	*mem += ALIGNED(size);
	return p;
}

static uint8_t
wscale_for(uint32_t rcv_buf)
{
	uint8_t scale = 0;

	while (scale < TCP_WSCALE_MAX && (rcv_buf >> scale) > UINT16_MAX)
		scale++;
	return scale;
}

void
tcp_init(struct tcp_ctx *ctx, const struct tcp_conf *conf, const struct tcp_secrets *secrets,
		void *mem, struct laddr_table *laddr, struct counters *counters, time_us_t now)
{
	struct timewait_conf tw = timewait_conf_of(conf);
	struct port_conf ports = port_conf_of(conf);
	uint8_t *p = mem;
	void *part;

	memset(ctx, 0, sizeof(*ctx));
	ctx->conf = *conf;
	ctx->conf.max_half_open = half_max(conf);
	ctx->hash_key = secrets->hash_key;
	ctx->isn_key = secrets->isn_key;
	ctx->laddr = laddr;
	ctx->counters = counters;
	ctx->rcv_wscale = wscale_for(
			conf->rcv_buf_max > conf->rcv_buf ? conf->rcv_buf_max : conf->rcv_buf);
	tcp_set_time(ctx, now);
	tw.key = secrets->hash_key;
	ports.key = secrets->hash_key;

	part = carve(&p, conf->max_tcbs * sizeof(struct tcp_tcb));
	ctx->tcb = part;
	pool_init(&ctx->tcb_pool, part, sizeof(struct tcp_tcb), conf->max_tcbs);
	if (conf->ipv6)
		ctx->raddr6 = carve(&p, conf->max_tcbs * sizeof(struct ip_addr));
	part = carve(&p, conf->max_blocks * sizeof(struct tcp_block));
	pool_init(&ctx->block_pool, part, sizeof(struct tcp_block), conf->max_blocks);
	part = carve(&p, conf->max_nodes * sizeof(struct tcp_node));
	pool_init(&ctx->node_pool, part, sizeof(struct tcp_node), conf->max_nodes);
	part = carve(&p, conf->max_ranges * sizeof(struct tcp_range));
	pool_init(&ctx->range_pool, part, sizeof(struct tcp_range), conf->max_ranges);
	tcp_mem_init(ctx);
	part = carve(&p, conn_table_size(conf->max_tcbs));
	conn_table_init(&ctx->table, part, conf->max_tcbs, ctx->tcb, sizeof(struct tcp_tcb),
			ctx->raddr6);
	tcp_cookie_init(ctx);
	tcp_half_init(ctx, carve(&p, tcp_half_size(half_max(conf), conf->ipv6)));
	ctx->timewait = timewait_init(carve(&p, timewait_size(&tw)), &tw);
	ctx->ports = port_init(carve(&p, port_size(&ports)), &ports);
	ctx->listeners = carve(&p, sizeof(struct listener_table));
	ctx->output = carve(&p, output_max(conf) * sizeof(uint32_t));
	ctx->output_mask = output_max(conf) - 1;
	listener_init(ctx->listeners);
	wheel_init(&ctx->wheel, &ctx->tcb[0].timer, sizeof(struct tcp_tcb), conf->max_tcbs,
			now / TIME_US_PER_MS);
	/* Profile 0 is the default and never freed. */
	ctx->profile[0] = (struct tcp_profile){
			.user_timeout_ms = conf->user_timeout_ms,
			.linger_ms = TCP_LINGER_OFF,
			.refs = 1,
			.cc = conf->cc,
			.pacing = conf->pacing,
			.dscp = conf->dscp,
			.ttl = conf->ttl,
	};
}

enum drop_reason
tcp_admit(const struct tcp_ctx *ctx)
{
	if (pool_free_count(&ctx->tcb_pool) == 0)
		return DROP_TCP_NO_TCB;
	/* Every connection may need a TIME-WAIT record at its end: nothing is ever cut short for want of one. */
	if (ctx->tcb_pool.n_used + timewait_count(ctx->timewait) >= ctx->conf.max_timewait)
		return DROP_TCP_NO_TIMEWAIT;
	/* Nor does anybody who is there share his last memory with a newcomer. */
	if (!tcp_mem_admits(ctx))
		return DROP_TCP_NO_MEM;
	return DROP_NONE;
}

struct tcp_tcb *
tcp_alloc(struct tcp_ctx *ctx)
{
	const uint32_t index = pool_get(&ctx->tcb_pool);
	struct tcp_tcb *tcb;
	uint32_t gen;

	if (index == PTCP_NIL)
		return NULL;
	tcb = tcp_at(ctx, index);
	gen = (tcb->gen + 1) & ((1u << TCP_INDEX_BITS) - 1);
	memset(tcb, 0, sizeof(*tcb));
	tcb->gen = gen == 0 ? 1 : gen;
	tcb->blk = PTCP_NIL;
	tcb->id.aux = UINT16_MAX;
	wheel_node_init(&ctx->wheel, index);
	ctx->n_state[TCP_CLOSED]++;
	return tcb;
}

struct ip_addr
tcp_raddr(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if (laddr_family(ctx->laddr, tcb->id.laddr) == IP_V6)
		return ctx->raddr6[tcp_index(ctx, tcb)];
	return ip_addr_v4(tcb->id.raddr);
}

static struct conn_key
key_of(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const bool v6 = laddr_family(ctx->laddr, tcb->id.laddr) == IP_V6;

	return (struct conn_key){
			.id = tcb->id, .raddr6 = v6 ? &ctx->raddr6[tcp_index(ctx, tcb)] : NULL};
}

uint32_t
tcp_tcb_hash(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct conn_key k = key_of(ctx, tcb);

	return conn_hash(&ctx->hash_key, &k);
}

void
tcp_insert(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct ip_addr *raddr, uint32_t hash)
{
	int rc;

	if (ctx->raddr6 != NULL)
		ctx->raddr6[tcp_index(ctx, tcb)] = *raddr;
	rc = conn_table_insert(&ctx->table, hash, tcp_index(ctx, tcb));
	/* The table holds max_tcbs, so it cannot be full while a TCB is free. */
	PTCP_ASSERT(rc == 0);
	(void)rc;
	tcb->flags |= TF_IN_TABLE;
}

/* ------------------------------------------------------------------ lists */

static void
list_or_wheel(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t *ring, uint32_t mask,
		uint32_t head, uint32_t *tail, uint32_t flag)
{
	if (PTCP_UNLIKELY(*tail - head > mask)) {
		/* The wheel's next turn lists it again: tcp_timeout(). */
		tcp_timer_at(ctx, tcb, ctx->now_ms);
		return;
	}
	ring[(*tail)++ & mask] = tcp_index(ctx, tcb);
	tcb->flags |= flag;
}

void
tcp_want_output(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint8_t out)
{
	tcb->out |= out;
	if ((tcb->flags & TF_IN_OUTPUT) == 0)
		list_or_wheel(ctx, tcb, ctx->output, ctx->output_mask, ctx->output_head,
				&ctx->output_tail, TF_IN_OUTPUT);
}

void
tcp_want_event(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint8_t events)
{
	tcb->events |= events;
	if ((tcb->flags & TF_IN_EVENTS) == 0)
		list_or_wheel(ctx, tcb, ctx->event, TCP_LIST_MAX - 1, ctx->event_head,
				&ctx->event_tail, TF_IN_EVENTS);
}

void
tcp_trouble(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason)
{
	if ((tcb->flags & TF_ORPHAN) != 0)
		return;
	tcb->reason = (uint8_t)reason;
	tcp_want_event(ctx, tcb, EV_TROUBLE);
}

/** Of the pending events those that may be told now: FIN and end wait until the last byte was read. */
static uint8_t
events_ready(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_ORPHAN) == 0 && tcp_recv_bytes(ctx, tcb) > 0)
		return tcb->events & (uint8_t) ~(EV_PEER_CLOSED | EV_CLOSED);
	return tcb->events;
}

bool
tcp_event_next(struct tcp_ctx *ctx, uint32_t *index, uint8_t *events)
{
	while (ctx->event_head != ctx->event_tail) {
		const uint32_t i = ctx->event[ctx->event_head++ & (TCP_LIST_MAX - 1)];
		struct tcp_tcb *tcb = tcp_at(ctx, i);

		tcb->flags &= ~TF_IN_EVENTS;
		*events = events_ready(ctx, tcb);
		tcb->events &= (uint8_t) ~*events;
		if (*events != 0) {
			*index = i;
			return true;
		}
		tcp_reap(ctx, tcb);
	}
	return false;
}

void
tcp_event_done(struct tcp_ctx *ctx, uint32_t index, uint8_t events)
{
	(void)events;
	tcp_reap(ctx, tcp_at(ctx, index));
}

/* ------------------------------------------------------------------ states */

#define TO(s) (1u << TCP_##s)

/* RFC 9293 figure 5 and its notes; CLOSED is always reachable (RST, ABORT, timeouts, deletion). */
static const uint16_t transitions[TCP_STATE_MAX] = {
		[TCP_CLOSED] = TO(SYN_SENT) | TO(SYN_RECEIVED),
		[TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED),
		[TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(CLOSED),
		[TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
		[TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
		[TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
		[TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
		[TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
		[TCP_LAST_ACK] = TO(CLOSED),
		[TCP_TIME_WAIT] = TO(CLOSED),
};

void
tcp_set_state(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_state state)
{
	PTCP_ASSERT((transitions[tcb->state] & (1u << state)) != 0);
	(void)transitions;
	ctx->n_state[tcb->state]--;
	ctx->n_state[state]++;
	tcb->state = (uint8_t)state;
}

void
tcp_established(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	tcp_set_state(ctx, tcb, TCP_ESTABLISHED);
	tcp_tune_start(ctx, tcb);
	tcp_count(ctx, COUNTER_ESTABLISHED);
	if ((tcb->flags & TF_ECN) != 0)
		tcp_count(ctx, COUNTER_ECN_AGREED);
	tcb->shift = 0;
	tcb->probes = 0;
	tcp_rexmt_stop(tcb);
	tcp_cc_init(ctx, tcb);
	tcp_want_event(ctx, tcb, (tcb->flags & TF_ACTIVE) != 0 ? EV_CONNECTED : EV_ACCEPTED);
	tcp_keep_start(ctx, tcb);
	/* CLOSE in SYN-RECEIVED was queued: now FIN may go (RFC 9293 section 3.10.4). */
	if ((tcb->flags & TF_FIN_QUEUED) != 0)
		tcp_set_state(ctx, tcb, TCP_FIN_WAIT_1);
	if ((tcb->flags & TF_FIN_QUEUED) != 0 || tcp_unsent(ctx, tcb) > 0)
		tcp_want_output(ctx, tcb, OUT_DATA);
}

/* ------------------------------------------------------------------ the end */

/** Leave the table and what belongs to the tuple, whose hash is @p hash. */
static void
detach(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t hash)
{
	if ((tcb->flags & TF_IN_TABLE) != 0) {
		(void)conn_table_remove(&ctx->table, hash, tcp_index(ctx, tcb));
		tcb->flags &= ~TF_IN_TABLE;
	}
	wheel_cancel(&ctx->wheel, tcp_index(ctx, tcb));
	tcb->flags &= ~(TF_REXMT | TF_PERSIST | TF_FW2 | TF_KEEP_PROBE | TF_DELACK | TF_LOSS |
			TF_RECOVERY | TF_HELD);
}

static void
owe_closed(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason)
{
	tcb->events &= (uint8_t)~EV_TROUBLE;
	tcb->reason = (uint8_t)reason;
	tcp_count(ctx, reason == TCP_REASON_DONE ? COUNTER_CLOSED : COUNTER_FAILED);
	tcp_want_event(ctx, tcb, EV_CLOSED);
}

void
tcp_end(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason, bool rst)
{
	PTCP_ASSERT(tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT);
	detach(ctx, tcb, tcp_tcb_hash(ctx, tcb));
	if ((tcb->flags & TF_ACTIVE) != 0) {
		const struct ip_addr raddr = tcp_raddr(ctx, tcb);
		const bool v6 = laddr_family(ctx->laddr, tcb->id.laddr) == IP_V6;

		(void)port_put(ctx->ports, &tcb->id, v6 ? &raddr : NULL);
	}
	if (reason != TCP_REASON_DONE) {
		/* Who is told of the peer's FIN has read all that came before it. */
		if (tcp_recv_bytes(ctx, tcb) > 0)
			tcb->events &= (uint8_t)~EV_PEER_CLOSED;
		tcp_rcvq_purge(ctx, tcb);
	}
	/* What was received in order before an orderly end may still be read. */
	if (tcp_recv_bytes(ctx, tcb) == 0 || (tcb->flags & TF_ORPHAN) != 0)
		tcp_queues_purge(ctx, tcb);
	/* RST stands behind our SYN, however small the peer's first window is. */
	if (!tcp_synchronized(tcb->state))
		tcb->snd_una = tcb->snd_nxt;
	tcp_set_state(ctx, tcb, TCP_CLOSED);
	owe_closed(ctx, tcb, reason);
	tcb->out = 0;
	if (rst)
		tcp_want_output(ctx, tcb, OUT_RST);
}

void
tcp_enter_timewait(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct conn_key k = key_of(ctx, tcb);
	const uint32_t hash = conn_hash(&ctx->hash_key, &k);
	struct timewait_entry e = {
			.id = tcb->id,
			.snd_nxt = tcb->snd_nxt,
			.rcv_nxt = tcb->rcv_nxt,
			.ts_recent = tcb->ts_recent,
	};
	uint32_t index;

	e.id.aux = (uint16_t)(((tcb->flags & TF_TS) != 0 ? TIMEWAIT_TS : 0) |
			((tcb->flags & TF_ACTIVE) != 0 ? TIMEWAIT_ACTIVE : 0));
	detach(ctx, tcb, hash);
	/* The ACK of its FIN is all that the peer still wants; where the ring was full, ask for a place again. */
	tcb->out &= OUT_ACK;
	if (tcb->out != 0)
		tcp_want_output(ctx, tcb, 0);
	index = timewait_insert(ctx->timewait, hash, &k, &e, ctx->now);
	/* tcp_admit() kept an entry for each connection. */
	PTCP_ASSERT(index != PTCP_NIL);
	(void)index;
	tcp_count(ctx, COUNTER_TIMEWAIT_IN);
	if (tcp_recv_bytes(ctx, tcb) == 0 || (tcb->flags & TF_ORPHAN) != 0)
		tcp_queues_purge(ctx, tcb);
	tcp_set_state(ctx, tcb, TCP_TIME_WAIT);
	owe_closed(ctx, tcb, TCP_REASON_DONE);
}

void
tcp_reap(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	if ((tcb->state != TCP_CLOSED && tcb->state != TCP_TIME_WAIT) || tcb->events != 0 ||
			tcb->out != 0 || (tcb->flags & (TF_IN_OUTPUT | TF_IN_EVENTS)) != 0)
		return;
	tcp_queues_purge(ctx, tcb);
	tcp_profile_put(ctx, tcb->profile);
	wheel_cancel(&ctx->wheel, tcp_index(ctx, tcb));
	ctx->n_state[tcb->state]--;
	tcb->state = TCP_CLOSED;
	/* Handles to it die now. */
	tcb->gen = (tcb->gen + 1) & ((1u << TCP_INDEX_BITS) - 1);
	pool_put(&ctx->tcb_pool, tcp_index(ctx, tcb));
}
