/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of destinations of alerts. */
#include "doctor_facts.h"

static struct doctor_alerts *add(const char *name, uint64_t fails_s)
{
	struct doctor_alerts *d = &facts.agent.alerts[facts.agent.n_alerts++];

	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->error, sizeof(d->error), "connection refused");
	d->fails_s = fails_s;
	d->waiting = 7;
	return d;
}

static void none(void **state)
{
	(void)state;
	ask(doctor_check__alerts);
	assert_int_equal(report.n, 0);
}

static void one_that_fails(void **state)
{
	struct doctor_alerts *d = add("pager", 299);

	(void)state;
	add("chat", 0);
	ask(doctor_check__alerts);
	assert_only(DOCTOR_OK, "2 of 2 destinations of alerts", "");
	d->fails_s = 300;
	ask(doctor_check__alerts);
	assert_int_equal(report.n, 2);
	assert_finding(0, DOCTOR_WARNING,
		       "destination 'pager' of alerts has failed for 5 minutes, and 7 wait: "
		       "connection refused",
		       "fairlead alerts test pager");
	assert_finding(1, DOCTOR_OK, "1 of 2 destinations", "");
}

static void in_the_whole(void **state)
{
	(void)state;
	add("pager", 3600);
	doctor__judge(&facts, &report);
	assert_string_equal(report.list[0].check, "alerts");
	assert_int_equal(report.list[0].level, DOCTOR_WARNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none),
		TEST(one_that_fails),
		TEST(in_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
