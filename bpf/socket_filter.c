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
	return place_of(s->key[0], s->key[1], d->cid.head, d->cid.tag) < 0;
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

static __always_inline enum reason screen_datagram(const struct datagram *d, __u32 size)
{
	const struct steering *s = find_steering();
	struct steering_now now;

	if (!s)
		return REASON_PASS;
	now = steering_now(s);
	if (d->first & QUIC_LONG_HEADER)
		return screen_long(d, size, now.flags);
	if (!(d->first & QUIC_FIXED_BIT) && !(now.flags & STEERING_GREASE))
		return REASON_SCREENED_FIXED_BIT;
	return is_stranger(d, s, now) ? REASON_SCREENED_CID : REASON_PASS;
}

/* What to make of a datagram, and whether it begins with an Initial: a reason, and JUDGED_INITIAL. */
#define JUDGED_INITIAL 0x100

VERIFIED_ALONE int judge(struct __sk_buff *skb)
{
	__u32 size = skb->len - sizeof(struct udphdr), segment = skb->gso_size;
	struct datagram d;
	enum reason why;

	if (segment && segment < size)
		size = segment;
	if (size < QUIC_MIN_PACKET || load_datagram(skb, &d))
		return REASON_SCREENED_SHORT;
	why = screen_datagram(&d, size);
	return why == REASON_PASS && datagram_type(&d) == QUIC_INITIAL ? JUDGED_INITIAL : (int)why;
}

SEC("socket")
int qe_filter(struct __sk_buff *skb)
{
	__u32 judged = judge(skb), why = judged & (REASON_ROOM - 1), headers = 0;
	__u32 class = load_sender(skb, skb->protocol, skb->len, &headers);
	struct class_stats *s = stats_of(class, HOOK_SOCKET);

	add_exit(s, why, datagram_wire(headers, skb->gso_segs, skb->len));
	if (s && judged & JUDGED_INITIAL)
		s->initials++;
	return why == REASON_PASS ? KEEP_WHOLE : 0;
}
