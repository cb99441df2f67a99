/* SPDX-License-Identifier: GPL-2.0-or-later */
/* told.h - which backends of a service are told of, and objects as parts of a text. */
#ifndef FAIRLEAD_AGENT_TOLD_H
#define FAIRLEAD_AGENT_TOLD_H

#include <jansson.h>
#include <stddef.h>

#include "core/jtext.h"

struct member;
struct service;

/*
 * The backends of a service in the order in which answers have them: those of the file, then those that have left
 * it. A leftover of one that goes on under the same id by another entry is no backend of its own. *n of them, for
 * free(); NULL: out of memory.
 */
const struct member **told__members(const struct service *s, size_t *n);

/* Appends an object's text, but for its closing brace, and lets go of it; NULL: out of memory. */
void told__open(struct jtext *out, json_t *object);
/* The same but for its opening one. */
void told__rest(struct jtext *out, json_t *object);

#endif
