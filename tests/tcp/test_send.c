/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending: segmentation, Nagle, the peer's window, zero-window probes, the bound of the send queue. */
#include "harness.h"
#include "random.h"

#include <errno.h>
#include <string.h>

#define RTO_MIN_MS 200 /* the handshake of these tests takes no time */

static uint64_t rng;

static uint32_t
rnd(uint32_t below)
{
	return random_below(&rng, below);
}

/** The peer acknowledges up to @p ack and offers @p wnd. */
static void
acknowledge(struct harness *h, uint32_t ack, uint16_t wnd)
{
	h->wnd = wnd;
	(void)h_in_at(h, TCP_ACK, h->seq, ack, 0);
}

/** A congestion window that is in nobody's way. */
static void
open_cwnd(struct harness *h)
{
	h_tcb(h)->cwnd = 1u << 29;
}

/** The next segment carries @p len octets, the pattern from @p offset of the stream that begins at @p first. */
static const struct h_seg *
expect_text(struct harness *h, uint32_t first, uint32_t offset, uint32_t len)
{
	const struct h_seg *s = h_next(h);
	uint32_t wrong = 0;

	CU_ASSERT_PTR_NOT_NULL(s);
	if (s == NULL)
		return NULL;
	CU_ASSERT_EQUAL(s->seg.seq, first + offset);
	CU_ASSERT_EQUAL(s->len, len);
	for (uint32_t i = 0; i < s->len; i++)
		wrong += s->data[i] != h_pattern(s->seg.seq - first + i);
	CU_ASSERT_EQUAL(wrong, 0);
	return s;
}

/* ------------------------------------------------------------------ segments */

static void
established_send_in_full_segments(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	CU_ASSERT_EQUAL(h_write(h, 5000, 5000), 5000);
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(expect_text(h, first, i * 1460, 1460)->seg.flags, TCP_ACK);
	/* The rest is less than a segment: it waits for the ACK. */
	h_expect_none(h);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(expect_text(h, first, 4380, 620)->seg.flags, TCP_ACK | TCP_PSH);
	(void)h_in(h, TCP_ACK, 0);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	CU_ASSERT_EQUAL(h_bufs(), 0);
	h_free(h);
}

/** PSH stands on the segment that empties the queue (RFC 9293 section 3.9.1.2). */
static void
established_push_on_the_last_segment(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	CU_ASSERT_EQUAL(h_write(h, 2920, 100), 2920);
	while (h->seen < h->n_sent) {
		const struct h_seg *s = h_next(h);

		if (s->seg.seq + s->len == first + 2920)
			CU_ASSERT_EQUAL(s->seg.flags, TCP_ACK | TCP_PSH);
	}
	h_free(h);
}

/** Many small slices: several segments, nothing lost between them. */
static void
established_send_more_slices_than_a_segment_holds(void)
{
	static const uint32_t sizes[] = {1, 7, 90, 100};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(sizes); i++) {
		struct harness *h = h_established(NULL);
		struct tcp_tcb *tcb = h_tcb(h);
		const uint32_t first = tcb->snd_una;
		const uint32_t total = 50 * TCP_SLICES_MAX * sizes[i];
		uint32_t got = 0;

		/* Nothing leaves before all is queued. */
		h_tcb(h)->snd_wnd = 0;
		CU_ASSERT_EQUAL(h_write(h, total, sizes[i]), (int64_t)total);
		h_expect_none(h);
		open_cwnd(h);
		acknowledge(h, first, 65535);
		for (unsigned int turn = 0; turn < 200 && got < total; turn++) {
			const struct h_seg *s;

			while ((s = h_next(h)) != NULL) {
				CU_ASSERT_EQUAL(s->seg.seq, first + got);
				CU_ASSERT(s->len <= 1460);
				CU_ASSERT(s->len <= TCP_SLICES_MAX * sizes[i]);
				for (uint32_t j = 0; j < s->len; j++)
					CU_ASSERT_FATAL(s->data[j] == h_pattern(got + j));
				got += s->len;
			}
			(void)h_in(h, TCP_ACK, 0);
		}
		CU_ASSERT_EQUAL(got, total);
		h_free(h);
	}
}

/** The MSS option does not count options, so timestamps come off it (RFC 6691). */
static void
established_send_with_timestamps(void)
{
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct harness *h = h_new(NULL, v6 ? IP_V6 : IP_V4, 1000);

		h->opts |= TCP_OPT_TS;
		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
		CU_ASSERT_EQUAL(h_write(h, 4000, 4000), 4000);
		CU_ASSERT_EQUAL(h_next(h)->len, (v6 ? 1440u : 1460u) - 12);
		CU_ASSERT_EQUAL(h_next(h)->seg.opts, TCP_OPT_TS);
		h_free(h);
	}
}

static void
bad_input_06_tiny_or_missing_mss(void)
{
	static const struct {
		uint16_t mss, v4,
				v6; /**< as offered (UINT16_MAX: not at all); octets of a full segment */
	} cases[] = {
			{UINT16_MAX, 536, 1220},
			{0, 48, 48},
			{1, 48, 48},
			{12, 48, 48},
			{47, 48, 48},
			{48, 48, 48},
			{100, 100, 100},
			{1460, 1460, 1440},
			{65534, 1460, 1440},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases) * 4; i++) {
		const bool ts = (i & 1) != 0, v6 = (i & 2) != 0;
		struct harness *h = h_new(NULL, v6 ? IP_V6 : IP_V4, 1000);
		const uint32_t full = (v6 ? cases[i / 4].v6 : cases[i / 4].v4) - (ts ? 12u : 0);
		uint32_t first, got = 0;

		h->opts = (uint8_t)((cases[i / 4].mss == UINT16_MAX ? 0 : TCP_OPT_MSS) |
				(ts ? TCP_OPT_TS : 0));
		h->mss = cases[i / 4].mss;
		h_to_state(h, TCP_ESTABLISHED, i % 3 == 0);
		h_forget(h);
		first = h_tcb(h)->snd_una;
		CU_ASSERT_EQUAL(h_write(h, 3000, 500), 3000);
		CU_ASSERT_EQUAL(h_next(h)->len, full);
		for (unsigned int turn = 0; turn < 100; turn++)
			(void)h_in(h, TCP_ACK, 0);
		for (unsigned int j = 0; j < h->n_sent; j++) {
			CU_ASSERT_EQUAL(h->sent[j].seg.seq, first + got);
			CU_ASSERT(h->sent[j].len <= full);
			got += h->sent[j].len;
		}
		CU_ASSERT_EQUAL(got, 3000);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ Nagle */

static void
established_small_sends_wait_for_the_ack(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	(void)h_write(h, 10, 10);
	(void)expect_text(h, first, 0, 10);
	(void)h_write(h, 20, 20);
	(void)h_write(h, 30, 30);
	h_expect_none(h);
	(void)h_in(h, TCP_ACK, 0);
	(void)expect_text(h, first, 10, 50);
	(void)h_write(h, 1459, 1459);
	h_expect_none(h);
	(void)h_write(h, 1, 1);
	(void)expect_text(h, first, 60, 1460); /* a full one does not wait */
	(void)h_write(h, 5, 5);
	h_expect_none(h);
	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0); /* nothing will be added */
	h_pump(h);
	CU_ASSERT_EQUAL(expect_text(h, first, 1520, 5)->seg.flags, TCP_ACK | TCP_PSH | TCP_FIN);
	h_free(h);
}

static void
established_small_sends_without_nagle(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	h_tcb(h)->flags |= TF_NODELAY;
	for (uint32_t i = 0; i < 5; i++) {
		(void)h_write(h, 10, 10);
		(void)expect_text(h, first, i * 10, 10);
	}
	h_expect_none(h);
	h_free(h);
}

/* ------------------------------------------------------------------ the peer's window */

static void
established_window_limits_flight(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	open_cwnd(h);
	acknowledge(h, first, 4000);
	(void)h_write(h, 20000, 20000);
	(void)expect_text(h, first, 0, 1460);
	(void)expect_text(h, first, 1460, 1460);
	h_expect_none(h); /* 1,080 more would be a silly segment */
	acknowledge(h, first + 1460, 2540);
	h_expect_none(h);
	acknowledge(h, first + 2920, 4000);
	(void)expect_text(h, first, 2920, 1460);
	(void)expect_text(h, first, 4380, 1460);
	h_expect_none(h);
	/* The same ACK number, a wider window. */
	acknowledge(h, first + 2920, 8000);
	(void)expect_text(h, first, 5840, 1460);
	(void)expect_text(h, first, 7300, 1460);
	(void)expect_text(h, first, 8760, 1460);
	h_expect_none(h);
	h_free(h);
}

/** Windows scaled: all of 1 MB can be in flight. */
static void
established_window_is_scaled(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.snd_buf = 4 << 20;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 7;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	open_cwnd(h);
	acknowledge(h, h_tcb(h)->snd_una, 8192);
	CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(h)), 1 << 20);
	(void)h_write(h, 2 << 20, 1 << 18);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una, (1 << 20) / 1460 * 1460);
	h_free(h);
}

/** A window that is always smaller than a segment is filled each time, not in crumbs. */
static void
established_window_under_one_segment(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	uint32_t first;

	h->wnd = 500;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	first = h_tcb(h)->snd_una;
	(void)h_write(h, 2000, 2000);
	for (uint32_t i = 0; i < 2000; i += 500) {
		(void)expect_text(h, first, i, 500);
		h_expect_none(h);
		acknowledge(h, first + i + 500, 500);
	}
	h_expect_none(h);
	h_free(h);
}

/** A silly window is not used until the override timer, RFC 9293 section 3.8.6.2.1 (4). */
static void
established_silly_window_waits_for_the_override(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	acknowledge(h, first, 500);
	(void)h_write(h, 5000, 5000);
	h_expect_none(h);
	h_wait_ms(h, RTO_MIN_MS - 1);
	h_expect_none(h);
	h_wait_ms(h, 1);
	(void)expect_text(h, first, 0, 500);
	acknowledge(h, first + 500, 65535);
	(void)expect_text(h, first, 500, 1460);
	h_free(h);
}

/** ... which fires although the peer goes on sending. */
static void
established_silly_window_override_is_not_put_off(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;
	unsigned int texts = 0;

	acknowledge(h, first, 500);
	(void)h_write(h, 5000, 5000);
	for (unsigned int i = 0; i < 20; i++) {
		(void)h_in_at(h, TCP_ACK, h->seq, first, 10);
		h->seq += 10;
		h_wait_ms(h, 50);
	}
	for (unsigned int i = 0; i < h->n_sent; i++)
		texts += h->sent[i].len == 500 && h->sent[i].seg.seq == first;
	CU_ASSERT(texts >= 1);
	h_free(h);
}

/** The window closes below what is in flight: no underflow, no silence, and on it goes when it opens. */
static void
bad_input_28_window_shrunk_below_flight(void)
{
	static const uint16_t windows[] = {0, 1, 100, 1460, 5000};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(windows); i++) {
		struct harness *h = h_established(NULL);
		const uint32_t first = h_tcb(h)->snd_una;
		uint32_t end;

		(void)h_write(h, 30000, 30000);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - first, 14600);
		h_forget(h);
		acknowledge(h, first + 1460, windows[i]);
		h_expect_none(h);
		acknowledge(h, first + 2920, windows[i]);
		h_expect_none(h);
		end = h_tcb(h)->snd_nxt;
		CU_ASSERT_EQUAL(end - first, 14600);
		/* What lies beyond the window may be lost: it is repeated, and nothing new is sent. */
		h_wait_ms(h, 10000);
		CU_ASSERT(h->n_sent > 2);
		for (unsigned int j = 0; j < h->n_sent; j++) {
			CU_ASSERT(h->sent[j].rexmt);
			CU_ASSERT(seq_leq(h->sent[j].seg.seq + h->sent[j].len, end));
		}
		for (unsigned int j = 0; j < 100 && tcp_send_room(h->ctx, h_tcb(h)) < 262144; j++)
			acknowledge(h, h->ack, 65535);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_una - first, 30000);
		h_free(h);
	}
}

/** Retransmitted text has an old SEQ; if it acknowledges more, its window counts (or SND.UNA + SND.WND outgrows the offer). */
static void
established_window_of_an_ack_on_old_text(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	open_cwnd(h);
	acknowledge(h, first, 3000);
	(void)h_write(h, 20000, 20000);
	h_forget(h);
	/* Text beyond a gap brings wl1 forward; then the gap is filled by a segment that acknowledges more. */
	(void)h_in_at(h, TCP_ACK, h->seq + 100, first, 100);
	h->wnd = 80;
	(void)h_in_at(h, TCP_ACK, h->seq, first + 2920, 100);
	CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(h)), 80);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_EQUAL(h->sent[i].len, 0);
	/* The window of a segment that is older in both is not taken. */
	h->wnd = 9999;
	(void)h_in_at(h, TCP_ACK, h->seq + 100, first + 2920, 100);
	CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(h)), 80);
	h_free(h);
}

/** Against a peer with random windows and ACKs: never beyond the offer, never more than a segment, every octet. */
static void
established_send_random(void)
{
	rng = 3;
	for (unsigned int round = 0; round < 40; round++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		uint32_t first, edge, got = 0;
		const uint32_t total = 100000;
		const struct h_seg *s;

		h->opts |= (uint8_t)(round % 2 ? TCP_OPT_TS : 0);
		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
		h_tcb(h)->flags |= round % 3 == 0 ? TF_NODELAY : 0;
		first = h_tcb(h)->snd_una;
		edge = first + h->wnd;
		for (unsigned int turn = 0; got < total; turn++) {
			CU_ASSERT_FATAL(turn < 20000);
			if (h->written < total && rnd(3) == 0)
				(void)h_write(h, 1 + rnd(total - h->written), 1 + rnd(5000));
			while ((s = h_next(h)) != NULL) {
				const uint32_t end = s->seg.seq - first + s->len;

				CU_ASSERT_FATAL(s->len <= (round % 2 ? 1448 : 1460));
				/* One octet of a probe may lie beyond. */
				CU_ASSERT_FATAL(seq_leq(first + end, edge + (s->len == 1)));
				CU_ASSERT_FATAL(end <= h->written);
				for (uint32_t i = 0; i < s->len; i++)
					CU_ASSERT_FATAL(s->data[i] == h_pattern(end - s->len + i));
				if (end - s->len <= got && end > got && first + got != edge)
					got = seq_leq(first + end, edge) ? end : edge - first;
			}
			h_forget(h);
			if (rnd(4) != 0) {
				const uint32_t ack = seq_max(h_tcb(h)->snd_una,
						first + got - rnd(rnd(2) == 0 ? 1 : 3000));
				const uint32_t least = edge - ack;
				const uint32_t wnd = least + rnd(2) * rnd(20000);

				edge = ack + (wnd > 65535 ? 65535 : wnd);
				acknowledge(h, ack, (uint16_t)(edge - ack));
			} else {
				h_wait_ms(h, rnd(300));
			}
		}
		h_free(h);
	}
}

/* ------------------------------------------------------------------ zero window */

static void
established_zero_window_probes_back_off_and_never_end(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;
	uint32_t interval = RTO_MIN_MS;
	unsigned int n = 0;

	acknowledge(h, first, 0);
	(void)h_write(h, 3000, 3000);
	h_expect_none(h);
	/* Three hours, each probe answered by "still closed". */
	for (uint64_t ms = 0; ms < 3 * 3600 * 1000; ms += interval, n++) {
		if (n > 0)
			interval = 2 * interval < 60000 ? 2 * interval : 60000;
		h_wait_ms(h, interval - 1);
		h_expect_none(h);
		h_wait_ms(h, 1);
		(void)expect_text(h, first, 0, 1);
		h_expect_none(h);
		h_forget(h);
		acknowledge(h, first, 0);
		h_expect_none(h);
	}
	CU_ASSERT(n > 180);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_WINDOW_PROBES], n);
	/* Answers to probes are no duplicate ACKs: nothing was lost. */
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 0);
	CU_ASSERT(h_tcb(h)->ssthresh > 65535);
	/* It opens: the octet in doubt again, then the rest. */
	acknowledge(h, first, 65535);
	(void)expect_text(h, first, 0, 1);
	(void)expect_text(h, first, 1, 1460);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), RTO_MIN_MS);
	h_free(h);
}

/** The peer takes the probe's octet and stays closed. */
static void
established_zero_window_peer_takes_the_octet(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	acknowledge(h, first, 0);
	h_forget(h);
	(void)h_write(h, 3000, 3000);
	for (uint32_t i = 0; i < 5; i++) {
		for (unsigned int ms = 0; ms < 2000 && h->n_sent == 0; ms++)
			h_wait_ms(h, 1);
		(void)expect_text(h, first, i, 1);
		acknowledge(h, first + i + 1, 0);
		h_forget(h);
	}
	acknowledge(h, first + 5, 65535);
	(void)expect_text(h, first, 5, 1460);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), RTO_MIN_MS);
	h_free(h);
}

/** Silence kills: RST and TIMEOUT after R2 (at least 100 s). */
static void
established_zero_window_without_answer_ends_after_r2(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;

	acknowledge(h, first, 0);
	(void)h_write(h, 3000, 3000);
	h_wait_ms(h, 100000);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait_ms(h, 60000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.flags, TCP_RST);
	h_free(h);
}

/** While a probe's octet is out, an ACK must still be acceptable to the peer: its SEQ is not beyond the closed window. */
static void
established_zero_window_ack_has_an_acceptable_seq(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;
	const struct h_seg *s;

	acknowledge(h, first, 0);
	(void)h_write(h, 3000, 3000);
	h_wait_ms(h, RTO_MIN_MS);
	h_forget(h);
	for (unsigned int i = 0; i < 2; i++) {
		(void)h_in_at(h, TCP_ACK, h->seq, first, 1460);
		h->seq += 1460;
	}
	s = h_next(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->len, 0);
	CU_ASSERT_EQUAL(s->seg.seq, first);
	CU_ASSERT_EQUAL(s->seg.ack, h->seq);
	/* The same for the end. */
	CU_ASSERT(tcp_abort(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	s = h_next(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.flags & TCP_RST, TCP_RST);
	CU_ASSERT_EQUAL(s->seg.seq, first);
	h_free(h);
}

/** FIN is an octet like others: it probes, and goes out when the window opens. */
static void
fin_wait_1_fin_against_zero_window(void)
{
	for (uint32_t text = 0; text < 2; text++) {
		struct harness *h = h_established(NULL);
		const uint32_t first = h_tcb(h)->snd_una;
		const struct h_seg *s;

		acknowledge(h, first, 0);
		if (text > 0)
			(void)h_write(h, text, text);
		CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
		h_pump(h);
		h_expect_none(h);
		for (unsigned int i = 0; i < 12; i++) {
			h_wait_ms(h, 60000);
			s = h_next(h);
			CU_ASSERT_PTR_NOT_NULL_FATAL(s);
			CU_ASSERT_EQUAL(s->seg.seq, first);
			CU_ASSERT_EQUAL(s->len, text);
			acknowledge(h, first, 0);
			h_forget(h);
		}
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
		acknowledge(h, first, 1000);
		s = h_next(h);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->len, text);
		CU_ASSERT((s->seg.flags & TCP_FIN) != 0);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
		h_free(h);
	}
}

/** The window is taken to the last octet: FIN waits for the next one. */
static void
established_window_full_before_fin(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;
	const struct h_seg *s;

	acknowledge(h, first, 1460);
	(void)h_write(h, 1460, 1460);
	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	s = expect_text(h, first, 0, 1460);
	CU_ASSERT_EQUAL(s->seg.flags & TCP_FIN, 0);
	h_expect_none(h);
	acknowledge(h, first + 1460, 1460);
	s = h_expect(h, TCP_FIN | TCP_ACK);
	CU_ASSERT_EQUAL(s->seg.seq, first + 1460);
	h_free(h);
}

/* ------------------------------------------------------------------ the bound of the queue */

static unsigned int
count_events(const struct harness *h, uint8_t event)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->n_event; i++)
		n += (h->event[i].events & event) != 0;
	return n;
}

static void
established_send_bound_and_one_writable(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t first;

	conf.snd_buf = 10000;
	h = h_established(&conf);
	first = h_tcb(h)->snd_una;
	for (uint32_t turn = 0; turn < 3; turn++) {
		const uint32_t una = first + turn * 10000;

		CU_ASSERT_EQUAL(h_write(h, 10000, 1000), 10000);
		CU_ASSERT_EQUAL(tcp_send_room(h->ctx, h_tcb(h)), 0);
		h_forget(h);
		if (turn < 2) {
			CU_ASSERT_EQUAL(h_write(h, 1, 1), -EAGAIN);
			CU_ASSERT_EQUAL(h_write(h, 1, 1), -EAGAIN);
		}
		acknowledge(h, una + 2499, 65535);
		CU_ASSERT_EQUAL(count_events(h, EV_WRITABLE), 0);
		acknowledge(h, una + 2500, 65535);
		/* Who was not turned away is not told either. */
		CU_ASSERT_EQUAL(count_events(h, EV_WRITABLE), turn < 2);
		acknowledge(h, una + 6000, 65535);
		acknowledge(h, h->ack, 65535);
		acknowledge(h, h->ack, 65535);
		CU_ASSERT_EQUAL(count_events(h, EV_WRITABLE), turn < 2);
		CU_ASSERT_EQUAL(tcp_send_room(h->ctx, h_tcb(h)), 10000);
	}
	h_free(h);
}

/** A slice larger than the whole buffer is taken: the bound is where refusing begins. */
static void
established_send_a_slice_above_the_bound(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.snd_buf = 1000;
	h = h_established(&conf);
	CU_ASSERT_EQUAL(h_write(h, 50000, 50000), 50000);
	CU_ASSERT_EQUAL(h_write(h, 1, 1), -EAGAIN);
	for (unsigned int i = 0; i < 50; i++)
		(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(count_events(h, EV_WRITABLE), 1);
	CU_ASSERT_EQUAL(tcp_send_room(h->ctx, h_tcb(h)), 1000);
	h_free(h);
}

/** More slices than one call may queue; a slice of no length ends the list, and what was taken is sent. */
static void
established_send_takes_a_part(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_buf buf[4];
	struct tcp_buf none = {NULL, NULL, 0};

	conf.snd_buf = 250;
	h = h_established(&conf);
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), buf, 0), -EINVAL);
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), &none, 1), -EINVAL);
	for (unsigned int i = 0; i < 4; i++) {
		buf[i] = h_buf(100);
		memset(buf[i].data, 0, 100);
	}
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), buf, 4), 3);
	tcp_buf_free(buf[3].owner);
	h_pump(h);
	CU_ASSERT_EQUAL(h->sent[0].len, 300);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(count_events(h, EV_WRITABLE), 1);
	h_forget(h);
	buf[0] = h_buf(100);
	memset(buf[0].data, 0, 100);
	buf[1] = none;
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), buf, 2), 1);
	h_pump(h);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	h_free(h);
}

/* ------------------------------------------------------------------ what was meant to leave when an ACK came */

/** Timers fire, and nothing is pulled before the peer's next segment. */
static void
aux_fire(struct harness *h, uint8_t out)
{
	const struct tcp_tcb *tcb = h_tcb(h);

	h->no_pump = true;
	for (int i = 0; i < 100 && (tcb->out & out) == 0; i++)
		h_wait(h, tcp_next(h->ctx) - h->ctx->now);
	CU_ASSERT_NOT_EQUAL_FATAL(tcb->out & out, 0);
	h_expect_none(h);
}

static void
aux_pump(struct harness *h)
{
	h->no_pump = false;
	h_pump(h);
}

/** One octet is pushed like more of them. */
static void
established_one_octet_is_pushed(void)
{
	struct harness *h = h_established(NULL);
	const struct h_seg *s;

	CU_ASSERT_EQUAL(h_write(h, 1, 1), 1);
	s = h_expect(h, TCP_ACK | TCP_PSH);
	CU_ASSERT(s != NULL && s->len == 1);
	h_free(h);
}

/**
 * A window that opens in the very turn in which a probe came due: text leaves, and no probe behind it. In the other case
 * (it stays closed) the probe does.
 */
static void
established_window_opens_before_the_probe_leaves(void)
{
	for (uint16_t wnd = 0; wnd <= 20000; wnd = (uint16_t)(wnd + 20000)) {
		struct harness *h = h_established(NULL);
		const uint32_t first = h_tcb(h)->snd_una;
		uint64_t probes;

		acknowledge(h, first, 0);
		CU_ASSERT_EQUAL(h_write(h, 3000, 3000), 3000);
		h_expect_none(h);
		aux_fire(h, OUT_PROBE);
		probes = h->counters.n[COUNTER_WINDOW_PROBES];
		acknowledge(h, first, wnd);
		aux_pump(h);
		if (wnd == 0) {
			expect_text(h, first, 0, 1);
			CU_ASSERT_EQUAL(h->counters.n[COUNTER_WINDOW_PROBES], probes + 1);
		} else {
			expect_text(h, first, 0, 1460);
			expect_text(h, first, 1460, 1460);
			CU_ASSERT_EQUAL(h->counters.n[COUNTER_WINDOW_PROBES], probes);
			CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 0);
		}
		h_expect_none(h);
		h_free(h);
	}
}

/** A probe of the last octet carries FIN; the peer takes the octet and not the FIN: that is what is probed with then. */
static void
fin_wait_1_zero_window_peer_takes_half_a_probe(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t first = h_tcb(h)->snd_una;
	struct tcp_tcb *tcb = h_tcb(h);
	const struct h_seg *s;
	uint32_t cwnd;

	acknowledge(h, first, 0);
	CU_ASSERT_EQUAL(h_write(h, 1, 1), 1);
	CU_ASSERT(tcp_shutdown(h->ctx, tcb) == 0);
	h_pump(h);
	h_wait_ms(h, RTO_MIN_MS);
	s = expect_text(h, first, 0, 1);
	CU_ASSERT(s != NULL && (s->seg.flags & TCP_FIN) != 0);
	cwnd = tcb->cwnd;
	acknowledge(h, first + 1, 0);
	CU_ASSERT_NOT_EQUAL(tcb->flags & TF_PERSIST, 0);
	h_expect_none(h);
	for (int i = 0; i < 5; i++) {
		h_wait_ms(h, 60000);
		s = h_next(h);
		CU_ASSERT_FATAL(s != NULL && (s->seg.flags & TCP_FIN) != 0);
		CU_ASSERT_EQUAL(s->seg.seq, first + 1);
		CU_ASSERT_EQUAL(s->len, 0);
		acknowledge(h, first + 1, 0);
		h_forget(h);
	}
	/* It was never a congestion signal. */
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 0);
	CU_ASSERT_EQUAL(tcb->cwnd, cwnd);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	acknowledge(h, first + 2, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_free(h);
}

/** A timeout and the ACK of all in one turn: nothing is sent again. */
static void
established_ack_comes_before_the_retransmission_leaves(void)
{
	/* Without a scoreboard, with one (a loss probe is due), and FIN alone. */
	for (unsigned int i = 0; i < 3; i++) {
		struct harness *h = h_sending(NULL, i == 1 ? TCP_OPT_SACK_OK : 0, i < 2 ? 2 : 0);
		struct tcp_tcb *tcb = h_tcb(h);

		if (i == 2) {
			CU_ASSERT(tcp_shutdown(h->ctx, tcb) == 0);
			h_pump(h);
		}
		h_forget(h);
		aux_fire(h, OUT_REXMT | OUT_DATA | OUT_TLP);
		acknowledge(h, tcb->snd_nxt, 16000);
		aux_pump(h);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_TLP_PROBES], 0);
		CU_ASSERT_EQUAL(tcb->out, 0);
		CU_ASSERT_EQUAL(h_state(h), i == 2 ? TCP_FIN_WAIT_2 : TCP_ESTABLISHED);
		h_free(h);
	}
}

/** A loss probe asks for a report; where one comes before it leaves, or the window closes, there is nothing to ask. */
static void
established_report_comes_before_the_loss_probe_leaves(void)
{
	struct harness *h;
	struct tcp_tcb *tcb;
	struct tcp_sack k;

	h = h_sending(NULL, TCP_OPT_SACK_OK, 3);
	tcb = h_tcb(h);
	h_forget(h);
	aux_fire(h, OUT_TLP);
	k = (struct tcp_sack){tcb->snd_nxt - 1460, tcb->snd_nxt};
	(void)h_sack(h, tcb->snd_una, &k, 1);
	aux_pump(h);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TLP_PROBES], 0);
	/* What was lost goes again when the reordering window is over. */
	h_wait_ms(h, 20);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	CU_ASSERT_FATAL(h->n_sent > 0);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, tcb->snd_una);
	h_free(h);
}

/** All was acknowledged before the loss probe left, and text that Nagle held may go: it goes as new text, not as a probe. */
static void
established_held_text_instead_of_a_loss_probe(void)
{
	struct harness *h = h_sending(NULL, TCP_OPT_SACK_OK, 2);
	struct tcp_tcb *tcb = h_tcb(h);
	const uint32_t end = tcb->snd_nxt;
	const struct h_seg *s;

	(void)h_write(h, 100, 100);
	h_forget(h);
	aux_fire(h, OUT_TLP);
	acknowledge(h, end, 16000);
	aux_pump(h);
	s = h_expect(h, TCP_ACK | TCP_PSH);
	CU_ASSERT(s != NULL && s->seg.seq == end && s->len == 100 && !s->rexmt);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TLP_PROBES], 0);
	h_free(h);
}

/** Both the loss probe and the timeout came due before output was pulled: one segment goes, once. */
static void
established_loss_probe_and_timeout_in_one_turn(void)
{
	struct harness *h = h_sending(NULL, TCP_OPT_SACK_OK, 1);
	const uint32_t first = h_tcb(h)->snd_una;
	const struct h_seg *s;

	h_forget(h);
	aux_fire(h, OUT_REXMT);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->out & OUT_TLP, 0);
	aux_pump(h);
	s = h_next(h);
	CU_ASSERT(s != NULL && s->seg.seq == first && s->len == 1460 && s->rexmt);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TLP_PROBES], 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 1);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_send_in_full_segments),
		TEST(established_push_on_the_last_segment),
		TEST(established_send_more_slices_than_a_segment_holds),
		TEST(established_send_with_timestamps),
		TEST(bad_input_06_tiny_or_missing_mss),
		TEST(established_small_sends_wait_for_the_ack),
		TEST(established_small_sends_without_nagle),
		TEST(established_window_limits_flight),
		TEST(established_window_is_scaled),
		TEST(established_window_under_one_segment),
		TEST(established_silly_window_waits_for_the_override),
		TEST(established_silly_window_override_is_not_put_off),
		TEST(bad_input_28_window_shrunk_below_flight),
		TEST(established_window_of_an_ack_on_old_text),
		TEST(established_send_random),
		TEST(established_zero_window_probes_back_off_and_never_end),
		TEST(established_zero_window_peer_takes_the_octet),
		TEST(established_zero_window_without_answer_ends_after_r2),
		TEST(established_zero_window_ack_has_an_acceptable_seq),
		TEST(fin_wait_1_fin_against_zero_window),
		TEST(established_window_full_before_fin),
		TEST(established_send_bound_and_one_writable),
		TEST(established_send_a_slice_above_the_bound),
		TEST(established_send_takes_a_part),
		TEST(established_one_octet_is_pushed),
		TEST(established_window_opens_before_the_probe_leaves),
		TEST(fin_wait_1_zero_window_peer_takes_half_a_probe),
		TEST(established_ack_comes_before_the_retransmission_leaves),
		TEST(established_report_comes_before_the_loss_probe_leaves),
		TEST(established_held_text_instead_of_a_loss_probe),
		TEST(established_loss_probe_and_timeout_in_one_turn),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("send", tests)
