/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * heard.c - the promise, from what the clients have said: which of their connections the balancer has to
 * know, and where an affinity has to send the next ones. Not how it comes to know them.
 */
#include "fairlead/abi.h"
#include "net.h"

#define FIN_S 60

bool mv_heard__has_record(const struct mv_net *n, uint32_t flow)
{
	return n->m.record[flow].life == MV_ACTIVE || n->m.record[flow].life == MV_DYING;
}

bool mv_heard__is_tentative(const struct mv_net *n, uint32_t flow)
{
	const struct mv_tentative *t = &n->m.tentative[flow];
	const struct mv_client *c = &n->client[flow];

	return t->backend && t->fit.isn - c->isn <= c->next - c->isn;
}

/* The balancer need not know it. */
static bool is_excused(const struct mv_client *c)
{
	for (int e = 1; e < MV_EXCUSES; e++) {
		if (c->excuse[e])
			return true;
	}
	return false;
}

static bool is_moving(const struct mv_net *n, uint32_t flow)
{
	uint32_t slot = mv__slot(flow);
	const struct mv_word *w = &n->m.word[slot];
	struct mv_slot s = mv__live(&n->m, slot);

	return s.dirty && !w->pinned && w->prev != s.cur;
}

static struct mv_home *home_of(struct mv_net *n, uint32_t flow)
{
	return &n->home[mv__client(&n->m, flow) - MV_FLOWS];
}

/* A slot without records knows nobody. */
static void forget_clean(struct mv_net *n, uint32_t flow)
{
	struct mv_home *h = home_of(n, flow);

	if (mv__live(&n->m, mv__slot(flow)).dirty)
		return;
	h->backend = 0;
	h->used = 0;
	for (uint32_t f = 0; f < MV_FLOWS; f++) {
		if (mv__client(&n->m, f) == mv__client(&n->m, flow) &&
		    n->client[f].state != CLIENT_CLOSED)
			h->used |= n->client[f].syn_to;
	}
}

static bool is_one(uint8_t bits)
{
	return bits && !(bits & (bits - 1));
}

/* Until its slot is CLEAN again: what is left says where its connections are, not the next ones. */
static void lose_home(struct mv_home *h)
{
	h->backend = 0;
	h->used = UINT8_MAX;
}

/* What it was known by is over when it was silent for too long, or its known connections were. */
static void note_client_speech(struct mv_net *n, uint32_t flow)
{
	struct mv_home *h = home_of(n, flow);

	if ((h->heard_s && n->m.now - h->heard_s > n->m.idle) ||
	    (h->backend && n->m.now - h->seen_s > n->m.idle))
		lose_home(h);
	h->heard_s = n->m.now;
	forget_clean(n, flow);
}

/* The client has a home when all that it has is where it is known. */
static void note_home(struct mv_net *n, uint32_t flow)
{
	const struct mv_client *c = &n->client[flow];
	struct mv_home *h = home_of(n, flow);

	if (!c->known || is_excused(c) || n->m.gone[c->backend])
		return;
	if (!h->backend && is_one(h->used) && h->used >> c->backend & 1)
		h->backend = c->backend;
	h->seen_s = n->m.now;
}

/* Where the slot is in its changes. */
static void note_epoch(struct mv_net *n, uint32_t flow)
{
	const struct mv_word *w = &n->m.word[mv__slot(flow)];
	struct mv_client *c = &n->client[flow];

	note_client_speech(n, flow);
	if (!is_moving(n, flow)) {
		/* What began while the slot was moving is the owner's now, or was lost with a change. */
		if (c->began_moving && !c->known && n->m.proto != MV_TCP)
			c->excuse[MV_QUIET] |= mv__live(&n->m, mv__slot(flow)).cur != c->backend;
		c->began_moving = false;
		return;
	}
	/* The swap comes before the new `since` where the agent stood still. */
	if (c->began_moving && !c->known && n->m.proto != MV_TCP && c->backend != w->prev &&
	    c->backend != mv__live(&n->m, mv__slot(flow)).cur)
		c->excuse[MV_QUIET] = true;
	if (c->epoch_s == w->since && c->first_s) {
		/* What finds no room for its record has its grace only. */
		c->known |= n->m.now != c->first_s &&
			    (n->m.proto == MV_TCP || n->m.flows_max == MV_RECORDS);
		return;
	}
	/* UDP has its grace to be heard in; what began since an earlier change may be anywhere. */
	if (n->m.proto != MV_TCP && !c->known &&
	    (n->m.now - w->since >= n->m.udp_grace || c->began_moving))
		c->excuse[MV_QUIET] = true;
	c->epoch_s = w->since;
	c->first_s = n->m.now;
}

/* Datagrams that are not known yet follow what is known of their client. */
static void note_client(struct mv_net *n, uint32_t flow)
{
	const struct mv_record *r = &n->m.record[mv__client(&n->m, flow)];
	struct mv_client *c = &n->client[flow];

	if (n->m.affinity != MV_BY_FLOW && n->m.proto == MV_DATAGRAMS && !c->known &&
	    r->life != MV_NONE && (r->backend != c->backend || n->m.gone[r->backend]))
		c->excuse[MV_QUIET] = true;
}

void mv_heard__speech(struct mv_net *n, uint32_t flow)
{
	struct mv_client *c = &n->client[flow];
	const struct mv_tentative *t = &n->m.tentative[flow];
	uint32_t now = n->m.now;

	if (now - c->before_s > n->m.hold)
		c->excuse[MV_QUIET] = true;
	if (c->state == CLIENT_FIN && now - c->last_s > FIN_S)
		c->excuse[MV_QUIET] = true;
	if (now - c->syn_s >= FL_TENTATIVE_S && !c->heard)
		c->excuse[MV_VOID] = true;
	/* Its own tentative record, which is still one: something kept it from becoming a record. */
	if (mv_heard__is_tentative(n, flow) && now - t->seen_s >= FL_TENTATIVE_S)
		c->excuse[MV_VOID] = true;
	if (now != c->last_s) {
		c->before_s = c->last_s;
		c->last_s = now;
		if (c->rival_s && now - c->rival_s > FL_TENTATIVE_S)
			c->since_rival++;
	}
	c->heard = true;
	note_client(n, flow);
	note_epoch(n, flow);
	note_home(n, flow);
}

void mv_heard__went(struct mv_net *n, uint32_t flow, uint8_t to)
{
	struct mv_home *h = home_of(n, flow);

	h->used |= (uint8_t)(1U << to);
	if (h->backend && !is_one(h->used))
		lose_home(h);
}

void mv_heard__begin(struct mv_net *n, uint32_t flow, uint8_t to)
{
	struct mv_client *c = &n->client[flow];
	struct mv_home *h = home_of(n, flow);

	note_client_speech(n, flow);
	if (is_moving(n, flow)) {
		c->began_moving = true;
		c->asked = !n->m.churn && !(n->m.full_s && n->m.now - n->m.full_s < FL_PRESSURE_S);
		if (n->m.proto == MV_DATAGRAMS) {
			c->epoch_s = n->m.word[mv__slot(flow)].since;
			c->first_s = n->m.now;
		}
	}
	h->used |= (uint8_t)(1U << to);
	if (n->m.affinity == MV_BY_FLOW || !h->backend || h->forged || c->syn_to)
		return;
	n->homecomings++;
	n->split |= to != h->backend;
}

void mv_heard__answered(struct mv_net *n, uint32_t flow)
{
	struct mv_client *c = &n->client[flow];

	c->known |= c->state == CLIENT_ESTABLISHED && c->asked && !is_excused(c) &&
		    n->m.flows_max == MV_RECORDS;
}

void mv_heard__gone(struct mv_net *n, uint8_t backend)
{
	for (uint32_t i = 0; i < MV_RECORDS - MV_FLOWS; i++) {
		if (n->home[i].backend == backend)
			lose_home(&n->home[i]);
	}
}

void mv_heard__forged(struct mv_net *n, uint32_t flow)
{
	home_of(n, flow)->forged = true;
}
