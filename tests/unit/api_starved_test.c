/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server whose process has no descriptor left for the next client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"

static json_t *op_status(void *ctx, const char *service, const char *backend)
{
	(void)ctx;
	(void)service;
	(void)backend;
	return json_pack("{s:s}", "instance", "main");
}

static const struct api_ops ops = {.status = op_status};

static void count_turn(uv_prepare_t *h)
{
	++*(unsigned int *)h->data;
}

static void end_loop(uv_timer_t *h)
{
	uv_stop(h->loop);
}

/* Turns of the loop in so many milliseconds. */
static unsigned int turns_in(uv_loop_t *loop, uint64_t ms)
{
	unsigned int turns = 0;
	uv_prepare_t each;
	uv_timer_t end;

	uv_prepare_init(loop, &each);
	uv_timer_init(loop, &end);
	each.data = &turns;
	uv_prepare_start(&each, count_turn);
	uv_timer_start(&end, end_loop, ms, 0);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&each, NULL);
	uv_close((uv_handle_t *)&end, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return turns;
}

/* A client that has sent its request, before anybody has taken it in. */
static int ask(const char *path)
{
	static const char text[] = "GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	return fd;
}

/* The loop does not spin on the client, and takes it in as soon as there is a descriptor. */
static void test_no_descriptors(void **state)
{
	char dir[] = "/tmp/api_starved_XXXXXX", path[64], reply[1024] = "";
	struct rlimit was, none;
	struct err warning, err;
	unsigned int turns;
	uv_loop_t loop;
	struct api *api;
	ssize_t n = -1;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/api.sock", dir);
	uv_loop_init(&loop);
	assert_int_equal(api__new(&loop, path, "root", &ops, NULL, &api, &warning, &err), 0);
	fd = ask(path);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){.rlim_cur = 1, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turns = turns_in(&loop, 500);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_in_range(turns, 1, 50);
	for (int i = 0; n < 0 && i < 250; i++) {
		turns_in(&loop, 20);
		n = read(fd, reply, sizeof(reply) - 1);
	}
	assert_true(n > 0);
	assert_non_null(strstr(reply, "200 OK"));
	close(fd);
	api__free(api);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
