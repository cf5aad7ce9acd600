/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "base/fmt.h"
#include "worker/worker.h"

#define CLOCK_START_US TIME_US_PER_SEC /* a time of 0 is never now */

RTE_LOG_REGISTER_DEFAULT(worker_log, NOTICE)

__thread char worker_thread;

/** One clock and one set of secrets for the whole process: a tuple's ISN must not depend on who opened it last. */
static struct tsc_clock process_clock;
static struct tcp_secrets secrets;
static bool secrets_known;

PTCP_COLD void
worker_warn_wscale(const struct ptcp_worker *w)
{
	if (w->counters.n[COUNTER_WSCALE_CLAMPED] > 0)
		return; /* once is enough; the counter tells how often */
	rte_log(RTE_LOG_WARNING, (uint32_t)worker_log,
			"polltcp: worker %u: a peer offers a window scale above 14, taken as 14 (RFC 7323)\n",
			w->id);
}

/* ------------------------------------------------------------------ the turn */

static void
read_clock(struct ptcp_worker *w)
{
	tcp_set_time(&w->ctx, tsc_us(&w->clock, rte_rdtsc()));
}

/** Timers run when no more packets wait, or else every so often: nobody dies while his packets wait. */
static void
timers(struct ptcp_worker *w, uint32_t n_rx)
{
	if (n_rx == WORKER_BURST && ++w->full_bursts < WORKER_FULL_BURSTS)
		return;
	w->full_bursts = 0;
	(void)tcp_advance(&w->ctx, WORKER_TIMER_BUDGET);
}

static void
mail(struct ptcp_worker *w)
{
	struct worker_msg msg[WORKER_MAIL_BURST];
	unsigned int n;

	if (PTCP_LIKELY(rte_ring_empty(w->mailbox)))
		return;
	n = rte_ring_dequeue_burst_elem(w->mailbox, msg, sizeof(msg[0]), WORKER_MAIL_BURST, NULL);
	for (unsigned int i = 0; i < n; i++)
		msg[i].fn(w, msg[i].arg);
}

uint32_t
worker_poll(struct ptcp_worker *w)
{
	uint32_t n_rx;

	w->owner = &worker_thread;
	w->n_sent = 0;
	read_clock(w);
	buf_levels(w);
	n_rx = rx_burst(w);
	rx_look_up(w);
	rx_arrive(w);
	timers(w, n_rx);
	w->deliver(w);
	if (w->hook != NULL)
		w->hook(w, w->hook_arg);
	mail(w);
	tx_output(w);
	link_neighbours(w);
	tx_flush(w);
	return n_rx + w->n_sent;
}

void
worker_settle(struct ptcp_worker *w)
{
	while (w->n_tx > 0) {
		read_clock(w);
		tx_flush(w);
	}
}

void
worker_run(struct ptcp_worker *w)
{
	const int node = port_lcore_node(rte_lcore_id());

	if (node >= 0 && w->socket_id >= 0 && node != w->socket_id)
		rte_log(RTE_LOG_WARNING, (uint32_t)worker_log,
				"polltcp: worker %u runs on NUMA node %d, its memory and port are on %d\n",
				w->id, node, w->socket_id);
	do
		(void)worker_poll(w);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED));
	worker_settle(w);
	__atomic_store_n(&w->stop, false, __ATOMIC_RELAXED);
	w->owner = NULL;
}

int
worker_post(struct ptcp_worker *w, worker_fn_t fn, void *arg)
{
	const struct worker_msg msg = {.fn = fn, .arg = arg};

	return rte_ring_enqueue_elem(w->mailbox, (void *)(uintptr_t)&msg, sizeof(msg)) == 0 ?
			0 :
			-ENOBUFS;
}

/* ------------------------------------------------------------------ making one */

void
worker_secrets_set(const struct tcp_secrets *known)
{
	secrets = *known;
	secrets_known = true;
}

static int
process_init(char *err, size_t err_size)
{
	static bool done;

	if (done)
		return 0;
	if (!secrets_known && getrandom(&secrets, sizeof(secrets), 0) != (ssize_t)sizeof(secrets)) {
		snprintf(err, err_size, "getrandom: %s", strerror(errno));
		return -EIO;
	}
	tsc_init(&process_clock, rte_rdtsc(), rte_get_tsc_hz(), CLOCK_START_US);
	done = true;
	return 0;
}

static void *
zalloc(size_t size, int socket)
{
	void *p = rte_zmalloc_socket(NULL, size, PTCP_CACHE_LINE, socket);

	return p != NULL ? p : rte_zmalloc(NULL, size, PTCP_CACHE_LINE);
}

static bool
alloc(struct ptcp_worker *w, const struct tcp_conf *conf, char *err, size_t err_size)
{
	const size_t size = tcp_memory_size(conf);
	char name[RTE_RING_NAMESIZE], n[FMT_NUM];

	w->core_mem = zalloc(size, w->socket_id);
	w->neigh = zalloc(neigh_size(), w->socket_id);
	if (w->core_mem == NULL || w->neigh == NULL) {
		snprintf(err, err_size,
				"worker %u: no memory for %s connections (%zu MB): more --no-huge -m, "
				"hugepages, or a smaller max_connections",
				w->id, fmt_num(conf->max_tcbs, n), (size + 999999) / 1000000);
		return false;
	}
	snprintf(name, sizeof(name), "ptcp_mail%u_%u", w->port_id, w->queue_id);
	w->mailbox = rte_ring_create_elem(
			name, sizeof(struct worker_msg), WORKER_MAIL, w->socket_id, RING_F_SC_DEQ);
	if (w->mailbox == NULL) {
		snprintf(err, err_size, "worker %u: no mailbox: %s", w->id,
				rte_strerror(rte_errno));
		return false;
	}
	return true;
}

static void
use_port(struct ptcp_worker *w, const struct port_info *port)
{
	memcpy(w->mac, port->mac, sizeof(w->mac));
	w->socket_id = port->socket_id;
	w->tx_segs_max = port->tx_segs_max;
	w->rx_ip_cksum = port->rx_ip_cksum;
	w->rx_tcp_cksum = port->rx_tcp_cksum;
	w->tx_ip_cksum = port->tx_ip_cksum;
	w->tx_tcp_cksum = port->tx_tcp_cksum;
}

static void
use_pools(struct ptcp_worker *w, uint32_t n_mbufs)
{
	w->rx_pool = w->queue->rx_pool;
	w->hdr.pool = w->queue->tx_pool;
	w->ind.pool = w->queue->ind_pool;
	w->rx_spare = rte_mempool_avail_count(w->rx_pool);
	w->rx_at_start = w->rx_pool->size - w->rx_spare;
	w->tx_reserve = n_mbufs / 8;
	buf_levels(w);
}

struct ptcp_worker *
worker_create(const struct worker_setup *setup, char *err, size_t err_size)
{
	struct tcp_conf conf = setup->tcp;
	struct port_info port;
	struct ptcp_worker *w;

	if (process_init(err, err_size) != 0)
		return NULL;
	if (port_info_get(setup->port_id, &port) != 0) {
		snprintf(err, err_size, "worker %u: port %u is not started", setup->id,
				setup->port_id);
		return NULL;
	}
	w = zalloc(sizeof(*w), port.socket_id);
	if (w == NULL) {
		snprintf(err, err_size, "worker %u: no memory", setup->id);
		return NULL;
	}
	w->id = setup->id;
	w->port_id = setup->port_id;
	w->queue_id = setup->queue_id;
	w->deliver = setup->deliver;
	use_port(w, &port);
	conf.mtu = port.mtu;
	w->queue = port_queue_take(setup->port_id, setup->queue_id, setup->n_mbufs, err, err_size);
	if (w->queue == NULL || !alloc(w, &conf, err, err_size)) {
		worker_free(w);
		return NULL;
	}
	use_pools(w, setup->n_mbufs);
	laddr_init(&w->laddr);
	(void)neigh_init(w->neigh, secrets.hash_key.k0);
	w->clock = process_clock;
	tcp_init(&w->ctx, &conf, &secrets, w->core_mem, &w->laddr, &w->counters,
			tsc_us(&w->clock, rte_rdtsc()));
	w->ctx.worker = w->id;
	w->icmp_tokens = WORKER_ICMP_BURST;
	w->icmp_when = w->ctx.now_ms;
	return w;
}

static void
stock_free(struct worker_stock *s)
{
	if (s->n > 0)
		rte_pktmbuf_free_bulk(s->m, s->n);
	s->n = 0;
}

void
worker_free(struct ptcp_worker *w)
{
	if (w->queue != NULL && w->hdr.pool != NULL) {
		tcp_purge(&w->ctx);
		neigh_flush(w->neigh, link_held_drop, w);
		if (w->n_tx > 0)
			rte_pktmbuf_free_bulk(w->tx, w->n_tx);
		stock_free(&w->hdr);
		stock_free(&w->ind);
		rte_pktmbuf_free(w->copy);
	}
	if (w->queue != NULL)
		port_queue_release(w->queue);
	rte_ring_free(w->mailbox);
	rte_free(w->neigh);
	rte_free(w->core_mem);
	rte_free(w);
}
