/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts an exit. Every return of a program goes through here once. */
#ifndef QUICEDGE_COUNT_H
#define QUICEDGE_COUNT_H

#include "maps.h"
#include "parse.h"

/* What a frame is on the wire: the device will repeat the headers of a GSO super-packet in each of its segments. */
static __always_inline struct counter wire_size(const struct __sk_buff *skb, const struct packet *p)
{
	struct counter wire = { .packets = 1, .bytes = skb->len - ETH_HLEN };
	__u32 segments = skb->gso_segs;

	if (segments > 1) {
		wire.packets = segments;
		if (p->l4)
			wire.bytes += (__u64)(segments - 1) * headers_len(p);
	}
	return wire;
}

/* The counters belong to this CPU, so plain additions lose nothing. */
static __always_inline void count(__u32 class, enum hook hook, enum reason why, int classed, struct counter wire)
{
	__u32 key = class * HOOKS + hook;
	struct class_stats *s = bpf_map_lookup_elem(&stats, &key);

	if (!s)
		return;
	if (classed) {
		s->classed.packets += wire.packets;
		s->classed.bytes += wire.bytes;
	}
	if (why < REASON_ROOM) {
		s->exits[why].packets += wire.packets;
		s->exits[why].bytes += wire.bytes;
	}
}

#endif
