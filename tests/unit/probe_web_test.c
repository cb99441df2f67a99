/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds that ask by HTTP: what they ask, byte for byte, and how they judge answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "probe/web.h"

static struct web_verdict judged(const struct web_kind *kind, const struct config_probe *args,
				 unsigned int step, long status, const char *body, size_t len,
				 const char *grpc_status)
{
	struct web_answer a = {.status = status, .body = body, .len = len};
	struct web_verdict v = {.ok = false};

	strcpy(a.grpc_status, grpc_status);
	kind->judge(args, step, &a, &v);
	return v;
}

/* --- http --------------------------------------------------------------------------------------- */

static void test_http_body(void **state)
{
	struct config_probe p = {.kind = CONFIG_PROBE_HTTP, .status_min = 200, .status_max = 299};
	static const char body[] = "state: ready\nnodes: 3\n";
	struct web_verdict v;

	(void)state;
	p.body = (char *)"ready";
	v = judged(&web_http, &p, 0, 200, body, strlen(body), "");
	assert_true(v.ok);
	assert_true(web_http.decided(&p, body, 12));
	assert_false(web_http.decided(&p, body, 11));
	p.body = (char *)"Ready";
	v = judged(&web_http, &p, 0, 200, body, strlen(body), "");
	assert_false(v.ok);
	assert_string_equal(v.detail, "status 200, but the body does not hold \"Ready\"");
	p.body = NULL;
	p.body_regex = (char *)"^nodes: [2-9]$";
	v = judged(&web_http, &p, 0, 200, body, strlen(body), "");
	assert_true(v.ok);
	/* What follows might still change it. */
	assert_false(web_http.decided(&p, body, strlen(body)));
	p.body_regex = (char *)"^nodes: [4-9]$";
	v = judged(&web_http, &p, 0, 200, body, strlen(body), "");
	assert_string_equal(v.detail, "status 200, but the body does not match \"^nodes: [4-9]$\"");
	v = judged(&web_http, &p, 0, 404, body, strlen(body), "");
	assert_string_equal(v.detail, "status 404 is not in 200..299");
}

/* --- grpc --------------------------------------------------------------------------------------- */

static void test_grpc_request(void **state)
{
	static const uint8_t whole[] = {0, 0, 0, 0, 0};
	static const uint8_t named[] = {0, 0, 0, 0, 6, 0x0a, 4, 'e', 'c', 'h', 'o'};
	struct config_probe p = {.kind = CONFIG_PROBE_GRPC};
	struct web_request r = {.path = "/"};
	char longest[201];

	(void)state;
	web_grpc.ask(&p, 0, &r);
	assert_string_equal(r.path, "/grpc.health.v1.Health/Check");
	assert_int_equal(r.body_len, sizeof(whole));
	assert_memory_equal(r.body, whole, sizeof(whole));
	memset(&r, 0, sizeof(r));
	p.service = (char *)"echo";
	web_grpc.ask(&p, 0, &r);
	assert_int_equal(r.body_len, sizeof(named));
	assert_memory_equal(r.body, named, sizeof(named));
	/* A length of two bytes. */
	memset(longest, 'x', 200);
	longest[200] = '\0';
	memset(&r, 0, sizeof(r));
	p.service = longest;
	web_grpc.ask(&p, 0, &r);
	assert_int_equal(r.body_len, 5 + 3 + 200);
	assert_int_equal(r.body[6], 0xc8);
	assert_int_equal(r.body[7], 0x01);
}

static void test_grpc_answers(void **state)
{
	static const struct {
		const char *body;
		size_t len;
		const char *grpc_status;
		bool ok;
		const char *detail;
	} answers[] = {
		{"\0\0\0\0\2\x08\1", 7, "0", true, "SERVING"},
		{"\0\0\0\0\2\x08\2", 7, "0", false, "NOT_SERVING"},
		{"\0\0\0\0\0", 5, "0", false, "UNKNOWN"},
		{"\0\0\0\0\2\x08\7", 7, "0", false, "its answer is no HealthCheckResponse"},
		{"\0\0\0\0\2\x08", 6, "0", false, "its answer is no HealthCheckResponse"},
		{"\1\0\0\0\2\x08\1", 7, "0", false, "its answer is no HealthCheckResponse"},
		{"", 0, "0", false, "its answer is no HealthCheckResponse"},
		{"\0\0\0\0\2\x08\1", 7, "", false, "its answer has no grpc-status"},
		{"", 0, "5", false, "does not know the service \"echo\""},
		{"", 0, "12", false, "has no health service (grpc.health.v1)"},
		{"", 0, "14", false, "grpc-status 14"},
	};
	struct config_probe p = {.kind = CONFIG_PROBE_GRPC, .service = (char *)"echo"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct web_verdict v = judged(&web_grpc, &p, 0, 200, answers[i].body,
					      answers[i].len, answers[i].grpc_status);

		assert_string_equal(v.detail, answers[i].detail);
		assert_int_equal(v.ok, answers[i].ok);
	}
	assert_string_equal(judged(&web_grpc, &p, 0, 404, "", 0, "").detail,
			    "status 404 of HTTP, 200 is wanted");
}

/* --- elasticsearch ------------------------------------------------------------------------------ */

static void test_elastic(void **state)
{
	static const struct {
		enum config_role role;
		const char *color;
		unsigned int step;
		const char *body;
		bool ok, again;
		const char *detail;
	} answers[] = {
		{CONFIG_ROLE_ANY, "yellow", 0, "{\"status\":\"yellow\"}", true, false,
		 "cluster yellow"},
		{CONFIG_ROLE_ANY, "green", 0, "{\"status\":\"yellow\"}", false, false,
		 "the cluster is yellow, green is wanted"},
		{CONFIG_ROLE_ANY, "yellow", 0, "{\"status\":\"red\"}", false, false,
		 "the cluster is red, yellow is wanted"},
		{CONFIG_ROLE_ANY, "yellow", 0, "{\"status\":7}", false, false,
		 "its answer has no health of the cluster"},
		{CONFIG_ROLE_ANY, "yellow", 0, "[", false, false, "its answer is no JSON object"},
		{CONFIG_ROLE_MASTER, "yellow", 0, "{\"status\":\"green\"}", false, true,
		 "cluster green"},
		{CONFIG_ROLE_MASTER, "yellow", 1, "{\"nodes\":{\"a\":{\"roles\":[\"master\"]}}}",
		 true, false, "is the elected master"},
		{CONFIG_ROLE_MASTER, "yellow", 1, "{\"nodes\":{\"a\":{},\"b\":{}}}", false, false,
		 "is not the elected master"},
		{CONFIG_ROLE_DATA, "yellow", 1, "{\"nodes\":{\"a\":{\"roles\":[\"data_hot\"]}}}",
		 true, false, "is a data node"},
		{CONFIG_ROLE_DATA, "yellow", 1, "{\"nodes\":{\"a\":{\"roles\":[\"master\"]}}}",
		 false, false, "is not a data node"},
		{CONFIG_ROLE_DATA, "yellow", 1, "{\"nodes\":{}}", false, false,
		 "its answer has no nodes"},
	};
	struct config_probe p = {.kind = CONFIG_PROBE_ELASTICSEARCH};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct web_verdict v;

		p.role = answers[i].role;
		p.color = (char *)answers[i].color;
		v = judged(&web_elasticsearch, &p, answers[i].step, 200, answers[i].body,
			   strlen(answers[i].body), "");
		assert_string_equal(v.detail, answers[i].detail);
		assert_int_equal(v.ok, answers[i].ok);
		assert_int_equal(v.again, answers[i].again);
	}
	assert_string_equal(judged(&web_elasticsearch, &p, 0, 401, "", 0, "").detail,
			    "status 401: the user or the password is wrong");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_body),
		cmocka_unit_test(test_grpc_request),
		cmocka_unit_test(test_grpc_answers),
		cmocka_unit_test(test_elastic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
