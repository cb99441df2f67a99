/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quorum: stories, and every set of votes of up to four peers against the sentences of quorum.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "health/quorum.h"

#define LATER 9 /* a state that a later version may have */
enum { PEERS = 4, STATES = 5, KINDS = STATES * 4 };

static enum fl_health state_of(char c)
{
	return c == 'U'	  ? FL_HEALTH_UP
	       : c == 'D' ? FL_HEALTH_DOWN
	       : c == 'S' ? FL_HEALTH_SUSPECT
			  : FL_HEALTH_UNKNOWN;
}

/*
 * Each story: what the probes here say (lower case: so it began, and none has ended), what the peers do: U D S ?
 * in small letters not heard, behind a '!' of another configuration. Then what holds under any and majority,
 * why, and '*' where it is disputed.
 */
static const struct {
	const char *what;
	char own;
	const char *peers, *any, *majority;
} stories[] = {
	{"nobody else", 'D', "", "D alone", "D alone"},
	{"peers that are silent do not count", 'D', "uu", "D alone", "D alone"},
	{"nor of another configuration", 'D', "!U!U", "D alone", "D alone"},
	{"nor without a verdict", 'D', "??", "D alone", "D alone"},
	{"two agree", 'U', "U", "U agreed", "U agreed"},
	{"two agree that it is down", 'D', "D", "D agreed", "D agreed"},
	{"one of two does not reach it", 'D', "U", "U any*", "U tie*"},
	{"the other one does not", 'U', "D", "U any*", "U tie*"},
	{"of three one does not", 'D', "UU", "U any*", "U majority*"},
	{"of three one does", 'U', "DD", "U any*", "D majority*"},
	{"the odd one is silent", 'U', "Dd", "U any*", "U tie*"},
	{"a tie of four", 'U', "UDD", "U any*", "U tie*"},
	{"three of four", 'U', "DDD", "U any*", "D majority*"},
	{"refused here first", 'S', "U", "U any", "U tie"},
	{"refused there, too", 'S', "S", "S agreed", "S agreed"},
	{"down here first", 'D', "S", "S any", "S tie"},
	{"no majority for down", 'D', "SU", "U any*", "S majority*"},
	{"nor for up", 'S', "SU", "U any", "S majority"},
	{"a start: peers know more", '?', "UD", "U any*", "U tie*"},
	{"a start where all is down", '?', "D", "D agreed", "D agreed"},
	{"how it began is no vote", 'u', "D", "D agreed", "D agreed"},
	{"but holds while there is none", 'u', "d?", "U alone", "U alone"},
	{"nobody knows", '?', "?", "? alone", "? alone"},
};

static struct health health_of(char c)
{
	return (struct health){.state = state_of((char)(c & ~' ')), .fresh = c >= 'a'};
}

static size_t read_votes(const char *text, struct quorum_vote *votes)
{
	bool same = true;
	size_t n = 0;

	for (; *text; text++) {
		if (*text == '!') {
			same = false;
			continue;
		}
		votes[n++] = (struct quorum_vote){
			.says = (uint8_t)state_of((char)(*text & ~' ')),
			.heard = *text < 'a',
			.same = same,
		};
		same = true;
	}
	return n;
}

static void expect(const char *what, const char *want, const struct quorum_ruling *r)
{
	size_t len = strcspn(want + 2, "*");

	if (r->state != state_of(*want) || strlen(quorum__why(r->why)) != len ||
	    strncmp(want + 2, quorum__why(r->why), len) != 0 ||
	    r->disputed != (want[2 + len] == '*'))
		fail_msg("%s: not %s: state %d, %s, disputed %d", what, want, (int)r->state,
			 quorum__why(r->why), r->disputed);
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		struct health own = health_of(stories[i].own);
		struct quorum_vote votes[8];
		size_t n = read_votes(stories[i].peers, votes);
		struct quorum_ruling r = quorum__rule(CONFIG_QUORUM_ANY, &own, votes, n);

		expect(stories[i].what, stories[i].any, &r);
		r = quorum__rule(CONFIG_QUORUM_MAJORITY, &own, votes, n);
		expect(stories[i].what, stories[i].majority, &r);
		r = quorum__rule(CONFIG_QUORUM_LOCAL, &own, votes, n);
		assert_int_equal(r.state, own.state);
		assert_int_equal(r.why, QUORUM_OWN);
	}
}

/* --- every set of votes ---------------------------------------------------------------------------------- */

static const uint8_t says[STATES] = {FL_HEALTH_UNKNOWN, FL_HEALTH_UP, FL_HEALTH_DOWN,
				     FL_HEALTH_SUSPECT, LATER};

static struct quorum_vote vote_of(uint32_t kind)
{
	return (struct quorum_vote){
		.says = says[kind % STATES],
		.heard = kind / STATES % 2,
		.same = kind / STATES / 2,
	};
}

/* From best to worst; -1: no vote. */
static int rank(uint8_t state)
{
	return state == FL_HEALTH_UP	    ? 0
	       : state == FL_HEALTH_SUSPECT ? 1
	       : state == FL_HEALTH_DOWN    ? 2
					    : -1;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The votes by rank, sorted; the own one is ranks[0] before that. Returns how many, and whether others have any. */
static size_t list_votes(const struct health *own, const struct quorum_vote *peers, size_t n,
			 int *ranks, bool *others)
{
	size_t all = 0;

	*others = false;
	if (!own->fresh && rank((uint8_t)own->state) >= 0)
		ranks[all++] = rank((uint8_t)own->state);
	for (size_t i = 0; i < n; i++) {
		if (!peers[i].heard || !peers[i].same || rank(peers[i].says) < 0)
			continue;
		ranks[all++] = rank(peers[i].says);
		*others = true;
	}
	qsort(ranks, all, sizeof(*ranks), compare);
	return all;
}

static void check(const struct health *own, const struct quorum_vote *peers, size_t n)
{
	const struct quorum_ruling any = quorum__rule(CONFIG_QUORUM_ANY, own, peers, n),
				   most = quorum__rule(CONFIG_QUORUM_MAJORITY, own, peers, n),
				   local = quorum__rule(CONFIG_QUORUM_LOCAL, own, peers, n);
	int ranks[PEERS + 1];
	bool others;
	size_t all = list_votes(own, peers, n, ranks, &others);

	assert_int_equal(local.state, own->state);
	assert_int_equal(any.up + any.suspect + any.down, all);
	assert_int_equal(any.mute + all, n + (!own->fresh && own->state != FL_HEALTH_UNKNOWN));
	assert_int_equal(any.disputed, all && ranks[0] == 0 && ranks[all - 1] == 2);
	assert_true(any.disputed == most.disputed && any.disputed == local.disputed);
	if (!others) {
		assert_true(any.state == own->state && most.state == own->state);
		assert_true(any.why == QUORUM_ALONE && most.why == QUORUM_ALONE);
		return;
	}
	assert_int_equal(rank((uint8_t)any.state), ranks[0]);
	assert_int_equal(rank((uint8_t)most.state), ranks[(all - 1) / 2]);
	assert_int_equal(any.why, ranks[0] == ranks[all - 1] ? QUORUM_AGREED : QUORUM_ANY);
	assert_int_equal(most.why, ranks[0] == ranks[all - 1] ? QUORUM_AGREED
				   : all % 2 == 0 && ranks[all / 2 - 1] != ranks[all / 2]
					   ? QUORUM_TIE
					   : QUORUM_MOST);
}

/* All kinds of own verdicts with all kinds of up to four peers: 8 x (1 + 20 + ... + 20^4). */
static void test_all_votes(void **state)
{
	struct quorum_vote peers[PEERS];
	uint32_t sets = 1;

	(void)state;
	for (size_t n = 0; n <= PEERS; n++, sets *= KINDS) {
		for (uint32_t own = 0; own < 8; own++) {
			const struct health h = {.state = (enum fl_health)says[own % 4],
						 .fresh = own / 4};

			for (uint32_t set = 0; set < sets; set++) {
				uint32_t digits = set;

				for (size_t i = 0; i < n; i++, digits /= KINDS)
					peers[i] = vote_of(digits % KINDS);
				check(&h, peers, n);
			}
		}
	}
}

/* As many peers as there may be, all of them with a vote: each is counted, and there is room to say so. */
static void test_many(void **state)
{
	const struct health up = {.state = FL_HEALTH_UP}, down = {.state = FL_HEALTH_DOWN};
	struct quorum_vote peers[CONFIG_MAX_PEERS];
	char text[QUORUM_TEXT_LEN];
	struct quorum_ruling r;

	(void)state;
	for (size_t ups = 0; ups <= CONFIG_MAX_PEERS; ups++) {
		for (size_t i = 0; i < CONFIG_MAX_PEERS; i++)
			peers[i] = (struct quorum_vote){
				.heard = true,
				.same = true,
				.says = i < ups ? FL_HEALTH_UP : FL_HEALTH_DOWN,
			};
		r = quorum__rule(CONFIG_QUORUM_MAJORITY, &down, peers, CONFIG_MAX_PEERS);
		assert_int_equal(r.state,
				 2 * ups >= CONFIG_MAX_PEERS + 1 ? FL_HEALTH_UP : FL_HEALTH_DOWN);
		assert_int_equal(r.up, ups);
		assert_int_equal(r.down, CONFIG_MAX_PEERS + 1 - ups);
		r = quorum__rule(CONFIG_QUORUM_ANY, &up, peers, CONFIG_MAX_PEERS);
		assert_int_equal(r.state, FL_HEALTH_UP);
		assert_true(strlen(quorum__votes(&r, text)) < sizeof(text) - 1);
	}
}

/*
 * Balancers that hear each other rule the same: each set of five verdicts, seen by each of the five, with any
 * of them silent to all others.
 */
static void test_equal_everywhere(void **state)
{
	(void)state;
	for (uint32_t set = 0; set < 1024u * 32; set++) {
		uint32_t digits = set / 32, alive = set % 32;
		enum fl_health say[5], any = FL_HEALTH_UNKNOWN, most = FL_HEALTH_UNKNOWN;
		int seen = 0;

		for (size_t i = 0; i < 5; i++, digits /= 4)
			say[i] = (enum fl_health)says[digits % 4];
		for (uint32_t me = 0; me < 5; me++) {
			const struct health h = {.state = say[me]};
			struct quorum_vote peers[PEERS];
			struct quorum_ruling a, m;
			size_t n = 0;

			if (!(alive >> me & 1))
				continue;
			for (uint32_t i = 0; i < 5; i++) {
				if (i != me)
					peers[n++] = (struct quorum_vote){(uint8_t)say[i],
									  alive >> i & 1, true};
			}
			a = quorum__rule(CONFIG_QUORUM_ANY, &h, peers, n);
			m = quorum__rule(CONFIG_QUORUM_MAJORITY, &h, peers, n);
			if (seen++) {
				assert_int_equal(a.state, any);
				assert_int_equal(m.state, most);
			}
			any = a.state;
			most = m.state;
		}
	}
}

static void test_texts(void **state)
{
	const struct quorum_ruling none = {0}, some = {.up = 2, .down = 1},
				   all = {.up = UINT32_MAX,
					  .suspect = UINT32_MAX,
					  .down = UINT32_MAX};
	char buf[QUORUM_TEXT_LEN];

	(void)state;
	assert_string_equal(quorum__votes(&none, buf), "none");
	assert_string_equal(quorum__votes(&some, buf), "2 up, 1 down");
	assert_string_equal(quorum__votes(&all, buf),
			    "4294967295 up, 4294967295 suspect, 4294967295 down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories), cmocka_unit_test(test_all_votes),
		cmocka_unit_test(test_many),	cmocka_unit_test(test_equal_everywhere),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
