/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.c - one TCP connection of a probe: made, perhaps secured, and the bytes of a talk carried.
 *
 * A kind without a talk (tcp) is answered by the connection itself (RFC 9293 3.5). The connection is
 * reset at the end, so that nothing lingers: no TIME_WAIT here, no half-closed connection there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/secret.h"
#include "probe/stream.h"
#include "probe/tls.h"

enum state {
	CONNECTING,
	HANDSHAKE,
	TALKING,
};

/* What a talk needs; allocated once the server has answered. */
struct session {
	struct talk talk;
	char secret[SECRET_LEN];
	uint8_t in[TALK_IN_MAX];
	size_t in_len;
	size_t total; /* bytes read so far */
};

struct stream {
	uv_poll_t poll;
	struct prober *prober;
	struct probe *probe; /* whose try it belongs to */
	struct addr address;
	uint16_t port;
	const struct talk_kind *talk;
	stream_cb *cb;
	void *ctx;
	int fd;
	enum state state;
	bool tls_next; /* what waits in `out` is sent, then TLS begins */
	struct tls *tls;
	struct session *session;
};

static void on_ready(uv_poll_t *h, int status, int events);

static void on_closed(uv_handle_t *h)
{
	struct stream *a = (struct stream *)h;

	prober__release(a->prober);
	free(a);
}

static void end(struct stream *a)
{
	uv_close((uv_handle_t *)&a->poll, on_closed);
	tls__free(a->tls);
	a->tls = NULL;
	if (a->session) {
		explicit_bzero(a->session->secret, sizeof(a->session->secret));
		if (a->session->talk.password) /* what waited to be sent may have held it */
			explicit_bzero(a->session->talk.out, sizeof(a->session->talk.out));
	}
	free(a->session);
	a->session = NULL;
	close(a->fd);
}

static void finish(struct stream *a, enum probe_outcome outcome, const char *detail)
{
	char copy[PROBE_DETAIL_LEN];
	struct stream_end e = {
		.outcome = outcome,
		.detail = copy,
		.role = a->session ? a->session->talk.role : CONFIG_ROLE_ANY,
	};

	snprintf(copy, sizeof(copy), "%s", detail);
	end(a);
	a->cb(a->ctx, &e);
}

/* The connection failed, or ended, with an error of the kernel's. */
static void broke(struct stream *a, int err)
{
	/* A reset of a connection that stood is no refusal: somebody listens. */
	enum probe_outcome outcome = a->state == CONNECTING ? probe__outcome(err) : PROBE_FAILED;
	struct stream_end e = {.local = true, .detail = probe__clause(err)};

	if (probe__is_local(err)) {
		end(a);
		a->cb(a->ctx, &e);
		return;
	}
	finish(a, outcome, probe__clause(err));
}

static void await(struct stream *a, int events)
{
	uv_poll_start(&a->poll, events, on_ready);
}

/* --- bytes -------------------------------------------------------------------------------------- */

/* One read or write, in the clear or not. */
static enum tls_wait transfer(struct stream *a, bool out, void *bytes, size_t len, size_t *n,
			      struct err *err)
{
	ssize_t rc;

	if (a->tls)
		return out ? tls__write(a->tls, bytes, len, n, err)
			   : tls__read(a->tls, bytes, len, n, err);
	rc = out ? send(a->fd, bytes, len, MSG_NOSIGNAL) : recv(a->fd, bytes, len, 0);
	*n = rc > 0 ? (size_t)rc : 0;
	if (rc > 0)
		return TLS_DONE;
	if (rc == 0)
		return TLS_CLOSED;
	if (errno == EAGAIN || errno == EINTR)
		return out ? TLS_WANTS_WRITE : TLS_WANTS_READ;
	err__set(err, -errno, "%s", probe__clause(errno));
	return TLS_FAILED;
}

static void handshake(struct stream *a);

static void begin_tls(struct stream *a)
{
	struct probe *p = a->probe;
	struct err err = {.text = ""};
	int rc = tls__open(&p->prober->tls, &p->args, &a->address, a->fd, &a->tls, &err);

	if (rc) {
		finish(a, PROBE_FAILED, err.text);
		return;
	}
	a->tls_next = false;
	a->state = HANDSHAKE;
	handshake(a);
}

/* Sends what waits. True: all is sent, and the attempt lives. */
static bool flush(struct stream *a)
{
	struct talk *t = &a->session->talk;
	struct err err = {.text = ""};
	size_t n;

	while (t->out_len) {
		switch (transfer(a, true, t->out, t->out_len, &n, &err)) {
		case TLS_DONE:
			memmove(t->out, t->out + n, t->out_len - n);
			t->out_len -= n;
			break;
		case TLS_WANTS_READ:
			await(a, UV_READABLE);
			return false;
		case TLS_WANTS_WRITE:
			await(a, UV_WRITABLE);
			return false;
		default:
			finish(a, PROBE_FAILED,
			       err.text[0] ? err.text : "the connection was closed");
			return false;
		}
	}
	return true;
}

static void conclude(struct stream *a)
{
	struct talk *t = &a->session->talk;
	struct err err = {.text = ""};
	size_t n;

	/* A last word to the server: if it does not go out at once, it does not matter. */
	if (t->out_len)
		transfer(a, true, t->out, t->out_len, &n, &err);
	finish(a, t->outcome, t->detail);
}

/* What a talk wants after it has looked. False: the attempt is over, or waits for something else. */
static bool proceed(struct stream *a, enum talk_next next)
{
	const struct talk_kind *kind = a->talk;
	struct session *s = a->session;
	struct talk *t = &s->talk;

	while (next == TALK_AGAIN)
		next = t->len ? kind->input(t) : TALK_MORE;
	memmove(s->in, t->in, t->len);
	s->in_len = t->len;
	t->in = s->in;
	if (next == TALK_OVER) {
		conclude(a);
		return false;
	}
	if (next == TALK_TLS && s->in_len) {
		/* RFC 3207 6: what was sent before TLS must not count as sent within it. */
		finish(a, PROBE_FAILED, "the server spoke before TLS had begun");
		return false;
	}
	if (s->in_len == sizeof(s->in) || s->total > TALK_TOTAL_MAX) {
		finish(a, PROBE_FAILED, "the answer is too long");
		return false;
	}
	a->tls_next = next == TALK_TLS;
	if (!flush(a))
		return false;
	if (a->tls_next) {
		begin_tls(a);
		return false;
	}
	await(a, UV_READABLE);
	return true;
}

static void begin_talk(struct stream *a)
{
	struct probe *p = a->probe;
	struct session *s = a->session;
	struct err err = {.text = ""};
	const char *password = NULL;

	if (!a->talk) {
		finish(a, PROBE_OK, "connected");
		return;
	}
	if (!s) {
		/* Only what is read before it is written needs zeros. */
		s = malloc(sizeof(*s));
		a->session = s;
		if (!s) {
			broke(a, ENOMEM);
			return;
		}
		memset(&s->talk, 0, sizeof(s->talk));
		s->in_len = s->total = 0;
	}
	a->state = TALKING;
	if (secret__read(&p->args, s->secret, &password, &err)) {
		finish(a, PROBE_FAILED, err.text);
		return;
	}
	s->talk.args = &p->args;
	s->talk.address = &a->address;
	s->talk.port = a->port;
	s->talk.password = password;
	s->talk.in = s->in;
	s->talk.token = probe__token();
	s->talk.tls = a->tls ? tls__version(a->tls) : NULL;
	proceed(a, a->talk->begin(&s->talk));
}

static void handshake(struct stream *a)
{
	struct err err = {.text = ""};

	switch (tls__handshake(a->tls, &err)) {
	case TLS_DONE:
		/* What the probe warns of is the backend's own. */
		if (a->talk == a->probe->kind->talk)
			probe__judge_certificate(a->probe, tls__seconds_left(a->tls));
		begin_talk(a);
		return;
	case TLS_WANTS_READ:
		await(a, UV_READABLE);
		return;
	case TLS_WANTS_WRITE:
		await(a, UV_WRITABLE);
		return;
	default:
		finish(a, PROBE_FAILED,
		       err.text[0] ? err.text : "the connection was closed within TLS");
	}
}

static void on_end_of_input(struct stream *a)
{
	const struct talk_kind *kind = a->talk;
	struct session *s = a->session;

	if (kind->closed && kind->closed(&s->talk) == TALK_OVER)
		conclude(a);
	else
		finish(a, PROBE_FAILED,
		       s->total ? "the connection was closed in the middle of an answer"
				: "the connection was closed without an answer");
}

static void take_input(struct stream *a)
{
	struct session *s = a->session;
	struct err err = {.text = ""};
	size_t n;

	for (;;) {
		switch (transfer(a, false, s->in + s->in_len, sizeof(s->in) - s->in_len, &n,
				 &err)) {
		case TLS_DONE:
			s->in_len += n;
			s->total += n;
			s->talk.in = s->in;
			s->talk.len = s->in_len;
			if (!proceed(a, a->talk->input(&s->talk)))
				return;
			break;
		case TLS_WANTS_READ:
			return;
		case TLS_WANTS_WRITE:
			await(a, UV_WRITABLE);
			return;
		case TLS_CLOSED:
			on_end_of_input(a);
			return;
		default:
			finish(a, PROBE_FAILED, err.text);
			return;
		}
	}
}

/* --- the connection ----------------------------------------------------------------------------- */

static void on_connected(struct stream *a, int status)
{
	const struct talk_kind *talk = a->talk;
	int err = 0;
	socklen_t len = sizeof(err);

	/* libuv reports any error as EBADF; the socket knows which one it was. */
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err && status < 0)
		err = -status;
	if (err)
		broke(a, err);
	else if (talk && a->probe->args.tls && !a->probe->args.starttls)
		begin_tls(a);
	else
		begin_talk(a);
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct stream *a = (struct stream *)h;

	(void)events;
	if (a->state == CONNECTING) {
		on_connected(a, status);
	} else if (a->state == HANDSHAKE) {
		handshake(a);
	} else if (!a->session->talk.out_len || flush(a)) {
		if (a->tls_next) {
			begin_tls(a);
			return;
		}
		await(a, UV_READABLE);
		take_input(a);
	}
}

int stream__open(struct probe *p, const struct addr *address, uint16_t port,
		 const struct talk_kind *talk, stream_cb *cb, void *ctx, struct stream **out,
		 const char **why)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct sockaddr_storage sa;
	bool own = address == &p->address;
	socklen_t len = addr__sockaddr(own ? probe__peer(p) : address, port, &sa);
	int fd = probe__socket(p, address, SOCK_STREAM), rc;
	struct stream *a;

	if (fd < 0) {
		*why = probe__clause(-fd);
		return fd;
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS) {
		rc = -errno;
		*why = probe__clause(errno);
		close(fd);
		return rc;
	}
	a = calloc(1, sizeof(*a));
	if (!a || uv_poll_init(p->prober->loop, &a->poll, fd)) {
		free(a);
		close(fd);
		*why = probe__clause(ENOMEM);
		return -ENOMEM;
	}
	a->prober = p->prober;
	a->probe = p;
	a->address = *address;
	a->port = port;
	a->talk = talk;
	a->cb = cb;
	a->ctx = ctx;
	a->fd = fd;
	*out = a;
	prober__hold(p->prober);
	await(a, UV_WRITABLE);
	return 0;
}

void stream__close(struct stream *s)
{
	end(s);
}

enum probe_outcome stream__overdue(struct stream *s, char *detail, size_t size)
{
	if (s->state != TALKING || !s->talk->silence ||
	    s->talk->silence(&s->session->talk) != TALK_OVER)
		return PROBE_FAILED;
	snprintf(detail, size, "%s", s->session->talk.detail);
	return s->session->talk.outcome;
}

/* --- kinds that are one connection ---------------------------------------------------------------- */

static void on_end(void *ctx, const struct stream_end *e)
{
	struct probe *p = ctx;

	p->attempt = NULL;
	if (e->local)
		probe__skip(p);
	else
		probe__finish(p, e->outcome, e->detail);
}

int stream__start(struct probe *p, const char **why)
{
	struct stream *s = NULL;
	int rc = stream__open(p, &p->address, p->port, p->kind->talk, on_end, p, &s, why);

	p->attempt = s;
	return rc;
}

enum probe_outcome stream__late(struct probe *p, char *detail, size_t size)
{
	return stream__overdue(p->attempt, detail, size);
}

void stream__abort(struct probe *p)
{
	if (p->attempt)
		end(p->attempt);
	p->attempt = NULL;
}
