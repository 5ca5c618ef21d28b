/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Knobs that are fixed when the programs are loaded. What changes while they run is in maps. */
#ifndef QUICEDGE_CONFIGS_H
#define QUICEDGE_CONFIGS_H

#include <linux/types.h>

/* Whether the sender of a packet that is too large is told by an ICMP error. 0: it only loses the packet. */
volatile const __u8 reflect_errors = 1;

#endif
