/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * polltcp [EAL options --] MODE [options]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_version.h>

#include "api/polltcp.h"
#include "app.h"
#include "eal.h"
#include "fmt.h"

static const struct app_mode *const modes[] = {&demo_mode, &server_mode, &client_mode, &bench_mode};

#define MODES (sizeof(modes) / sizeof(modes[0]))

static void
usage(void)
{
	printf("polltcp %s, a complete TCP for DPDK (%s)\n\n", ptcp_version(), rte_version());
	printf("usage: polltcp [EAL options --] MODE [options]\n\nModes:\n");
	for (unsigned int i = 0; i < MODES; i++)
		printf("  %-8s %s\n", modes[i]->name, modes[i]->help);
	printf("\n"
	       "  polltcp MODE --help       the mode's options with units, ranges and defaults\n"
	       "  polltcp --help -- MODE    EAL's options\n"
	       "  polltcp --version         the version\n"
	       "\n"
	       "Without '--' every argument is polltcp's, and EAL's options are chosen: hugepages where\n"
	       "enough are free, --no-huge where not, no PCI scan where only vdevs are used, one lcore for\n"
	       "each worker and one for control. The same defaults stand beside your own EAL options as\n"
	       "far as these leave room. One line says what was chosen.\n"
	       "\n"
	       "Examples:\n"
	       "  polltcp demo\n"
	       "  polltcp --vdev=net_tap0 -- server --addr 10.9.0.2/24 --listen 7=echo --listen 80=http\n"
	       "  polltcp -a 0000:01:00.0 -- client --addr 10.9.0.1/24 --connect 10.9.0.2:7 --connections 1M\n"
	       "\n"
	       "Exit code: 0 when all went well, 1 when something failed or leaked, 2 when the arguments or the\n"
	       "environment don't allow a start, 130 after a second Ctrl-C.\n");
}

static const struct app_mode *
mode_find(const char *name)
{
	for (unsigned int i = 0; i < MODES; i++)
		if (strcmp(modes[i]->name, name) == 0)
			return modes[i];
	return NULL;
}

/* Options of polltcp itself, in front of the mode. @return the exit code, or -1: go on */
static int
own_option(const char *arg)
{
	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
		usage();
		return EXIT_SUCCESS;
	}
	if (strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0) {
		printf("polltcp %s (%s)\n", ptcp_version(), rte_version());
		return EXIT_SUCCESS;
	}
	if (arg[0] == '-') {
		fail("'%s': no such option; EAL options stand first and end with '--' (see --help)",
				arg);
		return 2;
	}
	return -1;
}

static int
mode_run(const struct app_mode *mode, int eal_argc, char **eal_argv, int argc, char **argv)
{
	struct app_needs needs = {0};
	struct app_eal eal = {0};
	char prefix[64];
	int code;

	snprintf(prefix, sizeof(prefix), "polltcp %s", mode->name);
	fail_prefix(prefix);
	code = mode->parse(argc, argv);
	if (code == 2)
		return EXIT_SUCCESS;
	if (code > 0) {
		printf("usage: polltcp [EAL options --] %s [options]\n%s\n", mode->name,
				mode->help);
		mode->usage();
		return EXIT_SUCCESS;
	}
	if (code < 0)
		return 2;
	mode->needs(&needs);
	stop_init();
	if (eal_start(eal_argc, eal_argv, &needs, &eal) != 0)
		return 2;
	code = mode->run(&eal);
	eal_stop();
	return code;
}

int
main(int argc, char **argv)
{
	const struct app_mode *mode;
	int first = 1, eal_argc = 0, code;

	setvbuf(stdout, NULL, _IOLBF, 0); /* lines appear when they happen, in a pipe as well */
	for (int i = 1; i < argc && eal_argc == 0; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		eal_argc = i - 1;
		first = i + 1;
		if (i == 1)
			break;
	}
	if (first >= argc) {
		fail("no mode: one of demo, server, client, bench is needed (see --help)");
		return 2;
	}
	code = own_option(argv[first]);
	if (code >= 0)
		return code;
	mode = mode_find(argv[first]);
	if (mode == NULL) {
		fail("'%s': no such mode; must be one of demo, server, client, bench", argv[first]);
		return 2;
	}
	return mode_run(mode, eal_argc, argv + 1, argc - first, argv + first);
}
