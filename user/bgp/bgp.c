/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bgp/bgp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bgp/dialog.h"

#define FAST 4 /* questions in an interval while something is being counted */

struct bgp_sub {
	TAILQ_ENTRY(bgp_sub) entry;
	struct bgp_ask *ask;
	bgp_cb *cb;
	void *ctx;
	bool settled;
	bool cancelled; /* during a delivery: freed after it */
};

/* Its memory goes when the loop has closed the handle. */
struct connection {
	uv_poll_t poll;
	struct bgp_ask *ask;
	int fd;
};

struct bgp_ask {
	TAILQ_ENTRY(bgp_ask) entry;
	struct bgp_asks *asks;
	uv_loop_t *loop;
	struct config_track_bgp session;
	TAILQ_HEAD(, bgp_sub) subs;
	struct connection *connection; /* NULL: none */
	uv_timer_t timer; /* of the answer that is waited for, or the next question */
	uint64_t asked_ns; /* uv_hrtime() */
	bool waiting; /* for an answer */
	bool delivering;
	struct bgp_dialog dialog;
};

static void on_timer(uv_timer_t *timer);

/* --- subscribers ------------------------------------------------------------------------------------- */

static void on_ask_closed(uv_handle_t *h)
{
	free(h->data);
}

static void on_connection_closed(uv_handle_t *h)
{
	free(h->data);
}

static void hang_up(struct bgp_ask *a)
{
	struct connection *c = a->connection;

	if (!c)
		return;
	a->connection = NULL;
	c->ask = NULL;
	uv_poll_stop(&c->poll);
	close(c->fd);
	uv_close((uv_handle_t *)&c->poll, on_connection_closed);
}

static void drop(struct bgp_ask *a)
{
	TAILQ_REMOVE(a->asks, a, entry);
	hang_up(a);
	uv_close((uv_handle_t *)&a->timer, on_ask_closed);
}

static bool all_settled(const struct bgp_ask *a)
{
	const struct bgp_sub *s;

	TAILQ_FOREACH (s, &a->subs, entry)
		if (!s->settled)
			return false;
	return true;
}

/* From now on: the loop's own clock may be as old as the last callback is long. */
static void start_timer(struct bgp_ask *a, uint64_t ms)
{
	uint64_t now = uv_hrtime() / 1000000, loop_now = uv_now(a->loop);

	uv_timer_start(&a->timer, on_timer, ms + (now > loop_now ? now - loop_now : 0), 0);
}

static void schedule(struct bgp_ask *a)
{
	uint64_t pace_ms = a->session.interval_ms / (all_settled(a) ? 1 : FAST);
	uint64_t spent_ms = (uv_hrtime() - a->asked_ns) / 1000000;

	start_timer(a, pace_ms > spent_ms ? pace_ms - spent_ms : 0);
}

static void tell(struct bgp_ask *a, bool up, const char *text)
{
	struct bgp_sub *s, *next;

	a->waiting = false;
	a->delivering = true;
	TAILQ_FOREACH (s, &a->subs, entry)
		if (!s->cancelled)
			s->settled = s->cb(s->ctx, up, text);
	a->delivering = false;
	for (s = TAILQ_FIRST(&a->subs); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->cancelled) {
			TAILQ_REMOVE(&a->subs, s, entry);
			free(s);
		}
	}
	if (TAILQ_EMPTY(&a->subs))
		drop(a);
	else
		schedule(a);
}

static void fail(struct bgp_ask *a, const char *text)
{
	char copy[BGP_TEXT_LEN + CONFIG_SOCKET_LEN];

	snprintf(copy, sizeof(copy), "%s", text);
	hang_up(a);
	tell(a, false, copy);
}

__attribute__((format(printf, 2, 3))) static void fail_with(struct bgp_ask *a, const char *fmt, ...)
{
	char text[BGP_TEXT_LEN + CONFIG_SOCKET_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail(a, text);
}

/* --- the connection ---------------------------------------------------------------------------------- */

static void proceed(struct bgp_ask *a, enum bgp_next next)
{
	struct bgp_dialog *d = &a->dialog;

	switch (next) {
	case BGP_MORE:
		break;
	case BGP_SAY:
		/* A new question in an empty socket: there is room, or something is very wrong. */
		if (send(a->connection->fd, d->say, d->say_len, MSG_NOSIGNAL) !=
		    (ssize_t)d->say_len)
			fail_with(a, "%s cannot be asked: %s", a->session.socket, strerror(errno));
		break;
	case BGP_ANSWER:
		tell(a, d->up, d->text);
		break;
	case BGP_BROKEN:
		fail(a, d->text);
		break;
	}
}

static void take_input(struct bgp_ask *a)
{
	struct bgp_dialog *d = &a->dialog;
	ssize_t n = recv(a->connection->fd, d->in + d->len, sizeof(d->in) - d->len, 0);

	if (n > 0)
		proceed(a, bgp_dialog__take(d, (size_t)n));
	else if (n == 0)
		fail_with(a, "%s has closed the connection",
			  config_bgp_daemon__name(a->session.daemon));
	else if (errno != EAGAIN && errno != EINTR)
		fail_with(a, "%s: %s", a->session.socket, strerror(errno));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct connection *c = poll->data;

	(void)events;
	if (!c->ask)
		return;
	if (!c->ask->waiting)
		c->ask->asked_ns = uv_hrtime(); /* what comes unasked is an answer of this moment */
	if (status)
		fail_with(c->ask, "%s: %s", c->ask->session.socket, uv_strerror(status));
	else
		take_input(c->ask);
}

/* A clause of an error that connect(2) may have. */
static const char *clause(int err)
{
	switch (err) {
	case EAGAIN:
		return "the daemon takes no more connections";
	case ECONNREFUSED:
		return "nobody listens there";
	default:
		return strerror(err);
	}
}

/* 0 or -errno: 0 within the call, or not at all, as it is for unix sockets. */
static int open_connection(struct bgp_ask *a)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct connection *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	memcpy(address.sun_path, a->session.socket, sizeof(address.sun_path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	if (!rc)
		rc = uv_poll_init(a->loop, &c->poll, c->fd);
	if (rc) {
		if (c->fd >= 0)
			close(c->fd);
		free(c);
		return rc;
	}
	c->poll.data = c;
	c->ask = a;
	a->connection = c;
	return uv_poll_start(&c->poll, UV_READABLE, on_readable);
}

static void ask(struct bgp_ask *a)
{
	bool stands = a->connection;
	int rc = 0;

	a->asked_ns = uv_hrtime();
	a->waiting = true;
	start_timer(a, a->session.timeout_ms);
	if (!stands)
		rc = open_connection(a);
	if (rc)
		fail_with(a, "%s: %s", a->session.socket, clause(-rc));
	else
		proceed(a, stands ? bgp_dialog__ask(&a->dialog)
				  : bgp_dialog__begin(&a->dialog, &a->session));
}

static void on_timer(uv_timer_t *timer)
{
	struct bgp_ask *a = timer->data;
	uint64_t asked_ns = a->asked_ns;

	if (!a->waiting) {
		ask(a);
		return;
	}
	/* A loop that has stood still looks at its timers first: the answer may be there. */
	take_input(a);
	if (a->waiting && a->asked_ns == asked_ns)
		fail_with(a, "%s does not answer within %u ms",
			  config_bgp_daemon__name(a->session.daemon), a->session.timeout_ms);
}

/* --- subscriptions ------------------------------------------------------------------------------------ */

/* What `rise`, `fall` and `cost` are does not matter here. */
static bool is_same(const struct config_track_bgp *a, const struct config_track_bgp *b)
{
	return config_track_bgp__same(a, b) && a->interval_ms == b->interval_ms &&
	       a->timeout_ms == b->timeout_ms;
}

static struct bgp_ask *find_or_make(uv_loop_t *loop, struct bgp_asks *asks,
				    const struct config_track_bgp *session)
{
	struct bgp_ask *a;

	TAILQ_FOREACH (a, asks, entry)
		if (is_same(&a->session, session))
			return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->asks = asks;
	a->loop = loop;
	a->session = *session;
	TAILQ_INIT(&a->subs);
	TAILQ_INSERT_TAIL(asks, a, entry);
	uv_timer_init(loop, &a->timer);
	a->timer.data = a;
	start_timer(a, 0);
	return a;
}

int bgp__subscribe(uv_loop_t *loop, struct bgp_asks *asks, const struct config_track_bgp *session,
		   bool settled, bgp_cb *cb, void *ctx, struct bgp_sub **out, struct err *err)
{
	struct bgp_sub *s = calloc(1, sizeof(*s));
	struct bgp_ask *a = s ? find_or_make(loop, asks, session) : NULL;

	if (!a) {
		free(s);
		return err__set(err, -ENOMEM, "out of memory");
	}
	*s = (struct bgp_sub){.ask = a, .cb = cb, .ctx = ctx, .settled = settled};
	/* At the head: a delivery that is going on has passed it, its answer is older than s. */
	TAILQ_INSERT_HEAD(&a->subs, s, entry);
	if (!settled && !a->waiting && !a->delivering)
		start_timer(a, 0);
	*out = s;
	return 0;
}

void bgp_sub__cancel(struct bgp_sub *s)
{
	struct bgp_ask *a;

	if (!s)
		return;
	a = s->ask;
	if (a->delivering) {
		s->cancelled = true;
		return;
	}
	TAILQ_REMOVE(&a->subs, s, entry);
	free(s);
	if (TAILQ_EMPTY(&a->subs))
		drop(a);
}
