/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "api/api.h"

static void
info_out(const struct port_info *in, struct ptcp_port_info *out)
{
	*out = (struct ptcp_port_info){
			.port_id = in->port_id,
			.n_queues = in->n_queues,
			.n_rxd = in->n_rxd,
			.n_txd = in->n_txd,
			.mtu = in->mtu,
			.socket_id = in->socket_id,
			.rx_ip_cksum = in->rx_ip_cksum,
			.rx_tcp_cksum = in->rx_tcp_cksum,
			.tx_ip_cksum = in->tx_ip_cksum,
			.tx_tcp_cksum = in->tx_tcp_cksum,
			.tx_multi_seg = in->tx_multi_seg,
	};
	memcpy(out->mac, in->mac, sizeof(out->mac));
	snprintf(out->driver, sizeof(out->driver), "%s", in->driver);
	snprintf(out->name, sizeof(out->name), "%s", in->name);
}

int
ptcp_port_start(const struct ptcp_port_conf *conf, struct ptcp_port_info *info, char *err,
		size_t err_size)
{
	struct port_setup setup = {
			.port_id = conf->port_id,
			.n_queues = conf->n_queues,
			.n_rxd = conf->n_rxd,
			.n_txd = conf->n_txd,
			.mtu = conf->mtu,
			.n_mbufs = conf->n_mbufs,
	};
	struct port_info granted;
	int rc;

	memcpy(setup.mac, conf->mac, sizeof(setup.mac));
	rc = port_start(&setup, &granted, err, err_size);
	if (rc == 0 && info != NULL)
		info_out(&granted, info);
	return rc;
}

int
ptcp_port_info_get(uint16_t port_id, struct ptcp_port_info *info)
{
	struct port_info granted;
	const int rc = port_info_get(port_id, &granted);

	if (rc == 0)
		info_out(&granted, info);
	return rc;
}

int
ptcp_port_stop(uint16_t port_id)
{
	return port_stop(port_id);
}
