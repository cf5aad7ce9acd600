/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file crowd.h
 * Very many connections that mostly rest: opened from the client's hook, a few of them talk now and then, reset at the end.
 * And an echo for the other end that keeps nothing of a connection. Neither takes memory for one that rests: what is
 * measured is the stack's.
 */
#ifndef APP_BENCH_CROWD_H
#define APP_BENCH_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "api/polltcp.h"
#include "hist.h"

#define CROWD_TUPLES     64512u /**< ephemeral ports of one address to one server port */
#define CROWD_TALK_BYTES 64u    /**< of what is said, and of its echo */
#define CROWD_MARKS      16u
#define ECHO_RETRY_MAX   4096u

/* ------------------------------------------------------------------ the echo */

/** One worker's. */
struct echo {
	uint32_t n_retry;
	ptcp_conn_t retry[ECHO_RETRY_MAX]; /**< there was no memory for their answers */
	uint64_t lost;                     /**< connections reset because even that was full */
};

/** Listen on @p addr; closes when the peer does. Before the worker runs. @return 0, or -1 with one line printed */
int echo_listen(struct echo *echo, struct ptcp_worker *w, const struct ptcp_addr *addr,
		uint32_t backlog);

/** Try again what had to wait. In the worker's hook, each turn. */
void echo_turn(struct echo *echo, struct ptcp_worker *w);

/* ------------------------------------------------------------------ the crowd */

struct crowd;

/** One that talks. */
struct talker {
	struct crowd *crowd;
	ptcp_conn_t c;
	uint64_t asked_us; /**< 0: nothing is on its way */
	uint32_t round;    /**< how often it has asked */
	uint32_t got;      /**< bytes of the answer */
};

/** When so many were established: speed over the size. */
struct crowd_mark {
	uint32_t n;
	uint64_t us; /**< 0: not yet */
};

/** Written by the client's worker, read by anybody. */
struct crowd {
	/* the caller's */
	struct ptcp_worker *w;
	struct ptcp_addr remote;
	struct ptcp_addr first_local; /**< the first of n_locals */
	uint32_t n_locals;
	uint32_t n;         /**< connections */
	uint32_t n_talkers; /**< of these, evenly spread */
	uint32_t window;    /**< handshakes at once */
	uint64_t rate;      /**< opened a second at most; 0: no bound */
	uint32_t n_marks;
	struct crowd_mark mark[CROWD_MARKS]; /**< in ascending order of n */

	struct talker *talkers;
	/* what is counted, from here to the end */
	uint32_t tried;
	uint32_t established;
	uint32_t failed;  /**< could not be opened, or ended otherwise than by crowd_reset() */
	uint32_t ended;   /**< all that were opened and are no more */
	uint32_t next;    /**< talker */
	uint32_t waiting; /**< talkers without their answer */
	uint64_t asked;
	uint64_t answered;
	uint64_t wrong;      /**< other bytes than were sent */
	int error;           /**< of the first ptcp_connect() that failed */
	uint64_t opening_us; /**< when the first was opened */
	struct hist echo_us; /**< from the question to its answer */
};

/** Local addresses that @p n connections need. */
uint32_t crowd_addrs(uint64_t n);

/** Memory of the talkers. The caller has filled in his part. @return 0, or -1 with one line printed */
int crowd_init(struct crowd *crowd);
void crowd_free(struct crowd *crowd);

/** As after crowd_init(): all are gone, and no hook calls anything here. */
void crowd_again(struct crowd *crowd);

/** Open more, as many as the window allows. In the hook. @return whether all were tried */
bool crowd_open(struct crowd *crowd);

/** Let talkers ask, one after the other, @p most at once and up to @p asked of all time. In the hook. */
void crowd_talk(struct crowd *crowd, uint32_t most, uint64_t asked);

/** One worker's part in the end: where it has come to. All zero: the beginning. */
struct crowd_end {
	uint32_t at;
	uint64_t since_us; /**< crowd_reset_late(): when it was first called */
};

/** Reset @p most connections of the worker, whoever's they are. In the hook. @return whether there are no more */
bool crowd_reset(struct crowd_end *end, struct ptcp_worker *w, uint32_t most);

/**
 * The peer has reset everything. What is still there some time later, because on a busy machine a packet may be lost, is
 * reset from here. In the hook.
 */
void crowd_reset_late(struct crowd_end *end, struct ptcp_worker *w, uint32_t most);

#endif
