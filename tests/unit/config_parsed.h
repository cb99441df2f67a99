/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration from its text, as config_*_test.c take it. Include after cmocka. */
#ifndef FAIRLEAD_TEST_CONFIG_PARSED_H
#define FAIRLEAD_TEST_CONFIG_PARSED_H

#include <string.h>

#include "config/config.h"

#define HEAD "interfaces: [eth0]\n"

static inline struct config *parse(const char *text)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[1024];

	if (config__parse("f", text, strlen(text), &c, &problems))
		fail_msg("%s", config_problems__format(&problems, 0, line, sizeof(line)));
	assert_int_equal(problems.n, 0);
	config_problems__free(&problems);
	return c;
}

#endif
