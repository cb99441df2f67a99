/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lease.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define RENEWALS_PER_LEASE 4

struct lease {
	struct rt *rt;
	struct plane *plane;
	struct rt_timer timer;
	atomic_uint lease_ms;
	atomic_ullong beat_ns; /* CLOCK_MONOTONIC of the loop's last sign of life */
	atomic_int error;
	atomic_bool watched, lost;
};

static bool is_fresh(const struct lease *l)
{
	uint64_t lease_ns = (uint64_t)atomic_load(&l->lease_ms) * 1000000;

	return rt__now_ns() < atomic_load(&l->beat_ns) + lease_ns;
}

bool lease__alive(const struct lease *l)
{
	return !atomic_load(&l->lost) && is_fresh(l);
}

static void renew(void *ctx, uint64_t now_ns)
{
	struct lease *l = ctx;
	uint64_t lease_ns = (uint64_t)atomic_load(&l->lease_ms) * 1000000;
	uint64_t due = l->timer.due_ns + lease_ns / RENEWALS_PER_LEASE;

	if (lease__alive(l))
		atomic_store(&l->error, plane__lease_renew(l->plane));
	/* After a long stop of the machine there is nothing to catch up with. */
	rt__arm(l->rt, &l->timer, due > now_ns ? due : now_ns);
}

static int begin(void *ctx)
{
	struct lease *l = ctx;

	rt__arm(l->rt, &l->timer, rt__now_ns());
	return 0;
}

static int end(void *ctx)
{
	struct lease *l = ctx;

	rt__disarm(l->rt, &l->timer);
	return 0;
}

int lease__start(struct rt *rt, struct plane *plane, uint32_t lease_ms, struct lease **out,
		 struct err *err)
{
	struct lease *l = calloc(1, sizeof(*l));

	if (!l)
		return err__set(err, -ENOMEM, "out of memory");
	l->rt = rt;
	l->plane = plane;
	l->timer.fire = renew;
	l->timer.ctx = l;
	atomic_store(&l->lease_ms, lease_ms);
	atomic_store(&l->beat_ns, rt__now_ns());
	rt__call(rt, begin, l);
	*out = l;
	return 0;
}

void lease__beat(struct lease *l)
{
	/* Before the beat, so that the other thread never sees the loop turn again with nothing to ask. */
	if (atomic_load(&l->watched) && !is_fresh(l))
		atomic_store(&l->lost, true);
	atomic_store(&l->beat_ns, rt__now_ns());
}

void lease__busy(struct lease *l, uint32_t most_ms)
{
	lease__beat(l);
	atomic_store(&l->beat_ns, rt__now_ns() + (uint64_t)most_ms * 1000000);
}

bool lease__lost(const struct lease *l)
{
	return atomic_load(&l->lost);
}

void lease__regain(struct lease *l)
{
	atomic_store(&l->watched, true);
	atomic_store(&l->lost, false);
}

void lease__set(struct lease *l, uint32_t lease_ms)
{
	atomic_store(&l->lease_ms, lease_ms);
}

int lease__last_error(const struct lease *l)
{
	return atomic_load(&l->error);
}

void lease__stop(struct lease *l)
{
	if (!l)
		return;
	rt__call(l->rt, end, l);
	free(l);
}
