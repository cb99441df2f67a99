/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of the token without which nothing is changed. */
#include "doctor_facts.h"

static void none(void **state)
{
	(void)state;
	ask(doctor_check__token);
	assert_int_equal(report.n, 0);
}

static void well(void **state)
{
	(void)state;
	facts.agent.token = true;
	ask(doctor_check__token);
	assert_only(DOCTOR_OK, "can be read", "");
}

static void broken(void **state)
{
	(void)state;
	facts.agent.token = true;
	snprintf(facts.agent.token_problem, sizeof(facts.agent.token_problem), "it is not there");
	doctor__judge(&facts, &report);
	assert_string_equal(report.list[0].check, "token");
	assert_finding(0, DOCTOR_ERROR, "nobody may change anything by the API: it is not there",
		       "fairlead -s /run/fairlead/main.sock status");
	config.api_token_file = "/etc/fairlead/the token";
	ask(doctor_check__token);
	assert_only(DOCTOR_ERROR, "it is not there", "namei -l '/etc/fairlead/the token'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none),
		TEST(well),
		TEST(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
