/* SPDX-License-Identifier: BSD-3-Clause */
/* What recovery is for: bulk transfers over a link that loses or reorders, with and without SACK, against bounds. */
#include "twin.h"

#define MSS   1460u
#define BYTES 1500000u

struct path {
	const char *name;
	uint32_t loss, loss_acks, jitter_us;
	bool sack, timestamps;
	uint64_t most_ms; /* longest that the transfer may take */
	uint32_t most_rto;
};

struct result {
	uint64_t ms;
	struct counters c;
};

static struct result
transfer(const struct path *p, uint64_t seed)
{
	struct tcp_conf conf = h_conf();
	struct result r = {0};
	struct twin *t;
	struct harness *h;

	conf.sack = p->sack;
	conf.timestamps = p->timestamps;
	conf.rcv_buf = conf.snd_buf = 1 << 20;
	t = twin_new(&conf, IP_V4, 1000000 + seed, 5000000);
	h = t->h[0];
	for (unsigned int i = 0; i < 2; i++) {
		t->h[i]->opts = TCP_OPT_MSS;
	}
	twin_connect(t);
	t->rng = seed;
	t->loss = p->loss;
	t->loss_acks = p->loss_acks;
	t->jitter_us = p->jitter_us;
	while (t->h[1]->n_received < BYTES && r.ms < 600000) {
		if (h->written < BYTES)
			(void)h_write(h, BYTES - h->written < 200000 ? BYTES - h->written : 200000,
					4 * MSS);
		twin_run(t, 5000);
		r.ms += 5;
	}
	t->loss = t->loss_acks = 0;
	CU_ASSERT_TRUE(twin_got(t, 1, BYTES));
	r.c = h->counters;
	twin_free(t);
	return r;
}

static void
measure(const struct path *p)
{
	uint64_t ms = 0, rto = 0;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		const struct result r = transfer(p, seed);

		ms += r.ms;
		rto += r.c.n[COUNTER_RTO];
		if (getenv("PTCP_VERBOSE") != NULL)
			fprintf(stderr, "%s: %llu ms, rexmt %llu fr %llu rto %llu tlp %llu/%llu lost %llu again %llu undone %llu %llu dsack %llu merges %llu lt %llu\n",
					p->name, (unsigned long long)r.ms,
					(unsigned long long)r.c.n[COUNTER_RETRANSMITTED],
					(unsigned long long)r.c.n[COUNTER_FAST_RETRANSMIT],
					(unsigned long long)r.c.n[COUNTER_RTO],
					(unsigned long long)r.c.n[COUNTER_TLP_PROBES],
					(unsigned long long)r.c.n[COUNTER_TLP_REPAIRS],
					(unsigned long long)r.c.n[COUNTER_RACK_LOST],
					(unsigned long long)r.c.n[COUNTER_RACK_LOST_AGAIN],
					(unsigned long long)r.c.n[COUNTER_RECOVERY_UNDONE],
					(unsigned long long)r.c.n[COUNTER_RTO_UNDONE],
					(unsigned long long)r.c.n[COUNTER_DSACK_IN],
					(unsigned long long)r.c.n[COUNTER_SACK_MERGES],
					(unsigned long long)r.c.n[COUNTER_LIMITED_TRANSMITS]);
	}
	if (ms / 5 > p->most_ms || rto / 5 > p->most_rto)
		fprintf(stderr, "%s: %llu ms, %llu timeouts\n", p->name,
				(unsigned long long)(ms / 5), (unsigned long long)(rto / 5));
	CU_ASSERT(ms / 5 <= p->most_ms);
	CU_ASSERT(rto / 5 <= p->most_rto);
}

static void
bulk_over_a_bad_link(void)
{
	static const struct path paths[] = {
			{"clean", 0, 0, 0, true, true, 1000, 0},
			{"0.1 %", 1, 0, 0, true, true, 2000, 0},
			{"1 %", 10, 0, 0, true, true, 4000, 0},
			{"1 %, no timestamps", 10, 0, 0, true, false, 4000, 0},
			{"1 % both ways", 10, 10, 0, true, true, 4000, 1},
			{"5 %", 50, 0, 0, true, true, 15000, 8},
			{"10 % both ways", 100, 100, 0, true, true, 60000, 40},
			{"30 %", 300, 0, 0, true, true, 300000, 200},
			{"1 %, no SACK", 10, 0, 0, false, true, 8000, 6},
			{"5 %, no SACK", 50, 0, 0, false, true, 60000, 60},
			{"reordered by 1 ms", 0, 0, 1000, true, true, 2000, 0},
			{"reordered by 10 ms", 0, 0, 10000, true, true, 5000, 0},
			{"reordered by 10 ms, 1 %", 10, 0, 10000, true, true, 8000, 2},
	};

	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(paths); i++)
		measure(&paths[i]);
}

static CU_TestInfo tests[] = {
		TEST(bulk_over_a_bad_link),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("goodput", tests)
