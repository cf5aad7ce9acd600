/* SPDX-License-Identifier: BSD-3-Clause */
/* What a receiver tells by SACK: the examples of RFC 2018 section 4 and RFC 2883 section 4, and a model of both. */
#include "harness.h"
#include "random.h"
#include "wire/tcp_hdr.h"

#include <string.h>

#define SPAN 4000u /* octets of the model's stream */

/** An established connection with SACK, whose peer's next octet is @p first; @p opts beside MSS and SACK_OK. */
static struct harness *
sack_new(uint32_t first, uint8_t opts)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;

	conf.sack = true;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_SACK_OK | opts;
	h->seq = first - 1;
	h_to_state(h, TCP_ESTABLISHED, false);
	CU_ASSERT((h_tcb(h)->flags & TF_SACK) != 0);
	h_forget(h);
	return h;
}

static void
text(struct harness *h, uint32_t from, uint32_t to)
{
	(void)h_in_at(h, TCP_ACK, from, h->ack, to - from);
}

/** The last segment acknowledges @p ack and has exactly the blocks @p want, pairs of edges. */
static void
expect_blocks(struct harness *h, uint32_t ack, const uint32_t *want, uint32_t n)
{
	const struct tcp_seg *seg;
	bool same;

	CU_ASSERT_FATAL(h->n_sent > 0);
	seg = &h->sent[h->n_sent - 1].seg;
	same = seg->ack == ack && seg->n_sack == n && ((seg->opts & TCP_OPT_SACK) != 0) == (n > 0);
	for (uint32_t i = 0; same && i < n; i++)
		same = seg->sack[i].left == want[2 * i] && seg->sack[i].right == want[2 * i + 1];
	if (!same) {
		fprintf(stderr, "ack %u (%u), blocks", seg->ack, ack);
		for (uint32_t i = 0; i < seg->n_sack; i++)
			fprintf(stderr, " %u-%u", seg->sack[i].left, seg->sack[i].right);
		fprintf(stderr, " instead of");
		for (uint32_t i = 0; i < n; i++)
			fprintf(stderr, " %u-%u", want[2 * i], want[2 * i + 1]);
		fprintf(stderr, "\n");
	}
	CU_ASSERT(same);
	CU_ASSERT_EQUAL(tcp_sack_fit(seg), n);
	h->seen = h->n_sent;
}

#define EXPECT(h, ack, ...)                                                                        \
	do {                                                                                       \
		const uint32_t want_[] = {__VA_ARGS__};                                            \
                                                                                                   \
		expect_blocks(h, ack, want_, sizeof(want_) / 8);                                   \
	} while (0)
#define EXPECT_NONE(h, ack) expect_blocks(h, ack, NULL, 0)

/* ------------------------------------------------------------------ RFC 2018 section 4 */

static void
rfc2018_case_1_last_four_lost(void)
{
	struct harness *h = sack_new(5000, 0);

	for (uint32_t seq = 5000; seq < 7000; seq += 500)
		text(h, seq, seq + 500);
	h_wait_ms(h, 100);
	EXPECT_NONE(h, 7000);
	h_free(h);
}

static void
rfc2018_case_2_first_lost(void)
{
	struct harness *h = sack_new(5000, 0);

	for (uint32_t seq = 5500; seq < 9000; seq += 500) {
		text(h, seq, seq + 500);
		EXPECT(h, 5000, 5500, seq + 500);
	}
	h_free(h);
}

static void
rfc2018_case_3_every_second_lost(void)
{
	struct harness *h = sack_new(5000, 0);

	text(h, 5000, 5500);
	text(h, 6000, 6500);
	EXPECT(h, 5500, 6000, 6500);
	text(h, 7000, 7500);
	EXPECT(h, 5500, 7000, 7500, 6000, 6500);
	text(h, 8000, 8500);
	EXPECT(h, 5500, 8000, 8500, 7000, 7500, 6000, 6500);
	text(h, 6500, 7000);
	EXPECT(h, 5500, 6000, 7500, 8000, 8500);
	text(h, 5500, 6000);
	EXPECT(h, 7500, 8000, 8500);
	text(h, 7500, 8000);
	EXPECT_NONE(h, 8500);
	h_free(h);
}

/* ------------------------------------------------------------------ RFC 2883 section 4 */

static void
rfc2883_4_1_1_duplicate_segment(void)
{
	struct harness *h = sack_new(3000, 0);

	text(h, 3000, 3500);
	text(h, 3500, 4000);
	h_wait_ms(h, 100);
	text(h, 3000, 3500);
	EXPECT(h, 4000, 3000, 3500);
	/* Told once, and nothing is kept for it. */
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	text(h, 4000, 4500);
	h_wait_ms(h, 100);
	EXPECT_NONE(h, 4500);
	h_free(h);
}

static void
rfc2883_4_1_2_out_of_order_and_duplicate_segment(void)
{
	struct harness *h = sack_new(3000, 0);

	text(h, 3000, 3500);
	text(h, 3500, 4000);
	text(h, 4500, 5000);
	EXPECT(h, 4000, 4500, 5000);
	text(h, 3000, 3500);
	EXPECT(h, 4000, 3000, 3500, 4500, 5000);
	h_free(h);
}

static void
rfc2883_4_1_3_duplicate_of_out_of_order_segment(void)
{
	struct harness *h = sack_new(3500, 0);

	text(h, 3500, 4000);
	text(h, 4500, 5000);
	EXPECT(h, 4000, 4500, 5000);
	text(h, 5000, 5500);
	EXPECT(h, 4000, 4500, 5500);
	text(h, 5000, 5500);
	EXPECT(h, 4000, 5000, 5500, 4500, 5500);
	text(h, 5500, 6000);
	EXPECT(h, 4000, 4500, 6000);
	h_free(h);
}

static void
rfc2883_4_2_1_single_duplicate_subsegment(void)
{
	struct harness *h = sack_new(500, 0);

	text(h, 500, 1000);
	text(h, 2000, 2500);
	EXPECT(h, 1000, 2000, 2500);
	text(h, 1000, 1500);
	EXPECT(h, 1500, 2000, 2500);
	text(h, 1000, 2000);
	EXPECT(h, 2500, 1000, 1500);
	h_free(h);
}

static void
rfc2883_4_2_2_two_duplicate_subsegments_below_the_ack(void)
{
	struct harness *h = sack_new(500, 0);

	text(h, 500, 1000);
	text(h, 3000, 3500);
	EXPECT(h, 1000, 3000, 3500);
	text(h, 1000, 1500);
	EXPECT(h, 1500, 3000, 3500);
	text(h, 2000, 2500);
	EXPECT(h, 1500, 2000, 2500, 3000, 3500);
	text(h, 1000, 2500);
	EXPECT(h, 2500, 1000, 1500, 3000, 3500);
	h_free(h);
}

static void
rfc2883_4_2_3_two_duplicate_subsegments_above_the_ack(void)
{
	struct harness *h = sack_new(500, 0);

	text(h, 500, 1000);
	text(h, 3500, 4000);
	EXPECT(h, 1000, 3500, 4000);
	text(h, 1500, 2000);
	EXPECT(h, 1000, 1500, 2000, 3500, 4000);
	text(h, 2500, 3000);
	EXPECT(h, 1000, 2500, 3000, 1500, 2000, 3500, 4000);
	text(h, 1500, 3000);
	EXPECT(h, 1000, 1500, 2000, 1500, 3000, 3500, 4000);
	h_free(h);
}

/* ------------------------------------------------------------------ nuances */

static void
established_without_sack_none_is_told(void)
{
	struct harness *h = h_established(NULL);

	(void)h_in_at(h, TCP_ACK, h->seq + 500, h->ack, 500);
	EXPECT_NONE(h, h->seq);
	(void)h_in_at(h, TCP_ACK, h->seq - 1, h->ack, 1);
	EXPECT_NONE(h, h->seq);
	h_free(h);
}

/** Three blocks beside timestamps, four without; of five runs the latest ones. */
static void
established_blocks_that_fit(void)
{
	struct harness *h = sack_new(1000, 0);

	for (uint32_t i = 1; i <= 5; i++)
		text(h, 1000 + 200 * i, 1100 + 200 * i);
	EXPECT(h, 1000, 2000, 2100, 1800, 1900, 1600, 1700, 1400, 1500);
	CU_ASSERT_EQUAL(tcp_hdr_len(&h->sent[h->n_sent - 1].seg), 56);
	/* What was not reported lately fills the rest, the earliest first. */
	text(h, 1500, 2000);
	EXPECT(h, 1000, 1600, 1700, 1400, 2100, 1200, 1300);
	h_free(h);
	h = sack_new(1000, TCP_OPT_TS);
	for (uint32_t i = 1; i <= 5; i++)
		text(h, 1000 + 200 * i, 1100 + 200 * i);
	EXPECT(h, 1000, 2000, 2100, 1800, 1900, 1600, 1700);
	CU_ASSERT_EQUAL(tcp_hdr_len(&h->sent[h->n_sent - 1].seg), 60);
	text(h, 2000, 2100);
	EXPECT(h, 1000, 2000, 2100, 2000, 2100, 1800, 1900);
	h_free(h);
}

/** Duplicates across the wrap of sequence numbers. */
static void
established_blocks_wrap(void)
{
	struct harness *h = sack_new(0xffffff00, 0);

	text(h, 0xffffffc0, 0x40);
	EXPECT(h, 0xffffff00, 0xffffffc0, 0x40);
	text(h, 0xffffffe0, 0x10);
	EXPECT(h, 0xffffff00, 0xffffffe0, 0x10, 0xffffffc0, 0x40);
	text(h, 0xffffff00, 0xffffffc0);
	EXPECT_NONE(h, 0x40);
	text(h, 0xffffff00, 0x20);
	EXPECT(h, 0x40, 0xffffff00, 0x20);
	h_free(h);
}

/** One ACK for a burst of duplicates: what is contiguous is told as one, else what came first. */
static void
established_burst_of_duplicates(void)
{
	struct harness *h = sack_new(1000, 0);

	text(h, 1000, 2000);
	h->no_pump = true;
	text(h, 1100, 1200);
	text(h, 1200, 1300);
	text(h, 1000, 1100);
	text(h, 1500, 1600);
	h->no_pump = false;
	h_pump(h);
	EXPECT(h, 2000, 1000, 1300);
	h_free(h);
}

/** A duplicate that PAWS rejects was delayed, not sent again: the sender learns that as well. */
static void
established_old_timestamp_is_told(void)
{
	struct harness *h = sack_new(1000, TCP_OPT_TS);

	h->ts_val = 10;
	text(h, 1000, 1500);
	text(h, 1500, 2000);
	h->ts_val = 9;
	CU_ASSERT_EQUAL(h_in_at(h, TCP_ACK, 1000, h->ack, 500), DROP_TCP_PAWS);
	EXPECT(h, 2000, 1000, 1500);
	h_free(h);
}

/** RST, and text from before the window's half of the space, tell nothing; nor does FIN alone. */
static void
established_what_is_no_duplicate(void)
{
	struct harness *h = sack_new(1000, 0);

	text(h, 1000, 2000);
	h_wait_ms(h, 100);
	h_forget(h);
	(void)h_in_at(h, TCP_RST, 1500, h->ack, 0);
	h_expect_none(h);
	(void)h_in_at(h, TCP_ACK, 1999, h->ack, 0);
	EXPECT_NONE(h, 2000);
	CU_ASSERT_EQUAL(h_tcb(h)->blk, PTCP_NIL);
	h_free(h);
}

/** Blocks that ride on data lessen it (RFC 9293 section 3.7.1): no segment is longer than the MSS allows. */
static void
established_data_shrinks_for_blocks(void)
{
	for (unsigned int ts = 0; ts < 2; ts++) {
		struct harness *h = sack_new(1000, ts != 0 ? TCP_OPT_TS : 0);
		uint32_t n = 0, una;

		for (uint32_t i = 1; i <= 4; i++)
			text(h, 1000 + 200 * i, 1100 + 200 * i);
		h_forget(h);
		CU_ASSERT_EQUAL(h_write(h, 10000, 4096), 10000);
		for (unsigned int i = 0; i < h->n_sent; i++) {
			const struct h_seg *s = &h->sent[i];

			CU_ASSERT_EQUAL(s->seg.n_sack, ts != 0 ? 3 : 4);
			CU_ASSERT(tcp_hdr_len(&s->seg) + s->len <= 1480);
			CU_ASSERT(i + 1 == h->n_sent || tcp_hdr_len(&s->seg) + s->len == 1480);
			n += s->len;
		}
		una = h_tcb(h)->snd_una;
		CU_ASSERT(n > 9000);
		/* The retransmission as well, though what it repeats was sent when there were none. */
		(void)h_in_at(h, TCP_ACK, 1000, una, 1000);
		h_forget(h);
		CU_ASSERT_EQUAL(una + n, h_tcb(h)->snd_nxt);
		(void)h_in_at(h, TCP_ACK, 3000, una, 100);
		h_wait_ms(h, 1500);
		for (unsigned int i = 0; i < h->n_sent; i++)
			CU_ASSERT(tcp_hdr_len(&h->sent[i].seg) + h->sent[i].len <= 1480);
		CU_ASSERT(h->n_sent > 1 && h->sent[h->n_sent - 1].rexmt);
		h_free(h);
	}
}

/** The least MSS with the most options still leaves room for text. */
static void
bad_input_06_mss_floor_with_blocks(void)
{
	struct tcp_conf conf = h_conf();
	struct harness *h;
	uint32_t n = 0;

	conf.sack = true;
	h = h_new(&conf, IP_V4, 1000);
	h->opts |= TCP_OPT_SACK_OK | TCP_OPT_TS;
	h->mss = 1;
	h_to_state(h, TCP_ESTABLISHED, false);
	for (uint32_t i = 1; i <= 4; i++)
		text(h, 1001 + 200 * i, 1101 + 200 * i);
	h_forget(h);
	CU_ASSERT_EQUAL(h_write(h, 100, 100), 100);
	for (unsigned int i = 0; i < h->n_sent; i++) {
		CU_ASSERT(h->sent[i].len > 0);
		n += h->sent[i].len;
	}
	CU_ASSERT(n > 0);
	h_free(h);
}

/** The octet of a SYN that comes again, with text behind it, is no duplicate text. */
static void
established_syn_again_with_text(void)
{
	struct harness *h = sack_new(5000, 0);

	text(h, 5000, 5500);
	h_wait_ms(h, 100);
	EXPECT_NONE(h, 5500);
	(void)h_in_at(h, TCP_SYN | TCP_ACK, 4999, h->ack, 100);
	EXPECT(h, 5500, 5000, 5100);
	h_free(h);
}

/* ------------------------------------------------------------------ against a model */

struct model {
	bool have[SPAN + 1]; /* the last stays false */
	uint32_t edge;       /* received in order */
	uint32_t recent[TCP_SACK_MAX];
	uint32_t n_recent;
	uint32_t first; /* sequence number of octet 0 */
};

/** The run that holds octet @p at. */
static void
run_of(const struct model *m, uint32_t at, uint32_t *left, uint32_t *right)
{
	for (*left = at; *left > m->edge && m->have[*left - 1]; --*left)
		;
	for (*right = at; m->have[*right]; ++*right)
		;
}

/** The first contiguous part of [from, to) that was there already. @return false: none was */
static bool
duplicate(const struct model *m, uint32_t from, uint32_t to, uint32_t *left, uint32_t *right)
{
	for (*left = from; *left < to && !m->have[*left]; ++*left)
		;
	for (*right = *left; *right < to && m->have[*right]; ++*right)
		;
	return *left < to;
}

static void
touch(struct model *m, uint32_t at)
{
	uint32_t recent[TCP_SACK_MAX] = {at}, n = 1, left, right;

	run_of(m, at, &left, &right);
	for (uint32_t i = 0; i < m->n_recent && n < TCP_SACK_MAX; i++) {
		if (m->recent[i] < left || m->recent[i] >= right)
			recent[n++] = m->recent[i];
	}
	memcpy(m->recent, recent, sizeof(recent));
	m->n_recent = n;
}

static uint32_t
add_run(const struct model *m, uint32_t at, uint32_t *want, uint32_t first, uint32_t n,
		uint32_t most)
{
	uint32_t left, right;

	run_of(m, at, &left, &right);
	for (uint32_t i = first; i < n; i++) {
		if (want[2 * i] == m->first + left)
			return n;
	}
	if (n == most)
		return n;
	want[2 * n] = m->first + left;
	want[2 * n + 1] = m->first + right;
	return n + 1;
}

/** The blocks after text [@p from, @p to) came. @return how many */
static uint32_t
arrive(struct model *m, uint32_t from, uint32_t to, uint32_t most, uint32_t *want)
{
	uint32_t n = 0, first, left, right, kept = 0;

	if (duplicate(m, from, to, &left, &right)) {
		want[0] = m->first + left;
		want[1] = m->first + right;
		n = 1;
	}
	first = n;
	for (uint32_t i = from; i < to; i++)
		m->have[i] = true;
	while (m->have[m->edge])
		m->edge++;
	if (to > m->edge)
		touch(m, to - 1);
	for (uint32_t i = 0; i < m->n_recent; i++) {
		if (m->recent[i] >= m->edge)
			m->recent[kept++] = m->recent[i];
	}
	m->n_recent = kept;
	for (uint32_t i = 0; i < kept; i++)
		n = add_run(m, m->recent[i], want, first, n, most);
	for (uint32_t i = m->edge; i < SPAN; i++) {
		if (m->have[i])
			n = add_run(m, i, want, first, n, most);
	}
	return n;
}

static void
blocks_random(uint64_t seed, uint32_t first, uint8_t opts, uint32_t len_max)
{
	struct harness *h = sack_new(first, opts);
	const uint32_t most = (opts & TCP_OPT_TS) != 0 ? 3 : 4;
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.first = first;
	while (m.edge < SPAN) {
		const uint32_t from =
				random_below(&seed, 8) == 0 ? m.edge : random_below(&seed, SPAN);
		uint32_t to = from + 1 + random_below(&seed, len_max);
		const uint32_t edge = m.edge;
		uint32_t want[2 * TCP_SACK_MAX], n;

		if (to > SPAN)
			to = SPAN;
		h_forget(h);
		n = arrive(&m, from, to, most, want);
		text(h, first + from, first + to);
		/* Only what is plainly in order may wait for its ACK. */
		if (n > 0 || from > edge)
			expect_blocks(h, first + m.edge, want, n);
	}
	CU_ASSERT_EQUAL(h->n_received, SPAN);
	h_free(h);
}

static void
established_blocks_random(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		blocks_random(seed, 1001, 0, 400);
		blocks_random(seed + 1000, 0xfffff800, TCP_OPT_TS, 400);
		blocks_random(seed + 2000, 0x7ffff800, 0, 30);
	}
}

static CU_TestInfo tests[] = {
		TEST(rfc2018_case_1_last_four_lost),
		TEST(rfc2018_case_2_first_lost),
		TEST(rfc2018_case_3_every_second_lost),
		TEST(rfc2883_4_1_1_duplicate_segment),
		TEST(rfc2883_4_1_2_out_of_order_and_duplicate_segment),
		TEST(rfc2883_4_1_3_duplicate_of_out_of_order_segment),
		TEST(rfc2883_4_2_1_single_duplicate_subsegment),
		TEST(rfc2883_4_2_2_two_duplicate_subsegments_below_the_ack),
		TEST(rfc2883_4_2_3_two_duplicate_subsegments_above_the_ack),
		TEST(established_without_sack_none_is_told),
		TEST(established_blocks_that_fit),
		TEST(established_blocks_wrap),
		TEST(established_burst_of_duplicates),
		TEST(established_old_timestamp_is_told),
		TEST(established_what_is_no_duplicate),
		TEST(established_syn_again_with_text),
		TEST(established_data_shrinks_for_blocks),
		TEST(bad_input_06_mss_floor_with_blocks),
		TEST(established_blocks_random),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("sack_out", tests)
