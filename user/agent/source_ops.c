/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_ops.c - source lists as the API shows and changes them. */
#include <errno.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/chronicle.h"
#include "core/log.h"

#define NS_PER_MIN 60000000000ull

static const char *service_name(const struct agent *a, uint32_t scope)
{
	return scope && scope < FL_MAX_SERVICES && a->by_id[scope] ? a->by_id[scope]->name : NULL;
}

/* The scope of a service as packets find it; NULL: the whole instance. */
static int scope_of(const struct agent *a, const char *service, uint32_t *out, struct err *err)
{
	const struct service *s;

	*out = 0;
	if (!service)
		return 0;
	TAILQ_FOREACH (s, &a->services, entry) {
		if (strcmp(s->name, service) == 0) {
			*out = s->id;
			return 0;
		}
	}
	return err__set(err, -ENOENT, "there is no service '%s'", service);
}

json_t *sources__entry_json(const struct agent *a, const struct plane_source *e)
{
	char text[ADDR_PREFIX_STRLEN];
	struct addr_prefix prefix;
	uint32_t scope = source_key__scope(&e->key, &prefix);
	const char *service = service_name(a, scope);

	return json_pack("{s:s, s:s?, s:s, s:b, s:s}", "prefix",
			 prefix.len ? addr_prefix__format(&prefix, text) : "any", "service",
			 service, "action", e->flags & FL_SRC_DENY ? "deny" : "allow", "monitor",
			 (e->flags & FL_SRC_MONITOR) != 0, "origin",
			 e->flags & FL_SRC_RUNTIME ? "command" : "file");
}

int sources__list(struct agent *a, const char *service, json_t **out, struct err *err)
{
	struct source_set all = {0};
	struct addr_prefix ignored;
	json_t *list;
	uint32_t wanted;
	int rc = scope_of(a, service, &wanted, err);

	if (rc)
		return rc;
	if (source_set__overlay(&a->sources.file, &a->sources.runtime, &all))
		return err__set(err, -ENOMEM, "out of memory");
	list = json_array();
	for (size_t i = 0; i < all.n; i++) {
		uint32_t scope = source_key__scope(&all.list[i].key, &ignored);

		/* A long list takes longer than a short lease: work that gets on is no hang. */
		if (i % 8192 == 0)
			lease__beat(a->lease);
		/* Those of a service that is going are not shown: no new packet meets them. */
		if (service ? scope == wanted : !scope || service_name(a, scope))
			json_array_append_new(list, sources__entry_json(a, &all.list[i]));
	}
	source_set__free(&all);
	*out = json_pack("{s:o}", "sources", list);
	return 0;
}

static int read_request(uint32_t scope, const struct api_sources *what, struct source_set *out)
{
	uint32_t minutes = (uint32_t)(agent__realtime_ns() / NS_PER_MIN);
	uint32_t flags = FL_SRC_RUNTIME | minutes << FL_SRC_SINCE_SHIFT |
			 (what->verb == API_SOURCE_DENY ? FL_SRC_DENY : FL_SRC_ALLOW) |
			 (what->monitor ? FL_SRC_MONITOR : 0);
	int rc = 0;

	for (size_t i = 0; i < what->n && !rc; i++) {
		const struct plane_source e = {source_key__of(scope, &what->prefixes[i]), flags};

		rc = source_set__add(out, &e);
	}
	source_set__sort(out);
	return rc;
}

/* Puts into the map what the sets say of these prefixes. */
static int restore(struct agent *a, const struct source_set *of, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < of->n && !rc; i++) {
		const struct fl_source_key *k = &of->list[i].key;
		const struct plane_source *e = source_set__find(&a->sources.runtime, k);

		e = e ? e : source_set__find(&a->sources.file, k);
		if (e)
			rc = plane__sources_set(a->plane, e, 1, err);
		else
			plane__sources_delete(a->plane, &of->list[i], 1);
	}
	return rc;
}

static json_t *missing_json(const struct source_set *asked, const struct source_set *had)
{
	json_t *list = json_array();
	char text[ADDR_PREFIX_STRLEN];
	struct addr_prefix prefix;

	for (size_t i = 0; i < asked->n; i++) {
		if (source_set__find(had, &asked->list[i].key))
			continue;
		source_key__scope(&asked->list[i].key, &prefix);
		json_array_append_new(list, json_string(addr_prefix__format(&prefix, text)));
	}
	return list;
}

/* The commands' set as it will be. */
static int make_runtime(const struct agent *a, const struct source_set *asked, bool remove,
			struct source_set *out)
{
	return remove ? source_set__without(&a->sources.runtime, asked, out)
		      : source_set__overlay(&a->sources.runtime, asked, out);
}

int sources__set(struct agent *a, const struct api_sources *what, json_t **out, struct err *err)
{
	bool remove = what->verb == API_SOURCE_REMOVE;
	struct source_set asked = {0}, next = {0}, was = a->sources.runtime;
	struct err ignored;
	uint32_t scope;
	int rc = scope_of(a, what->service, &scope, err);

	if (rc)
		return rc;
	if (read_request(scope, what, &asked) || make_runtime(a, &asked, remove, &next)) {
		source_set__free(&asked);
		return err__set(err, -ENOMEM, "out of memory");
	}
	a->sources.runtime = next;
	rc = remove ? restore(a, &asked, err)
		    : plane__sources_set(a->plane, asked.list, asked.n, err);
	if (!rc) {
		sources__flag(a);
		rc = admission__reconfigure(a, err);
	}
	if (rc) {
		a->sources.runtime = was;
		restore(a, &asked, &ignored);
		sources__flag(a);
		was = next;
	} else {
		const size_t n = remove ? was.n - next.n : asked.n;
		const char *done = remove			   ? "removed"
				   : what->verb == API_SOURCE_DENY ? "denied"
								   : "allowed";

		*out = json_pack("{s:I, s:o}", "changed", (json_int_t)n, "missing",
				 remove ? missing_json(&asked, &was) : json_array());
		log_info("sources: a command has %s %zu prefix%s", done, n, n == 1 ? "" : "es");
		chronicle__tell(a, JOURNAL_OPERATOR, "source", NULL, NULL, what->uid,
				"%s %zu prefix%s of %s", done, n, n == 1 ? "" : "es",
				what->service ? what->service : "the instance");
	}
	source_set__free(&was);
	source_set__free(&asked);
	return rc;
}
