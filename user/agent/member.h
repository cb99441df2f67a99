/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member.h - backends of services, and the entries of `backends` that they are reached by. */
#ifndef FAIRLEAD_AGENT_MEMBER_H
#define FAIRLEAD_AGENT_MEMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent/passive.h"
#include "agent/path.h"
#include "config/config.h"
#include "core/log.h"
#include "health/health.h"
#include "net/net.h"
#include "plane/plane.h"
#include "probe/probe.h"

struct agent;
struct service;
struct target;

/* A counter and its rate over the last tick. */
struct rate {
	struct fl_count last; /* absolute */
	double packets_per_s, bytes_per_s;
	uint64_t at_ns; /* when `last` was read, 0: never */
};

/* The way to an address, watched once however many entries of `backends` have the address. */
struct hop {
	struct addr address; /* first: the tree's key */
	struct net_hop net;
	unsigned int holds; /* targets, and who is about to make one */
	LIST_HEAD(, target) targets;
};

/*
 * An entry of `backends`, shared by all members that are reached in the same way. After its last member
 * has left it stays until no record can name it (flow_sweep.c), and a member that comes meanwhile finds
 * it again.
 */
struct target {
	struct fl_backend entry; /* first: the tree's key; next hop and flags are zero here */
	uint32_t index; /* in `backends` */
	bool listed; /* in the tree */
	bool record; /* FL_BE_RECORD is set */
	bool gone; /* FL_BE_GONE is set */
	bool used; /* slots have named it, so that records may */
	bool settling; /* the entry's hop was flipped less than a grace period ago */
	bool dirty; /* and must be flipped again then */
	bool releasing; /* a grace period is under way after which it goes, if nobody has it */
	unsigned int clear; /* SWEPT_*: passes that have found no record of it since it was left */
	uint32_t left_s; /* when its last member left, agent__coarse_s() */
	struct hop *hop; /* NULL: adopted, not watched yet */
	LIST_ENTRY(target) hop_entry; /* in its hop's list */
	LIST_HEAD(, member) members;
	char *labels; /* metrics_services.c; NULL: nobody has asked for metrics yet */
	struct passive_trail *trail; /* of its new connections; NULL: never watched */
	uint32_t trail_ms; /* of the last step */
	struct rate rate;
};

/* One backend of one service. There may be millions, so what is rare is not in here. */
struct member {
	TAILQ_ENTRY(member) retired_entry; /* in service.retired */
	LIST_ENTRY(member) target_entry; /* in target.members */
	struct service *service;
	struct target *target;
	struct health health;
	struct probe_sub *sub; /* NULL: not probed (yet) */
	struct passive_member *passive; /* NULL: it was never watched */
	struct path *path; /* NULL: it is not probed by the clients' path */
	char *probe_detail; /* of the last probe; NULL: nothing to say */
	char *probe_warning; /* likewise: what is well still, but not for long */
	uint64_t probe_latency_ns, probe_at_ns; /* CLOCK_REALTIME; 0: not probed yet */
	uint64_t probed_ns; /* the same on CLOCK_MONOTONIC, which nobody sets */
	uint64_t probes_ok, probes_failed; /* how many there were, since the agent began */
	uint32_t weight;
	uint32_t slots; /* that it owns */
	uint32_t leaving; /* slots that are MOVING away from it */
	uint32_t lost_s; /* while its connections are given up: since when, agent__coarse_s() */
	uint32_t retired_s; /* while retired: likewise */
	uint16_t probe_port; /* that `sub` probes */
	uint8_t parts; /* of TABLE_PARTS: how much of its weight it takes now */
	uint8_t percent; /* of its weight that the operator gives it */
	uint8_t word; /* number of what operators have said of it last, here or at a peer */
	uint8_t asked; /* percent of its weight that it asks for by its probe */
	uint8_t cap; /* of TABLE_PARTS: the most that its limit of new connections leaves it */
	bool full; /* at its limit of connections */
	bool backup; /* for when the others do not do */
	bool disputed; /* balancers say that it is up, and that it is down */
	bool dispute_told; /* and that was logged */
	uint32_t disputed_s; /* since when, agent__coarse_s() */
	uint8_t told; /* to the journal: a word of chronicle.c */
	uint32_t capped_s; /* when `cap` was looked at, agent__coarse_s() */
	bool probe_ok;
	bool kept; /* an apply is running: the next configuration has it too */
	bool retired; /* in service.retired: no longer configured, but for its connections */
	bool dropped; /* and they are given up, like those of a backend that is down */
};

/* --- member.c ------------------------------------------------------------------------------------ */

/* NULL: out of memory. */
struct member *member__new(struct service *s, struct target *t);
/* Leaves its target. */
void member__free(struct member *m);
/* The same, and what a restart would know of it. */
void member__drop(struct member *m);
const char *member__id(const struct member *m);
struct addr member__address(const struct member *m);
/* Takes over verdict, the operator's word and the last probe of the one in whose place it comes. */
void member__inherit(struct member *m, const struct member *from);
/* Ends its probe. */
void member__quiet(struct member *m);
/* (Re)starts its probe with the service's present arguments. */
int member__probe(struct member *m, const struct config_backend *b, struct err *err);
/* Goes to another target as soon as the slots do. */
int member__move(struct member *m, struct target *to);
/* Of one that has left: its connections are treated as those of a backend that went down now. */
void member__give_up(struct member *m);
/* Writes what a restart must know. */
void member__remember(const struct member *m);
/* Too many of its new connections saw no answer: `text` says how many. */
void member__alarmed(const struct member *m, const char *text);
/* What is wrong with the clients' path to it. */
void member__diagnosed(const struct member *m, const char *text);
/* Whose word it was: a user's, or what was said at a peer (NULL: here). */
struct member_word {
	uint32_t uid; /* or JOURNAL_NOBODY */
	const char *peer;
};
/* The operator's word; `percent` of its weight. True if it changed anything. */
bool member__set_admin(struct member *m, enum fl_admin admin, const struct member_word *said);
bool member__set_percent(struct member *m, uint8_t percent, const struct member_word *said);
void member__log(const struct member *m, enum log_level level, const char *text);
/* What holds of it from now on: what follows from that is done. */
enum health_change member__rule(struct member *m, enum fl_health ruled);
/* If it is up, then by this balancer's own probes too. */
bool member__is_reached(const struct member *m);
/* Its connections are given up. */
bool member__is_lost(const struct member *m);

/* --- target.c ------------------------------------------------------------------------------------ */

/*
 * The target for a backend of a service under configuration `c`: one that is there, or a new one.
 * `like` (may be NULL) is the one that it had so far, whose source address it keeps while the route's
 * is not known. The caller's member joins it before anything else happens, or target__put().
 */
int target__get(struct agent *a, const struct config *c, const struct config_service *s,
		const struct config_backend *b, const struct target *like, struct target **out,
		struct err *err);
/* The one that it would be, NULL: one that there is not yet. Changes nothing. */
const struct target *target__foresee(struct agent *a, const struct config *c,
				     const struct config_service *s, const struct config_backend *b,
				     const struct target *like);
/* The target of an adopted entry; -ENOMEM. */
int target__adopt(struct agent *a, uint32_t index);
void target__join(struct target *t, struct member *m);
void target__leave(struct member *m);
/* Nobody has it: it goes after a grace period, unless somebody comes. */
void target__put(struct agent *a, struct target *t);
/* The next hop has changed (or is to be written for the first time). */
void target__hop_changed(struct agent *a, struct target *t);
/* FL_BE_GONE follows the members: set once none of them may get its connections back. */
void target__judge(struct agent *a, struct target *t);
/* What has become of each target, by index: FL_MAX_BACKENDS of them. */
void target__losses(const struct agent *a, struct fate_loss *out);
/*
 * A pass over records (SWEPT_*) that began at began_s has found `n` that name the target: if it has no
 * members, that may have been what it still waited for.
 */
void target__counted(struct agent *a, struct target *t, unsigned int swept, uint32_t began_s,
		     uint32_t n);
/* Ends all watches; the entries stay. */
void target__quiet_all(struct agent *a);
void target__free_all(struct agent *a);

#endif
