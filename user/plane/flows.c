/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows.c - the map `flows` counted, and kept clear of what is past its time.
 *
 * Records belong to the program: it marks and deletes them (`flow_sweep`), by compare-and-swap, so that
 * one that a packet has just used stays. Here is said which are meant.
 */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "move/fate.h"
#include "move/move.h"

struct flow_pass {
	const struct plane *plane;
	struct plane_flow_sweep *sweep;
};

bool plane_census__init(struct plane_census *c)
{
	*c = (struct plane_census){.by_index = calloc(FL_MAX_BACKENDS, sizeof(*c->by_index))};
	return c->by_index;
}

void plane_census__clear(struct plane_census *c)
{
	memset(c->by_index, 0, FL_MAX_BACKENDS * sizeof(*c->by_index));
	tally__free(&c->flows);
	c->total = 0;
}

void plane_census__free(struct plane_census *c)
{
	free(c->by_index);
	tally__free(&c->flows);
}

void plane_flow_sweep__free(struct plane_flow_sweep *s)
{
	if (!s)
		return;
	plane_census__free(&s->census);
	for (uint32_t id = 0; s->held && id < FL_MAX_SERVICES; id++)
		free(s->held[id]);
	free(s->held);
	free(s->gone_s);
	free(s->records);
	free(s->withdrawn);
	free(s->mark);
	free(s->remove);
	free(s);
}

int plane_flow_sweep__new(struct plane_flow_sweep **out, struct err *err)
{
	struct plane_flow_sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->held = calloc(FL_MAX_SERVICES, sizeof(*s->held));
	s->gone_s = calloc(FL_MAX_BACKENDS, sizeof(*s->gone_s));
	s->records = calloc(FL_MAX_SERVICES, sizeof(*s->records));
	s->withdrawn = calloc(FL_MAX_SERVICES, sizeof(*s->withdrawn));
	s->mark = calloc(1, sizeof(*s->mark));
	s->remove = calloc(1, sizeof(*s->remove));
	if (!plane_census__init(&s->census) || !s->held || !s->gone_s || !s->records ||
	    !s->withdrawn || !s->mark || !s->remove) {
		plane_flow_sweep__free(s);
		return err__set(err, -ENOMEM, "out of memory");
	}
	s->mark->op = FL_SWEEP_MARK;
	s->remove->op = FL_SWEEP_DELETE;
	s->pass.key = sizeof(struct fl_flow_key);
	s->pass.value = sizeof(struct fl_flow);
	*out = s;
	return 0;
}

void plane_flow_sweep__clear(struct plane_flow_sweep *s)
{
	s->crowded = s->census.total > FL_MAX_FLOWS / 2;
	plane_census__clear(&s->census);
	for (uint32_t id = 0; id < FL_MAX_SERVICES; id++) {
		free(s->held[id]);
		s->held[id] = NULL;
	}
	memset(s->records, 0, FL_MAX_SERVICES * sizeof(*s->records));
}

/* Runs the program on what has gathered. */
static int tell(const struct plane *p, struct fl_sweep *what, uint64_t *done)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = what, .data_size_in = sizeof(*what),
		    .data_out = what, .data_size_out = sizeof(*what), .repeat = 1);

	if (!what->n)
		return 0;
	what->done = 0;
	if (bpf_prog_test_run_opts(p->sweep_fd, &opts))
		return -errno;
	*done += what->done;
	what->n = 0;
	return 0;
}

static int add(const struct plane *p, struct fl_sweep *what, const struct fl_flow_key *k,
	       const struct fl_flow *f, uint64_t *done)
{
	what->keys[what->n++] = (struct fl_sweep_key){.key = *k, .seen_s = f->seen_s};
	return what->n == FL_SWEEP_KEYS ? tell(p, what, done) : 0;
}

static int count(struct plane_flow_sweep *s, const struct fl_service *service,
		 const struct fl_flow_key *k, const struct fl_flow *f)
{
	uint64_t **held = &s->held[k->service];
	uint32_t slots = service->slot_mask + 1;

	if (!*held)
		*held = calloc((slots + 63) / 64, sizeof(**held));
	if (!*held)
		return -ENOMEM;
	move__hold(*held, f->slot & service->slot_mask);
	s->records[k->service]++;
	s->census.total++;
	if (f->backend < FL_MAX_BACKENDS)
		s->census.by_index[f->backend]++;
	return tally__add(&s->census.flows, k->service, f->backend);
}

static int look(void *ctx, const void *key, const void *value, uint32_t now_s)
{
	const struct flow_pass *pass = ctx;
	struct plane_flow_sweep *s = pass->sweep;
	const struct plane *p = pass->plane;
	const struct fl_flow_key *k = key;
	const struct fl_flow *f = value;
	const struct fl_service *service = plane__service(p, k->service); /* or NULL */
	struct fate given = {.now_s = now_s, .crowded = s->crowded};
	uint64_t ignored = 0;
	int rc;

	if (!service || s->withdrawn[k->service]) {
		/* No packet can be using it. */
		if (!bpf_map_delete_elem(p->flows_fd, k))
			s->deleted++;
		return 0;
	}
	given.idle_s = service->idle_s;
	given.gone_s = f->backend < FL_MAX_BACKENDS ? s->gone_s[f->backend] : 1;
	rc = count(s, service, k, f);
	if (rc)
		return rc;
	switch (fate__of(f, &given)) {
	case FATE_MARK:
		return add(p, s->mark, k, f, &ignored);
	case FATE_DELETE:
		return add(p, s->remove, k, f, &s->deleted);
	default:
		return 0;
	}
}

int plane__flow_sweep(struct plane *p, struct plane_flow_sweep *s, uint32_t period_s,
		      struct err *err)
{
	struct flow_pass pass = {.plane = p, .sweep = s};
	uint64_t ignored = 0;
	int rc;

	rc = plane_pass__slice(p->flows_fd, &s->pass, period_s, look, &pass, &s->ended);
	if (!rc)
		rc = tell(p, s->mark, &ignored);
	if (!rc)
		rc = tell(p, s->remove, &s->deleted);
	return rc ? err__set(err, rc, "cannot sweep the map 'flows': %s", strerror(-rc)) : 0;
}
