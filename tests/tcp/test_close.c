/* SPDX-License-Identifier: BSD-3-Clause */
/* How connections end: RFC 9293 section 3.6 and its figures, loss, TIME-WAIT, orphans, and user calls in every state. */
#include "twin.h"

#include <errno.h>
#include <string.h>

#define SECOND ((time_us_t)TIME_US_PER_SEC)

static const enum ip_family families[] = {IP_V4, IP_V6};

static void
shutdown_side(struct harness *h)
{
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
}

static void
close_side(struct harness *h)
{
	CU_ASSERT_EQUAL(tcp_close(h->ctx, h_tcb(h)), 0);
	h_pump(h);
}

static bool
knows_fin(const struct twin *t, unsigned int i)
{
	return twin_told(t, i, EV_PEER_CLOSED) > 0;
}

/* ------------------------------------------------------------------ loss of each segment in turn */

struct closing {
	bool both;     /* at the same time, else side 1 follows when it hears of FIN */
	uint32_t len;  /* octets each way, just before FIN */
	uint32_t lose; /* which frame from then on */
	uint32_t lose_n;
	enum ip_family family;
};

static void
close_with_loss(const struct closing *c)
{
	const unsigned int failures = CU_get_number_of_failures();
	struct twin *t = twin_new(NULL, c->family, SECOND, 7 * SECOND);
	bool second_done = c->both;

	twin_connect(t);
	twin_run(t, SECOND);
	if (c->len > 0) {
		CU_ASSERT_EQUAL(h_write(t->h[0], c->len, 1000), c->len);
		CU_ASSERT_EQUAL(h_write(t->h[1], c->len, 1000), c->len);
	}
	t->lose = t->n_frames + c->lose;
	t->lose_n = c->lose_n;
	shutdown_side(t->h[0]);
	if (c->both)
		shutdown_side(t->h[1]);
	for (unsigned int i = 0; i < 3000 && !second_done; i++) {
		twin_run(t, 10 * TIME_US_PER_MS);
		if (knows_fin(t, 1)) {
			shutdown_side(t->h[1]);
			second_done = true;
		}
	}
	twin_run(t, 60 * SECOND);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT(twin_got(t, i, c->len));
		CU_ASSERT_EQUAL(twin_told(t, i, EV_PEER_CLOSED), 1);
		CU_ASSERT_EQUAL(twin_told(t, i, EV_CLOSED), 1);
		CU_ASSERT_EQUAL(t->h[i]->reason, TCP_REASON_DONE);
		CU_ASSERT_EQUAL(t->h[i]->counters.n[COUNTER_TIMEWAIT_IN], i == 0 || c->both);
		CU_ASSERT_EQUAL(t->h[i]->counters.n[COUNTER_RST_IN], 0);
		CU_ASSERT(twin_clean(t, i));
	}
	twin_free(t);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case %s, %u octets, frames %u + %u lost, family %d\n",
				c->both ? "simultaneous" : "one after the other", c->len, c->lose,
				c->lose_n, c->family);
}

static void
close_each_segment_lost(bool both)
{
	static const uint32_t lens[] = {0, 100, 4000};

	for (unsigned int i = 0; i < 3 * 12 * 3; i++) {
		const struct closing c = {
				both, lens[i % 3], i / 3 % 12, 1 + i / 36, families[i % 2]};

		close_with_loss(&c);
	}
}

static void
established_close_each_segment_lost(void)
{
	close_each_segment_lost(false);
}

static void
bad_input_24_simultaneous_close_each_segment_lost(void)
{
	close_each_segment_lost(true);
}

/** Figure 13, without loss, on the wire. */
static void
fin_wait_1_fin_simultaneous_close(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	const struct h_seg *s;
	uint32_t fin;

	h_to_state(h, TCP_ESTABLISHED, true);
	shutdown_side(h);
	fin = h_expect(h, TCP_FIN | TCP_ACK)->seg.seq;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_FIN | TCP_ACK, h->seq, fin, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSING);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT_EQUAL(s->seg.seq, fin + 1);
	CU_ASSERT_EQUAL(s->seg.ack, h->seq + 1);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, 0);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq + 1, fin + 1, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	h_free(h);
}

/* ------------------------------------------------------------------ half-close */

/** Side @p first says FIN, and the other one goes on sending for as long as it likes. */
static void
half_close(unsigned int first)
{
	struct twin *t = twin_new(NULL, families[first], SECOND, SECOND);
	const unsigned int other = !first;

	twin_connect(t);
	CU_ASSERT_EQUAL(h_write(t->h[first], 3000, 500), 3000);
	shutdown_side(t->h[first]);
	twin_run(t, SECOND);
	CU_ASSERT(twin_got(t, other, 3000));
	CU_ASSERT_EQUAL(h_state(t->h[first]), TCP_FIN_WAIT_2);
	CU_ASSERT_EQUAL(h_state(t->h[other]), TCP_CLOSE_WAIT);
	for (unsigned int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(h_write(t->h[other], 10000, 3333), 10000);
		twin_run(t, 3600 * SECOND);
	}
	CU_ASSERT(twin_got(t, first, 200000));
	CU_ASSERT_EQUAL(h_state(t->h[first]), TCP_FIN_WAIT_2);
	CU_ASSERT_EQUAL(twin_told(t, first, EV_CLOSED | EV_PEER_CLOSED), 0);
	shutdown_side(t->h[other]);
	twin_run(t, SECOND);
	CU_ASSERT_EQUAL(h_state(t->h[first]), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h_state(t->h[other]), TCP_CLOSED);
	twin_run(t, 2 * SECOND);
	CU_ASSERT(twin_clean(t, 0) && twin_clean(t, 1));
	twin_free(t);
}

static void
fin_wait_2_half_close_active_side(void)
{
	half_close(0);
}

static void
fin_wait_2_half_close_passive_side(void)
{
	half_close(1);
}

/** FIN leaves after the last queued octet, however much that is; ACKs short of it change nothing. */
static void
fin_wait_1_queued_data_before_fin(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t total = 0;
	bool fin = false;

	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h_send(h, 100000, 9000), 100000);
	shutdown_side(h);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	while (!fin) {
		const struct h_seg *s = h_next(h);

		if (s == NULL) {
			CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
			(void)h_in(h, TCP_ACK, 0);
			if (h->seen == h->n_sent)
				break;
			continue;
		}
		total += s->len;
		fin = (s->seg.flags & TCP_FIN) != 0;
	}
	CU_ASSERT(fin);
	CU_ASSERT_EQUAL(total, 100000);
	h_expect_none(h);
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack - 1, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_free(h);
}

/* ------------------------------------------------------------------ FIN and text */

static void
established_fin_with_data(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_FIN | TCP_ACK | TCP_PSH, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h->n_received, 100);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE | EV_PEER_CLOSED);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1102);
	h_expect_none(h);
	h_free(h);
}

/** The user hears of FIN when he has read what came before it, not earlier. */
static void
established_fin_waits_for_reader(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h->auto_read = false;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	CU_ASSERT_EQUAL(h_in(h, TCP_FIN | TCP_ACK, 100), DROP_NONE);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 99), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 1), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE | EV_PEER_CLOSED);
	h_free(h);
}

/** FIN that arrives before octets that lie before it waits for them; its sender need not say it again. */
static void
bad_input_20_fin_before_missing_data(void)
{
	static const enum tcp_state from[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2};
	static const enum tcp_state to[] = {TCP_CLOSE_WAIT, TCP_CLOSING, TCP_TIME_WAIT};

	for (unsigned int i = 0; i < 3 * 2 * 2; i++) {
		const bool bare = (i & 1) != 0; /* FIN in a segment of its own */
		struct harness *h = h_new(NULL, families[i / 2 % 2], SECOND);
		uint32_t una;

		h_to_state(h, from[i / 4], false);
		h_forget(h);
		una = h_tcb(h)->snd_una;
		if (bare) {
			(void)h_in_at(h, TCP_ACK, 1101, una, 100);
			CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1001);
			(void)h_in_at(h, TCP_FIN | TCP_ACK, 1201, una, 0);
		} else {
			(void)h_in_at(h, TCP_FIN | TCP_ACK, 1101, una, 100);
		}
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1001);
		CU_ASSERT_EQUAL(h_state(h), from[i / 4]);
		CU_ASSERT_EQUAL(h->all_events, 0);
		/* Nothing may follow the FIN. */
		(void)h_in_at(h, TCP_ACK, 1150, una, 100);
		CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_AFTER_FIN], 1);
		(void)h_next(h);
		(void)h_in_at(h, TCP_ACK, 1001, una, 100);
		CU_ASSERT_EQUAL(h->n_received, 200);
		CU_ASSERT_EQUAL(h_state(h), to[i / 4]);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, 1202);
		CU_ASSERT((h->all_events & EV_PEER_CLOSED) != 0);
		for (uint32_t k = 0; k < h->n_received; k++)
			CU_ASSERT_EQUAL(h->received[k], h_pattern(1001 + k));
		h_expect_none(h);
		h_free(h);
	}
}

static void
close_wait_fin_again_acknowledged(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_CLOSE_WAIT, false);
	h_forget(h);
	for (unsigned int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(h_in_at(h, TCP_FIN | TCP_ACK, h->seq - 1, h->ack, 0), DROP_TCP_SEQ);
		CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
	}
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
	h_free(h);
}

static void
bad_input_20_last_ack_any_ack(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	uint32_t fin;

	h_to_state(h, TCP_CLOSE_WAIT, false);
	CU_ASSERT_EQUAL(h_send(h, 1000, 1000), 1000);
	shutdown_side(h);
	h_forget(h);
	fin = h_tcb(h)->snd_nxt - 1;
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, fin - 1000);
	/* Nothing new, a part, all text, beyond: none of them is the ACK of FIN. */
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, fin - 1000, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, fin - 500, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, fin, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_LAST_ACK);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, fin + 2, 0), DROP_TCP_ACK_UNSENT);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.seq, fin + 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_LAST_ACK);
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, fin + 1, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ TIME-WAIT */

#define TW_MS 2000 /* 2 * h_conf().msl_ms */

static void
time_wait_fin_again_restarts_2msl(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = h_new(NULL, families[i & 1], SECOND);

		h->opts = (uint8_t)(TCP_OPT_MSS | (i & 2 ? TCP_OPT_TS : 0));
		h->ts_val = 10;
		h_to_state(h, TCP_TIME_WAIT, false);
		h_forget(h);
		for (unsigned int k = 0; k < 5; k++) {
			h_wait_ms(h, TW_MS - 1);
			CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
			h->ts_val++;
			CU_ASSERT_EQUAL(h_in_at(h, TCP_FIN | TCP_ACK, h->seq - 1, h->ack, 0),
					DROP_NONE);
			CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
			CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.seq, h->ack);
			if ((i & 2) != 0)
				CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.ts_ecr, h->ts_val);
		}
		h_wait_ms(h, TW_MS - 1);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_RESTARTS], 5);
		h_free(h);
	}
}

/** Nothing but the FIN restarts it: no ACK, no text, no RST, no old SYN. */
static void
bad_input_25_time_wait_old_segments_do_not_restart(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_TIME_WAIT, false);
	h_forget(h);
	h_wait_ms(h, TW_MS - 1);
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 0);
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 100);
	(void)h_in_at(h, TCP_ACK, h->seq - 100, h->ack, 99);
	(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq, h->ack, 0);
	(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq - 2, h->ack, 0);
	(void)h_in_at(h, TCP_SYN, h->seq - 100, 0, 0);
	(void)h_in_at(h, TCP_RST, h->seq, 0, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

/** RFC 1337: TIME-WAIT is not assassinated, whatever number the RST has. */
static void
bad_input_25_time_wait_rst_ignored(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = h_new(NULL, families[i & 1], SECOND);

		h_to_state(h, TCP_TIME_WAIT, (i & 2) != 0);
		h_forget(h);
		for (uint32_t k = 0; k < 5; k++) {
			(void)h_in_at(h, TCP_RST, h->seq + k - 2, 0, 0);
			(void)h_in_at(h, TCP_RST | TCP_ACK, h->seq + k - 2, h->ack, 0);
		}
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_TIMEWAIT_RST], 10);
		CU_ASSERT_EQUAL(h->all_events, 0);
		h_wait_ms(h, TW_MS);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		h_free(h);
	}
}

/** An old duplicate is answered by one ACK each, and two ends that disagree do not go on for ever. */
static void
bad_input_25_time_wait_ack_loop_ends(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_TIME_WAIT, false);
	h_forget(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 50, h->ack, 50), DROP_TCP_TIMEWAIT_OLD);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq + 5000, h->ack - 5000, 0),
			DROP_TCP_TIMEWAIT_OLD);
	h_expect_none(h);
	h_free(h);
}

/** RFC 6191 section 2. */
struct again {
	bool ts_before, ts_now;
	int ts;  /* of the SYN, relative to the last one */
	int seq; /* of the SYN, relative to the peer's FIN */
	bool accepted;
};

static const struct again repeats[] = {
		/* Timestamps then and now: the later one, or the same and beyond the FIN. */
		{true, true, 1, 1000, true},
		{true, true, 1, -1000, true},
		{true, true, 0x7fffffff, -1000, true},
		{true, true, 0, 1, true},
		{true, true, 0, 0, false},
		{true, true, 0, -1000, false},
		{true, true, -1, 1000, false},
		{true, true, -1, -1000, false},
		{true, true, -0x7fffffff, 0x7fffffff, false},
		/* No longer: the sequence number. */
		{true, false, 0, 1, true},
		{true, false, 0, 0x7fffffff, true},
		{true, false, 0, 0, false},
		{true, false, 0, -1, false},
		/* Not before, but now: an old SYN of that connection would have had none either. */
		{false, true, 0, 1000, true},
		{false, true, 0, -1000, true},
		/* Never: the sequence number. */
		{false, false, 0, 1, true},
		{false, false, 0, 0, false},
		{false, false, 0, -1000, false},
};

static void
again_case(const struct again *a, enum ip_family family)
{
	const unsigned int failures = CU_get_number_of_failures();
	struct harness *h = h_new(NULL, family, SECOND);
	uint32_t last, fin;
	enum drop_reason drop;

	h->opts = (uint8_t)(TCP_OPT_MSS | (a->ts_before ? TCP_OPT_TS : 0));
	h->ts_val = 5;
	h_to_state(h, TCP_TIME_WAIT, false);
	h_forget(h);
	last = h->ack; /* the next number that the old incarnation would have used */
	fin = h->seq - 1;
	h->opts = (uint8_t)(TCP_OPT_MSS | (a->ts_now ? TCP_OPT_TS : 0));
	h->ts_val += (uint32_t)a->ts;
	h->seq = fin + (uint32_t)a->seq;
	drop = h_in(h, TCP_SYN, 0);
	if (a->accepted) {
		const struct h_seg *s = h_expect(h, TCP_SYN | TCP_ACK);

		CU_ASSERT_EQUAL(drop, DROP_NONE);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		/* RFC 9293 section 3.6.1, MAY-2 (1): beyond whatever was used before. */
		CU_ASSERT(seq_geq(s->seg.seq, last));
		CU_ASSERT_EQUAL(timewait_count(h->ctx->timewait), 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_TIMEWAIT_REUSED], 1);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(h->all_events, EV_ACCEPTED);
	} else {
		/* RFC 9293 3.10.7.4, fourth: ACK. (RFC 6191 is older: in silence.) */
		CU_ASSERT_EQUAL(drop, DROP_TCP_TIMEWAIT_OLD);
		h_expect(h, TCP_ACK);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		CU_ASSERT_EQUAL(h->all_events, 0);
		h_wait_ms(h, TW_MS);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	}
	h_free(h);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case timestamps %d then %d, ts %+d, seq %+d\n", a->ts_before,
				a->ts_now, a->ts, a->seq);
}

static void
bad_input_25_time_wait_syn_reuse(void)
{
	for (unsigned int i = 0; i < 2 * PTCP_ARRAY_SIZE(repeats); i++)
		again_case(&repeats[i / 2], families[i & 1]);
}

/** The local port of an active open is free again when its TIME-WAIT gives way to a listener's new connection. */
static void
time_wait_syn_reuse_of_active_opener(void)
{
	for (unsigned int f = 0; f < PTCP_ARRAY_SIZE(families); f++) {
		struct harness *h = h_new(NULL, families[f], SECOND);
		int listener;

		h_to_state(h, TCP_TIME_WAIT, true);
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), 1);
		listener = tcp_listen(h->ctx, f == 0 ? 0 : 4, h->our_port, 4, 0, 0, NULL);
		CU_ASSERT_FATAL(listener >= 0);
		h->seq += 100;
		CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
		CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)listener), 0);
		h_free(h);
	}
}

/** Without room for the newcomer the record stays what it was. */
static void
time_wait_syn_no_room_stays(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_tcbs = 1;
	h = h_new(&conf, IP_V4, SECOND);
	h_to_state(h, TCP_TIME_WAIT, false);
	h->peer_port++;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1, 0, 0), DROP_NONE);
	h->peer_port--;
	h->seen = h->n_sent;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, h->seq + 100, 0, 0), DROP_TCP_NO_TCB);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_wait_ms(h, TW_MS - 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

static void
bad_input_30_connect_to_tuple_in_time_wait(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		const bool active = (i & 2) != 0;
		struct harness *h = h_new(NULL, families[i & 1], SECOND);
		uint16_t port;

		h_to_state(h, TCP_TIME_WAIT, active);
		port = h->our_port;
		CU_ASSERT_EQUAL(twin_open_from(h, port), -EADDRINUSE);
		CU_ASSERT_EQUAL(port_count(h->ctx->ports), active);
		CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
		h_wait_ms(h, TW_MS);
		CU_ASSERT(twin_open_from(h, port) >= 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
		/* And to one that is open. */
		CU_ASSERT_EQUAL(twin_open_from(h, port), -EADDRINUSE);
		h_free(h);
	}
}

/* ------------------------------------------------------------------ silence: every state has a deadline */

/** BAD-INPUT 26. @return when it ended, ms after the call */
static uint64_t
wait_for_end(struct harness *h, uint64_t limit_ms)
{
	const time_us_t start = h->ctx->now;

	while (h_tcb(h) != NULL && h->ctx->now - start < limit_ms * TIME_US_PER_MS)
		h_wait_ms(h, 100);
	return (h->ctx->now - start) / TIME_US_PER_MS;
}

static void
bad_input_26_total_loss_ends_by_r2(void)
{
	static const enum tcp_state states[] = {TCP_FIN_WAIT_1, TCP_CLOSING, TCP_LAST_ACK};

	for (unsigned int i = 0; i < 3 * 2 * 3; i++) {
		const enum tcp_state state = states[i % 3];
		struct harness *h = h_new(NULL, families[i / 3 % 2], SECOND);
		uint64_t ms;

		if (i / 6 == 0) {
			h_to_state(h, state, true);
		} else {
			/* With text before the FIN, and with nobody who waits. */
			h_to_state(h, state == TCP_LAST_ACK ? TCP_CLOSE_WAIT : TCP_ESTABLISHED,
					true);
			CU_ASSERT_EQUAL(h_send(h, 5000, 1000), 5000);
			if (i / 6 == 1)
				shutdown_side(h);
			else
				close_side(h);
			if (state == TCP_CLOSING)
				(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq, h_tcb(h)->snd_una, 0);
		}
		CU_ASSERT_EQUAL_FATAL(h_state(h), state);
		ms = wait_for_end(h, 400000);
		CU_ASSERT(ms >= 100000);
		CU_ASSERT(ms < 161000); /* R2, and at most one RTO more */
		CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, EV_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 0);
		CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 0);
		h_free(h);
	}
}

/** FIN is retransmitted with doubled RTO from all three states. */
static void
closing_silence_fin_retransmitted(void)
{
	static const enum tcp_state states[] = {TCP_FIN_WAIT_1, TCP_CLOSING, TCP_LAST_ACK};

	for (unsigned int i = 0; i < 3; i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);
		uint32_t fin;

		h_to_state(h, states[i], false);
		fin = h_tcb(h)->snd_una;
		h_forget(h);
		h_wait_ms(h, 200 + 400 + 800 + 1600);
		CU_ASSERT_EQUAL(h->n_sent, 4);
		for (unsigned int k = 0; k < 4 && k < h->n_sent; k++) {
			CU_ASSERT_EQUAL(h->sent[k].seg.flags, TCP_FIN | TCP_ACK);
			CU_ASSERT_EQUAL(h->sent[k].seg.seq, fin);
			CU_ASSERT(h->sent[k].rexmt);
			CU_ASSERT_EQUAL(h->sent[k].when,
					SECOND + 200 * ((2u << k) - 1) * TIME_US_PER_MS);
		}
		h_free(h);
	}
}

/** Nobody waits for the peer's FIN: 60 s, to the millisecond; ACKs of the peer do not make it longer. */
static void
bad_input_26_orphaned_fin_wait_2_ends(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct harness *h = h_new(NULL, families[i & 1], SECOND);

		h_to_state(h, TCP_ESTABLISHED, (i & 2) != 0);
		close_side(h);
		h_forget(h);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
		h_wait_ms(h, 30000);
		(void)h_in(h, TCP_ACK, 0);
		h_wait_ms(h, 29999);
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
		CU_ASSERT_EQUAL(h->all_events, 0);
		h_wait_ms(h, 1);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->all_events, EV_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_LINGER);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
		h_free(h);
	}
}

/** Half-closed is not orphaned: it lasts. ptcp_close() later sets the bound from then on. */
static void
fin_wait_2_half_closed_lasts_until_close(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_FIN_WAIT_2, true);
	h_wait_ms(h, 24u * 3600 * 1000);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	close_side(h);
	h_wait_ms(h, 59999);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_LINGER);
	h_free(h);
}

static void
fin_wait_2_orphaned_fin_time_wait(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, true);
	close_side(h);
	(void)h_in(h, TCP_ACK, 0);
	h_wait_ms(h, 59000);
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	h_free(h);
}

/* ------------------------------------------------------------------ nobody reads */

/** RFC 9293 section 3.6.1, RFC 1122 4.2.2.13: text that nobody will read is answered by RST. */
static void
bad_input_20_data_after_close_reset(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		const bool acked = (i & 2) != 0; /* FIN-WAIT-2, else FIN-WAIT-1 */
		struct harness *h = h_new(NULL, families[i & 1], SECOND);

		h_to_state(h, TCP_ESTABLISHED, true);
		close_side(h);
		if (acked)
			(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq, acked ? h->ack : h->ack - 1, 100),
				DROP_TCP_AFTER_CLOSE);
		CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, h->ack);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->all_events, EV_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_ABORTED);
		CU_ASSERT_EQUAL(h->n_received, 0);
		h_free(h);
	}
}

/** Text that was there before close is old, not new: its retransmission resets nobody. */
static void
fin_wait_1_old_data_after_close_acknowledged(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, true);
	(void)h_in(h, TCP_ACK, 100);
	close_side(h);
	h_forget(h);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h->seq - 100, h->ack - 1, 100), DROP_TCP_SEQ);
	CU_ASSERT_EQUAL(h_expect(h, TCP_ACK)->seg.ack, h->seq);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	h_free(h);
}

/** RFC 2525 section 2.17. */
static void
established_close_with_unread_data_reset(void)
{
	static const enum tcp_state states[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT};

	for (unsigned int i = 0; i < 3; i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);

		h->auto_read = false;
		h_to_state(h, states[i] == TCP_CLOSE_WAIT ? TCP_ESTABLISHED : states[i], false);
		(void)h_in(h, TCP_ACK, 100);
		if (states[i] == TCP_CLOSE_WAIT)
			(void)h_in(h, TCP_FIN | TCP_ACK, 0);
		CU_ASSERT_EQUAL_FATAL(h_state(h), states[i]);
		h_forget(h);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 100);
		close_side(h);
		CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, h->ack);
		h_expect_none(h);
		CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
		CU_ASSERT_EQUAL(h->all_events & EV_CLOSED, EV_CLOSED);
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_ABORTED);
		CU_ASSERT_EQUAL(h->ctx->tcb_pool.n_used, 0);
		h_free(h);
	}
}

/** An orderly end with text unread: `closed` waits for the reader, TIME-WAIT does not. */
static void
time_wait_unread_data_still_readable(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);
	struct tcp_tcb *tcb;
	struct tcp_buf buf;

	h->auto_read = false;
	h_to_state(h, TCP_FIN_WAIT_2, false);
	tcb = h_tcb(h);
	h_forget(h);
	(void)h_in(h, TCP_FIN | TCP_ACK, 100);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE);
	CU_ASSERT_EQUAL(tcp_send(h->ctx, tcb, &(struct tcp_buf){0}, 1), -EPIPE);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, tcb), -ENOTCONN);
	h_wait_ms(h, TW_MS + 1000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE);
	CU_ASSERT_EQUAL(tcp_recv(h->ctx, tcb, &buf, 1), 1);
	CU_ASSERT_EQUAL(buf.len, 100);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, tcb, 100), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h->all_events, EV_READABLE | EV_PEER_CLOSED | EV_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	h_free(h);
}

/* ------------------------------------------------------------------ user calls in every state (BAD-INPUT 30) */

enum call { SEND, SHUTDOWN, CLOSE, ABORT, RECV_DONE_0, RECV_DONE_1, N_CALLS };

static const char *const call_names[] = {
		"send", "shutdown", "close", "abort", "recv_done_0", "recv_done_1"};

/** What a call answers, the state it leads to, and the flags of what it sends (0: nothing). */
struct answer {
	int rc;
	enum tcp_state after;
	uint8_t flags;
};

struct call_row {
	enum tcp_state state;
	struct answer a[N_CALLS];
};

#define SAME TCP_STATE_MAX
#define FA   (TCP_FIN | TCP_ACK)
#define PA   (TCP_PSH | TCP_ACK)
#define NONE                                                                                       \
	{                                                                                          \
		-EINVAL, SAME, 0                                                                   \
	} /* recv_done of what is not there */

/* RFC 9293 section 3.10.2 SEND, 3.10.4 CLOSE, 3.10.5 ABORT. Where our FIN is out, the state was entered by shutdown. */
/* clang-format off */
static const struct call_row calls[] = {
	/* SEND is queued; CLOSE deletes the TCB; half-close waits; ABORT sends no RST. */
	{TCP_SYN_SENT, {{1, SAME, 0}, {0, SAME, 0}, {0, TCP_CLOSED, 0}, {0, TCP_CLOSED, 0},
			{0, SAME, 0}, NONE}},
	/* CLOSE waits for ESTABLISHED. (The text lets FIN go at once; it goes with the next ACK.) */
	{TCP_SYN_RECEIVED, {{1, SAME, 0}, {0, SAME, 0}, {0, SAME, 0}, {0, TCP_CLOSED, TCP_RST},
			{0, SAME, 0}, NONE}},
	{TCP_ESTABLISHED, {{1, SAME, PA}, {0, TCP_FIN_WAIT_1, FA}, {0, TCP_FIN_WAIT_1, FA},
			{0, TCP_CLOSED, TCP_RST}, {0, SAME, 0}, NONE}},
	{TCP_FIN_WAIT_1, {{-EPIPE, SAME, 0}, {-EPIPE, SAME, 0}, {0, SAME, 0},
			{0, TCP_CLOSED, TCP_RST}, {0, SAME, 0}, NONE}},
	{TCP_FIN_WAIT_2, {{-EPIPE, SAME, 0}, {-EPIPE, SAME, 0}, {0, SAME, 0},
			{0, TCP_CLOSED, TCP_RST}, {0, SAME, 0}, NONE}},
	{TCP_CLOSE_WAIT, {{1, SAME, PA}, {0, TCP_LAST_ACK, FA}, {0, TCP_LAST_ACK, FA},
			{0, TCP_CLOSED, TCP_RST}, {0, SAME, 0}, NONE}},
	{TCP_CLOSING, {{-EPIPE, SAME, 0}, {-EPIPE, SAME, 0}, {0, SAME, 0}, {0, TCP_CLOSED, 0},
			{0, SAME, 0}, NONE}},
	{TCP_LAST_ACK, {{-EPIPE, SAME, 0}, {-EPIPE, SAME, 0}, {0, SAME, 0}, {0, TCP_CLOSED, 0},
			{0, SAME, 0}, NONE}},
};
/* clang-format on */

static int
call(struct harness *h, struct tcp_tcb *tcb, enum call what)
{
	struct tcp_buf buf;
	int rc;

	switch (what) {
	case SEND:
		buf = h_buf(100);
		memset(buf.data, 0, 100);
		rc = tcp_send(h->ctx, tcb, &buf, 1);
		if (rc != 1)
			tcp_buf_free(buf.owner);
		return rc;
	case SHUTDOWN:
		return tcp_shutdown(h->ctx, tcb);
	case CLOSE:
		return tcp_close(h->ctx, tcb);
	case ABORT:
		return tcp_abort(h->ctx, tcb);
	default:
		return tcp_recv_done(h->ctx, tcb, what == RECV_DONE_1);
	}
}

static void
call_case(const struct call_row *row, enum call what, bool active, enum ip_family family)
{
	const unsigned int failures = CU_get_number_of_failures();
	const struct answer *a = &row->a[what];
	struct harness *h = h_new(NULL, family, SECOND);
	struct tcp_tcb *tcb;
	uint64_t handle;
	uint32_t nxt;

	h_to_state(h, row->state, active);
	tcb = h_tcb(h);
	handle = tcp_handle(h->ctx, tcb);
	nxt = tcb->snd_nxt;
	h_forget(h);
	CU_ASSERT_EQUAL(call(h, tcb, what), a->rc);
	h_pump(h);
	CU_ASSERT_EQUAL(h_state(h), a->after == SAME ? row->state : a->after);
	if (a->flags != 0) {
		CU_ASSERT_EQUAL(h->n_sent, 1);
		CU_ASSERT_EQUAL(h->sent[0].seg.seq, nxt);
		h_expect(h, a->flags);
	}
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->all_events, a->after == TCP_CLOSED ? EV_CLOSED : 0);
	if (a->after == TCP_CLOSED)
		CU_ASSERT_EQUAL(h->reason, TCP_REASON_ABORTED);
	/* A handle outlives its connection, and says so. */
	CU_ASSERT_EQUAL(tcp_from_handle(h->ctx, handle) == NULL, a->after == TCP_CLOSED);
	if (a->after != TCP_CLOSED && what == CLOSE)
		CU_ASSERT_EQUAL(tcp_close(h->ctx, tcb), -EPIPE);
	if (a->after != TCP_CLOSED && (what == CLOSE || what == SHUTDOWN)) {
		CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, tcb), -EPIPE);
		CU_ASSERT_EQUAL(call(h, tcb, SEND), -EPIPE);
		h_pump(h);
		h_expect_none(h);
	}
	h_free(h);
	if (CU_get_number_of_failures() != failures)
		fprintf(stderr, "case %s in %s, %s\n", call_names[what], tcp_state_name(row->state),
				active ? "active" : "passive");
}

static void
bad_input_30_every_call_in_every_state(void)
{
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(calls) * N_CALLS * 4; i++) {
		const struct call_row *row = &calls[i / 4 / N_CALLS];
		const bool active = (i & 1) != 0;

		/* Only an active opener has a handle that early. */
		if (row->state > TCP_SYN_RECEIVED || active)
			call_case(row, (enum call)(i / 4 % N_CALLS), active, families[i >> 1 & 1]);
	}
}

/** What was asked for before ESTABLISHED happens then: text, then FIN. */
static void
bad_input_30_shutdown_before_established(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		const enum tcp_state state = (i & 1) != 0 ? TCP_SYN_RECEIVED : TCP_SYN_SENT;
		const bool text = (i & 2) != 0, orphan = (i & 4) != 0;
		struct harness *h;
		const struct h_seg *s;

		if (orphan && state == TCP_SYN_SENT)
			continue; /* that is the end of it */
		h = h_new(NULL, IP_V4, SECOND);
		h_to_state(h, state, true);
		if (text)
			CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
		if (orphan)
			close_side(h);
		else
			shutdown_side(h);
		h_expect_none(h);
		if (state == TCP_SYN_SENT)
			(void)h_in(h, TCP_SYN | TCP_ACK, 0);
		else
			(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
		CU_ASSERT((h->all_events & EV_CONNECTED) != 0);
		s = h_expect(h, text ? FA | TCP_PSH : FA);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->len, text ? 100 : 0);
		h_expect_none(h);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
		h_free(h);
	}
}

/** CLOSE of a listener: half-open connections are reset, established ones are not its business. */
static void
bad_input_30_unlisten_in_syn_received(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h_to_state(h, TCP_ESTABLISHED, false);
	h->peer_port = 7;
	h->seq = 1000;
	h_to_state(h, TCP_SYN_RECEIVED, false);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)h->listener), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, h->ack);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)h->listener), -ENOENT);
	CU_ASSERT_EQUAL(h_in_at(h, TCP_SYN, 1, 0, 0), DROP_TCP_NO_CONN);
	h->peer_port = 40000;
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	h->listener = tcp_listen(h->ctx, 0, 80, 16, 0, 0, NULL);
	CU_ASSERT_EQUAL(tcp_listen(h->ctx, 0, 80, 16, 0, 0, NULL), -EADDRINUSE);
	h_free(h);
}

/** Between the end and the closed event: defined answers, and the event comes once. */
static void
bad_input_30_calls_before_closed_is_delivered(void)
{
	for (unsigned int i = 0; i < N_CALLS; i++) {
		struct harness *h = h_new(NULL, IP_V4, SECOND);
		static const int want[] = {-ENOTCONN, -ENOTCONN, 0, 0, 0, -EINVAL};
		struct tcp_tcb *tcb;

		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
		tcb = h_tcb(h);
		CU_ASSERT_EQUAL(tcp_abort(h->ctx, tcb), 0);
		CU_ASSERT_EQUAL(tcb->state, TCP_CLOSED);
		CU_ASSERT_EQUAL(call(h, tcb, (enum call)i), want[i]);
		h_pump(h);
		CU_ASSERT_EQUAL(h->n_event, 1);
		CU_ASSERT_EQUAL(h->all_events, EV_CLOSED);
		h_expect(h, TCP_RST);
		h_expect_none(h);
		h_free(h);
	}
}

/** ABORT with everything in the queues: nothing is left, and one RST goes out. */
static void
established_abort_with_queues(void)
{
	struct harness *h = h_new(NULL, IP_V4, SECOND);

	h->auto_read = false;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_EQUAL(h_send(h, 200000, 5000), 200000);
	(void)h_in(h, TCP_ACK, 1000);
	(void)h_in_at(h, TCP_ACK, h->seq + 500, h->ack, 1000);
	CU_ASSERT(h->ctx->node_pool.n_used > 2);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	CU_ASSERT_EQUAL(h_expect(h, TCP_RST)->seg.seq, h->ack);
	h_expect_none(h);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_ABORTED);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 0);
	CU_ASSERT_EQUAL(h_bufs(), 0);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_close_each_segment_lost),
		TEST(bad_input_24_simultaneous_close_each_segment_lost),
		TEST(fin_wait_1_fin_simultaneous_close),
		TEST(fin_wait_2_half_close_active_side),
		TEST(fin_wait_2_half_close_passive_side),
		TEST(fin_wait_1_queued_data_before_fin),
		TEST(established_fin_with_data),
		TEST(established_fin_waits_for_reader),
		TEST(bad_input_20_fin_before_missing_data),
		TEST(close_wait_fin_again_acknowledged),
		TEST(bad_input_20_last_ack_any_ack),
		TEST(time_wait_fin_again_restarts_2msl),
		TEST(bad_input_25_time_wait_old_segments_do_not_restart),
		TEST(bad_input_25_time_wait_rst_ignored),
		TEST(bad_input_25_time_wait_ack_loop_ends),
		TEST(bad_input_25_time_wait_syn_reuse),
		TEST(time_wait_syn_reuse_of_active_opener),
		TEST(time_wait_syn_no_room_stays),
		TEST(bad_input_30_connect_to_tuple_in_time_wait),
		TEST(bad_input_26_total_loss_ends_by_r2),
		TEST(closing_silence_fin_retransmitted),
		TEST(bad_input_26_orphaned_fin_wait_2_ends),
		TEST(fin_wait_2_half_closed_lasts_until_close),
		TEST(fin_wait_2_orphaned_fin_time_wait),
		TEST(bad_input_20_data_after_close_reset),
		TEST(fin_wait_1_old_data_after_close_acknowledged),
		TEST(established_close_with_unread_data_reset),
		TEST(time_wait_unread_data_still_readable),
		TEST(bad_input_30_every_call_in_every_state),
		TEST(bad_input_30_shutdown_before_established),
		TEST(bad_input_30_unlisten_in_syn_received),
		TEST(bad_input_30_calls_before_closed_is_delivered),
		TEST(established_abort_with_queues),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("close", tests)
