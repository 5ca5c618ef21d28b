/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The headers that few packets have: VLAN tags inside the frame, IPv4 options, IPv6 extension headers, fragments; and those of
 * packets of which a driver left few bytes, or none, in the linear part.
 *
 *   | d  s | 88a8 tag | 8100 tag | 0800 | IPv4 20 + options      | UDP or TCP
 *   | d  s | 8100 tag | 86dd     | IPv6 40 + extension headers   | UDP or TCP
 *
 * A tag that the device took off the frame is in the skb, not in the frame, and needs no reading. Everything is read by a
 * helper: without CAP_PERFMON the verifier lets no pointer into a packet be moved by a variable.
 */
#ifndef QUICEDGE_HEADERS_H
#define QUICEDGE_HEADERS_H

#ifndef QUICEDGE_PARSE_H
#error "include parse.h"
#endif

#define IP_OFFSET_MASK 0x1fff

/* Extension headers followed before a packet is let go unread. RFC 8200 recommends at most one of each, six kinds. */
#define MAX_EXT_HEADERS 6

/* Tags followed inside a frame: QinQ has two (IEEE 802.1ad). */
#define MAX_TAGS 2

struct vlan_tag {
	__be16 id;
	__be16 type; /* of what follows */
};

static __always_inline int is_tag(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* The Ethernet header and its tags. Sets p->l3, and p->version by the type of what follows. */
static __always_inline int load_ethernet(struct __sk_buff *skb, struct packet *p)
{
	struct vlan_tag tag;
	__be16 untagged, type;
	__u32 off = ETH_HLEN;

	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &untagged, sizeof(untagged)))
		return REASON_TRUNCATED;
	type = untagged;
#pragma unroll
	for (int i = 0; i < MAX_TAGS; i++) {
		if (!is_tag(type))
			break;
		if (bpf_skb_load_bytes(skb, off, &tag, sizeof(tag)))
			return REASON_TRUNCATED;
		type = tag.type;
		off += sizeof(tag);
	}
	p->l3 = off;
	if (type == bpf_htons(ETH_P_IP))
		p->version = 4;
	else if (type == bpf_htons(ETH_P_IPV6))
		p->version = 6;
	else
		return is_tag(type) ? REASON_VLAN : REASON_NOT_IP;
	return REASON_PASS;
}

/* A packet without a link layer says by its first four bits what it is. */
static __always_inline int load_version(struct __sk_buff *skb, struct packet *p)
{
	__u8 first;

	if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)))
		return REASON_TRUNCATED;
	p->version = first >> 4;
	if (p->version == 4 || p->version == 6)
		return REASON_PASS;
	p->version = 0;
	return REASON_NOT_IP;
}

VERIFIED_ALONE int load_ports(struct __sk_buff *skb, struct packet *p, __u32 l4)
{
	struct udphdr udp;
	struct tcphdr tcp;

	if (!p)
		return REASON_TRUNCATED;
	p->l4_len = sizeof(udp);
	if (p->proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, l4, &tcp, sizeof(tcp)))
			return REASON_TRUNCATED;
		__builtin_memcpy(&udp, &tcp, 4); /* the ports */
		p->l4_len = ((__u8 *)&tcp)[TCP_OFFSET_BYTE] >> 4 << 2;
		p->first = ((__u8 *)&tcp)[TCP_FLAGS_BYTE];
	} else if (bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp))) {
		return REASON_TRUNCATED;
	} else {
		p->udp_len = udp.len;
		bpf_skb_load_bytes(skb, l4 + sizeof(udp), &p->first, 1);
	}
	p->l4 = l4;
	p->sport = udp.source;
	p->dport = udp.dest;
	return REASON_PASS;
}

static __always_inline int load_ipv4(struct __sk_buff *skb, struct packet *p, enum hook hook)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, p->l3, &ip, sizeof(ip)))
		return REASON_TRUNCATED;
	if (ip.version != 4 || ip.ihl < 5)
		return REASON_BAD_HEADER;
	__builtin_memcpy(p->client.bytes, CLIENT(&ip, hook), 4);
	p->proto = ip.protocol;
	if (p->proto != IPPROTO_UDP && p->proto != IPPROTO_TCP)
		return REASON_NOT_UDP;
	if (ip.frag_off & bpf_htons(IP_OFFSET_MASK))
		return REASON_FRAGMENT;
	return load_ports(skb, p, p->l3 + ip.ihl * 4);
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
 * Follows extension headers, the first of which is of kind `proto` at an offset: the offset of what is behind the last, shifted
 * left by eight, and its kind; or minus the reason why there is none.
 */
VERIFIED_ALONE int behind_ext_headers(struct __sk_buff *skb, __u32 off, __u32 proto)
{
	struct ext_header h;

#pragma unroll
	for (int i = 0; i < MAX_EXT_HEADERS; i++) {
		if (!is_ext_header(proto))
			break;
		if (bpf_skb_load_bytes(skb, off, &h, sizeof(h)))
			return -REASON_TRUNCATED;
		if (proto == IPPROTO_FRAGMENT && h.frag_off & bpf_htons(0xfff8))
			return -REASON_FRAGMENT;
		off += ext_header_len(proto, &h);
		proto = h.next;
	}
	if (is_ext_header(proto))
		return -REASON_EXT_HEADERS;
	return off << 8 | (__u8)proto;
}

static __always_inline int load_ipv6(struct __sk_buff *skb, struct packet *p, enum hook hook)
{
	struct ipv6hdr ip;
	int behind;

	if (bpf_skb_load_bytes(skb, p->l3, &ip, sizeof(ip)))
		return REASON_TRUNCATED;
	if (ip.version != 6)
		return REASON_BAD_HEADER;
	__builtin_memcpy(p->client.bytes, CLIENT(&ip, hook), 16);
	behind = behind_ext_headers(skb, p->l3 + sizeof(ip), ip.nexthdr);
	if (behind < 0)
		return -behind;
	p->proto = behind;
	if (p->proto != IPPROTO_UDP && p->proto != IPPROTO_TCP)
		return REASON_NOT_UDP;
	return load_ports(skb, p, behind >> 8);
}

/* Fills p, whatever it held. REASON_PASS: all of it. */
VERIFIED_ALONE int parse_headers(struct __sk_buff *skb, struct packet *p, __u32 hook)
{
	int why;

	if (!p)
		return REASON_TRUNCATED;
	*p = (struct packet){};
	why = link_header ? load_ethernet(skb, p) : load_version(skb, p);
	if (why != REASON_PASS)
		return why;
	return p->version == 4 ? load_ipv4(skb, p, hook) : load_ipv6(skb, p, hook);
}

#endif
