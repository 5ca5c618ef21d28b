/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has come to a socket. Programs there get the skb with its data at the UDP header; the IP header before it is read
 * from the start of the network header. They may not touch bytes but by helpers, which both kinds of program have.
 */
#ifndef QUICEDGE_DATAGRAM_H
#define QUICEDGE_DATAGRAM_H

#include "cid.h"
#include "classify.h"
#include "count.h"
#include "quic.h"

/* The UDP header and the least that a QUIC packet has, so laid out that the connection ID of a short header is aligned. */
struct datagram {
	__u8 pad[7];
	__u8 sport[2];
	__u8 dport[2];
	__u8 len[2];
	__u8 checksum[2];
	__u8 first;     /* byte of the QUIC packet */
	union {
		struct server_cid cid; /* of a short header */
		struct {
			__be32 version;
			__u8 dcid_len;
		} __attribute__((packed)) long_header;
	};
	__u8 rest[4];
};
_Static_assert(offsetof(struct datagram, cid) == 16, "the verifier wants the stack read in aligned pieces");
_Static_assert(sizeof(struct datagram) - 7 >= sizeof(struct udphdr) + QUIC_MIN_PACKET, "struct datagram has no room for a packet");

/* Bytes of struct datagram that are read. */
#define DATAGRAM_HEAD (sizeof(struct udphdr) + QUIC_MIN_PACKET)

/* Reads the head of a datagram that has DATAGRAM_HEAD bytes. ctx is the context of either kind of program. */
static __always_inline int load_datagram(const void *ctx, struct datagram *d)
{
	return bpf_skb_load_bytes(ctx, 0, d->sport, DATAGRAM_HEAD);
}

static __always_inline __u16 datagram_dport(const struct datagram *d)
{
	return d->dport[0] << 8 | d->dport[1];
}

/*
 * cid_place by itself: within a program it takes so many registers that others go to the stack, each where another was, which
 * the verifier refuses without CAP_PERFMON.
 */
VERIFIED_ALONE int place_of(__u64 key0, __u64 key1, __u64 head, __u32 tag)
{
	__u64 key[2] = { key0, key1 };
	struct server_cid cid = { .head = head, .tag = tag };

	return cid_place(key, &cid);
}

/* Where a long header's destination connection ID begins, counted from the UDP header. */
#define LONG_CID (sizeof(struct udphdr) + sizeof(struct quic_long))

/*
 * Reads the IP header of what has len bytes from the UDP header on: the class of its sender, and the length of the headers
 * before UDP's. Nothing is set to zero to be filled in later: Linux 6.1, without CAP_PERFMON, lets nothing smaller than a word
 * be written where a whole one was.
 */
static __always_inline __u32 load_sender(const void *ctx, __be32 ether_type, __u32 len, __u32 *headers)
{
	if (ether_type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip __attribute__((aligned(8)));

		if (bpf_skb_load_bytes_relative(ctx, 0, &ip, sizeof(ip), BPF_HDR_START_NET))
			return 0;
		*headers = sizeof(ip);
		if (bpf_ntohs(ip.payload_len) > len) /* extension headers */
			*headers += bpf_ntohs(ip.payload_len) - len;
		return classify(6, (struct address *)&ip.saddr);
	}
	struct iphdr ip;

	if (bpf_skb_load_bytes_relative(ctx, 0, &ip, sizeof(ip), BPF_HDR_START_NET))
		return 0;
	*headers = ip.ihl * 4;
	return classify(4, (struct address *)&ip.saddr);
}

/* What was on the wire of len bytes from the UDP header on: of a super-packet each segment had headers of its own. */
static __always_inline struct counter datagram_wire(__u32 headers, __u32 segments, __u32 len)
{
	struct counter wire = { .packets = 1, .bytes = (__u64)len + headers };

	if (segments > 1) {
		wire.packets = segments;
		wire.bytes += (__u64)(segments - 1) * (headers + sizeof(struct udphdr));
	}
	return wire;
}

#endif
