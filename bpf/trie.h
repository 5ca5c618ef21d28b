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

/*
 * The answer for an address, see ANSWER_BITS. A key's length is written last: Linux 6.1, without CAP_PERFMON, lets nothing be
 * written into the second half of a word once it knows what is in the first.
 */
static __always_inline __u32 trie_find(__u8 version, const struct address *addr)
{
	void *table;

	if (version == 4) {
		struct prefix_key4 key;

		__builtin_memcpy(key.addr, addr->bytes, sizeof(key.addr));
		barrier();
		key.bits = 32;
		table = element_of(&trie4, 0);
		return table ? trie_answer(bpf_map_lookup_elem(table, &key)) : 0;
	}
	struct prefix_key6 key;

	__builtin_memcpy(key.addr, addr->bytes, sizeof(key.addr));
	barrier();
	key.bits = 128;
	table = element_of(&trie6, 0);
	return table ? trie_answer(bpf_map_lookup_elem(table, &key)) : 0;
}

#endif
