/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.h - every map key and value that the BPF programs and the agent share.
 *
 * Both sides include this file, so a layout is written once. The maps that hold these values are
 * pinned under /sys/fs/bpf/fairlead/<instance>/v<FL_ABI_VERSION>/: a change of any layout here is a
 * change of FL_ABI_VERSION.
 *
 * Who writes: the agent writes `services`, `svc_index`, the slot maps, `backends`, `members`,
 * `settings` and `tx_ports`; the program writes `svc_stats`, `be_stats`, `verdicts` and `lease`.
 * Entries of `services` and `backends` are immutable while a packet may reach them; the two fields
 * that do change, fl_service.live and fl_backend.hop_live, are 32-bit words that the agent stores
 * through an mmap of the (BPF_F_MMAPABLE) array, because bpf_map_update_elem() on an array is a
 * memcpy that a reader can see half done.
 */
#ifndef FAIRLEAD_ABI_H
#define FAIRLEAD_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Layout version; part of the pin path. */
#define FL_ABI_VERSION 1

#define FL_MAX_SERVICES 8192 /* entries of `services`; id 0 is never used (0 in a bucket: empty) */
#define FL_MAX_BACKENDS 32767 /* entries of `backends`; 0 is never used, 0x7fff is FL_SLOT_NONE */
#define FL_MAX_MEMBERS 1048576 /* entries of `members`, allocated as used */
#define FL_MAX_PORTS 64 /* entries of `tx_ports` */
#define FL_INDEX_BUCKETS 4096 /* entries of `svc_index`, a power of two */
#define FL_BUCKET_WAYS 16 /* services in one bucket, packed from the front */
#define FL_NAME_LEN 32 /* bytes of a service name, the closing NUL included */
#define FL_ID_LEN 64 /* bytes of a backend id, the closing NUL included */

/*
 * Slot tables. A service has S slots of 16 bits in one value, the single element of an inner map;
 * S is one of three classes, each with an outer map of its own (`slots_4k`, `slots_64k`, `slots_1m`).
 * Service `id` owns the outer keys 2*id and 2*id+1; fl_service.live names the one in use.
 */
enum fl_slot_class {
	FL_SLOTS_4K, /* 4 096 slots, value of 8 KiB */
	FL_SLOTS_64K, /* 65 536 slots, value of 128 KiB */
	FL_SLOTS_1M, /* 1 048 576 slots, value of 2 MiB */
	FL_SLOT_CLASSES,
};

#define FL_SLOTS_4K_N 4096
#define FL_SLOTS_64K_N 65536
#define FL_SLOTS_1M_N 1048576

#define FL_SLOT_DIRTY 0x8000 /* bit 15: "not clean", the slot has a record in a side table */
#define FL_SLOT_INDEX 0x7fff /* the rest: an index into `backends` */
#define FL_SLOT_NONE 0x7fff /* the index that says: no backend accepts */

/*
 * What a service is found by. IPv4 addresses are IPv4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2),
 * so that one key serves both families.
 */
struct fl_service_key {
	__u8 addr[16]; /* VIP, network order */
	__be16 port; /* destination port */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad;
};
_Static_assert(sizeof(struct fl_service_key) == 20, "fl_service_key");

/*
 * `svc_index`[hash & (FL_INDEX_BUCKETS - 1)]: one cache line of candidates. A way is
 * fingerprint << 16 | service id and is stored as one aligned 32-bit word; 0 ends the bucket.
 * The hash is fl_service_hash(), its bits 16..31 are the fingerprint; services[id].key decides.
 */
struct fl_bucket {
	__u32 way[FL_BUCKET_WAYS];
};
_Static_assert(sizeof(struct fl_bucket) == 64, "fl_bucket");

/* `services`[id]. One cache line. Immutable but for `live`. */
struct fl_service {
	struct fl_service_key key;
	__u32 live; /* outer key of the slot map in use: 2*id or 2*id+1; one aligned store swaps */
	__u32 slot_mask; /* S - 1 */
	__u8 slot_class; /* enum fl_slot_class */
	__u8 pad[3];
	char name[FL_NAME_LEN]; /* from the configuration, NUL-terminated */
};
_Static_assert(sizeof(struct fl_service) == 64, "fl_service");

/* How a packet reaches its backend. */
enum fl_forward {
	FL_FWD_NONE, /* entry not in use */
	FL_FWD_L2, /* MAC rewrite; the backend owns the VIP and answers the client itself (DSR) */
	FL_FWD_IPIP4, /* outer IPv4 header: 4in4 (RFC 2003) or 6in4 (RFC 4213) */
	FL_FWD_IPIP6, /* outer IPv6 header: 4in6 or 6in6 (RFC 2473) */
};

/* Where a frame goes next. ifindex 0: not resolved, packets are dropped and counted. */
struct fl_hop {
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex;
};
_Static_assert(sizeof(struct fl_hop) == 16, "fl_hop");

/*
 * `backends`[index]. The first cache line is all that L2 and an IPv4 outer header need. Immutable
 * but for the next hop: the agent fills hop[!hop_live], then stores hop_live, then waits for a
 * grace period before it touches the other one again.
 *
 * outer4/outer6 are headers ready to be copied in front of the packet. In outer4, tos, tot_len and
 * protocol are 0 and `check` holds the 16-bit one's complement sum (RFC 1071, not inverted) of the
 * rest, in network order; the program adds the missing fields and inverts. In outer6, the traffic
 * class, flow label, payload_len and nexthdr are 0 (nothing to sum).
 */
struct fl_backend {
	__u32 hop_live; /* 0 or 1: which of hop[] is in use */
	__u8 mode; /* enum fl_forward */
	__u8 pad0;
	__u16 mtu; /* largest IP packet of the next hop's link, bytes; 0: not known, no check */
	struct fl_hop hop[2];
	__u8 outer4[20];
	__be32 src_mask; /* bits of the outer source (v6: of its last 32 bits) that follow the flow */
	__u8 outer6[40];
	__u8 addr[16]; /* backend address, IPv4-mapped for IPv4 */
	__u8 pad1[8];
	char id[FL_ID_LEN]; /* from the configuration, NUL-terminated */
};
_Static_assert(sizeof(struct fl_backend) == 192, "fl_backend");

/* Health as probes see it, and what the operator asked for. */
enum fl_health { FL_HEALTH_UNKNOWN, FL_HEALTH_UP, FL_HEALTH_DOWN };
enum fl_admin { FL_ADMIN_NONE, FL_ADMIN_DRAIN };

/*
 * `members`: the agent's memory of each backend of each service, so that a restart goes on from
 * the same verdicts and the same operator's word; never read by the program.
 */
struct fl_member_key {
	__u32 service; /* id in `services` */
	__u32 backend; /* index in `backends` */
};

struct fl_member {
	__u8 health; /* enum fl_health */
	__u8 admin; /* enum fl_admin */
	__u8 pad[2];
	__u32 weight; /* configured weight */
	__u64 since; /* when health or admin last changed, CLOCK_REALTIME, ns */
};
_Static_assert(sizeof(struct fl_member) == 16, "fl_member");

/* What the program does with packets for a service once the lease has lapsed. */
enum fl_agent_loss { FL_LOSS_KEEP, FL_LOSS_PASS, FL_LOSS_DROP };

/* `settings`[0]: what applies to the whole instance. */
struct fl_settings {
	__u64 flow_key[4]; /* key of fl_flow_hash(); equal on all peers; written before attaching */
	__u64 lease_ns; /* how long a lease lasts */
	__u32 on_agent_loss; /* enum fl_agent_loss */
	__u32 pad;
};
_Static_assert(sizeof(struct fl_settings) == 48, "fl_settings");

/*
 * `lease`[0]. The first 16 bytes are the kernel's struct bpf_timer. The agent re-arms it by running
 * the program `lease_arm`; when it fires, its callback sets `lapsed`, which is all the path reads.
 */
struct fl_lease {
	__u64 timer[2]; /* struct bpf_timer */
	__u32 lapsed; /* 1: the agent has not renewed in time */
	__u32 started; /* 1: the timer has been initialised */
	__u64 renewed; /* CLOCK_MONOTONIC ns of the last renewal */
	__u64 lapses; /* how often it lapsed */
};
_Static_assert(sizeof(struct fl_lease) == 40, "fl_lease");

/* One counter of `svc_stats`, `be_stats` and `verdicts`; per CPU, only ever grows. */
struct fl_count {
	__u64 packets;
	__u64 bytes; /* frame bytes as received, Ethernet header included */
};
_Static_assert(sizeof(struct fl_count) == 16, "fl_count");

/* Verdicts of the program: one row of reasons.def each. */
enum fl_verdict {
#define FL_VERDICT(name, action, text) FL_V_##name,
#include "reasons.def"
#undef FL_VERDICT
	FL_VERDICTS,
};

#endif /* FAIRLEAD_ABI_H */
