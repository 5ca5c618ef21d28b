/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which class an address belongs to. */
#ifndef QUICEDGE_CLASSIFY_H
#define QUICEDGE_CLASSIFY_H

#include "configs.h"
#include "maps.h"
#include "parse.h"
#include "table4.h"
#include "table6.h"
#include "trie.h"

/* What the table in force answers for an address (see ANSWER_BITS); 0: no prefix covers it. */
static __always_inline __u32 find_prefix(__u8 version, const struct address *addr)
{
	if (table_kind == TABLE_TRIE)
		return trie_find(version, addr);
	return version == 4 ? dir_find_address(addr) : dxr_find_address(addr);
}

/* Class of an address; 0 where no prefix covers it. */
static __always_inline __u32 classify(__u8 version, const struct address *addr)
{
	return find_prefix(version, addr) & (MAX_CLASSES - 1);
}

#endif
