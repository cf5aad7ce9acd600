/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char captured[32768];
static bool enabled = true;
static int capture_fd = -1;
static int saved_stdout = -1;
static int saved_stderr = -1;

/* EAL may call exit(), after --help for instance: show what it said. */
static void
capture_at_exit(void)
{
	if (capture_fd < 0)
		return;
	capture_end();
	fputs(captured, stdout);
	fflush(stdout);
}

void
capture_enable(bool on)
{
	enabled = on;
}

void
capture_begin(void)
{
	static bool registered;

	if (!enabled)
		return;

	captured[0] = '\0';
	fflush(stdout);
	fflush(stderr);
	capture_fd = memfd_create("output", MFD_CLOEXEC);
	if (capture_fd < 0)
		return;
	saved_stdout = dup(STDOUT_FILENO);
	saved_stderr = dup(STDERR_FILENO);
	dup2(capture_fd, STDOUT_FILENO);
	dup2(capture_fd, STDERR_FILENO);
	if (!registered)
		registered = atexit(capture_at_exit) == 0;
}

void
capture_end(void)
{
	ssize_t len;

	if (capture_fd < 0)
		return;
	fflush(stdout);
	fflush(stderr);
	dup2(saved_stdout, STDOUT_FILENO);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stdout);
	close(saved_stderr);
	len = pread(capture_fd, captured, sizeof(captured) - 1, 0);
	captured[len > 0 ? len : 0] = '\0';
	close(capture_fd);
	capture_fd = -1;
}

static unsigned int
line_score(const char *line, const char *about)
{
	static const char *const words[] = {"unrecognized", "requires an argument", "ambiguous",
			"cannot", "Cannot", "can't", "ail", "nvalid", "rror", "nable", "not ",
			"No ", "no "};
	unsigned int score = 0;

	if (line[0] == ' ' || line[0] == '-' || (about != NULL && strstr(line, about) == NULL))
		return 0; /* a page of usage, or something else */
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]) && score == 0; i++)
		if (strstr(line, words[i]) != NULL)
			score = 100 - i;
	/* true of every run, or of every failure */
	if (strstr(line, "No free") != NULL || strstr(line, "No available") != NULL ||
			strstr(line, "FATAL") != NULL)
		score = score != 0;
	return score;
}

const char *
capture_reason(const char *about)
{
	static char reason[256];
	char copy[sizeof(captured)], *rest = copy, *line;
	unsigned int best = 0;

	reason[0] = '\0';
	strcpy(copy, captured);
	while ((line = strsep(&rest, "\n")) != NULL) {
		unsigned int score = line_score(line, about);
		const char *text = strstr(line, ": ");

		if (score <= best)
			continue;
		best = score;
		snprintf(reason, sizeof(reason), "%s", text == NULL ? line : text + 2);
	}
	return reason;
}
