//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    choice between the UDP sockets that share an address and a port (SO_ATTACH_REUSEPORT_EBPF)
 * input   every datagram for one of them
 * output  SK_PASS always. Where no socket was chosen, the kernel chooses by its own hash among all that share the port
 * reads   steering, sockets, prefixes4, prefixes6
 * writes  stats
 *
 * A client's first packets carry a connection ID of its own making (RFC 9000, section 7.2) and go by the hash of addresses
 * and ports, which is the same for all of them. From then on it uses the server's, and its address may change.
 */
#include "datagram.h"
#include "sockets.h"

/* The destination connection ID of a long header, which says how long it is: of Handshake packets it is the server's. */
static __always_inline int load_long_cid(const struct sk_reuseport_md *md, const struct datagram *d, struct server_cid *cid)
{
	if (d->long_header.dcid_len != CID_LEN)
		return -1;
	return bpf_skb_load_bytes(md, LONG_CID, cid, CID_LEN);
}

/* Place of the socket that a datagram's connection ID names, or -1. */
static __always_inline int named_place(const struct sk_reuseport_md *md, const struct steering *s)
{
	struct datagram d;

	if (md->len < DATAGRAM_HEAD || load_datagram(md, &d))
		return -1;
	if (d.first & QUIC_LONG_HEADER && load_long_cid(md, &d, &d.cid))
		return -1;
	return place_of(s->key[0], s->key[1], d.cid.head, d.cid.tag);
}

/* An empty place is an error, and so is a socket with another address or port; it chooses nothing. */
static __always_inline int choose(struct sk_reuseport_md *md, __u32 place)
{
	return bpf_sk_select_reuseport(md, &sockets, &place, 0);
}

/* One of the sockets that take new connections. */
static __always_inline void choose_by_hash(struct sk_reuseport_md *md, struct steering_now now)
{
	if (now.sockets)
		choose(md, now.generation * GENERATION_SOCKETS + (__u32)((__u64)md->hash * now.sockets >> 32));
}

/* Chooses a socket, and says how. */
VERIFIED_ALONE int steer(struct sk_reuseport_md *md)
{
	const struct steering *s = find_steering();

	if (!s)
		return REASON_STEERED_BY_HASH;
	int place = named_place(md, s);

	if (place >= 0 && !choose(md, place))
		return REASON_STEERED;
	choose_by_hash(md, steering_now(s));
	return place >= 0 ? REASON_STEERED_GONE : REASON_STEERED_BY_HASH;
}

SEC("sk_reuseport")
int qe_steer(struct sk_reuseport_md *md)
{
	__u32 headers = 0, class, why;

	if (md->ip_protocol != IPPROTO_UDP)
		return SK_PASS;
	why = steer(md) & (REASON_ROOM - 1);
	class = load_sender(md, md->eth_protocol, md->len, &headers);
	add_exit(stats_of(class, HOOK_REUSEPORT), why, datagram_wire(headers, 1, md->len));
	return SK_PASS;
}
