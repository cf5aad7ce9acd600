/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers over a pair of rings, polled in turn: whole connections through the public header. */
#include <errno.h>
#include <string.h>

#include "pmd.h"

#define MB   (1u << 20)
#define MUCH 500000u

/* ptcp_trace.flags */
enum { FLAG_SYN = 2, FLAG_ACK = 16, FLAG_ECE = 64, FLAG_CWR = 128 };

static struct pmd_pair pair;

/* ------------------------------------------------------------------ data both ways */

static bool
all_received(const struct pmd_pair *p)
{
	for (unsigned int i = 0; i < p->a.n_conns; i++)
		if (p->a.conn[i].received < p->b.accept_as.to_send)
			return false;
	for (unsigned int i = 0; i < p->b.n_conns; i++)
		if (p->b.conn[i].received < p->a.conn[0].to_send)
			return false;
	return p->b.n_conns == p->a.n_conns;
}

static void
one_megabyte_both_ways_then_half_closes(void)
{
	struct pmd_conn *a, *b;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as = (struct pmd_conn){.to_send = MB};
	a = pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = MB});
	CU_ASSERT(pmd_until(&pair, all_received));
	b = &pair.b.conn[0];
	CU_ASSERT_EQUAL(a->n_connected, 1);
	CU_ASSERT_EQUAL(b->n_accepted, 1);
	CU_ASSERT_EQUAL(a->wrong + b->wrong, 0);
	CU_ASSERT_EQUAL(a->received, MB);
	CU_ASSERT_EQUAL(b->received, MB);

	/* Half-close: b hears the FIN and goes on sending in CLOSE-WAIT. */
	CU_ASSERT_EQUAL(ptcp_shutdown(pair.a.w, a->c), 0);
	CU_ASSERT_EQUAL(ptcp_shutdown(pair.a.w, a->c), -EPIPE);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, a->c, "x", 1), -EPIPE);
	CU_ASSERT_EQUAL(ptcp_send_room(pair.a.w, a->c), 0);
	pmd_turns(&pair, 10);
	CU_ASSERT_EQUAL(b->n_peer_closed, 1);
	CU_ASSERT_EQUAL(b->fin_after, MB);
	CU_ASSERT_EQUAL(ptcp_state_count(pair.a.w, PTCP_FIN_WAIT_2), 1);
	CU_ASSERT_EQUAL(ptcp_state_count(pair.b.w, PTCP_CLOSE_WAIT), 1);
	b->to_send = 2 * MB;
	b->fin = true;
	pair.b.accept_as.to_send = 2 * MB;
	CU_ASSERT(pmd_until(&pair, all_received));
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(a->wrong, 0);
	CU_ASSERT_EQUAL(a->received, 2 * MB);
	CU_ASSERT_EQUAL(a->n_peer_closed, 1);
	CU_ASSERT_EQUAL(a->reason, PTCP_REASON_DONE);
	CU_ASSERT_EQUAL(b->reason, PTCP_REASON_DONE);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "timewait_in"), 1);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "timewait_out"), 1);
	CU_ASSERT_EQUAL(pmd_counter(&pair.a, "retransmitted"), 0);
	CU_ASSERT_EQUAL(pmd_counter(&pair.b, "retransmitted"), 0);
	CU_ASSERT_EQUAL(pmd_counter(&pair.b, "bytes_out"), 2 * MB);
	pmd_close(&pair);
}

static void
the_same_mbufs_are_sent_back(void)
{
	struct pmd_conn *a;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as = (struct pmd_conn){.echo = true, .reply_fin = true, .to_send = MB};
	for (unsigned int i = 0; i < 8; i++)
		(void)pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = MB});
	CU_ASSERT(pmd_until(&pair, all_received));
	for (unsigned int i = 0; i < 8; i++) {
		a = &pair.a.conn[i];
		CU_ASSERT_EQUAL(a->wrong, 0);
		CU_ASSERT_EQUAL(a->received, MB);
		CU_ASSERT_EQUAL(ptcp_close(pair.a.w, a->c), 0);
	}
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/**
 * Far more is queued than the pools can hold, and one end sends back what it receives: each direction waits for the other.
 * Neither may take what the other needs to go on, or they stand still until R2.
 */
static void
bad_input_40_small_pools_carry_every_stream(void)
{
	enum { CONNS = 48, BYTES = MB / 4 };
	struct ptcp_conf conf;

	pmd_conf(&conf);
	conf.n_mbufs = 1024;
	conf.max_nodes = 512;
	conf.rcv_buf = conf.snd_buf = BYTES;
	pmd_open(&pair, &conf, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as = (struct pmd_conn){.echo = true, .reply_fin = true, .to_send = BYTES};
	for (unsigned int i = 0; i < CONNS; i++)
		(void)pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = BYTES});
	CU_ASSERT(pmd_until(&pair, all_received));
	for (unsigned int i = 0; i < CONNS; i++) {
		CU_ASSERT_EQUAL(pair.a.conn[i].wrong, 0);
		CU_ASSERT_EQUAL(pair.a.conn[i].received, BYTES);
		CU_ASSERT_EQUAL(ptcp_close(pair.a.w, pair.a.conn[i].c), 0);
	}
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/** ECN needs both ends, and its bits change the IP header: every packet must still be right. */
static void
ecn_is_agreed_on_and_every_packet_is_good(void)
{
	static const enum ptcp_ecn asks[] = {PTCP_ECN_OFF, PTCP_ECN_PASSIVE, PTCP_ECN_ACTIVE};

	for (unsigned int i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		const bool ecn = asks[i] == PTCP_ECN_ACTIVE;
		struct ptcp_conf conf;
		struct ptcp_info info;
		struct pmd_conn *a;

		pmd_conf(&conf);
		conf.ecn = asks[i];
		conf.dscp = 46;
		conf.pacing = i == 1;
		pmd_open(&pair, &conf, false);
		CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
		pair.b.accept_as = (struct pmd_conn){.to_send = MB / 4, .fin = true};
		a = pmd_connect(&pair.a, &pair.b, 7,
				&(struct pmd_conn){.to_send = MB / 4, .fin = true});
		while (a->n_connected == 0)
			pmd_turns(&pair, 1);
		CU_ASSERT_EQUAL_FATAL(ptcp_info(pair.a.w, a->c, &info), 0);
		CU_ASSERT_EQUAL(info.ecn, ecn);
		CU_ASSERT(pmd_until(&pair, pmd_quiet));
		CU_ASSERT_EQUAL(a->received, MB / 4);
		CU_ASSERT_EQUAL(a->wrong + pair.b.conn[0].wrong, 0);
		CU_ASSERT_EQUAL(pmd_counter(&pair.a, "ecn_agreed"), ecn);
		CU_ASSERT_EQUAL(pmd_counter(&pair.b, "ecn_agreed"), ecn);
		CU_ASSERT_EQUAL(pmd_drop(&pair.a, "ip_cksum") + pmd_drop(&pair.b, "ip_cksum"), 0);
		CU_ASSERT_EQUAL(pmd_counter(&pair.a, "retransmitted"), 0);
		pmd_close(&pair);
	}
}

/** One end does not read: its peer's mbufs must come back all the same, or the peer could not even say ACK. */
static void
unread_bytes_do_not_pin_the_peers_mbufs(void)
{
	struct ptcp_conf conf;

	pmd_conf(&conf);
	conf.n_mbufs = 1024;
	pmd_open(&pair, &conf, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as = (struct pmd_conn){.no_read = true};
	for (unsigned int i = 0; i < 16; i++)
		(void)pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = MB / 8});
	pmd_turns(&pair, 20000);
	for (unsigned int i = 0; i < 16; i++) {
		struct ptcp_info info;

		CU_ASSERT_EQUAL(pair.a.conn[i].sent, MB / 8);
		CU_ASSERT_EQUAL_FATAL(ptcp_info(pair.b.w, pair.b.conn[i].c, &info), 0);
		CU_ASSERT_EQUAL(info.unread, MB / 8);
	}
	CU_ASSERT(pmd_used(&pair.a, "mbuf_tx") < 1024);
	for (unsigned int i = 0; i < 16; i++) {
		pair.b.conn[i].no_read = false;
		pmd_ops.readable(pair.b.w, pair.b.conn[i].c, &pair.b.conn[i]);
		CU_ASSERT_EQUAL(pair.b.conn[i].wrong, 0);
		CU_ASSERT_EQUAL(pair.b.conn[i].received, MB / 8);
		CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, pair.a.conn[i].c), 0);
	}
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

static bool
all_sent(const struct pmd_pair *p)
{
	return all_received(p);
}

static void
bad_input_40_data_stops_at_the_reserve_and_goes_on(void)
{
	struct ptcp_conf conf;
	bool refused = false;

	pmd_conf(&conf);
	conf.n_mbufs = 1024;
	conf.snd_buf = 4 * MB;
	pmd_open(&pair, &conf, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	for (unsigned int i = 0; i < 8; i++)
		(void)pmd_connect(&pair.a, &pair.b, 7, NULL);
	pmd_turns(&pair, 200);
	CU_ASSERT_EQUAL(pair.b.n_conns, 8);
	/* More than the pool holds, in one go and without a turn in between. */
	for (unsigned int i = 0; i < 8 && !refused; i++) {
		uint8_t data[1000];
		struct pmd_conn *a = &pair.a.conn[i];
		int rc = 0;

		while (a->sent < MUCH) {
			for (unsigned int k = 0; k < sizeof(data); k++)
				data[k] = pmd_pattern(a->sent + k);
			rc = ptcp_send_copy(pair.a.w, a->c, data, sizeof(data));
			if (rc <= 0)
				break;
			a->sent += (uint64_t)rc;
		}
		refused = rc == -ENOBUFS;
	}
	CU_ASSERT(refused);
	CU_ASSERT(pmd_used(&pair.a, "mbuf_tx") <= 1024 - 1024 / 8);
	for (unsigned int i = 0; i < 8; i++)
		pair.a.conn[i].to_send = MUCH;
	CU_ASSERT(pmd_until(&pair, all_sent));
	for (unsigned int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(pair.b.conn[i].wrong, 0);
		CU_ASSERT_EQUAL(pair.b.conn[i].received, MUCH);
		CU_ASSERT_EQUAL(ptcp_close(pair.b.w, pair.b.conn[i].c), 0);
		CU_ASSERT_EQUAL(ptcp_close(pair.a.w, pair.a.conn[i].c), 0);
	}
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/* ------------------------------------------------------------------ ends */

static void
nobody_listens(void)
{
	struct pmd_conn *a;

	pmd_open(&pair, NULL, false);
	a = pmd_connect(&pair.a, &pair.b, 9, NULL);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(a->n_connected, 0);
	CU_ASSERT_EQUAL(a->reason, PTCP_REASON_REFUSED);
	pmd_close(&pair);
}

static void
abort_resets_the_peer(void)
{
	struct pmd_conn *a;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	a = pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = 3000});
	pmd_turns(&pair, 50);
	CU_ASSERT_EQUAL(pair.b.conn[0].received, 3000);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, a->c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(a->reason, PTCP_REASON_ABORTED);
	CU_ASSERT_EQUAL(pair.b.conn[0].reason, PTCP_REASON_RESET);
	pmd_close(&pair);
}

static void
drain_refuses_newcomers_only(void)
{
	struct pmd_conn *a, *late;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	a = pmd_connect(&pair.a, &pair.b, 7, NULL);
	pmd_turns(&pair, 50);
	CU_ASSERT_EQUAL(a->n_connected, 1);
	ptcp_worker_drain(pair.b.w);
	late = pmd_connect(&pair.a, &pair.b, 7, NULL);
	pmd_turns(&pair, 50);
	CU_ASSERT_EQUAL(late->n_connected, 0);
	CU_ASSERT_EQUAL(pmd_drop(&pair.b, "tcp_backlog"), 1);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, a->c, "\0", 1), 1);
	pmd_turns(&pair, 50);
	CU_ASSERT_EQUAL(pair.b.conn[0].received, 1);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, a->c), 0);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, late->c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/** Connections, held packets and queued bytes are left at the end: worker_free gives all back, or ASan and the pools tell. */
static void
a_worker_is_freed_in_the_middle(void)
{
	struct ptcp_addr nobody = {.family = 4, .port = 7, .ip = {10, 9, 0, 77}};
	struct ptcp_pool_info info;
	ptcp_conn_t c;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as = (struct pmd_conn){.no_read = true, .to_send = MB};
	(void)pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = MB});
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &nobody, NULL, &pmd_ops, &pair.a.conn[63], &c), 0);
	pmd_turns(&pair, 50);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "neighbour_held"), 1);
	CU_ASSERT(pmd_used(&pair.a, "mbuf_tx") > 0);
	ptcp_worker_free(pair.a.w);
	pair.a.w = NULL;
	/* The same queue, a new worker: its pools are whole again but for what the peer holds. */
	ptcp_worker_free(pair.b.w);
	pair.b.w = NULL;
	{
		struct ptcp_conf conf;
		char err[PMD_ERR];

		pmd_conf(&conf);
		pair.a.w = ptcp_worker_create(&conf, 3, pair.a.port_id, 0, err, sizeof(err));
		CU_ASSERT_PTR_NOT_NULL_FATAL(pair.a.w);
		CU_ASSERT_PTR_NULL(
				ptcp_worker_create(&conf, 4, pair.a.port_id, 0, err, sizeof(err)));
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "queue 0 has a worker already"));
		CU_ASSERT_PTR_NULL(
				ptcp_worker_create(&conf, 4, pair.a.port_id, 1, err, sizeof(err)));
	}
	ptcp_worker_poll(pair.a.w);
	ptcp_worker_poll(pair.a.w);
	for (unsigned int i = 0; ptcp_pool_info(pair.a.w, i, &info) == 0; i++) {
		/* What lies in the ring towards b was sent by the old worker. */
		if (strcmp(info.name, "mbuf_tx") != 0 && strcmp(info.name, "mbuf_indirect") != 0)
			CU_ASSERT_EQUAL(info.used, info.at_start);
	}
	pmd_close(&pair);
}

/* ------------------------------------------------------------------ BAD-INPUT 30: calls in odd states */

static void
bad_input_30_a_stale_handle_is_no_connection(void)
{
	struct pmd_conn *a;
	struct ptcp_buf buf;
	struct ptcp_info info;
	uint32_t value;
	ptcp_conn_t c;

	pmd_open(&pair, NULL, false);
	a = pmd_connect(&pair.a, &pair.b, 9, NULL);
	c = a->c;
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	for (int round = 0; round < 3; round++) {
		/* Dead; another worker's; then a newcomer lives in the same TCB; then it is dead as well. */
		struct ptcp_worker *w = round == 1 ? pair.b.w : pair.a.w;

		if (round == 2)
			a = pmd_connect(&pair.a, &pair.b, 9, NULL);
		CU_ASSERT_EQUAL(ptcp_send(w, c, &buf, 1), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_send_copy(w, c, "x", 1), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_send_room(w, c), 0);
		CU_ASSERT_EQUAL(ptcp_recv(w, c, &buf, 1), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_recv_done(w, c, 1), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_recv_copy(w, c, &value, 4), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_shutdown(w, c), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_close(w, c), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_abort(w, c), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_arg_set(w, c, NULL), -ENOTCONN);
		CU_ASSERT_PTR_NULL(ptcp_arg_get(w, c));
		CU_ASSERT_EQUAL(ptcp_set(w, c, PTCP_NODELAY, 1), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_get(w, c, PTCP_NODELAY, &value), -ENOTCONN);
		CU_ASSERT_EQUAL(ptcp_info(w, c, &info), -ENOTCONN);
	}
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, PTCP_CONN_NONE), -ENOTCONN);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, UINT64_MAX), -ENOTCONN);
	CU_ASSERT_EQUAL(ptcp_info(pair.a.w, a->c, &info), 0);
	CU_ASSERT_EQUAL(info.state, PTCP_SYN_SENT);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, a->c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

static void
bad_input_30_connect_with_bad_addresses(void)
{
	struct pmd_conn conn = {0};
	struct ptcp_addr to, from = {.family = 4};
	static const struct {
		const char *ip;
		uint16_t port;
		int rc;
	} bad[] = {
			{"10.9.0.2", 0, -EINVAL},
			{"0.0.0.0", 7, -EINVAL},
			{"127.0.0.1", 7, -EINVAL},
			{"224.0.0.1", 7, -EINVAL},
			{"255.255.255.255", 7, -EINVAL},
			{"10.9.0.255", 7, -EINVAL},
			{"10.9.0.1", 7, -EINVAL},
			{"10.8.0.1", 7, -ENETUNREACH},
			{"2001:db8::1", 7, -EADDRNOTAVAIL},
	};

	pmd_open(&pair, NULL, false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(ptcp_addr_parse(bad[i].ip, &to), 0);
		to.port = bad[i].port;
		CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, NULL, &pmd_ops, &conn, &conn.c),
				bad[i].rc);
	}
	to = pair.b.addr;
	to.port = 7;
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, NULL, NULL, &conn, &conn.c), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_addr_parse("10.9.0.7", &from), 0);
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, &from, &pmd_ops, &conn, &conn.c),
			-EADDRNOTAVAIL);
	CU_ASSERT_EQUAL(ptcp_addr_parse("2001:db8::7", &from), 0);
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, &from, &pmd_ops, &conn, &conn.c), -EINVAL);
	CU_ASSERT_EQUAL(conn.n_closed, 0);
	pmd_close(&pair);
}

static void
bad_input_30_a_port_is_busy_until_time_wait_is_over(void)
{
	struct ptcp_addr to, from;
	struct pmd_conn *a, *again = &pair.a.conn[1];

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as.reply_fin = true;
	to = pair.b.addr;
	to.port = 7;
	from = pair.a.addr;
	from.port = 5555;
	a = &pair.a.conn[pair.a.n_conns++];
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, &from, &pmd_ops, a, &a->c), 0);
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, &from, &pmd_ops, again, &again->c),
			-EADDRINUSE);
	pmd_turns(&pair, 20);
	CU_ASSERT_EQUAL(a->n_connected, 1);
	CU_ASSERT_EQUAL(ptcp_close(pair.a.w, a->c), 0);
	CU_ASSERT_EQUAL(ptcp_close(pair.a.w, a->c), -EPIPE);
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, &from, &pmd_ops, again, &again->c),
			-EADDRINUSE);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(a->reason, PTCP_REASON_DONE);
	pair.a.n_conns = 2;
	CU_ASSERT_EQUAL(ptcp_connect(pair.a.w, &to, &from, &pmd_ops, again, &again->c), 0);
	CU_ASSERT_EQUAL(ptcp_close(pair.a.w, again->c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(again->reason, PTCP_REASON_ABORTED);
	pmd_close(&pair);
}

static void
bad_input_30_listen_errors(void)
{
	struct ptcp_addr addr = {.family = 4, .port = 7};
	struct ptcp_keepalive ka = {.on = true, .idle_ms = 10, .interval_ms = 10, .count = 1};

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 1, &pmd_ops, NULL), 0);
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 1, &pmd_ops, NULL), -EADDRINUSE);
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 0, &pmd_ops, NULL), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 1, NULL, NULL), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_state_count(pair.a.w, PTCP_LISTEN), 1);
	addr = pair.b.addr;
	addr.port = 8;
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 1, &pmd_ops, NULL), -EADDRNOTAVAIL);
	addr.family = 5;
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 1, &pmd_ops, NULL), -EINVAL);
	addr = pair.a.addr;
	addr.port = 0;
	CU_ASSERT_EQUAL(ptcp_listen(pair.a.w, &addr, 1, &pmd_ops, NULL), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_listen_keepalive(pair.a.w, 0, &ka), 0);
	CU_ASSERT_EQUAL(ptcp_listen_keepalive(pair.a.w, 1, &ka), -ENOENT);
	CU_ASSERT_EQUAL(ptcp_listen_keepalive(pair.a.w, -1, &ka), -ENOENT);
	ka.idle_ms = 9;
	CU_ASSERT_EQUAL(ptcp_listen_keepalive(pair.a.w, 0, &ka), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_unlisten(pair.a.w, -1), -ENOENT);
	CU_ASSERT_EQUAL(ptcp_unlisten(pair.a.w, 1000), -ENOENT);
	CU_ASSERT_EQUAL(ptcp_unlisten(pair.a.w, 0), 0);
	CU_ASSERT_EQUAL(ptcp_unlisten(pair.a.w, 0), -ENOENT);
	CU_ASSERT_EQUAL(ptcp_state_count(pair.a.w, PTCP_LISTEN), 0);
	pmd_close(&pair);
}

static void
bad_input_30_send_and_receive_with_bad_arguments(void)
{
	struct pmd_conn *a;
	struct ptcp_buf buf = {0};
	uint8_t byte;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	a = pmd_connect(&pair.a, &pair.b, 7, NULL);
	/* Queued in SYN-SENT, sent when the handshake is done. */
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, a->c, "\0", 1), 1);
	CU_ASSERT_EQUAL(ptcp_recv(pair.a.w, a->c, &buf, 1), 0);
	pmd_turns(&pair, 20);
	CU_ASSERT_EQUAL(pair.b.conn[0].received, 1);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, a->c, &byte, 0), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_send(pair.a.w, a->c, &buf, 0), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_send(pair.a.w, a->c, &buf, 1), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_recv_copy(pair.a.w, a->c, &byte, 1), 0);
	CU_ASSERT_EQUAL(ptcp_recv_done(pair.a.w, a->c, 0), 0);
	CU_ASSERT_EQUAL(ptcp_recv_done(pair.a.w, a->c, 1), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, PTCP_NODELAY, 2), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, (enum ptcp_opt)99, 0), -EINVAL);
	CU_ASSERT_EQUAL(ptcp_close(pair.a.w, a->c), 0);
	CU_ASSERT_EQUAL(ptcp_close(pair.b.w, pair.b.conn[0].c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/** Sending nothing, or no bytes at all, on @p conn answers @p rc by every call. */
static void
expect_send(const struct pmd_conn *conn, int rc)
{
	struct ptcp_worker *w = conn->end->w;
	struct ptcp_buf buf = {0};

	CU_ASSERT_EQUAL(ptcp_send(w, conn->c, &buf, 0), rc);
	CU_ASSERT_EQUAL(ptcp_send(w, conn->c, &buf, 1), rc);
	CU_ASSERT_EQUAL(ptcp_send(w, conn->c, &buf, UINT32_MAX), rc);
	CU_ASSERT_EQUAL(ptcp_send_copy(w, conn->c, "", 0), rc);
}

/** docs/api-states.md, "send nothing": the state is told before the arguments. */
static void
bad_input_30_send_nothing_in_each_state(void)
{
	struct pmd_conn *a, *b;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as = (struct pmd_conn){.to_send = 1};
	a = pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.no_read = true});
	expect_send(a, -EINVAL); /* SYN-SENT */
	pmd_turns(&pair, 20);
	b = &pair.b.conn[0];
	expect_send(a, -EINVAL);
	CU_ASSERT_EQUAL(ptcp_shutdown(pair.b.w, b->c), 0);
	expect_send(b, -EPIPE);
	pmd_turns(&pair, 20);
	CU_ASSERT_EQUAL(ptcp_state_count(pair.b.w, PTCP_FIN_WAIT_2), 1);
	expect_send(b, -EPIPE);
	expect_send(a, -EINVAL); /* CLOSE-WAIT */
	CU_ASSERT_EQUAL(ptcp_shutdown(pair.a.w, a->c), 0);
	expect_send(a, -EPIPE);
	pmd_turns(&pair, 20);
	/* CLOSED, and a byte is left to be read. */
	expect_send(a, -ENOTCONN);
	CU_ASSERT_EQUAL(ptcp_recv_done(pair.a.w, a->c, 1), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	expect_send(a, -ENOTCONN);
	pmd_close(&pair);
}

/** No mbuf is no answer where nothing may be sent. */
static void
bad_input_40_state_before_memory(void)
{
	struct ptcp_conf conf;
	uint8_t data[1000] = {0};
	int rc = 0;

	pmd_conf(&conf);
	conf.n_mbufs = 1024;
	conf.snd_buf = 4 * MB;
	pmd_open(&pair, &conf, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	for (unsigned int i = 0; i < 8; i++)
		(void)pmd_connect(&pair.a, &pair.b, 7, NULL);
	pmd_turns(&pair, 20);
	CU_ASSERT_EQUAL(ptcp_shutdown(pair.a.w, pair.a.conn[0].c), 0);
	for (unsigned int i = 1; i < 8 && rc != -ENOBUFS; i++) {
		do
			rc = ptcp_send_copy(pair.a.w, pair.a.conn[i].c, data, sizeof(data));
		while (rc > 0);
	}
	CU_ASSERT_EQUAL(rc, -ENOBUFS);
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, pair.a.conn[0].c, data, sizeof(data)), -EPIPE);
	for (unsigned int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, pair.a.conn[i].c), 0);
		CU_ASSERT_EQUAL(ptcp_abort(pair.b.w, pair.b.conn[i].c), 0);
	}
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/* ------------------------------------------------------------------ options, information, messages, trace */

static void
options_are_set_and_told(void)
{
	static const struct {
		enum ptcp_opt opt;
		uint32_t first, set, low, high;
	} opts[] = {
			{PTCP_KEEPALIVE, 0, 1, 2, UINT32_MAX},
			{PTCP_KEEPIDLE, 7200000, 1234, 9, UINT32_MAX},
			{PTCP_KEEPINTVL, 75000, 4321, 9, UINT32_MAX},
			{PTCP_KEEPCNT, 10, 3, 0, 256},
			{PTCP_NODELAY, 0, 1, 2, UINT32_MAX},
			{PTCP_USER_TIMEOUT, 0, 30000, 86400001, UINT32_MAX},
			{PTCP_LINGER, PTCP_LINGER_OFF, 2000, 86400001, UINT32_MAX - 1},
			{PTCP_CC, PTCP_CC_CUBIC, PTCP_CC_NEWRENO, PTCP_CC_MAX, UINT32_MAX},
			{PTCP_PACING, 0, 1, 2, UINT32_MAX},
			{PTCP_DSCP, 0, 46, 64, UINT32_MAX},
			{PTCP_TTL, 64, 1, 0, 256},
	};
	struct ptcp_info info;
	struct pmd_conn *a;
	uint32_t value;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	a = pmd_connect(&pair.a, &pair.b, 7, NULL);
	pmd_turns(&pair, 20);
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		CU_ASSERT_EQUAL(ptcp_get(pair.a.w, a->c, opts[i].opt, &value), 0);
		CU_ASSERT_EQUAL(value, opts[i].first);
		CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, opts[i].opt, opts[i].low), -EINVAL);
		CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, opts[i].opt, opts[i].high), -EINVAL);
		CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, opts[i].opt, opts[i].set), 0);
		CU_ASSERT_EQUAL(ptcp_get(pair.a.w, a->c, opts[i].opt, &value), 0);
		CU_ASSERT_EQUAL(value, opts[i].set);
	}
	CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, a->c, "\0", 1), 1);
	CU_ASSERT_EQUAL(ptcp_info(pair.a.w, a->c, &info), 0);
	CU_ASSERT_EQUAL(info.state, PTCP_ESTABLISHED);
	CU_ASSERT_EQUAL(info.unsent, 1);
	CU_ASSERT_EQUAL(info.in_flight, 0);
	CU_ASSERT_EQUAL(info.remote.port, 7);
	CU_ASSERT_EQUAL(info.mss, 1448);
	CU_ASSERT(info.timestamps && info.sack && info.pacing);
	CU_ASSERT_FALSE(info.ecn || info.recovering);
	CU_ASSERT_EQUAL(info.cc, PTCP_CC_NEWRENO);
	pair.b.conn[0].no_read = true;
	ptcp_worker_poll(pair.a.w);
	CU_ASSERT_EQUAL(ptcp_info(pair.a.w, a->c, &info), 0);
	CU_ASSERT_EQUAL(info.unsent, 0);
	CU_ASSERT_EQUAL(info.in_flight, 1);
	pmd_turns(&pair, 20);
	CU_ASSERT_EQUAL(ptcp_info(pair.b.w, pair.b.conn[0].c, &info), 0);
	CU_ASSERT_EQUAL(info.unread, 1);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, a->c), 0);
	pair.b.conn[0].no_read = false;
	CU_ASSERT_EQUAL(ptcp_close(pair.b.w, pair.b.conn[0].c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

/** What the configuration says of new connections, both ends of one. */
static void
connections_begin_as_configured(void)
{
	static const enum ptcp_opt opts[] = {
			PTCP_USER_TIMEOUT, PTCP_CC, PTCP_PACING, PTCP_DSCP, PTCP_TTL};
	static const uint32_t want[] = {12345, PTCP_CC_NEWRENO, 1, 11, 33};

	for (unsigned int without = 0; without < 4; without++) {
		struct ptcp_conf conf;
		struct ptcp_info info;

		pmd_conf(&conf);
		conf.user_timeout_ms = want[0];
		conf.cc = PTCP_CC_NEWRENO;
		conf.pacing = true;
		conf.dscp = 11;
		conf.ttl = 33;
		conf.sack = without != 1;
		conf.timestamps = without != 2;
		conf.window_scale = without != 3;
		pmd_open(&pair, &conf, false);
		CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
		(void)pmd_connect(&pair.a, &pair.b, 7, NULL);
		pmd_turns(&pair, 20);
		for (unsigned int end = 0; end < 2; end++) {
			const struct pmd_end *e = end == 0 ? &pair.a : &pair.b;
			uint32_t value;

			for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
				CU_ASSERT_EQUAL(ptcp_get(e->w, e->conn[0].c, opts[i], &value), 0);
				CU_ASSERT_EQUAL(value, want[i]);
			}
			CU_ASSERT_EQUAL(ptcp_info(e->w, e->conn[0].c, &info), 0);
			CU_ASSERT_EQUAL(info.sack, conf.sack);
			CU_ASSERT_EQUAL(info.timestamps, conf.timestamps);
			CU_ASSERT_EQUAL(info.rcv_wscale > 0, conf.window_scale);
			CU_ASSERT_EQUAL(info.snd_wscale > 0, conf.window_scale);
			CU_ASSERT_EQUAL(info.cc, PTCP_CC_NEWRENO);
			CU_ASSERT(info.pacing);
			CU_ASSERT_EQUAL(ptcp_close(e->w, e->conn[0].c), 0);
		}
		CU_ASSERT(pmd_until(&pair, pmd_quiet));
		pmd_close(&pair);
	}
}

/** What a connection holds while something is in flight stands in the pools that could leak. */
static void
every_pool_is_told(void)
{
	static const char *const names[] = {"tcb", "block", "node", "range"};
	struct pmd_conn *a;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	a = pmd_connect(&pair.a, &pair.b, 7, NULL);
	ptcp_worker_poll(pair.a.w);
	pmd_turns(&pair, 20);
	a->to_send = 1;
	ptcp_worker_poll(pair.a.w);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_EQUAL(pmd_used(&pair.a, names[i]), 1);
	pmd_turns(&pair, 20);
	CU_ASSERT_EQUAL(pmd_used(&pair.a, "range"), 0);
	CU_ASSERT_EQUAL(ptcp_abort(pair.a.w, a->c), 0);
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	pmd_close(&pair);
}

static bool
a_closed(const struct pmd_pair *p)
{
	/* Nobody polls b meanwhile: what a sends lies in its ring. */
	return p->a.conn[0].n_closed == 1;
}

/** Poll a alone until its first connection has ended. */
static void
until_a_closed(void)
{
	const uint64_t end = ptcp_now_us(pair.a.w) + 20000000;

	do
		ptcp_worker_poll(pair.a.w);
	while (!a_closed(&pair) && ptcp_now_us(pair.a.w) < end);
	CU_ASSERT(a_closed(&pair));
}

/** PTCP_LINGER 0 and bounded, PTCP_USER_TIMEOUT: by option and by configuration. Each resets the peer. */
static void
who_has_a_limit_is_told_when_it_is_over(void)
{
	static const struct {
		bool conf;
		bool close;
		uint32_t linger, timeout;
		enum ptcp_reason reason;
		const char *counter;
	} cases[] = {
			{false, true, 0, 0, PTCP_REASON_ABORTED, "rst_out"},
			{false, true, 30, 0, PTCP_REASON_LINGER, "linger_resets"},
			{false, false, PTCP_LINGER_OFF, 30, PTCP_REASON_TIMEOUT, "user_timeouts"},
			{true, false, PTCP_LINGER_OFF, 30, PTCP_REASON_TIMEOUT, "user_timeouts"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ptcp_conf conf;
		struct pmd_conn *a, *b;

		pmd_conf(&conf);
		conf.user_timeout_ms = cases[i].conf ? cases[i].timeout : 0;
		pmd_open(&pair, &conf, false);
		CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
		a = pmd_connect(&pair.a, &pair.b, 7, NULL);
		pmd_turns(&pair, 20);
		b = &pair.b.conn[0];
		CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, PTCP_LINGER, cases[i].linger), 0);
		if (!cases[i].conf)
			CU_ASSERT_EQUAL(ptcp_set(pair.a.w, a->c, PTCP_USER_TIMEOUT,
							cases[i].timeout),
					0);
		CU_ASSERT_EQUAL(ptcp_send_copy(pair.a.w, a->c, "\0", 1), 1);
		if (cases[i].close)
			CU_ASSERT_EQUAL(ptcp_close(pair.a.w, a->c), 0);
		until_a_closed();
		CU_ASSERT_EQUAL(a->reason, cases[i].reason);
		CU_ASSERT_EQUAL(pmd_counter(&pair.a, cases[i].counter), 1);
		CU_ASSERT(pmd_until(&pair, pmd_quiet));
		CU_ASSERT_EQUAL(b->reason, PTCP_REASON_RESET);
		pmd_close(&pair);
	}
}

/** Cookies by configuration: what the listener counts, and that options survive where timestamps carry them. */
static void
cookies_as_configured(void)
{
	for (unsigned int i = 0; i < 2 * PTCP_COOKIES_MAX; i++) {
		const enum ptcp_cookies cookies = (enum ptcp_cookies)(i / 2);
		const bool ts = (i & 1) != 0;
		struct ptcp_conf conf;
		struct ptcp_info info;
		struct pmd_conn *b;

		pmd_conf(&conf);
		conf.cookies = cookies;
		conf.timestamps = ts;
		conf.ecn = PTCP_ECN_ACTIVE;
		pmd_open(&pair, &conf, false);
		CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
		pair.b.accept_as = (struct pmd_conn){.to_send = MB / 4, .fin = true};
		(void)pmd_connect(&pair.a, &pair.b, 7,
				&(struct pmd_conn){.to_send = MB / 4, .fin = true});
		while (pair.b.n_conns == 0)
			pmd_turns(&pair, 1);
		b = &pair.b.conn[0];
		CU_ASSERT_EQUAL(ptcp_info(pair.b.w, b->c, &info), 0);
		CU_ASSERT_EQUAL(info.ecn, ts || cookies != PTCP_COOKIES_ALWAYS);
		CU_ASSERT_EQUAL(info.sack, ts || cookies != PTCP_COOKIES_ALWAYS);
		CU_ASSERT_EQUAL(info.snd_wscale > 0, ts || cookies != PTCP_COOKIES_ALWAYS);
		CU_ASSERT(pmd_until(&pair, pmd_quiet));
		CU_ASSERT_EQUAL(b->received, MB / 4);
		CU_ASSERT_EQUAL(pair.a.conn[0].received, MB / 4);
		CU_ASSERT_EQUAL(pmd_counter(&pair.b, "cookies_sent"),
				cookies == PTCP_COOKIES_ALWAYS);
		CU_ASSERT_EQUAL(pmd_counter(&pair.b, "cookies_accepted"),
				cookies == PTCP_COOKIES_ALWAYS);
		pmd_close(&pair);
	}
}

static void
count_call(struct ptcp_worker *w, void *arg)
{
	(void)w;
	++*(unsigned int *)arg;
}

static void
messages_run_in_the_next_turn(void)
{
	unsigned int n = 0;

	pmd_open(&pair, NULL, false);
	CU_ASSERT_EQUAL(ptcp_post(pair.a.w, count_call, &n), 0);
	CU_ASSERT_EQUAL(n, 0);
	ptcp_worker_poll(pair.a.w);
	CU_ASSERT_EQUAL(n, 1);
	for (n = 0; ptcp_post(pair.a.w, count_call, &n) == 0 && n == 0;)
		;
	CU_ASSERT_EQUAL(ptcp_post(pair.a.w, count_call, &n), -ENOBUFS);
	pmd_turns(&pair, 40);
	CU_ASSERT_EQUAL(n, 1023);
	ptcp_worker_stop(pair.a.w);
	ptcp_worker_run(pair.a.w); /* one turn */
	pmd_close(&pair);
}

struct seen {
	unsigned int n_sent, n_received;
	uint64_t bytes;
	uint8_t syn, syn_ack; /* their flags */
	enum ptcp_state last;
};

static void
see(void *arg, const struct ptcp_trace *rec)
{
	struct seen *s = arg;

	if (rec->sent) {
		s->n_sent++;
		s->bytes += rec->len;
		CU_ASSERT_EQUAL(rec->dst.port, 7);
	} else {
		s->n_received++;
		CU_ASSERT_EQUAL(rec->src.port, 7);
	}
	if ((rec->flags & FLAG_SYN) != 0)
		*(rec->sent ? &s->syn : &s->syn_ack) = rec->flags;
	s->last = rec->state;
}

/** Every flag that polltcp.h names, ECE and CWR among them. */
static void
the_trace_tells_the_flags_of_ecn(void)
{
	struct seen seen = {0};
	struct ptcp_conf conf;

	pmd_conf(&conf);
	conf.ecn = PTCP_ECN_ACTIVE;
	pmd_open(&pair, &conf, false);
	ptcp_trace_set(pair.a.w, see, &seen);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as.reply_fin = true;
	(void)pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = 1, .fin = true});
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(seen.syn, FLAG_SYN | FLAG_ECE | FLAG_CWR);
	CU_ASSERT_EQUAL(seen.syn_ack, FLAG_SYN | FLAG_ACK | FLAG_ECE);
	pmd_close(&pair);
}

static void
the_trace_sees_each_segment(void)
{
	struct seen seen = {0};
	struct pmd_conn *a;

	pmd_open(&pair, NULL, false);
	ptcp_trace_set(pair.a.w, see, &seen);
	CU_ASSERT_EQUAL(pmd_listen(&pair.b, 7), 0);
	pair.b.accept_as.reply_fin = true;
	a = pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.to_send = 10000, .fin = true});
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(a->reason, PTCP_REASON_DONE);
	CU_ASSERT_EQUAL(seen.n_sent, pmd_counter(&pair.a, "segments_out"));
	CU_ASSERT_EQUAL(seen.n_received, pmd_counter(&pair.a, "segments_in"));
	CU_ASSERT_EQUAL(seen.bytes, 10000);
	CU_ASSERT_EQUAL(seen.last, PTCP_TIME_WAIT);
	ptcp_trace_set(pair.a.w, NULL, NULL);
	seen.n_sent = 0;
	(void)pmd_connect(&pair.a, &pair.b, 7, &(struct pmd_conn){.fin = true});
	CU_ASSERT(pmd_until(&pair, pmd_quiet));
	CU_ASSERT_EQUAL(seen.n_sent, 0);
	pmd_close(&pair);
}

static CU_TestInfo tests[] = {
		TEST(one_megabyte_both_ways_then_half_closes),
		TEST(the_same_mbufs_are_sent_back),
		TEST(bad_input_40_small_pools_carry_every_stream),
		TEST(unread_bytes_do_not_pin_the_peers_mbufs),
		TEST(bad_input_40_data_stops_at_the_reserve_and_goes_on),
		TEST(nobody_listens),
		TEST(abort_resets_the_peer),
		TEST(drain_refuses_newcomers_only),
		TEST(a_worker_is_freed_in_the_middle),
		TEST(bad_input_30_a_stale_handle_is_no_connection),
		TEST(bad_input_30_connect_with_bad_addresses),
		TEST(bad_input_30_a_port_is_busy_until_time_wait_is_over),
		TEST(bad_input_30_listen_errors),
		TEST(bad_input_30_send_and_receive_with_bad_arguments),
		TEST(bad_input_30_send_nothing_in_each_state),
		TEST(bad_input_40_state_before_memory),
		TEST(options_are_set_and_told),
		TEST(ecn_is_agreed_on_and_every_packet_is_good),
		TEST(connections_begin_as_configured),
		TEST(who_has_a_limit_is_told_when_it_is_over),
		TEST(cookies_as_configured),
		TEST(every_pool_is_told),
		TEST(messages_run_in_the_next_turn),
		TEST(the_trace_sees_each_segment),
		TEST(the_trace_tells_the_flags_of_ecn),
		CU_TEST_INFO_NULL,
};

int
main(void)
{
	static const char *const vdevs[] = {NULL};

	pmd_eal(vdevs);
	return test_run("pair", tests);
}
