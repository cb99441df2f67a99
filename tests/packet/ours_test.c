/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine answers for: frames by their MAC address, and the VIPs of VRRP groups. */
#include "check.h"

#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "lb.skel.h"

#define MS 1000000ULL
#define PATIENCE_MS 5000

static struct fl_ours ours; /* as the map has it */

static void write_ours(const struct rig *r)
{
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(r->skel->maps.ours), &zero, &ours, BPF_ANY), 0);
}

static void read_ours(const struct rig *r)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.ours), &zero, &ours), 0);
}

static void put_mac(unsigned int cell, const uint8_t mac[6])
{
	ours.mac[cell] = 0;
	memcpy((uint8_t *)&ours.mac[cell] + 2, mac, 6);
}

/* All cells but `cell` say another address, each its own. */
static void know_by(const struct rig *r, unsigned int cell, const uint8_t mac[6])
{
	for (unsigned int i = 0; i < FL_MACS; i++) {
		const uint8_t other[6] = {2, 0xee, 0, 0, 0, (uint8_t)(1 + i)};

		put_mac(i, i == cell ? mac : other);
	}
	write_ours(r);
}

static void forget(const struct rig *r)
{
	memset(&ours, 0, sizeof(ours));
	write_ours(r);
}

/* Both families, and both ways through the program: SCTP is no matter for the straight one. */
static const struct {
	uint8_t version, proto;
} kinds[] = {{4, PROTO_TCP}, {4, PROTO_UDP}, {4, PROTO_SCTP},
	     {6, PROTO_TCP}, {6, PROTO_UDP}, {6, PROTO_SCTP}};

static struct spec spec_of(size_t i)
{
	return kinds[i].proto == PROTO_TCP   ? build__tcp(kinds[i].version)
	       : kinds[i].proto == PROTO_UDP ? build__udp(kinds[i].version)
					     : build__sctp(kinds[i].version);
}

static void test_each_cell(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	rig__point(r, RIG_L2);
	for (unsigned int cell = 0; cell < FL_MACS; cell++) {
		for (size_t i = 0; i < COUNT(kinds); i++) {
			struct spec s = spec_of(i);

			know_by(r, cell, s.dmac);
			check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
		}
	}
	forget(r);
}

static void test_each_bit(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	rig__point(r, RIG_L2);
	for (unsigned int bit = 1; bit < 48; bit++) {
		struct spec s = spec_of(bit % COUNT(kinds));

		know_by(r, bit % FL_MACS, s.dmac);
		s.dmac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (s.dmac[0] & 1)
			continue;
		check__spec(r, &s, 0, FL_V_PASS_OTHER_HOST);
		/* The source address is of no concern, and neither is one of zeros. */
		s.dmac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		s.smac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
		memset(s.dmac, 0, sizeof(s.dmac));
		check__spec(r, &s, 0, FL_V_PASS_OTHER_HOST);
	}
	forget(r);
}

/* What is nobody's alone, or no IP, is what it was; what is for no service was looked at no further. */
static void test_other_verdicts(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__tcp(4), echo = build__echo(4);

	(void)state;
	know_by(r, 3, s.dmac);
	check__spec(r, &echo, 0, FL_V_PASS_NOT_SERVICE);
	echo.dmac[5] ^= 4;
	check__spec(r, &echo, 0, FL_V_PASS_OTHER_HOST);
	s.dport++;
	check__spec(r, &s, 0, FL_V_PASS_NOT_SERVICE);
	s.dmac[5] ^= 4;
	check__spec(r, &s, 0, FL_V_PASS_OTHER_HOST);
	s.type = 0x0806;
	check__spec(r, &s, 0, FL_V_PASS_NOT_IP);
	s = build__tcp(4);
	memset(s.dmac, 0xff, sizeof(s.dmac));
	check__spec(r, &s, 0, FL_V_PASS_GROUP);
	forget(r);
}

static void mark(struct rig *r, uint32_t flag)
{
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		r->services[id].flags = flag;
}

static void set_stale(const struct rig *r, uint32_t stale)
{
	ours.stale = stale;
	write_ours(r);
}

/* Whatever on_agent_loss says, and whether or not it has a say. */
static void test_stale(void **state)
{
	static const enum rig_index ways[] = {RIG_L2, RIG_IPIP4, RIG_IPIP6, RIG_GUE4};
	static const enum fl_verdict sent[] = {FL_V_SEND_L2, FL_V_SEND_IPIP, FL_V_SEND_IPIP,
					       FL_V_SEND_GUE};

	(void)state;
	for (unsigned int round = 0; round < 6; round++) {
		struct rig *r = rig__get((struct rig_gates){.lease = round & 1});
		struct fl_settings set = r->settings;

		set.on_agent_loss = round / 2;
		rig__settings(r, &set);
		for (size_t i = 0; i < COUNT(kinds) * COUNT(ways); i++) {
			struct spec s = spec_of(i / COUNT(ways));
			size_t way = i % COUNT(ways);

			rig__point(r, ways[way]);
			mark(r, FL_SVC_GROUP);
			set_stale(r, 1);
			check__spec(r, &s, 0, FL_V_DROP_STALE);
			set_stale(r, 0);
			check__spec(r, &s, ways[way], sent[way]);
			mark(r, 0);
			set_stale(r, 1);
			check__spec(r, &s, ways[way], sent[way]);
		}
		forget(r);
	}
}

static void sleep_ms(long ms)
{
	const struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

static void arm(struct rig *r, uint64_t ns)
{
	struct fl_settings set = r->settings;
	static struct frame in = {.len = 64};
	static struct run run;

	set.lease_ns = ns;
	rig__settings(r, &set);
	rig__run(r->arm, &in, 0, &run);
	assert_int_equal(run.action, XDP_PASS);
}

static void wait_for_lapse(const struct rig *r)
{
	struct fl_lease l = {};
	uint32_t zero = 0;

	for (unsigned int ms = 0; ms < PATIENCE_MS && !l.lapsed; ms++) {
		sleep_ms(1);
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.lease), &zero, &l),
				 0);
	}
	assert_int_equal(l.lapsed, 1);
}

/* A renewal takes the lapse back, and not what it has made stale: that is the agent's to say. */
static void test_lapse(void **state)
{
	struct rig *r = rig__plain();
	struct spec s = build__tcp(4);

	(void)state;
	rig__point(r, RIG_L2);
	mark(r, FL_SVC_GROUP);
	forget(r);
	arm(r, 5 * MS);
	wait_for_lapse(r);
	check__spec(r, &s, RIG_L2, FL_V_SEND_L2);
	ours.groups = 1;
	write_ours(r);
	arm(r, 5 * MS);
	wait_for_lapse(r);
	check__spec(r, &s, 0, FL_V_DROP_STALE);
	arm(r, 60000 * MS);
	check__spec(r, &s, 0, FL_V_DROP_STALE);
	read_ours(r);
	assert_int_equal(ours.stale, 1);
	assert_int_equal(ours.groups, 1);
	mark(r, 0);
	forget(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_cell),      cmocka_unit_test(test_each_bit),
		cmocka_unit_test(test_other_verdicts), cmocka_unit_test(test_stale),
		cmocka_unit_test(test_lapse),
	};

	return check__table("packet_ours", NULL, 0, tests, COUNT(tests));
}
