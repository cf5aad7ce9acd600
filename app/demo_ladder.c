/* SPDX-License-Identifier: BSD-3-Clause */
/* The first part of the demo: one connection, step by step, with a half-close. */
#include "demo.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "app.h"
#include "fmt.h"
#include "ladder.h"

#define LADDER_PORT 8
#define REQUEST     "what time is it?"
#define ANSWER      "time to draw a ladder"
#define PIECES      3
#define PIECE       500
#define ABANDON_US  UINT64_C(2000000)
#define STEP_US     UINT64_C(10000000) /* nothing takes longer here, but for TIME-WAIT */

/* The two applications at the ends of the connection. */
struct scene {
	struct ladder ladder;
	struct demo *demo;
	ptcp_conn_t client;
	ptcp_conn_t server;
	uint64_t received;     /* by the client */
	unsigned int pieces;   /* sent by the server behind the client's FIN */
	bool shut;             /* the client has sent its FIN */
	uint64_t time_wait_us; /* when the client entered TIME-WAIT */
	uint64_t server_over_us;
	bool client_over, server_over;
	enum ptcp_reason client_reason, server_reason;
};

/* ------------------------------------------------------------------ the client's side */

static void
client_connected(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct scene *scene = arg;

	ladder_note(&scene->ladder, "client application: connected, sends a request of %u bytes",
			(unsigned int)sizeof(REQUEST) - 1);
	ptcp_send_copy(w, c, REQUEST, sizeof(REQUEST) - 1);
}

/* Called on the server's worker. */
static void
server_step(struct ptcp_worker *w, void *arg)
{
	static const uint8_t piece[PIECE];
	struct scene *scene = arg;

	if (scene->pieces == PIECES) {
		ladder_note(&scene->ladder, "server application: closes");
		ptcp_close(w, scene->server);
		return;
	}
	scene->pieces++;
	ladder_note(&scene->ladder,
			"server application: sends %u bytes after the client's FIN (%u of %u)",
			PIECE, scene->pieces, PIECES);
	ptcp_send_copy(w, scene->server, piece, sizeof(piece));
}

static void
client_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct scene *scene = arg;
	uint8_t data[PIECE];
	int len;

	while ((len = ptcp_recv_copy(w, c, data, sizeof(data))) > 0)
		scene->received += (uint64_t)len;
	if (!scene->shut && scene->received == sizeof(ANSWER) - 1) {
		scene->shut = true;
		ladder_note(&scene->ladder,
				"client application: has its answer, shuts down its sending side (half-close)");
		ptcp_shutdown(w, c);
	} else if (scene->received == sizeof(ANSWER) - 1 + (uint64_t)scene->pieces * PIECE) {
		ptcp_post(scene->demo->pair.server.w, server_step, scene);
	}
}

static void
client_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct scene *scene = arg;

	(void)w;
	(void)c;
	ladder_note(&scene->ladder, "client application: the server is done, %s bytes received",
			fmt_num(scene->received));
}

static void
client_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct scene *scene = arg;

	(void)c;
	scene->client_over = true;
	scene->client_reason = reason;
	scene->time_wait_us = ptcp_now_us(w);
}

/* ------------------------------------------------------------------ the server's side */

static void
server_accepted(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct scene *scene = arg;

	(void)w;
	scene->server = c;
	ladder_note(&scene->ladder, "server application: accepted");
}

static void
server_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct scene *scene = arg;
	uint8_t data[PIECE];

	while (ptcp_recv_copy(w, c, data, sizeof(data)) > 0)
		;
	ladder_note(&scene->ladder, "server application: answers with %u bytes",
			(unsigned int)sizeof(ANSWER) - 1);
	ptcp_send_copy(w, c, ANSWER, sizeof(ANSWER) - 1);
}

static void
server_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	(void)c;
	server_step(w, arg);
}

static void
server_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct scene *scene = arg;

	(void)c;
	scene->server_over = true;
	scene->server_reason = reason;
	scene->server_over_us = ptcp_now_us(w);
}

static const struct ptcp_ops client_ops = {
		.connected = client_connected,
		.readable = client_readable,
		.peer_closed = client_peer_closed,
		.closed = client_closed,
};

static const struct ptcp_ops server_ops = {
		.accepted = server_accepted,
		.readable = server_readable,
		.peer_closed = server_peer_closed,
		.closed = server_closed,
};

/* ------------------------------------------------------------------ the play */

/* Let both ends take turns; a pause when neither has anything to do. @return false: the end, by time or by request */
static bool
play(struct scene *scene, uint64_t until_us)
{
	uint32_t work = ptcp_worker_poll(scene->demo->pair.client.w);

	work += ptcp_worker_poll(scene->demo->pair.server.w);
	if (work == 0)
		rte_delay_us_sleep(50);
	return !stop_requested() && ptcp_now_us(scene->demo->pair.client.w) < until_us;
}

static int
scene_open(struct scene *scene)
{
	struct demo *demo = scene->demo;
	struct ptcp_addr remote = demo->pair.server.addr;
	int listener, error;

	remote.port = LADDER_PORT;
	listener = ptcp_listen(demo->pair.server.w, &remote, 1, &server_ops, scene);
	if (listener < 0)
		return fail("ladder: listen: %s", strerror(-listener));
	ptcp_worker_poll(demo->pair.client.w); /* reads the clock */
	ptcp_worker_poll(demo->pair.server.w);
	ladder_note(&scene->ladder, "client application: connects to port %u", LADDER_PORT);
	error = ptcp_connect(demo->pair.client.w, &remote, &demo->pair.client.addr, &client_ops,
			scene, &scene->client);
	if (error != 0)
		return fail("ladder: connect: %s", strerror(-error));
	return listener;
}

static int
scene_time_wait(struct scene *scene, uint64_t msl_us)
{
	struct demo *demo = scene->demo;
	uint64_t until = scene->time_wait_us + 2 * msl_us + STEP_US, now;
	char why[64];

	ladder_note(&scene->ladder, "client: TIME-WAIT lasts 2 MSL = %s from here",
			fmt_us(2 * msl_us));
	while (ptcp_state_count(demo->pair.client.w, PTCP_TIME_WAIT) != 0)
		if (!play(scene, until))
			return stop_requested() ? -1 : fail("ladder: TIME-WAIT did not end");
	now = ptcp_now_us(demo->pair.client.w);
	demo->time_wait_us = now - scene->time_wait_us;
	snprintf(why, sizeof(why), "2 MSL are over: %.1f ms", (double)demo->time_wait_us / 1e3);
	ladder_state(&scene->ladder, LADDER_LEFT, PTCP_CLOSED, now, why);
	return 0;
}

static int
scene_play(struct scene *scene, uint64_t msl_us)
{
	struct demo *demo = scene->demo;
	int listener = scene_open(scene);
	uint64_t until;

	if (listener < 0)
		return -1;
	until = ptcp_now_us(demo->pair.client.w) + STEP_US;
	while (!scene->client_over || !scene->server_over)
		if (!play(scene, until))
			return stop_requested() ? -1 : fail("ladder: the connection did not end");
	ptcp_unlisten(demo->pair.server.w, listener);
	if (scene->client_reason != PTCP_REASON_DONE || scene->server_reason != PTCP_REASON_DONE)
		return fail("ladder: client %s, server %s", ptcp_reason_name(scene->client_reason),
				ptcp_reason_name(scene->server_reason));
	if (scene->received != sizeof(ANSWER) - 1 + PIECES * PIECE)
		return fail("ladder: %s bytes arrived", fmt_num(scene->received));
	return scene_time_wait(scene, msl_us);
}

/* Interrupted or gone wrong: nothing of it stays behind, but for a long TIME-WAIT. */
static void
scene_abandon(struct scene *scene)
{
	struct demo *demo = scene->demo;
	uint64_t until = ptcp_now_us(demo->pair.client.w) + ABANDON_US;

	ptcp_abort(demo->pair.client.w, scene->client);
	ptcp_abort(demo->pair.server.w, scene->server);
	while (ptcp_now_us(demo->pair.client.w) < until &&
			(!scene->client_over || !scene->server_over ||
					ptcp_state_count(demo->pair.client.w, PTCP_TIME_WAIT) != 0))
		play(scene, until);
}

int
demo_ladder(struct demo *demo, uint64_t msl_us)
{
	static struct scene scene;
	int played;

	memset(&scene, 0, sizeof(scene));
	scene.demo = demo;
	printf("\nOne connection, from SYN to the end of TIME-WAIT (MSL %s):\n\n", fmt_us(msl_us));
	ladder_begin(&scene.ladder, "client", "server");
	ptcp_trace_set(demo->pair.client.w, ladder_trace, &scene.ladder.end[LADDER_LEFT]);
	ptcp_trace_set(demo->pair.server.w, ladder_trace, &scene.ladder.end[LADDER_RIGHT]);
	played = scene_play(&scene, msl_us);
	ptcp_trace_set(demo->pair.client.w, NULL, NULL);
	ptcp_trace_set(demo->pair.server.w, NULL, NULL);
	if (played != 0)
		scene_abandon(&scene);
	demo->failed = played != 0 && !stop_requested();
	demo->ladders = played == 0;
	printf("\n%s segments drawn; relative sequence numbers; win is the field as on the wire\n",
			fmt_num(scene.ladder.segments));
	return played;
}
