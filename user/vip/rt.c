/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/rt.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RT_PRIORITY 10 /* above all normal threads, below the kernel's own real-time ones */
#define EVENTS 64 /* of one turn */
#define REST_NS 1000000 /* of a source that is flooded */

struct rt {
	pthread_t thread;
	bool running, realtime, stop;
	int epoll, timer, bell; /* bell: an eventfd that says that there is a call */
	TAILQ_HEAD(timers, rt_timer) timers; /* the next one first */
	struct epoll_event events[EVENTS]; /* of this turn, for rt__unwatch() to take one out */
	int n_events;
	uint64_t firing_ns; /* the time that timers are being fired for; 0: they are not */

	/* The call under way; one thread calls, so there is one. */
	int (*fn)(void *ctx);
	void *fn_ctx;
	int fn_rc;
	atomic_bool called;
	sem_t done;

	uv_async_t async;
	bool quiet; /* the thread's: the loop is ending */
	struct rt_note *_Atomic notes; /* told, not run yet, the last one first */
	struct rt_note *running_notes; /* the loop's, while it runs them */

	atomic_ullong late_ns; /* worst wake-up since it was last taken */
	struct lateness lateness;
};

uint64_t rt__now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- timers --------------------------------------------------------------------------------------- */

/* Sets the descriptor to the first timer; a past time makes it ready at once, 1 ns is such a time. */
static void set_timer(struct rt *rt)
{
	const struct rt_timer *first = TAILQ_FIRST(&rt->timers);
	uint64_t due = first ? first->due_ns : 0;
	struct itimerspec at = {
		.it_value = {.tv_sec = (time_t)(due / 1000000000),
			     .tv_nsec = (long)(due % 1000000000)},
	};

	timerfd_settime(rt->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

void rt__arm(struct rt *rt, struct rt_timer *t, uint64_t due_ns)
{
	struct rt_timer *before;

	rt__disarm(rt, t);
	/* One that is armed for the past by itself waits for the next turn, or it would be the only one. */
	t->due_ns = due_ns > rt->firing_ns ? due_ns : rt->firing_ns + 1;
	t->armed = true;
	before = TAILQ_LAST(&rt->timers, timers);
	while (before && before->due_ns > t->due_ns)
		before = TAILQ_PREV(before, timers, entry);
	if (before)
		TAILQ_INSERT_AFTER(&rt->timers, before, t, entry);
	else
		TAILQ_INSERT_HEAD(&rt->timers, t, entry);
}

void rt__disarm(struct rt *rt, struct rt_timer *t)
{
	if (!t->armed)
		return;
	TAILQ_REMOVE(&rt->timers, t, entry);
	t->armed = false;
}

static void note_lateness(struct rt *rt, uint64_t late, uint64_t now_ns)
{
	unsigned long long worst = atomic_load(&rt->late_ns);

	lateness__note(&rt->lateness, late, now_ns);
	while (late > worst && !atomic_compare_exchange_weak(&rt->late_ns, &worst, late))
		;
}

/* Fires what is due, each once. */
static void fire_timers(struct rt *rt)
{
	uint64_t now = rt__now_ns();
	struct rt_timer *t;

	rt->firing_ns = now;
	while ((t = TAILQ_FIRST(&rt->timers)) && t->due_ns <= now) {
		rt__disarm(rt, t);
		note_lateness(rt, now - t->due_ns, now);
		t->fire(t->ctx, now);
	}
	rt->firing_ns = 0;
}

/* --- the thread ----------------------------------------------------------------------------------- */

static void answer_call(struct rt *rt)
{
	uint64_t n;

	if (read(rt->bell, &n, sizeof(n)) != sizeof(n))
		return;
	if (atomic_exchange(&rt->called, false)) {
		rt->fn_rc = rt->fn(rt->fn_ctx);
		sem_post(&rt->done);
	}
}

static void *run(void *arg)
{
	struct rt *rt = arg;

	while (!rt->stop) {
		set_timer(rt);
		rt->n_events = epoll_wait(rt->epoll, rt->events, EVENTS, -1);
		for (int i = 0; i < rt->n_events; i++) {
			void *p = rt->events[i].data.ptr;
			struct rt_source *s = p;

			/* The thread's own two come as the addresses of where they are kept. */
			if (p == &rt->bell)
				answer_call(rt);
			else if (p && p != &rt->timer)
				s->ready(s->ctx, rt__now_ns());
		}
		rt->n_events = 0;
		fire_timers(rt);
	}
	return NULL;
}

int rt__watch(struct rt *rt, struct rt_source *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	return epoll_ctl(rt->epoll, EPOLL_CTL_ADD, s->fd, &e) ? -errno : 0;
}

void rt__unwatch(struct rt *rt, struct rt_source *s)
{
	rt__disarm(rt, &s->rest);
	epoll_ctl(rt->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	for (int i = 0; i < rt->n_events; i++)
		if (rt->events[i].data.ptr == s)
			rt->events[i].data.ptr = NULL;
}

static void end_rest(void *source, uint64_t now_ns)
{
	struct rt_source *s = source;

	if (rt__watch(s->rt, s))
		rt__arm(s->rt, &s->rest, now_ns + REST_NS);
}

void rt__rest(struct rt *rt, struct rt_source *s, uint64_t now_ns)
{
	rt__unwatch(rt, s);
	s->rt = rt;
	s->rest.fire = end_rest;
	s->rest.ctx = s;
	rt__arm(rt, &s->rest, now_ns + REST_NS);
}

/* --- across --------------------------------------------------------------------------------------- */

int rt__call(struct rt *rt, int (*fn)(void *ctx), void *ctx)
{
	const uint64_t one = 1;

	rt->fn = fn;
	rt->fn_ctx = ctx;
	atomic_store(&rt->called, true);
	/* An eventfd's counter of one caller never overflows, so this can't fail. */
	(void)!write(rt->bell, &one, sizeof(one));
	while (sem_wait(&rt->done))
		; /* EINTR */
	return rt->fn_rc;
}

void rt__tell(struct rt *rt, struct rt_note *note)
{
	if (rt->quiet || atomic_exchange(&note->told, true))
		return;
	note->next = atomic_load(&rt->notes);
	while (!atomic_compare_exchange_weak(&rt->notes, &note->next, note))
		;
	uv_async_send(&rt->async);
}

/* Takes what was told into the loop's own list, the first one first. */
static void take_notes(struct rt *rt)
{
	struct rt_note *told = atomic_exchange(&rt->notes, NULL), *list = NULL, **end;

	while (told) {
		struct rt_note *next = told->next;

		told->next = list;
		list = told;
		told = next;
	}
	for (end = &rt->running_notes; *end; end = &(*end)->next)
		;
	*end = list;
}

static void on_async(uv_async_t *h)
{
	struct rt *rt = h->data;

	take_notes(rt);
	while (rt->running_notes) {
		struct rt_note *n = rt->running_notes;

		rt->running_notes = n->next;
		/* Before it runs, so that what happens meanwhile is told again. */
		atomic_store(&n->told, false);
		n->run(n->ctx);
	}
}

void rt__forget(struct rt *rt, struct rt_note *note)
{
	take_notes(rt);
	for (struct rt_note **p = &rt->running_notes; *p; p = &(*p)->next) {
		if (*p == note) {
			*p = note->next;
			break;
		}
	}
	atomic_store(&note->told, false);
	/* What else was taken is run on the loop's next turn. */
	if (rt->running_notes && !uv_is_closing((uv_handle_t *)&rt->async))
		uv_async_send(&rt->async);
}

/* --- lateness ------------------------------------------------------------------------------------- */

uint64_t rt__take_lateness(struct rt *rt)
{
	return atomic_exchange(&rt->late_ns, 0);
}

void rt__lateness(const struct rt *rt, struct lateness_counts *out)
{
	lateness__all(&rt->lateness, out);
}

void rt__lately(const struct rt *rt, struct lateness_counts *out)
{
	lateness__lately(&rt->lateness, out);
}

/* --- life ----------------------------------------------------------------------------------------- */

static int create(struct rt *rt, bool realtime)
{
	struct sched_param param = {.sched_priority = RT_PRIORITY};
	sigset_t all, before;
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	if (realtime) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&rt->thread, &attr, run, rt);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	rt->realtime = realtime && rc == 0;
	rt->running = rc == 0;
	return -rc;
}

static int open_own(struct rt *rt)
{
	struct epoll_event bell = {.events = EPOLLIN, .data.ptr = &rt->bell};
	struct epoll_event timer = {.events = EPOLLIN, .data.ptr = &rt->timer};

	rt->epoll = epoll_create1(EPOLL_CLOEXEC);
	rt->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	rt->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rt->epoll < 0 || rt->timer < 0 || rt->bell < 0 ||
	    epoll_ctl(rt->epoll, EPOLL_CTL_ADD, rt->bell, &bell) ||
	    epoll_ctl(rt->epoll, EPOLL_CTL_ADD, rt->timer, &timer))
		return -errno;
	return 0;
}

int rt__start(uv_loop_t *loop, struct rt **out, struct err *warning, struct err *err)
{
	struct rt *rt = calloc(1, sizeof(*rt));
	int rc;

	warning->text[0] = '\0';
	if (!rt)
		return err__set(err, -ENOMEM, "out of memory");
	rt->epoll = rt->timer = rt->bell = -1;
	TAILQ_INIT(&rt->timers);
	sem_init(&rt->done, 0, 0);
	rc = open_own(rt);
	if (!rc)
		rc = create(rt, true);
	if (rc == -EPERM) {
		err__set(
			warning, 0,
			"no permission for real-time scheduling (CAP_SYS_NICE or LimitRTPRIO=): the "
			"lease is renewed, and VRRP's adverts are sent, by a normal thread, which a "
			"busy machine can delay");
		rc = create(rt, false);
	}
	/*
	 * After the thread, which tells nothing before it is asked something: nothing is left in the
	 * loop when there is none.
	 */
	if (!rc)
		rc = uv_async_init(loop, &rt->async, on_async);
	if (rc) {
		rt__stop(rt);
		return err__set(err, rc, "cannot start the real-time thread: %s", strerror(-rc));
	}
	rt->async.data = rt;
	*out = rt;
	return 0;
}

bool rt__is_realtime(const struct rt *rt)
{
	return rt->realtime;
}

static int hush(void *ctx)
{
	struct rt *rt = ctx;

	rt->quiet = true;
	return 0;
}

void rt__quiet(struct rt *rt)
{
	if (!rt)
		return;
	rt__call(rt, hush, rt);
	uv_close((uv_handle_t *)&rt->async, NULL);
}

static int end(void *ctx)
{
	struct rt *rt = ctx;

	rt->stop = true;
	return 0;
}

void rt__stop(struct rt *rt)
{
	if (!rt)
		return;
	if (rt->running) {
		rt__call(rt, end, rt);
		pthread_join(rt->thread, NULL);
	}
	if (rt->epoll >= 0)
		close(rt->epoll);
	if (rt->timer >= 0)
		close(rt->timer);
	if (rt->bell >= 0)
		close(rt->bell);
	sem_destroy(&rt->done);
	free(rt);
}
