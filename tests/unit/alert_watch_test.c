/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events become alerts, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/retry.h"
#include "alert/watch.h"

static struct watch watch;
static struct alert last;
static unsigned int told;

static void on_alert(void *ctx, const struct alert *a)
{
	(void)ctx;
	last = *a;
	told++;
}

static const struct config_alert slow = {
	.kinds = JOURNAL_CHANGES, .severity = CONFIG_WARNING, .for_ms = 1000, .quiet_ms = 5000};
static const struct config_alert quick = {.kinds = JOURNAL_CHANGES, .severity = CONFIG_WARNING};
static const struct config_alert curious = {.kinds = JOURNAL_CHANGES, .severity = CONFIG_INFO};

static void event(const struct config_alert *c, enum journal_kind kind, const char *backend,
		  const char *to, uint64_t now_ms)
{
	struct journal_event e = {.kind = kind};

	snprintf(e.service, sizeof(e.service), "web");
	snprintf(e.backend, sizeof(e.backend), "%s", backend);
	snprintf(e.to, sizeof(e.to), "%s", to);
	watch__event(&watch, c, &e, now_ms);
}

static int setup(void **state)
{
	(void)state;
	told = 0;
	watch__init(&watch, on_alert, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch__clear(&watch);
	assert_null(watch.tree);
	return 0;
}

/* Not before `for`; its end not before `quiet`. */
static void test_pair(void **state)
{
	(void)state;
	event(&slow, JOURNAL_BACKEND, "b1", "down", 10000);
	assert_int_equal(watch.due_ms, 11000);
	watch__turn(&watch, 10999);
	assert_int_equal(told, 0);
	watch__turn(&watch, 11000);
	assert_int_equal(told, 1);
	assert_int_equal(last.status, ALERT_FIRING);
	assert_int_equal(last.severity, CONFIG_WARNING);
	assert_int_equal(watch__firing(&watch), 1);
	assert_int_equal(watch.due_ms, WATCH_NEVER);
	event(&slow, JOURNAL_BACKEND, "b1", "up", 20000);
	assert_int_equal(watch.due_ms, 25000);
	watch__turn(&watch, 25000);
	assert_int_equal(told, 2);
	assert_int_equal(last.status, ALERT_RESOLVED);
	assert_int_equal(last.count, 1);
	assert_string_equal(last.event.to, "up");
	assert_int_equal(watch.n, 0);
}

/* Over before `for`: nobody hears of it. */
static void test_blip(void **state)
{
	(void)state;
	event(&slow, JOURNAL_BACKEND, "b1", "down", 10000);
	event(&slow, JOURNAL_BACKEND, "b1", "up", 10500);
	watch__turn(&watch, 60000);
	assert_int_equal(told, 0);
	assert_int_equal(watch.passed, 1);
	assert_int_equal(watch.n, 0);
}

/* However often it comes and goes: one alert, and one when it has been quiet. */
static void test_flapping(void **state)
{
	uint64_t now = 11000;

	(void)state;
	event(&slow, JOURNAL_BACKEND, "b1", "down", 10000);
	watch__turn(&watch, now);
	for (int i = 0; i < 50; i++) {
		event(&slow, JOURNAL_BACKEND, "b1", "up", now += 2000);
		watch__turn(&watch, now += 2000);
		event(&slow, JOURNAL_BACKEND, "b1", "down", now);
		watch__turn(&watch, now += 4000);
	}
	assert_int_equal(told, 1);
	event(&slow, JOURNAL_BACKEND, "b1", "up", now);
	watch__turn(&watch, now + 5000);
	assert_int_equal(told, 2);
	assert_int_equal(last.status, ALERT_RESOLVED);
	assert_int_equal(last.count, 51);
}

/* Two things are two, and kinds are, too. */
static void test_apart(void **state)
{
	(void)state;
	event(&quick, JOURNAL_BACKEND, "b1", "down", 1);
	event(&quick, JOURNAL_BACKEND, "b2", "down", 1);
	event(&quick, JOURNAL_SERVICE, "", "not serving", 1);
	event(&quick, JOURNAL_PANIC, "", "panic", 1);
	assert_int_equal(told, 4);
	assert_int_equal(last.severity, CONFIG_CRITICAL);
	event(&quick, JOURNAL_SERVICE, "", "serving", 2);
	assert_int_equal(told, 5);
	assert_int_equal(last.event.kind, JOURNAL_SERVICE);
	assert_int_equal(last.status, ALERT_RESOLVED);
	assert_int_equal(watch__firing(&watch), 3);
	/* Told again by a resync: nothing new. */
	event(&quick, JOURNAL_STATE, "b1", "down", 3);
	event(&quick, JOURNAL_STATE, "b1", "up", 3);
	assert_int_equal(told, 6);
	assert_string_equal(last.event.backend, "b1");
}

/* What is found at the beginning is told when it is trouble, and else not, however curious one is. */
static void test_found(void **state)
{
	(void)state;
	event(&curious, JOURNAL_STATE, "b1", "up", 1);
	event(&curious, JOURNAL_STATE, "b2", "unknown", 1);
	assert_int_equal(told, 0);
	event(&curious, JOURNAL_STATE, "b3", "down", 1);
	assert_int_equal(told, 1);
	assert_int_equal(last.status, ALERT_FIRING);
}

/* Who no longer wants to hear of something does not hear of its end. */
static void test_unconcerned(void **state)
{
	const struct config_alert services = {.kinds = 1u << JOURNAL_SERVICE};

	(void)state;
	event(&slow, JOURNAL_BACKEND, "b1", "down", 1);
	event(&slow, JOURNAL_SERVICE, "", "not serving", 1);
	watch__turn(&watch, 1001);
	assert_int_equal(told, 2);
	watch__configure(&watch, &services);
	assert_int_equal(watch__firing(&watch), 1);
	event(&slow, JOURNAL_BACKEND, "b1", "up", 2000);
	event(&slow, JOURNAL_SERVICE, "", "serving", 2000);
	watch__turn(&watch, 10000);
	assert_int_equal(told, 3);
	assert_int_equal(last.event.kind, JOURNAL_SERVICE);
}

/* The least severity is for trouble, its end, and news alike. */
static void test_severity(void **state)
{
	const struct config_alert grave = {.kinds = JOURNAL_CHANGES, .severity = CONFIG_CRITICAL};

	(void)state;
	event(&grave, JOURNAL_BACKEND, "b1", "down", 1);
	event(&grave, JOURNAL_BACKEND, "b1", "up", 1);
	event(&grave, JOURNAL_CONFIG, "", "refused", 1);
	assert_int_equal(told, 0);
	event(&quick, JOURNAL_BACKEND, "b1", "up", 1);
	event(&quick, JOURNAL_CONFIG, "", "applied", 1);
	assert_int_equal(told, 0);
	event(&quick, JOURNAL_CONFIG, "", "refused", 1);
	assert_int_equal(told, 1);
	assert_int_equal(last.status, ALERT_EVENT);
	event(&curious, JOURNAL_BACKEND, "b1", "up", 1);
	assert_int_equal(told, 2);
	assert_int_equal(last.status, ALERT_EVENT);
	assert_int_equal(last.severity, CONFIG_INFO);
}

/* More than it keeps: each is told, and none is kept. */
static void test_bound(void **state)
{
	char id[16];

	(void)state;
	for (unsigned int i = 0; i < WATCH_MAX + 3; i++) {
		snprintf(id, sizeof(id), "b%u", i);
		event(&quick, JOURNAL_BACKEND, id, "down", 1);
	}
	assert_int_equal(told, WATCH_MAX + 3);
	assert_int_equal(watch.n, WATCH_MAX);
}

/* --- when it is sent again -------------------------------------------------------------------------- */

static void test_verdicts(void **state)
{
	static const int never[] = {400, 413, 422},
			 again[] = {301, 302, 401, 403, 404, 408, 429, 500, 503};

	(void)state;
	for (int s = 200; s < 300; s++)
		assert_int_equal(retry__judge(s), RETRY_DONE);
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_int_equal(retry__judge(never[i]), RETRY_NEVER);
	for (size_t i = 0; i < sizeof(again) / sizeof(*again); i++)
		assert_int_equal(retry__judge(again[i]), RETRY_AGAIN);
}

/* It doubles, up to a minute, and is spread by a quarter. */
static void test_wait(void **state)
{
	(void)state;
	for (unsigned int tries = 1; tries < 40; tries++) {
		uint64_t about = tries < 7 ? 1000ULL << (tries - 1) : 60000;
		uint64_t least = UINT64_MAX, most = 0;

		about = about < 60000 ? about : 60000;
		for (uint64_t r = 0; r < 4000; r++) {
			uint64_t wait = retry__wait_ms(tries, r * 7919, 0);

			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		assert_in_range(least, about * 3 / 4, about * 4 / 5);
		assert_in_range(most, about * 6 / 5, about * 5 / 4);
	}
	assert_int_equal(retry__wait_ms(1, 0, 120000), 120000);
	assert_int_equal(retry__wait_ms(7, 0, 1), 45000);
}

static void test_retry_after(void **state)
{
	(void)state;
	assert_int_equal(retry__after_ms("", 0), 0);
	assert_int_equal(retry__after_ms("120", 0), 120000);
	assert_int_equal(retry__after_ms("120s", 0), 0);
	assert_int_equal(retry__after_ms("soon", 0), 0);
	assert_int_equal(retry__after_ms("-5", 0), 0);
	assert_int_equal(retry__after_ms("99999999999999999999999", 0), RETRY_AFTER_MAX_MS);
	/* RFC 9110's own example. */
	assert_int_equal(retry__after_ms("Fri, 31 Dec 1999 23:59:59 GMT", 946684799 - 30), 30000);
	assert_int_equal(retry__after_ms("Fri, 31 Dec 1999 23:59:59 GMT", 946684799 + 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flapping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unconcerned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_severity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
