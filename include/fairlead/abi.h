/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.h - every map key and value that the BPF programs and the agent share.
 *
 * Both sides include this file, so a layout is written once. The maps that hold these values are
 * pinned under /sys/fs/bpf/fairlead/<instance>/v<FL_ABI_VERSION>/: a change of any layout here is a
 * change of FL_ABI_VERSION.
 *
 * Who writes: the agent writes `services`, `svc_index`, `vips`, the slot and move maps, `backends`,
 * `members`, `sources`, `limits`, `nat_back`, `seats`, `settings`, `tx_ports` and `probes`; the program
 * writes `svc_stats`, `be_stats`, `verdicts`, `notes`, `lease`, `meters`, `svc_meters`, `frags`, `events`,
 * `tentative`, `sighted`, `src_flows`, `pressure`, `churn`, `picked`, `kept_second`, `explained` and `probe_flows`; both
 * write `ours`, `passive` and `passive_count`. `flows` and `nat_flows` belong to the program: the agent has them
 * swept by running `flow_sweep` and `nat_sweep`.
 *
 * Entries of `services` and `backends` are immutable while a packet may reach them; the fields that do
 * change, fl_service.live, .flags, .affinity, .idle_s, .udp_grace_s, .sampled and .watched,
 * fl_backend.hop_live and .flags, are aligned words or bytes that the agent stores through an mmap of the
 * (BPF_F_MMAPABLE) array, because bpf_map_update_elem() on an array is a memcpy that a reader can see
 * half done.
 */
#ifndef FAIRLEAD_ABI_H
#define FAIRLEAD_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Layout version; part of the pin path. */
#define FL_ABI_VERSION 4

#define FL_MAX_SERVICES 8192 /* entries of `services`; id 0 is never used (0 in a bucket: empty) */
#define FL_MAX_BACKENDS 32767 /* entries of `backends`; 0 is never used, 0x7fff is FL_SLOT_NONE */
#define FL_MAX_MEMBERS 1048576 /* entries of `members`, allocated as used */
#define FL_MAX_PORTS 64 /* entries of `tx_ports` */
#define FL_MAX_VIPS 16384 /* entries of `vips`, allocated as used */
#define FL_MAX_SOURCES 262144 /* entries of `sources`, allocated as used */
#define FL_MAX_NAT_BACK 65536 /* entries of `nat_back`, allocated as used */
#define FL_MAX_NAT_FLOWS 1048576 /* default entries of `nat_flows`, preallocated; two a flow */
#define FL_MAX_FLOWS \
	262144 /* entries of `flows`, preallocated: records of slots that are not clean */
#define FL_MAX_TENTATIVE 65536 /* entries of `tentative`, an LRU: handshakes under way */
#define FL_SIGHTED 262144 /* cells of `sighted`, a power of two */
#define FL_SRC_CELLS 65536 /* cells of `src_flows`, a power of two */
#define FL_MAX_FRAGS 16384 /* entries of `frags`, an LRU: datagrams whose fragments are under way */
#define FL_METERS 65536 /* cells of one row of `meters`, a power of two; there are two rows */
#define FL_EVENTS_SIZE 262144 /* bytes of the ring buffer `events` */
#define FL_SNAT_ADDRS 16 /* source addresses of each family for full NAT */
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
 * Moves. A slot whose FL_SLOT_DIRTY is set is MOVING or PINNED, and its word in the service's move table
 * says more: one aligned 32-bit store changes all of it. The table is the single element of an inner
 * map of S words, at key `id` of `moves_4k`, `moves_64k` or `moves_1m`; it is there from the service's first transition
 * on. docs/transitions.md has the state machine.
 */
#define FL_MOVE_PREV 0x00007fffu /* the owner before the change, an index into `backends` */
#define FL_MOVE_PINNED 0x00008000u /* PINNED: prev counts no more; else MOVING */
#define FL_MOVE_ACCEPTS 0x00010000u /* prev takes new flows, if it must (freeze) */
#define FL_MOVE_SINCE_SHIFT 17 /* the rest: CLOCK_MONOTONIC_COARSE seconds of the last change, */
#define FL_MOVE_SINCE_MASK 0x7fffu /* modulo 2^15 */

/* An address in a key or value, network order, IPv4-mapped; aligned for copies by words. */
#define FL_ADDR(name) __u8 name[16] __attribute__((aligned(4)))

/*
 * What a service with one address and one port is found by. IPv4 addresses are IPv4-mapped
 * (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that one key serves both families.
 */
struct fl_service_key {
	FL_ADDR(addr); /* VIP, network order; of a prefix, its first address */
	__be16 port; /* destination port; of a range, its first port; 0: any port */
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	__u8 prefix; /* bits of addr that count: 128, or less for a CIDR VIP (IPv4: 96 + length) */
};
_Static_assert(sizeof(struct fl_service_key) == 20, "fl_service_key");

/*
 * `svc_index`[fl_service_bucket(hash)]: one cache line of candidates. A way is
 * fingerprint << 16 | service id and is stored as one aligned 32-bit word; 0 ends the bucket.
 * The hash is fl_service_hash(), the fingerprint fl_service_fingerprint(); services[id].key decides.
 */
struct fl_bucket {
	__u32 way[FL_BUCKET_WAYS];
};
_Static_assert(sizeof(struct fl_bucket) == 64, "fl_bucket");

/* What a service's hash is made of, and so what stays with one backend. */
enum fl_affinity {
	FL_AFF_FLOW, /* addresses, ports, protocol */
	FL_AFF_SOURCE, /* the client's address: the same slot in every service */
	FL_AFF_SOURCE_PORT, /* the client's address and port: the same slot in every service */
};

/* fl_service.flags: which of the rare steps a service's packets take. */
#define FL_SVC_SOURCES 1u /* it has entries of its own in `sources` */
#define FL_SVC_LIMITS 2u /* it has limits: limits[id] */
#define FL_SVC_FULLNAT 4u /* its backends are reached by full NAT: records first, then slots */
#define FL_SVC_NAT 8u /* by NAT of either kind: without it a backend of NAT is a contradiction */
#define FL_SVC_QUIC \
	16u /* UDP that is QUIC: an Initial packet begins a connection (RFC 9000 17.2.2) */
#define FL_SVC_GROUP 32u /* its VIP is an address of a VRRP group: fl_ours.stale counts */

/*
 * `services`[id]. The first cache line is all that a packet reads. Immutable but for live, flags,
 * affinity, idle_s, udp_grace_s, sampled, watched.
 */
struct fl_service {
	struct fl_service_key key;
	__u32 live; /* outer key of the slot map in use: 2*id or 2*id+1; one aligned store swaps */
	__u32 slot_mask; /* S - 1 */
	__u8 slot_class; /* enum fl_slot_class */
	__u8 affinity; /* enum fl_affinity */
	__be16 port_last; /* last port of a range, else equal to key.port */
	__u32 flags; /* FL_SVC_* */
	__u32 idle_s; /* records are forgotten after this long without a packet, seconds */
	__u16 udp_grace_s; /* UDP of unknown flows stays with `prev` so long, seconds */
	__u16 pad;
	__u32 sampled; /* flows whose SYNs are noted in `passive`, of FL_PASSIVE_ALL; 0: none */
	__u32 watched; /* and those whose other packets are looked for there, never fewer */
	__u8 pad0[12];
	/* second line: for people */
	char name[FL_NAME_LEN]; /* from the configuration, NUL-terminated */
	__u8 pad1[32];
};
_Static_assert(sizeof(struct fl_service) == 128, "fl_service");

/*
 * `vips`: longest prefix match of every VIP, read for what is not found in svc_index: ICMP, fragments,
 * and services with a range of ports, any port or a prefix of addresses. prefixlen counts bits of
 * addr. ranges[] holds also those of the shorter prefixes around it, the most specific first (longer
 * prefix, then fewer ports), so that one look-up decides.
 */
struct fl_vip_key {
	__u32 prefixlen; /* 0..128 */
	FL_ADDR(addr);
};
_Static_assert(sizeof(struct fl_vip_key) == 20, "fl_vip_key");

#define FL_VIP_RANGES 15

struct fl_range {
	__u16 first, last; /* ports in host order, both included */
	__u16 service; /* id in `services`; 0: end of the list */
	__u8 proto;
	__u8 pad;
};
_Static_assert(sizeof(struct fl_range) == 8, "fl_range");

#define FL_VIP_ECHO 1u /* echo requests to the address are answered */
#define FL_VIP_GROUP 2u /* it is an address of a VRRP group: fl_ours.stale counts */

struct fl_vip {
	__u32 flags; /* FL_VIP_* */
	__u32 pad;
	struct fl_range ranges[FL_VIP_RANGES];
};
_Static_assert(sizeof(struct fl_vip) == 128, "fl_vip");

/*
 * `sources`: longest prefix match of client addresses, after 32 bits of scope (network order): 0 the
 * whole instance, else the service's id. The value is a fl_source; no match: admitted. A list with
 * `allow` has an entry of prefixlen 32 that denies the rest.
 */
struct fl_source_key {
	__u32 prefixlen; /* 32 + bits of addr that count, 32..160 */
	__be32 scope;
	FL_ADDR(addr);
};
_Static_assert(sizeof(struct fl_source_key) == 24, "fl_source_key");

#define FL_SRC_ALLOW 1u
#define FL_SRC_DENY 2u
#define FL_SRC_MONITOR 4u /* with DENY: counted, not dropped */
#define FL_SRC_RUNTIME 8u /* set by a command, not by the file: a reload leaves it */
#define FL_SRC_SINCE_SHIFT 4 /* above: when that was, minutes of CLOCK_REALTIME; 0: not known */

struct fl_source {
	__u32 flags; /* FL_SRC_* */
};
_Static_assert(sizeof(struct fl_source) == 4, "fl_source");

/*
 * `limits`[service id]. Rates are kept as GCRA (ITU-T I.371): each event moves a "theoretical arrival
 * time" on by gap_ns; one that comes more than burst_ns before it is over the limit.
 */
enum fl_meter {
	FL_METER_SVC_PACKETS, /* all packets of the service */
	FL_METER_SVC_NEW, /* its new connections: TCP SYN without ACK, SCTP INIT */
	FL_METER_SRC_PACKETS, /* packets of one source (IPv6: of one /64) */
	FL_METER_SRC_NEW,
	FL_METERS_N,
};

struct fl_limit {
	__u64 gap_ns; /* 1e9 / rate; 0: no limit */
	__u64 burst_ns; /* burst * gap_ns; at least 10 ms, twice the coarse clock's step */
};
_Static_assert(sizeof(struct fl_limit) == 16, "fl_limit");

#define FL_LIMIT_MONITOR 1u /* counted, not dropped */

struct fl_limits {
	struct fl_limit limit[FL_METERS_N];
	__u32 flags; /* FL_LIMIT_* */
	__u32 pad;
};
_Static_assert(sizeof(struct fl_limits) == 72, "fl_limits");

/* `svc_meters`[service id]: theoretical arrival times, CLOCK_MONOTONIC_COARSE ns. */
struct fl_svc_meter {
	__u64 tat[2]; /* FL_METER_SVC_PACKETS, FL_METER_SVC_NEW */
};
_Static_assert(sizeof(struct fl_svc_meter) == 16, "fl_svc_meter");

/* How a packet reaches its backend. */
enum fl_forward {
	FL_FWD_NONE, /* entry not in use */
	FL_FWD_L2, /* MAC rewrite; the backend owns the VIP and answers the client itself (DSR) */
	FL_FWD_IPIP4, /* outer IPv4 header: 4in4 (RFC 2003) or 6in4 (RFC 4213) */
	FL_FWD_IPIP6, /* outer IPv6 header: 4in6 or 6in6 (RFC 2473) */
	FL_FWD_GUE4, /* outer IPv4, UDP, GUE version 0 (draft-ietf-intarea-gue-09) */
	FL_FWD_GUE6, /* outer IPv6, UDP, GUE version 0 */
	FL_FWD_NAT, /* destination NAT; the backend's replies come back through the balancer */
	FL_FWD_FULLNAT, /* destination and source NAT: replies come back by themselves */
};

#define FL_HOP_TAG \
	0x8000 /* fl_hop.vlan: the frame leaves with a tag, of the low 12 bits, and no other */

/* Where a frame goes next. ifindex 0: not resolved, packets are dropped and counted. */
struct fl_hop {
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex; /* of a VLAN device: that of the device below it */
	__u16 vlan; /* FL_HOP_TAG | VLAN id, host order; 0: the frame leaves without a tag */
	__u16 mtu; /* largest IP packet of the way, bytes; 0: not known, no check */
};
_Static_assert(sizeof(struct fl_hop) == 20, "fl_hop");

/*
 * `backends`[index]. The first cache line is all that L2 and an IPv4 outer header need. Immutable but
 * for flags and the next hop: the agent fills hop[!hop_live], then stores hop_live, then waits for a grace
 * period before it touches the other one again. Services that send to the same place in the same way
 * share one entry.
 *
 * The outer IPv4 header is 20 bytes with DF, TTL 64 and id 0. sum4 is the 16-bit one's complement sum
 * (RFC 1071, not inverted, in network order) of its constant fields (version and length, DF, TTL, src4,
 * dst4), so that the program adds what depends on the packet, and inverts. The outer IPv6 header has
 * hop limit 64.
 */
struct fl_backend {
	__u32 hop_live; /* 0 or 1: which of hop[] is in use */
	__u8 mode; /* enum fl_forward */
	__u8 flags; /* FL_BE_* */
	__be16 port; /* NAT: the backend's port, 0: the packet's; GUE: UDP destination port */
	struct fl_hop hop[2];
	__be32 src_mask; /* bits of the outer source (v6: of its last 32 bits) that follow the flow */
	__be32 src4; /* outer IPv4 source, the bits of src_mask 0 */
	__be32 dst4; /* the backend's IPv4 address; 0: it has none */
	__u16 sum4;
	__u8 pad[2];
	/* second line */
	FL_ADDR(src6); /* outer IPv6 source, the bits of src_mask 0 */
	FL_ADDR(addr); /* the backend's address, IPv4-mapped for IPv4 */
	__u8 pad1[32];
	/* third line: for people */
	char id[FL_ID_LEN]; /* from the configuration, NUL-terminated */
};
_Static_assert(sizeof(struct fl_backend) == 192, "fl_backend");

#define FL_BE_GONE 2u /* down, or removed: records that name it do not bind new connections */

#define FL_BE_RECORD 1u /* NAT: a reply does not tell its service, each flow needs a record */

/*
 * NAT (RFC 3022). `nat_back` knows the endpoints from which replies of `nat` services come: a packet
 * from that address and port to a client becomes one from the VIP. The address alone (port and protocol
 * 0) is there as well, for fragments.
 */
struct fl_endpoint {
	FL_ADDR(addr);
	__be16 port;
	__u8 proto;
	__u8 pad;
};
_Static_assert(sizeof(struct fl_endpoint) == 20, "fl_endpoint");

struct fl_nat_back {
	FL_ADDR(vip); /* what the reply's source becomes */
	__be16 port; /* its source port */
	__u16 service; /* id; 0: several services, the reply's flow has a record in `nat_flows` */
	__u32 backend; /* index */
};
_Static_assert(sizeof(struct fl_nat_back) == 24, "fl_nat_back");

/*
 * `vlan_ports`[ifindex of a VLAN device]: how a frame leaves for it. The kernel's routes name the VLAN
 * device, XDP sends on the one below.
 */
struct fl_vlan_port {
	__u32 ifindex; /* of the device below */
	__u16 vlan; /* FL_HOP_TAG | VLAN id */
	__u16 pad;
};
_Static_assert(sizeof(struct fl_vlan_port) == 8, "fl_vlan_port");

/*
 * `nat_flows`: a packet with this key gets the addresses and ports of the value. A full NAT flow has
 * two entries, from the client and back; a `nat` flow that needs a record has the one of its replies.
 */
struct fl_nat_key {
	FL_ADDR(saddr);
	FL_ADDR(daddr);
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct fl_nat_key) == 40, "fl_nat_key");

#define FL_NAT_BACK 1u /* fl_nat_flow.flags: the entry of the replies */
#define FL_NAT_SEEN 2u /* a packet came this way */
#define FL_NAT_FIN 4u
#define FL_NAT_RST 8u
#define FL_NAT_FIN_OTHER 16u /* FIN of the other direction, where this entry stands alone */
#define FL_NAT_SEEN_OTHER 32u /* and a packet of it, after the first */
#define FL_NAT_HERE 64u /* a packet came by here, and none later by a peer that has told of it */
#define FL_NAT_DEAD \
	128u /* whoever has set it deletes the entry, and of a pair the replies'; nobody else touches them */

struct fl_nat_flow {
	FL_ADDR(saddr);
	FL_ADDR(daddr);
	__be16 sport;
	__be16 dport;
	__u32 backend; /* index */
	__u16 service; /* id */
	__u16 flags; /* FL_NAT_*, of packets of this direction */
	__u32 seen_s; /* CLOCK_MONOTONIC_COARSE, seconds, of the last packet */
};
_Static_assert(sizeof(struct fl_nat_flow) == 48, "fl_nat_flow");

#include "abi_capture.h"
#include "abi_flows.h"
#include "abi_members.h"
#include "abi_passive.h"
#include "abi_probe.h"
#include "abi_seats.h"

/* Source addresses and ports of full NAT: `snat`[0]. Each CPU takes ports from its own part. */
struct fl_snat {
	__u32 n4, n6; /* how many of addr4, addr6 are in use */
	__u16 port_first, port_last; /* host order */
	__u16 span; /* ports of each CPU: (last - first + 1) / CPUs */
	__u16 pad;
	__be32 addr4[FL_SNAT_ADDRS];
	__u8 addr6[FL_SNAT_ADDRS][16];
};
_Static_assert(sizeof(struct fl_snat) == 16 + 20 * FL_SNAT_ADDRS, "fl_snat");

/* `frags`: where the fragments of a datagram go, learnt from its first one (RFC 791, RFC 8200 4.5). */
struct fl_frag_key {
	FL_ADDR(saddr);
	FL_ADDR(daddr);
	__u32 id; /* as it lies in the packet; IPv4: 16 bits */
	__u8 proto; /* IPv6: 0, since later fragments need not show it */
	__u8 pad[3];
};
_Static_assert(sizeof(struct fl_frag_key) == 40, "fl_frag_key");

enum fl_frag_way {
	FL_FRAG_PASS, /* not for a service: left to the kernel */
	FL_FRAG_SEND, /* to `backend` */
	FL_FRAG_REPLY, /* a reply: source and destination are those given */
};

struct fl_frag {
	__u32 seen_s; /* CLOCK_MONOTONIC_COARSE, seconds; void after FL_FRAG_LIFE_S */
	__u8 way; /* enum fl_frag_way */
	__u8 pad[3];
	__u32 backend; /* index */
	__u32 service; /* id */
	__u64 hash; /* of the flow */
	FL_ADDR(saddr); /* what a later fragment's source becomes; all zero: it stays */
	FL_ADDR(daddr); /* and its destination */
};
_Static_assert(sizeof(struct fl_frag) == 56, "fl_frag");

#define FL_FRAG_LIFE_S 30 /* as Linux's ipfrag_time */

/* One record of the ring buffer `events`. */
enum fl_event_kind {
	FL_EVENT_FLOW, /* the first packet of a flow: TCP SYN, SCTP INIT, any UDP packet */
	FL_EVENT_DROP,
	FL_EVENT_NEIGH, /* the next hop of `daddr` is not known: the agent asks the kernel to resolve it */
};

struct fl_event {
	__u64 time_ns; /* CLOCK_MONOTONIC_COARSE */
	__u8 kind; /* enum fl_event_kind */
	__u8 verdict; /* enum fl_verdict */
	__u8 proto;
	__u8 tcp_flags; /* of TCP; else 0 */
	__u32 len; /* bytes of the frame */
	FL_ADDR(saddr);
	FL_ADDR(daddr);
	__be16 sport, dport;
	__u32 ifindex; /* where it came in */
	__u32 service; /* id, 0: none */
	__u32 backend; /* index, 0: none */
};
_Static_assert(sizeof(struct fl_event) == 64, "fl_event");

/* `explained`[0]: what became of the packet that the agent had explained. It zeroes it before each. */
struct fl_explained {
	__u64 hash; /* of the flow; 0: it was not needed */
	__u32 verdict; /* enum fl_verdict */
	__u32 service; /* id, 0: none */
	__u32 backend; /* index, 0: none was looked for, or FL_SLOT_NONE */
	__u32 reply; /* 1: from the backend to the client */
	__u32 notes; /* bits of enum fl_note */
	__u32 told; /* 1: all of it is */
};
_Static_assert(sizeof(struct fl_explained) == 32, "fl_explained");

/* What the program does with packets for a service once the lease has lapsed. */
enum fl_agent_loss { FL_LOSS_KEEP, FL_LOSS_PASS, FL_LOSS_DROP };

/* `settings`[0]: what applies to the whole instance. */
struct fl_settings {
	__u64 flow_key[4]; /* key of fl_flow_hash(), equal on all peers; the programs hold a copy */
	__u64 lease_ns; /* how long a lease lasts */
	__u32 on_agent_loss; /* enum fl_agent_loss */
	__u32 flow_event_every; /* one in so many first packets becomes an event; 0: none */
	__u32 drop_event_every; /* one in so many drops becomes an event; 0: none */
	__u32 pad;
};
_Static_assert(sizeof(struct fl_settings) == 56, "fl_settings");

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

#define FL_MACS 15

/*
 * `ours`[0]: what this machine answers for; each word is one aligned store. A frame to none of these MAC
 * addresses is another machine's: a switch that does not know where that one is sends it to everybody. An
 * address is its six bytes as they lie in a frame, behind two of 0 (little-endian: << 16). Cells that are
 * not needed repeat another one; all 0: not known, every frame is ours.
 */
struct fl_ours {
	__u64 mac[FL_MACS];
	__u32 groups; /* 1: an agent with VRRP groups is in charge, and has not taken its leave */
	__u32 stale; /* 1: its lease has lapsed, and it has not caught up with its peers since */
};
_Static_assert(sizeof(struct fl_ours) == 128, "fl_ours");

/* One counter of `svc_stats`, `be_stats`, `verdicts` and `notes`; per CPU, only ever grows. */
struct fl_count {
	__u64 packets;
	__u64 bytes; /* frame bytes as received, Ethernet header included */
};
_Static_assert(sizeof(struct fl_count) == 16, "fl_count");

/* `steps`: programs that lb tail-calls for what few packets need, so that its own code stays small. */
enum fl_step {
	FL_STEP_FULL, /* lb_full: fragments, IPv6 extension headers, NAT */
	FL_STEP_ICMP, /* lb_icmp */
	FL_STEP_FAST, /* lb_fast: what lb's straight way does not know */
	FL_STEPS,
};

/* Verdicts of the program: one row of reasons.def each. */
enum fl_verdict {
#define FL_VERDICT(name, action, text) FL_V_##name,
#include "reasons.def"
	FL_VERDICTS,
};

/* What is counted beside the verdict: `notes`. */
enum fl_note {
#define FL_NOTE(name, text) FL_N_##name,
#include "reasons.def"
	FL_NOTES,
};

#endif /* FAIRLEAD_ABI_H */
