/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main() for a fuzz target without libFuzzer, so that what the fuzzers found is a regression test for every compiler. Its
 * arguments are patterns of file names; each line of these files is one input in hexadecimal digits, '#' begins a comment.
 * With "-" the input is the raw bytes on stdin: what libFuzzer left as crash-*.
 */
#include "fuzz.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX (1u << 20)

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Turn the digits of @p line into bytes in their own place. @return how many, or -1 */
static long
decode(char *line)
{
	long n = 0;

	line[strcspn(line, "#\r\n \t")] = '\0';
	for (const char *p = line; *p != '\0'; p += 2) {
		const int high = digit(p[0]);
		const int low = high < 0 ? -1 : digit(p[1]);

		if (low < 0)
			return -1;
		line[n++] = (char)(high << 4 | low);
	}
	return n;
}

static void
run(const char *bytes, size_t size)
{
	uint8_t *copy = fuzz_copy(bytes, size);

	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/** @return inputs run, or -1 */
static long
replay_file(const char *name)
{
	char *line = fuzz_alloc(LINE_MAX);
	FILE *file = fopen(name, "r");
	long inputs = 0, number = 0;

	if (file == NULL) {
		perror(name);
		free(line);
		return -1;
	}
	while (fgets(line, LINE_MAX, file) != NULL) {
		const bool comment = strchr("#\n", line[0]) != NULL;
		const long n = decode(line);

		number++;
		if (n < 0) {
			fprintf(stderr, "%s:%ld: no line of hexadecimal digits\n", name, number);
			inputs = -1;
			break;
		}
		if (comment)
			continue;
		/* Flushed, so that a failure is preceded by its place. */
		printf("%s:%ld\n", name, number);
		fflush(stdout);
		run(line, (size_t)n);
		inputs++;
	}
	fclose(file);
	free(line);
	return inputs;
}

static int
replay_stdin(void)
{
	char *bytes = fuzz_alloc(LINE_MAX);
	const size_t n = fread(bytes, 1, LINE_MAX, stdin);

	run(bytes, n);
	free(bytes);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	long total = 0;

	if (argc == 2 && strcmp(argv[1], "-") == 0)
		return replay_stdin();
	for (int i = 1; i < argc; i++) {
		glob_t found;

		/* What once failed may be nothing yet. */
		if (glob(argv[i], 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++) {
			const long n = replay_file(found.gl_pathv[k]);

			if (n < 0)
				return EXIT_FAILURE;
			total += n;
		}
		globfree(&found);
	}
	printf("%ld inputs\n", total);
	/* Nothing run is nothing shown. */
	return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
