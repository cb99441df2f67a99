/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmicrohttpd on the agent's loop.
 *
 * It runs without threads of its own: its epoll descriptor is watched by the loop, and MHD_run() is
 * called when that is readable or when a timeout that it asked for is over.
 */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"

/* Turns that open requests get to send their last bytes when the API stops. */
#define STOP_TURNS 8

static void on_timer(uv_timer_t *timer);

static void run(struct api *a)
{
	MHD_UNSIGNED_LONG_LONG ms;

	a->wake = false;
	MHD_run(a->daemon);
	if (a->wake)
		uv_timer_start(&a->timer, on_timer, 0, 0);
	else if (MHD_get_timeout(a->daemon, &ms) == MHD_YES)
		uv_timer_start(&a->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&a->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	/* An error of the descriptor itself can't be mended here; MHD_run() finds what there is. */
	(void)status;
	(void)events;
	run(poll->data);
}

void api__wake(struct api *a)
{
	/* The flag: within MHD_run(), what is set here would be overwritten by its own timeout. */
	a->wake = true;
	uv_timer_start(&a->timer, on_timer, 0, 0);
}

static int start_daemon(struct api *a, int fd, struct err *err)
{
	a->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, api_request__handle, a,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)API_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)API_IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)API_CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, api_request__begin, a,
		MHD_OPTION_NOTIFY_COMPLETED, api_request__end, a, MHD_OPTION_END);
	if (!a->daemon)
		return err__set(err, -ENOMEM,
				"starting the HTTP server on %s: libmicrohttpd refused (no memory "
				"or no descriptors left?)",
				a->path);
	return 0;
}

static int join_loop(struct api *a, uv_loop_t *loop, struct err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int rc = info ? uv_poll_init(loop, &a->poll, info->epoll_fd) : UV_ENOTSUP;

	if (rc)
		return err__set(err, rc, "watching the HTTP server of %s: %s", a->path,
				uv_strerror(rc));
	uv_timer_init(loop, &a->timer);
	a->poll.data = a;
	a->timer.data = a;
	a->open_handles = 2;
	uv_poll_start(&a->poll, UV_READABLE, on_poll);
	return 0;
}

int api__new(uv_loop_t *loop, const char *path, const char *group, const struct api_ops *ops,
	     void *ctx, struct api **out, struct err *warning, struct err *err)
{
	struct api *a = calloc(1, sizeof(*a));
	int fd = -1, rc;

	if (!a)
		return err__set(err, -ENOMEM, "out of memory");
	LIST_INIT(&a->waiting);
	a->ops = *ops;
	a->ctx = ctx;
	a->path = strdup(path);
	if (!a->path) {
		rc = err__set(err, -ENOMEM, "out of memory");
		goto cleanup;
	}
	rc = api_socket__listen(a, path, group, &fd, warning, err);
	if (rc)
		goto cleanup;
	rc = start_daemon(a, fd, err); /* the socket is libmicrohttpd's from here on */
	if (!rc)
		rc = join_loop(a, loop, err);
	if (rc) {
		api_socket__remove(a);
		goto cleanup;
	}
	*out = a;
	return 0;

cleanup:
	if (a->daemon)
		MHD_stop_daemon(a->daemon);
	free(a->path);
	free(a);
	return rc;
}

static void on_close(uv_handle_t *handle)
{
	struct api *a = handle->data;

	if (--a->open_handles)
		return;
	free(a->path);
	free(a);
}

void api__free(struct api *a)
{
	int fd;

	if (!a)
		return;
	api_socket__remove(a);
	fd = MHD_quiesce_daemon(a->daemon);
	if (fd >= 0)
		close(fd);
	/* libmicrohttpd forbids to stop it with suspended connections. */
	api_request__stop_all(a);
	for (int i = 0; a->open_requests && i < STOP_TURNS; i++)
		MHD_run(a->daemon);
	uv_close((uv_handle_t *)&a->poll, on_close);
	uv_close((uv_handle_t *)&a->timer, on_close);
	MHD_stop_daemon(a->daemon);
}
