/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

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
	uint8_t *data;
};

static uint32_t bufs_alive;

struct tcp_buf
fuzz_buf(uint32_t len)
{
	struct heap_buf *b = fuzz_alloc(sizeof(*b));

	b->refs = 1;
	b->data = fuzz_alloc(len);
	bufs_alive++;
	return (struct tcp_buf){b, b->data, len};
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

uint32_t
fuzz_bufs(void)
{
	return bufs_alive;
}
