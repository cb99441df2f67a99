/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - 1.8 M connections in 40 minutes, and three ways to steer them.
 *
 * A trace is the same for all: when a connection begins, speaks and ends, which answers are lost or
 * late, who drains or flaps when. 80 % are short (5 s on average), 19.5 % last for two minutes and
 * speak every two seconds, 0.5 % last for 20 minutes and speak every 60 s. Every backend lives, so each
 * connection that changes its backend is an avoidable break, unless two servers answered its SYN: nobody
 * who sees the client's packets only can know whose answer came first. That is counted apart.
 */
#ifndef FAIRLEAD_TESTS_BENCH_TRACE_H
#define FAIRLEAD_TESTS_BENCH_TRACE_H

#include "core/err.h"
#include "move/model.h"

#define TRACE_S 2400
#define TRACE_TICKS 50 /* in a second */

enum trace_scenario { TRACE_FLAPS, TRACE_DRAINS, TRACE_CHANGES, TRACE_ONE_DRAIN, TRACE_SCENARIOS };

enum trace_scheme {
	TRACE_FAIRLEAD, /* tests/move/model.h, the promise's rules and the agent's */
	TRACE_MAGLEV, /* a Maglev table of those that accept, no state */
	TRACE_PREVIOUS, /* each slot's last owner but one is asked too (Beamer, GLB): no state */
	TRACE_SCHEMES,
};

struct trace_result {
	uint32_t flows; /* that have begun */
	uint32_t broken[TRACE_SCHEMES];
	uint32_t twice
		[TRACE_SCHEMES]; /* broken, too, but their SYN had come twice and both were answered */
	uint64_t packets;
	uint32_t peak_records, flows_then; /* records at their peak, connections at that time */
};

int trace__run(enum trace_scenario scenario, uint64_t seed, struct trace_result *out,
	       struct err *err);

#endif
