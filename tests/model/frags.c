/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frags.c - section 8: later fragments go where their first one went. */
#include "internal.h"

#include <string.h>

static struct fl_frag_key key_of(const struct packet *p)
{
	struct fl_frag_key key = {.id = p->frag_id, .proto = p->proto};

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

enum fl_verdict frags__later(struct run *r)
{
	struct fl_frag_key key = key_of(&r->p);
	const struct fl_frag *f = table__get(&r->w->frags, &key);
	struct way way;
	enum fl_verdict v;

	if (!f || now_s(r) - f->seen_s > FL_FRAG_LIFE_S)
		return world__vip(r->w, r->p.daddr) ? FL_V_DROP_FRAGMENT : FL_V_PASS_FRAGMENT;
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
