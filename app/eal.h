/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file eal.h
 * EAL's options, chosen for whoever did not choose them, and its errors as one line.
 */
#ifndef APP_EAL_H
#define APP_EAL_H

#include "app.h"

/**
 * Start EAL with the user's own options and defaults beside them, and print which were chosen. Ports that were asked
 * for and did not come up are an error.
 * @param argc, argv  the user's EAL options, without the program's name
 * @return 0, or -1 with one line printed
 */
int eal_start(int argc, char **argv, const struct app_needs *needs, struct app_eal *eal);

/** Stop EAL; what it says meanwhile is nobody's concern. */
void eal_stop(void);

#endif
