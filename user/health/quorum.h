/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quorum.h - from what the probes of several balancers say of a backend to what holds on all of them. Pure.
 *
 * Each balancer has one vote, UP, SUSPECT or DOWN: what its own probes say, never what was ruled, so no
 * news goes round. One that has no verdict yet has no vote, nor has a peer that is not heard or has
 * another configuration of the service: nobody is waited for.
 *
 *   local      the vote of this balancer
 *   any        the best of the votes: it is up if any balancer reaches it
 *   majority   the median: DOWN if more than half say so, UP if at least half do, else SUSPECT
 *
 * The last two do not ask whose a vote is, so balancers that hear the same votes rule the same; that is what
 * makes their tables equal. So a tie cannot go to the balancer's own probes. It goes to UP: to take a backend
 * out is what does harm, and of two balancers one that has lost its network must not take all backends from
 * the other.
 */
#ifndef FAIRLEAD_HEALTH_QUORUM_H
#define FAIRLEAD_HEALTH_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "health/health.h"

/* What a peer says. */
struct quorum_vote {
	uint8_t says; /* enum fl_health; what that does not know is no vote */
	bool heard; /* it lives, and all that it has told has arrived */
	bool same; /* its configuration of the service is the same */
};

enum quorum_why {
	QUORUM_OWN, /* local */
	QUORUM_ALONE, /* no peer has a vote */
	QUORUM_AGREED, /* all votes are equal */
	QUORUM_ANY, /* any: the best vote */
	QUORUM_MOST, /* majority: more than half of the votes are no worse */
	QUORUM_TIE, /* majority: half of them are */
};

struct quorum_ruling {
	enum fl_health state;
	enum quorum_why why;
	uint32_t up, suspect, down; /* votes, this balancer's own among them */
	uint32_t mute; /* peers without a vote */
	bool disputed; /* there are votes for UP and for DOWN */
};

/* Without any vote (`local`: in any case) it is as `h` says, which the configuration may have begun it with. */
struct quorum_ruling quorum__rule(enum config_quorum quorum, const struct health *h,
				  const struct quorum_vote *peers, size_t n);

#define QUORUM_TEXT_LEN 80

/* The votes for people, to `buf` (QUORUM_TEXT_LEN bytes): "2 up, 1 down". */
const char *quorum__votes(const struct quorum_ruling *r, char *buf);

/* "local", "alone", "agreed", "any", "majority", "tie". */
const char *quorum__why(enum quorum_why why);

#endif
