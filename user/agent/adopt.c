/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * adopt.c - taking over what an earlier agent left in the maps.
 *
 * The maps are the memory: services, the backends that are their members, verdicts and the operator's
 * word. The first apply then treats them as the running state, so that an unchanged file changes
 * nothing. What an agent that was killed between two writes left half done is found here and
 * released: a service that no packet finds, a backend that no member names, a member of no service.
 */
#include "agent/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct adoption {
	struct agent *agent;
	struct fl_member_key *orphans; /* members of no service */
	size_t n_orphans;
	int rc;
};

/* Without them the table is one of fresh seats, as that of a service that has never changed. */
static int adopt_seats(struct service *s, struct err *err)
{
	struct fl_seat *rows = NULL;
	struct err why;
	uint32_t epoch = 0;
	size_t n;
	int rc;

	plane__seats_drop(s->agent->plane, s->id);
	rc = plane__seats_read(s->agent->plane, s->id, &rows, &n, &epoch, &why);
	if (rc == -ENOENT)
		return 0;
	if (!rc)
		rc = table_seats__from(rows, n, &s->seats, &why);
	if (!rc)
		s->seats->epoch = epoch;
	free(rows);
	if (rc == -ENOMEM)
		return err__set(err, rc, "out of memory");
	if (rc)
		log_warn("service %s: %s; its backends get new seats, and slots may move for "
			 "nothing",
			 s->name, why.text);
	return 0;
}

static int adopt_service(struct agent *a, uint32_t id, const struct fl_service *entry,
			 struct err *err)
{
	struct service_key key = {.key = entry->key, .port_last = ntohs(entry->port_last)};
	struct service *s =
		service__new(a, &key, entry->name, (enum fl_slot_class)entry->slot_class);
	int rc;

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->id = id;
	rc = plane__slots_read(a->plane, id, s->slots, err);
	rc = rc ? rc : adopt_seats(s, err);
	if (rc) {
		service__free(s);
		return rc;
	}
	s->words = plane__moves(a->plane, id);
	/* What is under way is looked at as soon as the configuration is there. */
	s->due_s = 0;
	a->by_id[id] = s;
	service__enlist(s);
	return 0;
}

static enum config_forward forward_of(enum fl_forward mode)
{
	switch (mode) {
	case FL_FWD_IPIP4:
	case FL_FWD_IPIP6:
		return CONFIG_FWD_IPIP;
	case FL_FWD_GUE4:
	case FL_FWD_GUE6:
		return CONFIG_FWD_GUE;
	case FL_FWD_NAT:
		return CONFIG_FWD_NAT;
	case FL_FWD_FULLNAT:
		return CONFIG_FWD_FULLNAT;
	default:
		return CONFIG_FWD_L2;
	}
}

static enum fl_health ruled_of(const struct fl_member *memory)
{
	return (enum fl_health)(memory->ruled ? memory->ruled - 1 : memory->health);
}

/* The past is on a clock that goes on where machines do not; what it says of the future is not believed. */
static struct health health_of(const struct fl_member *memory)
{
	struct health_time now = agent__now();
	uint64_t age = now.real_ns > memory->turned ? now.real_ns - memory->turned : 0;
	uint64_t turned_ns = now.mono_ns > age ? now.mono_ns - age : 0;
	enum fl_health ruled = ruled_of(memory);

	return (struct health){
		.state = (enum fl_health)memory->health,
		.ruled = ruled,
		.admin = (enum fl_admin)memory->admin,
		.flaps = memory->flaps,
		.ramping = memory->ramping,
		.since_ns = memory->since,
		.out = ruled == FL_HEALTH_DOWN || ruled == FL_HEALTH_UNKNOWN,
		.turned_ns = turned_ns,
		.let_in_ns = turned_ns,
	};
}

static int adopt_member(struct service *s, struct target *t, const struct fl_member *memory)
{
	struct member **more, *m;

	more = realloc(s->members, (s->n_members + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->members = more;
	m = member__new(s, t);
	if (!m)
		return -ENOMEM;
	m->weight = memory->weight;
	m->dropped = memory->given_up;
	m->health = health_of(memory);
	m->parts = memory->parts;
	m->percent = memory->percent;
	m->word = memory->word;
	m->asked = memory->asked;
	m->cap = memory->cap;
	m->full = memory->full;
	m->lost_s = m->capped_s = agent__coarse_s();
	target__judge(s->agent, t);
	s->forward = forward_of((enum fl_forward)t->entry.mode);
	s->members[s->n_members++] = m;
	return 0;
}

static void each_member(void *ctx, const struct fl_member_key *k, const struct fl_member *memory)
{
	struct adoption *ad = ctx;
	struct agent *a = ad->agent;
	struct target *t = k->backend < FL_MAX_BACKENDS ? a->by_index[k->backend] : NULL;
	struct service *s = k->service < FL_MAX_SERVICES ? a->by_id[k->service] : NULL;

	if (ad->rc)
		return;
	if (s && t) {
		ad->rc = adopt_member(s, t, memory);
	} else {
		struct fl_member_key *more =
			realloc(ad->orphans, (ad->n_orphans + 1) * sizeof(*more));

		if (!more) {
			ad->rc = -ENOMEM;
			return;
		}
		ad->orphans = more;
		ad->orphans[ad->n_orphans++] = *k;
	}
}

static int adopt_members(struct agent *a, struct err *err)
{
	struct adoption ad = {.agent = a};
	int rc = 0;

	for (uint32_t i = 1; i < FL_MAX_BACKENDS && !rc; i++) {
		if (plane__backend(a->plane, i))
			rc = target__adopt(a, i);
	}
	if (!rc)
		rc = plane__members(a->plane, each_member, &ad);
	rc = rc ? rc : ad.rc;
	for (size_t i = 0; !rc && i < ad.n_orphans; i++)
		plane__member_delete(a->plane, ad.orphans[i].service, ad.orphans[i].backend);
	free(ad.orphans);
	if (rc)
		return err__set(err, rc,
				"cannot adopt the pinned maps 'backends' and 'members': %s",
				strerror(-rc));
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			target__put(a, a->by_index[i]);
	}
	return 0;
}

int adopt__all(struct agent *a, struct err *err)
{
	struct service *s, *next;
	size_t n = 0;
	int rc = 0;

	for (uint32_t id = 1; id < FL_MAX_SERVICES && !rc; id++) {
		const struct fl_service *entry = plane__service(a->plane, id);

		if (entry)
			rc = adopt_service(a, id, entry, err);
	}
	if (!rc)
		rc = adopt_members(a, err);
	if (rc)
		return rc;
	for (s = TAILQ_FIRST(&a->services); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		/* The predecessor may have flipped its table a moment before it died. */
		moves__adopt(s);
		if (plane__service_published(a->plane, s->id)) {
			n++;
			continue;
		}
		service__delist(s);
		service__dismiss(s);
	}
	log_info("adopted %zu services from the pinned maps: traffic went on meanwhile", n);
	return 0;
}
