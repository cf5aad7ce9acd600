/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* timeout(1) and shells send one request to the process and once more to its group: that is one, not two. */
#define SAME_REQUEST_NS INT64_C(100000000)

static atomic_int_least64_t stop_ns; /* when the first request came; 0: none did */

static void
stop_handler(int signal)
{
	int_least64_t first = 0, now;
	struct timespec time;

	(void)signal;
	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (int_least64_t)time.tv_sec * 1000000000 + time.tv_nsec;
	if (atomic_compare_exchange_strong(&stop_ns, &first, now))
		return;
	if (now - first > SAME_REQUEST_NS)
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
	return atomic_load_explicit(&stop_ns, memory_order_relaxed) != 0;
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
