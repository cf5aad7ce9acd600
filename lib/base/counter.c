/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/counter.h"

#include "base/compiler.h"

static const struct {
	const char *name;
	const char *text;
} counters[COUNTER_MAX] = {
#define COUNTER(name, key, text) [COUNTER_##name] = {key, text},
#include "base/counter.def"
#undef COUNTER
};

const char *
counter_name(unsigned int id)
{
	return id < COUNTER_MAX ? counters[id].name : NULL;
}

const char *
counter_text(unsigned int id)
{
	return id < COUNTER_MAX ? counters[id].text : NULL;
}
