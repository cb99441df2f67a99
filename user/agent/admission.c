/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/limits.h"
#include "agent/lease.h"
#include "core/log.h"

/* What loading a program may take: the loop that waits for it is not dead. */
#define LOAD_MS 10000

struct admission {
	struct sources_staged *sources;
	struct admitted *services;
	size_t n;
};

struct plane_options admission__options(const struct agent *a, const struct config *c)
{
	struct plane_options o = commit__options(c);

	/* Rates set by a command end with the next apply. */
	if (c == a->config && a->sampling.set) {
		o.flow_event_every = a->sampling.flows;
		o.drop_event_every = a->sampling.drops;
	}
	o.gates.sources |= a->sources.runtime.n != 0;
	o.gates.path |= paths__used(a);
	o.gates.events = o.flow_event_every != 0;
	return o;
}

int admission__load(const struct agent *a, const struct plane_options *o, struct err *err)
{
	int rc;

	lease__busy(a->lease, LOAD_MS);
	rc = plane__configure(a->plane, o, err);
	lease__beat(a->lease);
	return rc;
}

int admission__reconfigure(struct agent *a, struct err *err)
{
	struct plane_options o = admission__options(a, a->config);

	return admission__load(a, &o, err);
}

static int set_limits(struct agent *a, const struct admitted *s, struct err *err)
{
	struct fl_limits l = limits__of(&s->config->limits);
	bool any = config_limits__any(&s->config->limits);
	int rc = any ? plane__limits_set(a->plane, s->id, &l, err) : 0;

	if (!rc)
		plane__service_flags(a->plane, s->id, any ? FL_SVC_LIMITS : 0,
				     any ? 0 : FL_SVC_LIMITS);
	return rc;
}

static bool is_new(const struct admitted *s)
{
	return s->id != s->old_id;
}

int admission__stage(struct agent *a, const struct config *next, const struct admitted *services,
		     size_t n, struct admission **out, struct err *err)
{
	struct admission *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->n = n;
	s->services = malloc((n + 1) * sizeof(*services));
	if (!s->services) {
		free(s);
		return err__set(err, -ENOMEM, "out of memory");
	}
	memcpy(s->services, services, n * sizeof(*services));
	for (size_t i = 0; i < n && !rc; i++) {
		if (is_new(&services[i]))
			rc = set_limits(a, &services[i], err);
	}
	if (!rc)
		rc = sources__stage(a, next, services, n, &s->sources, err);
	if (rc) {
		admission__undo(a, s);
		return rc;
	}
	*out = s;
	return 0;
}

static void free_admission(struct admission *s)
{
	free(s->services);
	free(s);
}

void admission__commit(struct agent *a, struct admission *s)
{
	struct err err;

	sources__commit(a, s->sources);
	for (size_t i = 0; i < s->n; i++) {
		if (!is_new(&s->services[i]) && set_limits(a, &s->services[i], &err))
			log_error("%s; the old ones go on", err.text);
	}
	a->sampling.set = false;
	free_admission(s);
}

void admission__undo(struct agent *a, struct admission *s)
{
	if (!s)
		return;
	sources__undo(a, s->sources);
	free_admission(s);
}
