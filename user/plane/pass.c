/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pass.c - a hash map of records looked at from one end to the other, in slices of bounded time.
 *
 * What a batch shows is some milliseconds old when it is judged. An entry that is in the map all the
 * time is seen once and only once: the kernel walks bucket by bucket, each whole.
 */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 4096 /* entries a call; the kernel wants room for all of a bucket */
#define LEAST_SLICE 16384 /* entries, so that a small map is one slice */
#define SLICE_NS 50000000ULL /* time after which a slice ends, whatever is left */

struct batch {
	char keys[BATCH * PLANE_KEY] __attribute__((aligned(8)));
	char values[BATCH * PLANE_VALUE] __attribute__((aligned(8)));
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void end_pass(struct plane_pass *pass, uint32_t period_s)
{
	pass->slice = pass->entries / (period_s ? period_s : 1) + 1;
	if (pass->slice < LEAST_SLICE)
		pass->slice = LEAST_SLICE;
	pass->entries = 0;
	pass->midway = false;
}

int plane_pass__slice(int fd, struct plane_pass *pass, uint32_t period_s, plane_pass_cb *each,
		      void *ctx, bool *ended)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC), done = 0;
	struct batch *b = malloc(sizeof(*b));
	int rc = b ? 0 : -ENOMEM, failed = 0;

	while (!rc && !failed && (!pass->slice || done < pass->slice) &&
	       clock_ns(CLOCK_MONOTONIC) - began < SLICE_NS) {
		uint32_t now_s = (uint32_t)(clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000000);
		uint32_t count = BATCH;

		rc = bpf_map_lookup_batch(fd, pass->midway ? &pass->cursor : NULL, &pass->cursor,
					  b->keys, b->values, &count, NULL);
		if (rc && rc != -ENOENT)
			break;
		pass->midway = true;
		for (uint32_t i = 0; i < count && !failed; i++)
			failed = each(ctx, b->keys + i * pass->key, b->values + i * pass->value,
				      now_s);
		done += count;
		pass->entries += count;
	}
	free(b);
	*ended = !failed && rc == -ENOENT;
	if (*ended) {
		end_pass(pass, period_s);
		rc = 0;
	}
	rc = rc ? rc : failed;
	if (rc) {
		/* What was not looked at would be missing in the result: from the start again. */
		pass->midway = false;
		pass->entries = 0;
	}
	return rc;
}
