/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration: the parsers of option values, a whole command line against a table with an option of each kind, and the
 * ranges of struct ptcp_conf. Whatever is taken lies in its range; whatever is refused is told in one line; a
 * configuration that the check lets pass can be built.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "fuzz_core.h"
#include "opts.h"

/* ------------------------------------------------------------------ in place of what the parsers call */

/*
 * What app's fail() says goes to stderr, which is memory for that time: an own fail(), by the linker's --wrap, is not
 * called from code that link-time optimization sees whole.
 */
static char *told;
static size_t told_size;
static FILE *real_stderr;

static void
listen_begin(void)
{
	FILE *f = open_memstream(&told, &told_size);

	FUZZ_REQUIRE(f != NULL);
	real_stderr = stderr;
	stderr = f;
}

/** @return the number of messages: lines, none of them empty */
static unsigned int
listen_end(void)
{
	unsigned int n = 0;
	bool empty = true;

	(void)fclose(stderr);
	stderr = real_stderr;
	for (size_t i = 0; i < told_size; i++) {
		if (told[i] == '\n') {
			FUZZ_REQUIRE(!empty);
			n++;
		}
		empty = told[i] == '\n';
	}
	FUZZ_REQUIRE(told_size == 0 || told[told_size - 1] == '\n');
	free(told);
	return n;
}

/* Never called: what api_conf.c needs to start a worker. */
struct ptcp_worker *
worker_create(const struct worker_setup *setup, char *err, size_t err_size)
{
	(void)setup;
	(void)err;
	(void)err_size;
	abort();
}

void
api_deliver(struct ptcp_worker *w)
{
	(void)w;
	abort();
}

int
api_keep_get(struct ptcp_worker *w, uint8_t base, const struct ptcp_keepalive *ka)
{
	(void)w;
	(void)base;
	(void)ka;
	abort();
}

/* ------------------------------------------------------------------ values */

/** The rest of the input as a string of its own size. */
static char *
text_of(const struct fuzz_in *in)
{
	char *text = fuzz_alloc(in->left + 1);

	if (in->left > 0)
		memcpy(text, in->p, in->left);
	text[in->left] = '\0';
	return text;
}

static void
value_number(struct fuzz_in *in, bool time)
{
	const uint64_t min = fuzz_u32(in), max = min + fuzz_u32(in) * 1000ull;
	char *text = text_of(in);
	uint64_t value = UINT64_MAX;
	const char *why = time ? parse_time(text, min, max, &value) :
				 parse_count(text, min, max, &value);

	if (why == NULL)
		FUZZ_REQUIRE(value >= min && value <= max);
	else
		FUZZ_REQUIRE(why[0] != '\0' && strchr(why, '\n') == NULL && value == UINT64_MAX);
	free(text);
}

static void
value_subnet(struct fuzz_in *in)
{
	char *text = text_of(in);
	char again[80];
	struct subnet s = {.prefix_len = 200}, got;
	const char *why = parse_subnet(text, &s);

	if (why == NULL) {
		struct ptcp_addr next = addr_offset(&s.addr, 1);

		FUZZ_REQUIRE(s.addr.family == 4 || s.addr.family == 6);
		FUZZ_REQUIRE(s.prefix_len >= 1 && s.prefix_len <= (s.addr.family == 4 ? 32 : 128));
		FUZZ_REQUIRE(subnet_contains(&s, &s.addr) && addr_equal(&s.addr, &s.addr));
		FUZZ_REQUIRE(addr_distance(&s.addr, &s.addr) == 0);
		FUZZ_REQUIRE(addr_distance(&s.addr, &next) == 1 ||
				addr_distance(&s.addr, &next) == UINT32_MAX);
		s.addr.port = 0;
		(void)ptcp_addr_format(&s.addr, again, sizeof(again));
		(void)snprintf(again + strlen(again), 8, "/%u", s.prefix_len);
		FUZZ_REQUIRE(parse_subnet(again, &got) == NULL);
		FUZZ_REQUIRE(addr_equal(&got.addr, &s.addr) && got.prefix_len == s.prefix_len);
	} else {
		FUZZ_REQUIRE(s.prefix_len == 200);
	}
	free(text);
}

static void
value_addr_port(struct fuzz_in *in)
{
	char *text = text_of(in);
	char again[80];
	struct ptcp_addr a = {.family = 99}, got;

	if (parse_addr_port(text, &a) == NULL) {
		FUZZ_REQUIRE(a.port != 0);
		(void)ptcp_addr_format(&a, again, sizeof(again));
		FUZZ_REQUIRE(strlen(again) <= 55);
		FUZZ_REQUIRE(parse_addr_port(again, &got) == NULL);
		FUZZ_REQUIRE(addr_equal(&got, &a) && got.port == a.port);
	} else {
		FUZZ_REQUIRE(a.family == 99);
	}
	free(text);
}

static void
value_keepalive(struct fuzz_in *in)
{
	char *text = text_of(in);
	struct ptcp_keepalive ka = {.count = 77};

	if (parse_keepalive(text, &ka) == NULL)
		FUZZ_REQUIRE(!ka.on || api_keepalive_ok(&ka));
	else
		FUZZ_REQUIRE(ka.count == 77 && !ka.on);
	free(text);
}

/* ------------------------------------------------------------------ a command line */

#define ARGS_MAX 24

static bool flag;
static uint64_t count, size, span;
static const char *word;
static struct subnet subnet;

static const char *
subnet_call(const char *text, void *value)
{
	return parse_subnet(text, value);
}

/* clang-format off */
static const struct opt first[] = {
	{OPT_TITLE, "Title", NULL, NULL, 0, 0, NULL, NULL},
	{OPT_FLAG, "flag", NULL, &flag, 0, 0, NULL, "a flag"},
	{OPT_COUNT, "count", "N", &count, 3, 5000000, NULL, "a number"},
	{OPT_SIZE, "size", "N", &size, 1, 1ull << 40, NULL, "bytes"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
static const struct opt second[] = {
	{OPT_TIME, "time", "T", &span, 1000, 86400000000, NULL, "a time"},
	{OPT_TEXT, "text", "S", &word, 0, 0, NULL, "a word"},
	{OPT_CALL, "subnet", "A/LEN", &subnet, 0, 0, subnet_call, "an address"},
	{OPT_END, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */
static const struct opt *const tables[] = {first, second, NULL};

/** Arguments end with a newline in the input. Each has memory of its own size. */
static void
command_line(struct fuzz_in *in)
{
	char *argv[ARGS_MAX + 2], *kept[ARGS_MAX + 2];
	int argc = 0, rc;
	unsigned int n_told;

	argv[argc++] = fuzz_copy("polltcp", 8);
	while (in->left > 0 && argc <= ARGS_MAX) {
		const uint8_t *end = memchr(in->p, '\n', in->left);
		const size_t n = end != NULL ? (size_t)(end - in->p) : in->left;
		char *arg = fuzz_alloc(n + 1);

		if (n > 0)
			memcpy(arg, in->p, n);
		arg[n] = '\0';
		argv[argc++] = arg;
		in->p += n + (end != NULL);
		in->left -= n + (end != NULL);
	}
	argv[argc] = NULL;
	memcpy(kept, argv, sizeof(kept)); /* getopt may change their order */
	flag = false;
	count = 4;
	size = 1;
	span = 1000;
	word = "unset";
	listen_begin();
	rc = opts_parse(tables, argc, argv);
	n_told = listen_end();
	FUZZ_REQUIRE(rc == -1 || rc == 0 || rc == 1);
	FUZZ_REQUIRE(n_told == (rc == -1));
	FUZZ_REQUIRE(count >= 3 && count <= 5000000 && size >= 1 && size <= 1ull << 40);
	FUZZ_REQUIRE(span >= 1000 && span <= 86400000000);
	if (rc == 0)
		FUZZ_REQUIRE(word[0] != '\0');
	for (int i = 0; i < argc; i++)
		free(kept[i]);
}

/* ------------------------------------------------------------------ struct ptcp_conf */

/** Set one field by its number. */
static void
conf_set(struct ptcp_conf *c, size_t field, uint32_t value)
{
	uint32_t *const words[] = {&c->max_connections, &c->max_timewait, &c->max_blocks,
			&c->max_nodes, &c->max_dests, &c->n_mbufs, &c->msl_ms, &c->rto_initial_ms,
			&c->rto_min_ms, &c->rto_max_ms, &c->delack_ms, &c->syn_r2_ms,
			&c->data_r2_ms, &c->fin_wait2_ms, &c->rcv_buf, &c->snd_buf, &c->rcv_buf_max,
			&c->snd_buf_max, &c->max_half_open, &c->user_timeout_ms,
			&c->keepalive.idle_ms, &c->keepalive.interval_ms};
	uint16_t *const halves[] = {&c->mss, &c->port_first, &c->port_last};
	bool *const flags[] = {&c->timestamps, &c->window_scale, &c->ipv6, &c->keepalive.on,
			&c->sack, &c->pacing};

	field %= PTCP_ARRAY_SIZE(words) + PTCP_ARRAY_SIZE(halves) + PTCP_ARRAY_SIZE(flags) + 6;
	if (field < PTCP_ARRAY_SIZE(words)) {
		*words[field] = value;
		return;
	}
	field -= PTCP_ARRAY_SIZE(words);
	if (field < PTCP_ARRAY_SIZE(halves)) {
		*halves[field] = (uint16_t)value;
		return;
	}
	field -= PTCP_ARRAY_SIZE(halves);
	if (field < PTCP_ARRAY_SIZE(flags)) {
		*flags[field] = (value & 1) != 0;
		return;
	}
	switch (field - PTCP_ARRAY_SIZE(flags)) {
	case 0:
		c->cc = (enum ptcp_cc)value;
		break;
	case 1:
		c->cookies = (enum ptcp_cookies)value;
		break;
	case 3:
		c->dscp = (uint8_t)value;
		break;
	case 4:
		c->ttl = (uint8_t)value;
		break;
	case 2:
		c->mem_max = (uint64_t)value << (value & 31);
		break;
	default:
		c->keepalive.count = (uint8_t)value;
		break;
	}
}

/** A core of this configuration works: a connection comes and goes. */
static void
conf_build(const struct tcp_conf *conf)
{
	const struct tcp_open_args args = {
			.laddr = FUZZ_LADDR_V4, .rport = 80, .raddr = fuzz_addr(IP_V4, 9)};
	struct fuzz_core core;
	struct tcp_out out;
	int64_t index;

	fuzz_core_new(&core, conf, 1, 1, 1000000);
	index = tcp_open(core.ctx, &args);
	FUZZ_REQUIRE(index >= 0);
	FUZZ_REQUIRE(tcp_output_next(core.ctx) == (uint32_t)index);
	FUZZ_REQUIRE(tcp_output(core.ctx, (uint32_t)index, &out));
	FUZZ_REQUIRE(out.seg.flags == TCP_SYN && out.seg.mss >= 64);
	FUZZ_REQUIRE(tcp_abort(core.ctx, tcp_at(core.ctx, (uint32_t)index)) == 0);
	fuzz_core_check(&core);
	tcp_purge(core.ctx);
	fuzz_core_free(&core);
}

static void
conf_struct(struct fuzz_in *in)
{
	struct ptcp_conf conf;
	struct tcp_conf core;
	char err[128] = "";

	ptcp_conf_init(&conf);
	FUZZ_REQUIRE(ptcp_conf_check(&conf, err, sizeof(err)) == 0);
	conf.max_connections = 8;
	while (in->left > 0) {
		const uint8_t field = fuzz_u8(in);

		/* Small and large values alike. */
		conf_set(&conf, field & 63,
				(field & 0x80) != 0                 ? fuzz_u32(in) :
						(field & 0x40) != 0 ? fuzz_u16(in) :
								      fuzz_u8(in));
	}
	if (ptcp_conf_check(&conf, err, sizeof(err)) != 0) {
		FUZZ_REQUIRE(err[0] != '\0' && strchr(err, '\n') == NULL);
		FUZZ_REQUIRE(strstr(err, ": must be ") != NULL && strstr(err, " to ") != NULL);
		return;
	}
	FUZZ_REQUIRE(api_keepalive_ok(&conf.keepalive));
	api_conf_core(&conf, &core);
	core.mtu = 1500;
	FUZZ_REQUIRE(core.max_tcbs == conf.max_connections && core.max_timewait >= core.max_tcbs);
	FUZZ_REQUIRE(core.max_blocks > 0 && core.max_nodes > 0 && core.max_dests > 0);
	FUZZ_REQUIRE(core.rto_min_ms <= core.rto_max_ms && core.rto_initial_ms <= core.rto_max_ms);
	/* No sum of sizes wraps round; what takes little is built. */
	FUZZ_REQUIRE(tcp_memory_size(&core) >= core.max_tcbs * sizeof(struct tcp_tcb));
	if (tcp_memory_size(&core) < 4u << 20)
		conf_build(&core);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	switch (fuzz_below(&in, 7)) {
	case 0:
		value_number(&in, false);
		break;
	case 1:
		value_number(&in, true);
		break;
	case 2:
		value_subnet(&in);
		break;
	case 3:
		value_addr_port(&in);
		break;
	case 4:
		value_keepalive(&in);
		break;
	case 5:
		command_line(&in);
		break;
	default:
		conf_struct(&in);
		break;
	}
	return 0;
}
