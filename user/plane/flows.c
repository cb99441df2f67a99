/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows.c - the map `flows` counted, and kept clear of what is past its time.
 *
 * Records belong to the program: it marks and deletes them (`flow_sweep`), by compare-and-swap, so that
 * one that a packet has just used stays. Here is said which are meant.
 */
#include "plane/internal.h"

#include <errno.h>
#include <netinet/in.h>
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
	free(s->least_idle_s);
	free(s->dead);
	free(s->records);
	free(s->withdrawn);
	free(s->mark);
	free(s->remove);
	free(s->end);
	free(s);
}

int plane_flow_sweep__new(struct plane_flow_sweep **out, struct err *err)
{
	struct plane_flow_sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->held = calloc(FL_MAX_SERVICES, sizeof(*s->held));
	s->records = calloc(FL_MAX_SERVICES, sizeof(*s->records));
	s->withdrawn = calloc(FL_MAX_SERVICES, sizeof(*s->withdrawn));
	s->least_idle_s = calloc(FL_MAX_SERVICES, sizeof(*s->least_idle_s));
	s->mark = calloc(1, sizeof(*s->mark));
	s->remove = calloc(1, sizeof(*s->remove));
	s->end = calloc(1, sizeof(*s->end));
	s->dead = calloc(FL_SWEEP_KEYS, sizeof(*s->dead));
	if (!plane_census__init(&s->census) || !s->held || !s->least_idle_s || !s->records ||
	    !s->withdrawn || !s->mark || !s->remove || !s->end || !s->dead) {
		plane_flow_sweep__free(s);
		return err__set(err, -ENOMEM, "out of memory");
	}
	s->mark->op = FL_SWEEP_MARK;
	s->remove->op = FL_SWEEP_DELETE;
	s->end->op = FL_SWEEP_END;
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
	/* What a failure has left over is found again. */
	s->mark->n = s->remove->n = s->end->n = 0;
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
	what->keys[what->n++] =
		(struct fl_sweep_key){.key = *k, .seen_s = f->seen_s, .backend = f->backend};
	return what->n == FL_SWEEP_KEYS ? tell(p, what, done) : 0;
}

static int count(struct plane_flow_sweep *s, const struct fl_service *service,
		 const struct fl_flow_key *k, const struct fl_flow *f)
{
	uint64_t **held = &s->held[k->service];
	uint32_t mask = service->slot_mask;

	if (!*held)
		*held = calloc((mask + 64) / 64, sizeof(**held));
	if (!*held)
		return -ENOMEM;
	move__hold(*held, f->slot & mask);
	s->records[k->service]++;
	return 0;
}

/* What the record's time is measured by. */
static struct fate given(const struct plane_flow_sweep *s, const struct fl_service *service,
			 const struct fl_flow_key *k, const struct fl_flow *f, uint32_t now_s)
{
	struct fate g = {.now_s = now_s, .udp = k->proto == IPPROTO_UDP, .crowded = s->crowded};

	/* Of a service that no packet finds any more it goes at once. */
	if (!service || s->withdrawn[k->service])
		return g;
	g.idle_s = service->idle_s;
	if (g.idle_s < s->least_idle_s[k->service])
		g.idle_s = s->least_idle_s[k->service];
	if (f->backend < FL_MAX_BACKENDS)
		g.loss = s->losses[f->backend];
	return g;
}

static int look(void *ctx, const void *key, const void *value, uint32_t now_s)
{
	const struct flow_pass *pass = ctx;
	struct plane_flow_sweep *s = pass->sweep;
	const struct plane *p = pass->plane;
	const struct fl_flow_key *k = key;
	const struct fl_flow *f = value;
	const struct fl_service *service = plane__service(p, k->service);
	struct fate g = given(s, service, k, f, now_s);
	uint64_t ignored = 0;
	int rc;

	rc = service ? count(s, service, k, f) : 0;
	if (!rc)
		rc = tally__add(&s->census.flows, k->service, f->backend);
	if (rc)
		return rc;
	s->census.total++;
	if (f->backend < FL_MAX_BACKENDS)
		s->census.by_index[f->backend]++;
	switch (fate__of(f, &g)) {
	case FATE_MARK:
		return add(p, s->mark, k, f, &ignored);
	case FATE_DELETE:
		return add(p, s->remove, k, f, &s->deleted);
	case FATE_END:
		return add(p, s->end, k, f, &s->deleted);
	case FATE_DEAD:
		if (s->n_dead < FL_SWEEP_KEYS)
			s->dead[s->n_dead++] =
				(struct fl_sweep_key){.key = *k, .seen_s = f->seen_s};
		return 0;
	default:
		return 0;
	}
}

/*
 * Who makes a record DEAD deletes it at once. One that is DEAD a grace period after it was found so has
 * been left: nobody touches it (packets write no other over it), so it can be deleted from here.
 */
static void bury(const struct plane *p, struct plane_flow_sweep *s)
{
	struct fl_flow f;

	for (uint32_t i = 0; i < s->n_dead; i++) {
		const struct fl_sweep_key *d = &s->dead[i];

		if (!bpf_map_lookup_elem(p->flows_fd, &d->key, &f) && f.seen_s == d->seen_s &&
		    (f.state & FL_FLOW_STATE) == FL_FLOW_DEAD &&
		    !bpf_map_delete_elem(p->flows_fd, &d->key))
			s->deleted++;
	}
	s->n_dead = 0;
}

int plane__flow_sweep(struct plane *p, struct plane_flow_sweep *s, uint32_t period_s,
		      struct err *err)
{
	struct flow_pass pass = {.plane = p, .sweep = s};
	uint64_t ignored = 0;
	int rc;

	if (!s->pass.midway)
		bury(p, s);
	rc = plane_pass__slice(p->flows_fd, &s->pass, period_s, look, &pass, &s->ended);
	if (!rc)
		rc = tell(p, s->mark, &ignored);
	if (!rc)
		rc = tell(p, s->remove, &s->deleted);
	if (!rc)
		rc = tell(p, s->end, &s->deleted);
	return rc ? err__set(err, rc, "cannot sweep the map 'flows': %s", strerror(-rc)) : 0;
}

/* --- records and peers ------------------------------------------------------------------------------ */

int plane__take(struct plane *p, struct fl_take *t)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = t, .data_size_in = sizeof(*t),
		    .data_out = t, .data_size_out = sizeof(*t), .repeat = 1);

	if (bpf_prog_test_run_opts(p->take_fd, &opts))
		return -errno;
	return opts.retval == XDP_PASS ? 0 : -EINVAL;
}

struct told_pass {
	plane_record_cb *each;
	void *ctx;
};

static int show(void *ctx, const void *key, const void *value, uint32_t now_s)
{
	const struct told_pass *pass = ctx;

	pass->each(pass->ctx, key, value, now_s);
	return 0;
}

int plane__records(struct plane *p, struct plane_pass *pass, uint32_t period_s,
		   plane_record_cb *each, void *ctx, bool *ended, struct err *err)
{
	struct told_pass told = {each, ctx};
	int rc;

	pass->key = sizeof(struct fl_flow_key);
	pass->value = sizeof(struct fl_flow);
	rc = plane_pass__slice(p->flows_fd, pass, period_s, show, &told, ended);
	return rc ? err__set(err, rc, "cannot read the map 'flows': %s", strerror(-rc)) : 0;
}
