/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_core.h"

#include <stdlib.h>
#include <string.h>

#include "wire/tcp_hdr.h"

struct tcp_conf
fuzz_core_conf(void)
{
	return (struct tcp_conf){
			.max_tcbs = 4,
			.max_timewait = 8,
			.max_blocks = 4,
			.max_nodes = 64,
			.max_dests = 2,
			.msl_ms = 1000,
			.rto_initial_ms = 1000,
			.rto_min_ms = 200,
			.rto_max_ms = 60000,
			.delack_ms = 40,
			.syn_r2_ms = 180000,
			.data_r2_ms = 100000,
			.fin_wait2_ms = 60000,
			.rcv_buf = 65535,
			.snd_buf = 65536,
			.rcv_buf_max = 65535,
			.snd_buf_max = 65536,
			.max_half_open = 8,
			.max_ranges = 64,
			.mtu = 1500,
			.port_first = 50000,
			.port_last = 50003,
			.timestamps = true,
			.window_scale = true,
			.ipv6 = true,
			.sack = true,
			.ttl = 64,
	};
}

/* ------------------------------------------------------------------ memory */

/*
 * Fresh memory of this size costs more than a whole script, so it is kept from one input to the next. A core gets the last
 * bytes of a piece, because its end is what AddressSanitizer watches.
 */
#define KEPT_MAX 8

struct kept {
	uint8_t *base;
	size_t size;
	void *user; /**< who has it, NULL: nobody */
};

static struct kept kept[KEPT_MAX];

static void *
mem_take(size_t size)
{
	struct kept *k = kept;

	while (k->user != NULL)
		k++;
	FUZZ_REQUIRE(k < kept + KEPT_MAX);
	if (k->size < size) {
		free(k->base);
		k->base = aligned_alloc(PTCP_CACHE_LINE, size);
		FUZZ_REQUIRE(k->base != NULL);
		k->size = size;
	}
	k->user = k->base + (k->size - size);
	return k->user;
}

static void
mem_give(const void *mem)
{
	for (unsigned int i = 0; i < KEPT_MAX; i++) {
		if (kept[i].user == mem)
			kept[i].user = NULL;
	}
}

static size_t
rounded(size_t size)
{
	return (size + PTCP_CACHE_LINE - 1) & ~(size_t)(PTCP_CACHE_LINE - 1);
}

/* ------------------------------------------------------------------ a core */

struct ip_addr
fuzz_addr(enum ip_family family, uint8_t last)
{
	const uint8_t v4[4] = {10, 0, 0, last};
	const uint8_t v6[16] = {0xfd, [15] = last};
	uint32_t be;

	memcpy(&be, v4, sizeof(be));
	return family == IP_V4 ? ip_addr_v4(be) : ip_addr_v6(v6);
}

void
fuzz_core_new(struct fuzz_core *c, const struct tcp_conf *conf, uint8_t host, uint64_t secret,
		time_us_t start)
{
	const struct tcp_secrets secrets = {{secret, 1}, {secret, 2}};
	const struct ip_addr v4 = fuzz_addr(IP_V4, host);
	const struct ip_addr v6 = fuzz_addr(IP_V6, host);
	const size_t size = tcp_memory_size(conf);

	memset(c, 0, sizeof(*c));
	c->mem = mem_take(rounded(size));
	memset(c->mem, 0, size);
	c->ctx = mem_take(rounded(sizeof(*c->ctx)));
	laddr_init(&c->laddr);
	FUZZ_REQUIRE(laddr_add(&c->laddr, IP_V4, &v4, 2, 24, NULL) == FUZZ_LADDR_V4);
	FUZZ_REQUIRE(laddr_add(&c->laddr, IP_V6, &v6, 2, 64, NULL) == FUZZ_LADDR_V6);
	tcp_init(c->ctx, conf, &secrets, c->mem, &c->laddr, &c->counters, start);
}

void
fuzz_core_check(struct fuzz_core *c)
{
	const struct tcp_ctx *ctx = c->ctx;
	uint32_t n = 0;

	for (uint32_t i = 0; i < ctx->tcb_pool.fresh; i++)
		FUZZ_CHECK(tcp_check(ctx, i));
	/* The wheel and the tables are large and change little: now and then. */
	if (c->n_checks++ % 16 == 0)
		FUZZ_CHECK(tcp_check(ctx, PTCP_NIL));
	for (unsigned int i = 0; i < TCP_STATE_MAX; i++) {
		FUZZ_REQUIRE(ctx->n_state[i] <= LISTENERS_MAX);
		if (i != TCP_LISTEN)
			n += ctx->n_state[i];
	}
	FUZZ_REQUIRE(n == ctx->tcb_pool.n_used + ctx->half_table.n_used);
}

void
fuzz_core_check_empty(const struct fuzz_core *c)
{
	const struct tcp_ctx *ctx = c->ctx;

	FUZZ_CHECK(tcp_check(ctx, PTCP_NIL));
	FUZZ_REQUIRE(ctx->tcb_pool.n_used == 0);
	FUZZ_REQUIRE(ctx->block_pool.n_used == 0);
	FUZZ_REQUIRE(ctx->node_pool.n_used == 0 && ctx->range_pool.n_used == 0);
	FUZZ_REQUIRE(ctx->table.n_used == 0);
	FUZZ_REQUIRE(ctx->half_table.n_used == 0 && ctx->half_pool.n_used == 0);
	FUZZ_REQUIRE(ctx->mem.used == 0 && ctx->mem.ooo == 0);
	FUZZ_REQUIRE(timewait_count(ctx->timewait) == 0);
	FUZZ_REQUIRE(port_count(ctx->ports) == 0 && port_sets(ctx->ports) == 0);
	for (unsigned int i = 0; i < TCP_STATE_MAX; i++)
		FUZZ_REQUIRE(ctx->n_state[i] == 0);
	for (unsigned int i = 0; i < LISTENERS_MAX; i++)
		FUZZ_REQUIRE(ctx->listeners->l[i].n_half_open == 0);
	FUZZ_REQUIRE(ctx->profile[0].refs == 1);
	for (unsigned int i = 1; i < TCP_PROFILE_MAX; i++)
		FUZZ_REQUIRE(ctx->profile[i].refs == 0);
}

void
fuzz_core_free(struct fuzz_core *c)
{
	mem_give(c->mem);
	mem_give(c->ctx);
}

struct tcp_tcb *
fuzz_core_find(const struct fuzz_core *c, enum ip_family family, uint16_t laddr,
		const struct ip_addr *raddr, uint16_t lport, uint16_t rport)
{
	const bool v6 = family == IP_V6;
	const struct conn_key k = {.id = {.raddr = v6 ? ip_addr_fold(raddr) : raddr->v4,
						   .rport = rport,
						   .lport = lport,
						   .laddr = laddr},
			.raddr6 = v6 ? raddr : NULL};
	const uint32_t i = conn_table_find(&c->ctx->table, conn_hash(&c->ctx->hash_key, &k), &k);

	return i == PTCP_NIL ? NULL : tcp_at(c->ctx, i);
}

uint32_t
fuzz_check_header(const struct tcp_seg *seg)
{
	const uint32_t len = tcp_hdr_len(seg);
	uint8_t *p = fuzz_alloc(len);
	struct tcp_seg got = {0};

	FUZZ_REQUIRE(len <= TCP_HDR_LEN_MAX && tcp_build(p, seg) == len);
	FUZZ_REQUIRE(tcp_parse(p, len, &got) == DROP_NONE);
	FUZZ_REQUIRE(got.sport == seg->sport && got.dport == seg->dport);
	FUZZ_REQUIRE(got.seq == seg->seq && got.ack == seg->ack && got.wnd == seg->wnd);
	FUZZ_REQUIRE(got.flags == seg->flags);
	FUZZ_REQUIRE((got.opts & ~TCP_OPT_SACK) == (seg->opts & ~TCP_OPT_SACK));
	FUZZ_REQUIRE((seg->opts & TCP_OPT_TS) == 0 ||
			(got.ts_val == seg->ts_val && got.ts_ecr == seg->ts_ecr));
	FUZZ_REQUIRE((seg->opts & TCP_OPT_MSS) == 0 || got.mss == seg->mss);
	FUZZ_REQUIRE((seg->opts & TCP_OPT_WSCALE) == 0 || got.wscale == seg->wscale);
	for (unsigned int i = 0; i < got.n_sack; i++)
		FUZZ_REQUIRE(got.sack[i].left == seg->sack[i].left &&
				got.sack[i].right == seg->sack[i].right);
	free(p);
	return len;
}
