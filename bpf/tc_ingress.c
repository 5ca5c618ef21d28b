//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook    TC ingress (TCX or clsact) of a device
 * input   every packet that the device takes in
 * output  VERDICT_NEXT: the packet goes on to other programs and to the stack, unchanged but for the MSS of a TCP SYN, the
 *         mark and the priority
 *         VERDICT_DROP: no QUIC server would have taken it
 * reads   ports, prefixes4, prefixes6, profiles
 * writes  stats, handshakes, rtt
 */
#include "classify.h"
#include "count.h"
#include "long_header.h"
#include "mark.h"
#include "mss.h"
#include "ports.h"
#include "profile.h"
#include "rtt.h"

static __always_inline enum reason quic_in(struct __sk_buff *skb, const struct packet *p, __u32 class)
{
	enum reason why = screen_short(datagram_len(skb, p));

	if (why != REASON_PASS || !(p->first & QUIC_LONG_HEADER))
		return why;
	why = long_header_in(skb, p, class);
	if (why == REASON_PASS)
		rtt_from_client(skb, p, class);
	return why;
}

SEC("tc")
int qe_ingress(struct __sk_buff *skb)
{
	struct packet p = {};
	enum reason why = parse(skb, &p, HOOK_INGRESS);
	struct counter wire = wire_size(skb, &p);

	if (why == REASON_PASS && !is_server_port(p.dport))
		why = REASON_FOREIGN_PORT;
	if (why != REASON_PASS) {
		count_inline(skb, 0, HOOK_INGRESS, why, wire);
		return VERDICT_NEXT;
	}

	__u32 class = classify(p.version, &p.client);

	why = p.proto == IPPROTO_UDP ? quic_in(skb, &p, class) : tcp_passes(skb, &p, class);
	count_inline(skb, class, HOOK_INGRESS, why, wire);
	if (why == REASON_SCREENED_SHORT || why == REASON_SCREENED_INITIAL)
		return VERDICT_DROP;
	mark(skb, class);
	return VERDICT_NEXT;
}
