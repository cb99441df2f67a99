/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/lateness.h"

static unsigned int bucket(uint64_t late_ns)
{
	uint64_t us = late_ns / 1000;
	unsigned int i = 0;

	while (us >> i && i < LATENESS_BUCKETS - 1)
		i++;
	return i;
}

static void add(struct lateness_window *w, uint64_t late_ns)
{
	atomic_fetch_add(&w->n[bucket(late_ns)], 1);
	atomic_fetch_add(&w->sum_ns, late_ns);
	if (late_ns > atomic_load(&w->max_ns))
		atomic_store(&w->max_ns, late_ns);
}

/* What was before the last full window is forgotten. Who reads meanwhile misses a part of that. */
static void turn_over(struct lateness *l, uint64_t now_ns)
{
	unsigned int next = !atomic_load(&l->now);
	struct lateness_window *w = &l->lately[next];

	for (unsigned int i = 0; i < LATENESS_BUCKETS; i++)
		atomic_store(&w->n[i], 0);
	atomic_store(&w->max_ns, 0);
	atomic_store(&w->sum_ns, 0);
	atomic_store(&l->now, next);
	l->began_ns = now_ns;
	l->n = 0;
}

void lateness__note(struct lateness *l, uint64_t late_ns, uint64_t now_ns)
{
	if (!l->began_ns)
		l->began_ns = now_ns;
	if (l->n >= LATENESS_ENOUGH && now_ns - l->began_ns >= LATENESS_WINDOW_NS)
		turn_over(l, now_ns);
	l->n++;
	add(&l->all, late_ns);
	add(&l->lately[atomic_load(&l->now)], late_ns);
}

static void read_into(const struct lateness_window *w, struct lateness_counts *out)
{
	uint64_t max_ns = atomic_load(&w->max_ns);

	for (unsigned int i = 0; i < LATENESS_BUCKETS; i++) {
		uint64_t n = atomic_load(&w->n[i]);

		out->n[i] += n;
		out->total += n;
	}
	out->max_ns = max_ns > out->max_ns ? max_ns : out->max_ns;
	out->sum_ns += atomic_load(&w->sum_ns);
}

void lateness__all(const struct lateness *l, struct lateness_counts *out)
{
	*out = (struct lateness_counts){.total = 0};
	read_into(&l->all, out);
}

void lateness__lately(const struct lateness *l, struct lateness_counts *out)
{
	*out = (struct lateness_counts){.total = 0};
	read_into(&l->lately[0], out);
	read_into(&l->lately[1], out);
}

uint64_t lateness_counts__quantile(const struct lateness_counts *c, unsigned int per_10000)
{
	uint64_t want = (c->total * per_10000 + 9999) / 10000, sum = 0;

	if (c->total < LATENESS_ENOUGH)
		return 0;
	for (unsigned int i = 0; i < LATENESS_BUCKETS - 1; i++) {
		sum += c->n[i];
		if (sum >= want)
			return 1000ULL << i < c->max_ns ? 1000ULL << i : c->max_ns;
	}
	return c->max_ns;
}
