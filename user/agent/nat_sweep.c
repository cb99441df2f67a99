/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/nat_sweep.h"

#include "agent/agent.h"
#include "core/log.h"

#define MOST_PERIOD_S 30
#define PASSES_PER_IDLE 4 /* so that a record lives at most a quarter longer than it should */

/* Seconds that a pass may take; 0: no service forwards by NAT. */
static uint32_t period_of(const struct config *c)
{
	uint32_t period = 0;

	for (size_t i = 0; c && i < c->n_services; i++) {
		uint32_t s = c->services[i].idle_ms / 1000 / PASSES_PER_IDLE;

		if (!config_service__translates(&c->services[i]))
			continue;
		s = s < 1 ? 1 : s > MOST_PERIOD_S ? MOST_PERIOD_S : s;
		period = period && period < s ? period : s;
	}
	return period;
}

static void on_worker(uv_work_t *work)
{
	struct agent *a = work->data;

	a->sweep.rc = plane__nat_sweep(a->plane, &a->sweep.at, a->sweep.period_s, &a->sweep.err);
}

static void after_slice(uv_work_t *work, int status)
{
	struct agent *a = work->data;

	a->sweep.busy = false;
	if (status)
		return; /* cancelled: the agent is stopping */
	a->sweep.flows = a->sweep.at.flows;
	a->sweep.deleted = a->sweep.at.deleted;
	if (a->sweep.rc && !a->sweep.failing)
		log_error("%s; next try in 1 s", a->sweep.err.text);
	a->sweep.failing = a->sweep.rc != 0;
}

void nat_sweep__tick(struct agent *a)
{
	a->sweep.period_s = a->sweep.busy ? a->sweep.period_s : period_of(a->config);
	if (a->sweep.busy || !a->sweep.period_s)
		return;
	a->sweep.work.data = a;
	a->sweep.busy = uv_queue_work(&a->loop, &a->sweep.work, on_worker, after_slice) == 0;
}

json_t *nat_sweep__json(const struct agent *a)
{
	return json_pack("{s:I, s:I}", "flows", (json_int_t)a->sweep.flows, "deleted",
			 (json_int_t)a->sweep.deleted);
}
