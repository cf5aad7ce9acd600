/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: their beginning and end. */
#include <errno.h>

#include "api/api.h"

static bool
is_any(const struct ip_addr *ip)
{
	return (ip->q[0] | ip->q[1]) == 0;
}

/* ------------------------------------------------------------------ listeners */

int
ptcp_listen(struct ptcp_worker *w, const struct ptcp_addr *addr, uint32_t backlog,
		const struct ptcp_ops *ops, void *arg)
{
	uint16_t laddr = LADDR_ANY;
	struct ip_addr ip;
	int ops_index;

	PTCP_ASSERT(worker_owned(w));
	if (ops == NULL || !api_addr_in(addr, &ip) || backlog == 0 || backlog > INT32_MAX)
		return -EINVAL;
	/* XXX: the wildcard is one for both families; that matters when IPv6 has its neighbour discovery. */
	if (!is_any(&ip)) {
		laddr = laddr_find(&w->laddr, (enum ip_family)addr->family, &ip);
		if (laddr == LADDR_NONE)
			return -EADDRNOTAVAIL;
	}
	ops_index = api_ops_index(w, ops);
	if (ops_index < 0)
		return ops_index;
	return tcp_listen(&w->ctx, laddr, addr->port, backlog, (uint8_t)ops_index,
			w->profile_default, arg);
}

int
ptcp_listen_keepalive(struct ptcp_worker *w, int listener, const struct ptcp_keepalive *ka)
{
	int keep, rc;

	PTCP_ASSERT(worker_owned(w));
	if (listener < 0 || listener >= LISTENERS_MAX)
		return -ENOENT;
	if (!api_keepalive_ok(ka))
		return -EINVAL;
	keep = api_keep_get(w, w->profile_default, ka);
	if (keep < 0)
		return keep;
	rc = tcp_listen_profile(&w->ctx, (uint16_t)listener, (uint8_t)keep);
	if (rc != 0)
		tcp_profile_put(&w->ctx, (uint8_t)keep);
	return rc;
}

int
ptcp_unlisten(struct ptcp_worker *w, int listener)
{
	PTCP_ASSERT(worker_owned(w));
	if (listener < 0 || listener >= LISTENERS_MAX)
		return -ENOENT;
	return tcp_unlisten(&w->ctx, (uint16_t)listener);
}

/* ------------------------------------------------------------------ active open */

/** Whether somebody else's unicast address stands here. */
static bool
is_peer(const struct ptcp_worker *w, enum ip_family family, const struct ip_addr *ip)
{
	if (family == IP_V4 && (!ip4_is_source(ip) || laddr_is_broadcast(&w->laddr, ip)))
		return false;
	if (family == IP_V6 && !ip6_is_source(ip))
		return false;
	return laddr_find(&w->laddr, family, ip) == LADDR_NONE;
}

/** The index of the worker's first address of a family. */
static uint16_t
first_laddr(const struct ptcp_worker *w, enum ip_family family)
{
	for (uint16_t i = 0; i < w->laddr.n_ranges; i++)
		if (w->laddr.range[i].family == family)
			return w->laddr.range[i].index;
	return LADDR_NONE;
}

static int
local_end(const struct ptcp_worker *w, enum ip_family family, const struct ptcp_addr *local,
		struct tcp_open_args *args)
{
	struct ip_addr ip = {0};

	if (local != NULL && (local->family != family || !api_addr_in(local, &ip)))
		return -EINVAL;
	args->lport = local != NULL ? local->port : 0;
	args->laddr = is_any(&ip) ? first_laddr(w, family) : laddr_find(&w->laddr, family, &ip);
	return args->laddr != LADDR_NONE ? 0 : -EADDRNOTAVAIL;
}

int
ptcp_connect(struct ptcp_worker *w, const struct ptcp_addr *remote, const struct ptcp_addr *local,
		const struct ptcp_ops *ops, void *arg, ptcp_conn_t *conn)
{
	const enum ip_family family = (enum ip_family)remote->family;
	struct tcp_open_args args = {
			.rport = remote->port, .profile = w->profile_default, .arg = arg};
	struct ip_addr hop;
	int64_t index;
	int rc;

	PTCP_ASSERT(worker_owned(w));
	if (ops == NULL || conn == NULL || !api_addr_in(remote, &args.raddr) || remote->port == 0 ||
			!is_peer(w, family, &args.raddr))
		return -EINVAL;
	rc = local_end(w, family, local, &args);
	if (rc != 0)
		return rc;
	rc = laddr_next_hop(&w->laddr, args.laddr, &args.raddr, &hop);
	if (rc != 0)
		return rc;
	rc = api_ops_index(w, ops);
	if (rc < 0)
		return rc;
	args.ops = (uint8_t)rc;
	index = tcp_open(&w->ctx, &args);
	if (index < 0)
		return (int)index;
	*conn = tcp_handle(&w->ctx, tcp_at(&w->ctx, (uint32_t)index));
	return 0;
}

/* ------------------------------------------------------------------ the end */

int
ptcp_shutdown(struct ptcp_worker *w, ptcp_conn_t c)
{
	struct tcp_tcb *tcb = api_tcb(w, c);

	return tcb != NULL ? tcp_shutdown(&w->ctx, tcb) : -ENOTCONN;
}

int
ptcp_close(struct ptcp_worker *w, ptcp_conn_t c)
{
	struct tcp_tcb *tcb = api_tcb(w, c);

	return tcb != NULL ? tcp_close(&w->ctx, tcb) : -ENOTCONN;
}

int
ptcp_abort(struct ptcp_worker *w, ptcp_conn_t c)
{
	struct tcp_tcb *tcb = api_tcb(w, c);

	return tcb != NULL ? tcp_abort(&w->ctx, tcb) : -ENOTCONN;
}
