/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.h - the maps of lb.bpf.c, in the order in which a packet meets them.
 *
 * Keys and values are described in include/fairlead/abi.h, pin paths are set by the agent.
 */
#ifndef FAIRLEAD_BPF_MAPS_H
#define FAIRLEAD_BPF_MAPS_H

#include "fairlead/abi.h"

/*
 * A whole slot table is the one element of an inner map. Arrays and not structs, because clang leaves
 * the BTF of a struct that only an inner map names a forward declaration.
 */
typedef __u16 slots_4k_t[FL_SLOTS_4K_N];
typedef __u16 slots_64k_t[FL_SLOTS_64K_N];
typedef __u16 slots_1m_t[FL_SLOTS_1M_N];

/* struct fl_lease with the type that the verifier wants to see for a timer. */
struct lease {
	struct bpf_timer timer;
	__u32 lapsed;
	__u32 started;
	__u64 renewed;
	__u64 lapses;
};
_Static_assert(sizeof(struct lease) == sizeof(struct fl_lease), "lease");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FL_INDEX_BUCKETS);
	__type(key, __u32);
	__type(value, struct fl_bucket);
} svc_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FL_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct fl_service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fl_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lease);
} lease SEC(".maps");

struct inner_4k {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, slots_4k_t);
};

struct inner_64k {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, slots_64k_t);
};

struct inner_1m {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, slots_1m_t);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2 * FL_MAX_SERVICES);
	__type(key, __u32);
	__array(values, struct inner_4k);
} slots_4k SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2 * FL_MAX_SERVICES);
	__type(key, __u32);
	__array(values, struct inner_64k);
} slots_64k SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2 * FL_MAX_SERVICES);
	__type(key, __u32);
	__array(values, struct inner_1m);
} slots_1m SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FL_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct fl_backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, FL_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} tx_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct fl_count);
} svc_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct fl_count);
} be_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_VERDICTS);
	__type(key, __u32);
	__type(value, struct fl_count);
} verdicts SEC(".maps");

/* The agent's memory; no packet reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_MEMBERS);
	__type(key, struct fl_member_key);
	__type(value, struct fl_member);
} members SEC(".maps");

#endif
