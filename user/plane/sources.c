/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources.c - the map `sources`: read whole, written and emptied in batches. */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 4096 /* entries that go to the kernel in one call */

struct batch {
	struct fl_source_key keys[BATCH];
	struct fl_source values[BATCH];
};

static int sources_fd(const struct plane *p)
{
	return bpf_map__fd(p->skel->maps.sources);
}

static int append(struct plane_source **list, size_t *n, const struct batch *b, uint32_t count)
{
	struct plane_source *more = realloc(*list, (*n + count) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	*list = more;
	for (uint32_t i = 0; i < count; i++)
		more[(*n)++] = (struct plane_source){b->keys[i], b->values[i].flags};
	return 0;
}

int plane__sources(const struct plane *p, struct plane_source **out, size_t *n, struct err *err)
{
	struct batch *b = malloc(sizeof(*b));
	struct fl_source_key cursor = {0};
	struct plane_source *list = NULL;
	bool first = true, more = b;
	size_t have = 0;
	int rc = b ? 0 : -ENOMEM;

	while (!rc && more) {
		uint32_t count = BATCH;

		rc = bpf_map_lookup_batch(sources_fd(p), first ? NULL : &cursor, &cursor, b->keys,
					  b->values, &count, NULL);
		first = false;
		more = rc == 0;
		if (rc == -ENOENT) /* the end: what came with it counts */
			rc = 0;
		if (!rc && count)
			rc = append(&list, &have, b, count);
	}
	free(b);
	if (rc) {
		free(list);
		return err__set(err, rc, "cannot read the map 'sources': %s", strerror(-rc));
	}
	*out = list;
	*n = have;
	return 0;
}

int plane__sources_set(struct plane *p, const struct plane_source *list, size_t n, struct err *err)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);
	struct batch *b = n ? malloc(sizeof(*b)) : NULL;
	int rc = n && !b ? -ENOMEM : 0;

	for (size_t done = 0; !rc && done < n;) {
		uint32_t count = n - done < BATCH ? (uint32_t)(n - done) : BATCH;

		for (uint32_t i = 0; i < count; i++) {
			b->keys[i] = list[done + i].key;
			b->values[i].flags = list[done + i].flags;
		}
		rc = bpf_map_update_batch(sources_fd(p), b->keys, b->values, &count, &opts);
		done += count;
	}
	free(b);
	if (rc == -ENOSPC)
		return err__set(err, rc,
				"the map 'sources' is full (%d entries; what commands have added "
				"counts as well: `fairlead source list`)",
				FL_MAX_SOURCES);
	if (rc)
		return err__set(err, rc, "cannot write the map 'sources': %s", strerror(-rc));
	return 0;
}

void plane__sources_delete(struct plane *p, const struct plane_source *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bpf_map_delete_elem(sources_fd(p), &list[i].key);
}
