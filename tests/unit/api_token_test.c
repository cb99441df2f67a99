/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may change something: requests as bytes from a thread, against a server on a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"

#define OLD "old-token-0123456789"
#define NEW "new-token-0123456789"
#define AUTH "Authorization: Bearer "
#define DRAIN "POST /v1/backends/b1/drain"

static struct {
	uv_loop_t loop;
	uv_async_t done;
	char dir[64], socket[80], file[80];
	struct api *api;
	bool wanted; /* a file is configured */
	unsigned int said;
	const char *request;
	char reply[8192];
	bool answered;
} f;

static const char *op_token_file(void *ctx)
{
	(void)ctx;
	return f.wanted ? f.file : NULL;
}

static void op_status(void *ctx, const char *service, const char *backend,
		      struct api_request *request)
{
	char *text = strdup("{}");

	(void)ctx;
	(void)service;
	(void)backend;
	api_request__reply_text(&request, 1, text, strlen(text), "application/json");
}

static int op_say(void *ctx, const char *backend, const char *service, const struct api_word *word,
		  json_t **out, struct err *err)
{
	(void)ctx;
	(void)backend;
	(void)service;
	(void)word;
	(void)err;
	f.said++;
	*out = json_object();
	return 0;
}

static const struct api_ops ops = {.token_file = op_token_file, .status = op_status, .say = op_say};

static void *client_main(void *arg)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t got;

	(void)arg;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.socket);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		send(fd, f.request, strlen(f.request), MSG_NOSIGNAL);
		while ((got = read(fd, f.reply + n, sizeof(f.reply) - 1 - n)) > 0)
			n += (size_t)got;
	}
	f.reply[n] = '\0';
	close(fd);
	__atomic_store_n(&f.answered, true, __ATOMIC_SEQ_CST);
	uv_async_send(&f.done);
	return NULL;
}

static void on_done(uv_async_t *async)
{
	(void)async; /* it only ends the loop's wait */
}

/* Sends it, and says whether it was answered with that, and what was asked for done if that is 200. */
static void expect(const char *line, const char *headers, const char *status, const char *text)
{
	unsigned int before = f.said;
	char request[20000];
	pthread_t thread;

	snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n",
		 line, headers);
	f.request = request;
	f.answered = false;
	assert_int_equal(pthread_create(&thread, NULL, client_main, NULL), 0);
	while (!__atomic_load_n(&f.answered, __ATOMIC_SEQ_CST))
		uv_run(&f.loop, UV_RUN_ONCE);
	pthread_join(thread, NULL);
	if (strncmp(f.reply, "HTTP/1.1 ", 9) || strncmp(f.reply + 9, status, 3) ||
	    !strstr(f.reply, text))
		fail_msg("%s with %.80s: expected %s and '%s', got:\n%s", line, headers, status,
			 text, f.reply);
	assert_int_equal(f.said - before, !strncmp(line, "POST", 4) && !strcmp(status, "200"));
	assert_int_equal(!strcmp(status, "401"),
			 strstr(f.reply, "WWW-Authenticate: Bearer realm=\"fairlead\"") != NULL);
}

static void put(const char *text, mode_t mode)
{
	int fd = open(f.file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	struct err warning, err = {0};

	(void)state;
	snprintf(f.dir, sizeof(f.dir), "/tmp/fl-token-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.socket, sizeof(f.socket), "%s/s", f.dir);
	snprintf(f.file, sizeof(f.file), "%s/token", f.dir);
	f.wanted = true;
	uv_loop_init(&f.loop);
	uv_async_init(&f.loop, &f.done, on_done);
	if (api__new(&f.loop, f.socket, "root", &ops, NULL, &f.api, &warning, &err))
		fail_msg("api__new: %s", err.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	api__free(f.api);
	uv_close((uv_handle_t *)&f.done, NULL);
	uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f.loop), 0);
	unlink(f.file);
	rmdir(f.dir);
	return 0;
}

static void test_writes(void **state)
{
	(void)state;
	put(OLD "\n", 0600);
	expect(DRAIN, "", "401", "header 'Authorization: Bearer TOKEN'");
	expect(DRAIN, AUTH OLD "\r\n", "200", "{}");
	expect(DRAIN, "authorization: bearer " OLD "\r\n", "200", "{}");
	expect(DRAIN, AUTH "  " OLD "\r\n", "200", "{}");
	expect(DRAIN, AUTH NEW "\r\n", "401", "not the token");
	expect(DRAIN, AUTH OLD "x\r\n", "401", "not the token");
	expect(DRAIN, AUTH "old-token-012345678\r\n", "401", "not the token");
	expect(DRAIN, AUTH OLD " " OLD "\r\n", "401", "not the token");
	expect(DRAIN, "Authorization: " OLD "\r\n", "401", "'Bearer TOKEN' and nothing else");
	expect(DRAIN, "Authorization: Bearer\r\n", "401", "nothing else");
	expect(DRAIN, "Authorization: Bearer \r\n", "401", "nothing else");
	expect(DRAIN, "Authorization:\r\n", "401", "nothing else");
	expect(DRAIN, "Authorization: Basic " OLD "\r\n", "401", "nothing else");
	expect(DRAIN, AUTH OLD "\r\n" AUTH OLD "\r\n", "401", "twice");
	expect(DRAIN, AUTH OLD "\r\nauthorization: x\r\n", "401", "twice");
	expect(DRAIN, "X-Authorization: Bearer " OLD "\r\n", "401", "needs the header");
	expect(DRAIN "?token=" OLD, "", "400", "not a parameter");
}

static void test_overlong(void **state)
{
	char header[18000];

	(void)state;
	put(OLD "\n", 0600);
	strcpy(header, AUTH);
	memset(header + strlen(AUTH), 'a', 300);
	strcpy(header + strlen(AUTH) + 300, "\r\n");
	expect(DRAIN, header, "401", "not the token");
	memset(header + strlen(AUTH), 'a', 17500);
	strcpy(header + strlen(AUTH) + 17500, "\r\n");
	expect(DRAIN, header, "431", "");
}

static void test_reads(void **state)
{
	(void)state;
	put(OLD "\n", 0600);
	expect("GET /v1/status", "", "200", "{}");
	expect("HEAD /v1/status", "", "200", "");
	expect("GET /v1/status", AUTH NEW "\r\n", "200", "{}");
	/* No path, and no method, is told of as such, whoever asks. */
	expect("POST /v1/status", "", "405", "GET, HEAD only");
	expect("PUT /v1/backends/b1/drain", AUTH OLD "\r\n", "405", "POST only");
	expect("POST /v1/nothing", "", "404", "no such path");
}

/* Every path that takes POST wants it. */
static void test_all_paths(void **state)
{
	static const char *const lines[] = {
		"POST /v1/config/apply",
		"POST /v1/config/diff",
		"POST /v1/config/confirm",
		"POST /v1/config/rollback",
		"POST /v1/backends/b1/undrain",
		"POST /v1/backends/b1/disable",
		"POST /v1/backends/b1/enable",
		"POST /v1/backends/b1/weight?percent=5",
		"POST /v1/sources/deny?prefix=192.0.2.1",
		"POST /v1/sources/allow?prefix=192.0.2.1",
		"POST /v1/sources/remove?prefix=192.0.2.1",
		"POST /v1/packets/sampling?flows=1",
		"POST /v1/failover",
		"POST /v1/failover/undo",
		"POST /v1/explain?source=192.0.2.1:1&destination=192.0.2.2:2",
		"POST /v1/alerts/test",
		"POST /v1/capture/start",
		"POST /v1/capture/next?id=1",
		"POST /v1/capture/stop?id=1",
	};

	(void)state;
	put(OLD "\n", 0600);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		expect(lines[i], "", "401", "Authorization");
}

/* Each request reads the file anew: both are good for a while. */
static void test_rotation(void **state)
{
	(void)state;
	put(OLD "\n", 0600);
	expect(DRAIN, AUTH NEW "\r\n", "401", "not the token");
	put(OLD "\n" NEW "\n", 0600);
	expect(DRAIN, AUTH NEW "\r\n", "200", "{}");
	expect(DRAIN, AUTH OLD "\r\n", "200", "{}");
	put(NEW "\n", 0600);
	expect(DRAIN, AUTH OLD "\r\n", "401", "not the token");
	expect(DRAIN, AUTH NEW "\r\n", "200", "{}");
}

static void test_no_file(void **state)
{
	struct err err;

	(void)state;
	expect(DRAIN, AUTH OLD "\r\n", "403", "nobody may change anything: the token file");
	assert_true(api__token_problem(f.api, &err));
	assert_non_null(strstr(err.text, "cannot be opened: No such file"));
	put("", 0600);
	expect(DRAIN, "", "403", "has no token");
	expect(DRAIN, AUTH "\r\n", "403", "has no token");
	put(OLD "\n", 0644);
	expect(DRAIN, AUTH OLD "\r\n", "403", "chmod 600");
	expect("GET /v1/status", "", "200", "{}");
	put(OLD "\n", 0600);
	expect(DRAIN, AUTH OLD "\r\n", "200", "{}");
	assert_false(api__token_problem(f.api, &err));
	f.wanted = false;
	expect(DRAIN, "", "200", "{}");
	assert_false(api__token_problem(f.api, &err));
	assert_false(api__token_problem(NULL, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
