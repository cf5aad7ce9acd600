/* SPDX-License-Identifier: BSD-3-Clause */
#include "twin.h"
#include "random.h"

#include <string.h>

struct twin *
twin_new(const struct tcp_conf *conf, enum ip_family family, time_us_t start0, time_us_t start1)
{
	struct twin *t = calloc(1, sizeof(*t));

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	t->start[0] = start0;
	t->start[1] = start1;
	for (unsigned int i = 0; i < 2; i++)
		t->h[i] = h_new(conf, family, t->start[i]);
	t->lose = TWIN_LOSE_NONE;
	t->lose_n = 1;
	return t;
}

void
twin_free(struct twin *t)
{
	while (t->head != t->tail)
		free(t->frame[t->head++ % TWIN_FRAMES].data);
	h_free(t->h[0]);
	h_free(t->h[1]);
	free(t);
}

/** Whether frame number @p number, @p len octets of text, is lost. */
static bool
is_lost(struct twin *t, uint32_t number, uint32_t len)
{
	const uint32_t loss = len > 0 ? t->loss : t->loss_acks;

	if (t->lose != TWIN_LOSE_NONE && number - t->lose < t->lose_n)
		return true;
	return loss > 0 && random_below(&t->rng, 1000) < loss;
}

/** What side @p i has sent goes onto the link: behind what arrives no later. */
static void
collect(struct twin *t, unsigned int i)
{
	const struct h_seg *s;

	while ((s = h_next(t->h[i])) != NULL) {
		struct twin_frame f = {.seg = s->seg, .len = s->len, .to = !i};
		unsigned int k = t->tail;

		f.due = t->now + TWIN_DELAY_US;
		if (t->jitter_us > 0)
			f.due += random_below(&t->rng, t->jitter_us);
		if (is_lost(t, t->n_frames++, s->len)) {
			t->n_lost++;
			continue;
		}
		CU_ASSERT_FATAL(t->tail - t->head < TWIN_FRAMES);
		f.data = malloc(s->len + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(f.data);
		if (s->len > 0)
			memcpy(f.data, s->data, s->len);
		f.seg.sport = 0; /* the harness fills in the tuple */
		for (; k != t->head && t->frame[(k - 1) % TWIN_FRAMES].due > f.due; k--)
			t->frame[k % TWIN_FRAMES] = t->frame[(k - 1) % TWIN_FRAMES];
		t->frame[k % TWIN_FRAMES] = f;
		t->tail++;
	}
	/* Long transfers: what was carried need not be remembered. */
	if (t->h[i]->n_sent > H_LOG_MAX / 2)
		h_forget(t->h[i]);
}

static void
deliver(struct twin *t)
{
	while (t->head != t->tail && t->frame[t->head % TWIN_FRAMES].due <= t->now) {
		struct twin_frame *f = &t->frame[t->head++ % TWIN_FRAMES];

		(void)h_inject(t->h[f->to], &f->seg, f->data, f->len);
		free(f->data);
	}
}

void
twin_run(struct twin *t, uint64_t us)
{
	const uint64_t until = t->now + us;

	for (;;) {
		uint64_t next = until;

		collect(t, 0);
		collect(t, 1);
		if (t->head != t->tail && t->frame[t->head % TWIN_FRAMES].due < next)
			next = t->frame[t->head % TWIN_FRAMES].due;
		for (unsigned int i = 0; i < 2; i++) {
			const time_us_t due = tcp_next(t->h[i]->ctx);

			if (due != UINT64_MAX && due - t->start[i] < next)
				next = due < t->start[i] + t->now ? t->now : due - t->start[i];
		}
		for (unsigned int i = 0; i < 2; i++)
			h_wait(t->h[i], next - t->now);
		t->now = next;
		deliver(t);
		if (t->now == until && t->h[0]->seen == t->h[0]->n_sent &&
				t->h[1]->seen == t->h[1]->n_sent)
			return;
	}
}

void
twin_connect(struct twin *t)
{
	(void)h_open(t->h[0]);
	twin_run(t, 4 * TWIN_DELAY_US);
	CU_ASSERT_EQUAL_FATAL(h_state(t->h[0]), TCP_ESTABLISHED);
	CU_ASSERT_EQUAL_FATAL(h_state(t->h[1]), TCP_ESTABLISHED);
}

bool
twin_got(const struct twin *t, unsigned int i, uint32_t n)
{
	if (t->h[i]->n_received != n)
		return false;
	for (uint32_t k = 0; k < n; k++) {
		if (t->h[i]->received[k] != h_pattern(k))
			return false;
	}
	return true;
}

unsigned int
twin_told(const struct twin *t, unsigned int i, uint8_t events)
{
	unsigned int n = 0;

	for (unsigned int k = 0; k < t->h[i]->n_event; k++)
		n += (t->h[i]->event[k].events & events) != 0;
	return n;
}

bool
twin_clean(const struct twin *t, unsigned int i)
{
	const struct tcp_ctx *ctx = t->h[i]->ctx;

	return ctx->tcb_pool.n_used == 0 && ctx->block_pool.n_used == 0 &&
			ctx->node_pool.n_used == 0 && timewait_count(ctx->timewait) == 0;
}

int64_t
twin_open_from(struct harness *h, uint16_t lport)
{
	const struct tcp_open_args args = {.laddr = h->family == IP_V4 ? 0 : 4,
			.lport = lport,
			.rport = h->peer_port,
			.raddr = h->peer};
	const int64_t index = tcp_open(h->ctx, &args);

	if (index >= 0)
		h->our_port = lport;
	h_pump(h);
	return index;
}

time_us_t
twin_start_for_iss(const struct tcp_conf *conf, enum ip_family family, uint16_t lport, uint32_t iss)
{
	const time_us_t probe = 1000000;
	struct harness *h = h_new(conf, family, probe);
	uint32_t got;

	if (lport != 0)
		(void)twin_open_from(h, lport);
	else
		(void)h_in(h, TCP_SYN, 0);
	CU_ASSERT_FATAL(h->n_sent == 1);
	got = h->sent[0].seg.seq;
	h_free(h);
	/* RFC 6528: one step each 4 microseconds. */
	return probe + (uint64_t)(uint32_t)(iss - got) * 4;
}
