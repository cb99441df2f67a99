/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct doctor_report *r, enum doctor_level level, const char *fix, const char *fmt,
		va_list ap)
{
	struct doctor_finding *list = realloc(r->list, (r->n + 1) * sizeof(*list)), *f;

	if (!list) {
		r->incomplete = true;
		return;
	}
	r->list = list;
	f = &list[r->n++];
	*f = (struct doctor_finding){.check = r->check, .level = level};
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	snprintf(f->fix, sizeof(f->fix), "%s", fix);
}

void doctor_report__ok(struct doctor_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, DOCTOR_OK, "", fmt, ap);
	va_end(ap);
}

void doctor_report__note(struct doctor_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, DOCTOR_NOTE, "", fmt, ap);
	va_end(ap);
}

void doctor_report__add(struct doctor_report *r, enum doctor_level level, const char *fix,
			const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, level, fix, fmt, ap);
	va_end(ap);
}

const char *doctor_report__command(struct doctor_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	/* Half a command is none. */
	if (vsnprintf(r->command, sizeof(r->command), fmt, ap) >= (int)sizeof(r->command))
		r->command[0] = '\0';
	va_end(ap);
	return r->command;
}

void doctor_report__sort(struct doctor_report *r)
{
	struct doctor_finding *sorted = malloc((r->n + 1) * sizeof(*sorted));
	size_t n = 0;

	if (!sorted) {
		r->incomplete = true;
		return;
	}
	for (int level = DOCTOR_ERROR; level >= DOCTOR_OK; level--) {
		for (size_t i = 0; i < r->n; i++) {
			if ((int)r->list[i].level == level)
				sorted[n++] = r->list[i];
		}
	}
	free(r->list);
	r->list = sorted;
}

enum doctor_level doctor_report__worst(const struct doctor_report *r)
{
	enum doctor_level worst = DOCTOR_OK;

	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].level > worst)
			worst = r->list[i].level;
	}
	return worst;
}

size_t doctor_report__count(const struct doctor_report *r, enum doctor_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->list[i].level == level;
	return n;
}

const char *doctor_level__name(enum doctor_level level)
{
	static const char *const names[DOCTOR_LEVELS] = {"ok", "note", "warning", "error"};

	return names[level];
}

void doctor_report__free(struct doctor_report *r)
{
	free(r->list);
	*r = (struct doctor_report){0};
}

static bool is_plain(const char *text)
{
	const char *c = text;

	while (isalnum((unsigned char)*c) || (*c && strchr("._-/:@", *c)))
		c++;
	return *text && *text != '-' && !*c;
}

const char *doctor__word(const char *text, char *buf)
{
	size_t n = 0;

	if (is_plain(text)) {
		snprintf(buf, DOCTOR_WORD, "%s", text);
		return buf;
	}
	buf[n++] = '\'';
	for (; *text && n + 6 < DOCTOR_WORD; text++) {
		if (*text == '\'') {
			memcpy(buf + n, "'\\''", 4);
			n += 4;
		} else {
			buf[n++] = *text;
		}
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return buf;
}
