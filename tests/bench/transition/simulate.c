/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate.c - usage: simulate RESULTS.json [SEED]: runs the traces, writes rows (../result.h). */
#include <stdio.h>
#include <stdlib.h>

#include "bench/result.h"
#include "trace.h"

static const struct {
	const char *name;
	struct goal goal;
} scenarios[TRACE_SCENARIOS] = {
	[TRACE_FLAPS] = {"3-second flaps", {AT_MOST, 0}},
	[TRACE_DRAINS] = {"backends drained one after another", {AT_MOST, 2}},
	[TRACE_CHANGES] = {"a change every 5 s", {AT_MOST, 3}},
	[TRACE_ONE_DRAIN] = {"one drain", {NO_GOAL, 0}},
};

static const char *const schemes[TRACE_SCHEMES] = {
	[TRACE_FAIRLEAD] = "fairlead",
	[TRACE_MAGLEV] = "stateless Maglev",
	[TRACE_PREVIOUS] = "previous owner",
};

static void add(struct result *r, enum trace_scenario scenario, const struct trace_result *t)
{
	char name[128];

	for (int s = 0; s < TRACE_SCHEMES; s++) {
		struct goal goal =
			s == TRACE_FAIRLEAD ? scenarios[scenario].goal : (struct goal){NO_GOAL, 0};

		snprintf(name, sizeof(name), "trace: %s, %s", scenarios[scenario].name, schemes[s]);
		result__add_one(r, name, "breaks per 1M", t->broken[s] * 1e6 / t->flows, goal);
	}
	snprintf(name, sizeof(name), "trace: %s, fairlead, SYN answered twice",
		 scenarios[scenario].name);
	result__add_one(r, name, "breaks per 1M", t->twice[TRACE_FAIRLEAD] * 1e6 / t->flows,
			(struct goal){NO_GOAL, 0});
	snprintf(name, sizeof(name), "trace: %s, records at their peak", scenarios[scenario].name);
	result__add_one(r, name, "records", t->peak_records, (struct goal){NO_GOAL, 0});
	snprintf(name, sizeof(name), "trace: %s, records at their peak over connections",
		 scenarios[scenario].name);
	result__add_one(r, name, "%", 100.0 * t->peak_records / t->flows_then,
			scenario == TRACE_ONE_DRAIN ? (struct goal){AT_MOST, 15}
						    : (struct goal){NO_GOAL, 0});
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct result *r = result__new();
	struct err err = {{0}};
	int rc = argc < 2 || !r;

	for (int s = 0; s < TRACE_SCENARIOS && !rc; s++) {
		struct trace_result t;

		rc = trace__run((enum trace_scenario)s, seed, &t, &err);
		if (rc)
			break;
		fprintf(stderr, "trace: %s, seed %llu: %u connections, %llu packets\n",
			scenarios[s].name, (unsigned long long)seed, t.flows,
			(unsigned long long)t.packets);
		add(r, (enum trace_scenario)s, &t);
	}
	if (!rc)
		rc = result__write(r, argv[1], &err);
	if (rc)
		fprintf(stderr, "simulate: %s\n",
			err.text[0] ? err.text : "usage: simulate RESULTS.json [SEED]");
	result__free(r);
	return rc ? 1 : 0;
}
