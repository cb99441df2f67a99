/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool before(unsigned int line, unsigned int column, const struct config_problem *p)
{
	return line != p->line ? line < p->line : column < p->column;
}

/* Makes room for one more; two beyond the limit are enough for a newcomer and the closing line. */
static struct config_problem *room(struct problem_sink *s)
{
	if (s->out->list)
		return s->out->list;
	s->out->list = calloc(PROBLEMS_MAX + 2, sizeof(*s->out->list));
	if (!s->out->list)
		s->no_memory = true;
	return s->out->list;
}

bool problem_sink__drops(struct problem_sink *s, unsigned int line, unsigned int column)
{
	if (s->out->n < PROBLEMS_MAX || before(line, column, &s->out->list[PROBLEMS_MAX - 1]))
		return false;
	s->dropped++;
	return true;
}

void problem_sink__add(struct problem_sink *s, unsigned int line, unsigned int column,
		       const char *fmt, ...)
{
	struct config_problem *list = room(s);
	size_t at = s->out->n;
	char *text = NULL;
	va_list ap;

	if (!list || problem_sink__drops(s, line, column))
		return;
	/* Behind those of the same place: what was found first is told first. */
	while (at > 0 && before(line, column, &list[at - 1]))
		at--;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text) {
		s->no_memory = true;
		return;
	}
	memmove(list + at + 1, list + at, (s->out->n - at) * sizeof(*list));
	list[at] = (struct config_problem){.line = line, .column = column, .text = text};
	if (s->out->n < PROBLEMS_MAX) {
		s->out->n++;
		return;
	}
	free(list[PROBLEMS_MAX].text);
	list[PROBLEMS_MAX].text = NULL;
	s->dropped++;
}

bool problem_sink__any(const struct problem_sink *s)
{
	return s->out->n > 0;
}

void problem_sink__close(struct problem_sink *s)
{
	struct config_problem *last;

	if (!s->dropped)
		return;
	last = &s->out->list[s->out->n];
	*last = (struct config_problem){0};
	if (asprintf(&last->text, "%zu more mistake%s not shown; mend these first", s->dropped,
		     s->dropped == 1 ? " is" : "s are") < 0) {
		last->text = NULL;
		s->no_memory = true;
		return;
	}
	s->out->n++;
}

void config_problems__free(struct config_problems *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].text);
	free(p->list);
	free(p->file);
	memset(p, 0, sizeof(*p));
}

const char *config_problems__format(const struct config_problems *p, size_t i, char *buf,
				    size_t len)
{
	const struct config_problem *one = &p->list[i];
	const char *file = p->file ? p->file : "configuration";

	if (one->line)
		snprintf(buf, len, "%s:%u:%u: %s", file, one->line, one->column, one->text);
	else
		snprintf(buf, len, "%s: %s", file, one->text);
	return buf;
}
