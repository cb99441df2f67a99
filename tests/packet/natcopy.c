/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "natcopy.h"

#include "check.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "lb.skel.h"

struct fl_nat_take natcopy__job;
struct fl_told_nat natcopy__last;
static uint32_t n_told;

static int on_told(void *ctx, void *data, size_t size)
{
	(void)ctx;
	assert_int_equal(size, sizeof(natcopy__last));
	memcpy(&natcopy__last, data, sizeof(natcopy__last));
	n_told++;
	return 0;
}

uint32_t natcopy__told(struct rig *r)
{
	struct ring_buffer *rb =
		ring_buffer__new(bpf_map__fd(r->skel->maps.told), on_told, NULL, NULL);

	assert_non_null(rb);
	n_told = 0;
	assert_true(ring_buffer__consume(rb) >= 0);
	ring_buffer__free(rb);
	return n_told;
}

uint32_t natcopy__now(void)
{
	return (uint32_t)(maps__clock() / 1000000000);
}

uint32_t natcopy__backend(const struct spec *s, bool lone)
{
	if (lone)
		return s->ip.version == 6 ? RIG_NAT6 : RIG_NAT4;
	return s->ip.version == 6 ? RIG_FULL6 : RIG_FULL4;
}

static struct rig *begin(bool lone, struct rig_gates gates)
{
	struct rig *r = rig__get(gates);
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
		rig__point_one(r, id, natcopy__backend(&s, lone));
	}
	natcopy__told(r);
	return r;
}

struct rig *natcopy__rig(bool lone, uint32_t room)
{
	return begin(lone, (struct rig_gates){.nat = true, .peers = true, .nat_flows = room});
}

struct rig *natcopy__small_ring(bool lone, uint32_t bytes)
{
	return begin(lone, (struct rig_gates){.nat = true, .peers = true, .told = bytes});
}

struct spec natcopy__client(uint8_t version, uint16_t port, uint8_t flags)
{
	struct spec s = build__tcp(version);

	s.sport = port;
	s.flags = flags;
	return s;
}

uint64_t natcopy__noted(struct rig *r, uint32_t note)
{
	struct counters c;

	rig__counters(r, &c);
	return c.note[note].packets;
}

enum fl_verdict natcopy__verdict(struct rig *r, const struct spec *s, uint32_t ingress)
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

bool natcopy__entry(struct rig *r, const struct fl_nat_key *k, struct fl_nat_flow *f)
{
	return bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.nat_flows), k, f) == 0;
}

uint16_t natcopy__goes(struct rig *r, const struct spec *s, bool lone)
{
	struct fl_nat_key k = maps__nat_key(s);
	struct fl_nat_flow f;

	assert_int_equal(natcopy__verdict(r, s, 0), lone ? FL_V_SEND_NAT : FL_V_SEND_FULLNAT);
	if (lone)
		return s->sport;
	assert_true(natcopy__entry(r, &k, &f));
	return ntohs(f.sport);
}

struct fl_nat_key natcopy__back_key(const struct rig *r, const struct spec *s, bool lone,
				    uint16_t port)
{
	const struct rig_backend *b = &r->be[natcopy__backend(s, lone)];
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

struct fl_told_nat natcopy__theirs(const struct rig *r, const struct spec *s, bool lone,
				   uint16_t port, uint16_t flags, uint32_t ago)
{
	struct fl_nat_key c = maps__nat_key(s), b = natcopy__back_key(r, s, lone, port);
	struct fl_told_nat t = {.flow = {.backend = natcopy__backend(s, lone),
					 .service = (__u16)rig__service_of(s),
					 .flags = flags,
					 .seen_s = natcopy__now() - ago}};

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

int natcopy__run(struct rig *r, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &natcopy__job, .data_size_in = size,
		    .data_out = &natcopy__job, .data_size_out = sizeof(natcopy__job), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.nat_take), &opts),
			 0);
	return (int)opts.retval;
}

enum natcopy natcopy__take(struct rig *r, const struct fl_told_nat *t)
{
	natcopy__job = (struct fl_nat_take){
		.n = 1, .done = 77, .clashes = 77, .full = 77, .records[0] = *t};
	assert_int_equal(natcopy__run(r, sizeof(natcopy__job)), XDP_PASS);
	assert_true(natcopy__job.done + natcopy__job.clashes + natcopy__job.full <= 1);
	return natcopy__job.done      ? STANDS
	       : natcopy__job.clashes ? CLASH
	       : natcopy__job.full    ? FULL
				      : OLD;
}

struct spec natcopy__answer(const struct rig *r, const struct spec *s, bool lone, uint16_t port,
			    uint8_t flags)
{
	struct fl_nat_key k = natcopy__back_key(r, s, lone, port);
	struct spec back = natcopy__client(s->ip.version, ntohs(k.sport), flags);
	size_t skip = s->ip.version == 6 ? 0 : 12;

	memcpy(back.ip.src, k.saddr + skip, 16 - skip);
	memcpy(back.ip.dst, k.daddr + skip, 16 - skip);
	back.dport = port;
	back.ip.ttl = 60;
	return back;
}

enum fl_verdict natcopy__answers(struct rig *r, const struct spec *s, bool lone, uint16_t port,
				 uint8_t flags)
{
	struct spec back = natcopy__answer(r, s, lone, port, flags);

	return natcopy__verdict(r, &back, r->port);
}

void natcopy__age(struct rig *r, const struct spec *s, bool lone, uint16_t port, uint32_t by)
{
	struct fl_nat_key k = maps__nat_key(s), back = natcopy__back_key(r, s, lone, port);
	struct fl_nat_flow f;

	for (int i = lone; i < 2; i++) {
		const struct fl_nat_key *at = i ? &back : &k;

		assert_true(natcopy__entry(r, at, &f));
		f.seen_s -= by;
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(r->skel->maps.nat_flows), at, &f,
						     BPF_EXIST),
				 0);
	}
}

void natcopy__is_told(const struct rig *r, const struct spec *s, bool lone, uint16_t port,
		      uint16_t flags)
{
	struct fl_told_nat want = natcopy__theirs(r, s, lone, port, flags | FL_NAT_HERE, 0);

	assert_memory_equal(&natcopy__last.key, &want.key, sizeof(want.key));
	want.flow.seen_s = natcopy__last.flow.seen_s;
	assert_memory_equal(&natcopy__last.flow, &want.flow, sizeof(want.flow));
}
