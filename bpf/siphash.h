/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) of messages of 8 to 15 bytes: who has not
 * got the key can neither foresee an output nor tell it from random bits.
 */
#ifndef QUICEDGE_SIPHASH_H
#define QUICEDGE_SIPHASH_H

#include <linux/types.h>
#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#endif

static __always_inline __u64 rotl64(__u64 x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static __always_inline void sip_round(__u64 v[4])
{
	v[0] += v[1];
	v[1] = rotl64(v[1], 13) ^ v[0];
	v[0] = rotl64(v[0], 32);
	v[2] += v[3];
	v[3] = rotl64(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl64(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl64(v[1], 17) ^ v[2];
	v[2] = rotl64(v[2], 32);
}

static __always_inline void sip_block(__u64 v[4], __u64 block)
{
	v[3] ^= block;
	sip_round(v);
	sip_round(v);
	v[0] ^= block;
}

/* Of a message of len bytes: the first eight as a little-endian number, the others as another. */
static __always_inline __u64 siphash(const __u64 key[2], __u64 first, __u64 others, __u64 len)
{
	__u64 v[4] = {
		key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL,
	};

	sip_block(v, first);
	sip_block(v, others | len << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
