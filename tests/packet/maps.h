/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maps.h - the maps of a rig beside services, slots and backends: written as the agent does it, and read. */
#ifndef FAIRLEAD_TESTS_PACKET_MAPS_H
#define FAIRLEAD_TESTS_PACKET_MAPS_H

#include "rig.h"

/* The 16 bytes of a key: an address of that version, IPv4 mapped. */
void maps__addr(uint8_t version, const uint8_t *addr, uint8_t out[16]);

/* `vips`: the rig's VIP of a version, with FL_VIP_* flags and no ranges. */
void maps__vip(struct rig *r, uint8_t version, uint32_t flags);

/* `vips`: a prefix (bits of 128) with its value; NULL: it goes. */
void maps__vip_range(struct rig *r, const uint8_t addr[16], uint32_t bits, const struct fl_vip *v);

/* `sources`: an entry; `bits` of the address count, IPv4's too are 0..32. flags 0: it goes. */
void maps__source(struct rig *r, uint32_t scope, uint8_t version, const uint8_t *addr,
		  uint32_t bits, uint32_t flags);

/* `limits` of a service, and every meter at rest. */
void maps__limits(struct rig *r, uint32_t id, const struct fl_limits *l);
void maps__rest(struct rig *r);

/* `icmp_meters` at rest. */
void maps__icmp_rest(struct rig *r);

/* `nat_back`: replies from the backend's address and port; e NULL: it goes. */
void maps__nat_back(struct rig *r, uint32_t backend, uint8_t proto, uint16_t port,
		    const struct fl_nat_back *e);

/* `snat`: the pool, and every CPU at the start of its ports; no flow is known. */
void maps__snat(struct rig *r, const struct fl_snat *pool);

/* `nat_flows`: the key of a packet; what is there of it (false: nothing); how many there are. */
struct fl_nat_key maps__nat_key(const struct spec *s);
bool maps__flow(struct rig *r, const struct spec *s, struct fl_nat_flow *out);
void maps__set_flow(struct rig *r, const struct spec *s, const struct fl_nat_flow *f);
void maps__no_flows(struct rig *r);
uint32_t maps__flows(struct rig *r);

/* `frags`: the entry of a fragment's datagram. */
bool maps__frag(struct rig *r, const struct spec *s, struct fl_frag *out);
void maps__set_frag(struct rig *r, const struct spec *s, const struct fl_frag *f);
void maps__no_frags(struct rig *r);

void maps__vlan_port(struct rig *r, uint32_t ifindex, const struct fl_vlan_port *p);

/* Takes all events out of the ring buffer; how many, the first `max` of them in `out`. */
uint32_t maps__events(struct rig *r, struct fl_event *out, uint32_t max);

/* CLOCK_MONOTONIC_COARSE, ns: the program's clock. */
uint64_t maps__clock(void);

#endif
