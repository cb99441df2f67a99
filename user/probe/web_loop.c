/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_loop.c - libcurl's sockets and timeout on libuv's loop. */
#include "probe/web_loop.h"

#include <stdlib.h>

/* A socket of libcurl's. */
struct wait {
	uv_poll_t poll;
	struct prober *prober;
	curl_socket_t fd;
};

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
		web__complete(p, code);
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

int web_loop__open(struct prober *p, struct err *err)
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

void web_loop__close(struct prober *p)
{
	curl_multi_cleanup(p->multi);
	uv_close((uv_handle_t *)&p->curl_timer, on_curl_timer_closed);
}
