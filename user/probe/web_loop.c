/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_loop.c - libcurl's sockets and timeout on libuv's loop. */
#include "probe/web_loop.h"

#include <errno.h>
#include <stdlib.h>

/* A socket of libcurl's. */
struct wait {
	uv_poll_t poll;
	struct web_loop *web;
	curl_socket_t fd;
};

static void release(struct web_loop *web)
{
	if (!--web->handles)
		web->closed(web->ctx);
}

/* A callback may drop transfers, so each message is taken before the next is looked for. */
static void collect(struct web_loop *web)
{
	void *private;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(web->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&private);
		web->done(private, code);
	}
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct wait *w = (struct wait *)h;
	struct web_loop *web = w->web;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(web->multi, w->fd, flags, &running);
	collect(web);
}

static void on_wait_closed(uv_handle_t *h)
{
	struct wait *w = (struct wait *)h;

	release(w->web);
	free(w);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket)
{
	struct web_loop *web = ctx;
	struct wait *w = socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(web->multi, fd, NULL);
			uv_close((uv_handle_t *)&w->poll, on_wait_closed);
		}
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w || uv_poll_init(web->loop, &w->poll, fd)) {
			free(w);
			return -1;
		}
		w->web = web;
		w->fd = fd;
		web->handles++;
		curl_multi_assign(web->multi, fd, w);
	}
	events |= what & CURL_POLL_IN ? UV_READABLE : 0;
	events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
	uv_poll_start(&w->poll, events, on_ready);
	return 0;
}

static void on_curl_timer(uv_timer_t *h)
{
	struct web_loop *web = h->data;
	int running;

	curl_multi_socket_action(web->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(web);
}

static int on_timeout_wanted(CURLM *multi, long ms, void *ctx)
{
	struct web_loop *web = ctx;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(&web->timer);
	else
		uv_timer_start(&web->timer, on_curl_timer, (uint64_t)ms, 0);
	return 0;
}

int web_loop__open(struct web_loop *w, uv_loop_t *loop, void (*done)(void *private, CURLcode code),
		   struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err__set(err, -ENOMEM, "cannot initialise libcurl");
	w->multi = curl_multi_init();
	if (!w->multi)
		return err__set(err, -ENOMEM, "out of memory for libcurl");
	w->loop = loop;
	w->done = done;
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	uv_timer_init(w->loop, &w->timer);
	w->timer.data = w;
	w->handles = 1;
	return 0;
}

static void on_timer_closed(uv_handle_t *h)
{
	release(h->data);
}

void web_loop__close(struct web_loop *w, void (*closed)(void *ctx), void *ctx)
{
	w->closed = closed;
	w->ctx = ctx;
	curl_multi_cleanup(w->multi);
	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}
