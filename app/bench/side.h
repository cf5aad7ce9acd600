/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file side.h
 * What a bench is compared with and that is no part of this program: commands that print their figures.
 */
#ifndef APP_BENCH_SIDE_H
#define APP_BENCH_SIDE_H

#include <stdbool.h>

#include "bench/bench.h"

#define SIDES_MAX 8

/** The value of an option: "NAME=COMMAND". For struct opt's call. @return NULL, or what is wrong */
const char *side_call(const char *text, void *value);

/** Is there any? */
bool side_any(void);

/**
 * Run each command once and add what it prints, one JSON object of numbers, to the figures of its side. Nothing of ours
 * polls meanwhile.
 * @return 0, or -1 with one line printed
 */
int side_run_all(const struct bench_run *run, struct result *result);

#endif
