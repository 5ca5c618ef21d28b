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
 *     | any long header, DCID = s     |                              |
 *     |------------------------------>| sample: now - then           |
 *
 * A client has to answer to what the server calls itself (RFC 9000, section 7.2), which only who got the server's packet
 * knows: nobody can forge a sample for an address that is not his. Behind a Retry the sample is that of the Retry.
 */
#ifndef QUICEDGE_RTT_H
#define QUICEDGE_RTT_H

#include "maps.h"
#include "parse.h"
#include "quic.h"

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
	return len ? bpf_skb_load_bytes(skb, off + 1, id->bytes, len) : 0;
}

static __always_inline int same_cid(const struct cid *a, const struct cid *b)
{
	__u8 differ = a->len ^ b->len;

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
	for (__u32 bits = 16; bits; bits >>= 1) {
		if (us >> bits) {
			us >>= bits;
			bucket += bits;
		}
	}
	return bucket;
}

VERIFIED_ALONE int add_rtt(__u32 class, __u64 us)
{
	struct rtt_histogram *h = bpf_map_lookup_elem(&rtt, &class);

	if (!h)
		return 0;
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

/* A long header of version 1 or 2 from a client. */
VERIFIED_ALONE int rtt_from_client(struct __sk_buff *skb, const struct packet *p, __u32 type, __u32 class)
{
	struct handshake fresh = {}, *known;
	struct flow f;

	if (!p || load_cid(skb, p->l4 + sizeof(struct udphdr) + DCID_OFFSET, &fresh.chosen) || load_flow(skb, p, 1, &f))
		return 0;
	known = bpf_map_lookup_elem(&handshakes, &f);
	if (known && known->answered_ns && same_cid(&known->given, &fresh.chosen)) {
		if (!known->measured && fresh.chosen.len >= LEAST_CID) {
			known->measured = 1;
			add_rtt(class, (bpf_ktime_get_ns() - known->answered_ns) / 1000);
		}
		return 0;
	}
	/* The client's port may have got a new connection. */
	if (type == QUIC_INITIAL && (!known || !same_cid(&known->chosen, &fresh.chosen)))
		bpf_map_update_elem(&handshakes, &f, &fresh, BPF_ANY);
	return 0;
}

/* A long header of version 1 or 2 from a server. */
VERIFIED_ALONE int rtt_from_server(struct __sk_buff *skb, const struct packet *p)
{
	__u32 off = sizeof(struct udphdr) + DCID_OFFSET;
	struct handshake *known;
	struct cid id;
	struct flow f;
	__u8 dcid_len;

	if (!p || load_flow(skb, p, 0, &f))
		return 0;
	known = bpf_map_lookup_elem(&handshakes, &f);
	if (!known || known->answered_ns)
		return 0;
	off += p->l4;
	if (bpf_skb_load_bytes(skb, off, &dcid_len, sizeof(dcid_len)) || load_cid(skb, off + 1 + dcid_len, &id))
		return 0;
	known->given = id;
	known->answered_ns = bpf_ktime_get_ns();
	return 0;
}

#endif
