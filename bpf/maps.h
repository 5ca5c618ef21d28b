/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps, all pinned under maps/ of the pin folder by these names. */
#ifndef QUICEDGE_MAPS_H
#define QUICEDGE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

struct prefix_trie4 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, MAX_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix_key4);
	__type(value, struct prefix_value);
};

struct prefix_trie6 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, MAX_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix_key6);
	__type(value, struct prefix_value);
};

/* Of powers of two: for those who load without CAP_PERFMON the kernel rounds up to them. */
struct dir_roots {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DIR_ROOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dir_root);
};

struct dxr_blocks {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DXR_BLOCKS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, union dxr_block);
};

/* BPF_F_INNER_MAP: these differ in size, and the kernel calls a function to look an element up. */
struct dir_leaves {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, struct dir_leaf);
};

struct dxr_lists {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, union dxr_block);
};

/*
 * One slot each: a new table is filled beside the old one, then takes its slot between two packets. Those of the kind that
 * the programs were not loaded for are empty.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dir_roots);
} prefixes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dxr_blocks);
} prefixes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct dir_leaves);
} leaves4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct dxr_lists);
} lists6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct prefix_trie4);
} trie4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct prefix_trie6);
} trie6 SEC(".maps");

/* By class. Mapped by the node, and by any server that wants a client's packet size without a system call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CLASSES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct path_profile);
} profiles SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_set);
} ports SEC(".maps");

/* By class * HOOKS + hook. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_CLASSES * HOOKS);
	__type(key, __u32);
	__type(value, struct class_stats);
} stats SEC(".maps");

/* By class. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_CLASSES);
	__type(key, __u32);
	__type(value, struct rtt_histogram);
} rtt SEC(".maps");

/* What a flood of forged Initials can do is make room for itself here: handshakes go unmeasured, and nothing else. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_HANDSHAKES);
	__type(key, struct flow);
	__type(value, struct handshake);
} handshakes SEC(".maps");

/* Not read by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct generation);
} generation SEC(".maps");

/* Where programs put structures together, see scratch.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/*
 * An element of an array. The index is written as a whole word: Linux 6.1 to 6.7, without CAP_PERFMON, let no half of a word on the
 * stack be written over of which they know something, and programs are little-endian.
 */
static __always_inline void *element_of(void *array, __u32 index)
{
	__u64 key = index;

	return bpf_map_lookup_elem(array, &key);
}

#endif
