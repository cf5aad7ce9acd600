/* SPDX-License-Identifier: BSD-3-Clause */
/* The sender's scoreboard: RFC 2018, 2883, RFC 6675 section 3; BAD-INPUT 18, 33, 34. */
#include "random.h"
#include "twin.h"

#include <string.h>

#define MSS 1460u

static struct harness *
sending(uint32_t segments)
{
	struct tcp_conf conf = h_conf();

	conf.rto_min_ms = 1000;
	conf.snd_buf = 1 << 20;
	return h_sending(&conf, TCP_OPT_SACK_OK, segments);
}

static struct tcp_recovery *
rec_of(struct harness *h)
{
	const struct tcp_tcb *tcb = h_tcb(h);

	CU_ASSERT_FATAL(tcb != NULL && tcb->blk != PTCP_NIL);
	return &((struct tcp_block *)pool_at(&h->ctx->block_pool, tcb->blk))->rec;
}

/** Blocks by octets behind SND.UNA, and the cumulative acknowledgment @p ack octets on. */
static void
sack(struct harness *h, uint32_t ack, unsigned int n, const uint32_t *edges)
{
	const uint32_t una = h_tcb(h)->snd_una;
	struct tcp_sack k[TCP_SACK_MAX];

	for (unsigned int i = 0; i < n; i++)
		k[i] = (struct tcp_sack){una + edges[2 * i], una + edges[2 * i + 1]};
	(void)h_sack(h, una + ack, k, n);
}

static void
sack_one(struct harness *h, uint32_t left, uint32_t right)
{
	sack(h, 0, 1, (const uint32_t[]){left, right});
}

/** What the scoreboard says of the octet @p offset behind SND.UNA. */
static uint32_t
fate(struct harness *h, uint32_t offset)
{
	const uint32_t seq = h_tcb(h)->snd_una + offset;
	const struct tcp_range *r = NULL;

	for (uint32_t i = rec_of(h)->head; i != PTCP_NIL;) {
		const struct tcp_range *next = pool_at(&h->ctx->range_pool, i);

		if (seq_gt(next->seq, seq))
			break;
		r = next;
		i = r->next;
	}
	CU_ASSERT_FATAL(r != NULL);
	return r->flags & TCP_RANGE_FATE;
}

static uint64_t
count(const struct harness *h, enum counter_id id)
{
	return h->counters.n[id];
}

/* ------------------------------------------------------------------ blocks */

static void
blocks_are_taken_in(void)
{
	struct harness *h = sending(10);

	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 1); /* one burst */
	sack_one(h, 2 * MSS, 3 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 3);
	CU_ASSERT_EQUAL(fate(h, 2 * MSS - 1), 0);
	CU_ASSERT_EQUAL(fate(h, 2 * MSS), TCP_RANGE_SACKED);
	CU_ASSERT_EQUAL(fate(h, 3 * MSS - 1), TCP_RANGE_SACKED);
	CU_ASSERT_EQUAL(fate(h, 3 * MSS), 0);
	/* The same again says nothing new. */
	sack_one(h, 2 * MSS, 3 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS);
	/* It grows at either end, without a record more. */
	sack_one(h, 2 * MSS, 4 * MSS);
	sack_one(h, 2 * MSS - 5, 4 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 2 * MSS + 5);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 3);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_IN), 4);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_INVALID), 0);
	h_free(h);
}

/** In any order, overlapping, and joined by a third. */
static void
blocks_of_one_ack(void)
{
	struct harness *h = sending(10);

	sack(h, 0, 3, (const uint32_t[]){7000, 8000, 3000, 4000, 5000, 6000});
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 3000);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 7);
	sack(h, 0, 4, (const uint32_t[]){5500, 7500, 3500, 3600, 3000, 9000, 8500, 9500});
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 6500);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 3);
	/* The hole is filled: what was reported is acknowledged with it. */
	sack(h, 9500, 0, NULL);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 1);
	h_free(h);
}

static void
ack_passes_into_a_reported_run(void)
{
	struct harness *h = sending(10);

	sack_one(h, 3000, 6000);
	sack(h, 4000, 1,
			(const uint32_t[]){5000,
					8000}); /* SACK below its own run: the peer has reneged */
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 4000);
	CU_ASSERT_EQUAL(fate(h, 0), TCP_RANGE_SACKED);
	h_free(h);
}

/** Blocks in segments with text count as well. */
static void
blocks_ride_on_text(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;
	const uint8_t text[10] = {0};
	struct tcp_seg seg = {.seq = h->seq,
			.ack = una,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.opts = TCP_OPT_SACK,
			.n_sack = 1,
			.sack = {{una + MSS, una + 2 * MSS}}};

	CU_ASSERT_EQUAL(h_inject(h, &seg, text, sizeof(text)), DROP_NONE);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS);
	CU_ASSERT_EQUAL(h->n_received, 10);
	h_free(h);
}

/** Without SACK_OK from the peer its blocks mean nothing. */
static void
blocks_without_agreement(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h = h_sending(&conf, 0, 10);

	sack_one(h, MSS, 2 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	CU_ASSERT_EQUAL(rec_of(h)->head, PTCP_NIL);
	CU_ASSERT_EQUAL(h->ctx->range_pool.n_used, 0);
	h_free(h);
}

/* ------------------------------------------------------------------ BAD-INPUT 18: what is no block */

/** The definition, in plain integers: offsets behind SND.UNA from -2^31 to 2^31 - 1. */
static int
judge(int64_t left, int64_t right, int64_t flight, int64_t max_wnd)
{
	if (left > 0 && left < right && right <= flight)
		return 1;
	if (left < 0 && left < right && right <= 0 && left >= -max_wnd)
		return 2; /* a duplicate */
	return 0;
}

static void
edges_at(time_us_t start)
{
	static const int64_t base[] = {
			0, 1, 2, 1459, 1460, 1461, 0x7fffffff, 0x80000000, 0x80000001};
	enum { N = 2 * PTCP_ARRAY_SIZE(base) };
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.rto_min_ms = 1000;
	h = h_new(&conf, IP_V4, start);
	h->opts |= TCP_OPT_SACK_OK;
	h_to_state(h, TCP_ESTABLISHED, false);
	for (unsigned int i = 0; i < N * N * 2; i++) {
		/* Around SND.UNA, and around SND.NXT. */
		const int64_t around = (i / (N * N)) * 2920;
		const int64_t a = (i % N & 1 ? -1 : 1) * base[i % N / 2] + around;
		const int64_t z = (i / N % N & 1 ? -1 : 1) * base[i / N % N / 2] + around;
		const int64_t left = (int32_t)(uint32_t)a, right = (int32_t)(uint32_t)z;
		const uint64_t in = count(h, COUNTER_SACK_BLOCKS_IN);
		const uint64_t dup = count(h, COUNTER_DSACK_IN);
		const uint64_t bad = count(h, COUNTER_SACK_BLOCKS_INVALID);
		int verdict;

		h_forget(h);
		CU_ASSERT_EQUAL(h_write(h, 2 * MSS, 2 * MSS), 2 * MSS);
		verdict = judge(left, right, 2 * MSS, 65535);
		sack_one(h, (uint32_t)left, (uint32_t)right);
		CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_IN) - in, verdict == 1);
		CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN) - dup, verdict == 2);
		CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_INVALID) - bad, verdict == 0);
		CU_ASSERT_EQUAL(rec_of(h)->sacked, verdict == 1 ? right - left : 0);
		(void)h_in(h, TCP_ACK, 0);
		CU_ASSERT_EQUAL(h_tcb(h)->snd_una, h_tcb(h)->snd_nxt);
	}
	h_free(h);
}

static void
bad_input_18_block_edges(void)
{
	const struct tcp_conf conf = h_conf();

	edges_at(1000);
	/* Sequence numbers wrap inside the flight, at its begin, at its end. */
	edges_at(twin_start_for_iss(&conf, IP_V4, 0, UINT32_MAX));
	edges_at(twin_start_for_iss(&conf, IP_V4, 0, UINT32_MAX - 1));
	edges_at(twin_start_for_iss(&conf, IP_V4, 0, UINT32_MAX - 1460));
	edges_at(twin_start_for_iss(&conf, IP_V4, 0, 0x7fffffff - 1460));
}

static void
bad_input_18_block_beyond_what_was_sent(void)
{
	struct harness *h = sending(200); /* 10 of them in flight */

	sack_one(h, 9 * MSS, 10 * MSS + 1);
	sack_one(h, 10 * MSS, 11 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_INVALID), 2);
	h_free(h);
}

static void
bad_input_18_left_beyond_right(void)
{
	struct harness *h = sending(10);

	sack(h, 0, 2, (const uint32_t[]){3000, 2000, 5000, 5000});
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_INVALID), 2);
	/* A valid one beside them counts. */
	sack(h, 0, 3, (const uint32_t[]){3000, 2000, 4000, 5000, 0x80000000, 0x80000001});
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 1000);
	h_free(h);
}

/** RFC 2883 section 4: below the cumulative acknowledgment, or inside the second block; nothing is marked by it. */
static void
bad_input_18_duplicates_mark_nothing(void)
{
	struct harness *h = sending(10);

	sack(h, 2 * MSS, 1, (const uint32_t[]){0, MSS});
	CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 1);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	sack(h, 0, 2, (const uint32_t[]){2 * MSS, 3 * MSS, MSS, 4 * MSS});
	CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 2);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 3 * MSS); /* by the second */
	/* Not inside: two blocks. */
	sack(h, 0, 2, (const uint32_t[]){5 * MSS, 6 * MSS + 1, 5 * MSS, 6 * MSS});
	CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 2);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 4 * MSS + 1);
	/* Only the first block can tell of one. */
	sack(h, 0, 2, (const uint32_t[]){5 * MSS, 6 * MSS + 2, -(uint32_t)MSS, 0});
	CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 2);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_INVALID), 1);
	h_free(h);
}

/**
 * RFC 2018 section 8: the peer reports everything but the first, then forgets. After the timeout nothing that it said counts,
 * and everything goes again.
 */
static void
bad_input_18_reneging(void)
{
	struct harness *h = sending(10);
	const uint32_t first = h_tcb(h)->snd_una;
	uint32_t again = 0;

	h_wait_ms(h, 20);
	sack_one(h, MSS, 10 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 9 * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_RETRANSMITTED), 1);
	h_wait_ms(h, 2100); /* fast recovery restarted it */
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	h_forget(h);
	for (uint32_t i = 1; i <= 10; i++) {
		(void)h_in_at(h, TCP_ACK, h->seq, first + i * MSS, 0);
		for (; h->seen < h->n_sent; again++)
			CU_ASSERT_TRUE(h_next(h)->rexmt);
	}
	CU_ASSERT_EQUAL(again, 9);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_free(h);
}

/** The cumulative acknowledgment stops in front of what was reported: nobody sends, the timeout clears it up. */
static void
bad_input_18_reneging_seen_by_the_ack(void)
{
	struct harness *h = sending(10);
	const uint32_t first = h_tcb(h)->snd_una;

	h_wait_ms(h, 20);
	sack_one(h, MSS, 10 * MSS);
	h_forget(h);
	(void)h_in_at(h, TCP_ACK, h->seq, first + MSS, 0);
	CU_ASSERT_EQUAL(fate(h, 0), TCP_RANGE_SACKED);
	h_expect_none(h);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, first + MSS); /* whether or not it is marked */
	h_free(h);
}

/* ------------------------------------------------------------------ BAD-INPUT 33 */

/** MSS 48, and every other segment reported: bounded, and in the end everything arrives. */
static void
bad_input_33_sack_panic(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t una;

	conf.rto_min_ms = 1000;
	conf.snd_buf = 1 << 20;
	conf.max_nodes = 20000;
	h = h_new(&conf, IP_V4, 1000000);
	h->mss = 8;
	h->opts |= TCP_OPT_WSCALE | TCP_OPT_SACK_OK;
	h->wscale = 7;
	h_to_state(h, TCP_ESTABLISHED, false);
	h->wnd = 16000;
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->mss, 48);
	h_tcb(h)->cwnd = 1 << 20;
	(void)h_write(h, 48 * 4000, 4800);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_nxt - h_tcb(h)->snd_una, 48 * 4000);
	una = h_tcb(h)->snd_una;
	h_forget(h);
	for (uint32_t i = 1; i < 4000; i += 8) {
		struct tcp_sack k[4];

		for (uint32_t j = 0; j < 4; j++) {
			k[j].left = una + 48 * (i + 2 * j);
			k[j].right = k[j].left + 48;
		}
		(void)h_sack(h, una, k, 4);
		CU_ASSERT(rec_of(h)->n_ranges <= TCP_RANGES_MAX);
		/* What is reported as delivered is all that lets something out. */
		CU_ASSERT(48 * count(h, COUNTER_RETRANSMITTED) <= rec_of(h)->sacked + 2 * 48);
		if (h->n_sent > H_LOG_MAX / 2)
			h_forget(h);
	}
	CU_ASSERT(rec_of(h)->sacked >= 48 * (TCP_RANGES_MAX / 2 - 10));
	for (unsigned int i = 0; i < 200 && h_tcb(h)->blk != PTCP_NIL; i++) {
		h_forget(h);
		(void)h_in(h, TCP_ACK, 0);
		h_wait_ms(h, 100);
	}
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_free(h);
}

/** The records of a worker are all in use: what is known stays, what is new is not taken in. */
static void
bad_input_33_no_records_left(void)
{
	for (uint32_t ranges = 1; ranges <= 9; ranges++) {
		struct tcp_conf conf = h_conf();
		struct harness *h;

		conf.max_ranges = ranges;
		conf.rto_min_ms = 1000;
		h = h_sending(&conf, TCP_OPT_SACK_OK, 20);
		for (uint32_t i = 1; i < 9; i += 2) {
			sack_one(h, i * MSS, (i + 1) * MSS);
			CU_ASSERT(rec_of(h)->sacked <= (i + 1) / 2 * MSS);
		}
		CU_ASSERT(h->ctx->range_pool.n_used <= ranges);
		for (unsigned int i = 0; i < 40 && h_tcb(h)->blk != PTCP_NIL; i++) {
			(void)h_in(h, TCP_ACK, 0);
			h_wait_ms(h, 500);
		}
		CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
		h_free(h);
	}
}

/** No pool at all, or somebody else has it: NewReno, and go-back-N after a timeout. */
static void
no_records_at_all(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.max_ranges = 0;
	conf.rto_min_ms = 1000;
	h = h_sending(&conf, TCP_OPT_SACK_OK, 10);
	h_forget(h);
	for (uint32_t i = 1; i <= 3; i++)
		sack_one(h, MSS, (i + 1) * MSS);
	CU_ASSERT_EQUAL(count(h, COUNTER_FAST_RETRANSMIT), 1);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_TRUE(h->sent[0].rexmt);
	h_wait_ms(h, 1000);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	CU_ASSERT_EQUAL(h->n_sent, 2);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_free(h);
}

/** Records come free in the middle of a flight: what was sent before is one run that was sent just now. */
static void
scoreboard_begins_in_the_middle(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t taken = 0;

	conf.max_ranges = 4;
	h = h_new(&conf, IP_V4, 1000000);
	h->opts |= TCP_OPT_SACK_OK;
	h_to_state(h, TCP_ESTABLISHED, false);
	while (h->ctx->range_pool.n_used < 4)
		taken = pool_get(&h->ctx->range_pool);
	(void)h_write(h, 3 * MSS, MSS);
	CU_ASSERT_EQUAL(rec_of(h)->head, PTCP_NIL);
	for (uint32_t i = 0; i < 4; i++)
		pool_put(&h->ctx->range_pool, taken - i);
	h_wait_ms(h, 3);
	(void)h_write(h, MSS, MSS);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 1);
	CU_ASSERT_EQUAL(fate(h, 0), TCP_RANGE_RESENT); /* its round trip tells nothing */
	sack_one(h, MSS, 2 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS);
	h_free(h);
}

/* ------------------------------------------------------------------ BAD-INPUT 34 */

/** Octet by octet, in one segment's room: one segment more goes out than was reported, and no more. */
static void
bad_input_34_sack_division(void)
{
	struct harness *h = sending(200);
	uint64_t octets = 0;

	h_forget(h);
	for (uint32_t i = 0; i < 2 * MSS; i++) {
		sack_one(h, MSS, MSS + i + 1);
		for (; h->seen < h->n_sent; octets += h->sent[h->seen++].len)
			;
		CU_ASSERT(octets <= i + 1 + 2 * MSS);
	}
	h_free(h);
}

/** The same report a thousand times: nothing is delivered by it, nothing goes out. */
static void
bad_input_34_repeated_reports(void)
{
	struct harness *h = sending(200);

	sack_one(h, MSS, 5 * MSS);
	h_forget(h);
	for (unsigned int i = 0; i < 1000; i++)
		sack_one(h, MSS, 5 * MSS);
	h_expect_none(h);
	h_free(h);
}

/** The whole flight reported, octets never sent acknowledged: the window grows by nothing. */
static void
bad_input_34_optimistic_reports(void)
{
	struct harness *h = sending(200);
	const uint32_t una = h_tcb(h)->snd_una;

	(void)h_in_at(h, TCP_ACK, h->seq, una + 11 * MSS, 0);
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una);
	sack_one(h, MSS, 10 * MSS);
	CU_ASSERT(h_tcb(h)->cwnd <= 10 * MSS);
	CU_ASSERT(h_tcb(h)->snd_nxt - una <= 20 * MSS);
	h_free(h);
}

/* ------------------------------------------------------------------ what is sent */

/** Bursts of one moment are one run, later ones another. */
static void
runs_follow_the_clock(void)
{
	struct harness *h = h_new(NULL, IP_V4, 1000000);

	h->opts |= TCP_OPT_SACK_OK;
	h_to_state(h, TCP_ESTABLISHED, false);
	h_tcb(h)->srtt = 32000; /* one moment: 1 ms */
	h_tcb(h)->flags |= TF_NODELAY;
	for (uint32_t i = 0; i < 5; i++) {
		(void)h_write(h, 100, 100);
		CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 1);
		h_wait(h, 200);
	}
	(void)h_write(h, 100, 100); /* 1,000 us after the first: still */
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 1);
	h_wait(h, 1);
	(void)h_write(h, 100, 100);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 2);
	h_wait(h, 1001);
	(void)h_write(h, 100, 100);
	CU_ASSERT_EQUAL(rec_of(h)->n_ranges, 3);
	(void)h_in(h, TCP_ACK, 0);
	h_free(h);
}

/** FIN is an octet: it may be the one that is missing, and the one that is reported. */
static void
fin_is_lost_and_reported(void)
{
	struct harness *h = sending(3);
	const struct h_seg *s;

	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	h_forget(h);
	sack_one(h, MSS, 3 * MSS + 1); /* with FIN */
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 2 * MSS + 1);
	h_wait_ms(h, 6); /* the reordering window */
	s = h_next(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->len, MSS);
	CU_ASSERT_EQUAL(s->seg.flags & TCP_FIN, 0);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_free(h);
	h = sending(3);
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
	sack(h, 2 * MSS, 0, NULL);
	h_forget(h);
	h_wait_ms(h, 300); /* the probe: the last segment, and FIN on it */
	s = h_next(h);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_NOT_EQUAL(s->seg.flags & TCP_FIN, 0);
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(h_state(h), TCP_FIN_WAIT_2);
	h_free(h);
}

/** A smaller MTU on the way: all of it goes again in smaller pieces, and the window stays (RFC 1191). */
static void
too_big_sends_all_again(void)
{
	struct harness *h = sending(10);
	const struct tcp_tcb *tcb = h_tcb(h);
	struct tcp_icmp icmp = {.quoted = {.seq = tcb->snd_una,
						.sport = h->our_port,
						.dport = h->peer_port,
						.dst = h->peer,
						.family = IP_V4},
			.too_big = true,
			.mtu = 1040};
	uint32_t octets = 0;

	sack_one(h, 9 * MSS, 10 * MSS);
	h_forget(h);
	CU_ASSERT_EQUAL(tcp_icmp_arrives(h->ctx, &icmp), DROP_NONE);
	h_pump(h);
	CU_ASSERT_EQUAL(tcb->mss, 1000);
	while (h->seen < h->n_sent) {
		const struct h_seg *s = h_next(h);

		CU_ASSERT_TRUE(s->rexmt);
		CU_ASSERT(s->len <= 1000);
		octets += s->len;
	}
	CU_ASSERT_EQUAL(octets, 10 * 1000); /* as many segments as before */
	CU_ASSERT_EQUAL(rec_of(h)->lost, 9 * MSS - octets);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS); /* had come through */
	(void)h_in(h, TCP_ACK, 0);
	CU_ASSERT_EQUAL(tcb->blk, PTCP_NIL);
	h_free(h);
}

/** What a burst acknowledges was in flight when the loss happened, though nothing has replaced it yet. */
static void
loss_behind_a_large_ack_halves_the_window_not_its_rest(void)
{
	struct harness *h = sending(40);
	const struct tcp_tcb *tcb = h_tcb(h);

	CU_ASSERT_EQUAL(tcb->snd_nxt - tcb->snd_una, 10 * MSS);
	h_wait_ms(h, 20);
	h->no_pump = true;
	sack(h, 6 * MSS, 0, NULL);
	CU_ASSERT_EQUAL(tcb->cwnd, 12 * MSS);
	sack_one(h, MSS, 2 * MSS);
	sack_one(h, MSS, 3 * MSS);
	h->no_pump = false;
	sack_one(h, MSS, 4 * MSS);
	CU_ASSERT_EQUAL(h->counters.n[COUNTER_FAST_RETRANSMIT], 1);
	CU_ASSERT_EQUAL(tcb->ssthresh, 6 * MSS);
	h_free(h);
}

/* ------------------------------------------------------------------ against a model */

/**
 * Random reports, acknowledgments, time and text against one entry for each octet. While records are enough the scoreboard
 * and the model agree on every octet reported; whatever was sent again was marked lost, or it was a probe.
 */
static void
model_run(uint64_t seed, uint32_t ranges)
{
	struct tcp_conf conf = h_conf();
	uint64_t rng = seed;
	struct harness *h;
	static bool is_sacked[1 << 20];
	uint32_t base;

	memset(is_sacked, 0, sizeof(is_sacked));
	conf.max_ranges = ranges;
	conf.snd_buf = 1 << 18;
	h = h_sending(&conf, TCP_OPT_SACK_OK, 1);
	base = h_tcb(h)->snd_una;
	for (unsigned int step = 0; step < 3000; step++) {
		const struct tcp_tcb *tcb = h_tcb(h);
		const uint32_t una = tcb->snd_una - base;
		uint32_t flight, n;

		if (h->n_sent > H_LOG_MAX / 2)
			h_forget(h);
		if (h->written < sizeof(is_sacked) - 300000)
			(void)h_write(h, random_below(&rng, 3 * MSS) + 1, 700);
		h_wait(h, random_below(&rng, 8) == 0 ? random_below(&rng, 30000) : 0);
		flight = tcb->snd_nxt - tcb->snd_una;
		if (flight == 0)
			continue;
		n = random_below(&rng, 4);
		if (n == 0) {
			uint32_t ack = random_below(&rng, flight) + 1;

			/* As a receiver would: everything up to the first hole. */
			while (ack < flight && is_sacked[una + ack])
				ack++;
			(void)h_sack(h, base + una + ack, NULL, 0);
			for (uint32_t i = 0; i < ack; i++)
				is_sacked[una + i] = true;
		} else {
			struct tcp_sack k[3];
			const uint64_t rto = count(h, COUNTER_RTO);

			for (uint32_t i = 0; i < n; i++) {
				const uint32_t left = 1 + random_below(&rng, flight);
				const uint32_t len = random_below(&rng, 3000);

				k[i].left = base + una + left;
				k[i].right = k[i].left +
						(len < flight - left ? len : flight - left);
				for (uint32_t j = k[i].left - base; j < k[i].right - base; j++)
					is_sacked[j] = true;
			}
			(void)h_sack(h, base + una, k, n);
			CU_ASSERT_EQUAL(count(h, COUNTER_RTO), rto);
		}
		if (tcb->blk == PTCP_NIL || rec_of(h)->head == PTCP_NIL)
			continue;
		/* A timeout forgets what was reported; so does the model. */
		if (count(h, COUNTER_RTO) > 0) {
			memset(is_sacked, 0, sizeof(is_sacked));
			break;
		}
		if (ranges < 1000)
			continue;
		for (uint32_t i = 0; i < 50; i++) {
			const uint32_t at = random_below(&rng, tcb->snd_nxt - tcb->snd_una);

			CU_ASSERT_EQUAL((fate(h, at) & TCP_RANGE_SACKED) != 0,
					is_sacked[tcb->snd_una - base + at]);
		}
	}
	h_free(h);
}

static void
model(void)
{
	for (uint64_t seed = 1; seed <= 30; seed++)
		model_run(seed, seed % 3 == 0 ? (uint32_t)seed : 4096);
}

/** In long disorder limited transmit lets out more than is reported at last: only that much is no part of FlightSize. */
static void
flight_after_long_disorder(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t una, flight;

	conf.snd_buf = 1 << 20;
	conf.rto_min_ms = 1000;
	conf.cc = TCP_CC_NEWRENO;
	h = h_sending(&conf, TCP_OPT_SACK_OK, 100);
	una = h_tcb(h)->snd_una;
	rec_of(h)->flags |= TCP_REC_REORDERING;
	sack_one(h, MSS, 9 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->limited, 8 * MSS);
	/* The hole is filled, a new one opens. */
	sack(h, 9 * MSS, 1, (const uint32_t[]){11 * MSS, 12 * MSS});
	CU_ASSERT_EQUAL(h_tcb(h)->snd_una, una + 9 * MSS);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, MSS);
	CU_ASSERT(rec_of(h)->limited >= 8 * MSS);
	flight = h_tcb(h)->snd_nxt - h_tcb(h)->snd_una;
	rec_of(h)->flags &= (uint16_t)~TCP_REC_RACK; /* the reordering timer shall find nothing */
	h_wait_ms(h, 1100);
	CU_ASSERT_EQUAL(count(h, COUNTER_RTO), 1);
	CU_ASSERT_EQUAL(h_tcb(h)->ssthresh, (flight - MSS) / 2);
	h_free(h);
}

/** Sent one by one, milliseconds apart, they are ranges of their own; lost alike, they are one. */
static void
lost_neighbours_are_one_range(void)
{
	struct harness *h = sending(0);

	h_tcb(h)->flags |= TF_NODELAY;
	for (unsigned int i = 0; i < 5; i++) {
		(void)h_write(h, 100, 100);
		h_wait_ms(h, 20);
	}
	CU_ASSERT(rec_of(h)->n_ranges > 1);
	h_wait_ms(h, 3000);
	CU_ASSERT(count(h, COUNTER_RTO) > 0);
	/* What went again, and the rest. */
	CU_ASSERT(rec_of(h)->n_ranges <= 2);
	h_free(h);
}

/* ------------------------------------------------------------------ retransmissions and the peer's window */

/** What is lost goes again within the window only; its first segment goes whatever has become of that. */
static void
lost_beyond_the_window_waits(void)
{
	struct harness *h = sending(10);
	const uint32_t una = h_tcb(h)->snd_una;

	h_forget(h);
	h_wait_ms(h, 20);
	/* The first and the fifth are lost, and the peer has taken back all of its window but four segments. */
	h->wnd = (uint16_t)(4 * MSS >> 7);
	sack(h, 0, 2, (const uint32_t[]){MSS, 4 * MSS, 5 * MSS, 10 * MSS});
	CU_ASSERT_EQUAL(rec_of(h)->lost, MSS);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(h->sent[0].seg.seq, una);
	h_wait_ms(h, 10);
	CU_ASSERT_EQUAL(h->n_sent, 1);
	CU_ASSERT_EQUAL(fate(h, 4 * MSS), TCP_RANGE_LOST);
	/* With the first one's ACK the window reaches over it. */
	sack(h, 4 * MSS, 1, (const uint32_t[]){5 * MSS, 10 * MSS});
	CU_ASSERT_EQUAL(h->n_sent, 2);
	CU_ASSERT_EQUAL(h->sent[1].seg.seq, una + 4 * MSS);
	CU_ASSERT_TRUE(h->sent[1].rexmt);
	CU_ASSERT_EQUAL(rec_of(h)->lost, 0);
	h_free(h);
}

/** A SACK option without a block, and one whose only block is a duplicate's, report nothing. */
static void
options_that_report_nothing(void)
{
	struct harness *h = sending(10);
	struct tcp_seg seg = {.seq = h->seq,
			.ack = h_tcb(h)->snd_una,
			.wnd = h->wnd,
			.flags = TCP_ACK,
			.opts = TCP_OPT_SACK};

	h_forget(h);
	(void)h_inject(h, &seg, NULL, 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_IN), 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_SACK_BLOCKS_INVALID), 0);
	CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), 0);
	CU_ASSERT_EQUAL(rec_of(h)->sacked, 0);
	h_expect_none(h);
	h_free(h);
}

/** RFC 2883 section 4: a block inside the second one tells of a duplicate; one that only begins there does not. */
static void
duplicate_inside_the_second_block(void)
{
	static const struct {
		uint32_t edges[4];
		bool dsack;
	} row[] = {
			{{3 * MSS, 4 * MSS, 2 * MSS, 5 * MSS}, true},
			{{2 * MSS, 5 * MSS, 2 * MSS, 5 * MSS}, true},
			{{3 * MSS, 6 * MSS, 2 * MSS, 5 * MSS}, false},
			{{MSS, 4 * MSS, 2 * MSS, 5 * MSS}, false},
			/* The second one must be a report itself: behind SEG.ACK and within what was sent. */
			{{MSS, 2 * MSS, 0, 5 * MSS}, false},
			{{3 * MSS, 4 * MSS, 2 * MSS, 11 * MSS}, false},
	};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(row); i++) {
		struct harness *h = sending(10);

		sack(h, 0, 2, row[i].edges);
		CU_ASSERT_EQUAL(count(h, COUNTER_DSACK_IN), row[i].dsack);
		h_free(h);
	}
}

static CU_TestInfo tests[] = {
		TEST(blocks_are_taken_in),
		TEST(blocks_of_one_ack),
		TEST(ack_passes_into_a_reported_run),
		TEST(blocks_ride_on_text),
		TEST(blocks_without_agreement),
		TEST(bad_input_18_block_edges),
		TEST(bad_input_18_block_beyond_what_was_sent),
		TEST(bad_input_18_left_beyond_right),
		TEST(bad_input_18_duplicates_mark_nothing),
		TEST(bad_input_18_reneging),
		TEST(bad_input_18_reneging_seen_by_the_ack),
		TEST(bad_input_33_sack_panic),
		TEST(bad_input_33_no_records_left),
		TEST(no_records_at_all),
		TEST(scoreboard_begins_in_the_middle),
		TEST(bad_input_34_sack_division),
		TEST(bad_input_34_repeated_reports),
		TEST(bad_input_34_optimistic_reports),
		TEST(runs_follow_the_clock),
		TEST(fin_is_lost_and_reported),
		TEST(too_big_sends_all_again),
		TEST(loss_behind_a_large_ack_halves_the_window_not_its_rest),
		TEST(flight_after_long_disorder),
		TEST(model),
		TEST(lost_neighbours_are_one_range),
		TEST(lost_beyond_the_window_waits),
		TEST(options_that_report_nothing),
		TEST(duplicate_inside_the_second_block),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("sack", tests)
