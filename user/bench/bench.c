/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/bench.h"

#include "bench/cases.h"
#include "bench/live.h"

static const struct part {
	const char *name;
	int (*run)(struct bench *b, struct err *err);
	bool modest; /* no device, little memory, few grace periods */
} parts[] = {
	{"path and steps", path__run, true},
	{"curves", curves__run, false},
	{"memory", memory__run, false},
	{"live path", live__run, false},
};

int bench__run(const struct bench_order *order, struct result *result, struct err *err)
{
	struct bench b = {.kept = -1,
			  .rounds = order->rounds,
			  .slice = order->slice,
			  .result = result,
			  .told = order->told,
			  .ctx = order->ctx};
	int rc = host__enter(&order->manners, err);

	if (!rc)
		rc = bench__open(&b, err);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !rc; i++) {
		if (!order->all && !parts[i].modest)
			continue;
		bench__tell(&b, parts[i].name, 0);
		rc = parts[i].run(&b, err);
	}
	bench__close(&b);
	host__leave();
	return rc;
}
