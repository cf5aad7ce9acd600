/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection's whole life, both roles: the figures of RFC 9293 section 3.5 and 3.6. */
#include "harness.h"

#include "tcp/tcp_impl.h"

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

/** Names are for logs: each has one, and a number that is none has none. */
static void
names(void)
{
	CU_ASSERT_STRING_EQUAL(tcp_state_name(TCP_SYN_RECEIVED), "SYN-RECEIVED");
	CU_ASSERT_STRING_EQUAL(tcp_reason_name(TCP_REASON_NONE), "none");
	CU_ASSERT_STRING_EQUAL(tcp_cc_name(TCP_CC_CUBIC), "cubic");
	for (unsigned int i = 0; i < TCP_STATE_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(tcp_state_name(i));
	for (unsigned int i = 0; i < TCP_REASON_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(tcp_reason_name(i));
	for (unsigned int i = 0; i < TCP_CC_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(tcp_cc_name(i));
	CU_ASSERT_PTR_NULL(tcp_state_name(TCP_STATE_MAX));
	CU_ASSERT_PTR_NULL(tcp_reason_name(TCP_REASON_MAX));
	CU_ASSERT_PTR_NULL(tcp_cc_name(TCP_CC_MAX));
	CU_ASSERT_PTR_NULL(tcp_state_name(UINT32_MAX));
}

/** A handle names its connection, and after that one's end nothing; neither does any other number. */
static void
handle_names_one_connection(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_tcb *tcb;
	uint64_t handle;

	h->ctx->worker = 7;
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, (uint64_t)7 << 56 | (uint64_t)1 << 28));
	h_to_state(h, TCP_ESTABLISHED, false);
	tcb = h_tcb(h);
	handle = tcp_handle(h->ctx, tcb);
	CU_ASSERT_EQUAL(handle >> 56, 7);
	CU_ASSERT_PTR_EQUAL(tcp_from_handle(h->ctx, handle), tcb);
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, handle ^ (uint64_t)1 << 56)); /* worker */
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, handle ^ (uint64_t)1 << 28)); /* generation */
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, handle + 1));                 /* index */
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, (uint64_t)7 << 56));
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, 0));
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, UINT64_MAX));
	CU_ASSERT(tcp_abort(h->ctx, tcb) == 0);
	h_pump(h);
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, handle));
	/* The successor in the same place is another one. */
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_PTR_EQUAL(h_tcb(h), tcb);
	CU_ASSERT_PTR_NULL(tcp_from_handle(h->ctx, handle));
	h_free(h);
}

/** Generations have 28 bits; 0 is left out when they begin again, so no handle is 0. */
static void
generation_wraps(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_tcb *tcb;

	h_to_state(h, TCP_ESTABLISHED, false);
	tcb = h_tcb(h);
	CU_ASSERT(tcp_abort(h->ctx, tcb) == 0);
	h_pump(h);
	tcb->gen = (1u << 28) - 1;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT_PTR_EQUAL(h_tcb(h), tcb);
	CU_ASSERT_EQUAL(tcb->gen, 1);
	CU_ASSERT_PTR_EQUAL(tcp_from_handle(h->ctx, tcp_handle(h->ctx, tcb)), tcb);
	h_free(h);
}

/** Calls that name a listener that is not there. */
static void
listeners_that_are_none(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	const uint16_t other = (uint16_t)(h->listener + 1);
	const struct tcp_profile quick = {.ttl = 9, .linger_ms = 5};
	const int profile = tcp_profile_get(h->ctx, &quick);

	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, other), -ENOENT);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, LISTENERS_MAX), -ENOENT);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, UINT16_MAX), -ENOENT);
	CU_ASSERT_EQUAL(tcp_listen_profile(h->ctx, other, (uint8_t)profile), -ENOENT);
	CU_ASSERT_EQUAL(tcp_listen_profile(h->ctx, LISTENERS_MAX, (uint8_t)profile), -ENOENT);
	CU_ASSERT_EQUAL(h->ctx->n_state[TCP_LISTEN], 1);
	CU_ASSERT_EQUAL(h->ctx->profile[profile].refs, 1);
	tcp_profile_put(h->ctx, (uint8_t)profile);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)h->listener), 0);
	CU_ASSERT_EQUAL(tcp_unlisten(h->ctx, (uint16_t)h->listener), -ENOENT);
	CU_ASSERT_EQUAL(h->ctx->n_state[TCP_LISTEN], 0);
	h_free(h);
}

/** Whatever is asked of a connection that is not open, only what its state may say leaves; and it is not asked again. */
static void
dead_and_unborn_send_nothing_else(void)
{
	static const enum tcp_state state[] = {
			TCP_SYN_SENT, TCP_SYN_RECEIVED, TCP_TIME_WAIT, TCP_CLOSED};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(state); i++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		struct tcp_tcb *tcb = h_open(h);
		struct tcp_out out;

		if (state[i] != TCP_SYN_SENT)
			(void)h_in(h, state[i] == TCP_SYN_RECEIVED ? TCP_SYN : TCP_SYN | TCP_ACK,
					0);
		h->no_pump = true; /* the closed event keeps the dead */
		if (state[i] == TCP_TIME_WAIT) {
			CU_ASSERT(tcp_shutdown(h->ctx, tcb) == 0);
			CU_ASSERT(tcp_output(h->ctx, tcp_output_next(h->ctx), &out));
			h->ack++;
			(void)h_in(h, TCP_FIN | TCP_ACK, 0);
		} else if (state[i] == TCP_CLOSED) {
			(void)h_in(h, TCP_RST, 0);
		}
		CU_ASSERT_EQUAL(tcb->state, state[i]);
		while (tcp_output_next(h->ctx) != PTCP_NIL)
			(void)tcp_output(h->ctx, tcp_output_next(h->ctx), &out);
		CU_ASSERT_EQUAL(tcb->out, 0);
		tcp_want_output(h->ctx, tcb, OUT_DATA | OUT_REXMT | OUT_PROBE | OUT_TLP);
		CU_ASSERT_EQUAL(tcp_output_next(h->ctx), tcp_index(h->ctx, tcb));
		CU_ASSERT_FALSE(tcp_output(h->ctx, tcp_index(h->ctx, tcb), &out));
		CU_ASSERT_EQUAL(tcb->out, 0);
		CU_ASSERT_EQUAL(tcp_output_next(h->ctx), PTCP_NIL);
		h->no_pump = false;
		h_free(h);
	}
}

/** The node of a connection that has ended may still come due, for its lists were full: that arms nothing anew. */
static void
dead_arm_no_timer(void)
{
	for (unsigned int time_wait = 0; time_wait < 2; time_wait++) {
		struct harness *h = h_new(NULL, IP_V4, 1000);
		struct tcp_tcb *tcb;
		uint32_t index;

		h->opts |= TCP_OPT_TS;
		h_to_state(h, time_wait ? TCP_FIN_WAIT_2 : TCP_ESTABLISHED, false);
		tcb = h_tcb(h);
		index = tcp_index(h->ctx, tcb);
		tcp_profile_set(h->ctx, tcb, (uint8_t)h_keep(h->ctx, true, 60000, 1000, 3));
		h->no_pump = true;
		(void)h_in(h, time_wait ? TCP_FIN | TCP_ACK : TCP_RST, 0);
		CU_ASSERT_EQUAL(tcb->state, time_wait ? TCP_TIME_WAIT : TCP_CLOSED);
		CU_ASSERT_FALSE(wheel_armed(&h->ctx->wheel, index));
		tcp_timeout(h->ctx, index);
		CU_ASSERT_FALSE(wheel_armed(&h->ctx->wheel, index));
		CU_ASSERT_EQUAL(tcb->events, EV_CLOSED | (time_wait ? EV_PEER_CLOSED : 0));
		h->no_pump = false;
		h_free(h);
	}
}

static CU_TestInfo tests[] = {
		TEST(listen_syn_three_way_handshake),
		TEST(syn_sent_syn_ack_three_way_handshake),
		TEST(established_half_close_data_then_time_wait),
		TEST(every_state_is_reached),
		TEST(names),
		TEST(handle_names_one_connection),
		TEST(generation_wraps),
		TEST(listeners_that_are_none),
		TEST(dead_and_unborn_send_nothing_else),
		TEST(dead_arm_no_timer),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("life", tests)
