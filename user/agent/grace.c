/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/grace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "core/log.h"

struct item {
	STAILQ_ENTRY(item) entry;
	grace_cb *cb;
	void *ctx;
	uint32_t arg;
};

STAILQ_HEAD(items, item);

struct grace {
	uv_loop_t *loop;
	struct plane *plane;
	uv_work_t work;
	bool busy; /* the worker waits for `running` */
	int rc; /* of the wait */
	struct err err;
	struct items waiting; /* came after the wait had begun */
	struct items running;
};

static void wait_on_worker(uv_work_t *work)
{
	struct grace *g = work->data;

	g->rc = plane__grace(g->plane, &g->err);
}

static void after_wait(uv_work_t *work, int status)
{
	struct grace *g = work->data;
	struct items done = STAILQ_HEAD_INITIALIZER(done);
	struct item *i;

	g->busy = false;
	if (status)
		return; /* cancelled: the agent is stopping */
	if (g->rc) {
		/* Without the wait nothing may be reused. The order of the calls stays. */
		log_error("%s; next try in 1 s", g->err.text);
		STAILQ_CONCAT(&g->running, &g->waiting);
		STAILQ_CONCAT(&g->waiting, &g->running);
		return;
	}
	STAILQ_CONCAT(&done, &g->running);
	while ((i = STAILQ_FIRST(&done))) {
		STAILQ_REMOVE_HEAD(&done, entry);
		i->cb(i->ctx, i->arg);
		free(i);
	}
	grace__retry(g);
}

static void start(struct grace *g)
{
	STAILQ_CONCAT(&g->running, &g->waiting);
	g->busy = true;
	g->work.data = g;
	if (uv_queue_work(g->loop, &g->work, wait_on_worker, after_wait)) {
		STAILQ_CONCAT(&g->waiting, &g->running);
		g->busy = false;
	}
}

int grace__new(uv_loop_t *loop, struct plane *plane, struct grace **out, struct err *err)
{
	struct grace *g = calloc(1, sizeof(*g));

	if (!g)
		return err__set(err, -ENOMEM, "out of memory");
	g->loop = loop;
	g->plane = plane;
	STAILQ_INIT(&g->waiting);
	STAILQ_INIT(&g->running);
	*out = g;
	return 0;
}

void grace__after(struct grace *g, grace_cb *cb, void *ctx, uint32_t arg)
{
	struct item *i = malloc(sizeof(*i));

	if (!i) {
		log_error("out of memory: a map entry stays reserved until a restart");
		return;
	}
	*i = (struct item){.cb = cb, .ctx = ctx, .arg = arg};
	STAILQ_INSERT_TAIL(&g->waiting, i, entry);
	grace__retry(g);
}

void grace__retry(struct grace *g)
{
	if (!g->busy && !STAILQ_EMPTY(&g->waiting))
		start(g);
}

void grace__free(struct grace *g)
{
	struct item *i;

	if (!g)
		return;
	STAILQ_CONCAT(&g->waiting, &g->running);
	while ((i = STAILQ_FIRST(&g->waiting))) {
		STAILQ_REMOVE_HEAD(&g->waiting, entry);
		free(i);
	}
	free(g);
}
