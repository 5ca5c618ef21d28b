//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    filter of a UDP socket (SO_ATTACH_BPF)
 * input   every datagram that has come to the socket; where it takes super-packets (UDP_GRO), those, judged by their first
 * output  KEEP_WHOLE: the socket gets all of it; 0: dropped, since it cannot be QUIC for this server
 * reads   steering, prefixes4, prefixes6
 * writes  stats
 */
#include "datagram.h"
#include "long_header.h"
#include "sockets.h"

/* Returned bytes are kept, and no datagram is longer. */
#define KEEP_WHOLE 0xffffffff

/*
 * A short header that is not for a connection of this server. Where it goes through, a server answers it with a Stateless
 * Reset (RFC 9000, section 10.3), for which the flag is clear.
 */
static __always_inline int is_stranger(const struct datagram *d, const struct steering *s, struct steering_now now)
{
	if (!(now.flags & STEERING_TAGGED) || datagram_dport(d) != now.port)
		return 0;
	return cid_place(s->key, &d->cid) < 0;
}

static __always_inline enum quic_type datagram_type(const struct datagram *d)
{
	return quic_type(d->first, bpf_ntohl(d->long_header.version));
}

/* size is that of the UDP payload. The fixed bit is one of the versions we know, and no invariant (RFC 8999). */
static __always_inline enum reason screen_long(const struct datagram *d, __u32 size, __u8 flags)
{
	enum quic_type type = datagram_type(d);

	if (type == QUIC_UNKNOWN) /* Version Negotiation is what servers send, and never get */
		return !d->long_header.version || size < QUIC_MIN_INITIAL ? REASON_SCREENED_VERSION : REASON_PASS;
	if (!(d->first & QUIC_FIXED_BIT) && !(flags & STEERING_GREASE))
		return REASON_SCREENED_FIXED_BIT;
	return type == QUIC_INITIAL && size < QUIC_MIN_INITIAL ? REASON_SCREENED_INITIAL : REASON_PASS;
}

static __always_inline enum reason screen_datagram(const struct __sk_buff *skb, struct datagram *d, __u32 size)
{
	const struct steering *s = find_steering();
	struct steering_now now;

	if (!s || size < QUIC_MIN_PACKET || load_datagram(skb, d))
		return REASON_SCREENED_SHORT;
	now = steering_now(s);
	if (d->first & QUIC_LONG_HEADER)
		return screen_long(d, size, now.flags);
	if (!(d->first & QUIC_FIXED_BIT) && !(now.flags & STEERING_GREASE))
		return REASON_SCREENED_FIXED_BIT;
	return is_stranger(d, s, now) ? REASON_SCREENED_CID : REASON_PASS;
}

SEC("socket")
int qe_filter(struct __sk_buff *skb)
{
	__u32 len = skb->len, size = len - sizeof(struct udphdr), segment = skb->gso_size, class;
	struct datagram d = {};
	struct sender s = {};
	enum reason why;

	if (segment && segment < size)
		size = segment;
	why = screen_datagram(skb, &d, size);
	load_sender(skb, skb->protocol, len, &s);
	class = sender_class(&s);
	count(class, HOOK_SOCKET, why, datagram_wire(&s, skb->gso_segs, len));
	if (why != REASON_PASS)
		return 0;
	if (d.first & QUIC_LONG_HEADER)
		count_type(class, HOOK_SOCKET, datagram_type(&d));
	return KEEP_WHOLE;
}
