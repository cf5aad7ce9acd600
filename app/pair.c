/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include <stdio.h>

#include <rte_dev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_ring.h>

#include "app.h"
#include "capture.h"
#include "fmt.h"
#include "host.h"

#define PREFIX_LEN 16

const struct pair pair_init = {
		.client = {.name = "client",
				.addr = {.family = 4, .ip = {10, 9, 1, 1}},
				.port_id = -1},
		.server = {.name = "server",
				.addr = {.family = 4, .ip = {10, 9, 0, 1}},
				.port_id = -1},
};

uint64_t
pair_memory(const struct pair_conf *conf)
{
	return host_memory(&conf->client, conf->n_mbufs) +
			host_memory(&conf->server, conf->n_mbufs);
}

static int
end_wire(struct pair_end *end, struct pair_end *other)
{
	struct rte_ring *rx[] = {end->rx}, *tx[] = {other->rx};

	end->port_id = rte_eth_from_rings(end->name, rx, 1, tx, 1, rte_socket_id());
	return end->port_id < 0 ? fail("no ring port for the %s", end->name) : 0;
}

static int
end_start(struct pair_end *end, uint8_t id, const struct pair_conf *conf,
		const struct ptcp_conf *worker, uint16_t n_addrs)
{
	struct ptcp_port_conf port = {
			.port_id = (uint16_t)end->port_id,
			.n_mbufs = conf->n_mbufs,
			.mtu = conf->mtu,
			.mac = {0x02, 0, 0, 0, 0, (uint8_t)(id + 1)}, /* a ring has none */
	};
	char err[256] = "";

	if (ptcp_port_start(&port, NULL, err, sizeof(err)) != 0)
		return fail("%s", err);
	end->started = true;
	end->w = ptcp_worker_create(worker, id, port.port_id, 0, err, sizeof(err));
	if (end->w == NULL)
		return fail("%s", err);
	if (ptcp_addr_add(end->w, &end->addr, n_addrs, PREFIX_LEN, NULL) != 0)
		return fail("no room for %s addresses", fmt_num(n_addrs));
	return 0;
}

int
pair_open(struct pair *pair, const struct pair_conf *conf)
{
	struct pair_end *client = &pair->client, *server = &pair->server;
	int socket = (int)rte_socket_id();

	client->rx = rte_ring_create(
			"pair_to_client", conf->ring_size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	server->rx = rte_ring_create(
			"pair_to_server", conf->ring_size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (client->rx == NULL || server->rx == NULL)
		return fail("no memory for two rings of %s packets", fmt_num(conf->ring_size));
	if (end_wire(client, server) != 0 || end_wire(server, client) != 0)
		return -1;
	if (end_start(client, 0, conf, &conf->client, conf->n_client_addrs) != 0)
		return -1;
	return end_start(server, 1, conf, &conf->server, 1);
}

/* A port made of rings is a virtual device, whose name is in use until it is taken away. */
static void
device_remove(struct pair_end *end)
{
	char name[64];

	snprintf(name, sizeof(name), "net_ring_%s", end->name);
	(void)rte_eal_hotplug_remove("vdev", name);
	end->port_id = -1;
}

void
pair_close(struct pair *pair)
{
	struct pair_end *ends[] = {&pair->client, &pair->server};

	for (unsigned int i = 0; i < 2; i++)
		if (ends[i]->w != NULL)
			ptcp_worker_free(ends[i]->w);
	capture_begin(); /* what drivers say about their end */
	for (unsigned int i = 0; i < 2; i++)
		if (ends[i]->started)
			ptcp_port_stop((uint16_t)ends[i]->port_id);
	for (unsigned int i = 0; i < 2; i++)
		if (ends[i]->port_id >= 0)
			device_remove(ends[i]);
	capture_end();
	for (unsigned int i = 0; i < 2; i++)
		rte_ring_free(ends[i]->rx);
}

/* ------------------------------------------------------------------ running */

static int
one_main(void *end)
{
	ptcp_worker_run(((struct pair_end *)end)->w);
	return 0;
}

/* Where both have to live on one CPU, one lcore polls them in turn instead of two fighting for time slices. */
static int
both_main(void *arg)
{
	struct pair *pair = arg;

	while (!atomic_load_explicit(&pair->stop, memory_order_relaxed)) {
		ptcp_worker_poll(pair->client.w);
		ptcp_worker_poll(pair->server.w);
	}
	return 0;
}

int
pair_launch(struct pair *pair, bool shared)
{
	unsigned int first = rte_get_next_lcore((unsigned int)-1, 1, 0);
	unsigned int second = rte_get_next_lcore(first, 1, 0);

	atomic_store(&pair->stop, false);
	if (shared)
		return rte_eal_remote_launch(both_main, pair, first);
	if (rte_eal_remote_launch(one_main, &pair->server, first) != 0)
		return -1;
	return rte_eal_remote_launch(one_main, &pair->client, second);
}

void
pair_halt(struct pair *pair)
{
	atomic_store(&pair->stop, true);
	ptcp_worker_stop(pair->client.w);
	ptcp_worker_stop(pair->server.w);
	rte_eal_mp_wait_lcore();
}

void
pair_settle(struct pair *pair)
{
	for (unsigned int idle = 0, turns = 0; idle < 100 && turns < 100000; turns++) {
		uint32_t work = ptcp_worker_poll(pair->client.w) + ptcp_worker_poll(pair->server.w);

		idle = work == 0 ? idle + 1 : 0;
	}
}

void
pair_post(struct pair_end *end, ptcp_hook_t fn, void *arg)
{
	while (ptcp_post(end->w, fn, arg) != 0)
		nap(1);
}
