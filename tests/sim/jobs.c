/* SPDX-License-Identifier: BSD-3-Clause */
#include "jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100

/** What the processes share. */
struct job {
	pid_t pid;
	bool over;
	uint32_t world; /**< that it works on */
	uint64_t since; /**< ns */
	uint64_t conns; /**< of the worlds that it has done */
	struct sim_failure failure;
	struct sim_result result;
};

struct board {
	uint32_t next; /**< world that nobody works on yet */
	uint32_t end;  /**< worlds from here on need not be run: there, something failed */
	struct job job[];
};

uint64_t
sim_world_seed(uint64_t seed, uint32_t k)
{
	uint64_t state = seed ^ (uint64_t)k << 32 ^ k;

	(void)random_next(&state);
	return random_next(&state);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void
lower_end(struct board *b, uint32_t world)
{
	uint32_t end = __atomic_load_n(&b->end, __ATOMIC_RELAXED);

	while (world < end &&
			!__atomic_compare_exchange_n(&b->end, &end, world, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		;
}

/* ------------------------------------------------------------------ in a process of its own */

static bool
run_task(const struct sim_task *task, bool twice, struct sim_result *sum, struct sim_failure *f)
{
	const struct sim_job job = {
			.seed = task->seed, .scenario = task->scenario, .n_conns = task->n_conns};
	static struct sim_result one, again;

	memset(&one, 0, sizeof(one));
	if (!sim_run(&job, &one, f->text, sizeof(f->text)))
		return false;
	sim_result_add(sum, &one);
	if (!twice)
		return true;
	memset(&again, 0, sizeof(again));
	if (!sim_run(&job, &again, f->text, sizeof(f->text)))
		return false;
	if (memcmp(&one, &again, sizeof(one)) == 0)
		return true;
	snprintf(f->text, sizeof(f->text), "the same seed ran differently a second time");
	return false;
}

static void
work(struct board *b, struct job *j, const struct sim_task *task, bool twice)
{
	for (;;) {
		const uint32_t k = __atomic_fetch_add(&b->next, 1, __ATOMIC_RELAXED);

		if (k >= __atomic_load_n(&b->end, __ATOMIC_RELAXED))
			break;
		__atomic_store_n(&j->since, now_ns(), __ATOMIC_RELAXED);
		__atomic_store_n(&j->world, k, __ATOMIC_RELAXED);
		if (!run_task(&task[k], twice, &j->result, &j->failure)) {
			j->failure.failed = true;
			j->failure.world = k;
			lower_end(b, k);
			break;
		}
		__atomic_store_n(&j->conns, j->result.stat[SIM_STAT_CONNS], __ATOMIC_RELAXED);
	}
	__atomic_store_n(&j->world, UINT32_MAX, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ the parent */

static void
reap(struct board *b, struct job *j, unsigned int patience)
{
	int status;

	if (j->over || waitpid(j->pid, &status, WNOHANG) != j->pid) {
		const uint32_t world = __atomic_load_n(&j->world, __ATOMIC_RELAXED);

		if (!j->over && world != UINT32_MAX && !j->failure.failed &&
				now_ns() - __atomic_load_n(&j->since, __ATOMIC_RELAXED) >
						(uint64_t)patience * UINT64_C(1000000000)) {
			snprintf(j->failure.text, sizeof(j->failure.text), "not done after %u s",
					patience);
			j->failure.failed = true;
			j->failure.world = world;
			kill(j->pid, SIGKILL);
		}
		return;
	}
	j->over = true;
	if (!j->failure.failed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		j->failure.failed = true;
		j->failure.world = j->world;
		if (WIFSIGNALED(status))
			snprintf(j->failure.text, sizeof(j->failure.text), "died of signal %d (%s)",
					WTERMSIG(status), strsignal(WTERMSIG(status)));
		else
			snprintf(j->failure.text, sizeof(j->failure.text), "exit status %d",
					WEXITSTATUS(status));
	}
	if (j->failure.failed)
		lower_end(b, j->failure.world);
}

static void
progress(const struct board *b, unsigned int jobs, uint32_t n, uint64_t began)
{
	const double s = (double)(now_ns() - began) / 1e9;
	uint64_t conns = 0;

	for (unsigned int i = 0; i < jobs; i++)
		conns += __atomic_load_n(&b->job[i].conns, __ATOMIC_RELAXED);
	fprintf(stderr, "\r\033[K  world %u of %u, %" PRIu64 " connections, %.0f/s",
			b->next < n ? b->next : n, n, conns, (double)conns / s);
}

static void
watch(struct board *b, unsigned int jobs, uint32_t n, unsigned int patience)
{
	const struct timespec nap = {.tv_nsec = LOOK_MS * 1000000};
	const bool terminal = isatty(STDERR_FILENO);
	const uint64_t began = now_ns();
	unsigned int over;

	do {
		over = 0;
		for (unsigned int i = 0; i < jobs; i++) {
			reap(b, &b->job[i], patience);
			over += b->job[i].over;
		}
		if (over < jobs) {
			if (terminal)
				progress(b, jobs, n, began);
			nanosleep(&nap, NULL);
		}
	} while (over < jobs);
	if (terminal)
		fprintf(stderr, "\r\033[K");
}

void
sim_jobs(const struct sim_task *task, uint32_t n, unsigned int jobs, bool twice,
		unsigned int patience, struct sim_result *sum, struct sim_failure *failure)
{
	const size_t size = sizeof(struct board) + jobs * sizeof(struct job);
	struct board *b =
			mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED)
		abort();
	*failure = (struct sim_failure){.failed = false};
	b->end = n;
	fflush(stdout);
	fflush(stderr);
	for (unsigned int i = 0; i < jobs; i++) {
		struct job *j = &b->job[i];
		pid_t pid;

		j->world = UINT32_MAX;
		pid = fork();
		if (pid == 0) {
			work(b, j, task, twice);
			exit(0);
		}
		if (pid < 0) {
			fprintf(stderr, "polltcp-sim: fork: %s\n", strerror(errno));
			abort();
		}
		j->pid = pid; /* the child must not write it: it would write 0 */
	}
	watch(b, jobs, n, patience);
	for (unsigned int i = 0; i < jobs; i++) {
		const struct job *j = &b->job[i];

		sim_result_add(sum, &j->result);
		/* The first of the worlds that failed, whoever ran it. */
		if (j->failure.failed && (!failure->failed || j->failure.world < failure->world))
			*failure = j->failure;
	}
	munmap(b, size);
}
