/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a command says how far it is, and what; and that what --json prints is UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/progress.h"

#define BEGAN 5000
#define ERASE "\r\033[K"

/* A terminal's place. */
struct paper {
	char *text;
	size_t len;
	struct progress progress;
};

static void begin(struct paper *p)
{
	*p = (struct paper){.progress = {.what = "applying", .began_ms = BEGAN}};
	p->progress.out = open_memstream(&p->text, &p->len);
	assert_non_null(p->progress.out);
}

/* What was drawn since the last look. */
static void expect(struct paper *p, uint64_t now_ms, const char *text)
{
	size_t before = p->len;

	progress__tick(&p->progress, now_ms);
	fflush(p->progress.out);
	assert_string_equal(p->text + before, text);
}

static void end(struct paper *p, const char *text)
{
	size_t before = p->len;

	progress__end(&p->progress);
	fflush(p->progress.out);
	assert_string_equal(p->text + before, text);
	fclose(p->progress.out);
	free(p->text);
}

static void test_elapsed(void **state)
{
	struct paper p;

	(void)state;
	begin(&p);
	fflush(p.progress.out);
	expect(&p, BEGAN, "");
	expect(&p, BEGAN + PROGRESS_PATIENCE_MS - 1, "");
	expect(&p, BEGAN + PROGRESS_PATIENCE_MS, ERASE "applying: 2 s");
	expect(&p, BEGAN + PROGRESS_PATIENCE_MS + 99, "");
	expect(&p, BEGAN + PROGRESS_PATIENCE_MS + 1000, ERASE "applying: 3 s");
	end(&p, ERASE);
}

/* What was quick leaves nothing, not even an escape. */
static void test_quick(void **state)
{
	struct paper p;

	(void)state;
	begin(&p);
	fflush(p.progress.out);
	expect(&p, BEGAN + 1999, "");
	end(&p, "");
}

static void test_bar(void **state)
{
	struct paper p;

	(void)state;
	begin(&p);
	fflush(p.progress.out);
	p.progress.total = 400;
	expect(&p, BEGAN + 2000, ERASE "[..............................] applying: 0 of 400");
	p.progress.done = 200;
	expect(&p, BEGAN + 2050, "");
	expect(&p, BEGAN + 2100, ERASE "[###############...............] applying: 200 of 400");
	p.progress.done = 400;
	expect(&p, BEGAN + 2200, ERASE "[##############################] applying: 400 of 400");
	end(&p, ERASE);
}

/* Nobody looks: a test has no terminal, and --json wants none. */
static void test_nobody(void **state)
{
	struct progress p;

	(void)state;
	progress__begin(&p, "applying", true);
	assert_null(p.out);
	progress__tick(&p, p.began_ms + 10000);
	progress__end(&p);
}

static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"f\xc3\xbcr 50 \xe2\x82\xac", "f\xc3\xbcr 50 \xe2\x82\xac"},
		{"f\xfcr", "f?r"},
		{"\xe2\x82", "??"},
		{"\xc0\x80", "??"},
		{"\x7f\x01", "\x7f\x01"},
		{"\xed\xa0\x80", "???"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *text = json_out__text(cases[i].in);

		assert_non_null(text);
		assert_string_equal(json_string_value(text), cases[i].out);
		json_decref(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elapsed), cmocka_unit_test(test_quick),
		cmocka_unit_test(test_bar),	cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
