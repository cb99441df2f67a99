/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_zookeeper.c - a server of ZooKeeper says that it serves, and its mode.
 *
 * From the administrator's guide, "The Four Letter Words". srvr tells more than ruok, which a server
 * without a quorum answers with imok; and it can't be forbidden: zkServer.sh needs it, so the server
 * adds it to its 4lw.commands.whitelist, where ruok is not by default.
 */
#include <string.h>

#include "probe/talks.h"

#define MODE "Mode: "

/* Which line comes next. */
enum step {
	VERSION,
	ANY,
};

static enum talk_next begin(struct talk *t)
{
	talk__send(t, "srvr", 4);
	return TALK_MORE;
}

static enum talk_next on_version(struct talk *t, const char *line)
{
	if (strstr(line, "not currently serving requests"))
		return talk__fail(t, "does not serve requests: it has no quorum");
	if (strncmp(line, "Zookeeper version: ", 19) != 0)
		return talk__fail(t, "answers srvr with \"%.60s\"", line);
	t->step = ANY;
	return TALK_AGAIN;
}

static enum talk_next on_mode(struct talk *t, const char *mode)
{
	static const enum config_role roles[] = {CONFIG_ROLE_LEADER, CONFIG_ROLE_FOLLOWER,
						 CONFIG_ROLE_STANDALONE};

	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (strcmp(mode, config_role__name(roles[i])) == 0)
			return talk__role(t, roles[i], "");
	if (strcmp(mode, "read-only") == 0)
		return talk__fail(t, "is read-only: it is cut off from the quorum");
	if (t->args->role != CONFIG_ROLE_ANY)
		return talk__fail(t, "is in mode \"%.40s\"; a %s is wanted", mode,
				  config_role__name(t->args->role));
	return talk__ok(t, "%.40s", mode);
}

static enum talk_next input(struct talk *t)
{
	char line[128];

	if (!talk__line(t, line, sizeof(line)))
		return TALK_MORE;
	if (t->step == VERSION)
		return on_version(t, line);
	if (strncmp(line, MODE, strlen(MODE)) == 0)
		return on_mode(t, line + strlen(MODE));
	return TALK_AGAIN;
}

const struct talk_kind talk_zookeeper = {.begin = begin, .input = input};
