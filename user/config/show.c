/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

static uint64_t load(const void *at, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	default:
		return *(const uint32_t *)at;
	}
}

static void show_duration(uint64_t ms, char buf[SHOW_LEN])
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;

	if (!ms) {
		snprintf(buf, SHOW_LEN, "0s");
		return;
	}
	while (ms % units[i].ms)
		i++;
	snprintf(buf, SHOW_LEN, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
}

/* What is 0 though it can't be is not there. */
static void show_number(const struct option *o, const void *at, char buf[SHOW_LEN])
{
	uint64_t value = load(at, o->size);

	if (!value && o->min)
		return;
	if (o->parse == value__duration)
		show_duration(value, buf);
	else
		snprintf(buf, SHOW_LEN, "%" PRIu64 "%s", value,
			 o->parse == value__percent ? "%" : "");
}

static void show_choice(const struct option *o, const void *at, char buf[SHOW_LEN])
{
	uint64_t value = load(at, o->size);

	for (const struct choice *c = o->choices; c->name; c++) {
		if (c->value == value) {
			snprintf(buf, SHOW_LEN, "%s", c->name);
			return;
		}
	}
}

static void show_range(const uint16_t *at, char buf[SHOW_LEN])
{
	if (!at[0] && at[1] == UINT16_MAX)
		snprintf(buf, SHOW_LEN, "any");
	else if (at[0] == at[1])
		snprintf(buf, SHOW_LEN, "%u", at[0]);
	else
		snprintf(buf, SHOW_LEN, "%u-%u", at[0], at[1]);
}

static void show_address(const struct option *o, const void *at, char buf[SHOW_LEN])
{
	static const struct addr none;
	const struct addr *a = at;
	char text[ADDR_STRLEN];

	if (o->parse == value__endpoint)
		snprintf(buf, SHOW_LEN, addr__is4(a) ? "%s:%u" : "[%s]:%u", addr__format(a, text),
			 *(const uint16_t *)(a + 1));
	else if (!addr__equal(a, &none))
		addr__format(a, buf);
}

/* Of texts only addresses: what is sent, run or put into headers may hold a password. */
static void show_words(const struct option *o, const struct config_words *w, char buf[SHOW_LEN])
{
	size_t at = 0;

	if (w->n && o->rule != rule__endpoint) {
		snprintf(buf, SHOW_LEN, SHOW_HIDDEN);
		return;
	}
	for (size_t i = 0; i < w->n && at < SHOW_LEN; i++)
		at += (size_t)snprintf(buf + at, SHOW_LEN - at, "%s%s", i ? ", " : "", w->list[i]);
}

static bool is_number(const struct option *o)
{
	return o->parse == value__number || o->parse == value__duration ||
	       o->parse == value__percent;
}

static bool is_address(const struct option *o)
{
	return o->parse == value__host || o->parse == value__neighbor ||
	       o->parse == value__endpoint;
}

static bool is_range(const struct option *o)
{
	return o->parse == value__port || o->parse == value__ports || o->parse == value__status;
}

static bool is_prefix(const struct option *o)
{
	return o->parse == value__vip || o->parse == value__net || o->parse == value__prefix4 ||
	       o->parse == value__prefix6;
}

const char *show__value(const struct option *o, const void *base, char buf[SHOW_LEN])
{
	const void *at = (const char *)base + o->offset;

	buf[0] = '\0';
	if (o->has && !*((const bool *)base + o->has))
		return buf;
	if (o->show) {
		o->show(at, buf, SHOW_LEN);
	} else if (is_number(o)) {
		show_number(o, at, buf);
	} else if (o->parse == value__choice) {
		show_choice(o, at, buf);
	} else if (is_address(o)) {
		show_address(o, at, buf);
	} else if (is_range(o)) {
		show_range(at, buf);
	} else if (is_prefix(o)) {
		addr_prefix__format(at, buf);
	} else if (o->parse == value__name) {
		snprintf(buf, SHOW_LEN, "%s", (const char *)at);
	} else if (o->parse == value__string) {
		const char *text = *(char *const *)at;

		snprintf(buf, SHOW_LEN, "%s", text ? text : "");
	} else if (o->parse == value__words) {
		show_words(o, at, buf);
	} else if (o->parse == value__bytes) {
		snprintf(buf, SHOW_LEN, "%s",
			 ((const struct config_bytes *)at)->data ? SHOW_HIDDEN : "");
	} else if (o->parse == value__steps) {
		snprintf(buf, SHOW_LEN, "%s",
			 ((const struct config_steps *)at)->n ? SHOW_HIDDEN : "");
	} else if (o->parse == value__flow_key) {
		snprintf(buf, SHOW_LEN, SHOW_HIDDEN);
	}
	return buf;
}

static bool same_words(const struct config_words *a, const struct config_words *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++) {
		if (strcmp(a->list[i], b->list[i]) != 0)
			return false;
	}
	return a->n == b->n;
}

static bool same_bytes(const struct config_bytes *a, const struct config_bytes *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static bool same_steps(const struct config_steps *a, const struct config_steps *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++) {
		if (a->list[i].expect != b->list[i].expect ||
		    !same_bytes(&a->list[i].bytes, &b->list[i].bytes))
			return false;
	}
	return a->n == b->n;
}

bool show__same(const struct option *o, const void *a, const void *b)
{
	const void *x = (const char *)a + o->offset, *y = (const char *)b + o->offset;
	char old[SHOW_LEN], now[SHOW_LEN];

	if (o->has && *((const bool *)a + o->has) != *((const bool *)b + o->has))
		return false;
	if (o->parse == value__words)
		return same_words(x, y);
	if (o->parse == value__bytes)
		return same_bytes(x, y);
	if (o->parse == value__steps)
		return same_steps(x, y);
	if (o->parse == value__flow_key)
		return memcmp(x, y, o->size) == 0;
	if (o->parse == value__string) {
		const char *s = *(char *const *)x, *t = *(char *const *)y;

		return strcmp(s ? s : "", t ? t : "") == 0;
	}
	return strcmp(show__value(o, a, old), show__value(o, b, now)) == 0;
}
