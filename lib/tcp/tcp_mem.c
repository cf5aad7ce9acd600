/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of the queues: nodes, blocks, and the octets that they keep from other use. Neither direction can take what the
 * other needs to go on, nobody's text out of order can take what text in order needs, and when memory is scarce each
 * connection has a fair share, of at least two segments.
 */
#include "tcp/tcp_impl.h"

/* ------------------------------------------------------------------ octets */

void
tcp_mem_init(struct tcp_ctx *ctx)
{
	struct tcp_mem *mem = &ctx->mem;

	mem->max = ctx->conf.mem_max != 0 ? ctx->conf.mem_max :
					    (uint64_t)ctx->conf.max_nodes * TCP_MEM_NODE;
	mem->high = mem->max / 4 * 3;
	mem->low = mem->max / 2;
	mem->ooo_max = mem->max / 2;
	for (uint32_t i = 0; i < TCP_GREEDY; i++)
		mem->greedy[i] = PTCP_NIL;
}

void
tcp_mem_add(struct tcp_ctx *ctx, uint32_t n)
{
	struct tcp_mem *mem = &ctx->mem;

	mem->used += n;
	if (PTCP_UNLIKELY(mem->used > mem->high) && !mem->pressed) {
		mem->pressed = true;
		tcp_count(ctx, COUNTER_MEM_PRESSURE);
	}
}

void
tcp_mem_sub(struct tcp_ctx *ctx, uint32_t n)
{
	struct tcp_mem *mem = &ctx->mem;

	PTCP_ASSERT(mem->used >= n);
	mem->used -= n;
	if (PTCP_UNLIKELY(mem->pressed) && mem->used < mem->low)
		mem->pressed = false;
}

uint32_t
tcp_mem_bound(const struct tcp_ctx *ctx, uint32_t mss, uint32_t bound)
{
	const struct tcp_mem *mem = &ctx->mem;
	const uint32_t n = ctx->block_pool.n_used;
	uint64_t share;

	if (PTCP_LIKELY(!tcp_mem_short(ctx)))
		return bound;
	/* Half of all there is for those who queue anything now; the other half is for who comes meanwhile. */
	share = mem->used >= mem->max ? 0 : mem->max / 2 / (n > 0 ? n : 1);
	if (share < 2 * mss)
		share = 2 * mss;
	return share < bound ? (uint32_t)share : bound;
}

/* ------------------------------------------------------------------ nodes */

/** A part of a pool, rounded up; nothing of one that is too small to be shared out. */
static inline uint32_t
part_of(uint32_t size, uint32_t parts)
{
	return size < 4 ? 0 : (size + parts - 1) / parts;
}

/** Of a pool of @p size so much is for each direction: a quarter, one at least. Of a single object nothing is. */
static inline uint32_t
reserve_of(uint32_t size)
{
	return size / 4 + (size == 2 || size == 3);
}

/** Whether @p use may have one of the @p n_free objects of @p size, of which the other direction holds @p other. */
static bool
may_have(enum tcp_use use, uint32_t size, uint32_t n_free, uint32_t other)
{
	const uint32_t reserve = reserve_of(size);
	/* What the other direction must still be able to get, and behind it what the more entitled of this one must. */
	uint32_t kept = other < reserve ? reserve - other : 0;

	/* At least one, so that small pools tell them apart too. */
	switch (use) {
	case TCP_FOR_SEND:
		/* What is queued before ESTABLISHED never goes so far that newcomers are refused, not in the smallest pool. */
		kept += size <= 16 ? part_of(size, 32) + 1 : part_of(size, 16);
		break;
	case TCP_FOR_RECV:
		kept += part_of(size, 16);
		break;
	case TCP_FOR_SEND_NEW:
	case TCP_FOR_RECV_NEW:
		kept += part_of(size, 32);
		break;
	case TCP_FOR_REASS:
		kept += part_of(size, 8);
		break;
	default:
		break;
	}
	return n_free > kept;
}

/** So many are free that nobody is refused one: more than may_have() ever keeps, whatever the size. */
static inline bool
plenty(const struct pool *p)
{
	return pool_free_count(p) > p->size / 2 + 1;
}

bool
tcp_node_allowed(const struct tcp_ctx *ctx, enum tcp_use use)
{
	const struct pool *p = &ctx->node_pool;
	const uint32_t snd = ctx->mem.snd_nodes;

	if (PTCP_LIKELY(plenty(p)))
		return true;
	return may_have(use, p->size, pool_free_count(p),
			use <= TCP_FOR_SEND_FIRST ? p->n_used - snd : snd);
}

uint32_t
tcp_node_new(struct tcp_ctx *ctx, enum tcp_use use, const struct tcp_buf *buf, uint32_t seq)
{
	struct tcp_node *node;
	uint32_t index;

	if (!tcp_node_allowed(ctx, use))
		return PTCP_NIL;
	index = pool_get(&ctx->node_pool);
	if (index == PTCP_NIL)
		return PTCP_NIL;
	node = tcp_node_at(ctx, index);
	node->next = PTCP_NIL;
	node->seq = seq;
	node->buf = *buf;
	if (buf->size == 0)
		node->buf.size = buf->len;
	tcp_mem_add(ctx, tcp_node_mem(node));
	return index;
}

uint32_t
tcp_node_join(struct tcp_ctx *ctx, uint32_t index, const struct tcp_buf *buf)
{
	struct tcp_node *node = tcp_node_at(ctx, index);
	const uint32_t mem = buf->size != 0 ? buf->size : buf->len;

	if (node->buf.owner != buf->owner || node->buf.data + node->buf.len != buf->data)
		return 0;
	node->buf.len += buf->len;
	node->buf.size += mem;
	tcp_mem_add(ctx, mem);
	tcp_buf_free(buf->owner);
	return mem;
}

uint32_t
tcp_node_free(struct tcp_ctx *ctx, uint32_t index)
{
	const struct tcp_node *node = tcp_node_at(ctx, index);
	const uint32_t mem = tcp_node_mem(node);

	tcp_buf_free(node->buf.owner);
	tcp_mem_sub(ctx, mem);
	pool_put(&ctx->node_pool, index);
	return mem;
}

void
tcp_nodes_free(struct tcp_ctx *ctx, uint32_t head)
{
	while (head != PTCP_NIL) {
		const uint32_t next = tcp_node_at(ctx, head)->next;

		(void)tcp_node_free(ctx, head);
		head = next;
	}
}

/* ------------------------------------------------------------------ blocks */

static bool
block_allowed(const struct tcp_ctx *ctx, enum tcp_use use)
{
	const struct pool *p = &ctx->block_pool;
	const uint32_t snd = ctx->mem.snd_blocks;

	if (PTCP_LIKELY(plenty(p)))
		return true;
	/* One for each connection: nobody takes what another may need. */
	if (p->size >= ctx->tcb_pool.size)
		return pool_free_count(p) > 0;
	return may_have(use, p->size, pool_free_count(p),
			use <= TCP_FOR_SEND_FIRST ? p->n_used - snd : snd);
}

static uint32_t
block_get(struct tcp_ctx *ctx, enum tcp_use use)
{
	/* Blocks of those who hold nothing but text out of order come back so; each try leaves less of that. */
	for (unsigned int i = 0; i < TCP_PRUNE_MAX && !block_allowed(ctx, use); i++) {
		if (use < TCP_FOR_RECV || !tcp_greedy_prune(ctx, NULL))
			return PTCP_NIL;
	}
	return block_allowed(ctx, use) ? pool_get(&ctx->block_pool) : PTCP_NIL;
}

struct tcp_block *
tcp_block_need(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_use use)
{
	struct tcp_block *b;

	if (tcb->blk != PTCP_NIL)
		return tcp_block(ctx, tcb);
	tcb->blk = block_get(ctx, use);
	if (tcb->blk == PTCP_NIL)
		return NULL;
	b = tcp_block(ctx, tcb);
	*b = (struct tcp_block){
			.tcb = tcp_index(ctx, tcb),
			.snd_head = PTCP_NIL,
			.snd_tail = PTCP_NIL,
			.snd_cur = PTCP_NIL,
			.rcv_head = PTCP_NIL,
			.rcv_tail = PTCP_NIL,
			.ooo_root = PTCP_NIL,
			.for_send = use <= TCP_FOR_SEND_FIRST,
			.rec = {.head = PTCP_NIL, .tail = PTCP_NIL, .hint = PTCP_NIL},
	};
	ctx->mem.snd_blocks += b->for_send;
	tcp_cc_start(ctx, tcb, b);
	return b;
}

void
tcp_block_put(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	struct tcp_block *b = tcp_block(ctx, tcb);

	PTCP_ASSERT(b->snd_mem == 0 && b->rcv_mem == 0 && b->ooo_mem == 0 && b->greedy_list == 0);
	ctx->mem.snd_blocks -= b->for_send;
	tcp_sack_purge(ctx, b);
	pool_put(&ctx->block_pool, tcb->blk);
	tcb->blk = PTCP_NIL;
}

void
tcp_block_trim(struct tcp_ctx *ctx, struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);

	if (b == NULL || b->snd_bytes != 0 || b->rcv_bytes != 0 || b->ooo_root != PTCP_NIL ||
			b->dsack_on)
		return;
	if (tcb->snd_una != tcb->snd_nxt || (tcb->flags & (TF_FIN_AHEAD | TF_RECOVERY)) != 0)
		return;
	tcp_cc_stop(tcb, b);
	tcp_block_put(ctx, tcb);
}

bool
tcp_mem_admits(const struct tcp_ctx *ctx)
{
	return ctx->mem.used < ctx->mem.max && tcp_node_allowed(ctx, TCP_FOR_SEND_NEW) &&
			tcp_node_allowed(ctx, TCP_FOR_RECV_NEW) &&
			block_allowed(ctx, TCP_FOR_SEND_NEW) &&
			block_allowed(ctx, TCP_FOR_RECV_NEW);
}

/* ------------------------------------------------------------------ who holds most out of order */

static uint8_t
greedy_list_of(uint32_t mem)
{
	return mem == 0 ? 0 : (uint8_t)(32 - __builtin_clz(mem));
}

static void
greedy_unlink(struct tcp_ctx *ctx, const struct tcp_block *b)
{
	struct tcp_mem *mem = &ctx->mem;

	if (b->greedy_next != PTCP_NIL)
		tcp_block_at(ctx, b->greedy_next)->greedy_prev = b->greedy_prev;
	if (b->greedy_prev != PTCP_NIL)
		tcp_block_at(ctx, b->greedy_prev)->greedy_next = b->greedy_next;
	else
		mem->greedy[b->greedy_list] = b->greedy_next;
	if (mem->greedy[b->greedy_list] == PTCP_NIL)
		mem->greedy_map &= ~(UINT64_C(1) << b->greedy_list);
}

static void
greedy_link(struct tcp_ctx *ctx, struct tcp_block *b)
{
	struct tcp_mem *mem = &ctx->mem;
	const uint32_t index = tcp_at(ctx, b->tcb)->blk;

	b->greedy_prev = PTCP_NIL;
	b->greedy_next = mem->greedy[b->greedy_list];
	if (b->greedy_next != PTCP_NIL)
		tcp_block_at(ctx, b->greedy_next)->greedy_prev = index;
	mem->greedy[b->greedy_list] = index;
	mem->greedy_map |= UINT64_C(1) << b->greedy_list;
}

void
tcp_greedy_update(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t before)
{
	const uint8_t list = greedy_list_of(b->ooo_mem);

	ctx->mem.ooo += b->ooo_mem;
	ctx->mem.ooo -= before;
	if (list == b->greedy_list)
		return;
	if (b->greedy_list != 0)
		greedy_unlink(ctx, b);
	b->greedy_list = list;
	if (list != 0)
		greedy_link(ctx, b);
}

/** The highest list that is not empty; 0: there is none. */
static uint32_t
greedy_top(const struct tcp_ctx *ctx)
{
	const uint64_t map = ctx->mem.greedy_map;

	return map == 0 ? 0 : 63 - (uint32_t)__builtin_clzll(map);
}

bool
tcp_greedy_most(const struct tcp_ctx *ctx, const struct tcp_block *b)
{
	return b->greedy_list >= greedy_top(ctx);
}

bool
tcp_greedy_prune(struct tcp_ctx *ctx, const struct tcp_block *keep)
{
	const uint32_t top = greedy_top(ctx);
	struct tcp_block *b;

	if (top == 0)
		return false;
	b = tcp_block_at(ctx, ctx->mem.greedy[top]);
	tcp_reass_prune(ctx, b);
	if (b != keep)
		tcp_block_trim(ctx, tcp_at(ctx, b->tcb));
	return true;
}
