/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_talk.h"

#include "probe/talks.h"

/* The id is the token, which is 0 here. */
#define HEARTBEAT "\xda\xbb\xe2\0\0\0\0\0\0\0\0\0\0\0\0\1N"
#define FRAME(flags, status, id) "\xda\xbb" flags status "\0\0\0\0\0\0\0" id "\0\0\0\1N"

static const struct config_probe args = {.kind = CONFIG_PROBE_DUBBO};

#define CHECK(reply, outcome, detail)                                         \
	do {                                                                  \
		const struct turn turns[] = {{BYTES(HEARTBEAT), reply}};      \
		TALK_CHECK(&talk_dubbo, &args, NULL, turns, outcome, detail); \
	} while (0)

static void test_heartbeat(void **state)
{
	(void)state;
	CHECK(BYTES(FRAME("\x22", "\x14", "\0")), PROBE_OK, "answers the heartbeat");
	/* Another serialization, and no data at all. */
	CHECK(BYTES("\xda\xbb\x26\x14\0\0\0\0\0\0\0\0\0\0\0\0"), PROBE_OK, "answers the heartbeat");
}

/* What the server says by itself comes first. */
static void test_other_frames(void **state)
{
	(void)state;
	CHECK(BYTES(FRAME("\xe2", "\0", "\7") "\xda\xbb\xa2\0\0\0\0\0\0\0\0\0\0\0\0\2\1R" FRAME(
		      "\x22", "\x14", "\0")),
	      PROBE_OK, "answers the heartbeat");
	CHECK(BYTES(FRAME("\x22", "\x14", "\5") FRAME("\x22", "\x14", "\0")), PROBE_OK,
	      "answers the heartbeat");
}

static void test_bad_status(void **state)
{
	(void)state;
	CHECK(BYTES(FRAME("\x22", "\x64", "\0")), PROBE_FAILED,
	      "answers the heartbeat with status 100 (SERVER_THREADPOOL_EXHAUSTED_ERROR)");
	CHECK(BYTES(FRAME("\x22", "\x15", "\0")), PROBE_FAILED,
	      "answers the heartbeat with status 21 (unknown)");
	CHECK(BYTES(FRAME("\x02", "\x14", "\0")), PROBE_FAILED,
	      "answers the heartbeat with something else");
}

static void test_strangers(void **state)
{
	(void)state;
	CHECK(BYTES("HTTP/1.1 400 Bad Request\r\n"), PROBE_FAILED,
	      "does not speak Dubbo: the first bytes are 4854");
	CHECK(BYTES("\xda\xbb\x22\x14\0\0\0\0\0\0\0\0\0\1\0\0"), PROBE_FAILED,
	      "a frame of 65536 bytes is too long for a heartbeat");
}

static void test_id_is_the_token(void **state)
{
	struct talk t = {.args = &args, .token = 0x0102030405060708};

	(void)state;
	assert_int_equal(talk_dubbo.begin(&t), TALK_MORE);
	assert_int_equal(t.out_len, 17);
	assert_memory_equal(t.out, "\xda\xbb\xe2\0\1\2\3\4\5\6\7\x8\0\0\0\1N", 17);
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_dubbo, &args, NULL, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heartbeat),	cmocka_unit_test(test_other_frames),
		cmocka_unit_test(test_bad_status),	cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_id_is_the_token), cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
