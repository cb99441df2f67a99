/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal_file.h - a journal's file of a test's own, in a folder that goes with the test. */
#ifndef FAIRLEAD_TESTS_JOURNAL_FILE_H
#define FAIRLEAD_TESTS_JOURNAL_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/store.h"

#define DAY_MS INT64_C(86400000)
#define T0 (INT64_C(20000) * DAY_MS)
#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

static char folder[64], path[96];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/fairlead-journal-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/sub/j.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct store *open_store(char *notice, size_t len)
{
	const struct store_time t = {T0, 0};
	struct err told, err = {0};
	struct store *s = NULL;

	if (store__open(path, &s, &told, &err) || store__begin(s, "1", &t, &err))
		fail_msg("%s", err.text);
	if (notice)
		snprintf(notice, len, "%s", told.text);
	else
		assert_string_equal(told.text, "");
	return s;
}

#endif
