/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/source_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE_BITS 32

void source_set__free(struct source_set *s)
{
	free(s->list);
	*s = (struct source_set){0};
}

struct fl_source_key source_key__of(uint32_t scope, const struct addr_prefix *prefix)
{
	struct fl_source_key k = {
		.prefixlen = SCOPE_BITS + prefix->len,
		.scope = htonl(scope),
	};

	memcpy(k.addr, prefix->addr.b, sizeof(k.addr));
	return k;
}

uint32_t source_key__scope(const struct fl_source_key *k, struct addr_prefix *prefix)
{
	memcpy(prefix->addr.b, k->addr, sizeof(k->addr));
	prefix->len = (uint8_t)(k->prefixlen - SCOPE_BITS);
	return ntohl(k->scope);
}

static int compare_keys(const struct fl_source_key *a, const struct fl_source_key *b)
{
	/* In network order, so that bytes compare as numbers do. */
	int order = memcmp(&a->scope, &b->scope, sizeof(a->scope));

	order = order ? order : memcmp(a->addr, b->addr, sizeof(a->addr));
	return order ? order : (a->prefixlen > b->prefixlen) - (a->prefixlen < b->prefixlen);
}

static int compare(const void *a, const void *b)
{
	const struct plane_source *x = a, *y = b;

	return compare_keys(&x->key, &y->key);
}

/* Room for `more` entries behind those in use. */
static int reserve(struct source_set *s, size_t more)
{
	size_t room = s->n + more > 2 * s->room ? s->n + more : 2 * s->room;
	struct plane_source *list;

	if (s->n + more <= s->room)
		return 0;
	list = realloc(s->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->list = list;
	s->room = room;
	return 0;
}

int source_set__add(struct source_set *s, const struct plane_source *e)
{
	if (reserve(s, 1))
		return -ENOMEM;
	s->list[s->n++] = *e;
	return 0;
}

static void add_nets(struct source_set *s, uint32_t scope, const struct addr_prefix *nets, size_t n,
		     uint32_t flags)
{
	for (size_t i = 0; i < n; i++)
		s->list[s->n++] = (struct plane_source){source_key__of(scope, &nets[i]), flags};
}

int source_set__add_lists(struct source_set *s, uint32_t scope, const struct config_sources *c)
{
	static const struct addr_prefix everybody;
	uint32_t deny = FL_SRC_DENY | (c->monitor ? FL_SRC_MONITOR : 0);

	if (reserve(s, c->n_allow + c->n_deny + 1))
		return -ENOMEM;
	add_nets(s, scope, c->allow, c->n_allow, FL_SRC_ALLOW);
	add_nets(s, scope, c->deny, c->n_deny, deny);
	if (c->n_allow)
		add_nets(s, scope, &everybody, 1, deny);
	return 0;
}

void source_set__sort(struct source_set *s)
{
	size_t n = 0;

	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), compare);
	for (size_t i = 0; i < s->n; i++) {
		if (!n || compare(&s->list[n - 1], &s->list[i]) != 0)
			s->list[n++] = s->list[i];
	}
	s->n = n;
}

void source_set__reverse(struct source_set *s)
{
	for (size_t i = 0, j = s->n; i + 1 < j; i++) {
		struct plane_source e = s->list[--j];

		s->list[j] = s->list[i];
		s->list[i] = e;
	}
}

/* The place of the first entry whose key is not less. */
static size_t lower_bound(const struct source_set *s, const struct fl_source_key *k)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (compare_keys(&s->list[mid].key, k) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

const struct plane_source *source_set__find(const struct source_set *s,
					    const struct fl_source_key *k)
{
	size_t at = lower_bound(s, k);

	return at < s->n && compare_keys(&s->list[at].key, k) == 0 ? &s->list[at] : NULL;
}

/* The first `len` bits of an address. */
static struct addr_prefix prefix_of(const struct addr *a, int len)
{
	struct addr_prefix p = {.len = (uint8_t)len};

	memcpy(p.addr.b, a->b, (size_t)len / 8);
	if (len % 8)
		p.addr.b[len / 8] = (uint8_t)(a->b[len / 8] & 0xff << (8 - len % 8));
	return p;
}

const struct plane_source *source_set__match(const struct source_set *s, uint32_t scope,
					     const struct addr *a)
{
	for (int len = 128; s->n && len >= 0; len--) {
		const struct addr_prefix p = prefix_of(a, len);
		const struct fl_source_key k = source_key__of(scope, &p);
		const struct plane_source *e = source_set__find(s, &k);

		if (e)
			return e;
	}
	return NULL;
}

const struct plane_source *source_set__scope(const struct source_set *s, uint32_t scope, size_t *n)
{
	struct fl_source_key first = {.scope = htonl(scope)}, next = {.scope = htonl(scope + 1)};
	size_t from = lower_bound(s, &first);

	*n = lower_bound(s, &next) - from;
	return *n ? &s->list[from] : NULL;
}

/* Calls each() for every key of a or b, in order; x or y is NULL where only the other has it. */
static void merge(const struct source_set *a, const struct source_set *b,
		  void (*each)(void *ctx, const struct plane_source *x,
			       const struct plane_source *y),
		  void *ctx)
{
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		int order = i == a->n ? 1 : j == b->n ? -1 : compare(&a->list[i], &b->list[j]);

		each(ctx, order <= 0 ? &a->list[i] : NULL, order >= 0 ? &b->list[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

static void take_over(void *ctx, const struct plane_source *under, const struct plane_source *over)
{
	struct source_set *out = ctx;

	out->list[out->n++] = over ? *over : *under;
}

int source_set__overlay(const struct source_set *under, const struct source_set *over,
			struct source_set *out)
{
	struct source_set s = {0};

	if (reserve(&s, under->n + over->n + 1))
		return -ENOMEM;
	merge(under, over, take_over, &s);
	*out = s;
	return 0;
}

static void take_lone(void *ctx, const struct plane_source *s, const struct plane_source *minus)
{
	struct source_set *out = ctx;

	if (s && !minus)
		out->list[out->n++] = *s;
}

int source_set__without(const struct source_set *s, const struct source_set *minus,
			struct source_set *out)
{
	struct source_set rest = {0};

	if (reserve(&rest, s->n + 1))
		return -ENOMEM;
	merge(s, minus, take_lone, &rest);
	*out = rest;
	return 0;
}

/* Room has been reserved for all that may come. */
static void put(struct source_set *s, const struct plane_source *e)
{
	if (s->list)
		s->list[s->n++] = *e;
}

static void take_difference(void *ctx, const struct plane_source *have,
			    const struct plane_source *want)
{
	struct source_diff *d = ctx;

	if (have && want) {
		if (have->flags == want->flags)
			return;
		put(&d->change, want);
		put(&d->was, have);
	} else if (want) {
		put(&d->add, want);
	} else if (have) {
		put(&d->remove, have);
	}
}

static int shorter_first(const void *a, const void *b)
{
	const struct plane_source *x = a, *y = b;

	return (x->key.prefixlen > y->key.prefixlen) - (x->key.prefixlen < y->key.prefixlen);
}

static int longer_first(const void *a, const void *b)
{
	return shorter_first(b, a);
}

int source_diff__make(const struct source_set *have, const struct source_set *want,
		      struct source_diff *out)
{
	struct source_diff d = {0};

	if (reserve(&d.add, want->n + 1) || reserve(&d.change, want->n + 1) ||
	    reserve(&d.was, want->n + 1) || reserve(&d.remove, have->n + 1)) {
		source_diff__free(&d);
		*out = d;
		return -ENOMEM;
	}
	merge(have, want, take_difference, &d);
	qsort(d.add.list, d.add.n, sizeof(*d.add.list), longer_first);
	qsort(d.remove.list, d.remove.n, sizeof(*d.remove.list), shorter_first);
	*out = d;
	return 0;
}

void source_diff__free(struct source_diff *d)
{
	source_set__free(&d->add);
	source_set__free(&d->change);
	source_set__free(&d->was);
	source_set__free(&d->remove);
}
