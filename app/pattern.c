/* SPDX-License-Identifier: BSD-3-Clause */
#include "pattern.h"

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#define LINE_CHARS 72
#define LINE_BYTES 74
#define FIRST_CHAR ' '
#define CHARS      95
/* Two periods, so that a whole one starts at any phase. */
#define CONTENT (2 * PATTERN_PERIOD)
/* A mbuf with more references rests: the worker takes further ones for what is in flight, and 65,535 is the end. */
#define REFS_MAX  30000
#define SLICES    16
#define PROBE_LEN 1448

static uint8_t content[CONTENT];

static void
content_fill(void)
{
	for (unsigned int i = 0; i < CONTENT; i++) {
		unsigned int line = i / LINE_BYTES % CHARS, column = i % LINE_BYTES;

		if (column < LINE_CHARS)
			content[i] = (uint8_t)(FIRST_CHAR + (line + column) % CHARS);
		else
			content[i] = column == LINE_CHARS ? '\r' : '\n';
	}
}

int
pattern_init(struct pattern *pattern, const char *name, int socket_id)
{
	memset(pattern, 0, sizeof(*pattern));
	content_fill();
	pattern->pool = rte_pktmbuf_pool_create(name, PATTERN_MBUFS, 0, 0,
			(uint16_t)(RTE_PKTMBUF_HEADROOM + CONTENT), socket_id);
	if (pattern->pool == NULL)
		return -ENOMEM;
	if (rte_pktmbuf_alloc_bulk(pattern->pool, pattern->mbufs, PATTERN_MBUFS) != 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < PATTERN_MBUFS; i++)
		memcpy(rte_pktmbuf_append(pattern->mbufs[i], CONTENT), content, CONTENT);
	return 0;
}

uint32_t
pattern_held(const struct pattern *pattern)
{
	uint32_t held = 0;

	for (unsigned int i = 0; i < PATTERN_MBUFS; i++)
		if (pattern->mbufs[i] != NULL)
			held += (uint32_t)rte_mbuf_refcnt_read(pattern->mbufs[i]) - 1;
	return held;
}

void
pattern_free(struct pattern *pattern)
{
	if (pattern->pool == NULL)
		return;
	for (unsigned int i = 0; i < PATTERN_MBUFS; i++)
		rte_pktmbuf_free(pattern->mbufs[i]);
	rte_mempool_free(pattern->pool);
	memset(pattern, 0, sizeof(*pattern));
}

int64_t
pattern_send(struct pattern *pattern, struct ptcp_worker *w, ptcp_conn_t c, uint64_t offset,
		uint64_t len)
{
	struct rte_mbuf *mbuf = pattern->mbufs[pattern->turn];
	struct ptcp_buf slices[SLICES];
	uint32_t phase = (uint32_t)(offset % PATTERN_PERIOD), room = ptcp_send_room(w, c);
	int64_t accepted = 0;
	unsigned int n = 0;
	int sent;

	if (len > room)
		len = room != 0                 ? room :
				len < PROBE_LEN ? len :
						  PROBE_LEN; /* asks for `writable` */
	if (rte_mbuf_refcnt_read(mbuf) > REFS_MAX) {
		pattern->turn = (pattern->turn + 1) % PATTERN_MBUFS;
		mbuf = pattern->mbufs[pattern->turn];
		if (rte_mbuf_refcnt_read(mbuf) > REFS_MAX)
			return ptcp_send_copy(w, c, content + phase,
					len < PATTERN_PERIOD ? len : PATTERN_PERIOD);
	}
	while (n < SLICES && len != 0) {
		uint32_t piece = len < PATTERN_PERIOD ? (uint32_t)len : PATTERN_PERIOD;

		slices[n].owner = mbuf;
		slices[n].data = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, phase);
		slices[n++].len = piece;
		len -= piece;
	}
	rte_mbuf_refcnt_update(mbuf, (int16_t)n);
	sent = ptcp_send(w, c, slices, n);
	if (sent < (int)n)
		rte_mbuf_refcnt_update(mbuf, (int16_t)(sent < 0 ? -(int)n : sent - (int)n));
	for (int i = 0; i < sent; i++)
		accepted += slices[i].len;
	return sent < 0 ? sent : accepted;
}

bool
pattern_equal(uint64_t offset, const uint8_t *data, uint32_t len)
{
	uint32_t phase = (uint32_t)(offset % PATTERN_PERIOD);

	while (len > PATTERN_PERIOD) {
		if (memcmp(content + phase, data, PATTERN_PERIOD) != 0)
			return false;
		data += PATTERN_PERIOD;
		len -= PATTERN_PERIOD;
	}
	return memcmp(content + phase, data, len) == 0;
}
