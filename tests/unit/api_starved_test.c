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

static json_t *op_timings(void *ctx)
{
	(void)ctx;
	return json_pack("{s:s}", "instance", "main");
}

static const struct api_ops ops = {.timings = op_timings};

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
	static const char text[] =
		"GET /v1/timings HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	return fd;
}

struct fixture {
	uv_loop_t loop;
	char dir[32], path[64];
	struct api *api;
	struct rlimit was;
};

static int setup(void **state)
{
	static struct fixture f;
	struct err warning, err;

	snprintf(f.dir, sizeof(f.dir), "/tmp/api_starved_XXXXXX");
	if (!mkdtemp(f.dir) || getrlimit(RLIMIT_NOFILE, &f.was))
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/api.sock", f.dir);
	uv_loop_init(&f.loop);
	*state = &f;
	return api__new(&f.loop, f.path, "root", &ops, NULL, &f.api, &warning, &err);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	setrlimit(RLIMIT_NOFILE, &f->was);
	api__free(f->api);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	return uv_loop_close(&f->loop) || rmdir(f->dir);
}

/* So many more can be opened. */
static void leave(const struct fixture *f, rlim_t n)
{
	struct rlimit less = f->was;
	int next = dup(0);

	close(next);
	less.rlim_cur = (rlim_t)next + n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
}

/* The agent runs on; the client is answered, and its connection ends. */
static void is_answered(struct fixture *f, int fd)
{
	char reply[1024] = "";
	ssize_t n = -1;

	for (int i = 0; n < 0 && i < 250; i++) {
		api__tick(f->api);
		turns_in(&f->loop, 20);
		n = read(fd, reply, sizeof(reply) - 1);
	}
	assert_true(n > 0);
	assert_non_null(strstr(reply, "200 OK"));
	close(fd);
}

/* The loop does not spin on the client, and takes it in as soon as there is a descriptor. */
static void test_first_client(void **state)
{
	struct fixture *f = *state;
	int fd = ask(f->path);

	leave(f, 0);
	assert_in_range(turns_in(&f->loop, 500), 1, 50);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &f->was), 0);
	is_answered(f, fd);
}

/* There is one for the first client and none for the second: that one is not forgotten. */
static void test_second_client(void **state)
{
	struct fixture *f = *state;
	int first = ask(f->path), second = ask(f->path);

	leave(f, 1);
	turns_in(&f->loop, 200);
	is_answered(f, first);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &f->was), 0);
	is_answered(f, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_client, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
