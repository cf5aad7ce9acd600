/* SPDX-License-Identifier: BSD-3-Clause */
/** @file A TCP core in memory of its exact size, for the targets that drive one or two of them. */
#ifndef PTCP_TESTS_FUZZ_CORE_H
#define PTCP_TESTS_FUZZ_CORE_H

#include "fuzz.h"

#include "tcp/tcp.h"

#define FUZZ_LADDR_V4 0 /**< index of the first of two IPv4 addresses, 10.0.0.1 and .2 */
#define FUZZ_LADDR_V6 2 /**< index of the first of two IPv6 addresses, fd00::1 and ::2 */

struct fuzz_core {
	struct tcp_ctx *ctx;
	void *mem;
	struct laddr_table laddr;
	struct counters counters;
	unsigned int n_checks;
};

/** Sound values of everything, pools small. */
struct tcp_conf fuzz_core_conf(void);

/** @param host last octet of the first address; @param secret of all keys */
void fuzz_core_new(struct fuzz_core *c, const struct tcp_conf *conf, uint8_t host, uint64_t secret,
		time_us_t start);

/** The core's own invariants of each TCB, at every 16th call of all the tables, and what the pools say of each other. */
void fuzz_core_check(struct fuzz_core *c);

/** After everything was aborted, unlistened and let go: every pool is back at its start. */
void fuzz_core_check_empty(const struct fuzz_core *c);

void fuzz_core_free(struct fuzz_core *c);

/** The address @p last of the peers' and our own subnet. */
struct ip_addr fuzz_addr(enum ip_family family, uint8_t last);

/** The TCB of a tuple, or NULL; @p raddr and the ports as the core sees them. */
struct tcp_tcb *fuzz_core_find(const struct fuzz_core *c, enum ip_family family, uint16_t laddr,
		const struct ip_addr *raddr, uint16_t lport, uint16_t rport);

/** A segment that would leave: its header can be built, and says the same when parsed. @return bytes of header */
uint32_t fuzz_check_header(const struct tcp_seg *seg);

#endif
