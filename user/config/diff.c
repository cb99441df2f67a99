/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "config/show.h"

/* Where in both trees the walk is. */
struct walk {
	struct config_changes *out;
	char service[FL_NAME_LEN], backend[FL_ID_LEN];
	char path[CONFIG_CHANGE_WHAT]; /* below them */
	int rc;
};

/* An element of a list. */
struct element {
	char key[FL_ID_LEN]; /* room for every name and prefix */
	const char *at;
	size_t order;
};

static void diff_section(struct walk *w, const struct section *s, const void *a, const void *b);

/* --- changes ------------------------------------------------------------------------------------ */

static struct config_change *append(struct config_changes *c)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		struct config_change *list = realloc(c->list, room * sizeof(*list));

		if (!list)
			return NULL;
		c->list = list;
		c->room = room;
	}
	c->list[c->n] = (struct config_change){0};
	return &c->list[c->n++];
}

static void tell(struct walk *w, enum config_change_kind kind, const char *from, const char *to)
{
	struct config_change *c = w->rc ? NULL : append(w->out);

	if (!c) {
		w->rc = -ENOMEM;
		return;
	}
	c->kind = kind;
	memcpy(c->service, w->service, sizeof(c->service));
	memcpy(c->backend, w->backend, sizeof(c->backend));
	memcpy(c->what, w->path, sizeof(c->what));
	c->from = strdup(from);
	c->to = strdup(to);
	if (!c->from || !c->to)
		w->rc = -ENOMEM;
}

void config_changes__free(struct config_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].from);
		free(c->list[i].to);
	}
	free(c->list);
	*c = (struct config_changes){0};
}

const char *config_change__name(enum config_change_kind kind)
{
	return kind == CONFIG_ADDED ? "added" : kind == CONFIG_REMOVED ? "removed" : "changed";
}

/* --- the path ----------------------------------------------------------------------------------- */

static size_t enter(struct walk *w, const char *fmt, const char *text)
{
	size_t was = strlen(w->path);

	if (was && fmt[0] != '[')
		snprintf(w->path + was, sizeof(w->path) - was, ".");
	snprintf(w->path + strlen(w->path), sizeof(w->path) - strlen(w->path), fmt, text);
	return was;
}

static void leave(struct walk *w, size_t was)
{
	w->path[was] = '\0';
}

/* --- lists -------------------------------------------------------------------------------------- */

static int compare_elements(const void *a, const void *b)
{
	const struct element *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : x->order < y->order ? -1 : 1;
}

/* By what one element is told from another: its first key, or its value. */
static struct option key_option(const struct option_list *l)
{
	return l->section ? l->section->options[0]
			  : (struct option){.key = "", .parse = l->value, .size = l->size};
}

static struct element *sort(const struct option *o, const void *base, size_t *n)
{
	const char *array = *(char *const *)((const char *)base + o->offset);
	const struct option key = key_option(o->list);
	struct element *list;
	char text[SHOW_LEN];

	*n = *(const size_t *)((const char *)base + o->list->n);
	list = calloc(*n + 1, sizeof(*list));
	for (size_t i = 0; list && i < *n; i++) {
		list[i].at = array + i * o->list->size;
		list[i].order = i;
		memcpy(list[i].key, show__value(&key, list[i].at, text), sizeof(list[i].key) - 1);
	}
	if (list)
		qsort(list, *n, sizeof(*list), compare_elements);
	return list;
}

/* What a section says beyond its defaults, but for its key and what is in sections of its own. */
static void summarise(const struct section *s, const void *at, char buf[SHOW_LEN])
{
	char value[SHOW_LEN];
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 1; i < s->n && n < SHOW_LEN; i++) {
		const struct option *o = &s->options[i];

		if (o->section || o->inside || o->list)
			continue;
		show__value(o, at, value);
		if (!value[0] || (o->fallback && strcmp(value, o->fallback) == 0))
			continue;
		n += (size_t)snprintf(buf + n, SHOW_LEN - n, "%s%s %s", n ? ", " : "", o->key,
				      value);
	}
}

static void tell_element(struct walk *w, const struct option *o, const struct element *e,
			 enum config_change_kind kind)
{
	char text[SHOW_LEN];

	if (o->list->section)
		summarise(o->list->section, e->at, text);
	else
		snprintf(text, sizeof(text), "%s", e->key);
	tell(w, kind, kind == CONFIG_REMOVED ? text : "", kind == CONFIG_ADDED ? text : "");
}

/* One that is in both lists (`a` and `b`), or in one of them: the other one is NULL. */
static void diff_element(struct walk *w, const struct option *o, const struct element *a,
			 const struct element *b)
{
	const struct element *any = a ? a : b;
	enum option_list_kind kind = o->list->kind;
	size_t was = strlen(w->path);

	if (kind == LIST_SERVICES)
		memcpy(w->service, any->key, sizeof(w->service) - 1);
	else if (kind == LIST_BACKENDS)
		memcpy(w->backend, any->key, sizeof(w->backend) - 1);
	else
		enter(w, "%s", o->key);
	if (kind == LIST_OTHER && o->list->section)
		enter(w, "[%s]", any->key);
	if (!a || !b)
		tell_element(w, o, any, a ? CONFIG_REMOVED : CONFIG_ADDED);
	else if (o->list->section)
		diff_section(w, o->list->section, a->at, b->at);
	leave(w, was);
	if (kind == LIST_SERVICES)
		w->service[0] = '\0';
	else if (kind == LIST_BACKENDS)
		w->backend[0] = '\0';
}

static void diff_list(struct walk *w, const struct option *o, const void *a, const void *b)
{
	size_t n_a, n_b, i = 0, j = 0;
	struct element *old = sort(o, a, &n_a), *now = sort(o, b, &n_b);

	if (!old || !now)
		w->rc = -ENOMEM;
	while (!w->rc && (i < n_a || j < n_b)) {
		int c = i == n_a ? 1 : j == n_b ? -1 : strcmp(old[i].key, now[j].key);

		diff_element(w, o, c <= 0 ? &old[i] : NULL, c >= 0 ? &now[j] : NULL);
		i += c <= 0;
		j += c >= 0;
	}
	free(old);
	free(now);
}

/* --- values ------------------------------------------------------------------------------------- */

static void diff_value(struct walk *w, const struct option *o, const void *a, const void *b)
{
	char from[SHOW_LEN], to[SHOW_LEN];

	if (!show__same(o, a, b))
		tell(w, CONFIG_CHANGED, show__value(o, a, from), show__value(o, b, to));
}

static void diff_section(struct walk *w, const struct section *s, const void *a, const void *b)
{
	for (size_t i = 0; i < s->n && !w->rc; i++) {
		const struct option *o = &s->options[i];
		size_t was;

		if (o->list) {
			diff_list(w, o, a, b);
			continue;
		}
		was = enter(w, "%s", o->key);
		if (o->section)
			diff_section(w, o->section, (const char *)a + o->offset,
				     (const char *)b + o->offset);
		else if (o->inside)
			diff_section(w, o->inside, a, b);
		else
			diff_value(w, o, a, b);
		leave(w, was);
	}
}

int config__diff(const struct config *from, const struct config *to, struct config_changes *out)
{
	struct walk w = {.out = out};

	*out = (struct config_changes){0};
	diff_section(&w, &config_section, from, to);
	return w.rc;
}
