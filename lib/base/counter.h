/* SPDX-License-Identifier: BSD-3-Clause */
/** @file The counters of a worker: plain 64-bit numbers that only their worker writes. */
#ifndef PTCP_BASE_COUNTER_H
#define PTCP_BASE_COUNTER_H

#include <stdint.h>

#include "base/drop.h"

enum counter_id {
#define COUNTER(name, key, text) COUNTER_##name,
#include "base/counter.def"
#undef COUNTER
	COUNTER_MAX
};

struct counters {
	uint64_t n[COUNTER_MAX];
	uint64_t drop[DROP_MAX];
};

/** The stable key of counter @p id; NULL outside the range. */
const char *counter_name(unsigned int id);

/** What it counts, one line; NULL outside the range. */
const char *counter_text(unsigned int id);

#endif
