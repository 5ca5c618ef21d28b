/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the map `steering` holds: what the socket programs and a server agree on. A server in C may include this header. */
#ifndef QUICEDGE_STEERING_H
#define QUICEDGE_STEERING_H

#include <linux/types.h>

#include "cid.h"

/* Bits of steering_now.flags. */
enum steering_flag {
	STEERING_TAGGED = 1, /* the server of `port` made all its connection IDs as cid.h has it */
	STEERING_GREASE = 2, /* servers let their clients clear the fixed bit (RFC 9287) */
};

/* What changes while programs run: eight bytes that are written as one word, so that no packet sees half of a change. */
struct steering_now {
	__u8 generation; /* that takes new connections */
	__u8 flags;      /* enum steering_flag */
	__u16 sockets;   /* how many that generation has in the map `sockets`, from 0 on; 0: no server has joined */
	__u16 port;      /* theirs */
	__u16 reserved;
};
_Static_assert(sizeof(struct steering_now) == 8, "struct steering_now is one word");

struct steering {
	__u64 key[2]; /* of SipHash, random at the first load; secret */
	struct steering_now now;
	__u64 reserved[5];
};
_Static_assert(sizeof(struct steering) == 64, "struct steering is part of the maps' layout");

#endif
