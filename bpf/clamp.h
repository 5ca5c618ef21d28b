/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps packets within the MTU of their class, and tells the local sender of those that are not, as a router on the path
 * would (RFC 1191, section 4; RFC 8201): the packet is cut to its headers, an ICMP error is put in front of them, and the
 * result comes back in through the device that it was about to leave by.
 *
 *   before  | Ethernet, tags | IP | UDP | payload ...
 *   after   | Ethernet, tags | IP | ICMP | IP | UDP |
 *
 * The sender learns it as from any router: sockets with path MTU discovery get EMSGSIZE on the next send that is too large,
 * and those that probe themselves (IP_PMTUDISC_PROBE, as QUIC servers do) see a lost probe.
 */
#ifndef QUICEDGE_CLAMP_H
#define QUICEDGE_CLAMP_H

#include "configs.h"
#include "maps.h"
#include "parse.h"
#include "partial.h"
#include "scratch.h"

/* linux/icmp.h cannot be included for the bpf target: it pulls in the C library. */
#define ICMP_DEST_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMPV6_PKT_TOOBIG 2

/*
 * No IPv6 node believes in a path below this (RFC 8200, section 5; RFC 8201, section 4 has it discard such an error). A
 * class below it is clamped all the same, and its senders are told the least that they will believe.
 */
#define IPV6_MIN_MTU 1280

/* The longest IPv4 header and a UDP header; the shortest IPv6 header and a UDP header are 48. */
#define MAX_QUOTE4 68
/* Of an IPv6 packet with extension headers as much is quoted as there is room for in a draft. */
#define MAX_QUOTE6 128

/* ICMP "fragmentation needed" (RFC 1191, section 4) and ICMPv6 "packet too big" (RFC 4443, section 3.2). */
struct frag_needed {
	__u8 type, code;
	__u16 checksum;
	__be16 unused;
	__be16 mtu;
};

struct too_big {
	__u8 type, code;
	__u16 checksum;
	__be32 mtu;
};

struct error4 {
	struct iphdr ip;
	struct frag_needed icmp;
};
_Static_assert(sizeof(struct error4) == 28, "struct error4 is written to the wire");

struct error6 {
	struct ipv6hdr ip;
	struct too_big icmp;
};
_Static_assert(sizeof(struct error6) == 48, "struct error6 is written to the wire");

/* IP length in bytes of the largest packet that the skb becomes on the wire. */
static __always_inline __u32 largest_segment(const struct __sk_buff *skb, const struct packet *p)
{
	__u32 whole = skb->len - p->l3;
	__u32 segment = headers_len(p) + skb->gso_size;

	return skb->gso_size && segment < whole ? segment : whole;
}

static __always_inline int too_large(const struct __sk_buff *skb, const struct packet *p, __u32 mtu)
{
	return mtu && largest_segment(skb, p) > mtu;
}

static __always_inline __u16 fold(__u64 sum)
{
	return ~fold_sum(sum);
}

/* Bytes before the IP header: Ethernet and the tags in the frame. */
#define MAX_LINK (ETH_HLEN + MAX_TAGS * sizeof(struct vlan_tag))

/* Cuts the packet to as many bytes of IP as are quoted, and makes it longer by as many as the error has in front of them. */
static __always_inline int make_room(struct __sk_buff *skb, const struct packet *p, __u32 quoted, __u32 room)
{
	if (bpf_skb_change_tail(skb, p->l3 + quoted, 0))
		return -1;
	if (p->l3 > ETH_HLEN) /* behind a tag the kernel sees no IP header to make room before */
		return bpf_skb_change_head(skb, room, 0);
	return bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, 0);
}

/* The pseudo-header that an ICMPv6 checksum covers (RFC 8200, section 8.1). */
struct pseudo6 {
	struct in6_addr saddr, daddr;
	__be32 len;
	__be32 next;
};
_Static_assert(sizeof(struct pseudo6) == 40, "struct pseudo6 is summed as it lies");

/* An error being written. */
struct draft {
	__u8 link[MAX_LINK], sender[ETH_ALEN];
	union {
		struct error4 v4;
		struct error6 v6;
	};
	struct pseudo6 pseudo;
	__u32 quoted; /* bytes of the packet that the error quotes */
	__u8 quote[MAX_QUOTE6];
};
_Static_assert(sizeof(struct draft) <= sizeof(struct scratch), "a draft is written in the scratch room");

/*
 * Whether an address is one host's, going by its first byte: no error goes to another, nor comes from one (RFC 1122, section
 * 3.2.2; RFC 4443, section 2.4). An IPv6 router may answer a packet to a group, but from an address of its own.
 */
static __always_inline int of_one_host4(__u8 first)
{
	return first && first < 224;
}

static __always_inline int of_one_host6(__u8 first)
{
	return first != 0xff;
}

/*
 * Writes the error in the packet's place, from the link's header on, which sends it back to where the packet came from, by
 * the same VLAN: the device takes in only frames to its own address.
 */
static __always_inline int place(struct __sk_buff *skb, const struct packet *p, struct draft *d, __u32 len)
{
	__u32 l3 = p->l3;

	if (link_header) {
		if (l3 < ETH_HLEN || load_some(skb, 0, d->link, l3, sizeof(d->link)))
			return -1;
		if (d->link[0] & 1) /* to a group, or to all of the link */
			return -1;
		__builtin_memcpy(d->sender, d->link + ETH_ALEN, ETH_ALEN);
		__builtin_memcpy(d->link + ETH_ALEN, d->link, ETH_ALEN);
		__builtin_memcpy(d->link, d->sender, ETH_ALEN);
	}
	if (make_room(skb, p, d->quoted, len))
		return -1;
	if (link_header && store_some(skb, 0, d->link, l3, sizeof(d->link)))
		return -1;
	if (bpf_skb_store_bytes(skb, l3, &d->v4, len, 0))
		return -1;
	return store_some(skb, l3 + len, d->quote, d->quoted, sizeof(d->quote));
}

static __always_inline int reflect4(struct __sk_buff *skb, const struct packet *p, struct draft *d, __u32 mtu)
{
	struct error4 *e = &d->v4;
	__u32 quoted = d->quoted;

	if (quoted < sizeof(struct iphdr) + sizeof(struct udphdr))
		return -1;
	if (load_some(skb, p->l3, d->quote, quoted, MAX_QUOTE4))
		return -1;
	if (!of_one_host4(d->quote[offsetof(struct iphdr, saddr)]) || !of_one_host4(d->quote[offsetof(struct iphdr, daddr)]))
		return -1;
	e->ip.version = 4;
	e->ip.ihl = 5;
	e->ip.ttl = 64;
	e->ip.protocol = IPPROTO_ICMP;
	e->ip.tot_len = bpf_htons(sizeof(*e) + quoted);
	__builtin_memcpy(&e->ip.saddr, d->quote + offsetof(struct iphdr, daddr), 4);
	__builtin_memcpy(&e->ip.daddr, d->quote + offsetof(struct iphdr, saddr), 4);
	e->icmp.type = ICMP_DEST_UNREACH;
	e->icmp.code = ICMP_FRAG_NEEDED;
	e->icmp.mtu = bpf_htons(mtu);

	e->ip.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&e->ip, sizeof(e->ip), 0));
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&e->icmp, sizeof(e->icmp), 0);
	e->icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)d->quote, MAX_QUOTE4, sum));

	return place(skb, p, d, sizeof(*e));
}

static __always_inline int reflect6(struct __sk_buff *skb, const struct packet *p, struct draft *d, __u32 mtu)
{
	struct error6 *e = &d->v6;
	__u32 quoted = d->quoted;

	if (quoted < sizeof(struct ipv6hdr) + sizeof(struct udphdr))
		return -1;
	if (load_some(skb, p->l3, d->quote, quoted, sizeof(d->quote)))
		return -1;
	if (!of_one_host6(d->quote[offsetof(struct ipv6hdr, saddr)]) || !of_one_host6(d->quote[offsetof(struct ipv6hdr, daddr)]))
		return -1;
	e->ip.version = 6;
	e->ip.hop_limit = 64;
	e->ip.nexthdr = IPPROTO_ICMPV6;
	e->ip.payload_len = bpf_htons(sizeof(e->icmp) + quoted);
	__builtin_memcpy(&e->ip.saddr, d->quote + offsetof(struct ipv6hdr, daddr), 16);
	__builtin_memcpy(&e->ip.daddr, d->quote + offsetof(struct ipv6hdr, saddr), 16);
	e->icmp.type = ICMPV6_PKT_TOOBIG;
	e->icmp.mtu = bpf_htonl(mtu < IPV6_MIN_MTU ? IPV6_MIN_MTU : mtu);

	d->pseudo.saddr = e->ip.saddr;
	d->pseudo.daddr = e->ip.daddr;
	d->pseudo.len = bpf_htonl(sizeof(e->icmp) + quoted);
	d->pseudo.next = bpf_htonl(IPPROTO_ICMPV6);
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&d->pseudo, sizeof(d->pseudo), 0);

	sum = bpf_csum_diff(NULL, 0, (__be32 *)&e->icmp, sizeof(e->icmp), sum);
	e->icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)d->quote, sizeof(d->quote), sum));

	return place(skb, p, d, sizeof(*e));
}

/* lo has this index in every network namespace. */
#define LOOPBACK_IFINDEX 1

/*
 * Sends the error to the sender. A packet from 127.0.0.1 that newly comes in is a martian to the stack, so on lo the error
 * takes the way that everything takes there: out, with the route that the packet had.
 */
static __always_inline int send_back(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex, skb->ifindex == LOOPBACK_IFINDEX ? 0 : BPF_F_INGRESS);
}

/* Turns the packet into the error that its sender gets. 0: it is one now, and is to be redirected. */
VERIFIED_ALONE int reflect(struct __sk_buff *skb, const struct packet *p, __u32 mtu)
{
	struct draft *d = scratch_room();

	if (!reflect_errors || !p || !d)
		return -1;
	__builtin_memset(d, 0, sizeof(*d));
	d->quoted = headers_len(p);
	if (settle_checksum(skb, p, d->quote))
		return -1;
	return p->version == 4 ? reflect4(skb, p, d, mtu) : reflect6(skb, p, d, mtu);
}

#endif
