/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/event.h"

#include <errno.h>
#include <string.h>

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

/* Bytes of the UTF-8 character at `p` (RFC 3629); 0: there is none. */
static size_t utf8(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, beyond the last one. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void journal__copy(char *to, size_t size, const char *from)
{
	const unsigned char *p = (const unsigned char *)from;
	size_t at = 0;

	while (*p) {
		size_t n = utf8(p), step = n ? n : 1;

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
