/* SPDX-License-Identifier: BSD-3-Clause */
/** @file What the files behind polltcp.h share. */
#ifndef PTCP_API_API_H
#define PTCP_API_API_H

#include "api/polltcp.h"
#include "worker/worker.h"

/** Copy an address in, checked for its family. @return false: neither 4 nor 6, or IPv4 with bytes behind the fourth */
bool api_addr_in(const struct ptcp_addr *addr, struct ip_addr *ip);

void api_addr_out(uint8_t family, const struct ip_addr *ip, uint16_t port, struct ptcp_addr *addr);

/** The keepalive parameters are in range. */
bool api_keepalive_ok(const struct ptcp_keepalive *ka);

/** An index of the callbacks @p ops, the same each time. @return -ENOSPC when there are too many */
int api_ops_index(struct ptcp_worker *w, const struct ptcp_ops *ops);

#define API_DSCP_MAX       63u
#define API_TIMEOUT_MAX_MS 86400000u /**< user timeout and linger: a day */

/** The profile like @p base but with keepalive @p ka, one reference. @return its index, or -ENOSPC */
int api_keep_get(struct ptcp_worker *w, uint8_t base, const struct ptcp_keepalive *ka);

/** Hand out what the core has to tell: worker_setup.deliver. */
void api_deliver(struct ptcp_worker *w);

/** The core's configuration of a checked one. */
void api_conf_core(const struct ptcp_conf *conf, struct tcp_conf *core);

/** The connection behind a handle, for its owner. NULL: there is none any more. */
static inline struct tcp_tcb *
api_tcb(const struct ptcp_worker *w, ptcp_conn_t c)
{
	PTCP_ASSERT(worker_owned(w));
	return tcp_from_handle(&w->ctx, c);
}

#endif
