/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events.c - the reading ends of the ring buffers.
 *
 * A ring is one over all programs of the instance; it is held by a descriptor of its own, since a
 * replaced program's are closed. What the last agent has not read is read by this one.
 */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP (-ECANCELED) /* of the callback: enough for now; what was handed over is consumed */

struct plane_ring {
	struct ring_buffer *ring;
	int fd; /* of the map */
	size_t least; /* bytes of a sample */
	plane_ring_cb *cb;
	void *ctx;
	uint32_t left; /* samples that this turn may still take */
};

static int on_sample(void *ctx, void *data, size_t size)
{
	struct plane_ring *e = ctx;

	if (size >= e->least)
		e->cb(e->ctx, data, size);
	return --e->left ? 0 : STOP;
}

int plane_ring__open(const struct bpf_map *map, size_t least, plane_ring_cb *cb, void *ctx,
		     struct plane_ring **out, struct err *err)
{
	struct plane_ring *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return err__set(err, -ENOMEM, "out of memory");
	e->least = least;
	e->cb = cb;
	e->ctx = ctx;
	e->fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (e->fd >= 0)
		e->ring = ring_buffer__new(e->fd, on_sample, e, NULL);
	if (!e->ring) {
		rc = -errno;
		plane__ring_close(e);
		return err__set(err, rc, "cannot read the map '%s': %s", bpf_map__name(map),
				strerror(-rc));
	}
	*out = e;
	return 0;
}

int plane__ring_open(struct plane *p, enum plane_ring_kind kind, plane_ring_cb *cb, void *ctx,
		     struct plane_ring **out, struct err *err)
{
	if (kind == PLANE_TOLD)
		return plane_ring__open(p->skel->maps.told, sizeof(struct fl_told), cb, ctx, out,
					err);
	return plane_ring__open(p->skel->maps.events, sizeof(struct fl_event), cb, ctx, out, err);
}

int plane__ring_fd(const struct plane_ring *e)
{
	return ring_buffer__epoll_fd(e->ring);
}

bool plane__ring_take(struct plane_ring *e, uint32_t most)
{
	e->left = most;
	return ring_buffer__consume(e->ring) == STOP;
}

void plane__ring_close(struct plane_ring *e)
{
	if (!e)
		return;
	ring_buffer__free(e->ring);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}
