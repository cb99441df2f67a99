/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

#define TIME "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

/* What was written to stderr since start_capture(). */
static int saved, reader;

static void start_capture(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
}

static void end_capture(char *buf, size_t len)
{
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(reader, buf, len - 1);
	close(reader);
	assert_true(n >= 0);
	buf[n] = '\0';
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;
	int no_match;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	no_match = regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	if (no_match)
		fail_msg("\"%s\" does not match \"%s\"", text, pattern);
}

static void test_levels(void **state)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	enum log_level level = LOG_LV_WARN;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(log__parse_level(names[i], &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log__parse_level("INFO", &level), -EINVAL);
	assert_int_equal(level, LOG_LV_DEBUG);
}

static void test_line(void **state)
{
	const struct log_field fields[] = {{"SERVICE", "web"}, {"BACKEND", "b1"}, {NULL, NULL}};
	char text[4096];

	(void)state;
	log__setup(LOG_LV_INFO, LOG_TO_STDERR);
	start_capture();
	log__write(LOG_LV_WARN, fields, "probe %d failed", 3);
	end_capture(text, sizeof(text));
	assert_matches(text, TIME "warn: probe 3 failed \\(SERVICE=web BACKEND=b1\\)\n$");
	start_capture();
	log_error("no fields");
	end_capture(text, sizeof(text));
	assert_matches(text, TIME "error: no fields\n$");
}

static void test_quiet(void **state)
{
	char text[4096];

	(void)state;
	start_capture();
	log__setup(LOG_LV_WARN, LOG_TO_STDERR);
	log_info("not told");
	log_debug("not told");
	log_warn("told");
	end_capture(text, sizeof(text));
	assert_null(strstr(text, "not told"));
	assert_matches(text, TIME "warn: told\n$");
}

/* Too long a line is cut, and still one line. */
static void test_long(void **state)
{
	const struct log_field fields[] = {{"SERVICE", "web"}, {NULL, NULL}};
	char text[16384], in[8192];

	(void)state;
	memset(in, 'x', sizeof(in) - 1);
	in[sizeof(in) - 1] = '\0';
	log__setup(LOG_LV_INFO, LOG_TO_STDERR);
	start_capture();
	log__write(LOG_LV_INFO, fields, "%s", in);
	end_capture(text, sizeof(text));
	assert_matches(text, TIME "info: x+ \\(SERVICE=web\\)\n$");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
