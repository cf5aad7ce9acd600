/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file ladder.h
 * Draws one connection as a ladder while it happens: both ends' states on the sides, each segment an arrow between them.
 */
#ifndef APP_LADDER_H
#define APP_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"

#define LADDER_FLIGHT 64 /* segments on their way, of each side */

enum ladder_side { LADDER_LEFT, LADDER_RIGHT };

struct ladder;

/** One end: the argument of its worker's trace. */
struct ladder_end {
	struct ladder *ladder;
	enum ladder_side side;
	enum ptcp_state state; /**< as drawn last */
	uint32_t iss;
	bool iss_known;
	struct ptcp_trace flight[LADDER_FLIGHT]; /**< sent and not yet received by the other end */
	unsigned int first, n;
};

struct ladder {
	struct ladder_end end[2];
	uint64_t start_us; /**< of the first segment; 0: none yet */
	uint64_t last_us;
	uint64_t segments;
	bool utf8;
	bool colour;
};

/** Print the heading; arrows and colours as the terminal can show them. */
void ladder_begin(struct ladder *ladder, const char *left, const char *right);

/** A ptcp_trace_t; @p end is a struct ladder_end. A segment is drawn when its receiver has taken it. */
void ladder_trace(void *end, const struct ptcp_trace *rec);

/** A line between the segments: what an application does. */
__attribute__((format(printf, 2, 3))) void ladder_note(
		struct ladder *ladder, const char *format, ...);

/** A state that changed without a segment. */
void ladder_state(struct ladder *ladder, enum ladder_side side, enum ptcp_state state,
		uint64_t now_us, const char *why);

#endif
