/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * udp.c - a datagram is sent, and one comes back that holds what it must.
 *
 * Many protocols over UDP do not answer what they do not understand. Without `expect`, a server is
 * therefore well unless its host says by ICMP that nobody listens: an answer ends the try at once, and
 * silence is a success when the time is over.
 */
#include <string.h>

#include "probe/internal.h"
#include "probe/talks.h"

static enum talk_next begin(struct talk *t)
{
	const struct config_bytes *send = &t->args->send;

	if (send->len && talk__send(t, send->data, send->len))
		return talk__fail(t, "what is to be sent is too long");
	return TALK_MORE;
}

static enum talk_next input(struct talk *t)
{
	const struct config_bytes *expect = &t->args->expect;
	char text[64];

	if (!expect->data || memmem(t->in, t->len, expect->data, expect->len))
		return talk__ok(t, "answers with %zu bytes", t->len);
	talk__text(text, sizeof(text), t->in, t->len);
	return talk__fail(t, "the answer, \"%s\" (%zu bytes), does not hold what is expected", text,
			  t->len);
}

static enum talk_next silence(struct talk *t)
{
	if (t->args->expect.data)
		return TALK_MORE;
	return talk__ok(t, "no ICMP error within %u ms", t->args->timeout_ms);
}

const struct talk_kind talk_udp = {.begin = begin, .input = input, .silence = silence};

const struct probe_kind probe_udp = {
	.start = datagram__start,
	.abort = datagram__abort,
	.late = datagram__late,
	.talk = &talk_udp,
};
