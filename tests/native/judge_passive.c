/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "map.h"
#include "scene.h"

static struct fl_passive all; /* of all inputs */

static void add(struct fl_passive *to, const struct fl_passive *c)
{
	to->opened += c->opened;
	to->sampled += c->sampled;
	to->completed += c->completed;
	to->incomplete += c->incomplete;
	to->reset += c->reset;
	to->repeated += c->repeated;
}

static uint32_t waiting(void)
{
	struct map *cells = map__named("passive");
	uint32_t n = 0;

	for (uint32_t i = 0; i < FL_PASSIVE_CELLS; i++) {
		__u64 word = *(const __u64 *)map__value(cells, i);

		n += word && !(word & FL_PASSIVE_LATE);
	}
	return n;
}

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "passive: %s\n", what);
	abort();
}

void judge__passive(void)
{
	struct map *counts = map__named("passive_count");
	struct fl_passive sum = {0}, services = {0};

	for (uint32_t i = 0; i < SCENE_BACKENDS; i++)
		add(&sum, map__value(counts, i));
	for (uint32_t i = 0; i < SCENE_SERVICES; i++)
		add(&services, map__value(counts, FL_PASSIVE_SERVICES + i));
	demand(sum.sampled == sum.completed + sum.incomplete + sum.reset + waiting(),
	       "a SYN that was noted has two ends, or none");
	demand(sum.opened >= sum.sampled, "more SYNs were noted than came");
	demand(sum.opened == services.opened && !services.sampled,
	       "services and backends have not opened the same connections");
	add(&all, &sum);
}

const char *judge__missed_passive(void)
{
	return !all.completed	 ? "passive_count.completed"
	       : !all.incomplete ? "passive_count.incomplete"
	       : !all.reset	 ? "passive_count.reset"
	       : !all.repeated	 ? "passive_count.repeated"
				 : NULL;
}
