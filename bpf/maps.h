/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.h - the maps of lb.bpf.c, in the order in which a packet meets them.
 *
 * Keys and values are described in include/fairlead/abi.h, pin paths are set by the agent.
 */
#ifndef FAIRLEAD_BPF_MAPS_H
#define FAIRLEAD_BPF_MAPS_H

#include "fairlead/abi.h"
#include "probe_flows.h"

/*
 * A whole slot table is the one element of an inner map. Arrays and not structs, because clang leaves
 * the BTF of a struct that only an inner map names a forward declaration.
 */
typedef __u16 slots_4k_t[FL_SLOTS_4K_N];
typedef __u16 slots_64k_t[FL_SLOTS_64K_N];
typedef __u16 slots_1m_t[FL_SLOTS_1M_N];
typedef __u32 moves_4k_t[FL_SLOTS_4K_N];
typedef __u32 moves_64k_t[FL_SLOTS_64K_N];
typedef __u32 moves_1m_t[FL_SLOTS_1M_N];

/* struct fl_lease with the type that the verifier wants to see for a timer. */
struct lease {
	struct bpf_timer timer;
	__u32 lapsed;
	__u32 started;
	__u64 renewed;
	__u64 lapses;
};
_Static_assert(sizeof(struct lease) == sizeof(struct fl_lease), "lease");

#define ARRAY(name, flags, entries, val)          \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(map_flags, flags);         \
		__uint(max_entries, entries);     \
		__type(key, __u32);               \
		__type(value, val);               \
	} name SEC(".maps")

#define PERCPU_ARRAY(name, entries, val)                 \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, entries);            \
		__type(key, __u32);                      \
		__type(value, val);                      \
	} name SEC(".maps")

#define MAP(name, kind, flags, entries, key_type, val) \
	struct {                                       \
		__uint(type, kind);                    \
		__uint(map_flags, flags);              \
		__uint(max_entries, entries);          \
		__type(key, key_type);                 \
		__type(value, val);                    \
	} name SEC(".maps")

#define OUTER(name, entries, inner)                       \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, entries);             \
		__type(key, __u32);                       \
		__array(values, struct inner);            \
	} name SEC(".maps")

#define INNER(name, flags, value_type)            \
	struct name {                             \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(map_flags, flags);         \
		__uint(max_entries, 1);           \
		__type(key, __u32);               \
		__type(value, value_type);        \
	}

/* parse */
ARRAY(ours, BPF_F_MMAPABLE, 1, struct fl_ours);

/* service */
ARRAY(svc_index, BPF_F_MMAPABLE, FL_INDEX_BUCKETS, struct fl_bucket);
ARRAY(services, BPF_F_MMAPABLE, FL_MAX_SERVICES, struct fl_service);
MAP(vips, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, FL_MAX_VIPS, struct fl_vip_key, struct fl_vip);

/* Programs that take over from lb, by enum fl_step; libbpf fills it from the values' names. */
int lb_full(struct xdp_md *ctx);
int lb_icmp(struct xdp_md *ctx);
int lb_fast(struct xdp_md *ctx);
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, FL_STEPS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} steps SEC(".maps") = {
	.values = {[FL_STEP_FULL] = (void *)&lb_full,
		   [FL_STEP_ICMP] = (void *)&lb_icmp,
		   [FL_STEP_FAST] = (void *)&lb_fast},
};

/* admit */
ARRAY(settings, 0, 1, struct fl_settings);
ARRAY(lease, 0, 1, struct lease);
MAP(sources, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, FL_MAX_SOURCES, struct fl_source_key,
    struct fl_source);
ARRAY(limits, 0, FL_MAX_SERVICES, struct fl_limits);
ARRAY(svc_meters, 0, FL_MAX_SERVICES, struct fl_svc_meter);
ARRAY(meters, 0, 2 * FL_METERS, __u64); /* two rows, theoretical arrival times of sources */

/* pick */
INNER(inner_4k, 0, slots_4k_t);
INNER(inner_64k, 0, slots_64k_t);
INNER(inner_1m, 0, slots_1m_t);
OUTER(slots_4k, 2 * FL_MAX_SERVICES, inner_4k);
OUTER(slots_64k, 2 * FL_MAX_SERVICES, inner_64k);
OUTER(slots_1m, 2 * FL_MAX_SERVICES, inner_1m);
INNER(inner_moves_4k, BPF_F_MMAPABLE, moves_4k_t);
INNER(inner_moves_64k, BPF_F_MMAPABLE, moves_64k_t);
INNER(inner_moves_1m, BPF_F_MMAPABLE, moves_1m_t);
OUTER(moves_4k, FL_MAX_SERVICES, inner_moves_4k);
OUTER(moves_64k, FL_MAX_SERVICES, inner_moves_64k);
OUTER(moves_1m, FL_MAX_SERVICES, inner_moves_1m);
MAP(flows, BPF_MAP_TYPE_HASH, 0, FL_MAX_FLOWS, struct fl_flow_key, struct fl_flow);
MAP(tentative, BPF_MAP_TYPE_LRU_HASH, 0, FL_MAX_TENTATIVE, struct fl_flow_key, struct fl_tentative);
ARRAY(sighted, 0, FL_SIGHTED, __u64);
ARRAY(src_flows, 0, FL_SRC_CELLS, __u32); /* records of old flows, by source */
PERCPU_ARRAY(picked, 1, __u32); /* the backend found for a packet that lb leaves to lb_fast */
ARRAY(pressure, 0, 1, struct fl_pressure);
ARRAY(kept_second, 0, 1, __u64); /* seconds << 32 | tick until which it is that second */
ARRAY(churn, 0, FL_CHURNS, __u64); /* theoretical arrival times of records of handshakes */
MAP(frags, BPF_MAP_TYPE_LRU_HASH, 0, FL_MAX_FRAGS, struct fl_frag_key, struct fl_frag);
MAP(nat_back, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, FL_MAX_NAT_BACK, struct fl_endpoint,
    struct fl_nat_back);
MAP(nat_flows, BPF_MAP_TYPE_HASH, 0, FL_MAX_NAT_FLOWS, struct fl_nat_key, struct fl_nat_flow);
ARRAY(snat, 0, 1, struct fl_snat);
PERCPU_ARRAY(snat_next, 1, __u32); /* where each CPU goes on in its part of the ports */

/* forward */
ARRAY(backends, BPF_F_MMAPABLE, FL_MAX_BACKENDS, struct fl_backend);
MAP(tx_ports, BPF_MAP_TYPE_DEVMAP_HASH, 0, FL_MAX_PORTS, __u32, __u32);
MAP(vlan_ports, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, FL_MAX_PORTS, __u32, struct fl_vlan_port);
PERCPU_ARRAY(icmp_meters, 2, __u64); /* theoretical arrival times of echo replies and too-bigs */

/* observe */
PERCPU_ARRAY(svc_stats, FL_MAX_SERVICES, struct fl_count);
PERCPU_ARRAY(be_stats, FL_MAX_BACKENDS, struct fl_count);
PERCPU_ARRAY(verdicts, FL_VERDICTS, struct fl_count);
PERCPU_ARRAY(notes, FL_NOTES, struct fl_count);
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FL_EVENTS_SIZE);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FL_TOLD_SIZE);
} told SEC(".maps");

ARRAY(passive, BPF_F_MMAPABLE, FL_PASSIVE_CELLS, __u64); /* SYNs that wait for an answer */
ARRAY(passive_count, BPF_F_MMAPABLE, FL_PASSIVE_COUNTS, struct fl_passive);

ARRAY(explained, BPF_F_MMAPABLE, 1, struct fl_explained); /* with gate_explain */

/* with gate_capture */
ARRAY(capture, 0, 1, struct fl_capture);
PERCPU_ARRAY(caught, 1, struct fl_caught);
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FL_CAPTURED_SIZE);
} captured SEC(".maps");

/* probes by the clients' path; `probe_flows` has a header of its own */
MAP(probes, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, FL_MAX_PROBES, struct fl_probe_key,
    struct fl_probe);

/* The agent's memory; no packet reads it. */
MAP(members, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, FL_MAX_MEMBERS, struct fl_member_key,
    struct fl_member);

/*
 * Keys by value: kernels before 6.2 take none that lies in the memory which a function was given (RARE
 * in pkt.h), only from the stack. Where a key is on the stack already, a copy would cost the fast path
 * registers: 800 bytes of code and 7 ns of 6in6, so it does not use these.
 */
static __always_inline struct fl_backend *backend_at(__u32 index)
{
	return bpf_map_lookup_elem(&backends, &index);
}

/* Will its connections not find it any more? */
static __always_inline int is_gone(__u32 index)
{
	const struct fl_backend *b = backend_at(index);

	return !b || *(volatile const __u8 *)&b->flags & FL_BE_GONE;
}

static __always_inline struct fl_service *service_at(__u32 id)
{
	return bpf_map_lookup_elem(&services, &id);
}

#endif
