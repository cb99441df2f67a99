/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How busy CPUs are, of texts of /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "bench/load.h"

/* user nice system idle iowait irq softirq steal guest guest_nice */
#define BEFORE                              \
	"cpu  999 9 9 9 9 9 9 9 9 9\n"      \
	"cpu0 100 0 100 800 0 0 0 0 50 0\n" \
	"cpu1 10 20 30 900 40 1 2 3 0 0\n"  \
	"cpu10 0 0 0 100 0 0 0 0 0 0\n"     \
	"cpu99999 1 1 1 1 1 1 1 1 1 1\n"    \
	"intr 5 cpu2\nctxt 9\nbtime 1\nprocesses 7\n"
#define AFTER                               \
	"cpu  1999 9 9 9 9 9 9 9 9 9\n"     \
	"cpu0 150 0 125 825 0 0 0 0 90 0\n" \
	"cpu1 11 21 31 990 43 2 3 4 0 0\n"  \
	"cpu10 0 0 0 200 0 0 0 0 0 0\n"

static struct load before, after;

static void near(double a, double b)
{
	if (fabs(a - b) > 0.01)
		fail_msg("%f is not %f", a, b);
}

static int setup(void **state)
{
	(void)state;
	load__parse(BEFORE, &before);
	load__parse(AFTER, &after);
	return 0;
}

static void test_busy(void **state)
{
	(void)state;
	assert_int_equal(before.cpu[0].all, 1000);
	assert_int_equal(before.cpu[0].busy, 200);
	assert_int_equal(before.cpu[1].all, 1006);
	assert_int_equal(before.cpu[1].busy, 66);
	assert_int_equal(before.cpu[2].all, 0);
	near(load__busy(&before, &after, 0), 75);
	near(load__busy(&before, &after, 1), 100.0 * 6 / 99);
	near(load__busy(&before, &after, 10), 0);
	/* Not online; and a counter that has gone back. */
	near(load__busy(&before, &after, 5), 0);
	near(load__busy(&after, &before, 0), 0);
}

static void test_quietest(void **state)
{
	cpu_set_t among;

	(void)state;
	CPU_ZERO(&among);
	assert_int_equal(load__quietest(&before, &after, &among), -1);
	CPU_SET(0, &among);
	assert_int_equal(load__quietest(&before, &after, &among), 0);
	CPU_SET(1, &among);
	assert_int_equal(load__quietest(&before, &after, &among), 1);
	CPU_SET(10, &among);
	assert_int_equal(load__quietest(&before, &after, &among), 10);
	CPU_CLR(10, &among);
	/* Of equal ones the last: the first have most interrupts. */
	assert_int_equal(load__quietest(&before, &before, &among), 1);
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(load__parse_memory("MemTotal:  100 kB\nMemFree: 1 kB\n"
					    "MemAvailable:   21580324 kB\nBuffers: 3 kB\n"),
			 21580324ULL * 1024);
	assert_int_equal(load__parse_memory("MemTotal:  100 kB\n"), 0);
	assert_int_equal(load__parse_memory(""), 0);
	assert_true(load__memory() > 1 << 20);
}

static void test_here(void **state)
{
	struct load now;
	struct err err = {0};
	cpu_set_t mine;

	(void)state;
	assert_int_equal(load__read(&now, &err), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &mine))
			assert_true(now.cpu[cpu].all > 0 && now.cpu[cpu].busy <= now.cpu[cpu].all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_busy, setup),
		cmocka_unit_test_setup(test_quietest, setup),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
