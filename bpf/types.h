/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Structures and numbers that the programs share with the node. This is their only home: package bpf gets its Go types
 * from here by bpf2go, and docs/dataplane.md describes them to other programs that read the pinned maps.
 * Integers are in the host's byte order unless a name says __be.
 */
#ifndef QUICEDGE_TYPES_H
#define QUICEDGE_TYPES_H

#include <linux/types.h>

/* Class numbers are below this; its twin is class.Max in Go. */
#define MAX_CLASSES 1024

/* Room in a prefix table. China's announced IPv4 space is about 30,000 prefixes; the whole Internet's is about a million. */
#define MAX_PREFIXES (1 << 20)

/* Where a program runs. */
enum hook {
	HOOK_INGRESS,   /* of a device: packets of clients */
	HOOK_EGRESS,    /* of a device: packets to clients */
	HOOK_SOCKET,    /* the filter of a socket: what comes to it */
	HOOK_REUSEPORT, /* the choice between sockets that share a port */
	HOOKS,
};

/* What a program returns: the values of TCX and of clsact's direct action are the same. */
enum verdict {
	VERDICT_NEXT = -1,    /* on to the next program, then to the stack or the device */
	VERDICT_DROP = 2,
	VERDICT_REDIRECT = 7, /* of bpf_redirect */
};

/*
 * Why a program was left. New reasons go before REASONS, and never between: numbers are part of the maps' layout, and the
 * names that people see are made of these ("REASON_NOT_UDP" is shown as "not-udp").
 */
enum reason {
	REASON_PASS,           /* to or from a QUIC server: classed, counted, goes on */
	REASON_CLAMPED,        /* larger than its class's MTU: dropped, and the sender was told */
	REASON_CLAMPED_SILENT, /* larger than its class's MTU: dropped, and the sender could not be told */
	REASON_FOREIGN_PORT,   /* UDP of somebody else */
	REASON_NOT_UDP,        /* IP, but no UDP header follows */
	REASON_NOT_IP,         /* ARP and others */
	REASON_VLAN,           /* a VLAN tag inside the frame: not read */
	REASON_FRAGMENT,       /* a later fragment: it has no ports */
	REASON_TRUNCATED,      /* ends within its headers */
	REASON_BAD_HEADER,     /* a version or a header length that cannot be */
	REASON_EXT_HEADERS,    /* more IPv6 extension headers than are followed */
	REASON_TCP,            /* TCP of a QUIC server's port: goes on */
	REASON_MSS_CLAMPED,    /* a TCP SYN of such a port, its MSS lowered to the class's: goes on */
	REASON_SCREENED_SHORT,     /* shorter than any QUIC packet: dropped */
	REASON_SCREENED_FIXED_BIT, /* the fixed bit is clear: dropped */
	REASON_SCREENED_INITIAL,   /* an Initial in a datagram under 1200 bytes: dropped */
	REASON_SCREENED_VERSION,   /* a foreign version in a datagram too small to negotiate from: dropped */
	REASON_SCREENED_CID,       /* a short header whose connection ID carries no valid tag: dropped */
	REASON_STEERED,            /* socket chosen by the connection ID */
	REASON_STEERED_BY_HASH,    /* no connection ID of ours: socket chosen by the hash of addresses and ports */
	REASON_STEERED_GONE,       /* the connection ID's socket is gone: socket chosen by the hash */
	REASONS,
};

/* Room for reasons to come, so that an upgrade that adds one keeps the pinned counters. */
#define REASON_ROOM 32

/* What happened to packets: as many as went over the wire (a GSO super-packet is its segments), bytes from the IP header on. */
struct counter {
	__u64 packets;
	__u64 bytes;
};
_Static_assert(sizeof(struct counter) == 16, "struct counter is part of the maps' layout");

/* Counters of one class at one hook. */
struct class_stats {
	struct counter exits[REASON_ROOM]; /* by enum reason */
	__u64 initials; /* QUIC packets of type Initial that led a datagram, of those that passed */
	__u64 retries;  /* of type Retry */
	__u64 reserved[6];
};
_Static_assert(sizeof(struct class_stats) == 576, "struct class_stats is part of the maps' layout");
_Static_assert(REASONS <= REASON_ROOM, "reasons outgrew their room");

/* Buckets of a histogram of round-trip times. */
#define RTT_BUCKETS 32

/*
 * Round-trip times of handshakes with clients of a class. Bucket i counts those of 2^i to below 2^(i+1) microseconds; the
 * first holds all below 2, the last all from 2^31 on.
 */
struct rtt_histogram {
	__u64 buckets[RTT_BUCKETS];
	__u64 samples;
	__u64 sum_us;   /* microseconds */
	__u64 unproven; /* of the samples, those that could be forged (see rtt.h) */
};
_Static_assert(sizeof(struct rtt_histogram) == 280, "struct rtt_histogram is part of the maps' layout");

/* Handshakes that are watched at a time: the one not seen for longest makes room for a new one. */
#define MAX_HANDSHAKES 16384

/* A connection's addresses and ports as they are on the wire; an IPv4 address is followed by zeros. */
struct flow {
	__u8 client[16];
	__u8 server[16];
	__be16 client_port;
	__be16 server_port;
	__u32 version; /* 4 or 6 */
};
_Static_assert(sizeof(struct flow) == 40, "struct flow is part of the maps' layout");

/* A connection ID of QUIC version 1 or 2; bytes beyond its length are zero. */
struct cid {
	__u8 len;
	__u8 bytes[20];
};

/* A handshake whose round-trip time is being measured, or was. */
struct handshake {
	__u64 answered_ns; /* when the server's first long header left; 0: not yet */
	struct cid chosen; /* by the client, for its first packets */
	struct cid given;  /* by the server, or the one of the server's that the client has answered to */
	__u8 measured;     /* 1: the client has answered */
	__u8 reserved[5];
};
_Static_assert(sizeof(struct handshake) == 56, "struct handshake is part of the maps' layout");

/* Bits of path_profile.flags. */
enum profile_flag {
	PROFILE_SEARCH = 1,  /* path MTU discovery may probe above `initial` */
	PROFILE_PROBING = 2, /* an MTU that was lowered is being tried again */
};

/*
 * What fits the paths to a class. Each aligned eight bytes are written as one word, so that neither a packet nor a server that
 * has mapped the array ever sees half of a change within them; what belongs together is in one. Zero is for what is not known.
 * Programs read the first word alone. All zero: nothing is known of the class, nothing is clamped.
 */
struct path_profile {
	__u16 mtu;     /* IP packet in bytes that nothing to the class exceeds; 0: no limit */
	__u16 budget;  /* UDP payload in bytes that fits: mtu - 48 */
	__u16 initial; /* UDP payload in bytes of the first packets */
	__u8 flags;    /* enum profile_flag */
	__u8 source;   /* the layer that set the MTU: 0 default, 1 csv, 2 learned, 3 policy, 4 override */

	__u32 ack_delay_us;  /* the longest that a receiver holds an ACK back */
	__u16 ack_threshold; /* packets that ask for an ACK before that */
	__u8 ack_exponent;   /* ACK delays are in units of 2^this microseconds */
	__u8 reserved;

	__u32 keep_alive_ms;   /* silence after which a packet keeps the way through NATs open */
	__u32 idle_timeout_ms; /* silence that ends a connection */

	__u32 rtt_us;    /* smoothed round-trip time */
	__u16 delivered; /* of 10,000 packets those that are not lost, smoothed: 9350 is a loss of 6.5 % */
	__u16 proven;    /* IP packet in bytes that has been shown to pass */
};
_Static_assert(sizeof(struct path_profile) == 32, "struct path_profile is part of the maps' layout");

/* What the prefix tables are made of. Both kinds give the same answers. */
enum table {
	TABLE_DIR,  /* DIR-24-8 for IPv4, DXR for IPv6 */
	TABLE_TRIE, /* LPM tries */
};

/*
 * What a look-up answers, in 32 bits: class | (prefix length + 1) << ANSWER_BITS, so that it names the prefix. 0: no prefix
 * covers the address, which is not the same as 0.0.0.0/0 of class 0.
 */
#define ANSWER_BITS 16

/*
 * A table of the fast kind is one array of the same size whatever the table holds, for then the kernel inlines the look-up of
 * an element, and a second one of the size that it needs for what does not fit. The second one is in one of two slots: not in
 * that of the table in force, so that no program finds parts of one table in another. The first one says in which (`side`).
 */

/*
 * Root a.b of the table for IPv4: the entries of a.b.0.0/24 to a.b.255.0/24. The second array is leaves: the entries of the 256
 * addresses of a /24 each.
 *
 * An entry is class | (prefix length + 1) << DIR_BITS, 0 where no prefix covers it. DIR_LEAF in a root's entry: prefixes longer
 * than 24 bits lie there, and the leaf is number `leaves` + the entry's low eight bits.
 */
#define DIR_ROOTS 65536
#define DIR_BITS 10
#define DIR_LEAF 0x8000

struct dir_root {
	__u16 entries[256];
	__u32 leaves; /* the number of its first leaf */
	__u32 side;   /* the slot of leaves4 where its leaves are */
};
_Static_assert(sizeof(struct dir_root) == 520, "struct dir_root is part of the maps' layout");
_Static_assert(MAX_CLASSES == 1 << DIR_BITS, "a class fills its place in an entry");

struct dir_leaf {
	__u16 entries[256];
};
_Static_assert(sizeof(struct dir_leaf) == 512, "struct dir_leaf is part of the maps' layout");

/* What the addresses of a span of the table for IPv6 come to. */
enum span_kind {
	SPAN_ANSWER, /* all to one answer */
	SPAN_HIGH,   /* to a list of ranges by bits 0..63 of the address */
	SPAN_MIDDLE, /* by bits 64..95 */
	SPAN_LOW,    /* by bits 96..127 */
	SPAN_BRIEF,  /* to a brief list of ranges, by bits 16..47 */
};

struct dxr_span {
	__u32 to;   /* the answer, or the element that is the list: from DXR_BLOCKS on in the second array */
	__u16 kind; /* enum span_kind */
	__u16 side; /* the slot of lists6 where the second array is */
};
_Static_assert(sizeof(struct dxr_span) == 8, "struct dxr_span is part of the maps' layout");

/*
 * An element of the table for IPv6: two cache lines. The first DXR_OTHERS are roots, 16 an element: spans by the DXR_BITS bits
 * behind the first three of the addresses in 2000::/3. The 32 elements from there on are roots by bits 0..8 of all other
 * addresses. The elements after them are lists of ranges.
 *
 * A list is sorted; a range begins at its start and ends before the next, the first begins no later than the list's span. In
 * a list of less than eight the last range is repeated. The span of a range is an answer, or a list again: by the next part of
 * the address where longer prefixes lie, by the same part where ranges are more than a list holds.
 *
 * A brief list is of prefixes of up to 48 bits in 2000::/3: it has the starts' bits 16..47, and answers only.
 */
#define DXR_ROOTS 16
#define DXR_RANGES 8
#define DXR_BRIEF 16
#define DXR_BITS 20
#define DXR_OTHERS ((1 << DXR_BITS) / DXR_ROOTS)
#define DXR_BLOCKS (2 * DXR_OTHERS)

union dxr_block {
	struct dxr_span roots[DXR_ROOTS];
	struct {
		__u64 starts[DXR_RANGES];
		struct dxr_span spans[DXR_RANGES];
	} list;
	struct {
		__u32 starts[DXR_BRIEF];
		__u32 answers[DXR_BRIEF];
	} brief;
};
_Static_assert(sizeof(union dxr_block) == 128, "union dxr_block is part of the maps' layout");

/* Keys of the tries: the bits that count, then the address as it is on the wire. */
struct prefix_key4 {
	__u32 bits;
	__u8 addr[4];
};
_Static_assert(sizeof(struct prefix_key4) == 8, "struct prefix_key4 is part of the maps' layout");

struct prefix_key6 {
	__u32 bits;
	__u8 addr[16];
};
_Static_assert(sizeof(struct prefix_key6) == 20, "struct prefix_key6 is part of the maps' layout");

/* What a trie says of a prefix. */
struct prefix_value {
	__u16 class;
	__u8 bits; /* of the prefix itself, so that a look-up can name it */
	__u8 reserved;
};
_Static_assert(sizeof(struct prefix_value) == 4, "struct prefix_value is part of the maps' layout");

/* The UDP ports of QUIC servers, a bit each: port p is bit p % 64 of word p / 64. No bit set: the programs only look on. */
struct port_set {
	__u64 words[1024];
};
_Static_assert(sizeof(struct port_set) == 8192, "struct port_set is part of the maps' layout");

/*
 * Which tables are in force. A digest is that of the entries in the prefix table, all zero while a swap is under way, so
 * that whoever was killed in the middle of one is known to have been.
 */
struct generation {
	__u64 number; /* counts swaps */
	__u32 entries4;
	__u32 entries6;
	__u64 bytes4; /* memory of the table, as the kernel accounts it */
	__u64 bytes6;
	__u8 digest4[32];
	__u8 digest6[32];
	__u32 sides4[2]; /* ids of the arrays whose second arrays are in slot 0 and 1 of leaves4 */
	__u32 sides6[2]; /* and of lists6 */
};
_Static_assert(sizeof(struct generation) == 112, "struct generation is part of the maps' layout");

/* As many bytes as any program needs to put structures together. */
struct scratch {
	__u64 words[48];
};

#endif
