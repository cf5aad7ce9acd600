/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Numbers in messages. */
#ifndef PTCP_BASE_FMT_H
#define PTCP_BASE_FMT_H

#include <stdint.h>

#define FMT_NUM 28 /**< bytes for any 64-bit number with separators and NUL */

/** "17,408" into @p text. @return @p text's first digit */
static inline const char *
fmt_num(uint64_t n, char text[FMT_NUM])
{
	unsigned int at = FMT_NUM - 1;
	unsigned int digits = 0;

	text[at] = '\0';
	do {
		if (digits > 0 && digits % 3 == 0)
			text[--at] = ',';
		text[--at] = (char)('0' + n % 10);
		n /= 10;
		digits++;
	} while (n != 0);
	return &text[at];
}

#endif
