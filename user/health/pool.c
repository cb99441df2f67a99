/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/pool.h"

/* The pool's weights, of those that the operator leaves in. */
struct weights {
	uint64_t primaries; /* of all that are no backups */
	uint64_t hoped; /* of those of them that are well, or may be */
	uint64_t backups; /* of backups that are well, or may be */
	bool served; /* a primary takes flows */
};

static struct weights weigh(const struct pool_member *members, size_t n)
{
	struct weights w = {0};

	for (size_t i = 0; i < n; i++) {
		const struct pool_member *m = &members[i];
		uint64_t hoped = m->well || m->unsure ? m->weight : 0;

		if (m->out)
			continue;
		if (m->backup) {
			w.backups += hoped;
			continue;
		}
		w.primaries += m->weight;
		w.hoped += hoped;
		w.served |= m->well && m->weight && m->parts;
	}
	return w;
}

static bool is_less(uint64_t weight, uint32_t pct, uint64_t of)
{
	return weight * 100 < of * pct;
}

struct pool_state pool__decide(const struct pool_member *members, size_t n, uint32_t panic_pct,
			       uint8_t *parts)
{
	struct weights w = weigh(members, n);
	struct pool_state s = {
		.backups = !w.served || is_less(w.hoped, panic_pct, w.primaries),
		.panic = is_less(w.hoped + w.backups, panic_pct, w.primaries),
	};

	for (size_t i = 0; i < n; i++) {
		const struct pool_member *m = &members[i];
		bool takes = m->well ? !m->backup || s.backups : s.panic && !m->out;

		parts[i] = takes ? m->parts : 0;
	}
	return s;
}
