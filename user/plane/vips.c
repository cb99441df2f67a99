/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vips.c - which prefix has which services.
 *
 * Sorted by address and length, a prefix comes right after those around it, so a stack of the
 * prefixes that are open is all there is to know: the topmost has inherited from the others.
 */
#include "plane/vips.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTHS 129 /* of prefixes: as many can lie in each other */

static int number(long a, long b)
{
	return (a > b) - (a < b);
}

static int compare(const void *pa, const void *pb)
{
	const struct vip_use *a = pa, *b = pb;
	int order = memcmp(a->vip.addr.b, b->vip.addr.b, sizeof(a->vip.addr.b));

	if (!order)
		order = number(a->vip.len, b->vip.len);
	if (!order)
		order = number(a->last - a->first, b->last - b->first);
	if (!order)
		order = number(a->first, b->first);
	if (!order)
		order = number(a->proto, b->proto);
	return order ? order : number(a->service, b->service);
}

static bool append(struct fl_vip *v, size_t *n, const struct fl_range *r)
{
	if (*n == FL_VIP_RANGES)
		return false;
	v->ranges[(*n)++] = *r;
	return true;
}

/* The entry of one prefix: `n` uses of it, and what the prefix around it has. */
static int fill(const struct vip_use *uses, size_t n, const struct fl_vip *around,
		struct vip_entry *out)
{
	size_t ranges = 0;

	memset(out, 0, sizeof(*out));
	out->key.prefixlen = uses->vip.len;
	memcpy(out->key.addr, uses->vip.addr.b, sizeof(out->key.addr));
	for (size_t i = 0; i < n; i++) {
		struct fl_range r = {
			.first = uses[i].first,
			.last = uses[i].last,
			.service = uses[i].service,
			.proto = uses[i].proto,
		};

		if (uses[i].echo)
			out->value.flags |= FL_VIP_ECHO;
		if (uses[i].group)
			out->value.flags |= FL_VIP_GROUP;
		if (uses[i].wild && !append(&out->value, &ranges, &r))
			return -E2BIG;
	}
	for (size_t i = 0; around && i < FL_VIP_RANGES && around->ranges[i].service; i++) {
		if (!append(&out->value, &ranges, &around->ranges[i]))
			return -E2BIG;
	}
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_vip_key));
}

int vips__build(struct vip_use *uses, size_t n, struct vip_entry **out, size_t *n_out)
{
	struct vip_entry *list = calloc(n + 1, sizeof(*list));
	struct {
		const struct addr_prefix *prefix;
		const struct fl_vip *value;
	} open[LENGTHS];
	size_t made = 0, depth = 0, end;
	int rc = 0;

	if (!list)
		return -ENOMEM;
	if (n)
		qsort(uses, n, sizeof(*uses), compare);
	for (size_t i = 0; i < n && !rc; i = end) {
		const struct addr_prefix *prefix = &uses[i].vip;

		for (end = i + 1; end < n; end++) {
			if (!addr_prefix__equal(&uses[end].vip, prefix))
				break;
		}
		while (depth && !addr_prefix__holds(open[depth - 1].prefix, &prefix->addr))
			depth--;
		rc = fill(&uses[i], end - i, depth ? open[depth - 1].value : NULL, &list[made]);
		open[depth].prefix = prefix;
		open[depth++].value = &list[made++].value;
	}
	if (rc) {
		free(list);
		return rc;
	}
	qsort(list, made, sizeof(*list), compare_keys);
	*out = list;
	*n_out = made;
	return 0;
}
