/* SPDX-License-Identifier: BSD-3-Clause */
/* How connections begin: RFC 9293 section 3.5 with its figures, loss, limits, options, and sequence numbers that wrap. */
#include "twin.h"

#include "tcp/tcp_impl.h"

#include <errno.h>
#include <string.h>

#define SECOND ((time_us_t)TIME_US_PER_SEC)

static const enum ip_family families[] = {IP_V4, IP_V6};

/* ------------------------------------------------------------------ loss of each segment in turn */

static void
exchange(struct twin *t, uint32_t n)
{
	CU_ASSERT_EQUAL(h_write(t->h[0], n, 1000), n);
	CU_ASSERT_EQUAL(h_write(t->h[1], n, 700), n);
	twin_run(t, 20 * SECOND);
	CU_ASSERT(twin_got(t, 0, n));
	CU_ASSERT(twin_got(t, 1, n));
}

/** Frame 0: SYN, 1: SYN,ACK, 2: ACK; @p lose_n of them in a row vanish. */
static void
open_with_loss(bool both, uint32_t lose, uint32_t lose_n, enum ip_family family)
{
	const unsigned int failures = CU_get_number_of_failures();
	struct twin *t = twin_new(NULL, family, SECOND, 7 * SECOND);

	t->lose = lose;
	t->lose_n = lose_n;
	(void)h_open(t->h[0]);
	if (both)
		(void)h_open(t->h[1]);
	twin_run(t, 30 * SECOND);
	CU_ASSERT_EQUAL(h_state(t->h[0]), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h_state(t->h[1]), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(twin_told(t, 0, EV_CONNECTED), 1);
	CU_ASSERT_EQUAL(twin_told(t, 1, EV_CONNECTED), both);
	CU_ASSERT_EQUAL(twin_told(t, 1, EV_ACCEPTED), !both);
	CU_ASSERT_EQUAL(twin_told(t, 0, EV_ACCEPTED | EV_CLOSED), 0);
	if (CU_get_number_of_failures() == failures)
		exchange(t, 5000);
	CU_ASSERT_EQUAL(t->h[1]->ctx->listeners->l[t->h[1]->listener].n_half_open, 0);
	twin_free(t);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case %s, frames %u + %u lost, family %d\n",
				both ? "simultaneous" : "active to passive", lose, lose_n, family);
}

static void
syn_sent_to_listen_each_segment_lost(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		for (uint32_t lose = 0; lose < 6; lose++) {
			for (uint32_t n = 1; n <= 3; n++)
				open_with_loss(false, lose, n, families[f]);
		}
	}
}

static void
bad_input_24_simultaneous_open_each_segment_lost(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		for (uint32_t lose = 0; lose < 8; lose++) {
			for (uint32_t n = 1; n <= 4; n++)
				open_with_loss(true, lose, n, families[f]);
		}
	}
}

/** Figure 7, without loss: SYN both ways, SYN,ACK both ways, and nothing else. */
static void
syn_sent_syn_simultaneous_open(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	const struct h_seg *s;
	uint32_t iss;

	(void)h_open(h);
	s = h_expect(h, TCP_SYN);
	iss = s->seg.seq;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	s = h_expect(h, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(s->seg.seq, iss);
	CU_ASSERT_EQUAL(s->seg.ack, 1001);
	CU_ASSERT_FALSE(s->rexmt);
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN | TCP_ACK, 1000, iss + 1, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->all_events, EV_CONNECTED);
	h_expect_none(h);
	h_free(h);
}

/* ------------------------------------------------------------------ retransmission of SYN */

/** When the n-th SYN is due, in seconds: RTO 1 s, doubled, at most 60 s. */
static const unsigned int syn_times[] = {0, 1, 3, 7, 15, 31, 63, 123};
#define SYN_END_S 183 /* the first timeout at or after R2 = 180 s */

static void
check_syns(struct harness *h, uint8_t flags)
{
	const struct h_seg *first = &h->sent[0];

	CU_ASSERT_EQUAL(h->n_sent, PTCP_ARRAY_SIZE(syn_times));
	for (unsigned int i = 0; i < h->n_sent && i < PTCP_ARRAY_SIZE(syn_times); i++) {
		const struct h_seg *s = &h->sent[i];

		CU_ASSERT_EQUAL(s->seg.flags, flags);
		CU_ASSERT_EQUAL(s->when, SECOND + syn_times[i] * SECOND);
		CU_ASSERT_EQUAL(s->seg.seq, first->seg.seq);
		CU_ASSERT_EQUAL(s->seg.opts, first->seg.opts);
		CU_ASSERT_EQUAL(s->rexmt, i > 0);
	}
}

static void
syn_sent_silence_retransmits_until_r2(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	(void)h_open(h);
	h_wait_ms(h, SYN_END_S * 1000 - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
	CU_ASSERT_EQUAL(h->all_events, EV_TROUBLE);
	check_syns(h, TCP_SYN);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, EV_TROUBLE | EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->n_sent, PTCP_ARRAY_SIZE(syn_times)); /* no RST: nobody is there */
	CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
	h_free(h);
}

static void
syn_received_silence_retransmits_until_r2_passive(void)
{
	struct harness *h = h_new(NULL, IP_V6, SECOND);

	(void)h_in(h, TCP_SYN, 0);
	h_wait_ms(h, SYN_END_S * 1000 - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	check_syns(h, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(h->ctx->listeners->l[h->listener].n_half_open, 1);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(h->ctx->listeners->l[h->listener].n_half_open, 0);
	CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 0);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	h_free(h);
}

static void
syn_received_silence_ends_by_r2_active(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_SYN_RECEIVED, true);
	h_wait_ms(h, 179000);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	h_wait_ms(h, 65000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, EV_TROUBLE | EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** The clock in milliseconds wraps in the middle of it: nothing changes. */
static void
syn_sent_silence_millisecond_clock_wraps(void)
{
	const time_us_t start = ((1ull << 32) - 5000) * TIME_US_PER_MS;
	struct harness *h = h_new(NULL, IP_V4, start);

	(void)h_open(h);
	h_wait_ms(h, SYN_END_S * 1000 - 1);
	CU_ASSERT_EQUAL(h->n_sent, PTCP_ARRAY_SIZE(syn_times));
	for (unsigned int i = 0; i < h->n_sent && i < PTCP_ARRAY_SIZE(syn_times); i++)
		CU_ASSERT_EQUAL(h->sent[i].when, start + syn_times[i] * SECOND);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

/** RFC 6298 5.7: after a lost SYN the first RTO of data is 3 s; without loss it comes from the handshake. */
static void
syn_sent_syn_lost_initial_rto_of_data(void)
{
	for (unsigned int lost = 0; lost < 2; lost++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);

		(void)h_open(h);
		h_wait_ms(h, lost ? 1500 : 100);
		(void)h_in(h, TCP_SYN | TCP_ACK, 0);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		/* R = 100 ms: SRTT + 4 * RTTVAR = 300 ms. */
		CU_ASSERT_EQUAL(tcp_rto_ms(h->ctx, h_tcb(h)), lost ? 3000 : 300);
		h_free(h);
	}
}

/** A SYN again from the same peer: the SYN,ACK again, but not more than twice a second. */
static void
syn_received_syn_again_answered(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	(void)h_in(h, TCP_SYN, 0);
	h_expect(h, TCP_SYN | TCP_ACK);
	h_wait_ms(h, 600);
	for (unsigned int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 0), DROP_TCP_SEQ);
	h_expect(h, TCP_SYN | TCP_ACK);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 1);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/* ------------------------------------------------------------------ old duplicates and half-open connections */

/** Figure 8: an old SYN arrives first; the peer resets what came of it, and the real one finds a fresh server. */
static void
listen_old_duplicate_syn_leaves_nothing(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);
		const struct h_seg *s;

		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 90, 0, 0), DROP_NONE);
		s = h_expect(h, TCP_SYN | TCP_ACK);
		CU_ASSERT_EQUAL(s->seg.ack, 91);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 91, 0, 0), DROP_NONE);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->ctx->half_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->ctx->listeners->l[h->listener].n_half_open, 0);
		CU_ASSERT_EQUAL(h->all_events, 0);
		h->seq = 100;
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		s = h_expect(h, TCP_SYN | TCP_ACK);
		CU_ASSERT_EQUAL(s->seg.ack, 101);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h->all_events, EV_ACCEPTED);
		h_free(h);
	}
}

/** The other side of figure 8: the SYN,ACK acknowledges a SYN that was never sent. */
static void
syn_sent_syn_ack_of_old_duplicate_reset(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	const struct h_seg *s;

	(void)h_open(h);
	s = h_expect(h, TCP_SYN);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN | TCP_ACK, 300, s->seg.seq - 9, 0), DROP_TCP_ACK_UNSENT);
	CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, s->seg.seq - 9);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
	h->seq = 400;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN | TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** Figure 9, both sides real: A crashes and opens the same pair again, B still believes in the old one. */
static void
established_syn_of_crashed_peer_recovers(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct twin *t = twin_new(NULL, families[f], SECOND, 5 * SECOND);

		CU_ASSERT_FATAL(twin_open_from(t->h[0], 5000) >= 0);
		twin_run(t, SECOND);
		CU_ASSERT_EQUAL_FATAL(h_state(t->h[1]), TCP_ESTABLISHED);
		h_free(t->h[0]);
		t->h[0] = h_new(NULL, families[f], t->start[0] + t->now);
		h_forget(t->h[1]);
		CU_ASSERT_FATAL(twin_open_from(t->h[0], 5000) >= 0);
		twin_run(t, 10 * SECOND);
		/* B: the ACK that A resets, the end of the old connection, and the new one. */
		CU_ASSERT_EQUAL(t->h[1]->sent[0].seg.flags, TCP_ACK);
		CU_ASSERT_EQUAL(t->h[0]->sent[1].seg.flags, TCP_RST);
		CU_ASSERT_EQUAL(t->h[0]->sent[1].seg.seq, t->h[1]->sent[0].seg.ack);
		CU_ASSERT_EQUAL(twin_told(t, 1, EV_CLOSED), 1);
		CU_ASSERT_EQUAL(t->h[1]->reason, TCP_REASON_RESET);
		CU_ASSERT_EQUAL(twin_told(t, 1, EV_ACCEPTED), 1);
		CU_ASSERT_EQUAL(h_state(t->h[0]), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h_state(t->h[1]), TCP_ESTABLISHED);
		exchange(t, 3000);
		twin_free(t);
	}
}

/** Figure 10: A has crashed, B sends data, A's RST ends B. */
static void
established_data_to_crashed_peer_reset(void)
{
	struct twin *t = twin_new(NULL, IP_V4, SECOND, 5 * SECOND);

	twin_connect(t);
	h_free(t->h[0]);
	t->h[0] = h_new(NULL, IP_V4, t->start[0] + t->now);
	t->h[0]->our_port = 5000;
	CU_ASSERT_EQUAL(h_write(t->h[1], 100, 100), 100);
	twin_run(t, SECOND);
	CU_ASSERT_EQUAL(h_state(t->h[1]), TCP_CLOSED);
	CU_ASSERT_EQUAL(t->h[1]->reason, TCP_REASON_RESET);
	CU_ASSERT(twin_clean(t, 1));
	twin_free(t);
}

/** Figure 11: an old SYN between two listening ends: the SYN,ACK meets LISTEN, its RST brings back LISTEN. */
static void
listen_old_duplicate_syn_both_passive(void)
{
	struct twin *t = twin_new(NULL, IP_V4, SECOND, 5 * SECOND);

	CU_ASSERT_EQUAL(h_in_at(t->h[0], TCP_SYN, 90, 0, 0), DROP_NONE);
	twin_run(t, SECOND);
	CU_ASSERT_EQUAL(t->h[0]->sent[0].seg.flags, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(t->h[1]->sent[0].seg.flags, TCP_RST);
	CU_ASSERT_EQUAL(t->h[1]->sent[0].seg.seq, 91);
	CU_ASSERT_EQUAL(t->n_frames, 2);
	CU_ASSERT(twin_clean(t, 0));
	CU_ASSERT(twin_clean(t, 1));
	CU_ASSERT_EQUAL(t->h[0]->n_event + t->h[1]->n_event, 0);
	twin_free(t);
}

/** A listener's port while we open actively from it: the answer belongs to the active connection. */
static void
syn_sent_refused_by_rst(void)
{
	struct twin *t = twin_new(NULL, IP_V6, SECOND, SECOND);

	t->h[1]->our_port = 81; /* nobody listens there */
	(void)h_open(t->h[0]);
	twin_run(t, SECOND);
	CU_ASSERT_EQUAL(h_state(t->h[0]), TCP_CLOSED);
	CU_ASSERT_EQUAL(t->h[0]->all_events, EV_CLOSED);
	CU_ASSERT_EQUAL(t->h[0]->reason, TCP_REASON_REFUSED);
	CU_ASSERT_EQUAL(t->n_frames, 2);
	twin_free(t);
}

/* ------------------------------------------------------------------ acknowledgment numbers, ISN at the wrap */

static void
bad_input_20_syn_ack_of_iss(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);
		uint32_t iss;

		(void)h_open(h);
		iss = h_expect(h, TCP_SYN)->seg.seq;
		CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN | TCP_ACK, 1000, iss, 0), DROP_TCP_ACK_UNSENT);
		CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, iss);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
		CU_ASSERT_EQUAL(h->all_events, 0);
		/* Its retransmission is not disturbed, and the right answer still counts. */
		h_wait_ms(h, 1000);
		CU_ASSERT_EQUAL(h_expect(h, TCP_SYN)->seg.seq, iss);
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN | TCP_ACK, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		h_free(h);
	}
}

static void
bad_input_20_syn_received_ack_one_too_low(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t iss;

	(void)h_in(h, TCP_SYN, 0);
	iss = h_expect(h, TCP_SYN | TCP_ACK)->seg.seq;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, iss, 0), DROP_TCP_ACK_UNSENT);
	CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, iss);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, iss + 2, 0), DROP_TCP_ACK_UNSENT);
	CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, iss + 2);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

/** ISNs around the wrap and around 2^31, on both sides at once. */
static void
bad_input_20_isn_all_ones_both_sides(void)
{
	static const uint32_t isns[] = {UINT32_MAX, UINT32_MAX - 1, 0, 0x7fffffff, 0x80000000};
	const uint32_t n = PTCP_ARRAY_SIZE(isns);

	for (unsigned int k = 0; k < n * n; k++) {
		struct twin *t = twin_new(NULL, IP_V4,
				twin_start_for_iss(NULL, IP_V4, 5000, isns[k % n]),
				/* The SYN takes its time to side 1. */
				twin_start_for_iss(NULL, IP_V4, 0, isns[k / n]) - TWIN_DELAY_US);

		CU_ASSERT_FATAL(twin_open_from(t->h[0], 5000) >= 0);
		twin_run(t, SECOND);
		CU_ASSERT_EQUAL(t->h[0]->sent[0].seg.seq, isns[k % n]);
		CU_ASSERT_EQUAL(t->h[1]->sent[0].seg.seq, isns[k / n]);
		CU_ASSERT_EQUAL_FATAL(h_state(t->h[1]), TCP_ESTABLISHED);
		exchange(t, 10000);
		CU_ASSERT_EQUAL(t->h[0]->counters.n[COUNTER_RETRANSMITTED], 0);
		CU_ASSERT_EQUAL(tcp_close(t->h[0]->ctx, h_tcb(t->h[0])), 0);
		h_pump(t->h[0]);
		CU_ASSERT_EQUAL(tcp_close(t->h[1]->ctx, h_tcb(t->h[1])), 0);
		h_pump(t->h[1]);
		twin_run(t, 5 * SECOND);
		CU_ASSERT(twin_clean(t, 0));
		CU_ASSERT(twin_clean(t, 1));
		twin_free(t);
	}
}

/* ------------------------------------------------------------------ limits */

static enum drop_reason
syn_from(struct harness *h, uint16_t port)
{
	h->peer_port = port;
	h->seq = 1000;
	return h_in(h, TCP_SYN, 0);
}

static void
listen_syn_backlog_limit(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t ack;

	for (uint16_t i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(syn_from(h, (uint16_t)(100 + i)), DROP_NONE);
	CU_ASSERT_EQUAL(h->n_sent, 16);
	ack = h->sent[0].seg.seq + 1;
	CU_ASSERT_EQUAL(syn_from(h, 200), DROP_TCP_BACKLOG);
	CU_ASSERT_EQUAL(h->n_sent, 16); /* silence: the peer tries again */
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_BACKLOG], 1);
	/* One is done, so one more fits. */
	h->peer_port = 100;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, ack, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(syn_from(h, 200), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 201), DROP_TCP_BACKLOG);
	/* And one that is reset makes room too. */
	h->peer_port = 101;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 201), DROP_NONE);
	h_free(h);
}

static void
listen_syn_draining_refused(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, false);
	h->ctx->draining = true;
	CU_ASSERT_EQUAL(syn_from(h, 200), DROP_TCP_BACKLOG);
	h_expect_none(h);
	/* What is there goes on. */
	h->peer_port = 40000;
	h->seq = 1001;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h_tcb(h)->snd_nxt, 10), DROP_NONE);
	CU_ASSERT_EQUAL(h->n_received, 10);
	h->ctx->draining = false;
	CU_ASSERT_EQUAL(syn_from(h, 200), DROP_NONE);
	h_free(h);
}

static void
listen_syn_no_tcb(void)
{
	const struct tcp_open_args args = {.rport = 9, .raddr = ip_addr_v4(0x0200000a)};
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_tcbs = 2;
	h = h_new(&conf, IP_V4, SECOND);
	CU_ASSERT_EQUAL(syn_from(h, 100), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 101), DROP_NONE);
	h->seen = h->n_sent;
	/* Two TCBs are free, and two are half-open that will want them. */
	CU_ASSERT_EQUAL(syn_from(h, 102), DROP_TCP_NO_TCB);
	h_expect_none(h);
	h->peer_port = 100;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 102), DROP_NONE);
	for (uint16_t i = 1; i <= 2; i++) {
		h->peer_port = (uint16_t)(100 + i);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1001, h_view(h)->snd_nxt, 0), DROP_NONE);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	}
	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(syn_from(h, 103), DROP_TCP_NO_TCB);
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -ENOBUFS);
	CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
	h_expect_none(h);
	h->peer_port = 101;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_RST, 1001, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(syn_from(h, 103), DROP_NONE);
	h_free(h);
}

/** Every connection must find a TIME-WAIT record at its end, so none begins without. */
static void
listen_syn_no_timewait_room(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_tcbs = 2;
	conf.max_timewait = 2;
	h = h_new(&conf, IP_V4, SECOND);
	for (uint16_t port = 100; port < 102; port++) {
		h->peer_port = port;
		h->seq = 1000;
		h_to_state(h, TCP_TIME_WAIT, false);
	}
	CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), 2);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	CU_ASSERT_EQUAL(syn_from(h, 102), DROP_TCP_NO_TIMEWAIT);
	h_expect_none(h);
	/* A tuple in TIME-WAIT may begin anew even then: it gives its own record up. */
	h->peer_port = 100;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 50000, 0, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	CU_ASSERT_EQUAL(syn_from(h, 102), DROP_TCP_NO_TIMEWAIT);
	h_wait_ms(h, 2001);
	CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), 0);
	CU_ASSERT_EQUAL(syn_from(h, 102), DROP_NONE);
	h_free(h);
}

static void
syn_sent_every_port_in_use(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.port_first = 2000;
	conf.port_last = 2003;
	h = h_new(&conf, IP_V4, SECOND);
	for (unsigned int i = 0; i < 4; i++)
		(void)h_open(h);
	CU_ASSERT_EQUAL(tcp_open(h->ctx,
					&(struct tcp_open_args){
							.rport = h->peer_port, .raddr = h->peer}),
			-EADDRNOTAVAIL);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 4);
	CU_ASSERT_EQUAL(twin_open_from(h, 2001), -EADDRINUSE);
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &(struct tcp_open_args){.rport = 0, .raddr = h->peer}),
			-EINVAL);
	h_free(h);
}

/* ------------------------------------------------------------------ options */

enum role { PASSIVE, ACTIVE, SIMULTANEOUS, N_ROLES };

struct offer {
	uint8_t ours, theirs; /* TCP_OPT_* */
	enum role role;
	enum ip_family family;
};

#define NEGOTIATED (TCP_OPT_TS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK)
#define RCV_BUF    1000000 /* 15.3 windows of 65,535: scale 4 */
#define RCV_SCALE  4
#define THEIR_WND  1000 /* divisible by 2^3 */

static void
check_syn_out(const struct h_seg *s, uint8_t opts, enum ip_family family)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->seg.opts, TCP_OPT_MSS | opts);
	CU_ASSERT_EQUAL(s->seg.mss, family == IP_V6 ? 1440 : 1460);
	CU_ASSERT_EQUAL(s->seg.wnd, 65535); /* never scaled */
	if ((opts & TCP_OPT_WSCALE) != 0)
		CU_ASSERT_EQUAL(s->seg.wscale, RCV_SCALE);
	if ((opts & TCP_OPT_TS) != 0)
		CU_ASSERT_EQUAL(s->seg.ts_ecr, (s->seg.flags & TCP_ACK) != 0 ? 777 : 0);
}

/** Open by @p o's role; the last segment of the peer carries SYN unless it is PASSIVE. */
static void
negotiate(struct harness *h, const struct offer *o, uint8_t agreed)
{
	if (o->role == PASSIVE) {
		(void)h_in(h, TCP_SYN, 0);
		check_syn_out(h_expect(h, TCP_SYN | TCP_ACK), agreed, o->family);
		(void)h_in(h, TCP_ACK, 0);
	} else {
		(void)h_open(h);
		check_syn_out(h_expect(h, TCP_SYN), o->ours, o->family);
		if (o->role == SIMULTANEOUS) {
			/* RFC 7323 section 2.2, 3.2: in SYN,ACK only what their SYN had; SACK_OK too. */
			(void)h_in(h, TCP_SYN, 0);
			check_syn_out(h_expect(h, TCP_SYN | TCP_ACK), agreed, o->family);
			h->seq--;
		}
		(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
}

static void
options_case(const struct offer *o)
{
	const uint8_t agreed = o->ours & o->theirs & NEGOTIATED;
	const bool ts = (agreed & TCP_OPT_TS) != 0;
	const bool ws = (agreed & TCP_OPT_WSCALE) != 0;
	const bool v6 = o->family == IP_V6;
	const uint32_t mss = ((o->theirs & TCP_OPT_MSS) != 0    ? 900u :
							     v6 ? 1220u :
								  536u) -
			(ts ? 12u : 0);
	const unsigned int failures = CU_get_number_of_failures();
	struct tcp_conf conf = h_conf();
	const struct h_seg *s;
	struct harness *h;

	conf.timestamps = (o->ours & TCP_OPT_TS) != 0;
	conf.window_scale = (o->ours & TCP_OPT_WSCALE) != 0;
	conf.sack = (o->ours & TCP_OPT_SACK_OK) != 0;
	conf.rcv_buf = RCV_BUF;
	h = h_new(&conf, o->family, SECOND);
	h->opts = o->theirs;
	h->mss = 900;
	h->wscale = 3;
	h->wnd = THEIR_WND;
	h->ts_val = 777;
	negotiate(h, o, agreed);
	CU_ASSERT_EQUAL((h_tcb(h)->flags & TF_SACK) != 0, (agreed & TCP_OPT_SACK_OK) != 0);
	if (o->role == ACTIVE)
		h_expect(h, TCP_ACK);
	/* The window on SYN is as it stands, that of an ACK is scaled. */
	CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(h)),
			o->role == PASSIVE && ws ? THEIR_WND << 3 : THEIR_WND);
	h->wnd = 65535;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(tcp_snd_wnd(h_tcb(h)), ws ? 65535u << 3 : 65535u);
	CU_ASSERT_EQUAL(h_send(h, mss + 1, mss + 1), mss + 1);
	s = h_next(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->len, mss);
	CU_ASSERT_EQUAL(s->seg.opts, ts ? TCP_OPT_TS : 0);
	if (ts)
		CU_ASSERT_EQUAL(s->seg.ts_ecr, 777);
	CU_ASSERT_EQUAL(s->seg.wnd, ws ? (RCV_BUF + (1 << RCV_SCALE) - 1) >> RCV_SCALE : 65535);
	(void)h_in(h, TCP_ACK, 0);
	h_free(h);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case role %d, ours %02x, theirs %02x, family %d\n", o->role,
				o->ours, o->theirs, o->family);
}

static void
handshake_options_matrix(void)
{
	static const uint8_t option[] = {TCP_OPT_TS, TCP_OPT_WSCALE, TCP_OPT_SACK_OK, TCP_OPT_MSS};

	for (unsigned int i = 0; i < 8 * 16 * N_ROLES * 2; i++) {
		struct offer o = {.role = (enum role)(i >> 8), .family = families[i >> 7 & 1]};

		for (unsigned int k = 0; k < 4; k++) {
			o.theirs |= (uint8_t)((i >> k & 1) * option[k]);
			if (k < 3)
				o.ours |= (uint8_t)((i >> (4 + k) & 1) * option[k]);
		}
		options_case(&o);
	}
}

/** MSS 0, absent, 1 to 12 with timestamps: the effective MSS has a floor, and never more than we can send. */
static void
bad_input_06_mss_extremes(void)
{
	static const struct {
		uint16_t mss;
		bool absent;
		uint16_t v4, v6; /* effective, without timestamps */
	} c[] = {{0, true, 536, 1220}, {0, false, 48, 48}, {1, false, 48, 48}, {12, false, 48, 48},
			{13, false, 48, 48}, {47, false, 48, 48}, {48, false, 48, 48},
			{49, false, 49, 49}, {535, false, 535, 535}, {1439, false, 1439, 1439},
			{1440, false, 1440, 1440}, {1460, false, 1460, 1440},
			{1461, false, 1460, 1440}, {65535, false, 1460, 1440}};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(c) * 4; i++) {
		const bool ts = (i & 1) != 0, v6 = (i & 2) != 0;
		const uint32_t want = (v6 ? c[i / 4].v6 : c[i / 4].v4) - (ts ? 12u : 0);
		struct harness *h = h_new(NULL, v6 ? IP_V6 : IP_V4, SECOND);
		uint32_t total = 0;

		h->opts = (uint8_t)((c[i / 4].absent ? 0 : TCP_OPT_MSS) | (ts ? TCP_OPT_TS : 0));
		h->mss = c[i / 4].mss;
		h_to_state(h, TCP_ESTABLISHED, (i & 4) != 0);
		CU_ASSERT_EQUAL(h_send(h, 3000, 3000), 3000);
		while (h->seen < h->n_sent) {
			const struct h_seg *s = h_next(h);

			CU_ASSERT(s->len <= want);
			CU_ASSERT(s->len > 0);
			CU_ASSERT(total > 0 || s->len == want);
			total += s->len;
			if (h->seen == h->n_sent && total < 3000)
				(void)h_in(h, TCP_ACK, 0);
		}
		CU_ASSERT_EQUAL(total, 3000);
		(void)h_in(h, TCP_ACK, 0);
		h_free(h);
	}
}

/** What comes with SYN: not kept, not acknowledged, and no harm. */
static void
listen_syn_with_text(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1000, 0, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h_expect(h, TCP_SYN | TCP_ACK)->seg.ack, 1001);
	CU_ASSERT_EQUAL(h->n_received, 0);
	h->seq = 1001;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h->n_received, 100);
	h_free(h);
}

/** Text with SYN,ACK is taken (RFC 9293 section 3.10.7.3, fourth). */
static void
syn_sent_syn_ack_with_text(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	(void)h_open(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN | TCP_ACK, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->n_received, 100);
	CU_ASSERT_EQUAL(h->received[0], h_pattern(1000));
	h_expect(h, TCP_SYN);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1101);
	h_free(h);
}

/** SEND before ESTABLISHED is queued, and leaves with the handshake's end. */
static void
syn_sent_send_queued(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	const struct h_seg *s;

	(void)h_open(h);
	h_expect(h, TCP_SYN);
	CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
	h_expect_none(h);
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	s = h_expect(h, TCP_ACK | TCP_PSH);
	CU_ASSERT_EQUAL(s->len, 100);
	CU_ASSERT_EQUAL(s->seg.ack, 1001);
	h_expect_none(h);
	(void)h_in(h, TCP_ACK, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ what depends on the tuple, and on the buffer */

/** RFC 6528: ISN and timestamp offset depend on each of the four parts of the tuple, and ends do not look alike. */
static void
isn_depends_on_each_part_of_the_tuple(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	const struct ip_addr a = ip_addr_v4(1), b = ip_addr_v4(2);
	const struct {
		const struct ip_addr *local, *remote;
		uint16_t lport, rport;
	} t[] = {{&a, &b, 80, 90}, {&b, &b, 80, 90}, {&a, &a, 80, 90}, {&a, &b, 81, 90},
			{&a, &b, 80, 91}, {&b, &a, 80, 90}, {&a, &b, 90, 80}, {&a, &b, 80, 80},
			{&a, &b, 90, 90}};
	uint32_t isn[PTCP_ARRAY_SIZE(t)], offset[PTCP_ARRAY_SIZE(t)];

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(t); i++) {
		const struct tcp_start start = tcp_start_of(
				h->ctx, IP_V4, t[i].local, t[i].remote, t[i].lport, t[i].rport);

		isn[i] = start.isn;
		offset[i] = start.ts_offset;
		for (size_t k = 0; k < i; k++) {
			CU_ASSERT_NOT_EQUAL(isn[i], isn[k]);
			CU_ASSERT_NOT_EQUAL(offset[i], offset[k]);
		}
		/* They are halves of one hash, and of the ISN the clock's share is known. */
		CU_ASSERT_NOT_EQUAL(isn[i] - (uint32_t)(h->ctx->now / 4), offset[i]);
	}
	tcp_set_time(h->ctx, h->ctx->now + 4000);
	CU_ASSERT_EQUAL(tcp_start_of(h->ctx, IP_V4, &a, &b, 80, 90).isn, isn[0] + 1000);
	CU_ASSERT_EQUAL(tcp_start_of(h->ctx, IP_V4, &a, &b, 80, 90).ts_offset, offset[0]);
	h_free(h);
}

/** RFC 7323 section 2.2: the smallest scale by which the largest buffer can be told. */
static void
syn_sent_scale_fits_the_buffer(void)
{
	static const struct {
		uint32_t rcv_buf;
		uint8_t scale;
	} row[] = {{2920, 0}, {65535, 0}, {65536, 1}, {131071, 1}, {131072, 2}, {1 << 20, 5},
			{1 << 29, 14}, {1u << 30, 14}};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(row); i++) {
		struct tcp_conf conf = h_conf();
		const struct h_seg *s;
		struct harness *h;

		conf.rcv_buf = row[i].rcv_buf;
		h = h_new(&conf, IP_V4, SECOND);
		(void)h_open(h);
		s = h_expect(h, TCP_SYN);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT((s->seg.opts & TCP_OPT_WSCALE) != 0);
		CU_ASSERT_EQUAL(s->seg.wscale, row[i].scale);
		h_free(h);
		/* What the buffer may grow to is what counts. */
		conf.rcv_buf = 2920;
		conf.rcv_buf_max = row[i].rcv_buf;
		h = h_new(&conf, IP_V4, SECOND);
		(void)h_open(h);
		s = h_expect(h, TCP_SYN);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->seg.wscale, row[i].scale);
		h_free(h);
	}
}

/** The peer comes from the port that we connect to, to @p port, on which we listen. */
static void
aux_peer_takes(struct harness *h, uint16_t port)
{
	const uint16_t peer_port = h->peer_port;

	CU_ASSERT(tcp_listen(h->ctx, h->family == IP_V4 ? 0 : 4, port, 16, 0, 0, NULL) >= 0);
	h->our_port = port;
	h->seq = 5000;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	h->peer_port = peer_port;
}

/** An ephemeral port is passed over where its tuple is in use by a connection that came in, whatever state that is in. */
static void
syn_sent_passes_tuples_that_came_in(void)
{
	for (unsigned int f = 0; f < 2; f++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;
		struct tcp_tcb *tcb;

		conf.port_first = 2000;
		conf.port_last = 2003;
		h = h_new(&conf, families[f], SECOND);
		/* One is half open, one established, one in TIME-WAIT: the fourth is left. */
		aux_peer_takes(h, 2000);
		aux_peer_takes(h, 2001);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		aux_peer_takes(h, 2003);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
		h_pump(h);
		(void)h_in(h, TCP_FIN | TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		h_forget(h);
		tcb = h_open(h);
		CU_ASSERT_EQUAL(tcb->id.lport, 2002);
		h_expect(h, TCP_SYN);
		/* The ports that were tried are nobody's. */
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), 1);
		CU_ASSERT_EQUAL(tcp_open(h->ctx,
						&(struct tcp_open_args){.laddr = f == 0 ? 0 : 4,
								.rport = h->peer_port,
								.raddr = h->peer}),
				-EADDRNOTAVAIL);
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), 1);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 2);
		/* The named one as well. */
		CU_ASSERT_EQUAL(tcp_open(h->ctx,
						&(struct tcp_open_args){.laddr = f == 0 ? 0 : 4,
								.lport = 2001,
								.rport = h->peer_port,
								.raddr = h->peer}),
				-EADDRINUSE);
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), 1);
		for (uint16_t i = 1; i < 4; i++)
			CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, i), 0);
		h_free(h);
	}
}

/** After sixteen tuples that are taken it gives up, and gives back what it had tried. */
static void
syn_sent_tries_sixteen_ports(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.port_first = 2000;
	conf.port_last = 2016;
	h = h_new(&conf, IP_V4, SECOND);
	for (uint16_t port = 2000; port <= 2016; port++)
		aux_peer_takes(h, port);
	CU_ASSERT_EQUAL(tcp_open(h->ctx,
					&(struct tcp_open_args){
							.rport = h->peer_port, .raddr = h->peer}),
			-EADDRNOTAVAIL);
	CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	/* One of the tuples comes free, and is found: the ports go round. */
	h->our_port = 2007;
	(void)h_in_at(h, TCP_RST, 5001, 0, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	for (int tries = 0; tries < 2 && port_count(h->ctx->ports) == 0; tries++)
		(void)tcp_open(h->ctx,
				&(struct tcp_open_args){.rport = h->peer_port, .raddr = h->peer});
	CU_ASSERT_EQUAL(port_count(h->ctx->ports), 1);
	CU_ASSERT_PTR_NOT_NULL(h_tcb(h));
	for (uint16_t i = 1; i < 18; i++)
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, i), 0);
	h_free(h);
}

/** Without IPv6 no IPv6 connection is opened. */
static void
syn_sent_family_that_is_off(void)
{
	struct tcp_conf conf = h_conf();
	struct tcp_open_args args = {.laddr = 4, .rport = 443};
	struct harness *h;

	conf.ipv6 = false;
	h = h_new(&conf, IP_V4, SECOND);
	args.raddr = laddr_get(&h->laddr, 5);
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -EINVAL);
	CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(syn_sent_to_listen_each_segment_lost),
		TEST(bad_input_24_simultaneous_open_each_segment_lost),
		TEST(syn_sent_syn_simultaneous_open),
		TEST(syn_sent_silence_retransmits_until_r2),
		TEST(syn_received_silence_retransmits_until_r2_passive),
		TEST(syn_received_silence_ends_by_r2_active),
		TEST(syn_sent_silence_millisecond_clock_wraps),
		TEST(syn_sent_syn_lost_initial_rto_of_data),
		TEST(syn_received_syn_again_answered),
		TEST(listen_old_duplicate_syn_leaves_nothing),
		TEST(syn_sent_syn_ack_of_old_duplicate_reset),
		TEST(established_syn_of_crashed_peer_recovers),
		TEST(established_data_to_crashed_peer_reset),
		TEST(listen_old_duplicate_syn_both_passive),
		TEST(syn_sent_refused_by_rst),
		TEST(bad_input_20_syn_ack_of_iss),
		TEST(bad_input_20_syn_received_ack_one_too_low),
		TEST(bad_input_20_isn_all_ones_both_sides),
		TEST(listen_syn_backlog_limit),
		TEST(listen_syn_draining_refused),
		TEST(listen_syn_no_tcb),
		TEST(listen_syn_no_timewait_room),
		TEST(syn_sent_every_port_in_use),
		TEST(handshake_options_matrix),
		TEST(bad_input_06_mss_extremes),
		TEST(listen_syn_with_text),
		TEST(syn_sent_syn_ack_with_text),
		TEST(syn_sent_send_queued),
		TEST(isn_depends_on_each_part_of_the_tuple),
		TEST(syn_sent_scale_fits_the_buffer),
		TEST(syn_sent_passes_tuples_that_came_in),
		TEST(syn_sent_tries_sixteen_ports),
		TEST(syn_sent_family_that_is_off),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("handshake", tests)
