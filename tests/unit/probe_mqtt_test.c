/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to brokers, from the OASIS standard MQTT 3.1.1. */
#include "probe_talk.h"

#include "probe/talks.h"

static char user[] = "probe";
static const struct config_probe nobody = {.kind = CONFIG_PROBE_MQTT};
static const struct config_probe somebody = {.kind = CONFIG_PROBE_MQTT, .user = user};

#define NAME     \
	"\0\x14" \
	"fairlead000000000000"
#define CONNECT "\x10\x20\0\4MQTT\4\2\0\x3c" NAME
#define PING "\xc0\0"

static void test_conversation(void **state)
{
	const struct turn turns[] = {{BYTES(CONNECT), BYTES("\x20\2\0\0")},
				     {BYTES(PING), BYTES("\xd0\0")},
				     {BYTES("\xe0\0"), NULL, 0}};
	const struct turn login[] = {
		{BYTES("\x10\x2f\0\4MQTT\4\xc2\0\x3c" NAME "\0\5probe\0\6geheim"),
		 BYTES("\x20\2\1\0")},
		{BYTES(PING), BYTES("\xd0\0")},
		{BYTES("\xe0\0"), NULL, 0}};
	const struct turn alone[] = {
		{BYTES("\x10\x27\0\4MQTT\4\x82\0\x3c" NAME "\0\5probe"), BYTES("\x20\2\0\0")},
		{BYTES(PING), BYTES("\xd0\0")},
		{BYTES("\xe0\0"), NULL, 0}};

	(void)state;
	TALK_CHECK(&talk_mqtt, &nobody, NULL, turns, PROBE_OK,
		   "accepts the client and answers its ping");
	TALK_CHECK(&talk_mqtt, &somebody, "geheim", login, PROBE_OK,
		   "accepts the client and answers its ping");
	TALK_CHECK(&talk_mqtt, &somebody, NULL, alone, PROBE_OK,
		   "accepts the client and answers its ping");
}

/* 128 bytes and more are counted with two. */
static void test_long_password(void **state)
{
	static const char x95[] =
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxx";
	char says[256];
	size_t n;

	(void)state;
	for (size_t len = 80; len <= 95; len++) {
		struct turn turns[] = {{says, 0, BYTES("\x20\2\0\4")}};
		char password[96];
		size_t rest = 10 + 22 + 7 + 2 + len;

		snprintf(password, sizeof(password), "%.*s", (int)len, x95);
		says[0] = 0x10;
		says[1] = (char)(rest < 128 ? rest : (rest & 127) | 128);
		n = 2;
		if (rest >= 128)
			says[n++] = 1;
		memcpy(says + n, "\0\4MQTT\4\xc2\0\x3c" NAME "\0\5probe\0", 40);
		says[n + 40] = (char)len;
		memcpy(says + n + 41, password, len);
		turns[0].says_len = n + 41 + len;
		TALK_CHECK(&talk_mqtt, &somebody, password, turns, PROBE_FAILED,
			   "the user or the password is wrong");
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *answer;
		size_t len;
		const char *detail;
	} answers[] = {
		{BYTES("\x20\2\0\1"), "it does not speak MQTT 3.1.1"},
		{BYTES("\x20\2\0\2"), "it does not take the client's name"},
		{BYTES("\x20\2\0\3"), "it is not available"},
		{BYTES("\x20\2\0\4"), "the user or the password is wrong"},
		{BYTES("\x20\2\0\5"), "the client is not authorized"},
		{BYTES("\x20\2\0\6"), "refuses the connection with code 6"},
		{BYTES("\x20\2\2\0"), "the answer to CONNECT is not one of MQTT 3.1.1"},
		{BYTES("\x20\3\0\0\0"), "the answer to CONNECT is not one of MQTT 3.1.1"},
		{BYTES("\xd0\0"), "the answer to CONNECT is not one of MQTT 3.1.1"},
		{BYTES("HTTP/1.1 400 Bad Request\r\n"),
		 "the answer to CONNECT is not one of MQTT 3.1.1"},
	};
	const struct turn ping[] = {{BYTES(CONNECT), BYTES("\x20\2\0\0")},
				    {BYTES(PING), BYTES("\xd0\1")}};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const struct turn turns[] = {{BYTES(CONNECT), answers[i].answer, answers[i].len}};

		TALK_CHECK(&talk_mqtt, &nobody, NULL, turns, PROBE_FAILED, answers[i].detail);
	}
	TALK_CHECK(&talk_mqtt, &nobody, NULL, ping, PROBE_FAILED,
		   "the answer to PINGREQ is not one of MQTT 3.1.1");
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_mqtt, &nobody, NULL, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_long_password),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
