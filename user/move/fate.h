/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fate.h - when a record of `flows` is past its time (docs/transitions.md). Pure. */
#ifndef FAIRLEAD_MOVE_FATE_H
#define FAIRLEAD_MOVE_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"

/* Seconds without a packet after which a record goes, beside the service's idle. */
#define FATE_FIN_S 60 /* the client has sent FIN: the other half may still be talking */
#define FATE_RST_S 10
#define FATE_CROWDED_S 5 /* YOUNG, while `flows` is more than half full */

/* What has become of a backend. */
struct fate_loss {
	uint32_t since_s; /* as fl_flow.seen_s: it is gone since then */
	uint16_t hold_s; /* how long its connections are kept for it; 0: it is not gone */
	bool given_up; /* and no longer, though they speak */
};

struct fate {
	uint32_t now_s; /* as fl_flow.seen_s */
	uint32_t idle_s; /* of its service */
	struct fate_loss loss; /* of its backend */
	bool udp; /* whoever sends is not told that nobody is there */
	bool crowded; /* `flows` is more than half full */
};

/* What is to be done with a record. */
enum fate_step {
	FATE_KEEP,
	FATE_MARK, /* ACTIVE and past its time: FL_SWEEP_MARK */
	FATE_DELETE, /* not seen since it was marked: FL_SWEEP_DELETE */
	FATE_END, /* whatever is seen of it: FL_SWEEP_END */
	FATE_DEAD, /* being deleted, unless that has failed */
};

enum fate_step fate__of(const struct fl_flow *f, const struct fate *given);

/*
 * Has a flow lost its backend for good? It has had hold_s since, and, where somebody would notice that
 * nobody answers, was not seen for as long (`silent_s`): a probe may have been wrong.
 */
bool fate__is_lost(const struct fate_loss *l, uint32_t now_s, uint32_t silent_s, bool udp);

/* Seconds from `at_s` to `now_s`, 0 if that is ahead: a program may have read its clock later. */
uint32_t fate__passed(uint32_t now_s, uint32_t at_s);

#endif
