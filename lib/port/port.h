/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file Ports: ethdev set-up, offload negotiation, mbuf pools. Main lcore only, while no worker runs on the port;
 * what a worker needs of its queue it copies from port_queue at its start.
 */
#ifndef PTCP_PORT_PORT_H
#define PTCP_PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "wire/eth.h"

#define PORT_QUEUES_MAX 256u
#define PORT_MTU_MIN    576u
/** An mbuf names at most 65,535 bytes of data room; less headroom and link header. */
#define PORT_MTU_MAX ((uint32_t)UINT16_MAX - RTE_PKTMBUF_HEADROOM - ETH_HDR_MAX)

/** What is asked for; zeros are defaults. */
struct port_setup {
	uint16_t port_id;
	uint16_t n_queues; /**< RX/TX pairs; 0: 1 */
	uint16_t n_rxd;    /**< descriptors; 0: 1,024, adjusted to what the port allows */
	uint16_t n_txd;
	uint16_t mtu;     /**< 0: the port's own */
	uint32_t n_mbufs; /**< RX pool of a queue; 0: n_rxd + 8,192 */
	uint8_t mac[ETH_MAC_LEN];
};

/** What was granted. */
struct port_info {
	uint16_t port_id;
	uint16_t n_queues;
	uint16_t n_rxd;
	uint16_t n_txd;
	uint16_t mtu; /**< IP header and all */
	uint8_t mac[ETH_MAC_LEN];
	char driver[32];
	char name[64];
	int socket_id; /**< where the pools are */
	bool rx_ip_cksum;
	bool rx_tcp_cksum;
	bool tx_ip_cksum;
	bool tx_tcp_cksum;
	bool tx_multi_seg;
	uint16_t tx_segs_max; /**< mbufs of one packet; 1 without tx_multi_seg */
};

/** A queue pair and its pools. The pools live until port_stop(): the port may hold mbufs to the end. */
struct port_queue {
	struct rte_mempool *rx_pool;
	struct rte_mempool *
			tx_pool; /**< headers and copied data; room for a packet of the port's MTU */
	struct rte_mempool *ind_pool; /**< indirect mbufs, no room of their own */
	bool taken;                   /**< a worker is on it */
};

/**
 * Configure and start a port.
 * @param info  may be NULL
 * @return 0, or a negative errno value with one line in @p err
 */
int port_start(const struct port_setup *setup, struct port_info *info, char *err, size_t err_size);

/** @return 0, or -ENODEV: port_start() was not called or failed */
int port_info_get(uint16_t port_id, struct port_info *info);

/**
 * Stop and close a port and free its pools. A pool whose mbufs somebody else still holds (a net_ring peer's queue)
 * is freed by a later port_stop() that finds it whole.
 * @return 0, -ENODEV, -EBUSY (a worker is on one of its queues)
 */
int port_stop(uint16_t port_id);

/**
 * Take a queue for a worker, with a transmit pool of @p n_tx_mbufs.
 * @return NULL with one line in @p err
 */
struct port_queue *port_queue_take(uint16_t port_id, uint16_t queue_id, uint32_t n_tx_mbufs,
		char *err, size_t err_size);

void port_queue_release(struct port_queue *q);

/** The NUMA node of @p port_id; of the calling thread's CPU where the port has none. */
int port_socket(uint16_t port_id);

/** The NUMA node of an lcore's CPU as the kernel knows it, or -1. */
int port_lcore_node(unsigned int lcore_id);

#endif
