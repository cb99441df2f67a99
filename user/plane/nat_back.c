/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plane/nat_back.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_single(const struct nat_use *u)
{
	return u->first == u->last;
}

static int number(long a, long b)
{
	return (a > b) - (a < b);
}

/* By place (address and protocol); in a place single ports first, by port. */
static int compare(const void *pa, const void *pb)
{
	const struct nat_use *a = pa, *b = pb;
	int order = memcmp(a->backend.b, b->backend.b, sizeof(a->backend.b));

	if (!order)
		order = number(a->proto, b->proto);
	if (!order)
		order = number(is_single(b), is_single(a));
	if (!order)
		order = number(a->first, b->first);
	if (!order)
		order = number(a->last, b->last);
	return order ? order : number(a->service, b->service);
}

static bool same_place(const struct nat_use *a, const struct nat_use *b)
{
	return addr__equal(&a->backend, &b->backend) && a->proto == b->proto;
}

static bool same_name(const struct nat_use *a, const struct nat_use *b)
{
	if (a->service == b->service)
		return true;
	return a->one_vip && b->one_vip && addr__equal(&a->vip, &b->vip) &&
	       a->vip_port == b->vip_port;
}

static bool all_same_name(const struct nat_use *uses, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (!same_name(&uses[0], &uses[i]))
			return false;
	}
	return true;
}

bool nat_back__same_name(const struct fl_nat_back *a, const struct fl_nat_back *b)
{
	return a->service && b->service && a->port == b->port &&
	       memcmp(a->vip, b->vip, sizeof(a->vip)) == 0;
}

struct fl_endpoint nat_use__endpoint(const struct nat_use *u)
{
	struct fl_endpoint e = {
		.port = is_single(u) ? htons(u->first) : 0,
		.proto = u->proto,
	};

	memcpy(e.addr, u->backend.b, sizeof(e.addr));
	return e;
}

static void fill(const struct nat_use *u, bool named, struct nat_entry *out)
{
	memset(out, 0, sizeof(*out));
	out->key = nat_use__endpoint(u);
	if (!named)
		return;
	memcpy(out->value.vip, u->vip.b, sizeof(out->value.vip));
	out->value.port = htons(u->vip_port);
	out->value.service = u->service;
	out->value.backend = u->index;
}

/* Uses of one port of a place; `wide` are those of ranges and of any port there. */
static void join_single(struct nat_use *uses, size_t n, const struct nat_use *wide, size_t n_wide,
			struct nat_entry *out)
{
	bool named = uses->one_vip && all_same_name(uses, n);

	for (size_t i = 0; i < n_wide; i++) {
		if (uses->first >= wide[i].first && uses->first <= wide[i].last)
			named = false;
	}
	for (size_t i = 0; i < n; i++)
		uses[i].record = !named;
	/* The last one came last. */
	fill(&uses[n - 1], named, out);
}

/* All uses of a place: how many entries that makes. */
static size_t join_place(struct nat_use *uses, size_t n, struct nat_entry *out)
{
	size_t singles = 0, made = 0, end;

	while (singles < n && is_single(&uses[singles]))
		singles++;
	for (size_t i = 0; i < singles; i = end) {
		for (end = i + 1; end < singles; end++) {
			if (uses[end].first != uses[i].first)
				break;
		}
		join_single(&uses[i], end - i, uses + singles, n - singles, &out[made++]);
	}
	for (size_t i = singles; i < n; i++)
		uses[i].record = true;
	return made;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_endpoint));
}

int nat_back__build(struct nat_use *uses, size_t n, struct nat_entry **out, size_t *n_out)
{
	struct nat_entry *list = calloc(2 * n + 1, sizeof(*list));
	size_t made = 0, end;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		uses[i].record = false;
	if (n)
		qsort(uses, n, sizeof(*uses), compare);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n; end++) {
			if (!same_place(&uses[end], &uses[i]))
				break;
		}
		made += join_place(&uses[i], end - i, &list[made]);
		/* The last place of an address: its entry for fragments. */
		if (end == n || !addr__equal(&uses[end].backend, &uses[i].backend))
			memcpy(list[made++].key.addr, uses[i].backend.b, sizeof(uses[i].backend.b));
	}
	qsort(list, made, sizeof(*list), compare_keys);
	*out = list;
	*n_out = made;
	return 0;
}
