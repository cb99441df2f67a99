/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ZooKeeper answers to srvr; the answers are those of version 3.8.0. */
#include "probe_talk.h"

#include "probe/talks.h"

#define MODE(mode)                                                                                  \
	"Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\n"             \
	"Latency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid:" \
	" 0x0\nMode: " mode "\nNode count: 5\n"

static const struct config_probe any = {.kind = CONFIG_PROBE_ZOOKEEPER};
static const struct config_probe leader = {.kind = CONFIG_PROBE_ZOOKEEPER,
					   .role = CONFIG_ROLE_LEADER};
static const struct config_probe follower = {.kind = CONFIG_PROBE_ZOOKEEPER,
					     .role = CONFIG_ROLE_FOLLOWER};
static const struct config_probe standalone = {.kind = CONFIG_PROBE_ZOOKEEPER,
					       .role = CONFIG_ROLE_STANDALONE};

static void check(const struct config_probe *args, const char *answer, enum probe_outcome outcome,
		  const char *detail)
{
	const struct turn turns[] = {{"srvr", 0, answer, 0}, {NULL, 0, NULL, 0}};

	TALK_CHECK(&talk_zookeeper, args, NULL, turns, outcome, detail);
}

static void test_modes(void **state)
{
	(void)state;
	check(&any, MODE("leader"), PROBE_OK, "leader");
	check(&any, MODE("follower"), PROBE_OK, "follower");
	check(&any, MODE("standalone"), PROBE_OK, "standalone");
	check(&any, MODE("observer"), PROBE_OK, "observer");
	check(&leader, MODE("leader"), PROBE_OK, "leader");
	check(&leader, MODE("follower"), PROBE_FAILED, "is a follower; a leader is wanted");
	check(&leader, MODE("standalone"), PROBE_FAILED, "is a standalone; a leader is wanted");
	check(&follower, MODE("follower"), PROBE_OK, "follower");
	check(&follower, MODE("leader"), PROBE_FAILED, "is a leader; a follower is wanted");
	check(&follower, MODE("observer"), PROBE_FAILED,
	      "is in mode \"observer\"; a follower is wanted");
	check(&standalone, MODE("standalone"), PROBE_OK, "standalone");
	check(&any, MODE("read-only"), PROBE_FAILED, "is read-only: it is cut off from the quorum");
}

static void test_refusals(void **state)
{
	(void)state;
	check(&any, "This ZooKeeper instance is not currently serving requests\n", PROBE_FAILED,
	      "does not serve requests: it has no quorum");
	check(&any, "srvr is not executed because it is not in the whitelist.\n", PROBE_FAILED,
	      "answers srvr with \"srvr is not executed because it is not in the whitelist.\"");
	check(&any, "HTTP/1.1 400 Bad Request\r\nMode: leader\n", PROBE_FAILED,
	      "answers srvr with \"HTTP/1.1 400 Bad Request\"");
	check(&any, "Mode: leader\n", PROBE_FAILED, "answers srvr with \"Mode: leader\"");
}

/* An answer that has no mode, and ends, is no verdict of the talk: stream.c says that it was closed. */
static void test_without_mode(void **state)
{
	const struct turn turns[] = {
		{"srvr", 0, "Zookeeper version: 3.8.0\nSuperMode: leader\nModes: leader\n", 0},
		{NULL, 0, NULL, 0},
	};
	struct held h = talk_hold(&talk_zookeeper, &any, NULL, turns, 2, 7, SIZE_MAX, true);

	(void)state;
	assert_false(h.over);
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_zookeeper, &any, NULL, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_without_mode),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
