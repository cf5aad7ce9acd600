/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the queues: what is accounted, who is refused, who is never starved, and who has to go (BAD-INPUT 35). */
#include "harness.h"

#include "tcp/tcp_impl.h"

#include <string.h>

#define NODE ((uint32_t)sizeof(struct tcp_node))

/** The connection from @p port becomes the one that h_in() and h_write() mean; a new one when there is none. */
static struct tcp_tcb *
peer(struct harness *h, uint16_t port)
{
	h->peer_port = port;
	h->our_port = 80;
	if (h_tcb(h) == NULL) {
		h->seq = 1000;
		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
	}
	h->seq = h_tcb(h)->rcv_nxt;
	h->ack = h_tcb(h)->snd_una;
	return h_tcb(h);
}

/** Text of @p len octets of the connection from @p port, @p gap octets too far. */
static void
text_behind_gap(struct harness *h, uint16_t port, uint32_t gap, uint32_t len)
{
	(void)peer(h, port);
	(void)h_in_at(h, TCP_ACK, h->seq + gap, h->ack, len);
}

static struct harness *
established(const struct tcp_conf *conf)
{
	struct harness *h = h_new(conf, IP_V4, 1000);

	(void)peer(h, 40000);
	return h;
}

/** The window of the segment that was sent last. */
static uint32_t
window(const struct harness *h)
{
	CU_ASSERT_FATAL(h->n_sent > 0);
	return (uint32_t)h->sent[h->n_sent - 1].seg.wnd;
}

/** The window that the peer with port @p port was told last. */
static uint32_t
window_told(const struct harness *h, uint16_t port)
{
	for (uint32_t i = h->n_sent; i > 0; i--)
		if (h->sent[i - 1].seg.dport == port)
			return (uint32_t)h->sent[i - 1].seg.wnd;
	CU_FAIL("nothing was sent to that peer");
	return 0;
}

/* ------------------------------------------------------------------ what is accounted */

static void
established_queues_are_accounted(void)
{
	struct harness *h = established(NULL);
	const struct tcp_mem *mem = &h->ctx->mem;
	const struct tcp_tcb *tcb = h_tcb(h);
	const struct tcp_block *b;

	h->auto_read = false;
	h->buf_size = 2304;
	CU_ASSERT_EQUAL(mem->used, 0);
	(void)h_in(h, TCP_ACK, 1000);
	CU_ASSERT_EQUAL(mem->used, 2304 + NODE);
	b = tcp_block(h->ctx, tcb);
	(void)h_in_at(h, TCP_ACK, h->seq + 1000, h->ack, 1000);
	CU_ASSERT_EQUAL(mem->used, 2 * (2304 + NODE));
	CU_ASSERT_EQUAL(mem->ooo, 2304 + NODE);
	CU_ASSERT_EQUAL(b->rcv_mem, 2304 + NODE);
	CU_ASSERT_EQUAL(b->ooo_mem, 2304 + NODE);
	CU_ASSERT_EQUAL(h_write(h, 4380, 4380), 4380);
	CU_ASSERT_EQUAL(b->snd_mem, 4380 + NODE);
	CU_ASSERT_EQUAL(mem->snd_nodes, 1);
	CU_ASSERT_EQUAL(mem->used, 2 * (2304 + NODE) + 4380 + NODE);
	/* Half read, a buffer is still held; wholly read it is not. */
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 500), 0);
	CU_ASSERT_EQUAL(b->rcv_mem, 2304 + NODE);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 500), 0);
	CU_ASSERT_EQUAL(b->rcv_mem, 0);
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 1000);
	CU_ASSERT_EQUAL(mem->ooo, 0);
	CU_ASSERT_EQUAL(b->rcv_mem, 2 * (2304 + NODE));
	CU_ASSERT_EQUAL(b->snd_mem, 0);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), 2000), 0);
	CU_ASSERT_EQUAL(mem->used, 0);
	CU_ASSERT_EQUAL(mem->snd_nodes, 0);
	h_free(h);
}

/** A slice that grows where it lies counts as what it has become. */
static void
established_grown_slice_is_accounted(void)
{
	struct harness *h = established(NULL);
	struct tcp_tcb *tcb = h_tcb(h);
	struct tcp_buf buf = h_buf(3000), *tail;

	h->no_pump = true;
	buf.len = 1000;
	buf.size = 1200;
	CU_ASSERT_EQUAL(tcp_send(h->ctx, tcb, &buf, 1), 1);
	tail = tcp_send_tail(h->ctx, tcb);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tail);
	tcp_send_grown(h->ctx, tcb, 200);
	CU_ASSERT_EQUAL(h->ctx->mem.used, 1200 + NODE);
	tcp_send_grown(h->ctx, tcb, 1800);
	CU_ASSERT_EQUAL(tail->len, 3000);
	CU_ASSERT_EQUAL(h->ctx->mem.used, 3000 + NODE);
	CU_ASSERT_PTR_NULL(tcp_check(h->ctx, PTCP_NIL));
	h->no_pump = false;
	h_pump(h);
	h_free(h);
}

/** Slices that waste their buffers fill the send buffer before their octets do. */
static void
established_wasteful_slices_are_bound(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	unsigned int n = 0;

	conf.snd_buf = 20000;
	conf.mem_max = 1u << 30;
	h = established(&conf);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	for (;;) {
		struct tcp_buf buf = h_buf(1);

		buf.data[0] = 1;
		buf.size = 4000;
		if (tcp_send(h->ctx, h_tcb(h), &buf, 1) != 1) {
			tcp_buf_free(buf.owner);
			break;
		}
		n++;
	}
	CU_ASSERT_EQUAL(n, 20);
	CU_ASSERT((h_tcb(h)->flags & TF_WANT_WRITE) != 0);
	CU_ASSERT_EQUAL(tcp_send_room(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_free(h);
}

static void
init_levels(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h = h_new(&conf, IP_V4, 1000);

	CU_ASSERT_EQUAL(h->ctx->mem.max, (uint64_t)conf.max_nodes * TCP_MEM_NODE);
	h_free(h);
	conf.mem_max = 1000000;
	h = h_new(&conf, IP_V4, 1000);
	CU_ASSERT_EQUAL(h->ctx->mem.max, 1000000);
	CU_ASSERT_EQUAL(h->ctx->mem.high, 750000);
	CU_ASSERT_EQUAL(h->ctx->mem.low, 500000);
	h_free(h);
}

/* ------------------------------------------------------------------ pressure */

/** Room for 400,000 octets of queues; buffers of 60,000. */
static struct tcp_conf
tight(void)
{
	struct tcp_conf conf = h_conf();

	conf.mem_max = 400000;
	conf.rcv_buf = 60000;
	conf.snd_buf = 60000;
	return conf;
}

/** Above three quarters pressure begins, below half it ends; windows shrink by being read, never to the left. */
static void
established_pressure_bounds_windows(void)
{
	struct tcp_conf conf = tight();
	struct harness *h = established(&conf);
	struct tcp_tcb *tcb = h_tcb(h);
	const struct tcp_mem *mem = &h->ctx->mem;
	uint32_t adv;

	h->auto_read = false;
	(void)peer(h, 40001);
	for (uint16_t c = 0; c < 6; c++) {
		(void)peer(h, (uint16_t)(41000 + c));
		CU_ASSERT_FALSE(mem->pressed);
		for (uint32_t i = 0; i < 50; i++)
			(void)h_in(h, TCP_ACK, 1000);
	}
	CU_ASSERT(mem->pressed);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_MEM_PRESSURE], 1);
	/* Six blocks: each has 200,000 / 6 at most; but who has been told more keeps it. */
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, tcb), 200000 / 6);
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, tcb), 200000 / 6);
	(void)peer(h, 40000);
	adv = tcb->rcv_adv;
	h->auto_read = true;
	(void)h_in(h, TCP_ACK, 1000);
	(void)h_in(h, TCP_ACK, 1000);
	h_wait_ms(h, 100);
	CU_ASSERT_EQUAL(tcb->rcv_adv, adv);
	/* The others' delayed ACKs were due in the same tick. */
	CU_ASSERT_EQUAL(window_told(h, 40000), adv - tcb->rcv_nxt);
	for (uint32_t i = 0; i < 40; i++)
		(void)h_in(h, TCP_ACK, 1000);
	CU_ASSERT(window(h) >= 200000 / 7 - 3000);
	CU_ASSERT(window(h) <= 200000 / 6);
	/* Read by their users down to half, and not before, everybody has the whole again. */
	for (uint16_t c = 0; c < 3; c++) {
		CU_ASSERT(mem->pressed);
		CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, peer(h, (uint16_t)(41000 + c)), 50000), 0);
	}
	CU_ASSERT_FALSE(mem->pressed);
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, tcb), 60000);
	h_pump(h);
	h_free(h);
}

/** However many there are, and however much they hold, each keeps two segments of window and of send buffer. */
static void
established_pressure_leaves_two_segments(void)
{
	struct tcp_conf conf = tight();
	struct harness *h;
	struct tcp_tcb *tcb;

	conf.mem_max = 100000;
	h = established(&conf);
	tcb = h_tcb(h);
	h->auto_read = false;
	for (uint16_t c = 0; h->ctx->mem.used < h->ctx->mem.max; c++) {
		(void)peer(h, (uint16_t)(41000 + c));
		(void)h_in(h, TCP_ACK, 20000);
	}
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, tcb), 2u * tcb->mss);
	CU_ASSERT_EQUAL(tcp_send_room(h->ctx, tcb), 2u * tcb->mss);
	/* A share of less than two segments is two segments. */
	h->ctx->mem.max = h->ctx->block_pool.n_used * 4000;
	h->ctx->mem.used -= 100000;
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, tcb), 2u * tcb->mss);
	h->ctx->mem.used += 100000;
	h->ctx->mem.max = conf.mem_max;
	(void)peer(h, 40000);
	h->auto_read = true;
	/* It goes on for ever at two segments. */
	for (uint32_t i = 0; i < 100; i++) {
		const uint32_t n = tcp_rcv_wnd(tcb) < tcb->mss ? tcp_rcv_wnd(tcb) : tcb->mss;

		CU_ASSERT_FATAL(n > 0);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, n), DROP_NONE);
		h_wait_ms(h, 50);
		h_forget(h);
	}
	CU_ASSERT(h->n_received > 60000u + 50u * tcb->mss);
	CU_ASSERT_EQUAL(h_write(h, 60000, 1000), 3000);
	CU_ASSERT_EQUAL(h_write(h, 1000, 1000), -EAGAIN);
	CU_ASSERT(h->counters.n[COUNTER_SENDS_PUT_OFF] > 0);
	/* The acknowledgment brings the event, and with it as much again. */
	h->all_events = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT((h->all_events & EV_WRITABLE) != 0);
	CU_ASSERT_EQUAL(h_write(h, 60000, 1000), 3000);
	h_free(h);
}

/** Above the maximum newcomers are refused, in both ways; who is there goes on. */
static void
listen_and_open_are_refused_above_the_maximum(void)
{
	struct tcp_conf conf = tight();
	struct tcp_open_args args = {.laddr = 0, .rport = 80};
	struct harness *h;

	conf.mem_max = 100000;
	h = established(&conf);
	h->auto_read = false;
	for (uint16_t c = 0; h->ctx->mem.used < h->ctx->mem.max; c++) {
		(void)peer(h, (uint16_t)(41000 + c));
		(void)h_in(h, TCP_ACK, 20000);
	}
	args.raddr = h->peer;
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &args), -ENOBUFS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_OPENS_REFUSED], 1);
	h_forget(h);
	h->peer_port = 50000;
	h->our_port = 80;
	h->seq = 1000;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_TCP_NO_MEM);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_MEM], 1);
	h_expect_none(h);
	(void)peer(h, 40000);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, peer(h, 41000), 20000), 0);
	h->peer_port = 50000;
	h->seq = 1000;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	h_free(h);
}

/** Where buffers run low outside the core, the same bounds hold. */
static void
established_scarce_buffers_are_pressure(void)
{
	struct tcp_conf conf = tight();
	struct harness *h = established(&conf);

	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), 60000);
	h->ctx->mem.scarce = true;
	for (uint16_t c = 0; c < 10; c++)
		text_behind_gap(h, (uint16_t)(40000 + c), 1000, 10);
	CU_ASSERT_EQUAL(tcp_rcv_bound(h->ctx, h_tcb(h)), 20000);
	CU_ASSERT_EQUAL(tcp_snd_bound(h->ctx, h_tcb(h)), 20000);
	/* The first window of who comes now is bound as well. */
	h->peer_port = 50000;
	h->seq = 1000;
	CU_ASSERT_EQUAL(h_in(h, TCP_SYN, 0), DROP_NONE);
	CU_ASSERT_EQUAL(window(h), 20000);
	h->ctx->mem.scarce = false;
	h_free(h);
}

/** Under pressure the worker holds less out of order, and those who hold most pay for those who hold less. */
static void
established_pressure_prunes_the_greediest(void)
{
	struct tcp_conf conf = tight();
	struct harness *h;
	struct tcp_tcb *greedy, *modest;

	conf.mem_max = 400000;
	h = established(&conf);
	h->auto_read = false;
	greedy = peer(h, 40001);
	for (uint32_t i = 1; i <= 40; i++)
		(void)h_in_at(h, TCP_ACK, h->seq + 1000 * i, h->ack, 1000);
	CU_ASSERT_EQUAL(tcp_block(h->ctx, greedy)->ooo_bytes, 40000);
	h->ctx->mem.scarce = true;
	text_behind_gap(h, 40002, 1000, 1000);
	modest = h_tcb(h);
	CU_ASSERT_EQUAL(tcp_block(h->ctx, modest)->ooo_bytes, 1000);
	/* 400,000 / 16 are left for text out of order. */
	CU_ASSERT(h->ctx->mem.ooo <= 25000);
	CU_ASSERT(h->counters.n[COUNTER_RENEGED] >= 15000);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED],
			40000 - (greedy->blk == PTCP_NIL ? 0 : tcp_block(h->ctx, greedy)->ooo_bytes));
	h->ctx->mem.scarce = false;
	h_free(h);
}

/** Who holds most himself is refused more, and loses nothing. */
static void
established_pressure_refuses_the_greediest(void)
{
	struct tcp_conf conf = tight();
	struct harness *h = established(&conf);
	struct tcp_tcb *tcb = h_tcb(h);

	h->ctx->mem.scarce = true;
	for (uint32_t i = 1; i <= 30; i++)
		(void)h_in_at(h, TCP_ACK, h->seq + 1000 + 1001 * i, h->ack, 1000);
	/* 400,000 / 16 for all; a node each. */
	CU_ASSERT_EQUAL(tcp_block(h->ctx, tcb)->ooo_runs, 23);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 0);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_REASS_FULL], 7);
	h->ctx->mem.scarce = false;
	h_free(h);
}

/** Text in order takes a node from the connection's own text out of order, when there is no other. */
static void
established_in_order_takes_from_out_of_order(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_tcb *tcb;

	conf.max_nodes = 16;
	conf.mem_max = 1u << 30;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (uint16_t c = 0; c < 14; c++)
		(void)peer(h, (uint16_t)(40000 + c));
	tcb = peer(h, 40000);
	for (uint32_t i = 0; i < 10; i++)
		text_behind_gap(h, 40000, 1000 + 1000 * i, 500);
	CU_ASSERT_EQUAL(tcp_block(h->ctx, tcb)->ooo_runs, 10);
	for (uint16_t c = 1; c < 10 && h->ctx->node_pool.n_used < 12; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		(void)h_in(h, TCP_ACK, 500);
	}
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 12);
	(void)peer(h, 40000);
	(void)h_in(h, TCP_ACK, 500);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, tcb), 500);
	CU_ASSERT_EQUAL(tcp_block(h->ctx, tcb)->ooo_runs, 5);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 2500);
	/* And the last of it, when nothing else would keep the block. */
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, tcb, 500), 0);
	while (h->ctx->mem.ooo > 0)
		(void)tcp_greedy_prune(h->ctx, NULL);
	text_behind_gap(h, 40000, 1000, 500);
	for (uint16_t c = 3; c < 14 && h->ctx->node_pool.n_used < 12; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		(void)h_in(h, TCP_ACK, 500);
	}
	CU_ASSERT_EQUAL(tcp_block(h->ctx, tcb)->ooo_runs, 1);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 12);
	(void)peer(h, 40000);
	(void)h_in(h, TCP_ACK, 500);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, tcb), 500);
	CU_ASSERT_EQUAL(h->ctx->mem.ooo, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ reserves */

/** Senders cannot take the nodes that receiving needs: whatever they hold, each connection's text in order finds one. */
static void
established_senders_leave_nodes_for_receiving(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	unsigned int n = 0;

	conf.max_nodes = 64;
	conf.snd_buf = 1u << 20;
	conf.mem_max = 1u << 30;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (uint16_t c = 0; c < 16; c++)
		(void)peer(h, (uint16_t)(40000 + c));
	for (uint16_t c = 0; c < 16; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		while (h_write(h, 1000, 1000) == 1000)
			n++;
	}
	CU_ASSERT_EQUAL(h->ctx->mem.snd_nodes, n);
	CU_ASSERT_EQUAL(n, 48);
	/* Nobody new is let in: he could neither send nor be told so. */
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &(struct tcp_open_args){.rport = 1, .raddr = h->peer}),
			-ENOBUFS);
	for (uint16_t c = 0; c < 16; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
	}
	h_free(h);
}

/** Nor can who does not read take what sending needs, or the only node of somebody else. */
static void
established_unread_leaves_nodes_for_sending(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_nodes = 64;
	conf.mem_max = 1u << 30;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (uint16_t c = 0; c < 16; c++)
		(void)peer(h, (uint16_t)(40000 + c));
	(void)peer(h, 40000);
	for (uint32_t i = 0; i < 60; i++) {
		(void)h_in(h, TCP_ACK, 1000);
		h->seq = h_tcb(h)->rcv_nxt;
	}
	/* A quarter is for sending, a sixteenth for those who have nothing yet. */
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 64 - 16 - 4);
	CU_ASSERT(h->counters.drop[DROP_TCP_NO_BLOCK] > 0);
	for (uint16_t c = 1; c <= 4; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		(void)h_in(h, TCP_ACK, 1000);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
	}
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 48);
	/* Sending would find some, but nobody new is let in who could not receive. */
	CU_ASSERT_EQUAL(tcp_open(h->ctx, &(struct tcp_open_args){.rport = 1, .raddr = h->peer}),
			-ENOBUFS);
	for (uint16_t c = 0; c < 16; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
	}
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 64);
	/* Small text needs no node: it joins what waits. */
	(void)peer(h, 40001);
	(void)h_in(h, TCP_ACK, 1);
	h_free(h);
}

/** No node for one slice more: put off when an ACK is to come that brings the event, refused when none is. */
static void
established_send_without_nodes(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_nodes = 16;
	conf.mem_max = 1u << 30;
	h = h_new(&conf, IP_V4, 1000);
	/* Those who come when there is none any more would be refused. */
	for (uint16_t c = 0; c < 10; c++)
		(void)peer(h, (uint16_t)(40001 + c));
	peer(h, 40000)->flags |= TF_NODELAY;
	while (h_write(h, 100, 100) == 100)
		;
	CU_ASSERT((h_tcb(h)->flags & TF_WANT_WRITE) != 0);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), -EAGAIN);
	(void)peer(h, 40001);
	while (h->ctx->mem.snd_nodes < 12) {
		(void)peer(h, (uint16_t)(h->peer_port + 1));
		CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	}
	(void)peer(h, 40010);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), -ENOBUFS);
	CU_ASSERT((h_tcb(h)->flags & TF_WANT_WRITE) == 0);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	(void)peer(h, 40000);
	h->ack = h_tcb(h)->snd_nxt;
	h->all_events = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT((h->all_events & EV_WRITABLE) != 0);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	h_free(h);
}

/**
 * What is queued before ESTABLISHED leaves room for the SYN of others: else two ends that open to each other hold all there
 * is until their SYNs time out.
 */
static void
syn_sent_cannot_take_what_admission_wants(void)
{
	for (unsigned int octets = 0; octets < 2; octets++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.max_nodes = octets ? 4096 : 64;
		conf.mem_max = octets ? 100000 : 1u << 30;
		h = h_new(&conf, IP_V4, 1000);
		for (uint16_t c = 0; c < 60; c++) {
			(void)h_open(h);
			h_forget(h);
			while (h_write(h, 1000, 1000) == 1000)
				;
		}
		CU_ASSERT_EQUAL(h_write(h, 1000, 1000), -ENOBUFS);
		CU_ASSERT_EQUAL(tcp_admit(h->ctx), DROP_NONE);
		h->peer_port = 50000;
		h->our_port = 80;
		h_to_state(h, TCP_ESTABLISHED, false);
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
		CU_ASSERT_EQUAL(h->n_received, 1000);
		CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
		h_free(h);
	}
}

/** Blocks have a reserve for each direction too, and who has only text out of order gives his back. */
static void
established_blocks_have_reserves(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint16_t c;

	conf.max_blocks = 16;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (c = 0; c < 30; c++)
		(void)peer(h, (uint16_t)(40000 + c));
	for (c = 0; c < 16 && h_write((peer(h, (uint16_t)(40000 + c)), h), 100, 100) == 100; c++)
		;
	CU_ASSERT_EQUAL(c, 12);
	/* Out of order leaves two of the others. */
	for (c = 12; c < 16; c++)
		text_behind_gap(h, (uint16_t)(40000 + c), 10, 10);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 14);
	for (c = 16; c < 20; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 10);
	}
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 16);
	CU_ASSERT_EQUAL(h->ctx->mem.ooo, 0);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 20);
	/* Now there is none for a fifth; a FIN that comes out of order is not remembered, and comes again. */
	(void)peer(h, 40020);
	(void)h_in(h, TCP_ACK, 10);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], 3);
	h_free(h);
}

/** Unread text of many connections, all that the pool can hold: sending goes on, and reading makes room for receiving. */
static void
established_exhausted_nodes_come_back(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_nodes = 32;
	conf.mem_max = 1u << 30;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (uint16_t c = 0; c < 40; c++)
		(void)peer(h, (uint16_t)(40000 + c));
	for (uint16_t c = 0; c < 40; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		for (uint32_t i = 0; i < 3; i++) {
			(void)h_in(h, TCP_ACK, 1000);
			h->seq = h_tcb(h)->rcv_nxt;
		}
	}
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 24);
	(void)peer(h, 40039);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 0);
	CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
	h->ack = h_tcb(h)->snd_nxt;
	CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, peer(h, 40000), 1000), 0);
	(void)peer(h, 40039);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
	h_free(h);
}

/* ------------------------------------------------------------------ BAD-INPUT 35: sockstress, RFC 6429 */

/** A peer that answers each probe by a zero window, for @p ms. */
static void
hold_closed(struct harness *h, uint64_t ms)
{
	const time_us_t until = h->ctx->now + ms * TIME_US_PER_MS;

	h->wnd = 0;
	while (h->ctx->now < until && h_tcb(h) != NULL) {
		h_wait_ms(h, 1000);
		if (h_tcb(h) == NULL)
			return;
		h->ack = h_tcb(h)->snd_una;
		(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
	}
}

/** Zero window for ten days with probes answered: it lives, and what it holds is accounted. */
static void
bad_input_35_zero_window_lives_without_pressure(void)
{
	struct harness *h = established(NULL);

	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_write(h, 50000, 5000), 50000);
	CU_ASSERT_EQUAL(h->ctx->mem.used, 50000 + 10 * NODE);
	hold_closed(h, 4 * 3600 * 1000);
	CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT(h->counters.n[COUNTER_WINDOW_PROBES] > 100);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ZERO_WINDOW_EVICTED], 0);
	CU_ASSERT_EQUAL(h->ctx->mem.used, 50000 + 10 * NODE);
	h->wnd = 65535;
	for (unsigned int i = 0; i < 100 && h_tcb(h)->blk != PTCP_NIL; i++) {
		h->ack = h_tcb(h)->snd_nxt;
		(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h->ctx->mem.used, 0);
	h_free(h);
}

/** Under pressure who has been closed for longer than R2 goes, by RST; who has not, and whose user is patient, stays. */
static void
bad_input_35_zero_window_is_evicted_under_pressure(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_profile p;
	int patient;

	conf.data_r2_ms = 100000;
	h = established(&conf);
	p = h->ctx->profile[0];
	p.user_timeout_ms = 3600 * 1000;
	patient = tcp_profile_get(h->ctx, &p);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_write(h, 5000, 5000), 5000);
	hold_closed(h, 1000 * 1000);
	h->ctx->mem.scarce = true;
	/* Another one, closed only now, and one whose user is patient. */
	h->wnd = 65535;
	(void)peer(h, 40001);
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_write(h, 5000, 5000), 5000);
	(void)peer(h, 40000);
	hold_closed(h, 61 * 1000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_NO_MEMORY);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ZERO_WINDOW_EVICTED], 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RST_OUT], 1);
	(void)peer(h, 40001);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	tcp_profile_set(h->ctx, h_tcb(h), (uint8_t)patient);
	hold_closed(h, 1000 * 1000);
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	/* His time-out ends it, as it would have without pressure. */
	hold_closed(h, 3000 * 1000);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSED);
	CU_ASSERT_EQUAL(h->reason, TCP_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ZERO_WINDOW_EVICTED], 1);
	h->ctx->mem.scarce = false;
	h_free(h);
}

/** A window that opens now and then begins the time anew. */
static void
bad_input_35_window_that_opens_is_not_evicted(void)
{
	struct harness *h = established(NULL);

	h->ctx->mem.scarce = true;
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_write(h, 20000, 5000), 20000);
	for (unsigned int i = 0; i < 8; i++) {
		hold_closed(h, 80 * 1000);
		CU_ASSERT_EQUAL_FATAL(h_state(h), TCP_ESTABLISHED);
		h->wnd = 1000;
		h->ack = h_tcb(h)->snd_una;
		(void)h_in(h, TCP_ACK, 0);
		h_wait_ms(h, 100);
		h->wnd = 0;
		h->ack = h_tcb(h)->snd_nxt;
		(void)h_in(h, TCP_ACK, 0);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_ZERO_WINDOW_EVICTED], 0);
	h->ctx->mem.scarce = false;
	h_free(h);
}

/** A thousand of them against one who wants to send and receive: he can, at two segments and more. */
static void
bad_input_35_many_zero_windows_starve_nobody(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.mem_max = 500000;
	conf.max_nodes = 256;
	h = established(&conf);
	h->wnd = 0;
	for (uint16_t c = 1; tcp_admit(h->ctx) == DROP_NONE; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		(void)h_in(h, TCP_ACK, 0);
		(void)h_write(h, 100000, 2000);
		h_forget(h);
	}
	CU_ASSERT(tcp_mem_short(h->ctx));
	CU_ASSERT(h->ctx->mem.used <= conf.mem_max + 4000);
	h->wnd = 65535;
	(void)peer(h, 40000);
	(void)h_in(h, TCP_ACK, 0);
	for (unsigned int i = 0; i < 50; i++) {
		CU_ASSERT(h_write(h, 1000, 1000) == 1000);
		h->ack = h_tcb(h)->snd_nxt;
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
		h_wait_ms(h, 50);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(h->n_received, 50000);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	h_free(h);
}

/** What is dropped to find a block for one segment is bounded; what that leaves, the next segment's turn drops. */
static void
established_search_for_a_block_is_bounded(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t left;
	uint16_t c;

	conf.max_blocks = 16;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (c = 0; c < 30; c++)
		(void)peer(h, (uint16_t)(40000 + c));
	for (c = 0; c < 12; c++)
		CU_ASSERT_EQUAL(h_write((peer(h, (uint16_t)(40000 + c)), h), 100, 100), 100);
	for (c = 12; c < 14; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		for (uint32_t i = 0; i < 400; i++)
			(void)h_in_at(h, TCP_ACK, h->seq + 20 + 20 * i, h->ack, 10);
	}
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 14);
	for (c = 14; c < 16; c++) {
		(void)peer(h, (uint16_t)(40000 + c));
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 10), DROP_NONE);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 10);
	}
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 16);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 0);
	/* Eight times half of what the greediest of the two holds, and both are still there. */
	(void)peer(h, 40016);
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 10);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], 1);
	CU_ASSERT_EQUAL(h->ctx->block_pool.n_used, 16);
	left = 8000 - (uint32_t)h->counters.n[COUNTER_RENEGED];
	CU_ASSERT(left >= 8000 / 32 && left <= 8000 / 8); /* four times each */
	/* Its sender repeats it; the third time there is a block. */
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 10);
	(void)h_in_at(h, TCP_ACK, h->seq, h->ack, 10);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], 2);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 10);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_queues_are_accounted),
		TEST(established_grown_slice_is_accounted),
		TEST(established_wasteful_slices_are_bound),
		TEST(init_levels),
		TEST(established_pressure_bounds_windows),
		TEST(established_pressure_leaves_two_segments),
		TEST(listen_and_open_are_refused_above_the_maximum),
		TEST(established_scarce_buffers_are_pressure),
		TEST(established_pressure_prunes_the_greediest),
		TEST(established_pressure_refuses_the_greediest),
		TEST(established_in_order_takes_from_out_of_order),
		TEST(established_senders_leave_nodes_for_receiving),
		TEST(established_unread_leaves_nodes_for_sending),
		TEST(established_send_without_nodes),
		TEST(syn_sent_cannot_take_what_admission_wants),
		TEST(established_blocks_have_reserves),
		TEST(established_exhausted_nodes_come_back),
		TEST(bad_input_35_zero_window_lives_without_pressure),
		TEST(bad_input_35_zero_window_is_evicted_under_pressure),
		TEST(bad_input_35_window_that_opens_is_not_evicted),
		TEST(bad_input_35_many_zero_windows_starve_nobody),
		TEST(established_search_for_a_block_is_bounded),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("memory", tests)
