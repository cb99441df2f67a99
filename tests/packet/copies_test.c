/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records and peers: what is told of them, and what becomes of those that are told. docs/peers.md */
#include "moves.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "lb.skel.h"

#define ISN 5000u
#define IDLE_S 900 /* of the rig's services */
#define RING_RECORDS (FL_TOLD_SIZE / 80) /* each has a header of 8 bytes in the ring */

static struct fl_take job;
static struct fl_told last;
static uint32_t n_told;
/* What a test puts is so much older than this one moment: a second may end meanwhile. */
static uint32_t began_s;

static int on_told(void *ctx, void *data, size_t size)
{
	(void)ctx;
	assert_int_equal(size, sizeof(last));
	memcpy(&last, data, sizeof(last));
	n_told++;
	return 0;
}

/* How many are told since this was asked; the last one is in `last`. */
static uint32_t told(struct rig *r)
{
	struct ring_buffer *rb =
		ring_buffer__new(bpf_map__fd(r->skel->maps.told), on_told, NULL, NULL);

	assert_non_null(rb);
	n_told = 0;
	assert_true(ring_buffer__consume(rb) >= 0);
	ring_buffer__free(rb);
	return n_told;
}

static struct rig *rig(void)
{
	struct rig *r = moves__rig((struct rig_gates){.peers = true});

	moves__start(r);
	told(r);
	began_s = moves__now();
	return r;
}

static void is_record(struct rig *r, const struct spec *s)
{
	struct fl_flow_key k = moves__key(s);
	struct fl_flow f;

	assert_true(moves__record(r, s, &f));
	assert_memory_equal(&last.key, &k, sizeof(k));
	assert_memory_equal(&last.flow, &f, sizeof(f));
}

/* A handshake is told of when it has ended, and again when numbers no longer have to fit. */
static void test_handshake(void **state)
{
	struct rig *r = rig();

	(void)state;
	BOTH
	{
		struct spec syn = moves__tcp(v, FLAG_SYN, ISN),
			    ack = moves__tcp(v, FLAG_ACK, ISN + 1);
		uint32_t again, now_s;

		assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
		assert_int_equal(told(r), 0);
		now_s = moves__now();
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		assert_int_equal(told(r), 1);
		is_record(r, &ack);
		assert_true(last.flow.state & FL_FLOW_YOUNG);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		again = told(r);
		/* Unless that second has just passed. */
		if (moves__now() == now_s)
			assert_int_equal(again, 0);
		moves__later(r, 1);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		assert_int_equal(again + told(r), 1);
		if (!again)
			is_record(r, &ack);
		assert_false(last.flow.state & FL_FLOW_YOUNG);
		moves__later(r, 1);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
		assert_int_equal(told(r), 0);
	}
}

/* A connection from before. */
static void test_old(void **state)
{
	struct rig *r = rig();

	(void)state;
	BOTH
	{
		struct spec ack = moves__tcp(v, FLAG_ACK, ISN + 1);

		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
		assert_int_equal(told(r), 0);
		moves__later(r, 1);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_PREV);
		assert_int_equal(told(r), 1);
		is_record(r, &ack);
		assert_int_equal(last.flow.state, FL_FLOW_ACTIVE | FL_FLOW_OLD);
	}
}

/* A ring without room is counted, and the packet goes its way. */
static void test_full(void **state)
{
	struct rig *r = rig();
	struct spec ack = moves__tcp(4, FLAG_ACK, ISN + 1);
	uint64_t before = moves__noted(r, FL_N_UNTOLD);
	uint32_t n;

	(void)state;
	for (n = 0; n < RING_RECORDS + 100 && moves__noted(r, FL_N_UNTOLD) == before; n++) {
		struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_YOUNG);

		f.fit = (struct fl_fit){ISN, ISN};
		f.born_s -= 2;
		moves__set_record(r, &ack, &f);
		assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	}
	assert_in_range(n, RING_RECORDS - 100, RING_RECORDS + 1);
	assert_int_equal(told(r), n - 1);
}

/* Without peers. */
static void test_gate(void **state)
{
	struct rig *r = moves__moving(false);
	struct spec syn = moves__tcp(4, FLAG_SYN, ISN), ack = moves__tcp(4, FLAG_ACK, ISN + 1);

	(void)state;
	assert_true(bpf_map__fd(r->skel->maps.told) < 0);
	assert_int_equal(moves__goes_to(r, &syn), MOVES_CUR);
	assert_int_equal(moves__goes_to(r, &ack), MOVES_CUR);
	assert_int_equal(moves__noted(r, FL_N_PROMOTED), 1);
}

static int run(struct rig *r, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &job, .data_size_in = size,
		    .data_out = &job, .data_size_out = sizeof(job), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.flow_take), &opts),
			 0);
	return (int)opts.retval;
}

/* A peer's record of backend MOVES_THIRD, seen so long ago, is told here: whether it stands. */
static bool take(struct rig *r, const struct spec *s, uint32_t state, uint32_t ago)
{
	struct fl_flow f = moves__a_record(state);

	f.backend = MOVES_THIRD;
	f.seen_s = f.born_s = began_s - ago;
	f.fit = (struct fl_fit){ISN, ISN};
	job = (struct fl_take){.n = 1, .done = 12345, .records[0] = {moves__key(s), f}};
	assert_int_equal(run(r, sizeof(job)), XDP_PASS);
	return job.done == 1;
}

/* A record of this machine, of MOVES_CUR. */
static void have(struct rig *r, const struct spec *s, uint32_t state, uint32_t ago)
{
	struct fl_flow f = moves__a_record(state);

	f.seen_s = began_s - ago;
	moves__set_record(r, s, &f);
}

static struct fl_flow record(struct rig *r, const struct spec *s)
{
	struct fl_flow f = {0};

	assert_true(moves__record(r, s, &f));
	return f;
}

/* What is new is put, and decides; with the first packet it is this machine's. */
static void test_taken(void **state)
{
	struct rig *r = rig();

	(void)state;
	BOTH
	{
		struct spec ack = moves__tcp(v, FLAG_ACK, ISN + 70000);
		uint32_t before;

		assert_true(take(r, &ack, FL_FLOW_ACTIVE | FL_FLOW_COPY, 5));
		assert_int_equal(record(r, &ack).state, FL_FLOW_ACTIVE | FL_FLOW_COPY);
		assert_int_equal(record(r, &ack).seen_s, began_s - 5);
		before = moves__now();
		assert_int_equal(moves__goes_to(r, &ack), MOVES_THIRD);
		assert_int_equal(record(r, &ack).state, FL_FLOW_ACTIVE);
		assert_in_range(record(r, &ack).seen_s, before, moves__now());
		assert_int_equal(told(r), 0);
	}
}

/* A record here that is in use stays, one that is older or over gives way. */
static void test_newer(void **state)
{
	static const uint32_t flags = FL_FLOW_ACTIVE | FL_FLOW_COPY;
	struct rig *r = rig();
	struct spec s = moves__tcp(4, FLAG_ACK, ISN);

	(void)state;
	have(r, &s, FL_FLOW_ACTIVE, 0);
	assert_false(take(r, &s, flags, 0));
	assert_false(take(r, &s, flags, 3));
	assert_int_equal(record(r, &s).backend, MOVES_CUR);
	have(r, &s, FL_FLOW_ACTIVE, 4);
	assert_true(take(r, &s, flags, 3));
	assert_int_equal(record(r, &s).backend, MOVES_THIRD);
	have(r, &s, FL_FLOW_ACTIVE | FL_FLOW_FIN, 3);
	assert_true(take(r, &s, flags, 3));
	assert_int_equal(record(r, &s).backend, MOVES_THIRD);
	have(r, &s, FL_FLOW_ACTIVE | FL_FLOW_FIN, 3);
	assert_false(take(r, &s, flags, 4));
	have(r, &s, FL_FLOW_DEAD, IDLE_S);
	assert_false(take(r, &s, flags, 0));
	assert_int_equal(record(r, &s).state, FL_FLOW_DEAD);
	/* What another peer told, of the same second. */
	have(r, &s, flags, 3);
	assert_true(take(r, &s, flags, 3));
	assert_int_equal(record(r, &s).backend, MOVES_THIRD);
}

/* What is told of the same connection again. */
static void test_learnt(void **state)
{
	struct rig *r = rig();
	struct spec s = moves__tcp(4, FLAG_ACK, ISN);

	(void)state;
	assert_true(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_YOUNG, 9));
	assert_true(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY, 7));
	assert_int_equal(record(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_COPY);
	assert_true(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_RST, 6));
	assert_int_equal(record(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_RST);
	assert_true(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_FIN, 5));
	assert_int_equal(record(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_FIN);
	assert_int_equal(record(r, &s).seen_s, began_s - 5);
	assert_false(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY, 6));
	assert_int_equal(record(r, &s).seen_s, began_s - 5);
	/* One that the sweeper has marked, and a packet's own. */
	for (uint32_t own = 0; own < 2; own++) {
		struct fl_flow f = record(r, &s);

		f.state = own ? FL_FLOW_DYING : FL_FLOW_DYING | FL_FLOW_COPY;
		moves__set_record(r, &s, &f);
		assert_true(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY, 4 - own));
		assert_int_equal(record(r, &s).state,
				 own ? FL_FLOW_ACTIVE : FL_FLOW_ACTIVE | FL_FLOW_COPY);
		assert_int_equal(record(r, &s).seen_s, began_s - 4 + own);
	}
}

/* Another connection on the same addresses, at the same backend: numbers are those of the new one. */
static void test_another(void **state)
{
	struct rig *r = rig();
	struct spec s = moves__tcp(4, FLAG_ACK, ISN);
	struct fl_flow f = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_FIN);

	(void)state;
	f.backend = MOVES_THIRD;
	f.fit = (struct fl_fit){ISN - 1000000, ISN - 1000000};
	f.seen_s -= 10;
	moves__set_record(r, &s, &f);
	assert_true(take(r, &s, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_YOUNG, 1));
	assert_int_equal(record(r, &s).state, FL_FLOW_ACTIVE | FL_FLOW_COPY | FL_FLOW_YOUNG);
	assert_int_equal(record(r, &s).fit.isn, ISN);
}

/* As many as fit, and frames that are none. */
static void test_many(void **state)
{
	struct rig *r = rig();

	(void)state;
	job = (struct fl_take){.n = FL_TAKE_RECORDS};
	for (uint32_t i = 0; i < FL_TAKE_RECORDS; i++) {
		struct spec s = moves__tcp(i & 1 ? 6 : 4, FLAG_ACK, ISN);

		s.sport = (uint16_t)(3000 + i);
		job.records[i].key = moves__key(&s);
		job.records[i].flow = moves__a_record(FL_FLOW_ACTIVE | FL_FLOW_COPY);
	}
	assert_int_equal(run(r, sizeof(job)), XDP_PASS);
	assert_int_equal(job.done, FL_TAKE_RECORDS);
	assert_int_equal(moves__records(r), FL_TAKE_RECORDS);
	job.n = FL_TAKE_RECORDS + 1;
	assert_int_equal(run(r, sizeof(job)), XDP_ABORTED);
	job.n = 1;
	assert_int_equal(run(r, sizeof(job) - 1), XDP_ABORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake), cmocka_unit_test(test_old),
		cmocka_unit_test(test_full),	  cmocka_unit_test(test_gate),
		cmocka_unit_test(test_taken),	  cmocka_unit_test(test_newer),
		cmocka_unit_test(test_learnt),	  cmocka_unit_test(test_another),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, rig__teardown);
}
