/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"

int
ptcp_addr_parse(const char *text, struct ptcp_addr *out)
{
	uint8_t ip[16] = {0};

	if (text == NULL || out == NULL)
		return -EINVAL;
	if (inet_pton(AF_INET, text, ip) == 1)
		out->family = IP_V4;
	else if (inet_pton(AF_INET6, text, ip) == 1)
		out->family = IP_V6;
	else
		return -EINVAL;
	memcpy(out->ip, ip, sizeof(out->ip));
	return 0;
}

const char *
ptcp_addr_format(const struct ptcp_addr *addr, char *text, size_t size)
{
	const bool v6 = addr->family == IP_V6;
	char ip[INET6_ADDRSTRLEN];

	if ((!v6 && addr->family != IP_V4) ||
			inet_ntop(v6 ? AF_INET6 : AF_INET, addr->ip, ip, sizeof(ip)) == NULL)
		snprintf(text, size, "?");
	else if (addr->port == 0)
		snprintf(text, size, "%s", ip);
	else
		snprintf(text, size, v6 ? "[%s]:%u" : "%s:%u", ip, addr->port);
	return text;
}

bool
api_addr_in(const struct ptcp_addr *addr, struct ip_addr *ip)
{
	static const uint8_t zero[12];

	memcpy(ip->b, addr->ip, sizeof(ip->b));
	if (addr->family == IP_V4)
		return memcmp(addr->ip + 4, zero, sizeof(zero)) == 0;
	return addr->family == IP_V6;
}

void
api_addr_out(uint8_t family, const struct ip_addr *ip, uint16_t port, struct ptcp_addr *addr)
{
	*addr = (struct ptcp_addr){.family = family, .port = port};
	memcpy(addr->ip, ip->b, sizeof(addr->ip));
}
