/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_diff.h - the answer of POST /v1/config/diff for people. */
#ifndef FAIRLEAD_CLI_VIEW_DIFF_H
#define FAIRLEAD_CLI_VIEW_DIFF_H

#include <jansson.h>
#include <stdbool.h>

/* now: it was asked for an apply that gives up the connections of backends that go. */
void view_diff__print(const json_t *answer, bool now);

#endif
