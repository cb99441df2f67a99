/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of peer/accord.h: as told, and then under whatever may happen (accord_world.h). */
#include "accord_world.h"

static struct world *calm_world(void)
{
	struct world *w = new_world(7, 3);

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
	for (size_t i = 0; i < w->n; i++)
		assert_has(w, i, 1);
}

/* As many machines as there may be: all have it, and one that says no is heard by all of them. */
static void test_many(void **state)
{
	struct world *w = new_world(7, MACHINES);
	const struct machine *last = &w->m[MACHINES - 1];

	(void)state;
	w->calm = true;
	run(w, 200000);
	propose(w, MACHINES - 1);
	run(w, 1000000);
	assert_string_equal(last->a.verdict, "");
	for (size_t i = 0; i < w->n; i++)
		assert_has(w, i, 1);
	propose(w, 3);
	begin_jobs(w, 3);
	end_job(w, 3);
	for (size_t k = 0; k < w->n - 1; k++)
		hear(w, MACHINES - 1, k);
	begin_jobs(w, MACHINES - 1);
	assert_int_equal(last->job.kind, ACCORD_PREPARE);
	w->m[MACHINES - 1].works = false;
	accord__done(&w->m[MACHINES - 1].a, w->now_us, "there is no room for it");
	run(w, 1000000);
	assert_string_equal(w->m[3].a.verdict, "not every peer could apply it");
	for (size_t i = 0; i < w->n; i++)
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
	for (size_t k = 0; k < w->n - 1; k++)
		hear(w, 1, k);
	begin_jobs(w, 1);
	assert_int_equal(two->job.kind, ACCORD_PREPARE);
	two->works = false;
	accord__done(&two->a, w->now_us, "there is no room for it");
	run(w, 1000000);
	assert_string_equal(w->m[0].a.verdict, "not every peer could apply it");
	for (size_t i = 0; i < w->n; i++) {
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
		for (size_t i = 0; i < w->n; i += 2) {
			for (size_t k = 0; k < w->n - 1; k++)
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
	for (size_t i = 0; i < w->n; i++)
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
		for (size_t i = 1; i < w->n; i++) {
			for (size_t k = 0; k < w->n - 1; k++)
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
		for (size_t i = 1; i < w->n; i++) {
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
		for (size_t i = 0; i < w->n; i++) {
			for (size_t k = 0; k < w->n - 1; k++)
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
	for (size_t i = 0; i < w->n; i++)
		assert_has(w, i, 1);
}

/* A no counts, though who said it was asked for something else meanwhile, and says nothing of this one any more. */
static void test_no_is_kept(void **state)
{
	struct world *w = calm_world();
	struct accord *a = &w->m[0].a;
	struct accord_job job;

	(void)state;
	propose(w, 0);
	begin_jobs(w, 0);
	end_job(w, 0);
	a->peers[0].told.answered = a->mine.epoch;
	a->peers[0].told.answer = ACCORD_NO;
	assert_false(accord__next(a, w->now_us,
				  &job)); /* the other one may have something to say, too */
	a->peers[0].told.answered.number++;
	a->peers[1].told.answered = a->mine.epoch;
	a->peers[1].told.answer = ACCORD_YES;
	w->now_us += ACCORD_PREPARE_US;
	assert_true(accord__next(a, w->now_us, &job));
	assert_int_equal(job.record.decided.epoch.number, 0);
	assert_string_equal(a->verdict, "not every peer could apply it");
}

/*
 * What a peer has said yes to may be decided, though who proposed it is silent: the next one waits for the
 * answer as long as for any, and then gives up.
 */
static void test_bound_elsewhere(void **state)
{
	struct world *w = calm_world();

	(void)state;
	propose(w, 0);
	begin_jobs(w, 0);
	end_job(w, 0);
	hear(w, 2, 0); /* of machine 0 */
	begin_jobs(w, 2);
	end_job(w, 2);
	w->cut[0][1] = w->cut[1][0] = w->cut[0][2] = w->cut[2][0] = true;
	for (size_t k = 0; k < w->n - 1; k++)
		hear(w, 1, k);
	propose(w, 1);
	assert_true(accord__is_busy(&w->m[1].a));
	run(w, ACCORD_PREPARE_US + 1000000);
	assert_string_equal(w->m[1].a.verdict, "not every peer could apply it");
	assert_int_equal(w->m[2].a.record.decided.epoch.number, 0);
	/* Nothing came of it. */
	run(w, ACCORD_HOLD_US);
	propose(w, 1);
	run(w, 1000000);
	assert_has(w, 2, 3);
}

/* What is decided is carried out by all that can, though who decided it cannot. */
static void test_not_here(void **state)
{
	struct world *w = calm_world();

	(void)state;
	propose(w, 0);
	for (int n = 0; n < 40; n++, w->now_us += 50000) {
		for (size_t i = 0; i < w->n; i++) {
			for (size_t k = 0; k < w->n - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			if (i || w->m[0].job.kind != ACCORD_APPLY || !w->m[0].works) {
				end_job(w, i);
				continue;
			}
			w->m[0].works = false;
			accord__done(&w->m[0].a, w->now_us, "no room");
		}
	}
	assert_has(w, 1, 1);
	assert_has(w, 2, 1);
	assert_string_equal(w->m[0].a.trouble, "no room");
	assert_false(accord__is_busy(&w->m[0].a) || w->m[0].a.record.in_force);
	assert_true(accord__gives_way(&w->m[0].a));
	assert_null(accord__bound_by(&w->m[0].a)); /* its operator can mend that */
	begin_jobs(w, 0);
	assert_false(w->m[0].works);
	accord__retry(&w->m[0].a);
	begin_jobs(w, 0);
	assert_true(w->m[0].works);
	w->m[0].works = false;
	accord__done(&w->m[0].a, w->now_us, "no room");
	run(w, ACCORD_RETRY_US + 100000);
	assert_has(w, 0, 1);
}

/* Who knows nothing of this costs the time for answers, is passed over, and keeps nobody from anything. */
static void test_old_version(void **state)
{
	struct world *w = new_world(7, 3);

	(void)state;
	w->calm = w->m[2].mute = true;
	run(w, 200000);
	propose(w, 0);
	run(w, ACCORD_PREPARE_US - 500000);
	assert_true(accord__is_busy(&w->m[0].a));
	run(w, 1000000);
	assert_false(accord__is_busy(&w->m[0].a));
	assert_string_equal(w->m[0].a.verdict, "");
	assert_has(w, 0, 1);
	assert_has(w, 1, 1);
}

/* A machine that came back with a disk of before uses a number twice, while nobody hears it: in the end all have one text. */
static void test_older_disk(void **state)
{
	struct world *w = calm_world();

	(void)state;
	w->loses = true;
	propose(w, 0);
	run(w, 1000000);
	w->m[0].disk = (struct accord_record){0};
	w->m[0].backup = w->m[0].disk;
	kill_it(w, 0);
	w->cut[0][1] = w->cut[1][0] = w->cut[0][2] = w->cut[2][0] = true;
	propose(w, 0);
	run(w, 1000000);
	assert_has(w, 0, 2);
	assert_has(w, 1, 1);
	assert_true(same(&w->m[0].a.record.decided.epoch, &w->m[1].a.record.decided.epoch));
	memset(w->cut, 0, sizeof(w->cut));
	run(w, 1000000);
	for (size_t i = 0; i < w->n; i++)
		assert_has(w, i, 2);
	/* Heard, its peers bring it up to date, and the number is not used again. */
	w->m[1].disk = w->m[1].backup = (struct accord_record){0};
	kill_it(w, 1);
	run(w, 1000000);
	assert_has(w, 1, 2);
	propose(w, 1);
	assert_int_equal(w->m[1].a.mine.epoch.number, 2);
}

/* What was asked once is not asked again: neither what ended with a decision, nor what was refused. */
static void test_asked_again(void **state)
{
	struct world *w = calm_world();
	struct accord *a = &w->m[1].a;
	struct accord_told old;
	struct accord_job job;

	(void)state;
	propose(w, 0);
	begin_jobs(w, 0);
	end_job(w, 0);
	accord__tell(&w->m[0].a, &old);
	run(w, 1000000);
	assert_has(w, 1, 1);
	a->peers[1].told = old; /* machine 0's */
	assert_int_equal(a->peers[1].by[0], 1);
	assert_false(accord__next(a, w->now_us, &job));
	old.proposal.epoch.number = 2;
	a->peers[1].told = old;
	assert_true(accord__next(a, w->now_us, &job));
	assert_int_equal(accord__bound_by(a)->number, 2);
	accord__done(a, w->now_us, "no room");
	assert_null(accord__bound_by(a));
	for (int n = 0; n < 100; n++)
		assert_false(accord__next(a, w->now_us += 1000000, &job));
}

/* What binds a machine has a name from the first moment to the last. */
static void test_bound_by(void **state)
{
	struct world *w = calm_world();
	bool bound = true;

	(void)state;
	assert_null(accord__bound_by(&w->m[0].a));
	propose(w, 0);
	for (int n = 0; n < 20; n++) {
		for (size_t i = 0; i < w->n; i++) {
			struct accord *a = &w->m[i].a;

			for (size_t k = 0; k < w->n - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			bound = accord__bound_by(a) != NULL;
			if (bound)
				assert_int_equal(accord__bound_by(a)->number, 1);
			assert_true(bound || (!w->m[i].works && !accord__is_busy(a)));
			end_job(w, i);
		}
	}
	assert_false(bound);
	assert_has(w, 2, 1);
}

/*
 * Histories of two to five machines. In some one is of an old version, in others disks come back as they were
 * once: then nobody can know what was decided with the lost one, but in the end all are of one mind.
 */
static void test_whatever_happens(void **state)
{
	unsigned int decisions = 0, crashes = 0, refusals = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 1300; seed++) {
		struct world *w = new_world(seed, 2 + seed % 4);

		w->m[0].mute = seed % 7 == 0;
		w->loses = seed % 5 == 0;
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
	bytes[0]--;
	t.decided.epoch.number = ACCORD_NUMBER_MAX;
	assert_true(accord_told__read(bytes, accord_told__write(&t, bytes), &out));
	t.decided.epoch.number++;
	assert_false(accord_told__read(bytes, accord_told__write(&t, bytes), &out));
	t.decided.epoch.number = 1;
	t.proposal.epoch.number = ACCORD_NUMBER_MAX + 1;
	assert_false(accord_told__read(bytes, accord_told__write(&t, bytes), &out));
	t.proposal.epoch.number = 2;
	assert_true(accord_told__read(bytes, accord_told__write(&t, bytes), &out));
	t.proposal.text.len++;
	assert_false(accord_told__read(bytes, accord_told__write(&t, bytes), &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_dumb),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_killed_before),
		cmocka_unit_test(test_killed_after),
		cmocka_unit_test(test_no_is_kept),
		cmocka_unit_test(test_bound_elsewhere),
		cmocka_unit_test(test_not_here),
		cmocka_unit_test(test_old_version),
		cmocka_unit_test(test_older_disk),
		cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_bound_by),
		cmocka_unit_test(test_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
