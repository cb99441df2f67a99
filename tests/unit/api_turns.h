/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server of the API on a loop whose turns never wait, so that a test decides what happens between two of them, as
 * api_stop_test.c and api_stream_test.c have it. Include after cmocka.
 */
#ifndef FAIRLEAD_TEST_API_TURNS_H
#define FAIRLEAD_TEST_API_TURNS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"

/* What anything may take. Turns are no measure: a server rests for milliseconds between two of its own. */
#define PATIENCE_NS 30000000000ULL

struct turns {
	uv_loop_t loop;
	uv_idle_t idle;
	char dir[32], path[64];
	struct api *api;
};

static inline void turns__on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static inline void turns__begin(struct turns *t, const struct api_ops *ops, void *ctx)
{
	struct err warning, err = {0};

	snprintf(t->dir, sizeof(t->dir), "/tmp/fl-turns-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/sock", t->dir);
	uv_loop_init(&t->loop);
	uv_idle_init(&t->loop, &t->idle);
	uv_idle_start(&t->idle, turns__on_idle);
	if (api__new(&t->loop, t->path, "root", ops, ctx, &t->api, &warning, &err))
		fail_msg("api__new: %s", err.text);
}

/* After api__free(). */
static inline void turns__end(struct turns *t)
{
	uv_close((uv_handle_t *)&t->idle, NULL);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t->loop), 0);
	rmdir(t->dir);
}

static inline struct sockaddr_un turns__address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

/* A connection to the server on this path. */
static inline int turns__dial(const char *path)
{
	struct sockaddr_un address = turns__address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A turn of the loop; false if it came too late. */
static inline bool turns__one(struct turns *t, uint64_t since_ns)
{
	uv_run(&t->loop, UV_RUN_NOWAIT);
	return uv_hrtime() - since_ns < PATIENCE_NS;
}

#endif
