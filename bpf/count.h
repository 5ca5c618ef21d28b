/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts an exit. Every return of a program goes through here once. */
#ifndef QUICEDGE_COUNT_H
#define QUICEDGE_COUNT_H

#include "maps.h"
#include "parse.h"

/* How many segments a super-packet is. Those of guests, and of virtio devices, come with a size and no number. */
static __always_inline __u32 segments_of(const struct __sk_buff *skb, const struct packet *p)
{
	__u32 segments = skb->gso_segs, size = skb->gso_size, headers = p->l4 + p->l4_len;

	if (segments || !size || !p->l4 || skb->len <= headers)
		return segments;
	return (skb->len - headers + size - 1) / size;
}

/* What a frame is on the wire: the device will repeat the headers of a GSO super-packet in each of its segments. */
static __always_inline struct counter wire_size(const struct __sk_buff *skb, const struct packet *p)
{
	struct counter wire = { .packets = 1, .bytes = skb->len - (p->l3 ? p->l3 : link_header) };
	__u32 segments = segments_of(skb, p);

	if (segments > 1) {
		wire.packets = segments;
		if (p->l4)
			wire.bytes += (__u64)(segments - 1) * headers_len(p);
	}
	return wire;
}

/* The counters of a class at a hook. */
static __always_inline struct class_stats *stats_of(__u32 class, enum hook hook)
{
	return element_of(&stats, class * HOOKS + hook);
}

/* Adds to the counters of an exit, which belong to this CPU, so that plain additions lose nothing. */
static __always_inline void add_exit(struct class_stats *s, __u32 why, struct counter wire)
{
	struct counter *c;

	if (!s)
		return;
	c = &s->exits[why % REASON_ROOM];
	c->packets += wire.packets;
	c->bytes += wire.bytes;
}

VERIFIED_ALONE int count_alone(__u32 class, __u32 hook, __u32 why, __u64 packets, __u64 bytes)
{
	add_exit(stats_of(class, hook), why, (struct counter){ packets, bytes });
	return 0;
}

static __always_inline void count(__u32 class, enum hook hook, enum reason why, struct counter wire)
{
	count_alone(class, hook, why, wire.packets, wire.bytes);
}

/* count without the call, which takes longer than all that it does where the kernel guards its returns (SRSO, retbleed). */
static __always_inline void count_inline(struct __sk_buff *skb, __u32 class, enum hook hook, enum reason why, struct counter wire)
{
	add_exit(stats_of(class, hook), forget(why, skb), wire);
}

#endif
