/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/link.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "capture.h"
#include "fmt.h"
#include "host.h"
#include "report.h"

#define PREFIX_LEN 16
#define TRIES      5
#define SETTLE_MS  50
#define GONE_MS    1000

static const char *const kinds[] = {"ring", "memif", "vhost"};

int
link_kind_of(const char *name)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i], name) == 0)
			return (int)i;
	return -1;
}

static struct pair_conf
pair_conf_of(const struct link_conf *conf)
{
	return (struct pair_conf){.client = conf->client,
			.server = conf->server,
			.ring_size = conf->ring_size,
			.n_mbufs = conf->n_mbufs,
			.mtu = conf->mtu,
			.n_client_addrs = conf->n_addrs};
}

void
link_needs(const struct link_conf *conf, struct app_needs *needs)
{
	const struct pair_conf both = pair_conf_of(conf);

	/* Two processes: the pages that the second one takes have to be there as well. */
	needs->bytes = pair_memory(&both) + 2 * PATTERN_MBUFS * 16384;
	needs->workers = conf->kind == LINK_RING ? 2 : 1;
	needs->one_file = conf->kind == LINK_VHOST;
}

/* ------------------------------------------------------------------ two processes */

/* A CPU of ours that no worker has. @return 0, or -1 with one line printed */
static int
peer_cpu(unsigned int *cpu)
{
	const rte_cpuset_t worker = rte_lcore_cpuset(rte_get_next_lcore((unsigned int)-1, 1, 0));
	const rte_cpuset_t ours = rte_lcore_cpuset(rte_get_main_lcore());

	for (*cpu = 0; *cpu < CPU_SETSIZE; ++*cpu)
		if (CPU_ISSET(*cpu, &ours) && !CPU_ISSET(*cpu, &worker))
			return 0;
	return fail("two processes need two CPUs: one for each end's worker");
}

static int
peer_open(struct link *link, const struct link_conf *conf)
{
	char vdev[256], addr[80], listen[32], text[64];
	struct peer_conf peer = {.vdev = vdev,
			.listen = listen,
			.addr = addr,
			.worker = &conf->server,
			.n_mbufs = conf->n_mbufs,
			.hugepages = link->eal->hugepages,
			.limit_us = conf->limit_us};

	if (peer_init(&link->peer) != 0 || peer_cpu(&peer.cpu) != 0)
		return -1;
	if (conf->kind == LINK_MEMIF)
		snprintf(vdev, sizeof(vdev),
				"net_memif0,role=server,id=0,bsize=%u,rsize=%u,socket-abstract=no,"
				"socket=%s",
				LINK_MEMIF_BSIZE, LINK_MEMIF_RSIZE, link->peer.socket);
	else
		snprintf(vdev, sizeof(vdev), "net_vhost0,iface=%s,queues=1", link->peer.socket);
	snprintf(listen, sizeof(listen), "%u=%s", LINK_PORT, conf->service);
	ptcp_addr_format(&link->pair.server.addr, text, sizeof(text));
	snprintf(addr, sizeof(addr), "%s/%u", text, PREFIX_LEN);
	if (peer_start(&link->peer, &peer) != 0)
		return -1;
	return peer_wait_socket(&link->peer);
}

/* The client's port, made now that the other end has the socket. */
static int
port_attach(struct link *link)
{
	char args[192];
	int probed;

	if (link->kind == LINK_MEMIF) {
		snprintf(link->vdev, sizeof(link->vdev), "net_memif0");
		snprintf(args, sizeof(args),
				"role=client,id=0,bsize=%u,rsize=%u,socket-abstract=no,socket=%s",
				LINK_MEMIF_BSIZE, LINK_MEMIF_RSIZE, link->peer.socket);
	} else {
		snprintf(link->vdev, sizeof(link->vdev), "virtio_user0");
		snprintf(args, sizeof(args), "path=%s,queues=1,queue_size=1024", link->peer.socket);
	}
	capture_begin();
	probed = rte_eal_hotplug_add("vdev", link->vdev, args);
	capture_end();
	if (probed != 0 || rte_eth_dev_get_port_by_name(link->vdev, &link->port_id) != 0)
		return fail("%s: the port failed to probe (%s)", link->vdev,
				capture_reason(link->vdev));
	link->attached = true;
	return 0;
}

static void
port_detach(struct link *link)
{
	capture_begin();
	if (link->started)
		ptcp_port_stop(link->port_id);
	if (link->attached)
		rte_eal_hotplug_remove("vdev", link->vdev);
	capture_end();
	link->started = link->attached = false;
}

static bool
link_up(const struct link *link)
{
	struct rte_eth_link state = {0};

	return rte_eth_link_get_nowait(link->port_id, &state) != 0 ||
			state.link_status == RTE_ETH_LINK_UP;
}

static int
port_start(struct link *link, const struct link_conf *conf)
{
	struct ptcp_port_conf port = {
			.port_id = link->port_id, .n_mbufs = conf->n_mbufs, .mtu = conf->mtu};
	char err[256] = "";
	int started;

	capture_begin();
	started = ptcp_port_start(&port, NULL, err, sizeof(err)); /* waits for the link */
	capture_end();
	link->started = started == 0;
	return started == 0 ? 0 : fail("%s", err);
}

/*
 * The other end makes its socket before its port is started, and until then turns memif's clients away, who try but once:
 * then it is done again.
 */
static int
port_open(struct link *link, const struct link_conf *conf)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		if (port_attach(link) != 0 || port_start(link, conf) != 0)
			return -1;
		if (link_up(link))
			return 0;
		if (stop_requested())
			return fail("interrupted while the link came up");
		port_detach(link);
	}
	return fail("%s: no link to the second process", link->vdev);
}

static int
remote_open(struct link *link, const struct link_conf *conf)
{
	char err[256] = "";

	link->sigpipe = signal(
			SIGPIPE, SIG_IGN); /* virtio_user says good-bye to a peer that is gone */
	if (peer_open(link, conf) != 0 || port_open(link, conf) != 0)
		return -1;
	link->client = ptcp_worker_create(&conf->client, 0, link->port_id, 0, err, sizeof(err));
	if (link->client == NULL)
		return fail("%s", err);
	if (ptcp_addr_add(link->client, &link->client_addr, conf->n_addrs, PREFIX_LEN, NULL) != 0)
		return fail("no room for %s addresses", fmt_num(conf->n_addrs));
	return peer_wait_serving(&link->peer);
}

static uint64_t
counter_of(const json_t *report, const char *object, const char *name)
{
	const json_t *from = object == NULL ? report : json_object_get(report, object);

	return (uint64_t)json_integer_value(json_object_get(from, name));
}

static int
remote_stop(struct link *link, struct link_told *told)
{
	json_t *report;

	nap(SETTLE_MS); /* the last ACKs */
	ptcp_worker_stop(link->client);
	rte_eal_mp_wait_lcore();
	link->running = false;
	/* Only now: memif's driver unmaps its rings as soon as the other end is gone, whoever polls them. */
	report = peer_stop(&link->peer);
	capture_begin(); /* virtio_user has something to say about it */
	for (unsigned int ms = 0; link_up(link) && ms < GONE_MS; ms++)
		nap(1);
	nap(SETTLE_MS); /* and its interrupt thread is done with it */
	capture_end();
	/* A port gives transmitted mbufs back when it needs the place: at the end they must be asked for. */
	if (report_leaked(link->client) != 0 && rte_eth_tx_done_cleanup(link->port_id, 0, 0) < 0)
		rte_eth_dev_stop(link->port_id);
	if (report == NULL)
		return -1;
	*told = (struct link_told){
			.packets_in = counter_of(report, "counters", "packets_in"),
			.packets_out = counter_of(report, "counters", "packets_out"),
			.bytes_in = counter_of(report, "counters", "bytes_in"),
			.retransmitted = counter_of(report, "counters", "retransmitted"),
			.reused = counter_of(report, "counters", "timewait_reused"),
			.time_wait = counter_of(report, NULL, "time_wait_left"),
			.failed = counter_of(report, "counters", "failed"),
			.leaked = counter_of(report, NULL, "leaked"),
	};
	json_decref(report);
	return 0;
}

/* ------------------------------------------------------------------ rings */

static int
ring_open(struct link *link, const struct link_conf *conf)
{
	const struct pair_conf pair = pair_conf_of(conf);
	struct service_set *set = &link->set;

	if (pair_open(&link->pair, &pair) != 0)
		return -1;
	link->client = link->pair.client.w;
	set->w = link->pair.server.w;
	set->keepalive = host_conf.keepalive;
	set->listeners[0] = (struct service_listener){
			.service = service_find(conf->service), .port = LINK_PORT};
	set->n_listeners = 1;
	return service_open(set, conf->server.max_connections, true, false, (int)rte_socket_id());
}

static int
ring_stop(struct link *link, struct link_told *told)
{
	const struct ptcp_worker *server = link->pair.server.w;

	pair_post(&link->pair.server, service_stop, &link->set);
	nap(SETTLE_MS);
	pair_halt(&link->pair);
	link->running = false;
	pair_settle(&link->pair);
	*told = (struct link_told){
			.packets_in = ptcp_counter_by_name(server, "packets_in"),
			.packets_out = ptcp_counter_by_name(server, "packets_out"),
			.bytes_in = ptcp_counter_by_name(server, "bytes_in"),
			.retransmitted = ptcp_counter_by_name(server, "retransmitted"),
			.reused = ptcp_counter_by_name(server, "timewait_reused"),
			.time_wait = ptcp_state_count(server, PTCP_TIME_WAIT),
			.failed = ptcp_counter_by_name(server, "failed"),
			.leaked = report_leaked(server) + service_leaked(&link->set),
	};
	return 0;
}

/* ------------------------------------------------------------------ both */

int
link_open(struct link *link, const struct link_conf *conf, const struct app_eal *eal)
{
	memset(link, 0, sizeof(*link));
	link->kind = conf->kind;
	link->eal = eal;
	link->pair = pair_init;
	link->client_addr = link->pair.client.addr;
	link->server_addr = link->pair.server.addr;
	link->server_addr.port = LINK_PORT;
	return conf->kind == LINK_RING ? ring_open(link, conf) : remote_open(link, conf);
}

static int
client_main(void *worker)
{
	ptcp_worker_run(worker);
	return 0;
}

int
link_launch(struct link *link)
{
	const unsigned int lcore = rte_get_next_lcore((unsigned int)-1, 1, 0);
	int launched;

	if (link->kind == LINK_RING)
		launched = pair_launch(&link->pair, link->eal->shared_cpu);
	else
		launched = rte_eal_remote_launch(client_main, link->client, lcore);
	if (launched != 0)
		return fail("the workers' lcores are busy");
	link->running = true;
	return 0;
}

void
link_post(struct link *link, ptcp_hook_t fn, void *arg)
{
	while (ptcp_post(link->client, fn, arg) != 0)
		nap(1);
}

int
link_stop(struct link *link, struct link_told *told)
{
	return link->kind == LINK_RING ? ring_stop(link, told) : remote_stop(link, told);
}

void
link_close(struct link *link)
{
	if (link->kind == LINK_RING) {
		if (link->running)
			pair_halt(&link->pair);
		pair_close(&link->pair);
		service_close(&link->set);
		return;
	}
	if (link->running) {
		ptcp_worker_stop(link->client);
		rte_eal_mp_wait_lcore();
	}
	if (link->client != NULL)
		ptcp_worker_free(link->client);
	port_detach(link);
	signal(SIGPIPE, link->sigpipe);
	peer_free(&link->peer);
}
