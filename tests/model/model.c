/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - the order of the steps, and what is counted. */
#include "model.h"

#include <string.h>

#include "internal.h"

static const struct {
	const char *name;
	enum model_action action;
} verdicts[] = {
#define PASS MODEL_PASS
#define DROP MODEL_DROP
#define SEND MODEL_TX
#define FL_VERDICT(name, action, text) {#name, action},

#include "fairlead/reasons.def"

#undef PASS
#undef DROP
#undef SEND
};

enum model_action model__action(enum fl_verdict verdict)
{
	return verdicts[verdict].action;
}

const char *model__name(enum fl_verdict verdict)
{
	return verdicts[verdict].name;
}

uint32_t now_s(const struct run *r)
{
	return (uint32_t)(r->at->now_ns / 1000000000);
}

bool is_nat(const struct world *w, uint32_t backend)
{
	return backend < w->n_backends && w->backends[backend].mode == FL_FWD_NAT;
}

bool sent(enum fl_verdict v)
{
	return verdicts[v].action == MODEL_TX;
}

/* Section 4, and what section 6 adds to it. */
static enum fl_verdict pick(struct run *r, struct way *way)
{
	const struct packet *p = &r->p;

	way->hash = pick__hash(r->w, way->service, p->version, p->saddr, p->daddr, p->sport,
			       p->dport, p->proto);
	if (r->w->services[way->service].flags & FL_SVC_FULLNAT)
		return fullnat__way(r, way);
	way->backend = pick__slot(r->w, way->service, way->hash);
	if (way->backend & FL_SLOT_DIRTY)
		way->backend = moving__pick(r, way, way->backend);
	if (!is_nat(r->w, way->backend))
		return GO_ON;
	nat__way(r, way);
	return nat__record(r, way);
}

/* Sections 3 to 5 */
static enum fl_verdict to_service(struct run *r, uint32_t service)
{
	const struct packet *p = &r->p;
	struct way way = {.service = service};
	enum fl_verdict v;

	r->out->service = service;
	v = admit__packet(r, service);
	if (v != GO_ON)
		return v;
	v = pick(r, &way);
	if (v != GO_ON)
		return v;
	if (p->part == PART_FIRST)
		frags__remember(r, FL_FRAG_SEND, &way);
	v = forward__check(r, &way);
	return v == GO_ON ? forward__send(r, &way) : v;
}

static enum fl_verdict to_no_service(struct run *r)
{
	struct way way;
	enum fl_verdict v = reply__find(r, &way);

	if (v == GO_ON) {
		if (r->p.part == PART_FIRST)
			frags__remember(r, FL_FRAG_REPLY, &way);
		return reply__send(r, &way);
	}
	return r->p.part == PART_FIRST ? frags__pass(r) : v;
}

static enum fl_verdict decide(struct run *r)
{
	const struct packet *p = &r->p;
	enum fl_verdict v = parse__packet(r->w, r->in, &r->p);
	uint32_t service;

	if (p->other_first)
		return frags__pass(r);
	if (v != GO_ON)
		return v;
	if (p->proto == PROTO_ICMP || p->proto == PROTO_ICMP6)
		return icmp__run(r);
	if (p->part == PART_LATER)
		return frags__later(r);
	service = world__service(r->w, p->daddr, p->dport, p->proto);
	return service ? to_service(r, service) : to_no_service(r);
}

static void count(struct fl_count *c, const struct frame *in)
{
	c->packets++;
	c->bytes += in->len;
}

void model__run(struct world *w, const struct frame *in, const struct moment *at,
		struct outcome *out)
{
	struct run r = {.w = w, .in = in, .at = at, .out = out};
	enum fl_verdict v;

	out->service = out->backend = out->egress = 0;
	out->out.len = in->len;
	memcpy(out->out.b, in->b, in->len);
	v = decide(&r);
	out->verdict = v;
	out->action = model__action(v);
	if (!sent(v)) {
		out->egress = out->backend = 0;
		out->out.len = in->len;
		memcpy(out->out.b, in->b, in->len);
	} else if (out->egress != at->ingress) {
		out->action = MODEL_REDIRECT;
	}
	count(&w->verdicts[v], in);
	if (out->service)
		count(&w->svc_stats[out->service], in);
	if (out->backend)
		count(&w->be_stats[out->backend], in);
}
