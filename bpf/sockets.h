/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the socket programs, pinned by these names. */
#ifndef QUICEDGE_SOCKETS_H
#define QUICEDGE_SOCKETS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "steering.h"

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
