/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the lines of the pipe begin with. */
#define TOLD 't' /* done, rounds, what */
#define ROWS 'r' /* JSON */
#define ERROR 'e' /* a sentence */

static volatile sig_atomic_t interrupted;
static volatile pid_t other;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
	kill(other, SIGTERM);
}

/* Where there is no such file, or it may not be written, nothing is lost but manners. */
static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

static void tell(void *ctx, const char *what, uint32_t done, uint32_t rounds)
{
	fprintf(ctx, "%c%u %u %s\n", TOLD, done, rounds, what);
	fflush(ctx);
}

/* The other process; returns its exit code. */
static int measure(const struct bench_order *order, pid_t parent, FILE *out)
{
	struct bench_order mine = *order;
	struct result *result = result__new();
	struct err err = {{0}};
	char *text = NULL;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return 1;
	write_file("/proc/self/oom_score_adj", "1000");
	mine.told = tell;
	mine.ctx = out;
	rc = result ? bench__run(&mine, result, &err) : err__set(&err, -ENOMEM, "out of memory");
	if (!rc)
		text = json_dumps(result__rows(result), JSON_COMPACT);
	if (text)
		fprintf(out, "%c%s\n", ROWS, text);
	else
		fprintf(out, "%c%s\n", ERROR, rc ? err.text : "out of memory");
	fflush(out);
	free(text);
	result__free(result);
	return rc != 0;
}

/* What the other says; *rows once it has said all. */
static int listen_to(FILE *in, const struct bench_order *order, json_t **rows, struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	unsigned int done, rounds;
	int at, rc = 0;
	ssize_t n;

	while ((n = getline(&line, &room, in)) > 0) {
		line[n - 1] = '\0';
		at = 0;
		if (line[0] == TOLD && order->told &&
		    sscanf(line + 1, "%u %u %n", &done, &rounds, &at) == 2 && at)
			order->told(order->ctx, line + 1 + at, done, rounds);
		else if (line[0] == ROWS)
			*rows = json_loads(line + 1, 0, NULL);
		else if (line[0] == ERROR)
			rc = err__set(err, -EIO, "%s", line + 1);
	}
	free(line);
	return rc;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Waits for its end; the sentence, if it has not said one itself. */
static int outcome(const json_t *rows, int said, double *cpu_s, struct err *err)
{
	struct rusage usage;
	int status = 0;

	memset(&usage, 0, sizeof(usage));
	while (wait4(other, &status, 0, &usage) < 0 && errno == EINTR)
		;
	*cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if (interrupted)
		return err__set(err, -EINTR, "stopped by a signal: nothing is left of it");
	if (said)
		return said;
	if (WIFSIGNALED(status))
		return err__set(err, -EIO,
				"the process that measures was ended by signal %d (%s): has memory "
				"run out?",
				WTERMSIG(status), strsignal(WTERMSIG(status)));
	return rows ? 0 : err__set(err, -EIO, "the process that measures has told nothing");
}

int bench_apart__run(const struct bench_order *order, json_t **rows, double *cpu_s, struct err *err)
{
	const struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction before_int, before_term;
	pid_t parent = getpid();
	int ends[2], rc;
	FILE *in;

	*rows = NULL;
	if (pipe2(ends, O_CLOEXEC))
		return err__set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	fflush(NULL);
	interrupted = 0;
	other = fork();
	if (other < 0) {
		rc = err__set(err, -errno, "cannot make a process: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (!other) {
		FILE *out = fdopen(ends[1], "w");

		close(ends[0]);
		_exit(out ? measure(order, parent, out) : 1);
	}
	close(ends[1]);
	sigaction(SIGINT, &stop, &before_int);
	sigaction(SIGTERM, &stop, &before_term);
	in = fdopen(ends[0], "r");
	rc = in ? listen_to(in, order, rows, err) : err__set(err, -ENOMEM, "out of memory");
	if (in)
		fclose(in);
	else
		close(ends[0]);
	rc = outcome(*rows, rc, cpu_s, err);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	if (rc) {
		json_decref(*rows);
		*rows = NULL;
	}
	return rc;
}
