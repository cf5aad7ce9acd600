/* SPDX-License-Identifier: BSD-3-Clause */
/* One test for each defect that a review of the core found: each of them failed before it was mended. */
#include "harness.h"
#include "twin.h"

#include <errno.h>
#include <string.h>

#define DAY_MS (24u * 3600u * 1000u)
#define UNREAD 40000u

/* ------------------------------------------------------------------ helpers */

/** A segment of the peer that the core takes in the middle of a burst: nothing is pulled after it. */
static enum drop_reason
arrive(struct harness *h, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct tcp_buf buf = h_buf(0);
	struct tcp_seg seg = {.src = h->peer,
			.sport = h->peer_port,
			.dport = h->our_port,
			.family = (uint8_t)h->family,
			.laddr = h->family == IP_V4 ? 0 : 4,
			.seq = seq,
			.ack = ack,
			.wnd = h->wnd,
			.flags = flags,
			.payload = buf};
	enum drop_reason reason;

	if ((flags & TCP_SYN) != 0) {
		seg.opts = h->opts;
		seg.mss = h->mss;
		seg.wscale = h->wscale;
	}
	seg.dst = laddr_get(&h->laddr, seg.laddr);
	tcp_hash(h->ctx, &seg);
	reason = tcp_segment_arrives(h->ctx, &seg);
	if (seg.payload.owner != NULL)
		tcp_buf_free(seg.payload.owner);
	return reason;
}

/** Let time pass until the core sends, at most @p ms. @return the segment, or NULL */
static const struct h_seg *
wait_sent(struct harness *h, uint32_t ms)
{
	h->seen = h->n_sent;
	for (uint32_t i = 0; i < ms && h->seen == h->n_sent; i++)
		h_wait_ms(h, 1);
	return h_next(h);
}

/** Octets of text in the log. */
static uint32_t
text_sent(const struct harness *h)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < h->n_sent; i++)
		n += h->sent[i].len;
	return n;
}

/** ESTABLISHED, the peer's window is closed, @p len octets wait. @return SND.UNA */
static uint32_t
closed_window(struct harness *h, uint32_t len)
{
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 0;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_send(h, len, len), len);
	CU_ASSERT_EQUAL(text_sent(h), 0);
	return h_tcb(h)->snd_una;
}

/** The n-th probe leaves; @return whether it is the one octet at @p una */
static bool
probe_leaves(struct harness *h, uint32_t una)
{
	const struct h_seg *s = wait_sent(h, 70000);

	return s != NULL && s->len == 1 && s->seg.seq == una;
}

static struct tcp_tcb *
tcb_in_state(struct harness *h, enum tcp_state state)
{
	for (uint32_t i = 0; i < h->ctx->tcb_pool.fresh; i++) {
		if (tcp_at(h->ctx, i)->state == state)
			return tcp_at(h->ctx, i);
	}
	return NULL;
}

/* ------------------------------------------------------------------ 1: SEND with a slice that cannot be taken */

static void
send_behind_good_slice(uint32_t bad_len)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;
	struct tcp_buf buf[2];

	h_to_state(h, TCP_ESTABLISHED, false);
	buf[0] = h_buf(10);
	memset(buf[0].data, 'a', 10);
	buf[1] = h_buf(0);
	buf[1].len = bad_len;
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), buf, 2), 1);
	tcp_buf_free(buf[1].owner);
	h_pump(h);
	s = h_expect(h, TCP_ACK | TCP_PSH);
	CU_ASSERT(s != NULL && s->len == 10);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	h_free(h);
}

static void
established_send_empty_or_huge_slice_behind_text_text_leaves(void)
{
	send_behind_good_slice(0);
	send_behind_good_slice(TCP_SLICE_MAX + 1);
}

static void
established_send_empty_slice_first_holds_no_block(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_buf buf = h_buf(0);

	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), &buf, 1), -EINVAL);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
	buf.len = TCP_SLICE_MAX + 1;
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), &buf, 1), -EINVAL);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
	tcp_buf_free(buf.owner);
	h_pump(h);
	h_expect_none(h);
	h_free(h);
}

/* ------------------------------------------------------------------ 2: override timer */

/** RFC 9293 section 3.8.6.2.1 (4): after 0.1 to 1 s a small window is used, whatever arrives meanwhile. */
static void
established_small_window_override_timer_not_starved(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	time_us_t start;

	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 500;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_send(h, 500 + 3 * 1460, 5000), 500 + 3 * 1460);
	h_forget(h);
	start = h->ctx->now;
	for (unsigned int i = 0; i < 20 && text_sent(h) == 0; i++) {
		h_wait_ms(h, 50);
		(void)h_in(h, TCP_ACK | TCP_PSH, 10);
	}
	CU_ASSERT_EQUAL(text_sent(h), 500);
	CU_ASSERT(h->ctx->now - start <= 1000 * TIME_US_PER_MS);
	/* More room ends the wait at once. */
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	h_forget(h);
	h->wnd = 65535;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(text_sent(h), 3 * 1460);
	h_free(h);
}

/* ------------------------------------------------------------------ 3: SEQ of segments without text */

static void
established_window_probe_out_ack_is_acceptable(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const uint32_t una = closed_window(h, 5000);
	const struct h_seg *s;

	CU_ASSERT(probe_leaves(h, una));
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_PSH, h->seq, una, 3000), DROP_NONE);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.seq == una && s->seg.ack == h->seq + 3000);
	h->seq += 3000;
	/* A keepalive probe of the peer, too, wants an answer that it can use. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 1, una, 0), DROP_TCP_SEQ);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.seq == una);
	h_free(h);
}

static void
established_window_probe_out_rst_is_acceptable(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const uint32_t una = closed_window(h, 5000);
	const struct h_seg *s;

	CU_ASSERT(probe_leaves(h, una));
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	s = h_expect(h, TCP_RST);
	CU_ASSERT(s != NULL && s->seg.seq == una);
	h_free(h);
}

static void
established_window_taken_back_ack_is_acceptable(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;
	uint32_t una;

	h_to_state(h, TCP_ESTABLISHED, false);
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL(h_send(h, 3 * 1460, 3 * 1460), 3 * 1460);
	CU_ASSERT_EQUAL(text_sent(h), 3 * 1460);
	h->wnd = 1000;
	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_PSH, h->seq, una, 3000), DROP_NONE);
	h->seq += 3000;
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.seq == una + 1000);
	/* What still lies in the window moves nothing: SND.NXT is as good. */
	h->wnd = 5000;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_PSH, h->seq, una, 3000), DROP_NONE);
	h->seq += 3000;
	h->seen = h->n_sent - 1;
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.seq == una + 3 * 1460);
	h_free(h);
}

/** Both ends have a probe out against a closed window; when one user reads, his end's window update must be heard. */
static void
established_both_windows_closed_reader_frees_the_other(void)
{
	struct tcp_conf conf = h_conf();
	const uint32_t rcv_buf = conf.rcv_buf = 16384;
	struct twin *t = twin_new(&conf, IP_V4, 1000, 5000000);
	uint32_t unread;

	t->h[0]->auto_read = t->h[1]->auto_read = false;
	twin_connect(t);
	for (unsigned int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(h_write(t->h[i], 2 * rcv_buf, 4096), 2 * rcv_buf);
	twin_run(t, 30 * 1000 * TIME_US_PER_MS);
	for (unsigned int i = 0; i < 2; i++) {
		const struct tcp_tcb *tcb = h_tcb(t->h[i]);

		CU_ASSERT_EQUAL(tcb->snd_wnd, 0);
		CU_ASSERT_EQUAL(tcb->snd_nxt, tcb->snd_una + 1);
	}
	unread = tcp_recv_bytes(t->h[1]->ctx, h_tcb(t->h[1]));
	CU_ASSERT_EQUAL(unread, rcv_buf);
	CU_ASSERT_EQUAL(tcp_recv_done(t->h[1]->ctx, h_tcb(t->h[1]), unread), 0);
	h_pump(t->h[1]);
	/* A round trip and a half, not the backed-off probe timer. */
	twin_run(t, 3 * TWIN_DELAY_US);
	CU_ASSERT(tcp_recv_bytes(t->h[1]->ctx, h_tcb(t->h[1])) > 0);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(tcp_abort(t->h[i]->ctx, h_tcb(t->h[i])), 0);
		h_pump(t->h[i]);
	}
	twin_free(t);
}

/** The SYN that stands at SND.UNA is no text beyond a small first window. */
static void
syn_received_closed_window_rst_is_acceptable(void)
{
	static const struct {
		uint16_t wnd;
		uint8_t wscale;
	} c[] = {{0, 0}, {14600, 14}, {65535, 0}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(c); i++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		const struct h_seg *s;

		h->opts |= TCP_OPT_WSCALE;
		h->wnd = c[i].wnd;
		h->wscale = c[i].wscale;
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		h_expect(h, TCP_SYN | TCP_ACK);
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)h->listener), 0);
		h_pump(h);
		s = h_expect(h, TCP_RST);
		CU_ASSERT(s != NULL && s->seg.seq == h->ack);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ 4: probes and congestion */

static void
established_window_probe_answers_are_no_duplicate_acks(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const uint32_t una = closed_window(h, 20000);
	const struct tcp_tcb *tcb = h_tcb(h);
	const uint32_t cwnd = tcb->cwnd;
	const uint32_t ssthresh = tcb->ssthresh;

	for (unsigned int i = 0; i < 5; i++) {
		CU_ASSERT(probe_leaves(h, una));
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, una, 0), DROP_NONE);
		h_expect_none(h);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_DUP_ACKS_IN], 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 0);
	CU_ASSERT_EQUAL(tcb->cwnd, cwnd);
	CU_ASSERT_EQUAL(tcb->ssthresh, ssthresh);
	/* When it opens, the whole congestion window goes: ten segments (RFC 6928). */
	h_forget(h);
	h->wnd = 65535;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, una + 1, 0), DROP_NONE);
	CU_ASSERT(text_sent(h) >= 9 * 1460);
	h_free(h);
}

/* ------------------------------------------------------------------ 5: full output list at the end */

/** The ring looks full while the segments arrive, as after a burst of more connections than it has places. */
static uint32_t
output_list_full(struct harness *h)
{
	const uint32_t tail = h->ctx->output_tail;

	CU_ASSERT_EQUAL(h->ctx->output_head, tail);
	h->ctx->output_tail = h->ctx->output_head + h->ctx->output_mask + 1;
	return tail;
}

static void
expect_last_ack_and_no_tcb(struct harness *h)
{
	const struct h_seg *s;

	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_pump(h);
	h_wait_ms(h, 2);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.ack == h->seq + 1 && !s->reply);
	h_expect_none(h);
	CU_ASSERT_NOT_EQUAL(h->all_events & EV_CLOSED, 0);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
}

static void
fin_wait_2_fin_with_output_list_full_acked_and_freed(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	uint32_t tail;

	h_to_state(h, TCP_FIN_WAIT_2, false);
	tail = output_list_full(h);
	CU_ASSERT_EQUAL(arrive(h, TCP_FIN | TCP_ACK, h->seq, h->ack), DROP_NONE);
	h->ctx->output_tail = tail;
	expect_last_ack_and_no_tcb(h);
	h_free(h);
}

static void
closing_ack_with_output_list_full_acked_and_freed(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	uint32_t tail;

	h_to_state(h, TCP_FIN_WAIT_1, false);
	tail = output_list_full(h);
	CU_ASSERT_EQUAL(arrive(h, TCP_FIN | TCP_ACK, h->seq, h->ack - 1), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSING);
	CU_ASSERT_EQUAL(arrive(h, TCP_ACK, h->seq + 1, h->ack), DROP_NONE);
	h->ctx->output_tail = tail;
	expect_last_ack_and_no_tcb(h);
	h_free(h);
}

/* ------------------------------------------------------------------ 6: rounding of the window */

/** The right edge that the last segment in the log tells. */
static uint32_t
told_edge(const struct harness *h, uint8_t scale)
{
	const struct tcp_seg *seg = &h->sent[h->n_sent - 1].seg;

	CU_ASSERT_FATAL(h->n_sent > 0);
	return seg->ack + ((uint32_t)seg->wnd << scale);
}

/** Octet by octet into a buffer that nobody reads: whatever was told is taken, and it ends at the buffer's size. */
static void
established_window_of_single_octets_does_not_creep(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t edge, start, n = 0;
	uint8_t scale;

	conf.rcv_buf = 1u << 20;
	conf.delack_ms = 0;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 2;
	h->auto_read = false;
	h_to_state(h, TCP_ESTABLISHED, false);
	scale = h->ctx->rcv_wscale;
	CU_ASSERT_EQUAL(scale, 5);
	start = h->seq;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 10000), DROP_NONE);
	edge = told_edge(h, scale);
	while (edge - h->seq > 1000) {
		const uint32_t room = edge - h->seq - 500;

		h_forget(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, room < 10000 ? room : 10000), DROP_NONE);
		edge = seq_max(edge, told_edge(h, scale));
	}
	for (; seq_lt(h->seq, edge) && n < 2000; n++) {
		h_forget(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 1), DROP_NONE);
		edge = seq_max(edge, told_edge(h, scale));
	}
	CU_ASSERT(n < 2000);
	CU_ASSERT(h->seq - start >= conf.rcv_buf);
	CU_ASSERT(h->seq - start < conf.rcv_buf + (1u << scale));
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), h->seq - start);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.wnd, 0);
	h_free(h);
}

/** Rounded down to nothing, the window is closed for the peer, although more than an MSS of it is left: he must hear when it opens. */
static void
established_window_rounded_to_zero_read_is_told(void)
{
	struct tcp_conf conf = h_conf();
	const struct h_seg *s;
	struct harness *h;
	uint32_t edge;

	conf.rcv_buf = 8u << 20;
	conf.mem_max = 64u << 20;
	conf.delack_ms = 0;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 2;
	h->mss = 100;
	h->auto_read = false;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h->ctx->rcv_wscale, 8);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 1), DROP_NONE);
	edge = told_edge(h, 8);
	while (edge - h->seq > 150) {
		const uint32_t room = edge - h->seq - 150;

		h_forget(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, room < 60000 ? room : 60000), DROP_NONE);
		edge = seq_max(edge, told_edge(h, 8));
	}
	for (unsigned int i = 0; i < 9 && h->sent[h->n_sent - 1].seg.wnd != 0; i++) {
		h_forget(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 106), DROP_NONE);
	}
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.wnd, 0);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 1u << 20), 0);
	h_pump(h);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && (uint32_t)s->seg.wnd << 8 >= (1u << 20) - 256);
	h_free(h);
}

/* ------------------------------------------------------------------ 7: ICMPv6 */

/** ICMP says that the segment last sent is too big for @p mtu; @return the longest that goes again, with headers; 0: none */
static uint32_t
packet_after_too_big(bool timestamps, uint16_t mtu)
{
	struct harness *h = h_new(NULL, IP_V6, 1000);
	struct tcp_icmp icmp = {.too_big = true, .mtu = mtu};
	uint32_t most = 0;

	h->opts |= timestamps ? TCP_OPT_TS : 0;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h_send(h, 5000, 5000), 5000);
	icmp.quoted = h->sent[h->n_sent - 1].seg;
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_NONE);
	h_pump(h);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		if (h->sent[i].len > most)
			most = h->sent[i].len;
	}
	h_free(h);
	return most == 0 ? 0 : most + 60 + (timestamps ? 12 : 0);
}

static void
established_icmp6_too_big_fits_and_has_ipv6_floor(void)
{
	CU_ASSERT_EQUAL(packet_after_too_big(false, 1400), 1400);
	CU_ASSERT_EQUAL(packet_after_too_big(true, 1400), 1400);
	CU_ASSERT_EQUAL(packet_after_too_big(false, 1280), 1280);
	/* RFC 8201 section 4: what no link of IPv6 can have is no news. */
	CU_ASSERT_EQUAL(packet_after_too_big(false, 1279), 0);
	CU_ASSERT_EQUAL(packet_after_too_big(true, 0), 0);
}

/* ------------------------------------------------------------------ 8: backoff of probes */

static void
established_window_opened_by_probe_ack_rto_not_backed_off(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t una;

	conf.data_r2_ms = 924000;
	h = h_new(&conf, IP_V4, 1000);
	una = closed_window(h, 1 + 3 * 1460);
	/* Two probes answered, six not, and the ninth's answer opens the window. */
	for (unsigned int i = 0; i < 9; i++) {
		CU_ASSERT(probe_leaves(h, una));
		if (i < 2)
			CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, una, 0), DROP_NONE);
	}
	h_forget(h);
	h->wnd = 65535;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, una + 1, 0), DROP_NONE);
	CU_ASSERT_EQUAL(text_sent(h), 3 * 1460);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), h->ctx->conf.rto_min_ms);
	CU_ASSERT_PTR_NOT_NULL(wait_sent(h, h->ctx->conf.rto_min_ms + 1));
	h_free(h);
}

/** The probe's octet is taken while the window stays closed, and the window opens in the same burst. */
static void
established_window_opened_behind_probe_ack_rto_not_backed_off(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const uint32_t una = closed_window(h, 1 + 3 * 1460);

	for (unsigned int i = 0; i < 5; i++)
		CU_ASSERT(probe_leaves(h, una));
	h_forget(h);
	h->wnd = 0;
	CU_ASSERT_EQUAL(arrive(h, TCP_ACK, h->seq, una + 1), DROP_NONE);
	h->wnd = 65535;
	CU_ASSERT_EQUAL(arrive(h, TCP_ACK, h->seq, una + 1), DROP_NONE);
	h_pump(h);
	CU_ASSERT_EQUAL(text_sent(h), 3 * 1460);
	CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), h->ctx->conf.rto_min_ms);
	h_free(h);
}

static void
established_keepalive_probes_do_not_count_against_window_probes(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	int keep;

	conf.rto_min_ms = 1000;
	h = h_new(&conf, IP_V4, 1000);
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 0;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	keep = h_keep(h->ctx, true, 1000, 100, 200);
	CU_ASSERT_FATAL(keep > 0);
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
	h_wait_ms(h, 16000);
	CU_ASSERT(h->counters.n[COUNTER_KEEPALIVE_PROBES] > 100);
	/* More than data_r2 / RTO of them; but the first probe of the window has not even left yet. */
	CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
	h->seen = h->n_sent;
	h_wait_ms(h, 1100);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_WINDOW_PROBES], 1);
	h_free(h);
}

/* ------------------------------------------------------------------ 9: simultaneous open */

/** RFC 7323 section 2.2: the window of a segment with SYN is never scaled. */
static void
syn_received_syn_ack_window_is_not_scaled(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_tcb *tcb;

	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 7;
	h->wnd = 8192;
	tcb = h_open(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN | TCP_ACK, 1000, tcb->snd_nxt, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(tcp_snd_wnd(tcb), 8192);
	h->seq = 1001;
	h_forget(h);
	CU_ASSERT_EQUAL(h_send(h, 14000, 14000), 14000);
	CU_ASSERT_EQUAL(text_sent(h), 5 * 1460);
	h_free(h);
}

static void
syn_sent_syn_and_syn_ack_in_one_burst_are_acknowledged(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct tcp_tcb *tcb = h_open(h);
	const struct h_seg *s;

	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(arrive(h, TCP_SYN, 1000, 0), DROP_NONE);
	CU_ASSERT_EQUAL(arrive(h, TCP_SYN | TCP_ACK, 1000, tcb->snd_nxt), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_pump(h);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.ack == 1001 && s->seg.seq == tcb->snd_nxt);
	h->seq = 1001;
	h_free(h);
}

static void
syn_sent_two_cores_simultaneous_open_windows_not_scaled(void)
{
	struct tcp_conf conf = h_conf();
	struct twin *t;

	conf.rcv_buf = 1u << 20;
	t = twin_new(&conf, IP_V6, 1000, 7000000);
	for (unsigned int i = 0; i < 2; i++)
		CU_ASSERT_FATAL(twin_open_from(t->h[i], 5000) >= 0);
	twin_run(t, 3 * TWIN_DELAY_US);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(h_state(t->h[i]), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(t->h[i])), 65535 >> 5 << 5);
		CU_ASSERT_EQUAL(h_write(t->h[i], 200000, 8192), 200000);
	}
	twin_run(t, 10 * 1000 * TIME_US_PER_MS);
	CU_ASSERT(twin_got(t, 0, 200000) && twin_got(t, 1, 200000));
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(tcp_shutdown(t->h[i]->ctx, h_tcb(t->h[i])), 0);
		h_pump(t->h[i]);
	}
	twin_run(t, 10 * 1000 * TIME_US_PER_MS);
	CU_ASSERT(twin_clean(t, 0) && twin_clean(t, 1));
	twin_free(t);
}

/* ------------------------------------------------------------------ 10: 24 days */

static void
established_without_timestamps_none_is_stale(void)
{
	struct harness *h = h_new(NULL, IP_V4, (time_us_t)25 * DAY_MS * TIME_US_PER_MS);

	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h_send(h, 10, 10), 10);
	h_wait_ms(h, 2000);
	CU_ASSERT(h->counters.n[COUNTER_RTO] > 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_TS_STALE, 0);
	h_free(h);
}

/** RFC 7323 section 5.5: an idle peer's clock may have turned half round; what it says then is the new TS.Recent. */
static void
established_timestamp_after_24_days_is_taken_and_echoed(void)
{
	/* The wrap of the 32-bit clock lies 24.9 days off; the timer that marks it stale comes each 20 days. */
	static const uint32_t days[] = {25, 30, 39, 41};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(days); i++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		const struct h_seg *s;

		h->opts |= TCP_OPT_TS;
		h->ts_val = 5;
		h_to_state(h, TCP_ESTABLISHED, false);
		h_wait_ms(h, (uint64_t)days[i] * DAY_MS);
		h->ts_val += days[i] * DAY_MS;
		CU_ASSERT(seq_lt(h->ts_val, 5));
		h_forget(h);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 10), DROP_NONE);
		h_wait_ms(h, 100);
		s = h_expect(h, TCP_ACK);
		CU_ASSERT(s != NULL && s->seg.ts_ecr == h->ts_val);
		/* And from here on it protects again. */
		h->ts_val--;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_PSH, h->seq, h->ack, 10), DROP_TCP_PAWS);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ 11: reading after the peer's FIN */

static void
read_after_fin(enum tcp_state before, enum tcp_state after)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_tcb *tcb;

	h->auto_read = false;
	h_to_state(h, before, false);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, UNREAD), DROP_NONE);
	CU_ASSERT_EQUAL(h_in(h, TCP_FIN | TCP_ACK, 0), DROP_NONE);
	tcb = tcb_in_state(h, after);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tcb);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, tcb, UNREAD), 0);
	h_pump(h);
	h_wait_ms(h, 100);
	h_expect_none(h);
	h_free(h);
}

static void
time_wait_and_close_wait_read_sends_nothing(void)
{
	read_after_fin(TCP_FIN_WAIT_2, TCP_TIME_WAIT);
	read_after_fin(TCP_ESTABLISHED, TCP_CLOSE_WAIT);
}

/* ------------------------------------------------------------------ 12: the limit of challenge ACKs */

static void
established_old_segments_a_counter_wrap_apart_are_answered(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);

	h_to_state(h, TCP_ESTABLISHED, false);
	for (unsigned int i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 0), DROP_TCP_SEQ);
		h_expect(h, TCP_ACK);
		h_wait_ms(h, 499);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 0), DROP_TCP_SEQ);
		h_expect_none(h);
		h_wait_ms(h, 65540 - 499);
	}
	/* The limit's timer has come to its end. */
	CU_ASSERT_EQUAL(tcp_next(h->ctx), UINT64_MAX);
	h_free(h);
}

/* ------------------------------------------------------------------ 13: half-open for ever */

static void
syn_received_duplicate_syns_do_not_put_off_the_end(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	uint32_t ms = 0;

	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	while (h_state(h) == TCP_SYN_RECEIVED && ms < 600000) {
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_TCP_SEQ);
		h_forget(h);
		h_wait_ms(h, 900);
		ms += 900;
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	/* As without them: 1 + 2 + ... + 32 + 60 + 60 s is the first sum beyond R2. */
	CU_ASSERT(ms >= h->ctx->conf.syn_r2_ms && ms <= 183000 + 900);
	CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ 14: SYN without timestamps */

/** RFC 9293 section 3.5.1, half-open: the peer has booted again, and now without timestamps. */
static void
syn_without_timestamps(uint32_t offset)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;

	h->opts |= TCP_OPT_TS;
	h->ts_val = 5;
	h_to_state(h, TCP_ESTABLISHED, false);
	h->opts = TCP_OPT_MSS;
	CU_ASSERT_NOT_EQUAL(h_in_at(h, TCP_SYN, h->seq + offset, 0, 0), DROP_TCP_NO_TS);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.ack == h->seq && s->seg.seq == h->ack);
	h_expect_none(h);
	/* Other segments without them are still dropped. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK | TCP_PSH, h->seq, h->ack, 10), DROP_TCP_NO_TS);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, h->seq, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_RESET);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, h->seq + offset, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_free(h);
}

static void
established_syn_without_timestamps_is_challenged(void)
{
	syn_without_timestamps(100);
	syn_without_timestamps(777777);
	syn_without_timestamps(0x80000001u);
}

/* ------------------------------------------------------------------ 15: small ones */

/** The state moves when CLOSE is called; a peer that has not seen the FIN must hear of the ABORT. */
static void
abort_with_fin_waiting(enum tcp_state state)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;
	uint32_t una = closed_window(h, 100);

	if (state == TCP_LAST_ACK)
		CU_ASSERT_EQUAL(h_in(h, TCP_FIN | TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	if (state == TCP_CLOSING)
		CU_ASSERT_EQUAL(h_in(h, TCP_FIN | TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL_FATAL(h_state(h), state);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	s = h_expect(h, TCP_RST);
	CU_ASSERT(s != NULL && s->seg.seq == una);
	h_free(h);
	/* With the FIN out: nothing (RFC 9293 section 3.10.5). */
	h = h_new(NULL, IP_V4, 1000);
	h_to_state(h, state, false);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_expect_none(h);
	h_free(h);
}

static void
last_ack_and_closing_abort_before_fin_left_sends_rst(void)
{
	abort_with_fin_waiting(TCP_LAST_ACK);
	abort_with_fin_waiting(TCP_CLOSING);
}

/** Writable is owed to who met the bound of his buffer, not to whom the pool had no node. */
static void
established_send_without_nodes_owes_no_writable(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_buf buf;

	conf.max_nodes = 1;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK | TCP_PSH, 10), DROP_NONE);
	h_forget(h);
	buf = h_buf(10);
	memset(buf.data, 'a', 10);
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), &buf, 1), -ENOBUFS);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 10), 0);
	CU_ASSERT_EQUAL(tcp_send(h->ctx, h_tcb(h), &buf, 1), 1);
	h_pump(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h->all_events & EV_WRITABLE, 0);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
	h_free(h);
}

/** Neither a TCB nor room for another TIME-WAIT record: the record that there is stays. */
static void
time_wait_syn_without_tcb_keeps_the_record(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_tcbs = 2;
	conf.max_timewait = 3;
	h = h_new(&conf, IP_V4, 1000);
	h_to_state(h, TCP_TIME_WAIT, false);
	for (uint16_t port = 40001; port <= 40002; port++) {
		h->peer_port = port;
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	}
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 2);
	h->peer_port = 40000;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, h->seq + 100000, 0, 0), DROP_TCP_NO_TCB);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_REUSED], 0);
	h_free(h);
}

/** RFC 6191 section 2: nothing of an incarnation without timestamps can pass for one with them. */
static void
time_wait_syn_with_timestamps_on_record_without_is_honoured(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);

	h_to_state(h, TCP_TIME_WAIT, false);
	/* Without timestamps on either side only a larger SEQ will do. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, h->seq - 5000, 0, 0), DROP_TCP_TIMEWAIT_OLD);
	h->opts |= TCP_OPT_TS;
	h->ts_val = 1;
	h_forget(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, h->seq - 5000, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_expect(h, TCP_SYN | TCP_ACK);
	h_free(h);
}

/** An ACK in SYN-RECEIVED has told more window than SYN,ACK can: saying SYN,ACK again takes nothing back. */
static void
syn_received_syn_ack_again_does_not_shrink_the_window(void)
{
	struct tcp_conf conf = h_conf();
	const struct h_seg *s;
	struct harness *h;
	uint32_t edge;

	conf.rcv_buf = 1u << 20;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 2;
	h->auto_read = false;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 0), DROP_TCP_SEQ);
	h_expect(h, TCP_SYN | TCP_ACK);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	edge = s->seg.ack + ((uint32_t)s->seg.wnd << 5);
	CU_ASSERT(edge - h->seq > 65535);
	s = wait_sent(h, 1001);
	CU_ASSERT(s != NULL && s->seg.flags == (TCP_SYN | TCP_ACK));
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, edge - 10, h->ack, 10), DROP_NONE);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_OUT_OF_ORDER], 1);
	h_free(h);
}

/** Keepalive switched on after weeks of quiet: the last segment lies further back than 32-bit milliseconds can say. */
static void
established_keepalive_set_after_weeks_probes_at_once(void)
{
	static const uint32_t days[] = {10, 21, 26, 40, 48};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(days); i++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		const struct h_seg *s;
		int keep;

		h_to_state(h, TCP_ESTABLISHED, false);
		h_wait_ms(h, (uint64_t)days[i] * DAY_MS);
		keep = h_keep(h->ctx, true, 7200000, 75000, 9);
		CU_ASSERT_FATAL(keep > 0);
		tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)keep);
		s = wait_sent(h, 1000);
		CU_ASSERT(s != NULL && s->seg.seq == h->ack - 1);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 1);
		h_free(h);
	}
}

/** A closed connection whose peer answers every probe with a closed window: it has a deadline all the same. */
static void
fin_wait_1_orphan_zero_window_answered_ends_by_r2(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct tcp_conf conf = h_conf();
	uint64_t ms = 0;
	uint32_t una;

	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL(h_send(h, 5000, 5000), 5000);
	CU_ASSERT_EQUAL(tcp_close(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_forget(h);
	while (h_state(h) == TCP_FIN_WAIT_1 && ms < 4 * conf.data_r2_ms) {
		h_wait_ms(h, 100);
		ms += 100;
		if (h_next(h) != NULL && h_state(h) == TCP_FIN_WAIT_1)
			(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
		h->seen = h->n_sent;
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT(ms >= conf.data_r2_ms);
	h_free(h);
}

/** The same with a user who still holds it: it lives for as long as the peer answers (RFC 9293 section 3.8.6.1). */
static void
established_zero_window_answered_lives_beyond_r2(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct tcp_conf conf = h_conf();
	uint32_t una;

	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	una = h_tcb(h)->snd_una;
	CU_ASSERT_EQUAL(h_send(h, 5000, 5000), 5000);
	h_forget(h);
	for (uint64_t ms = 0; ms < 4 * conf.data_r2_ms; ms += 100) {
		h_wait_ms(h, 100);
		if (h_next(h) != NULL)
			(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
		h->seen = h->n_sent;
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** RFC 5961 section 3.2: a RST whose own number lies outside the window is dropped in silence, text or not. */
static void
established_old_rst_with_text_is_dropped_in_silence(void)
{
	struct harness *h = h_established(NULL);

	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, h->seq - 1, 0, 10), DROP_TCP_SEQ);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** A SYN with text that is doubled on its way must not end what its first copy began. */
static void
syn_received_syn_with_text_again_is_answered(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;
	uint32_t iss;

	(void)h_in_at(h, TCP_SYN, 1000, 0, 10);
	s = h_expect(h, TCP_SYN | TCP_ACK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	iss = s->seg.seq;
	(void)h_in_at(h, TCP_SYN, 1000, 0, 10);
	s = h_expect(h, TCP_SYN | TCP_ACK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.seq, iss);
	CU_ASSERT_EQUAL(s->seg.ack, 1001);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	(void)h_in_at(h, TCP_ACK, 1001, iss + 1, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** @p n segments of 100 octets from @p seq in one burst. */
static void
burst(struct harness *h, uint32_t seq, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct tcp_buf buf = h_buf(100);
		struct tcp_seg seg = {.src = h->peer,
				.dst = laddr_get(&h->laddr, 0),
				.sport = h->peer_port,
				.dport = h->our_port,
				.family = (uint8_t)h->family,
				.seq = seq + 100 * i,
				.ack = h->ack,
				.wnd = h->wnd,
				.flags = TCP_ACK,
				.payload = buf};

		tcp_hash(h->ctx, &seg);
		CU_ASSERT_EQUAL(tcp_segment_arrives(h->ctx, &seg), DROP_NONE);
		if (seg.payload.owner != NULL)
			tcp_buf_free(seg.payload.owner);
	}
	h_pump(h);
}

/** RFC 5681 section 4.2: who has no SACK counts duplicates, so a burst behind a gap gets one for each segment. */
static void
established_burst_behind_a_gap_each_segment_is_acknowledged(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t seq = h->seq;

	burst(h, seq + 100, 11);
	for (unsigned int i = 0; i < 11; i++) {
		const struct h_seg *s = h_expect(h, TCP_ACK);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->seg.ack, seq);
		CU_ASSERT_EQUAL(s->seg.wnd, h->sent[h->n_sent - 1].seg.wnd);
	}
	h_expect_none(h);
	/* Text of ours carries the ACK too, but counts for none of them. */
	(void)h_send(h, 10, 10);
	h_forget(h);
	burst(h, seq + 1200, 3);
	CU_ASSERT_EQUAL(h->n_sent, 3);
	h_forget(h);
	/* The gap is filled behind others in one burst: one ACK tells all. */
	burst(h, seq + 1500, 2);
	h_forget(h);
	burst(h, seq, 1);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(h->sent[0].seg.ack, seq + 1700);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_burst_behind_a_gap_each_segment_is_acknowledged),
		TEST(fin_wait_1_orphan_zero_window_answered_ends_by_r2),
		TEST(established_zero_window_answered_lives_beyond_r2),
		TEST(established_send_empty_or_huge_slice_behind_text_text_leaves),
		TEST(established_send_empty_slice_first_holds_no_block),
		TEST(established_small_window_override_timer_not_starved),
		TEST(established_window_probe_out_ack_is_acceptable),
		TEST(established_window_probe_out_rst_is_acceptable),
		TEST(established_window_taken_back_ack_is_acceptable),
		TEST(established_both_windows_closed_reader_frees_the_other),
		TEST(syn_received_closed_window_rst_is_acceptable),
		TEST(established_window_probe_answers_are_no_duplicate_acks),
		TEST(fin_wait_2_fin_with_output_list_full_acked_and_freed),
		TEST(closing_ack_with_output_list_full_acked_and_freed),
		TEST(established_window_of_single_octets_does_not_creep),
		TEST(established_window_rounded_to_zero_read_is_told),
		TEST(established_icmp6_too_big_fits_and_has_ipv6_floor),
		TEST(established_window_opened_by_probe_ack_rto_not_backed_off),
		TEST(established_window_opened_behind_probe_ack_rto_not_backed_off),
		TEST(established_keepalive_probes_do_not_count_against_window_probes),
		TEST(syn_received_syn_ack_window_is_not_scaled),
		TEST(syn_sent_syn_and_syn_ack_in_one_burst_are_acknowledged),
		TEST(syn_sent_two_cores_simultaneous_open_windows_not_scaled),
		TEST(established_without_timestamps_none_is_stale),
		TEST(established_timestamp_after_24_days_is_taken_and_echoed),
		TEST(time_wait_and_close_wait_read_sends_nothing),
		TEST(established_old_segments_a_counter_wrap_apart_are_answered),
		TEST(syn_received_duplicate_syns_do_not_put_off_the_end),
		TEST(established_syn_without_timestamps_is_challenged),
		TEST(last_ack_and_closing_abort_before_fin_left_sends_rst),
		TEST(established_send_without_nodes_owes_no_writable),
		TEST(time_wait_syn_without_tcb_keeps_the_record),
		TEST(time_wait_syn_with_timestamps_on_record_without_is_honoured),
		TEST(syn_received_syn_ack_again_does_not_shrink_the_window),
		TEST(established_keepalive_set_after_weeks_probes_at_once),
		TEST(established_old_rst_with_text_is_dropped_in_silence),
		TEST(syn_received_syn_with_text_again_is_answered),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("regressions", tests)
