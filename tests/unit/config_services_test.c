/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What right files say about VIPs, ports, forwarding, sources and limits, and how much of it fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define HEAD "interfaces: [eth0]\n"
#define SERVICES HEAD "services:\n"
#define POOL "backends: [{address: 198.51.100.1}]"

/* A file grows here. */
struct text {
	char buf[1 << 20];
	size_t n;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->buf + t->n, sizeof(t->buf) - t->n, fmt, ap);
	va_end(ap);
	assert_true(t->n < sizeof(t->buf));
}

static struct config *parse(const char *text)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[1024];

	if (config__parse("f", text, strlen(text), &c, &problems))
		fail_msg("%s", config_problems__format(&problems, 0, line, sizeof(line)));
	assert_int_equal(problems.n, 0);
	config_problems__free(&problems);
	return c;
}

/* The text has that one mistake and no other. */
static void refused(const char *text, const char *told)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[1024];

	assert_int_equal(config__parse("f", text, strlen(text), &c, &problems), -EINVAL);
	assert_null(c);
	assert_string_equal(config_problems__format(&problems, 0, line, sizeof(line)), told);
	assert_int_equal(problems.n, 1);
	config_problems__free(&problems);
}

static void is_net(const struct addr_prefix *p, const char *text)
{
	char buf[ADDR_PREFIX_STRLEN];

	assert_string_equal(addr_prefix__format(p, buf), text);
}

static void test_defaults(void **state)
{
	struct config *c = parse(SERVICES "  - {name: a, vip: 192.0.2.1, port: 80, " POOL "}\n");
	const struct config_service *s = &c->services[0];

	(void)state;
	is_net(&s->vip, "192.0.2.1");
	assert_int_equal(s->vip.len, 128);
	assert_int_equal(s->port, 80);
	assert_int_equal(s->port_last, 80);
	assert_int_equal(s->affinity, FL_AFF_FLOW);
	assert_int_equal(s->gue_port, 6080);
	assert_true(s->echo);
	assert_false(s->passive);
	assert_int_equal(s->idle_ms, 15 * 60 * 1000);
	assert_int_equal(s->limits.burst_ms, 100);
	assert_false(s->limits.monitor || s->sources.monitor || c->sources.monitor);
	assert_false(config_limits__any(&s->limits));
	assert_false(config_sources__any(&s->sources));
	assert_false(config_sources__any(&c->sources));
	assert_false(config_service__wild(s) || config_service__translates(s));
	assert_int_equal(s->backends[0].port, 0);
	assert_int_equal(config_service__probe_port(s, &s->backends[0]), 80);
	assert_false(s->probe.by_path);
	assert_int_equal(c->n_snat4 + c->n_snat6, 0);
	assert_int_equal(c->snat_port_first, 1024);
	assert_int_equal(c->snat_port_last, 32767);
	assert_int_equal(c->flow_event_every, 0);
	assert_int_equal(c->drop_event_every, 1000);
	config__free(c);
}

static void test_top_values(void **state)
{
	struct config *c = parse(
		HEAD
		"sources: {allow: [203.0.113.0/24, '2001:db8::/32', 0.0.0.0/0],\n"
		"          deny: [203.0.113.66/32, 198.51.100.7, 127.0.0.0/8], monitor: true}\n"
		"snat: {source4: [10.0.0.5, 10.0.0.6], source6: ['2001:db8::5'], ports: "
		"2000-65535}\n"
		"events: {flows: 1, drops: 0}\n");

	(void)state;
	assert_int_equal(c->sources.n_allow, 3);
	is_net(&c->sources.allow[0], "203.0.113.0/24");
	is_net(&c->sources.allow[1], "2001:db8::/32");
	is_net(&c->sources.allow[2], "0.0.0.0/0");
	assert_int_equal(c->sources.n_deny, 3);
	is_net(&c->sources.deny[0], "203.0.113.66");
	is_net(&c->sources.deny[1], "198.51.100.7");
	assert_true(c->sources.monitor && config_sources__any(&c->sources));
	assert_int_equal(c->n_snat4, 2);
	assert_int_equal(c->snat4[1].b[15], 6);
	assert_int_equal(c->n_snat6, 1);
	assert_int_equal(c->snat6[0].b[15], 5);
	assert_int_equal(c->snat_port_first, 2000);
	assert_int_equal(c->snat_port_last, 65535);
	assert_int_equal(c->flow_event_every, 1);
	assert_int_equal(c->drop_event_every, 0);
	config__free(c);

	c = parse(HEAD "sources: {deny: []}\n");
	assert_false(config_sources__any(&c->sources));
	config__free(c);
}

static void test_service_values(void **state)
{
	struct config *c = parse(
		HEAD
		"snat: {source4: [10.0.0.5]}\nservices:\n"
		"  - {name: a, vip: 192.0.2.0/28, port: 8000-8999, affinity: source+port,\n"
		"     protocol: sctp, forward: nat, idle: 24h, probe: {port: 1}, echo: false,\n"
		"     sources: {deny: [10.0.0.0/8]}, " POOL "}\n"
		"  - {name: b, vip: '2001:db8::/64', port: any, affinity: source, forward: gue,\n"
		"     gue_port: 6081, protocol: udp, probe: {port: 1}, " POOL "}\n"
		"  - {name: c, vip: 192.0.2.64/32, port: 443, forward: fullnat, passive: true,\n"
		"     limits: {packets: 1000000000, connections: 2, source_packets: 3,\n"
		"              source_connections: 4, burst: 10s, monitor: true},\n"
		"     backends: [{id: x, address: 10.0.0.1, port: 8080},\n"
		"                {id: y, address: 10.0.0.1, port: 8081},\n"
		"                {address: 10.0.0.1}]}\n"
		"  - {name: d, vip: 192.0.2.65, port: 9, protocol: sctp, forward: nat,\n"
		"     backends: [{address: 10.0.0.1, port: 9}]}\n"
		"  - {name: e, vip: 192.0.2.66, port: 80, forward: nat, probe: {via: path},\n"
		"     backends: [{address: 10.0.0.1, port: 8090}]}\n");
	const struct config_service *s = c->services;

	(void)state;
	is_net(&s[0].vip, "192.0.2.0/28");
	assert_int_equal(s[0].port, 8000);
	assert_int_equal(s[0].port_last, 8999);
	assert_int_equal(s[0].proto, IPPROTO_SCTP);
	assert_string_equal(config_forward__name(s[0].forward), "nat");
	assert_string_equal(config_affinity__name(s[0].affinity), "source+port");
	assert_int_equal(s[0].idle_ms, 24 * 3600 * 1000);
	assert_false(s[0].echo);
	assert_true(config_sources__any(&s[0].sources) && config_service__wild(&s[0]));

	is_net(&s[1].vip, "2001:db8::/64");
	assert_int_equal(s[1].port, 0);
	assert_int_equal(s[1].port_last, 65535);
	assert_int_equal(s[1].affinity, FL_AFF_SOURCE);
	assert_string_equal(config_forward__name(s[1].forward), "gue");
	assert_int_equal(s[1].gue_port, 6081);
	assert_false(config_service__translates(&s[1]));

	is_net(&s[2].vip, "192.0.2.64");
	assert_false(config_service__wild(&s[2]));
	assert_true(config_service__translates(&s[2]) && config_limits__any(&s[2].limits));
	assert_string_equal(config_forward__name(s[2].forward), "fullnat");
	assert_int_equal(s[2].limits.packets, 1000000000);
	assert_int_equal(s[2].limits.connections, 2);
	assert_int_equal(s[2].limits.source_packets, 3);
	assert_int_equal(s[2].limits.source_connections, 4);
	assert_int_equal(s[2].limits.burst_ms, 10000);
	assert_true(s[2].limits.monitor);
	assert_true(s[2].passive);
	assert_int_equal(s[2].backends[0].port, 8080);
	assert_int_equal(config_service__probe_port(&s[2], &s[2].backends[0]), 8080);
	assert_int_equal(config_service__probe_port(&s[2], &s[2].backends[2]), 443);
	assert_int_equal(config_service__probe_port(&s[0], &s[0].backends[0]), 1);
	/* By the clients' path it is the VIP that has the port. */
	assert_true(s[4].probe.by_path);
	assert_int_equal(config_service__probe_port(&s[4], &s[4].backends[0]), 80);
	assert_int_not_equal(config_probe__compare(&s[4].probe, &s[3].probe), 0);
	config__free(c);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(config_forward__name(CONFIG_FWD_L2), "l2");
	assert_string_equal(config_forward__name((enum config_forward)99), "unknown");
	assert_string_equal(config_affinity__name(FL_AFF_FLOW), "flow");
	assert_string_equal(config_affinity__name(FL_AFF_SOURCE), "source");
	assert_string_equal(config_probe_kind__name(CONFIG_PROBE_TCP), "tcp");
}

static void add_service(struct text *t, const char *name, int i, const char *vip, const char *port)
{
	add(t, "  - {name: %s%d, vip: %s, port: %s, probe: {port: 1}, " POOL "}\n", name, i, vip,
	    port);
}

/* Services that overlap without a doubt: another prefix, another width, another protocol, apart. */
static void test_overlaps(void **state)
{
	static const char *const ports[] = {"80", "79-80", "75-84", "any", "1-65535", "85-94"};
	struct text *t = calloc(1, sizeof(*t));

	(void)state;
	assert_non_null(t);
	add(t, SERVICES);
	for (int i = 0; i < 6; i++) {
		add_service(t, "a", i, "192.0.2.9", ports[i]);
		add_service(t, "b", i, "192.0.2.8/30", ports[i]);
	}
	add_service(t, "c", 0, "192.0.2.9", "75-84, protocol: udp");
	config__free(parse(t->buf));
	free(t);
}

/*
 * FL_VIP_RANGES ranges fit into what a look-up brings. Prefixes around count, those inside and beside
 * do not, nor does a service of one address and port.
 */
static void test_ranges(void **state)
{
	struct text *t = calloc(1, sizeof(*t));
	char port[32];

	(void)state;
	assert_non_null(t);
	add(t, SERVICES);
	add_service(t, "inside", 0, "10.1.1.1", "any");
	add_service(t, "beside", 0, "10.2.0.0/16", "any");
	add_service(t, "exact", 0, "10.1.0.1", "80");
	for (int i = 0; i < FL_VIP_RANGES - 2; i++) {
		snprintf(port, sizeof(port), "%d", 1000 + i);
		add_service(t, "wide", i, "10.0.0.0/8", port);
	}
	add_service(t, "between", 0, "10.1.0.0/16", "any");
	config__free(parse(t->buf));

	add_service(t, "between", 1, "10.1.0.0/16", "80-81");
	refused(t->buf,
		"f:3:26: services[0].vip: with it 16 services with a range of ports, any port or a "
		"prefix apply to 10.1.1.1, those of prefixes around it included; at most 15 fit");
	t->n = 0;
	add(t, SERVICES);
	for (int i = 0; i <= FL_VIP_RANGES; i++) {
		snprintf(port, sizeof(port), "%d-%d, forward: ipip", 1000 + 2 * i, 1001 + 2 * i);
		add_service(t, "a", i, "'2001:db8::1'", port);
	}
	refused(t->buf,
		"f:18:22: services[15].vip: with it 16 services with a range of ports, any port or "
		"a prefix apply to 2001:db8::1, those of prefixes around it included; at most 15 "
		"fit");
	free(t);
}

/* Lists of prefixes are counted with their aliases; the limit itself fits. */
static void test_many_sources(void **state)
{
	enum {
		LIST = 1 << 14,
		TIMES = CONFIG_MAX_SOURCES / LIST,
		REST = CONFIG_MAX_SOURCES % LIST
	};
	struct text *t = calloc(1, sizeof(*t));
	struct config *c;

	(void)state;
	assert_non_null(t);
	add(t, HEAD "sources: {deny: &d [");
	for (int i = 0; i < LIST; i++)
		add(t, "10.%d.%d.0/24,", i >> 8, i & 255);
	add(t, "]}\nservices:\n");
	for (int i = 1; i < TIMES; i++)
		add(t, "  - {name: s%d, vip: 192.0.2.1, port: %d, sources: {deny: *d}, " POOL "}\n",
		    i, i);
	add(t, "  - {name: rest, vip: 192.0.2.1, port: 9999, " POOL ", sources: {allow: [");
	for (int i = 0; i < REST; i++)
		add(t, "192.168.%d.%d,", i >> 8, i & 255);
	add(t, "]}}\n");
	c = parse(t->buf);
	assert_int_equal(c->sources.n_deny, LIST);
	assert_int_equal(c->services[TIMES - 1].sources.n_allow, REST);
	config__free(c);

	add(t, "  - {name: more, vip: 192.0.2.1, port: 9998, sources: {deny: [10.0.0.1]}, " POOL
	       "}\n");
	refused(t->buf, "f:19:62: services[15].sources.deny: with these the file has 253953 source "
			"prefixes, at most 253952 fit");
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_top_values),
		cmocka_unit_test(test_service_values), cmocka_unit_test(test_names),
		cmocka_unit_test(test_overlaps),       cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_many_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
