/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h - what must be true of every packet, whatever it is.
 *
 * No model of the data path: rules that hold for any input. A frame that is passed is as it came, one
 * that is sent is well-formed, its checksums are right if they were, and what a step has no business
 * with is the same; one verdict is counted, and only counters that belong to it.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_JUDGE_H
#define FAIRLEAD_TESTS_NATIVE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

struct judged {
	const uint8_t *in, *out;
	uint32_t in_len, out_len;
	uint32_t ingress;
	uint32_t redirect_to; /* ifindex, 0: none was found */
	int action; /* enum xdp_action */
	bool nat_off; /* the scene's NAT services contradict the gate: DROP_BUG says so */
};

/* At an input's start: counters are zero again. */
void judge__begin(void);

/* After each packet of lb. */
void judge__lb(const struct judged *j);

/* After an input with the gate `passive`: each SYN that was noted has one end, or waits. */
void judge__passive(void);
/* One of its counters that no input has moved; NULL: none. */
const char *judge__missed_passive(void);

/* The name of a verdict that no packet has had yet, but for DROP_BUG; NULL: all were seen. */
const char *judge__missed(void);

/* After each packet of decap. */
void judge__decap(const struct judged *j);

/* Both frames and the action, on stderr. */
void judge__show(const struct judged *j);

/* Who runs an input defines it: it says what was wrong and ends the input. */
_Noreturn void judge__wrong(const struct judged *j, const char *rule);

static inline void judge_that(const struct judged *j, bool holds, const char *rule)
{
	if (!holds)
		judge__wrong(j, rule);
}

#endif
