/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/peer.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "app.h"
#include "fmt.h"

#define PROGRAM  "/proc/self/exe"
#define ARGS_MAX 48
#define LOOK_MS  10
#define START_MS 20000 /* EAL, and pools of some gigabytes */
#define STOP_MS  30000 /* closing what is open, and giving memory back */
#define MEBI     (UINT64_C(1) << 20)

extern char **environ;

/* The arguments of the second process. */
struct args {
	char *argv[ARGS_MAX + 1];
	char text[2048];
	size_t used;
	int argc;
};

__attribute__((format(printf, 2, 3))) static void
add(struct args *args, const char *format, ...)
{
	const size_t room = sizeof(args->text) - args->used;
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(args->text + args->used, room, format, list);
	va_end(list);
	if (args->argc == ARGS_MAX || len < 0 || (size_t)len >= room)
		abort(); /* they are all ours, and bounded */
	args->argv[args->argc++] = args->text + args->used;
	args->used += (size_t)len + 1;
}

/* ------------------------------------------------------------------ start */

int
peer_init(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	snprintf(peer->folder, sizeof(peer->folder), "/tmp/polltcp-bench-XXXXXX");
	if (mkdtemp(peer->folder) == NULL) {
		peer->folder[0] = '\0';
		return fail("no folder for the link's socket in /tmp (%s)", strerror(errno));
	}
	snprintf(peer->log, sizeof(peer->log), "%s/log", peer->folder);
	snprintf(peer->report, sizeof(peer->report), "%s/report", peer->folder);
	snprintf(peer->socket, sizeof(peer->socket), "%s/link", peer->folder);
	return 0;
}

static void
args_make(struct args *args, const struct peer *peer, const struct peer_conf *conf)
{
	const struct ptcp_conf *worker = conf->worker;

	add(args, "polltcp");
	add(args, "--no-pci");
	add(args, "--iova-mode=va");
	add(args, "--no-telemetry");
	add(args, "--lcores=0@%u,1@%u", conf->cpu, conf->cpu);
	if (conf->hugepages) {
		add(args, "--in-memory");
		add(args, "--file-prefix=polltcp-peer-%d", (int)getpid());
	} else {
		add(args, "--no-huge"); /* it finds out how much it needs */
	}
	add(args, "--vdev=%s", conf->vdev);
	add(args, "--");
	add(args, "server");
	add(args, "--addr=%s", conf->addr);
	add(args, "--listen=%s", conf->listen);
	add(args, "--max-connections=%u", worker->max_connections);
	add(args, "--max-blocks=%u", worker->max_blocks);
	add(args, "--max-time-wait=%u", worker->max_timewait);
	add(args, "--max-half-open=%u", worker->max_half_open);
	add(args, "--rcv-buf=%u", worker->rcv_buf);
	add(args, "--snd-buf=%u", worker->snd_buf);
	add(args, "--rcv-buf-max=%u", worker->rcv_buf_max);
	add(args, "--snd-buf-max=%u", worker->snd_buf_max);
	add(args, "--total-num-mbufs=%u", conf->n_mbufs);
	add(args, "--duration=%llus", (unsigned long long)conf->limit_us / 1000000 + 1);
	add(args, "--quiet");
	add(args, "--json=%s", peer->report);
}

int
peer_start(struct peer *peer, const struct peer_conf *conf)
{
	static struct args args;
	posix_spawn_file_actions_t files;
	int error;

	memset(&args, 0, sizeof(args));
	args_make(&args, peer, conf);
	if (posix_spawn_file_actions_init(&files) != 0)
		return fail("no memory for a second process");
	error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, peer->log,
				O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn(&peer->pid, PROGRAM, &files, NULL, args.argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (error == 0)
		return 0;
	peer->pid = 0;
	return fail("the second process did not start (%s)", strerror(error));
}

/* ------------------------------------------------------------------ what it says */

/* The last line of its output that is not empty. */
static void
last_line(const struct peer *peer, char *text, size_t size)
{
	FILE *file = fopen(peer->log, "r");
	char line[512];

	snprintf(text, size, "it said nothing");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0')
			snprintf(text, size, "%s", line);
	}
	fclose(file);
}

static bool
has_line(const struct peer *peer, const char *begin)
{
	FILE *file = fopen(peer->log, "r");
	char line[512];
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, begin, strlen(begin)) == 0;
	fclose(file);
	return found;
}

/* Has it ended? Then it is reaped. @return whether all was well, or else one line was printed; *over: it has ended */
static bool
ended_well(struct peer *peer, bool expected, bool *over)
{
	char text[512];
	int status;

	*over = peer->pid == 0 || waitpid(peer->pid, &status, WNOHANG) == peer->pid;
	if (!*over || peer->pid == 0)
		return !*over;
	peer->pid = 0;
	if (expected && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	last_line(peer, text, sizeof(text));
	if (WIFSIGNALED(status))
		fail("the second process was ended by signal %d: %s", WTERMSIG(status), text);
	else
		fail("the second process ended with status %d: %s", WEXITSTATUS(status), text);
	return false;
}

static int
wait_for(struct peer *peer, const char *line)
{
	char text[512];
	bool over;

	for (unsigned int ms = 0; ms < START_MS; ms += LOOK_MS) {
		struct stat stat_socket;

		if (line != NULL ? has_line(peer, line) : stat(peer->socket, &stat_socket) == 0)
			return 0;
		if (!ended_well(peer, false, &over))
			return -1;
		if (stop_sleep(LOOK_MS))
			return fail("interrupted while the second process started");
	}
	last_line(peer, text, sizeof(text));
	return fail("the second process was not ready after %u s: %s", START_MS / 1000, text);
}

int
peer_wait_socket(struct peer *peer)
{
	return wait_for(peer, NULL);
}

int
peer_wait_serving(struct peer *peer)
{
	return wait_for(peer, "Serving on ");
}

/* ------------------------------------------------------------------ end */

static void
peer_kill(struct peer *peer)
{
	if (peer->pid == 0)
		return;
	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, NULL, 0);
	peer->pid = 0;
}

/*
 * Its report is all that is wanted: with it on the disk everything is closed and counted, and what is left is the driver's
 * own close, where memif's looks at what its interrupt thread frees meanwhile. It is spared that.
 */
json_t *
peer_stop(struct peer *peer)
{
	json_t *report = NULL;
	bool over = peer->pid == 0;

	if (over)
		fail("the second process is not there any more");
	else
		kill(peer->pid, SIGTERM);
	for (unsigned int ms = 0; report == NULL && !over; ms += LOOK_MS) {
		report = json_load_file(
				peer->report, 0, NULL); /* it is not one before it is complete */
		if (report != NULL)
			break;
		if (ended_well(peer, true, &over) && over)
			fail("the second process left no report");
		if (ms >= STOP_MS) {
			fail("the second process did not end within %u s", STOP_MS / 1000);
			break;
		}
		nap(LOOK_MS);
	}
	peer_kill(peer);
	return report;
}

void
peer_free(struct peer *peer)
{
	peer_kill(peer);
	if (peer->folder[0] == '\0')
		return;
	unlink(peer->log);
	unlink(peer->report);
	unlink(peer->socket);
	rmdir(peer->folder);
	peer->folder[0] = '\0';
}
