/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands below TCP: ARP and the neighbours, ICMP. */
#include <string.h>

#include "wire/arp.h"
#include "wire/icmp.h"
#include "worker/worker.h"

/* ------------------------------------------------------------------ ARP */

static void
send_arp(struct ptcp_worker *w, struct rte_mbuf *m, const uint8_t dst[ETH_MAC_LEN])
{
	m->data_len = (uint16_t)(eth_build(rte_pktmbuf_mtod(m, uint8_t *), dst, w->mac,
						 ETH_TYPE_ARP, ETH_VLAN_NONE) +
			ARP_LEN);
	m->pkt_len = m->data_len;
	worker_count(w, COUNTER_ARP_OUT);
	tx_append(w, m);
}

/** The next hop at @p i has answered: send what waited for it. */
static void
release(struct ptcp_worker *w, uint16_t i)
{
	struct rte_mbuf *m;

	while ((m = neigh_take(w->neigh, i)) != NULL) {
		w->n_held--;
		memcpy(rte_pktmbuf_mtod(m, uint8_t *), neigh_at(w->neigh, i)->mac, ETH_MAC_LEN);
		tx_append(w, m);
	}
}

enum drop_reason
link_arp(struct ptcp_worker *w, const uint8_t *p, uint32_t len, const uint8_t eth_src[ETH_MAC_LEN])
{
	struct arp_view arp;
	struct rte_mbuf *m;
	uint16_t neigh = NEIGH_NONE;
	enum drop_reason reason = arp_parse(p, len, eth_src, &arp);

	if (reason != DROP_NONE)
		return reason;
	worker_count(w, COUNTER_ARP_IN);
	/* Nobody else may speak for one of our addresses, nor for everybody. */
	if (laddr_find(&w->laddr, IP_V4, &arp.spa) != LADDR_NONE ||
			laddr_is_broadcast(&w->laddr, &arp.spa))
		return DROP_ARP_BAD;
	if (!arp.probe)
		neigh = neigh_confirm(w->neigh, IP_V4, &arp.spa, arp.sha, w->ctx.now);
	if (neigh != NEIGH_NONE)
		release(w, neigh);
	if (arp.op == ARP_OP_REPLY)
		return neigh != NEIGH_NONE ? DROP_NONE : DROP_ARP_UNSOLICITED;
	if (laddr_find(&w->laddr, IP_V4, &arp.tpa) == LADDR_NONE)
		return neigh != NEIGH_NONE ? DROP_NONE : DROP_ARP_NOT_OURS;
	m = tx_header(w);
	if (m == NULL)
		return DROP_NO_MBUF;
	arp_build_reply(rte_pktmbuf_mtod_offset(m, uint8_t *, ETH_HDR_LEN), w->mac, &arp);
	send_arp(w, m, arp.sha);
	return DROP_NONE;
}

/** neigh_ask_t: who has it? To the MAC that we know when it is only to be confirmed. */
static void
ask(void *arg, const struct neigh_entry *e)
{
	static const uint8_t broadcast[ETH_MAC_LEN] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	struct ptcp_worker *w = arg;
	struct ip_addr spa;
	struct rte_mbuf *m;

	/* XXX: IPv6 asks by neighbour solicitation, which is not there yet: the entry fails after its probes. */
	if (e->family != IP_V4)
		return;
	m = tx_header(w);
	if (m == NULL)
		return;
	spa = laddr_get(&w->laddr, e->laddr);
	arp_build_request(rte_pktmbuf_mtod_offset(m, uint8_t *, ETH_HDR_LEN), w->mac, &spa, &e->ip);
	send_arp(w, m, e->state == NEIGH_PROBE ? e->mac : broadcast);
}

void
link_held_drop(void *arg, void *packet)
{
	struct ptcp_worker *w = arg;

	w->n_held--;
	worker_drop(w, DROP_NEIGH_FAILED);
	rte_pktmbuf_free(packet);
}

void
link_neighbours(struct ptcp_worker *w)
{
	if (w->ctx.now < w->neigh_when)
		return;
	w->neigh_when = w->ctx.now + WORKER_NEIGH_US;
	neigh_poll(w->neigh, w->ctx.now, ask, link_held_drop, w);
}

/* ------------------------------------------------------------------ ICMP */

/** One token a millisecond, WORKER_ICMP_BURST at most. */
static bool
echo_allowed(struct ptcp_worker *w)
{
	const uint32_t gone = w->ctx.now_ms - w->icmp_when;

	w->icmp_when = w->ctx.now_ms;
	w->icmp_tokens = gone < WORKER_ICMP_BURST - w->icmp_tokens ? w->icmp_tokens + gone :
								     WORKER_ICMP_BURST;
	if (w->icmp_tokens == 0)
		return false;
	w->icmp_tokens--;
	return true;
}

static enum drop_reason
echo(struct ptcp_worker *w, const uint8_t *l3, const struct ip_view *ip, uint16_t laddr)
{
	static const uint8_t unknown[ETH_MAC_LEN];
	struct rte_mbuf *m;
	uint8_t *p;
	uint32_t len;

	if (!echo_allowed(w))
		return DROP_ICMP_RATE;
	m = tx_header(w);
	if (m == NULL)
		return DROP_NO_MBUF;
	len = ETH_HDR_LEN + IP4_HDR_LEN + ip->payload_len;
	if (len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return DROP_NO_MBUF;
	}
	p = rte_pktmbuf_mtod(m, uint8_t *);
	p += eth_build(p, unknown, w->mac, ETH_TYPE_IPV4, ETH_VLAN_NONE);
	p += ip4_build(p, &ip->dst, &ip->src, IP_PROTO_ICMP, w->ip_id++, ip->payload_len, 0,
			IP_TTL_SENT);
	memcpy(p, l3 + ip->hdr_len, ip->payload_len);
	icmp4_echo_reply(p, ip->payload_len);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	worker_count(w, COUNTER_ICMP_ECHO);
	(void)tx_route(w, m, IP_V4, laddr, &ip->src, NEIGH_NONE);
	return DROP_NONE;
}

/** An error about a segment of ours; the core judges whether it is in flight, and counts. */
static enum drop_reason
icmp_error(struct ptcp_worker *w, const struct icmp_view *view, uint16_t laddr)
{
	const struct icmp_quote *q = &view->quote;
	struct tcp_seg from_peer = {
			.src = q->dst,
			.dst = q->src,
			.sport = q->dport,
			.dport = q->sport,
			.family = IP_V4,
			.laddr = laddr,
	};
	struct tcp_icmp icmp = {
			.quoted = {.src = q->src,
					.dst = q->dst,
					.sport = q->sport,
					.dport = q->dport,
					.seq = q->seq,
					.family = IP_V4,
					.laddr = laddr,
					.neigh = NEIGH_NONE},
			.hard = view->type == ICMP4_UNREACHABLE &&
					(view->code == ICMP4_UNREACH_PROTOCOL ||
							view->code == ICMP4_UNREACH_PORT),
			.too_big = view->type == ICMP4_UNREACHABLE &&
					view->code == ICMP4_UNREACH_FRAG_NEEDED,
			.mtu = view->mtu,
	};

	/* What was sent to another address of ours cannot be about this connection. */
	if (laddr_find(&w->laddr, IP_V4, &q->src) != laddr)
		return DROP_ICMP_QUOTE;
	tcp_hash(&w->ctx, &from_peer);
	icmp.quoted.hash = from_peer.hash;
	(void)tcp_icmp_arrives(&w->ctx, &icmp);
	return DROP_NONE;
}

enum drop_reason
link_icmp(struct ptcp_worker *w, const uint8_t *l3, const struct ip_view *ip, uint16_t laddr)
{
	struct icmp_view view;
	const enum drop_reason reason = icmp4_parse(l3 + ip->hdr_len, ip->payload_len, &view);

	if (reason != DROP_NONE)
		return reason;
	/* RFC 6633, RFC 9293 section 3.9.2.2: nobody is to slow down, nor to hear of it. */
	if (view.type == ICMP4_SOURCE_QUENCH)
		return DROP_ICMP_TYPE;
	return view.type == ICMP4_ECHO ? echo(w, l3, ip, laddr) : icmp_error(w, &view, laddr);
}
