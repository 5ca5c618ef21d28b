/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which class an address belongs to. */
#ifndef QUICEDGE_CLASSIFY_H
#define QUICEDGE_CLASSIFY_H

#include "maps.h"
#include "parse.h"

/* Longest prefix that covers an address, or NULL. */
static __always_inline struct prefix_value *find_prefix(__u8 version, const struct address *addr)
{
	__u32 slot = 0;
	void *table;

	if (version == 4) {
		struct prefix_key4 key = { .bits = 32 };

		__builtin_memcpy(key.addr, addr->bytes, sizeof(key.addr));
		table = bpf_map_lookup_elem(&prefixes4, &slot);
		return table ? bpf_map_lookup_elem(table, &key) : NULL;
	}
	struct prefix_key6 key = { .bits = 128 };

	__builtin_memcpy(key.addr, addr->bytes, sizeof(key.addr));
	table = bpf_map_lookup_elem(&prefixes6, &slot);
	return table ? bpf_map_lookup_elem(table, &key) : NULL;
}

/* Class of an address; 0 where no prefix covers it. */
static __always_inline __u32 classify(__u8 version, const struct address *addr)
{
	struct prefix_value *v = find_prefix(version, addr);

	return v && v->class < MAX_CLASSES ? v->class : 0;
}

#endif
