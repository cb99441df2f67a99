/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.c - the reading end of the ring buffer `events`.
 *
 * The ring is one over all programs of the instance; it is held by a descriptor of its own, since a
 * replaced program's are closed. What the last agent has not read is read by this one.
 */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP (-ECANCELED) /* of the callback: enough for now; what was handed over is consumed */

struct plane_events {
	struct ring_buffer *ring;
	int fd; /* of the map */
	plane_event_cb *cb;
	void *ctx;
	uint32_t left; /* events that this turn may still take */
};

static int on_sample(void *ctx, void *data, size_t size)
{
	struct plane_events *e = ctx;

	if (size >= sizeof(struct fl_event))
		e->cb(e->ctx, data);
	return --e->left ? 0 : STOP;
}

int plane__events_open(struct plane *p, plane_event_cb *cb, void *ctx, struct plane_events **out,
		       struct err *err)
{
	struct plane_events *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return err__set(err, -ENOMEM, "out of memory");
	e->cb = cb;
	e->ctx = ctx;
	e->fd = fcntl(bpf_map__fd(p->skel->maps.events), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (e->fd >= 0)
		e->ring = ring_buffer__new(e->fd, on_sample, e, NULL);
	if (!e->ring) {
		rc = -errno;
		plane__events_close(e);
		return err__set(err, rc, "cannot read the map 'events': %s", strerror(-rc));
	}
	*out = e;
	return 0;
}

int plane__events_fd(const struct plane_events *e)
{
	return ring_buffer__epoll_fd(e->ring);
}

bool plane__events_take(struct plane_events *e, uint32_t most)
{
	e->left = most;
	return ring_buffer__consume(e->ring) == STOP;
}

void plane__events_close(struct plane_events *e)
{
	if (!e)
		return;
	ring_buffer__free(e->ring);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}
