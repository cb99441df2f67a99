/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_talk.h"

#include "probe/talks.h"

/* Sends `send`, is given one datagram. */
static struct talk ask(const struct config_probe *args, const char *says, const char *datagram,
		       enum talk_next *next)
{
	struct talk t = {.args = args};

	assert_int_equal(talk_udp.begin(&t), TALK_MORE);
	assert_int_equal(t.out_len, strlen(says));
	assert_memory_equal(t.out, says, t.out_len);
	t.in = (const uint8_t *)datagram;
	t.len = strlen(datagram);
	*next = talk_udp.input(&t);
	return t;
}

static uint8_t ping[] = "ping", pong[] = "pong";

static void test_expected(void **state)
{
	const struct config_probe args = {.send = {ping, 4}, .expect = {pong, 4}};
	enum talk_next next;
	struct talk t = ask(&args, "ping", "a pong b", &next);

	(void)state;
	assert_int_equal(next, TALK_OVER);
	assert_int_equal(t.outcome, PROBE_OK);
	assert_string_equal(t.detail, "answers with 8 bytes");
}

static void test_another_answer(void **state)
{
	const struct config_probe args = {.send = {ping, 4}, .expect = {pong, 4}};
	enum talk_next next;
	struct talk t = ask(&args, "ping", "pon\x01g", &next);

	(void)state;
	assert_int_equal(next, TALK_OVER);
	assert_int_equal(t.outcome, PROBE_FAILED);
	assert_string_equal(t.detail,
			    "the answer, \"pon?g\" (5 bytes), does not hold what is expected");
}

static void test_an_empty_answer(void **state)
{
	const struct config_probe args = {.expect = {pong, 4}}, any = {.kind = CONFIG_PROBE_UDP};
	enum talk_next next;
	struct talk t = ask(&args, "", "", &next);

	(void)state;
	assert_int_equal(t.outcome, PROBE_FAILED);
	t = ask(&any, "", "", &next);
	assert_int_equal(next, TALK_OVER);
	assert_int_equal(t.outcome, PROBE_OK);
}

static void test_silence(void **state)
{
	const struct config_probe args = {.expect = {pong, 4}}, any = {.timeout_ms = 500};
	struct talk t = {.args = &any};

	(void)state;
	assert_int_equal(talk_udp.silence(&t), TALK_OVER);
	assert_int_equal(t.outcome, PROBE_OK);
	assert_string_equal(t.detail, "no ICMP error within 500 ms");
	t.args = &args;
	assert_int_equal(talk_udp.silence(&t), TALK_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_another_answer),
		cmocka_unit_test(test_an_empty_answer),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
