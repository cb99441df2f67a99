/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suspicion.h - what to look at where clients see no answer of a backend whose probes are well. Pure.
 *
 * A passive alarm that stands beside a probe that succeeds says that clients' packets do not get what probes get. What
 * that can be depends on how the backend is reached; the sentence names it, and the commands that tell.
 */
#ifndef FAIRLEAD_HEALTH_SUSPICION_H
#define FAIRLEAD_HEALTH_SUSPICION_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"

#define SUSPICION_LEN 640 /* bytes of a sentence, the closing NUL included */

struct suspicion {
	enum fl_forward mode;
	const char *vip; /* as text */
	uint16_t gue_port; /* host order; of GUE only */
	bool by_path; /* the probes go by the clients' path */
};

/* The sentence to text (SUSPICION_LEN bytes); returns it. */
const char *suspicion__text(const struct suspicion *s, char *text);

#endif
