/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API as clients meet it: raw bytes from threads against a server on a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "api_serve.h"

static void test_reads(void **state)
{
	expect(*state, "GET /v1/status", "200", "{\"instance\":\"main\"}");
	expect(*state, "GET /v1/status?service=web&backend=b1", "200",
	       "{\"service\":\"web\",\"backend\":\"b1\"}");
	expect(*state, "GET /v1/status?backend=b1", "200", "{\"service\":null,\"backend\":\"b1\"}");
	expect(*state, "GET /v1/rates?layout=a", "200", "{\"layout\":\"a\",\"known\":\"\"}");
	expect(*state, "GET /v1/version", "200", "\"version\":\"");
	expect(*state, "GET /v1/timings", "200", "\"loop\":{}");
	expect(*state, "POST /v1/timings", "405", "GET, HEAD only");
	expect(*state, "HEAD /v1/status", "200", "application/json");
}

/* Made once between two ticks. */
static void test_metrics(void **state)
{
	struct fixture *f = *state;

	expect(f, "GET /metrics", "200", "made 1\n");
	expect(f, "GET /metrics", "200", "made 1\n");
	expect(f, "GET /metrics", "200",
	       "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	expect(f, "HEAD /metrics", "200", "Content-Length: 7\r\n");
	assert_int_equal(f->n_metrics, 1);
	api__tick(f->api);
	expect(f, "GET /metrics", "200", "made 2\n");
	expect(f, "POST /metrics", "405", "Allow: GET, HEAD\r\n");
	expect(f, "GET /metrics?a=b", "400", "error");
	api__tick(f->api);
	f->no_memory = true;
	expect(f, "GET /metrics", "500", "out of memory");
	f->no_memory = false;
	expect(f, "GET /metrics", "200", "made 4\n");
}

static void test_healthz(void **state)
{
	struct fixture *f = *state;

	expect(f, "GET /openapi.json", "200", "\"openapi\": \"3.1.0\"");
	expect(f, "GET /healthz", "200", "{\"ok\":true,\"problems\":[]}");
	f->unfit = true;
	expect(f, "GET /healthz", "503", "{\"ok\":false,\"problems\":[\"it is broken\"]}");
}

static void test_errors(void **state)
{
	struct fixture *f = *state;
	char line[2048] = "GET /v1/";

	expect(f, "GET /nothing", "404", "{\"error\":\"there is no such path");
	expect(f, "GET /v1/status/", "404", "error");
	expect(f, "DELETE /v1/status", "405", "Allow: GET, HEAD\r\n");
	expect(f, "GET /v1/config/apply", "405", "Allow: POST\r\n");
	expect(f, "GET /v1/backends/b1/drain", "405", "Allow: POST\r\n");
	expect(f, "POST /v1/backends//drain", "400", "is empty");
	expect(f, "POST /v1/backends/b%zz/drain", "400", "two hex digits");
	expect(f, "POST /v1/backends/b%00/drain", "400", "0x00");
	expect(f, "POST /v1/backends/b1/drain?servce=web", "400", "'servce' is not a parameter");
	expect(f, "POST /v1/backends/nobody/drain", "404", "no service has a backend 'nobody'");
	memset(line + strlen(line), 'x', 1500);
	expect(f, line, "414", "longer than 1024");
}

static void test_operators_word(void **state)
{
	struct fixture *f = *state;

	expect(f, "POST /v1/backends/2001:db8::1%2F64/drain?service=web", "200", "\"changed\":1");
	assert_string_equal(f->backend, "2001:db8::1/64");
	assert_string_equal(f->service, "web");
	assert_int_equal(f->word.verb, API_DRAIN);
	expect(f, "POST /v1/backends/b1/undrain", "200", "\"changed\":1");
	assert_string_equal(f->service, "-");
	assert_int_equal(f->word.verb, API_UNDRAIN);
	expect(f, "POST /v1/backends/b1/disable", "200", "\"changed\":1");
	assert_int_equal(f->word.verb, API_DISABLE);
	expect(f, "POST /v1/backends/b1/enable?service=web", "200", "\"changed\":1");
	assert_int_equal(f->word.verb, API_ENABLE);
	assert_string_equal(f->service, "web");
	expect(f, "POST /v1/backends/b1/weight?percent=35&service=web", "200", "\"changed\":1");
	assert_int_equal(f->word.verb, API_WEIGHT);
	assert_int_equal(f->word.percent, 35);
	expect(f, "POST /v1/backends/b1/weight", "400", "'percent' is missing");
	expect(f, "POST /v1/backends/b1/weight?percent=101", "400", "not a number in 0..100");
	expect(f, "POST /v1/backends/b1/drain?percent=1", "400", "'percent' is not a parameter");
	expect(f, "POST /v1/backends/b1/drainx", "404", "no such path");
	expect(f, "GET /v1/backends/2001:db8::1%2F64?service=web", "200",
	       "{\"name\":\"web\",\"id\":\"2001:db8::1/64\"}");
	expect(f, "GET /v1/backends/nobody", "404", "there is no backend 'nobody'");
	expect(f, "POST /v1/backends/b1", "405", "Allow: GET, HEAD\r\n");
	expect(f, "GET /v1/backends/b1?now=true", "400", "'now' is not a parameter");
}

static void test_bodies(void **state)
{
	const char *small =
		"POST /v1/backends/b1/drain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
		"Content-Length: 2\r\n\r\n{}";
	const char *big = "POST /v1/config/apply HTTP/1.1\r\nHost: a\r\n"
			  "Content-Length: 65537\r\n\r\nxxx";
	const char *chunked = "POST /v1/config/apply HTTP/1.1\r\nHost: a\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n";

	assert_non_null(strstr(ask(*state, small), " 200 "));
	assert_non_null(strstr(ask(*state, big), " 413 "));
	assert_non_null(strstr(ask(*state, chunked), " 411 "));
}

static const char apply[] =
	"POST /v1/config/apply HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static void test_apply(void **state)
{
	struct fixture *f = *state;

	f->apply_now = true;
	expect(f, "POST /v1/config/apply?now=true", "409", "busy");
	assert_true(f->now);
	assert_int_equal(f->uid, getuid());
	expect(f, "POST /v1/config/apply", "409", "busy");
	assert_false(f->now);
	f->apply_now = false;
	/* Two at once, both answered when the second is there. */
	f->answer_at = 2;
	start_client(f, 0, apply, false);
	start_client(f, 1, apply, false);
	serve(f, 2);
	for (int i = 0; i < 2; i++)
		assert_non_null(strstr(f->clients[i].reply, "\"order\":"));
	assert_string_not_equal(f->clients[0].reply, f->clients[1].reply);
}

static void test_client_leaves(void **state)
{
	struct fixture *f = *state;

	start_client(f, 0, apply, true);
	serve(f, 1);
	assert_int_equal(f->n_applies, 1);
	api_request__reply(f->applies[0], 200, json_object());
	expect(f, "GET /v1/version", "200", "abi");
}

static void test_stop_while_open(void **state)
{
	struct fixture *f = *state;
	char idle_byte;
	int idle = dial(f->path);

	start_client(f, 0, apply, false);
	while (!f->n_applies)
		uv_run(&f->loop, UV_RUN_ONCE);
	api__free(f->api);
	f->api = NULL;
	serve(f, 1);
	assert_non_null(strstr(f->clients[0].reply, " 503 "));
	assert_int_equal(read(idle, &idle_byte, 1), 0);
	close(idle);
	/* The agent may only now have its answer. */
	api_request__reply(f->applies[0], 200, json_object());
}

static void test_socket(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct err warning = {0}, err = {0};
	struct api *second = NULL;
	struct stat st;
	char stale[128];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_non_null(strstr(f->warning.text, "no group 'no-such-group'"));

	assert_int_equal(api__new(&f->loop, f->path, "root", &ops, f, &second, &warning, &err),
			 -EADDRINUSE);
	assert_non_null(strstr(err.text, "another agent answers on"));

	/* Bound and closed: what a killed agent leaves. */
	snprintf(stale, sizeof(stale), "%s/stale.sock", f->dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", stale);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(api__new(&f->loop, stale, "root", &ops, f, &second, &warning, &err), 0);
	assert_string_equal(warning.text, "");
	api__free(second);
	assert_int_equal(access(stale, F_OK), -1);

	/* Not a socket: left alone. */
	fclose(fopen(stale, "w"));
	assert_int_equal(api__new(&f->loop, stale, "root", &ops, f, &second, &warning, &err),
			 -EEXIST);
	assert_int_equal(unlink(stale), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_healthz, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_operators_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_apply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_while_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
