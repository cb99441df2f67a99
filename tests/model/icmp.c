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

static bool all_zero(const uint8_t *b, uint32_t n)
{
	while (n && !b[n - 1])
		n--;
	return !n;
}

bool icmp__answerable(const struct packet *p)
{
	const uint8_t *a = p->saddr;

	if (p->version == 4) /* this network, loopback, classes D and E */
		return a[12] != 0 && a[12] != 127 && a[12] < 0xe0;
	/* multicast; the unspecified address and loopback */
	return a[0] != 0xff && !(all_zero(a, 15) && a[15] <= 1);
}

static enum fl_verdict echo(struct run *r, const struct fl_vip *vip)
{
	enum fl_verdict v;

	if (!vip || !(vip->flags & FL_VIP_ECHO) || r->in->b[r->p.l4 + 1] ||
	    r->p.l4 - r->p.l3 != (r->p.version == 4 ? IPV4_LEN : IPV6_LEN) ||
	    !icmp__answerable(&r->p))
		return FL_V_PASS_NOT_SERVICE;
	v = admit__lease(r, vip->flags & FL_VIP_GROUP);
	if (v == GO_ON)
		v = admit__scope(r, 0);
	if (v != GO_ON)
		return v;
	link__turned(r);
	rewrite__echo(r);
	r->out->egress = r->at->ingress;
	return FL_V_SEND_ECHO;
}

/* Where the flow goes whose packet the VIP's backend was answering. */
static enum fl_verdict error_way(struct run *r, struct way *way)
{
	const struct fl_service *s = &r->w->services[way->service];
	enum fl_verdict v;

	if (s->flags & FL_SVC_FULLNAT) {
		v = fullnat__recall(r, way);
		/* The backend knows the client, and all behind it, by the pool's address. */
		memcpy(way->error_saddr, way->saddr, 16);
		return v;
	}
	way->backend = pick__slot(r->w, way->service, way->hash);
	if (way->backend & FL_SLOT_DIRTY)
		way->backend = moving__error(r, way, way->backend);
	if (is_nat(r->w, way->backend)) {
		nat__way(r, way);
		memcpy(way->error_saddr, r->p.saddr, 16);
	}
	return GO_ON;
}

static enum fl_verdict error_to_vip(struct run *r)
{
	const struct quote *q = &r->q;
	struct way way = {};
	enum fl_verdict v;

	if (memcmp(q->saddr, r->p.daddr, 16) != 0)
		return FL_V_PASS_NOT_SERVICE;
	way.service = world__service(r->w, q->saddr, q->sport, q->proto);
	if (!way.service)
		return FL_V_PASS_NOT_SERVICE;
	r->out->service = way.service;
	v = admit__lease(r, in_group(r->w, way.service));
	if (v == GO_ON)
		v = admit__scope(r, 0);
	if (v != GO_ON)
		return v;
	way.hash = pick__hash(r->w, way.service, r->p.version, q->daddr, q->saddr, q->dport,
			      q->sport, q->proto);
	v = error_way(r, &way);
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
