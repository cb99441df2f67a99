/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admission.h - source lists, limits and sampling rates of a configuration, through an apply.
 *
 * stage() before new services are published, so that the first packet meets them; then commit() or
 * undo(). What only differs in numbers is a write to a map; what a program without the gate lacks
 * needs another one in its place (admission__options() says which).
 */
#ifndef FAIRLEAD_AGENT_ADMISSION_H
#define FAIRLEAD_AGENT_ADMISSION_H

#include "agent/sources.h"

struct admission;

/* commit__options(), and what commands have asked for since: source prefixes, sampling rates. */
struct plane_options admission__options(const struct agent *a, const struct config *c);

/*
 * plane__configure(), during which the agent keeps its lease: another program takes tenths of a second to be loaded,
 * seconds on a busy machine.
 */
int admission__load(const struct agent *a, const struct plane_options *o, struct err *err);

/* Brings the program in line with what commands have changed. */
int admission__reconfigure(struct agent *a, struct err *err);

int admission__stage(struct agent *a, const struct config *next, const struct admitted *services,
		     size_t n, struct admission **out, struct err *err);
void admission__commit(struct agent *a, struct admission *s);
/* NULL is fine. */
void admission__undo(struct agent *a, struct admission *s);

#endif
