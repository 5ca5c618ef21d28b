/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a port is one of a QUIC server. */
#ifndef QUICEDGE_PORTS_H
#define QUICEDGE_PORTS_H

#include "maps.h"
#include "parse.h"

/* Of a port in network byte order. */
static __always_inline int is_server_port(__be16 port)
{
	__u16 p = bpf_ntohs(port);
	struct port_set *set = element_of(&ports, 0);

	return set && set->words[p >> 6] >> (p & 63) & 1;
}

#endif
