/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/ballot.h"

#include <stdio.h>

void ballot__name(struct ballot *b, const char *endpoint)
{
	struct addr address;
	uint16_t port;

	b->ended++;
	if (!addr__parse_endpoint(endpoint, &address, &port) && port == b->port &&
	    addr__equal(&address, &b->address)) {
		b->for_it++;
		return;
	}
	b->against++;
	snprintf(b->other, sizeof(b->other), "%s", endpoint);
}

void ballot__fail(struct ballot *b, const char *why)
{
	b->ended++;
	snprintf(b->silent, sizeof(b->silent), "%s", why);
}

bool ballot__decided(const struct ballot *b)
{
	return b->ended == b->voters || b->for_it * 2 > b->voters || b->against * 2 >= b->voters;
}

enum probe_outcome ballot__judge(const struct ballot *b, char *detail, size_t size)
{
	const char *plural = b->voters == 1 ? "" : "s";

	if (b->for_it > b->against) {
		snprintf(detail, size, "master; %u of %u sentinel%s agree%s", b->for_it, b->voters,
			 plural, b->for_it == 1 ? "s" : "");
		return PROBE_OK;
	}
	if (b->against) {
		snprintf(detail, size, "calls itself master, but %u of %u sentinel%s name%s %s",
			 b->against, b->voters, plural, b->against == 1 ? "s" : "", b->other);
		return PROBE_FAILED;
	}
	snprintf(detail, size, "master by its own word; none of %u sentinel%s answers: %s",
		 b->voters, plural, b->silent[0] ? b->silent : "nothing in time");
	return PROBE_OK;
}
