/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_memcached.c - memcached says its version in its text protocol (memcached's doc/protocol.txt,
 * "version"), which needs its worker threads and no key.
 */
#include <string.h>

#include "probe/talks.h"

static enum talk_next begin(struct talk *t)
{
	talk__printf(t, "version\r\n");
	return TALK_MORE;
}

static enum talk_next input(struct talk *t)
{
	char line[64];

	if (!talk__line(t, line, sizeof(line)))
		return TALK_MORE;
	if (strncmp(line, "VERSION ", 8) == 0)
		return talk__ok(t, "memcached %.40s", line + 8);
	return talk__fail(t, "answers \"%.60s\" instead of its version", line);
}

const struct talk_kind talk_memcached = {.begin = begin, .input = input};
