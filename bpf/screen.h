/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What RFC 9000 has every QUIC server discard, whatever its version, its connection IDs and its settings are. */
#ifndef QUICEDGE_SCREEN_H
#define QUICEDGE_SCREEN_H

#include "configs.h"
#include "parse.h"
#include "quic.h"

/*
 * UDP payload in bytes of a datagram; of a super-packet, of each but the last. The UDP header says it: the frame of a short
 * one is padded to what Ethernet carries, and of a fragmented one only the beginning is here. A length of 0 is a jumbogram's
 * (RFC 2675).
 */
static __always_inline __u32 datagram_len(const struct __sk_buff *skb, const struct packet *p)
{
	__u32 len = bpf_ntohs(p->udp_len);

	if (skb->gso_size)
		return skb->gso_size;
	if (!len)
		return skb->len - p->l4 - sizeof(struct udphdr);
	return len > sizeof(struct udphdr) ? len - sizeof(struct udphdr) : 0;
}

/* A datagram by its length alone (RFC 9000, section 10.3). */
static __always_inline enum reason screen_short(__u32 len)
{
	return screen && len < QUIC_MIN_PACKET ? REASON_SCREENED_SHORT : REASON_PASS;
}

/* A datagram that begins with a packet of a type (RFC 9000, section 14.1). */
static __always_inline enum reason screen_type(enum quic_type type, __u32 len)
{
	return screen && type == QUIC_INITIAL && len < QUIC_MIN_INITIAL ? REASON_SCREENED_INITIAL : REASON_PASS;
}

#endif
