/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Half-open connections of listeners: what SYN-RECEIVED needs until the handshake's last ACK, in a record of one
 * cache line in place of a TCB. Their number is fixed by conf.max_half_open; they have a table and a timing wheel of their
 * own. A simultaneous open has a TCB all along and is not here.
 */
#ifndef PTCP_TCP_TCP_HALF_H
#define PTCP_TCP_TCP_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/drop.h"
#include "conn/table.h"
#include "time/clock.h"
#include "time/wheel.h"
#include "wire/seg.h"

struct tcp_ctx;
struct tcp_tcb;

/* tcp_half.opts: what was agreed on. */
#define HALF_TS   0x01 /**< timestamps (RFC 7323) */
#define HALF_WS   0x02 /**< window scaling (RFC 7323) */
#define HALF_SACK 0x04 /**< SACK (RFC 2018) */
#define HALF_ECN  0x08 /**< ECN (RFC 3168) */

/* tcp_half.flags: what is so. */
#define HALF_USED 0x01 /**< not in the pool's free list */
#define HALF_OOW  0x02 /**< t_oow is valid */
#define HALF_OWED 0x04 /**< SYN,ACK found no room among the replies: at the wheel's next turn */
#define HALF_DEAD                                                                                  \
	0x08 /**< ended and out of the table; RST is owed as above, then the record is free */
#define HALF_SENT  0x10 /**< SYN,ACK has left */
#define HALF_AGAIN 0x20 /**< more than once: no RTT sample without timestamps (Karn) */

struct tcp_half {
	struct conn_ident id; /**< id.aux: the listener */
	uint32_t iss;
	uint32_t irs;
	uint32_t rcv_adv; /**< right edge of the window as last advertised */
	uint32_t ts_recent;
	uint32_t t_sent;    /**< when the first SYN,ACK left: microseconds, low 32 bits */
	uint32_t waited_ms; /**< sum of the timeouts so far */
	time_ms_t t_rexmt;  /**< when SYN,ACK goes again */
	time_ms_t t_oow;    /**< when an unacceptable segment was last answered */
	struct wheel_node timer;
	uint16_t mss;   /**< as in the TCB: payload of a full segment */
	uint16_t wnd;   /**< the SYN's: it counts for MAX.SND.WND */
	uint8_t wscale; /**< high nibble: the peer's; low nibble: ours */
	uint8_t opts;   /**< HALF_TS .. HALF_ECN */
	uint8_t flags;  /**< HALF_USED .. HALF_AGAIN */
	uint8_t shift;  /**< backoff: timeouts, up to 32 */
} PTCP_CACHE_ALIGNED;

PTCP_STATIC_ASSERT(sizeof(struct tcp_half) == 64, "the budget of a half-open connection: one line");

/** The memory of @p max records, with what belongs to each (64-byte aligned parts). */
size_t tcp_half_size(uint32_t max, bool ipv6);

/** @param mem tcp_half_size() bytes, zeroed */
void tcp_half_init(struct tcp_ctx *ctx, void *mem);

/** @return the record's index, or PTCP_NIL */
uint32_t tcp_half_find(const struct tcp_ctx *ctx, uint32_t hash, const struct conn_key *k);

/** LISTEN has taken a SYN: a record, and SYN,ACK. A record must be free. iss_floor: tcp_listen_arrives(). */
void tcp_half_open(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint16_t listener,
		uint32_t iss_floor, bool has_floor);

/** SYN-RECEIVED of RFC 9293 section 3.10.7.4 for record @p index. */
enum drop_reason tcp_half_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t index);

/** An ICMP error that quotes the tuple of record @p index (RFC 5927). */
enum drop_reason tcp_half_icmp(struct tcp_ctx *ctx, uint32_t index, uint32_t seq, bool hard);

/** The listener closes: its half-open connections get a RST. */
void tcp_half_unlisten(struct tcp_ctx *ctx, uint16_t listener);

/** Deadlines, as wheel_advance(). */
uint32_t tcp_half_advance(struct tcp_ctx *ctx, uint32_t budget);

/**
 * What a TCB in SYN-RECEIVED would hold in the record's place, into a zeroed @p tcb; not its state, index, timer, block.
 */
void tcp_half_expand(const struct tcp_ctx *ctx, const struct tcp_half *h, struct tcp_tcb *tcb);

/** Invariants of all records: NULL or a static text. @p live: records that are not HALF_DEAD */
const char *tcp_half_check(const struct tcp_ctx *ctx, uint32_t *live);

#endif
