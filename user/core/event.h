/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.h - what the journal keeps and alerts are made of: one thing that happened, and when. */
#ifndef FAIRLEAD_CORE_EVENT_H
#define FAIRLEAD_CORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* Their numbers are in files: append, do not renumber. */
enum journal_kind {
	JOURNAL_AGENT, /* it began, it ended */
	JOURNAL_BACKEND, /* a backend of a service changed its state */
	JOURNAL_SERVICE, /* a service serves, or does not */
	JOURNAL_PANIC, /* of a service: begun, over */
	JOURNAL_VRRP,
	JOURNAL_BFD,
	JOURNAL_ANYCAST,
	JOURNAL_PEER,
	JOURNAL_CONFIG, /* applied, refused, rolled back, confirmed */
	JOURNAL_OPERATOR, /* what an operator said */
	JOURNAL_GAP, /* events were lost: from `at` on, until states are told anew */
	JOURNAL_STATE, /* no change: a state as it was found when the agent began, or after a gap */
	JOURNAL_ALERT, /* a destination of alerts: fails, delivers, and what it did not get */
	JOURNAL_KINDS
};

#define JOURNAL_ALL_KINDS ((1u << JOURNAL_KINDS) - 1)
/* What people want to see: changes. */
#define JOURNAL_CHANGES (JOURNAL_ALL_KINDS & ~(1u << JOURNAL_STATE))

#define JOURNAL_NAME_LEN 64 /* with the closing NUL, as all of these */
#define JOURNAL_STATE_LEN 24
#define JOURNAL_DETAIL_LEN 400
#define JOURNAL_NOBODY UINT32_MAX /* no user: the agent itself */

/* Texts that do not apply are "". Valid UTF-8 comes out; what is not is replaced when it is written. */
struct journal_event {
	enum journal_kind kind;
	int64_t at_ms; /* CLOCK_REALTIME */
	int64_t mono_ms; /* CLOCK_BOOTTIME */
	uint32_t uid; /* whose word it was, or JOURNAL_NOBODY */
	char service[JOURNAL_NAME_LEN], backend[JOURNAL_NAME_LEN];
	char subject[JOURNAL_NAME_LEN]; /* of other kinds: group, session, VIP, peer, verb */
	char from[JOURNAL_STATE_LEN], to[JOURNAL_STATE_LEN];
	char detail[JOURNAL_DETAIL_LEN]; /* why, for people */
};

/* "backend", "vrrp"; NULL: there is no such kind. */
const char *journal_kind__name(unsigned int kind);
/* The kind of that name, or -EINVAL. */
int journal_kind__parse(const char *name, size_t len);

/* Copies as much as fits, up to whole UTF-8 characters; what is no UTF-8 becomes '?'. */
void journal__copy(char *to, size_t size, const char *from);

#endif
