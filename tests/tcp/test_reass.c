/* SPDX-License-Identifier: BSD-3-Clause */
/* Text out of order: against a map of octets, at its bounds, and as an attacker would send it (BAD-INPUT 32). */
#include "harness.h"
#include "random.h"

#include "tcp/tcp_impl.h"

#include <string.h>

#define SPAN  6000u
#define BLOCK (h_tcb(h) != NULL ? tcp_block(h->ctx, h_tcb(h)) : NULL)

static struct harness *
established(const struct tcp_conf *conf, uint32_t first)
{
	struct harness *h = h_new(conf, IP_V4, 1000);

	h->opts |= TCP_OPT_SACK_OK | TCP_OPT_WSCALE;
	h->seq = first - 1;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_forget(h);
	return h;
}

static enum drop_reason
text(struct harness *h, uint32_t from, uint32_t to)
{
	return h_in_at(h, TCP_ACK, from, h->ack, to - from);
}

/** Text that is refused: how many segments were before, and that one more is now. */
static void
expect_refused(struct harness *h, uint32_t from, uint32_t to)
{
	const uint64_t n = h->counters.drop[DROP_TCP_REASS_FULL];

	(void)text(h, from, to);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_REASS_FULL], n + 1);
}

static void
expect_read(const struct harness *h, uint32_t first, uint32_t n)
{
	uint32_t wrong = 0;

	CU_ASSERT_EQUAL(h->n_received, n);
	for (uint32_t i = 0; i < h->n_received; i++)
		wrong += h->received[i] != h_pattern(first + i);
	CU_ASSERT_EQUAL(wrong, 0);
}

/** Nodes on the way from the root to the deepest run. */
static uint32_t
depth(const struct tcp_ctx *ctx, uint32_t run)
{
	uint32_t l, r;

	if (run == PTCP_NIL)
		return 0;
	l = depth(ctx, tcp_node_at(ctx, run)->left);
	r = depth(ctx, tcp_node_at(ctx, run)->right);
	return 1 + (l > r ? l : r);
}

/* ------------------------------------------------------------------ against a map of octets */

/** The runs that are held are exactly those of the map. */
static bool
same_runs(struct harness *h, const bool *have, uint32_t edge, uint32_t first)
{
	const struct tcp_block *b = BLOCK;
	uint32_t n = 0, bytes = 0, run;

	for (uint32_t i = edge; i < SPAN; i++) {
		if (!have[i])
			continue;
		bytes++;
		if (i > 0 && have[i - 1] && i - 1 >= edge)
			continue;
		n++;
		run = b != NULL ? tcp_run_at(h->ctx, b, first + i) : PTCP_NIL;
		if (run == PTCP_NIL || tcp_node_at(h->ctx, run)->seq != first + i)
			return false;
		for (uint32_t end = i;; end++) {
			if (!have[end]) {
				if (tcp_run_end(h->ctx, run) != first + end)
					return false;
				break;
			}
		}
	}
	if (b == NULL)
		return n == 0;
	return b->ooo_runs == n && b->ooo_bytes == bytes;
}

/**
 * @p order: chance in 8 of a segment in order. @p copies: what is left for copies when the run begins (UINT32_MAX: no bound).
 */
static void
against_a_map(uint64_t seed, uint32_t first, uint32_t len_max, uint32_t order, uint32_t copies)
{
	struct harness *h = established(NULL, first);
	static bool have[SPAN + 1];
	uint32_t edge = 0;
	bool same = true;

	memset(have, 0, sizeof(have));
	h_copies(copies);
	while (edge < SPAN) {
		const uint32_t from =
				random_below(&seed, 8) < order ? edge : random_below(&seed, SPAN);
		uint32_t to = from + 1 + random_below(&seed, len_max);

		if (to > SPAN)
			to = SPAN;
		/* Most of it unread now and then: slices are packed. */
		h->auto_read = random_below(&seed, 4) == 0;
		(void)text(h, first + from, first + to);
		for (uint32_t i = from; i < to; i++)
			have[i] = true;
		while (have[edge])
			edge++;
		CU_ASSERT_EQUAL_FATAL(h_tcb(h)->rcv_nxt, first + edge);
		same = same && same_runs(h, have, edge, first);
		h_forget(h);
	}
	CU_ASSERT(same);
	h->auto_read = true;
	(void)h_in_at(h, TCP_ACK, first + SPAN, h->ack, 1);
	expect_read(h, first, SPAN + 1);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 0);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_REASS_FULL], 0);
	CU_ASSERT_EQUAL(h->ctx->mem.used, 0);
	h_copies(UINT32_MAX);
	h_free(h);
}

static void
established_random(void)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		against_a_map(seed, 1001, 700, 1, UINT32_MAX);
		against_a_map(seed + 100, 0xfffff000, 700, 1, UINT32_MAX);
		against_a_map(seed + 200, 0x7ffff000, 1460, 0, UINT32_MAX);
		against_a_map(seed + 300, 1001, 40, 2, UINT32_MAX);
		against_a_map(seed + 400, 1001, 300, 1, 0);
		against_a_map(seed + 500, 1001, 300, 1, 20);
	}
}

/* ------------------------------------------------------------------ runs, nodes and buffers */

/** Small neighbours share one slice; a large one keeps its own buffer. */
static void
established_small_neighbours_are_joined(void)
{
	struct harness *h = established(NULL, 1001);

	for (uint32_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(text(h, 2001 + i, 2002 + i), DROP_NONE);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 1);
	CU_ASSERT_EQUAL(BLOCK->ooo_mem, 100 + sizeof(struct tcp_node));
	CU_ASSERT_EQUAL(text(h, 2101, 2101 + TCP_COPY_MAX + 1), DROP_NONE);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 2);
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, 1);
	/* Before the run: it cannot be joined in memory, but it is one run. */
	CU_ASSERT_EQUAL(text(h, 1901, 2001), DROP_NONE);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 3);
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, 1);
	CU_ASSERT_EQUAL(text(h, 1001, 1901), DROP_NONE);
	expect_read(h, 1001, 1100 + TCP_COPY_MAX + 1);
	h_free(h);
}

/** In order and unread: one slice for many small segments, and the window knows what they are. */
static void
established_small_segments_unread_are_joined(void)
{
	struct harness *h = established(NULL, 1001);

	h->auto_read = false;
	for (uint32_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1), DROP_NONE);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 1000);
	CU_ASSERT(h->ctx->node_pool.n_used <= 3);
	CU_ASSERT(h_bufs() <= 3);
	h->auto_read = true;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1), DROP_NONE);
	expect_read(h, 1001, 1001);
	h_free(h);
}

/** A large buffer that holds little text counts as what it is: text is packed, and the window does not grow meanwhile. */
static void
established_wasteful_buffers_are_packed(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rcv_buf = 30000;
	conf.mem_max = 1u << 30;
	h = established(&conf, 1001);
	h->buf_size = 9000;
	h->auto_read = false;
	for (uint32_t i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 300), DROP_NONE);
	/* Seven come to 63,336 octets; those after them are packed. */
	CU_ASSERT(h_bufs() < 7 + 43 * 300 / 2048 + 3);
	CU_ASSERT(BLOCK->rcv_mem < 63336 + 43 * 400);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 15000);
	h->auto_read = true;
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 300), DROP_NONE);
	expect_read(h, 1001, 15300);
	h_free(h);
}

/** Text that may not be held where it lies is copied; where that cannot be, its ACK still counts. */
static void
established_text_that_may_not_be_held(void)
{
	struct harness *h = established(NULL, 1001);

	h->no_owner = true;
	CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
	CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 500), DROP_NONE);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	CU_ASSERT_EQUAL(text(h, 2001, 2501), DROP_NONE);
	expect_read(h, 1001, 500);
	h_copies(0);
	CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
	expect_refused(h, 3001, 3501);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	CU_ASSERT_EQUAL(h_write(h, 1000, 1000), 1000);
	/* The predicted path counts it and goes on. */
	(void)text(h, 1501, 1601);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], 1);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	CU_ASSERT_EQUAL(h_tcb(h)->rcv_nxt, 1501);
	/* For want of memory what was out of order has gone. */
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 500);
	h_copies(UINT32_MAX);
	CU_ASSERT_EQUAL(text(h, 1501, 2001), DROP_NONE);
	expect_read(h, 1001, 1000);
	h_free(h);
}

/** The last copy that there is belongs to text in order. */
static void
established_last_copy_is_for_text_in_order(void)
{
	struct harness *h = established(NULL, 1001);

	h->no_owner = true;
	h_copies(1);
	expect_refused(h, 2001, 2501);
	CU_ASSERT_EQUAL(text(h, 1001, 1501), DROP_NONE);
	expect_read(h, 1001, 500);
	h_copies(UINT32_MAX);
	h_free(h);
}

/** One more run than may be: the last gives way to what comes before it, and is refused beyond it. */
static void
established_one_run_too_many(void)
{
	struct harness *h = established(NULL, 1001);
	const uint32_t last = 1101 + 20 * (TCP_RUNS_MAX - 1);

	CU_ASSERT_EQUAL(TCP_RUNS_MAX, 512);
	for (uint32_t i = 0; i < TCP_RUNS_MAX; i++)
		CU_ASSERT_EQUAL(text(h, 1101 + 20 * i, 1111 + 20 * i), DROP_NONE);
	expect_refused(h, last + 20, last + 30);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 0);
	/* No run more: it continues one, or takes the place of one. */
	CU_ASSERT_EQUAL(text(h, last + 10, last + 15), DROP_NONE);
	CU_ASSERT_EQUAL(text(h, 1096, 1101), DROP_NONE);
	CU_ASSERT_EQUAL(text(h, last - 5, last + 25), DROP_NONE);
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, TCP_RUNS_MAX);
	CU_ASSERT_EQUAL(text(h, 1051, 1061), DROP_NONE);
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, TCP_RUNS_MAX);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 30);
	CU_ASSERT_EQUAL(tcp_run_after(h->ctx, BLOCK, last - 6), PTCP_NIL);
	/* It is sent again, and all arrives. */
	CU_ASSERT_EQUAL(text(h, 1001, last + 25), DROP_NONE);
	expect_read(h, 1001, last + 25 - 1001);
	h_free(h);
}

/** What comes first is worth most to both ends: pruning begins at the end, and what was told is unsaid. */
static void
established_prune(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	const struct h_seg *s;

	conf.sack = true;
	h = established(&conf, 1001);
	for (uint32_t i = 1; i <= 4; i++)
		CU_ASSERT_EQUAL(text(h, 1001 + 2000 * i, 2001 + 2000 * i), DROP_NONE);
	CU_ASSERT(tcp_greedy_prune(h->ctx, NULL));
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, 2);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 2000);
	h_forget(h);
	(void)text(h, 5001, 5501);
	s = &h->sent[h->n_sent - 1];
	CU_ASSERT_EQUAL(s->seg.n_sack, 3);
	CU_ASSERT_EQUAL(s->seg.sack[1].left, 5001);
	CU_ASSERT_EQUAL(s->seg.sack[2].left, 3001);
	CU_ASSERT(tcp_greedy_prune(h->ctx, NULL));
	CU_ASSERT(tcp_greedy_prune(h->ctx, NULL));
	CU_ASSERT_FALSE(tcp_greedy_prune(h->ctx, NULL));
	/* Nothing was left to hold it for. */
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_RENEGED], 4000);
	CU_ASSERT_EQUAL(text(h, 1001, 3001), DROP_NONE);
	expect_read(h, 1001, 2000);
	h_free(h);
}

/** FIN out of order outlives what is pruned: the text comes again, and the end is where it was. */
static void
established_prune_leaves_fin(void)
{
	struct harness *h = established(NULL, 1001);

	(void)h_in_at(h, TCP_ACK | TCP_FIN, 2001, h->ack, 1000);
	CU_ASSERT(tcp_greedy_prune(h->ctx, NULL));
	CU_ASSERT_EQUAL(h_state(h), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(text(h, 1001, 3001), DROP_NONE);
	CU_ASSERT_EQUAL(h_state(h), TCP_CLOSE_WAIT);
	expect_read(h, 1001, 2000);
	h_free(h);
}

/* ------------------------------------------------------------------ BAD-INPUT 32: SegmentSmack */

/** Whatever order they come in: bounded nodes, bounded buffers, and a tree that stays flat. */
static void
bad_input_32_one_octet_at_every_second_octet(void)
{
	for (unsigned int order = 0; order < 3; order++) {
		struct harness *h = established(NULL, 1001);
		uint64_t seed = 1;
		uint32_t deepest = 0;

		h->buf_size = 2304;
		for (uint32_t i = 0; i < 3000; i++) {
			const uint32_t at = order == 0 ? i :
					order == 1     ? 2999 - i :
							 random_below(&seed, 3000);

			(void)text(h, 1002 + 2 * at, 1003 + 2 * at);
			if (i % 64 == 0 && depth(h->ctx, BLOCK->ooo_root) > deepest)
				deepest = depth(h->ctx, BLOCK->ooo_root);
			h_forget(h);
		}
		CU_ASSERT_EQUAL(BLOCK->ooo_runs, TCP_RUNS_MAX);
		CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, TCP_RUNS_MAX);
		/* 512 octets; the chunks that they share are pinned by what was dropped as well. */
		CU_ASSERT(h_bufs() <= 3000 / 2048 + 2);
		CU_ASSERT(h->ctx->mem.used <= TCP_RUNS_MAX * (sizeof(struct tcp_node) + 1));
		/* Of 512 in random order some 24 lie on the longest way. */
		CU_ASSERT(deepest <= 40);
		for (uint32_t at = 1001; at < 7001; at += 1000)
			CU_ASSERT_EQUAL(text(h, at, at + 1000), DROP_NONE);
		expect_read(h, 1001, 6000);
		CU_ASSERT_EQUAL(h->ctx->mem.used, 0);
		h_free(h);
	}
}

/** One segment over all of them again and again: they go, so nobody can make the core walk them twice. */
static void
bad_input_32_segment_over_many_runs(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_nodes = 1000;
	h = established(&conf, 1001);
	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < 400; i++)
			CU_ASSERT_EQUAL(text(h, 2002 + 2000 * round + 2 * i,
							2003 + 2000 * round + 2 * i),
					DROP_NONE);
		CU_ASSERT_EQUAL(BLOCK->ooo_runs, 400 + round);
		CU_ASSERT_EQUAL(text(h, 2001 + 2000 * round, 3001 + 2000 * round), DROP_NONE);
		CU_ASSERT_EQUAL(BLOCK->ooo_runs, 1 + round);
		CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 1 + round);
		h_forget(h);
	}
	h_free(h);
}

/** Octets for two runs in turn never lie behind each other when they come: still there is no node for each. */
static void
bad_input_32_two_runs_in_turn(void)
{
	struct harness *h = established(NULL, 1001);

	for (uint32_t i = 0; i < 2000; i++) {
		(void)text(h, 2001 + i, 2002 + i);
		(void)text(h, 5001 + i, 5002 + i);
		h_forget(h);
	}
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, 2);
	CU_ASSERT_EQUAL(BLOCK->ooo_bytes, 4000);
	/* A slice has 257 octets at least before the next one begins, but where a chunk ends. */
	CU_ASSERT(h->ctx->node_pool.n_used <= 2 * 2000 / 128);
	CU_ASSERT(BLOCK->ooo_mem <= 4000 + h->ctx->node_pool.n_used * sizeof(struct tcp_node));
	CU_ASSERT_EQUAL(text(h, 1001, 2001), DROP_NONE);
	CU_ASSERT_EQUAL(text(h, 4001, 5001), DROP_NONE);
	expect_read(h, 1001, 6000);
	h_free(h);
}

/** Nor do those of two connections whose users don't read: the nodes of each are bound by what its buffer may be. */
static void
bad_input_32_two_connections_in_turn(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rcv_buf = 3000;
	h = h_new(&conf, IP_V4, 1000);
	h->auto_read = false;
	for (uint16_t c = 0; c < 2; c++) {
		h->peer_port = (uint16_t)(40000 + c);
		h->seq = 1000;
		h_to_state(h, TCP_ESTABLISHED, false);
		h_forget(h);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		for (uint16_t c = 0; c < 2; c++) {
			h->peer_port = (uint16_t)(40000 + c);
			(void)h_in_at(h, TCP_ACK, 1001 + i, h_tcb(h)->snd_una, 1);
		}
		h_forget(h);
	}
	CU_ASSERT(h->counters.drop[DROP_TCP_NO_BLOCK] > 0);
	for (uint16_t c = 0; c < 2; c++) {
		h->peer_port = (uint16_t)(40000 + c);
		CU_ASSERT(BLOCK->rcv_mem <= 4 * 3000 + 100);
		CU_ASSERT(tcp_recv_bytes(h->ctx, h_tcb(h)) >= 4 * 3000 / 50);
		CU_ASSERT_EQUAL(tcp_recv_done(h->ctx, h_tcb(h), tcp_recv_bytes(h->ctx, h_tcb(h))),
				0);
		CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, h_tcb(h)->rcv_nxt, h_tcb(h)->snd_una, 500),
				DROP_NONE);
		CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 500);
	}
	h_free(h);
}

/** Many connections do it at once, another one only wants its text: it gets it, and the greedy ones pay. */
static void
bad_input_32_many_connections(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t first_node;
	uint64_t refused;

	conf.max_nodes = 1024;
	conf.max_blocks = 16;
	h = h_new(&conf, IP_V4, 1000);
	for (uint16_t c = 0; c < 14; c++) {
		h->peer_port = (uint16_t)(40000 + c);
		h->seq = 1000;
		h_to_state(h, TCP_ESTABLISHED, false);
		for (uint32_t i = 0; i < 300; i++)
			(void)text(h, 1002 + 2 * i, 1003 + 2 * i);
		h_forget(h);
	}
	/* Three quarters are for receiving, an eighth of all is not for text out of order. */
	CU_ASSERT(h->ctx->node_pool.n_used <= 1024 - 256 - 128);
	CU_ASSERT(h->ctx->node_pool.n_used >= 500);
	h->peer_port = 50000;
	h->seq = 1000;
	h_to_state(h, TCP_ESTABLISHED, false);
	first_node = h->ctx->node_pool.n_used;
	refused = h->counters.drop[DROP_TCP_NO_BLOCK];
	h->auto_read = false;
	/* Large ones, which are not packed: each takes a node. */
	for (uint32_t i = 0; i < 60; i++)
		CU_ASSERT_EQUAL(h_in(h, TCP_ACK, 1000), DROP_NONE);
	CU_ASSERT_EQUAL(tcp_recv_bytes(h->ctx, h_tcb(h)), 60000);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, first_node + 60);
	CU_ASSERT_EQUAL(h->counters.drop[DROP_TCP_NO_BLOCK], refused);
	h_free(h);
}

/** A small slice that could not be copied keeps its large buffer: its continuation is not moved there, but stands by itself. */
static void
established_small_slice_in_a_large_buffer(void)
{
	struct harness *h = established(NULL, 1001);

	h->buf_size = 2048;
	h_copies(0);
	CU_ASSERT_EQUAL(text(h, 2001, 2011), DROP_NONE);
	CU_ASSERT_EQUAL(BLOCK->ooo_mem, 2048 + sizeof(struct tcp_node));
	h_copies(UINT32_MAX);
	CU_ASSERT_EQUAL(text(h, 2011, 2021), DROP_NONE);
	CU_ASSERT_EQUAL(BLOCK->ooo_runs, 1);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 2);
	CU_ASSERT_EQUAL(BLOCK->ooo_mem, 2048 + 10 + 2 * sizeof(struct tcp_node));
	/* What follows that is packed again. */
	CU_ASSERT_EQUAL(text(h, 2021, 2031), DROP_NONE);
	CU_ASSERT_EQUAL(h->ctx->node_pool.n_used, 2);
	CU_ASSERT_EQUAL(text(h, 1001, 2001), DROP_NONE);
	expect_read(h, 1001, 1030);
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(established_random),
		TEST(established_small_neighbours_are_joined),
		TEST(established_small_segments_unread_are_joined),
		TEST(established_wasteful_buffers_are_packed),
		TEST(established_text_that_may_not_be_held),
		TEST(established_last_copy_is_for_text_in_order),
		TEST(established_one_run_too_many),
		TEST(established_prune),
		TEST(established_prune_leaves_fin),
		TEST(bad_input_32_one_octet_at_every_second_octet),
		TEST(bad_input_32_segment_over_many_runs),
		TEST(bad_input_32_two_runs_in_turn),
		TEST(bad_input_32_two_connections_in_turn),
		TEST(bad_input_32_many_connections),
		TEST(established_small_slice_in_a_large_buffer),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("reass", tests)
