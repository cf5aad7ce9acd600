/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "api/api.h"

void
ptcp_worker_free(struct ptcp_worker *w)
{
	if (w != NULL)
		worker_free(w);
}

int
ptcp_addr_add(struct ptcp_worker *w, const struct ptcp_addr *first, uint16_t count,
		uint8_t prefix_len, const struct ptcp_addr *gateway)
{
	struct ip_addr ip, hop;
	int rc;

	if (!api_addr_in(first, &ip))
		return -EINVAL;
	if (gateway != NULL && (gateway->family != first->family || !api_addr_in(gateway, &hop)))
		return -EINVAL;
	/* XXX: nobody would reach it: neighbour discovery is not there yet. */
	if (first->family == IP_V6)
		return -EAFNOSUPPORT;
	rc = laddr_add(&w->laddr, (enum ip_family)first->family, &ip, count, prefix_len,
			gateway != NULL ? &hop : NULL);
	return rc < 0 ? rc : 0;
}

uint32_t
ptcp_worker_poll(struct ptcp_worker *w)
{
	return worker_poll(w);
}

void
ptcp_worker_settle(struct ptcp_worker *w)
{
	worker_settle(w);
}

void
ptcp_worker_run(struct ptcp_worker *w)
{
	worker_run(w);
}

void
ptcp_worker_stop(struct ptcp_worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
}

void
ptcp_worker_hook(struct ptcp_worker *w, ptcp_hook_t hook, void *arg)
{
	PTCP_ASSERT(worker_owned(w));
	w->hook = hook;
	w->hook_arg = arg;
}

int
ptcp_post(struct ptcp_worker *w, ptcp_hook_t fn, void *arg)
{
	return worker_post(w, fn, arg);
}

uint64_t
ptcp_now_us(const struct ptcp_worker *w)
{
	return w->ctx.now;
}

void
ptcp_worker_drain(struct ptcp_worker *w)
{
	PTCP_ASSERT(worker_owned(w));
	w->ctx.draining = true;
}

const char *
ptcp_version(void)
{
	return PTCP_VERSION;
}
