/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps TCP within the MTU of a class, as far as it goes by the port of a QUIC server (HTTP/1 and 2 of the same host): lowers
 * the MSS that a SYN announces (RFC 9293, section 3.7.1). That of an incoming SYN limits what the edge sends, that of an
 * outgoing SYN-ACK what the client sends.
 *
 *   | TCP header 20 | kind 1 | kind 2 | len 4 | MSS 16 | ... up to 40 bytes of options
 *                     no-op    at any offset, odd ones too
 */
#ifndef QUICEDGE_MSS_H
#define QUICEDGE_MSS_H

#include "parse.h"
#include "profile.h"

#define TCP_SYN 0x02
#define TCP_CHECKSUM 16 /* where it is in the header */
#define TCP_MAX_OPTIONS 40

enum tcp_option {
	TCP_OPTION_END,
	TCP_OPTION_NOP,
	TCP_OPTION_MSS,
};

/* The beginning of an option, as far as an MSS goes. */
struct mss_option {
	__u8 kind;
	__u8 len;
	__be16 mss;
};
_Static_assert(sizeof(struct mss_option) == 4, "struct mss_option is read from the wire");

/* MSS of a class: its MTU less IP and TCP headers without options, which the sender takes off by itself (RFC 6691). */
static __always_inline __u32 class_mss(const struct packet *p, __u32 mtu)
{
	return mtu - sizeof(struct tcphdr) - (p->version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

static __always_inline __u32 swap16(__u16 v)
{
	return (__u16)(v << 8 | v >> 8);
}

/*
 * Writes an MSS, all or nothing, and mends the checksum, which sums 16-bit words from the beginning of the header on: a value at an odd
 * offset counts with its bytes swapped. Where the device is still to make the checksum, the helper leaves it alone.
 */
static __always_inline int store_mss(struct __sk_buff *skb, __u32 l4, __u32 at, __be16 was, __u16 mss)
{
	__be16 is = bpf_htons(mss);
	int odd = at & 1;

	if (bpf_skb_pull_data(skb, l4 + at + sizeof(is))) /* can be written from here on */
		return -1;
	if (bpf_l4_csum_replace(skb, l4 + TCP_CHECKSUM, odd ? swap16(was) : was, odd ? swap16(is) : is, sizeof(is)))
		return -1;
	return bpf_skb_store_bytes(skb, l4 + at, &is, sizeof(is), 0);
}

/*
 * How far the options of a SYN have been read. All are whole words: Linux 6.1 to 6.7, without CAP_PERFMON, let no half of a word on
 * the stack be written over of which they know something.
 */
struct options {
	struct __sk_buff *skb;
	__u64 l4, at, end; /* the TCP header; the next option and the end of all, counted from it */
	__u64 limit;       /* the largest MSS to be let through */
	__u64 lowered;     /* whether one was larger */
};

/* What a bpf_loop is told to do next. */
#define GO_ON 0
#define STOP 1

/* Looks at the next option. */
static __attribute__((noinline)) long next_option(__u32 round __attribute__((unused)), struct options *o)
{
	__u32 at = o->at, end = o->end;
	struct mss_option m;

	if (at + sizeof(m) > end || bpf_skb_load_bytes(o->skb, o->l4 + at, &m, sizeof(m)))
		return STOP;
	if (m.kind == TCP_OPTION_END)
		return STOP;
	if (m.kind == TCP_OPTION_NOP) {
		o->at = at + 1;
		return GO_ON;
	}
	if (m.len < 2 || at + m.len > end)
		return STOP;
	if (m.kind == TCP_OPTION_MSS && m.len == sizeof(m) && bpf_ntohs(m.mss) > o->limit) {
		if (store_mss(o->skb, o->l4, at + offsetof(struct mss_option, mss), m.mss, o->limit))
			return STOP;
		o->lowered = 1;
	}
	o->at = at + m.len;
	return GO_ON;
}

/*
 * Lowers every MSS among the options to `limit`: 1 where one was lowered. Options are read as receivers do: an MSS of another
 * length is none and is passed over; behind an option that is shorter than itself, or reaches beyond the end, nothing is read.
 */
VERIFIED_ALONE int lower_mss(struct __sk_buff *skb, __u32 l4, __u32 header, __u32 limit)
{
	struct options o = { .skb = skb, .l4 = l4, .at = forget(sizeof(struct tcphdr), skb), .end = header, .limit = limit };

	bpf_loop(TCP_MAX_OPTIONS, next_option, &o, 0);
	return o.lowered;
}

/* What becomes of a TCP packet to or from a class: only a SYN is looked into. */
static __always_inline enum reason tcp_passes(struct __sk_buff *skb, const struct packet *p, __u32 class)
{
	__u32 mtu = p->first & TCP_SYN ? class_mtu(class) : 0;

	return mtu && lower_mss(skb, p->l4, p->l4_len, class_mss(p, mtu)) ? REASON_MSS_CLAMPED : REASON_TCP;
}

#endif
