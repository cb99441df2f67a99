/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accord_world.h - machines that go by the rules of peer/accord.h, and whatever may happen to them: they are cut
 * off, killed in the middle of anything and started again, hear late, fail to write or to apply, and propose all at once.
 * Some are of an old version, have left, or come back with an older disk.
 */
#ifndef FAIRLEAD_TESTS_ACCORD_WORLD_H
#define FAIRLEAD_TESTS_ACCORD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "peer/accord.h"

#define MACHINES (ACCORD_PEERS + 1) /* at most */
#define EPOCHS 4096
#define START_US 100000000 /* a machine that has been up for a while */

struct machine {
	struct accord a;
	struct accord_record disk;
	struct accord_record backup; /* of the disk, from an earlier time */
	bool mute; /* of an old version: it neither tells nor knows anything of this */
	bool alone; /* its operator has applied another one there */
	bool heard_no; /* to its own proposal, by anybody */
	bool works; /* a job is under way */
	struct accord_job job;
	uint64_t busy_us; /* since when it proposes; 0: it does not */
};

struct world {
	struct machine m[MACHINES];
	size_t n; /* of them */
	bool loses; /* disks: what was written down may be an older one after a start */
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
	a->n = w->n - 1;
	a->left = w->m[i].alone && a->record.in_force;
	for (size_t k = 0; k < a->n; k++)
		a->peers[k].by[0] = (uint8_t)((i + 1 + k) % w->n + 1);
	w->m[i].works = false;
	w->m[i].busy_us = 0;
	w->m[i].heard_no = false;
}

static size_t index_of(const struct world *w, size_t i, size_t k)
{
	return (i + 1 + k) % w->n;
}

static struct world *new_world(uint64_t seed, size_t n)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.n = n;
	w.now_us = START_US;
	for (size_t i = 0; i < n; i++)
		introduce(&w, i, NULL);
	return &w;
}

/* An epoch has one text, wherever it was written down; a machine that has lost its record may use a number again. */
static void note_point(struct world *w, const struct accord_point *p)
{
	if (!p->epoch.number || w->loses)
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

/* The moment of a decision: who it may be without, and that it is against nobody. */
static void check_decision(struct world *w, size_t i, const struct accord_job *job)
{
	struct accord *a = &w->m[i].a;
	bool late = w->now_us - a->since_us >= ACCORD_PREPARE_US;

	w->decisions++;
	assert_false(w->m[i].heard_no);
	for (size_t k = 0; k < a->n; k++) {
		const struct accord_peer *p = &a->peers[k];
		bool about = p->known && same(&p->told.answered, &job->point.epoch);

		assert_false(about && p->told.answer == ACCORD_NO);
		if (about && p->told.answer == ACCORD_YES)
			assert_true(w->loses ||
				    ever_wrote(w, index_of(w, i, k), &job->point.epoch));
		else
			assert_true(late || !(p->heard || p->expected));
	}
}

/* What its peers tell of its own proposal: a no is never unheard. */
static void listen(struct machine *m)
{
	for (size_t k = 0; k < m->a.n; k++) {
		const struct accord_peer *p = &m->a.peers[k];

		m->heard_no |= m->a.course == ACCORD_ASKING && p->known &&
			       p->told.answer == ACCORD_NO &&
			       same(&p->told.answered, &m->a.mine.epoch);
	}
}

static void begin_jobs(struct world *w, size_t i)
{
	struct machine *m = &w->m[i];
	bool was_deciding = m->a.course == ACCORD_DECIDING;

	if (m->works || m->mute)
		return;
	listen(m);
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
	if (!fails && m->job.kind == ACCORD_APPLY)
		m->alone = false;
	w->refusals += fails && m->job.kind == ACCORD_PREPARE;
	accord__done(&m->a, w->now_us, fails ? "it failed" : "");
}

static void hear(struct world *w, size_t i, size_t k)
{
	size_t j = index_of(w, i, k);
	struct accord_peer *p = &w->m[i].a.peers[k];

	p->heard = !w->cut[i][j];
	p->expected = false;
	if (p->heard && !w->m[j].mute) {
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
	/* The one of an earlier time is put back, or none. */
	if (w->loses && chance(w, 30))
		m->disk = m->backup;
	if (chance(w, 20))
		m->backup = m->disk;
	introduce(w, i, &m->disk);
	/* Nobody hears more of what it was. */
	for (size_t j = 0; j < w->n; j++) {
		for (size_t k = 0; k < w->n - 1; k++) {
			if (index_of(w, j, k) == i)
				w->m[j].a.peers[k].heard = w->m[j].a.peers[k].known = false;
		}
	}
}

static void propose(struct world *w, size_t i)
{
	const struct accord_text text = {.digest = {++w->texts, (uint8_t)i}, .len = 1};

	if (w->m[i].mute || !accord__propose(&w->m[i].a, w->now_us, &text))
		return;
	w->m[i].heard_no = false;
}

/* Nobody is busy for longer than the rules allow: the jobs here take no longer than a second or so. */
static void check_patience(const struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct machine *m = &w->m[i];

		if (m->busy_us && !m->works)
			assert_true(w->now_us - m->busy_us <
				    ACCORD_PREPARE_US + ACCORD_COMMIT_US + 30000000);
	}
}

/* Its operator applies another configuration there alone, when nothing forbids that. */
static void leave(struct world *w, size_t i)
{
	struct machine *m = &w->m[i];

	if (m->mute || m->works || accord__bound_by(&m->a))
		return;
	m->alone = true;
	m->a.left = m->a.record.in_force;
}

static void step(struct world *w)
{
	size_t i = dice(w) % w->n;

	switch (dice(w) % 16) {
	case 0:
		if (chance(w, 90))
			propose(w, i);
		else
			leave(w, i);
		break;
	case 1:
		if (chance(w, 40))
			kill_it(w, i);
		break;
	case 2:
		if (chance(w, 30)) {
			size_t j = index_of(w, i, dice(w) % (w->n - 1));

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
		hear(w, i, dice(w) % (w->n - 1));
	}
}

/* Everything works from here on, and all hear each other: they come to be of one mind, and nobody waits. */
static void settle(struct world *w)
{
	const struct accord_point *one = NULL; /* that all have */

	w->calm = true;
	memset(w->cut, 0, sizeof(w->cut));
	for (int n = 0; n < 1200; n++) {
		w->now_us += 50000;
		for (size_t i = 0; i < w->n; i++) {
			for (size_t k = 0; k < w->n - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
		}
		check_patience(w);
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct accord *a = &w->m[i].a;
		const struct accord_point *decided = &a->record.decided;

		if (w->m[i].mute)
			continue;
		assert_int_equal(a->course, ACCORD_REST);
		assert_null(accord__bound_by(a));
		assert_true(!decided->epoch.number || a->record.in_force);
		assert_false(accord__is_behind(a) || accord__gives_way(a));
		/* Who has left has what its operator wanted. */
		if (w->m[i].alone)
			continue;
		one = one ? one : decided;
		assert_int_equal(accord_point__compare(one, decided), 0);
	}
}

/* All that can be done at once is, until nothing is left to do. */
static void run(struct world *w, uint64_t us)
{
	uint64_t until = w->now_us + us;

	for (; w->now_us < until; w->now_us += 50000) {
		for (size_t i = 0; i < w->n; i++) {
			for (size_t k = 0; k < w->n - 1; k++)
				hear(w, i, k);
			begin_jobs(w, i);
			end_job(w, i);
		}
	}
}

#endif
