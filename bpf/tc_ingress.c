//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    TCX ingress of an Ethernet device or of lo
 * input   every frame that the device takes in
 * output  VERDICT_NEXT always: the frame goes on unchanged, to other programs and to the stack
 * reads   ports, prefixes4, prefixes6
 * writes  stats
 */
#include "classify.h"
#include "count.h"

SEC("tc")
int qe_ingress(struct __sk_buff *skb)
{
	struct packet p = {};
	enum reason why = parse(skb, &p);
	__u32 class = 0;

	if (why == REASON_PASS && !is_server_port(p.dport))
		why = REASON_FOREIGN_PORT;
	if (why == REASON_PASS)
		class = classify(p.version, &p.saddr);
	count(class, HOOK_INGRESS, why, wire_size(skb, &p));
	return VERDICT_NEXT;
}
