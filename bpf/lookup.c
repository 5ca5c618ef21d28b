//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    none: it is run by BPF_PROG_RUN, to ask the tables in force what they say of an address
 * input   a frame whose source address is the one asked for
 * output  class | (prefix length + 1) << ANSWER_BITS; 0 where no prefix covers the address
 * reads   prefixes4, prefixes6 or trie4, trie6
 * writes  nothing
 */
#include "classify.h"

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

	return version ? find_prefix(version, &addr) : 0;
}
