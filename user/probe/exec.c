/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec.c - a program of the operator's is run, and its exit code is the verdict.
 *
 * At most RUNNING_MAX run at once; the others wait, and their time begins when they do. Each leads a
 * process group, which is killed as a whole when the time is over, or when the leader has ended and
 * left somebody behind. A killed program that does not go away (it waits for a disk) keeps its place
 * until it does, so that a broken machine does not fill up with them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/internal.h"
#include "probe/last_line.h"

#define RUNNING_MAX 64
#define OUTPUT_MAX 65536 /* bytes of a program's output; more is a failure */
#define ENV_OWN 4 /* PATH, FAIRLEAD_ADDRESS, FAIRLEAD_PORT, and the NULL at the end */

struct exec_attempt {
	TAILQ_ENTRY(exec_attempt) entry; /* in waiting or running */
	struct prober *prober;
	struct probe *probe; /* NULL: given up */
	uv_process_t process;
	uv_pipe_t output;
	unsigned int handles; /* open ones; the last one frees the attempt; 0: it waits */
	size_t total; /* bytes of output so far */
	struct last_line line;
	char chunk[4096];
};

static const char too_much[] = "wrote more than 64 KiB";

static void launch_waiting(struct exec_pool *pool);

/* --- the end of a program ------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
	struct exec_attempt *a = h->data;
	struct prober *prober = a->prober;

	if (!--a->handles)
		free(a);
	prober__release(prober);
}

static void leave_pool(struct exec_attempt *a)
{
	struct exec_pool *pool = &a->prober->exec;

	TAILQ_REMOVE(&pool->running, a, entry);
	pool->n_running--;
	uv_close((uv_handle_t *)&a->process, on_closed);
	uv_close((uv_handle_t *)&a->output, on_closed);
}

/* The leader and all that it has started, unless they left its group. */
static void kill_group(const struct exec_attempt *a)
{
	if (a->process.pid > 0)
		kill(-a->process.pid, SIGKILL);
}

/* The attempt has its verdict or needs none. */
static void part(struct exec_attempt *a)
{
	if (a->probe)
		a->probe->attempt = NULL;
	a->probe = NULL;
}

/* What the pipe still holds; others may hold its other end open for ever. */
static void drain(struct exec_attempt *a)
{
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&a->output, &fd))
		return;
	while (a->total <= OUTPUT_MAX && (n = read(fd, a->chunk, sizeof(a->chunk))) > 0) {
		a->total += (size_t)n;
		last_line__add(&a->line, a->chunk, (size_t)n);
	}
}

/* The verdict of an exit. */
static enum probe_outcome judge(struct exec_attempt *a, int64_t status, int sig, char *detail,
				size_t size)
{
	struct probe *p = a->probe;
	const char *line = last_line__text(&a->line);
	const char *colon = line[0] ? ": " : "";

	if (a->total > OUTPUT_MAX) {
		snprintf(detail, size, "%s", too_much);
		return PROBE_FAILED;
	}
	if (sig) {
		snprintf(detail, size, "ended by signal %d (%s)%s%.100s", sig, strsignal(sig),
			 colon, line);
		return PROBE_FAILED;
	}
	if (status) {
		snprintf(detail, size, "exit code %d%s%.150s", (int)status, colon, line);
		return PROBE_FAILED;
	}
	if (p->args.weight && !last_line__percent(line, &p->weight_pct)) {
		snprintf(detail, size,
			 "exit code 0, but the last line does not begin with a percentage%s%.100s",
			 colon, line);
		return PROBE_FAILED;
	}
	snprintf(detail, size, "%.190s", line[0] ? line : "exit code 0");
	return PROBE_OK;
}

static void on_exit_of(uv_process_t *process, int64_t status, int sig)
{
	struct exec_attempt *a = process->data;
	struct exec_pool *pool = &a->prober->exec;
	struct probe *p = a->probe;
	char detail[PROBE_DETAIL_LEN];
	enum probe_outcome outcome;

	drain(a);
	outcome = p ? judge(a, status, sig, detail, sizeof(detail)) : PROBE_FAILED;
	/*
	 * It is reaped, but its number goes to nobody else while one of its group lives; and if none
	 * does, the number was free for a moment only.
	 */
	kill_group(a);
	part(a);
	leave_pool(a);
	if (p)
		probe__finish(p, outcome, detail);
	launch_waiting(pool);
}

/* --- its output ----------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct exec_attempt *a = h->data;

	(void)suggested;
	*buf = uv_buf_init(a->chunk, sizeof(a->chunk));
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct exec_attempt *a = s->data;
	struct probe *p = a->probe;

	if (n < 0) {
		uv_read_stop(s);
		return;
	}
	a->total += (size_t)n;
	last_line__add(&a->line, buf->base, (size_t)n);
	if (a->total <= OUTPUT_MAX)
		return;
	uv_read_stop(s);
	kill_group(a);
	part(a);
	if (p)
		probe__finish(p, PROBE_FAILED, too_much);
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
static int spawn(struct exec_attempt *a)
{
	const struct probe *p = a->probe;
	const struct config_words *command = &p->args.command, *env = &p->args.env;
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char text[ADDR_STRLEN], address[64], port[32];
	char *own[] = {path, address, p->port ? port : NULL};
	char *argv[CONFIG_EXEC_WORDS + 1] = {NULL}, *envp[CONFIG_EXEC_WORDS + ENV_OWN] = {NULL};
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&a->output},
		{.flags = UV_IGNORE},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = command->list[0],
		.args = argv,
		.env = envp,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* a session, and so a process group, of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};
	size_t n = env->n;

	memcpy(argv, command->list, command->n * sizeof(*argv));
	if (n)
		memcpy(envp, env->list, n * sizeof(*envp));
	snprintf(address, sizeof(address), "FAIRLEAD_ADDRESS=%s", addr__format(&p->address, text));
	snprintf(port, sizeof(port), "FAIRLEAD_PORT=%u", p->port);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (own[i] && !overridden(env, own[i]))
			envp[n++] = own[i];
	/* Not all libraries open what they open with O_CLOEXEC: libcurl's multi handle does not. */
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	return uv_spawn(p->prober->loop, &a->process, &options);
}

/* Starts the program; its time begins. 0, or -errno, and the attempt is no more then. */
static int launch(struct exec_attempt *a)
{
	struct prober *prober = a->prober;
	struct probe *p = a->probe;
	int rc;

	uv_pipe_init(prober->loop, &a->output, 0);
	a->process.data = a->output.data = a;
	a->handles = 2;
	prober__hold(prober);
	prober__hold(prober);
	TAILQ_INSERT_TAIL(&prober->exec.running, a, entry);
	prober->exec.n_running++;
	probe__restart_clock(p);
	rc = spawn(a);
	if (!rc) {
		uv_read_start((uv_stream_t *)&a->output, on_alloc, on_output);
		return 0;
	}
	/* A handle that failed is libuv's until it is closed, too. */
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
	if (a->handles) {
		kill_group(a);
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
		kill_group(a);
		leave_pool(a);
	}
}

const struct probe_kind probe_exec = {.start = start, .abort = give_up, .late = late};
