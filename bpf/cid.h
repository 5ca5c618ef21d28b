/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection IDs of a server whose sockets are chosen by qe_steer. Its twin in Go is CIDs of internal/dataplane, and
 * docs/sockets.md describes it to other servers. In the words of QUIC-LB (draft-ietf-quic-load-balancers) the place is the
 * server ID; it is encrypted, and the tag tells it from what anybody made up. A server in C may include this header.
 *
 *   0             2                                         8                          12
 *   +-------------+-----------------------------------------+---------------------------+
 *   | place ^ mask|                nonce                    |           tag             |
 *   +-------------+-----------------------------------------+---------------------------+
 *
 *   place  16 bits, little-endian: socket 0..7, zero 8..13, generation 14..15
 *   nonce  48 random bits
 *   tag    low 32 bits of SipHash-2-4(key, place | nonce), so that a forged one passes once in 2^32
 *   mask   low 16 bits of SipHash-2-4(key, nonce | tag): connection IDs of one connection, that all name its socket, do not
 *          look alike to an observer (RFC 9000, section 5.1)
 */
#ifndef QUICEDGE_CID_H
#define QUICEDGE_CID_H

#include "siphash.h"

#define CID_LEN 12

/* Processes of a server that may hold connections at the same time: the one that takes new ones, and those that drain. */
#define GENERATIONS 4

/* Sockets of one process, a core each. */
#define GENERATION_SOCKETS 256

/* A connection ID as two little-endian numbers. Aligned, since the verifier lets no stack be read otherwise. */
struct server_cid {
	__u64 head; /* place ^ mask, then the nonce */
	__u32 tag;
	__u32 pad;
};

static __always_inline __u32 cid_tag(const __u64 key[2], __u64 place, __u64 nonce)
{
	return siphash(key, place | nonce << 16, 0, 8);
}

static __always_inline __u16 cid_mask(const __u64 key[2], __u64 nonce, __u32 tag)
{
	return siphash(key, nonce | (__u64)tag << 48, tag >> 16, 10);
}

/* A fresh connection ID, for a server: its first CID_LEN bytes. */
static __always_inline struct server_cid cid_make(const __u64 key[2], __u8 generation, __u8 socket, __u64 nonce)
{
	__u16 place = generation << 14 | socket;
	struct server_cid cid = {};

	nonce &= 0xffffffffffffULL;
	cid.tag = cid_tag(key, place, nonce);
	cid.head = nonce << 16 | (__u16)(place ^ cid_mask(key, nonce, cid.tag));
	return cid;
}

/* The place in the map `sockets` that a connection ID names: generation * GENERATION_SOCKETS + socket. -1: not one of ours. */
static __always_inline int cid_place(const __u64 key[2], const struct server_cid *cid)
{
	__u64 nonce = cid->head >> 16;
	__u16 place = cid->head ^ cid_mask(key, nonce, cid->tag);

	if (place & 0x3f00 || cid_tag(key, place, nonce) != cid->tag)
		return -1;
	return place >> 14 << 8 | (place & 0xff);
}

#endif
