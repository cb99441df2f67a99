/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What right files mean: defaults, every kind of value, aliases, and the bounds of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/suggest.h"
#include "config_parsed.h"

#define SERVICE HEAD "services:\n  - name: web\n    vip: 192.0.2.10\n    port: 80\n"

/* The first problem of a text that is refused, as people read it. */
static void refused(const char *text, size_t len, int err, const char *told)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[1024];

	assert_int_equal(config__parse("f", text, len, &c, &problems), err);
	assert_null(c);
	assert_string_equal(config_problems__format(&problems, 0, line, sizeof(line)), told);
	config_problems__free(&problems);
}

static void test_defaults(void **state)
{
	struct config *c = parse(SERVICE "    backends: [{address: '2001:db8:0::1'}]\n"
					 "    forward: ipip\n");
	const struct config_service *s = &c->services[0];

	(void)state;
	assert_string_equal(c->instance, "main");
	assert_int_equal(c->n_interfaces, 1);
	assert_string_equal(c->interfaces[0], "eth0");
	assert_false(c->xdp_generic || c->has_flow_key);
	assert_false(c->has_encap_source4 || c->has_encap_source6);
	assert_int_equal(c->on_agent_loss, FL_LOSS_KEEP);
	assert_int_equal(c->lease_ms, 1000);
	assert_string_equal(c->api_socket, "/run/fairlead/main.sock");
	assert_string_equal(c->api_group, "fairlead");
	assert_false(c->has_api_listen);
	assert_null(c->api_token_file);
	assert_int_equal(c->log_level, LOG_LV_INFO);
	assert_int_equal(s->proto, IPPROTO_TCP);
	assert_int_equal(s->slot_class, FL_SLOTS_64K);
	assert_int_equal(s->probe.kind, CONFIG_PROBE_TCP);
	assert_int_equal(s->probe.interval_ms, 2000);
	assert_int_equal(s->probe.fast_interval_ms, 500);
	assert_int_equal(s->probe.timeout_ms, 1000);
	assert_int_equal(s->probe.rise, 2);
	assert_int_equal(s->probe.fall, 3);
	assert_int_equal(s->probe.jitter_pct, 10);
	assert_int_equal(s->probe.port, 0);
	assert_null(s->probe.path);
	assert_string_equal(s->backends[0].id, "2001:db8::1");
	assert_int_equal(s->backends[0].weight, 100);
	config__free(c);

	c = parse(SERVICE
		  "    backends: [{address: 10.0.0.1}]\n    probe: {type: http, interval: 20ms}\n");
	s = &c->services[0];
	assert_int_equal(s->forward, CONFIG_FWD_L2);
	assert_int_equal(s->probe.fast_interval_ms, 10);
	assert_string_equal(s->probe.path, "/");
	assert_null(s->probe.host);
	assert_null(s->probe.body);
	assert_int_equal(s->probe.status_min, 200);
	assert_int_equal(s->probe.status_max, 399);
	config__free(c);

	c = parse(HEAD "services: []\n");
	assert_int_equal(c->n_services, 0);
	config__free(c);
}

static void test_bfd(void **state)
{
	struct config *c =
		parse("interfaces: [eth0]\nbfd:\n  - {peer: 10.0.0.1}\n"
		      "  - {peer: 'fe80::1', local: 'fe80::2', interface: eth0, min_tx: 10ms, "
		      "min_rx: 1m, multiplier: 255}\n");
	char text[ADDR_STRLEN];

	(void)state;
	assert_int_equal(c->n_bfd, 2);
	assert_string_equal(addr__format(&c->bfd[0].peer, text), "10.0.0.1");
	assert_false(c->bfd[0].has_local);
	assert_string_equal(c->bfd[0].interface, "");
	assert_int_equal(c->bfd[0].min_tx_ms, 300);
	assert_int_equal(c->bfd[0].min_rx_ms, 300);
	assert_int_equal(c->bfd[0].multiplier, 3);
	assert_true(c->bfd[1].has_local);
	assert_string_equal(addr__format(&c->bfd[1].local, text), "fe80::2");
	assert_string_equal(c->bfd[1].interface, "eth0");
	assert_int_equal(c->bfd[1].min_tx_ms, 10);
	assert_int_equal(c->bfd[1].min_rx_ms, 60000);
	assert_int_equal(c->bfd[1].multiplier, 255);
	config__free(c);
}

static void test_top_values(void **state)
{
	char text[ADDR_STRLEN];
	struct config *c = parse(
		"instance: edge-1\ninterfaces: [eth0, eth1.7]\nxdp_mode: \"generic\"\n"
		"flow_key: 0123456789abcdefFEDCBA98765432100000000000000001ffffffffffffffff\n"
		"on_agent_loss: drop\nlease: 1m\napi: {socket: /tmp/x, group: wheel, listen: \"[2001:db8::9]:9118\", token_file: /t}\n"
		"log: {level: debug}\n"
		"encap: {source4: 192.0.2.0/28, source6: 2001:db8:1::/64}\n");

	(void)state;
	assert_string_equal(c->interfaces[1], "eth1.7");
	assert_true(c->xdp_generic && c->has_flow_key);
	assert_true(c->flow_key[0] == 0x0123456789abcdef);
	assert_true(c->flow_key[1] == 0xfedcba9876543210);
	assert_true(c->flow_key[2] == 1);
	assert_true(c->flow_key[3] == UINT64_MAX);
	assert_int_equal(c->on_agent_loss, FL_LOSS_DROP);
	assert_int_equal(c->lease_ms, 60000);
	assert_string_equal(c->api_socket, "/tmp/x");
	assert_string_equal(c->api_group, "wheel");
	assert_true(c->has_api_listen && c->api_port == 9118);
	assert_string_equal(c->api_token_file, "/t");
	assert_string_equal(addr__format(&c->api_listen, text), "2001:db8::9");
	assert_int_equal(c->log_level, LOG_LV_DEBUG);
	assert_true(c->has_encap_source4 && c->has_encap_source6);
	assert_int_equal(c->encap_source4.len, 96 + 28);
	assert_int_equal(c->encap_source6.len, 64);
	config__free(c);

	c = parse(HEAD "instance: edge\n");
	assert_string_equal(c->api_socket, "/run/fairlead/edge.sock");
	config__free(c);
}

static void test_service_values(void **state)
{
	struct config *c = parse(
		SERVICE
		"    protocol: udp\n    forward: ipip\n    slots: 1048576\n"
		"    probe: {type: http, interval: 1h, fast_interval: 2m, timeout: 30s, rise: 1,\n"
		"            fall: 100, jitter: 0%, port: 8080, path: /h?x=1, host: '[::1]:80',\n"
		"            body: \"caf\\u00e9\", status: 204}\n"
		"    backends: &pool\n"
		"      - {id: b1, address: 10.0.0.1, weight: 0}\n"
		"      - {id: b2, address: 10.0.0.2, weight: 65535}\n"
		"  - {name: b, vip: '2001:db8::1', port: 65535, slots: 4096, forward: ipip,\n"
		"     backends: *pool}\n");
	const struct config_service *s = config__service(c, "web");

	(void)state;
	assert_ptr_equal(s, &c->services[0]);
	assert_null(config__service(c, "none"));
	assert_int_equal(s->proto, IPPROTO_UDP);
	assert_string_equal(config_forward__name(s->forward), "ipip");
	assert_int_equal(s->slot_class, FL_SLOTS_1M);
	assert_string_equal(config_probe_kind__name(s->probe.kind), "http");
	assert_int_equal(s->probe.interval_ms, 3600000);
	assert_int_equal(s->probe.fast_interval_ms, 120000);
	assert_int_equal(s->probe.timeout_ms, 30000);
	assert_int_equal(s->probe.fall, 100);
	assert_int_equal(s->probe.jitter_pct, 0);
	assert_int_equal(s->probe.port, 8080);
	assert_string_equal(s->probe.path, "/h?x=1");
	assert_string_equal(s->probe.host, "[::1]:80");
	assert_string_equal(s->probe.body, "caf\xc3\xa9");
	assert_int_equal(s->probe.status_min, 204);
	assert_int_equal(s->probe.status_max, 204);
	assert_int_equal(s->backends[0].weight, 0);
	assert_int_equal(c->services[1].n_backends, 2);
	assert_string_equal(c->services[1].backends[1].id, "b2");
	assert_int_equal(c->services[1].slot_class, FL_SLOTS_4K);
	config__free(c);
}

static void test_probe_equal(void **state)
{
	struct config_probe a = {.kind = CONFIG_PROBE_HTTP, .path = (char *)"/a"}, b = a;

	(void)state;
	b.path = (char[]){"/a"};
	assert_int_equal(config_probe__compare(&a, &b), 0);
	b.host = (char *)"h";
	assert_int_not_equal(config_probe__compare(&a, &b), 0);
	b = a;
	b.timeout_ms = 1;
	assert_int_not_equal(config_probe__compare(&a, &b), 0);
	b = a;
	b.kind = CONFIG_PROBE_TCP;
	assert_int_not_equal(config_probe__compare(&a, &b), 0);
}

/* Ten lists of ten aliases each: what is not under a known key is never expanded. */
static void test_billion_laughs(void **state)
{
	char text[4096] = HEAD "services:\n  - &a0 {name: x}\n";
	size_t n = strlen(text);

	(void)state;
	for (int i = 1; i < 10; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "  - &a%d [", i);
		for (int k = 0; k < 10; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "*a%d, ", i - 1);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "]\n");
	}
	refused(text, n, -EINVAL,
		"f:3:5: services[0]: \"vip\" is missing: the address that "
		"clients connect to");
}

/* Services that share their backends share the map's entries; those of different ways do not. */
static void test_shared_backends(void **state)
{
	size_t cap = 1 << 20, n = 0;
	char *text = malloc(cap);

	(void)state;
	assert_non_null(text);
	n += (size_t)snprintf(text, cap, SERVICE "    backends: &p [");
	for (int i = 0; i < 20000; i++)
		n += (size_t)snprintf(text + n, cap - n, "{address: 10.0.%d.%d},", i / 250,
				      i % 250);
	n += (size_t)snprintf(text + n, cap - n, "]\n");
	n += (size_t)snprintf(text + n, cap - n,
			      "  - {name: s2, vip: 192.0.2.10, port: 81, backends: *p}\n");
	config__free(parse(text));
	n += (size_t)snprintf(text + n, cap - n,
			      "  - {name: s3, vip: 192.0.2.10, port: 82, forward: ipip, backends: "
			      "*p}\n");
	refused(text, n, -EINVAL,
		"f:3:3: services: have 40000 different backends (id, address, way of forwarding), "
		"at most 32766 fit");
	free(text);
}

/* One service of many backends, again and again: refused by count, before more memory is taken. */
static void test_expansion(void **state)
{
	size_t cap = 1 << 20, n = 0;
	char *text = malloc(cap);

	(void)state;
	assert_non_null(text);
	n += (size_t)snprintf(text, cap, SERVICE "    backends: &p [");
	for (int i = 0; i < 10000; i++)
		n += (size_t)snprintf(text + n, cap - n, "{address: 10.0.%d.%d},", i / 250,
				      i % 250);
	n += (size_t)snprintf(text + n, cap - n, "]\n");
	for (int i = 1; i < 120; i++)
		n += (size_t)snprintf(text + n, cap - n,
				      "  - {name: s%d, vip: 192.0.2.10, port: %d, backends: *p}\n",
				      i, 80 + i);
	refused(text, n, -EINVAL,
		"f:6:91191: services[52].backends: the file holds more than 1048576 values once its "
		"aliases are expanded");

	n = (size_t)snprintf(text, cap, HEAD "services:\n  - &s {");
	for (int i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, cap - n, "unknown%d: 1, ", i);
	n += (size_t)snprintf(text + n, cap - n, "}\n");
	for (int i = 0; i < 8000; i++)
		n += (size_t)snprintf(text + n, cap - n, "  - *s\n");
	refused(text, n, -EINVAL,
		"f:3:5: services[0]: \"name\" is missing: what commands and "
		"metrics call it");

	n = (size_t)snprintf(text, cap, HEAD "services: [");
	for (int i = 0; i < 8192; i++)
		n += (size_t)snprintf(text + n, cap - n, "{},");
	n += (size_t)snprintf(text + n, cap - n, "]\n");
	refused(text, n, -EINVAL, "f:2:11: services: holds 8192 services, at most 8191 fit");
	free(text);
}

static void test_bounds(void **state)
{
	size_t len = (4U << 20) + 1;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, '#', len);
	refused(text, len, -EFBIG, "f: the file is larger than 4 MiB");
	refused(text, len - 1, -EINVAL, "f: the file is empty");
	memset(text, '[', len);
	refused(text, len - 1, -EINVAL, "f:1:33: lists and mappings are nested more than 32 deep");
	for (size_t i = 0; i < len; i++)
		text[i] = "[a,"[i ? 2 - i % 2 : 0];
	refused(text, len - 1, -EINVAL, "f:1:2097152: the file holds more than 1048576 values");
	free(text);
}

/* The first fifty, in order, and how many more there are. */
static void test_many_mistakes(void **state)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char text[4096], line[256];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "unknown%d: 1\n", i);
	assert_int_equal(config__parse("f", text, n, &c, &problems), -EINVAL);
	assert_int_equal(problems.n, 51);
	for (unsigned int i = 0; i < 49; i++)
		assert_int_equal(problems.list[i + 1].line, i + 1);
	assert_string_equal(config_problems__format(&problems, 50, line, sizeof(line)),
			    "f: 11 more mistakes are not shown; mend these first");
	/* A list that is used again begins empty. */
	assert_int_equal(config__parse("g", HEAD, strlen(HEAD), &c, &problems), 0);
	assert_int_equal(problems.n, 0);
	config__free(c);
	config_problems__free(&problems);
	config_problems__free(NULL);
	config__free(NULL);
}

static void test_load(void **state)
{
	char path[] = "/tmp/fairlead-config-XXXXXX", line[1024];
	struct config_problems problems = {0};
	struct config *c = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, HEAD, strlen(HEAD)), strlen(HEAD));
	assert_int_equal(config__load(path, &c, &problems), 0);
	config__free(c);
	c = NULL;
	assert_int_equal(ftruncate(fd, (4L << 20) + 1), 0);
	assert_int_equal(config__load(path, &c, &problems), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(config__load("/nonexistent/f.yaml", &c, &problems), -ENOENT);
	assert_string_equal(config_problems__format(&problems, 0, line, sizeof(line)),
			    "/nonexistent/f.yaml: cannot open the file: No such file or directory");
	assert_int_equal(config__load("/", &c, &problems), -EISDIR);
	assert_string_equal(config_problems__format(&problems, 0, line, sizeof(line)),
			    "/: cannot read the file: Is a directory");
	assert_null(c);
	config_problems__free(&problems);
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(suggest__distance("", ""), 0);
	assert_int_equal(suggest__distance("port", "port"), 0);
	assert_int_equal(suggest__distance("PORT", "port"), 0);
	assert_int_equal(suggest__distance("prot", "port"), 1);
	assert_int_equal(suggest__distance("por", "port"), 1);
	assert_int_equal(suggest__distance("pport", "port"), 1);
	assert_int_equal(suggest__distance("bort", "port"), 1);
	assert_int_equal(suggest__distance("", "port"), 4);
	/* where the restricted form differs from the unrestricted one, which says 2 */
	assert_int_equal(suggest__distance("ca", "abc"), 3);
}

/* Whose probes decide, and how a VIP comes back. */
static void test_quorum_and_enough(void **state)
{
	static const struct {
		const char *keys;
		enum config_quorum quorum;
		uint32_t min_up, again, hold_ms;
	} rows[] = {
		{"", CONFIG_QUORUM_LOCAL, 1, 1, 0},
		{"health: {quorum: any}, announce: route, min_up: 2,", CONFIG_QUORUM_ANY, 2, 2, 0},
		{"health: {quorum: majority}, announce: route, min_up_again: 3, min_up_hold: 1h,",
		 CONFIG_QUORUM_MAJORITY, 1, 3, 3600000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct config_service *s;
		char text[600];
		struct config *c;

		snprintf(text, sizeof(text),
			 HEAD "peers: {listen: 10.0.0.1, key_file: /k, list: [{name: b, address: "
			      "10.0.0.2}]}\nservices:\n  - {name: a, vip: 192.0.2.1, port: 80, %s\n"
			      "     backends: [{address: 10.1.0.1}, {address: 10.1.0.2}, {address: "
			      "10.1.0.3}]}\n",
			 rows[i].keys);
		c = parse(text);
		s = &c->services[0];
		assert_int_equal(s->health.quorum, rows[i].quorum);
		assert_int_equal(s->min_up, rows[i].min_up);
		assert_int_equal(s->min_up_again, rows[i].again);
		assert_int_equal(s->min_up_hold_ms, rows[i].hold_ms);
		config__free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_bfd),
		cmocka_unit_test(test_top_values),
		cmocka_unit_test(test_service_values),
		cmocka_unit_test(test_probe_equal),
		cmocka_unit_test(test_billion_laughs),
		cmocka_unit_test(test_shared_backends),
		cmocka_unit_test(test_expansion),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_quorum_and_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
