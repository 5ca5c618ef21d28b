/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Measures the round-trip time of a handshake as it passes.
 *
 *   client                          here                          server
 *     | Initial, DCID = a chosen one  | remembered: chosen           |
 *     |------------------------------>|----------------------------->|
 *     |                               | Initial or Retry, SCID = s   |
 *     |<------------------------------|<-----------------------------|
 *     |                               | remembered: given = s, now   |
 *     | long header, DCID = s         |                              |
 *     |------------------------------>| sample: now - then           |
 *
 * A client has to answer to what the server calls itself (RFC 9000, section 7.2), which only who got the server's packet
 * knows: that answer proves itself. Some clients have by then switched to another connection ID that the server has given
 * them under encryption, of the same length. That could be forged, for an address that is not the sender's: of such answers no
 * more are believed than of the others, and a few. Behind a Retry the sample is that of the Retry.
 */
#ifndef QUICEDGE_RTT_H
#define QUICEDGE_RTT_H

#include "long_header.h"
#include "maps.h"
#include "parse.h"
#include "quic.h"
#include "scratch.h"

/* A shorter connection ID can be guessed: a client that answers to it proves nothing. */
#define LEAST_CID 4

/* A length and a connection ID at an offset; -1 where it is longer than QUIC's versions 1 and 2 have it, or cut off. */
static __always_inline int load_cid(struct __sk_buff *skb, __u32 off, struct cid *id)
{
	__u8 len;

	__builtin_memset(id, 0, sizeof(*id));
	if (bpf_skb_load_bytes(skb, off, &len, sizeof(len)) || len > QUIC_MAX_CID)
		return -1;
	id->len = len;
	return len ? load_some(skb, off + 1, id->bytes, len, QUIC_MAX_CID) : 0;
}

VERIFIED_ALONE int same_cid(const struct cid *a, const struct cid *b)
{
	__u8 differ;

	if (!a || !b)
		return 0;
	differ = a->len ^ b->len;
#pragma unroll
	for (int i = 0; i < QUIC_MAX_CID; i++)
		differ |= a->bytes[i] ^ b->bytes[i];
	return !differ;
}

/* Bucket of a histogram: the number of the highest bit that is set. */
VERIFIED_ALONE int rtt_bucket(__u64 us)
{
	__u32 bucket = 0;

	if (us >> 32)
		return RTT_BUCKETS - 1;
#pragma unroll
	for (__u32 bits = 16; bits; bits >>= 1) {
		if (us >> bits) {
			us >>= bits;
			bucket += bits;
		}
	}
	return bucket;
}

/* Answers that could be forged, of a class and on a CPU, that are believed before any has proved itself. */
#define UNPROVEN_AHEAD 16

VERIFIED_ALONE int add_rtt(__u32 class, __u64 us, __u32 proven)
{
	struct rtt_histogram *h = element_of(&rtt, class);

	if (!h)
		return 0;
	if (!proven) {
		if (h->unproven >= h->samples - h->unproven + UNPROVEN_AHEAD)
			return 0;
		h->unproven++;
	}
	h->buckets[(__u32)rtt_bucket(us) % RTT_BUCKETS]++;
	h->samples++;
	h->sum_us += us;
	return 0;
}

/* The connection of a client's packet, or of one to it; not 0 where its addresses cannot be read. */
static __always_inline int load_flow(struct __sk_buff *skb, const struct packet *p, int from_client, struct flow *f)
{
	__u32 saddr = p->version == 4 ? offsetof(struct iphdr, saddr) : offsetof(struct ipv6hdr, saddr);
	__u8 *source = from_client ? f->client : f->server, *destination = from_client ? f->server : f->client;

	__builtin_memset(f, 0, sizeof(*f));
	f->version = p->version;
	f->client_port = from_client ? p->sport : p->dport;
	f->server_port = from_client ? p->dport : p->sport;
	if (p->version == 4)
		return bpf_skb_load_bytes(skb, p->l3 + saddr, source, 4) || bpf_skb_load_bytes(skb, p->l3 + saddr + 4, destination, 4);
	return bpf_skb_load_bytes(skb, p->l3 + saddr, source, 16) || bpf_skb_load_bytes(skb, p->l3 + saddr + 16, destination, 16);
}

#define DCID_OFFSET (offsetof(struct quic_long, dcid_len))

/* The client's answer to the server, to one of the server's connection IDs. */
static __always_inline void measure(struct handshake *h, const struct cid *id, __u32 class)
{
	int proven = same_cid(&h->given, id);

	h->measured = 1;
	h->given = *id;
	if (id->len >= LEAST_CID)
		add_rtt(class, (bpf_ktime_get_ns() - h->answered_ns) / 1000, proven);
}

/* What one packet is compared with what was remembered by. */
struct comparison {
	struct flow flow;
	struct handshake fresh;
	struct cid id;
};
_Static_assert(sizeof(struct comparison) <= sizeof(struct scratch), "a comparison is made in the scratch room");

/* A datagram of a client that begins with a long header. */
VERIFIED_ALONE int rtt_from_client(struct __sk_buff *skb, const struct packet *p, __u32 class)
{
	struct comparison *c = scratch_room();
	struct handshake *known;
	enum quic_type type;
	struct cid *id;

	type = p ? load_type(skb, p) : QUIC_UNKNOWN;
	if (!c || type == QUIC_UNKNOWN)
		return 0;
	id = &c->fresh.chosen;
	__builtin_memset(&c->fresh, 0, sizeof(c->fresh));
	if (load_cid(skb, p->l4 + sizeof(struct udphdr) + DCID_OFFSET, id) || load_flow(skb, p, 1, &c->flow))
		return 0;
	known = bpf_map_lookup_elem(&handshakes, &c->flow);
	if (known && (same_cid(&known->chosen, id) || (known->measured && same_cid(&known->given, id))))
		return 0;
	if (known && known->answered_ns && !known->measured && id->len == known->given.len)
		measure(known, id, class);
	else if (type == QUIC_INITIAL) /* the client's port may have got a new connection */
		bpf_map_update_elem(&handshakes, &c->flow, &c->fresh, BPF_ANY);
	return 0;
}

/* A datagram to a client that begins with a long header. */
VERIFIED_ALONE int rtt_from_server(struct __sk_buff *skb, const struct packet *p)
{
	__u32 off = sizeof(struct udphdr) + DCID_OFFSET;
	struct comparison *c = scratch_room();
	struct handshake *known;
	__u8 dcid_len;

	if (!p || !c || load_type(skb, p) == QUIC_UNKNOWN || load_flow(skb, p, 0, &c->flow))
		return 0;
	known = bpf_map_lookup_elem(&handshakes, &c->flow);
	if (!known || known->answered_ns)
		return 0;
	off += p->l4;
	if (bpf_skb_load_bytes(skb, off, &dcid_len, sizeof(dcid_len)) || load_cid(skb, off + 1 + dcid_len, &c->id))
		return 0;
	if (same_cid(&known->chosen, &c->id)) /* the client knew it before */
		return 0;
	known->given = c->id;
	known->answered_ns = bpf_ktime_get_ns();
	return 0;
}

#endif
