/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/routes.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "net/routes.h"

#define ROUND_NS 50000000 /* between two looks at alive(), while there are routes */
#define ROUNDS_PER_REFRESH 20
#define REMOVE_TRIES 25 /* the kernel does not answer for 200 ms each while its lock is held */

/* A route that is wanted, or was. Lists of them are sorted by prefix. */
struct route {
	struct addr_prefix to;
	int state; /* as routes__state() */
	bool ours; /* it is there, and we have put it there */
	bool seen; /* when the kernel was asked last */
};

struct list {
	uint32_t table;
	struct route *routes;
	size_t n;
};

struct routes {
	bool (*alive)(void *ctx);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct net_routes *net; /* the thread's */
	int claim; /* the thread's: a socket whose name says that the table is ours; -1: it is not */
	struct list have; /* the thread's, but for states, which are under the lock */
	/* Under the lock. */
	struct list next; /* to become `have` */
	bool changed, stop;
};

static int compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int order = memcmp(x->to.addr.b, y->to.addr.b, sizeof(x->to.addr.b));

	return order ? order : (x->to.len > y->to.len) - (x->to.len < y->to.len);
}

static struct route *find(const struct list *l, const struct addr_prefix *to)
{
	struct route key = {.to = *to};

	return l->n ? bsearch(&key, l->routes, l->n, sizeof(key), compare) : NULL;
}

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
	int rc = net_routes__add(r->net, r->have.table, &route->to);

	if (rc == -EEXIST && route->ours)
		rc = 0;
	if (!rc)
		route->ours = true;
	set_state(r, route, rc);
}

static void take(struct routes *r, struct route *route)
{
	int rc = -EAGAIN;

	if (!route->ours)
		return;
	for (int i = 0; i < REMOVE_TRIES && rc == -EAGAIN; i++)
		rc = net_routes__remove(r->net, r->have.table, &route->to);
	if (!rc || rc == -ESRCH)
		route->ours = false;
	set_state(r, route, -EINPROGRESS);
}

struct leftovers {
	struct list *wanted;
	struct list others;
};

static void on_leftover(void *ctx, const struct addr_prefix *to)
{
	struct leftovers *l = ctx;
	struct route *wanted = find(l->wanted, to), *grown;

	if (wanted) {
		wanted->ours = true;
		return;
	}
	grown = realloc(l->others.routes, (l->others.n + 1) * sizeof(*grown));
	if (!grown)
		return;
	l->others.routes = grown;
	l->others.routes[l->others.n++] = (struct route){.to = *to, .ours = true};
}

/* Finds what is in a table already: what is wanted is ours again, the rest goes. */
static void adopt(struct net_routes *net, struct list *wanted, size_t *gone)
{
	struct leftovers l = {.wanted = wanted};

	net_routes__list(net, wanted->table, on_leftover, &l);
	for (size_t i = 0; i < l.others.n; i++)
		*gone += net_routes__remove(net, wanted->table, &l.others.routes[i].to) == 0;
	free(l.others.routes);
}

/*
 * Says in this network namespace that the table is ours, as long as the process lives: two agents in one would take
 * each other's routes for what an earlier one has left. A socket that is claimed, or -EADDRINUSE, or another -errno.
 */
static int claim_table(uint32_t table)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, len;

	if (fd < 0)
		return -errno;
	/* The first byte is NUL: no file, and gone with the socket (unix(7), abstract). */
	len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "fairlead/routes/%u", table);
	if (!bind(fd, (struct sockaddr *)&name,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* 0 once the table is ours, and what was in there is known; else -errno. */
static int claim(struct routes *r)
{
	size_t gone = 0;
	int fd;

	if (r->claim >= 0)
		return 0;
	fd = claim_table(r->have.table);
	if (fd < 0)
		return fd;
	r->claim = fd;
	adopt(r->net, &r->have, &gone);
	return 0;
}

static void release(struct routes *r)
{
	if (r->claim >= 0)
		close(r->claim);
	r->claim = -1;
}

/* From `have` to what is wanted next; without the lock. */
static void change(struct routes *r, struct list *next)
{
	bool other_table = next->table != r->have.table;
	struct list old = r->have;

	for (size_t i = 0; i < old.n; i++) {
		struct route *kept = other_table ? NULL : find(next, &old.routes[i].to);

		if (kept) {
			kept->ours = old.routes[i].ours;
			kept->state = old.routes[i].state;
		} else {
			take(r, &old.routes[i]);
		}
	}
	if (other_table)
		release(r);
	pthread_mutex_lock(&r->lock);
	r->have = *next;
	pthread_mutex_unlock(&r->lock);
	free(old.routes);
	/* What is left of an earlier agent goes, also if there is nothing to put there. */
	if (other_table)
		claim(r);
	if (!r->have.n)
		release(r);
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
	if (r->have.n)
		pthread_cond_timedwait(&r->wake, &r->lock, &t);
	else
		pthread_cond_wait(&r->wake, &r->lock);
}

static void on_own(void *ctx, const struct addr_prefix *to)
{
	struct route *route = find(ctx, to);

	if (route)
		route->seen = true;
}

/* What we have put there and is there no more, is not ours any longer: perhaps another's has its place. */
static void look(struct routes *r)
{
	for (size_t i = 0; i < r->have.n; i++)
		r->have.routes[i].seen = false;
	if (net_routes__list(r->net, r->have.table, on_own, &r->have))
		return;
	for (size_t i = 0; i < r->have.n; i++) {
		struct route *route = &r->have.routes[i];

		if (route->seen || !route->ours)
			continue;
		route->ours = false;
		set_state(r, route, -EINPROGRESS);
	}
}

/* Brings the kernel to what is wanted; `all`: and looks whether it still is. */
static void keep(struct routes *r, bool alive, bool all)
{
	int rc = alive && r->have.n ? claim(r) : 0;

	if (alive && all && !rc)
		look(r);
	for (size_t i = 0; i < r->have.n; i++) {
		struct route *route = &r->have.routes[i];

		if (!alive)
			take(r, route);
		else if (rc)
			set_state(r, route, rc);
		else if (route->state &&
			 (all || route->state == -EINPROGRESS || route->state == -EADDRINUSE))
			put(r, route);
	}
}

static void *run(void *arg)
{
	struct routes *r = arg;
	unsigned int round = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		struct list next = r->next;
		bool changed = r->changed;

		r->changed = false;
		r->next.routes = NULL;
		pthread_mutex_unlock(&r->lock);
		if (changed)
			change(r, &next);
		keep(r, r->alive(r->ctx), round++ % ROUNDS_PER_REFRESH == 0);
		pthread_mutex_lock(&r->lock);
		if (!r->changed && !r->stop)
			wait_round(r);
	}
	pthread_mutex_unlock(&r->lock);
	keep(r, false, true);
	release(r);
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
	r->claim = -1;
	r->alive = alive;
	r->ctx = ctx;
	rc = net_routes__open(&r->net, err);
	if (!rc) {
		rc = create(r);
		if (rc)
			err__set(err, rc, "cannot start the thread that keeps routes: %s",
				 strerror(-rc));
	}
	if (rc) {
		net_routes__close(r->net);
		free(r);
		return rc;
	}
	*out = r;
	return 0;
}

int routes__want(struct routes *r, uint32_t table, const struct addr_prefix *list, size_t n)
{
	struct list next = {.table = table, .n = n};

	next.routes = calloc(n + 1, sizeof(*next.routes));
	if (!next.routes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		next.routes[i] = (struct route){.to = list[i], .state = -EINPROGRESS};
	qsort(next.routes, n, sizeof(*next.routes), compare);
	pthread_mutex_lock(&r->lock);
	free(r->next.routes);
	r->next = next;
	r->changed = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

int routes__state(struct routes *r, const struct addr_prefix *prefix)
{
	const struct route *route;
	int state;

	pthread_mutex_lock(&r->lock);
	route = r->changed ? NULL : find(&r->have, prefix);
	state = route ? route->state : -EINPROGRESS;
	pthread_mutex_unlock(&r->lock);
	return state;
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
	free(r->have.routes);
	free(r->next.routes);
	free(r);
}

int routes__withdraw(uint32_t table, size_t *n, struct err *err)
{
	struct list nothing = {.table = table};
	struct net_routes *net;
	int fd = claim_table(table), rc;

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
		adopt(net, &nothing, n);
		net_routes__close(net);
	}
	close(fd);
	return rc;
}
