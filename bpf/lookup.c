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

/* The source address of an Ethernet frame, whatever devices the programs are for: its IP version, or 0. */
static __always_inline __u8 load_source(struct __sk_buff *skb, struct address *addr)
{
	__u8 first;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &first, sizeof(first)))
		return 0;
	switch (first >> 4) {
	case 4:
		return bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, saddr), addr, 4) ? 0 : 4;
	case 6:
		return bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, saddr), addr, sizeof(*addr)) ? 0 : 6;
	}
	return 0;
}

SEC("tc")
int qe_lookup(struct __sk_buff *skb)
{
	struct address addr = {};
	__u8 version = load_source(skb, &addr);
	struct prefix_value *v = version ? find_prefix(version, &addr) : NULL;

	return v ? LOOKUP_FOUND | v->bits << 16 | v->class : 0;
}
