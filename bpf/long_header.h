/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets with a long header: those of a handshake, one or a few at the beginning of a connection. They are counted by type
 * and screened; all other packets go by.
 */
#ifndef QUICEDGE_LONG_HEADER_H
#define QUICEDGE_LONG_HEADER_H

#include "count.h"
#include "quic.h"
#include "screen.h"

static __always_inline enum quic_type load_type(struct __sk_buff *skb, const struct packet *p)
{
	struct quic_long h;

	if (bpf_skb_load_bytes(skb, p->l4 + sizeof(struct udphdr), &h, sizeof(h)))
		return QUIC_UNKNOWN;
	return quic_type(h.first, bpf_ntohl(h.version));
}

static __always_inline void count_type(__u32 class, enum hook hook, enum quic_type type)
{
	struct class_stats *s = stats_of(class, hook);

	if (!s)
		return;
	if (type == QUIC_INITIAL)
		s->initials++;
	else if (type == QUIC_RETRY)
		s->retries++;
}

/* A datagram of a client that begins with a long header. */
VERIFIED_ALONE int long_header_in(struct __sk_buff *skb, const struct packet *p, __u32 class)
{
	enum quic_type type;
	enum reason why;

	if (!p)
		return REASON_PASS;
	type = load_type(skb, p);
	why = screen_type(type, datagram_len(skb, p));
	if (why != REASON_PASS)
		return why;
	count_type(class, HOOK_INGRESS, type);
	return REASON_PASS;
}

/* A datagram to a client that begins with a long header. */
VERIFIED_ALONE int long_header_out(struct __sk_buff *skb, const struct packet *p, __u32 class)
{
	if (p)
		count_type(class, HOOK_EGRESS, load_type(skb, p));
	return 0;
}

#endif
