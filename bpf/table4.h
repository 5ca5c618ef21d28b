/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Longest prefix match for IPv4 by DIR-24-8 (Gupta, Lin, McKeown: "Routing Lookups in Hardware at Memory Access Speeds",
 * INFOCOM 1998): the upper 24 bits index an array, and the few addresses that lie in prefixes longer than 24 bits index a
 * second one. One cache line is read, or three.
 *
 *   198 . 51  . 100 . 7
 *   '---.---'   |     |
 *     slot    entry   |   class | length, or a leaf of the slot
 *                   entry of the leaf
 *
 * Arrays round elements up to eight bytes, so an element holds 256 entries of two.
 */
#ifndef QUICEDGE_TABLE4_H
#define QUICEDGE_TABLE4_H

#include "maps.h"
#include "parse.h"

/* The answer for an IPv4 address in host byte order, see ANSWER_BITS. */
static __always_inline __u32 dir_find(__u32 addr)
{
	void *table = element_of(&prefixes4, 0);

	if (!table)
		return 0;
	struct dir_slot *s = element_of(table, addr >> 16);

	if (!s)
		return 0;
	__u32 entry = s->entries[addr >> 8 & 0xff];

	if (entry & DIR_LEAF) {
		s = element_of(table, s->leaves + (entry & 0xff));
		if (!s)
			return 0;
		entry = s->entries[addr & 0xff];
	}
	return (entry & (MAX_CLASSES - 1)) | entry >> DIR_BITS << ANSWER_BITS;
}

static __always_inline __u32 dir_find_address(const struct address *addr)
{
	__be32 be;

	__builtin_memcpy(&be, addr->bytes, sizeof(be));
	return dir_find(bpf_ntohl(be));
}

#endif
