/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes by the clients' path: what is sent to a stand-in becomes, byte by byte, what a client's packet
 * becomes (probe_out), and the answer to that becomes one from the stand-in (probe_back).
 */
#include "check.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "lb.skel.h"
#include "probe.skel.h"

#define TC_ACT_UNSPEC UINT32_MAX
#define TC_ACT_REDIRECT 7
#define FIRST 20000 /* port of the pool */
#define ECHO_ID 0x12340000u /* in the second half of an ICMP header */

static const struct rig_gates gates = {.nat = true};
static const uint8_t near[6] = FL_PROBE_MAC;
static const uint8_t stand_in4[4] = {240, 17, 0, 2};
static const uint8_t stand_in6[16] = {0xfd, 0x66, 0x6c, 0x70, [15] = 2};
static const uint8_t pool4[4] = {10, 99, 0, 1};
static const uint8_t pool6[16] = {0xfd, 0x99, [15] = 1};
static struct probe_bpf *skel; /* of the answers */

static int out_prog(const struct rig *r)
{
	return bpf_program__fd(r->skel->progs.probe_out);
}

static const uint8_t *stand_in(uint8_t version)
{
	return version == 6 ? stand_in6 : stand_in4;
}

static void point_at(struct rig *r, uint8_t version, uint32_t index)
{
	struct fl_probe p = {.backend = index, .service = version == 6 ? RIG_TCP6 : RIG_TCP4};
	struct fl_probe_key k;

	maps__addr(version, version == 6 ? rig_vip6 : rig_vip4, p.vip);
	maps__addr(version, stand_in(version), k.stand_in);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(r->skel->maps.probes), &k, &p, BPF_ANY),
			 0);
}

static struct rig *with_probes(void)
{
	struct fl_snat pool = {
		.n4 = 1, .n6 = 1, .port_first = FIRST, .port_last = FIRST + 6399, .span = 100};
	struct rig *r = rig__get(gates);
	struct fl_nat_key k;
	int fd = bpf_map__fd(r->skel->maps.probe_flows);

	net__cpu(0);
	memcpy(&pool.addr4[0], pool4, 4);
	memcpy(pool.addr6[0], pool6, 16);
	maps__snat(r, &pool);
	rig__reset_backends(r);
	while (bpf_map_get_next_key(fd, NULL, &k) == 0)
		bpf_map_delete_elem(fd, &k);
	if (skel)
		return r;
	skel = probe_bpf__open();
	assert_non_null(skel);
	skel->rodata->probe_ifindex = r->port;
	assert_int_equal(bpf_map__reuse_fd(skel->maps.probe_flows, fd), 0);
	assert_int_equal(probe_bpf__load(skel), 0);
	return r;
}

/* The same packet to the stand-in as to the VIP. */
static struct spec to_stand_in(const struct spec *s)
{
	struct spec in = *s;

	memcpy(in.ip.dst, stand_in(s->ip.version), s->ip.version == 6 ? 16 : 4);
	return in;
}

/* What is counted: `verdict` once, and of services and backends nothing. */
static void counted(const struct counters *before, const struct counters *after,
		    enum fl_verdict verdict)
{
	for (size_t i = 0; i < FL_VERDICTS; i++)
		assert_int_equal(after->verdict[i].packets - before->verdict[i].packets,
				 i == verdict);
	assert_memory_equal(after->service, before->service, sizeof(after->service));
	assert_memory_equal(after->backend, before->backend, sizeof(after->backend));
}

static void run_out(struct rig *r, const struct spec *in, const struct spec *want,
		    enum fl_verdict verdict)
{
	static struct counters before, after;
	static struct frame from, to;
	static struct run run;

	build__frame(in, &from);
	rig__counters(r, &before);
	rig__run(out_prog(r), &from, r->port, &run);
	rig__counters(r, &after);
	counted(&before, &after, verdict);
	assert_int_equal(run.action, want ? XDP_REDIRECT : XDP_DROP);
	if (!want)
		return;
	build__frame(want, &to);
	check__same(&from, &to, &run.out);
}

/* `want` NULL: it is left as it came. */
static void run_back(const struct spec *in, const struct spec *want)
{
	static struct frame from, to;
	static struct run run;

	build__frame(in, &from);
	build__frame(want ? want : in, &to);
	rig__run(bpf_program__fd(skel->progs.probe_back), &from, 0, &run);
	assert_int_equal((uint32_t)run.action, want ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
	check__same(&from, &to, &run.out);
}

/* The answer to what the backend got, and what the agent gets of it. */
static void answered(const struct spec *sent, const struct spec *asked)
{
	struct spec inner = *sent, back, want;

	inner.tunnel.version = 0;
	inner.gue.dport = 0;
	back = build__reply(&inner);
	back.flags = back.proto == PROTO_TCP ? 0x12 : 0;
	if (back.proto == PROTO_ICMP)
		back.icmp.type = 0;
	if (back.proto == PROTO_ICMP6)
		back.icmp.type = 129;
	want = back;
	memcpy(want.dmac, near, 6);
	memcpy(want.ip.src, asked->ip.dst, 16);
	memcpy(want.ip.dst, asked->ip.src, 16);
	want.sport = asked->dport;
	want.dport = asked->sport;
	run_back(&back, &want);
	/* Another port, another echo: somebody else's. */
	back.dport++;
	back.icmp.rest += 0x10000;
	run_back(&back, NULL);
}

static enum fl_verdict verdict_of(enum fl_forward mode)
{
	switch (mode) {
	case FL_FWD_L2:
		return FL_V_SEND_L2;
	case FL_FWD_IPIP4:
	case FL_FWD_IPIP6:
		return FL_V_SEND_IPIP;
	case FL_FWD_NAT:
		return FL_V_SEND_NAT;
	case FL_FWD_FULLNAT:
		return FL_V_SEND_FULLNAT;
	default:
		return FL_V_SEND_GUE;
	}
}

static bool fits(uint32_t index, uint8_t version)
{
	return index < RIG_NAT4 || (index - RIG_NAT4) % 2 == (version == 6);
}

/* One packet there, and its answer back. */
static void there_and_back(struct rig *r, const struct spec *s, uint32_t index)
{
	struct spec in = to_stand_in(s), sent = check__sent(r, s, index);
	bool echo = s->proto == PROTO_ICMP || s->proto == PROTO_ICMP6;
	enum fl_forward mode = r->be[index].mode;

	point_at(r, s->ip.version, index);
	if (mode == FL_FWD_FULLNAT && !echo) {
		maps__no_flows(r);
		with_probes(); /* the pool begins again */
		memcpy(sent.ip.src, s->ip.version == 6 ? pool6 : pool4,
		       s->ip.version == 6 ? 16 : 4);
		sent.sport = FIRST;
	}
	if (echo)
		sent.sport = sent.dport = 0;
	run_out(r, &in, &sent, verdict_of(mode));
	answered(&sent, &in);
}

static void test_every_mode(void **state)
{
	struct rig *r = with_probes();

	(void)state;
	for (uint32_t index = RIG_L2; index < RIG_BACKENDS; index++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct spec tcp = build__tcp(version), udp = build__udp(version),
				    echo = build__echo(version);

			if (!fits(index, version))
				continue;
			echo.icmp.rest = ECHO_ID | 1;
			echo.sport = echo.dport = 0;
			there_and_back(r, &tcp, index);
			there_and_back(r, &udp, index);
			there_and_back(r, &echo, index);
			echo.payload = 1400;
			there_and_back(r, &echo, index);
		}
	}
}

/* RFC 1624: every carry of the checksums, there and back. */
static void test_checksums(void **state)
{
	struct rig *r = with_probes();

	(void)state;
	for (uint32_t i = 0; i < 4000; i++) {
		uint8_t version = i & 1 ? 6 : 4;
		struct spec s = i & 2 ? build__tcp(version) : build__udp(version);

		s.sport = (uint16_t)(1024 + i * 13);
		s.ip.src[version == 6 ? 15 : 3] = (uint8_t)i;
		s.payload = (uint16_t)(i % 160);
		there_and_back(r, &s, i & 4 ? RIG_L2 : version == 6 ? RIG_NAT6 : RIG_NAT4);
	}
}

/* RFC 768: a UDP checksum of 0 is none. */
static void test_no_checksum(void **state)
{
	struct rig *r = with_probes();
	struct spec s = build__udp(4);

	(void)state;
	s.no_check = true;
	there_and_back(r, &s, RIG_L2);
}

/* What is for no stand-in ends, and is not counted. */
static void test_for_nobody(void **state)
{
	struct rig *r = with_probes();

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version), fragment = to_stand_in(&s);

		point_at(r, version, RIG_L2);
		run_out(r, &s, NULL, FL_VERDICTS);
		build__first(&fragment, 7);
		run_out(r, &fragment, NULL, FL_VERDICTS);
		fragment.proto = 89;
		run_out(r, &fragment, NULL, FL_VERDICTS);
	}
}

/* As a client's packet: no next hop, an index that is not in use; too large, of which nobody is told. */
static void test_dropped(void **state)
{
	struct rig *r = with_probes();
	struct rig_backend b = r->be[RIG_IPIP4];
	struct spec s = build__tcp(4), in = to_stand_in(&s);

	(void)state;
	in.ip.frag = s.ip.frag = FRAG_DF;
	point_at(r, 4, RIG_IPIP4);
	b.mtu = (uint16_t)(build__l3_len(&s) + 19);
	rig__backend(r, RIG_IPIP4, &b);
	run_out(r, &in, NULL, FL_V_DROP_TOO_BIG);
	b.mtu = 0;
	b.hop.ifindex = 0;
	rig__backend(r, RIG_IPIP4, &b);
	run_out(r, &in, NULL, FL_V_DROP_NO_NEXTHOP);
	point_at(r, 4, 4711);
	run_out(r, &in, NULL, FL_V_DROP_BUG);
}

/* A connection that another backend's record has: not by that one's way. */
static void test_stale_record(void **state)
{
	struct rig *r = with_probes();
	struct rig_backend other = r->be[RIG_FULL4];
	struct spec s = build__tcp(4), in = to_stand_in(&s);

	(void)state;
	maps__no_flows(r);
	there_and_back(r, &s, RIG_FULL4);
	other.tunnel.dst[3]++;
	rig__backend(r, RIG_BACKENDS, &other);
	point_at(r, 4, RIG_BACKENDS);
	in.flags = 0x10;
	run_out(r, &in, NULL, FL_V_DROP_NAT_UNKNOWN);
}

/* Fragments, errors, requests, short packets: none is an answer. */
static void test_no_answer(void **state)
{
	struct rig *r = with_probes();
	struct spec s = build__echo(4), in = to_stand_in(&s), sent = check__sent(r, &s, RIG_L2);
	struct spec back;

	(void)state;
	point_at(r, 4, RIG_L2);
	sent.sport = sent.dport = 0;
	run_out(r, &in, &sent, FL_V_SEND_L2);
	back = build__reply(&sent);
	run_back(&back, NULL);
	back.icmp.type = 0;
	build__first(&back, 9);
	run_back(&back, NULL);
	back = build__reply(&sent);
	back.icmp.type = 0;
	back.type = 0x0806;
	run_back(&back, NULL);
}

static int teardown(void **state)
{
	probe_bpf__destroy(skel);
	skel = NULL;
	return rig__teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mode),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_no_checksum),
		cmocka_unit_test(test_for_nobody),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_stale_record),
		cmocka_unit_test_teardown(test_no_answer, teardown),
	};

	return check__table("packet_probe", NULL, 0, tests, COUNT(tests));
}
