/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real programs, run by a real prober on a loop of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/probe.h"

#define PORT 8080
#define PATIENCE 2000 /* times 5 ms, for what happens at once where nothing else runs */

static uv_loop_t loop;
static struct prober *prober;
static char folder[] = "/tmp/fairlead-exec-XXXXXX";

/* The result of one probe. */
struct seen {
	int n; /* results so far */
	enum probe_outcome outcome;
	int weight_pct;
	char detail[PROBE_DETAIL_LEN];
};

static bool on_result(void *ctx, const struct probe_result *r)
{
	struct seen *s = ctx;

	s->n++;
	s->outcome = r->outcome;
	s->weight_pct = r->weight_pct;
	snprintf(s->detail, sizeof(s->detail), "%s", r->detail);
	return true;
}

/* sh -c SCRIPT, once in an hour. */
static struct config_probe shell(char **argv, const char *script)
{
	argv[0] = (char *)"/bin/sh";
	argv[1] = (char *)"-c";
	argv[2] = (char *)script;
	return (struct config_probe){.kind = CONFIG_PROBE_EXEC,
				     .interval_ms = 3600000,
				     .fast_interval_ms = 10,
				     .timeout_ms = 5000,
				     .command = {argv, 3}};
}

static struct probe_sub *subscribe(const struct config_probe *args, unsigned int host,
				   struct seen *s)
{
	struct probe_sub *sub = NULL;
	struct addr address;
	struct err err;
	char text[32];

	snprintf(text, sizeof(text), "192.0.2.%u", host);
	addr__parse(text, &address);
	assert_int_equal(prober__subscribe(prober, &address, PORT, NULL, args, false, on_result, s,
					   &sub, &err),
			 0);
	return sub;
}

static struct seen run(const struct config_probe *args)
{
	struct seen s = {.n = 0};
	struct probe_sub *sub = subscribe(args, 1, &s);

	while (!s.n)
		uv_run(&loop, UV_RUN_ONCE);
	probe_sub__cancel(sub);
	return s;
}

static struct seen run_script(const char *script, bool weight)
{
	char *argv[3];
	struct config_probe args = shell(argv, script);

	args.weight = weight;
	return run(&args);
}

static int setup(void **state)
{
	struct err err;

	(void)state;
	if (!prober)
		assert_non_null(mkdtemp(folder));
	uv_loop_init(&loop);
	return prober__new(&loop, &prober, &err);
}

/* Nothing that was started is left, neither a handle nor a child. */
static int teardown(void **state)
{
	(void)state;
	prober__free(prober);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static void assert_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_exit_codes(void **state)
{
	struct seen s = run_script("echo first; echo all is well; echo no >&2", false);

	(void)state;
	assert_int_equal(s.outcome, PROBE_OK);
	assert_string_equal(s.detail, "all is well");
	assert_int_equal(s.weight_pct, -1);
	s = run_script("exit 3", false);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "exit code 3");
	s = run_script("echo disk full; exit 1", false);
	assert_string_equal(s.detail, "exit code 1: disk full");
	s = run_script("kill -TERM $$", false);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "ended by signal 15 (Terminated)");
	s = run_script(":", false);
	assert_int_equal(s.outcome, PROBE_OK);
	assert_string_equal(s.detail, "exit code 0");
	assert_no_children();
}

static void test_weight(void **state)
{
	struct seen s = run_script("echo 40% busy", true);

	(void)state;
	assert_int_equal(s.outcome, PROBE_OK);
	assert_int_equal(s.weight_pct, 40);
	assert_string_equal(s.detail, "40% busy");
	s = run_script("echo busy", true);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_int_equal(s.weight_pct, -1);
	assert_string_equal(s.detail, "exit code 0, but the last line does not begin with a "
				      "percentage: busy");
	s = run_script("echo 40; exit 1", true);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_int_equal(s.weight_pct, -1);
	s = run_script("echo 40", false);
	assert_int_equal(s.weight_pct, -1);
}

static void test_no_program(void **state)
{
	char *argv[] = {(char *)"/nowhere/check"};
	struct config_probe args = shell((char *[3]){0}, "");
	struct seen s;

	(void)state;
	args.command = (struct config_words){argv, 1};
	s = run(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "/nowhere/check cannot be run: no such file or directory");
	argv[0] = (char *)"/etc/passwd";
	s = run(&args);
	assert_string_equal(s.detail, "/etc/passwd cannot be run: permission denied");
	assert_no_children();
}

/* PATH, the target, the file's own; nothing of this process's. */
static void test_environment(void **state)
{
	char *env[] = {(char *)"A=b c", (char *)"PATH=/bin"}, *argv[3];
	struct config_probe args =
		shell(argv, "exec /usr/bin/env | /usr/bin/sort | "
			    "/usr/bin/grep -v -e ^PWD= -e ^_= | /usr/bin/tr '\\n' ';'");
	struct seen s;

	(void)state;
	setenv("SECRET", "x", 1);
	s = run(&args);
	assert_string_equal(s.detail,
			    "FAIRLEAD_ADDRESS=192.0.2.1;FAIRLEAD_PORT=8080;PATH=/usr/local/"
			    "sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin;");
	args.env = (struct config_words){env, 2};
	s = run(&args);
	assert_string_equal(s.detail,
			    "A=b c;FAIRLEAD_ADDRESS=192.0.2.1;FAIRLEAD_PORT=8080;PATH=/bin;");
}

/* Standard input and error are /dev/null, output is ours, and there is nothing else. */
static void test_descriptors(void **state)
{
	/* The fourth is ls's own. */
	struct seen s = run_script("exec ls -m /proc/self/fd", false);

	(void)state;
	assert_string_equal(s.detail, "0, 1, 2, 3");
	s = run_script("exec readlink /proc/self/fd/0", false);
	assert_string_equal(s.detail, "/dev/null");
	s = run_script("exec readlink /proc/self/fd/2", false);
	assert_string_equal(s.detail, "/dev/null");
	s = run_script("exec readlink /proc/self/cwd", false);
	assert_string_equal(s.detail, "/");
}

/* The first line of a file; an empty one if there is none. */
static const char *first_line(const char *path, char line[256])
{
	FILE *f = fopen(path, "r");

	line[0] = '\0';
	if (!f)
		return line;
	if (!fgets(line, 256, f))
		line[0] = '\0'; /* a process that has gone meanwhile */
	fclose(f);
	return line;
}

static void settle(unsigned int ms)
{
	for (unsigned int i = 0; i < ms / 5; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(5000);
	}
}

/* The number of a process that a script has written into a file; 0: not yet. */
static pid_t number_in(const char *name)
{
	char path[128], line[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return strchr(first_line(path, line), '\n') ? atoi(line) : 0;
}

/* Waits until a process of a script runs no more. Somebody else's zombie does not. */
static void assert_ends(const char *name)
{
	pid_t pid = number_in(name);
	char path[128], line[256];

	assert_true(pid > 1);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < PATIENCE; i++) {
		const char *state = strrchr(first_line(path, line), ')');

		if (!state || state[2] == 'Z')
			return;
		settle(5);
	}
	fail_msg("process %d, the %s, still runs", pid, name);
}

/* Waits until all children are reaped, by whom they belong to. */
static void assert_children_end(void)
{
	for (int i = 0; i < PATIENCE; i++) {
		siginfo_t info;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT))
			break;
		settle(5);
	}
	assert_no_children();
}

/* The time is over: the program and what it has started are killed, and reaped. */
static void test_too_slow(void **state)
{
	char script[256], detail[PROBE_DETAIL_LEN], *argv[3];
	struct config_probe args = shell(argv, script);

	(void)state;
	snprintf(script, sizeof(script), "sleep 60 & echo $! >%s/child; echo $$ >%s/leader; wait",
		 folder, folder);
	/* Longer, where it was killed before it had come to that. */
	for (args.timeout_ms = 200; !number_in("leader"); args.timeout_ms *= 2) {
		struct seen s = run(&args);

		assert_int_equal(s.outcome, PROBE_FAILED);
		snprintf(detail, sizeof(detail), "did not end within %u ms, and was killed",
			 args.timeout_ms);
		assert_string_equal(s.detail, detail);
		assert_children_end();
		assert_in_range(args.timeout_ms, 200, 10000);
	}
	assert_ends("leader");
	assert_ends("child");
}

/* What is left behind by one that has ended does not outlive it, nor hold up the verdict. */
static void test_left_behind(void **state)
{
	char script[256];
	struct seen s;

	(void)state;
	snprintf(script, sizeof(script), "sleep 60 & echo $! >%s/child; echo done", folder);
	s = run_script(script, false);
	assert_int_equal(s.outcome, PROBE_OK);
	assert_string_equal(s.detail, "done");
	assert_ends("child");
}

static void test_too_much(void **state)
{
	struct seen s = run_script("exec yes", false);

	(void)state;
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "wrote more than 64 KiB");
	s = run_script("head -c 70000 /dev/zero", false);
	assert_string_equal(s.detail, "wrote more than 64 KiB");
	assert_children_end();
}

/* Nobody wants it any more. */
static void test_cancel(void **state)
{
	char script[128], *argv[3];
	struct config_probe args = shell(argv, script);
	struct seen s = {.n = 0};
	struct probe_sub *sub;

	(void)state;
	snprintf(script, sizeof(script), "echo $$ >%s/leader; sleep 60", folder);
	sub = subscribe(&args, 1, &s);
	while (!number_in("leader"))
		settle(5);
	probe_sub__cancel(sub);
	assert_children_end();
	assert_int_equal(s.n, 0);
	assert_ends("leader");
}

#define CROWD 200

/* Never more than 64 at once; the time of those that wait does not run, and each has its turn. */
static void test_crowd(void **state)
{
	char script[256], *argv[3];
	struct config_probe args = shell(argv, script);
	struct probe_sub *subs[CROWD];
	struct seen seen[CROWD] = {{.n = 0}};
	unsigned int done = 0, most = 0;

	(void)state;
	/* The last of four waves waits for longer than that. */
	args.timeout_ms = 6000;
	/* Each says how many there are while it runs. */
	snprintf(script, sizeof(script),
		 "mkdir %s/$$.run; sleep 2; set -- %s/*.run; rmdir %s/$$.run; echo $#", folder,
		 folder, folder);
	for (unsigned int i = 0; i < CROWD; i++)
		subs[i] = subscribe(&args, 1 + i, &seen[i]);
	while (done < CROWD) {
		uv_run(&loop, UV_RUN_ONCE);
		done = 0;
		for (unsigned int i = 0; i < CROWD; i++)
			done += seen[i].n > 0;
	}
	for (unsigned int i = 0; i < CROWD; i++) {
		unsigned int n = (unsigned int)atoi(seen[i].detail);

		assert_int_equal(seen[i].outcome, PROBE_OK);
		most = n > most ? n : most;
		probe_sub__cancel(subs[i]);
	}
	assert_in_range(most, 2, 64);
	assert_no_children();
}

/* The prober ends while programs run and others wait. */
static void test_end_of_all(void **state)
{
	char *argv[3];
	struct config_probe args = shell(argv, "sleep 60");
	static struct seen seen[80];

	(void)state;
	for (unsigned int i = 0; i < 80; i++)
		subscribe(&args, 1 + i, &seen[i]);
	settle(200);
	/* teardown() ends it. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exit_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_weight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_all, setup, teardown),
	};
	int rc;

	close_range(3, ~0U, 0); /* what the one who runs the tests has left open */
	rc = cmocka_run_group_tests(tests, NULL, NULL);

	rmdir(folder);
	return rc;
}
