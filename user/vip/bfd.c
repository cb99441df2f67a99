/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bfd.c - which BFD sessions there are: between the loop, which decides, and the thread that runs them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "vip/bfd_internal.h"
#include "vip/gtsm.h"

/* A last word is said more than once, since nobody says it again (RFC 5880 6.8.16). */
#define LAST_WORDS 3

static const int families[2] = {AF_INET, AF_INET6};

static struct bfd_listener *listener_of(struct bfd *b, const struct bfd_run *r)
{
	return &b->listeners[addr__is4(&r->view.config.peer) ? 0 : 1];
}

static void on_note(void *ctx)
{
	struct bfd *b = ctx;

	b->changed(b->ctx);
}

int bfd__new(struct rt *rt, void (*changed)(void *ctx), void *ctx, struct bfd **out,
	     struct err *err)
{
	struct bfd *b = calloc(1, sizeof(*b));

	if (!b)
		return err__set(err, -ENOMEM, "out of memory");
	b->rt = rt;
	b->changed = changed;
	b->ctx = ctx;
	b->note.run = on_note;
	b->note.ctx = b;
	for (size_t i = 0; i < 2; i++) {
		struct bfd_listener *l = &b->listeners[i];

		l->bfd = b;
		l->family = families[i];
		l->source = (struct rt_source){.ready = bfd_io__ready, .ctx = l, .fd = -1};
	}
	*out = b;
	return 0;
}

struct listener_of_deaths {
	struct bfd *b;
	bfd_lost_cb *lost;
	void *ctx;
};

static int set_lost(void *ctx)
{
	struct listener_of_deaths *l = ctx;

	l->b->lost = l->lost;
	l->b->lost_ctx = l->ctx;
	return 0;
}

void bfd__on_lost(struct bfd *b, bfd_lost_cb *lost, void *ctx)
{
	struct listener_of_deaths l = {b, lost, ctx};

	rt__call(b->rt, set_lost, &l);
}

/* --- listening ---------------------------------------------------------------------------------------- */

static int watch(void *ctx)
{
	struct bfd_listener *l = ctx;

	return rt__watch(l->bfd->rt, &l->source);
}

static int unwatch(void *ctx)
{
	struct bfd_listener *l = ctx;

	rt__unwatch(l->bfd->rt, &l->source);
	return 0;
}

static bool is_needed(struct bfd *b, const struct bfd_listener *l)
{
	for (size_t i = 0; i < b->n; i++)
		if (listener_of(b, b->runs[i]) == l)
			return true;
	return false;
}

/* Opens or closes a listener, as the sessions are. */
static void sync_listener(struct bfd *b, struct bfd_listener *l)
{
	bool needed = is_needed(b, l);
	int rc;

	if (!needed && l->source.fd >= 0) {
		rt__call(b->rt, unwatch, l);
		b->dropped += gtsm__dropped(l->source.fd);
		close(l->source.fd);
		l->source.fd = -1;
	}
	if (!needed)
		l->trouble.text[0] = '\0';
	if (!needed || l->source.fd >= 0)
		return;
	l->source.fd = bfd_io__listen(l->family, &l->trouble);
	if (l->source.fd < 0)
		return;
	l->trouble.text[0] = '\0';
	rc = rt__call(b->rt, watch, l);
	if (rc) {
		err__set(&l->trouble, rc, "cannot watch the socket that BFD listens on: %s",
			 strerror(-rc));
		close(l->source.fd);
		l->source.fd = -1;
	}
}

/* --- sessions ----------------------------------------------------------------------------------------- */

static bool is_same(const struct bfd_peer *a, const struct bfd_peer *b)
{
	return addr__equal(&a->peer, &b->peer) && strcmp(a->interface, b->interface) == 0 &&
	       a->has_local == b->has_local && (!a->has_local || addr__equal(&a->local, &b->local));
}

static void free_run(struct bfd_run *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

/* Not 0, and nobody else's; not to be guessed by who can't see the packets. */
static uint32_t draw_discriminator(const struct bfd *b)
{
	uint32_t d = 0;
	bool taken = true;

	while (taken) {
		if (getrandom(&d, sizeof(d), 0) != sizeof(d))
			continue;
		taken = d == 0;
		for (size_t i = 0; i < b->n; i++)
			taken |= b->runs[i]->view.session.mine == d;
	}
	return d;
}

static struct bfd_run *new_run(struct bfd *b, const struct bfd_peer *peer)
{
	struct bfd_run *r = calloc(1, sizeof(*r));
	uint64_t seed = 0;

	if (!r)
		return NULL;
	r->bfd = b;
	r->fd = -1;
	r->view.config = *peer;
	r->timer = (struct rt_timer){.fire = bfd_io__fire, .ctx = r};
	(void)!getrandom(&seed, sizeof(seed), 0);
	bfd_session__init(&r->view.session, &peer->times, draw_discriminator(b), seed,
			  rt__now_ns());
	if (bfd_io__open(r, &r->view.trouble) == 0)
		r->view.trouble.text[0] = '\0';
	return r;
}

/* The sessions of now and next; what was in both lists keeps its place in memory. */
struct change {
	struct bfd *b;
	const struct bfd_peer *peers;
	struct bfd_run *next[BFD_MAX_SESSIONS], *gone[BFD_MAX_SESSIONS];
	bool is_new[BFD_MAX_SESSIONS];
	size_t n, n_gone;
};

static struct bfd_run *find_run(const struct bfd *b, const struct bfd_peer *peer)
{
	for (size_t i = 0; i < b->n; i++)
		if (is_same(&b->runs[i]->view.config, peer))
			return b->runs[i];
	return NULL;
}

static void end_run(struct bfd_run *r, uint64_t now)
{
	bfd_session__admin_down(&r->view.session, now);
	bfd_io__turn(r, now, LAST_WORDS);
	rt__disarm(r->bfd->rt, &r->timer);
}

static int take_over(void *ctx)
{
	struct change *c = ctx;
	uint64_t now = rt__now_ns();

	for (size_t i = 0; i < c->n_gone; i++)
		end_run(c->gone[i], now);
	memcpy(c->b->runs, c->next, sizeof(c->next));
	c->b->n = c->n;
	for (size_t i = 0; i < c->n; i++) {
		struct bfd_run *r = c->next[i];

		r->view.config.times = c->peers[i].times;
		bfd_session__configure(&r->view.session, &c->peers[i].times);
		bfd_io__turn(r, now, 1);
	}
	return 0;
}

static int plan(struct change *c)
{
	struct bfd *b = c->b;

	for (size_t i = 0; i < c->n; i++) {
		c->next[i] = find_run(b, &c->peers[i]);
		c->is_new[i] = !c->next[i];
		if (c->is_new[i])
			c->next[i] = new_run(b, &c->peers[i]);
		if (!c->next[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < b->n; i++) {
		bool kept = false;

		for (size_t j = 0; j < c->n; j++)
			kept |= c->next[j] == b->runs[i];
		if (!kept)
			c->gone[c->n_gone++] = b->runs[i];
	}
	return 0;
}

int bfd__configure(struct bfd *b, const struct bfd_peer *peers, size_t n, struct err *err)
{
	struct change c = {.b = b, .peers = peers, .n = n};
	int rc = plan(&c);

	if (rc) {
		for (size_t i = 0; i < n; i++)
			if (c.is_new[i])
				free_run(c.next[i]);
		return err__set(err, rc, "out of memory");
	}
	rt__call(b->rt, take_over, &c);
	for (size_t i = 0; i < c.n_gone; i++)
		free_run(c.gone[i]);
	for (size_t i = 0; i < 2; i++)
		sync_listener(b, &b->listeners[i]);
	return 0;
}

/* Another socket for a session that goes on. */
struct replacement {
	struct bfd_run *run, with;
};

static int replace(void *ctx)
{
	struct replacement *p = ctx;
	int old = p->run->fd;

	p->run->fd = p->with.fd;
	p->run->port = p->with.port;
	p->run->ifindex = p->with.ifindex;
	p->with.fd = old;
	bfd_io__turn(p->run, rt__now_ns(), 1);
	return 0;
}

/* An interface that went and came again under its name is another one, to which the socket is not bound. */
static bool is_stale(const struct bfd_run *r)
{
	const char *interface = r->view.config.interface;

	return r->fd < 0 || (interface[0] && if_nametoindex(interface) != r->ifindex);
}

static void reopen(struct bfd_run *r)
{
	struct replacement p = {.run = r, .with = {.fd = -1, .port = r->port}};

	p.with.view.config = r->view.config;
	if (bfd_io__open(&p.with, &r->view.trouble))
		return;
	r->view.trouble.text[0] = '\0';
	rt__call(r->bfd->rt, replace, &p);
	if (p.with.fd >= 0)
		close(p.with.fd);
}

void bfd__tick(struct bfd *b)
{
	for (size_t i = 0; i < 2; i++)
		sync_listener(b, &b->listeners[i]);
	for (size_t i = 0; i < b->n; i++)
		if (is_stale(b->runs[i]))
			reopen(b->runs[i]);
}

/* --- looking ------------------------------------------------------------------------------------------ */

struct look {
	const struct bfd *b;
	struct bfd_view *out;
	uint64_t *refused;
	size_t max;
};

static int copy_views(void *ctx)
{
	struct look *l = ctx;
	size_t n = l->b->n < l->max ? l->b->n : l->max;

	for (size_t i = 0; i < n; i++)
		l->out[i] = l->b->runs[i]->view;
	return (int)n;
}

size_t bfd__view(const struct bfd *b, struct bfd_view *out, size_t max)
{
	struct look l = {.b = b, .out = out, .max = max};
	size_t n = (size_t)rt__call(b->rt, copy_views, &l);

	/* A session that hears nothing says why. */
	for (size_t i = 0; i < n; i++) {
		const struct err *deaf =
			&b->listeners[addr__is4(&out[i].config.peer) ? 0 : 1].trouble;

		if (!out[i].trouble.text[0])
			out[i].trouble = *deaf;
	}
	return n;
}

static int copy_refused(void *ctx)
{
	struct look *l = ctx;

	memcpy(l->refused, l->b->refused, sizeof(l->b->refused));
	return 0;
}

void bfd__refused(const struct bfd *b, uint64_t out[BFD_REFUSALS])
{
	struct look l = {.b = b, .refused = out};

	rt__call(b->rt, copy_refused, &l);
}

uint64_t bfd__dropped(const struct bfd *b)
{
	uint64_t n = b->dropped;

	for (size_t i = 0; i < 2; i++)
		n += gtsm__dropped(b->listeners[i].source.fd);
	return n;
}

void bfd__free(struct bfd *b)
{
	if (!b)
		return;
	bfd__configure(b, NULL, 0, NULL);
	rt__forget(b->rt, &b->note);
	free(b);
}
