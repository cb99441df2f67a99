/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"

int api__new(uv_loop_t *loop, const char *path, const char *group, const struct api_ops *ops,
	     void *ctx, struct api **out, struct err *warning, struct err *err)
{
	struct api *a = calloc(1, sizeof(*a));
	int fd = -1, rc;

	if (!a)
		return err__set(err, -ENOMEM, "out of memory");
	a->loop = loop;
	a->ops = *ops;
	a->ctx = ctx;
	LIST_INIT(&a->kept);
	TAILQ_INIT(&a->streams);
	a->path = strdup(path);
	rc = a->path ? api_socket__listen(a, path, group, &fd, warning, err)
		     : err__set(err, -ENOMEM, "out of memory");
	if (!rc) {
		rc = api_server__start(a, fd, path, false, &a->local, err);
		if (rc)
			api_socket__remove(a);
	}
	if (rc) {
		free(a->path);
		free(a);
		return rc;
	}
	*out = a;
	return 0;
}

int api__listen(struct api *a, int fd, const char *name, struct err *err)
{
	api_server__stop(a->listener);
	a->listener = NULL;
	return fd < 0 ? 0 : api_server__start(a, fd, name, true, &a->listener, err);
}

void api__tick(struct api *a)
{
	if (!a)
		return;
	api_kept__expire(a, false);
	api_server__tick(a->local);
	if (a->listener)
		api_server__tick(a->listener);
}

void api__streams(const struct api *a, struct api_streams *out)
{
	*out = (struct api_streams){a->n_streams, a->slow, a->displaced};
}

void api__free(struct api *a)
{
	if (!a)
		return;
	api_socket__remove(a);
	api_server__stop(a->listener);
	api_server__stop(a->local);
	api_kept__expire(a, true);
}
