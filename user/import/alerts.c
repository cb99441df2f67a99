/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alerts.c - scripts that keepalived runs when a VRRP instance or sync group changes its state, as destinations of alerts.
 *
 * One destination for each block, whose program is a shell that looks at what has become of the group. keepalived runs a
 * script once and does not look at how it ends, so the shell ends well whatever the script does: the alert would come again.
 */
#include <string.h>

#include "config/alert.h"
#include "import/translate.h"

/* What a group becomes; how keepalived calls that; the keyword of a script for it alone. */
static const struct {
	const char *is, *theirs, *keyword;
} states[] = {
	{"active", "MASTER", "notify_master"},
	{"backup", "BACKUP", "notify_backup"},
	{"initialize", "FAULT", "notify_fault"},
};
#define STATES (sizeof(states) / sizeof(*states))

/* In single quotes, as a shell has it. */
static const char *quoted(struct import *im, const char *text)
{
	char *out = arena__alloc(im->arena, strlen(text) * 4 + 3), *at = out;

	*at++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			at = stpcpy(at, "'\\''");
		else
			*at++ = *text;
	}
	*at = '\'';
	return out;
}

/* A script as a shell runs it, with room for arguments behind it; a user, if one is named, is told of. */
static const char *script(struct import *im, struct stanza *s)
{
	const char *text = stanza__word(s, 1);

	out__note(im, s, IMPORT_NOTED,
		  "%sis run with the agent's rights, which the unit bounds, for a minute at most "
		  "(docs/alerts.md)",
		  s->n > 2 ? "no longer has a user of its own; it " : "");
	if (*text == '/' && !strpbrk(text, "\"'\\$`|&;<>(){}*?[]~#!"))
		return text;
	text = arena__printf(im->arena, "%s \"$@\"", text);
	return arena__printf(im->arena, "/bin/sh -c %s sh", quoted(im, text));
}

/* What the shell does for each state, from the block's scripts. */
static const char *cases(struct import *im, const struct stanza *block)
{
	const char *type = stanza__is(block, "vrrp_instance") ? "INSTANCE" : "GROUP";
	struct stanza *all = stanza__find(block, "notify");
	const char *each = all ? script(im, all) : NULL, *text = "";

	if (each)
		out__note(im, all, IMPORT_NOTED,
			  "has no fourth argument here, the priority: `fairlead status` has it");
	for (size_t i = 0; i < STATES; i++) {
		struct stanza *one = stanza__find(block, states[i].keyword);

		if (!one && !each)
			continue;
		text = arena__printf(im->arena, "%s %s)", text, states[i].is);
		if (one)
			text = arena__printf(im->arena, "%s %s;", text, script(im, one));
		if (each)
			text = arena__printf(im->arena, "%s %s %s %s %s;", text, each, type,
					     quoted(im, stanza__word(block, 1)), states[i].theirs);
		text = arena__printf(im->arena, "%s;", text);
	}
	return text;
}

static struct stanza *first_of(const struct stanza *block)
{
	struct stanza *s = stanza__find(block, "notify");

	for (size_t i = 0; i < STATES && !s; i++)
		s = stanza__find(block, states[i].keyword);
	return s;
}

/* The group whose states are the block's: of a sync group, all change together. */
static const char *subject_of(const struct stanza *block)
{
	const struct stanza *list = stanza__find(block, "group");

	if (stanza__is(block, "vrrp_instance"))
		return stanza__word(block, 1);
	return list && list->kids ? stanza__word(list->kids, 0) : "";
}

/* Their notes stand above what they became, too. */
static void claim(struct import *im, const struct stanza *block)
{
	for (struct stanza *s = block->kids; s; s = s->next)
		for (size_t i = 0; i <= STATES; i++)
			if (!s->chunk && stanza__is(s, i < STATES ? states[i].keyword : "notify"))
				s->chunk = im->last;
}

static void destination(struct import *im, struct stanza *block)
{
	const char *shell = arena__printf(
		im->arena, "[ \"$FAIRLEAD_SUBJECT\" = %s ] && case $FAIRLEAD_IS in%s esac; exit 0",
		translate__name(im, subject_of(block)), cases(im, block));
	const char *name = arena__printf(im->arena, "notify-%s", stanza__word(block, 1));

	out__item(im);
	/* keepalived runs them at once, each time, and for the first state as well. */
	out__text(im, first_of(block),
		  "  - name: %s\n    severity: info\n    kinds: [vrrp]\n    rate: 1000\n"
		  "    burst: 1000\n    timeout: 1m\n    exec: [/bin/sh, -c, %s]\n",
		  out__quoted(im, translate__name(im, name)), out__quoted(im, shell));
	claim(im, block);
}

void translate__alerts(struct import *im)
{
	unsigned int n = 0;

	for (struct stanza *s = im->root->kids; s; s = s->next) {
		if ((!stanza__is(s, "vrrp_instance") && !stanza__is(s, "vrrp_sync_group")) ||
		    !first_of(s))
			continue;
		if (!n) {
			out__item(im);
			out__text(im, NULL, "alerts:\n");
		}
		if (n++ < CONFIG_MAX_ALERTS)
			destination(im, s);
		else
			out__note(im, first_of(s), IMPORT_REFUSED,
				  "there are %d destinations of alerts at most: let one program "
				  "look at FAIRLEAD_SUBJECT for several groups",
				  CONFIG_MAX_ALERTS);
	}
}
