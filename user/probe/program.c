/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/last_line.h"

#define OUTPUT_MAX 65536 /* bytes of a program's output; more is a failure */

struct program {
	program_end_cb *on_end; /* NULL: nobody waits for it any more */
	void *ctx;
	uv_process_t process;
	uv_pipe_t output, input;
	uv_write_t write;
	char *text; /* what is written to `input`; NULL: there is none */
	unsigned int handles; /* open ones; the last one frees the program */
	size_t total; /* bytes of output so far */
	struct last_line line;
	char chunk[4096];
};

/* --- its end ---------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
	struct program *p = h->data;

	if (--p->handles)
		return;
	free(p->text);
	free(p);
}

static void close_handles(struct program *p)
{
	uv_close((uv_handle_t *)&p->process, on_closed);
	uv_close((uv_handle_t *)&p->output, on_closed);
	if (!uv_is_closing((uv_handle_t *)&p->input))
		uv_close((uv_handle_t *)&p->input, on_closed);
}

void program__kill(const struct program *p)
{
	if (p->process.pid > 0)
		kill(-p->process.pid, SIGKILL);
}

void program__abandon(struct program *p)
{
	p->on_end = NULL;
	program__kill(p);
	close_handles(p);
}

/* What the pipe still holds; others may hold its other end open for ever. */
static void drain(struct program *p)
{
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&p->output, &fd))
		return;
	while (p->total <= OUTPUT_MAX && (n = read(fd, p->chunk, sizeof(p->chunk))) > 0) {
		p->total += (size_t)n;
		last_line__add(&p->line, p->chunk, (size_t)n);
	}
}

static void judge(const struct program *p, int64_t status, int sig, struct program_end *end)
{
	const char *colon;

	end->line = last_line__text(&p->line);
	colon = end->line[0] ? ": " : "";
	end->ok = p->total <= OUTPUT_MAX && !sig && !status;
	end->detail[0] = '\0';
	if (p->total > OUTPUT_MAX)
		snprintf(end->detail, sizeof(end->detail), "wrote more than 64 KiB");
	else if (sig)
		snprintf(end->detail, sizeof(end->detail), "ended by signal %d (%s)%s%.100s", sig,
			 strsignal(sig), colon, end->line);
	else if (status)
		snprintf(end->detail, sizeof(end->detail), "exit code %d%s%.150s", (int)status,
			 colon, end->line);
}

static void on_exit_of(uv_process_t *process, int64_t status, int sig)
{
	struct program *p = process->data;
	struct program_end end;

	drain(p);
	judge(p, status, sig, &end);
	/*
	 * It is reaped, but its number goes to nobody else while one of its group lives; and if none
	 * does, the number was free for a moment only.
	 */
	program__kill(p);
	close_handles(p);
	p->on_end(p->ctx, &end);
}

/* --- its input and output --------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct program *p = h->data;

	(void)suggested;
	*buf = uv_buf_init(p->chunk, sizeof(p->chunk));
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct program *p = s->data;

	if (n < 0) {
		uv_read_stop(s);
		return;
	}
	p->total += (size_t)n;
	last_line__add(&p->line, buf->base, (size_t)n);
	if (p->total <= OUTPUT_MAX)
		return;
	uv_read_stop(s);
	program__kill(p);
}

/* All is written, or it does not read it: that is its own affair. */
static void on_written(uv_write_t *write, int status)
{
	struct program *p = write->data;

	(void)status;
	if (!uv_is_closing((uv_handle_t *)&p->input))
		uv_close((uv_handle_t *)&p->input, on_closed);
}

static void feed(struct program *p, size_t len)
{
	uv_buf_t buf = uv_buf_init(p->text, (unsigned int)len);

	p->write.data = p;
	if (uv_write(&p->write, (uv_stream_t *)&p->input, &buf, 1, on_written))
		uv_close((uv_handle_t *)&p->input, on_closed);
}

/* --- its start -------------------------------------------------------------------------------------- */

/* 0, or -errno. */
static int spawn(struct program *p, uv_loop_t *loop, const struct program_order *order)
{
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&p->output},
		{.flags = UV_IGNORE},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = order->argv[0],
		.args = order->argv,
		.env = order->envp,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* a session, and so a process group, of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	if (p->text) {
		stdio[0].flags = UV_CREATE_PIPE | UV_READABLE_PIPE;
		stdio[0].data.stream = (uv_stream_t *)&p->input;
	}
	/* Not all libraries open what they open with O_CLOEXEC: libcurl's multi handle does not. */
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	return uv_spawn(loop, &p->process, &options);
}

int program__start(uv_loop_t *loop, const struct program_order *order, program_end_cb *on_end,
		   void *ctx, struct program **out)
{
	struct program *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	if (order->input) {
		p->text = malloc(order->input_len + 1);
		if (!p->text) {
			free(p);
			return -ENOMEM;
		}
		memcpy(p->text, order->input, order->input_len);
	}
	p->on_end = on_end;
	p->ctx = ctx;
	uv_pipe_init(loop, &p->output, 0);
	uv_pipe_init(loop, &p->input, 0);
	p->process.data = p->output.data = p->input.data = p;
	p->handles = 3;
	rc = spawn(p, loop, order);
	if (rc) {
		/* A handle that failed is libuv's until it is closed, too. */
		close_handles(p);
		return rc;
	}
	uv_read_start((uv_stream_t *)&p->output, on_alloc, on_output);
	if (p->text)
		feed(p, order->input_len);
	*out = p;
	return 0;
}
