/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/routes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/routes.h"
#include "vip/route_list.h"

#define ROUND_NS 50000000 /* between two looks at alive(), while there are routes */
#define ROUNDS_PER_REFRESH 20
#define LAST_TRIES 25 /* rounds in which an agent that ends tries to take its routes away */

struct routes {
	bool (*alive)(void *ctx);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct net_routes *net; /* the thread's */
	bool look_due; /* the thread's: what an earlier agent has left in the table is not known yet */
	struct route_list *
		have; /* the thread's, but for states and which lists there are, which are under the lock */
	/* Under the lock. */
	struct route_list *next; /* to become `have`; NULL: nothing new */
	bool stop;
};

static void set_state(struct routes *r, struct route *route, int state)
{
	pthread_mutex_lock(&r->lock);
	route->state = state;
	pthread_mutex_unlock(&r->lock);
}

/* --- the thread --------------------------------------------------------------------------------------- */

/* One that is there already was ours or is another program's; only the latter is an error. */
static void put(struct routes *r, struct route *route)
{
	int rc = net_routes__add(r->net, r->have->table, &route->to);

	if (rc == -EEXIST && route->ours)
		rc = 0;
	if (!rc)
		route->ours = true;
	set_state(r, route, rc);
}

/* 0: it is not in the kernel any more; else -errno, and it stays ours, to be tried again. */
static int take(struct routes *r, uint32_t table, struct route *route)
{
	int rc = net_routes__remove(r->net, table, &route->to);

	if (rc == -ESRCH)
		rc = 0;
	route->ours = rc != 0;
	return rc;
}

/* Away with all, since nobody answers for them; they are wanted nevertheless. */
static void take_all(struct routes *r)
{
	struct route_list *l = r->have;
	int rc = 0;

	/* -EAGAIN: the kernel does not answer while its lock is held. */
	for (size_t i = 0; i < l->n && rc != -EAGAIN; i++) {
		if (!l->routes[i].ours)
			continue;
		rc = take(r, l->table, &l->routes[i]);
		set_state(r, &l->routes[i], -EINPROGRESS);
	}
}

/* Away with what is not wanted any more; `all`: also what could not be removed before. */
static void sweep(struct routes *r, bool all)
{
	struct route_list **at = &r->have->older, *l;
	int rc = 0;

	while ((l = *at)) {
		bool left = false;

		for (size_t i = 0; i < l->n; i++) {
			struct route *route = &l->routes[i];

			if (route->ours && (all || !route->state)) {
				/* -EAGAIN: the kernel's lock is held, for the next one as well. */
				rc = rc == -EAGAIN ? rc : take(r, l->table, route);
				set_state(r, route, rc);
			}
			left |= route->ours;
		}
		if (left) {
			at = &l->older;
			continue;
		}
		pthread_mutex_lock(&r->lock);
		*at = l->older;
		pthread_mutex_unlock(&r->lock);
		route_list__free(l);
	}
}

static bool is_empty(const struct routes *r)
{
	const struct route_list *l = r->have;

	for (size_t i = 0; i < l->n; i++)
		if (l->routes[i].ours)
			return false;
	return !l->older;
}

/* 0 once the table is ours; else -errno. */
static int claim(struct routes *r)
{
	struct route_list *l = r->have;

	if (l->claim >= 0)
		return 0;
	l->claim = route_list__claim(l->table);
	if (l->claim >= 0)
		r->look_due = true;
	return l->claim < 0 ? l->claim : 0;
}

/* Another agent may have it. */
static void release(struct routes *r)
{
	if (r->have->claim >= 0)
		close(r->have->claim);
	r->have->claim = -1;
}

/* What is wanted of an older list too, and whose the table is, goes over to the new one. */
static void inherit(struct route_list *next, struct route_list *from, bool latest)
{
	if (from->table != next->table)
		return;
	if (from->claim >= 0) {
		next->claim = from->claim;
		from->claim = -1;
	}
	for (size_t i = 0; i < from->n; i++) {
		struct route *route = &from->routes[i], *kept = route_list__find(next, &route->to);

		if (!kept)
			continue;
		kept->ours |= route->ours;
		if (latest)
			kept->state = route->state;
		route->ours = false;
		route->state = 0;
	}
}

/* From `have` to what is wanted next; under the lock. */
static void change(struct routes *r)
{
	struct route_list *next = r->next, *old = r->have;

	inherit(next, old, true);
	for (struct route_list *l = old->older; l; l = l->older)
		inherit(next, l, false);
	for (size_t i = 0; i < old->n; i++)
		old->routes[i].state = 0;
	/* What is left of an earlier agent goes, also if there is nothing to put there. */
	r->look_due |= next->table != old->table;
	next->older = old;
	r->have = next;
	r->next = NULL;
}

static void wait_round(struct routes *r)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ROUND_NS;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	if (r->have->n || r->have->older || r->look_due)
		pthread_cond_timedwait(&r->wake, &r->lock, &t);
	else
		pthread_cond_wait(&r->wake, &r->lock);
}

/*
 * What we have put there and is there no more, is not ours any longer: perhaps another's has its place. What is
 * there and wanted by nobody is to go: an earlier agent has left it.
 */
static int look(struct routes *r)
{
	struct route_list *l = r->have;
	struct route_list *strays;
	int rc;

	for (size_t i = 0; i < l->n; i++)
		l->routes[i].seen = false;
	rc = route_list__look(r->net, l, &strays);
	if (rc)
		return rc;
	for (size_t i = 0; i < l->n; i++) {
		struct route *route = &l->routes[i];

		if (route->seen || !route->ours)
			continue;
		route->ours = false;
		set_state(r, route, -EINPROGRESS);
	}
	pthread_mutex_lock(&r->lock);
	strays->older = l->older;
	l->older = strays;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

/* Brings the kernel to what is wanted; `all`: and looks whether it still is. */
static void keep(struct routes *r, bool all)
{
	struct route_list *l = r->have;
	bool needed = l->n || r->look_due;
	int rc = needed ? claim(r) : 0;

	/* Another agent looks after what is in there. */
	if (rc == -EADDRINUSE)
		r->look_due = false;
	if (needed && !rc && (all || r->look_due))
		r->look_due = look(r) != 0;
	for (size_t i = 0; i < l->n; i++) {
		struct route *route = &l->routes[i];

		if (rc)
			set_state(r, route, rc);
		else if (!r->look_due && route->state &&
			 (all || route->state == -EINPROGRESS || route->state == -EADDRINUSE))
			put(r, route);
	}
}

/* What can be done at once. */
static void turn(struct routes *r, bool alive, bool all)
{
	if (alive)
		keep(r, all);
	else
		take_all(r);
	sweep(r, all);
	if (!r->have->n && !r->have->older && !r->look_due)
		release(r);
}

static void *run(void *arg)
{
	const struct timespec round = {.tv_nsec = ROUND_NS};
	struct routes *r = arg;
	unsigned int n = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		if (r->next)
			change(r);
		pthread_mutex_unlock(&r->lock);
		turn(r, r->alive(r->ctx), n++ % ROUNDS_PER_REFRESH == 0);
		pthread_mutex_lock(&r->lock);
		if (!r->next && !r->stop)
			wait_round(r);
	}
	pthread_mutex_unlock(&r->lock);
	turn(r, false, true);
	for (int i = 1; i < LAST_TRIES && !is_empty(r); i++) {
		nanosleep(&round, NULL);
		turn(r, false, true);
	}
	return NULL;
}

/* --- the loop ----------------------------------------------------------------------------------------- */

static int create(struct routes *r)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&r->lock, NULL);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

int routes__start(bool (*alive)(void *ctx), void *ctx, struct routes **out, struct err *err)
{
	struct routes *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return err__set(err, -ENOMEM, "out of memory");
	r->alive = alive;
	r->ctx = ctx;
	r->have = route_list__new(0, 0);
	rc = r->have ? net_routes__open(&r->net, err) : err__set(err, -ENOMEM, "out of memory");
	if (!rc) {
		rc = create(r);
		if (rc)
			err__set(err, rc, "cannot start the thread that keeps routes: %s",
				 strerror(-rc));
	}
	if (rc) {
		net_routes__close(r->net);
		route_list__free(r->have);
		free(r);
		return rc;
	}
	*out = r;
	return 0;
}

int routes__want(struct routes *r, uint32_t table, const struct addr_prefix *list, size_t n)
{
	struct route_list *next = route_list__new(table, n);

	if (!next)
		return -ENOMEM;
	next->n = n;
	for (size_t i = 0; i < n; i++)
		next->routes[i] = (struct route){.to = list[i], .state = -EINPROGRESS};
	qsort(next->routes, n, sizeof(next->routes[0]), route_list__compare);
	pthread_mutex_lock(&r->lock);
	route_list__free(r->next);
	r->next = next;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

int routes__state(struct routes *r, const struct addr_prefix *prefix)
{
	const struct route *route;
	int state;

	pthread_mutex_lock(&r->lock);
	route = r->next ? NULL : route_list__find(r->have, prefix);
	state = route ? route->state : -EINPROGRESS;
	pthread_mutex_unlock(&r->lock);
	return state;
}

size_t routes__stuck(struct routes *r, struct routes_stuck *out, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&r->lock);
	for (const struct route_list *l = r->have->older; l; l = l->older)
		for (size_t i = 0; i < l->n; i++) {
			if (!l->routes[i].state)
				continue;
			if (n < max)
				out[n] = (struct routes_stuck){l->routes[i].to, l->table,
							       l->routes[i].state};
			n++;
		}
	pthread_mutex_unlock(&r->lock);
	return n;
}

void routes__stop(struct routes *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	net_routes__close(r->net);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	for (struct route_list *l = r->have, *older; l; l = older) {
		older = l->older;
		route_list__free(l);
	}
	route_list__free(r->next);
	free(r);
}

/* All of ours that is in that table. */
static int withdraw(struct net_routes *net, struct route_list *nothing, size_t *n, struct err *err)
{
	struct route_list *strays;
	int rc = route_list__look(net, nothing, &strays), first = 0;
	char text[ADDR_PREFIX_STRLEN];

	if (rc)
		return err__set(err, rc, "cannot list the routes of table %u: %s", nothing->table,
				strerror(-rc));
	for (size_t i = 0; i < strays->n; i++) {
		rc = net_routes__remove(net, nothing->table, &strays->routes[i].to);
		*n += rc == 0;
		if (rc && rc != -ESRCH && !first)
			first = err__set(
				err, rc,
				"cannot remove the route of %s from table %u: %s; remove it by "
				"`ip route del`",
				addr_prefix__format(&strays->routes[i].to, text), nothing->table,
				strerror(-rc));
	}
	route_list__free(strays);
	return first;
}

int routes__withdraw(uint32_t table, size_t *n, struct err *err)
{
	struct route_list nothing = {.table = table, .claim = -1};
	struct net_routes *net;
	int fd = route_list__claim(table), rc;

	if (fd == -EADDRINUSE)
		return err__set(
			err, fd,
			"an agent that runs keeps its routes in table %u: they are left there; "
			"stop it, and it takes them away itself",
			table);
	if (fd < 0)
		return err__set(err, fd, "cannot claim table %u: %s", table, strerror(-fd));
	rc = net_routes__open(&net, err);
	if (!rc) {
		*n = 0;
		rc = withdraw(net, &nothing, n, err);
		net_routes__close(net);
	}
	close(fd);
	return rc;
}
