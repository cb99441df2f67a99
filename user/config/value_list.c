/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value_list.c - parsers of lists of texts, of bytes, and of the steps of a conversation. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

#define WORD_MAX_LEN 1024 /* of one text in a list, bytes */

/* --- texts -------------------------------------------------------------------------------------- */

void config_words__clear(struct config_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i]);
	free(w->list);
	*w = (struct config_words){0};
}

int config_words__copy(const struct config_words *from, struct config_words *to)
{
	*to = (struct config_words){0};
	if (!from->n)
		return 0;
	to->list = calloc(from->n, sizeof(*to->list));
	if (!to->list)
		return -ENOMEM;
	for (; to->n < from->n; to->n++) {
		to->list[to->n] = strdup(from->list[to->n]);
		if (!to->list[to->n]) {
			config_words__clear(to);
			return -ENOMEM;
		}
	}
	return 0;
}

void value__words(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const struct option word = {"", value__string, .size = sizeof(char *), .max = WORD_MAX_LEN,
				    .rule = o->rule};
	struct config_words *w = (struct config_words *)((char *)base + o->offset);

	if (value->kind == NODE_LIST && value->n_kids > o->max) {
		reader__problem(r, value, "holds %zu texts, at most %llu fit", value->n_kids,
				(unsigned long long)o->max);
		return;
	}
	w->list = schema__array(r, value, sizeof(*w->list), 1, "a list of texts");
	if (!w->list)
		return;
	w->n = value->n_kids;
	for (size_t i = 0; i < value->n_kids && reader__visit(r, value->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		value__string(r, &word, value->kids[i], &w->list[i]);
		reader__leave(r, was);
	}
}

/* --- bytes -------------------------------------------------------------------------------------- */

int config_bytes__copy(const struct config_bytes *from, struct config_bytes *to)
{
	*to = (struct config_bytes){0};
	if (!from->data)
		return 0;
	to->data = malloc(from->len);
	if (!to->data)
		return -ENOMEM;
	memcpy(to->data, from->data, from->len);
	to->len = from->len;
	return 0;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Two hexadecimal digits, or -1. */
static int hex_byte(const char *text)
{
	int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

	return low < 0 ? -1 : high << 4 | low;
}

/* "hex:" and pairs of digits, spaces between them as one likes. False: something else is there. */
static bool read_hex(const char *text, struct config_bytes *b)
{
	int byte;

	while (*text) {
		if (*text == ' ') {
			text++;
			continue;
		}
		byte = hex_byte(text);
		if (byte < 0)
			return false;
		b->data[b->len++] = (uint8_t)byte;
		text += 2;
	}
	return b->len > 0;
}

/* Text, in which \r \n \t \0 \\ and \xHH stand for bytes. False: another letter after a backslash. */
static bool read_escaped(const char *text, size_t len, struct config_bytes *b)
{
	static const char letters[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
	const char *end = text + len, *known;
	int byte;

	for (; text < end; text++) {
		if (*text != '\\') {
			b->data[b->len++] = (uint8_t)*text;
			continue;
		}
		text++;
		known = *text ? strchr(letters, *text) : NULL;
		byte = *text == 'x' ? hex_byte(text + 1) : -1;
		if (byte >= 0)
			text += 2;
		else if (known)
			byte = (unsigned char)bytes[known - letters];
		else
			return false;
		b->data[b->len++] = (uint8_t)byte;
	}
	return true;
}

void value__bytes(struct reader *r, const struct option *o, struct node *value, void *base)
{
	struct config_bytes *to = (struct config_bytes *)((char *)base + o->offset), b = {0};
	bool hex, fits;

	if (!option__expect(r, value, NODE_SCALAR, "text, or hex: and hexadecimal digits"))
		return;
	if (!value->len || value->len > o->max) {
		reader__problem(r, value, "is %zu bytes long; it may be 1 to %llu", value->len,
				(unsigned long long)o->max);
		return;
	}
	b.data = malloc(value->len);
	if (!b.data) {
		r->err = -ENOMEM;
		return;
	}
	hex = strncmp(value->text, "hex:", 4) == 0;
	fits = hex ? read_hex(value->text + 4, &b) : read_escaped(value->text, value->len, &b);
	if (fits) {
		free(to->data);
		*to = b;
		return;
	}
	free(b.data);
	reader__problem(r, value,
			hex ? "has no pairs of hexadecimal digits after \"hex:\""
			    : "has a \"\\\" before something else than r, n, t, 0, \\ or "
			      "x and two hexadecimal digits");
}

/* --- steps -------------------------------------------------------------------------------------- */

void config_steps__clear(struct config_steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].bytes.data);
	free(s->list);
	*s = (struct config_steps){0};
}

int config_steps__copy(const struct config_steps *from, struct config_steps *to)
{
	*to = (struct config_steps){0};
	if (!from->n)
		return 0;
	to->list = calloc(from->n, sizeof(*to->list));
	if (!to->list)
		return -ENOMEM;
	for (; to->n < from->n; to->n++) {
		to->list[to->n].expect = from->list[to->n].expect;
		if (config_bytes__copy(&from->list[to->n].bytes, &to->list[to->n].bytes)) {
			config_steps__clear(to);
			return -ENOMEM;
		}
	}
	return 0;
}

#define STEP "a mapping with one key, send or expect"

static void read_step(struct reader *r, struct node *item, struct config_step *step)
{
	static const struct option bytes = {"", value__bytes, AT(struct config_step, bytes),
					    .max = WORD_MAX_LEN};
	const char *key;
	size_t was;

	if (!option__expect(r, item, NODE_MAP, STEP))
		return;
	key = item->n_kids == 2 && item->kids[0]->kind == NODE_SCALAR ? item->kids[0]->text : "";
	step->expect = strcmp(key, "expect") == 0;
	if (!step->expect && strcmp(key, "send") != 0) {
		reader__problem(r, item, "must be " STEP);
		return;
	}
	was = reader__enter_key(r, key);
	value__bytes(r, &bytes, item->kids[1], step);
	reader__leave(r, was);
}

void value__steps(struct reader *r, const struct option *o, struct node *value, void *base)
{
	struct config_steps *s = (struct config_steps *)((char *)base + o->offset);

	if (value->kind == NODE_LIST && value->n_kids > o->max) {
		reader__problem(r, value, "holds %zu steps, at most %llu fit", value->n_kids,
				(unsigned long long)o->max);
		return;
	}
	s->list = schema__array(r, value, sizeof(*s->list), 1, "a list of steps");
	if (!s->list)
		return;
	s->n = value->n_kids;
	for (size_t i = 0; i < value->n_kids && reader__visit(r, value->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		read_step(r, value->kids[i], &s->list[i]);
		reader__leave(r, was);
	}
}
