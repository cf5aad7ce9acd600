/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Two cores in virtual time, joined by a link of fixed delay that loses exactly the segments it is told to lose.
 * Each side is a harness of its own, with its own clock; the link rewrites addresses and ports.
 */
#ifndef PTCP_TESTS_TCP_TWIN_H
#define PTCP_TESTS_TCP_TWIN_H

#include "harness.h"

#define TWIN_DELAY_US  10000 /**< one way */
#define TWIN_FRAMES    4096  /**< on their way at once */
#define TWIN_LOSE_NONE UINT32_MAX

struct twin_frame {
	struct tcp_seg seg;
	uint8_t *data;
	uint32_t len;
	unsigned int to;
	uint64_t due;
};

struct twin {
	struct harness *h[2];
	time_us_t start[2]; /**< their clocks at time 0 of the two */
	uint64_t now;       /**< microseconds */
	uint32_t n_frames;  /**< carried or lost so far, both ways */
	uint32_t lose;      /**< number of the frame to lose, or TWIN_LOSE_NONE */
	uint32_t lose_n;    /**< how many in a row from there: 1 */
	uint32_t n_lost;
	uint32_t loss;      /**< per 1000 frames that carry text, besides; drawn from rng */
	uint32_t loss_acks; /**< per 1000 of the others */
	uint32_t jitter_us; /**< more delay, up to this: frames overtake each other */
	uint64_t rng;
	struct twin_frame frame[TWIN_FRAMES];
	unsigned int head, tail;
};

/** Two cores, each with a listener on port 80. @p start may differ: sequence numbers follow from it. */
struct twin *twin_new(const struct tcp_conf *conf, enum ip_family family, time_us_t start0,
		time_us_t start1);

/** Ends both, and asserts that nothing is left in any of their pools. */
void twin_free(struct twin *t);

/** Carry what was sent and let @p us microseconds pass. */
void twin_run(struct twin *t, uint64_t us);

/** Side 0 opens to side 1's listener; runs until both are ESTABLISHED. */
void twin_connect(struct twin *t);

/** Whether side @p i has read exactly the first @p n octets of what the other side's h_write() sends. */
bool twin_got(const struct twin *t, unsigned int i, uint32_t n);

/** How many times side @p i was told one of @p events. */
unsigned int twin_told(const struct twin *t, unsigned int i, uint8_t events);

/** Side @p i's connection is gone for good: no TCB in use, no TIME-WAIT record. */
bool twin_clean(const struct twin *t, unsigned int i);

/**
 * The start time at which a connection of @p h_new(conf, family, start) gets the ISN @p iss: by a passive open, or an
 * active open from local port @p lport (not 0).
 */
time_us_t twin_start_for_iss(
		const struct tcp_conf *conf, enum ip_family family, uint16_t lport, uint32_t iss);

/** Active open from local port @p lport to port @p h->peer_port. @return index or -errno */
int64_t twin_open_from(struct harness *h, uint16_t lport);

#endif
