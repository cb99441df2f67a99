/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of virtual MAC addresses: of a group, left behind, of somebody else. */
#include "doctor_facts.h"

#include <sys/socket.h>

static struct addr address;
static struct config_vrrp group;
static struct doctor_vmac vmac;

static void given(bool runs, const char *on, uint8_t vrid)
{
	static const uint8_t vip[4] = {192, 0, 2, 10};

	address = addr__from_bytes(AF_INET, vip);
	group = (struct config_vrrp){
		.name = "web", .interface = "eth0", .vrid = 51, .virtual_mac = true};
	group.addresses = &address;
	group.n_addresses = 1;
	config.vrrp = &group;
	config.n_vrrp = 1;
	vmac = (struct doctor_vmac){.name = "fl4.51.1", .mac = {0, 0, 0x5e, 0, 1, vrid}};
	snprintf(vmac.interface, sizeof(vmac.interface), "%s", on);
	facts.vmacs = &vmac;
	facts.n_vmacs = 1;
	facts.agent.runs = runs;
}

static void an_active_group_has_one(void **state)
{
	(void)state;
	given(true, "eth0", 51);
	ask(doctor_check__virtual_mac);
	assert_only(DOCTOR_OK, "'web' has 00:00:5e:00:01:33 on device fl4.51.1", "");
	facts.n_vmacs = 0;
	ask(doctor_check__virtual_mac);
	assert_only(DOCTOR_OK, "'web' has no device here", "");
	group.virtual_mac = false;
	ask(doctor_check__virtual_mac);
	assert_int_equal(report.n, 0);
}

static void one_is_left_behind(void **state)
{
	(void)state;
	given(false, "eth0", 51);
	ask(doctor_check__virtual_mac);
	assert_only(DOCTOR_WARNING, "left by an agent that was killed", "ip link del fl4.51.1");
}

/* On another interface, of another VRID, of a group that does without. */
static void one_is_a_strangers(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		given(true, i == 0 ? "eth1" : "eth0", i == 1 ? 52 : 51);
		group.virtual_mac = i < 2;
		ask(doctor_check__virtual_mac);
		assert_int_equal(report.n, i < 2 ? 2 : 1);
		assert_finding(report.n - 1, DOCTOR_WARNING, "no VRRP group",
			       "ip -d link show fl4.51.1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_active_group_has_one),
		TEST(one_is_left_behind),
		TEST(one_is_a_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
