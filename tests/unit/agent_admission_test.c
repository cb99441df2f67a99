/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits as meters keep them; names of packets; which neighbours are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/asked.h"
#include "agent/limits.h"
#include "agent/names.h"

#define MS UINT64_C(1000000)

static void test_limits(void **state)
{
	struct config_limits c = {
		.packets = 1000000, .source_connections = 3, .connections = 50, .burst_ms = 100};
	struct fl_limits l = limits__of(&c);

	(void)state;
	assert_int_equal(l.limit[FL_METER_SVC_PACKETS].gap_ns, 1000);
	assert_int_equal(l.limit[FL_METER_SVC_PACKETS].burst_ns, 100 * MS);
	assert_int_equal(l.limit[FL_METER_SVC_NEW].gap_ns, 20 * MS);
	assert_int_equal(l.limit[FL_METER_SRC_PACKETS].gap_ns, 0);
	assert_int_equal(l.limit[FL_METER_SRC_PACKETS].burst_ns, 0);
	/* A burst of less than one event would let nothing through that comes in pairs. */
	assert_int_equal(l.limit[FL_METER_SRC_NEW].gap_ns, 333333333);
	assert_int_equal(l.limit[FL_METER_SRC_NEW].burst_ns, 333333333);
	assert_int_equal(l.flags, 0);
	c.monitor = true;
	assert_int_equal(limits__of(&c).flags, FL_LIMIT_MONITOR);
}

static void test_extremes(void **state)
{
	struct config_limits c = {.packets = 1000000000, .connections = 1, .burst_ms = 10};
	struct fl_limits l = limits__of(&c);

	(void)state;
	assert_int_equal(l.limit[FL_METER_SVC_PACKETS].gap_ns, 1);
	assert_int_equal(l.limit[FL_METER_SVC_PACKETS].burst_ns, 10 * MS);
	assert_int_equal(l.limit[FL_METER_SVC_NEW].gap_ns, 1000 * MS);
	assert_int_equal(l.limit[FL_METER_SVC_NEW].burst_ns, 1000 * MS);
	c = (struct config_limits){.packets = 1, .burst_ms = 10000};
	assert_int_equal(limits__of(&c).limit[FL_METER_SVC_PACKETS].burst_ns, 10000 * MS);
}

static void test_limits_json(void **state)
{
	struct config_limits c = {.packets = 5, .burst_ms = 100};
	json_t *o = limits__json(&c);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(o, "packets")), 5);
	assert_int_equal(json_integer_value(json_object_get(o, "burst_ms")), 100);
	assert_int_equal(json_integer_value(json_object_get(o, "connections")), 0);
	assert_true(json_is_false(json_object_get(o, "monitor")));
	json_decref(o);
}

static void test_names(void **state)
{
	char buf[NAMES_LEN];

	(void)state;
	assert_string_equal(names__verdict(FL_V_DROP_DENIED, buf), "drop_denied");
	assert_string_equal(names__verdict(255, buf), "");
	assert_string_equal(names__protocol(17, buf), "udp");
	assert_string_equal(names__protocol(47, buf), "47");
}

static void test_time(void **state)
{
	json_t *t = names__time(UINT64_C(1769860800) * 1000000000 + 42 * MS);

	(void)state;
	assert_string_equal(json_string_value(t), "2026-01-31T12:00:00.042Z");
	json_decref(t);
}

static void test_asked(void **state)
{
	static struct asked a;
	struct addr x, y;
	const uint64_t t = 5000 * MS;

	(void)state;
	addr__parse("192.0.2.1", &x);
	addr__parse("2001:db8::1", &y);
	assert_true(asked__due(&a, &x, t));
	assert_false(asked__due(&a, &x, t + 1));
	assert_true(asked__due(&a, &y, t + 1));
	assert_false(asked__due(&a, &x, t + ASKED_PAUSE_NS - 1));
	assert_true(asked__due(&a, &x, t + ASKED_PAUSE_NS));
	assert_false(asked__due(&a, &x, t + ASKED_PAUSE_NS + 1));
}

/* However many addresses: each is asked for at once, so a full table silences nobody. */
static void test_asked_by_many(void **state)
{
	static struct asked a;
	struct addr x = {.b = {[10] = 0xff, [11] = 0xff}};

	(void)state;
	for (unsigned int i = 0; i < 10 * ASKED_PLACES; i++) {
		x.b[14] = (uint8_t)(i >> 8);
		x.b[15] = (uint8_t)i;
		assert_true(asked__due(&a, &x, 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),	      cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_limits_json),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_time),	      cmocka_unit_test(test_asked),
		cmocka_unit_test(test_asked_by_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
