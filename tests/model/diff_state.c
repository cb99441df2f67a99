/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define SECONDS_OFF 2 /* the program's clock is read a little earlier than the model's */

static uint32_t differ(const char *what, uint32_t i, uint64_t model, uint64_t program)
{
	if (model == program)
		return 0;
	fprintf(stderr, "  %s %u: model %llu, program %llu\n", what, i, (unsigned long long)model,
		(unsigned long long)program);
	return 1;
}

static uint32_t differ_count(const char *what, uint32_t i, struct fl_count model,
			     struct fl_count program)
{
	return differ(what, i, model.packets, program.packets) ||
	       differ(what, i, model.bytes, program.bytes);
}

static uint32_t counters(const struct diff *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < FL_NOTES; i++)
		if (i != FL_N_EVENT_LOST) /* nobody reads the events */
			n += differ("note", i, d->w.notes[i], real__note(d->real, (enum fl_note)i));
	for (uint32_t i = 1; i < d->w.n_services; i++)
		n += differ_count("service", i, d->w.svc_stats[i], real__svc_stat(d->real, i));
	for (uint32_t i = 1; i < d->w.n_backends; i++)
		n += differ_count("backend", i, d->w.be_stats[i], real__be_stat(d->real, i));
	return n;
}

static uint32_t nat_flows(const struct diff *d)
{
	const struct table *t = &d->w.nat_flows;
	uint32_t n = differ("records", 0, t->n, real__nat_flows(d->real));

	for (uint32_t i = 0; i < t->n && n < 5; i++) {
		const struct fl_nat_key *key = table__key(t, i);
		struct fl_nat_flow want = *(struct fl_nat_flow *)table__value(t, i), got;

		if (!real__get_nat_flow(d->real, key, &got)) {
			n += differ("record there", i, 1, 0);
			continue;
		}
		if ((uint32_t)abs((int)(want.seen_s - got.seen_s)) > SECONDS_OFF)
			n += differ("record's time", i, want.seen_s, got.seen_s);
		n += differ("record's flags", i, want.flags, got.flags);
		want.seen_s = got.seen_s;
		want.flags = got.flags;
		n += differ("record is the same", i, 1, !memcmp(&want, &got, sizeof(got)));
	}
	return n;
}

static uint32_t frags(const struct diff *d)
{
	const struct table *t = &d->w.frags;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n && n < 5; i++) {
		const struct fl_frag *want = table__value(t, i);
		struct fl_frag got;

		if (!real__get_frag(d->real, table__key(t, i), &got)) {
			n += differ("way of fragments there", i, 1, 0);
			continue;
		}
		n += differ("way of fragments", i, want->way, got.way);
		if (want->way == FL_FRAG_PASS)
			continue;
		n += differ("service of fragments", i, want->service, got.service);
		if (want->way == FL_FRAG_SEND) {
			n += differ("backend of fragments", i, want->backend, got.backend);
			n += differ("hash of fragments", i, want->hash, got.hash);
		}
	}
	return n;
}

static uint32_t flow_differs(const struct diff *d, uint32_t i)
{
	const struct fl_flow *want = table__value(&d->w.flows, i);
	struct fl_flow got;
	uint32_t n;

	if (!real__get_flow(d->real, table__key(&d->w.flows, i), &got))
		return differ("flow there", i, 1, 0);
	n = differ("flow's state", i, want->state, got.state);
	n += differ("flow's backend", i, want->backend, got.backend);
	n += differ("flow's slot", i, want->slot, got.slot);
	n += differ("flow's time", i, want->seen_s, got.seen_s);
	n += differ("flow's birth", i, want->born_s, got.born_s);
	n += differ("flow's first number", i, want->fit.isn, got.fit.isn);
	return n + differ("flow's highest number", i, want->fit.seq, got.fit.seq);
}

static uint32_t tentative_differs(const struct diff *d, uint32_t i)
{
	const struct fl_tentative *want = table__value(&d->w.tentative, i);
	struct fl_tentative got;

	if (!real__get_tentative(d->real, table__key(&d->w.tentative, i), &got))
		return differ("tentative record there", i, 1, 0);
	return differ("tentative record is the same", i, 1, !memcmp(want, &got, sizeof(got)));
}

static uint32_t moves(const struct diff *d)
{
	static uint64_t cells[FL_SIGHTED];
	uint32_t n = differ("flows", 0, d->w.flows.n, real__flows(d->real));

	for (uint32_t i = 0; i < d->w.flows.n && n < 5; i++)
		n += flow_differs(d, i);
	for (uint32_t i = 0; i < d->w.tentative.n && n < 5; i++)
		n += tentative_differs(d, i);
	real__sighted(d->real, cells);
	for (uint32_t i = 0; i < FL_SIGHTED && n < 5; i++)
		n += differ("sighting", i, d->w.sighted[i], cells[i]);
	return n;
}

uint32_t diff__state(const struct diff *d)
{
	return counters(d) + nat_flows(d) + frags(d) + moves(d);
}

/* As if some time had passed for a flow, for a handshake, or for all that was sighted. */
static void age_moves(struct diff *d)
{
	static const uint32_t times[] = {1, 1, 5, 31, 65, 100};
	uint32_t seconds = times[rng__below(&d->rng, 6)];
	struct world *w = &d->w;

	if (w->flows.n && rng__percent(&d->rng, 60)) {
		uint32_t i = rng__below(&d->rng, w->flows.n);
		struct fl_flow *f = table__value(&w->flows, i);

		f->seen_s -= seconds;
		f->born_s -= seconds;
		if (rng__percent(&d->rng, 30))
			f->state = (f->state & ~FL_FLOW_STATE) | FL_FLOW_ACTIVE;
		real__flow(d->real, table__key(&w->flows, i), f);
	}
	if (w->tentative.n && rng__percent(&d->rng, 60)) {
		uint32_t i = rng__below(&d->rng, w->tentative.n);
		struct fl_tentative *t = table__value(&w->tentative, i);

		t->seen_s -= seconds;
		real__tentative(d->real, table__key(&w->tentative, i), t);
	}
	if (rng__percent(&d->rng, 90))
		return;
	for (uint32_t i = 0; i < FL_SIGHTED; i++)
		if (w->sighted[i])
			w->sighted[i] = (w->sighted[i] >> 32 << 32) |
					(uint32_t)((uint32_t)w->sighted[i] - seconds);
	real__set_sighted(d->real, w->sighted);
}

/* A backend goes down, or comes back. */
static void flip_backend(struct diff *d)
{
	uint32_t i = rng__below(&d->rng, d->w.n_backends);

	if (!i)
		return;
	d->w.backends[i].flags ^= FL_BE_GONE;
	real__backend(d->real, i, &d->w.backends[i]);
}

static void age_flow(struct diff *d, uint32_t now_s)
{
	struct table *t = &d->w.nat_flows;
	uint32_t i, seconds = rng__percent(&d->rng, 80) ? 65 : 30;
	struct fl_nat_flow *f;

	if (!t->n)
		return;
	i = rng__below(&d->rng, t->n);
	f = table__value(t, i);
	f->seen_s = now_s - seconds;
	real__nat_flow(d->real, table__key(t, i), f);
}

static void age_frag(struct diff *d, uint32_t now_s)
{
	struct table *t = &d->w.frags;
	struct fl_frag *f;
	uint32_t i;

	if (!t->n)
		return;
	i = t->n - 1 - rng__below(&d->rng, t->n < 8 ? t->n : 8);
	f = table__value(t, i);
	f->seen_s = now_s - FL_FRAG_LIFE_S - 3;
	real__frag(d->real, table__key(t, i), f);
}

/* As if the index had been given to another backend: records that name it are void. */
static void move_backend(struct diff *d)
{
	uint32_t i = 1 + rng__below(&d->rng, d->w.n_backends);
	struct fl_backend *b = &d->w.backends[i];

	if (i >= d->w.n_backends || b->mode != FL_FWD_FULLNAT)
		return;
	b->addr[15] ^= 0x40;
	real__backend(d->real, i, b);
}

void diff__event(struct diff *d, uint32_t now_s)
{
	if (rng__percent(&d->rng, 40))
		age_moves(d);
	switch (rng__below(&d->rng, 10)) {
	case 0:
		if (!d->w.gates.lease)
			break;
		d->w.lapsed = !d->w.lapsed;
		real__lapse(d->real, d->w.lapsed);
		break;
	case 9:
		d->w.ours.stale = rng__percent(&d->rng, 25);
		real__ours(d->real, &d->w.ours);
		break;
	case 1:
		move_backend(d);
		break;
	case 8:
		flip_backend(d);
		break;
	case 2:
	case 3:
		age_frag(d, now_s);
		break;
	default:
		age_flow(d, now_s);
	}
}
