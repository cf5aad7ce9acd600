/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file SYN cookies (RFC 4987 section 3.6): an ISN that holds what a half-open record would, so that no record is needed.
 *
 * ISS, from the top: 28 bits of MAC, then 4 bits under a mask: the parity of the time step and an index into a table of 8
 * MSS. The MAC covers tuple, IRS, time step, MSS index and what the timestamp carries. A cookie is good in the step of
 * 64 s that it was sent in and in the next. At any time 16 of the 2^32 numbers are good for a tuple and IRS (8 MSS, 2 steps),
 * so a forger needs 2^28 ACKs on the average for one connection; with timestamps he must also guess an echo of the last two
 * minutes. The mask is a keyed hash of tuple and IRS, so that an ISN shows nobody anything (RFC 6528).
 *
 * With timestamps the low 6 bits of SYN,ACK's TSval carry the peer's window scale (15: none), SACK and ECN. The value is
 * never ahead of the connection's clock and less than 64 ms behind it: what follows is never older (RFC 7323 section 4.1).
 * Without timestamps there is neither window scaling nor SACK nor ECN.
 *
 * Keys: one for each epoch of 64 steps (68 minutes), SipHash-2-4 of the epoch's number under the secret of the ISNs. The core
 * has no randomness of its own, and needs none: SipHash is a PRF, so who does not hold the secret (128 bits from
 * getrandom(2)) cannot tell the keys from independent random ones, and no number of cookies of one epoch, nor its key, says
 * anything about the next epoch's or the secret's. What rotation bounds is how much is ever seen under one key, and for how
 * long a broken one is of use. A cookie's key follows from its step, so the old key serves for the one step after its epoch
 * and no longer. Inputs under the secret differ in length from those of the ISNs, and SipHash covers the length.
 */
#ifndef PTCP_TCP_TCP_COOKIE_H
#define PTCP_TCP_TCP_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/drop.h"
#include "base/siphash.h"
#include "wire/seg.h"

#define TCP_COOKIE_STEP_MS   64000 /**< a cookie lives for one to two of these */
#define TCP_COOKIE_KEY_STEPS 64    /**< steps of an epoch */
#define TCP_COOKIE_TS_BITS   6     /**< low bits of TSval that carry options */

struct tcp_ctx;

struct tcp_cookie_keys {
	uint64_t epoch;
	struct siphash_key key[2]; /**< of epoch e in key[e & 1]: this epoch's and the last one's */
};

/** What a cookie says. */
struct tcp_cookie {
	uint64_t step; /**< in which it was sent */
	uint32_t mss;  /**< index into the table */
	uint32_t ts;   /**< low bits of TSval; one more bit: no timestamps */
};

/** What a record of the peer's SYN would know. */
struct tcp_cookie_syn {
	uint32_t irs;
	uint32_t rcv_adv;   /**< right edge of the window that we may have told */
	uint32_t ts_recent; /**< of no meaning without timestamps */
};

void tcp_cookie_init(struct tcp_ctx *ctx);

/** SYN,ACK with a cookie in answer to SYN @p seg. @return DROP_NONE, or why nothing was sent (counted) */
enum drop_reason tcp_cookie_send(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint16_t listener);

/** Whether an ACK for @p listener may hold a cookie: one was sent and may still be good. */
bool tcp_cookie_live(const struct tcp_ctx *ctx, uint16_t listener);

/** The SYN at @p irs, of which no more is known, of a peer whose segment @p seg is. */
struct tcp_cookie_syn tcp_cookie_syn_of(
		const struct tcp_ctx *ctx, const struct tcp_seg *seg, uint32_t irs);

/** Whether ACK @p seg holds a good cookie for a SYN at @p irs, and what it says; one that does not is counted. */
bool tcp_cookie_good(struct tcp_ctx *ctx, const struct tcp_seg *seg, uint32_t irs,
		struct tcp_cookie *cookie);

/**
 * @p seg, in the window that @p syn leaves, holds the good cookie @p cookie: a TCB from the three, and the segment goes on
 * there with its text and FIN.
 * @return as tcp_segment_arrives(); without a free TCB the ACK is dropped, and comes again with the peer's text
 */
enum drop_reason tcp_cookie_open(struct tcp_ctx *ctx, struct tcp_seg *seg, uint16_t listener,
		const struct tcp_cookie_syn *syn, const struct tcp_cookie *cookie);

#endif
