/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.c - one TCP connection of a probe: made, perhaps secured, and the bytes of a talk carried.
 *
 * A kind without a talk (tcp) is answered by the connection itself (RFC 9293 3.5). The connection is
 * reset at the end, so that nothing lingers: no TIME_WAIT here, no half-closed connection there.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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
	struct watch watch;
	struct prober *prober;
	struct probe *probe; /* whose try it belongs to */
	struct addr address;
	uint16_t port;
	const struct talk_kind *talk;
	stream_cb *cb;
	void *ctx;
	enum state state;
	bool tls_next; /* what waits in `out` is sent, then TLS begins */
	struct tls *tls;
	struct session *session;
};

/* Frees it too. */
static void end(struct stream *a)
{
	tls__free(a->tls);
	a->tls = NULL;
	if (a->session) {
		explicit_bzero(a->session->secret, sizeof(a->session->secret));
		if (a->session->talk.password) /* what waited to be sent may have held it */
			explicit_bzero(a->session->talk.out, sizeof(a->session->talk.out));
	}
	free(a->session);
	a->session = NULL;
	watch__close(a->prober, &a->watch);
}

/* In this order: the owner may begin the next try. */
static void end_with(struct stream *a, const struct stream_end *e)
{
	stream_cb *cb = a->cb;
	void *ctx = a->ctx;

	end(a);
	cb(ctx, e);
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
	end_with(a, &e);
}

/* The connection failed, or ended, with an error of the kernel's. */
static void broke(struct stream *a, int err)
{
	/* A reset of a connection that stood is no refusal: somebody listens. */
	enum probe_outcome outcome = a->state == CONNECTING ? probe__outcome(err) : PROBE_FAILED;
	struct stream_end e = {.local = true, .detail = probe__clause(err)};

	if (probe__is_local(err)) {
		end_with(a, &e);
		return;
	}
	finish(a, outcome, probe__clause(err));
}

static void await(struct stream *a, uint32_t events)
{
	/* Only the first call for a socket needs memory, see stream__open(). */
	watch__await(a->prober, &a->watch, events);
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
	rc = out ? send(a->watch.fd, bytes, len, MSG_NOSIGNAL) : recv(a->watch.fd, bytes, len, 0);
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
	int rc = tls__open(&p->prober->tls, &p->args, &a->address, a->watch.fd, &a->tls, &err);

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
			await(a, EPOLLIN);
			return false;
		case TLS_WANTS_WRITE:
			await(a, EPOLLOUT);
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
	await(a, EPOLLIN);
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
		memset(&s->talk, 0, offsetof(struct talk, out));
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
		await(a, EPOLLIN);
		return;
	case TLS_WANTS_WRITE:
		await(a, EPOLLOUT);
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
			await(a, EPOLLOUT);
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

/* The socket knows which error it was. */
static int error_of(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

static void on_connected(struct stream *a, uint32_t events)
{
	int err = events & (EPOLLERR | EPOLLHUP) ? error_of(a->watch.fd) : 0;

	if (err)
		broke(a, err);
	else if (a->talk && a->probe->args.tls && !a->probe->args.starttls)
		begin_tls(a);
	else
		begin_talk(a);
}

static void on_ready(struct watch *w, uint32_t events)
{
	struct stream *a = (struct stream *)w;

	if (a->state == CONNECTING) {
		on_connected(a, events);
	} else if (a->state == HANDSHAKE) {
		handshake(a);
	} else if (!a->session->talk.out_len || flush(a)) {
		if (a->tls_next) {
			begin_tls(a);
			return;
		}
		await(a, EPOLLIN);
		take_input(a);
	}
}

/* Is something said as soon as the connection stands? */
static bool speaks_first(const struct talk_kind *talk, const struct config_probe *args)
{
	return talk && (talk->first || (args->tls && !args->starttls));
}

/* The next acknowledgement goes with what is said, and is no packet of its own. */
static void delay_ack(int fd)
{
	int off = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
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
	if (speaks_first(talk, &p->args))
		delay_ack(fd);
	if (connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS) {
		rc = -errno;
		*why = probe__clause(errno);
		close(fd);
		return rc;
	}
	a = calloc(1, sizeof(*a));
	if (a) {
		a->watch.fd = fd;
		a->watch.ready = on_ready;
	}
	rc = a ? watch__await(p->prober, &a->watch, EPOLLOUT) : -ENOMEM;
	if (rc) {
		*why = probe__clause(-rc);
		free(a);
		close(fd);
		/* The kernel's limit of watched sockets is this machine's affair, like its memory. */
		return -ENOMEM;
	}
	a->prober = p->prober;
	a->probe = p;
	a->address = *address;
	a->port = port;
	a->talk = talk;
	a->cb = cb;
	a->ctx = ctx;
	*out = a;
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
