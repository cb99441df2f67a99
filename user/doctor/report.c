/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void doctor_report__add(struct doctor_report *r, enum doctor_level level, const char *fmt, ...)
{
	struct doctor_finding *list = realloc(r->list, (r->n + 1) * sizeof(*list)), *f;
	va_list ap;

	if (!list) {
		r->incomplete = true;
		return;
	}
	r->list = list;
	f = &list[r->n++];
	*f = (struct doctor_finding){.check = r->check, .level = level};
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void doctor_report__fix(struct doctor_report *r, const char *fmt, ...)
{
	struct doctor_finding *f;
	va_list ap;

	if (!r->n || r->incomplete)
		return;
	f = &r->list[r->n - 1];
	va_start(ap, fmt);
	/* Half a command is none. */
	if (vsnprintf(f->fix, sizeof(f->fix), fmt, ap) >= (int)sizeof(f->fix))
		f->fix[0] = '\0';
	va_end(ap);
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
