/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/prom.h"

/* The text, which is freed with the next call. */
static const char *text_of(struct prom *p)
{
	static char *text;

	assert_false(p->failed);
	free(text);
	text = strndup(p->text, p->len);
	free(p->text);
	*p = (struct prom){0};
	return text;
}

static void test_samples(void **state)
{
	struct prom p = {0};

	(void)state;
	prom__family(&p, "a_total", PROM_COUNTER, "How many.");
	prom__integer(&p, "", 0);
	prom__integer(&p, "x=\"1\"", UINT64_MAX);
	prom__family(&p, "b", PROM_GAUGE, "What.");
	prom__real(&p, "", 0.05);
	prom__real(&p, "", 1e300);
	prom__seconds(&p, "", 0);
	prom__seconds(&p, "", 12000000345);
	prom__seconds(&p, "", 1764355200123456789);
	assert_string_equal(text_of(&p), "# HELP a_total How many.\n"
					 "# TYPE a_total counter\n"
					 "a_total 0\n"
					 "a_total{x=\"1\"} 18446744073709551615\n"
					 "# HELP b What.\n"
					 "# TYPE b gauge\n"
					 "b 0.05\n"
					 "b 1e+300\n"
					 "b 0.000000000\n"
					 "b 12.000000345\n"
					 "b 1764355200.123456789\n");
}

static void test_append(void **state)
{
	struct prom p = {0}, more = {0}, none = {0};

	(void)state;
	prom__family(&p, "a", PROM_GAUGE, "What.");
	prom__integer(&p, "", 1);
	prom__append(&p, &none);
	prom__family(&more, "b", PROM_GAUGE, "What.");
	prom__integer(&more, "", 2);
	prom__append(&p, &more);
	free(more.text);
	assert_string_equal(
		text_of(&p),
		"# HELP a What.\n# TYPE a gauge\na 1\n# HELP b What.\n# TYPE b gauge\nb 2\n");
	none.failed = true;
	prom__append(&p, &none);
	assert_true(p.failed);
}

/* Several share a text, and what a peer or a file calls something can't end a line or a string. */
static void test_labels(void **state)
{
	struct prom p = {0};
	size_t first = prom__labels(&p, "a", "1", NULL);
	size_t second = prom__labels(&p, "a", "", "b", "\\x\"y\n", "c", "ü", NULL);

	(void)state;
	assert_string_equal(p.text + first, "a=\"1\"");
	assert_string_equal(p.text + second, "a=\"\",b=\"\\\\x\\\"y\\n\",c=\"ü\"");
	free(p.text);
}

static void test_growth(void **state)
{
	struct prom p = {0};
	size_t lines = 0;
	const char *text;

	(void)state;
	prom__family(&p, "some_name", PROM_GAUGE, "Some.");
	for (uint64_t i = 0; i < 2000; i++)
		prom__integer(&p, "label=\"a value that is somewhat longer\"", i);
	text = text_of(&p);
	for (const char *at = strstr(text, "} "); at; at = strstr(at + 1, "} "))
		assert_int_equal(strtoull(at + 2, NULL, 10), lines++);
	assert_int_equal(lines, 2000);
}

static uint64_t value_of(const char *text, const char *sample)
{
	const char *at = strstr(text, sample);

	if (!at)
		fail_msg("no %s in %s", sample, text);
	return strtoull(at + strlen(sample), NULL, 10);
}

/* Each bound counts exactly what took less. */
static void test_timing(void **state)
{
	static const uint64_t durations_us[] = {0,	  5,	    63,	       64,	127,
						128,	  1000,	    65535,     1048575, 1048576,
						33554431, 33554432, 4000000000};
	const size_t n = sizeof(durations_us) / sizeof(*durations_us);
	struct timing t = {0};
	struct prom p = {0};
	const char *text;
	char sample[80];

	(void)state;
	for (size_t i = 0; i < n; i++)
		timing__add(&t, durations_us[i] * 1000);
	prom__family(&p, "t_seconds", PROM_HISTOGRAM, "T.");
	prom__timing(&p, "k=\"v\"", &t);
	text = text_of(&p);
	for (uint64_t bound = 64; bound <= 33554432; bound *= 2) {
		uint64_t below = 0;

		for (size_t i = 0; i < n; i++)
			below += durations_us[i] < bound;
		snprintf(sample, sizeof(sample),
			 "t_seconds_bucket{k=\"v\",le=\"%" PRIu64 ".%06" PRIu64 "\"} ",
			 bound / 1000000, bound % 1000000);
		assert_int_equal(value_of(text, sample), below);
	}
	assert_int_equal(value_of(text, "t_seconds_bucket{k=\"v\",le=\"+Inf\"} "), n);
	assert_int_equal(value_of(text, "t_seconds_count{k=\"v\"} "), n);
	assert_non_null(strstr(text, "t_seconds_sum{k=\"v\"} 4069.272936000\n"));
}

static void test_bare_histogram(void **state)
{
	const struct prom_histogram h = {
		.below_us = {1, 2000000}, .cumulative = {3, 4}, .n = 2, .count = 9, .sum_ns = 1};
	struct prom p = {0};

	(void)state;
	prom__family(&p, "h", PROM_HISTOGRAM, "H.");
	prom__histogram(&p, "", &h);
	assert_string_equal(text_of(&p), "# HELP h H.\n"
					 "# TYPE h histogram\n"
					 "h_bucket{le=\"0.000001\"} 3\n"
					 "h_bucket{le=\"2.000000\"} 4\n"
					 "h_bucket{le=\"+Inf\"} 9\n"
					 "h_sum 0.000000001\n"
					 "h_count 9\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_append),
		cmocka_unit_test(test_labels),	cmocka_unit_test(test_growth),
		cmocka_unit_test(test_timing),	cmocka_unit_test(test_bare_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
