/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crowd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "opts.h"
#include "slots.h"
#include "worker/worker.h"

#define LATE_US   500000u
#define OPEN_TURN 64u /* connections opened in one turn of the worker */

/* ------------------------------------------------------------------ the echo */

/* Send back what is there. @return false: it has to wait for memory */
static bool
echo_pump(struct ptcp_worker *w, ptcp_conn_t c)
{
	struct ptcp_buf bufs[1];

	while (ptcp_recv(w, c, bufs, 1) > 0) {
		const int n = ptcp_send_copy(w, c, bufs[0].data, bufs[0].len);

		if (n == -ENOBUFS)
			return false;
		if (n <= 0)
			return true; /* a writable event follows, or the end */
		ptcp_recv_done(w, c, (uint32_t)n);
	}
	return true;
}

static void
echo_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct echo *echo = arg;

	if (echo_pump(w, c))
		return;
	if (echo->n_retry < ECHO_RETRY_MAX) {
		echo->retry[echo->n_retry++] = c;
	} else {
		echo->lost++;
		ptcp_abort(w, c);
	}
}

static void
echo_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	(void)arg;
	ptcp_close(w, c);
}

static const struct ptcp_ops echo_ops = {
		.readable = echo_readable,
		.writable = echo_readable,
		.peer_closed = echo_peer_closed,
};

int
echo_listen(struct echo *echo, struct ptcp_worker *w, const struct ptcp_addr *addr,
		uint32_t backlog)
{
	const int rc = ptcp_listen(w, addr, backlog, &echo_ops, echo);

	return rc < 0 ? fail("port %u: no listener: %s", addr->port, strerror(-rc)) : 0;
}

void
echo_turn(struct echo *echo, struct ptcp_worker *w)
{
	uint32_t n = echo->n_retry;

	while (n > 0 && echo_pump(w, echo->retry[n - 1]))
		n--;
	echo->n_retry = n;
}

/* ------------------------------------------------------------------ opening */

uint32_t
crowd_addrs(uint64_t n)
{
	return (uint32_t)(n / CROWD_TUPLES + 1);
}

int
crowd_init(struct crowd *crowd)
{
	crowd->talkers = calloc(crowd->n_talkers + 1, sizeof(crowd->talkers[0]));
	if (crowd->talkers == NULL)
		return fail("no memory for %s that talk", fmt_num(crowd->n_talkers));
	crowd_again(crowd); /* touched now, not while memory is measured */
	return 0;
}

void
crowd_again(struct crowd *crowd)
{
	memset((char *)crowd + offsetof(struct crowd, tried), 0,
			sizeof(*crowd) - offsetof(struct crowd, tried));
	for (uint32_t i = 0; i < crowd->n_marks; i++)
		crowd->mark[i].us = 0;
	for (uint32_t i = 0; i < crowd->n_talkers; i++)
		crowd->talkers[i] = (struct talker){.crowd = crowd};
}

void
crowd_free(struct crowd *crowd)
{
	free(crowd->talkers);
	crowd->talkers = NULL;
}

static void
established(struct crowd *crowd)
{
	COUNT(crowd->established, 1);
	for (uint32_t i = 0; i < crowd->n_marks; i++)
		if (crowd->mark[i].n == crowd->established)
			crowd->mark[i].us = ptcp_now_us(crowd->w);
}

static void
ended(struct crowd *crowd, enum ptcp_reason reason)
{
	COUNT(crowd->ended, 1);
	if (reason != PTCP_REASON_ABORTED)
		COUNT(crowd->failed, 1);
}

static void
quiet_connected(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	(void)w;
	(void)c;
	established(arg);
}

static void
quiet_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	(void)w;
	(void)c;
	ended(arg, reason);
}

static void
talker_connected(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	const struct talker *talker = arg;

	ptcp_set(w, c, PTCP_NODELAY, 1);
	established(talker->crowd);
}

static void
talker_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct talker *talker = arg;

	(void)w;
	(void)c;
	if (talker->asked_us != 0)
		talker->crowd->waiting--;
	talker->c = PTCP_CONN_NONE;
	ended(talker->crowd, reason);
}

static void talker_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg);

static const struct ptcp_ops quiet_ops = {.connected = quiet_connected, .closed = quiet_closed};
static const struct ptcp_ops talker_ops = {
		.connected = talker_connected,
		.readable = talker_readable,
		.closed = talker_closed,
};

/* The talker that connection @p i is, or NULL. */
static struct talker *
talker_of(struct crowd *crowd, uint32_t i)
{
	const uint32_t before = (uint32_t)((uint64_t)i * crowd->n_talkers / crowd->n);
	const uint32_t with = (uint32_t)((uint64_t)(i + 1) * crowd->n_talkers / crowd->n);

	return with > before ? &crowd->talkers[before] : NULL;
}

static int
connect_one(struct crowd *crowd, uint32_t i)
{
	const struct ptcp_addr local = addr_offset(&crowd->first_local, i % crowd->n_locals);
	struct talker *talker = talker_of(crowd, i);
	ptcp_conn_t c;

	if (talker != NULL)
		return ptcp_connect(
				crowd->w, &crowd->remote, &local, &talker_ops, talker, &talker->c);
	return ptcp_connect(crowd->w, &crowd->remote, &local, &quiet_ops, crowd, &c);
}

bool
crowd_open(struct crowd *crowd)
{
	const uint32_t open = crowd->tried - crowd->established - crowd->failed;
	const uint32_t ahead = crowd->established + crowd->failed == 0 ? 1 : crowd->n_locals;
	uint32_t n = crowd->window > open ? crowd->window - open : 0;

	if (crowd->opening_us == 0)
		crowd->opening_us = ptcp_now_us(crowd->w);
	if (crowd->rate > 0) {
		const double due = (double)crowd->rate *
				(double)(ptcp_now_us(crowd->w) - crowd->opening_us) / 1e6;

		if (due < (double)crowd->tried + n)
			n = due > crowd->tried ? (uint32_t)(due - crowd->tried) : 0;
	}
	if (n > OPEN_TURN)
		n = OPEN_TURN;
	/* The very first goes ahead, then the first of each address: ARP would have to hold the packets of all. */
	if (crowd->established < crowd->n_locals && n + crowd->tried > ahead)
		n = ahead > crowd->tried ? ahead - crowd->tried : 0;
	while (n-- > 0 && crowd->tried < crowd->n) {
		const int rc = connect_one(crowd, crowd->tried);

		COUNT(crowd->tried, 1);
		if (rc == 0)
			continue;
		crowd->error = crowd->error == 0 ? rc : crowd->error;
		COUNT(crowd->failed, 1);
	}
	return crowd->tried == crowd->n;
}

/* ------------------------------------------------------------------ talking */

/* Byte @p i of what a talker says this time: mixed-up answers are wrong ones. */
static uint8_t
byte_of(const struct talker *talker, uint32_t i)
{
	const uint32_t number = (uint32_t)(talker - talker->crowd->talkers);

	return (uint8_t)(number * 31 + (number >> 8) + talker->round * 7 + i);
}

static void
talker_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct talker *talker = arg;
	struct crowd *crowd = talker->crowd;
	uint8_t text[CROWD_TALK_BYTES];
	int n;

	while ((n = ptcp_recv_copy(w, c, text, sizeof(text))) > 0)
		for (int i = 0; i < n; i++, talker->got++)
			if (talker->asked_us == 0 || talker->got >= CROWD_TALK_BYTES ||
					text[i] != byte_of(talker, talker->got))
				COUNT(crowd->wrong, 1);
	if (talker->asked_us == 0 || talker->got < CROWD_TALK_BYTES)
		return;
	hist_add(&crowd->echo_us, ptcp_now_us(w) - talker->asked_us);
	COUNT(crowd->answered, 1);
	crowd->waiting--;
	talker->asked_us = 0;
}

/* @return false: no memory for it just now */
static bool
ask(struct crowd *crowd, struct talker *talker)
{
	uint8_t text[CROWD_TALK_BYTES];

	talker->round++;
	for (uint32_t i = 0; i < CROWD_TALK_BYTES; i++)
		text[i] = byte_of(talker, i);
	if (ptcp_send_copy(crowd->w, talker->c, text, sizeof(text)) != (int)sizeof(text))
		return false;
	talker->got = 0;
	talker->asked_us = ptcp_now_us(crowd->w);
	crowd->waiting++;
	COUNT(crowd->asked, 1);
	return true;
}

void
crowd_talk(struct crowd *crowd, uint32_t most, uint64_t asked)
{
	for (uint32_t i = 0; i < OPEN_TURN; i++) {
		struct talker *talker = &crowd->talkers[crowd->next];

		if (crowd->waiting >= most || crowd->asked >= asked || crowd->n_talkers == 0)
			return;
		/* One that has no answer yet is passed over; a turn later it may have one. */
		if (talker->asked_us == 0 && talker->c != PTCP_CONN_NONE && !ask(crowd, talker))
			return;
		crowd->next = crowd->next + 1 < crowd->n_talkers ? crowd->next + 1 : 0;
	}
}

/* ------------------------------------------------------------------ the end */

bool
crowd_reset(struct crowd_end *end, struct ptcp_worker *w, uint32_t most)
{
	const struct tcp_ctx *ctx = &w->ctx;

	for (; end->at < ctx->tcb_pool.fresh; end->at++) {
		const struct tcp_tcb *tcb = tcp_at(ctx, end->at);

		if (tcb->state == TCP_CLOSED || tcb->state == TCP_TIME_WAIT)
			continue;
		if (most-- == 0)
			return false;
		ptcp_abort(w, tcp_handle(ctx, tcb));
	}
	return true;
}

void
crowd_reset_late(struct crowd_end *end, struct ptcp_worker *w, uint32_t most)
{
	if (end->since_us == 0)
		end->since_us = ptcp_now_us(w);
	if (ptcp_now_us(w) - end->since_us >= LATE_US)
		(void)crowd_reset(end, w, most);
}
