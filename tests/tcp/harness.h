/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file One core in virtual time against a scripted peer. Segments that it sends and events that it raises are logged;
 * after each step every invariant is checked.
 */
#ifndef PTCP_TESTS_TCP_HARNESS_H
#define PTCP_TESTS_TCP_HARNESS_H

#include "test.h"

#include "tcp/tcp.h"

#define H_LOG_MAX  4096
#define H_DATA_MAX 65536

/** A segment that the core sent. */
struct h_seg {
	struct tcp_seg seg;
	time_us_t when;
	uint32_t len; /**< payload octets */
	bool rexmt;
	bool reply;    /**< belongs to no TCB */
	uint8_t *data; /**< its payload, copied */
};

struct h_event {
	uint32_t tcb;
	uint8_t events;
	uint8_t reason;
	time_us_t when;
};

struct harness {
	struct tcp_ctx *ctx;
	struct laddr_table laddr;
	struct counters counters;
	void *mem;
	struct h_seg sent[H_LOG_MAX];
	unsigned int n_sent;
	unsigned int seen; /**< cursor of h_next() */
	struct h_event event[H_LOG_MAX];
	unsigned int n_event;
	uint8_t all_events; /**< every EV_* since h_forget() */
	uint8_t reason;     /**< of the last closed event */
	/* The peer: what the next h_in() says unless told otherwise. */
	enum ip_family family;
	struct ip_addr peer;
	uint16_t peer_port;
	uint16_t our_port;
	uint32_t seq; /**< next sequence number of the peer */
	uint32_t ack; /**< what it acknowledges: follows what the core sends */
	uint16_t wnd;
	uint8_t opts; /**< TCP_OPT_* on its SYN; TCP_OPT_TS on all */
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val;
	uint32_t ts_ecr;
	int listener;
	bool auto_read;    /**< consume what arrives (default) */
	uint8_t *received; /**< what was read */
	uint32_t received_size;
	uint32_t n_received;
	bool no_check;
	bool no_owner; /**< text comes without an owner: it may not be held where it lies */
	uint32_t buf_size; /**< what the buffers of incoming text keep from other use; 0: their length */
	bool no_pump; /**< leave output and events where they are: more is to come in the same burst */
	uint32_t written;    /**< octets queued by h_write() */
	struct tcp_tcb view; /**< h_view() */
};

/** Defaults for tests; change what matters, then h_new(). MSL 1 s, buffers 64 kB, no delay of ACKs: no. */
struct tcp_conf h_conf(void);

/** A core with address 10.0.0.1 / fd00::1 and a listener on port 80, at @p start microseconds. */
struct harness *h_new(const struct tcp_conf *conf, enum ip_family family, time_us_t start);

/** The default profile with this keepalive, one reference. @return its index, or -ENOSPC */
int h_keep(struct tcp_ctx *ctx, bool on, uint32_t idle_ms, uint32_t interval_ms, uint8_t count);

/** Ends everything, and asserts that every pool is back at its start and no buffer is held. */
void h_free(struct harness *h);

/** A segment from the peer with h->seq, h->ack, h->wnd, h->opts and @p len octets of pattern text. h->seq moves on by its length. */
enum drop_reason h_in(struct harness *h, uint8_t flags, uint32_t len);

/** The same at any sequence and acknowledgment number; h->seq stays. */
enum drop_reason h_in_at(
		struct harness *h, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);

/** An ACK of @p ack with @p n SACK blocks, no text. */
enum drop_reason h_sack(
		struct harness *h, uint32_t ack, const struct tcp_sack *blocks, unsigned int n);

/** A segment with every field given; tuple, laddr and hash are filled in when ports are 0. */
enum drop_reason h_inject(
		struct harness *h, struct tcp_seg *seg, const uint8_t *data, uint32_t len);

/** Pull everything: events, then output. Called by the others; call it after user calls. */
void h_pump(struct harness *h);

/** Let time pass, deadline by deadline. */
void h_wait(struct harness *h, time_us_t us);
void h_wait_ms(struct harness *h, uint64_t ms);

/** The next segment that the core sent and nobody looked at, or NULL. */
const struct h_seg *h_next(struct harness *h);

/** Expect one more segment with exactly these flags; NULL (and a failed assertion) else. */
const struct h_seg *h_expect(struct harness *h, uint8_t flags);

/** Expect that nothing was sent since the last look. */
void h_expect_none(struct harness *h);

/** Forget segments and events so far. */
void h_forget(struct harness *h);

/** The peer's TCB, or NULL when it has none (CLOSED, or only a half-open or TIME-WAIT record). */
struct tcp_tcb *h_tcb(struct harness *h);

/**
 * The same, to look at: a half-open record as the TCB that it stands for (its fields of SYN-RECEIVED; valid until the next
 * call). Also the record itself, where there is one.
 */
const struct tcp_tcb *h_view(struct harness *h);
struct tcp_half *h_half(struct harness *h);

/** The state of the peer's connection, half-open and TIME-WAIT records included. */
enum tcp_state h_state(struct harness *h);

/** Bring a new connection into @p state by segments and calls. Passive opens unless @p active. h->seq, h->ack fit. */
void h_to_state(struct harness *h, enum tcp_state state, bool active);

/** A new IPv4 harness with one passive connection in ESTABLISHED and nothing logged. */
struct harness *h_established(const struct tcp_conf *conf);

/**
 * ESTABLISHED with @p segments full segments of text queued, and a peer whose window of 2 MB takes them. The peer's options
 * are MSS, window scale and @p opts; the handshake took 20 ms. Nothing logged before the text.
 */
struct harness *h_sending(const struct tcp_conf *conf, uint8_t opts, uint32_t segments);

/** Active open to the peer. @return the TCB */
struct tcp_tcb *h_open(struct harness *h);

/** Queue @p len octets of pattern text (SEND) in slices of @p slice. @return octets accepted or -errno */
int64_t h_send(struct harness *h, uint32_t len, uint32_t slice);

/** The same, but the pattern goes on where the last h_write() ended: h->written. */
int64_t h_write(struct harness *h, uint32_t len, uint32_t slice);

/** Memory on the heap for the caller to fill, with one reference: for tcp_send() and tcp_seg.payload. */
struct tcp_buf h_buf(uint32_t len);

/** The pattern octet at @p offset of a stream. */
static inline uint8_t
h_pattern(uint32_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8));
}

/** How many copies tcp_buf_copy() makes from now on; UINT32_MAX (default): any number. The last one is for text in order. */
void h_copies(uint32_t left);

/** Buffers alive, over all harnesses; the one that is kept for copies to come does not count. */
uint32_t h_bufs(void);

#endif
