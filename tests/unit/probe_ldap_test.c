/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to directories, from RFC 4511; the answers are in the form of OpenLDAP's. */
#include "probe_talk.h"

#include "probe/talks.h"

static char user[] = "cn=p";
static const struct config_probe nobody = {.kind = CONFIG_PROBE_LDAP};
static const struct config_probe somebody = {.kind = CONFIG_PROBE_LDAP, .user = user};
static const struct config_probe starttls = {
	.kind = CONFIG_PROBE_LDAP, .tls = true, .starttls = true};

#define BIND(number) "\x30\x0c\2\1" number "\x60\7\2\1\3\4\0\x80\0"
#define BOUND(number, code) "\x30\x0c\2\1" number "\x61\7\x0a\1" code "\4\0\4\0"
#define START_TLS                        \
	"\x30\x1d\2\1\1\x77\x18\x80\x16" \
	"1.3.6.1.4.1.1466.20037"

static void check(const char *answer, size_t len, enum probe_outcome outcome, const char *detail)
{
	const struct turn turns[] = {{BYTES(BIND("\2")), answer, len},
				     {outcome == PROBE_OK ? "\x30\5\2\1\3\x42\0" : NULL,
				      outcome == PROBE_OK ? 7 : 0, NULL, 0}};

	TALK_CHECK(&talk_ldap, &nobody, NULL, turns, outcome, detail);
}

static void test_bind(void **state)
{
	const struct turn login[] = {{BYTES("\x30\x16\2\1\2\x60\x11\2\1\3\4\4"
					    "cn=p\x80\6geheim"),
				      BYTES(BOUND("\2", "\0"))}};

	(void)state;
	check(BYTES(BOUND("\2", "\0")), PROBE_OK, "bound anonymously");
	/* Lengths in more bytes than are needed, a number in two, and controls behind. */
	check(BYTES("\x30\x84\0\0\0\x14\2\2\0\2\x61\x84\0\0\0\x07\x0a\1\0\4\0\4\0\xa0\1\0"),
	      PROBE_OK, "bound anonymously");
	TALK_CHECK(&talk_ldap, &somebody, "geheim", login, PROBE_OK, "bound");
}

/* Bytes of a long name and a long password are counted in three. */
static void test_long(void **state)
{
	char name[201], password[301], says[600];
	const struct config_probe args = {.kind = CONFIG_PROBE_LDAP, .user = name};
	const struct turn turns[] = {{says, 522, BYTES(BOUND("\2", "\x31"))}};

	(void)state;
	memset(name, 'n', 200);
	memset(password, 'p', 300);
	name[200] = password[300] = '\0';
	memcpy(says, "\x30\x82\2\x06\2\1\2\x60\x82\1\xff\2\1\3\4\x82\0\xc8", 18);
	memcpy(says + 18, name, 200);
	memcpy(says + 218, "\x80\x82\1\x2c", 4);
	memcpy(says + 222, password, 300);
	TALK_CHECK(&talk_ldap, &args, password, turns, PROBE_FAILED,
		   "answers the bind with result 49 invalidCredentials");
}

static void test_starttls(void **state)
{
	const struct turn turns[] = {
		{BYTES(START_TLS), BYTES("\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0")},
		{NULL, 0, "", 0}, /* TLS */
		{BYTES(BIND("\2")), BYTES(BOUND("\2", "\0"))},
	};
	const struct turn refused[] = {
		{BYTES(START_TLS), BYTES("\x30\x19\2\1\1\x78\x14\x0a\1\2\4\0\4\x0dnot supported")}};
	struct held h;

	(void)state;
	TALK_CHECK(&talk_ldap, &starttls, NULL, turns, PROBE_OK, "bound anonymously, TLSv1.3");
	h = talk_hold(&talk_ldap, &starttls, NULL, turns, 3, 1000, SIZE_MAX, true);
	assert_true(h.tls);
	TALK_CHECK(&talk_ldap, &starttls, NULL, refused, PROBE_FAILED,
		   "answers StartTLS with result 2 protocolError: not supported");
}

static void test_refusals(void **state)
{
	static const char broken[] = "the answer is no message of LDAP",
			  other[] = "answers something that was not asked";

	(void)state;
	check(BYTES("\x30\x1f\2\1\2\x61\x1a\x0a\1\x30\4\0\4\x13no anonymous binds."), PROBE_FAILED,
	      "answers the bind with result 48 inappropriateAuthentication: no anonymous binds.");
	check(BYTES("\x30\x0d\2\1\2\x61\x08\x0a\2\x10\0\4\0\4\0"), PROBE_FAILED,
	      "answers the bind with result 4096");
	/* Notice of Disconnection, RFC 4511 4.4.1. */
	check(BYTES("\x30\x0c\2\1\0\x78\7\x0a\1\x34\4\0\4\0"), PROBE_FAILED,
	      "ends the connection instead of answering");
	check(BYTES(BOUND("\3", "\0")), PROBE_FAILED, other);
	check(BYTES("\x30\x0c\2\1\2\x78\7\x0a\1\0\4\0\4\0"), PROBE_FAILED, other);
	check(BYTES("\x30\x0c\2\1\2\x61\7\x02\1\0\4\0\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x0c\2\1\2\x61\7\x0a\0\4\0\4\0\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x0c\2\1\2\x61\7\x0a\1\0\4\7\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x0c\2\1\2\x61\x08\x0a\1\0\4\0\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x0c\2\x0b\2\x61\7\x0a\1\0\4\0\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x0c\2\1\2\x61\x80\x0a\1\0\4\0\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x80\2\1\2\x61\7\x0a\1\0\4\0\4\0"), PROBE_FAILED, broken);
	check(BYTES("\x30\x83\1\0\0\2\1\2"), PROBE_FAILED, broken);
	check(BYTES("\x30\x84\xff\xff\xff\xff\2\1"), PROBE_FAILED, broken);
	check(BYTES("HTTP/1.1 400 Bad Request\r\n"), PROBE_FAILED, broken);
	check(BYTES("\x30\x00"), PROBE_FAILED, broken);
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_ldap, &nobody, NULL, 20000);
	talk_garbage(&talk_ldap, &starttls, NULL, 20000);
}

/* Right answers with one byte changed: no success, unless the byte is one that does not matter. */
static void test_mutations(void **state)
{
	static const char right[] = BOUND("\2", "\0");

	(void)state;
	for (size_t at = 0; at < sizeof(right) - 1; at++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			char answer[sizeof(right)];
			const struct turn turns[] = {
				{BYTES(BIND("\2")), answer, sizeof(right) - 1}};
			struct held h;

			memcpy(answer, right, sizeof(right));
			answer[at] = (char)byte;
			h = talk_hold(&talk_ldap, &nobody, NULL, turns, 1, 5, SIZE_MAX, true);
			if (h.over && h.outcome == PROBE_OK)
				assert_memory_equal(answer, right, sizeof(right));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),	  cmocka_unit_test(test_long),
		cmocka_unit_test(test_starttls),  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_mutations), cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
