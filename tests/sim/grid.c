/* SPDX-License-Identifier: BSD-3-Clause */
/* The golden grid of goodput. */
#include "sim.h"

int
sim_grid(const char *path, bool update, unsigned int jobs)
{
	(void)path;
	(void)update;
	(void)jobs;
	return 2;
}
