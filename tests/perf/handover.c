/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * How long a cache line takes from one CPU to another and back: two threads hand a number back and forth. Two CPUs of a virtual
 * machine may be two threads of one core at one time and far from each other at another, and everything that
 * passes packets between two cores is several times as fast in one case as in the other. Whoever compares two such figures has
 * to know.
 *
 *     handover CPU CPU
 *
 * Prints one JSON object: the median of many short measurements, so that a time slice lost to others does not count.
 */
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS   1000 /* of each measurement */
#define MEASURED 101
#define END      UINT64_MAX

static alignas(128) _Atomic uint64_t line;

static void
pin(const char *cpu)
{
	char *end;
	const unsigned long number = strtoul(cpu, &end, 10);
	cpu_set_t set;

	CPU_ZERO(&set);
	if (*cpu < '0' || *cpu > '9' || *end != '\0' || number >= CPU_SETSIZE) {
		fprintf(stderr, "handover: '%s': must be the number of a CPU\n", cpu);
		exit(2);
	}
	CPU_SET(number, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
		fprintf(stderr, "handover: no CPU %s for us\n", cpu);
		exit(2);
	}
}

/* Odd numbers are for us: the next one is for the other side. */
static void *
answer(void *cpu)
{
	pin(cpu);
	for (;;) {
		const uint64_t now = atomic_load_explicit(&line, memory_order_acquire);

		if (now == END)
			return NULL;
		if (now % 2 == 1)
			atomic_store_explicit(&line, now + 1, memory_order_release);
	}
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds of a round, on the average of some. */
static double
measure(uint64_t *at)
{
	struct timespec began, ended;

	clock_gettime(CLOCK_MONOTONIC, &began);
	for (unsigned int i = 0; i < ROUNDS; i++, *at += 2) {
		atomic_store_explicit(&line, *at + 1, memory_order_release);
		while (atomic_load_explicit(&line, memory_order_acquire) != *at + 2)
			;
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	return ((double)(ended.tv_sec - began.tv_sec) * 1e9 +
			       (double)(ended.tv_nsec - began.tv_nsec)) /
			ROUNDS;
}

int
main(int argc, char **argv)
{
	double ns[MEASURED];
	pthread_t other;
	uint64_t at = 0;

	if (argc != 3 || strcmp(argv[1], argv[2]) == 0) {
		fputs("handover CPU CPU, two different ones\n", stderr);
		return 2;
	}
	pin(argv[1]);
	if (pthread_create(&other, NULL, answer, argv[2]) != 0) {
		fputs("handover: no second thread\n", stderr);
		return 1;
	}
	for (unsigned int i = 0; i < MEASURED; i++)
		ns[i] = measure(&at);
	atomic_store(&line, END);
	pthread_join(other, NULL);
	qsort(ns, MEASURED, sizeof(ns[0]), compare);
	printf("{\"handover_ns\": %.1f}\n", ns[MEASURED / 2]);
	return 0;
}
