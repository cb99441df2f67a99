/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_sweep: MARK and DELETE, and what saves a record from them. docs/transitions.md */
#include "moves.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "lb.skel.h"

static struct fl_sweep job;
/* When a test's records were seen, all of them: a second may end between two. */
static uint32_t long_ago;

static struct spec flow(uint32_t n)
{
	struct spec s = build__tcp(n & 1 ? 6 : 4);

	s.flags = FLAG_ACK;
	s.sport = (uint16_t)(2000 + n);
	return s;
}

static int run(struct rig *r, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &job, .data_size_in = size,
		    .data_out = &job, .data_size_out = sizeof(job), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.flow_sweep), &opts),
			 0);
	return (int)opts.retval;
}

/* Lets the sweeper do `op` to flows 0..n-1; how many it applied to. */
static uint32_t sweep(struct rig *r, enum fl_sweep_op op, uint32_t n, uint32_t seen_s)
{
	job = (struct fl_sweep){.op = op, .n = n, .done = 12345};
	for (uint32_t i = 0; i < n && i < FL_SWEEP_KEYS; i++) {
		struct spec s = flow(i);

		job.keys[i] = (struct fl_sweep_key){moves__key(&s), seen_s, MOVES_CUR};
	}
	assert_int_equal(run(r, sizeof(job)), XDP_PASS);
	return job.done;
}

static uint32_t state_of(struct rig *r, uint32_t n)
{
	struct spec s = flow(n);
	struct fl_flow f;

	return moves__record(r, &s, &f) ? f.state : 0;
}

static struct fl_flow put(struct rig *r, uint32_t n, uint32_t state)
{
	struct fl_flow f = moves__a_record(state);
	struct spec s = flow(n);

	f.seen_s = long_ago;
	moves__set_record(r, &s, &f);
	return f;
}

static struct rig *rig(void)
{
	struct rig *r = moves__rig((struct rig_gates){0});

	moves__start(r);
	long_ago = moves__now() - 1000;
	return r;
}

static void test_two_passes(void **state)
{
	struct rig *r = rig();
	uint32_t seen = put(r, 0, FL_FLOW_ACTIVE | FL_FLOW_FIN).seen_s;

	(void)state;
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, 1, seen), 0);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 1, seen), 1);
	assert_int_equal(state_of(r, 0), FL_FLOW_DYING | FL_FLOW_FIN);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 1, seen), 0);
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, 1, seen), 1);
	assert_int_equal(state_of(r, 0), 0);
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, 1, seen), 0);
	assert_int_equal(moves__records(r), 0);
}

/* A packet between the passes, before the first one, or before the second one without a change of state. */
static void test_saved(void **state)
{
	struct rig *r = rig();
	struct spec s = flow(0);
	struct fl_flow f = put(r, 0, FL_FLOW_ACTIVE);
	uint32_t seen = f.seen_s;

	(void)state;
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 1, seen), 0);
	put(r, 0, FL_FLOW_ACTIVE);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 1, seen), 1);
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, 1, seen), 0);
	assert_int_equal(state_of(r, 0), FL_FLOW_ACTIVE);
	/* It met ACTIVE just before the mark. */
	f.state = FL_FLOW_DYING;
	f.seen_s = moves__now();
	moves__set_record(r, &s, &f);
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, 1, seen), 0);
	assert_int_equal(state_of(r, 0), FL_FLOW_DYING);
}

/* What a packet is replacing is not the sweeper's. */
static void test_dead(void **state)
{
	struct rig *r = rig();
	uint32_t seen = put(r, 0, FL_FLOW_DEAD).seen_s;

	(void)state;
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 1, seen), 0);
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, 1, seen), 0);
	assert_int_equal(state_of(r, 0), FL_FLOW_DEAD);
}

static void test_many(void **state)
{
	struct rig *r = rig();
	uint32_t seen = 0;

	(void)state;
	for (uint32_t i = 0; i < FL_SWEEP_KEYS; i++)
		seen = put(r, i, FL_FLOW_ACTIVE).seen_s;
	put(r, 3, FL_FLOW_DEAD);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 0, seen), 0);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, 10, seen), 9);
	assert_int_equal(state_of(r, 10), FL_FLOW_ACTIVE);
	assert_int_equal(sweep(r, FL_SWEEP_MARK, FL_SWEEP_KEYS, seen), FL_SWEEP_KEYS - 10);
	assert_int_equal(sweep(r, FL_SWEEP_DELETE, FL_SWEEP_KEYS, seen), FL_SWEEP_KEYS - 1);
	assert_int_equal(moves__records(r), 1);
}

/* A record of an old flow gives its source one back. */
static void test_sources(void **state)
{
	struct rig *r = rig();

	(void)state;
	for (uint32_t n = 0; n < 2; n++) {
		struct spec s = flow(n);

		assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		moves__later(r, 1);
		assert_int_equal(moves__goes_to(r, &s), MOVES_PREV);
		assert_int_equal(moves__old_flows(r), 1);
		moves__later(r, 1000);
		job = (struct fl_sweep){.n = 1};
		for (uint32_t op = FL_SWEEP_MARK; op <= FL_SWEEP_DELETE; op++) {
			struct fl_flow f;

			assert_true(moves__record(r, &s, &f));
			job.op = op;
			job.keys[0] = (struct fl_sweep_key){moves__key(&s), f.seen_s, f.backend};
			assert_int_equal(run(r, sizeof(job)), XDP_PASS);
			assert_int_equal(job.done, 1);
		}
		assert_int_equal(moves__old_flows(r), 0);
		moves__start(r);
	}
}

/* What packets see does not save a record of a backend that is given up; nor does a backend that lives lose one. */
static void test_given_up(void **state)
{
	struct rig *r = rig();
	uint32_t seen = put(r, 0, FL_FLOW_ACTIVE).seen_s;
	struct fl_flow f = put(r, 1, FL_FLOW_DYING | FL_FLOW_YOUNG);
	struct spec s = flow(0), other = flow(1);

	(void)state;
	assert_int_equal(sweep(r, FL_SWEEP_END, 2, seen), 0);
	assert_int_equal(moves__records(r), 2);
	moves__gone(r, f.backend, true);
	assert_int_equal(moves__goes_to(r, &s), MOVES_CUR);
	assert_true(moves__record(r, &s, &f) && f.seen_s != seen);
	/* Somebody else's by now. */
	f.backend = MOVES_PREV;
	moves__set_record(r, &other, &f);
	moves__gone(r, MOVES_PREV, true);
	assert_int_equal(sweep(r, FL_SWEEP_END, 2, seen), 1);
	assert_int_equal(state_of(r, 0), 0);
	assert_int_equal(state_of(r, 1), FL_FLOW_ACTIVE);
	put(r, 0, FL_FLOW_DEAD);
	assert_int_equal(sweep(r, FL_SWEEP_END, 1, seen), 0);
	moves__gone(r, MOVES_CUR, false);
	moves__gone(r, MOVES_PREV, false);
}

/* Frames that are no job. */
static void test_refused(void **state)
{
	struct rig *r = rig();
	uint32_t seen = put(r, 0, FL_FLOW_ACTIVE).seen_s;

	(void)state;
	sweep(r, FL_SWEEP_MARK, 0, seen);
	job.n = FL_SWEEP_KEYS + 1;
	assert_int_equal(run(r, sizeof(job)), XDP_ABORTED);
	job.n = 1;
	job.op = FL_SWEEP_END + 1;
	assert_int_equal(run(r, sizeof(job)), XDP_ABORTED);
	job.op = FL_SWEEP_MARK;
	assert_int_equal(run(r, sizeof(job) - 1), XDP_ABORTED);
	assert_int_equal(state_of(r, 0), FL_FLOW_ACTIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_passes), cmocka_unit_test(test_saved),
		cmocka_unit_test(test_dead),	   cmocka_unit_test(test_many),
		cmocka_unit_test(test_sources),	   cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_refused),
	};

	return check__table("packet_sweep", NULL, 0, tests, COUNT(tests));
}
