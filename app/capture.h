/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file capture.h
 * Holds back what a library prints (EAL prints a page of usage at a wrong option) and finds the line that matters.
 */
#ifndef APP_CAPTURE_H
#define APP_CAPTURE_H

#include <stdbool.h>

/** Capture from now on, or (the user wants to see logs) let everything pass. */
void capture_enable(bool on);

/** Send stdout and stderr into memory until capture_end(). Should the program exit meanwhile, all of it is shown. */
void capture_begin(void);

/** Give stdout and stderr back. */
void capture_end(void);

/**
 * The captured line that says most about a failure, without its prefix: of those that contain @p about, or of all when
 * it is NULL. Valid until the next call. "" when there is none.
 */
const char *capture_reason(const char *about);

#endif
