/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/hands.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "net/address.h"
#include "net/vmac.h"

/*
 * An address outlives its agent by 2 to 4 seconds: the kernel looks at whole seconds. Long enough for
 * a renewal to be late, short enough for a machine that lost its agent to be silent soon.
 */
#define LIFE_S 3
#define RENEW_S 1

struct grip {
	LIST_ENTRY(grip) entry;
	struct grip *_Atomic next_new;
	struct hands *hands;
	atomic_int want; /* enum grip_want */
	atomic_bool virtual_mac, released;
	bool started; /* the loop's */
	atomic_uint ifindex;
	atomic_int error, device_error;
	uint8_t vrid;
	/* the thread's own */
	bool have; /* they may be on the interface */
	uint32_t at; /* which that is */
	bool have_device; /* it may be there */
	struct net_vmac device; /* name "": its interface is not there */
	uint32_t device_at; /* its number; 0: not made or taken over yet */
	size_t n;
	struct addr addresses[];
};

struct hands {
	pthread_t thread;
	char instance[NET_VMAC_INSTANCE];
	struct net_addresses *net;
	sem_t bell;
	atomic_bool stop;
	struct grip *_Atomic new; /* not seen by the thread yet */
	LIST_HEAD(, grip) grips;
};

static void drop(struct hands *h, struct grip *g)
{
	int rc = 0, one;

	for (size_t i = 0; i < g->n; i++) {
		one = net_addresses__drop(h->net, g->at, &g->addresses[i]);
		if (one)
			rc = one;
	}
	atomic_store(&g->error, rc);
	g->have = rc != 0;
}

static void keep(struct hands *h, struct grip *g, uint32_t ifindex)
{
	int rc = 0, one;

	for (size_t i = 0; i < g->n; i++) {
		one = net_addresses__keep(h->net, ifindex, &g->addresses[i], LIFE_S);
		if (one)
			rc = one;
	}
	atomic_store(&g->error, rc);
}

static void drop_device(struct hands *h, struct grip *g)
{
	int rc = net_vmac__drop(h->net, &g->device);

	atomic_store(&g->device_error, rc);
	g->have_device = rc != 0;
	g->device_at = 0;
}

static void keep_device(struct hands *h, struct grip *g)
{
	g->have_device = true;
	atomic_store(&g->device_error, net_vmac__keep(h->net, &g->device, &g->device_at));
	if (g->device_at)
		keep(h, g, g->device_at);
}

/* Takes away what is not wanted, or not there; what could not be is tried again with the next renewal. */
static void give(struct hands *h, struct grip *g)
{
	uint32_t ifindex = atomic_load(&g->ifindex);
	int want = atomic_load(&g->released) ? GRIP_GONE : atomic_load(&g->want);
	bool virtual_mac = atomic_load(&g->virtual_mac), moved = g->at != ifindex;

	if (g->have && (want != GRIP_HERE || virtual_mac || moved))
		drop(h, g);
	if (g->have_device && (want == GRIP_GONE || !virtual_mac || moved))
		drop_device(h, g);
	if (!moved)
		return;
	g->at = ifindex;
	g->device = net_vmac__of(h->instance, g->vrid, addr__family(&g->addresses[0]), ifindex);
}

static void take(struct hands *h, struct grip *g)
{
	if (atomic_load(&g->released) || atomic_load(&g->want) != GRIP_HERE)
		return;
	if (atomic_load(&g->virtual_mac)) {
		keep_device(h, g);
		return;
	}
	g->have = true;
	keep(h, g, g->at);
}

static void take_new(struct hands *h)
{
	struct grip *g = atomic_exchange(&h->new, NULL), *next;

	for (; g; g = next) {
		next = atomic_load(&g->next_new);
		LIST_INSERT_HEAD(&h->grips, g, entry);
	}
}

static void *run(void *arg)
{
	struct hands *h = arg;
	struct grip *g, *next;
	struct timespec at;
	bool stop;

	do {
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_sec += RENEW_S;
		while (sem_clockwait(&h->bell, CLOCK_MONOTONIC, &at) && errno == EINTR)
			;
		/* Before the grips are looked at: what was said before the stop is seen. */
		stop = atomic_load(&h->stop);
		take_new(h);
		/* All of them first: what one gives may be what another one takes. */
		LIST_FOREACH (g, &h->grips, entry)
			give(h, g);
		for (g = LIST_FIRST(&h->grips); g; g = next) {
			next = LIST_NEXT(g, entry);
			take(h, g);
			if (atomic_load(&g->released) && !g->have && !g->have_device) {
				LIST_REMOVE(g, entry);
				free(g);
			}
		}
	} while (!stop);
	return NULL;
}

int hands__start(const char *instance, struct hands **out, struct err *err)
{
	struct hands *h = calloc(1, sizeof(*h));
	sigset_t all, before;
	int rc;

	if (!h)
		return err__set(err, -ENOMEM, "out of memory");
	snprintf(h->instance, sizeof(h->instance), "%s", instance);
	LIST_INIT(&h->grips);
	sem_init(&h->bell, 0, 0);
	rc = net_addresses__open(&h->net, err);
	if (!rc) {
		/* Signals are the loop's. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		rc = -pthread_create(&h->thread, NULL, run, h);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (rc)
			err__set(err, rc, "cannot start the thread that adds addresses: %s",
				 strerror(-rc));
	}
	if (rc) {
		net_addresses__close(h->net);
		sem_destroy(&h->bell);
		free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void hands__stop(struct hands *h)
{
	struct grip *g;

	if (!h)
		return;
	atomic_store(&h->stop, true);
	sem_post(&h->bell);
	pthread_join(h->thread, NULL);
	while ((g = LIST_FIRST(&h->grips))) {
		LIST_REMOVE(g, entry);
		free(g);
	}
	net_addresses__close(h->net);
	sem_destroy(&h->bell);
	free(h);
}

int grip__new(struct hands *h, const struct grip_place *place, const struct addr *addresses,
	      size_t n, struct grip **out)
{
	struct grip *g = calloc(1, sizeof(*g) + n * sizeof(*addresses));

	if (!g)
		return -ENOMEM;
	g->hands = h;
	/* What an earlier agent has left. */
	g->have = g->have_device = true;
	g->at = place->ifindex;
	g->device = net_vmac__of(h->instance, place->vrid, addr__family(&addresses[0]), g->at);
	g->vrid = place->vrid;
	g->n = n;
	memcpy(g->addresses, addresses, n * sizeof(*addresses));
	atomic_store(&g->ifindex, place->ifindex);
	atomic_store(&g->virtual_mac, place->virtual_mac);
	atomic_store(&g->want, GRIP_OPEN);
	*out = g;
	return 0;
}

void grip__start(struct grip *g)
{
	struct hands *h = g->hands;
	struct grip *first = atomic_load(&h->new);

	g->started = true;
	do
		atomic_store(&g->next_new, first);
	while (!atomic_compare_exchange_weak(&h->new, &first, g));
	sem_post(&h->bell);
}

void grip__want(struct grip *g, enum grip_want want)
{
	atomic_store(&g->want, want);
	sem_post(&g->hands->bell);
}

void grip__set_virtual(struct grip *g, bool virtual_mac)
{
	atomic_store(&g->virtual_mac, virtual_mac);
	sem_post(&g->hands->bell);
}

void grip__set_ifindex(struct grip *g, uint32_t ifindex)
{
	atomic_store(&g->ifindex, ifindex);
	sem_post(&g->hands->bell);
}

int grip__error(const struct grip *g)
{
	return atomic_load(&g->error);
}

int grip__device_error(const struct grip *g)
{
	return atomic_load(&g->device_error);
}

void grip__release(struct grip *g)
{
	struct hands *h = g->hands;

	if (!g->started) {
		free(g);
		return;
	}
	/* The thread may free it as soon as it knows. */
	atomic_store(&g->released, true);
	sem_post(&h->bell);
}
