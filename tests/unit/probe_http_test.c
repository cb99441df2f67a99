/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short way of HTTP: what is said, and what status lines are believed. */
#include "probe_talk.h"

#include "probe/talks.h"

static struct config_probe args = {
	.kind = CONFIG_PROBE_HTTP,
	.method = (char *)"GET",
	.path = (char *)"/health?x",
	.host = (char *)"www.example.org",
	.status_min = 200,
	.status_max = 399,
};

#define SAYS                                                  \
	"GET /health?x HTTP/1.1\r\nHost: www.example.org\r\n" \
	"User-Agent: fairlead/" FAIRLEAD_VERSION "\r\nAccept: */*\r\nConnection: close\r\n\r\n"

static void test_status(void **state)
{
	static const struct {
		const char *answer;
		enum probe_outcome outcome;
		const char *detail;
	} answers[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", PROBE_OK, "status 200"},
		{"HTTP/1.0 399\r\n", PROBE_OK, "status 399"},
		{"HTTP/1.1 302 \nLocation: /\n\n", PROBE_OK, "status 302"},
		{"HTTP/1.1 503 Busy\r\n", PROBE_FAILED, "status 503 is not in 200..399"},
		{"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 204 No\r\n", PROBE_OK,
		 "status 204"},
		{"HTTP/1.1 101 Up\r\n", PROBE_FAILED, "status 101 is not in 200..399"},
		{"HTTP/2 200 OK\r\n", PROBE_FAILED, "its answer is not HTTP: \"HTTP/2 200 OK\""},
		{"HTTP/1.1 2000\r\n", PROBE_FAILED, "its answer is not HTTP: \"HTTP/1.1 2000\""},
		{"SSH-2.0-x\r\n", PROBE_FAILED, "its answer is not HTTP: \"SSH-2.0-x\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const struct turn turns[] = {{.says = SAYS, .answers = answers[i].answer}};

		TALK_CHECK(&talk_http, &args, NULL, turns, answers[i].outcome, answers[i].detail);
	}
}

/* Without a host the address is named, with the port unless it is 80 (RFC 9112 3.2). */
static void test_host(void **state)
{
	struct config_probe plain = args;
	const struct turn turns[] = {
		{.says = "GET /health?x HTTP/1.1\r\nHost: 0.0.0.0:1000\r\n"
			 "User-Agent: fairlead/" FAIRLEAD_VERSION
			 "\r\nAccept: */*\r\nConnection: close\r\nX-Probe: yes\r\n\r\n",
		 .answers = "HTTP/1.1 200 OK\r\n"},
	};
	char *headers[] = {(char *)"X-Probe: yes"};

	(void)state;
	plain.host = NULL;
	plain.headers = (struct config_words){headers, 1};
	TALK_CHECK(&talk_http, &plain, NULL, turns, PROBE_OK, "status 200");
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_http, &args, NULL, 20000);
}

/* What needs more than the status of an answer in the clear goes the long way. */
static void test_can(void **state)
{
	struct config_probe p = args;

	(void)state;
	assert_true(talk_http__can(&p));
	p.body = (char *)"ok";
	assert_false(talk_http__can(&p));
	p = args;
	p.http2 = true;
	assert_false(talk_http__can(&p));
	p = args;
	p.kind = CONFIG_PROBE_HTTPS;
	assert_false(talk_http__can(&p));
	p = args;
	p.user = (char *)"u";
	assert_false(talk_http__can(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
