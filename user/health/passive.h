/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passive.h - whether a backend leaves more new connections unanswered than chance and the others
 * explain: docs/health.md. Pure: counters and time are given.
 *
 * What is tested: of `n` SYNs that a backend got in some window, `x` have had no answer in time. If each
 * goes unanswered with probability q, as it does at the other backends, then P[X >= x] is the tail of a
 * binomial distribution. Where that is at most 1e-12 the backend is suspected. What befalls all backends,
 * loss on the way or a flood of SYNs that nobody wants answered, raises q, and with it the `x` that it
 * takes.
 */
#ifndef FAIRLEAD_HEALTH_PASSIVE_H
#define FAIRLEAD_HEALTH_PASSIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PASSIVE_STEP_MS 100 /* how often counters are looked at */
#define PASSIVE_ANSWER_MS 400 /* how long a SYN waits for its ACK */
#define PASSIVE_LIMIT 1e-12 /* of P[X >= x] */
#define PASSIVE_LEAST 5 /* SYNs without an answer that it takes at least, whatever q is */
#define PASSIVE_LONGEST_MS 5000 /* the longest window */

/* Counters of a backend at one time; all of them grow modulo 2^32. */
struct passive_step {
	uint32_t ms; /* of a clock that never steps back */
	uint32_t sampled, incomplete, opened;
};

/* The last few seconds of them; zero-initialised. */
#define PASSIVE_STEPS 64
struct passive_trail {
	struct passive_step steps[PASSIVE_STEPS];
	uint32_t n; /* how many were ever taken */
};

struct passive_window {
	uint32_t n; /* SYNs whose time to be answered has ended in the window; rather too many */
	uint32_t x; /* those that were not */
};

/* Steps come every PASSIVE_STEP_MS or more rarely. */
void passive_trail__add(struct passive_trail *t, const struct passive_step *now);

/*
 * The window that ends with the last step, `ms` long, at most PASSIVE_LONGEST_MS. False: the trail
 * does not go back far enough.
 */
bool passive_trail__window(const struct passive_trail *t, uint32_t ms, struct passive_window *out);

/* New connections a second, over the last second; 0 while there is no such second. */
double passive_trail__opened_per_s(const struct passive_trail *t);

/*
 * Natural logarithm of P[X >= x] for n trials of probability q. Exact, but where x <= n * q: 0, an
 * upper bound.
 */
double passive__log_tail(uint32_t n, uint32_t x, double q);

/* The least x for which P[X >= x] <= PASSIVE_LIMIT; n + 1: there is none. */
uint32_t passive__threshold(uint32_t n, double q);

/* A backend of the pool, and what is found of it. */
struct passive_seat {
	const struct passive_trail *trail;
	bool counts; /* it gets new connections, */
	uint32_t since_ms; /* and has got them for so long: what was before says nothing of it */
	/* found */
	bool suspect;
	uint32_t ms; /* the window, */
	struct passive_window window; /* what it held, */
	double q; /* and what was to be expected */
};

/* What a pool does in the long run; zero-initialised. */
struct passive_pool {
	double sampled, incomplete; /* of the last minute, the old ones fading out */
	uint32_t ms; /* of the last look */
	bool begun;
};

/* The rate of SYNs without an answer that the pool has had in the long run. 0.002..1. */
double passive_pool__rate(const struct passive_pool *p);

/*
 * Judges all backends by their trails, each of which has had a step at now_ms. `scratch`: room for n
 * doubles. Returns how many are suspect.
 */
size_t passive_pool__judge(struct passive_pool *p, struct passive_seat *seats, size_t n,
			   uint32_t now_ms, double *scratch);

#endif
