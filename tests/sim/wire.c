/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments in wire format: built and parsed by the library's own encoders, or with bits flipped in between. */
#include "sim.h"

#include <string.h>

#include "wire/cksum.h"
#include "wire/ip.h"
#include "wire/wire.h"

uint32_t
sim_frame_len(const struct sim_buf *f)
{
	const uint32_t ip = f->seg.family == IP_V6 ? IP6_HDR_LEN : IP4_HDR_LEN;

	return ip + tcp_hdr_len(&f->seg) + f->seg.payload.len;
}

uint16_t
sim_wire_build(struct sim_buf *f)
{
	const struct tcp_seg *seg = &f->seg;
	const uint32_t len = tcp_hdr_len(seg);
	const uint32_t ip_len = seg->family == IP_V6 ? IP6_HDR_LEN : IP4_HDR_LEN;
	uint8_t *tcp = f->data - len;
	uint8_t *ip = tcp - ip_len;
	const uint8_t tos = (uint8_t)(seg->dscp << 2 | seg->ecn);

	PTCP_ASSERT(len + ip_len <= SIM_HEADROOM);
	(void)tcp_build(tcp, seg);
	tcp_cksum_fill(tcp, len, seg, &seg->payload, seg->payload.len > 0);
	if (seg->family == IP_V6)
		(void)ip6_build(ip, &seg->src, &seg->dst, IP_PROTO_TCP, 0, len + seg->payload.len,
				tos, seg->ttl);
	else
		(void)ip4_build(ip, &seg->src, &seg->dst, IP_PROTO_TCP, f->ip_id,
				len + seg->payload.len, tos, seg->ttl);
	return (uint16_t)(ip_len + len);
}

/** One to three bits of one 16-bit word: no sum of such words stays the same. */
void
sim_wire_corrupt(struct sim_world *w, struct sim_buf *f)
{
	/* IPv6 has no sum over its header. */
	const uint32_t from = f->seg.family == IP_V6 ? IP6_HDR_LEN : 0;
	const uint32_t len = f->hdr_len + f->seg.payload.len;
	const uint32_t word = from + 2 * random_below(&w->rng_link, (len - from + 1) / 2);
	const uint32_t n = 1 + random_below(&w->rng_link, 3);
	uint8_t *p = f->data - f->hdr_len + word;
	uint8_t mask[2] = {0, 0};

	while (mask[0] == 0 && mask[1] == 0) {
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t bit = random_below(&w->rng_link, word + 1 < len ? 16 : 8);

			mask[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
	p[0] ^= mask[0];
	if (word + 1 < len)
		p[1] ^= mask[1];
	f->corrupt = true;
}

/** What was parsed is what was built. */
static void
same(struct sim_world *w, const struct tcp_seg *got, const struct ip_view *view,
		const struct sim_buf *f)
{
	const struct tcp_seg *want = &f->seg;
	const uint32_t n_sack = tcp_sack_fit(want);

	SIM_REQUIRE(w,
			got->family == want->family && ip_addr_equal(&got->src, &want->src) &&
					ip_addr_equal(&got->dst, &want->dst));
	SIM_REQUIRE(w, got->sport == want->sport && got->dport == want->dport);
	SIM_REQUIRE(w, got->seq == want->seq && got->wnd == want->wnd && got->flags == want->flags);
	SIM_REQUIRE(w, (want->flags & TCP_ACK) == 0 || got->ack == want->ack);
	SIM_REQUIRE(w, got->ecn == want->ecn && view->ttl == want->ttl);
	SIM_REQUIRE(w, got->payload.len == want->payload.len && got->payload.data == f->data);
	SIM_REQUIRE(w,
			(got->opts &
					(TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_OK |
							TCP_OPT_TS)) ==
					(want->opts &
							(TCP_OPT_MSS | TCP_OPT_WSCALE |
									TCP_OPT_SACK_OK |
									TCP_OPT_TS)));
	SIM_REQUIRE(w, (want->opts & TCP_OPT_MSS) == 0 || got->mss == want->mss);
	SIM_REQUIRE(w, (want->opts & TCP_OPT_WSCALE) == 0 || got->wscale == want->wscale);
	SIM_REQUIRE(w,
			(want->opts & TCP_OPT_TS) == 0 ||
					(got->ts_val == want->ts_val &&
							got->ts_ecr == want->ts_ecr));
	SIM_REQUIRE(w, got->n_sack == n_sack);
	for (uint32_t i = 0; i < n_sack; i++)
		SIM_REQUIRE(w,
				got->sack[i].left == want->sack[i].left &&
						got->sack[i].right == want->sack[i].right);
}

bool
sim_wire_parse(struct sim_world *w, struct sim_buf *f, struct tcp_seg *seg)
{
	uint8_t *ip = f->data - f->hdr_len;
	const uint32_t len = f->hdr_len + f->seg.payload.len;
	struct ip_view view;
	enum drop_reason reason;

	sim_count(w, SIM_STAT_WIRE);
	memset(seg, 0, sizeof(*seg));
	reason = f->seg.family == IP_V6 ? ip6_parse(ip, len, &view) :
					  ip4_parse(ip, len, false, &view);
	if (reason == DROP_NONE && view.proto != IP_PROTO_TCP)
		reason = DROP_IP_PROTO;
	if (reason == DROP_NONE)
		reason = wire_parse_tcp(ip, &view, false, seg);
	if (f->corrupt) {
		SIM_REQUIRE(w, reason != DROP_NONE);
		return false;
	}
	SIM_REQUIRE(w, reason == DROP_NONE);
	same(w, seg, &view, f);
	return true;
}
