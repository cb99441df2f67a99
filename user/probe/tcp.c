/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c - a connection is answered (RFC 9293 3.5), and reset at once so that nothing lingers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/internal.h"

struct attempt {
	uv_poll_t poll;
	struct prober *prober;
	struct probe *probe; /* NULL: given up */
	int fd;
};

static void on_closed(uv_handle_t *h)
{
	struct attempt *a = (struct attempt *)h;

	prober__release(a->prober);
	free(a);
}

static void end(struct attempt *a)
{
	if (a->probe)
		a->probe->attempt = NULL;
	a->probe = NULL;
	uv_close((uv_handle_t *)&a->poll, on_closed);
	close(a->fd);
}

/* What connect() ended with, as a clause for people. */
static const char *clause(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return "connection refused";
	case EHOSTUNREACH:
		return "no route to the host";
	case ENETUNREACH:
		return "no route to its network";
	case ECONNRESET:
		return "connection reset";
	case ETIMEDOUT:
		return "no answer";
	default:
		return strerror(err);
	}
}

static void on_connected(uv_poll_t *h, int status, int events)
{
	struct attempt *a = (struct attempt *)h;
	struct probe *p = a->probe;
	int err = 0;
	socklen_t len = sizeof(err);

	(void)events;
	/* libuv reports any error as EBADF; the socket knows which one it was. */
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err && status < 0)
		err = -status;
	end(a);
	if (err && probe__is_local(err))
		probe__skip(p);
	else
		probe__finish(p, probe__outcome(err), err ? clause(err) : "connected");
}

static int open_socket(const struct probe *p, struct sockaddr_storage *sa, socklen_t *len)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int fd = socket(addr__family(&p->address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Closing sends RST: no TIME_WAIT here, no half-closed connection there. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	*len = addr__sockaddr(&p->address, p->port, sa);
	return fd;
}

static int start(struct probe *p, const char **why)
{
	struct sockaddr_storage sa;
	struct attempt *a;
	socklen_t len = 0;
	int fd = open_socket(p, &sa, &len), rc;

	if (fd < 0) {
		*why = clause(-fd);
		return fd;
	}
	if (connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS) {
		rc = -errno;
		*why = clause(errno);
		close(fd);
		return rc;
	}
	a = calloc(1, sizeof(*a));
	if (!a || uv_poll_init(p->prober->loop, &a->poll, fd)) {
		free(a);
		close(fd);
		return -ENOMEM;
	}
	a->prober = p->prober;
	a->probe = p;
	a->fd = fd;
	p->attempt = a;
	prober__hold(p->prober);
	uv_poll_start(&a->poll, UV_WRITABLE, on_connected);
	return 0;
}

static void give_up(struct probe *p)
{
	if (p->attempt)
		end(p->attempt);
}

const struct probe_kind probe_tcp = {.start = start, .abort = give_up};
