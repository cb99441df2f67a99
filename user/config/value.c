/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"
#include "core/duration.h"

const char *value__show(const char *text, char buf[VALUE_SHOWN])
{
	size_t len = strlen(text), n = len < VALUE_SHOWN - 4 ? len : VALUE_SHOWN - 4;

	/* Not through the middle of a UTF-8 sequence. */
	while (n < len && n > 0 && (text[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		buf[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	memcpy(buf + n, n < len ? "..." : "", n < len ? 4 : 1);
	return buf;
}

/* The text of a value that must be a scalar, or NULL after telling what is wrong. */
static const char *text_of(struct reader *r, struct node *n, const char *noun)
{
	if (!option__expect(r, n, NODE_SCALAR, noun))
		return NULL;
	for (size_t i = 0; i < n->len; i++) {
		if (iscntrl((unsigned char)n->text[i])) {
			reader__problem(r, n, "holds a control character (byte 0x%02x)",
					(unsigned char)n->text[i]);
			return NULL;
		}
	}
	return n->text;
}

static void store(void *base, const struct option *o, uint64_t value)
{
	char *to = (char *)base + o->offset;

	switch (o->size) {
	case 1:
		*(uint8_t *)to = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)value;
		break;
	default:
		*(uint32_t *)to = (uint32_t)value;
		break;
	}
}

/*
 * Reads decimal digits up to `end`. A leading zero is refused: to some readers of YAML it means
 * octal. Numbers of more than 12 digits become the largest that is still out of every range.
 */
static bool digits(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || (text[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		v = i < 12 ? v * 10 + (uint64_t)(text[i] - '0') : UINT32_MAX * 1000ULL;
	}
	*out = v;
	return true;
}

void value__number(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *text = text_of(r, value, "a number");
	char shown[VALUE_SHOWN];
	uint64_t v;

	if (!text)
		return;
	if (!digits(text, value->len, &v))
		reader__problem(r, value, "\"%s\" is not a whole decimal number",
				value__show(text, shown));
	else if (v < o->min || v > o->max)
		reader__problem(r, value, "%s is not in %llu..%llu", value__show(text, shown),
				(unsigned long long)o->min, (unsigned long long)o->max);
	else
		store(base, o, v);
}

static const struct choice units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0},
};

/* A duration in its largest whole unit. */
static const char *show_ms(uint64_t ms, char *buf, size_t len)
{
	const struct choice *u = &units[3];

	while (u > units && (ms == 0 || ms % u->value != 0))
		u--;
	snprintf(buf, len, "%llu%s", (unsigned long long)(ms / u->value), u->name);
	return buf;
}

void value__duration(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *text = text_of(r, value, "a duration, as in 500ms");
	char shown[VALUE_SHOWN], min[24], max[24];
	uint64_t v = 0;
	int rc;

	if (!text)
		return;
	rc = duration__parse(text, &v);
	if (rc == -EINVAL) {
		reader__problem(r, value,
				"\"%s\" is not a duration; write a whole number and ms, s, m or h, "
				"as in 500ms",
				value__show(text, shown));
	} else if (rc) {
		reader__problem(r, value, "%s has no unit; write a unit, as in 500ms",
				value__show(text, shown));
	} else if (v < o->min || v > o->max) {
		reader__problem(r, value, "%s is not in %s..%s", value__show(text, shown),
				show_ms(o->min, min, sizeof(min)),
				show_ms(o->max, max, sizeof(max)));
	} else {
		store(base, o, v);
	}
}

void value__percent(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *text = text_of(r, value, "a percentage, as in 10%");
	char shown[VALUE_SHOWN];
	size_t n;
	uint64_t v;

	if (!text)
		return;
	n = strspn(text, "0123456789");
	if (!digits(text, n, &v) || strcmp(text + n, "%") != 0)
		reader__problem(r, value, "\"%s\" is not a percentage; write it as in 10%%",
				value__show(text, shown));
	else if (v < o->min || v > o->max)
		reader__problem(r, value, "%s is not in %llu%%..%llu%%", value__show(text, shown),
				(unsigned long long)o->min, (unsigned long long)o->max);
	else
		store(base, o, v);
}

static const char *choice_at(const void *choices, size_t i)
{
	return ((const struct choice *)choices)[i].name;
}

void value__choice(struct reader *r, const struct option *o, struct node *value, void *base)
{
	char all[256] = "", noun[288], shown[VALUE_SHOWN];
	const char *text, *near;
	size_t n = 0, used = 0;

	for (; o->choices[n].name && used < sizeof(all); n++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", n ? ", " : "",
					 o->choices[n].name);
	snprintf(noun, sizeof(noun), "one of %s", all);
	text = text_of(r, value, noun);
	if (!text)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(o->choices[i].name, text) == 0) {
			store(base, o, o->choices[i].value);
			return;
		}
	}
	near = suggest__nearest(text, choice_at, o->choices, n);
	if (near)
		reader__problem(r, value, "\"%s\" is not one of %s; did you mean \"%s\"?",
				value__show(text, shown), all, near);
	else
		reader__problem(r, value, "\"%s\" is not one of %s", value__show(text, shown), all);
}

static int hex(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

void value__flow_key(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *text = text_of(r, value, "64 hexadecimal digits");
	uint64_t key[4] = {0};
	size_t n = 0;

	if (!text)
		return;
	for (; n < 64 && hex(text[n]) >= 0; n++)
		key[n / 16] = key[n / 16] << 4 | (uint64_t)hex(text[n]);
	/* The key is a secret: the message does not repeat it. */
	if (n != 64 || text[n])
		reader__problem(r, value,
				"is not 64 hexadecimal digits; make one with "
				"\"openssl rand -hex 32\"");
	else
		memcpy((char *)base + o->offset, key, sizeof(key));
}

/* How messages call a number or a range of them. */
struct range_words {
	const char *noun; /* "a status" */
	const char *as; /* "200 or 200-399" */
	const char *unit; /* "status" */
};

/* Reads "200" or "200-399" within the option's bounds, or tells what is wrong. */
static bool read_range(struct reader *r, const struct option *o, struct node *value,
		       const char *text, const struct range_words *words, uint64_t range[2])
{
	size_t n = strcspn(text, "-");
	const char *last = text[n] ? text + n + 1 : text;
	char shown[VALUE_SHOWN];

	value__show(text, shown);
	if (!digits(text, n, &range[0]) || !digits(last, strlen(last), &range[1]))
		reader__problem(r, value, "\"%s\" is not %s; write it as in %s", shown, words->noun,
				words->as);
	else if (range[0] < o->min || range[0] > o->max || range[1] < o->min || range[1] > o->max)
		reader__problem(r, value, "%s is not in %llu..%llu", shown,
				(unsigned long long)o->min, (unsigned long long)o->max);
	else if (range[0] > range[1])
		reader__problem(r, value, "%s is empty; write the lower %s first", shown,
				words->unit);
	else
		return true;
	return false;
}

/* Both numbers to the member at the option's offset, which another of the same type follows. */
static void store_range(void *base, const struct option *o, const uint64_t range[2])
{
	uint16_t *to = (uint16_t *)((char *)base + o->offset);

	to[0] = (uint16_t)range[0];
	to[1] = (uint16_t)range[1];
}

void value__status(struct reader *r, const struct option *o, struct node *value, void *base)
{
	static const struct range_words words = {"a status", "200 or 200-399", "status"};
	const char *text = text_of(r, value, "a status, as in 200 or 200-399");
	uint64_t range[2];

	if (text && read_range(r, o, value, text, &words, range))
		store_range(base, o, range);
}

void value__ports(struct reader *r, const struct option *o, struct node *value, void *base)
{
	static const struct range_words words = {"a range of ports", "1024-32767", "port"};
	const char *text = text_of(r, value, "a range of ports, as in 1024-32767");
	uint64_t range[2];

	if (text && read_range(r, o, value, text, &words, range))
		store_range(base, o, range);
}

void value__port(struct reader *r, const struct option *o, struct node *value, void *base)
{
	static const struct range_words words = {"a port", "443, 8000-8999 or any", "port"};
	const char *text = text_of(r, value, "a port, as in 443, 8000-8999 or any");
	uint64_t range[2] = {0, UINT16_MAX};

	if (text && (strcmp(text, "any") == 0 || read_range(r, o, value, text, &words, range)))
		store_range(base, o, range);
}

/* The text of a value that follows the option's rule and is at most `max` bytes, or NULL. */
static const char *ruled_text(struct reader *r, const struct option *o, struct node *value,
			      size_t max)
{
	const char *text = text_of(r, value, "text"), *wrong;
	char shown[VALUE_SHOWN];

	if (!text)
		return NULL;
	if (!*text) {
		reader__problem(r, value, "is empty");
		return NULL;
	}
	if (value->len > max) {
		reader__problem(r, value, "is %zu bytes long, at most %zu fit", value->len, max);
		return NULL;
	}
	wrong = o->rule ? o->rule(text) : NULL;
	if (!wrong)
		return text;
	reader__problem(r, value, "\"%s\" %s", value__show(text, shown), wrong);
	return NULL;
}

void value__name(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *text = ruled_text(r, o, value, o->size - 1);

	if (text)
		memcpy((char *)base + o->offset, text, value->len + 1);
}

void value__string(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *text = ruled_text(r, o, value, o->max);
	char **to = (char **)((char *)base + o->offset);

	if (!text)
		return;
	*to = strdup(text);
	if (!*to)
		r->err = -ENOMEM;
}
