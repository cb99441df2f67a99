/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/steps.skel.h"
#include "bench/world.h"

#define BACKENDS 64 /* of each service */
#define JITED_MAX 12288 /* bytes of machine code, default gates */
#define FLAT_NS \
	5 /* cost at 1M flows over cost at 1: this, or FLAT_SHARE of it, whichever is more */
#define FLAT_SHARE 0.15

#define ONE 1u
#define FEW (1u << 12) /* with records, for which the smallest part of the pool's ports has room */
#define SOME (1u << 14)
#define MANY (1u << 20)

#define RECORDS_PORT 90 /* of the service by `nat` each of whose flows needs a record */

static const struct goal no_goal = {NO_GOAL, 0};

/*
 * One row a case. The mode belongs to the service, so rows of another mode need another port; a row
 * without mode is not for a service.
 */
static const struct row {
	const char *name;
	enum fl_forward mode;
	struct flows flows;
	uint32_t action; /* enum xdp_action */
	enum fl_verdict verdict;
	int grow; /* bytes */
	double goal; /* at most so many times the floor; 0: none */
} rows[] = {
#define LONG(v, port, n, length)                                   \
	{                                                          \
		v, IPPROTO_TCP, TCP_ACK, false, port, n, 1, length \
	}
#define TCP(v, port, n, flags)                              \
	{                                                   \
		v, IPPROTO_TCP, flags, false, port, n, 1, 0 \
	}
#define UDP(v, port, n)                                 \
	{                                               \
		v, IPPROTO_UDP, 0, false, port, n, 1, 0 \
	}
#define IPIP XDP_TX, FL_V_SEND_IPIP
#define GUE XDP_TX, FL_V_SEND_GUE
#define L2 XDP_TX, FL_V_SEND_L2
#define NAT XDP_TX, FL_V_SEND_NAT
#define FULLNAT XDP_TX, FL_V_SEND_FULLNAT
	{"tcp4 ipip, 1 flow", FL_FWD_IPIP4, TCP(4, 80, ONE, TCP_ACK), IPIP, 20, 3},
	{"tcp4 ipip, 16k flows", FL_FWD_IPIP4, TCP(4, 80, SOME, TCP_ACK), IPIP, 20, 3},
	{"tcp4 ipip, 1M flows", FL_FWD_IPIP4, TCP(4, 80, MANY, TCP_ACK), IPIP, 20, 3},
	{"udp4 ipip, 1 flow", FL_FWD_IPIP4, UDP(4, 80, ONE), IPIP, 20, 3},
	{"udp4 ipip, 16k flows", FL_FWD_IPIP4, UDP(4, 80, SOME), IPIP, 20, 3},
	{"udp4 ipip, 1M flows", FL_FWD_IPIP4, UDP(4, 80, MANY), IPIP, 20, 3},
	{"tcp6 ipip (6in6), 1 flow", FL_FWD_IPIP6, TCP(6, 80, ONE, TCP_ACK), IPIP, 40, 3.8},
	{"tcp6 ipip (6in6), 16k flows", FL_FWD_IPIP6, TCP(6, 80, SOME, TCP_ACK), IPIP, 40, 3.8},
	{"tcp6 ipip (6in6), 1M flows", FL_FWD_IPIP6, TCP(6, 80, MANY, TCP_ACK), IPIP, 40, 3.8},
	{"tcp4 gue, 1 flow", FL_FWD_GUE4, TCP(4, 82, ONE, TCP_ACK), GUE, 32, 4.5},
	{"tcp4 gue, 1M flows", FL_FWD_GUE4, TCP(4, 82, MANY, TCP_ACK), GUE, 32, 4.5},
	{"tcp4 nat, 1 flow", FL_FWD_NAT, TCP(4, 83, ONE, TCP_ACK), NAT, 0, 6},
	{"tcp4 nat, 1M flows", FL_FWD_NAT, TCP(4, 83, MANY, TCP_ACK), NAT, 0, 6},
	{"tcp4 l2, 1M flows", FL_FWD_L2, TCP(4, 81, MANY, TCP_ACK), L2, 0, 0},
	{"tcp4 not for a service, 1M flows",
	 FL_FWD_NONE,
	 {4, IPPROTO_TCP, TCP_ACK, true, 80, MANY, 1, 0},
	 XDP_PASS,
	 FL_V_PASS_NOT_SERVICE,
	 0,
	 1.5},
	{"tcp4 ipip, SYN flood", FL_FWD_IPIP4, TCP(4, 80, RANDOM_SOURCES, TCP_SYN), IPIP, 20, 0},
	{"tcp4 ipip, ACK flood", FL_FWD_IPIP4, TCP(4, 80, RANDOM_SOURCES, TCP_ACK), IPIP, 20, 0},
	/* As long as the way allows. */
	{"tcp4 l2, 1500 bytes, 1M flows", FL_FWD_L2, LONG(4, 81, MANY, 1500), L2, 0, 0},
	{"tcp4 nat, 1500 bytes, 1M flows", FL_FWD_NAT, LONG(4, 83, MANY, 1500), NAT, 0, 0},
	{"tcp4 ipip, 1480 bytes, 1M flows", FL_FWD_IPIP4, LONG(4, 80, MANY, 1480), IPIP, 20, 0},
	/* What the straight way does not take, or of which there is no goal. */
	{"udp6 ipip (6in6), 1M flows", FL_FWD_IPIP6, UDP(6, 80, MANY), IPIP, 40, 0},
	{"tcp4 ipip (4in6), 1M flows", FL_FWD_IPIP6, TCP(4, 87, MANY, TCP_ACK), IPIP, 40, 0},
	{"tcp6 ipip (6in4), 1M flows", FL_FWD_IPIP4, TCP(6, 88, MANY, TCP_ACK), IPIP, 20, 0},
	{"tcp6 gue over IPv6, 1M flows", FL_FWD_GUE6, TCP(6, 89, MANY, TCP_ACK), GUE, 52, 0},
	{"tcp4 nat with records, 4k flows", FL_FWD_NAT, TCP(4, RECORDS_PORT, FEW, TCP_ACK), NAT, 0,
	 0},
	{"udp4 fullnat, 4k flows", FL_FWD_FULLNAT, UDP(4, 91, FEW), FULLNAT, 0, 0},
	/* Of services that are watched, see below. */
	{"tcp4 ipip, 1M flows, passive, none watched", FL_FWD_IPIP4, TCP(4, 84, MANY, TCP_ACK),
	 IPIP, 20, 0},
	{"tcp4 ipip, 1M flows, passive, 1/256 watched", FL_FWD_IPIP4, TCP(4, 85, MANY, TCP_ACK),
	 IPIP, 20, 0},
	{"tcp4 ipip, 1M flows, passive, all watched", FL_FWD_IPIP4, TCP(4, 86, MANY, TCP_ACK), IPIP,
	 20, 0},
	{"tcp4 ipip, SYN flood, passive, 1/256 watched", FL_FWD_IPIP4,
	 TCP(4, 85, RANDOM_SOURCES, TCP_SYN), IPIP, 20, 0},
	{"tcp4 ipip, SYN flood, passive, all watched", FL_FWD_IPIP4,
	 TCP(4, 86, RANDOM_SOURCES, TCP_SYN), IPIP, 20, 0},
#undef LONG
#undef TCP
#undef UDP
#undef IPIP
#undef GUE
#undef L2
#undef NAT
#undef FULLNAT
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))
#define FLAT_FROM 0 /* rows whose costs are to be alike */
#define FLAT_TO 2

/* Services on these ports are in a world of their own, with the gate `passive`. */
static const struct {
	uint16_t port;
	uint32_t flows; /* that are watched, out of FL_PASSIVE_ALL */
} watched[] = {{84, 0}, {85, 256}, {86, FL_PASSIVE_ALL}};
#define N_WATCHED (sizeof(watched) / sizeof(*watched))

/* What is watched of a row's service; N_WATCHED: it has not the gate. */
static size_t watched_of(size_t row)
{
	size_t i = 0;

	while (i < N_WATCHED && watched[i].port != rows[row].flows.port)
		i++;
	return i;
}

/* A gate's rows have a program and maps of their own, and the others are as without it. */
static enum world_gate gate_of(size_t row)
{
	if (rows[row].mode == FL_FWD_NAT || rows[row].mode == FL_FWD_FULLNAT)
		return WORLD_NAT;
	return watched_of(row) < N_WATCHED ? WORLD_PASSIVE : WORLD_PLAIN;
}

static bool same_service(const struct flows *a, const struct flows *b)
{
	return a->version == b->version && a->proto == b->proto && a->port == b->port;
}

/* The services that the rows need, each with backends of its own. */
static int fill(struct world *const *worlds, struct err *err)
{
	uint16_t indices[BACKENDS];

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct flows *f = &rows[i].flows;
		struct addr vip = frames__vip(f->version, 0);
		bool there = rows[i].mode == FL_FWD_NONE;
		struct world *w;
		int rc;

		for (size_t j = 0; j < i && !there; j++)
			there = same_service(f, &rows[j].flows);
		if (there)
			continue;
		w = worlds[gate_of(i)];
		rc = world__backends(w, rows[i].mode, LO_IFINDEX, BACKENDS, indices, err);
		if (!rc && rows[i].flows.port == RECORDS_PORT)
			world__records(w, indices, BACKENDS);
		if (!rc)
			rc = world__service(w, &vip, f->proto, f->port, FL_SLOTS_64K, indices,
					    BACKENDS, err);
		if (rc)
			return rc;
		if (watched_of(i) < N_WATCHED)
			world__watch(w, watched[watched_of(i)].flows);
	}
	return 0;
}

static void report_floor(struct bench *b, const struct measured *m)
{
	result__add(b->result, "path: feeder and XDP_TX, subtracted below", "ns", m->empty,
		    b->rounds, no_goal);
	result__add(b->result, "path: encapsulation floor", "ns", m->floor, b->rounds, no_goal);
}

static void report_flat(struct bench *b, const struct measured *m)
{
	const double *few = m[FLAT_FROM].net, *many = m[FLAT_TO].net;
	struct goal goal = {AT_MOST, FLAT_SHARE * result__median(few, b->rounds)};
	double more[MAX_ROUNDS];

	for (uint32_t r = 0; r < b->rounds; r++)
		more[r] = many[r] - few[r];
	if (goal.value < FLAT_NS)
		goal.value = FLAT_NS;
	result__add(b->result, "path: tcp4 ipip, 1M flows over 1 flow", "ns", more, b->rounds,
		    goal);
}

static void report_rows(struct bench *b, const struct measured *m)
{
	double ratio[MAX_ROUNDS];

	for (size_t i = 0; i < N_ROWS; i++) {
		struct goal goal = {rows[i].goal > 0 ? AT_MOST : NO_GOAL, rows[i].goal};

		for (uint32_t r = 0; r < b->rounds; r++)
			ratio[r] = m[i].net[r] / m[i].floor[r];
		result__add(b->result, m[i].name, "ns", m[i].net, b->rounds, no_goal);
		result__add(b->result, m[i].name, "x floor", ratio, b->rounds, goal);
	}
}

static int measure_rows(struct bench *b, struct world *const *worlds, struct err *err)
{
	struct measured *m = calloc(N_ROWS, sizeof(*m));
	int rc;

	if (!m)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct world *w = worlds[gate_of(i)];

		snprintf(m[i].name, sizeof(m[i].name), "path: %s", rows[i].name);
		m[i].flows = rows[i].flows;
		m[i].expect = (struct expect){rows[i].action, rows[i].grow, rows[i].verdict, w};
		m[i].prog = world__lb(w);
	}
	rc = measure__all(b, m, N_ROWS, err);
	if (!rc) {
		report_floor(b, m);
		report_rows(b, m);
		report_flat(b, m);
	}
	free(m);
	return rc;
}

/*
 * Programs of steps.bpf.c and what they are for people. The last row is lb itself: for such packets it
 * does the same in fewer instructions (bpf/lean.h), so its difference is what that saves.
 */
static const struct {
	const char *prog, *text;
} steps[] = {
	{"step_parse", "parse"},
	{"step_service", "find the service"},
	{"step_admit", "admit"},
	{"step_hash", "hash the flow"},
	{"step_slot", "read the slot"},
	{"step_forward", "forward (ipip)"},
	{"step_count_service", "count for the service"},
	{"step_count_backend", "count for the backend"},
	{NULL, "lb itself, which takes the lean way"},
};
#define N_STEPS (sizeof(steps) / sizeof(*steps))
#define FORWARD_STEP 5

static void report_steps(struct bench *b, const struct measured *m)
{
	double step[MAX_ROUNDS];

	for (size_t i = 0; i < N_STEPS; i++) {
		for (uint32_t r = 0; r < b->rounds; r++)
			step[r] = m[i].net[r] - (i ? m[i - 1].net[r] : 0);
		result__add(b->result, m[i].name, "ns", step, b->rounds, no_goal);
		result__add(b->result, m[i].name, "ns up to here", m[i].net, b->rounds, no_goal);
	}
}

static int measure_steps(struct bench *b, const struct world *w, struct err *err)
{
	const struct flows flows = rows[FLAT_TO].flows;
	struct measured *m = calloc(N_STEPS, sizeof(*m));
	struct steps_bpf *skel = steps_bpf__open();
	int rc;

	if (!m || !skel) {
		rc = err__set(err, -ENOMEM, "cannot open steps.bpf.o");
		goto cleanup;
	}
	rc = world__share(w, skel->obj, err);
	if (rc)
		goto cleanup;
	rc = steps_bpf__load(skel);
	if (rc) {
		err__set(err, rc, "cannot load steps.bpf.o: %s (libbpf says: %s)", strerror(-rc),
			 world__libbpf_said());
		goto cleanup;
	}
	for (size_t i = 0; i < N_STEPS; i++) {
		const struct bpf_program *prog =
			steps[i].prog ? bpf_object__find_program_by_name(skel->obj, steps[i].prog)
				      : NULL;

		m[i].flows = flows;
		m[i].expect = (struct expect){.action = XDP_TX, .grow = i < FORWARD_STEP ? 0 : 20};
		m[i].prog = prog ? bpf_program__fd(prog) : world__lb(w);
	}
	m[N_STEPS - 1].expect = (struct expect){XDP_TX, 20, FL_V_SEND_IPIP, w};
	for (size_t i = 0; i < N_STEPS; i++)
		snprintf(m[i].name, sizeof(m[i].name), "step: %s", steps[i].text);
	if (!rc)
		rc = measure__all(b, m, N_STEPS, err);
	if (!rc)
		report_steps(b, m);
cleanup:
	steps_bpf__destroy(skel);
	free(m);
	return rc;
}

static int measure_sizes(struct bench *b, const struct world *w, struct err *err)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info), own = 0;

	/* The first function is the program's own, the others are those that few packets need. */
	info.nr_jited_func_lens = 1;
	info.jited_func_lens = (__u64)(uintptr_t)&own;
	if (bpf_obj_get_info_by_fd(world__lb(w), &info, &len))
		return err__set(err, -errno, "cannot ask for the program's size: %s",
				strerror(errno));
	result__add_one(b->result, "size: machine code of lb", "bytes", info.jited_prog_len,
			(struct goal){AT_MOST, JITED_MAX});
	result__add_one(b->result, "size: of that, what a packet to a clean slot runs", "bytes",
			own, no_goal);
	result__add_one(b->result, "size: instructions that the verifier has walked",
			"instructions", info.verified_insns, no_goal);
	return 0;
}

int path__run(struct bench *b, struct err *err)
{
	struct world *worlds[WORLD_GATES] = {NULL};
	int rc = 0;

	for (size_t i = 0; i < WORLD_GATES && !rc; i++)
		rc = world__open((enum world_gate)i, &worlds[i], err);
	if (!rc)
		rc = fill(worlds, err);
	if (!rc)
		rc = measure_rows(b, worlds, err);
	if (!rc)
		rc = measure_steps(b, worlds[WORLD_PLAIN], err);
	if (!rc)
		rc = measure_sizes(b, worlds[WORLD_PLAIN], err);
	for (size_t i = 0; i < WORLD_GATES; i++)
		world__close(worlds[i]);
	return rc;
}
