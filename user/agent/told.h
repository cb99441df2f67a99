/* SPDX-License-Identifier: GPL-2.0-or-later */
/* told.h - which backends of a service are told of. */
#ifndef FAIRLEAD_AGENT_TOLD_H
#define FAIRLEAD_AGENT_TOLD_H

#include <stddef.h>

struct member;
struct service;

/*
 * The backends of a service in the order in which answers have them: those of the file, then those that have left
 * it. A leftover of one that goes on under the same id by another entry is no backend of its own. *n of them, for
 * free(); NULL: out of memory.
 */
const struct member **told__members(const struct service *s, size_t *n);

#endif
