/* SPDX-License-Identifier: GPL-2.0-or-later */
/* talk_tls.c - the handshake of TLS is the answer (RFC 8446). */
#include "probe/talks.h"

static enum talk_next begin(struct talk *t)
{
	return talk__ok(t, "%s", t->tls);
}

const struct talk_kind talk_tls = {.begin = begin};
