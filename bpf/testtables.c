//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    none: they are run by BPF_PROG_RUN, and are part of the tests' object only
 * input   test_answer4, test_answer6: nothing. test_parse, test_find, test_chained: a frame of UDP over IPv4, or IPv6, to port 443
 * output  0; 1 where there was nothing to do
 * reads   the prefix tables; questions4, questions6: the addresses that are asked for, whatever the frame has
 * writes  answers
 */
#include "classify.h"

#define QUESTIONS4 1024 /* an element */
#define QUESTIONS6 256
#define MAX_QUESTIONS (1 << 20)

struct questions4 {
	__u32 addrs[QUESTIONS4]; /* in host byte order */
};

struct questions6 {
	struct {
		__u64 high, low;
	} addrs[QUESTIONS6];
};

struct answers {
	__u32 answers[QUESTIONS4];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_QUESTIONS / QUESTIONS4);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct questions4);
} questions4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_QUESTIONS / QUESTIONS6);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct questions6);
} questions6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_QUESTIONS / QUESTIONS4);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct answers);
} answers SEC(".maps");

/* Where the next run goes on. */
__u32 next;

/* How many questions there are, less one: a power of two, less one. */
__u32 question_mask = MAX_QUESTIONS - 1;

/* The last answer. */
__u32 last;

static __always_inline int load4(__u32 i, struct address *addr)
{
	__u32 element = i / QUESTIONS4;
	struct questions4 *q = bpf_map_lookup_elem(&questions4, &element);

	if (!q)
		return -1;
	__be32 be = bpf_htonl(q->addrs[i % QUESTIONS4]);

	__builtin_memcpy(addr->bytes, &be, sizeof(be));
	return 0;
}

static __always_inline int load6(__u32 i, struct address *addr)
{
	__u32 element = i / QUESTIONS6;
	struct questions6 *q = bpf_map_lookup_elem(&questions6, &element);

	if (!q)
		return -1;
	__be64 high = bpf_cpu_to_be64(q->addrs[i % QUESTIONS6].high), low = bpf_cpu_to_be64(q->addrs[i % QUESTIONS6].low);

	__builtin_memcpy(addr->bytes, &high, sizeof(high));
	__builtin_memcpy(addr->bytes + sizeof(high), &low, sizeof(low));
	return 0;
}

static __always_inline int load(__u8 version, __u32 i, struct address *addr)
{
	return version == 4 ? load4(i, addr) : load6(i, addr);
}

/* Answers the next question. */
static __always_inline int answer(__u8 version)
{
	__u32 i = next++ & question_mask, element = i / QUESTIONS4;
	struct address addr = {};
	struct answers *a = bpf_map_lookup_elem(&answers, &element);

	if (!a || load(version, i, &addr))
		return 1;
	a->answers[i % QUESTIONS4] = find_prefix(version, &addr);
	return 0;
}

SEC("tc")
int test_answer4(struct __sk_buff *skb __attribute__((unused)))
{
	return answer(4);
}

SEC("tc")
int test_answer6(struct __sk_buff *skb __attribute__((unused)))
{
	return answer(6);
}

/* The least that a program has to read before it can look an address up. */
static __always_inline int is_quic(struct __sk_buff *skb, __u8 version)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip4 = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct udphdr *udp = version == 4 ? (void *)(ip4 + 1) : (void *)(ip6 + 1);

	if ((void *)(udp + 1) > end)
		return 0;
	if (version == 4 && (eth->h_proto != bpf_htons(ETH_P_IP) || ip4->ihl != 5 || ip4->protocol != IPPROTO_UDP))
		return 0;
	if (version == 6 && (eth->h_proto != bpf_htons(ETH_P_IPV6) || ip6->nexthdr != IPPROTO_UDP))
		return 0;
	return udp->dest == bpf_htons(443);
}

enum step {
	PARSE,   /* only read the next address */
	FIND,    /* look it up */
	CHAINED, /* look it up, and begin no earlier than when the last answer is known */
};

static __always_inline int find(struct __sk_buff *skb, __u8 version, enum step what)
{
	__u32 i = next++, answer;
	struct address addr = {};

	if (what == CHAINED)
		i += last >> 31; /* 0 */
	if (!is_quic(skb, version) || load(version, i & question_mask, &addr))
		return 1;
	answer = what == PARSE ? addr.bytes[0] : find_prefix(version, &addr);
	asm volatile("" : "+r"(answer)); /* that its upper bit is clear is not for the compiler to know */
	last = answer;
	return 0;
}

SEC("tc")
int test_parse4(struct __sk_buff *skb)
{
	return find(skb, 4, PARSE);
}

SEC("tc")
int test_parse6(struct __sk_buff *skb)
{
	return find(skb, 6, PARSE);
}

SEC("tc")
int test_find4(struct __sk_buff *skb)
{
	return find(skb, 4, FIND);
}

SEC("tc")
int test_find6(struct __sk_buff *skb)
{
	return find(skb, 6, FIND);
}

SEC("tc")
int test_chained4(struct __sk_buff *skb)
{
	return find(skb, 4, CHAINED);
}

SEC("tc")
int test_chained6(struct __sk_buff *skb)
{
	return find(skb, 6, CHAINED);
}

/* As in dataplane.c: keeps in the object's type information what only inner maps use. */
struct inner_types {
	struct prefix_key4 key4;
	struct prefix_key6 key6;
	struct prefix_value value;
	struct dir_root dir_root;
	struct dir_leaf dir_leaf;
	union dxr_block dxr_block;
} *inner_types __attribute__((unused));

char LICENSE[] SEC("license") = "Dual BSD/GPL";
