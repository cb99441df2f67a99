/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - what the program counts and tells of, as JSON calls it. */
#ifndef FAIRLEAD_AGENT_NAMES_H
#define FAIRLEAD_AGENT_NAMES_H

#include <jansson.h>
#include <stdint.h>

#include "config/config.h"

#define NAMES_LEN 48 /* bytes that any of them needs at most */

/* Each writes to buf (NAMES_LEN bytes) and returns it. */
const char *names__verdict(uint32_t verdict, char *buf); /* "drop_denied"; "" if there is none */
const char *names__action(uint32_t verdict, char *buf); /* "drop"; of one that there is */
const char *names__note(uint32_t note, char *buf); /* "tentative"; "" if there is none */
const char *names__ports(const struct config_service *c,
			 char *buf); /* "80", "8000-8999" or "any" */
const char *names__protocol(uint8_t proto, char *buf); /* "tcp", or the number */

/* What they mean, by reasons.def; "" if there is none. */
const char *names__verdict_text(uint32_t verdict);
const char *names__note_text(uint32_t note);

/* CLOCK_REALTIME ns as "2026-01-31T12:00:00.123Z" (RFC 3339); the text to buf, as above. */
const char *names__time_text(uint64_t realtime_ns, char *buf);
json_t *names__time(uint64_t realtime_ns);

#endif
