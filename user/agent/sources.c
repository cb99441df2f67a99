/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.c - the map `sources` through adoption, applies, and the end of services.
 *
 * A lookup can't tell whether an LPM trie has a certain prefix (a shorter one answers for it), so what
 * the map holds is kept here too. An apply adds before it removes: no source is let in or kept out for
 * a moment that neither the old file nor the new one meant.
 */
#include "agent/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "core/log.h"

#define STEP 8192 /* entries between two signs of life */

struct sources_staged {
	struct sources next;
	struct source_diff diff; /* of what the map holds */
};

static void free_sets(struct sources *s)
{
	source_set__free(&s->file);
	source_set__free(&s->runtime);
}

void sources__free(struct agent *a)
{
	free_sets(&a->sources);
}

int sources__adopt(struct agent *a, struct err *err)
{
	struct plane_source *list = NULL;
	size_t n = 0;
	int rc = plane__sources(a->plane, &list, &n, err);

	for (size_t i = 0; !rc && i < n; i++)
		rc = source_set__add(list[i].flags & FL_SRC_RUNTIME ? &a->sources.runtime
								    : &a->sources.file,
				     &list[i]);
	free(list);
	if (rc == -ENOMEM)
		return err__set(err, rc, "out of memory");
	if (rc)
		return rc;
	source_set__sort(&a->sources.file);
	source_set__sort(&a->sources.runtime);
	if (a->sources.runtime.n)
		log_info("%zu source prefixes that commands have set stay in force",
			 a->sources.runtime.n);
	return 0;
}

/* Packets look under a service's id only where there is something. `clear`: and no longer elsewhere. */
static void flag_services(struct agent *a, const struct sources *s, bool clear)
{
	for (uint32_t id = 1; id < FL_MAX_SERVICES; id++) {
		size_t of_file, of_commands;

		if (!a->by_id[id])
			continue;
		source_set__scope(&s->file, id, &of_file);
		source_set__scope(&s->runtime, id, &of_commands);
		if (of_file + of_commands)
			plane__service_flags(a->plane, id, FL_SVC_SOURCES, 0);
		else if (clear)
			plane__service_flags(a->plane, id, 0, FL_SVC_SOURCES);
	}
}

void sources__flag(struct agent *a)
{
	flag_services(a, &a->sources, true);
}

static int add_scope(struct source_set *to, const struct source_set *from, uint32_t scope,
		     uint32_t as)
{
	size_t n;
	const struct plane_source *e = source_set__scope(from, scope, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct plane_source copy = e[i];

		copy.key.scope = htonl(as);
		rc = source_set__add(to, &copy);
	}
	return rc;
}

/* A quarter of a million entries take longer than a short lease: work that gets on is no hang. */
static int set_all(struct agent *a, const struct source_set *s, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < s->n && !rc; i += STEP) {
		rc = plane__sources_set(a->plane, &s->list[i], s->n - i < STEP ? s->n - i : STEP,
					err);
		lease__beat(a->lease);
	}
	return rc;
}

static void delete_all(struct agent *a, const struct source_set *s)
{
	for (size_t i = 0; i < s->n; i += STEP) {
		plane__sources_delete(a->plane, &s->list[i], s->n - i < STEP ? s->n - i : STEP);
		lease__beat(a->lease);
	}
}

/* What is to be in the map: of the file, of commands, and of services that are about to go. */
static int make_next(const struct agent *a, const struct config *c, const struct admitted *services,
		     size_t n, struct sources *next)
{
	bool *named = calloc(FL_MAX_SERVICES, sizeof(*named));
	const struct sources *now = &a->sources;
	int rc = named ? 0 : -ENOMEM;

	rc = rc ? rc : source_set__add_lists(&next->file, 0, &c->sources);
	rc = rc ? rc : add_scope(&next->runtime, &now->runtime, 0, 0);
	for (size_t i = 0; i < n && !rc; i++) {
		const struct admitted *s = &services[i];

		named[s->id] = true;
		rc = source_set__add_lists(&next->file, s->id, &s->config->sources);
		if (!rc && s->old_id)
			rc = add_scope(&next->runtime, &now->runtime, s->old_id, s->id);
	}
	for (uint32_t id = 1; id < FL_MAX_SERVICES && !rc; id++) {
		if (!a->by_id[id] || named[id])
			continue;
		rc = add_scope(&next->file, &now->file, id, id);
		rc = rc ? rc : add_scope(&next->runtime, &now->runtime, id, id);
	}
	free(named);
	source_set__sort(&next->file);
	source_set__sort(&next->runtime);
	return rc;
}

static int make_diff(const struct sources *have, const struct sources *want,
		     struct source_diff *out)
{
	struct source_set from = {0}, to = {0};
	int rc = source_set__overlay(&have->file, &have->runtime, &from);

	rc = rc ? rc : source_set__overlay(&want->file, &want->runtime, &to);
	rc = rc ? rc : source_diff__make(&from, &to, out);
	source_set__free(&from);
	source_set__free(&to);
	return rc;
}

static void free_staged(struct sources_staged *s)
{
	source_diff__free(&s->diff);
	free_sets(&s->next);
	free(s);
}

int sources__stage(struct agent *a, const struct config *next, const struct admitted *services,
		   size_t n, struct sources_staged **out, struct err *err)
{
	struct sources_staged *s = calloc(1, sizeof(*s));
	int rc;

	if (!s || make_next(a, next, services, n, &s->next) ||
	    make_diff(&a->sources, &s->next, &s->diff)) {
		if (s)
			free_staged(s);
		return err__set(err, -ENOMEM, "out of memory");
	}
	rc = set_all(a, &s->diff.add, err);
	if (!rc)
		rc = set_all(a, &s->diff.change, err);
	if (rc) {
		sources__undo(a, s);
		return rc;
	}
	flag_services(a, &s->next, false);
	*out = s;
	return 0;
}

void sources__commit(struct agent *a, struct sources_staged *s)
{
	delete_all(a, &s->diff.remove);
	free_sets(&a->sources);
	a->sources = s->next;
	s->next = (struct sources){0};
	sources__flag(a);
	free_staged(s);
}

void sources__undo(struct agent *a, struct sources_staged *s)
{
	struct err err;

	if (!s)
		return;
	if (set_all(a, &s->diff.was, &err))
		log_error("%s; some source prefixes stay as the refused configuration has them",
			  err.text);
	/* The rule goes before its exceptions. */
	source_set__reverse(&s->diff.add);
	delete_all(a, &s->diff.add);
	sources__flag(a);
	free_staged(s);
}

/* Takes a scope out of the map and of the set. */
static void drop_scope(struct agent *a, struct source_set *s, uint32_t scope)
{
	size_t n, at;
	const struct plane_source *e = source_set__scope(s, scope, &n);

	if (!e)
		return;
	plane__sources_delete(a->plane, e, n);
	at = (size_t)(e - s->list);
	memmove(&s->list[at], &s->list[at + n], (s->n - at - n) * sizeof(*s->list));
	s->n -= n;
}

void sources__release(struct agent *a, uint32_t id)
{
	drop_scope(a, &a->sources.file, id);
	drop_scope(a, &a->sources.runtime, id);
}

const struct plane_source *sources__match(const struct agent *a, uint32_t scope,
					  const struct addr *source)
{
	const struct plane_source *f = source_set__match(&a->sources.file, scope, source),
				  *c = source_set__match(&a->sources.runtime, scope, source);

	if (!f || !c)
		return f ? f : c;
	return c->key.prefixlen >= f->key.prefixlen ? c : f;
}
