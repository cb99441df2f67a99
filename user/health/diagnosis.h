/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diagnosis.h - what is wrong with the way to a backend: a pure function of what probes have found.
 *
 * The probe by the clients' path gives the verdict. Where it fails, one straight to the backend, and
 * echoes by the path, tell whether the service is down or the way to it is broken, and where.
 */
#ifndef FAIRLEAD_HEALTH_DIAGNOSIS_H
#define FAIRLEAD_HEALTH_DIAGNOSIS_H

#include <stddef.h>
#include <stdint.h>

#include "health/health.h"

enum finding { FINDING_UNKNOWN, FINDING_YES, FINDING_NO };

struct path_facts {
	enum fl_forward mode;
	enum health_result path; /* of the probe by the clients' path */
	enum finding direct; /* the same probe, straight to the backend, succeeds */
	enum finding echo; /* an echo to the VIP by the path is answered */
	enum finding full; /* one of full_size bytes, too */
	enum finding own; /* one to the backend's own address, through the tunnel */
	uint32_t full_size; /* the largest IP packet of a client that is said to fit, bytes */
};

enum diagnosis {
	DIAGNOSIS_NONE, /* nothing is wrong, or not enough is known */
	DIAGNOSIS_BACKEND, /* the direct probe fails, too */
	DIAGNOSIS_REFUSED, /* at its own address it serves, at the VIP it refuses */
	DIAGNOSIS_NO_VIP, /* the backend does not take packets for the VIP */
	DIAGNOSIS_NO_DECAP, /* nothing comes out of the tunnel */
	DIAGNOSIS_NO_ANSWER, /* NAT: what the balancer forwards is not answered */
	DIAGNOSIS_FILTERED, /* the host takes packets for the VIP, the service gets none */
	DIAGNOSIS_MTU_HOLE, /* small packets arrive, full-size ones do not */
	DIAGNOSES,
};

#define DIAGNOSIS_LEN 256 /* bytes of a sentence, the closing NUL included */

/* What the facts say; its sentence goes to text (DIAGNOSIS_LEN bytes), "" for none. */
enum diagnosis diagnosis__of(const struct path_facts *f, char *text);

/* "mtu_hole", a constant; "none" for DIAGNOSIS_NONE. */
const char *diagnosis__name(enum diagnosis d);

#endif
