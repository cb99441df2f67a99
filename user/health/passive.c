/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/passive.h"

#include <math.h>
#include <stdlib.h>

#define FLOOR 0.002 /* q is never taken for less: clients come in bursts that fail together */
#define FADE_MS 60000.0 /* a pool's past counts for 1/e after so long */
/* What a pool is taken to have done before it was watched. */
#define PRIOR_SAMPLED 100.0
#define PRIOR_INCOMPLETE 5.0
/* Steps that a pool's past begins before now: whoever has died since is suspect, or gets nothing any more. */
#define LAG 15U
#define MARGIN 2.0 /* standard errors of what the other backends do in so short a time */
#define TERM_MIN 1e-18 /* of a sum that is 1 or more: what is less does not count */

/* Short ones find a death at once, long ones a backend that gets few connections, or loses some. */
static const uint32_t windows_ms[] = {300, 500, 1000, 2000, PASSIVE_LONGEST_MS};
#define WINDOWS (sizeof(windows_ms) / sizeof(*windows_ms))

/* --- one backend -------------------------------------------------------------------------------- */

static const struct passive_step *step(const struct passive_trail *t, uint32_t back)
{
	return &t->steps[(t->n - 1 - back) % PASSIVE_STEPS];
}

static uint32_t kept(const struct passive_trail *t)
{
	return t->n < PASSIVE_STEPS ? t->n : PASSIVE_STEPS;
}

void passive_trail__add(struct passive_trail *t, const struct passive_step *now)
{
	t->steps[t->n++ % PASSIVE_STEPS] = *now;
	/* Never 0 again, nor a number that says that less is kept. */
	if (t->n == 2 * PASSIVE_STEPS)
		t->n = PASSIVE_STEPS;
}

/* The latest step that is `ms` or more before the last one; NULL: none is kept. */
static const struct passive_step *before(const struct passive_trail *t, uint32_t ms)
{
	for (uint32_t back = 0; back < kept(t); back++) {
		if (step(t, 0)->ms - step(t, back)->ms >= ms)
			return step(t, back);
	}
	return NULL;
}

/* The earliest step that is `ms` or less before the last one: there is one. */
static const struct passive_step *since(const struct passive_trail *t, uint32_t ms)
{
	uint32_t back = 0;

	while (back + 1 < kept(t) && step(t, 0)->ms - step(t, back + 1)->ms <= ms)
		back++;
	return step(t, back);
}

/*
 * A SYN is found incomplete by the first step that is 400 ms after it or later. Those that the steps of
 * the window have found are therefore among the SYNs from 400 ms before the step at the window's begin
 * to 400 ms before its end; the steps around those times enclose all of these.
 */
bool passive_trail__window(const struct passive_trail *t, uint32_t ms, struct passive_window *out)
{
	const struct passive_step *last, *begin, *from;

	if (!t->n)
		return false;
	last = step(t, 0);
	begin = before(t, ms);
	from = begin ? before(t, last->ms - begin->ms + PASSIVE_ANSWER_MS) : NULL;
	if (!from)
		return false;
	out->n = since(t, PASSIVE_ANSWER_MS)->sampled - from->sampled;
	out->x = last->incomplete - begin->incomplete;
	/* The counters of one step are not read in one moment. */
	if (out->n < out->x)
		out->n = out->x;
	return true;
}

double passive_trail__opened_per_s(const struct passive_trail *t)
{
	const struct passive_step *from = before(t, 1000);
	uint32_t ms = from ? step(t, 0)->ms - from->ms : 0;

	return ms ? (step(t, 0)->opened - from->opened) * 1000.0 / ms : 0;
}

/* --- the test ----------------------------------------------------------------------------------- */

static double log_binomial(uint32_t n, uint32_t x)
{
	return lgamma(n + 1.0) - lgamma(x + 1.0) - lgamma(n - x + 1.0);
}

double passive__log_tail(uint32_t n, uint32_t x, double q)
{
	double sum = 1, term = 1;

	if (x > n)
		return -HUGE_VAL;
	if (x <= n * q || q >= 1)
		return 0;
	if (q <= 0)
		return -HUGE_VAL;
	/* Beyond the mean each term is less than the one before it. */
	for (uint32_t i = x; i < n && term > TERM_MIN; i++) {
		term *= (double)(n - i) / (i + 1.0) * (q / (1 - q));
		sum += term;
	}
	return log_binomial(n, x) + x * log(q) + (n - x) * log1p(-q) + log(sum);
}

static bool is_unlikely(const struct passive_window *w, double q)
{
	return passive__log_tail(w->n, w->x, q) <= log(PASSIVE_LIMIT);
}

uint32_t passive__threshold(uint32_t n, double q)
{
	uint32_t low = 0, high = n + 1;

	while (low < high) {
		const struct passive_window w = {n, low + (high - low) / 2};

		if (w.x <= n && !is_unlikely(&w, q))
			low = w.x + 1;
		else
			high = w.x;
	}
	return low;
}

/* --- the pool ----------------------------------------------------------------------------------- */

double passive_pool__rate(const struct passive_pool *p)
{
	double rate = (p->incomplete + PRIOR_INCOMPLETE) / (p->sampled + PRIOR_SAMPLED);

	return rate < FLOOR ? FLOOR : rate > 1 ? 1 : rate;
}

/* Is the step that is LAG old one of a time in which the backend got new connections? */
static bool has_past(const struct passive_seat *s)
{
	return kept(s->trail) > LAG + 1 &&
	       s->since_ms >= (LAG + 1) * PASSIVE_STEP_MS + PASSIVE_ANSWER_MS;
}

/*
 * Adds what the step LAG ago has brought. A suspect's share is not what the pool does, unless the pool is
 * one backend that has nobody else to be compared with; nor is what it left unanswered before it was
 * found.
 */
static void remember(struct passive_pool *p, const struct passive_seat *seats, size_t n,
		     size_t counting, uint32_t now_ms)
{
	double fade = p->begun ? exp(-(double)(now_ms - p->ms) / FADE_MS) : 1;

	p->sampled *= fade;
	p->incomplete *= fade;
	p->begun = true;
	p->ms = now_ms;
	for (size_t i = 0; i < n; i++) {
		const struct passive_trail *t = seats[i].trail;

		if (!seats[i].counts || (seats[i].suspect && counting > 1) || !has_past(&seats[i]))
			continue;
		p->sampled += step(t, LAG)->sampled - step(t, LAG + 1)->sampled;
		p->incomplete += step(t, LAG)->incomplete - step(t, LAG + 1)->incomplete;
	}
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What all backends do in a window, in order. */
struct rates {
	uint32_t ms;
	double *list;
	size_t n;
	bool known;
};

static double rate(const struct passive_window *w)
{
	return (double)w->x / w->n;
}

static void find_rates(struct rates *r, const struct passive_seat *seats, size_t n)
{
	struct passive_window w;

	r->known = true;
	for (size_t i = 0; i < n; i++) {
		if (seats[i].counts && passive_trail__window(seats[i].trail, r->ms, &w) && w.n)
			r->list[r->n++] = rate(&w);
	}
	qsort(r->list, r->n, sizeof(*r->list), compare);
}

/*
 * The median of the others' rates, the lower one of two, with a margin, as it was taken from about as
 * few SYNs as `own`. 0: there are no others.
 */
static double others_rate(const struct rates *r, const struct passive_window *own)
{
	size_t middle = (r->n - 2) / 2;
	double median;

	if (r->n < 2)
		return 0;
	/* Where the own rate is not above, it takes a place before. */
	median = r->list[rate(own) <= r->list[middle] ? middle + 1 : middle];
	median += MARGIN * sqrt(median * (1 - median) / own->n);
	return median < 1 ? median : 1;
}

/* First what is cheap, and settles it for almost all. */
static bool is_suspect(const struct passive_pool *p, struct passive_seat *seats, size_t n,
		       struct passive_seat *s, struct rates *r)
{
	double q = passive_pool__rate(p), others;

	/* A window's SYNs began before it by the time that they had, and a step. */
	if (s->since_ms < r->ms + PASSIVE_ANSWER_MS + 2 * PASSIVE_STEP_MS ||
	    !passive_trail__window(s->trail, r->ms, &s->window) || s->window.x < PASSIVE_LEAST ||
	    !is_unlikely(&s->window, q))
		return false;
	if (!r->known)
		find_rates(r, seats, n);
	others = others_rate(r, &s->window);
	s->q = others > q ? others : q;
	s->ms = r->ms;
	return is_unlikely(&s->window, s->q);
}

/* Has it left so few SYNs unanswered in all that is kept that no window can make it suspect? */
static bool is_quiet(const struct passive_trail *t)
{
	return !t->n || step(t, 0)->incomplete - step(t, kept(t) - 1)->incomplete < PASSIVE_LEAST;
}

size_t passive_pool__judge(struct passive_pool *p, struct passive_seat *seats, size_t n,
			   uint32_t now_ms, double *scratch)
{
	size_t suspects = 0, counting = 0;

	for (size_t i = 0; i < n; i++) {
		seats[i].suspect = false;
		counting += seats[i].counts;
	}
	for (size_t w = 0; w < WINDOWS; w++) {
		struct rates r = {.ms = windows_ms[w], .list = scratch};

		for (size_t i = 0; i < n; i++) {
			struct passive_seat *s = &seats[i];

			if (s->suspect || !s->counts || is_quiet(s->trail))
				continue;
			s->suspect = is_suspect(p, seats, n, s, &r);
			suspects += s->suspect;
		}
	}
	remember(p, seats, n, counting, now_ms);
	return suspects;
}
