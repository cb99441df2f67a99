/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passive detection: the tail against exact values, windows of trails, and simulated pools: ten million
 * windows without an alarm, and how long a death takes to be one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/passive.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ANSWER_STEPS (PASSIVE_ANSWER_MS / PASSIVE_STEP_MS)
#define WINDOWS 5 /* that are judged each step */
#define POOL_MAX 8

/* --- the test ------------------------------------------------------------------------------------ */

/* Python: log(sum(comb(n, i) * q**i * (1 - q)**(n - i) for i in range(x, n + 1))), in fractions. */
static const struct {
	uint32_t n, x;
	double q, log_tail;
} exact[] = {
	{1, 1, 0.5, -0.69314718056},	     {6, 6, 0.01, -27.6310211159},
	{8, 6, 0.01, -24.3160317976},	     {12, 8, 0.01, -30.6725122099},
	{10, 10, 0.05, -29.9573227355},	     {10, 9, 0.05, -24.7050493075},
	{40, 13, 0.02, -28.150848564},	     {100, 31, 0.05, -36.8305874239},
	{1000, 120, 0.05, -40.4714144142},   {1000, 640, 0.5, -42.5503246387},
	{5000, 5000, 0.98, -101.013536588},  {5000, 4990, 0.98, -69.7710481498},
	{65536, 35000, 0.5, -155.863370382}, {7, 5, 0.002, -28.031854089},
	{5, 5, 0.002, -31.0730404921},	     {200, 199, 0.9, -17.9269934569},
	{3, 2, 1.0 / 3, -1.34992671695},     {1000, 51, 0.05, -0.771171514923},
};

static void test_tail(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(exact); i++) {
		double got = passive__log_tail(exact[i].n, exact[i].x, exact[i].q);

		if (fabs(got - exact[i].log_tail) > 1e-6)
			fail_msg("P[X >= %u | %u, %g]: %.9f, not %.9f", exact[i].x, exact[i].n,
				 exact[i].q, got, exact[i].log_tail);
	}
	/* At the mean and below it an upper bound will do; what cannot be has no chance. */
	assert_true(passive__log_tail(100, 5, 0.05) == 0);
	assert_true(passive__log_tail(100, 0, 0.05) == 0);
	assert_true(passive__log_tail(0, 0, 0.05) == 0);
	assert_true(passive__log_tail(10, 10, 1) == 0);
	assert_true(passive__log_tail(10, 11, 0.5) == -HUGE_VAL);
	assert_true(passive__log_tail(10, 1, 0) == -HUGE_VAL);
}

/* The least x of P[X >= x] <= 1e-12, in fractions too. */
static const struct {
	double q;
	uint32_t k[9];
} thresholds[] = {
	{0.002, {5, 5, 5, 6, 7, 8, 9, 13, 19}},	    {0.01, {5, 6, 6, 8, 9, 12, 15, 22, 40}},
	{0.05, {5, 6, 7, 10, 13, 20, 27, 49, 106}}, {0.1, {5, 6, 7, 11, 16, 26, 37, 73, 174}},
	{0.5, {5, 6, 7, 11, 21, 49, 85, 211, 612}}, {0.9, {5, 6, 7, 11, 21, 51, 101, 299, 961}},
};

static void test_threshold(void **state)
{
	static const uint32_t n[9] = {4, 5, 6, 10, 20, 50, 100, 300, 1000};

	(void)state;
	for (size_t q = 0; q < COUNT(thresholds); q++)
		for (size_t i = 0; i < COUNT(n); i++)
			assert_int_equal(passive__threshold(n[i], thresholds[q].q),
					 thresholds[q].k[i]);
}

/* --- trails -------------------------------------------------------------------------------------- */

static void test_window(void **state)
{
	struct passive_trail t = {0};
	struct passive_window w;
	uint32_t start = UINT32_MAX - 3000; /* all counters and the clock wrap */

	(void)state;
	assert_false(passive_trail__window(&t, 500, &w));
	assert_true(passive_trail__opened_per_s(&t) == 0);
	/* 10 SYNs a step, all of which go unanswered from step 20 on. */
	for (uint32_t i = 0; i < 3 * PASSIVE_STEPS; i++) {
		uint32_t lost = i > 20 + ANSWER_STEPS ? i - 20 - ANSWER_STEPS : 0;
		struct passive_step s = {.ms = start + i * PASSIVE_STEP_MS,
					 .sampled = start + 10 * i,
					 .incomplete = start + 10 * lost,
					 .opened = start + 40 * i};
		bool known;

		passive_trail__add(&t, &s);
		known = passive_trail__window(&t, 500, &w);
		assert_int_equal(known, i >= 5 + ANSWER_STEPS);
		if (!known)
			continue;
		assert_int_equal(w.n, 50);
		assert_int_equal(w.x, lost < 5 ? 10 * lost : 50);
		assert_int_equal(passive_trail__window(&t, PASSIVE_LONGEST_MS, &w),
				 i >= PASSIVE_LONGEST_MS / PASSIVE_STEP_MS + ANSWER_STEPS);
		if (i >= 10)
			assert_true(fabs(passive_trail__opened_per_s(&t) - 400) < 1e-9);
	}
}

/* --- simulated pools ------------------------------------------------------------------------------ */

static uint64_t seed = 0x9e3779b97f4a7c15ULL;

static double drawn(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (double)(seed * 0x2545f4914f6cdd1dULL >> 11) / 9007199254740992.0;
}

static uint32_t poisson(double mean)
{
	double product = drawn(), least = exp(-mean);
	uint32_t n = 0;

	if (mean > 30) { /* near enough to normal */
		double v = mean + sqrt(-2 * log(drawn() + 1e-300) * mean) * cos(2 * M_PI * drawn());

		return v > 0 ? (uint32_t)(v + 0.5) : 0;
	}
	for (; product > least; n++)
		product *= drawn();
	return n;
}

struct backend {
	struct passive_trail trail;
	struct passive_step now;
	uint32_t failing[ANSWER_STEPS]; /* SYNs of the last steps that will be found unanswered */
};

struct sim {
	struct backend b[POOL_MAX];
	struct passive_pool pool;
	size_t n;
	double per_step; /* new connections of clients to each backend */
	double loss; /* chance that one goes unanswered */
	double flood; /* SYNs without a client, to each backend */
	size_t n_dead; /* the first so many are dead, */
	double dead; /* for this share of the step */
	uint32_t out_ms; /* or get nothing for so long */
	uint32_t back_ms; /* when they got something again */
	uint32_t ms;
};

static void some(struct backend *b, uint32_t *failing, uint32_t n, double chance)
{
	b->now.sampled += n;
	for (uint32_t i = 0; i < n; i++)
		*failing += drawn() < chance;
}

/* One step. Returns how many are suspect, `seats` says which. */
static size_t turn(struct sim *s, struct passive_seat *seats)
{
	double scratch[POOL_MAX];

	s->ms += PASSIVE_STEP_MS;
	for (size_t i = 0; i < s->n; i++) {
		struct backend *b = &s->b[i];
		uint32_t *failing = &b->failing[s->ms / PASSIVE_STEP_MS % ANSWER_STEPS];
		double dead = i < s->n_dead ? s->dead : 0;
		bool out = i < s->n_dead && s->out_ms;

		b->now.incomplete += *failing;
		*failing = 0;
		if (!out) {
			some(b, failing, poisson(s->per_step * (1 - dead)), s->loss);
			some(b, failing, poisson(s->per_step * dead), 1);
			some(b, failing, poisson(s->flood), 0.98);
		}
		b->now.ms = s->ms;
		passive_trail__add(&b->trail, &b->now);
		seats[i] =
			(struct passive_seat){.trail = &b->trail,
					      .counts = !out,
					      .since_ms = s->ms - (i < s->n_dead ? s->back_ms : 0)};
	}
	if (s->out_ms) {
		s->out_ms -= PASSIVE_STEP_MS;
		s->back_ms = s->ms;
	}
	return passive_pool__judge(&s->pool, seats, s->n, s->ms, scratch);
}

/* 10^7 windows of pools of all sizes that lose what real networks lose at their worst. */
static void test_loss(void **state)
{
	static const double per_step[] = {0.5, 2, 10}, loss[] = {0.05, 0.10};
	uint64_t windows = 0, alarms = 0;
	struct passive_seat seats[POOL_MAX];

	(void)state;
	while (windows < 10000000) {
		for (size_t i = 0; i < COUNT(per_step) * COUNT(loss) * 4; i++) {
			struct sim s = {.n = (size_t)1 << i % 4,
					.per_step = per_step[i / 4 % COUNT(per_step)],
					.loss = loss[i / 4 / COUNT(per_step)]};

			for (int step = 0; step < 9000; step++) {
				alarms += turn(&s, seats);
				windows += WINDOWS * s.n;
			}
		}
	}
	printf("note: loss: %llu windows, %llu alarms\n", (unsigned long long)windows,
	       (unsigned long long)alarms);
	assert_int_equal(alarms, 0);
}

/* Floods that begin and end at any time, of all strengths; and clients that stop all at once. */
static void test_flood(void **state)
{
	struct passive_seat seats[POOL_MAX];
	uint64_t windows = 0, alarms = 0;

	(void)state;
	for (int run = 0; run < 40; run++) {
		struct sim s = {.n = 2 + (size_t)run % 7, .per_step = 2, .loss = 0.05};

		for (int step = 0; step < 6000; step++) {
			if (step >= 1200 && drawn() < 0.02) {
				s.flood = drawn() < 0.5 ? 0 : pow(10, 2.3 * drawn());
				s.per_step = drawn() < 0.2 ? 0 : 0.3 + 5 * drawn();
			}
			alarms += turn(&s, seats);
			windows += WINDOWS * s.n;
		}
	}
	printf("note: floods: %llu windows, %llu alarms\n", (unsigned long long)windows,
	       (unsigned long long)alarms);
	assert_int_equal(alarms, 0);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

#define DEATHS 400

/* Milliseconds from a death to the alarm: sorted. */
static void deaths(double per_s, size_t n, double loss, double *took)
{
	struct passive_seat seats[POOL_MAX];

	for (int death = 0; death < DEATHS; death++) {
		struct sim s = {.n = n, .n_dead = 1, .per_step = per_s / 10, .loss = loss};
		double late = drawn();

		for (int step = 0; step < 1200; step++)
			assert_int_equal(turn(&s, seats), 0);
		s.dead = 1 - late;
		for (took[death] = (1 - late) * PASSIVE_STEP_MS; !turn(&s, seats);
		     took[death] += PASSIVE_STEP_MS)
			s.dead = 1;
		assert_true(seats[0].suspect);
		assert_true(seats[0].window.x >= PASSIVE_LEAST);
	}
	qsort(took, DEATHS, sizeof(*took), ascending);
}

static void test_death(void **state)
{
	static const struct {
		double per_s; /* to the backend */
		size_t n;
		double loss;
		double most; /* ms, of the median */
	} rows[] = {
		{20, 1, 0, 1000},    {20, 2, 0, 1000},	  {20, 4, 0, 1000},
		{20, 4, 0.01, 1000}, {20, 4, 0.05, 1500}, {20, 2, 0.10, 3000},
		{10, 2, 0, 1200},    {5, 4, 0, 2000},	  {100, 4, 0, 700},
	};
	static double took[DEATHS];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		deaths(rows[i].per_s, rows[i].n, rows[i].loss, took);
		printf("note: death: %3.0f SYN/s, %zu backends, %2.0f %% unanswered: "
		       "%4.0f ms, median %4.0f, 99 %% within %4.0f, at most %4.0f\n",
		       rows[i].per_s, rows[i].n, 100 * rows[i].loss, took[0], took[DEATHS / 2],
		       took[DEATHS * 99 / 100], took[DEATHS - 1]);
		assert_true(took[DEATHS / 2] <= rows[i].most);
	}
}

/* Half of a pool may die at once: whoever is tested is compared with the others, and the lower median. */
static void test_half_of_the_pool(void **state)
{
	struct sim s = {.n = 4, .n_dead = 2, .per_step = 5};
	struct passive_seat seats[POOL_MAX];
	bool suspect[4] = {false};

	(void)state;
	for (int step = 0; step < 600; step++)
		assert_int_equal(turn(&s, seats), 0);
	s.dead = 1;
	for (int step = 0; step < 20; step++) {
		turn(&s, seats);
		for (size_t i = 0; i < s.n; i++)
			suspect[i] |= seats[i].suspect;
	}
	assert_true(suspect[0] && suspect[1]);
	assert_false(suspect[2] || suspect[3]);
}

/* Deaths that are found do not become what is expected: the tenth is found as soon as the first. */
static void test_deaths_in_a_row(void **state)
{
	struct sim s = {.n = 3, .n_dead = 1, .per_step = 2};
	struct passive_seat seats[POOL_MAX];
	double rate;

	(void)state;
	for (int step = 0; step < 600; step++)
		turn(&s, seats);
	rate = passive_pool__rate(&s.pool);
	for (int death = 0; death < 10; death++) {
		s.dead = 1;
		while (!turn(&s, seats))
			;
		/* Probes need a while to confirm it. */
		for (int step = 0; step < 5; step++)
			turn(&s, seats);
		s.dead = 0;
		s.out_ms = 1000 + 100 * (uint32_t)death;
		for (int step = 0; step < 60; step++)
			turn(&s, seats);
		assert_true(passive_pool__rate(&s.pool) <= 1.1 * rate);
	}
}

/* A backend that gets no new connections has no say and is not judged. */
static void test_not_counting(void **state)
{
	struct passive_seat seats[POOL_MAX];
	double scratch[POOL_MAX];
	struct sim s = {.n = 3, .n_dead = 1, .per_step = 5};

	(void)state;
	for (int step = 0; step < 600; step++)
		turn(&s, seats);
	s.dead = 1;
	for (int step = 0; step < 20; step++)
		turn(&s, seats);
	assert_true(seats[0].suspect);
	/* What was before it came up says nothing of it. */
	seats[0].since_ms = 800;
	assert_int_equal(passive_pool__judge(&s.pool, seats, s.n, s.ms, scratch), 0);
	seats[0].since_ms = 1500;
	assert_int_equal(passive_pool__judge(&s.pool, seats, s.n, s.ms, scratch), 1);
	seats[0].counts = false;
	assert_int_equal(passive_pool__judge(&s.pool, seats, s.n, s.ms, scratch), 0);
	assert_false(seats[0].suspect);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_half_of_the_pool),
		cmocka_unit_test(test_deaths_in_a_row),
		cmocka_unit_test(test_not_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
