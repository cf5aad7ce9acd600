/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The golden grid: goodput of one bulk flow over a bottleneck of 100 Mbit/s, for loss x RTT x buffer x congestion control,
 * kept in a file. Virtual time: the machine does not matter, and the same code gives the same figures.
 */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RATE_KBIT 100000u
#define BUF       (8u << 20)  /* of sender and receiver: never the bottleneck */
#define BULK      (24u << 20) /* bytes of a flow, at most */
#define TOLERANCE 15          /* percent below the golden figure that are let pass */
#define BETTER    25          /* percent above it from which on the file wants to be written anew */

/* A way to send: what a row of the table is. */
static const struct variant {
	const char *key;
	uint8_t cc;
	uint8_t ecn;
	bool pacing;
} variants[] = {
		{"newreno", TCP_CC_NEWRENO, TCP_ECN_OFF, false},
		{"cubic", TCP_CC_CUBIC, TCP_ECN_OFF, false},
		{"cubic+pacing", TCP_CC_CUBIC, TCP_ECN_OFF, true},
		{"cubic+ecn", TCP_CC_CUBIC, TCP_ECN_ACTIVE, false},
};

static const uint32_t losses[] = {0, 1000, 10000, 30000, 100000}; /* millionths */
static const uint32_t rtts[] = {1, 20, 100};                      /* ms */
static const uint32_t buffers[] = {25, 100, 400}; /* percent of the bandwidth-delay product */

#define N_LOSSES  PTCP_ARRAY_SIZE(losses)
#define N_RTTS    PTCP_ARRAY_SIZE(rtts)
#define N_BUFFERS PTCP_ARRAY_SIZE(buffers)
#define N_CELLS   (PTCP_ARRAY_SIZE(variants) * N_LOSSES * N_RTTS * N_BUFFERS)

struct cell {
	const struct variant *variant;
	uint32_t loss;
	uint32_t rtt_ms;
	uint32_t buffer;
};

static struct cell
cell_at(unsigned int k)
{
	return (struct cell){
			.variant = &variants[k / (N_LOSSES * N_RTTS * N_BUFFERS)],
			.loss = losses[k / (N_RTTS * N_BUFFERS) % N_LOSSES],
			.rtt_ms = rtts[k / N_BUFFERS % N_RTTS],
			.buffer = buffers[k % N_BUFFERS],
	};
}

/* ------------------------------------------------------------------ measuring */

static void
cell_conf(struct sim_conf *conf, const struct cell *c, uint64_t seed)
{
	const uint32_t bdp = RATE_KBIT / 8 * c->rtt_ms;
	struct sim_link_conf *l;

	sim_conf_plain(conf, seed);
	conf->bulk = BULK;
	/* Where losses rule, a long time says more than many bytes. */
	conf->bulk_us = c->loss >= 10000 ? 60000000 : 20000000;
	for (unsigned int i = 0; i < SIM_ENDS; i++) {
		struct tcp_conf *t = &conf->end[i].tcp;

		t->rcv_buf = t->snd_buf = BUF;
		t->max_nodes = 1 << 17;
		t->ecn = c->variant->ecn;
		t->cc = conf->end[i].profile.cc = c->variant->cc;
		t->pacing = conf->end[i].profile.pacing = c->variant->pacing;
		conf->link[i].delay_us = c->rtt_ms * 500;
	}
	l = &conf->link[0];
	l->loss = c->loss;
	l->rate_kbit = RATE_KBIT;
	l->queue = bdp / 100 * c->buffer;
	if (l->queue < 2 * 1500)
		l->queue = 2 * 1500;
	if (c->variant->ecn != TCP_ECN_OFF)
		l->mark = l->queue / 2;
}

/** Means of several seeds, more of them where chance has more to say. @return kbit/s, 0: an invariant broke */
static uint32_t
measure(const struct cell *c)
{
	const unsigned int n = c->loss == 0 ? 1 : c->loss < 10000 ? 3 : 8;
	uint64_t sum = 0;

	for (unsigned int k = 0; k < n; k++) {
		const struct sim_job job = {.scenario = -1};
		static struct sim_result r;
		struct sim_conf conf;
		char text[600];

		memset(&r, 0, sizeof(r));
		cell_conf(&conf, c, 1000 * k + 1);
		if (!sim_run_conf(&conf, &job, &r, text, sizeof(text))) {
			fprintf(stderr, "polltcp-sim: grid: %s loss %u RTT %u buffer %u: %s\n",
					c->variant->key, c->loss, c->rtt_ms, c->buffer, text);
			return 0;
		}
		sum += r.stat[SIM_STAT_BYTES] * 8000 / r.read_us;
	}
	return (uint32_t)(sum / n);
}

/** All cells, the work shared by @p jobs processes. */
static void
measure_all(uint32_t *got, unsigned int jobs)
{
	uint32_t *next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (next == MAP_FAILED)
		abort();
	fflush(stdout);
	for (unsigned int i = 0; i < jobs; i++) {
		const pid_t pid = fork();
		uint32_t k;

		if (pid < 0)
			abort();
		if (pid > 0)
			continue;
		while ((k = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < N_CELLS) {
			const struct cell c = cell_at(k);

			got[k] = measure(&c);
			if (isatty(STDERR_FILENO))
				fprintf(stderr, "\r\033[K  cell %u of %zu", k, N_CELLS);
		}
		exit(0);
	}
	while (wait(NULL) > 0)
		;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	munmap(next, sizeof(*next));
}

/* ------------------------------------------------------------------ the file */

static bool
read_golden(const char *path, uint32_t *golden)
{
	FILE *f = fopen(path, "r");
	char line[256], key[64];
	uint32_t loss, rtt, buffer, kbit;

	if (f == NULL) {
		fprintf(stderr, "polltcp-sim: --grid %s: %s\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%63s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, key, &loss,
				    &rtt, &buffer, &kbit) != 5)
			continue;
		for (unsigned int k = 0; k < N_CELLS; k++) {
			const struct cell c = cell_at(k);

			if (strcmp(c.variant->key, key) == 0 && c.loss == loss && c.rtt_ms == rtt &&
					c.buffer == buffer)
				golden[k] = kbit;
		}
	}
	fclose(f);
	return true;
}

static bool
write_golden(const char *path, const uint32_t *got)
{
	FILE *f = fopen(path, "w");
	bool ok;

	if (f == NULL) {
		fprintf(stderr, "polltcp-sim: --grid %s: %s\n", path, strerror(errno));
		return false;
	}
	fprintf(f,
			"# SPDX-License-Identifier: BSD-3-Clause\n"
			"# Goodput of one flow in virtual time: polltcp-sim --grid FILE compares, --update writes this anew.\n"
			"# congestion control, loss (millionths), RTT (ms), buffer (percent of the BDP at 100 Mbit/s), kbit/s\n");
	for (unsigned int k = 0; k < N_CELLS; k++) {
		const struct cell c = cell_at(k);

		fprintf(f, "%s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", c.variant->key,
				c.loss, c.rtt_ms, c.buffer, got[k]);
	}
	ok = fclose(f) == 0;
	if (!ok)
		fprintf(stderr, "polltcp-sim: --grid %s: %s\n", path, strerror(errno));
	return ok;
}

/* ------------------------------------------------------------------ the table */

static void
print_head(void)
{
	printf("goodput in Mbit/s of one flow, bottleneck 100 Mbit/s\n%-14s %7s", "", "loss");
	for (unsigned int r = 0; r < N_RTTS; r++)
		printf("   RTT %3u ms, buffer of ", rtts[r]);
	printf("\n%-14s %7s", "", "");
	for (unsigned int r = 0; r < N_RTTS; r++)
		printf("   %6s %6s %6s ", "1/4", "1", "4 BDP");
	printf("\n");
}

static void
print_table(const uint32_t *got)
{
	print_head();
	for (unsigned int k = 0; k < N_CELLS; k++) {
		const struct cell c = cell_at(k);

		if (k % (N_RTTS * N_BUFFERS) == 0)
			printf("%-14s %5.1f %%", c.loss == 0 ? c.variant->key : "", c.loss / 1e4);
		printf("%s%6.2f ", k % N_BUFFERS == 0 ? "   " : "", got[k] / 1e3);
		if (k % (N_RTTS * N_BUFFERS) == N_RTTS * N_BUFFERS - 1)
			printf("\n");
	}
}

/** @return cells that are worse than they were, or could not be measured */
static unsigned int
compare(const uint32_t *got, const uint32_t *golden, bool update)
{
	unsigned int worse = 0, better = 0;

	for (unsigned int k = 0; k < N_CELLS; k++) {
		const struct cell c = cell_at(k);
		const bool bad = got[k] == 0 ||
				(!update &&
						(golden[k] == 0 ||
								(uint64_t)got[k] * 100 <
										(uint64_t)golden[k] *
												(100 - TOLERANCE)));

		better += golden[k] != 0 &&
				(uint64_t)got[k] * 100 > (uint64_t)golden[k] * (100 + BETTER);
		if (bad)
			printf("FAILED: %s, loss %.1f %%, RTT %u ms, buffer %u %%: %.2f Mbit/s, was %.2f\n",
					c.variant->key, c.loss / 1e4, c.rtt_ms, c.buffer,
					got[k] / 1e3, golden[k] / 1e3);
		worse += bad;
	}
	if (better > 0 && !update)
		printf("%u cells are better by more than %d %%: --update keeps that\n", better,
				BETTER);
	return worse;
}

int
sim_grid(const char *path, bool update, unsigned int jobs)
{
	static uint32_t golden[N_CELLS];
	const size_t size = N_CELLS * sizeof(uint32_t);
	uint32_t *got;
	unsigned int worse;

	if (!update && !read_golden(path, golden))
		return 2;
	got = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (got == MAP_FAILED)
		abort();
	measure_all(got, jobs);
	print_table(got);
	worse = compare(got, golden, update);
	if (worse == 0 && update && !write_golden(path, got))
		worse = 1;
	munmap(got, size);
	return worse == 0 ? 0 : 1;
}
