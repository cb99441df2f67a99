/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of late wake-ups, and that it is forgotten in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vip/lateness.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)

static struct lateness l;
static uint64_t now = SECOND;

/* So many wake-ups, one each `every_ns`, each as late as that. */
static void wake(unsigned int n, uint64_t every_ns, uint64_t late_ns)
{
	for (unsigned int i = 0; i < n; i++) {
		now += every_ns;
		lateness__note(&l, late_ns, now);
	}
}

static uint64_t lately(void)
{
	struct lateness_counts c;

	lateness__lately(&l, &c);
	return lateness_counts__quantile(&c, 9999);
}

static void test_quantile(void **state)
{
	struct lateness_counts c = {.total = 9999, .max_ns = 700 * MS};

	(void)state;
	c.n[3] = 9999;
	assert_int_equal(lateness_counts__quantile(&c, 9999), 0);
	c.n[3] = 20000 - 3;
	c.n[10] = 1;
	c.n[20] = 2;
	c.total = 20000;
	assert_int_equal(lateness_counts__quantile(&c, 5000), 8000);
	assert_int_equal(lateness_counts__quantile(&c, 9999), 1024000);
	/* The bucket's end is 1.05 s; what was measured says more. */
	assert_int_equal(lateness_counts__quantile(&c, 10000), 700 * MS);
	c.max_ns = 900 * MS;
	assert_int_equal(lateness_counts__quantile(&c, 10000), 900 * MS);
}

/* A bad moment counts for a window and the one after it, and not for ever; the metric keeps it. */
static void test_forgotten(void **state)
{
	struct lateness_counts all;

	(void)state;
	wake(9990, 10 * MS, 5000);
	assert_int_equal(lately(), 0);
	wake(20, 10 * MS, 300 * MS);
	assert_int_equal(lately(), 300 * MS);
	/* 10 minutes are over, but for a wake-up; then a window begins, and what was still counts. */
	wake(59999 - 10010, 10 * MS, 5000);
	assert_int_equal(lately(), 300 * MS);
	wake(10002, 10 * MS, 5000);
	assert_int_equal(lately(), 300 * MS);
	wake(60000, 10 * MS, 5000);
	assert_int_equal(lately(), 5000);
	lateness__all(&l, &all);
	assert_int_equal(all.max_ns, 300 * MS);
	assert_int_equal(all.total, 9990 + 20 + 49989 + 10002 + 60000);
}

/* Where wake-ups are rare a window takes as long as there are enough of them. */
static void test_rare(void **state)
{
	(void)state;
	wake(70000, 10 * MS, 5000);
	wake(30, SECOND, 40 * MS);
	wake(8000, SECOND, 5000);
	assert_int_equal(lately(), 40 * MS);
	wake(2000, SECOND, 5000);
	assert_int_equal(lately(), 40 * MS);
	wake(10000, SECOND, 5000);
	assert_int_equal(lately(), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantile),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_rare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
