/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_smtp.c - a mail server greets, answers EHLO, perhaps in TLS, and says goodbye (RFC 5321, RFC 3207).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe/talks.h"

/* Which reply comes next. */
enum step {
	BANNER,
	EHLO,
	STARTTLS,
	SECURED, /* none: TLS begins, then EHLO again */
};

struct state {
	bool offers_tls;
	char name[48]; /* what the server calls itself, and says, in its answer to EHLO */
};

_Static_assert(sizeof(struct state) <= TALK_SCRATCH, "the state fits");

static struct state *state_of(struct talk *t)
{
	return (struct state *)&t->scratch;
}

static enum talk_next say_ehlo(struct talk *t)
{
	t->step = EHLO;
	talk__printf(t, "EHLO %s\r\n", t->args->name ? t->args->name : "localhost");
	return TALK_MORE;
}

/* After TLS has begun within the conversation there is no banner (RFC 3207 4.2). */
static enum talk_next begin(struct talk *t)
{
	return t->step == SECURED ? say_ehlo(t) : TALK_MORE;
}

/* One line of an answer to EHLO: the first one has the name, the others what it offers. */
static void note_ehlo(struct talk *t, const char *text)
{
	struct state *s = state_of(t);

	if (!s->name[0])
		talk__text(s->name, sizeof(s->name), text, strlen(text));
	else if (strcasecmp(text, "STARTTLS") == 0)
		s->offers_tls = true;
}

static enum talk_next after_ehlo(struct talk *t)
{
	const struct state *s = state_of(t);

	if (!t->args->starttls || t->tls) {
		/* The answer to it is not awaited: Exim takes 200 ms for it. */
		talk__printf(t, "QUIT\r\n");
		return talk__ok(t, "%s%s%s", s->name, t->tls ? ", " : "", t->tls ? t->tls : "");
	}
	if (!s->offers_tls)
		return talk__fail(t, "does not offer STARTTLS");
	t->step = STARTTLS;
	talk__printf(t, "STARTTLS\r\n");
	return TALK_MORE;
}

/* The last line of a reply has come, and its code is right. */
static enum talk_next proceed(struct talk *t)
{
	if (t->step == BANNER)
		return say_ehlo(t);
	if (t->step == EHLO)
		return after_ehlo(t);
	*state_of(t) = (struct state){0};
	t->step = SECURED;
	return TALK_TLS;
}

static enum talk_next input(struct talk *t)
{
	static const int wanted[] = {[BANNER] = 220, [EHLO] = 250, [STARTTLS] = 220};
	static const char *const asked[] = {
		[BANNER] = "greets", [EHLO] = "answers EHLO", [STARTTLS] = "answers STARTTLS"};
	char line[128];

	if (!talk__line(t, line, sizeof(line)))
		return TALK_MORE;
	if (strspn(line, "0123456789") != 3 || !strchr(" -", line[3]))
		return talk__fail(t, "%s with \"%.60s\", which is not SMTP", asked[t->step], line);
	if (strtol(line, NULL, 10) != wanted[t->step])
		return talk__fail(t, "%s with \"%.100s\"", asked[t->step], line);
	if (t->step == EHLO && line[3])
		note_ehlo(t, line + 4);
	return line[3] == '-' ? TALK_AGAIN : proceed(t);
}

const struct talk_kind talk_smtp = {.begin = begin, .input = input};
