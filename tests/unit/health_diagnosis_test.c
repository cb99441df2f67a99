/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The diagnosis: every combination of facts against a table of rules, and the sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "health/diagnosis.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { ALL_MODES, DIRECT, TUNNELS, NATS };

/*
 * Rules, of which the first that fits decides. Path: '+' good, '-' failed, 'r' refused; findings, of
 * the direct probe, the echo, the full-size echo and the own address: 'y', 'n', '?'; '.' is any.
 */
static const struct rule {
	const char *facts;
	int modes;
	enum diagnosis diagnosis;
} rules[] = {
	/* The path is good: the size is all that may be wrong. */
	{"+.yn.", ALL_MODES, DIAGNOSIS_MTU_HOLE},
	{"+....", ALL_MODES, DIAGNOSIS_NONE},
	/* It is not, and without the direct probe nothing can be said. */
	{".?...", ALL_MODES, DIAGNOSIS_NONE},
	{".n...", ALL_MODES, DIAGNOSIS_BACKEND},
	{"r....", ALL_MODES, DIAGNOSIS_REFUSED},
	/* Silence. */
	{"-.yn.", ALL_MODES, DIAGNOSIS_MTU_HOLE},
	{"-.y..", ALL_MODES, DIAGNOSIS_FILTERED},
	{"-.?..", ALL_MODES, DIAGNOSIS_NONE},
	{"-.n..", NATS, DIAGNOSIS_NO_ANSWER},
	{"-.n.y", TUNNELS, DIAGNOSIS_NO_VIP},
	{"-.n..", TUNNELS, DIAGNOSIS_NO_DECAP},
	{"-.n..", DIRECT, DIAGNOSIS_NO_VIP},
};

static bool in_class(enum fl_forward mode, int modes)
{
	switch (mode) {
	case FL_FWD_L2:
		return modes == ALL_MODES || modes == DIRECT;
	case FL_FWD_NAT:
	case FL_FWD_FULLNAT:
		return modes == ALL_MODES || modes == NATS;
	default:
		return modes == ALL_MODES || modes == TUNNELS;
	}
}

static bool fits(const char *pattern, const char *facts)
{
	for (size_t i = 0; i < 5; i++) {
		if (pattern[i] != '.' && pattern[i] != facts[i])
			return false;
	}
	return true;
}

static struct path_facts facts_of(enum fl_forward mode, const char *text)
{
	enum finding f[4];

	for (size_t i = 0; i < 4; i++)
		f[i] = text[1 + i] == 'y'   ? FINDING_YES
		       : text[1 + i] == 'n' ? FINDING_NO
					    : FINDING_UNKNOWN;
	return (struct path_facts){
		.mode = mode,
		.path = text[0] == '+'	 ? HEALTH_OK
			: text[0] == 'r' ? HEALTH_REFUSED
					 : HEALTH_FAILED,
		.direct = f[0],
		.echo = f[1],
		.full = f[2],
		.own = f[3],
		.full_size = 1480,
	};
}

static size_t rule_of(enum fl_forward mode, const char *facts)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (in_class(mode, rules[i].modes) && fits(rules[i].facts, facts))
			return i;
	}
	fail_msg("no rule for mode %d, %s", mode, facts);
	return 0;
}

static void check(enum fl_forward mode, const char *text, bool used[])
{
	struct path_facts facts = facts_of(mode, text);
	size_t rule = rule_of(mode, text);
	char sentence[DIAGNOSIS_LEN] = "untouched";
	enum diagnosis d = diagnosis__of(&facts, sentence);

	used[rule] = true;
	if (d != rules[rule].diagnosis)
		fail_msg("mode %d, %s: %s, not %s", mode, text, diagnosis__name(d),
			 diagnosis__name(rules[rule].diagnosis));
	assert_int_equal(sentence[0] == '\0', d == DIAGNOSIS_NONE);
	assert_true(strlen(sentence) < DIAGNOSIS_LEN - 1);
}

static void test_all(void **state)
{
	static const char paths[] = "+-r", findings[] = "yn?";
	bool used[COUNT(rules)] = {false};
	unsigned int n = 0;

	(void)state;
	for (int mode = FL_FWD_L2; mode <= FL_FWD_FULLNAT; mode++) {
		for (int i = 0; i < 3 * 81; i++, n++) {
			char text[6] = {paths[i % 3], findings[i / 3 % 3], findings[i / 9 % 3],
					findings[i / 27 % 3], findings[i / 81 % 3]};

			check((enum fl_forward)mode, text, used);
		}
	}
	assert_int_equal(n, 7 * 243);
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (!used[i])
			fail_msg("rule %zu decides nothing", i);
	}
}

static void says(enum fl_forward mode, const char *facts, const char *words)
{
	struct path_facts f = facts_of(mode, facts);
	char text[DIAGNOSIS_LEN];

	diagnosis__of(&f, text);
	if (!strstr(text, words))
		fail_msg("\"%s\" lacks \"%s\"", text, words);
}

/* What an operator has to look at is named. */
static void test_sentences(void **state)
{
	(void)state;
	says(FL_FWD_L2, "-yn?n", "the VIP is not on its loopback, or rp_filter");
	says(FL_FWD_L2, "ry???", "refuses connections to the VIP");
	says(FL_FWD_IPIP4, "-yn?n", "does not decapsulate IPIP, or rp_filter on its tunnel device");
	says(FL_FWD_IPIP6, "-yn?y", "the VIP is not on its loopback");
	says(FL_FWD_GUE4, "-yn?n", "does not decapsulate GUE");
	says(FL_FWD_GUE6, "+?yn?", "those of 1480 bytes do not");
	says(FL_FWD_NAT, "-yn??", "what the balancer forwards to it is not answered");
	says(FL_FWD_FULLNAT, "-yn??", "its answers to the addresses of snat");
	says(FL_FWD_NAT, "ry???", "a packet filter refuses it");
	says(FL_FWD_L2, "-yyy?", "answers pings by the path");
	says(FL_FWD_L2, "-n???", "the path is not to blame");
}

static void test_names(void **state)
{
	static const char *const names[] = {"none",	"backend",   "refused",	 "no_vip",
					    "no_decap", "no_answer", "filtered", "mtu_hole"};

	(void)state;
	assert_int_equal(COUNT(names), DIAGNOSES);
	for (int d = 0; d < DIAGNOSES; d++)
		assert_string_equal(diagnosis__name((enum diagnosis)d), names[d]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("health_diagnosis", tests, NULL, NULL);
}
