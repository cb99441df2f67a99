/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leads from one file to another, whatever they look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/diff.h"

#define HEAD "interfaces: [eth0]\n"

static struct config *parse(const char *text)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[1024];

	if (config__parse("f", text, strlen(text), &c, &problems))
		fail_msg("%s", config_problems__format(&problems, 0, line, sizeof(line)));
	config_problems__free(&problems);
	return c;
}

/* All changes in order, a line each: "changed web/b1 weight: 100 > 50". */
static const char *diff(const char *from, const char *to)
{
	static char text[8192];
	struct config *a = parse(from), *b = parse(to);
	struct config_changes c;
	size_t n = 0;

	text[0] = '\0';
	assert_int_equal(config__diff(a, b, &c), 0);
	for (size_t i = 0; i < c.n; i++) {
		const struct config_change *one = &c.list[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s%s%s %s: %s > %s\n",
				      config_change__name(one->kind), one->service,
				      one->backend[0] ? "/" : "", one->backend, one->what,
				      one->from, one->to);
		assert_true(n < sizeof(text));
	}
	config_changes__free(&c);
	config__free(a);
	config__free(b);
	return text;
}

#define WEB(more, backends)                                                                      \
	HEAD "services:\n  - {name: web, vip: 192.0.2.1, port: 80, " more "backends: [" backends \
	     "]}\n"
#define B1 "{id: b1, address: 198.51.100.1}"
#define B2 "{id: b2, address: 198.51.100.2}"

static void test_same(void **state)
{
	(void)state;
	assert_string_equal(diff(WEB("", B1 ", " B2), WEB("", B1 ", " B2)), "");
	assert_string_equal(diff(WEB("", B1 ", " B2), WEB("", B2 ", " B1)), "");
	assert_string_equal(diff(WEB("hold: 15m, slots: 65536, ", B1),
				 WEB("idle: 900s, health: {panic: 0%}, ", B1)),
			    "");
	assert_string_equal(diff(HEAD, HEAD "log: {level: info}\nlease: 1000ms\n"), "");
}

static void test_backends(void **state)
{
	(void)state;
	assert_string_equal(
		diff(WEB("", B1), WEB("", B1 ", {id: b2, address: 198.51.100.2, backup: true}")),
		"added web/b2 :  > address 198.51.100.2, backup true\n");
	assert_string_equal(diff(WEB("", B1 ", " B2), WEB("", B2)),
			    "removed web/b1 : address 198.51.100.1 > \n");
	assert_string_equal(
		diff(WEB("", B1), WEB("", "{id: b1, address: 198.51.100.9, weight: 7}")),
		"changed web/b1 address: 198.51.100.1 > 198.51.100.9\n"
		"changed web/b1 weight: 100 > 7\n");
}

static void test_services(void **state)
{
	(void)state;
	assert_string_equal(
		diff(HEAD, WEB("forward: ipip, ", B1)),
		"added web :  > vip 192.0.2.1, port 80, forward ipip, min_up_again 1\n");
	assert_string_equal(diff(WEB("", B1), HEAD),
			    "removed web : vip 192.0.2.1, port 80, min_up_again 1 > \n");
	assert_string_equal(
		diff(WEB("", B1), WEB("hold: 90s, limits: {packets: 5}, probe: {interval: 1500ms}, "
				      "sources: {deny: [203.0.113.0/24, 203.0.114.7]}, ",
				      B1)),
		"changed web hold: 15m > 90s\n"
		"added web sources.deny:  > 203.0.113.0/24\n"
		"added web sources.deny:  > 203.0.114.7\n"
		"changed web limits.packets:  > 5\n"
		"changed web probe.interval: 2s > 1500ms\n"
		"changed web probe.fast_interval: 500ms > 375ms\n");
	assert_string_equal(diff(WEB("limits: {packets: 5}, ", B1), WEB("", B1)),
			    "changed web limits.packets: 5 > \n");
}

/* What may hold a password is not shown, but its change is told. */
static void test_hidden(void **state)
{
	(void)state;
	assert_string_equal(diff(WEB("probe: {type: http, headers: ['A: secret']}, ", B1),
				 WEB("probe: {type: http, headers: ['A: other']}, ", B1)),
			    "changed web probe.headers: (not shown) > (not shown)\n");
	assert_string_equal(
		diff(WEB("probe: {type: script, steps: [{send: a}, {expect: b}]}, ", B1),
		     WEB("probe: {type: script, steps: [{send: a}, {expect: c}]}, ", B1)),
		"changed web probe.steps: (not shown) > (not shown)\n");
	assert_string_equal(
		diff(HEAD
		     "flow_key: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		     HEAD
		     "flow_key: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee\n"),
		"changed  flow_key: (not shown) > (not shown)\n");
}

static void test_instance(void **state)
{
	(void)state;
	assert_string_equal(
		diff(HEAD,
		     "interfaces: [eth1, eth0]\nxdp_mode: generic\n"
		     "snat: {source4: [192.0.2.9], ports: 2000-9000}\n"
		     "encap: {source4: 10.0.0.0/8}\napi: {listen: '[::1]:80', token_file: /t}\n"),
		"added  interfaces:  > eth1\n"
		"changed  xdp_mode: native > generic\n"
		"changed  api.listen:  > [::1]:80\n"
		"changed  api.token_file:  > /t\n"
		"changed  encap.source4:  > 10.0.0.0/8\n"
		"added  snat.source4:  > 192.0.2.9\n"
		"changed  snat.ports: 1024-32767 > 2000-9000\n");
	assert_string_equal(
		diff(HEAD "vrrp: [{name: a, interface: eth0, vrid: 1, addresses: [192.0.2.1]}]\n",
		     HEAD
		     "vrrp: [{name: a, interface: eth0, vrid: 1, addresses: [192.0.2.2],\n"
		     "  track: {interfaces: [eth1], commands: [{name: c, command: [/bin/true]}]}}]\n"),
		"removed  vrrp[a].addresses: 192.0.2.1 > \n"
		"added  vrrp[a].addresses:  > 192.0.2.2\n"
		"added  vrrp[a].track.interfaces:  > eth1\n"
		"added  vrrp[a].track.commands[c]:  > command (not shown)\n");
	assert_string_equal(
		diff(HEAD "vrrp: [{name: a, interface: eth0, vrid: 1, addresses: [192.0.2.1],\n"
			  "  track: {bgp: [{session: up4, daemon: bird}]}}]\n",
		     HEAD "vrrp: [{name: a, interface: eth0, vrid: 1, addresses: [192.0.2.1],\n"
			  "  track: {bgp: [{session: up4, daemon: bird, cost: 7}]}}]\n"),
		"changed  vrrp[a].track.bgp[up4].cost: 50 > 7\n");
	assert_string_equal(
		diff(HEAD, HEAD
		     "bfd: [{peer: 192.0.2.9}]\n"
		     "peers: {listen: 192.0.2.8, key_file: /k, list: [{name: lb2, address: 192.0.2.9}]}\n"),
		"changed  peers.listen:  > 192.0.2.8\n"
		"changed  peers.port:  > 5390\n"
		"changed  peers.key_file:  > /k\n"
		"changed  peers.interval:  > 100ms\n"
		"added  peers.list[lb2]:  > address 192.0.2.9\n"
		"added  bfd[192.0.2.9]:  > \n");
}

/* Every key of the tables is looked at: none is of a kind that nobody can show. */
static void test_all_kinds(void **state)
{
	(void)state;
	assert_string_equal(
		diff(WEB("", B1),
		     WEB("probe: {type: redis, role: replica, sentinels: ['192.0.2.7:26379'], "
			 "master_name: m, max_lag: 2s, user: u}, ",
			 B1)),
		"changed web probe.type: tcp > redis\n"
		"changed web probe.user:  > u\n"
		"changed web probe.role: any > replica\n"
		"changed web probe.max_lag: 0s > 2s\n"
		"changed web probe.sentinels:  > 192.0.2.7:26379\n"
		"changed web probe.master_name:  > m\n");
	assert_string_equal(
		diff(WEB("", B1), HEAD
		     "services:\n  - {name: web, vip: 192.0.2.0/24, port: 80-89, probe: {port: 80}, backends: [" B1
		     "]}\n"),
		"changed web vip: 192.0.2.1 > 192.0.2.0/24\n"
		"changed web port: 80 > 80-89\n"
		"changed web probe.port:  > 80\n");
}

/* Destinations: kinds by name; of a template that it is another one. */
static void test_alerts(void **state)
{
	const char *text;

	(void)state;
	assert_string_equal(
		diff(HEAD "alerts: [{name: ops, webhook: {url: 'http://a/', token_file: /t}}]\n",
		     HEAD "alerts: [{name: ops, kinds: [backend, vrrp], rate: 5,\n"
			  "  webhook: {url: 'http://b/', token_file: /t}}]\n"),
		"changed  alerts[ops].kinds: agent, backend, service, panic, vrrp, bfd, anycast, "
		"peer, config, operator, gap, alert > backend, vrrp\n"
		"changed  alerts[ops].rate: 20 > 5\n"
		"changed  alerts[ops].webhook.url: http://a/ > http://b/\n");
	text = diff(
		HEAD "alerts: [{name: a, webhook: {url: 'http://a/', template: '{\"a\": 1}'}}]\n",
		HEAD "alerts: [{name: a, webhook: {url: 'http://a/', template: '{\"a\": 2}'}}]\n");
	assert_non_null(strstr(text, "changed  alerts[a].webhook.template: (8 bytes, digest "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	 cmocka_unit_test(test_backends),
		cmocka_unit_test(test_services), cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_instance), cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
