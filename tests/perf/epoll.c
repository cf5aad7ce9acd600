/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What polltcp's benches are compared with: a server and a client on the Linux kernel's sockets, non-blocking with epoll,
 * one thread each, doing what the benches do. It is written to be fast where the kernel allows it: a connection that is
 * accepted is read at once, FIN goes with the response and ACK with the request, one epoll_ctl() a connection.
 *
 *     kernel-pair serve lifecycle --listen 10.9.0.1 &
 *     kernel-pair lifecycle --connect 10.9.0.1 --from 10.9.1.1 --sources 16 --concurrency 1000 --seconds 3
 *
 * The client prints one JSON object, the server "ready" when it listens; it ends on SIGTERM. Where a process may not have as
 * many descriptors as there are connections, either is several processes; the server must be told --concurrency as well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hist.h"

#define EVENTS_MAX         256
#define ACCEPT_BURST       64 /* then those who are there have their turn */
#define SIZE_MAX_B         4096
#define STREAM_BUF         (256u << 10)
#define SECOND_NS          UINT64_C(1000000000)
#define OPENING_MAX        1000 /* of those that are to be held: with their handshake under way */
#define OPENING_S          30   /* until all are open, at most */
#define HOPELESS           1000 /* failures, while nothing at all succeeds */
#define EVERY_EVENT        (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
#define DESCRIPTORS_BESIDE 1024 /* a server has some more under way than are open at the client */
#define DEFAULT_PORT       7007
#define FIRST_ADDRESS      "127.0.0.1"

enum role { ROLE_LIFECYCLE, ROLE_RR, ROLE_STREAM, ROLE_LATENCY, ROLE_HOLD, ROLE_MAX };

static const char *const role_names[ROLE_MAX] = {"lifecycle", "rr", "stream", "latency", "hold"};

struct conf {
	enum role role;
	bool serve;
	bool spin; /* never sleep in epoll_wait() */
	bool no_copy; /* the stream comes from a file's pages, and is dropped in the kernel at the other end */
	struct in_addr addr; /* the server's */
	struct in_addr from; /* the first of those of the client */
	uint64_t sources;
	uint64_t port;
	uint64_t concurrency;
	uint64_t seconds;
	uint64_t warmup_ms;
	uint64_t size; /* of a request, of a response */
};

enum conn_state { CONN_FREE, CONN_OPENING, CONN_OPEN };

struct conn {
	int fd;
	enum conn_state state;
	uint32_t got; /* bytes of the message that is under way */
};

/* What the processes of one side have in common. */
struct common {
	atomic_uint listening;
	atomic_uint warm;
	atomic_ullong done;
	atomic_ullong failed;
	_Atomic double rate; /* done a second, summed */
};

struct pair {
	struct conf conf;
	struct common *common;
	unsigned int processes;
	unsigned int number; /* of this process; 0: it reports */
	int epoll;
	int listener;
	int file; /* what a stream without copies sends */
	uint32_t turn;
	uint64_t open;
	uint64_t done; /* lifecycles, requests or bytes */
	uint64_t failed;
	uint64_t sent_ns;
	const char *why; /* what failed last */
	int why_errno;
	struct conn *conns; /* client: by number; server: by descriptor */
	uint32_t *idle;     /* client: of those that could not be opened */
	uint32_t n_idle;
	struct hist rtt; /* nanoseconds */
	uint8_t request[SIZE_MAX_B];
	uint8_t buf[STREAM_BUF];
};

static struct pair pair = {
		.conf = {.sources = 1,
				.port = DEFAULT_PORT,
				.concurrency = 1,
				.seconds = 3,
				.warmup_ms = 500,
				.size = 64},
		.file = -1,
};

static void
die(const char *what)
{
	fprintf(stderr, "kernel-pair: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
bad(const char *option, const char *text, const char *why)
{
	fprintf(stderr, "kernel-pair: %s: '%s': %s\n", option, text, why);
	exit(2);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static void
set_option(int fd, int level, int option, int value, const char *name)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) != 0)
		die(name);
}

static void
watch(struct pair *p, int fd, uint32_t events, uint32_t number)
{
	struct epoll_event event = {.events = events, .data.u32 = number};

	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

/* Have @p wanted descriptors, or as many as are allowed; @return how many those are. */
static uint64_t
descriptors(uint64_t wanted)
{
	struct rlimit limit, now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		die("getrlimit");
	limit.rlim_cur = wanted;
	limit.rlim_max = now.rlim_max > wanted ? now.rlim_max : wanted; /* where we may raise it */
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return wanted;
	limit.rlim_cur = limit.rlim_max = now.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("setrlimit");
	return limit.rlim_cur;
}

/* Be as many processes as the connections need, each with its share of them and with addresses of its own in turn. */
static void
fork_as_needed(struct pair *p, uint64_t max)
{
	const uint64_t each = (max - DESCRIPTORS_BESIDE / 2) * 8 / 9;

	if (max <= DESCRIPTORS_BESIDE) {
		fprintf(stderr, "kernel-pair: only %llu descriptors are allowed (ulimit -n)\n",
				(unsigned long long)max);
		exit(1);
	}
	p->processes = (unsigned int)((p->conf.concurrency + each - 1) / each);
	p->common = mmap(NULL, sizeof(*p->common), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->common == MAP_FAILED)
		die("mmap");
	while (p->number + 1 < p->processes) {
		const pid_t parent = getpid(), child = fork();

		if (child < 0)
			die("fork");
		if (child > 0)
			break; /* each begets the next, so that none outlives the first */
		p->number++;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			exit(1);
	}
	p->turn = p->number;
	p->conf.concurrency = p->conf.concurrency / p->processes +
			(p->number < p->conf.concurrency % p->processes);
}

/* ------------------------------------------------------------------ server */

static void
server_close(struct pair *p, int fd)
{
	p->conns[fd].state = CONN_FREE;
	close(fd);
}

/* The request, or a part of it. @return false: the connection is gone */
static bool
server_answer(struct pair *p, int fd, size_t len)
{
	if (p->conf.role != ROLE_LIFECYCLE) {
		/* One small message at a time: there is room. What went wrong with a connection is the client's to tell. */
		(void)!send(fd, p->buf, len, MSG_NOSIGNAL);
		return true;
	}
	p->conns[fd].got += (uint32_t)len;
	if (p->conns[fd].got < p->conf.size)
		return true;
	/* As there is more to come it waits, and goes with the FIN, in one segment. */
	(void)!send(fd, p->request, p->conf.size, MSG_NOSIGNAL | MSG_MORE);
	server_close(p, fd);
	return false;
}

/* All that is there, up to the end if it has ended. @return false: the connection is gone */
static bool
server_read(struct pair *p, int fd, bool ended)
{
	const bool sink = p->conf.role == ROLE_STREAM;
	const int flags = sink && p->conf.no_copy ? MSG_TRUNC : 0;
	const size_t room = sink ? STREAM_BUF : p->conf.size;

	for (;;) {
		ssize_t len = recv(fd, p->buf, room, flags);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return true;
		if (len <= 0) {
			server_close(p, fd);
			return false;
		}
		if (!sink && !server_answer(p, fd, (size_t)len))
			return false;
		/*
		 * A request is all there is until it is answered: what comes then is a new edge. Streams are
		 * level-triggered, so that each has its turn.
		 */
		if (!ended)
			return true;
	}
}

static void
server_accept(struct pair *p, uint64_t max)
{
	for (unsigned int i = 0; i < ACCEPT_BURST; i++) {
		int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0)
			die("accept4");
		if ((uint64_t)fd >= max)
			abort(); /* the kernel's limit says there is none */
		p->conns[fd] = (struct conn){.fd = fd, .state = CONN_OPEN};
		if (p->conf.role != ROLE_HOLD && !server_read(p, fd, false))
			continue; /* the request was there already: never in epoll */
		watch(p, fd, EPOLLIN | EPOLLRDHUP | (p->conf.role == ROLE_STREAM ? 0 : EPOLLET),
				(uint32_t)fd);
	}
}

static void
server_listen(struct pair *p)
{
	const struct sockaddr_in addr = {.sin_family = AF_INET,
			.sin_addr = p->conf.addr,
			.sin_port = htons((uint16_t)p->conf.port)};

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->listener < 0)
		die("socket");
	set_option(p->listener, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
	if (p->processes > 1) /* a listener each: the kernel spreads connections evenly */
		set_option(p->listener, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
	/* Those that are accepted inherit it. */
	set_option(p->listener, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
	if (bind(p->listener, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		die("bind");
	if (listen(p->listener, 1 << 20) != 0) /* net.core.somaxconn bounds it */
		die("listen");
	/* Inherited, too: ACK goes with the response. listen() would undo it. */
	set_option(p->listener, IPPROTO_TCP, TCP_QUICKACK, 0, "TCP_QUICKACK");
}

static void
serve(struct pair *p, uint64_t max)
{
	struct epoll_event events[EVENTS_MAX];

	server_listen(p);
	watch(p, p->listener, EPOLLIN, (uint32_t)p->listener);
	atomic_fetch_add(&p->common->listening, 1);
	while (p->number == 0 && atomic_load(&p->common->listening) != p->processes)
		usleep(1000);
	if (p->number == 0) {
		printf("ready\n");
		fflush(stdout);
	}
	for (;;) {
		int n = epoll_wait(p->epoll, events, EVENTS_MAX, p->conf.spin ? 0 : -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			const int fd = (int)events[i].data.u32;

			if (fd == p->listener)
				server_accept(p, max);
			else
				server_read(p, fd, (events[i].events & EPOLLRDHUP) != 0);
		}
	}
}

/* ------------------------------------------------------------------ client */

static void
client_fail(struct pair *p, const char *why)
{
	p->failed++;
	p->why = why;
	p->why_errno = errno;
	if (p->failed >= HOPELESS && p->done == 0 && p->open == 0)
		die(why);
}

static void
client_close(struct pair *p, struct conn *c)
{
	if (c->state == CONN_OPEN)
		p->open--;
	c->state = CONN_FREE;
	close(c->fd);
}

/* From one of our addresses after the other, so that neither ports nor TIME-WAIT are what bounds the rate. */
static void
client_open(struct pair *p, struct conn *c)
{
	const struct conf *conf = &p->conf;
	const struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_addr = conf->addr,
			.sin_port = htons((uint16_t)conf->port)};
	const uint32_t offset = p->turn++ % (uint32_t)conf->sources;
	const struct sockaddr_in from = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(ntohl(conf->from.s_addr) + offset)};

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	c->got = 0;
	if (conf->role !=
			ROLE_LIFECYCLE) /* one request, with nothing in front of it: it goes at once */
		set_option(c->fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
	set_option(c->fd, IPPROTO_TCP, TCP_QUICKACK, 0,
			"TCP_QUICKACK"); /* ACK goes with the request */
	set_option(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, "IP_BIND_ADDRESS_NO_PORT");
	if (bind(c->fd, (const struct sockaddr *)&from, sizeof(from)) != 0)
		die("bind");
	if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
		client_fail(p, "connect");
		close(c->fd);
		c->state = CONN_FREE;
		p->idle[p->n_idle++] = (uint32_t)(c - p->conns);
		return;
	}
	c->state = CONN_OPENING;
	watch(p, c->fd, conf->role == ROLE_STREAM ? EPOLLOUT : EVERY_EVENT,
			(uint32_t)(c - p->conns));
}

static void
client_request(struct pair *p, struct conn *c)
{
	c->got = 0;
	if (p->conf.role == ROLE_LATENCY)
		p->sent_ns = now_ns();
	/* One small request at a time: there is room. */
	if (send(c->fd, p->request, p->conf.size, MSG_NOSIGNAL) != (ssize_t)p->conf.size) {
		client_fail(p, "send");
		client_close(p, c);
	}
}

/* Level-triggered, so that one connection does not keep others, or the clock, waiting. */
static void
client_stream(struct pair *p, struct conn *c)
{
	off_t from = 0;
	ssize_t sent = p->conf.no_copy ? sendfile(c->fd, p->file, &from, STREAM_BUF) :
					 send(c->fd, p->buf, STREAM_BUF, MSG_NOSIGNAL);

	if (sent > 0) {
		p->done += (uint64_t)sent;
	} else if (sent == 0 || errno != EAGAIN) {
		client_fail(p, "send");
		client_close(p, c);
	}
}

/* The response, or a part of it. Of a lifecycle the end must stand behind it. */
static void
client_response(struct pair *p, struct conn *c, uint32_t events)
{
	const bool life = p->conf.role == ROLE_LIFECYCLE;
	ssize_t len = 0;

	if (c->got < p->conf.size) {
		len = recv(c->fd, p->buf, p->conf.size - c->got, 0);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0 || memcmp(p->buf, p->request + c->got, (size_t)len) != 0) {
			client_fail(p,
					len < 0                  ? "recv" :
							len == 0 ? "closed too early" :
								   "wrong bytes");
			client_close(p, c);
			return;
		}
		c->got += (uint32_t)len;
	}
	if (c->got < p->conf.size || (life && !(events & EPOLLRDHUP)))
		return;
	p->done++;
	if (p->conf.role == ROLE_LATENCY)
		hist_add(&p->rtt, now_ns() - p->sent_ns);
	if (life)
		client_close(p, c);
	else
		client_request(p, c);
}

static void
client_event(struct pair *p, struct conn *c, uint32_t events)
{
	const enum role role = p->conf.role;

	if (events & EPOLLERR) {
		socklen_t len = sizeof(errno);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errno, &len);
		client_fail(p, c->state == CONN_OPENING ? "connect" : "connection");
		client_close(p, c);
		return;
	}
	if (c->state == CONN_OPENING) {
		if (!(events & EPOLLOUT))
			return;
		c->state = CONN_OPEN;
		p->open++;
		if (role == ROLE_HOLD)
			p->done++;
		else if (role != ROLE_STREAM)
			client_request(p, c);
	}
	if (role == ROLE_STREAM)
		client_stream(p, c);
	else if (role != ROLE_HOLD && c->state == CONN_OPEN && (events & EPOLLIN))
		client_response(p, c, events);
}

/* Wait once, and see to what has come. */
static void
client_turn(struct pair *p, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(p->epoll, events, EVENTS_MAX, p->conf.spin ? 0 : timeout_ms);

	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	for (int i = 0; i < n; i++) {
		struct conn *c = &p->conns[events[i].data.u32];

		if (c->state == CONN_FREE)
			continue;
		client_event(p, c, events[i].events);
		if (c->state == CONN_FREE && p->conf.role != ROLE_HOLD)
			client_open(p, c);
	}
}

/* A turn, and another attempt for those that could not be opened. */
static void
client_work(struct pair *p)
{
	uint32_t again;

	client_turn(p, p->n_idle == 0 ? 100 : 1);
	again = p->n_idle;
	p->n_idle = 0; /* those that fail again are put back behind the one that is being read */
	for (uint32_t i = 0; i < again; i++)
		client_open(p, &p->conns[p->idle[i]]);
}

/* All are open, or have been once. */
static bool
client_settled(const struct pair *p)
{
	return (p->conf.role == ROLE_LIFECYCLE ? p->done : p->open) >= p->conf.concurrency;
}

static void
client_warm_up(struct pair *p)
{
	const uint64_t until = now_ns() + p->conf.warmup_ms * (SECOND_NS / 1000);

	while (now_ns() < until)
		client_work(p);
	while (!client_settled(p) && now_ns() < until + OPENING_S * SECOND_NS)
		client_work(p);
	atomic_fetch_add(&p->common->warm, 1);
	while (atomic_load(&p->common->warm) < p->processes)
		client_work(p);
}

/* @return seconds that it took */
static double
client_measure(struct pair *p)
{
	const uint64_t began = now_ns();
	uint64_t now;

	p->done = p->failed = 0;
	memset(&p->rtt, 0, sizeof(p->rtt));
	do {
		client_work(p);
		now = now_ns();
	} while (now < began + p->conf.seconds * SECOND_NS);
	return (double)(now - began) / 1e9;
}

/* What this process has done; those that it has begotten have ended. @return false: one of them badly */
static bool
client_sum(struct pair *p, double seconds)
{
	double rate = atomic_load(&p->common->rate);
	int status;

	while (!atomic_compare_exchange_weak(
			&p->common->rate, &rate, rate + (double)p->done / seconds))
		;
	atomic_fetch_add(&p->common->done, p->done);
	atomic_fetch_add(&p->common->failed, p->failed);
	return p->number + 1 == p->processes || (wait(&status) > 0 && status == 0);
}

static double
rtt_us(const struct pair *p, uint64_t part, uint64_t whole)
{
	return (double)hist_quantile(&p->rtt, part, whole) / 1e3;
}

static void
client_report(struct pair *p, double seconds)
{
	const double rate = atomic_load(&p->common->rate);
	const unsigned long long failed = atomic_load(&p->common->failed);

	switch (p->conf.role) {
	case ROLE_LIFECYCLE:
		printf("{\"lifecycles_per_s\": %.0f", rate);
		break;
	case ROLE_RR:
		printf("{\"requests_per_s\": %.0f", rate);
		break;
	case ROLE_STREAM:
		printf("{\"gbit_per_s\": %.3f", rate * 8 / 1e9);
		break;
	default:
		printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"requests\": %llu",
				rtt_us(p, 50, 100), rtt_us(p, 99, 100), rtt_us(p, 999, 1000),
				(unsigned long long)p->done);
		break;
	}
	printf(", \"failed\": %llu, \"seconds\": %.3f}\n", failed, seconds);
}

/* Open all, say so, and keep them until we are ended. */
static void
client_hold(struct pair *p)
{
	uint64_t begun = 0;

	p->conf.spin = false;
	while (p->done + p->failed < p->conf.concurrency) {
		while (begun < p->conf.concurrency && begun - p->done - p->failed < OPENING_MAX)
			client_open(p, &p->conns[begun++]);
		client_turn(p, 100);
	}
	atomic_fetch_add(&p->common->done, p->done);
	atomic_fetch_add(&p->common->failed, p->failed);
	atomic_fetch_add(&p->common->warm, 1);
	while (p->number == 0 && atomic_load(&p->common->warm) != p->processes)
		client_turn(p, 10);
	if (p->number == 0) {
		printf("{\"held\": %llu, \"failed\": %llu}\n", atomic_load(&p->common->done),
				atomic_load(&p->common->failed));
		fflush(stdout);
	}
	for (;;)
		pause();
}

/* What is sent without copies: pages of a file that has no disk. */
static void
stream_file(struct pair *p)
{
	p->file = memfd_create("stream", MFD_CLOEXEC);
	if (p->file < 0 || write(p->file, p->buf, STREAM_BUF) != (ssize_t)STREAM_BUF)
		die("memfd");
}

static void
client(struct pair *p)
{
	double seconds;

	if (p->conf.role == ROLE_STREAM && p->conf.no_copy)
		stream_file(p);
	if (p->conf.role == ROLE_HOLD)
		client_hold(p);
	for (uint64_t i = 0; i < p->conf.concurrency; i++)
		client_open(p, &p->conns[i]);
	client_warm_up(p);
	seconds = client_measure(p);
	if (p->failed != 0)
		fprintf(stderr, "kernel-pair: %llu failed, the last: %s: %s\n",
				(unsigned long long)p->failed, p->why, strerror(p->why_errno));
	if (!client_sum(p, seconds))
		exit(1);
	if (p->number == 0)
		client_report(p, seconds);
}

/* ------------------------------------------------------------------ options */

static const char usage[] =
		"kernel-pair serve ROLE [--listen ADDRESS] [options]\n"
		"kernel-pair ROLE [--connect ADDRESS] [options]\n\n"
		"ROLE: lifecycle, rr, stream, latency or hold\n"
		"  --port N         the server's (7007)\n"
		"  --from ADDRESS   the client's first address (127.0.0.1)\n"
		"  --sources N      so many addresses, one above the other (1)\n"
		"  --concurrency N  connections at once (1)\n"
		"  --seconds N      measured (3)\n"
		"  --warmup N       milliseconds before that (500), and until all are open\n"
		"  --size N         bytes of a request and of a response (64)\n"
		"  --spin           poll all the time instead of sleeping\n"
		"  --no-copy        stream: sendfile(), and MSG_TRUNC at the server\n";

static uint64_t
number_value(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min ||
			value > max) {
		fprintf(stderr, "kernel-pair: %s: '%s': must be a number from %llu to %llu\n",
				option, text, (unsigned long long)min, (unsigned long long)max);
		exit(2);
	}
	return value;
}

static struct in_addr
address_value(const char *option, const char *text)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, text, &addr) != 1)
		bad(option, text, "must be an IPv4 address");
	return addr;
}

static enum role
role_value(const char *text)
{
	for (int i = 0; i < ROLE_MAX; i++)
		if (strcmp(text, role_names[i]) == 0)
			return (enum role)i;
	bad("role", text, "must be lifecycle, rr, stream, latency or hold");
	return ROLE_MAX;
}

static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"connect", required_argument, NULL, 'c'},
		{"port", required_argument, NULL, 'p'},
		{"from", required_argument, NULL, 'f'},
		{"sources", required_argument, NULL, 'n'},
		{"concurrency", required_argument, NULL, 'N'},
		{"seconds", required_argument, NULL, 's'},
		{"warmup", required_argument, NULL, 'w'},
		{"size", required_argument, NULL, 'z'},
		{"spin", no_argument, NULL, 'S'},
		{"no-copy", no_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
option_take(struct conf *conf, int option, const char *text)
{
	switch (option) {
	case 'l':
	case 'c':
		conf->addr = address_value(option == 'l' ? "--listen" : "--connect", text);
		break;
	case 'p':
		conf->port = number_value("--port", text, 1, UINT16_MAX);
		break;
	case 'f':
		conf->from = address_value("--from", text);
		break;
	case 'n':
		conf->sources = number_value("--sources", text, 1, UINT16_MAX);
		break;
	case 'N':
		conf->concurrency = number_value("--concurrency", text, 1, 10000000);
		break;
	case 's':
		conf->seconds = number_value("--seconds", text, 1, 86400);
		break;
	case 'w':
		conf->warmup_ms = number_value("--warmup", text, 0, 600000);
		break;
	case 'z':
		conf->size = number_value("--size", text, 1, SIZE_MAX_B);
		break;
	case 'S':
		conf->spin = true;
		break;
	case 'C':
		conf->no_copy = true;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default: /* getopt_long() has said why */
		exit(2);
	}
}

static void
options_read(struct conf *conf, int argc, char **argv)
{
	int option, words;

	inet_pton(AF_INET, FIRST_ADDRESS, &conf->addr);
	inet_pton(AF_INET, FIRST_ADDRESS, &conf->from);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		option_take(conf, option, optarg);
	words = argc - optind;
	conf->serve = words > 0 && strcmp(argv[optind], "serve") == 0;
	if (words != (conf->serve ? 2 : 1)) {
		fputs(usage, stderr);
		exit(2);
	}
	conf->role = role_value(argv[argc - 1]);
	if (conf->role == ROLE_LATENCY)
		conf->concurrency = 1;
}

int
main(int argc, char **argv)
{
	struct pair *p = &pair;
	uint64_t max;

	options_read(&p->conf, argc, argv);
	max = descriptors(p->conf.concurrency + p->conf.concurrency / 8 + DESCRIPTORS_BESIDE);
	fork_as_needed(p, max);
	for (unsigned int i = 0; i < SIZE_MAX_B; i++)
		p->request[i] = (uint8_t)(i * 7 + 1);
	p->conns = calloc(max, sizeof(*p->conns));
	p->idle = calloc(p->conf.concurrency, sizeof(*p->idle));
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->conns == NULL || p->idle == NULL || p->epoll < 0)
		die("start");
	if (p->conf.serve)
		serve(p, max);
	else
		client(p);
	return 0;
}
