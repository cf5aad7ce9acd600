/* SPDX-License-Identifier: BSD-3-Clause */
/* What the figures were measured on. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <rte_version.h>

#include "bench/bench.h"

/* The value behind "name:" in a file of such lines. @return false: not there */
static bool
line_value(const char *path, const char *name, char *value, size_t size)
{
	const size_t len = strlen(name);
	FILE *file = fopen(path, "r");
	bool found = false;
	char line[512];

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		const char *colon = strchr(line, ':');

		if (colon == NULL || strncmp(line, name, len) != 0)
			continue;
		if (line[len] != ':' && line[len] != '\t' && line[len] != ' ')
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		snprintf(value, size, "%.*s", (int)strcspn(colon, "\n"), colon);
		found = true;
	}
	fclose(file);
	return found;
}

static uint64_t
line_number(const char *path, const char *name)
{
	unsigned long long number = 0;
	char text[64];

	if (!line_value(path, name, text, sizeof(text)) || sscanf(text, "%llu", &number) != 1)
		return 0;
	return number;
}

uint64_t
machine_resident(void)
{
	return 1024 *
			(line_number("/proc/self/status", "VmRSS") +
					line_number("/proc/self/status", "HugetlbPages"));
}

uint64_t
machine_slab_size(const char *cache)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	unsigned long long size = 0;
	char line[512], name[64];

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned long long bytes;

		if (sscanf(line, "%63s %*u %*u %llu", name, &bytes) == 2 &&
				strcmp(name, cache) == 0)
			size = bytes;
	}
	fclose(file);
	return size;
}

json_t *
machine_json(double hz)
{
	char model[256] = "unknown", cache[64] = "unknown";
	const json_int_t kib = 1024;
	struct utsname name = {0};

	(void)line_value("/proc/cpuinfo", "model name", model, sizeof(model));
	(void)line_value("/proc/cpuinfo", "cache size", cache, sizeof(cache));
	uname(&name);
	return json_pack("{s:s, s:I, s:s, s:f, s:I, s:I, s:I, s:s, s:s, s:s}", "cpu", model,
			"cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "cache", cache,
			"tsc_hz", hz, "memory_bytes",
			kib * (json_int_t)line_number("/proc/meminfo", "MemTotal"), "hugepages",
			(json_int_t)line_number("/proc/meminfo", "HugePages_Total"),
			"hugepage_bytes",
			kib * (json_int_t)line_number("/proc/meminfo", "Hugepagesize"), "kernel",
			name.release, "dpdk", rte_version(), "compiler", __VERSION__);
}
