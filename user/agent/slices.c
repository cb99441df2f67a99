/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/slices.h"

#include "core/log.h"

static void on_worker(uv_work_t *work)
{
	struct slices *s = work->data;

	s->rc = s->slice(s->ctx, &s->err);
}

static void after(uv_work_t *work, int status)
{
	struct slices *s = work->data;

	s->busy = false;
	if (status)
		return; /* cancelled: the agent is stopping */
	if (s->rc && !s->failing)
		log_error("%s; next try in 1 s", s->err.text);
	s->failing = s->rc != 0;
	if (!s->rc)
		s->after(s->ctx);
}

void slices__next(struct slices *s, uv_loop_t *loop)
{
	if (s->busy)
		return;
	s->work.data = s;
	s->busy = uv_queue_work(loop, &s->work, on_worker, after) == 0;
}
