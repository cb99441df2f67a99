/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lateness.h - whether this machine is woken in time for what BFD and VRRP wait for: at least twice what 99.99 % of
 * the real-time thread's wake-ups were late by (vip/lateness.h).
 *
 * What is new, or shorter than before, is refused if that can't be kept; what runs is not, nor what comes back. It is
 * told of: once in the log, and in the status as long as it is so.
 */
#ifndef FAIRLEAD_AGENT_LATENESS_H
#define FAIRLEAD_AGENT_LATENESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "core/err.h"

struct agent;
struct apply_order;

/* -EINVAL with what can't be kept of `next`. */
int lateness__check(const struct agent *a, const struct config *next, struct err *err);

/* Whether it goes back to what ran before, by command, for want of a confirmation, or with all peers. */
bool lateness__is_return(const struct agent *a, const struct apply_order *order);

/* Once a second. */
void lateness__tick(struct agent *a);

/* A sentence for each group and session that runs and can't be kept. */
json_t *lateness__json(const struct agent *a);

#endif
