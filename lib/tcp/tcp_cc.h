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

#include "time/clock.h"

struct tcp_ctx;
struct tcp_tcb;
struct tcp_block;

#define TCP_CWND_MAX                                                                               \
	(1u << 30) /**< above any window that 65,535 << 14 can offer; sums of it fit 32 bits */

/** CUBIC's part of the state (RFC 9438 section 4.1.2), windows in octets. */
struct tcp_cubic {
	uint64_t credit; /**< octets acknowledged x (target - cwnd), not yet turned into growth */
	uint32_t w_max;  /**< 0: not known, cwnd when the next epoch begins */
	uint32_t w_est;  /**< what Reno would have by now */
	uint32_t cwnd_prior;
	int32_t at; /**< t - K, ms: where on the curve we are; 0 is the plateau */
	uint32_t undo_w_max;
	uint32_t undo_cwnd_prior;
};

/** State that lives as long as data is in flight: in the block. cwnd and ssthresh stay in the TCB. */
struct tcp_cc {
	uint32_t pace_at; /**< microseconds, low 32 bits: new text waits until then, TF_HELD or pace_octets used up */
	uint32_t pace_octets; /**< that may leave before */
	uint32_t acked; /**< octets acknowledged in congestion avoidance and not yet turned into growth */
	uint32_t prior_cwnd; /**< before the last reduction: tcp_cc_undo() */
	uint32_t prior_ssthresh;
	uint32_t full_end;    /**< limited: cwnd was full when the octet before this one was sent */
	uint32_t reduced_end; /**< reduced: SND.NXT at the last reduction */
	time_ms_t moved; /**< SND.UNA moved, or something began to wait: base of the user timeout and of time on the curve */
	time_ms_t sent;   /**< when data last left: restart after idle */
	bool undo : 1;    /**< prior_cwnd and prior_ssthresh are valid */
	bool limited : 1; /**< ACKs below full_end may grow cwnd */
	bool reduced : 1; /**< no second reduction for ECE until something behind reduced_end is acknowledged */
	bool epoch : 1; /**< CUBIC: a congestion avoidance stage has begun, at and w_est are valid */
	bool echo : 1;  /**< the ACK being processed carries ECE: it grows nothing */
	struct tcp_cubic cubic;
};

/** What tells of congestion. */
enum tcp_cc_event {
	TCP_CC_LOSS, /**< fast retransmit: duplicate ACKs, SACK or RACK */
	TCP_CC_ECE,  /**< ECE (RFC 3168 section 6.1.2) */
	TCP_CC_RTO,  /**< the first timeout of a segment */
	/** A retransmission was lost, too: reduces again, within the same window of data (RFC 5681 section 4.3). */
	TCP_CC_AGAIN,
};

struct tcp_cc_ops {
	/** The connection is established, or a block was taken after a quiet time: state in the block begins anew. */
	void (*start)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);
	/**
	 * Congestion avoidance: @p acked octets were newly acknowledged (RFC 5681 section 3.1, RFC 9438 section 4).
	 * @param dt  ms since the last ACK of new data, in which cwnd was the limit
	 */
	void (*avoid)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
			uint32_t acked, uint32_t dt);
	/**
	 * What congestion leaves of the window, in octets; the caller bounds it below. cwnd is what it was.
	 * @param flight  FlightSize (RFC 5681 section 2)
	 */
	uint32_t (*reduce)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
			enum tcp_cc_event event, uint32_t flight);
	/** The last reduction was for nothing: cwnd and ssthresh are as before already. */
	void (*undo)(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);
};

extern const struct tcp_cc_ops tcp_newreno;
extern const struct tcp_cc_ops tcp_cubic;

/** Add @p n octets to cwnd, capped where sums stay within 32 bits. */
void tcp_cc_grow(struct tcp_tcb *tcb, uint32_t n);

/** ESTABLISHED: the initial window (RFC 6928). No retransmission is pending. */
void tcp_cc_init(const struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** A block was taken: congestion control's part of it begins. */
void tcp_cc_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/**
 * The block goes: what a quiet connection must remember is saved. That is the time of the last transmission, kept in
 * t_rexmt, which is no deadline while nothing is outstanding.
 */
void tcp_cc_stop(struct tcp_tcb *tcb, const struct tcp_block *b);

/** The profile names another algorithm than before: cwnd and ssthresh stay, its state begins. */
void tcp_cc_switch(const struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Text left, new or again. */
void tcp_cc_sent(const struct tcp_ctx *ctx, struct tcp_block *b);

/**
 * cwnd is full, or has just held new text back, or pacing does and half of it is in use: what is in flight now may grow it
 * when acknowledged (RFC 7661, 9438 5.8).
 */
void tcp_cc_full(const struct tcp_tcb *tcb, struct tcp_block *b);

/** Text is about to leave with nothing in flight: restart after idle (RFC 5681 section 4.1). */
void tcp_cc_resume(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/** cwnd becomes the restart window; ssthresh remembers three quarters of it (RFC 7661 section 4.4.1). */
void tcp_cc_restart(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** @p acked octets were newly acknowledged and no loss is being repaired by fast recovery: cwnd may grow. */
void tcp_cc_ack(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		uint32_t acked);

/**
 * Congestion: remember cwnd and ssthresh for tcp_cc_undo(), set ssthresh. cwnd becomes one segment after TCP_CC_RTO and
 * what the algorithm leaves after TCP_CC_ECE; after TCP_CC_LOSS it is recovery's. A loss in a window that was reduced
 * already (for ECE) reduces nothing more (RFC 3168 section 6.1.2).
 */
void tcp_cc_reduce(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		enum tcp_cc_event event);

/** The window of data of the last reduction is still unacknowledged. */
bool tcp_cc_just_reduced(const struct tcp_tcb *tcb, struct tcp_block *b);

/** The last tcp_cc_reduce() was spurious (RFC 5682, RFC 3522, D-SACK): back to where it was. Nothing when there is none. */
void tcp_cc_undo(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

#endif
