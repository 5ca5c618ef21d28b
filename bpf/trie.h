/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Longest prefix match by the kernel's LPM tries: slower the more prefixes there are, and small where they are few. */
#ifndef QUICEDGE_TRIE_H
#define QUICEDGE_TRIE_H

#include "maps.h"
#include "parse.h"

static __always_inline __u32 trie_answer(const struct prefix_value *v)
{
	return v ? (v->class & (MAX_CLASSES - 1)) | (v->bits + 1) << ANSWER_BITS : 0;
}

/* The answer for an address, see ANSWER_BITS. */
static __always_inline __u32 trie_find(__u8 version, const struct address *addr)
{
	__u32 slot = 0;
	void *table;

	if (version == 4) {
		struct prefix_key4 key = { .bits = 32 };

		__builtin_memcpy(key.addr, addr->bytes, sizeof(key.addr));
		table = bpf_map_lookup_elem(&trie4, &slot);
		return table ? trie_answer(bpf_map_lookup_elem(table, &key)) : 0;
	}
	struct prefix_key6 key = { .bits = 128 };

	__builtin_memcpy(key.addr, addr->bytes, sizeof(key.addr));
	table = bpf_map_lookup_elem(&trie6, &slot);
	return table ? trie_answer(bpf_map_lookup_elem(table, &key)) : 0;
}

#endif
