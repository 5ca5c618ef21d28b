/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Longest prefix match for IPv4 by DIR-24-8 (Gupta, Lin, McKeown: "Routing Lookups in Hardware at Memory Access Speeds",
 * INFOCOM 1998): the upper 24 bits index an array, and the few addresses that lie in prefixes longer than 24 bits index a
 * second one. One cache line is read, or three.
 *
 *   198 . 51  . 100 . 7
 *   '---.---'   |     |
 *     root    entry   |   class | length, or a leaf of the root
 *                   entry of the leaf
 *
 * Arrays round elements up to eight bytes, so an element holds 256 entries of two.
 */
#ifndef QUICEDGE_TABLE4_H
#define QUICEDGE_TABLE4_H

#include "maps.h"
#include "parse.h"

/* The entry of an address in its leaf. */
static __always_inline __u32 dir_leaf_entry(const struct dir_root *root, __u32 entry, __u32 addr)
{
	void *leaves = element_of(&leaves4, root->side);

	if (!leaves)
		return 0;
	struct dir_leaf *leaf = element_of(leaves, root->leaves + (entry & 0xff));

	return leaf ? leaf->entries[addr & 0xff] : 0;
}

/* The answer for an IPv4 address in host byte order, see ANSWER_BITS. */
static __always_inline __u32 dir_find(__u32 addr)
{
	void *roots = element_of(&prefixes4, 0);

	if (!roots)
		return 0;
	struct dir_root *root = element_of(roots, addr >> 16);

	if (!root)
		return 0;
	__u32 entry = root->entries[addr >> 8 & 0xff];

	if (entry & DIR_LEAF)
		entry = dir_leaf_entry(root, entry, addr);
	return (entry & (MAX_CLASSES - 1)) | entry >> DIR_BITS << ANSWER_BITS;
}

static __always_inline __u32 dir_find_address(const struct address *addr)
{
	__be32 be;

	__builtin_memcpy(&be, addr->bytes, sizeof(be));
	return dir_find(bpf_ntohl(be));
}

#endif
