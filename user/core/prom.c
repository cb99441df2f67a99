/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thousands of backends have dozens of samples each, once a second: numbers are written by hand here, as
 * snprintf() would take most of the time.
 */
#include "core/prom.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 65536
#define NUMBER_LEN 40 /* of any number, and the line end */
#define FIRST_BOUND_US 64
#define BOUNDS 20

static void grow(struct prom *p, size_t room)
{
	char *text = p->failed ? NULL : realloc(p->text, room);

	if (text) {
		p->text = text;
		p->room = room;
	}
	p->failed |= !text;
}

static char *reserve(struct prom *p, size_t n)
{
	size_t room = p->room ? p->room : FIRST_ROOM;

	while (room - p->len < n)
		room *= 2;
	if (room != p->room)
		grow(p, room);
	return p->failed ? NULL : p->text + p->len;
}

static void append(struct prom *p, const char *text, size_t len)
{
	char *to = reserve(p, len);

	if (!to)
		return;
	memcpy(to, text, len);
	p->len += len;
}

static void append_text(struct prom *p, const char *text)
{
	append(p, text, strlen(text));
}

void prom__family(struct prom *p, const char *name, enum prom_type type, const char *help)
{
	static const char *const types[] = {
		[PROM_COUNTER] = " counter\n",
		[PROM_GAUGE] = " gauge\n",
		[PROM_HISTOGRAM] = " histogram\n",
	};

	p->family = name;
	p->family_len = strlen(name);
	append_text(p, "# HELP ");
	append_text(p, name);
	append_text(p, " ");
	append_text(p, help);
	append_text(p, "\n# TYPE ");
	append_text(p, name);
	append_text(p, types[type]);
}

static void append_label(struct prom *p, const char *name, const char *value)
{
	append_text(p, name);
	append_text(p, "=\"");
	for (; *value; value++) {
		size_t plain = strcspn(value, "\\\"\n");

		append(p, value, plain);
		value += plain;
		if (!*value)
			break;
		append_text(p, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
	}
	append_text(p, "\"");
}

size_t prom__labels(struct prom *to, const char *name, const char *value, ...)
{
	size_t begin = to->len;
	va_list more;

	va_start(more, value);
	while (name) {
		if (to->len > begin)
			append_text(to, ",");
		append_label(to, name, value);
		name = va_arg(more, const char *);
		value = name ? va_arg(more, const char *) : NULL;
	}
	va_end(more);
	append(to, "", 1);
	return to->failed ? SIZE_MAX : begin;
}

size_t prom__join(struct prom *to, const char *first, const char *second, size_t len)
{
	size_t begin = to->len, n = strlen(first);
	char *at = reserve(to, n + len + 2);

	if (!at)
		return SIZE_MAX;
	memcpy(at, first, n);
	at += n;
	if (n && len)
		*at++ = ',';
	memcpy(at, second, len);
	at[len] = '\0';
	to->len = (size_t)(at + len + 1 - to->text);
	return begin;
}

void prom__expect(struct prom *p, size_t len)
{
	if (len > p->room)
		grow(p, len);
}

void prom__append(struct prom *p, const struct prom *text)
{
	p->failed |= text->failed;
	if (text->len)
		append(p, text->text, text->len);
}

/* Writes decimal digits, at least `least` of them; returns where they end. */
static char *put_digits(char *to, uint64_t v, unsigned int least)
{
	char digits[20];
	unsigned int n = 0;

	while (v || n < least) {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	}
	while (n)
		*to++ = digits[--n];
	return to;
}

/* name{labels} and a space, and room for a number behind them; NULL: there is none. */
static char *begin_sample(struct prom *p, const char *suffix, const char *labels)
{
	size_t n_suffix = strlen(suffix), n_labels = strlen(labels);
	char *to = reserve(p, p->family_len + n_suffix + n_labels + 3 + NUMBER_LEN);

	if (!to)
		return NULL;
	to = mempcpy(to, p->family, p->family_len);
	to = mempcpy(to, suffix, n_suffix);
	if (n_labels) {
		*to++ = '{';
		to = mempcpy(to, labels, n_labels);
		*to++ = '}';
	}
	*to++ = ' ';
	return to;
}

static void end_sample(struct prom *p, char *end)
{
	*end++ = '\n';
	p->len = (size_t)(end - p->text);
}

static void write_integer(struct prom *p, const char *suffix, const char *labels, uint64_t value)
{
	char *to = begin_sample(p, suffix, labels);

	if (to)
		end_sample(p, put_digits(to, value, 1));
}

void prom__integer(struct prom *p, const char *labels, uint64_t value)
{
	write_integer(p, "", labels, value);
}

void prom__real(struct prom *p, const char *labels, double value)
{
	char *to = begin_sample(p, "", labels);

	if (to)
		end_sample(p, to + snprintf(to, NUMBER_LEN, "%.15g", value));
}

static void write_seconds(struct prom *p, const char *suffix, const char *labels, uint64_t ns)
{
	char *to = begin_sample(p, suffix, labels);

	if (!to)
		return;
	to = put_digits(to, ns / 1000000000, 1);
	*to++ = '.';
	end_sample(p, put_digits(to, ns % 1000000000, 9));
}

void prom__seconds(struct prom *p, const char *labels, uint64_t ns)
{
	write_seconds(p, "", labels, ns);
}

void prom__histogram(struct prom *p, const char *labels, const struct prom_histogram *h)
{
	struct prom all = {0};
	size_t n_labels = strlen(labels);

	for (size_t i = 0; i <= h->n; i++) {
		char bound[NUMBER_LEN] = "+Inf";

		/* Six digits tell microseconds apart, and read better than nine. */
		if (i < h->n)
			snprintf(bound, sizeof(bound), "%" PRIu64 ".%06" PRIu64,
				 h->below_us[i] / 1000000, h->below_us[i] % 1000000);
		all.len = 0;
		append(&all, labels, n_labels);
		append_text(&all, n_labels ? ",le=\"" : "le=\"");
		append_text(&all, bound);
		append(&all, "\"", 2);
		p->failed |= all.failed;
		if (!all.failed)
			write_integer(p, "_bucket", all.text,
				      i < h->n ? h->cumulative[i] : h->count);
	}
	free(all.text);
	write_seconds(p, "_sum", labels, h->sum_ns);
	write_integer(p, "_count", labels, h->count);
}

void prom__timing(struct prom *p, const char *labels, const struct timing *t)
{
	struct prom_histogram h = {.count = t->n, .sum_ns = t->sum_ns, .n = BOUNDS};
	uint64_t cumulative = 0;
	unsigned int b = 0;

	/* A power of two ends one of the buckets, so that what is below it is known exactly. */
	for (size_t i = 0; i < BOUNDS; i++) {
		h.below_us[i] = (uint64_t)FIRST_BOUND_US << i;
		while (b < TIMING_BUCKETS && timing__below_us(b) <= h.below_us[i])
			cumulative += t->buckets[b++];
		h.cumulative[i] = cumulative;
	}
	prom__histogram(p, labels, &h);
}
