/* SPDX-License-Identifier: BSD-3-Clause */
/** @file A checker of invariants is worth what it notices: DAMAGED() changes one field and asks what the checker says. */
#ifndef PTCP_TESTS_DAMAGE_H
#define PTCP_TESTS_DAMAGE_H

#include <stdbool.h>
#include <string.h>

#include "test.h"

/** The checker's answer must be @p want: NULL or a text. */
static inline void
damage_told(const char *got, const char *want, const char *what, int line)
{
	const bool same = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);

	if (!same)
		fprintf(stderr, "line %d, %s: \"%s\" instead of \"%s\"\n", line, what,
				got != NULL ? got : "(sound)", want != NULL ? want : "(sound)");
	CU_ASSERT(same);
}

/** With @p value in @p field, @p check must say @p text; with its old value again nothing. */
#define DAMAGED(check, field, value, text)                                                         \
	do {                                                                                       \
		const __typeof__(field) saved_ = (field);                                          \
                                                                                                   \
		(field) = (__typeof__(field))(value);                                              \
		damage_told((check), (text), #field " = " #value, __LINE__);                       \
		(field) = saved_;                                                                  \
		damage_told((check), NULL, #field " again", __LINE__);                             \
	} while (0)

#endif
