/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of request lines: what they ask for, and which mistakes are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "api/asset.h"
#include "api/query_read.h"
#include "api/route.h"

static struct route ok(const char *uri)
{
	struct route r;
	struct err err = {0};

	if (route__parse(uri, &r, &err))
		fail_msg("%s: %s", uri, err.text);
	return r;
}

static void bad(const char *uri, int rc, const char *text)
{
	struct route r;
	struct err err = {0};
	int got = route__parse(uri, &r, &err);

	if (got != rc || !strstr(err.text, text))
		fail_msg("%s: %d '%s' instead of %d '%s'", uri, got, err.text, rc, text);
}

static void test_sources(void **state)
{
	struct route r = ok("/v1/sources/deny?prefix=192.0.2.0/24&service=web&monitor=true"
			    "&prefix=2001%3adb8::1");
	char text[ADDR_PREFIX_STRLEN];

	(void)state;
	assert_int_equal(r.kind, ROUTE_SOURCES_DENY);
	assert_int_equal(r.n_prefixes, 2);
	assert_string_equal(addr_prefix__format(&r.prefixes[0], text), "192.0.2.0/24");
	assert_string_equal(addr_prefix__format(&r.prefixes[1], text), "2001:db8::1");
	assert_string_equal(r.service, "web");
	assert_true(r.monitor);
	r = ok("/v1/sources/allow?prefix=0.0.0.0/0");
	assert_int_equal(r.kind, ROUTE_SOURCES_ALLOW);
	assert_false(r.monitor);
	assert_int_equal(ok("/v1/sources/remove?prefix=::1").kind, ROUTE_SOURCES_REMOVE);
	r = ok("/v1/sources");
	assert_int_equal(r.kind, ROUTE_SOURCES);
	assert_string_equal(r.service, "");
	assert_true(route__allows(&r, "GET"));
	assert_false(route__allows(&r, "POST"));
	assert_string_equal(ok("/v1/sources?service=web").service, "web");
	r = ok("/v1/rates?layout=0123456789abcdef&known=f");
	assert_int_equal(r.kind, ROUTE_RATES);
	assert_string_equal(r.layout, "0123456789abcdef");
	assert_string_equal(r.known, "f");
	assert_true(route__allows(&r, "GET"));
	assert_false(route__allows(&r, "POST"));
	assert_false(route__is_public(&r));
	bad("/v1/rates?layout=0123456789abcdef0", -EINVAL, "longer than 16 bytes");
	r = ok("/v1/status?service=web&backend=b1");
	assert_string_equal(r.service, "web");
	assert_string_equal(r.backend, "b1");
}

static void test_source_mistakes(void **state)
{
	(void)state;
	bad("/v1/sources/deny", -EINVAL, "'prefix' is missing");
	bad("/v1/sources/deny?prefix=192.0.2.1/24", -EINVAL, "host bits");
	bad("/v1/sources/deny?prefix=::/64", -EINVAL, "stands for IPv4");
	bad("/v1/sources/deny?prefix=", -EINVAL, "the prefix is empty");
	bad("/v1/sources/deny?prefix=::1&monitor=yes", -EINVAL, "'true' or 'false'");
	bad("/v1/sources/allow?prefix=::1&monitor=true", -EINVAL, "is not a parameter");
	bad("/v1/sources/deny?prefix=::1&service=a&service=b", -EINVAL, "there twice");
	bad("/v1/sources?prefix=::1", -EINVAL, "only 'service' is");
	bad("/v1/sources/forget?prefix=::1", -ENOENT, "no such path");
	bad("/v1/sources/deny?prefix=::1&service=0123456789012345678901234567890x", -EINVAL,
	    "longer than 31");
}

/* As many as a request line has room for. */
static void test_many_prefixes(void **state)
{
	char uri[ROUTE_MAX_URI + 64] = "/v1/sources/deny?prefix=::";
	size_t n = 1;

	(void)state;
	for (; strlen(uri) + strlen("&prefix=::") <= ROUTE_MAX_URI; n++)
		strcat(uri, "&prefix=::1");
	assert_int_equal(ok(uri).n_prefixes, n);
	assert_true(n < ROUTE_MAX_PREFIXES);
	strcat(uri, "&prefix=::1&prefix=::1");
	bad(uri, -ENAMETOOLONG, "longer than");
}

static void test_packets(void **state)
{
	struct route r = ok("/v1/packets?n=5&since=18446744073709551615");

	(void)state;
	assert_int_equal(r.kind, ROUTE_PACKETS);
	assert_true(r.has_n && r.has_since);
	assert_int_equal(r.n, 5);
	assert_true(r.since == UINT64_MAX);
	r = ok("/v1/packets");
	assert_false(r.has_n || r.has_since);
	assert_true(route__allows(&r, "HEAD"));
	r = ok("/v1/packets/sampling?flows=0&drops=1000000000");
	assert_int_equal(r.kind, ROUTE_SAMPLING);
	assert_true(r.has_flows && r.has_drops);
	assert_int_equal(r.flows, 0);
	assert_int_equal(r.drops, 1000000000);
	assert_false(ok("/v1/packets/sampling?drops=1").has_flows);
	assert_string_equal(route__methods(&r), "POST");
	bad("/v1/packets?n=0", -EINVAL, "n is not a number in 1..1024");
	bad("/v1/packets?n=1025", -EINVAL, "1..1024");
	bad("/v1/packets?n=+5", -EINVAL, "1..1024");
	bad("/v1/packets?since=18446744073709551616", -EINVAL, "since is not");
	bad("/v1/packets?since=-1", -EINVAL, "since is not");
	bad("/v1/packets/sampling", -EINVAL, "'flows' and 'drops'");
	bad("/v1/packets/sampling?flows=1000000001", -EINVAL, "flows is not");
	bad("/v1/packets/sampling?flows=1x", -EINVAL, "flows is not");
	bad("/v1/packets/sampling?rate=1", -EINVAL, "only 'flows', 'drops' are");
}

/* What anybody may ask, where the agent listens by TCP. */
static void test_public(void **state)
{
	static const char *const local[] = {"/v1/status",
					    "/v1/timings",
					    "/v1/version",
					    "/v1/config/apply",
					    "/v1/backends/b1",
					    "/v1/backends/b1/drain",
					    "/v1/sources",
					    "/v1/sources/deny?prefix=::1",
					    "/v1/packets",
					    "/v1/packets/sampling?drops=1",
					    "/v1/backends/b1/weight?percent=1",
					    "/v1/config/confirm",
					    "/v1/config/rollback",
					    "/v1/config/history",
					    "/v1/config/text?version=1",
					    "/v1/events",
					    "/v1/report",
					    "/v1/failover",
					    "/v1/failover/undo",
					    "/v1/alerts/test",
					    "/v1/explain?length=60"};
	static const char *const pages[] = {"/", "/dashboard/main.js", "/v1/overview?service=web",
					    "/v1/timeline?hours=168",
					    "/v1/events/stream?since=7&n=1"};
	struct route r = ok("/metrics");

	(void)state;
	assert_true(route__is_public(&r) && route__allows(&r, "HEAD"));
	assert_false(route__allows(&r, "POST"));
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		r = ok(pages[i]);
		assert_true(route__is_public(&r) && route__allows(&r, "HEAD"));
		assert_false(route__allows(&r, "POST"));
	}
	r = ok("/openapi.json");
	assert_true(route__is_public(&r) && !route__allows(&r, "POST"));
	r = ok("/healthz");
	assert_true(route__is_public(&r) && route__allows(&r, "GET"));
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		r = ok(local[i]);
		assert_false(route__is_public(&r));
	}
}

static void test_dashboard(void **state)
{
	struct route r = ok("/");

	(void)state;
	assert_int_equal(r.kind, ROUTE_PAGE);
	assert_string_equal(r.file->file, "index.html");
	r = ok("/dashboard/style.css");
	assert_int_equal(r.kind, ROUTE_FILE);
	assert_string_equal(r.file->type, "text/css; charset=utf-8");
	assert_true(r.file->end > r.file->text);
	bad("/dashboard/", -ENOENT, "no such path");
	bad("/dashboard/main.j", -ENOENT, "no such path");
	bad("/dashboard/main.js.", -ENOENT, "no such path");
	bad("/dashboard/../main.js", -ENOENT, "no such path");
	bad("/dashboard", -ENOENT, "no such path");
	bad("/dashboard/main.js?x=1", -EINVAL, "'x' is not a parameter");
	bad("/?service=web", -EINVAL, "'service' is not a parameter");

	assert_int_equal(ok("/v1/timeline").hours, 24);
	assert_int_equal(ok("/v1/timeline?hours=1").hours, 1);
	bad("/v1/timeline?hours=2", -EINVAL, "1, 24 or 168");
	bad("/v1/timeline?hours=169", -EINVAL, "1..168");
	bad("/v1/timeline?service=web", -EINVAL, "'service' is not a parameter");
	assert_string_equal(ok("/v1/overview?service=web").service, "web");
	r = ok("/v1/events/stream?since=12&n=3");
	assert_int_equal(r.kind, ROUTE_STREAM);
	assert_int_equal(r.since, 12);
	assert_int_equal(r.n, 3);
	bad("/v1/events/stream?wait=5", -EINVAL, "'wait' is not a parameter");
}

static void test_tags(void **state)
{
	static const char one[] = "let a = 1;", two[] = "let a = 2;";
	const struct asset first = {.text = one, .end = one + strlen(one)};
	const struct asset second = {.text = two, .end = two + strlen(two)};
	char a[ASSET_TAG_LEN], b[ASSET_TAG_LEN];

	(void)state;
	assert_int_equal(strlen(asset__tag(&first, a)), ASSET_TAG_LEN - 1);
	assert_string_not_equal(a, asset__tag(&second, b));
	assert_string_equal(a, asset__tag(&first, b));
	assert_true(a[0] == '"' && a[ASSET_TAG_LEN - 2] == '"');
}

static void test_failover(void **state)
{
	struct route r = ok("/v1/failover?to=lb2");

	(void)state;
	assert_int_equal(r.kind, ROUTE_FAILOVER);
	assert_string_equal(r.to, "lb2");
	assert_string_equal(route__methods(&r), "POST");
	assert_string_equal(ok("/v1/failover").to, "");
	assert_int_equal(ok("/v1/failover/undo").kind, ROUTE_FAILOVER_UNDO);
	bad("/v1/failover?to=", -EINVAL, "the peer's name is empty");
	bad("/v1/failover?to=0123456789012345678901234567890x", -EINVAL, "longer than 31");
	bad("/v1/failover/undo?to=lb2", -EINVAL, "is not a parameter");
}

static void test_explain(void **state)
{
	struct route r = ok("/v1/explain?source=192.0.2.1:40000&destination=192.0.2.10:80");

	(void)state;
	assert_int_equal(r.kind, ROUTE_EXPLAIN);
	assert_true(r.has_source);
	assert_int_equal(r.explain.sport, 40000);
	assert_int_equal(r.explain.dport, 80);
	assert_true(route__allows(&r, "POST"));
	assert_false(route__allows(&r, "GET"));
	r = ok("/v1/explain?source=[2001:db8::1]:1&destination=[2001:db8::2]:53&protocol=udp"
	       "&interface=eth0");
	assert_int_equal(r.explain.proto, IPPROTO_UDP);
	assert_string_equal(r.interface, "eth0");
	r = ok("/v1/explain?source=::1&destination=::2&protocol=icmp");
	assert_int_equal(r.explain.proto, IPPROTO_ICMP);
	r = ok("/v1/explain?source=192.0.2.1:1&destination=192.0.2.2:2&flags=syn,ack");
	assert_int_equal(r.explain_flags, 0x12);
	query_explain__complete(&r);
	assert_int_equal(r.explain.tcp_flags, 0x12);
	assert_int_equal(r.explain.proto, IPPROTO_TCP);
	assert_false(r.explain.opens);
	/* A frame is the body. */
	r = ok("/v1/explain?length=1514");
	assert_int_equal(r.explain.len, 1514);
	assert_int_equal(route__max_body("/v1/explain"), API_MAX_FRAME);
	assert_int_equal(route__max_body("/v1/explain?length=60"), API_MAX_FRAME);
	assert_int_equal(route__max_body("/v1/config/diff?now=true"), API_MAX_CONFIG);
	assert_int_equal(route__max_body("/v1/explained"), 0);
	assert_int_equal(route__max_body("/v1/status"), 0);
}

/* What a packet is that its protocol and its flags ask for. */
static void test_explain_openings(void **state)
{
	static const struct {
		const char *more;
		uint8_t proto, tcp_flags;
		bool opens;
	} rows[] = {
		{"", IPPROTO_TCP, 0x02, false},
		{"&protocol=udp", IPPROTO_UDP, 0, false},
		{"&protocol=udp&flags=initial", IPPROTO_UDP, 0, true},
		{"&flags=initial&protocol=udp", IPPROTO_UDP, 0, true},
		{"&protocol=sctp", IPPROTO_SCTP, 0, true},
		{"&protocol=sctp&flags=init", IPPROTO_SCTP, 0, true},
		{"&protocol=sctp&flags=data", IPPROTO_SCTP, 0, false},
	};
	char uri[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct route r;

		snprintf(uri, sizeof(uri),
			 "/v1/explain?source=192.0.2.1:1&destination=192.0.2.2:2%s", rows[i].more);
		r = ok(uri);
		query_explain__complete(&r);
		assert_int_equal(r.explain.proto, rows[i].proto);
		assert_int_equal(r.explain.tcp_flags, rows[i].tcp_flags);
		assert_int_equal(r.explain.opens, rows[i].opens);
	}
}

static void test_explain_mistakes(void **state)
{
	static const char here[] = "/v1/explain?source=192.0.2.1:1&destination=192.0.2.2:2";
	char uri[200];

	(void)state;
	bad("/v1/explain?source=192.0.2.1:1", -EINVAL, "'source' and 'destination' are needed");
	bad("/v1/explain?source=192.0.2.1&destination=192.0.2.2:80", -EINVAL,
	    "source needs a port");
	bad("/v1/explain?source=192.0.2.1:1&destination=192.0.2.2", -EINVAL,
	    "destination needs a port");
	bad("/v1/explain?source=192.0.2.1:1&destination=[::2]:80", -EINVAL, "not of one family");
	bad("/v1/explain?source=web&destination=[::2]:80", -EINVAL,
	    "source is not an address and port");
	snprintf(uri, sizeof(uri), "%s&protocol=icmp", here);
	bad(uri, -EINVAL, "ICMP has no ports");
	snprintf(uri, sizeof(uri), "%s&protocol=gre", here);
	bad(uri, -EINVAL, "protocol is 'tcp', 'udp', 'sctp' or 'icmp'");
	snprintf(uri, sizeof(uri), "%s&protocol=icmpv6", here);
	bad(uri, -EINVAL, "protocol is 'tcp', 'udp', 'sctp' or 'icmp'");
	snprintf(uri, sizeof(uri), "%s&protocol=udp&flags=syn", here);
	bad(uri, -EINVAL, "the one flag of udp is 'initial'");
	snprintf(uri, sizeof(uri), "%s&flags=initial", here);
	bad(uri, -EINVAL, "flags of tcp are 'syn'");
	snprintf(uri, sizeof(uri), "%s&protocol=sctp&flags=init,data", here);
	bad(uri, -EINVAL, "the flag of sctp is 'init' (the default) or 'data'");
	bad("/v1/explain?source=::1&destination=::2&protocol=icmp&flags=syn", -EINVAL,
	    "ICMP has no flags");
	snprintf(uri, sizeof(uri), "%s&flags=syn,", here);
	bad(uri, -EINVAL, "flags are of 'syn'");
	snprintf(uri, sizeof(uri), "%s&length=60", here);
	bad(uri, -EINVAL, "'length' is for a frame");
	bad("/v1/explain?length=13", -EINVAL, "length is not a number in 14..16384");
	bad("/v1/explain?interface=an-interface-too-long", -EINVAL, "no interface has a name");
}

static void test_journal(void **state)
{
	struct route r =
		ok("/v1/events?since=7&n=3&kind=backend,vrrp&service=web&backend=b1&after=5"
		   "&wait=25000");

	(void)state;
	assert_int_equal(r.kind, ROUTE_EVENTS);
	assert_true(r.has_since && r.has_n);
	assert_int_equal(r.since, 7);
	assert_string_equal(r.kinds, "backend,vrrp");
	assert_string_equal(r.backend, "b1");
	assert_int_equal(r.after_ms, 5);
	assert_int_equal(r.wait_ms, 25000);
	assert_true(route__allows(&r, "GET"));
	r = ok("/v1/report?target=999500&since=1");
	assert_int_equal(r.kind, ROUTE_REPORT);
	assert_int_equal(r.target_ppm, 999500);
	assert_int_equal(ok("/v1/report").target_ppm, 999000);
	r = ok("/v1/config/apply?confirm=60000&reason=caf%c3%a9%20%26%20more");
	assert_int_equal(r.kind, ROUTE_APPLY);
	assert_int_equal(r.confirm_ms, 60000);
	assert_string_equal(r.reason, "caf\xc3\xa9 & more");
	assert_false(r.all);
	assert_true(ok("/v1/config/apply?peers=true").all);
	bad("/v1/config/apply?peers=lb2", -EINVAL, "peers");
	bad("/v1/config/diff?peers=true", -EINVAL, "not a parameter");
	r = ok("/v1/config/rollback?version=3");
	assert_int_equal(r.kind, ROUTE_ROLLBACK);
	assert_int_equal(r.version, 3);
	assert_false(route__allows(&r, "GET"));
	assert_false(r.all);
	assert_true(ok("/v1/config/rollback?version=3&peers=true").all);
	assert_int_equal(ok("/v1/config/diff?now=true&version=4").version, 4);
	r = ok("/v1/config/text?version=9223372036854775807");
	assert_int_equal(r.kind, ROUTE_TEXT);
	assert_int_equal(r.version, INT64_MAX);
	assert_true(route__allows(&r, "GET"));
	bad("/v1/config/text", -EINVAL, "the parameter 'version' is missing");
	bad("/v1/config/text?version=9223372036854775808", -EINVAL, "version is not");
	bad("/v1/config/history?n=100001", -EINVAL, "n is not a number in 1..100000");
	bad("/v1/events?n=1025", -EINVAL, "n is not a number in 1..1024");
	r = ok("/v1/config/history?n=100000");
	assert_int_equal(r.kind, ROUTE_HISTORY);
	assert_true(route__allows(&r, "GET"));
	assert_int_equal(ok("/v1/config/confirm").kind, ROUTE_CONFIRM);
	bad("/v1/events?wait=25001", -EINVAL, "wait is not a number in 0..25000");
	bad("/v1/report?target=1000001", -EINVAL, "target is not a number in 0..1000000");
	bad("/v1/config/apply?confirm=999", -EINVAL, "confirm is not a number in 1000..86400000");
	bad("/v1/config/apply?reason=a%0ab", -EINVAL, "a byte 0x0a");
	bad("/v1/config/apply?version=1", -EINVAL, "not a parameter");
	bad("/v1/config/rollback?version=0", -EINVAL, "version is not");
	bad("/v1/config/confirm?reason=x", -EINVAL, "not a parameter");
	/* Words are a reason's alone. */
	bad("/v1/events?service=a%20b", -EINVAL, "only printable ASCII");
}

static void test_capture(void **state)
{
	struct route r = ok("/v1/capture/start");
	char text[ADDR_PREFIX_STRLEN];

	(void)state;
	assert_int_equal(r.kind, ROUTE_CAPTURE_START);
	assert_int_equal(r.capture.snap, 256);
	assert_int_equal(r.capture.rate, 5000);
	assert_int_equal(r.capture.packets, 10000);
	assert_int_equal(r.capture.time_ms, 60000);
	assert_int_equal(r.capture.size, 64 << 20);
	assert_int_equal(r.capture.source.len, 0);
	assert_false(route__allows(&r, "GET"));
	r = ok("/v1/capture/start?service=web&backend=b1&source=192.0.2.0/24&destination=2001:db8::1"
	       "&protocol=sctp&port=80&verdict=send,drop_ttl&snap=14&rate=1&packets=2&size=65536"
	       "&time=100");
	assert_string_equal(r.service, "web");
	assert_string_equal(r.backend, "b1");
	assert_string_equal(addr_prefix__format(&r.capture.source, text), "192.0.2.0/24");
	assert_int_equal(r.capture.destination.len, 128);
	assert_int_equal(r.capture.proto, IPPROTO_SCTP);
	assert_int_equal(r.capture.port, 80);
	assert_string_equal(r.verdicts, "send,drop_ttl");
	assert_int_equal(r.capture.snap, 14);
	assert_int_equal(r.capture.rate, 1);
	assert_int_equal(r.capture.packets, 2);
	assert_int_equal(r.capture.size, 65536);
	assert_int_equal(r.capture.time_ms, 100);
	r = ok("/v1/capture/next?id=4294967295");
	assert_int_equal(r.kind, ROUTE_CAPTURE_NEXT);
	assert_int_equal(r.id, 4294967295);
	assert_int_equal(ok("/v1/capture/stop?id=0").kind, ROUTE_CAPTURE_STOP);
	bad("/v1/capture/next", -EINVAL, "'id' is missing");
	bad("/v1/capture/stop?id=4294967296", -EINVAL, "id is not a number");
	bad("/v1/capture/start?id=1", -EINVAL, "not a parameter");
	bad("/v1/capture/start?snap=2049", -EINVAL, "snap is not a number in 14..2048");
	bad("/v1/capture/start?source=192.0.2.1/24", -EINVAL, "without host bits");
	bad("/v1/capture/start?protocol=gre", -EINVAL, "protocol is 'tcp'");
	bad("/v1/capture/start?port=0", -EINVAL, "port is not");
	bad("/v1/capture/start?size=65535", -EINVAL, "size is not");
	bad("/v1/capture/start?time=3600001", -EINVAL, "time is not");
	bad("/v1/capture/start?time=1000&rate=1&time=1000", -EINVAL, "there twice");
	/* All of them are named, however many. */
	bad("/v1/capture/start?x", -EINVAL, "'size', 'time' are");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),		 cmocka_unit_test(test_source_mistakes),
		cmocka_unit_test(test_many_prefixes),	 cmocka_unit_test(test_packets),
		cmocka_unit_test(test_public),		 cmocka_unit_test(test_failover),
		cmocka_unit_test(test_dashboard),	 cmocka_unit_test(test_tags),
		cmocka_unit_test(test_explain),		 cmocka_unit_test(test_explain_mistakes),
		cmocka_unit_test(test_explain_openings), cmocka_unit_test(test_journal),
		cmocka_unit_test(test_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
