/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file app.h
 * What main.c and the modes know of each other.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stdint.h>

/** The exit code after a second SIGINT or SIGTERM. */
#define APP_EXIT_INTERRUPTED 130

/** What a mode wants of its environment, known once its options are parsed. */
struct app_needs {
	unsigned int workers; /**< lcores besides the main one */
	uint64_t bytes;       /**< memory of its pools */
	bool own_ports;       /**< it makes its own; EAL need not look for any */
	bool one_file; /**< hugepages in as few files as there can be: virtio_user shares them with a peer */
	bool telemetry;
};

/** What EAL was started with. */
struct app_eal {
	char options[2048]; /**< all of them, as one line */
	bool hugepages;
	bool shared_cpu; /**< workers share a CPU: they should take turns instead of both polling */
};

/** One mode: one small file. */
struct app_mode {
	const char *name;
	const char *help; /**< one line */
	/** Print the options, with units, ranges and defaults. */
	void (*usage)(void);
	/** argv[0] is the mode's name. @return 0; 1: help is wanted; 2: answered already; -1 with one line printed */
	int (*parse)(int argc, char **argv);
	void (*needs)(struct app_needs *needs);
	/** @return the exit code */
	int (*run)(const struct app_eal *eal);
};

extern const struct app_mode demo_mode;
extern const struct app_mode server_mode;
extern const struct app_mode client_mode;
extern const struct app_mode bench_mode;

/** SIGINT and SIGTERM ask for a stop; the second one exits at once. */
void stop_init(void);

/** Was a stop asked for? Any thread. */
bool stop_requested(void);

/** Sleep up to @p ms, less when a stop is asked for. @return stop_requested() */
bool stop_sleep(unsigned int ms);

/** Sleep, whatever is asked for. */
void nap(unsigned int ms);

#endif
