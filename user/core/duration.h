/* SPDX-License-Identifier: GPL-2.0-or-later */
/* duration.h - durations as people write them: "500ms", "2s", "15m", "1h". */
#ifndef FAIRLEAD_CORE_DURATION_H
#define FAIRLEAD_CORE_DURATION_H

#include <stdint.h>

/*
 * Reads a whole number and its unit into milliseconds; what does not fit becomes UINT64_MAX. -EINVAL:
 * it is none; -EDOM: a number without a unit.
 */
int duration__parse(const char *text, uint64_t *ms);

#endif
