/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prober.c - when to ask, and whom to tell.
 *
 * A probe is asked at a pace measured from start to start: `interval`, or `fast_interval` while a
 * subscriber counts towards a verdict. It never overlaps itself: a try that takes longer than the
 * pace is followed by the next one at once.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "probe/internal.h"

static const struct probe_kind *kind_of(const struct probe *p)
{
	return p->args.kind == CONFIG_PROBE_HTTP ? &probe_http : &probe_tcp;
}

bool probe__is_local(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM ||
	       err == EADDRNOTAVAIL;
}

enum probe_outcome probe__outcome(int err)
{
	switch (err) {
	case 0:
		return PROBE_OK;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return PROBE_REFUSED;
	default:
		return PROBE_FAILED;
	}
}

void prober__hold(struct prober *p)
{
	p->handles++;
}

void prober__release(struct prober *p)
{
	if (--p->handles || !p->closing)
		return;
	free(p);
}

/* xorshift64*: jitter needs speed, not secrecy. */
static uint64_t random_below(struct prober *p, uint64_t bound)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return bound ? (p->random * 0x2545f4914f6cdd1dULL >> 32) % bound : 0;
}

/* --- the tree of probes: equal target and arguments meet in one ----------------------------------- */

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_number(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* A total order whose equality is config_probe__equal() of arguments, address and port. */
static int compare(const void *x, const void *y)
{
	const struct probe *a = x, *b = y;
	int c = memcmp(&a->address, &b->address, sizeof(a->address));

	c = c ? c : compare_number(a->port, b->port);
	c = c ? c : compare_number(a->args.kind, b->args.kind);
	c = c ? c : compare_number(a->args.interval_ms, b->args.interval_ms);
	c = c ? c : compare_number(a->args.fast_interval_ms, b->args.fast_interval_ms);
	c = c ? c : compare_number(a->args.timeout_ms, b->args.timeout_ms);
	c = c ? c : compare_number(a->args.jitter_pct, b->args.jitter_pct);
	c = c ? c : compare_number(a->args.status_min, b->args.status_min);
	c = c ? c : compare_number(a->args.status_max, b->args.status_max);
	c = c ? c : compare_text(a->args.path, b->args.path);
	c = c ? c : compare_text(a->args.host, b->args.host);
	return c ? c : compare_text(a->args.body, b->args.body);
}

/* --- pace ----------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *h);

static bool all_settled(const struct probe *p)
{
	const struct probe_sub *s;

	TAILQ_FOREACH (s, &p->subs, entry) {
		if (!s->settled && !s->cancelled)
			return false;
	}
	return true;
}

static uint64_t jittered_ms(struct probe *p, uint64_t ms)
{
	uint64_t span = ms * p->args.jitter_pct / 100;

	return ms - span + random_below(p->prober, 2 * span + 1);
}

static void schedule_in(struct probe *p, uint64_t ms)
{
	/*
	 * The loop's own clock may be as old as the last callback is long. It is not put forward here:
	 * more probes than the machine can ask would all be due again before this turn of the loop
	 * ends, and nothing but probes would have its turn.
	 */
	uint64_t now = uv_hrtime() / 1000000, loop_now = uv_now(p->prober->loop);

	uv_timer_start(&p->timer, on_timer, ms + (now > loop_now ? now - loop_now : 0), 0);
}

static void schedule_next(struct probe *p)
{
	uint64_t pace = all_settled(p) ? p->args.interval_ms : p->args.fast_interval_ms;
	uint64_t spent_ms = (uv_hrtime() - p->started_ns) / 1000000;
	uint64_t due = jittered_ms(p, pace);

	schedule_in(p, due > spent_ms ? due - spent_ms : 0);
}

/* A subscriber without a verdict: soon, but thousands of them not in the same millisecond. */
static void schedule_soon(struct probe *p)
{
	schedule_in(p, random_below(p->prober, p->args.fast_interval_ms / 4 + 1));
}

/* --- tries and results ------------------------------------------------------------------------------ */

static void drop(struct probe *p);

static void deliver(struct probe *p, const struct probe_result *r)
{
	struct probe_sub *s, *next;

	p->delivering = true;
	TAILQ_FOREACH (s, &p->subs, entry) {
		bool settled;

		if (s->cancelled)
			continue;
		settled = s->cb(s->ctx, r);
		/* s is still there, cancelled or not: delivering keeps it. */
		s->settled = settled;
	}
	p->delivering = false;
	for (s = TAILQ_FIRST(&p->subs); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->cancelled) {
			TAILQ_REMOVE(&p->subs, s, entry);
			free(s);
		}
	}
}

void probe__finish(struct probe *p, enum probe_outcome outcome, const char *detail)
{
	struct probe_result r = {
		.outcome = outcome,
		.latency_ns = uv_hrtime() - p->started_ns,
		.detail = detail,
	};

	p->in_flight = false;
	uv_timer_stop(&p->timer);
	if (p->of) {
		probe_urge__end(p, &r);
		return;
	}
	deliver(p, &r);
	if (TAILQ_EMPTY(&p->subs))
		drop(p);
	else
		schedule_next(p);
}

void probe__tell(struct probe *p, const struct probe_result *r)
{
	deliver(p, r);
	if (TAILQ_EMPTY(&p->subs))
		drop(p);
	else if (!p->in_flight && !all_settled(p))
		schedule_in(p, jittered_ms(p, p->args.fast_interval_ms));
}

void probe__skip(struct probe *p)
{
	p->in_flight = false;
	if (p->of) {
		probe_urge__end(p, NULL);
		return;
	}
	schedule_in(p, p->args.fast_interval_ms);
}

static void begin(struct probe *p)
{
	const char *why = "cannot be tried";
	int rc;

	p->in_flight = true;
	p->started_ns = uv_hrtime();
	schedule_in(p, p->args.timeout_ms);
	rc = kind_of(p)->start(p, &why);
	if (rc && probe__is_local(-rc))
		probe__skip(p);
	else if (rc)
		probe__finish(p, probe__outcome(-rc), why);
}

static void on_timer(uv_timer_t *h)
{
	struct probe *p = h->data;
	char detail[64];

	if (!p->in_flight) {
		begin(p);
		return;
	}
	kind_of(p)->abort(p);
	snprintf(detail, sizeof(detail), "no answer within %u ms", p->args.timeout_ms);
	probe__finish(p, PROBE_FAILED, detail);
}

/* --- subscriptions ------------------------------------------------------------------------------------ */

static void free_args(struct config_probe *c)
{
	free(c->path);
	free(c->host);
	free(c->body);
}

static char *copy_text(const char *s, bool *failed)
{
	char *copy = s ? strdup(s) : NULL;

	*failed |= s && !copy;
	return copy;
}

int probe__copy_args(const struct config_probe *from, struct config_probe *to)
{
	bool failed = false;

	*to = *from;
	to->path = copy_text(from->path, &failed);
	to->host = copy_text(from->host, &failed);
	to->body = copy_text(from->body, &failed);
	if (!failed)
		return 0;
	free_args(to);
	return -ENOMEM;
}

static void on_probe_closed(uv_handle_t *h)
{
	struct probe *p = h->data;
	struct prober *prober = p->prober;

	free_args(&p->args);
	free(p);
	prober__release(prober);
}

void probe__close(struct probe *p)
{
	if (p->in_flight)
		kind_of(p)->abort(p);
	p->in_flight = false;
	probe_http__forget(p);
	uv_close((uv_handle_t *)&p->timer, on_probe_closed);
}

void probe__start_in(struct probe *p, uint64_t ms)
{
	schedule_in(p, ms);
}

/* Nobody wants it any more. */
static void drop(struct probe *p)
{
	while (!TAILQ_EMPTY(&p->urged))
		probe_urge__drop(TAILQ_FIRST(&p->urged));
	tdelete(p, &p->prober->tree, compare);
	TAILQ_REMOVE(&p->prober->probes, p, entry);
	p->prober->n--;
	probe__close(p);
}

static struct probe *find_or_make(struct prober *prober, const struct addr *address, uint16_t port,
				  const struct config_probe *args)
{
	struct probe key = {.address = *address, .port = port, .args = *args}, *p;
	void *node = tfind(&key, &prober->tree, compare);

	if (node)
		return *(struct probe **)node;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->prober = prober;
	p->address = *address;
	p->port = port;
	TAILQ_INIT(&p->subs);
	TAILQ_INIT(&p->urged);
	if (probe__copy_args(args, &p->args)) {
		free(p);
		return NULL;
	}
	if (!tsearch(p, &prober->tree, compare)) {
		free_args(&p->args);
		free(p);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&prober->probes, p, entry);
	prober->n++;
	uv_timer_init(prober->loop, &p->timer);
	p->timer.data = p;
	prober__hold(prober);
	/* A phase of its own, so that probes of settled targets are spread from the start. */
	schedule_in(p, random_below(prober, p->args.interval_ms));
	return p;
}

int prober__subscribe(struct prober *prober, const struct addr *address, uint16_t port,
		      const struct config_probe *args, bool settled, probe_cb *cb, void *ctx,
		      struct probe_sub **out, struct err *err)
{
	struct probe_sub *s = calloc(1, sizeof(*s));
	struct probe *p = s ? find_or_make(prober, address, port, args) : NULL;

	if (!p) {
		free(s);
		return err__set(err, -ENOMEM, "out of memory for a probe");
	}
	s->probe = p;
	s->cb = cb;
	s->ctx = ctx;
	s->settled = settled;
	/* At the head: a delivery that is going on has passed it, its result is older than s. */
	TAILQ_INSERT_HEAD(&p->subs, s, entry);
	if (!settled && !p->in_flight && !p->delivering)
		schedule_soon(p);
	*out = s;
	return 0;
}

void probe_sub__cancel(struct probe_sub *s)
{
	struct probe *p;

	if (!s)
		return;
	p = s->probe;
	if (p->delivering) {
		s->cancelled = true;
		return;
	}
	TAILQ_REMOVE(&p->subs, s, entry);
	free(s);
	if (TAILQ_EMPTY(&p->subs))
		drop(p);
}

int prober__new(uv_loop_t *loop, struct prober **out, struct err *err)
{
	struct prober *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->loop = loop;
	TAILQ_INIT(&p->probes);
	if (getrandom(&p->random, sizeof(p->random), 0) != sizeof(p->random))
		p->random = uv_hrtime();
	p->random |= 1; /* the generator's one fixed point is 0 */
	rc = probe_http__init(p, err);
	if (rc) {
		free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void prober__free(struct prober *p)
{
	struct probe *probe;
	struct probe_sub *s;

	if (!p)
		return;
	while ((probe = TAILQ_FIRST(&p->probes))) {
		while ((s = TAILQ_FIRST(&probe->subs))) {
			TAILQ_REMOVE(&probe->subs, s, entry);
			free(s);
		}
		drop(probe);
	}
	p->closing = true;
	probe_http__close(p);
}

size_t prober__count(const struct prober *p)
{
	return p->n;
}
