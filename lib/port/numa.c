/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>

#include <numa.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "port/port.h"

static int
cpu_node(int cpu)
{
	return cpu >= 0 && numa_available() >= 0 ? numa_node_of_cpu(cpu) : -1;
}

int
port_lcore_node(unsigned int lcore_id)
{
	return lcore_id < RTE_MAX_LCORE ? cpu_node(rte_lcore_to_cpu_id((int)lcore_id)) : -1;
}

int
port_socket(uint16_t port_id)
{
	int node = rte_eth_dev_socket_id(port_id);

	if (node < 0)
		node = cpu_node(sched_getcpu());
	/* Without hugepages, and on a node that EAL took no memory from, any memory will do. */
	for (unsigned int i = 0; i < rte_socket_count(); i++)
		if (rte_socket_id_by_idx(i) == node && rte_eal_has_hugepages())
			return node;
	return SOCKET_ID_ANY;
}
