/* SPDX-License-Identifier: BSD-3-Clause */
#include "fmt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUFFERS     32
#define BUFFER_SIZE 40

static char message_prefix[64] = "polltcp";

static char *
buffer_next(void)
{
	static char buffers[BUFFERS][BUFFER_SIZE];
	static unsigned int turn;

	turn = (turn + 1) % BUFFERS;
	return buffers[turn];
}

const char *
fmt_num(uint64_t value)
{
	char *text = buffer_next() + BUFFER_SIZE - 1;
	unsigned int digits = 0;

	*text = '\0';
	do {
		if (digits != 0 && digits % 3 == 0)
			*--text = ',';
		*--text = (char)('0' + value % 10);
		value /= 10;
		digits++;
	} while (value != 0);
	return text;
}

const char *
fmt_us(uint64_t us)
{
	char *text = buffer_next();

	if (us < 1000)
		snprintf(text, BUFFER_SIZE, "%u us", (unsigned int)us);
	else if (us < 1000000)
		snprintf(text, BUFFER_SIZE, "%.4g ms", (double)us / 1e3);
	else if (us < 1000000000)
		snprintf(text, BUFFER_SIZE, "%.4g s", (double)us / 1e6);
	else
		snprintf(text, BUFFER_SIZE, "%s s", fmt_num(us / 1000000));
	return text;
}

const char *
fmt_opt_us(uint64_t us)
{
	char *text = buffer_next();

	if (us == 0)
		snprintf(text, BUFFER_SIZE, "0");
	else if (us % 1000 != 0)
		snprintf(text, BUFFER_SIZE, "%sus", fmt_num(us));
	else if (us % 1000000 != 0)
		snprintf(text, BUFFER_SIZE, "%sms", fmt_num(us / 1000));
	else
		snprintf(text, BUFFER_SIZE, "%ss", fmt_num(us / 1000000));
	return text;
}

const char *
fmt_bytes(uint64_t bytes)
{
	char *text = buffer_next();

	if (bytes < 1024)
		snprintf(text, BUFFER_SIZE, "%u B", (unsigned int)bytes);
	else if (bytes < UINT64_C(1) << 20)
		snprintf(text, BUFFER_SIZE, "%.1f KiB", (double)bytes / 1024);
	else if (bytes < UINT64_C(1) << 30)
		snprintf(text, BUFFER_SIZE, "%.1f MiB", (double)bytes / (1 << 20));
	else
		snprintf(text, BUFFER_SIZE, "%.1f GiB", (double)bytes / (1 << 30));
	return text;
}

void
fail_prefix(const char *prefix)
{
	snprintf(message_prefix, sizeof(message_prefix), "%s", prefix);
}

int
fail(const char *format, ...)
{
	va_list args;

	fflush(stdout); /* so that the line stands where it belongs when both go to one file */
	fprintf(stderr, "%s: ", message_prefix);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

void
warn(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: warning: ", message_prefix);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}
