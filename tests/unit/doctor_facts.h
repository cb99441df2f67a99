/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_facts.h - a machine on which all is well; a test breaks one thing and asks one check. */
#ifndef FAIRLEAD_TESTS_UNIT_DOCTOR_FACTS_H
#define FAIRLEAD_TESTS_UNIT_DOCTOR_FACTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/checks.h"

#define WAYS 3

/* Two interfaces, of which the first is named; a service with three backends behind the first. */
static struct config_backend backends[WAYS];
static struct config_service service;
static struct config config;
static struct doctor_device devices[2];
static struct doctor_way ways[WAYS];
static struct doctor_facts facts;
static struct doctor_report report;

static void make_device(struct doctor_device *d, const char *name)
{
	*d = (struct doctor_device){
		.exists = true,
		.driver = "ixgbe",
		.bus = "0000:01:00.0",
		.link = {.ifindex = (uint32_t)(d - devices) + 1,
			 .mtu = 1500,
			 .ether = true,
			 .up = true},
		.xdp_known = true,
		.xdp = {.mode = PLANE_SEEN_NATIVE, .ours = true, .id = 7},
		.features_known = true,
		.features = DOCTOR_XDP_BASIC | DOCTOR_XDP_REDIRECT | DOCTOR_XDP_TARGET,
		.lro = DOCTOR_SWITCH_OFF,
		.gro_hw = DOCTOR_SWITCH_OFF,
		.vlan_strip = DOCTOR_SWITCH_OFF,
		.ring = 1024,
		.ring_max = 4096,
		.queues = 8,
		.queues_max = 16,
		.combined = true,
		.spread = 8,
		.interrupts = 8,
		.interrupt_cpus = 8,
	};
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->link.name, sizeof(d->link.name), "%s", name);
}

static void make_way(size_t i)
{
	uint8_t address[4] = {10, 0, 0, (uint8_t)(11 + i)};

	snprintf(backends[i].id, sizeof(backends[i].id), "b%zu", i + 1);
	backends[i].address = addr__from_bytes(AF_INET, address);
	ways[i] = (struct doctor_way){
		.service = &service,
		.backend = &backends[i],
		.net = {.ifindex = 1,
			.via = backends[i].address,
			.neighbour = NUD_REACHABLE,
			.has_mac = true},
		.device = &devices[0],
	};
}

static int begin(void **state)
{
	uint8_t vip[4] = {192, 0, 2, 10};

	(void)state;
	service = (struct config_service){
		.name = "web", .vip = {.len = 128}, .n_backends = WAYS, .backends = backends};
	service.vip.addr = addr__from_bytes(AF_INET, vip);
	config = (struct config){
		.instance = "main", .n_services = 1, .services = &service, .lease_ms = 1000};
	make_device(&devices[0], "eth0");
	make_device(&devices[1], "eth1");
	devices[0].named = true;
	for (size_t i = 0; i < WAYS; i++)
		make_way(i);
	facts = (struct doctor_facts){
		.version = "1.0",
		.agent = {.socket = "/run/fairlead/main.sock",
			  .runs = true,
			  .version = "1.0",
			  .abi = FL_ABI_VERSION,
			  .pid = 77,
			  .pid_seen = true,
			  .realtime = true,
			  .targets = 3,
			  .capabilities = ~0ULL,
			  .files = 131072,
			  .files_hard = 131072},
		.config_file = "/etc/fairlead/fairlead.yaml",
		.config = &config,
		.kernel = {.release = "6.1.0", .may_try = true, .shares = true, .cpus = 8},
		.plane = {.has_lease = true, .lease = {.started = 1, .renewed = 1000000000}},
		.now_ns = 1200000000,
		.net_known = true,
		.devices = devices,
		.n_devices = 2,
		.ways = ways,
		.n_ways = WAYS,
		.neighbours4 = 1024,
		.neighbours6 = 1024,
		.clock = 1,
	};
	return 0;
}

static int end(void **state)
{
	(void)state;
	doctor_report__free(&report);
	return 0;
}

/* Whoever is told what is wrong is told what to do. */
static void assert_commands(const struct doctor_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].level >= DOCTOR_WARNING && !r->list[i].fix[0])
			fail_msg("no command with: %s", r->list[i].text);
	}
}

/* One check, on the facts as they are now. */
static void ask(void (*check)(const struct doctor_facts *f, struct doctor_report *r))
{
	doctor_report__free(&report);
	report.check = "test";
	check(&facts, &report);
	assert_commands(&report);
}

/* Finding i is of that level, its sentence holds `text`, and its command is `fix` ("": none). */
static void assert_finding(size_t i, enum doctor_level level, const char *text, const char *fix)
{
	assert_true(i < report.n);
	assert_string_equal(doctor_level__name(report.list[i].level), doctor_level__name(level));
	if (!strstr(report.list[i].text, text))
		assert_string_equal(report.list[i].text, text);
	assert_string_equal(report.list[i].fix, fix);
}

/* The check's only finding. */
static void assert_only(enum doctor_level level, const char *text, const char *fix)
{
	assert_int_equal(report.n, 1);
	assert_finding(0, level, text, fix);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
