/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Knobs that are fixed when the programs are loaded. What changes while they run is in maps. */
#ifndef QUICEDGE_CONFIGS_H
#define QUICEDGE_CONFIGS_H

#include <linux/types.h>

/* Whether the sender of a packet that is too large is told by an ICMP error. 0: it only loses the packet. */
volatile const __u8 reflect_errors = 1;

/* Whether ingress drops what RFC 9000 has every QUIC server discard. 0: it only counts. */
volatile const __u8 screen = 1;

/* The bits of skb->mark that hold the class, contiguous; 0: the mark is left alone. */
volatile const __u32 mark_mask = 0;

/* Major number of the skb->priority that a packet gets, its minor being the class (a tc class ID); 0: left alone. */
volatile const __u16 priority_major = 0;

/* Bytes before the IP header: 14 on Ethernet devices and lo, 0 on those without a link layer (tun, wireguard). */
volatile const __u8 link_header = 14;

/* What the prefix tables are made of: enum table. */
volatile const __u8 table_kind = 0;

#endif
