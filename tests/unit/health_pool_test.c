/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who takes flows: stories, and every pool of three backends against the sentences of pool.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "health/pool.h"

enum { N = 3, KINDS = 4 * 2 * 2 * 3 };

/*
 * Each story: the backends, 'w' well, 'd' down, '?' without a verdict, 'o' taken out; capitals are backups. All of
 * weight 100. Then who takes flows ('1'), and what is so of the pool: 'b' backups, 'p' panic.
 */
static const struct {
	const char *what;
	uint32_t panic_pct;
	const char *backends, *takes, *state;
} stories[] = {
	{"all are well", 50, "wwww", "1111", ""},
	{"half of them: not less than half", 50, "wwdd", "1100", ""},
	{"one less", 50, "wddd", "1111", "bp"},
	{"no threshold, no panic", 0, "wddd", "1000", ""},
	{"nor where all are down", 0, "dddd", "0000", "b"},
	{"all are down", 1, "dddd", "1111", "bp"},
	{"a start is no panic", 50, "????", "0000", "b"},
	{"nor is the first bad news of it", 50, "d???", "0000", "b"},
	{"what is taken out stays out", 50, "wddo", "1110", "bp"},
	{"and does not count", 50, "wdoo", "1000", ""},
	{"all are taken out", 50, "oooo", "0000", "b"},
	{"backups wait", 50, "wwWW", "1100", ""},
	{"one primary is enough without a threshold", 0, "wdWW", "1000", ""},
	{"none is not", 0, "ddWW", "0011", "b"},
	{"backups come before a panic", 60, "wdWD", "1010", "b"},
	{"and into it", 60, "wddDD", "11111", "bp"},
	{"backups that are taken out", 60, "ddOW", "1101", "bp"},
	{"a panic is over with the first that is enough", 50, "wwddD", "11000", ""},
};

static struct pool_member member_of(char c)
{
	char lower = (char)(c | ' ');

	return (struct pool_member){
		.weight = 100,
		.parts = 20,
		.backup = c < 'a' && c != '?',
		.out = lower == 'o',
		.well = lower == 'w',
		.unsure = c == '?',
	};
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		size_t n = strlen(stories[i].backends);
		struct pool_member members[8];
		struct pool_state s;
		uint8_t parts[8];

		for (size_t m = 0; m < n; m++)
			members[m] = member_of(stories[i].backends[m]);
		s = pool__decide(members, n, stories[i].panic_pct, parts);
		for (size_t m = 0; m < n; m++)
			if (parts[m] != (stories[i].takes[m] == '1' ? 20 : 0))
				fail_msg("%s: %zu takes %u parts", stories[i].what, m, parts[m]);
		if (s.backups != (strchr(stories[i].state, 'b') != NULL) ||
		    s.panic != (strchr(stories[i].state, 'p') != NULL))
			fail_msg("%s: backups %d, panic %d", stories[i].what, s.backups, s.panic);
	}
}

/* Kind k of a backend: state, backup, whether it asks for any, weight. */
static struct pool_member kind(uint32_t k)
{
	static const char states[] = "wd?o";
	static const uint32_t weights[] = {0, 1, 100};
	struct pool_member m = member_of(states[k % 4]);

	m.backup = k / 4 % 2;
	m.parts = k / 8 % 2 ? 7 : 0;
	m.weight = weights[k / 16];
	return m;
}

static uint32_t sum(const struct pool_member *members, bool hoped, bool with_backups)
{
	uint32_t weight = 0;

	for (size_t i = 0; i < N; i++) {
		const struct pool_member *m = &members[i];

		if (m->out || (m->backup && !with_backups) || (hoped && !m->well && !m->unsure))
			continue;
		weight += m->weight;
	}
	return weight;
}

static void check(const struct pool_member *members, uint32_t pct)
{
	uint32_t primaries = sum(members, false, false);
	bool scarce = sum(members, true, false) * 100 < pct * primaries;
	bool panic = sum(members, true, true) * 100 < pct * primaries;
	bool served = false, anybody = false, taken = false;
	uint8_t parts[N] = {99, 99, 99};
	struct pool_state s = pool__decide(members, N, pct, parts);

	for (size_t i = 0; i < N; i++) {
		bool would = members[i].well && members[i].parts && members[i].weight;

		served |= would && !members[i].backup;
		anybody |= would;
		taken |= parts[i] && members[i].weight;
	}
	assert_int_equal(s.panic, panic);
	assert_int_equal(s.backups, scarce || !served);
	assert_true(taken || !anybody);
	for (size_t i = 0; i < N; i++) {
		const struct pool_member *m = &members[i];

		if (m->out)
			assert_int_equal(parts[i], 0);
		else if (panic || (m->well && !m->backup))
			assert_int_equal(parts[i], m->parts);
		else if (!m->well)
			assert_int_equal(parts[i], 0);
		else
			assert_int_equal(parts[i], served && !scarce ? 0 : m->parts);
	}
}

static void test_every_pool(void **state)
{
	static const uint32_t pcts[] = {0, 1, 50, 51, 100};
	struct pool_member members[N];

	(void)state;
	for (uint32_t k = 0; k < KINDS * KINDS * KINDS; k++) {
		members[0] = kind(k % KINDS);
		members[1] = kind(k / KINDS % KINDS);
		members[2] = kind(k / KINDS / KINDS);
		for (size_t p = 0; p < sizeof(pcts) / sizeof(*pcts); p++)
			check(members, pcts[p]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_every_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
