/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file opts.h
 * Options as tables: one line of a table gives the parser, the range check and the help, defaults included.
 */
#ifndef APP_OPTS_H
#define APP_OPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"

/** What an option's value is, and so what its `value` points to. */
enum opt_kind {
	OPT_END,   /**< closes a table */
	OPT_TITLE, /**< a heading in the help, nothing else */
	OPT_FLAG,  /**< bool; takes no value */
	OPT_COUNT, /**< uint64_t; suffixes k, M, G: 1000, 1000^2, 1000^3 */
	OPT_SIZE,  /**< uint64_t, bytes; suffixes k, M, G: 1024, 1024^2, 1024^3 */
	OPT_TIME,  /**< uint64_t, microseconds; suffixes us, ms, s, m, h; none: seconds */
	OPT_TEXT,  /**< const char *; kept as it is */
	OPT_CALL,  /**< parsed by `call`, as often as the option stands */
};

/** One option. Tables end with an entry of kind OPT_END. */
struct opt {
	enum opt_kind kind;
	const char *name;
	const char *arg; /**< the value's name in the help */
	void *value;
	uint64_t min; /**< inclusive, in the unit of `value` */
	uint64_t max;
	/** @return NULL, or what is wrong with @p text: "must be ..." */
	const char *(*call)(const char *text, void *value);
	const char *help;
};

/**
 * Parse every argument behind argv[0] against tables (the last pointer is NULL).
 * @return 0; 1 when --help stood among them; -1 with one line printed
 */
int opts_parse(const struct opt *const tables[], int argc, char **argv);

/** Print one table: names, help, ranges and defaults (the values as they are now). */
void opts_help(const struct opt *table);

/** @return NULL, or what is wrong. Suffixes k, M, G of 1,000. */
const char *parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/** "500ms", "30s", "2h"; plain numbers are seconds. Microseconds. @return NULL, or what is wrong */
const char *parse_time(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/** An address with a prefix length. */
struct subnet {
	struct ptcp_addr addr;
	uint8_t prefix_len;
};

/** "10.9.0.2/24". @return NULL, or what is wrong */
const char *parse_subnet(const char *text, struct subnet *subnet);

/** "10.9.0.2:80" or "[2001:db8::2]:80". @return NULL, or what is wrong */
const char *parse_addr_port(const char *text, struct ptcp_addr *addr);

/** "idle,interval,count" or "off". @return NULL, or what is wrong */
const char *parse_keepalive(const char *text, struct ptcp_keepalive *keepalive);

/** Is @p addr in @p subnet? Both families. */
bool subnet_contains(const struct subnet *subnet, const struct ptcp_addr *addr);

/** The address @p n above @p addr (within the last 32 bits). */
struct ptcp_addr addr_offset(const struct ptcp_addr *addr, uint32_t n);

/** Are the addresses the same, whatever their ports? */
bool addr_equal(const struct ptcp_addr *a, const struct ptcp_addr *b);

/** How far @p addr lies above @p first (within the last 32 bits); UINT32_MAX when it does not. */
uint32_t addr_distance(const struct ptcp_addr *first, const struct ptcp_addr *addr);

#endif
