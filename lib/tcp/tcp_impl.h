/* SPDX-License-Identifier: BSD-3-Clause */
/** @file What the files of the core share and nobody else may use. */
#ifndef PTCP_TCP_TCP_IMPL_H
#define PTCP_TCP_TCP_IMPL_H

#include <errno.h>
#include <string.h>

#include "tcp/tcp.h"

#define TCP_MSS_FLOOR 48  /**< least MSS taken from a peer or from ICMP */
#define TCP_MSS_V4    536 /**< RFC 9293 section 3.7.1, when the peer sends none */
#define TCP_MSS_V6    1220
#define TCP_TS_LEN    12  /**< timestamps with their padding, in each segment */
#define TCP_OOW_MS    500 /**< least distance of two answers to unacceptable segments */
#define TCP_TS_DAYS24 (24u * 86400u * 1000u >> 16) /**< 24 days in units of ts_age */
#define TCP_REST_MAX_MS                                                                            \
	(20u * 86400u * 1000u) /**< no timer rests longer: 32-bit ms stay comparable */
#define TCP_CLOCK_G_US 1000    /**< clock granularity G of RFC 6298 */
#define TCP_ECHO_MAX_MS                                                                            \
	(10u * 60 * 1000)     /**< an echoed timestamp older than this is not believed */
#define TCP_RTO_SYN_LOST 3000 /**< RFC 6298 5.7, ms */
#define TCP_TUNE_MS                                                                                \
	16384u /**< a longer round of auto-tuning says nothing: its times have 16 bits */
#define TCP_PRUNE_MAX                                                                              \
	8u /**< connections whose text out of order is dropped for one segment in order, at most */

/* ------------------------------------------------------------------ small helpers */

static inline void
tcp_count(struct tcp_ctx *ctx, enum counter_id id)
{
	ctx->counters->n[id]++;
}

static inline enum drop_reason
tcp_drop(struct tcp_ctx *ctx, enum drop_reason reason)
{
	ctx->counters->drop[reason]++;
	return reason;
}

static inline bool
tcp_synchronized(uint8_t state)
{
	return state >= TCP_ESTABLISHED;
}

static inline struct tcp_node *
tcp_node_at(const struct tcp_ctx *ctx, uint32_t index)
{
	return pool_at(&ctx->node_pool, index);
}

static inline struct tcp_block *
tcp_block(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return tcb->blk == PTCP_NIL ? NULL : pool_at(&ctx->block_pool, tcb->blk);
}

static inline struct tcp_block *
tcp_block_at(const struct tcp_ctx *ctx, uint32_t index)
{
	return pool_at(&ctx->block_pool, index);
}

/** Sequence number behind the last octet that the user queued, FIN not counted. */
static inline uint32_t
tcp_snd_end(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	const struct tcp_block *b = tcp_block(ctx, tcb);
	const bool syn = tcb->state == TCP_SYN_SENT || tcb->state == TCP_SYN_RECEIVED;

	return tcb->snd_una + syn + (b != NULL ? b->snd_bytes : 0);
}

/** Payload octets queued and never sent. */
static inline uint32_t
tcp_unsent(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	if ((tcb->flags & TF_FIN_SENT) != 0)
		return 0;
	return tcp_snd_end(ctx, tcb) - tcb->snd_nxt;
}

/** The identity of the connection that a segment from the peer belongs to; aux: no neighbour known. */
static inline struct conn_ident
tcp_ident_of(const struct tcp_seg *seg)
{
	return (struct conn_ident){
			.raddr = seg->family == IP_V6 ? ip_addr_fold(&seg->src) : seg->src.v4,
			.rport = seg->sport,
			.lport = seg->dport,
			.laddr = seg->laddr,
			.aux = UINT16_MAX,
	};
}

/** Octets in the network by our reckoning: sent, neither reported nor found lost (RFC 9937 section 5). */
static inline uint32_t
tcp_pipe(const struct tcp_tcb *tcb, const struct tcp_block *b)
{
	return tcb->snd_nxt - tcb->snd_una - b->rec.sacked - b->rec.lost;
}

/** FlightSize, for reducing the window: limited transmit does not count (RFC 5681 section 3.2). */
uint32_t tcp_flight_size(const struct tcp_tcb *tcb, const struct tcp_block *b);

/** SEG's timestamp echoes one of ours from before @p xmit (microseconds, low 32 bits). False when there is none. */
static inline bool
tcp_echo_before(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, const struct tcp_seg *seg,
		uint32_t xmit)
{
	const time_ms_t echo = seg->ts_ecr - tcb->ts_offset;
	const uint32_t age = (uint32_t)ctx->now - xmit;

	return (tcb->flags & TF_TS) != 0 && (seg->opts & TCP_OPT_TS) != 0 &&
			ctx->now_ms - echo < TCP_ECHO_MAX_MS &&
			time_ms_before(echo, time_us_to_ms(ctx->now - age));
}

/** Keep @p tcb listed until its output was pulled. */
void tcp_want_output(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint8_t out);
void tcp_want_event(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint8_t events);

/** Tell the user of a soft error (RFC 9293 section 3.9.1.8), if he knows the connection and has not closed it. */
void tcp_trouble(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason);

/** Not SYN+FIN, SYN+RST, nor none of ACK, RST, SYN: those mean nothing in any state but CLOSED. */
static inline bool
tcp_flags_ok(uint8_t flags)
{
	const uint8_t odd = flags & (TCP_SYN | TCP_FIN | TCP_RST);

	return odd != (TCP_SYN | TCP_FIN) && odd != (TCP_SYN | TCP_RST) &&
			odd != (TCP_SYN | TCP_FIN | TCP_RST) &&
			(flags & (TCP_ACK | TCP_RST | TCP_SYN)) != 0;
}

/** An answer to an unacceptable segment left less than TCP_OOW_MS ago. */
static inline bool
tcp_oow_limited(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return (tcb->flags & TF_OOW_SENT) != 0 &&
			(uint16_t)((uint16_t)ctx->now_ms - tcb->oow_age) < TCP_OOW_MS;
}

/** ts_recent is older than 24 days: it says nothing any more (RFC 7323 section 5.5). */
static inline bool
tcp_ts_stale(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return (tcb->flags & TF_TS_STALE) != 0 ||
			(uint16_t)((uint16_t)(ctx->now_ms >> 16) - tcb->ts_age) > TCP_TS_DAYS24;
}

/* ------------------------------------------------------------------ tcp_tcb.c */

/** The only writer of tcb->state; asserts that RFC 9293 figure 5 (with its notes) has the transition. */
void tcp_set_state(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_state state);

/** Whether one more connection may begin: a TCB and, for its end, a TIME-WAIT entry must be there. */
enum drop_reason tcp_admit(const struct tcp_ctx *ctx);

/** A TCB in CLOSED with everything at its default, not in the table; NULL when none is left. */
struct tcp_tcb *tcp_alloc(struct tcp_ctx *ctx);

/** Enter the connection table by tcb->id. */
void tcp_insert(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct ip_addr *raddr,
		uint32_t hash);

/** The hash of a tuple: @p raddr6 for IPv6, else NULL. */
static inline uint32_t
tcp_hash_of(const struct tcp_ctx *ctx, const struct conn_ident *id, const struct ip_addr *raddr6)
{
	const struct conn_key k = {.id = *id, .raddr6 = raddr6};

	return conn_hash(&ctx->hash_key, &k);
}

/** The hash of a TCB's tuple, computed anew. */
uint32_t tcp_tcb_hash(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

struct ip_addr tcp_raddr(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** Enter CLOSED: leave the table, drop queues and timers, owe the closed event. @p rst: send RST. */
void tcp_end(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason, bool rst);

/** Enter TIME-WAIT: the record takes over, the TCB goes when its last ACK and event are out. */
void tcp_enter_timewait(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Free a dead TCB that owes nothing any more. */
void tcp_reap(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** The connection has reached ESTABLISHED. */
void tcp_established(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/* ------------------------------------------------------------------ tcp_mem.c: nodes, blocks, and who may have them */

/** For what a node or block is taken, from the least entitled to the most. Each direction has a reserve of its own. */
enum tcp_use {
	TCP_FOR_SEND,       /**< one more slice to send */
	TCP_FOR_SEND_NEW,   /**< what a new connection will send */
	TCP_FOR_SEND_FIRST, /**< the only one of its connection */
	TCP_FOR_REASS,      /**< text out of order: its sender keeps it for us */
	TCP_FOR_RECV,       /**< text in order */
	TCP_FOR_RECV_NEW,   /**< what a new connection will receive */
	TCP_FOR_RECV_FIRST, /**< the connection's only unread slice */
};

void tcp_mem_init(struct tcp_ctx *ctx);

/** Account for @p n octets more, or less. */
void tcp_mem_add(struct tcp_ctx *ctx, uint32_t n);
void tcp_mem_sub(struct tcp_ctx *ctx, uint32_t n);

/** Memory is scarce: buffers don't grow, and are bound by a fair share. Of nodes it is before any use is refused one. */
static inline bool
tcp_mem_short(const struct tcp_ctx *ctx)
{
	return ctx->mem.pressed || ctx->mem.scarce ||
			ctx->node_pool.n_used > ctx->node_pool.size - ctx->node_pool.size / 8 * 3;
}

/** @p bound octets of a buffer, less where memory is scarce; never below two segments of @p mss. */
uint32_t tcp_mem_bound(const struct tcp_ctx *ctx, uint32_t mss, uint32_t bound);

/** Octets that @p node is accounted with. */
static inline uint32_t
tcp_node_mem(const struct tcp_node *node)
{
	return node->buf.size + (uint32_t)sizeof(struct tcp_node);
}

/** Whether a newcomer may have what those who are there may need: octets, nodes and blocks are left for them. */
bool tcp_mem_admits(const struct tcp_ctx *ctx);

/** Whether @p use may have a node now. */
bool tcp_node_allowed(const struct tcp_ctx *ctx, enum tcp_use use);

/** A node that holds *@p buf, its reference included, accounted for; PTCP_NIL when @p use may have none. */
uint32_t tcp_node_new(
		struct tcp_ctx *ctx, enum tcp_use use, const struct tcp_buf *buf, uint32_t seq);

/**
 * Make *@p buf, a copy, a part of the slice of node @p index, when it lies right behind it in the same memory: its
 * reference goes. @return octets accounted for it; 0: it does not
 */
uint32_t tcp_node_join(struct tcp_ctx *ctx, uint32_t index, const struct tcp_buf *buf);

/** Free a node and its reference. @return octets that were accounted for it */
uint32_t tcp_node_free(struct tcp_ctx *ctx, uint32_t index);

/** Free all nodes of a list that is not a send queue. */
void tcp_nodes_free(struct tcp_ctx *ctx, uint32_t head);

/** The connection's block, which is taken when it has none; NULL when there is none to be had. */
struct tcp_block *tcp_block_need(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_use use);

/** Give the block back: its queues are empty. */
void tcp_block_put(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Give the block back when nothing is unacked, unsent, unread, out of order or to be reported. */
void tcp_block_trim(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** b->ooo_mem was @p before: keep the worker's sum and lists. */
void tcp_greedy_update(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t before);

/** Whether nobody holds considerably more out of order than @p b. */
bool tcp_greedy_most(const struct tcp_ctx *ctx, const struct tcp_block *b);

/**
 * Drop text out of order of the connection that holds the most, which may be that of @p keep: its block then stays.
 * @return false: there is none
 */
bool tcp_greedy_prune(struct tcp_ctx *ctx, const struct tcp_block *keep);

/* ------------------------------------------------------------------ tcp_queue.c, tcp_recvq.c */

/** Free the block with all that it holds. */
void tcp_queues_purge(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Drop what was received and not read. */
void tcp_rcvq_purge(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** @p n payload octets at snd_una are acknowledged. */
void tcp_sndq_ack(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t n);

/** The node that holds sequence number @p seq of the send queue, or PTCP_NIL. */
uint32_t tcp_sndq_at(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq);

/**
 * Take text that begins at or beyond RCV.NXT and lies inside the window: in order to the receive queue, together
 * with what it makes contiguous; else to the reassembly list.
 * @return DROP_NONE when at least one new octet was kept
 */
enum drop_reason tcp_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg);

/** ESTABLISHED: the receive buffer has its first size, and the first round of auto-tuning begins. */
void tcp_tune_start(const struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Learn from in-order text whether a round trip is over, and how much the user read in it: the receive buffer may grow. */
void tcp_tune(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg);

/* ------------------------------------------------------------------ tcp_reass.c */

/** No run of the tree has a lower one than those below it. */
uint32_t tcp_run_priority(const struct tcp_ctx *ctx, uint32_t run);

/** Sequence number behind the run @p run. */
uint32_t tcp_run_end(const struct tcp_ctx *ctx, uint32_t run);

/** The last run that begins at @p seq or before, or PTCP_NIL. */
uint32_t tcp_run_at(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq);

/** The first run that begins behind @p seq, or PTCP_NIL. */
uint32_t tcp_run_after(const struct tcp_ctx *ctx, const struct tcp_block *b, uint32_t seq);

/** Keep text that lies beyond RCV.NXT, within the window. @return DROP_NONE when a new octet was kept */
enum drop_reason tcp_reass_insert(
		struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, struct tcp_seg *seg);

/** RCV.NXT moved on: what is contiguous now joins the receive queue. */
void tcp_reass_collect(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b);

/** Drop everything out of order. */
void tcp_reass_purge(struct tcp_ctx *ctx, struct tcp_block *b);

/** Drop about half of what is out of order, the last text first. */
void tcp_reass_prune(struct tcp_ctx *ctx, struct tcp_block *b);

/** The peer's FIN stands at @p seq: text held from beyond it contradicts that, and all that is out of order goes. */
void tcp_reass_end_at(struct tcp_ctx *ctx, struct tcp_block *b, uint32_t seq);

/* ------------------------------------------------------------------ tcp_sack_out.c */

/** The next ACK tells of text received before (RFC 2883): [@p left, @p right). Of several the first is told. */
void tcp_dsack(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t left, uint32_t right);

/** The run [@p left, @p right) was added to, or asked for again: it is reported first. */
void tcp_sack_touch(struct tcp_block *b, uint32_t left, uint32_t right);

/** Bytes of the SACK option that the next segment carries. */
uint32_t tcp_sack_len(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** Put the SACK option into @p seg, whose other options are there already; what it says of duplicates is said. */
void tcp_sack_fill(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg);

/** Payload of a full segment now: SACK blocks that ride on it are deducted (RFC 9293 section 3.7.1). */
static inline uint32_t
tcp_mss_now(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return tcb->blk == PTCP_NIL ? tcb->mss : tcb->mss - tcp_sack_len(ctx, tcb);
}

/* ------------------------------------------------------------------ tcp_timer.c */

/** See to it that tcp_timeout() is called at @p deadline or before. A later deadline costs nothing. */
void tcp_timer_move(struct tcp_ctx *ctx, struct tcp_tcb *tcb, time_ms_t deadline);

static inline void
tcp_timer_at(struct tcp_ctx *ctx, struct tcp_tcb *tcb, time_ms_t deadline)
{
	/* A node that is due earlier stays: it looks at the deadlines again when it fires. */
	if (PTCP_LIKELY(tcb->timer.prev != PTCP_NIL && !time_ms_before(deadline, tcb->timer.tick)))
		return;
	tcp_timer_move(ctx, tcb, deadline);
}

void tcp_rexmt_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb);
void tcp_persist_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Nothing is outstanding any more: neither retransmission nor probe. */
static inline void
tcp_rexmt_stop(struct tcp_tcb *tcb)
{
	tcb->flags &= ~(TF_REXMT | TF_PERSIST);
}

/** When the first of the transmissions left that are unanswered (TF_REXMT or TF_PERSIST), where only the RTO repeats them. */
time_ms_t tcp_unanswered_since(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** Begin keepalive (when it is on) and the 20-day watch over ts_recent. */
void tcp_keep_start(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** An RTT sample in microseconds (RFC 6298 section 2). */
void tcp_rtt_sample(struct tcp_tcb *tcb, uint64_t rtt_us);

/** FIN-WAIT-2 of a closed connection does not last for ever: arm its bound. */
void tcp_fin_wait_2_bound(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** One TCB's node came due. */
void tcp_timeout(struct tcp_ctx *ctx, uint32_t index);

/* ------------------------------------------------------------------ tcp_isn.c */

/** What a tuple's incarnation begins with, and nobody may guess. */
struct tcp_start {
	uint32_t isn; /**< RFC 6528: M + F(tuple, secret), M in steps of 4 microseconds */
	uint32_t ts_offset; /**< RFC 7323 section 5.4: of each tuple, and the same for its next incarnation (RFC 6191) */
};

struct tcp_start tcp_start(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);
struct tcp_start tcp_start_of(const struct tcp_ctx *ctx, enum ip_family family,
		const struct ip_addr *local, const struct ip_addr *remote, uint16_t lport,
		uint16_t rport);

/* ------------------------------------------------------------------ tcp_output.c */

/** Announce the largest window we may; what a connection's first segment carries. */
uint16_t tcp_syn_window(const struct tcp_ctx *ctx);

/** The MSS option that we send. */
uint16_t tcp_our_mss(const struct tcp_ctx *ctx, enum ip_family family);

/**
 * What SYN (in SYN-SENT) or SYN,ACK (in SYN-RECEIVED) says after @p tcb: SEQ, ACK, window, options. @p seg has the tuple.
 * @p tcb may be one on the stack that is in no table.
 */
void tcp_syn_fields(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg);

/** What an ACK says after @p tcb: ACK, window, timestamp; the same may be said of @p tcb. */
void tcp_ack_fields(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg);

/** How many replies more there is room for. */
static inline uint32_t
tcp_reply_room(const struct tcp_ctx *ctx)
{
	return TCP_REPLY_MAX - (ctx->reply_tail - ctx->reply_head);
}

/** The reply made last is one that was sent before. */
static inline void
tcp_reply_mark_again(struct tcp_ctx *ctx)
{
	ctx->reply_again[(ctx->reply_tail - 1) & (TCP_REPLY_MAX - 1)] = true;
}

/** A place in the reply ring, zeroed, addressed back to the sender of @p seg; NULL (counted) when it is full. */
struct tcp_seg *tcp_reply(struct tcp_ctx *ctx, const struct tcp_seg *seg);

/** RST in answer to @p seg, as for CLOSED (RFC 9293 section 3.10.7.1). */
void tcp_reply_rst(struct tcp_ctx *ctx, const struct tcp_seg *seg);

/** More window can be told, and it is worth a segment (RFC 9293 section 3.8.6.2.2). */
bool tcp_window_worth_update(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/* ------------------------------------------------------------------ tcp_patience.c */

/** The user's next deadline, and what the connection ends for then; TCP_REASON_NONE: he has set none. */
enum tcp_reason tcp_patience(
		const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, time_ms_t *deadline);

/** Something began to wait, or the user has set a limit: see to the timer. */
void tcp_patience_arm(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** @return true when a limit of the user was reached and the connection is gone */
bool tcp_patience_over(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/* ------------------------------------------------------------------ tcp_pmtu.c */

#define TCP_PMTU_RAISE_MS (10u * 60 * 1000) /**< RFC 1191 section 6.3 */

/** ICMP says that the segment at @p seq, which is in flight, is too big: @p told the MTU, 0: not told. */
void tcp_pmtu_claim(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t seq, uint16_t told);

/** A full segment of new text has left, to SND.NXT. */
void tcp_pmtu_sent(struct tcp_tcb *tcb, struct tcp_block *b);

/** SND.UNA has moved. */
void tcp_pmtu_acked(struct tcp_tcb *tcb, struct tcp_block *b);

/** The RTO of the segment at SND.UNA is over, and it will be sent again: a claim about it is proven. */
void tcp_pmtu_timeout(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** Try the old size where ten minutes are over. */
void tcp_pmtu_advance(struct tcp_ctx *ctx);

/* ------------------------------------------------------------------ tcp_pace.c */

#define TCP_PACE_QUANTUM_US 1000

/** Nothing new before block.cc.pace_at. */
void tcp_pace_hold(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_block *b);

/** Whether @p len octets of new text have to wait; if not, they are accounted for. */
bool tcp_pace_waits(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_block *b, uint32_t len);

/** TF_HELD: the node came due; when pace_at is reached, output goes on. */
void tcp_pace_due(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/* ------------------------------------------------------------------ tcp_ecn.c */

/** ECE and CWR as our SYN or SYN,ACK is to carry them, by the state. */
uint8_t tcp_ecn_syn_flags(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** What the peer's SYN or SYN,ACK says about ECN: sets or clears TF_ECN. */
void tcp_ecn_setup(const struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg);

/** TF_ECN: @p out holds new text, no probe. */
void tcp_ecn_mark(struct tcp_tcb *tcb, struct tcp_out *out);

/** TF_ECN: an acceptable ACK that is not old, before anything else is made of it. */
void tcp_ecn_echo(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg);

/** TF_ECN: an acceptable segment with text, not yet trimmed. @return true: ACK it at once, CE is news */
bool tcp_ecn_text(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg);

/* ------------------------------------------------------------------ tcp_listen.c, tcp_timewait.c */

/**
 * LISTEN. With @p has_floor the ISN lies beyond @p iss_floor, the last number that the tuple's former incarnation used.
 */
enum drop_reason tcp_listen_arrives(
		struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t iss_floor, bool has_floor);

/** @p tcb, in CLOSED, becomes @p listener's connection to the sender of @p seg, in SYN-RECEIVED. */
void tcp_passive_begin(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint16_t listener,
		const struct tcp_seg *seg);

/** The segment that ends the handshake of @p tcb, from SYN-RECEIVED on (RFC 9293 section 3.10.7.4). */
enum drop_reason tcp_arrives_tcb(struct tcp_ctx *ctx, struct tcp_tcb *tcb, struct tcp_seg *seg);

/** Why a SYN would find no place now, or DROP_NONE. */
enum drop_reason tcp_listen_refuses(const struct tcp_ctx *ctx, uint16_t listener);

/** A segment for a TIME-WAIT record. */
enum drop_reason tcp_timewait_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg, uint32_t index);

/** Take the options of the peer's SYN (RFC 9293 section 3.7.1, RFC 7323). */
void tcp_syn_options(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_seg *seg);

#endif
