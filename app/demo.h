/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file demo.h
 * What the two halves of the demo share: a client's and a server's worker over a cross-connected pair of rings.
 */
#ifndef APP_DEMO_H
#define APP_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "pair.h"

struct demo {
	struct pair pair;
	uint64_t time_wait_us; /**< as the first connection's lasted */
	uint64_t failed;       /**< what went wrong in the ladder, 0 or 1 */
	uint64_t ladders;      /**< lifecycles drawn, 0 or 1 */
};

/**
 * One connection from SYN to the end of TIME-WAIT, drawn live; both workers are polled by the caller's lcore.
 * @return 0, or -1: it did not go as it should, or a stop was asked for
 */
int demo_ladder(struct demo *demo, uint64_t msl_us);

#endif
