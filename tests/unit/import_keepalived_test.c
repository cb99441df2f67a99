/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keepalived's configurations become, and that every result loads, also that of damaged files. Run from
 * the root of the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "import_result.h"

#define FILES "tests/unit/keepalived/*.conf"
#define MUTANTS 1500 /* of each file */

static char *read_file(const char *path, size_t *len)
{
	char *text = malloc(65536);
	FILE *f = fopen(path, "re");

	assert_non_null(text);
	assert_non_null(f);
	*len = fread(text, 1, 65535, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

/* The line of the file that begins with these words. */
static unsigned int line_of(const char *text, const char *words)
{
	const char *at = strstr(text, words);
	unsigned int line = 1;

	assert_non_null(at);
	while (text < at)
		line += *text++ == '\n';
	return line;
}

static void check_v4(const struct config_vrrp *g)
{
	char buf[ADDR_STRLEN];

	assert_string_equal(g->name, "V4");
	assert_string_equal(g->interface, "eth0");
	assert_int_equal(g->vrid, 51);
	assert_int_equal(g->priority, 155); /* 150 for lb1, and 5 of chk_shell */
	assert_int_equal(g->n_addresses, 2);
	assert_string_equal(addr__format(&g->addresses[0], buf), "192.0.2.10");
	assert_int_equal(g->interval_ms, 250);
	assert_false(g->preempt);
	assert_true(g->has_source);
	assert_string_equal(addr__format(&g->source, buf), "10.0.0.2");
	assert_int_equal(g->n_peers, 1);
	assert_string_equal(g->sync, "G");
	assert_int_equal(g->n_track, 0); /* its own interface */
	assert_int_equal(g->n_track_bfd, 1);
	assert_int_equal(g->bfd_cost, 30);
	assert_int_equal(g->n_commands, 2);
	assert_string_equal(g->commands[0].name, "chk_proxy");
	assert_int_equal(g->commands[0].cost, 20);
	assert_int_equal(g->commands[0].probe.interval_ms, 2000);
	assert_int_equal(g->commands[0].probe.timeout_ms, 1000);
	assert_int_equal(g->commands[0].probe.rise, 3);
	assert_int_equal(g->commands[0].probe.fall, 2);
	assert_int_equal(g->commands[0].probe.command.n, 3);
	assert_string_equal(g->commands[0].probe.command.list[2], "haproxy");
	assert_int_equal(g->commands[1].cost, 5);
	assert_string_equal(g->commands[1].probe.command.list[2], "test -e /run/ok # really");
}

static void check_alert(const struct config_alert *a)
{
	assert_string_equal(a->name, "notify-G");
	assert_int_equal(a->kinds, 1u << JOURNAL_VRRP);
	assert_int_equal(a->severity, CONFIG_INFO);
	assert_int_equal(a->command.n, 3);
	assert_string_equal(a->command.list[0], "/bin/sh");
	assert_string_equal(a->command.list[2],
			    "[ \"$FAIRLEAD_SUBJECT\" = V4 ] && case $FAIRLEAD_IS in active) "
			    "/usr/local/bin/master.sh;; esac; exit 0");
}

static void test_pair_vrrp(void **state)
{
	struct import_result r;
	size_t len;
	char *text = read_file("tests/unit/keepalived/pair.conf", &len);
	struct config *c = import(text, &r);

	(void)state;
	assert_int_equal(c->n_vrrp, 2);
	check_v4(&c->vrrp[0]);
	assert_int_equal(c->vrrp[1].priority, 150);
	assert_true(c->vrrp[1].preempt);
	assert_int_equal(c->vrrp[1].preempt_delay_ms, 30500);
	assert_string_equal(c->vrrp[1].sync, "G");
	assert_true(c->vrrp[1].virtual_mac && !c->vrrp[0].virtual_mac);
	says(&r, line_of(text, "    use_vmac"), IMPORT_NOTED, "not vrrp6.51");
	says(&r, line_of(text, "    use_vmac"), IMPORT_REFUSED, "not 02:00:00:00:00:51");
	assert_int_equal(c->n_bfd, 1);
	assert_int_equal(c->bfd[0].min_tx_ms, 50);
	assert_int_equal(c->bfd[0].multiplier, 4);
	assert_true(c->bfd[0].has_local);
	assert_int_equal(c->n_interfaces, 1);
	assert_string_equal(c->interfaces[0], "eth0");
	says(&r, line_of(text, "    authentication"), IMPORT_REFUSED, "version 3 has none");
	says(&r, line_of(text, "    @^lb1"), IMPORT_NOTED, "--config-id");
	says(&r, line_of(text, "        ${NET}.10/24"), IMPORT_NOTED, "not a /24");
	says(&r, line_of(text, "        ${NET}.10/24"), IMPORT_NOTED, "no label");
	says(&r, line_of(text, "        eth0 weight"), IMPORT_NOTED, "the group's own");
	says(&r, line_of(text, "        chk_shell"), IMPORT_NOTED, "the priority is 155");
	says(&r, line_of(text, "    notify_master"), IMPORT_NOTED, "with the agent's rights");
	check_alert(&c->alerts[0]);
	assert_int_equal(c->n_alerts, 1);
	assert_null(note(&r, line_of(text, "vrrp_instance V4"), "vrrp_instance")); /* version 3 */
	config__free(c);
	import_result__free(&r);
	free(text);
}

static void check_web(const struct config_service *s)
{
	char buf[ADDR_STRLEN];

	assert_int_equal(s->forward, CONFIG_FWD_NAT);
	assert_int_equal(s->affinity, FL_AFF_SOURCE);
	assert_int_equal(s->down_hold_ms, 15 * 60000);
	assert_int_equal(s->health.start, FL_HEALTH_UP);
	assert_int_equal(s->n_backends, 3);
	assert_string_equal(s->backends[0].id, "10.0.0.21:8443");
	assert_string_equal(addr__format(&s->backends[0].address, buf), "10.0.0.21");
	assert_int_equal(s->backends[0].port, 8443);
	assert_int_equal(s->backends[0].weight, 21);
	assert_int_equal(s->backends[1].weight, 22);
	assert_string_equal(s->backends[2].id, "sorry");
	assert_int_equal(s->backends[2].port, 80);
	assert_true(s->backends[2].backup && !s->backends[1].backup);
	assert_int_equal(s->probe.kind, CONFIG_PROBE_HTTPS);
	assert_int_equal(s->probe.interval_ms, 5000);
	assert_int_equal(s->probe.fast_interval_ms, 1500);
	assert_int_equal(s->probe.timeout_ms, 2000);
	assert_int_equal(s->probe.rise, 1);
	assert_int_equal(s->probe.fall, 3);
	assert_int_equal(s->probe.port, 9443);
	assert_false(s->probe.verify);
	assert_string_equal(s->probe.path, "/health?x=1");
	assert_string_equal(s->probe.host, "www.example.org");
	assert_string_equal(s->probe.sni, "www.example.org");
	assert_string_equal(s->probe.body_regex, "ok|fine\\.$");
	assert_int_equal(s->probe.status_min, 200);
	assert_int_equal(s->probe.status_max, 204);
}

static void test_pair_services(void **state)
{
	static const char *const vips[] = {
		"198.51.100.53",   "198.51.100.54",    "198.51.100.100",   "198.51.100.101",
		"2001:db8::1:fff", "2001:db8::1:1000", "2001:db8::1:1001", "198.51.100.128/30"};
	char buf[ADDR_PREFIX_STRLEN];
	struct import_result r;
	size_t len;
	char *text = read_file("tests/unit/keepalived/pair.conf", &len);
	struct config *c = import(text, &r);
	const struct config_service *s;

	(void)state;
	/* "$NET.1" is no parameter: no blank follows it. So that one has no address, and is not there. */
	assert_int_equal(c->n_services, 1 + 8 + 1);
	says(&r, line_of(text, "virtual_server $NET.1"), IMPORT_REFUSED, "vip: ");
	check_web(&c->services[0]);
	for (size_t i = 0; i < 8; i++) {
		s = &c->services[1 + i];
		assert_string_equal(addr_prefix__format(&s->vip, buf), vips[i]);
		assert_int_equal(s->proto, IPPROTO_UDP);
		assert_int_equal(s->forward, CONFIG_FWD_GUE);
		assert_int_equal(s->gue_port, 6081);
		assert_int_equal(s->affinity, FL_AFF_SOURCE); /* sh */
		assert_int_equal(s->health.start, FL_HEALTH_UNKNOWN); /* alpha */
		assert_int_equal(s->probe.kind, CONFIG_PROBE_DNS);
		assert_int_equal(s->probe.fall, 4);
		assert_int_equal(s->probe.fast_interval_ms, 60000);
	}
	says(&r, line_of(text, "    fwmark 5"), IMPORT_REFUSED, "no firewall marks");
	s = &c->services[9];
	assert_int_equal(s->forward, CONFIG_FWD_L2);
	assert_true(!s->backends[0].backup && s->backends[1].backup); /* fo */
	assert_int_equal(s->probe.kind, CONFIG_PROBE_SMTP);
	assert_int_equal(s->probe.port, 2525);
	assert_string_equal(s->probe.name, "lb1.example.org");
	config__free(c);
	import_result__free(&r);
	free(text);
}

static void check_probes(const struct config *c)
{
	const struct config_service *s = c->services;

	assert_int_equal(c->n_services, 6);
	assert_int_equal(s[0].probe.kind, CONFIG_PROBE_UDP);
	assert_int_equal(s[0].probe.send.len, 5); /* "50 49 4e4 7": the 4 alone is a byte */
	assert_memory_equal(s[0].probe.send.data, "PIN\x04\x07", 5);
	assert_memory_equal(s[0].probe.expect.data, "PO", 2);
	assert_int_equal(s[1].probe.kind, CONFIG_PROBE_EXEC);
	assert_string_equal(s[1].probe.command.list[0], "/bin/sh");
	assert_string_equal(s[1].probe.command.list[2], "/usr/lib/check 'a b' $HOME");
	assert_int_equal(s[1].probe.timeout_ms, 3000);
	assert_int_equal(s[1].probe.fall, 1);
	assert_int_equal(s[1].backends[0].weight, s[1].backends[1].weight); /* rr */
	assert_int_equal(s[2].probe.kind, CONFIG_PROBE_ICMP);
	assert_int_equal(s[2].probe.fall, 5);
	assert_int_equal(s[3].probe.kind, CONFIG_PROBE_HTTP);
	assert_string_equal(s[3].probe.path, "/a");
	assert_int_equal(s[3].probe.interval_ms, 10);
	assert_int_equal(s[3].n_backends, 1); /* 127.0.0.1 is none */
	assert_int_equal(s[4].port, 0);
	assert_int_equal(s[4].port_last, 65535);
	assert_int_equal(s[4].probe.port, 22);
	assert_int_equal(s[4].affinity, FL_AFF_SOURCE);
	assert_null(s[5].probe.body_regex);
	assert_string_equal(s[5].probe.cert_file, "/etc/keepalived/client.pem");
}

static void test_checkers(void **state)
{
	struct import_result r;
	size_t len;
	char *text = read_file("tests/unit/keepalived/checkers.conf", &len);
	struct config *c = import(text, &r);

	(void)state;
	check_probes(c);
	says(&r, line_of(text, "static_routes"), IMPORT_REFUSED, "network configuration");
	says(&r, line_of(text, "    lb_algo lc"), IMPORT_NOTED, "equal shares");
	says(&r, line_of(text, "    quorum 3"), IMPORT_REFUSED, "min_up");
	says(&r, line_of(text, "    quorum_down"), IMPORT_REFUSED, "FAIRLEAD_SERVICE");
	says(&r, line_of(text, "        weight 2"), IMPORT_NOTED, "rr takes no heed");
	says(&r, line_of(text, "        PING_CHECK"), IMPORT_REFUSED, "one probe");
	says(&r, line_of(text, "                digest"), IMPORT_REFUSED, "body_regex");
	says(&r, line_of(text, "            connect_ip"), IMPORT_REFUSED, "the backend's address");
	says(&r, line_of(text, "    real_server 127.0.0.1"), IMPORT_REFUSED, "would not take");
	says(&r, line_of(text, "                regex \"(?i)"), IMPORT_REFUSED, "POSIX");
	says(&r, line_of(text, "    frobnicate"), IMPORT_REFUSED, "unknown here");
	says(&r, line_of(text, "virtual_server fwmark 7"), IMPORT_REFUSED, "no firewall marks");
	says(&r, line_of(text, "    delay_loop 0.001"), IMPORT_NOTED, "10 ms");
	says(&r, line_of(text, "virtual_server 192.0.2.45"), IMPORT_NOTED, "it is udp");
	assert_int_equal(c->services[5].proto, IPPROTO_UDP);
	assert_non_null(strstr(r.yaml, "refused: frobnicate: is unknown here"));
	assert_non_null(strstr(r.yaml, "#       - {address: \"127.0.0.1\""));
	config__free(c);
	import_result__free(&r);
	free(text);
}

/* Lines and words: what has the same meaning is the same. */
static void test_words(void **state)
{
	static const char *const same[] = {
		"virtual_server 192.0.2.1 80 {\n lb_kind DR\n real_server 192.0.2.2 80 {\n weight 7\n}\n}\n",
		"virtual_server  192.0.2.1\t80{ # a comment\n lb_kind DR ! another\n"
		"real_server 192.0.2.2 80\n{\nweight 7\n}\n}",
		"$A=192.0.2\n$W=7\n$N=${A}.1\nvirtual_server ${N} 80 {\nlb_kind \"D\"R\n"
		"real_server ${A}.2 80 {\nweight $W\n}\n}\n",
		"@lb1 virtual_server 192.0.2.1 80 {\n@^lb1 lb_kind NAT\n@other lb_kind TUN\nlb_kind DR\n"
		"~LST(N, 2) real_server 192.0.2.$N 80 \n{\n~LST({X,Y},{weight,7}) $X ${Y}\n}\n}\n",
		"$S= \\\nvirtual_server 192.0.2.1 80 { \\\nlb_kind D\\x52 \\\n$R \\\n}\n"
		"$R= \\\nreal_server 192.0.2.2 80 { \\\nweight 7 \\\n}\n$S\n",
		"virtual_server 192.0.2.1 80 { lb_kind DR\n real_server 192.0.2.2 80 { weight 7\n} }\n",
		"virtual_server 192.0.2.1 80 {\nlb_kind DR\nx \"a\\\"#b\" {\n}\nreal_server 192.0.2.2 80 {\n"
		"weight 7\n}\n}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct import_result r;
		struct config *c = import(same[i], &r);

		assert_int_equal(c->n_services, 1);
		assert_string_equal(c->services[0].name, "udp-192.0.2.1-80");
		assert_int_equal(c->services[0].forward, CONFIG_FWD_L2);
		assert_int_equal(c->services[0].backends[0].weight, 7);
		config__free(c);
		import_result__free(&r);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{"vrrp_instance A {\n", "k.conf:1: the block 'vrrp_instance' is not closed"},
		{"a b\n}\n", "k.conf:2: '}' closes nothing"},
		{"{\n}\n", "k.conf:1: '{' stands behind no keyword"},
		{"# nothing\n", "k.conf has nothing to import"},
		{"$A=x ${A}\n$A\n", "k.conf:2: definitions and sequences come to too much"},
		{"$A= \\\n$A \\\n$A\n$A\n", "k.conf:4: definitions and sequences come to too much"},
		{"~SEQ(A, 1, 1000000) x\n", "k.conf:1: definitions and sequences come to too much"},
		{"~SEQ(A x\n", "k.conf:1: '~SEQ(A x' is not as in"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct import_result r = {0};
		struct err err = {0};

		assert_true(import__text("k.conf", cases[i].text, strlen(cases[i].text), &options,
					 &r, &err) < 0);
		if (!strstr(err.text, cases[i].sentence))
			fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].sentence);
		import_result__free(&r);
	}
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

/* Relative to the file that includes, by a pattern, and one within the other. */
static void test_includes(void **state)
{
	struct import_options o = {.config_id = "lb1", .includes = true};
	char folder[] = "/tmp/import-XXXXXX", path[64];
	struct import_result r = {0};
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/main.conf", folder);
	write_text(path, "include part-*.conf\nincluder missing.conf\n");
	snprintf(path, sizeof(path), "%s/part-1.conf", folder);
	write_text(path, "virtual_server 192.0.2.1 80 {\ninclude reals\n}\n");
	snprintf(path, sizeof(path), "%s/reals", folder);
	write_text(path, "lb_kind DR\nreal_server 192.0.2.2 80 {\n}\nbad\n");
	snprintf(path, sizeof(path), "%s/main.conf", folder);
	assert_int_equal(import__file(path, &o, &r, &err), 0);
	assert_non_null(strstr(r.yaml, "- {address: \"192.0.2.2\""));
	assert_non_null(strstr(r.yaml, "reals:4: refused: bad: is unknown here"));
	assert_non_null(strstr(r.yaml, "main.conf:2: noted: the file to include, "));
	import_result__free(&r);
	assert_int_equal(import__file("/nonexistent", &o, &r, &err), -ENOENT);
	import_result__free(&r);
	snprintf(path, sizeof(path), "rm -r %s", folder);
	assert_int_equal(system(path), 0);
}

/* The table of the docs is that of keywords.c, row by row. */
static void test_docs(void **state)
{
	size_t len, rows = 0;
	char *text = read_file("docs/migration-keepalived.md", &len);
	const char *block = "";

	(void)state;
	for (size_t i = 0; i < import_n_keywords; i++) {
		const struct import_keyword *k = &import_keywords[i];
		char heading[64], row[128];
		const char *at, *end;

		if (strcmp(block, k->block) != 0)
			block = k->block;
		snprintf(heading, sizeof(heading), "\n### `%s`\n", block);
		snprintf(row, sizeof(row), "\n| `%s` | %s |", k->name, import_fate__name(k->fate));
		at = strstr(text, heading);
		if (!at)
			fail_msg("no heading %s", heading);
		end = strstr(at + 1, "\n### ");
		at = strstr(at, row);
		if (!at || (end && at > end))
			fail_msg("no row for %s in %s", k->name, block);
	}
	for (const char *at = strstr(text, "\n## Every keyword"); (at = strstr(at + 1, "\n| `"));)
		rows++;
	assert_int_equal(rows, import_n_keywords);
	free(text);
}

/* xorshift (Marsaglia 2003): the same mutants in every run */
static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void mutate(char *text, size_t len, uint64_t *seed)
{
	static const char marks[] = "{}#!\"'\\$@~\n\t 0-/:.,\xff\x01";
	size_t n = 1 + next(seed) % 6;

	while (n--) {
		size_t at = next(seed) % len, from = next(seed) % len, some = next(seed) % 60;

		switch (next(seed) % 3) {
		case 0:
			text[at] = (char)(text[at] ^ (1 << next(seed) % 8));
			break;
		case 1:
			text[at] = marks[next(seed) % (sizeof(marks) - 1)];
			break;
		default:
			if (at + some <= len && from + some <= len)
				memmove(text + at, text + from, some);
			break;
		}
	}
}

/* Whatever is damaged, the result loads, or there is none. */
static void test_mutants(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	size_t loaded = 0;
	glob_t g;

	(void)state;
	assert_int_equal(glob(FILES, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		size_t len;
		char *original = read_file(g.gl_pathv[i], &len);

		for (int m = 0; m < MUTANTS; m++) {
			struct import_result r = {0};
			struct err err = {0};
			char *copy = malloc(len);

			assert_non_null(copy);
			memcpy(copy, original, len);
			mutate(copy, len, &seed);
			if (import__text("mutant", copy, len, &options, &r, &err)) {
				assert_true(err.text[0]);
			} else {
				if (r.unloadable)
					print_error("%s\n%s", r.unloadable, r.yaml);
				assert_null(r.unloadable);
				loaded++;
			}
			import_result__free(&r);
			free(copy);
		}
		free(original);
	}
	globfree(&g);
	assert_true(loaded > MUTANTS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_vrrp), cmocka_unit_test(test_pair_services),
		cmocka_unit_test(test_checkers),  cmocka_unit_test(test_words),
		cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_includes),
		cmocka_unit_test(test_docs),	  cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
