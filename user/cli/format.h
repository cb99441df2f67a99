/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.h - numbers as people read them. Pure; each writes to buf and returns it. */
#ifndef FAIRLEAD_CLI_FORMAT_H
#define FAIRLEAD_CLI_FORMAT_H

#include <stdint.h>
#include <time.h>

#define FORMAT_LEN 24 /* bytes that any of them needs at most */

/* A rate or a count with three figures and an SI letter: "0", "999", "1.23k", "45.6M". */
const char *format__si(double value, char *buf);

/* The two largest units: "45s", "3m12s", "4h5m", "2d3h"; negative is "0s" (clocks may differ). */
const char *format__duration(double seconds, char *buf);

/* A share 0..1 with one decimal: "33.3%". */
const char *format__percent(double share, char *buf);

/* Reads "2026-01-31T12:00:00Z", with or without a fraction (RFC 3339, UTC only). 0 or -EINVAL. */
int format__parse_time(const char *text, time_t *out);

#endif
