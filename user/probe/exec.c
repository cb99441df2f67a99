/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec.c - a program of the operator's is run, and its exit code is the verdict.
 *
 * At most RUNNING_MAX run at once; the others wait, and their time begins when they do. One is killed when
 * its time is over. A killed program that does not go away (it waits for a disk) keeps its place until it
 * does, so that a broken machine does not fill up with them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/internal.h"
#include "probe/last_line.h"
#include "probe/program.h"

#define RUNNING_MAX 64
#define ENV_OWN 4 /* PATH, FAIRLEAD_ADDRESS, FAIRLEAD_PORT, and the NULL at the end */

struct exec_attempt {
	TAILQ_ENTRY(exec_attempt) entry; /* in waiting or running */
	struct prober *prober;
	struct probe *probe; /* NULL: given up */
	struct program *program; /* NULL: it waits */
};

static void launch_waiting(struct exec_pool *pool);

/* --- the end of a program ------------------------------------------------------------------------- */

static void leave_pool(struct exec_attempt *a)
{
	struct exec_pool *pool = &a->prober->exec;

	TAILQ_REMOVE(&pool->running, a, entry);
	pool->n_running--;
	free(a);
}

/* The attempt has its verdict or needs none. */
static void part(struct exec_attempt *a)
{
	if (a->probe)
		a->probe->attempt = NULL;
	a->probe = NULL;
}

/* The verdict of an exit. */
static enum probe_outcome judge(struct probe *p, const struct program_end *end, char *detail,
				size_t size)
{
	const char *line = end->line;

	if (!end->ok) {
		snprintf(detail, size, "%.190s", end->detail);
		return PROBE_FAILED;
	}
	if (p->args.weight && !last_line__percent(line, &p->weight_pct)) {
		snprintf(detail, size,
			 "exit code 0, but the last line does not begin with a percentage%s%.100s",
			 line[0] ? ": " : "", line);
		return PROBE_FAILED;
	}
	snprintf(detail, size, "%.190s", line[0] ? line : "exit code 0");
	return PROBE_OK;
}

static void on_end(void *ctx, const struct program_end *end)
{
	struct exec_attempt *a = ctx;
	struct exec_pool *pool = &a->prober->exec;
	struct probe *p = a->probe;
	char detail[PROBE_DETAIL_LEN];
	enum probe_outcome outcome = PROBE_FAILED;

	if (p)
		outcome = judge(p, end, detail, sizeof(detail));
	part(a);
	leave_pool(a);
	if (p)
		probe__finish(p, outcome, detail);
	launch_waiting(pool);
}

/* --- its start ------------------------------------------------------------------------------------ */

/* Whether the file sets this variable itself; `own` is "NAME=value". */
static bool overridden(const struct config_words *env, const char *own)
{
	size_t name = strcspn(own, "=") + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->list[i], own, name) == 0)
			return true;
	return false;
}

/* 0, or -errno. */
static int run(struct exec_attempt *a)
{
	const struct probe *p = a->probe;
	const struct config_words *command = &p->args.command, *env = &p->args.env;
	char path[] = PROGRAM_PATH, text[ADDR_STRLEN], address[64], port[32];
	char *own[] = {path, address, p->port ? port : NULL};
	char *argv[CONFIG_EXEC_WORDS + 1] = {NULL}, *envp[CONFIG_EXEC_WORDS + ENV_OWN] = {NULL};
	const struct program_order order = {.argv = argv, .envp = envp};
	size_t n = env->n;

	memcpy(argv, command->list, command->n * sizeof(*argv));
	if (n)
		memcpy(envp, env->list, n * sizeof(*envp));
	snprintf(address, sizeof(address), "FAIRLEAD_ADDRESS=%s", addr__format(&p->address, text));
	snprintf(port, sizeof(port), "FAIRLEAD_PORT=%u", p->port);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (own[i] && !overridden(env, own[i]))
			envp[n++] = own[i];
	return program__start(p->prober->loop, &order, on_end, a, &a->program);
}

/* Starts the program; its time begins. 0, or -errno, and the attempt is no more then. */
static int launch(struct exec_attempt *a)
{
	struct prober *prober = a->prober;
	struct probe *p = a->probe;
	int rc;

	TAILQ_INSERT_TAIL(&prober->exec.running, a, entry);
	prober->exec.n_running++;
	probe__restart_clock(p);
	rc = run(a);
	if (!rc)
		return 0;
	part(a);
	leave_pool(a);
	snprintf(prober->why, sizeof(prober->why), "%.100s cannot be run: %s",
		 p->args.command.list[0], uv_strerror(rc));
	return rc == -EAGAIN ? -ENOBUFS : rc; /* no more processes: this machine's own affair */
}

static void launch_waiting(struct exec_pool *pool)
{
	struct exec_attempt *a;

	while (pool->n_running < RUNNING_MAX && (a = TAILQ_FIRST(&pool->waiting))) {
		struct probe *p = a->probe;
		char why[PROBE_DETAIL_LEN];
		int rc;

		TAILQ_REMOVE(&pool->waiting, a, entry);
		rc = launch(a);
		snprintf(why, sizeof(why), "%s", p->prober->why);
		if (rc && probe__is_local(-rc))
			probe__skip(p);
		else if (rc)
			probe__finish(p, PROBE_FAILED, why);
	}
}

static int start(struct probe *p, const char **why)
{
	struct exec_pool *pool = &p->prober->exec;
	struct exec_attempt *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->prober = p->prober;
	a->probe = p;
	p->attempt = a;
	if (pool->n_running < RUNNING_MAX) {
		*why = p->prober->why;
		return launch(a);
	}
	probe__stop_clock(p);
	TAILQ_INSERT_TAIL(&pool->waiting, a, entry);
	return 0;
}

static void give_up(struct probe *p)
{
	struct exec_attempt *a = p->attempt;

	if (!a)
		return;
	part(a);
	if (a->program) {
		program__kill(a->program);
	} else {
		TAILQ_REMOVE(&p->prober->exec.waiting, a, entry);
		free(a);
	}
}

static enum probe_outcome late(struct probe *p, char *detail, size_t size)
{
	snprintf(detail, size, "did not end within %u ms, and was killed", p->args.timeout_ms);
	return PROBE_FAILED;
}

void probe_exec__init(struct prober *p)
{
	TAILQ_INIT(&p->exec.waiting);
	TAILQ_INIT(&p->exec.running);
}

void probe_exec__close(struct prober *p)
{
	struct exec_attempt *a;

	/* They are killed, but not waited for: one may be in the kernel's hands for long. */
	while ((a = TAILQ_FIRST(&p->exec.running))) {
		program__abandon(a->program);
		leave_pool(a);
	}
}

const struct probe_kind probe_exec = {.start = start, .abort = give_up, .late = late};
