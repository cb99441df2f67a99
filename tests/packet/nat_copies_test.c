/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of NAT and peers: what is told of them, and what becomes of those that are told. docs/peers.md */
#include "check.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "lb.skel.h"

#define FIRST 20000 /* ports of this machine's part */
#define THEIRS 30000 /* and of the peer's */
#define SYN 0x02
#define ACK 0x10
#define FIN 0x11
#define RST 0x14
#define IDLE_S 300
#define ON (FL_NAT_SEEN | FL_NAT_SEEN_OTHER) /* it goes on */

static struct fl_nat_take job;
static struct fl_told_nat last;
static uint32_t n_told;

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

static uint32_t now_s(void)
{
	return (uint32_t)(maps__clock() / 1000000000);
}

static uint32_t backend_of(const struct spec *s, bool lone)
{
	if (lone)
		return s->ip.version == 6 ? RIG_NAT6 : RIG_NAT4;
	return s->ip.version == 6 ? RIG_FULL6 : RIG_FULL4;
}

/* All services by full NAT, or by `nat` with records. */
static struct rig *with(bool lone, uint32_t room)
{
	struct rig *r = rig__get((struct rig_gates){.nat = true, .peers = true, .nat_flows = room});
	struct fl_snat pool = {
		.n4 = 1, .n6 = 1, .port_first = FIRST, .port_last = FIRST + 6399, .span = 100};

	memcpy(&pool.addr4[0], (uint8_t[4]){10, 99, 0, 1}, 4);
	memcpy(pool.addr6[0], (uint8_t[16]){0xfd, 0x99, [15] = 1}, 16);
	net__cpu(0);
	rig__reset_backends(r);
	maps__snat(r, &pool);
	maps__no_flows(r);
	for (uint32_t i = RIG_NAT4; i <= RIG_NAT6; i++) {
		struct rig_backend b = r->be[i];

		b.flags = FL_BE_RECORD;
		rig__backend(r, i, &b);
	}
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		struct spec s = {
			.ip.version = id == RIG_TCP6 || id == RIG_UDP6 || id == RIG_SCTP6 ? 6 : 4};

		r->services[id].flags = FL_SVC_NAT | (lone ? 0 : FL_SVC_FULLNAT);
		r->services[id].idle_s = IDLE_S;
		rig__point_one(r, id, backend_of(&s, lone));
	}
	told(r);
	return r;
}

static struct spec client(uint8_t version, uint16_t port, uint8_t flags)
{
	struct spec s = build__tcp(version);

	s.sport = port;
	s.flags = flags;
	return s;
}

static uint64_t noted(struct rig *r, uint32_t note)
{
	struct counters c;

	rig__counters(r, &c);
	return c.note[note].packets;
}

/* What became of a packet. */
static enum fl_verdict verdict(struct rig *r, const struct spec *s, uint32_t ingress)
{
	struct fl_count before[FL_VERDICTS], after[FL_VERDICTS];
	struct frame in;
	struct run run;

	build__frame(s, &in);
	rig__verdicts(r, before);
	rig__run(r->lb, &in, ingress, &run);
	rig__verdicts(r, after);
	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		if (after[v].packets != before[v].packets)
			return (enum fl_verdict)v;
	}
	fail_msg("no verdict was counted");
	return FL_VERDICTS;
}

static bool entry(struct rig *r, const struct fl_nat_key *k, struct fl_nat_flow *f)
{
	return bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.nat_flows), k, f) == 0;
}

/* The client's packet goes out; the port that the backend sees. */
static uint16_t goes(struct rig *r, const struct spec *s, bool lone)
{
	struct fl_nat_key k = maps__nat_key(s);
	struct fl_nat_flow f;

	assert_int_equal(verdict(r, s, 0), lone ? FL_V_SEND_NAT : FL_V_SEND_FULLNAT);
	if (lone)
		return s->sport;
	assert_true(entry(r, &k, &f));
	return ntohs(f.sport);
}

/* The key of what comes back from the backend, towards the pool's port, or with lone to the client's. */
static struct fl_nat_key back_key(const struct rig *r, const struct spec *s, bool lone,
				  uint16_t port)
{
	const struct rig_backend *b = &r->be[backend_of(s, lone)];
	struct fl_nat_key c = maps__nat_key(s), k = {.proto = c.proto};

	maps__addr(s->ip.version, b->tunnel.dst, k.saddr);
	k.sport = htons(RIG_NAT_PORT);
	k.dport = htons(port);
	if (lone)
		memcpy(k.daddr, c.saddr, 16);
	else if (s->ip.version == 6)
		memcpy(k.daddr, (uint8_t[16]){0xfd, 0x99, [15] = 1}, 16);
	else
		maps__addr(4, (uint8_t[4]){10, 99, 0, 1}, k.daddr);
	return k;
}

/* What a peer tells: the client's flow with that port of the pool, seen so long ago. */
static struct fl_told_nat peers(const struct rig *r, const struct spec *s, bool lone, uint16_t port,
				uint16_t flags, uint32_t ago)
{
	struct fl_nat_key c = maps__nat_key(s), b = back_key(r, s, lone, port);
	struct fl_told_nat t = {.flow = {.backend = backend_of(s, lone),
					 .service = (__u16)rig__service_of(s),
					 .flags = flags,
					 .seen_s = now_s() - ago}};

	if (lone) {
		t.key = b;
		memcpy(t.flow.saddr, c.daddr, 16);
		memcpy(t.flow.daddr, c.saddr, 16);
		t.flow.sport = c.dport;
		t.flow.dport = c.sport;
		t.flow.flags |= FL_NAT_BACK;
		return t;
	}
	t.key = c;
	memcpy(t.flow.saddr, b.daddr, 16);
	memcpy(t.flow.daddr, b.saddr, 16);
	t.flow.sport = b.dport;
	t.flow.dport = b.sport;
	return t;
}

static int run_take(struct rig *r, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &job, .data_size_in = size,
		    .data_out = &job, .data_size_out = sizeof(job), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.nat_take), &opts),
			 0);
	return (int)opts.retval;
}

enum outcome { STANDS, OLD, CLASH, FULL };

static enum outcome take(struct rig *r, const struct fl_told_nat *t)
{
	job = (struct fl_nat_take){.n = 1, .done = 77, .clashes = 77, .full = 77, .records[0] = *t};
	assert_int_equal(run_take(r, sizeof(job)), XDP_PASS);
	assert_true(job.done + job.clashes + job.full <= 1);
	return job.done ? STANDS : job.clashes ? CLASH : job.full ? FULL : OLD;
}

/* A packet of the backend: what became of it. */
static enum fl_verdict answers(struct rig *r, const struct spec *s, bool lone, uint16_t port,
			       uint8_t flags)
{
	struct fl_nat_key k = back_key(r, s, lone, port);
	struct spec back = client(s->ip.version, ntohs(k.sport), flags);
	size_t skip = s->ip.version == 6 ? 0 : 12;

	memcpy(back.ip.src, k.saddr + skip, 16 - skip);
	memcpy(back.ip.dst, k.daddr + skip, 16 - skip);
	back.dport = port;
	back.ip.ttl = 60;
	return verdict(r, &back, r->port);
}

#define ALL                                 \
	for (uint8_t v = 4; v <= 6; v += 2) \
		for (int lone = 0; lone < 2; lone++)

/* What was told last is the client's flow, with those flags. */
static void is_told(const struct rig *r, const struct spec *s, bool lone, uint16_t port,
		    uint16_t flags)
{
	struct fl_told_nat want = peers(r, s, lone, port, flags | FL_NAT_HERE, 0);

	assert_memory_equal(&last.key, &want.key, sizeof(want.key));
	want.flow.seen_s = last.flow.seen_s;
	assert_memory_equal(&last.flow, &want.flow, sizeof(want.flow));
}

/* When it goes on after the first answer, and with what ends it; never for another packet of the same kind. */
static void test_told(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = with(lone, 0);
		struct spec s = client(v, 4000, SYN);
		uint16_t port = goes(r, &s, lone), both = FL_NAT_FIN | FL_NAT_FIN_OTHER;

		assert_int_equal(answers(r, &s, lone, port, SYN | ACK), FL_V_SEND_REPLY);
		/* All that a flood of beginnings has. */
		assert_int_equal(told(r), 0);
		s.flags = ACK;
		goes(r, &s, lone);
		assert_int_equal(told(r), 1);
		is_told(r, &s, lone, port, ON);
		for (int i = 0; i < 3; i++) {
			goes(r, &s, lone);
			assert_int_equal(answers(r, &s, lone, port, ACK), FL_V_SEND_REPLY);
		}
		assert_int_equal(told(r), 0);
		s.flags = FIN;
		goes(r, &s, lone);
		assert_int_equal(told(r), 1);
		is_told(r, &s, lone, port, ON | (lone ? FL_NAT_FIN_OTHER : FL_NAT_FIN));
		assert_int_equal(answers(r, &s, lone, port, FIN), FL_V_SEND_REPLY);
		assert_int_equal(told(r), 1);
		is_told(r, &s, lone, port, ON | both);
		assert_int_equal(answers(r, &s, lone, port, RST), FL_V_SEND_REPLY);
		assert_int_equal(told(r), 1);
		is_told(r, &s, lone, port, ON | both | FL_NAT_RST);
	}
}

/* A ring without room is counted, and the packet goes its way. */
static void test_no_room_to_tell(void **state)
{
	struct rig *r = with(true, 0);
	struct spec s = client(4, 4000, ACK);
	uint64_t before = noted(r, FL_N_UNTOLD);
	uint32_t n;

	(void)state;
	for (n = 0; n < FL_TOLD_SIZE / 96 + 10 && noted(r, FL_N_UNTOLD) == before; n++) {
		maps__no_flows(r);
		goes(r, &s, true);
		goes(r, &s, true);
	}
	assert_in_range(n, FL_TOLD_SIZE / 96 - 10, FL_TOLD_SIZE / 96 + 2);
	assert_int_equal(told(r), n - 1);
}

/* What was told decides, both ways, without a packet that would have made it; with the first it is this machine's. */
static void test_taken(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = with(lone, 0);
		struct spec s = client(v, 4000, ACK);
		uint16_t port = lone ? s.sport : THEIRS;
		struct fl_told_nat t = peers(r, &s, lone, port, ON, 5);
		struct fl_nat_key back = back_key(r, &s, lone, port);
		struct fl_nat_flow f;

		assert_int_equal(answers(r, &s, lone, port, ACK), FL_V_PASS_NOT_SERVICE);
		assert_int_equal(take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), lone ? 1 : 2);
		assert_true(entry(r, &back, &f));
		assert_int_equal(f.flags,
				 FL_NAT_BACK | FL_NAT_SEEN | (lone ? FL_NAT_SEEN_OTHER : 0));
		assert_int_equal(f.seen_s, t.flow.seen_s);
		assert_int_equal(told(r), 0);
		assert_int_equal(answers(r, &s, lone, port, ACK), FL_V_SEND_REPLY);
		assert_true(entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_HERE);
		assert_int_equal(told(r), 1);
		is_told(r, &s, lone, port, ON);
		assert_int_equal(goes(r, &s, lone), port);
		/* Twice the same changes nothing. */
		assert_int_equal(take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), lone ? 1 : 2);
		assert_true(entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_HERE && f.seen_s >= t.flow.seen_s + 4);
	}
}

/* A flow of this machine that goes on keeps its source: another client's is not put in its place. */
static void test_clash(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = with(false, 0);
		struct spec s = client(v, 4000, SYN), other = client(v, 4001, ACK);
		uint16_t port = goes(r, &s, false);
		struct fl_told_nat t = peers(r, &other, false, port, ON, 0);

		assert_int_equal(answers(r, &s, false, port, SYN | ACK), FL_V_SEND_REPLY);
		assert_int_equal(take(r, &t), CLASH);
		assert_int_equal(maps__flows(r), 2);
		assert_int_equal(verdict(r, &other, 0), FL_V_DROP_NAT_UNKNOWN);
		s.flags = ACK;
		assert_int_equal(goes(r, &s, false), port);
		/* Over: a place like any other. */
		s.flags = RST;
		goes(r, &s, false);
		assert_int_equal(take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), 2);
		assert_int_equal(goes(r, &other, false), port);
		s.flags = ACK;
		assert_int_equal(verdict(r, &s, 0), FL_V_DROP_NAT_UNKNOWN);
	}
}

/* The same client's port at the same service has one connection: the newer one. */
static void test_same_client(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = with(false, 0);
		struct spec s = client(v, 4000, SYN);
		uint16_t port = goes(r, &s, false);
		struct fl_told_nat t = peers(r, &s, false, THEIRS, ON, 0);
		struct fl_nat_key k = maps__nat_key(&s), back = back_key(r, &s, false, port);
		struct fl_nat_flow f;

		assert_int_equal(answers(r, &s, false, port, SYN | ACK), FL_V_SEND_REPLY);
		assert_int_equal(take(r, &t), CLASH);
		s.flags = ACK;
		assert_int_equal(goes(r, &s, false), port);
		/* Both entries were last seen five seconds before. */
		for (int i = 0; i < 2; i++) {
			const struct fl_nat_key *at = i ? &back : &k;

			assert_true(entry(r, at, &f));
			f.seen_s -= 5;
			assert_int_equal(bpf_map_update_elem(bpf_map__fd(r->skel->maps.nat_flows),
							     at, &f, BPF_EXIST),
					 0);
		}
		assert_int_equal(take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), 2);
		assert_int_equal(goes(r, &s, false), THEIRS);
		assert_int_equal(answers(r, &s, false, port, ACK), FL_V_PASS_NOT_SERVICE);
	}
}

/* A source that the peer gives to another client: the first one's copy goes, with both entries. */
static void test_copy_gives_way(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = with(false, 0);
		struct spec s = client(v, 4000, ACK), other = client(v, 4001, ACK);
		struct fl_told_nat first = peers(r, &s, false, THEIRS, ON, 20),
				   next = peers(r, &other, false, THEIRS, ON, 3);

		assert_int_equal(take(r, &first), STANDS);
		assert_int_equal(take(r, &next), STANDS);
		assert_int_equal(maps__flows(r), 2);
		/* What is older does not come back. */
		assert_int_equal(take(r, &first), CLASH);
		assert_int_equal(verdict(r, &s, 0), FL_V_DROP_NAT_UNKNOWN);
		assert_int_equal(goes(r, &other, false), THEIRS);
	}
}

/* Ends are learnt, times only grow, and of `nat` the next connection of the same ports begins afresh. */
static void test_learnt(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = with(lone, 0);
		struct spec s = client(v, 4000, ACK);
		uint16_t port = lone ? s.sport : THEIRS;
		struct fl_nat_key back = back_key(r, &s, lone, port);
		const uint16_t fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;
		struct fl_told_nat t = peers(r, &s, lone, port, ON, 50);
		struct fl_nat_flow f;

		assert_int_equal(take(r, &t), STANDS);
		t = peers(r, &s, lone, port, ON | fins, 40);
		assert_int_equal(take(r, &t), STANDS);
		assert_true(entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_FIN);
		assert_int_equal(f.seen_s, t.flow.seen_s);
		/* Of before. */
		t = peers(r, &s, lone, port, ON, 45);
		assert_int_equal(take(r, &t), OLD);
		assert_true(entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_FIN);
		/* Of after. */
		t = peers(r, &s, lone, port, ON, 30);
		assert_int_equal(take(r, &t), STANDS);
		assert_true(entry(r, &back, &f));
		assert_false(f.flags & FL_NAT_FIN);
		/* One of this machine's own keeps what its packets have said. */
		goes(r, &s, lone);
		t = peers(r, &s, lone, port, ON | FL_NAT_RST, 20);
		assert_int_equal(take(r, &t), STANDS);
		assert_true(entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_RST);
		if (!lone) {
			struct fl_nat_key k = maps__nat_key(&s);

			assert_true(entry(r, &k, &f));
			assert_int_equal(f.flags, FL_NAT_SEEN | FL_NAT_HERE | FL_NAT_RST);
			assert_int_equal(f.seen_s, now_s());
		}
	}
}

/* Two services' flows of one client and backend: the copy gives way to none that goes on here. */
static void test_lone_clash(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = with(true, 0);
		struct spec s = client(v, 4000, ACK);
		struct fl_told_nat t = peers(r, &s, true, s.sport, ON, 0);
		struct fl_nat_flow f;

		goes(r, &s, true);
		t.flow.sport = htons(ntohs(t.flow.sport) + 1);
		assert_int_equal(take(r, &t), CLASH);
		assert_true(entry(r, &t.key, &f));
		assert_int_equal(ntohs(f.sport), s.dport);
		s.flags = RST;
		goes(r, &s, true);
		assert_int_equal(take(r, &t), STANDS);
		assert_true(entry(r, &t.key, &f));
		assert_int_equal(f.sport, t.flow.sport);
	}
}

/* Without room a flow is counted, and there is no half of it. */
static void test_full(void **state)
{
	struct rig *r = with(false, 64);
	uint32_t full = 0, stand = 0;

	(void)state;
	for (uint16_t i = 0; i < 64; i++) {
		struct spec s = client(i & 1 ? 6 : 4, (uint16_t)(4000 + i), ACK);
		struct fl_told_nat t = peers(r, &s, false, (uint16_t)(THEIRS + i), ON, 0);
		enum outcome o = take(r, &t);

		assert_true(o == STANDS || o == FULL);
		full += o == FULL;
		stand += o == STANDS;
		assert_int_equal(maps__flows(r), 2 * stand);
		assert_int_equal(verdict(r, &s, 0),
				 o == FULL ? FL_V_DROP_NAT_UNKNOWN : FL_V_SEND_FULLNAT);
	}
	assert_true(full > 0 && stand >= 16);
}

/* As many as fit, and frames that are none. */
static void test_many(void **state)
{
	struct rig *r = with(false, 0);

	(void)state;
	job = (struct fl_nat_take){.n = FL_NAT_TAKE_RECORDS};
	for (uint16_t i = 0; i < FL_NAT_TAKE_RECORDS; i++) {
		struct spec s = client(i & 1 ? 6 : 4, (uint16_t)(4000 + i), ACK);

		job.records[i] = peers(r, &s, false, (uint16_t)(THEIRS + i), ON, 0);
	}
	assert_int_equal(run_take(r, sizeof(job)), XDP_PASS);
	assert_int_equal(job.done, FL_NAT_TAKE_RECORDS);
	assert_int_equal(maps__flows(r), 2 * FL_NAT_TAKE_RECORDS);
	job.n = FL_NAT_TAKE_RECORDS + 1;
	assert_int_equal(run_take(r, sizeof(job)), XDP_ABORTED);
	job.n = 1;
	assert_int_equal(run_take(r, sizeof(job) - 1), XDP_ABORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),	    cmocka_unit_test(test_no_room_to_tell),
		cmocka_unit_test(test_taken),	    cmocka_unit_test(test_clash),
		cmocka_unit_test(test_same_client), cmocka_unit_test(test_copy_gives_way),
		cmocka_unit_test(test_learnt),	    cmocka_unit_test(test_lone_clash),
		cmocka_unit_test(test_full),	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, rig__teardown);
}
