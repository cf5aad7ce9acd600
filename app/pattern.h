/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pattern.h
 * The content that chargen, http and the client send: RFC 864's rotating lines of 72 characters and CRLF. The byte at an
 * offset depends on the offset alone, so equal lengths have equal hashes. It is sent without copying, from a few shared
 * mbufs. One worker's, not shared.
 */
#ifndef APP_PATTERN_H
#define APP_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"

/** 95 lines of 74 bytes, then it begins again. */
#define PATTERN_PERIOD 7030u
/** How many mbufs hold the same bytes; their reference counts have 16 bits, so one would not do for many connections. */
#define PATTERN_MBUFS 64u

struct rte_mempool;

struct pattern {
	struct rte_mempool *pool;
	struct rte_mbuf *mbufs[PATTERN_MBUFS];
	unsigned int turn;
};

/** @return 0, or -ENOMEM */
int pattern_init(struct pattern *pattern, const char *name, int socket_id);

/** @return references that somebody still holds */
uint32_t pattern_held(const struct pattern *pattern);

void pattern_free(struct pattern *pattern);

/**
 * Queue up to @p len bytes (1 or more) of the pattern from @p offset.
 * @return bytes accepted, or what ptcp_send() answers
 */
int64_t pattern_send(struct pattern *pattern, struct ptcp_worker *w, ptcp_conn_t c, uint64_t offset,
		uint64_t len);

/** Are @p len bytes those of the pattern from @p offset? */
bool pattern_equal(uint64_t offset, const uint8_t *data, uint32_t len);

#endif
