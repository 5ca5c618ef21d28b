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

/* Adds to the counters of an exit, which belong to this CPU, so that plain additions lose nothing. */
VERIFIED_ALONE int add_exit(__u32 key, __u32 why, __u64 packets, __u64 bytes)
{
	struct class_stats *s = bpf_map_lookup_elem(&stats, &key);

	if (!s || why >= REASON_ROOM)
		return 0;
	s->exits[why].packets += packets;
	s->exits[why].bytes += bytes;
	return 0;
}

static __always_inline void count(__u32 class, enum hook hook, enum reason why, struct counter wire)
{
	add_exit(class * HOOKS + hook, why, wire.packets, wire.bytes);
}

#endif
