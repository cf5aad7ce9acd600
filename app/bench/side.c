/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/side.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fmt.h"

#define NAME_MAX_LEN 32

static struct side {
	char name[NAME_MAX_LEN];
	const char *command;
} sides[SIDES_MAX];
static unsigned int n_sides;

const char *
side_call(const char *text, void *value)
{
	const char *equals = strchr(text, '=');
	size_t len = equals == NULL ? 0 : (size_t)(equals - text);

	(void)value;
	if (len == 0 || len >= NAME_MAX_LEN || equals[1] == '\0')
		return "must be NAME=COMMAND, the name of at most 31 characters";
	if (n_sides == SIDES_MAX)
		return "must be at most 8 sides";
	for (unsigned int i = 0; i < n_sides; i++)
		if (strlen(sides[i].name) == len && memcmp(sides[i].name, text, len) == 0)
			return "the name stands twice";
	memcpy(sides[n_sides].name, text, len);
	sides[n_sides++].command = equals + 1;
	return NULL;
}

bool
side_any(void)
{
	return n_sides > 0;
}

/* The unit of a figure that another program names. */
static const char *
unit_of(const char *name)
{
	const size_t len = strlen(name);

	if (strncmp(name, "gbit", 4) == 0)
		return "Gbit/s";
	if (len > 6 && strcmp(name + len - 6, "_per_s") == 0)
		return "1/s";
	if (len > 3 && strcmp(name + len - 3, "_us") == 0)
		return "us";
	if (len > 3 && strcmp(name + len - 3, "_ns") == 0)
		return "ns";
	if (strncmp(name, "bytes", 5) == 0 || (len > 6 && strcmp(name + len - 6, "_bytes") == 0))
		return "B";
	return "";
}

static int
figures_add(const struct side *side, struct result *result, json_t *told)
{
	const char *name;
	json_t *value;

	if (!json_is_object(told) || json_object_size(told) == 0)
		return fail("--side: '%s': must print one JSON object of numbers", side->command);
	json_object_foreach(told, name, value)
	{
		if (!json_is_number(value))
			return fail("--side: '%s': '%s' is no number", side->command, name);
		result_add(result, side->name, name, unit_of(name), json_number_value(value));
	}
	return 0;
}

static int
side_run(const struct side *side, struct result *result)
{
	FILE *out = popen(side->command, "r");
	json_error_t error;
	json_t *told;
	int status, added;

	if (out == NULL)
		return fail("--side: '%s': cannot be run (%s)", side->command, strerror(errno));
	told = json_loadf(out, 0, &error);
	while (told == NULL && fgetc(out) != EOF)
		; /* so that it does not end by a broken pipe */
	status = pclose(out);
	if (status != 0 || told == NULL) {
		json_decref(told);
		if (status == 0)
			return fail("--side: '%s': must print one JSON object of numbers (%s)",
					side->command, error.text);
		return fail("--side: '%s': has failed, status %d", side->command,
				WIFEXITED(status) ? WEXITSTATUS(status) : status);
	}
	added = figures_add(side, result, told);
	json_decref(told);
	return added;
}

int
side_run_all(const struct bench_run *run, struct result *result)
{
	for (unsigned int i = 0; i < n_sides && !stop_requested(); i++) {
		bench_progress(run, "compared with %s: %s", sides[i].name, sides[i].command);
		if (side_run(&sides[i], result) != 0)
			return -1;
	}
	return 0;
}
