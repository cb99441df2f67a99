/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.h - all that the program's decision depends on besides the packet: a configuration as the
 * agent would write it into the maps, the state that packets leave behind, and the routes to clients.
 *
 * The entries are those of abi.h, so that a driver can copy them into the real maps. Look-ups are
 * written here from what abi.h says about each map: linear and exact, without the program's indexes.
 */
#ifndef FAIRLEAD_TESTS_MODEL_WORLD_H
#define FAIRLEAD_TESTS_MODEL_WORLD_H

#include "fairlead/abi.h"
#include "frame.h"
#include "table.h"

#define WORLD_SERVICES 40 /* ids below */
#define WORLD_BACKENDS 64 /* indices below */
#define WORLD_VIPS 64
#define WORLD_SOURCES 32
#define WORLD_NAT_BACK 128
#define WORLD_PORTS 8
#define WORLD_ROUTES 32
#define WORLD_NEIGHS 64
#define WORLD_FRAGS 8192
#define WORLD_GUE_LEN 12 /* UDP and GUE */
#define WORLD_FLOWS 16384
#define WORLD_TENTATIVE 32768 /* fewer than the LRU of the program holds for certain */

struct world_gates {
	bool wild, nat, sources, limits, lease;
	/* No verdict may depend on these: the model knows nothing more of them. */
	bool passive;
	bool peers;
	bool events, jumbo;
	/* Packets are copied, or explained before they come: told.h compares what is said of them. */
	bool capture, explain;
};

/* What bpf_fib_lookup() finds for a destination. */
enum route_kind { ROUTE_LINK, ROUTE_GATEWAY, ROUTE_NOWHERE /* local, unreachable, blackhole */ };

struct route {
	uint8_t addr[16];
	uint8_t prefix; /* of 128, IPv4: 96 + length */
	enum route_kind kind;
	uint8_t gateway[16];
	uint32_t ifindex;
	uint32_t mtu; /* largest packet */
};

struct neigh {
	uint8_t addr[16];
	uint8_t mac[6];
	uint32_t ifindex;
};

struct world_port {
	uint32_t ifindex;
	uint8_t mac[6];
	bool tx; /* in `tx_ports` */
	uint32_t
		below; /* of a VLAN device, which is in `vlan_ports`: ifindex of the port; else 0 */
	uint16_t vlan; /* FL_HOP_TAG | VLAN id */
};

struct world {
	struct world_gates gates;
	struct fl_settings settings;
	bool lapsed;
	struct fl_ours ours;
	int cpu; /* the one that the test is pinned to */

	/* configuration; entry 0 of services and backends is not used */
	uint32_t n_services, n_backends, n_vips, n_sources, n_nat_back, n_ports;
	struct fl_service services[WORLD_SERVICES];
	bool indexed[WORLD_SERVICES]; /* found by address, port and protocol: in `svc_index` */
	uint16_t *slots[WORLD_SERVICES]; /* the live table */
	uint32_t *moves[WORLD_SERVICES]; /* the move table, NULL: there is none */
	struct fl_limits limits[WORLD_SERVICES];
	struct fl_backend backends[WORLD_BACKENDS];
	struct {
		struct fl_vip_key key;
		struct fl_vip value;
	} vips[WORLD_VIPS];
	struct {
		struct fl_source_key key;
		struct fl_source value;
	} sources[WORLD_SOURCES];
	struct {
		struct fl_endpoint key;
		struct fl_nat_back value;
	} nat_back[WORLD_NAT_BACK];
	struct fl_snat snat;
	struct world_port ports[WORLD_PORTS];

	/* routes to clients */
	uint32_t n_routes, n_neighs;
	struct route routes[WORLD_ROUTES];
	struct neigh neighs[WORLD_NEIGHS];

	/* state */
	struct table nat_flows; /* fl_nat_key -> fl_nat_flow */
	struct table frags; /* fl_frag_key -> fl_frag */
	struct table flows; /* fl_flow_key -> fl_flow */
	struct table tentative; /* fl_flow_key -> fl_tentative */
	uint64_t sighted[FL_SIGHTED];
	uint32_t full_s; /* when `flows` was found full, 0: never */
	uint64_t meters[2][FL_METERS]; /* rows of sources' theoretical arrival times */
	uint64_t svc_meters[WORLD_SERVICES][2];

	/* counters */
	struct fl_count verdicts[FL_VERDICTS];
	uint64_t notes[FL_NOTES];
	struct fl_count svc_stats[WORLD_SERVICES];
	struct fl_count be_stats[WORLD_BACKENDS];
	/* by enum fl_forward: packets that took the last byte of the MTU, and that lacked one */
	uint64_t edges[FL_FWD_FULLNAT + 1][2];
};

/* Room in `nat_flows` and `flows`. */
void world__init(struct world *w, uint32_t nat_flows, uint32_t flows);
void world__free(struct world *w);

/* Bytes that a way of forwarding (enum fl_forward) adds to a packet. */
uint32_t world__overhead(uint8_t mode);

/* As abi.h says of fl_backend.sum4: the sum of the outer IPv4 header's constant fields. */
uint16_t world__sum4(const struct fl_backend *b);

/* ::ffff:a.b.c.d, RFC 4291 2.5.5.2 */
void addr_map4(uint8_t out[16], const uint8_t v4[4]);
bool addr_is4(const uint8_t addr[16]);

/* Whether the first `prefix` bits of both are the same. */
bool addr_in(const uint8_t *addr, const uint8_t *net, uint32_t prefix);

/* Service id by address, port (host order) and protocol, exactly; 0: none. */
uint32_t world__exact(const struct world *w, const uint8_t addr[16], uint16_t port, uint8_t proto);

/* Whether frames to this MAC address are for this machine. */
bool world__is_ours(const struct world *w, const uint8_t mac[6]);

/* The cell of fl_ours.mac of an address. */
uint64_t world__cell(const uint8_t mac[6]);

/* The entry of `vips` with the longest prefix, or NULL. */
const struct fl_vip *world__vip(const struct world *w, const uint8_t addr[16]);

/* Service id by both ways, as far as the gates go; 0: none. */
uint32_t world__service(const struct world *w, const uint8_t addr[16], uint16_t port,
			uint8_t proto);

/* Longest match in `sources` under a scope (host order); NULL: none. */
const struct fl_source *world__source(const struct world *w, uint32_t scope,
				      const uint8_t addr[16]);

/* The endpoint of `nat` backends; port (host order), then port 0; NULL: none. */
const struct fl_nat_back *world__nat_back(const struct world *w, const uint8_t addr[16],
					  uint16_t port, uint8_t proto);

const struct world_port *world__port(const struct world *w, uint32_t ifindex);

/* Results of the route look-up. */
enum fib { FIB_OK, FIB_LOCAL, FIB_TOO_BIG, FIB_NO_NEIGH };
enum fib world__fib(const struct world *w, const uint8_t saddr[16], const uint8_t daddr[16],
		    uint32_t l3_len, struct fl_hop *out);

#endif
