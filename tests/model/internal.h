/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - the steps of the model, in the order of docs/datapath.md. */
#ifndef FAIRLEAD_TESTS_MODEL_INTERNAL_H
#define FAIRLEAD_TESTS_MODEL_INTERNAL_H

#include "model.h"

/* Steps return FL_VERDICTS to say that the packet goes on. */
#define GO_ON FL_VERDICTS

enum part { PART_WHOLE, PART_FIRST, PART_LATER };

/* What section 1 reads. Addresses are IPv4-mapped for IPv4, ports in host order. */
struct packet {
	uint8_t version, tos, ttl, proto;
	uint32_t tags; /* VLAN tags */
	uint16_t tci; /* of the outermost */
	uint32_t l3, l3_len, l4, end; /* offsets in the frame; end: of the IP packet */
	enum part part;
	bool df;
	uint32_t frag_id; /* as fl_frag_key holds it */
	bool other_first; /* IPv6: a first fragment of no protocol that is steered */
	uint8_t saddr[16], daddr[16];
	uint16_t sport, dport;
	uint8_t tcp_flags;
	bool opens; /* a new connection, section 3 */
};

/* The packet that an ICMP error quotes. */
struct quote {
	uint32_t at, l4; /* offsets in the frame */
	uint8_t proto;
	uint8_t saddr[16], daddr[16];
	uint16_t sport, dport;
};

/* Where a packet goes, and as what. */
struct way {
	uint32_t service, backend;
	uint64_t hash;
	bool nat; /* these become the packet's addresses and ports; the ports of whole ones */
	uint8_t saddr[16], daddr[16];
	uint16_t sport, dport;
	/* An ICMP error quotes a packet of the other direction; this becomes its own source. */
	uint8_t error_saddr[16];
};

struct run {
	struct world *w;
	const struct frame *in;
	const struct moment *at;
	struct packet p;
	struct quote q; /* of an ICMP error that is forwarded */
	bool error; /* it is one */
	uint32_t l3_out; /* offset of the received IP header in the frame that leaves */
	struct outcome *out;
};

/* IPv6 extension headers from `at` to `end`. */
struct chain {
	uint32_t l4;
	uint8_t proto;
	enum part part;
	uint32_t frag_id;
};
enum fl_verdict chain__walk(const struct frame *f, uint32_t at, uint32_t end, uint8_t next,
			    struct chain *out);

/* Section 1, up to the transport header. */
enum fl_verdict parse__packet(const struct world *w, const struct frame *f, struct packet *p);
bool parse__quote(const struct frame *f, const struct packet *p, struct quote *q);

/* Section 3 */
/* `group`: the VIP is an address of a VRRP group. */
enum fl_verdict admit__lease(const struct run *r, bool group);
bool in_group(const struct world *w, uint32_t service);
enum fl_verdict admit__scope(struct run *r, uint32_t scope);
/* All of the section, for a packet or a later fragment to a service. */
enum fl_verdict admit__packet(struct run *r, uint32_t service);

/* Section 4; addresses and ports as the client's packet has them. */
uint64_t pick__hash(const struct world *w, uint32_t service, uint8_t version,
		    const uint8_t saddr[16], const uint8_t daddr[16], uint16_t sport,
		    uint16_t dport, uint8_t proto);
/* What names a source's words in `meters`. */
uint64_t pick__meter_hash(const struct world *w, const uint8_t saddr[16], uint32_t service,
			  enum fl_meter which);

/* What `sighted` is found by, and the function of which it is made. */
uint64_t pick__sight_hash(const struct world *w, const struct fl_flow_key *key);
uint64_t pick__mix(uint64_t x);

/*
 * Index of the slot's backend, which may be FL_SLOT_NONE or not in use: forward__check() says so; with
 * FL_SLOT_DIRTY that of `cur`.
 */
uint32_t pick__slot(const struct world *w, uint32_t service, uint64_t hash);

/* docs/transitions.md: the backend of a packet, or of an ICMP error, whose slot `says` FL_SLOT_DIRTY. */
uint32_t moving__pick(struct run *r, const struct way *way, uint32_t says);
uint32_t moving__error(struct run *r, const struct way *way, uint32_t says);

/* Section 5: next hop, TTL and size, section 9 included; then the rewrite. */
enum fl_verdict forward__check(struct run *r, const struct way *way);
enum fl_verdict forward__send(struct run *r, const struct way *way);

/* Frame with the link's header for `hop`, IP from the received frame behind `room` more bytes. */
void link__header(struct run *r, const struct fl_hop *hop, uint32_t room, uint16_t type);

/* The received frame back to whoever sent it, tags as they are. */
void link__turned(struct run *r);

/* Addresses, ports, TTL - 1 and checksums, quoted ones too. */
void rewrite__nat(struct run *r, const struct way *way);

/* TTL 64, addresses swapped, ICMP type; checksums. */
void rewrite__echo(struct run *r);

/* Section 6 */
void nat__way(const struct run *r, struct way *way); /* what `nat` makes of the client's packet */
enum fl_verdict nat__record(struct run *r, const struct way *way);
enum fl_verdict fullnat__way(struct run *r, struct way *way); /* by record, or a new one */
enum fl_verdict fullnat__recall(const struct run *r, struct way *way); /* of a quoted packet */
bool nat__in_pool(const struct run *r, const uint8_t addr[16]);
enum fl_verdict reply__find(struct run *r, struct way *way);
enum fl_verdict reply__send(struct run *r, const struct way *way);

/* Section 7 */
enum fl_verdict icmp__run(struct run *r);
/* Whether the source of a packet is a host's address, which may be answered. */
bool icmp__answerable(const struct packet *p);

/* Section 8 */
enum fl_verdict frags__later(struct run *r);
void frags__remember(struct run *r, enum fl_frag_way kind, const struct way *way);
/* A first fragment that is left to the kernel. */
enum fl_verdict frags__pass(struct run *r);

/* Section 9 */
enum fl_verdict too_big(struct run *r, uint32_t mtu);

uint32_t now_s(const struct run *r);
bool is_nat(const struct world *w, uint32_t backend);
bool sent(enum fl_verdict v);

#endif
