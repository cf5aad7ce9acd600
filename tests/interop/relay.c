/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A bad link between two TAP devices: what one sends, the other receives, later, twice, in another order or not at all.
 * Both devices may lie in network namespaces, so that two stacks of one machine talk over it; a kernel without netem
 * is enough. What happens to the n-th frame of a direction depends on the seed alone.
 *
 *     relay --a relay0@/proc/PID/ns/net --b relay1@/proc/PID/ns/net --loss 1 --delay 10ms --seed 7
 *
 * It ends on SIGINT or SIGTERM and then writes what it did as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "random.h"

#define FRAME_MAX    65536
#define HELD_MAX     65536 /* frames under way, both directions: a bound of memory */
#define READ_BURST   64
#define DEVICE_QUEUE 10000 /* frames that wait for us: the device must not lose any by itself */
#define SECOND_NS    UINT64_C(1000000000)
#define CHANCE_ONE   UINT64_C(1000000000) /* chances are kept in billionths */
#define ETHERTYPE_AT 12

/* One direction: what it does to frames, and what it did. */
struct dir {
	uint64_t loss, duplicate, reorder; /* chances */
	uint64_t delay_ns, jitter_ns, reorder_ns;
	uint64_t rate;  /* bits a second; 0: no bound */
	uint64_t queue; /* bytes that may wait for the rate; 0: no bound */
	uint64_t random;
	uint64_t link_free_ns; /* when the last frame will have left at the rate */
	uint64_t last_due_ns;
	uint64_t frames, bytes, lost, duplicated, reordered, queue_full, delivered, refused;
};

struct side {
	const char *spec;
	char name[IFNAMSIZ];
	int fd;
};

struct frame {
	uint64_t due_ns;
	uint64_t serial; /* of equal times the first goes first */
	unsigned int from;
	uint32_t len;
	uint8_t data[];
};

struct relay {
	struct side sides[2]; /* a, b */
	struct dir dirs[2];   /* from a, from b */
	struct frame *heap[HELD_MAX];
	uint32_t n_heap, peak;
	uint64_t serial;
	uint64_t armed_ns;
	uint64_t seed;
	bool ip_only;
	const char *json;
	int timer, signals, epoll;
};

static struct relay relay = {.seed = 1};

static void
die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
bad(const char *option, const char *text, const char *why)
{
	fprintf(stderr, "relay: --%s: '%s': %s\n", option, text, why);
	exit(2);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

/* ------------------------------------------------------------------ the frames under way */

static bool
frame_before(const struct frame *f, const struct frame *g)
{
	return f->due_ns != g->due_ns ? f->due_ns < g->due_ns : f->serial < g->serial;
}

static void
heap_push(struct relay *r, struct frame *frame)
{
	uint32_t at = r->n_heap++;

	while (at != 0 && frame_before(frame, r->heap[(at - 1) / 2])) {
		r->heap[at] = r->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	r->heap[at] = frame;
	if (r->n_heap > r->peak)
		r->peak = r->n_heap;
}

static struct frame *
heap_pop(struct relay *r)
{
	struct frame *top = r->heap[0], *last = r->heap[--r->n_heap];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < r->n_heap) {
		if (child + 1 < r->n_heap && frame_before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!frame_before(r->heap[child], last))
			break;
		r->heap[at] = r->heap[child];
		at = child;
	}
	r->heap[at] = last;
	return top;
}

/* ------------------------------------------------------------------ what happens to a frame */

static bool
chance(struct dir *dir, uint64_t of)
{
	return random_next(&dir->random) % CHANCE_ONE < of;
}

static void
frame_send(struct relay *r, unsigned int from, const uint8_t *data, uint32_t len, uint64_t due_ns)
{
	struct frame *frame;

	if (r->n_heap == HELD_MAX) {
		r->dirs[from].queue_full++;
		return;
	}
	frame = malloc(sizeof(*frame) + len);
	if (frame == NULL)
		die("memory");
	frame->due_ns = due_ns;
	frame->serial = r->serial++;
	frame->from = from;
	frame->len = len;
	memcpy(frame->data, data, len);
	heap_push(r, frame);
}

/* When a frame that comes now has left at the direction's rate; 0: the queue has no room for it. */
static uint64_t
link_departure(struct dir *dir, uint32_t len, uint64_t now)
{
	uint64_t free_ns = dir->link_free_ns > now ? dir->link_free_ns : now;
	uint64_t waiting = (free_ns - now) * (dir->rate / 8) / SECOND_NS;

	if (dir->rate == 0)
		return now;
	if (dir->queue != 0 && waiting + len > dir->queue)
		return 0;
	dir->link_free_ns = free_ns + (uint64_t)len * 8 * SECOND_NS / dir->rate;
	return dir->link_free_ns;
}

static bool
frame_spared(const struct relay *r, const uint8_t *data, uint32_t len)
{
	unsigned int type;

	if (!r->ip_only || len < ETHERTYPE_AT + 2)
		return false;
	type = (unsigned int)data[ETHERTYPE_AT] << 8 | data[ETHERTYPE_AT + 1];
	return type != 0x0800 && type != 0x86dd;
}

/*
 * Every frame draws the same numbers whatever the options are, so that with one seed the same frames are lost with and
 * without delay. A frame that is spared draws none: so ARP does not change which segments are lost.
 */
static void
frame_arrived(struct relay *r, unsigned int from, const uint8_t *data, uint32_t len, uint64_t now)
{
	struct dir *dir = &r->dirs[from];
	bool spared = frame_spared(r, data, len);
	bool lost = !spared && chance(dir, dir->loss);
	bool twice = !spared && chance(dir, dir->duplicate);
	bool late = !spared && chance(dir, dir->reorder);
	uint64_t jitter = spared ? 0 : random_next(&dir->random) % (dir->jitter_ns + 1);
	uint64_t due;

	dir->frames++;
	dir->bytes += len;
	if (lost) {
		dir->lost++;
		return;
	}
	due = link_departure(dir, len, now);
	if (due == 0) {
		dir->queue_full++;
		return;
	}
	due += dir->delay_ns + jitter;
	if (due < dir->last_due_ns) /* jitter alone changes no order */
		due = dir->last_due_ns;
	if (late) {
		dir->reordered++;
		due += dir->reorder_ns;
	} else {
		dir->last_due_ns = due;
	}
	frame_send(r, from, data, len, due);
	if (twice) {
		dir->duplicated++;
		frame_send(r, from, data, len, due);
	}
}

static void
frames_read(struct relay *r, unsigned int from)
{
	static uint8_t data[FRAME_MAX];

	for (unsigned int i = 0; i < READ_BURST; i++) {
		ssize_t len = read(r->sides[from].fd, data, sizeof(data));

		if (len <= 0)
			return; /* nothing more, or the device is down */
		frame_arrived(r, from, data, (uint32_t)len, now_ns());
	}
}

static void
frames_write(struct relay *r)
{
	uint64_t now = now_ns();

	while (r->n_heap != 0 && r->heap[0]->due_ns <= now) {
		struct frame *frame = heap_pop(r);
		ssize_t written = write(r->sides[1 - frame->from].fd, frame->data, frame->len);

		if (written == (ssize_t)frame->len)
			r->dirs[frame->from].delivered++;
		else
			r->dirs[frame->from].refused++; /* the device is down */
		free(frame);
	}
}

/* The timer stands at the time of the first frame. */
static void
timer_arm(struct relay *r)
{
	uint64_t due = r->n_heap != 0 ? r->heap[0]->due_ns : 0;
	struct itimerspec at = {.it_value.tv_sec = (time_t)(due / SECOND_NS),
			.it_value.tv_nsec = (long)(due % SECOND_NS)};

	if (due == r->armed_ns)
		return;
	r->armed_ns = due;
	if (timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
		die("timerfd_settime");
}

/* ------------------------------------------------------------------ devices */

/* The longest queue to us that the device may have. */
static void
device_queue(const char *name)
{
	struct ifreq ifr = {.ifr_qlen = DEVICE_QUEUE};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCSIFTXQLEN, &ifr) != 0)
		die("SIOCSIFTXQLEN");
	close(fd);
}

/* Make the device NAME or NAME@NETNS. It stays in its namespace; this thread goes back to its own. */
static void
side_open(struct side *side, int home)
{
	const char *netns = strchrnul(side->spec, '@');
	size_t len = (size_t)(netns - side->spec);
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int ns = -1;

	if (len == 0 || len >= IFNAMSIZ)
		bad("a and --b", side->spec, "must be NAME or NAME@NETNS, NAME of 1 to 15 bytes");
	memcpy(ifr.ifr_name, side->spec, len);
	if (*netns == '@') {
		ns = open(netns + 1, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
			die(netns + 1);
	}
	side->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (side->fd < 0 || ioctl(side->fd, TUNSETIFF, &ifr) != 0)
		die(side->spec);
	memcpy(side->name, ifr.ifr_name, sizeof(side->name));
	device_queue(side->name);
	if (ns >= 0) {
		if (setns(home, CLONE_NEWNET) != 0)
			die("setns");
		close(ns);
	}
}

static void
watch(struct relay *r, int fd, uint32_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

enum { EVENT_A, EVENT_B, EVENT_TIMER, EVENT_SIGNAL };

static void
relay_open(struct relay *r)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	sigset_t set;

	for (unsigned int i = 0; i < 2; i++) {
		if (r->sides[i].spec == NULL)
			bad(i == 0 ? "a" : "b", "", "is needed");
		side_open(&r->sides[i], home);
		/* each its own numbers */
		r->dirs[i].random = r->seed ^ (uint64_t)i << 63;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC);
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->signals < 0 || r->timer < 0 || r->epoll < 0)
		die("descriptors");
	watch(r, r->sides[0].fd, EVENT_A);
	watch(r, r->sides[1].fd, EVENT_B);
	watch(r, r->timer, EVENT_TIMER);
	watch(r, r->signals, EVENT_SIGNAL);
}

static void
relay_run(struct relay *r)
{
	struct epoll_event events[4];

	for (;;) {
		int n = epoll_wait(r->epoll, events, 4, -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			uint64_t fired;

			if (events[i].data.u32 == EVENT_SIGNAL)
				return;
			if (events[i].data.u32 == EVENT_TIMER) {
				if (read(r->timer, &fired, sizeof(fired)) > 0)
					r->armed_ns = 0;
			} else {
				frames_read(r, events[i].data.u32);
			}
		}
		frames_write(r);
		timer_arm(r);
	}
}

/* ------------------------------------------------------------------ options and report */

/* A number with the suffix's factor; *end behind both. */
static double
parse_number(const char *option, const char *text, const char *const suffixes[],
		const double factors[], const char **end)
{
	char *stop;
	double value = strtod(text, &stop);
	size_t len = strcspn(stop, ",");

	if (stop == text || !(value >= 0 && value <= 1e15))
		bad(option, text, "must be a number");
	for (unsigned int i = 0; suffixes[i] != NULL; i++) {
		if (strlen(suffixes[i]) == len && strncmp(suffixes[i], stop, len) == 0) {
			*end = stop + len;
			return value * factors[i];
		}
	}
	bad(option, text, "has an unknown unit");
	return 0;
}

enum unit { CHANCE, TIME, NUMBER };

/* X, or X,Y: from a to b, and from b to a. */
static void
parse_both(const char *option, const char *text, enum unit unit, uint64_t *a, uint64_t *b)
{
	static const char *const suffixes[][5] = {
			[CHANCE] = {"", "%", NULL},
			[TIME] = {"s", "ms", "us", "ns", NULL},
			[NUMBER] = {"", "k", "M", "G", NULL},
	};
	static const double factors[][4] = {
			[CHANCE] = {CHANCE_ONE / 100, CHANCE_ONE / 100},
			[TIME] = {1e9, 1e6, 1e3, 1},
			[NUMBER] = {1, 1e3, 1e6, 1e9},
	};
	const char *end;

	*a = (uint64_t)parse_number(option, text, suffixes[unit], factors[unit], &end);
	*b = *a;
	if (*end == ',')
		*b = (uint64_t)parse_number(option, end + 1, suffixes[unit], factors[unit], &end);
	if (*end != '\0')
		bad(option, text, "must be one value, or two with a comma");
	if (unit == CHANCE && (*a > CHANCE_ONE || *b > CHANCE_ONE))
		bad(option, text, "must be at most 100 (%)");
	if (unit == TIME && (*a > 3600 * SECOND_NS || *b > 3600 * SECOND_NS))
		bad(option, text, "must be at most 3600s");
}

static void
usage(void)
{
	puts("relay: a bad link between two TAP devices, which it makes\n"
	     "  --a, --b NAME[@NETNS]  the devices; NETNS is a file like /proc/PID/ns/net\n"
	     "  --seed N               what happens to the n-th frame depends on it alone (1)\n"
	     "What follows takes X, or X,Y: from a to b, from b to a.\n"
	     "  --loss P               % of the frames that are lost\n"
	     "  --duplicate P          % that come twice\n"
	     "  --reorder P            % that come later than they should, by --reorder-by T (1ms)\n"
	     "  --delay T              one way: 10ms, 500us\n"
	     "  --jitter T             0 to T more for each frame; changes no order\n"
	     "  --rate N               bits a second, like 100M\n"
	     "  --queue N              bytes that wait for the rate; the rest is lost\n"
	     "Further:\n"
	     "  --ip-only              lose, duplicate and reorder only IP: ARP gets through\n"
	     "  --json FILE            write the report there, not to stdout");
}

enum { OPT_A, OPT_B, OPT_SEED, OPT_JSON, OPT_IP_ONLY, OPT_HELP, OPT_BOTH };

/* The members of struct dir that --loss and its like set. */
static const struct {
	const char *name;
	enum unit unit;
	size_t offset;
} both[] = {
		{"loss", CHANCE, offsetof(struct dir, loss)},
		{"duplicate", CHANCE, offsetof(struct dir, duplicate)},
		{"reorder", CHANCE, offsetof(struct dir, reorder)},
		{"reorder-by", TIME, offsetof(struct dir, reorder_ns)},
		{"delay", TIME, offsetof(struct dir, delay_ns)},
		{"jitter", TIME, offsetof(struct dir, jitter_ns)},
		{"rate", NUMBER, offsetof(struct dir, rate)},
		{"queue", NUMBER, offsetof(struct dir, queue)},
};
#define N_BOTH (sizeof(both) / sizeof(both[0]))

static void
option_take(struct relay *r, int option)
{
	char *end;
	unsigned int i = (unsigned int)option - OPT_BOTH;

	switch (option) {
	case OPT_A:
	case OPT_B:
		r->sides[option - OPT_A].spec = optarg;
		break;
	case OPT_SEED:
		r->seed = strtoull(optarg, &end, 0);
		if (*optarg == '\0' || *end != '\0')
			bad("seed", optarg, "must be a number");
		break;
	case OPT_JSON:
		r->json = optarg;
		break;
	case OPT_IP_ONLY:
		r->ip_only = true;
		break;
	case OPT_HELP:
		usage();
		exit(0);
	default:
		if (i >= N_BOTH) /* getopt_long() has said what is wrong */
			exit(2);
		parse_both(both[i].name, optarg, both[i].unit,
				(uint64_t *)(void *)((char *)&r->dirs[0] + both[i].offset),
				(uint64_t *)(void *)((char *)&r->dirs[1] + both[i].offset));
	}
}

static void
options_parse(struct relay *r, int argc, char **argv)
{
	struct option options[OPT_BOTH + N_BOTH + 1] = {
			{"a", required_argument, NULL, OPT_A},
			{"b", required_argument, NULL, OPT_B},
			{"seed", required_argument, NULL, OPT_SEED},
			{"json", required_argument, NULL, OPT_JSON},
			{"ip-only", no_argument, NULL, OPT_IP_ONLY},
			{"help", no_argument, NULL, OPT_HELP},
	};
	int option;

	r->dirs[0].reorder_ns = SECOND_NS / 1000;
	r->dirs[1].reorder_ns = SECOND_NS / 1000;
	for (unsigned int i = 0; i < N_BOTH; i++) {
		options[OPT_BOTH + i].name = both[i].name;
		options[OPT_BOTH + i].has_arg = required_argument;
		options[OPT_BOTH + i].val = (int)(OPT_BOTH + i);
	}
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		option_take(r, option);
	if (optind != argc)
		bad("help", argv[optind], "is no option");
}

static void
dir_report(FILE *out, const char *name, const struct dir *dir, const char *comma)
{
	fprintf(out, "  \"%s\": {\"frames\": %llu, \"bytes\": %llu, \"lost\": %llu, ", name,
			(unsigned long long)dir->frames, (unsigned long long)dir->bytes,
			(unsigned long long)dir->lost);
	fprintf(out, "\"duplicated\": %llu, \"reordered\": %llu, \"queue_full\": %llu, ",
			(unsigned long long)dir->duplicated, (unsigned long long)dir->reordered,
			(unsigned long long)dir->queue_full);
	fprintf(out, "\"delivered\": %llu, \"refused\": %llu}%s\n",
			(unsigned long long)dir->delivered, (unsigned long long)dir->refused,
			comma);
}

static void
report(const struct relay *r)
{
	FILE *out = r->json == NULL ? stdout : fopen(r->json, "w");

	if (out == NULL)
		die(r->json);
	fprintf(out, "{\n  \"seed\": %llu,\n  \"held\": %u,\n  \"held_peak\": %u,\n",
			(unsigned long long)r->seed, r->n_heap, r->peak);
	dir_report(out, "a_to_b", &r->dirs[0], ",");
	dir_report(out, "b_to_a", &r->dirs[1], "");
	fprintf(out, "}\n");
	if (fflush(out) != 0 || (out != stdout && fclose(out) != 0))
		die("report");
}

int
main(int argc, char **argv)
{
	options_parse(&relay, argc, argv);
	relay_open(&relay);
	printf("Relaying %s <-> %s, seed %llu\n", relay.sides[0].name, relay.sides[1].name,
			(unsigned long long)relay.seed);
	fflush(stdout);
	relay_run(&relay);
	report(&relay);
	while (relay.n_heap != 0)
		free(heap_pop(&relay));
	return 0;
}
