/* SPDX-License-Identifier: BSD-3-Clause */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "fmt.h"
#include "opts.h"

#define SLICES     16
#define OPEN_TURN  64 /* connections opened in one turn of the worker */
#define HOOK_MAX   64
#define HELD_TURN  256  /* requests begun in one turn */
#define HELD_OPEN  1024 /* handshakes, or closes, at once, where many connections do nothing else */
#define TURN_BYTES (256 * 1024) /* what one call queues on a connection at most */
#define PHASE_STEP                                                                                 \
	37 /* between the patterns of successive connections: mixed-up bytes are wrong bytes */

/* The last two are waited for by nobody. */
enum load_phase { CONNECTING, TALKING, CLOSING, RESTING, STREAMING };

struct load_conn {
	TAILQ_ENTRY(load_conn) list;
	TAILQ_ENTRY(load_conn) retry;
	ptcp_conn_t c;
	struct load *load;
	struct http_request *http;
	uint64_t start_us; /* of the connect, of the request, of the close */
	uint64_t due_tsc;  /* of the request */
	uint64_t base;     /* offset of the stream's first byte in the pattern */
	uint64_t sent;     /* echo: of the stream; http: of the request */
	uint64_t received; /* echo: of the stream; http: of the body */
	uint64_t done;     /* answers complete */
	enum load_phase phase;
	enum load_fail fail;
	bool answered; /* the answer is complete, its last bytes not yet given back */
	bool shut;
	bool peer_closed;
	bool aborted; /* at the end of the time to close: nobody's failure */
	bool retrying;
};

static const char *const fail_names[] = {"none",
#define LOAD_FAIL(name, key, text) key,
		LOAD_FAILS
#undef LOAD_FAIL
};

static const char *const fail_texts[] = {"closed as they should",
#define LOAD_FAIL(name, key, text) text,
		LOAD_FAILS
#undef LOAD_FAIL
};

const char *
load_fail_name(enum load_fail kind)
{
	return fail_names[kind];
}

const char *
load_fail_text(enum load_fail kind)
{
	return fail_texts[kind];
}

static enum load_fail
fail_of_reason(enum ptcp_reason reason)
{
	switch (reason) {
	case PTCP_REASON_DONE:
		return LOAD_OK;
	case PTCP_REASON_REFUSED:
		return LOAD_FAIL_REFUSED;
	case PTCP_REASON_RESET:
		return LOAD_FAIL_RESET;
	case PTCP_REASON_TIMEOUT:
		return LOAD_FAIL_TIMEOUT;
	case PTCP_REASON_KEEPALIVE:
		return LOAD_FAIL_KEEPALIVE;
	case PTCP_REASON_LINGER:
		return LOAD_FAIL_LINGER;
	case PTCP_REASON_UNREACHABLE:
		return LOAD_FAIL_UNREACHABLE;
	case PTCP_REASON_NO_MEMORY:
		return LOAD_FAIL_NO_MEMORY;
	default:
		return LOAD_FAIL_OTHER;
	}
}

/* ------------------------------------------------------------------ a connection */

static void
conn_fail(struct load_conn *conn, enum load_fail fail)
{
	if (conn->fail == LOAD_OK)
		conn->fail = fail;
	ptcp_abort(conn->load->w, conn->c);
}

static struct load_list *
conn_list(struct load_conn *conn)
{
	return conn->phase >= RESTING ? &conn->load->resting : &conn->load->active;
}

/* What the connection waits for begins now. */
static void
conn_wait(struct load_conn *conn, enum load_phase phase)
{
	TAILQ_REMOVE(conn_list(conn), conn, list);
	conn->phase = phase;
	conn->start_us = ptcp_now_us(conn->load->w);
	TAILQ_INSERT_TAIL(conn_list(conn), conn, list);
}

static void
conn_retry(struct load_conn *conn)
{
	if (conn->retrying)
		return;
	conn->retrying = true;
	TAILQ_INSERT_TAIL(&conn->load->retry, conn, retry);
}

static bool
conn_last(const struct load_conn *conn)
{
	return conn->done + 1 >= conn->load->conf.requests;
}

/* Everything was said. */
static void
conn_finish(struct load_conn *conn)
{
	struct load *load = conn->load;
	bool server_closes = load->conf.server_closes && !conn->peer_closed && !load->stopping;

	conn_wait(conn, CLOSING);
	load->closing++;
	if (conn->shut || server_closes)
		return; /* the peer's FIN is next */
	conn->shut = true;
	ptcp_close(load->w, conn->c);
}

/* ------------------------------------------------------------------ requests */

/* Queue a piece of the current request. @return bytes, or what ptcp_send() answers */
static int64_t
request_send(struct load_conn *conn, uint64_t len)
{
	struct load *load = conn->load;

	if (conn->http == NULL)
		return pattern_send(&load->pattern, load->w, conn->c, conn->base + conn->sent, len);
	return ptcp_send_copy(
			load->w, conn->c, load->request[conn_last(conn)] + conn->sent, (size_t)len);
}

/* Bytes of the current request that are not queued yet. */
static uint64_t
request_left(const struct load_conn *conn)
{
	const struct load *load = conn->load;

	if (conn->http != NULL)
		return load->request_len[conn_last(conn)] - conn->sent;
	if (load->conf.one_way)
		return TURN_BYTES;
	return (conn->done + 1) * load->conf.request_size - conn->sent;
}

/* Queue what the current request lacks, as far as there is room; behind the last one comes FIN, if asked for. */
static void
request_pump(struct load_conn *conn)
{
	struct load *load = conn->load;
	uint64_t left = request_left(conn), share = TURN_BYTES;

	while (left != 0 && share != 0) {
		int64_t sent = request_send(conn, left < share ? left : share);

		if (sent == -ENOBUFS)
			conn_retry(conn);
		if (sent < 0)
			return; /* writable follows, or closed */
		COUNT(load->stats.bytes_out, (uint64_t)sent);
		conn->sent += (uint64_t)sent;
		left -= (uint64_t)sent;
		share -= (uint64_t)sent;
	}
	if (left != 0 || load->conf.one_way) {
		conn_retry(conn);
	} else if (load->conf.half_close && conn_last(conn) && !conn->shut) {
		conn->shut = true;
		ptcp_shutdown(load->w, conn->c);
	}
}

static void
request_begin(struct load_conn *conn)
{
	conn_wait(conn, conn->load->conf.one_way ? STREAMING : TALKING);
	if (conn->load->conf.fine)
		conn->due_tsc = rte_rdtsc();
	if (conn->http != NULL) {
		http_reset(conn->http);
		conn->sent = 0;
		conn->received = 0;
	}
	request_pump(conn);
}

/* ------------------------------------------------------------------ answers */

static void
answer_complete(struct load_conn *conn)
{
	struct load *load = conn->load;

	hist_add(&load->response_us, ptcp_now_us(load->w) - conn->start_us);
	if (load->conf.fine)
		hist_add(&load->response_ns,
				(uint64_t)((double)(rte_rdtsc() - conn->due_tsc) * load->tsc_ns));
	COUNT(load->stats.responses, 1);
	conn->answered = false;
	conn->done++;
	if (load->conf.held)
		load->talking--;
	if (conn->done >= load->conf.requests || load->stopping)
		conn_finish(conn);
	else if (load->conf.held)
		conn_wait(conn, RESTING);
	else
		request_begin(conn);
}

/* Take bytes of an echo. @return false: the connection has failed */
static bool
echo_take(struct load_conn *conn, const uint8_t *data, uint32_t len)
{
	uint64_t end = (conn->done + 1) * conn->load->conf.request_size;

	if (conn->phase != TALKING || len > end - conn->received ||
			!pattern_equal(conn->base + conn->received, data, len)) {
		conn_fail(conn, LOAD_FAIL_WRONG_BYTES);
		return false;
	}
	conn->received += len;
	conn->answered = conn->received == end;
	return true;
}

/* Take bytes of an HTTP answer. */
static bool
http_take(struct load_conn *conn, const uint8_t *data, uint32_t len)
{
	struct http_request *http = conn->http;
	uint32_t taken = 0;

	if (http->state < HTTP_BODY)
		taken = (uint32_t)http_response_take(http, data, len);
	if (http->state == HTTP_FAILED || conn->phase != TALKING || conn->answered) {
		conn_fail(conn, LOAD_FAIL_HTTP);
		return false;
	}
	if (http->state != HTTP_BODY)
		return true;
	if (http->status != 200) {
		conn_fail(conn, LOAD_FAIL_HTTP_STATUS);
		return false;
	}
	data += taken;
	len -= taken;
	if (len > http->body_left || (http->ours && !pattern_equal(conn->received, data, len))) {
		conn_fail(conn, LOAD_FAIL_WRONG_BYTES);
		return false;
	}
	conn->received += len;
	if (http->body_left == UINT64_MAX)
		return true; /* it ends with the connection */
	http->body_left -= len;
	conn->answered = http->body_left == 0;
	return true;
}

static void
answer_pump(struct load_conn *conn)
{
	struct load *load = conn->load;
	struct ptcp_buf bufs[SLICES];
	int n;

	while ((n = ptcp_recv(load->w, conn->c, bufs, SLICES)) > 0) {
		uint32_t len = 0;

		for (int i = 0; i < n; i++) {
			len += bufs[i].len;
			if (!(conn->http != NULL ? http_take(conn, bufs[i].data, bufs[i].len) :
						   echo_take(conn, bufs[i].data, bufs[i].len)))
				return;
		}
		COUNT(load->stats.bytes_in, len);
		if (ptcp_recv_done(load->w, conn->c, len) != 0)
			return;
		if (conn->answered) /* only now: a close in front of unread bytes would be a RST */
			answer_complete(conn);
	}
}

/* ------------------------------------------------------------------ events */

static void
conn_free(struct load_conn *conn)
{
	struct load *load = conn->load;

	TAILQ_REMOVE(conn_list(conn), conn, list);
	if (conn->retrying)
		TAILQ_REMOVE(&load->retry, conn, retry);
	if (conn->http != NULL)
		slots_give(&load->responses, conn->http);
	slots_give(&load->conns, conn);
}

static void
on_connected(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct load_conn *conn = arg;
	struct load *load = conn->load;

	hist_add(&load->connect_us, ptcp_now_us(w) - conn->start_us);
	COUNT(load->stats.established, 1);
	ptcp_set(w, c, PTCP_NODELAY, !load->conf.nagle);
	if (load->conf.requests == 0) /* even at a stop: each connection has its first answer */
		conn_finish(conn);
	else if (load->conf.held)
		conn_wait(conn, RESTING);
	else
		request_begin(conn);
}

static void
on_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	(void)w;
	(void)c;
	answer_pump(arg);
}

static void
on_writable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct load_conn *conn = arg;

	(void)w;
	(void)c;
	if (conn->phase == TALKING || conn->phase == STREAMING)
		request_pump(conn);
}

static void
on_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct load_conn *conn = arg;

	conn->peer_closed = true;
	if (conn->phase == TALKING && conn->http != NULL && conn->http->state == HTTP_BODY &&
			conn->http->body_left == UINT64_MAX)
		answer_complete(conn);
	if (conn->phase != CLOSING) {
		conn_fail(conn, LOAD_FAIL_SHORT);
	} else if (!conn->shut) {
		conn->shut = true;
		ptcp_close(w, c);
	}
}

static void
on_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct load_conn *conn = arg;
	struct load_stats *stats = &conn->load->stats;

	(void)c;
	if (conn->fail == LOAD_OK)
		conn->fail = fail_of_reason(reason);
	if (conn->fail == LOAD_OK && conn->phase != CLOSING)
		conn->fail = LOAD_FAIL_SHORT;
	if (conn->phase == CLOSING)
		conn->load->closing--;
	else if (conn->load->conf.held && conn->phase == TALKING)
		conn->load->talking--;
	if (conn->aborted) {
		COUNT(stats->aborted, 1);
	} else if (conn->fail == LOAD_OK) {
		COUNT(stats->closed, 1);
	} else {
		COUNT(stats->failed, 1);
		COUNT(stats->fails[conn->fail], 1);
	}
	stats->last_us = ptcp_now_us(w);
	conn_free(conn);
}

static const struct ptcp_ops load_ops = {
		.connected = on_connected,
		.readable = on_readable,
		.writable = on_writable,
		.peer_closed = on_peer_closed,
		.closed = on_closed,
};

/* ------------------------------------------------------------------ opening connections */

/* Count one that could not even be opened; mostly further ones could not either. */
static void
open_failed(struct load *load, int error)
{
	enum load_fail kind = LOAD_FAIL_OTHER;

	if (error == -EADDRNOTAVAIL)
		kind = LOAD_FAIL_NO_ADDRESS;
	else if (error == -ENOBUFS)
		kind = LOAD_FAIL_NO_MEMORY;
	else if (error == -ENETUNREACH)
		kind = LOAD_FAIL_NO_ROUTE;
	COUNT(load->stats.failed, 1);
	COUNT(load->stats.fails[kind], 1);
	if (kind != LOAD_FAIL_NO_MEMORY || load->conf.cps == 0) /* the open loop tries again */
		atomic_store(&load->fatal, true);
}

/* The local addresses take turns; one whose ports are all in use is passed over. */
static int
conn_connect(struct load *load, struct load_conn *conn)
{
	int error = -EADDRNOTAVAIL;

	for (uint32_t i = 0; i < load->conf.n_locals && error == -EADDRNOTAVAIL; i++) {
		struct ptcp_addr local = addr_offset(&load->conf.first_local, load->turn);

		load->turn = (load->turn + 1) % load->conf.n_locals;
		error = ptcp_connect(
				load->w, &load->conf.remote, &local, &load_ops, conn, &conn->c);
	}
	return error;
}

static bool
conn_open(struct load *load)
{
	struct load_conn *conn = slots_take(&load->conns);
	int error;

	load->attempts++;
	if (conn == NULL) { /* the open loop only: it does not wait */
		COUNT(load->stats.failed, 1);
		COUNT(load->stats.fails[LOAD_FAIL_LIMIT], 1);
		return true;
	}
	memset(conn, 0, sizeof(*conn));
	conn->load = load;
	conn->base = load->attempts * PHASE_STEP % PATTERN_PERIOD;
	error = conn_connect(load, conn);
	if (error != 0) {
		slots_give(&load->conns, conn);
		open_failed(load, error);
		return false;
	}
	if (load->conf.http_path != NULL)
		conn->http = slots_take(&load->responses);
	TAILQ_INSERT_TAIL(&load->active, conn, list);
	conn_wait(conn, CONNECTING);
	COUNT(load->stats.opened, 1);
	return true;
}

/* How many may be opened in this turn. */
static uint64_t
open_allowance(struct load *load, uint64_t now)
{
	const struct load_conf *conf = &load->conf;
	uint64_t n = conf->concurrency - load->conns.used;

	if (load->start_us == 0) {
		load->start_us = now;
		load->stats.first_us = now;
	}
	if (conf->duration_us != 0 && now - load->start_us >= conf->duration_us)
		load->stopping = true;
	if (load->stopping || atomic_load_explicit(&load->fatal, memory_order_relaxed))
		return 0;
	if (conf->cps != 0) {
		double due = (double)conf->cps * (double)(now - load->start_us) / 1e6;

		n = due > (double)load->attempts ? (uint64_t)due - load->attempts : 0;
	} else if (load->stats.established + load->stats.failed < conf->n_locals) {
		/*
		 * The very first goes ahead, then the first of each address: our ARP, then the peer's for each of them, would
		 * have to hold the packets of all.
		 */
		bool alone = load->stats.established + load->stats.failed == 0;
		uint64_t ahead = alone ? 1 : conf->n_locals;
		uint64_t first = load->attempts < ahead ? ahead - load->attempts : 0;

		n = first < n ? first : n;
	}
	if (conf->held) {
		uint64_t connecting = load->stats.opened - load->stats.established;

		connecting = connecting < HELD_OPEN ? HELD_OPEN - connecting : 0;
		n = n < connecting ? n : connecting;
	}
	if (conf->connections != 0 && n > conf->connections - load->attempts)
		n = conf->connections - load->attempts;
	return n < OPEN_TURN ? n : OPEN_TURN;
}

/* Nothing waits longer than --timeout: the oldest stands first. */
static void
timeouts(struct load *load, uint64_t now)
{
	for (unsigned int i = 0; i < HOOK_MAX; i++) {
		struct load_conn *conn = TAILQ_FIRST(&load->active);

		if (conn == NULL || now - conn->start_us < load->conf.timeout_us)
			return;
		conn_wait(conn, conn->phase);
		conn_fail(conn, LOAD_FAIL_NO_ANSWER);
	}
}

static void
retries(struct load *load)
{
	struct load_conn *last = TAILQ_LAST(&load->retry, load_list);

	for (unsigned int i = 0; i < HOOK_MAX && last != NULL; i++) {
		struct load_conn *conn = TAILQ_FIRST(&load->retry);

		TAILQ_REMOVE(&load->retry, conn, retry);
		conn->retrying = false;
		if (conn->phase == TALKING || conn->phase == STREAMING)
			request_pump(conn);
		if (conn == last)
			return;
	}
}

/* Connections that nothing is waited for: begin the requests that are due, or close. */
static void
held(struct load *load)
{
	const struct load_conf *conf = &load->conf;
	const uint64_t most = conf->in_flight != 0 ? conf->in_flight : UINT64_MAX;
	struct load_conn *conn;

	for (unsigned int i = 0; i < HELD_TURN; i++) {
		double due = 0;

		conn = TAILQ_FIRST(&load->resting);
		if (conn == NULL)
			return;
		if (load->stopping) {
			if (load->closing >= HELD_OPEN)
				return;
			conn_finish(conn);
			continue;
		}
		if (load->first_tsc == 0 || load->talking >= most)
			return;
		if (conf->rps != 0) {
			due = (double)load->asked * load->tsc_hz / (double)conf->rps;
			if ((double)(rte_rdtsc() - load->first_tsc) < due)
				return;
		}
		load->talking++;
		load->asked++;
		request_begin(conn);
		if (conf->rps != 0)
			conn->due_tsc = load->first_tsc + (uint64_t)due;
	}
}

static void
load_hook(struct ptcp_worker *w, void *arg)
{
	struct load *load = arg;
	uint64_t now = ptcp_now_us(w), n = open_allowance(load, now);
	bool all;

	while (n-- != 0)
		if (!conn_open(load))
			break;
	retries(load);
	if (load->conf.held || load->conf.one_way)
		held(load);
	timeouts(load, now);
	all = load->stopping || atomic_load_explicit(&load->fatal, memory_order_relaxed) ||
			(load->conf.connections != 0 && load->attempts >= load->conf.connections);
	if (all && load->conns.used == 0)
		atomic_store_explicit(&load->done, true, memory_order_release);
}

/* ------------------------------------------------------------------ life */

static void
requests_write(struct load *load)
{
	char host[64];

	ptcp_addr_format(&load->conf.remote, host, sizeof(host));
	for (unsigned int last = 0; last < 2; last++) {
		bool close = last == 1 && load->conf.server_closes;

		load->request_len[last] = (size_t)snprintf(load->request[last],
				sizeof(load->request[last]),
				"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: polltcp\r\nConnection: %s\r\n\r\n",
				load->conf.http_path, host, close ? "close" : "keep-alive");
	}
}

int
load_open(struct load *load, int socket_id)
{
	uint32_t n = (uint32_t)load->conf.concurrency;

	load->tsc_hz = (double)rte_get_tsc_hz();
	load->tsc_ns = 1e9 / load->tsc_hz;
	TAILQ_INIT(&load->active);
	TAILQ_INIT(&load->resting);
	TAILQ_INIT(&load->retry);
	if (load->conf.http_path != NULL)
		requests_write(load);
	if (slots_init(&load->conns, n, sizeof(struct load_conn)) != 0 ||
			(load->conf.http_path != NULL &&
					slots_init(&load->responses, n,
							sizeof(struct http_request)) != 0) ||
			pattern_init(&load->pattern, "load_pattern", socket_id) != 0)
		return fail("no memory for the contexts of %s connections", fmt_num(n));
	ptcp_worker_hook(load->w, load_hook, load);
	return 0;
}

void
load_begin(struct ptcp_worker *w, void *arg)
{
	struct load *load = arg;

	(void)w;
	load->first_tsc = rte_rdtsc();
}

void
load_stop(struct ptcp_worker *w, void *arg)
{
	struct load *load = arg;

	(void)w;
	load->stopping = true;
}

void
load_again(struct ptcp_worker *w, void *arg)
{
	struct load *load = arg;

	(void)w;
	memset(&load->stats, 0, sizeof(load->stats));
	memset(&load->connect_us, 0, sizeof(load->connect_us));
	memset(&load->response_us, 0, sizeof(load->response_us));
	load->start_us = 0;
	load->attempts = 0;
	load->stopping = false;
	atomic_store(&load->fatal, false);
	atomic_store(&load->done, false);
}

void
load_abort(struct ptcp_worker *w, void *arg)
{
	struct load *load = arg;
	struct load_conn *conn;

	load->stopping = true;
	TAILQ_FOREACH(conn, &load->active, list)
	{
		conn->aborted = conn->fail == LOAD_OK;
		ptcp_abort(w, conn->c);
	}
	TAILQ_FOREACH(conn, &load->resting, list)
	{
		conn->aborted = conn->fail == LOAD_OK;
		ptcp_abort(w, conn->c);
	}
}

uint32_t
load_open_count(const void *arg)
{
	const struct load *load = arg;

	return COUNT_READ(load->conns.used);
}

uint64_t
load_leaked(const struct load *load)
{
	return (uint64_t)load->conns.used + load->responses.used + pattern_held(&load->pattern);
}

void
load_close(struct load *load)
{
	pattern_free(&load->pattern);
	slots_free(&load->conns);
	slots_free(&load->responses);
}
