/* SPDX-License-Identifier: BSD-3-Clause */
#include "opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"

#define OPTS_MAX   64
#define HELP_FIRST 256 /* option values start behind every character that getopt could return */
#define HELP_COL   28

struct suffix {
	const char *text;
	uint64_t factor;
};

static const struct suffix count_suffixes[] = {
		{"", 1},
		{"k", 1000},
		{"K", 1000},
		{"M", 1000000},
		{"G", 1000000000},
		{NULL, 0},
};

static const struct suffix size_suffixes[] = {
		{"", 1},
		{"k", UINT64_C(1) << 10},
		{"K", UINT64_C(1) << 10},
		{"M", UINT64_C(1) << 20},
		{"G", UINT64_C(1) << 30},
		{NULL, 0},
};

static const struct suffix time_suffixes[] = {
		{"", 1000000},
		{"us", 1},
		{"ms", 1000},
		{"s", 1000000},
		{"m", 60000000},
		{"h", UINT64_C(3600000000)},
		{NULL, 0},
};

/* A number and a suffix, without a sign, a blank or an overflow. */
static bool
number_parse(const char *text, const struct suffix *suffixes, uint64_t *value)
{
	unsigned long long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0)
		return false;
	for (; suffixes->text != NULL; suffixes++)
		if (strcmp(end, suffixes->text) == 0)
			return !__builtin_mul_overflow((uint64_t)number, suffixes->factor, value);
	return false;
}

static const char *
range_text(enum opt_kind kind, uint64_t min, uint64_t max)
{
	static char text[128];

	if (kind == OPT_TIME)
		snprintf(text, sizeof(text), "%s to %s", fmt_opt_us(min), fmt_opt_us(max));
	else
		snprintf(text, sizeof(text), "%s to %s%s", fmt_num(min), fmt_num(max),
				kind == OPT_SIZE ? " bytes" : "");
	return text;
}

static const char *
ranged_parse(enum opt_kind kind, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	static char why[192];
	uint64_t number;
	bool good;

	good = number_parse(text,
			kind == OPT_TIME                 ? time_suffixes :
					kind == OPT_SIZE ? size_suffixes :
							   count_suffixes,
			&number);
	if (!good || number < min || number > max) {
		snprintf(why, sizeof(why), "must be %s", range_text(kind, min, max));
		return why;
	}
	*value = number;
	return NULL;
}

const char *
parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	return ranged_parse(OPT_COUNT, text, min, max, value);
}

const char *
parse_time(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	return ranged_parse(OPT_TIME, text, min, max, value);
}

const char *
parse_subnet(const char *text, struct subnet *subnet)
{
	static const char *const why = "must be an address and a prefix length, like 10.9.0.2/24";
	const char *slash = strchr(text, '/');
	struct ptcp_addr addr = {0};
	char ip[64];
	uint64_t len;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(ip))
		return why;
	memcpy(ip, text, (size_t)(slash - text));
	ip[slash - text] = '\0';
	if (ptcp_addr_parse(ip, &addr) != 0)
		return why;
	if (parse_count(slash + 1, 1, addr.family == 4 ? 32 : 128, &len) != NULL)
		return addr.family == 4 ? "prefix length must be 1 to 32" :
					  "prefix length must be 1 to 128";
	subnet->addr = addr;
	subnet->prefix_len = (uint8_t)len;
	return NULL;
}

const char *
parse_addr_port(const char *text, struct ptcp_addr *addr)
{
	static const char *const why =
			"must be an address and a port, like 10.9.0.2:80 or [2001:db8::2]:80";
	const char *colon = strrchr(text, ':');
	struct ptcp_addr parsed = {0};
	char ip[64];
	size_t len;
	uint64_t port;

	if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof(ip))
		return why;
	len = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']' && len > 2) {
		text++;
		len -= 2;
	}
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (ptcp_addr_parse(ip, &parsed) != 0)
		return why;
	if (parse_count(colon + 1, 1, 65535, &port) != NULL)
		return "port must be 1 to 65,535";
	parsed.port = (uint16_t)port;
	*addr = parsed;
	return NULL;
}

const char *
parse_keepalive(const char *text, struct ptcp_keepalive *keepalive)
{
	static const char *const why =
			"must be off, or idle,interval,count (10ms to 2,147,483s each, 1 to 255)";
	const uint64_t max_us = UINT64_C(2147483) * 1000000;
	char copy[96], *interval, *count;
	uint64_t idle_us, interval_us, n;

	if (strcmp(text, "off") == 0) {
		keepalive->on = false;
		return NULL;
	}
	if (strlen(text) >= sizeof(copy))
		return why;
	strcpy(copy, text);
	interval = strchr(copy, ',');
	count = interval == NULL ? NULL : strchr(interval + 1, ',');
	if (count == NULL)
		return why;
	*interval++ = '\0';
	*count++ = '\0';
	if (parse_time(copy, 10000, max_us, &idle_us) != NULL ||
			parse_time(interval, 10000, max_us, &interval_us) != NULL ||
			parse_count(count, 1, 255, &n) != NULL)
		return why;
	keepalive->on = true;
	keepalive->idle_ms = (uint32_t)(idle_us / 1000);
	keepalive->interval_ms = (uint32_t)(interval_us / 1000);
	keepalive->count = (uint8_t)n;
	return NULL;
}

static unsigned int
addr_bytes(const struct ptcp_addr *addr)
{
	return addr->family == 4 ? 4 : 16;
}

/* The last 32 bits: all of an IPv4 address, the tail of an IPv6 one. */
static uint32_t
addr_tail(const struct ptcp_addr *addr)
{
	const uint8_t *p = addr->ip + addr_bytes(addr) - 4;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool
subnet_contains(const struct subnet *subnet, const struct ptcp_addr *addr)
{
	unsigned int bits = subnet->prefix_len, whole = bits / 8;
	unsigned int mask = 0xffu << (8 - bits % 8) & 0xffu;

	if (subnet->addr.family != addr->family)
		return false;
	if (memcmp(subnet->addr.ip, addr->ip, whole) != 0)
		return false;
	return bits % 8 == 0 ||
			((unsigned int)(subnet->addr.ip[whole] ^ addr->ip[whole]) & mask) == 0;
}

struct ptcp_addr
addr_offset(const struct ptcp_addr *addr, uint32_t n)
{
	struct ptcp_addr sum = *addr;
	uint8_t *p = sum.ip + addr_bytes(addr) - 4;
	uint32_t tail = addr_tail(addr) + n;

	p[0] = (uint8_t)(tail >> 24);
	p[1] = (uint8_t)(tail >> 16);
	p[2] = (uint8_t)(tail >> 8);
	p[3] = (uint8_t)tail;
	return sum;
}

bool
addr_equal(const struct ptcp_addr *a, const struct ptcp_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, addr_bytes(a)) == 0;
}

uint32_t
addr_distance(const struct ptcp_addr *first, const struct ptcp_addr *addr)
{
	uint32_t from = addr_tail(first), to = addr_tail(addr);

	if (first->family != addr->family || to < from)
		return UINT32_MAX;
	if (memcmp(first->ip, addr->ip, addr_bytes(first) - 4) != 0)
		return UINT32_MAX;
	return to - from;
}

/* ------------------------------------------------------------------ tables */

static const char *
opt_apply(const struct opt *opt, const char *text)
{
	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)opt->value = true;
		return NULL;
	case OPT_COUNT:
	case OPT_SIZE:
	case OPT_TIME:
		return ranged_parse(opt->kind, text, opt->min, opt->max, opt->value);
	case OPT_TEXT:
		*(const char **)opt->value = text;
		return text[0] == '\0' ? "must not be empty" : NULL;
	case OPT_CALL:
		return opt->call(text, opt->value);
	case OPT_END:
	case OPT_TITLE:
		break;
	}
	return NULL;
}

/* getopt's table and ours, side by side. */
static int
tables_flatten(const struct opt *const tables[], struct option *longs, const struct opt **flat)
{
	int n = 0;

	for (; *tables != NULL; tables++) {
		for (const struct opt *opt = *tables; opt->kind != OPT_END; opt++) {
			if (opt->kind == OPT_TITLE || n == OPTS_MAX - 2)
				continue;
			longs[n] = (struct option){
					.name = opt->name,
					.has_arg = opt->kind == OPT_FLAG ? no_argument :
									   required_argument,
					.val = HELP_FIRST + n,
			};
			flat[n++] = opt;
		}
	}
	longs[n] = (struct option){.name = "help", .has_arg = no_argument, .val = 'h'};
	longs[n + 1] = (struct option){0};
	return n;
}

static int
tables_parse(const struct opt *const tables[], int argc, char **argv)
{
	const struct opt *flat[OPTS_MAX];
	struct option longs[OPTS_MAX];
	const char *why;
	int got;

	tables_flatten(tables, longs, flat);
	opterr = 0; /* we speak for ourselves; EAL's getopt must not be muted, so it is put back */
	optind = 0; /* a fresh start: EAL uses getopt as well */
	while ((got = getopt_long(argc, argv, "+:h", longs, NULL)) != -1) {
		if (got == 'h')
			return 1;
		if (got == ':')
			return fail("%s: needs a value", argv[optind - 1]);
		if (got == '?' && optopt >= HELP_FIRST)
			return fail("%s: takes no value", argv[optind - 1]);
		if (got == '?')
			return fail("'%s': no such option (--help lists them)", argv[optind - 1]);
		why = opt_apply(flat[got - HELP_FIRST], optarg);
		if (why != NULL)
			return fail("--%s: '%s': %s", flat[got - HELP_FIRST]->name, optarg, why);
	}
	if (optind < argc)
		return fail("'%s': unexpected argument (options begin with --)", argv[optind]);
	return 0;
}

int
opts_parse(const struct opt *const tables[], int argc, char **argv)
{
	int parsed = tables_parse(tables, argc, argv);

	opterr = 1;
	return parsed;
}

/* "(1 to 65,535; 7)": the range and the value as it stands. */
static void
opt_range_print(const struct opt *opt)
{
	uint64_t value;

	switch (opt->kind) {
	case OPT_COUNT:
	case OPT_SIZE:
	case OPT_TIME:
		value = *(const uint64_t *)opt->value;
		printf(" (%s; ", range_text(opt->kind, opt->min, opt->max));
		if (value < opt->min)
			printf("unset)");
		else
			printf("%s)", opt->kind == OPT_TIME ? fmt_opt_us(value) : fmt_num(value));
		break;
	default:
		break;
	}
}

void
opts_help(const struct opt *table)
{
	for (const struct opt *opt = table; opt->kind != OPT_END; opt++) {
		char left[64];

		if (opt->kind == OPT_TITLE) {
			printf("\n%s:\n", opt->name);
			continue;
		}
		snprintf(left, sizeof(left), "  --%s %s", opt->name,
				opt->arg == NULL ? "" : opt->arg);
		printf("%-*s %s", HELP_COL, left, opt->help);
		opt_range_print(opt);
		putchar('\n');
	}
}
