/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datagram.c - one UDP datagram of a probe, and what comes back: answers, or errors of the network.
 *
 * The socket is connected, so that the kernel takes datagrams of the target's only and gives ICMP
 * errors to it; and new for each try, so that a late answer is not taken for the next one's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/internal.h"
#include "probe/talk.h"

#define READS 16 /* datagrams that are read at once; then others have their turn */

struct attempt {
	uv_poll_t poll;
	struct prober *prober;
	struct probe *probe; /* NULL: given up */
	int fd;
	struct talk talk;
};

static void on_closed(uv_handle_t *h)
{
	struct attempt *a = (struct attempt *)h;

	prober__release(a->prober);
	free(a);
}

static void end(struct attempt *a)
{
	a->probe->attempt = NULL;
	a->probe = NULL;
	uv_close((uv_handle_t *)&a->poll, on_closed);
	close(a->fd);
}

static void finish(struct attempt *a, enum probe_outcome outcome, const char *detail)
{
	struct probe *p = a->probe;
	char copy[PROBE_DETAIL_LEN];

	snprintf(copy, sizeof(copy), "%s", detail);
	end(a);
	probe__finish(p, outcome, copy);
}

static void broke(struct attempt *a, int err)
{
	struct probe *p = a->probe;

	if (!probe__is_local(err)) {
		finish(a, probe__outcome(err), probe__clause(err));
		return;
	}
	end(a);
	probe__skip(p);
}

/* An error of libuv's is one of the socket's, which recv() knows. */
static void on_ready(uv_poll_t *h, int status, int events)
{
	struct attempt *a = (struct attempt *)h;
	const struct talk_kind *kind = a->probe->kind->talk;
	struct talk *t = &a->talk;
	uint8_t in[TALK_IN_MAX];

	(void)events;
	for (int i = 0; i < READS; i++) {
		ssize_t n = recv(a->fd, in, sizeof(in), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR) && status >= 0)
			return;
		if (n < 0) {
			broke(a, errno == EAGAIN ? -status : errno);
			return;
		}
		t->in = in;
		t->len = (size_t)n;
		if (kind->input(t) == TALK_OVER) {
			finish(a, t->outcome, t->detail);
			return;
		}
	}
}

/* Sends the question. 0, or -errno with *why. */
static int ask(struct attempt *a, const char **why)
{
	const struct probe *p = a->probe;
	struct talk *t = &a->talk;
	struct sockaddr_storage sa;
	socklen_t len = addr__sockaddr(probe__peer(p), p->port, &sa);
	int family = addr__family(&p->address), on = 1;

	t->args = &p->args;
	t->address = &p->address;
	t->port = p->port;
	t->token = probe__token();
	if (p->kind->talk->begin(t) == TALK_OVER) {
		snprintf(a->prober->why, sizeof(a->prober->why), "%s", t->detail);
		*why = a->prober->why;
		return -EINVAL;
	}
	/* Without it the kernel keeps errors to itself that may pass, as "no route to the host". */
	if (family == AF_INET)
		setsockopt(a->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		setsockopt(a->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	if (connect(a->fd, (struct sockaddr *)&sa, len) ||
	    send(a->fd, t->out, t->out_len, MSG_NOSIGNAL) < 0) {
		int err = errno;

		*why = probe__clause(err);
		return -err;
	}
	return 0;
}

int datagram__start(struct probe *p, const char **why)
{
	struct attempt *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->prober = p->prober;
	a->probe = p;
	a->fd = probe__socket(p, &p->address, SOCK_DGRAM);
	rc = a->fd < 0 ? a->fd : ask(a, why);
	if (!rc)
		rc = uv_poll_init(p->prober->loop, &a->poll, a->fd);
	if (rc) {
		if (a->fd >= 0)
			close(a->fd);
		free(a);
		return rc;
	}
	p->attempt = a;
	prober__hold(p->prober);
	uv_poll_start(&a->poll, UV_READABLE, on_ready);
	return 0;
}

void datagram__abort(struct probe *p)
{
	if (p->attempt)
		end(p->attempt);
}

enum probe_outcome datagram__late(struct probe *p, char *detail, size_t size)
{
	struct attempt *a = p->attempt;
	const struct talk_kind *kind = p->kind->talk;

	if (!kind->silence || kind->silence(&a->talk) != TALK_OVER)
		return PROBE_FAILED;
	snprintf(detail, size, "%s", a->talk.detail);
	return a->talk.outcome;
}
