/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http.c - a GET whose status, and perhaps body, is as it should be (RFC 9110), by libcurl.
 *
 * One multi handle on the agent's loop: libcurl says which sockets and which timeout it waits for,
 * libuv waits. Each try has a connection of its own, since a new client would need one too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/internal.h"

#define BODY_MAX 65536 /* bytes that are read, and searched, of a body */

/* The answer so far. */
struct attempt {
	struct probe *probe;
	struct curl_slist *headers;
	bool found; /* the body holds what it must */
	bool enough; /* BODY_MAX has been read */
	size_t len;
	char body[]; /* BODY_MAX bytes when a body is asked for, else none */
};

/* A socket of libcurl's. */
struct wait {
	uv_poll_t poll;
	struct prober *prober;
	curl_socket_t fd;
};

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct attempt *a = ctx;
	const char *want = a->probe->args.body;
	size_t take = n < BODY_MAX - a->len ? n : BODY_MAX - a->len, from, wanted;

	(void)one;
	if (want) {
		wanted = strlen(want);
		memcpy(a->body + a->len, data, take);
		/* What is wanted may begin in what came before. */
		from = a->len > wanted ? a->len - wanted : 0;
		a->found = memmem(a->body + from, a->len + take - from, want, wanted) != NULL;
	}
	a->len += take;
	a->enough = a->len == BODY_MAX;
	/* Fewer than were offered: the rest is not needed, the transfer ends. */
	return a->found || a->enough ? CURL_WRITEFUNC_ERROR : n;
}

static void judge_status(struct probe *p, const struct attempt *a, char *detail, size_t len,
			 bool *ok)
{
	long status = 0;

	curl_easy_getinfo(p->kept, CURLINFO_RESPONSE_CODE, &status);
	*ok = status >= p->args.status_min && status <= p->args.status_max;
	if (!*ok) {
		snprintf(detail, len, "status %ld is not in %u..%u", status, p->args.status_min,
			 p->args.status_max);
	} else if (p->args.body && !a->found) {
		*ok = false;
		snprintf(detail, len, "status %ld, but the body%s does not hold \"%.60s\"", status,
			 a->enough ? "'s first 64 KiB" : "", p->args.body);
	} else {
		snprintf(detail, len, "status %ld", status);
	}
}

static void describe_failure(CURLcode code, long os_err, char *detail, size_t len)
{
	if (code == CURLE_COULDNT_CONNECT && os_err)
		snprintf(detail, len, "%s",
			 os_err == ECONNREFUSED ? "connection refused" : strerror((int)os_err));
	else if (code == CURLE_GOT_NOTHING)
		snprintf(detail, len, "the connection was closed without an answer");
	else
		snprintf(detail, len, "%s", curl_easy_strerror(code));
}

static void end(struct probe *p)
{
	struct attempt *a = p->attempt;

	curl_multi_remove_handle(p->prober->multi, p->kept);
	curl_slist_free_all(a->headers);
	free(a);
	p->attempt = NULL;
}

static void complete(struct probe *p, CURLcode code)
{
	struct attempt *a = p->attempt;
	char detail[160];
	long os_err = 0;
	enum probe_outcome outcome = PROBE_FAILED;
	bool ok = false, local;

	curl_easy_getinfo(p->kept, CURLINFO_OS_ERRNO, &os_err);
	local = code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT ||
		(code == CURLE_COULDNT_CONNECT && probe__is_local((int)os_err));
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && (a->found || a->enough)))
		judge_status(p, a, detail, sizeof(detail), &ok);
	else
		describe_failure(code, os_err, detail, sizeof(detail));
	if (ok)
		outcome = PROBE_OK;
	else if (code == CURLE_COULDNT_CONNECT && os_err)
		outcome = probe__outcome((int)os_err);
	end(p);
	if (local)
		probe__skip(p);
	else
		probe__finish(p, outcome, detail);
}

/* A callback may drop probes, so each message is taken before the next is looked for. */
static void collect(struct prober *prober)
{
	struct probe *p;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(prober->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&p);
		complete(p, code);
	}
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct wait *w = (struct wait *)h;
	struct prober *prober = w->prober;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(prober->multi, w->fd, flags, &running);
	collect(prober);
}

static void on_wait_closed(uv_handle_t *h)
{
	struct wait *w = (struct wait *)h;

	prober__release(w->prober);
	free(w);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket)
{
	struct prober *prober = ctx;
	struct wait *w = socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(prober->multi, fd, NULL);
			uv_close((uv_handle_t *)&w->poll, on_wait_closed);
		}
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w || uv_poll_init(prober->loop, &w->poll, fd)) {
			free(w);
			return -1;
		}
		w->prober = prober;
		w->fd = fd;
		prober__hold(prober);
		curl_multi_assign(prober->multi, fd, w);
	}
	events |= what & CURL_POLL_IN ? UV_READABLE : 0;
	events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
	uv_poll_start(&w->poll, events, on_ready);
	return 0;
}

static void on_curl_timer(uv_timer_t *h)
{
	struct prober *prober = h->data;
	int running;

	curl_multi_socket_action(prober->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(prober);
}

static int on_timeout_wanted(CURLM *multi, long ms, void *ctx)
{
	struct prober *prober = ctx;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(&prober->curl_timer);
	else
		uv_timer_start(&prober->curl_timer, on_curl_timer, (uint64_t)ms, 0);
	return 0;
}

static void set_options(struct probe *p, struct attempt *a, const char *url)
{
	CURL *e = p->kept;

	curl_easy_reset(e);
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, p);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "fairlead/" FAIRLEAD_VERSION);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
	/* The prober's own timer ends a try; libcurl must only not wait for ever on its own. */
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)p->args.timeout_ms * 2);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	/* The path is the operator's, byte for byte. */
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
}

static int start(struct probe *p, const char **why)
{
	struct attempt *a = calloc(1, sizeof(*a) + (p->args.body ? BODY_MAX : 0));
	char url[4096], host[ADDR_STRLEN], header[512];
	bool v4 = addr__is4(&p->address);

	if (!p->kept)
		p->kept = curl_easy_init();
	if (!a || !p->kept) {
		free(a);
		return -ENOMEM;
	}
	a->probe = p;
	addr__format(&p->address, host);
	snprintf(url, sizeof(url), "http://%s%s%s:%u%s", v4 ? "" : "[", host, v4 ? "" : "]",
		 p->port, p->args.path ? p->args.path : "/");
	if (p->args.host) {
		snprintf(header, sizeof(header), "Host: %s", p->args.host);
		a->headers = curl_slist_append(NULL, header);
	}
	set_options(p, a, url);
	p->attempt = a;
	if (curl_multi_add_handle(p->prober->multi, p->kept)) {
		curl_slist_free_all(a->headers);
		free(a);
		p->attempt = NULL;
		*why = "libcurl refused the request";
		return -EINVAL;
	}
	return 0;
}

static void give_up(struct probe *p)
{
	if (p->attempt)
		end(p);
}

static void forget(struct probe *p)
{
	if (p->kept)
		curl_easy_cleanup(p->kept);
	p->kept = NULL;
}

const struct probe_kind probe_http = {.start = start, .abort = give_up, .forget = forget};

int probe_http__init(struct prober *p, struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err__set(err, -ENOMEM, "cannot initialise libcurl");
	p->multi = curl_multi_init();
	if (!p->multi)
		return err__set(err, -ENOMEM, "out of memory for libcurl");
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	uv_timer_init(p->loop, &p->curl_timer);
	p->curl_timer.data = p;
	prober__hold(p);
	return 0;
}

static void on_curl_timer_closed(uv_handle_t *h)
{
	struct prober *p = h->data;

	prober__release(p);
}

void probe_http__close(struct prober *p)
{
	curl_multi_cleanup(p->multi);
	uv_close((uv_handle_t *)&p->curl_timer, on_curl_timer_closed);
}
