/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Longest prefix match for IPv6 by ranges, after DXR (Zec, Rizzo, Mikuc: "DXR: Towards a Billion Routing Lookups Per Second
 * in Software", CCR 42(5), 2012): prefixes are flattened to ranges of addresses that have one answer each, and an array by the
 * upper bits gives the ranges to look in.
 *
 *   the first bits of 2001:db8:23::7  ->  an answer, or a list of 8 or 16 ranges  ->  an answer, or a list again  ->  ...
 *
 * Lists form a search tree with eight branches, whose starts are one cache line and whose spans are the next: a step costs two
 * lines that lie together, and no jump that would be guessed wrong. A binary search costs a line for nearly every step.
 */
#ifndef QUICEDGE_TABLE6_H
#define QUICEDGE_TABLE6_H

#include "maps.h"
#include "parse.h"

/* Lists on the way from a root to an answer: by each of three parts of an address a tree of up to 8^8 ranges. */
#define DXR_MAX_LISTS 24

/*
 * Which range of a list an address is in: the last that begins no later. Starts and key differ by less than 2^63 (those of
 * SPAN_HIGH share nine bits), so that the sign of the difference tells which is larger.
 */
static __always_inline __u32 dxr_range(const union dxr_block *b, __u64 key)
{
	__u64 later = 0;

	for (int i = 1; i < DXR_RANGES; i++)
		later += (key - b->list.starts[i]) >> 63;
	later = DXR_RANGES - 1 - later;
	asm volatile("" : "+r"(later)); /* the compiler knows that it is below DXR_RANGES, the verifier does not */
	return later & (DXR_RANGES - 1);
}

/* The part of an address that lists of a kind are sorted by. */
static __always_inline __u64 dxr_key(__u32 kind, __u64 high, __u64 low)
{
	if (kind == SPAN_HIGH)
		return high;
	return kind == SPAN_MIDDLE ? low >> 32 : (__u32)low;
}

/* The element that a list is. */
static __always_inline union dxr_block *dxr_block(void *table, struct dxr_span list)
{
	if (list.to < DXR_BLOCKS)
		return element_of(table, list.to);
	table = element_of(&lists6, list.side);
	return table ? element_of(table, list.to - DXR_BLOCKS) : NULL;
}

/* The range of a list that an address is in; the zero span, an answer that no prefix covers it, where there is no such list. */
static __always_inline struct dxr_span dxr_step(void *table, struct dxr_span span, __u64 high, __u64 low)
{
	union dxr_block *b = dxr_block(table, span);

	if (!b)
		return (struct dxr_span){};
	return b->list.spans[dxr_range(b, dxr_key(span.kind, high, low))];
}

/* The answer of a brief list; 0 where there is no such list. */
static __always_inline __u32 dxr_brief(const union dxr_block *b, __u64 high)
{
	__u64 key = (__u32)(high >> 16), later = 0;

	if (!b)
		return 0;
	asm volatile("" : "+r"(key)); /* from less than 2^32 the compiler would make a jump of each comparison */
	for (int i = 1; i < DXR_BRIEF; i++)
		later += (key - b->brief.starts[i]) >> 63;
	later = DXR_BRIEF - 1 - later;
	asm volatile("" : "+r"(later)); /* as in dxr_range */
	return b->brief.answers[later & (DXR_BRIEF - 1)];
}

/* The root that an address is under; an answer that no prefix covers it where the table has none. */
static __always_inline struct dxr_span dxr_root(void *table, __u64 high)
{
	__u32 global = high >> 61 == 1;
	__u32 at = global ? (high >> (61 - DXR_BITS)) & (DXR_OTHERS * DXR_ROOTS - 1) : DXR_OTHERS * DXR_ROOTS + (high >> 55);
	union dxr_block *b = element_of(table, at / DXR_ROOTS);

	return b ? b->roots[at % DXR_ROOTS] : (struct dxr_span){};
}

/* A way down, of which each turn of bpf_loop makes a step. */
struct dxr_way {
	void *table;
	__u64 high, low;
	struct dxr_span span;
};

static long dxr_turn(__u32 turn __attribute__((unused)), struct dxr_way *way)
{
	if (way->span.kind == SPAN_ANSWER || way->span.kind == SPAN_BRIEF)
		return 1;
	way->span = dxr_step(way->table, way->span, way->high, way->low);
	return 0;
}

/* All the way down, wherever it leads. */
VERIFIED_ALONE int dxr_descend(__u64 high, __u64 low)
{
	struct dxr_way way = { .table = element_of(&prefixes6, 0), .high = high, .low = low };

	if (!way.table)
		return 0;
	way.span = dxr_root(way.table, high);
	bpf_loop(DXR_MAX_LISTS, dxr_turn, &way, 0);
	if (way.span.kind == SPAN_BRIEF)
		return dxr_brief(dxr_block(way.table, way.span), high);
	return way.span.kind == SPAN_ANSWER ? way.span.to : 0;
}

/*
 * The answer for the two halves of an IPv6 address in host byte order, see ANSWER_BITS. Nearly every address needs no more than
 * a root, two lists and a brief one, all in the first array, and no call; others begin anew, so that all of their way is in one
 * table.
 */
static __always_inline __u32 dxr_find(__u64 high, __u64 low)
{
	void *table = element_of(&prefixes6, 0);

	if (!table)
		return 0;
	struct dxr_span span = dxr_root(table, high);

	for (int i = 0; i < 2; i++)
		if (span.kind == SPAN_HIGH && span.to < DXR_BLOCKS)
			span = dxr_step(table, span, high, low);
	if (span.kind == SPAN_ANSWER)
		return span.to;
	if (span.kind == SPAN_BRIEF && span.to < DXR_BLOCKS)
		return dxr_brief(element_of(table, span.to), high);
	return dxr_descend(high, low);
}

static __always_inline __u32 dxr_find_address(const struct address *addr)
{
	return dxr_find(bpf_be64_to_cpu(addr->halves[0]), bpf_be64_to_cpu(addr->halves[1]));
}

#endif
