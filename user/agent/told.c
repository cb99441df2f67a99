/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/told.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"

static int by_id(const void *a, const void *b)
{
	return strcmp(member__id(*(const struct member *const *)a),
		      member__id(*(const struct member *const *)b));
}

/* Appends those whose id is not among `sorted`, which are the service's members. */
static size_t add_leftovers(const struct service *s, const struct member *const *sorted,
			    const struct member **list)
{
	size_t n = s->n_members;
	const struct member *m;

	TAILQ_FOREACH (m, &s->retired, retired_entry) {
		if (!bsearch(&m, sorted, s->n_members, sizeof(*sorted), by_id))
			list[n++] = m;
	}
	return n;
}

const struct member **told__members(const struct service *s, size_t *n)
{
	const struct member **list, **sorted, *m;
	size_t leftovers = 0;

	TAILQ_FOREACH (m, &s->retired, retired_entry)
		leftovers++;
	list = calloc(s->n_members + leftovers + 1, sizeof(const struct member *));
	if (!list)
		return NULL;
	for (size_t i = 0; i < s->n_members; i++)
		list[i] = s->members[i];
	*n = s->n_members;
	if (!leftovers)
		return list;
	sorted = calloc(s->n_members + 1, sizeof(const struct member *));
	if (!sorted) {
		free(list);
		return NULL;
	}
	for (size_t i = 0; i < s->n_members; i++)
		sorted[i] = s->members[i];
	qsort(sorted, s->n_members, sizeof(*sorted), by_id);
	*n = add_leftovers(s, sorted, list);
	free(sorted);
	return list;
}

/* Without `first` bytes at its beginning and `last` at its end. */
static void append(struct jtext *out, json_t *object, size_t first, size_t last)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	if (text)
		jtext__raw(out, text + first, strlen(text) - first - last);
	out->failed |= !text;
	free(text);
}

void told__open(struct jtext *out, json_t *object)
{
	append(out, object, 0, 1);
}

void told__rest(struct jtext *out, json_t *object)
{
	append(out, object, 1, 0);
}
