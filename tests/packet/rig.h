/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig.h - the real object lb.bpf.o, loaded without the agent, its maps filled as abi.h says.
 *
 * A rig starts with one service for each family and protocol at the same VIP and port, all of their
 * slots pointing at RIG_L2. The process moves to a network namespace of its own: there ifindex 1 is
 * `lo`, where test runs arrive unless told otherwise, and `rig_port` is another device.
 */
#ifndef FAIRLEAD_TESTS_PACKET_RIG_H
#define FAIRLEAD_TESTS_PACKET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/bpf.h>

#include "build.h"
#include "fairlead/abi.h"

struct lb_bpf;

#define RIG_PORT 8080
#define RIG_LO 1 /* ifindex of `lo` */
#define RIG_COUNTED 20 /* services and backends below this index have their counters checked */
#define RIG_NAT_PORT 9443 /* port of the backends of `nat` and `fullnat` */
#define RIG_GUE_PORT 6080
#define RIG_NAT_FLOWS 4096 /* entries of `nat_flows`, unless told otherwise */

/* Services of a new rig. */
enum rig_service {
	RIG_NO_SERVICE,
	RIG_TCP4,
	RIG_UDP4,
	RIG_TCP6,
	RIG_UDP6,
	RIG_SCTP4,
	RIG_SCTP6,
	RIG_SERVICES
};

/* Backends of a new rig, one a mode; no MTU is known of any. */
enum rig_index {
	RIG_NO_BACKEND,
	RIG_L2,
	RIG_IPIP4,
	RIG_IPIP6,
	RIG_GUE4,
	RIG_GUE6,
	RIG_NAT4,
	RIG_NAT6,
	RIG_FULL4,
	RIG_FULL6,
	RIG_BACKENDS
};

/* What is loaded: the program's gates, and sizes of maps. */
struct rig_gates {
	bool lease, wild, sources, limits, nat, jumbo, events, passive, peers;
	uint32_t nat_flows; /* 0: RIG_NAT_FLOWS */
	uint32_t told; /* bytes of `told`; 0: FL_TOLD_SIZE */
};

extern const uint64_t rig_flow_key[4]; /* of rig__get() */
extern const uint8_t rig_vip4[4];
extern const uint8_t rig_vip6[16];

struct rig_backend {
	enum fl_forward mode;
	struct fl_hop hop;
	uint16_t mtu;
	struct ip tunnel; /* outer header; the last 32 bits of its source are zero under src_mask.
			   * NAT: its destination is the backend's address */
	uint32_t src_mask; /* host order */
	uint16_t port; /* host order: GUE's destination, or NAT's, where 0 leaves the packet's */
	uint8_t flags; /* FL_BE_* */
};

struct rig {
	struct lb_bpf *skel;
	struct explain *explain; /* of rig__explain(), which loads it on first use */
	bool unexplained; /* until rig__get(): what happens hangs on the moment, or on a map's last entry */
	int lb, arm; /* programs */
	int cpus;
	struct fl_service *services; /* mapped */
	struct fl_bucket *index;
	struct fl_backend *backends;
	struct rig_backend be[RIG_BACKENDS];
	struct fl_settings settings;
	uint32_t port; /* ifindex of a device that is not lo; in tx_ports at first, as lo is */
	struct rig_gates gates;
};

struct counters {
	struct fl_count verdict[FL_VERDICTS];
	struct fl_count service[RIG_COUNTED];
	struct fl_count backend[RIG_COUNTED];
	struct fl_count note[FL_NOTES];
};

struct run {
	uint32_t action; /* enum xdp_action */
	struct frame out;
};

/* The process's rig, made on first use and again when the gates differ. */
struct rig *rig__get(struct rig_gates gates);

/* All gates are off. */
struct rig *rig__plain(void);

/* The same with another key of the flow hash, which is part of the loaded program. */
struct rig *rig__get_with_key(struct rig_gates gates, const uint64_t key[4]);

/* Gates and flow key of a rig into another object. */
void rig__set_gates(const struct rig *r, struct lb_bpf *skel);

/* The programs that explain, over the rig's maps. Loading them takes as long as loading the rig. */
struct explain *rig__explain(struct rig *r);

/* The process's rig if its lb is that program, else NULL. */
struct rig *rig__of(int prog);

/* cmocka group teardown. */
int rig__teardown(void **state);

/* Adds a service: both slot tables, all of whose slots say FL_SLOT_NONE, its entry and its way. */
void rig__service(struct rig *r, uint32_t id, const struct fl_service_key *key,
		  enum fl_slot_class slot_class);
struct fl_service_key rig__key(uint8_t version, uint8_t proto, uint16_t port);
uint64_t rig__key_hash(const struct fl_service_key *key);

/* Fills the live table of a service. */
void rig__slots(struct rig *r, uint32_t id, const uint16_t *slots);

/* Fills the table with outer key `outer`, 2*id or 2*id+1. */
void rig__slots_at(struct rig *r, uint32_t outer, const uint16_t *slots);
uint32_t rig__slot_count(enum fl_slot_class slot_class);

/* Lets all slots of one service hold the same 16 bits. */
void rig__point_one(struct rig *r, uint32_t id, uint16_t slot);

/* Lets all slots of the services of a new rig hold the same 16 bits. */
void rig__point(struct rig *r, uint16_t slot);

/* Writes a backend's entry; the next hop stands in hop[0], which is live. */
void rig__backend(struct rig *r, uint32_t index, const struct rig_backend *b);
void rig__reset_backends(struct rig *r);

void rig__settings(struct rig *r, const struct fl_settings *s);
void rig__tx_port(struct rig *r, uint32_t ifindex, bool there);

/* The hash of flowhash.h for a packet's flow, and that of an affinity. */
uint64_t rig__hash_for(const struct rig *r, const struct spec *s, enum fl_affinity affinity);
uint64_t rig__hash(const struct rig *r, const struct spec *s);

/* The service of a new rig that a packet is for, if its addresses and ports were right. */
enum rig_service rig__service_of(const struct spec *s);

/* BPF_PROG_TEST_RUN. ingress 0: the kernel's own choice, `lo`. */
void rig__run(int prog, const struct frame *in, uint32_t ingress, struct run *out);

/* The same with `meta` bytes of metadata in front of the frame; -errno where refused. */
int rig__run_meta(int prog, const struct frame *in, uint32_t ingress, uint32_t meta,
		  struct run *out);

void rig__counters(const struct rig *r, struct counters *out);
struct fl_count rig__verdict(const struct rig *r, enum fl_verdict verdict);
void rig__verdicts(const struct rig *r, struct fl_count out[FL_VERDICTS]);

#endif
