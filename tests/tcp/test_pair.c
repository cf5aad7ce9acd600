/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two cores in virtual time, joined by a seeded link that loses, delays, reorders and duplicates; random applications on
 * both. What must hold: both streams arrive unchanged, invariants after each step, every pool back at its start, nobody
 * outlives his deadlines. PTCP_SEED=n replays a failure.
 */
#include "harness.h"
#include "random.h"

#include <string.h>

#define N_ENDS      2
#define PACKETS_MAX 8192
#define CONNS_MAX   16 /* at once */
#define PORT        80
#define IDLE_MS     20000 /* keepalive of all: an end whose peer has vanished does not stay */
#define INTERVAL_MS 5000
#define PROBES      4
#define MSL_MS      500

/** What one run is like. Probabilities in 1/1000. */
struct scenario {
	const char *name;
	enum ip_family family;
	uint32_t n_conns;
	uint32_t loss;
	uint32_t duplicate;
	uint32_t delay_us;
	uint32_t jitter_us;   /**< more than the distance of segments: they overtake each other */
	uint32_t read_gap_us; /**< of slow readers, at most */
	uint32_t max_bytes;   /**< of one direction */
	uint32_t rcv_buf;
	uint32_t snd_buf;
	uint32_t max_nodes;
	uint32_t max_blocks;
	uint16_t mtu;
	bool timestamps;
	bool window_scale;
	bool fair; /**< nobody aborts or closes early: all must end in order */
	bool no_sack;
	uint32_t ranges; /**< records for scoreboards of an end, 0: enough */
};

struct packet {
	time_us_t when;
	uint64_t order; /**< of equals the first sent goes first */
	unsigned int to;
	struct tcp_seg seg; /**< payload: one reference */
};

enum habit {
	HABIT_FIRST, /**< shuts down as soon as all is queued, and goes on reading */
	HABIT_LAST,  /**< shuts down when the peer has */
	HABIT_CLOSE, /**< closes as soon as all is queued: nobody reads any more */
	HABIT_ABORT, /**< aborts at some time */
};

/** One side of a connection. */
struct app {
	bool alive;
	bool ended;
	uint64_t handle;
	enum habit habit;
	uint32_t to_send;
	uint32_t sent;
	uint32_t received;
	uint32_t read_step; /**< octets a tick; 0: all at once, always */
	time_us_t tick;     /**< when it looks again unasked */
	time_us_t read_at;  /**< a slow reader does not read before */
	time_us_t abort_at;
	bool waiting; /**< for EV_WRITABLE */
	bool short_of_memory;
	bool shut;
	bool peer_closed;
	uint8_t reason;
};

struct conn {
	bool used;
	uint32_t id;
	unsigned int opener; /**< the end that opens */
	uint16_t port;
	time_us_t start;
	struct app app[N_ENDS];
};

struct end {
	struct tcp_ctx *ctx;
	void *mem;
	struct laddr_table laddr;
	struct counters counters;
	struct ip_addr addr;
};

struct sim {
	const struct scenario *sc;
	uint64_t seed;
	uint64_t rng;
	uint64_t trace; /**< hash over all that was sent */
	time_us_t now;
	uint64_t order;
	uint64_t steps;
	struct end end[N_ENDS];
	struct conn conn[CONNS_MAX];
	uint32_t n_started;
	uint32_t n_alive;
	uint32_t n_reason[TCP_REASON_MAX];
	time_us_t longest; /**< life of a connection */
	uint32_t n_packets;
	struct packet packet[PACKETS_MAX]; /**< a heap by time */
};

static void dump(const struct sim *s);

static void
fail(const struct sim *s, const char *text, int line)
{
	dump(s);
	fprintf(stderr, "%s: seed %llu, %llu us: line %d: %s\n", s->sc->name,
			(unsigned long long)s->seed, (unsigned long long)s->now, line, text);
	CU_FAIL_FATAL("see above");
}

#define REQUIRE(s, condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail((s), #condition, __LINE__);                                           \
	} while (0)

/** For the reader of a failure: both ends of every connection. */
static void
dump(const struct sim *s)
{
	for (unsigned int j = 0; j < CONNS_MAX; j++) {
		const struct conn *c = &s->conn[j];

		for (unsigned int i = 0; i < N_ENDS && c->used; i++) {
			const struct app *a = &c->app[i];
			const struct tcp_tcb *tcb = tcp_from_handle(s->end[i].ctx, a->handle);

			fprintf(stderr,
					"conn %u end %u%s from %llu: habit %d sent %u/%u received %u"
					"%s%s%s%s",
					c->id, i, i == c->opener ? " (opener)" : "",
					(unsigned long long)c->start, a->habit, a->sent, a->to_send,
					a->received, a->alive ? "" : " not alive",
					a->waiting ? " waiting" : "", a->shut ? " shut" : "",
					a->peer_closed ? " peer closed" : "");
			if (tcb == NULL)
				fprintf(stderr, ", gone, %s\n", tcp_reason_name(a->reason));
			else
				fprintf(stderr,
						", %s flags %x out %x una %u nxt %u rcv %u wnd %u/%u "
						"events %x probes %u\n",
						tcp_state_name(tcb->state), tcb->flags, tcb->out,
						tcb->snd_una, tcb->snd_nxt, tcb->rcv_nxt,
						tcp_snd_wnd(tcb), tcp_rcv_wnd(tcb), tcb->events,
						tcb->probes);
		}
	}
}

static uint32_t
rnd(struct sim *s, uint32_t below)
{
	return random_below(&s->rng, below);
}

/** Octet @p offset of what end @p from of connection @p id says. */
static uint8_t
octet(uint32_t id, unsigned int from, uint32_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8) * 7 + id * 13 + from * 101);
}

/* ------------------------------------------------------------------ the link */

static bool
packet_before(const struct packet *a, const struct packet *b)
{
	return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void
link_push(struct sim *s, const struct packet *p)
{
	uint32_t i = s->n_packets++;

	REQUIRE(s, i < PACKETS_MAX);
	while (i > 0 && packet_before(p, &s->packet[(i - 1) / 2])) {
		s->packet[i] = s->packet[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->packet[i] = *p;
}

static struct packet
link_pop(struct sim *s)
{
	const struct packet top = s->packet[0];
	const struct packet last = s->packet[--s->n_packets];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= s->n_packets)
			break;
		if (child + 1 < s->n_packets &&
				packet_before(&s->packet[child + 1], &s->packet[child]))
			child++;
		if (!packet_before(&s->packet[child], &last))
			break;
		s->packet[i] = s->packet[child];
		i = child;
	}
	s->packet[i] = last;
	return top;
}

/** Hand a segment to the link, which takes @p seg->payload's reference over. */
static void
link_send(struct sim *s, unsigned int from, struct tcp_seg *seg)
{
	const struct scenario *sc = s->sc;
	const uint64_t what[] = {s->now, from, seg->sport, seg->dport, seg->seq, seg->ack,
			seg->flags, seg->wnd, seg->payload.len};
	struct packet p = {.to = !from, .seg = *seg};
	unsigned int copies = 1;

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(what); i++)
		s->trace = (s->trace ^ what[i]) * 0x100000001b3u;
	if (rnd(s, 1000) < sc->loss)
		copies = 0;
	else if (rnd(s, 1000) < sc->duplicate)
		copies = 2;
	for (unsigned int i = 0; i < copies; i++) {
		p.when = s->now + sc->delay_us + rnd(s, sc->jitter_us + 1);
		p.order = s->order++;
		tcp_buf_ref(p.seg.payload.owner);
		link_push(s, &p);
	}
	tcp_buf_free(p.seg.payload.owner);
}

/** Nobody sends beyond what the receiver has ever offered, but for the one octet of a probe. */
static void
check_offer(struct sim *s, const struct end *e, const struct tcp_seg *seg)
{
	const bool v6 = s->sc->family == IP_V6;
	const struct conn_key k = {.id = {.raddr = v6 ? ip_addr_fold(&seg->src) : seg->src.v4,
						   .rport = seg->sport,
						   .lport = seg->dport,
						   .laddr = 0},
			.raddr6 = v6 ? &seg->src : NULL};
	const uint32_t i = conn_table_find(&e->ctx->table, seg->hash, &k);
	const struct tcp_tcb *tcb = i == PTCP_NIL ? NULL : tcp_at(e->ctx, i);

	if (tcb == NULL || tcb->state < TCP_ESTABLISHED || seg->payload.len == 0)
		return;
	REQUIRE(s, seq_leq(seg->seq + seg->payload.len, tcb->rcv_adv + 1));
	REQUIRE(s, seg->payload.len <= (uint32_t)s->sc->mtu - (v6 ? 60u : 40u));
}

static void
link_deliver(struct sim *s)
{
	while (s->n_packets > 0 && s->packet[0].when <= s->now) {
		struct packet p = link_pop(s);
		struct end *e = &s->end[p.to];
		struct tcp_seg *seg = &p.seg;

		seg->laddr = 0;
		tcp_hash(e->ctx, seg);
		check_offer(s, e, seg);
		(void)tcp_segment_arrives(e->ctx, seg);
		if (seg->payload.owner != NULL)
			tcp_buf_free(seg->payload.owner);
	}
}

/* ------------------------------------------------------------------ applications */

static void
app_draw(struct sim *s, struct conn *c, unsigned int i)
{
	static const uint32_t steps[] = {0, 0, 0, 0, 700, 5000};
	struct app *app = &c->app[i];
	const uint32_t kind = rnd(s, 10);

	*app = (struct app){.tick = UINT64_MAX, .abort_at = UINT64_MAX};
	app->to_send = kind == 0 ? 0 : kind < 3 ? 1 + rnd(s, 2000) : rnd(s, s->sc->max_bytes);
	app->read_step = steps[rnd(s, PTCP_ARRAY_SIZE(steps))];
	app->habit = rnd(s, 2) == 0 ? HABIT_FIRST : HABIT_LAST;
	if (!s->sc->fair && rnd(s, 6) == 0)
		app->habit = HABIT_CLOSE;
	else if (!s->sc->fair && rnd(s, 6) == 0)
		app->habit = HABIT_ABORT;
	if (app->habit == HABIT_ABORT)
		app->abort_at = s->now + rnd(s, 2000000);
	if (i == 1 && app->habit == HABIT_LAST && c->app[0].habit == HABIT_LAST)
		app->habit = HABIT_FIRST; /* or both would wait for ever */
}

static void
app_read(struct sim *s, const struct conn *c, unsigned int i, uint32_t most)
{
	struct app *app = (struct app *)(uintptr_t)&c->app[i];
	struct tcp_ctx *ctx = s->end[i].ctx;
	struct tcp_tcb *tcb = tcp_from_handle(ctx, app->handle);
	struct tcp_buf buf[4];

	while (tcb != NULL && most > 0) {
		const unsigned int n = tcp_recv(ctx, tcb, buf, PTCP_ARRAY_SIZE(buf));
		uint32_t len = 0;

		if (n == 0)
			return;
		for (unsigned int j = 0; j < n && len < most; j++) {
			for (uint32_t k = 0; k < buf[j].len && len < most; k++, len++)
				REQUIRE(s, buf[j].data[k] == octet(c->id, !i, app->received++));
		}
		most -= len;
		REQUIRE(s, tcp_recv_done(ctx, tcb, len) == 0);
	}
}

static void
app_write(struct sim *s, const struct conn *c, unsigned int i, struct tcp_tcb *tcb)
{
	struct app *app = (struct app *)(uintptr_t)&c->app[i];
	int rc = 1;

	while (app->sent < app->to_send && !app->waiting && rc == 1) {
		const uint32_t left = app->to_send - app->sent;
		const uint32_t want = 1 + rnd(s, rnd(s, 4) == 0 ? 64 : 4000);
		struct tcp_buf buf = h_buf(want < left ? want : left);

		for (uint32_t k = 0; k < buf.len; k++)
			buf.data[k] = octet(c->id, i, app->sent + k);
		rc = tcp_send(s->end[i].ctx, tcb, &buf, 1);
		if (rc == 1) {
			app->sent += buf.len;
			continue;
		}
		tcp_buf_free(buf.owner);
		REQUIRE(s, rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOTCONN);
		app->waiting = rc == -EAGAIN;
		app->short_of_memory |= rc == -ENOBUFS;
	}
}

/** Whatever the application can do now, and when it looks again. */
static void
app_run(struct sim *s, const struct conn *c, unsigned int i)
{
	struct app *app = (struct app *)(uintptr_t)&c->app[i];
	struct tcp_ctx *ctx = s->end[i].ctx;
	struct tcp_tcb *tcb = tcp_from_handle(ctx, app->handle);

	app->tick = UINT64_MAX;
	if (!app->alive || tcb == NULL)
		return;
	if (s->now >= app->abort_at) {
		app->abort_at = UINT64_MAX;
		(void)tcp_abort(ctx, tcb);
		return;
	}
	if (app->read_step == 0 || s->now >= app->read_at) {
		app_read(s, c, i, app->read_step == 0 ? UINT32_MAX : app->read_step);
		app->read_at = s->now + 1000 + rnd(s, s->sc->read_gap_us);
	}
	app_write(s, c, i, tcb);
	if (app->sent == app->to_send && !app->shut && app->habit != HABIT_ABORT &&
			(app->habit != HABIT_LAST || app->peer_closed)) {
		app->shut = true;
		(void)(app->habit == HABIT_CLOSE ? tcp_close(ctx, tcb) : tcp_shutdown(ctx, tcb));
	}
	app->tick = app->abort_at;
	if (app->read_step != 0 && tcp_recv_bytes(ctx, tcb) > 0 && app->read_at < app->tick)
		app->tick = app->read_at;
	if (app->sent < app->to_send && !app->waiting) {
		const time_us_t later = s->now + 1000 + rnd(s, 50000);

		app->tick = later < app->tick ? later : app->tick;
	}
}

static void
conn_ended(struct sim *s, struct conn *c)
{
	const struct app *a = c->app;
	const bool orderly = a[0].reason == TCP_REASON_DONE && a[1].reason == TCP_REASON_DONE;

	for (unsigned int i = 0; i < N_ENDS; i++) {
		/* Who is done has heard all that the other has said. */
		if (a[i].reason == TCP_REASON_DONE && a[i].habit != HABIT_CLOSE) {
			REQUIRE(s, a[i].received == a[!i].to_send);
			REQUIRE(s, a[i].sent == a[i].to_send);
		}
		s->n_reason[a[i].reason]++;
	}
	REQUIRE(s, orderly || !s->sc->fair || s->sc->loss > 0);
	if (s->now - c->start > s->longest)
		s->longest = s->now - c->start;
	c->used = false;
	s->n_alive--;
}

static void
app_ended(struct sim *s, struct conn *c, unsigned int i, uint8_t reason)
{
	struct app *app = &c->app[i];

	REQUIRE(s, app->alive && !app->ended);
	app->alive = false;
	app->ended = true;
	app->reason = reason;
	app->tick = UINT64_MAX;
	/* The other never came to be, or has ended too. */
	if (c->app[!i].ended || !c->app[!i].alive) {
		if (!c->app[!i].ended)
			c->app[!i].reason = TCP_REASON_NONE;
		conn_ended(s, c);
	}
}

/** The connection that a new TCB of the passive end belongs to. */
static struct conn *
conn_of_port(struct sim *s, unsigned int opener, uint16_t port)
{
	for (unsigned int i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &s->conn[i];

		if (c->used && c->opener == opener && c->port == port)
			return c;
	}
	return NULL;
}

static void
deliver_event(struct sim *s, unsigned int i, uint32_t index, uint8_t events)
{
	struct tcp_ctx *ctx = s->end[i].ctx;
	struct tcp_tcb *tcb = tcp_at(ctx, index);
	struct conn *c = tcb->arg;
	struct app *app;

	if ((events & EV_ACCEPTED) != 0) {
		c = conn_of_port(s, !i, tcb->id.rport);
		/* Its opener is gone already, and the next one of this port is not this. */
		if (c == NULL || c->app[i].alive || c->app[i].ended) {
			(void)tcp_abort(ctx, tcb);
			return;
		}
		tcb->arg = c;
		c->app[i].alive = true;
		c->app[i].handle = tcp_handle(ctx, tcb);
	}
	if (c == NULL)
		return; /* the one aborted above */
	app = &c->app[i];
	REQUIRE(s, app->handle == tcp_handle(ctx, tcb));
	if ((events & EV_WRITABLE) != 0) {
		REQUIRE(s, app->waiting || app->short_of_memory);
		app->waiting = false;
	}
	if ((events & EV_PEER_CLOSED) != 0) {
		REQUIRE(s, !app->peer_closed);
		app->peer_closed = true;
		if (app->habit != HABIT_CLOSE)
			REQUIRE(s, app->received == c->app[!i].to_send);
	}
	if ((events & EV_CLOSED) != 0)
		app_ended(s, c, i, tcb->reason);
	else
		app_run(s, c, i);
}

/* ------------------------------------------------------------------ ends */

static void
end_new(struct sim *s, unsigned int i)
{
	const struct scenario *sc = s->sc;
	const struct tcp_secrets secrets = {{s->seed, i}, {s->seed, i + 2}};
	struct tcp_conf conf = h_conf();
	struct end *e = &s->end[i];
	uint8_t b[16] = {0xfd, [15] = (uint8_t)(i + 1)};
	int keep;

	conf.max_tcbs = 3 * CONNS_MAX;
	conf.max_timewait = 16 * CONNS_MAX;
	conf.max_blocks = sc->max_blocks;
	conf.max_nodes = sc->max_nodes;
	conf.sack = !sc->no_sack;
	if (sc->ranges != 0)
		conf.max_ranges = sc->ranges;
	conf.msl_ms = MSL_MS;
	conf.rcv_buf = sc->rcv_buf;
	conf.snd_buf = sc->snd_buf;
	conf.mtu = sc->mtu;
	conf.timestamps = sc->timestamps;
	conf.window_scale = sc->window_scale;
	conf.fin_wait2_ms = 10000;
	conf.sack = sc->window_scale;
	if (s->seed % 2 == 0) {
		conf.rcv_buf_max = 4 * sc->rcv_buf;
		conf.snd_buf_max = 4 * sc->snd_buf;
	}
	e->ctx = aligned_alloc(64, (sizeof(*e->ctx) + 63) & ~(size_t)63);
	e->mem = aligned_alloc(64, (tcp_memory_size(&conf) + 63) & ~(size_t)63);
	CU_ASSERT_FATAL(e->ctx != NULL && e->mem != NULL);
	memset(e->mem, 0, tcp_memory_size(&conf));
	memset(&e->counters, 0, sizeof(e->counters));
	laddr_init(&e->laddr);
	e->addr = sc->family == IP_V6 ? ip_addr_v6(b) :
					ip_addr_v4(__builtin_bswap32(0x0a000001 + i));
	CU_ASSERT_FATAL(laddr_add(&e->laddr, sc->family, &e->addr, 1, 24, NULL) == 0);
	tcp_init(e->ctx, &conf, &secrets, e->mem, &e->laddr, &e->counters, s->now);
	keep = h_keep(e->ctx, true, IDLE_MS, INTERVAL_MS, PROBES);
	CU_ASSERT_FATAL(keep > 0);
	CU_ASSERT_FATAL(tcp_listen(e->ctx, 0, PORT, 2 * CONNS_MAX, 0, (uint8_t)keep, NULL) == 0);
	tcp_profile_put(e->ctx, (uint8_t)keep);
}

static void
end_pump(struct sim *s, unsigned int i)
{
	struct tcp_ctx *ctx = s->end[i].ctx;
	const struct tcp_seg *reply;
	struct tcp_out out;
	uint32_t index;
	uint8_t events;

	while (tcp_event_next(ctx, &index, &events)) {
		deliver_event(s, i, index, events);
		tcp_event_done(ctx, index, events);
	}
	while ((reply = tcp_reply_next(ctx)) != NULL) {
		struct tcp_seg seg = *reply;

		seg.payload = h_buf(0);
		link_send(s, i, &seg);
	}
	while ((index = tcp_output_next(ctx)) != PTCP_NIL) {
		while (tcp_output(ctx, index, &out)) {
			uint32_t at = 0;

			out.seg.payload = h_buf(out.len);
			for (unsigned int j = 0; j < out.n_slices; j++) {
				memcpy(out.seg.payload.data + at, out.slice[j].data,
						out.slice[j].len);
				at += out.slice[j].len;
			}
			REQUIRE(s, at == out.len);
			link_send(s, i, &out.seg);
		}
	}
}

static void
end_check(struct sim *s, unsigned int i)
{
	const struct tcp_ctx *ctx = s->end[i].ctx;
	const char *text = NULL;

	for (uint32_t j = 0; j < ctx->tcb_pool.fresh && text == NULL; j++)
		text = tcp_check(ctx, j);
	if (text == NULL && s->steps % 256 == 0)
		text = tcp_check(ctx, PTCP_NIL);
	if (text != NULL)
		fprintf(stderr, "end %u: %s\n", i, text);
	REQUIRE(s, text == NULL);
}

/** Everything was given back. */
static void
end_free(struct sim *s, unsigned int i)
{
	struct end *e = &s->end[i];
	struct tcp_ctx *ctx = e->ctx;

	REQUIRE(s, tcp_check(ctx, PTCP_NIL) == NULL);
	REQUIRE(s, tcp_unlisten(ctx, 0) == 0);
	REQUIRE(s, ctx->tcb_pool.n_used == 0);
	REQUIRE(s, ctx->block_pool.n_used == 0);
	REQUIRE(s, ctx->node_pool.n_used == 0);
	REQUIRE(s, ctx->range_pool.n_used == 0);
	REQUIRE(s, ctx->table.n_used == 0);
	REQUIRE(s, ctx->wheel.n_armed == 0);
	REQUIRE(s, timewait_count(ctx->timewait) == 0);
	REQUIRE(s, port_count(ctx->ports) == 0);
	REQUIRE(s, ctx->profile[0].refs == 1);
	for (unsigned int j = 1; j < TCP_PROFILE_MAX; j++)
		REQUIRE(s, ctx->profile[j].refs == 0);
	for (unsigned int j = 0; j < TCP_STATE_MAX; j++)
		REQUIRE(s, ctx->n_state[j] == 0);
	free(e->mem);
	free(e->ctx);
}

/* ------------------------------------------------------------------ the run */

static void
conn_start(struct sim *s)
{
	struct conn *c = s->conn;
	struct tcp_open_args args = {.rport = PORT};
	struct tcp_ctx *ctx;
	int64_t index;
	int keep;

	while (c->used)
		c++;
	*c = (struct conn){.used = true,
			.id = s->n_started++,
			.opener = rnd(s, N_ENDS),
			.start = s->now};
	for (unsigned int i = 0; i < N_ENDS; i++)
		app_draw(s, c, i);
	ctx = s->end[c->opener].ctx;
	keep = h_keep(ctx, true, IDLE_MS, INTERVAL_MS, PROBES);
	args.profile = (uint8_t)keep;
	args.raddr = s->end[!c->opener].addr;
	args.arg = c;
	index = tcp_open(ctx, &args);
	if (index == -ENOBUFS && s->n_alive > 0) {
		/* No memory for a newcomer: later. */
		tcp_profile_put(ctx, (uint8_t)keep);
		c->used = false;
		s->n_started--;
		return;
	}
	REQUIRE(s, keep > 0 && index >= 0);
	tcp_profile_put(ctx, (uint8_t)keep);
	c->port = tcp_at(ctx, (uint32_t)index)->id.lport;
	c->app[c->opener].alive = true;
	c->app[c->opener].handle = tcp_handle(ctx, tcp_at(ctx, (uint32_t)index));
	s->n_alive++;
	app_run(s, c, c->opener);
}

/** How long a connection may last whatever the link does: its transfer, then silence until someone gives up. */
static time_us_t
bound_us(const struct scenario *sc)
{
	const time_us_t segments = 2 * sc->max_bytes / 500 + 20;
	const time_us_t each = sc->delay_us + sc->jitter_us + 100000 + (time_us_t)sc->loss * 20000;

	return segments * each + 2 * 250 * (time_us_t)TIME_US_PER_SEC;
}

static time_us_t
next_time(const struct sim *s)
{
	time_us_t t = s->n_packets > 0 ? s->packet[0].when : UINT64_MAX;

	for (unsigned int i = 0; i < N_ENDS; i++) {
		const time_us_t next = tcp_next(s->end[i].ctx);

		t = next < t ? next : t;
	}
	for (unsigned int j = 0; j < CONNS_MAX; j++) {
		for (unsigned int i = 0; i < N_ENDS && s->conn[j].used; i++) {
			const struct app *app = &s->conn[j].app[i];

			if (app->alive && app->tick < t)
				t = app->tick;
		}
	}
	return t < s->now ? s->now : t;
}

static void
step(struct sim *s)
{
	for (unsigned int i = 0; i < N_ENDS; i++)
		tcp_set_time(s->end[i].ctx, s->now);
	link_deliver(s);
	for (unsigned int i = 0; i < N_ENDS; i++)
		(void)tcp_advance(s->end[i].ctx, UINT32_MAX);
	for (unsigned int j = 0; j < CONNS_MAX; j++) {
		for (unsigned int i = 0; i < N_ENDS; i++) {
			if (s->conn[j].used && s->conn[j].app[i].tick <= s->now)
				app_run(s, &s->conn[j], i);
		}
		if (s->conn[j].used)
			REQUIRE(s, s->now - s->conn[j].start < bound_us(s->sc));
	}
	for (unsigned int i = 0; i < N_ENDS; i++)
		end_pump(s, i);
	for (unsigned int i = 0; i < N_ENDS; i++)
		end_check(s, i);
	s->steps++;
}

static void
report(const struct sim *s)
{
	printf("\n    %-10s seed %llu: %u conns, %llu steps, %.1f s, longest %.1f s;", s->sc->name,
			(unsigned long long)s->seed, s->n_started, (unsigned long long)s->steps,
			(double)s->now / 1e6, (double)s->longest / 1e6);
	for (unsigned int i = 0; i < TCP_REASON_MAX; i++) {
		if (s->n_reason[i] > 0)
			printf(" %s %u", tcp_reason_name(i), s->n_reason[i]);
	}
}

/** One scenario from a seed. @return the hash of its trace */
static uint64_t
run(const struct scenario *sc, uint64_t seed, bool tell)
{
	struct sim *s = calloc(1, sizeof(*s));
	uint64_t trace;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	s->sc = sc;
	s->seed = seed;
	s->rng = seed;
	s->now = 1000000 + rnd(s, 1000000);
	for (unsigned int i = 0; i < N_ENDS; i++)
		end_new(s, i);
	for (;;) {
		time_us_t t;

		while (s->n_started < sc->n_conns && s->n_alive < CONNS_MAX && rnd(s, 4) != 0)
			conn_start(s);
		for (unsigned int i = 0; i < N_ENDS; i++)
			end_pump(s, i);
		t = next_time(s);
		if (t == UINT64_MAX && s->n_started == sc->n_conns)
			break;
		s->now = t == UINT64_MAX ? s->now : t;
		step(s);
	}
	REQUIRE(s, s->n_alive == 0);
	if (tell)
		report(s);
	for (unsigned int i = 0; i < N_ENDS; i++)
		end_free(s, i);
	REQUIRE(s, h_bufs() == 0);
	trace = s->trace;
	CU_ASSERT(s->steps > 0);
	free(s);
	return trace;
}

/* clang-format off */
static const struct scenario scenarios[] = {
	/* name        family conns loss dup  delay jitter     gap   bytes rcv_buf snd_buf nodes blocks mtu  ts     ws     fair [no_sack, ranges] */
	{"clean",      IP_V4, 400,    0,   0,  1000,     0,  50000,  60000,  65535,  65536, 4096, 96, 1500, true,  true,  true},
	{"reorder",    IP_V6, 300,    0,  20,  2000,  3000,  50000,  60000,  65535,  65536, 4096, 96, 1500, true,  true,  true},
	{"no options", IP_V4, 300,   20,  10,  5000,  5000,  50000,  60000,  30000,  20000, 4096, 96, 1500, false, false, true},
	{"loss 5",     IP_V4, 300,   50,  20, 10000, 10000,  50000,  60000, 200000,  65536, 4096, 96, 1500, true,  true,  false},
	{"loss 30",    IP_V6, 200,  300,  50, 20000, 40000,  50000,  20000,  65535,  65536, 4096, 96, 1500, true,  true,  false},
	{"small",      IP_V4, 300,   30,  10,  1000,  2000,  50000,  20000,   3000,   2000, 4096, 96,  576, false, true,  false},
	{"stalled",    IP_V4, 200,    0,   0,  1000,  1000,3000000,  20000,   3000,  10000, 4096, 96, 1500, true,  true,  true},
	{"stalled 10", IP_V6, 100,  100,  20,  1000,  3000,3000000,  20000,   2000,  10000, 4096, 96, 1500, false, true,  true},
	{"large",      IP_V4,  60,    5,   5, 50000,  1000,  50000, 600000,1000000, 400000, 4096, 96, 9000, true,  true,  false},
	{"starved",    IP_V4, 200,   20,  10,  2000,  2000,  50000,  30000,  65535,  65536,  300, 20, 1500, true,  true,  false},
	{"nodes 40",   IP_V4, 200,   10,  10,  2000,  2000,  50000,  30000,  65535,  65536,   40, 96, 1500, true,  true,  true},
	{"no SACK",    IP_V4, 200,   50,  20, 10000, 10000,  50000,  60000, 200000,  65536, 4096, 96, 1500, true,  true,  false, true},
	{"few ranges", IP_V4, 200,   50,  20, 10000, 10000,  50000,  60000, 200000,  65536, 4096, 96, 1500, true,  true,  true,  false, 40},
	{"one range",  IP_V6, 200,   50,  20, 10000, 10000,  50000,  60000, 200000,  65536, 4096, 96, 1500, false, true,  true,  false, 1},
	{"rude",       IP_V6, 400,   10,  10,  1000,  5000,  50000,  10000,  65535,  65536, 4096, 96, 1500, true,  true,  false},
};
/* clang-format on */

static uint64_t
seed_of_run(void)
{
	const char *text = getenv("PTCP_SEED");

	return text != NULL ? strtoull(text, NULL, 0) : 20240611;
}

static void
streams_arrive_over_any_link(void)
{
	const unsigned int n_seeds = getenv("PTCP_SEED") != NULL ? 1 : 2;

	for (unsigned int n = 0; n < n_seeds; n++) {
		for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(scenarios); i++)
			(void)run(&scenarios[i], seed_of_run() + n, true);
	}
}

static void
same_seed_same_trace(void)
{
	struct scenario sc = scenarios[4];
	uint64_t trace;

	sc.n_conns = 20;
	trace = run(&sc, seed_of_run(), false);
	CU_ASSERT_EQUAL(run(&sc, seed_of_run(), false), trace);
	CU_ASSERT_NOT_EQUAL(run(&sc, seed_of_run() + 1, false), trace);
}

static CU_TestInfo tests[] = {
		TEST(streams_arrive_over_any_link),
		TEST(same_seed_same_trace),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("pair", tests)
