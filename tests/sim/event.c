/* SPDX-License-Identifier: BSD-3-Clause */
/* What is going to happen: a heap by time. And the buffers, whose references are counted. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ events */

static inline bool
before(const struct sim_event *a, const struct sim_event *b)
{
	return a->when < b->when || (a->when == b->when && (int32_t)(a->order - b->order) < 0);
}

void
sim_event_push(struct sim_world *w, time_us_t when, enum sim_event_kind kind, unsigned int end,
		void *what)
{
	const struct sim_event e = {.when = when,
			.order = w->order++,
			.kind = (uint8_t)kind,
			.end = (uint8_t)end,
			.what = what};
	uint32_t i = w->n_heap++;

	if (w->n_heap > w->heap_size) {
		w->heap_size = w->heap_size == 0 ? 1024 : 2 * w->heap_size;
		w->heap = realloc(w->heap, w->heap_size * sizeof(*w->heap));
		if (w->heap == NULL)
			abort();
	}
	while (i > 0 && before(&e, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = e;
}

struct sim_event
sim_event_pop(struct sim_world *w)
{
	const struct sim_event top = w->heap[0];
	const struct sim_event last = w->heap[--w->n_heap];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= w->n_heap)
			break;
		if (child + 1 < w->n_heap && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

/* ------------------------------------------------------------------ buffers */

/* The sanitizers see a use after the end only when the memory really goes. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEP_FREE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_FREE 0
#endif
#endif
#ifndef KEEP_FREE
#define KEEP_FREE 1
#endif

#define POISON     0xdb
#define COPY_CHUNK 2048

static const uint32_t class_size[] = {64, 512, 2048, 9216};
static struct sim_buf *free_list[PTCP_ARRAY_SIZE(class_size)];
static uint64_t alive;

struct sim_buf *
sim_buf_new(uint32_t size)
{
	struct sim_buf *b = NULL;
	unsigned int c = 0;

	while (c < PTCP_ARRAY_SIZE(class_size) && class_size[c] < size)
		c++;
	if (KEEP_FREE && c < PTCP_ARRAY_SIZE(class_size)) {
		b = free_list[c];
		if (b != NULL)
			free_list[c] = b->next;
	}
	if (b == NULL) {
		const uint32_t room =
				KEEP_FREE && c < PTCP_ARRAY_SIZE(class_size) ? class_size[c] : size;

		b = malloc(sizeof(*b) + room);
		if (b == NULL)
			abort();
		b->size = room;
	}
	b->refs = 1;
	b->hdr_len = 0;
	b->conn = UINT32_MAX;
	b->corrupt = false;
	alive++;
	return b;
}

/** Copies of received text go here, one behind the other. */
static struct sim_buf *copies;
static uint32_t copied;

void
sim_copies_end(void)
{
	if (copies != NULL)
		tcp_buf_free(copies);
	copies = NULL;
}

uint64_t
sim_bufs(void)
{
	return alive - (copies != NULL);
}

bool
tcp_buf_copy(struct tcp_ctx *ctx, struct tcp_buf *buf, bool in_order)
{
	struct sim_end *e = sim_end_of(ctx);

	if (e->no_owner_until > e->polled_at) {
		if (in_order ? e->copies_left == 0 : e->copies_left <= 1)
			return false;
		e->copies_left--;
	}
	if (copies == NULL || copies->size - copied < buf->len) {
		sim_copies_end();
		copies = sim_buf_new(buf->len > COPY_CHUNK ? buf->len : COPY_CHUNK);
		copied = 0;
	}
	memcpy(copies->data + copied, buf->data, buf->len);
	tcp_buf_ref(copies);
	*buf = (struct tcp_buf){copies, copies->data + copied, buf->len, buf->len};
	copied += buf->len;
	return true;
}

void
tcp_buf_ref(void *owner)
{
	struct sim_buf *b = owner;

	PTCP_ASSERT(b->refs > 0);
	b->refs++;
}

void
tcp_buf_free(void *owner)
{
	struct sim_buf *b = owner;

	PTCP_ASSERT(b->refs > 0);
	if (--b->refs > 0)
		return;
	alive--;
	for (unsigned int c = 0; KEEP_FREE && c < PTCP_ARRAY_SIZE(class_size); c++) {
		if (b->size == class_size[c]) {
			/* Who still looks at it must not find what he wants. */
			memset(b->data, POISON, b->size < 256 ? b->size : 256);
			b->next = free_list[c];
			free_list[c] = b;
			return;
		}
	}
	free(b);
}
