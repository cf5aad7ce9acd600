/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file A worker: one lcore, one queue pair, one core. worker_poll() is the way of a packet; rx.c, tx.c and link.c hold
 * its steps. All of it is touched by the owning lcore alone, but for the mailbox, the stop flag, and counters that
 * anybody may read.
 */
#ifndef PTCP_WORKER_WORKER_H
#define PTCP_WORKER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/compiler.h"
#include "base/counter.h"
#include "conn/laddr.h"
#include "conn/neigh.h"
#include "port/port.h"
#include "tcp/tcp.h"
#include "wire/ip.h"
#include "worker/tsc.h"

#define WORKER_BURST        32u
#define WORKER_TX_MAX       512u /**< packets that wait for the end of the turn, or for the port */
#define WORKER_TX_RESERVE   32u  /**< of these, for ARP, ICMP and packets that waited for ARP */
#define WORKER_STOCK        64u  /**< mbufs of each kind taken from their pools ahead of use */
#define WORKER_FULL_BURSTS  64u  /**< after so many timers run though packets wait */
#define WORKER_TIMER_BUDGET 256u /**< expiries a turn */
#define WORKER_NEIGH_US     2000u
#define WORKER_TX_STALL_US                                                                         \
	100000u /**< a port that takes nothing for so long loses what waits for it */
#define WORKER_COPY_MAX                                                                            \
	256u /**< payload up to this is copied behind the header instead of chained */
#define WORKER_MAIL       1024u /**< messages that wait */
#define WORKER_MAIL_BURST 32u
#define WORKER_ICMP_BURST 64u /**< echo replies at once; then one a millisecond */

struct ptcp_worker;
typedef void (*worker_fn_t)(struct ptcp_worker *w, void *arg);

/** A segment passed. @p tcb: its TCB, PTCP_NIL where the worker does not know; @p len: payload bytes. */
typedef void (*worker_trace_t)(struct ptcp_worker *w, const struct tcp_seg *seg, uint32_t tcb,
		uint32_t len, bool sent, bool rexmt);

struct worker_msg {
	worker_fn_t fn;
	void *arg;
};

/** A stock of mbufs of one kind, so that nothing is pulled from the core that cannot be sent. */
struct worker_stock {
	struct rte_mempool *pool;
	uint32_t n;
	struct rte_mbuf *m[WORKER_STOCK];
};

struct ptcp_worker {
	/* read in every turn */
	uint16_t port_id;
	uint16_t queue_id;
	uint16_t tx_segs_max; /**< mbufs of one packet that the port takes; 1: no chains */
	uint8_t mac[ETH_MAC_LEN];
	bool rx_ip_cksum; /**< the port's verdict on checksums is valid */
	bool rx_tcp_cksum;
	bool tx_ip_cksum; /**< the port fills checksums in */
	bool tx_tcp_cksum;
	uint32_t full_bursts;
	struct tsc_clock clock;
	time_us_t neigh_when; /**< next neigh_poll() */
	struct neigh_table *neigh;
	struct rte_mempool *rx_pool;
	struct rte_ring *mailbox; /**< of struct worker_msg; many producers, one consumer */
	void (*deliver)(struct ptcp_worker *w); /**< hands the core's events to the user */
	worker_fn_t hook;
	void *hook_arg;
	worker_trace_t trace;
	bool stop; /**< atomic */

	/* pool levels, read once a turn */
	bool rx_low;         /**< half of what the RX pool has to spare is held by somebody */
	uint32_t rx_spare;   /**< free mbufs of the RX pool when the worker was made */
	uint32_t tx_free;    /**< free mbufs of the transmit pool */
	uint32_t tx_reserve; /**< of these, not for data */
	/** net_ring hands us our peer's own mbufs: the last such pool seen, and whether it runs low. */
	struct rte_mempool *peer_pool;
	bool peer_low;
	struct rte_mbuf *
			copy; /**< where payload is copied to, as long as there is room in it; may be NULL */

	/* received */
	uint32_t n_seg;
	struct rte_mbuf *rx[WORKER_BURST];
	struct rte_mbuf *seg_mbuf[WORKER_BURST];
	struct tcp_seg seg[WORKER_BURST];

	/* to be sent */
	uint32_t n_tx;
	uint32_t n_sent;      /**< in this turn */
	uint32_t n_prepared;  /**< of tx[], checked by the port */
	time_us_t tx_stalled; /**< since when the port has taken nothing of tx[]; 0: it does */
	uint16_t ip_id;
	struct worker_stock hdr;
	struct worker_stock ind;
	struct rte_mbuf *tx[WORKER_TX_MAX];
	struct tcp_out out;

	/* ICMP echo: a bucket of tokens */
	uint32_t icmp_tokens;
	time_ms_t icmp_when;

	uint32_t n_held;      /**< packets that wait in neigh */
	uint32_t rx_at_start; /**< mbufs of the RX pool that lay in the RX ring */
	uint8_t id;
	int socket_id;
	const char *owner; /**< the thread that polls: &worker_thread of it; NULL: nobody yet */
	struct port_queue *queue;
	void *core_mem;
	struct laddr_table laddr;
	struct counters counters;

	/* the api's */
	uint8_t profile_default; /**< profile of new connections */
	uint8_t n_ops;
	const void *ops[TCP_OPS_MAX];
	void (*trace_user)(void);
	void *trace_arg;

	struct tcp_ctx ctx;
};

/** Log, the first time, that a peer's window scale was clamped. */
void worker_warn_wscale(const struct ptcp_worker *w);

/** What worker_create() is told. */
struct worker_setup {
	struct tcp_conf tcp; /**< mtu is filled in from the port */
	uint8_t id;
	uint16_t port_id;
	uint16_t queue_id;
	uint32_t n_mbufs; /**< transmit pool */
	void (*deliver)(struct ptcp_worker *w);
};

/**
 * Before the first worker: these, and not random ones. Only for what has to repeat to the instruction: whoever knows them
 * can guess ISNs and fill buckets.
 */
void worker_secrets_set(const struct tcp_secrets *known);

/** @return NULL with one line in @p err. Main lcore. */
struct ptcp_worker *worker_create(const struct worker_setup *setup, char *err, size_t err_size);

/** Give everything back; connections vanish. Nobody polls any more. Main lcore. */
void worker_free(struct ptcp_worker *w);

/** One turn. @return packets received and sent */
uint32_t worker_poll(struct ptcp_worker *w);

/** After the last turn: what waits for the port goes out, or is given up after WORKER_TX_STALL_US. */
void worker_settle(struct ptcp_worker *w);

/** Turns until the stop flag is set. */
void worker_run(struct ptcp_worker *w);

/** @return 0 or -ENOBUFS. Any thread. */
int worker_post(struct ptcp_worker *w, worker_fn_t fn, void *arg);

/** Its address names the thread. */
extern __thread char worker_thread;

/** Whether the calling thread may touch @p w: it polls it, or nobody does. For assertions. */
static inline bool
worker_owned(const struct ptcp_worker *w)
{
	return w->owner == NULL || w->owner == &worker_thread;
}

static inline void
worker_drop(struct ptcp_worker *w, enum drop_reason reason)
{
	w->counters.drop[reason]++;
}

static inline void
worker_count(struct ptcp_worker *w, enum counter_id id)
{
	w->counters.n[id]++;
}

/* ------------------------------------------------------------------ rx.c */

/** Receive a burst and make segments of it. @return packets received */
uint32_t rx_burst(struct ptcp_worker *w);

/** Hash all segments and touch what their look-up will touch. */
void rx_look_up(struct ptcp_worker *w);

/** Hand the segments to the core, free what it left. */
void rx_arrive(struct ptcp_worker *w);

/* ------------------------------------------------------------------ link.c */

/** An ARP packet, @p len bytes at @p p. @return DROP_NONE or why it was of no use; not counted yet */
enum drop_reason link_arp(struct ptcp_worker *w, const uint8_t *p, uint32_t len,
		const uint8_t eth_src[ETH_MAC_LEN]);

/** An ICMP message in the IPv4 packet at @p l3 for our address @p laddr. @return as link_arp() */
enum drop_reason link_icmp(
		struct ptcp_worker *w, const uint8_t *l3, const struct ip_view *ip, uint16_t laddr);

/** Retry, confirm and forget neighbours when it is time. */
void link_neighbours(struct ptcp_worker *w);

/** Take back a packet that waited for a neighbour: neigh_drop_t. */
void link_held_drop(void *arg, void *packet);

/* ------------------------------------------------------------------ tx.c */

/** An empty mbuf for a header, room for a packet of the port's MTU behind its data; NULL (counted) when none is left. */
struct rte_mbuf *tx_header(struct ptcp_worker *w);

/** Pull what the core has to send. */
void tx_output(struct ptcp_worker *w);

/** Queue a frame that is complete; when there is no place it is dropped and counted. */
void tx_append(struct ptcp_worker *w, struct rte_mbuf *m);

/**
 * Queue a packet whose Ethernet header lacks the destination, from our address @p laddr to @p dst. It waits when the next
 * hop is not known.
 * @param hint  neighbour index, or anything
 * @return the neighbour's index as the next hint, or NEIGH_NONE
 */
uint16_t tx_route(struct ptcp_worker *w, struct rte_mbuf *m, uint8_t family, uint16_t laddr,
		const struct ip_addr *dst, uint16_t hint);

/** Hand the queued packets to the port; what it does not take waits, up to WORKER_TX_STALL_US. */
void tx_flush(struct ptcp_worker *w);

/* ------------------------------------------------------------------ mbufs: buf.c */

/** Free mbufs of a pool, those in other lcores' caches not counted. */
uint32_t buf_level(const struct rte_mempool *pool);

/** Read the levels of the pools. Once a turn. */
void buf_levels(struct ptcp_worker *w);

/** Whether payload in an mbuf of @p pool must not be held but copied out. */
bool buf_pool_low(struct ptcp_worker *w, struct rte_mempool *pool);

/** Bytes that one of @p m's holders keeps from other use: the mbuf, and his share of its buffer. */
static inline uint32_t
buf_size(const struct rte_mbuf *m)
{
	uint32_t holders = rte_mbuf_refcnt_read(m);

	if (PTCP_UNLIKELY(RTE_MBUF_CLONED(m)))
		holders = rte_mbuf_refcnt_read(
				rte_mbuf_from_indirect((struct rte_mbuf *)(uintptr_t)m));
	else if (PTCP_UNLIKELY(RTE_MBUF_HAS_EXTBUF(m)))
		holders = rte_mbuf_ext_refcnt_read(m->shinfo);
	return (uint32_t)sizeof(struct rte_mbuf) +
			(PTCP_LIKELY(holders == 1) ? m->buf_len : m->buf_len / holders);
}

/** Mbufs of @p pool that are kept for copies to come and hold nobody's payload: 0 or 1. */
uint32_t buf_spare(const struct ptcp_worker *w, const struct rte_mempool *pool);

/** An mbuf for data to be sent; NULL when only the reserve is left. */
struct rte_mbuf *buf_data_alloc(struct ptcp_worker *w);

#endif
