/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The correlation ids are 0 and 1, since the token is 0 here; the backend is 0.0.0.0:1000. */
#include "probe_talk.h"

#include "probe/talks.h"

#define VERSIONS                            \
	"\0\0\0\x12\0\x12\0\0\0\0\0\0\0\x8" \
	"fairlead"
#define METADATA                          \
	"\0\0\0\x16\0\3\0\1\0\0\0\1\0\x8" \
	"fairlead\0\0\0\0"
/* error 0, two rows: Produce 0 to 9, Metadata 0 to 12 */
#define TWO_ROWS "\0\0\0\0\0\2\0\0\0\0\0\x9\0\3\0\0\0\xc"
#define CAN "\0\0\0\x16\0\0\0\0" TWO_ROWS
#define NODE(id, host_len, host, port) "\0\0\0" id "\0" host_len host "\0\0" port

static const struct config_probe any = {.kind = CONFIG_PROBE_KAFKA};
static const struct config_probe controller = {.kind = CONFIG_PROBE_KAFKA,
					       .role = CONFIG_ROLE_CONTROLLER};

/* This one is 1, with a rack; 2 is at another address. Controller: `id`. */
#define TWO_BROKERS(id)                                                                   \
	"\0\0\0\x39\0\0\0\1\0\0\0\2" NODE("\1", "\7", "0.0.0.0", "\3\xe8") "\0\2r1" NODE( \
		"\2", "\x8", "10.0.0.2", "\3\xe8") "\xff\xff\0\0\0" id "\0\0\0\0"

static void test_a_broker(void **state)
{
	const struct turn turns[] = {{BYTES(VERSIONS), BYTES(CAN)},
				     {BYTES(METADATA), BYTES(TWO_BROKERS("\2"))}};

	(void)state;
	TALK_CHECK(&talk_kafka, &any, NULL, turns, PROBE_OK, "2 brokers, controller 2");
	TALK_CHECK(&talk_kafka, &controller, NULL, turns, PROBE_FAILED,
		   "is node 1; the controller, node 2, is wanted");
}

static void test_the_controller(void **state)
{
	const struct turn turns[] = {{BYTES(VERSIONS), BYTES(CAN)},
				     {BYTES(METADATA), BYTES(TWO_BROKERS("\1"))}};

	(void)state;
	TALK_CHECK(&talk_kafka, &controller, NULL, turns, PROBE_OK, "is the controller, node 1");
}

#define ONE_BROKER(host_len, host, port, frame_len, id)                                      \
	"\0\0\0" frame_len "\0\0\0\1\0\0\0\1" NODE("\1", host_len, host, port) "\xff\xff" id \
									       "\0\0\0\0"

static void test_no_controller_to_be_told(void **state)
{
	const struct turn names[] = {
		{BYTES(VERSIONS), BYTES(CAN)},
		{BYTES(METADATA), BYTES(ONE_BROKER("\5", "k.lan", "\3\xe8", "\x21", "\0\0\0\1"))}};
	const struct turn port[] = {{BYTES(VERSIONS), BYTES(CAN)},
				    {BYTES(METADATA), BYTES(ONE_BROKER("\7", "0.0.0.0", "\3\xe9",
								       "\x23", "\0\0\0\1"))}};
	const struct turn none[] = {
		{BYTES(VERSIONS), BYTES(CAN)},
		{BYTES(METADATA),
		 BYTES(ONE_BROKER("\7", "0.0.0.0", "\3\xe8", "\x23", "\xff\xff\xff\xff"))}};

	(void)state;
	TALK_CHECK(&talk_kafka, &controller, NULL, names, PROBE_FAILED,
		   "the brokers advertise names instead of addresses, so it can't be told whether "
		   "this is the controller");
	TALK_CHECK(&talk_kafka, &any, NULL, names, PROBE_OK, "1 broker, controller 1");
	TALK_CHECK(
		&talk_kafka, &controller, NULL, port, PROBE_FAILED,
		"no broker advertises this address and port, so it can't be told whether this is "
		"the controller");
	TALK_CHECK(&talk_kafka, &controller, NULL, none, PROBE_FAILED,
		   "the cluster has no controller");
}

static void test_versions(void **state)
{
	const struct turn old[] = {
		{BYTES(VERSIONS), BYTES("\0\0\0\x10\0\0\0\0\0\0\0\0\0\1\0\3\0\0\0\0")}};
	const struct turn other[] = {
		{BYTES(VERSIONS), BYTES("\0\0\0\x10\0\0\0\0\0\0\0\0\0\1\0\1\0\0\0\1")}};
	const struct turn error[] = {{BYTES(VERSIONS), BYTES("\0\0\0\xa\0\0\0\0\0\x23\0\0\0\0")}};
	const struct turn rows[] = {{BYTES(VERSIONS), BYTES("\0\0\0\xa\0\0\0\0\0\0\0\0\0\1")}};

	(void)state;
	TALK_CHECK(&talk_kafka, &any, NULL, old, PROBE_FAILED,
		   "knows Metadata in versions 0 to 0 only, not in 1");
	TALK_CHECK(&talk_kafka, &any, NULL, other, PROBE_FAILED,
		   "is no broker: it does not know Metadata");
	TALK_CHECK(&talk_kafka, &any, NULL, error, PROBE_FAILED,
		   "answers ApiVersions with error 35");
	TALK_CHECK(&talk_kafka, &any, NULL, rows, PROBE_FAILED,
		   "the answer is no message of Kafka's");
}

static void test_strangers(void **state)
{
	const struct turn http[] = {{BYTES(VERSIONS), .answers = "HTTP/1.1 400 Bad Request\r\n"}};
	const struct turn id[] = {{BYTES(VERSIONS), BYTES("\0\0\0\x16\0\0\0\7" TWO_ROWS)}};
	const struct turn empty[] = {
		{BYTES(VERSIONS), BYTES(CAN)},
		{BYTES(METADATA), BYTES("\0\0\0\x10\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0")}};
	const struct turn many[] = {
		{BYTES(VERSIONS), BYTES(CAN)},
		{BYTES(METADATA), BYTES("\0\0\0\x10\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\0")}};
	const struct turn host[] = {{BYTES(VERSIONS), BYTES(CAN)},
				    {BYTES(METADATA), BYTES("\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\1\1\0"
							    "abcdefghijkl")}};

	(void)state;
	TALK_CHECK(&talk_kafka, &any, NULL, http, PROBE_FAILED,
		   "the answer is no message of Kafka's");
	TALK_CHECK(&talk_kafka, &any, NULL, id, PROBE_FAILED,
		   "answers something that was not asked");
	TALK_CHECK(&talk_kafka, &any, NULL, empty, PROBE_FAILED,
		   "answers, but knows no broker of its cluster");
	TALK_CHECK(&talk_kafka, &any, NULL, many, PROBE_FAILED,
		   "the answer is no message of Kafka's");
	TALK_CHECK(&talk_kafka, &any, NULL, host, PROBE_FAILED,
		   "the answer is no message of Kafka's");
}

/* A cluster whose answer is longer than the buffer: 2000 brokers, and then the controller. */
static void test_large_cluster(void **state)
{
	static char answer[12 + 2000 * 22 + 8];
	const struct turn turns[] = {{BYTES(VERSIONS), BYTES(CAN)},
				     {BYTES(METADATA), answer, sizeof(answer)}};
	struct held h;
	char *at = answer;

	(void)state;
	memcpy(at, "\0\0\xac\x0\0\0\0\1\0\0\x7\xd0", 12);
	at[2] = (char)((sizeof(answer) - 4) >> 8);
	at[3] = (char)(sizeof(answer) - 4);
	at += 12;
	for (int i = 0; i < 2000; i++, at += 22)
		memcpy(at,
		       "\0\0\0\1\0\x8"
		       "10.0.0.2"
		       "\0\0\3\xe8"
		       "\0\2r1"
		       "",
		       22);
	memcpy(at, "\0\0\0\7\0\0\0\0", 8);
	h = talk_hold(&talk_kafka, &any, NULL, turns, 2, 1000, SIZE_MAX, true);
	assert_true(h.over);
	assert_string_equal(h.detail, "2000 brokers, controller 7");
	assert_int_equal(h.outcome, PROBE_OK);
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_kafka, &any, NULL, 20000);
}

/* The second answer with any byte changed: no harm, and no broker that becomes the controller. */
static void test_mutations(void **state)
{
	static const char good[] = TWO_BROKERS("\2");
	char answer[sizeof(good)];

	(void)state;
	for (size_t i = 8; i < sizeof(good) - 1; i++) {
		for (unsigned int v = 0; v < 256; v += 5) {
			const struct turn turns[] = {{BYTES(VERSIONS), BYTES(CAN)},
						     {BYTES(METADATA), answer, sizeof(good) - 1}};

			memcpy(answer, good, sizeof(good));
			answer[i] = (char)v;
			talk_hold(&talk_kafka, &controller, NULL, turns, 2, 1000, SIZE_MAX, false);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_broker),
		cmocka_unit_test(test_the_controller),
		cmocka_unit_test(test_no_controller_to_be_told),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_large_cluster),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
