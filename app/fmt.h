/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file fmt.h
 * Numbers and times as people read them, and the one way to say that something is wrong.
 */
#ifndef APP_FMT_H
#define APP_FMT_H

#include <stdint.h>

/** "1,234,567". One of 32 static buffers in turn: main lcore only. */
const char *fmt_num(uint64_t value);

/** Microseconds as "850 us", "12.3 ms", "2.5 s". The same buffers. */
const char *fmt_us(uint64_t us);

/** Microseconds as an option takes them: "500ms", "30s", "2h". The same buffers. */
const char *fmt_opt_us(uint64_t us);

/** Bytes with a binary prefix: "24.1 MiB". The same buffers. */
const char *fmt_bytes(uint64_t bytes);

/** What stands before every message, "polltcp server"; "polltcp" at first. */
void fail_prefix(const char *prefix);

/** Print "prefix: message" as one line on stderr. @return -1 */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

/** The same as a warning. */
__attribute__((format(printf, 1, 2))) void warn(const char *format, ...);

#endif
