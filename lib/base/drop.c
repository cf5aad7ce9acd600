/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/drop.h"

#include "base/compiler.h"

static const struct {
	const char *name;
	const char *text;
} drops[DROP_MAX] = {
#define DROP(name, key, text) [DROP_##name] = {key, text},
#include "base/drop.def"
#undef DROP
};

const char *
drop_name(unsigned int reason)
{
	return reason < DROP_MAX ? drops[reason].name : NULL;
}

const char *
drop_text(unsigned int reason)
{
	return reason < DROP_MAX ? drops[reason].text : NULL;
}
