/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/fit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/echo.h"
#include "probe/internal.h"

#define TRIES 3
#define SIZE_MAX_SENT 9216 /* bytes: what the device takes that leads to stand-ins */
#define HEADER4 20
#define HEADER6 40

enum { SMALL, FULL, SIZES };

struct fit {
	uv_poll_t poll;
	uv_timer_t timer;
	struct prober *prober;
	struct echo echo; /* seq: of the last one sent; even ones are small */
	int family, fd;
	size_t len[SIZES]; /* of the ICMP message; 0: not asked */
	bool answered[SIZES];
	unsigned int tries, open;
	fit_cb *cb;
	void *ctx;
};

static void on_closed(uv_handle_t *h)
{
	struct fit *f = h->data;
	struct prober *p = f->prober;

	if (!--f->open)
		free(f);
	prober__release(p);
}

void fit__cancel(struct fit *f)
{
	if (!f)
		return;
	uv_close((uv_handle_t *)&f->poll, on_closed);
	uv_close((uv_handle_t *)&f->timer, on_closed);
	close(f->fd);
	f->cb = NULL;
}

static bool is_done(const struct fit *f)
{
	return (f->answered[SMALL] || !f->len[SMALL]) && (f->answered[FULL] || !f->len[FULL]);
}

static void finish(struct fit *f)
{
	fit_cb *cb = f->cb;

	fit__cancel(f);
	cb(f->ctx, f->answered[SMALL], f->answered[FULL]);
}

static void send_echoes(struct fit *f)
{
	uint8_t request[SIZE_MAX_SENT] = {0};

	for (unsigned int i = 0; i < SIZES; i++) {
		f->echo.seq = (uint16_t)(f->tries * SIZES + i);
		if (!f->len[i] || f->answered[i])
			continue;
		/* The zeros behind the request change nothing about its checksum. */
		echo__request(f->family, &f->echo, request);
		/* What cannot be sent is not answered. */
		if (send(f->fd, request, f->len[i], MSG_NOSIGNAL) < 0)
			continue;
	}
	f->tries++;
}

static void on_timer(uv_timer_t *h)
{
	struct fit *f = h->data;

	if (f->tries < TRIES)
		send_echoes(f);
	else
		finish(f);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
	struct fit *f = h->data;
	uint8_t message[SIZE_MAX_SENT];
	struct echo_news news;
	ssize_t n;

	(void)status;
	(void)events;
	n = recv(f->fd, message, sizeof(message), MSG_TRUNC);
	if (n < 0 || !echo__parse(f->family, message,
				  (size_t)n < sizeof(message) ? (size_t)n : sizeof(message),
				  f->echo.id, &news))
		return;
	if (news.reply && news.has_token && news.token == f->echo.token)
		f->answered[news.seq % SIZES] = true;
	if (is_done(f))
		finish(f);
}

/* A raw socket of the stand-in's echoes, whose packets are not fragmented. */
static int open_socket(const struct probe_way *way, const struct addr *target)
{
	bool v4 = addr__is4(target);
	int fd = socket(addr__family(target), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	int probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE, rc;
	struct sockaddr_storage sa;
	socklen_t len = addr__sockaddr(&way->stand_in, 0, &sa);

	if (fd < 0)
		return -errno;
	rc = probe_way__bind(way, target, fd);
	if (!rc && (v4 ? setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof(probe4))
		       : setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6))))
		rc = -errno;
	if (!rc && connect(fd, (struct sockaddr *)&sa, len))
		rc = -errno;
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

int prober__fit(struct prober *p, const struct probe_way *way, const struct addr *target,
		uint32_t size, fit_cb *cb, void *ctx, struct fit **out, struct err *err)
{
	size_t header = addr__is4(target) ? HEADER4 : HEADER6;
	struct fit *f = calloc(1, sizeof(*f));

	if (!f)
		return err__set(err, -ENOMEM, "out of memory");
	f->fd = open_socket(way, target);
	if (f->fd < 0 || uv_poll_init(p->loop, &f->poll, f->fd)) {
		int rc = f->fd < 0 ? f->fd : -ENOMEM;

		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return err__set(err, rc, "cannot send echoes by the clients' path: %s",
				probe__clause(-rc));
	}
	f->prober = p;
	f->family = addr__family(target);
	f->echo.token = probe__token();
	f->echo.id = (uint16_t)(f->echo.token >> 48);
	f->len[SMALL] = ECHO_LEN;
	if (size > SIZE_MAX_SENT)
		size = SIZE_MAX_SENT;
	f->len[FULL] = size > header + ECHO_LEN ? size - header : 0;
	f->cb = cb;
	f->ctx = ctx;
	f->open = 2;
	uv_timer_init(p->loop, &f->timer);
	f->poll.data = f->timer.data = f;
	prober__hold(p);
	prober__hold(p);
	uv_poll_start(&f->poll, UV_READABLE, on_readable);
	uv_timer_start(&f->timer, on_timer, 0, FIT_GAP_MS);
	*out = f;
	return 0;
}
