/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "api/api.h"
#include "base/fmt.h"

PTCP_STATIC_ASSERT((int)PTCP_CC_MAX == (int)TCP_CC_MAX && (int)PTCP_CC_CUBIC == (int)TCP_CC_CUBIC,
		"the public list is the core's");
PTCP_STATIC_ASSERT((int)PTCP_COOKIES_MAX == (int)TCP_COOKIES_MAX &&
				(int)PTCP_COOKIES_ALWAYS == (int)TCP_COOKIES_ALWAYS,
		"the public list is the core's");
PTCP_STATIC_ASSERT((int)PTCP_ECN_MAX == (int)TCP_ECN_MAX &&
				(int)PTCP_ECN_ACTIVE == (int)TCP_ECN_ACTIVE,
		"the public list is the core's");
PTCP_STATIC_ASSERT(PTCP_LINGER_OFF == TCP_LINGER_OFF, "the public value is the core's");

#define DAY_MS        API_TIMEOUT_MAX_MS
#define INDEX_MAX     (1u << TCP_INDEX_BITS)
#define KEEP_MIN_MS   10u
#define KEEP_MAX_MS   ((uint32_t)INT32_MAX)
#define BUF_MIN       2048u
#define BUF_MAX       (64u << 20)
#define BLOCKS_MAX    65536u
#define NODES_MIN     16384u
#define RANGES_MIN    16384u
#define MBUFS_MIN     4096u
#define MBUFS_MAX     16384u
#define DESTS_DEFAULT 64u
#define HALF_OPEN_MIN 1024u
#define HALF_OPEN_MAX (1u << 20)
#define BUF_TUNED     (4u << 20)

void
ptcp_conf_init(struct ptcp_conf *conf)
{
	*conf = (struct ptcp_conf){
			.max_connections = 65536,
			.msl_ms = 30000,
			.rto_initial_ms = 1000,
			.rto_min_ms = 200,
			.rto_max_ms = 60000,
			.delack_ms = 40,
			.syn_r2_ms = 180000,
			.data_r2_ms = 924000,
			.fin_wait2_ms = 60000,
			.rcv_buf = 262144,
			.snd_buf = 262144,
			.rcv_buf_max = BUF_TUNED,
			.snd_buf_max = BUF_TUNED,
			.cc = PTCP_CC_CUBIC,
			.cookies = PTCP_COOKIES_AUTO,
			.ecn = PTCP_ECN_PASSIVE,
			.port_first = 1024,
			.port_last = UINT16_MAX,
			.ttl = IP_TTL_SENT,
			.timestamps = true,
			.window_scale = true,
			.sack = true,
			.ipv6 = true,
			.keepalive = {.idle_ms = 7200000, .interval_ms = 75000, .count = 10},
	};
}

/** A key, its value and its range; 0 is allowed too where it means "the default". */
struct range {
	const char *key;
	uint64_t value;
	uint64_t min;
	uint64_t max;
	bool zero;
};

static int
out_of_range(const struct range *r, char *err, size_t err_size)
{
	char value[FMT_NUM], min[FMT_NUM], max[FMT_NUM];

	snprintf(err, err_size, "%s: %s: must be %s%s to %s", r->key, fmt_num(r->value, value),
			r->zero ? "0, or " : "", fmt_num(r->min, min), fmt_num(r->max, max));
	return -EINVAL;
}

bool
api_keepalive_ok(const struct ptcp_keepalive *ka)
{
	return ka->idle_ms >= KEEP_MIN_MS && ka->idle_ms <= KEEP_MAX_MS &&
			ka->interval_ms >= KEEP_MIN_MS && ka->interval_ms <= KEEP_MAX_MS &&
			ka->count >= 1;
}

int
ptcp_conf_check(const struct ptcp_conf *c, char *err, size_t err_size)
{
	const struct range ranges[] = {
			{"max_connections", c->max_connections, 1, INDEX_MAX - 1, false},
			{"max_timewait", c->max_timewait, c->max_connections, INDEX_MAX, true},
			{"max_blocks", c->max_blocks, 1, INDEX_MAX, true},
			{"max_nodes", c->max_nodes, 16, INDEX_MAX, true},
			{"max_dests", c->max_dests, 1, 65536, true},
			{"n_mbufs", c->n_mbufs, 1024, 1u << 24, true},
			{"msl_ms", c->msl_ms, 10, 600000, false},
			{"rto_max_ms", c->rto_max_ms, 1000, 600000, false},
			{"rto_min_ms", c->rto_min_ms, 1, RTE_MIN(60000u, c->rto_max_ms), false},
			{"rto_initial_ms", c->rto_initial_ms, 10, RTE_MIN(60000u, c->rto_max_ms),
					false},
			{"delack_ms", c->delack_ms, 0, 499, false},
			{"syn_r2_ms", c->syn_r2_ms, 100, DAY_MS, false},
			{"data_r2_ms", c->data_r2_ms, 100, DAY_MS, false},
			{"fin_wait2_ms", c->fin_wait2_ms, 10, DAY_MS, false},
			{"rcv_buf", c->rcv_buf, BUF_MIN, BUF_MAX, false},
			{"snd_buf", c->snd_buf, BUF_MIN, BUF_MAX, false},
			{"rcv_buf_max", c->rcv_buf_max, 0, BUF_MAX, false},
			{"snd_buf_max", c->snd_buf_max, 0, BUF_MAX, false},
			{"mem_max", c->mem_max, 65536, UINT64_C(1) << 40, true},
			{"max_half_open", c->max_half_open, 16, 1u << 24, true},
			{"user_timeout_ms", c->user_timeout_ms, 0, DAY_MS, false},
			{"cc", c->cc, 0, PTCP_CC_MAX - 1, false},
			{"cookies", c->cookies, 0, PTCP_COOKIES_MAX - 1, false},
			{"ecn", c->ecn, 0, PTCP_ECN_MAX - 1, false},
			{"mss", c->mss, 64, 65495, true},
			{"port_first", c->port_first, 1, UINT16_MAX, false},
			{"port_last", c->port_last, c->port_first, UINT16_MAX, false},
			{"dscp", c->dscp, 0, API_DSCP_MAX, false},
			{"ttl", c->ttl, 1, UINT8_MAX, false},
			{"keepalive.idle_ms", c->keepalive.idle_ms, KEEP_MIN_MS, KEEP_MAX_MS,
					false},
			{"keepalive.interval_ms", c->keepalive.interval_ms, KEEP_MIN_MS,
					KEEP_MAX_MS, false},
			{"keepalive.count", c->keepalive.count, 1, UINT8_MAX, false},
	};

	for (size_t i = 0; i < PTCP_ARRAY_SIZE(ranges); i++) {
		const struct range *r = &ranges[i];

		if (r->value == 0 && r->zero)
			continue;
		if (r->value < r->min || r->value > r->max)
			return out_of_range(r, err, err_size);
	}
	return 0;
}

static uint32_t
or_default(uint32_t value, uint64_t preset, uint32_t min, uint32_t max)
{
	if (value != 0)
		return value;
	return preset < min ? min : preset > max ? max : (uint32_t)preset;
}

void
api_conf_core(const struct ptcp_conf *c, struct tcp_conf *core)
{
	const uint32_t blocks = or_default(c->max_blocks, c->max_connections, 1, BLOCKS_MAX);

	/* More than could be established serve nobody: tcp_listen_refuses(). */
	const uint32_t half = or_default(
			c->max_half_open, c->max_connections / 16, HALF_OPEN_MIN, HALF_OPEN_MAX);

	*core = (struct tcp_conf){
			.max_tcbs = c->max_connections,
			.max_timewait = or_default(
					c->max_timewait, 2ull * c->max_connections, 1, INDEX_MAX),
			.max_blocks = blocks,
			.max_nodes = or_default(c->max_nodes, 8ull * blocks, NODES_MIN, INDEX_MAX),
			.max_half_open = RTE_MIN(half, c->max_connections),
			/* A flight is a few; only a path that loses much takes hundreds. */
			.max_ranges = or_default(0, 8ull * blocks, RANGES_MIN, INDEX_MAX),
			.max_dests = or_default(c->max_dests, DESTS_DEFAULT, 1, DESTS_DEFAULT),
			.msl_ms = c->msl_ms,
			.rto_initial_ms = c->rto_initial_ms,
			.rto_min_ms = c->rto_min_ms,
			.rto_max_ms = c->rto_max_ms,
			.delack_ms = c->delack_ms,
			.syn_r2_ms = c->syn_r2_ms,
			.data_r2_ms = c->data_r2_ms,
			.fin_wait2_ms = c->fin_wait2_ms,
			.rcv_buf = c->rcv_buf,
			.snd_buf = c->snd_buf,
			.rcv_buf_max = c->rcv_buf_max,
			.snd_buf_max = c->snd_buf_max,
			.mem_max = c->mem_max,
			.user_timeout_ms = c->user_timeout_ms,
			.cookies = (uint8_t)c->cookies,
			.cc = (uint8_t)c->cc,
			.ecn = (uint8_t)c->ecn,
			.mss_max = c->mss,
			.port_first = c->port_first,
			.port_last = c->port_last,
			.timestamps = c->timestamps,
			.window_scale = c->window_scale,
			.sack = c->sack,
			.pacing = c->pacing,
			.dscp = c->dscp,
			.ttl = c->ttl,
			.ipv6 = c->ipv6,
	};
}

struct ptcp_worker *
ptcp_worker_create(const struct ptcp_conf *conf, uint8_t worker_id, uint16_t port_id,
		uint16_t queue_id, char *err, size_t err_size)
{
	struct worker_setup setup = {
			.id = worker_id,
			.port_id = port_id,
			.queue_id = queue_id,
			.deliver = api_deliver,
	};
	struct ptcp_worker *w;
	int keep;

	if (ptcp_conf_check(conf, err, err_size) != 0)
		return NULL;
	api_conf_core(conf, &setup.tcp);
	setup.n_mbufs = or_default(conf->n_mbufs, setup.tcp.max_blocks, MBUFS_MIN, MBUFS_MAX);
	w = worker_create(&setup, err, err_size);
	if (w == NULL)
		return NULL;
	keep = api_keep_get(w, 0, &conf->keepalive);
	/* The first profile that is asked for finds a place. */
	PTCP_ASSERT(keep >= 0);
	w->profile_default = (uint8_t)keep;
	return w;
}
