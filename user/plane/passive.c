/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passive.c - the maps `passive` and `passive_count`, shared with the program.
 *
 * They exist while the gate `passive` is open, and are mapped as long: a sweep and all counters cost no
 * system call.
 */
#include "plane/internal.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Whole pages, as the kernel maps an array. */
#define CELLS_SIZE (FL_PASSIVE_CELLS * sizeof(__u64))
#define COUNTS_SIZE (FL_PASSIVE_COUNTS * sizeof(struct fl_passive))

int plane_passive__keep(struct plane *p, struct err *err)
{
	void *cells = NULL, *counts = NULL;
	int rc;

	if (!p->gates.passive) {
		plane_passive__close(p);
		return 0;
	}
	if (p->passive_cells)
		return 0;
	rc = plane_open__share(p->skel->maps.passive, CELLS_SIZE, &cells, err);
	if (!rc)
		rc = plane_open__share(p->skel->maps.passive_count, COUNTS_SIZE, &counts, err);
	if (rc) {
		if (cells)
			munmap(cells, CELLS_SIZE);
		return rc;
	}
	p->passive_cells = cells;
	p->passive_counts = counts;
	return 0;
}

void plane_passive__close(struct plane *p)
{
	if (!p->passive_cells)
		return;
	munmap(p->passive_cells, CELLS_SIZE);
	munmap(p->passive_counts, COUNTS_SIZE);
	p->passive_cells = NULL;
	p->passive_counts = NULL;
}

void plane_passive__zero(struct plane *p, uint32_t at)
{
	if (p->passive_counts)
		memset(&p->passive_counts[at], 0, sizeof(*p->passive_counts));
}

struct fl_passive plane__passive(const struct plane *p, uint32_t index)
{
	const struct fl_passive none = {0};

	return p->passive_counts && index < FL_MAX_BACKENDS ? p->passive_counts[index] : none;
}

uint32_t plane__passive_opened(const struct plane *p, uint32_t id)
{
	if (!p->passive_counts || id >= FL_MAX_SERVICES)
		return 0;
	return __atomic_load_n(&p->passive_counts[FL_PASSIVE_SERVICES + id].opened,
			       __ATOMIC_RELAXED);
}

void plane__passive_sample(struct plane *p, uint32_t id, uint32_t sampled, uint32_t watched)
{
	struct fl_service *s = &p->services[id];

	if (!plane__service(p, id))
		return;
	/* A flow whose SYN is noted is watched, at every moment. */
	if (watched > s->watched)
		__atomic_store_n(&s->watched, watched, __ATOMIC_RELEASE);
	__atomic_store_n(&s->sampled, sampled, __ATOMIC_RELEASE);
	if (watched < s->watched)
		__atomic_store_n(&s->watched, watched, __ATOMIC_RELEASE);
}

static uint64_t now_ticks(uint32_t *now_ms)
{
	struct timespec t;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	*now_ms = (uint32_t)(ns / 1000000);
	return ns >> FL_PASSIVE_TICK & FL_PASSIVE_TIME;
}

uint32_t plane__passive_sweep(struct plane *p)
{
	uint32_t now_ms;
	uint64_t now = now_ticks(&now_ms);

	for (uint32_t i = 0; p->passive_cells && i < FL_PASSIVE_CELLS; i++) {
		__u64 *cell = &p->passive_cells[i], word = __atomic_load_n(cell, __ATOMIC_RELAXED);
		uint32_t index = word >> FL_PASSIVE_INDEX_SHIFT & FL_SLOT_INDEX;

		if (!word || word & FL_PASSIVE_LATE ||
		    ((now - word) & FL_PASSIVE_TIME) < FL_PASSIVE_ANSWER)
			continue;
		/* A packet may have ended it at this moment. */
		if (__atomic_compare_exchange_n(cell, &word, word | FL_PASSIVE_LATE, false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			__atomic_fetch_add(&p->passive_counts[index].incomplete, 1,
					   __ATOMIC_RELAXED);
	}
	return now_ms;
}
