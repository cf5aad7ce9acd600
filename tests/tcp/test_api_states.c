/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * docs/api-states.md, cell by cell: BAD-INPUT 30. The table there is the specification; this program makes each of its calls
 * in each of its states, on the functions of the core that the public calls stand for.
 */
#include <errno.h>
#include <string.h>

#include "harness.h"

#define COLUMNS 11
#define UNREAD  10u
#define GONE    TCP_STATE_MAX /**< no state: the handle is dead */
#define NO_CALL INT64_MIN     /**< the row has no such case */

struct cell {
	struct harness *h;
	uint64_t handle;
	bool unread; /**< the row wants bytes of the peer that nobody has read */
};

/** The connection, or NULL: then a public call answers -ENOTCONN. */
static struct tcp_tcb *
conn(const struct cell *c)
{
	return tcp_from_handle(c->h->ctx, c->handle);
}

/* ------------------------------------------------------------------ calls */

static int64_t
send_octets(struct cell *c, uint32_t len)
{
	struct tcp_tcb *tcb = conn(c);
	struct tcp_buf buf;
	int rc;

	if (tcb == NULL)
		return -ENOTCONN;
	buf = h_buf(len > 0 ? len : 1);
	buf.len = len;
	rc = tcp_send(c->h->ctx, tcb, &buf, 1);
	if (rc != 1)
		tcp_buf_free(buf.owner);
	return rc;
}

static int64_t
do_send(struct cell *c)
{
	return send_octets(c, 10);
}

static int64_t
do_send_nothing(struct cell *c)
{
	return send_octets(c, 0);
}

static int64_t
do_send_full(struct cell *c)
{
	int64_t rc;

	if (conn(c) == NULL || conn(c)->state == TCP_TIME_WAIT || conn(c)->state == TCP_CLOSED)
		return NO_CALL;
	do
		rc = send_octets(c, 60000);
	while (rc == 1);
	return rc;
}

static int64_t
do_shutdown(struct cell *c)
{
	return conn(c) != NULL ? tcp_shutdown(c->h->ctx, conn(c)) : -ENOTCONN;
}

static int64_t
do_shutdown_twice(struct cell *c)
{
	(void)do_shutdown(c);
	return do_shutdown(c);
}

static int64_t
do_send_after_shutdown(struct cell *c)
{
	(void)do_shutdown(c);
	return do_send(c);
}

static int64_t
do_recv(struct cell *c)
{
	struct tcp_buf buf[4];

	if (conn(c) == NULL)
		return c->unread ? NO_CALL : -ENOTCONN;
	if (tcp_recv_bytes(c->h->ctx, conn(c)) != (c->unread ? UNREAD : 0))
		return NO_CALL;
	return tcp_recv(c->h->ctx, conn(c), buf, 4);
}

static int64_t
consume(struct cell *c, uint32_t len)
{
	if (conn(c) == NULL)
		return c->unread ? NO_CALL : -ENOTCONN;
	if (tcp_recv_bytes(c->h->ctx, conn(c)) != (c->unread ? UNREAD : 0))
		return NO_CALL;
	return tcp_recv_done(c->h->ctx, conn(c), len);
}

static int64_t
do_recv_done(struct cell *c)
{
	return consume(c, UNREAD);
}

static int64_t
do_recv_done_more(struct cell *c)
{
	return consume(c, UNREAD + 1);
}

static int64_t
do_close(struct cell *c)
{
	return conn(c) != NULL ? tcp_close(c->h->ctx, conn(c)) : -ENOTCONN;
}

static int64_t
do_close_unread(struct cell *c)
{
	if (conn(c) == NULL || tcp_recv_bytes(c->h->ctx, conn(c)) == 0)
		return NO_CALL;
	return do_close(c);
}

/** A turn lies between: the closed event of an ended connection has been delivered. */
static int64_t
do_close_twice(struct cell *c)
{
	(void)do_close(c);
	h_pump(c->h);
	return do_close(c);
}

static int64_t
do_close_linger_0(struct cell *c)
{
	struct tcp_profile p = c->h->ctx->profile[0];

	p.linger_ms = 0;
	if (conn(c) != NULL)
		tcp_profile_set(c->h->ctx, conn(c), (uint8_t)tcp_profile_get(c->h->ctx, &p));
	return do_close(c);
}

static int64_t
do_send_after_close(struct cell *c)
{
	(void)do_close(c);
	h_pump(c->h);
	return do_send(c);
}

static int64_t
do_abort(struct cell *c)
{
	return conn(c) != NULL ? tcp_abort(c->h->ctx, conn(c)) : -ENOTCONN;
}

static int64_t
do_abort_after_close(struct cell *c)
{
	(void)do_close(c);
	h_pump(c->h);
	return do_abort(c);
}

static int64_t
do_set(struct cell *c)
{
	struct tcp_profile p = c->h->ctx->profile[0];

	if (conn(c) == NULL)
		return -ENOTCONN;
	p.user_timeout_ms = 12345;
	p.keep_on = true;
	p.keep_idle_ms = 1000000;
	p.keep_interval_ms = 1000;
	p.keep_count = 3;
	p.cc = TCP_CC_CUBIC;
	tcp_profile_set(c->h->ctx, conn(c), (uint8_t)tcp_profile_get(c->h->ctx, &p));
	return 0;
}

static int64_t
do_connect(struct cell *c)
{
	const struct tcp_open_args args = {.laddr = 0,
			.lport = c->h->our_port,
			.rport = c->h->peer_port,
			.raddr = c->h->peer};
	const int64_t rc = tcp_open(c->h->ctx, &args);

	return rc < 0 ? rc : 0;
}

static int64_t
do_unlisten(struct cell *c)
{
	if (conn(c) != NULL && !(conn(c)->state == TCP_CLOSED || conn(c)->state >= TCP_ESTABLISHED))
		return NO_CALL;
	return tcp_unlisten(c->h->ctx, (uint16_t)c->h->listener);
}

static const struct call {
	const char *name;
	int64_t (*call)(struct cell *c);
	bool unread;
} calls[] = {
		{"send", do_send, false},
		{"send nothing", do_send_nothing, false},
		{"send, buffer full", do_send_full, false},
		{"send after shutdown", do_send_after_shutdown, false},
		{"recv, nothing there", do_recv, false},
		{"recv, bytes unread", do_recv, true},
		{"recv_done, nothing there", do_recv_done, false},
		{"recv_done of all", do_recv_done, true},
		{"recv_done of more", do_recv_done_more, true},
		{"shutdown", do_shutdown, false},
		{"shutdown twice", do_shutdown_twice, false},
		{"close", do_close, false},
		{"close, bytes unread", do_close_unread, true},
		{"close twice", do_close_twice, false},
		{"close with linger 0", do_close_linger_0, false},
		{"send after close", do_send_after_close, false},
		{"abort", do_abort, false},
		{"abort after close", do_abort_after_close, false},
		{"set", do_set, false},
		{"connect, the same ports", do_connect, false},
		{"unlisten", do_unlisten, false},
};

/* ------------------------------------------------------------------ states */

static void
our_fin(struct harness *h)
{
	CU_ASSERT_EQUAL(tcp_shutdown(h->ctx, h_tcb(h)), 0);
	h_pump(h);
}

static void
peer_fin(struct harness *h)
{
	(void)h_in(h, TCP_FIN | TCP_ACK, 0);
}

/** From ESTABLISHED to @p state by segments and calls. */
static void
go_on_to(struct harness *h, enum tcp_state state)
{
	const uint32_t ack = h->ack;

	switch (state) {
	case TCP_FIN_WAIT_1:
		our_fin(h);
		break;
	case TCP_FIN_WAIT_2:
	case TCP_TIME_WAIT:
		our_fin(h);
		(void)h_in(h, TCP_ACK, 0);
		if (state == TCP_TIME_WAIT)
			peer_fin(h);
		break;
	case TCP_CLOSE_WAIT:
		peer_fin(h);
		break;
	case TCP_CLOSING:
		our_fin(h);
		(void)h_in_at(h, TCP_FIN | TCP_ACK, h->seq++, ack, 0);
		break;
	case TCP_LAST_ACK:
	case TCP_CLOSED:
		peer_fin(h);
		our_fin(h);
		if (state == TCP_CLOSED)
			(void)h_in(h, TCP_ACK, 0);
		break;
	default:
		break;
	}
}

/** A connection in @p state (GONE: ended, its handle dead). */
static struct cell
cell_new(enum tcp_state state, bool unread)
{
	struct cell c = {.h = h_new(NULL, IP_V4, 1000), .unread = unread};
	const enum tcp_state first = state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED ?
			state :
			TCP_ESTABLISHED;

	c.h->auto_read = false;
	h_to_state(c.h, first, first != TCP_ESTABLISHED);
	c.handle = tcp_handle(c.h->ctx, h_tcb(c.h));
	/* What keeps the handle of an ended connection. */
	if (first == TCP_ESTABLISHED && (unread || state == TCP_TIME_WAIT || state == TCP_CLOSED)) {
		if (state != GONE)
			(void)h_in(c.h, TCP_ACK, UNREAD);
	}
	go_on_to(c.h, state == GONE ? TCP_CLOSED : state);
	CU_ASSERT_EQUAL_FATAL(conn(&c) == NULL ? GONE : conn(&c)->state, state);
	h_forget(c.h);
	return c;
}

static void
cell_free(struct cell *c)
{
	h_free(c->h);
}

/* ------------------------------------------------------------------ the table */

static const char *
state_text(unsigned int state)
{
	return state == GONE ? "gone" : tcp_state_name(state);
}

static enum tcp_state
state_of(const char *text)
{
	for (unsigned int i = 0; i < TCP_STATE_MAX; i++)
		if (strcmp(text, tcp_state_name(i)) == 0)
			return (enum tcp_state)i;
	if (strcmp(text, "gone") != 0) {
		fprintf(stderr, "no such state: \"%s\"\n", text);
		CU_FAIL_FATAL("the table names a state that does not exist");
	}
	return GONE;
}

static const char *
result_text(int64_t rc)
{
	switch (rc) {
	case NO_CALL:
		return "-";
	case 0:
		return "0";
	case -EPIPE:
		return "-EPIPE";
	case -EAGAIN:
		return "-EAGAIN";
	case -EINVAL:
		return "-EINVAL";
	case -ENOTCONN:
		return "-ENOTCONN";
	case -EADDRINUSE:
		return "-EADDRINUSE";
	default:
		return rc > 0 ? "n" : "?";
	}
}

static bool
sent_rst(const struct harness *h)
{
	for (unsigned int i = 0; i < h->n_sent; i++)
		if ((h->sent[i].seg.flags & TCP_RST) != 0)
			return true;
	return false;
}

/** Make the call in that state, and write the cell as it should stand in the table. */
static void
try(const struct call *call, enum tcp_state state, char *text, size_t size)
{
	struct cell c = cell_new(state, call->unread);
	const int64_t rc = call->call(&c);
	enum tcp_state after;

	h_pump(c.h);
	after = conn(&c) == NULL ? GONE : conn(&c)->state;
	if (rc == NO_CALL)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%s%s%s%s", result_text(rc), after != state ? ", " : "",
				after != state ? state_text(after) : "",
				sent_rst(c.h) ? ", RST" : "");
	/* Exactly once, and never without its cause. */
	if (after == GONE && state != GONE) {
		unsigned int closed = 0;

		for (unsigned int i = 0; i < c.h->n_event; i++)
			closed += (c.h->event[i].events & EV_CLOSED) != 0;
		CU_ASSERT_EQUAL(closed, 1);
	}
	cell_free(&c);
}

/** The cells of a line of the table, trimmed. @return how many */
static unsigned int
split(char *line, char *cells[], unsigned int max)
{
	unsigned int n = 0;
	char *at = strchr(line, '|');

	while (at != NULL && n < max) {
		char *end = strchr(at + 1, '|');
		char *from = at + 1;

		if (end == NULL)
			break;
		while (*from == ' ')
			from++;
		at = end;
		while (end > from && end[-1] == ' ')
			end--;
		*end = '\0';
		if (at == end)
			*at = '\0';
		cells[n++] = from;
	}
	return n;
}

static void
bad_input_30_every_call_in_every_state(void)
{
	FILE *f = fopen(DOCS "/api-states.md", "r");
	enum tcp_state columns[COLUMNS] = {0};
	bool seen[PTCP_ARRAY_SIZE(calls)] = {false};
	unsigned int n_rows = 0;
	char line[1024];

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *cells[COLUMNS + 1];
		unsigned int row;

		if (line[0] != '|' || line[1] == '-')
			continue;
		CU_ASSERT_EQUAL_FATAL(split(line, cells, COLUMNS + 1), COLUMNS + 1);
		if (strcmp(cells[0], "call") == 0) {
			for (unsigned int i = 0; i < COLUMNS; i++)
				columns[i] = state_of(cells[i + 1]);
			continue;
		}
		for (row = 0; row < PTCP_ARRAY_SIZE(calls); row++)
			if (strcmp(cells[0], calls[row].name) == 0)
				break;
		if (row == PTCP_ARRAY_SIZE(calls)) {
			fprintf(stderr, "no test for \"%s\"\n", cells[0]);
			CU_FAIL("the table has a call that is not tested");
			continue;
		}
		seen[row] = true;
		n_rows++;
		for (unsigned int i = 0; i < COLUMNS; i++) {
			char text[64];

			try(&calls[row], columns[i], text, sizeof(text));
			if (strcmp(text, cells[i + 1]) != 0)
				fprintf(stderr, "%s in %s: \"%s\", the table says \"%s\"\n",
						cells[0], state_text(columns[i]), text,
						cells[i + 1]);
			CU_ASSERT_STRING_EQUAL(text, cells[i + 1]);
		}
	}
	fclose(f);
	CU_ASSERT_EQUAL(n_rows, PTCP_ARRAY_SIZE(calls));
	for (unsigned int i = 0; i < PTCP_ARRAY_SIZE(calls); i++)
		CU_ASSERT_TRUE(seen[i]);
}

static CU_TestInfo tests[] = {
		TEST(bad_input_30_every_call_in_every_state),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("api_states", tests)
