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

/* A number that changes from turn to turn. At such a place the verifier does not track it, and follows one turn for all. */
struct untracked {
	__u32 unused;
	__u32 n;
};

/* A search through the options of a header, of which each turn of bpf_loop looks at one. */
struct mss_search {
	struct __sk_buff *skb;
	__u64 l4;
	__u64 header; /* bytes of it */
	__u64 limit;
	struct untracked at;      /* where the next option is, in the header */
	struct untracked lowered; /* 1: an MSS was */
};

/* 1: the options end here, or cannot be. What is behind them is the receiver's to judge. */
static long mss_turn(__u32 turn __attribute__((unused)), struct mss_search *s)
{
	struct mss_option o;

	if (s->at.n + sizeof(o) > s->header || bpf_skb_load_bytes(s->skb, s->l4 + s->at.n, &o, sizeof(o)))
		return 1;
	if (o.kind == TCP_OPTION_END)
		return 1;
	if (o.kind == TCP_OPTION_NOP) {
		s->at.n++;
		return 0;
	}
	if (o.len < 2 || s->at.n + o.len > s->header || (o.kind == TCP_OPTION_MSS && o.len != sizeof(o)))
		return 1;
	if (o.kind == TCP_OPTION_MSS && bpf_ntohs(o.mss) > s->limit) {
		if (store_mss(s->skb, s->l4, s->at.n + offsetof(struct mss_option, mss), o.mss, s->limit))
			return 1;
		s->lowered.n = 1;
	}
	s->at.n += o.len;
	return 0;
}

/* Lowers every MSS among the options to `limit`: 1 where one was lowered. */
VERIFIED_ALONE int lower_mss(struct __sk_buff *skb, __u32 l4, __u32 header, __u32 limit)
{
	struct mss_search s = { .skb = skb, .l4 = l4, .at.n = sizeof(struct tcphdr), .header = header, .limit = limit };

	if (header > sizeof(struct tcphdr) + TCP_MAX_OPTIONS)
		return 0;
	bpf_loop(TCP_MAX_OPTIONS, mss_turn, &s, 0);
	return s.lowered.n;
}

/* What becomes of a TCP packet to or from a class: only a SYN is looked into. */
static __always_inline enum reason tcp_passes(struct __sk_buff *skb, const struct packet *p, __u32 class)
{
	__u32 mtu = p->first & TCP_SYN ? class_mtu(class) : 0;

	return mtu && lower_mss(skb, p->l4, p->l4_len, class_mss(p, mtu)) ? REASON_MSS_CLAMPED : REASON_TCP;
}

#endif
