/* SPDX-License-Identifier: BSD-3-Clause */
/** @file What the tests on poll-mode drivers share: EAL, two workers on a pair of rings, and a small application. */
#ifndef PTCP_TESTS_PMD_H
#define PTCP_TESTS_PMD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "api/polltcp.h"
#include "test.h"

#define PMD_ERR 256

/** Start EAL without hugepages, with @p vdevs (a list ended by NULL). Ends the program when that fails. */
void pmd_eal(const char *const *vdevs);

/** One connection as its application sees it: pattern bytes out, pattern bytes in. */
struct pmd_conn {
	struct pmd_end *end;
	ptcp_conn_t c;
	uint64_t to_send; /**< bytes in all */
	uint64_t sent;
	uint64_t received;
	bool no_read;   /**< leave what arrives where it is */
	bool echo;      /**< send back the very mbufs that came, instead of the pattern */
	bool fin;       /**< ptcp_shutdown() when all is sent */
	bool reply_fin; /**< ptcp_shutdown() on the peer's FIN */
	bool wants;     /**< a writable event is owed */
	unsigned int n_accepted, n_connected, n_writable, n_peer_closed, n_trouble, n_closed;
	enum ptcp_reason reason;
	uint64_t wrong;     /**< bytes that were not the pattern's */
	uint64_t fin_after; /**< received bytes when the peer's FIN was told */
};

#define PMD_CONNS 64

/** One side of the pair. */
struct pmd_end {
	struct ptcp_worker *w;
	uint16_t port_id;
	uint8_t mac[6];
	struct ptcp_addr addr;
	struct rte_ring *in; /**< what it receives */
	struct rte_ring *out;
	unsigned int n_conns;
	struct pmd_conn conn[PMD_CONNS];
	struct pmd_conn accept_as; /**< what an accepted connection does */
};

struct pmd_pair {
	struct pmd_end a; /**< 10.9.0.1 */
	struct pmd_end b; /**< 10.9.0.2 */
};

/** The byte at @p at of the stream that everybody sends. */
static inline uint8_t
pmd_pattern(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16) * 3);
}

/** ptcp_conf_init() with what suits tests: few connections, MSL 10 ms. */
void pmd_conf(struct ptcp_conf *conf);

/** Make the pair. @p conf NULL: pmd_conf(); @p only_a: no worker on b, the test plays it. */
void pmd_open(struct pmd_pair *p, const struct ptcp_conf *conf, bool only_a);

/** Check that all pools are back at their start, and take everything down. */
void pmd_close(struct pmd_pair *p);

/** Poll both in turn until @p done(p) or 20 s. @return done */
bool pmd_until(struct pmd_pair *p, bool (*done)(const struct pmd_pair *p));

/** Until every connection has heard its closed event and no TIME-WAIT is left. */
bool pmd_quiet(const struct pmd_pair *p);

/** A few turns of both. */
void pmd_turns(struct pmd_pair *p, unsigned int n);

extern const struct ptcp_ops pmd_ops;

/** Listen on @p port at @p end; accepted connections behave as end->accept_as. @return listener */
int pmd_listen(struct pmd_end *end, uint16_t port);

/** Connect from @p end to @p port of @p peer; behaviour as @p like (NULL: idle). */
struct pmd_conn *pmd_connect(struct pmd_end *end, const struct pmd_end *peer, uint16_t port,
		const struct pmd_conn *like);

/** The counter or drop of that name. */
uint64_t pmd_counter(const struct pmd_end *end, const char *name);
uint64_t pmd_drop(const struct pmd_end *end, const char *name);

/** Used objects of the pool of that name. */
uint32_t pmd_used(const struct pmd_end *end, const char *name);

#endif
