/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_loop.h - transfers of libcurl's multi interface on libuv's loop. */
#ifndef FAIRLEAD_PROBE_WEB_LOOP_H
#define FAIRLEAD_PROBE_WEB_LOOP_H

#include <curl/curl.h>
#include <uv.h>

#include "core/err.h"

struct web_loop {
	uv_loop_t *loop;
	CURLM *multi; /* whom transfers are given to, and taken from */
	uv_timer_t timer;
	size_t handles; /* open ones */
	/* A transfer, which has that CURLOPT_PRIVATE, has ended. */
	void (*done)(void *private, CURLcode code);
	void (*closed)(void *ctx);
	void *ctx; /* of `closed` */
};

/* Begins; `done` as above. -errno and a sentence. */
int web_loop__open(struct web_loop *w, uv_loop_t *loop, void (*done)(void *private, CURLcode code),
		   struct err *err);
/* All transfers have been taken back. `closed` is called when the memory of *w is no longer used. */
void web_loop__close(struct web_loop *w, void (*closed)(void *ctx), void *ctx);

#endif
