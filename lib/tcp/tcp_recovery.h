/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Loss detection and recovery of a sender: what goes again, when, and cwnd meanwhile.
 *
 * With SACK the scoreboard (tcp_sack.c) holds a record for each run of octets in flight that share one fate; RACK-TLP
 * (tcp_rack.c, RFC 8985) decides what is lost, PRR (tcp_recovery.c, RFC 9937) how much may go. Without SACK, or when no
 * record was to be had, it is NewReno with limited transmit (RFC 6582, 3042) and go-back-N after a timeout.
 */
#ifndef PTCP_TCP_TCP_RECOVERY_H
#define PTCP_TCP_TCP_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "time/clock.h"
#include "wire/seg.h"

struct tcp_ctx;
struct tcp_tcb;
struct tcp_block;

#define TCP_RANGES_MAX 256u /**< records of one scoreboard: what an ACK costs is linear in it */

/* tcp_range.flags. With neither SACKED nor LOST the octets are in flight. */
#define TCP_RANGE_SACKED 0x1u
#define TCP_RANGE_LOST   0x2u /**< to be sent again: no copy is in the network */
#define TCP_RANGE_RESENT 0x4u /**< sent more than once: its round trip is ambiguous (Karn) */
#define TCP_RANGE_FATE   0x7u
#define TCP_RANGE_SPAN                                                                             \
	8 /**< from this bit on: how long sending took, from the first to the last octet, microseconds */
#define TCP_SPAN_MAX ((1u << (32 - TCP_RANGE_SPAN)) - 1)

/**
 * A run of octets sent at about the same time with the same fate. The runs of a connection cover [SND.UNA, SND.NXT) in
 * order and without gaps, so a run ends where the next one begins, or at SND.NXT. FIN is an octet like any other.
 */
struct tcp_range {
	uint32_t next; /**< also the pool's link */
	uint32_t seq;
	uint32_t xmit; /**< when its last octet left for the last time: microseconds, low 32 bits */
	uint32_t flags; /**< TCP_RANGE_* */
};

PTCP_STATIC_ASSERT(sizeof(struct tcp_range) == 16, "the budget of a range");

/* tcp_recovery.flags */
#define TCP_REC_RECOVER_VALID 0x01u /**< recover has a meaning (RFC 6582 section 3.2) */
#define TCP_REC_RACK          0x02u /**< rack_* are valid */
#define TCP_REC_REORDERING    0x04u /**< reordering was seen (RFC 8985 section 6.2 step 3) */
#define TCP_REC_DSACK_ROUND   0x08u /**< dsack_round is valid */
#define TCP_REC_TLP           0x10u /**< a loss probe is out: tlp_end is valid */
#define TCP_REC_TLP_AGAIN     0x20u /**< it repeated octets sent before */
#define TCP_REC_TLP_SPENT     0x40u /**< no RTT sample since the last probe: no other one yet */
#define TCP_REC_UNDO          0x80u /**< the last reduction may turn out spurious: undo_octets counts */
#define TCP_REC_UNDO_RTO      0x100u /**< ... and it was for a timeout */
#define TCP_REC_RACK_AGAIN    0x400u /**< what rack_xmit tells of was sent more than once */
#define TCP_REC_EIFEL         0x200u /**< the next new ACK's timestamp tells (RFC 3522) */

/** What t_rexmt is, with TF_REXMT: tcp_recovery.timer. */
enum tcp_rexmt_timer {
	TCP_TIMER_RTO, /**< RFC 6298 */
	TCP_TIMER_PTO, /**< tail loss probe (RFC 8985 section 7) */
	TCP_TIMER_REO, /**< the reordering window ends (RFC 8985 section 6.2 step 5) */
};

/** State that lives as long as data is in flight: in the block. */
struct tcp_recovery {
	uint32_t head; /**< the scoreboard's first range, PTCP_NIL: there is none */
	uint32_t tail;
	uint32_t sacked; /**< octets of the ranges with SACKED */
	uint32_t lost;   /**< ... with LOST */
	uint32_t recover; /**< SND.NXT when recovery began (RFC 6582); with UNDO later, how long it may be undone */
	union {
		uint32_t rtx_nxt;       /**< TF_LOSS without scoreboard: next to send again */
		uint32_t prr_delivered; /**< TF_RECOVERY with scoreboard: RFC 9937 */
	};
	union {
		uint32_t limited; /**< octets sent by limited transmit: no part of FlightSize (RFC 5681) */
		uint32_t prr_out; /**< TF_RECOVERY with scoreboard: RFC 9937 */
	};
	uint32_t prr_flight; /**< RecoverFS */
	uint32_t cut_at;     /**< when the window was last reduced: microseconds, low 32 bits */
	uint32_t rack_xmit;  /**< RACK.xmit_ts, microseconds, low 32 bits */
	uint32_t rack_end;   /**< RACK.end_seq */
	uint32_t rack_rtt;   /**< RACK.rtt, microseconds */
	uint32_t min_rtt;    /**< RACK.min_RTT, microseconds, 0: none yet */
	uint32_t dsack_round;
	uint32_t tlp_end;
	uint32_t undo_octets; /**< UNDO: sent again since the reduction, and not reported as duplicates */
	time_ms_t t_rto; /**< when the retransmission timeout is due, whatever t_rexmt is before */
	uint32_t hint; /**< a node of the send queue, where the last retransmission ended, or PTCP_NIL */
	uint16_t n_ranges;
	uint16_t flags;       /**< TCP_REC_* */
	uint16_t min_rtt_age; /**< when min_rtt was measured, in 2^12 ms */
	uint8_t dupacks;
	uint8_t segs_sacked; /**< RACK.segs_sacked, as far as ACKs tell */
	uint8_t reo_mult;    /**< RACK.reo_wnd_mult - 1 */
	uint8_t reo_persist;
	uint8_t timer; /**< enum tcp_rexmt_timer */
	uint8_t frto;  /**< enum tcp_frto */
};

/** F-RTO (RFC 5682): the step that the next ACK belongs to. */
enum tcp_frto {
	TCP_FRTO_OFF,
	TCP_FRTO_WAIT,  /**< step 2: the first segment was sent again, its ACK decides */
	TCP_FRTO_SEND2, /**< step 3: two new segments may go */
	TCP_FRTO_SEND1, /**< one more */
	TCP_FRTO_SENT,  /**< step 3: the next ACK decides */
};

/** What one ACK said: filled by tcp_sack_take(), used by tcp_recovery_acked(). */
struct tcp_acked {
	uint32_t acked;  /**< octets cumulatively acknowledged that SACK had not reported */
	uint32_t sacked; /**< octets newly reported by SACK */
	uint32_t lost;   /**< octets newly found lost */
	uint32_t fack;   /**< highest octet reported before this ACK, plus one */
	uint32_t rtt; /**< round trip of the latest sent octets among them, sent once: microseconds, 0: none */
	uint32_t dsack; /**< octets that were reported as duplicates */
	uint32_t dsack_end;
	bool on;       /**< there was a scoreboard */
	bool blocks;   /**< it had a SACK option */
	bool original; /**< octets below recover that were sent once were delivered */
	bool cut;      /**< a retransmission was lost that left after the last reduction */
	bool advanced; /**< SND.UNA moves on */
	bool again; /**< octets that were sent again were delivered by that, as far as times tell */
};

/* ------------------------------------------------------------------ tcp_sack.c: the scoreboard */

/** [@p seq, SND.NXT) was sent for the first time. Begins a scoreboard when SACK is in use and a record can be had. */
void tcp_sack_sent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq);

/** [@p seq, @p seq + @p len) was sent again. */
void tcp_sack_resent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq,
		uint32_t len);

/** Take SEG.ACK, acceptable and not below SND.UNA, and the SACK blocks in: before SND.UNA moves. O(ranges). */
void tcp_sack_take(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a);

/** The first range to send again: @p seq, @p len. @return false: none */
bool tcp_sack_lost(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b,
		uint32_t *seq, uint32_t *len);

/** Mark one range in flight as lost. */
void tcp_sack_lose(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		struct tcp_range *r);

/** Everything not SACKed is lost: what was too big for the way. */
void tcp_sack_lose_all(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b);

/** After a timeout: no SACK is believed any more (RFC 2018 section 8); what RACK would say is lost (RFC 8985 6.3). */
void tcp_sack_timeout(
		struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b, uint64_t age);

/** Nothing is lost after all: it is on its way. */
void tcp_sack_unlose(struct tcp_ctx *ctx, struct tcp_block *b);

/** Give all ranges back. */
void tcp_sack_purge(struct tcp_ctx *ctx, struct tcp_block *b);

/** Invariants of the scoreboard: NULL or a static text. */
const char *tcp_sack_check(
		const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_block *b);

/* ------------------------------------------------------------------ tcp_rack.c: RACK-TLP */

/** The octets of @p r up to @p end were delivered: RFC 8985 section 6.2, steps 1 to 3. */
void tcp_rack_delivered(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_range *r, uint32_t end, const struct tcp_seg *seg,
		struct tcp_acked *a);

/** A duplicate was reported: the reordering window grows, once a round trip (step 4). */
void tcp_rack_dsack(const struct tcp_tcb *tcb, struct tcp_block *b);

/** Recovery ended (step 4). */
void tcp_rack_recovered(struct tcp_block *b);

/** Step 5: mark what is lost by now. @return how long the next one has still got, microseconds; 0: none waits */
uint32_t tcp_rack_detect(
		struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_acked *a);

/** Timeout: mark what RACK would (section 6.3). */
void tcp_rack_timeout(struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b);

/**
 * Choose what t_rexmt waits for. @p reo: as tcp_rack_detect() answered. @p moved: SND.UNA has moved, or the time is up:
 * a loss probe may be put off
 */
void tcp_rack_arm(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t reo,
		bool moved);

/** New data left: the loss probe is put off (section 7.2). */
void tcp_tlp_arm(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/** A probe leaves now that ends at @p end; @p again: it was sent before (section 7.3). */
void tcp_tlp_sent(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t end, bool again);

/** What an ACK says of the probe (section 7.4). @return true: the probe has repaired a loss */
bool tcp_tlp_acked(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a);

/* ------------------------------------------------------------------ tcp_recovery.c: what is done about it */

/** New octets up to SND.NXT left, from @p seq on. */
void tcp_recovery_sent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t seq);

/** Octets left again. */
void tcp_recovery_resent(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		uint32_t seq, uint32_t len);

/** An ACK of @p n new octets was taken in (SND.UNA has moved), or (@p n 0) one that repeats SND.UNA. */
void tcp_recovery_acked(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b,
		const struct tcp_seg *seg, struct tcp_acked *a, uint32_t n);

/** A duplicate ACK in the sense of RFC 5681 section 2, without scoreboard. */
void tcp_recovery_dupack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/** RFC 6298 section 5.4 to 5.6 for a connection with a block; @p first of a row of timeouts. */
void tcp_recovery_timeout(
		struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, bool first);

/** t_rexmt came, and it was not the RTO: loss probe or reordering timer. */
void tcp_recovery_timer(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/** Segments in flight were too big for the way: they go again, and that is no sign of congestion (RFC 1191). */
void tcp_recovery_too_big(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

#endif
