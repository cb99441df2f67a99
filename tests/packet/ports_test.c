/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way out: back by the port that the packet came from, by another one, or by none. */
#include "check.h"

#include <bpf/bpf.h>

#include "lb.skel.h"

static const uint32_t backends[] = {RIG_L2, RIG_IPIP4, RIG_IPIP6};

/* A packet that came by `ingress` for each backend, whose next hop is at `egress`. */
static void send_all(struct rig *r, uint32_t ingress, uint32_t egress, bool there)
{
	static struct frame in, out;

	for (size_t i = 0; i < COUNT(backends); i++) {
		struct rig_backend b = r->be[backends[i]];
		struct spec s = build__tcp(i % 2 ? 4 : 6), sent;
		struct want want = {
			.verdict = i ? FL_V_SEND_IPIP : FL_V_SEND_L2,
			.service = rig__service_of(&s),
			.backend = backends[i],
			.ingress = ingress,
			.redirect = ingress != egress,
		};

		b.hop.ifindex = egress;
		rig__backend(r, backends[i], &b);
		rig__point(r, (uint16_t)backends[i]);
		build__frame(&s, &in);
		if (there) {
			sent = check__sent(r, &s, backends[i]);
			build__frame(&sent, &out);
			want.out = &out;
		} else {
			want.verdict = FL_V_DROP_NO_NEXTHOP;
		}
		check__frame(r, &in, &want);
	}
	rig__reset_backends(r);
}

static void test_same_port(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	send_all(r, RIG_LO, RIG_LO, true);
	send_all(r, r->port, r->port, true);
}

/* XDP_TX asks no map: the port that a packet came by is there. */
static void test_same_port_not_in_tx_ports(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	rig__tx_port(r, RIG_LO, false);
	rig__tx_port(r, r->port, false);
	send_all(r, RIG_LO, RIG_LO, true);
	send_all(r, r->port, r->port, true);
	rig__tx_port(r, RIG_LO, true);
	rig__tx_port(r, r->port, true);
}

static void test_another_port(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	send_all(r, RIG_LO, r->port, true);
	send_all(r, r->port, RIG_LO, true);
}

/* A drop with a verdict of its own, and a frame that nobody has rewritten. */
static void test_port_gone(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	rig__tx_port(r, r->port, false);
	send_all(r, RIG_LO, r->port, false);
	rig__tx_port(r, r->port, true);
	send_all(r, RIG_LO, r->port, true);
	rig__tx_port(r, RIG_LO, false);
	send_all(r, r->port, RIG_LO, false);
	rig__tx_port(r, RIG_LO, true);
	send_all(r, RIG_LO, 4242, false);
}

static void test_no_next_hop(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	send_all(r, RIG_LO, 0, false);
	send_all(r, r->port, 0, false);
}

/* 0 is no port, even where the map has such a key. */
static void test_no_next_hop_whatever_the_map_says(void **state)
{
	struct rig *r = rig__plain();
	int fd = bpf_map__fd(r->skel->maps.tx_ports);
	uint32_t zero = 0;

	(void)state;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &r->port, BPF_ANY), 0);
	send_all(r, RIG_LO, 0, false);
	bpf_map_delete_elem(fd, &zero);
}

/* What has no next hop is counted so, whatever else is wrong with it. */
static void test_no_next_hop_comes_first(void **state)
{
	struct rig *r = rig__plain();
	struct rig_backend b = r->be[RIG_IPIP4];
	struct spec s = build__udp(4);

	(void)state;
	s.ip.ttl = 1;
	b.mtu = 60;
	rig__point(r, RIG_IPIP4);
	b.hop.ifindex = 0;
	rig__backend(r, RIG_IPIP4, &b);
	check__spec(r, &s, RIG_IPIP4, FL_V_DROP_NO_NEXTHOP);
	rig__reset_backends(r);
}

/* The redirect chosen for a packet that is then dropped is not taken by the next one. */
static void test_redirect_is_not_left_behind(void **state)
{
	struct rig *r = rig__plain();
	struct rig_backend b = r->be[RIG_IPIP4];
	struct spec s = build__udp(4);

	(void)state;
	b.hop.ifindex = r->port;
	rig__backend(r, RIG_IPIP4, &b);
	rig__point(r, RIG_IPIP4);
	s.ip.ttl = 1;
	check__spec(r, &s, RIG_IPIP4, FL_V_DROP_TTL);
	rig__reset_backends(r);
	s.ip.ttl = 9;
	check__spec(r, &s, RIG_IPIP4, FL_V_SEND_IPIP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_port),
		cmocka_unit_test(test_same_port_not_in_tx_ports),
		cmocka_unit_test(test_another_port),
		cmocka_unit_test(test_port_gone),
		cmocka_unit_test(test_no_next_hop),
		cmocka_unit_test(test_no_next_hop_whatever_the_map_says),
		cmocka_unit_test(test_no_next_hop_comes_first),
		cmocka_unit_test(test_redirect_is_not_left_behind),
	};

	return check__table("packet_ports", NULL, 0, tests, COUNT(tests));
}
