/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scoreboard of a sender: RFC 2018, 2883, 6675 section 3, as a list of runs instead of segments. All that is sent within
 * one burst is one run, so it is short unless much is lost; its length is bounded, and what an ACK costs is linear in it.
 *
 * Where no record is to be had, runs are taken together, or a report is not taken in, always to the safe side: what is
 * remembered is that octets were sent later than they were, that they are in flight and not lost, and not that they arrived.
 */
#include "tcp/tcp_impl.h"

/** Of what was sent within so much of a round trip one time is remembered. */
#define SAME_TIME_SHIFT 5

struct cursor {
	uint32_t prev;
	uint32_t at;
};

static inline struct tcp_range *
range_at(const struct tcp_ctx *ctx, uint32_t index)
{
	return pool_at(&ctx->range_pool, index);
}

static inline uint32_t
range_end(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_range *r)
{
	return r->next == PTCP_NIL ? tcb->snd_nxt : range_at(ctx, r->next)->seq;
}

static uint32_t
range_new(struct tcp_ctx *ctx, struct tcp_block *b)
{
	uint32_t i;

	if (b->rec.n_ranges >= TCP_RANGES_MAX)
		return PTCP_NIL;
	i = pool_get(&ctx->range_pool);
	if (i != PTCP_NIL)
		b->rec.n_ranges++;
	return i;
}

static void
range_free(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t i)
{
	pool_put(&ctx->range_pool, i);
	b->rec.n_ranges--;
}

/** Put @p r behind range @p prev. @return its index, PTCP_NIL: no record */
static uint32_t
insert(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t prev, struct tcp_range r)
{
	const uint32_t i = range_new(ctx, b);

	if (i == PTCP_NIL)
		return i;
	r.next = range_at(ctx, prev)->next;
	*range_at(ctx, i) = r;
	range_at(ctx, prev)->next = i;
	if (b->rec.tail == prev)
		b->rec.tail = i;
	return i;
}

/** The range behind @p prev becomes part of it. */
static void
join(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t prev)
{
	const uint32_t i = range_at(ctx, prev)->next;

	range_at(ctx, prev)->next = range_at(ctx, i)->next;
	if (b->rec.tail == i)
		b->rec.tail = prev;
	range_free(ctx, b, i);
}

/**
 * What leaves now may become part of @p r, whose octets left a moment ago. Both times are kept: octets that are missing are
 * judged by the last one, a round trip is measured from the first.
 */
static bool
extends(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_range *r)
{
	const uint32_t span = (uint32_t)ctx->now - r->xmit + (r->flags >> TCP_RANGE_SPAN);

	if (span > tcb->srtt >> SAME_TIME_SHIFT || span > TCP_SPAN_MAX)
		return false;
	r->xmit = (uint32_t)ctx->now;
	r->flags = (r->flags & TCP_RANGE_FATE) | span << TCP_RANGE_SPAN;
	return true;
}

/** @p r is to stand for @p other as well. */
static void
absorb(struct tcp_range *r, const struct tcp_range *other)
{
	const uint32_t f1 = r->xmit - (r->flags >> TCP_RANGE_SPAN);
	const uint32_t f2 = other->xmit - (other->flags >> TCP_RANGE_SPAN);
	const uint32_t first = (int32_t)(f1 - f2) < 0 ? f1 : f2;
	uint32_t span;

	if ((int32_t)(other->xmit - r->xmit) > 0)
		r->xmit = other->xmit;
	span = r->xmit - first < TCP_SPAN_MAX ? r->xmit - first : TCP_SPAN_MAX;
	r->flags = ((r->flags | other->flags) & TCP_RANGE_FATE) | span << TCP_RANGE_SPAN;
}

static inline void
step(const struct tcp_ctx *ctx, struct cursor *c)
{
	c->prev = c->at;
	c->at = range_at(ctx, c->at)->next;
}

/** Records are scarce: of neighbours with the same fate each two become one, sent when the later one was. */
static void
compact(struct tcp_ctx *ctx, struct tcp_block *b)
{
	for (uint32_t i = b->rec.head; i != PTCP_NIL; i = range_at(ctx, i)->next) {
		struct tcp_range *r = range_at(ctx, i);
		const struct tcp_range *next;

		if (r->next == PTCP_NIL)
			return;
		next = range_at(ctx, r->next);
		if (((r->flags ^ next->flags) & (TCP_RANGE_SACKED | TCP_RANGE_LOST)) != 0)
			continue;
		absorb(r, next);
		join(ctx, b, i);
		tcp_count(ctx, COUNTER_SACK_MERGES);
	}
}

/* ------------------------------------------------------------------ what is sent */

static void
begin(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq)
{
	struct tcp_recovery *rec = &b->rec;

	/* In the middle of NewReno's recovery it would know nothing of what is lost. */
	if (seq != tcb->snd_una &&
			((tcb->flags & (TF_RECOVERY | TF_LOSS)) != 0 || rec->dupacks > 0))
		return;
	rec->head = rec->tail = range_new(ctx, b);
	if (rec->head == PTCP_NIL)
		return;
	*range_at(ctx, rec->head) = (struct tcp_range){
			.next = PTCP_NIL,
			.seq = tcb->snd_una,
			.xmit = (uint32_t)ctx->now,
			.flags = seq == tcb->snd_una ? 0 : TCP_RANGE_RESENT,
	};
	/* Times are kept modulo 71 minutes: what was delivered before a quiet time has no order with what comes. */
	rec->flags &= (uint16_t)~TCP_REC_RACK;
	/* RACK.min_RTT went with the last block: the best that is known of the connection. */
	if (rec->min_rtt == 0) {
		rec->min_rtt = tcb->srtt;
		rec->min_rtt_age = (uint16_t)(ctx->now_ms >> 12);
	}
}

void
tcp_sack_sent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq)
{
	struct tcp_range *tail;
	uint32_t i;

	if ((tcb->flags & TF_SACK) == 0)
		return;
	if (b->rec.head == PTCP_NIL) {
		begin(ctx, tcb, b, seq);
		return;
	}
	tail = range_at(ctx, b->rec.tail);
	if ((tail->flags & TCP_RANGE_FATE) == 0 && extends(ctx, tcb, tail))
		return; /* the last run ends at SND.NXT, wherever that is */
	i = insert(ctx, b, b->rec.tail, (struct tcp_range){.seq = seq, .xmit = (uint32_t)ctx->now});
	if (i == PTCP_NIL) {
		compact(ctx, b);
		i = insert(ctx, b, b->rec.tail,
				(struct tcp_range){.seq = seq, .xmit = (uint32_t)ctx->now});
	}
	if (i != PTCP_NIL)
		return;
	/* The last run takes it in. */
	tail = range_at(ctx, b->rec.tail);
	if ((tail->flags & TCP_RANGE_SACKED) != 0)
		b->rec.sacked -= seq - tail->seq;
	if ((tail->flags & TCP_RANGE_LOST) != 0)
		b->rec.lost -= seq - tail->seq;
	tail->flags = TCP_RANGE_RESENT;
	tail->xmit = (uint32_t)ctx->now;
	tcp_count(ctx, COUNTER_SACK_MERGES);
}

/** Of the range at @p c, not SACKED, [@p lo, @p hi) was sent again; @p c moves behind that. */
static void
resent_part(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b, struct cursor *c,
		uint32_t lo, uint32_t hi)
{
	struct tcp_range *r = range_at(ctx, c->at);
	struct tcp_range rest = *r;
	struct tcp_range *prev;
	bool joins;

	if (lo != r->seq) {
		rest.seq = lo;
		if (insert(ctx, b, c->at, rest) != PTCP_NIL) {
			step(ctx, c);
			r = range_at(ctx, c->at);
		}
	}
	prev = c->prev != PTCP_NIL ? range_at(ctx, c->prev) : NULL;
	joins = prev != NULL && (prev->flags & TCP_RANGE_FATE) == TCP_RANGE_RESENT &&
			extends(ctx, tcb, prev);
	if (hi != range_end(ctx, tcb, r)) {
		if (joins) {
			if ((r->flags & TCP_RANGE_LOST) != 0)
				b->rec.lost -= hi - r->seq;
			r->seq = hi;
			return;
		}
		/* Without a record for the rest all of it counts as sent now. */
		rest.seq = hi;
		(void)insert(ctx, b, c->at, rest);
	}
	if ((r->flags & TCP_RANGE_LOST) != 0)
		b->rec.lost -= range_end(ctx, tcb, r) - r->seq;
	r->flags = TCP_RANGE_RESENT;
	r->xmit = (uint32_t)ctx->now;
	if (joins) {
		join(ctx, b, c->prev);
		c->at = range_at(ctx, c->prev)->next;
	} else {
		step(ctx, c);
	}
}

void
tcp_sack_resent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq,
		uint32_t len)
{
	struct cursor c = {PTCP_NIL, b->rec.head};
	const uint32_t end = seq + len;

	while (c.at != PTCP_NIL) {
		const struct tcp_range *r = range_at(ctx, c.at);
		const uint32_t r_end = range_end(ctx, tcb, r);

		if (seq_geq(r->seq, end))
			return;
		if (seq_leq(r_end, seq) || (r->flags & TCP_RANGE_SACKED) != 0)
			step(ctx, &c);
		else
			resent_part(ctx, tcb, b, &c, seq_max(seq, r->seq), seq_min(end, r_end));
	}
}

/* ------------------------------------------------------------------ what is acknowledged */

/** Octets up to @p ack are acknowledged for good. */
static void
advance(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a)
{
	struct tcp_recovery *rec = &b->rec;

	while (rec->head != PTCP_NIL) {
		struct tcp_range *r = range_at(ctx, rec->head);
		const uint32_t head = rec->head;
		const uint32_t end = range_end(ctx, tcb, r);
		const uint32_t edge = seq_min(end, seg->ack);
		const uint32_t n = edge - r->seq;

		if (seq_geq(r->seq, seg->ack))
			return;
		if ((r->flags & TCP_RANGE_SACKED) != 0) {
			rec->sacked -= n;
		} else {
			if ((r->flags & TCP_RANGE_LOST) != 0)
				rec->lost -= n;
			a->acked += n;
			tcp_rack_delivered(ctx, tcb, b, r, edge, seg, a);
		}
		if (edge != end) {
			r->seq = edge;
			return;
		}
		rec->head = r->next;
		if (rec->head == PTCP_NIL)
			rec->tail = PTCP_NIL;
		range_free(ctx, b, head);
	}
}

/**
 * The first block tells of a duplicate when it lies below SEG.ACK or inside the second block (RFC 2883 section 4). Below,
 * it must lie where text of ours can have been on its way lately.
 */
static bool
is_dsack(const struct tcp_tcb *tcb, const struct tcp_seg *seg)
{
	const struct tcp_sack *k = seg->sack;
	const uint32_t max_wnd = (uint32_t)tcb->max_wnd << (tcb->wscale >> 4);
	const uint32_t flight = tcb->snd_nxt - seg->ack;
	const uint32_t left = k[0].left - seg->ack, right = k[0].right - seg->ack;
	const uint32_t back = seg->ack - k[0].left;

	if (back > 0 && back <= max_wnd && k[0].right - k[0].left - 1 < back)
		return true;
	return seg->n_sack > 1 && left < right && left >= k[1].left - seg->ack &&
			k[1].left != seg->ack && right <= k[1].right - seg->ack &&
			k[1].right - seg->ack <= flight;
}

/**
 * The valid blocks, ascending: SEG.ACK < left < right =< SND.NXT. A block at SEG.ACK itself would have moved that on.
 * @return how many
 */
static unsigned int
sort_blocks(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_seg *seg,
		unsigned int first, struct tcp_sack out[TCP_SACK_MAX])
{
	const uint32_t flight = tcb->snd_nxt - seg->ack;
	unsigned int n = 0;

	for (unsigned int i = first; i < seg->n_sack; i++) {
		const uint32_t left = seg->sack[i].left - seg->ack;
		const uint32_t right = seg->sack[i].right - seg->ack;
		unsigned int k = n;

		if (left == 0 || left >= right || right > flight) {
			tcp_count(ctx, COUNTER_SACK_BLOCKS_INVALID);
			continue;
		}
		tcp_count(ctx, COUNTER_SACK_BLOCKS_IN);
		for (; k > 0 && out[k - 1].left - seg->ack > left; k--)
			out[k] = out[k - 1];
		out[k] = seg->sack[i];
		n++;
	}
	return n;
}

/** Of the range at @p c, not SACKED, what @p k covers becomes SACKED. @return false: no record, nothing was done */
static bool
sack_part(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b, struct cursor *c,
		const struct tcp_sack *k, const struct tcp_seg *seg, struct tcp_acked *a)
{
	struct tcp_range *r = range_at(ctx, c->at);
	struct tcp_range *next = r->next != PTCP_NIL ? range_at(ctx, r->next) : NULL;
	const struct tcp_range was = *r;
	const uint32_t end = range_end(ctx, tcb, r);
	const uint32_t lo = seq_max(r->seq, k->left), hi = seq_min(end, k->right);
	const bool prev_sacked = c->prev != PTCP_NIL &&
			(range_at(ctx, c->prev)->flags & TCP_RANGE_SACKED) != 0;
	struct tcp_range part = {.seq = lo, .xmit = r->xmit, .flags = TCP_RANGE_SACKED};
	struct tcp_range rest = was;

	rest.seq = hi;
	if (lo == r->seq && hi == end) {
		r->flags = TCP_RANGE_SACKED;
	} else if (lo == r->seq && prev_sacked) {
		r->seq = hi;
	} else if (lo == r->seq) {
		if (insert(ctx, b, c->at, rest) == PTCP_NIL)
			return false;
		r->flags = TCP_RANGE_SACKED;
	} else if (hi == end && next != NULL && (next->flags & TCP_RANGE_SACKED) != 0) {
		next->seq = lo;
	} else {
		const uint32_t i = insert(ctx, b, c->at, part);

		if (i == PTCP_NIL)
			return false;
		if (hi != end && insert(ctx, b, i, rest) == PTCP_NIL) {
			join(ctx, b, c->at);
			return false;
		}
	}
	if ((was.flags & TCP_RANGE_LOST) != 0)
		b->rec.lost -= hi - lo;
	b->rec.sacked += hi - lo;
	a->sacked += hi - lo;
	part = was;
	part.seq = lo;
	tcp_rack_delivered(ctx, tcb, b, &part, hi, seg, a);
	return true;
}

/** One valid block; @p c goes on where the last one ended. */
static void
apply(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b, struct cursor *c,
		const struct tcp_sack *k, const struct tcp_seg *seg, struct tcp_acked *a)
{
	while (c->at != PTCP_NIL) {
		const struct tcp_range *r = range_at(ctx, c->at);
		const bool sacked = (r->flags & TCP_RANGE_SACKED) != 0;

		if (sacked && c->prev != PTCP_NIL &&
				(range_at(ctx, c->prev)->flags & TCP_RANGE_SACKED) != 0) {
			c->at = r->next;
			join(ctx, b, c->prev);
			continue;
		}
		if (seq_geq(r->seq, k->right))
			return;
		if (sacked || seq_leq(range_end(ctx, tcb, r), k->left) ||
				!sack_part(ctx, tcb, b, c, k, seg, a))
			step(ctx, c);
	}
}

void
tcp_sack_take(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a)
{
	struct tcp_sack blocks[TCP_SACK_MAX];
	struct cursor c = {PTCP_NIL, PTCP_NIL};
	unsigned int first = 0, n;

	a->on = true;
	a->advanced = seg->ack != tcb->snd_una;
	a->fack = tcb->snd_una;
	if (b->rec.sacked > 0) {
		for (uint32_t i = b->rec.head; i != PTCP_NIL; i = range_at(ctx, i)->next) {
			const struct tcp_range *r = range_at(ctx, i);

			if ((r->flags & TCP_RANGE_SACKED) != 0)
				a->fack = range_end(ctx, tcb, r);
		}
	}
	if (a->advanced)
		advance(ctx, tcb, b, seg, a);
	if (PTCP_LIKELY((seg->opts & TCP_OPT_SACK) == 0))
		return;
	a->blocks = true;
	if (seg->n_sack > 0 && is_dsack(tcb, seg)) {
		a->dsack = seg->sack[0].right - seg->sack[0].left;
		a->dsack_end = seg->sack[0].right;
		tcp_count(ctx, COUNTER_DSACK_IN);
		first = 1;
	}
	n = sort_blocks(ctx, tcb, seg, first, blocks);
	if (b->rec.n_ranges + 2 * n > TCP_RANGES_MAX || pool_free_count(&ctx->range_pool) < 2 * n)
		compact(ctx, b);
	c.at = b->rec.head;
	for (unsigned int i = 0; i < n; i++)
		apply(ctx, tcb, b, &c, &blocks[i], seg, a);
}

/* ------------------------------------------------------------------ what is lost */

bool
tcp_sack_lost(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b,
		uint32_t *seq, uint32_t *len)
{
	uint32_t i = b->rec.head;

	if (b->rec.lost == 0)
		return false;
	while ((range_at(ctx, i)->flags & TCP_RANGE_LOST) == 0)
		i = range_at(ctx, i)->next;
	*seq = range_at(ctx, i)->seq;
	for (;;) {
		const struct tcp_range *r = range_at(ctx, i);

		*len = range_end(ctx, tcb, r) - *seq;
		i = r->next;
		if (i == PTCP_NIL || (range_at(ctx, i)->flags & TCP_RANGE_LOST) == 0 ||
				*len >= tcb->mss)
			return true;
	}
}

void
tcp_sack_lose(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		struct tcp_range *r)
{
	PTCP_ASSERT((r->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)) == 0);
	r->flags |= TCP_RANGE_LOST;
	b->rec.lost += range_end(ctx, tcb, r) - r->seq;
}

/** Neighbours that are lost alike become one. */
static void
join_lost(struct tcp_ctx *ctx, struct tcp_block *b)
{
	uint32_t i = b->rec.head;

	while (i != PTCP_NIL) {
		const struct tcp_range *r = range_at(ctx, i);

		if ((r->flags & TCP_RANGE_LOST) != 0 && r->next != PTCP_NIL &&
				((range_at(ctx, r->next)->flags ^ r->flags) & TCP_RANGE_FATE) == 0)
			join(ctx, b, i);
		else
			i = r->next;
	}
}

void
tcp_sack_lose_all(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b)
{
	for (uint32_t i = b->rec.head; i != PTCP_NIL; i = range_at(ctx, i)->next) {
		if ((range_at(ctx, i)->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)) == 0)
			tcp_sack_lose(ctx, tcb, b, range_at(ctx, i));
	}
	join_lost(ctx, b);
}

void
tcp_sack_timeout(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b, uint64_t age)
{
	for (uint32_t i = b->rec.head; i != PTCP_NIL; i = range_at(ctx, i)->next) {
		struct tcp_range *r = range_at(ctx, i);

		/* It was reported once: that it is delivered now says nothing of its round trip, nor of the timeout. */
		if ((r->flags & TCP_RANGE_SACKED) != 0)
			r->flags = TCP_RANGE_RESENT;
		if ((r->flags & TCP_RANGE_LOST) == 0 && (uint32_t)ctx->now - r->xmit >= age)
			tcp_sack_lose(ctx, tcb, b, r);
	}
	b->rec.sacked = 0;
	join_lost(ctx, b);
}

void
tcp_sack_unlose(struct tcp_ctx *ctx, struct tcp_block *b)
{
	for (uint32_t i = b->rec.head; i != PTCP_NIL; i = range_at(ctx, i)->next)
		range_at(ctx, i)->flags &= ~TCP_RANGE_LOST;
	b->rec.lost = 0;
}

void
tcp_sack_purge(struct tcp_ctx *ctx, struct tcp_block *b)
{
	while (b->rec.head != PTCP_NIL) {
		const uint32_t i = b->rec.head;

		b->rec.head = range_at(ctx, i)->next;
		range_free(ctx, b, i);
	}
	b->rec.tail = PTCP_NIL;
	b->rec.sacked = b->rec.lost = 0;
}

/* ------------------------------------------------------------------ invariants */

const char *
tcp_sack_check(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const struct tcp_recovery *rec = &b->rec;
	uint32_t n = 0, sacked = 0, lost = 0, last = PTCP_NIL, seq = tcb->snd_una;

	if (rec->head != PTCP_NIL && (tcb->flags & TF_SACK) == 0)
		return "a scoreboard without SACK";
	if (rec->head != PTCP_NIL && tcb->snd_una == tcb->snd_nxt)
		return "a scoreboard with nothing in flight";
	for (uint32_t i = rec->head; i != PTCP_NIL; i = range_at(ctx, i)->next) {
		const struct tcp_range *r = range_at(ctx, i);
		const uint32_t end = range_end(ctx, tcb, r);

		if (n == 0 && r->seq != seq)
			return "the scoreboard does not begin at SND.UNA";
		if (!seq_gt(end, r->seq) || seq_gt(end, tcb->snd_nxt))
			return "the scoreboard is not in order";
		if ((r->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)) ==
				(TCP_RANGE_SACKED | TCP_RANGE_LOST))
			return "octets reported and lost";
		sacked += (r->flags & TCP_RANGE_SACKED) != 0 ? end - r->seq : 0;
		lost += (r->flags & TCP_RANGE_LOST) != 0 ? end - r->seq : 0;
		last = i;
		n++;
	}
	if (sacked != rec->sacked || lost != rec->lost)
		return "the scoreboard's octets are miscounted";
	if (n != rec->n_ranges || n > TCP_RANGES_MAX || last != rec->tail)
		return "the scoreboard's ranges are miscounted";
	return NULL;
}
