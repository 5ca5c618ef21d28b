/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the IP addresses and the UDP ports of a frame.
 *
 *   0            14                     l4        l4 + 8
 *   +------------+----------------------+---------+-----------
 *   |  Ethernet  |  IPv4 20 + options   |   UDP   |  QUIC
 *   |   d  s  t  |  IPv6 40 + extension |  s d l c|
 *   +------------+----------------------+---------+-----------
 *   l2 = 14      l3                     ports
 *
 *   IPv4 (RFC 791)                         IPv6 (RFC 8200)
 *    0 |Ver|IHL|  TOS  |  Total length |    0 |Ver| Class |    Flow label      |
 *    4 | Identification|Fl| Frag offset|    4 | Payload len  | Next |Hop limit |
 *    8 |  TTL  | Proto |   Checksum    |    8 |            Source              |
 *   12 |            Source             |   24 |         Destination            |
 *   16 |          Destination          |   40 | Next | Len | extension ...     |
 *
 * A tag that the device took off the frame is in the skb, not in the frame, and needs no reading. Nothing is written here:
 * a program that writes packet bytes directly makes the kernel copy the head of every cloned packet, all TCP among them.
 */
#ifndef QUICEDGE_PARSE_H
#define QUICEDGE_PARSE_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

#define IP_OFFSET_MASK 0x1fff

/* Extension headers followed before a packet is let go unread. RFC 8200 recommends at most one of each, six kinds. */
#define MAX_EXT_HEADERS 6

/* Bytes brought into the linear part when the headers are not there: Ethernet, the longest IPv4 header, UDP. */
#define PULL 82

/*
 * A function that the verifier looks at by itself, once, knowing nothing of what it is called with, and of whose result it
 * then knows nothing either. Inlined, every path through it would be followed through the rest of the program (100,000
 * instructions instead of 3,000, and a load of 250 ms), and without CAP_PERFMON some are refused: those where an index is
 * another constant on each path, and those where the compiler runs out of registers and reuses the stack slot of a pointer.
 */
#define VERIFIED_ALONE __attribute__((noinline))

/* What an IPv4 or IPv6 address is looked up by. */
struct address {
	__u8 bytes[16]; /* an IPv4 address is in the first four */
};

struct packet {
	__u32 l3; /* offset of the IP header */
	__u32 l4; /* offset of the UDP header, 0 where there is none */
	__be16 sport;
	__be16 dport;
	__u8 version; /* 4, 6; 0 where the frame is not IP */
	__u8 next;    /* what follows the fixed IPv6 header */
	struct address saddr;
	struct address daddr;
};

/* The UDP header at a fixed place, behind the fixed part of the IP header. */
static __always_inline enum reason parse_udp(struct udphdr *udp, void *end, struct packet *p, __u32 l4)
{
	if ((void *)(udp + 1) > end)
		return REASON_TRUNCATED;
	p->l4 = l4;
	p->sport = udp->source;
	p->dport = udp->dest;
	return REASON_PASS;
}

/*
 * The UDP header at a place that differs from packet to packet. Without CAP_PERFMON the verifier lets no pointer into a
 * packet be moved by a variable, so it is read through a helper.
 */
static __always_inline enum reason load_udp(struct __sk_buff *skb, struct packet *p, __u32 l4)
{
	struct udphdr udp;

	if (bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)))
		return REASON_TRUNCATED;
	p->l4 = l4;
	p->sport = udp.source;
	p->dport = udp.dest;
	return REASON_PASS;
}

static __always_inline enum reason parse_ipv4(struct __sk_buff *skb, void *data, void *end, struct packet *p)
{
	struct iphdr *ip = data + ETH_HLEN;

	if ((void *)(ip + 1) > end)
		return REASON_TRUNCATED;
	if (ip->version != 4 || ip->ihl < 5)
		return REASON_BAD_HEADER;
	p->version = 4;
	__builtin_memcpy(p->saddr.bytes, &ip->saddr, 4);
	__builtin_memcpy(p->daddr.bytes, &ip->daddr, 4);
	if (ip->protocol != IPPROTO_UDP)
		return REASON_NOT_UDP;
	if (ip->frag_off & bpf_htons(IP_OFFSET_MASK))
		return REASON_FRAGMENT;
	if (ip->ihl != 5)
		return load_udp(skb, p, ETH_HLEN + ip->ihl * 4);
	return parse_udp((void *)(ip + 1), end, p, ETH_HLEN + sizeof(*ip));
}

/* The first eight bytes of any extension header; the last four are those of a fragment header (RFC 8200, section 4.5). */
struct ext_header {
	__u8 next;
	__u8 len;
	__be16 frag_off;
	__be32 id;
};

static __always_inline int is_ext_header(__u8 kind)
{
	return kind == IPPROTO_HOPOPTS || kind == IPPROTO_ROUTING || kind == IPPROTO_DSTOPTS ||
	       kind == IPPROTO_FRAGMENT || kind == IPPROTO_AH;
}

/* Length in bytes. AH counts in words of four, less two (RFC 4302, section 2.2). */
static __always_inline __u32 ext_header_len(__u8 kind, const struct ext_header *h)
{
	if (kind == IPPROTO_FRAGMENT)
		return 8;
	if (kind == IPPROTO_AH)
		return (h->len + 2) * 4;
	return (h->len + 1) * 8;
}

/*
 * Finds the UDP header behind extension headers, the first of which is of `kind`: its offset, or minus the reason why there
 * is none.
 */
VERIFIED_ALONE int udp_behind(struct __sk_buff *skb, __u32 kind)
{
	__u32 off = ETH_HLEN + sizeof(struct ipv6hdr);
	struct ext_header h;

	for (int i = 0; i < MAX_EXT_HEADERS && is_ext_header(kind); i++) {
		if (bpf_skb_load_bytes(skb, off, &h, sizeof(h)))
			return -REASON_TRUNCATED;
		if (kind == IPPROTO_FRAGMENT && (h.frag_off & bpf_htons(0xfff8)))
			return -REASON_FRAGMENT;
		off += ext_header_len(kind, &h);
		kind = h.next;
	}
	if (is_ext_header(kind))
		return -REASON_EXT_HEADERS;
	return kind == IPPROTO_UDP ? (int)off : -REASON_NOT_UDP;
}

static __always_inline enum reason parse_ext_headers(struct __sk_buff *skb, struct packet *p)
{
	int off = udp_behind(skb, p->next);

	return off > 0 ? load_udp(skb, p, off) : -off;
}

static __always_inline enum reason parse_ipv6(void *data, void *end, struct packet *p)
{
	struct ipv6hdr *ip = data + ETH_HLEN;

	if ((void *)(ip + 1) > end)
		return REASON_TRUNCATED;
	if (ip->version != 6)
		return REASON_BAD_HEADER;
	p->version = 6;
	__builtin_memcpy(p->saddr.bytes, &ip->saddr, 16);
	__builtin_memcpy(p->daddr.bytes, &ip->daddr, 16);
	p->next = ip->nexthdr;
	if (p->next != IPPROTO_UDP)
		return is_ext_header(p->next) ? REASON_EXT_HEADERS : REASON_NOT_UDP;
	return parse_udp((void *)(ip + 1), end, p, ETH_HLEN + sizeof(*ip));
}

/* The headers that nearly every packet has. REASON_EXT_HEADERS: there are more, and they are still to be followed. */
static __always_inline enum reason parse_once(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return REASON_TRUNCATED;
	p->l3 = ETH_HLEN;
	switch (eth->h_proto) {
	case bpf_htons(ETH_P_IP):
		return parse_ipv4(skb, data, end, p);
	case bpf_htons(ETH_P_IPV6):
		return parse_ipv6(data, end, p);
	case bpf_htons(ETH_P_8021Q):
	case bpf_htons(ETH_P_8021AD):
		return REASON_VLAN;
	}
	return REASON_NOT_IP;
}

/*
 * REASON_PASS: p is filled. Drivers that put a packet into pages leave few bytes, or none, in the linear part; only then is
 * a second look needed.
 */
VERIFIED_ALONE int parse(struct __sk_buff *skb, struct packet *p)
{
	enum reason why;

	if (!p)
		return REASON_TRUNCATED;
	why = parse_once(skb, p);
	if (why == REASON_TRUNCATED && !bpf_skb_pull_data(skb, skb->len < PULL ? skb->len : PULL))
		why = parse_once(skb, p);
	return why == REASON_EXT_HEADERS ? parse_ext_headers(skb, p) : why;
}

/* Length in bytes of the IP and UDP headers: what every segment of a GSO super-packet carries. */
static __always_inline __u32 headers_len(const struct packet *p)
{
	return p->l4 + sizeof(struct udphdr) - p->l3;
}

#endif
