/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_script.c - the operator's own conversation: bytes to send, and bytes that must come.
 *
 * What is expected must occur in what comes after the step before; what comes in front of it does not
 * matter. t->step is the step that is next.
 */
#include <stdio.h>
#include <string.h>

#include "probe/talks.h"

/* Takes all steps up to the next one that waits for input. */
static enum talk_next proceed(struct talk *t)
{
	const struct config_steps *steps = &t->args->steps;

	for (; t->step < steps->n && !steps->list[t->step].expect; t->step++) {
		const struct config_bytes *b = &steps->list[t->step].bytes;

		if (talk__send(t, b->data, b->len))
			return talk__fail(t, "step %u: what is to be sent is too long",
					  t->step + 1);
	}
	if (t->step < steps->n)
		return TALK_AGAIN;
	return talk__ok(t, "all %zu steps", steps->n);
}

static enum talk_next input(struct talk *t)
{
	const struct config_bytes *want = &t->args->steps.list[t->step].bytes;
	const uint8_t *found = memmem(t->in, t->len, want->data, want->len);

	if (!found) {
		/* It may have begun in the last bytes. Short answers are kept, to be shown. */
		if (t->len > TALK_IN_MAX / 2)
			talk__use(t, t->len - (want->len - 1));
		return TALK_MORE;
	}
	talk__use(t, (size_t)(found - t->in) + want->len);
	t->step++;
	return proceed(t);
}

/* What has come instead, in front of `what`. */
static enum talk_next missed(struct talk *t, const char *what)
{
	char text[80];

	talk__text(text, sizeof(text), t->in, t->len);
	if (!t->len)
		return talk__fail(t, "step %u: nothing came%s", t->step + 1, what);
	return talk__fail(t, "step %u: what is expected did not come%s; \"%s\" came", t->step + 1,
			  what, text);
}

static enum talk_next closed(struct talk *t)
{
	return missed(t, " before the connection was closed");
}

static enum talk_next silence(struct talk *t)
{
	char what[32];

	snprintf(what, sizeof(what), " within %u ms", t->args->timeout_ms);
	return missed(t, what);
}

const struct talk_kind talk_script = {
	.begin = proceed,
	.input = input,
	.closed = closed,
	.silence = silence,
};
