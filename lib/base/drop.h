/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Drop reasons: every discarded packet is counted under exactly one of them. */
#ifndef PTCP_BASE_DROP_H
#define PTCP_BASE_DROP_H

enum drop_reason {
#define DROP(name, key, text) DROP_##name,
#include "base/drop.def"
#undef DROP
	DROP_MAX
};

/** The stable key of @p reason ("tcp_seq"), for statistics and JSON; NULL outside the range. */
const char *drop_name(unsigned int reason);

/** What @p reason means, one line; NULL outside the range. */
const char *drop_text(unsigned int reason);

#endif
