/* SPDX-License-Identifier: BSD-3-Clause */
/** @file Mbuf pools of a port, and those that outlive it for a while. */
#ifndef PTCP_PORT_POOL_H
#define PTCP_PORT_POOL_H

#include <rte_mempool.h>

/**
 * @param what       "rx", "tx", "ind": part of the name
 * @param data_room  headroom included; 0: indirect mbufs
 * @return NULL with one line in @p err
 */
struct rte_mempool *port_pool_create(const char *what, uint16_t port_id, uint32_t n,
		uint16_t data_room, int socket, char *err, size_t err_size);

/** Free @p pool, at once when it is whole, else by a later port_pool_sweep(). NULL: nothing. */
void port_pool_retire(struct rte_mempool *pool);

/** Free the retired pools that are whole by now. */
void port_pool_sweep(void);

#endif
