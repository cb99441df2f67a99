/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libraries behind mysql and postgres, with a server in the same process that says what a test wants
 * and keeps what it hears: a real prober on a loop, real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/probe.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PASSWORD "secret-of-the-probe"
#define MANY 500

/* A greeting of MySQL's: protocol 10, mysql_native_password; TLS in the second. */
#define GREETING(low, high)                                \
	"\x4a\0\0\0\x0a"                                   \
	"5.7.99\0"                                         \
	"\1\0\0\0abcdefgh\0" low high "\x21\2\0\x08\0\x15" \
	"\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0"
#define NO_TLS "\x09"
#define LOGIN_OK "\7\0\0\2\0\0\0\2\0\0\0"

static uv_loop_t loop;
static struct prober *prober;
static uv_tcp_t listener;
static uint16_t port;

/* What the server says to everybody: at once, and when it has heard something; and what it has heard. */
static struct {
	const char *bytes;
	size_t len;
} words[3];
static char heard[65536];
static size_t heard_len;
static unsigned int accepted;
static unsigned int rounds; /* that who logs in by SCRAM is asked for; 0: the words are said */
static unsigned int asked_for_rounds;

/* --- the server --------------------------------------------------------------------------------- */

struct conn {
	uv_tcp_t tcp;
	size_t said; /* words so far */
};

static void on_gone(uv_handle_t *h)
{
	free(h);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	static char overflow[65536];

	(void)h;
	(void)suggested;
	*buf = heard_len < sizeof(heard) ? uv_buf_init(heard + heard_len, sizeof(heard) - heard_len)
					 : uv_buf_init(overflow, sizeof(overflow));
}

/* To a client that may have been given up since it was heard. */
static void tell(struct conn *c, const char *bytes, size_t len)
{
	uv_buf_t all = uv_buf_init((char *)bytes, (unsigned int)len);
	int n = uv_try_write((uv_stream_t *)&c->tcp, &all, 1);

	if (n != UV_ECONNRESET && n != UV_EPIPE)
		assert_int_equal(n, len);
}

static void speak(struct conn *c)
{
	size_t i = c->said;

	if (i == COUNT(words))
		return;
	c->said++;
	if (words[i].len)
		tell(c, words[i].bytes, words[i].len);
}

/* The server's first message of SCRAM (RFC 5802 5): the client's nonce and more, a salt, and rounds. */
static bool ask_for_rounds(struct conn *c, const char *bytes, size_t len)
{
	static const char mark[] = "n,,n=,r=";
	const char *nonce = memmem(bytes, len, mark, sizeof(mark) - 1);
	char message[256] = "R\0\0\0";
	int n;

	if (!nonce || !rounds)
		return false;
	nonce += sizeof(mark) - 1;
	n = snprintf(message + 9, sizeof(message) - 9, "r=%.*smore,s=QSXCR+Q6sek8bf92,i=%u",
		     (int)(bytes + len - nonce), nonce, rounds);
	message[4] = (char)(n + 8);
	message[8] = 11;
	tell(c, message, (size_t)n + 9);
	asked_for_rounds++;
	return true;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0) {
		uv_close((uv_handle_t *)s, on_gone);
		return;
	}
	if (buf->base >= heard && buf->base < heard + sizeof(heard))
		heard_len += (size_t)n;
	if (n > 0 && !ask_for_rounds((struct conn *)s, buf->base, (size_t)n))
		speak((struct conn *)s);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct conn *c = calloc(1, sizeof(*c));

	assert_int_equal(status, 0);
	uv_tcp_init(&loop, &c->tcp);
	assert_int_equal(uv_accept(s, (uv_stream_t *)&c->tcp), 0);
	accepted++;
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	speak(c);
}

static void on_walk(uv_handle_t *h, void *ctx)
{
	(void)ctx;
	if (h != (uv_handle_t *)&listener && h->type == UV_TCP && !uv_is_closing(h))
		uv_close(h, on_gone);
}

static int setup(void **state)
{
	struct sockaddr_in any;
	int len = sizeof(any);
	struct err err;

	(void)state;
	setenv("PROBE_SECRET", PASSWORD, 1);
	memset(words, 0, sizeof(words));
	heard_len = accepted = rounds = asked_for_rounds = 0;
	uv_loop_init(&loop);
	uv_ip4_addr("0.0.0.0", 0, &any);
	uv_tcp_init(&loop, &listener);
	if (uv_tcp_bind(&listener, (struct sockaddr *)&any, 0) ||
	    uv_listen((uv_stream_t *)&listener, 4096, on_connection) ||
	    uv_tcp_getsockname(&listener, (struct sockaddr *)&any, &len))
		return -1;
	port = ntohs(any.sin_port);
	return prober__new(&loop, &prober, &err);
}

/* Nothing is left, neither a handle nor memory. */
static int teardown(void **state)
{
	(void)state;
	prober__free(prober);
	uv_walk(&loop, on_walk, NULL);
	uv_close((uv_handle_t *)&listener, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static void say(size_t turn, const char *bytes, size_t len)
{
	words[turn].bytes = bytes;
	words[turn].len = len;
}
#define SAY(turn, literal) say(turn, literal, sizeof(literal) - 1)

/* --- probes ------------------------------------------------------------------------------------- */

struct seen {
	unsigned int n; /* results so far */
	enum probe_outcome outcome;
	char detail[PROBE_DETAIL_LEN];
};

static bool on_result(void *ctx, const struct probe_result *r)
{
	struct seen *s = ctx;

	s->n++;
	s->outcome = r->outcome;
	snprintf(s->detail, sizeof(s->detail), "%s", r->detail);
	uv_stop(&loop);
	return true;
}

static struct config_probe probe_of(enum config_probe_kind kind, bool tls, uint32_t timeout_ms)
{
	return (struct config_probe){.kind = kind,
				     .interval_ms = 3600000,
				     .fast_interval_ms = 10,
				     .timeout_ms = timeout_ms,
				     .tls = tls,
				     .starttls = tls,
				     .user = (char *)"probe",
				     .password_env = (char *)"PROBE_SECRET"};
}

static struct probe_sub *subscribe(const struct config_probe *args, unsigned int host,
				   struct seen *s)
{
	struct probe_sub *sub = NULL;
	struct addr address;
	struct err err;
	char text[32];

	snprintf(text, sizeof(text), "127.0.%u.%u", host / 250, host % 250 + 1);
	addr__parse(text, &address);
	assert_int_equal(prober__subscribe(prober, &address, port, NULL, args, false, on_result, s,
					   &sub, &err),
			 0);
	return sub;
}

/* So long, and some turns of the loop, however busy the machine is. */
static void run_for(uint64_t ms)
{
	uint64_t until = uv_hrtime() + ms * 1000000;

	for (uint64_t turn = 0; turn < ms || uv_hrtime() < until; turn++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(100);
	}
}

static struct seen ask(const struct config_probe *args)
{
	struct seen s = {.n = 0};
	struct probe_sub *sub = subscribe(args, 0, &s);

	while (!s.n)
		uv_run(&loop, UV_RUN_DEFAULT);
	probe_sub__cancel(sub);
	run_for(10); /* what was sent last is heard */
	return s;
}

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* --- who gets the password ---------------------------------------------------------------------- */

static bool was_told_password(void)
{
	return memmem(heard, heard_len, PASSWORD, strlen(PASSWORD)) != NULL;
}

/* A server asks for another way of logging in. */
static void test_mysql_login_ways(void **state)
{
	static const char *const ways[] = {"mysql_clear_password",  "dialog",
					   "caching_sha2_password", "sha256_password",
					   "no_such_way",	    ""};
	struct config_probe args = probe_of(CONFIG_PROBE_MYSQL, false, 3000);
	char text[64];

	(void)state;
	SAY(0, GREETING(NO_TLS, "\x82"));
	for (size_t i = 0; i < COUNT(ways); i++) {
		size_t len = strlen(ways[i]) + 1;
		struct seen s;

		memcpy(text, "\0\0\0\2\xfe", 5);
		text[0] = (char)(len + 1);
		memcpy(text + 5, ways[i], len);
		say(1, text, 5 + len);
		heard_len = 0;
		args.timeout_ms = ways[i][0] ? 3000 : 500;
		s = ask(&args);
		assert_int_equal(s.outcome, PROBE_FAILED);
		/* One without a name is none either; what the library makes of it is its own affair. */
		if (ways[i][0])
			assert_string_equal(s.detail, "asks for a way to log in that is not "
						      "allowed without TLS");
		assert_true(heard_len > 0);
		assert_false(was_told_password());
	}
}

/* With `tls: true` nothing at all is said to a server that has none: not even who would log in. */
static void test_mysql_no_tls(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_MYSQL, true, 3000);
	struct seen s;

	(void)state;
	SAY(0, GREETING(NO_TLS, "\x82"));
	s = ask(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "offers no TLS");
	assert_int_equal(heard_len, 0);
}

/* A server asks for a file of this machine's in answer to the question. */
static void test_mysql_local_file(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_MYSQL, false, 1000);

	(void)state;
	SAY(0, GREETING(NO_TLS, "\x82"));
	SAY(1, LOGIN_OK);
	SAY(2, "\x0c\0\0\1\xfb/etc/passwd");
	assert_int_equal(ask(&args).outcome, PROBE_FAILED);
	assert_non_null(memmem(heard, heard_len, "SELECT @@global.read_only", 25));
	assert_null(memmem(heard, heard_len, "root:", 5));
}

static void test_mysql_errors(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_MYSQL, false, 3000);
	struct seen s;

	(void)state;
	SAY(0, "\x1d\0\0\0\xff\x10\x04#08004Too many connections");
	s = ask(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "Too many connections");
	/* An older server's, without a state; what is not printable is not shown. */
	SAY(0, "\x0d\0\0\0\xff\x69\x04Host\x1b[2J\1\2");
	assert_string_equal(ask(&args).detail, "Host?[2J??");
}

static void test_postgres_clear(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_POSTGRES, false, 3000);
	struct seen s;

	(void)state;
	SAY(1, "R\0\0\0\x08\0\0\0\3");
	s = ask(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_non_null(strstr(s.detail, "asks for the password in the clear"));
	assert_non_null(memmem(heard, heard_len, "application_name", 16));
	assert_false(was_told_password());
}

/* How often to hash is the server's choice, within reason. */
static void test_postgres_rounds(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_POSTGRES, false, 3000);
	struct seen s;

	(void)state;
	SAY(1, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0");
	SAY(2, "R\0\0\0\x29\0\0\0\x0br=x,s=QSXCR+Q6sek8bf92,i=99999999");
	s = ask(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "asks for more rounds of hashing than are sensible");
	assert_non_null(memmem(heard, heard_len, "n,,n=,r=", 8));
	/* So many are done, but this is no answer to what was said. */
	SAY(2, "R\0\0\0\x25\0\0\0\x0br=x,s=QSXCR+Q6sek8bf92,i=4096");
	assert_string_equal(ask(&args).detail, "invalid SCRAM response (nonce mismatch)");
}

static void test_postgres_errors(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_POSTGRES, false, 3000);
	struct seen s;

	(void)state;
	SAY(0, "E\0\0\0\x37SFATAL\0C57P03\0Mthe database system is starting up\0\0");
	s = ask(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "the database system is starting up");
	/* Logged in, and an answer that is none. */
	SAY(0, "");
	SAY(1, "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I");
	SAY(2, "T\0\0\0\x1a\0\1x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
	       "D\0\0\0\x0e\0\1\0\0\0\4what"
	       "C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I");
	s = ask(&args);
	assert_int_equal(s.outcome, PROBE_FAILED);
	assert_string_equal(s.detail, "the answer makes no sense");
}

/* --- tries that are given up -------------------------------------------------------------------- */

static const struct {
	enum config_probe_kind kind;
	bool tls;
	const char *words;
	size_t len;
} stages[] = {
#define STAGE(k, tls, literal)                                      \
	{                                                           \
		CONFIG_PROBE_##k, tls, literal, sizeof(literal) - 1 \
	}
	STAGE(MYSQL, false, ""),
	STAGE(MYSQL, false, "\x4a\0\0\0\x0a"),
	STAGE(MYSQL, false, GREETING(NO_TLS, "\x82")),
	STAGE(MYSQL, false, GREETING(NO_TLS, "\x82") LOGIN_OK),
	STAGE(MYSQL, false, GREETING(NO_TLS, "\x82") LOGIN_OK "\1\0\0\1\1"),
	STAGE(MYSQL, true, GREETING(NO_TLS, "\x8a")),
	STAGE(MYSQL, true, GREETING(NO_TLS, "\x8a") "\x16\3\3"),
	STAGE(POSTGRES, false, ""),
	STAGE(POSTGRES, false, "R\0\0\0\x08\0\0\0\0"),
	STAGE(POSTGRES, false, "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I"),
	STAGE(POSTGRES, true, ""),
	STAGE(POSTGRES, true, "S"),
};

/* A thousand tries, cancelled wherever they were: no descriptor stays, and the loop is not held up. */
static void test_given_up(void **state)
{
	unsigned int before, turns = 0;
	uint64_t longest = 0;

	(void)state;
	for (unsigned int round = 0; round < 1 + 1000 / COUNT(stages); round++) {
		for (size_t i = 0; i < COUNT(stages); i++) {
			struct config_probe args = probe_of(stages[i].kind, stages[i].tls, 60000);
			struct seen s = {.n = 0};
			struct probe_sub *sub;
			uint64_t began;

			say(0, stages[i].words, stages[i].len);
			sub = subscribe(&args, 0, &s);
			run_for(round % 8);
			assert_int_equal(s.n, 0);
			began = uv_hrtime();
			probe_sub__cancel(sub);
			longest = uv_hrtime() - began > longest ? uv_hrtime() - began : longest;
			turns++;
		}
		if (!round) {
			run_for(20);
			before = open_descriptors();
		}
	}
	run_for(50);
	assert_true(turns >= 1000);
	assert_true(accepted >= turns / 2);
	assert_int_equal(open_descriptors(), before);
	assert_true(longest < UINT64_C(1000000000));
}

/* In the middle of a login's hashing, or before their turn at it. */
static void test_given_up_in_login(void **state)
{
	struct config_probe args = probe_of(CONFIG_PROBE_POSTGRES, false, 60000);
	unsigned int before = open_descriptors();
	struct probe_sub *subs[20];
	struct seen seen[20] = {{.n = 0}};
	uint64_t began;

	(void)state;
	SAY(1, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0");
	rounds = 200000;
	for (unsigned int i = 0; i < COUNT(subs); i++)
		subs[i] = subscribe(&args, i, &seen[i]);
	/* A thread that hashes has no time for the others' next steps. */
	while (asked_for_rounds < 2)
		uv_run(&loop, UV_RUN_ONCE);
	run_for(10);
	began = uv_hrtime();
	for (unsigned int i = 0; i < COUNT(subs); i++) {
		assert_int_equal(seen[i].n, 0);
		probe_sub__cancel(subs[i]);
	}
	assert_true(uv_hrtime() - began < UINT64_C(1000000000));
	while (open_descriptors() != before)
		uv_run(&loop, UV_RUN_ONCE);
}

/* ns in which this thread could have run and had no processor: others' doing. */
static uint64_t kept_waiting(void)
{
	FILE *f = fopen("/proc/thread-self/schedstat", "r");
	unsigned long long ran, waited = 0;

	if (f && fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	if (f)
		fclose(f);
	return waited;
}

/* Many at once, in each stage, that end by their time: each has its verdict, and nothing stays. */
static void test_crowd(void **state)
{
	static struct seen seen[MANY];
	static struct probe_sub *subs[MANY];
	unsigned int before = open_descriptors();

	(void)state;
	for (size_t i = 0; i < COUNT(stages); i++) {
		struct config_probe args = probe_of(stages[i].kind, stages[i].tls, 300);
		unsigned int left = MANY;
		uint64_t began = uv_hrtime() - kept_waiting();

		say(0, stages[i].words, stages[i].len);
		memset(seen, 0, sizeof(seen));
		for (unsigned int k = 0; k < MANY; k++)
			subs[k] = subscribe(&args, k, &seen[k]);
		while (left) {
			uv_run(&loop, UV_RUN_DEFAULT);
			left = 0;
			for (unsigned int k = 0; k < MANY; k++)
				left += !seen[k].n;
		}
		for (unsigned int k = 0; k < MANY; k++) {
			assert_int_equal(seen[k].outcome, PROBE_FAILED);
			assert_string_equal(seen[k].detail, "no answer within 300 ms");
			probe_sub__cancel(subs[k]);
		}
		/* No try holds the loop up for longer than all may take together. */
		assert_true(uv_hrtime() - kept_waiting() - began < UINT64_C(20000000000));
	}
	run_for(50);
	assert_int_equal(open_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_mysql_login_ways),  TEST(test_mysql_no_tls),
		TEST(test_mysql_local_file),  TEST(test_mysql_errors),
		TEST(test_postgres_clear),    TEST(test_postgres_rounds),
		TEST(test_postgres_errors),   TEST(test_given_up),
		TEST(test_given_up_in_login), TEST(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
