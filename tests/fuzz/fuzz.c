/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "tcp/tcp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fuzz_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s:%d: does not hold: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void
fuzz_trace(const char *format, ...)
{
	static int wanted = -1;
	va_list args;

	if (wanted < 0)
		wanted = getenv("POLLTCP_FUZZ_TRACE") != NULL;
	if (wanted == 0)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
/** Freed memory is watched for a while, but not for so long that every input runs on memory never touched before. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=8";
}
#endif

void *
fuzz_alloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	FUZZ_REQUIRE(p != NULL);
	return p;
}

void *
fuzz_copy(const void *from, size_t size)
{
	void *p = fuzz_alloc(size);

	if (size > 0)
		memcpy(p, from, size);
	return p;
}

/* ------------------------------------------------------------------ the core's payload */

/** Bookkeeping and bytes lie apart, so that each allocation has its own guards. */
struct heap_buf {
	uint32_t refs;
	uint32_t used; /* octets of a chunk that copies have */
	uint8_t *data;
};

#define CHUNK 600 /* small, so that copies meet its end */

static uint32_t bufs_alive;
static struct heap_buf *chunk; /* where the next copy goes */
static uint32_t copies_left = UINT32_MAX;

struct tcp_buf
fuzz_buf(uint32_t len)
{
	struct heap_buf *b = fuzz_alloc(sizeof(*b));

	b->refs = 1;
	b->used = 0;
	b->data = fuzz_alloc(len);
	bufs_alive++;
	return (struct tcp_buf){.owner = b, .data = b->data, .len = len};
}

void
tcp_buf_ref(void *owner)
{
	struct heap_buf *b = owner;

	FUZZ_REQUIRE(b->refs > 0);
	b->refs++;
}

void
tcp_buf_free(void *owner)
{
	struct heap_buf *b = owner;

	FUZZ_REQUIRE(b->refs > 0);
	if (--b->refs > 0)
		return;
	bufs_alive--;
	free(b->data);
	free(b);
}

bool
tcp_buf_copy(struct tcp_ctx *ctx, struct tcp_buf *buf, bool in_order)
{
	struct heap_buf *b = chunk;

	(void)ctx;
	if (in_order ? copies_left == 0 : copies_left <= 1)
		return false;
	copies_left -= copies_left != UINT32_MAX;
	if (b == NULL || b->refs == 1 || CHUNK - b->used < buf->len) {
		if (buf->len > CHUNK / 2) {
			/* Memory of its own. */
			struct tcp_buf own = fuzz_buf(buf->len);

			memcpy(own.data, buf->data, buf->len);
			own.size = buf->len;
			*buf = own;
			return true;
		}
		if (b != NULL)
			tcp_buf_free(b);
		b = chunk = fuzz_buf(CHUNK).owner;
	}
	memcpy(b->data + b->used, buf->data, buf->len);
	b->refs++;
	buf->owner = b;
	buf->data = b->data + b->used;
	buf->size = buf->len;
	b->used += buf->len;
	return true;
}

void
fuzz_copies(uint32_t left)
{
	copies_left = left;
}

uint32_t
fuzz_bufs(void)
{
	/* A chunk that nobody but we hold is kept for the next input. */
	return bufs_alive - (chunk != NULL && chunk->refs == 1);
}
