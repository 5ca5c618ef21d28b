//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    TCX egress of an Ethernet device or of lo
 * input   every frame that is about to leave by the device
 * output  VERDICT_NEXT: the frame goes on unchanged, to other programs and to the device
 *         VERDICT_REDIRECT: larger than its class's MTU, turned into an ICMP error that goes back to the sender
 *         VERDICT_DROP: larger than its class's MTU, and no error could be made of it
 * reads   ports, prefixes4, prefixes6, profiles
 * writes  stats
 */
#include "clamp.h"
#include "classify.h"
#include "count.h"

SEC("tc")
int qe_egress(struct __sk_buff *skb)
{
	struct packet p = {};
	enum reason why = parse(skb, &p);
	struct counter wire = wire_size(skb, &p);

	if (why == REASON_PASS && !is_server_port(p.sport))
		why = REASON_FOREIGN_PORT;
	if (why != REASON_PASS) {
		count(0, HOOK_EGRESS, why, wire);
		return VERDICT_NEXT;
	}

	__u32 class = classify(p.version, &p.daddr);
	__u32 mtu = class_mtu(class);

	if (!mtu || largest_segment(skb, &p) <= mtu) {
		count(class, HOOK_EGRESS, REASON_PASS, wire);
		return VERDICT_NEXT;
	}
	if (reflect(skb, &p, mtu)) {
		count(class, HOOK_EGRESS, REASON_CLAMPED_SILENT, wire);
		return VERDICT_DROP;
	}
	count(class, HOOK_EGRESS, REASON_CLAMPED, wire);
	return send_back(skb);
}
