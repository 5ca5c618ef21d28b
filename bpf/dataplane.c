//go:build ignore

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One object of all programs, so that they share one set of maps and are replaced together. */
#include "tc_ingress.c"
#include "tc_egress.c"
#include "lookup.c"
#include "socket_filter.c"
#include "steer.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * Keeps in the object's type information what only inner maps and constants use, for Go to find it there. No program reads
 * it, so it is never loaded.
 */
struct shared_types {
	struct prefix_key4 key4;
	struct prefix_key6 key6;
	struct prefix_value value;
	enum hook hook;
	enum reason reason;
	enum verdict verdict;
	enum profile_flag profile_flag;
	enum steering_flag steering_flag;
	enum table table;
	enum span_kind span_kind;
	struct dir_root dir_root;
	struct dir_leaf dir_leaf;
	union dxr_block dxr_block;
} *shared_types __attribute__((unused));
