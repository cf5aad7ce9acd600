/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "conn/listener.h"

PTCP_STATIC_ASSERT(LISTENER_NONE == UINT16_MAX, "memset writes it");

void
listener_init(struct listener_table *t)
{
	memset(t->l, 0, sizeof(t->l));
	/* All bits of LISTENER_NONE are set. */
	memset(t->by_port, 0xFF, sizeof(t->by_port));
}

int
listener_add(struct listener_table *t, uint16_t laddr, uint16_t port, uint32_t backlog)
{
	uint16_t i;

	if (port == 0 || backlog == 0 || laddr == LADDR_NONE)
		return -EINVAL;
	for (i = t->by_port[port]; i != LISTENER_NONE; i = t->l[i].next)
		if (t->l[i].laddr == laddr)
			return -EADDRINUSE;
	for (i = 0; i < LISTENERS_MAX && t->l[i].used; i++)
		;
	if (i == LISTENERS_MAX)
		return -ENOSPC;
	t->l[i] = (struct listener){
			.laddr = laddr,
			.port = port,
			.next = t->by_port[port],
			.backlog = backlog,
			.used = true,
	};
	t->by_port[port] = i;
	return i;
}

int
listener_remove(struct listener_table *t, uint16_t index)
{
	uint16_t *link;

	if (index >= LISTENERS_MAX || !t->l[index].used)
		return -ENOENT;
	for (link = &t->by_port[t->l[index].port]; *link != index; link = &t->l[*link].next)
		;
	*link = t->l[index].next;
	memset(&t->l[index], 0, sizeof(t->l[index]));
	return 0;
}

uint16_t
listener_find(const struct listener_table *t, uint16_t laddr, uint16_t port)
{
	uint16_t any = LISTENER_NONE;

	for (uint16_t i = t->by_port[port]; i != LISTENER_NONE; i = t->l[i].next) {
		if (t->l[i].laddr == laddr)
			return i;
		if (t->l[i].laddr == LADDR_ANY)
			any = i;
	}
	return any;
}
