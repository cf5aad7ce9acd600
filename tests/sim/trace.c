/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture at one end's interface: what it sends when it sends it, what it receives when it looks at it. */
#include "sim.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "wire/eth.h"

#define SNAPLEN 262144

struct sim_trace {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	unsigned int end;
};

struct sim_trace *
sim_trace_open(const char *path, unsigned int end, char *err, size_t err_size)
{
	struct sim_trace *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->end = end;
	t->pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	if (t->pcap == NULL) {
		snprintf(err, err_size, "pcap_open_dead failed");
		free(t);
		return NULL;
	}
	t->dumper = pcap_dump_open(t->pcap, path);
	if (t->dumper == NULL) {
		snprintf(err, err_size, "%s", pcap_geterr(t->pcap));
		pcap_close(t->pcap);
		free(t);
		return NULL;
	}
	return t;
}

void
sim_trace_frame(struct sim_trace *t, unsigned int end, time_us_t when, const struct sim_buf *f)
{
	static uint8_t packet[SNAPLEN];
	const uint8_t mac[SIM_ENDS][ETH_MAC_LEN] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
	const bool out = ip_addr_equal(&f->seg.src, &f->seg.dst) ? false : f->to != end;
	struct sim_buf *b;
	struct pcap_pkthdr h = {.ts = {.tv_sec = (time_t)(when / TIME_US_PER_SEC),
						.tv_usec = (suseconds_t)(when % TIME_US_PER_SEC)}};
	uint32_t len;

	if (end != t->end)
		return;
	/* Built anew: what the link does to the frame is none of the capture's. */
	b = sim_buf_new(f->seg.payload.len);
	b->seg = f->seg;
	b->ip_id = f->ip_id;
	memcpy(b->data, f->data, f->seg.payload.len);
	b->seg.payload.data = b->data;
	b->hdr_len = sim_wire_build(b);
	len = eth_build(packet, mac[out ? !end : end], mac[out ? end : !end],
			b->seg.family == IP_V6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4, ETH_VLAN_NONE);
	memcpy(packet + len, b->data - b->hdr_len, b->hdr_len + b->seg.payload.len);
	len += b->hdr_len + b->seg.payload.len;
	h.len = h.caplen = len;
	pcap_dump((u_char *)t->dumper, &h, packet);
	tcp_buf_free(b);
}

bool
sim_trace_close(struct sim_trace *t, char *err, size_t err_size)
{
	const bool ok = pcap_dump_flush(t->dumper) == 0;

	if (!ok)
		snprintf(err, err_size, "cannot write it all");
	pcap_dump_close(t->dumper);
	pcap_close(t->pcap);
	free(t);
	return ok;
}
