/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_sentinel.c - a sentinel of Redis says who it believes is the master: that address and port, as
 * in the file, is the detail of a success.
 *
 * A sentinel has a password of its own, or none, and refuses one where it has none: so it is told the
 * probe's when it asks for one.
 */
#include <string.h>

#include "probe/resp.h"
#include "probe/talks.h"

enum step {
	ASKED,
	AUTH,
	AGAIN, /* asked once more, with the password */
	HOST,
	PORT,
};

struct state {
	char host[TALK_SCRATCH];
};

_Static_assert(sizeof(struct state) <= TALK_SCRATCH, "the state fits");

static void ask(struct talk *t)
{
	const char *const words[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", t->args->master_name,
				     NULL};

	resp__command(t, words);
}

static enum talk_next begin(struct talk *t)
{
	ask(t);
	return TALK_MORE;
}

static enum talk_next on_list(struct talk *t, const struct resp *r)
{
	if (r->kind == RESP_ERROR && r->len >= 7 && memcmp(r->data, "NOAUTH ", 7) == 0 &&
	    t->step == ASKED && t->password) {
		t->step = AUTH;
		resp__auth(t);
		ask(t);
		return TALK_MORE;
	}
	if (r->kind == RESP_NULL)
		return talk__fail(t, "knows no master \"%.60s\"", t->args->master_name);
	if (r->kind != RESP_LIST || r->number != 2)
		return resp__refuse(t, r, "SENTINEL");
	t->step = HOST;
	return TALK_AGAIN;
}

static enum talk_next on_auth(struct talk *t, const struct resp *r)
{
	if (r->kind != RESP_TEXT)
		return resp__refuse(t, r, "AUTH");
	t->step = AGAIN;
	return TALK_AGAIN;
}

static enum talk_next on_port(struct talk *t, const struct resp *r)
{
	const char *host = ((struct state *)&t->scratch)->host;
	bool bracketed = strchr(host, ':');
	char port[6];

	talk__text(port, sizeof(port), r->data, r->len);
	return talk__ok(t, "%s%s%s:%s", bracketed ? "[" : "", host, bracketed ? "]" : "", port);
}

static enum talk_next input(struct talk *t)
{
	struct resp r = resp__next(t);

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	switch ((enum step)t->step) {
	case ASKED:
	case AGAIN:
		return on_list(t, &r);
	case AUTH:
		return on_auth(t, &r);
	default:
		if (r.kind != RESP_TEXT)
			return resp__refuse(t, &r, "SENTINEL");
	}
	if (t->step == PORT)
		return on_port(t, &r);
	talk__text(((struct state *)&t->scratch)->host, sizeof(struct state), r.data, r.len);
	t->step = PORT;
	return TALK_AGAIN;
}

const struct talk_kind talk_sentinel = {.begin = begin, .input = input};
