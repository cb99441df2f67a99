/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peer_news.h"

#define KEPT_NS 1000000000ull

void peer_names__free(struct peer_names *n)
{
	free(n->services);
	free(n->list);
	*n = (struct peer_names){0};
}

/* With its address, as an id may have got another one, and connections of before be on record. */
static uint64_t name_of(const struct peer_digest *service, const struct fl_backend *b)
{
	struct peer_digest d = *service;

	peer_digest__add(&d, b->id, strlen(b->id) + 1);
	peer_digest__add(&d, b->addr, sizeof(b->addr));
	peer_digest__add(&d, &b->port, sizeof(b->port));
	return peer_digest__end(&d);
}

static void add(struct peer_names *n, const struct member *m)
{
	const struct service *s = m->service;

	n->list[n->n++] = (struct peer_named){name_of(&n->services[s->id], &m->target->entry),
					      s->id, m->target->index};
}

static size_t count(const struct agent *a)
{
	const struct service *s;
	const struct member *m;
	size_t n = 1;

	TAILQ_FOREACH (s, &a->services, entry) {
		n += s->n_members;
		TAILQ_FOREACH (m, &s->retired, retired_entry)
			n++;
	}
	return n;
}

static int by_name(const void *a, const void *b)
{
	const struct peer_named *x = a, *y = b;

	return x->name < y->name ? -1 : x->name > y->name;
}

int peer_names__refresh(struct peer_names *n, struct agent *a)
{
	uint64_t now = uv_hrtime();
	struct service *s;
	struct member *m;

	if (n->made_ns && now - n->made_ns < KEPT_NS)
		return 0;
	peer_names__free(n);
	n->services = calloc(FL_MAX_SERVICES, sizeof(*n->services));
	n->list = malloc(count(a) * sizeof(*n->list));
	if (!n->services || !n->list) {
		peer_names__free(n);
		return -ENOMEM;
	}
	TAILQ_FOREACH (s, &a->services, entry) {
		if (!s->config)
			continue;
		peer_news__name(a, s, &n->services[s->id]);
		for (size_t i = 0; i < s->n_members; i++)
			add(n, s->members[i]);
		TAILQ_FOREACH (m, &s->retired, retired_entry)
			add(n, m);
	}
	qsort(n->list, n->n, sizeof(*n->list), by_name);
	n->made_ns = now;
	return 0;
}

uint64_t peer_names__of(const struct peer_names *n, const struct agent *a, uint32_t service,
			uint32_t backend)
{
	const struct service *s = service < FL_MAX_SERVICES ? a->by_id[service] : NULL;
	const struct fl_backend *b = plane__backend(a->plane, backend);

	return s && s->config && b ? name_of(&n->services[service], b) : 0;
}

const struct peer_named *peer_names__find(const struct peer_names *n, uint64_t name)
{
	const struct peer_named wanted = {.name = name};

	return n->n ? bsearch(&wanted, n->list, n->n, sizeof(wanted), by_name) : NULL;
}
