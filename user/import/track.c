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

static bool is_own(const struct stanza *s, const struct stanza *own)
{
	return own && !strcmp(stanza__word(s, 0), stanza__word(own, 1));
}

/* The weight that the thing's own block has, if it is of such a block. */
static const struct stanza *default_weight(struct import *im, const char *keyword,
					   const struct stanza *s)
{
	const struct stanza *block =
		keyword ? translate__named(im, keyword, stanza__word(s, 0)) : NULL;

	return block ? stanza__find(block, "weight") : NULL;
}

/* What each of a list costs, in its order; `own` is left out, with a note. */
static long *costs_of(struct import *im, struct stanza *list, const struct stanza *own,
		      const char *keyword, long *priority)
{
	size_t n = 0;
	long *costs;

	for (const struct stanza *s = list->kids; s; s = s->next)
		n++;
	costs = arena__alloc(im->arena, n * sizeof(*costs));
	n = 0;
	for (struct stanza *s = list->kids; s; s = s->next, n++) {
		if (is_own(s, own))
			out__note(im, s, IMPORT_NOTED,
				  "is the group's own: without it the group is off");
		else
			costs[n] = cost_of(im, s, default_weight(im, keyword, s), priority);
	}
	return costs;
}

/* The first cost that is not 0 of a list; 0: none. */
static long first_of(const struct stanza *list, const long *costs)
{
	const struct stanza *s = list->kids;

	while (s && !*costs) {
		s = s->next;
		costs++;
	}
	return s ? *costs : 0;
}

/* A group's interfaces have one cost, that of the first. Others become commands. */
static const long *interfaces(struct import *im, struct stanza *list, const struct stanza *own,
			      long *priority)
{
	const long *costs = costs_of(im, list, own, NULL, priority), *at = costs;
	long cost = first_of(list, costs);

	if (!cost)
		return costs;
	out__text(im, list, "      interface_cost: %ld\n", cost);
	out__option(im, list, "      interfaces:\n");
	for (struct stanza *s = list->kids; s; s = s->next, at++)
		if (*at == cost)
			out__option(im, s, "        - %s\n", out__quoted(im, stanza__word(s, 0)));
	return costs;
}

/* An interface that costs otherwise than the others, as a command. Returns how many. */
static int interface_commands(struct import *im, struct stanza *list, const long *costs)
{
	long first = first_of(list, costs);
	int n = 0;

	for (struct stanza *s = list->kids; s; s = s->next, costs++) {
		const char *name = stanza__word(s, 0);

		if (!*costs || *costs == first)
			continue;
		if (!translate__is_plain(name) || strpbrk(name, "/\"\\"))
			continue;
		out__option(
			im, s,
			"        - name: %s\n"
			"          command: [/bin/grep, -qxE, \"up|unknown\", \"/sys/class/net/%s/operstate\"]\n"
			"          interval: 1s\n          rise: 1\n          fall: 1\n          cost: %ld\n",
			out__quoted(im,
				    translate__name(im, arena__printf(im->arena, "if-%s", name))),
			name, *costs);
		n++;
	}
	return n;
}

static void sessions(struct import *im, struct stanza *list, long *priority)
{
	const long *costs = costs_of(im, list, NULL, "bfd_instance", priority), *at = costs;
	long cost = 0;

	for (struct stanza *s = list->kids; s; s = s->next, at++)
		cost = *at > cost ? *at : cost;
	if (!cost)
		return;
	out__text(im, list, "      bfd_cost: %ld\n", cost);
	out__option(im, list, "      bfd:\n");
	for (struct stanza *s = list->kids; s; s = s->next, costs++) {
		const struct stanza *bfd = translate__named(im, "bfd_instance", stanza__word(s, 0));
		const struct stanza *ip = bfd ? stanza__find(bfd, "neighbor_ip") : NULL;

		if (bfd && !ip)
			ip = stanza__find(bfd, "neighbour_ip");
		if (!ip)
			out__note(im, s, IMPORT_REFUSED, "there is no such bfd_instance");
		else if (*costs)
			out__option(im, s, "        - %s\n", out__quoted(im, stanza__word(ip, 1)));
		if (*costs && *costs != cost)
			out__note(im, s, IMPORT_NOTED,
				  "all sessions that a group tracks cost the same, here %ld", cost);
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
	cost = cost_of(im, s, default_weight(im, "vrrp_script", s), priority);
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

static void commands(struct import *im, struct stanza *const list[], const long *costs,
		     long *priority)
{
	int n = 0;

	out__option(im, list[2], "      commands:\n");
	if (costs)
		n = interface_commands(im, list[0], costs);
	for (struct stanza *s = list[2] ? list[2]->kids : NULL; s; s = s->next) {
		if (n >= MAX_COMMANDS)
			out__note(im, s, IMPORT_REFUSED, "a group has %d commands at most",
				  MAX_COMMANDS);
		else
			n += command(im, s, priority);
	}
}

static struct stanza *list_of(const struct stanza *instance, const char *keyword)
{
	struct stanza *list = stanza__find(instance, keyword);

	return list && list->kids ? list : NULL;
}

void translate__track(struct import *im, struct stanza *instance, long *priority)
{
	struct stanza *const list[] = {list_of(instance, "track_interface"),
				       list_of(instance, "track_bfd"),
				       list_of(instance, "track_script")};
	const long *costs = NULL;

	if (!list[0] && !list[1] && !list[2])
		return;
	out__option(im, NULL, "    track:\n");
	if (list[0])
		costs = interfaces(im, list[0], stanza__find(instance, "interface"), priority);
	if (list[1])
		sessions(im, list[1], priority);
	commands(im, list, costs, priority);
}
