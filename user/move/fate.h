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

struct fate {
	uint32_t now_s; /* as fl_flow.seen_s */
	uint32_t idle_s; /* of its service */
	uint32_t gone_s; /* its backend is gone: how long that may be so; 0: it is not */
	uint32_t gone_since_s; /* as now_s */
	bool crowded; /* `flows` is more than half full */
};

/* What is to be done with a record. */
enum fate_step {
	FATE_KEEP,
	FATE_MARK, /* ACTIVE and past its time: FL_SWEEP_MARK */
	FATE_DELETE, /* not seen since it was marked: FL_SWEEP_DELETE */
	FATE_DEAD, /* being deleted, unless that has failed */
};

enum fate_step fate__of(const struct fl_flow *f, const struct fate *given);

#endif
