/* SPDX-License-Identifier: BSD-3-Clause */
/* What we tell the sender of text out of order (RFC 2018 section 4) and of duplicates (RFC 2883). */
#include "tcp/tcp_impl.h"

void
tcp_dsack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t left, uint32_t right)
{
	struct tcp_block *b;

	if ((tcb->flags & TF_SACK) == 0 || !tcp_synchronized(tcb->state))
		return;
	b = tcp_block_need(ctx, tcb, TCP_FOR_REASS);
	if (b == NULL)
		return;
	if (!b->dsack_on) {
		b->dsack = (struct tcp_sack){left, right};
		b->dsack_on = true;
	} else if (seq_leq(left, b->dsack.right) && seq_geq(right, b->dsack.left)) {
		/* A burst of duplicates has one ACK: what is contiguous can be told at once. */
		b->dsack.left = seq_min(left, b->dsack.left);
		b->dsack.right = seq_max(right, b->dsack.right);
	}
}

void
tcp_sack_touch(struct tcp_block *b, uint32_t left, uint32_t right)
{
	uint32_t n = 1;
	uint32_t recent[TCP_SACK_MAX] = {left};

	for (uint32_t i = 0; i < b->n_sack && n < TCP_SACK_MAX; i++) {
		if (!seq_in(b->sack_recent[i], left, right - left))
			recent[n++] = b->sack_recent[i];
	}
	memcpy(b->sack_recent, recent, sizeof(recent));
	b->n_sack = (uint8_t)n;
}

/** Blocks of the next SACK option. */
static uint32_t
blocks(const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	const uint32_t most = (tcb->flags & TF_TS) != 0 ? TCP_SACK_MAX - 1 : TCP_SACK_MAX;
	const uint32_t n = b->ooo_runs + b->dsack_on;

	if ((tcb->flags & TF_SACK) == 0)
		return 0;
	return n < most ? n : most;
}

uint32_t
tcp_sack_len(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t n = b != NULL ? blocks(tcb, b) : 0;

	return n > 0 ? 4 + n * (uint32_t)sizeof(struct tcp_sack) : 0;
}

/** Whether a block of @p seg tells of the run that begins at @p left. */
static bool
told(const struct tcp_seg *seg, uint32_t first, uint32_t left)
{
	for (uint32_t i = first; i < seg->n_sack; i++) {
		if (seg->sack[i].left == left)
			return true;
	}
	return false;
}

static void
tell(const struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t run)
{
	seg->sack[seg->n_sack++] =
			(struct tcp_sack){tcp_node_at(ctx, run)->seq, tcp_run_end(ctx, run)};
}

void
tcp_sack_fill(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg)
{
	struct tcp_block *b = tcp_block(ctx, tcb);
	const uint32_t n = blocks(tcb, b);
	const uint32_t first = b->dsack_on;
	uint32_t run, kept = 0;

	if (n == 0)
		return;
	seg->opts |= TCP_OPT_SACK;
	if (b->dsack_on)
		seg->sack[seg->n_sack++] = b->dsack;
	b->dsack_on = false;
	/* The run that was touched last stands first: it holds the segment that this ACK answers. */
	for (uint32_t i = 0; i < b->n_sack; i++) {
		const uint32_t seq = b->sack_recent[i];

		run = tcp_run_at(ctx, b, seq);
		if (run == PTCP_NIL || seq_leq(tcp_run_end(ctx, run), seq))
			continue; /* delivered, or dropped */
		b->sack_recent[kept++] = seq;
		if (seg->n_sack < n && !told(seg, first, tcp_node_at(ctx, run)->seq))
			tell(ctx, seg, run);
	}
	b->n_sack = (uint8_t)kept;
	/* "As many distinct SACK blocks as possible": others, the earliest first. */
	for (run = tcp_run_after(ctx, b, tcb->rcv_nxt); seg->n_sack < n && run != PTCP_NIL;
			run = tcp_run_after(ctx, b, tcp_node_at(ctx, run)->seq)) {
		if (!told(seg, first, tcp_node_at(ctx, run)->seq))
			tell(ctx, seg, run);
	}
	/* The duplicate may have been all that the block was kept for. */
	if (first != 0)
		tcp_block_trim(ctx, tcb);
}
