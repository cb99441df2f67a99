/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * docs/configuration.md says what the tables of user/config/schema*.c say: for each section a heading, for each key a row,
 * for no other, and in the row the kind of value, its range or length, its words, its default. Run from the root of the
 * repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "config/show.h"
#include "config/value.h"

#define CELL 512

static char page[1 << 17];
static unsigned int n_rows, n_wrong;

/* The row of a key: "| `key` | value | default | meaning |". */
struct row {
	char key[64], value[CELL], fallback[CELL];
};

static void wrong(const char *path, const struct row *row, const char *column, const char *want)
{
	n_wrong++;
	print_error("docs/configuration.md, `%s`, `%s`: %s is told as \"%s\", and should be %s\n",
		    path, row->key, column, !strcmp(column, "value") ? row->value : row->fallback,
		    want);
}

/* --- what the tables say ------------------------------------------------------------------------------ */

static const char *show_ms(uint64_t ms, char *out, size_t size)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	size_t i = ms ? 0 : 2;

	while (ms % units[i].ms)
		i++;
	snprintf(out, size, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].name);
	return out;
}

static void show_choices(const struct choice *c, char *out, size_t size)
{
	size_t n = 0;

	for (out[0] = '\0'; c->name; c++)
		n += (size_t)snprintf(out + n, size - n, "%s`%s`", n ? ", " : "", c->name);
	assert_true(n < size);
}

/* How a value with a range begins; false: it has none. */
static bool show_range(const struct option *o, char *out, size_t size)
{
	char min[32], max[32];

	if (o->parse == value__duration)
		snprintf(out, size, "duration, %s to %s", show_ms(o->min, min, sizeof(min)),
			 show_ms(o->max, max, sizeof(max)));
	else if (o->parse == value__percent)
		snprintf(out, size, "percentage, %llu%% to %llu%%", (unsigned long long)o->min,
			 (unsigned long long)o->max);
	else if (o->parse == value__number || o->parse == value__port)
		snprintf(out, size, "number, %llu to %llu", (unsigned long long)o->min,
			 (unsigned long long)o->max);
	else if (o->parse == value__ports)
		snprintf(out, size, "ports, in %llu to %llu", (unsigned long long)o->min,
			 (unsigned long long)o->max);
	else if (o->parse == value__status)
		snprintf(out, size, "`200` or `200-399`, in %llu to %llu",
			 (unsigned long long)o->min, (unsigned long long)o->max);
	else
		return false;
	return true;
}

/* Bytes, or how many values a list may have; 0: no bound of the table's. */
static uint64_t most_of(const struct option *o)
{
	return o->parse == value__name ? o->size - 1
	       : o->parse == value__string || o->parse == value__words ||
			       o->parse == value__bytes || o->parse == value__steps
		       ? o->max
		       : 0;
}

/* A word of those whose range or length is not all that is to be told; NULL: any. */
static const char *word_of(const struct option *o)
{
	static const struct {
		option_parse *parse;
		const char *word;
	} words[] = {
		{value__host, "address"},
		{value__neighbor, "neighbour"},
		{value__endpoint, "address and port"},
		{value__vip, "address, or prefix"},
		{value__prefix4, "IPv4 prefix"},
		{value__prefix6, "IPv6 prefix"},
		{value__flow_key, "64 hex digits"},
		{value__words, "list of up to"},
		{value__steps, "list of up to"},
		{value__bytes, "bytes"},
		{option__section, "mapping"},
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (o->parse == words[i].parse)
			return words[i].word;
	}
	return o->rule == rule__file ? "absolute path" : o->list ? "list of" : NULL;
}

/* --- the rows ----------------------------------------------------------------------------------------- */

/* `text` stands at `at`, and the word or number that it ends with ends there. */
static bool stands_at(const char *at, const char *text)
{
	size_t len = strlen(text);

	return strncmp(at, text, len) == 0 && !isalnum((unsigned char)at[len]);
}

static bool has(const char *cell, const char *text)
{
	for (; (cell = strstr(cell, text)); cell++) {
		if (stands_at(cell, text))
			return true;
	}
	return false;
}

/* Words of a closed list that a rule keeps, "`A`, `AAAA`": each of them is one. */
static bool are_ruled(const struct option *o, const char *cell)
{
	char word[32];

	while ((cell = strchr(cell, '`'))) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(cell + 1, "`"), cell + 1);
		if (o->rule(word))
			return false;
		cell += strlen(word) + 2;
	}
	return true;
}

static void check_value(const char *path, const struct option *o, const struct row *row)
{
	bool closed = o->rule == rule__dns_record || o->rule == rule__color;
	const char *word = word_of(o);
	char want[CELL];

	if (show_range(o, want, sizeof(want)) && !stands_at(row->value, want))
		wrong(path, row, "value", want);
	if (word && !strstr(row->value, word))
		wrong(path, row, "value", word);
	snprintf(want, sizeof(want), "up to %llu", (unsigned long long)most_of(o));
	if (closed ? !are_ruled(o, row->value) : most_of(o) && !has(row->value, want))
		wrong(path, row, "value", want);
	if (o->parse != value__choice)
		return;
	show_choices(o->choices, want, sizeof(want));
	if (strcmp(row->value, want) != 0)
		wrong(path, row, "value", want);
}

/* A file in which one probe of that kind has nothing but defaults. */
static struct config *parse_plain(const char *kind)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char text[512];

	snprintf(
		text, sizeof(text),
		"interfaces: [eth0]\nservices: [{name: a, vip: 192.0.2.1, port: 80, probe: {type: %s%s},"
		" backends: [{address: 192.0.2.2}]}]\n",
		kind, !strcmp(kind, "dns") ? ", name: example" : "");
	if (config__parse("f", text, strlen(text), &c, &problems))
		fail_msg("%s", problems.list[0].text);
	config_problems__free(&problems);
	return c;
}

/* A default that no table has, but that is told as a value: it is the one that comes out. */
static void check_computed(const char *path, const struct option *o, const struct row *row)
{
	bool probe = !strcmp(path, "services[].probe");
	const struct choice *kind = choice_probe_kinds;
	char shown[SHOW_LEN], told[CELL], want[CELL + 2], *place;
	struct config *c;

	while (kind[1].name && !(o->kinds & UINT64_C(1) << kind->value))
		kind++;
	c = parse_plain(probe && o->kinds ? kind->name : "tcp");
	show__value(o, probe ? (const void *)&c->services[0].probe : c, shown);
	snprintf(told, sizeof(told), "%s", row->fallback);
	place = strstr(told, "<instance>");
	snprintf(want, sizeof(want), "`%s`", shown);
	if (place)
		snprintf(told, sizeof(told), "%.*smain%s", (int)(place - told), row->fallback,
			 strstr(row->fallback, "<instance>") + strlen("<instance>"));
	if (strcmp(told, want) != 0)
		wrong(path, row, "default", want);
	config__free(c);
}

/* Values that are none of the objects that check_computed() makes: another key's, and one for each daemon. */
static bool is_told_otherwise(const char *path, const char *key)
{
	return (!strcmp(path, "services[]") && !strcmp(key, "min_up_again")) ||
	       (!strcmp(path, "vrrp[].track.bgp[]") && !strcmp(key, "socket"));
}

static void check_fallback(const char *path, const struct option *o, const struct row *row)
{
	char want[CELL];
	size_t len;

	if (o->missing && strcmp(row->fallback, "required") != 0)
		wrong(path, row, "default", "required");
	if (!o->fallback && row->fallback[0] == '`' && !is_told_otherwise(path, row->key))
		check_computed(path, o, row);
	if (!o->fallback)
		return;
	len = (size_t)snprintf(want, sizeof(want), "`%s`", o->fallback);
	if (strncmp(row->fallback, want, len) != 0 ||
	    (row->fallback[len] && row->fallback[len] != ':'))
		wrong(path, row, "default", want);
}

static const char *read_cell(const char *at, char *out)
{
	const char *end = strchr(at, '|');

	assert_non_null(end);
	while (*at == ' ')
		at++;
	snprintf(out, CELL, "%.*s", (int)(end - at), at);
	for (size_t n = strlen(out); n && out[n - 1] == ' '; n--)
		out[n - 1] = '\0';
	return end + 1;
}

/* Where the section begins; it may share its heading with others: "## `a`, `b`". */
static const char *find_heading(const char *path)
{
	char name[128];

	snprintf(name, sizeof(name), "`%s`", path);
	for (const char *at = page; (at = strstr(at, "\n## ")); at++) {
		size_t len = strcspn(at + 1, "\n");
		const char *in = *path ? strstr(at, name) : strstr(at, "Top level");

		if (in && in < at + 1 + len)
			return at + 1 + len;
	}
	fail_msg("docs/configuration.md has no heading for `%s`", path);
	return NULL;
}

static void check_section(const struct section *s, const char *path)
{
	const char *at = find_heading(path), *end = strstr(at, "\n## ");
	size_t i = 0;
	struct row row;

	while ((at = strstr(at, "\n| `")) && (!end || at < end)) {
		at += strlen("\n| `");
		snprintf(row.key, sizeof(row.key), "%.*s", (int)strcspn(at, "`"), at);
		at = read_cell(strchr(at, '|') + 1, row.value);
		at = read_cell(at, row.fallback);
		if (i == s->n || strcmp(s->options[i].key, row.key) != 0)
			fail_msg(
				"docs/configuration.md, `%s`: there is a row for '%s', the next key "
				"is '%s'",
				path, row.key, i == s->n ? "" : s->options[i].key);
		check_value(path, &s->options[i], &row);
		check_fallback(path, &s->options[i], &row);
		n_rows++;
		i++;
	}
	if (i < s->n)
		fail_msg("docs/configuration.md, `%s`: no row for '%s'", path, s->options[i].key);
}

static void walk(const struct section *s, const char *path)
{
	char below[256];

	check_section(s, path);
	for (size_t i = 0; i < s->n; i++) {
		const struct option *o = &s->options[i];
		const struct section *in = o->section  ? o->section
					   : o->inside ? o->inside
					   : o->list   ? o->list->section
						       : NULL;

		if (!in)
			continue;
		snprintf(below, sizeof(below), "%s%s%s%s", path, *path ? "." : "", o->key,
			 o->list ? "[]" : "");
		walk(in, below);
	}
}

static void test_rows(void **state)
{
	FILE *f = fopen("docs/configuration.md", "re");
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	assert_true(n < sizeof(page) - 1);
	walk(&config_section, "");
	assert_int_equal(n_wrong, 0);
	assert_true(n_rows > 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
