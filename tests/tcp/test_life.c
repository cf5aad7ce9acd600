/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection's whole life, both roles: the figures of RFC 9293 section 3.5 and 3.6. */
#include "harness.h"

/** Figure 6: three messages, passive side. */
static void
listen_syn_three_way_handshake(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;

	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_SYN_RECEIVED);
	s = h_expect(h, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(s->seg.ack, 1001);
	CU_ASSERT_EQUAL(s->seg.mss, 1460);
	CU_ASSERT_EQUAL(h->all_events, 0);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->all_events, EV_ACCEPTED);
	h_expect_none(h);
	h_free(h);
}

static void
syn_sent_syn_ack_three_way_handshake(void)
{
	struct harness *h = h_new(NULL, IP_V6, 1000);
	struct tcp_tcb *tcb = h_open(h);
	const struct h_seg *s = h_expect(h, TCP_SYN);

	CU_ASSERT_EQUAL(tcb->state, TCP_SYN_SENT);
	CU_ASSERT_EQUAL(s->seg.mss, 1440);
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN | TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(h->all_events, EV_CONNECTED);
	s = h_expect(h, TCP_ACK);
	CU_ASSERT_EQUAL(s->seg.ack, 1001);
	h_expect_none(h);
	h_free(h);
}

/** Figure 12, with data both ways before it and from the passive side after the first FIN. */
static void
established_half_close_data_then_time_wait(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const struct h_seg *s;

	h_to_state(h, TCP_ESTABLISHED, true);
	CU_ASSERT_EQUAL(h_send(h, 100, 100), 100);
	s = h_expect(h, TCP_ACK | TCP_PSH);
	CU_ASSERT_EQUAL(s->len, 100);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT(tcp_shutdown(h->ctx, h_tcb(h)) == 0);
	h_pump(h);
	h_expect(h, TCP_FIN | TCP_ACK);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_1);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 0), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 5000), DROP_NONE);
	CU_ASSERT_EQUAL(h->n_received, 5000);
	h_expect(h, TCP_ACK);
	CU_ASSERT_EQUAL(h_in(h, TCP_FIN | TCP_ACK, 0), DROP_NONE);
	h_expect(h, TCP_ACK);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_DONE);
	h_wait_ms(h, 1999);
	CU_ASSERT_EQUAL(h_state(h), TCP_TIME_WAIT);
	h_wait_ms(h, 2);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	h_free(h);
}

static void
every_state_is_reached(void)
{
	for (unsigned int active = 0; active < 2; active++) {
		for (unsigned int state = TCP_CLOSED; state < TCP_STATE_MAX; state++) {
			struct harness *h = h_new(NULL, active ? IP_V6 : IP_V4, 1000);

			h_to_state(h, (enum tcp_state)state, active != 0);
			h_free(h);
		}
	}
}

static CU_TestInfo tests[] = {
		TEST(listen_syn_three_way_handshake),
		TEST(syn_sent_syn_ack_three_way_handshake),
		TEST(established_half_close_data_then_time_wait),
		TEST(every_state_is_reached),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("life", tests)
