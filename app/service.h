/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file service.h
 * The services of the server: echo, once, discard, chargen and http, on the connections of one worker. Each is a pump: called
 * whenever something changed, it moves what can be moved and never waits. What it can't send stays unread in the stack,
 * whose window closes.
 */
#ifndef APP_SERVICE_H
#define APP_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "api/polltcp.h"
#include "http.h"
#include "pattern.h"
#include "slots.h"

#define SERVICE_LISTENERS_MAX 64

struct service_set;
struct service_conn;

/** One service: one small file section behind a table entry. */
struct service {
	const char *name;
	const char *help;
	bool http; /**< needs a request parser */
	/** Move what can be moved. Never called after the closed event. */
	void (*pump)(struct service_conn *conn);
};

/** The service of that name, or NULL. */
const struct service *service_find(const char *name);

/** The i-th, or NULL behind the last. */
const struct service *service_at(unsigned int i);

struct service_conn {
	TAILQ_ENTRY(service_conn) list;  /**< of `active` or, once `shut`, of `lingering` */
	TAILQ_ENTRY(service_conn) retry; /**< in service_set.retry while `retrying` */
	ptcp_conn_t c;
	struct service_set *set;
	const struct service *service;
	struct http_request *http; /**< http only */
	uint64_t active_us;        /**< last activity */
	uint64_t offset;           /**< chargen: sent; http: of the body */
	uint64_t left;             /**< http: of the body */
	uint16_t head_len;         /**< http: response header that waits in http->head */
	uint16_t head_sent;
	bool peer_closed;
	bool shut;     /**< our FIN is queued */
	bool last;     /**< http: close when the response is out */
	bool retrying; /**< out of buffers: the hook calls the pump again */
};

TAILQ_HEAD(service_list, service_conn);

struct service_listener {
	const struct service *service;
	struct service_set *set;
	uint16_t port;
	int id[2]; /**< one for each family, -1: none */
};

/** Written by the worker, read by anybody. */
struct service_stats {
	uint64_t accepted;
	uint64_t refused; /**< no context left: reset */
	uint64_t closed;
	uint64_t requests; /**< http */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t idled; /**< closed by us after --idle-timeout */
	uint64_t reasons[PTCP_REASON_MAX];
};

struct service_set {
	struct ptcp_worker *w;
	struct service_listener listeners[SERVICE_LISTENERS_MAX];
	unsigned int n_listeners;
	struct ptcp_keepalive keepalive;
	uint64_t body_size;
	uint64_t idle_us; /**< 0: never */
	bool nagle;
	struct pattern pattern;
	struct slots conns;
	struct slots requests;
	struct service_list active;    /**< by last activity, oldest first */
	struct service_list lingering; /**< our FIN is queued or sent, in that order */
	struct service_list retry;
	struct http_date date;
	bool stopping;
	struct service_stats stats;
};

/**
 * Listen on every port of set->listeners, for IPv4 and IPv6 as asked; the worker does not run yet. set->w, listeners,
 * keepalive, body_size and idle_us are filled in.
 * @return 0, or -1 with one line printed
 */
int service_open(struct service_set *set, uint32_t max_connections, bool ipv4, bool ipv6,
		int socket_id);

/** Connections that are open. Any thread. */
uint32_t service_open_count(const void *set);

/** Refuse newcomers, finish what can be finished, FIN on every connection. A ptcp_hook_t for ptcp_post(). */
void service_stop(struct ptcp_worker *w, void *set);

/** Reset what is left. A ptcp_hook_t for ptcp_post(). */
void service_abort(struct ptcp_worker *w, void *set);

/** Objects of our own that are still in use; the worker rests. */
uint64_t service_leaked(const struct service_set *set);

void service_close(struct service_set *set);

#endif
