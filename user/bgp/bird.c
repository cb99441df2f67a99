/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bird.c - how BIRD 2 and 3 are asked for a protocol, and answer. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bgp/dialog.h"
#include "core/printable.h"

/* Replies that are known; others are told of as they are. */
#define WELCOME 1
#define DONE 0
#define RESTRICTED 16
#define PROTOCOLS 1002 /* lines of "show protocols" */
#define NO_PROTOCOL 8003 /* none matches */

void bird__ask(struct bgp_dialog *d)
{
	/* As a pattern, since an unknown name that is no pattern is a mistake in the syntax. */
	d->say_len = (size_t)snprintf(d->say, sizeof(d->say), "show protocols \"%s\"\n",
				      d->session->session);
}

/* Cuts the next word off; "": there is none. */
static const char *next_word(char **at)
{
	char *word = *at + strspn(*at, " ");
	char *end = word + strcspn(word, " ");

	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* Columns are padded with spaces. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *from = text + strspn(text, " "); *from; from++)
		if (*from != ' ' || (from[1] && from[1] != ' '))
			*to++ = *from;
	*to = '\0';
}

/* "uplink4    BGP        ---        up     2026-11-29    Established" */
static void take_row(struct bgp_dialog *d, char *row)
{
	char *at = row;
	const char *name = next_word(&at), *type = next_word(&at), *state;

	if (d->found || strcmp(name, d->session->session) != 0)
		return;
	d->found = true;
	next_word(&at); /* its table */
	state = next_word(&at);
	squeeze(at);
	if (strcmp(type, "BGP") != 0)
		bgp_dialog__end(d, BGP_ANSWER, false, "this protocol is %.20s and not BGP", type);
	/* Of BGP: from the moment it is established until it is not. */
	else
		bgp_dialog__end(d, BGP_ANSWER, strcmp(state, "up") == 0,
				"BIRD says \"%.20s%s%.100s\"", state, *at ? ", " : "", at);
}

/* A reply is whole. */
static enum bgp_next conclude(struct bgp_dialog *d, const char *text)
{
	if (d->len)
		return bgp_dialog__end(d, BGP_BROKEN, false, "BIRD says more than it was asked");
	d->total = 0;
	if (d->state == BGP_GREETING && d->code == WELCOME) {
		d->state = BGP_RESTRICTING;
		d->say_len = (size_t)snprintf(d->say, sizeof(d->say), "restrict\n");
		return BGP_SAY;
	}
	if (d->state == BGP_RESTRICTING && d->code == RESTRICTED)
		return bgp_dialog__ask(d);
	if (d->state == BGP_ASKED && d->code == DONE && d->found) {
		d->state = BGP_IDLE;
		return BGP_ANSWER;
	}
	if (d->state == BGP_ASKED && (d->code == DONE || d->code == NO_PROTOCOL))
		return bgp_dialog__end(d, BGP_ANSWER, false, "BIRD has no protocol of that name");
	return bgp_dialog__end(d, d->state == BGP_ASKED ? BGP_ANSWER : BGP_BROKEN, false,
			       "BIRD answers \"%04u %.100s\"", d->code, text);
}

static bool has_code(const char *line)
{
	for (int i = 0; i < 4; i++)
		if (!isdigit((unsigned char)line[i]))
			return false;
	return line[4] == ' ' || line[4] == '-';
}

static enum bgp_next take_line(struct bgp_dialog *d, char *line)
{
	bool last = false;
	char *text = line;

	if (*line == ' ' && d->code) {
		text++;
	} else if (has_code(line)) {
		d->code = 0;
		for (int i = 0; i < 4; i++)
			d->code = 10 * d->code + (unsigned int)(line[i] - '0');
		last = line[4] == ' ';
		text += 5;
	} else {
		return bgp_dialog__end(d, BGP_BROKEN, false, "BIRD answers \"%.100s\"", line);
	}
	if (last)
		return conclude(d, text);
	if (d->state == BGP_ASKED && d->code == PROTOCOLS) {
		take_row(d, text);
		d->state = BGP_ASKED; /* until the last line */
	}
	return BGP_MORE;
}

enum bgp_next bird__take(struct bgp_dialog *d)
{
	enum bgp_next next = BGP_MORE;
	char line[BGP_LINE_MAX];
	const char *end;

	while (next == BGP_MORE && d->len && (end = memchr(d->in, '\n', d->len))) {
		size_t len = (size_t)(end - d->in);

		if (len >= sizeof(line))
			break;
		printable__copy(line, sizeof(line), d->in, len);
		d->len -= len + 1;
		memmove(d->in, end + 1, d->len);
		next = take_line(d, line);
	}
	if (next == BGP_MORE && d->len >= sizeof(line))
		return bgp_dialog__end(d, BGP_BROKEN, false, "a line of BIRD's is too long");
	return next;
}
