/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * urge.c - tries beside a probe's own pace, for who has a reason to ask now.
 *
 * Each is a probe of its own that nobody else finds and nobody subscribes to: so they may overlap, each
 * other and the probe's own try, and all of them fail one timeout after the first one began, not one
 * after the other. Their results are the probe's.
 */
#include <errno.h>
#include <stdlib.h>

#include "probe/internal.h"

static struct probe *make(struct probe *of)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->prober = of->prober;
	p->address = of->address;
	p->port = of->port;
	p->way = of->way;
	p->kind = of->kind;
	p->of = of;
	TAILQ_INIT(&p->subs);
	TAILQ_INIT(&p->urged);
	if (config_probe__copy(&of->args, &p->args)) {
		free(p);
		return NULL;
	}
	uv_timer_init(p->prober->loop, &p->timer);
	p->timer.data = p;
	prober__hold(p->prober);
	TAILQ_INSERT_TAIL(&of->urged, p, entry);
	return p;
}

void probe_sub__urge(struct probe_sub *s, uint32_t tries, uint32_t gap_ms)
{
	struct probe *of = s->probe;

	if (s->cancelled || !TAILQ_EMPTY(&of->urged))
		return;
	for (uint32_t i = 0; i < tries; i++) {
		struct probe *p = make(of);

		/* What cannot be asked now the probe itself asks in its time. */
		if (!p)
			return;
		probe__start_in(p, (uint64_t)i * gap_ms);
	}
}

void probe_urge__end(struct probe *p, const struct probe_result *r)
{
	struct probe *of = p->of;

	probe_urge__drop(p);
	if (r)
		probe__tell(of, r);
}

void probe_urge__drop(struct probe *p)
{
	TAILQ_REMOVE(&p->of->urged, p, entry);
	probe__close(p);
}
