/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of VRRP groups, and of what they track. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_parsed.h"

static void test_vrrp(void **state)
{
	struct config *c = parse(
		HEAD
		"vrrp:\n"
		"  - {name: a, interface: eth0, vrid: 51, addresses: [192.0.2.1]}\n"
		"  - {name: b, interface: eth0.7, vrid: 255, priority: 255,\n"
		"     addresses: ['2001:db8::1', '2001:db8::2'], interval: 40950ms,\n"
		"     preempt: false, sync: edge, source: '2001:db8::9',\n"
		"     peers: ['2001:db8::8']}\n"
		"  - {name: c, interface: eth0, vrid: 52, addresses: [192.0.2.3],\n"
		"     interval: 10ms, preempt_delay: 1h,\n"
		"     track: {interfaces: [eth1, eth2], backends_cost: 30, min_up_cost: 9,\n"
		"             bgp: [{session: up4, daemon: bird}, {session: '2001:db8::1', daemon: frr,\n"
		"                    vrf: red, interval: 100ms, timeout: 10ms, rise: 1, fall: 2, cost: 7},\n"
		"                   {session: eth1, daemon: frr, socket: /run/frr/x/bgpd.vty}]}}\n");
	const struct config_vrrp *g = c->vrrp;

	(void)state;
	assert_int_equal(c->n_vrrp, 3);
	assert_string_equal(g[0].name, "a");
	assert_int_equal(g[0].vrid, 51);
	assert_int_equal(g[0].priority, 100);
	assert_int_equal(g[0].interval_ms, 1000);
	assert_true(g[0].preempt);
	assert_int_equal(g[0].preempt_delay_ms, 0);
	assert_false(g[0].has_source);
	assert_int_equal(g[0].n_peers, 0);
	assert_string_equal(g[0].sync, "");
	assert_int_equal(g[0].n_track, 0);
	assert_int_equal(g[0].backends_cost, 0);
	assert_string_equal(g[1].interface, "eth0.7");
	assert_int_equal(g[1].n_addresses, 2);
	assert_int_equal(g[1].interval_ms, 40950);
	assert_false(g[1].preempt);
	assert_true(g[1].has_source);
	assert_int_equal(g[1].source.b[15], 9);
	assert_int_equal(g[1].n_peers, 1);
	assert_string_equal(g[1].sync, "edge");
	assert_int_equal(g[2].preempt_delay_ms, 3600000);
	assert_int_equal(g[2].n_track, 2);
	assert_string_equal(g[2].track[1], "eth2");
	assert_int_equal(g[2].interface_cost, 50);
	assert_int_equal(g[2].backends_cost, 30);
	assert_int_equal(g[0].min_up_cost, 0);
	assert_int_equal(g[2].min_up_cost, 9);
	assert_int_equal(g[0].n_bgp, 0);
	assert_int_equal(g[2].n_bgp, 3);
	assert_int_equal(g[2].bgp[0].daemon, CONFIG_BGP_BIRD);
	assert_string_equal(g[2].bgp[0].session, "up4");
	assert_string_equal(g[2].bgp[0].vrf, "");
	assert_string_equal(g[2].bgp[0].socket, "/run/bird/bird.ctl");
	assert_int_equal(g[2].bgp[0].interval_ms, 1000);
	assert_int_equal(g[2].bgp[0].timeout_ms, 1000);
	assert_int_equal(g[2].bgp[0].rise, 2);
	assert_int_equal(g[2].bgp[0].fall, 3);
	assert_int_equal(g[2].bgp[0].cost, 50);
	assert_int_equal(g[2].bgp[1].daemon, CONFIG_BGP_FRR);
	assert_string_equal(g[2].bgp[1].vrf, "red");
	assert_string_equal(g[2].bgp[1].socket, "/run/frr/bgpd.vty");
	assert_int_equal(g[2].bgp[1].interval_ms, 100);
	assert_int_equal(g[2].bgp[1].timeout_ms, 10);
	assert_int_equal(g[2].bgp[1].rise, 1);
	assert_int_equal(g[2].bgp[1].fall, 2);
	assert_int_equal(g[2].bgp[1].cost, 7);
	assert_string_equal(g[2].bgp[2].socket, "/run/frr/x/bgpd.vty");
	config__free(c);
	c = parse(HEAD "vrrp: []\n");
	assert_int_equal(c->n_vrrp, 0);
	config__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vrrp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
