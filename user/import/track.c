/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * track.c - what a vrrp_instance tracks.
 *
 * keepalived adds a positive weight while the thing is well, and takes a negative one off while it is not;
 * fairlead takes costs off. So a positive weight is added to the priority once and is the cost. A weight of 0
 * means FAULT: the cost of 254 leaves a priority of 1, with which a group is active only if nobody else is.
 */
#include <stdlib.h>
#include <string.h>

#include "import/translate.h"

#define ALL 254
#define MAX_COMMANDS 16

/* "NAME [weight N [reverse]]": the cost; 0: it can't be translated, and a note says so. */
static long cost_of(struct import *im, struct stanza *s, const struct stanza *defaults,
		    long *priority)
{
	const char *weight = NULL;
	bool reverse = false;
	long value;

	for (size_t i = 1; i < s->n; i++) {
		if (!strcmp(s->words[i], "weight"))
			weight = stanza__word(s, ++i);
		else if (!strcmp(s->words[i], "reverse"))
			reverse = true;
	}
	if (!weight && defaults) {
		weight = stanza__word(defaults, 1);
		reverse = !strcmp(stanza__word(defaults, 2), "reverse");
	}
	if (reverse) {
		out__note(im, s, IMPORT_REFUSED,
			  "what is well can't cost priority: turn the command around");
		return 0;
	}
	value = weight ? strtol(weight, NULL, 10) : 0;
	if (!value) {
		out__note(
			im, s, IMPORT_NOTED,
			"without a weight, a failure means FAULT; here it costs %d, which leaves a "
			"priority of 1: the group is active only while no other router is",
			ALL);
		return ALL;
	}
	if (labs(value) > ALL)
		value = value < 0 ? -ALL : ALL;
	if (value > 0) {
		long risen = *priority == 255	       ? 255
			     : *priority + value > ALL ? ALL
						       : *priority + value;

		out__note(
			im, s, IMPORT_NOTED,
			"adds %ld while it is well: the priority is %ld here, and %ld are taken off "
			"while it is not",
			value, risen, value);
		*priority = risen;
	}
	return labs(value);
}

/* Interfaces, and BFD sessions, cost alike in a group: the most of them. */
static long common(struct import *im, struct stanza *list, const struct stanza *own, long *priority)
{
	long most = 0, cost;

	for (struct stanza *s = list->kids; s; s = s->next) {
		if (own && !strcmp(stanza__word(s, 0), stanza__word(own, 1)))
			continue;
		cost = cost_of(im, s, NULL, priority);
		if (most && cost && cost != most)
			out__note(im, s, IMPORT_NOTED,
				  "all that is in this list costs the same in a group: %ld",
				  cost > most ? cost : most);
		if (cost > most)
			most = cost;
	}
	return most;
}

static bool reversed(const struct stanza *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (!strcmp(s->words[i], "reverse"))
			return true;
	return false;
}

static void interfaces(struct import *im, struct stanza *list, const struct stanza *own,
		       long *priority)
{
	long cost = common(im, list, own, priority);

	for (struct stanza *s = list->kids; s; s = s->next)
		if (own && !strcmp(stanza__word(s, 0), stanza__word(own, 1)))
			out__note(im, s, IMPORT_NOTED,
				  "is the group's own: without it the group is off");
	if (!cost)
		return;
	out__text(im, list, "      interface_cost: %ld\n", cost);
	out__option(im, list, "      interfaces:\n");
	for (struct stanza *s = list->kids; s; s = s->next)
		if (!reversed(s) && !(own && !strcmp(stanza__word(s, 0), stanza__word(own, 1))))
			out__option(im, s, "        - %s\n", out__quoted(im, stanza__word(s, 0)));
}

static void sessions(struct import *im, struct stanza *list, long *priority)
{
	long cost = common(im, list, NULL, priority);

	if (!cost)
		return;
	out__text(im, list, "      bfd_cost: %ld\n", cost);
	out__option(im, list, "      bfd:\n");
	for (struct stanza *s = list->kids; s; s = s->next) {
		const struct stanza *bfd = translate__named(im, "bfd_instance", stanza__word(s, 0));
		const struct stanza *ip = bfd ? stanza__find(bfd, "neighbor_ip") : NULL;

		if (bfd && !ip)
			ip = stanza__find(bfd, "neighbour_ip");
		if (!ip)
			out__note(im, s, IMPORT_REFUSED, "there is no such bfd_instance");
		else if (!reversed(s))
			out__option(im, s, "        - %s\n", out__quoted(im, stanza__word(ip, 1)));
	}
}

/* The words behind "script", as one text: keepalived takes it quoted or not. */
static const char *text_of(struct import *im, const struct stanza *s)
{
	const char *text = stanza__word(s, 1);

	for (size_t i = 2; i < s->n; i++)
		text = arena__printf(im->arena, "%s %s", text, s->words[i]);
	return text;
}

static bool command(struct import *im, struct stanza *s, long *priority)
{
	struct stanza *script = translate__named(im, "vrrp_script", stanza__word(s, 0));
	struct stanza *program = script ? stanza__find(script, "script") : NULL;
	long cost, ms;

	if (!program) {
		out__note(im, s, IMPORT_REFUSED, "there is no vrrp_script '%.31s' with a script",
			  stanza__word(s, 0));
		return false;
	}
	cost = cost_of(im, s, stanza__find(script, "weight"), priority);
	if (!cost)
		return false;
	ms = translate__ms(im, stanza__find(script, "interval"), 10, 3600000, 1000);
	out__option(
		im, s,
		"        - name: %s\n          command: %s\n          interval: %s\n"
		"          timeout: %s\n          rise: %ld\n          fall: %ld\n          cost: %ld\n",
		out__quoted(im, translate__name(im, stanza__word(s, 0))),
		translate__command(im, text_of(im, program)), out__duration(im, (uint64_t)ms),
		out__duration(im, (uint64_t)translate__ms(im, stanza__find(script, "timeout"), 1,
							  60000, ms > 60000 ? 60000 : ms)),
		translate__number(im, stanza__find(script, "rise"), 1, 100, 1),
		translate__number(im, stanza__find(script, "fall"), 1, 100, 1), cost);
	return true;
}

static void commands(struct import *im, struct stanza *list, long *priority)
{
	int n = 0;

	out__option(im, list, "      commands:\n");
	for (struct stanza *s = list->kids; s; s = s->next) {
		if (n == MAX_COMMANDS)
			out__note(im, s, IMPORT_REFUSED, "a group has %d commands at most",
				  MAX_COMMANDS);
		else
			n += command(im, s, priority);
	}
}

void translate__track(struct import *im, struct stanza *instance, long *priority)
{
	struct stanza *list[] = {stanza__find(instance, "track_interface"),
				 stanza__find(instance, "track_bfd"),
				 stanza__find(instance, "track_script")};

	if (!(list[0] && list[0]->kids) && !(list[1] && list[1]->kids) &&
	    !(list[2] && list[2]->kids))
		return;
	out__option(im, NULL, "    track:\n");
	if (list[0] && list[0]->kids)
		interfaces(im, list[0], stanza__find(instance, "interface"), priority);
	if (list[1] && list[1]->kids)
		sessions(im, list[1], priority);
	if (list[2] && list[2]->kids)
		commands(im, list[2], priority);
}
