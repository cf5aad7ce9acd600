/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

#include "fmt.h"

#define SLICES 16
#define TURN_BYTES                                                                                 \
	(256 * 1024) /* of chargen and http bodies: what one call of a pump queues at most */
#define HOOK_MAX 64  /* connections that a turn's hook looks after */
#define LINGER_US                                                                                  \
	UINT64_C(10000000) /* for the peer to close after us; then nobody reads what it sends */
#define BACKLOG_MAX 1048576

/* ------------------------------------------------------------------ what services share */

/* Out of buffers is nobody's event: try again in the next turn. */
static void
conn_retry(struct service_conn *conn)
{
	if (conn->retrying)
		return;
	conn->retrying = true;
	TAILQ_INSERT_TAIL(&conn->set->retry, conn, retry);
}

static struct service_list *
conn_list(struct service_conn *conn)
{
	return conn->shut ? &conn->set->lingering : &conn->set->active;
}

static void
conn_touch(struct service_conn *conn)
{
	struct service_list *list = conn_list(conn);

	conn->active_us = ptcp_now_us(conn->set->w);
	TAILQ_REMOVE(list, conn, list);
	TAILQ_INSERT_TAIL(list, conn, list);
}

/* Read and forget. */
static void
conn_discard(struct service_conn *conn)
{
	struct service_set *set = conn->set;
	struct ptcp_buf bufs[SLICES];
	int n;

	while ((n = ptcp_recv(set->w, conn->c, bufs, SLICES)) > 0) {
		uint32_t len = 0;

		for (int i = 0; i < n; i++)
			len += bufs[i].len;
		COUNT(set->stats.bytes_in, len);
		if (ptcp_recv_done(set->w, conn->c, len) != 0)
			return;
	}
}

/* Our FIN behind what is queued; reading goes on until the peer's. */
static void
conn_shut(struct service_conn *conn)
{
	if (conn->shut)
		return;
	TAILQ_REMOVE(&conn->set->active, conn, list);
	conn->shut = true;
	conn->active_us = ptcp_now_us(conn->set->w);
	TAILQ_INSERT_TAIL(&conn->set->lingering, conn, list);
	ptcp_shutdown(conn->set->w, conn->c);
}

/* What ptcp_send() answered instead of bytes. */
static void
conn_send_failed(struct service_conn *conn, int64_t error)
{
	if (error == -ENOBUFS)
		conn_retry(conn);
	else if (error != -EAGAIN)
		conn_discard(conn); /* dead: the closed event follows what was read */
}

/* ------------------------------------------------------------------ echo (RFC 862) */

/* Send slices as they are, with references of their own. @return bytes that may be taken off the input, or an error */
static int64_t
slices_forward(struct service_conn *conn, const struct ptcp_buf *bufs, int n)
{
	int64_t len = 0;
	int sent;

	for (int i = 0; i < n; i++)
		rte_mbuf_refcnt_update(bufs[i].owner, 1);
	sent = ptcp_send(conn->set->w, conn->c, bufs, (unsigned int)n);
	for (int i = sent < 0 ? 0 : sent; i < n; i++)
		rte_mbuf_refcnt_update(bufs[i].owner, -1);
	for (int i = 0; i < sent; i++)
		len += bufs[i].len;
	return sent < 0 ? sent : len;
}

static void
echo_pump(struct service_conn *conn)
{
	struct service_set *set = conn->set;
	struct ptcp_buf bufs[SLICES];
	int n;

	if (conn->shut) {
		conn_discard(conn);
		return;
	}
	while ((n = ptcp_recv(set->w, conn->c, bufs, SLICES)) > 0) {
		int64_t len = slices_forward(conn, bufs, n);

		if (len < 0) {
			conn_send_failed(conn, len);
			return;
		}
		COUNT(set->stats.bytes_in, (uint64_t)len);
		COUNT(set->stats.bytes_out, (uint64_t)len);
		if (ptcp_recv_done(set->w, conn->c, (uint32_t)len) != 0)
			return;
	}
	if (conn->peer_closed || set->stopping)
		conn_shut(conn);
}

/* ------------------------------------------------------------------ once */

/* The first bytes go back, and the FIN in the same segment: the shortest life that a connection with an answer can have. */
static void
once_pump(struct service_conn *conn)
{
	struct service_set *set = conn->set;
	struct ptcp_buf bufs[SLICES];
	int n = conn->shut ? 0 : ptcp_recv(set->w, conn->c, bufs, SLICES);

	if (n > 0) {
		int64_t len = slices_forward(conn, bufs, n);

		if (len < 0) {
			conn_send_failed(conn, len);
			return;
		}
		COUNT(set->stats.bytes_in, (uint64_t)len);
		COUNT(set->stats.bytes_out, (uint64_t)len);
		if (ptcp_recv_done(set->w, conn->c, (uint32_t)len) != 0)
			return;
	}
	if (n > 0 || conn->peer_closed || set->stopping)
		conn_shut(conn);
	conn_discard(conn);
}

/* ------------------------------------------------------------------ discard (RFC 863) */

static void
discard_pump(struct service_conn *conn)
{
	conn_discard(conn);
	if (conn->peer_closed || conn->set->stopping)
		conn_shut(conn);
}

/* ------------------------------------------------------------------ chargen (RFC 864) */

/* Send from the pattern until the send buffer or the turn's share is full. @return false: nothing more can be done now */
static bool
pattern_pump(struct service_conn *conn, uint64_t *left)
{
	struct service_set *set = conn->set;
	uint64_t share = TURN_BYTES;

	while (*left != 0 && share != 0) {
		int64_t sent = pattern_send(&set->pattern, set->w, conn->c, conn->offset,
				*left < share ? *left : share);

		if (sent < 0) {
			conn_send_failed(conn, sent);
			return false;
		}
		COUNT(set->stats.bytes_out, (uint64_t)sent);
		conn->offset += (uint64_t)sent;
		*left -= (uint64_t)sent;
		share -= (uint64_t)sent;
	}
	if (*left == 0)
		return true;
	conn_retry(conn);
	return false;
}

static void
chargen_pump(struct service_conn *conn)
{
	uint64_t endless = UINT64_MAX;

	conn_discard(conn);
	if (conn->peer_closed || conn->set->stopping)
		conn_shut(conn);
	else
		pattern_pump(conn, &endless);
}

/* ------------------------------------------------------------------ http */

static void
http_answer(struct service_conn *conn)
{
	struct service_set *set = conn->set;
	struct http_request *request = conn->http;
	uint64_t body = 0;

	if (request->status == 200)
		body = request->target == HTTP_TARGET_ROOT ? set->body_size : request->target;
	conn->last = !http_keeps(request) || set->stopping;
	conn->head_sent = 0;
	conn->head_len = (uint16_t)http_head_write(request, body, conn->last,
			http_date_get(&set->date, ptcp_now_us(set->w)), request->out,
			sizeof(request->out));
	conn->offset = 0;
	conn->left = request->head ? 0 : body;
	COUNT(set->stats.requests, 1);
	http_reset(request);
}

/* Read on until a request is complete. @return false: there is nothing to read */
static bool
http_read(struct service_conn *conn)
{
	struct service_set *set = conn->set;
	struct ptcp_buf bufs[SLICES];
	int n;

	while ((n = ptcp_recv(set->w, conn->c, bufs, SLICES)) > 0) {
		uint32_t taken = 0;

		for (int i = 0; i < n && conn->http->state < HTTP_DONE; i++)
			taken += (uint32_t)http_request_take(conn->http, bufs[i].data, bufs[i].len);
		COUNT(set->stats.bytes_in, taken);
		if (ptcp_recv_done(set->w, conn->c, taken) != 0)
			return false;
		if (conn->http->state >= HTTP_DONE) {
			http_answer(conn);
			return true;
		}
	}
	return false;
}

/* Send what the answer still lacks. @return false: it waits for room */
static bool
http_write(struct service_conn *conn)
{
	struct service_set *set = conn->set;

	while (conn->head_sent < conn->head_len) {
		int sent = ptcp_send_copy(set->w, conn->c, conn->http->out + conn->head_sent,
				(size_t)(conn->head_len - conn->head_sent));

		if (sent < 0) {
			conn_send_failed(conn, sent);
			return false;
		}
		COUNT(set->stats.bytes_out, (uint64_t)sent);
		conn->head_sent = (uint16_t)(conn->head_sent + sent);
	}
	return conn->left == 0 || pattern_pump(conn, &conn->left);
}

/* Answers leave in the order of the requests: the next one is not read before the last answer is queued. */
static void
http_pump(struct service_conn *conn)
{
	while (!conn->shut) {
		if (!http_write(conn))
			return;
		if (conn->last)
			conn_shut(conn);
		else if (!http_read(conn))
			break;
	}
	if (conn->shut)
		conn_discard(conn); /* so that no late byte turns our FIN into a RST */
	else if (conn->peer_closed || conn->set->stopping)
		conn_shut(conn);
}

/* ------------------------------------------------------------------ the table */

static const struct service services[] = {
		{"echo", "returns everything; its FIN after the peer's (RFC 862)", false,
				echo_pump},
		{"once", "returns what comes first and closes: its FIN goes with the answer", false,
				once_pump},
		{"discard", "swallows everything (RFC 863)", false, discard_pump},
		{"chargen", "sends until the peer closes (RFC 864)", false, chargen_pump},
		{"http", "HTTP/1.0 and 1.1: / has --body-size bytes, /N has N", true, http_pump},
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

const struct service *
service_at(unsigned int i)
{
	return i < SERVICES ? &services[i] : NULL;
}

const struct service *
service_find(const char *name)
{
	for (unsigned int i = 0; i < SERVICES; i++)
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	return NULL;
}

/* ------------------------------------------------------------------ events */

static struct service_conn *
conn_new(struct service_listener *listener, ptcp_conn_t c)
{
	struct service_set *set = listener->set;
	struct service_conn *conn = slots_take(&set->conns);

	if (conn == NULL)
		return NULL;
	memset(conn, 0, sizeof(*conn));
	conn->c = c;
	conn->set = set;
	conn->service = listener->service;
	if (listener->service->http) {
		conn->http = slots_take(&set->requests);
		if (conn->http == NULL) {
			slots_give(&set->conns, conn);
			return NULL;
		}
		http_reset(conn->http);
	}
	conn->active_us = ptcp_now_us(set->w);
	TAILQ_INSERT_TAIL(&set->active, conn, list);
	return conn;
}

static void
conn_free(struct service_conn *conn)
{
	struct service_set *set = conn->set;

	TAILQ_REMOVE(conn_list(conn), conn, list);
	if (conn->retrying)
		TAILQ_REMOVE(&set->retry, conn, retry);
	if (conn->http != NULL)
		slots_give(&set->requests, conn->http);
	slots_give(&set->conns, conn);
}

static void
on_accepted(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct service_listener *listener = arg;
	struct service_conn *conn = conn_new(listener, c);

	ptcp_arg_set(w, c, conn);
	if (conn == NULL) {
		COUNT(listener->set->stats.refused, 1);
		ptcp_abort(w, c);
		return;
	}
	COUNT(listener->set->stats.accepted, 1);
	ptcp_set(w, c, PTCP_NODELAY, !conn->set->nagle);
	conn->service->pump(conn);
}

static void
on_ready(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct service_conn *conn = arg;

	(void)w;
	(void)c;
	if (conn == NULL)
		return;
	if (!conn->shut)
		conn_touch(conn);
	conn->service->pump(conn);
}

static void
on_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct service_conn *conn = arg;

	if (conn == NULL)
		return;
	conn->peer_closed = true;
	on_ready(w, c, arg);
}

static void
on_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct service_conn *conn = arg;
	struct service_stats *stats;

	(void)w;
	(void)c;
	if (conn == NULL)
		return;
	stats = &conn->set->stats;
	COUNT(stats->closed, 1);
	COUNT(stats->reasons[reason], 1);
	conn_free(conn);
}

static const struct ptcp_ops service_ops = {
		.accepted = on_accepted,
		.readable = on_ready,
		.writable = on_ready,
		.peer_closed = on_peer_closed,
		.closed = on_closed,
};

/* The oldest of a list, when it has rested for that long. */
static struct service_conn *
oldest_after(struct service_set *set, struct service_list *list, uint64_t us)
{
	struct service_conn *conn = TAILQ_FIRST(list);

	return conn != NULL && ptcp_now_us(set->w) - conn->active_us >= us ? conn : NULL;
}

/* Close what has been idle for too long, and stop listening to peers that don't close after us. */
static void
idle_close(struct service_set *set)
{
	struct service_conn *conn;

	for (unsigned int i = 0; i < HOOK_MAX && set->idle_us != 0; i++) {
		conn = oldest_after(set, &set->active, set->idle_us);
		if (conn == NULL)
			break;
		COUNT(set->stats.idled, 1);
		conn_shut(conn);
	}
	for (unsigned int i = 0; i < HOOK_MAX; i++) {
		conn = oldest_after(set, &set->lingering, LINGER_US);
		if (conn == NULL)
			break;
		ptcp_close(set->w, conn->c);
		conn_touch(conn);
	}
}

/* Once in every turn of the worker. */
static void
service_hook(struct ptcp_worker *w, void *arg)
{
	struct service_set *set = arg;
	struct service_conn *conn, *last = TAILQ_LAST(&set->retry, service_list);

	(void)w;
	for (unsigned int i = 0; i < HOOK_MAX && last != NULL; i++) {
		conn = TAILQ_FIRST(&set->retry);
		TAILQ_REMOVE(&set->retry, conn, retry);
		conn->retrying = false;
		conn->service->pump(conn);
		if (conn == last)
			break;
	}
	idle_close(set);
}

/* ------------------------------------------------------------------ opening and closing */

static int
listener_open(struct service_set *set, struct service_listener *listener, unsigned int n,
		uint32_t backlog)
{
	struct ptcp_addr any = {.family = n == 0 ? 4 : 6, .port = listener->port};
	int id = ptcp_listen(set->w, &any, backlog, &service_ops, listener);

	if (id < 0)
		return fail("--listen: '%u=%s': %s", listener->port, listener->service->name,
				id == -EADDRINUSE ? "the port stands twice" : strerror(-id));
	listener->id[n] = id;
	id = ptcp_listen_keepalive(set->w, id, &set->keepalive);
	return id == 0 ? 0 : fail("--keepalive: %s", strerror(-id));
}

int
service_open(struct service_set *set, uint32_t max_connections, bool ipv4, bool ipv6, int socket_id)
{
	uint32_t backlog = max_connections < BACKLOG_MAX ? max_connections : BACKLOG_MAX;
	bool http = false;

	TAILQ_INIT(&set->active);
	TAILQ_INIT(&set->lingering);
	TAILQ_INIT(&set->retry);
	for (unsigned int i = 0; i < set->n_listeners; i++)
		http |= set->listeners[i].service->http;
	if (slots_init(&set->conns, max_connections, sizeof(struct service_conn)) != 0 ||
			(http &&
					slots_init(&set->requests, max_connections,
							sizeof(struct http_request)) != 0) ||
			pattern_init(&set->pattern, "service_pattern", socket_id) != 0)
		return fail("no memory for the contexts of %s connections",
				fmt_num(max_connections));
	for (unsigned int i = 0; i < set->n_listeners; i++) {
		struct service_listener *listener = &set->listeners[i];

		listener->set = set;
		listener->id[0] = listener->id[1] = -1;
		if (ipv4 && listener_open(set, listener, 0, backlog) != 0)
			return -1;
		if (ipv6 && listener_open(set, listener, 1, backlog) != 0)
			return -1;
	}
	ptcp_worker_hook(set->w, service_hook, set);
	return 0;
}

uint32_t
service_open_count(const void *arg)
{
	const struct service_set *set = arg;

	return COUNT_READ(set->conns.used);
}

void
service_stop(struct ptcp_worker *w, void *arg)
{
	struct service_set *set = arg;
	struct service_conn *conn, *next;

	if (set->stopping)
		return;
	set->stopping = true;
	ptcp_worker_drain(w);
	for (unsigned int i = 0; i < set->n_listeners; i++)
		for (unsigned int n = 0; n < 2; n++)
			if (set->listeners[i].id[n] >= 0)
				ptcp_unlisten(w, set->listeners[i].id[n]);
	for (conn = TAILQ_FIRST(&set->active); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, list);
		conn->service->pump(conn); /* may leave the list, and no other one does */
	}
}

void
service_abort(struct ptcp_worker *w, void *arg)
{
	struct service_set *set = arg;
	struct service_conn *conn;

	TAILQ_FOREACH(conn, &set->active, list)
	ptcp_abort(w, conn->c);
	TAILQ_FOREACH(conn, &set->lingering, list)
	ptcp_abort(w, conn->c);
}

uint64_t
service_leaked(const struct service_set *set)
{
	return (uint64_t)set->conns.used + set->requests.used + pattern_held(&set->pattern);
}

void
service_close(struct service_set *set)
{
	pattern_free(&set->pattern);
	slots_free(&set->conns);
	slots_free(&set->requests);
}
