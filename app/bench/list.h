/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file list.h
 * Options that are lists of numbers, "1k,64k".
 */
#ifndef APP_BENCH_LIST_H
#define APP_BENCH_LIST_H

#include <stdint.h>

/**
 * Parse numbers from 1 to @p most.
 * @param option  its name, for the message
 * @return how many, or 0 with one line printed
 */
unsigned int list_parse(const char *option, const char *text, uint64_t most, uint64_t *numbers,
		unsigned int max);

#endif
