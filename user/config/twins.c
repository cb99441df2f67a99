/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/twins.h"

#include <stdlib.h>
#include <string.h>

struct twins *twins__new(size_t cap)
{
	return calloc(1, sizeof(struct twins) + cap * sizeof(struct twin));
}

struct twin *twins__add(struct twins *t, const char *list, size_t index, const struct node *node)
{
	struct twin *twin = &t->list[t->n];

	*twin = (struct twin){.list = list, .index = index, .order = t->n++, .node = node};
	return twin;
}

static int compare(const void *pa, const void *pb)
{
	const struct twin *a = pa, *b = pb;
	int order = memcmp(a->key, b->key, sizeof(a->key));

	return order ? order : (a->order > b->order) - (a->order < b->order);
}

void twins__tell(struct twins *t, const char *field, const char *what, struct problem_sink *sink)
{
	const struct twin *first = t->list;

	qsort(t->list, t->n, sizeof(*t->list), compare);
	for (const struct twin *twin = t->list + 1; twin < t->list + t->n; twin++) {
		if (memcmp(twin->key, first->key, sizeof(first->key)) != 0) {
			first = twin;
			continue;
		}
		if (twin->computed && twin->computed == first->computed)
			continue;
		problem_sink__add(sink, twin->node->line, twin->node->column,
				  "%s[%zu]%s: same %s as %s[%zu]%s", twin->list, twin->index, field,
				  what, first->list, first->index,
				  twin->computed ? "; it is the default, write another" : "");
	}
	t->n = 0;
}
