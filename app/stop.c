/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int stop_signals;

static void
stop_handler(int signal)
{
	(void)signal;
	if (atomic_fetch_add(&stop_signals, 1) != 0)
		_exit(APP_EXIT_INTERRUPTED);
}

void
stop_init(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = stop_handler;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool
stop_requested(void)
{
	return atomic_load_explicit(&stop_signals, memory_order_relaxed) != 0;
}

void
nap(unsigned int ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

bool
stop_sleep(unsigned int ms)
{
	/* The signal may be taken by any thread, so a sleep is cut into pieces instead of relying on EINTR. */
	while (ms != 0 && !stop_requested()) {
		unsigned int piece = ms < 20 ? ms : 20;

		nap(piece);
		ms -= piece;
	}
	return stop_requested();
}
