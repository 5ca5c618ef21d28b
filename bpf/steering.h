/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the socket programs and a server agree on: the maps `steering` and `sockets`. */
#ifndef QUICEDGE_STEERING_H
#define QUICEDGE_STEERING_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

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
	__u16 sockets;   /* of that generation: 0 to 255 of them are in the map `sockets`; 0: no server has joined */
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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct steering);
} steering SEC(".maps");

/* By generation * GENERATION_SOCKETS + socket. A socket that is closed leaves by itself. Reading gives socket cookies. */
struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, GENERATIONS * GENERATION_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

static __always_inline struct steering *find_steering(void)
{
	__u32 slot = 0;

	return bpf_map_lookup_elem(&steering, &slot);
}

static __always_inline struct steering_now steering_now(const struct steering *s)
{
	union {
		__u64 word;
		struct steering_now now;
	} u = { .word = *(const volatile __u64 *)&s->now };

	return u.now;
}

#endif
