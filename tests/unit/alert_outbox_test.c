/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What waits for a destination: the rate, what is held back, order, age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "alert/outbox.h"

static struct outbox box;

static struct alert backend(const char *id, enum config_severity severity)
{
	struct alert a = {.status = ALERT_FIRING, .severity = severity, .count = 1};

	a.event.kind = JOURNAL_BACKEND;
	a.event.at_ms = 1000LL * (10 * 3600 + 7);
	snprintf(a.event.backend, sizeof(a.event.backend), "%s", id);
	return a;
}

static void put(unsigned int n, uint64_t now_ms)
{
	char id[16];

	snprintf(id, sizeof(id), "b%u", n);
	struct alert a = backend(id, CONFIG_WARNING);

	outbox__put(&box, &a, now_ms);
}

static void begin(uint32_t rate, uint32_t burst)
{
	const struct config_alert c = {.rate = rate, .burst = burst, .max_age_ms = 5000};

	outbox__init(&box, 1000000);
	outbox__limit(&box, &c, 1000000);
}

static int teardown(void **state)
{
	(void)state;
	outbox__clear(&box);
	return 0;
}

/* The burst comes through, the rest is one alert when a token is there; after it, the order goes on. */
static void test_sum(void **state)
{
	struct outbox_item *last;

	(void)state;
	begin(60, 3);
	for (unsigned int i = 0; i < 5; i++)
		put(i, 1000000);
	assert_int_equal(box.n, 3);
	assert_int_equal(box.n_held, 2);
	assert_int_equal(outbox__due(&box, 1000000), 1001000);
	outbox__turn(&box, 1000999);
	assert_int_equal(box.n, 3);
	outbox__turn(&box, 1001000);
	assert_int_equal(box.n, 4);
	assert_int_equal(box.n_held, 0);
	assert_int_equal(outbox__due(&box, 1001000), OUTBOX_NEVER);
	last = TAILQ_LAST(&box.list, outbox_list);
	assert_int_equal(last->alert.status, ALERT_SUM);
	assert_int_equal(last->alert.count, 2);
	assert_int_equal(last->alert.number, 4);
	assert_string_equal(last->alert.event.detail, "2 more since 10:00:07 UTC: 2 backend");
	assert_string_equal(outbox__first(&box)->alert.event.backend, "b0");
	assert_int_equal(box.held_total, 2);
}

/* What comes while others are held back does not overtake them. */
static void test_order(void **state)
{
	struct outbox_item *item;

	(void)state;
	begin(60, 1);
	put(0, 1000000);
	put(1, 1000000);
	put(2, 1002000);
	/* Two tokens would have come, but the bucket holds one: the first for b1, held alone. */
	assert_int_equal(box.n, 2);
	assert_int_equal(box.n_held, 1);
	item = TAILQ_NEXT(outbox__first(&box), entry);
	assert_int_equal(item->alert.status, ALERT_FIRING);
	assert_string_equal(item->alert.event.backend, "b1");
}

/* The worst of a sum is what it is, and each kind is counted. */
static void test_kinds(void **state)
{
	struct alert a = backend("x", CONFIG_CRITICAL);

	(void)state;
	begin(1, 1);
	put(0, 1000000);
	put(1, 1000000);
	a.event.kind = JOURNAL_SERVICE;
	outbox__put(&box, &a, 1000000);
	put(2, 1000000);
	assert_int_equal(outbox__due(&box, 1000000), 1060000);
	outbox__turn(&box, 1060000);
	a = TAILQ_LAST(&box.list, outbox_list)->alert;
	assert_int_equal(a.severity, CONFIG_CRITICAL);
	assert_string_equal(a.event.detail, "3 more since 10:00:07 UTC: 2 backend, 1 service");
}

/* In the long run, no more than the rate whatever the steps of the clock are. */
static void test_rate(void **state)
{
	(void)state;
	for (uint64_t step = 1; step < 3000; step = step * 3 + 1) {
		uint64_t now = 1000000, got = 0;

		begin(30, 10);
		outbox__clear(&box);
		for (; now < 1000000 + 600000; now += step) {
			put(0, now);
			got += box.n;
			while (box.n)
				outbox__drop_first(&box);
		}
		/* 30 a minute for 10 minutes, and the burst. */
		assert_in_range(got, 308, 311);
		assert_true(box.n_held > 0);
		box.n_held = 0;
	}
}

/* It is bounded, and what does not fit is told of once there is room. */
static void test_full(void **state)
{
	(void)state;
	begin(1000, 1000);
	for (unsigned int i = 0; i < OUTBOX_MAX + 7; i++)
		put(i, 1000000);
	assert_int_equal(box.n, OUTBOX_MAX);
	assert_int_equal(box.n_held, 7);
	assert_int_equal(outbox__due(&box, 1000000), OUTBOX_NEVER);
	outbox__drop_first(&box);
	assert_int_equal(outbox__due(&box, 1000000), 1000000);
	outbox__turn(&box, 1000000);
	assert_int_equal(box.n, OUTBOX_MAX);
	assert_int_equal(TAILQ_LAST(&box.list, outbox_list)->alert.count, 7);
}

static void test_age(void **state)
{
	(void)state;
	begin(60, 3);
	put(0, 1000000);
	assert_false(outbox__expired(&box, outbox__first(&box), 1005000));
	assert_true(outbox__expired(&box, outbox__first(&box), 1005001));
}

/* A smaller bucket leaves less at once; a larger one fills with time. */
static void test_reload(void **state)
{
	const struct config_alert small = {.rate = 60, .burst = 1, .max_age_ms = 1};

	(void)state;
	begin(60, 5);
	outbox__limit(&box, &small, 1000000);
	put(0, 1000000);
	put(1, 1000000);
	assert_int_equal(box.n, 1);
	assert_int_equal(box.n_held, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_sum, teardown),
		cmocka_unit_test_teardown(test_order, teardown),
		cmocka_unit_test_teardown(test_kinds, teardown),
		cmocka_unit_test_teardown(test_rate, teardown),
		cmocka_unit_test_teardown(test_full, teardown),
		cmocka_unit_test_teardown(test_age, teardown),
		cmocka_unit_test_teardown(test_reload, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
