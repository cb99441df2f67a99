/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rates_json.h - what changes from second to second, in few words: GET /v1/rates of docs/api.md. */
#ifndef FAIRLEAD_AGENT_RATES_JSON_H
#define FAIRLEAD_AGENT_RATES_JSON_H

#include "core/jtext.h"

struct agent;

#define RATES_KEY_LEN 17 /* of `layout` and `known`, with its NUL */

/*
 * Rates of all services and backends, as of the last tick. The lists that say whose they are come along unless
 * `layout` (may be "") is what an earlier answer had as "layout" and they are the same still; the states of
 * backends likewise, by `known` and "known".
 */
void rates__write(const struct agent *a, const char *layout, const char *known, struct jtext *out);

#endif
