/* SPDX-License-Identifier: BSD-3-Clause */
/* Path MTU discovery (RFC 1191, RFC 8201) and who is believed (RFC 5927 section 7): BAD-INPUT 39. */
#include "harness.h"

#define MSS     1460u
#define MINUTES (60u * 1000)

static enum drop_reason
claim(struct harness *h, uint32_t seq, uint16_t mtu)
{
	struct tcp_icmp icmp = {.too_big = true, .mtu = mtu};
	enum drop_reason reason;

	icmp.quoted = (struct tcp_seg){.src = laddr_get(&h->laddr, h->family == IP_V4 ? 0 : 4),
			.dst = h->peer,
			.sport = h->our_port,
			.dport = h->peer_port,
			.family = (uint8_t)h->family,
			.laddr = h->family == IP_V4 ? 0 : 4,
			.seq = seq};
	reason = tcp_icmp_arrives(h->ctx, &icmp);
	h_pump(h);
	return reason;
}

/** ESTABLISHED with @p octets in flight or waiting, nothing of them acknowledged, nothing logged. */
static struct harness *
sending(uint32_t octets)
{
	struct harness *h = h_established(NULL);

	(void)h_write(h, octets, 5000);
	h_forget(h);
	return h;
}

static void
ack(struct harness *h, uint32_t n)
{
	(void)h_in_at(h, TCP_ACK, h->seq, h_tcb(h)->snd_una + n, 0);
}

/** The longest segment in the log. */
static uint32_t
longest(const struct harness *h)
{
	uint32_t most = 0;

	for (unsigned int i = 0; i < h->n_sent; i++)
		most = h->sent[i].len > most ? h->sent[i].len : most;
	return most;
}

/** Acknowledge until nothing is left; losses are repaired by time. */
static void
drain(struct harness *h)
{
	for (unsigned int i = 0; i < 200 && h_tcb(h)->snd_una != h_tcb(h)->snd_nxt; i++)
		ack(h,
				h_tcb(h)->snd_nxt - h_tcb(h)->snd_una < 1000 ?
						h_tcb(h)->snd_nxt - h_tcb(h)->snd_una :
						1000);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
}

/* ------------------------------------------------------------------ discovery */

/** Nothing of full size has ever got through: the router is believed, and what it dropped goes again at once. */
static void
first_claim_is_believed(void)
{
	struct harness *h = sending(10 * MSS);
	const uint32_t cwnd = h_tcb(h)->cwnd, una = h_tcb(h)->snd_una;

	CU_ASSERT_EQUAL(claim(h, una, 1400), DROP_NONE);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1360);
	CU_ASSERT(h->n_sent > 0);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, una);
	CU_ASSERT_EQUAL(longest(h), 1360);
	/* As many segments as before; no sign of congestion. */
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd / MSS * 1360);
	CU_ASSERT(h_tcb(h)->ssthresh > 1u << 29);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_REDUCED], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 0);
	drain(h);
	h_free(h);
}

/** In the middle of fast recovery: what duplicates have put on top of the window goes with it. */
static void
claim_in_recovery_ends_the_inflation(void)
{
	struct harness *h = sending(30 * MSS);
	const uint32_t una = h_tcb(h)->snd_una;

	for (unsigned int i = 0; i < 9; i++)
		ack(h, 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT(h_tcb(h)->cwnd > 2 * h_tcb(h)->ssthresh);
	CU_ASSERT_EQUAL(claim(h, una, 1400), DROP_NONE);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1360);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT(h_tcb(h)->cwnd <= h_tcb(h)->ssthresh);
	drain(h);
	h_free(h);
}

/** A way that becomes narrower hop by hop: each router in turn. */
static void
narrower_and_narrower(void)
{
	static const uint16_t mtu[] = {1492, 1480, 1300, 1006, 576};
	struct harness *h = sending(10 * MSS);

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtu); i++) {
		CU_ASSERT_EQUAL(claim(h, h_tcb(h)->snd_una, mtu[i]), DROP_NONE);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, mtu[i] - 40);
	}
	drain(h);
	h_free(h);
}

static void
claims_that_change_nothing(void)
{
	static const uint16_t mtu[] = {1500, 1501, 9000, 65535};
	struct harness *h = sending(10 * MSS);

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtu); i++) {
		CU_ASSERT_EQUAL(claim(h, h_tcb(h)->snd_una, mtu[i]), DROP_NONE);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	}
	CU_ASSERT_EQUAL(h->n_sent, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_REDUCED], 0);
	h_free(h);
}

/** RFC 1191 section 7: routers older than it tell no MTU. */
static void
bad_input_39_mtu_0_steps_down_the_plateaus(void)
{
	static const uint16_t mss[] = {1492 - 40, 1006 - 40, 576 - 40, 576 - 40};
	struct harness *h = sending(10 * MSS);

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mss); i++) {
		(void)claim(h, h_tcb(h)->snd_una, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, mss[i]);
	}
	drain(h);
	h_free(h);
}

/** From the largest packets there are, every plateau. */
static void
bad_input_39_mtu_0_with_large_packets(void)
{
	static const uint16_t mtu[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576, 576};
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.mtu = 65535;
	h = h_new(&conf, IP_V4, 1000);
	h->mss = 65495;
	h_to_state(h, TCP_ESTABLISHED, false);
	(void)h_write(h, 200000, 50000);
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtu); i++) {
		(void)claim(h, h_tcb(h)->snd_una, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, mtu[i] - 40);
	}
	h_free(h);
}

/** MTU 68: every packet 28 octets of text. What every host takes is the floor. */
static void
bad_input_39_mtu_below_the_floor(void)
{
	static const uint16_t mtu[] = {1, 28, 68, 296, 552, 575};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(mtu); i++) {
		struct harness *h = sending(10 * MSS);
		uint16_t mss;

		(void)claim(h, h_tcb(h)->snd_una, mtu[i]);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, 576 - 40);
		drain(h);
		h_free(h);
		h = h_new(NULL, IP_V6, 1000);
		h_to_state(h, TCP_ESTABLISHED, false);
		(void)h_write(h, 10 * MSS, MSS);
		mss = h_tcb(h)->mss;
		(void)claim(h, h_tcb(h)->snd_una, mtu[i]);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, mss); /* discarded (RFC 8201 section 4) */
		h_free(h);
	}
}

/* ------------------------------------------------------------------ who is believed */

static void
bad_input_39_quoted_number_must_be_in_flight(void)
{
	struct harness *h = sending(10 * MSS);
	const uint32_t una = h_tcb(h)->snd_una, nxt = h_tcb(h)->snd_nxt;
	const uint32_t wrong[] = {una - 1, nxt, nxt + 1, una - MSS, una + (1u << 31), 0};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(wrong); i++) {
		CU_ASSERT_EQUAL(claim(h, wrong[i], 600), DROP_ICMP_QUOTE);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	}
	CU_ASSERT_EQUAL(h->n_sent, 0);
	CU_ASSERT_EQUAL(claim(h, nxt - 1, 1400), DROP_NONE);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1360);
	drain(h);
	/* Idle: nothing is in flight. */
	CU_ASSERT_EQUAL(claim(h, h_tcb(h)->snd_una, 600), DROP_ICMP_QUOTE);
	h_free(h);
}

/** RFC 5927 section 7: full segments have got through, so the claim waits; progress refutes it. */
static void
bad_input_39_progress_refutes_a_claim(void)
{
	struct harness *h = sending(40 * MSS);

	ack(h, MSS);
	for (unsigned int i = 0; i < 20; i++) {
		h_forget(h);
		/* An attacker who sees the numbers. */
		(void)claim(h, h_tcb(h)->snd_una, 576);
		CU_ASSERT_EQUAL(h->n_sent, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
		ack(h, MSS);
		for (unsigned int k = 0; k < h->n_sent; k++) {
			CU_ASSERT_EQUAL(h->sent[k].len, MSS);
			CU_ASSERT_FALSE(h->sent[k].rexmt);
		}
	}
	/* Refuted: a timeout later has another reason. */
	h_wait_ms(h, 1500);
	CU_ASSERT(h->counters.n[COUNTER_RTO] > 0);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_DOUBTED], 20);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_REDUCED], 0);
	h_free(h);
}

/** The way has really changed: the quoted segment times out, and goes again in pieces that fit. */
static void
timeout_proves_a_claim(void)
{
	struct harness *h = sending(20 * MSS);
	uint32_t una;

	ack(h, MSS);
	una = h_tcb(h)->snd_una;
	h_forget(h);
	(void)claim(h, una, 1300);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	h_wait_ms(h, tcp_rto_ms(h->ctx, h_tcb(h)));
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RTO], 1);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1260);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, una);
	CU_ASSERT_EQUAL(h->sent[0].len, 1260);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_REDUCED], 1);
	/* Further down the way there may be a smaller one: the new size is unproven, so that is believed at once. */
	(void)claim(h, h_tcb(h)->snd_una, 1200);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1160);
	drain(h);
	h_free(h);
}

/** Small segments that got through prove nothing about full ones. */
static void
small_segments_prove_nothing(void)
{
	struct harness *h = h_established(NULL);

	for (unsigned int i = 0; i < 5; i++) {
		(void)h_write(h, 100, 100);
		ack(h, 100);
	}
	(void)h_write(h, 5 * MSS, MSS);
	(void)claim(h, h_tcb(h)->snd_una, 1400);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1360);
	h_free(h);
}

/** What was proven stays so while the connection is idle. */
static void
proof_outlives_the_block(void)
{
	struct harness *h = sending(5 * MSS);

	drain(h);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	(void)h_write(h, 5 * MSS, MSS);
	(void)claim(h, h_tcb(h)->snd_una, 600);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_DOUBTED], 1);
	h_free(h);
}

/** SYN and FIN fit everywhere. */
static void
claims_about_syn_and_fin_are_false(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);

	(void)h_open(h);
	(void)claim(h, h_tcb(h)->snd_una, 600);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_SENT);
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	(void)claim(h, h_tcb(h)->snd_una, 600);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	h_free(h);
}

/** A peer whose own MSS is smaller than any claim. */
static void
small_peers_stay_small(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);

	h->mss = 100;
	h_to_state(h, TCP_ESTABLISHED, false);
	(void)h_write(h, 1000, 1000);
	(void)claim(h, h_tcb(h)->snd_una, 0);
	(void)claim(h, h_tcb(h)->snd_una, 68);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 100);
	h_free(h);
}

/* ------------------------------------------------------------------ up again */

static void
old_size_is_tried_after_ten_minutes(void)
{
	struct harness *h = sending(10 * MSS);

	(void)claim(h, h_tcb(h)->snd_una, 1400);
	drain(h);
	h_wait_ms(h, 10 * MINUTES - 1);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1360);
	h_wait_ms(h, 1);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_RAISED], 1);
	/* Still too big: a claim is believed at once. */
	(void)h_write(h, 10 * MSS, MSS);
	(void)claim(h, h_tcb(h)->snd_una, 1400);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1360);
	drain(h);
	h_free(h);
}

/** Two reductions: ten minutes from the last one, and then the size of before the first. */
static void
further_reduction_starts_anew(void)
{
	struct harness *h = sending(10 * MSS);

	(void)claim(h, h_tcb(h)->snd_una, 1400);
	h_wait_ms(h, 100);
	drain(h);
	h_wait_ms(h, 6 * MINUTES);
	(void)h_write(h, MSS, MSS);
	(void)claim(h, h_tcb(h)->snd_una, 1300);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1260);
	drain(h);
	h_wait_ms(h, 9 * MINUTES);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1260);
	h_wait_ms(h, 1 * MINUTES);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_RAISED], 1);
	h_free(h);
}

/** Several connections, each reduced twice: each has one entry, and gets its own size back. */
static void
each_has_its_own_entry(void)
{
	enum { N = 5 };
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.data_r2_ms = 86400000;
	h = h_new(&conf, IP_V4, 1000);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < N; i++) {
			h->peer_port = (uint16_t)(20000 + i);
			h->mss = (uint16_t)(1400 + i);
			if (round == 0) {
				h->seq = 1000;
				h_to_state(h, TCP_ESTABLISHED, false);
				(void)h_write(h, 3000, 3000);
			}
			(void)claim(h, h_tcb(h)->snd_una, round == 0 ? 1300 : 1200);
		}
	}
	h_wait_ms(h, 10 * MINUTES);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_RAISED], N);
	for (unsigned int i = 0; i < N; i++) {
		h->peer_port = (uint16_t)(20000 + i);
		CU_ASSERT_EQUAL(h_tcb(h)->mss, 1400 + i);
	}
	h_free(h);
}

/** A claim that still waits when the old size is tried says nothing about that. */
static void
raise_forgets_a_waiting_claim(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_min_ms = 60000;
	conf.rto_initial_ms = 60000;
	h = h_established(&conf);
	(void)h_write(h, 5000, 5000);
	(void)claim(h, h_tcb(h)->snd_una, 1400);
	drain(h);
	/* Proven at the smaller size. */
	(void)h_write(h, 5 * 1360, 1360);
	drain(h);
	h_wait_ms(h, 10 * MINUTES - 1000);
	(void)h_write(h, 5 * 1360, 1360);
	(void)claim(h, h_tcb(h)->snd_una, 1000);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_DOUBTED], 1);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	h_wait_ms(h, 60000);
	CU_ASSERT(h->counters.n[COUNTER_RTO] > 0);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	h_free(h);
}

/** The TCB is another connection's by then. */
static void
successor_is_left_alone(void)
{
	struct harness *h = sending(10 * MSS);
	struct tcp_tcb *tcb = h_tcb(h);

	(void)claim(h, tcb->snd_una, 1400);
	CU_ASSERT_EQUAL(tcp_abort(h->ctx, tcb), 0);
	h_pump(h);
	h->peer_port++;
	h->mss = 700;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_PTR_EQUAL(h_tcb(h), tcb);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 700);
	h_wait_ms(h, 11 * MINUTES);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 700);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_RAISED], 0);
	h_free(h);
}

/** More connections than the list holds: the oldest stay small, the rest is raised. */
static void
list_is_bounded(void)
{
	enum { N = TCP_PMTU_MAX + 10 };
	struct tcp_conf conf = h_conf();
	struct harness *h;
	unsigned int small = 0;

	conf.max_tcbs = 2 * N;
	conf.max_timewait = 4 * N;
	conf.max_blocks = 2 * N;
	h = h_new(&conf, IP_V4, 1000);
	h->no_check = true;
	for (unsigned int i = 0; i < N; i++) {
		h->peer_port = (uint16_t)(20000 + i);
		h_to_state(h, TCP_ESTABLISHED, false);
		(void)h_write(h, 2 * MSS, MSS);
		(void)claim(h, h_tcb(h)->snd_una, 1400);
		drain(h);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_REDUCED], N);
	h_wait_ms(h, 10 * MINUTES);
	for (unsigned int i = 0; i < N; i++) {
		h->peer_port = (uint16_t)(20000 + i);
		small += h_tcb(h)->mss == 1360;
		CU_ASSERT_EQUAL(h_tcb(h)->mss == 1360, i < N - TCP_PMTU_MAX);
	}
	CU_ASSERT_EQUAL(small, N - TCP_PMTU_MAX);
	h_free(h);
}

/** Progress that does not reach the quoted segment says nothing of it: the claim waits on, and its timeout proves it. */
static void
progress_before_the_quoted_segment(void)
{
	struct harness *h = sending(20 * MSS);
	uint32_t quoted;

	ack(h, MSS);
	quoted = h_tcb(h)->snd_una + 2 * MSS;
	(void)claim(h, quoted, 1300);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	ack(h, MSS);
	ack(h, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, quoted);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, MSS);
	h_forget(h);
	h_wait_ms(h, tcp_rto_ms(h->ctx, h_tcb(h)));
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_REDUCED], 1);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1260);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, quoted);
	CU_ASSERT_EQUAL(h->sent[0].len, 1260);
	drain(h);
	h_free(h);
}

/** Ten minutes later the connection has ended, but its reader has not: nothing is raised. */
static void
ended_before_the_raise(void)
{
	for (unsigned int reset = 0; reset < 2; reset++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;
		struct tcp_tcb *tcb;

		conf.msl_ms = 600000;
		h = h_established(&conf);
		tcb = h_tcb(h);
		(void)h_write(h, 5000, 5000);
		(void)claim(h, tcb->snd_una, 1300);
		CU_ASSERT_EQUAL(tcb->mss, 1260);
		drain(h);
		h->ack = tcb->snd_nxt;
		h->auto_read = false;
		h->no_pump = reset != 0;
		if (reset) {
			(void)h_in(h, TCP_RST, 0);
			CU_ASSERT_EQUAL(tcb->state, TCP_CLOSED);
		} else {
			CU_ASSERT(tcp_shutdown(h->ctx, tcb) == 0);
			h_pump(h);
			(void)h_in(h, TCP_FIN | TCP_ACK, 100);
			CU_ASSERT_EQUAL(tcb->state, TCP_TIME_WAIT);
		}
		h_wait_ms(h, 10 * 60 * 1000);
		CU_ASSERT_EQUAL(h->ctx->pmtu_head, h->ctx->pmtu_tail);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_PMTU_RAISED], 0);
		CU_ASSERT_EQUAL(tcb->mss, 1260);
		h->no_pump = false;
		h_free(h);
	}
}

/** A claim that is believed while a loss is being repaired: all goes again in smaller pieces, and recovery goes on. */
static void
claim_during_recovery(void)
{
	struct harness *h = h_sending(NULL, TCP_OPT_SACK_OK, 10);
	const uint32_t una = h_tcb(h)->snd_una;
	const struct tcp_sack k = {una + MSS, una + 4 * MSS};
	uint32_t ssthresh;

	h_wait_ms(h, 20);
	(void)h_sack(h, una, &k, 1);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	ssthresh = h_tcb(h)->ssthresh;
	h_forget(h);
	(void)claim(h, una + 5 * MSS, 1300);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 1260);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & (TF_RECOVERY | TF_LOSS), TF_RECOVERY);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, ssthresh);
	for (unsigned int i = 0; i < 100 && h_tcb(h)->snd_una != h_tcb(h)->snd_nxt; i++) {
		h_wait_ms(h, 20);
		(void)h_in_at(h, TCP_ACK, h->seq, una + 10 * MSS, 0);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una + 10 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & (TF_RECOVERY | TF_LOSS), 0);
	CU_ASSERT(longest(h) <= 1260);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(first_claim_is_believed),
		TEST(claim_in_recovery_ends_the_inflation),
		TEST(narrower_and_narrower),
		TEST(claims_that_change_nothing),
		TEST(bad_input_39_mtu_0_steps_down_the_plateaus),
		TEST(bad_input_39_mtu_0_with_large_packets),
		TEST(bad_input_39_mtu_below_the_floor),
		TEST(bad_input_39_quoted_number_must_be_in_flight),
		TEST(bad_input_39_progress_refutes_a_claim),
		TEST(timeout_proves_a_claim),
		TEST(small_segments_prove_nothing),
		TEST(proof_outlives_the_block),
		TEST(claims_about_syn_and_fin_are_false),
		TEST(small_peers_stay_small),
		TEST(old_size_is_tried_after_ten_minutes),
		TEST(further_reduction_starts_anew),
		TEST(each_has_its_own_entry),
		TEST(raise_forgets_a_waiting_claim),
		TEST(successor_is_left_alone),
		TEST(list_is_bounded),
		TEST(progress_before_the_quoted_segment),
		TEST(ended_before_the_raise),
		TEST(claim_during_recovery),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("pmtud", tests)
