/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every version of QUIC has in common (RFC 8999), and the packet types of versions 1 and 2.
 *
 *   long header   |1 F T T x x x x| version 32 | DCID len 8 | DCID 0..160 | SCID len 8 | SCID 0..160 | ...
 *   short header  |0 F x x x x x x| DCID, as long as its receiver made it | ...
 *
 *   F: fixed bit, 1 unless both ends agreed to grease it (RFC 9000, section 17.2; RFC 9287)
 *   T: type of version 1 (RFC 9000, section 17.2): 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry;
 *      of version 2 (RFC 9369, section 3.2): 1 Initial, 2 0-RTT, 3 Handshake, 0 Retry
 *   version 0: Version Negotiation, which only servers send
 */
#ifndef QUICEDGE_QUIC_H
#define QUICEDGE_QUIC_H

#include <linux/types.h>

#define QUIC_LONG_HEADER 0x80
#define QUIC_FIXED_BIT 0x40
#define QUIC_VERSION_1 0x00000001
#define QUIC_VERSION_2 0x6b3343cf

/* Bytes of the longest connection ID of versions 1 and 2 (RFC 9000, section 17.2). */
#define QUIC_MAX_CID 20

/* A datagram with an Initial packet is at least this long, and a server discards a shorter one (RFC 9000, section 14.1). */
#define QUIC_MIN_INITIAL 1200

/* Shorter is no QUIC packet: a flags byte, four bytes that header protection samples behind, and its 16 (RFC 9001, section 5.4.2). */
#define QUIC_MIN_PACKET 21

enum quic_type {
	QUIC_INITIAL,
	QUIC_ZERO_RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY,
	QUIC_SHORT,   /* a short header */
	QUIC_UNKNOWN, /* a long header of another version, or Version Negotiation */
};

/* The fixed part of a long header. */
struct quic_long {
	__u8 first;
	__be32 version;
	__u8 dcid_len;
} __attribute__((packed));
_Static_assert(sizeof(struct quic_long) == 6, "struct quic_long is read from the wire");

/* Type of a packet by its first byte and, of a long header, its version in host byte order. */
static __always_inline enum quic_type quic_type(__u8 first, __u32 version)
{
	if (!(first & QUIC_LONG_HEADER))
		return QUIC_SHORT;
	if (version == QUIC_VERSION_1)
		return first >> 4 & 3;
	if (version == QUIC_VERSION_2)
		return ((first >> 4) - 1) & 3;
	return QUIC_UNKNOWN;
}

#endif
