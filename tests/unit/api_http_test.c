/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API as clients meet it: raw bytes from threads against a server on a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "core/prom.h"

#define MAX_CLIENTS 4

struct client {
	pthread_t thread;
	struct fixture *fixture;
	const char *request;
	bool hang_up; /* leave without reading the reply */
	char reply[8192];
};

struct fixture {
	uv_loop_t loop;
	uv_async_t done;
	unsigned int running;
	char dir[64], path[96];
	struct api *api;
	struct err warning;
	struct client clients[MAX_CLIENTS];
	/* what the agent was asked */
	struct api_request *applies[MAX_CLIENTS];
	_Atomic unsigned int n_applies; /* clients look at it */
	unsigned int answer_at; /* applies are answered when so many are there */
	bool apply_now;
	char backend[128], service[64];
	struct api_word word;
	bool now;
	unsigned int n_metrics; /* how often the text was made */
	bool unfit, no_memory;
	bool slow; /* a status takes longer than a turn of the API may */
	uv_prepare_t turn;
	unsigned int in_turn, most_in_turn; /* statuses that were asked for in a turn of the loop */
	unsigned int statuses;
	char last[64]; /* the service that was asked for last */
	uint32_t uid; /* who asked for an apply */
};

/* An answer as text, at once. */
static void reply_text(struct api_request *request, char *text, const char *type)
{
	api_request__reply_text(&request, 1, text, text ? strlen(text) : 0, type);
}

static void op_metrics(void *ctx, struct api_request *request)
{
	struct fixture *f = ctx;
	char *text = f->no_memory ? NULL : malloc(32);

	f->n_metrics++;
	if (text)
		snprintf(text, 32, "made %u\n", f->n_metrics);
	reply_text(request, text, PROM_CONTENT_TYPE);
}

static json_t *op_problems(void *ctx)
{
	const struct fixture *f = ctx;

	return f->unfit ? json_pack("[s]", "it is broken") : json_array();
}

static json_t *op_timings(void *ctx)
{
	(void)ctx;
	return json_pack("{s:{}}", "loop");
}

static void op_status(void *ctx, const char *service, const char *backend,
		      struct api_request *request)
{
	struct fixture *f = ctx;
	json_t *o = service || backend
			    ? json_pack("{s:s?, s:s?}", "service", service, "backend", backend)
			    : json_pack("{s:s}", "instance", "main");
	char *text = json_dumps(o, JSON_COMPACT);
	uint64_t until_ns = uv_hrtime() + 6000000;

	json_decref(o);
	snprintf(f->last, sizeof(f->last), "%s", service ? service : "");
	f->in_turn++;
	f->statuses++;
	while (f->slow && uv_hrtime() < until_ns)
		;
	if (!f->answer_at) {
		reply_text(request, text, "application/json");
		return;
	}
	f->applies[f->n_applies++] = request;
	if (f->n_applies == f->answer_at)
		api_request__reply_text(f->applies, f->n_applies, f->no_memory ? NULL : text,
					strlen(text), "application/json");
	if (f->n_applies != f->answer_at || f->no_memory)
		free(text);
}

static void op_rates(void *ctx, const char *layout, const char *known, struct api_request *request)
{
	json_t *o = json_pack("{s:s, s:s}", "layout", layout, "known", known);

	(void)ctx;
	reply_text(request, json_dumps(o, JSON_COMPACT), "application/json");
	json_decref(o);
}

static int op_say(void *ctx, const char *backend, const char *service, const struct api_word *word,
		  json_t **out, struct err *err)
{
	struct fixture *f = ctx;

	if (!strcmp(backend, "nobody"))
		return err__set(err, -ENOENT, "no service has a backend '%s'", backend);
	snprintf(f->backend, sizeof(f->backend), "%s", backend);
	snprintf(f->service, sizeof(f->service), "%s", service ? service : "-");
	f->word = *word;
	*out = json_pack("{s:i, s:[s]}", "changed", 1, "services", "web");
	return 0;
}

static int op_backend(void *ctx, const char *backend, const char *service, json_t **out,
		      struct err *err)
{
	(void)ctx;
	if (!strcmp(backend, "nobody"))
		return err__set(err, -ENOENT, "there is no backend '%s'", backend);
	*out = json_pack("{s:[{s:s, s:s}]}", "services", "name", service ? service : "all", "id",
			 backend);
	return 0;
}

static void op_apply(void *ctx, const struct api_apply *what, struct api_request *request)
{
	struct fixture *f = ctx;

	f->now = what->now;
	f->uid = what->uid;
	if (f->apply_now) {
		api_request__reply(request, 409, json_pack("{s:s}", "error", "busy"));
		return;
	}
	f->applies[f->n_applies++] = request;
	if (f->n_applies != f->answer_at)
		return;
	for (unsigned int i = 0; i < f->n_applies; i++)
		api_request__reply(f->applies[i], 200, json_pack("{s:i}", "order", i));
	f->n_applies = 0;
}

static const struct api_ops ops = {
	.metrics = op_metrics,
	.problems = op_problems,
	.status = op_status,
	.rates = op_rates,
	.timings = op_timings,
	.say = op_say,
	.backend = op_backend,
	.apply = op_apply,
};

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void *client_main(void *arg)
{
	struct client *c = arg;
	size_t n = 0;
	ssize_t got;
	int fd = dial(c->fixture->path);

	send(fd, c->request, strlen(c->request), MSG_NOSIGNAL);
	if (!c->hang_up) {
		while ((got = read(fd, c->reply + n, sizeof(c->reply) - 1 - n)) > 0)
			n += (size_t)got;
		c->reply[n] = '\0';
	} else {
		/* Until the request is read and suspended. */
		for (int ms = 0; ms < 10000 && !c->fixture->n_applies; ms++)
			usleep(1000);
	}
	close(fd);
	uv_async_send(&c->fixture->done);
	__atomic_sub_fetch(&c->fixture->running, 1, __ATOMIC_SEQ_CST);
	uv_async_send(&c->fixture->done);
	return NULL;
}

static void on_done(uv_async_t *async)
{
	(void)async; /* it only ends the loop's wait */
}

static void on_turn(uv_prepare_t *turn)
{
	struct fixture *f = turn->data;

	if (f->in_turn > f->most_in_turn)
		f->most_in_turn = f->in_turn;
	f->in_turn = 0;
}

static void start_client(struct fixture *f, unsigned int i, const char *request, bool hang_up)
{
	struct client *c = &f->clients[i];

	c->fixture = f;
	c->request = request;
	c->hang_up = hang_up;
	__atomic_add_fetch(&f->running, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

/* Runs the loop until all of the first n clients have left. */
static void serve(struct fixture *f, unsigned int n)
{
	while (__atomic_load_n(&f->running, __ATOMIC_SEQ_CST))
		uv_run(&f->loop, UV_RUN_ONCE);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(f->clients[i].thread, NULL);
}

static const char *ask(struct fixture *f, const char *request)
{
	start_client(f, 0, request, false);
	serve(f, 1);
	return f->clients[0].reply;
}

static void expect(struct fixture *f, const char *line, const char *status, const char *text)
{
	char request[4096];
	const char *reply;

	snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		 line);
	reply = ask(f, request);
	if (strncmp(reply + strlen("HTTP/1.1 "), status, 3) || !strstr(reply, text))
		fail_msg("%.80s: expected %s and '%s', got:\n%s", line, status, text, reply);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = {0};

	snprintf(f->dir, sizeof(f->dir), "/tmp/fl-api-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/run/main.sock", f->dir);
	uv_loop_init(&f->loop);
	uv_async_init(&f->loop, &f->done, on_done);
	uv_prepare_init(&f->loop, &f->turn);
	f->turn.data = f;
	uv_prepare_start(&f->turn, on_turn);
	if (api__new(&f->loop, f->path, "no-such-group", &ops, f, &f->api, &f->warning, &err))
		fail_msg("api__new: %s", err.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char dir[80];

	api__free(f->api);
	uv_close((uv_handle_t *)&f->done, NULL);
	uv_close((uv_handle_t *)&f->turn, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	snprintf(dir, sizeof(dir), "%s/run", f->dir);
	rmdir(dir);
	rmdir(f->dir);
	free(f);
	return 0;
}

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

static const char status[] = "GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/* One text for all who wait for it, of whom one has gone. */
static void test_shared(void **state)
{
	struct fixture *f = *state;

	f->answer_at = 3;
	start_client(f, 2, status, true);
	serve(f, 0);
	pthread_join(f->clients[2].thread, NULL);
	assert_int_equal(f->n_applies, 1);
	start_client(f, 0, status, false);
	start_client(f, 1, status, false);
	serve(f, 2);
	for (int i = 0; i < 2; i++) {
		assert_non_null(strstr(f->clients[i].reply, " 200 "));
		assert_non_null(strstr(f->clients[i].reply, "{\"instance\":\"main\"}"));
	}
	/* It is of nobody who asks afterwards. */
	f->answer_at = 0;
	expect(f, "GET /v1/status?service=web", "200", "\"service\":\"web\"");
}

static void test_shared_without_memory(void **state)
{
	struct fixture *f = *state;

	f->answer_at = 2;
	f->no_memory = true;
	start_client(f, 0, status, false);
	start_client(f, 1, status, false);
	serve(f, 2);
	for (int i = 0; i < 2; i++)
		assert_non_null(strstr(f->clients[i].reply, "the agent is out of memory"));
}

/* A text that is there only when the API is no more. */
static void test_shared_after_the_end(void **state)
{
	struct fixture *f = *state;

	f->answer_at = 2;
	start_client(f, 0, status, false);
	while (!f->n_applies)
		uv_run(&f->loop, UV_RUN_ONCE);
	api__free(f->api);
	f->api = NULL;
	serve(f, 1);
	assert_non_null(strstr(f->clients[0].reply, " 503 "));
	reply_text(f->applies[0], strdup("{}"), "application/json");
}

enum { REPLY_LEN = 512 };

/* What comes on a socket, which is closed; the loop turns meanwhile. */
static const char *receive(struct fixture *f, int fd, char reply[REPLY_LEN])
{
	ssize_t n;

	while ((n = recv(fd, reply, REPLY_LEN - 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_true(n > 0);
	reply[n] = '\0';
	close(fd);
	return reply;
}

/* Who has all of the loop's time gets a part of it; a newcomer is behind those that wait. */
static void test_turns(void **state)
{
	enum { N = 6 };
	static const char first[] = "GET /v1/status?service=first HTTP/1.1\r\nHost: a\r\n"
				    "Connection: close\r\n\r\n";
	static const char late[] = "GET /v1/status?service=late HTTP/1.1\r\nHost: a\r\n"
				   "Connection: close\r\n\r\n";
	struct fixture *f = *state;
	char reply[REPLY_LEN];
	int fds[N];

	f->slow = true;
	for (int i = 0; i < N - 1; i++) {
		fds[i] = dial(f->path);
		assert_int_equal(send(fds[i], first, strlen(first), 0), strlen(first));
	}
	while (!f->last[0])
		uv_run(&f->loop, UV_RUN_ONCE);
	fds[N - 1] = dial(f->path);
	assert_int_equal(send(fds[N - 1], late, strlen(late), 0), strlen(late));
	while (strcmp(f->last, "late"))
		uv_run(&f->loop, UV_RUN_ONCE);
	f->slow = false;
	assert_int_equal(f->statuses, N);
	for (int i = 0; i < N; i++)
		assert_non_null(strstr(receive(f, fds[i], reply), " 200 "));
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(f->most_in_turn, 1);
}

/* The API ends while requests wait for their turn. */
static void test_turns_end(void **state)
{
	enum { N = 5 };
	struct fixture *f = *state;
	char reply[REPLY_LEN];
	int fds[N], unavailable = 0;

	f->slow = true;
	for (int i = 0; i < N; i++) {
		fds[i] = dial(f->path);
		assert_int_equal(send(fds[i], status, strlen(status), 0), strlen(status));
	}
	while (!f->in_turn)
		uv_run(&f->loop, UV_RUN_ONCE);
	f->slow = false;
	api__free(f->api);
	f->api = NULL;
	for (int i = 0; i < N; i++)
		unavailable += strstr(receive(f, fds[i], reply), " 503 ") != NULL;
	assert_true(unavailable > 0);
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
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns_end, setup, teardown),
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
