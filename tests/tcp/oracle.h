/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file What RFC 9293 section 3.10.7 says that a segment does to a connection: a model for tests.
 *
 * It is written from the text of the RFC, and of those that replace parts of it (RFC 5961, 1337, 6191, 7323), and from
 * nothing else: it knows neither the core nor its data. Where the core decides otherwise on purpose, that is a named
 * exception here, with its reason; the model counts how often each was needed, so that none stands here for nothing.
 */
#ifndef PTCP_TESTS_TCP_ORACLE_H
#define PTCP_TESTS_TCP_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

/** The states of RFC 9293 section 3.3.2. */
enum o_state {
	O_CLOSED,
	O_LISTEN,
	O_SYN_SENT,
	O_SYN_RECEIVED,
	O_ESTABLISHED,
	O_FIN_WAIT_1,
	O_FIN_WAIT_2,
	O_CLOSE_WAIT,
	O_CLOSING,
	O_LAST_ACK,
	O_TIME_WAIT,
	O_STATES
};

/* Control bits, section 3.1. */
#define O_FIN 0x01
#define O_SYN 0x02
#define O_RST 0x04
#define O_PSH 0x08
#define O_ACK 0x10
#define O_URG 0x20

/** Variables of a connection, sections 3.3.1 and 3.4, RFC 7323 section 4.3. */
struct o_conn {
	enum o_state state;
	bool passive; /**< came from LISTEN (MUST-11) */
	uint32_t iss;
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t snd_wnd;
	uint32_t snd_wl1;
	uint32_t snd_wl2;
	uint32_t max_snd_wnd; /**< RFC 5961 section 5.2 */
	uint32_t rcv_nxt;
	uint32_t rcv_wnd;
	bool fin_sent; /**< the octet before SND.NXT is our FIN */
	bool closed;   /**< the user called CLOSE and reads no more (section 3.6.1, MAY-1) */
	bool ts;       /**< timestamps in use */
	uint32_t ts_recent;
};

/** A segment that arrives. SEG.LEN is len and one for each of SYN and FIN. */
struct o_seg {
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	uint32_t wnd;
	uint32_t len; /**< octets of text */
	bool ts;
	uint32_t ts_val;
};

/* What the user is told. */
#define O_TOLD_OPEN    0x01 /**< the connection is established */
#define O_TOLD_TEXT    0x02
#define O_TOLD_CLOSING 0x04 /**< the peer sends no more */
#define O_TOLD_RESET   0x08
#define O_TOLD_REFUSED 0x10
#define O_TOLD_DONE    0x20 /**< ended, both directions closed */
#define O_TOLD_ABORTED 0x40 /**< by our own RST */

/** What the segment led to. */
struct o_result {
	bool sent;
	uint8_t flags; /**< of the segment that was sent */
	uint32_t seq;
	uint32_t ack;  /**< with ACK set */
	uint8_t told;  /**< O_TOLD_* */
	uint32_t text; /**< octets that the user can read now */
	bool restart_2msl;
};

/* Exceptions: EXCEPTION(NAME, "where the RFC says it", "what the core does instead, and why"). */
/* clang-format off */
#define O_EXCEPTIONS(EXCEPTION) \
	EXCEPTION(FLAGS, "RFC 9293 3.10.7.2 to 3.10.7.4", \
		"SYN with FIN or RST, or none of ACK, RST and SYN: dropped without an answer; only scanners send it") \
	EXCEPTION(REFUSED, "RFC 9293 3.10.7.3, second", \
		"a RST for our SYN is told as refused, not as reset: as 3.10.7.4 has it in SYN-RECEIVED") \
	EXCEPTION(SYN_AGAIN, "RFC 9293 3.10.7.4, first", \
		"the same SYN again in SYN-RECEIVED gets the SYN,ACK again: its sender could not use an empty ACK") \
	EXCEPTION(FIGURE_7, "RFC 9293 3.10.7.4, first", \
		"in a simultaneous open the ACK of the peer's SYN,ACK counts though its SYN is old: as figure 7 has it") \
	EXCEPTION(AFTER_FIN, "RFC 9293 3.10.7.4, seventh and eighth", \
		"text or FIN beyond the peer's FIN changes nothing but is acknowledged: the ends disagree, the peer learns it") \
	EXCEPTION(END_IS_TOLD, "RFC 9293 3.10.7.4, second", \
		"a RST in CLOSING or LAST-ACK is told as reset: every connection's end is told once, with its reason") \
	EXCEPTION(TIME_WAIT_QUIET, "RFC 9293 3.10.7.4, first and fifth", \
		"TIME-WAIT answers nothing that is empty: two ends that disagree would answer each other for ever") \
	EXCEPTION(FIN_AT_EDGE, "RFC 9293 3.10.7.4, table 6", \
		"a FIN that is next is taken though the window is used up: it needs no room") \
	EXCEPTION(EMPTY_AT_EDGE, "RFC 9293 3.10.7.4, table 6", \
		"an empty segment at RCV.NXT+RCV.WND is taken: who has the whole window in flight has no other SEQ") \
	EXCEPTION(SEQ_IN_WINDOW, "RFC 9293 3.10.7.4, <SEQ=SND.NXT>", \
		"when the peer took its window back, an empty segment has the right edge for SEQ: else it is not acceptable") \
	EXCEPTION(WINDOW_BY_ACK, "RFC 9293 3.10.7.4, fifth, SND.WL1", \
		"who acknowledges more speaks later, on an old SEQ too: else SND.UNA moves on and the window's edge with it") \
	EXCEPTION(SYN_WITHOUT_TS, "RFC 7323 3.2", \
		"a SYN without timestamps is not dropped where they are in use: a peer that restarted needs its challenge ACK")
/* clang-format on */

enum o_exception {
#define EXCEPTION(name, where, why) O_EXC_##name,
	O_EXCEPTIONS(EXCEPTION)
#undef EXCEPTION
			O_EXC_MAX
};

struct o_exception_text {
	const char *name;
	const char *where;
	const char *why;
};

extern const struct o_exception_text o_exception_text[O_EXC_MAX];
extern unsigned int o_exception_used[O_EXC_MAX];

/** SEGMENT ARRIVES: @p c moves on. A listener waits on the local socket wherever c->passive is set. */
struct o_result o_segment_arrives(struct o_conn *c, const struct o_seg *s);

/** SEQ of an empty segment: SND.NXT, unless an exception says otherwise. */
uint32_t o_empty_seq(const struct o_conn *c);

#endif
