/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limits.h - configured limits as the program's meters keep them, and as JSON. */
#ifndef FAIRLEAD_AGENT_LIMITS_H
#define FAIRLEAD_AGENT_LIMITS_H

#include <jansson.h>

#include "config/config.h"

/* The meters' gaps and bursts (abi.h) of configured limits. */
struct fl_limits limits__of(const struct config_limits *c);

/* What `status` shows of them; 0: no limit. */
json_t *limits__json(const struct config_limits *c);

#endif
