/* SPDX-License-Identifier: GPL-2.0-or-later */
/* since.h - "--since": a moment as people name it. Pure. */
#ifndef FAIRLEAD_CLI_SINCE_H
#define FAIRLEAD_CLI_SINCE_H

#include <stdint.h>

/*
 * Reads "90s", "15m", "36h", "7d" (before now_ms), "2026-01-31", or "2026-01-31T12:00:00Z" (UTC) into
 * milliseconds of CLOCK_REALTIME. 0, or -EINVAL; a moment before 1970 is none.
 */
int since__parse(const char *text, int64_t now_ms, int64_t *out);

/* CLOCK_REALTIME, ms. */
int64_t since__now_ms(void);

#endif
