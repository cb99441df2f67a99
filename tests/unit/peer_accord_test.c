/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of peer/accord.h: as told, and then under whatever may happen: machines that are cut off,
 * killed in the middle of anything and started again, hear late, fail to write or to apply, and propose all at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "peer/accord.h"

#define MACHINES 3
#define EPOCHS 4096
#define START_US 100000000 /* a machine that has been up for a while */

struct machine {
	struct accord a;
	struct accord_record disk;
	bool works; /* a job is under way */
	struct accord_job job;
	uint64_t busy_us; /* since when it proposes; 0: it does not */
};

struct world {
	struct machine m[MACHINES];
	bool cut[MACHINES][MACHINES];
	uint64_t now_us, seed;
	uint8_t texts; /* as many were proposed */
	bool calm; /* nothing fails */
	/* What was ever written down. */
	struct accord_point written[EPOCHS];
	size_t n_written;
	struct accord_epoch said_yes[MACHINES][EPOCHS];
	size_t n_yes[MACHINES];
	unsigned int decisions, crashes, refusals;
};

static uint64_t dice(struct world *w)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return w->seed >> 33;
}

static bool chance(struct world *w, unsigned int percent)
{
	return dice(w) % 100 < percent;
}

static bool same(const struct accord_epoch *a, const struct accord_epoch *b)
{
	return accord_epoch__compare(a, b) == 0;
}

static void introduce(struct world *w, size_t i, const struct accord_record *record)
{
	uint8_t me[ACCORD_BY] = {(uint8_t)(i + 1)};
	struct accord *a = &w->m[i].a;

	accord__begin(a, w->now_us, me, record);
	a->n = MACHINES - 1;
	for (size_t k = 0; k < a->n; k++)
		a->peers[k].by[0] = (uint8_t)((i + 1 + k) % MACHINES + 1);
	w->m[i].works = false;
	w->m[i].busy_us = 0;
}

static size_t index_of(size_t i, size_t k)
{
	return (i + 1 + k) % MACHINES;
}

static struct world *new_world(uint64_t seed)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.now_us = START_US;
	for (size_t i = 0; i < MACHINES; i++)
		introduce(&w, i, NULL);
	return &w;
}

/* An epoch has one text, wherever it was written down. */
static void note_point(struct world *w, const struct accord_point *p)
{
	if (!p->epoch.number)
		return;
	for (size_t i = 0; i < w->n_written; i++) {
		if (!same(&w->written[i].epoch, &p->epoch))
			continue;
		assert_true(accord_text__equal(&w->written[i].text, &p->text));
		return;
	}
	assert_true(w->n_written < EPOCHS);
	w->written[w->n_written++] = *p;
}

static void write_down(struct world *w, size_t i, const struct accord_record *r)
{
	struct machine *m = &w->m[i];

	/* What is decided is never taken back, only followed by what is greater. */
	assert_true(accord_epoch__compare(&r->decided.epoch, &m->disk.decided.epoch) >= 0);
	m->disk = *r;
	note_point(w, &r->decided);
	note_point(w, &r->next);
	if (r->next.epoch.number && w->n_yes[i] < EPOCHS)
		w->said_yes[i][w->n_yes[i]++] = r->next.epoch;
}

static bool ever_wrote(const struct world *w, size_t i, const struct accord_epoch *e)
{
	for (size_t k = 0; k < w->n_yes[i]; k++) {
		if (same(&w->said_yes[i][k], e))
			return true;
	}
	return false;
}

/* The moment of a decision: who it may be against, and without. */
static void check_decision(struct world *w, size_t i, const struct accord_job *job)
{
	struct accord *a = &w->m[i].a;
	bool late = w->now_us - a->since_us >= ACCORD_PREPARE_US;

	w->decisions++;
	for (size_t k = 0; k < a->n; k++) {
		const struct accord_peer *p = &a->peers[k];
		bool about = p->known && same(&p->told.answered, &job->point.epoch);

		assert_false(about && p->told.answer == ACCORD_NO);
		if (about && p->told.answer == ACCORD_YES)
			assert_true(ever_wrote(w, index_of(i, k), &job->point.epoch));
		else
			assert_true(late || !(p->heard || p->expected));
	}
}

static void begin_jobs(struct world *w, size_t i)
{
	struct machine *m = &w->m[i];
	bool was_deciding = m->a.course == ACCORD_DECIDING;

	if (m->works)
		return;
	m->works = accord__next(&m->a, w->now_us, &m->job);
	if (m->works && m->a.course == ACCORD_DECIDING && !was_deciding)
		check_decision(w, i, &m->job);
	if (!accord__is_busy(&m->a))
		m->busy_us = 0;
	else if (!m->busy_us)
		m->busy_us = w->now_us;
}

static void end_job(struct world *w, size_t i)
{
	struct machine *m = &w->m[i];
	bool fails = !w->calm && chance(w, m->job.kind == ACCORD_PREPARE ? 15 : 4);

	if (!m->works)
		return;
	m->works = false;
	if (!fails)
		write_down(w, i, &m->job.record);
	w->refusals += fails && m->job.kind == ACCORD_PREPARE;
	accord__done(&m->a, w->now_us, fails ? "it failed" : "");
}

static void hear(struct world *w, size_t i, size_t k)
{
	size_t j = index_of(i, k);
	struct accord_peer *p = &w->m[i].a.peers[k];

	p->heard = !w->cut[i][j];
	p->expected = false;
	if (p->heard) {
		accord__tell(&w->m[j].a, &p->told);
		p->known = true;
	}
}

static void kill_it(struct world *w, size_t i)
{
	struct machine *m = &w->m[i];

	w->crashes++;
	if (m->works && chance(w, 50))
		write_down(w, i, &m->job.record);
	introduce(w, i, &m->disk);
	/* Nobody hears more of what it was. */
	for (size_t j = 0; j < MACHINES; j++) {
		for (size_t k = 0; k < MACHINES - 1; k++) {
			if (index_of(j, k) == i)
				w->m[j].a.peers[k].heard = w->m[j].a.peers[k].known = false;
		}
	}
}

static void propose(struct world *w, size_t i)
{
	const struct accord_text text = {.digest = {++w->texts, (uint8_t)i}, .len = 1};

	(void)accord__propose(&w->m[i].a, w->now_us, &text);
}

/* Nobody is busy for longer than the rules allow: the jobs here take no longer than a second or so. */
static void check_patience(const struct world *w)
{
	for (size_t i = 0; i < MACHINES; i++) {
		const struct machine *m = &w->m[i];

		if (m->busy_us && !m->works)
			assert_true(w->now_us - m->busy_us <
				    ACCORD_PREPARE_US + ACCORD_COMMIT_US + 30000000);
	}
}

static void step(struct world *w)
{
	size_t i = dice(w) % MACHINES;

	switch (dice(w) % 16) {
	case 0:
		propose(w, i);
		break;
	case 1:
		if (chance(w, 40))
			kill_it(w, i);
		break;
	case 2:
		if (chance(w, 30)) {
			size_t j = index_of(i, dice(w) % (MACHINES - 1));

			w->cut[i][j] = w->cut[j][i] = !w->cut[i][j];
		}
		break;
	case 3:
		w->now_us += dice(w) % (chance(w, 10) ? 12000000 : 300000);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		end_job(w, i);
		break;
	case 8:
	case 9:
	case 10:
	case 11:
		begin_jobs(w, i);
		break;
	default:
		hear(w, i, dice(w) % (MACHINES - 1));
	}
}

/* Everything works from here on, and all hear each other: they come to be of one mind, and nobody waits. */
static void settle(struct world *w)
{
	w->calm = true;
	memset(w->cut, 0, sizeof(w->cut));
	for (int n = 0; n < 1200; n++) {
		w->now_us += 50000;
		for (size_t i = 0; i < MACHINES; i++) {
			for (size_t k = 0; k < MACHINES - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
		}
		check_patience(w);
	}
	for (size_t i = 0; i < MACHINES; i++) {
		const struct accord *a = &w->m[i].a;

		assert_int_equal(a->course, ACCORD_REST);
		assert_int_equal(a->record.next.epoch.number, 0);
		assert_true(same(&a->record.decided.epoch, &w->m[0].a.record.decided.epoch));
		assert_true(!a->record.decided.epoch.number || a->record.in_force);
		assert_false(accord__is_behind(a) || accord__gives_way(a));
	}
}

static void test_whatever_happens(void **state)
{
	unsigned int decisions = 0, crashes = 0, refusals = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 1500; seed++) {
		struct world *w = new_world(seed);

		for (int n = 0; n < 1200; n++)
			step(w);
		settle(w);
		decisions += w->decisions;
		crashes += w->crashes;
		refusals += w->refusals;
	}
	printf("%u decisions, %u kills, %u refusals\n", decisions, crashes, refusals);
	assert_true(decisions > 3000 && crashes > 10000 && refusals > 1000);
}

/* All that can be done at once is, until nothing is left to do. */
static void run(struct world *w, uint64_t us)
{
	uint64_t until = w->now_us + us;

	for (; w->now_us < until; w->now_us += 50000) {
		for (size_t i = 0; i < MACHINES; i++) {
			for (size_t k = 0; k < MACHINES - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
		}
	}
}

static struct world *calm_world(void)
{
	struct world *w = new_world(7);

	w->calm = true;
	run(w, 200000);
	return w;
}

static void assert_has(const struct world *w, size_t i, uint8_t text)
{
	assert_int_equal(w->m[i].a.record.decided.text.digest[0], text);
	assert_true(w->m[i].a.record.in_force);
}

static void test_all_at_once(void **state)
{
	struct world *w = calm_world();

	(void)state;
	propose(w, 0);
	assert_true(accord__is_busy(&w->m[0].a));
	run(w, 1000000);
	assert_false(accord__is_busy(&w->m[0].a));
	assert_string_equal(w->m[0].a.verdict, "");
	for (size_t i = 0; i < MACHINES; i++)
		assert_has(w, i, 1);
}

/* One says no: nobody has it, and all are free for the next. */
static void test_refused(void **state)
{
	struct world *w = calm_world();
	struct machine *two = &w->m[1];

	(void)state;
	propose(w, 0);
	begin_jobs(w, 0);
	end_job(w, 0);
	for (size_t k = 0; k < MACHINES - 1; k++)
		hear(w, 1, k);
	begin_jobs(w, 1);
	assert_int_equal(two->job.kind, ACCORD_PREPARE);
	two->works = false;
	accord__done(&two->a, w->now_us, "there is no room for it");
	run(w, 1000000);
	assert_string_equal(w->m[0].a.verdict, "not every peer could apply it");
	for (size_t i = 0; i < MACHINES; i++) {
		assert_int_equal(w->m[i].a.record.decided.epoch.number, 0);
		assert_int_equal(w->m[i].a.record.next.epoch.number, 0);
	}
	assert_string_equal(two->a.why, "there is no room for it");
	propose(w, 2);
	run(w, 1000000);
	assert_has(w, 0, 2);
	assert_has(w, 1, 2);
}

/* Who does not hear is not waited for; it gives way when it is back, and catches up. */
static void test_passed_over(void **state)
{
	struct world *w = calm_world();

	(void)state;
	w->cut[0][2] = w->cut[2][0] = w->cut[1][2] = w->cut[2][1] = true;
	run(w, 200000);
	propose(w, 0);
	run(w, 400000);
	assert_false(accord__is_busy(&w->m[0].a));
	assert_has(w, 1, 1);
	assert_int_equal(w->m[2].a.record.decided.epoch.number, 0);
	memset(w->cut, 0, sizeof(w->cut));
	hear(w, 2, 0);
	w->m[2].works = accord__next(&w->m[2].a, w->now_us, &w->m[2].job);
	assert_int_equal(w->m[2].job.kind, ACCORD_TAKE);
	assert_true(accord__is_behind(&w->m[2].a));
	assert_false(accord__gives_way(&w->m[2].a));
	w->now_us += ACCORD_GRACE_US;
	assert_false(accord__next(&w->m[2].a, w->now_us, &w->m[2].job));
	assert_true(accord__gives_way(&w->m[2].a));
	run(w, 400000);
	assert_has(w, 2, 1);
	assert_false(accord__gives_way(&w->m[2].a));
	/* After a start there is no grace. */
	w->m[2].disk = (struct accord_record){0};
	kill_it(w, 2);
	hear(w, 2, 0);
	accord__next(&w->m[2].a, w->now_us, &w->m[2].job);
	assert_true(accord__gives_way(&w->m[2].a));
}

/* A peer that is heard but does not answer costs the time that the rules give it, and no more. */
static void test_dumb(void **state)
{
	struct world *w = calm_world();

	(void)state;
	w->m[1].works = true; /* it never ends */
	propose(w, 0);
	for (; accord__is_busy(&w->m[0].a) && w->now_us < START_US + 60000000; w->now_us += 50000) {
		for (size_t i = 0; i < MACHINES; i += 2) {
			for (size_t k = 0; k < MACHINES - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
		}
	}
	assert_in_range(w->now_us - START_US, ACCORD_PREPARE_US, ACCORD_PREPARE_US + 3000000);
	assert_has(w, 0, 1);
	assert_has(w, 2, 1);
}

/* Two at the same moment: the greater epoch goes first, the other one is told. */
static void test_two_at_once(void **state)
{
	struct world *w = calm_world();

	(void)state;
	propose(w, 0);
	propose(w, 1);
	run(w, 2000000);
	assert_non_null(strstr(w->m[0].a.verdict, "another configuration was to be applied"));
	assert_string_equal(w->m[1].a.verdict, "");
	for (size_t i = 0; i < MACHINES; i++)
		assert_has(w, i, 2);
}

/* Killed between its preparation and its decision: the others give the prepared one up, soon or late. */
static void test_killed_before(void **state)
{
	for (int back = 0; back < 2; back++) {
		struct world *w = calm_world();

		(void)state;
		propose(w, 0);
		begin_jobs(w, 0);
		end_job(w, 0);
		for (size_t i = 1; i < MACHINES; i++) {
			for (size_t k = 0; k < MACHINES - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
			assert_int_equal(w->m[i].a.record.next.epoch.number, 1);
		}
		kill_it(w, 0);
		if (!back)
			memset(w->cut[0], 1, sizeof(w->cut[0])), w->cut[1][0] = w->cut[2][0] = true;
		run(w, back ? 500000 : ACCORD_HOLD_US - 500000);
		assert_int_equal(w->m[1].a.record.next.epoch.number, back ? 0 : 1);
		run(w, back ? 0 : 1000000);
		for (size_t i = 1; i < MACHINES; i++) {
			assert_int_equal(w->m[i].a.record.next.epoch.number, 0);
			assert_int_equal(w->m[i].a.record.decided.epoch.number, 0);
		}
		/* The number is not used again. */
		memset(w->cut, 0, sizeof(w->cut));
		run(w, 500000);
		propose(w, 0);
		run(w, 1000000);
		assert_int_equal(w->m[1].a.record.decided.epoch.number, 2);
	}
}

/* Killed after its decision: it is carried out by those that hear of it, also of a peer that was killed. */
static void test_killed_after(void **state)
{
	struct world *w = calm_world();

	(void)state;
	propose(w, 0);
	for (int n = 0; n < 100 && w->m[0].a.course != ACCORD_SPREADING; n++) {
		for (size_t i = 0; i < MACHINES; i++) {
			for (size_t k = 0; k < MACHINES - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
			if (w->m[0].a.course == ACCORD_SPREADING)
				break;
		}
	}
	kill_it(w, 0);
	kill_it(w, 1);
	/* It knows what it has said, and does not give it up because it was away. */
	begin_jobs(w, 1);
	assert_false(w->m[1].works);
	assert_int_equal(w->m[1].a.record.next.epoch.number, 1);
	run(w, 1000000);
	for (size_t i = 0; i < MACHINES; i++)
		assert_has(w, i, 1);
}

static void test_told(void **state)
{
	struct accord_told t =
				   {
					   .decided = {{7, {1, 2}}, {{3}, 100}},
					   .state = ACCORD_LEFT,
					   .proposal = {{8, {4}}, {{5}, ACCORD_TEXT_MAX}},
					   .answered = {9, {6}},
					   .answer = ACCORD_NO,
					   .why = "no room",
					   .trouble = "bell\a",
				   },
			   out;
	uint8_t bytes[ACCORD_TOLD_MAX + 1];
	size_t len;

	(void)state;
	memset(t.trouble, 'x', ACCORD_WHY_LEN - 1);
	memset(t.why, 'y', ACCORD_WHY_LEN - 1);
	t.why[3] = '\033';
	len = accord_told__write(&t, bytes);
	assert_true(len <= ACCORD_TOLD_MAX);
	assert_true(accord_told__read(bytes, len, &out));
	assert_int_equal(out.why[3], '?');
	t.why[3] = '?';
	assert_memory_equal(&out, &t, sizeof(t));
	assert_true(accord_told__read(bytes, len + 1, &out));
	for (size_t n = 0; n < len; n++)
		assert_false(accord_told__read(bytes, n, &out));
	bytes[0]++;
	assert_false(accord_told__read(bytes, len, &out));
	t.proposal.text.len++;
	assert_false(accord_told__read(bytes, accord_told__write(&t, bytes), &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_dumb),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_killed_before),
		cmocka_unit_test(test_killed_after),
		cmocka_unit_test(test_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
