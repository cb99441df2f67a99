/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "probe/internal.h"

#define BATCH 256 /* events taken at once; timers have their turn between two batches */

static void free_closed(struct watches *all)
{
	struct watch *w;

	while ((w = STAILQ_FIRST(&all->closed))) {
		STAILQ_REMOVE_HEAD(&all->closed, entry);
		free(w);
	}
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct prober *p = h->data;
	struct watches *all = &p->watches;
	struct epoll_event batch[BATCH];
	int n = epoll_wait(all->epoll, batch, BATCH, 0);

	(void)status;
	(void)events;
	all->busy = true;
	for (int i = 0; i < n; i++) {
		struct watch *w = batch[i].data.ptr;

		if (!w->closed)
			w->ready(w, batch[i].events);
	}
	all->busy = false;
	free_closed(all);
}

int watches__open(struct prober *p, struct err *err)
{
	struct watches *all = &p->watches;
	int rc;

	STAILQ_INIT(&all->closed);
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (all->epoll < 0)
		return err__set(err, -errno, "cannot make an epoll instance for probes: %s",
				strerror(errno));
	rc = uv_poll_init(p->loop, &all->poll, all->epoll);
	if (rc) {
		close(all->epoll);
		return err__set(err, rc, "cannot watch the sockets of probes: %s", uv_strerror(rc));
	}
	all->poll.data = p;
	uv_poll_start(&all->poll, UV_READABLE, on_ready);
	prober__hold(p);
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct prober *p = h->data;

	close(p->watches.epoll);
	prober__release(p);
}

void watches__close(struct prober *p)
{
	uv_close((uv_handle_t *)&p->watches.poll, on_closed);
}

int watch__await(struct prober *p, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	if (w->events == events)
		return 0;
	if (epoll_ctl(p->watches.epoll, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e))
		return -errno;
	w->added = true;
	w->events = events;
	return 0;
}

void watch__close(struct prober *p, struct watch *w)
{
	/*
	 * No other descriptor names the socket, so that epoll forgets it: uv_spawn() returns when the child
	 * has closed its copies.
	 */
	close(w->fd);
	w->closed = true;
	if (p->watches.busy)
		STAILQ_INSERT_TAIL(&p->watches.closed, w, entry);
	else
		free(w);
}
