/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - section 6: replies, records of `nat` and the pairs of full NAT (RFC 3022). */
#include "internal.h"

#include <arpa/inet.h>
#include <string.h>

#define SNAT_TRIES 32
#define TCP_FIN 0x01
#define TCP_RST 0x04

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

/* A packet came along the entry; `fin` is what its FIN is remembered as. */
static void note_seen(const struct run *r, struct fl_nat_flow *f, uint16_t fin)
{
	f->flags |= FL_NAT_SEEN | FL_NAT_HERE;
	if (fin == FL_NAT_FIN_OTHER)
		f->flags |= FL_NAT_SEEN_OTHER;
	f->seen_s = now_s(r);
	if (r->p.tcp_flags & TCP_FIN)
		f->flags |= fin;
	if (r->p.tcp_flags & TCP_RST)
		f->flags |= FL_NAT_RST;
}

static bool idle(const struct run *r, const struct fl_nat_flow *f)
{
	return now_s(r) - f->seen_s > r->w->services[f->service].idle_s;
}

static uint16_t backend_port(const struct fl_backend *b, uint16_t port)
{
	return b->port ? ntohs(b->port) : port;
}

/* The packet's flow; an ICMP error's is the one of the packet that it quotes, turned round. */
static struct fl_nat_key flow_key(const struct run *r)
{
	const struct packet *p = &r->p;
	const struct quote *q = &r->q;

	if (r->error)
		return key_of(q->daddr, q->saddr, q->dport, q->sport, q->proto);
	return key_of(p->saddr, p->daddr, p->sport, p->dport, p->proto);
}

void nat__way(const struct run *r, struct way *way)
{
	const struct fl_backend *b = &r->w->backends[way->backend];
	struct fl_nat_key key = flow_key(r);

	way->nat = true;
	memcpy(way->saddr, key.saddr, 16);
	memcpy(way->daddr, b->addr, 16);
	way->sport = ntohs(key.sport);
	way->dport = backend_port(b, ntohs(key.dport));
}

/* Whether the lone entry of a `nat` flow has had its time. */
static bool lone_finished(const struct run *r, const struct way *way, const struct fl_nat_flow *f)
{
	const uint16_t fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;

	return f->flags & FL_NAT_RST || (f->flags & fins) == fins ||
	       now_s(r) - f->seen_s > r->w->services[way->service].idle_s;
}

enum fl_verdict nat__record(struct run *r, const struct way *way)
{
	const struct fl_backend *b = &r->w->backends[way->backend];
	struct fl_nat_key key = key_of(way->daddr, way->saddr, way->dport, way->sport, r->p.proto);
	struct fl_nat_flow *f;
	bool finished, same;

	if (!(b->flags & FL_BE_RECORD))
		return GO_ON;
	f = table__get(&r->w->nat_flows, &key);
	finished = f && lone_finished(r, way, f);
	same = f && memcmp(f->saddr, r->p.daddr, 16) == 0 && f->sport == htons(r->p.dport);
	if (same && !(finished && r->p.opens)) {
		note_seen(r, f, FL_NAT_FIN_OTHER);
		return GO_ON;
	}
	if (f && !finished)
		return FL_V_DROP_NAT_CLASH;
	f = table__put(&r->w->nat_flows, &key);
	if (!f)
		return FL_V_DROP_NAT_FULL;
	memcpy(f->saddr, r->p.daddr, 16);
	memcpy(f->daddr, r->p.saddr, 16);
	f->sport = htons(r->p.dport);
	f->dport = htons(r->p.sport);
	f->backend = way->backend;
	f->service = (__u16)way->service;
	f->flags = FL_NAT_BACK | FL_NAT_HERE;
	f->seen_s = now_s(r);
	return GO_ON;
}

/* Whether it is a client's entry whose backend still is what it rewrites to. */
static bool stands(const struct run *r, const struct fl_nat_key *key, const struct fl_nat_flow *f)
{
	const struct fl_backend *b = &r->w->backends[f->backend];

	return !(f->flags & FL_NAT_BACK) && b->mode == FL_FWD_FULLNAT &&
	       memcmp(b->addr, f->daddr, 16) == 0 &&
	       f->dport == htons(backend_port(b, ntohs(key->dport)));
}

/* Whether a new connection may take the place of the one that the pair is of. */
static bool replaceable(const struct run *r, const struct fl_nat_flow *f, uint32_t slot,
			uint8_t proto)
{
	struct fl_nat_key answer = answer_key(f, proto);
	const struct fl_nat_flow *back = table__get(&r->w->nat_flows, &answer);

	if (r->w->backends[f->backend].flags & FL_BE_GONE)
		return true;
	if (!back || (f->flags | back->flags) & FL_NAT_RST)
		return true;
	if (f->flags & FL_NAT_FIN && back->flags & FL_NAT_FIN)
		return true;
	if (idle(r, f) && idle(r, back))
		return true;
	return f->backend != slot && !(back->flags & FL_NAT_SEEN);
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

static bool pool_address(const struct run *r, uint64_t hash, uint8_t out[16])
{
	const struct fl_snat *s = &r->w->snat;
	uint32_t n = r->p.version == 4 ? s->n4 : s->n6;

	if (!n)
		return false;
	if (r->p.version == 4)
		addr_map4(out, (const uint8_t *)&s->addr4[(uint32_t)(hash >> 32) % n]);
	else
		memcpy(out, s->addr6[(uint32_t)(hash >> 32) % n], 16);
	return true;
}

static enum fl_verdict make_pair(struct run *r, struct way *way, const struct fl_nat_key *key)
{
	const struct packet *p = &r->p;
	const struct fl_backend *b = &r->w->backends[way->backend];
	struct table *flows = &r->w->nat_flows;
	struct fl_nat_flow *f, made = {.backend = way->backend,
				       .service = (__u16)way->service,
				       .flags = FL_NAT_HERE,
				       .seen_s = now_s(r)};
	struct fl_nat_key answer;

	if (!pool_address(r, way->hash, made.saddr))
		return FL_V_DROP_NAT_FULL;
	memcpy(made.daddr, b->addr, 16);
	made.dport = htons(backend_port(b, p->dport));
	answer = answer_key(&made, p->proto);
	made.sport = htons(free_port(r, &answer));
	answer = answer_key(&made, p->proto);
	if (!made.sport || flows->n + 2 > flows->max)
		return FL_V_DROP_NAT_FULL;
	f = table__put(flows, &answer);
	*f = made;
	memcpy(f->saddr, p->daddr, 16);
	memcpy(f->daddr, p->saddr, 16);
	f->sport = htons(p->dport);
	f->dport = htons(p->sport);
	f->flags = FL_NAT_BACK;
	f = table__put(flows, key);
	*f = made;
	take(way, f);
	return GO_ON;
}

enum fl_verdict fullnat__way(struct run *r, struct way *way)
{
	struct table *flows = &r->w->nat_flows;
	struct fl_nat_key key = flow_key(r), answer;
	struct fl_nat_flow *f = table__get(flows, &key);
	uint32_t slot = pick__slot(r->w, way->service, way->hash) & FL_SLOT_INDEX;

	if (f && stands(r, &key, f) && !(r->p.opens && replaceable(r, f, slot, key.proto))) {
		take(way, f);
		note_seen(r, f, FL_NAT_FIN);
		return GO_ON;
	}
	if (r->p.proto == PROTO_TCP && !r->p.opens)
		return FL_V_DROP_NAT_UNKNOWN;
	if (f) {
		answer = answer_key(f, key.proto);
		table__remove(flows, &answer);
		table__remove(flows, &key);
	}
	if (slot == FL_SLOT_NONE)
		return FL_V_DROP_NO_BACKEND;
	if (r->w->backends[slot].mode != FL_FWD_FULLNAT)
		return FL_V_DROP_BUG;
	way->backend = slot;
	return make_pair(r, way, &key);
}

/* RFC 5508 REQ-6: an error neither refreshes nor ends the flow that it is about. */
enum fl_verdict fullnat__recall(const struct run *r, struct way *way)
{
	struct fl_nat_key key = flow_key(r);
	const struct fl_nat_flow *f = table__get(&r->w->nat_flows, &key);

	if (!f || !stands(r, &key, f))
		return FL_V_DROP_NAT_UNKNOWN;
	take(way, f);
	return GO_ON;
}

bool nat__in_pool(const struct run *r, const uint8_t addr[16])
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

enum fl_verdict reply__find(struct run *r, struct way *way)
{
	struct fl_nat_key key = flow_key(r);
	const struct fl_nat_back *b;
	struct fl_nat_flow *f;

	if (!r->w->gates.nat)
		return FL_V_PASS_NOT_SERVICE;
	if (!nat__in_pool(r, key.daddr)) {
		b = world__nat_back(r->w, key.saddr, ntohs(key.sport), key.proto);
		if (b && b->service) {
			*way = (struct way){
				.service = b->service, .backend = b->backend, .nat = true};
			memcpy(way->saddr, b->vip, 16);
			memcpy(way->daddr, key.daddr, 16);
			way->sport = ntohs(b->port);
			way->dport = ntohs(key.dport);
			return GO_ON;
		}
	}
	f = table__get(&r->w->nat_flows, &key);
	if (!f || !(f->flags & FL_NAT_BACK))
		return FL_V_PASS_NOT_SERVICE;
	if (!r->error)
		note_seen(r, f, FL_NAT_FIN);
	*way = (struct way){.service = f->service};
	take(way, f);
	return GO_ON;
}

enum fl_verdict reply__send(struct run *r, const struct way *way)
{
	const struct packet *p = &r->p;
	const struct world_port *port;
	struct fl_hop hop;

	switch (world__fib(r->w, r->error ? way->error_saddr : way->saddr, way->daddr, p->l3_len,
			   &hop)) {
	case FIB_LOCAL:
		return FL_V_PASS_LOCAL;
	case FIB_TOO_BIG:
		return p->df ? FL_V_PASS_TOO_BIG : FL_V_DROP_TOO_BIG;
	case FIB_NO_NEIGH:
		return FL_V_DROP_NO_NEXTHOP;
	default:
		break;
	}
	port = world__port(r->w, hop.ifindex);
	if (hop.ifindex != r->at->ingress && (!port || !port->tx))
		return FL_V_DROP_NO_NEXTHOP;
	if (p->ttl <= 1)
		return FL_V_DROP_TTL;
	r->out->egress = hop.ifindex;
	link__header(r, &hop, 0, p->version == 4 ? TYPE_IPV4 : TYPE_IPV6);
	rewrite__nat(r, way);
	return FL_V_SEND_REPLY;
}
