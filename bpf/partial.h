/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * UDP checksums that nobody has made yet. Linux leaves them to the device (CHECKSUM_PARTIAL): until then the header holds the
 * sum of the pseudo-header, and the skb says where the header is. No program can take that back. Where an error that quotes such
 * a header leaves by a device that makes no checksums, to the container or the virtual machine that the packet came from, the
 * kernel writes one into the quote, and by that the ICMP checksum is wrong.
 *
 *   | IP | ICMP | IP | UDP  sport  dport  length  x |       x = -(sport + dport + length + x), in ones' complement
 *
 * So the quote gets the one checksum x that the kernel would write, of a header that holds it already.
 */
#ifndef QUICEDGE_PARTIAL_H
#define QUICEDGE_PARTIAL_H

#include "parse.h"

/* Folds a sum to 16 bits, not complemented. */
static __always_inline __u16 fold_sum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The checksum that leaves itself as it is: minus the other three words, halved. Four times 0xffff is no less than they, and 0. */
static __always_inline __u16 steady_checksum(__u64 udp)
{
	__u32 minus = 4 * 0xffff - (__u32)((udp & 0xffff) + (udp >> 16 & 0xffff) + (udp >> 32 & 0xffff));

	return fold_sum((minus & 1 ? minus + 0xffff : minus) >> 1);
}

/*
 * Writes that checksum into the packet, of which only the headers will be left, where the checksum is still to be made. addrs is
 * room for both addresses, zero.
 */
static __always_inline int settle_checksum(struct __sk_buff *skb, const struct packet *p, __u8 addrs[32])
{
	__u64 udp, sum;
	__u16 steady;
	int err;

	if (p->version == 4)
		err = bpf_skb_load_bytes(skb, p->l3 + offsetof(struct iphdr, saddr), addrs, 8);
	else
		err = bpf_skb_load_bytes(skb, p->l3 + offsetof(struct ipv6hdr, saddr), addrs, 32);
	if (err || bpf_skb_load_bytes(skb, p->l4, &udp, sizeof(udp)))
		return -1;
	sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)addrs, 32, 0);
	if (fold_sum(sum + bpf_htons(IPPROTO_UDP) + (udp >> 32 & 0xffff)) != udp >> 48)
		return 0;
	steady = steady_checksum(udp);
	return bpf_skb_store_bytes(skb, p->l4 + offsetof(struct udphdr, check), &steady, sizeof(steady), 0);
}

#endif
