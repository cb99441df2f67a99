/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of the scripts that keepalived runs when a group changes its state. */
#include "import_result.h"

#include <stdio.h>
#include <stdlib.h>

/* What the shell of a destination says when a group becomes something. */
static void run_shell(const struct config_alert *a, const char *subject, const char *is, char *out,
		      size_t len)
{
	char command[2048], shell[1024];
	size_t n = 0;
	FILE *f;

	snprintf(shell, sizeof(shell), "%s", a->command.list[2]);
	setenv("FL_TEST_SHELL", shell, 1);
	snprintf(command, sizeof(command),
		 "FAIRLEAD_SUBJECT='%s' FAIRLEAD_IS='%s' /bin/sh -c \"$FL_TEST_SHELL\"", subject,
		 is);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, len - 1, f);
	out[n] = '\0';
	assert_int_equal(pclose(f), 0);
}

/* Scripts of every form are run with their arguments, for their state and group only, however they end. */
static void test_notify(void **state)
{
	static const char text[] =
		"vrrp_instance \"it's\" {\n interface eth0\n virtual_router_id 1\n"
		" virtual_ipaddress { 192.0.2.1 }\n"
		" notify_master \"/bin/echo up\"\n"
		" notify_backup \"/bin/echo 'a  b' | /bin/cat; exit 3 #\" nobody\n"
		" notify \"/bin/printf '%s-'\"\n notify_stop /x\n}\n";
	static const struct {
		const char *subject, *is, *said;
	} cases[] = {
		{"it-s", "active", "up\nINSTANCE-it's-MASTER-"},
		{"it-s", "backup", "a  b\nINSTANCE-it's-BACKUP-"},
		{"it-s", "initialize", "INSTANCE-it's-FAULT-"},
		{"it-s", "", ""},
		{"other", "active", ""},
		{"", "active", ""},
	};
	struct import_result r;
	struct config *c = import(text, &r);
	char said[256];

	(void)state;
	assert_int_equal(c->n_alerts, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run_shell(&c->alerts[0], cases[i].subject, cases[i].is, said, sizeof(said));
		assert_string_equal(said, cases[i].said);
	}
	says(&r, 6, IMPORT_NOTED, "no longer has a user of its own");
	says(&r, 7, IMPORT_NOTED, "no fourth argument");
	says(&r, 8, IMPORT_REFUSED, "ExecStopPost=");
	config__free(c);
	import_result__free(&r);
}

/* More blocks than there may be destinations. */
static void test_many_notify(void **state)
{
	char text[8192];
	struct import_result r;
	struct config *c;
	int at = 0;

	(void)state;
	for (int i = 1; i <= CONFIG_MAX_ALERTS + 1; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at,
			       "vrrp_instance g%d {\n interface eth0\n virtual_router_id %d\n"
			       " virtual_ipaddress { 192.0.2.%d }\n notify_fault /bin/true\n}\n",
			       i, i, i);
	c = import(text, &r);
	assert_int_equal(c->n_alerts, CONFIG_MAX_ALERTS);
	assert_int_equal(c->n_vrrp, CONFIG_MAX_ALERTS + 1);
	says(&r, 6 * CONFIG_MAX_ALERTS + 5, IMPORT_REFUSED, "16 destinations");
	config__free(c);
	import_result__free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_many_notify),
	};

	return cmocka_run_group_tests_name("import_notify", tests, NULL, NULL);
}
