/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply.h - between apply.c (load, prepare, reply), stage.c and commit.c (to the next state). */
#ifndef FAIRLEAD_AGENT_APPLY_H
#define FAIRLEAD_AGENT_APPLY_H

#include "agent/agent.h"

/* What a service's table is computed from, beside who accepts. */
struct layout {
	struct table_seats *seats;
	struct table_base *base;
};

/* A configuration on its way: what the worker prepares and the loop commits. */
struct apply {
	struct agent *agent;
	struct api_request *request; /* NULL: SIGHUP or start */
	struct apply_order order; /* its text: what was read */
	struct err
		file; /* why the agent's file could not be written; "": it could, or need not be */
	bool writes; /* the agent's file is to get the text */
	bool now; /* what is no longer configured loses its connections */
	uv_work_t work;
	int rc;
	struct err err;
	struct config_problems problems;
	struct config *next;
	struct layout *layouts; /* one for each service of `next`; empty once committed */
	size_t n_layouts;
	struct ledger **offers; /* what each peer told of seats as the apply began */
	size_t n_offers;
};

/* Its backends as tables know them; frees with free(). NULL: out of memory. */
struct table_member *apply__members(const struct config_service *s);

/*
 * What its table is to be computed from, after `before` (NULL: none) and what peers have told. Worker
 * thread; on failure what *out has is to be freed all the same.
 */
int apply__lay_out(const struct table_seats *before, const struct config_service *s,
		   struct ledger *const *offers, size_t n_offers, struct layout *out,
		   struct err *err);

/* -EINVAL: the agent that runs can't have it, whatever else is so. */
int commit__check(const struct agent *a, const struct config *next, struct err *err);

/*
 * Makes `next` the running configuration, whole or (with -errno and a sentence) not at all. Takes
 * over next and layouts when it succeeds.
 */
int commit__run(struct apply *ap, struct err *err);

/* --- stage.c: one service of `next` on its way --------------------------------------------------- */

struct stage {
	struct service *old; /* the one with the same key, NULL: none */
	struct service *service; /* old when it is kept, else a new one */
	struct member **members; /* in the configuration's order */
	size_t n; /* how many of them are staged */
	struct member **by_id; /* the old service's members, sorted, and those that have left it */
	size_t n_by_id;
	bool seated; /* its seats are written, and wait for their commit */
	bool published;
};

bool stage__is_new(const struct stage *st);
/* Finds the service that has the key of `c`, and sorts its members; -ENOMEM. */
int stage__find(struct agent *a, struct stage *st, const struct config_service *c);
/* Whether the service that was found (may be NULL) goes on as the one that is configured. */
bool stage__keeps(const struct service *s, const struct config_service *c);
/* The member that is this backend, of those that there are or were; NULL: none is. */
struct member *stage__like(const struct stage *st, const struct config_backend *b);
/* What the configuration says of a member, from now on. */
void stage__adapt(struct member *m, const struct config_service *c, const struct config_backend *b);
/* Finds or makes the service and its members. What was made is there even on failure. */
int stage__service(struct agent *a, struct stage *st, const struct config_service *c,
		   const struct config *next, struct err *err);
/* Writes the service's seats, unless they are what they were, to where they count for nothing yet. */
int stage__seats(struct agent *a, struct stage *st, const struct table_seats *seats,
		 struct err *err);
/* Takes back what was made. */
void stage__undo(struct agent *a, struct stage *st);
/* Hands members, seats and base over to the service. */
void stage__equip(struct stage *st, const struct config_service *c, struct layout *layout);
void stage__free(struct stage *stages, size_t n);

#endif
