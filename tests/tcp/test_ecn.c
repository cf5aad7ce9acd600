/* SPDX-License-Identifier: BSD-3-Clause */
/* ECN: RFC 3168 section 6.1, with what reflects, bleaches and lies. */
#include "harness.h"
#include "twin.h"

#define MSS   1460u
#define SETUP (TCP_ECE | TCP_CWR)

static struct harness *
ecn_new(uint8_t ecn)
{
	struct tcp_conf conf = h_conf();

	conf.ecn = ecn;
	conf.snd_buf = 1 << 20;
	return h_new(&conf, IP_V4, 1000);
}

/** ESTABLISHED by a peer who asks for ECN, nothing logged. */
static struct harness *
ecn_established(void)
{
	struct harness *h = ecn_new(TCP_ECN_PASSIVE);

	h->opts |= TCP_OPT_WSCALE;
	h->wscale = 7;
	(void)h_in(h, TCP_SYN | SETUP, 0);
	h->wnd = 16000;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_ECN, 0);
	h_forget(h);
	return h;
}

/** The peer's next @p len octets, with flags and the ECN bits of its packet. */
static void
text(struct harness *h, uint8_t flags, uint8_t ecn, uint32_t len)
{
	static const uint8_t data[4000];
	struct tcp_seg seg = {.seq = h->seq,
			.ack = h->ack,
			.wnd = h->wnd,
			.flags = flags | TCP_ACK,
			.ecn = ecn};

	h->seq += len;
	(void)h_inject(h, &seg, data, len);
}

/** The peer acknowledges @p n octets more. */
static void
ack(struct harness *h, uint8_t flags, uint32_t n)
{
	(void)h_in_at(h, flags | TCP_ACK, h->seq, h_tcb(h)->snd_una + n, 0);
}

static uint8_t
last_flags(const struct harness *h)
{
	return h->n_sent > 0 ? h->sent[h->n_sent - 1].seg.flags : 0;
}

/* ------------------------------------------------------------------ section 6.1.1: set-up */

static void
listener_agrees_when_asked(void)
{
	static const struct {
		uint8_t conf, asked, answer;
	} cases[] = {
			{TCP_ECN_PASSIVE, SETUP, TCP_ECE},
			{TCP_ECN_ACTIVE, SETUP, TCP_ECE},
			{TCP_ECN_OFF, SETUP, 0},
			{TCP_ECN_PASSIVE, 0, 0},
			{TCP_ECN_ACTIVE, 0, 0},
			{TCP_ECN_ACTIVE, TCP_ECE, 0},
			{TCP_ECN_ACTIVE, TCP_CWR, 0},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = ecn_new(cases[i].conf);
		const struct h_seg *s;

		(void)h_in(h, TCP_SYN | cases[i].asked, 0);
		s = h_expect(h, TCP_SYN | TCP_ACK | cases[i].answer);
		CU_ASSERT(s != NULL && s->seg.ecn == ECN_NOT_ECT);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL((h_tcb(h)->flags & TF_ECN) != 0, cases[i].answer != 0);
		CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_AGREED], cases[i].answer != 0);
		h_free(h);
	}
}

static void
opener_asks_and_judges_the_answer(void)
{
	static const struct {
		uint8_t conf, asks, answer;
		bool ecn;
	} cases[] = {
			{TCP_ECN_ACTIVE, SETUP, TCP_ECE, true},
			{TCP_ECN_ACTIVE, SETUP, 0, false},
			{TCP_ECN_ACTIVE, SETUP, SETUP, false}, /* reflected: section 6.1.1.2 */
			{TCP_ECN_ACTIVE, SETUP, TCP_CWR, false},
			{TCP_ECN_PASSIVE, 0, TCP_ECE, false}, /* nobody asked */
			{TCP_ECN_OFF, 0, TCP_ECE, false},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(cases); i++) {
		struct harness *h = ecn_new(cases[i].conf);
		const struct h_seg *s;

		(void)h_open(h);
		s = h_expect(h, TCP_SYN | cases[i].asks);
		CU_ASSERT(s != NULL && s->seg.ecn == ECN_NOT_ECT);
		(void)h_in(h, TCP_SYN | TCP_ACK | cases[i].answer, 0);
		CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
		(void)h_expect(h, TCP_ACK);
		CU_ASSERT_EQUAL((h_tcb(h)->flags & TF_ECN) != 0, cases[i].ecn);
		(void)h_write(h, MSS, MSS);
		s = h_next(h);
		CU_ASSERT(s != NULL && s->seg.ecn == (cases[i].ecn ? ECN_ECT0 : ECN_NOT_ECT));
		h_free(h);
	}
}

/** Section 6.1.1.1: a SYN that asks may be dropped for it; the next one is plain. */
static void
second_syn_is_plain(void)
{
	struct harness *h = ecn_new(TCP_ECN_ACTIVE);

	(void)h_open(h);
	(void)h_expect(h, TCP_SYN | SETUP);
	h_wait_ms(h, 1000);
	(void)h_expect(h, TCP_SYN);
	(void)h_in(h, TCP_SYN | TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_ECN, 0);
	h_free(h);
}

/** The answer to the first SYN, late: we must obey CE and may not send ECT. */
static void
late_answer_binds_without_ect(void)
{
	struct harness *h = ecn_new(TCP_ECN_ACTIVE);
	const struct h_seg *s;

	(void)h_open(h);
	h_wait_ms(h, 1000);
	(void)h_in(h, TCP_SYN | TCP_ACK | TCP_ECE, 0);
	h_forget(h);
	(void)h_write(h, MSS, MSS);
	s = h_next(h);
	CU_ASSERT(s != NULL && s->seg.ecn == ECN_NOT_ECT);
	text(h, 0, ECN_CE, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	h_free(h);
}

/** The peer's second SYN is plain: so is our second answer, and ECN is off. */
static void
plain_second_syn_takes_ecn_back(void)
{
	struct harness *h = ecn_new(TCP_ECN_PASSIVE);

	(void)h_in(h, TCP_SYN | SETUP, 0);
	(void)h_expect(h, TCP_SYN | TCP_ACK | TCP_ECE);
	h_wait_ms(h, 600);
	(void)h_in_at(h, TCP_SYN, h->seq - 1, 0, 0);
	(void)h_expect(h, TCP_SYN | TCP_ACK);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_ECN, 0);
	h_free(h);
}

static void
simultaneous_open_agrees(void)
{
	struct harness *h = ecn_new(TCP_ECN_ACTIVE);

	(void)h_open(h);
	(void)h_expect(h, TCP_SYN | SETUP);
	(void)h_in(h, TCP_SYN | SETUP, 0);
	(void)h_expect(h, TCP_SYN | TCP_ACK | TCP_ECE);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_ECN, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ section 6.1.2, 6.1.4-6.1.6: what is marked */

static void
only_new_text_is_ect(void)
{
	struct harness *h = ecn_established();
	unsigned int again = 0, empty = 0;

	(void)h_write(h, 3 * MSS, MSS);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_EQUAL(h->sent[i].seg.ecn, ECN_ECT0);
	CU_ASSERT_EQUAL(h->n_sent, 3);
	h_forget(h);
	h_wait_ms(h, 4000);
	text(h, 0, ECN_ECT0, 100);
	h_wait_ms(h, 50);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		CU_ASSERT_EQUAL(h->sent[i].seg.ecn, ECN_NOT_ECT);
		CU_ASSERT_EQUAL(h->sent[i].seg.flags & TCP_CWR, 0);
		again += h->sent[i].rexmt;
		empty += h->sent[i].len == 0;
	}
	CU_ASSERT(again >= 2);
	CU_ASSERT(empty >= 2); /* an ACK and FIN */
	h_free(h);
}

static void
window_probes_carry_neither_ect_nor_cwr(void)
{
	struct harness *h = ecn_established();
	uint16_t wnd = h->wnd;

	(void)h_write(h, 20 * MSS, MSS);
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_CWR, 0);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	h_forget(h);
	h_wait_ms(h, 3000);
	CU_ASSERT(h->counters.n[COUNTER_WINDOW_PROBES] > 0);
	CU_ASSERT(h->n_sent > 0);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		CU_ASSERT_EQUAL(h->sent[i].seg.ecn, ECN_NOT_ECT);
		CU_ASSERT_EQUAL(h->sent[i].seg.flags & TCP_CWR, 0);
	}
	h_forget(h);
	h->wnd = wnd;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h->sent[0].seg.flags & TCP_CWR, TCP_CWR);
	CU_ASSERT_EQUAL(h->sent[0].seg.ecn, ECN_ECT0);
	h_free(h);
}

/* ------------------------------------------------------------------ section 6.1.3: the receiver */

static void
ece_on_every_ack_until_cwr(void)
{
	struct harness *h = ecn_established();

	text(h, 0, ECN_ECT0, 100);
	h_wait_ms(h, 50);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK);
	h_forget(h);
	text(h, 0, ECN_CE, 100);
	CU_ASSERT_EQUAL(h->n_sent, 1); /* at once: it is news */
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	for (unsigned int i = 0; i < 5; i++) {
		text(h, 0, ECN_ECT0, 100);
		h_wait_ms(h, 50);
		CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	}
	/* Our own text acknowledges, too. */
	(void)h_write(h, 10, 10);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_PSH | TCP_ECE);
	text(h, TCP_CWR, ECN_ECT0, 100);
	h_wait_ms(h, 50);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK);
	/* A packet with CWR may itself be marked. */
	text(h, 0, ECN_CE, 100);
	text(h, TCP_CWR, ECN_CE, 100);
	h_wait_ms(h, 50);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_CE_IN], 3);
	h_free(h);
}

/** What comes out of order passes the long way: without CWR it ends nothing. */
static void
text_without_cwr_does_not_end_ece(void)
{
	struct harness *h = ecn_established();
	const uint32_t seq = h->seq;

	text(h, 0, ECN_CE, 100);
	h->seq += 100;
	text(h, 0, ECN_ECT0, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	h->seq = seq + 100;
	text(h, 0, ECN_ECT0, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	h_free(h);
}

/** Nothing is in flight, but unread text keeps the block: a late ECE finds nothing to reduce. */
static void
ece_with_nothing_in_flight(void)
{
	struct harness *h = ecn_established();
	uint32_t cwnd;

	h->auto_read = false;
	text(h, 0, ECN_ECT0, 100);
	(void)h_write(h, 5 * MSS, MSS);
	(void)h_in(h, TCP_ACK, 0);
	cwnd = h_tcb(h)->cwnd;
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	(void)h_in(h, TCP_ACK | TCP_ECE, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, cwnd);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 0);
	h_free(h);
}

/** Section 6.1.5: CE on a segment outside the window is anybody's. */
static void
ce_outside_the_window_is_ignored(void)
{
	struct harness *h = ecn_established();
	static const uint8_t data[100];
	struct tcp_seg seg = {.ack = h->ack, .wnd = h->wnd, .flags = TCP_ACK, .ecn = ECN_CE};

	text(h, 0, ECN_ECT0, 100);
	seg.seq = h->seq - 100;
	(void)h_inject(h, &seg, data, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK);
	seg = (struct tcp_seg){.seq = h->seq + 100000,
			.ack = h->ack,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.ecn = ECN_CE};
	(void)h_inject(h, &seg, data, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK);
	/* On an ACK without text it means nothing. */
	text(h, 0, ECN_CE, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_ECE, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_CE_IN], 0);
	/* Out of order inside the window it counts. */
	seg = (struct tcp_seg){.seq = h->seq + 1000,
			.ack = h->ack,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.ecn = ECN_CE};
	(void)h_inject(h, &seg, data, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	h_free(h);
}

/** Section 6.1.6: "if a window probe arrives with the CE codepoint set, then the receiver SHOULD respond". */
static void
ce_on_a_window_probe_is_told(void)
{
	struct harness *h = ecn_established();

	h->auto_read = false;
	while (tcp_rcv_wnd(h_tcb(h)) > 0)
		text(h, 0, ECN_ECT0, tcp_rcv_wnd(h_tcb(h)) < MSS ? tcp_rcv_wnd(h_tcb(h)) : MSS);
	text(h, 0, ECN_CE, 1);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	h_free(h);
}

static void
plain_connections_know_nothing_of_it(void)
{
	struct harness *h = h_established(NULL);
	const uint32_t cwnd = h_tcb(h)->cwnd;

	text(h, 0, ECN_CE, 100);
	h_wait_ms(h, 50);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK);
	(void)h_write(h, 5 * MSS, MSS);
	ack(h, TCP_ECE, MSS);
	ack(h, SETUP, MSS);
	CU_ASSERT(h_tcb(h)->cwnd >= cwnd);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 0);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		CU_ASSERT_EQUAL(h->sent[i].seg.ecn, ECN_NOT_ECT);
		CU_ASSERT_EQUAL(h->sent[i].seg.flags & SETUP, 0);
	}
	h_free(h);
}

/* ------------------------------------------------------------------ section 6.1.2: the sender */

static void
ece_reduces_once_a_window(void)
{
	struct harness *h = ecn_established();
	uint32_t cwr = 0, end;

	(void)h_write(h, 100 * MSS, MSS);
	end = h_tcb(h)->snd_nxt;
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 5 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	h_forget(h);
	/* The rest of that window, with ECE on every ACK: neither less nor more. */
	while (seq_lt(h_tcb(h)->snd_una, end))
		ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 5 * MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RETRANSMITTED], 0);
	for (unsigned int i = 0; i < h->n_sent; i++)
		cwr += (h->sent[i].seg.flags & TCP_CWR) != 0;
	CU_ASSERT_EQUAL(cwr, 1);
	CU_ASSERT_EQUAL(h->sent[0].seg.flags & TCP_CWR, TCP_CWR);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, end);
	/* The next window reduces again. */
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 2);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS / 2);
	h_free(h);
}

/** All of that window is acknowledged and CWR is on its way: until it arrives, text of the peer's still says ECE. */
static void
ece_until_cwr_arrives_reduces_once(void)
{
	struct harness *h = ecn_established();
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t end;

	(void)h_write(h, 100 * MSS, MSS);
	end = h_tcb(h)->snd_nxt;
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 5 * MSS);
	ack(h, TCP_ECE, end - una - MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, end);
	CU_ASSERT(seq_gt(h_tcb(h)->snd_nxt, end));
	for (unsigned int i = 0; i < 5; i++) {
		h->ack = end;
		text(h, TCP_ECE, ECN_ECT0, 100);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 1);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 5 * MSS);
	/* CWR arrives with CE: that is a new sign. */
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 2);
	h_free(h);
}

/** A loss of what was sent since is no part of that window, though all of it is acknowledged just so. */
static void
loss_behind_the_reduced_window_reduces(void)
{
	struct harness *h = ecn_established();
	const uint32_t una = h_tcb(h)->snd_una;
	uint32_t end;

	(void)h_write(h, 100 * MSS, MSS);
	end = h_tcb(h)->snd_nxt;
	ack(h, TCP_ECE, MSS);
	ack(h, 0, end - una - MSS);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0, 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT(h_tcb(h)->ssthresh < 5 * MSS);
	h_free(h);
}

static void
growth_goes_on_when_ece_ends(void)
{
	struct harness *h = ecn_established();
	uint32_t before;

	(void)h_write(h, 100 * MSS, MSS);
	ack(h, TCP_ECE, MSS);
	while (h_tcb(h)->snd_nxt - h_tcb(h)->snd_una > 5 * MSS)
		ack(h, 0, MSS);
	before = h_tcb(h)->cwnd;
	for (unsigned int i = 0; i < 10; i++)
		ack(h, 0, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, before + 2 * MSS);
	h_free(h);
}

/** A loss in a window that was reduced for ECE already: repaired, but not paid for again. */
static void
loss_after_ece_in_one_window(void)
{
	struct harness *h = ecn_established();

	(void)h_write(h, 100 * MSS, MSS);
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	h_free(h);
}

static void
ece_during_recovery_reduces_no_more(void)
{
	struct harness *h = ecn_established();
	uint32_t ssthresh;

	(void)h_write(h, 100 * MSS, MSS);
	for (unsigned int i = 0; i < 3; i++)
		ack(h, 0, 0);
	ssthresh = h_tcb(h)->ssthresh;
	for (unsigned int i = 0; i < 3; i++)
		ack(h, TCP_ECE, 0);
	ack(h, TCP_ECE, 2 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, ssthresh);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 0);
	h_free(h);
}

/** "For any reason": CWR tells of losses as well, on new text and never on what is sent again. */
static void
cwr_after_a_timeout_on_new_text(void)
{
	struct harness *h = ecn_established();
	unsigned int cwr = 0;

	(void)h_write(h, 12 * MSS, MSS);
	h_forget(h);
	h_wait_ms(h, 1100);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_CWR, 0);
	for (unsigned int i = 0; i < 15 && h_tcb(h)->snd_una != h_tcb(h)->snd_nxt; i++)
		ack(h, 0, MSS);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		if ((h->sent[i].seg.flags & TCP_CWR) != 0) {
			cwr++;
			CU_ASSERT_FALSE(h->sent[i].rexmt);
		}
	}
	CU_ASSERT_EQUAL(cwr, 1);
	h_free(h);
}

/** A loss in a window that was reduced for ECE reduces nothing more, and says nothing of it: CWR ends what CE began since. */
static void
no_cwr_without_a_reduction(void)
{
	struct harness *h = ecn_established();

	(void)h_write(h, 100 * MSS, MSS);
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_CWR, 0);
	ack(h, 0, 5 * MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->flags & TF_CWR, 0); /* it has left */
	h_forget(h);
	for (unsigned int i = 0; i < 8; i++)
		ack(h, 0, 0);
	CU_ASSERT_NOT_EQUAL(h_tcb(h)->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, 5 * MSS);
	CU_ASSERT(h->n_sent > 1);
	for (unsigned int i = 0; i < h->n_sent; i++)
		CU_ASSERT_EQUAL(h->sent[i].seg.flags & TCP_CWR, 0);
	h_free(h);
}

static void
cubic_reduces_to_seven_tenths(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.ecn = TCP_ECN_PASSIVE;
	conf.cc = TCP_CC_CUBIC;
	h = h_new(&conf, IP_V4, 1000);
	(void)h_in(h, TCP_SYN | SETUP, 0);
	(void)h_in(h, TCP_ACK, 0);
	(void)h_write(h, 100 * MSS, MSS);
	ack(h, TCP_ECE, MSS);
	CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 7 * MSS);
	h_free(h);
}

/** An ACK that is old, or that nobody can send: its ECE says nothing. */
static void
ece_on_unacceptable_acks_is_ignored(void)
{
	struct harness *h = ecn_established();

	(void)h_write(h, 10 * MSS, MSS);
	ack(h, 0, 2 * MSS);
	(void)h_in_at(h, TCP_ACK | TCP_ECE, h->seq, h_tcb(h)->snd_una - MSS, 0);
	(void)h_in_at(h, TCP_ACK | TCP_ECE, h->seq, h_tcb(h)->snd_nxt + MSS, 0);
	(void)h_in_at(h, TCP_ACK | TCP_ECE, h->seq + 200000, h_tcb(h)->snd_una + MSS, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECE_IN], 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ECN_REDUCTIONS], 0);
	h_free(h);
}

/* ------------------------------------------------------------------ two ends */

/** A router that marks each tenth packet instead of dropping it: nothing is sent twice, and the window stays small. */
static void
marked_instead_of_dropped(void)
{
	struct tcp_conf conf = h_conf();
	struct twin *t;
	uint32_t marked = 0, n = 0, written = 0;

	conf.ecn = TCP_ECN_ACTIVE;
	conf.cc = TCP_CC_CUBIC;
	conf.snd_buf = conf.rcv_buf = 1 << 20;
	t = twin_new(&conf, IP_V4, 1000, 5000);
	twin_connect(t);
	for (unsigned int i = 0; i < 400; i++) {
		if (written < 600000)
			written += (uint32_t)h_write(t->h[0], 2000, 2000);
		h_forget(t->h[1]);
		twin_run(t, 5000);
		for (unsigned int k = t->head; k != t->tail; k++) {
			struct tcp_seg *seg = &t->frame[k % TWIN_FRAMES].seg;

			if (seg->ecn == ECN_ECT0 && ++n % 50 == 0) {
				seg->ecn = ECN_CE;
				marked++;
			}
		}
	}
	twin_run(t, 2000000);
	CU_ASSERT_EQUAL(written, 600000);
	CU_ASSERT_TRUE(twin_got(t, 1, written));
	CU_ASSERT(marked > 5);
	CU_ASSERT_EQUAL(t->h[1]->counters.n[COUNTER_CE_IN], marked);
	CU_ASSERT(t->h[0]->counters.n[COUNTER_ECN_REDUCTIONS] > 2);
	CU_ASSERT(t->h[0]->counters.n[COUNTER_ECN_REDUCTIONS] <= marked);
	CU_ASSERT_EQUAL(t->h[0]->counters.n[COUNTER_RETRANSMITTED], 0);
	CU_ASSERT_EQUAL(h_tcb(t->h[1])->flags & TF_ECE, 0);
	twin_free(t);
}

/** Old text that a FIN is new on brings the segment into the window, but its CE is the old text's (section 6.1.5). */
static void
ce_on_old_text_with_a_new_fin_is_ignored(void)
{
	struct harness *h = ecn_established();
	static const uint8_t data[100];
	struct tcp_seg seg = {.ack = h->ack,
			.wnd = h->wnd,
			.flags = TCP_ACK | TCP_FIN | TCP_CWR,
			.ecn = ECN_CE};

	text(h, 0, ECN_CE, 100);
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	seg.seq = h->seq - 100;
	(void)h_inject(h, &seg, data, 100);
	/* Its CWR is as old. */
	CU_ASSERT_EQUAL(last_flags(h), TCP_ACK | TCP_ECE);
	CU_ASSERT_EQUAL(h->sent[h->n_sent - 1].seg.ack, h->seq + 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_CE_IN], 1);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
	h_free(h);
}

/** ECE counts for the ACK that carries it: what the next one acknowledges is growth again. */
static void
ece_on_a_repeated_ack_does_not_count_for_the_next(void)
{
	uint32_t grown[2]; /* after so many ACKs */

	for (unsigned int ece = 0; ece < 2; ece++) {
		struct harness *h = ecn_established();

		(void)h_write(h, 100 * MSS, MSS);
		ack(h, TCP_ECE, MSS);
		while (h_tcb(h)->snd_nxt - h_tcb(h)->snd_una > 5 * MSS)
			ack(h, 0, MSS);
		/* Once more of the same window: nothing is reduced again. */
		ack(h, ece ? TCP_ECE : 0, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->cwnd, 5 * MSS);
		for (grown[ece] = 0; h_tcb(h)->cwnd == 5 * MSS && grown[ece] < 20; grown[ece]++)
			ack(h, 0, MSS);
		h_free(h);
	}
	CU_ASSERT(grown[0] < 20);
	CU_ASSERT_EQUAL(grown[0], grown[1]);
}

static CU_TestInfo tests[] = {
		TEST(listener_agrees_when_asked),
		TEST(opener_asks_and_judges_the_answer),
		TEST(second_syn_is_plain),
		TEST(late_answer_binds_without_ect),
		TEST(plain_second_syn_takes_ecn_back),
		TEST(simultaneous_open_agrees),
		TEST(only_new_text_is_ect),
		TEST(window_probes_carry_neither_ect_nor_cwr),
		TEST(ece_on_every_ack_until_cwr),
		TEST(text_without_cwr_does_not_end_ece),
		TEST(ece_with_nothing_in_flight),
		TEST(ce_outside_the_window_is_ignored),
		TEST(ce_on_a_window_probe_is_told),
		TEST(plain_connections_know_nothing_of_it),
		TEST(ece_reduces_once_a_window),
		TEST(ece_until_cwr_arrives_reduces_once),
		TEST(loss_behind_the_reduced_window_reduces),
		TEST(growth_goes_on_when_ece_ends),
		TEST(loss_after_ece_in_one_window),
		TEST(ece_during_recovery_reduces_no_more),
		TEST(cwr_after_a_timeout_on_new_text),
		TEST(no_cwr_without_a_reduction),
		TEST(cubic_reduces_to_seven_tenths),
		TEST(ece_on_unacceptable_acks_is_ignored),
		TEST(marked_instead_of_dropped),
		TEST(ce_on_old_text_with_a_new_fin_is_ignored),
		TEST(ece_on_a_repeated_ack_does_not_count_for_the_next),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("ecn", tests)
