/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker and a peer made of single frames: what stands below TCP, and whatever the wire may bring. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "pmd.h"
#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp_hdr.h"

static struct pmd_pair pair;
static struct rte_mempool *pool;

static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

static struct ip_addr
ip(uint8_t last)
{
	const uint8_t b[4] = {10, 9, 0, last};
	uint32_t v;

	memcpy(&v, b, sizeof(v));
	return ip_addr_v4(v);
}

/* ------------------------------------------------------------------ frames */

/** The frame in segments cut at each of @p cut (ascending, ended by 0); equal cuts make an empty one. */
static struct rte_mbuf *
mbufs(const uint8_t *frame, uint32_t len, const uint32_t *cut)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	uint32_t at = 0;

	for (;;) {
		const uint32_t to = *cut != 0 && *cut < len ? *cut : len;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame + at, to - at);
		m->data_len = (uint16_t)(to - at);
		m->pkt_len = m->data_len;
		if (head == NULL)
			head = m;
		else
			last->next = m;
		if (head != m) {
			head->nb_segs++;
			head->pkt_len += m->data_len;
		}
		last = m;
		at = to;
		if (*cut == 0 || *cut >= len)
			return head;
		cut++;
	}
}

static const uint32_t whole[] = {0};

/** Give the worker a frame, and a turn. */
static void
give(const uint8_t *frame, uint32_t len, const uint32_t *cut)
{
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(pair.a.in, mbufs(frame, len, cut)), 0);
	ptcp_worker_poll(pair.a.w);
}

/** The next frame that the worker sent, in one piece. @return its length, 0: none */
static uint32_t
take(uint8_t frame[2048])
{
	struct rte_mbuf *m;
	void *p;
	uint32_t len;

	if (rte_ring_dequeue(pair.a.out, &p) != 0)
		return 0;
	m = p;
	len = m->pkt_len;
	CU_ASSERT_FATAL(len <= 2048);
	p = frame;
	memcpy(frame, rte_pktmbuf_read(m, 0, len, frame), len);
	rte_pktmbuf_free(m);
	return len;
}

static uint32_t
arp_request(uint8_t *frame, const struct ip_addr *spa, const struct ip_addr *tpa)
{
	const uint32_t l2 = eth_build(frame, broadcast, peer_mac, ETH_TYPE_ARP, ETH_VLAN_NONE);

	return l2 + arp_build_request(frame + l2, peer_mac, spa, tpa);
}

static uint32_t
ip_frame(uint8_t *frame, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
		const uint8_t *payload, uint32_t len)
{
	uint32_t at = eth_build(frame, pair.a.mac, peer_mac, ETH_TYPE_IPV4, ETH_VLAN_NONE);

	at += ip4_build(frame + at, src, dst, proto, 1, len, 0, 64);
	memcpy(frame + at, payload, len);
	return at + len;
}

static uint32_t
echo_frame(uint8_t *frame, const struct ip_addr *src, const struct ip_addr *dst, uint32_t n)
{
	uint8_t icmp[1500] = {ICMP4_ECHO};

	for (uint32_t i = 0; i < n; i++)
		icmp[ICMP4_HDR_LEN + i] = (uint8_t)i;
	be16_store(icmp + 2, cksum_finish(cksum_add(0, icmp, ICMP4_HDR_LEN + n)));
	return ip_frame(frame, src, dst, IP_PROTO_ICMP, icmp, ICMP4_HDR_LEN + n);
}

static uint32_t
tcp_frame(uint8_t *frame, const struct tcp_seg *seg, const uint8_t *payload, uint32_t n)
{
	static uint8_t tcp[9000];
	const uint32_t hdr_len = tcp_build(tcp, seg);
	const struct tcp_buf buf = {.data = tcp + hdr_len, .len = n};

	if (n > 0)
		memcpy(tcp + hdr_len, payload, n);
	tcp_cksum_fill(tcp, hdr_len, seg, &buf, n > 0);
	return ip_frame(frame, &seg->src, &seg->dst, IP_PROTO_TCP, tcp, hdr_len + n);
}

static struct tcp_seg
syn(void)
{
	return (struct tcp_seg){.src = ip(2),
			.dst = ip(1),
			.sport = 1000,
			.dport = 7,
			.seq = 12345,
			.flags = TCP_SYN,
			.wnd = 65535,
			.family = IP_V4};
}

/** Parse a frame that the worker sent as TCP; checksums are verified. */
static bool
parse_tcp(uint8_t *frame, uint32_t len, struct tcp_seg *seg)
{
	struct eth_view eth;
	struct ip_view view;

	if (eth_parse(frame, len, &eth) != DROP_NONE || eth.type != ETH_TYPE_IPV4)
		return false;
	if (ip4_parse(frame + 14, len - 14, false, &view) != DROP_NONE ||
			view.proto != IP_PROTO_TCP)
		return false;
	seg->src = view.src;
	seg->dst = view.dst;
	seg->family = IP_V4;
	return tcp_cksum_ok(frame + 14 + view.hdr_len, view.payload_len, seg) &&
			tcp_parse(frame + 14 + view.hdr_len, view.payload_len, seg) == DROP_NONE;
}

/** Make the worker know our MAC: it asks when it first has something for us. */
static void
answer_arp(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	uint8_t frame[2048];
	struct arp_view request;
	uint32_t l2;

	CU_ASSERT_EQUAL(take(frame), ETH_HDR_LEN + ARP_LEN);
	CU_ASSERT_EQUAL(arp_parse(frame + 14, ARP_LEN, frame + 6, &request), DROP_NONE);
	CU_ASSERT(ip_addr_equal(&request.spa, &a));
	CU_ASSERT(ip_addr_equal(&request.tpa, &b));
	l2 = eth_build(frame, pair.a.mac, peer_mac, ETH_TYPE_ARP, ETH_VLAN_NONE);
	give(frame, l2 + arp_build_reply(frame + l2, peer_mac, &request), whole);
}

static void
open_worker(void)
{
	pmd_open(&pair, NULL, true);
	CU_ASSERT_EQUAL(pmd_listen(&pair.a, 7), 0);
}

/* ------------------------------------------------------------------ ARP and ICMP */

static const uint32_t cuts[][8] = {
		{0},
		{1, 0},
		{13, 0},
		{14, 0},
		{33, 0},
		{34, 0},
		{53, 0},
		{1, 13, 14, 33, 34, 53, 0},
		{14, 14, 34, 34, 0},
};

static void
bad_input_15_split_frames_are_as_good_as_whole_ones(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	const struct tcp_seg seg = syn();
	uint8_t frame[2048], sent[2048];
	uint32_t len;

	open_worker();
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct tcp_seg answer;

		len = arp_request(frame, &b, &a);
		give(frame, len, cuts[i]);
		CU_ASSERT_EQUAL(take(sent), ETH_HDR_LEN + ARP_LEN);
		CU_ASSERT_EQUAL(memcmp(sent, peer_mac, 6), 0);
		CU_ASSERT_EQUAL(memcmp(sent + 14 + 8, pair.a.mac, 6), 0);
		len = echo_frame(frame, &b, &a, 1000);
		give(frame, len, cuts[i]);
		if (i == 0)
			answer_arp();
		CU_ASSERT_EQUAL(take(sent), len);
		CU_ASSERT_EQUAL(memcmp(sent + 42, frame + 42, 1000), 0);
		/* A SYN to a port where nobody listens, with text: RST. */
		struct tcp_seg other = seg;

		other.dport = 8;
		len = tcp_frame(frame, &other, (const uint8_t *)"text", 4);
		give(frame, len, cuts[i]);
		len = take(sent);
		CU_ASSERT(parse_tcp(sent, len, &answer));
		CU_ASSERT_EQUAL(answer.flags, TCP_RST | TCP_ACK);
		CU_ASSERT_EQUAL(answer.ack, seg.seq + 5);
		CU_ASSERT_EQUAL(take(sent), 0);
	}
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "mbuf_shape"), 0);
	pmd_close(&pair);
}

/** The header stands in memory that somebody else reads too: nothing may be written behind it. */
static void
bad_input_15_a_shared_first_segment_is_copied(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	const uint32_t cut[] = {20, 0};
	uint8_t frame[2048], before[64];

	open_worker();
	memset(before, 0x5A, sizeof(before));
	for (int attached = 0; attached < 2; attached++) {
		const uint32_t len = arp_request(frame, &b, &a);
		struct rte_mbuf *chain = mbufs(frame, len, cut);
		struct rte_mbuf *given = chain;

		memcpy(rte_pktmbuf_mtod_offset(chain, uint8_t *, 20), before, 64);
		if (attached)
			given = rte_pktmbuf_clone(chain, pool);
		else
			rte_pktmbuf_refcnt_update(chain, 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(given);
		CU_ASSERT_EQUAL(rte_ring_enqueue(pair.a.in, given), 0);
		ptcp_worker_poll(pair.a.w);
		CU_ASSERT_EQUAL(take(frame), ETH_HDR_LEN + ARP_LEN);
		CU_ASSERT_EQUAL(chain->nb_segs, 2);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(chain, uint8_t *, 20), before, 64),
				0);
		rte_pktmbuf_free(chain);
	}
	CU_ASSERT_EQUAL(rte_mempool_avail_count(pool), pool->size);
	pmd_close(&pair);
}

static void
bad_input_14_arp_that_nobody_wants(void)
{
	const struct ip_addr a = ip(1), b = ip(2), other = ip(3), everybody = ip(255);
	uint8_t frame[2048];
	uint32_t len;
	struct arp_view reply = {.spa = ip(1)};

	open_worker();
	len = arp_request(frame, &b, &other);
	give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "arp_not_ours"), 1);
	len = arp_request(frame, &a, &b); /* in our name */
	give(frame, len, whole);
	len = arp_request(frame, &everybody, &a);
	give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "arp_bad"), 2);
	memcpy(reply.sha, pair.a.mac, 6);
	reply.tpa = b;
	len = eth_build(frame, pair.a.mac, peer_mac, ETH_TYPE_ARP, ETH_VLAN_NONE);
	len += arp_build_reply(frame + len, peer_mac, &reply);
	give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "arp_unsolicited"), 1);
	give(frame, 20, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "arp_bad"), 3);
	frame[0] ^= 2; /* for another station */
	give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "eth_not_ours"), 1);
	CU_ASSERT_EQUAL(take(frame), 0);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "neighbour_held"), 0);
	pmd_close(&pair);
}

static void
echo_replies_are_limited(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	uint8_t frame[2048], sent[2048];
	uint64_t start;
	uint32_t len, n = 0;
	uint64_t dropped;

	open_worker();
	start = ptcp_now_us(pair.a.w);
	len = echo_frame(frame, &b, &a, 10);
	give(frame, len, whole);
	answer_arp();
	while (take(sent) != 0)
		n++;
	CU_ASSERT_EQUAL(n, 1);
	for (unsigned int i = 0; i < 10000; i++) {
		give(frame, len, whole);
		while (take(sent) != 0)
			n++;
	}
	dropped = pmd_drop(&pair.a, "icmp_rate");
	CU_ASSERT_EQUAL(n + dropped, 10001);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "icmp_echo"), n);
	/* At most the bucket, and one for each millisecond since. */
	CU_ASSERT(n >= 64);
	CU_ASSERT(n <= 65 + (ptcp_now_us(pair.a.w) - start) / 1000);
	pmd_close(&pair);
}

static void
what_waits_for_a_next_hop_is_bounded_and_dropped(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	uint8_t frame[2048];
	uint32_t len;

	open_worker();
	len = echo_frame(frame, &b, &a, 10);
	for (unsigned int i = 0; i < 20; i++)
		give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "neighbour_held"), 16);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "neigh_full"), 4);
	CU_ASSERT_EQUAL(take(frame), ETH_HDR_LEN + ARP_LEN);
	CU_ASSERT_EQUAL(take(frame), 0);
	/* Nobody answers: asked again each second, then the packets are given up. */
	while (pmd_drop(&pair.a, "neigh_failed") == 0 && ptcp_now_us(pair.a.w) < 3600000000u)
		ptcp_worker_poll(pair.a.w);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "neigh_failed"), 16);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "arp_out"), 3);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "neighbour_held"), 0);
	while (take(frame) != 0)
		;
	pmd_close(&pair);
}

/* ------------------------------------------------------------------ IP and TCP */

static void
bad_input_08_wrong_checksums(void)
{
	const struct tcp_seg seg = syn();
	uint8_t frame[2048];
	uint32_t len = tcp_frame(frame, &seg, NULL, 0);
	struct rte_mbuf *m;

	open_worker();
	frame[50] ^= 1; /* the TCP checksum */
	give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "tcp_cksum"), 1);
	/* A flag that says "good" counts only where the port was asked to verify. */
	m = mbufs(frame, len, whole);
	m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	CU_ASSERT_EQUAL(rte_ring_enqueue(pair.a.in, m), 0);
	ptcp_worker_poll(pair.a.w);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "tcp_cksum"), 2);
	frame[50] ^= 1;
	frame[24] ^= 1; /* the IP checksum */
	give(frame, len, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "ip_cksum"), 1);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "segments_in"), 0);
	CU_ASSERT_EQUAL(take(frame), 0);
	pmd_close(&pair);
}

static void
bad_input_10_sources_that_are_nobody(void)
{
	static const struct {
		uint8_t src[4], dst[4];
		const char *drop;
	} bad[] = {
			{{10, 9, 0, 1}, {10, 9, 0, 1}, "ip_land"},
			{{10, 9, 0, 255}, {10, 9, 0, 1}, "ip_src"},
			{{255, 255, 255, 255}, {10, 9, 0, 1}, "ip_src"},
			{{224, 0, 0, 1}, {10, 9, 0, 1}, "ip_src"},
			{{127, 0, 0, 1}, {10, 9, 0, 1}, "ip_src"},
			{{0, 0, 0, 0}, {10, 9, 0, 1}, "ip_src"},
			{{10, 9, 0, 2}, {10, 9, 0, 3}, "ip_not_ours"},
			{{10, 9, 0, 2}, {10, 9, 0, 255}, "ip_not_ours"},
			{{10, 9, 0, 2}, {224, 0, 0, 1}, "ip_not_ours"},
	};
	uint8_t frame[2048];

	open_worker();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tcp_seg seg = syn();
		uint64_t before = pmd_drop(&pair.a, bad[i].drop);
		uint32_t v;

		memcpy(&v, bad[i].src, 4);
		seg.src = ip_addr_v4(v);
		memcpy(&v, bad[i].dst, 4);
		seg.dst = ip_addr_v4(v);
		give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
		CU_ASSERT_EQUAL(pmd_drop(&pair.a, bad[i].drop), before + 1);
	}
	/* In a group's frame not even a good segment is taken. */
	{
		struct tcp_seg seg = syn();
		const uint32_t len = tcp_frame(frame, &seg, NULL, 0);

		memcpy(frame, broadcast, 6);
		give(frame, len, whole);
		CU_ASSERT_EQUAL(pmd_drop(&pair.a, "eth_not_ours"), 1);
	}
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "segments_in"), 0);
	CU_ASSERT_EQUAL(take(frame), 0);
	pmd_close(&pair);
}

static void
a_vlan_tag_and_foreign_protocols(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	uint8_t frame[2048] = {0};

	open_worker();
	eth_build(frame, pair.a.mac, peer_mac, ETH_TYPE_IPV4, 5);
	give(frame, 60, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "vlan_unexpected"), 1);
	eth_build(frame, pair.a.mac, peer_mac, 0x88CC, ETH_VLAN_NONE);
	give(frame, 60, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "eth_type"), 1);
	give(frame, 13, whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "eth_short"), 1);
	give(frame, ip_frame(frame, &b, &a, 17, frame, 30), whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "ip_proto"), 1);
	CU_ASSERT_EQUAL(take(frame), 0);
	pmd_close(&pair);
}

/** An ICMP error of @p type and @p code that quotes @p seg, for our address. */
static uint32_t
icmp_error_frame(uint8_t *frame, uint8_t type, uint8_t code, const struct tcp_seg *seg,
		const struct ip_addr *to)
{
	const struct ip_addr router = ip(254);
	uint8_t icmp[ICMP4_HDR_LEN + IP4_HDR_LEN + 20] = {type, code}, tcp[60];
	uint32_t at = ICMP4_HDR_LEN;

	at += ip4_build(icmp + at, &seg->src, &seg->dst, IP_PROTO_TCP, 1, 20, 0, 64);
	(void)tcp_build(tcp, seg);
	memcpy(icmp + at, tcp, 20);
	be16_store(icmp + 2, cksum_finish(cksum_add(0, icmp, sizeof(icmp))));
	return ip_frame(frame, &router, to, IP_PROTO_ICMP, icmp, sizeof(icmp));
}

static void
bad_input_39_icmp_errors(void)
{
	const struct ip_addr a = ip(1), elsewhere = ip(9);
	uint8_t frame[2048];
	struct pmd_conn *conn;
	struct tcp_seg seg = {0};

	open_worker();
	CU_ASSERT_EQUAL(ptcp_addr_add(pair.a.w,
					&(struct ptcp_addr){.family = 4, .ip = {10, 9, 0, 9}}, 1,
					24, NULL),
			0);
	CU_ASSERT_EQUAL(ptcp_addr_parse("10.9.0.2", &pair.b.addr), 0);
	conn = pmd_connect(&pair.a, &pair.b, 99, NULL);
	ptcp_worker_poll(pair.a.w);
	answer_arp();
	CU_ASSERT(parse_tcp(frame, take(frame), &seg));
	CU_ASSERT_EQUAL(seg.flags, TCP_SYN);
	/* Not in flight; to another address of ours; soft. */
	seg.seq += 1000;
	give(frame, icmp_error_frame(frame, 3, 3, &seg, &a), whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "icmp_quote"), 1);
	seg.seq -= 1000;
	give(frame, icmp_error_frame(frame, 3, 3, &seg, &elsewhere), whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "icmp_quote"), 2);
	seg.src = elsewhere;
	give(frame, icmp_error_frame(frame, 3, 3, &seg, &a), whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "icmp_quote"), 3);
	seg.src = a;
	give(frame, icmp_error_frame(frame, 3, 1, &seg, &a), whole);
	CU_ASSERT_EQUAL(conn->n_trouble, 1);
	CU_ASSERT_EQUAL(conn->reason, PTCP_REASON_UNREACHABLE);
	/* Source quench: not even told. */
	give(frame, icmp_error_frame(frame, 4, 0, &seg, &a), whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "icmp_type"), 1);
	CU_ASSERT_EQUAL(conn->n_trouble, 1);
	CU_ASSERT_EQUAL(conn->n_closed, 0);
	give(frame, icmp_error_frame(frame, 3, 3, &seg, &a), whole);
	CU_ASSERT_EQUAL(conn->n_closed, 1);
	CU_ASSERT_EQUAL(conn->reason, PTCP_REASON_UNREACHABLE);
	while (take(frame) != 0)
		;
	pmd_close(&pair);
}

static void
a_far_peer_without_a_gateway_gets_no_answer(void)
{
	struct tcp_seg seg = syn();
	uint8_t frame[2048];

	open_worker();
	seg.src.b[0] = 11;
	seg.dport = 8;
	give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "no_route"), 1);
	CU_ASSERT_EQUAL(take(frame), 0);
	pmd_close(&pair);
}

/** Handshake with the worker's listener; @p seg becomes the next segment that we may send. */
static void
connect_to_worker(struct tcp_seg *seg)
{
	struct tcp_seg answer;
	uint8_t frame[2048];

	*seg = syn();
	give(frame, tcp_frame(frame, seg, NULL, 0), whole);
	answer_arp();
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.flags, TCP_SYN | TCP_ACK);
	seg->flags = TCP_ACK;
	seg->seq++;
	seg->ack = answer.seq + 1;
	give(frame, tcp_frame(frame, seg, NULL, 0), whole);
	CU_ASSERT_EQUAL_FATAL(pair.a.n_conns, 1);
}

static bool
nothing_open(const struct pmd_pair *p)
{
	return p->a.conn[0].n_closed == 1;
}

static void
abort_and_close(void)
{
	uint8_t frame[2048];

	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, pair.a.conn[0].c), 0);
	CU_ASSERT(pmd_until(&pair, nothing_open));
	while (take(frame) != 0)
		;
	pmd_close(&pair);
}

static void
short_payload_is_copied_and_long_payload_chained(void)
{
	static const uint32_t sizes[] = {1, 256, 257, 500};
	uint8_t frame[2048], data[1000];
	struct tcp_seg seg, answer;

	open_worker();
	connect_to_worker(&seg);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = pmd_pattern(i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const uint32_t n = sizes[i];

		CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, pair.a.conn[0].c, data, n), (int)n);
		ptcp_worker_poll(pair.a.w);
		CU_ASSERT_EQUAL(pmd_used(&pair.a, "mbuf_indirect"), n > 256);
		CU_ASSERT(parse_tcp(frame, take(frame), &answer));
		CU_ASSERT_EQUAL(answer.seq, seg.ack);
		CU_ASSERT_EQUAL(answer.payload.len, n);
		CU_ASSERT_EQUAL(memcmp(answer.payload.data, data, n), 0);
		seg.ack += n;
		give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	}
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "mbuf_tx"), 0);
	abort_and_close();
}

#define IP_TOS 15 /* in a frame */
#define IP_TTL 22

/** RFC 3168: ECT(0) on text alone, and CE of a received packet reaches the core. */
static void
ecn_bits_on_the_wire(void)
{
	struct tcp_seg seg = syn(), answer;
	uint8_t frame[2048], text[100] = {0};
	uint32_t len;

	open_worker();
	seg.flags = TCP_SYN | TCP_ECE | TCP_CWR;
	give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	answer_arp();
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.flags, TCP_SYN | TCP_ACK | TCP_ECE);
	CU_ASSERT_EQUAL(frame[IP_TOS], 0);
	seg.flags = TCP_ACK;
	seg.seq++;
	seg.ack = answer.seq + 1;
	give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, pair.a.conn[0].c, text, 100), 100);
	ptcp_worker_poll(pair.a.w);
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(frame[IP_TOS], 2);
	seg.ack += 100;
	len = tcp_frame(frame, &seg, text, 100);
	frame[IP_TOS] = 3;
	be16_store(frame + 24, 0);
	be16_store(frame + 24, cksum_finish(cksum_words(frame + 14, 5)));
	give(frame, len, whole);
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.flags, TCP_ACK | TCP_ECE);
	CU_ASSERT_EQUAL(frame[IP_TOS], 0);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "ce_in"), 1);
	abort_and_close();
}

/** RFC 9293 sections 3.9.1.9 and 3.9.2: the application chooses DSCP and TTL, for SYN,ACK, text, ACK and RST. */
static void
dscp_and_ttl_are_the_users(void)
{
	struct tcp_seg seg, answer;
	struct ptcp_conf conf;
	uint8_t frame[2048];
	uint32_t value;

	pmd_conf(&conf);
	conf.dscp = 10;
	conf.ttl = 33;
	pmd_open(&pair, &conf, true);
	CU_ASSERT(pmd_listen(&pair.a, 7) >= 0);
	seg = syn();
	give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	answer_arp();
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.flags, TCP_SYN | TCP_ACK);
	CU_ASSERT_EQUAL(frame[IP_TOS], 10 << 2);
	CU_ASSERT_EQUAL(frame[IP_TTL], 33);
	seg.flags = TCP_ACK;
	seg.seq++;
	seg.ack = answer.seq + 1;
	give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	CU_ASSERT_EQUAL_FATAL(pair.a.n_conns, 1);
	CU_ASSERT_EQUAL(ptcp_get(pair.a.w, pair.a.conn[0].c, PTCP_DSCP, &value), 0);
	CU_ASSERT_EQUAL(value, 10);
	CU_ASSERT_EQUAL(ptcp_set(pair.a.w, pair.a.conn[0].c, PTCP_DSCP, 46), 0);
	CU_ASSERT_EQUAL(ptcp_set(pair.a.w, pair.a.conn[0].c, PTCP_TTL, 255), 0);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, pair.a.conn[0].c, "text", 4), 4);
	ptcp_worker_poll(pair.a.w);
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.payload.len, 4);
	CU_ASSERT_EQUAL(frame[IP_TOS], 46 << 2);
	CU_ASSERT_EQUAL(frame[IP_TTL], 255);
	/* A segment of no connection is answered as the worker was told. */
	seg.dport = 8;
	give(frame, tcp_frame(frame, &seg, NULL, 0), whole);
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.flags, TCP_RST);
	CU_ASSERT_EQUAL(frame[IP_TOS], 10 << 2);
	CU_ASSERT_EQUAL(frame[IP_TTL], 33);
	abort_and_close();
}

static void
find_rx_pool(struct rte_mempool *mp, void *arg)
{
	/* Pools of earlier tests are gone: their ports were stopped. The other port's has a higher number. */
	if (strncmp(mp->name, "ptcp_rx", 7) == 0 && *(struct rte_mempool **)arg == NULL)
		*(struct rte_mempool **)arg = mp;
}

/** The pool that the worker receives into becomes the one that the test makes packets from. @return the test's own */
static struct rte_mempool *
feed_from_rx_pool(void)
{
	struct rte_mempool *own = pool, *rx = NULL;

	rte_mempool_walk(find_rx_pool, &rx);
	if (rx == NULL || rx->size != 3072)
		CU_FAIL_FATAL("not the receive pool");
	pool = rx;
	return own;
}

/** Connect from one port more than the last time, and send @p n segments of @p len bytes that nobody reads. */
static void
connect_and_send(unsigned int number, struct tcp_seg *seg, const uint8_t *text, uint32_t len,
		unsigned int n)
{
	struct tcp_seg answer;
	uint8_t frame[2048];

	*seg = syn();
	seg->sport = (uint16_t)(seg->sport + number);
	give(frame, tcp_frame(frame, seg, NULL, 0), whole);
	if (number == 0)
		answer_arp();
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.flags, TCP_SYN | TCP_ACK);
	seg->flags = TCP_ACK;
	seg->seq++;
	seg->ack = answer.seq + 1;
	for (unsigned int i = 0; i < n; i++) {
		give(frame, tcp_frame(frame, seg, text, len), whole);
		seg->seq += len;
		while (take(frame) != 0)
			;
	}
}

static bool
all_over(const struct pmd_pair *p)
{
	for (unsigned int i = 0; i < p->a.n_conns; i++)
		if (p->a.conn[i].n_closed == 0)
			return false;
	return true;
}

static void
abort_all_and_close(void)
{
	uint8_t frame[2048];

	for (unsigned int i = 0; i < pair.a.n_conns; i++)
		CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, pair.a.conn[i].c), 0);
	CU_ASSERT(pmd_until(&pair, all_over));
	while (take(frame) != 0)
		;
	pmd_close(&pair);
}

/** 300 bytes a segment, and nobody reads: they must not take every receive mbuf. */
static void
bad_input_40_unread_bytes_leave_half_of_the_rx_pool(void)
{
	enum { CONNS = 10, SEGS = 200, LEN = 300 };
	struct rte_mempool *own;
	uint8_t text[LEN], got[LEN];
	struct tcp_seg seg;

	for (uint32_t i = 0; i < LEN; i++)
		text[i] = pmd_pattern(i);
	open_worker();
	pair.a.accept_as.no_read = true;
	own = feed_from_rx_pool();
	for (unsigned int c = 0; c < CONNS; c++)
		connect_and_send(c, &seg, text, LEN, SEGS);
	pool = own;
	CU_ASSERT_EQUAL_FATAL(pair.a.n_conns, CONNS);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "tcp_no_block"), 0);
	CU_ASSERT(pmd_used(&pair.a, "mbuf_rx") >= 3072 / 2);
	CU_ASSERT(pmd_used(&pair.a, "mbuf_rx") <= 3072 / 2 + 2);
	CU_ASSERT(pmd_used(&pair.a, "mbuf_tx") >= 10);
	for (unsigned int c = 0; c < CONNS; c++) {
		for (unsigned int i = 0; i < SEGS; i++) {
			CU_ASSERT_EQUAL(ptcp_recv_copy(pair.a.w, pair.a.conn[c].c, got, LEN), LEN);
			CU_ASSERT_EQUAL(memcmp(got, text, LEN), 0);
		}
	}
	abort_all_and_close();
}

/** Text cut anywhere, empty segments in between: the reader gets the same octets. */
static void
bad_input_15_text_in_pieces(void)
{
	uint8_t text[1000], frame[2048], got[1000];
	struct tcp_seg seg;
	uint64_t at = 0;

	for (uint32_t i = 0; i < sizeof(text); i++)
		text[i] = pmd_pattern(i);
	open_worker();
	pair.a.accept_as.no_read = true;
	connect_and_send(0, &seg, NULL, 0, 1);
	for (uint32_t c = 1; c < 1040; c += 3) {
		const uint32_t cut[] = {c, c, c + 1, c + 7, c + 7, 0};
		const uint32_t len = tcp_frame(frame, &seg, text, sizeof(text));

		give(frame, len, cut);
		seg.seq += sizeof(text);
		while (take(frame) != 0)
			;
		CU_ASSERT_EQUAL(ptcp_recv_copy(pair.a.w, pair.a.conn[0].c, got, sizeof(got)),
				sizeof(got));
		CU_ASSERT_EQUAL(memcmp(got, text, sizeof(got)), 0);
		at += sizeof(text);
	}
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "bytes_in"), at);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "mbuf_shape"), 0);
	abort_all_and_close();
}

/** More than an mbuf of this port can hold: dropped and counted, and the connection goes on. */
static void
bad_input_15_jumbo_chain(void)
{
	static uint8_t text[8000], frame[10000];
	const uint32_t cut[] = {2000, 4000, 6000, 8000, 0};
	struct tcp_seg seg;
	uint8_t small[2048], got[10];

	open_worker();
	pair.a.accept_as.no_read = true;
	connect_and_send(0, &seg, NULL, 0, 1);
	give(frame, tcp_frame(frame, &seg, text, sizeof(text)), cut);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "mbuf_shape"), 1);
	CU_ASSERT_EQUAL(take(small), 0);
	give(small, tcp_frame(small, &seg, (const uint8_t *)"0123456789", 10), whole);
	CU_ASSERT_EQUAL(ptcp_recv_copy(pair.a.w, pair.a.conn[0].c, got, 10), 10);
	CU_ASSERT_EQUAL(memcmp(got, "0123456789", 10), 0);
	abort_all_and_close();
}

/** Ten bytes a segment, and nobody reads: one byte must not pin 2 kB. */
static void
bad_input_32_small_segments_unread_share_mbufs(void)
{
	const uint8_t *text = (const uint8_t *)"0123456789";
	struct tcp_seg seg, answer;
	struct rte_mempool *own;
	struct ptcp_info info;
	struct ptcp_buf buf, part;
	uint8_t frame[2048], got[10];

	open_worker();
	pair.a.accept_as.no_read = true;
	own = feed_from_rx_pool();
	connect_and_send(0, &seg, text, 10, 5000);
	/* Once more what was received: what the core does not want goes back. */
	seg.seq -= 10;
	give(frame, tcp_frame(frame, &seg, text, 10), whole);
	seg.seq += 10;
	while (take(frame) != 0)
		;
	pool = own;
	CU_ASSERT_EQUAL(ptcp_info(pair.a.w, pair.a.conn[0].c, &info), 0);
	CU_ASSERT_EQUAL(info.unread, 50000);
	CU_ASSERT(pmd_used(&pair.a, "mbuf_rx") <= 30);
	CU_ASSERT(pmd_used(&pair.a, "node") <= 30);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "mbuf_tx"), 0);
	for (unsigned int i = 0; i < 4000; i++) {
		CU_ASSERT_EQUAL(ptcp_recv_copy(pair.a.w, pair.a.conn[0].c, got, 10), 10);
		CU_ASSERT_EQUAL(memcmp(got, text, 10), 0);
	}
	/* A slice whose mbuf goes on with other bytes must not grow over them. */
	CU_ASSERT_EQUAL_FATAL(ptcp_recv(pair.a.w, pair.a.conn[0].c, &buf, 1), 1);
	CU_ASSERT_FATAL(buf.len > 10);
	rte_mbuf_refcnt_update(buf.owner, 1);
	part = (struct ptcp_buf){buf.owner, buf.data, 10};
	CU_ASSERT_EQUAL(ptcp_send(pair.a.w, pair.a.conn[0].c, &part, 1), 1);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, pair.a.conn[0].c, "X", 1), 1);
	ptcp_worker_poll(pair.a.w);
	CU_ASSERT(parse_tcp(frame, take(frame), &answer));
	CU_ASSERT_EQUAL(answer.payload.len, 11);
	CU_ASSERT_EQUAL(memcmp(answer.payload.data, "0123456789X", 11), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(ptcp_recv_copy(pair.a.w, pair.a.conn[0].c, got, 10), 10);
		CU_ASSERT_EQUAL(memcmp(got, text, 10), 0);
	}
	abort_all_and_close();
}

/** Nothing that was sent may get lost in silence when the port takes no more. */
static void
a_full_transmit_queue_waits(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	uint8_t frame[2048];
	uint32_t n = 0, len;

	open_worker();
	len = arp_request(frame, &b, &a);
	/* The ring towards us takes 2,047, and the worker keeps up to 512 more for the next turns. */
	for (unsigned int i = 0; i < 3000; i++) {
		frame[14 + 17] = (uint8_t)(2 + i % 250); /* who asks */
		give(frame, len, whole);
	}
	CU_ASSERT(pmd_drop(&pair.a, "tx_full") >= 3000 - 2047 - 512);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "mbuf_tx") + pmd_drop(&pair.a, "tx_full"), 3000);
	/* Room for 100, then for all: each once, in order. */
	for (uint32_t room = 100; take(frame) != 0; n++) {
		if (pmd_drop(&pair.a, "tx_full") == 3000 - 2047 - 512)
			CU_ASSERT_EQUAL(frame[14 + 27], 2 + n % 250);
		if (--room == 0) {
			ptcp_worker_poll(pair.a.w);
			room = 1000;
		}
	}
	CU_ASSERT_EQUAL(n + pmd_drop(&pair.a, "tx_full"), 3000);
	pmd_close(&pair);
}

static void
a_port_that_takes_nothing_does_not_keep_mbufs(void)
{
	const struct ip_addr a = ip(1), b = ip(2);
	uint8_t frame[2048];
	uint32_t len;

	open_worker();
	len = arp_request(frame, &b, &a);
	for (unsigned int i = 0; i < 2047 + 3; i++)
		give(frame, len, whole);
	while (pmd_used(&pair.a, "mbuf_tx") > 2047 && ptcp_now_us(pair.a.w) < 3600000000u)
		ptcp_worker_poll(pair.a.w);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "mbuf_tx"), 2047);
	CU_ASSERT_EQUAL(pmd_drop(&pair.a, "tx_full"), 3);
	while (take(frame) != 0)
		;
	/* And it goes on at once when the port does. */
	give(frame, arp_request(frame, &b, &a), whole);
	CU_ASSERT_EQUAL(take(frame), ETH_HDR_LEN + ARP_LEN);
	pmd_close(&pair);
}

static CU_TestInfo tests[] = {
		TEST(bad_input_15_split_frames_are_as_good_as_whole_ones),
		TEST(bad_input_15_a_shared_first_segment_is_copied),
		TEST(bad_input_14_arp_that_nobody_wants),
		TEST(echo_replies_are_limited),
		TEST(what_waits_for_a_next_hop_is_bounded_and_dropped),
		TEST(bad_input_08_wrong_checksums),
		TEST(bad_input_10_sources_that_are_nobody),
		TEST(a_vlan_tag_and_foreign_protocols),
		TEST(bad_input_39_icmp_errors),
		TEST(a_far_peer_without_a_gateway_gets_no_answer),
		TEST(ecn_bits_on_the_wire),
		TEST(dscp_and_ttl_are_the_users),
		TEST(short_payload_is_copied_and_long_payload_chained),
		TEST(bad_input_40_unread_bytes_leave_half_of_the_rx_pool),
		TEST(bad_input_15_text_in_pieces),
		TEST(bad_input_15_jumbo_chain),
		TEST(bad_input_32_small_segments_unread_share_mbufs),
		TEST(a_full_transmit_queue_waits),
		TEST(a_port_that_takes_nothing_does_not_keep_mbufs),
		CU_TEST_INFO_NULL,
};

int
main(void)
{
	static const char *const vdevs[] = {NULL};

	pmd_eal(vdevs);
	pool = rte_pktmbuf_pool_create(
			"peer", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		return EXIT_FAILURE;
	return test_run("frames", tests);
}
