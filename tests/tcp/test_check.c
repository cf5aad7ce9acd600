/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_check() must see each kind of damage: every other test, the simulator and the fuzzers rely on it. */
#include "damage.h"
#include "harness.h"

#include "tcp/tcp_impl.h"

#define MSS      1460u
#define CHECK(h) tcp_check((h)->ctx, PTCP_NIL)

static struct tcp_block *
block_of(struct harness *h)
{
	struct tcp_block *b = tcp_block(h->ctx, h_tcb(h));

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	return b;
}

/** Twenty segments of one slice each, of which ten are in flight. */
static struct harness *
sending(uint8_t opts)
{
	struct harness *h = h_sending(NULL, opts, 20);

	CU_ASSERT_EQUAL_FATAL(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una, 10 * MSS);
	CU_ASSERT_PTR_NULL(CHECK(h));
	return h;
}

static void
damaged_tcb(void)
{
	struct harness *h = sending(TCP_OPT_SACK_OK);
	struct tcp_tcb *tcb = h_tcb(h);
	const uint32_t index = tcp_index(h->ctx, tcb);

	DAMAGED(CHECK(h), tcb->snd_una, tcb->snd_nxt + 1, "snd_una beyond snd_nxt");
	DAMAGED(CHECK(h), tcb->flags, tcb->flags & ~TF_IN_TABLE,
			"live connection not in the table");
	DAMAGED(CHECK(h), tcb->state, TCP_SYN_RECEIVED,
			"a listener's half-open connection in a TCB");
	DAMAGED(CHECK(h), tcb->rcv_adv, tcb->rcv_nxt - 1, "rcv_nxt beyond the advertised edge");
	DAMAGED(CHECK(h), tcb->flags, tcb->flags & ~TF_REXMT, "data in flight without a deadline");
	DAMAGED(tcp_check(h->ctx, index), tcb->snd_una, tcb->snd_nxt + 1, "snd_una beyond snd_nxt");
	DAMAGED(CHECK(h), h->ctx->table.n_used, 2, "table and live connections disagree");
	wheel_cancel(&h->ctx->wheel, index);
	damage_told(CHECK(h), "deadline without an armed timer", "cancelled", __LINE__);
	wheel_arm(&h->ctx->wheel, index, tcb->t_rexmt);
	damage_told(CHECK(h), NULL, "armed", __LINE__);
	DAMAGED(CHECK(h), block_of(h)->tcb, index + 1, "block of another connection");
	/* What found no place in the list waits in the wheel. */
	DAMAGED(CHECK(h), tcb->out, OUT_ACK, NULL);
	h_free(h);
}

/** Of connections that have nothing to do. */
static void
damaged_tcb_at_rest(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	struct tcp_tcb *tcb;

	conf.delack_ms = 0;
	h = h_established(&conf);
	tcb = h_tcb(h);
	CU_ASSERT_EQUAL_FATAL(tcb->blk, PTCP_NIL);
	CU_ASSERT_FALSE_FATAL(wheel_armed(&h->ctx->wheel, tcp_index(h->ctx, tcb)));
	DAMAGED(CHECK(h), tcb->flags, tcb->flags | TF_HELD, "held text without an armed timer");
	DAMAGED(CHECK(h), tcb->out, OUT_ACK, "output that nobody will ask for");
	h->auto_read = false;
	(void)h_in(h, TCP_ACK, 100);
	DAMAGED(CHECK(h), tcb->flags, tcb->flags | TF_HELD, "held text without an armed timer");
	/* The same with a window of zero: text waits, and the probe's timer is all that there is. */
	h->wnd = 0;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL_FATAL(h_write(h, 100, 100), 100);
	CU_ASSERT_FATAL((tcb->flags & TF_PERSIST) != 0);
	DAMAGED(CHECK(h), tcb->flags, tcb->flags & ~TF_PERSIST,
			"unsent text that nobody will send");
	h_free(h);

	h = h_new(NULL, IP_V4, 1000);
	h_to_state(h, TCP_FIN_WAIT_2, false);
	tcb = h_tcb(h);
	DAMAGED(CHECK(h), tcb->flags, tcb->flags & ~TF_FIN_QUEUED, "closing without a queued FIN");
	h_free(h);
}

static void
damaged_send_queue(void)
{
	struct harness *h = sending(TCP_OPT_SACK_OK);
	struct tcp_block *b = block_of(h);
	struct tcp_node *second = tcp_node_at(h->ctx, tcp_node_at(h->ctx, b->snd_head)->next);

	DAMAGED(CHECK(h), second->seq, second->seq + 1, "send queue not contiguous");
	DAMAGED(CHECK(h), second->buf.len, 0, "send queue not contiguous");
	DAMAGED(CHECK(h), second->buf.owner, NULL, "send queue not contiguous");
	DAMAGED(CHECK(h), second->buf.len, 100, "send queue not contiguous");
	DAMAGED(CHECK(h), b->snd_cur, b->snd_head, "send cursor does not hold snd_nxt");
	DAMAGED(CHECK(h), b->snd_cur, h->ctx->node_pool.size - 1, "send cursor not in the queue");
	DAMAGED(CHECK(h), b->snd_cur, PTCP_NIL, "unsent bytes without a cursor");
	DAMAGED(CHECK(h), b->snd_bytes, b->snd_bytes + 1, "send queue miscounted");
	DAMAGED(CHECK(h), b->snd_mem, b->snd_mem + 1, "send queue miscounted");
	DAMAGED(CHECK(h), b->snd_tail, b->snd_head, "send queue miscounted");
	h_free(h);
}

static void
damaged_recovery(void)
{
	struct harness *h = sending(TCP_OPT_SACK_OK);
	struct tcp_tcb *tcb = h_tcb(h);
	struct tcp_recovery *rec = &block_of(h)->rec;

	DAMAGED(CHECK(h), rec->lost, 1, "a loss that nobody repairs");
	DAMAGED(CHECK(h), rec->frto, TCP_FRTO_WAIT, "F-RTO without a timeout");
	CU_ASSERT_EQUAL_FATAL(rec->timer, TCP_TIMER_PTO);
	DAMAGED(CHECK(h), rec->t_rto, tcb->t_rexmt - 1,
			"a deadline of recovery behind the timeout");
	rec->recover = tcb->snd_una;
	DAMAGED(CHECK(h), tcb->flags, tcb->flags | TF_LOSS,
			"a loss is being repaired that is not in flight");
	rec->recover = tcb->snd_nxt + 1;
	DAMAGED(CHECK(h), tcb->flags, tcb->flags | TF_RECOVERY,
			"a loss is being repaired that is not in flight");
	rec->recover = tcb->snd_nxt;
	DAMAGED(CHECK(h), tcb->flags, tcb->flags | TF_RECOVERY | TF_LOSS,
			"recovery after a timeout and before it");
	h_free(h);

	h = sending(0);
	DAMAGED(CHECK(h), block_of(h)->rec.timer, TCP_TIMER_REO,
			"a deadline of recovery behind the timeout");
	h_free(h);
}

static void
damaged_scoreboard(void)
{
	struct harness *h = sending(TCP_OPT_SACK_OK);
	struct tcp_tcb *tcb = h_tcb(h);
	struct tcp_block *b = block_of(h);
	struct tcp_recovery *rec = &b->rec;
	const struct tcp_sack k = {tcb->snd_una + 4 * MSS, tcb->snd_una + 5 * MSS};
	struct tcp_range *r[3];
	uint32_t i = rec->head;

	(void)h_sack(h, tcb->snd_una, &k, 1);
	CU_ASSERT_EQUAL_FATAL(rec->n_ranges, 3);
	for (int n = 0; n < 3; n++, i = r[n - 1]->next)
		r[n] = pool_at(&h->ctx->range_pool, i);
#define SCOREBOARD tcp_sack_check(h->ctx, tcb, b)
	DAMAGED(CHECK(h), tcb->flags, tcb->flags & ~TF_SACK, "a scoreboard without SACK");
	DAMAGED(SCOREBOARD, tcb->snd_una, tcb->snd_nxt, "a scoreboard with nothing in flight");
	DAMAGED(CHECK(h), r[0]->seq, r[0]->seq + 1, "the scoreboard does not begin at SND.UNA");
	DAMAGED(CHECK(h), r[1]->seq, r[0]->seq, "the scoreboard is not in order");
	DAMAGED(CHECK(h), r[2]->seq, tcb->snd_nxt + 1, "the scoreboard is not in order");
	DAMAGED(CHECK(h), r[1]->flags, TCP_RANGE_SACKED | TCP_RANGE_LOST,
			"octets reported and lost");
	DAMAGED(CHECK(h), r[1]->seq, r[1]->seq + 1, "the scoreboard's octets are miscounted");
	DAMAGED(CHECK(h), rec->sacked, rec->sacked + 1, "the scoreboard's octets are miscounted");
	DAMAGED(SCOREBOARD, rec->lost, 1, "the scoreboard's octets are miscounted");
	DAMAGED(CHECK(h), rec->n_ranges, 2, "the scoreboard's ranges are miscounted");
	DAMAGED(CHECK(h), rec->tail, rec->head, "the scoreboard's ranges are miscounted");
	h_free(h);
}

static void
damaged_receive_queue(void)
{
	struct harness *h = h_established(NULL);
	struct tcp_node *second;
	struct tcp_block *b;

	h->auto_read = false;
	for (int n = 0; n < 3; n++)
		(void)h_in(h, TCP_ACK, 1000);
	b = block_of(h);
	second = tcp_node_at(h->ctx, tcp_node_at(h->ctx, b->rcv_head)->next);
	DAMAGED(CHECK(h), second->seq, second->seq + 1, "receive queue not contiguous");
	DAMAGED(CHECK(h), second->buf.len, 0, "receive queue not contiguous");
	DAMAGED(CHECK(h), second->buf.owner, NULL, "receive queue not contiguous");
	DAMAGED(CHECK(h), b->rcv_bytes, b->rcv_bytes + 1, "receive queue not contiguous");
	DAMAGED(CHECK(h), b->rcv_mem, b->rcv_mem + 1, "receive queue miscounted");
	DAMAGED(CHECK(h), b->rcv_tail, b->rcv_head, "receive queue miscounted");
	h_free(h);

	h = sending(0);
	DAMAGED(CHECK(h), block_of(h)->rcv_bytes, 1, "receive queue miscounted");
	h_free(h);
}

/** Three runs out of order, the first of two slices. */
static struct harness *
with_runs(void)
{
	static const uint32_t at[] = {1000, 2000, 4000, 6000};
	struct harness *h = h_established(NULL);

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(at); i++)
		(void)h_in_at(h, TCP_ACK, h->seq + at[i], h->ack, 1000);
	CU_ASSERT_EQUAL_FATAL(block_of(h)->ooo_runs, 3);
	return h;
}

static void
damaged_runs(void)
{
	struct harness *h = with_runs();
	struct tcp_tcb *tcb = h_tcb(h);
	struct tcp_block *b = block_of(h);
	struct tcp_node *first = tcp_node_at(h->ctx, tcp_run_at(h->ctx, b, h->seq + 1000));
	struct tcp_node *second = tcp_node_at(h->ctx, first->next);

	DAMAGED(CHECK(h), first->seq, tcb->rcv_nxt, "runs overlap or were not joined");
	DAMAGED(CHECK(h), second->seq, second->seq + 1, "run not contiguous");
	DAMAGED(CHECK(h), second->buf.len, 0, "run not contiguous");
	DAMAGED(CHECK(h), second->buf.owner, NULL, "run not contiguous");
	DAMAGED(CHECK(h), first->tail, tcp_run_at(h->ctx, b, h->seq + 1000), "run miscounted");
	DAMAGED(CHECK(h), first->mem, first->mem + 1, "run miscounted");
	DAMAGED(CHECK(h), b->ooo_runs, 2, "reassembly miscounted");
	DAMAGED(CHECK(h), b->ooo_bytes, b->ooo_bytes + 1, "reassembly miscounted");
	DAMAGED(CHECK(h), b->ooo_mem, b->ooo_mem + 1, "reassembly miscounted");
	DAMAGED(CHECK(h), tcb->rcv_adv, h->seq + 6999, "reassembly beyond the window");
	DAMAGED(CHECK(h), tcb->rcv_adv, h->seq + 7000, NULL);
	h_free(h);
}

/** Each run stands above those with lower priorities, and the tree has an end. */
static void
damaged_tree(void)
{
	struct harness *h = with_runs();
	struct tcp_block *b = block_of(h);
	struct tcp_node *root = tcp_node_at(h->ctx, b->ooo_root);
	uint32_t below = root->left != PTCP_NIL ? root->left : root->right;
	struct tcp_node *node = tcp_node_at(h->ctx, below);

	DAMAGED(CHECK(h), root->left, b->ooo_root, "reassembly tree has a cycle");
	DAMAGED(CHECK(h), node->left, b->ooo_root, "reassembly tree is no heap");
	DAMAGED(CHECK(h), node->right, b->ooo_root, "reassembly tree is no heap");
	h_free(h);
}

static void
damaged_memory(void)
{
	struct harness *h = with_runs();
	struct tcp_block *b = block_of(h);
	struct tcp_mem *mem = &h->ctx->mem;
	const uint32_t blk = h_tcb(h)->blk;
	const uint8_t list = b->greedy_list;

	DAMAGED(CHECK(h), mem->used, mem->used + 1, "memory of the queues miscounted");
	DAMAGED(CHECK(h), mem->ooo, mem->ooo - 1, "memory of the queues miscounted");
	DAMAGED(CHECK(h), mem->snd_nodes, 1, "nodes or blocks of senders miscounted");
	DAMAGED(CHECK(h), mem->snd_blocks, 1, "nodes or blocks of senders miscounted");
	DAMAGED(CHECK(h), mem->greedy_map, 0, "map of the lists of those with text out of order");
	DAMAGED(CHECK(h), mem->greedy_map, mem->greedy_map | 2,
			"map of the lists of those with text out of order");
	DAMAGED(CHECK(h), b->greedy_prev, blk, "list of those with text out of order");
	DAMAGED(CHECK(h), b->greedy_next, blk, "list of those with text out of order");
	DAMAGED(CHECK(h), b->greedy_list, 0,
			"block in the wrong list of those with text out of order");
	DAMAGED(CHECK(h), b->greedy_list, list + 1,
			"block in the wrong list of those with text out of order");
	/* Taken out of its list; and put into another one's besides. */
	mem->greedy[list] = PTCP_NIL;
	mem->greedy_map = 0;
	damage_told(CHECK(h), "block with text out of order not listed", "no list", __LINE__);
	mem->greedy[1] = blk;
	mem->greedy_map = 2;
	damage_told(CHECK(h), "list of those with text out of order", "list 1", __LINE__);
	mem->greedy[1] = PTCP_NIL;
	mem->greedy[list] = blk;
	mem->greedy_map = UINT64_C(1) << list;
	damage_told(CHECK(h), NULL, "its list", __LINE__);
	h_free(h);
}

/** A connection that has ended in order may still hold text for its reader: that is looked at as well. */
static void
damaged_block_in_time_wait(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000);
	struct tcp_tcb *tcb;

	h_to_state(h, TCP_FIN_WAIT_2, false);
	h->auto_read = false;
	tcb = h_tcb(h);
	(void)h_in(h, TCP_FIN | TCP_ACK, 1000);
	CU_ASSERT_EQUAL_FATAL(tcb->state, TCP_TIME_WAIT);
	CU_ASSERT_PTR_NULL(tcp_check(h->ctx, tcp_index(h->ctx, tcb)));
	DAMAGED(CHECK(h), tcp_block(h->ctx, tcb)->tcb, 5, "block of another connection");
	DAMAGED(CHECK(h), tcp_block(h->ctx, tcb)->rcv_mem, 1, "receive queue miscounted");
	h_free(h);
}

/** Of several the first that is damaged is told of. */
static void
damaged_one_of_several(void)
{
	struct harness *h = h_established(NULL);

	h->peer_port++;
	h->seq = 1000;
	h_to_state(h, TCP_ESTABLISHED, false);
	DAMAGED(CHECK(h), tcp_at(h->ctx, 0)->rcv_adv, tcp_at(h->ctx, 0)->rcv_nxt - 1,
			"rcv_nxt beyond the advertised edge");
	DAMAGED(CHECK(h), tcp_at(h->ctx, 1)->rcv_adv, tcp_at(h->ctx, 1)->rcv_nxt - 1,
			"rcv_nxt beyond the advertised edge");
	for (int n = 0; n < 2; n++) {
		h->peer_port++;
		h->seq = 1000;
		(void)h_in(h, TCP_SYN, 0);
	}
	DAMAGED(CHECK(h), h->ctx->half[0].rcv_adv, h->ctx->half[0].irs,
			"half-open record: rcv_nxt beyond the advertised edge");
	h_free(h);
}

static CU_TestInfo tests[] = {
		TEST(damaged_tcb),
		TEST(damaged_tcb_at_rest),
		TEST(damaged_send_queue),
		TEST(damaged_recovery),
		TEST(damaged_scoreboard),
		TEST(damaged_receive_queue),
		TEST(damaged_runs),
		TEST(damaged_tree),
		TEST(damaged_memory),
		TEST(damaged_block_in_time_wait),
		TEST(damaged_one_of_several),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("check", tests)
