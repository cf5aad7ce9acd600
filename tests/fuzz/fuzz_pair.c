/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two cores joined by a link that the input drives: one octet for each segment says what befalls it, others what the
 * users do. When the input has ended the link is perfect and the users finish. If nothing was changed on its way, both
 * streams must then have arrived whole, within a time that has a bound; with changed fields only the invariants count.
 */
#include "fuzz_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENDS       2
#define PORT       80
#define FRAMES_MAX 4096  /* on their way at once */
#define STREAM_MAX 60000 /* octets of one direction */
#define STEPS_MAX  20000 /* moments of one run */
#define MINUTE     (60ull * TIME_US_PER_SEC)
#define LIMIT      (48 * 60 * MINUTE)

struct frame {
	struct tcp_seg seg; /* payload: one reference */
	time_us_t due;
	uint64_t order;
	unsigned int to;
};

struct end {
	struct fuzz_core core;
	time_us_t start; /* what its clock said at time 0 */
	uint64_t handle;
	bool known;
	uint32_t to_send;
	uint32_t sent;
	uint32_t received;
	bool wants; /* waits for the writable event */
	bool slow;  /* reads when the input says so */
	bool shut;
	bool aborted; /* by the input */
	bool peer_closed;
	bool closed;
	uint8_t reason;
};

struct fuzz {
	struct fuzz_in in;
	enum ip_family family;
	bool mutate; /* fields change on the way */
	time_us_t now;
	uint64_t order;
	unsigned int n_frames;
	struct frame frame[FRAMES_MAX];
	struct end end[ENDS];
};

static struct fuzz fz;

/** The octet at @p offset of what end @p from says. */
static uint8_t
octet(unsigned int from, uint32_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8) * 7 + from * 101);
}

static struct tcp_tcb *
end_tcb(const struct end *e)
{
	return e->known ? tcp_from_handle(e->core.ctx, e->handle) : NULL;
}

/* ------------------------------------------------------------------ the link */

static void
link_push(unsigned int to, const struct tcp_seg *seg, time_us_t delay)
{
	struct frame *f = &fz.frame[fz.n_frames];

	if (fz.n_frames == FRAMES_MAX)
		return; /* a full queue drops */
	fz.n_frames++;
	*f = (struct frame){.seg = *seg, .due = fz.now + delay, .order = fz.order++, .to = to};
	tcp_buf_ref(f->seg.payload.owner);
}

/** Another value in some field, as if no checksum had seen it. */
static void
change(struct tcp_seg *seg)
{
	const uint8_t how = fuzz_u8(&fz.in);
	const uint32_t by = (how & 0x80) != 0 ? 1u << (how & 31) : (uint32_t)fuzz_u8(&fz.in) - 128u;

	switch (how >> 2 & 7) {
	case 0:
		seg->seq += by;
		break;
	case 1:
		seg->ack += by;
		break;
	case 2:
		seg->flags ^= (uint8_t)(1u << (by & 7));
		break;
	case 3:
		seg->wnd = (uint16_t)(seg->wnd + by);
		break;
	case 4:
		seg->opts ^= (uint8_t)(1u << by % 5);
		if ((seg->flags & TCP_SYN) == 0)
			seg->opts &= TCP_OPT_TS | TCP_OPT_SACK;
		seg->n_sack = (seg->opts & TCP_OPT_SACK) != 0 ? (uint8_t)(1 + by % TCP_SACK_MAX) :
								0;
		break;
	case 5:
		seg->ts_val += by;
		seg->ts_ecr += by << 3;
		break;
	case 6:
		seg->payload.len = by < seg->payload.len ? by : seg->payload.len;
		seg->mss = (uint16_t)by;
		break;
	default:
		seg->sack[by % TCP_SACK_MAX].left += by;
		seg->sack[by / 4 % TCP_SACK_MAX].right -= by;
		break;
	}
}

/** What befalls a segment: most pass after the link's delay. */
static void
link_send(unsigned int from, struct tcp_seg *seg)
{
	static const time_us_t delays[] = {0, 500, 20000, 250000};
	const uint8_t fate = fz.in.left > 0 ? fuzz_u8(&fz.in) : 0;
	const time_us_t delay = 10000;

	fuzz_trace("%llu end %u flags %02x seq %u ack %u wnd %u len %u opts %02x fate %02x\n",
			(unsigned long long)fz.now, from, seg->flags, seg->seq, seg->ack, seg->wnd,
			seg->payload.len, seg->opts, fate);
	switch (fate & 7) {
	case 1:
		break;
	case 2:
		link_push(!from, seg, delay);
		link_push(!from, seg, delay + delays[fate >> 3 & 3]);
		break;
	case 3:
		link_push(!from, seg, delay + delays[fate >> 3 & 3] + fate * 100u);
		break;
	case 4:
		if (fz.mutate)
			change(seg);
		link_push(!from, seg, delay);
		break;
	case 5:
		if (seg->ecn != 0)
			seg->ecn = 3; /* congestion experienced */
		link_push(!from, seg, delay);
		break;
	default:
		link_push(!from, seg, delay);
		break;
	}
	tcp_buf_free(seg->payload.owner);
}

static struct frame *
link_first(void)
{
	struct frame *first = NULL;

	for (unsigned int i = 0; i < fz.n_frames; i++) {
		struct frame *f = &fz.frame[i];

		if (first == NULL || f->due < first->due ||
				(f->due == first->due && f->order < first->order))
			first = f;
	}
	return first;
}

static void
deliver_frames(void)
{
	struct frame *first;

	while ((first = link_first()) != NULL && first->due <= fz.now) {
		struct frame f = *first;
		struct end *e = &fz.end[f.to];
		struct tcp_seg *seg = &f.seg;

		*first = fz.frame[--fz.n_frames];
		seg->laddr = fz.family == IP_V4 ? FUZZ_LADDR_V4 : FUZZ_LADDR_V6;
		tcp_hash(e->core.ctx, seg);
		(void)tcp_segment_arrives(e->core.ctx, seg);
		if (seg->payload.owner != NULL)
			tcp_buf_free(seg->payload.owner);
	}
}

/* ------------------------------------------------------------------ users */

static void
user_read(struct end *e, struct tcp_tcb *tcb, uint32_t most)
{
	const unsigned int from = e == &fz.end[0];
	struct tcp_buf buf[3];

	while (most > 0) {
		const unsigned int n = tcp_recv(e->core.ctx, tcb, buf, PTCP_ARRAY_SIZE(buf));
		uint32_t len = 0;

		if (n == 0)
			return;
		for (unsigned int i = 0; i < n && len < most; i++) {
			for (uint32_t j = 0; j < buf[i].len && len < most; j++, len++)
				FUZZ_REQUIRE(fz.mutate ||
						buf[i].data[j] == octet(from, e->received + len));
		}
		e->received += len;
		most -= len;
		FUZZ_REQUIRE(tcp_recv_done(e->core.ctx, tcb, len) == 0);
	}
}

static void
user_write(struct end *e, struct tcp_tcb *tcb, uint32_t slice)
{
	const unsigned int from = e == &fz.end[1];

	while (e->sent < e->to_send && !e->wants) {
		const uint32_t left = e->to_send - e->sent;
		const bool room = tcp_send_room(e->core.ctx, tcb) > 0;
		struct tcp_buf buf = fuzz_buf(left < slice ? left : slice);
		int rc;

		/* What finds no room is refused whatever it says. */
		for (uint32_t i = 0; i < buf.len && room; i++)
			buf.data[i] = octet(from, e->sent + i);
		rc = tcp_send(e->core.ctx, tcb, &buf, 1);
		if (rc == 1) {
			e->sent += buf.len;
			continue;
		}
		tcp_buf_free(buf.owner);
		FUZZ_REQUIRE(rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOTCONN || rc == -EPIPE);
		FUZZ_REQUIRE(fz.mutate || rc == -EAGAIN || rc == -ENOBUFS || e->aborted ||
				fz.end[!from].aborted);
		e->wants = rc == -EAGAIN;
		return;
	}
	if (e->sent == e->to_send && !e->shut) {
		e->shut = true;
		(void)tcp_shutdown(e->core.ctx, tcb);
	}
}

/** What the input makes a user do now. */
static void
user_acts(void)
{
	const uint8_t what = fuzz_u8(&fz.in);
	struct end *e = &fz.end[what & 1];
	struct tcp_tcb *tcb = end_tcb(e);

	if (tcb == NULL)
		return;
	switch (what >> 1 & 7) {
	case 0:
		e->slow = !e->slow;
		break;
	case 1:
		user_read(e, tcb, 1 + (what >> 4) * 700u);
		break;
	case 2: {
		const uint32_t more = (what >> 4) * 1000u;

		if (!e->shut && e->to_send + more <= STREAM_MAX)
			e->to_send += more;
		user_write(e, tcb, 1 + fuzz_u8(&fz.in) * 20u);
		break;
	}
	case 3:
		if (what >= 0xf0) {
			e->aborted = true;
			(void)((what & 0x10) != 0 ? tcp_abort(e->core.ctx, tcb) :
						    tcp_close(e->core.ctx, tcb));
		}
		break;
	default:
		break;
	}
}

static void
deliver_event(struct end *e, uint32_t index, uint8_t events)
{
	struct tcp_ctx *ctx = e->core.ctx;
	struct tcp_tcb *tcb = tcp_at(ctx, index);
	const struct end *peer = &fz.end[e == &fz.end[0]];

	if ((events & EV_ACCEPTED) != 0 && !e->known) {
		e->known = true;
		e->handle = tcp_handle(ctx, tcb);
	}
	if (!e->known || e->handle != tcp_handle(ctx, tcb)) {
		/* Changed on the way, a SYN may open what nobody has asked for. */
		FUZZ_REQUIRE(fz.mutate || peer->aborted || e->aborted);
		(void)tcp_abort(ctx, tcb);
		return;
	}
	FUZZ_REQUIRE(!e->closed);
	if ((events & EV_WRITABLE) != 0)
		e->wants = false;
	if ((events & EV_PEER_CLOSED) != 0) {
		FUZZ_REQUIRE(!e->peer_closed);
		e->peer_closed = true;
		/* Who is told that the peer has said all has read all. */
		if (!fz.mutate && !e->aborted && !peer->aborted)
			FUZZ_REQUIRE(peer->shut && e->received == peer->to_send);
	}
	if ((events & EV_CLOSED) != 0) {
		e->closed = true;
		e->reason = tcb->reason;
		return;
	}
	if (!e->slow)
		user_read(e, tcb, UINT32_MAX);
	user_write(e, tcb, 3000);
}

/* ------------------------------------------------------------------ time */

static void
take_output(unsigned int from, const struct tcp_out *out)
{
	struct tcp_seg seg = out->seg;
	uint32_t at = 0;

	(void)fuzz_check_header(&seg);
	seg.payload = fuzz_buf(out->len);
	for (unsigned int i = 0; i < out->n_slices; i++) {
		memcpy(seg.payload.data + at, out->slice[i].data, out->slice[i].len);
		at += out->slice[i].len;
	}
	FUZZ_REQUIRE(at == out->len);
	link_send(from, &seg);
}

static void
pump(unsigned int i)
{
	struct tcp_ctx *ctx = fz.end[i].core.ctx;
	const struct tcp_seg *reply;
	struct tcp_out out;
	uint32_t index;
	uint8_t events;

	while (tcp_event_next(ctx, &index, &events)) {
		deliver_event(&fz.end[i], index, events);
		tcp_event_done(ctx, index, events);
	}
	while ((reply = tcp_reply_next(ctx)) != NULL) {
		struct tcp_out empty = {.seg = *reply};

		take_output(i, &empty);
	}
	while ((index = tcp_output_next(ctx)) != PTCP_NIL) {
		while (tcp_output(ctx, index, &out)) {
			take_output(i, &out);
			out.n_slices = 0;
		}
	}
}

/** The next moment at which something happens, at most @p until. */
static time_us_t
next_moment(time_us_t until)
{
	const struct frame *first = link_first();
	time_us_t next = first != NULL && first->due < until ? first->due : until;

	for (unsigned int i = 0; i < ENDS; i++) {
		const time_us_t due = tcp_next(fz.end[i].core.ctx);

		if (due == UINT64_MAX)
			continue;
		if (due <= fz.end[i].start + fz.now)
			return fz.now;
		if (due - fz.end[i].start < next)
			next = due - fz.end[i].start;
	}
	return next > fz.now ? next : fz.now;
}

/** Users who wait for nothing but memory, or are slow, look again now and then. */
static void
users_look(bool finish)
{
	for (unsigned int i = 0; i < ENDS; i++) {
		struct end *e = &fz.end[i];
		struct tcp_tcb *tcb = end_tcb(e);

		if (tcb == NULL || e->closed)
			continue;
		if (finish)
			user_read(e, tcb, UINT32_MAX);
		if (finish)
			user_write(e, tcb, 3000);
	}
}

static void
moment(time_us_t until)
{
	fz.now = next_moment(until);
	for (unsigned int i = 0; i < ENDS; i++) {
		tcp_set_time(fz.end[i].core.ctx, fz.end[i].start + fz.now);
		(void)tcp_advance(fz.end[i].core.ctx, 100000);
	}
	deliver_frames();
	for (unsigned int i = 0; i < ENDS; i++) {
		pump(i);
		fuzz_core_check(&fz.end[i].core);
	}
}

/* ------------------------------------------------------------------ a run */

static void
draw_conf(struct tcp_conf *conf)
{
	static const uint16_t mtus[] = {1500, 576, 9000, 1280};
	static const uint32_t rcvs[] = {65535, 2048, 6000, 1u << 20};
	static const uint32_t snds[] = {65536, 2048, 5000};
	const uint8_t a = fuzz_u8(&fz.in), b = fuzz_u8(&fz.in), c = fuzz_u8(&fz.in);

	fz.family = (a & 1) != 0 ? IP_V6 : IP_V4;
	fz.mutate = (a & 2) != 0;
	conf->timestamps = (a & 4) == 0;
	conf->window_scale = (a & 8) == 0;
	conf->delack_ms = (a & 16) != 0 ? 0 : 40;
	conf->max_tcbs = 3;
	conf->max_blocks = 3;
	/* With too few nodes for both directions the two may wait for each other. */
	conf->max_nodes = fz.mutate && (a & 32) != 0 ? 6 : 1000;
	conf->sack = (c & 1) == 0;
	conf->pacing = (c & 2) != 0;
	conf->ecn = (uint8_t)((c >> 2 & 3) % TCP_ECN_MAX);
	conf->cc = (uint8_t)((c >> 4 & 1) % TCP_CC_MAX);
	/* Cookies do not live for ever: who is answered by one only must not be held up for minutes. */
	conf->cookies = fz.mutate ? (uint8_t)((c >> 5) % TCP_COOKIES_MAX) : TCP_COOKIES_AUTO;
	conf->mtu = mtus[b & 3];
	conf->rcv_buf = rcvs[b >> 2 & 3];
	conf->snd_buf = snds[(b >> 4 & 3) % 3];
	conf->rcv_buf_max = conf->rcv_buf << (c & 1);
	conf->snd_buf_max = conf->snd_buf << (c >> 1 & 1);
	conf->mss_max = (b & 64) != 0 ? 100 : 0;
	conf->msl_ms = 1000;
	/* Nobody gives up: what is lost must come through in the end. */
	conf->syn_r2_ms = conf->data_r2_ms = 86400000;
	conf->fin_wait2_ms = 86400000;
}

static void
begin(void)
{
	const bool v6 = (fz.in.left > 0 && (fz.in.p[0] & 1) != 0);
	struct tcp_conf conf = fuzz_core_conf();
	struct tcp_open_args args = {.laddr = v6 ? FUZZ_LADDR_V6 : FUZZ_LADDR_V4, .rport = PORT};
	int64_t index;

	draw_conf(&conf);
	fz.now = fz.order = 0;
	fz.n_frames = 0;
	memset(fz.end, 0, sizeof(fz.end));
	for (unsigned int i = 0; i < ENDS; i++) {
		struct end *e = &fz.end[i];

		/* In units that shift the ISN all over the place, and clocks that wrap on their way. */
		e->start = 1000000 + ((uint64_t)fuzz_u16(&fz.in) << 18);
		e->to_send = fuzz_u8(&fz.in) * 80u;
		fuzz_core_new(&e->core, &conf, (uint8_t)(10 * i + 1), i + 1, e->start);
	}
	if ((fuzz_u8(&fz.in) & 1) != 0)
		fz.end[1].start += 1; /* nothing but an odd clock */
	FUZZ_REQUIRE(tcp_listen(fz.end[1].core.ctx, args.laddr, PORT, 2, 0, 0, NULL) >= 0);
	args.raddr = fuzz_addr(fz.family, 11);
	index = tcp_open(fz.end[0].core.ctx, &args);
	FUZZ_REQUIRE(index >= 0);
	fz.end[0].known = true;
	fz.end[0].handle =
			tcp_handle(fz.end[0].core.ctx, tcp_at(fz.end[0].core.ctx, (uint32_t)index));
}

static bool
finished(void)
{
	return fz.end[0].closed && (fz.end[1].closed || !fz.end[1].known);
}

/** With a link that changed nothing both have said and heard all. */
static void
check_streams(void)
{
	for (unsigned int i = 0; i < ENDS; i++) {
		const struct end *e = &fz.end[i], *peer = &fz.end[!i];

		FUZZ_REQUIRE(e->known && e->closed);
		/* Who sends his last FIN for longer than the peer's 2MSL is told so by a RST, and what he has not read is gone. */
		if (e->reason == TCP_REASON_RESET &&
				peer->core.counters.n[COUNTER_TIMEWAIT_OUT] > 0)
			continue;
		FUZZ_REQUIRE(e->reason == TCP_REASON_DONE && e->peer_closed);
		FUZZ_REQUIRE(e->sent == e->to_send && e->received == peer->to_send);
	}
}

static void
finish(void)
{
	const bool aborted = fz.end[0].aborted || fz.end[1].aborted;
	const time_us_t last = fz.now + LIMIT;

	fz.end[0].slow = fz.end[1].slow = false;
	for (unsigned int i = 0; i < STEPS_MAX && !finished() && fz.now < last; i++) {
		users_look(true);
		moment(fz.now + MINUTE);
		if ((fz.mutate || aborted) && i > 2000)
			break; /* an end whose peer has vanished may stay for ever */
	}
	if (!fz.mutate && !aborted) {
		FUZZ_REQUIRE(finished());
		check_streams();
	}
	for (unsigned int i = 0; i < ENDS; i++) {
		struct tcp_ctx *ctx = fz.end[i].core.ctx;

		for (uint32_t k = 0; k < ctx->tcb_pool.fresh; k++)
			(void)tcp_abort(ctx, tcp_at(ctx, k));
		if (i == 1)
			FUZZ_REQUIRE(tcp_unlisten(ctx, 0) == 0);
	}
	/* What is still on its way may be answered, and the answer again; then 2MSL. */
	for (unsigned int i = 0; i < 200; i++)
		moment(fz.now + 50000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fz.in = (struct fuzz_in){data, size};
	begin();
	for (unsigned int i = 0; i < STEPS_MAX && fz.in.left > 0 && !finished(); i++) {
		users_look(false);
		user_acts();
		moment(fz.now + 5000 * (1 + (uint64_t)fuzz_u8(&fz.in)));
	}
	finish();
	while (fz.n_frames > 0)
		tcp_buf_free(fz.frame[--fz.n_frames].seg.payload.owner);
	for (unsigned int i = 0; i < ENDS; i++) {
		fuzz_core_check_empty(&fz.end[i].core);
		fuzz_core_free(&fz.end[i].core);
	}
	FUZZ_REQUIRE(fuzz_bufs() == 0);
	return 0;
}
