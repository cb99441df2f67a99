/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_redis.c - a server of Redis lives, and says whether it is the master.
 *
 * PING is refused by one that loads its data, that has lost its master and may not serve old data, or
 * that can't write to its disk; ROLE is answered then, too. INFO is asked only for the time that a
 * replica has not heard of its master.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/resp.h"
#include "probe/talks.h"

/* Which answer, or which part of one, comes next. */
enum step {
	AUTH,
	PING,
	ROLE,
	NAME,
	MASTER_HOST,
	MASTER_PORT,
	LINK,
	INFO,
};

static enum talk_next begin(struct talk *t)
{
	static const char *const ping[] = {"PING", NULL}, *const role[] = {"ROLE", NULL};

	t->step = PING;
	if (t->password || t->args->user) {
		resp__auth(t);
		t->step = AUTH;
	}
	resp__command(t, ping);
	resp__command(t, role);
	return TALK_MORE;
}

static bool says(const struct resp *r, const char *text)
{
	return r->kind == RESP_TEXT && r->len == strlen(text) && memcmp(r->data, text, r->len) == 0;
}

/* The next answer must be that word. */
static enum talk_next on_word(struct talk *t, const char *asked, const char *word)
{
	struct resp r = resp__next(t);

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	if (!says(&r, word))
		return resp__refuse(t, &r, asked);
	t->step++;
	return TALK_AGAIN;
}

static enum talk_next on_role(struct talk *t)
{
	struct resp r = resp__next(t);

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	if (r.kind != RESP_LIST)
		return resp__refuse(t, &r, "ROLE");
	t->step = NAME;
	return TALK_AGAIN;
}

static enum talk_next on_name(struct talk *t)
{
	struct resp r = resp__next(t);

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	if (says(&r, "master"))
		return talk__role(t, CONFIG_ROLE_MASTER, "");
	if (says(&r, "sentinel"))
		return talk__fail(t, "is a sentinel, and has no data");
	if (!says(&r, "slave"))
		return resp__refuse(t, &r, "ROLE");
	t->step = MASTER_HOST;
	return TALK_AGAIN;
}

/* A replica's master, which matters to nobody here. */
static enum talk_next on_master(struct talk *t)
{
	struct resp r = resp__next(t);

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	if (r.kind != (t->step == MASTER_HOST ? RESP_TEXT : RESP_NUMBER))
		return resp__refuse(t, &r, "ROLE");
	t->step++;
	return TALK_AGAIN;
}

static enum talk_next on_link(struct talk *t)
{
	static const char *const info[] = {"INFO", "replication", NULL};
	struct resp r = resp__next(t);

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	if (r.kind != RESP_TEXT)
		return resp__refuse(t, &r, "ROLE");
	if (t->args->role == CONFIG_ROLE_MASTER || (says(&r, "connected") && !t->args->max_lag_ms))
		return talk__role(t, CONFIG_ROLE_REPLICA, "");
	if (says(&r, "sync"))
		return talk__fail(t, "is a replica that still copies the data of its master");
	/* What is left of the answer to ROLE, the offset, comes before that to INFO. */
	t->step = INFO;
	resp__command(t, info);
	return TALK_MORE;
}

/* The value of "\nname:" in what INFO says, or NULL; the text ends behind it. */
static const char *field(const char *info, const char *name)
{
	const char *at = info;
	size_t len = strlen(name);

	while ((at = strstr(at, name))) {
		if (at > info && at[-1] == '\n' && at[len] == ':')
			return at + len + 1;
		at += len;
	}
	return NULL;
}

static enum talk_next judge_lag(struct talk *t, const char *info)
{
	const char *link = field(info, "master_link_status");
	bool up = link && strncmp(link, "up", 2) == 0;
	const char *seconds =
		field(info, up ? "master_last_io_seconds_ago" : "master_link_down_since_seconds");
	long long lag = seconds ? strtoll(seconds, NULL, 10) : -1;
	char more[80];

	if (!link)
		return talk__fail(t, "says nothing of its link to the master in INFO");
	/* Without a link since it was started it knows no time, which is -1. */
	if (lag < 0)
		return talk__fail(t, "is a replica that has not reached its master yet");
	if (t->args->max_lag_ms && lag * 1000 > (long long)t->args->max_lag_ms)
		return talk__fail(t,
				  "is a replica that has heard nothing of its master for %lld s; "
				  "max_lag is %u ms",
				  lag, t->args->max_lag_ms);
	snprintf(more, sizeof(more), "%s %lld s ago",
		 up ? "heard of its master" : "lost its master", lag);
	return talk__role(t, CONFIG_ROLE_REPLICA, more);
}

static enum talk_next on_info(struct talk *t)
{
	struct resp r = resp__next(t);
	char info[RESP_BULK_MAX + 1];

	if (r.kind == RESP_MORE)
		return TALK_MORE;
	if (r.kind == RESP_NUMBER)
		return TALK_AGAIN;
	if (r.kind != RESP_TEXT)
		return resp__refuse(t, &r, "INFO");
	memcpy(info, r.data, r.len);
	info[r.len] = '\0';
	return judge_lag(t, info);
}

static enum talk_next input(struct talk *t)
{
	switch ((enum step)t->step) {
	case AUTH:
		return on_word(t, "AUTH", "OK");
	case PING:
		return on_word(t, "PING", "PONG");
	case ROLE:
		return on_role(t);
	case NAME:
		return on_name(t);
	case MASTER_HOST:
	case MASTER_PORT:
		return on_master(t);
	case LINK:
		return on_link(t);
	default:
		return on_info(t);
	}
}

const struct talk_kind talk_redis = {.begin = begin, .input = input};
