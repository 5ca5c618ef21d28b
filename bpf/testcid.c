//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    none: it is run by BPF_PROG_RUN in tests, and is part of their object only
 * input   an Ethernet header of zeros, the key's 16 bytes, a connection ID
 * output  the place that it names, or -1
 */
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

#include "cid.h"

SEC("tc")
int test_cid_place(struct __sk_buff *skb)
{
	__u64 key[2];
	struct server_cid cid;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, key, sizeof(key)) || bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(key), &cid, CID_LEN))
		return -1;
	return cid_place(key, &cid);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
