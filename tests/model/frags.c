/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frags.c - section 8: later fragments go where their first one went. */
#include "internal.h"

#include <string.h>

static struct fl_frag_key key_of(const struct packet *p)
{
	/* RFC 791 3.2 and RFC 8200 4.5: only IPv4's has the protocol. */
	struct fl_frag_key key = {.id = p->frag_id, .proto = p->version == 4 ? p->proto : 0};

	memcpy(key.saddr, p->saddr, 16);
	memcpy(key.daddr, p->daddr, 16);
	return key;
}

void frags__remember(struct run *r, enum fl_frag_way kind, const struct way *way)
{
	struct fl_frag_key key = key_of(&r->p);
	struct fl_frag *f = table__put(&r->w->frags, &key);

	*f = (struct fl_frag){.seen_s = now_s(r), .way = (__u8)kind};
	if (!way)
		return;
	f->service = way->service;
	f->backend = way->backend;
	f->hash = way->hash;
	if (way->nat) {
		memcpy(f->saddr, way->saddr, 16);
		memcpy(f->daddr, way->daddr, 16);
	}
}

/* What a later fragment without a first one is, as far as its addresses tell. */
static enum fl_verdict by_addresses(const struct run *r)
{
	const struct packet *p = &r->p;

	if (world__vip(r->w, p->daddr))
		return FL_V_DROP_FRAGMENT;
	if (r->w->gates.nat && (nat__in_pool(r, p->daddr) || world__nat_back(r->w, p->saddr, 0, 0)))
		return FL_V_DROP_FRAGMENT_REPLY;
	return FL_V_PASS_FRAGMENT;
}

enum fl_verdict frags__pass(struct run *r)
{
	if (by_addresses(r) != FL_V_PASS_FRAGMENT)
		frags__remember(r, FL_FRAG_PASS, NULL);
	return FL_V_PASS_FRAGMENT;
}

static enum fl_verdict without_first(const struct run *r)
{
	const struct packet *p = &r->p;
	enum fl_verdict v = by_addresses(r);
	struct fl_hop hop;

	/* A backend's answer to the balancer itself. */
	if (v == FL_V_DROP_FRAGMENT_REPLY && !nat__in_pool(r, p->daddr) &&
	    world__fib(r->w, p->saddr, p->daddr, p->l3_len, &hop) == FIB_LOCAL)
		return FL_V_PASS_FRAGMENT;
	return v;
}

enum fl_verdict frags__later(struct run *r)
{
	struct fl_frag_key key = key_of(&r->p);
	const struct fl_frag *f = table__get(&r->w->frags, &key);
	struct way way;
	enum fl_verdict v;

	if (!f || now_s(r) - f->seen_s > FL_FRAG_LIFE_S)
		return without_first(r);
	if (f->way == FL_FRAG_PASS)
		return FL_V_PASS_FRAGMENT;
	way = (struct way){
		.service = f->service, .backend = f->backend, .hash = f->hash, .nat = true};
	memcpy(way.saddr, f->saddr, 16);
	memcpy(way.daddr, f->daddr, 16);
	if (f->way == FL_FRAG_REPLY)
		return reply__send(r, &way);
	r->out->service = f->service;
	v = admit__packet(r, way.service);
	if (v == GO_ON)
		v = forward__check(r, &way);
	return v == GO_ON ? forward__send(r, &way) : v;
}
