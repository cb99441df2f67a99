/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_journal.h - what `fairlead status` says of the journal. */
#ifndef FAIRLEAD_CLI_VIEW_JOURNAL_H
#define FAIRLEAD_CLI_VIEW_JOURNAL_H

#include <jansson.h>
#include <stdio.h>

/* That it is not written, and why. */
void view_journal__warn(const json_t *status, FILE *out);

#endif
