/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_talk.h"

#include "probe/talks.h"

#define STEP(is_expect, text)                                                          \
	{                                                                              \
		.expect = (is_expect), .bytes = {(uint8_t *)(text), sizeof(text) - 1 } \
	}
#define SEND(text) STEP(false, text)
#define EXPECT(text) STEP(true, text)
#define SCRIPT(list)                                                       \
	{                                                                  \
		.kind = CONFIG_PROBE_SCRIPT, .timeout_ms = 500, .steps = { \
			list,                                              \
			sizeof(list) / sizeof(*(list))                     \
		}                                                          \
	}

static struct config_step mail[] = {EXPECT("220 "), SEND("NOOP\r\n"), EXPECT("250"),
				    SEND("QUIT\r\n")};
static const struct config_probe args = SCRIPT(mail);

static void test_steps(void **state)
{
	const struct turn turns[] = {{NULL, .answers = "220 mx\r\n"},
				     {"NOOP\r\n", .answers = "250 Ok\r\n"}};

	(void)state;
	TALK_CHECK(&talk_script, &args, NULL, turns, PROBE_OK, "all 4 steps");
}

/* Two steps are answered at once; each takes its own part. */
static void test_order(void **state)
{
	static struct config_step list[] = {SEND("a"), SEND("b"), EXPECT("one"), EXPECT("two")};
	const struct config_probe two = SCRIPT(list);
	const struct turn right[] = {{"ab", .answers = "x one two"}};
	const struct turn wrong[] = {{"ab", .answers = "two one x"}, {NULL, .answers = NULL}};

	(void)state;
	TALK_CHECK(&talk_script, &two, NULL, right, PROBE_OK, "all 4 steps");
	TALK_CHECK(&talk_script, &two, NULL, wrong, PROBE_FAILED,
		   "step 4: what is expected did not come before the connection was closed; \" x\" "
		   "came");
}

static void test_closed(void **state)
{
	const struct turn bad[] = {{NULL, .answers = "554 go away\r\n"}, {NULL, .answers = NULL}};
	const struct turn mute[] = {{NULL, .answers = NULL}};

	(void)state;
	TALK_CHECK(&talk_script, &args, NULL, bad, PROBE_FAILED,
		   "step 1: what is expected did not come before the connection was closed; "
		   "\"554 go away??\" came");
	TALK_CHECK(&talk_script, &args, NULL, mute, PROBE_FAILED,
		   "step 1: nothing came before the connection was closed");
}

static void test_time_is_over(void **state)
{
	struct talk t = {.args = &args};

	(void)state;
	assert_int_equal(talk_script.begin(&t), TALK_AGAIN);
	assert_int_equal(talk_script.silence(&t), TALK_OVER);
	assert_int_equal(t.outcome, PROBE_FAILED);
	assert_string_equal(t.detail, "step 1: nothing came within 500 ms");
	t.in = (const uint8_t *)"421 busy";
	t.len = 8;
	assert_int_equal(talk_script.input(&t), TALK_MORE);
	assert_int_equal(talk_script.silence(&t), TALK_OVER);
	assert_string_equal(
		t.detail, "step 1: what is expected did not come within 500 ms; \"421 busy\" came");
}

/* Only sending: the connection is all that is asked for. */
static void test_nothing_expected(void **state)
{
	static struct config_step list[] = {SEND("a")};
	const struct config_probe one = SCRIPT(list);
	struct talk t = {.args = &one};

	(void)state;
	assert_int_equal(talk_script.begin(&t), TALK_OVER);
	assert_int_equal(t.outcome, PROBE_OK);
	assert_int_equal(t.out_len, 1);
}

/* What is expected comes behind more than the buffer holds, split in its middle. */
static void test_far_behind(void **state)
{
	static char answer[100000];
	const struct turn turns[] = {{NULL, 0, answer, sizeof(answer)}};
	static struct config_step list[] = {EXPECT("the end")};
	const struct config_probe one = SCRIPT(list);

	(void)state;
	memset(answer, '.', sizeof(answer));
	memcpy(answer + sizeof(answer) - 7, "the end", 7);
	for (size_t piece = 1000; piece < 1007; piece++) {
		struct held h =
			talk_hold(&talk_script, &one, NULL, turns, 1, piece, SIZE_MAX, true);

		assert_true(h.over);
		assert_int_equal(h.outcome, PROBE_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_time_is_over),
		cmocka_unit_test(test_nothing_expected),
		cmocka_unit_test(test_far_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
