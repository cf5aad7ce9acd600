/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "pmd.h"

#define RING_SIZE 2048
#define GUARD_S   20
#define CHUNK     4096

void
pmd_eal(const char *const *vdevs)
{
	char arg[16][64] = {"test", "--no-huge", "--no-shconf", "-m", "256", "--no-pci",
			"--no-telemetry", "-l", "0", "--log-level=error"};
	char *argv[17];
	int argc = 10;

	for (; *vdevs != NULL; vdevs++)
		snprintf(arg[argc++], sizeof(arg[0]), "--vdev=%s", *vdevs);
	for (int i = 0; i < argc; i++)
		argv[i] = arg[i];
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "EAL does not start\n");
		exit(EXIT_FAILURE);
	}
}

/* ------------------------------------------------------------------ the application */

static void
send_pattern(struct ptcp_worker *w, struct pmd_conn *conn)
{
	uint8_t data[CHUNK];

	if (conn->echo)
		return;
	while (conn->sent < conn->to_send && !conn->wants) {
		uint64_t n = conn->to_send - conn->sent;
		int rc;

		/* Odd lengths, so that slices meet in the middle of segments. */
		n = n < CHUNK - 3 ? n : CHUNK - 3;
		for (uint64_t i = 0; i < n; i++)
			data[i] = pmd_pattern(conn->sent + i);
		rc = ptcp_send_copy(w, conn->c, data, n);
		if (rc == -ENOBUFS)
			return; /* the hook tries again */
		if (rc == -EAGAIN) {
			conn->wants = true;
			return;
		}
		CU_ASSERT_FATAL(rc > 0);
		conn->sent += (uint64_t)rc;
	}
	if (conn->fin && conn->sent == conn->to_send && conn->n_closed == 0) {
		conn->fin = false;
		CU_ASSERT_EQUAL(ptcp_shutdown(w, conn->c), 0);
	}
}

/** Hand the received mbufs themselves back to the sender: one reference for the stack, one for the queue. */
static void
echo(struct ptcp_worker *w, struct pmd_conn *conn)
{
	struct ptcp_buf buf[8];
	int n;

	while ((n = ptcp_recv(w, conn->c, buf, 8)) > 0) {
		uint32_t len = 0;
		int rc;

		for (int i = 0; i < n; i++)
			rte_mbuf_refcnt_update(buf[i].owner, 1);
		rc = ptcp_send(w, conn->c, buf, (unsigned int)n);
		for (int i = rc > 0 ? rc : 0; i < n; i++)
			rte_pktmbuf_free_seg(buf[i].owner);
		for (int i = 0; i < rc; i++)
			len += buf[i].len;
		CU_ASSERT_EQUAL(ptcp_recv_done(w, conn->c, len), 0);
		conn->received += len;
		conn->sent += len;
		if (rc < n)
			return;
	}
}

static void
read_all(struct ptcp_worker *w, struct pmd_conn *conn)
{
	uint8_t data[CHUNK];
	int n;

	while ((n = ptcp_recv_copy(w, conn->c, data, sizeof(data))) > 0)
		for (int i = 0; i < n; i++)
			conn->wrong += data[i] != pmd_pattern(conn->received++);
}

static void
on_accepted(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct pmd_end *end = arg;
	struct pmd_conn *conn = &end->conn[end->n_conns++];

	CU_ASSERT_FATAL(end->n_conns <= PMD_CONNS);
	*conn = end->accept_as;
	conn->end = end;
	conn->c = c;
	conn->n_accepted = 1;
	CU_ASSERT_EQUAL(ptcp_arg_set(w, c, conn), 0);
	CU_ASSERT_PTR_EQUAL(ptcp_arg_get(w, c), conn);
	send_pattern(w, conn);
}

static void
on_connected(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct pmd_conn *conn = arg;

	CU_ASSERT_EQUAL(conn->c, c);
	conn->n_connected++;
	send_pattern(w, conn);
}

static void
on_readable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct pmd_conn *conn = arg;

	CU_ASSERT_EQUAL(conn->c, c);
	if (conn->no_read)
		return;
	if (conn->echo)
		echo(w, conn);
	else
		read_all(w, conn);
}

static void
on_writable(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct pmd_conn *conn = arg;

	conn->n_writable++;
	conn->wants = false;
	if (conn->echo)
		on_readable(w, c, arg);
	else
		send_pattern(w, conn);
}

static void
on_peer_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg)
{
	struct pmd_conn *conn = arg;

	CU_ASSERT_EQUAL(conn->n_peer_closed, 0);
	conn->n_peer_closed++;
	conn->fin_after = conn->received;
	if (conn->reply_fin)
		CU_ASSERT_EQUAL(ptcp_shutdown(w, c), 0);
}

static void
on_trouble(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct pmd_conn *conn = arg;

	(void)w;
	CU_ASSERT_EQUAL(conn->c, c);
	CU_ASSERT_EQUAL(conn->n_closed, 0);
	conn->n_trouble++;
	conn->reason = reason;
}

static void
on_closed(struct ptcp_worker *w, ptcp_conn_t c, void *arg, enum ptcp_reason reason)
{
	struct pmd_conn *conn = arg;

	(void)w;
	CU_ASSERT_EQUAL(conn->c, c);
	CU_ASSERT_EQUAL(conn->n_closed, 0);
	conn->n_closed++;
	conn->reason = reason;
}

const struct ptcp_ops pmd_ops = {
		.accepted = on_accepted,
		.connected = on_connected,
		.readable = on_readable,
		.writable = on_writable,
		.peer_closed = on_peer_closed,
		.trouble = on_trouble,
		.closed = on_closed,
};

/** -ENOBUFS is not followed by an event: try again in each turn. */
static void
on_turn(struct ptcp_worker *w, void *arg)
{
	struct pmd_end *end = arg;

	for (unsigned int i = 0; i < end->n_conns; i++) {
		struct pmd_conn *conn = &end->conn[i];

		if (conn->n_connected + conn->n_accepted == 0 || conn->n_closed > 0)
			continue;
		if (conn->echo)
			echo(w, conn);
		else
			send_pattern(w, conn);
	}
}

int
pmd_listen(struct pmd_end *end, uint16_t port)
{
	struct ptcp_addr any = {.family = 4, .port = port};

	return ptcp_listen(end->w, &any, 64, &pmd_ops, end);
}

struct pmd_conn *
pmd_connect(struct pmd_end *end, const struct pmd_end *peer, uint16_t port,
		const struct pmd_conn *like)
{
	struct pmd_conn *conn = &end->conn[end->n_conns++];
	struct ptcp_addr to = peer->addr;

	CU_ASSERT_FATAL(end->n_conns <= PMD_CONNS);
	*conn = like != NULL ? *like : (struct pmd_conn){0};
	conn->end = end;
	to.port = port;
	CU_ASSERT_EQUAL_FATAL(ptcp_connect(end->w, &to, NULL, &pmd_ops, conn, &conn->c), 0);
	CU_ASSERT_NOT_EQUAL(conn->c, PTCP_CONN_NONE);
	return conn;
}

/* ------------------------------------------------------------------ the pair */

void
pmd_conf(struct ptcp_conf *conf)
{
	ptcp_conf_init(conf);
	conf->max_connections = 256;
	conf->msl_ms = 10;
	conf->n_mbufs = 4096;
}

static void
end_open(struct pmd_end *end, const char *name, const char *ip, const struct ptcp_conf *conf,
		uint8_t id)
{
	struct ptcp_port_conf port = {0};
	struct ptcp_port_info info;
	char err[PMD_ERR] = "", unique[32];
	static unsigned int serial; /* the vdev outlives its port */
	int rc;

	snprintf(unique, sizeof(unique), "%s%u", name, serial++);
	rc = rte_eth_from_rings(unique, &end->in, 1, &end->out, 1, 0);
	CU_ASSERT_FATAL(rc >= 0);
	end->port_id = port.port_id = (uint16_t)rc;
	port.n_mbufs = 3072;
	rc = ptcp_port_start(&port, &info, err, sizeof(err));
	if (rc != 0)
		fprintf(stderr, "%s\n", err);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	memcpy(end->mac, info.mac, 6);
	CU_ASSERT_EQUAL(ptcp_addr_parse(ip, &end->addr), 0);
	if (conf == NULL)
		return;
	end->w = ptcp_worker_create(conf, id, end->port_id, 0, err, sizeof(err));
	if (end->w == NULL)
		fprintf(stderr, "%s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(end->w);
	CU_ASSERT_EQUAL(ptcp_addr_add(end->w, &end->addr, 1, 24, NULL), 0);
	ptcp_worker_hook(end->w, on_turn, end);
}

void
pmd_open(struct pmd_pair *p, const struct ptcp_conf *conf, bool only_a)
{
	static unsigned int serial;
	struct ptcp_conf own;
	char to_a[32], to_b[32];

	snprintf(to_a, sizeof(to_a), "to_a%u", serial);
	snprintf(to_b, sizeof(to_b), "to_b%u", serial++);
	memset(p, 0, sizeof(*p));
	if (conf == NULL) {
		pmd_conf(&own);
		conf = &own;
	}
	p->a.in = p->b.out = rte_ring_create(to_a, RING_SIZE, SOCKET_ID_ANY, 0);
	p->b.in = p->a.out = rte_ring_create(to_b, RING_SIZE, SOCKET_ID_ANY, 0);
	CU_ASSERT_FATAL(p->a.in != NULL && p->b.in != NULL);
	end_open(&p->a, "end_a", "10.9.0.1", conf, 1);
	end_open(&p->b, "end_b", "10.9.0.2", only_a ? NULL : conf, 2);
}

static void
pools_at_start(const struct pmd_end *end)
{
	struct ptcp_pool_info info;

	for (unsigned int i = 0; ptcp_pool_info(end->w, i, &info) == 0; i++) {
		if (info.used != info.at_start)
			fprintf(stderr, "pool %s: %u used, %u at start\n", info.name, info.used,
					info.at_start);
		CU_ASSERT_EQUAL(info.used, info.at_start);
	}
}

static void
ring_empty(struct rte_ring *ring)
{
	void *m;

	while (rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
}

void
pmd_close(struct pmd_pair *p)
{
	pmd_turns(p, 4);
	if (p->b.w == NULL)
		ring_empty(p->b.in);
	pools_at_start(&p->a);
	if (p->b.w != NULL)
		pools_at_start(&p->b);
	CU_ASSERT_EQUAL(ptcp_port_stop(p->a.port_id), -EBUSY);
	ptcp_worker_free(p->a.w);
	ptcp_worker_free(p->b.w);
	CU_ASSERT_EQUAL(ptcp_port_stop(p->a.port_id), 0);
	CU_ASSERT_EQUAL(ptcp_port_stop(p->b.port_id), 0);
	CU_ASSERT_EQUAL(ptcp_port_stop(p->b.port_id), -ENODEV);
	rte_ring_free(p->a.in);
	rte_ring_free(p->b.in);
}

void
pmd_turns(struct pmd_pair *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		ptcp_worker_poll(p->a.w);
		if (p->b.w != NULL)
			ptcp_worker_poll(p->b.w);
	}
}

bool
pmd_until(struct pmd_pair *p, bool (*done)(const struct pmd_pair *p))
{
	const uint64_t end = rte_get_tsc_cycles() + GUARD_S * rte_get_tsc_hz();

	while (!done(p)) {
		if (rte_get_tsc_cycles() > end)
			return false;
		pmd_turns(p, 1);
	}
	return true;
}

static bool
end_quiet(const struct pmd_end *end)
{
	if (end->w == NULL)
		return true;
	for (unsigned int i = 0; i < end->n_conns; i++)
		if (end->conn[i].n_closed == 0)
			return false;
	return ptcp_state_count(end->w, PTCP_TIME_WAIT) == 0 && pmd_used(end, "tcb") == 0;
}

bool
pmd_quiet(const struct pmd_pair *p)
{
	return end_quiet(&p->a) && end_quiet(&p->b);
}

uint64_t
pmd_counter(const struct pmd_end *end, const char *name)
{
	return ptcp_counter_by_name(end->w, name);
}

uint64_t
pmd_drop(const struct pmd_end *end, const char *name)
{
	for (unsigned int i = 0; i < ptcp_drop_count(); i++)
		if (strcmp(ptcp_drop_name(i), name) == 0)
			return ptcp_drop_get(end->w, i);
	CU_FAIL("no such drop reason");
	return 0;
}

uint32_t
pmd_used(const struct pmd_end *end, const char *name)
{
	struct ptcp_pool_info info;

	for (unsigned int i = 0; ptcp_pool_info(end->w, i, &info) == 0; i++)
		if (strcmp(info.name, name) == 0)
			return info.used;
	CU_FAIL("no such pool");
	return 0;
}
