/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moving.c - docs/transitions.md: packets to slots that are not clean. */
#include "internal.h"

#include <arpa/inet.h>
#include <string.h>

#define SIGHT_SET 4 /* cells that a sighting may be in */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define NOWHERE 0 /* no backend has this index */

enum stage { OTHER, BEGINS, ANSWERS };

struct move {
	struct run *r;
	const struct fl_service *s;
	struct fl_flow_key key;
	uint32_t slot, cur, now;
	uint32_t word;
	bool pinned;
	enum stage stage;
	uint32_t mark;
	uint8_t flags; /* TCP's */
	bool past; /* a record that is over was passed by */
};

/* --- what the packet is ----------------------------------------------------------------------------- */

/* FNV-1a of the length byte at `at` and as many bytes; 0: they are not within the packet. */
static uint32_t hash_id(const struct run *r, uint32_t at)
{
	uint32_t hash = 2166136261U, len;

	if (at + 1 > r->p.end)
		return 0;
	len = r->in->b[at];
	if (len > 20 || at + 1 + len > r->p.end)
		return 0;
	for (uint32_t i = 0; i <= len; i++)
		hash = (hash ^ r->in->b[at + i]) * 16777619U;
	return hash ? hash : 1;
}

static void read_quic(struct move *m)
{
	const struct packet *p = &m->r->p;
	const uint8_t *h = m->r->in->b + p->l4 + 8;
	uint32_t version, type, id;

	if (p->l4 + 8 + 6 > p->end || !(h[0] & 0x80) || h[5] > 20)
		return;
	version = get32(h + 1);
	type = h[0] >> 4 & 3;
	if (version != 1 && version != 0x6b3343cf)
		return;
	id = hash_id(m->r, p->l4 + 8 + 6 + h[5]);
	if (!id)
		return;
	m->mark = id;
	m->stage = type == (version == 1 ? 0 : 1) ? BEGINS : ANSWERS;
}

static void read_stage(struct move *m)
{
	const struct packet *p = &m->r->p;
	const uint8_t *h = m->r->in->b + p->l4;

	if (p->proto == PROTO_TCP) {
		m->flags = h[13];
		m->mark = get32(h + 4);
		m->stage = (m->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN ? BEGINS : ANSWERS;
	} else if (p->proto == PROTO_SCTP && p->l4 + 20 <= p->end) {
		if (h[12] == 1) {
			m->mark = get32(h + 16);
			m->stage = BEGINS;
		} else if (h[12] == 10) {
			m->stage = ANSWERS;
		}
	} else if (p->proto == PROTO_UDP && m->s->flags & FL_SVC_QUIC) {
		read_quic(m);
	}
}

/* --- what is known ---------------------------------------------------------------------------------- */

static bool gone(const struct move *m, uint32_t backend)
{
	const struct world *w = m->r->w;

	return backend >= FL_MAX_BACKENDS ||
	       (backend < WORLD_BACKENDS && w->backends[backend].flags & FL_BE_GONE);
}

static bool over(const struct move *m, const struct fl_flow *f)
{
	bool young = f->state & FL_FLOW_YOUNG && m->now - f->seen_s >= FL_TENTATIVE_S;

	return f->state & (FL_FLOW_FIN | FL_FLOW_RST | FL_FLOW_PASSED) || young ||
	       gone(m, f->backend) || m->now - f->seen_s > m->s->idle_s;
}

/* From the ISN to FL_FIT_BYTES beyond the highest. */
static bool fits(const struct fl_fit *fit, uint32_t seq)
{
	uint64_t highest = fit->seq - fit->isn, here = seq - fit->isn;

	/* The window may reach round to the ISN again, where it ends. */
	return highest + FL_FIT_BYTES > UINT32_MAX ? here <= (uint32_t)(highest + FL_FIT_BYTES)
						   : here <= highest + FL_FIT_BYTES;
}

static void raise(struct fl_fit *fit, uint32_t seq)
{
	if (seq - fit->isn > fit->seq - fit->isn)
		fit->seq = seq;
}

static bool fits_tentative(const struct move *m, const struct fl_tentative *t)
{
	if (!t || m->stage != ANSWERS || m->now - t->seen_s >= FL_TENTATIVE_S)
		return false;
	if (m->key.proto == PROTO_TCP)
		return m->mark != t->fit.isn && fits(&t->fit, m->mark);
	return m->key.proto == PROTO_SCTP || m->mark == t->fit.isn;
}

static struct fl_tentative *tentative_of(const struct move *m)
{
	return table__get(&m->r->w->tentative, &m->key);
}

/* The flow's cell of its set; else an empty one, else the oldest. */
static uint64_t *cell_of(const struct move *m, uint32_t *number, uint32_t *print)
{
	uint64_t hash = pick__sight_hash(m->r->w, &m->key), *cells = m->r->w->sighted;
	uint32_t first = (uint32_t)hash % FL_SIGHTED / SIGHT_SET * SIGHT_SET;

	*print = (uint32_t)(hash >> 32) | 1;
	*number = first;
	for (uint32_t i = first; i < first + SIGHT_SET; i++)
		if (cells[i] >> 32 == *print) {
			*number = i;
			return &cells[i];
		}
	for (uint32_t i = first + 1; i < first + SIGHT_SET; i++)
		if (cells[*number] && (!cells[i] || (uint32_t)cells[i] < (uint32_t)cells[*number]))
			*number = i;
	return &cells[*number];
}

/* When the flow was sighted; false: it is not there. */
static bool sighted(const struct move *m, uint32_t *since)
{
	uint32_t number, print;
	const uint64_t *cell = cell_of(m, &number, &print);

	*since = (uint32_t)*cell;
	return *cell >> 32 == print;
}

/* The client's record; with `backend`, one of its connections has just been recorded. */
static uint32_t client(const struct move *m, uint32_t backend)
{
	struct table *flows = &m->r->w->flows;
	struct fl_flow_key key = {.service = m->key.service};
	struct fl_flow *f;

	if (m->s->affinity == FL_AFF_FLOW)
		return NOWHERE;
	memcpy(key.saddr, m->key.saddr, 16);
	if (m->s->affinity == FL_AFF_SOURCE_PORT)
		key.sport = m->key.sport;
	f = table__get(flows, &key);
	if (!f) {
		f = backend == NOWHERE ? NULL : table__put(flows, &key);
		if (f)
			*f = (struct fl_flow){.state = FL_FLOW_ACTIVE,
					      .backend = backend,
					      .slot = m->slot,
					      .seen_s = m->now,
					      .born_s = m->now};
		return NOWHERE;
	}
	if (gone(m, f->backend) || m->now - f->seen_s > m->s->idle_s) {
		if (backend == NOWHERE)
			return NOWHERE;
		f->backend = backend;
	}
	f->seen_s = m->now;
	return f->backend;
}

/* --- the four lines --------------------------------------------------------------------------------- */

/* Whether the flow has a record of `backend` now. */
static bool make_record(struct move *m, uint32_t backend, uint32_t flags, struct fl_fit fit)
{
	struct world *w = m->r->w;
	struct fl_flow *f = table__get(&w->flows, &m->key);

	if (f && !over(m, f)) {
		if (!(flags & FL_FLOW_OLD) || f->backend != backend)
			return false;
		f->seen_s = m->now;
		f->state &= ~FL_FLOW_YOUNG;
		return true;
	}
	f = table__put(&w->flows, &m->key);
	if (!f) {
		w->notes[FL_N_FLOWS_FULL]++;
		w->full_s = m->now;
		return false;
	}
	*f = (struct fl_flow){.state = FL_FLOW_ACTIVE | flags,
			      .backend = backend,
			      .slot = m->slot,
			      .seen_s = m->now,
			      .born_s = m->now,
			      .fit = fit};
	f->state |= m->flags & TCP_FIN ? FL_FLOW_FIN : 0;
	f->state |= m->flags & TCP_RST ? FL_FLOW_RST : 0;
	return true;
}

static uint32_t by_record(struct move *m)
{
	struct fl_flow *f = table__get(&m->r->w->flows, &m->key);
	bool tcp = m->key.proto == PROTO_TCP;

	if (!f)
		return NOWHERE;
	if (over(m, f) && (m->stage == BEGINS || fits_tentative(m, tentative_of(m)))) {
		m->past = true;
		f->state |= m->stage == BEGINS ? FL_FLOW_PASSED : 0;
		return NOWHERE;
	}
	if (f->state & FL_FLOW_YOUNG && tcp) {
		if (!fits(&f->fit, m->mark)) {
			m->r->w->notes[FL_N_YOUNG_MISFIT]++;
			return NOWHERE;
		}
		raise(&f->fit, m->mark);
	}
	if (f->seen_s != m->now)
		client(m, NOWHERE);
	f->seen_s = m->now;
	f->state &= ~FL_FLOW_RST;
	f->state |= m->flags & TCP_RST ? FL_FLOW_RST : 0;
	f->state |= m->flags & TCP_FIN ? FL_FLOW_FIN : 0;
	if (m->now - f->born_s >= FL_REAPPEAR_S)
		f->state &= ~FL_FLOW_YOUNG;
	return f->backend;
}

static uint32_t begin(struct move *m)
{
	struct world *w = m->r->w;
	struct fl_tentative *t = tentative_of(m);
	uint32_t prev = m->word & FL_MOVE_PREV, to, since;
	bool note = true;

	if (t && t->fit.isn == m->mark && m->now - t->seen_s < FL_TENTATIVE_S) {
		if (!m->pinned)
			t->seen_s = m->now;
		return t->backend;
	}
	to = client(m, NOWHERE);
	if (to == NOWHERE && m->pinned) {
		to = m->cur;
		note = false;
	} else if (to == NOWHERE && sighted(m, &since) && m->now - since < FL_SIGHTED_S &&
		   !gone(m, prev)) {
		to = prev;
	} else if (to == NOWHERE && w->full_s && m->now - w->full_s < FL_PRESSURE_S &&
		   m->word & FL_MOVE_ACCEPTS) {
		w->notes[FL_N_FROZEN]++;
		to = prev;
		note = false;
	} else if (to == NOWHERE) {
		to = m->cur;
	}
	if (to == FL_SLOT_NONE || (!note && !m->past))
		return to;
	t = table__put(&w->tentative, &m->key);
	*t = (struct fl_tentative){
		.backend = to, .slot = m->slot, .seen_s = m->now, .fit = {m->mark, m->mark}};
	w->notes[FL_N_TENTATIVE]++;
	return to;
}

static uint32_t answer(struct move *m)
{
	struct fl_tentative *t = tentative_of(m);
	uint32_t to = t->backend;

	if (m->key.proto == PROTO_TCP)
		raise(&t->fit, m->mark);
	if (!make_record(m, to, FL_FLOW_YOUNG, t->fit)) {
		t->seen_s = m->now;
		return to;
	}
	table__remove(&m->r->w->tentative, &m->key);
	m->r->w->notes[FL_N_PROMOTED]++;
	client(m, to);
	return to;
}

/* `keep`: when it was sighted first says that it was in its grace. */
static void sight(struct move *m, uint32_t to, bool keep)
{
	uint32_t number, print, since;
	uint64_t *cell = cell_of(m, &number, &print), now = (uint64_t)print << 32 | m->now;

	since = (uint32_t)*cell;
	if (*cell >> 32 != print) {
		if (!*cell || m->now - since >= FL_SIGHTED_S ||
		    pick__mix((uint64_t)number << 32 | m->now) % 2)
			*cell = now;
	} else if (m->now - since >= FL_REAPPEAR_S) {
		if (!keep)
			*cell = now;
		if (!make_record(m, to, FL_FLOW_OLD, (struct fl_fit){m->mark, m->mark}))
			return;
		*cell = 0;
		m->r->w->notes[FL_N_OLD_FLOW]++;
		client(m, to);
	}
}

static uint32_t slot_age(const struct move *m)
{
	return (m->now - (m->word >> FL_MOVE_SINCE_SHIFT)) & FL_MOVE_SINCE_MASK;
}

static bool sighted_in_grace(const struct move *m)
{
	uint32_t age = slot_age(m), since;

	return sighted(m, &since) && m->now - since <= age &&
	       age - (m->now - since) < m->s->udp_grace_s;
}

/* Where the packets go of a flow of which nothing is known. */
static uint32_t stateless(const struct move *m, bool may_be_sighted)
{
	if (m->pinned)
		return m->cur;
	if (m->key.proto != PROTO_UDP || slot_age(m) < m->s->udp_grace_s)
		return m->word & FL_MOVE_PREV;
	return may_be_sighted && sighted_in_grace(m) ? m->word & FL_MOVE_PREV : m->cur;
}

static uint32_t other(struct move *m)
{
	uint32_t to = stateless(m, true), known = NOWHERE;

	if (m->key.proto == PROTO_UDP && !(m->s->flags & FL_SVC_QUIC))
		known = client(m, NOWHERE);
	if (known != NOWHERE)
		to = known;
	if (!m->pinned && to != FL_SLOT_NONE)
		sight(m, to, m->key.proto == PROTO_UDP && sighted_in_grace(m));
	return to;
}

static struct move move_of(struct run *r, const struct way *way, uint32_t says)
{
	const struct world *w = r->w;
	struct move m = {.r = r, .s = &w->services[way->service], .now = now_s(r)};
	uint32_t prev;

	m.cur = says & FL_SLOT_INDEX;
	m.slot = (uint32_t)(way->hash % (m.s->slot_mask + 1));
	m.word = w->moves[way->service] ? w->moves[way->service][m.slot] : FL_MOVE_PINNED;
	prev = m.word & FL_MOVE_PREV;
	m.pinned = m.word & FL_MOVE_PINNED || prev == m.cur || prev == FL_SLOT_NONE || !prev;
	m.key.service = (__u16)way->service;
	return m;
}

uint32_t moving__pick(struct run *r, const struct way *way, uint32_t says)
{
	const struct packet *p = &r->p;
	struct move m = move_of(r, way, says);
	uint32_t to;

	memcpy(m.key.saddr, p->saddr, 16);
	memcpy(m.key.daddr, p->daddr, 16);
	m.key.sport = htons(p->sport);
	m.key.dport = htons(p->dport);
	m.key.proto = p->proto;
	read_stage(&m);
	to = by_record(&m);
	if (to != NOWHERE)
		return to;
	if (m.stage == BEGINS)
		return begin(&m);
	return fits_tentative(&m, tentative_of(&m)) ? answer(&m) : other(&m);
}

uint32_t moving__error(struct run *r, const struct way *way, uint32_t says)
{
	const struct quote *q = &r->q;
	struct move m = move_of(r, way, says);
	const struct fl_flow *f;

	memcpy(m.key.saddr, q->daddr, 16);
	memcpy(m.key.daddr, q->saddr, 16);
	m.key.sport = htons(q->dport);
	m.key.dport = htons(q->sport);
	m.key.proto = q->proto;
	f = table__get(&r->w->flows, &m.key);
	return f ? f->backend : stateless(&m, false);
}
