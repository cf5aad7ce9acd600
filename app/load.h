/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file load.h
 * The client's engine: opens connections from the worker's hook, closed loop or open loop, talks on them, checks every
 * byte that comes back, closes and measures. One worker's.
 */
#ifndef APP_LOAD_H
#define APP_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "api/polltcp.h"
#include "hist.h"
#include "http.h"
#include "pattern.h"
#include "slots.h"

/** How a connection can fail: LOAD_FAIL(NAME, "key", "text"). The first ones are the stack's reasons. */
#define LOAD_FAILS                                                                                 \
	LOAD_FAIL(REFUSED, "refused", "refused: RST in answer to the SYN")                         \
	LOAD_FAIL(RESET, "reset", "reset by the peer")                                             \
	LOAD_FAIL(TIMEOUT, "timeout", "unanswered until R2 or the user timeout")                   \
	LOAD_FAIL(KEEPALIVE, "keepalive", "keepalive probes unanswered")                           \
	LOAD_FAIL(LINGER, "linger", "the peer did not close within the stack's bound")             \
	LOAD_FAIL(UNREACHABLE, "unreachable", "unreachable: ICMP error or no answer to ARP")       \
	LOAD_FAIL(NO_MEMORY, "no_memory", "every TCB, TIME-WAIT entry or buffer in use")           \
	LOAD_FAIL(NO_ADDRESS, "no_address", "every source address and port to the server in use")  \
	LOAD_FAIL(NO_ROUTE, "no_route", "the server is not on-link and there is no gateway")       \
	LOAD_FAIL(LIMIT, "limit", "not opened: --max-connections were open")                       \
	LOAD_FAIL(NO_ANSWER, "no_answer", "no answer within --timeout")                            \
	LOAD_FAIL(WRONG_BYTES, "wrong_bytes", "bytes came back that were not sent")                \
	LOAD_FAIL(SHORT, "short", "the peer closed before the answer was complete")                \
	LOAD_FAIL(HTTP, "http", "not an HTTP answer")                                              \
	LOAD_FAIL(HTTP_STATUS, "http_status", "HTTP status other than 200")                        \
	LOAD_FAIL(OTHER, "other", "ended in another way")

enum load_fail {
	LOAD_OK,
#define LOAD_FAIL(name, key, text) LOAD_FAIL_##name,
	LOAD_FAILS
#undef LOAD_FAIL
			LOAD_FAIL_MAX
};

/** "refused", a stable key. */
const char *load_fail_name(enum load_fail fail);
const char *load_fail_text(enum load_fail fail);

struct load_conf {
	struct ptcp_addr remote;
	struct ptcp_addr first_local; /**< the first of n_locals addresses, one above the other */
	uint32_t n_locals;
	uint64_t connections; /**< in all; 0: no bound */
	uint64_t concurrency; /**< open at once; the closed loop keeps as many */
	uint64_t cps;         /**< connections a second: open loop; 0: closed loop */
	uint64_t duration_us; /**< of opening; 0: no bound */
	uint64_t requests;    /**< of a connection; 0: it is closed as soon as it is open */
	uint64_t request_size;
	uint64_t timeout_us;   /**< of the connect, of an answer, of the close */
	const char *http_path; /**< NULL: echo */
	bool server_closes;    /**< wait for the peer's FIN */
	bool nagle;
	bool half_close; /**< FIN behind the last request, then read to the end */
	/** Connections rest once they are open, until load_begin(), and between requests, for which they take turns. */
	bool held;
	uint64_t in_flight; /**< held: requests at once; 0: as many as there are connections */
	uint64_t rps; /**< held: requests a second, whatever the server does; 0: as many as it answers */
	bool one_way; /**< the request never ends and nothing comes back */
	bool fine;    /**< response times in nanoseconds too, from when the request was due */
};

/** Written by the worker, read by anybody. */
struct load_stats {
	uint64_t opened;
	uint64_t established;
	uint64_t closed; /**< as they should */
	uint64_t failed;
	uint64_t aborted; /**< by us, because the time to close was over */
	uint64_t responses;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t fails[LOAD_FAIL_MAX];
	uint64_t first_us; /**< when the first was opened */
	uint64_t last_us;  /**< when the last was closed */
};

struct load_conn;
TAILQ_HEAD(load_list, load_conn);

struct load {
	struct load_conf conf;
	struct ptcp_worker *w;
	struct pattern pattern;
	struct slots conns;
	struct slots responses;  /**< HTTP parsers */
	struct load_list active; /**< by the start of what they wait for, oldest first */
	struct load_list retry;
	char request[2][512]; /**< HTTP: one of many, and the last */
	size_t request_len[2];
	uint32_t turn;     /**< of the local addresses */
	uint64_t start_us; /**< of the opening; 0: not yet */
	uint64_t talking;  /**< held: requests without their answer */
	uint64_t closing;  /**< waiting for the end */
	uint64_t asked;    /**< held: requests begun */
	double tsc_hz;
	double tsc_ns;      /**< nanoseconds a tick */
	uint64_t first_tsc; /**< held: when the first request was due; 0: not yet */
	struct load_list
			resting; /**< held: the one that has rested for longest first; one_way: all */
	uint64_t attempts;       /**< opened or failed to */
	bool stopping;           /**< nothing new */
	atomic_bool fatal;       /**< nothing more can be opened */
	atomic_bool done;        /**< nothing new and nothing open */
	struct load_stats stats;
	struct hist connect_us;
	struct hist response_us;
	struct hist response_ns; /**< conf.fine */
};

/** load->conf and w are filled in, the worker does not run yet; opening begins with its first turn. @return 0 or -1, printed */
int load_open(struct load *load, int socket_id);

/** Held connections begin to talk. A ptcp_hook_t for ptcp_post(). */
void load_begin(struct ptcp_worker *w, void *load);

/** Open nothing more; what is open ends after its current answer. A ptcp_hook_t for ptcp_post(). */
void load_stop(struct ptcp_worker *w, void *load);

/** Begin anew, statistics too; nothing is open any more. A ptcp_hook_t for ptcp_post(). */
void load_again(struct ptcp_worker *w, void *load);

/** Reset what is left. A ptcp_hook_t for ptcp_post(). */
void load_abort(struct ptcp_worker *w, void *load);

/** Connections that are open. Any thread. */
uint32_t load_open_count(const void *load);

/** Objects of our own that are still in use; the worker rests. */
uint64_t load_leaked(const struct load *load);

void load_close(struct load *load);

#endif
