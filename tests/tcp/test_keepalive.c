/* SPDX-License-Identifier: BSD-3-Clause */
/* Keepalive: RFC 9293 section 3.8.4, with the figures of a dead peer exact to the millisecond. */
#include "harness.h"

#include <errno.h>

#define SEC      1000u
#define IDLE     (7200 * SEC) /* the defaults of the API */
#define INTERVAL (75 * SEC)
#define COUNT    10

static void
keep(struct harness *h, bool on, uint32_t idle_ms, uint32_t interval_ms, uint8_t count)
{
	const int profile = h_keep(h->ctx, on, idle_ms, interval_ms, count);

	CU_ASSERT_FATAL(profile >= 0);
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)profile);
	h_pump(h);
}

static struct harness *
in_state(enum tcp_state state, uint8_t opts, time_us_t start)
{
	struct harness *h = h_new(NULL, IP_V4, start);

	h->opts |= opts;
	h_to_state(h, state, false);
	h_forget(h);
	return h;
}

/** ESTABLISHED with keepalive on; the last segment came now. */
static struct harness *
kept(uint32_t idle_ms, uint32_t interval_ms, uint8_t count)
{
	struct harness *h = in_state(TCP_ESTABLISHED, 0, 1000);

	keep(h, true, idle_ms, interval_ms, count);
	return h;
}

/** The next segment is a probe, sent @p ms after @p base: ACK, SND.NXT - 1, no octet. */
static void
expect_probe(struct harness *h, time_us_t base, uint64_t ms)
{
	const struct h_seg *s = h_expect(h, TCP_ACK);

	if (s == NULL)
		return;
	CU_ASSERT_EQUAL(s->when - base, ms * 1000);
	CU_ASSERT_EQUAL(s->seg.seq, h->ack - 1);
	CU_ASSERT_EQUAL(s->seg.ack, h->seq);
	CU_ASSERT_EQUAL(s->len, 0);
	CU_ASSERT(s->seg.wnd > 0);
}

/** All probes unanswered: each at its time, then RST and the closed event. The last segment came at @p base. */
static void
expect_death(struct harness *h, time_us_t base, uint64_t idle_ms, uint64_t interval_ms,
		uint32_t count)
{
	const uint64_t end = idle_ms + count * interval_ms;
	const uint64_t gone = (h->ctx->now - base) / 1000;
	const struct h_seg *s;

	h_wait_ms(h, end - 1 - gone);
	CU_ASSERT_PTR_NOT_NULL(h_tcb(h));
	for (uint32_t i = 0; i < count; i++)
		expect_probe(h, base, idle_ms + i * interval_ms);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, 0);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT((h->all_events & EV_CLOSED) != 0);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	CU_ASSERT_EQUAL(h->event[h->n_event - 1].when - base, end * 1000);
	s = h_expect(h, TCP_RST);
	if (s != NULL)
		CU_ASSERT_EQUAL(s->seg.seq, h->ack);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], count);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_DROPS], 1);
}

/* ------------------------------------------------------------------ the dead peer */

/** Probes at 7,200 s, 7,275 s ... 7,875 s; the connection ends at 7,950 s. */
static void
established_dead_peer_is_dropped_at_7950_s(void)
{
	struct harness *h = kept(IDLE, INTERVAL, COUNT);

	expect_death(h, h->ctx->now, IDLE, INTERVAL, COUNT);
	h_free(h);
}

/** A clock that stands between two milliseconds moves nothing by more than one. */
static void
established_dead_peer_between_milliseconds(void)
{
	struct harness *h = in_state(TCP_ESTABLISHED, 0, 5000777);
	const time_us_t base = h->ctx->now - 777;

	keep(h, true, IDLE, INTERVAL, COUNT);
	h_wait_ms(h, 7950 * SEC);
	for (uint32_t i = 0; i < COUNT; i++)
		expect_probe(h, base, IDLE + i * INTERVAL);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	CU_ASSERT_EQUAL(h->event[h->n_event - 1].when - base, 7950ull * SEC * 1000);
	h_free(h);
}

static void
established_dead_peer_short_and_odd_times(void)
{
	static const struct {
		uint32_t idle_ms, interval_ms;
		uint8_t count;
	} cases[] = {
			{1000, 1000, 3},
			{1, 1, 1},
			{10, 1, 255},
			{255, 256, 4},
			{256, 255, 4},
			{65535, 65536, 2},
			{65537, 3, 9},
			{1000, 100000, 1},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = kept(cases[i].idle_ms, cases[i].interval_ms, cases[i].count);

		expect_death(h, h->ctx->now, cases[i].idle_ms, cases[i].interval_ms,
				cases[i].count);
		h_free(h);
	}
}

/** The timestamp clock goes on in probes, and PAWS does not drop their answers. */
static void
established_probe_carries_timestamps(void)
{
	struct harness *h = in_state(TCP_ESTABLISHED, TCP_OPT_TS, 1000);
	const time_us_t base = h->ctx->now;
	const uint32_t before = h->ts_ecr;

	keep(h, true, 1000, 500, 5);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h->sent[0].seg.opts, TCP_OPT_TS);
	CU_ASSERT_EQUAL(h->sent[0].seg.ts_val - before, 1000);
	expect_probe(h, base, 1000);
	h->ts_val += 1000;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	h_wait_ms(h, 999);
	h_expect_none(h);
	h_free(h);
}

static void
close_wait_and_fin_wait_2_dead_peer(void)
{
	static const enum tcp_state states[] = {TCP_CLOSE_WAIT, TCP_FIN_WAIT_2};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(states); i++) {
		struct harness *h = in_state(states[i], 0, 1000);

		keep(h, true, IDLE, INTERVAL, COUNT);
		expect_death(h, h->ctx->now, IDLE, INTERVAL, COUNT);
		h_free(h);
	}
}

/** Keepalive was on before: it goes on through the half-close. */
static void
fin_wait_2_keeps_the_keepalive_of_established(void)
{
	struct harness *h = kept(IDLE, INTERVAL, COUNT);
	time_us_t base;

	h_wait_ms(h, 1000 * SEC);
	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	h_wait_ms(h, 50);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	base = h->ctx->now;
	h_forget(h);
	expect_death(h, base, IDLE, INTERVAL, COUNT);
	h_free(h);
}

/** A closed connection in FIN-WAIT-2 has its own bound; no probes. */
static void
fin_wait_2_orphan_is_not_probed(void)
{
	struct harness *h = in_state(TCP_FIN_WAIT_2, 0, 1000);

	keep(h, true, 1000, 1000, 255);
	CU_ASSERT(tcp_close(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	h_wait_ms(h, 59999);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_LINGER);
	h_free(h);
}

/* ------------------------------------------------------------------ what resets it */

/** Every kind of acceptable segment, before the first probe and between probes. */
static void
established_acceptable_segment_resets(void)
{
	static const uint32_t waits[] = {
			1, 7199 * SEC + 999, 7200 * SEC, 7230 * SEC, 7275 * SEC, 7949 * SEC + 999};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(waits) * 4; i++) {
		struct harness *h = kept(IDLE, INTERVAL, COUNT);

		h_wait_ms(h, waits[i / 4]);
		switch (i % 4) {
		case 0: /* the answer to a probe */
			CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
			break;
		case 1: /* text, on the predicted path */
			CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
			break;
		case 2: /* text out of order */
			CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq + 10, h->ack, 10), DROP_NONE);
			break;
		case 3: /* window update */
			h->wnd = 1000;
			CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
			break;
		}
		h->counters.n[COUNTER_KEEPALIVE_PROBES] = 0;
		h_wait_ms(h, 40); /* a delayed ACK */
		h_forget(h);
		expect_death(h, h->ctx->now - 40000, IDLE, INTERVAL, COUNT);
		h_free(h);
	}
}

/** Answered for ever: it lives for ever, one probe each two hours. */
static void
established_living_peer_stays(void)
{
	struct harness *h = kept(IDLE, INTERVAL, COUNT);

	for (unsigned int i = 0; i < 30; i++) {
		const time_us_t base = h->ctx->now;

		h_wait_ms(h, IDLE - 1);
		h_expect_none(h);
		h_wait_ms(h, 1);
		expect_probe(h, base, IDLE);
		h_expect_none(h);
		(void)h_in(h, TCP_ACK, 0);
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 30);
	h_free(h);
}

/** Whoever is not the peer cannot keep the connection. */
static void
established_unacceptable_segment_does_not_reset(void)
{
	struct harness *h = kept(10 * SEC, 1 * SEC, 5);
	const time_us_t base = h->ctx->now;
	unsigned int probes = 0;

	for (unsigned int s = 0; s < 14; s++) {
		h_wait_ms(h, SEC);
		(void)h_in_at(h, TCP_ACK, h->seq - 10, h->ack, 5);    /* old text */
		(void)h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 0);     /* old */
		(void)h_in_at(h, TCP_ACK, h->seq + 70000, h->ack, 5); /* beyond the window */
		(void)h_in_at(h, TCP_RST, h->seq + 100, 0, 0);        /* in the window, not exact */
		(void)h_in_at(h, TCP_SYN, h->seq + 100, 0, 0);        /* RFC 5961 section 4 */
		(void)h_in_at(h, TCP_PSH, h->seq, 0, 5);              /* no ACK */
		(void)h_in_at(h, TCP_SYN | TCP_FIN | TCP_ACK, h->seq, h->ack, 0);
	}
	for (unsigned int i = 0; i < h->n_sent; i++)
		probes += h->sent[i].seg.seq == h->ack - 1;
	CU_ASSERT_EQUAL(probes, 5);
	h_wait_ms(h, SEC);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	CU_ASSERT_EQUAL(h->event[h->n_event - 1].when - base, 15 * SEC * 1000);
	h_free(h);
}

/** Timestamps: what PAWS drops, or has none, does not count either. */
static void
established_segment_that_paws_drops_does_not_reset(void)
{
	struct harness *h = in_state(TCP_ESTABLISHED, TCP_OPT_TS, 1000);
	const time_us_t base = h->ctx->now;

	keep(h, true, 10 * SEC, 1 * SEC, 5);
	for (unsigned int s = 0; s < 14; s++) {
		h_wait_ms(h, SEC);
		h->ts_val -= 5;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_TCP_PAWS);
		h->ts_val += 5;
		h->opts &= (uint8_t)~TCP_OPT_TS;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_TCP_NO_TS);
		h->opts |= TCP_OPT_TS;
	}
	h_wait_ms(h, SEC);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_KEEPALIVE);
	CU_ASSERT_EQUAL(h->event[h->n_event - 1].when - base, 15 * SEC * 1000);
	h_free(h);
}

/* ------------------------------------------------------------------ data outstanding */

/** While text is unacknowledged its own timer rules (RFC 9293 section 3.8.4: only when idle). */
static void
established_no_probe_while_text_is_outstanding(void)
{
	struct harness *h = kept(1 * SEC, 1 * SEC, 3);

	(void)h_write(h, 100, 100);
	h_wait_ms(h, 100 * SEC);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_EQUAL(h->sent[i].len, 100);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait_ms(h, 5 * SEC);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 0);
	h_free(h);
}

static void
established_no_probe_while_the_window_is_closed(void)
{
	struct harness *h = kept(1 * SEC, 1 * SEC, 3);

	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 100, 100);
	for (unsigned int i = 0; i < 100; i++) {
		h_wait_ms(h, 2 * SEC);
		(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
	}
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 0);
	h_free(h);
}

/** The ACK of the last text begins the idle time. */
static void
established_idle_begins_with_the_last_ack(void)
{
	struct harness *h = kept(10 * SEC, 1 * SEC, 3);

	h_wait_ms(h, 9 * SEC);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 30 * SEC);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 0);
	h_forget(h);
	expect_death(h, h->ctx->now, 10 * SEC, 1 * SEC, 3);
	h_free(h);
}

/** Text between probes: its ACK begins everything anew, its silence ends by R2. */
static void
established_text_between_probes(void)
{
	struct harness *h = kept(10 * SEC, 10 * SEC, 3);

	h_wait_ms(h, 25 * SEC);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 2);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 100);
	(void)h_in(h, TCP_ACK, 0);
	h->counters.n[COUNTER_KEEPALIVE_PROBES] = 0;
	h_forget(h);
	expect_death(h, h->ctx->now, 10 * SEC, 10 * SEC, 3);
	h_free(h);
	h = kept(10 * SEC, 10 * SEC, 200);
	h_wait_ms(h, 1900 * SEC);
	h_forget(h);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 100 * SEC); /* the probes were no retransmissions: R2 begins here */
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait_ms(h, 5 * SEC);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/** ... and the same when the window is closed, so that a window probe follows keepalive probes. */
static void
established_window_probe_after_probes(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_min_ms = 10000;
	h = h_new(&conf, IP_V4, 1000);
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	keep(h, true, 10 * SEC, 10 * SEC, 200);
	h_wait_ms(h, 1900 * SEC);
	(void)h_write(h, 100, 100);
	h_wait_ms(h, 99 * SEC);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_wait_ms(h, 100 * SEC);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	h_free(h);
}

/* ------------------------------------------------------------------ on and off */

/** RFC 9293 MUST-25: off until asked for. */
static void
established_off_by_default(void)
{
	struct harness *h = in_state(TCP_ESTABLISHED, 0, 1000);

	h_wait_ms(h, 10ull * 86400 * SEC);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h_free(h);
}

static void
established_switched_on_in_mid_life(void)
{
	static const uint64_t before[] = {0, 100 * SEC, 7199 * SEC};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(before); i++) {
		struct harness *h = in_state(TCP_ESTABLISHED, 0, 1000);
		const time_us_t base = h->ctx->now;

		h_wait_ms(h, before[i]);
		keep(h, true, IDLE, INTERVAL, COUNT);
		expect_death(h, base, IDLE, INTERVAL,
				COUNT); /* idle counts from the last segment */
		h_free(h);
	}
}

/** It has been idle for longer than that already, even for longer than 32 bits of milliseconds tell apart. */
static void
established_switched_on_late(void)
{
	static const uint64_t hours[] = {3, 24 * 15, 24 * 26, 24 * 40, 24 * 51};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(hours); i++) {
		struct harness *h = in_state(TCP_ESTABLISHED, 0, 1000);
		time_us_t base;

		h_wait_ms(h, hours[i] * 3600 * SEC);
		h_expect_none(h);
		base = h->ctx->now - (time_us_t)IDLE * 1000;
		keep(h, true, IDLE, INTERVAL, COUNT);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h->n_sent, 1);
		if (h->n_sent == 1) {
			/* At once, or in the next tick. */
			base = h->sent[0].when - (time_us_t)IDLE * 1000;
			expect_death(h, base, IDLE, INTERVAL, COUNT);
		}
		h_free(h);
	}
}

static void
established_switched_off(void)
{
	static const uint32_t waits[] = {1, 7000 * SEC, 7200 * SEC, 7500 * SEC};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(waits); i++) {
		struct harness *h = kept(IDLE, INTERVAL, COUNT);

		h_wait_ms(h, waits[i]);
		h_forget(h);
		keep(h, false, 0, 0, 0);
		h_wait_ms(h, 20000 * SEC);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		/* And on again, with other times. */
		(void)h_in(h, TCP_ACK, 0);
		h->counters.n[COUNTER_KEEPALIVE_PROBES] = 0;
		keep(h, true, 5 * SEC, 2 * SEC, 2);
		expect_death(h, h->ctx->now, 5 * SEC, 2 * SEC, 2);
		h_free(h);
	}
}

/** Longer while probing: the idle time runs anew from the last segment. */
static void
established_made_longer_and_shorter(void)
{
	struct harness *h = kept(10 * SEC, 1 * SEC, 9);
	const time_us_t base = h->ctx->now;

	h_wait_ms(h, 15 * SEC);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_KEEPALIVE_PROBES], 6);
	h->counters.n[COUNTER_KEEPALIVE_PROBES] = 0;
	h_forget(h);
	keep(h, true, IDLE, INTERVAL, COUNT);
	expect_death(h, base, IDLE, INTERVAL, COUNT);
	h_free(h);
	h = kept(IDLE, INTERVAL, COUNT);
	h_wait_ms(h, 3 * SEC);
	keep(h, true, 5 * SEC, 1 * SEC, 3);
	expect_death(h, base, 5 * SEC, 1 * SEC, 3);
	h_free(h);
}

/** Each connection has its own; those that are the same share a profile. */
static void
settings_belong_to_the_connection(void)
{
	static const struct {
		uint32_t idle_ms, interval_ms;
		uint8_t count;
		bool on;
	} want[] = {
			{1000, 1000, 2, true},
			{5000, 500, 3, true},
			{0, 0, 0, false},
			{1000, 1000, 2, true},
	};
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_tcb *tcb[PTCP_ARRAY_SIZE(want)];

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(want); i++) {
		h->peer_port = (uint16_t)(40000 + i);
		h->seq = 1000;
		h_to_state(h, TCP_ESTABLISHED, false);
		tcb[i] = h_tcb(h);
		keep(h, want[i].on, want[i].idle_ms, want[i].interval_ms, want[i].count);
	}
	CU_ASSERT_EQUAL(tcb[0]->profile, tcb[3]->profile);
	CU_ASSERT_NOT_EQUAL(tcb[0]->profile, tcb[1]->profile);
	h_forget(h);
	h_wait_ms(h, 7 * SEC);
	CU_ASSERT_EQUAL(h->n_event, 3);
	for (unsigned int i = 0; i < h->n_event; i++) {
		const bool slow = h->event[i].tcb == tcp_index(h->ctx, tcb[1]);

		CU_ASSERT_EQUAL(h->event[i].reason, TCP_REASON_KEEPALIVE);
		CU_ASSERT_EQUAL(h->event[i].when, 1000 + (slow ? 6500 : 3000) * 1000u);
	}
	CU_ASSERT_EQUAL(tcb[2]->state, TCP_ESTABLISHED);
	h_free(h);
}

static void
accepted_connections_have_the_listener_s(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const int profile = h_keep(h->ctx, true, 3000, 1000, 2);

	CU_ASSERT(tcp_listen_profile(h->ctx, (uint16_t)h->listener, (uint8_t)profile) == 0);
	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	expect_death(h, h->ctx->now, 3000, 1000, 2);
	CU_ASSERT_EQUAL(tcp_listen_profile(h->ctx, LISTENERS_MAX, 0), -ENOENT);
	h_free(h);
}

static void
profiles_are_counted(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	int profile[TCP_PROFILE_MAX];
	unsigned int n = 0;

	while (n < TCP_PROFILE_MAX && (profile[n] = h_keep(h->ctx, true, 1000 + n, 1, 1)) >= 0)
		n++;
	CU_ASSERT_EQUAL(n, TCP_PROFILE_MAX - 1);
	CU_ASSERT_EQUAL(h_keep(h->ctx, true, 999, 1, 1), -ENOSPC);
	CU_ASSERT_EQUAL(h_keep(h->ctx, true, 1000, 1, 1), profile[0]);
	tcp_profile_put(h->ctx, (uint8_t)profile[0]);
	CU_ASSERT_EQUAL(h_keep(h->ctx, true, 999, 1, 1), -ENOSPC);
	for (unsigned int i = 0; i < n; i++)
		tcp_profile_put(h->ctx, (uint8_t)profile[i]);
	profile[0] = h_keep(h->ctx, true, 999, 1, 1);
	CU_ASSERT(profile[0] > 0);
	tcp_profile_put(h->ctx, (uint8_t)profile[0]);
	h_free(h);
}

/* ------------------------------------------------------------------ the peer's probes */

/** A probe without text, and the old kind with one octet of garbage: both are answered (RFC 9293 section 3.8.4). */
static void
any_state_answers_probes(void)
{
	static const enum tcp_state states[] = {TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_FIN_WAIT_2};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(states) * 2; i++) {
		struct harness *h = in_state(states[i / 2], 0, 1000);

		for (unsigned int n = 0; n < 5; n++) {
			const struct h_seg *s;

			h_wait_ms(h, SEC);
			(void)h_in_at(h, TCP_ACK, h->seq - 1, h->ack, i % 2);
			s = h_expect(h, TCP_ACK);
			if (s != NULL) {
				CU_ASSERT_EQUAL(s->seg.seq, h->ack);
				CU_ASSERT_EQUAL(s->seg.ack, h->seq);
				CU_ASSERT_EQUAL(s->len, 0);
			}
			h_expect_none(h);
			CU_ASSERT_EQUAL(h->n_received, 0);
		}
		h_free(h);
	}
}

/** Whatever the peer's period: none of its probes falls to the limit of 500 ms, not even by a clock that wraps. */
static void
established_answers_probes_of_any_period(void)
{
	static const uint32_t periods[] = {
			500, 65536, 65540, 65600, 66000, 131072, 75 * SEC, 7200 * SEC};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(periods); i++) {
		struct harness *h = in_state(TCP_ESTABLISHED, 0, 1000);

		for (unsigned int n = 1; n <= 20; n++) {
			h_wait_ms(h, periods[i]);
			(void)h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 0);
			CU_ASSERT_EQUAL(h->n_sent, n);
		}
		h_free(h);
	}
}

/** Two profiles are one only if they agree in everything. */
static void
profiles_differ_in_each_field(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct tcp_profile base = h->ctx->profile[0];
	struct tcp_profile p[] = {base, base, base, base, base, base, base, base, base, base};

	p[0].keep_idle_ms++;
	p[1].keep_interval_ms++;
	p[2].user_timeout_ms++;
	p[3].linger_ms--;
	p[4].keep_count++;
	p[5].keep_on = !p[5].keep_on;
	p[6].cc = TCP_CC_CUBIC;
	p[7].pacing = !p[7].pacing;
	p[8].dscp++;
	p[9].ttl++;
	for (size_t i = 0; i < PTCP_ARRAY_SIZE(p); i++) {
		const int index = tcp_profile_get(h->ctx, &p[i]);

		CU_ASSERT(index > 0);
		CU_ASSERT_EQUAL(h->ctx->profile[index].refs, 1);
		p[i].refs = 77;
		CU_ASSERT_EQUAL(tcp_profile_get(h->ctx, &p[i]), index);
		CU_ASSERT_EQUAL(h->ctx->profile[index].refs, 2);
		tcp_profile_put(h->ctx, (uint8_t)index);
	}
	CU_ASSERT_EQUAL(tcp_profile_get(h->ctx, &base), 0);
	tcp_profile_put(h->ctx, 0);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_dead_peer_is_dropped_at_7950_s),
		TEST(established_dead_peer_between_milliseconds),
		TEST(established_dead_peer_short_and_odd_times),
		TEST(established_probe_carries_timestamps),
		TEST(close_wait_and_fin_wait_2_dead_peer),
		TEST(fin_wait_2_keeps_the_keepalive_of_established),
		TEST(fin_wait_2_orphan_is_not_probed),
		TEST(established_acceptable_segment_resets),
		TEST(established_living_peer_stays),
		TEST(established_unacceptable_segment_does_not_reset),
		TEST(established_segment_that_paws_drops_does_not_reset),
		TEST(established_no_probe_while_text_is_outstanding),
		TEST(established_no_probe_while_the_window_is_closed),
		TEST(established_idle_begins_with_the_last_ack),
		TEST(established_text_between_probes),
		TEST(established_window_probe_after_probes),
		TEST(established_off_by_default),
		TEST(established_switched_on_in_mid_life),
		TEST(established_switched_on_late),
		TEST(established_switched_off),
		TEST(established_made_longer_and_shorter),
		TEST(settings_belong_to_the_connection),
		TEST(accepted_connections_have_the_listener_s),
		TEST(profiles_are_counted),
		TEST(any_state_answers_probes),
		TEST(established_answers_probes_of_any_period),
		TEST(profiles_differ_in_each_field),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("keepalive", tests)
