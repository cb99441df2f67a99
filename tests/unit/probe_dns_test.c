/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_talk.h"

#include "probe/talks.h"

/* "www.example A", as RFC 1035 4.1.2 has it; its id is the token, which is 0 here. */
#define NAME "\3www\7example\0"
#define ASKED(type) "\0\0\1\0\0\1\0\0\0\0\0\0" NAME "\0" type "\0\1"
/* flags, answers, type */
#define ANSWER(flags, n, type) "\0\0" flags "\0\1\0" n "\0\0\0\0" NAME "\0" type "\0\1"
#define RR(type, len) "\xc0\x0c\0" type "\0\1\0\0\0\x3c\0" len
#define OK "\x85\x80"

#define CHECK_TCP(args, query, reply, outcome, detail)                        \
	do {                                                                  \
		const struct turn turns[] = {{BYTES("\0\x1d" query), reply}}; \
		TALK_CHECK(&talk_dns, args, NULL, turns, outcome, detail);    \
	} while (0)

static struct config_probe with(const char *record, const char *answer)
{
	return (struct config_probe){.kind = CONFIG_PROBE_DNS,
				     .name = (char *)"www.example",
				     .record = (char *)record,
				     .answer = (char *)answer};
}

/* Over UDP: one datagram; the talk says `asked`. */
static struct talk ask(const struct config_probe *args, uint64_t token, const char *msg, size_t len,
		       enum talk_next *next)
{
	struct talk t = {.args = args, .token = token};

	assert_int_equal(talk_dns.begin(&t), TALK_MORE);
	t.in = (const uint8_t *)msg;
	t.len = len;
	*next = talk_dns.input(&t);
	return t;
}

#define EXPECT(args, msg, result, text)                                      \
	do {                                                                 \
		enum talk_next next_;                                        \
		struct talk t_ = ask(args, 0, msg, sizeof(msg) - 1, &next_); \
		assert_int_equal(next_, TALK_OVER);                          \
		assert_string_equal(t_.detail, text);                        \
		assert_int_equal(t_.outcome, result);                        \
	} while (0)

static void test_question(void **state)
{
	const struct config_probe args = with("AAAA", NULL);
	struct talk t = {.args = &args, .token = 0x123456789abcdef0};
	const char want[] = "\xde\xf0\1\0\0\1\0\0\0\0\0\0" NAME "\0\x1c\0\1";

	(void)state;
	assert_int_equal(talk_dns.begin(&t), TALK_MORE);
	assert_int_equal(t.out_len, sizeof(want) - 1);
	assert_memory_equal(t.out, want, sizeof(want) - 1);
}

static void test_a(void **state)
{
	const struct config_probe any = with("A", NULL), second = with("A", "192.0.2.2"),
				  other = with("A", "192.0.2.9");

	(void)state;
#define TWO                    \
	ANSWER(OK, "\2", "\1") \
	RR("\1", "\4") "\xc0\0\2\1" RR("\1", "\4") "\xc0\0\2\2"
	EXPECT(&any, TWO, PROBE_OK, "A 192.0.2.1");
	EXPECT(&second, TWO, PROBE_OK, "A 192.0.2.2");
	EXPECT(&other, TWO, PROBE_FAILED,
	       "none of 2 A records is \"192.0.2.9\"; the first is \"192.0.2.1\"");
}

/* An alias comes before what it stands for. */
static void test_alias(void **state)
{
	const struct config_probe a = with("A", "192.0.2.1"),
				  cname = with("CNAME", "ALIAS.example.");

	(void)state;
	EXPECT(&a,
	       ANSWER(OK, "\2", "\1") RR("\5", "\x8") "\5alias\xc0\x10" RR("\1", "\4") "\xc0\0\2\1",
	       PROBE_OK, "A 192.0.2.1");
	EXPECT(&cname, ANSWER(OK, "\1", "\5") RR("\5", "\x8") "\5alias\xc0\x10", PROBE_OK,
	       "CNAME alias.example");
}

static void test_other_types(void **state)
{
	const struct config_probe aaaa = with("AAAA", "2001:DB8:0::1"),
				  mx = with("MX", "10 mail.example"),
				  srv = with("SRV", "0 5 5060 sip.example"),
				  txt = with("TXT", "v=1 a"), soa = with("SOA", NULL),
				  ns = with("NS", "ns.example");

	(void)state;
	EXPECT(&aaaa,
	       ANSWER(OK, "\1", "\x1c") RR("\x1c", "\x10") "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1",
	       PROBE_OK, "AAAA 2001:db8::1");
	EXPECT(&mx, ANSWER(OK, "\1", "\x0f") RR("\x0f", "\x9") "\0\x0a\4mail\xc0\x10", PROBE_OK,
	       "MX 10 mail.example");
	EXPECT(&srv, ANSWER(OK, "\1", "\x21") RR("\x21", "\xc") "\0\0\0\5\x13\xc4\3sip\xc0\x10",
	       PROBE_OK, "SRV 0 5 5060 sip.example");
	EXPECT(&txt, ANSWER(OK, "\1", "\x10") RR("\x10", "\x7") "\3v=1\2 a", PROBE_OK, "TXT v=1 a");
	EXPECT(&soa,
	       ANSWER(OK, "\1", "\6")
		       RR("\6",
			  "\x1c") "\2ns\xc0\x10\1h\xc0\x10\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0",
	       PROBE_FAILED, "the answer is broken"); /* one byte short */
	EXPECT(&soa,
	       ANSWER(OK, "\1", "\6")
		       RR("\6",
			  "\x1d") "\2ns\xc0\x10\1h\xc0\x10\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5",
	       PROBE_OK, "SOA ns.example h.example 1 2 3 4 5");
	EXPECT(&ns, ANSWER(OK, "\1", "\2") RR("\2", "\x5") "\2ns\xc0\x10", PROBE_OK,
	       "NS ns.example");
}

static void test_errors_are_named(void **state)
{
	const struct config_probe args = with("A", NULL);

	(void)state;
	EXPECT(&args, ANSWER("\x85\x83", "\0", "\1"), PROBE_FAILED, "answers NXDOMAIN");
	EXPECT(&args, ANSWER("\x85\x82", "\0", "\1"), PROBE_FAILED, "answers SERVFAIL");
	EXPECT(&args, ANSWER("\x85\x85", "\0", "\1"), PROBE_FAILED, "answers REFUSED");
	EXPECT(&args, ANSWER("\x85\x8b", "\0", "\1"), PROBE_FAILED, "answers response code 11");
	EXPECT(&args, "\0\0\x85\x81\0\0\0\0\0\0\0\0", PROBE_FAILED, "answers FORMERR");
	EXPECT(&args, ANSWER(OK, "\0", "\1"), PROBE_FAILED, "has no A record of \"www.example\"");
	EXPECT(&args, ANSWER("\x87\x80", "\1", "\1") RR("\1", "\4") "\xc0", PROBE_FAILED,
	       "has no A record of \"www.example\" (the answer is cut off: \"transport: tcp\" gets "
	       "all)");
}

static void test_broken(void **state)
{
	const struct config_probe args = with("A", NULL), cname = with("CNAME", NULL);

	(void)state;
	EXPECT(&args, ANSWER(OK, "\1", "\1"), PROBE_FAILED, "the answer is broken");
	EXPECT(&args, ANSWER(OK, "\1", "\1") RR("\1", "\5") "\xc0\0\2\1\0", PROBE_FAILED,
	       "the answer is broken");
	EXPECT(&args, ANSWER(OK, "\1", "\1") RR("\1", "\xff") "\xc0\0\2\1", PROBE_FAILED,
	       "the answer is broken");
	/* A name that points to itself. */
	EXPECT(&cname, ANSWER(OK, "\1", "\5") RR("\5", "\2") "\xc0\x29", PROBE_FAILED,
	       "the answer is broken");
}

/* What does not answer the question is not looked at. */
static void test_strangers(void **state)
{
	static const char good[] = ANSWER(OK, "\1", "\1") RR("\1", "\4") "\xc0\0\2\1";
	const struct config_probe args = with("A", NULL);
	char msg[sizeof(good)];
	enum talk_next next;

	(void)state;
	ask(&args, 1, good, sizeof(good) - 1, &next);
	assert_int_equal(next, TALK_MORE); /* another id */
	for (size_t i = 0; i < sizeof(ASKED("\1")) - 1; i++) {
		if (i == 2 || i == 3 || (i >= 6 && i < 12))
			continue; /* flags and counts */
		memcpy(msg, good, sizeof(msg));
		msg[i] ^= 2;
		ask(&args, 0, msg, sizeof(good) - 1, &next);
		assert_int_equal(next, TALK_MORE);
	}
	ask(&args, 0, ASKED("\1"), sizeof(ASKED("\1")) - 1, &next); /* an echo */
	assert_int_equal(next, TALK_MORE);
	ask(&args, 0, "", 0, &next);
	assert_int_equal(next, TALK_MORE);
}

static void test_tcp(void **state)
{
	struct config_probe args = with("A", NULL);

	(void)state;
	args.over_tcp = true;
	CHECK_TCP(&args, ASKED("\1"),
		  BYTES("\0\x2d" ANSWER(OK, "\1", "\1") RR("\1", "\4") "\xc0\0\2\1"), PROBE_OK,
		  "A 192.0.2.1");
	CHECK_TCP(&args, ASKED("\1"), BYTES("\0\x1d" ANSWER("\x85\x82", "\0", "\1")), PROBE_FAILED,
		  "answers SERVFAIL");
	CHECK_TCP(&args, ASKED("\1"), BYTES("\0\1x"), PROBE_FAILED,
		  "answers something that was not asked");
}

static void test_no_name(void **state)
{
	struct config_probe args = with("A", NULL);
	struct talk t = {.args = &args};

	(void)state;
	args.name = (char *)"a..b";
	assert_int_equal(talk_dns.begin(&t), TALK_OVER);
	assert_string_equal(t.detail, "\"a..b\" is not a name that can be asked for");
}

static void test_garbage(void **state)
{
	struct config_probe args = with("A", NULL);

	(void)state;
	talk_garbage(&talk_dns, &args, NULL, 20000);
	args.over_tcp = true;
	talk_garbage(&talk_dns, &args, NULL, 20000);
}

/* A good answer with any byte changed is read without harm, whatever it says then. */
static void test_mutations(void **state)
{
	static const char *const records[] = {"A", "MX", "SOA", "TXT", "SRV"};
	static const char good[] = ANSWER(OK, "\3", "\1") RR("\5", "\x8") "\5alias\xc0\x10" RR(
		"\x0f", "\x9") "\0\x0a\4mail\xc0\x10" RR("\x10", "\x7") "\3v=1\2 a";
	char msg[sizeof(good)];
	enum talk_next next;

	(void)state;
	for (size_t r = 0; r < sizeof(records) / sizeof(*records); r++) {
		const struct config_probe args = with(records[r], "10 mail.example");

		for (size_t i = 0; i < sizeof(good) - 1; i++) {
			for (unsigned int v = 0; v < 256; v++) {
				memcpy(msg, good, sizeof(msg));
				msg[i] = (char)v;
				ask(&args, 0, msg, sizeof(good) - 1, &next);
				ask(&args, 0, msg, i, &next);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_a),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_errors_are_named),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_no_name),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
