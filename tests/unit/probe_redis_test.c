/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to servers and sentinels of Redis; the answers are those of redis-server 7.0.15. */
#include "probe_talk.h"

#include "probe/ballot.h"
#include "probe/talks.h"

#define PING "*1\r\n$4\r\nPING\r\n"
#define ROLE "*1\r\n$4\r\nROLE\r\n"
#define ASK PING ROLE
#define MASTER "*3\r\n$6\r\nmaster\r\n:150\r\n*0\r\n"
#define REPLICA(len, state) \
	"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:7771\r\n$" len "\r\n" state "\r\n:42\r\n"
#define CONNECTED REPLICA("9", "connected")
#define INFO "*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n"
#define LINK(len, state, io, more)                                                         \
	"$" len "\r\n# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:" \
	"7771\r\nmaster_link_status:" state "\r\nmaster_last_io_seconds_ago:" io           \
	"\r\nmaster_sync_in_progress:0\r\n" more "slave_priority:100\r\n\r\n"

static const struct config_probe any = {.kind = CONFIG_PROBE_REDIS};
static const struct config_probe master = {.kind = CONFIG_PROBE_REDIS, .role = CONFIG_ROLE_MASTER};
static const struct config_probe replica = {.kind = CONFIG_PROBE_REDIS,
					    .role = CONFIG_ROLE_REPLICA};
static const struct config_probe fresh = {
	.kind = CONFIG_PROBE_REDIS, .role = CONFIG_ROLE_REPLICA, .max_lag_ms = 5000};

/* One answer to everything that is asked at first. */
static void check(const struct config_probe *args, const char *answer, enum probe_outcome outcome,
		  const char *detail)
{
	const struct turn turns[] = {{ASK, 0, answer, 0}};

	TALK_CHECK(&talk_redis, args, NULL, turns, outcome, detail);
}

static void test_roles(void **state)
{
	(void)state;
	check(&any, "+PONG\r\n" MASTER, PROBE_OK, "master");
	check(&master, "+PONG\r\n" MASTER, PROBE_OK, "master");
	check(&replica, "+PONG\r\n" MASTER, PROBE_FAILED, "is a master; a replica is wanted");
	check(&any, "+PONG\r\n" CONNECTED, PROBE_OK, "replica");
	check(&replica, "+PONG\r\n" CONNECTED, PROBE_OK, "replica");
	check(&master, "+PONG\r\n" CONNECTED, PROBE_FAILED, "is a replica; a master is wanted");
	check(&master, "+PONG\r\n" REPLICA("4", "sync"), PROBE_FAILED,
	      "is a replica; a master is wanted");
	check(&any, "+PONG\r\n" REPLICA("4", "sync"), PROBE_FAILED,
	      "is a replica that still copies the data of its master");
	check(&any, "+PONG\r\n*2\r\n$8\r\nsentinel\r\n*1\r\n$3\r\ngrp\r\n", PROBE_FAILED,
	      "is a sentinel, and has no data");
}

/* With many replicas of its own, of which nothing needs to be read. */
static void test_many_replicas(void **state)
{
	static char answer[TALK_IN_MAX * 2];
	const struct turn turns[] = {{ASK, 0, answer, 0}};
	struct held h;
	size_t n =
		(size_t)snprintf(answer, sizeof(answer), "+PONG\r\n*3\r\n$6\r\nmaster\r\n:1\r\n");

	(void)state;
	n += (size_t)snprintf(answer + n, sizeof(answer) - n, "*100\r\n");
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(answer + n, sizeof(answer) - n,
				      "*3\r\n$9\r\n10.0.0.%02d\r\n$4\r\n6379\r\n$1\r\n0\r\n", i);
	h = talk_hold(&talk_redis, &master, NULL, turns, 1, 1000, SIZE_MAX, true);
	assert_true(h.over);
	assert_int_equal(h.outcome, PROBE_OK);
}

static void check_lag(const struct config_probe *args, const char *link, const char *info,
		      enum probe_outcome outcome, const char *detail)
{
	const struct turn turns[] = {{ASK, 0, link, 0}, {INFO, 0, info, 0}};

	TALK_CHECK(&talk_redis, args, NULL, turns, outcome, detail);
}

static void test_lag(void **state)
{
	static const char connected[] = "+PONG\r\n" CONNECTED,
			  connect[] = "+PONG\r\n" REPLICA("7", "connect");

	(void)state;
	check_lag(&fresh, connected, LINK("168", "up", "5", ""), PROBE_OK,
		  "replica, heard of its master 5 s ago");
	check_lag(&fresh, connected, LINK("168", "up", "6", ""), PROBE_FAILED,
		  "is a replica that has heard nothing of its master for 6 s; max_lag is 5000 ms");
	check_lag(&fresh, connect,
		  LINK("205", "down", "-1", "master_link_down_since_seconds:3\r\n"), PROBE_OK,
		  "replica, lost its master 3 s ago");
	check_lag(&fresh, connect,
		  LINK("205", "down", "-1", "master_link_down_since_seconds:9\r\n"), PROBE_FAILED,
		  "is a replica that has heard nothing of its master for 9 s; max_lag is 5000 ms");
	check_lag(&replica, connect,
		  LINK("205", "down", "-1", "master_link_down_since_seconds:9\r\n"), PROBE_OK,
		  "replica, lost its master 9 s ago");
	check_lag(&any, connect, LINK("206", "down", "-1", "master_link_down_since_seconds:-1\r\n"),
		  PROBE_FAILED, "is a replica that has not reached its master yet");
	check_lag(&fresh, connected, "$15\r\n# Replication\r\n\r\n", PROBE_FAILED,
		  "says nothing of its link to the master in INFO");
	check_lag(&fresh, connected, "-NOPERM no\r\n", PROBE_FAILED,
		  "answers INFO with \"NOPERM no\"");
	check_lag(&fresh, connected, "$99999\r\n", PROBE_FAILED,
		  "the answer to INFO is not one of Redis");
}

static void test_refusals(void **state)
{
	(void)state;
	check(&any, "-LOADING Redis is loading the dataset in memory\r\n" MASTER, PROBE_FAILED,
	      "it is loading its data");
	check(&any,
	      "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
	      PROBE_FAILED, "its link to the master is down, and it serves no old data");
	check(&any, "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n",
	      PROBE_FAILED, "it wants a password");
	check(&any, "-MISCONF Redis is configured to save RDB snapshots\r\n", PROBE_FAILED,
	      "answers PING with \"MISCONF Redis is configured to save RDB snapshots\"");
	check(&any, "+PONG\r\n-NOPERM this user has no permissions to run the 'role' command\r\n",
	      PROBE_FAILED,
	      "answers ROLE with \"NOPERM this user has no permissions to run the 'role' command\"");
	check(&any, "+OK\r\n", PROBE_FAILED, "answers PING with \"OK\"");
	check(&any, "HTTP/1.1 400 Bad Request\r\n", PROBE_FAILED,
	      "the answer to PING is not one of Redis");
	check(&any, "+PONG\n", PROBE_FAILED, "the answer to PING is not one of Redis");
	check(&any, "+PONG\r\n*x\r\n", PROBE_FAILED, "the answer to ROLE is not one of Redis");
	check(&any, "+PONG\r\n*3\r\n$-2\r\n", PROBE_FAILED,
	      "the answer to ROLE is not one of Redis");
	check(&any, "+PONG\r\n*3\r\n$6\r\nmasterXX", PROBE_FAILED,
	      "the answer to ROLE is not one of Redis");
	check(&any, "+PONG\r\n*3\r\n$6\r\nmister\r\n", PROBE_FAILED,
	      "answers ROLE with \"mister\"");
	check(&any, "+PONG\r\n*3\r\n$9999999999999999999\r\n", PROBE_FAILED,
	      "the answer to ROLE is not one of Redis");
}

/* However it comes, in one piece or byte by byte. */
static void test_long_line(void **state)
{
	char line[600];

	(void)state;
	snprintf(line, sizeof(line), "-ERR %0500d\r\n", 1);
	check(&any, line, PROBE_FAILED,
	      "answers PING with \"ERR 0000000000000000000000000000000000000000000000000000000000"
	      "000000000000000000000000000000000\"");
	snprintf(line, sizeof(line), "-ERR %0580d\r\n", 1);
	check(&any, line, PROBE_FAILED, "the answer to PING is not one of Redis");
}

static void test_password(void **state)
{
	static char name[] = "probe";
	const struct config_probe user = {.kind = CONFIG_PROBE_REDIS, .user = name};
	const struct turn alone[] = {
		{"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n" ASK, 0, "+OK\r\n+PONG\r\n" MASTER, 0}};
	const struct turn both[] = {{"*3\r\n$4\r\nAUTH\r\n$5\r\nprobe\r\n$6\r\ngeheim\r\n" ASK, 0,
				     "+OK\r\n+PONG\r\n" MASTER, 0}};
	const struct turn wrong[] = {
		{"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n" ASK, 0,
		 "-WRONGPASS invalid username-password pair or user is disabled.\r\n", 0}};
	const struct turn none[] = {
		{"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n" ASK, 0,
		 "-ERR AUTH <password> called without any password configured for the default "
		 "user. Are you sure your configuration is correct?\r\n",
		 0}};

	(void)state;
	TALK_CHECK(&talk_redis, &any, "geheim", alone, PROBE_OK, "master");
	TALK_CHECK(&talk_redis, &user, "geheim", both, PROBE_OK, "master");
	TALK_CHECK(&talk_redis, &any, "geheim", wrong, PROBE_FAILED,
		   "the user or the password is wrong");
	TALK_CHECK(&talk_redis, &any, "geheim", none, PROBE_FAILED,
		   "it has no password, and was told one");
}

#define WHO "*3\r\n$8\r\nSENTINEL\r\n$23\r\nGET-MASTER-ADDR-BY-NAME\r\n$3\r\ngrp\r\n"
#define NAMED "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7771\r\n"

static void test_sentinel(void **state)
{
	static char name[] = "grp";
	const struct config_probe args = {.kind = CONFIG_PROBE_REDIS, .master_name = name};
	const struct turn named[] = {{WHO, 0, NAMED, 0}};
	const struct turn v6[] = {{WHO, 0, "*2\r\n$11\r\n2001:db8::1\r\n$4\r\n6379\r\n", 0}};
	const struct turn unknown[] = {{WHO, 0, "*-1\r\n", 0}};
	const struct turn locked[] = {
		{WHO, 0, "-NOAUTH Authentication required.\r\n", 0},
		{"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n" WHO, 0, "+OK\r\n" NAMED, 0}};
	const struct turn wrong[] = {{WHO, 0, "-NOAUTH Authentication required.\r\n", 0},
				     {"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n" WHO, 0,
				      "-WRONGPASS invalid\r\n-NOAUTH x\r\n", 0}};
	const struct turn server[] = {
		{WHO, 0, "-ERR unknown command 'SENTINEL', with args beginning with: \r\n", 0}};
	const struct turn odd[] = {{WHO, 0, "*3\r\n$1\r\na\r\n", 0}};

	(void)state;
	TALK_CHECK(&talk_sentinel, &args, NULL, named, PROBE_OK, "127.0.0.1:7771");
	/* A sentinel that wants no password is told none. */
	TALK_CHECK(&talk_sentinel, &args, "geheim", named, PROBE_OK, "127.0.0.1:7771");
	TALK_CHECK(&talk_sentinel, &args, NULL, v6, PROBE_OK, "[2001:db8::1]:6379");
	TALK_CHECK(&talk_sentinel, &args, NULL, unknown, PROBE_FAILED, "knows no master \"grp\"");
	TALK_CHECK(&talk_sentinel, &args, "geheim", locked, PROBE_OK, "127.0.0.1:7771");
	TALK_CHECK(&talk_sentinel, &args, "geheim", wrong, PROBE_FAILED,
		   "the user or the password is wrong");
	TALK_CHECK(&talk_sentinel, &args, NULL, locked, PROBE_FAILED, "it wants a password");
	TALK_CHECK(&talk_sentinel, &args, NULL, server, PROBE_FAILED,
		   "answers SENTINEL with \"ERR unknown command 'SENTINEL', with args beginning "
		   "with: \"");
	TALK_CHECK(&talk_sentinel, &args, NULL, odd, PROBE_FAILED,
		   "the answer to SENTINEL is not one of Redis");
}

static void test_garbage(void **state)
{
	static char name[] = "grp";
	const struct config_probe args = {.kind = CONFIG_PROBE_REDIS, .master_name = name};

	(void)state;
	talk_garbage(&talk_redis, &any, NULL, 20000);
	talk_garbage(&talk_redis, &fresh, "p", 20000);
	talk_garbage(&talk_sentinel, &args, "p", 20000);
}

/* Votes: '+' names the server, '-' another, '0' has no answer. */
static void test_ballot(void **state)
{
	static const struct {
		unsigned int voters;
		const char *votes;
		size_t decided; /* after so many votes */
		enum probe_outcome outcome;
		const char *detail;
	} ballots[] = {
		{1, "+", 1, PROBE_OK, "master; 1 of 1 sentinel agrees"},
		{1, "-", 1, PROBE_FAILED,
		 "calls itself master, but 1 of 1 sentinel names 10.0.0.2:6379"},
		{3, "++", 2, PROBE_OK, "master; 2 of 3 sentinels agree"},
		{3, "--", 2, PROBE_FAILED,
		 "calls itself master, but 2 of 3 sentinels name 10.0.0.2:6379"},
		{3, "+-+", 3, PROBE_OK, "master; 2 of 3 sentinels agree"},
		{3, "+0-", 3, PROBE_FAILED,
		 "calls itself master, but 1 of 3 sentinels names 10.0.0.2:6379"},
		{3, "0+0", 3, PROBE_OK, "master; 1 of 3 sentinels agrees"},
		{3, "00-", 3, PROBE_FAILED,
		 "calls itself master, but 1 of 3 sentinels names 10.0.0.2:6379"},
		{3, "000", 3, PROBE_OK,
		 "master by its own word; none of 3 sentinels answers: connection refused"},
		/* Half of them for somebody else can't be outvoted. */
		{4, "--", 2, PROBE_FAILED,
		 "calls itself master, but 2 of 4 sentinels name 10.0.0.2:6379"},
		{4, "++-0", 4, PROBE_OK, "master; 2 of 4 sentinels agree"},
		{2, "", 0, PROBE_OK,
		 "master by its own word; none of 2 sentinels answers: nothing in time"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ballots) / sizeof(*ballots); i++) {
		struct ballot b = {.port = 6379, .voters = ballots[i].voters};
		char detail[PROBE_DETAIL_LEN];

		assert_int_equal(addr__parse("10.0.0.1", &b.address), 0);
		for (size_t n = 0; ballots[i].votes[n]; n++) {
			assert_false(ballot__decided(&b));
			if (ballots[i].votes[n] == '0')
				ballot__fail(&b, "connection refused");
			else
				ballot__name(&b, ballots[i].votes[n] == '+' ? "10.0.0.1:6379"
									    : "10.0.0.2:6379");
		}
		assert_int_equal(ballot__decided(&b), ballots[i].decided > 0);
		assert_int_equal(ballot__judge(&b, detail, sizeof(detail)), ballots[i].outcome);
		assert_string_equal(detail, ballots[i].detail);
	}
}

/* What is not this very server is another one. */
static void test_others(void **state)
{
	static const char *const others[] = {"10.0.0.1:6380", "10.0.0.10:6379",
					     "redis-1:6379",  "[::ffff:10.0.0.1]:6379",
					     "10.0.0.1",      ""};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct ballot b = {.port = 6379, .voters = 1};

		assert_int_equal(addr__parse("10.0.0.1", &b.address), 0);
		ballot__name(&b, others[i]);
		assert_int_equal(b.against, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),	  cmocka_unit_test(test_many_replicas),
		cmocka_unit_test(test_lag),	  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_password),
		cmocka_unit_test(test_sentinel),  cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_ballot),	  cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
