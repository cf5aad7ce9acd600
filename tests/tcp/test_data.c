/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving: order, overlap, acknowledgment, the window that is offered. What is sent: test_send.c. */
#include "harness.h"
#include "random.h"

#include <string.h>

#define FIRST 1001 /* sequence number of the peer's first octet */

static uint64_t rng;

static uint32_t
rnd(uint32_t below)
{
	return random_below(&rng, below);
}

/** Text at @p offset of the peer's stream; h->seq stays. */
static enum drop_reason
text(struct harness *h, uint32_t offset, uint32_t len)
{
	return h_in_at(h, TCP_ACK, FIRST + offset, h->ack, len);
}

/** Exactly @p n octets have been read, and they are the peer's. */
static void
expect_read(const struct harness *h, uint32_t n)
{
	uint32_t wrong = 0;

	CU_ASSERT_EQUAL(h->n_received, n);
	for (uint32_t i = 0; i < h->n_received; i++)
		wrong += h->received[i] != h_pattern(FIRST + i);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
expect_ack(struct harness *h, uint32_t offset)
{
	const struct h_seg *s = h_expect(h, TCP_ACK);

	if (s != NULL) {
		CU_ASSERT_EQUAL(s->seg.ack, FIRST + offset);
		CU_ASSERT_EQUAL(s->len, 0);
	}
}

/* ------------------------------------------------------------------ order and overlap */

static void
established_text_in_order(void)
{
	struct harness *h = h_established(NULL);

	CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 1), DROP_NONE);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 999), DROP_NONE);
	expect_read(h, 1000);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_BYTES_IN], 1000);
	h_free(h);
}

/** Held: [1000, 2000). The second segment overlaps it in every way; then the gap is filled from the left. */
static void
established_text_overlaps_what_is_held(void)
{
	static const struct {
		uint32_t from, to, end; /**< the second segment; what is contiguous in the end */
	} cases[] = {
			{1000, 2000, 2000}, /* the same */
			{500, 1500, 2000},  /* left */
			{500, 1000, 2000},  /* touches on the left */
			{1500, 2500, 2500}, /* right */
			{2000, 2500, 2500}, /* touches on the right */
			{1200, 1800, 2000}, /* inside */
			{1000, 1500, 2000}, /* inside, same left edge */
			{1500, 2000, 2000}, /* inside, same right edge */
			{500, 2500, 2500},  /* around */
			{1000, 2500, 2500}, /* around, same left edge */
			{500, 2000, 2000},  /* around, same right edge */
			{999, 1000, 2000},
			{2000, 2001, 2001},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = h_established(NULL);

		(void)text(h, 1000, 1000);
		expect_ack(h, 0);
		(void)text(h, cases[i].from, cases[i].to - cases[i].from);
		CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_DUPLICATE],
				cases[i].from >= 1000 && cases[i].to <= 2000);
		expect_ack(h, 0);
		expect_read(h, 0);
		CU_ASSERT_EQUAL(text(h, 0, 1000), DROP_NONE);
		expect_ack(h, cases[i].end);
		expect_read(h, cases[i].end);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
		h_free(h);
	}
}

/** In order, but over and beyond several pieces that are held. */
static void
established_text_covers_many_pieces(void)
{
	struct harness *h = h_established(NULL);

	for (uint32_t i = 0; i < 10; i++)
		(void)text(h, 100 + i * 200, 100);
	(void)text(h, 50, 1900); /* fills each gap, and reaches into the last piece */
	expect_read(h, 0);
	(void)text(h, 0, 60);
	expect_read(h, 2000);
	h_free(h);
}

/**
 * Of two copies out of order, a piece inside the later segment gives way; one that begins before it or ends behind it stays.
 * Of each octet there is one copy, and each segment is one piece.
 */
static void
established_text_of_other_content(void)
{
	struct harness *h = h_established(NULL);
	uint8_t other[300];
	struct tcp_seg seg = {.seq = FIRST + 50, .ack = h->ack, .wnd = h->wnd, .flags = TCP_ACK};

	memset(other, 0xee, sizeof(other));
	(void)text(h, 40, 20);
	(void)text(h, 100, 100);
	(void)text(h, 340, 20);
	(void)h_inject(h, &seg, other, 300); /* [50, 350) */
	(void)text(h, 0, 40);
	CU_ASSERT_EQUAL(h->n_received, 360);
	for (uint32_t i = 0; i < 360; i++) {
		const bool later = i >= 60 && i < 340;

		CU_ASSERT_EQUAL(h->received[i], later ? 0xee : h_pattern(FIRST + i));
	}
	h_free(h);
}

/** Against a map of octets: every order and overlap that chance finds. */
static void
established_text_random(void)
{
	enum { SPAN = 3000 };
	static bool have[SPAN];

	rng = 7;
	for (unsigned int round = 0; round < 300; round++) {
		struct harness *h = h_established(NULL);
		uint32_t edge = 0;

		memset(have, 0, sizeof(have));
		while (edge < SPAN) {
			const uint32_t from = rnd(8) == 0 ? edge : rnd(SPAN);
			uint32_t len = 1 + rnd(rnd(3) == 0 ? 1400 : 60);

			if (from + len > SPAN)
				len = SPAN - from;
			(void)text(h, from, len);
			memset(have + from, 1, len);
			while (edge < SPAN && have[edge])
				edge++;
			CU_ASSERT_EQUAL_FATAL(h->n_received, edge);
			if (h->n_sent > H_LOG_MAX / 2)
				h_forget(h);
		}
		expect_read(h, SPAN);
		h_free(h);
	}
}

static void
bad_input_17_old_seq_overlapping_new_text(void)
{
	struct harness *h = h_established(NULL);

	(void)text(h, 0, 2000);
	(void)text(h, 0, 4090);
	expect_read(h, 4090);
	(void)text(h, 0, 4090);
	expect_read(h, 4090);
	h_free(h);
}

/** Old text is acknowledged at once: its sender waits for that (RFC 9293 section 3.10.7.4, first). */
static void
established_old_text_is_acknowledged(void)
{
	struct harness *h = h_established(NULL);

	(void)text(h, 0, 3000);
	h_forget(h);
	for (unsigned int i = 0; i < 5; i++) {
		CU_ASSERT_NOT_EQUAL(text(h, 0, 1000), DROP_NONE);
		expect_ack(h, 3000);
	}
	h_free(h);
}

/** Every second octet, more pieces than are held: capped, and nothing is lost for good. */
static void
established_text_in_more_pieces_than_held(void)
{
	struct harness *h = h_established(NULL);
	enum drop_reason last = DROP_NONE;

	for (uint32_t i = 0; i <= TCP_RUNS_MAX; i++) {
		CU_ASSERT_EQUAL(last, DROP_NONE);
		last = text(h, 1 + 2 * i, 1);
	}
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_REASS_FULL], 1);
	(void)text(h, 0, 2 * TCP_RUNS_MAX + 2);
	expect_read(h, 2 * TCP_RUNS_MAX + 2);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 0);
	h_free(h);
}

/** FIN out of order counts when the gap is filled; text cannot lie beyond it. */
static void
established_fin_ahead(void)
{
	struct harness *h = h_established(NULL);

	(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST + 500, h->ack, 500);
	expect_ack(h, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_NOT_EQUAL(text(h, 900, 200), DROP_NONE);
	(void)text(h, 0, 500);
	expect_read(h, 1000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
	CU_ASSERT((h->all_events & EV_PEER_CLOSED) != 0);
	h_free(h);
}

/** A peer that sends text, then FIN before its end: it cannot wedge the connection or keep memory. */
static void
established_fin_before_text_that_is_held(void)
{
	for (unsigned int ahead = 0; ahead < 2; ahead++) {
		struct harness *h = h_established(NULL);

		(void)text(h, 101, 100); /* one octet behind the FIN's */
		if (ahead) {
			(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST + 50, h->ack, 50);
			(void)text(h, 0, 50);
			/* What was held contradicted the FIN and is gone: the peer sends it again. */
			(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST + 50, h->ack, 50);
		} else {
			(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST, h->ack, 100);
		}
		expect_read(h, 100);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
		(void)text(h, 100, 50);
		expect_read(h, 100);
		h_free(h);
	}
}

static void
bad_input_05_urgent_flag_changes_nothing(void)
{
	static const uint16_t pointers[] = {0, 1, 100, 101, 5000, UINT16_MAX};
	struct harness *h = h_established(NULL);
	uint8_t data[100];

	for (uint32_t i = 0; i < PTCP_ARRAY_SIZE(pointers); i++) {
		struct tcp_seg seg = {.seq = FIRST + i * 100,
				.ack = h->ack,
				.wnd = h->wnd,
				.urp = pointers[i],
				.flags = TCP_ACK | TCP_URG};

		for (uint32_t j = 0; j < 100; j++)
			data[j] = h_pattern(seg.seq + j);
		CU_ASSERT_EQUAL(h_inject(h, &seg, data, 100), DROP_NONE);
		expect_read(h, (i + 1) * 100);
	}
	/* Out of order and moving back. */
	for (uint32_t i = 8; i >= 6; i--) {
		struct tcp_seg seg = {.seq = FIRST + i * 100,
				.ack = h->ack,
				.wnd = h->wnd,
				.urp = (uint16_t)(i * 7000),
				.flags = TCP_ACK | TCP_URG};

		for (uint32_t j = 0; j < 100; j++)
			data[j] = h_pattern(seg.seq + j);
		(void)h_inject(h, &seg, data, 100);
	}
	expect_read(h, 900);
	h_free(h);
}

/* ------------------------------------------------------------------ acknowledgment */

static void
established_text_ack_is_delayed_40_ms(void)
{
	struct harness *h = h_established(NULL);
	time_us_t start = h->ctx->now;

	(void)h_in(h, TCP_ACK, 100);
	h_expect_none(h);
	h_wait_ms(h, 39);
	h_expect_none(h);
	h_wait_ms(h, 2);
	expect_ack(h, 100);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].when - start, 40000);
	h_wait_ms(h, 1000);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_DELAYED_ACKS], 1);
	/* The first unacknowledged text sets the deadline, later text does not move it. */
	(void)h_in(h, TCP_ACK, 100);
	h_wait_ms(h, 30);
	(void)h_in(h, TCP_ACK, 100);
	h_wait_ms(h, 9);
	h_expect_none(h);
	h_wait_ms(h, 1);
	expect_ack(h, 300);
	h_free(h);
}

static void
established_second_full_segment_is_acknowledged_at_once(void)
{
	struct harness *h = h_established(NULL);

	for (uint32_t i = 0; i < 6; i += 2) {
		(void)h_in(h, TCP_ACK, 1460);
		h_expect_none(h);
		(void)h_in(h, TCP_ACK, 1460);
		expect_ack(h, (i + 2) * 1460);
	}
	(void)h_in(h, TCP_ACK, 1460);
	(void)h_in(h, TCP_ACK, 1459);
	h_expect_none(h);
	(void)h_in(h, TCP_ACK, 1);
	expect_ack(h, 8 * 1460);
	h_free(h);
}

static void
established_text_from_the_user_carries_the_ack(void)
{
	struct harness *h = h_established(NULL);
	const struct h_seg *s;

	(void)h_in(h, TCP_ACK, 100);
	CU_ASSERT_EQUAL(h_write(h, 10, 10), 10);
	s = h_expect(h, TCP_ACK | TCP_PSH);
	CU_ASSERT_EQUAL(s->seg.ack, FIRST + 100);
	(void)h_in(h, TCP_ACK, 0);
	h_wait_ms(h, 100);
	h_expect_none(h);
	h_free(h);
}

static void
established_text_without_delay(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.delack_ms = 0;
	h = h_established(&conf);
	for (uint32_t i = 1; i < 4; i++) {
		(void)h_in(h, TCP_ACK, 1);
		expect_ack(h, i);
	}
	h_free(h);
}

/** Above a gap and into a gap: at once (RFC 5681 section 4.2). */
static void
established_gap_is_acknowledged_at_once(void)
{
	struct harness *h = h_established(NULL);

	(void)text(h, 300, 100);
	expect_ack(h, 0);
	(void)text(h, 500, 100);
	expect_ack(h, 0);
	(void)text(h, 0, 100); /* in order, a gap remains */
	expect_ack(h, 100);
	(void)text(h, 100, 200);
	expect_ack(h, 400);
	(void)text(h, 400, 100);
	expect_ack(h, 600);
	(void)text(h, 600, 100);
	h_expect_none(h);
	h_free(h);
}

/* ------------------------------------------------------------------ the window offered */

static void
consume(struct harness *h, uint32_t n)
{
	CU_ASSERT(tcp_recv_done(h->ctx, h_tcb(h), n) == 0);
	h->n_received += n;
	h_pump(h);
}

static void
established_window_fills_and_closes(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	const struct h_seg *s;

	conf.rcv_buf = 10000;
	h = h_established(&conf);
	h->auto_read = false;
	for (uint32_t i = 1; i <= 5; i++) {
		(void)h_in(h, TCP_ACK, 1000);
		(void)h_in(h, TCP_ACK, 1000);
		h_wait_ms(h, 50);
		s = h_expect(h, TCP_ACK);
		CU_ASSERT_EQUAL(s->seg.wnd, 10000 - i * 2000);
	}
	/* Closed: one octet is refused, and the refusal told. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, h->ack, 1), DROP_NONE);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_OVER_WINDOW], 1);
	expect_ack(h, 10000);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 10000);
	consume(h, 10000);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT_EQUAL(s->seg.wnd, 10000);
	h_free(h);
}

static void
established_text_beyond_the_window_is_cut_off(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rcv_buf = 1000;
	h = h_established(&conf);
	h->auto_read = false;
	(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST, h->ack, 1400);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
	h_wait_ms(h, 40);
	expect_ack(h, 1000); /* and no FIN */
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	consume(h, 1000);
	h_free(h);
}

/** RFC 9293 section 3.8.6.2.2: no small advances, however slowly the user reads. */
static void
established_read_octet_by_octet(void)
{
	static const uint32_t buffers[] = {2000, 10000, 60000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(buffers); i++) {
		struct tcp_conf conf = h_conf();
		uint32_t least = buffers[i] / 2 < 1460 ? buffers[i] / 2 : 1460;
		struct harness *h;

		conf.rcv_buf = buffers[i];
		h = h_established(&conf);
		h->auto_read = false;
		for (uint32_t left = buffers[i]; left > 0;) {
			const uint32_t n = left < 1000 ? left : 1000;

			(void)h_in(h, TCP_ACK, n);
			left -= n;
		}
		h_wait_ms(h, 50);
		CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.wnd, 0);
		h->seen = h->n_sent;
		for (uint32_t n = 1; n < least; n++)
			consume(h, 1);
		h_expect_none(h);
		consume(h, 1);
		CU_ASSERT_EQUAL(h->n_sent - h->seen, 1);
		CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.wnd, least);
		h_free(h);
	}
}

/** The user reads at once and the window is far from closed: no ACK for the window's sake. */
static void
established_read_does_not_tell_small_news(void)
{
	struct harness *h = h_established(NULL);

	h->auto_read = false;
	for (unsigned int i = 0; i < 4; i++)
		(void)h_in(h, TCP_ACK, 1460);
	h_forget(h);
	consume(h, 4 * 1460);
	h_expect_none(h);
	h_free(h);
}

/** After the peer's FIN there is no window to tell, least of all from TIME-WAIT. */
static void
close_wait_and_time_wait_read_sends_nothing(void)
{
	for (unsigned int closed = 0; closed < 2; closed++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;
		struct tcp_tcb *tcb;

		conf.rcv_buf = 4000;
		h = h_new(&conf, IP_V4, 1000);
		h_to_state(h, closed ? TCP_FIN_WAIT_2 : TCP_ESTABLISHED, false);
		h->auto_read = false;
		tcb = h_tcb(h);
		(void)h_in(h, TCP_ACK, 2000);
		(void)h_in(h, TCP_ACK, 2000);
		(void)h_in(h, TCP_FIN | TCP_ACK, 0);
		h_wait_ms(h, 50);
		CU_ASSERT_EQUAL(h_state(h), closed ? TCP_TIME_WAIT : TCP_CLOSE_WAIT);
		h_forget(h);
		CU_ASSERT(tcp_recv_done(h->ctx, tcb, 4000) == 0);
		h_pump(h);
		h_expect_none(h);
		CU_ASSERT((h->all_events & EV_PEER_CLOSED) != 0);
		h_free(h);
	}
}

/**
 * The right edges of all that was sent: they never go back (but for the rounding of RFC 7323 section 2.4), and no more is
 * offered than there is. @return the rightmost, up to which the peer may send
 */
static uint32_t
check_edges(struct harness *h, uint32_t edge, unsigned int scale, uint32_t unread_then)
{
	const struct h_seg *s;

	while ((s = h_next(h)) != NULL) {
		const uint32_t next = s->seg.ack + ((uint32_t)s->seg.wnd << scale);

		CU_ASSERT_FATAL(seq_geq(next, edge - ((1u << scale) - 1)));
		edge = seq_max(edge, next);
		CU_ASSERT_FATAL(next - s->seg.ack + unread_then <=
				h->ctx->conf.rcv_buf + (1u << scale) - 1);
	}
	h_forget(h);
	return edge;
}

/** Random arrivals up to the very edge, random reads; with every kind of scale. */
static void
established_window_random(void)
{
	static const uint32_t buffers[] = {1000, 30001, 65535, 65536, 100001, 1000003, 16000001};

	rng = 11;
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(buffers); i++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;
		struct tcp_tcb *tcb;
		uint32_t edge;

		conf.rcv_buf = buffers[i];
		conf.max_nodes = 70000;
		h = h_new(&conf, IP_V4, 1000);
		h->opts |= TCP_OPT_WSCALE;
		h->wscale = 3;
		h->no_check = true;
		h_to_state(h, TCP_ESTABLISHED, false);
		h->auto_read = false;
		tcb = h_tcb(h);
		edge = FIRST + (buffers[i] < 65535 ? buffers[i] : 65535);
		h_forget(h);
		for (unsigned int n = 0; n < 4000; n++) {
			const uint32_t unread = tcp_recv_bytes(h->ctx, tcb);
			const uint32_t room = edge - h->seq;
			uint32_t len = rnd(4) == 0 ? room : 1 + rnd(rnd(2) == 0 ? 10 : 20000);

			if (len > room)
				len = room;
			if (len > H_DATA_MAX)
				len = H_DATA_MAX;
			if (len > 0)
				(void)h_in(h, TCP_ACK, len);
			/* All that was offered is taken. */
			CU_ASSERT_EQUAL_FATAL(tcp_recv_bytes(h->ctx, tcb), unread + len);
			if (rnd(3) == 0)
				h_wait_ms(h, 41);
			edge = check_edges(h, edge, h->ctx->rcv_wscale, unread + len);
			if (rnd(4) == 0 || edge == h->seq)
				consume(h, rnd(unread + len + 1));
			edge = check_edges(
					h, edge, h->ctx->rcv_wscale, tcp_recv_bytes(h->ctx, tcb));
		}
		h_free(h);
	}
}

/** A FIN ahead of its turn is remembered in a block; where none is left it is acknowledged as missing, and taken later. */
static void
established_fin_ahead_without_a_block(void)
{
	struct harness *h = h_established(NULL);
	struct pool *pool = &h->ctx->block_pool;
	uint32_t n = 0;

	while (pool_get(pool) != PTCP_NIL)
		n++;
	(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST + 500, h->ack, 0);
	expect_ack(h, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_FIN_AHEAD, 0);
	while (n > 0)
		pool_put(pool, --n);
	(void)text(h, 0, 500);
	expect_read(h, 500);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	(void)h_in_at(h, TCP_FIN | TCP_ACK, FIRST + 500, h->ack, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
	h_free(h);
}

/** The last slice may be added to while its octets are unsent and more may be queued. */
static void
established_tail_to_append_to(void)
{
	struct harness *h = h_established(NULL);
	struct tcp_tcb *tcb = h_tcb(h);
	struct tcp_buf *tail;

	CU_ASSERT_PTR_NULL(tcp_send_tail(h->ctx, tcb)); /* nothing is queued */
	h->auto_read = false;
	(void)h_in(h, TCP_ACK, 10);
	CU_ASSERT_PTR_NULL(tcp_send_tail(h->ctx, tcb)); /* only received */
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	CU_ASSERT_PTR_NULL(tcp_send_tail(h->ctx, tcb)); /* sent */
	CU_ASSERT_EQUAL(h_write(h, 50, 50), 50);        /* Nagle holds it */
	tail = tcp_send_tail(h->ctx, tcb);
	CU_ASSERT_FATAL(tail != NULL && tail->len == 50);
	CU_ASSERT(tcp_shutdown(h->ctx, tcb) == 0);
	CU_ASSERT_PTR_NULL(tcp_send_tail(h->ctx, tcb)); /* FIN stands behind it */
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_text_in_order),
		TEST(established_text_overlaps_what_is_held),
		TEST(established_text_covers_many_pieces),
		TEST(established_text_of_other_content),
		TEST(established_text_random),
		TEST(bad_input_17_old_seq_overlapping_new_text),
		TEST(established_old_text_is_acknowledged),
		TEST(established_text_in_more_pieces_than_held),
		TEST(established_fin_ahead),
		TEST(established_fin_before_text_that_is_held),
		TEST(bad_input_05_urgent_flag_changes_nothing),
		TEST(established_text_ack_is_delayed_40_ms),
		TEST(established_second_full_segment_is_acknowledged_at_once),
		TEST(established_text_from_the_user_carries_the_ack),
		TEST(established_text_without_delay),
		TEST(established_gap_is_acknowledged_at_once),
		TEST(established_window_fills_and_closes),
		TEST(established_text_beyond_the_window_is_cut_off),
		TEST(established_read_octet_by_octet),
		TEST(established_read_does_not_tell_small_news),
		TEST(close_wait_and_time_wait_read_sends_nothing),
		TEST(established_window_random),
		TEST(established_fin_ahead_without_a_block),
		TEST(established_tail_to_append_to),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("data", tests)
