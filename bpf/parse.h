/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the IP addresses and the UDP or TCP ports of a frame. Here are the headers that nearly every packet has, read at
 * fixed places of the linear part; headers.h reads all others.
 *
 *   0            14                     l4
 *   +------------+----------------------+---------+-----------
 *   |  Ethernet  |  IPv4 20             |   UDP   |  QUIC
 *   |   d  s  t  |  IPv6 40             |   TCP   |
 *   +------------+----------------------+---------+-----------
 *   none on tun  l3                     ports
 *
 *   IPv4 (RFC 791)                         IPv6 (RFC 8200)
 *    0 |Ver|IHL|  TOS  |  Total length |    0 |Ver| Class |    Flow label      |
 *    4 | Identification|Fl| Frag offset|    4 | Payload len  | Next |Hop limit |
 *    8 |  TTL  | Proto |   Checksum    |    8 |            Source              |
 *   12 |            Source             |   24 |         Destination            |
 *   16 |          Destination          |   40 | Next | Len | extension ...     |
 *
 * Nothing is written here: a program that writes packet bytes directly makes the kernel copy the head of every cloned packet,
 * all TCP among them.
 */
#ifndef QUICEDGE_PARSE_H
#define QUICEDGE_PARSE_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "configs.h"
#include "types.h"

/*
 * A function that the verifier looks at by itself, once, knowing nothing of what it is called with, and of whose result it
 * then knows nothing either. Inlined, every path through it would be followed through the rest of the program (100,000
 * instructions instead of 3,000, and a load of 250 ms), and without CAP_PERFMON some are refused: those where an index is
 * another constant on each path, and those where the compiler runs out of registers and reuses the stack slot of a pointer.
 */
#define VERIFIED_ALONE __attribute__((noinline))

/*
 * Makes the verifier forget what it knows of a number: without CAP_PERFMON it refuses an index that is another constant on
 * each path.
 */
static __always_inline __u32 forget(__u32 number, const struct __sk_buff *skb)
{
	__u32 unknown = skb->len;

	number ^= unknown;
	asm volatile("" : "+r"(number));
	return number ^ unknown;
}

/*
 * bpf_skb_load_bytes and bpf_skb_store_bytes of as many bytes as a variable says: 1 to `most`. Older kernels learn nothing from
 * "not 0", and want the bounds in the register that the helper gets: one less is compared, and 1 is added.
 */
static __always_inline int load_some(struct __sk_buff *skb, __u32 off, void *to, __u32 len, __u32 most)
{
	__u32 less = len - 1;

	asm volatile("" : "+r"(less));
	return less < most ? bpf_skb_load_bytes(skb, off, to, less + 1) : -1;
}

static __always_inline int store_some(struct __sk_buff *skb, __u32 off, const void *from, __u32 len, __u32 most)
{
	__u32 less = len - 1;

	asm volatile("" : "+r"(less));
	return less < most ? bpf_skb_store_bytes(skb, off, from, less + 1, 0) : -1;
}

/* What an IPv4 or IPv6 address is looked up by. */
struct address {
	union {
		__u8 bytes[16]; /* an IPv4 address is in the first four, before zeros */
		__be64 halves[2];
	};
};

struct packet {
	__u32 l3;       /* offset of the IP header */
	__u32 l4;       /* offset of the UDP or TCP header, 0 where there is none */
	__be16 sport;
	__be16 dport;
	__be16 udp_len; /* as the UDP header has it */
	__u8 version;   /* 4, 6; 0 where the frame is not IP */
	__u8 proto;     /* IPPROTO_UDP or IPPROTO_TCP, where l4 is not 0 */
	__u8 l4_len;    /* of the UDP or TCP header, in bytes */
	__u8 first;     /* byte of the UDP payload, 0 where there is none; of TCP the flags */
	__u8 reserved[6];
	struct address client;
};

/* Where the length and the flags of a TCP header are (RFC 9293, section 3.1). */
#define TCP_OFFSET_BYTE 12
#define TCP_FLAGS_BYTE 13

/* What parse_plain says of headers that it does not read. */
#define NOT_PLAIN (-1)

#define FRAGMENTED 0x3fff /* more fragments follow, or this one has an offset */

/* The addresses of an IP header: which of them is the client's depends on the hook. */
#define CLIENT(ip, hook) ((hook) == HOOK_INGRESS ? &(ip)->saddr : &(ip)->daddr)

#include "headers.h"

/*
 * The UDP or TCP header at a fixed place. What begins a word of p is written after the rest of that word: Linux 6.1 to 6.7, without
 * CAP_PERFMON, let nothing be written on the stack behind a number of which they know something.
 */
static __always_inline int parse_ports(struct __sk_buff *skb, void *data, void *end, struct packet *p, const __u32 l3, __u32 l4)
{
	struct udphdr *udp = data + l4;
	__u8 *b = data + l4, l4_len = sizeof(*udp);

	p->l4 = l4;
	p->dport = udp->dest; /* TCP has its ports in the same place */
	if (p->proto == IPPROTO_UDP) {
		p->udp_len = udp->len;
		if ((void *)(b + sizeof(*udp) + 1) <= end)
			p->first = b[sizeof(*udp)];
		else
			bpf_skb_load_bytes(skb, l4 + sizeof(*udp), &p->first, 1); /* of UDP GSO the payload lies in pages */
	} else if (p->proto == IPPROTO_TCP && (void *)(b + sizeof(struct tcphdr)) <= end) {
		l4_len = b[TCP_OFFSET_BYTE] >> 4 << 2;
		p->first = b[TCP_FLAGS_BYTE];
	} else {
		return NOT_PLAIN;
	}
	barrier();
	p->l3 = l3;
	p->sport = udp->source;
	p->l4_len = l4_len;
	return REASON_PASS;
}

/* Of a frame whose IP header is at l3, and of the version given, after a look at its type or its first byte. */
static __always_inline int parse_plain4(struct __sk_buff *skb, void *data, void *end, struct packet *p, enum hook hook, const __u32 l3)
{
	struct iphdr *ip = data + l3;

	if ((void *)(ip + 1) + sizeof(struct udphdr) > end)
		return NOT_PLAIN;
	if (*(__u8 *)ip != 0x45 || ip->frag_off & bpf_htons(FRAGMENTED))
		return NOT_PLAIN;
	p->version = 4;
	p->proto = ip->protocol;
	__builtin_memcpy(p->client.bytes, CLIENT(ip, hook), 4);
	return parse_ports(skb, data, end, p, l3, l3 + sizeof(*ip));
}

static __always_inline int parse_plain6(struct __sk_buff *skb, void *data, void *end, struct packet *p, enum hook hook, const __u32 l3)
{
	struct ipv6hdr *ip = data + l3;
	__be64 *halves;

	if ((void *)(ip + 1) + sizeof(struct udphdr) > end)
		return NOT_PLAIN;
	if (ip->version != 6)
		return NOT_PLAIN;
	p->version = 6;
	p->proto = ip->nexthdr;
	halves = (void *)CLIENT(ip, hook);
	p->client.halves[0] = halves[0];
	p->client.halves[1] = halves[1];
	return parse_ports(skb, data, end, p, l3, l3 + sizeof(*ip));
}

static __always_inline int parse_plain(struct __sk_buff *skb, struct packet *p, enum hook hook)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;

	if (!link_header) {
		if (data + 1 > end)
			return NOT_PLAIN;
		switch (*(__u8 *)data >> 4) {
		case 4:
			return parse_plain4(skb, data, end, p, hook, 0);
		case 6:
			return parse_plain6(skb, data, end, p, hook, 0);
		}
		return NOT_PLAIN;
	}
	if ((void *)(eth + 1) > end)
		return NOT_PLAIN;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_plain4(skb, data, end, p, hook, ETH_HLEN);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_plain6(skb, data, end, p, hook, ETH_HLEN);
	return NOT_PLAIN;
}

/* REASON_PASS: p, which was zero, is filled. */
static __always_inline int parse(struct __sk_buff *skb, struct packet *p, enum hook hook)
{
	int why = parse_plain(skb, p, hook);

	return why == NOT_PLAIN ? parse_headers(skb, p, hook) : why;
}

/* Length in bytes of the headers from IP to UDP or TCP: what every segment of a GSO super-packet carries. */
static __always_inline __u32 headers_len(const struct packet *p)
{
	return p->l4 + p->l4_len - p->l3;
}

#endif
