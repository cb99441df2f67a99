/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which packets the straight way (bpf/lean.h) takes. It does nothing that the steps do not do as well, so
 * from outside only its cost tells; here the steps are taken away from it, and what it leaves for them
 * is counted as a contradiction.
 */
#include "check.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "lb.skel.h"

#define MTU 1500

static const struct rig_gates gates = {.nat = true};

/* Modes that it knows, with what each adds to a packet. */
static const struct mode {
	uint32_t backend;
	uint8_t version;
	uint32_t overhead;
	enum fl_verdict verdict;
} modes[] = {
	{RIG_L2, 4, 0, FL_V_SEND_L2},	    {RIG_L2, 6, 0, FL_V_SEND_L2},
	{RIG_IPIP4, 4, 20, FL_V_SEND_IPIP}, {RIG_IPIP6, 6, 40, FL_V_SEND_IPIP},
	{RIG_GUE4, 4, 32, FL_V_SEND_GUE},   {RIG_NAT4, 4, 0, FL_V_SEND_NAT},
};

/* The steps, all of them there or none. */
static void set_steps(const struct rig *r, bool there)
{
	const struct bpf_program *programs[FL_STEPS] = {
		[FL_STEP_FULL] = r->skel->progs.lb_full,
		[FL_STEP_ICMP] = r->skel->progs.lb_icmp,
		[FL_STEP_FAST] = r->skel->progs.lb_fast,
	};
	int map = bpf_map__fd(r->skel->maps.steps);

	for (uint32_t i = 0; i < FL_STEPS; i++) {
		int fd = bpf_program__fd(programs[i]);

		if (there)
			assert_int_equal(bpf_map_update_elem(map, &i, &fd, BPF_ANY), 0);
		else
			assert_int_equal(bpf_map_delete_elem(map, &i), 0);
	}
}

static struct rig *without_steps(void)
{
	struct rig *r = rig__get(gates);

	rig__reset_backends(r);
	r->unexplained = true;
	set_steps(r, false);
	return r;
}

static void with_steps(struct rig *r)
{
	set_steps(r, true);
	rig__reset_backends(r);
	r->unexplained = false;
}

static void point_with_mtu(struct rig *r, uint32_t backend, uint16_t mtu)
{
	struct rig_backend b = r->be[backend];

	b.mtu = mtu;
	rig__backend(r, backend, &b);
	rig__point(r, (uint16_t)backend);
}

/* The verdict of a packet: DROP_BUG if the straight way has left it. */
static void gets(struct rig *r, const struct spec *s, enum fl_verdict verdict)
{
	uint64_t before = rig__verdict(r, verdict).packets;
	static struct frame in;
	static struct run run;

	build__frame(s, &in);
	rig__run(r->lb, &in, 0, &run);
	assert_int_equal(rig__verdict(r, verdict).packets, before + 1);
}

static void gets_with_length(struct rig *r, struct spec s, uint32_t l3_len, enum fl_verdict verdict)
{
	s.payload = 0;
	s.payload = (uint16_t)(l3_len - build__l3_len(&s));
	assert_int_equal(build__l3_len(&s), l3_len);
	gets(r, &s, verdict);
}

/* Packets up to the very last byte that fits, of each mode and protocol; none that does not. */
static void test_lengths(void **state)
{
	struct rig *r = without_steps();

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		const struct mode *m = &modes[i];
		const struct spec protos[] = {build__tcp(m->version), build__udp(m->version)};

		point_with_mtu(r, m->backend, MTU);
		for (size_t p = 0; p < COUNT(protos); p++) {
			uint32_t fits = MTU - m->overhead;

			for (uint32_t len = fits - 60; len <= fits; len++)
				gets_with_length(r, protos[p], len, m->verdict);
			for (uint32_t len = fits + 1; len <= MTU + 1; len++)
				gets_with_length(r, protos[p], len, FL_V_DROP_BUG);
		}
	}
	with_steps(r);
}

/* Where no MTU is known, every length has its way. */
static void test_no_mtu(void **state)
{
	struct rig *r = without_steps();

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		point_with_mtu(r, modes[i].backend, 0);
		for (uint32_t len = 100; len <= 3000; len += 100)
			gets_with_length(r, build__tcp(modes[i].version), len, modes[i].verdict);
	}
	with_steps(r);
}

/* The smallest and the largest MTU that an entry can hold. */
static void test_odd_mtus(void **state)
{
	static const uint16_t mtus[] = {100, 576, 1280, 1281, 1499, 2000, 65535};
	struct rig *r = without_steps();

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		for (size_t m = 0; m < COUNT(mtus); m++) {
			const struct spec s = build__tcp(modes[i].version);
			uint32_t fits = mtus[m] - modes[i].overhead;

			point_with_mtu(r, modes[i].backend, mtus[m]);
			if (fits > 3000) {
				gets_with_length(r, s, 3000, modes[i].verdict);
				continue;
			}
			if (fits >= build__l3_len(&s))
				gets_with_length(r, s, fits, modes[i].verdict);
			if (fits + 1 >= build__l3_len(&s))
				gets_with_length(r, s, fits + 1, FL_V_DROP_BUG);
		}
	}
	with_steps(r);
}

/* What it leaves: options, tags, fragments, what another family's header is put around. */
static void test_left(void **state)
{
	struct rig *r = without_steps();
	struct spec s;

	(void)state;
	point_with_mtu(r, RIG_IPIP4, MTU);
	gets(r, (s = build__tcp(4), s.ip.options = 4, &s), FL_V_DROP_BUG);
	gets(r, (s = build__tcp(4), s.tags[0] = (struct tag){TYPE_VLAN, 7}, &s), FL_V_DROP_BUG);
	gets(r, (s = build__udp(4), build__first(&s, 1), &s), FL_V_DROP_BUG);
	gets(r, (s = build__tcp(4), s.ip.ttl = 1, &s), FL_V_DROP_BUG);
	gets(r, (s = build__sctp(4), &s), FL_V_DROP_BUG);
	gets(r, (s = build__tcp(6), &s), FL_V_DROP_BUG);
	point_with_mtu(r, RIG_GUE6, MTU);
	gets(r, (s = build__tcp(6), &s), FL_V_DROP_BUG);
	with_steps(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_no_mtu),
		cmocka_unit_test(test_odd_mtus),
		cmocka_unit_test(test_left),
	};

	return check__table("packet_lean", NULL, 0, tests, COUNT(tests));
}
