//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    none: it is run by BPF_PROG_RUN, to ask the tables in force what they say of an address
 * input   a frame whose source address is the one asked for
 * output  struct prefix_value in 32 bits: class | bits << 16 | LOOKUP_FOUND; 0 where no prefix covers the address
 * reads   prefixes4, prefixes6
 * writes  nothing
 */
#include "classify.h"

/* Set in the answer where a prefix was found: class 0 and no bits is one too, 0.0.0.0/0 of unknown province. */
enum lookup_answer {
	LOOKUP_FOUND = 1 << 24,
};

SEC("tc")
int qe_lookup(struct __sk_buff *skb)
{
	struct packet p = {};

	parse(skb, &p);
	struct prefix_value *v = p.version ? find_prefix(p.version, &p.saddr) : NULL;

	return v ? LOOKUP_FOUND | v->bits << 16 | v->class : 0;
}
