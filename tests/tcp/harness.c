/* SPDX-License-Identifier: BSD-3-Clause */
#include "harness.h"

#include <string.h>

/* ------------------------------------------------------------------ buffers on the heap */

struct heap_buf {
	uint32_t refs;
	uint32_t used; /* octets copied so far */
	uint32_t size;
	uint8_t data[];
};

#define H_CHUNK 2048

static uint32_t bufs_alive;
static struct heap_buf *copies; /* the chunk that the next copy goes to */
static uint32_t copies_left = UINT32_MAX;

static struct heap_buf *
heap_buf_new(const uint8_t *data, uint32_t len)
{
	struct heap_buf *b = malloc(sizeof(*b) + len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	b->refs = 1;
	b->used = 0;
	b->size = len;
	if (data != NULL && len > 0)
		memcpy(b->data, data, len);
	bufs_alive++;
	return b;
}

void
tcp_buf_ref(void *owner)
{
	((struct heap_buf *)owner)->refs++;
}

void
tcp_buf_free(void *owner)
{
	struct heap_buf *b = owner;

	CU_ASSERT_FATAL(b->refs > 0);
	if (--b->refs == 0) {
		bufs_alive--;
		free(b);
	}
}

bool
tcp_buf_copy(struct tcp_ctx *ctx, struct tcp_buf *buf, bool in_order)
{
	struct heap_buf *b = copies;

	(void)ctx;
	if (in_order ? copies_left == 0 : copies_left <= 1)
		return false;
	if (copies_left != UINT32_MAX)
		copies_left--;
	if (b == NULL || b->refs == 1 || b->size - b->used < buf->len) {
		if (b != NULL)
			tcp_buf_free(b);
		b = copies = heap_buf_new(NULL, buf->len > H_CHUNK ? buf->len : H_CHUNK);
	}
	memcpy(b->data + b->used, buf->data, buf->len);
	b->refs++;
	buf->owner = b;
	buf->data = b->data + b->used;
	buf->size = buf->len;
	b->used += buf->len;
	return true;
}

void
h_copies(uint32_t left)
{
	copies_left = left;
}

uint32_t
h_bufs(void)
{
	return bufs_alive - (copies != NULL && copies->refs == 1);
}

/* ------------------------------------------------------------------ set-up */

struct tcp_conf
h_conf(void)
{
	return (struct tcp_conf){
			.max_tcbs = 64,
			.max_timewait = 128,
			.max_blocks = 64,
			.max_nodes = 4096,
			.max_ranges = 4096,
			.max_dests = 4,
			.msl_ms = 1000,
			.rto_initial_ms = 1000,
			.rto_min_ms = 200,
			.rto_max_ms = 60000,
			.delack_ms = 40,
			.syn_r2_ms = 180000,
			.data_r2_ms = 100000,
			.fin_wait2_ms = 60000,
			.rcv_buf = 65535,
			.snd_buf = 262144,
			.mtu = 1500,
			.port_first = 1024,
			.port_last = 65535,
			.timestamps = true,
			.window_scale = true,
			.sack = true,
			.ipv6 = true,
			.cookies = TCP_COOKIES_NEVER,
	};
}

static struct ip_addr
v6_addr(uint8_t last)
{
	const uint8_t b[16] = {0xfd, 0, [15] = last};

	return ip_addr_v6(b);
}

/** One is kept from test to test: most of it is the log, which is a megabyte and need not be zero. */
static struct harness *spare;

static struct harness *
harness_alloc(void)
{
	struct harness *h = spare != NULL ? spare : malloc(sizeof(*h));

	spare = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	memset(h, 0, offsetof(struct harness, sent));
	memset(&h->n_sent, 0, offsetof(struct harness, event) - offsetof(struct harness, n_sent));
	memset(&h->n_event, 0, sizeof(*h) - offsetof(struct harness, n_event));
	return h;
}

static void
harness_free(struct harness *h)
{
	free(spare);
	spare = h;
}

struct harness *
h_new(const struct tcp_conf *conf, enum ip_family family, time_us_t start)
{
	const struct tcp_conf defaults = h_conf();
	const struct tcp_secrets secrets = {{1, 2}, {3, 4}};
	struct harness *h = harness_alloc();
	const struct ip_addr ours4 = ip_addr_v4(__builtin_bswap32(0x0a000001));
	const struct ip_addr ours6 = v6_addr(1);
	size_t size;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	if (conf == NULL)
		conf = &defaults;
	size = tcp_memory_size(conf);
	h->mem = aligned_alloc(64, (size + 63) & ~(size_t)63);
	h->ctx = aligned_alloc(64, (sizeof(*h->ctx) + 63) & ~(size_t)63);
	CU_ASSERT_FATAL(h->mem != NULL && h->ctx != NULL);
	memset(h->mem, 0, size);
	laddr_init(&h->laddr);
	CU_ASSERT_FATAL(laddr_add(&h->laddr, IP_V4, &ours4, 4, 24, NULL) == 0);
	CU_ASSERT_FATAL(laddr_add(&h->laddr, IP_V6, &ours6, 4, 64, NULL) == 4);
	tcp_init(h->ctx, conf, &secrets, h->mem, &h->laddr, &h->counters, start);
	h->family = family;
	h->peer = family == IP_V4 ? ip_addr_v4(__builtin_bswap32(0x0a000064)) : v6_addr(100);
	h->peer_port = 40000;
	h->our_port = 80;
	h->seq = 1000;
	h->wnd = 65535;
	h->opts = TCP_OPT_MSS;
	h->mss = 1460;
	h->auto_read = true;
	h->listener = tcp_listen(h->ctx, family == IP_V4 ? 0 : 4, 80, 16, 0, 0, NULL);
	CU_ASSERT_FATAL(h->listener >= 0);
	return h;
}

int
h_keep(struct tcp_ctx *ctx, bool on, uint32_t idle_ms, uint32_t interval_ms, uint8_t count)
{
	struct tcp_profile p = ctx->profile[0];

	p.keep_on = on;
	p.keep_idle_ms = idle_ms;
	p.keep_interval_ms = interval_ms;
	p.keep_count = count;
	return tcp_profile_get(ctx, &p);
}

/* ------------------------------------------------------------------ out */

static void
log_sent(struct harness *h, const struct tcp_seg *seg, const struct tcp_out *out)
{
	struct h_seg *s = &h->sent[h->n_sent];
	uint32_t at = 0;

	CU_ASSERT_FATAL(h->n_sent < H_LOG_MAX);
	h->n_sent++;
	*s = (struct h_seg){.seg = *seg,
			.when = h->ctx->now,
			.reply = out == NULL,
			.rexmt = out == NULL && tcp_reply_again(h->ctx)};
	if (out != NULL) {
		s->len = out->len;
		s->rexmt = out->rexmt;
		s->data = malloc(out->len + 1);
		for (unsigned int i = 0; i < out->n_slices; i++) {
			memcpy(s->data + at, out->slice[i].data, out->slice[i].len);
			at += out->slice[i].len;
		}
		CU_ASSERT(at == out->len);
	}
	if (seg->dport == h->peer_port && (seg->flags & TCP_RST) == 0) {
		const uint32_t end = seg->seq + s->len + ((seg->flags & TCP_SYN) != 0) +
				((seg->flags & TCP_FIN) != 0);

		/* The peer acknowledges the highest octet that it was sent, once it has seen a SYN. */
		h->ack = (seg->flags & TCP_SYN) != 0 ? end : seq_max(h->ack, end);
		if ((seg->opts & TCP_OPT_TS) != 0)
			h->ts_ecr = seg->ts_val;
	}
}

/** Append what was read to h->received, which grows with it. */
static void
keep(struct harness *h, const struct tcp_buf *buf)
{
	while (h->n_received + buf->len > h->received_size) {
		h->received_size = h->received_size == 0 ? 4096 : 2 * h->received_size;
		h->received = realloc(h->received, h->received_size);
		CU_ASSERT_PTR_NOT_NULL_FATAL(h->received);
	}
	memcpy(h->received + h->n_received, buf->data, buf->len);
	h->n_received += buf->len;
}

static void
read_all(struct harness *h, struct tcp_tcb *tcb)
{
	struct tcp_buf buf[8];
	unsigned int n;

	while ((n = tcp_recv(h->ctx, tcb, buf, 8)) > 0) {
		uint32_t len = 0;

		for (unsigned int i = 0; i < n; i++) {
			keep(h, &buf[i]);
			len += buf[i].len;
		}
		CU_ASSERT(tcp_recv_done(h->ctx, tcb, len) == 0);
	}
}

static void
check(struct harness *h)
{
	const char *text = h->no_check ? NULL : tcp_check(h->ctx, PTCP_NIL);

	if (text != NULL)
		fprintf(stderr, "invariant: %s\n", text);
	CU_ASSERT_PTR_NULL_FATAL(text);
}

void
h_pump(struct harness *h)
{
	const struct tcp_seg *reply;
	struct tcp_out out;
	uint32_t index;
	uint8_t events;

	if (h->no_pump)
		return;
	while (tcp_event_next(h->ctx, &index, &events)) {
		struct tcp_tcb *tcb = tcp_at(h->ctx, index);

		CU_ASSERT_FATAL(h->n_event < H_LOG_MAX);
		h->event[h->n_event++] = (struct h_event){index, events, tcb->reason, h->ctx->now};
		h->all_events |= events;
		if ((events & EV_CLOSED) != 0)
			h->reason = tcb->reason;
		if ((events & EV_READABLE) != 0 && h->auto_read)
			read_all(h, tcb);
		tcp_event_done(h->ctx, index, events);
	}
	while ((reply = tcp_reply_next(h->ctx)) != NULL)
		log_sent(h, reply, NULL);
	while ((index = tcp_output_next(h->ctx)) != PTCP_NIL) {
		while (tcp_output(h->ctx, index, &out))
			log_sent(h, &out.seg, &out);
	}
	check(h);
}

/* ------------------------------------------------------------------ in */

enum drop_reason
h_inject(struct harness *h, struct tcp_seg *seg, const uint8_t *data, uint32_t len)
{
	struct heap_buf *b = heap_buf_new(data, len);
	enum drop_reason reason;

	seg->family = (uint8_t)h->family;
	if (seg->sport == 0) {
		seg->src = h->peer;
		seg->sport = h->peer_port;
		seg->dport = h->our_port;
		seg->laddr = h->family == IP_V4 ? 0 : 4;
	}
	seg->dst = laddr_get(&h->laddr, seg->laddr);
	seg->payload = (struct tcp_buf){b, b->data, len, h->buf_size};
	if (h->no_owner)
		seg->payload.owner = NULL;
	tcp_hash(h->ctx, seg);
	reason = tcp_segment_arrives(h->ctx, seg);
	if (h->no_owner)
		tcp_buf_free(b);
	else if (seg->payload.owner != NULL)
		tcp_buf_free(seg->payload.owner);
	h_pump(h);
	return reason;
}

enum drop_reason
h_in_at(struct harness *h, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	static uint8_t data[H_DATA_MAX];
	struct tcp_seg seg = {.seq = seq,
			.ack = ack,
			.wnd = h->wnd,
			.flags = flags,
			.opts = h->opts & TCP_OPT_TS};

	CU_ASSERT_FATAL(len <= sizeof(data));
	for (uint32_t i = 0; i < len; i++)
		data[i] = h_pattern(seq + i);
	if ((flags & TCP_SYN) != 0) {
		seg.opts = h->opts;
		seg.mss = h->mss;
		seg.wscale = h->wscale;
	}
	if ((seg.opts & TCP_OPT_TS) != 0) {
		seg.ts_val = h->ts_val;
		seg.ts_ecr = (flags & TCP_ACK) != 0 ? h->ts_ecr : 0;
	}
	return h_inject(h, &seg, data, len);
}

enum drop_reason
h_sack(struct harness *h, uint32_t ack, const struct tcp_sack *blocks, unsigned int n)
{
	struct tcp_seg seg = {.seq = h->seq,
			.ack = ack,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.opts = h->opts & TCP_OPT_TS,
			.ts_val = h->ts_val,
			.ts_ecr = h->ts_ecr};

	CU_ASSERT_FATAL(n <= TCP_SACK_MAX);
	if (n > 0) {
		seg.opts |= TCP_OPT_SACK;
		seg.n_sack = (uint8_t)n;
		memcpy(seg.sack, blocks, n * sizeof(*blocks));
	}
	return h_inject(h, &seg, NULL, 0);
}

enum drop_reason
h_in(struct harness *h, uint8_t flags, uint32_t len)
{
	const uint32_t seq = h->seq;

	h->seq += len + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
	return h_in_at(h, flags, seq, (flags & TCP_ACK) != 0 ? h->ack : 0, len);
}

/* ------------------------------------------------------------------ time */

void
h_wait(struct harness *h, time_us_t us)
{
	const time_us_t until = h->ctx->now + us;

	for (;;) {
		const time_us_t next = tcp_next(h->ctx);
		time_us_t to = next < until ? next : until;

		if (to < h->ctx->now)
			to = h->ctx->now;
		tcp_set_time(h->ctx, to);
		(void)tcp_advance(h->ctx, 1000000);
		h_pump(h);
		if (to == until && tcp_next(h->ctx) > until)
			return;
	}
}

void
h_wait_ms(struct harness *h, uint64_t ms)
{
	h_wait(h, ms * TIME_US_PER_MS);
}

/* ------------------------------------------------------------------ looks */

const struct h_seg *
h_next(struct harness *h)
{
	return h->seen < h->n_sent ? &h->sent[h->seen++] : NULL;
}

const struct h_seg *
h_expect(struct harness *h, uint8_t flags)
{
	const struct h_seg *s = h_next(h);

	CU_ASSERT_PTR_NOT_NULL(s);
	if (s == NULL)
		return NULL;
	if (s->seg.flags != flags)
		fprintf(stderr, "flags %02x instead of %02x\n", s->seg.flags, flags);
	CU_ASSERT_EQUAL(s->seg.flags, flags);
	return s->seg.flags == flags ? s : NULL;
}

void
h_expect_none(struct harness *h)
{
	if (h->seen != h->n_sent)
		fprintf(stderr, "unexpected segment, flags %02x\n", h->sent[h->seen].seg.flags);
	CU_ASSERT_EQUAL(h->seen, h->n_sent);
	h->seen = h->n_sent;
}

void
h_forget(struct harness *h)
{
	for (unsigned int i = 0; i < h->n_sent; i++)
		free(h->sent[i].data);
	h->n_sent = h->seen = h->n_event = 0;
	h->all_events = 0;
}

static struct conn_key
peer_key(const struct harness *h)
{
	const bool v6 = h->family == IP_V6;

	return (struct conn_key){
			.id = {.raddr = v6 ? ip_addr_fold(&h->peer) : h->peer.v4,
					.rport = h->peer_port,
					.lport = h->our_port,
					.laddr = v6 ? 4 : 0},
			.raddr6 = v6 ? &h->peer : NULL,
	};
}

struct tcp_tcb *
h_tcb(struct harness *h)
{
	const struct conn_key k = peer_key(h);
	const uint32_t i = conn_table_find(&h->ctx->table, conn_hash(&h->ctx->hash_key, &k), &k);

	return i == PTCP_NIL ? NULL : tcp_at(h->ctx, i);
}

struct tcp_half *
h_half(struct harness *h)
{
	const struct conn_key k = peer_key(h);
	const uint32_t i = tcp_half_find(h->ctx, conn_hash(&h->ctx->hash_key, &k), &k);

	return i == PTCP_NIL ? NULL : &h->ctx->half[i];
}

const struct tcp_tcb *
h_view(struct harness *h)
{
	const struct tcp_half *half = h_half(h);

	if (half == NULL)
		return h_tcb(h);
	CU_ASSERT_PTR_NULL(h_tcb(h));
	h->view = (struct tcp_tcb){.state = TCP_SYN_RECEIVED, .blk = PTCP_NIL};
	tcp_half_expand(h->ctx, half, &h->view);
	return &h->view;
}

enum tcp_state
h_state(struct harness *h)
{
	const struct conn_key k = peer_key(h);
	const struct tcp_tcb *tcb = h_view(h);

	if (tcb != NULL)
		return tcb->state;
	if (timewait_find(h->ctx->timewait, conn_hash(&h->ctx->hash_key, &k), &k) != PTCP_NIL)
		return TCP_TIME_WAIT;
	return TCP_CLOSED;
}

/* ------------------------------------------------------------------ user and states */

struct tcp_tcb *
h_open(struct harness *h)
{
	const struct tcp_open_args args = {.laddr = h->family == IP_V4 ? 0 : 4,
			.rport = h->peer_port,
			.raddr = h->peer};
	const int64_t index = tcp_open(h->ctx, &args);

	CU_ASSERT_FATAL(index >= 0);
	h->our_port = tcp_at(h->ctx, (uint32_t)index)->id.lport;
	h_pump(h);
	return tcp_at(h->ctx, (uint32_t)index);
}

int64_t
h_send(struct harness *h, uint32_t len, uint32_t slice)
{
	struct tcp_tcb *tcb = h_tcb(h);
	int64_t total = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(tcb);
	while (total < len) {
		const uint32_t n = len - total < slice ? (uint32_t)(len - total) : slice;
		struct heap_buf *b = malloc(sizeof(*b) + n);
		struct tcp_buf buf;
		int rc;

		b->refs = 1;
		bufs_alive++;
		for (uint32_t i = 0; i < n; i++)
			b->data[i] = h_pattern((uint32_t)total + i);
		buf = (struct tcp_buf){b, b->data, n};
		rc = tcp_send(h->ctx, tcb, &buf, 1);
		if (rc != 1) {
			tcp_buf_free(b);
			if (total == 0)
				total = rc;
			break;
		}
		total += n;
	}
	h_pump(h);
	return total;
}

struct tcp_buf
h_buf(uint32_t len)
{
	struct heap_buf *b = malloc(sizeof(*b) + len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	b->refs = 1;
	bufs_alive++;
	return (struct tcp_buf){b, b->data, len};
}

int64_t
h_write(struct harness *h, uint32_t len, uint32_t slice)
{
	struct tcp_tcb *tcb = h_tcb(h);
	int64_t total = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(tcb);
	while (total < len) {
		struct tcp_buf buf = h_buf(len - total < slice ? (uint32_t)(len - total) : slice);
		int rc;

		for (uint32_t i = 0; i < buf.len; i++)
			buf.data[i] = h_pattern(h->written + i);
		rc = tcp_send(h->ctx, tcb, &buf, 1);
		if (rc != 1) {
			tcp_buf_free(buf.owner);
			total = total == 0 ? rc : total;
			break;
		}
		h->written += buf.len;
		total += buf.len;
	}
	h_pump(h);
	return total;
}

static void
establish(struct harness *h, bool active)
{
	if (active) {
		(void)h_open(h);
		(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	} else {
		(void)h_in(h, TCP_SYN, 0);
		(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
}

static void
our_fin(struct harness *h)
{
	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
}

void
h_to_state(struct harness *h, enum tcp_state state, bool active)
{
	if (state == TCP_SYN_SENT) {
		(void)h_open(h);
	} else if (state == TCP_SYN_RECEIVED) {
		if (active)
			(void)h_open(h);
		(void)h_in(h, TCP_SYN, 0);
	} else if (state != TCP_CLOSED && state != TCP_LISTEN) {
		establish(h, active);
	}
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
		(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	if (state == TCP_CLOSING) {
		const uint32_t ack = h->ack;

		our_fin(h);
		(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq++, ack, 0);
	} else if (state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2 || state == TCP_LAST_ACK ||
			state == TCP_TIME_WAIT) {
		our_fin(h);
	}
	if (state == TCP_FIN_WAIT_2 || state == TCP_TIME_WAIT)
		(void)h_in(h, TCP_ACK, 0);
	if (state == TCP_TIME_WAIT)
		(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	if (state == TCP_CLOSED)
		h->our_port = 81;
	CU_ASSERT_EQUAL_FATAL(h_state(h), state == TCP_LISTEN ? TCP_CLOSED : state);
	h->seen = h->n_sent;
}

struct harness *
h_established(const struct tcp_conf *conf)
{
	struct harness *h = h_new(conf, IP_V4, 1000);

	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	return h;
}

struct harness *
h_sending(const struct tcp_conf *conf, uint8_t opts, uint32_t segments)
{
	struct harness *h = h_new(conf, IP_V4, 1000000);
	struct tcp_tcb *tcb;

	h->opts |= TCP_OPT_WSCALE | opts;
	h->wscale = 7;
	(void)h_in(h, TCP_SYN, 0);
	h_wait_ms(h, 20);
	h->wnd = 16000;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	h_forget(h);
	tcb = h_tcb(h);
	CU_ASSERT_EQUAL_FATAL(
			h_write(h, segments * tcb->mss, tcb->mss), (int64_t)segments * tcb->mss);
	return h;
}

void
h_free(struct harness *h)
{
	struct tcp_ctx *ctx = h->ctx;

	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++) {
		struct tcp_tcb *tcb = tcp_at(ctx, i);

		if (tcb->state != TCP_CLOSED || tcb->events != 0)
			(void)tcp_abort(ctx, tcb);
	}
	h_pump(h);
	(void)tcp_unlisten(ctx, (uint16_t)h->listener);
	h_pump(h);
	h_wait_ms(h, 2 * ctx->conf.msl_ms + 1);
	CU_ASSERT_EQUAL(ctx->tcb_pool.n_used, 0);
	CU_ASSERT_EQUAL(ctx->half_pool.n_used, 0);
	CU_ASSERT_EQUAL(ctx->half_table.n_used, 0);
	CU_ASSERT_EQUAL(ctx->half_wheel.n_armed, 0);
	CU_ASSERT_EQUAL(ctx->block_pool.n_used, 0);
	CU_ASSERT_EQUAL(ctx->node_pool.n_used, 0);
	CU_ASSERT_EQUAL(ctx->range_pool.n_used, 0);
	CU_ASSERT_EQUAL(timewait_count(ctx->timewait), 0);
	CU_ASSERT_EQUAL(port_count(ctx->ports), 0);
	CU_ASSERT_EQUAL(ctx->table.n_used, 0);
	CU_ASSERT_EQUAL(h_bufs(), 0);
	if (copies != NULL) {
		tcp_buf_free(copies);
		copies = NULL;
	}
	CU_ASSERT_EQUAL(ctx->profile[0].refs, 1);
	h_forget(h);
	free(h->received);
	free(h->mem);
	free(h->ctx);
	harness_free(h);
}
