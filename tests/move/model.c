/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - what the program does with a packet to a slot that is not clean. */
#include "model.h"

#include <string.h>

#include "fairlead/abi.h"

/* From where the connection began to FL_FIT_BYTES beyond the highest number that fitted. */
static bool fits(const struct mv *m, const struct mv_fit *f, uint32_t seq)
{
	uint32_t low = f->isn;

	if (m->broken == MV_FIT_BACK && f->seq - f->isn > FL_FIT_BYTES)
		low = f->seq - FL_FIT_BYTES;
	return m->broken == MV_FIT_ANY || seq - low <= f->seq - low + FL_FIT_BYTES;
}

static void follow(struct mv_fit *f, uint32_t seq)
{
	if (seq - f->isn > f->seq - f->isn)
		f->seq = seq;
}

static bool fits_tentative(const struct mv *m, const struct mv_packet *p)
{
	const struct mv_tentative *t = &m->tentative[p->flow];

	if (!t->backend || m->now - t->seen_s >= FL_TENTATIVE_S || m->proto == MV_DATAGRAMS)
		return false;
	if (m->proto == MV_QUIC)
		return p->kind == MV_LONG && p->seq == t->fit.isn;
	return p->seq != t->fit.isn && fits(m, &t->fit, p->seq);
}

bool mv__over(const struct mv *m, const struct mv_record *r)
{
	if (m->gone[r->backend] || r->fin || r->rst || r->passed || m->now - r->seen_s > m->idle)
		return true;
	return r->young && m->now - r->seen_s >= FL_TENTATIVE_S;
}

void mv__forget(struct mv *m, uint32_t record)
{
	memset(&m->record[record], 0, sizeof(m->record[record]));
	m->records--;
	m->slot_records[mv__slot(record)]--;
}

/*
 * Where the client's next connections go, 0: not known; a known client is brought up to date. `backend`,
 * if not 0, is where a connection of it has just got a record.
 */
static uint8_t client_goes_to(struct mv *m, uint32_t flow, uint8_t backend)
{
	uint32_t at = mv__client(m, flow);
	struct mv_record *r;

	if (m->affinity == MV_BY_FLOW)
		return 0;
	r = &m->record[at];
	if (r->life == MV_NONE && backend && m->records < m->flows_max) {
		*r = (struct mv_record){
			.life = MV_ACTIVE, .backend = backend, .seen_s = m->now, .born_s = m->now};
		m->records++;
		m->slot_records[mv__slot(at)]++;
		return 0;
	}
	if (r->life == MV_NONE || r->life == MV_DEAD)
		return 0;
	if (m->gone[r->backend] || m->now - r->seen_s > m->idle) {
		if (!backend)
			return 0;
		r->backend = backend;
	}
	if (m->broken == MV_CLIENT_STALE && !backend)
		return r->backend;
	r->seen_s = m->now;
	r->life = MV_ACTIVE;
	return r->backend;
}

/* Makes a record where there is none or one that is over; false: none could be made. */
static bool make_record(struct mv *m, const struct mv_packet *p, uint8_t backend, bool young)
{
	struct mv_record *r = &m->record[p->flow];
	bool displace = (m->broken == MV_DISPLACE && young) ||
			(m->broken == MV_GIVES_WAY && !young && r->young);

	if (r->life == MV_DEAD && m->broken != MV_OVER_DEAD)
		return false;
	if ((r->life == MV_ACTIVE || r->life == MV_DYING) && !mv__over(m, r) && !displace)
		return false;
	if (r->life == MV_NONE) {
		if (m->records >= m->flows_max) {
			m->full_s = m->now;
			return false;
		}
		m->records++;
		m->slot_records[mv__slot(p->flow)]++;
	}
	*r = (struct mv_record){
		.life = MV_ACTIVE,
		.backend = backend,
		.young = young,
		.seen_s = m->now,
		.born_s = m->now,
		.fit = young ? m->tentative[p->flow].fit : (struct mv_fit){p->seq, p->seq},
		.fin = p->kind == MV_FIN,
		.rst = p->kind == MV_RST,
	};
	return true;
}

static bool is_plain(const struct mv_record *r)
{
	return r->life == MV_ACTIVE && !r->young && !r->fin && !r->rst && !r->passed;
}

/* Line 1 of the rules. */
static bool by_record(struct mv *m, const struct mv_packet *p, uint8_t *backend)
{
	struct mv_record *r = &m->record[p->flow];
	bool tcp = m->proto == MV_TCP;

	if (r->life == MV_NONE || r->life == MV_DEAD)
		return false;
	/* Seen in this second, and nothing to note: no further question is asked. */
	if (is_plain(r) && r->seen_s == m->now && !m->gone[r->backend] &&
	    (p->kind == MV_ACK || p->kind == MV_UDP)) {
		*backend = r->backend;
		return true;
	}
	if (mv__over(m, r)) {
		if (p->kind == MV_SYN)
			return false;
		if (fits_tentative(m, p))
			return false;
	}
	if (r->young && tcp) {
		if (!fits(m, &r->fit, p->seq))
			return false;
		follow(&r->fit, p->seq);
	}
	if (r->seen_s != m->now)
		client_goes_to(m, p->flow, 0);
	r->seen_s = m->now;
	r->life = MV_ACTIVE;
	r->fin |= p->kind == MV_FIN;
	r->rst = p->kind == MV_RST;
	if (r->young && m->now - r->born_s >= FL_REAPPEAR_S)
		r->young = false;
	*backend = r->backend;
	return true;
}

/* The flow's cell; else that of its set which it may take: an empty one, or the oldest. */
static struct mv_cell *cell_of(struct mv *m, uint32_t flow)
{
	uint32_t set = mv__hash((uint64_t)flow << 32 | flow) % (MV_CELLS / MV_WAYS);
	struct mv_cell *c = &m->cell[set * MV_WAYS], *best = c;

	for (int i = 0; i < MV_WAYS; i++) {
		if (c[i].flow1 == flow + 1)
			return &c[i];
		if (best->flow1 && (!c[i].flow1 || c[i].s < best->s))
			best = &c[i];
	}
	return best;
}

static bool frozen(const struct mv *m)
{
	return m->churn || (m->full_s && m->now - m->full_s < FL_PRESSURE_S);
}

/* Line 2. */
static uint8_t begin(struct mv *m, const struct mv_packet *p)
{
	struct mv_slot slot = mv__live(m, mv__slot(p->flow));
	struct mv_word w = m->word[mv__slot(p->flow)];
	struct mv_record *r = &m->record[p->flow];
	struct mv_tentative *t = &m->tentative[p->flow];
	bool again = t->backend && t->fit.isn == p->seq && m->now - t->seen_s < FL_TENTATIVE_S;
	const struct mv_cell *c = cell_of(m, p->flow);
	bool past = r->life != MV_NONE && r->life != MV_DEAD && mv__over(m, r);
	bool write = past && m->broken != MV_OVER_STAYS;
	bool pinned = w.pinned || slot.cur == w.prev;
	uint8_t to = slot.cur, client;

	r->passed |= past && m->broken != MV_OVER_AGAIN;
	if (again && m->broken != MV_PINNED_FIRST) {
		if (!pinned || m->broken == MV_AGE_ANEW)
			t->seen_s = m->now;
		return t->backend;
	}
	client = m->broken == MV_SPLIT ? 0 : client_goes_to(m, p->flow, 0);
	if (client) {
		to = client;
		write = true;
	} else if (pinned) {
		to = slot.cur;
	} else if (again) {
		return t->backend;
	} else if (c->flow1 == p->flow + 1 && m->now - c->s < FL_SIGHTED_S && !m->gone[w.prev]) {
		to = w.prev;
		write = true;
	} else if (frozen(m) && w.accepts) {
		to = w.prev;
		m->frozen_s = m->now;
	} else {
		write |= m->broken != MV_NO_TENTATIVE;
	}
	if (write && to)
		*t = (struct mv_tentative){
			.backend = to, .seen_s = m->now, .fit = {p->seq, p->seq}};
	return to;
}

/* Line 3. */
static uint8_t promote(struct mv *m, const struct mv_packet *p)
{
	struct mv_tentative *t = &m->tentative[p->flow];
	uint8_t to = t->backend;

	follow(&t->fit, p->seq);
	if (make_record(m, p, to, true)) {
		memset(t, 0, sizeof(*t));
		client_goes_to(m, p->flow, to);
	} else {
		t->seen_s = m->now;
	}
	return to;
}

/* `keep`: the sighting says more than that the flow was there. */
static void sight(struct mv *m, const struct mv_packet *p, uint8_t to, bool keep)
{
	struct mv_record *r = &m->record[p->flow];
	struct mv_cell *c = cell_of(m, p->flow);
	uint32_t age = m->now - c->s;

	if (c->flow1 != p->flow + 1) {
		if (!c->flow1 || age >= FL_SIGHTED_S ||
		    mv__hash((uint64_t)m->now << 32 | p->flow) & 1)
			*c = (struct mv_cell){.flow1 = p->flow + 1, .s = m->now};
		return;
	}
	if (age < FL_REAPPEAR_S)
		return;
	if (m->broken == MV_SIGHT_VOID && age >= FL_SIGHTED_S) {
		c->s = m->now;
		return;
	}
	if ((r->life == MV_ACTIVE || r->life == MV_DYING) && r->young && r->backend == to &&
	    !mv__over(m, r)) {
		r->young = false;
		r->seen_s = m->now;
		r->life = MV_ACTIVE;
	} else if (!make_record(m, p, to, false)) {
		if (!keep || m->broken == MV_GRACE_LOST)
			c->s = m->now;
		return;
	}
	memset(c, 0, sizeof(*c));
	client_goes_to(m, p->flow, to);
}

/* Line 4. */
static uint8_t other(struct mv *m, const struct mv_packet *p)
{
	uint32_t slot = mv__slot(p->flow);
	struct mv_word w = m->word[slot];
	const struct mv_cell *c = cell_of(m, p->flow);
	bool pinned = w.pinned || w.prev == mv__live(m, slot).cur, udp = m->proto != MV_TCP;
	bool sighted = c->flow1 == p->flow + 1 && c->s - w.since < m->udp_grace &&
		       m->broken != MV_GRACE_ONLY;
	uint8_t to = w.prev, client = 0;

	if (pinned ||
	    (udp && !sighted && (m->now - w.since >= m->udp_grace || m->broken == MV_NO_GRACE)))
		to = mv__live(m, slot).cur;
	/* Nothing is old about an unknown flow of a known client, without connections. */
	if (m->proto == MV_DATAGRAMS && m->broken != MV_SPLIT)
		client = client_goes_to(m, p->flow, 0);
	if (client)
		to = client;
	if (!pinned && to)
		sight(m, p, to, udp && sighted);
	return to;
}

uint8_t mv__packet(struct mv *m, const struct mv_packet *p)
{
	struct mv_slot slot = mv__live(m, mv__slot(p->flow));
	uint8_t backend;

	if (!slot.dirty)
		return slot.cur;
	if (by_record(m, p, &backend))
		return backend;
	if (p->kind == MV_SYN && !(m->proto == MV_QUIC && m->broken == MV_INITIAL))
		return begin(m, p);
	if (fits_tentative(m, p))
		return promote(m, p);
	return other(m, p);
}
