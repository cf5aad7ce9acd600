/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Congestion control: one ops table for each algorithm (RFC 5681, 9438), chosen per connection by its profile, and
 * the functions by which the rest of the core talks to it. Recovery (which segments go again, and cwnd while a loss is
 * being repaired) is not here: tcp_recovery.h.
 */
#ifndef PTCP_TCP_TCP_CC_H
#define PTCP_TCP_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_ctx;
struct tcp_tcb;
struct tcp_block;

/** State that lives as long as data is in flight: in the block. cwnd and ssthresh stay in the TCB. */
struct tcp_cc {
	uint32_t acked; /**< octets acknowledged in congestion avoidance and not yet turned into growth */
	uint32_t prior_cwnd; /**< before the last reduction: tcp_cc_undo() */
	uint32_t prior_ssthresh;
	bool undo;    /**< the two are valid */
	bool limited; /**< output was held back by cwnd since the last ACK of new data */
};

/** What tells of congestion. */
enum tcp_cc_event {
	TCP_CC_LOSS, /**< fast retransmit: duplicate ACKs, SACK or RACK */
	TCP_CC_ECE,  /**< ECE (RFC 3168 section 6.1.2) */
	TCP_CC_RTO,  /**< the first timeout of a segment */
};

struct tcp_cc_ops {
	/** The connection is established, or a block was taken after a quiet time: state in the block begins anew. */
	void (*start)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);
	/** Congestion avoidance: @p acked octets were newly acknowledged (RFC 5681 section 3.1, RFC 9438 section 4). */
	void (*avoid)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
			uint32_t acked);
	/** What ssthresh becomes now, in octets. @p flight: FlightSize (RFC 5681 section 2) */
	uint32_t (*ssthresh)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
			enum tcp_cc_event event, uint32_t flight);
	/** The last reduction was for nothing: cwnd and ssthresh are as before already. */
	void (*undo)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);
};

/** Add @p n octets to cwnd, capped where sums stay within 32 bits. */
void tcp_cc_grow(struct tcp_tcb *tcb, uint32_t n);

/** ESTABLISHED: the initial window (RFC 6928). */
void tcp_cc_init(const struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** A block was taken: congestion control's part of it begins. */
void tcp_cc_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/** @p acked octets were newly acknowledged and no loss is being repaired by fast recovery: cwnd may grow. */
void tcp_cc_ack(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		uint32_t acked);

/**
 * Congestion: remember cwnd and ssthresh for tcp_cc_undo(), set ssthresh. cwnd becomes one segment after TCP_CC_RTO and
 * ssthresh after TCP_CC_ECE; after TCP_CC_LOSS it is recovery's.
 */
void tcp_cc_reduce(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event);

/** The last tcp_cc_reduce() was spurious (RFC 5682, RFC 3522, D-SACK): back to where it was. Nothing when there is none. */
void tcp_cc_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

#endif
