/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passive.h - new connections that are watched for an answer: docs/health.md.
 *
 * A tenth of a second apart the counters of all backends of services with `passive` are judged
 * (health/passive.h). A backend that is suspect is probed at once, and that is all: the verdict is the
 * probes'.
 */
#ifndef FAIRLEAD_AGENT_PASSIVE_H
#define FAIRLEAD_AGENT_PASSIVE_H

#include <stdint.h>
#include <uv.h>

#include "core/jtext.h"

struct agent;
struct member;
struct passive_member;
struct passive_trail;
struct passive_watch;
struct service;
struct target;

struct passive {
	uv_timer_t timer; /* runs while any service has `passive` */
	struct passive_seat *seats; /* scratch, for as many backends as the largest pool has */
	double *rates;
	size_t room;
	uint32_t now_ms; /* of the last step */
};

void passive__init(struct agent *a);
void passive__close(struct agent *a);
void passive__free(struct agent *a);

/* A configuration is committed: begins or ends to watch. */
void passive__configured(struct agent *a);

/* New connections a second to an entry of `backends`, of services with `passive`; 0: none has it. */
double passive__opened_per_s(const struct target *t);

/* How often a member alarmed; 0: it is not watched. */
uint64_t passive__alarms(const struct member *m);

/* What status says of a member; null where its service is not watched. */
void passive__write(struct jtext *out, const char *key, const struct agent *a,
		    const struct member *m);

#endif
