/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/seating.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/apply.h"
#include "agent/peers_state.h"
#include "peer/seats.h"

/* How long the handshake and all that a peer has to tell may take, beyond its next message. */
#define PATIENCE_US 250000
/* While a peer is still telling, what it told so far is looked at so often. */
#define LOOK_NS UINT64_C(100000000)

/* A service's seats that a peer has told of, on their way. */
struct takeover {
	char service[FL_NAME_LEN], peer[CONFIG_PEER_LEN]; /* one that has told of them */
	uint32_t id;
	struct peer_seats told;
	struct layout layout; /* seats, then what is computed from them */
	uint32_t slots;
	int rc;
	struct err err;
};

/* --- for applies ---------------------------------------------------------------------------------- */

int seating__offers(const struct agent *a, struct ledger ***out, size_t *n)
{
	size_t max = a->peers ? a->peers->n : 0, done = 0;
	struct ledger **list = calloc(max + 1, sizeof(struct ledger *));

	if (!list)
		return -ENOMEM;
	for (; done < max; done++) {
		list[done] = peer_seats__extract(a->peers->list[done].link.copy);
		if (!list[done]) {
			seating__free_offers(list, done);
			return -ENOMEM;
		}
	}
	*out = list;
	*n = max;
	return 0;
}

void seating__free_offers(struct ledger **ledgers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ledger__free(ledgers[i]);
	free(ledgers);
}

/* --- what there is to be taken over --------------------------------------------------------------- */

/* As they were told, which takes no digest of them all. */
static struct peer_seats seats_of(const struct service *s)
{
	struct peer_seats told;

	return peer_seats__told(s->agent->peers->ours, s->name, &told) ? told
								       : peer_seats__of(s->seats);
}

/* Seats in the place of the service's own, if a peer tells of such. */
static int look_at(const struct service *s, struct takeover *t)
{
	const struct peers *p = s->agent->peers;
	struct table_member *members = apply__members(s->config);
	struct ledger **copies = calloc(p->n + 1, sizeof(struct ledger *));
	struct peer_seats mine = seats_of(s), theirs;
	int rc = -ENOMEM;

	for (size_t i = 0; copies && i < p->n; i++)
		copies[i] = p->list[i].link.copy;
	if (members && copies)
		rc = peer_seats__next(s->seats, members, s->config->n_backends,
				      plane__slots(s->slot_class), s->name, copies, p->n,
				      &t->layout.seats, &t->err);
	free(members);
	free(copies);
	if (rc)
		return rc;
	t->told = peer_seats__of(t->layout.seats);
	if (peer_seats__compare(&t->told, &mine) == 0) {
		table_seats__free(t->layout.seats);
		t->layout.seats = NULL;
		return 0;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (peer_seats__told(p->list[i].link.copy, s->name, &theirs) &&
		    peer_seats__compare(&theirs, &t->told) == 0)
			memcpy(t->peer, p->list[i].name, sizeof(t->peer));
	}
	return 0;
}

/* Whether it is worth looking closer: most of the time all peers tell what is here. */
static bool is_behind(const struct service *s)
{
	struct peer_seats mine = seats_of(s), told;
	const struct peers *p = s->agent->peers;

	for (size_t i = 0; i < p->n; i++) {
		if (peer_seats__told(p->list[i].link.copy, s->name, &told) &&
		    peer_seats__goes_before(&told, &mine, false))
			return true;
	}
	return false;
}

static int list_takeovers(struct agent *a, struct takeover *list, size_t *n)
{
	const struct service *s;
	int rc = 0;

	TAILQ_FOREACH (s, &a->services, entry) {
		struct takeover *t = &list[*n];

		if (!s->config || !s->seats || !is_behind(s))
			continue;
		rc = look_at(s, t);
		if (rc)
			break;
		if (!t->layout.seats)
			continue;
		memcpy(t->service, s->name, sizeof(t->service));
		t->id = s->id;
		t->slots = plane__slots(s->slot_class);
		(*n)++;
	}
	return rc;
}

/* --- taking over ---------------------------------------------------------------------------------- */

static void free_takeovers(struct seating *w)
{
	for (size_t i = 0; i < w->n; i++) {
		table_seats__free(w->list[i].layout.seats);
		table_base__free(w->list[i].layout.base);
	}
	free(w->list);
	w->list = NULL;
	w->n = 0;
}

static void compute_on_worker(uv_work_t *work)
{
	struct agent *a = work->data;
	struct seating *w = &a->seating;

	for (size_t i = 0; i < w->n; i++) {
		struct takeover *t = &w->list[i];

		t->rc = table_seats__base(t->layout.seats, t->slots, &t->layout.base, &t->err);
	}
}

static int write_seats(struct service *s, const struct table_seats *seats, struct err *err)
{
	int rc = plane__seats_stage(s->agent->plane, s->id, seats->rows, seats->n, seats->epoch,
				    err);

	return rc ? rc : plane__seats_commit(s->agent->plane, s->id, err);
}

static int take_over(struct agent *a, struct takeover *t)
{
	struct service *s = a->by_id[t->id];
	bool others = table_seats__digest(s->seats) != t->told.digest;
	int rc = t->rc ? t->rc : write_seats(s, t->layout.seats, &t->err);

	if (rc)
		return rc;
	service__lay_out(s, &t->layout);
	if (others)
		log_info("service %s: its seats are those of peer %s now, of epoch %" PRIu32
			 "; slots that this gives to others move like all that do",
			 s->name, t->peer, t->told.epoch);
	peers__tell_seats(s);
	return 0;
}

/* An apply may be reading the seats that run, or has put others in their place. */
static bool is_current(const struct agent *a)
{
	return !a->stopping && !a->applying && a->loaded_at_ns == a->seating.config_ns;
}

static void after_compute(uv_work_t *work, int status)
{
	struct agent *a = work->data;
	struct seating *w = &a->seating;

	if (status == UV_ECANCELED || !is_current(a)) {
		w->news = true;
		free_takeovers(w);
		return;
	}
	for (size_t i = 0; i < w->n; i++) {
		struct takeover *t = &w->list[i];
		int rc = take_over(a, t);

		if (!rc)
			continue;
		w->failed = true;
		log_error("service %s: cannot take over the seats of peer %s: %s; next try in 1 s",
			  t->service, t->peer, t->err.text);
	}
	free_takeovers(w);
}

static void begin(struct agent *a, size_t max)
{
	struct seating *w = &a->seating;
	int rc = 0;

	w->list = calloc(max + 1, sizeof(*w->list));
	if (w->list)
		rc = list_takeovers(a, w->list, &w->n);
	if (!w->list || rc) {
		log_error(
			"out of memory: seats that peers tell of are not looked at; next try in 1 s");
		w->failed = true;
	}
	if (!w->n) {
		free_takeovers(w);
		return;
	}
	w->config_ns = a->loaded_at_ns;
	w->work.data = a;
	if (uv_queue_work(&a->loop, &w->work, compute_on_worker, after_compute))
		after_compute(&w->work, UV_ECANCELED);
}

/* --- when ----------------------------------------------------------------------------------------- */

/* Whether one of the peers is still telling what it has. */
static bool is_being_told(const struct peers *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].link.up && !peer_view__is_complete(&p->list[i]))
			return true;
	}
	return false;
}

void seating__flush(struct agent *a)
{
	struct seating *w = &a->seating;
	const struct service *s;
	size_t behind = 0;

	if (!w->news || w->list || a->applying || !a->peers ||
	    (is_being_told(a->peers) && uv_hrtime() - w->looked_ns < LOOK_NS))
		return;
	w->news = false;
	w->looked_ns = uv_hrtime();
	TAILQ_FOREACH (s, &a->services, entry)
		behind += s->config && s->seats && is_behind(s);
	if (behind)
		begin(a, behind);
}

void seating__tick(struct agent *a)
{
	a->seating.news |= a->seating.failed;
	a->seating.failed = false;
}

bool seating__is_awaited(const struct service *s)
{
	const struct seating *w = &s->agent->seating;
	const struct peers *p = s->agent->peers;

	if (!p)
		return false;
	if (w->news || w->list)
		return true;
	for (size_t i = 0; i < p->n; i++) {
		uint64_t patience_us = peer_link__patience_us(&p->list[i].link) + PATIENCE_US;

		if (!peer_view__is_complete(&p->list[i]) &&
		    uv_hrtime() - p->born_ns < patience_us * 1000)
			return true;
	}
	return false;
}
