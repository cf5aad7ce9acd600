/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "capture.h"
#include "fmt.h"

#define ARGS_MAX  128
#define DEVS_MAX  64
#define HUGE_ROOT "/sys/kernel/mm/hugepages"
#define MEBI      (UINT64_C(1) << 20)
/* EAL, its mempools' headers and fragments: what a start costs beyond our own pools */
#define MEMORY_EAL (UINT64_C(96) << 20)

/* The arguments of rte_eal_init(), the user's and ours. */
struct eal_args {
	int argc;
	char *argv[ARGS_MAX];
	char text[4096]; /* of those we made */
	size_t used;
	int own; /* ours are those in front of it, but for the program's name */
};

static bool
arg_add(struct eal_args *args, const char *text)
{
	size_t size = strlen(text) + 1;

	if (args->argc == ARGS_MAX - 1 || args->used + size > sizeof(args->text))
		return false;
	args->argv[args->argc++] = memcpy(args->text + args->used, text, size);
	args->used += size;
	return true;
}

/* Does the user give this option? Long ones as --name or --name=value, short ones with the value at hand or behind. */
static bool
arg_given(int argc, char **argv, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], name, len) != 0)
			continue;
		if (name[1] != '-' || argv[i][len] == '\0' || argv[i][len] == '=')
			return true;
	}
	return false;
}

static bool
any_given(int argc, char **argv, const char *const names[])
{
	for (; *names != NULL; names++)
		if (arg_given(argc, argv, *names))
			return true;
	return false;
}

/* The n-th value of an option that may stand several times; NULL behind the last. */
static const char *
arg_value(int argc, char **argv, const char *name, unsigned int n)
{
	size_t len = strlen(name);

	for (int i = 0; i < argc; i++) {
		const char *value = NULL;

		if (strncmp(argv[i], name, len) != 0)
			continue;
		if (argv[i][len] == '\0')
			value = i + 1 < argc ? argv[++i] : NULL;
		else if (name[1] != '-')
			value = argv[i] + len;
		else if (argv[i][len] == '=')
			value = argv[i] + len + 1;
		if (value != NULL && n-- == 0)
			return value;
	}
	return NULL;
}

/* ------------------------------------------------------------------ memory */

static uint64_t
file_number(const char *path)
{
	unsigned long long number = 0;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

/* Bytes of free hugepages, all sizes. */
static uint64_t
hugepages_free(void)
{
	DIR *dir = opendir(HUGE_ROOT);
	struct dirent *entry;
	uint64_t bytes = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		unsigned long long kib;
		char path[512];

		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), HUGE_ROOT "/%s/free_hugepages", entry->d_name);
		bytes += file_number(path) * kib * 1024;
	}
	closedir(dir);
	return bytes;
}

/* Free ones may still be forbidden to us (a cgroup, a container): take one and see. */
static bool
hugepage_works(void)
{
	size_t size = 2 * MEBI;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (page == MAP_FAILED)
		return false;
	munmap(page, size);
	return true;
}

/* Memory options, unless the user says how memory is to be had. */
static void
memory_choose(struct eal_args *args, int argc, char **argv, const struct app_needs *needs,
		char *why, size_t why_size, bool *huge)
{
	static const char *const modes[] = {"--in-memory", "--huge-dir", "--huge-unlink",
			"--legacy-mem", "--proc-type", "--file-prefix", "--match-allocations",
			NULL};
	uint64_t wanted = needs->bytes + MEMORY_EAL, free_bytes = hugepages_free();
	char text[32];

	*huge = true;
	if (any_given(argc, argv, modes)) {
		snprintf(why, why_size, "memory as given");
		return;
	}
	if (!arg_given(argc, argv, "--no-huge")) {
		if (free_bytes >= wanted && hugepage_works()) {
			snprintf(why, why_size, "hugepages: %s free", fmt_bytes(free_bytes));
			arg_add(args, "--in-memory");
			if (needs->one_file)
				arg_add(args, "--single-file-segments");
			return;
		}
		if (free_bytes == 0)
			snprintf(why, why_size, "no free hugepages");
		else if (free_bytes < wanted)
			snprintf(why, why_size, "hugepages: %s free of %s needed",
					fmt_bytes(free_bytes), fmt_bytes(wanted));
		else
			snprintf(why, why_size, "hugepages may not be used");
		arg_add(args, "--no-huge");
	} else {
		snprintf(why, why_size, "--no-huge as given");
	}
	*huge = false;
	if (!arg_given(argc, argv, "--no-shconf"))
		arg_add(args, "--no-shconf");
	if (!arg_given(argc, argv, "-m") && !arg_given(argc, argv, "--socket-mem")) {
		/* Pages are only taken when they are touched, so plenty costs nothing. */
		snprintf(text, sizeof(text), "%u",
				(unsigned int)((wanted * 3 / 2 + MEBI - 1) / MEBI));
		arg_add(args, "-m");
		arg_add(args, text);
	}
}

/* ------------------------------------------------------------------ lcores */

/* "0@(0,1)": the main lcore floats over all our CPUs; "1@0", "2@1": workers have one each, the first CPU last. */
static void
lcores_choose(struct eal_args *args, const struct app_needs *needs, bool *shared)
{
	unsigned int cpus[CPU_SETSIZE], n_cpus = 0, main_cpus;
	char text[3072];
	size_t len;
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && cpu < RTE_MAX_LCORE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n_cpus++] = cpu;
	if (n_cpus == 0)
		return;
	main_cpus = n_cpus < 64 ? n_cpus : 64;
	len = (size_t)snprintf(text, sizeof(text), "--lcores=0@(");
	for (unsigned int i = 0; i < main_cpus; i++)
		len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s%u", i == 0 ? "" : ",", cpus[i]);
	len += (size_t)snprintf(text + len, sizeof(text) - len, ")");
	for (unsigned int i = 0; i < needs->workers && len < sizeof(text) - 32; i++) {
		/* leave the first CPU, where interrupts tend to go, to others while there are enough */
		unsigned int cpu = cpus[(i + (n_cpus > needs->workers)) % n_cpus];

		len += (size_t)snprintf(text + len, sizeof(text) - len, ",%u@%u", i + 1, cpu);
	}
	*shared = needs->workers > n_cpus;
	arg_add(args, text);
}

/* ------------------------------------------------------------------ ports */

static bool
vdev_name(const char *value, char *name, size_t size)
{
	size_t len = strcspn(value, ",");

	if (strncmp(value, "net_", 4) != 0 && strncmp(value, "eth_", 4) != 0 &&
			strncmp(value, "virtio_user", 11) != 0)
		return false;
	if (len >= size)
		len = size - 1;
	memcpy(name, value, len);
	name[len] = '\0';
	return true;
}

/* EAL starts even when a device fails to probe: every one that was named must be there. */
static int
ports_check(int argc, char **argv, const struct app_needs *needs)
{
	static const char *const allow[] = {"-a", "--allow"};
	unsigned int named = 0;
	const char *value, *reason;
	uint16_t port;
	char name[64];

	for (unsigned int n = 0; (value = arg_value(argc, argv, "--vdev", n)) != NULL; n++) {
		if (!vdev_name(value, name, sizeof(name)))
			continue;
		named++;
		if (rte_eth_dev_get_port_by_name(name, &port) == 0)
			continue;
		return fail("--vdev=%s: the port failed to probe (%s)", value,
				capture_reason(name));
	}
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int n = 0; arg_value(argc, argv, allow[i], n) != NULL; n++)
			named++;
	if (needs->own_ports)
		return 0;
	reason = capture_reason("robe");
	if (rte_eth_dev_count_avail() < named)
		return fail("ports asked for by --vdev and -a: %u, came up: %u (%s)", named,
				rte_eth_dev_count_avail(),
				reason[0] != '\0' ? reason :
						    "is each there and bound to vfio-pci?");
	if (rte_eth_dev_count_avail() == 0)
		return fail("no ports: give EAL one before the '--', for example "
			    "'polltcp --vdev=net_tap0 -- ...', or bind a NIC to vfio-pci");
	return 0;
}

/* ------------------------------------------------------------------ start */

static int
lcores_check(const struct app_needs *needs)
{
	unsigned int workers = rte_lcore_count() - 1;

	if (workers >= needs->workers)
		return 0;
	return fail("too few lcores: 1 main and %u for workers are needed, EAL has %u in all; "
		    "give -l with %u CPUs or --lcores, or leave both out",
			needs->workers, rte_lcore_count(), needs->workers + 1);
}

static void
options_choose(struct eal_args *args, int argc, char **argv, const struct app_needs *needs,
		struct app_eal *eal, char *why, size_t why_size)
{
	static const char *const lcores[] = {"-l", "-c", "-s", "-S", "--lcores", NULL};
	static const char *const pci[] = {"-a", "--allow", "-b", "--block", "--no-pci", NULL};
	bool no_pci = arg_given(argc, argv, "--no-pci");

	memory_choose(args, argc, argv, needs, why, why_size, &eal->hugepages);
	if ((needs->own_ports || arg_given(argc, argv, "--vdev")) && !any_given(argc, argv, pci)) {
		arg_add(args, "--no-pci");
		no_pci = true;
	}
	if (no_pci && !arg_given(argc, argv, "--iova-mode"))
		arg_add(args, "--iova-mode=va");
	if (!needs->telemetry && !arg_given(argc, argv, "--telemetry") &&
			!arg_given(argc, argv, "--no-telemetry"))
		arg_add(args, "--no-telemetry");
	if (!any_given(argc, argv, lcores))
		lcores_choose(args, needs, &eal->shared_cpu);
}

/* All options as one line, and ours alone for the user to see. */
static void
options_print(const struct eal_args *args, struct app_eal *eal, const char *why)
{
	size_t len = 0, own = 0;

	for (int i = 1; i < args->argc; i++) {
		len += (size_t)snprintf(eal->options + len, sizeof(eal->options) - len, "%s%s",
				i == 1 ? "" : " ", args->argv[i]);
		if (len >= sizeof(eal->options))
			len = sizeof(eal->options) - 1;
		if (i < args->own)
			own = len;
	}
	if (own == 0)
		printf("EAL: options as given\n");
	else
		printf("EAL: %s; chosen: %.*s\n", why, (int)own, eal->options);
}

int
eal_start(int argc, char **argv, const struct app_needs *needs, struct app_eal *eal)
{
	static const char *const talk[] = {"--log-level", "--help", "-h", NULL};
	struct eal_args args = {0};
	char why[128];
	int started;

	if (argc > ARGS_MAX - 16)
		return fail("%d EAL options: must be at most %d", argc, ARGS_MAX - 16);
	arg_add(&args, "polltcp");
	options_choose(&args, argc, argv, needs, eal, why, sizeof(why));
	args.own = args.argc; /* the user's last, so that one without its value can't take one of ours */
	for (int i = 0; i < argc; i++)
		args.argv[args.argc++] = argv[i];
	options_print(&args, eal, why);
	capture_enable(!any_given(argc, argv, talk));
	capture_begin();
	started = rte_eal_init(args.argc, args.argv);
	capture_end();
	if (started < 0)
		return fail("EAL did not start (%s): %s", rte_strerror(rte_errno),
				capture_reason(NULL));
	if (lcores_check(needs) != 0 || ports_check(argc, argv, needs) != 0) {
		eal_stop();
		return -1;
	}
	return 0;
}

void
eal_stop(void)
{
	capture_begin();
	rte_eal_cleanup();
	capture_end();
}
