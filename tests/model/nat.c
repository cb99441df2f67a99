/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - section 6: replies, records of `nat` and the pairs of full NAT (RFC 3022). */
#include "internal.h"

#include <arpa/inet.h>
#include <string.h>

#define SNAT_TRIES 32
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static struct fl_nat_key key_of(const uint8_t saddr[16], const uint8_t daddr[16], uint16_t sport,
				uint16_t dport, uint8_t proto)
{
	struct fl_nat_key key = {.sport = htons(sport), .dport = htons(dport), .proto = proto};

	memcpy(key.saddr, saddr, 16);
	memcpy(key.daddr, daddr, 16);
	return key;
}

/* The key of the packets that answer those which `f` rewrites. */
static struct fl_nat_key answer_key(const struct fl_nat_flow *f, uint8_t proto)
{
	return key_of(f->daddr, f->saddr, ntohs(f->dport), ntohs(f->sport), proto);
}

/* RFC 9293 3.5: a packet of this direction was seen. */
static void note_seen(const struct run *r, struct fl_nat_flow *f)
{
	f->flags |= FL_NAT_SEEN;
	f->seen_s = now_s(r);
	if (r->p.tcp_flags & TCP_FIN)
		f->flags |= FL_NAT_FIN;
	if (r->p.tcp_flags & TCP_RST)
		f->flags |= FL_NAT_RST;
}

static bool idle(const struct run *r, const struct fl_nat_flow *f)
{
	return now_s(r) - f->seen_s > r->w->services[f->service].idle_s;
}

static uint16_t backend_port(const struct run *r, const struct fl_backend *b, uint8_t proto,
			     uint16_t port)
{
	(void)r;
	return b->port && proto != PROTO_SCTP ? ntohs(b->port) : port;
}

enum fl_verdict nat__way(struct run *r, struct way *way)
{
	const struct fl_backend *b = &r->w->backends[way->backend];

	way->nat = true;
	memcpy(way->saddr, r->p.saddr, 16);
	memcpy(way->daddr, b->addr, 16);
	way->sport = r->p.sport;
	way->dport = backend_port(r, b, r->p.proto, r->p.dport);
	return GO_ON;
}

enum fl_verdict nat__record(struct run *r, const struct way *way)
{
	const struct fl_backend *b = &r->w->backends[way->backend];
	struct fl_nat_key key = key_of(way->daddr, way->saddr, way->dport, way->sport, r->p.proto);
	struct fl_nat_flow *f;

	if (!(b->flags & FL_BE_RECORD))
		return GO_ON;
	f = table__get(&r->w->nat_flows, &key);
	if (f && (memcmp(f->saddr, r->p.daddr, 16) != 0 || f->sport != htons(r->p.dport))) {
		if (!(f->flags & FL_NAT_RST) && !idle(r, f))
			return FL_V_DROP_NAT_CLASH;
		table__remove(&r->w->nat_flows, &key);
		f = NULL;
	}
	if (!f) {
		f = table__put(&r->w->nat_flows, &key);
		if (!f)
			return FL_V_DROP_NAT_FULL;
		memcpy(f->saddr, r->p.daddr, 16);
		memcpy(f->daddr, r->p.saddr, 16);
		f->sport = htons(r->p.dport);
		f->dport = htons(r->p.sport);
		f->backend = way->backend;
		f->service = (__u16)way->service;
		f->flags = FL_NAT_BACK;
	}
	f->seen_s = now_s(r);
	return GO_ON;
}

/* Whether the backend that an entry names still is what the entry rewrites to. */
static bool stands(const struct run *r, const struct fl_nat_key *key, const struct fl_nat_flow *f)
{
	const struct fl_backend *b = &r->w->backends[f->backend];

	return b->mode == FL_FWD_FULLNAT && memcmp(b->addr, f->daddr, 16) == 0 &&
	       f->dport == htons(backend_port(r, b, key->proto, ntohs(key->dport)));
}

static bool finished(const struct run *r, const struct fl_nat_flow *f,
		     const struct fl_nat_flow *back)
{
	unsigned int both = f->flags | (back ? back->flags : 0U);
	bool fins = f->flags & FL_NAT_FIN && back && back->flags & FL_NAT_FIN;
	bool quiet = idle(r, f) && (!back || idle(r, back));

	return fins || both & FL_NAT_RST || quiet;
}

static void take(struct way *way, const struct fl_nat_flow *f)
{
	way->nat = true;
	way->backend = f->backend;
	memcpy(way->saddr, f->saddr, 16);
	memcpy(way->daddr, f->daddr, 16);
	way->sport = ntohs(f->sport);
	way->dport = ntohs(f->dport);
}

enum fl_verdict fullnat__find(struct run *r, struct way *way, bool *fresh)
{
	const struct packet *p = &r->p;
	struct fl_nat_key key = key_of(p->saddr, p->daddr, p->sport, p->dport, p->proto), answer;
	struct fl_nat_flow *f = table__get(&r->w->nat_flows, &key), *back;
	bool syn = p->proto == PROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	bool good = f && !(f->flags & FL_NAT_BACK) && stands(r, &key, f);

	*fresh = false;
	if (good && syn) {
		answer = answer_key(f, p->proto);
		back = table__get(&r->w->nat_flows, &answer);
		if (finished(r, f, back) ||
		    (f->backend != way->backend && !(back && back->flags & FL_NAT_SEEN)))
			good = false;
	}
	if (good) {
		take(way, f);
		return GO_ON;
	}
	if (p->proto == PROTO_TCP && !syn)
		return FL_V_DROP_NAT_UNKNOWN;
	*fresh = true;
	return GO_ON;
}

void fullnat__seen(struct run *r)
{
	const struct packet *p = &r->p;
	struct fl_nat_key key = key_of(p->saddr, p->daddr, p->sport, p->dport, p->proto);
	struct fl_nat_flow *f = table__get(&r->w->nat_flows, &key);

	if (f)
		note_seen(r, f);
}

/* A port of the CPU's part that no flow to this backend has; 0: none. */
static uint16_t free_port(struct run *r, struct fl_nat_key *answer)
{
	const struct fl_snat *s = &r->w->snat;
	uint32_t first = s->port_first + (uint32_t)r->w->cpu * s->span, last = first + s->span - 1;
	uint16_t wanted = r->at->snat_port, found = 0;
	uint32_t taken = 0;

	if (wanted >= first && wanted <= last) {
		answer->dport = htons(wanted);
		if (!table__get(&r->w->nat_flows, answer))
			return wanted;
	}
	for (uint32_t port = first; port <= last; port++) {
		answer->dport = htons((uint16_t)port);
		if (table__get(&r->w->nat_flows, answer))
			taken++;
		else if (!found)
			found = (uint16_t)port;
	}
	return r->at->snat_tried && taken >= SNAT_TRIES ? 0 : found;
}

enum fl_verdict fullnat__record(struct run *r, struct way *way)
{
	const struct packet *p = &r->p;
	const struct fl_backend *b = &r->w->backends[way->backend];
	const struct fl_snat *s = &r->w->snat;
	struct table *flows = &r->w->nat_flows;
	struct fl_nat_key key = key_of(p->saddr, p->daddr, p->sport, p->dport, p->proto), answer;
	uint32_t n = p->version == 4 ? s->n4 : s->n6, i;
	struct fl_nat_flow *f, *back,
		made = {.backend = way->backend, .service = (__u16)way->service};

	f = table__get(flows, &key);
	if (f) {
		answer = answer_key(f, p->proto);
		table__remove(flows, &answer);
		table__remove(flows, &key);
	}
	if (!n)
		return FL_V_DROP_NAT_FULL;
	i = (uint32_t)((way->hash >> 32) % n);
	if (p->version == 4)
		addr_map4(made.saddr, (const uint8_t *)&s->addr4[i]);
	else
		memcpy(made.saddr, s->addr6[i], 16);
	memcpy(made.daddr, b->addr, 16);
	made.dport = htons(backend_port(r, b, p->proto, p->dport));
	made.seen_s = now_s(r);
	answer = answer_key(&made, p->proto);
	made.sport = htons(free_port(r, &answer));
	answer = answer_key(&made, p->proto);
	if (!made.sport || flows->n + 2 > flows->max)
		return FL_V_DROP_NAT_FULL;
	back = table__put(flows, &answer);
	*back = made;
	memcpy(back->saddr, p->daddr, 16);
	memcpy(back->daddr, p->saddr, 16);
	back->sport = htons(p->dport);
	back->dport = htons(p->sport);
	back->flags = FL_NAT_BACK;
	f = table__put(flows, &key);
	*f = made;
	take(way, f);
	return GO_ON;
}

static bool in_pool(const struct run *r, const uint8_t addr[16])
{
	const struct fl_snat *s = &r->w->snat;

	if (r->p.version == 6) {
		for (uint32_t i = 0; i < s->n6; i++)
			if (memcmp(s->addr6[i], addr, 16) == 0)
				return true;
		return false;
	}
	for (uint32_t i = 0; i < s->n4; i++)
		if (memcmp(&s->addr4[i], addr + 12, 4) == 0)
			return true;
	return false;
}

/* The reply's flow as an ICMP error quotes it, or as the packet itself has it. */
static struct fl_nat_key reply_key(const struct run *r)
{
	const struct packet *p = &r->p;
	const struct quote *q = &r->q;

	if (r->error)
		return key_of(q->daddr, q->saddr, q->dport, q->sport, q->proto);
	return key_of(p->saddr, p->daddr, p->sport, p->dport, p->proto);
}

enum fl_verdict reply__find(struct run *r, struct way *way)
{
	struct fl_nat_key key = reply_key(r);
	const struct fl_nat_back *b;
	struct fl_nat_flow *f;

	if (!r->w->gates.nat)
		return FL_V_PASS_NOT_SERVICE;
	if (!in_pool(r, key.daddr)) {
		b = world__nat_back(r->w, key.saddr, ntohs(key.sport), key.proto);
		if (!b)
			return FL_V_PASS_NOT_SERVICE;
		if (b->service) {
			*way = (struct way){
				.service = b->service, .backend = b->backend, .nat = true};
			memcpy(way->saddr, b->vip, 16);
			memcpy(way->daddr, key.daddr, 16);
			way->sport = b->port && key.proto != PROTO_SCTP ? ntohs(b->port)
									: ntohs(key.sport);
			way->dport = ntohs(key.dport);
			return GO_ON;
		}
	}
	f = table__get(&r->w->nat_flows, &key);
	if (!f || !(f->flags & FL_NAT_BACK))
		return FL_V_PASS_NOT_SERVICE;
	*way = (struct way){.service = f->service};
	take(way, f);
	return GO_ON;
}

enum fl_verdict reply__send(struct run *r, const struct way *way)
{
	const struct packet *p = &r->p;
	const struct world_port *port;
	struct fl_nat_key key;
	struct fl_nat_flow *f;
	struct fl_hop hop;

	switch (world__fib(r->w, way->daddr, p->l3_len, &hop)) {
	case FIB_LOCAL:
		return FL_V_PASS_LOCAL;
	case FIB_TOO_BIG:
		return p->df ? FL_V_PASS_TOO_BIG : FL_V_DROP_TOO_BIG;
	case FIB_NO_NEIGH:
		return FL_V_DROP_NO_NEXTHOP;
	default:
		break;
	}
	if (p->ttl <= 1)
		return FL_V_DROP_TTL;
	port = world__port(r->w, hop.ifindex);
	if (hop.ifindex != r->at->ingress && (!port || !port->tx))
		return FL_V_DROP_NO_NEXTHOP;
	r->out->egress = hop.ifindex;
	link__header(r, &hop, 0, p->version == 4 ? TYPE_IPV4 : TYPE_IPV6);
	rewrite__nat(r, way);
	if (!r->error && p->part != PART_LATER) {
		key = reply_key(r);
		f = table__get(&r->w->nat_flows, &key);
		if (f)
			note_seen(r, f);
	}
	return FL_V_SEND_REPLY;
}
