/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/list.h"

#include <string.h>

#include "fmt.h"
#include "opts.h"

unsigned int
list_parse(const char *option, const char *text, uint64_t most, uint64_t *numbers, unsigned int max)
{
	char copy[128], *save = NULL;
	unsigned int n = 0;

	if (strlen(text) >= sizeof(copy)) {
		fail("--%s: must be at most %u numbers", option, max);
		return 0;
	}
	strcpy(copy, text);
	for (char *one = strtok_r(copy, ",", &save); one != NULL;
			one = strtok_r(NULL, ",", &save)) {
		if (n == max) {
			fail("--%s: must be at most %u numbers", option, max);
			return 0;
		}
		if (parse_count(one, 1, most, &numbers[n++]) != NULL) {
			fail("--%s: '%s': must be 1 to %s", option, one, fmt_num(most));
			return 0;
		}
	}
	if (n == 0)
		fail("--%s: must be at least one number", option);
	return n;
}
