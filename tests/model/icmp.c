/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp.c - section 7: echo requests to a VIP, and errors about packets of its flows. */
#include "internal.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_error(uint8_t version, uint8_t type)
{
	if (version == 6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static enum fl_verdict echo(struct run *r, const struct fl_vip *vip)
{
	uint16_t type = r->p.version == 4 ? TYPE_IPV4 : TYPE_IPV6;
	struct fl_hop back = {};
	enum fl_verdict v;

	if (!vip || !(vip->flags & FL_VIP_ECHO) || r->in->b[r->p.l4 + 1])
		return FL_V_PASS_NOT_SERVICE;
	v = admit__scope(r, 0);
	if (v != GO_ON)
		return v;
	memcpy(back.dmac, r->in->b + 6, 6);
	memcpy(back.smac, r->in->b, 6);
	link__header(r, &back, 0, type);
	rewrite__echo(r);
	r->out->egress = r->at->ingress;
	return FL_V_SEND_ECHO;
}

/* What the quoted packet answers, the client's, is what decides. */
static enum fl_verdict error_to_vip(struct run *r)
{
	const struct quote *q = &r->q;
	struct packet *p = &r->p, client = *p;
	struct world *w = r->w;
	struct way way = {};
	enum fl_verdict v;
	bool fresh;

	if (memcmp(q->saddr, p->daddr, 16) != 0)
		return FL_V_PASS_NOT_SERVICE;
	way.service = world__service(w, q->saddr, q->sport, q->proto);
	if (!way.service)
		return FL_V_PASS_NOT_SERVICE;
	r->out->service = way.service;
	v = admit__lease(r);
	if (v == GO_ON)
		v = admit__scope(r, 0);
	if (v != GO_ON)
		return v;
	way.hash = pick__hash(w, way.service, p->version, q->daddr, q->saddr, q->dport, q->sport,
			      q->proto);
	v = pick__backend(w, way.service, way.hash, &way.backend);
	if (v != GO_ON)
		return v;
	/* Section 6 sees the client's packet, in the middle of its connection. */
	memcpy(p->saddr, q->daddr, 16);
	p->sport = q->dport;
	p->dport = q->sport;
	p->proto = q->proto;
	p->tcp_flags = 0;
	if (w->backends[way.backend].mode == FL_FWD_NAT) {
		nat__way(r, &way);
		memcpy(way.error_saddr, client.saddr, 16);
	} else if (w->backends[way.backend].mode == FL_FWD_FULLNAT) {
		v = fullnat__find(r, &way, &fresh);
		if (v == GO_ON && fresh)
			v = FL_V_DROP_NAT_UNKNOWN;
		memcpy(way.error_saddr, way.saddr, 16);
	}
	*p = client;
	if (v == GO_ON)
		v = forward__check(r, &way);
	return v == GO_ON ? forward__send(r, &way) : v;
}

static enum fl_verdict error_to_client(struct run *r)
{
	const struct quote *q = &r->q;
	struct way way;
	enum fl_verdict v;

	if (memcmp(q->saddr, r->p.daddr, 16) != 0)
		return FL_V_PASS_NOT_SERVICE;
	v = reply__find(r, &way);
	if (v == GO_ON)
		v = admit__scope(r, 0);
	if (v != GO_ON)
		return v;
	/* A router's own address stays, the backend's may not be seen. */
	memcpy(way.error_saddr, r->p.saddr, 16);
	if (memcmp(r->p.saddr, q->daddr, 16) == 0)
		memcpy(way.error_saddr, way.saddr, 16);
	return reply__send(r, &way);
}

enum fl_verdict icmp__run(struct run *r)
{
	const struct packet *p = &r->p;
	uint8_t type = r->in->b[p->l4];
	const struct fl_vip *vip = world__vip(r->w, p->daddr);

	if (type == (p->version == 4 ? 8 : 128))
		return echo(r, vip);
	if (!is_error(p->version, type) || !parse__quote(r->in, p, &r->q))
		return FL_V_PASS_NOT_SERVICE;
	r->error = true;
	return vip ? error_to_vip(r) : error_to_client(r);
}
