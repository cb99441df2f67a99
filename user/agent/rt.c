/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/rt.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RT_PRIORITY 10 /* above all normal threads, below the kernel's own real-time ones */
#define RENEWALS_PER_LEASE 4

struct rt {
	pthread_t thread;
	struct plane *plane;
	atomic_bool stop;
	atomic_uint lease_ms;
	atomic_ullong beat_ns; /* CLOCK_MONOTONIC of the loop's last sign of life */
	atomic_ullong late_ns; /* worst wake-up since it was last taken */
	atomic_int error;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void *run(void *arg)
{
	struct rt *rt = arg;
	uint64_t due = now_ns();

	while (!atomic_load(&rt->stop)) {
		uint64_t lease_ns = (uint64_t)atomic_load(&rt->lease_ms) * 1000000, now = now_ns();

		if (now > due && now - due > atomic_load(&rt->late_ns))
			atomic_store(&rt->late_ns, now - due);
		if (now < atomic_load(&rt->beat_ns) + lease_ns)
			atomic_store(&rt->error, plane__lease_renew(rt->plane));
		/* After a long stop of the machine there is nothing to catch up with. */
		due += lease_ns / RENEWALS_PER_LEASE;
		if (due < now)
			due = now;
		sleep_until(due);
	}
	return NULL;
}

static int create(struct rt *rt, bool realtime)
{
	struct sched_param param = {.sched_priority = RT_PRIORITY};
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	if (realtime) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	rc = pthread_create(&rt->thread, &attr, run, rt);
	pthread_attr_destroy(&attr);
	return -rc;
}

int rt__start(struct plane *plane, uint32_t lease_ms, struct rt **out, struct err *warning,
	      struct err *err)
{
	struct rt *rt = calloc(1, sizeof(*rt));
	int rc;

	warning->text[0] = '\0';
	if (!rt)
		return err__set(err, -ENOMEM, "out of memory");
	rt->plane = plane;
	atomic_store(&rt->lease_ms, lease_ms);
	atomic_store(&rt->beat_ns, now_ns());
	rc = create(rt, true);
	if (rc == -EPERM) {
		err__set(
			warning, 0,
			"no permission for real-time scheduling (CAP_SYS_NICE or LimitRTPRIO=): the "
			"lease is renewed by a normal thread, which a busy machine can delay");
		rc = create(rt, false);
	}
	if (rc) {
		free(rt);
		return err__set(err, rc, "cannot start the real-time thread: %s", strerror(-rc));
	}
	*out = rt;
	return 0;
}

void rt__beat(struct rt *rt)
{
	atomic_store(&rt->beat_ns, now_ns());
}

void rt__set_lease(struct rt *rt, uint32_t lease_ms)
{
	atomic_store(&rt->lease_ms, lease_ms);
}

uint64_t rt__take_lateness(struct rt *rt)
{
	return atomic_exchange(&rt->late_ns, 0);
}

int rt__last_error(const struct rt *rt)
{
	return atomic_load(&rt->error);
}

void rt__stop(struct rt *rt)
{
	if (!rt)
		return;
	atomic_store(&rt->stop, true);
	pthread_join(rt->thread, NULL);
	free(rt);
}
