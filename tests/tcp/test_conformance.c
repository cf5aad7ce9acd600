/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Clauses of docs/conformance.md that no other test has for its subject. */
#include "harness.h"

#include <errno.h>
#include <string.h>

/** h_in() without the pump: what one burst brings, before anything is sent. */
static void
arrive(struct harness *h, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct tcp_seg seg = {.src = h->peer,
			.dst = laddr_get(&h->laddr, 0),
			.sport = h->peer_port,
			.dport = h->our_port,
			.seq = seq,
			.ack = ack,
			.wnd = h->wnd,
			.flags = flags,
			.family = IP_V4,
			.payload = h_buf(len)};

	memset(seg.payload.data, 0, len);
	tcp_hash(h->ctx, &seg);
	CU_ASSERT_EQUAL(tcp_segment_arrives(h->ctx, &seg), DROP_NONE);
	if (seg.payload.owner != NULL)
		tcp_buf_free(seg.payload.owner);
}

/* ------------------------------------------------------------------ RFC 9293 */

/** MUST-58, MUST-59: all segments of a burst are processed before an ACK leaves, and one is enough. */
static void
a_burst_is_acknowledged_once(void)
{
	struct harness *h = h_established(NULL);
	const struct h_seg *s;

	for (uint32_t i = 0; i < 20; i++)
		arrive(h, TCP_ACK, h->seq + i * 1460, h->ack, 1460);
	CU_ASSERT_EQUAL(h->n_sent, 0);
	h_pump(h);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT(s != NULL && s->seg.ack == h->seq + 20 * 1460);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->n_received, 20 * 1460);
	h_free(h);
}

/** MUST-65, MUST-14, MAY-3: the MSS option on each SYN, and on nothing else. */
static void
mss_option_on_every_syn_and_nothing_else(void)
{
	for (unsigned int role = 0; role < 3; role++) {
		struct harness *h = h_new(NULL, role == 1 ? IP_V6 : IP_V4, 1000);

		h->opts |= TCP_OPT_TS;
		if (role == 2)
			h_to_state(h, TCP_SYN_RECEIVED, true);
		else
			h_to_state(h, TCP_ESTABLISHED, role == 1);
		if (role == 2)
			(void)h_in_at(h, TCP_SYN | TCP_ACK, h->seq - 1, h->ack, 0);
		CU_ASSERT_EQUAL(h_send(h, 5000, 5000), 5000);
		(void)h_in(h, TCP_ACK | TCP_PSH, 100);
		h_wait_ms(h, 1000);
		CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
		for (unsigned int i = 0; i < 5; i++)
			(void)h_in(h, TCP_ACK, 0);
		(void)h_in(h, TCP_FIN | TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		for (unsigned int i = 0; i < h->n_sent; i++) {
			const struct tcp_seg *s = &h->sent[i].seg;

			CU_ASSERT_EQUAL((s->opts & TCP_OPT_MSS) != 0, (s->flags & TCP_SYN) != 0);
			if ((s->flags & TCP_SYN) != 0)
				CU_ASSERT_EQUAL(s->mss, role == 1 ? 1440 : 1460);
		}
		h_free(h);
	}
}

/** MUST-41, MUST-42: LISTEN on a port that connections in SYN-SENT, SYN-RECEIVED and ESTABLISHED have. */
static void
listen_beside_connections_of_the_same_port(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct tcp_open_args args = {.lport = 8080, .rport = 99, .raddr = h->peer};
	const int64_t active = tcp_open(h->ctx, &args);
	int specific, other;

	CU_ASSERT_FATAL(active >= 0);
	h_to_state(h, TCP_SYN_RECEIVED, false);
	other = tcp_listen(h->ctx, 0, 8080, 16, 0, 0, NULL);
	specific = tcp_listen(h->ctx, 1, 80, 16, 0, 0, NULL);
	CU_ASSERT(other >= 0 && specific >= 0);
	CU_ASSERT_EQUAL(tcp_listen(h->ctx, 0, 80, 16, 0, 0, NULL), -EADDRINUSE);
	h_pump(h);
	CU_ASSERT_EQUAL(tcp_at(h->ctx, (uint32_t)active)->state, TCP_SYN_SENT);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	/* And the new listener listens. */
	h->our_port = 8080;
	h->peer_port = 41000;
	(void)h_in_at(h, TCP_SYN, 1, 0, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(tcp_at(h->ctx, (uint32_t)active)->state, TCP_SYN_SENT);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)other), 0);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)specific), 0);
	h_free(h);
}

/** MUST-43, MUST-45: the address that was named, or that the SYN went to, in every segment up to the last. */
static void
every_segment_has_the_connection_s_own_address(void)
{
	for (unsigned int active = 0; active < 2; active++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		const struct ip_addr ours = laddr_get(&h->laddr, 2);
		const int listener = tcp_listen(h->ctx, 2, 81, 1, 0, 0, NULL);
		const struct tcp_open_args args = {
				.laddr = 2, .lport = 81, .rport = h->peer_port, .raddr = h->peer};
		struct tcp_seg seg = {.src = h->peer,
				.sport = h->peer_port,
				.dport = 81,
				.seq = 1000,
				.wnd = 65535,
				.flags = TCP_SYN,
				.laddr = 2};

		CU_ASSERT(listener >= 0);
		if (active != 0) {
			CU_ASSERT(tcp_open(h->ctx, &args) >= 0);
			h_pump(h);
			seg.flags |= TCP_ACK;
			seg.ack = h->ack;
		}
		(void)h_inject(h, &seg, NULL, 0);
		seg.flags = TCP_ACK;
		seg.seq = 1001;
		seg.ack = h->ack;
		(void)h_inject(h, &seg, (const uint8_t *)"text", 4);
		seg.seq = 1005;
		seg.flags = TCP_FIN | TCP_ACK;
		(void)h_inject(h, &seg, NULL, 0);
		seg.seq = 500; /* not acceptable */
		seg.flags = TCP_ACK;
		(void)h_inject(h, &seg, NULL, 0);
		CU_ASSERT(h->n_sent >= 3);
		for (unsigned int i = 0; i < h->n_sent; i++) {
			CU_ASSERT(ip_addr_equal(&h->sent[i].seg.src, &ours));
			CU_ASSERT_EQUAL(h->sent[i].seg.laddr, 2);
		}
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)listener), 0);
		h_free(h);
	}
}

/** The events of @p kind so far, and the reason of the last. */
static unsigned int
events(const struct harness *h, uint8_t kind, uint8_t *reason)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->n_event; i++) {
		if ((h->event[i].events & kind) == 0)
			continue;
		*reason = h->event[i].reason;
		n++;
	}
	return n;
}

/** MUST-20, MUST-22, MUST-47, SHLD-9, SHLD-10: the user hears at R1 and again at R2; the next hop is looked up anew. */
static void
r1_is_told_for_text_and_for_syn(void)
{
	for (unsigned int syn = 0; syn < 2; syn++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		uint8_t reason = 0;

		h_to_state(h, syn != 0 ? TCP_SYN_SENT : TCP_ESTABLISHED, syn != 0);
		h_forget(h);
		h_tcb(h)->id.aux = 7;
		if (syn == 0)
			CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
		while (h->counters.n[COUNTER_RETRANSMITTED] < 2) {
			h_wait_ms(h, 10);
			CU_ASSERT_EQUAL(events(h, EV_TROUBLE, &reason), 0);
		}
		while (h->counters.n[COUNTER_RETRANSMITTED] < 3)
			h_wait_ms(h, 10);
		CU_ASSERT_EQUAL(events(h, EV_TROUBLE, &reason), 1);
		CU_ASSERT_EQUAL(reason, TCP_REASON_TIMEOUT);
		CU_ASSERT_EQUAL(h_tcb(h)->id.aux, UINT16_MAX);
		while (h->n_event < 2 && h->ctx->now < 400000 * TIME_US_PER_MS)
			h_wait_ms(h, 1000);
		CU_ASSERT_EQUAL(events(h, EV_TROUBLE, &reason), 1);
		CU_ASSERT_EQUAL(events(h, EV_CLOSED, &reason), 1);
		CU_ASSERT_EQUAL(reason, TCP_REASON_TIMEOUT);
		h_free(h);
	}
}

/** RFC 6928 section 3: who has ten segments to send at once finds room for them, with what is the default of the API. */
static void
initial_receive_window_holds_ten_segments(void)
{
	for (unsigned int active = 0; active < 2; active++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.rcv_buf = 262144;
		conf.mtu = 9000;
		h = h_new(&conf, IP_V4, 1000);
		h->opts |= TCP_OPT_WSCALE;
		if (active != 0)
			(void)h_open(h);
		else
			(void)h_in(h, TCP_SYN, 0);
		/* No scale applies to a SYN's window. */
		CU_ASSERT_FATAL(h->n_sent > 0);
		CU_ASSERT((h->sent[0].seg.flags & TCP_SYN) != 0);
		CU_ASSERT_EQUAL(h->sent[0].seg.wnd, 65535);
		(void)h_in(h, active != 0 ? TCP_SYN | TCP_ACK : TCP_ACK, 0);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT(tcp_rcv_wnd(h_tcb(h)) >= 65535);
		h->auto_read = false;
		for (unsigned int i = 0; i < 10; i++)
			CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1460), DROP_NONE);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 14600);
		h_free(h);
	}
}

/** SHLD-15, SHLD-16, SHLD-17, MUST-34, MUST-35: the window is taken back below what is in flight, and closes. */
static void
window_taken_back_lives_while_the_peer_answers(void)
{
	const struct tcp_conf conf = h_conf();
	struct harness *h = h_established(NULL);
	uint32_t una = h_tcb(h)->snd_una;

	CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
	h->wnd = 0;
	(void)h_in_at(h, TCP_ACK, h->seq, una + 50, 0);
	CU_ASSERT_EQUAL(h_send(h, 2920, 2920), 2920);
	h_forget(h);
	for (uint64_t ms = 0; ms < 3 * conf.data_r2_ms; ms += 100) {
		h_wait_ms(h, 100);
		for (const struct h_seg *s = h_next(h); s != NULL; s = h_next(h)) {
			CU_ASSERT_EQUAL(s->seg.seq, una + 50); /* nothing new */
			(void)h_in_at(h, TCP_ACK, h->seq, una + 50, 0);
		}
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h->wnd = 65535;
	(void)h_in_at(h, TCP_ACK, h->seq, una + 50, 0);
	h_wait_ms(h, 1);
	(void)h_in_at(h, TCP_ACK, h->seq, una + 100, 0);
	CU_ASSERT(h->ack - una >= 100 + 1460);
	h_free(h);
}

/* ------------------------------------------------------------------ ICMP: RFC 9293 section 3.9.2.2, RFC 5927, RFC 1191 */

static struct tcp_icmp
about(const struct harness *h, uint32_t seq)
{
	struct tcp_icmp icmp = {.quoted = h->sent[h->n_sent - 1].seg};

	icmp.quoted.seq = seq;
	return icmp;
}

/** MUST-54, MUST-56, SHLD-25, RFC 5927 section 5.2: told, and nothing ends, in every synchronised state. */
static void
icmp_errors_are_told_in_synchronised_states(void)
{
	static const enum tcp_state states[] = {
			TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK};

	for (unsigned int i = 0; i < 2 * PTCP_ARRAY_SIZE(states); i++) {
		const enum tcp_state state = states[i / 2];
		struct harness *h = h_new(NULL, IP_V4, 1000);
		struct tcp_icmp icmp;
		uint8_t reason = 0;

		h_to_state(h, state, false);
		if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)
			CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
		icmp = about(h, h_tcb(h)->snd_una);
		icmp.hard = i % 2 != 0;
		h->n_event = 0;
		CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_NONE);
		h_pump(h);
		CU_ASSERT_EQUAL(h_state(h), state);
		CU_ASSERT_EQUAL(events(h, EV_TROUBLE, &reason), 1);
		CU_ASSERT_EQUAL(reason, TCP_REASON_UNREACHABLE);
		CU_ASSERT_EQUAL(events(h, EV_CLOSED, &reason), 0);
		h_free(h);
	}
}

/** SHLD-26, RFC 5927 section 5.2: before the connection is established a hard error ends it; a soft one does not. */
static void
icmp_errors_in_syn_sent(void)
{
	for (unsigned int hard = 0; hard < 2; hard++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		struct tcp_icmp icmp;
		uint8_t reason = 0;

		h_to_state(h, TCP_SYN_SENT, true);
		icmp = about(h, h_tcb(h)->snd_una);
		icmp.hard = hard != 0;
		CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_NONE);
		h_pump(h);
		CU_ASSERT_EQUAL(h_state(h), hard != 0 ? TCP_CLOSED : TCP_SYN_SENT);
		CU_ASSERT_EQUAL(events(h, EV_TROUBLE, &reason), !hard);
		CU_ASSERT_EQUAL(events(h, EV_CLOSED, &reason), hard);
		CU_ASSERT_EQUAL(reason, TCP_REASON_UNREACHABLE);
		h_free(h);
	}
}

/** RFC 5927 section 4.1: what is quoted must be in flight: SND.UNA =< SEG.SEQ < SND.NXT. */
static void
icmp_errors_about_what_is_not_in_flight(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t una = h_tcb(h)->snd_una;
	const uint32_t wrong[] = {una - 1, una + 4380, una + 4381, una + 0x80000000u};
	const uint16_t mss = h_tcb(h)->mss;
	struct tcp_icmp icmp;
	uint8_t reason;

	CU_ASSERT_EQUAL(h_send(h, 4380, 4380), 4380);
	(void)h_in_at(h, TCP_ACK, h->seq, una, 0);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h->ack, una + 4380);
	h->n_event = 0;
	for (unsigned int i = 0; i < 2 * PTCP_ARRAY_SIZE(wrong); i++) {
		icmp = about(h, wrong[i / 2]);
		icmp.hard = i % 2 != 0;
		icmp.too_big = !icmp.hard;
		icmp.mtu = 576;
		CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_ICMP_QUOTE);
	}
	h_pump(h);
	CU_ASSERT_EQUAL(events(h, EV_TROUBLE, &reason), 0);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, mss);
	/* Another connection's, and none's. */
	icmp = about(h, una);
	icmp.quoted.dport++;
	CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_ICMP_QUOTE);
	icmp = about(h, una + 4379);
	CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_NONE);
	h_free(h);
}

/** The largest segment since h_forget(), with headers of @p headers octets. */
static uint32_t
largest(const struct harness *h, uint32_t headers)
{
	uint32_t most = 0;

	for (unsigned int i = 0; i < h->n_sent; i++)
		most = h->sent[i].len > most ? h->sent[i].len : most;
	return most + headers;
}

/**
 * RFC 1191 sections 3 and 6.4: segments shrink to the path's MTU, what was lost is sent again at once, the congestion window
 * counts as many segments as before (RFC 5681 section 3.1); a claim that is larger than what is sent, or smaller than every link, changes nothing or less (RFC 5927 section 7).
 */
static void
icmp_too_big_makes_segments_smaller(void)
{
	static const struct {
		uint16_t told, used;
	} mtu[] = {{1499, 1499}, {1400, 1400}, {577, 577}, {576, 576}, {575, 576}, {68, 576}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtu); i++) {
		struct harness *h = h_established(NULL);
		struct tcp_icmp icmp;
		uint32_t una, cwnd;

		una = h_tcb(h)->snd_una;
		CU_ASSERT_EQUAL(h_send(h, 4000, 4000), 4000);
		cwnd = h_tcb(h)->cwnd;
		icmp = about(h, una);
		icmp.too_big = true;
		icmp.mtu = mtu[i].told;
		h_forget(h);
		CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_NONE);
		h_pump(h);
		CU_ASSERT_EQUAL(h->sent[0].seg.seq, una);
		CU_ASSERT_EQUAL(largest(h, 40), mtu[i].used);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd * (mtu[i].used - 40u) / 1460);
		/* The same again, and a larger one, say nothing new. */
		h_forget(h);
		(void)tcp_icmp_arrives(h->ctx, &icmp);
		icmp.mtu = 1500;
		(void)tcp_icmp_arrives(h->ctx, &icmp);
		h_pump(h);
		CU_ASSERT_EQUAL(h->n_sent, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, mtu[i].used - 40);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ RFC 7323 */

/** Sections 3.2 and 5.2: an abort's RST carries our clock; the answer to a segment of no connection echoes its TSval. */
static void
rst_carries_timestamps(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;
	uint32_t ts_val;

	h->opts |= TCP_OPT_TS;
	h->ts_val = 777;
	h_to_state(h, TCP_ESTABLISHED, false);
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	ts_val = s->seg.ts_val;
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	s = h_expect(h, TCP_RST);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.opts, TCP_OPT_TS);
	CU_ASSERT_EQUAL(s->seg.ts_val, ts_val);
	CU_ASSERT_EQUAL(s->seg.ts_ecr, 0);
	(void)h_in(h, TCP_ACK, 0);
	s = h_expect(h, TCP_RST);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.opts, TCP_OPT_TS);
	CU_ASSERT_EQUAL(s->seg.ts_val, 0);
	CU_ASSERT_EQUAL(s->seg.ts_ecr, 777);
	h->opts = 0;
	(void)h_in(h, TCP_ACK, 0);
	s = h_expect(h, TCP_RST);
	CU_ASSERT(s != NULL && s->seg.opts == 0);
	h_free(h);
}

/**
 * Section 5.2, and RFC 5961: what is dropped for its RST, SYN or ACK must not move TS.Recent, or one guess within the window
 * would make the peer's own segments look old.
 */
static void
refused_segments_leave_ts_recent(void)
{
	static const uint8_t flags[] = {
			TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};

	for (unsigned int i = 0; i < 2 * PTCP_ARRAY_SIZE(flags); i++) {
		const bool half = i % 2 != 0;
		struct harness *h = h_new(NULL, IP_V4, 1000);
		const uint8_t f = flags[i / 2];

		if (half && (f & TCP_SYN) != 0) {
			h_free(h);
			continue; /* ends it (RFC 9293 section 3.10.7.4) */
		}
		h->opts |= TCP_OPT_TS;
		h->ts_val = 5000;
		h_to_state(h, half ? TCP_SYN_RECEIVED : TCP_ESTABLISHED, false);
		h->ts_val += 0x10000000u;
		/* Begins before RCV.NXT and reaches into the window. */
		(void)h_in_at(h, f, h->seq - 5, h->ack + 1, 10);
		h->ts_val = 5001;
		(void)h_in(h, TCP_ACK | TCP_PSH, 100);
		CU_ASSERT_EQUAL(h->n_received, 100);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		h_free(h);
	}
}

static CU_TestInfo tests[] = {
		TEST(a_burst_is_acknowledged_once),
		TEST(mss_option_on_every_syn_and_nothing_else),
		TEST(listen_beside_connections_of_the_same_port),
		TEST(every_segment_has_the_connection_s_own_address),
		TEST(r1_is_told_for_text_and_for_syn),
		TEST(initial_receive_window_holds_ten_segments),
		TEST(window_taken_back_lives_while_the_peer_answers),
		TEST(icmp_errors_are_told_in_synchronised_states),
		TEST(icmp_errors_in_syn_sent),
		TEST(icmp_errors_about_what_is_not_in_flight),
		TEST(icmp_too_big_makes_segments_smaller),
		TEST(rst_carries_timestamps),
		TEST(refused_segments_leave_ts_recent),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("conformance", tests)
