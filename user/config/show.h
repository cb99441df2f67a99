/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show.h - values of a configuration as one would write them; the other way round than value.h. */
#ifndef FAIRLEAD_CONFIG_SHOW_H
#define FAIRLEAD_CONFIG_SHOW_H

#include "config/option.h"

#define SHOW_LEN 320 /* bytes of a value as text, its NUL included: longer ones are cut off */
#define SHOW_HIDDEN "(not shown)" /* what may hold passwords: keys, headers, commands, payloads */

/* Writes the value that the object at `base` has to buf, "" if it has none; returns buf. */
const char *show__value(const struct option *o, const void *base, char buf[SHOW_LEN]);

/* Whether two objects have the same value, though it may be one that is not shown. */
bool show__same(const struct option *o, const void *a, const void *b);

#endif
