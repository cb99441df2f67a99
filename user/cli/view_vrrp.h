/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_vrrp.h - VRRP groups of the agent's status (docs/api.md) as people read them. */
#ifndef FAIRLEAD_CLI_VIEW_VRRP_H
#define FAIRLEAD_CLI_VIEW_VRRP_H

#include <jansson.h>
#include <stdio.h>

#include "cli/view.h"

/* A line for each group, and an empty one if there are any. */
void view_vrrp__print(const json_t *status, const struct view *view, FILE *out);

/* A line for all that is wrong with groups that take part. */
void view_vrrp__warn(const json_t *status, FILE *out);

#endif
