/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of the ways to the backends and of the kernel's settings for networks. */
#include "doctor_facts.h"

static void next_hops_are_known(void **state)
{
	static const uint16_t usable[] = {NUD_REACHABLE, NUD_STALE,	NUD_DELAY,
					  NUD_PROBE,	 NUD_PERMANENT, NUD_NOARP};

	(void)state;
	for (size_t i = 0; i < sizeof(usable) / sizeof(*usable); i++) {
		ways[1].net.neighbour = usable[i];
		ask(doctor_check__nexthops);
		assert_only(DOCTOR_OK, "the next hops of 3 of 3 backends are known", "");
	}
	facts.n_ways = 0;
	ask(doctor_check__nexthops);
	assert_int_equal(report.n, 0);
}

static void a_way_without_end(void **state)
{
	(void)state;
	ways[1].error = -ENETUNREACH;
	ask(doctor_check__nexthops);
	assert_int_equal(report.n, 2);
	assert_finding(0, DOCTOR_ERROR, "there is no route to web/b2 (10.0.0.12)",
		       "ip route get 10.0.0.12");
	assert_finding(1, DOCTOR_OK, "2 of 3", "");
	ways[2].error = -EHOSTUNREACH;
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_ERROR, "web/b2 (10.0.0.12) and 1 other", "ip route get 10.0.0.12");
	ways[0].error = -EHOSTUNREACH;
	ask(doctor_check__nexthops);
	assert_only(DOCTOR_ERROR, "web/b1 (10.0.0.11) and 2 others", "ip route get 10.0.0.11");
}

static void ways_that_no_frame_goes(void **state)
{
	struct doctor_way *w = &ways[0];

	(void)state;
	w->net.local = true;
	w->device = NULL;
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_ERROR, "an address of this machine itself is given for web/b1",
		       "ip route get 10.0.0.11");
	begin(NULL);
	w->device = NULL;
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_ERROR, "no route", "ip route get 10.0.0.11");
	begin(NULL);
	devices[0].link.up = false;
	ask(doctor_check__nexthops);
	assert_only(DOCTOR_ERROR, "is down on the way to web/b1 (10.0.0.11) and 2 others",
		    "ip link set dev eth0 up");
	begin(NULL);
	devices[0].link.ether = false;
	ask(doctor_check__nexthops);
	assert_only(DOCTOR_ERROR, "without Ethernet addresses", "ip route get 10.0.0.11");
	begin(NULL);
	devices[1].link.is_vlan = true;
	w->device = &devices[1];
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_ERROR, "one 802.1Q tag is not enough", "ip route get 10.0.0.11");
	w->below = &devices[0];
	ask(doctor_check__nexthops);
	assert_only(DOCTOR_OK, "3 of 3", "");
}

static void l2_needs_one_link(void **state)
{
	uint8_t gateway[4] = {10, 0, 0, 1};

	(void)state;
	ways[0].net.has_via = true;
	ways[0].net.via = addr__from_bytes(AF_INET, gateway);
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_ERROR, "`forward: l2` needs it on the same link",
		       "ip route get 10.0.0.11");
	service.forward = CONFIG_FWD_IPIP;
	ask(doctor_check__nexthops);
	assert_only(DOCTOR_OK, "3 of 3", "");
	/* It is the gateway that is asked for. */
	ways[0].net.neighbour = NUD_FAILED;
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_ERROR, "nobody answers", "ping -c 1 -W 2 10.0.0.1");
}

static void neighbours_that_do_not_answer(void **state)
{
	(void)state;
	ways[0].net.neighbour = NUD_FAILED;
	ways[1].net.neighbour = NUD_INCOMPLETE;
	ask(doctor_check__nexthops);
	assert_int_equal(report.n, 2);
	assert_finding(0, DOCTOR_ERROR,
		       "nobody answers ARP or NDP on the way to web/b1 (10.0.0.11) and 1 other",
		       "ping -c 1 -W 2 10.0.0.11");
	begin(NULL);
	ways[0].net.neighbour = NUD_NONE;
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_WARNING, "no MAC address is known", "ping -c 1 -W 2 10.0.0.11");
	ways[0].net.neighbour = NUD_REACHABLE;
	ways[0].net.has_mac = false;
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_WARNING, "no MAC address is known", "ping -c 1 -W 2 10.0.0.11");
	facts.agent.runs = false; /* nobody has asked */
	ask(doctor_check__nexthops);
	assert_finding(0, DOCTOR_NOTE, "no MAC address is known", "ping -c 1 -W 2 10.0.0.11");
}

static void the_table_of_neighbours(void **state)
{
	(void)state;
	ask(doctor_check__neighbour_table);
	assert_only(DOCTOR_OK, "3 of 1024 neighbours of ipv4", "");
	facts.neighbours4 = 4;
	ask(doctor_check__neighbour_table);
	assert_only(DOCTOR_OK, "3 of 4", "");
	facts.neighbours4 = 3;
	ask(doctor_check__neighbour_table);
	assert_only(DOCTOR_ERROR, "3 neighbours of ipv4, and the kernel has room for 3",
		    "sysctl -w net.ipv4.neigh.default.gc_thresh3=1024 "
		    "net.ipv4.neigh.default.gc_thresh2=512 net.ipv4.neigh.default.gc_thresh1=256");
	/* One gateway is one neighbour, and a way that there is not is none. */
	ways[1].net.via = ways[0].net.via;
	ask(doctor_check__neighbour_table);
	assert_only(DOCTOR_OK, "2 of 3", "");
	ways[2].error = -ENETUNREACH;
	ask(doctor_check__neighbour_table);
	assert_only(DOCTOR_OK, "1 of 3", "");
	facts.neighbours4 = DOCTOR_UNKNOWN;
	ask(doctor_check__neighbour_table);
	assert_int_equal(report.n, 0);
}

/* What is set is enough for what was counted. */
static void the_table_of_many_neighbours(void **state)
{
	enum { MANY = 5000 };
	struct doctor_way *many = calloc(MANY, sizeof(*many));

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < MANY; i++) {
		many[i] = ways[0];
		many[i].net.via.b[14] = (uint8_t)(i >> 8);
		many[i].net.via.b[15] = (uint8_t)i;
	}
	facts.ways = many;
	facts.n_ways = MANY;
	ask(doctor_check__neighbour_table);
	assert_only(
		DOCTOR_ERROR, "5000 neighbours",
		"sysctl -w net.ipv4.neigh.default.gc_thresh3=16384 "
		"net.ipv4.neigh.default.gc_thresh2=8192 net.ipv4.neigh.default.gc_thresh1=4096");
	free(many);
}

static void mtu_against_the_outer_headers(void **state)
{
	static const struct {
		enum config_forward forward;
		bool v6;
		uint32_t needed;
		const char *text, *fix;
	} cases[] = {
		{CONFIG_FWD_L2, false, 1500, "", ""},
		{CONFIG_FWD_NAT, false, 1500, "", ""},
		{CONFIG_FWD_FULLNAT, false, 1500, "", ""},
		{CONFIG_FWD_IPIP, false, 1520, "(1520 with ipip)", "ip link set dev eth0 mtu 1520"},
		{CONFIG_FWD_IPIP, true, 1540, "(1540 with ipip)", "ip link set dev eth0 mtu 1540"},
		{CONFIG_FWD_GUE, false, 1532, "(1532 with gue)", "ip link set dev eth0 mtu 1532"},
		{CONFIG_FWD_GUE, true, 1552, "(1552 with gue)", "ip link set dev eth0 mtu 1552"},
	};
	uint8_t address[16] = {0xfd, [15] = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin(NULL);
		service.forward = cases[i].forward;
		for (size_t w = 0; cases[i].v6 && w < WAYS; w++)
			backends[w].address = addr__from_bytes(AF_INET6, address);
		devices[0].link.mtu = cases[i].needed;
		ask(doctor_check__mtu);
		assert_only(DOCTOR_OK, "enough for 3 backends", "");
		if (!cases[i].text[0])
			continue;
		devices[0].link.mtu = cases[i].needed - 1;
		ask(doctor_check__mtu);
		assert_only(DOCTOR_WARNING, cases[i].text, cases[i].fix);
		assert_non_null(strstr(report.list[0].text, "for packets of 1500 bytes"));
	}
}

/* Without a tunnel: what comes in is to get out, but no more than clients on Ethernet send. */
static void mtu_of_two_sides(void **state)
{
	(void)state;
	for (size_t i = 0; i < WAYS; i++)
		ways[i].device = &devices[1];
	devices[0].link.mtu = 9000;
	ask(doctor_check__mtu);
	assert_only(DOCTOR_OK, "eth1: its MTU of 1500", "");
	devices[1].link.mtu = 1499;
	ask(doctor_check__mtu);
	assert_only(DOCTOR_WARNING, "eth1: its MTU of 1499 is too small for packets of 1500 bytes",
		    "ip link set dev eth1 mtu 1500");
	devices[0].link.mtu = 1400;
	ask(doctor_check__mtu);
	assert_only(DOCTOR_OK, "enough", "");
}

static void mtu_of_a_route(void **state)
{
	(void)state;
	ways[1].net.mtu = 1400;
	ask(doctor_check__mtu);
	assert_int_equal(report.n, 2);
	assert_finding(1, DOCTOR_WARNING,
		       "the route says an MTU of 1400, less than its interface's 1500",
		       "ip route get 10.0.0.12");
	ways[1].net.mtu = 1500;
	ask(doctor_check__mtu);
	assert_only(DOCTOR_OK, "enough", "");
	/* Less than the interface has, and enough all the same. */
	devices[0].link.mtu = 9000;
	service.forward = CONFIG_FWD_IPIP;
	ways[1].net.mtu = 1520;
	ask(doctor_check__mtu);
	assert_only(DOCTOR_OK, "enough", "");
	ways[1].net.mtu = 1519;
	ask(doctor_check__mtu);
	assert_int_equal(report.n, 2);
	ways[1].error = -ENETUNREACH;
	ask(doctor_check__mtu);
	assert_only(DOCTOR_OK, "enough for 2 backends", "");
}

static void devices_that_frames_are_redirected_to(void **state)
{
	(void)state;
	ask(doctor_check__egress);
	assert_int_equal(report.n, 0);
	ways[1].device = &devices[1];
	ask(doctor_check__egress);
	assert_only(DOCTOR_OK, "eth1 takes the frames for 1 backends", "");
	devices[1].features &= ~(uint64_t)DOCTOR_XDP_TARGET;
	ask(doctor_check__egress);
	assert_only(DOCTOR_ERROR, "eth1 (driver ixgbe) does not take frames",
		    "${EDITOR:-vi} /etc/fairlead/fairlead.yaml && fairlead -s "
		    "/run/fairlead/main.sock config apply");
	devices[0].xdp.mode = PLANE_SEEN_GENERIC; /* then the stack sends */
	ask(doctor_check__egress);
	assert_only(DOCTOR_OK, "eth1 takes", "");
	devices[0].xdp.mode = PLANE_SEEN_NATIVE;
	/* By a VLAN device frames leave by the one below. */
	ways[1].below = &devices[0];
	ask(doctor_check__egress);
	assert_int_equal(report.n, 0);
	ways[1].below = NULL;
	devices[1].features_known = false;
	ask(doctor_check__egress);
	assert_int_equal(report.n, 0);
}

static void forwarding_for_nat(void **state)
{
	uint8_t vip6[16] = {0xfd, [15] = 9};

	(void)state;
	ask(doctor_check__forwarding); /* l2 */
	assert_int_equal(report.n, 0);
	for (int i = 0; i < 2; i++) {
		begin(NULL);
		service.forward = i ? CONFIG_FWD_NAT : CONFIG_FWD_FULLNAT;
		ask(doctor_check__forwarding);
		assert_only(DOCTOR_ERROR, "forwarding of IPv4 is off",
			    "sysctl -w net.ipv4.ip_forward=1");
		facts.forward4 = 1;
		ask(doctor_check__forwarding);
		assert_only(DOCTOR_ERROR, "eth0 does not forward IPv4",
			    "sysctl -w net.ipv4.conf.eth0.forwarding=1");
		devices[0].forwarding4 = 1;
		ask(doctor_check__forwarding);
		assert_only(DOCTOR_OK, "IPv4 is forwarded", "");
		facts.forward4 = DOCTOR_UNKNOWN;
		ask(doctor_check__forwarding);
		assert_int_equal(report.n, 0);
	}
	service.vip.addr = addr__from_bytes(AF_INET6, vip6);
	ask(doctor_check__forwarding);
	assert_only(DOCTOR_ERROR, "forwarding of IPv6 is off",
		    "sysctl -w net.ipv6.conf.all.forwarding=1");
	facts.forward6 = 1;
	snprintf(devices[0].name, sizeof(devices[0].name), "eth0.7");
	ask(doctor_check__forwarding);
	assert_only(DOCTOR_ERROR, "eth0.7 does not forward IPv6",
		    "sysctl -w net/ipv6/conf/eth0.7/forwarding=1");
}

static void redirects_in_one_network(void **state)
{
	static const char fix[] =
		"sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0";

	(void)state;
	devices[0].redirects = 1;
	ask(doctor_check__redirects); /* l2 */
	assert_int_equal(report.n, 0);
	service.forward = CONFIG_FWD_NAT;
	ask(doctor_check__redirects);
	assert_only(DOCTOR_WARNING, "sends ICMP redirects", fix);
	devices[0].redirects = 0;
	facts.redirects_all = 1;
	ask(doctor_check__redirects);
	assert_only(DOCTOR_WARNING, "sends ICMP redirects", fix);
	facts.redirects_all = 0;
	ask(doctor_check__redirects);
	assert_only(DOCTOR_OK, "eth0 sends no ICMP redirects", "");
	devices[1].named = true; /* two sides, two interfaces */
	devices[0].redirects = 1;
	ask(doctor_check__redirects);
	assert_int_equal(report.n, 0);
}

static void rp_filter_of_two_interfaces(void **state)
{
	static const struct {
		int all, own;
		enum doctor_level level;
		const char *text;
	} cases[] = {
		{0, 0, DOCTOR_OK, "off"},	  {1, 0, DOCTOR_WARNING, "strict"},
		{0, 1, DOCTOR_WARNING, "strict"}, {1, 1, DOCTOR_WARNING, "strict"},
		{2, 1, DOCTOR_OK, "loose"},	  {1, 2, DOCTOR_OK, "loose"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		devices[1].rp_filter = DOCTOR_UNKNOWN;
		devices[0].rp_filter = cases[i].own;
		facts.rp_filter_all = cases[i].all;
		ask(doctor_check__rp_filter);
		assert_only(cases[i].level, cases[i].text,
			    cases[i].level == DOCTOR_OK
				    ? ""
				    : "sysctl -w net.ipv4.conf.eth0.rp_filter=2");
	}
	devices[0].rp_filter = 1;
	facts.n_devices = 1;
	ask(doctor_check__rp_filter);
	assert_only(DOCTOR_OK, "strict, and it is the only interface", "");
	facts.rp_filter_all = DOCTOR_UNKNOWN;
	ask(doctor_check__rp_filter);
	assert_int_equal(report.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(next_hops_are_known),
		TEST(a_way_without_end),
		TEST(ways_that_no_frame_goes),
		TEST(l2_needs_one_link),
		TEST(neighbours_that_do_not_answer),
		TEST(the_table_of_neighbours),
		TEST(the_table_of_many_neighbours),
		TEST(mtu_against_the_outer_headers),
		TEST(mtu_of_two_sides),
		TEST(mtu_of_a_route),
		TEST(devices_that_frames_are_redirected_to),
		TEST(forwarding_for_nat),
		TEST(redirects_in_one_network),
		TEST(rp_filter_of_two_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
