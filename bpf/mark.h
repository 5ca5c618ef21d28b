/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes the class where the traffic control of the host finds it: the mark, for filters and nftables, and the priority, by
 * which classful queueing disciplines sort (a tc class ID, MAJOR:CLASS).
 */
#ifndef QUICEDGE_MARK_H
#define QUICEDGE_MARK_H

#include "configs.h"

/* The lowest bit of the mask is where the class begins: to multiply by it is to shift. */
static __always_inline void mark(struct __sk_buff *skb, __u32 class)
{
	if (mark_mask)
		skb->mark = (skb->mark & ~mark_mask) | (class * (mark_mask & -mark_mask) & mark_mask);
	if (priority_major)
		skb->priority = (__u32)priority_major << 16 | class;
}

#endif
