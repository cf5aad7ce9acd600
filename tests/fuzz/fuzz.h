/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file What the fuzz targets share: input read byte by byte, requirements, payload on the heap. Each target is one
 * fuzz_*.c with a LLVMFuzzerTestOneInput(), linked to libFuzzer by clang and to replay.c by every compiler.
 */
#ifndef PTCP_TESTS_FUZZ_H
#define PTCP_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/** What libFuzzer and replay.c call. @return 0: the input is of use; -1: keep it out of the corpus */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Fuzzer's input, read from the front. Behind its end there are zeros. */
struct fuzz_in {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t
fuzz_u8(struct fuzz_in *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint16_t
fuzz_u16(struct fuzz_in *in)
{
	const uint8_t high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

static inline uint32_t
fuzz_u32(struct fuzz_in *in)
{
	const uint32_t high = fuzz_u16(in);

	return high << 16 | fuzz_u16(in);
}

/** A number below @p n (1 to 256). */
static inline uint8_t
fuzz_below(struct fuzz_in *in, unsigned int n)
{
	return (uint8_t)(fuzz_u8(in) % n);
}

/** An element of an array. */
#define FUZZ_PICK(in, array) ((array)[fuzz_u8(in) % (sizeof(array) / sizeof((array)[0]))])

/** Say what does not hold, and abort. */
__attribute__((noreturn, format(printf, 3, 4))) void fuzz_fail(
		const char *file, int line, const char *format, ...);

#define FUZZ_REQUIRE(cond)                                                                         \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fuzz_fail(__FILE__, __LINE__, "%s", #cond);                                \
	} while (0)

/** A text that a check function returned must be NULL. */
#define FUZZ_CHECK(text)                                                                           \
	do {                                                                                       \
		const char *fuzz_text = (text);                                                    \
		if (fuzz_text != NULL)                                                             \
			fuzz_fail(__FILE__, __LINE__, "%s", fuzz_text);                            \
	} while (0)

/** Say what happens, when the environment has POLLTCP_FUZZ_TRACE: to understand a failing input. */
__attribute__((format(printf, 1, 2))) void fuzz_trace(const char *format, ...);

/** Memory of exactly @p size bytes, so that AddressSanitizer sees a step over its end; never NULL, free() it. */
void *fuzz_alloc(size_t size);
void *fuzz_copy(const void *from, size_t size);

/** Payload for the core: exactly @p len bytes with one reference, content for the caller to fill. */
struct tcp_buf fuzz_buf(uint32_t len);

/** Payload buffers alive. */
uint32_t fuzz_bufs(void);

/** Copies (tcp_buf_copy()) that succeed from now on; the last one is for text in order. UINT32_MAX: all. */
void fuzz_copies(uint32_t left);

#endif
