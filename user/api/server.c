/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmicrohttpd on the agent's loop.
 *
 * It runs without threads of its own: its epoll descriptor is watched by the loop, and MHD_run() is
 * called when that is readable or when a timeout that it asked for is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/internal.h"

/* Turns that open requests get to send their last bytes when a server stops. */
#define STOP_TURNS 8
/* Connections that are ending keep theirs until libmicrohttpd has seen that. */
#define PLACES (2 * API_MAX_CONNECTIONS)
/*
 * However many ask however often, the rest of the time is the balancer's: a turn has time for so much, and one request
 * at least, and a server whose turn was that long, or that anybody may reach, has none for so many milliseconds.
 */
#define TURN_NS 5000000
#define REST_MS 5
/* A client that cannot be taken in is there in every turn, and libmicrohttpd tries in every turn. */
#define STARVED_MS 100

static void on_timer(uv_timer_t *timer);
static void on_poll(uv_poll_t *poll, int status, int events);

/* When it has to run although no descriptor says so. */
static void arm(struct api_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (s->wake || !TAILQ_EMPTY(&s->postponed))
		uv_timer_start(&s->timer, on_timer, 0, 0);
	else if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
		uv_timer_start(&s->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&s->timer);
}

static void on_rested(uv_timer_t *timer)
{
	struct api_server *s = timer->data;

	s->resting = false;
	uv_poll_start(&s->poll, UV_READABLE, on_poll);
	arm(s);
}

/* Has the process as many files open as it may have? */
static bool is_starved(const struct api_server *s)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int fd = fcntl(info->epoll_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE;
	close(fd);
	return false;
}

static void run(struct api_server *s)
{
	uint64_t rest_ms = s->is_public ? REST_MS : 0;

	s->wake = s->dispatched = false;
	s->until_ns = uv_hrtime() + TURN_NS;
	MHD_run(s->daemon);
	while (!TAILQ_EMPTY(&s->postponed) && (!s->dispatched || uv_hrtime() < s->until_ns)) {
		api_request__admit(s);
		MHD_run(s->daemon);
	}
	if (uv_hrtime() >= s->until_ns)
		rest_ms = REST_MS;
	if (is_starved(s))
		rest_ms = STARVED_MS;
	if (rest_ms) {
		s->resting = true;
		uv_poll_stop(&s->poll);
		/* The rest begins now, not when the loop's turn did. */
		uv_update_time(s->api->loop);
		uv_timer_start(&s->timer, on_rested, rest_ms, 0);
	} else {
		arm(s);
	}
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

void api_server__wake(struct api_server *s)
{
	/* The flag: within MHD_run(), what is set here would be overwritten by its own timeout. */
	s->wake = true;
	if (!s->resting)
		uv_timer_start(&s->timer, on_timer, 0, 0);
}

/*
 * libmicrohttpd looks away from its listening socket when there is no descriptor for a client, and back
 * when it runs next after another one has left: for which nothing else would have it run.
 */
void api_server__tick(struct api_server *s)
{
	api_conns__expire(s);
	api_server__wake(s);
}

static int start_daemon(struct api_server *s, int fd, const char *name, struct err *err)
{
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, api_request__handle, s,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)PLACES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)(s->deadline_ms / 1000),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_CONNECTION_MEMORY,
		MHD_OPTION_URI_LOG_CALLBACK, api_request__begin, s, MHD_OPTION_NOTIFY_COMPLETED,
		api_request__end, s, MHD_OPTION_NOTIFY_CONNECTION, api_conn__notify, s,
		MHD_OPTION_END);
	if (s->daemon)
		return 0;
	return err__set(err, -ENOMEM,
			"starting the HTTP server on %s: libmicrohttpd refused (no memory "
			"or no descriptors left?)",
			name);
}

static int join_loop(struct api_server *s, const char *name, struct err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int rc = info ? uv_poll_init(s->api->loop, &s->poll, info->epoll_fd) : UV_ENOTSUP;

	if (rc)
		return err__set(err, rc, "watching the HTTP server of %s: %s", name,
				uv_strerror(rc));
	uv_timer_init(s->api->loop, &s->timer);
	s->poll.data = s;
	s->timer.data = s;
	s->open_handles = 2;
	uv_poll_start(&s->poll, UV_READABLE, on_poll);
	return 0;
}

int api_server__start(struct api *a, int fd, const char *name, bool is_public,
		      struct api_server **out, struct err *err)
{
	struct api_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		close(fd);
		return err__set(err, -ENOMEM, "out of memory");
	}
	LIST_INIT(&s->waiting);
	TAILQ_INIT(&s->postponed);
	TAILQ_INIT(&s->conns);
	s->api = a;
	s->is_public = is_public;
	s->deadline_ms = is_public ? API_PUBLIC_DEADLINE_MS : API_DEADLINE_MS;
	rc = start_daemon(s, fd, name, err);
	if (!rc)
		rc = join_loop(s, name, err);
	if (rc) {
		if (s->daemon)
			MHD_stop_daemon(s->daemon);
		free(s);
		return rc;
	}
	a->servers++;
	*out = s;
	return 0;
}

static void on_close(uv_handle_t *handle)
{
	struct api_server *s = handle->data;
	struct api *a = s->api;

	if (--s->open_handles)
		return;
	free(s);
	if (--a->servers)
		return;
	free(a->path);
	free(a);
}

void api_server__stop(struct api_server *s)
{
	int fd;

	if (!s)
		return;
	fd = MHD_quiesce_daemon(s->daemon);
	if (fd >= 0)
		close(fd);
	/* libmicrohttpd ends the process if it is stopped with suspended connections. */
	s->stopping = true;
	api_request__stop_all(s);
	for (int i = 0; s->open_requests && i < STOP_TURNS; i++)
		MHD_run(s->daemon);
	uv_close((uv_handle_t *)&s->poll, on_close);
	uv_close((uv_handle_t *)&s->timer, on_close);
	MHD_stop_daemon(s->daemon);
}
