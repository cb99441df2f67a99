/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lease: what a lapse does to packets, and the timer itself, with the kernel's real clock. */
#include "check.h"

#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "lb.skel.h"

#define MS 1000000ULL
#define GENEROUS_MS 5000

static void lease_get(const struct rig *r, struct fl_lease *out)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.lease), &zero, out), 0);
}

/* The kernel keeps the timer in the map's value out of this. */
static void lease_set_lapsed(const struct rig *r, uint32_t lapsed)
{
	struct fl_lease l;
	uint32_t zero = 0;

	lease_get(r, &l);
	l.lapsed = lapsed;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(r->skel->maps.lease), &zero, &l, BPF_ANY),
			 0);
}

static void set_on_loss(struct rig *r, uint32_t on_agent_loss)
{
	struct fl_settings s = r->settings;

	s.on_agent_loss = on_agent_loss;
	rig__settings(r, &s);
}

static void set_lease_ns(struct rig *r, uint64_t ns)
{
	struct fl_settings s = r->settings;

	s.lease_ns = ns;
	rig__settings(r, &s);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

static void sleep_ms(uint64_t ms)
{
	const struct timespec t = {.tv_sec = (time_t)(ms / 1000),
				   .tv_nsec = (long)(ms % 1000 * MS)};

	nanosleep(&t, NULL);
}

/* As the agent does it. */
static void renew(const struct rig *r)
{
	static struct frame in = {.len = 64};
	static struct run run;

	rig__run(r->arm, &in, 0, &run);
	assert_int_equal(run.action, XDP_PASS);
}

static void all_services(struct rig *r, enum fl_verdict l2, enum fl_verdict ipip)
{
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec tcp = build__tcp(version), udp = build__udp(version);

		rig__point(r, RIG_L2);
		check__spec(r, &tcp, RIG_L2, l2);
		check__spec(r, &udp, RIG_L2, l2);
		rig__point(r, RIG_IPIP4);
		check__spec(r, &tcp, RIG_IPIP4, ipip);
		rig__point(r, RIG_IPIP6);
		check__spec(r, &udp, RIG_IPIP6, ipip);
	}
}

/* A packet for a service, so that its counter moves even where the packet is left to the kernel. */
static void passes_lost(struct rig *r)
{
	struct spec s = build__udp(4);
	struct want want = {.verdict = FL_V_PASS_AGENT_LOST, .service = RIG_UDP4};
	static struct frame in;

	build__frame(&s, &in);
	rig__point(r, RIG_IPIP4);
	check__frame(r, &in, &want);
}

/* What is not for a service never asks for the lease. */
static void others_pass(struct rig *r)
{
	struct spec s = build__tcp(6);

	s.dport++;
	check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	s.type = 0x0806;
	check__spec(r, &s, 0, FL_V_PASS_NOT_IP);
}

static void test_lapsed(void **state)
{
	struct rig *r = rig__get((struct rig_gates){.lease = true});

	(void)state;
	lease_set_lapsed(r, 1);
	set_on_loss(r, FL_LOSS_KEEP);
	all_services(r, FL_V_SEND_L2, FL_V_SEND_IPIP);
	set_on_loss(r, FL_LOSS_DROP);
	all_services(r, FL_V_DROP_AGENT_LOST, FL_V_DROP_AGENT_LOST);
	others_pass(r);
	set_on_loss(r, FL_LOSS_PASS);
	passes_lost(r);
	others_pass(r);
}

static void test_not_lapsed(void **state)
{
	struct rig *r = rig__get((struct rig_gates){.lease = true});

	(void)state;
	lease_set_lapsed(r, 0);
	for (uint32_t loss = FL_LOSS_KEEP; loss <= FL_LOSS_DROP; loss++) {
		set_on_loss(r, loss);
		all_services(r, FL_V_SEND_L2, FL_V_SEND_IPIP);
		others_pass(r);
	}
}

/* A lapse comes before the choice of a backend: none is not what is wrong then. */
static void test_lapse_comes_first(void **state)
{
	struct rig *r = rig__get((struct rig_gates){.lease = true});
	struct spec s = build__tcp(4);

	(void)state;
	set_on_loss(r, FL_LOSS_DROP);
	lease_set_lapsed(r, 1);
	rig__point(r, FL_SLOT_NONE);
	check__spec(r, &s, 0, FL_V_DROP_AGENT_LOST);
	lease_set_lapsed(r, 0);
	check__spec(r, &s, 0, FL_V_DROP_NO_BACKEND);
}

/* Without the gate the path holds no word of the lease. */
static void test_gate_off(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	lease_set_lapsed(r, 1);
	set_on_loss(r, FL_LOSS_DROP);
	all_services(r, FL_V_SEND_L2, FL_V_SEND_IPIP);
}

static struct fl_lease wait_for_lapse(const struct rig *r, uint64_t lapses)
{
	uint64_t deadline = now_ns() + GENEROUS_MS * MS;
	struct fl_lease l;

	do {
		lease_get(r, &l);
		if (l.lapsed && l.lapses == lapses)
			return l;
		sleep_ms(1);
	} while (now_ns() < deadline);
	fail_msg("not lapsed after %d ms: lapsed %u, lapses %llu of %llu", GENEROUS_MS, l.lapsed,
		 (unsigned long long)l.lapses, (unsigned long long)lapses);
	return l;
}

/* Armed, lapsed, armed again: with what packets come to at each of these. */
static void test_timer_fires(void **state)
{
	struct rig *r = rig__get((struct rig_gates){.lease = true});
	struct spec s = build__tcp(4);
	uint64_t start = now_ns();
	struct fl_lease l;

	(void)state;
	lease_set_lapsed(r, 0);
	set_on_loss(r, FL_LOSS_DROP);
	rig__point(r, RIG_L2);
	for (uint64_t round = 0; round < 3; round++) {
		uint64_t before;

		lease_get(r, &l);
		before = l.lapses;
		set_lease_ns(r, 60 * 1000 * MS);
		renew(r);
		lease_get(r, &l);
		assert_int_equal(l.lapsed, 0);
		assert_int_equal(l.started, 1);
		assert_in_range(l.renewed, start, now_ns());
		start = l.renewed;
		check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
		set_lease_ns(r, 5 * MS);
		renew(r);
		l = wait_for_lapse(r, before + 1);
		assert_in_range(now_ns() - l.renewed, 5 * MS, GENEROUS_MS * MS);
		check__spec(r, &s, 0, FL_V_DROP_AGENT_LOST);
		/* It fires once. */
		sleep_ms(20);
		lease_get(r, &l);
		assert_int_equal(l.lapses, before + 1);
	}
}

/* Many renewals over more than one lease. False: one came too late, which proves nothing. */
static bool renew_for_long(struct rig *r, uint64_t lease_ns)
{
	uint64_t last = now_ns(), longest = 0;
	struct fl_lease first, l;

	set_lease_ns(r, GENEROUS_MS * MS);
	renew(r);
	lease_get(r, &first);
	set_lease_ns(r, lease_ns);
	for (int i = 0; i < 40; i++) {
		uint64_t now;

		renew(r);
		now = now_ns();
		longest = now - last > longest ? now - last : longest;
		last = now;
		sleep_ms(20);
	}
	lease_get(r, &l);
	longest = now_ns() - last > longest ? now_ns() - last : longest;
	if (longest >= lease_ns)
		return false;
	assert_int_equal(l.lapses, first.lapses);
	assert_int_equal(l.lapsed, 0);
	assert_true(l.renewed > first.renewed);
	return true;
}

/* A renewal in time is what keeps it: many of them, over far more than one lease. */
static void test_renewed_in_time(void **state)
{
	struct rig *r = rig__get((struct rig_gates){.lease = true});
	int tries = 1;

	(void)state;
	while (!renew_for_long(r, 600 * MS))
		assert_in_range(++tries, 2, 10);
}

/* No packet is counted for a renewal. */
static void test_renewal_is_no_packet(void **state)
{
	struct rig *r = rig__get((struct rig_gates){.lease = true});
	static struct counters before, after;

	(void)state;
	rig__counters(r, &before);
	renew(r);
	rig__counters(r, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lapsed),
		cmocka_unit_test(test_not_lapsed),
		cmocka_unit_test(test_lapse_comes_first),
		cmocka_unit_test(test_timer_fires),
		cmocka_unit_test(test_renewed_in_time),
		cmocka_unit_test(test_renewal_is_no_packet),
		cmocka_unit_test(test_gate_off),
	};

	return check__table("packet_lease", NULL, 0, tests, COUNT(tests));
}
