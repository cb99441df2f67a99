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
#include <sys/socket.h>

#include "probe/internal.h"
#include "probe/tls.h"
#include "probe/web.h"

#define TOKENS 32 /* random numbers fetched at once: 256 bytes, which the kernel never cuts short */
#define SOON_GAP_NS UINT64_C(100000) /* between first tries: as many as a core can ask */

uint64_t probe__token(void)
{
	static uint64_t pool[TOKENS];
	static unsigned int left;

	/* Short requests are served in whole; the pool is filled long before a network is there. */
	if (!left && getrandom(pool, sizeof(pool), 0) == sizeof(pool))
		left = TOKENS;
	return left ? pool[--left] : uv_hrtime();
}

void prober__hold(struct prober *p)
{
	p->handles++;
}

void prober__release(struct prober *p)
{
	if (--p->handles || !p->closing)
		return;
	tls_store__free(p->tls);
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

/* By target and arguments, as subscriptions meet. */
static int compare(const void *x, const void *y)
{
	const struct probe *a = x, *b = y;
	int c = memcmp(&a->address, &b->address, sizeof(a->address));

	c = c ? c : a->port - b->port;
	c = c ? c : memcmp(&a->way, &b->way, sizeof(a->way));
	return c ? c : config_probe__compare(&a->args, &b->args);
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
	uint64_t now_ns = uv_hrtime(), now = now_ns / 1000000, loop_now = uv_now(p->prober->loop);

	p->due_ns = now_ns + ms * 1000000;
	uv_timer_start(&p->timer, on_timer, ms + (now > loop_now ? now - loop_now : 0), 0);
}

static void schedule_next(struct probe *p)
{
	bool settled = all_settled(p);
	uint64_t pace = settled ? p->args.interval_ms : p->args.fast_interval_ms;
	uint64_t spent_ms = (uv_hrtime() - p->started_ns) / 1000000, due;

	/* What many have settled by at once they would ask again at once, interval by interval. */
	due = settled && !p->phased ? random_below(p->prober, pace) + 1 : jittered_ms(p, pace);
	p->phased = settled;
	schedule_in(p, due > spent_ms ? due - spent_ms : 0);
}

/*
 * A subscriber without a verdict: soon, but thousands of them one after the other. All at once would have
 * each other's answers come late, and their connections' memory would be what the agent keeps.
 */
static void schedule_soon(struct probe *p)
{
	struct prober *prober = p->prober;
	uint64_t now_ns = uv_hrtime();

	if (prober->soon_ns < now_ns)
		prober->soon_ns = now_ns;
	/* Another subscriber wanted it before. */
	if (p->due_ns <= prober->soon_ns)
		return;
	schedule_in(p, (prober->soon_ns - now_ns) / 1000000);
	prober->soon_ns += SOON_GAP_NS;
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
		.warning = p->warning[0] ? p->warning : NULL,
		.weight_pct = p->weight_pct,
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
	p->prober->skipped++;
	if (p->of) {
		probe_urge__end(p, NULL);
		return;
	}
	schedule_in(p, p->args.fast_interval_ms);
}

void probe__restart_clock(struct probe *p)
{
	p->started_ns = uv_hrtime();
	schedule_in(p, p->args.timeout_ms);
}

void probe__stop_clock(struct probe *p)
{
	uv_timer_stop(&p->timer);
}

static void begin(struct probe *p)
{
	const char *why = "cannot be tried";
	uint64_t now_ns = uv_hrtime();
	int rc;

	timing__add(&p->prober->late, now_ns > p->due_ns ? now_ns - p->due_ns : 0);
	p->in_flight = true;
	p->warning[0] = '\0';
	p->weight_pct = -1;
	probe__restart_clock(p);
	rc = p->kind->start(p, &why);
	if (rc && probe__is_local(-rc))
		probe__skip(p);
	else if (rc)
		probe__finish(p, probe__outcome(-rc), why);
}

static void on_timer(uv_timer_t *h)
{
	struct probe *p = h->data;
	enum probe_outcome outcome = PROBE_FAILED;
	char detail[PROBE_DETAIL_LEN];

	if (!p->in_flight) {
		begin(p);
		return;
	}
	snprintf(detail, sizeof(detail), "no answer within %u ms", p->args.timeout_ms);
	if (p->kind->late)
		outcome = p->kind->late(p, detail, sizeof(detail));
	p->kind->abort(p);
	probe__finish(p, outcome, detail);
}

/* --- subscriptions ------------------------------------------------------------------------------------ */

static void on_probe_closed(uv_handle_t *h)
{
	struct probe *p = h->data;
	struct prober *prober = p->prober;

	config_probe__clear(&p->args);
	free(p);
	prober__release(prober);
}

void probe__close(struct probe *p)
{
	if (p->in_flight)
		p->kind->abort(p);
	p->in_flight = false;
	if (p->kind->forget)
		p->kind->forget(p);
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
				  const struct probe_way *way, const struct config_probe *args)
{
	struct probe key = {.address = *address, .port = port, .args = *args}, *p;
	void *node;

	if (way)
		key.way = *way;
	node = tfind(&key, &prober->tree, compare);
	if (node)
		return *(struct probe **)node;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->prober = prober;
	p->kind = probe_kind__find(args);
	p->address = *address;
	p->port = port;
	p->way = key.way;
	TAILQ_INIT(&p->subs);
	TAILQ_INIT(&p->urged);
	if (config_probe__copy(args, &p->args)) {
		free(p);
		return NULL;
	}
	if (!tsearch(p, &prober->tree, compare)) {
		config_probe__clear(&p->args);
		free(p);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&prober->probes, p, entry);
	prober->n++;
	uv_timer_init(prober->loop, &p->timer);
	p->timer.data = p;
	prober__hold(prober);
	/* A phase of its own, so that probes of settled targets are spread from the start. */
	p->phased = true;
	schedule_in(p, random_below(prober, p->args.interval_ms));
	return p;
}

int prober__subscribe(struct prober *prober, const struct addr *address, uint16_t port,
		      const struct probe_way *way, const struct config_probe *args, bool settled,
		      probe_cb *cb, void *ctx, struct probe_sub **out, struct err *err)
{
	const struct probe_kind *kind = probe_kind__find(args);
	struct probe_sub *s;
	struct probe *p;
	int rc;

	if (!kind)
		return err__set(err, -EOPNOTSUPP,
				"this build of fairleadd has no probes of \"type: %s\"",
				config_probe_kind__name(args->kind));
	rc = kind->prepare ? kind->prepare(prober, address, err) : 0;
	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	p = s ? find_or_make(prober, address, port, way, args) : NULL;

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

static void on_web_closed(void *prober)
{
	prober__release(prober);
}

int prober__new(uv_loop_t *loop, struct prober **out, struct err *err)
{
	struct prober *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->loop = loop;
	TAILQ_INIT(&p->probes);
	probe_exec__init(p);
	probe_postgres__init(p);
	p->random = probe__token() | 1; /* the generator's one fixed point is 0 */
	rc = web_loop__open(&p->web, loop, web__complete, err);
	if (rc) {
		free(p);
		return rc;
	}
	prober__hold(p);
	rc = watches__open(p, err);
	if (rc) {
		p->closing = true;
		web_loop__close(&p->web, on_web_closed, p);
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
	probe_exec__close(p);
	probe_icmp__close(p);
	watches__close(p);
	web_loop__close(&p->web, on_web_closed, p);
}

size_t prober__count(const struct prober *p)
{
	return p->n;
}

size_t prober__take_skipped(struct prober *p)
{
	size_t n = p->skipped;

	p->skipped = 0;
	return n;
}

const struct timing *prober__late(const struct prober *p)
{
	return &p->late;
}
