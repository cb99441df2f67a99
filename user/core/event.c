/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/event.h"

#include <errno.h>
#include <string.h>

#include "core/utf8.h"

static const char *const names[JOURNAL_KINDS] = {
	[JOURNAL_AGENT] = "agent",     [JOURNAL_BACKEND] = "backend",
	[JOURNAL_SERVICE] = "service", [JOURNAL_PANIC] = "panic",
	[JOURNAL_VRRP] = "vrrp",       [JOURNAL_BFD] = "bfd",
	[JOURNAL_ANYCAST] = "anycast", [JOURNAL_PEER] = "peer",
	[JOURNAL_CONFIG] = "config",   [JOURNAL_OPERATOR] = "operator",
	[JOURNAL_GAP] = "gap",	       [JOURNAL_STATE] = "state",
	[JOURNAL_ALERT] = "alert",
};

const char *journal_kind__name(unsigned int kind)
{
	return kind < JOURNAL_KINDS ? names[kind] : NULL;
}

int journal_kind__parse(const char *name, size_t len)
{
	for (int k = 0; k < JOURNAL_KINDS; k++) {
		if (strlen(names[k]) == len && memcmp(names[k], name, len) == 0)
			return k;
	}
	return -EINVAL;
}

void journal__copy(char *to, size_t size, const char *from)
{
	const char *p = from;
	size_t at = 0;

	while (*p) {
		size_t n = utf8__len(p), step = n ? n : 1;

		if (at + step >= size)
			break;
		if (n)
			memcpy(to + at, p, n);
		else
			to[at] = '?';
		at += step;
		p += step;
	}
	to[at] = '\0';
}
