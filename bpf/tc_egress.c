//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    TC egress (TCX or clsact) of a device
 * input   every packet that is about to leave by the device
 * output  VERDICT_NEXT: the packet goes on to other programs and to the device, unchanged but for the MSS of a TCP SYN, the
 *         mark and the priority
 *         VERDICT_REDIRECT: larger than its class's MTU, turned into an ICMP error that goes back to the sender
 *         VERDICT_DROP: larger than its class's MTU, and no error could be made of it
 * reads   ports, prefixes4, prefixes6, profiles
 * writes  stats, handshakes
 */
#include "clamp.h"
#include "classify.h"
#include "count.h"
#include "long_header.h"
#include "mark.h"
#include "mss.h"
#include "ports.h"
#include "profile.h"
#include "rtt.h"

/* A datagram that is larger than its class's MTU. */
static __always_inline int clamp(struct __sk_buff *skb, const struct packet *p, __u32 class, struct counter wire)
{
	if (reflect(skb, p, class_mtu(class))) {
		count_inline(skb, class, HOOK_EGRESS, REASON_CLAMPED_SILENT, wire);
		return VERDICT_DROP;
	}
	count_inline(skb, class, HOOK_EGRESS, REASON_CLAMPED, wire);
	return send_back(skb);
}

SEC("tc")
int qe_egress(struct __sk_buff *skb)
{
	struct packet p = {};
	enum reason why = parse(skb, &p, HOOK_EGRESS);
	struct counter wire = wire_size(skb, &p);

	if (why == REASON_PASS && !is_server_port(p.sport))
		why = REASON_FOREIGN_PORT;
	if (why != REASON_PASS) {
		count_inline(skb, 0, HOOK_EGRESS, why, wire);
		return VERDICT_NEXT;
	}

	__u32 class = classify(p.version, &p.client);

	if (p.proto == IPPROTO_TCP) {
		why = tcp_passes(skb, &p, class);
	} else {
		if (too_large(skb, &p, class_mtu(class)))
			return clamp(skb, &p, class, wire);
		if (p.first & QUIC_LONG_HEADER) {
			long_header_out(skb, &p, class);
			rtt_from_server(skb, &p);
		}
	}
	count_inline(skb, class, HOOK_EGRESS, why, wire);
	mark(skb, class);
	return VERDICT_NEXT;
}
