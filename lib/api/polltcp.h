/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file polltcp.h
 * A complete TCP for DPDK. The only public header of libpolltcp.
 *
 * One worker an lcore, one RX/TX queue pair a worker. A connection belongs to one worker for its whole life, and every
 * call that names a connection is made on that worker: from an event callback, from the poll hook, or from a function
 * posted by ptcp_post(). Nothing locks. What may be called from elsewhere says so.
 *
 * Functions that return int answer 0 (or a count) or a negative errno value. Times are in the unit that the name ends
 * with. Addresses are in network byte order, ports in host byte order.
 */
#ifndef POLLTCP_H
#define POLLTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PTCP_API __attribute__((visibility("default")))

struct rte_mbuf;

/** One lcore's share of the stack. Opaque. */
struct ptcp_worker;

/** A connection's handle. Safe to keep for ever: after the connection's death calls answer -ENOTCONN. */
typedef uint64_t ptcp_conn_t;

/** No connection: never a valid handle. */
#define PTCP_CONN_NONE ((ptcp_conn_t)0)

/** An IP address and a port. */
struct ptcp_addr {
	uint8_t family; /**< 4 or 6 */
	uint16_t port;  /**< host byte order */
	uint8_t ip[16]; /**< network byte order; IPv4 uses the first four bytes, the rest is 0 */
};

/** "2001:db8::1" or "10.9.0.2" into @p out->family and ip (port untouched). @return 0 or -EINVAL. Any thread. */
PTCP_API int ptcp_addr_parse(const char *text, struct ptcp_addr *out);

/** The text of an address, with its port when that is not 0, at most 55 bytes with the NUL. Any thread. */
PTCP_API const char *ptcp_addr_format(const struct ptcp_addr *addr, char *text, size_t size);

/** Connection states (RFC 9293 section 3.3.2). LISTEN is a listener's, not a connection's. */
enum ptcp_state {
	PTCP_CLOSED,
	PTCP_LISTEN,
	PTCP_SYN_SENT,
	PTCP_SYN_RECEIVED,
	PTCP_ESTABLISHED,
	PTCP_FIN_WAIT_1,
	PTCP_FIN_WAIT_2,
	PTCP_CLOSE_WAIT,
	PTCP_CLOSING,
	PTCP_LAST_ACK,
	PTCP_TIME_WAIT,
	PTCP_STATE_MAX
};

/** "SYN-SENT", as the RFC writes it; NULL outside the range. Any thread. */
PTCP_API const char *ptcp_state_name(enum ptcp_state state);

/** Why a connection ended. */
enum ptcp_reason {
	PTCP_REASON_NONE,
	PTCP_REASON_DONE,    /**< both sides closed and every byte was acknowledged */
	PTCP_REASON_REFUSED, /**< RST in answer to our SYN */
	PTCP_REASON_RESET,   /**< the peer sent RST */
	PTCP_REASON_TIMEOUT, /**< unacknowledged until R2 (RFC 9293 section 3.8.3) or for the user timeout */
	PTCP_REASON_KEEPALIVE, /**< keepalive probes unanswered */
	PTCP_REASON_ABORTED, /**< ptcp_abort(), or a ptcp_close() that had to be one: unread bytes, PTCP_LINGER 0 */
	PTCP_REASON_LINGER, /**< a close outlasted its bound: PTCP_LINGER, that of FIN-WAIT-2, or the stop's */
	PTCP_REASON_UNREACHABLE, /**< ICMP error or no next hop, before the connection was established */
	PTCP_REASON_NO_MEMORY, /**< a pool was empty where nothing else could be done */
	PTCP_REASON_MAX
};

/** "reset", a stable key; NULL outside the range. Any thread. */
PTCP_API const char *ptcp_reason_name(enum ptcp_reason reason);

/* ------------------------------------------------------------------ configuration */

/** Congestion control. */
enum ptcp_cc {
	PTCP_CC_NEWRENO, /**< RFC 5681, RFC 6582 */
	PTCP_CC_CUBIC,   /**< RFC 9438 */
	PTCP_CC_MAX
};

/** "cubic", a stable key; NULL outside the range. Any thread. */
PTCP_API const char *ptcp_cc_name(enum ptcp_cc cc);

/** When a listener answers by SYN cookies (RFC 4987 section 3.6), which keep no state of the newcomer. */
enum ptcp_cookies {
	PTCP_COOKIES_AUTO,  /**< while no half-open record, or no place in the backlog, is free */
	PTCP_COOKIES_NEVER, /**< such newcomers are dropped and counted */
	PTCP_COOKIES_ALWAYS,
	PTCP_COOKIES_MAX
};

/** What is done about explicit congestion notification (RFC 3168). */
enum ptcp_ecn {
	PTCP_ECN_OFF,
	PTCP_ECN_PASSIVE, /**< agreed to when a peer asks for it */
	PTCP_ECN_ACTIVE,  /**< asked for as well, on the first SYN */
	PTCP_ECN_MAX
};

/** PTCP_LINGER: ptcp_close() goes on in the background for as long as R2 allows. */
#define PTCP_LINGER_OFF UINT32_MAX

/** Keepalive (RFC 9293 section 3.8.4). */
struct ptcp_keepalive {
	bool on;
	uint32_t idle_ms;     /**< 10 to 2^31 - 1; 7,200,000 */
	uint32_t interval_ms; /**< 10 to 2^31 - 1; 75,000 */
	uint8_t count;        /**< 1 to 255; 10 */
};

/** What a worker is made with. ptcp_conf_init() fills in the defaults. */
struct ptcp_conf {
	uint32_t max_connections; /**< TCBs, 1 to 2^28 - 1; 65,536 */
	uint32_t max_timewait;    /**< entries, max_connections to 2^28; 0: twice max_connections */
	uint32_t max_blocks; /**< connections with data in flight or unread at once, 1 to 2^28; 0: max_connections, at most 65,536 */
	uint32_t max_nodes; /**< slices queued in both directions, 16 to 2^28; 0: 8 for each block, at least 16,384 */
	uint32_t max_dests; /**< (local address, remote address and port) triples to connect to, 1 to 65,536; 0: 64 */
	uint32_t n_mbufs; /**< for headers and ptcp_send_copy(), 1,024 to 2^24; 0: max_blocks, at least 4,096, at most 16,384 */
	uint32_t msl_ms;  /**< 10 to 600,000; 30,000. TIME-WAIT lasts twice this */
	uint32_t rto_initial_ms; /**< 10 to 60,000; 1,000 (RFC 6298) */
	uint32_t rto_min_ms; /**< 1 to 60,000; 200 (a deviation from RFC 6298's 1 s, as Linux) */
	uint32_t rto_max_ms; /**< 1,000 to 600,000; 60,000 */
	uint32_t delack_ms; /**< 0 to 499 (RFC 9293 MUST-40); 40. 0: every segment is acknowledged at once */
	uint32_t syn_r2_ms; /**< how long a SYN is retransmitted, 100 to 86,400,000; at least 180,000 by RFC 9293; 180,000 */
	uint32_t data_r2_ms; /**< how long data is retransmitted, 100 to 86,400,000; 100,000 by RFC 9293; 924,000 */
	uint32_t fin_wait2_ms; /**< bound of an orphaned FIN-WAIT-2, 10 to 86,400,000; 60,000 */
	uint32_t rcv_buf; /**< receive buffer of a connection, bytes, 2,048 to 64 Mi; 262,144 */
	uint32_t snd_buf; /**< send buffer of a connection, bytes, 2,048 to 64 Mi; 262,144 */
	uint32_t rcv_buf_max; /**< what auto-tuning may raise rcv_buf to, bytes, to 64 Mi; at most rcv_buf: off; 4 Mi */
	uint32_t snd_buf_max; /**< the same for snd_buf; 4 Mi */
	uint64_t mem_max; /**< bytes that the queues of a worker hold at most, 64 Ki to 2^40; 0: what max_nodes bounds */
	uint32_t max_half_open; /**< records of half-open connections of listeners, 64 bytes each, 16 to 2^24, never more than max_connections; 0: a sixteenth of them, 1,024 to 2^20 */
	uint32_t user_timeout_ms; /**< unacknowledged for so long, a connection is given up (RFC 5482), to 86,400,000; 0: data_r2_ms */
	enum ptcp_cc cc;          /**< of new connections; CUBIC */
	enum ptcp_cookies cookies; /**< AUTO */
	enum ptcp_ecn ecn;         /**< PASSIVE */
	uint16_t mss; /**< upper bound of the MSS we announce, 64 to 65,495; 0: from the MTU */
	uint16_t port_first; /**< ephemeral ports, from 1; 1,024 */
	uint16_t port_last;  /**< not below port_first; 65,535 */
	uint8_t dscp;        /**< of new connections, 0 to 63 (RFC 2474); 0 */
	uint8_t ttl;         /**< of new connections: TTL or hop limit, 1 to 255; 64 */
	bool timestamps;     /**< RFC 7323; true */
	bool window_scale;   /**< RFC 7323; true */
	bool sack;           /**< RFC 2018; true */
	bool pacing;         /**< of new connections: spread segments over the round trip; false */
	bool ipv6;           /**< reserve memory for IPv6 addresses; true */
	struct ptcp_keepalive
			keepalive; /**< of new connections; off (RFC 9293 MUST-25), 7,200 s, 75 s, 10 */
};

/** Fill in the defaults. Any thread. */
PTCP_API void ptcp_conf_init(struct ptcp_conf *conf);

/** Check every range. @return 0, or -EINVAL with a line in @p err that names key, value and range. Any thread. */
PTCP_API int ptcp_conf_check(const struct ptcp_conf *conf, char *err, size_t err_size);

/** How to set a port up. Zeros are defaults. */
struct ptcp_port_conf {
	uint16_t port_id;
	uint16_t n_queues; /**< RX/TX pairs; 0: 1 */
	uint16_t n_rxd;    /**< descriptors; 0: 1,024, or what the port allows */
	uint16_t n_txd;
	uint16_t mtu;     /**< 0: the port's own */
	uint32_t n_mbufs; /**< a queue's RX pool; 0: from the descriptors and 8,192 above them */
	uint8_t mac[6];   /**< all zero: the port's own, or a local one where it has none */
};

/** What was asked of a port and granted. */
struct ptcp_port_info {
	uint16_t port_id;
	uint16_t n_queues;
	uint16_t n_rxd;
	uint16_t n_txd;
	uint16_t mtu;
	uint8_t mac[6];
	char driver[32];
	char name[64];
	int socket_id;
	bool rx_ip_cksum; /**< checksums verified by the port */
	bool rx_tcp_cksum;
	bool tx_ip_cksum; /**< checksums filled in by the port */
	bool tx_tcp_cksum;
	bool tx_multi_seg;
};

/**
 * Configure and start a port: offloads negotiated, pools made on its NUMA node. Main lcore, before the workers run.
 * @param info  may be NULL
 * @return 0, or a negative errno value with one line in @p err
 */
PTCP_API int ptcp_port_start(const struct ptcp_port_conf *conf, struct ptcp_port_info *info,
		char *err, size_t err_size);

PTCP_API int ptcp_port_info_get(uint16_t port_id, struct ptcp_port_info *info);

/** Stop and close a port and free its pools; its workers must be freed before. Main lcore. */
PTCP_API int ptcp_port_stop(uint16_t port_id);

/* ------------------------------------------------------------------ workers */

/**
 * Make a worker on queue @p queue_id of the started port @p port_id. All memory is taken here. Main lcore.
 * @param worker_id  0 to 255; part of every handle
 * @return NULL with one line in @p err
 */
PTCP_API struct ptcp_worker *ptcp_worker_create(const struct ptcp_conf *conf, uint8_t worker_id,
		uint16_t port_id, uint16_t queue_id, char *err, size_t err_size);

/** Free a worker that no lcore polls any more; connections that are left vanish without a word. Main lcore. */
PTCP_API void ptcp_worker_free(struct ptcp_worker *w);

/**
 * Give the worker @p count addresses from @p first upwards, in a subnet of @p prefix_len, with an optional gateway
 * (NULL: on-link only). Before the worker runs.
 * @return 0, -EINVAL, -EEXIST, -ENOSPC, -EAFNOSUPPORT (IPv6, until there is neighbour discovery)
 */
PTCP_API int ptcp_addr_add(struct ptcp_worker *w, const struct ptcp_addr *first, uint16_t count,
		uint8_t prefix_len, const struct ptcp_addr *gateway);

/** One turn of the loop. @return packets received and sent; 0: it was idle. The lcore that owns the worker. */
PTCP_API uint32_t ptcp_worker_poll(struct ptcp_worker *w);

/**
 * After the last ptcp_worker_poll(): hand the port what still waits for it, or give it up when the port takes nothing for
 * 100 ms (counted as tx_full). ptcp_worker_run() does so by itself. The lcore that owns the worker.
 */
PTCP_API void ptcp_worker_settle(struct ptcp_worker *w);

/** Poll until ptcp_worker_stop(). The lcore that calls owns the worker. */
PTCP_API void ptcp_worker_run(struct ptcp_worker *w);

/** Make ptcp_worker_run() return after its current turn. Any thread, signal handlers included. */
PTCP_API void ptcp_worker_stop(struct ptcp_worker *w);

/** Called once in every turn after the events; for load generators and the like. NULL takes it away. */
typedef void (*ptcp_hook_t)(struct ptcp_worker *w, void *arg);
PTCP_API void ptcp_worker_hook(struct ptcp_worker *w, ptcp_hook_t hook, void *arg);

/** Run @p fn(w, arg) on the worker at its next turn. Any thread. @return 0, or -ENOBUFS when the mailbox is full */
PTCP_API int ptcp_post(struct ptcp_worker *w, ptcp_hook_t fn, void *arg);

/** The worker's clock as read at the start of the turn, microseconds, monotonic. */
PTCP_API uint64_t ptcp_now_us(const struct ptcp_worker *w);

/** Refuse new connections from now on (SYNs for our ports are dropped and counted, listeners stay). */
PTCP_API void ptcp_worker_drain(struct ptcp_worker *w);

/* ------------------------------------------------------------------ events */

/**
 * What the application hears, always on the owning worker, between the receiving and the sending of a turn; every
 * ptcp_ call may be made inside. NULL members are skipped. @p arg is the connection's (ptcp_arg_set()), at first the
 * listener's or the one given to ptcp_connect().
 */
struct ptcp_ops {
	void (*accepted)(struct ptcp_worker *w, ptcp_conn_t c,
			void *arg); /**< handshake done, passive */
	void (*connected)(struct ptcp_worker *w, ptcp_conn_t c,
			void *arg); /**< handshake done, active */
	void (*readable)(struct ptcp_worker *w, ptcp_conn_t c,
			void *arg); /**< new bytes for ptcp_recv() */
	void (*writable)(struct ptcp_worker *w, ptcp_conn_t c,
			void *arg); /**< room again after -EAGAIN; once */
	/** The peer's FIN, after the last readable byte. Sending goes on for as long as you like (CLOSE-WAIT). */
	void (*peer_closed)(struct ptcp_worker *w, ptcp_conn_t c, void *arg);
	/**
	 * A soft error (RFC 9293 section 3.9.1.8): nothing has ended, but @p reason says what may end it. PTCP_REASON_TIMEOUT:
	 * the third retransmission in a row has to leave (R1); PTCP_REASON_UNREACHABLE: an ICMP error came about a segment
	 * in flight.
	 */
	void (*trouble)(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason);
	/**
	 * Exactly once, the last event; the handle is dead afterwards. It waits until received bytes were read (or
	 * ptcp_close() was called). TIME-WAIT lives on without a handle.
	 */
	void (*closed)(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason);
};

/* ------------------------------------------------------------------ connections */

/**
 * Listen on @p addr (ip all zero: every address of that family) and its port.
 * @param backlog  half-open connections at most, 1 to 2^31 - 1
 * @param ops      must stay valid while the worker lives; at most 255 different ones a worker
 * @return listener id >= 0, or -EADDRINUSE, -EADDRNOTAVAIL (not our address), -EINVAL, -ENOSPC
 */
PTCP_API int ptcp_listen(struct ptcp_worker *w, const struct ptcp_addr *addr, uint32_t backlog,
		const struct ptcp_ops *ops, void *arg);

/** Keepalive of connections accepted from now on. @return 0, -ENOENT, -EINVAL, -ENOSPC */
PTCP_API int ptcp_listen_keepalive(
		struct ptcp_worker *w, int listener, const struct ptcp_keepalive *ka);

/** Stop listening; connections live on. @return 0 or -ENOENT */
PTCP_API int ptcp_unlisten(struct ptcp_worker *w, int listener);

/**
 * Open a connection (RFC 9293 section 3.10.1). The SYN leaves at the end of this turn.
 * @param local   NULL, or ip all zero: the worker's first address of the family; port 0: an ephemeral one
 * @param conn    the handle; valid at once
 * @return 0, -EADDRNOTAVAIL (every port to that peer in use, TIME-WAIT included), -EADDRINUSE (the named port),
 *         -ENOBUFS (no TCB, no port set, or the queues hold what memory they may), -ENETUNREACH (off-link, no gateway), -EINVAL (remote port 0; a remote address
 *         that is no unicast address or our own; families differ)
 */
PTCP_API int ptcp_connect(struct ptcp_worker *w, const struct ptcp_addr *remote,
		const struct ptcp_addr *local, const struct ptcp_ops *ops, void *arg,
		ptcp_conn_t *conn);

/** A slice of an mbuf's data. Each segment of a chain is an owner of its own: unlink it before it is sent. */
struct ptcp_buf {
	struct rte_mbuf *
			owner; /**< one segment; its 16-bit reference count bounds how often it is queued at once */
	uint8_t *data; /**< inside the owner's (possibly external) buffer */
	uint32_t len;  /**< bytes, 1 to 65,535 */
};

/**
 * Queue slices to be sent, zero-copy. Takes over one reference to the owner of each slice that it accepts; the bytes
 * must not change until they are acknowledged.
 * @return slices accepted, 1 to @p n, always the first ones; -EAGAIN at the bound, which is lower while the worker's memory
 *         is scarce (then one writable event), -ENOTCONN, -EPIPE (after ptcp_shutdown() or ptcp_close()), -ENOBUFS (no
 *         memory, and nothing queued whose ACK could bring the event: try later), -EINVAL
 */
PTCP_API int ptcp_send(
		struct ptcp_worker *w, ptcp_conn_t c, const struct ptcp_buf *bufs, unsigned int n);

/**
 * Copy plain memory to be sent.
 * @return bytes accepted, 1 to @p len; errors as ptcp_send(), and -ENOBUFS also when the worker has no mbuf for them, whatever
 *         is queued: no event follows, try later
 */
PTCP_API int ptcp_send_copy(struct ptcp_worker *w, ptcp_conn_t c, const void *data, size_t len);

/** Bytes that can be queued now. 0 when none, or no connection. */
PTCP_API uint32_t ptcp_send_room(const struct ptcp_worker *w, ptcp_conn_t c);

/**
 * Look at received bytes in order: lends up to @p n slices (64 at most), which stay the stack's and valid until ptcp_recv_done()
 * or the next turn, whichever comes first. @return slices filled in, 0 when there are none, -ENOTCONN
 */
PTCP_API int ptcp_recv(struct ptcp_worker *w, ptcp_conn_t c, struct ptcp_buf *bufs, unsigned int n);

/** Consume @p len bytes of what ptcp_recv() shows and open the window. @return 0, -ENOTCONN, -EINVAL (more than there is) */
PTCP_API int ptcp_recv_done(struct ptcp_worker *w, ptcp_conn_t c, uint32_t len);

/** Copy out and consume. @return bytes, 0 when there are none, -ENOTCONN */
PTCP_API int ptcp_recv_copy(struct ptcp_worker *w, ptcp_conn_t c, void *data, size_t len);

/** Half-close: FIN after what is queued; receiving goes on. @return 0, -ENOTCONN, -EPIPE (done already) */
PTCP_API int ptcp_shutdown(struct ptcp_worker *w, ptcp_conn_t c);

/**
 * Close both directions gracefully: FIN after what is queued. Bytes that arrive from now on, or lie unread, turn it into
 * a RST (RFC 9293 section 3.6.1, RFC 2525 section 2.17). The closed event still comes. @return 0, -ENOTCONN, -EPIPE
 */
PTCP_API int ptcp_close(struct ptcp_worker *w, ptcp_conn_t c);

/** RST, at once (RFC 9293 section 3.10.5). The closed event still comes. @return 0 or -ENOTCONN */
PTCP_API int ptcp_abort(struct ptcp_worker *w, ptcp_conn_t c);

/** Set or get the application's pointer. */
PTCP_API int ptcp_arg_set(struct ptcp_worker *w, ptcp_conn_t c, void *arg);
PTCP_API void *ptcp_arg_get(const struct ptcp_worker *w, ptcp_conn_t c);

/** Options of a connection. */
enum ptcp_opt {
	PTCP_KEEPALIVE,    /**< 0 off, 1 on */
	PTCP_KEEPIDLE,     /**< ms */
	PTCP_KEEPINTVL,    /**< ms */
	PTCP_KEEPCNT,      /**< probes */
	PTCP_NODELAY,      /**< 1: no Nagle (RFC 9293 section 3.7.4) */
	PTCP_USER_TIMEOUT, /**< ms, 0: data_r2_ms (RFC 5482) */
	/**
	 * ms. What ptcp_close() does: 0: RST at once; PTCP_LINGER_OFF (default): in the background, until R2; else RST when
	 * it is not done after so long.
	 */
	PTCP_LINGER,
	PTCP_CC,     /**< enum ptcp_cc; from the next segment on */
	PTCP_PACING, /**< 1: on */
	PTCP_DSCP, /**< 0 to 63: the differentiated services code point of what is sent from now on (RFC 2474) */
	PTCP_TTL, /**< 1 to 255: TTL or hop limit of what is sent from now on */
};

/** @return 0, -ENOTCONN, -EINVAL (option or range), -ENOSPC (more than 255 different combinations of settings) */
PTCP_API int ptcp_set(struct ptcp_worker *w, ptcp_conn_t c, enum ptcp_opt opt, uint32_t value);
PTCP_API int ptcp_get(
		const struct ptcp_worker *w, ptcp_conn_t c, enum ptcp_opt opt, uint32_t *value);

/** What TCP knows of a connection. */
struct ptcp_info {
	enum ptcp_state state;
	struct ptcp_addr local;
	struct ptcp_addr remote;
	uint32_t snd_una, snd_nxt, rcv_nxt; /**< RFC 9293 section 3.3.1 */
	uint32_t snd_wnd;                   /**< bytes */
	uint32_t rcv_wnd;                   /**< bytes, as advertised */
	uint32_t cwnd;                      /**< bytes */
	uint32_t ssthresh;
	uint16_t mss; /**< payload of a full segment, options deducted */
	uint8_t snd_wscale, rcv_wscale;
	bool timestamps, sack, ecn; /**< in use */
	bool pacing;
	bool recovering; /**< a loss is being repaired */
	enum ptcp_cc cc;
	uint32_t srtt_us, rttvar_us, rto_ms;
	uint8_t retransmits;      /**< of the segment at snd_una, in a row */
	uint32_t in_flight;       /**< bytes */
	uint32_t unsent;          /**< bytes queued and not yet sent */
	uint32_t unread;          /**< bytes received in order and not yet consumed */
	uint8_t keepalive_probes; /**< sent and unanswered */
};

PTCP_API int ptcp_info(const struct ptcp_worker *w, ptcp_conn_t c, struct ptcp_info *info);

/* ------------------------------------------------------------------ statistics: any thread, racy by a turn */

/** Counters: their number, and the name ("segments_in", a stable key) and text of each. Any thread. */
PTCP_API unsigned int ptcp_counter_count(void);
PTCP_API const char *ptcp_counter_name(unsigned int i);
PTCP_API const char *ptcp_counter_text(unsigned int i);
PTCP_API uint64_t ptcp_counter_get(const struct ptcp_worker *w, unsigned int i);

/** The counter of that name; 0 when there is none. Any thread. */
PTCP_API uint64_t ptcp_counter_by_name(const struct ptcp_worker *w, const char *name);

/** Drop reasons: the same. Reason 0 is "none" and always 0. Any thread. */
PTCP_API unsigned int ptcp_drop_count(void);
PTCP_API const char *ptcp_drop_name(unsigned int i);
PTCP_API const char *ptcp_drop_text(unsigned int i);
PTCP_API uint64_t ptcp_drop_get(const struct ptcp_worker *w, unsigned int i);

/** Connections in @p state now; TIME-WAIT counts the entries of its table, LISTEN the listeners. Any thread. */
PTCP_API uint32_t ptcp_state_count(const struct ptcp_worker *w, enum ptcp_state state);

/** A pool of the worker: everything that could leak. */
struct ptcp_pool_info {
	const char *name; /**< "tcb", "block", "node", "timewait", "port", "half_open", "range", "mbuf_rx", ... */
	uint32_t size;
	uint32_t used;
	uint32_t peak; /**< 0 where it is not kept */
	uint32_t at_start; /**< used when the worker was made: mbufs that lie in the RX ring, for instance */
	size_t bytes; /**< memory of the whole pool; 0 when it is not the worker's */
};

/** Pools are numbered from 0. @return 0, or -ENOENT behind the last. Any thread. */
PTCP_API int ptcp_pool_info(
		const struct ptcp_worker *w, unsigned int i, struct ptcp_pool_info *info);

/* ------------------------------------------------------------------ trace */

/** One segment as it passed. */
struct ptcp_trace {
	uint64_t time_us;
	bool sent;           /**< false: received */
	bool retransmission; /**< sent again */
	struct ptcp_addr src, dst;
	uint32_t seq, ack, len; /**< len: payload bytes */
	uint16_t wnd;
	uint8_t flags;         /**< FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128 */
	enum ptcp_state state; /**< of our end, after the segment */
};

/** Called for each TCP segment; NULL takes it away and then it costs one predicted branch a packet. Owning worker. */
typedef void (*ptcp_trace_t)(void *arg, const struct ptcp_trace *rec);
PTCP_API void ptcp_trace_set(struct ptcp_worker *w, ptcp_trace_t fn, void *arg);

/** The library's version, "0.1.0". Any thread. */
PTCP_API const char *ptcp_version(void);

#ifdef __cplusplus
}
#endif

#endif
