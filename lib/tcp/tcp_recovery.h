/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Loss detection and recovery of a sender: what goes again, when, and cwnd meanwhile. */
#ifndef PTCP_TCP_TCP_RECOVERY_H
#define PTCP_TCP_TCP_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_ctx;
struct tcp_tcb;
struct tcp_block;

/** State that lives as long as data is in flight: in the block. */
struct tcp_recovery {
	uint32_t rtx_nxt; /**< TF_LOSS: next to send again */
	uint32_t recover; /**< RFC 6582 */
	uint8_t dupacks;
	bool recover_valid;
};

/** Enter fast recovery (RFC 6582 section 3.2 step 2). */
void tcp_recovery_enter(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);
void tcp_recovery_dupack(struct tcp_tcb *tcb, const struct tcp_block *b);
void tcp_recovery_partial(struct tcp_tcb *tcb, uint32_t acked);
void tcp_recovery_leave(struct tcp_tcb *tcb);

#endif
