/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of an interface, its driver and its XDP program. */
#include "doctor_facts.h"

static void an_interface_is_there_and_up(void **state)
{
	(void)state;
	ask(doctor_check__interface);
	assert_only(DOCTOR_OK, "eth0 is up, driver ixgbe", "");
	devices[0].link.up = false;
	ask(doctor_check__interface);
	assert_only(DOCTOR_ERROR, "eth0 is down", "ip link set dev eth0 up");
	devices[0].exists = false;
	ask(doctor_check__interface);
	assert_only(DOCTOR_ERROR, "no interface eth0", "ip -br link");
	devices[0].named = false; /* those that nobody names are of no concern */
	ask(doctor_check__interface);
	assert_int_equal(report.n, 0);
}

static void a_program_or_none(void **state)
{
	(void)state;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_OK, "eth0: XDP is native (driver ixgbe)", "");
	devices[0].xdp.mode = PLANE_SEEN_OFFLOADED;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_OK, "eth0: XDP is native", "");
	devices[0].xdp = (struct plane_seen_xdp){.mode = PLANE_SEEN_NONE};
	ask(doctor_check__xdp);
	assert_only(DOCTOR_ERROR, "nothing is steered", "systemctl restart fairleadd");
	facts.agent.runs = false;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_NOTE, "eth0 has no XDP program", "systemctl start fairleadd");
	devices[0].xdp_known = false;
	ask(doctor_check__xdp);
	assert_int_equal(report.n, 0);
}

static void a_foreign_program(void **state)
{
	(void)state;
	devices[0].xdp.ours = false;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_ERROR, "not this instance's (id 7)",
		    "ip link set dev eth0 xdpdrv off && systemctl restart fairleadd");
	devices[0].xdp.mode = PLANE_SEEN_GENERIC;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_ERROR, "not this instance's",
		    "ip link set dev eth0 xdpgeneric off && systemctl restart fairleadd");
	/* Without the right to look at pins nothing of the kind is claimed. */
	devices[0].xdp.mode = PLANE_SEEN_NATIVE;
	facts.plane.pins = -EACCES;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_OK, "XDP is native", "");
}

static void generic_and_why(void **state)
{
	static const char apply[] = "fairlead -s /run/fairlead/main.sock config apply";
	struct doctor_device *d = &devices[0];

	(void)state;
	d->xdp.mode = PLANE_SEEN_GENERIC;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "though its driver has native XDP", apply);
	d->features_known = false;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "though the configuration wants it native", apply);
	d->features_known = true;
	d->link.mtu = 3499;
	ask(doctor_check__xdp);
	assert_only(
		DOCTOR_WARNING, "not for frames of an MTU of 3499",
		"ip link set dev eth0 mtu 3498 && fairlead -s /run/fairlead/main.sock config apply");
	d->link.mtu = 3498;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "though its driver has native XDP", apply);
	d->link.mtu = 9000;
	d->features |= DOCTOR_XDP_BUFFERS;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "though its driver has native XDP", apply);
	d->features = DOCTOR_XDP_TARGET;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "driver ixgbe, as the device is set up now, has no native XDP",
		    "ethtool -i eth0");
	d->link.is_vlan = true;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "a VLAN device has no driver of its own",
		    "${EDITOR:-vi} /etc/fairlead/fairlead.yaml && fairlead -s "
		    "/run/fairlead/main.sock config apply");
	facts.agent.runs = false;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_WARNING, "a VLAN device",
		    "${EDITOR:-vi} /etc/fairlead/fairlead.yaml && systemctl start fairleadd");
	config.xdp_generic = true;
	ask(doctor_check__xdp);
	assert_only(DOCTOR_NOTE, "as xdp_mode says", "");
}

static void offloads_in_the_way(void **state)
{
	struct doctor_device *d = &devices[0];

	(void)state;
	ask(doctor_check__offloads);
	assert_only(DOCTOR_OK, "no offload is in the program's way", "");
	d->lro = DOCTOR_SWITCH_ON;
	ask(doctor_check__offloads);
	assert_only(DOCTOR_ERROR, "(LRO)", "ethtool -K eth0 lro off");
	d->lro = DOCTOR_SWITCH_UNKNOWN;
	d->gro_hw = DOCTOR_SWITCH_ON;
	ask(doctor_check__offloads);
	assert_only(DOCTOR_ERROR, "(GRO in hardware)", "ethtool -K eth0 rx-gro-hw off");
	d->gro_hw = DOCTOR_SWITCH_UNKNOWN;
	/* Without VLANs there is no tag to lose. */
	d->vlan_strip = DOCTOR_SWITCH_ON;
	ask(doctor_check__offloads);
	assert_only(DOCTOR_OK, "no offload", "");
	d->carries_vlans = true;
	ask(doctor_check__offloads);
	assert_only(DOCTOR_WARNING, "takes VLAN tags off", "ethtool -K eth0 rxvlan off");
	d->lro = d->gro_hw = DOCTOR_SWITCH_ON;
	ask(doctor_check__offloads);
	assert_int_equal(report.n, 3);
	d->lro = d->gro_hw = DOCTOR_SWITCH_OFF;
	d->link.is_veth = true;
	ask(doctor_check__offloads);
	assert_only(DOCTOR_OK, "no offload", "");
}

static void checksums_of_a_veth(void **state)
{
	struct doctor_device *d = &devices[0];

	(void)state;
	ask(doctor_check__checksums);
	assert_int_equal(report.n, 0);
	d->link.is_veth = true;
	ask(doctor_check__checksums);
	assert_only(DOCTOR_NOTE, "in another network namespace", "");
	snprintf(d->peer, sizeof(d->peer), "far");
	d->peer_tx_checksum = DOCTOR_SWITCH_ON;
	ask(doctor_check__checksums);
	assert_only(DOCTOR_WARNING, "its other end far leaves checksums to it",
		    "ethtool -K far tx off");
	d->peer_tx_checksum = DOCTOR_SWITCH_OFF;
	ask(doctor_check__checksums);
	assert_only(DOCTOR_OK, "the veth's other end far makes its checksums", "");
}

static void rings(void **state)
{
	static const struct {
		uint32_t ring, max;
		enum doctor_level level;
		const char *fix;
	} cases[] = {
		{1024, 4096, DOCTOR_OK, ""},
		{1023, 4096, DOCTOR_WARNING, "ethtool -G eth0 rx 1024"},
		{256, 4096, DOCTOR_WARNING, "ethtool -G eth0 rx 1024"},
		{256, 512, DOCTOR_WARNING, "ethtool -G eth0 rx 512"},
		{512, 512, DOCTOR_OK, ""},
		{4096, 8192, DOCTOR_OK, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		devices[0].ring = cases[i].ring;
		devices[0].ring_max = cases[i].max;
		ask(doctor_check__rings);
		assert_only(cases[i].level, "its rings for reception hold", cases[i].fix);
	}
	devices[0].ring_max = 0;
	ask(doctor_check__rings);
	assert_int_equal(report.n, 0);
}

static void queues(void **state)
{
	static const struct {
		uint32_t queues, max, cpus;
		bool combined;
		enum doctor_level level;
		const char *fix;
	} cases[] = {
		{8, 16, 8, true, DOCTOR_OK, ""},
		{9, 16, 8, true, DOCTOR_OK, ""},
		{7, 16, 8, true, DOCTOR_WARNING, "ethtool -L eth0 combined 8"},
		{1, 4, 8, true, DOCTOR_WARNING, "ethtool -L eth0 combined 4"},
		{1, 2, 2, false, DOCTOR_WARNING, "ethtool -L eth0 rx 2"},
		{4, 4, 8, true, DOCTOR_NOTE, ""},
		{1, 1, 2, false, DOCTOR_NOTE, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		devices[0].queues = cases[i].queues;
		devices[0].queues_max = cases[i].max;
		devices[0].combined = cases[i].combined;
		facts.kernel.cpus = cases[i].cpus;
		ask(doctor_check__queues);
		assert_only(cases[i].level, "CPUs", cases[i].fix);
	}
	devices[0].queues = 0;
	ask(doctor_check__queues);
	assert_int_equal(report.n, 0);
}

static void rss(void **state)
{
	(void)state;
	ask(doctor_check__rss);
	assert_only(DOCTOR_OK, "over all its 8 queues", "");
	devices[0].spread = 7;
	ask(doctor_check__rss);
	assert_only(DOCTOR_WARNING, "over 7 of its 8 queues", "ethtool -X eth0 equal 8");
	devices[0].spread = 0;
	ask(doctor_check__rss);
	assert_int_equal(report.n, 0);
}

static void interrupts(void **state)
{
	struct doctor_device *d = &devices[0];

	(void)state;
	ask(doctor_check__interrupts);
	assert_only(DOCTOR_OK, "its 8 interrupts are served by 8 CPUs", "");
	d->interrupt_cpus = 2;
	ask(doctor_check__interrupts);
	assert_only(DOCTOR_OK, "by 2 CPUs", "");
	d->interrupt_cpus = 1;
	ask(doctor_check__interrupts);
	assert_only(DOCTOR_WARNING, "(irqbalance does not run)", "systemctl start irqbalance");
	facts.irqbalance = true;
	ask(doctor_check__interrupts);
	assert_only(DOCTOR_WARNING, "irqbalance runs, and leaves them there",
		    "systemctl restart irqbalance");
	d->interrupts = 1;
	ask(doctor_check__interrupts);
	assert_only(DOCTOR_OK, "its 1 interrupt is served by 1 CPU", "");
	d->interrupts = 8;
	facts.kernel.cpus = 1;
	ask(doctor_check__interrupts);
	assert_only(DOCTOR_OK, "8 interrupts", "");
	d->interrupts = 0;
	ask(doctor_check__interrupts);
	assert_int_equal(report.n, 0);
}

/* A name that a shell would take for more than one word. */
static void names_are_quoted(void **state)
{
	(void)state;
	snprintf(devices[0].name, sizeof(devices[0].name), "a;b'c");
	devices[0].link.up = false;
	ask(doctor_check__interface);
	assert_only(DOCTOR_ERROR, "a;b'c is down", "ip link set dev 'a;b'\\''c' up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_interface_is_there_and_up),
		TEST(a_program_or_none),
		TEST(a_foreign_program),
		TEST(generic_and_why),
		TEST(offloads_in_the_way),
		TEST(checksums_of_a_veth),
		TEST(rings),
		TEST(queues),
		TEST(rss),
		TEST(interrupts),
		TEST(names_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
