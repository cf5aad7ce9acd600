/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Many worlds in several processes: the same seed gives the same result with any number of them. */
#ifndef PTCP_TESTS_SIM_JOBS_H
#define PTCP_TESTS_SIM_JOBS_H

#include "sim.h"

struct sim_task {
	uint64_t seed;    /**< of the world */
	uint32_t n_conns; /**< at most, 0: what the seed says */
	int scenario;     /**< -1: what the seed says */
};

struct sim_failure {
	bool failed;
	uint32_t world; /**< index of the first task that failed */
	char text[600];
};

/** World @p k of the worlds that @p seed names. */
uint64_t sim_world_seed(uint64_t seed, uint32_t k);

/**
 * Run @p n tasks in @p jobs processes; the first that fails ends the run.
 * @param twice     run each world twice, and see that it does the same
 * @param patience  seconds that one world may take
 */
void sim_jobs(const struct sim_task *task, uint32_t n, unsigned int jobs, bool twice,
		unsigned int patience, struct sim_result *sum, struct sim_failure *failure);

#endif
