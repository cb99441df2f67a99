/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_sweep: which entries of `nat_flows` go, and which do not: those that changed since they were judged. */
#include "check.h"
#include "maps.h"
#include "natcopy.h"
#include "net.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "lb.skel.h"

#define PORT 4000 /* of the clients */
#define AGE 1000

static struct fl_nat_sweep job;

static int run(struct rig *r, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &job, .data_size_in = size,
		    .data_out = &job, .data_size_out = sizeof(job), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.nat_sweep), &opts),
			 0);
	return (int)opts.retval;
}

static uint32_t sweep(struct rig *r, const struct fl_nat_past *past)
{
	job = (struct fl_nat_sweep){.n = 1, .deleted = 77, .past[0] = *past};
	assert_int_equal(run(r, sizeof(job)), XDP_PASS);
	return job.deleted;
}

/* The flow's entry as it stands, as the agent judges it. */
static struct fl_nat_past judged(struct rig *r, const struct spec *s, bool lone, uint16_t port)
{
	struct fl_nat_key back_key = natcopy__back_key(r, s, lone, port);
	struct fl_nat_past p = {.key = lone ? back_key : maps__nat_key(s), .paired = !lone};
	struct fl_nat_flow back;

	assert_true(natcopy__entry(r, &p.key, &p.flow));
	if (lone)
		return p;
	assert_true(natcopy__entry(r, &back_key, &back));
	p.back_seen_s = back.seen_s;
	p.back_flags = back.flags;
	return p;
}

static struct spec client(uint8_t version, uint8_t flags)
{
	return natcopy__client(version, PORT, flags);
}

/* A connection that has begun; the port that the backend sees. */
static uint16_t begun(struct rig *r, uint8_t version, bool lone)
{
	struct spec s = client(version, SYN);
	uint16_t port = natcopy__goes(r, &s, lone);

	assert_int_equal(natcopy__answers(r, &s, lone, port, 0x12), FL_V_SEND_REPLY);
	s.flags = ACK;
	natcopy__goes(r, &s, lone);
	return port;
}

/* And that has ended. */
static uint16_t ended(struct rig *r, uint8_t version, bool lone)
{
	struct spec s = client(version, FIN);
	uint16_t port = begun(r, version, lone);

	natcopy__goes(r, &s, lone);
	assert_int_equal(natcopy__answers(r, &s, lone, port, FIN), FL_V_SEND_REPLY);
	return port;
}

static void put(struct rig *r, const struct fl_nat_key *k, const struct fl_nat_flow *f)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(r->skel->maps.nat_flows), k, f, BPF_EXIST),
			 0);
}

static void test_goes(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = client(v, ACK);
		uint16_t port = begun(r, v, lone);
		struct fl_nat_past p;

		natcopy__age(r, &s, lone, port, AGE);
		p = judged(r, &s, lone, port);
		assert_int_equal(sweep(r, &p), lone ? 1 : 2);
		assert_int_equal(maps__flows(r), 0);
		assert_int_equal(sweep(r, &p), 0);
	}
}

/* The client begins anew, on the same addresses and ports, after the agent has looked. */
static void test_renewed(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = client(v, SYN);
		uint16_t port = ended(r, v, lone), anew;
		struct fl_nat_past p;

		natcopy__age(r, &s, lone, port, AGE);
		p = judged(r, &s, lone, port);
		anew = natcopy__goes(r, &s, lone);
		assert_true(lone || anew != port);
		assert_int_equal(sweep(r, &p), 0);
		assert_int_equal(natcopy__answers(r, &s, lone, anew, 0x12), FL_V_SEND_REPLY);
		s.flags = ACK;
		assert_int_equal(natcopy__goes(r, &s, lone), anew);
		assert_int_equal(maps__flows(r), lone ? 1 : 2);
	}
}

/* A packet of either direction has come since, or an end was seen. */
static void test_saved(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = client(v, ACK);
		uint16_t port = begun(r, v, lone);
		struct fl_nat_past p, now;

		natcopy__age(r, &s, lone, port, AGE);
		p = judged(r, &s, lone, port);
		natcopy__goes(r, &s, lone);
		assert_int_equal(sweep(r, &p), 0);
		natcopy__age(r, &s, lone, port, AGE);
		p = judged(r, &s, lone, port);
		assert_int_equal(natcopy__answers(r, &s, lone, port, ACK), FL_V_SEND_REPLY);
		assert_int_equal(sweep(r, &p), 0);
		p = now = judged(r, &s, lone, port);
		p.flow.flags ^= FL_NAT_FIN;
		assert_int_equal(sweep(r, &p), 0);
		p = now;
		p.back_flags ^= FL_NAT_FIN;
		assert_int_equal(sweep(r, &p), lone ? 1 : 0);
		assert_int_equal(maps__flows(r), lone ? 0 : 2);
	}
}

/* Of the replies' entry whose client's is gone, and of the client's without the replies'. */
static void test_halves(void **state)
{
	struct rig *r = natcopy__rig(false, 0);
	int map = bpf_map__fd(r->skel->maps.nat_flows);

	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		for (int back = 0; back < 2; back++) {
			struct spec s = client(v, ACK);
			uint16_t port = begun(r, v, false);
			struct fl_nat_key reply = natcopy__back_key(r, &s, false, port),
					  own = maps__nat_key(&s);
			struct fl_nat_past p = judged(r, &s, false, port), whole = p;

			p.key = back ? reply : own;
			p.paired = 0;
			assert_true(natcopy__entry(r, &p.key, &p.flow));
			assert_int_equal(sweep(r, &p), 0);
			assert_int_equal(bpf_map_delete_elem(map, back ? &own : &reply), 0);
			assert_int_equal(sweep(r, &whole), 0);
			assert_int_equal(sweep(r, &p), 1);
			assert_int_equal(maps__flows(r), 0);
		}
	}
}

/* An entry that somebody deletes is nobody else's, and no packet takes it for a record; if it stays, it goes. */
static void test_dead(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = client(v, ACK);
		uint16_t port = ended(r, v, lone);
		struct fl_nat_past p = judged(r, &s, lone, port), after;

		/* Whoever explains sees what will be free in a moment as free. */
		r->unexplained = true;
		p.flow.flags |= FL_NAT_DEAD;
		p.flow.seen_s -= 20;
		put(r, &p.key, &p.flow);
		assert_int_equal(natcopy__verdict(r, &s, 0),
				 lone ? FL_V_DROP_NAT_FULL : FL_V_DROP_NAT_UNKNOWN);
		s.flags = SYN;
		assert_int_equal(natcopy__verdict(r, &s, 0), FL_V_DROP_NAT_FULL);
		after = judged(r, &s, lone, port);
		assert_memory_equal(&after.flow, &p.flow, sizeof(p.flow));
		assert_int_equal(sweep(r, &after), lone ? 1 : 2);
		assert_int_equal(maps__flows(r), 0);
		natcopy__goes(r, &s, lone);
	}
}

static void test_frames(void **state)
{
	struct rig *r = natcopy__rig(false, 0);

	(void)state;
	memset(&job, 0, sizeof(job));
	assert_int_equal(run(r, sizeof(job) - 1), XDP_ABORTED);
	job.n = FL_NAT_SWEEP_KEYS + 1;
	assert_int_equal(run(r, sizeof(job)), XDP_ABORTED);
	job.n = FL_NAT_SWEEP_KEYS;
	assert_int_equal(run(r, sizeof(job)), XDP_PASS);
	assert_int_equal(job.deleted, 0);
}

/* --- two CPUs ---------------------------------------------------------------------------------- */

/* What two threads, each on a CPU of its own if there are two, run at the same moment. */
struct runner {
	int prog;
	uint32_t ingress, cpu, size, retval;
	const void *data;
	char out[sizeof(struct fl_nat_sweep)];
};

static atomic_uint started, over;
static atomic_bool stop;

static void run_one(struct runner *one)
{
	struct xdp_md ctx = {.data_end = one->size, .ingress_ifindex = one->ingress};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = one->data, .data_size_in = one->size,
		    .data_out = one->out, .data_size_out = sizeof(one->out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	one->retval = bpf_prog_test_run_opts(one->prog, &opts) ? UINT32_MAX : opts.retval;
}

static void *on_cpu(void *ctx)
{
	struct runner *one = ctx;
	unsigned int meeting = 1;

	net__cpu((int)one->cpu);
	for (;;) {
		while (atomic_load(&started) < meeting && !atomic_load(&stop))
			sched_yield();
		if (atomic_load(&stop))
			return NULL;
		run_one(one);
		atomic_fetch_add(&over, 1);
		while (atomic_load(&over) < 2 * meeting && !atomic_load(&stop))
			;
		meeting++;
	}
}

/*
 * Both at once, again and again, for a second: `before` makes what they meet, `well` says whether what has come
 * of it is right. How often it was not.
 */
static uint32_t meet(struct rig *r, struct runner both[2], void (*before)(struct rig *r),
		     bool (*well)(struct rig *r, const struct runner both[2]))
{
	uint64_t end = maps__clock() + 1000000000;
	unsigned int meetings = 0;
	pthread_t threads[2];
	uint32_t wrong = 0;

	atomic_store(&started, 0);
	atomic_store(&over, 0);
	atomic_store(&stop, false);
	for (uint32_t i = 0; i < 2; i++) {
		both[i].cpu = i;
		assert_int_equal(pthread_create(&threads[i], NULL, on_cpu, &both[i]), 0);
	}
	while (!meetings || maps__clock() < end) {
		before(r);
		atomic_store(&started, ++meetings);
		while (atomic_load(&over) < 2 * meetings)
			sched_yield();
		wrong += !well(r, both);
	}
	atomic_store(&stop, true);
	for (uint32_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("note: %u meetings, %u wrong\n", meetings, wrong);
	return wrong;
}

static struct fl_nat_past stands; /* what each meeting begins with */
static struct fl_nat_flow stands_back;
static struct fl_nat_key stands_back_key, own_key;

static void make_open(struct rig *r)
{
	put(r, &stands.key, &stands.flow);
}

static bool has_both_fins(struct rig *r, const struct runner both[2])
{
	const uint16_t fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;
	struct fl_nat_flow f;

	(void)both;
	return natcopy__entry(r, &stands.key, &f) && (f.flags & fins) == fins;
}

/* Client and backend end their connection at the same moment. */
static void test_fins_meet(void **state)
{
	static struct frame from_client, from_backend;
	struct rig *r = natcopy__rig(true, 0);
	struct spec s = client(4, FIN), back;
	uint16_t port = begun(r, 4, true);

	(void)state;
	stands = judged(r, &s, true, port);
	back = natcopy__answer(r, &s, true, port, FIN);
	build__frame(&s, &from_client);
	build__frame(&back, &from_backend);
	assert_int_equal(meet(r,
			      (struct runner[2]){{.prog = r->lb,
						  .ingress = RIG_LO,
						  .data = from_client.b,
						  .size = from_client.len},
						 {.prog = r->lb,
						  .ingress = r->port,
						  .data = from_backend.b,
						  .size = from_backend.len}},
			      make_open, has_both_fins),
			 0);
}

/* The pair as it was judged, and nothing else. The sweeper comes to it sooner or later. */
static void make_ended(struct rig *r)
{
	int map = bpf_map__fd(r->skel->maps.nat_flows);
	static uint32_t turn;

	memset(&job, 0, sizeof(job));
	job.n = FL_NAT_SWEEP_KEYS;
	job.past[turn++ % FL_NAT_SWEEP_KEYS] = stands;

	maps__no_flows(r);
	bpf_map_update_elem(map, &stands_back_key, &stands_back, BPF_ANY);
	bpf_map_update_elem(map, &own_key, &stands.flow, BPF_ANY);
}

/* The beginning went out and has a pair; or it was dropped, and there is none. */
static bool is_whole(struct rig *r, const struct runner both[2])
{
	struct fl_nat_flow f, back;
	struct fl_nat_key k = {.proto = PROTO_TCP};

	if (both[1].retval == XDP_DROP)
		return !maps__flows(r);
	if (!natcopy__entry(r, &own_key, &f))
		return false;
	memcpy(k.saddr, f.daddr, 16);
	memcpy(k.daddr, f.saddr, 16);
	k.sport = f.dport;
	k.dport = f.sport;
	return !(f.flags & FL_NAT_DEAD) && natcopy__entry(r, &k, &back) && maps__flows(r) == 2;
}

/* The client begins anew while the pair of before is swept. */
static void test_sweep_meets_beginning(void **state)
{
	struct rig *r = natcopy__rig(false, 0);
	struct spec s = client(4, SYN);
	uint16_t port = ended(r, 4, false);
	static struct frame in;

	(void)state;
	natcopy__age(r, &s, false, port, AGE);
	stands = judged(r, &s, false, port);
	own_key = stands.key;
	stands_back_key = natcopy__back_key(r, &s, false, port);
	assert_true(natcopy__entry(r, &stands_back_key, &stands_back));
	build__frame(&s, &in);
	assert_int_equal(
		meet(r,
		     (struct runner[2]){
			     {.prog = bpf_program__fd(r->skel->progs.nat_sweep),
			      .ingress = RIG_LO,
			      .data = &job,
			      .size = sizeof(job)},
			     {.prog = r->lb, .ingress = RIG_LO, .data = in.b, .size = in.len}},
		     make_ended, is_whole),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes),	  cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_saved),	  cmocka_unit_test(test_halves),
		cmocka_unit_test(test_dead),	  cmocka_unit_test(test_frames),
		cmocka_unit_test(test_fins_meet), cmocka_unit_test(test_sweep_meets_beginning),
	};

	return check__table("packet_nat_sweep", NULL, 0, tests, COUNT(tests));
}
