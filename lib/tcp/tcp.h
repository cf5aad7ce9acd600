/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file The TCP core of one worker: RFC 9293 without I/O.
 *
 * Segments and time go in by tcp_segment_arrives() and tcp_timeout(), user calls by tcp_open(), tcp_send() and so on;
 * segments come out by tcp_output(), events by tcp_event_next(). The core takes memory, clock and randomness from its
 * caller and never calls back, except for tcp_buf_ref() and tcp_buf_free(). Everything here belongs to one worker and
 * may be called on its lcore only.
 */
#ifndef PTCP_TCP_TCP_H
#define PTCP_TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/counter.h"
#include "base/pool.h"
#include "base/seq.h"
#include "base/siphash.h"
#include "conn/laddr.h"
#include "conn/listener.h"
#include "conn/ports.h"
#include "conn/table.h"
#include "conn/timewait.h"
#include "time/clock.h"
#include "tcp/tcp_cc.h"
#include "tcp/tcp_cookie.h"
#include "tcp/tcp_half.h"
#include "tcp/tcp_recovery.h"
#include "time/wheel.h"
#include "wire/seg.h"

enum tcp_state {
#define STATE(name, text) TCP_##name,
#include "tcp/state.def"
#undef STATE
	TCP_STATE_MAX
};

enum tcp_reason {
#define REASON(name, key) TCP_REASON_##name,
#include "tcp/reason.def"
#undef REASON
	TCP_REASON_MAX
};

/* ------------------------------------------------------------------ the TCB */

/* tcp_tcb.flags: what is so. */
#define TF_REXMT      0x000001u /**< t_rexmt is a retransmission deadline */
#define TF_PERSIST    0x000002u /**< t_rexmt is a zero-window probe deadline */
#define TF_FW2        0x000004u /**< t_rexmt is the bound of an orphaned FIN-WAIT-2 */
#define TF_KEEP       0x000008u /**< keepalive is on */
#define TF_KEEP_PROBE 0x000010u /**< probing: t_rexmt is when the next probe is due */
#define TF_DELACK     0x000020u /**< t_delack is a deadline */
#define TF_FIN_QUEUED                                                                              \
	0x000040u /**< the user closed his direction: FIN follows the last queued byte */
#define TF_FIN_SENT  0x000080u /**< FIN is the octet at snd_nxt - 1 */
#define TF_FIN_RCVD  0x000100u /**< the peer's FIN was taken in order */
#define TF_FIN_AHEAD 0x000200u /**< the peer's FIN came out of order: block.fin_seq */
#define TF_TS        0x000400u /**< timestamps in use (RFC 7323) */
#define TF_TS_STALE  0x000800u /**< ts_recent is older than 24 days (RFC 7323 section 5.5) */
#define TF_WS        0x001000u /**< window scaling in use */
#define TF_NODELAY   0x002000u /**< no Nagle */
#define TF_ORPHAN    0x004000u /**< ptcp_close(): nobody reads any more */
#define TF_ACTIVE    0x008000u /**< opened actively: the local port goes back at the end */
#define TF_RECOVERY  0x020000u /**< fast recovery (RFC 6582): until block.recover is acknowledged */
#define TF_LOSS                                                                                    \
	0x040000u /**< after a timeout: [block.rtx_nxt, block.recover) is to be sent again */
#define TF_WANT_WRITE 0x080000u /**< the user met the bound: one writable event is owed */
#define TF_SYN_LOST   0x100000u /**< the SYN was retransmitted (RFC 6298 5.7, RFC 5681 section 3.1) */
#define TF_IN_OUTPUT  0x200000u   /**< in tcp_ctx.output */
#define TF_IN_EVENTS  0x400000u   /**< in tcp_ctx.event */
#define TF_OOW_SENT   0x800000u   /**< oow_age is valid */
#define TF_IN_TABLE   0x1000000u  /**< in the connection table */
#define TF_SACK       0x2000000u  /**< SACK in use (RFC 2018) */
#define TF_ECN        0x4000000u  /**< ECN in use (RFC 3168) */
#define TF_ECE        0x8000000u  /**< CE came in: ECE on every ACK until CWR */
#define TF_CWR        0x10000000u /**< the window was reduced for ECE: CWR on the next new data */

#define TF_HELD   0x20000000u /**< new text waits for block.cc.pace_at, in the wheel */
#define TF_MTU_OK 0x40000000u /**< a segment of mss octets was acknowledged */

/* tcp_tcb.out: what is to be sent besides data that the windows allow. */
#define OUT_ACK   0x01 /**< an ACK, at once */
#define OUT_SYN   0x02 /**< SYN or SYN,ACK by the state */
#define OUT_REXMT 0x04 /**< one segment at snd_una, again */
#define OUT_PROBE 0x08 /**< zero-window probe */
#define OUT_KEEP  0x10 /**< keepalive probe */
#define OUT_RST   0x20 /**< RST; the connection is closed already */
#define OUT_DATA  0x40 /**< look at the send queue and FIN */
#define OUT_TLP   0x80 /**< tail loss probe */

/* tcp_tcb.events: what the user is to hear, in this order. */
#define EV_ACCEPTED    0x01
#define EV_CONNECTED   0x02
#define EV_READABLE    0x04
#define EV_WRITABLE    0x08
#define EV_PEER_CLOSED 0x10
#define EV_CLOSED      0x20
#define EV_TROUBLE                                                                                 \
	0x40 /**< nothing has ended, but reason says what may end it: told before EV_CLOSED */

/**
 * The transmission control block. The first line is all that the predicted path touches when a segment arrives; the
 * second holds timers, RTT and congestion state. What exists only while data is in flight or unread is in the block.
 */
struct tcp_tcb {
	struct conn_ident id; /**< id.aux: neighbour hint */
	uint32_t gen;         /**< generation, 28 bits, never 0 */
	uint32_t snd_una;
	uint32_t snd_nxt; /**< never pulled back: retransmission has its own pointer in the block */
	uint32_t rcv_nxt;
	uint32_t rcv_adv; /**< right edge of the window as last advertised: RCV.NXT + RCV.WND */
	uint16_t snd_wnd; /**< as on the wire */
	uint16_t mss;     /**< payload of a full segment, our options deducted */
	uint8_t state;    /**< enum tcp_state, written by tcp_set_state() alone */
	uint8_t wscale;   /**< high nibble: the peer's (for snd_wnd); low nibble: ours */
	uint8_t out;      /**< OUT_* */
	uint8_t rcv_level; /**< how far the receive buffer has grown, in 255ths of the way to its maximum */
	uint32_t flags; /**< TF_* */
	uint32_t ts_recent;
	uint32_t last_ack_sent; /**< RFC 7323 Last.ACK.sent */
	uint32_t blk;           /**< index of the on-demand block, or PTCP_NIL */
	/** When the last acceptable segment came: the keepalive base. TF_ORPHAN: when it was closed. */
	time_ms_t t_recv;
	time_ms_t t_delack;

	void *arg; /**< the user's */
	struct wheel_node timer;
	time_ms_t t_rexmt;
	/** Microseconds, 0: no sample yet. In SYN states the time the last SYN left, low 32 bits. */
	uint32_t srtt;
	uint32_t rttvar; /**< microseconds; in SYN states the number of SYNs sent */
	uint32_t cwnd;   /**< bytes */
	uint32_t ssthresh;
	uint32_t wl1; /**< SND.WL1; SND.WL2 is SND.UNA: whoever acknowledges more updates the window */
	uint16_t tune_pos; /**< receive auto-tuning: what the user had read when the round began, in window units */
	uint16_t tune_when; /**< ms, low 16 bits: when it began */
	uint32_t ts_offset;
	uint8_t events;  /**< EV_* pending */
	uint8_t ops;     /**< index of the user's callbacks */
	uint8_t profile; /**< index of the shared options: tcp_ctx.profile */
	uint8_t shift;   /**< backoff: timeouts in a row */
	uint8_t probes;  /**< keepalive or zero-window probes unanswered */
	uint8_t reason;  /**< enum tcp_reason of a closed connection, or of EV_TROUBLE */
	uint16_t oow_age; /**< ms, low 16 bits: when the last challenge or out-of-window ACK was sent */
	uint16_t ts_age;  /**< when ts_recent was set, in 2^16 ms */
	uint16_t max_wnd; /**< largest snd_wnd seen */
};

PTCP_STATIC_ASSERT(sizeof(struct tcp_tcb) == 128, "the budget of a TCB: two cache lines");
PTCP_STATIC_ASSERT(offsetof(struct tcp_tcb, arg) == PTCP_CACHE_LINE, "the predicted path's line");

/**
 * A queued slice: of the send queue, the receive queue, or a run of contiguous text out of order. The first node of a run
 * stands for it in the tree.
 */
struct tcp_node {
	uint32_t next;      /**< also the pool's link */
	uint32_t seq;       /**< of its first byte */
	struct tcp_buf buf; /**< buf.size: what it is accounted with, however much of it is left */
	uint32_t left;      /**< runs: below in the tree, earlier text */
	uint32_t right;
	uint32_t tail; /**< the run's last node */
	uint32_t mem;  /**< octets accounted for the run */
};

PTCP_STATIC_ASSERT(sizeof(struct tcp_node) == 48, "the budget of a node");

/** Path MTU discovery, while something is in flight: tcp_pmtu.c. */
struct tcp_pmtu {
	uint32_t seq; /**< claim: of the segment that it quotes; full: behind the first full segment */
	uint16_t claim; /**< an MTU that is believed when that segment times out, 0: none (TF_MTU_OK) */
	bool full;      /**< a full segment is in flight: its ACK sets TF_MTU_OK (not TF_MTU_OK) */
};

/** What a connection needs only while something is unacked, unsent, unread or out of order. */
struct tcp_block {
	uint32_t tcb;      /**< whose it is */
	uint32_t snd_head; /**< node that holds snd_una */
	uint32_t snd_tail;
	uint32_t snd_cur;   /**< node that holds snd_nxt, PTCP_NIL: nothing unsent */
	uint32_t snd_bytes; /**< unacknowledged and unsent */
	uint32_t snd_mem;   /**< octets accounted for the send queue */
	uint32_t rcv_head;
	uint32_t rcv_tail;
	uint32_t rcv_bytes; /**< in order and unread */
	uint32_t rcv_mem;
	uint32_t ooo_root; /**< runs of text out of order: a tree by sequence number */
	uint32_t ooo_runs;
	uint32_t ooo_bytes;
	uint32_t ooo_mem;
	uint32_t greedy_prev; /**< blocks with about as much out of order: tcp_ctx.mem.greedy */
	uint32_t greedy_next;
	uint32_t sack_recent
			[TCP_SACK_MAX]; /**< a number inside each run lately reported, the latest first */
	struct tcp_sack dsack;          /**< duplicate text that the next ACK reports (RFC 2883) */
	uint32_t fin_seq;               /**< TF_FIN_AHEAD: sequence number of the peer's FIN */
	uint32_t rtt_seq;               /**< the sample is complete when this is acknowledged */
	time_us_t rtt_start;
	uint8_t greedy_list; /**< 0: none */
	uint8_t n_sack;      /**< of sack_recent */
	bool dsack_on;
	bool for_send; /**< taken for SEND */
	bool rtt_on;
	uint8_t dup_owed; /**< out-of-order segments that have no ACK yet (RFC 5681 section 4.2) */
	struct tcp_pmtu pmtu;
	struct tcp_recovery rec;
	struct tcp_cc cc;
};

PTCP_STATIC_ASSERT(sizeof(struct tcp_block) <= 320, "the budget of a block: five cache lines");

/* ------------------------------------------------------------------ the context */

#define TCP_SLICES_MAX 16         /**< slices of one segment */
#define TCP_SLICE_MAX  (1u << 30) /**< bytes of one slice to send: queues stay below 2^31 */
#define TCP_LIST_MAX   8192       /**< TCBs in the event list; the wheel takes what does not fit */
/**
 * TCBs in the output list at most; it has room for all where there are fewer. A queue that the port does not empty as fast
 * must be one: what the wheel has to list again stands behind every newcomer, for seconds.
 */
#define TCP_OUTPUT_MAX  131072
#define TCP_PMTU_MAX    256 /**< connections whose reduced path MTU is to be raised again */
#define TCP_REPLY_MAX   128 /**< segments that belong to no TCB, a burst */
#define TCP_PROFILE_MAX 255
#define TCP_OPS_MAX     255
#define TCP_DUP_MAX     32  /**< duplicate ACKs of one connection a turn */
#define TCP_RUNS_MAX    512 /**< runs of text out of order of a connection */
#define TCP_COPY_MAX                                                                               \
	256u /**< received text up to this is packed with what waits already, instead of pinning a buffer of its own */
#define TCP_MEM_NODE                                                                               \
	2560u /**< octets a node stands for where conf.mem_max is 0: a usual mbuf and its node */
#define TCP_GREEDY 33u /**< lists of blocks by the bits of their octets out of order */

/** Limits and times; the API checks ranges and fills them in. */
struct tcp_conf {
	uint32_t max_tcbs;
	uint32_t max_timewait; /**< >= max_tcbs */
	uint32_t max_blocks;
	uint32_t max_nodes;
	uint32_t max_dests;
	uint32_t msl_ms;
	uint32_t rto_initial_ms;
	uint32_t rto_min_ms;
	uint32_t rto_max_ms;
	uint32_t delack_ms;
	uint32_t syn_r2_ms;
	uint32_t data_r2_ms;
	uint32_t fin_wait2_ms;
	uint32_t rcv_buf;
	uint32_t snd_buf;
	uint32_t rcv_buf_max; /**< what auto-tuning may raise rcv_buf to; <= rcv_buf: no auto-tuning */
	uint32_t snd_buf_max; /**< the same for snd_buf */
	uint64_t mem_max; /**< octets that all queues of the worker may hold, true sizes; 0: TCP_MEM_NODE for each node */
	uint32_t user_timeout_ms; /**< of the default profile (RFC 5482), 0: data_r2_ms */
	uint32_t max_half_open;   /**< records of half-open passive connections; 0: max_tcbs */
	uint32_t max_ranges;      /**< of the scoreboards of all senders */
	uint8_t cookies;          /**< enum tcp_cookies */
	uint8_t cc;               /**< enum tcp_cc_id of the default profile */
	uint8_t ecn;              /**< enum tcp_ecn */
	uint16_t mtu;             /**< of the link, 576 to 65,535: IP header and all */
	uint16_t mss_max;         /**< 0: from the MTU */
	uint16_t port_first;
	uint16_t port_last;
	bool timestamps;
	bool window_scale;
	bool ipv6;
	bool sack;    /**< RFC 2018 */
	bool pacing;  /**< of the default profile */
	uint8_t dscp; /**< of the default profile */
	uint8_t ttl;  /**< the same */
};

/** When SYN cookies are sent (RFC 4987). */
enum tcp_cookies {
	TCP_COOKIES_AUTO, /**< while the half-open records are all in use */
	TCP_COOKIES_NEVER,
	TCP_COOKIES_ALWAYS,
	TCP_COOKIES_MAX
};

/** What is done about ECN (RFC 3168). */
enum tcp_ecn {
	TCP_ECN_OFF,
	TCP_ECN_PASSIVE, /**< agreed to when a peer asks for it */
	TCP_ECN_ACTIVE,  /**< asked for as well */
	TCP_ECN_MAX
};

/** Congestion control algorithms, and their names for users. */
enum tcp_cc_id {
#define CC(name, key) TCP_CC_##name,
#include "tcp/cc.def"
#undef CC
	TCP_CC_MAX
};

#define TCP_LINGER_OFF                                                                             \
	UINT32_MAX /**< tcp_close() goes on in the background for as long as it takes */

/** Options of a connection, shared by all that have the same: tcp_profile_get(). */
struct tcp_profile {
	uint32_t keep_idle_ms;
	uint32_t keep_interval_ms;
	uint32_t user_timeout_ms; /**< RFC 5482: unacknowledged for so long, it is given up; 0: conf.data_r2_ms */
	uint32_t linger_ms; /**< bound of tcp_close(): 0: RST at once; TCP_LINGER_OFF */
	uint32_t refs;      /**< 0: free */
	uint8_t keep_count;
	bool keep_on;
	uint8_t cc; /**< enum tcp_cc_id */
	bool pacing;
	uint8_t dscp; /**< of what is sent, 0 to 63 (RFC 9293 section 3.9.1.9) */
	uint8_t ttl;  /**< of what is sent: TTL or hop limit, 1 to 255 */
};

/** What tcp_output() fills in. */
struct tcp_out {
	struct tcp_seg seg; /**< addresses, ports, header fields, options; payload is not used */
	uint32_t tcb;
	bool rexmt; /**< sent before */
	uint16_t n_slices;
	uint32_t len; /**< payload bytes, the sum of the slices */
	/** Lent until the next call into the core: who keeps one longer takes a reference. */
	struct tcp_buf slice[TCP_SLICES_MAX];
};

/** What the queues of a worker hold, and how scarce that makes memory. */
struct tcp_mem {
	uint64_t used; /**< octets: nodes, and what they keep from other use */
	uint64_t max;  /**< newcomers are refused from here on */
	uint64_t high; /**< pressure begins */
	uint64_t low;  /**< pressure ends */
	uint64_t ooo;  /**< of used: out of order */
	uint64_t ooo_max;
	uint32_t snd_nodes;  /**< of the nodes in use: in send queues */
	uint32_t snd_blocks; /**< of the blocks in use: taken for SEND */
	bool pressed;        /**< used came above high and has not come below low */
	bool scarce; /**< set by the caller, once a burst: its buffers run low, whatever used says */
	uint64_t greedy_map;         /**< bit i: greedy[i] is not empty */
	uint32_t greedy[TCP_GREEDY]; /**< blocks with text out of order, by the bits of ooo_mem */
};

/** A connection whose segments became smaller: RFC 1191 section 6.3. */
struct tcp_pmtu_entry {
	uint32_t tcb;
	uint32_t gen; /**< of the TCB then; 0: replaced by a later entry */
	time_ms_t when;
	uint16_t mss; /**< before */
};

struct tcp_ctx {
	time_us_t now;    /**< the clock, set by the caller once a burst */
	time_ms_t now_ms; /**< the same by time_us_to_ms() */
	uint8_t worker;   /**< goes into handles */
	bool draining;    /**< refuse new connections */
	struct tcp_conf conf;
	uint8_t rcv_wscale; /**< from the largest that rcv_buf may become */
	struct tcp_tcb *tcb;
	struct ip_addr *raddr6; /**< by TCB index; NULL without IPv6 */
	struct pool tcb_pool;
	struct pool block_pool;
	struct pool node_pool;
	struct pool range_pool;
	struct tcp_mem mem;
	struct conn_table table;
	struct timewait_table *timewait;
	struct port_table *ports;
	struct laddr_table *laddr; /**< the worker's */
	struct listener_table *listeners;
	struct wheel wheel;
	/* Half-open connections of listeners: tcp_half.h. */
	struct tcp_half *half;
	struct ip_addr *half_raddr6; /**< by record index; NULL without IPv6 */
	struct pool half_pool;
	struct conn_table half_table;
	struct wheel half_wheel;
	struct tcp_cookie_keys cookie;
	struct siphash_key hash_key; /**< tables */
	struct siphash_key isn_key;  /**< RFC 6528, timestamp offsets */
	struct counters *counters;
	uint32_t n_state[TCP_STATE_MAX];
	/* Rings: head and tail count up for ever, the place is the count modulo the size. */
	uint32_t output_head;
	uint32_t output_tail;
	uint32_t event_head;
	uint32_t event_tail;
	uint32_t reply_head;
	uint32_t reply_tail;
	uint32_t output_mask; /**< places in `output` less 1 */
	uint32_t *output;
	uint32_t event[TCP_LIST_MAX];
	struct tcp_seg reply[TCP_REPLY_MAX];
	bool reply_again[TCP_REPLY_MAX]; /**< it was sent before: tcp_reply_again() */
	struct tcp_profile profile[TCP_PROFILE_MAX];
	uint32_t pmtu_head; /**< a ring as those above, the oldest first */
	uint32_t pmtu_tail;
	struct tcp_pmtu_entry pmtu[TCP_PMTU_MAX];
};

/** Randomness for the context, from getrandom(2) in the product. */
struct tcp_secrets {
	struct siphash_key hash_key;
	struct siphash_key isn_key;
};

/** Bytes of memory that tcp_init() wants for everything but the context itself. */
size_t tcp_memory_size(const struct tcp_conf *conf);

/**
 * @param ctx       zeroed by this call
 * @param mem       tcp_memory_size() bytes, 64-byte aligned, zeroed
 * @param laddr     our addresses; may be filled later
 * @param counters  zeroed
 */
void tcp_init(struct tcp_ctx *ctx, const struct tcp_conf *conf, const struct tcp_secrets *secrets,
		void *mem, struct laddr_table *laddr, struct counters *counters, time_us_t now);

/** Give back every slice that is held, before the memory goes; afterwards the context is of no use. */
void tcp_purge(struct tcp_ctx *ctx);

/** The clock of the next calls. Once a burst. */
static inline void
tcp_set_time(struct tcp_ctx *ctx, time_us_t now)
{
	ctx->now = now;
	ctx->now_ms = time_us_to_ms(now);
}

static inline struct tcp_tcb *
tcp_at(const struct tcp_ctx *ctx, uint32_t index)
{
	PTCP_ASSERT(index < ctx->tcb_pool.size);
	return &ctx->tcb[index];
}

static inline uint32_t
tcp_index(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return (uint32_t)(tcb - ctx->tcb);
}

const char *tcp_state_name(unsigned int state);
const char *tcp_reason_name(unsigned int reason);

/* ------------------------------------------------------------------ handles */

#define TCP_INDEX_BITS 28

/** {worker 8, generation 28, index 28} */
static inline uint64_t
tcp_handle(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return (uint64_t)ctx->worker << 56 | (uint64_t)tcb->gen << TCP_INDEX_BITS |
			tcp_index(ctx, tcb);
}

/** The TCB behind a handle, or NULL when that connection is gone. */
static inline struct tcp_tcb *
tcp_from_handle(const struct tcp_ctx *ctx, uint64_t handle)
{
	const uint32_t index = (uint32_t)(handle & ((1u << TCP_INDEX_BITS) - 1));
	const uint32_t gen = (uint32_t)(handle >> TCP_INDEX_BITS) & ((1u << TCP_INDEX_BITS) - 1);

	if (handle >> 56 != ctx->worker || index >= ctx->tcb_pool.fresh || gen == 0)
		return NULL;
	return ctx->tcb[index].gen == gen ? &ctx->tcb[index] : NULL;
}

/* ------------------------------------------------------------------ what goes in */

/** Fill seg->hash; then tcp_prefetch() may follow, and a moment later tcp_prefetch_tcb(). */
void tcp_hash(const struct tcp_ctx *ctx, struct tcp_seg *seg);

static inline void
tcp_prefetch(const struct tcp_ctx *ctx, const struct tcp_seg *seg)
{
	conn_table_prefetch(&ctx->table, seg->hash);
	if (ctx->half_table.n_used > 0)
		conn_table_prefetch(&ctx->half_table, seg->hash);
}

static inline void
tcp_prefetch_tcb(const struct tcp_ctx *ctx, const struct tcp_seg *seg)
{
	/* Whose connection is not there may have it in TIME-WAIT. */
	if (conn_table_hint(&ctx->table, seg->hash) == PTCP_NIL)
		timewait_prefetch(ctx->timewait, seg->hash);
}

/**
 * SEGMENT ARRIVES, RFC 9293 section 3.10.7. seg->hash and seg->laddr are set. The core takes seg->payload over by
 * clearing its owner; what it leaves stays the caller's.
 * @return DROP_NONE, or why the segment (or its payload) was dropped: counted already
 */
enum drop_reason tcp_segment_arrives(struct tcp_ctx *ctx, struct tcp_seg *seg);

/** What ICMP says about a segment that we sent (RFC 5927). */
struct tcp_icmp {
	struct tcp_seg quoted; /**< src: ours; laddr and hash (of the connection) set; seq, sport, dport */
	bool hard;             /**< protocol or port unreachable */
	bool too_big;          /**< fragmentation needed */
	uint16_t mtu;          /**< as told, 0: not told */
};

enum drop_reason tcp_icmp_arrives(struct tcp_ctx *ctx, const struct tcp_icmp *icmp);

/** Deadlines: advance wheels and TIME-WAIT to ctx->now, at most @p budget units of work each. @return expiries */
uint32_t tcp_advance(struct tcp_ctx *ctx, uint32_t budget);

/**
 * When tcp_advance() is next needed, at the earliest: for an idle worker and for virtual time. While all
 * TCP_REPLY_MAX replies wait for tcp_reply_next(), half-open connections do not count: ask again when they have left.
 */
time_us_t tcp_next(const struct tcp_ctx *ctx);

/* ------------------------------------------------------------------ what comes out */

/** The next TCB that has something to send, or PTCP_NIL. It stays listed until tcp_output() says false. */
uint32_t tcp_output_next(struct tcp_ctx *ctx);

/**
 * Pull one segment of TCB @p index. Sequence state moves on as if it were sent.
 * @return false when there is nothing (more) to send: the TCB has left the output list and may be gone
 */
bool tcp_output(struct tcp_ctx *ctx, uint32_t index, struct tcp_out *out);

/** Pull one segment that belongs to no TCB (RST, ACK of TIME-WAIT, SYN,ACK), or NULL; valid until the next call. */
const struct tcp_seg *tcp_reply_next(struct tcp_ctx *ctx);

/** Whether what tcp_reply_next() gave last had been sent before. */
static inline bool
tcp_reply_again(const struct tcp_ctx *ctx)
{
	return ctx->reply_again[(ctx->reply_head - 1) & (TCP_REPLY_MAX - 1)];
}

/** Take the next TCB with events that can be delivered. @return false: none */
bool tcp_event_next(struct tcp_ctx *ctx, uint32_t *index, uint8_t *events);

/** The events of @p index were delivered; a closed connection is freed. */
void tcp_event_done(struct tcp_ctx *ctx, uint32_t index, uint8_t events);

/* ------------------------------------------------------------------ user calls, RFC 9293 section 3.10.1-3.10.6 */

/** What a new connection gets from its opener or listener. */
struct tcp_open_args {
	uint16_t laddr; /**< index of our address */
	uint16_t lport; /**< 0: ephemeral */
	uint16_t rport;
	struct ip_addr raddr;
	uint8_t ops;
	uint8_t profile;
	void *arg;
};

/** OPEN, active. @return TCB index >= 0, -EADDRNOTAVAIL, -EADDRINUSE, -ENOBUFS, -EINVAL */
int64_t tcp_open(struct tcp_ctx *ctx, const struct tcp_open_args *args);

/** OPEN, passive. @return listener index, -EADDRINUSE, -EINVAL, -ENOSPC */
int tcp_listen(struct tcp_ctx *ctx, uint16_t laddr, uint16_t port, uint32_t backlog, uint8_t ops,
		uint8_t profile, void *arg);
int tcp_unlisten(struct tcp_ctx *ctx, uint16_t listener);

/** Profile of connections accepted from now on; the reference moves in. @return 0, -ENOENT */
int tcp_listen_profile(struct tcp_ctx *ctx, uint16_t listener, uint8_t profile);

/**
 * SEND. Takes over the references of the slices it accepts.
 * @return slices accepted, or -EAGAIN (one writable event follows), -EPIPE, -ENOTCONN, -EINVAL (@p n is 0, or the first slice
 *         empty or above TCP_SLICE_MAX), -ENOBUFS (no block or node, and nothing queued; no event follows)
 */
int tcp_send(struct tcp_ctx *ctx, struct tcp_tcb *tcb, const struct tcp_buf *buf, unsigned int n);

/** Bytes that SEND would take now. */
uint32_t tcp_send_room(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/**
 * The size of the send buffer now, octets: 2 x cwnd between conf.snd_buf and conf.snd_buf_max, less while memory is scarce.
 */
uint32_t tcp_snd_bound(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** The size of the receive buffer now, octets: the window is what of it is free. */
uint32_t tcp_rcv_bound(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/**
 * The last queued slice when its bytes are not yet sent, so that a caller who owns its memory can append to it; NULL else.
 * After appending n bytes behind it, call tcp_send_grown().
 */
struct tcp_buf *tcp_send_tail(struct tcp_ctx *ctx, struct tcp_tcb *tcb);
void tcp_send_grown(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t n);

/**
 * Defined by the caller, as tcp_buf_ref() is. Replace *@p buf, whose owner (NULL where the text may not be held where it is)
 * stays its holder's, by a copy of the same bytes with one reference; its size is the copy's share of memory. Copies made
 * one after the other should lie one behind the other in one owner's memory: the core joins them to one slice then.
 * @param in_order the text may be delivered at once: it may have the last memory there is
 * @return false: no memory; nothing was changed
 */
bool tcp_buf_copy(struct tcp_ctx *ctx, struct tcp_buf *buf, bool in_order);

/** RECEIVE, first half: look at up to @p n slices in order. @return slices */
unsigned int tcp_recv(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb, struct tcp_buf *buf,
		unsigned int n);

/** Replace the owner of slices that were copied out: same bytes elsewhere. RECEIVE, second half: consume. @return 0, -EINVAL */
int tcp_recv_done(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint32_t len);

/** Bytes in order and unread. */
uint32_t tcp_recv_bytes(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** CLOSE of our direction: FIN after what is queued. @return 0, -EPIPE, -ENOTCONN */
int tcp_shutdown(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** CLOSE of both: nobody reads any more. @return 0, -EPIPE (done before), -ENOTCONN */
int tcp_close(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** ABORT. @return 0, -ENOTCONN */
int tcp_abort(struct tcp_ctx *ctx, struct tcp_tcb *tcb);

/** End a connection for @p reason that lies outside TCP (no next hop while SYN-SENT). */
void tcp_fail(struct tcp_ctx *ctx, struct tcp_tcb *tcb, enum tcp_reason reason);

/** Intern a profile like @p want (its refs do not matter), one reference. @return its index, or -ENOSPC */
int tcp_profile_get(struct tcp_ctx *ctx, const struct tcp_profile *want);
void tcp_profile_put(struct tcp_ctx *ctx, uint8_t profile);

/** Give @p tcb the profile @p profile (its reference moves to the TCB). */
void tcp_profile_set(struct tcp_ctx *ctx, struct tcp_tcb *tcb, uint8_t profile);

static inline const struct tcp_profile *
tcp_profile(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb)
{
	return &ctx->profile[tcb->profile];
}

const char *tcp_cc_name(unsigned int id);

/** The retransmission timeout now, backoff included, ms. */
uint32_t tcp_rto_ms(const struct tcp_ctx *ctx, const struct tcp_tcb *tcb);

/** SND.WND in bytes. */
static inline uint32_t
tcp_snd_wnd(const struct tcp_tcb *tcb)
{
	return (uint32_t)tcb->snd_wnd << (tcb->wscale >> 4);
}

/** RCV.WND in bytes: what is still advertised. */
static inline uint32_t
tcp_rcv_wnd(const struct tcp_tcb *tcb)
{
	return tcb->rcv_adv - tcb->rcv_nxt;
}

/** Check one TCB's invariants, or (PTCP_NIL) everything: NULL or a static text. For tests and the simulator. */
const char *tcp_check(const struct tcp_ctx *ctx, uint32_t index);

#endif
