/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a seed means: the configuration of a world. Each topic draws from a generator of its own, so that one more draw at
 * the end of a topic leaves the others as they were.
 */
#include "sim.h"

#include <inttypes.h>

#define MS  1000u
#define SEC 1000000u

#define PERCENT(n) ((n) * (SIM_PPM / 100))

/** Generators: one for each topic. */
enum topic { TOPIC_SCENARIO, TOPIC_SIZE, TOPIC_CORE, TOPIC_LINK, TOPIC_APP, TOPIC_FAULT };

static uint64_t
generator(uint64_t seed, enum topic topic)
{
	uint64_t state = seed + 0x51ed270b * ((uint64_t)topic + 1);

	return random_next(&state);
}

uint32_t
sim_scale(uint64_t *rng, uint32_t low, uint32_t high)
{
	uint32_t from = low, to;
	unsigned int orders = 1;

	while (from <= high / 4) {
		from *= 4;
		orders++;
	}
	from = low;
	for (unsigned int n = random_below(rng, orders); n > 0; n--)
		from *= 4;
	to = from > high / 4 ? high : 4 * from;
	return sim_range(rng, from, to);
}

uint32_t
sim_wait(uint64_t *rng, uint32_t mean)
{
	/* Half of the waits are short, some are long: near enough to an exponential law, without floating point. */
	uint64_t t = random_below(rng, mean) + 1;

	for (unsigned int i = 0; i < 3 && random_below(rng, 3) == 0; i++)
		t *= 2;
	return (uint32_t)t;
}

/* ------------------------------------------------------------------ names */

const char *
sim_scenario_key(unsigned int scenario)
{
	static const char *const keys[] = {
#define SCENARIO(name, key, weight, text) key,
#include "scenario.def"
#undef SCENARIO
	};

	return scenario < SIM_SCENARIO_MAX ? keys[scenario] : NULL;
}

const char *
sim_scenario_text(unsigned int scenario)
{
	static const char *const texts[] = {
#define SCENARIO(name, key, weight, text) text,
#include "scenario.def"
#undef SCENARIO
	};

	return scenario < SIM_SCENARIO_MAX ? texts[scenario] : NULL;
}

static enum sim_scenario
draw_scenario(uint64_t seed)
{
	static const uint32_t weights[] = {
#define SCENARIO(name, key, weight, text) weight,
#include "scenario.def"
#undef SCENARIO
	};
	uint64_t rng = generator(seed, TOPIC_SCENARIO);
	uint32_t sum = 0, i = 0, n;

	for (unsigned int k = 0; k < SIM_SCENARIO_MAX; k++)
		sum += weights[k];
	n = random_below(&rng, sum);
	while (n >= weights[i])
		n -= weights[i++];
	return (enum sim_scenario)i;
}

/* ------------------------------------------------------------------ how much */

uint32_t
sim_draw_conns(uint64_t seed, int scenario)
{
	const enum sim_scenario sc =
			scenario >= 0 ? (enum sim_scenario)scenario : draw_scenario(seed);
	uint64_t rng = generator(seed, TOPIC_SIZE);

	switch (sc) {
	case SIM_CROWD:
		return sim_range(&rng, 9000, 14000);
	case SIM_CHURN:
		return sim_range(&rng, 500, 2000);
	case SIM_IDLE:
	case SIM_BLACKHOLE:
		return sim_range(&rng, 50, 200);
	default:
		return sim_range(&rng, 100, 600);
	}
}

static void
draw_size(struct sim_conf *c)
{
	uint64_t rng = generator(c->seed, TOPIC_SIZE);

	c->n_conns = sim_draw_conns(c->seed, (int)c->scenario);
	(void)random_next(&rng);
	c->family = sim_chance(&rng, PERCENT(40)) ? IP_V6 : IP_V4;
	c->alive_max = sim_scale(&rng, 2, 200);
	c->gap_us = sim_scale(&rng, 50, 20 * MS);
	c->bytes_max = sim_scale(&rng, 2000, 300000);
	if (c->scenario == SIM_CROWD) {
		c->alive_max = c->n_conns;
		c->gap_us = sim_scale(&rng, 10, 100);
		c->bytes_max = 4000;
	}
	if (c->scenario == SIM_CHURN) {
		c->bytes_max = sim_scale(&rng, 100, 4000);
		c->gap_us = sim_scale(&rng, 50, 2 * MS);
	}
}

/* ------------------------------------------------------------------ the core */

/** Start of a clock: near a wrap of 32-bit milliseconds, of their sign, of the ISN's 4 microseconds, or anywhere. */
static time_us_t
draw_offset(uint64_t *rng)
{
	const time_us_t wraps[] = {(time_us_t)MS << 32, (time_us_t)MS << 31, (time_us_t)4 << 32,
			(time_us_t)1 << 32};

	if (sim_chance(rng, PERCENT(50)))
		return SEC + random_below(rng, 1u << 30);
	if (sim_chance(rng, PERCENT(50)))
		return wraps[random_below(rng, PTCP_ARRAY_SIZE(wraps))] -
				sim_scale(rng, MS, 60 * SEC);
	return SEC + (random_next(rng) >> 16);
}

static void
draw_times(struct tcp_conf *t, enum sim_scenario sc, uint64_t *rng)
{
	static const uint32_t msl[] = {100, 500, 500, 1000, 5000, 30000};
	static const uint32_t rto_min[] = {1, 20, 200, 200, 200, 1000};
	static const uint32_t rto_max[] = {1000, 8000, 60000, 60000, 60000};
	static const uint32_t delack[] = {0, 1, 40, 40, 40, 200, 500};
	static const uint32_t r2[] = {100000, 100000, 300000, 924000};

	t->msl_ms = msl[random_below(rng, PTCP_ARRAY_SIZE(msl))];
	t->rto_min_ms = rto_min[random_below(rng, PTCP_ARRAY_SIZE(rto_min))];
	t->rto_max_ms = rto_max[random_below(rng, PTCP_ARRAY_SIZE(rto_max))];
	t->rto_initial_ms = sim_chance(rng, PERCENT(70)) ? 1000 : sim_scale(rng, 50, 1000);
	t->delack_ms = delack[random_below(rng, PTCP_ARRAY_SIZE(delack))];
	t->syn_r2_ms = 180000;
	t->data_r2_ms = r2[random_below(rng, PTCP_ARRAY_SIZE(r2))];
	t->fin_wait2_ms = sim_scale(rng, 1000, 60000);
	if (sc == SIM_CHURN)
		t->msl_ms = sim_scale(rng, 50, 1000);
	if (t->rto_min_ms > t->rto_max_ms)
		t->rto_min_ms = t->rto_max_ms;
}

static void
draw_buffers(struct tcp_conf *t, enum sim_scenario sc, uint64_t *rng)
{
	static const uint16_t mtu[] = {1500, 1500, 1500, 1500, 1280, 1400, 9000};

	t->rcv_buf = sim_scale(rng, 2048, 1 << 20);
	t->snd_buf = sim_scale(rng, 2048, 1 << 20);
	t->mtu = mtu[random_below(rng, PTCP_ARRAY_SIZE(mtu))];
	t->mss_max = sim_chance(rng, PERCENT(15)) ? (uint16_t)sim_scale(rng, 64, 1400) : 0;
	if (sc == SIM_WINDOW) {
		t->rcv_buf = sim_scale(rng, 2048, 8192);
		t->mss_max = sim_chance(rng, PERCENT(50)) ? (uint16_t)sim_scale(rng, 64, 1400) : 0;
	}
	if (sc == SIM_MTU || sc == SIM_BLACKHOLE)
		t->mss_max = 0;
	t->timestamps = sim_chance(rng, PERCENT(70));
	t->window_scale = sim_chance(rng, PERCENT(80));
	t->sack = sim_chance(rng, PERCENT(80));
	t->ecn = (uint8_t)random_below(rng, TCP_ECN_MAX);
	t->ttl = 64;
	t->cc = (uint8_t)random_below(rng, TCP_CC_MAX);
	t->pacing = sim_chance(rng, PERCENT(20));
	t->rcv_buf_max = sim_chance(rng, PERCENT(30)) ? sim_scale(rng, t->rcv_buf, 4 << 20) : 0;
	t->snd_buf_max = sim_chance(rng, PERCENT(30)) ? sim_scale(rng, t->snd_buf, 4 << 20) : 0;
}

static void
draw_pools(struct tcp_conf *t, const struct sim_conf *c, uint64_t *rng)
{
	const uint32_t n = c->alive_max;

	/* A link that delays keeps former connections half-open for a while. */
	t->max_tcbs = 3 * n + 32;
	t->max_timewait = t->max_tcbs + 2 * c->n_conns;
	t->max_blocks = t->max_tcbs;
	/* Room for all that their small writes may queue: whoever sends must not starve whoever receives. */
	t->max_nodes = (c->scenario == SIM_CROWD ? 64 : 1500) * n + 4096;
	t->max_dests = SIM_ADDRS * SIM_ADDRS * SIM_PORTS + 2 * n + 64;
	t->max_half_open = t->max_tcbs;
	t->max_ranges = 16 * t->max_blocks;
	t->port_first = (uint16_t)sim_range(rng, 1024, 20000);
	t->port_last = (uint16_t)(t->port_first +
			sim_scale(rng, n < 200 ? 2 * n + 50 : 450, 19000));
	t->cookies = sim_chance(rng, PERCENT(70)) ? TCP_COOKIES_AUTO :
						    (uint8_t)random_below(rng, TCP_COOKIES_MAX);
	if (c->scenario == SIM_CROWD)
		t->port_last = SIM_PORT_BOTH - 1;
	if (c->scenario == SIM_STARVED && sim_chance(rng, PERCENT(60)))
		t->cookies = TCP_COOKIES_NEVER;
	if (c->scenario == SIM_CHURN) {
		/* Few ports, few records: both are waited for. */
		if (sim_chance(rng, PERCENT(60)))
			t->cookies = TCP_COOKIES_NEVER;
		t->port_last = (uint16_t)(t->port_first + sim_scale(rng, 8, 200));
		t->max_timewait = t->max_tcbs + sim_scale(rng, 4, 1000);
		if (sim_chance(rng, PERCENT(50)))
			t->max_half_open = sim_scale(rng, 2, 64);
	}
	if (c->scenario == SIM_STARVED && sim_chance(rng, PERCENT(50))) {
		t->max_nodes = sim_scale(rng, 16, 4096);
		t->max_blocks = sim_scale(rng, 2, t->max_tcbs);
		t->max_tcbs = sim_scale(rng, 2, t->max_tcbs);
		t->max_ranges = sim_scale(rng, 2, 1000);
		t->max_half_open = sim_scale(rng, 1, 64);
	}
	if (sim_chance(rng, PERCENT(20)))
		t->mem_max = sim_scale(rng, 64 << 10, 16 << 20);
}

static void
draw_profile(struct tcp_profile *p, const struct tcp_conf *t, enum sim_scenario sc, uint64_t *rng)
{
	*p = (struct tcp_profile){
			.keep_idle_ms = sim_scale(rng, 2000, sc == SIM_IDLE ? 7200000 : 120000),
			.keep_interval_ms = sim_scale(rng, 1000, 75000),
			.keep_count = (uint8_t)sim_range(rng, 8, 12),
			.keep_on = true,
			.linger_ms = TCP_LINGER_OFF,
			.cc = t->cc,
			.pacing = t->pacing,
			.dscp = (uint8_t)random_below(rng, 64),
			.ttl = (uint8_t)sim_range(rng, 1, 255),
	};
	if (sim_chance(rng, PERCENT(10)))
		p->linger_ms = sim_chance(rng, PERCENT(20)) ? 0 : sim_scale(rng, 10, 60000);
	if (sim_chance(rng, PERCENT(5)))
		p->user_timeout_ms = sim_scale(rng, 1000, 300000);
}

static void
draw_end(struct sim_conf *c, unsigned int i, uint64_t *rng)
{
	struct sim_end_conf *e = &c->end[i];

	e->tcp = (struct tcp_conf){.ipv6 = c->family == IP_V6};
	e->offset = draw_offset(rng);
	draw_times(&e->tcp, c->scenario, rng);
	draw_buffers(&e->tcp, c->scenario, rng);
	draw_pools(&e->tcp, c, rng);
	draw_profile(&e->profile, &e->tcp, c->scenario, rng);
	e->poll_us = sim_chance(rng, PERCENT(50)) ? 1 : sim_scale(rng, 1, 500);
	e->burst = sim_chance(rng, PERCENT(80)) ? 32 : sim_range(rng, 1, 64);
	e->tx_burst = sim_chance(rng, PERCENT(80)) ? UINT32_MAX : sim_range(rng, 1, 64);
	e->budget = sim_chance(rng, PERCENT(80)) ? UINT32_MAX : sim_scale(rng, 1, 256);
	e->rx_max = sim_chance(rng, PERCENT(80)) ? SIM_RX_MAX : sim_scale(rng, 128, SIM_RX_MAX);
}

/* ------------------------------------------------------------------ the link */

static void
draw_mtu(struct sim_link_conf *l, const struct sim_conf *c, uint64_t *rng)
{
	const uint16_t floor = c->family == IP_V6 ? 1280 : 576;

	l->mtu_max = UINT16_MAX;
	l->mtu_min = UINT16_MAX;
	l->icmp = true;
	if (c->scenario == SIM_MTU || c->scenario == SIM_BLACKHOLE ||
			(c->scenario == SIM_HOSTILE && sim_chance(rng, PERCENT(20)))) {
		l->mtu_max = 1500;
		l->mtu_min = (uint16_t)sim_range(rng, floor, 1500);
		l->mtu_us = sim_scale(rng, 10 * MS, 10 * SEC);
		l->icmp = c->scenario != SIM_BLACKHOLE;
	}
}

static void
draw_trouble(struct sim_link_conf *l, enum sim_scenario sc, uint64_t *rng)
{
	const bool all = sc == SIM_HOSTILE;

	if (sc == SIM_LOSSY || (sc != SIM_CLEAN && sim_chance(rng, PERCENT(20))))
		l->loss = sim_scale(rng, 100, PERCENT(3));
	if (all)
		l->loss = sim_scale(rng, PERCENT(1), PERCENT(30));
	if (sc == SIM_BURST || (all && sim_chance(rng, PERCENT(30)))) {
		l->good_us = sim_scale(rng, 5 * MS, 5 * SEC);
		l->bad_us = sim_chance(rng, PERCENT(50)) ?
				sim_scale(rng, 100, 200 * MS) :
				sim_scale(rng, 100, 100 + l->good_us / 30);
		l->burst_loss = sim_range(rng, PERCENT(20), PERCENT(100));
	}
	if (sc == SIM_REORDER || all || (sc != SIM_CLEAN && sim_chance(rng, PERCENT(15)))) {
		l->duplicate = sim_scale(rng, 100, PERCENT(10));
		l->late = sim_scale(rng, 100, PERCENT(20));
		l->late_us = sim_scale(rng, 10, 30 * MS);
		l->ordered = sim_chance(rng, PERCENT(30));
	}
	if (sc == SIM_CORRUPT || (all && sim_chance(rng, PERCENT(50))))
		l->corrupt = sim_scale(rng, 1000, PERCENT(3));
	if (sc == SIM_BLACKOUT || (all && sim_chance(rng, PERCENT(20)))) {
		l->dark_every_us = sim_scale(rng, 200 * MS, 20 * SEC);
		l->dark_us = sim_scale(rng, 10 * MS, all ? 60 * SEC : 5 * SEC);
	}
}

/** A bottleneck whose queue has room for everybody. */
static void
draw_rate(struct sim_link_conf *l, const struct sim_conf *c, uint64_t *rng)
{
	const uint32_t mtu = 1500;

	l->rate_kbit = sim_scale(rng, 1000, 1000000);
	l->queue = sim_scale(rng, 4 * mtu, 1 << 20);
	if (c->scenario == SIM_RATE)
		l->queue += 4 * mtu * c->alive_max;
	if (sim_chance(rng, PERCENT(60)))
		l->mark = sim_scale(rng, mtu, l->queue);
}

static void
draw_link(struct sim_conf *c)
{
	uint64_t rng = generator(c->seed, TOPIC_LINK);
	const bool alike = sim_chance(&rng, PERCENT(70));

	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		struct sim_link_conf *l = &c->link[i];

		if (i > 0 && alike) {
			*l = c->link[0];
			break;
		}
		*l = (struct sim_link_conf){.ordered = true};
		l->delay_us = sim_scale(&rng, 5, 150 * MS);
		l->jitter_us = sim_chance(&rng, PERCENT(60)) ? 0 : sim_scale(&rng, 1, l->delay_us);
		draw_trouble(l, c->scenario, &rng);
		draw_mtu(l, c, &rng);
		if (c->scenario == SIM_RATE ||
				(c->scenario == SIM_HOSTILE && sim_chance(&rng, PERCENT(20))))
			draw_rate(l, c, &rng);
	}
	c->wire = sim_chance(&rng, PERCENT(10)) ? SIM_PPM : PERCENT(15);
	if (c->scenario == SIM_CORRUPT)
		c->wire = SIM_PPM;
}

/* ------------------------------------------------------------------ applications and faults */

static void
draw_apps(struct sim_conf *c)
{
	uint64_t rng = generator(c->seed, TOPIC_APP);

	c->write_max = sim_scale(&rng, 16, 65536);
	c->read_gap_us = sim_scale(&rng, MS, 100 * MS);
	c->pause_us = sim_scale(&rng, MS, 500 * MS);
	c->slow = PERCENT(10);
	c->rude = sim_chance(&rng, PERCENT(60)) ? 0 : sim_scale(&rng, PERCENT(1), PERCENT(30));
	c->together = sim_chance(&rng, PERCENT(70)) ? PERCENT(1) : PERCENT(20);
	switch (c->scenario) {
	case SIM_CHURN:
		c->rude = sim_scale(&rng, PERCENT(1), PERCENT(60));
		break;
	case SIM_IDLE:
		c->pause_us = sim_scale(&rng, SEC, 4000u * SEC);
		break;
	case SIM_WINDOW:
		c->slow = PERCENT(70);
		c->read_gap_us = sim_scale(&rng, MS, 3 * SEC);
		break;
	case SIM_CROWD:
		c->slow = 0;
		c->write_max = sim_scale(&rng, 500, 4000);
		break;
	default:
		break;
	}
	/* As many segments and nodes as a small MSS or small writes make of it. */
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct tcp_conf *t = &c->end[i].tcp;

		if (t->mss_max != 0 && c->bytes_max > 300u * t->mss_max)
			c->bytes_max = 300u * t->mss_max;
	}
	if (c->bytes_max > 500 * c->write_max)
		c->bytes_max = 500 * c->write_max;
}

static void
draw_faults(struct sim_conf *c)
{
	uint64_t rng = generator(c->seed, TOPIC_FAULT);

	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		struct sim_fault_conf *f = &c->end[i].fault;

		f->every_us = sim_scale(&rng, 20 * MS, 2 * SEC);
		f->hold_us = sim_chance(&rng, PERCENT(30)) ? sim_scale(&rng, MS, 2 * SEC) :
							     sim_scale(&rng, 500, f->every_us / 8);
		switch (c->scenario) {
		case SIM_STARVED:
			f->kinds = 1u << SIM_FAULT_POOLS;
			break;
		case SIM_STALL:
			f->kinds = 1u << SIM_FAULT_STALL | 1u << SIM_FAULT_SUSPEND;
			f->hold_us = sim_scale(&rng, 10 * MS, 10 * SEC);
			break;
		case SIM_MBUF:
			f->kinds = 1u << SIM_FAULT_NO_OWNER | 1u << SIM_FAULT_NO_TX;
			break;
		case SIM_CROWD:
			f->kinds = 1u << SIM_FAULT_STALL;
			f->every_us = 500 * MS;
			f->hold_us = SEC;
			break;
		case SIM_HOSTILE:
			f->kinds = random_below(&rng, 1u << SIM_FAULT_MAX);
			if (sim_chance(&rng, PERCENT(5)))
				f->hold_us = sim_scale(&rng, 10 * SEC, 4000u * SEC);
			break;
		default:
			f->kinds = sim_chance(&rng, PERCENT(10)) ?
					random_below(&rng, 1u << SIM_FAULT_MAX) :
					0;
			break;
		}
		if (c->scenario == SIM_CLEAN)
			f->kinds = 0;
	}
}

/* ------------------------------------------------------------------ what follows from it */

/** What waits longer than its MSL may pass for a later connection's: an MSL fits the link. */
static void
fit_msl(struct sim_conf *c)
{
	uint32_t longest = 0;

	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct sim_link_conf *l = &c->link[i];
		uint32_t ms = (l->delay_us + l->jitter_us + l->late_us) / MS;

		if (l->rate_kbit != 0)
			ms += (uint32_t)((uint64_t)l->queue * 8 / l->rate_kbit);
		longest = ms > longest ? ms : longest;
	}
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		struct tcp_conf *t = &c->end[i].tcp;
		const uint32_t hold = c->end[i].fault.hold_us / MS;

		if (t->msl_ms < 2 * longest + 50)
			t->msl_ms = 2 * longest + 50;
		/* In half of the worlds nothing is lost while an end is not polled. */
		if (c->scenario == SIM_STALL && c->seed % 2 == 0 && t->msl_ms < 2 * hold + 50)
			t->msl_ms = 2 * hold + 50;
	}
	/* What one end calls old must be old for the other too. */
	if (c->end[0].tcp.msl_ms < c->end[1].tcp.msl_ms)
		c->end[0].tcp.msl_ms = c->end[1].tcp.msl_ms;
	else
		c->end[1].tcp.msl_ms = c->end[0].tcp.msl_ms;
}

/** Share of time in which the link is in its bad state. */
static uint32_t
burst_share(const struct sim_link_conf *l)
{
	return l->burst_loss == 0 ? 0 :
				    (uint32_t)((uint64_t)l->bad_us * SIM_PPM /
						    ((uint64_t)l->bad_us + l->good_us));
}

/** Whether what arrives during a fault is lost: or it waits for longer than its MSL. */
static bool
loses(const struct sim_end_conf *e)
{
	const uint32_t kinds = e->fault.kinds;

	if ((kinds & (1u << SIM_FAULT_POOLS | 1u << SIM_FAULT_NO_OWNER)) != 0)
		return true;
	return (kinds & (1u << SIM_FAULT_STALL | 1u << SIM_FAULT_SUSPEND)) != 0 &&
			e->fault.hold_us / MS >= e->tcp.msl_ms / 2;
}

/** Whether TCBs, records of half-open connections or of TIME-WAIT may all be in use. */
static bool
may_lack_places(const struct sim_conf *c, const struct sim_end_conf *e)
{
	return (e->fault.kinds & 1u << SIM_FAULT_POOLS) != 0 ||
			e->tcp.max_timewait < e->tcp.max_tcbs + c->n_conns;
}

/** Nothing that happens here can end the connection of somebody who behaves. */
static bool
is_fair(const struct sim_conf *c)
{
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct sim_link_conf *l = &c->link[i];
		const struct sim_end_conf *e = &c->end[i];
		const struct tcp_conf *t = &e->tcp;

		/* So that nobody ever loses every one of his retransmissions. */
		if (l->loss + l->corrupt + burst_share(l) > PERCENT(4) || l->bad_us > 200 * MS ||
				l->dark_us > 8 * SEC)
			return false;
		if (l->mtu_us != 0 && !l->icmp)
			return false;
		if (l->dark_every_us != 0 && l->dark_us > l->dark_every_us / 2)
			return false;
		/* Nor are two retransmissions, late as they may be, all that he has within R2. */
		if (l->dark_every_us != 0 && t->data_r2_ms < 6 * t->rto_max_ms)
			return false;
		if (e->fault.kinds != 0 && e->fault.hold_us > 10 * SEC)
			return false;
		if (loses(e) && e->fault.hold_us > e->fault.every_us / 8)
			return false;
		if (t->max_nodes < (c->scenario == SIM_CROWD ? 64 : 1500) * c->alive_max ||
				t->max_blocks < t->max_tcbs || t->max_tcbs < 3 * c->alive_max ||
				t->mem_max != 0)
			return false;
		if (l->rate_kbit != 0 && l->queue < 4u * 1500 * c->alive_max)
			return false;
		/* After a stall all timers run out at once, in the same order: the last may find a full queue each time. */
		if (e->rx_max < SIM_RX_MAX && e->rx_max < 4 * c->alive_max)
			return false;
		/* A user timeout may be shorter than a few timeouts in a row, or than the peer's pauses. */
		if (e->profile.user_timeout_ms != 0)
			return false;
		/*
		 * Who is known by a cookie alone is not told again what was lost, and is reset when what he sends
		 * next comes first; without cookies, who finds no record waits his turn for ever.
		 */
		if (t->cookies == TCP_COOKIES_ALWAYS || t->max_half_open < 2 * c->alive_max ||
				(t->cookies == TCP_COOKIES_AUTO && may_lack_places(c, e)))
			return false;
	}
	return c->scenario != SIM_HOSTILE;
}

static time_us_t
patience(const struct sim_conf *c)
{
	time_us_t longest = 0;

	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct tcp_conf *t = &c->end[i].tcp;
		const struct tcp_profile *p = &c->end[i].profile;
		const uint64_t keep =
				p->keep_idle_ms + (p->keep_count + 1ull) * p->keep_interval_ms;
		uint64_t ms = t->syn_r2_ms > t->data_r2_ms ? t->syn_r2_ms : t->data_r2_ms;

		ms = (ms > keep ? ms : keep) + 2ull * t->rto_max_ms + t->fin_wait2_ms;
		longest = ms * MS > longest ? ms * MS : longest;
	}
	return longest;
}

static void
settle(struct sim_conf *c)
{
	fit_msl(c);
	c->fair = is_fair(c);
	c->patience_us = patience(c);
}

void
sim_draw(struct sim_conf *c, uint64_t seed, int scenario)
{
	uint64_t rng = generator(seed, TOPIC_CORE);

	*c = (struct sim_conf){.seed = seed};
	c->scenario = scenario >= 0 ? (enum sim_scenario)scenario : draw_scenario(seed);
	draw_size(c);
	draw_end(c, 0, &rng);
	draw_end(c, 1, &rng);
	if (sim_chance(&rng, PERCENT(40))) {
		/* Two of a kind. */
		const time_us_t offset = c->end[1].offset;

		c->end[1] = c->end[0];
		c->end[1].offset = offset;
	}
	draw_link(c);
	draw_apps(c);
	draw_faults(c);
	settle(c);
}

void
sim_conf_plain(struct sim_conf *c, uint64_t seed)
{
	*c = (struct sim_conf){.seed = seed,
			.scenario = SIM_CLEAN,
			.family = IP_V4,
			.n_conns = 1,
			.alive_max = 1,
			.gap_us = 1,
			.bytes_max = 1 << 20,
			.write_max = 65536,
			.read_gap_us = MS,
			.pause_us = MS};
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		struct sim_end_conf *e = &c->end[i];
		uint64_t rng = generator(seed, TOPIC_CORE) + i;

		e->tcp = (struct tcp_conf){.msl_ms = 1000,
				.rto_initial_ms = 1000,
				.rto_min_ms = 200,
				.rto_max_ms = 60000,
				.delack_ms = 40,
				.syn_r2_ms = 180000,
				.data_r2_ms = 924000,
				.fin_wait2_ms = 60000,
				.rcv_buf = 1 << 20,
				.snd_buf = 1 << 20,
				.mtu = 1500,
				.timestamps = true,
				.window_scale = true,
				.sack = true,
				.ttl = 64};
		draw_pools(&e->tcp, c, &rng);
		draw_profile(&e->profile, &e->tcp, c->scenario, &rng);
		e->profile.linger_ms = TCP_LINGER_OFF;
		e->profile.user_timeout_ms = 0;
		e->tcp.mem_max = 0;
		e->offset = SEC;
		e->poll_us = 1;
		e->burst = 32;
		e->tx_burst = UINT32_MAX;
		e->budget = UINT32_MAX;
		e->rx_max = SIM_RX_MAX;
		c->link[i] = (struct sim_link_conf){.delay_us = MS,
				.ordered = true,
				.icmp = true,
				.mtu_min = UINT16_MAX,
				.mtu_max = UINT16_MAX};
	}
	settle(c);
}

void
sim_conf_print(const struct sim_conf *c, FILE *out)
{
	fprintf(out,
			"world 0x%016" PRIx64 ": %s, IPv%d, %" PRIu32 " connections, %" PRIu32
			" at once, %s\n",
			c->seed, sim_scenario_key(c->scenario), (int)c->family, c->n_conns,
			c->alive_max, c->fair ? "fair" : "not fair");
	fprintf(out, "  bytes %u, writes %u, pauses %u us, slow %u, rude %u, together %u, wire %u ppm\n",
			c->bytes_max, c->write_max, c->pause_us, c->slow, c->rude, c->together,
			c->wire);
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		const struct sim_end_conf *e = &c->end[i];
		const struct sim_link_conf *l = &c->link[i];
		const struct tcp_conf *t = &e->tcp;

		fprintf(out,
				"  end %u: rcv %u snd %u mtu %u mss %u%s%s%s%s cc %u%s cookies %u delack %u rto %u..%u msl %u"
				" r2 %u user %u keep %u+%ux%u\n",
				i, t->rcv_buf, t->snd_buf, t->mtu, t->mss_max,
				t->timestamps ? " ts" : "", t->window_scale ? " ws" : "",
				t->sack ? " sack" : "", t->ecn ? " ecn" : "", t->cc,
				t->pacing ? " pacing" : "", t->cookies, t->delack_ms, t->rto_min_ms,
				t->rto_max_ms, t->msl_ms, t->data_r2_ms, e->profile.user_timeout_ms,
				e->profile.keep_idle_ms, e->profile.keep_interval_ms,
				e->profile.keep_count);
		fprintf(out,
				"         tcbs %u blocks %u nodes %u timewait %u half-open %u ports %u..%u poll %u us, faults"
				" %x every %u us for %u us\n",
				t->max_tcbs, t->max_blocks, t->max_nodes, t->max_timewait,
				t->max_half_open, t->port_first, t->port_last, e->poll_us,
				e->fault.kinds, e->fault.every_us, e->fault.hold_us);
		fprintf(out,
				"  link %u: delay %u jitter %u us%s, loss %u burst %u (%u/%u us) dup %u late %u (%u us) corrupt"
				" %u ppm, %u kbit/s queue %u, mtu %u..%u each %u us%s, dark %u us each %u us\n",
				i, l->delay_us, l->jitter_us, l->ordered ? " ordered" : "", l->loss,
				l->burst_loss, l->bad_us, l->good_us, l->duplicate, l->late,
				l->late_us, l->corrupt, l->rate_kbit, l->queue, l->mtu_min,
				l->mtu_max, l->mtu_us, l->icmp ? "" : " black hole", l->dark_us,
				l->dark_every_us);
	}
}
