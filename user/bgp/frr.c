/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frr.c - how FRR's bgpd is asked for a neighbour, and answers. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bgp/dialog.h"
#include "core/printable.h"

#define TRAILER 4 /* three NULs and a status */

void frr__ask(struct bgp_dialog *d)
{
	const struct config_track_bgp *s = d->session;

	/*
	 * Of one instance, the default VRF's or that of a name (views have names, too): the answer has its
	 * neighbours only. The NUL belongs to the question.
	 */
	d->say_len = 1 + (size_t)snprintf(d->say, sizeof(d->say), "show bgp%s%s neighbors %s json",
					  s->vrf[0] ? " vrf " : "", s->vrf, s->session);
}

static void show(char *to, size_t size, const json_t *text)
{
	printable__copy(to, size, json_string_value(text), json_string_length(text));
}

/*
 * The neighbour that was asked for: the one that there is. Of all instances together ("vrf all", which no
 * configuration has) neighbours would stand one level further down, and none would be found.
 */
static const json_t *neighbour_of(json_t *answer)
{
	json_t *o;
	const char *name;

	json_object_foreach (answer, name, o) {
		if (json_is_string(json_object_get(o, "bgpState")))
			return o;
	}
	return NULL;
}

static enum bgp_next judge(struct bgp_dialog *d, json_t *answer)
{
	const json_t *o = neighbour_of(answer), *reset;
	char state[24], why[80] = "";

	if (!o)
		return bgp_dialog__end(d, BGP_ANSWER, false,
				       "FRR has no neighbour of that name%s%s",
				       d->session->vrf[0] ? " in VRF " : "", d->session->vrf);
	show(state, sizeof(state), json_object_get(o, "bgpState"));
	reset = json_object_get(o, "lastResetDueTo");
	if (json_is_string(reset))
		show(why, sizeof(why), reset);
	if (strcmp(state, "Established") == 0)
		return bgp_dialog__end(d, BGP_ANSWER, true, "FRR says \"%s\"", state);
	return bgp_dialog__end(d, BGP_ANSWER, false, "FRR says \"%s\"%s%s", state,
			       why[0] ? ", after: " : "", why);
}

/* The text of an answer is whole. */
static enum bgp_next conclude(struct bgp_dialog *d, size_t len, unsigned char status)
{
	json_t *answer = json_loadb(d->in, len, 0, NULL);
	enum bgp_next next;
	char text[100];

	if (json_is_object(answer)) {
		next = judge(d, answer);
	} else {
		printable__copy(text, sizeof(text), d->in, strcspn(d->in, "\n"));
		next = bgp_dialog__end(d, BGP_ANSWER, false, "FRR answers \"%s\", status %u", text,
				       status);
	}
	json_decref(answer);
	return next;
}

enum bgp_next frr__take(struct bgp_dialog *d)
{
	const char *end = memchr(d->in, '\0', d->len);
	size_t len = end ? (size_t)(end - d->in) : 0;

	if (!end || d->len < len + TRAILER)
		return BGP_MORE;
	if (d->len > len + TRAILER || end[1] || end[2])
		return bgp_dialog__end(d, BGP_BROKEN, false,
				       "what answers there does not speak as FRR's bgpd");
	return conclude(d, len, (unsigned char)end[3]);
}
