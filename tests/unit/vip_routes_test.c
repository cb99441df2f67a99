/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that keeps routes, over a kernel that refuses what it is asked for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "net/routes.h"
#include "vip/routes.h"

#define TABLE 3999999118U /* no agent's of this machine */
#define OTHER (TABLE + 1)
#define MAX 16

/* Its routes, and what it answers with; 0: it does what it is asked. */
static struct {
	pthread_mutex_t lock;
	struct entry {
		uint32_t table;
		struct addr_prefix to;
	} routes[MAX];
	size_t n;
	int no_removal, no_list;
	unsigned int refusals; /* of removals, after which it does them; 0: no limit */
	bool dead; /* the loop hangs */
} kernel = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct routes *routes;

/* --- in place of net/routes.c ----------------------------------------------------------------------- */

int net_routes__open(struct net_routes **out, struct err *err)
{
	(void)err;
	*out = NULL;
	return 0;
}

void net_routes__close(struct net_routes *r)
{
	(void)r;
}

static size_t find(uint32_t table, const struct addr_prefix *to)
{
	size_t i = 0;

	while (i < kernel.n && (kernel.routes[i].table != table ||
				memcmp(&kernel.routes[i].to, to, sizeof(*to)) != 0))
		i++;
	return i;
}

int net_routes__add(struct net_routes *r, uint32_t table, const struct addr_prefix *to)
{
	int rc = 0;

	(void)r;
	pthread_mutex_lock(&kernel.lock);
	if (find(table, to) < kernel.n)
		rc = -EEXIST;
	else
		kernel.routes[kernel.n++] = (struct entry){table, *to};
	pthread_mutex_unlock(&kernel.lock);
	return rc;
}

int net_routes__remove(struct net_routes *r, uint32_t table, const struct addr_prefix *to)
{
	int rc;
	size_t i;

	(void)r;
	pthread_mutex_lock(&kernel.lock);
	rc = kernel.no_removal;
	if (rc && kernel.refusals && !--kernel.refusals)
		kernel.no_removal = 0;
	i = find(table, to);
	if (!rc && i == kernel.n)
		rc = -ESRCH;
	if (!rc)
		kernel.routes[i] = kernel.routes[--kernel.n];
	pthread_mutex_unlock(&kernel.lock);
	return rc;
}

int net_routes__list(struct net_routes *r, uint32_t table,
		     void (*each)(void *ctx, const struct addr_prefix *to), void *ctx)
{
	int rc;

	(void)r;
	pthread_mutex_lock(&kernel.lock);
	rc = kernel.no_list;
	for (size_t i = 0; i < kernel.n && !rc; i++)
		if (kernel.routes[i].table == table)
			each(ctx, &kernel.routes[i].to);
	pthread_mutex_unlock(&kernel.lock);
	return rc;
}

/* --- the world --------------------------------------------------------------------------------------- */

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	assert_int_equal(addr__parse_net(text, &p), 0);
	return p;
}

static bool alive(void *ctx)
{
	bool dead;

	(void)ctx;
	pthread_mutex_lock(&kernel.lock);
	dead = kernel.dead;
	pthread_mutex_unlock(&kernel.lock);
	return !dead;
}

static void set(int *what, int rc)
{
	pthread_mutex_lock(&kernel.lock);
	*what = rc;
	kernel.refusals = 0;
	pthread_mutex_unlock(&kernel.lock);
}

static void set_dead(bool dead)
{
	pthread_mutex_lock(&kernel.lock);
	kernel.dead = dead;
	pthread_mutex_unlock(&kernel.lock);
}

static bool has(uint32_t table, const char *text)
{
	struct addr_prefix p = prefix(text);
	bool found;

	pthread_mutex_lock(&kernel.lock);
	found = find(table, &p) < kernel.n;
	pthread_mutex_unlock(&kernel.lock);
	return found;
}

/* An earlier agent's, or one that is wanted. */
static void leave(uint32_t table, const char *text)
{
	struct addr_prefix p = prefix(text);

	assert_int_equal(net_routes__add(NULL, table, &p), 0);
}

static int state(const char *text)
{
	struct addr_prefix p = prefix(text);

	return routes__state(routes, &p);
}

static void want(uint32_t table, const char *a, const char *b)
{
	struct addr_prefix list[2];
	size_t n = 0;

	if (a)
		list[n++] = prefix(a);
	if (b)
		list[n++] = prefix(b);
	assert_int_equal(routes__want(routes, table, list, n), 0);
}

/* Until `condition` holds, 10 s at most. */
#define WAIT(condition)                              \
	do {                                         \
		int ms = 0;                          \
		while (!(condition) && ms++ < 10000) \
			usleep(1000);                \
		assert_true(condition);              \
	} while (0)

static void expect_stuck(uint32_t table, const char *text, int rc)
{
	struct routes_stuck one;
	struct addr_prefix p = prefix(text);

	WAIT(routes__stuck(routes, &one, 1) == 1);
	assert_int_equal(one.table, table);
	assert_memory_equal(&one.to, &p, sizeof(p));
	assert_int_equal(one.rc, rc);
	assert_true(has(table, text));
}

static int setup(void **s)
{
	struct err err;

	(void)s;
	kernel.n = 0;
	kernel.no_removal = kernel.no_list = 0;
	kernel.refusals = 0;
	kernel.dead = false;
	return routes__start(alive, NULL, &routes, &err);
}

static int teardown(void **s)
{
	(void)s;
	routes__stop(routes);
	routes = NULL;
	return kernel.n ? -1 : 0;
}

/* --- tests ------------------------------------------------------------------------------------------- */

/* One that can't be removed is told of, tried again, and gone in the end. */
static void test_refused(void **s)
{
	(void)s;
	want(TABLE, "192.0.2.1", "192.0.2.2");
	WAIT(!state("192.0.2.1") && !state("192.0.2.2"));
	set(&kernel.no_removal, -ENOBUFS);
	want(TABLE, "192.0.2.2", NULL);
	expect_stuck(TABLE, "192.0.2.1", -ENOBUFS);
	assert_int_equal(state("192.0.2.2"), 0);
	/* A third list: what the first one had is not forgotten. */
	want(TABLE, "192.0.2.3", NULL);
	WAIT(routes__stuck(routes, NULL, 0) == 2);
	set(&kernel.no_removal, 0);
	WAIT(!routes__stuck(routes, NULL, 0));
	assert_false(has(TABLE, "192.0.2.1"));
	assert_false(has(TABLE, "192.0.2.2"));
	assert_int_equal(state("192.0.2.3"), 0);
}

/* One that is wanted again meanwhile stays. */
static void test_wanted_again(void **s)
{
	(void)s;
	want(TABLE, "192.0.2.1", NULL);
	WAIT(!state("192.0.2.1"));
	set(&kernel.no_removal, -EAGAIN);
	want(TABLE, NULL, NULL);
	expect_stuck(TABLE, "192.0.2.1", -EAGAIN);
	want(TABLE, "192.0.2.2", NULL);
	WAIT(!state("192.0.2.2"));
	want(TABLE, "192.0.2.1", NULL);
	WAIT(!state("192.0.2.1"));
	expect_stuck(TABLE, "192.0.2.2", -EAGAIN);
	set(&kernel.no_removal, 0);
	WAIT(!routes__stuck(routes, NULL, 0));
	assert_true(has(TABLE, "192.0.2.1"));
	assert_false(has(TABLE, "192.0.2.2"));
}

/* Of a table that is ours no more, and of one that is ours again. */
static void test_tables(void **s)
{
	(void)s;
	want(TABLE, "192.0.2.1", NULL);
	WAIT(!state("192.0.2.1"));
	set(&kernel.no_removal, -EPERM);
	want(OTHER, "192.0.2.1", NULL);
	WAIT(!state("192.0.2.1"));
	expect_stuck(TABLE, "192.0.2.1", -EPERM);
	want(TABLE, "192.0.2.1", NULL);
	WAIT(!state("192.0.2.1"));
	expect_stuck(OTHER, "192.0.2.1", -EPERM);
	set(&kernel.no_removal, 0);
	WAIT(!routes__stuck(routes, NULL, 0));
	assert_false(has(OTHER, "192.0.2.1"));
	assert_true(has(TABLE, "192.0.2.1"));
}

/* What an earlier agent has left goes, also if the kernel does not say at once what there is. */
static void test_leftovers(void **s)
{
	(void)s;
	leave(TABLE, "192.0.2.1");
	leave(TABLE, "192.0.2.9");
	set(&kernel.no_list, -EINTR);
	set(&kernel.no_removal, -ENOBUFS);
	want(TABLE, "192.0.2.1", NULL);
	usleep(200000);
	/* Not another program's: nobody knows yet whose it is. */
	assert_int_equal(state("192.0.2.1"), -EINPROGRESS);
	set(&kernel.no_list, 0);
	WAIT(!state("192.0.2.1"));
	expect_stuck(TABLE, "192.0.2.9", -ENOBUFS);
	set(&kernel.no_removal, 0);
	WAIT(!has(TABLE, "192.0.2.9"));
	assert_true(has(TABLE, "192.0.2.1"));
}

/* The same with nothing that is wanted. */
static void test_leftovers_alone(void **s)
{
	(void)s;
	leave(TABLE, "192.0.2.9");
	set(&kernel.no_list, -EINTR);
	want(TABLE, NULL, NULL);
	usleep(200000);
	assert_true(has(TABLE, "192.0.2.9"));
	set(&kernel.no_list, 0);
	WAIT(!has(TABLE, "192.0.2.9"));
}

/* A loop that hangs: they go as soon as they can, and come back with it. */
static void test_hanging(void **s)
{
	(void)s;
	want(TABLE, "192.0.2.1", "192.0.2.2");
	WAIT(!state("192.0.2.1") && !state("192.0.2.2"));
	set(&kernel.no_removal, -EAGAIN);
	set_dead(true);
	WAIT(state("192.0.2.1"));
	assert_true(has(TABLE, "192.0.2.1"));
	set(&kernel.no_removal, 0);
	WAIT(!has(TABLE, "192.0.2.1") && !has(TABLE, "192.0.2.2"));
	assert_int_equal(state("192.0.2.2"), -EINPROGRESS);
	set_dead(false);
	WAIT(!state("192.0.2.1") && !state("192.0.2.2"));
	assert_int_equal(routes__stuck(routes, NULL, 0), 0);
}

/* An agent that ends tries more than once; teardown() looks whether all are gone. */
static void test_end(void **s)
{
	(void)s;
	want(TABLE, "192.0.2.1", "192.0.2.2");
	WAIT(!state("192.0.2.1") && !state("192.0.2.2"));
	set(&kernel.no_removal, -EAGAIN);
	want(TABLE, "192.0.2.2", NULL);
	expect_stuck(TABLE, "192.0.2.1", -EAGAIN);
	pthread_mutex_lock(&kernel.lock);
	kernel.refusals = 5;
	pthread_mutex_unlock(&kernel.lock);
}

/* Without a thread: all that can be removed is, and the rest is said. */
static void test_withdraw(void **s)
{
	struct err err;
	size_t n;

	(void)s;
	leave(TABLE, "192.0.2.1");
	leave(TABLE, "192.0.2.2");
	leave(TABLE, "192.0.2.3");
	set(&kernel.no_removal, -EPERM);
	pthread_mutex_lock(&kernel.lock);
	kernel.refusals = 1;
	pthread_mutex_unlock(&kernel.lock);
	assert_int_equal(routes__withdraw(TABLE, &n, &err), -EPERM);
	assert_int_equal(n, 2);
	assert_non_null(strstr(err.text, "cannot remove the route of 192.0.2.1 from table"));
	assert_int_equal(routes__withdraw(TABLE, &n, &err), 0);
	assert_int_equal(n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused),   TEST(test_wanted_again),	  TEST(test_tables),
		TEST(test_leftovers), TEST(test_leftovers_alone), TEST(test_hanging),
		TEST(test_end),	      TEST(test_withdraw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
