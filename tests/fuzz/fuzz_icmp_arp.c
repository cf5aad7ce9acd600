/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP, ICMP, and the neighbour cache that ARP feeds, under a script decoded from the input, as the worker calls them. No
 * entry comes in unasked, each packet that waits goes out or is dropped exactly once, requests keep their distance, and
 * what nobody answers ends.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "conn/laddr.h"
#include "conn/neigh.h"
#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"

#define STEPS_MAX 300
#define CHECK_ALL 64 /* entries up to which everything is checked after each step */

struct fuzz {
	struct fuzz_in in;
	struct neigh_table *t;
	struct laddr_table laddr;
	time_us_t now;
	uint32_t n_packets;         /* waiting in the table, or with us */
	uint32_t asks;              /* of one poll */
	uint32_t flood;             /* last address of a flood */
	time_us_t asked[NEIGH_MAX]; /* last request, 0: none since the entry was made */
};

static struct fuzz fz;

static struct ip_addr
addr(uint32_t host)
{
	return ip_addr_v4(__builtin_bswap32(0x0a000000 | (host & 0xffffff)));
}

/** One of a few addresses of the subnet, ours (10.0.0.1) among them. */
static struct ip_addr
addr_pick(void)
{
	return addr(fuzz_below(&fz.in, 24));
}

/** A packet is a piece of memory that nobody may lose or free twice. */
static void *
packet_new(void)
{
	fz.n_packets++;
	return fuzz_alloc(1);
}

static void
packet_free(void *packet)
{
	FUZZ_REQUIRE(packet != NULL && fz.n_packets > 0);
	fz.n_packets--;
	free(packet);
}

static void
drop(void *arg, void *packet)
{
	FUZZ_REQUIRE(arg == &fz);
	packet_free(packet);
}

/** The entry of an address, by looking at all of them: no call of the table's own. */
static uint16_t
entry_of(enum ip_family family, const struct ip_addr *ip)
{
	for (uint16_t i = 0; i < NEIGH_MAX; i++) {
		const struct neigh_entry *e = neigh_at(fz.t, i);

		if (e->state != NEIGH_FREE && e->family == family && ip_addr_equal(&e->ip, ip))
			return i;
	}
	return NEIGH_NONE;
}

/* ------------------------------------------------------------------ the cache */

static uint16_t
resolve(enum ip_family family, const struct ip_addr *ip)
{
	const uint16_t before = entry_of(family, ip);
	const uint16_t count = neigh_count(fz.t);
	const uint16_t i = neigh_resolve(fz.t, family, ip, 0, fz.now, drop, &fz);

	FUZZ_REQUIRE(i < NEIGH_MAX && entry_of(family, ip) == i);
	if (before != NEIGH_NONE) {
		FUZZ_REQUIRE(i == before && neigh_count(fz.t) == count);
		return i;
	}
	FUZZ_REQUIRE(neigh_count(fz.t) == (count < NEIGH_MAX ? count + 1 : NEIGH_MAX));
	FUZZ_REQUIRE(neigh_at(fz.t, i)->state == NEIGH_INCOMPLETE);
	FUZZ_REQUIRE(neigh_at(fz.t, i)->n_held == 0);
	fz.asked[i] = 0;
	return i;
}

static void
hold(uint16_t i, unsigned int n)
{
	while (n-- > 0) {
		const struct neigh_entry *e = neigh_at(fz.t, i);
		const bool room = e->state == NEIGH_INCOMPLETE && e->n_held < NEIGH_HOLD_MAX;
		void *packet = packet_new();
		const int rc = neigh_hold(fz.t, i, packet);

		FUZZ_REQUIRE(rc == (room ? 0 : -ENOBUFS));
		if (rc != 0)
			packet_free(packet);
	}
}

static void
confirm(enum ip_family family, const struct ip_addr *ip, const uint8_t mac[ETH_MAC_LEN])
{
	const uint16_t before = entry_of(family, ip);
	const uint16_t count = neigh_count(fz.t);
	const bool good = !eth_is_multicast(mac) && !eth_is_zero(mac);
	const uint16_t i = neigh_confirm(fz.t, family, ip, mac, fz.now);
	const struct neigh_entry *e;
	unsigned int held;
	void *packet;

	/* Nobody gets in unasked. */
	FUZZ_REQUIRE(i == (good ? before : NEIGH_NONE) && neigh_count(fz.t) == count);
	if (i == NEIGH_NONE)
		return;
	e = neigh_at(fz.t, i);
	FUZZ_REQUIRE(e->state == NEIGH_REACHABLE && eth_mac_equal(e->mac, mac));
	fz.asked[i] = 0;
	held = e->n_held;
	while ((packet = neigh_take(fz.t, i)) != NULL) {
		packet_free(packet);
		held--;
	}
	FUZZ_REQUIRE(held == 0 && e->n_held == 0);
}

static void
ask(void *arg, const struct neigh_entry *e)
{
	const ptrdiff_t i = e - neigh_at(fz.t, 0);

	FUZZ_REQUIRE(arg == &fz && i >= 0 && i < NEIGH_MAX);
	FUZZ_REQUIRE(e->state == NEIGH_INCOMPLETE || e->state == NEIGH_PROBE);
	FUZZ_REQUIRE(e->probes >= 1 && e->probes <= NEIGH_PROBES_MAX);
	FUZZ_REQUIRE(fz.asked[i] == 0 ||
			fz.now - fz.asked[i] >= (time_us_t)NEIGH_RETRY_MS * TIME_US_PER_MS);
	fz.asked[i] = fz.now;
	fz.asks++;
}

static void
poll_once(uint64_t ms)
{
	fz.now += ms * TIME_US_PER_MS;
	fz.asks = 0;
	neigh_poll(fz.t, fz.now, ask, drop, &fz);
	FUZZ_REQUIRE(fz.asks <= 3 * NEIGH_POLL_MAX);
}

/** Addresses that nobody has: many, so no look at all entries for each. */
static void
flood(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct ip_addr ip = addr(0x100 + fz.flood++);
		const uint16_t at = neigh_resolve(fz.t, IP_V4, &ip, 0, fz.now, drop, &fz);

		FUZZ_REQUIRE(at < NEIGH_MAX && ip_addr_equal(&neigh_at(fz.t, at)->ip, &ip));
		FUZZ_REQUIRE(neigh_at(fz.t, at)->state == NEIGH_INCOMPLETE);
		fz.asked[at] = 0;
		hold(at, i % 3);
	}
}

static void
find(void)
{
	const struct ip_addr ip = addr_pick();
	const uint16_t hint = fuzz_u16(&fz.in);
	const uint16_t want = entry_of(IP_V4, &ip);

	FUZZ_REQUIRE(neigh_find(fz.t, IP_V4, &ip, hint) == want);
	FUZZ_REQUIRE(want == NEIGH_NONE || neigh_at(fz.t, want)->used);
}

/* ------------------------------------------------------------------ ARP */

/** As the worker does: who claims an address of ours is not listened to. */
static void
arp_arrives(const uint8_t *data, uint32_t len, const uint8_t eth_src[ETH_MAC_LEN])
{
	uint8_t *p = fuzz_copy(data, len);
	struct arp_view arp;

	if (arp_parse(p, len, eth_src, &arp) == DROP_NONE &&
			laddr_find(&fz.laddr, IP_V4, &arp.spa) == LADDR_NONE &&
			!laddr_is_broadcast(&fz.laddr, &arp.spa)) {
		if (!arp.probe)
			confirm(IP_V4, &arp.spa, arp.sha);
		if (arp.op == ARP_OP_REQUEST &&
				laddr_find(&fz.laddr, IP_V4, &arp.tpa) != LADDR_NONE)
			FUZZ_REQUIRE(arp_build_reply(p, eth_src, &arp) == ARP_LEN);
	}
	free(p);
}

static void
arp_drawn(void)
{
	const uint8_t how = fuzz_u8(&fz.in);
	const uint8_t mac[ETH_MAC_LEN] = {(uint8_t)((how & 1) != 0 ? fuzz_u8(&fz.in) : 2), 0, 0, 0,
			0, (uint8_t)(how >> 4)};
	const struct ip_addr spa = addr_pick();
	const struct ip_addr tpa = (how & 2) != 0 ? addr_pick() : addr(1);
	const struct arp_view asked = {.spa = tpa, .tpa = spa};
	uint8_t p[ARP_LEN];

	if ((how & 4) != 0)
		(void)arp_build_request(p, mac, &spa, &tpa);
	else
		(void)arp_build_reply(p, mac, &asked);
	if ((how & 8) != 0)
		p[fuzz_below(&fz.in, ARP_LEN)] = fuzz_u8(&fz.in);
	arp_arrives(p, ARP_LEN, mac);
}

/** Bytes of the input as they are. */
static void
arp_raw(void)
{
	static const uint8_t eth_src[ETH_MAC_LEN] = {2, 0, 0, 0, 0, 9};
	const uint32_t len = fuzz_below(&fz.in, 48);
	uint8_t p[48];

	for (uint32_t i = 0; i < len; i++)
		p[i] = fuzz_u8(&fz.in);
	arp_arrives(p, len, eth_src);
}

/* ------------------------------------------------------------------ ICMP */

static void
icmp_again(const struct icmp_view *v)
{
	uint8_t p[ICMP4_HDR_LEN + IP4_HDR_LEN + 8] = {v->type, v->code};
	struct icmp_view got;

	be16_store(p + 6, v->mtu);
	(void)ip4_build(p + ICMP4_HDR_LEN, &v->quote.src, &v->quote.dst, IP_PROTO_TCP, 1, 1000, 0,
			IP_TTL_SENT);
	be16_store(p + 28, v->quote.sport);
	be16_store(p + 30, v->quote.dport);
	be32_store(p + 32, v->quote.seq);
	be16_store(p + 2, cksum_finish(cksum_add(0, p, sizeof(p))));
	FUZZ_REQUIRE(icmp4_parse(p, sizeof(p), &got) == DROP_NONE);
	FUZZ_REQUIRE(got.type == v->type && got.code == v->code && got.mtu == v->mtu);
	FUZZ_REQUIRE(ip_addr_equal(&got.quote.src, &v->quote.src));
	FUZZ_REQUIRE(ip_addr_equal(&got.quote.dst, &v->quote.dst));
	FUZZ_REQUIRE(got.quote.sport == v->quote.sport && got.quote.dport == v->quote.dport);
	FUZZ_REQUIRE(got.quote.seq == v->quote.seq);
}

static void
icmp_echo(uint8_t *p, uint32_t len)
{
	uint8_t *before = fuzz_copy(p, len);
	struct icmp_view view;

	icmp4_echo_reply(p, len);
	FUZZ_REQUIRE(p[0] == ICMP4_ECHO_REPLY && cksum_ok(cksum_add(0, p, len)));
	FUZZ_REQUIRE(p[1] == before[1]);
	FUZZ_REQUIRE(memcmp(p + 4, before + 4, len - 4) == 0);
	/* A reply is not answered. */
	FUZZ_REQUIRE(icmp4_parse(p, len, &view) == DROP_ICMP_TYPE);
	free(before);
}

static void
icmp(void)
{
	const uint8_t how = fuzz_u8(&fz.in);
	const uint32_t len = how & 0x7f;
	uint8_t *p = fuzz_alloc(len);
	struct icmp_view view;
	enum drop_reason reason;

	for (uint32_t i = 0; i < len; i++)
		p[i] = fuzz_u8(&fz.in);
	if ((how & 0x80) != 0 && len >= ICMP4_HDR_LEN) {
		be16_store(p + 2, 0);
		be16_store(p + 2, cksum_finish(cksum_add(0, p, len)));
	}
	reason = icmp4_parse(p, len, &view);
	FUZZ_REQUIRE(reason == DROP_NONE || reason == DROP_ICMP_BAD || reason == DROP_ICMP_TYPE ||
			reason == DROP_ICMP_QUOTE);
	if (reason == DROP_NONE && view.type == ICMP4_ECHO)
		icmp_echo(p, len);
	else if (reason == DROP_NONE)
		icmp_again(&view);
	free(p);
}

/* ------------------------------------------------------------------ the script */

static void
step(void)
{
	static const uint32_t waits_ms[] = {0, 1, 10, 999, 1000, 1001, 3000, 60000, 3600000};
	const uint8_t op = fuzz_u8(&fz.in);
	struct ip_addr ip;

	switch (op & 7) {
	case 0:
		ip = addr_pick();
		hold(resolve(IP_V4, &ip), op >> 3);
		break;
	case 1:
		arp_drawn();
		break;
	case 2:
		poll_once(waits_ms[(op >> 3) % 9]);
		break;
	case 3:
		find();
		break;
	case 4:
		flood((op >> 3) * 48u);
		break;
	case 5:
		if ((op & 8) != 0)
			arp_raw();
		else if ((op & 0xf0) == 0xf0)
			neigh_flush(fz.t, drop, &fz);
		break;
	case 6:
		icmp();
		break;
	default:
		ip = addr_pick();
		ip.b[15] = 1;
		if ((op & 8) != 0)
			(void)resolve(IP_V6, &ip);
		else
			confirm(IP_V6, &ip, (const uint8_t[]){2, 0, 0, 0, 0, op});
		break;
	}
	if (neigh_count(fz.t) <= CHECK_ALL)
		FUZZ_CHECK(neigh_check(fz.t));
}

/** What nobody answers comes to its end: no entry in progress outlives its requests. */
static void
run_out(void)
{
	/* One that was looked up is asked for when it is no longer fresh, and needs its time after that. */
	for (unsigned int i = 0; i < 2 * NEIGH_FRESH_MS / 100; i++)
		poll_once(100);
	FUZZ_CHECK(neigh_check(fz.t));
	for (uint16_t i = 0; i < NEIGH_MAX; i++) {
		const struct neigh_entry *e = neigh_at(fz.t, i);

		FUZZ_REQUIRE(e->state == NEIGH_FREE || e->state == NEIGH_REACHABLE);
		FUZZ_REQUIRE(e->state == NEIGH_FREE || e->n_held == 0);
	}
	FUZZ_REQUIRE(fz.n_packets == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ip_addr ours = addr(1);
	void *mem = fuzz_alloc(neigh_size());

	fz = (struct fuzz){.in = {data, size}, .now = 1000};
	fz.t = neigh_init(mem, fuzz_u8(&fz.in));
	laddr_init(&fz.laddr);
	FUZZ_REQUIRE(laddr_add(&fz.laddr, IP_V4, &ours, 2, 24, NULL) == 0);
	for (unsigned int i = 0; i < STEPS_MAX && fz.in.left > 0; i++)
		step();
	FUZZ_CHECK(neigh_check(fz.t));
	run_out();
	neigh_flush(fz.t, drop, &fz);
	FUZZ_REQUIRE(neigh_count(fz.t) == 0);
	free(mem);
	return 0;
}
