/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/passive.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/names.h"
#include "core/log.h"
#include "health/passive.h"
#include "health/suspicion.h"

#define TRIES 3 /* that an alarm starts, */
#define TRIES_GAP_MS 10 /* so far apart */
/* An alarm that probes did not confirm is not raised again for so long, each time twice as long. */
#define QUIET_MS 1000
#define QUIET_MAX_MS 60000

/* SYNs a second that are enough to judge a backend, and what is spared a service in any case. */
#define ENOUGH_PER_BACKEND 64
#define ENOUGH_LEAST 256
#define ENOUGH_MOST 4096
#define PAUSE_MS 1000 /* without a step: the agent stood still, or did not watch */
#define CALM_STEPS 10 /* with far fewer than that, before more flows are sampled */
#define STANDS_MS 10000 /* an alarm of a backend that is no longer suspect */
#define NARROW_MS (2 * PASSIVE_ANSWER_MS) /* what was sampled is watched so long, and has ended */

/* How much of a service's flows is sampled, and what its pool does. */
struct passive_watch {
	struct passive_pool pool;
	uint32_t sampled, watched; /* as in fl_service */
	uint32_t opened, ms; /* the service's counter at the last step, and when */
	uint32_t narrowed_ms; /* when `sampled` became less than `watched` */
	unsigned int calm; /* steps in a row with few SYNs */
	bool begun;
};

struct passive_member {
	bool counts; /* it got new connections at the last step, */
	uint32_t from_ms; /* and has since then */
	uint64_t alarms; /* since the agent began */
	uint64_t alarm_ns; /* of the last one, CLOCK_REALTIME */
	uint32_t alarm_ms; /* the same on the clock of the steps */
	uint32_t quiet_ms; /* none before so long after it */
	uint32_t suspect_ms; /* when it was suspect last, alarmed or not */
	char text[160]; /* what was found */
};

double passive__opened_per_s(const struct target *t)
{
	return t->trail ? passive_trail__opened_per_s(t->trail) : 0;
}

/* --- how many flows are sampled ------------------------------------------------------------------- */

static double enough_per_s(const struct service *s)
{
	double n = ENOUGH_PER_BACKEND * (double)s->n_members;

	return n < ENOUGH_LEAST ? ENOUGH_LEAST : n > ENOUGH_MOST ? ENOUGH_MOST : n;
}

/* Less at once, as a flood would fill the cells; more a step a second. */
static void adapt(struct passive_watch *w, double opened_per_s, double enough, uint32_t now_ms)
{
	double noted = opened_per_s * w->sampled / FL_PASSIVE_ALL;

	if (noted > 2 * enough) {
		for (; w->sampled > 1 && noted > enough; noted /= 2)
			w->sampled /= 2;
		w->narrowed_ms = now_ms;
		w->calm = 0;
	} else if (noted * 4 < enough && w->sampled < FL_PASSIVE_ALL) {
		if (++w->calm < CALM_STEPS)
			return;
		w->calm = 0;
		w->sampled *= 2;
	} else {
		w->calm = 0;
	}
}

/* SYNs that are noted still wait for their ACKs when fewer flows are sampled. */
static void narrow(struct passive_watch *w, uint32_t now_ms)
{
	if (w->watched < w->sampled || now_ms - w->narrowed_ms >= NARROW_MS)
		w->watched = w->sampled;
}

static void sample(struct service *s, uint32_t now_ms)
{
	struct passive_watch *w = s->watch;
	uint32_t opened = plane__passive_opened(s->agent->plane, s->id), was = w->sampled,
		 watched = w->watched;

	if (w->begun && now_ms != w->ms)
		adapt(w, (opened - w->opened) * 1000.0 / (now_ms - w->ms), enough_per_s(s), now_ms);
	narrow(w, now_ms);
	if (!w->begun || w->sampled != was || w->watched != watched)
		plane__passive_sample(s->agent->plane, s->id, w->sampled, w->watched);
	w->begun = true;
	w->opened = opened;
	w->ms = now_ms;
}

/* --- alarms ----------------------------------------------------------------------------------------- */

static bool is_quiet(const struct passive_member *p, uint32_t now_ms)
{
	return p->alarms && now_ms - p->alarm_ms < p->quiet_ms;
}

/* Has a verdict followed the last alarm? */
static bool is_confirmed(const struct member *m)
{
	return m->health.since_ns > m->passive->alarm_ns;
}

static void alarm_now(struct member *m, const struct passive_seat *seat, uint32_t now_ms)
{
	struct passive_member *p = m->passive;

	p->suspect_ms = now_ms;
	if (is_confirmed(m) || now_ms - p->alarm_ms > 2 * QUIET_MAX_MS)
		p->quiet_ms = QUIET_MS;
	else if (is_quiet(p, now_ms))
		return;
	else if (p->quiet_ms < QUIET_MAX_MS)
		p->quiet_ms *= 2;
	p->alarms++;
	p->alarm_ms = now_ms;
	p->alarm_ns = agent__realtime_ns();
	snprintf(p->text, sizeof(p->text),
		 "%" PRIu32 " of %" PRIu32 " new connections within %.1f s saw no answer, where "
		 "%.1f %% are to be expected",
		 seat->window.x, seat->window.n, seat->ms / 1000.0, 100 * seat->q);
	member__alarmed(m, p->text);
	if (m->sub)
		probe_sub__urge(m->sub, TRIES, TRIES_GAP_MS);
}

/* --- steps ------------------------------------------------------------------------------------------ */

/* Services may share a target: its counters are read once. */
static int read_target(struct agent *a, struct target *t, uint32_t now_ms)
{
	struct fl_passive c = plane__passive(a->plane, t->index);
	const struct passive_step now = {now_ms, c.sampled, c.incomplete, c.opened};

	if (!t->trail)
		t->trail = calloc(1, sizeof(*t->trail));
	if (!t->trail)
		return -1;
	/* What was before a pause cannot be compared. */
	if (now_ms - t->trail_ms > PAUSE_MS)
		t->trail->n = 0;
	if (!t->trail->n || t->trail_ms != now_ms)
		passive_trail__add(t->trail, &now);
	t->trail_ms = now_ms;
	return 0;
}

static bool make_room(struct passive *p, size_t n)
{
	struct passive_seat *seats;
	double *rates;

	if (n <= p->room)
		return true;
	seats = realloc(p->seats, n * sizeof(*seats));
	if (seats)
		p->seats = seats;
	rates = realloc(p->rates, n * sizeof(*rates));
	if (rates)
		p->rates = rates;
	if (!seats || !rates)
		return false;
	p->room = n;
	return true;
}

static struct passive_seat seat_of(struct member *m, uint32_t now_ms)
{
	struct passive_member *p = m->passive;
	bool counts = health__is_well(&m->health);

	if (counts && !p->counts)
		p->from_ms = now_ms;
	p->counts = counts;
	return (struct passive_seat){
		.trail = m->target->trail, .counts = counts, .since_ms = now_ms - p->from_ms};
}

static void judge(struct agent *a, struct service *s, uint32_t now_ms)
{
	struct passive *p = &a->passive;

	if (!make_room(p, s->n_members))
		return;
	for (size_t i = 0; i < s->n_members; i++) {
		struct member *m = s->members[i];

		if (!m->passive)
			m->passive = calloc(1, sizeof(*m->passive));
		if (!m->passive || read_target(a, m->target, now_ms))
			return;
		p->seats[i] = seat_of(m, now_ms);
	}
	if (!passive_pool__judge(&s->watch->pool, p->seats, s->n_members, now_ms, p->rates))
		return;
	for (size_t i = 0; i < s->n_members; i++) {
		if (p->seats[i].suspect)
			alarm_now(s->members[i], &p->seats[i], now_ms);
	}
}

static void on_timer(uv_timer_t *h)
{
	struct agent *a = h->data;
	uint32_t now_ms = plane__passive_sweep(a->plane);
	struct service *s;

	a->passive.now_ms = now_ms;
	TAILQ_FOREACH (s, &a->services, entry) {
		if (!s->watch)
			continue;
		sample(s, now_ms);
		judge(a, s, now_ms);
	}
}

/* --- life ------------------------------------------------------------------------------------------- */

void passive__init(struct agent *a)
{
	uv_timer_init(&a->loop, &a->passive.timer);
	a->passive.timer.data = a;
}

void passive__close(struct agent *a)
{
	uv_close((uv_handle_t *)&a->passive.timer, NULL);
}

void passive__free(struct agent *a)
{
	free(a->passive.seats);
	free(a->passive.rates);
}

/* Where memory runs out the service is not watched until the next configuration. */
static void begin(struct service *s)
{
	if (!s->watch)
		s->watch = calloc(1, sizeof(*s->watch));
	if (s->watch && !s->watch->sampled)
		s->watch->sampled = s->watch->watched = FL_PASSIVE_ALL;
}

static void end(struct service *s)
{
	const struct fl_service *entry = plane__service(s->agent->plane, s->id);

	/* Or an agent before this one has watched it. */
	if (s->watch || (entry && entry->watched))
		plane__passive_sample(s->agent->plane, s->id, 0, 0);
	free(s->watch);
	s->watch = NULL;
}

/* The counters go with the maps. */
static void forget_trails(struct agent *a)
{
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		struct target *t = a->by_index[i];

		if (t && t->trail)
			t->trail->n = 0;
	}
}

void passive__configured(struct agent *a)
{
	struct service *s;
	bool any = false;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (s->config && s->config->passive)
			begin(s);
		else
			end(s);
		any |= s->watch != NULL;
	}
	if (!any) {
		uv_timer_stop(&a->passive.timer);
		forget_trails(a);
	} else if (!uv_is_active((uv_handle_t *)&a->passive.timer)) {
		uv_timer_start(&a->passive.timer, on_timer, 0, PASSIVE_STEP_MS);
	}
}

uint64_t passive__alarms(const struct member *m)
{
	return m->passive ? m->passive->alarms : 0;
}

/* Is it suspect still, by what it got since it gets new connections, though its probes are well? */
static bool stands(const struct agent *a, const struct member *m)
{
	const struct passive_member *p = m->passive;

	/* Until the first step since, `from_ms` is of the time before it was out. */
	return p->counts && p->alarms && a->passive.now_ms - p->suspect_ms <= STANDS_MS &&
	       (int32_t)(p->suspect_ms - p->from_ms) >= 0 && m->sub && m->probe_ok &&
	       health__is_well(&m->health);
}

static const char *advice(const struct agent *a, const struct member *m, char *text)
{
	const struct config_service *c = m->service->config;
	char vip[ADDR_STRLEN];
	const struct suspicion s = {
		.mode = (enum fl_forward)m->target->entry.mode,
		.vip = c ? addr__format(&c->vip.addr, vip) : "",
		.gue_port = ntohs(m->target->entry.port),
		.by_path = m->path != NULL,
	};

	return c && stands(a, m) ? suspicion__text(&s, text) : "";
}

void passive__write(struct jtext *out, const char *key, const struct agent *a,
		    const struct member *m)
{
	const struct passive_trail *t = m->target->trail;
	const struct passive_member *p = m->passive;
	struct passive_window w = {0};
	char at[NAMES_LEN], check[SUSPICION_LEN];
	struct fl_passive c;

	if (!m->service->watch || !p) {
		jtext__null(out, key);
		return;
	}
	c = plane__passive(a->plane, m->target->index);
	if (!t || !passive_trail__window(t, PASSIVE_LONGEST_MS, &w))
		w = (struct passive_window){0};
	jtext__open(out, key, '{');
	jtext__integer(out, "sampled", c.sampled);
	jtext__integer(out, "completed", c.completed);
	jtext__integer(out, "incomplete", c.incomplete);
	jtext__integer(out, "reset", c.reset);
	jtext__integer(out, "repeated", c.repeated);
	jtext__real(out, "connections_per_s", passive__opened_per_s(m->target));
	jtext__integer(out, "judged", w.n);
	jtext__real(out, "completion", w.n ? 1 - (double)w.x / w.n : 1);
	jtext__integer(out, "alarms", p->alarms);
	jtext__string(out, "alarm_at", p->alarms ? names__time_text(p->alarm_ns, at) : "");
	jtext__string(out, "alarm", p->text);
	jtext__string(out, "advice", advice(a, m, check));
	jtext__mark(out, '}');
}
